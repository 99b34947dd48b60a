"""y by the conventions of the library in, what is known of each clip out.

y is read once, here, and travels on as ``Labels``: (n_clips, n_classes) tables of what
is present and what is unknown, beside y itself as an array for scikit-learn.
"""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass

import numpy as np
from sklearn.utils import assert_all_finite, check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sklearn_triplet._input.types import BoolArray, LabelsLike
from sklearn_triplet._input.warn import warn

# an integer also beside strings: the string '-1' is refused
UNLABELED = -1

# What numpy, pandas and csv files make of a missing value in an array of strings.
EMPTY_NAMES = ("", "nan", "NaN", "<NA>")

INTEGER_CURE = (
    "Unlabeled clips are marked by the integer -1: give y as a list or an object "
    "array, such as ['dog', -1, 'rain']."
)

SIGNS = (
    "{name} got a y of only -1 and +1, in which only one class is labeled, since -1 "
    "means unlabeled. Recode binary labels as 0 and 1, or label rows of another class."
)


@dataclass
class Labels:
    """What is known of each clip: one row a clip, one column a class.

    Attributes
    ----------
    present : ndarray of shape (n_clips, n_classes), bool
        The class is known to be in the clip.
    unknown : ndarray of shape (n_clips, n_classes), bool
        Nobody has said whether the class is in the clip. What is neither present nor
        unknown is known to be absent.
    classes : ndarray of shape (n_classes,)
        The user's names of the columns, without -1, sorted.
    multilabel : bool
        Whether y was an indicator matrix.
    y : ndarray of shape (n_clips,), (n_clips, 1) or (n_clips, n_classes)
        What the user gave, as an array; ``take_labels`` makes what scikit-learn takes
        of some of its rows.
    """

    present: BoolArray
    unknown: BoolArray
    classes: np.ndarray
    multilabel: bool
    y: np.ndarray

    @property
    def labeled(self) -> BoolArray:
        """Clips about which anything is known, shape (n_clips,)."""
        # of no classes at all, "all are unknown" and "none is" are both true
        if not len(self.classes):
            return np.zeros(len(self.present), dtype=bool)
        return np.asarray(~self.unknown.all(axis=1))

    @property
    def n_kinds(self) -> int:
        """Count the classes met, and clips without any event as one more kind."""
        silent = self.labeled & ~self.present.any(axis=1)
        return int(self.present.any(axis=0).sum() + silent.any())

    def take(self, rows: np.ndarray) -> Labels:
        """Return the labels of some clips; the classes stay those of all clips.

        Parameters
        ----------
        rows : ndarray of int or bool
            Whatever indexes rows of an array.

        Returns
        -------
        labels : Labels
        """
        present, unknown = self.present[rows], self.unknown[rows]
        return Labels(present, unknown, self.classes, self.multilabel, self.y[rows])

    @property
    def unheard(self) -> BoolArray:
        """What is unknown in clips of which other classes are known."""
        return self.unknown & self.labeled[:, None]

    def assume_absent(self) -> Labels:
        """Return the labels with what is unheard as absent, where ``y`` stays."""
        unknown = self.unknown & ~self.unheard
        return Labels(self.present, unknown, self.classes, self.multilabel, self.y)

    def put(self, rows: np.ndarray, labels: Labels) -> Labels:
        """Return the labels with others in some rows, where ``y`` stays as it was.

        Parameters
        ----------
        rows : ndarray of int or bool
        labels : Labels
            Of the same classes; a row for each of ``rows``.

        Returns
        -------
        labels : Labels
        """
        present, unknown = self.present.copy(), self.unknown.copy()
        present[rows], unknown[rows] = labels.present, labels.unknown
        return Labels(present, unknown, self.classes, self.multilabel, self.y)


def mark_unread(tags: np.ndarray, unread: BoolArray) -> np.ndarray:
    """Write -1 for clips that could not be read.

    Parameters
    ----------
    tags : ndarray of shape (n_clips,) or (n_clips, n_classes)
    unread : ndarray of shape (n_clips,), bool

    Returns
    -------
    tags : ndarray of the same shape
        Of objects where the classes are such that -1 could not stand among them.
    """
    if not unread.any():
        return tags
    # text cannot hold the integer -1, and '-1' could be a class; True is no -1 either
    tags = tags.copy() if tags.dtype.kind in "if" else tags.astype(object)
    tags[unread] = UNLABELED
    return tags


def is_labeled(y: LabelsLike) -> BoolArray:
    """Tell which rows of y carry a label.

    Parameters
    ----------
    y : array-like of shape (n_clips,) or (n_clips, n_classes)
        Labels; -1 (or a row of only -1) means unlabeled.

    Returns
    -------
    labeled : ndarray of shape (n_clips,), bool
        A row of an indicator is labeled as soon as one of its entries is known; a row
        of zeros is, and says that there is no event.

    Raises
    ------
    ValueError
        Where y holds NaN, None or a string that stands for a missing label, such as
        ``'-1'``, ``'nan'`` or ``''``.

    See Also
    --------
    mask_labels : Hide some of the labels.
    LabeledOnly : A classifier that learns from the labeled rows.

    Examples
    --------
    >>> from sklearn_triplet import is_labeled
    >>> is_labeled([-1, 0, 2])
    array([False,  True,  True])
    >>> is_labeled([[0, 1], [-1, -1], [0, 0]])
    array([ True, False,  True])
    >>> is_labeled(["dog", -1])
    array([ True, False])
    """
    known = as_label_array(y) != UNLABELED
    return known if known.ndim == 1 else known.any(axis=1)


def as_label_array(y: LabelsLike) -> np.ndarray:
    """Turn y into an array without letting numpy rewrite -1 as the string '-1'.

    Parameters
    ----------
    y : array-like, table, column or sparse matrix
        One label or one row of an indicator per clip.

    Returns
    -------
    y : ndarray of shape (n_clips,) or (n_clips, n_columns)
        Strings of a list come as objects, so that -1 stays the integer.

    Raises
    ------
    ValueError
        Where y is no array, or something in it is missing or stands for that.
    """
    if hasattr(y, "toarray"):  # a sparse matrix
        y = y.toarray()
    if isinstance(y, list | tuple) and any(isinstance(label, str) for label in y):
        # beside None an array of objects is one-dimensional whatever else it holds
        y = np.array([*y, None], dtype=object)[:-1]
    try:
        y = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y)
    except ValueError as error:  # rows of unequal length
        raise ValueError(f"y must hold one label per clip: {error}") from error
    if y.ndim == 0:
        raise ValueError(f"y must hold one label per clip. Got {y[()]!r} instead.")
    _refuse_complex(y)
    if y.ndim > 2 or y.shape[1:] == (0,) or y.dtype.kind not in "biufOUST":
        raise ValueError(
            "y must hold one label or one row of an indicator per clip, as numbers or "
            f"names. Got an array of shape {y.shape} and dtype {y.dtype}."
        )
    _refuse_missing(y)
    _refuse_collections(y)
    _refuse_empty_names(y)
    return y


def is_absent(value: object) -> bool:
    """Tell None, NaN and the missing values of tables, without pandas.

    Parameters
    ----------
    value : object
        One cell of a table or one label.

    Returns
    -------
    absent : bool

    Examples
    --------
    >>> [is_absent(value) for value in (None, float("nan"), "", 0)]
    [True, True, False, False]
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, numbers.Real) and math.isnan(value)


def _refuse_complex(y: np.ndarray) -> None:
    """Refuse complex numbers, also where objects hide them."""
    of = f"has dtype {y.dtype}"
    if y.dtype == object:
        other = (v for v in y.ravel() if isinstance(v, numbers.Complex))
        found = next((v for v in other if not isinstance(v, numbers.Real)), None)
        of = f"holds {found!r}"
        if found is None:
            return
    elif y.dtype.kind != "c":
        return
    # in scikit-learn's words, which its checks look for
    raise ValueError(f"Complex data not supported. y {of}.")


def _refuse_collections(y: np.ndarray) -> None:
    """Refuse several tags in one place, as other libraries take them."""
    if y.dtype != object:
        return
    kinds = list, tuple, set, frozenset, dict, np.ndarray
    found = next((label for label in y.ravel() if isinstance(label, kinds)), None)
    if found is not None:
        raise ValueError(
            f"y must hold one label per clip. Got {found!r}: of several labels a clip, "
            "give an indicator, as MultiLabelBinarizer().fit_transform(y) makes it."
        )


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


def _refuse_empty_names(y: np.ndarray) -> None:
    """Refuse strings that would become a class, where the user meant no label.

    ``np.array(["dog", -1])`` and ``np.array(["dog", np.nan])`` are arrays of strings
    only: numpy writes the second label as ``'-1'`` and ``'nan'``. An empty cell of a
    csv file may come as ``''``.
    """
    if y.dtype.kind not in "OUST":  # objects and numpy's three kinds of strings
        return
    names = [label.strip() if isinstance(label, str) else None for label in y.ravel()]
    if "-1" in names:
        raise ValueError(f"y holds the string '-1'. {INTEGER_CURE}")
    empty = [place for place, name in enumerate(names) if name in EMPTY_NAMES]
    if empty:
        rows = sorted({place // (y.size // len(y)) for place in empty})
        raise ValueError(
            f"y holds the string {str(y.ravel()[empty[0]])!r} in {len(rows)} of "
            f"{len(y)} rows, first in row {rows[0]}. It is no class, but what becomes "
            f"of a missing value among strings. {INTEGER_CURE}"
        )


def check_labels(
    y: LabelsLike | None,
    n_clips: int | None,
    estimator_name: str,
    *,
    binary: bool = False,
    refuse_signs: bool = False,
) -> Labels:
    """Read y by the conventions of the library.

    Parameters
    ----------
    y : None or array-like of shape (n_clips,) or (n_clips, n_classes)
        ``None``: all unlabeled. 1-D: one class a clip, -1 = unlabeled. 2-D: 0/1
        indicator, -1 = unknown, a row of only -1 = unlabeled clip.
    n_clips : int or None
        The number of clips that y has to describe; ``None``: as many as it does.
    estimator_name : str
        Who asks, for the messages.
    binary : bool, default=False
        Whether a y of only -1 and +1 holds two classes, as scikit-learn has it of its
        classifiers, and not one class and unlabeled clips.
    refuse_signs : bool, default=False
        Whether such a y is refused, for where it would be wrong either way.

    Returns
    -------
    labels : Labels

    Raises
    ------
    ValueError
        Where y has another length than X, something missing in it, labels of several
        types, or is neither a target of classification nor an indicator.

    Warns
    -----
    UserWarning
        Where y holds -1 and +1 only.

    Examples
    --------
    >>> labels = check_labels(["dog", -1, "rain"], 3, "Example")
    >>> labels.classes
    array(['dog', 'rain'], dtype='<U4')
    >>> labels.labeled
    array([ True, False,  True])
    >>> labels.present.astype(int)
    array([[1, 0],
           [0, 0],
           [0, 1]])
    """
    if y is None:
        none = np.zeros((n_clips or 0, 0), dtype=bool)
        y = np.full(len(none), UNLABELED)
        return Labels(none, none, np.array([], dtype=int), False, y)
    y = as_label_array(y)
    if n_clips is not None and len(y) != n_clips:
        raise ValueError(
            f"X and y of {estimator_name} must have one row per clip. Got {n_clips} "
            f"clips in X and {len(y)} rows in y (inconsistent numbers of samples)."
        )
    if y.ndim == 2 and y.shape[1] > 1:
        return _check_indicator(y)
    holds_signs = _holds_signs(y)
    if holds_signs and refuse_signs:
        raise ValueError(SIGNS.format(name=estimator_name))
    if holds_signs:
        _warn_of_signs(binary)
    column = column_or_1d(y, warn=True)
    return _check_single_label(column, y, both_known=holds_signs and binary)


def _holds_signs(y: np.ndarray) -> bool:
    """Tell a y of exactly -1 and +1, which elsewhere are binary labels."""
    if y.dtype.kind in "iuf":
        return set(np.unique(y).tolist()) == {-1, 1}
    values = y.ravel().tolist() if y.dtype == object else []
    return all(isinstance(v, numbers.Real) for v in values) and set(values) == {-1, 1}


def _warn_of_signs(binary: bool) -> None:
    reading = (
        "Both are taken as classes, since with -1 for unlabeled there would be only one"
        if binary
        else "-1 is taken as unlabeled, so that there is only one class"
    )
    warn(
        f"y holds only -1 and +1, which looks like binary labels. {reading}. "
        "Recode binary labels as 0 and 1, or label clips of another class."
    )


def _check_single_label(column: np.ndarray, y: np.ndarray, both_known: bool) -> Labels:
    """Read one class a clip; ``both_known``: -1 is a class as well."""
    labeled = np.asarray(column != UNLABELED) | both_known
    known = column[labeled]
    if known.dtype == object and len(known):
        _refuse_mixed_types(known)
        # strings get their own dtype, numbers in an object array that of their values
        known = np.array(known.tolist())
    if known.dtype.kind == "f":
        assert_all_finite(known, input_name="y")
    if len(known):
        check_classification_targets(known)
    classes, codes = np.unique(known, return_inverse=True)
    present = np.zeros((len(column), len(classes)), dtype=bool)
    present[np.flatnonzero(labeled), codes] = True
    # one class a clip: of a labeled clip all is known
    unknown = np.repeat(~labeled[:, None], len(classes), axis=1)
    return Labels(present, unknown, classes, False, y)


def _refuse_mixed_types(known: np.ndarray) -> None:
    """Refuse strings beside numbers, which numpy would silently turn into strings."""
    types = sorted(
        {"str" if isinstance(label, str) else type(label).__name__ for label in known}
    )
    if "str" in types and len(types) > 1:
        raise ValueError(
            f"The labels in y must be of one type, with -1 where unlabeled. Got "
            f"{' and '.join(types)}: write the classes alike."
        )


def _check_indicator(y: np.ndarray) -> Labels:
    """Read a table of 0, 1 and -1, shape (n_clips, n_classes)."""
    if not len(y):
        raise ValueError(
            f"y must hold one row per clip. Got {y.shape[1]} columns of 0."
        )
    y = check_array(y, dtype=None, input_name="y", ensure_all_finite=True)
    strange = ~np.isin(y, (UNLABELED, 0, 1))
    if strange.any():
        row, column = np.argwhere(strange)[0]
        raise ValueError(
            "A y of two dimensions must be an indicator of 0 (absent), 1 (present) and "
            f"-1 (unknown). Got {y[row, column]} in row {row}, column {column}."
        )
    return Labels(y == 1, y == UNLABELED, np.arange(y.shape[1]), True, y)
