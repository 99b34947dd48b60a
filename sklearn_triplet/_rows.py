"""Rows of any kind of X and y: counting, taking, telling the labeled ones."""

import numpy as np

from sklearn_triplet._labels import UNLABELED, as_label_array

NO_LABEL = (
    "{name} got a y in which none of the {n_rows} rows is known: all hold -1. Give at "
    "least one labeled row."
)


def count_rows(X):
    """Count the rows of an array, a table, a sparse matrix or a list."""
    if hasattr(X, "shape"):
        return X.shape[0]
    return len(X) if hasattr(X, "__len__") else len(np.asarray(X))


def take_rows(X, rows):
    """Return some rows of an array, a table, a sparse matrix or a list."""
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    if isinstance(X, list | tuple):
        return [X[row] for row in rows]
    if hasattr(X, "tocsr"):
        return X.tocsr()[rows]
    return (X if hasattr(X, "shape") else np.asarray(X))[rows]


def take_labels(y, rows):
    """Return some rows of y; numbers that were objects because of a -1 are plain."""
    y = as_label_array(y)[rows]
    if y.ndim == 2 and y.shape[1] == 1:
        y = y.ravel()
    if y.dtype == object and not isinstance(y.flat[0], str):
        return np.array(y.tolist())
    return y


def find_known_rows(X, y, name, *, skip_partly_known=False):
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


def refuse_partly_known(known, name):
    """Refuse rows of which some classes are known and others are not."""
    partly = np.flatnonzero(known.any(axis=1) & ~known.all(axis=1))
    if len(partly):
        raise ValueError(
            f"{name} needs the labeled rows of y to be known in full. Got single "
            f"entries of -1 in {len(partly)} of them, first in row {partly[0]}. Fill "
            "them in, or leave such rows out by y[(y == -1).any(axis=1)] = -1."
        )
