"""Paths of recordings in; where each sounds, and its samples (n_samples,), out."""

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

import numpy as np

from sklearn_triplet._features.audio import load

BLOCKS_PER_SECOND = 100
# power of a sounding block: over the loudest one, and of a recording at all (-90 dB)
SOUNDING, AUDIBLE = 1e-4, 1e-9
# a crop of a recording with pauses holds this share of its mean power, or more
LOUD_ENOUGH = 0.1
CACHE_BYTES = 2**29


class Sounding(NamedTuple):
    """The part of a recording without the silence at its ends, in samples.

    ``energies`` of shape (n_blocks + 1,) are the summed powers before each block.
    """

    start: int
    stop: int
    energies: np.ndarray


class Recordings:
    """Mono samples by path; what was decoded last is kept, up to ``n_bytes``.

    Parameters
    ----------
    sample_rate : int
        In Hz; other recordings are resampled.
    n_bytes : int
        How much is kept. At least one recording is.
    """

    def __init__(self, sample_rate: int, n_bytes: int = CACHE_BYTES) -> None:
        self.sample_rate = sample_rate
        self.n_bytes = n_bytes
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def load(self, path: str) -> np.ndarray:
        """Return the samples of a recording, which must not be changed.

        Parameters
        ----------
        path : str

        Returns
        -------
        waveform : ndarray of shape (n_samples,), float32

        Raises
        ------
        FileNotFoundError, ValueError
            If there is no such file or it cannot be read.
        """
        with self._lock:
            if path in self._kept:
                self._kept.move_to_end(path)
                return self._kept[path]
        waveform = load(path, self.sample_rate)
        waveform.flags.writeable = False
        with self._lock:
            if path not in self._kept:
                self._kept[path] = waveform
                self._size += waveform.nbytes
            while self._size > self.n_bytes and len(self._kept) > 1:
                self._size -= self._kept.popitem(last=False)[1].nbytes
        return waveform

    def find_sounding(self, path: str) -> Sounding | None:
        """Find where a recording sounds; None where it is silent throughout.

        Parameters
        ----------
        path : str

        Returns
        -------
        sounding : Sounding or None
        """
        waveform, n_block = self.load(path), self.n_block
        n_blocks = len(waveform) // n_block
        blocks = waveform[: n_blocks * n_block].reshape(n_blocks, n_block)
        powers = np.square(blocks, dtype=np.float64).mean(axis=1)
        if not n_blocks or powers.max() < AUDIBLE:
            return None
        first, last = np.flatnonzero(powers >= SOUNDING * powers.max())[[0, -1]]
        energies = np.concatenate([[0], np.cumsum(powers[first : last + 1])])
        return Sounding(int(first) * n_block, (int(last) + 1) * n_block, energies)

    @property
    def n_block(self) -> int:
        """Samples of a block."""
        return self.sample_rate // BLOCKS_PER_SECOND

    def draw_crop(
        self, rng: np.random.Generator, sounding: Sounding, n_samples: int
    ) -> int:
        """Draw where to cut out ``n_samples``, not out of a pause.

        Parameters
        ----------
        rng : numpy.random.Generator
        sounding : Sounding
        n_samples : int
            At most those of the sounding part, up to rounding.

        Returns
        -------
        start : int
            A sample of the recording.
        """
        n_blocks = len(sounding.energies) - 1
        # whole blocks only: what is counted as loud must be inside the crop
        n_inside = min(max(1, n_samples // self.n_block), n_blocks)
        n_starts = max(0, n_blocks - -(-n_samples // self.n_block)) + 1
        before, after = sounding.energies[:n_starts], sounding.energies[n_inside:]
        energies = after[:n_starts] - before
        mean = sounding.energies[-1] / n_blocks * n_inside
        starts = np.flatnonzero(energies >= min(LOUD_ENOUGH * mean, energies.max()))
        return sounding.start + int(rng.choice(starts)) * self.n_block
