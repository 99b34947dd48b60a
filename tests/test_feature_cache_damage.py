"""LogMel(memory=...) among bad clips and damaged files: never a wrong value."""

import os
import warnings

import numpy as np
import pytest
from cached_features import (
    assert_features,
    count_decoded,  # noqa: F401
    make_memory,  # noqa: F401
    make_paths,  # noqa: F401
)
from helpers import make_noise, write

from sklearn_triplet import LogMel

CUT = "its size is not what its header promises"


@pytest.mark.parametrize("limit", [0, 2**28])
def test_bad_files_are_reported_each_time_and_never_kept(
    paths, memory, tmp_path, monkeypatch, limit
):
    monkeypatch.setattr("sklearn_triplet._features.cache.IN_MEMORY", limit)
    hole = make_noise(44100)
    hole[3] = np.nan
    broken = write(tmp_path / "longest.wav", hole, subtype="FLOAT")
    absent = str(tmp_path / "absent.wav")
    X = [paths[0], broken, absent, paths[6], broken]
    estimator = LogMel(memory=memory, errors="warn")
    with pytest.warns(UserWarning) as caught:
        expected = LogMel(errors="warn").transform(X)
    sentence = str(caught[0].message)
    assert sentence.startswith("LogMel could not use 3 of 5 clips; ")
    for _ in range(3):
        with pytest.warns(UserWarning) as caught:
            features = estimator.transform(X)
        assert [str(warning.message) for warning in caught] == [sentence]
        assert caught[0].filename == __file__
        np.testing.assert_array_equal(features, expected)
    write(broken, make_noise(44100), subtype="FLOAT")
    write(absent, make_noise(300))
    assert_features(estimator.transform(X), X)


def test_no_usable_file_at_all(memory, tmp_path):
    X = [tmp_path / "absent", tmp_path]
    with pytest.warns(UserWarning, match="could not use 2 of 2 clips"):
        features = LogMel(memory=memory, errors="warn").transform(X)
    assert features.shape == (2, 64, 1)
    assert np.isnan(features).all()
    message = f"Row 0 of X of LogMel: there is no file {str(X[0])!r}. Correct the path."
    with pytest.raises(FileNotFoundError, match=f"^{message} With errors='warn'"):
        LogMel(memory=memory).transform(X)


def test_what_was_done_before_an_error_is_kept(paths, memory, tmp_path, decoded):
    hole = make_noise(500)
    hole[3] = np.nan
    broken = write(tmp_path / "broken.wav", hole, subtype="FLOAT")
    with pytest.raises(ValueError, match="Row 4 of X .* contains NaN at sample 3"):
        LogMel(memory=memory).transform([*paths[:4], broken])
    decoded.clear()
    features = LogMel(memory=memory).transform(paths[:4])
    assert not decoded
    assert_features(features, paths[:4])


def cut_map(folder):
    (path,) = folder.glob("*.npy")
    os.truncate(path, path.stat().st_size // 2)
    return path, CUT


def lengthen_map(folder):
    (path,) = folder.glob("*.npy")
    with open(path, "ab") as file:
        file.write(bytes(100))
    return path, CUT


def empty_map(folder):
    (path,) = folder.glob("*.npy")
    path.write_bytes(b"")
    return path, "EOF: reading magic string, expected 8 bytes got 0"


def put_foreign_array(folder):
    path = folder / "mine.npy"
    np.save(path, np.arange(5))
    return path, CUT


def put_directory(folder):
    path = folder / "mine.npy"
    path.mkdir()
    return path, "Is a directory"


def swap_rows(folder):
    """Make each line point to the row of another clip."""
    (path,) = folder.glob("*.rows")
    text = path.read_text()
    for row in range(8):
        text = text.replace(f" [{row}, ", f" [{row + 100}, ")
    path.write_text(text)
    return path, "it has damaged lines"


def take_map_of_another_folder(folder):
    LogMel(memory=folder.parent, log_floor=0.1).transform(
        sorted(str(path) for path in (folder.parent.parent / "audio").iterdir())
    )
    (other,) = set(folder.parent.glob("*/*.npy")) - set(folder.glob("*"))
    (mine,) = folder.glob("*.npy")
    for suffix in (".npy", ".rows"):
        os.replace(other.with_suffix(suffix), mine.with_suffix(suffix))
    return mine, "it was not written for these parameters"


@pytest.mark.parametrize(
    "damage",
    [
        cut_map,
        lengthen_map,
        empty_map,
        put_foreign_array,
        put_directory,
        swap_rows,
        take_map_of_another_folder,
    ],
)
def test_damage_is_told_and_never_gives_wrong_values(paths, memory, damage):
    estimator = LogMel(memory=memory)
    estimator.transform(paths)
    (folder,) = memory.iterdir()
    path, why = damage(folder)
    for X in (paths, paths[::-1], paths):
        with pytest.warns(UserWarning) as caught:
            features = estimator.transform(X)
        assert [str(warning.message) for warning in caught] == [
            "LogMel could not use 1 of the files in its 'memory'; what they held is "
            "computed again. They may be deleted while no other process works there, "
            f"which ends this warning. The first: {str(path)!r} ({why})."
        ]
        assert caught[0].filename == __file__
        assert_features(features, X)
    path.rmdir() if path.is_dir() else path.unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_features(estimator.transform(paths), paths)


@pytest.mark.parametrize("suffix", [".npy", ".rows"])
def test_any_file_may_be_deleted(paths, memory, suffix):
    estimator = LogMel(memory=memory)
    kept = estimator.transform(paths)
    for path in memory.glob(f"*/*{suffix}"):
        path.unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_features(estimator.transform(paths), paths)
    assert_features(kept, paths)


def test_files_of_others_are_left_alone(paths, memory):
    estimator = LogMel(memory=memory)
    estimator.transform(paths)
    (folder,) = memory.iterdir()
    (folder / "notes.txt").write_text("mine")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_features(estimator.transform(paths[:2]), paths[:2])
    assert (folder / "notes.txt").read_text() == "mine"
