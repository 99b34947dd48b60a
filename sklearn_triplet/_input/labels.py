"""y by the conventions of the library in, what is known of each clip out."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass

import numpy as np
from sklearn.utils import assert_all_finite, check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sklearn_triplet._input.types import BoolArray, LabelsLike
from sklearn_triplet._input.warn import warn

UNLABELED = -1


@dataclass
class Labels:
    """What is known of each clip: one row a clip, one column a class.

    Attributes
    ----------
    present : ndarray of shape (n_clips, n_classes), bool
        The class is known to be in the clip.
    unknown : ndarray of shape (n_clips, n_classes), bool
        Nobody has said whether the class is in the clip.
    classes : ndarray of shape (n_classes,)
        The user's names of the columns, without -1.
    multilabel : bool
        Whether y was an indicator matrix.
    """

    present: BoolArray
    unknown: BoolArray
    classes: np.ndarray
    multilabel: bool

    @property
    def labeled(self) -> BoolArray:
        """Clips about which anything is known, shape (n_clips,)."""
        if not len(self.classes):
            return np.zeros(len(self.present), dtype=bool)
        return np.asarray(~self.unknown.all(axis=1))

    @property
    def n_kinds(self) -> int:
        """Count the classes met, and clips without any event as one more kind."""
        silent = self.labeled & ~self.present.any(axis=1)
        return int(self.present.any(axis=0).sum() + silent.any())

    def take(self, rows: np.ndarray) -> Labels:
        """Return the labels of some clips."""
        return Labels(
            self.present[rows], self.unknown[rows], self.classes, self.multilabel
        )


def is_labeled(y: LabelsLike) -> BoolArray:
    """Tell which rows of y carry a label.

    Parameters
    ----------
    y : array-like of shape (n_clips,) or (n_clips, n_classes)
        Labels; -1 (or a row of only -1) means unlabeled.

    Returns
    -------
    labeled : ndarray of shape (n_clips,), bool

    Examples
    --------
    >>> from sklearn_triplet import is_labeled
    >>> is_labeled([-1, 0, 2])
    array([False,  True,  True])
    >>> is_labeled([[0, 1], [-1, -1], [0, 0]])
    array([ True, False,  True])
    """
    known = as_label_array(y) != UNLABELED
    return known if known.ndim == 1 else known.any(axis=1)


def as_label_array(y: LabelsLike) -> np.ndarray:
    """Turn y into an array without letting numpy rewrite -1 as the string '-1'."""
    if hasattr(y, "toarray"):  # a sparse matrix
        y = y.toarray()
    if isinstance(y, list | tuple) and any(isinstance(label, str) for label in y):
        y = np.array([*y, None], dtype=object)[:-1]
    y = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y)
    _refuse_missing(y)
    if y.ndim == 0:
        raise ValueError(f"y must hold one label per clip. Got {y[()]!r} instead.")
    if y.dtype.kind in "OUST" and any(
        isinstance(label, str) and label == "-1" for label in y.ravel()
    ):
        raise ValueError(
            "y holds the string '-1'. Unlabeled clips are marked by the integer -1: "
            "give y as a list or an object array, such as ['dog', -1, 'rain']."
        )
    return y


def is_absent(value: object) -> bool:
    """Tell None, NaN and the missing values of tables, without pandas."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, numbers.Real) and math.isnan(value)


def _refuse_missing(y: np.ndarray) -> None:
    """Refuse NaN, None and pandas' NA, which mean unlabeled elsewhere."""
    if y.dtype.kind == "f":
        missing = np.isnan(y)
    elif y.dtype == object:
        missing = np.array([is_absent(label) for label in y.ravel()], dtype=bool)
    else:
        return
    if missing.any():
        rows = np.flatnonzero(missing.reshape(len(y), -1).any(axis=1))
        raise ValueError(
            f"Input y contains NaN or None in {len(rows)} of {len(y)} rows, first in "
            f"row {rows[0]}. Unlabeled clips are marked by -1: replace what is missing "
            "by it, as y.fillna(-1) of pandas does."
        )


def check_labels(
    y: LabelsLike | None, n_clips: int, estimator_name: str, *, binary: bool = False
) -> Labels:
    """Read y by the conventions of the library.

    Parameters
    ----------
    y : None or array-like of shape (n_clips,) or (n_clips, n_classes)
        ``None``: all unlabeled. 1-D: one class a clip, -1 = unlabeled. 2-D: 0/1
        indicator, -1 = unknown, a row of only -1 = unlabeled clip.
    n_clips : int
        The number of clips that y has to describe.
    estimator_name : str
        Who asks, for the messages.
    binary : bool, default=False
        Whether a y of only -1 and +1 holds two classes, as scikit-learn has it of its
        classifiers, and not one class and unlabeled clips.

    Returns
    -------
    labels : Labels
    """
    if y is None:
        none = np.zeros((n_clips, 0), dtype=bool)
        return Labels(none, none, np.array([], dtype=int), False)
    y = as_label_array(y)
    if len(y) != n_clips:
        raise ValueError(
            f"X and y of {estimator_name} must have one row per clip. Got {n_clips} "
            f"clips in X and {len(y)} rows in y (inconsistent numbers of samples)."
        )
    if y.ndim == 2 and y.shape[1] > 1:
        return _check_indicator(y)
    return _check_single_label(column_or_1d(y, warn=True), binary)


def _check_single_label(y: np.ndarray, binary: bool) -> Labels:
    if y.dtype.kind == "f":
        assert_all_finite(y, input_name="y")
    labeled = np.asarray(y != UNLABELED)
    if y.dtype.kind in "iuf" and set(np.unique(y)) == {-1, 1}:
        reading = (
            "Both are taken as classes, since with -1 for unlabeled there would be "
            "only one"
            if binary
            else "-1 is taken as unlabeled, so that there is only one class"
        )
        warn(
            f"y holds only -1 and +1, which looks like binary labels. {reading}. "
            "Recode binary labels as 0 and 1, or label clips of another class."
        )
        labeled[:] |= binary
    known = y[labeled]
    if known.dtype == object and len(known):
        _refuse_mixed_types(known)
        # strings get their own dtype, numbers in an object array that of their values
        known = np.array(known.tolist())
    if len(known):
        check_classification_targets(known)
    classes, codes = np.unique(known, return_inverse=True)
    present = np.zeros((len(y), len(classes)), dtype=bool)
    present[np.flatnonzero(labeled), codes] = True
    unknown = np.repeat(~labeled[:, None], len(classes), axis=1)
    return Labels(present, unknown, classes, False)


def _refuse_mixed_types(known: np.ndarray) -> None:
    types = sorted(
        {"str" if isinstance(label, str) else type(label).__name__ for label in known}
    )
    if "str" in types and len(types) > 1:
        raise ValueError(
            f"The labels in y must be of one type, with -1 where unlabeled. Got "
            f"{' and '.join(types)}: write the classes alike."
        )


def _check_indicator(y: np.ndarray) -> Labels:
    y = check_array(y, dtype=None, input_name="y", ensure_all_finite=True)
    strange = ~np.isin(y, (-1, 0, 1))
    if strange.any():
        row, column = np.argwhere(strange)[0]
        raise ValueError(
            "A y of two dimensions must be an indicator of 0 (absent), 1 (present) and "
            f"-1 (unknown). Got {y[row, column]} in row {row}, column {column}."
        )
    return Labels(y == 1, y == UNLABELED, np.arange(y.shape[1]), True)
