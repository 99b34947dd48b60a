"""Clips (n_features, n_frames_i) in, units (n_units, k, n_features, n_frames) out.

A *clip* is a row of X, a *segment* is a cut of it of at most ``segment_length``
frames, and a *unit* is what an anchor, a positive or a negative is: k segments of one
clip and a pool over them. The paper has k = 1: "Every 10-seconds segment is then
divided in 0.96 s subsegments", each with the label of its clip (section 4.3).
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Literal, Self

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_triplet._input.clips import Clips, FrameScaler, check_clips
from sklearn_triplet._input.labels import Labels, check_labels
from sklearn_triplet._input.parameters import check_interval, check_option
from sklearn_triplet._input.progress import Item, show_progress
from sklearn_triplet._input.types import BoolArray, ClipsLike, IntArray, LabelsLike


@dataclass
class Units:
    """A batch of anchors or positives, before encoding.

    All segments of a unit are of one clip: the unit stands for the clip, and what the
    batch knows of its labels is looked up by ``clips``.

    Parameters
    ----------
    X : ndarray of shape (n_units, k, n_features, n_frames), float32
        Standardised features; zero where padded, which is the mean of each feature.
    lengths : ndarray of shape (n_units, k), int
        Valid frames of each segment, 1 to n_frames.
    clips : ndarray of shape (n_units,), int
        The clip that each unit comes from.
    segments : ndarray of shape (n_units, k), int
        The segments that each unit is made of.
    substituted : ndarray of shape (n_units,), bool
        Whether a selector had to take a substitute; counted in the history.

    See Also
    --------
    SegmentedClips : What they are taken from.
    PositiveSelector : Gets some, and returns as many.

    Examples
    --------
    A copy of two units, one standard deviation louder wherever there is sound:

    >>> import numpy as np
    >>> from sklearn_triplet import SegmentedClips, Units
    >>> X = np.random.default_rng(0).normal(size=(4, 5, 20))
    >>> segments = SegmentedClips.from_arrays(X, segment_length=8)
    >>> units = segments.take(np.array([[0], [3]])).take(slice(None))
    >>> units.X = (units.X + 1) * units.valid
    >>> isinstance(units, Units), units.X.shape, units.clips.tolist()
    (True, (2, 1, 5, 8), [0, 1])
    """

    X: np.ndarray
    lengths: np.ndarray
    clips: np.ndarray
    segments: np.ndarray
    substituted: np.ndarray

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def valid(self) -> BoolArray:
        """Which frames are sound and not padding, (n_units, k, 1, n_frames)."""
        return np.arange(self.X.shape[-1]) < self.lengths[:, :, None, None]

    def take(self, rows: np.ndarray | slice) -> Units:
        """Return some units: copies for an array of rows, views for a slice.

        Parameters
        ----------
        rows : ndarray of int or bool, or slice

        Returns
        -------
        units : Units
        """
        return Units(*(getattr(self, field.name)[rows] for field in fields(self)))

    @staticmethod
    def assemble(parts: Sequence[Units], rows: Sequence[np.ndarray]) -> Units:
        """Put parts together so that unit j of parts[i] becomes row rows[i][j].

        Parameters
        ----------
        parts : sequence of Units
            Of one k, one number of features and of frames.
        rows : sequence of ndarray of int
            One per part; together they are 0 to n_units - 1, each once.

        Returns
        -------
        units : Units
        """
        # rows[i][j] says where unit j belongs: sorting them is the inverse permutation
        order = np.argsort(np.concatenate(rows), kind="stable")
        columns = (
            np.concatenate([getattr(part, field.name) for part in parts])[order]
            for field in fields(Units)
        )
        return Units(*columns)


class SegmentedClips:
    """The training clips cut into segments, with what is known of their labels.

    This is the training set as a positive selector sees it. ``from_arrays`` makes one
    of X and y; the estimators make theirs of what they have read already.

    Parameters
    ----------
    clips : Clips
        The clips, not yet standardised: a training set may be larger than memory.
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
    labels : Labels
        ``labels.present`` and ``labels.unknown``, (n_clips, n_classes) and bool, say
        which classes are known to be in a clip and of which nobody has said;
        ``labels.labeled``, (n_clips,), of which clips anything is known;
        ``labels.classes`` names the columns.
    guesses : Labels
        The labels, and the pseudo-labels that a fit has given so far; at first the
        labels alone. ``guesses.unknown`` is True where nothing is guessed yet.
    confidence : ndarray of shape (n_clips, n_classes), float64
        The probability of each class that is present in ``guesses``, 1 where it is a
        label; 0 for all others.
    scaler : FrameScaler
        ``scaler.inverse_transform`` undoes the standardisation of a segment,
        ``scaler.silence``, (n_features,), is what an empty band looks like after it.
    segment_length : int
        Frames of a segment, not more than the longest clip has.
    clip_of : ndarray of shape (n_segments,), int
        The clip of each segment; the segments of a clip are consecutive.
    start : ndarray of shape (n_segments,), int
        First frame within the clip.
    length : ndarray of shape (n_segments,), int
        Valid frames.
    first, count : ndarray of shape (n_clips,), int
        Where the segments of each clip begin, and how many there are.

    See Also
    --------
    PositiveSelector : Takes its positives from here.
    check_selector : Tries a selector on such training sets.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_triplet import SegmentedClips
    >>> X = np.random.default_rng(0).normal(size=(3, 5, 20))  # clips, features, frames
    >>> segments = SegmentedClips.from_arrays(X, ["dog", "rain", -1], segment_length=8)
    >>> len(segments), segments.clip_of.tolist(), segments.start.tolist()
    (6, [0, 0, 1, 1, 2, 2], [0, 8, 0, 8, 0, 8])
    >>> segments.labels.classes.tolist(), segments.labels.labeled.tolist()
    (['dog', 'rain'], [True, True, False])

    Two units of one segment each, and one of two segments:

    >>> units = segments.take(np.array([[0], [3]]))
    >>> units.X.shape, units.clips.tolist()
    ((2, 1, 5, 8), [0, 1])
    >>> segments.take(np.array([[4, 5]])).X.shape
    (1, 2, 5, 8)
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
        self.guesses = labels
        self.confidence = labels.present.astype(float)
        self.scaler = scaler
        self.verbose = verbose
        # no frame of padding more than the longest clip needs
        self.segment_length = min(segment_length, int(clips.lengths.max()))
        # the rest of a clip is left out, unless it is all that there is of it
        self.count = np.maximum(clips.lengths // self.segment_length, 1)
        self.first = np.concatenate([[0], np.cumsum(self.count)[:-1]])
        self.clip_of = np.repeat(np.arange(len(clips)), self.count)
        nth = np.arange(len(self.clip_of)) - self.first[self.clip_of]
        self.start = nth * self.segment_length
        rest = clips.lengths[self.clip_of] - self.start
        self.length = np.minimum(rest, self.segment_length)

    @classmethod
    def from_arrays(
        cls,
        X: ClipsLike,
        y: LabelsLike | None = None,
        *,
        segment_length: int = 96,
        scaling: Literal["feature", "common"] = "feature",
    ) -> Self:
        """Read X and y as ``TripletEmbedder.fit`` does, and cut the clips.

        What a selector of one's own is tried on, without an estimator around it.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_features, n_frames), list of arrays of \
                shape (n_features, n_frames_i), or array-like of shape (n_samples, \
                n_features)
            Clips; shorter ones end in frames of NaN, or come in a list. A row of a
            table is a clip of one frame.
        y : array-like of shape (n_clips,) or (n_clips, n_classes), default=None
            A class per clip, -1 where unlabeled, or an indicator of 0 and 1, -1 where
            unknown. ``None``: all unlabeled.
        segment_length : int, default=96
            In frames, at least 1.
        scaling : {"feature", "common"}, default="feature"
            Whether every feature is divided by its own standard deviation, or all by
            one. The statistics are those of X.

        Returns
        -------
        segments : SegmentedClips

        Raises
        ------
        ValueError
            Where X, y or a parameter is not as described above.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_triplet import SegmentedClips, Transformed
        >>> X = [np.random.default_rng(0).normal(size=(5, n)) for n in (20, 8, 3)]
        >>> segments = SegmentedClips.from_arrays(X, [0, 1, -1], segment_length=8)
        >>> anchors = segments.take(np.array([[0], [3]]))
        >>> anchors.lengths.tolist()  # the last clip is one padded segment
        [[8], [3]]
        >>> rng = np.random.default_rng(0)
        >>> Transformed().select(anchors, segments, rng).X.shape
        (2, 1, 5, 8)
        """
        owner = "SegmentedClips.from_arrays"
        check_interval(owner, "segment_length", segment_length, numbers.Integral, 1)
        check_option(owner, "scaling", scaling, ["feature", "common"])
        # a nameless estimator would be named in the refusals of X
        reader = type(cls.__name__, (BaseEstimator,), {})()
        clips = check_clips(reader, X, reset=True)
        labels = check_labels(y, len(clips), cls.__name__)
        scaler = FrameScaler.fit(clips, scaling == "common")
        return cls(clips, labels, scaler, segment_length)

    def __len__(self) -> int:
        return len(self.clip_of)

    def show_progress(self, blocks: Iterable[Item], description: str) -> Iterator[Item]:
        """Pass blocks of long work on, with a bar if the estimator is verbose.

        Parameters
        ----------
        blocks : iterable
            What is worked on, one after another.
        description : str
            Stands before the bar.

        Returns
        -------
        blocks : iterator
            Each of them.
        """
        return show_progress(
            blocks, description, unit="block", verbose=self.verbose, leave=False
        )

    @property
    def padded(self) -> bool:
        """Whether any segment is shorter than ``segment_length``."""
        return bool((self.length < self.segment_length).any())

    def guess(self, rows: np.ndarray, guesses: Labels, confidence: np.ndarray) -> None:
        """Take over what is guessed of some clips; of the others nothing changes.

        Parameters
        ----------
        rows : ndarray of int
            The clips.
        guesses : Labels
            Their labels and pseudo-labels, one row each.
        confidence : ndarray of shape (n_rows, n_classes)
            The probability of each class; 1 where it is a label.
        """
        self.guesses = self.guesses.put(rows, guesses)
        # selectors may hold the table of before: it is not written to
        self.confidence = self.confidence.copy()
        self.confidence[rows] = confidence * guesses.present

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
            New arrays, which the caller may change.
        """
        n_units, k = segments.shape
        shape = (n_units, k, self.clips.n_features, self.segment_length)
        X = np.zeros(shape, dtype=np.float32)
        # one by one, and each only its frames: X may be a memory map
        for i, segment in np.ndenumerate(segments):
            begin, length = self.start[segment], self.length[segment]
            frames = self.clips.frames(self.clip_of[segment], begin, length)
            self.scaler.transform(frames, out=X[i][:, :length])
        clips = self.clip_of[segments[:, 0]]
        substituted = np.broadcast_to(substituted, n_units).copy()
        return Units(X, self.length[segments], clips, segments, substituted)

    def draw_from_clips(
        self, clips: IntArray, k: int, rng: np.random.Generator
    ) -> IntArray:
        """Draw k segments of each clip; one is repeated only if there are too few.

        Parameters
        ----------
        clips : ndarray of shape (n_units,), int
        k : int
        rng : numpy.random.Generator

        Returns
        -------
        segments : ndarray of shape (n_units, k), int
            Each segment of a clip as likely as the others.
        """
        first = self.first[clips, None] + rng.integers(self.count[clips, None])
        return self.add_of_same_clip(first[:, 0], k, rng)

    def add_of_same_clip(
        self,
        segments: IntArray,
        k: int,
        rng: np.random.Generator,
        last: IntArray | None = None,
    ) -> IntArray:
        """Add to one segment per unit k - 1 others of its clip, drawn uniformly.

        Parameters
        ----------
        segments : ndarray of shape (n_units,), int
            The first segment of each unit.
        k : int
            With k = 1 nothing is drawn.
        rng : numpy.random.Generator
        last : ndarray of shape (n_units, any), int, default=None
            Segments that are taken only where the clip has too few others.

        Returns
        -------
        segments : ndarray of shape (n_units, k), int
            Where a clip has fewer than k segments, all of them in turn.
        """
        ids = np.repeat(segments[:, None], k, axis=1)
        # a unit of one segment must not move the generator on
        for i in range(len(ids) if k > 1 else 0):
            clip = self.clip_of[segments[i]]
            others = self.first[clip] + rng.permutation(self.count[clip])
            others = others[others != segments[i]]
            if last is not None:
                order = np.argsort(np.isin(others, last[i]), kind="stable")
                others = others[order]
            ids[i] = np.resize(np.append(segments[i], others), k)
        return ids
