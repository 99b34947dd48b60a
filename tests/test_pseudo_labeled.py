"""PseudoLabeled: probabilities aligned, spread over a graph and learned by a clone."""

import pickle

import numpy as np
import pandas as pd
import pytest
from helpers import make_indicator, whole
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from sklearn_triplet import (
    LabeledOnly,
    PseudoLabeled,
    SequenceTagger,
    UnlabeledInTrain,
    labeled_scorer,
    mask_labels,
)

# --- the method written down again, with dense matrices and loops over rows


def align_by_hand(table, prior):
    for _ in range(10):
        table = table / table.sum(axis=0) * len(table) * prior
        table = table / table.sum(axis=1, keepdims=True)
    return table


def spread_by_hand(vectors, table, n_neighbors, alpha):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    weights = np.zeros_like(cosine)
    for row, similar in enumerate(cosine):
        for other in np.argsort(-similar)[:n_neighbors]:
            heavy = max(similar[other], 0) ** 3
            weights[row, other] = weights[other, row] = heavy
    degrees = weights.sum(axis=1)
    normalized = weights / np.sqrt(np.outer(degrees, degrees))
    found = np.linalg.solve(np.eye(len(table)) - alpha * normalized, table)
    return found / found.sum(axis=1, keepdims=True)


def pseudo_label_by_hand(X, y, classifier, n_neighbors=5, alpha=0.65, prior=None):
    known = y != -1
    table = clone(classifier).fit(X[known], y[known]).predict_proba(X)
    classes = np.unique(y[known])
    truth = (y[:, None] == classes).astype(float)
    if prior is None:
        prior = truth[known].sum(axis=0) + 1
        prior = prior / prior.sum()
    table = np.where(known[:, None], truth, align_by_hand(table, prior))
    table = align_by_hand(spread_by_hand(X, table, n_neighbors, alpha), prior)
    return np.where(known[:, None], truth, table)


@pytest.mark.parametrize("n_neighbors", [1, 5])
@pytest.mark.parametrize("alpha", [0.3, 0.65])
@pytest.mark.parametrize("prior", [None, np.array([0.2, 0.3, 0.5])], ids=str)
def test_is_the_method_of_the_notes(prior, alpha, n_neighbors, blobs):
    X, y = blobs
    y = mask_labels(y, 12, random_state=0)
    settings = {"n_neighbors": n_neighbors, "alpha": alpha}
    inner = LogisticRegression()
    expected = pseudo_label_by_hand(X, y, inner, prior=prior, **settings)
    given = {} if prior is None else {"prior": prior}
    classifier = PseudoLabeled(inner, **settings, **given).fit(X, y)
    found = classifier.pseudo_label_distributions_
    np.testing.assert_allclose(found, expected, atol=1e-3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_array_equal(classifier.transduction_, found.argmax(axis=1))
    confidence = classifier.pseudo_label_confidence_
    np.testing.assert_array_equal(confidence, found.max(axis=1))
    assert (confidence[y != -1] == 1).all()
    np.testing.assert_array_equal(classifier.transduction_[y != -1], y[y != -1])
    again = LogisticRegression().fit(X, found.argmax(axis=1), confidence)
    np.testing.assert_array_equal(classifier.predict_proba(X), again.predict_proba(X))
    assert not hasattr(inner, "classes_")


@pytest.mark.parametrize(
    "classifier",
    [
        KNeighborsClassifier(),
        MultiOutputClassifier(GaussianNB()),
        OneVsRestClassifier(LogisticRegression()),
    ],
    ids=lambda classifier: type(classifier).__name__,
)
def test_each_class_of_an_indicator_is_spread_by_itself(classifier):
    y = make_indicator(n_classes=3, n_rows=150) | (np.arange(150) % 3 == 0)[:, None]
    rng = np.random.default_rng(0)
    X = np.hstack([y, 1 - y]) + rng.normal(0, 0.3, (150, 6))
    truth = y
    y = mask_labels(y, 60, random_state=0)
    known = np.flatnonzero((y != -1).all(axis=1))
    y[known[:5], 1] = -1  # known in part
    full = (y != -1).all(axis=1)
    wrapped = PseudoLabeled(classifier).fit(X, y)
    first = clone(classifier).fit(X[full], y[full])
    probabilities = first.predict_proba(X)
    if isinstance(probabilities, list):
        probabilities = np.column_stack([table[:, 1] for table in probabilities])
    for column in range(3):
        known = y[:, column] != -1
        present = probabilities[:, column]
        table = np.column_stack([1 - present, present])
        truths = np.column_stack([y[:, column] == 0, y[:, column] == 1])
        share = (np.sum(y[known, column]) + 1) / (known.sum() + 2)
        prior = np.array([1 - share, share])
        table = np.where(known[:, None], truths, align_by_hand(table, prior))
        table = align_by_hand(spread_by_hand(X, table, 5, 0.65), prior)
        expected = np.where(known, y[:, column], table[:, 1])
        found = wrapped.pseudo_label_distributions_[:, column]
        np.testing.assert_allclose(found, expected, atol=1e-3)
    found = wrapped.pseudo_label_distributions_
    np.testing.assert_array_equal(wrapped.transduction_, found > 0.5)
    np.testing.assert_allclose(
        wrapped.pseudo_label_confidence_, np.maximum(found, 1 - found).mean(axis=1)
    )
    assert (wrapped.predict(X) == truth).mean() > 0.9
    assert wrapped.score(X, y_or_nothing(y)) > 0.5


def y_or_nothing(y):
    """Hide the rows that are known in part, which no score can count."""
    return np.where((y == -1).any(axis=1, keepdims=True), -1, y)


def test_pays_on_digits_with_three_labels_a_class():
    X, digits = load_digits(return_X_y=True)
    gains = []
    for seed in range(5):
        train, test, truth, expected = train_test_split(
            X, digits, test_size=0.33, random_state=seed, stratify=digits
        )
        y = mask_labels(truth, 30, random_state=seed)
        few, all_rows = (
            f1_score(expected, model.fit(train, y).predict(test), average="macro")
            for model in (LabeledOnly(), PseudoLabeled())
        )
        gains.append(all_rows - few)
    assert np.mean(gains) > 0.04
    assert np.min(gains) > 0


# --- what y may be


@pytest.mark.filterwarnings("ignore:y holds only -1 and")
def test_where_all_rows_are_labeled_nothing_is_added():
    X, y = make_blobs(60, centers=3, random_state=0)
    words = np.array(["dog", "rain", "crow"])[y]
    for target in (y, words, words.astype(object), np.where(y == 0, -1, 1)):
        classifier = PseudoLabeled().fit(X, target)
        alone = LogisticRegression(max_iter=1000).fit(X, target)
        np.testing.assert_array_equal(
            classifier.predict_proba(X), alone.predict_proba(X)
        )
        np.testing.assert_array_equal(classifier.transduction_, target)
        assert (classifier.pseudo_label_confidence_ == 1).all()
        assert classifier.transduction_.dtype == target.dtype


def test_names_beside_minus_one(blobs):
    X, y = blobs
    words = np.array(["crow", "dog", "rain", -1], dtype=object)[y]
    by_number = PseudoLabeled().fit(X, y)
    for target in (words, words.tolist(), pd.Series(words)):
        by_name = PseudoLabeled().fit(X, target)
        assert list(by_name.classes_) == ["crow", "dog", "rain"]
        assert set(by_name.transduction_) == {"crow", "dog", "rain"}
        np.testing.assert_array_equal(
            by_name.predict_proba(X), by_number.predict_proba(X)
        )
        names = by_name.classes_[by_number.transduction_]
        np.testing.assert_array_equal(by_name.transduction_, names)


def test_one_labeled_row_of_each_class_is_enough():
    X, truth = make_blobs(90, centers=[(9, 0), (0, 9), (-9, -9)], random_state=0)
    y = np.full(90, -1)
    for label in range(3):
        y[np.flatnonzero(truth == label)[0]] = label
    classifier = PseudoLabeled().fit(X, y)
    np.testing.assert_array_equal(classifier.transduction_, truth)
    assert classifier.score(X, truth) == 1


def test_the_order_of_rows_has_no_influence(blobs):
    X, y = blobs
    order = np.random.default_rng(0).permutation(len(X))
    first, second = PseudoLabeled().fit(X, y), PseudoLabeled().fit(X[order], y[order])
    np.testing.assert_allclose(
        first.pseudo_label_distributions_[order],
        second.pseudo_label_distributions_,
        atol=1e-4,
    )
    np.testing.assert_array_equal(first.transduction_[order], second.transduction_)


def test_pseudo_labels_have_the_shares_of_the_prior():
    # nine rows in ten are of one class, and the labels say so
    X, truth = make_blobs([450, 50], cluster_std=3.0, random_state=3)
    y = mask_labels(truth, 40, random_state=0)
    counts = np.bincount(y[y != -1]) + 1
    shares = {}
    for name, prior in (("labels", "labels"), ("even", [0.5, 0.5]), ("none", None)):
        classifier = PseudoLabeled(GaussianNB(), prior=prior).fit(X, y)
        unknown = y == -1
        shares[name] = classifier.pseudo_label_distributions_[unknown].mean(axis=0)[1]
        right = (classifier.transduction_ == truth)[unknown].mean()
        assert right > (0.6 if name == "even" else 0.85)
    assert shares["labels"] == pytest.approx(counts[1] / counts.sum(), abs=0.02)
    assert shares["even"] > shares["labels"] + 0.2
    assert shares["none"] != pytest.approx(shares["labels"], abs=1e-4)


# --- what is learned from, and how much


class Remembering(ClassifierMixin, BaseEstimator):
    """Knows what it was fitted to, and is unsure of everything."""

    def fit(self, X, y, sample_weight=None):
        self.X_, self.y_, self.weight_ = X, y, sample_weight
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        far = np.abs(np.asarray(X)[:, :1] - np.arange(len(self.classes_)))
        return np.exp(-far) / np.exp(-far).sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def test_rows_below_the_threshold_are_not_learned(blobs):
    X, y = blobs
    full = PseudoLabeled(Remembering()).fit(X, y)
    confidence = full.pseudo_label_confidence_
    threshold = np.median(confidence[y == -1])
    part = PseudoLabeled(Remembering(), threshold=threshold).fit(X, y)
    kept = (y != -1) | (confidence >= threshold)
    assert 84 < kept.sum() < 300
    np.testing.assert_array_equal(part.estimator_.X_, X[kept])
    np.testing.assert_array_equal(part.estimator_.y_, full.transduction_[kept])
    np.testing.assert_array_equal(part.estimator_.weight_, confidence[kept])
    np.testing.assert_array_equal(part.transduction_, full.transduction_)
    only = PseudoLabeled(Remembering(), threshold=1.0).fit(X, y)
    np.testing.assert_array_equal(only.estimator_.X_, X[y != -1])


def test_a_class_without_labels_is_less_sure():
    centers = [(10, 0), (0, 10), (7, 7)]
    X, truth = make_blobs(150, centers=centers, random_state=0)
    y = np.where(truth == 2, -1, mask_labels(truth, 90, random_state=0))
    confidence = PseudoLabeled().fit(X, y).pseudo_label_confidence_
    foreign, own = confidence[truth == 2], confidence[(truth != 2) & (y == -1)]
    assert np.median(foreign) < np.median(own)


@pytest.mark.parametrize("routing", [False, True])
def test_rows_are_weighted_by_confidence(routing, blobs):
    X, y = blobs
    weight = np.random.default_rng(0).random(300) + 0.1
    with config_context(enable_metadata_routing=routing):
        inner = LogisticRegression()
        if routing:
            inner.set_fit_request(sample_weight=True)
        for model in (inner, make_pipeline(FunctionTransformer(), inner)):
            in_pipeline = hasattr(model, "steps") and not routing
            step = "logisticregression__" if in_pipeline else ""
            name = f"{step}sample_weight"
            for given in ({}, {name: weight}, {name: None}):
                classifier = PseudoLabeled(model).fit(X, y, **given)
                combined = classifier.pseudo_label_confidence_.copy()
                if given.get(name) is not None:
                    combined *= weight
                alone = LogisticRegression().fit(X, classifier.transduction_, combined)
                np.testing.assert_array_equal(
                    classifier.predict_proba(X), alone.predict_proba(X)
                )


def test_where_no_weights_are_taken_rows_count_alike(blobs):
    X, y = blobs
    for model in (
        KNeighborsClassifier(),
        make_pipeline(StandardScaler(), KNeighborsClassifier()),
        OneVsRestClassifier(LogisticRegression()),
    ):
        classifier = PseudoLabeled(model).fit(X, y)
        alone = clone(model).fit(X, classifier.transduction_)
        np.testing.assert_array_equal(
            classifier.predict_proba(X), alone.predict_proba(X)
        )


# --- what X may be


def pooled(clips):
    return np.array([[np.nanmean(clip), np.nanstd(clip)] for clip in clips])


def test_clips_are_compared_by_mean_and_deviation():
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 2
    loudness = 1 + 3 * truth[:, None, None]
    clips = rng.normal(size=(60, 3, 12)).astype(np.float32) * loudness
    lengths = rng.integers(6, 13, 60)
    padded = clips.copy()
    for clip, length in zip(padded, lengths, strict=True):
        clip[:, length:] = np.nan
    ragged = [clip[:, :length] for clip, length in zip(clips, lengths, strict=True)]
    table = np.array([[*clip.mean(axis=1), *clip.std(axis=1)] for clip in ragged])
    y = mask_labels(truth, 6, random_state=0)
    model = make_pipeline(FunctionTransformer(pooled), GaussianNB())
    probabilities = pooled(ragged)
    boxed = np.empty(60, dtype=object)
    boxed[:] = ragged
    known = y != -1
    first = GaussianNB().fit(probabilities[known], y[known])
    prior = np.array([0.5, 0.5])
    start = align_by_hand(first.predict_proba(probabilities), prior)
    hot = np.eye(2)[y]
    start = np.where(known[:, None], hot, start)
    expected = align_by_hand(spread_by_hand(table, start, 5, 0.65), prior)
    expected = np.where(known[:, None], hot, expected)
    for X in (padded, ragged, tuple(ragged), boxed, padded.astype(np.float64)):
        classifier = PseudoLabeled(model).fit(X, y)
        np.testing.assert_allclose(
            classifier.pseudo_label_distributions_, expected, atol=2e-3
        )
        assert (classifier.predict(X) == truth).mean() > 0.9


def test_a_tagger_of_frames_learns_from_pseudo_labels():
    rng = np.random.default_rng(0)
    truth = np.arange(40) % 2
    X = rng.normal(size=(40, 4, 20)).astype(np.float32)
    X[truth == 1, :2] += 2
    X[:7, :, 15:] = np.nan
    y = mask_labels(truth, 4, random_state=0)
    tagger = SequenceTagger(n_cells=4, max_epochs=20, lr=0.02, random_state=0)
    classifier = PseudoLabeled(tagger).fit(X, y)
    assert (classifier.transduction_ == truth).mean() > 0.9
    assert (classifier.predict(X) == truth).mean() > 0.9
    indicator = np.where(y[:, None] == -1, -1, np.eye(2, dtype=int)[y])
    several = PseudoLabeled(tagger).fit(X, indicator)
    assert several.predict(X).shape == (40, 2)


def test_tables_and_sparse_rows(blobs):
    X, y = blobs
    expected = PseudoLabeled().fit(X, y)
    table = pd.DataFrame(X, columns=["a", "b"])
    for rows in (X.tolist(), table, sparse.csr_array(X), sparse.coo_matrix(X)):
        classifier = PseudoLabeled().fit(rows, y)
        np.testing.assert_allclose(
            classifier.pseudo_label_distributions_,
            expected.pseudo_label_distributions_,
            atol=1e-6,
        )
    assert list(PseudoLabeled().fit(table, y).feature_names_in_) == ["a", "b"]


def test_rows_that_resemble_none_and_rows_that_are_alike():
    X = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    y = [0, -1, 1, -1, -1]
    classifier = PseudoLabeled(n_neighbors=1).fit(X, y)
    np.testing.assert_array_equal(classifier.transduction_[:4], [0, 0, 1, 1])
    assert np.isfinite(classifier.pseudo_label_distributions_).all()
    # more neighbours than there are other rows
    np.testing.assert_array_equal(
        PseudoLabeled(n_neighbors=99).fit(X, y).transduction_[:4], [0, 0, 1, 1]
    )


def test_rows_that_could_not_be_read_are_not_learned(blobs):
    X, y = blobs
    words = np.array(["crow", "dog", "rain", -1], dtype=object)[y]
    broken = np.array([3, 40, 299])
    rest = np.setdiff1d(np.arange(300), broken)
    expected = PseudoLabeled().fit(X[rest], words[rest])
    X[broken] = np.nan
    sentence = (
        "PseudoLabeled leaves out 3 of 300 rows of X that could not be read, first row "
        "3. LogMel(errors='warn') returns such clips as rows of NaN. Nothing is "
        "learned from them."
    )
    with pytest.warns(UserWarning, match=whole(sentence)) as caught:
        classifier = PseudoLabeled().fit(X, words, sample_weight=np.ones(300))
    assert [warning.filename for warning in caught] == [__file__]
    assert classifier.transduction_[broken].tolist() == [-1] * 3
    assert np.isnan(classifier.pseudo_label_distributions_[broken]).all()
    assert np.isnan(classifier.pseudo_label_confidence_[broken]).all()
    np.testing.assert_array_equal(
        classifier.transduction_[rest], expected.transduction_
    )
    np.testing.assert_array_equal(
        classifier.predict_proba(X[rest]), expected.predict_proba(X[rest])
    )
    with pytest.warns(UserWarning, match="^PseudoLabeled leaves out 3 of 300"):
        assert classifier.predict(X)[broken].tolist() == [-1] * 3


@pytest.mark.filterwarnings("ignore:PseudoLabeled leaves out")
def test_a_class_of_which_nothing_could_be_read_is_not_there(blobs):
    X, y = blobs
    X[y == 2] = np.nan
    classifier = PseudoLabeled().fit(X, y)
    assert classifier.classes_.tolist() == [0, 1]
    assert set(classifier.transduction_[y != 2]) == {0, 1}


# --- beside scikit-learn


def test_a_search_over_its_parameters(blobs):
    X, y = blobs
    grid = {"alpha": [0.0, 0.65], "n_neighbors": [2, 8], "estimator__C": [1e-4, 1.0]}
    search = GridSearchCV(
        PseudoLabeled(LogisticRegression()),
        grid,
        cv=UnlabeledInTrain(3),
        scoring=labeled_scorer("f1_macro"),
        error_score="raise",
        return_train_score=True,
    ).fit(X, y)
    assert search.best_score_ > 0.6
    fitted = search.best_estimator_
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict(X), fitted.predict(X))
    again = clone(fitted).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


ROWS = np.eye(6) + 1
UNSURE = [0, 0, 1, 1, -1, -1]


@pytest.mark.parametrize(
    ("parameters", "y", "sentence"),
    [
        (
            {"n_neighbors": 0},
            UNSURE,
            "The 'n_neighbors' parameter of PseudoLabeled must be an integer in [1, "
            "inf). Got 0 instead.",
        ),
        (
            {"alpha": 1.0},
            UNSURE,
            "The 'alpha' parameter of PseudoLabeled must be a number in [0, 1). Got "
            "1.0 instead.",
        ),
        (
            {"threshold": 1.1},
            UNSURE,
            "The 'threshold' parameter of PseudoLabeled must be a number in [0, 1]. "
            "Got 1.1 instead.",
        ),
        (
            {"prior": "uniform"},
            UNSURE,
            "The 'prior' parameter of PseudoLabeled must be 'labels', None or one "
            "share per class. Got 'uniform' instead.",
        ),
        *(
            (
                {"prior": bad},
                UNSURE,
                "The 'prior' parameter of PseudoLabeled must be 'labels', None or 2 "
                "numbers in (0, 1), one share per class, which sum to 1. Got "
                f"{bad!r} instead.",
            )
            for bad in ([0.5, 0.6], [0.2, 0.3, 0.5], [0.0, 1.0], 0.5)
        ),
        (
            {"estimator": KNeighborsClassifier(), "prior": [0.5, 1.0]},
            [[0, 1], [1, 0], [1, 1], [0, 0], [-1, -1], [-1, 0]],
            "The 'prior' parameter of PseudoLabeled must be 'labels', None or 2 "
            "numbers in (0, 1), one share per class. Got [0.5, 1.0] instead.",
        ),
        (
            {"estimator": SVC()},
            UNSURE,
            "The 'estimator' parameter of PseudoLabeled must have predict_proba, from "
            "which pseudo-labels are made. Got SVC(): wrap it in "
            "CalibratedClassifierCV, or choose another.",
        ),
        (
            {"estimator": "junk"},
            UNSURE,
            "The 'estimator' parameter of PseudoLabeled must be a classifier, such as "
            "LogisticRegression(), or a pipeline or search that ends in one. Got "
            "'junk' instead.",
        ),
        (
            {},
            [-1] * 6,
            "PseudoLabeled got a y in which none of the 6 rows is known: all hold -1. "
            "Give at least one labeled row.",
        ),
        (
            {},
            None,
            "PseudoLabeled requires y to be passed, but the target y is None. Give "
            "one label per row of X, and -1 where unlabeled.",
        ),
        (
            {},
            [[0, 1]] * 6,
            "The default classifier of PseudoLabeled, LogisticRegression, cannot learn "
            "several labels a row, but y is an indicator of 2 classes. Give one that "
            "can, such as OneVsRestClassifier(LogisticRegression()) or "
            "KNeighborsClassifier().",
        ),
        (
            {"estimator": KNeighborsClassifier()},
            [[0, -1]] * 6,
            "PseudoLabeled begins with rows of y that are known in full, but some "
            "entries are -1 in each row. Fill in a few rows.",
        ),
    ],
)
def test_refusals(parameters, y, sentence):
    with pytest.raises(ValueError, match=whole(sentence)):
        PseudoLabeled(**parameters).fit(ROWS, y)


def test_paths_and_missing_values_are_refused(blobs):
    X, y = blobs
    read = FunctionTransformer(lambda paths: X[[int(p[:-4]) for p in paths]])
    paths = [f"{i}.wav" for i in range(300)]
    sentence = (
        "PseudoLabeled compares rows of X by their features, so X must have shape "
        "(n_rows, n_features) or (n_rows, n_features, n_frames). Got rows of 0 "
        "dimensions: put LogMel or another transformer before it."
    )
    for rows in (paths, np.array(paths), pd.Series(paths, index=np.arange(300) + 7)):
        with pytest.raises(ValueError, match=whole(sentence)):
            PseudoLabeled(make_pipeline(read, LogisticRegression())).fit(rows, y)
    fitted = make_pipeline(read, PseudoLabeled()).fit(paths, y)
    assert (fitted.predict(paths) == PseudoLabeled().fit(X, y).predict(X)).all()
    X[0, 0] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        PseudoLabeled(GaussianNB()).fit(X, np.where(y == 0, -1, y))
