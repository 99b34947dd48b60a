"""Rows of any kind of X and y: counting and taking them, telling the labeled ones.

Also the refusals of folds, labels and classifiers that do not work on such rows.
"""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Sequence, Sized
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import get_tags

from sklearn_triplet._input.labels import UNLABELED, Labels, as_label_array
from sklearn_triplet._input.types import BoolArray, Fold, IntArray, LabelsLike, Rows

NO_LABEL = (
    "{name} got a y in which none of the {n_rows} rows is known: all hold -1. Give at "
    "least one labeled row."
)


def count_rows(X: Rows) -> int:
    """Count the rows of an array, a table, a sparse matrix or a list."""
    if hasattr(X, "shape"):
        return X.shape[0]
    return len(X) if isinstance(X, Sized) else len(np.asarray(X))


def take_rows(X: Rows, rows: IntArray) -> Rows:
    """Return some rows of an array, a table, a sparse matrix or a list."""
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    if isinstance(X, list | tuple):
        return [X[row] for row in rows]
    if hasattr(X, "tocsr"):
        return X.tocsr()[rows]
    array: Any = X if hasattr(X, "shape") else np.asarray(X)
    return array[rows]


def restrict(
    X: Rows, params: dict[str, Any], rows: IntArray, n_rows: int
) -> tuple[Rows, dict[str, Any]]:
    """Restrict X, and each parameter that has one entry per row, to some rows."""
    if len(rows) == n_rows:
        return X, params
    params = {
        name: take_rows(value, rows) if _is_per_row(value, n_rows) else value
        for name, value in params.items()
    }
    return take_rows(X, rows), params


def _is_per_row(value: Any, n_rows: int) -> bool:
    if hasattr(value, "shape"):  # series of some libraries have no ndim
        return len(value.shape) > 0 and value.shape[0] == n_rows
    is_text = isinstance(value, str | bytes)
    has_rows = isinstance(value, Sequence) or hasattr(value, "__array__")
    return has_rows and not is_text and len(value) == n_rows


def take_labels(y: LabelsLike, rows: IntArray) -> np.ndarray:
    """Return some rows of y; numbers that were objects because of a -1 are plain."""
    labels = as_label_array(y)[rows]
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels.ravel()
    if labels.dtype == object and not isinstance(labels.flat[0], str):
        return np.array(labels.tolist())
    return labels


def find_known_rows(
    X: Rows, y: np.ndarray, name: str, *, skip_partly_known: bool = False
) -> IntArray:
    """Find the rows of y that can be compared with a prediction.

    Parameters
    ----------
    X : array, table, sparse matrix or list with n_rows rows
    y : ndarray of shape (n_rows,) or (n_rows, n_classes)
    name : str
        Who asks, for the messages.
    skip_partly_known : bool, default=False
        Whether to pass over rows with some unknown classes instead of refusing them.

    Returns
    -------
    rows : ndarray of int
        Sorted, at least one.
    """
    if count_rows(X) != len(y):
        raise ValueError(
            f"{name} needs one label per row of X. Got {count_rows(X)} rows in X and "
            f"{len(y)} in y."
        )
    known = y.reshape(len(y), -1) != UNLABELED
    if not skip_partly_known:
        refuse_partly_known(known, name)
    rows = np.flatnonzero(known.all(axis=1))
    if not len(rows):
        raise ValueError(NO_LABEL.format(name=name, n_rows=len(y)))
    return rows


def find_scored_rows(
    X: Rows, y: np.ndarray, classes: np.ndarray, name: str
) -> IntArray:
    """Find the rows that the score of a fitted classifier counts."""
    # two classes -1 and +1 were learned: there is no mark for unlabeled rows then
    if y.ndim == 1 and UNLABELED in classes:
        return np.arange(len(y))
    return find_known_rows(X, y, name)


def refuse_partly_known(known: BoolArray, name: str) -> None:
    """Refuse rows of which some classes are known and others are not."""
    partly = np.flatnonzero(known.any(axis=1) & ~known.all(axis=1))
    if len(partly):
        raise ValueError(
            f"{name} needs the labeled rows of y to be known in full. Got single "
            f"entries of -1 in {len(partly)} of them, first in row {partly[0]}. Fill "
            "them in, or leave such rows out by y[(y == -1).any(axis=1)] = -1."
        )


def find_labeled_rows(labels: Labels, name: str) -> IntArray:
    """Find the rows to learn from, at least one, each known in full."""
    refuse_partly_known(~labels.unknown, name)
    rows = np.flatnonzero(labels.labeled)
    if not len(rows):
        raise ValueError(NO_LABEL.format(name=name, n_rows=len(labels.present)))
    return rows


def refuse_signs(y: LabelsLike, name: str) -> None:
    """Refuse a y of -1 and +1 where -1 means unlabeled whatever else y holds."""
    array = as_label_array(y)
    values = array.ravel().tolist()
    if array.ndim > 1 and array.shape[1] > 1:
        return
    if all(isinstance(v, numbers.Real) for v in values) and set(values) == {-1, 1}:
        raise ValueError(
            f"{name} got a y of only -1 and +1, in which only one class is labeled, "
            "since -1 means unlabeled. Recode binary labels as 0 and 1, or label rows "
            "of another class."
        )


def check_row_classifier(estimator: Any, name: str) -> None:
    """Refuse what is no classifier, or needs more than some rows of X."""
    has_tags = hasattr(estimator, "__sklearn_tags__")
    if isinstance(estimator, type) or not has_tags or not is_classifier(estimator):
        raise ValueError(
            f"The 'estimator' parameter of {name} must be a classifier, such as "
            "LogisticRegression(), or a pipeline or search that ends in one. Got "
            f"{estimator!r} instead."
        )
    if get_tags(estimator).input_tags.pairwise:
        raise ValueError(
            f"{name} takes rows of X only, but {estimator!r} needs an X of "
            "similarities or distances between all rows. Let it compute them from "
            f"features, or fit it without {name} on X[np.ix_(rows, rows)] and y[rows], "
            "with rows = np.flatnonzero(is_labeled(y))."
        )


def check_test_fold(n_given: int, n_rows: int) -> None:
    """Refuse a PredefinedSplit that was made for other rows."""
    if n_given != n_rows:
        raise ValueError(
            "The test_fold of PredefinedSplit must have one entry per row of y, "
            f"labeled or not. Got {n_given} for {n_rows} rows."
        )


def check_trained_classes(
    folds: Sequence[Fold], labels: Labels, stratified: bool
) -> None:
    """Refuse folds that train one class of several; name others that some lack."""
    _refuse_single_classes(folds, labels)
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
