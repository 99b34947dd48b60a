"""Labels in; folds or a sparser y with equal shares of each class out."""

from __future__ import annotations

import numbers
from collections.abc import Iterator

import numpy as np
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_random_state

from sklearn_triplet._input.labels import UNLABELED, as_label_array, check_labels
from sklearn_triplet._input.rows import NO_LABEL, count_rows, refuse_signs
from sklearn_triplet._input.types import (
    BoolArray,
    IntArray,
    LabelsLike,
    RandomState,
    Rows,
)


class MultilabelStratifiedKFold(BaseCrossValidator):
    """K folds with equal shares of each class of an indicator.

    Iterative stratification, after Sechidis, Tsoumakas and Vlahavas, "On the
    Stratification of Multi-Label Data", ECML PKDD 2011: the rows of the class with the
    fewest rows left are dealt first, each to the fold that still wants most of this
    class. Rows without any class are dealt as a class of their own.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Whether to deal the rows in random order.
    random_state : int, RandomState instance or None, default=None
        Of the order, where ``shuffle=True``.

    See Also
    --------
    UnlabeledInTrain : Deals by this where y is an indicator and ``cv`` a number.

    Notes
    -----
    Unknown entries (-1) count as absent.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_triplet import MultilabelStratifiedKFold
    >>> y = np.array([[1, 0], [1, 1], [1, 0], [1, 1], [0, 0], [0, 0]])
    >>> for train, test in MultilabelStratifiedKFold(2).split(y, y):
    ...     print(y[test].sum(axis=0), len(test))
    [2 1] 3
    [2 1] 3
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        shuffle: bool = False,
        random_state: RandomState = None,
    ) -> None:
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state

    def get_n_splits(
        self, X: object = None, y: object = None, groups: object = None
    ) -> int:
        """Return the number of folds; all arguments are ignored."""
        return self.n_splits

    def _iter_test_masks(
        self,
        X: Rows | None = None,
        y: LabelsLike | None = None,
        groups: object = None,
    ) -> Iterator[BoolArray]:
        # one of the two hooks by which BaseCrossValidator asks to be extended
        assert X is not None  # split has counted its rows
        name, n_rows = type(self).__name__, count_rows(X)
        if not isinstance(self.n_splits, numbers.Integral) or self.n_splits < 2:
            raise ValueError(
                f"The 'n_splits' parameter of {name} must be an integer in [2, inf). "
                f"Got {self.n_splits!r} instead."
            )
        if y is None:
            raise ValueError(f"{name} stratifies by y. Got None: give split(X, y).")
        if n_rows < self.n_splits:
            raise ValueError(
                f"{name} cannot make {self.n_splits} folds of {n_rows} rows. Choose "
                "n_splits of at most the number of rows."
            )
        present = check_labels(y, n_rows, name).present
        order = np.arange(n_rows)
        if self.shuffle:
            order = _make_rng(self.random_state).permutation(n_rows)
        fold_of_row = _deal(present, order, self.n_splits)
        for fold in range(self.n_splits):
            yield fold_of_row == fold


def _make_rng(
    random_state: RandomState,
) -> np.random.Generator | np.random.RandomState:
    if random_state is None:
        # check_random_state(None) would advance numpy's global generator
        return np.random.default_rng()
    return check_random_state(random_state)


def _with_no_event(present: BoolArray) -> BoolArray:
    """Drop classes without a row, and make the rows without a class one more class."""
    present = np.column_stack([present, ~present.any(axis=1)])
    return present[:, present.any(axis=0)]


def _deal(present: BoolArray, order: IntArray, n_folds: int) -> IntArray:
    """Deal rows to folds, the rarest class first (Sechidis et al., algorithm 1).

    Parameters
    ----------
    present : ndarray of shape (n_rows, n_classes), bool
    order : ndarray of shape (n_rows,), int
        In which order the rows of one class are dealt.
    n_folds : int

    Returns
    -------
    fold_of_row : ndarray of shape (n_rows,), int
    """
    present = _with_no_event(present)
    wanted = np.tile(present.sum(axis=0) / n_folds, (n_folds, 1))
    room = np.full(n_folds, len(present) / n_folds)
    fold_of_row = np.full(len(present), -1)
    while (waiting := fold_of_row < 0).any():
        left = present[waiting].sum(axis=0)
        rarest = np.where(left, left, len(present) + 1).argmin()
        for row in order[(waiting & present[:, rarest])[order]]:
            # where this class is wanted most, and among such folds the emptiest
            fold = np.lexsort((room, wanted[:, rarest]))[-1]
            fold_of_row[row] = fold
            wanted[fold] -= present[row]
            room[fold] -= 1
    return fold_of_row


def mask_labels(
    y: LabelsLike, labeled_fraction: float, *, random_state: RandomState = None
) -> np.ndarray:
    """Hide labels, to see how a method fares with fewer of them.

    Parameters
    ----------
    y : array-like of shape (n_clips,) or (n_clips, n_classes)
        -1, or a row of only -1, where unlabeled already; these stay so.
    labeled_fraction : float in (0, 1] or int in [1, n_labeled]
        The fraction, or the number, of the labeled rows that keep their labels: 1.0
        keeps all, 1 a single row. Each class keeps its share and at least one row, even
        if a fraction is exceeded.
    random_state : int, RandomState instance or None, default=None
        Which rows. With the same integer, what is kept at a smaller fraction is also
        kept at a larger one.

    Returns
    -------
    masked : ndarray of the shape of y
        A copy with -1 in hidden rows. Strings come as objects, booleans and unsigned
        integers as int64.

    Raises
    ------
    ValueError
        Where y has no labeled row or consists of -1 and +1, or ``labeled_fraction`` is
        out of range or too small a number for one row per class.

    Examples
    --------
    >>> from sklearn_triplet import mask_labels
    >>> mask_labels(["dog", "rain", "dog", "rain"], 0.5, random_state=0)
    array([-1, 'rain', 'dog', -1], dtype=object)
    """
    if y is None:
        raise ValueError("mask_labels needs y. Got None: give the labels to hide.")
    y = as_label_array(y)
    refuse_signs(y, "mask_labels")
    labels = check_labels(y, len(y), "mask_labels")
    rows = np.flatnonzero(labels.labeled)
    if not len(rows):
        raise ValueError(NO_LABEL.format(name="mask_labels", n_rows=len(y)))
    n_kept = _count_kept(labeled_fraction, len(rows))
    kept = _choose(labels.present[rows], n_kept, _make_rng(random_state))
    if isinstance(labeled_fraction, numbers.Integral) and len(kept) > n_kept:
        hint = " The float 1.0 keeps all labels." if labeled_fraction == 1 else ""
        raise ValueError(
            f"The 'labeled_fraction' parameter of mask_labels must be at least "
            f"{len(kept)} to keep one row of each class. Got {labeled_fraction!r} "
            f"instead.{hint}"
        )
    dtype = np.int64 if y.dtype.kind in "bu" else y.dtype
    masked = y.astype(object if y.dtype.kind in "UST" else dtype)
    masked[np.delete(rows, kept)] = UNLABELED
    return masked


def _count_kept(labeled_fraction: float, n_labeled: int) -> int:
    """Return the number of rows to keep, or refuse the parameter."""
    if not isinstance(labeled_fraction, bool | np.bool_):
        if isinstance(labeled_fraction, numbers.Integral):
            if 1 <= labeled_fraction <= n_labeled:
                return labeled_fraction
        elif isinstance(labeled_fraction, numbers.Real) and 0 < labeled_fraction <= 1:
            return round(labeled_fraction * n_labeled)
    raise ValueError(
        "The 'labeled_fraction' parameter of mask_labels must be a float in (0, 1] or "
        f"an integer in [1, {n_labeled}], the number of labeled rows. "
        f"Got {labeled_fraction!r} instead."
    )


def _choose(
    present: BoolArray,
    n_chosen: int,
    rng: np.random.Generator | np.random.RandomState,
) -> list[int]:
    """Choose rows one by one, each of the class that lags most behind its share.

    Every class is chosen from once before any is chosen from twice, the rarest first.

    Parameters
    ----------
    present : ndarray of shape (n_rows, n_classes), bool
    n_chosen : int
        Exceeded where it takes more rows to have one of each class.
    rng : Generator or RandomState

    Returns
    -------
    chosen : list of int
    """
    present = _with_no_event(present)
    total, so_far = present.sum(axis=0), np.zeros(present.shape[1])
    queues = [iter(rng.permutation(np.flatnonzero(column))) for column in present.T]
    chosen: dict[int, bool] = {}
    while len(chosen) < n_chosen or not so_far.all():
        lag = total * (len(chosen) + 1) / len(present) - so_far
        lag[so_far == 0] = 2 * len(present) - total[so_far == 0]
        lag[so_far == total] = -np.inf
        row = next(row for row in queues[lag.argmax()] if row not in chosen)
        chosen[row] = True
        so_far += present[row]
    return list(chosen)
