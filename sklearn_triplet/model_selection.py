"""Evaluation with few labels: X and y with -1 in; folds, scores or a sparser y out.

To scikit-learn -1 is a class like any other: folds stratify it, scorers count it, and
the model that learns "unlabeled" as a class wins the search.
"""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import numpy as np
from sklearn.model_selection import (
    BaseCrossValidator,
    PredefinedSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    check_cv,
)
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from sklearn_triplet._labels import Labels, check_labels
from sklearn_triplet._rows import NO_LABEL, count_rows, take_labels, take_rows
from sklearn_triplet._scoring import labeled_scorer
from sklearn_triplet._stratification import MultilabelStratifiedKFold, mask_labels
from sklearn_triplet._types import (
    Fold,
    FoldLike,
    LabelsLike,
    RandomState,
    Rows,
    Splitter,
)

STRATIFIED = (StratifiedKFold, StratifiedGroupKFold, MultilabelStratifiedKFold)


class UnlabeledInTrain(BaseCrossValidator):
    """Folds of the labeled rows, with every unlabeled row in every training set.

    To be given as ``cv`` wherever scikit-learn takes one.

    Parameters
    ----------
    cv : int, None, splitter or iterable of (train, test), default=5
        What makes the folds. An integer (``None``: 5) stratifies the labeled rows by
        ``StratifiedKFold``, or by ``MultilabelStratifiedKFold`` where y is an
        indicator. A splitter gets the labeled rows only. ``PredefinedSplit`` and an
        iterable refer to all rows; what is unlabeled moves from test to train.

    See Also
    --------
    labeled_scorer : Also needed for scores on training sets, which hold -1.

    Notes
    -----
    - An unlabeled row is in training even where its group is tested.
    - Metadata routing is that of ``cv``: ``GroupKFold`` requests groups by itself.
    - ``cross_val_predict`` needs folds that test every row: give it the labeled rows.
    - Of X only the number of rows is used.

    Examples
    --------
    >>> from sklearn_triplet import UnlabeledInTrain
    >>> y = [0, -1, 1, 0, -1, 1]
    >>> for train, test in UnlabeledInTrain(2).split(y, y):
    ...     print(train, test)
    [1 3 4 5] [0 2]
    [0 1 2 4] [3 5]
    """

    def __init__(self, cv: int | Splitter | Iterable[FoldLike] | None = 5) -> None:
        # a generator can be read once, but folds are asked for again and again
        self.cv = list(cv) if isinstance(cv, Iterator) else cv

    def split(
        self, X: Rows, y: LabelsLike | None = None, groups: Rows | None = None
    ) -> Iterator[Fold]:
        """Generate the folds.

        Parameters
        ----------
        X : array-like, table or list with n_clips rows
        y : array-like of shape (n_clips,) or (n_clips, n_classes)
            -1, or a row of only -1, where unlabeled.
        groups : array-like of shape (n_clips,), default=None
            Those of the labeled rows are passed to ``cv``.

        Yields
        ------
        train : ndarray of int
            Sorted rows: the labeled ones that ``cv`` trains on and all unlabeled ones.
        test : ndarray of int
            Sorted rows, all labeled.

        Raises
        ------
        ValueError
            Where y is None or has no labeled row, lengths differ, ``cv`` cannot split
            the labeled rows, or a fold has no labeled row to test.

        Warns
        -----
        UserWarning
            Where a class has fewer labeled rows than there are stratified folds, or a
            training set no labeled row of a class.
        """
        if y is None:
            raise ValueError(
                "UnlabeledInTrain needs y to tell labeled from unlabeled rows. Got "
                "None: give split(X, y), with -1 where unlabeled."
            )
        labels = self._read_labels(X, y)
        folds = self._make_folds(labels, y, groups)
        stratified = isinstance(self._get_splitter(labels, y), STRATIFIED)
        _warn_about_classes(folds, labels, stratified)
        yield from folds

    def get_n_splits(
        self,
        X: Rows | None = None,
        y: LabelsLike | None = None,
        groups: Rows | None = None,
    ) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : as in ``split``
            May be left out where the number does not depend on the data.

        Returns
        -------
        n_splits : int
        """
        if y is not None:
            labels = self._read_labels(y if X is None else X, y)
            rows = np.flatnonzero(labels.labeled)
            splitter = self._get_splitter(labels, y)
            groups = self._take_groups(groups, labels)
            return splitter.get_n_splits(rows, take_labels(y, rows), groups)
        try:
            return self._get_splitter(None, None).get_n_splits(None, None, None)
        except ValueError as error:
            raise ValueError(
                f"The number of folds of {self.cv!r} depends on the labeled rows. Give "
                "get_n_splits(X, y), and groups where they are used."
            ) from error

    def get_metadata_routing(self) -> MetadataRouter:
        """Say that ``cv`` gets what it requests.

        Returns
        -------
        routing : MetadataRouter
        """
        mapping = MethodMapping().add(caller="split", callee="split")
        router = MetadataRouter(owner=type(self).__name__)
        return router.add(cv=self.cv, method_mapping=mapping)

    @property
    def shuffle(self) -> bool:
        """The ``shuffle`` of ``cv``; halving asks whether folds stay the same."""
        return getattr(self.cv, "shuffle", True)

    @property
    def random_state(self) -> RandomState:
        """The ``random_state`` of ``cv``, 0 where it has none."""
        return getattr(self.cv, "random_state", 0)

    def _read_labels(self, X: Rows, y: LabelsLike) -> Labels:
        labels = check_labels(y, count_rows(X), "UnlabeledInTrain")
        if not labels.labeled.any():
            n_rows = len(labels.present)
            raise ValueError(NO_LABEL.format(name="UnlabeledInTrain", n_rows=n_rows))
        return labels

    def _take_groups(self, groups: Rows | None, labels: Labels) -> Rows | None:
        if groups is None:
            return None
        if count_rows(groups) != len(labels.present):
            raise ValueError(
                f"The groups given to UnlabeledInTrain must have one entry per row of "
                f"y. Got {count_rows(groups)} groups for {len(labels.present)} rows."
            )
        return take_rows(groups, np.flatnonzero(labels.labeled))

    def _get_splitter(self, labels: Labels | None, y: LabelsLike | None) -> Splitter:
        """Return what makes the folds."""
        cv: Any = 5 if self.cv is None else self.cv  # nobody has checked it yet
        is_number = isinstance(cv, numbers.Integral) and not isinstance(cv, bool)
        is_other = hasattr(cv, "split") or hasattr(cv, "__iter__")
        if not (cv >= 2 if is_number else is_other) or isinstance(cv, str | dict):
            raise ValueError(
                "The 'cv' parameter of UnlabeledInTrain must be an integer in [2, inf),"
                " None, a splitter or an iterable of (train, test). "
                f"Got {self.cv!r} instead."
            )
        if is_number and labels is not None and labels.multilabel:
            return MultilabelStratifiedKFold(cv)
        if labels is not None and y is not None:
            y = take_labels(y, np.flatnonzero(labels.labeled))
        return check_cv(cv, y, classifier=True)

    def _make_folds(
        self, labels: Labels, y: LabelsLike, groups: Rows | None
    ) -> list[Fold]:
        """Return all folds as pairs of sorted rows."""
        everything, labeled = np.arange(len(labels.present)), labels.labeled
        folds: list[Fold] = []
        for fold in self._ask_splitter(labels, y, groups):
            try:
                # indexing resolves masks and negative numbers as well
                train, test = (everything[rows] for rows in fold)
            except (IndexError, TypeError, ValueError) as error:
                raise ValueError(
                    "The folds given to UnlabeledInTrain must be pairs (train, test) "
                    f"of rows of y, which has {len(everything)}: {error}."
                ) from error
            test = np.unique(test[labeled[test]])
            if not len(test):
                raise ValueError(
                    f"Fold {len(folds)} of UnlabeledInTrain has no labeled row to "
                    "test. Label more rows, or choose fewer or other folds."
                )
            folds.append((np.union1d(train, everything[~labeled]), test))
        return folds

    def _ask_splitter(
        self, labels: Labels, y: LabelsLike, groups: Rows | None
    ) -> Iterable[Fold]:
        """Return what the splitter says, in rows of y."""
        splitter = self._get_splitter(labels, y)
        if isinstance(splitter, PredefinedSplit):
            _check_test_fold(len(splitter.test_fold), len(labels.present))
            return splitter.split()
        if not isinstance(self.cv, numbers.Integral | None) and splitter is not self.cv:
            # or masks, or lists: _make_folds resolves them
            return cast("Iterable[Fold]", self.cv)
        rows = np.flatnonzero(labels.labeled)
        groups = self._take_groups(groups, labels)
        try:
            with warnings.catch_warnings():
                if isinstance(splitter, STRATIFIED):
                    # said again by _warn_about_classes, with the names
                    warnings.filterwarnings("ignore", "The least populated class")
                folds = list(splitter.split(rows, take_labels(y, rows), groups))
        except ValueError as error:
            cure = " UnlabeledInTrain(cv=5) stratifies a y of several columns."
            raise ValueError(
                f"{splitter!r} cannot split the {len(rows)} labeled rows of y, which "
                f"has {len(labels.present)}: {error}{cure if labels.multilabel else ''}"
            ) from error
        return [(rows[train], rows[test]) for train, test in folds]


def _check_test_fold(n_given: int, n_rows: int) -> None:
    if n_given != n_rows:
        raise ValueError(
            "The test_fold of PredefinedSplit must have one entry per row of y, "
            f"labeled or not. Got {n_given} for {n_rows} rows."
        )


def _warn_about_classes(
    folds: Sequence[Fold], labels: Labels, stratified: bool
) -> None:
    """Name the classes that some fold does not test or does not train."""
    counts = labels.present.sum(axis=0)
    scarce = labels.classes[(counts > 0) & (counts < len(folds))]
    if stratified and len(scarce):
        warnings.warn(
            f"Classes {scarce.tolist()} have fewer labeled rows than there are folds "
            f"({len(folds)}), so some folds do not test them.",
            UserWarning,
            stacklevel=3,
        )
    for fold, (train, _) in enumerate(folds):
        untrained = labels.classes[(counts > 0) & ~labels.present[train].any(axis=0)]
        if len(untrained):
            warnings.warn(
                f"The training set of fold {fold} has no labeled row of classes "
                f"{untrained.tolist()}, so no estimator can learn them there.",
                UserWarning,
                stacklevel=3,
            )


__all__ = [
    "MultilabelStratifiedKFold",
    "UnlabeledInTrain",
    "labeled_scorer",
    "mask_labels",
]
