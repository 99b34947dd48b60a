"""Silence, extreme levels, learning rates far too high: numbers, or a sentence."""

import re
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from helpers import weights, whole
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback

from sklearn_triplet import CRNNTagger, SequenceTagger, TripletEmbedder, TripletTagger

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 6, 12)).astype(np.float32)
X[1::2] *= 2
Y = np.where(np.arange(16) < 8, np.arange(16) % 2, -1)
FAST = {"max_epochs": 4, "random_state": 0}
ESTIMATORS = {
    "s3": TripletEmbedder("s3", n_components=4, **FAST),
    "pseudo": TripletEmbedder("pseudo", n_components=4, normalize=False, **FAST),
    "bfloat16": TripletEmbedder("s2", n_components=4, precision="bfloat16", **FAST),
    "triplets": TripletTagger(n_components=4, n_steps=2, batch_size=12, **FAST),
    "triplets bfloat16": TripletTagger(
        n_components=4, n_steps=2, batch_size=12, precision="bfloat16", **FAST
    ),
    "tagger": SequenceTagger(n_cells=4, **FAST),
    "crnn": CRNNTagger(n_components=4, n_cells=4, **FAST),
}
every = pytest.mark.parametrize("name", ESTIMATORS)
quiet = pytest.mark.filterwarnings("ignore:.*(anchors had|has collapsed|same answer)")


def assert_numbers(fitted, X):
    for value in fitted.net_.module_.state_dict().values():
        assert value.isfinite().all()
    for method in ("transform", "predict_proba"):
        if hasattr(fitted, method):
            assert np.isfinite(getattr(fitted, method)(X)).all()


LEVELS = {
    "silence": np.full_like(X, np.log(1e-4)),
    "constant clips": np.broadcast_to(X[:, :1, :1], X.shape),
    "one clip again and again": np.broadcast_to(X[0], X.shape),
    "a million decibels": X * 1e5 + 1e6,
    "near the largest float32": np.full_like(X, 3.4e38),
    "far apart": X * 1e35,
    "tiny": X * np.float32(1e-38),
    "denormal": X * np.float32(1e-44),
    "one silent clip": np.concatenate([X[:-1], np.full_like(X[:1], -9.2)]),
}


@quiet
@every
@pytest.mark.parametrize("level", LEVELS)
def test_any_level_ends_in_numbers(level, name):
    clips = LEVELS[level]
    fitted = clone(ESTIMATORS[name]).set_params(max_epochs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert_numbers(fitted.fit(clips, Y), clips)


@pytest.mark.parametrize("flat", [False, True])
def test_features_that_float32_cannot_hold_are_named(flat):
    clips = X.copy()
    clips[:, 2] = np.where(clips[:, 2] > 0, 3e38, -3e38)
    sentence = (
        r"^The values of feature 2 of X vary too much for float32: their standard "
        r"deviation is \d\.\de\+38\. Divide X by a constant, or take its logarithm\.$"
    )
    for name in ("s3", "triplets", "tagger"):
        with pytest.raises(ValueError, match=sentence):
            clone(ESTIMATORS[name]).fit(clips[:, :, 0] if flat else clips, Y)


def test_a_table_of_tiny_units_is_learned_from():
    tagger = clone(ESTIMATORS["triplets"])
    table = (X[:, :, 0] * 1e-31).astype(np.float32)
    found = clone(tagger).fit(table, Y).predict_proba(table)
    expected = clone(tagger).fit(X[:, :, 0], Y).predict_proba(X[:, :, 0])
    np.testing.assert_allclose(found, expected, atol=1e-3)


# --- learning rates far too high


@every
@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.SGD])
@pytest.mark.parametrize("lr", [1e2, 1e5, 1e15, 1e30])
def test_a_net_that_never_was_sound_is_refused_or_finite(lr, optimizer, name):
    estimator = clone(ESTIMATORS[name])
    estimator.set_params(lr=lr, optimizer=partial(optimizer, weight_decay=0))
    owner = type(estimator).__name__
    sentence = rf"^{owner} diverged: epoch 1 ended with (a loss of (nan|inf)|weights "
    sentence += (
        rf"too large)\. Nothing was learned\. Lower lr \(now {re.escape(f'{lr}')}"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            estimator.fit(X, Y)
        except ValueError as error:
            assert re.match(sentence, str(error)), error
            assert str(error).endswith(", and fit anew.")
            assert not hasattr(estimator, "net_")
            with pytest.raises(NotFittedError):
                estimator.score(X, Y) if hasattr(
                    estimator, "score"
                ) else estimator.transform(X)
        else:
            assert_numbers(estimator, X)


def test_what_helps_is_said():
    embedder = clone(ESTIMATORS["pseudo"]).set_params(lr=1e30)
    sentence = (
        "TripletEmbedder diverged: epoch 1 ended with weights too large. Nothing was "
        "learned. Lower lr (now 1e+30) or set normalize=True, and fit anew."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        embedder.fit(X, Y)
    embedder.set_params(lr=1e-3, max_epochs=1).fit(X, Y)
    assert_numbers(embedder, X)


class Explode(Callback):
    """A schedule that goes wrong in one epoch."""

    def __init__(self, epoch=3):
        self.epoch = epoch

    def on_batch_end(self, net, training, **kwargs):
        if training and len(net.history) == self.epoch:
            with torch.no_grad():
                for weight in net.module_.parameters():
                    weight.fill_(torch.nan)


@quiet
@every
def test_a_fit_that_diverges_keeps_its_last_sound_epoch(name, tmp_path):
    estimator = clone(ESTIMATORS[name]).set_params(max_epochs=5)
    shorter = clone(estimator).set_params(callbacks=[Explode(9)])
    estimator.set_params(callbacks=[Explode()], checkpoint=tmp_path)
    owner = type(estimator).__name__
    sentence = (
        rf"^{owner} diverged: epoch 3 ended with (a loss of nan|weights too large)\. "
        r"The fit has stopped, and its net is that of epoch 2, the last good one\. "
        r"Lower lr \(now 0\.00[12]\)( or set normalize=True)? to train longer\.$"
    )
    with pytest.warns(UserWarning, match=sentence) as record:
        estimator.fit(X, Y)
    assert record[0].filename == __file__
    assert estimator.n_iter_ == len(estimator.history_) == 2
    assert_numbers(estimator, X)
    if "triplets" not in name and name != "pseudo":  # which go by the number of epochs
        expected = shorter.set_params(max_epochs=2).fit(X, Y)
        assert torch.equal(weights(estimator), weights(expected))
    # the same once more, from what was kept
    with pytest.warns(UserWarning, match=sentence):
        again = clone(estimator).fit(X, Y)
    assert torch.equal(weights(again), weights(estimator))


def test_the_best_epoch_before_is_kept_with_validation():
    stops = {"validation_fraction": 0.3, "patience": 3, "max_epochs": 6}
    tagger = clone(ESTIMATORS["tagger"]).set_params(callbacks=[Explode(4)], **stops)
    with pytest.warns(UserWarning, match="its net is that of epoch 3, the last good"):
        tagger.fit(X, np.arange(16) % 2)
    assert_numbers(tagger, X)


def test_an_embedder_that_diverges_in_partial_fit_is_as_before():
    embedder = clone(ESTIMATORS["s3"]).fit(X, Y)
    before = weights(embedder).clone()
    with pytest.warns(
        UserWarning, match="epoch 5 ended with .* net is that of epoch 4"
    ):
        embedder.set_params(lr=1e30).partial_fit(X, Y)
    assert torch.equal(weights(embedder), before) and embedder.n_iter_ == 4
    assert embedder.set_params(lr=1e-3).partial_fit(X, Y).n_iter_ == 8
    assert_numbers(embedder, X)


def test_a_loss_that_rose_is_told_of():
    tagger = clone(ESTIMATORS["tagger"]).set_params(lr=1e3)
    sentence = (
        r"^The loss of SequenceTagger is \S+ after epoch 4 and was 0\.\d+ before the "
        r"first step: nothing was learned\. Lower lr \(now 1000\.0\), and fit anew\.$"
    )
    with pytest.warns(UserWarning, match=sentence):
        tagger.fit(X, Y)
    assert_numbers(tagger, X)


# --- collapse


@pytest.mark.parametrize("name", ["triplets", "tagger", "crnn"])
def test_clips_that_are_all_alike_are_named(name):
    estimator = clone(ESTIMATORS[name])
    sentence = r" gives the same answer to all of (8|16) training clips: they hold the "
    with pytest.warns(UserWarning, match=sentence + "same values. Look at what X is"):
        estimator.fit(np.broadcast_to(X[0], X.shape).copy(), Y)


class Deaf(torch.nn.Module):
    """An encoder built to collapse: it answers the same to everything."""

    def __init__(self, n_features, n_components=4):
        super().__init__()
        self.bias = torch.nn.Parameter(torch.ones(n_components, 1))

    def forward(self, X):
        return self.bias + 0 * X[:, :1]


@pytest.mark.parametrize("name", ["pseudo", "triplets", "crnn"])
def test_a_net_that_has_collapsed_is_named(name):
    estimator = clone(ESTIMATORS[name]).set_params(encoder=Deaf)
    sentence = (
        r"( gives the same answer to all of (8|16) training clips: it has collapsed\. "
        r"Lower lr \(now 0|The embedding has collapsed: effective rank)"
    )
    with pytest.warns(UserWarning, match=sentence) as record:
        estimator.fit(X, Y)
    assert sum("collapsed" in str(w.message) for w in record) == 1


def test_healthy_fits_are_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # where it is imitated, a fit says so
        warnings.filterwarnings("ignore", "The 'precision' parameter .*", UserWarning)
        for estimator in ESTIMATORS.values():
            clone(estimator).fit(X, Y)
