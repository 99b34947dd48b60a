"""Building blocks of synthetic sound: each takes a generator, returns (n_samples,).

A *response* is the gain of a filter at the fixed ``FREQUENCIES``: responses multiply,
whatever the sample rate and the length of the signal.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from scipy import fft

# float32; but numpy's types make float64 of a product with a number
Signal: TypeAlias = NDArray[np.floating]
Response: TypeAlias = NDArray[np.float64]

FREQUENCIES = np.geomspace(10, 100_000, 512)
TABLE_SIZE = 8192
GAIN_POINTS = 16_384


def log_uniform(rng: Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform, as rates and lengths are."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def band(low: float, high: float, order: int = 2) -> Response:
    """Response that passes from ``low`` to ``high`` Hz with slopes of 6 order dB."""
    below = (low / FREQUENCIES) ** (2 * order)
    above = (FREQUENCIES / high) ** (2 * order)
    return 1 / np.sqrt((1 + below) * (1 + above))


def tilt(decibel_per_octave: float) -> Response:
    """Response that rises or falls steadily, 1 at 1 kHz."""
    return (FREQUENCIES / 1000) ** (decibel_per_octave / 6.02)


def resonances(
    centres: ArrayLike, widths: ArrayLike, gains: ArrayLike = 1.0
) -> Response:
    """Response that is the sum of peaks at ``centres`` with ``widths``, both in Hz."""
    distance = (FREQUENCIES[:, None] - np.asarray(centres)) / np.asarray(widths)
    return (np.asarray(gains) / np.sqrt(1 + distance**2)).sum(axis=1)


def filtered(signal: Signal, sample_rate: int, response: Response) -> Signal:
    """Apply a response to a signal, without delay."""
    n_fft = fft.next_fast_len(len(signal), real=True)
    spectrum = fft.rfft(signal.astype(np.float32, copy=False), n_fft)
    spectrum *= gain(response, n_fft, sample_rate)
    return fft.irfft(spectrum, n_fft)[: len(signal)]


def noise(
    rng: Generator, n_samples: int, sample_rate: int, response: Response
) -> Signal:
    """Gaussian noise coloured by a response."""
    # drawn in frequency, one transform instead of two; uniform numbers will do, for
    # the sum over all frequencies is Gaussian anyway
    n_fft = fft.next_fast_len(n_samples, real=True)
    spectrum = rng.random(2 * (n_fft // 2 + 1), dtype=np.float32)
    spectrum -= 0.5
    spectrum = spectrum.view(np.complex64)
    spectrum *= gain(response, n_fft, sample_rate)
    return fft.irfft(spectrum, n_fft)[:n_samples] * np.float32(np.sqrt(n_fft))


def gain(response: Response, n_fft: int, sample_rate: int) -> Signal:
    """Read a response at the frequencies of a transform, shape (n_fft // 2 + 1,)."""
    n_gains = n_fft // 2 + 1
    # responses are smooth: in a long signal, neighbouring frequencies can share a gain
    step = max(1, n_gains // GAIN_POINTS)
    frequencies = np.arange(0, n_gains, step) * (sample_rate / n_fft)
    gains = np.interp(frequencies, FREQUENCIES, response).astype(np.float32)
    return np.repeat(gains, step)[:n_gains]


def wander(rng: Generator, n_samples: int, sample_rate: int, rate: float) -> Signal:
    """Slow random curve of mean 0, deviation about 1 and ``rate`` bends a second."""
    n_knots = int(np.ceil(n_samples / sample_rate * rate)) + 2
    knots = np.linspace(0, n_samples, n_knots)
    curve = np.interp(np.arange(n_samples), knots, rng.standard_normal(n_knots))
    return curve.astype(np.float32)


def impulses(
    rng: Generator, n_samples: int, sample_rate: int, rate: float, spread: float = 1.0
) -> Signal:
    """Clicks at random times, ``rate`` a second, of log-normally spread height."""
    signal = np.zeros(n_samples, dtype=np.float32)
    n_clicks = rng.poisson(rate * n_samples / sample_rate)
    heights = np.exp(spread * rng.standard_normal(n_clicks))
    signal[rng.integers(n_samples, size=n_clicks)] = heights * rng.choice(
        [-1, 1], size=n_clicks
    )
    return signal


def harmonics(
    rng: Generator, pitch: NDArray[np.floating], amplitudes: ArrayLike, sample_rate: int
) -> Signal:
    """Tone of a changing pitch with fixed relative amplitudes of its harmonics.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the phases.
    pitch : ndarray of shape (n_samples,)
        Fundamental frequency in Hz.
    amplitudes : array-like of shape (n_harmonics,)
        Those above half the sample rate are left out.
    sample_rate : int
        In Hz.

    Returns
    -------
    signal : ndarray of shape (n_samples,), float32
    """
    # one period is computed once and read at the speed of the pitch
    n_audible = int(0.48 * sample_rate / pitch.max())
    spectrum = np.zeros(TABLE_SIZE // 2 + 1, dtype=np.complex64)
    amplitudes = np.asarray(amplitudes)
    audible = amplitudes[: min(n_audible, TABLE_SIZE // 4)]
    phases = rng.uniform(0, 2 * np.pi, len(amplitudes))[: len(audible)]
    spectrum[1 : len(audible) + 1] = audible * np.exp(1j * phases)
    table = fft.irfft(spectrum) * np.float32(TABLE_SIZE / 2)
    # float64: a float32 sum over minutes of samples would drift out of tune
    position = np.cumsum(pitch * (TABLE_SIZE / sample_rate), dtype=np.float64)
    return table[position.astype(np.int64) & (TABLE_SIZE - 1)]


def ringing(
    rng: Generator,
    n_samples: int,
    sample_rate: int,
    frequencies: ArrayLike,
    decays: ArrayLike,
) -> Signal:
    """Modes of a struck object: damped sines, shape (n_modes, n_ring_samples).

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the phases.
    n_samples : int
        The longest that the modes may be.
    sample_rate : int
        In Hz.
    frequencies : array-like of shape (n_modes,)
        In Hz; modes above half the sample rate are silent.
    decays : array-like of shape (n_modes,)
        Seconds until a mode has fallen to 1/e.

    Returns
    -------
    modes : ndarray of shape (n_modes, n_ring_samples), float32
    """
    decays = np.asarray(decays)
    n_ring = max(1, min(n_samples, int(6 * decays.max() * sample_rate)))
    time = np.arange(n_ring, dtype=np.float32) / np.float32(sample_rate)
    frequencies = np.asarray(frequencies)[:, None]
    phases = rng.uniform(0, 2 * np.pi, frequencies.shape)
    angle = (2 * np.pi * frequencies).astype(np.float32) * time
    modes = np.sin(angle + phases.astype(np.float32))
    modes *= np.exp(-time / decays[:, None].astype(np.float32))
    return modes * (frequencies < 0.48 * sample_rate)


def add_at(signal: Signal, start: int, part: Signal) -> None:
    """Add a part to the signal in place, as far as it fits."""
    stop = min(len(signal), start + len(part))
    if start < stop:
        signal[start:stop] += part[: stop - start]


def faded(signal: Signal, sample_rate: int, attack: float, release: float) -> Signal:
    """Fade the signal in and out over ``attack`` and ``release`` seconds, in place."""
    for length, ends in ((attack, signal), (release, signal[::-1])):
        n_fade = min(len(signal), max(1, int(length * sample_rate)))
        ends[:n_fade] *= np.linspace(0, 1, n_fade, dtype=np.float32)
    return signal


def rms(signal: Signal) -> float:
    """Root of the mean power."""
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))
