"""Negative selectors: encoded candidates in, one negative per anchor out (Table 1).

The candidates are the anchors and positives of the batch, already encoded, so that a
negative costs no forward pass. A selector of one's own is a class with ``select``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from sklearn.base import BaseEstimator


@dataclass
class Candidates:
    """What a negative selector may choose from, for a group of anchors.

    Attributes
    ----------
    distances : tensor of shape (n_anchors, n_candidates), float32
        Squared L2 distances of embeddings.
    positive_distances : tensor of shape (n_anchors,), float32
        Squared L2 distance of each anchor to its positive.
    allowed : tensor of shape (n_anchors, n_candidates), bool
        False for candidates of the anchor's own clip and for its positive.
    shares_label : tensor of shape (n_anchors, n_candidates), bool
        Some class is known to be present in both.
    other_label : tensor of shape (n_anchors, n_candidates), bool
        Both are labeled, and no class that is present in one is present or unknown in
        the other.
    noise : tensor of shape (n_anchors, n_candidates), float32
        Uniform in [0, 1): the only source of chance, so that selection is repeatable.
    """

    distances: torch.Tensor
    positive_distances: torch.Tensor
    allowed: torch.Tensor
    shares_label: torch.Tensor
    other_label: torch.Tensor
    noise: torch.Tensor


def draw_uniformly(
    noise: torch.Tensor, allowed: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a random allowed column per row, or -1, and that none is a substitute."""
    index = noise.masked_fill(~allowed, -1.0).argmax(dim=1)
    index = index.masked_fill(~allowed.any(dim=1), -1)
    return index, torch.zeros_like(index, dtype=torch.bool)


class NegativeSelector(BaseEstimator):
    """Base class of negative selectors.

    Attributes
    ----------
    uses_labels : bool
        Whether the selector can only serve labeled anchors.
    """

    uses_labels: bool = False

    def select(self, candidates: Candidates) -> tuple[torch.Tensor, torch.Tensor]:
        """Choose one negative per anchor.

        Parameters
        ----------
        candidates : Candidates

        Returns
        -------
        index : tensor of shape (n_anchors,), int64
            Columns of the candidates; -1 where there is none, and the triplet is left
            out of the loss.
        substituted : tensor of shape (n_anchors,), bool
            Where the rule had no answer and something else was taken.
        """
        raise TypeError(f"{type(self).__name__} must define select().")


class OtherLabel(NegativeSelector):
    """Take a random candidate that has no label in common (section 2.2).

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
    ``|f(x_a) - f(x)|^2 > |f(x_a) - f(x_p)|^2``, after FaceNet.

    Where no candidate is farther than the positive, the farthest one is taken (the
    nearest would invite collapse) and counted in the history.

    Parameters
    ----------
    exclude_shared_labels : bool, default=False
        Whether candidates that share a label with a labeled anchor are passed over.
        False is the literal reading of strategy S4.

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
        allowed, distances = candidates.allowed, candidates.distances
        if self.exclude_shared_labels:
            allowed = allowed & ~candidates.shares_label
        farther = allowed & (distances > candidates.positive_distances[:, None])
        nearest = distances.masked_fill(~farther, torch.inf).argmin(dim=1)
        farthest = distances.masked_fill(~allowed, -1.0).argmax(dim=1)
        empty = ~farther.any(dim=1)
        index = torch.where(empty, farthest, nearest)
        possible = allowed.any(dim=1)
        return index.masked_fill(~possible, -1), empty & possible
