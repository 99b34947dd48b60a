"""LogMel of (path, onset, offset): a window is the clip that its samples are."""

from collections import namedtuple
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from cached_features import (
    count_decoded,  # noqa: F401
    list_clips,
)
from helpers import CURE, make_noise, raised, write
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_triplet import LogMel

TIMES = [(0.0, 0.5), (0.25, 1.0), (1.23456, 1.98765), (3.5, 4.0), (0.0, 4.0)]


@pytest.fixture(name="recording")
def make_recording(tmp_path):
    return write(tmp_path / "recording.wav", make_noise(4 * 44100))


@pytest.mark.parametrize(
    ("ending", "rate", "settings", "tolerance"),
    [
        ("wav", 44100, {}, 0),
        ("wav", 16000, {"subtype": "FLOAT"}, 0),
        ("flac", 44100, {}, 0),
        ("flac", 48000, {}, 0),
        ("aiff", 44100, {}, 0),
        ("ogg", 44100, {}, 0),
        ("ogg", 48000, {"subtype": "OPUS"}, 0),
        ("mp3", 44100, {}, 1e-4),
    ],
)
def test_a_window_is_the_clip_of_its_samples(
    tmp_path, ending, rate, settings, tolerance
):
    path = write(
        tmp_path / f"recording.{ending}", make_noise(4 * rate), rate, **settings
    )
    whole = soundfile.read(path, dtype="float32")[0]
    features = LogMel().transform([(path, *times) for times in TIMES])
    for row, (onset, offset) in enumerate(TIMES):
        cut = whole[round(onset * rate) : round(offset * rate)]
        cut_path = write(tmp_path / f"{row}.wav", cut, rate, subtype="FLOAT")
        expected = LogMel().transform([cut_path])[0]
        n_frames = expected.shape[1]
        np.testing.assert_allclose(
            features[row, :, :n_frames], expected, rtol=0, atol=tolerance
        )
        assert np.isnan(features[row, :, n_frames:]).all()


@pytest.mark.parametrize("seconds", [1.0, 0.3, 0.02])
def test_the_end_of_vorbis(tmp_path, seconds):
    # libsndfile seeks beside the mark within the last page, here of hundreds of ms
    path = write(tmp_path / "recording.ogg", make_noise(3 * 44100))
    end = make_noise(3 * 44100).size / 44100
    whole = soundfile.read(path, dtype="float32")[0]
    features = LogMel().transform([(path, end - seconds, end)])
    cut = whole[round((end - seconds) * 44100) :]
    np.testing.assert_array_equal(features, LogMel().transform([cut]))


def test_nothing_but_the_window_is_decoded(recording, monkeypatch):
    n_decoded = []
    read = soundfile.SoundFile.read

    def counted(file, *args, **kwargs):
        samples = read(file, *args, **kwargs)
        n_decoded.append(len(samples))
        return samples

    monkeypatch.setattr(soundfile.SoundFile, "read", counted)
    LogMel().transform([(recording, 2.0, 2.5), (recording, 3.0, 3.25)])
    assert n_decoded == [22050, 11025]


def test_forms_of_windows_agree(recording):
    windows = [(recording, 0.0, 1.0), (recording, 1, 2)]
    expected = LogMel().transform(windows)
    table = pd.DataFrame(windows, columns=["path", "onset", "offset"])
    Row = namedtuple("Row", ["path", "onset", "offset"])
    objects = np.empty(2, dtype=object)
    objects[:] = windows
    forms = [tuple(windows), objects, [Row(*window) for window in windows]]
    forms += [list(table.itertuples(index=False)), list(zip(*table.T.to_numpy()))]  # noqa: B905
    forms += [[(Path(recording), np.float32(0), np.int64(1)), windows[1]]]
    for X in forms:
        np.testing.assert_array_equal(LogMel().fit(X).transform(X), expected)
        np.testing.assert_array_equal(LogMel(n_jobs=2).transform(X), expected)


def test_windows_in_a_search_over_folds(recording):
    X = [(recording, i / 4, i / 4 + 0.25) for i in range(12)]
    mean = FunctionTransformer(lambda features: features.mean(axis=2))
    pipeline = make_pipeline(LogMel(), mean, KNeighborsClassifier(1))
    assert len(cross_val_score(pipeline, X, [0, 1] * 6, cv=3)) == 3


def test_windows_with_memory(recording, tmp_path, decoded):
    memory = tmp_path / "features"
    X = [(recording, *times) for times in TIMES]
    expected = LogMel().transform(X)
    decoded.clear()
    estimator = LogMel(memory=memory)
    np.testing.assert_array_equal(estimator.transform(X), expected)
    assert len(decoded) == len(X) == len(list_clips(memory))
    np.testing.assert_array_equal(estimator.transform(X), expected)
    np.testing.assert_array_equal(
        estimator.transform([X[3], X[0]])[0], expected[3, :, :51]
    )
    assert len(decoded) == len(X)
    # the whole file is another clip than its windows, even than one of all of it
    np.testing.assert_array_equal(estimator.transform([recording])[0], expected[4])
    assert len(decoded) == len(X) + 1
    write(recording, make_noise(5 * 44100, seed=1))
    np.testing.assert_array_equal(estimator.transform(X), LogMel().transform(X))


@pytest.mark.parametrize("with_memory", [False, True])
def test_a_window_beyond_the_end_is_what_is_there(recording, tmp_path, with_memory):
    memory = tmp_path / "features" if with_memory else None
    X = [(recording, 0.0, 1.0), (recording, 3.5, 4.5)]
    whole = soundfile.read(recording, dtype="float32")[0]
    for _ in range(2):
        with pytest.warns(UserWarning, match="1 of 2 clips .* from 3.5 to 4.5 s holds"):
            features = LogMel(memory=memory).transform(X)
        expected = LogMel().transform([whole[round(3.5 * 44100) :]])[0]
        np.testing.assert_array_equal(features[1, :, :51], expected)
        assert np.isnan(features[1, :, 51:]).all()


@pytest.mark.parametrize("onset", [4.0, 5.0])
def test_a_window_behind_the_end(recording, tmp_path, onset):
    X = [(recording, 0.0, 1.0), (recording, onset, 7.0)]
    assert raised(X) == (
        f"Row 1 of X of LogMel: {recording!r} ends at 4.000 s, before the window from "
        f"{onset:g} to 7 s begins. Correct the onset, or leave it out of X and y.{CURE}"
    )
    for memory in (None, tmp_path / "features"):
        with pytest.warns(UserWarning, match="could not use 1 of 2 clips"):
            features = LogMel(errors="warn", memory=memory).transform(X)
        assert np.isnan(features[1]).all() and np.isfinite(features[0]).all()


def test_a_window_of_a_missing_file(tmp_path):
    text = raised([(tmp_path / "no.wav", 0, 1)], FileNotFoundError)
    assert text.startswith("Row 0 of X of LogMel: there is no file ")


def test_a_window_shorter_than_a_sample(recording):
    assert "from 1.0 to 1.000001 s" in raised([(recording, 1.0, 1.000001)])


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ((1.0, 1.0), "Got onset 1.0 and offset 1.0 in row 1"),
        ((2.0, 1.0), "Got onset 2.0 and offset 1.0 in row 1"),
        ((-0.5, 1.0), "Got onset -0.5 and offset 1.0 in row 1"),
        ((np.nan, 1.0), "Got onset nan and offset 1.0 in row 1"),
        ((0.0, np.nan), "Got onset 0.0 and offset nan in row 1"),
        ((0.0, np.inf), "Got onset 0.0 and offset inf in row 1"),
        (("0", 1.0), "Got onset '0' and offset 1.0 in row 1"),
        ((None, 1.0), "Got onset None and offset 1.0 in row 1"),
    ],
)
@pytest.mark.parametrize("errors", ["raise", "warn"])
def test_times_that_are_none(times, told, errors):
    X = [("a.wav", 0, 1), ("a.wav", *times)]
    for method in (LogMel(errors=errors).fit, LogMel(errors=errors).transform):
        with pytest.raises(
            ValueError, match="must be .* 0 <= onset < offset"
        ) as caught:
            method(X)
        assert told in str(caught.value)


@pytest.mark.parametrize(
    ("X", "told"),
    [
        ([("a.wav", 0, 1), "b.wav"], "Row 0 is a window, row 1 is a path"),
        (["b.wav", ("a.wav", 0, 1)], "Row 0 is a path, row 1 is a window"),
        ([("a.wav", 0, 1), np.zeros(9)], "Row 0 is a window, row 1 is a waveform"),
        ([("a.wav", 0, 1), ("a.wav", 1)], "Got 2 values in row 1: ('a.wav', 1)"),
        ([("a.wav", 0, 1, "dog")], "Got 4 values in row 0"),
        ([("a.wav",)], "Got 1 values in row 0"),
        (("a.wav", 0.0, 1.0), "Row 0 is a path, row 1 is 0.0"),
    ],
)
def test_what_is_no_list_of_windows(X, told):
    assert told in raised(X)
