"""Rows of any kind of X and y: counting and taking them, telling the usable ones.

X is whatever has n_rows rows: an array of any shape, a table, a sparse matrix, a list
of clips or of paths. A row is *labeled* where y says anything of it, *known in full*
where y says everything, and *unreadable* where X holds nothing but NaN for it.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_triplet._input.labels import UNLABELED, Labels, as_label_array
from sklearn_triplet._input.types import BoolArray, IntArray, LabelsLike, Rows
from sklearn_triplet._input.warn import warn

NO_LABEL = (
    "{name} got a y in which none of the {n_rows} rows is known: all hold -1. Give at "
    "least one labeled row."
)


def count_rows(X: Rows) -> int:
    """Count the rows of an array, a table, a sparse matrix or a list.

    Examples
    --------
    >>> count_rows(["a.wav", "b.wav"])
    2
    """
    if not hasattr(X, "shape"):
        X = X if isinstance(X, Sized) else np.asarray(X)
    shape = X.shape if hasattr(X, "shape") else (len(X),)
    if not shape:
        raise ValueError(f"X must have rows. Got a single value, {X!r}.")
    return shape[0]


def take_rows(X: Rows, rows: IntArray) -> Rows:
    """Return some rows of an array, a table, a sparse matrix or a list.

    Parameters
    ----------
    X : array, table, sparse matrix or list with n_rows rows
    rows : ndarray of int
        By position, also where a table has an index of its own.

    Returns
    -------
    X : of the same kind
        A list for a tuple.
    """
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    # clips of several lengths make no array
    if isinstance(X, list | tuple):
        return [X[row] for row in rows]
    if hasattr(X, "tocsr"):  # other sparse formats cannot be indexed
        return X.tocsr()[rows]
    array: Any = X if hasattr(X, "shape") else np.asarray(X)
    count_rows(array)  # of text there is none
    return array[rows]


def restrict(
    X: Rows, params: dict[str, Any], rows: IntArray, n_rows: int
) -> tuple[Rows, dict[str, Any]]:
    """Restrict X, and each parameter that has one entry per row, to some rows.

    Parameters
    ----------
    X : array, table, sparse matrix or list with n_rows rows
    params : dict
        Of a method, such as ``sample_weight``; what has no n_rows entries stays as it
        is, and so does text, even of n_rows letters.
    rows : ndarray of int
        Sorted, none twice.
    n_rows : int

    Returns
    -------
    X, params : as given
        The very same objects where ``rows`` are all rows, so that nothing is copied.
    """
    if len(rows) == n_rows:
        return X, params
    params = {
        name: take_rows(value, rows) if _is_per_row(value, n_rows) else value
        for name, value in params.items()
    }
    return take_rows(X, rows), params


def _is_per_row(value: Any, n_rows: int) -> bool:
    """Tell a parameter with one entry per row; a dict or a set has no order of rows."""
    if hasattr(value, "shape"):  # series of some libraries have no ndim
        return len(value.shape) > 0 and value.shape[0] == n_rows
    is_text = isinstance(value, str | bytes)
    has_rows = isinstance(value, Sequence) or hasattr(value, "__array__")
    return has_rows and not is_text and len(value) == n_rows


def take_labels(y: LabelsLike, rows: IntArray) -> np.ndarray:
    """Return some rows of y as scikit-learn's classifiers, metrics and folds take it.

    Parameters
    ----------
    y : array-like of shape (n_rows,), (n_rows, 1) or (n_rows, n_classes)
        An ndarray is taken as one that ``as_label_array`` has read.
    rows : ndarray of int
        Labeled ones, as a rule: beside strings, -1 stays the integer.

    Returns
    -------
    y : ndarray of shape (len(rows),) or (len(rows), n_classes)
        A single column is flat. Numbers that were objects are plain; strings keep
        their dtype.
    """
    labels = y if isinstance(y, np.ndarray) else as_label_array(y)
    labels = labels[rows]
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels.ravel()
    # to scikit-learn, objects that are no strings are an unknown kind of target
    if labels.dtype == object and not isinstance(labels.flat[0], str):
        return np.array(labels.tolist())
    return labels


# --- rows with labels


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

    Raises
    ------
    ValueError
        Where X and y differ in length, no row is known in full, or one is known in
        part.
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
    """Find the rows that the score of a fitted classifier counts.

    Parameters
    ----------
    X, y, name : as in ``find_known_rows``
    classes : ndarray of shape (n_classes,)
        What the classifier has learned.

    Returns
    -------
    rows : ndarray of int
        Sorted, at least one.
    """
    # two classes -1 and +1 were learned: there is no mark for unlabeled rows then
    if y.ndim == 1 and UNLABELED in classes:
        return np.arange(len(y))
    return find_known_rows(X, y, name)


def refuse_partly_known(known: BoolArray, name: str) -> None:
    """Refuse rows of which some classes are known and others are not.

    Parameters
    ----------
    known : ndarray of shape (n_rows, n_classes), bool
    name : str
        Who asks, for the message.
    """
    partly = np.flatnonzero(known.any(axis=1) & ~known.all(axis=1))
    if len(partly):
        raise ValueError(
            f"{name} needs the labeled rows of y to be known in full. Got single "
            f"entries of -1 in {len(partly)} of them, first in row {partly[0]}. Fill "
            "them in, or leave such rows out by y[(y == -1).any(axis=1)] = -1."
        )


def find_labeled_rows(labels: Labels, name: str) -> IntArray:
    """Find the rows to learn from, at least one, each known in full.

    Parameters
    ----------
    labels : Labels
    name : str
        Who asks, for the messages.

    Returns
    -------
    rows : ndarray of int
        Sorted, at least one.
    """
    refuse_partly_known(~labels.unknown, name)
    rows = np.flatnonzero(labels.labeled)
    if not len(rows):
        raise ValueError(NO_LABEL.format(name=name, n_rows=len(labels.present)))
    return rows


# --- rows that could not be read


def find_unreadable_rows(X: Rows) -> BoolArray:
    """Tell the rows of X that hold nothing but NaN.

    ``LogMel(errors="warn")`` returns such rows for files that cannot be decoded, and
    ``TripletEmbedder.transform`` passes them on.

    Parameters
    ----------
    X : array, table, sparse matrix or list with n_rows rows
        Of which arrays and tables of floating point numbers can hold such a row, and
        lists of such arrays.

    Returns
    -------
    unreadable : ndarray of shape (n_rows,), bool
        False for a row that is NaN in part: that is padding, or a missing value. False
        for anything that holds no floating point numbers, such as paths.

    Notes
    -----
    A memory map is not read as a whole: a row is looked at only if its first number is
    NaN.

    Examples
    --------
    >>> find_unreadable_rows(np.array([[1.0, np.nan], [np.nan, np.nan]]))
    array([False,  True])
    """
    array: Any = X.to_numpy() if hasattr(X, "to_numpy") else X
    is_array = isinstance(array, np.ndarray)
    if isinstance(array, list | tuple) or (is_array and array.dtype.kind == "O"):
        return np.array([_is_nan_only(clip) for clip in array], dtype=bool)
    unreadable = np.zeros(count_rows(X), dtype=bool)
    is_float = is_array and array.dtype.kind == "f"
    # a vector has no rows of several numbers: its NaN are missing values
    if not is_float or array.ndim < 2 or not array.size:
        return unreadable
    first = array[(slice(None), *[0] * (array.ndim - 1))]
    for row in np.flatnonzero(np.isnan(first)):
        unreadable[row] = _is_nan_only(array[row])
    return unreadable


def _is_nan_only(row: object) -> bool:
    if not isinstance(row, np.ndarray) or row.dtype.kind != "f":
        return False
    # of an empty row, all numbers are NaN and none is: that is another fault; most rows
    # are told by their first number, and none is copied, for it may be hours long
    if not row.size or not np.isnan(row.flat[0]):
        return False
    return all(np.isnan(part).all() for part in np.atleast_2d(row))


def leave_out_unreadable(
    unreadable: BoolArray,
    rows: IntArray,
    name: str,
    consequence: str,
) -> IntArray:
    """Return the rows that could be read, and warn of the others.

    Parameters
    ----------
    unreadable : ndarray of shape (n_rows,), bool
        As ``find_unreadable_rows`` tells it.
    rows : ndarray of int
        The labeled ones.
    name : str
        Who asks, for the messages.
    consequence : str
        What it means to the user, as a sentence.

    Returns
    -------
    rows : ndarray of int
        At least one.

    Raises
    ------
    ValueError
        Where none is left.

    Warns
    -----
    UserWarning
        Once, with the number of all rows of X that could not be read.
    """
    if not unreadable.any():
        return rows
    warn_of_unreadable(unreadable, name, consequence)
    left = rows[~unreadable[rows]]
    if not len(left):
        raise ValueError(
            f"{name} got no labeled row of X that could be read: all {len(rows)} are "
            "rows of NaN. Repair the recordings, or label others."
        )
    return left


def warn_of_unreadable(unreadable: BoolArray, name: str, consequence: str) -> None:
    """Count the rows that could not be read in one warning.

    Parameters
    ----------
    unreadable : ndarray of shape (n_rows,), bool
        At least one is True.
    name, consequence : as in ``leave_out_unreadable``

    Warns
    -----
    UserWarning
        In any case.
    """
    rows = np.flatnonzero(unreadable)
    warn(
        f"{name} leaves out {len(rows)} of {len(unreadable)} rows of X that could not "
        f"be read, first row {rows[0]}. LogMel(errors='warn') returns such clips as "
        f"rows of NaN. {consequence}"
    )


def fill_rows(values: Any, rows: IntArray, n_rows: int, fill: float) -> Any:
    """Put what a classifier said of some rows among rows that have no answer.

    Parameters
    ----------
    values : ndarray of shape (at least len(rows), ...), sparse matrix, or a list
        What goes beyond ``rows`` is left out. A list holds one array per output, as
        ``KNeighborsClassifier.predict_proba`` returns it for an indicator.
    rows : ndarray of int
        The place of each.
    n_rows : int
    fill : {-1, nan}
        What the others hold: -1 for labels, NaN for numbers.

    Returns
    -------
    filled : ndarray of shape (n_rows, ...), or a list of them
        Labels that cannot hold -1 change their dtype: strings come as objects,
        booleans and unsigned integers as int64.

    Examples
    --------
    >>> fill_rows(np.array(["dog", "rain"]), np.array([0, 2]), 3, -1)
    array(['dog', -1, 'rain'], dtype=object)
    >>> fill_rows(np.array([[0.2, 0.8]]), np.array([1]), 2, np.nan)
    array([[nan, nan],
           [0.2, 0.8]])
    """
    if isinstance(values, list):
        return [fill_rows(output, rows, n_rows, fill) for output in values]
    values = values.toarray() if sparse.issparse(values) else np.asarray(values)
    kind = values.dtype.kind
    if np.isnan(fill):
        dtype = values.dtype if kind == "f" else np.dtype(np.float64)
    elif kind in "UST":
        dtype = np.dtype(object)
    else:
        dtype = np.dtype(np.int64) if kind in "bu" else values.dtype
    filled = np.full((n_rows, *values.shape[1:]), fill, dtype=dtype)
    filled[rows] = values[: len(rows)]
    return filled
