"""Clips, paths or waveforms, in; log-mel energies (n_mels, n_frames) float32 out.

`Analysis` is the formula, for one clip; `Extraction` does it for the clips of a call,
and keeps what cannot be used and what is used in part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import joblib
import librosa  # loads its costly parts when they are first used, not here
import numpy as np
import scipy.fft
import scipy.signal
import scipy.sparse
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sklearn_triplet._features.audio import promised_length, read
from sklearn_triplet._input.progress import show_progress

CHUNK = 64  # frames transformed at once, so that their spectra stay in the cache

Result = TypeVar("Result")


class Settings(NamedTuple):
    """What decides over the energies: the parameters of `LogMel`, all of them resolved.

    They are numbers of Python, so that those of numpy name the same folder on disk.

    Attributes
    ----------
    sample_rate : int
        In Hz.
    n_fft, win_length, hop_length : int
        In samples; ``win_length <= n_fft``.
    n_mels : int
    fmin, fmax : float
        In Hz, ``0 <= fmin < fmax <= sample_rate / 2``.
    log_floor : float
        Added to the energies before the logarithm.
    """

    sample_rate: int
    n_fft: int
    win_length: int
    hop_length: int
    n_mels: int
    fmin: float
    fmax: float
    log_floor: float


class Extracted(NamedTuple):
    """The energies (n_mels, n_frames) of a clip, and what is wrong with its file."""

    energies: NDArray[np.float32]
    flaw: str


class Analysis:
    """What turns any waveform into log-mel energies; made once per call.

    Parameters
    ----------
    settings : Settings

    Attributes
    ----------
    window : ndarray of shape (win_length,), float32
        Periodic Hann window.
    filters : csr_array of shape (n_mels, 1 + n_fft // 2), float32
        Triangles on the mel scale; 97 % of it are zeros.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        window = scipy.signal.get_window("hann", settings.win_length, fftbins=True)
        self.window = window.astype(np.float32)
        filters = librosa.filters.mel(
            sr=settings.sample_rate,
            n_fft=settings.n_fft,
            n_mels=settings.n_mels,
            fmin=settings.fmin,
            fmax=settings.fmax,
        )
        self.filters = scipy.sparse.csr_array(filters)

    def of_clip(self, clip: str | np.ndarray) -> Extracted:
        """Read one clip, and turn it into energies.

        Parameters
        ----------
        clip : str or ndarray of shape (n_samples,) or (n_channels, n_samples)
            A path, or a waveform at the `sample_rate` of the settings.

        Returns
        -------
        extracted : Extracted

        Raises
        ------
        FileNotFoundError, ValueError
            Where nothing of it can be read, or it is louder than float32 can hold.
        """
        sound = read(clip, self.settings.sample_rate)
        with np.errstate(over="ignore", invalid="ignore"):  # refused below
            energies = self.log_mel(sound.samples)
        if not np.isfinite(energies).all():
            name = repr(clip) if isinstance(clip, str) else "the waveform"
            raise ValueError(
                f"{name} is so loud that its energies are no finite float32: its "
                f"largest sample is {np.abs(sound.samples).max():.3g}. Bring it to "
                "[-1, 1] or leave it out of X and y."
            )
        return Extracted(energies, sound.flaw)

    def log_mel(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn samples into log-mel energies.

        Parameters
        ----------
        waveform : ndarray of shape (n_samples,), float32
            At least one sample.

        Returns
        -------
        energies : ndarray of shape (n_mels, n_frames), float32
            ``n_frames = 1 + n_samples // hop_length`` (for an odd `n_fft` of
            ``n_samples - 1``): the frames that librosa makes with ``center=True``.

        Notes
        -----
        Of frame t, ``log(filters @ abs(rfft(window * frame)) ** 2 + log_floor)``. It is
        centred at sample ``t * hop_length``; beyond its ends the clip is silent.
        """
        n_fft, hop = self.settings.n_fft, self.settings.hop_length
        n_frames = 1 + (len(waveform) - n_fft % 2) // hop
        n_window = len(self.window)
        # librosa centres the window in n_fft samples, and those at the hop
        before = n_fft // 2 - (n_fft - n_window) // 2
        end = (n_frames - 1) * hop + n_window
        padded = np.zeros(max(before + len(waveform), end), dtype=np.float32)
        padded[before : before + len(waveform)] = waveform
        frames = sliding_window_view(padded, n_window)[::hop][:n_frames]
        energies = np.empty((self.filters.shape[0], n_frames), dtype=np.float32)
        for start in range(0, n_frames, CHUNK):
            chunk = slice(start, start + CHUNK)
            # zeros behind the window instead of on both sides turn only the phase
            spectra = scipy.fft.rfft(frames[chunk] * self.window, n=n_fft)
            power = np.square(spectra.real) + np.square(spectra.imag)
            # the sparse product also rounds alike under any number of BLAS threads
            energies[:, chunk] = self.filters @ power.T
        energies += np.float32(self.settings.log_floor)
        return np.log(energies, out=energies)


@dataclass
class Extraction:
    """The clips of one call, the way to their energies, and what went wrong.

    Parameters
    ----------
    clips : list of str or list of ndarray
        Paths, or waveforms of shape (n_samples_i,) or (n_channels, n_samples_i).
    settings : Settings
    errors : {"raise", "warn"}
        Whether a clip that cannot be used ends the work.
    n_jobs : int or None
        Number of threads.
    verbose : int
        0: no progress bar.

    Attributes
    ----------
    problems : dict of int to Exception
        Why the clip of a row cannot be used.
    flaws : dict of int to str
        What is missing or damaged in the file of a row that is used nevertheless.
    """

    clips: list[str] | list[np.ndarray]
    settings: Settings
    errors: str
    n_jobs: int | None
    verbose: int
    problems: dict[int, Exception] = field(default_factory=dict)
    flaws: dict[int, str] = field(default_factory=dict)

    def features(self, dtype: str) -> np.ndarray:
        """Compute the energies of all clips in memory.

        Parameters
        ----------
        dtype : {"float32", "float16"}

        Returns
        -------
        features : ndarray of shape (n_clips, n_mels, n_frames)
            NaN behind the end of a clip, and where a clip cannot be used; as long as
            the longest clip, at least one frame.
        """
        promised = self.read_headers(range(len(self.clips)))
        # A header may promise hours that are not there, times the number of clips. So
        # the longest promise is tried first, and once one has been kept there is an
        # array: no later clip is longer.
        rows = sorted(promised, key=lambda row: -promised[row])
        following = dict(zip(rows, rows[1:], strict=False))
        features = np.full((len(self.clips), self.settings.n_mels, 1), np.nan, dtype)
        waiting: dict[int, NDArray[np.float32]] = {}
        longest = 1
        for row, energies in self.energies(rows):
            waiting[row] = energies
            longest = max(longest, energies.shape[1])
            is_last = row not in following
            hop = self.settings.hop_length
            if is_last or longest * hop >= promised[following[row]]:
                features = _fill(features, waiting)
        self.raise_first()
        return _fill(features, waiting)

    def read_headers(self, rows: Iterable[int]) -> dict[int, float]:
        """Tell what the clips in some rows promise, in samples.

        A missing last file is told now, and not after hours of decoding.

        Parameters
        ----------
        rows : iterable of int

        Returns
        -------
        promised : dict of int to float
            Without the rows that are no sound, which are kept as problems or raised.
        """
        rate = self.settings.sample_rate
        promised: dict[int, float] = {}
        for row in show_progress(
            list(rows), "LogMel, headers", unit="clip", verbose=self.verbose
        ):
            found = outcome_of(promised_length, self.clips[row], rate)
            if isinstance(found, Exception):
                self.problems[row] = found
            else:
                promised[row] = found
        self.raise_first()
        return promised

    def energies(
        self, rows: list[int], *, done: int = 0
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Compute the clips in some rows; problems and flaws are kept.

        Parameters
        ----------
        rows : list of int
        done : int
            Number of clips that the progress bar counts as done before.

        Yields
        ------
        row : int
            In the order of `rows`, without those that cannot be used.
        energies : ndarray of shape (n_mels, n_frames), float32
        """
        analysis = Analysis(self.settings)

        def tasks() -> Iterator[tuple]:
            for row in rows:
                # joblib warns where one leaves its generator early: let it run dry
                if self.problems and self.errors == "raise":
                    return
                yield joblib.delayed(outcome_of)(analysis.of_clip, self.clips[row])

        # threads: the work releases the lock, and workers need not import torch
        parallel = joblib.Parallel(self.n_jobs, prefer="threads", return_as="generator")
        outcomes: Iterator[Extracted | Exception] = show_progress(
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
                continue
            if outcome.flaw:
                self.flaws[row] = outcome.flaw
            yield row, outcome.energies

    def raise_first(self) -> None:
        """Raise the problem that was met first, if that was asked for.

        Not that of the first row: which others were met before all threads had stopped
        is a matter of chance.

        Raises
        ------
        FileNotFoundError, ValueError
            With `errors` 'raise', and a sentence that names the row.
        """
        if self.problems and self.errors == "raise":
            row, problem = next(iter(self.problems.items()))
            raise refusal(row, problem) from problem.__cause__


def outcome_of(
    function: Callable[..., Result], *arguments: object
) -> Result | ValueError | OSError:
    """Call a function; an error that its clip causes is returned, not raised.

    Parameters
    ----------
    function : callable
    *arguments : object

    Returns
    -------
    outcome : object, ValueError or OSError
        What the function returns, or the error: one bad clip does not end the others.
    """
    try:
        return function(*arguments)
    except (ValueError, OSError) as error:
        return error


def refusal(row: int, problem: Exception) -> Exception:
    """Say which row of X a problem is about, and how to go on without it.

    Parameters
    ----------
    row : int
    problem : Exception
        As it was raised when the clip was read.

    Returns
    -------
    error : FileNotFoundError or ValueError
        To be raised.
    """
    is_missing = isinstance(problem, FileNotFoundError)
    return (FileNotFoundError if is_missing else ValueError)(
        f"Row {row} of X of LogMel: {problem} With errors='warn' such a clip "
        "becomes a row of NaN."
    )


def _fill(features: np.ndarray, waiting: dict[int, NDArray[np.float32]]) -> np.ndarray:
    """Move energies to their rows of features.

    Parameters
    ----------
    features : ndarray of shape (n_clips, n_mels, n_frames)
        NaN where nothing is yet.
    waiting : dict of int to ndarray of shape (n_mels, n_frames_i)
        By row; emptied.

    Returns
    -------
    features : ndarray of shape (n_clips, n_mels, max(n_frames, n_frames_i))
        The same array, or a wider copy where it is too short.
    """
    longest = max((energies.shape[1] for energies in waiting.values()), default=1)
    if longest > features.shape[2]:
        wider = np.full((*features.shape[:2], longest), np.nan, features.dtype)
        wider[:, :, : features.shape[2]] = features
        features = wider
    while waiting:
        row, energies = waiting.popitem()
        features[row, :, : energies.shape[1]] = energies
    return features
