"""LabeledOnly: the inner classifier and nothing else, on the labeled rows."""

import re
import warnings
from array import array

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers import whole
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.datasets import make_blobs
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.utils import get_tags

from sklearn_triplet import LabeledOnly, is_labeled


@pytest.fixture
def blobs():
    X, y = make_blobs(60, centers=3, cluster_std=2.0, random_state=0)
    hidden = np.random.default_rng(0).random(60) < 0.5
    return X, y, np.where(hidden, -1, y)


@pytest.mark.parametrize(
    "classifier",
    [LogisticRegression(), GaussianNB(), RandomForestClassifier(5, random_state=0)],
    ids=str,
)
def test_is_the_classifier_fitted_on_the_labeled_rows(classifier, blobs):
    X, _, y = blobs
    known = y != -1
    wrapped = LabeledOnly(classifier).fit(X, y)
    alone = clone(classifier).fit(X[known], y[known])
    np.testing.assert_array_equal(wrapped.classes_, alone.classes_)
    np.testing.assert_array_equal(wrapped.predict(X), alone.predict(X))
    np.testing.assert_array_equal(wrapped.predict_proba(X), alone.predict_proba(X))
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(
            wrapped.predict_log_proba(X), alone.predict_log_proba(X)
        )
    assert wrapped.score(X, y) == alone.score(X[known], y[known])
    assert not hasattr(classifier, "classes_")


def test_with_all_labels_nothing_differs(blobs):
    X, y, _ = blobs
    words = np.array(["dog", "rain", "crow"], dtype=object)[y]
    for target in (y, y.astype(float), words, words.astype(str), words.tolist()):
        wrapped = LabeledOnly(LogisticRegression()).fit(X, target)
        alone = LogisticRegression().fit(X, target)
        np.testing.assert_array_equal(wrapped.predict(X), alone.predict(X))
        np.testing.assert_array_equal(
            wrapped.decision_function(X), alone.decision_function(X)
        )
        assert wrapped.score(X, target) == alone.score(X, target)


def test_strings_with_minus_one(blobs):
    X, y, masked = blobs
    words = np.array(["dog", "rain", "crow"], dtype=object)[y]
    words[masked == -1] = -1
    for target in (words, words.tolist(), pd.Series(words)):
        classifier = LabeledOnly().fit(X, target)
        assert list(classifier.classes_) == ["crow", "dog", "rain"]
        assert classifier.score(X, target) > 0.5


def test_unlabeled_first_and_last_have_no_influence(blobs):
    X, y, _ = blobs
    first, last = y.copy(), y.copy()
    first[:30], last[30:] = -1, -1
    shifted = np.where(is_labeled(first)[:, None], X, 1e6)
    np.testing.assert_array_equal(
        LabeledOnly().fit(shifted, first).predict(X),
        LogisticRegression(max_iter=1000).fit(X[30:], y[30:]).predict(X),
    )
    np.testing.assert_array_equal(
        LabeledOnly().fit(X, last).predict(X),
        LogisticRegression(max_iter=1000).fit(X[:30], y[:30]).predict(X),
    )


def pooled(clips):
    return np.array([[np.mean(clip), np.std(clip)] for clip in clips])


def test_clips_paths_tables_and_sparse_rows(blobs):
    X, _, y = blobs
    classifier = make_pipeline(FunctionTransformer(pooled), LogisticRegression())
    ragged = [np.full((2, 3 + i % 4), row[0]) for i, row in enumerate(X)]
    cube = np.repeat(X[:, :, None], 3, axis=2)
    for clips in (ragged, tuple(ragged), cube):
        fitted = LabeledOnly(classifier).fit(clips, y)
        assert fitted.predict(clips).shape == (60,)
        assert 0 <= fitted.score(clips, y) <= 1
    read = FunctionTransformer(lambda paths: X[[int(p[:-4]) for p in paths]])
    paths = [f"{i}.wav" for i in range(60)]
    by_path = LabeledOnly(make_pipeline(read, LogisticRegression())).fit(paths, y)
    by_table = LabeledOnly(LogisticRegression()).fit(X, y)
    np.testing.assert_array_equal(by_path.predict(paths), by_table.predict(X))
    LabeledOnly().fit(sparse.coo_array(X), y).predict(sparse.csr_array(X))


def test_names_and_numbers_of_features(blobs):
    X, _, y = blobs
    classifier = LabeledOnly()
    assert not hasattr(classifier, "n_features_in_")
    assert not hasattr(classifier, "classes_")
    classifier.fit(pd.DataFrame(X, columns=["a", "b"]), y)
    assert list(classifier.feature_names_in_) == ["a", "b"]
    assert classifier.n_features_in_ == 2


def test_methods_are_those_of_the_classifier(blobs):
    X, _, y = blobs
    wrapped = LabeledOnly(LinearSVC())
    for classifier in (wrapped, clone(wrapped).fit(X, y)):
        assert hasattr(classifier, "decision_function")
        assert not hasattr(classifier, "predict_proba")
    assert not hasattr(LabeledOnly(GaussianNB()), "decision_function")
    assert is_classifier(wrapped)


def test_tags_are_those_of_the_classifier():
    neighbors = KNeighborsClassifier()
    wrapped = get_tags(LabeledOnly(neighbors))
    assert wrapped.classifier_tags.multi_label
    # which scikit-learn 1.6.0 does not say of itself
    assert wrapped.input_tags.sparse == get_tags(neighbors).input_tags.sparse
    assert not get_tags(LabeledOnly(GaussianNB())).input_tags.sparse
    assert get_tags(LabeledOnly("junk")).target_tags.required


def test_indicator(blobs):
    X, y, masked = blobs
    indicator = np.eye(3, dtype=int)[y]
    indicator[:, 2] |= X[:, 0] > 0
    indicator[masked == -1] = -1
    known = masked != -1
    wrapped = LabeledOnly(KNeighborsClassifier()).fit(X, indicator)
    alone = KNeighborsClassifier().fit(X[known], indicator[known])
    np.testing.assert_array_equal(wrapped.predict(X), alone.predict(X))
    assert wrapped.score(X, indicator) == alone.score(X[known], indicator[known])
    several = LabeledOnly(MultiOutputClassifier(GaussianNB())).fit(X, indicator)
    assert several.score(X, indicator) > 0
    assert several.predict(X).min() == 0


def test_sample_weight_is_restricted_to_labeled_rows(blobs):
    X, _, y = blobs
    known = y != -1
    weight = np.random.default_rng(0).random(60)
    alone = LogisticRegression().fit(X[known], y[known], weight[known])
    kinds = (weight.tolist(), array("d", weight), pd.Series(weight), pl.Series(weight))
    for given in (weight, *kinds):
        wrapped = LabeledOnly(LogisticRegression()).fit(X, y, sample_weight=given)
        np.testing.assert_array_equal(wrapped.predict_proba(X), alone.predict_proba(X))
        assert wrapped.score(X, y, sample_weight=given) == alone.score(
            X[known], y[known], weight[known]
        )


def test_parameters_without_rows_are_passed_on_whole(blobs):
    X, _, y = blobs

    class Remembering(GaussianNB):
        def fit(self, X, y, **params):
            self.params_ = params
            return super().fit(X, y)

    params = {"text": "x" * 60, "table": dict.fromkeys(range(60)), "none": None}
    params |= {"scalar": np.float64(60), "other": np.arange(59)}
    wrapped = LabeledOnly(Remembering()).fit(X, y, matrix=np.eye(60), **params)
    got = wrapped.estimator_.params_
    np.testing.assert_array_equal(got.pop("matrix"), np.eye(60)[y != -1])
    assert all(got[name] is params[name] for name in params)
    assert got.keys() == params.keys()


@pytest.mark.parametrize(
    "estimator",
    [
        LinearRegression(),
        StandardScaler(),
        make_pipeline(StandardScaler(), LinearRegression()),
        GridSearchCV(LinearRegression(), {}),
        LogisticRegression,
        "junk",
    ],
    ids=lambda estimator: str(estimator)[:20],
)
def test_what_is_no_classifier_is_refused(estimator, blobs):
    X, _, y = blobs
    sentence = (
        "The 'estimator' parameter of LabeledOnly must be a classifier, such as "
        "LogisticRegression(), or a pipeline or search that ends in one. Got "
        f"{estimator!r} instead."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        LabeledOnly(estimator).fit(X, y)


@pytest.mark.parametrize(
    "classifier",
    [
        SVC(kernel="precomputed"),
        KNeighborsClassifier(metric="precomputed"),
        GridSearchCV(SVC(kernel="precomputed"), {"C": [1.0]}),
    ],
    ids=str,
)
def test_a_kernel_of_all_rows_is_refused(classifier, blobs):
    X, _, y = blobs
    wrapped = LabeledOnly(classifier)
    assert not get_tags(wrapped).input_tags.pairwise
    sentence = (
        f"LabeledOnly takes rows of X only, but {classifier!r} needs an X of "
        "similarities or distances between all rows. Let it compute them from "
        "features, or fit it without LabeledOnly on X[np.ix_(rows, rows)] and y[rows], "
        "with rows = np.flatnonzero(is_labeled(y))."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        wrapped.fit(X @ X.T, y)
    # the cure that the sentence names
    rows, kernel = np.flatnonzero(is_labeled(y)), np.abs(X @ X.T)
    cured = clone(classifier).fit(kernel[np.ix_(rows, rows)], y[rows])
    assert set(cured.classes_) == {0, 1, 2}


def test_the_default_classifier_learns_one_label_a_row(blobs):
    X, y, _ = blobs
    indicator = np.eye(3, dtype=int)[y]
    indicator[::2] = -1
    sentence = (
        "The default classifier of LabeledOnly, LogisticRegression, cannot learn "
        "several labels a row, but y is an indicator of 3 classes. Give one that can, "
        "such as OneVsRestClassifier(LogisticRegression()) or KNeighborsClassifier()."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        LabeledOnly().fit(X, indicator)
    one_vs_rest = LabeledOnly(OneVsRestClassifier(LogisticRegression()))
    assert one_vs_rest.fit(X, indicator).score(X, indicator) > 0.5


def test_binary_labels_of_minus_one_and_one_are_two_classes(blobs):
    X, y, _ = blobs
    binary = np.where(y == 0, -1, 1)
    with pytest.warns(UserWarning, match="looks like binary labels") as caught:
        wrapped = LabeledOnly().fit(X, binary)
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(wrapped.classes_, [-1, 1])
    # the score does not take the class -1 for a missing label either
    assert wrapped.score(X, binary) == np.mean(wrapped.predict(X) == binary)


# --- rows of X that could not be read

BROKEN = np.array([0, 5, 30, 58])
READABLE = np.setdiff1d(np.arange(60), BROKEN)
UNREAD = (
    "LabeledOnly leaves out 4 of 60 rows of X that could not be read, first row 0. "
    "LogMel(errors='warn') returns such clips as rows of NaN. "
)


def break_rows(X):
    X = np.array(X, dtype=float)
    X[BROKEN] = np.nan
    return X


@pytest.mark.parametrize(
    ("names", "dtype"),
    [
        ([0, 1, 2], int),
        ([0.0, 1.0, 2.0], float),
        (["dog", "rain", "crow"], object),
        (np.array([0, 1, 2], dtype=np.uint8), np.int64),
    ],
    ids=["int", "float", "str", "uint8"],
)
def test_what_could_not_be_read_gets_no_label_and_no_probability(names, dtype, blobs):
    X, y, masked = blobs
    target = np.array(names)[y]
    if dtype in (float, int):
        target = np.where(masked == -1, -1, target)
    broken = break_rows(X)
    with pytest.warns(UserWarning, match=f"^{re.escape(UNREAD)}") as caught:
        wrapped = LabeledOnly().fit(broken, target)
        predicted = wrapped.predict(broken)
        probabilities = wrapped.predict_proba(broken)
        decision = wrapped.decision_function(broken)
        score = wrapped.score(broken, target)
    assert [str(warning.message).removeprefix(UNREAD) for warning in caught] == [
        "Nothing is learned from them.",
        "predict returns -1 there.",
        "predict_proba returns NaN there.",
        "decision_function returns NaN there.",
        "They are not scored.",
    ]
    assert {warning.filename for warning in caught} == {__file__}
    rows = READABLE[is_labeled(target)[READABLE]]
    alone = LogisticRegression(max_iter=1000).fit(X[rows], target[rows])
    assert predicted.dtype == dtype
    assert predicted[BROKEN].tolist() == [-1] * 4
    np.testing.assert_array_equal(predicted[READABLE], alone.predict(X[READABLE]))
    for got, expected in (
        (probabilities, alone.predict_proba(X[READABLE])),
        (decision, alone.decision_function(X[READABLE])),
    ):
        assert np.isnan(got[BROKEN]).all()
        np.testing.assert_array_equal(got[READABLE], expected)
    assert score == alone.score(X[rows], target[rows])
    # of rows that can all be read the dtype is that of the classifier
    assert wrapped.predict(X).dtype == alone.predict(X).dtype == target.dtype


@pytest.mark.filterwarnings("ignore:LabeledOnly leaves out")
def test_an_indicator_gets_rows_of_minus_one(blobs):
    X, y, masked = blobs
    indicator = np.where(masked[:, None] == -1, -1, np.eye(3, dtype=int)[y])
    broken = break_rows(X)
    for classifier in (
        KNeighborsClassifier(),
        OneVsRestClassifier(LogisticRegression()),
        MultiOutputClassifier(GaussianNB()),
    ):
        wrapped = LabeledOnly(classifier).fit(broken, indicator)
        predicted = wrapped.predict(broken)
        assert predicted.shape == (60, 3)
        assert (predicted[BROKEN] == -1).all()
        rows = READABLE[masked[READABLE] != -1]
        alone = clone(classifier).fit(X[rows], indicator[rows])
        np.testing.assert_array_equal(predicted[READABLE], alone.predict(X[READABLE]))
        found, expected = (
            np.array(fitted.predict_proba(of))
            for fitted, of in ((wrapped, broken), (alone, X[READABLE]))
        )
        # an array, or a list of arrays with one for each class
        axis = found.ndim - 2
        assert np.isnan(found.take(BROKEN, axis)).all()
        np.testing.assert_array_equal(found.take(READABLE, axis), expected)
        assert wrapped.score(broken, indicator) == alone.score(X[rows], indicator[rows])


@pytest.mark.filterwarnings("ignore:LabeledOnly leaves out")
def test_kinds_of_x_with_rows_that_could_not_be_read(blobs):
    X, _, y = blobs
    classifier = make_pipeline(FunctionTransformer(pooled), GaussianNB())
    cube = np.repeat(X[:, :, None], 3, axis=2).astype(np.float32)
    padded = cube.copy()
    padded[7, :, 2] = np.nan  # a shorter clip, which could be read
    cube[BROKEN] = np.nan
    ragged = [clip[:, : 1 + i % 3] for i, clip in enumerate(cube)]
    boxed = np.empty(60, dtype=object)
    boxed[:] = ragged
    names = pd.DataFrame(break_rows(X), columns=["a", "b"])
    for rows, model in (
        (cube, classifier),
        (cube.astype(np.float16), classifier),
        (ragged, classifier),
        (tuple(ragged), classifier),
        (boxed, classifier),
        (names, GaussianNB()),
        (pl.DataFrame(break_rows(X), schema=["a", "b"]), GaussianNB()),
    ):
        predicted = LabeledOnly(model).fit(rows, y).predict(rows)
        np.testing.assert_array_equal(np.flatnonzero(predicted == -1), BROKEN)
    with pytest.raises(ValueError, match="NaN"):
        LabeledOnly(classifier).fit(padded, np.where(y == -1, 0, y))


@pytest.mark.filterwarnings("ignore:LabeledOnly leaves out")
def test_where_nothing_could_be_read_the_shape_stays(blobs):
    X, y, _ = blobs
    nothing = np.full((2, 2), np.nan)
    wrapped = LabeledOnly().fit(X, np.array(["dog", "rain", "crow"])[y])
    for rows in (nothing, nothing[:1]):
        assert wrapped.predict(rows).tolist() == [-1] * len(rows)
        assert wrapped.predict(rows).dtype == object
        assert np.isnan(wrapped.predict_proba(rows)).all()
        assert wrapped.predict_proba(rows).shape == (len(rows), 3)
    binary = LabeledOnly(LinearSVC()).fit(X, y > 0)
    assert binary.predict(nothing).tolist() == [-1, -1]
    assert binary.decision_function(nothing).shape == (2,)
    several = LabeledOnly(KNeighborsClassifier()).fit(X, np.eye(3, dtype=int)[y])
    assert several.predict(nothing).tolist() == [[-1] * 3] * 2
    assert np.shape(several.predict_proba(nothing)) == (3, 2, 2)
    table = pd.DataFrame(X, columns=["a", "b"])
    named = LabeledOnly().fit(table, y)
    assert named.predict(table.iloc[:2] * np.nan).tolist() == [-1, -1]


@pytest.mark.filterwarnings("ignore:LabeledOnly leaves out")
def test_weights_of_what_could_not_be_read_go_with_it(blobs):
    X, _, y = blobs
    weight = np.random.default_rng(0).random(60)
    rows = READABLE[y[READABLE] != -1]
    broken = break_rows(X)
    wrapped = LabeledOnly().fit(broken, y, sample_weight=weight.tolist())
    alone = LogisticRegression(max_iter=1000).fit(X[rows], y[rows], weight[rows])
    np.testing.assert_array_equal(
        wrapped.predict_proba(X[READABLE]), alone.predict_proba(X[READABLE])
    )
    assert wrapped.score(broken, y, sample_weight=weight) == alone.score(
        X[rows], y[rows], weight[rows]
    )


def test_missing_values_are_for_the_classifier_to_judge(blobs):
    X, _, y = blobs
    X[::2, 0] = np.nan
    forest = HistGradientBoostingClassifier(max_iter=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wrapped = LabeledOnly(forest).fit(X, y)
        predicted = wrapped.predict(X)
    alone = clone(forest).fit(X[y != -1], y[y != -1])
    np.testing.assert_array_equal(predicted, alone.predict(X))
    # also such a classifier is not asked of a row with nothing in it
    X[3] = np.nan
    with pytest.warns(UserWarning, match="leaves out 1 of 60 rows"):
        assert wrapped.predict(X)[3] == -1


@pytest.mark.filterwarnings("ignore:LabeledOnly leaves out", "ignore:y holds only -1")
def test_refusals_of_rows_that_could_not_be_read(blobs):
    X, y, _ = blobs
    broken = break_rows(X)
    binary = LabeledOnly().fit(X, np.where(y == 0, -1, 1))
    sentence = (
        "LabeledOnly has learned -1 as a class, so it cannot be the prediction of the "
        "4 rows of X that hold nothing but NaN. Recode binary labels as 0 and 1, or "
        "drop these rows."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        binary.predict(broken)
    assert np.isnan(binary.predict_proba(broken)[BROKEN]).all()
    sentence = (
        "LabeledOnly got no labeled row of X that could be read: all 4 are rows of "
        "NaN. Repair the recordings, or label others."
    )
    few = np.where(np.isin(np.arange(60), BROKEN), y, -1)
    for ask in (LabeledOnly().fit, LabeledOnly().fit(X, y).score):
        with pytest.raises(ValueError, match=whole(sentence)):
            ask(broken, few)


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (
            None,
            "LabeledOnly requires y to be passed, but the target y is None. Give one "
            "label per row of X, and -1 where unlabeled.",
        ),
        (
            [-1, -1, -1, -1],
            "LabeledOnly got a y in which none of the 4 rows is known: all hold -1. "
            "Give at least one labeled row.",
        ),
        (
            [[0, 1], [-1, -1], [1, -1], [-1, 0]],
            "LabeledOnly needs the labeled rows of y to be known in full. Got single "
            "entries of -1 in 2 of them, first in row 2. Fill them in, or "
            "leave such rows out by y[(y == -1).any(axis=1)] = -1.",
        ),
        (
            [0, 1, -1],
            "X and y of LabeledOnly must have one row per clip. Got 4 clips in X and 3 "
            "rows in y (inconsistent numbers of samples).",
        ),
    ],
)
def test_refusals_of_y(y, sentence):
    with pytest.raises(ValueError, match=whole(sentence)):
        LabeledOnly(KNeighborsClassifier()).fit(np.eye(4), y)
