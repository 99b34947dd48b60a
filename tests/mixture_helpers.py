"""Recordings to be mixed, and soundscapes mixed from them by hand."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
import soundfile
from helpers import whole
from sklearn.utils import Bunch

from sklearn_triplet.datasets import mix_soundscapes

RATE = 8000
SPLITS = {"train": (1, 2), "validation": 3, "evaluation": [4]}
NAMES = ["dog", "cat", "rain"]
PER_CLASS = 8  # recordings, two in each of four folds
SMALL = {"duration": 2.0, "sample_rate": RATE, "event_duration": (0.2, 0.8)}


def write_sounds(folder: Path) -> Bunch:
    """Noise of 0.3 to 1 s between silences, each recording of its own level."""
    rng = np.random.default_rng(0)
    paths, y, fold = [], [], []
    for name in NAMES:
        for take in range(PER_CLASS):
            waveform = np.zeros(int(1.5 * RATE))
            start, length = rng.integers(0, RATE // 2), rng.integers(2400, RATE)
            scale = rng.uniform(0.01, 0.1)
            waveform[start : start + length] = rng.normal(scale=scale, size=length)
            paths.append(str(folder / f"{name}{take}.wav"))
            soundfile.write(paths[-1], waveform, RATE, subtype="FLOAT")
            y.append(name)
            fold.append(1 + take % 4)
    return Bunch(paths=np.array(paths), y=np.array(y), fold=np.array(fold))


def mix(sounds: Bunch, **changes: Any) -> Bunch:
    settings = {"fold": sounds.fold, "splits": SPLITS, "n_clips": 6, "random_state": 0}
    return mix_soundscapes(sounds.paths, sounds.y, **{**settings, **SMALL, **changes})


def refused(sounds: Bunch, sentence: str, **changes: Any) -> None:
    with pytest.raises(ValueError, match=whole(sentence)):
        mix(sounds, **changes)


def power(waveform: np.ndarray) -> float:
    return np.mean(np.square(waveform, dtype=np.float64))


def fade(part: np.ndarray, rate: int) -> np.ndarray:
    """Linear ramps of 5 and 30 ms, as the docstring says."""
    part = part.astype(np.float64)
    for i in range(min(len(part), int(0.005 * rate))):
        part[i] *= i / (int(0.005 * rate) - 1)
    n_out = int(0.03 * rate)
    for i in range(min(len(part), n_out)):
        part[len(part) - 1 - i] *= i / (n_out - 1)
    return part


def add_events(corpus: Bunch, clip: int, waveform: np.ndarray) -> np.ndarray:
    """Add the events of a clip by hand, from the files and what the bunch says."""
    rate, waveform = corpus.sample_rate, waveform.astype(np.float64)
    for event, source in zip(corpus.events[clip], corpus.sources[clip], strict=True):
        recording, file_rate = soundfile.read(source.path, dtype="float32")
        if file_rate != rate:
            recording = librosa.resample(
                recording, orig_sr=file_rate, target_sr=rate, res_type="soxr_hq"
            )
        part = fade(recording[source.start : source.stop], rate) * source.gain
        start = round(event.onset * rate)
        waveform[start : start + len(part)] += part
    return waveform


def loop_by_hand(corpus: Bunch, clip: int) -> np.ndarray:
    """Repeat the background by hand, with cross-fades of 0.1 s."""
    source = corpus.backgrounds[clip]
    recording, file_rate = soundfile.read(source.path, dtype="float32")
    assert file_rate == corpus.sample_rate
    part = recording[source.start : source.stop].astype(np.float64)
    n_fade = round(0.1 * corpus.sample_rate)
    whole = np.zeros(corpus.data.shape[1] + 2 * len(part))
    rise = np.sqrt(np.arange(n_fade) / (n_fade - 1))
    for start in range(0, corpus.data.shape[1], len(part) - n_fade):
        piece = part.copy()
        if start:
            piece[:n_fade] *= rise
        piece[-n_fade:] *= rise[::-1]
        whole[start : start + len(piece)] += piece
    return whole[: corpus.data.shape[1]] * source.gain


def read_table(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        yield from csv.DictReader(lines, delimiter="\t")
