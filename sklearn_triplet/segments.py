"""Clips (n_features, n_frames_i) seen as segments and units for training.

A *clip* is a row of X, a *segment* is a cut of it of at most ``segment_length``
frames, and a *unit* is what an anchor, a positive or a negative is: k segments of one
clip and a pool over them. The paper has k = 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np

from sklearn_triplet._labels import Labels
from sklearn_triplet._progress import Item, show_progress

TABLE_ROWS = 4096  # rows of a table that are read at once


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
        The number of valid frames of each clip.
    flat : bool
        Whether the clips came as a table (n_samples, n_features).
    """

    def __init__(
        self,
        arrays: np.ndarray | Sequence[np.ndarray],
        lengths: np.ndarray,
        flat: bool = False,
    ) -> None:
        self.arrays = arrays
        self.lengths = lengths
        self.flat = flat

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, i: int) -> np.ndarray:
        return self.frames(i, 0, self.lengths[i])

    def frames(self, i: int, begin: int, length: int) -> np.ndarray:
        """Return some frames of clip i, shape (n_features, length), float32."""
        part = self.arrays[i][:, begin : begin + length]
        return part.astype(np.float32, copy=False)

    def pieces(self) -> Iterator[np.ndarray]:
        """Yield all frames in order, as (n_features, n) arrays that fit in memory."""
        if not self.flat:
            yield from (self[i] for i in range(len(self)))
            return
        for begin in range(0, len(self), TABLE_ROWS):
            rows = np.asarray(self.arrays[begin : begin + TABLE_ROWS])
            yield rows[:, :, 0].T.astype(np.float32, copy=False)

    @property
    def n_features(self) -> int:
        """The number of features, such as mel bands."""
        return self.arrays[0].shape[0]

    def take(self, rows: np.ndarray) -> Clips:
        """Return some clips; nothing is copied but a list of views."""
        views = [self.arrays[i] for i in rows]
        return Clips(views, self.lengths[rows], self.flat)


@dataclass
class FrameScaler:
    """Per-feature statistics over the valid frames of all training clips.

    Attributes
    ----------
    mean, scale : ndarray of shape (n_features,), float32
        Mean and standard deviation (1 where a feature is constant).
    silence : ndarray of shape (n_features,), float32
        The smallest value met, standardised: what an empty band looks like.
    """

    mean: np.ndarray
    scale: np.ndarray
    silence: np.ndarray

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
        """
        mean, variance, lowest = _measure(clips, verbose)
        scale = np.sqrt(variance)
        # rounding of a constant feature is no variation
        scale[scale <= 1e-6 * np.abs(mean)] = 0.0
        if common:
            scale[:] = np.sqrt(np.mean(scale**2))
        scale[scale == 0] = 1.0
        silence = (lowest - mean) / scale
        return cls(*(a.astype(np.float32) for a in (mean, scale, silence)))

    def transform(self, clip: np.ndarray) -> np.ndarray:
        """Standardise one clip (n_features, n_frames)."""
        return (clip - self.mean[:, None]) / self.scale[:, None]

    def inverse_transform(self, clip: np.ndarray) -> np.ndarray:
        """Bring standardised clips (..., n_features, n_frames) back."""
        return clip * self.scale[:, None] + self.mean[:, None]


def _measure(clips: Clips, verbose: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean, variance and lowest value of each feature over all frames."""
    n_frames = 0
    mean, squares = np.zeros(clips.n_features), np.zeros(clips.n_features)
    lowest = np.full(clips.n_features, np.inf)
    total = None if clips.flat else len(clips)
    for piece in show_progress(
        clips.pieces(), "Scaling", unit="clip", total=total, verbose=verbose
    ):
        # sums around each piece's own mean, put together as Chan et al. do: plain sums
        # of squares would cancel for a large mean
        n_new = n_frames + piece.shape[1]
        center = piece.mean(axis=1, dtype=np.float64)
        squares += np.square(piece - center[:, None]).sum(axis=1)
        squares += (center - mean) ** 2 * (n_frames * piece.shape[1] / n_new)
        mean += (center - mean) * (piece.shape[1] / n_new)
        lowest = np.minimum(lowest, piece.min(axis=1))
        n_frames = n_new
    return mean, squares / n_frames, lowest


@dataclass
class Units:
    """A batch of anchors or positives, before encoding.

    Attributes
    ----------
    X : ndarray of shape (n_units, k, n_features, n_frames), float32
        Standardised features; zero where padded.
    lengths : ndarray of shape (n_units, k), int
        Valid frames of each segment.
    clips : ndarray of shape (n_units,), int
        The clip that each unit comes from.
    segments : ndarray of shape (n_units, k), int
        The segments that each unit is made of.
    substituted : ndarray of shape (n_units,), bool
        Whether a selector had to take a substitute; counted in the history.
    """

    X: np.ndarray
    lengths: np.ndarray
    clips: np.ndarray
    segments: np.ndarray
    substituted: np.ndarray

    def __len__(self) -> int:
        return len(self.clips)

    def take(self, rows: np.ndarray | slice) -> Units:
        """Return some units."""
        return Units(*(getattr(self, field.name)[rows] for field in fields(self)))

    @staticmethod
    def assemble(parts: Sequence[Units], rows: Sequence[np.ndarray]) -> Units:
        """Put parts together so that unit j of parts[i] becomes row rows[i][j]."""
        order = np.argsort(np.concatenate(rows), kind="stable")
        columns = (
            np.concatenate([getattr(part, field.name) for part in parts])[order]
            for field in fields(Units)
        )
        return Units(*columns)


class SegmentedClips:
    """The training clips cut into segments, with what is known of their labels.

    Parameters
    ----------
    clips : Clips
        The clips, not yet standardised.
    labels : Labels
        One row per clip.
    scaler : FrameScaler
        Applied to every segment that is taken.
    segment_length : int
        In frames. A clip has ``length // segment_length`` segments; its rest is left
        out, and a clip shorter than that is one padded segment.
    verbose : int, default=0
        Whether long work on the segments shows its progress.

    Attributes
    ----------
    clip_of : ndarray of shape (n_segments,), int
        The clip of each segment; the segments of a clip are consecutive.
    start : ndarray of shape (n_segments,), int
        First frame within the clip.
    length : ndarray of shape (n_segments,), int
        Valid frames.
    first, count : ndarray of shape (n_clips,), int
        Where the segments of each clip begin, and how many there are.
    """

    def __init__(
        self,
        clips: Clips,
        labels: Labels,
        scaler: FrameScaler,
        segment_length: int,
        verbose: int = 0,
    ) -> None:
        self.clips = clips
        self.labels = labels
        self.scaler = scaler
        self.verbose = verbose
        self.segment_length = min(segment_length, int(clips.lengths.max()))
        self.count = np.maximum(clips.lengths // self.segment_length, 1)
        self.first = np.concatenate([[0], np.cumsum(self.count)[:-1]])
        self.clip_of = np.repeat(np.arange(len(clips)), self.count)
        nth = np.arange(len(self.clip_of)) - self.first[self.clip_of]
        self.start = nth * self.segment_length
        rest = clips.lengths[self.clip_of] - self.start
        self.length = np.minimum(rest, self.segment_length)

    def __len__(self) -> int:
        return len(self.clip_of)

    def show_progress(self, blocks: Iterable[Item], description: str) -> Iterator[Item]:
        """Pass blocks of long work on, with a bar if the estimator is verbose."""
        return show_progress(
            blocks, description, unit="block", verbose=self.verbose, leave=False
        )

    @property
    def padded(self) -> bool:
        """Whether any segment is shorter than ``segment_length``."""
        return bool((self.length < self.segment_length).any())

    def take(
        self, segments: np.ndarray, substituted: bool | np.ndarray = False
    ) -> Units:
        """Read and standardise the segments of some units.

        Parameters
        ----------
        segments : ndarray of shape (n_units, k), int
            The segments of each unit, all of one clip.
        substituted : bool or ndarray of shape (n_units,), bool
            Kept with the units.

        Returns
        -------
        units : Units
        """
        n_units, k = segments.shape
        shape = (n_units, k, self.clips.n_features, self.segment_length)
        X = np.zeros(shape, dtype=np.float32)
        for i, segment in np.ndenumerate(segments):
            begin, length = self.start[segment], self.length[segment]
            frames = self.clips.frames(self.clip_of[segment], begin, length)
            X[i][:, :length] = self.scaler.transform(frames)
        clips = self.clip_of[segments[:, 0]]
        substituted = np.broadcast_to(substituted, n_units).copy()
        return Units(X, self.length[segments], clips, segments, substituted)

    def draw_from_clips(
        self, clips: np.ndarray, k: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Draw k segments of each clip, shape (n_units, k); repeated only if need be.

        Parameters
        ----------
        clips : ndarray of shape (n_units,), int
        k : int
        rng : numpy.random.Generator
        """
        if k == 1:
            return self.first[clips, None] + rng.integers(self.count[clips, None])
        rows = [
            rng.choice(self.count[clip], k, replace=bool(k > self.count[clip]))
            for clip in clips
        ]
        return self.first[clips, None] + np.array(rows, dtype=int).reshape(-1, k)
