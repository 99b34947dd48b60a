"""partial_fit: a fitted embedder goes on with other clips and labels."""

import numpy as np
import pytest
import torch
from helpers import weights
from sklearn.base import clone

from sklearn_triplet import TripletEmbedder

EMBEDDER = TripletEmbedder(
    max_epochs=2, n_components=4, segment_length=8, batch_size=16, random_state=0
)


def make_clips(seed):
    """Clips of two classes, quiet and loud."""
    X = np.random.default_rng(seed).normal(size=(30, 8, 24)).astype(np.float32)
    X[1::2] *= 3
    return X


X, Y = make_clips(0), np.where(np.arange(30) < 20, np.arange(30) % 2, -1)
RAGGED = [clip[:, : 10 + i % 15] for i, clip in enumerate(X)]


def test_the_first_partial_fit_is_a_fit():
    first, whole = clone(EMBEDDER).partial_fit(X, Y), clone(EMBEDDER).fit(X, Y)
    assert torch.equal(weights(first), weights(whole))


def count_steps(fitted):
    states = fitted.net_.optimizer_.state_dict()["state"].values()
    return min(state["step"].item() for state in states)


def test_partial_fit_goes_on_whatever_warm_start_says():
    going = clone(EMBEDDER).fit(X, Y)
    start, scaling, n_steps = weights(going).clone(), going.scaler_, count_steps(going)
    fresh = make_clips(1)
    assert going.partial_fit(fresh, Y) is going
    assert going.scaler_ is scaling and going.n_iter_ == 4
    assert count_steps(going) == 2 * n_steps
    assert not torch.equal(weights(going), start)
    warm = clone(EMBEDDER).set_params(warm_start=True).fit(X, Y).fit(fresh, Y)
    assert torch.equal(weights(warm), weights(going))


@pytest.mark.parametrize("y", [None, Y + 7 * (Y >= 0), np.eye(3)[np.arange(30) % 3]])
def test_partial_fit_takes_other_labels_and_lengths(y):
    going, again = (
        clone(EMBEDDER).fit(X, Y).partial_fit(RAGGED, y).partial_fit(X[:10])
        for _ in range(2)
    )
    assert torch.equal(weights(going), weights(again))
    assert going.n_iter_ == 6 and going.transform(X).shape == (30, 4, 24)


def test_partial_fit_draws_other_triplets():
    # with a learning rate near zero only the triplets can change the loss
    going = clone(EMBEDDER).set_params(lr=1e-12, max_epochs=1).fit(X, Y)
    losses = going.partial_fit(X, Y).partial_fit(X, Y).history_[:, "train_loss"]
    assert len(set(losses)) == 3


def test_partial_fit_refuses_other_features():
    going = clone(EMBEDDER).fit(X, Y)
    sentence = "^X has 7 features, but TripletEmbedder is expecting 8 features as input"
    with pytest.raises(ValueError, match=sentence):
        going.partial_fit(X[:, 1:], Y)
