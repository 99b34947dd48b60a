"""LabeledOnly: any scikit-learn classifier, fitted on the labeled rows of X and y."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils import Tags, get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_triplet._input.labels import as_label_array, check_labels
from sklearn_triplet._input.rows import (
    check_row_classifier,
    count_rows,
    find_labeled_rows,
    find_scored_rows,
    restrict,
    take_labels,
)
from sklearn_triplet._input.types import Classifier, LabelsLike, Rows

PREDICTIONS = ("predict", "predict_proba", "predict_log_proba", "decision_function")

SEVERAL = (
    "The default classifier of LabeledOnly, LogisticRegression, cannot learn several "
    "labels a row, but y is an indicator of {n_classes} classes. Give one that can, "
    "such as OneVsRestClassifier(LogisticRegression()) or KNeighborsClassifier()."
)


def _inner_has(method: str) -> Callable[[LabeledOnly], bool]:
    """Tell ``available_if`` to ask the fitted classifier, or else the given one."""

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
    Where all rows are labeled, nothing differs from the classifier itself.

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

    Notes
    -----
    A y of exactly {-1, +1} is read as two classes, with a warning: recode them as 0
    and 1. Parameters of ``fit`` that have one entry per row, such as
    ``sample_weight``, are restricted to the labeled rows as well.

    Of meta-estimators this one has to be the outermost. ``VotingClassifier``,
    ``StackingClassifier``, ``CalibratedClassifierCV``, ``BaggingClassifier`` and
    ``OneVsRestClassifier`` learn -1 as a class where they are around it, and work
    inside: ``LabeledOnly(BaggingClassifier())``. Searches and pipelines may be around
    it. A grid over ``estimator__C`` needs ``estimator`` to be given.

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
            that the default classifier cannot learn.
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
        params = self._route("fit", params)
        X, params = restrict(X, params, rows, count_rows(X))
        classifier = clone(self._classifier())
        self.estimator_ = classifier.fit(X, take_labels(y, rows), **params)
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
            Of ``classes_``: -1 is predicted only where it was learned as one of two
            classes, -1 and +1.
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
        """
        return self._delegate("decision_function", X, params)

    @available_if(_inner_has("score"))
    def score(self, X: Rows, y: LabelsLike, **params: object) -> float:
        """Return the score of the classifier on the labeled rows.

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
            Where no row of y is labeled, or a row is known in part only.
        """
        check_is_fitted(self)
        y = as_label_array(y)
        rows = find_scored_rows(X, y, self.classes_, "LabeledOnly")
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
        if self.estimator is None:
            return LogisticRegression(max_iter=1000)
        return self.estimator

    def _route(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters that the classifier gets."""
        if get_config()["enable_metadata_routing"]:
            return process_routing(self, method, **params).estimator[method]
        return params

    def _delegate(self, method: str, X: Rows, params: dict[str, Any]) -> np.ndarray:
        check_is_fitted(self)
        params = self._route(method, params)
        return getattr(self.estimator_, method)(X, **params)
