"""What wraps a classifier of labeled rows: X (n_samples, ...) in, its answers out.

The classifier is never asked of a row that could not be read.
"""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
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

from sklearn_triplet._input.labels import (
    UNLABELED,
    Labels,
    as_label_array,
)
from sklearn_triplet._input.rows import (
    fill_rows,
    find_scored_rows,
    find_unreadable_rows,
    leave_out_unreadable,
    restrict,
    take_labels,
    warn_of_unreadable,
)
from sklearn_triplet._input.types import BoolArray, Classifier, LabelsLike, Rows

# the methods that answer for each row of X, and are passed on to the classifier
PREDICTIONS = ("predict", "predict_proba", "predict_log_proba", "decision_function")

SEVERAL = (
    "The default classifier of {name}, LogisticRegression, cannot learn several labels "
    "a row, but y is an indicator of {n_classes} classes. Give one that can, such as "
    "OneVsRestClassifier(LogisticRegression()) or KNeighborsClassifier()."
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


def stack_probabilities(classifier: Any, answer: Any) -> NDArray[np.float64]:
    """Bring probabilities of several labels into the form of single ones.

    Parameters
    ----------
    classifier : classifier
        Fitted.
    answer : ndarray of shape (n_rows, n_classes) or list of ndarray
        What its ``predict_proba`` returned; scikit-learn's forests and neighbours
        return an array per class, of a column for each value that was met.

    Returns
    -------
    probabilities : ndarray of shape (n_rows, n_classes)
        Of the classes, or of the presence of each.
    """
    if isinstance(answer, list):
        # one column only where all rows were of one value
        pairs = zip(answer, classifier.classes_, strict=True)
        answer = np.column_stack([p @ (values == 1) for p, values in pairs])
    return np.asarray(answer, dtype=np.float64)


def _inner_has(method: str) -> Callable[[RowClassifier], bool]:
    """Tell ``available_if`` to ask the fitted classifier, or else the given one.

    Parameters
    ----------
    method : str
        One of ``PREDICTIONS``, or ``"score"``.

    Returns
    -------
    check : callable
        ``check(wrapper)`` is True, or raises what the classifier raises.
    """

    def check(self: RowClassifier) -> bool:
        fitted = hasattr(self, "estimator_")
        # the AttributeError of the inner classifier says why it has no such method
        getattr(self.estimator_ if fitted else self._classifier(), method)
        return True

    return check


class RowClassifier(
    ClassifierMixin, MetaEstimatorMixin, BaseEstimator, metaclass=ABCMeta
):
    """A wrapper but for its ``fit``: what it reads of y, and what it answers.

    A subclass stores ``estimator``, fits a clone of ``_classifier()`` to some rows, and
    keeps it as ``estimator_`` and one of these rows as ``_a_row``.
    """

    # stored by the __init__ of each subclass
    estimator: Classifier | None
    # set by its fit
    estimator_: Any
    _a_row: Rows

    @abstractmethod
    def fit(self, X: Rows, y: LabelsLike, **params: object) -> Self:
        """Fit a clone of the classifier."""

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
        y, name = as_label_array(y), type(self).__name__
        rows = find_scored_rows(X, y, self.classes_, name)
        rows = leave_out_unreadable(
            find_unreadable_rows(X), rows, name, "They are not scored."
        )
        params = self._route("score", params)
        X, params = restrict(X, params, rows, len(y))
        return self._score(X, take_labels(y, rows), params)

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

    def _check_fit(self, y: LabelsLike | None) -> None:
        """Refuse the classifier, or a y that is missing."""
        name = type(self).__name__
        check_row_classifier(self._classifier(), name)
        if y is None:
            raise ValueError(
                f"{name} requires y to be passed, but the target y is None. Give one "
                "label per row of X, and -1 where unlabeled."
            )

    def _refuse_several(self, labels: Labels) -> None:
        """Refuse an indicator where the default classifier is to learn it."""
        if labels.multilabel and self.estimator is None:
            name, n_classes = type(self).__name__, len(labels.classes)
            raise ValueError(SEVERAL.format(name=name, n_classes=n_classes))

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

    def _score(self, X: Rows, y: np.ndarray, params: dict[str, Any]) -> float:
        """Score rows that are labeled and could be read."""
        return self.estimator_.score(X, y, **params)

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
        name = type(self).__name__
        warn_of_unreadable(unreadable, name, consequence)
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
                f"{type(self).__name__} has learned -1 as a class, so it cannot be the "
                f"prediction of the {unreadable.sum()} rows of X that hold nothing but "
                "NaN. Recode binary labels as 0 and 1, or drop these rows."
            )
