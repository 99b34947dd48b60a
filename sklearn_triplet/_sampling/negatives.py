"""Negative selectors: encoded candidates in, one negative per anchor out (Table 1).

The candidates are the anchors and positives of the batch, already encoded, so that a
negative costs no forward pass: n_anchors rows, 2 * n_anchors columns. A selector of
one's own is a class with ``select``; what it returns is checked once per fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from sklearn.base import BaseEstimator

from sklearn_triplet._input.parameters import check_choice


@dataclass
class Candidates:
    """What a negative selector may choose from, for a group of anchors.

    All tables have a row per anchor and a column per candidate, and lie on the device
    of the embeddings. A candidate is a unit: what its label is, is that of its clip.

    Parameters
    ----------
    distances : tensor of shape (n_anchors, n_candidates), float32
        Squared L2 distances of embeddings.
    positive_distances : tensor of shape (n_anchors,), float32
        Squared L2 distance of each anchor to its positive: the first term of eq. (1).
    allowed : tensor of shape (n_anchors, n_candidates), bool
        False for candidates of the anchor's own clip and for its positive.
    shares_label : tensor of shape (n_anchors, n_candidates), bool
        Some class is known to be present in both.
    other_label : tensor of shape (n_anchors, n_candidates), bool
        Both are labeled, and no class that is present in one is present or unknown in
        the other.
    noise : tensor of shape (n_anchors, n_candidates), float32
        Uniform in [0, 1): the only source of chance, so that selection is repeatable.
    shares_pseudo_label : tensor of shape (n_anchors, n_candidates), bool, optional
        As ``shares_label``, where pseudo-labels count like labels. Left out, there are
        none, and it is ``shares_label``.
    other_pseudo_label : tensor of shape (n_anchors, n_candidates), bool, optional
        As ``other_label``, in the same way.

    See Also
    --------
    NegativeSelector : Chooses one of them per anchor.

    Examples
    --------
    One anchor, whose positive is at a distance of 1, and three candidates:

    >>> import torch
    >>> from sklearn_triplet import Candidates, OtherLabel, SemiHard
    >>> candidates = Candidates(
    ...     distances=torch.tensor([[0.5, 2.0, 3.0]]),
    ...     positive_distances=torch.tensor([1.0]),
    ...     allowed=torch.tensor([[True, True, True]]),
    ...     shares_label=torch.tensor([[True, True, False]]),
    ...     other_label=torch.tensor([[False, False, True]]),
    ...     noise=torch.tensor([[0.1, 0.2, 0.3]]),
    ... )
    >>> SemiHard().select(candidates)[0]  # the nearest one beyond the positive
    tensor([1])
    >>> OtherLabel().select(candidates)[0]  # the only one of another label
    tensor([2])
    """

    distances: torch.Tensor
    positive_distances: torch.Tensor
    allowed: torch.Tensor
    shares_label: torch.Tensor
    other_label: torch.Tensor
    noise: torch.Tensor
    shares_pseudo_label: torch.Tensor | None = None
    other_pseudo_label: torch.Tensor | None = None

    def __post_init__(self) -> None:
        # a label is as good as a pseudo-label
        if self.shares_pseudo_label is None:
            self.shares_pseudo_label = self.shares_label
        if self.other_pseudo_label is None:
            self.other_pseudo_label = self.other_label


def draw_uniformly(
    noise: torch.Tensor, allowed: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw an allowed column per row, each as likely as the others.

    Parameters
    ----------
    noise : tensor of shape (n_anchors, n_candidates), float32
        Independent and uniform in [0, 1).
    allowed : tensor of shape (n_anchors, n_candidates), bool

    Returns
    -------
    index : tensor of shape (n_anchors,), int64
        -1 where nothing is allowed.
    substituted : tensor of shape (n_anchors,), bool
        False throughout: no rule without an answer.
    """
    # the largest of uniform numbers among the allowed ones is a uniform draw
    index = noise.masked_fill(~allowed, -1.0).argmax(dim=1)
    index = index.masked_fill(~allowed.any(dim=1), -1)
    return index, torch.zeros_like(index, dtype=torch.bool)


def choose_semi_hard(
    candidates: Candidates, allowed: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Choose the nearest candidate beyond the positive, or the farthest of all.

    Parameters
    ----------
    candidates : Candidates
    allowed : tensor of shape (n_anchors, n_candidates), bool
        Which of them may be chosen.

    Returns
    -------
    index : tensor of shape (n_anchors,), int64
        -1 where nothing is allowed.
    substituted : tensor of shape (n_anchors,), bool
        Where no candidate is farther than the positive.
    """
    distances = candidates.distances
    farther = allowed & (distances > candidates.positive_distances[:, None])
    # what may not be chosen is infinitely far, or nearer than anything can be
    nearest = distances.masked_fill(~farther, torch.inf).argmin(dim=1)
    farthest = distances.masked_fill(~allowed, -1.0).argmax(dim=1)
    empty = ~farther.any(dim=1)
    index = torch.where(empty, farthest, nearest)
    # no candidate at all is no substitute either
    possible = allowed.any(dim=1)
    return index.masked_fill(~possible, -1), empty & possible


def check_negatives(answer: object, candidates: Candidates, selector: object) -> None:
    """Refuse what is no negative per anchor, in a sentence that names the selector.

    Parameters
    ----------
    answer : object
        What ``selector.select(candidates)`` has returned.
    candidates : Candidates
    selector : NegativeSelector

    Raises
    ------
    ValueError
        Where it is not a pair of an index and a mask, where these have another shape or
        dtype or lie elsewhere, and where a candidate is none or is not allowed.
    """
    who = f"{type(selector).__name__}.select"
    if not isinstance(answer, tuple) or len(answer) != 2:
        found = type(answer).__name__
        found += f" of {len(answer)}" if isinstance(answer, tuple) else ""
        raise ValueError(
            f"{who} must return a tuple (index, substituted), where the second tells "
            "for which anchors something else than the rule's was taken. Got an object "
            f"of type {found} instead."
        )
    n_anchors, n_candidates = candidates.distances.shape
    _check_tensor(answer[0], "index", torch.int64, candidates, who)
    _check_tensor(answer[1], "substituted", torch.bool, candidates, who)
    index = answer[0]
    if ((index < -1) | (index >= n_candidates)).any():
        raise ValueError(
            f"{who} must return an index in [-1, {n_candidates - 1}], a column of the "
            f"candidates or -1 for none. Got {index.min()} to {index.max()}."
        )
    # -1 looks up the first column, whose answer does not count
    chosen = candidates.allowed[torch.arange(n_anchors), index.clamp(min=0)]
    wrong = (index >= 0) & ~chosen
    if wrong.any():
        raise ValueError(
            f"{who} must choose negatives among candidates.allowed. Got {wrong.sum()} "
            f"of {n_anchors} that are of the anchor's own clip or its positive: mask "
            "the others out, and return -1 where none is left."
        )


def _check_tensor(
    found: object, name: str, dtype: torch.dtype, candidates: Candidates, who: str
) -> None:
    """Compare one of the two tensors with what the loss can index by."""
    shape, device = candidates.positive_distances.shape, candidates.distances.device
    if not isinstance(found, torch.Tensor):
        raise ValueError(
            f"{who} must return torch tensors. Got {name!r} of type "
            f"{type(found).__name__}."
        )
    # the loss indexes by it, and torch would refuse int32 or a column without a name
    if (found.dtype, found.shape, found.device) != (dtype, shape, device):
        raise ValueError(
            f"{who} must return one negative per anchor: {name!r} of shape "
            f"{tuple(shape)} and dtype {dtype} on {device}. Got {tuple(found.shape)}, "
            f"{found.dtype} on {found.device}."
        )


class NegativeSelector(BaseEstimator):
    """Base class of negative selectors.

    One of one's own defines ``select``; it needs no registration, and
    ``check_selector`` tells whether it keeps to the rules.

    Attributes
    ----------
    uses_labels : bool
        Whether the selector can only serve labeled anchors, and needs labels of at
        least two kinds.
    uses_pseudo_labels : bool
        Whether the fit has to guess what the unlabeled clips are, for
        ``candidates.other_pseudo_label`` to tell more than labels do.

    See Also
    --------
    check_selector : Tries a selector on small data.
    Candidates : What there is to choose from.
    Strategy : Says which anchors a selector serves.

    Examples
    --------
    The nearest candidate of another clip, "hard" in the words of FaceNet:

    >>> import torch
    >>> from sklearn_triplet import NegativeSelector, check_selector
    >>> class Hardest(NegativeSelector):
    ...     def select(self, candidates):
    ...         allowed = candidates.allowed
    ...         distances = candidates.distances.masked_fill(~allowed, torch.inf)
    ...         none = ~allowed.any(dim=1)
    ...         return distances.argmin(dim=1).masked_fill(none, -1), none & False
    >>> check_selector(Hardest())
    """

    uses_labels: bool = False
    uses_pseudo_labels: bool = False

    def select(self, candidates: Candidates) -> tuple[torch.Tensor, torch.Tensor]:
        """Choose one negative per anchor.

        Parameters
        ----------
        candidates : Candidates
            Never to be changed in place.

        Returns
        -------
        index : tensor of shape (n_anchors,), int64
            Columns of the candidates, allowed ones; -1 where there is none, and the
            triplet is left out of the loss.
        substituted : tensor of shape (n_anchors,), bool
            Where the rule had no answer and something else was taken.
        """
        raise TypeError(f"{type(self).__name__} must define select().")


class OtherLabel(NegativeSelector):
    """Take a random candidate that has no label in common (section 2.2).

    Where some entries of y are unknown, a class that may be in both rules the candidate
    out. Two clips that are known to hold no event are alike and no negatives; such a
    clip and one with an event are.

    See Also
    --------
    SameLabel : The positive selector of the supervised strategy S5.
    SemiHard : Looks at distances instead.

    References
    ----------
    A. Jansen et al., "Unsupervised learning of semantic audio representations", ICASSP
    2018, arXiv:1711.02209: the explicitly labeled triplets.

    Examples
    --------
    >>> from sklearn_triplet import OtherLabel
    >>> OtherLabel()
    OtherLabel()
    """

    uses_labels = True

    def select(self, candidates: Candidates) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw uniformly among the candidates of other labels."""
        allowed = candidates.allowed & candidates.other_label
        return draw_uniformly(candidates.noise, allowed)


class RandomNegative(NegativeSelector):
    """Take a random candidate of another clip, whatever its label.

    Not one of the paper's. Among few classes the nearest candidate of an unlabeled
    anchor is mostly of the anchor's own class, and ``SemiHard`` tears classes apart; a
    random one is of another class as often as the classes are frequent.

    See Also
    --------
    SemiHard : The paper's negative of an unlabeled anchor.

    Examples
    --------
    >>> from sklearn_triplet import RandomNegative
    >>> RandomNegative()
    RandomNegative()
    """

    def select(self, candidates: Candidates) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw uniformly among the candidates of other clips."""
        return draw_uniformly(candidates.noise, candidates.allowed)


class SemiHard(NegativeSelector):
    """Take the nearest candidate that is farther than the positive (section 2.3).

    ``x_n = argmin |f(x_a) - f(x)|^2`` over the candidates x with
    ``|f(x_a) - f(x)|^2 > |f(x_a) - f(x_p)|^2``, after FaceNet. With it the hinge of eq.
    (1) is at most the margin, and positive where the negative is within the margin.

    Where no candidate is farther than the positive, the farthest one is taken (the
    nearest would invite collapse) and counted in the history.

    Parameters
    ----------
    exclude_shared_labels : bool, default=False
        Whether candidates that share a label with a labeled anchor are passed over.
        False is the literal reading of strategy S4.

    See Also
    --------
    RandomNegative : Does not look at distances, for tables of few classes.

    References
    ----------
    F. Schroff, D. Kalenichenko and J. Philbin, "FaceNet: a unified embedding for face
    recognition and clustering", CVPR 2015, doi:10.1109/CVPR.2015.7298682.

    Examples
    --------
    >>> from sklearn_triplet import SemiHard
    >>> SemiHard()
    SemiHard()
    """

    def __init__(self, exclude_shared_labels: bool = False) -> None:
        self.exclude_shared_labels = exclude_shared_labels

    def select(self, candidates: Candidates) -> tuple[torch.Tensor, torch.Tensor]:
        """Choose by distance."""
        check_choice(self, "exclude_shared_labels", [False, True])
        allowed = candidates.allowed
        if self.exclude_shared_labels:
            allowed = allowed & ~candidates.shares_label
        return choose_semi_hard(candidates, allowed)


class OtherPseudoLabel(NegativeSelector):
    """Take the semi-hard candidate that is known or guessed to be of another class.

    ``SemiHard`` among the candidates that have no label or pseudo-label in common with
    the anchor, and none of which it cannot be told. Of few classes, the nearest
    candidate of an unlabeled anchor is mostly of its own class, and ``SemiHard`` alone
    tears classes apart; this is how often the guesses are wrong. Where it can be told
    of no candidate, as for an anchor of which nothing is guessed yet, it is
    ``SemiHard`` among all.

    Not one of the paper's. It serves unlabeled anchors, and labeled ones as well.

    See Also
    --------
    SamePseudoLabel : The positive selector beside it, which says how is guessed.
    OtherLabel : Of labels alone, whatever the distance.

    Examples
    --------
    >>> from sklearn_triplet import OtherPseudoLabel
    >>> OtherPseudoLabel()
    OtherPseudoLabel()
    """

    uses_pseudo_labels = True

    def select(self, candidates: Candidates) -> tuple[torch.Tensor, torch.Tensor]:
        """Choose by distance among those of other pseudo-labels."""
        shares, other = candidates.shares_pseudo_label, candidates.other_pseudo_label
        assert shares is not None and other is not None  # __post_init__ has seen to it
        nothing_told = ~(shares | other).any(dim=1, keepdim=True)
        return choose_semi_hard(candidates, candidates.allowed & (other | nothing_told))
