"""Probabilities (n_rows, n_classes) of rows that were held out in, thresholds out.

A class is predicted from its threshold on. Where labels are few, or what was learned
from them is badly calibrated, 0.5 is seldom the best: ``choose_thresholds`` finds one
per class on held-out rows, and ``TunedThresholds`` holds them out.
"""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn import get_config
from sklearn.base import clone
from sklearn.metrics import accuracy_score
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from sklearn_triplet._input.labels import Labels, check_labels, mark_unread
from sklearn_triplet._input.parameters import check_number
from sklearn_triplet._input.random import draw_seeds, make_rng
from sklearn_triplet._input.rows import (
    NO_LABEL,
    count_rows,
    find_unreadable_rows,
    leave_out_unreadable,
    restrict,
    take_rows,
)
from sklearn_triplet._input.types import (
    BoolArray,
    Classifier,
    Fold,
    FoldLike,
    IntArray,
    LabelsLike,
    RandomState,
    Rows,
    Splitter,
)
from sklearn_triplet._input.warn import warn
from sklearn_triplet._model_selection.folds import UnlabeledInTrain
from sklearn_triplet._model_selection.row_classifier import (
    RowClassifier,
    stack_probabilities,
)
from sklearn_triplet._model_selection.stratification import MultilabelStratifiedKFold

DEFAULT = 0.5  # where nothing speaks for another
N_RESAMPLES = 50  # more than 20 made no difference of .005 in macro F1
LIMIT = 1e-6  # a threshold has a finite logit

SINGLE = (
    "TunedThresholds chooses a threshold per class where a row can have several. y "
    "holds one class a row, so the classifier is fitted as it is: of two classes "
    "TunedThresholdClassifierCV of scikit-learn chooses the threshold."
)


def choose_thresholds(
    probabilities: NDArray[np.floating],
    labels: Labels,
    *,
    beta: float = 1.0,
    random_state: RandomState = None,
) -> NDArray[np.float64]:
    r"""Choose the threshold of each class, for the F-score on rows that were held out.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows, n_classes)
        Of classifiers that have not seen the row. NaN: does not count.
    labels : Labels
        Of an indicator, a row for each of these. Unknown entries do not count.
    beta : float, default=1.0
        Of the F-score.
    random_state : int, RandomState instance or None, default=None
        Of the resampling.

    Returns
    -------
    thresholds : ndarray of shape (n_classes,)
        In (0, 1); 0.5 for a class without a positive or without a negative that counts.

    Notes
    -----
    The threshold that is best on a handful of positives is mostly chance. So it is
    *bagged*: rows are drawn with replacement B = 50 times, and

    .. math:: t = \sigma \Big( \frac{1}{B} \sum_b \sigma^{-1}(t_b) \Big), \quad
              t_b = \arg\max_t F_\beta(t; \text{sample } b)

    with σ the logistic function. A sample without a positive says 0.5: of n positives
    that is the case with a probability of about exp(-n), so the fewer there are, the
    nearer the threshold stays to 0.5 (its logit keeps 63 % for n = 1, 95 % for n = 3).

    Examples
    --------
    >>> labels = check_labels(np.eye(2)[[0] * 20 + [1] * 20], 40, "example")
    >>> probabilities = np.column_stack([np.linspace(0.4, 0.1, 40)] * 2)
    >>> choose_thresholds(probabilities, labels, random_state=0).round(2)
    array([0.25, 0.07])
    """
    rng = make_rng(random_state)
    counted = ~np.isnan(probabilities) & ~labels.unknown
    thresholds = np.full(len(labels.classes), DEFAULT)
    for c, rows in enumerate(counted.T):
        present = labels.present[rows, c]
        # otherwise every threshold on one side of all rows is as good as any other
        if present.any() and not present.all():
            thresholds[c] = _bag(probabilities[rows, c], present, beta, rng)
    return thresholds


def _bag(
    probabilities: NDArray[np.floating],
    present: BoolArray,
    beta: float,
    rng: np.random.Generator | np.random.RandomState,
) -> float:
    """Average the best thresholds of samples with replacement.

    Parameters
    ----------
    probabilities, present : ndarray of shape (n_rows,)
        Of one class, which some rows have and others have not.
    beta, rng
        As in ``choose_thresholds``, made a generator.

    Returns
    -------
    threshold : float
    """
    n_rows = len(present)
    # how often each row is in each sample
    times = rng.multinomial(n_rows, np.full(n_rows, 1 / n_rows), size=N_RESAMPLES)
    best = find_best_thresholds(probabilities, present, times, beta)
    return float(expit(logit(best.clip(LIMIT, 1 - LIMIT)).mean()))


def find_best_thresholds(
    probabilities: NDArray[np.floating],
    present: BoolArray,
    times: IntArray,
    beta: float = 1.0,
) -> NDArray[np.float64]:
    """Find the thresholds of the greatest F-score on samples of some rows.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows,)
    present : ndarray of shape (n_rows,), bool
    times : ndarray of shape (n_samples, n_rows), int
        How often each row is in each sample.
    beta : float, default=1.0

    Returns
    -------
    thresholds : ndarray of shape (n_samples,)
        Halfway between two probabilities, or 0.5 if that lies between these two; of
        several that are as good the nearest to 0.5, which it is also without a
        positive.

    Examples
    --------
    Two of three that are called dogs are dogs, and no dog is missed:

    >>> present = np.array([True, False, True, False, False])
    >>> probabilities = np.array([0.4, 0.3, 0.2, 0.1, 0.0])
    >>> find_best_thresholds(probabilities, present, np.ones((1, 5), int)).round(2)
    array([0.15])
    """
    order = np.argsort(-probabilities, kind="stable")
    upper = probabilities[order].astype(np.float64)
    lower = np.append(upper[1:], 0.0)
    # rows of one probability cannot be told apart: only the last of them is an end
    ends = np.flatnonzero((lower < upper) | (np.arange(len(order)) == len(order) - 1))
    upper, lower = upper[ends], lower[ends]
    around = (lower < DEFAULT) & (upper >= DEFAULT)
    middle = np.where(around, DEFAULT, (lower + upper) / 2)
    true = (times * present)[:, order].cumsum(axis=1)[:, ends]
    called = times[:, order].cumsum(axis=1)[:, ends]
    positives = (times * present).sum(axis=1, keepdims=True)
    # a candidate calls some row positive, but perhaps none that is in the sample
    scores = (1 + beta**2) * true / np.maximum(called + beta**2 * positives, 1)
    # a tie in counts is one in the quotient but for rounding
    ties = scores >= scores.max(axis=1, keepdims=True) * (1 - 1e-12)
    far = np.where(ties, np.abs(middle - DEFAULT), np.inf)
    thresholds = middle[far.argmin(axis=1)]
    return np.where(positives[:, 0] > 0, thresholds, DEFAULT)


def tune_thresholds(
    estimator: Any,
    X: Rows,
    y: LabelsLike,
    cv: int | Splitter | Iterable[FoldLike],
    name: str,
    *,
    groups: Rows | None = None,
    params: dict[str, Any] | None = None,
    beta: float = 1.0,
    n_jobs: int | None = None,
    random_state: RandomState = None,
) -> NDArray[np.float64]:
    """Choose thresholds on rows that clones of a classifier have not seen.

    Parameters
    ----------
    estimator : classifier
        With ``predict_proba``; it is cloned.
    X : array, table, sparse matrix or list with n_rows rows
        Those that could not be read are left out without a word: the fit has counted
        them.
    y : array-like of shape (n_rows, n_classes)
        -1 where unknown.
    cv, beta, n_jobs, random_state
        As in ``TunedThresholds``.
    name : str
        Who asks, for the messages.
    groups : array-like of shape (n_rows,), default=None
        For ``cv``.
    params : dict, default=None
        For ``fit``.

    Returns
    -------
    thresholds : ndarray of shape (n_classes,)

    Warns
    -----
    UserWarning
        Where a class has too few labels for any other threshold than 0.5.
    """
    n_rows = count_rows(X)
    rows = np.flatnonzero(~find_unreadable_rows(X))
    X, given = restrict(X, {**(params or {}), "groups": groups}, rows, n_rows)
    labels = check_labels(y, n_rows, name, binary=True).take(rows)
    folds = _make_folds(labels, cv, given.pop("groups"), random_state)
    ask = delayed(_ask_of_test)
    answers = Parallel(n_jobs=n_jobs)(
        ask(clone(estimator), X, labels, fold, given) for fold in folds
    )
    probabilities = np.concatenate(answers)
    labels = labels.take(np.concatenate([test for _, test in folds]))
    _warn_of_untuned(probabilities, labels, name)
    return choose_thresholds(
        probabilities, labels, beta=beta, random_state=random_state
    )


def _make_folds(
    labels: Labels,
    cv: int | Splitter | Iterable[FoldLike],
    groups: Rows | None,
    random_state: RandomState,
) -> list[Fold]:
    """Return the folds, each with all unlabeled rows in its training part."""
    splitter: Any = cv
    if isinstance(cv, numbers.Integral):
        seed = None if random_state is None else draw_seeds(random_state, 1)[0]
        shuffle = random_state is not None
        splitter = MultilabelStratifiedKFold(
            int(cv), shuffle=shuffle, random_state=seed
        )
    if not isinstance(splitter, UnlabeledInTrain):
        splitter = UnlabeledInTrain(splitter)
    with warnings.catch_warnings():
        # what follows from rare classes is said once, when thresholds are chosen
        for beginning in ("Classes ", "The training set of fold "):
            warnings.filterwarnings("ignore", beginning)
        return list(splitter.split(labels.y, labels.y, groups))


def _ask_of_test(
    classifier: Any, X: Rows, labels: Labels, fold: Fold, params: dict[str, Any]
) -> NDArray[np.float64]:
    """Fit a classifier to the training part of a fold and ask it of the rest.

    Returns
    -------
    probabilities : ndarray of shape (n_test, n_classes)
        NaN in the columns of classes of which the training part shows one side only.
    """
    train, test = fold
    n_rows = len(labels.present)
    X_train, params = restrict(X, params, train, n_rows)
    classifier.fit(X_train, labels.y[train].astype(int), **params)
    answer = classifier.predict_proba(take_rows(X, test))
    probabilities = stack_probabilities(classifier, answer)
    if not np.isfinite(probabilities).all():
        raise ValueError(
            f"{classifier!r} returns probabilities that are no numbers, so that there "
            "are no thresholds. Choose another classifier, or label more rows."
        )
    known = labels.take(train)
    absent = ~known.present & ~known.unknown
    learned = known.present.any(axis=0) & absent.any(axis=0)
    return np.where(learned, probabilities, np.nan)


def _warn_of_untuned(
    probabilities: NDArray[np.float64], labels: Labels, name: str
) -> None:
    """Name the classes that keep 0.5 since nothing tells of another threshold."""
    counted = ~np.isnan(probabilities)
    present = (labels.present & counted).any(axis=0)
    absent = (~labels.present & ~labels.unknown & counted).any(axis=0)
    untuned = labels.classes[~(present & absent)].tolist()
    if untuned:
        warn(
            f"{name} keeps the threshold 0.5 for {len(untuned)} of "
            f"{len(labels.classes)} classes, {untuned}: no row with the class, or none "
            "without it, could be held out from a fit that had met the class. Label "
            "more rows, present and absent."
        )


class TunedThresholds(RowClassifier):
    """A classifier of several labels a row, with the threshold of each class tuned.

    What ``TunedThresholdClassifierCV`` of scikit-learn is to two classes. Labeled rows
    are held out in turn, and each class gets the threshold with the greatest F-score on
    them; unlabeled rows stay in the training part of every fold.

    Parameters
    ----------
    estimator : classifier
        With ``predict_proba`` for an indicator, such as
        ``OneVsRestClassifier(LogisticRegression())``; where rows are unlabeled, one
        that leaves -1 aside or learns from it, as ``LabeledOnly``, ``PseudoLabeled``
        and the taggers. Clones of it are fitted.
    cv : int, splitter or iterable of (train, test), default=5
        What holds rows out, as in ``UnlabeledInTrain``; one of these may be given as
        well, for folds by recording or speaker. The classifier is fitted as often, and
        once more on all rows.
    beta : float, default=1.0
        Of the F-score: what recall weighs beside precision, greater than 0. 0.5 is for
        those who would rather miss an event than read of one that was none.
    n_jobs : int, default=None
        Folds that are fitted at once, as everywhere in scikit-learn.
    random_state : int, RandomState instance or None, default=None
        Of the folds, where ``cv`` is a number (``None``: always the same folds), and of
        the resampling on which thresholds are chosen.

    Attributes
    ----------
    estimator_ : classifier
        Fitted to all rows.
    multilabel_ : bool
        Whether y was an indicator.
    thresholds_ : ndarray of shape (n_classes,)
        A class is predicted from this probability on. 0.5 where no row with the class,
        or none without it, could be held out. Not set for single labels.
    classes_ : ndarray of shape (n_classes,), or what ``estimator_`` has
        The classes, without -1.
    n_features_in_ : int
        Number of features seen during ``fit``, where ``estimator_`` has it.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns of a table, where ``estimator_`` has them.

    See Also
    --------
    TripletTagger : And the other taggers: ``threshold="auto"`` is this, in three folds.
    UnlabeledInTrain : Makes the folds.
    sklearn.model_selection.TunedThresholdClassifierCV : For two classes.
    sklearn.frozen.FrozenEstimator : Around a fitted classifier, where rows that it has
        not learned from are at hand: only thresholds are chosen then.

    Notes
    -----
    *The prior toward 0.5.* The threshold of a class is the mean, in logits, of those
    that are best on 50 samples with replacement of the rows that were held out; a
    sample without a row of the class says 0.5. Of n such rows that are about exp(-n) of
    the samples: the logit of the best threshold keeps 63 % for one row, 95 % for three.
    Without this, thresholds of rare classes are chance. On soundscapes of ESC-10 (10
    classes, logistic regression of pooled log-mels, 16 seeds) macro F1 is, at 30, 60,
    158 and 400 labeled clips,

    ========================================  ====  ====  ====  ====
    0.5                                       .285  .331  .376  .389
    best on the held-out rows                 .330  .363  .392  .417
    its logit times n / (n + 5)               .327  .364  .393  .417
    mean over samples (this)                  .351  .382  .404  .419
    ========================================  ====  ====  ====  ====

    and 3 or 10 folds are as good as 5.

    *What counts.* Unknown entries count for no class. A fold counts for the classes of
    which its training part has a row with and a row without. Rows of X that could not
    be read are left out, of the fit as well; they are predicted as -1.

    *Folds.* Where windows of a recording, or clips of one place, are alike, hold out
    whole groups: ``cv=UnlabeledInTrain(GroupKFold(5))`` and ``fit(X, y, groups=...)``,
    or thresholds will fit what has been heard and not what is to come.

    For a y of one class a row there is nothing to choose: the classifier is fitted as
    it is, and a warning says so.

    References
    ----------
    .. [1] Z. C. Lipton, C. Elkan and B. Naryanaswamy, "Optimal Thresholding of
       Classifiers to Maximize F1 Measure", ECML PKDD 2014,
       doi:10.1007/978-3-662-44851-9_15: of probabilities that are true the best
       threshold is half the F1 that it reaches, below 0.5.
    .. [2] L. Breiman, "Bagging predictors", Machine Learning 24, 1996.

    Examples
    --------
    Logistic regression is calibrated, and of rare classes 0.5 is seldom reached:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.metrics import f1_score
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> from sklearn_triplet import LabeledOnly, TunedThresholds, mask_labels
    >>> X = np.random.default_rng(0).normal(size=(1000, 4))
    >>> noise = np.random.default_rng(1).normal(size=(1000, 4))
    >>> truth = (X + noise > 1.5).astype(int)
    >>> y = mask_labels(truth, 0.1, random_state=0)
    >>> linear = LabeledOnly(OneVsRestClassifier(LogisticRegression()))
    >>> for model in (linear, TunedThresholds(linear, random_state=0)):
    ...     found = model.fit(X, y).predict(X)
    ...     print(f"{f1_score(truth, found, average='macro'):.2f}")
    0.34
    0.49
    >>> model.thresholds_.round(2)
    array([0.24, 0.34, 0.18, 0.26])
    """

    estimator: Classifier

    def __init__(
        self,
        estimator: Classifier,
        *,
        cv: int | Splitter | Iterable[FoldLike] = 5,
        beta: float = 1.0,
        n_jobs: int | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.estimator = estimator
        # a generator can be read once, but fits are made again and again
        self.cv = list(cv) if isinstance(cv, Iterator) else cv
        self.beta = beta
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Rows, y: LabelsLike, **params: object) -> Self:
        """Choose the thresholds, and fit the classifier to all rows.

        Parameters
        ----------
        X : array-like, table, sparse matrix or list with n_samples rows
            Whatever ``estimator`` takes.
        y : array-like of shape (n_samples, n_classes)
            1 present, 0 absent, -1 unknown; a row of only -1 is unlabeled.
        **params : dict
            Passed to the ``fit`` of ``estimator``; what has one entry per row is
            restricted to those of each fold. ``groups`` goes to ``cv``. With metadata
            routing enabled: passed as ``estimator`` and ``cv`` request.

        Returns
        -------
        self : TunedThresholds

        Raises
        ------
        ValueError
            Where a parameter is out of range, ``estimator`` is no classifier, has no
            probabilities or learns -1 as a class; where y has no labeled row, too few
            for the folds, or none that could be read.

        Warns
        -----
        UserWarning
            Where a class keeps 0.5 for want of labels, y holds one class a row, or rows
            of X could not be read.
        """
        self._check_fit(y)
        self._check_parameters()
        n_rows = count_rows(X)
        labels = check_labels(y, n_rows, "TunedThresholds", binary=True)
        rows = self._find_readable_rows(X, labels)
        # to be asked of where a later X has no row that could be read
        self._a_row = take_rows(X, rows[:1])
        groups, rest = self._take_groups(params)
        given: dict[str, Any] = {**rest, "y": y, "groups": groups}
        X, given = restrict(X, given, rows, n_rows)
        target, groups = given.pop("y"), given.pop("groups")
        self.multilabel_ = labels.multilabel
        if labels.multilabel:
            target = labels.y[rows].astype(int)
            self.thresholds_ = self._tune(X, target, groups, given)
        else:
            warn(SINGLE)
        self.estimator_ = clone(self.estimator).fit(X, target, **given)
        if labels.unknown.any():
            self._refuse_learned_unlabeled()
        return self

    def predict(self, X: Rows, **params: object) -> np.ndarray:
        """Predict the classes of each row.

        Parameters
        ----------
        X : as in ``fit``
        **params : dict
            Passed to ``predict_proba`` of ``estimator_``.

        Returns
        -------
        y : ndarray of shape (n_samples, n_classes), int
            1 where the probability is at least that of ``thresholds_``, else 0; -1 in
            rows that could not be read. For single labels what ``estimator_`` predicts.
        """
        check_is_fitted(self)
        if not self.multilabel_:
            return super().predict(X, **params)
        answer = self._delegate("predict_proba", X, params)
        probabilities = stack_probabilities(self.estimator_, answer)
        tags = (probabilities >= self.thresholds_).astype(int)
        return mark_unread(tags, np.asarray(np.isnan(probabilities).all(axis=1)))

    def get_metadata_routing(self) -> MetadataRouter:
        """Say what ``estimator`` and ``cv`` request.

        Returns
        -------
        routing : MetadataRouter
        """
        router = super().get_metadata_routing()
        mapping = MethodMapping().add(caller="fit", callee="split")
        is_number = isinstance(self.cv, numbers.Integral)
        splitter = UnlabeledInTrain() if is_number else self.cv
        return router.add(splitter=splitter, method_mapping=mapping)

    def _classifier(self) -> Classifier:
        """Return what is to be cloned; there is no default."""
        return self.estimator

    def _take_groups(
        self, params: Mapping[str, Any]
    ) -> tuple[Rows | None, dict[str, Any]]:
        """Divide what ``fit`` was given between ``cv`` and the classifier.

        Returns
        -------
        groups : array-like of shape (n_samples,) or None
        params : dict
        """
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", **params)
            return routed.splitter.split.get("groups"), dict(routed.estimator.fit)
        rest = dict(params)
        return rest.pop("groups", None), rest

    def _refuse_learned_unlabeled(self) -> None:
        """Refuse a classifier to which -1 was a class like the others."""
        classes = getattr(self.estimator_, "classes_", [])
        # of several outputs an array of classes each
        found = classes if isinstance(classes, list) else [classes]
        if any(-1 in np.asarray(names, dtype=object) for names in found):
            raise ValueError(
                f"The 'estimator' parameter of TunedThresholds has learned -1, which "
                f"marks what is unlabeled or unknown, as a class. Got "
                f"{self.estimator!r}: put LabeledOnly or PseudoLabeled around it."
            )

    def _tune(
        self, X: Rows, y: IntArray, groups: Rows | None, params: dict[str, Any]
    ) -> NDArray[np.float64]:
        """Return the thresholds by the parameters of the constructor."""
        return tune_thresholds(
            self.estimator,
            X,
            y,
            self.cv,
            type(self).__name__,
            groups=groups,
            params=params,
            beta=self.beta,
            n_jobs=self.n_jobs,
            random_state=self.random_state,
        )

    def _score(self, X: Rows, y: np.ndarray, params: dict[str, Any]) -> float:
        """Score what is predicted with the thresholds."""
        return accuracy_score(y, self.predict(X), **params)

    def _check_parameters(self) -> None:
        """Refuse parameters that do not depend on y."""
        check_number(self, "beta", numbers.Real, 0, left="open")
        cv: Any = self.cv
        if isinstance(cv, numbers.Real):
            check_number(self, "cv", numbers.Integral, 2)
        # a string has a method of that name as well
        elif isinstance(cv, str) or not (
            hasattr(cv, "split") or (isinstance(cv, Sequence) and len(cv))
        ):
            raise ValueError(
                "The 'cv' parameter of TunedThresholds must be an integer in [2, inf), "
                "a splitter such as UnlabeledInTrain(GroupKFold(5)), or an iterable of "
                f"at least one (train, test). Got {cv!r} instead."
            )

    def _find_readable_rows(self, X: Rows, labels: Labels) -> IntArray:
        """Return the rows that could be read; at least one is labeled."""
        labeled = np.flatnonzero(labels.labeled)
        name, n_rows = "TunedThresholds", len(labels.present)
        if not len(labeled):
            raise ValueError(NO_LABEL.format(name=name, n_rows=n_rows))
        if labels.multilabel and not hasattr(self.estimator, "predict_proba"):
            raise ValueError(
                "The 'estimator' parameter of TunedThresholds must have predict_proba. "
                f"Got {self.estimator!r}: put CalibratedClassifierCV around what it is "
                "made of, or choose another."
            )
        unreadable = find_unreadable_rows(X)
        leave_out_unreadable(unreadable, labeled, name, "Nothing is learned from them.")
        return np.flatnonzero(~unreadable)
