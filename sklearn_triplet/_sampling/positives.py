"""Positive selectors: anchors in, one positive per anchor out (Table 1, upper half).

Both are units ``(n_units, k, n_features, n_frames)``. A selector returns *samples*, not
indices, so that a noisy copy and a nearest neighbour share one contract. A selector of
one's own is a class with ``select``; what it returns is checked once per fit.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_triplet._input.parameters import check_choice, check_number
from sklearn_triplet._input.types import IntArray
from sklearn_triplet._sampling.neighbors import find_nearest
from sklearn_triplet._sampling.segments import SegmentedClips, Units
from sklearn_triplet._sampling.transforms import (
    ExampleMixing,
    GaussianNoise,
    TemporalProximity,
    TimeFrequencyShift,
    Transformation,
    check_transformations,
)

TRANSFORMATIONS: tuple[Transformation, ...] = (
    GaussianNoise(),
    TimeFrequencyShift(),
    TemporalProximity(),
    ExampleMixing(),
)


# the axes and the kind of the dtype of what a selector returns
FIELDS = {
    "X": (("n_units", "k", "n_features", "n_frames"), "f"),
    "lengths": (("n_units", "k"), "i"),
    "clips": (("n_units",), "i"),
    "segments": (("n_units", "k"), "i"),
    "substituted": (("n_units",), "b"),
}


def check_positives(
    positives: object, anchors: Units, segments: SegmentedClips, selector: object
) -> None:
    """Refuse what is no unit per anchor, in a sentence that names the selector.

    Parameters
    ----------
    positives : object
        What ``selector.select(anchors, segments, rng)`` has returned.
    anchors : Units
    segments : SegmentedClips
    selector : PositiveSelector

    Raises
    ------
    ValueError
        Where it is no Units, has another shape or dtype than the anchors, names clips
        or segments that are not there or not of one clip, or holds values that are not
        finite or not zero where padded.
    """
    who = f"{type(selector).__name__}.select"
    if not isinstance(positives, Units):
        raise ValueError(
            f"{who} must return Units, as segments.take(ids) and anchors.take(rows) "
            f"do. Got an object of type {type(positives).__name__} instead."
        )
    for field in fields(Units):
        _check_field(positives, anchors, field.name, who)
    n_frames = anchors.X.shape[-1]
    # before they look anything up, or a wrong id were an IndexError
    _check_range(positives.lengths, "lengths", 1, n_frames, who)
    _check_range(positives.clips, "clips", 0, len(segments.count) - 1, who)
    _check_range(positives.segments, "segments", 0, len(segments) - 1, who)
    if (segments.clip_of[positives.segments] != positives.clips[:, None]).any():
        raise ValueError(
            f"{who} must return units whose segments are all of the clip in 'clips'. "
            "Got others: choose ids of one clip in each row for segments.take(ids)."
        )
    _check_values(positives, who)


def _check_values(positives: Units, who: str) -> None:
    if not np.isfinite(positives.X).all():
        rows = np.flatnonzero(~np.isfinite(positives.X).all(axis=(1, 2, 3)))
        raise ValueError(
            f"{who} must return finite values. Got NaN or infinity in {len(rows)} of "
            f"{len(positives)} units, first in unit {rows[0]}."
        )
    if (positives.X * ~positives.valid).any():
        raise ValueError(
            f"{who} must return zeros where a segment is padded, beyond its 'lengths'. "
            "Multiply X by units.valid."
        )


def _check_field(positives: Units, anchors: Units, name: str, who: str) -> None:
    """Compare the type, dtype and shape of one field with those of the anchors."""
    axes, kind = FIELDS[name]
    found, expected = getattr(positives, name), getattr(anchors, name)
    if not isinstance(found, np.ndarray):
        raise ValueError(
            f"{who} must return Units of numpy arrays. Got {name!r} of type "
            f"{type(found).__name__}."
        )
    # any integer names a segment, but the network takes float32 and nothing else
    same = found.dtype == expected.dtype if kind == "f" else found.dtype.kind == kind
    if not same:
        raise ValueError(
            f"{who} must return {name!r} of dtype {expected.dtype}. Got {found.dtype}: "
            f"convert it by astype."
        )
    if found.shape != expected.shape:
        raise ValueError(
            f"{who} must return one positive per anchor: {name!r} of shape "
            f"({', '.join(axes)}{',' * (len(axes) == 1)}) = {expected.shape}. "
            f"Got {found.shape}."
        )


def _check_range(found: IntArray, name: str, low: int, high: int, who: str) -> None:
    if found.min(initial=low) < low or found.max(initial=high) > high:
        raise ValueError(
            f"{who} must return {name!r} in [{low}, {high}]. Got {found.min()} to "
            f"{found.max()}."
        )


class PositiveSelector(BaseEstimator):
    """Base class of positive selectors.

    One of one's own defines ``select``; it needs no registration, and
    ``check_selector`` tells whether it keeps to the rules.

    Attributes
    ----------
    uses_labels : bool
        Whether the selector can only serve labeled anchors.
    uses_pseudo_labels : bool
        Whether the fit has to guess what the unlabeled clips are, for
        ``segments.guesses`` to tell more than labels do.

    See Also
    --------
    check_selector : Tries a selector on small data.
    Strategy : Says which anchors a selector serves.
    Transformation : The simpler way, where a positive is a changed copy of its anchor.

    Examples
    --------
    >>> from sklearn_triplet import PositiveSelector, check_selector
    >>> class SameClip(PositiveSelector):
    ...     def select(self, anchors, segments, rng):
    ...         k = anchors.segments.shape[1]
    ...         return segments.take(segments.draw_from_clips(anchors.clips, k, rng))
    >>> check_selector(SameClip())
    """

    uses_labels: bool = False
    uses_pseudo_labels: bool = False

    def prepare(self, segments: SegmentedClips, anchors: IntArray) -> None:
        """Look at the training set once per fit; most selectors need not.

        A selector that is prepared again forgets the training set before.

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
            Of any k; never to be changed in place.
        segments : SegmentedClips
            The training set, where further segments can be taken from.
        rng : numpy.random.Generator
            The only source of chance.

        Returns
        -------
        positives : Units
            Of the shape of the anchors, each of one clip, ``substituted`` where the
            rule had no answer and something else was taken.
        """
        raise TypeError(f"{type(self).__name__} must define select().")


class Transformed(PositiveSelector):
    """Take a transformed copy of the anchor (sections 2.3 and 3.2).

    Each anchor gets one of the transformations, drawn uniformly among those that
    apply to it: a clip of a single segment has no neighbour in time, a row of a table
    can only get noise. Where none applies, the anchor itself is taken and counted. Of a
    unit of several segments all get the same kind of transformation.

    Parameters
    ----------
    transformations : sequence of Transformation, default=None
        ``None``: the paper's four at the paper's settings (sections 2.3 and 4.3).

    See Also
    --------
    GaussianNoise, TimeFrequencyShift, TemporalProximity, ExampleMixing : The four.

    References
    ----------
    A. Jansen et al., "Unsupervised learning of semantic audio representations", ICASSP
    2018, arXiv:1711.02209.

    Examples
    --------
    >>> from sklearn_triplet import GaussianNoise, Transformed
    >>> Transformed([GaussianNoise(sigma=1.0)])
    Transformed(transformations=[GaussianNoise(sigma=1.0)])
    """

    def __init__(self, transformations: Sequence[Transformation] | None = None) -> None:
        self.transformations = transformations

    def prepare(self, segments: SegmentedClips, anchors: IntArray) -> None:
        """Refuse what is no transformation, before anything is drawn."""
        if self.transformations is not None:
            check_transformations(self, self.transformations, "None or a list")

    def select(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return one transformed copy per anchor."""
        transformations = self.transformations
        if transformations is None:
            transformations = TRANSFORMATIONS
        # (n_transformations, n_units)
        applies = np.array([t.applies_to(anchors, segments) for t in transformations])
        # the largest of uniform numbers among those that apply is a uniform draw
        draw = np.where(applies, rng.random(applies.shape), -1.0)
        choice = np.where(applies.any(axis=0), draw.argmax(axis=0), -1)
        parts: list[Units] = []
        rows: list[IntArray] = []
        for i in np.unique(choice):
            # all anchors of one transformation at once
            rows.append(np.flatnonzero(choice == i))
            chosen = anchors.take(rows[-1])
            if i < 0:
                # a copy, so that the anchors are not marked
                chosen.substituted[:] = True
                parts.append(chosen)
            else:
                parts.append(transformations[i].apply(chosen, segments, rng))
        return Units.assemble(parts, rows)


class SameLabel(PositiveSelector):
    """Take a segment of another clip that shares a label (section 2.2).

    A partner clip is drawn uniformly among those that share at least one class known
    to be present in both, then one of its segments (of a unit of several segments, as
    many, and none twice if there are enough). Where there is no partner, another
    segment of the anchor's own clip is taken, and where there is none either, a
    transformed copy: a rare class must not crash a fold. Such substitutes are warned
    about once and counted in the history.

    The paper's samples are segments, "randomly chosen under the constraints that the
    positive sample has at least one label in common with the anchor". With clips of one
    length, as the paper's, that is the same; with others, a long clip is here no more
    likely than a short one.

    See Also
    --------
    OtherLabel : The negative selector of the supervised strategy S5.

    References
    ----------
    A. Jansen et al., "Unsupervised learning of semantic audio representations", ICASSP
    2018, arXiv:1711.02209: the explicitly labeled triplets.

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
        # (n_units, n_clips): for booleans the matrix product is "any class in both"
        shares = present[anchors.clips] @ present.T
        shares[np.arange(len(anchors)), anchors.clips] = False
        # the largest of uniform numbers among the partners is a uniform draw
        draw = np.where(shares, rng.random(shares.shape), -1.0)
        has_partner = shares.any(axis=1)
        # in the same clip, at any distance
        elsewhere = TemporalProximity(np.iinfo(int).max)
        own_clip = ~has_partner & elsewhere.applies_to(anchors, segments)
        copy = ~has_partner & ~own_clip
        k = anchors.segments.shape[1]
        rows = [np.flatnonzero(m) for m in (has_partner, own_clip, copy)]
        partners = draw.argmax(axis=1)[rows[0]]
        parts = [segments.take(segments.draw_from_clips(partners, k, rng))]
        parts.append(elsewhere.apply(anchors.take(rows[1]), segments, rng))
        if len(rows[2]):
            parts.append(Transformed().select(anchors.take(rows[2]), segments, rng))
        for part in parts[1:]:
            part.substituted[:] = True
        return Units.assemble(parts, rows[: len(parts)])


class SamePseudoLabel(PositiveSelector):
    r"""Take a segment of another clip that shares a label or a pseudo-label.

    Once an epoch the fit guesses what the unlabeled clips are. A partner clip is drawn
    among those that share a class, known or guessed, with a probability proportional
    to that of the guess, then one of its segments. Where nothing is known or guessed
    of the anchor, a transformed copy is taken, which is the rule and no substitute;
    where the anchor's class is that of no other clip, the same, and it is counted.

    Not one of the paper's. It serves unlabeled anchors, and labeled ones as well.

    Parameters
    ----------
    n_neighbors : int, default=5
        Of the graph that the guesses are spread over.
    alpha : float, default=0.65
        What a guess takes from its neighbours in the graph, in [0, 1).
    guess_from : float, default=0.4
        Part of the epochs after which guessing begins, in [0, 1]. A guess from too few
        steps is worse than none.
    confidence_floor : float, default=0.0
        Probability below which a clip gets no pseudo-label, in [0, 1). Raise it where
        unlabeled clips may be of classes that no label has: at 0 each is forced into
        one that has.

    See Also
    --------
    OtherPseudoLabel : The negative selector beside it.
    PseudoLabeled : The same guess, once, around a classifier behind the embedding.

    Notes
    -----
    Clips are embedded as ``transform`` with ``output="clip"`` does, by the network as
    it is, and standardised. A logistic regression on the labeled clips gives
    probabilities of the others; these are aligned to the class prior (counts of the
    labels, plus one), spread over the graph of nearest neighbours by cosine [1]_,
    :math:`Q = (I - \alpha W)^{-1} Q_0`, and aligned again. The surest half of each
    class joins first, all of it by the last third of the epochs. Of more than 2000
    unlabeled clips, as many are looked at in an epoch, others each time. Of several
    labels a clip, every class is a question of its own, and an unknown entry is
    guessed like that of an unlabeled clip.

    The prior is that of the labels: label a random sample, or the classes in about the
    proportions that they have.

    In a strategy with two of these the one for unlabeled anchors says how is guessed.

    References
    ----------
    .. [1] A. Iscen, G. Tolias, Y. Avrithis and O. Chum, "Label propagation for deep
       semi-supervised learning", CVPR 2019.

    Examples
    --------
    >>> from sklearn_triplet import SamePseudoLabel
    >>> SamePseudoLabel(alpha=0.8)
    SamePseudoLabel(alpha=0.8)
    """

    uses_pseudo_labels = True

    def __init__(
        self,
        n_neighbors: int = 5,
        alpha: float = 0.65,
        guess_from: float = 0.4,
        confidence_floor: float = 0.0,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.alpha = alpha
        self.guess_from = guess_from
        self.confidence_floor = confidence_floor

    def check(self) -> None:
        """Refuse parameters outside their ranges."""
        check_number(self, "n_neighbors", numbers.Integral, 1)
        check_number(self, "guess_from", numbers.Real, 0, 1)
        for name in ("alpha", "confidence_floor"):
            check_number(self, name, numbers.Real, 0, 1, right="open")

    def prepare(self, segments: SegmentedClips, anchors: IntArray) -> None:
        """Refuse parameters before anything is drawn."""
        self.check()

    def select(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return one partner per anchor, or a transformed copy."""
        present = segments.guesses.present[anchors.clips]
        # (n_units, n_clips): the probability of the partner's guess, added up where
        # several classes are in both
        weights = present @ segments.confidence.T
        weights[np.arange(len(anchors)), anchors.clips] = 0
        has_partner = (weights > 0).any(axis=1)
        rows = [np.flatnonzero(has_partner), np.flatnonzero(~has_partner)]
        # of exponential times at rates w, the first is that of i with probability
        # w_i / sum(w); nothing is drawn for anchors that have no choice
        weights = weights[rows[0]]
        times = np.full(weights.shape, np.inf)
        draw = rng.standard_exponential(weights.shape)
        np.divide(draw, weights, out=times, where=weights > 0)
        partners = times.argmin(axis=1)
        k = anchors.segments.shape[1]
        parts = [segments.take(segments.draw_from_clips(partners, k, rng))]
        if len(rows[1]):
            parts.append(Transformed().select(anchors.take(rows[1]), segments, rng))
            parts[1].substituted |= present[rows[1]].any(axis=1)
        return Units.assemble(parts, rows[: len(parts)])


class Nearest(PositiveSelector):
    """Take the nearest segment of the training set in the input space (section 3.3).

    ``x_p = argmin |x - x_a|^2`` over the segments x of the training set but x_a itself.
    The search is exact: L2 distance between flattened standardised segments. Frames
    that are padded in either segment do not count: the distance is then that of the
    common frames, scaled to a full segment. Where there is no other segment, the anchor
    itself is taken and counted as a substitute.

    A unit of k segments is looked up by its first: the positive is the nearest segment
    that is not in the unit, and k - 1 others of that segment's clip, drawn at random;
    of the unit's own clip, those of the unit come last. Up to k - 1 of the first
    segment's neighbours may be in the unit, so ``n_neighbors=k`` (at least) leaves one
    wherever there is one; where none is left, the anchor is taken and counted.

    Parameters
    ----------
    n_neighbors : int, default=1
        More than 1: one of that many is drawn each time ("we could take one of the
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

    See Also
    --------
    Transformed : The other way to a positive without labels, better throughout the
        paper's Table 2.

    References
    ----------
    N. Turpault, R. Serizel and E. Vincent, "Semi-supervised triplet loss based
    learning of ambient audio embeddings", ICASSP 2019, HAL hal-02025824.

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
        check_number(self, "n_neighbors", numbers.Integral, 1, most=2**12)
        check_choice(self, "exclude_same_clip", [False, True])
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
        first, k = anchors.segments[:, 0], anchors.segments.shape[1]
        known = self.neighbors_[first]
        in_unit = (known[:, :, None] == anchors.segments[:, None]).any(axis=2)
        free = (known >= 0) & ~in_unit
        drawn = rng.integers(np.maximum(free.sum(axis=1), 1))
        # free ones to the left, and of these still the nearest first
        columns = np.argsort(~free, axis=1, kind="stable")
        rows = np.arange(len(known))
        ids = known[rows, columns[rows, drawn]]
        lonely = ~free.any(axis=1)
        ids = np.where(lonely, first, ids)
        # with k = 1 this is the neighbour alone, and nothing is drawn
        units = segments.add_of_same_clip(ids, k, rng, last=anchors.segments)
        units[lonely] = anchors.segments[lonely]
        return segments.take(units, substituted=lonely)
