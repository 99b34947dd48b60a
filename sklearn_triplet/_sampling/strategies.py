"""Table 1 of the paper: which selectors serve labeled and unlabeled anchors.

Labels of the clips in; out whether triplets can be drawn from them, and the selectors
that do it, once per fit and fresh.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sklearn.base import BaseEstimator, clone

from sklearn_triplet._input.labels import Labels
from sklearn_triplet._input.types import StrategyName
from sklearn_triplet._sampling.negatives import (
    NegativeSelector,
    OtherLabel,
    OtherPseudoLabel,
    SemiHard,
)
from sklearn_triplet._sampling.positives import (
    Nearest,
    PositiveSelector,
    SameLabel,
    SamePseudoLabel,
    Transformed,
)

# the parameters of a Strategy, and what each has to be
SLOTS: dict[str, type[PositiveSelector | NegativeSelector]] = {
    "labeled_positive": PositiveSelector,
    "labeled_negative": NegativeSelector,
    "unlabeled_positive": PositiveSelector,
    "unlabeled_negative": NegativeSelector,
}


class Strategy(BaseEstimator):
    """Selectors for labeled and for unlabeled anchors: a column of Table 1.

    A name such as ``"s3"`` has no parameters to be searched over; the strategy that it
    stands for has: ``TripletEmbedder(strategy=STRATEGIES["s3"])`` is the same, and in
    a pipeline with the embedder as step "emb" its parameters are
    ``emb__strategy__unlabeled_positive__n_neighbors`` and so on.

    Parameters
    ----------
    labeled_positive : PositiveSelector
        Serves anchors of labeled clips.
    labeled_negative : NegativeSelector
        Serves anchors of labeled clips.
    unlabeled_positive : PositiveSelector, default=None
        Serves anchors of unlabeled clips, so not one that uses labels; ``None``: these
        are never anchors.
    unlabeled_negative : NegativeSelector, default=None
        Serves anchors of unlabeled clips; ``None`` if and only if there is no
        ``unlabeled_positive``.

    Attributes
    ----------
    uses_unlabeled : bool
        Whether unlabeled clips serve as anchors.
    uses_pseudo_labels : bool
        Whether any of its selectors needs a guess of what unlabeled clips are.

    See Also
    --------
    STRATEGIES : The five of Table 1, and ``"pseudo"``, which is not the paper's.
    PositiveSelector, NegativeSelector : What goes in.
    check_selector : Tries a selector of one's own.

    References
    ----------
    N. Turpault, R. Serizel and E. Vincent, "Semi-supervised triplet loss based
    learning of ambient audio embeddings", ICASSP 2019, HAL hal-02025824.

    Examples
    --------
    >>> from sklearn_triplet import Nearest, OtherLabel, SameLabel, SemiHard, Strategy
    >>> strategy = Strategy(
    ...     SameLabel(), OtherLabel(), Nearest(n_neighbors=5), SemiHard())
    >>> strategy.get_params()["unlabeled_positive__n_neighbors"]
    5

    A search over a parameter of a strategy of Table 1:

    >>> from sklearn.model_selection import ParameterGrid
    >>> from sklearn.pipeline import Pipeline
    >>> from sklearn_triplet import STRATEGIES, TripletEmbedder
    >>> pipeline = Pipeline([("emb", TripletEmbedder(strategy=STRATEGIES["s3"]))])
    >>> grid = {"emb__strategy__unlabeled_positive__n_neighbors": [1, 5]}
    >>> for parameters in ParameterGrid(grid):
    ...     print(pipeline.set_params(**parameters)["emb"].strategy.unlabeled_positive)
    Nearest()
    Nearest(n_neighbors=5)
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
    def uses_pseudo_labels(self) -> bool:
        """Whether any of its selectors needs a guess of what unlabeled clips are."""
        return any(
            # what is no selector is refused elsewhere, in a sentence
            getattr(getattr(self, slot), "uses_pseudo_labels", False)
            for slot in SLOTS
        )

    def find_guesser(self) -> SamePseudoLabel:
        """Return the selector whose parameters say how pseudo-labels are guessed.

        Returns
        -------
        selector : SamePseudoLabel
            That of unlabeled anchors, else that of labeled ones, else one with the
            default parameters.
        """
        for selector in (self.unlabeled_positive, self.labeled_positive):
            if isinstance(selector, SamePseudoLabel):
                return selector
        return SamePseudoLabel()

    def why_no_triplets(self, labels: Labels, each_kind: bool = True) -> str | None:
        """Say why no triplet can be drawn from some clips, or nothing if one can.

        A positive selector always answers, if need be by a substitute: a class of a
        single clip is none of the reasons. A negative comes from another clip than its
        anchor, and where it is chosen by labels, from one of another kind: of another
        class, or without any event. Whether there is one in a certain batch is another
        question, which ``no_negative`` in the history answers.

        Parameters
        ----------
        labels : Labels
            What is known of the clips that triplets are drawn from.
        each_kind : bool, default=True
            Whether labeled and unlabeled anchors, as far as there are both, have to
            find triplets, and not only one of them: what is learned from must not be
            wasted. What is only measured by, a validation set, can do with one.

        Returns
        -------
        reason : str or None
            The rest of a sentence that begins with who cannot: "needs ...".

        Examples
        --------
        >>> from sklearn_triplet import STRATEGIES, SegmentedClips
        >>> X = [[0.0], [1.0], [2.0]]
        >>> labels = SegmentedClips.from_arrays(X, ["dog", "dog", -1]).labels
        >>> STRATEGIES["s4"].why_no_triplets(labels)  # any other clip is a negative
        >>> print(STRATEGIES["s5"].why_no_triplets(labels))
        takes negatives of another class, but the labels in y are of 1 class.
        Label clips of at least 2 classes, or choose 's1'.
        """
        n_clips = len(labels.present)
        if n_clips < 2:
            return (
                "needs at least 2 clips, since a negative comes from another clip than "
                f"its anchor. Got n_samples = {n_clips}."
            )
        n_labeled = labels.labeled.sum()
        reasons: list[str | None] = []  # of each kind of anchors that there is
        if n_labeled:
            reasons.append(self._why_no_labeled_negative(labels))
        if self.uses_unlabeled and n_labeled < n_clips:
            # any other clip is their negative
            reasons.append(None)
        if not reasons:
            return (
                "draws triplets from labeled clips only, but y labels none. Give "
                "labels, or choose 's1', 's2' or 's3'."
            )
        if each_kind or None not in reasons:
            return next(filter(None, reasons), None)
        return None

    def _why_no_labeled_negative(self, labels: Labels) -> str | None:
        """Say why labeled anchors find no negative; see ``why_no_triplets``."""
        if not self.labeled_negative.uses_labels or labels.n_kinds > 1:
            return None
        n_classes = int(labels.present.any(axis=0).sum())
        noun = "class" if n_classes == 1 else "classes"
        return (
            "takes negatives of another class, but the labels in y are of "
            f"{n_classes} {noun}. Label clips of at least 2 classes, or choose 's1'."
        )


class StrategyTable(Mapping[str, Strategy]):
    """Strategies by name: Table 1 of the paper, and ``"pseudo"``, which is ours.

    Read-only, for each access gives a copy of one's own. ``TripletEmbedder`` takes the
    names as well as the strategies.

    Parameters
    ----------
    strategies : dict of str to Strategy
        What the names stand for.

    See Also
    --------
    Strategy : What its values are, and how to put together another one.

    Examples
    --------
    >>> from sklearn_triplet import STRATEGIES
    >>> list(STRATEGIES)
    ['s1', 's2', 's3', 's4', 's5', 'pseudo']
    >>> strategy = STRATEGIES["s3"].set_params(unlabeled_positive__n_neighbors=5)
    >>> strategy.unlabeled_positive, STRATEGIES["s3"].unlabeled_positive
    (Nearest(n_neighbors=5), Nearest())
    """

    def __init__(self, strategies: Mapping[str, Strategy]) -> None:
        self._strategies = dict(strategies)

    def __getitem__(self, name: str) -> Strategy:
        return clone(self._strategies[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._strategies)

    def __len__(self) -> int:
        return len(self._strategies)

    def __repr__(self) -> str:
        rows = [["", "labeled anchor", "", "unlabeled anchor", ""]]
        rows.append(["", *["positive", "negative"] * 2])
        for name, strategy in self._strategies.items():
            selectors = (getattr(strategy, slot) for slot in SLOTS)
            rows.append([name, *("-" if s is None else repr(s) for s in selectors)])
        # the first heading stands over two columns and makes none of them wider
        widths = [max(map(len, column)) for column in zip(*rows[1:], strict=True)]
        padded = ([c.ljust(w) for c, w in zip(r, widths, strict=True)] for r in rows)
        return "\n".join("  ".join(cells).rstrip() for cells in padded)


STRATEGIES = StrategyTable(
    {
        #               anchor is labeled            anchor is unlabeled
        #               positive       negative      positive       negative
        "s1": Strategy(Transformed(), SemiHard(), Transformed(), SemiHard()),
        "s2": Strategy(SameLabel(), OtherLabel(), Transformed(), SemiHard()),
        "s3": Strategy(SameLabel(), OtherLabel(), Nearest(), SemiHard()),
        "s4": Strategy(SameLabel(), SemiHard(), None, None),
        "s5": Strategy(SameLabel(), OtherLabel(), None, None),
        # not the paper's, but its S2 once it is guessed what unlabeled clips are
        "pseudo": Strategy(
            SameLabel(), OtherLabel(), SamePseudoLabel(), OtherPseudoLabel()
        ),
    }
)


def check_strategy(strategy: StrategyName | Strategy) -> Strategy:
    """Return a fresh Strategy for a key of Table 1 or for a Strategy.

    Parameters
    ----------
    strategy : str or Strategy

    Returns
    -------
    strategy : Strategy
        A clone: selectors may keep what they prepare, and the user's own must not.

    Raises
    ------
    ValueError
        Where it is neither, or where one of its four selectors cannot serve.
    """
    if isinstance(strategy, str) and strategy in STRATEGIES:
        return STRATEGIES[strategy]
    if not isinstance(strategy, Strategy):
        raise ValueError(
            "The 'strategy' parameter of TripletEmbedder must be one of "
            f"{list(STRATEGIES)} or a Strategy. Got {strategy!r} instead."
        )
    unlabeled = strategy.unlabeled_positive, strategy.unlabeled_negative
    if (unlabeled[0] is None) != (unlabeled[1] is None):
        raise ValueError(
            "A Strategy needs both unlabeled_positive and unlabeled_negative, or "
            f"neither. Got {unlabeled[0]!r} and {unlabeled[1]!r}."
        )
    for slot, kind in SLOTS.items():
        _check_slot(slot, getattr(strategy, slot), kind)
    return clone(strategy)


def _check_slot(
    slot: str, selector: object, kind: type[PositiveSelector | NegativeSelector]
) -> None:
    """Refuse what is no selector of a kind, or one by labels where there are none."""
    unlabeled = slot.startswith("unlabeled")
    if unlabeled and selector is None:
        return
    who = f"The {slot!r} parameter of Strategy"
    # a class has a method select as well, and would fail in the first batch
    if isinstance(selector, type):
        raise ValueError(
            f"{who} must be an instance. Got the class {selector.__name__}: write "
            f"{selector.__name__}()."
        )
    if not isinstance(selector, kind) or type(selector).select is kind.select:
        raise ValueError(
            f"{who} must be a {kind.__name__}, or an instance of a class that inherits "
            f"from it and has a method select. Got {selector!r} instead."
        )
    if unlabeled and selector.uses_labels:
        raise ValueError(
            f"{who} serves unlabeled anchors, but {selector!r} chooses by labels. Take "
            "Transformed(), Nearest() or SamePseudoLabel() as the positive of "
            "unlabeled anchors, and SemiHard(), RandomNegative() or OtherPseudoLabel() "
            "as their negative."
        )
