"""Synthesis of voices, of people and animals: a pulse through a moving throat.

Speech, dog and cat share one model; pitch, size of the throat and rhythm overlap. As in
``_events.py``, a class is a function ``(rng, n_samples, sample_rate)`` that returns one
event of shape (n_samples,), float32, of any level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sklearn_triplet.datasets._signals import (
    Response,
    Signal,
    add_at,
    band,
    faded,
    filtered,
    harmonics,
    log_uniform,
    noise,
    resonances,
    rms,
    wander,
)


def _voice(
    rng: Generator,
    pitch: NDArray[np.floating],
    sample_rate: int,
    vowels: Sequence[Response],
    *,
    falloff: float,
    breath: float,
) -> Signal:
    """Sound a pitch contour while the throat moves through the vowels.

    Parameters
    ----------
    rng : numpy.random.Generator
    pitch : ndarray of shape (n_samples,)
        In Hz.
    sample_rate : int
    vowels : list of response
        Passed through at equal times.
    falloff : float
        Exponent by which harmonics weaken: 1 is bright, 2 is dull.
    breath : float
        Share of noise in the source, 0 to 1.
    """
    n_samples = len(pitch)
    # every cycle differs a little, or the voice would be an organ pipe
    pitch = pitch * (1 + 0.01 * wander(rng, n_samples, sample_rate, 60))
    amplitudes = np.arange(1, 81) ** -falloff
    source = harmonics(rng, pitch, amplitudes, sample_rate)
    source *= (1 - breath) / rms(source)
    source += breath * rng.standard_normal(n_samples, dtype=np.float32)
    position = np.linspace(0, len(vowels) - 1, n_samples)
    signal = np.zeros(n_samples, dtype=np.float32)
    for i, vowel in enumerate(vowels):
        weight = np.clip(1 - np.abs(position - i), 0, 1).astype(np.float32)
        signal += weight * filtered(source, sample_rate, vowel)
    return signal


def _formants(
    rng: Generator,
    first: tuple[float, float],
    second: tuple[float, float],
    third: tuple[float, float],
    size: float,
) -> Response:
    """Response of a throat; a smaller one (``size`` < 1) resonates higher."""
    centres = np.array([rng.uniform(*first), rng.uniform(*second), rng.uniform(*third)])
    widths = np.array([90, 130, 220]) * rng.uniform(0.7, 1.6)
    return resonances(centres / size, widths / size, [1, 0.6, 0.3])


def _syllable(
    rng: Generator, n_samples: int, sample_rate: int, pitch: float, size: float
) -> Signal:
    """Sound one vowel, often after a consonant of noise."""
    glide = np.linspace(1, rng.uniform(0.85, 1.12), n_samples)
    vowels = [
        _formants(rng, (260, 850), (800, 2400), (2300, 3400), size) for _ in range(2)
    ]
    breath = rng.uniform(0.02, 0.2)
    signal = _voice(rng, pitch * glide, sample_rate, vowels, falloff=1.2, breath=breath)
    signal = faded(signal, sample_rate, 0.03, 0.05) / rms(signal)
    if rng.random() < 0.6:
        low = log_uniform(rng, 1000, 4500)
        n_hiss = int(n_samples * rng.uniform(0.15, 0.4)) + 1
        hiss = noise(rng, n_hiss, sample_rate, band(low, 2.2 * low))
        hiss *= rng.uniform(0.1, 0.6) / rms(hiss)
        add_at(signal, 0, faded(hiss, sample_rate, 0.01, 0.02))
    return signal


def speech(rng: Generator, n_samples: int, sample_rate: int) -> Signal:
    """Babble in phrases: three to seven syllables a second with a falling pitch."""
    size = rng.uniform(0.75, 1.1)
    pitch = log_uniform(rng, 85, 190) / size**1.5
    rate = rng.uniform(3, 7)
    signal = np.zeros(n_samples, dtype=np.float32)
    start = 0
    while start < n_samples:
        length = int(sample_rate / rate * rng.uniform(0.6, 1.4))
        melody = pitch * (1 - 0.2 * start / n_samples) * 2 ** rng.normal(0, 0.15)
        level = np.exp(0.4 * rng.standard_normal())
        add_at(signal, start, level * _syllable(rng, length, sample_rate, melody, size))
        pause = rng.uniform(0.15, 0.5) if rng.random() < 0.12 else 0
        start += length + int(pause * sample_rate)
    return signal


def dog(rng: Generator, n_samples: int, sample_rate: int) -> Signal:
    """Bark with a falling pitch, or howl."""
    size = rng.uniform(0.6, 1.2)
    pitch = log_uniform(rng, 180, 420) / size
    howls = rng.random() < 0.2
    breath = rng.uniform(0.05, 0.2) if howls else rng.uniform(0.2, 0.6)

    def bark(length: int) -> Signal:
        phase = np.linspace(0, 1, length)
        contour = pitch * (0.7 + 0.5 * np.sin(np.pi * phase ** rng.uniform(0.4, 0.8)))
        vowels = [
            _formants(rng, (450, 900), (1000, 1800), (2200, 3200), size)
            for _ in range(2)
        ]
        falloff = rng.uniform(0.7, 1.3)
        signal = _voice(
            rng, contour, sample_rate, vowels, falloff=falloff, breath=breath
        )
        signal = faded(signal, sample_rate, 0.01, 0.7 * length / sample_rate)
        return signal * (rng.uniform(0.5, 1.2) / rms(signal))

    if howls:
        return bark(n_samples)
    gap = rng.uniform(0.1, 0.5)
    return _in_turn(rng, n_samples, sample_rate, bark, (0.08, 0.35), (gap, 3 * gap))


def cat(rng: Generator, n_samples: int, sample_rate: int) -> Signal:
    """Miaow with an arched pitch, or purr, or hiss."""
    mood = rng.choice(["miaow", "purr", "hiss"], p=[0.8, 0.1, 0.1])
    if mood == "hiss":
        hiss = noise(rng, n_samples, sample_rate, band(rng.uniform(800, 3000), 9000))
        return faded(hiss, sample_rate, 0.1, 0.5 * n_samples / sample_rate)
    if mood == "purr":
        return _purr(rng, n_samples, sample_rate)
    size = rng.uniform(0.45, 0.8)
    pitch = log_uniform(rng, 350, 560) / size**0.5

    def miaow(length: int) -> Signal:
        arch = np.sin(np.pi * np.linspace(0, 1, length))
        contour = pitch * (0.8 + rng.uniform(0.1, 0.5) * arch)
        closed = _formants(rng, (300, 450), (1600, 2400), (2600, 3400), size)
        opened = _formants(rng, (700, 1000), (1200, 1800), (2600, 3400), size)
        vowels = [closed, opened, 0.6 * closed]
        falloff, breath = rng.uniform(0.7, 1.3), rng.uniform(0.02, 0.25)
        signal = _voice(
            rng, contour, sample_rate, vowels, falloff=falloff, breath=breath
        )
        return faded(signal, sample_rate, 0.08, 0.2) / rms(signal)

    return _in_turn(rng, n_samples, sample_rate, miaow, (0.35, 1.3), (0.2, 1.5))


def _purr(rng: Generator, n_samples: int, sample_rate: int) -> Signal:
    breathing = np.exp(0.4 * wander(rng, n_samples, sample_rate, 1))
    pitch = rng.uniform(20, 32) * (1 + 0.05 * breathing)
    purr = harmonics(rng, pitch, np.ones(40), sample_rate)
    purr += rng.standard_normal(n_samples, dtype=np.float32) * np.abs(purr)
    return breathing * filtered(purr, sample_rate, band(80, rng.uniform(300, 900)))


def _in_turn(
    rng: Generator,
    n_samples: int,
    sample_rate: int,
    call: Callable[[int], Signal],
    lengths: tuple[float, float],
    gaps: tuple[float, float],
) -> Signal:
    """Repeat a call of random length after random gaps, both in seconds."""
    signal = np.zeros(n_samples, dtype=np.float32)
    start = 0
    while start < n_samples:
        length = int(sample_rate * rng.uniform(*lengths))
        add_at(signal, start, call(length))
        start += length + int(sample_rate * rng.uniform(*gaps))
    return signal
