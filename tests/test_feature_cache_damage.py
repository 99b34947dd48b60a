"""LogMel(memory=...) among bad clips, damage, other processes: never a wrong value."""

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
    list_clips,
    list_maps,
    make_memory,  # noqa: F401
    make_paths,  # noqa: F401
)
from helpers import make_noise, whole, write
from sklearn.base import clone

from sklearn_triplet import LogMel


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
    assert sentence.startswith("LogMel could not use 3 of 5 clips. ")
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


def test_flaws_are_told_each_time(paths, memory, decoded):
    os.truncate(paths[2], os.path.getsize(paths[2]) // 2)
    estimator = LogMel(memory=memory)
    flaw = f"{paths[2]!r} holds 0.075 of 0.150 s."
    for X, n_flawed in (
        (paths[2:3], 1),
        (paths[2:3], 1),
        (paths, 1),  # makes a map
        (paths, 1),
        ([paths[1], paths[2], paths[2], paths[0]], 2),
    ):
        with pytest.warns(UserWarning) as caught:
            features = estimator.transform(X)
        (message,) = [str(warning.message) for warning in caught]
        assert message.startswith(f"The files of {n_flawed} of {len(X)} clips given ")
        rows = [row for row, path in enumerate(X) if path == paths[2]]
        assert message.endswith(" ".join(f"Row {row}: {flaw}" for row in rows))
        assert sorted(set(decoded)) == sorted(decoded)
        with pytest.warns(UserWarning):
            expected = LogMel().transform(X)
        np.testing.assert_array_equal(features, expected)
        decoded[:] = sorted(set(decoded))


def test_a_clip_that_becomes_readable(paths, memory, monkeypatch):
    monkeypatch.setattr("sklearn_triplet._features.cache.IN_MEMORY", 0)
    estimator = LogMel(memory=memory, errors="warn")

    def read(file, *args, **kwargs):
        raise soundfile.SoundFileRuntimeError("the disk is tired")

    estimator.transform(paths[:5])
    with monkeypatch.context() as patch, pytest.warns(UserWarning) as caught:
        patch.setattr(soundfile.SoundFile, "read", read)
        features = estimator.transform(
            paths[:6]
        )  # the key of the sixth does not change
    assert "(the disk is tired)" in str(caught[0].message)
    assert np.isnan(features[5]).all()
    assert_features(estimator.transform(paths[:6]), paths[:6])


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def lengthen(path):
    with open(path, "ab") as file:
        file.write(bytes(100))


def empty(path):
    path.write_bytes(b"")


def cut_to_its_line(path):
    os.truncate(path, path.read_bytes().find(b"\n") + 1)


def change_a_value(path):
    content = bytearray(path.read_bytes())
    content[-40] ^= 1
    path.write_bytes(content)


def put_something_else(path):
    path.write_bytes(b"mine\n\xff" * 99)


def change_its_name(path):
    """Give it the name of another file beside it."""
    others = set(path.parent.iterdir()) - {path}
    path.write_bytes(max(others).read_bytes())


def take_that_of_other_parameters(path):
    memory = path.parents[2] if path.suffix == ".clip" else path.parents[1]
    audio = sorted(str(path) for path in (memory.parent / "audio").iterdir())
    LogMel(memory=memory, log_floor=0.1).transform(audio)
    (other,) = set(memory.rglob(path.name)) - {path}
    os.replace(other, path)


DAMAGES = [cut, lengthen, empty, put_something_else, take_that_of_other_parameters]


@pytest.mark.parametrize(
    "damage", [*DAMAGES, cut_to_its_line, change_a_value, change_its_name]
)
def test_a_damaged_clip_is_computed_again(paths, memory, decoded, damage):
    estimator = LogMel(memory=memory)
    estimator.transform(paths)
    for path in list_maps(memory):
        path.unlink()
    clip = list_clips(memory)[3]
    content = clip.read_bytes()
    damage(clip)
    decoded.clear()
    assert_features(estimator.transform(paths), paths)
    del decoded[-8:]  # by the comparison
    assert len(decoded) == 1
    assert clip.read_bytes() == content


@pytest.mark.parametrize("limit", [0, 2**28])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_map_is_not_used(paths, memory, decoded, damage, monkeypatch, limit):
    estimator = LogMel(memory=memory)
    expected = np.array(estimator.transform(paths))
    damage(list_maps(memory)[0])
    decoded.clear()
    monkeypatch.setattr("sklearn_triplet._features.cache.IN_MEMORY", limit)
    for _ in range(2):
        features = estimator.transform(paths)
        np.testing.assert_array_equal(features, expected)
    assert not decoded
    assert isinstance(features, np.memmap) == (limit == 0)


def test_any_file_may_be_deleted(paths, memory):
    estimator = LogMel(memory=memory)
    kept = estimator.transform(paths)
    for path in [*list_maps(memory), *list_clips(memory)[::2]]:
        path.unlink()
    assert_features(estimator.transform(paths), paths)
    assert_features(kept, paths)


def test_interrupted_work_goes_on_where_it_was(paths, memory, decoded, monkeypatch):
    read = soundfile.SoundFile.read

    def interrupted(file, *args, **kwargs):
        if file.name == paths[3]:
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
    assert_features(features, paths)


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


@pytest.mark.parametrize("n_written", [0, 4, 9])  # the ninth is the map
def test_a_full_disk(paths, memory, monkeypatch, decoded, n_written):
    replace = os.replace
    written = []

    def failing(source, target):
        if target.endswith((".clip", ".npy")):
            if len(written) == n_written:
                raise OSError(28, "No space left on device")
            written.append(target)
        replace(source, target)

    estimator = LogMel(memory=memory)
    monkeypatch.setattr("sklearn_triplet._features.cache.IN_MEMORY", 0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing)
        if n_written < 9:
            with pytest.raises(OSError, match="'memory': No space left on device. Fr"):
                estimator.transform(paths)
        else:
            estimator.transform(paths)
            with pytest.raises(OSError, match="'memory': No space left on device. Fr"):
                estimator.transform(paths[::-1])
    assert not list(memory.rglob("*.tmp"))
    decoded.clear()
    features = estimator.transform(paths)
    assert decoded == [f"{i}.wav" for i in range(n_written, 8)]
    assert_features(features, paths)


def test_a_complete_folder_needs_no_right_to_write(paths, memory, monkeypatch):
    estimator = LogMel(memory=memory)
    estimator.transform(paths)

    def refuse(*args, **kwargs):
        raise PermissionError("read-only")

    # the rights of files mean nothing to root, whom tests may run as
    for name in ("replace", "makedirs", "fsync"):
        monkeypatch.setattr(os, name, refuse)
    before = {path: path.stat().st_mtime_ns for path in memory.rglob("*")}
    assert_features(estimator.transform(paths), paths)
    assert_features(estimator.transform(paths[2:5]), paths[2:5])
    assert {path: path.stat().st_mtime_ns for path in memory.rglob("*")} == before


def transform_with_others(memory, paths, gate, n_workers):
    """Start only when all the others are ready to."""
    (gate / str(os.getpid())).touch()
    patience = time.monotonic() + 60
    while len(list(gate.iterdir())) < n_workers and time.monotonic() < patience:
        time.sleep(0.001)
    return np.array(LogMel(memory=memory).transform(paths)), os.getpid()


@pytest.mark.parametrize("same", [True, False])
def test_two_processes_at_once(paths, memory, tmp_path, same):
    gate = tmp_path / "gate"
    gate.mkdir()
    lists = [paths * 5, paths * 5 if same else paths[::-1] * 5]
    results = joblib.Parallel(n_jobs=2)(
        joblib.delayed(transform_with_others)(memory, X, gate, 2) for X in lists
    )
    assert len({process for _, process in results}) == 2
    for (features, _), X in zip(results, lists, strict=True):
        assert_features(features, X)
        assert_features(LogMel(memory=memory).transform(X), X)
    assert len(list_clips(memory)) == 8
    assert not list(memory.rglob("*.tmp"))


def test_files_of_others_are_left_alone(paths, memory):
    estimator = LogMel(memory=memory)
    estimator.transform(paths)
    (folder,) = memory.iterdir()
    (folder / "notes.txt").write_text("mine")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_features(estimator.transform(paths[:2]), paths[:2])
    assert (folder / "notes.txt").read_text() == "mine"


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
