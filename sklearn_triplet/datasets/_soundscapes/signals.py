"""Building blocks of synthetic sound: random numbers in, signals (n_samples,) out.

A *response* is the gain of a filter at the fixed ``FREQUENCIES``: responses multiply,
whatever the sample rate and the length of the signal. Signals are mono, of any level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from scipy import fft

# float32; but numpy's types make float64 of a product with a number
Signal: TypeAlias = NDArray[np.floating]
Response: TypeAlias = NDArray[np.float64]

FREQUENCIES = np.geomspace(10, 100_000, 512)  # in Hz
TABLE_SIZE = 8192  # samples of one period; a power of two, so that & wraps around
GAIN_POINTS = 16_384  # finest resolution of a response in a long transform
NYQUIST_SHARE = 0.48  # partials above this share of the sample rate are left out


def band(low: float, high: float, order: int = 2) -> Response:
    """Response that passes from ``low`` to ``high`` Hz with slopes of 6 order dB.

    Notes
    -----
    Two Butterworth filters in a row [1]_, of which only the gain is taken:
    ``1 / sqrt((1 + (low / f) ** (2 * order)) * (1 + (f / high) ** (2 * order)))``.

    References
    ----------
    .. [1] S. Butterworth, "On the theory of filter amplifiers", Experimental Wireless
       and the Wireless Engineer 7, 1930, pp. 536-541.

    Examples
    --------
    >>> passed = band(100, 1000)
    >>> bool(passed[np.abs(FREQUENCIES - 300).argmin()] > 0.98)
    True
    """
    below = (low / FREQUENCIES) ** (2 * order)
    above = (FREQUENCIES / high) ** (2 * order)
    return 1 / np.sqrt((1 + below) * (1 + above))


def tilt(decibel_per_octave: float) -> Response:
    """Response that rises or falls steadily, 1 at 1 kHz: 0 white, -3.01 pink."""
    return (FREQUENCIES / 1000) ** (decibel_per_octave / 6.02)


def resonances(
    centres: ArrayLike, widths: ArrayLike, gains: ArrayLike = 1.0
) -> Response:
    """Response that is the sum of peaks at ``centres`` with ``widths``, both in Hz."""
    distance = (FREQUENCIES[:, None] - np.asarray(centres)) / np.asarray(widths)
    return (np.asarray(gains) / np.sqrt(1 + distance**2)).sum(axis=1)


def gain(response: Response, n_fft: int, sample_rate: int) -> Signal:
    """Read a response at the frequencies of a transform, shape (n_fft // 2 + 1,)."""
    n_gains = n_fft // 2 + 1
    # responses are smooth: in a long signal, neighbouring frequencies can share a gain
    step = max(1, n_gains // GAIN_POINTS)
    frequencies = np.arange(0, n_gains, step) * (sample_rate / n_fft)
    gains = np.interp(frequencies, FREQUENCIES, response).astype(np.float32)
    return np.repeat(gains, step)[:n_gains]


def rms(signal: Signal) -> float:
    """Root of the mean power, in float64: float32 sums lose digits in long signals."""
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))


def add_at(signal: Signal, start: int, part: Signal) -> None:
    """Add a part to the signal in place, as far as it fits."""
    place = signal[start : start + len(part)]
    place += part[: len(place)]


@dataclass(frozen=True)
class Synth:
    """What every signal needs: where chance comes from, and samples per second.

    Parameters
    ----------
    rng : numpy.random.Generator
        Drawn from in the order of the calls, which is part of what a seed means: an
        exchange of two calls makes another corpus.
    sample_rate : int
        In Hz.

    Examples
    --------
    >>> synth = Synth(np.random.default_rng(0), 16000)
    >>> synth.noise(8000, tilt(-3.01)).shape
    (8000,)
    """

    rng: Generator
    sample_rate: int

    def log_uniform(self, low: float, high: float) -> float:
        """Draw a number whose logarithm is uniform, as rates and lengths are."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def filtered(self, signal: Signal, response: Response) -> Signal:
        """Apply a response to a signal, without delay."""
        n_fft = fft.next_fast_len(len(signal), real=True)
        spectrum = fft.rfft(signal.astype(np.float32, copy=False), n_fft)
        spectrum *= gain(response, n_fft, self.sample_rate)
        return fft.irfft(spectrum, n_fft)[: len(signal)]

    def noise(self, n_samples: int, response: Response) -> Signal:
        """Gaussian noise coloured by a response."""
        # drawn in frequency, one transform instead of two; uniform numbers will do, for
        # the sum over all frequencies is Gaussian anyway
        n_fft = fft.next_fast_len(n_samples, real=True)
        spectrum = self.rng.random(2 * (n_fft // 2 + 1), dtype=np.float32)
        spectrum = (spectrum - np.float32(0.5)).view(np.complex64)
        spectrum *= gain(response, n_fft, self.sample_rate)
        return fft.irfft(spectrum, n_fft)[:n_samples] * np.float32(np.sqrt(n_fft))

    def wander(self, n_samples: int, rate: float) -> Signal:
        """Slow random curve of mean 0 and deviation near 1, ``rate`` bends a second."""
        n_knots = int(np.ceil(n_samples / self.sample_rate * rate)) + 2
        knots = np.linspace(0, n_samples, n_knots)
        heights = self.rng.standard_normal(n_knots)
        return np.interp(np.arange(n_samples), knots, heights).astype(np.float32)

    def impulses(self, n_samples: int, rate: float) -> Signal:
        """Clicks at random times, ``rate`` a second, of log-normally spread height."""
        signal = np.zeros(n_samples, dtype=np.float32)
        n_clicks = self.rng.poisson(rate * n_samples / self.sample_rate)
        heights = np.exp(self.rng.standard_normal(n_clicks))
        heights *= self.rng.choice([-1, 1], size=n_clicks)
        signal[self.rng.integers(n_samples, size=n_clicks)] = heights
        return signal

    def harmonics(self, pitch: Signal, amplitudes: ArrayLike) -> Signal:
        """Tone of a changing pitch with fixed relative amplitudes of its harmonics.

        Parameters
        ----------
        pitch : ndarray of shape (n_samples,)
            Fundamental frequency in Hz.
        amplitudes : array-like of shape (n_harmonics,)
            Those that would be folded back at the highest pitch are left out.

        Returns
        -------
        signal : ndarray of shape (n_samples,), float32

        Notes
        -----
        Wavetable synthesis: one period is computed once, with random phases, and read
        at the speed of the pitch, so that a harmonic costs nothing per sample.
        """
        amplitudes = np.asarray(amplitudes)
        n_heard = int(NYQUIST_SHARE * self.sample_rate / pitch.max())
        heard = amplitudes[: min(n_heard, TABLE_SIZE // 4)]
        # phases are drawn for all: the next number must not depend on the pitch
        phases = self.rng.uniform(0, 2 * np.pi, len(amplitudes))[: len(heard)]
        spectrum = np.zeros(TABLE_SIZE // 2 + 1, dtype=np.complex64)
        spectrum[1 : len(heard) + 1] = heard * np.exp(1j * phases)
        table = fft.irfft(spectrum) * np.float32(TABLE_SIZE / 2)
        # float64: a float32 sum over minutes of samples would drift out of tune
        position = np.cumsum(pitch * (TABLE_SIZE / self.sample_rate), dtype=np.float64)
        return table[position.astype(np.int64) & (TABLE_SIZE - 1)]

    def ringing(self, n_samples: int, frequencies: NDArray, decays: NDArray) -> Signal:
        """Modes of a struck object: damped sines, shape (n_modes, n_ring_samples).

        Parameters
        ----------
        n_samples : int
            The longest that the modes may be.
        frequencies : ndarray of shape (n_modes,)
            In Hz; modes above half the sample rate are silent.
        decays : ndarray of shape (n_modes,)
            Seconds until a mode has fallen to 1/e; after six times the longest all
            are below -52 dB, and end.
        """
        n_ring = max(1, min(n_samples, int(6 * decays.max() * self.sample_rate)))
        time = np.arange(n_ring, dtype=np.float32) / np.float32(self.sample_rate)
        column = frequencies[:, None]
        phases = self.rng.uniform(0, 2 * np.pi, column.shape).astype(np.float32)
        modes = np.sin((2 * np.pi * column).astype(np.float32) * time + phases)
        modes *= np.exp(-time / decays[:, None].astype(np.float32))
        return modes * (column < NYQUIST_SHARE * self.sample_rate)

    def faded(self, signal: Signal, attack: float, release: float) -> Signal:
        """Fade the signal in and out over seconds, in place; return it."""
        for length, ends in ((attack, signal), (release, signal[::-1])):
            n_fade = min(len(signal), max(1, int(length * self.sample_rate)))
            ends[:n_fade] *= np.linspace(0, 1, n_fade, dtype=np.float32)
        return signal
