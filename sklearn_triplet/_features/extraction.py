"""Clips, paths or waveforms, in; log-mel energies (n_mels, n_frames) float32 out.

`LogMel` holds the parameters and the manners of a transformer, this module the work.
"""

from __future__ import annotations

import numbers
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypedDict

import joblib
import librosa  # loads its costly parts when they are first used, not here
import numpy as np
import scipy.fft
import scipy.signal
import scipy.sparse
from numpy.lib.stride_tricks import sliding_window_view

from sklearn_triplet._features.audio import attempt, count_samples, load
from sklearn_triplet._input.parameters import check_choice, check_number
from sklearn_triplet._input.progress import show_progress

if TYPE_CHECKING:
    from sklearn_triplet._features.log_mel import LogMel

FLOAT32 = np.finfo(np.float32)
CHUNK = 64  # frames transformed at once, so that their spectra stay in the cache


@dataclass(frozen=True)
class Analysis:
    """What turns any waveform into log-mel energies; made once per call."""

    sample_rate: int
    n_fft: int
    hop_length: int
    window: np.ndarray  # (win_length,)
    filters: scipy.sparse.csr_array  # (n_mels, 1 + n_fft // 2); 97 % of it are zeros
    log_floor: float

    def count_frames(self, n_samples: int) -> int:
        """Count the frames whose window, centred with n_fft, fits in a clip."""
        return int(1 + (n_samples - self.n_fft % 2) // self.hop_length)

    def log_mel(self, waveform: np.ndarray) -> np.ndarray:
        """Turn samples (n_samples,) into energies (n_mels, n_frames), both float32."""
        n_frames = self.count_frames(len(waveform))
        n_window = len(self.window)
        before = self.n_fft // 2 - (self.n_fft - n_window) // 2
        end = (n_frames - 1) * self.hop_length + n_window
        padded = np.zeros(max(before + len(waveform), end), dtype=np.float32)
        padded[before : before + len(waveform)] = waveform
        frames = sliding_window_view(padded, n_window)[:: self.hop_length][:n_frames]
        energies = np.empty((self.filters.shape[0], n_frames), dtype=np.float32)
        for start in range(0, n_frames, CHUNK):
            chunk = slice(start, start + CHUNK)
            # zeros behind the window instead of on both sides turn only the phase
            spectra = scipy.fft.rfft(frames[chunk] * self.window, n=self.n_fft)
            power = np.square(spectra.real) + np.square(spectra.imag)
            # the sparse product also rounds alike under any number of BLAS threads
            energies[:, chunk] = self.filters @ power.T
        energies += np.float32(self.log_floor)
        return np.log(energies, out=energies)

    def of_clip(self, clip: str | np.ndarray) -> np.ndarray:
        """Read one clip, a path or a waveform, into energies (n_mels, n_frames)."""
        return self.log_mel(load(clip, self.sample_rate))


def make_analysis(settings: LogMel) -> Analysis:
    """Make window and filters from the parameters of a LogMel."""
    filters = librosa.filters.mel(
        sr=settings.sample_rate,
        n_fft=settings.n_fft,
        n_mels=settings.n_mels,
        fmin=settings.fmin,
        fmax=settings.fmax,
    )
    window = scipy.signal.get_window("hann", settings.win_length, fftbins=True)
    return Analysis(
        settings.sample_rate,
        settings.n_fft,
        settings.hop_length,
        window.astype(np.float32),
        scipy.sparse.csr_array(filters),
        settings.log_floor,
    )


def check_parameters(settings: LogMel) -> None:
    """Refuse a parameter of a LogMel outside its range, in a sentence."""
    whole, real = numbers.Integral, numbers.Real
    check_number(settings, "sample_rate", whole, 1, np.inf)
    check_number(settings, "n_fft", whole, 2, np.inf)
    check_number(settings, "win_length", whole, 1, settings.n_fft)
    check_number(settings, "hop_length", whole, 1, np.inf)
    check_number(settings, "n_mels", whole, 1, np.inf)
    half = settings.sample_rate / 2
    check_number(settings, "fmin", real, 0, half, right="open")
    if settings.fmax is not None:
        check_number(settings, "fmax", real, settings.fmin, half, left="open")
    tiny, largest = float(FLOAT32.tiny), float(FLOAT32.max)
    check_number(settings, "log_floor", real, tiny, largest)
    check_choice(settings, "dtype", ("float32", "float16"))
    check_choice(settings, "errors", ("raise", "warn"))
    location_of(settings.memory)
    n_jobs = settings.n_jobs
    if n_jobs is not None and (not isinstance(n_jobs, whole) or n_jobs == 0):
        raise ValueError(
            "The 'n_jobs' parameter of LogMel must be None or an integer other "
            f"than 0. Got {n_jobs!r} instead."
        )
    if not isinstance(settings.verbose, bool):
        check_number(settings, "verbose", whole, 0, np.inf)


def location_of(memory: object) -> str | None:
    """Find the folder that the 'memory' parameter of LogMel means, or refuse it."""
    # a joblib.Memory keeps its own things in a folder of its own below its location
    location = getattr(memory, "location", memory)
    if location is None:
        return None
    path = os.fspath(location) if isinstance(location, str | os.PathLike) else None
    if not isinstance(path, str) or location == "":
        raise ValueError(
            "The 'memory' parameter of LogMel must be None, the path of a folder or a "
            f"joblib.Memory. Got {memory!r} instead."
        )
    return os.path.abspath(os.path.expanduser(path))


class DecisiveParameters(TypedDict):
    """What decides over the values of a LogMel, in a form that files can hold."""

    sample_rate: int
    n_fft: int
    win_length: int
    hop_length: int
    n_mels: int
    fmin: float
    fmax: float
    log_floor: float
    dtype: str


def decisive_parameters(settings: LogMel) -> DecisiveParameters:
    """Collect them; a number of numpy names the same folder as one of Python."""
    fmax = settings.sample_rate / 2 if settings.fmax is None else settings.fmax
    return {
        "sample_rate": int(settings.sample_rate),
        "n_fft": int(settings.n_fft),
        "win_length": int(settings.win_length),
        "hop_length": int(settings.hop_length),
        "n_mels": int(settings.n_mels),
        "fmin": float(settings.fmin),
        "fmax": float(fmax),
        "log_floor": float(settings.log_floor),
        "dtype": str(settings.dtype),
    }


@dataclass
class Extraction:
    """The clips of one call, the way to their energies, and what went wrong."""

    clips: list[str] | list[np.ndarray]
    analysis: Analysis
    errors: str
    n_jobs: int | None
    verbose: int
    problems: dict[int, Exception] = field(default_factory=dict)  # by row

    def count_frames(self, rows: Iterable[int]) -> dict[int, int]:
        """Count the frames of the clips in some rows; problems are kept or raised."""
        # headers first: a missing last file is told now, and the output is made once
        count = partial(count_samples, sample_rate=self.analysis.sample_rate)
        rows = show_progress(
            list(rows), "LogMel, headers", unit="clip", verbose=self.verbose
        )
        n_samples = {row: attempt(count, self.clips[row]) for row in rows}
        self.problems |= only_errors(n_samples.items())
        raise_first(self.problems, self.errors)
        return {
            row: self.analysis.count_frames(found)
            for row, found in n_samples.items()
            if not isinstance(found, Exception)
        }

    def energies(
        self, rows: list[int], *, done: int = 0
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Yield row and energies of the usable clips in some rows, in order."""

        def tasks() -> Iterator[tuple]:
            for row in rows:
                # joblib warns where one leaves its generator early: let it run dry
                if self.problems and self.errors == "raise":
                    return
                yield joblib.delayed(attempt)(self.analysis.of_clip, self.clips[row])

        # threads: the work releases the lock, and workers need not import torch
        parallel = joblib.Parallel(self.n_jobs, prefer="threads", return_as="generator")
        outcomes: Iterator[np.ndarray | Exception] = show_progress(
            parallel(tasks()),
            "LogMel",
            unit="clip",
            total=done + len(rows),
            done=done,
            verbose=self.verbose,
        )
        for outcome, row in zip(outcomes, rows, strict=False):
            if isinstance(outcome, Exception):
                self.problems[row] = outcome
            else:
                yield row, outcome


def raise_first(problems: dict[int, Exception], errors: str) -> None:
    """Raise the problem of the first row that has one, if that was asked for."""
    if problems and errors == "raise":
        row = min(problems)
        problem = problems[row]
        is_missing = isinstance(problem, FileNotFoundError)
        raise (FileNotFoundError if is_missing else ValueError)(
            f"Row {row} of X of LogMel: {problem} With errors='warn' such a clip "
            "becomes a row of NaN."
        ) from problem.__cause__


def only_errors(outcomes: Iterable[tuple[int, object]]) -> dict[int, Exception]:
    """Keep the rows whose outcome is an error."""
    return {row: error for row, error in outcomes if isinstance(error, Exception)}


def extract(extraction: Extraction, n_mels: int, dtype: str) -> np.ndarray:
    """Compute features (n_clips, n_mels, n_frames) in memory; missing ones are NaN."""
    n_clips = len(extraction.clips)
    n_frames = extraction.count_frames(range(n_clips))
    longest = max(n_frames.values(), default=1)
    features = np.full((n_clips, n_mels, longest), np.nan, dtype)
    for row, energies in extraction.energies(sorted(n_frames)):
        features[row, :, : energies.shape[1]] = energies
    raise_first(extraction.problems, extraction.errors)
    kept = [n_frames[row] for row in n_frames.keys() - extraction.problems]
    return np.ascontiguousarray(features[:, :, : max(kept, default=1)])
