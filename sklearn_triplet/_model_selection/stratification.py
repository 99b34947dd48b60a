"""Labels (n_rows,) or (n_rows, n_classes) in; folds, or a sparser y of that shape, out.

Both deal rows so that each class gets its share, and the rarest class first: later ones
have more rows to make up for what is uneven.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator

import numpy as np
from sklearn.model_selection import BaseCrossValidator

from sklearn_triplet._input.labels import UNLABELED, check_labels
from sklearn_triplet._input.parameters import check_choice
from sklearn_triplet._input.random import make_rng
from sklearn_triplet._input.rows import NO_LABEL, count_rows
from sklearn_triplet._input.types import (
    BoolArray,
    IntArray,
    LabelsLike,
    RandomState,
    Rows,
)


class MultilabelStratifiedKFold(BaseCrossValidator):
    """K folds with equal shares of each class of an indicator.

    Iterative stratification [1]_: the rows of the class with the fewest rows left are
    dealt first, each to the fold that still wants most of this class.

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
    sklearn.model_selection.StratifiedKFold : The same for one class a row.

    Notes
    -----
    With n_c rows of class c in all and K folds, each fold first wants n_c / K of them.
    Until no row is left:

    1. c is the class with the fewest rows left.
    2. Each of them goes to the fold that wants most of c; among several, to the one
       with most room, where a fold has room for n / K rows.
    3. What this fold wants of every class of the row, and its room, become one less.

    The rare classes come first because a frequent one can still be evened out by later
    rows (algorithm 1 of [1]_; what is still tied is decided by the number of the fold
    and not by chance, so that without ``shuffle`` the folds are always the same).

    Rows without any class are dealt as a class of their own. Unknown entries (-1)
    count as absent.

    References
    ----------
    .. [1] K. Sechidis, G. Tsoumakas and I. Vlahavas, "On the Stratification of
       Multi-Label Data", ECML PKDD 2011, doi:10.1007/978-3-642-23808-6_10.

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
        check_choice(self, "shuffle", [False, True])
        if self.shuffle:
            order = make_rng(self.random_state).permutation(n_rows)
        fold_of_row = _deal(present, order, self.n_splits)
        for fold in range(self.n_splits):
            yield fold_of_row == fold


def _with_no_event(present: BoolArray) -> BoolArray:
    """Drop classes without a row, and make the rows without a class one more class.

    Parameters
    ----------
    present : ndarray of shape (n_rows, n_classes), bool

    Returns
    -------
    present : ndarray of shape (n_rows, at most n_classes + 1), bool
        Every row and every column has a True.
    """
    present = np.column_stack([present, ~present.any(axis=1)])
    return present[:, present.any(axis=0)]


def _deal(present: BoolArray, order: IntArray, n_folds: int) -> IntArray:
    """Deal rows to folds, the rarest class first (Sechidis et al., algorithm 1).

    Parameters
    ----------
    present : ndarray of shape (n_rows, n_classes), bool
    order : ndarray of shape (n_rows,), int
        In which order the rows of one class are dealt, a permutation of all rows.
    n_folds : int

    Returns
    -------
    fold_of_row : ndarray of shape (n_rows,), int
    """
    present = _with_no_event(present)
    # fractions of a row are wanted as well: rounding them would favour the first folds
    wanted = np.tile(present.sum(axis=0) / n_folds, (n_folds, 1))
    room = np.full(n_folds, len(present) / n_folds)
    fold_of_row = np.full(len(present), -1)
    while (waiting := fold_of_row < 0).any():
        left = present[waiting].sum(axis=0)
        # a class that is dealt out counts as the most frequent
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

    See Also
    --------
    is_labeled : Which rows of the result have a label.
    UnlabeledInTrain : Folds of such a y.

    Notes
    -----
    Rows are chosen one by one. With n_c of the n labeled rows in class c, and m_c of
    the k rows chosen so far, the next is a random row of the class that lags most,
    argmax n_c (k + 1) / n - m_c. The choice never looks at how many are to be chosen:
    hence a smaller choice is part of a larger one, and a learning curve over the number
    of labels has no noise from other labels. Of an indicator, rows without any class
    are one more class.

    Examples
    --------
    >>> from sklearn_triplet import mask_labels
    >>> mask_labels(["dog", "rain", "dog", "rain"], 0.5, random_state=0)
    array([-1, 'rain', 'dog', -1], dtype=object)
    """
    if y is None:
        raise ValueError("mask_labels needs y. Got None: give the labels to hide.")
    labels = check_labels(y, None, "mask_labels", refuse_signs=True)
    y = labels.y
    rows = np.flatnonzero(labels.labeled)
    if not len(rows):
        raise ValueError(NO_LABEL.format(name="mask_labels", n_rows=len(y)))
    n_kept = _count_kept(labeled_fraction, len(rows))
    kept = _choose(labels.present[rows], n_kept, make_rng(random_state))
    if isinstance(labeled_fraction, numbers.Integral) and len(kept) > n_kept:
        hint = " The float 1.0 keeps all labels." if labeled_fraction == 1 else ""
        raise ValueError(
            f"The 'labeled_fraction' parameter of mask_labels must be at least "
            f"{len(kept)} to keep one row of each class. Got {labeled_fraction!r} "
            f"instead.{hint}"
        )
    # the kinds that cannot hold -1
    dtype = np.int64 if y.dtype.kind in "bu" else y.dtype
    masked = y.astype(object if y.dtype.kind in "UST" else dtype)
    masked[np.delete(rows, kept)] = UNLABELED
    return masked


def _count_kept(labeled_fraction: float, n_labeled: int) -> int:
    """Return the number of rows to keep, or refuse the parameter.

    Parameters
    ----------
    labeled_fraction : float or int
        As the user gave it.
    n_labeled : int

    Returns
    -------
    n_kept : int
        In [0, n_labeled]; 0 where a fraction is less than half a row.
    """
    # True is an integer to Python, and would keep a single label
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
        Decides the order of the rows of each class.

    Returns
    -------
    chosen : list of int
        At least ``n_chosen`` rows, in the order of the choice.
    """
    present = _with_no_event(present)
    total, so_far = present.sum(axis=0), np.zeros(present.shape[1])
    queues = [iter(rng.permutation(np.flatnonzero(column))) for column in present.T]
    # a dict, for it finds a row at once and keeps the order
    chosen: dict[int, bool] = {}
    while len(chosen) < n_chosen or not so_far.all():
        lag = total * (len(chosen) + 1) / len(present) - so_far
        # above any true lag, and the higher the rarer: each class has its turn first
        lag[so_far == 0] = 2 * len(present) - total[so_far == 0]
        lag[so_far == total] = -np.inf
        # rows of several classes stand in several queues, and may be gone already
        row = next(row for row in queues[lag.argmax()] if row not in chosen)
        chosen[row] = True
        so_far += present[row]
    return list(chosen)
