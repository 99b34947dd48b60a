"""LogMel: its values, the forms of X, and the manners of a transformer."""

import pickle
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import CURE, make_noise, raised, reference, write
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_triplet import LogMel


def test_transform_needs_no_fit(wav):
    features = LogMel().transform([wav])
    np.testing.assert_array_equal(features, LogMel().fit([wav]).transform([wav]))
    np.testing.assert_array_equal(features, LogMel().fit_transform([wav]))
    assert not hasattr(LogMel().fit([wav]), "n_features_in_")


def test_fit_on_a_list_forgets_the_width_of_a_table():
    estimator = LogMel().fit(np.zeros((2, 1000)))
    assert estimator.n_features_in_ == 1000
    with pytest.raises(ValueError, match="X has 500 features, but LogMel is expecting"):
        estimator.transform(np.zeros((2, 500)))
    assert estimator.transform([np.zeros(500)]).shape == (1, 64, 2)
    assert not hasattr(estimator.fit([np.zeros(500)]), "n_features_in_")


def test_clone_pickle_and_pipeline(wav):
    estimator = clone(LogMel(n_mels=16, log_floor=1e-6))
    expected = estimator.transform([wav])
    copied = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(copied.transform([wav]), expected)
    statistics = FunctionTransformer(lambda features: features.mean(axis=2))
    pipeline = make_pipeline(LogMel(), statistics, PCA(n_components=1))
    X = [make_noise(2205, seed=seed) for seed in range(3)]
    assert pipeline.fit_transform(X).shape == (3, 1)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_global_state_is_left_alone(wav, n_jobs, capsys):
    filters = list(warnings.filters)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    LogMel(n_jobs=n_jobs).fit_transform([wav])
    assert warnings.filters == filters
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("sample_rate", "n_samples", "settings"),
    [
        (44100, 44100, {}),
        (44100, 44099, {"hop_length": 1102}),
        (16000, 16000, {"n_fft": 512, "win_length": 400, "hop_length": 160}),
        (22050, 12345, {"n_fft": 1024, "win_length": 1024, "hop_length": 441}),
        (22050, 8000, {"n_fft": 1024, "hop_length": 441, "win_length": 9, "fmax": 8e3}),
        (44100, 8000, {"fmin": 50.0, "fmax": 8000}),
        (8000, 4000, {"n_fft": 401, "win_length": 200, "hop_length": 80, "n_mels": 20}),
        (32000, 9000, {"n_fft": 1000, "win_length": 333, "hop_length": 50}),
        (44100, 3000, {"win_length": 1101, "hop_length": 1, "n_mels": 5}),
        (44100, 2100, {"n_mels": 128}),
    ],
)
def test_equals_librosa(sample_rate, n_samples, settings):
    waveform = make_noise(n_samples)
    features = LogMel(sample_rate, **settings).transform([waveform])
    expected = reference(waveform, sr=sample_rate, **settings)
    assert features.dtype == np.float32
    assert features.shape == (1, *expected.shape)
    np.testing.assert_allclose(features[0], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("sample_rate", "n_fft", "win_length", "hop_length"),
    [
        (44100, 2048, 1102, 441),
        (16000, 512, 400, 160),
        (8000, 256, 200, 80),
        (22050, 1024, 551, 220),
        (48000, 2048, 1200, 480),
        (10240, 256, 256, 102),  # a power of two is its own next one
    ],
)
def test_windows_of_25_ms_every_10_ms_at_any_rate(
    sample_rate, n_fft, win_length, hop_length
):
    waveform = make_noise(sample_rate + 123)
    estimator = LogMel(n_mels=20).set_params(sample_rate=sample_rate)
    features = estimator.transform([waveform])
    lengths = {"n_fft": n_fft, "win_length": win_length, "hop_length": hop_length}
    expected = reference(waveform, sr=sample_rate, n_mels=20, **lengths)
    assert features.shape == (1, *expected.shape)
    np.testing.assert_allclose(features[0], expected, atol=1e-5)
    explicit = LogMel(sample_rate, n_mels=20, **lengths)
    np.testing.assert_array_equal(explicit.transform([waveform]), features)
    times = estimator.frame_times(3)
    np.testing.assert_allclose(times, [t * hop_length / sample_rate for t in range(3)])
    assert explicit.frame_times(3).tolist() == times.tolist()


def test_lengths_follow_those_that_are_given():
    waveform = make_noise(5000)
    features = LogMel(win_length=2049).transform([waveform])
    np.testing.assert_allclose(
        features[0], reference(waveform, n_fft=4096, win_length=2049), atol=1e-5
    )
    # at rates at which 10 ms are less than a sample, every sample has its frame
    assert LogMel(50, n_mels=1).transform([waveform]).shape == (1, 1, 5001)


def test_waveforms_too_loud_for_float32():
    message = (
        "Row 1 of X of LogMel: the waveform is so loud that its energies are no finite "
        "float32: its largest sample is 1e+30. Bring it to [-1, 1] or leave it out of "
        f"X and y.{CURE}"
    )
    assert raised([np.ones(9), np.full(9, 1e30)]) == message


def test_equals_librosa_far_below_the_loudest_band():
    seconds = np.arange(44100) / 44100
    waveform = np.sin(2 * np.pi * 441 * seconds).astype(np.float32)
    features = LogMel(log_floor=1e-8).transform([waveform])
    np.testing.assert_allclose(
        features[0], reference(waveform, log_floor=1e-8), atol=5e-3
    )


def test_log_floor_is_73_db_below_a_full_scale_sine():
    seconds = np.arange(44100) / 44100
    loudest = LogMel().transform([np.sin(2 * np.pi * 1000 * seconds)]).max()
    decibels = 10 * np.log10(1e-4 / np.exp(loudest))
    assert -74 < decibels < -73


def test_frames_are_centred_at_their_times():
    waveform = np.zeros(44100)
    waveform[10 * 441] = 1  # an impulse is loudest where the window is centred
    estimator = LogMel()
    features = estimator.transform([waveform])[0]
    times = estimator.frame_times(features.shape[1])
    assert features.mean(axis=0).argmax() == 10
    assert times[10] == pytest.approx(0.1)
    assert len(times) == 101


@pytest.mark.parametrize("n_samples", [1, 2, 440, 441, 1101, 2049])
def test_clips_shorter_than_a_window(n_samples):
    waveform = make_noise(n_samples)
    features = LogMel().transform(waveform[None])
    assert features.shape == (1, 64, 1 + n_samples // 441)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "n_fft=2048 is too large", UserWarning)
        expected = reference(waveform)
    np.testing.assert_allclose(features[0], expected, atol=1e-5)


def test_silence_is_the_log_of_the_floor():
    features = LogMel().transform(np.zeros((1, 4410)))
    np.testing.assert_array_equal(features, np.log(np.float32(1e-4)))


@pytest.mark.parametrize("n_jobs", [2, -1])
def test_number_of_jobs_changes_nothing(wav, n_jobs):
    X = [make_noise(3000 + 500 * seed, seed=seed) for seed in range(12)]
    expected = LogMel().transform(X)
    np.testing.assert_array_equal(LogMel(n_jobs=n_jobs).transform(X), expected)
    files = [wav] * 7
    np.testing.assert_array_equal(
        LogMel(n_jobs=n_jobs).transform(files), LogMel().transform(files)
    )


def test_any_backend_of_joblib_gives_the_same(wav):
    with joblib.parallel_config(backend="loky", n_jobs=2):
        features = LogMel().transform([wav, wav])
    np.testing.assert_array_equal(features, LogMel().transform([wav, wav]))


def test_neighbours_change_nothing():
    clip, shorter, longer = (make_noise(n, seed=n) for n in (30000, 1000, 99999))
    alone = LogMel().transform([clip])[0]
    n_frames = alone.shape[1]
    for X in ([clip, longer * 9], [longer, shorter, clip], [shorter, clip, longer]):
        row = [other is clip for other in X].index(True)
        features = LogMel().transform(X)
        np.testing.assert_array_equal(features[row, :, :n_frames], alone)
        assert np.isnan(features[row, :, n_frames:]).all()
    assert LogMel().transform([shorter, clip]).shape == (2, 64, n_frames)


def test_forms_of_waveforms_agree():
    table = np.stack([make_noise(5000, seed=seed) for seed in range(3)])
    expected = LogMel().transform(table)
    ragged = np.empty(3, dtype=object)
    ragged[:] = list(table)
    padded = np.pad(table, ((0, 0), (0, 777)), constant_values=np.nan)
    forms = [list(table), tuple(table), ragged, pd.Series(list(table)), padded]
    forms += [table.astype(float), table.tolist(), pd.DataFrame(table).to_numpy()]
    for X in forms:
        np.testing.assert_array_equal(LogMel().fit(X).transform(X), expected)


def test_waveforms_of_different_lengths():
    X = [make_noise(n) for n in (441, 8820, 44100)]
    features = LogMel().transform(X)
    valid = np.isfinite(features).all(axis=1).sum(axis=1)
    np.testing.assert_array_equal(valid, [2, 21, 101])
    padded = np.full((3, 50000), np.nan)
    for row, waveform in enumerate(X):
        padded[row, : len(waveform)] = waveform
    np.testing.assert_array_equal(LogMel().transform(padded), features)


def test_channels_of_waveforms_are_averaged():
    stereo = make_noise(5000, n_channels=2).T
    mono = make_noise(300)
    features = LogMel().transform([stereo, mono])
    np.testing.assert_allclose(features[0], reference(stereo.mean(axis=0)), atol=1e-5)
    np.testing.assert_array_equal(features[1, :, :1], LogMel().transform([mono])[0])


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32"])
def test_integer_waveforms_are_scaled_as_files(tmp_path, dtype):
    info = np.iinfo(dtype)
    rng = np.random.default_rng(0)
    waveform = rng.integers(info.min, info.max, size=3000, dtype=dtype)
    subtype = {"uint8": "PCM_U8", "int16": "PCM_16", "int32": "PCM_32"}[dtype]
    samples = waveform
    if dtype == "uint8":  # soundfile writes no bytes
        samples = (waveform.astype(np.int16) - 128) * 256
    path = write(tmp_path / "integers.wav", samples, subtype=subtype)
    np.testing.assert_allclose(
        LogMel().transform([waveform]), LogMel().transform([path]), atol=1e-6
    )


def test_read_only_arrays_are_left_unchanged(wav):
    waveform = make_noise(2000)
    waveform.flags.writeable = False
    table = np.stack([waveform, waveform])
    table.flags.writeable = False
    features = LogMel().transform([waveform, waveform])
    np.testing.assert_array_equal(LogMel().transform(table), features)
    paths = np.array([wav, wav])
    paths.flags.writeable = False
    assert LogMel().transform(paths).shape == (2, 64, 51)


def test_forms_of_paths_agree(wav):
    expected = LogMel().transform([wav, wav])
    series = pd.Series([wav, wav], index=[7, 3])
    forms = [(wav, wav), [Path(wav)] * 2, np.array([wav, wav]), series]
    forms += [np.array([wav, wav], dtype=object), series.astype("category")]
    for X in forms:
        np.testing.assert_array_equal(LogMel().fit(X).transform(X), expected)
