"""Rows of any kind of X and y: counting, taking, telling the labeled ones."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

import numpy as np

from sklearn_triplet._labels import UNLABELED, as_label_array
from sklearn_triplet._types import BoolArray, IntArray, LabelsLike, Rows

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
    has_rows = isinstance(value, list | tuple) or getattr(value, "ndim", 0) > 0
    return has_rows and count_rows(value) == n_rows


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


def refuse_partly_known(known: BoolArray, name: str) -> None:
    """Refuse rows of which some classes are known and others are not."""
    partly = np.flatnonzero(known.any(axis=1) & ~known.all(axis=1))
    if len(partly):
        raise ValueError(
            f"{name} needs the labeled rows of y to be known in full. Got single "
            f"entries of -1 in {len(partly)} of them, first in row {partly[0]}. Fill "
            "them in, or leave such rows out by y[(y == -1).any(axis=1)] = -1."
        )
