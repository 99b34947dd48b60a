"""Clips, paths, windows or waveforms, in; log-mel energies (n_mels, n_frames) out.

`Analysis` is the formula, for one clip; `Extraction` does it for the clips of a call,
and keeps what cannot be used and what is used in part. A long recording goes through
block by block, and its energies to a temporary file.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
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

from sklearn_triplet._features.audio import Clip, Reader, name_clip, promised_length
from sklearn_triplet._input.progress import show_progress

CHUNK = 64  # frames transformed at once, so that their spectra stay in the cache
PART = 64 * CHUNK  # frames computed before more is decoded, 41 s at a hop of 10 ms
LONG = 16 * PART  # frames; the energies of longer clips wait on the disk, not in memory

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
    """What became of a clip.

    Attributes
    ----------
    parts : sequence of ndarray of shape (n_mels, n)
        Its energies, side by side: one array, or of a long recording maps of `PART`
        frames each, the last of fewer.
    flaw : str
        What is wrong with its file.
    """

    parts: Sequence[NDArray]
    flaw: str

    @property
    def n_frames(self) -> int:
        """Frames of all parts."""
        return sum(part.shape[1] for part in self.parts)

    def write_to(self, target: NDArray, bands: slice = slice(None)) -> None:
        """Write some bands, (n_bands, n_frames), and NaN where the target is longer."""
        begin = 0
        for part in self.parts:
            end = begin + part.shape[1]
            target[:, begin:end] = part[bands]
            begin = end
        target[:, begin:] = np.nan


class DiskError(Exception):
    """The disk has no room for what waits there; no fault of the clip."""


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

    def of_clip(self, clip: Clip, folder: str | None = None) -> Extracted:
        """Read one clip, and turn it into energies.

        Parameters
        ----------
        clip : str, Window or ndarray of shape (n_samples,) or (n_channels, n_samples)
            A path, a part of a file, or a waveform at the `sample_rate` of the
            settings.
        folder : str or None
            For the energies of a clip of more than `LONG` frames; ``None``: that of
            temporary files.

        Returns
        -------
        extracted : Extracted

        Raises
        ------
        FileNotFoundError, ValueError
            Where nothing of it can be read, or it is louder than float32 can hold.
        DiskError
            Where there is no room in the folder.
        """
        reader = Reader(clip, self.settings.sample_rate)
        largest = 0.0

        def blocks() -> Iterator[NDArray[np.float32]]:
            nonlocal largest
            for block in reader.blocks():
                if len(block):
                    largest = max(largest, -float(block.min()), float(block.max()))
                yield block

        def finite_parts() -> Iterator[NDArray[np.float32]]:
            for part in self.log_mel(blocks()):
                if not np.isfinite(part).all():
                    raise ValueError(
                        f"{name_clip(clip)} is so loud that its energies are no finite "
                        f"float32: its largest sample is {largest:.3g}. Bring it to "
                        "[-1, 1] or leave it out of X and y."
                    )
                yield part

        parts = _collect(finite_parts(), folder)
        return Extracted(parts, reader.flaw)

    def log_mel(
        self, blocks: Iterable[NDArray[np.float32]]
    ) -> Iterator[NDArray[np.float32]]:
        """Turn samples into log-mel energies.

        Parameters
        ----------
        blocks : iterable of ndarray of shape (n,), float32
            Of a waveform of at least one sample.

        Yields
        ------
        energies : ndarray of shape (n_mels, n), float32
            `PART` frames each, the last fewer, in all ``1 + n_samples // hop_length``
            (for an odd `n_fft` of ``n_samples - 1``): the frames that librosa makes
            with ``center=True``.

        Notes
        -----
        Of frame t, ``log(filters @ abs(rfft(window * frame)) ** 2 + log_floor)``. It is
        centred at sample ``t * hop_length``; beyond its ends the clip is silent.
        """
        n_fft, hop = self.settings.n_fft, self.settings.hop_length
        n_window = len(self.window)
        # librosa centres the window in n_fft samples, and those at the hop
        before = n_fft // 2 - (n_fft - n_window) // 2
        waiting = np.zeros(before, dtype=np.float32)
        n_samples = n_done = 0
        # a part needs its last window, and all samples up to the frame behind it
        needed = max((PART - 1) * hop + n_window, PART * hop)
        for block in blocks:
            n_samples += len(block)
            waiting = np.concatenate([waiting, block])
            while len(waiting) >= needed:
                yield self._transform(waiting, PART)
                n_done += PART
                waiting = waiting[PART * hop :]
        n_left = 1 + (n_samples - n_fft % 2) // hop - n_done
        end = (n_left - 1) * hop + n_window
        rest = np.zeros(max(end - len(waiting), 0), dtype=np.float32)
        waiting = np.concatenate([waiting, rest])
        # the windows at the end reach into silence, so they may be more than a part
        for begin in range(0, n_left, PART):
            yield self._transform(waiting[begin * hop :], min(PART, n_left - begin))

    def _transform(
        self, samples: NDArray[np.float32], n_frames: int
    ) -> NDArray[np.float32]:
        """Turn samples, which begin with the first window, into energies of frames."""
        n_fft, hop = self.settings.n_fft, self.settings.hop_length
        frames = sliding_window_view(samples, len(self.window))[::hop][:n_frames]
        energies = np.empty((self.filters.shape[0], n_frames), dtype=np.float32)
        with np.errstate(over="ignore", invalid="ignore"):  # refused by the caller
            for start in range(0, n_frames, CHUNK):
                chunk = slice(start, start + CHUNK)
                # zeros behind the window instead of on both sides turn only the phase
                spectra = scipy.fft.rfft(frames[chunk] * self.window, n=n_fft)
                power = np.square(spectra.real) + np.square(spectra.imag)
                # the sparse product also rounds alike under any number of BLAS threads
                energies[:, chunk] = self.filters @ power.T
            energies += np.float32(self.settings.log_floor)
            return np.log(energies, out=energies)


def _collect(
    parts: Iterator[NDArray[np.float32]], folder: str | None
) -> list[NDArray[np.float32]]:
    """Join the parts of a clip, or let those of a long one wait on the disk.

    Parameters
    ----------
    parts : iterator of ndarray of shape (n_mels, n), float32
        `PART` frames each, the last fewer.
    folder : str or None
        As in `Analysis.of_clip`.

    Returns
    -------
    parts : list of ndarray of shape (n_mels, n)
        One, or maps of a file that is gone when nobody holds them any more.
    """
    kept: list[NDArray[np.float32]] = []
    for part in parts:
        kept.append(part)
        if len(kept) * PART > LONG:
            break
    else:
        return kept if len(kept) == 1 else [np.concatenate(kept, axis=1)]
    n_mels = len(kept[0])
    n_frames = 0
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            for part in itertools.chain(kept, parts):
                file.write(np.ascontiguousarray(part).data)
                n_frames += part.shape[1]
            file.flush()
            mapped = np.memmap(file, np.float32, "r", shape=n_mels * n_frames)
    except OSError as error:
        where = folder or tempfile.gettempdir()
        raise DiskError(where, error) from error
    return split_parts(mapped, n_mels, PART)


def split_parts(energies: NDArray, n_mels: int, length: int) -> list[NDArray]:
    """Cut what was written part by part, shape (n_mels * n_frames,), into parts.

    Parameters
    ----------
    energies : ndarray of shape (n_mels * n_frames,)
    n_mels : int
    length : int
        Frames of each part but the last.

    Returns
    -------
    parts : list of ndarray of shape (n_mels, n)
        Views.
    """
    size = n_mels * length
    begins = range(0, len(energies), size)
    return [energies[b : b + size].reshape(n_mels, -1) for b in begins]


@dataclass
class Extraction:
    """The clips of one call, the way to their energies, and what went wrong.

    Parameters
    ----------
    clips : list of str, list of Window or list of ndarray
        Paths, parts of files, or waveforms of shape (n_samples_i,) or (n_channels,
        n_samples_i).
    settings : Settings
    errors : {"raise", "warn"}
        Whether a clip that cannot be used ends the work.
    n_jobs : int or None
        Number of threads.
    verbose : int
        0: no progress bar.
    folder : str or None, default=None
        Where the energies of long recordings wait; ``None``: where temporary files are.

    Attributes
    ----------
    problems : dict of int to Exception
        Why the clip of a row cannot be used.
    flaws : dict of int to str
        What is missing or damaged in the file of a row that is used nevertheless.
    """

    clips: Sequence[Clip]
    settings: Settings
    errors: str
    n_jobs: int | None
    verbose: int
    folder: str | None = None
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
        waiting: dict[int, Extracted] = {}
        longest = 1
        for row, extracted in self.extract(rows):
            waiting[row] = extracted
            longest = max(longest, extracted.n_frames)
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

    def extract(
        self, rows: list[int], *, done: int = 0
    ) -> Iterator[tuple[int, Extracted]]:
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
        extracted : Extracted

        Raises
        ------
        OSError
            Where the disk has no room for the energies of a long recording.
        """
        analysis = Analysis(self.settings)

        def tasks() -> Iterator[tuple]:
            for row in rows:
                # joblib warns where one leaves its generator early: let it run dry
                if self.problems and self.errors == "raise":
                    return
                yield joblib.delayed(outcome_of)(
                    analysis.of_clip, self.clips[row], self.folder
                )

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
            if isinstance(outcome, DiskError):
                folder, error = outcome.args
                raise OSError(
                    f"LogMel cannot write to {folder!r}, where the energies of long "
                    f"recordings wait: {error.strerror or error}. Free space on that "
                    "disk, or choose another one by 'memory' or the environment "
                    "variable TMPDIR."
                ) from error
            if isinstance(outcome, Exception):
                self.problems[row] = outcome
                continue
            if outcome.flaw:
                self.flaws[row] = outcome.flaw
            yield row, outcome

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
) -> Result | ValueError | OSError | DiskError:
    """Call a function; an error that its clip causes is returned, not raised.

    Parameters
    ----------
    function : callable
    *arguments : object

    Returns
    -------
    outcome : object, ValueError, OSError or DiskError
        What the function returns, or the error: one bad clip does not end the others.
    """
    try:
        return function(*arguments)
    except (ValueError, OSError, DiskError) as error:
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


def _fill(features: np.ndarray, waiting: dict[int, Extracted]) -> np.ndarray:
    """Move energies to their rows of features.

    Parameters
    ----------
    features : ndarray of shape (n_clips, n_mels, n_frames)
        NaN where nothing is yet.
    waiting : dict of int to Extracted
        By row; emptied.

    Returns
    -------
    features : ndarray of shape (n_clips, n_mels, max(n_frames, n_frames_i))
        The same array, or a wider copy where it is too short.
    """
    longest = max((extracted.n_frames for extracted in waiting.values()), default=1)
    if longest > features.shape[2]:
        wider = np.full((*features.shape[:2], longest), np.nan, features.dtype)
        wider[:, :, : features.shape[2]] = features
        features = wider
    while waiting:
        row, extracted = waiting.popitem()
        extracted.write_to(features[row])
    return features
