"""LabeledOnly: X (n_samples, ...) and y with -1 in, what a classifier makes of it out.

The classifier never sees a row without a label, nor one that could not be read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn import get_config
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    clone,
    is_classifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.utils import Tags, get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_triplet._input.labels import UNLABELED, as_label_array, check_labels
from sklearn_triplet._input.rows import (
    count_rows,
    fill_rows,
    find_labeled_rows,
    find_scored_rows,
    find_unreadable_rows,
    leave_out_unreadable,
    restrict,
    take_labels,
    take_rows,
    warn_of_unreadable,
)
from sklearn_triplet._input.types import BoolArray, Classifier, LabelsLike, Rows

# the methods that answer for each row of X, and are passed on to the classifier
PREDICTIONS = ("predict", "predict_proba", "predict_log_proba", "decision_function")

SEVERAL = (
    "The default classifier of LabeledOnly, LogisticRegression, cannot learn several "
    "labels a row, but y is an indicator of {n_classes} classes. Give one that can, "
    "such as OneVsRestClassifier(LogisticRegression()) or KNeighborsClassifier()."
)


def check_row_classifier(estimator: Any, name: str) -> None:
    """Refuse what is no classifier, or needs more than some rows of X.

    Parameters
    ----------
    estimator : object
        The ``estimator`` parameter.
    name : str
        Whose parameter it is, for the messages.

    Raises
    ------
    ValueError
        Where it is a class, no classifier, or takes similarities of all rows.
    """
    has_tags = hasattr(estimator, "__sklearn_tags__")
    # is_classifier asks for the tags, which a class or a string cannot tell
    if isinstance(estimator, type) or not has_tags or not is_classifier(estimator):
        raise ValueError(
            f"The 'estimator' parameter of {name} must be a classifier, such as "
            "LogisticRegression(), or a pipeline or search that ends in one. Got "
            f"{estimator!r} instead."
        )
    # of a kernel matrix, leaving out rows would leave the columns
    if get_tags(estimator).input_tags.pairwise:
        raise ValueError(
            f"{name} takes rows of X only, but {estimator!r} needs an X of "
            "similarities or distances between all rows. Let it compute them from "
            f"features, or fit it without {name} on X[np.ix_(rows, rows)] and y[rows], "
            "with rows = np.flatnonzero(is_labeled(y))."
        )


def _inner_has(method: str) -> Callable[[LabeledOnly], bool]:
    """Tell ``available_if`` to ask the fitted classifier, or else the given one.

    Parameters
    ----------
    method : str
        One of ``PREDICTIONS``, or ``"score"``.

    Returns
    -------
    check : callable
        ``check(labeled_only)`` is True, or raises what the classifier raises.
    """

    def check(self: LabeledOnly) -> bool:
        fitted = hasattr(self, "estimator_")
        # the AttributeError of the inner classifier says why it has no such method
        getattr(self.estimator_ if fitted else self._classifier(), method)
        return True

    return check


class LabeledOnly(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Fit a classifier on the labeled rows only.

    scikit-learn's classifiers take -1 for a class. Inside this wrapper they never see
    an unlabeled row, so they can stand behind a step that learns from all of them.
    Where all rows are labeled and could be read, nothing differs from the classifier
    itself.

    Parameters
    ----------
    estimator : classifier, default=None
        Any classifier, pipeline or search that ends in one; a clone of it is fitted.
        ``None``: ``LogisticRegression(max_iter=1000)``, for a y of one column.

    Attributes
    ----------
    estimator_ : classifier
        The fitted clone.
    classes_ : ndarray of shape (n_classes,), or what ``estimator_`` has
        The classes, without -1.
    n_features_in_ : int
        Number of features seen during ``fit``, where ``estimator_`` has it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of a table, where ``estimator_`` has them.

    See Also
    --------
    UnlabeledInTrain : Folds that test on labeled rows only.
    labeled_scorer : Scores that leave unlabeled rows out.
    sklearn.semi_supervised.SelfTrainingClassifier : Learns from what the classifier
        says of the unlabeled rows as well.

    Notes
    -----
    A row of X that holds nothing but NaN is a clip that could not be read:
    ``LogMel(errors="warn")`` returns it so, and ``TripletEmbedder`` passes it on. It
    is not learned from; its predicted label is -1, or a row of -1 for an indicator,
    and its probabilities are NaN; ``score`` leaves it out, for a clip that nobody can
    read tells nothing of a classifier. Each method counts such rows in one warning.
    The rule is the same for classifiers that take NaN, since of such a row they could
    only say what they say of any. A row that is NaN in part is theirs to judge.

    A y of exactly {-1, +1} is read as two classes, with a warning: recode them as 0
    and 1. Parameters of ``fit`` that have one entry per row, such as
    ``sample_weight``, are restricted to the labeled rows as well.

    Of meta-estimators this one has to be the outermost. ``VotingClassifier``,
    ``StackingClassifier``, ``CalibratedClassifierCV``, ``BaggingClassifier`` and
    ``OneVsRestClassifier`` learn -1 as a class where they are around it, and work
    inside: ``LabeledOnly(BaggingClassifier())``. Searches and pipelines may be around
    it. A grid over ``estimator__C`` needs ``estimator`` to be given.

    References
    ----------
    .. [1] A. Oliver, A. Odena, C. Raffel, E. D. Cubuk and I. J. Goodfellow, "Realistic
       Evaluation of Deep Semi-Supervised Learning Algorithms", NeurIPS 2018. What
       unlabeled rows are worth shows only beside a classifier that had the labeled
       rows alone and was chosen with as much care (section 4.1): this one.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_triplet import LabeledOnly
    >>> X = [[0.0], [1.0], [2.0], [3.0], [4.0]]
    >>> classifier = LabeledOnly(LogisticRegression()).fit(X, [0, -1, -1, 1, 1])
    >>> classifier.classes_
    array([0, 1])
    >>> classifier.predict([[0.5], [3.5]])
    array([0, 1])
    """

    def __init__(self, estimator: Classifier | None = None) -> None:
        self.estimator = estimator

    def fit(self, X: Rows, y: LabelsLike, **params: object) -> Self:
        """Fit the classifier on the labeled rows.

        Parameters
        ----------
        X : array-like, table, sparse matrix or list with n_samples rows
            Whatever ``estimator`` takes.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            -1, or a row of only -1, where unlabeled.
        **params : dict
            Passed to the ``fit`` of ``estimator``, such as ``sample_weight``. What has
            one entry per row loses those of the unlabeled rows. With metadata routing
            enabled: passed as ``estimator`` requests.

        Returns
        -------
        self : LabeledOnly

        Raises
        ------
        ValueError
            Where ``estimator`` is no classifier or needs square X, such as a kernel
            that is precomputed; where y is None, has no labeled row, is not a target
            of classification, or is an indicator that is known in part in some row or
            that the default classifier cannot learn; where no labeled row could be
            read.

        Warns
        -----
        UserWarning
            Where y holds -1 and +1 only, or rows of X could not be read.
        """
        check_row_classifier(self._classifier(), "LabeledOnly")
        if y is None:
            raise ValueError(
                "LabeledOnly requires y to be passed, but the target y is None. Give "
                "one label per row of X, and -1 where unlabeled."
            )
        labels = check_labels(y, count_rows(X), "LabeledOnly", binary=True)
        if labels.multilabel and self.estimator is None:
            raise ValueError(SEVERAL.format(n_classes=len(labels.classes)))
        rows = find_labeled_rows(labels, "LabeledOnly")
        rows = leave_out_unreadable(
            find_unreadable_rows(X),
            rows,
            "LabeledOnly",
            "Nothing is learned from them.",
            stacklevel=2,
        )
        params = self._route("fit", params)
        # to be asked of where a later X has no row that could be read
        self._a_row = take_rows(X, rows[:1])
        X, params = restrict(X, params, rows, count_rows(X))
        classifier = clone(self._classifier())
        self.estimator_ = classifier.fit(X, take_labels(labels.y, rows), **params)
        return self

    @available_if(_inner_has("predict"))
    def predict(self, X: Rows, **params: object) -> np.ndarray:
        """Predict the class, or the classes, of each row.

        Parameters
        ----------
        X : as in ``fit``
        **params : dict
            Passed to ``estimator_``.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Of ``classes_``, and -1 for rows that could not be read; beside strings it
            is the integer, in an array of objects.

        Raises
        ------
        ValueError
            Where rows could not be read and -1 was learned as one of two classes, -1
            and +1.

        Warns
        -----
        UserWarning
            Where rows could not be read; so do the methods below.
        """
        return self._delegate("predict", X, params)

    @available_if(_inner_has("predict_proba"))
    def predict_proba(self, X: Rows, **params: object) -> np.ndarray:
        """Return the probability of each class.

        Parameters
        ----------
        X, **params : as in ``predict``

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            NaN in rows that could not be read. What ``estimator_`` returns in another
            form, such as a list of arrays for an indicator, comes in that.
        """
        return self._delegate("predict_proba", X, params)

    @available_if(_inner_has("predict_log_proba"))
    def predict_log_proba(self, X: Rows, **params: object) -> np.ndarray:
        """Return the logarithm of the probability of each class.

        Parameters
        ----------
        X, **params : as in ``predict``

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            NaN in rows that could not be read.
        """
        return self._delegate("predict_log_proba", X, params)

    @available_if(_inner_has("decision_function"))
    def decision_function(self, X: Rows, **params: object) -> np.ndarray:
        """Return the decision function of the classifier.

        Parameters
        ----------
        X, **params : as in ``predict``

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
            NaN in rows that could not be read.
        """
        return self._delegate("decision_function", X, params)

    @available_if(_inner_has("score"))
    def score(self, X: Rows, y: LabelsLike, **params: object) -> float:
        """Return the score of the classifier on the labeled rows that could be read.

        Parameters
        ----------
        X, y, **params : as in ``fit``

        Returns
        -------
        score : float
            Mean accuracy for most classifiers; for an indicator it counts only rows
            of which every class is right.

        Raises
        ------
        ValueError
            Where no row of y is labeled, none of these could be read, or a row is
            known in part only.
        """
        check_is_fitted(self)
        y = as_label_array(y)
        rows = find_scored_rows(X, y, self.classes_, "LabeledOnly")
        rows = leave_out_unreadable(
            find_unreadable_rows(X),
            rows,
            "LabeledOnly",
            "They are not scored.",
            stacklevel=2,
        )
        params = self._route("score", params)
        X, params = restrict(X, params, rows, len(y))
        return self.estimator_.score(X, take_labels(y, rows), **params)

    @property
    def classes_(self) -> np.ndarray:
        """The classes of the fitted classifier."""
        return self.estimator_.classes_

    @property
    def n_features_in_(self) -> int:
        """The number of features that the fitted classifier has seen."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self) -> np.ndarray:
        """The names of the columns that the fitted classifier has seen."""
        return self.estimator_.feature_names_in_

    def get_metadata_routing(self) -> MetadataRouter:
        """Say which methods pass metadata on to ``estimator``.

        Returns
        -------
        routing : MetadataRouter
        """
        mapping = MethodMapping()
        for method in ("fit", *PREDICTIONS, "score"):
            mapping.add(caller=method, callee=method)
        router = MetadataRouter(owner=type(self).__name__)
        return router.add(estimator=self._classifier(), method_mapping=mapping)

    def __sklearn_tags__(self) -> Tags:
        # what the classifier can and cannot take is what this can and cannot
        tags = super().__sklearn_tags__()
        classifier = self._classifier()
        # tags are asked for before parameters are checked
        if hasattr(classifier, "__sklearn_tags__"):
            inner = get_tags(classifier)
            tags.input_tags = replace(inner.input_tags, pairwise=False)
            tags.target_tags = inner.target_tags
            tags.classifier_tags = inner.classifier_tags
            tags.non_deterministic = inner.non_deterministic
        tags.target_tags.required = True
        return tags

    def _classifier(self) -> Classifier:
        """Return what is to be cloned."""
        if self.estimator is None:
            return LogisticRegression(max_iter=1000)
        return self.estimator

    def _route(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters that the classifier gets.

        With metadata routing those that it requests, else all.
        """
        if get_config()["enable_metadata_routing"]:
            return process_routing(self, method, **params).estimator[method]
        return params

    def _delegate(self, method: str, X: Rows, params: dict[str, Any]) -> np.ndarray:
        """Ask the classifier of the rows that could be read.

        Parameters
        ----------
        method : {"predict", "predict_proba", "predict_log_proba", "decision_function"}
        X, params : as in ``predict``

        Returns
        -------
        answer : ndarray of shape (n_samples, ...)
            As the classifier returns it, with -1 or NaN in the other rows.
        """
        check_is_fitted(self)
        params = self._route(method, params)
        answer = getattr(self.estimator_, method)
        unreadable = find_unreadable_rows(X)
        if not unreadable.any():
            return answer(X, **params)
        fill = UNLABELED if method == "predict" else np.nan
        self._check_mark(fill, unreadable)
        consequence = f"{method} returns {'-1' if fill == UNLABELED else 'NaN'} there."
        # who called the method that called this
        warn_of_unreadable(unreadable, "LabeledOnly", consequence, stacklevel=3)
        rows = np.flatnonzero(~unreadable)
        # only the classifier knows in which shape it answers: ask of one row at least
        asked = rows if len(rows) else np.array([0])
        X, params = restrict(X, params, asked, len(unreadable))
        X = X if len(rows) else self._a_row
        return fill_rows(answer(X, **params), rows, len(unreadable), fill)

    def _check_mark(self, fill: float, unreadable: BoolArray) -> None:
        """Refuse to mark rows by -1 where that is a class."""
        # of several outputs there is a list of classes, and there -1 is never one
        is_class = isinstance(self.classes_, np.ndarray) and UNLABELED in self.classes_
        if fill == UNLABELED and is_class:
            raise ValueError(
                f"LabeledOnly has learned -1 as a class, so it cannot be the prediction"
                f" of the {unreadable.sum()} rows of X that hold nothing but NaN. "
                "Recode binary labels as 0 and 1, or drop these rows."
            )
