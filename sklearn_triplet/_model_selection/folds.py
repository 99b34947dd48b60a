"""Evaluation with few labels: X (n_rows, ...) and y with -1 in, folds of rows out.

To scikit-learn -1 is a class like any other: folds stratify it, scorers count it, and
the model that learns "unlabeled" as a class wins the search.
"""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Literal, cast

import numpy as np
from sklearn.model_selection import (
    BaseCrossValidator,
    PredefinedSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    check_cv,
)
from sklearn.utils.metadata_routing import (
    MetadataRequest,
    MetadataRouter,
    MethodMapping,
)

from sklearn_triplet._input.labels import Labels, check_labels
from sklearn_triplet._input.parameters import check_option, is_inside
from sklearn_triplet._input.rows import (
    NO_LABEL,
    count_rows,
    find_unreadable_rows,
    leave_out_unreadable,
    take_labels,
    take_rows,
)
from sklearn_triplet._input.types import (
    BoolArray,
    Fold,
    FoldLike,
    IntArray,
    LabelsLike,
    RandomState,
    Rows,
    Splitter,
)
from sklearn_triplet._input.warn import warn
from sklearn_triplet._model_selection.stratification import (
    MultilabelStratifiedKFold,
)

# of these it is worth saying that a class is too rare for the number of folds
STRATIFIED = (StratifiedKFold, StratifiedGroupKFold, MultilabelStratifiedKFold)

CURE_OF_GROUPS = "Give split(X, y, groups), or fit(X, y, groups=groups) of a search."


def code_groups(groups: Rows, n_rows: int) -> IntArray:
    """Give each group a number.

    Parameters
    ----------
    groups : array-like of shape (n_rows,)
        Of anything that can be hashed. A NaN is equal to nothing: rows whose group is
        unknown are each a group of their own.
    n_rows : int

    Returns
    -------
    codes : ndarray of shape (n_rows,), int
        Equal where the groups are.
    """
    members: Any = groups.to_numpy() if hasattr(groups, "to_numpy") else groups
    members = list(members.ravel() if isinstance(members, np.ndarray) else members)
    if len(members) != n_rows:
        raise ValueError(
            f"The groups given to UnlabeledInTrain must have one entry per row of y. "
            f"Got {len(members)} groups for {n_rows} rows."
        )
    # np.unique would need an order, which None and text together do not have
    numbers_of: dict[object, int] = {}
    codes = [numbers_of.setdefault(group, len(numbers_of)) for group in members]
    return np.array(codes, dtype=np.int64)


def check_test_fold(n_given: int, n_rows: int) -> None:
    """Refuse a PredefinedSplit that was made for other rows.

    Parameters
    ----------
    n_given : int
        Length of its ``test_fold``.
    n_rows : int
        Length of y.
    """
    if n_given != n_rows:
        raise ValueError(
            "The test_fold of PredefinedSplit must have one entry per row of y, "
            f"labeled or not. Got {n_given} for {n_rows} rows."
        )


def leave_out_tested_groups(
    folds: Sequence[Fold], labeled: BoolArray, codes: IntArray
) -> list[Fold]:
    """Drop from each training set the unlabeled rows of the groups that are tested.

    Parameters
    ----------
    folds : list of (train, test)
        Sorted rows.
    labeled : ndarray of shape (n_rows,), bool
    codes : ndarray of shape (n_rows,), int
        The group of each row, as ``code_groups`` numbers it.

    Returns
    -------
    folds : list of (train, test)
        With the labeled rows as they were: those are the business of ``cv``.
    """
    return [
        (train[labeled[train] | ~np.isin(codes[train], codes[test])], test)
        for train, test in folds
    ]


def check_trained_classes(
    folds: Sequence[Fold], labels: Labels, stratified: bool
) -> None:
    """Refuse folds that train one class of several; name others that some lack.

    Parameters
    ----------
    folds : list of (train, test)
    labels : Labels
        Of all rows.
    stratified : bool
        Whether every fold was meant to have every class.
    """
    _refuse_single_classes(folds, labels)
    counts = labels.present.sum(axis=0)
    scarce = labels.classes[(counts > 0) & (counts < len(folds))]
    if stratified and len(scarce):
        warn(
            f"Classes {scarce.tolist()} have fewer labeled rows than there are folds "
            f"({len(folds)}), so some folds do not test them.",
        )
    for fold, (train, _) in enumerate(folds):
        untrained = labels.classes[(counts > 0) & ~labels.present[train].any(axis=0)]
        if len(untrained):
            warn(
                f"The training set of fold {fold} has no labeled row of classes "
                f"{untrained.tolist()}, so no estimator can learn them there.",
            )


def _refuse_single_classes(folds: Sequence[Fold], labels: Labels) -> None:
    # of class 1 and -1 a classifier would make binary labels
    if labels.multilabel or len(labels.classes) < 2:
        return
    for fold, (train, _) in enumerate(folds):
        trained = labels.classes[labels.present[train].any(axis=0)].tolist()
        if len(trained) == 1:
            raise ValueError(
                f"The training set of fold {fold} of UnlabeledInTrain has labeled rows "
                f"of class {trained[0]!r} only, and nothing to tell it from. Stratify "
                "the folds, as UnlabeledInTrain(5) or StratifiedGroupKFold do, choose "
                "fewer folds or other groups."
            )


class UnlabeledInTrain(BaseCrossValidator):
    """Folds of the labeled rows, with the unlabeled rows in every training set.

    To be given as ``cv`` wherever scikit-learn takes one.

    Parameters
    ----------
    cv : int, None, splitter or iterable of (train, test), default=5
        What makes the folds. An integer (``None``: 5) stratifies the labeled rows by
        ``StratifiedKFold``, or by ``MultilabelStratifiedKFold`` where y is an
        indicator. A splitter gets the labeled rows only. ``PredefinedSplit`` and an
        iterable refer to all rows; what is unlabeled moves from test to train.
    exclude_tested_groups : {"auto", True, False}, default="auto"
        Whether a training set leaves out the unlabeled rows of those groups whose
        labeled rows it is tested on. ``True``: always, and groups have to be given.
        ``"auto"``: where groups are given and the folds keep them apart, which is to
        say that no fold trains and tests labeled rows of one group.

    See Also
    --------
    labeled_scorer : Also needed for scores on training sets, which hold -1.
    LabeledOnly : A classifier that learns from the labeled rows of a training set.
    MultilabelStratifiedKFold : Makes the folds of an indicator.
    sklearn.model_selection.GroupKFold : Folds by speaker, recorder or place.

    Notes
    -----
    *How folds are made.* With L the labeled rows, U the unlabeled ones and
    (a_i, b_i) what ``cv`` makes of L alone, fold i trains on a_i ∪ U and tests b_i.
    Of unlabeled rows nothing can be tested, and to training they cost no label, so
    none is held back: that is the evaluation that [1]_ calls for, of few labels and
    many unlabeled rows in each fit.

    *Groups.* Folds by speaker or by recorder ask how a model fares with one that it
    has not met. It has met those whose unlabeled clips it was trained on: what it
    then shows is transductive, and too good for a new speaker. So where the folds
    keep groups apart, ``"auto"`` leaves these clips out. What decides are the folds
    and not the type of ``cv``, which may be anybody's: ``GroupKFold``,
    ``StratifiedGroupKFold``, ``LeaveOneGroupOut`` and lists of their folds keep groups
    apart; ``KFold`` ignores groups and mixes them, and then nothing is left out.
    ``False`` is right where the model is to be used on the very speakers whose
    unlabeled clips are at hand. An unlabeled row of an unknown group, marked by NaN,
    trains in every fold.

    *Clips that could not be read*, rows of X with nothing but NaN, are in no fold:
    there is nothing to learn from them, and a prediction cannot be asked for. They are
    counted in a warning. Where X holds paths this cannot be seen.

    - Metadata routing is that of ``cv``: ``GroupKFold`` requests groups by itself, and
      ``exclude_tested_groups=True`` requests them for any.
    - ``cross_val_predict`` needs folds that test every row: give it the labeled rows.
    - Of X nothing else is used than its number of rows.

    References
    ----------
    .. [1] A. Oliver, A. Odena, C. Raffel, E. D. Cubuk and I. J. Goodfellow, "Realistic
       Evaluation of Deep Semi-Supervised Learning Algorithms", NeurIPS 2018.

    Examples
    --------
    >>> from sklearn_triplet import UnlabeledInTrain
    >>> y = [0, -1, 1, 0, -1, 1]
    >>> for train, test in UnlabeledInTrain(2).split(y, y):
    ...     print(train, test)
    [1 3 4 5] [0 2]
    [0 1 2 4] [3 5]

    Speaker "a" is tested without having been heard, and then "b":

    >>> from sklearn.model_selection import GroupKFold
    >>> speakers = ["a", "a", "a", "b", "b", "b"]
    >>> for train, test in UnlabeledInTrain(GroupKFold(2)).split(y, y, speakers):
    ...     print(train, test)
    [0 1 2] [3 5]
    [3 4 5] [0 2]
    """

    def __init__(
        self,
        cv: int | Splitter | Iterable[FoldLike] | None = 5,
        *,
        exclude_tested_groups: bool | Literal["auto"] = "auto",
    ) -> None:
        # a generator can be read once, but folds are asked for again and again
        self.cv = list(cv) if isinstance(cv, Iterator) else cv
        self.exclude_tested_groups = exclude_tested_groups

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
            Those of the labeled rows are passed to ``cv``; all of them decide which
            unlabeled rows are left out of which training set.

        Yields
        ------
        train : ndarray of int
            Sorted rows: the labeled ones that ``cv`` trains on and the unlabeled ones.
        test : ndarray of int
            Sorted rows, all labeled.

        Raises
        ------
        ValueError
            Where y is None, has no labeled row or consists of -1 and +1, lengths
            differ, ``cv`` cannot split the labeled rows, groups are missing, or a fold
            has no labeled row to test or trains one class only of several.

        Warns
        -----
        UserWarning
            Where a class has fewer labeled rows than there are stratified folds, a
            training set no labeled row of a class, or rows of X could not be read.
        """
        if y is None:
            raise ValueError(
                "UnlabeledInTrain needs y to tell labeled from unlabeled rows. Got "
                "None: give split(X, y), with -1 where unlabeled."
            )
        labels = self._read_labels(X, y)
        splitter = self._get_splitter(labels)
        codes = self._read_groups(groups, labels)
        unreadable = find_unreadable_rows(X)
        rows = leave_out_unreadable(
            unreadable,
            np.flatnonzero(labels.labeled),
            "UnlabeledInTrain",
            "No fold trains or tests them.",
        )
        answers = self._ask_splitter(splitter, labels, rows, groups)
        folds = self._make_folds(answers, labels.labeled, ~unreadable)
        if codes is not None and self._excludes(folds, labels.labeled, codes):
            folds = leave_out_tested_groups(folds, labels.labeled, codes)
        check_trained_classes(folds, labels, isinstance(splitter, STRATIFIED))
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
        # what the error says that the number depends on, if there is one
        what = "the labeled rows, and perhaps on groups"
        given: tuple[Any, ...] = (None, None, None)
        splitter = self._get_splitter(None)
        if y is not None:
            X = y if X is None else X
            labels = self._read_labels(X, y)
            self._read_groups(groups, labels)
            rows = np.flatnonzero(labels.labeled & ~find_unreadable_rows(X))
            splitter = self._get_splitter(labels)
            of_rows = None if groups is None else take_rows(groups, rows)
            what, given = "groups", (rows, take_labels(labels.y, rows), of_rows)
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
        self._check_parameters()
        mapping = MethodMapping().add(caller="split", callee="split")
        router = MetadataRouter(owner=type(self).__name__)
        if self.exclude_tested_groups not in ("auto", False):
            # asked for by itself as well, since KFold and others do not
            own = MetadataRequest(owner=type(self).__name__)
            own.split.add_request(param="groups", alias=True)
            router.add_self_request(own)
        return router.add(cv=self.cv, method_mapping=mapping)

    @property
    def shuffle(self) -> bool:
        """The ``shuffle`` of ``cv``; halving asks whether folds stay the same."""
        return getattr(self.cv, "shuffle", True)

    @property
    def random_state(self) -> RandomState:
        """The ``random_state`` of ``cv``, 0 where it has none."""
        return getattr(self.cv, "random_state", 0)

    def _check_parameters(self) -> None:
        name, options = "exclude_tested_groups", ["auto", True, False]
        check_option("UnlabeledInTrain", name, self.exclude_tested_groups, options)
        cv: Any = self.cv
        if isinstance(cv, numbers.Integral):
            valid = is_inside(cv, numbers.Integral, 2, np.inf)
        elif isinstance(cv, str | bytes | dict | type) or hasattr(cv, "dtype"):
            valid = False
        elif hasattr(cv, "split") or cv is None:
            valid = True
        else:
            # a generator became a list in __init__, so that its length can be asked
            valid = hasattr(cv, "__iter__") and not (
                isinstance(cv, Sized) and len(cv) == 0
            )
        if not valid:
            raise ValueError(
                "The 'cv' parameter of UnlabeledInTrain must be an integer in [2, inf),"
                " None, a splitter such as KFold(5), or an iterable of at least one "
                f"(train, test). Got {cv!r} instead."
            )

    def _read_labels(self, X: Rows, y: LabelsLike) -> Labels:
        """Return the labels of all rows, of which there is at least one."""
        # -1 and +1: neither reading makes folds that anybody could want
        name = "UnlabeledInTrain"
        labels = check_labels(y, count_rows(X), name, refuse_signs=True)
        if not labels.labeled.any():
            raise ValueError(NO_LABEL.format(name=name, n_rows=len(labels.present)))
        return labels

    def _get_splitter(self, labels: Labels | None) -> Splitter:
        """Return what makes the folds.

        Parameters
        ----------
        labels : Labels or None
            ``None`` where only the number of folds is asked for.

        Returns
        -------
        splitter : splitter
            Iterables come wrapped, as ``check_cv`` of scikit-learn wraps them.
        """
        self._check_parameters()
        cv = 5 if self.cv is None else self.cv
        if not isinstance(cv, numbers.Integral):
            return check_cv(cv)
        if labels is not None and labels.multilabel:
            return MultilabelStratifiedKFold(int(cv))
        return StratifiedKFold(int(cv))

    def _read_groups(self, groups: Rows | None, labels: Labels) -> IntArray | None:
        """Return the numbers of the groups of all rows, or refuse groups."""
        if groups is not None:
            return code_groups(groups, len(labels.present))
        if self.exclude_tested_groups not in ("auto", False):
            raise ValueError(
                "UnlabeledInTrain(exclude_tested_groups=True) needs the group of every "
                f"row. Got None: {CURE_OF_GROUPS}"
            )
        return None

    def _ask_splitter(
        self, splitter: Splitter, labels: Labels, rows: IntArray, groups: Rows | None
    ) -> Iterable[Fold]:
        """Return what the splitter makes of the labeled rows, in rows of y.

        Parameters
        ----------
        splitter : splitter
            As ``_get_splitter`` returns it.
        labels : Labels
            Of all rows.
        rows : ndarray of int
            The labeled ones that could be read.
        groups : array-like of shape (n_rows,) or None
            Of all rows.

        Returns
        -------
        answers : iterable of (train, test)
            Not yet resolved where they came from an iterable of the user.
        """
        n_rows = len(labels.present)
        if isinstance(splitter, PredefinedSplit):
            check_test_fold(len(splitter.test_fold), n_rows)
            return splitter.split()
        if not isinstance(self.cv, numbers.Integral | None) and splitter is not self.cv:
            # not what check_cv made of it: masks and lists are resolved by _make_folds
            return cast("Iterable[Fold]", self.cv)
        groups = None if groups is None else take_rows(groups, rows)
        try:
            with warnings.catch_warnings():
                if isinstance(splitter, STRATIFIED):
                    # said again by check_trained_classes, with the names
                    warnings.filterwarnings("ignore", "The least populated class")
                folds = list(splitter.split(rows, take_labels(labels.y, rows), groups))
        except ValueError as error:
            cure = " UnlabeledInTrain(cv=5) stratifies a y of several columns."
            if not labels.multilabel:
                cure = ""
            if "n_splits" in str(error):
                # a tenth of a small folder is soon fewer labels a class than folds
                cure = " Choose fewer folds, or label more rows of each class."
            if groups is None and "groups" in str(error):
                cure = f" {CURE_OF_GROUPS}"
            raise ValueError(
                f"{splitter!r} cannot split the {len(rows)} labeled rows of y, which "
                f"has {n_rows}: {error}{cure}"
            ) from error
        return [(rows[train], rows[test]) for train, test in folds]

    def _make_folds(
        self, answers: Iterable[Fold], labeled: BoolArray, readable: BoolArray
    ) -> list[Fold]:
        """Return all folds as pairs of sorted rows, the unlabeled ones in training.

        Parameters
        ----------
        answers : iterable of (train, test)
            Numbers of rows of y, or masks.
        labeled, readable : ndarray of shape (n_rows,), bool

        Returns
        -------
        folds : list of (train, test)
            Each of ndarray of int; a list, since all are checked before one is given.
        """
        everything = np.arange(len(labeled))
        folds: list[Fold] = []
        for fold in answers:
            try:
                # indexing resolves masks and negative numbers as well
                train, test = (everything[rows] for rows in fold)
            except (IndexError, TypeError, ValueError) as error:
                raise ValueError(
                    "The folds given to UnlabeledInTrain must be pairs (train, test) "
                    f"of rows of y, which has {len(everything)}: {error}."
                ) from error
            # np.unique, for an iterable may name a row twice
            test = np.unique(test[(labeled & readable)[test]])
            if not len(test):
                raise ValueError(
                    f"Fold {len(folds)} of UnlabeledInTrain has no labeled row to "
                    "test. Label more rows, or choose fewer or other folds."
                )
            train = np.union1d(train[readable[train]], everything[~labeled & readable])
            folds.append((train, test))
        return folds

    def _excludes(
        self, folds: Sequence[Fold], labeled: BoolArray, codes: IntArray
    ) -> bool:
        """Tell whether unlabeled rows of tested groups are to be left out.

        Parameters
        ----------
        folds : list of (train, test)
        labeled : ndarray of shape (n_rows,), bool
        codes : ndarray of shape (n_rows,), int
            The group of each row.

        Returns
        -------
        excludes : bool
        """
        if self.exclude_tested_groups != "auto":
            return bool(self.exclude_tested_groups)
        # unlabeled rows do not count here: all of them are in training so far
        return not any(
            np.isin(codes[train[labeled[train]]], codes[test]).any()
            for train, test in folds
        )
