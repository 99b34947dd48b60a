"""LogMel(memory=...) when interrupted, shared by processes or short of space."""

import os
import pickle
import time
import warnings

import joblib
import numpy as np
import pytest
import soundfile
from cached_features import (
    assert_features,
    count_decoded,  # noqa: F401
    list_maps,
    make_memory,  # noqa: F401
    make_paths,  # noqa: F401
)
from helpers import whole
from sklearn.base import clone

from sklearn_triplet import LogMel
from sklearn_triplet._features import cache as _feature_cache


def test_interrupted_work_goes_on_where_it_was(paths, memory, decoded, monkeypatch):
    read = soundfile.SoundFile.read

    def interrupted(file, *args, **kwargs):
        if len(decoded) == 3:
            raise KeyboardInterrupt
        return read(file, *args, **kwargs)

    estimator = LogMel(memory=memory)
    with monkeypatch.context() as patch:
        patch.setattr(soundfile.SoundFile, "read", interrupted)
        with pytest.raises(KeyboardInterrupt):
            estimator.transform(paths)
    assert decoded == ["0.wav", "1.wav", "2.wav"]
    decoded.clear()
    features = estimator.transform(paths)
    assert decoded == [f"{i}.wav" for i in range(3, 8)]
    assert len(list_maps(memory)) == 1  # it went on in the same file
    assert_features(features, paths)


def test_a_killed_process_loses_at_most_its_last_lines(paths, memory, decoded):
    estimator = LogMel(memory=memory)
    estimator.transform(paths)
    (rows,) = memory.glob("*/*.rows")
    written = rows.read_bytes()
    start = written.index(b" [6,")  # the line is torn within its checksum
    rows.write_bytes(written[: start - 2])
    decoded.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features = estimator.transform(paths)
        assert decoded == ["6.wav", "7.wav"]
        decoded.clear()
        again = estimator.transform(paths)  # the torn line harms no later one
        assert not decoded
    assert_features(features, paths)
    assert_features(again, paths)


def test_a_folder_that_cannot_be_made(paths, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError) as caught:
        LogMel(memory=tmp_path / "file").transform(paths)
    assert str(caught.value).startswith(
        f"LogMel cannot use '{tmp_path}/file/log_mel_44100_Hz_64_bands_float32_"
    )
    assert str(caught.value).endswith(
        "', which is in its 'memory': Not a directory. Free space on that disk, give a "
        "folder where you may read and write, or set memory=None. A later call goes on "
        "with what is missing."
    )


def test_a_full_disk_is_told_before_it_is_full(paths, memory, monkeypatch):
    usage = type("usage", (), {"free": 50_000})
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda path: usage)
        with pytest.raises(
            OSError, match=r"0\.00 GB are needed, 0\.00 GB are free\. Free space on"
        ):
            LogMel(memory=memory).transform(paths)
    assert_features(LogMel(memory=memory).transform(paths), paths)


def test_a_disk_that_fails_in_the_middle(paths, memory, monkeypatch, decoded):
    fsync = os.fsync
    monkeypatch.setattr("sklearn_triplet._features.cache_map.BATCH", 2)
    synced = []

    def failing(descriptor):
        synced.append(descriptor)
        if len(synced) > 2:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing)
        with pytest.raises(OSError, match="'memory': No space left on device. Free"):
            LogMel(memory=memory).transform(paths)
    decoded.clear()
    features = LogMel(memory=memory).transform(paths)
    assert decoded == [f"{i}.wav" for i in range(4, 8)]
    assert_features(features, paths)


def test_a_complete_folder_needs_no_right_to_write(paths, memory, monkeypatch):
    estimator = LogMel(memory=memory)
    estimator.transform(paths)

    def refuse(*args, **kwargs):
        raise PermissionError("read-only")

    # the rights of files mean nothing to root, whom tests may run as
    for name in ("link", "rename", "replace", "makedirs", "fsync", "truncate"):
        monkeypatch.setattr(os, name, refuse)
    before = {path: path.stat().st_mtime_ns for path in memory.rglob("*")}
    assert_features(estimator.transform(paths), paths)
    assert_features(estimator.transform(paths[2:5]), paths[2:5])
    assert {path: path.stat().st_mtime_ns for path in memory.rglob("*")} == before


def test_a_file_system_without_hard_links(paths, memory, monkeypatch):
    def refuse(*args):
        raise PermissionError("no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    assert_features(LogMel(memory=memory).transform(paths), paths)
    assert not list(memory.glob("*/*.tmp"))


def transform_with_others(memory, paths, gate, n_workers, few):
    """Start only when all the others are ready to."""
    _feature_cache.FEW = few  # of this process
    (gate / str(os.getpid())).touch()
    patience = time.monotonic() + 60
    while len(list(gate.iterdir())) < n_workers and time.monotonic() < patience:
        time.sleep(0.001)
    return np.array(LogMel(memory=memory).transform(paths)), os.getpid()


@pytest.mark.parametrize("few", [0, 100])
@pytest.mark.parametrize("same", [True, False])
def test_two_processes_at_once(paths, memory, tmp_path, same, few):
    gate = tmp_path / "gate"
    gate.mkdir()
    lists = [paths * 5, paths * 5 if same else paths[::-1] * 5]
    results = joblib.Parallel(n_jobs=2)(
        joblib.delayed(transform_with_others)(memory, X, gate, 2, few) for X in lists
    )
    assert len({process for _, process in results}) == 2
    for (features, _), X in zip(results, lists, strict=True):
        assert_features(features, X)
        assert_features(LogMel(memory=memory).transform(X), X)
    if few:
        assert len(list(memory.glob("*/single/*.npy"))) == 8
    elif same:
        assert len(list_maps(memory)) == 1
    assert not list(memory.rglob("*.tmp"))


def test_a_file_that_changes_while_it_is_read(paths, memory, monkeypatch):
    read = soundfile.SoundFile.read

    def touching(file, *args, **kwargs):
        if file.name == paths[1]:
            os.utime(file.name, (1, 1))
        return read(file, *args, **kwargs)

    monkeypatch.setattr(soundfile.SoundFile, "read", touching)
    cure = " With errors='warn' such a clip becomes a row of NaN."
    message = (
        f"Row 1 of X of LogMel: {paths[1]!r} was changed while it was read. Call again "
        "when nothing writes to it any more."
    )
    with pytest.raises(ValueError, match=whole(message + cure)):
        LogMel(memory=memory).transform(paths)
    assert_features(LogMel(memory=memory).transform(paths), paths)


def sum_of(features):
    return type(features).__name__, np.nansum(features, dtype=float)


def test_the_map_is_read_only_and_goes_to_workers(paths, memory):
    estimator = clone(pickle.loads(pickle.dumps(LogMel(memory=memory))))
    features = estimator.transform(paths)
    assert not features.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        features[0, 0, 0] = 0
    expected = np.nansum(LogMel().transform(paths), dtype=float)
    sums = joblib.Parallel(n_jobs=2)(joblib.delayed(sum_of)(features) for _ in "ab")
    for kind, total in sums:
        assert kind == "memmap"
        assert total == pytest.approx(expected, rel=1e-12)


def test_numbers_of_numpy_name_the_same_folder(paths, memory, decoded):
    settings = {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 8}
    expected = LogMel(memory=memory, **settings).transform(paths)
    decoded.clear()
    numbers = {name: np.int64(value) for name, value in settings.items()}
    mel = LogMel(memory=memory, fmin=np.float64(0), **numbers)
    np.testing.assert_array_equal(mel.transform(paths), expected)
    assert decoded == []
    # and a folder that numbers of numpy make themselves
    other = {**numbers, "n_mels": np.int64(4)}
    assert_features(LogMel(memory=memory, **other).transform(paths), paths, **other)
