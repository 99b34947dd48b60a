"""LogMel(memory=...) called clip by clip: a map each, found by the name of the clip."""

import builtins
import warnings

import numpy as np
import pytest
import soundfile
from cached_features import (
    assert_features,
    count_decoded,  # noqa: F401
    make_paths,  # noqa: F401
)
from helpers import make_noise, write

from sklearn_triplet import LogMel


@pytest.fixture(name="memory")
def make_memory(tmp_path):
    return tmp_path / "features"


def list_singles(memory):
    return sorted(memory.glob("*/single/*.npy"))


def test_each_clip_is_decoded_once_however_it_comes(paths, memory, decoded):
    estimator = LogMel(memory=memory)
    one_by_one = [estimator.transform([path]) for path in paths]
    assert decoded == [f"{i}.wav" for i in range(8)]
    decoded.clear()
    again = [estimator.transform([path]) for path in paths]
    together = estimator.transform([*paths, paths[3]])
    many = estimator.transform(paths * 5)  # not few, though none of them is new
    assert not decoded
    assert len(list_singles(memory)) == 8
    assert not list(memory.glob("*/*.npy"))
    for path, first, second in zip(paths, one_by_one, again, strict=True):
        assert not first.flags.writeable and not second.flags.writeable
        assert_features(first, [path])
        assert_features(second, [path])
    assert_features(together, [*paths, paths[3]])
    assert_features(many, paths * 5)


def test_few_clips_of_a_large_map_and_few_new_ones(paths, memory, tmp_path, decoded):
    many = [write(tmp_path / f"{i}.wav", make_noise(900 + i)) for i in range(40)]
    estimator = LogMel(memory=memory)
    assert isinstance(estimator.transform(many), np.memmap)
    decoded.clear()
    X = [many[7], paths[2], many[39], paths[0]]
    assert_features(estimator.transform(many[5:7]), many[5:7])
    features = estimator.transform(X)
    assert len(list_singles(memory)) == 2
    grown = [*many, *paths]
    assert_features(estimator.transform(grown), grown)
    assert len(list_singles(memory)) == 8
    assert len(list(memory.glob("*/*.npy"))) == 1
    assert_features(features, X)


def count_opened(monkeypatch, estimator, X):
    """Count the files that Python opens in one call."""
    opened = []
    plain = builtins.open

    def counting(*args, **kwargs):
        opened.append(args[0])
        return plain(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "open", counting)
        estimator.transform(X)
    return len(opened)


def test_a_call_does_not_read_what_the_calls_before_it_wrote(
    memory, tmp_path, monkeypatch
):
    X = [write(tmp_path / f"{i}.wav", make_noise(900 + i)) for i in range(40)]
    estimator = LogMel(memory=memory)
    estimator.transform(X[:1])
    new = [count_opened(monkeypatch, estimator, [path]) for path in X[1:]]
    known = [count_opened(monkeypatch, estimator, [path]) for path in X]
    assert min(new) > 0 and min(known) > 0  # the count sees the files
    assert new == new[:1] * 39
    assert known == known[:1] * 40


def test_a_killed_process_and_damage(paths, memory, decoded):
    estimator = LogMel(memory=memory)
    for path in paths[:2]:
        estimator.transform([path])
    (folder,) = memory.glob("*/single")
    for rows in folder.glob("*.rows"):
        rows.unlink()  # killed before the line was written
    decoded.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_features(estimator.transform(paths[:2]), paths[:2])
        decoded.clear()
        expected = estimator.transform(paths[:2])
    assert not decoded
    for single in folder.glob("*.npy"):
        single.write_bytes(b"")
    for _ in range(2):
        with pytest.warns(
            UserWarning, match="could not use 2 of the files in its 'mem"
        ):
            features = estimator.transform(paths[:2])
        np.testing.assert_array_equal(features, expected)
    assert decoded == ["0.wav", "1.wav"]


def test_an_error_among_few_clips_keeps_the_others(paths, memory, tmp_path, decoded):
    hole = make_noise(500)
    hole[3] = np.nan
    broken = write(tmp_path / "broken.wav", hole, subtype="FLOAT")
    with pytest.raises(ValueError, match="Row 2 of X .* contains NaN at sample 3"):
        LogMel(memory=memory).transform([*paths[:2], broken])
    decoded.clear()
    X = [paths[0], broken, paths[1]]
    with pytest.warns(UserWarning, match="could not use 1 of 3 clips"):
        features = LogMel(memory=memory, errors="warn").transform(X)
    assert decoded == ["broken.wav"]
    assert np.isnan(features[1]).all()
    assert_features(features[::2], [paths[0], paths[1]])


def test_few_long_clips_share_a_map(paths, memory, monkeypatch):
    monkeypatch.setattr("sklearn_triplet._features.cache.IN_MEMORY", 0)
    features = LogMel(memory=memory).transform(paths)
    assert isinstance(features, np.memmap)
    assert not list_singles(memory)
    monkeypatch.setattr(soundfile, "SoundFile", None)  # would fail, were it used
    np.testing.assert_array_equal(LogMel(memory=memory).transform(paths), features)
