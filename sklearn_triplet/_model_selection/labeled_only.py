"""LabeledOnly: X (n_samples, ...) and y with -1 in, a classifier of labeled rows out.

The classifier never sees a row without a label, nor one that could not be read.
"""

from __future__ import annotations

from typing import Self

from sklearn.base import clone

from sklearn_triplet._input.labels import check_labels
from sklearn_triplet._input.rows import (
    count_rows,
    find_labeled_rows,
    find_unreadable_rows,
    leave_out_unreadable,
    restrict,
    take_labels,
    take_rows,
)
from sklearn_triplet._input.types import Classifier, LabelsLike, Rows
from sklearn_triplet._model_selection.row_classifier import RowClassifier


class LabeledOnly(RowClassifier):
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
    feature_names_in_ : ndarray of shape (n_features,)
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
        self._check_fit(y)
        labels = check_labels(y, count_rows(X), "LabeledOnly", binary=True)
        self._refuse_several(labels)
        rows = leave_out_unreadable(
            find_unreadable_rows(X),
            find_labeled_rows(labels, "LabeledOnly"),
            "LabeledOnly",
            "Nothing is learned from them.",
        )
        params = self._route("fit", params)
        # to be asked of where a later X has no row that could be read
        self._a_row = take_rows(X, rows[:1])
        X, params = restrict(X, params, rows, count_rows(X))
        classifier = clone(self._classifier())
        self.estimator_ = classifier.fit(X, take_labels(labels.y, rows), **params)
        return self
