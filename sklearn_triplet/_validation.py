"""Checks of parameters, labels and clips; every refusal is a sentence with a cure."""

import numbers
import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.utils import assert_all_finite, check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from sklearn_triplet.segments import Clips

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

    present: np.ndarray
    unknown: np.ndarray
    classes: np.ndarray
    multilabel: bool

    @property
    def labeled(self):
        """Clips about which anything is known, shape (n_clips,)."""
        if not len(self.classes):
            return np.zeros(len(self.present), dtype=bool)
        return ~self.unknown.all(axis=1)

    def take(self, rows):
        """Return the labels of some clips."""
        return Labels(
            self.present[rows], self.unknown[rows], self.classes, self.multilabel
        )


def is_labeled(y):
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
    y = as_label_array(y)
    known = y != UNLABELED
    return known if known.ndim == 1 else known.any(axis=1)


def as_label_array(y):
    """Turn y into an array without letting numpy rewrite -1 as the string '-1'."""
    if isinstance(y, list | tuple) and any(isinstance(label, str) for label in y):
        y = np.array([*y, None], dtype=object)[:-1]
    y = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y)
    if y.dtype.kind in "OUST" and any(
        isinstance(label, str) and label == "-1" for label in y.ravel()
    ):
        raise ValueError(
            "y holds the string '-1'. Unlabeled clips are marked by the integer -1: "
            "give y as a list or an object array, such as ['dog', -1, 'rain']."
        )
    return y


def check_labels(y, n_clips, estimator_name):
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
    return _check_single_label(column_or_1d(y, warn=True))


def _check_single_label(y):
    if y.dtype.kind == "f":
        assert_all_finite(y, input_name="y")
    labeled = np.asarray(y != UNLABELED)
    if y.dtype.kind in "iuf" and set(np.unique(y)) == {-1, 1}:
        warnings.warn(
            "y holds only -1 and +1, which looks like binary labels. Both are taken as "
            "classes, since with -1 for unlabeled there would be only one. Recode "
            "binary labels as 0 and 1, or label clips of another class.",
            UserWarning,
            stacklevel=5,
        )
        labeled[:] = True
    known = y[labeled]
    if len(known):
        check_classification_targets(known)
    if known.dtype == object:
        _refuse_mixed_types(known)
    classes, codes = np.unique(known, return_inverse=True)
    if classes.dtype == object:
        classes = classes.astype(str) if isinstance(classes[0], str) else classes
    present = np.zeros((len(y), len(classes)), dtype=bool)
    present[np.flatnonzero(labeled), codes] = True
    unknown = np.repeat(~labeled[:, None], len(classes), axis=1)
    return Labels(present, unknown, classes, False)


def _refuse_mixed_types(known):
    types = sorted({type(label).__name__ for label in known})
    if "NoneType" in types or ("str" in types and len(types) > 1):
        raise ValueError(
            f"The labels in y must be of one type, with -1 where unlabeled. Got "
            f"{' and '.join(types)}: replace missing labels by -1."
        )


def _check_indicator(y):
    y = check_array(y, dtype=None, input_name="y", ensure_all_finite=True)
    strange = ~np.isin(y, (-1, 0, 1))
    if strange.any():
        row, column = np.argwhere(strange)[0]
        raise ValueError(
            "A y of two dimensions must be an indicator of 0 (absent), 1 (present) and "
            f"-1 (unknown). Got {y[row, column]!r} in row {row}, column {column}."
        )
    return Labels(y == 1, y == UNLABELED, np.arange(y.shape[1]), True)


def check_clips(estimator, X, *, reset):
    """Read X by the conventions of the library.

    Parameters
    ----------
    estimator : estimator
        Whose ``n_features_in_`` and ``feature_names_in_`` are set or checked.
    X : array-like of shape (n_clips, n_features, n_frames) or (n_samples, \
            n_features), or sequence of arrays (n_features, n_frames_i)
        Dense clips may end in frames of only NaN, which are padding.
    reset : bool
        Whether to set (fit) or to check (transform) the number of features.

    Returns
    -------
    clips : Clips
        float32, with the number of valid frames of each clip.

    Raises
    ------
    ValueError
        Where a clip is empty, has another number of features, or holds infinite
        values or NaN before its last valid frame.
    """
    name = type(estimator).__name__
    if _is_ragged(X):
        arrays = [np.asarray(clip) for clip in X]
        _refuse_other_shapes(arrays, name)
        validate_data(estimator, X=arrays, skip_check_array=True, reset=reset)
        arrays = [clip.astype(np.float32, copy=False) for clip in arrays]
    else:
        X = validate_data(
            estimator,
            X,
            dtype=np.float32,
            allow_nd=True,
            ensure_all_finite=False,
            reset=reset,
        )
        if X.ndim == 2:
            assert_all_finite(X, input_name="X", estimator_name=name)
        if X.ndim > 3:
            raise ValueError(
                f"X of {name} must have shape (n_clips, n_features, n_frames) or "
                f"(n_samples, n_features). Got an array of shape {X.shape}."
            )
        arrays = X
    flat = not _is_ragged(X) and X.ndim == 2
    dense = arrays[:, :, None] if flat else arrays
    lengths = np.array([_valid_frames(clip, i, name) for i, clip in enumerate(dense)])
    return Clips(dense, lengths, flat=flat)


def _is_ragged(X):
    """Whether X is a sequence of 2-D clips rather than one dense array."""
    if isinstance(X, np.ndarray):
        return X.dtype == object and X.ndim == 1 and X.size and np.ndim(X[0]) == 2
    return (
        isinstance(X, list | tuple)
        and len(X) > 0
        and hasattr(X[0], "shape")
        and len(X[0].shape) == 2
    )


def _refuse_other_shapes(arrays, name):
    n_features = arrays[0].shape[0]
    for i, clip in enumerate(arrays):
        if clip.ndim != 2 or clip.shape[0] != n_features:
            raise ValueError(
                f"All clips given to {name} must have shape (n_features, n_frames) "
                f"with the same n_features. Clip 0 has {n_features} features, clip {i} "
                f"has shape {clip.shape}."
            )


def _valid_frames(clip, i, name):
    """Count the frames before the NaN padding; refuse a clip that has other holes."""
    finite = np.isfinite(clip)
    if clip.shape[1] and finite.all():
        return clip.shape[1]
    padding = np.isnan(clip).all(axis=0)
    valid = np.flatnonzero(~padding)
    if not len(valid):
        raise ValueError(
            f"Clip {i} given to {name} is empty: it has no valid frame. "
            "LogMel(errors='warn') returns such rows of NaN for files that it cannot "
            "read: drop these rows from X and y before this step."
        )
    length = valid[-1] + 1
    broken = ~finite[:, :length].all(axis=0)
    if broken.any():
        frame = np.flatnonzero(broken)[0]
        kind = "infinity" if np.isinf(clip[:, frame]).any() else "NaN"
        raise ValueError(
            f"Clip {i} given to {name} contains {kind} in frame {frame}. Only trailing "
            "frames may be NaN (padding): repair the features or drop the clip."
        )
    return int(length)


def check_number(
    estimator, name, kind, low, high=np.inf, *, left="closed", right="closed"
):
    """Refuse a parameter outside its range, in a sentence."""
    value = getattr(estimator, name)
    ok = isinstance(value, kind) and not isinstance(value, bool | np.bool_)
    if ok:
        above = value > low or (left == "closed" and value == low)
        below = value < high or (right == "closed" and value == high)
        ok = above and below
    if ok:
        return value
    noun = "an integer" if kind is numbers.Integral else "a number"
    interval = f"{'[' if left == 'closed' else '('}{low}, {high}"
    interval += "]" if right == "closed" and high != np.inf else ")"
    raise ValueError(
        f"The {name!r} parameter of {type(estimator).__name__} must be {noun} in "
        f"{interval}. Got {value!r} instead."
    )


def check_choice(estimator, name, choices):
    """Refuse a parameter that is none of the choices, in a sentence."""
    value = getattr(estimator, name)
    if any(value is choice or value == choice for choice in choices):
        return value
    raise ValueError(
        f"The {name!r} parameter of {type(estimator).__name__} must be one of "
        f"{list(choices)}. Got {value!r} instead."
    )
