"""LogMel on files of many kinds, and on clips that cannot be used."""

import os
import warnings
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import pytest
import soundfile
from helpers import CURE, make_noise, raised, reference, write

from sklearn_triplet import LogMel

ESC10 = Path(__file__).parents[2] / "shared/data/esc10"


@pytest.mark.parametrize(
    ("name", "settings", "tolerance"),
    [
        ("a.wav", {"subtype": "PCM_16"}, 1e-2),
        ("a.wav", {"subtype": "PCM_24"}, 1e-4),
        ("a.wav", {"subtype": "FLOAT"}, 1e-5),
        ("a.wav", {"subtype": "DOUBLE"}, 1e-5),
        ("a.flac", {"subtype": "PCM_24"}, 1e-4),
        ("a.aiff", {"subtype": "PCM_24"}, 1e-4),
        ("rain drops & Vögel.wav", {"subtype": "FLOAT"}, 1e-5),
    ],
)
def test_files_give_what_their_waveforms_give(tmp_path, name, settings, tolerance):
    waveform = make_noise(10000)
    path = write(tmp_path / name, waveform, **settings)
    features = LogMel().transform([path])
    np.testing.assert_allclose(features, LogMel().transform([waveform]), atol=tolerance)


def test_lossy_file_gives_what_soundfile_reads(tmp_path):
    path = write(tmp_path / "a.ogg", make_noise(50000))
    waveform, _ = soundfile.read(path)
    np.testing.assert_allclose(
        LogMel().transform([path])[0], reference(waveform), atol=1e-5
    )


@pytest.mark.parametrize("n_channels", [2, 6])
def test_channels_of_files_are_averaged(tmp_path, n_channels):
    channels = make_noise(400_000, n_channels=n_channels)  # 5.1: read in three blocks
    path = write(tmp_path / "a.wav", channels, subtype="FLOAT")
    np.testing.assert_allclose(
        LogMel().transform([path])[0], reference(channels.mean(axis=1)), atol=1e-5
    )


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 48000, 96000])
@pytest.mark.parametrize("n_samples", [1, 9999])
def test_other_rates_are_resampled(tmp_path, rate, n_samples):
    waveform = make_noise(n_samples)
    path = write(tmp_path / "a.wav", waveform, rate, subtype="FLOAT")
    resampled = librosa.resample(
        waveform, orig_sr=rate, target_sr=44100, res_type="soxr_hq"
    )
    np.testing.assert_array_equal(
        LogMel().transform([path]), LogMel().transform([resampled])
    )


@pytest.mark.skipif(not ESC10.exists(), reason="the ESC-10 recordings are not here")
def test_recordings_of_esc10():
    paths = sorted(ESC10.glob("*/*.ogg"))[::40]
    features = LogMel(n_jobs=2).fit_transform(paths)
    for path, energies in zip(paths, features, strict=True):
        waveform, _ = soundfile.read(path)  # mono, 44.1 kHz
        expected = reference(waveform)
        n_frames = expected.shape[1]
        np.testing.assert_allclose(energies[:, :n_frames], expected, atol=1e-4)
        assert np.isnan(energies[:, n_frames:]).all()


def test_missing_file(tmp_path, wav, monkeypatch):
    path = str(tmp_path / "ab sent.wav")
    assert raised([wav, path], FileNotFoundError) == (
        f"Row 1 of X of LogMel: there is no file {path!r}. Correct the path.{CURE}"
    )
    monkeypatch.chdir(tmp_path)
    assert raised(["absent.wav"], FileNotFoundError) == (
        "Row 0 of X of LogMel: there is no file 'absent.wav'. Correct the path, which "
        f"starts from {os.getcwd()!r}.{CURE}"
    )


def test_directory(tmp_path):
    path = tmp_path / "x.wav"
    path.mkdir()
    assert raised([path]) == (
        f"Row 0 of X of LogMel: {str(path)!r} is a directory. Give the path of one "
        f"sound file.{CURE}"
    )


@pytest.mark.parametrize("content", ["a text, not a sound\n", ""])
@pytest.mark.parametrize("name", ["text.wav", "text.raw", "text.ogg"])
def test_file_that_is_no_sound(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content)
    message = raised([path])
    assert message.startswith(
        f"Row 0 of X of LogMel: {str(path)!r} cannot be read as sound ("
    )
    assert message.endswith(
        "). Replace it by a sound file in a format of soundfile.available_formats(), "
        f"such as WAV or FLAC.{CURE}"
    )


def test_empty_clips(tmp_path, wav):
    path = write(tmp_path / "empty.wav", np.zeros(0))
    assert raised([wav, path]) == (
        f"Row 1 of X of LogMel: {path!r} holds no samples. Leave it out of X and y."
        f"{CURE}"
    )
    expected = (
        "Row 0 of X of LogMel: the waveform holds no samples. Leave it out of X and y."
        f"{CURE}"
    )
    assert raised([np.zeros(0)]) == expected
    assert raised([np.zeros((2, 0))]) == expected
    assert raised(np.full((1, 9), np.nan)) == expected


@pytest.mark.parametrize(
    ("value", "kind"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")]
)
def test_samples_that_are_not_finite(tmp_path, value, kind):
    waveform = make_noise(1000)
    waveform[17] = value
    path = write(tmp_path / "a.wav", waveform, subtype="FLOAT")
    end = f" contains {kind} at sample 17. Repair it or leave it out of X and y.{CURE}"
    assert raised([path]) == f"Row 0 of X of LogMel: {path!r}{end}"
    for X in ([make_noise(9), waveform], np.stack([make_noise(1000), waveform])):
        expected = f"Row 1 of X of LogMel: the waveform{end}"
        assert raised(X) == expected
        with pytest.raises(ValueError) as caught:
            LogMel().fit(X)
        assert str(caught.value) == expected


def test_only_tables_may_be_padded():
    waveform = np.append(make_noise(20), np.nan)
    assert LogMel().transform(waveform[None]).shape == (1, 64, 1)
    assert "the waveform contains NaN at sample 20." in raised([waveform])


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_unusable_clips_become_rows_of_nan(tmp_path, wav, n_jobs):
    absent = [str(tmp_path / f"absent{i}.wav") for i in range(3)]
    hole = make_noise(99_000)
    hole[3] = np.nan
    broken = write(tmp_path / "longest.wav", hole, subtype="FLOAT")
    estimator = LogMel(errors="warn", n_jobs=n_jobs)
    X = [absent[0], wav, broken, absent[1], wav, absent[2]]
    with pytest.warns(UserWarning) as caught:
        features = estimator.fit(X).transform(X)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert str(caught[0].message) == (
        "LogMel could not use 4 of 6 clips. Their rows are NaN: the later steps of "
        "this library leave them out, and return NaN or -1 for them. The first: Row 0: "
        f"there is no file {absent[0]!r}. "
        f"Correct the path. Row 2: {broken!r} contains NaN at sample 3. Repair it or "
        f"leave it out of X and y. Row 3: there is no file {absent[1]!r}. Correct the "
        "path."
    )
    assert features.shape == (6, 64, 51)  # as long as the longest usable clip
    assert features.flags.c_contiguous
    np.testing.assert_array_equal(features[[1, 4]], LogMel().transform([wav, wav]))
    assert np.isnan(features[[0, 2, 3, 5]]).all()


def test_no_usable_clip_at_all(tmp_path):
    with pytest.warns(UserWarning, match="could not use 2 of 2 clips"):
        features = LogMel(errors="warn").transform([tmp_path, tmp_path / "absent"])
    assert features.shape == (2, 64, 1)
    assert np.isnan(features).all()


def test_an_error_ends_the_work_of_all_threads(tmp_path, wav):
    hole = make_noise(500)
    hole[3] = np.nan
    broken = write(tmp_path / "broken.wav", hole, subtype="FLOAT")
    X = [wav, broken] + [wav] * 50
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert f"Row 1 of X of LogMel: {broken!r} contains" in raised(X, n_jobs=2)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_error_that_is_raised_is_no_matter_of_chance(tmp_path, wav, n_jobs):
    X = [wav] * 9
    for row, n_samples in ((1, 500), (3, 90_000), (5, 80_000)):
        X[row] = write(
            tmp_path / f"{row}.wav", np.full(n_samples, np.nan), subtype="FLOAT"
        )
    # longer clips are read first, since memory is taken for what they hold
    start = f"Row 3 of X of LogMel: {X[3]!r} contains NaN at sample 0."
    for _ in range(5):
        assert raised(X, n_jobs=n_jobs).startswith(start)
    absent = str(tmp_path / "absent.wav")
    message = raised([*X, absent, wav], FileNotFoundError, n_jobs=n_jobs)
    assert message.startswith("Row 9 of X of LogMel: there is no file")


def test_single_path(wav):
    assert raised(wav) == (
        "X of LogMel must be a list of paths or waveforms. Got a single path: give "
        f"[{wav!r}]."
    )
    assert f"give [{Path(wav)!r}]" in raised(Path(wav))


@pytest.mark.parametrize("X", [[], (), np.array([]), pd.Series([], dtype=object)])
def test_empty_X(X):
    assert raised(X) == ("X of LogMel is empty: give at least one path or waveform.")


def test_mixed_X(wav):
    assert raised([wav, np.zeros(10)]) == (
        "X of LogMel must hold only paths or only waveforms. Row 0 is a path, row 1 is "
        "a waveform: make them alike or leave it out."
    )
    for missing in (None, np.nan):
        assert f"Row 0 is a path, row 1 is {missing}: " in raised([wav, missing])
    assert "Row 0 is a waveform, row 2 is 3:" in raised([np.zeros(4), np.zeros(4), 3])


def test_X_of_another_shape(wav):
    assert raised(np.zeros((2, 3, 4))) == (
        "A dense X of LogMel must have shape (n_clips, n_samples). Got an array of "
        "shape (2, 3, 4): give clips of several channels as a list, list(X)."
    )
    assert raised([np.zeros((100, 2))]) == (
        "A waveform given to LogMel must be real numbers of shape (n_samples,) or "
        "(n_channels, n_samples). Got shape (100, 2) and dtype float64 in row 0: "
        "transpose or convert it."
    )
    assert "Got shape (2,) and dtype complex128" in raised([np.zeros(2, complex)])
    assert "Got shape (1, 1, 1) and dtype float64" in raised([np.zeros((1, 1, 1))])
    for table in (pd.DataFrame({"path": [wav, wav]}), np.array([[wav], [wav]])):
        assert raised(table) == (
            "X of LogMel must be one column of paths. Got a table of shape (2, 1): "
            "select the column, such as X['path'] or X[:, 0]."
        )
    assert "X of LogMel must have a length. Got <" in raised(iter([wav]))


@pytest.mark.parametrize(
    ("name", "value", "must_be"),
    [
        ("sample_rate", 0, "an integer in [1, inf)"),
        ("sample_rate", 44100.0, "an integer in [1, inf)"),
        ("n_fft", 1, "an integer in [1102, inf)"),
        ("n_fft", 2048.0, "an integer in [1102, inf)"),
        ("win_length", 0, "an integer in [1, inf)"),
        ("hop_length", 0, "an integer in [1, inf)"),
        ("n_mels", 0, "an integer in [1, inf)"),
        ("n_mels", "64", "an integer in [1, inf)"),
        ("fmin", -1.0, "a number in [0, 22050.0)"),
        ("fmin", 22050, "a number in [0, 22050.0)"),
        ("fmax", 0.0, "a number in (0.0, 22050.0]"),
        ("fmax", 30000, "a number in (0.0, 22050.0]"),
        ("errors", "ignore", "one of ['raise', 'warn']"),
        ("n_jobs", 0, "None or an integer other than 0 of at most 4096"),
        ("n_jobs", 1.5, "None or an integer other than 0 of at most 4096"),
        ("verbose", -1, "an integer in [0, inf)"),
        ("verbose", None, "an integer in [0, inf)"),
    ],
)
def test_parameters_outside_their_range(name, value, must_be):
    message = f"The {name!r} parameter of LogMel must be {must_be}. Got {value!r} "
    message += "instead."
    X = np.zeros((1, 10))
    assert raised(X, **{name: value}) == message
    with pytest.raises(ValueError) as caught:
        LogMel(**{name: value}).fit(X)
    assert str(caught.value) == message


def test_a_window_longer_than_the_transform():
    message = "The 'n_fft' parameter of LogMel must be an integer in [401, inf). Got "
    message += "400 instead."
    assert raised(np.zeros((1, 10)), n_fft=400, win_length=401) == message
    assert raised(np.zeros((1, 10)), n_fft=1, win_length=1) == (
        "The 'n_fft' parameter of LogMel must be an integer in [2, inf). Got 1 instead."
    )


@pytest.mark.parametrize("log_floor", [0, -1e-4, 1e-60, np.inf, np.nan, "small"])
def test_log_floor_must_be_a_positive_float32(log_floor):
    message = raised(np.zeros((1, 10)), log_floor=log_floor)
    assert message.startswith("The 'log_floor' parameter of LogMel must be a number in")


@pytest.mark.parametrize("verbose", [1, True])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_progress_of_long_work_is_shown(wav, capsys, n_jobs, verbose, monkeypatch):
    estimator = LogMel(n_jobs=n_jobs, verbose=verbose)
    expected = estimator.transform([wav] * 3)
    assert capsys.readouterr() == ("", "")  # it takes less than two seconds
    monkeypatch.setattr("sklearn_triplet._input.progress.DELAY", 0)
    np.testing.assert_array_equal(estimator.transform([wav] * 3), expected)
    out, err = capsys.readouterr()
    assert out == ""
    headers, clips = (text.split("\r")[-1] for text in err.strip().split("\n"))
    assert headers.startswith("LogMel, headers: 100%|")
    assert clips.startswith("LogMel: 100%|")
    assert "| 3/3 [" in clips
    assert " clip/s]" in clips
    LogMel(n_jobs=n_jobs).transform([wav])
    assert capsys.readouterr() == ("", "")
