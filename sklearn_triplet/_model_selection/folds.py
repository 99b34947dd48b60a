"""Evaluation with few labels: X and y with -1 in; folds, scores or a sparser y out.

To scikit-learn -1 is a class like any other: folds stratify it, scorers count it, and
the model that learns "unlabeled" as a class wins the search.
"""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Iterable, Iterator, Sized
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

from sklearn_triplet._input.labels import Labels, check_labels
from sklearn_triplet._input.parameters import is_inside
from sklearn_triplet._input.rows import (
    NO_LABEL,
    check_test_fold,
    check_trained_classes,
    count_rows,
    refuse_signs,
    take_labels,
    take_rows,
)
from sklearn_triplet._input.types import (
    Fold,
    FoldLike,
    LabelsLike,
    RandomState,
    Rows,
    Splitter,
)
from sklearn_triplet._model_selection.stratification import (
    MultilabelStratifiedKFold,
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
            Where y is None, has no labeled row or consists of -1 and +1, lengths
            differ, ``cv`` cannot split the labeled rows, or a fold has no labeled row
            to test or trains one class only of several.

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
        check_trained_classes(folds, labels, stratified)
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

        Raises
        ------
        ValueError
            Where the number depends on what was left out.
        """
        what = "the labeled rows, and perhaps on groups"
        given: tuple[Any, ...] = (None, None, None)
        splitter = self._get_splitter(None, None)
        if y is not None:
            labels = self._read_labels(y if X is None else X, y)
            splitter, rows = self._get_splitter(labels, y), labels.labeled.nonzero()[0]
            groups = self._take_groups(groups, labels)
            what, given = "groups", (rows, take_labels(y, rows), groups)
        try:
            return splitter.get_n_splits(*given)
        except (TypeError, ValueError) as error:
            if given[2] is not None:
                raise
            raise ValueError(
                f"The number of folds of {self.cv!r} depends on {what}. Give "
                "get_n_splits(X, y, groups)."
            ) from error

    def get_metadata_routing(self) -> MetadataRouter:
        """Say that ``cv`` gets what it requests.

        Returns
        -------
        routing : MetadataRouter
        """
        self._check_cv()
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
        refuse_signs(y, "UnlabeledInTrain")
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

    def _check_cv(self) -> None:
        cv: Any = self.cv
        if isinstance(cv, numbers.Integral):
            valid = is_inside(cv, numbers.Integral, 2, np.inf)
        elif isinstance(cv, str | dict | type):
            valid = False
        elif hasattr(cv, "split") or cv is None:
            valid = True
        else:
            valid = hasattr(cv, "__iter__") and not (
                isinstance(cv, Sized) and len(cv) == 0
            )
        if not valid:
            raise ValueError(
                "The 'cv' parameter of UnlabeledInTrain must be an integer in [2, inf),"
                " None, a splitter such as KFold(5), or an iterable of at least one "
                f"(train, test). Got {cv!r} instead."
            )

    def _get_splitter(self, labels: Labels | None, y: LabelsLike | None) -> Splitter:
        """Return what makes the folds."""
        self._check_cv()
        cv: Any = 5 if self.cv is None else self.cv
        is_number = isinstance(cv, numbers.Integral)
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
            check_test_fold(len(splitter.test_fold), len(labels.present))
            return splitter.split()
        if not isinstance(self.cv, numbers.Integral | None) and splitter is not self.cv:
            # or masks, or lists: _make_folds resolves them
            return cast("Iterable[Fold]", self.cv)
        rows = np.flatnonzero(labels.labeled)
        groups = self._take_groups(groups, labels)
        try:
            with warnings.catch_warnings():
                if isinstance(splitter, STRATIFIED):
                    # said again by check_trained_classes, with the names
                    warnings.filterwarnings("ignore", "The least populated class")
                folds = list(splitter.split(rows, take_labels(y, rows), groups))
        except ValueError as error:
            cure = " UnlabeledInTrain(cv=5) stratifies a y of several columns."
            raise ValueError(
                f"{splitter!r} cannot split the {len(rows)} labeled rows of y, which "
                f"has {len(labels.present)}: {error}{cure if labels.multilabel else ''}"
            ) from error
        return [(rows[train], rows[test]) for train, test in folds]
