"""Table 1 of the paper: which selectors serve labeled and unlabeled anchors."""

from __future__ import annotations

from sklearn.base import BaseEstimator, clone

from sklearn_triplet._input.labels import Labels
from sklearn_triplet._input.types import StrategyName
from sklearn_triplet._sampling.negatives import NegativeSelector, OtherLabel, SemiHard
from sklearn_triplet._sampling.positives import (
    Nearest,
    PositiveSelector,
    SameLabel,
    Transformed,
)


class Strategy(BaseEstimator):
    """Selectors for labeled and for unlabeled anchors.

    Parameters
    ----------
    labeled_positive : PositiveSelector
        Serves anchors of labeled clips.
    labeled_negative : NegativeSelector
        Serves anchors of labeled clips.
    unlabeled_positive : PositiveSelector, default=None
        Serves anchors of unlabeled clips; ``None``: these are never anchors.
    unlabeled_negative : NegativeSelector, default=None
        Serves anchors of unlabeled clips.

    Examples
    --------
    >>> from sklearn_triplet import Nearest, OtherLabel, SameLabel, SemiHard, Strategy
    >>> strategy = Strategy(
    ...     SameLabel(), OtherLabel(), Nearest(n_neighbors=5), SemiHard())
    >>> strategy.get_params()["unlabeled_positive__n_neighbors"]
    5
    """

    def __init__(
        self,
        labeled_positive: PositiveSelector,
        labeled_negative: NegativeSelector,
        unlabeled_positive: PositiveSelector | None = None,
        unlabeled_negative: NegativeSelector | None = None,
    ) -> None:
        self.labeled_positive = labeled_positive
        self.labeled_negative = labeled_negative
        self.unlabeled_positive = unlabeled_positive
        self.unlabeled_negative = unlabeled_negative

    @property
    def uses_unlabeled(self) -> bool:
        """Whether unlabeled clips serve as anchors."""
        return self.unlabeled_positive is not None

    @property
    def uses_labels(self) -> bool:
        """Whether labeled anchors are treated otherwise than unlabeled ones."""
        return self.labeled_positive.uses_labels or self.labeled_negative.uses_labels

    def makes_triplets(self, labels: Labels) -> bool:
        """Whether some kind of anchor finds a positive and a negative.

        Parameters
        ----------
        labels : Labels
            What is known of the clips that triplets are drawn from.
        """
        labeled = labels.labeled
        if self.uses_unlabeled and not labeled.all():
            return True
        return bool(labeled.any()) and (not self.uses_labels or labels.n_kinds > 1)


STRATEGIES: dict[str, Strategy] = {
    #               anchor is labeled            anchor is unlabeled
    #               positive       negative      positive       negative
    "s1": Strategy(Transformed(), SemiHard(), Transformed(), SemiHard()),
    "s2": Strategy(SameLabel(), OtherLabel(), Transformed(), SemiHard()),
    "s3": Strategy(SameLabel(), OtherLabel(), Nearest(), SemiHard()),
    "s4": Strategy(SameLabel(), SemiHard(), None, None),
    "s5": Strategy(SameLabel(), OtherLabel(), None, None),
}


def check_strategy(strategy: StrategyName | Strategy) -> Strategy:
    """Return a fresh Strategy for a key of Table 1 or for a Strategy.

    Parameters
    ----------
    strategy : str or Strategy

    Returns
    -------
    strategy : Strategy
        A clone: selectors may keep what they prepare, and the user's own must not.
    """
    if isinstance(strategy, str) and strategy in STRATEGIES:
        return clone(STRATEGIES[strategy])
    if isinstance(strategy, Strategy):
        if (strategy.unlabeled_positive is None) != (
            strategy.unlabeled_negative is None
        ):
            raise ValueError(
                "A Strategy needs both unlabeled_positive and unlabeled_negative, or "
                f"neither. Got {strategy.unlabeled_positive!r} and "
                f"{strategy.unlabeled_negative!r}."
            )
        return clone(strategy)
    raise ValueError(
        "The 'strategy' parameter of TripletEmbedder must be one of "
        f"{list(STRATEGIES)} or a Strategy. Got {strategy!r} instead."
    )
