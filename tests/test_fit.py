"""What all fits share: parameters without effect, structures, the strategy in use."""

import warnings

import numpy as np
import pytest
import torch
from helpers import whole
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_triplet import (
    STRATEGIES,
    ConvEncoder,
    CRNNTagger,
    SequenceTagger,
    TripletEmbedder,
    UnlabeledInTrain,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 8, 20)).astype(np.float32)
Y = np.arange(12) % 2
HALF = np.where(np.arange(12) < 6, Y, -1)
EMBEDDER = TripletEmbedder("s2", n_components=4, max_epochs=1, random_state=0)
TAGGER = SequenceTagger(n_cells=4, max_epochs=1, random_state=0)


class Pointwise(torch.nn.Conv1d):
    """An encoder that cannot be told how many components it shall have."""

    def __init__(self, n_features):
        super().__init__(n_features, 3, 1)


IGNORED = [
    (EMBEDDER, {"strategy": "s5", "labeled_ratio": 0.25}, 0.5, "labeled_ratio"),
    (EMBEDDER, {"strategy": "s4", "labeled_ratio": 0.75}, 0.5, "labeled_ratio"),
    (EMBEDDER, {"patience": 3}, 5, "patience"),
    (EMBEDDER, {"encoder": Pointwise}, 64, "n_components"),
    (TAGGER, {"patience": 3}, 5, "patience"),
    (TAGGER, {"threshold": 0.4}, 0.5, "threshold"),
    (TAGGER, {"n_components": 8}, 64, "n_components"),
]


@pytest.mark.parametrize(
    ("estimator", "parameters", "default", "name"),
    IGNORED,
    ids=[f"{type(e).__name__}-{n}-{i}" for i, (e, _, _, n) in enumerate(IGNORED)],
)
def test_parameters_without_effect_are_named(estimator, parameters, default, name):
    changed = clone(estimator).set_params(**parameters)
    value = getattr(changed, name)
    sentence = rf"^The '{name}' parameter of \w+ has no effect with.*\. Got {value}: "
    sentence = sentence.replace("with.*", "(with|where).*")
    with pytest.warns(UserWarning, match=sentence) as record:
        changed.fit(X, HALF)
    assert f"leave it at its default, {default}." in str(record[0].message)
    assert [warning.filename for warning in record] == [__file__]


def test_defaults_are_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for strategy in STRATEGIES:
            clone(EMBEDDER).set_params(strategy=strategy).fit(X, HALF)
        clone(TAGGER).fit(X, HALF)


@pytest.mark.parametrize("estimator", [EMBEDDER, CRNNTagger(n_cells=4, max_epochs=1)])
def test_an_encoder_of_ones_own_is_told_its_components(estimator):
    made = []

    def make(n_features, n_components):
        made.append((n_features, n_components))
        return ConvEncoder(n_features, n_components, n_layers=1)

    clone(estimator).set_params(encoder=make, n_components=5).fit(X, HALF)
    assert made == [(8, 5)]


def test_tagger_with_an_encoder_is_the_crnn():
    settings = {"n_components": 4, "n_cells": 4, "max_epochs": 3, "random_state": 0}
    crnn = CRNNTagger(**settings).fit(X, HALF)
    tagger = SequenceTagger("conv", n_layers=1, **settings).fit(X, HALF)
    np.testing.assert_array_equal(tagger.predict_proba(X), crnn.predict_proba(X))


@pytest.mark.parametrize("encoder", ["cnn", "auto", 3])
def test_encoders_that_a_tagger_does_not_know(encoder):
    sentence = (
        "The 'encoder' parameter of SequenceTagger must be one of [None, 'conv', "
        f"'deep'] or a callable. Got {encoder!r} instead."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        SequenceTagger(encoder).fit(X, HALF)


def test_untrained_networks():
    for estimator in (EMBEDDER, TAGGER):
        fitted = clone(estimator).set_params(max_epochs=0).fit(X, HALF)
        assert fitted.n_iter_ == 0


def test_the_strategy_in_use_is_told():
    embedder = clone(EMBEDDER).set_params(strategy="s3", segment_length=5)
    embedder.fit(X, HALF)
    nearest = embedder.strategy_.unlabeled_positive
    assert nearest.searched_.any()
    assert nearest.neighbors_.shape == (12 * 4, 1)
    # nothing of the fit is kept where the next one would begin with it
    assert not hasattr(STRATEGIES["s3"].unlabeled_positive, "neighbors_")


@pytest.mark.parametrize(
    ("name", "value"), [("pooling", "flatten"), ("segment_length", 7)]
)
def test_pooling_and_segments_are_part_of_the_structure(name, value):
    embedder = clone(EMBEDDER).fit(X, HALF)
    before = getattr(embedder, name)
    sentence = f"The {name!r} parameter of TripletEmbedder was {before!r} when its"
    with pytest.raises(ValueError, match=sentence):
        embedder.set_params(**{name: value}).partial_fit(X, HALF)


def test_parameters_of_selectors_need_a_strategy():
    sentence = (
        "The parameter 'strategy__unlabeled_positive__n_neighbors' of TripletEmbedder "
        "belongs to a selector, but strategy='s3' is a name. Give the selectors that "
        "it names, strategy=STRATEGIES['s3'], to set or to search their parameters."
    )
    name = "strategy__unlabeled_positive__n_neighbors"
    with pytest.raises(ValueError, match=whole(sentence)):
        TripletEmbedder("s3").set_params(**{name: 5})
    # from a name to a strategy in one call
    embedder = TripletEmbedder("s1").set_params(strategy=STRATEGIES["s3"], **{name: 5})
    assert embedder.strategy.unlabeled_positive.n_neighbors == 5


def test_search_over_the_parameters_of_a_selector():
    pipe = make_pipeline(clone(EMBEDDER).set_params(strategy=STRATEGIES["s3"]), TAGGER)
    name = "tripletembedder__strategy__unlabeled_positive__n_neighbors"
    search = GridSearchCV(
        pipe, {name: [1, 3]}, cv=UnlabeledInTrain(2), scoring="accuracy"
    )
    search.fit(X, HALF)
    assert search.cv_results_[f"param_{name}"].tolist() == [1, 3]


def test_frames_through_a_pipeline_and_a_search():
    pipe = make_pipeline(EMBEDDER, TAGGER).fit(X, HALF)
    expected = pipe[-1].predict_frames(pipe[:-1].transform(X))
    assert expected.shape == (12, 2, 20)
    found = pipe.predict_proba(X, frames=True)
    np.testing.assert_array_equal(found, expected)
    search = GridSearchCV(pipe, {}, cv=UnlabeledInTrain(2), scoring="accuracy")
    best = search.fit(X, HALF).best_estimator_
    np.testing.assert_array_equal(best.predict_proba(X, frames=True), expected)


def test_few_substitutes_are_no_news():
    # one clip of a class of its own, among twenty: 5 % of the anchors
    rng = np.random.default_rng(1)
    clips = rng.normal(size=(24, 8, 20)).astype(np.float32)
    y = np.r_[np.arange(20) % 2, 2, -1, -1, -1]
    embedder = clone(EMBEDDER).set_params(labeled_ratio=0.9, batch_size=32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        embedder.fit(clips, y)
    assert 0 < embedder.history_[-1, "substituted_positives"] <= 0.1
