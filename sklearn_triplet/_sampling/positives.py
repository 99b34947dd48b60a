"""Positive selectors: anchors in, one positive per anchor out (Table 1, upper half).

A selector returns *samples*, not indices, so that a noisy copy and a nearest neighbour
share one contract. A selector of one's own is a class with ``select``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_triplet._input.types import IntArray
from sklearn_triplet._sampling.neighbors import find_nearest
from sklearn_triplet._sampling.segments import SegmentedClips, Units
from sklearn_triplet._sampling.transforms import (
    ExampleMixing,
    GaussianNoise,
    TemporalProximity,
    TimeFrequencyShift,
    Transformation,
)

TRANSFORMATIONS: tuple[Transformation, ...] = (
    GaussianNoise(),
    TimeFrequencyShift(),
    TemporalProximity(),
    ExampleMixing(),
)


class PositiveSelector(BaseEstimator):
    """Base class of positive selectors.

    Attributes
    ----------
    uses_labels : bool
        Whether the selector can only serve labeled anchors.
    """

    uses_labels: bool = False

    def prepare(self, segments: SegmentedClips, anchors: IntArray) -> None:
        """Look at the training set once per fit; most selectors need not.

        Parameters
        ----------
        segments : SegmentedClips
        anchors : ndarray of int
            All segments that may become anchors of this selector.
        """

    def prepare_epoch(self, segments: SegmentedClips, anchors: IntArray) -> None:
        """Look at the anchors of an epoch before it begins; most need not.

        What costs time per anchor belongs here: a short fit on a large training set
        never meets most of its segments.

        Parameters
        ----------
        segments : SegmentedClips
        anchors : ndarray of int
            The segments that will be anchors of this selector in the next epoch.
        """

    def select(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return one positive per anchor.

        Parameters
        ----------
        anchors : Units
        segments : SegmentedClips
            The training set, where further segments can be taken from.
        rng : numpy.random.Generator
            The only source of chance.

        Returns
        -------
        positives : Units
            ``substituted`` where the rule had no answer and something else was taken.
        """
        raise TypeError(f"{type(self).__name__} must define select().")


class Transformed(PositiveSelector):
    """Take a transformed copy of the anchor (sections 2.3 and 3.2).

    Each anchor gets one of the transformations, drawn uniformly among those that
    apply to it: a clip of a single segment has no neighbour in time, a row of a table
    can only get noise.

    Parameters
    ----------
    transformations : sequence of Transformation, default=None
        ``None``: the paper's four at the paper's settings.

    Examples
    --------
    >>> from sklearn_triplet import GaussianNoise, Transformed
    >>> Transformed([GaussianNoise(sigma=1.0)])
    Transformed(transformations=[GaussianNoise(sigma=1.0)])
    """

    def __init__(self, transformations: Sequence[Transformation] | None = None) -> None:
        self.transformations = transformations

    def select(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return one transformed copy per anchor."""
        transformations = self.transformations
        if transformations is None:
            transformations = TRANSFORMATIONS
        applies = np.array([t.applies_to(anchors, segments) for t in transformations])
        # the largest of uniform numbers among those that apply is a uniform draw
        draw = np.where(applies, rng.random(applies.shape), -1.0)
        choice = np.where(applies.any(axis=0), draw.argmax(axis=0), -1)
        parts: list[Units] = []
        rows: list[IntArray] = []
        for i in np.unique(choice):
            rows.append(np.flatnonzero(choice == i))
            chosen = anchors.take(rows[-1])
            if i < 0:
                chosen.substituted[:] = True
                parts.append(chosen)
            else:
                parts.append(transformations[i].apply(chosen, segments, rng))
        return Units.assemble(parts, rows)


class SameLabel(PositiveSelector):
    """Take a segment of another clip that shares a label (section 2.2).

    A partner clip is drawn uniformly among those that share at least one class known
    to be present in both, then one of its segments. Where there is no partner, another
    segment of the anchor's own clip is taken, and where there is none either, a
    transformed copy: a rare class must not crash a fold. Such substitutes are warned
    about once and counted in the history.

    Examples
    --------
    >>> from sklearn_triplet import SameLabel
    >>> SameLabel()
    SameLabel()
    """

    uses_labels = True

    def select(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return one partner per anchor."""
        present = segments.labels.present
        shares = present[anchors.clips] @ present.T
        shares[np.arange(len(anchors)), anchors.clips] = False
        draw = np.where(shares, rng.random(shares.shape), -1.0)
        has_partner = shares.any(axis=1)
        own_clip = ~has_partner & (segments.count[anchors.clips] > 1)
        copy = ~has_partner & ~own_clip
        k = anchors.segments.shape[1]
        rows = [np.flatnonzero(m) for m in (has_partner, own_clip, copy)]
        partners = draw.argmax(axis=1)[rows[0]]
        parts = [segments.take(segments.draw_from_clips(partners, k, rng))]
        neighbours = TemporalProximity(np.iinfo(int).max)
        parts.append(neighbours.apply(anchors.take(rows[1]), segments, rng))
        if len(rows[2]):
            parts.append(Transformed().select(anchors.take(rows[2]), segments, rng))
        for part in parts[1:]:
            part.substituted[:] = True
        return Units.assemble(parts, rows[: len(parts)])


class Nearest(PositiveSelector):
    """Take the nearest segment of the training set in the input space (section 3.3).

    The search is exact: L2 distance between flattened standardised segments, never the
    anchor itself. Frames that are padded in either segment do not count: the distance
    is then that of the common frames, scaled to a full segment.

    Parameters
    ----------
    n_neighbors : int, default=1
        More than 1: one of the k nearest is drawn each time ("we could take one of the
        nearest samples", section 4.6).
    exclude_same_clip : bool, default=False
        Whether segments of the anchor's own clip are passed over.

    Attributes
    ----------
    neighbors_ : ndarray of shape (n_segments, n_neighbors), int
        The neighbours of the segments that have served as anchors, nearest first, and
        -1 where there are fewer.
    searched_ : ndarray of shape (n_segments,), bool
        The segments whose neighbours are known.

    Examples
    --------
    >>> from sklearn_triplet import Nearest
    >>> Nearest(n_neighbors=5)
    Nearest(n_neighbors=5)
    """

    def __init__(self, n_neighbors: int = 1, exclude_same_clip: bool = False) -> None:
        self.n_neighbors = n_neighbors
        self.exclude_same_clip = exclude_same_clip

    def prepare(self, segments: SegmentedClips, anchors: IntArray) -> None:
        """Forget the neighbours in another training set."""
        self.neighbors_ = np.full((len(segments), self.n_neighbors), -1)
        self.searched_ = np.zeros(len(segments), dtype=bool)

    def prepare_epoch(self, segments: SegmentedClips, anchors: IntArray) -> None:
        """Search the neighbours of the anchors that are new in this epoch."""
        new = np.unique(anchors[~self.searched_[anchors]])
        self.neighbors_[new] = find_nearest(
            segments, new, self.n_neighbors, self.exclude_same_clip
        )
        self.searched_[new] = True

    def select(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return one of the nearest segments per anchor."""
        known = self.neighbors_[anchors.segments[:, 0]]
        n_known = np.maximum((known >= 0).sum(axis=1), 1)
        ids = known[np.arange(len(known)), rng.integers(n_known)]
        lonely = ids < 0
        ids = np.where(lonely, anchors.segments[:, 0], ids)
        return segments.take(ids[:, None], substituted=lonely)
