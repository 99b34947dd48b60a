"""What several test files make, write or compare with."""

import re

import librosa
import numpy as np
import pytest
import soundfile
import torch

from sklearn_triplet import LogMel, SegmentedClips

N_FEATURES, LENGTH = 4, 6  # of the small segments that selectors are tried on
CURE = " With errors='warn' such a clip becomes a row of NaN."


def make_noise(n_samples, *, n_channels=1, seed=0):
    rng = np.random.default_rng(seed)
    noise = rng.normal(scale=0.1, size=(n_samples, n_channels)).astype(np.float32)
    return noise.clip(-1, 1)[:, 0] if n_channels == 1 else noise.clip(-1, 1)


def reference(waveform, log_floor=1e-4, **settings):
    settings = {
        "sr": 44100,
        "n_fft": 2048,
        "win_length": 1102,
        "hop_length": 441,
        "n_mels": 64,
        **settings,
    }
    # in double precision, so that what differs is our own rounding
    waveform = waveform.astype(np.float64)
    energies = librosa.feature.melspectrogram(y=waveform, power=2.0, **settings)
    return np.log(energies + log_floor)


def write(path, waveform, rate=44100, **settings):
    soundfile.write(path, waveform, rate, **settings)
    return str(path)


def raised(X, error=ValueError, **parameters):
    with pytest.raises(error) as caught:
        LogMel(**parameters).transform(X)
    assert caught.type is error
    return str(caught.value)


def whole(sentence):
    return f"^{re.escape(sentence)}$"


def make_indicator(n_rows=200, n_classes=6, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.random((n_rows, n_classes)) < np.linspace(0.05, 0.4, n_classes)) * 1


def cut(arrays, y=None, segment_length=LENGTH):
    return SegmentedClips.from_arrays(list(arrays), y, segment_length=segment_length)


def make_segments(lengths, y=None, seed=0):
    rng = np.random.default_rng(seed)
    return cut([rng.normal(size=(N_FEATURES, n)) for n in lengths], y)


def select(selector, segments, ids, seed=0):
    ids = np.asarray(ids)
    anchors = segments.take(ids[:, None] if ids.ndim == 1 else ids)
    found = selector.select(anchors, segments, np.random.default_rng(seed))
    assert found.X.shape == anchors.X.shape
    assert len(found) == len(anchors)
    return found


def weights(fitted):
    return torch.cat([value.flatten() for value in fitted.net_.module_.parameters()])
