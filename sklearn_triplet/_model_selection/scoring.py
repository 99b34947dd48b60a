"""A metric or scorer in, out one that sees the labeled rows of X and y only.

Of these it sees those that have a prediction: a clip that could not be read has none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.metrics import get_scorer, make_scorer
from sklearn.utils.metadata_routing import MetadataRequest, get_routing_for_object

from sklearn_triplet._input.labels import UNLABELED, as_label_array
from sklearn_triplet._input.rows import (
    find_known_rows,
    find_unreadable_rows,
    leave_out_unreadable,
    take_labels,
    take_rows,
)
from sklearn_triplet._input.types import BoolArray, IntArray, LabelsLike, Rows

# how scikit-learn itself names the first parameter of a scorer in its documentation
FIRST_OF_SCORERS = ("estimator", "clf", "model")


def labeled_scorer(
    metric: str | Callable[..., float],
    *,
    partly_known: Literal["raise", "skip"] = "raise",
    **kwargs: object,
) -> _LabeledScorer:
    """Make a scorer that leaves unlabeled rows out.

    scikit-learn's scorers count a row of -1 as a row that was classified wrongly. With
    ``UnlabeledInTrain`` no such row is tested, but ``return_train_score=True`` still
    scores training sets, which hold them all.

    Parameters
    ----------
    metric : str, scorer or callable
        The name of a scorer, such as ``"f1_macro"``; a scorer
        ``(estimator, X, y) -> float``; or a metric ``(y_true, y_pred) -> float``. A
        callable is a scorer if ``make_scorer`` made it or its first parameter is named
        ``estimator``, ``clf`` or ``model``, and a metric otherwise.
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
        of another length than X, no row is labeled or one is known in part, or no
        labeled row could be read.

    Warns
    -----
    UserWarning
        When scoring: where rows of X could not be read.

    See Also
    --------
    UnlabeledInTrain : Folds that test labeled rows only.
    LabeledOnly : Scores itself in the same way.
    sklearn.metrics.make_scorer : Makes scorers that count all rows.

    Notes
    -----
    The score is that of the metric m on the rows that are known in full and could be
    read, m(y[rows], predict(X[rows])); where these are all rows, it is that of the
    scorer itself.

    *Clips that could not be read* are neither right nor wrong, but left out and counted
    in a warning: they say nothing of a classifier, and the same ones would be missed by
    any. Counted as wrong, they would still weigh differently in each metric: the label
    -1 that such a clip is given adds a class to a macro average, and beside strings it
    makes scikit-learn's metrics raise. Such a clip is a row of X with nothing but NaN.
    Where X holds no numbers but paths, it is a row for which the estimator predicts -1
    without having learned this as a class, and rows are predicted once more than
    otherwise to find that out.

    A row of -1 is unlabeled even where y holds -1 and +1 only, since a few rows of any
    y can look like that. Recode binary labels as 0 and 1.

    With metadata routing enabled, a scorer asks for sample weights before it is
    wrapped: ``labeled_scorer(scorer)`` of
    ``scorer = make_scorer(f1_score).set_score_request(sample_weight=True)``. The
    weights of unlabeled rows are left out with their rows.

    References
    ----------
    .. [1] A. Oliver, A. Odena, C. Raffel, E. D. Cubuk and I. J. Goodfellow, "Realistic
       Evaluation of Deep Semi-Supervised Learning Algorithms", NeurIPS 2018, section
       4.6: with few labeled rows to score, differences between models are mostly
       noise. Repeat over several choices of labels, as ``mask_labels`` makes them.

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


def _is_scorer(metric: Callable[..., float]) -> bool:
    """Tell (estimator, X, y) from (y_true, y_pred).

    Parameters
    ----------
    metric : callable

    Returns
    -------
    is_scorer : bool
        False where nothing can be told, as of functions of C.
    """
    # scorers of scikit-learn route metadata, metrics do not
    if hasattr(metric, "get_metadata_routing"):
        return True
    try:
        parameters = inspect.signature(metric).parameters
    except (TypeError, ValueError):
        return False
    return next(iter(parameters), None) in FIRST_OF_SCORERS


def _find_unpredicted(estimator: Any, X: Rows, rows: IntArray) -> BoolArray:
    """Tell the rows of which the estimator has nothing to say.

    Parameters
    ----------
    estimator : classifier
        Fitted.
    X : array, table, sparse matrix or list with n_rows rows
    rows : ndarray of int
        The labeled ones; no other is predicted here.

    Returns
    -------
    unpredicted : ndarray of shape (n_rows,), bool
    """
    unpredicted = find_unreadable_rows(X)
    classes = getattr(estimator, "classes_", None)
    # a list: one array per output, of which none has a -1
    learned = isinstance(classes, np.ndarray) and UNLABELED in classes
    if classes is None or learned or _holds_numbers(X) or unpredicted.all():
        return unpredicted
    predicted = np.asarray(estimator.predict(take_rows(X, rows)))
    marked = predicted.reshape(len(rows), -1) == UNLABELED
    unpredicted[rows[marked.all(axis=1)]] = True
    return unpredicted


def _holds_numbers(X: Rows) -> bool:
    """Tell X whose rows show whether they could be read from what may be paths."""
    if isinstance(X, list | tuple):
        # clips of several lengths; rows of a table are lists themselves
        return np.ndim(X[0]) > 0
    dtype = getattr(X, "dtype", None)  # tables and sparse matrices may have none
    return dtype is None or getattr(dtype, "kind", "f") not in "OUST"


class _LabeledScorer:
    """What ``labeled_scorer`` returns: a class, so that it can be pickled.

    Parameters
    ----------
    scorer : callable
        ``scorer(estimator, X, y) -> float``.
    metric : str or callable
        What the user gave, for the repr.
    partly_known : {"raise", "skip"}
    kwargs : dict
        Of the metric, for the repr.
    """

    def __init__(
        self,
        scorer: Callable[..., float],
        metric: str | Callable[..., float],
        partly_known: Literal["raise", "skip"],
        kwargs: dict[str, object],
    ) -> None:
        self.scorer = scorer
        self.metric = metric
        self.partly_known = partly_known
        self.kwargs = kwargs

    def __call__(
        self,
        estimator: BaseEstimator,
        X: Rows,
        y: LabelsLike,
        sample_weight: ArrayLike | None = None,
        **params: object,
    ) -> float:
        """Score the estimator on the rows of X that are labeled in y.

        Parameters
        ----------
        estimator : classifier
            Fitted.
        X, y : as in ``LabeledOnly.score``
        sample_weight : array-like of shape (n_rows,), default=None
            Those of rows that are left out are left out as well.
        **params : dict
            Passed to the scorer as they are.

        Returns
        -------
        score : float
        """
        if y is None:
            raise ValueError(f"{self} needs y. Got None: give the labels of X.")
        y = as_label_array(y)
        skip = self.partly_known == "skip"
        rows = find_known_rows(X, y, str(self), skip_partly_known=skip)
        unpredicted = _find_unpredicted(estimator, X, rows)
        consequence = "They are not scored."
        rows = leave_out_unreadable(unpredicted, rows, str(self), consequence)
        if sample_weight is not None:
            params["sample_weight"] = take_rows(sample_weight, rows)
        # not restricted where nothing is left out: a table is then not copied
        X = take_rows(X, rows) if len(rows) < len(y) else X
        return self.scorer(estimator, X, take_labels(y, rows), **params)

    def __repr__(self) -> str:
        metric = self.metric
        text = getattr(metric, "__name__", None) or repr(metric)
        arguments = "".join(f", {key}={value!r}" for key, value in self.kwargs.items())
        if self.partly_known != "raise":
            arguments = f", partly_known={self.partly_known!r}{arguments}"
        return f"labeled_scorer({text}{arguments})"

    def get_metadata_routing(self) -> MetadataRequest:
        """Request what the wrapped scorer requests.

        Returns
        -------
        request : MetadataRequest
        """
        return get_routing_for_object(self.scorer)

    def _accept_sample_weight(self) -> bool:
        # without metadata routing a search asks its scorers this, so pass it on
        ask = getattr(self.scorer, "_accept_sample_weight", None)
        return ask is not None and ask()
