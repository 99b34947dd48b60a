"""Clips (n_features, n_frames_i) seen as segments and units for training.

A *clip* is a row of X, a *segment* is a cut of it of at most ``segment_length``
frames, and a *unit* is what an anchor, a positive or a negative is: k segments of one
clip and a pool over them. The paper has k = 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np

from sklearn_triplet._input.clips import Clips, FrameScaler
from sklearn_triplet._input.labels import Labels
from sklearn_triplet._input.progress import Item, show_progress


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
