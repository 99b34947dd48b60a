"""Scores of the labeled rows."""

import pickle

import numpy as np
import pandas as pd
import pytest
from helpers import whole
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss, make_scorer
from sklearn.model_selection import (
    cross_val_score,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_triplet import (
    LabeledOnly,
    UnlabeledInTrain,
    labeled_scorer,
)

METRICS = [
    ("accuracy", {}),
    ("f1_macro", {}),
    ("neg_log_loss", {}),
    ("roc_auc_ovr", {}),
    (make_scorer(f1_score, average="macro"), {}),
    (accuracy_score, {}),
    (f1_score, {"average": "macro", "zero_division": 0}),
    (log_loss, {"greater_is_better": False, "response_method": "predict_proba"}),
]


@pytest.mark.parametrize(("metric", "kwargs"), METRICS)
def test_the_score_is_that_of_the_labeled_rows(metric, kwargs, blobs):
    X, y = blobs
    known = y != -1
    classifier = LogisticRegression().fit(X[known], y[known])
    scorer = labeled_scorer(metric, **kwargs)
    expected = scorer(classifier, X[known], y[known])
    for rows, labels in (
        (X, y),
        (X.tolist(), y.tolist()),
        (pd.DataFrame(X), pd.Series(y, index=-np.arange(300))),
        (X, y.astype(object)),
    ):
        assert scorer(classifier, rows, labels) == expected
    assert pickle.loads(pickle.dumps(scorer))(classifier, X, y) == expected
    plain = make_scorer(metric, **kwargs) if kwargs else metric
    if not callable(metric):
        alone = cross_val_score(
            LogisticRegression(),
            X[known],
            y[known],
            scoring=plain,
            cv=[(np.arange(84), np.arange(84))],
        )
        assert alone[0] == pytest.approx(expected)


def test_strings_ragged_clips_and_indicators_are_scored():
    def pooled(clips):
        return np.array([[np.mean(clip)] for clip in clips])

    clips = [np.full((2, 1 + i % 4), float(i > 10)) for i in range(20)]
    words = [-1 if i % 3 else ("rain" if i > 10 else "dog") for i in range(20)]
    classifier = make_pipeline(FunctionTransformer(pooled), KNeighborsClassifier(1))
    wrapped = LabeledOnly(classifier).fit(clips, words)
    assert labeled_scorer("f1_macro")(wrapped, clips, words) == 1
    y = np.array([[1, 0] if i > 10 else [0, 1] for i in range(20)])
    y[::4] = -1
    wrapped = LabeledOnly(classifier).fit(clips, y)
    assert labeled_scorer("f1_macro")(wrapped, clips, y) == 1


def test_partly_known_rows_are_refused_or_skipped():
    y = np.array([[0, 1], [1, 0], [1, -1], [-1, -1], [1, 1]])
    X = np.arange(5.0)[:, None]
    rows = [0, 1, 4]
    classifier = KNeighborsClassifier(1).fit(X[rows], 1 - y[rows])
    sentence = (
        "labeled_scorer('f1_macro') needs the labeled rows of y to be known in full. "
        "Got single entries of -1 in 1 of them, first in row 2. Fill them in, or leave "
        "such rows out by y[(y == -1).any(axis=1)] = -1."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        labeled_scorer("f1_macro")(classifier, X, y)
    skip = labeled_scorer(accuracy_score, partly_known="skip")
    assert repr(skip) == "labeled_scorer(accuracy_score, partly_known='skip')"
    assert skip(classifier, X, y) == 0


def test_repr_of_a_scorer():
    assert repr(labeled_scorer("f1_macro")) == "labeled_scorer('f1_macro')"
    text = "labeled_scorer(f1_score, average='macro')"
    assert repr(labeled_scorer(f1_score, average="macro")) == text


def test_a_scorer_of_ones_own(blobs):
    def least(estimator, X, y):
        return min(accuracy_score(y, estimator.predict(X)), len(y))

    X, y = blobs
    classifier = LabeledOnly().fit(X, y)
    assert labeled_scorer(least)(classifier, X, y) == classifier.score(X, y)


@pytest.mark.parametrize("first", ["estimator", "clf", "model"])
def test_the_first_parameter_tells_scorers_from_metrics(first, blobs):
    X, y = blobs
    classifier = LabeledOnly().fit(X, y)
    names = {}
    exec(f"def scorer({first}, X, y): return {first}.score(X, y)", names)
    exec("def metric(truth, predicted): return len(truth) + len(predicted)", names)
    assert labeled_scorer(names["scorer"])(classifier, X, y) == classifier.score(X, y)
    assert labeled_scorer(names["metric"])(classifier, X, y) == 2 * 84


def test_a_score_needs_labels(blobs):
    X, y = blobs
    classifier = LabeledOnly().fit(X, y)
    scorer = labeled_scorer("accuracy")
    sentence = (
        "labeled_scorer('accuracy') got a y in which none of the 300 rows is known: "
        "all hold -1. Give at least one labeled row."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        scorer(classifier, X, np.full(300, -1))
    sentence = (
        "labeled_scorer('accuracy') needs one label per row of X. Got 300 rows in X "
        "and 299 in y."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        scorer(classifier, X, y[1:])
    sentence = "labeled_scorer('accuracy') needs y. Got None: give the labels of X."
    with pytest.raises(ValueError, match=whole(sentence)):
        scorer(classifier, X, None)


# --- clips that could not be read have no prediction, and so no score


class Reader(TransformerMixin, BaseEstimator):
    """Names to rows of the table ``X``, of NaN where the name says so."""

    def __init__(self, X):
        self.X = X

    def fit(self, names, y=None):
        return self

    def transform(self, names):
        rows = np.array([self.X[int(name.split(".")[0])] for name in names])
        rows[[name.endswith(".txt") for name in names]] = np.nan
        return rows


BROKEN = np.arange(300) % 13 == 5
PATHS = [f"{i}.{'txt' if broken else 'wav'}" for i, broken in enumerate(BROKEN)]


@pytest.mark.filterwarnings("ignore:LabeledOnly leaves out")
@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("form", ["array", "paths"])
@pytest.mark.parametrize(("metric", "kwargs"), METRICS)
def test_what_could_not_be_read_is_not_scored(metric, kwargs, form, words, blobs):
    X, y = blobs
    if words:
        y = np.array(["dog", "rain", "crow", -1], dtype=object)[y]
    table = np.where(BROKEN[:, None], np.nan, X)
    given, classifier = table, LabeledOnly()
    if form == "paths":
        given, classifier = PATHS, make_pipeline(Reader(X), classifier)
    classifier.fit(given, y)
    scorer = labeled_scorer(metric, **kwargs)
    n_left_out = BROKEN.sum() if form == "array" else (BROKEN & (y != -1)).sum()
    sentence = f"leaves out {n_left_out} of 300 rows of X that could not be read, "
    with pytest.warns(UserWarning, match=f"^labeled_scorer.*{sentence}") as caught:
        score = scorer(classifier, given, y)
    ours = [w for w in caught if str(w.message).startswith("labeled_scorer")]
    assert [warning.filename for warning in ours] == [__file__]
    readable = np.flatnonzero(~BROKEN)
    rows = [PATHS[row] for row in readable] if form == "paths" else X[readable]
    assert score == scorer(classifier, rows, y[readable])


@pytest.mark.filterwarnings("ignore:LabeledOnly leaves out")
@pytest.mark.filterwarnings("ignore:UnlabeledInTrain leaves out")
@pytest.mark.filterwarnings("ignore:labeled_scorer.*leaves out")
@pytest.mark.parametrize("words", [False, True])
def test_cross_validation_of_what_could_not_be_read(words, blobs):
    X, y = blobs
    if words:
        y = np.array(["dog", "rain", "crow", -1], dtype=object)[y]
    table = np.where(BROKEN[:, None], np.nan, X)
    options = {"cv": UnlabeledInTrain(3), "error_score": "raise"}
    # features before the search: the folds leave such rows out, and any scorer does
    found = cross_val_score(LabeledOnly(), table, y, scoring="f1_macro", **options)
    expected = cross_val_score(
        LabeledOnly(), X[~BROKEN], y[~BROKEN], scoring="f1_macro", **options
    )
    np.testing.assert_array_equal(found, expected)
    # files in the search: what cannot be read shows in the predictions only
    pipeline = make_pipeline(Reader(X), LabeledOnly())
    scorer = labeled_scorer("f1_macro")
    found = cross_val_score(pipeline, PATHS, y, scoring=scorer, **options)
    for (train, test), score in zip(options["cv"].split(PATHS, y), found, strict=True):
        train, test = train[~BROKEN[train]], test[~BROKEN[test]]
        alone = LabeledOnly().fit(X[train], y[train])
        truth = y[test].astype(str if words else int)
        expected = f1_score(truth, alone.predict(X[test]), average="macro")
        assert score == pytest.approx(expected)


def test_what_was_learned_as_a_class_is_a_prediction(blobs):
    X, y = blobs
    # a classifier that learned "unlabeled" as a class is wrong where it says so
    classifier = make_pipeline(Reader(X), KNeighborsClassifier(1))
    paths = [f"{i}.wav" for i in range(300)]
    classifier.fit(paths, np.where(np.arange(300) < 150, -1, y))
    known = np.flatnonzero(y != -1)
    right = classifier.predict([paths[i] for i in known]) == y[known]
    assert labeled_scorer("accuracy")(classifier, paths, y) == right.mean() < 0.6


@pytest.mark.parametrize(
    ("metric", "kwargs", "sentence"),
    [
        (
            ["f1_macro"],
            {},
            "The 'metric' parameter of labeled_scorer must be the name of a scorer, a "
            "scorer or a metric(y_true, y_pred). Got ['f1_macro'] instead. For several "
            "metrics give a dict of labeled scorers as scoring.",
        ),
        (
            "f1",
            {"average": "macro"},
            "labeled_scorer passes ['average'] to a metric only. Got 'f1', which is a "
            "scorer already: give the metric, such as labeled_scorer(f1_score, "
            "average='macro').",
        ),
        (
            "f1",
            {"partly_known": "drop"},
            "The 'partly_known' parameter of labeled_scorer must be 'raise' or 'skip'. "
            "Got 'drop' instead.",
        ),
    ],
)
def test_refusals_of_the_scorer(metric, kwargs, sentence):
    with pytest.raises(ValueError, match=whole(sentence)):
        labeled_scorer(metric, **kwargs)


def test_the_score_of_labeled_only_needs_a_labeled_row(blobs):
    X, y = blobs
    wrapped = LabeledOnly().fit(X, y)
    sentence = (
        "LabeledOnly got a y in which none of the 300 rows is known: all hold -1. Give "
        "at least one labeled row."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        wrapped.score(X, np.full(300, -1))
