"""X by the conventions of the library in; clips (n_features, n_frames_i) out."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import validate_data

from sklearn_triplet._input.progress import show_progress
from sklearn_triplet._input.rows import warn_of_unreadable
from sklearn_triplet._input.types import ClipsLike, IntArray

TABLE_ROWS = 4096  # rows of a table that are read at once
LARGEST_SCALE = 1e36  # beyond, differences from the mean may exceed float32
SMALLEST_SCALE = 1e-20  # below, what is added to a clip may, once it is standardised
BLOCK = 2**15  # frames of a clip that are looked at or measured at once


class Clips:
    """Clips of one number of features and of any length, without their padding.

    Nothing is copied or converted before it is asked for: the features may be a memory
    map that is larger than the memory.

    Parameters
    ----------
    arrays : ndarray of shape (n_clips, n_features, n_frames) or list of ndarray of \
            shape (n_features, n_frames_i)
        The features, of any dtype of real numbers; may be a memory map.
    lengths : ndarray of shape (n_clips,), int
        The number of valid frames of each clip; 0 where a clip could not be read.
    flat : bool, default=False
        Whether the clips came as a table (n_samples, n_features).
    pooling : int, default=1
        So many frames of ``arrays`` are averaged into one when they are read.
    """

    def __init__(
        self,
        arrays: np.ndarray | Sequence[np.ndarray],
        lengths: np.ndarray,
        flat: bool = False,
        pooling: int = 1,
    ) -> None:
        self.arrays = arrays
        self.lengths = lengths
        self.flat = flat
        self.pooling = pooling

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, i: int) -> np.ndarray:
        """Return all valid frames of clip i, shape (n_features, n_frames_i)."""
        return self.frames(i, 0, self.lengths[i])

    def frames(self, i: int, begin: int, length: int) -> np.ndarray:
        """Return some frames of a clip.

        Parameters
        ----------
        i : int
            Of the clip.
        begin, length : int
            The first frame, and how many.

        Returns
        -------
        frames : ndarray of shape (n_features, length), float32
            A view where the features are float32 already.
        """
        n = self.pooling
        part = self.arrays[i][:, begin * n : (begin + length) * n]
        part = part.astype(np.float32, copy=False)
        if n == 1 or part.shape[1] < n:  # a clip that is shorter has one frame
            return part if n == 1 else part.mean(axis=1, keepdims=True)
        return part.reshape(len(part), -1, n).mean(axis=2)

    def average_frames(self, n_frames: int) -> Clips:
        """Return the same clips with n_frames neighbouring frames averaged into one.

        Parameters
        ----------
        n_frames : int

        Returns
        -------
        clips : Clips
            Nothing is read here. The rest at the end of a clip is left out.
        """
        if n_frames == 1 or self.flat:
            return self
        lengths = np.minimum(self.lengths, np.maximum(self.lengths // n_frames, 1))
        arrays = self.arrays
        if ((self.lengths > 0) & (self.lengths < n_frames)).any():
            # what such a clip is padded with must not be averaged into its one frame
            arrays = [a[:, :n] for a, n in zip(arrays, self.lengths, strict=True)]
        return Clips(arrays, lengths, self.flat, n_frames)

    def pieces(self) -> Iterator[Iterator[np.ndarray]]:
        """Go through all frames in order, in parts that fit in memory.

        Yields
        ------
        parts : iterator of ndarray of shape (n_features, n), float32
            Of a clip, in parts of ``BLOCK`` frames, or many rows of a table: one by one
            they would take minutes.
        """
        if not self.flat:
            yield from (self._blocks(i) for i in range(len(self)))
            return
        for begin in range(0, len(self), TABLE_ROWS):
            rows = np.asarray(self.arrays[begin : begin + TABLE_ROWS])
            yield iter([rows[:, :, 0].T.astype(np.float32, copy=False)])

    def _blocks(self, i: int) -> Iterator[np.ndarray]:
        for begin in range(0, self.lengths[i], BLOCK):
            yield self.frames(i, begin, min(BLOCK, self.lengths[i] - begin))

    @property
    def n_features(self) -> int:
        """The number of features, such as mel bands."""
        return self.arrays[0].shape[0]

    def find_readable(self, name: str) -> IntArray:
        """Find the clips that hold anything, and warn of those that hold only NaN.

        ``LogMel(errors="warn")`` returns a row of NaN for a file that it cannot read.
        Such a row stays where it is, so that X and y keep their order, and every later
        step leaves it out: it is not learned from, and what is returned for it is NaN.

        Parameters
        ----------
        name : str
            Who asks, for the messages.

        Returns
        -------
        rows : ndarray of int
            Sorted.
        """
        rows = np.flatnonzero(self.lengths)
        if len(rows) < len(self):
            consequence = "They are not learned from, and answered by NaN or -1."
            warn_of_unreadable(self.lengths == 0, name, consequence)
        return rows

    def take(self, rows: np.ndarray) -> Clips:
        """Return some clips; nothing is copied but a list of views.

        Parameters
        ----------
        rows : ndarray of int

        Returns
        -------
        clips : Clips
        """
        if len(rows) == len(self) and (rows == np.arange(len(self))).all():
            return self  # an array is read in blocks, a list of views row by row
        views = [self.arrays[i] for i in rows]
        return Clips(views, self.lengths[rows], self.flat, self.pooling)


@dataclass
class FrameScaler:
    """Per-feature statistics over the valid frames of all training clips.

    Noise of a given deviation, or one learning rate for all bands, means something only
    on features that are standardised.

    Attributes
    ----------
    mean, scale : ndarray of shape (n_features,), float32
        Mean and standard deviation (1 where a feature is constant, or that of the
        frames of clips is below 1e-20).
    silence : ndarray of shape (n_features,), float32
        The smallest value met, standardised: what an empty band looks like.
    limit : float or None
        Standardised values are clipped to [-limit, limit]: a feature that is constant
        but for a few clips would otherwise outweigh all others in these.
    """

    mean: np.ndarray
    scale: np.ndarray
    silence: np.ndarray
    limit: float | None = None

    @classmethod
    def fit(cls, clips: Clips, common: bool = False, verbose: int = 0) -> FrameScaler:
        """Measure the clips in one pass, since reading may be what takes the time.

        Parameters
        ----------
        clips : Clips
        common : bool
            Whether all features get one scale, the root mean square of theirs.
        verbose : int
            Whether to show progress.

        Returns
        -------
        scaler : FrameScaler

        Raises
        ------
        ValueError
            Where a feature varies so much that float32 cannot hold it.
        """
        mean, variance, lowest = _measure(clips, verbose)
        scale = np.sqrt(variance)
        widest = int(scale.argmax())
        if scale[widest] > LARGEST_SCALE:
            raise ValueError(
                f"The values of feature {widest} of X vary too much for float32: their "
                f"standard deviation is {scale[widest]:.1e}. Divide X by a constant, "
                "or take its logarithm."
            )
        # rounding of a constant feature is no variation
        scale[scale <= 1e-6 * np.abs(mean)] = 0.0
        # nor is dust in frames; the columns of a table may be of any unit
        if not clips.flat:
            scale[scale < SMALLEST_SCALE] = 0.0
        if common:
            scale[:] = np.sqrt(np.mean(scale**2))
        # a constant feature becomes 0, as StandardScaler has it
        scale[scale == 0] = 1.0
        silence = (lowest - mean) / scale
        mean, scale, silence = (a.astype(np.float32) for a in (mean, scale, silence))
        return cls(mean, scale, silence)

    def transform(self, clip: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Standardise one clip.

        Parameters
        ----------
        clip : ndarray of shape (n_features, n_frames)
        out : ndarray of the same shape, float32, default=None
            Where to write.

        Returns
        -------
        clip : ndarray of the same shape, float32
        """
        scaled = np.subtract(clip, self.mean[:, None], out=out)
        scaled /= self.scale[:, None]
        if self.limit is not None:
            np.clip(scaled, -self.limit, self.limit, out=scaled)
        return scaled

    def inverse_transform(self, clip: np.ndarray) -> np.ndarray:
        """Bring standardised clips (..., n_features, n_frames) back."""
        return clip * self.scale[:, None] + self.mean[:, None]


class Moments:
    """Mean and variance of frames that come in parts, in one pass.

    Attributes
    ----------
    total : float
        Number of frames, or the sum of their weights.
    mean, squares : ndarray of shape (n_features,), float64
        Mean, and sum of the squared differences from it.

    Notes
    -----
    The sums of a part are around its own mean and put together as Chan et al. [1]_ do:
    plain sums of squares would cancel for a large mean.

    References
    ----------
    .. [1] T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the
       sample variance", The American Statistician 37(3), 1983.

    Examples
    --------
    >>> moments = Moments()
    >>> for part in (np.array([[1.0, 2.0]]), np.array([[3.0, 4.0, 5.0]])):
    ...     moments.add(part)
    >>> moments.mean, moments.variance
    (array([3.]), array([2.]))
    """

    def __init__(self) -> None:
        self.total = 0.0
        self.mean, self.squares = np.zeros(1), np.zeros(1)  # of as many as will come

    @property
    def variance(self) -> np.ndarray:
        """Mean squared difference from the mean, shape (n_features,)."""
        return self.squares / self.total

    def add(self, frames: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Take more frames in.

        Parameters
        ----------
        frames : ndarray of shape (n_features, n)
            At least one.
        weights : ndarray of shape (n,) or None
            How much each counts; ``None``: 1.
        """
        if weights is None:
            new: float = frames.shape[1]
            center = frames.mean(axis=1, dtype=np.float64)
            squares = np.square(frames - center[:, None]).sum(axis=1)
        else:
            new = float(weights.sum())
            if not new:
                return  # beside what is in already, these count for nothing
            center = frames.astype(np.float64) @ (weights / new)
            squares = np.square(frames - center[:, None]) @ weights
        total = self.total + new
        self.squares = self.squares + squares
        self.squares += (center - self.mean) ** 2 * (self.total * new / total)
        self.mean = self.mean + (center - self.mean) * (new / total)
        self.total = total

    def scale(self, factor: float) -> None:
        """Let all that was taken in count so many times as much."""
        self.total *= factor
        self.squares *= factor


def _measure(clips: Clips, verbose: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measure each feature over all frames, in one pass and in double precision.

    Parameters
    ----------
    clips : Clips
    verbose : int

    Returns
    -------
    mean, variance, lowest : ndarray of shape (n_features,), float64
    """
    moments = Moments()
    lowest = np.full(clips.n_features, np.inf)
    total = None if clips.flat else len(clips)
    for parts in show_progress(
        clips.pieces(), "Scaling", unit="clip", total=total, verbose=verbose
    ):
        for part in parts:
            moments.add(part)
            lowest = np.minimum(lowest, part.min(axis=1))
    return moments.mean, moments.variance, lowest


def check_clips(estimator: BaseEstimator, X: ClipsLike, *, reset: bool) -> Clips:
    """Read X by the conventions of the library.

    Parameters
    ----------
    estimator : estimator
        Whose ``n_features_in_`` and ``feature_names_in_`` are set or checked.
    X : array-like of shape (n_clips, n_features, n_frames) or (n_samples, \
            n_features), or sequence of arrays (n_features, n_frames_i)
        Dense clips may end in frames of only NaN, which are padding.
    reset : bool
        Whether to set (fit) or to check (transform) the number of features.

    Returns
    -------
    clips : Clips
        Read as float32, with the number of valid frames of each clip, 0 where all are
        NaN. Neither copied nor converted here, so that a memory map stays one.

    Raises
    ------
    ValueError
        Where a clip is empty, has another number of features, or holds infinite
        values or NaN before its last valid frame.
    """
    name = type(estimator).__name__
    if _is_ragged(X):
        arrays = [np.asarray(clip) for clip in X]
        _refuse_other_shapes(arrays, name)
        validate_data(estimator, X=arrays, skip_check_array=True, reset=reset)
    else:
        with name_X(name):
            arrays = validate_data(
                estimator,
                X,
                # clips are converted when they are read: they may not fit in memory
                dtype=None if _holds_clips(X) else np.float32,
                allow_nd=True,
                ensure_all_finite=False,
                reset=reset,
            )
        if arrays.ndim > 3:
            raise ValueError(
                f"X of {name} must have shape (n_clips, n_features, n_frames) or "
                f"(n_samples, n_features). Got an array of shape {arrays.shape}."
            )
        if arrays.ndim == 2:
            lengths = _check_table(arrays, name)
            return Clips(arrays[:, :, None], lengths, flat=True)
    if not arrays[0].shape[0]:
        raise ValueError(f"The clips given to {name} have 0 features.")
    lengths = np.array([_valid_frames(clip, i, name) for i, clip in enumerate(arrays)])
    return Clips(arrays, lengths)


@contextlib.contextmanager
def name_X(name: str) -> Iterator[None]:
    """Let sentences of scikit-learn and numpy about X say that they are about X.

    "could not convert string to float" does not tell of what.

    Parameters
    ----------
    name : str
        Who asks.

    Raises
    ------
    ValueError, TypeError
        As raised inside, with "X of ..." in front where X is not named.
    """
    try:
        # what float32 cannot hold becomes infinity, which is refused
        with np.errstate(over="ignore"):
            yield
    except (ValueError, TypeError) as error:
        # names of features are those of X, and scikit-learn's tests know its sentence
        if re.search(r"\bX\b|feature names", str(error), re.IGNORECASE):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"X of {name} cannot be used: {error}") from error


def _check_table(X: np.ndarray, name: str) -> np.ndarray:
    """Refuse holes in a table; returns 1 per row, and 0 where a row is only NaN."""
    missing = np.isnan(X).all(axis=1)
    known = X[~missing] if missing.any() else X
    with np.errstate(invalid="ignore"):  # infinity less infinity, on the way to a "no"
        assert_all_finite(known, input_name="X", estimator_name=name)
    return (~missing).astype(np.int64)


def _holds_clips(X: ClipsLike) -> bool:
    """Whether X is an array of clips that needs no conversion as a whole."""
    return isinstance(X, np.ndarray) and X.ndim == 3 and X.dtype.kind in "biuf"


def _is_ragged(X: ClipsLike) -> TypeGuard[Sequence[ArrayLike]]:
    """Whether X is a sequence of 2-D clips rather than one dense array.

    numpy makes one of clips of unequal length only as an array of objects, and of
    nested lists of unequal length none at all.
    """
    if isinstance(X, np.ndarray):
        return X.dtype == object and X.ndim == 1 and X.size > 0 and np.ndim(X[0]) == 2
    if not isinstance(X, list | tuple) or not len(X):
        return False
    try:
        return np.ndim(X[0]) == 2
    except ValueError:  # nested lists of unequal length
        return False


def _refuse_other_shapes(arrays: Sequence[np.ndarray], name: str) -> None:
    """Refuse clips in a list that do not all have the features of the first."""
    n_features = arrays[0].shape[0]
    for i, clip in enumerate(arrays):
        if clip.dtype.kind not in "biuf":
            raise ValueError(
                f"Clip {i} given to {name} must hold real numbers. Got dtype "
                f"{clip.dtype}: convert it to float32."
            )
        if clip.ndim != 2 or clip.shape[0] != n_features:
            raise ValueError(
                f"All clips given to {name} must have shape (n_features, n_frames) "
                f"with the same n_features. Clip 0 has {n_features} features, clip {i} "
                f"has shape {clip.shape}."
            )


def _valid_frames(clip: np.ndarray, i: int, name: str) -> int:
    """Count the frames before the NaN padding; refuse a clip that has other holes.

    Parameters
    ----------
    clip : ndarray of shape (n_features, n_frames)
    i : int
        Its row, for the messages.
    name : str
        Who asks.

    Returns
    -------
    length : int
        0 where the whole clip is NaN.
    """
    if not clip.shape[1]:
        raise ValueError(
            f"Clip {i} given to {name} is empty: it has no frame. Leave it out of X "
            "and y, or give a row of NaN if its recording could not be read."
        )
    length, broken = _scan_frames(clip)
    if broken < length:
        with np.errstate(over="ignore"):
            frame = clip[:, broken].astype(np.float32)
        kind = "infinity" if np.isinf(frame).any() else "NaN"
        raise ValueError(
            f"Clip {i} given to {name} contains {kind} in frame {broken}. Only "
            "trailing frames may be NaN (padding): repair the features or drop the "
            "clip."
        )
    return length


def _scan_frames(clip: np.ndarray) -> tuple[int, int]:
    """Look at the frames of a clip in blocks: a mask of hours would be a copy of them.

    Parameters
    ----------
    clip : ndarray of shape (n_features, n_frames)

    Returns
    -------
    length : int
        Frames up to the last one that is not only NaN.
    broken : int
        The first frame that is not finite; n_frames where all are.
    """
    length, broken = 0, clip.shape[1]
    for begin in range(0, clip.shape[1], BLOCK):
        with np.errstate(over="ignore"):  # becomes infinity, which is refused
            block = clip[:, begin : begin + BLOCK].astype(np.float32, copy=False)
        # the common case costs one pass; what follows looks for what is wrong
        finite = np.isfinite(block)
        if finite.all():
            length = begin + block.shape[1]
            continue
        broken = min(broken, begin + int(finite.all(axis=0).argmin()))
        valid = np.flatnonzero(~np.isnan(block).all(axis=0))
        if len(valid):
            length = begin + int(valid[-1]) + 1
    return length, broken
