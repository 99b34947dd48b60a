"""LogMel of recordings that are never whole in memory: the values are the same."""

import numpy as np
import pytest
import soundfile
from cached_features import count_decoded, list_clips, list_maps  # noqa: F401
from helpers import make_noise, reference, write
from test_long_clips import LINUX, measure_peak

from sklearn_triplet import LogMel


@pytest.fixture(name="in_blocks")
def shorten_blocks(monkeypatch):
    """Stream what is longer than 3 blocks of 1000 samples, or than 128 frames."""

    def shorten():
        monkeypatch.setattr("sklearn_triplet._features.audio.BLOCK", 1000)
        monkeypatch.setattr("sklearn_triplet._features.audio.WHOLE_BLOCKS", 3)
        monkeypatch.setattr("sklearn_triplet._features.extraction.PART", 64)
        monkeypatch.setattr("sklearn_triplet._features.extraction.LONG", 128)
        monkeypatch.setattr("sklearn_triplet._features.cache.PIECE", 10_000)

    return shorten


LENGTHS = [100_001, 1, 999, 3000, 4001, 128 * 441, 129 * 441 + 7, 192 * 441]


def write_all(folder, rate=44100, n_channels=1):
    return [
        write(folder / f"{i}.flac", make_noise(n, n_channels=n_channels, seed=i), rate)
        for i, n in enumerate(LENGTHS)
    ]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"hop_length": 1000, "win_length": 300},
        {"sample_rate": 8000, "n_fft": 401, "win_length": 200, "hop_length": 80},
    ],
)
@pytest.mark.parametrize(("rate", "n_channels"), [(44100, 1), (16000, 2)])
def test_blocks_give_what_whole_files_give(
    tmp_path, in_blocks, rate, n_channels, settings
):
    X = write_all(tmp_path, rate, n_channels)
    expected = LogMel(**settings).transform(X)
    windows = [(X[0], 0.1, 2.0), (X[0], 0.2, 0.3)]
    cut = LogMel(**settings).transform(windows)
    in_blocks()
    np.testing.assert_array_equal(LogMel(**settings).transform(X), expected)
    np.testing.assert_array_equal(LogMel(**settings, n_jobs=2).transform(X), expected)
    np.testing.assert_array_equal(LogMel(**settings).transform(windows), cut)


def test_blocks_of_waveforms(in_blocks):
    X = [make_noise(n, seed=n) for n in LENGTHS[2:]]
    in_blocks()
    features = LogMel().transform(X)
    for row, waveform in enumerate(X):
        valid = features[row][:, : 1 + len(waveform) // 441]
        if len(waveform) > 2048:
            np.testing.assert_allclose(valid, reference(waveform), atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_long_recordings_with_memory(tmp_path, in_blocks, decoded, monkeypatch, dtype):
    X = write_all(tmp_path)
    expected = LogMel(dtype=dtype).transform(X)
    known = LogMel(dtype=dtype, memory=tmp_path / "before")
    known.transform(X)
    in_blocks()
    # what was kept as a whole is still read, and computed again nowhere
    decoded.clear()
    np.testing.assert_array_equal(known.transform(X[::-1]), expected[::-1])
    assert not decoded
    estimator = LogMel(dtype=dtype, memory=tmp_path / "features")
    np.testing.assert_array_equal(estimator.transform(X), expected)
    assert len(list_clips(tmp_path / "features")) == len(X)
    assert not list((tmp_path / "features").rglob("*.tmp"))
    decoded.clear()
    np.testing.assert_array_equal(estimator.transform(X), expected)
    np.testing.assert_array_equal(estimator.transform(X[::-1]), expected[::-1])
    monkeypatch.setattr("sklearn_triplet._features.cache.IN_MEMORY", 0)
    np.testing.assert_array_equal(estimator.transform(X[2:]), expected[2:, :, :193])
    assert not decoded
    assert len(list_maps(tmp_path / "features")) == 2


def test_a_damaged_part_is_computed_again(tmp_path, in_blocks, decoded):
    path = write(tmp_path / "long.wav", make_noise(100_000))
    in_blocks()
    estimator = LogMel(memory=tmp_path / "features")
    expected = estimator.transform([path])
    (clip,) = list_clips(tmp_path / "features")
    content = bytearray(clip.read_bytes())
    content[-5] ^= 1
    clip.write_bytes(content)
    decoded.clear()
    np.testing.assert_array_equal(estimator.transform([path]), expected)
    assert decoded


def test_samples_that_are_none_are_counted_from_the_start(tmp_path, in_blocks):
    waveform = make_noise(50_000)
    waveform[40_001] = np.nan
    path = write(tmp_path / "long.wav", waveform, subtype="FLOAT")
    in_blocks()
    with pytest.raises(ValueError, match="contains NaN at sample 40001"):
        LogMel().transform([path])


def test_a_long_file_that_is_cut(tmp_path, in_blocks):
    path = tmp_path / "long.flac"
    write(path, make_noise(50_000))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.warns(UserWarning, match="holds .* of 1.134 s"):
        expected = LogMel().transform([path])
    in_blocks()
    with pytest.warns(UserWarning, match="holds .* of 1.134 s"):
        np.testing.assert_array_equal(LogMel().transform([path]), expected)


def test_no_room_for_what_waits(tmp_path, in_blocks, monkeypatch):
    path = write(tmp_path / "long.wav", make_noise(100_000))
    in_blocks()

    def refuse(**kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    for memory in (None, tmp_path / "features"):
        # neither a fault of the file nor a row of NaN
        with pytest.raises(OSError, match="No space left on device. Free space"):
            LogMel(errors="warn", memory=memory).transform([path])


@LINUX
def test_the_memory_of_a_long_recording(tmp_path):
    path = tmp_path / "hour.flac"
    with soundfile.SoundFile(path, "w", 16000, 1) as file:
        block = make_noise(16000 * 60)
        for _ in range(60):
            file.write(block)  # 230 MB as samples, 92 MB as energies
    estimator = LogMel(16000, memory=tmp_path / "features")
    estimator.transform([(path, 0, 1)])  # what is imported once
    peak, features = measure_peak(lambda: estimator.transform([path]))
    assert features.shape == (1, 64, 360_001)
    # whole it would be 230 MB more, and what other tests left behind counts a little
    assert peak < features.nbytes / 1e6 + 150
    peak, again = measure_peak(lambda: LogMel(16000).transform([path]))
    np.testing.assert_array_equal(again, features)
    # whole it would be 230 MB more, and what other tests left behind counts a little
    assert peak < features.nbytes / 1e6 + 150
