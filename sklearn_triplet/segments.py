"""Clips (n_features, n_frames_i) seen as segments and units for training.

A *clip* is a row of X, a *segment* is a cut of it of at most ``segment_length``
frames, and a *unit* is what an anchor, a positive or a negative is: k segments of one
clip and a pool over them. The paper has k = 1.
"""

from dataclasses import dataclass, fields

import numpy as np


class Clips:
    """Clips of one number of features and of any length, without their padding.

    Parameters
    ----------
    arrays : ndarray of shape (n_clips, n_features, n_frames) or list of ndarray of \
            shape (n_features, n_frames_i)
        The features, float32; may be a memory map, which is never read as a whole.
    lengths : ndarray of shape (n_clips,), int
        The number of valid frames of each clip.
    flat : bool
        Whether the clips came as a table (n_samples, n_features).
    """

    def __init__(self, arrays, lengths, flat=False):
        self.arrays = arrays
        self.lengths = lengths
        self.flat = flat

    def __len__(self):
        return len(self.lengths)

    def __getitem__(self, i):
        return self.arrays[i][:, : self.lengths[i]]

    @property
    def n_features(self):
        """The number of features, such as mel bands."""
        return self.arrays[0].shape[0]

    def take(self, rows):
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
    def fit(cls, clips, common=False):
        """Measure the clips in two passes: one would cancel for a large mean.

        Parameters
        ----------
        clips : Clips
        common : bool
            Whether all features get one scale, the root mean square of theirs.
        """
        total = np.zeros(clips.n_features)
        lowest = np.full(clips.n_features, np.inf)
        for i in range(len(clips)):
            total += clips[i].sum(axis=1, dtype=np.float64)
            lowest = np.minimum(lowest, clips[i].min(axis=1))
        n_frames = clips.lengths.sum()
        mean = total / n_frames
        squares = np.zeros(clips.n_features)
        for i in range(len(clips)):
            squares += np.square(clips[i] - mean[:, None]).sum(axis=1)
        scale = np.sqrt(squares / n_frames)
        # rounding of a constant feature is no variation
        scale[scale <= 1e-6 * np.abs(mean)] = 0.0
        if common:
            scale[:] = np.sqrt(np.mean(scale**2))
        scale[scale == 0] = 1.0
        silence = (lowest - mean) / scale
        return cls(*(a.astype(np.float32) for a in (mean, scale, silence)))

    def transform(self, clip):
        """Standardise one clip (n_features, n_frames)."""
        return (clip - self.mean[:, None]) / self.scale[:, None]

    def inverse_transform(self, clip):
        """Bring standardised clips (..., n_features, n_frames) back."""
        return clip * self.scale[:, None] + self.mean[:, None]


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

    def __len__(self):
        return len(self.clips)

    def take(self, rows):
        """Return some units."""
        return Units(*(getattr(self, field.name)[rows] for field in fields(self)))

    @staticmethod
    def assemble(parts, rows):
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

    def __init__(self, clips, labels, scaler, segment_length):
        self.clips = clips
        self.labels = labels
        self.scaler = scaler
        self.segment_length = min(segment_length, int(clips.lengths.max()))
        self.count = np.maximum(clips.lengths // self.segment_length, 1)
        self.first = np.concatenate([[0], np.cumsum(self.count)[:-1]])
        self.clip_of = np.repeat(np.arange(len(clips)), self.count)
        nth = np.arange(len(self.clip_of)) - self.first[self.clip_of]
        self.start = nth * self.segment_length
        rest = clips.lengths[self.clip_of] - self.start
        self.length = np.minimum(rest, self.segment_length)

    def __len__(self):
        return len(self.clip_of)

    @property
    def padded(self):
        """Whether any segment is shorter than ``segment_length``."""
        return bool((self.length < self.segment_length).any())

    def take(self, segments, substituted=False):
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
            clip = self.clips.arrays[self.clip_of[segment]]
            X[i][:, :length] = self.scaler.transform(clip[:, begin : begin + length])
        return Units(
            X,
            self.length[segments],
            self.clip_of[segments[:, 0]],
            segments,
            np.broadcast_to(substituted, n_units).copy(),
        )

    def draw_from_clips(self, clips, k, rng):
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
