"""Folds, scores and LabeledOnly in searches, curves and other meta-estimators."""

import imblearn.pipeline
import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import make_indicator
from imblearn.over_sampling import RandomOverSampler
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    KFold,
    cross_val_predict,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from sklearn_triplet import (
    LabeledOnly,
    UnlabeledInTrain,
    is_labeled,
    labeled_scorer,
    mask_labels,
)

GROUPS = np.arange(300) % 7


CLASSIFIERS = [
    LabeledOnly(LogisticRegression()),
    SelfTrainingClassifier(LogisticRegression(), max_iter=2),
]
PARAMETERS = {"estimator__C": [1e-5, 1.0]}


@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda c: type(c).__name__)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search(classifier, n_jobs, blobs):
    X, y = blobs
    scoring = {name: labeled_scorer(name) for name in ("accuracy", "f1_macro")}
    search = GridSearchCV(
        classifier,
        PARAMETERS,
        scoring=scoring,
        refit="f1_macro",
        cv=UnlabeledInTrain(3),
        return_train_score=True,
        error_score="raise",
        n_jobs=n_jobs,
    ).fit(X, y)
    assert search.best_params_ == {"estimator__C": 1.0}
    assert list(search.classes_) == [0, 1, 2]
    assert search.cv_results_["mean_train_accuracy"].max() > 0.5
    assert search.score(X, y) > 0.5


def test_search_by_halving_in_threads(blobs):
    X, y = blobs
    with joblib.parallel_config("threading"):
        search = HalvingGridSearchCV(
            LabeledOnly(LogisticRegression()),
            PARAMETERS,
            scoring=labeled_scorer("accuracy"),
            cv=UnlabeledInTrain(3),
            min_resources=100,
            random_state=0,
            error_score="raise",
            n_jobs=2,
        ).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.n_resources_[0] == 100
    assert list(search.classes_) == [0, 1, 2]
    random_folds = UnlabeledInTrain(KFold(3, shuffle=True))
    with pytest.raises(ValueError, match="must yield consistent folds"):
        search.set_params(cv=random_folds).fit(X, y)


@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda c: type(c).__name__)
def test_train_scores_and_curves(classifier, blobs):
    X, y = blobs
    options = {
        "cv": UnlabeledInTrain(3),
        "scoring": labeled_scorer("accuracy"),
        "error_score": "raise",
    }
    scores = cross_validate(classifier, X, y, return_train_score=True, **options)
    assert (scores["train_score"] > 0.5).all()
    # LabeledOnly scores by itself; others count the unlabeled rows as wrong
    plain = cross_validate(
        classifier, X, y, return_train_score=True, **{**options, "scoring": None}
    )
    low = isinstance(classifier, SelfTrainingClassifier)
    assert ((plain["train_score"] < 0.3) == low).all()
    sizes, _, test_scores = learning_curve(
        classifier,
        X,
        y,
        train_sizes=[0.5, 1.0],
        shuffle=True,
        random_state=0,
        **options,
    )
    assert list(sizes) == [136, 272]
    assert test_scores.shape == (2, 3)
    train_scores, test_scores = validation_curve(
        classifier,
        X,
        y,
        param_name="estimator__C",
        param_range=PARAMETERS["estimator__C"],
        **options,
    )
    assert train_scores.shape == test_scores.shape == (2, 3)


def test_cross_val_predict_needs_every_row_tested(blobs):
    X, y = blobs
    known = is_labeled(y)
    with pytest.raises(ValueError, match="only works for partitions"):
        cross_val_predict(LabeledOnly(), X, y, cv=UnlabeledInTrain(3))
    predicted = cross_val_predict(LabeledOnly(), X[known], y[known], cv=3)
    assert len(predicted) == known.sum()


@pytest.mark.parametrize("routing", [False, True])
def test_groups_and_weights_find_their_way(routing, blobs):
    X, y = blobs
    weight = np.random.default_rng(0).random(300)
    with config_context(enable_metadata_routing=routing):
        accuracy, classifier = make_scorer(accuracy_score), LogisticRegression()
        if routing:
            accuracy.set_score_request(sample_weight=True)
            classifier.set_fit_request(sample_weight=True)
        for scoring in (
            labeled_scorer(accuracy),
            {"accuracy": labeled_scorer(accuracy)},
        ):
            search = GridSearchCV(
                LabeledOnly(classifier),
                PARAMETERS,
                cv=UnlabeledInTrain(GroupKFold(3)),
                scoring=scoring,
                refit="accuracy" if isinstance(scoring, dict) else True,
                error_score="raise",
            ).fit(X, y, groups=GROUPS, sample_weight=weight)
            assert search.best_params_ == {"estimator__C": 1.0}
            train, test = next(search.cv.split(X, y, GROUPS))
            known = train[y[train] != -1]
            alone = clone(classifier).fit(X[known], y[known], weight[known])
            expected = accuracy_score(y[test], alone.predict(X[test]))
            by_weight = accuracy_score(
                y[test], alone.predict(X[test]), sample_weight=weight[test]
            )
            name = "accuracy" if isinstance(scoring, dict) else "score"
            got = search.cv_results_[f"split0_test_{name}"][1]
            # without routing, old versions do not weight the scores of a search
            allowed = [by_weight] if routing else [by_weight, expected]
            assert any(got == pytest.approx(score) for score in allowed)


def test_multilabel_search():
    y = make_indicator(n_classes=4)
    X = y + np.random.default_rng(0).normal(0, 0.2, y.shape)
    y = mask_labels(y, 0.4, random_state=0)
    search = GridSearchCV(
        LabeledOnly(KNeighborsClassifier()),
        {"estimator__n_neighbors": [1, 3, 40]},
        cv=UnlabeledInTrain(3),
        scoring=labeled_scorer(f1_score, average="macro", zero_division=0),
        return_train_score=True,
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_["estimator__n_neighbors"] in (1, 3)
    assert search.best_score_ > 0.8


def test_the_model_that_learns_unlabeled_as_a_class_wins_only_by_default(blobs):
    X, y = blobs
    models = {
        "model": [
            SelfTrainingClassifier(LogisticRegression(), max_iter=2),
            LogisticRegression(),
        ]
    }
    pipeline = Pipeline([("model", LogisticRegression())])
    trapped = GridSearchCV(pipeline, models, scoring="accuracy").fit(X, y)
    assert -1 in trapped.best_estimator_.classes_
    assert trapped.cv_results_["mean_test_score"][0] < 0.3
    assert trapped.cv_results_["mean_test_score"][1] > 0.65
    search = GridSearchCV(
        pipeline,
        models,
        scoring=labeled_scorer("accuracy"),
        cv=UnlabeledInTrain(),
        error_score="raise",
    ).fit(X, y)
    assert list(search.best_estimator_.classes_) == [0, 1, 2]
    assert search.best_score_ > 0.6 > search.cv_results_["mean_test_score"][1]


def vote(classifier):
    return VotingClassifier([("a", classifier), ("b", GaussianNB())])


def stack(classifier):
    return StackingClassifier([("a", classifier), ("b", GaussianNB())], cv=2)


@pytest.mark.parametrize(
    "combine",
    [
        vote,
        stack,
        lambda classifier: CalibratedClassifierCV(classifier, cv=2),
        lambda classifier: BaggingClassifier(classifier, 3, random_state=0),
        OneVsRestClassifier,
    ],
    ids=["vote", "stack", "calibrate", "bag", "one-vs-rest"],
)
def test_it_is_the_outermost_of_meta_estimators(combine, blobs):
    X, y = blobs
    around = combine(LabeledOnly(LogisticRegression())).fit(X, y)
    assert -1 in around.classes_
    inside = LabeledOnly(combine(LogisticRegression())).fit(X, y)
    assert list(inside.classes_) == [0, 1, 2]
    assert inside.score(X, y) > 0.5


@pytest.mark.parametrize(
    "classifier",
    [
        make_pipeline(StandardScaler(), LogisticRegression()),
        GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2),
        imblearn.pipeline.make_pipeline(
            RandomOverSampler(random_state=0), LogisticRegression()
        ),
        OneVsRestClassifier(LogisticRegression()),
    ],
    ids=lambda classifier: type(classifier).__module__ + type(classifier).__name__,
)
def test_what_ends_in_a_classifier_is_taken(classifier, blobs):
    X, y = blobs
    known = y != -1
    wrapped = LabeledOnly(classifier).fit(X, y)
    alone = clone(classifier).fit(X[known], y[known])
    np.testing.assert_array_equal(wrapped.predict(X), alone.predict(X))


def test_metadata_is_routed(blobs):
    X, y = blobs
    known = y != -1
    weight = np.random.default_rng(0).random(300)
    with config_context(enable_metadata_routing=True):
        inner = LogisticRegression().set_fit_request(sample_weight=True)
        inner.set_score_request(sample_weight=False)
        wrapped = LabeledOnly(inner).fit(X, y, sample_weight=weight)
        alone = LogisticRegression().fit(X[known], y[known], weight[known])
        np.testing.assert_array_equal(wrapped.predict_proba(X), alone.predict_proba(X))
        scores = cross_validate(
            wrapped, X, y, cv=UnlabeledInTrain(3), params={"sample_weight": weight}
        )
        assert np.isfinite(scores["test_score"]).all()
        with pytest.raises(TypeError, match="unexpected argument"):
            wrapped.fit(X, y, loudness=weight)


def test_names_beside_minus_one_work_everywhere(blobs):
    X, y = blobs
    words = np.array(["dog", "rain", "crow", -1], dtype=object)[y]
    pipeline = Pipeline(
        [("scale", StandardScaler()), ("clf", LabeledOnly(LogisticRegression()))]
    )
    grid = {"clf__estimator__C": [1e-5, 1.0]}
    options = {"cv": UnlabeledInTrain(3), "error_score": "raise"}
    by_number = GridSearchCV(pipeline, grid, scoring="f1_macro", **options).fit(X, y)
    careful = labeled_scorer("f1_macro")
    for target in (words, words.tolist(), pd.Series(words)):
        for scoring in ("f1_macro", careful, None):
            trained = scoring != "f1_macro"  # training sets hold -1 beside strings
            search = GridSearchCV(
                pipeline, grid, scoring=scoring, return_train_score=trained, **options
            ).fit(X, target)
            assert search.best_params_ == {"clf__estimator__C": 1.0}
            assert list(search.classes_) == ["crow", "dog", "rain"]
            assert set(search.predict(X)) == {"crow", "dog", "rain"}
            assert 0.5 < search.score(X[y != -1], words[y != -1])
            if scoring is not None:
                # folds are dealt in the order of the names, here another one
                assert search.best_score_ == pytest.approx(
                    by_number.best_score_, abs=0.05
                )
    known = is_labeled(words)
    predicted = cross_val_predict(pipeline, X[known], words[known], cv=3)
    assert (predicted == words[known]).mean() > 0.5
    by_class = cross_val_predict(
        pipeline, X[known], words[known], cv=3, method="predict_proba"
    )
    names = np.array(["crow", "dog", "rain"])
    np.testing.assert_array_equal(names[by_class.argmax(axis=1)], predicted)
    masked = mask_labels(words, 0.5, random_state=0)
    assert is_labeled(masked).sum() == 42
    assert 0.5 < careful(pipeline.fit(X, masked), X, words) <= 1
