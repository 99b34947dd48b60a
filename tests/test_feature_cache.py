"""LogMel(memory=...): each file is decoded once, and known by more than its name."""

import builtins
import json
import os
from pathlib import Path

import joblib
import numpy as np
import pytest
import soundfile
from cached_features import (
    assert_features,
    count_decoded,  # noqa: F401
    list_clips,
    list_maps,
    make_memory,  # noqa: F401
    make_paths,  # noqa: F401
    replace_bytes,
)
from helpers import make_noise, whole, write
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_triplet import LogMel, TripletEmbedder


def test_a_second_call_decodes_nothing(paths, memory, decoded):
    expected = LogMel().transform(paths)
    decoded.clear()
    first = LogMel(memory=memory).fit_transform(paths)
    assert len(decoded) == 8
    for path in paths:
        replace_bytes(path)  # would change the values, were they computed again
    again = LogMel(memory=str(memory), n_jobs=2, verbose=1).transform(paths)
    assert len(decoded) == 8
    for features in (first, again):
        assert isinstance(features, np.memmap)
        assert features.dtype == np.float32
        assert features.shape == (8, 64, 26)
        np.testing.assert_array_equal(features, expected)


def test_the_header_of_a_known_file_is_not_read(paths, memory, monkeypatch):
    estimator = LogMel(memory=memory)
    expected = estimator.transform(paths)

    def refuse(*args, **kwargs):
        raise AssertionError("a file was opened")

    monkeypatch.setattr(soundfile, "SoundFile", refuse)
    np.testing.assert_array_equal(estimator.transform(paths), expected)
    np.testing.assert_array_equal(
        estimator.transform(paths[:3])[2], expected[2, :, :16]
    )


def test_waveforms_are_computed_and_not_kept(memory):
    X = [make_noise(3000), make_noise(500)]
    features = LogMel(memory=memory).transform(X)
    assert_features(features, X)
    assert features.flags.writeable
    assert not memory.exists()


def test_a_subset_is_collected_without_a_new_file(paths, memory, decoded):
    estimator = LogMel(memory=memory)
    estimator.transform(paths)
    decoded.clear()
    chosen = [paths[i] for i in (5, 2, 2, 0)]
    features = estimator.transform(chosen)
    assert not decoded
    assert len(list_maps(memory)) == 1
    assert not features.flags.writeable
    assert_features(features, chosen)
    # as long as the longest of these, not of those in the file
    assert features.shape == (4, 64, 16)


def test_a_large_subset_is_mapped_and_not_computed(paths, memory, decoded, monkeypatch):
    estimator = LogMel(memory=memory)
    estimator.transform(paths[:4])
    estimator.transform(paths[4:])
    decoded.clear()
    monkeypatch.setattr("sklearn_triplet._features.cache.IN_MEMORY", 0)
    mixed = paths[::-1]
    features = estimator.transform(mixed)
    assert not decoded
    assert isinstance(features, np.memmap)
    assert len(list_maps(memory)) == 3
    assert_features(features, mixed)
    assert_features(estimator.transform(mixed), mixed)
    assert len(list_maps(memory)) == 3


def test_only_new_files_are_decoded(paths, memory, decoded):
    estimator = LogMel(memory=memory)
    estimator.transform(paths[:5])
    decoded.clear()
    features = estimator.transform(paths)
    assert decoded == ["5.wav", "6.wav", "7.wav"]
    assert_features(features, paths)
    sizes = [np.load(path, mmap_mode="r").shape[0] for path in list_maps(memory)]
    assert sorted(sizes) == [5, 8]
    assert len(list_clips(memory)) == 8


def test_clip_by_clip(paths, memory, decoded, monkeypatch):
    estimator = LogMel(memory=memory)
    one_by_one = [estimator.transform([path]) for path in paths]
    assert decoded == [f"{i}.wav" for i in range(8)]
    opened = count_opened(monkeypatch, lambda: estimator.transform(paths[:1]))
    again = [estimator.transform([path]) for path in paths]
    together = estimator.transform([*paths, paths[3]])
    assert len(decoded) == 8
    assert len(list_clips(memory)) == 8
    assert not list_maps(memory)
    for path, first, second in zip(paths, one_by_one, again, strict=True):
        assert not first.flags.writeable and not second.flags.writeable
        assert_features(first, [path])
        assert_features(second, [path])
    assert_features(together, [*paths, paths[3]])
    # a call does not read what other calls wrote
    later = count_opened(monkeypatch, lambda: estimator.transform(paths[7:]))
    assert opened == later < 4


def count_opened(monkeypatch, act):
    """Count the files that Python opens."""
    opened = []
    plain = builtins.open

    def counting(*args, **kwargs):
        opened.append(args[0])
        return plain(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "open", counting)
        act()
    assert opened
    return len(opened)


def test_a_changed_file_is_computed_again(paths, memory, decoded):
    estimator = LogMel(memory=memory)
    estimator.transform(paths)
    decoded.clear()
    write(paths[3], make_noise(9000, seed=50))  # another size
    found = os.stat(paths[5])
    replace_bytes(paths[5])
    os.utime(paths[5], ns=(found.st_atime_ns, found.st_mtime_ns + 1))
    features = estimator.transform(paths)
    assert sorted(decoded) == ["3.wav", "5.wav"]
    assert_features(features, paths)


def test_forms_and_repetitions_of_paths(paths, memory, decoded, monkeypatch):
    estimator = LogMel(memory=joblib.Memory(memory))
    X = [paths[2], paths[0], paths[2], paths[2]]
    features = estimator.transform(X)
    assert decoded == ["2.wav", "0.wav"]
    decoded.clear()
    monkeypatch.chdir(Path(paths[0]).parent)
    relative = [Path("2.wav"), "0.wav", "./2.wav", "../audio/2.wav"]
    np.testing.assert_array_equal(estimator.transform(relative), features)
    assert not decoded
    assert len(list_maps(memory)) == 1
    assert_features(features, X)


def test_files_of_the_same_name_in_two_folders(paths, memory, tmp_path):
    other = write(tmp_path / "0.wav", make_noise(2205, seed=77))
    os.utime(other, ns=(1, os.stat(paths[0]).st_mtime_ns))
    estimator = LogMel(memory=memory)
    for X in ([paths[0]], [other], [paths[0], other]):
        assert_features(estimator.transform(X), X)


def test_names_that_no_line_of_text_could_hold(memory, tmp_path, decoded):
    names = ["new\nline.wav", "“ü”.wav", 'a "b", [c].wav']
    X = [write(tmp_path / f"{i}.wav", make_noise(999, seed=i)) for i in range(3)]
    renamed = [str(tmp_path / name) for name in names]
    for path, name in zip(X, renamed, strict=True):
        os.rename(path, name)
    features = LogMel(memory=memory).transform(renamed)
    decoded.clear()
    again = LogMel(memory=memory).transform(renamed)
    assert not decoded
    np.testing.assert_array_equal(again, features)
    assert_features(features, renamed)


@pytest.mark.parametrize(
    "change",
    [
        {"sample_rate": 22050},
        {"sample_rate": 22050, "n_fft": 2048, "win_length": 1102, "hop_length": 441},
        {"n_fft": 4096},
        {"win_length": 1000},
        {"hop_length": 400},
        {"n_mels": 32},
        {"fmin": 30},
        {"fmax": 9000.0},
        {"log_floor": 1e-5},
        {"dtype": "float16"},
    ],
)
def test_what_changes_a_value_has_a_folder_of_its_own(paths, memory, change):
    LogMel(memory=memory).transform(paths)
    assert_features(LogMel(memory=memory, **change).transform(paths), paths, **change)
    assert len(list(memory.iterdir())) == 2


def test_what_changes_no_value_shares_the_folder(paths, memory, decoded):
    LogMel(memory=memory).transform(paths)
    decoded.clear()
    same = {"sample_rate": np.int64(44100), "fmin": 0, "fmax": 22050, "n_jobs": 2}
    same |= {"n_fft": 2048, "win_length": np.int32(1102), "hop_length": 441}
    LogMel(memory=memory, errors="warn", **same).transform(paths)
    assert not decoded
    (folder,) = memory.iterdir()
    assert folder.name.startswith("log_mel_44100_Hz_64_bands_float32_")
    assert json.loads((folder / "parameters.json").read_text()) == {
        "format": 2,
        "sample_rate": 44100,
        "n_fft": 2048,
        "win_length": 1102,
        "hop_length": 441,
        "n_mels": 64,
        "fmin": 0.0,
        "fmax": 22050.0,
        "log_floor": 1e-4,
        "dtype": "float32",
    }


def test_half_precision(paths, memory):
    single = LogMel().transform(paths)
    for parameters in ({}, {"memory": memory}, {"memory": memory}):
        half = LogMel(dtype="float16", **parameters).transform(paths)
        assert half.dtype == np.float16
        np.testing.assert_allclose(half, single, atol=0.004)
    embedder = TripletEmbedder("s1", max_epochs=1, segment_length=8, random_state=0)
    frames = embedder.fit_transform(half, np.full(8, -1))
    assert frames.dtype == np.float32


@pytest.mark.parametrize("memory", [3, b"folder", "", True, ["folder"]])
def test_memory_must_be_a_folder(memory):
    message = (
        "The 'memory' parameter of LogMel must be None, the path of a folder or a "
        f"joblib.Memory. Got {memory!r} instead."
    )
    for act in (LogMel(memory=memory).fit, LogMel(memory=memory).transform):
        with pytest.raises(ValueError, match=whole(message)):
            act(np.zeros((1, 10)))


@pytest.mark.parametrize("dtype", ["float64", np.float16, None])
def test_dtype_must_be_one_of_two(dtype):
    message = (
        "The 'dtype' parameter of LogMel must be one of ['float32', 'float16']. Got "
        f"{dtype!r} instead."
    )
    with pytest.raises(ValueError, match=whole(message)):
        LogMel(dtype=dtype).fit(np.zeros((1, 10)))


def test_a_joblib_memory_without_location_is_none(paths):
    features = LogMel(memory=joblib.Memory(None)).transform(paths)
    assert_features(features, paths)
    assert not isinstance(features, np.memmap)


def test_the_home_folder_is_understood(paths, memory, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    LogMel(memory="~/features").transform(paths)
    assert len(list_maps(memory)) == 1


def take_means(features):
    return np.nanmean(features, axis=2)


def test_a_search_computes_each_file_once(paths, memory, decoded):
    y = np.arange(8) % 2
    pipeline = make_pipeline(
        LogMel(memory=memory),
        FunctionTransformer(take_means),
        KNeighborsClassifier(1),
    )
    grid = {"kneighborsclassifier__n_neighbors": [1, 2, 3]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(paths, y)
    assert sorted(decoded) == [f"{i}.wav" for i in range(8)]
    n_maps = len(list_maps(memory))
    again = GridSearchCV(pipeline, grid, cv=4, error_score="raise").fit(paths, y)
    assert len(decoded) == 8
    assert len(list_maps(memory)) == n_maps
    pipeline.set_params(logmel__memory=None)
    alone = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(paths, y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )
    assert again.predict(paths).shape == (8,)


def test_progress_counts_what_is_known(paths, memory, monkeypatch, capsys):
    estimator = LogMel(memory=memory, verbose=1)
    estimator.transform(paths[:6])
    monkeypatch.setattr("sklearn_triplet._input.progress.DELAY", 0)
    estimator.transform(paths)
    out, err = capsys.readouterr()
    assert out == ""
    assert "LogMel:  75%|" in err
    assert "| 8/8 [" in err
