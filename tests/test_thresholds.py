"""Thresholds per class: chosen on held-out rows, for any classifier and the taggers."""

import itertools
import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from helpers import make_indicator, whole
from scipy import sparse
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import f1_score, fbeta_score
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_triplet import (
    CRNNTagger,
    LabeledOnly,
    MultilabelStratifiedKFold,
    PseudoLabeled,
    SequenceTagger,
    TripletTagger,
    TunedThresholds,
    UnlabeledInTrain,
    is_labeled,
    labeled_scorer,
    mask_labels,
)
from sklearn_triplet._input.labels import check_labels
from sklearn_triplet._model_selection.thresholds import (
    choose_thresholds,
    find_best_thresholds,
)

LINEAR = OneVsRestClassifier(LogisticRegression())


def choose(probabilities, y, **settings):
    labels = check_labels(np.asarray(y), len(y), "test")
    return choose_thresholds(
        np.asarray(probabilities, float), labels, random_state=0, **settings
    )


def best_alone(probabilities, present, beta=1.0):
    once = np.ones((1, len(present)), int)
    found = find_best_thresholds(
        np.asarray(probabilities, float), np.asarray(present, bool), once, beta
    )
    return found[0]


@pytest.fixture
def data():
    """Four rare classes, of which a linear classifier is never as sure as 0.5."""
    X = np.random.default_rng(0).normal(size=(600, 4))
    noise = np.random.default_rng(1).normal(size=(600, 4))
    truth = (X + noise > 1.5).astype(int)
    return X, truth, mask_labels(truth, 0.2, random_state=0)


# --- the choice


@pytest.mark.parametrize(
    ("probabilities", "present", "expected"),
    [
        # TP 2, FP 1: F1 .8 at .2; TP 1: .667 at .4; TP 2, FP 2: .667 at .1
        ([0.4, 0.3, 0.2, 0.1], [1, 0, 1, 0], 0.15),
        # perfect from .3 to .8, where 0.5 lies
        ([0.8, 0.9, 0.3, 0.1], [1, 1, 0, 0], 0.5),
        # all of them are best called: halfway to 0
        ([0.4, 0.3, 0.2], [1, 0, 1], 0.1),
        # rows of one probability are called together or not at all
        ([0.3, 0.3, 0.3, 0.1], [1, 1, 0, 0], 0.2),
        ([0.7, 0.7, 0.9, 0.6], [0, 0, 1, 0], 0.8),
        # .8 at (.6, .7] and at (.1, .2]: the middle that is nearer to 0.5
        ([0.9, 0.7, 0.6, 0.2, 0.1], [1, 1, 0, 1, 0], 0.15),
        ([0.9, 0.2, 0.1], [0, 0, 0], 0.5),
    ],
)
def test_hand_computed(probabilities, present, expected):
    assert best_alone(probabilities, present) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(30))
def test_no_threshold_is_better(seed):
    rng = np.random.default_rng(seed)
    n = rng.integers(3, 30)
    probabilities = rng.integers(0, 12, n) / 12  # with ties
    present = rng.random(n) < 0.3
    present[0] = True
    beta = rng.choice([0.5, 1.0, 2.0])
    threshold = best_alone(probabilities, present, beta)
    reached = fbeta_score(present, probabilities >= threshold, beta=beta)
    for other in np.linspace(0, 1, 200):
        score = fbeta_score(present, probabilities >= other, beta=beta, zero_division=0)
        assert score <= reached + 1e-12


def test_samples_count_rows_as_often_as_they_are_drawn():
    rng = np.random.default_rng(0)
    probabilities, present = rng.random(12), rng.random(12) < 0.4
    times = rng.integers(0, 3, (20, 12))
    found = find_best_thresholds(probabilities, present, times)
    for threshold, drawn in zip(found, times, strict=True):
        rows = np.repeat(np.arange(12), drawn)
        called = probabilities[rows] >= threshold
        reached = f1_score(present[rows], called, zero_division=0)
        alone = best_alone(probabilities[rows], present[rows])
        best = f1_score(present[rows], probabilities[rows] >= alone, zero_division=0)
        assert reached == pytest.approx(best)


def test_fewer_positives_stay_nearer_to_a_half():
    thresholds = []
    for n_positives in (1, 2, 4, 16):
        # the best threshold is about .1 in any sample that has a positive
        probabilities = np.r_[np.full(n_positives, 0.15), np.full(80, 0.05)]
        present = np.r_[np.ones(n_positives), np.zeros(80)]
        y = np.column_stack([present, 1 - present]).astype(int)
        thresholds.append(choose(np.column_stack([probabilities] * 2), y)[0])
    assert (np.diff(thresholds) < 0).all()
    assert thresholds[-1] == pytest.approx(0.1)
    kept = logit(thresholds) / logit(0.1)
    # all but the share of samples without a positive, of which there are 50
    expected = 1 - np.exp(-np.array([1, 2, 4, 16]))
    np.testing.assert_allclose(kept, expected, atol=0.15)


def test_a_class_of_one_kind_has_a_half():
    probabilities = np.tile([[0.1], [0.2], [0.3]], (1, 4))
    y = [[0, 1, -1, 0], [0, 1, 1, 1], [0, 1, -1, -1]]
    probabilities[:, 3] = np.nan
    assert choose(probabilities, y).tolist() == [0.5] * 4


def test_unknown_entries_and_nan_do_not_count():
    rng = np.random.default_rng(0)
    y = make_indicator(60, 3)
    probabilities = rng.random((60, 3)) * 0.5 + y * 0.2
    expected = choose(probabilities, y)
    more, unknown = rng.random((20, 3)), np.full((20, 3), -1)
    found = choose(np.vstack([probabilities, more]), np.vstack([y, unknown]))
    np.testing.assert_array_equal(found, expected)
    found = choose(
        np.vstack([probabilities, np.full((20, 3), np.nan)]),
        np.vstack([y, make_indicator(20, 3)]),
    )
    np.testing.assert_array_equal(found, expected)


def test_beta_moves_thresholds_towards_precision_or_recall():
    rng = np.random.default_rng(0)
    y = make_indicator(200, 4)
    probabilities = expit(rng.normal(size=y.shape) + 1.5 * y - 2)
    careful, even, eager = (
        choose(probabilities, y, beta=beta) for beta in (0.3, 1.0, 3.0)
    )
    assert (careful > even).all()
    assert (even > eager).all()


# --- around classifiers


def test_probabilities_are_those_of_folds_without_the_row(data):
    X, _, y = data
    tuned = TunedThresholds(LabeledOnly(LINEAR), random_state=3).fit(X, y)
    seed = np.random.RandomState(3).randint(2**31 - 1)
    splitter = MultilabelStratifiedKFold(5, shuffle=True, random_state=seed)
    known = np.flatnonzero(is_labeled(y))
    held_out = np.full(y.shape, np.nan)
    for train, test in splitter.split(known, y[known]):
        fitted = clone(LINEAR).fit(X[known[train]], y[known[train]])
        held_out[known[test]] = fitted.predict_proba(X[known[test]])
    # rows in the order of the folds, as they are drawn from
    order = np.concatenate([known[t] for _, t in splitter.split(known, y[known])])
    expected = choose_thresholds(
        held_out[order], check_labels(y[order], None, "test"), random_state=3
    )
    np.testing.assert_array_equal(tuned.thresholds_, expected)
    whole_fit = clone(LINEAR).fit(X[known], y[known])
    np.testing.assert_array_equal(tuned.predict_proba(X), whole_fit.predict_proba(X))
    np.testing.assert_array_equal(
        tuned.predict(X), whole_fit.predict_proba(X) >= expected
    )


def test_it_is_worth_it(data):
    X, truth, y = data
    plain = LabeledOnly(LINEAR).fit(X, y)
    tuned = TunedThresholds(LabeledOnly(LINEAR), random_state=0).fit(X, y)
    before = f1_score(truth, plain.predict(X), average="macro", zero_division=0)
    after = f1_score(truth, tuned.predict(X), average="macro")
    assert after > before + 0.1
    assert tuned.score(X, truth) == (tuned.predict(X) == truth).all(axis=1).mean()
    assert tuned.score(X, y) == tuned.score(X[is_labeled(y)], truth[is_labeled(y)])


@pytest.mark.parametrize(
    "classifier",
    [
        LINEAR,
        MultiOutputClassifier(LogisticRegression()),
        KNeighborsClassifier(3),
        RandomForestClassifier(5, random_state=0),
        make_pipeline(StandardScaler(), LINEAR),
        PseudoLabeled(LINEAR),
        PseudoLabeled(KNeighborsClassifier(3)),
        TripletTagger(n_components=4, max_epochs=2, n_steps=5, random_state=0),
    ],
    ids=lambda classifier: type(classifier).__name__,
)
def test_any_classifier_of_several_labels(classifier, data):
    X, truth, y = data
    learns = isinstance(classifier, PseudoLabeled | TripletTagger)
    inner = classifier if learns else LabeledOnly(classifier)
    tuned = TunedThresholds(inner, cv=3, random_state=0).fit(X, y)
    assert tuned.thresholds_.shape == (4,)
    assert ((tuned.thresholds_ > 0) & (tuned.thresholds_ < 1)).all()
    found = tuned.predict(X)
    assert found.shape == truth.shape
    assert found.dtype.kind == "i"
    answer = tuned.predict_proba(X)
    if isinstance(answer, list):
        answer = np.column_stack([pair[:, 1] for pair in answer])
    np.testing.assert_array_equal(found, answer >= tuned.thresholds_)
    copy = pickle.loads(pickle.dumps(tuned))
    np.testing.assert_array_equal(copy.predict(X), found)
    last = make_pipeline(StandardScaler(), clone(tuned))
    assert last.fit(X, y).predict(X).shape == truth.shape


def test_tables_sparse_rows_and_targets_of_all_kinds(data):
    X, truth, _ = data
    X, truth = X[:200], truth[:200]
    expected = TunedThresholds(LINEAR, random_state=0).fit(X, truth).thresholds_
    table = pd.DataFrame(X, columns=list("abcd"))
    for rows, target in itertools.product(
        (X, table, sparse.csr_array(X)),
        (truth.tolist(), pd.DataFrame(truth), sparse.csr_array(truth)),
    ):
        fitted = TunedThresholds(LINEAR, random_state=0).fit(rows, target)
        np.testing.assert_allclose(fitted.thresholds_, expected, rtol=1e-6)
    names = TunedThresholds(LINEAR).fit(table, truth > 0).feature_names_in_
    assert list(names) == list("abcd")


def test_the_same_state_gives_the_same_thresholds(data):
    X, truth, _ = data
    X, truth = X[:150], truth[:150]
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first = TunedThresholds(LINEAR, random_state=0).fit(X, truth).thresholds_
    with joblib.parallel_config("threading"):
        again = TunedThresholds(LINEAR, n_jobs=2, random_state=0).fit(X, truth)
    np.testing.assert_array_equal(again.thresholds_, first)
    other = TunedThresholds(LINEAR, random_state=1).fit(X, truth).thresholds_
    assert (other != first).any()
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    TunedThresholds(LINEAR, random_state=np.random.RandomState(0)).fit(X, truth)


class Remembering(ClassifierMixin, BaseEstimator):
    """Notes what it was fitted with; says of each row its first column."""

    seen = []  # noqa: RUF012

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.arange(y.shape[1])
        self.seen.append((X[:, 1].astype(int), y, sample_weight))
        return self

    def predict_proba(self, X):
        return np.repeat(X[:, :1], len(self.classes_), axis=1)

    def predict(self, X):
        return self.predict_proba(X) >= 0.5


def test_unlabeled_rows_and_groups_in_the_folds():
    rng = np.random.default_rng(0)
    groups = np.arange(40) % 4
    y = make_indicator(40, 2)
    y[20:] = -1
    X = np.column_stack([rng.random(40), np.arange(40)])
    weights = rng.random(40)
    Remembering.seen.clear()
    TunedThresholds(Remembering(), cv=4).fit(X, y, sample_weight=weights)
    *folds, last = Remembering.seen
    assert len(folds) == 4
    for rows, target, weight in folds:
        assert set(rows) >= set(range(20, 40))
        np.testing.assert_array_equal(target, y[rows])
        np.testing.assert_array_equal(weight, weights[rows])
    held_out = np.concatenate([np.setdiff1d(np.arange(40), rows) for rows, *_ in folds])
    assert sorted(held_out) == list(range(20))
    np.testing.assert_array_equal(last[0], np.arange(40))
    Remembering.seen.clear()
    cv = UnlabeledInTrain(GroupKFold(4))
    TunedThresholds(Remembering(), cv=cv).fit(X, y, groups=groups)
    for rows, *_ in Remembering.seen[:-1]:
        assert len(set(groups[rows])) == 3


def test_metadata_is_routed():
    y, weights = make_indicator(40, 2), np.arange(40.0)
    y[:2], y[20:22] = 1, 1
    X = np.column_stack([np.linspace(0, 1, 40), np.arange(40)])
    with sklearn.config_context(enable_metadata_routing=True):
        asking = Remembering().set_fit_request(sample_weight=True)
        Remembering.seen.clear()
        TunedThresholds(asking, cv=GroupKFold(2)).fit(
            X, y, sample_weight=weights, groups=np.arange(40) // 20
        )
    *folds, _ = Remembering.seen
    for rows, _, weight in folds:
        np.testing.assert_array_equal(weight, weights[rows])
    # each fold learns from one group
    assert sorted(rows[0] // 20 for rows, *_ in folds) == [0, 1]
    assert all(len(set(rows // 20)) == 1 for rows, *_ in folds)


def test_folds_as_lists_and_repeated(data):
    X, truth, _ = data
    folds = list(KFold(3).split(X))
    by_list = TunedThresholds(LINEAR, cv=folds, random_state=0).fit(X, truth)
    by_splitter = TunedThresholds(LINEAR, cv=KFold(3), random_state=0).fit(X, truth)
    by_generator = TunedThresholds(LINEAR, cv=iter(folds), random_state=0)
    for other in (by_splitter, by_generator.fit(X, truth), by_generator.fit(X, truth)):
        np.testing.assert_array_equal(other.thresholds_, by_list.thresholds_)
    # a row may be tested twice, and others never
    twice = TunedThresholds(LINEAR, cv=[folds[0], folds[0]], random_state=0)
    assert twice.fit(X, truth).thresholds_.shape == (4,)


def test_a_fitted_classifier_is_not_fitted_again(data):
    X, truth, _ = data
    fitted = clone(LINEAR).fit(X[:300], truth[:300])
    tuned = TunedThresholds(FrozenEstimator(fitted), random_state=0)
    tuned.fit(X[300:], truth[300:])
    probabilities = fitted.predict_proba(X)
    np.testing.assert_array_equal(tuned.predict_proba(X), probabilities)
    np.testing.assert_array_equal(tuned.predict(X), probabilities >= tuned.thresholds_)
    assert (tuned.thresholds_ < 0.5).all()


def test_a_search_around_it(data):
    X, truth, y = data
    search = GridSearchCV(
        TunedThresholds(LabeledOnly(LINEAR), cv=2, random_state=0),
        {"estimator__estimator__estimator__C": [0.01, 1.0], "beta": [0.1, 1.0]},
        scoring=labeled_scorer("f1_macro"),
        cv=UnlabeledInTrain(2),
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_["beta"] == 1.0
    assert f1_score(truth, search.predict(X), average="macro") > 0.4


def test_classes_that_cannot_be_held_out_are_named(data):
    X, truth, _ = data
    X, y = X[:90], truth[:90].copy()
    y[:, 1] = 0  # nowhere
    y[:, 2] = np.arange(90) == 7  # in one row: who tests it has not learned it
    y[:, 3] = -1
    y[:30, 3] = 1  # never known to be absent
    sentence = (
        "TunedThresholds keeps the threshold 0.5 for 3 of 4 classes, [1, 2, 3]: no row "
        "with the class, or none without it, could be held out from a fit that had met "
        "the class. Label more rows, present and absent."
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tuned = TunedThresholds(PseudoLabeled(LINEAR), random_state=0).fit(X, y)
    # but for OneVsRestClassifier, which tells of classes that are everywhere
    ours = [w for w in caught if not str(w.message).startswith("Label ")]
    assert [str(w.message) for w in ours] == [sentence]
    assert ours[0].filename == __file__
    assert tuned.thresholds_[0] != 0.5
    assert tuned.thresholds_[1:].tolist() == [0.5] * 3


def test_rows_that_could_not_be_read(data):
    X, truth, y = data
    X = X.copy()
    broken = np.array([5, 77])
    X[broken] = np.nan
    rest = np.setdiff1d(np.arange(600), broken)
    tuned = TunedThresholds(LabeledOnly(LINEAR), random_state=0)
    expected = clone(tuned).fit(X[rest], y[rest])
    with pytest.warns(UserWarning, match="^TunedThresholds leaves out 2 of 600 rows"):
        tuned.fit(X, y)
    np.testing.assert_array_equal(tuned.thresholds_, expected.thresholds_)
    with pytest.warns(UserWarning, match="^TunedThresholds leaves out 2 of 600 rows"):
        found = tuned.predict(X)
    assert (found[broken] == -1).all()
    np.testing.assert_array_equal(found[rest], expected.predict(X[rest]))
    forest = KNeighborsClassifier()
    with pytest.warns(UserWarning, match="leaves out 2 of 600"):
        forest = TunedThresholds(forest).fit(X, truth)
    with pytest.warns(UserWarning, match="leaves out 2 of 2"):
        assert (forest.predict(X[broken]) == -1).all()


def test_single_labels_are_left_to_the_classifier(data):
    X, truth, _ = data
    words = np.array(["dog", "rain"], dtype=object)[truth[:, 0]]
    words[:50] = -1
    with pytest.warns(UserWarning, match="TunedThresholdClassifierCV of scikit-learn"):
        tuned = TunedThresholds(LabeledOnly()).fit(X, words)
    alone = LabeledOnly().fit(X, words)
    np.testing.assert_array_equal(tuned.predict(X), alone.predict(X))
    assert tuned.score(X, words) == alone.score(X, words)
    assert not hasattr(tuned, "thresholds_")


INDICATOR = [[0, 1], [1, 0], [1, 1], [0, 0], [0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("parameters", "y", "sentence"),
    [
        (
            {"beta": 0},
            INDICATOR,
            "The 'beta' parameter of TunedThresholds must be a number in (0, inf). Got "
            "0 instead.",
        ),
        (
            {"cv": 1},
            INDICATOR,
            "The 'cv' parameter of TunedThresholds must be an integer in [2, inf). Got "
            "1 instead.",
        ),
        *(
            (
                {"cv": bad},
                INDICATOR,
                "The 'cv' parameter of TunedThresholds must be an integer in [2, inf), "
                "a splitter such as UnlabeledInTrain(GroupKFold(5)), or an iterable of "
                f"at least one (train, test). Got {bad!r} instead.",
            )
            for bad in ("prefit", [], None)
        ),
        (
            {"estimator": None},
            INDICATOR,
            "The 'estimator' parameter of TunedThresholds must be a classifier, such "
            "as LogisticRegression(), or a pipeline or search that ends in one. Got "
            "None instead.",
        ),
        (
            {"estimator": RidgeClassifier()},
            INDICATOR,
            "The 'estimator' parameter of TunedThresholds must have predict_proba. Got "
            "RidgeClassifier(): put CalibratedClassifierCV around what it is made of, "
            "or choose another.",
        ),
        (
            {"estimator": MultiOutputClassifier(KNeighborsClassifier(1)), "cv": 2},
            [[0, 1], [1, 0]] * 2 + [[-1, -1]] * 2,
            "The 'estimator' parameter of TunedThresholds has learned -1, which marks "
            "what is unlabeled or unknown, as a class. Got "
            "MultiOutputClassifier(estimator=KNeighborsClassifier(n_neighbors=1)): put "
            "LabeledOnly or PseudoLabeled around it.",
        ),
        (
            {},
            None,
            "TunedThresholds requires y to be passed, but the target y is None. Give "
            "one label per row of X, and -1 where unlabeled.",
        ),
        (
            {},
            [[-1, -1]] * 6,
            "TunedThresholds got a y in which none of the 6 rows is known: all hold "
            "-1. Give at least one labeled row.",
        ),
    ],
)
def test_refusals(parameters, y, sentence):
    tuned = TunedThresholds(**{"estimator": LINEAR, **parameters})
    with pytest.raises(ValueError, match=whole(sentence)):
        tuned.fit(np.eye(6), y)


def test_fewer_labeled_rows_than_folds(data):
    X, _, _ = data
    y = np.array([*INDICATOR[:3], *[[-1, -1]] * 3])
    with pytest.raises(ValueError, match="cannot split the 3 labeled rows of y"):
        TunedThresholds(LabeledOnly(LINEAR)).fit(X[:6], y)


# --- threshold="auto" of the taggers

QUICK = {"max_epochs": 4, "n_cells": 8, "lr": 0.02, "random_state": 0}
TAGGERS = [
    SequenceTagger(**QUICK),
    CRNNTagger(n_components=4, **QUICK),
    TripletTagger(
        encoder="conv",
        n_components=8,
        segment_length=20,
        max_epochs=2,
        n_steps=5,
        batch_size=12,
        random_state=0,
    ),
]
taggers = pytest.mark.parametrize("tagger", TAGGERS, ids=lambda t: type(t).__name__)


def make_clips(n_clips=60, seed=0):
    """Log-energies in eight bands, two sounds that are there or not."""
    rng = np.random.default_rng(seed)
    y = (rng.random((n_clips, 2)) < [0.4, 0.15]).astype(int)
    y[:6] = [[1, 1], [0, 1], [1, 0], [0, 1], [1, 1], [0, 0]]
    X = rng.normal(size=(n_clips, 8, 20)).astype(np.float32)
    X[:, :4] += y[:, 0, None, None]
    X[:, 4:] += y[:, 1, None, None]
    return X, y


@taggers
def test_auto_is_the_choice_of_tuned_thresholds(tagger):
    X, y = make_clips()
    y[40:] = -1
    auto = clone(tagger).set_params(threshold="auto").fit(X, y)
    plain = clone(tagger).fit(X, y)
    # the fit itself is that of any other threshold
    np.testing.assert_array_equal(auto.predict_proba(X), plain.predict_proba(X))
    seed = int(np.random.RandomState(0).randint(2**31 - 1, size=1)[0])
    tuned = TunedThresholds(clone(tagger), cv=3, random_state=seed).fit(list(X), y)
    np.testing.assert_array_equal(auto.thresholds_, tuned.thresholds_)
    np.testing.assert_array_equal(
        auto.predict(X), plain.predict_proba(X) >= auto.thresholds_
    )
    again = clone(auto).fit(X, y)
    np.testing.assert_array_equal(again.thresholds_, auto.thresholds_)
    copy = pickle.loads(pickle.dumps(auto))
    np.testing.assert_array_equal(copy.predict(X), auto.predict(X))


def test_given_thresholds_are_kept_and_can_be_set_later():
    X, y = make_clips()
    tagger = clone(TAGGERS[0]).fit(X, y)
    assert tagger.thresholds_.tolist() == [0.5, 0.5]
    tagger.set_params(threshold=[0.2, 0.9])
    expected = tagger.predict_proba(X) >= [0.2, 0.9]
    np.testing.assert_array_equal(tagger.predict(X), expected)
    assert tagger.fit(X, y).thresholds_.tolist() == [0.2, 0.9]


def test_clips_of_all_forms_and_unreadable_ones():
    X, y = make_clips()
    tagger = clone(TAGGERS[0]).set_params(threshold="auto")
    expected = clone(tagger).fit(list(X), y).thresholds_
    np.testing.assert_array_equal(clone(tagger).fit(tuple(X), y).thresholds_, expected)
    broken = np.concatenate([X, np.full((2, 8, 20), np.nan, np.float32)])
    more = np.concatenate([y, [[1, 0], [-1, -1]]])
    with pytest.warns(UserWarning, match="leaves out") as caught:
        found = clone(tagger).fit(broken, more).thresholds_
    # once, by the fit: what could not be read is in no fold
    assert len(caught) == 1
    np.testing.assert_array_equal(found, expected)
    table = clone(tagger).fit(X[:, :, 0], y)
    assert table.thresholds_.shape == (2,)


def test_auto_in_a_search_over_a_pipeline():
    X, y = make_clips()
    y[50:] = -1
    pipe = make_pipeline(clone(TAGGERS[0]).set_params(max_epochs=2))
    search = GridSearchCV(
        pipe,
        {"sequencetagger__threshold": [0.5, "auto", [0.3, 0.4]]},
        scoring=labeled_scorer("accuracy"),
        cv=UnlabeledInTrain(2),
        error_score="raise",
    ).fit(X, y)
    assert len(search.cv_results_["params"]) == 3
    assert search.best_estimator_.predict(X).shape == y.shape


def test_auto_and_single_labels():
    X, y = make_clips()
    tagger = clone(TAGGERS[0]).set_params(threshold="auto")
    sentence = "The 'threshold' parameter of SequenceTagger has no effect where each"
    with pytest.warns(UserWarning, match=f"^{sentence}"):
        tagger.fit(X, y[:, 0])
    assert not hasattr(tagger, "thresholds_")


@taggers
def test_auto_of_too_few_clips(tagger):
    X, y = make_clips()
    y[2:] = -1
    name = type(tagger).__name__
    sentence = (
        f"The threshold='auto' of {name} holds labeled clips out in 3 folds, but y "
        "labels only 2. Label more, or give a number."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        clone(tagger).set_params(threshold="auto").fit(X, y)


def test_a_word_that_is_no_threshold():
    X, y = make_clips()
    sentence = (
        "The 'threshold' parameter of SequenceTagger must lie in (0, 1), as the "
        "probabilities do, or be 'auto'. Got 'best' instead."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        clone(TAGGERS[0]).set_params(threshold="best").fit(X, y)
