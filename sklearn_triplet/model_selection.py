"""Evaluation with few labels: X and y with -1 in; folds, scores or a sparser y out.

To scikit-learn -1 is a class like any other: folds stratify it, scorers count it, and
the model that learns "unlabeled" as a class wins the search.
"""

import inspect
import numbers
import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.metrics import get_scorer, make_scorer
from sklearn.model_selection import (
    BaseCrossValidator,
    PredefinedSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    check_cv,
)
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    get_routing_for_object,
)

from sklearn_triplet._labels import UNLABELED, as_label_array, check_labels
from sklearn_triplet.labeled_only import (
    NO_LABEL,
    count_rows,
    find_known_rows,
    take_labels,
    take_rows,
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
    >>> from sklearn_triplet.model_selection import MultilabelStratifiedKFold
    >>> y = np.array([[1, 0], [1, 1], [1, 0], [1, 1], [0, 0], [0, 0]])
    >>> for train, test in MultilabelStratifiedKFold(2).split(y, y):
    ...     print(y[test].sum(axis=0), len(test))
    [2 1] 3
    [2 1] 3
    """

    def __init__(self, n_splits=5, *, shuffle=False, random_state=None):
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return the number of folds; all arguments are ignored."""
        return self.n_splits

    def _iter_test_masks(self, X=None, y=None, groups=None):
        # one of the two hooks by which BaseCrossValidator asks to be extended
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


def _make_rng(random_state):
    if random_state is None:
        # check_random_state(None) would advance numpy's global generator
        return np.random.default_rng()
    return check_random_state(random_state)


def _with_no_event(present):
    """Drop classes without a row, and make the rows without a class one more class."""
    present = np.column_stack([present, ~present.any(axis=1)])
    return present[:, present.any(axis=0)]


def _deal(present, order, n_folds):
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


STRATIFIED = (StratifiedKFold, StratifiedGroupKFold, MultilabelStratifiedKFold)


class UnlabeledInTrain(BaseCrossValidator):
    """Folds of the labeled rows, with every unlabeled row in every training set.

    To be given as ``cv`` wherever scikit-learn takes one.

    Parameters
    ----------
    cv : int, None, splitter or iterable of (train, test), default=5
        What makes the folds. An integer (``None``: 5) stratifies the labeled rows by
        ``StratifiedKFold``, or by ``MultilabelStratifiedKFold`` where y is an
        indicator. A splitter gets the labeled rows only. ``PredefinedSplit`` and an
        iterable refer to all rows; what is unlabeled moves from test to train.

    See Also
    --------
    labeled_scorer : Also needed for scores on training sets, which hold -1.

    Notes
    -----
    - An unlabeled row is in training even where its group is tested.
    - Metadata routing is that of ``cv``: ``GroupKFold`` requests groups by itself.
    - ``cross_val_predict`` needs folds that test every row: give it the labeled rows.
    - Of X only the number of rows is used.

    Examples
    --------
    >>> from sklearn_triplet import UnlabeledInTrain
    >>> y = [0, -1, 1, 0, -1, 1]
    >>> for train, test in UnlabeledInTrain(2).split(y, y):
    ...     print(train, test)
    [1 3 4 5] [0 2]
    [0 1 2 4] [3 5]
    """

    def __init__(self, cv=5):
        # a generator can be read once, but folds are asked for again and again
        self.cv = list(cv) if isinstance(cv, Iterator) else cv

    def split(self, X, y=None, groups=None):
        """Generate the folds.

        Parameters
        ----------
        X : array-like, table or list with n_clips rows
        y : array-like of shape (n_clips,) or (n_clips, n_classes)
            -1, or a row of only -1, where unlabeled.
        groups : array-like of shape (n_clips,), default=None
            Those of the labeled rows are passed to ``cv``.

        Yields
        ------
        train : ndarray of int
            Sorted rows: the labeled ones that ``cv`` trains on and all unlabeled ones.
        test : ndarray of int
            Sorted rows, all labeled.

        Raises
        ------
        ValueError
            Where y is None or has no labeled row, lengths differ, ``cv`` cannot split
            the labeled rows, or a fold has no labeled row to test.

        Warns
        -----
        UserWarning
            Where a class has fewer labeled rows than there are stratified folds, or a
            training set no labeled row of a class.
        """
        labels = self._read_labels(X, y)
        folds = self._make_folds(labels, y, groups)
        stratified = isinstance(self._get_splitter(labels, y), STRATIFIED)
        _warn_about_classes(folds, labels, stratified)
        yield from folds

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : as in ``split``
            May be left out where the number does not depend on the data.

        Returns
        -------
        n_splits : int
        """
        if y is not None:
            labels = self._read_labels(y if X is None else X, y)
            rows = np.flatnonzero(labels.labeled)
            splitter = self._get_splitter(labels, y)
            groups = self._take_groups(groups, labels)
            return splitter.get_n_splits(rows, take_labels(y, rows), groups)
        try:
            return self._get_splitter(None, None).get_n_splits(None, None, None)
        except ValueError as error:
            raise ValueError(
                f"The number of folds of {self.cv!r} depends on the labeled rows. Give "
                "get_n_splits(X, y), and groups where they are used."
            ) from error

    def get_metadata_routing(self):
        """Say that ``cv`` gets what it requests.

        Returns
        -------
        routing : MetadataRouter
        """
        mapping = MethodMapping().add(caller="split", callee="split")
        router = MetadataRouter(owner=type(self).__name__)
        return router.add(cv=self.cv, method_mapping=mapping)

    @property
    def shuffle(self):
        """The ``shuffle`` of ``cv``; halving asks whether folds stay the same."""
        return getattr(self.cv, "shuffle", True)

    @property
    def random_state(self):
        """The ``random_state`` of ``cv``, 0 where it has none."""
        return getattr(self.cv, "random_state", 0)

    def _read_labels(self, X, y):
        if y is None:
            raise ValueError(
                "UnlabeledInTrain needs y to tell labeled from unlabeled rows. Got "
                "None: give split(X, y), with -1 where unlabeled."
            )
        labels = check_labels(y, count_rows(X), "UnlabeledInTrain")
        if not labels.labeled.any():
            n_rows = len(labels.present)
            raise ValueError(NO_LABEL.format(name="UnlabeledInTrain", n_rows=n_rows))
        return labels

    def _take_groups(self, groups, labels):
        if groups is None:
            return None
        if count_rows(groups) != len(labels.present):
            raise ValueError(
                f"The groups given to UnlabeledInTrain must have one entry per row of "
                f"y. Got {count_rows(groups)} groups for {len(labels.present)} rows."
            )
        return take_rows(groups, np.flatnonzero(labels.labeled))

    def _get_splitter(self, labels, y):
        """Return what makes the folds."""
        cv = 5 if self.cv is None else self.cv
        is_number = isinstance(cv, numbers.Integral) and not isinstance(cv, bool)
        is_other = hasattr(cv, "split") or hasattr(cv, "__iter__")
        if not (cv >= 2 if is_number else is_other) or isinstance(cv, str | dict):
            raise ValueError(
                "The 'cv' parameter of UnlabeledInTrain must be an integer in [2, inf),"
                " None, a splitter or an iterable of (train, test). "
                f"Got {self.cv!r} instead."
            )
        if is_number and labels is not None and labels.multilabel:
            return MultilabelStratifiedKFold(cv)
        if y is not None:
            y = take_labels(y, np.flatnonzero(labels.labeled))
        return check_cv(cv, y, classifier=True)

    def _make_folds(self, labels, y, groups):
        """Return all folds as pairs of sorted rows."""
        everything, labeled = np.arange(len(labels.present)), labels.labeled
        folds = []
        for fold in self._ask_splitter(labels, y, groups):
            try:
                # indexing resolves masks and negative numbers as well
                train, test = (everything[rows] for rows in fold)
            except (IndexError, TypeError, ValueError) as error:
                raise ValueError(
                    "The folds given to UnlabeledInTrain must be pairs (train, test) "
                    f"of rows of y, which has {len(everything)}: {error}."
                ) from error
            test = np.unique(test[labeled[test]])
            if not len(test):
                raise ValueError(
                    f"Fold {len(folds)} of UnlabeledInTrain has no labeled row to "
                    "test. Label more rows, or choose fewer or other folds."
                )
            folds.append((np.union1d(train, everything[~labeled]), test))
        return folds

    def _ask_splitter(self, labels, y, groups):
        """Return what the splitter says, in rows of y."""
        splitter = self._get_splitter(labels, y)
        if isinstance(splitter, PredefinedSplit):
            self._check_test_fold(len(labels.present))
            return splitter.split()
        if not isinstance(self.cv, numbers.Integral | None) and splitter is not self.cv:
            return self.cv
        rows = np.flatnonzero(labels.labeled)
        groups = self._take_groups(groups, labels)
        try:
            with warnings.catch_warnings():
                if isinstance(splitter, STRATIFIED):
                    # said again by _warn_about_classes, with the names
                    warnings.filterwarnings("ignore", "The least populated class")
                folds = list(splitter.split(rows, take_labels(y, rows), groups))
        except ValueError as error:
            cure = " UnlabeledInTrain(cv=5) stratifies a y of several columns."
            raise ValueError(
                f"{splitter!r} cannot split the {len(rows)} labeled rows of y, which "
                f"has {len(labels.present)}: {error}{cure if labels.multilabel else ''}"
            ) from error
        return [(rows[train], rows[test]) for train, test in folds]

    def _check_test_fold(self, n_rows):
        if len(self.cv.test_fold) != n_rows:
            raise ValueError(
                "The test_fold of PredefinedSplit must have one entry per row of y, "
                f"labeled or not. Got {len(self.cv.test_fold)} for {n_rows} rows."
            )


def _warn_about_classes(folds, labels, stratified):
    """Name the classes that some fold does not test or does not train."""
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


def labeled_scorer(metric, *, partly_known="raise", **kwargs):
    """Make a scorer that leaves unlabeled rows out.

    scikit-learn's scorers count a row of -1 as a row that was classified wrongly. With
    ``UnlabeledInTrain`` no such row is tested, but ``return_train_score=True`` still
    scores training sets, which hold them all.

    Parameters
    ----------
    metric : str, scorer or callable
        The name of a scorer, such as ``"f1_macro"``; a scorer made by ``make_scorer``
        or a function whose first parameter is ``estimator``; or a metric
        ``(y_true, y_pred) -> float``.
    partly_known : {"raise", "skip"}, default="raise"
        What to do about the rows of an indicator of which some classes are known and
        others are -1. A metric can make nothing of them. ``"skip"`` scores the rows
        that are known in full.
    **kwargs : dict
        For a metric: passed to ``make_scorer``, such as ``average="macro"``,
        ``greater_is_better=False`` or ``response_method="predict_proba"``.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y) -> float``, larger is better. It can be pickled, be
        one of several in a dict and route ``sample_weight``.

    Raises
    ------
    ValueError
        Here: where ``metric`` is none of the above. When scoring: where y is None or
        of another length than X, no row is labeled or one is known in part.

    Notes
    -----
    A row of -1 is unlabeled even where y holds -1 and +1 only, since a few rows of any
    y can look like that. Recode binary labels as 0 and 1.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn_triplet import labeled_scorer
    >>> classifier = DummyClassifier().fit([[0], [0]], [1, 1])
    >>> scorer = labeled_scorer("accuracy")
    >>> scorer
    labeled_scorer('accuracy')
    >>> scorer(classifier, [[0], [0], [0], [0]], [1, -1, -1, 0])
    0.5
    """
    if partly_known not in ("raise", "skip"):
        raise ValueError(
            "The 'partly_known' parameter of labeled_scorer must be 'raise' or 'skip'. "
            f"Got {partly_known!r} instead."
        )
    is_metric = callable(metric) and not _is_scorer(metric)
    if not callable(metric) and not isinstance(metric, str):
        raise ValueError(
            "The 'metric' parameter of labeled_scorer must be the name of a scorer, a "
            f"scorer or a metric(y_true, y_pred). Got {metric!r} instead. For several "
            "metrics give a dict of labeled scorers as scoring."
        )
    if kwargs and not is_metric:
        raise ValueError(
            f"labeled_scorer passes {sorted(kwargs)} to a metric only. Got {metric!r}, "
            "which is a scorer already: give the metric, such as "
            "labeled_scorer(f1_score, average='macro')."
        )
    scorer = make_scorer(metric, **kwargs) if is_metric else get_scorer(metric)
    return _LabeledScorer(scorer, metric, partly_known, kwargs)


def _is_scorer(metric):
    """Tell (estimator, X, y) from (y_true, y_pred)."""
    if hasattr(metric, "get_metadata_routing"):
        return True
    try:
        parameters = inspect.signature(metric).parameters
    except (TypeError, ValueError):
        return False
    return next(iter(parameters), None) in ("estimator", "clf", "model")


class _LabeledScorer:
    """What ``labeled_scorer`` returns."""

    def __init__(self, scorer, metric, partly_known, kwargs):
        self.scorer = scorer
        self.metric = metric
        self.partly_known = partly_known
        self.kwargs = kwargs

    def __call__(self, estimator, X, y, sample_weight=None, **params):
        """Score the estimator on the rows of X that are labeled in y."""
        if y is None:
            raise ValueError(f"{self} needs y. Got None: give the labels of X.")
        y = as_label_array(y)
        skip = self.partly_known == "skip"
        rows = find_known_rows(X, y, str(self), skip_partly_known=skip)
        if sample_weight is not None:
            params["sample_weight"] = take_rows(sample_weight, rows)
        X = take_rows(X, rows) if len(rows) < len(y) else X
        return self.scorer(estimator, X, take_labels(y, rows), **params)

    def __repr__(self):
        metric = self.metric
        text = getattr(metric, "__name__", None) or repr(metric)
        arguments = "".join(f", {key}={value!r}" for key, value in self.kwargs.items())
        if self.partly_known != "raise":
            arguments = f", partly_known={self.partly_known!r}{arguments}"
        return f"labeled_scorer({text}{arguments})"

    def get_metadata_routing(self):
        """Request what the wrapped scorer requests."""
        return get_routing_for_object(self.scorer)

    def _accept_sample_weight(self):
        # without metadata routing a search asks its scorers this, so pass it on
        ask = getattr(self.scorer, "_accept_sample_weight", None)
        return ask is not None and ask()


def mask_labels(y, labeled_fraction, *, random_state=None):
    """Hide labels, to see how a method fares with fewer of them.

    Parameters
    ----------
    y : array-like of shape (n_clips,) or (n_clips, n_classes)
        -1, or a row of only -1, where unlabeled already; these stay so.
    labeled_fraction : float in (0, 1] or int in [1, n_labeled]
        The fraction, or the number, of the labeled rows that keep their labels. Each
        class keeps its share and at least one row, even if a fraction is exceeded.
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
    labels = check_labels(y, len(y), "mask_labels")
    rows = np.flatnonzero(labels.labeled)
    if not len(rows):
        raise ValueError(NO_LABEL.format(name="mask_labels", n_rows=len(y)))
    if y.ndim == 1 and (y[rows] == UNLABELED).any():
        raise ValueError(
            "mask_labels marks hidden labels by -1, but y has a class of that name. "
            "Recode the classes -1 and +1 as 0 and 1."
        )
    n_kept = _count_kept(labeled_fraction, len(rows))
    kept = _choose(labels.present[rows], n_kept, _make_rng(random_state))
    if isinstance(labeled_fraction, numbers.Integral) and len(kept) > n_kept:
        raise ValueError(
            f"The 'labeled_fraction' parameter of mask_labels must be at least "
            f"{len(kept)} to keep one row of each class. Got {labeled_fraction!r} "
            "instead."
        )
    dtype = np.int64 if y.dtype.kind in "bu" else y.dtype
    masked = y.astype(object if y.dtype.kind in "UST" else dtype)
    masked[np.delete(rows, kept)] = UNLABELED
    return masked


def _count_kept(labeled_fraction, n_labeled):
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


def _choose(present, n_chosen, rng):
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
    chosen = {}
    while len(chosen) < n_chosen or not so_far.all():
        lag = total * (len(chosen) + 1) / len(present) - so_far
        lag[so_far == 0] = 2 * len(present) - total[so_far == 0]
        lag[so_far == total] = -np.inf
        row = next(row for row in queues[lag.argmax()] if row not in chosen)
        chosen[row] = True
        so_far += present[row]
    return list(chosen)
