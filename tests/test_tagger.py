"""Taggers through their public API."""

import pickle
import re

import numpy as np
import pytest
import torch
from helpers import whole
from sklearn.base import clone

from sklearn_triplet import CRNNTagger, SequenceTagger

QUICK = {"max_epochs": 30, "n_cells": 8, "lr": 0.02, "random_state": 0}
TAGGERS = [SequenceTagger(**QUICK), CRNNTagger(n_components=4, **QUICK)]
both = pytest.mark.parametrize("tagger", TAGGERS, ids=lambda t: type(t).__name__)


def make_clips(n_clips=12, n_frames=20, seed=0):
    """Clips of two classes that differ in their first four bands."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_clips, 8, n_frames)).astype(np.float32)
    y = np.arange(n_clips) % 2
    X[y == 1, :4] += 2
    return X, y


def shorten(X, lengths):
    X = X.copy()
    for clip, length in zip(X, lengths, strict=True):
        clip[:, length:] = np.nan
    return X


@both
def test_learns_single_labels(tagger):
    X, y = make_clips(24)
    fitted = clone(tagger).fit(X[:12], y[:12])
    assert fitted.score(X[12:], y[12:]) == 1
    np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1, rtol=1e-5)


@both
def test_learns_several_labels_per_clip(tagger):
    X, y = make_clips(24)
    X[::3, 4:] -= 3
    indicator = np.column_stack([y, np.arange(24) % 3 == 0]).astype(int)
    fitted = clone(tagger).fit(X[:12], indicator[:12])
    assert (fitted.predict(X[12:]) == indicator[12:]).mean() > 0.9
    assert fitted.predict(X).dtype.kind == "i"


@both
@pytest.mark.parametrize("place", ["first", "last", "mixed"])
def test_unlabeled_clips_have_no_influence(tagger, place):
    X, y = make_clips()
    noise = np.full((6, 8, 20), 1e3, dtype=np.float32)
    order = {
        "first": np.r_[12:18, 0:12],
        "last": np.arange(18),
        "mixed": np.insert(np.arange(12), [0, 2, 2, 5, 9, 12], np.arange(12, 18)),
    }[place]
    more = np.concatenate([X, noise])[order]
    labels = np.concatenate([y, np.full(6, -1)])[order]
    alone = clone(tagger).fit(X, y).predict_proba(X)
    beside = clone(tagger).fit(more, labels)
    np.testing.assert_array_equal(beside.predict_proba(X), alone)
    np.testing.assert_array_equal(beside.classes_, [0, 1])


@both
def test_string_labels_with_integer_minus_one(tagger):
    X, y = make_clips()
    labels = np.array(["rain", "dog"], dtype=object)[y]
    labels[::4] = -1
    fitted = clone(tagger).fit(X, labels)
    assert list(fitted.classes_) == ["dog", "rain"]
    assert set(fitted.predict(X)) <= {"dog", "rain"}


@both
def test_padded_clips_equal_unpadded_ones(tagger):
    X, y = make_clips()
    lengths = np.arange(9, 21)
    padded = shorten(X, lengths)
    ragged = [clip[:, :n] for clip, n in zip(X, lengths, strict=True)]
    fitted = clone(tagger).fit(padded, y)
    expected = np.concatenate([fitted.predict_proba(clip[None]) for clip in ragged])
    np.testing.assert_allclose(fitted.predict_proba(padded), expected, atol=1e-5)
    again = clone(tagger).fit(ragged, y)
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


@both
def test_permuted_clips_give_permuted_tags(tagger):
    X, y = make_clips()
    fitted = clone(tagger).fit(X, y)
    order = np.random.default_rng(0).permutation(12)
    expected = fitted.predict_proba(X)[order]
    np.testing.assert_allclose(fitted.predict_proba(X[order]), expected, atol=1e-6)


@both
def test_frames_explain_the_clip(tagger):
    X, y = make_clips()
    X = shorten(X, np.arange(9, 21))
    fitted = clone(tagger).set_params(frame_pooling=1).fit(X, y)
    frames = fitted.predict_frames(X)
    assert frames.shape == (12, 2, 20)
    np.testing.assert_array_equal(np.isnan(frames[0, 0]), np.arange(20) >= 9)
    # the clip's logits are the mean of the frames' logits: compare log-odds
    valid = frames[0, :, :9].astype(float)
    logit = np.log(valid[1] / valid[0]).mean()
    clip = fitted.predict_proba(X)[0]
    np.testing.assert_allclose(np.log(clip[1] / clip[0]), logit, rtol=1e-3)


def weigh(p, pooling):
    """Weights of steps by the formulas of Wang, Li and Metze (2019)."""
    return p if pooling == "linear_softmax" else np.exp(p)


@both
@pytest.mark.parametrize("pooling", ["linear_softmax", "exponential_softmax"])
def test_clips_are_weighted_means_of_their_frames(tagger, pooling):
    X, y = make_clips()
    X = shorten(X, np.arange(9, 21))
    fitted = clone(tagger).set_params(frame_pooling=1, pooling=pooling)
    fitted.fit(X, np.column_stack([y, 1 - y]))
    p = fitted.predict_frames(X).astype(float)
    expected = np.nansum(weigh(p, pooling) * p, axis=2)
    expected /= np.nansum(weigh(p, pooling), axis=2)
    np.testing.assert_allclose(fitted.predict_proba(X), expected, rtol=1e-4)
    # single labels: the same, divided by the sum over classes
    fitted.fit(X, y)
    p = fitted.predict_frames(X).astype(float)
    expected = np.nansum(weigh(p, pooling) * p, axis=2)
    expected /= np.nansum(weigh(p, pooling), axis=2)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.predict_proba(X), expected, rtol=1e-4)


@both
def test_attention_weighs_the_frames_of_a_clip(tagger):
    X, y = make_clips()
    X[:, :4, :10] = 0  # what tells the classes apart is heard in one half
    fitted = clone(tagger).set_params(frame_pooling=1, pooling="attention")
    fitted.fit(X, np.column_stack([y, 1 - y]))
    p, clips = fitted.predict_frames(X), fitted.predict_proba(X)
    # a mean by some weights lies among what it is the mean of, and is another than
    # that of equal ones
    assert (clips >= p.min(axis=2) - 1e-6).all()
    assert (clips <= p.max(axis=2) + 1e-6).all()
    assert np.abs(clips - p.mean(axis=2)).max() > 0.01
    # padding has no weight
    padded = fitted.predict_proba(shorten(X, np.arange(9, 21)))
    alone = fitted.predict_proba(X[:1, :, :9])
    np.testing.assert_allclose(padded[:1], alone, atol=1e-5)


@both
@pytest.mark.parametrize(
    "pooling", ["linear_softmax", "exponential_softmax", "attention"]
)
def test_other_poolings_learn_too(tagger, pooling):
    X, y = make_clips(24)
    fitted = clone(tagger).set_params(pooling=pooling).fit(X[:12], y[:12])
    assert fitted.score(X[12:], y[12:]) == 1
    np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(fitted.predict_frames(X).sum(axis=1), 1, rtol=1e-5)


def test_frames_are_returned_at_the_input_rate():
    X, y = make_clips(n_frames=22)
    frames = SequenceTagger(frame_pooling=4, **QUICK).fit(X, y).predict_frames(X)
    assert frames.shape == (12, 2, 22)
    np.testing.assert_array_equal(frames[:, :, 0], frames[:, :, 3])
    assert not np.array_equal(frames[:, :, 3], frames[:, :, 4])


@both
def test_bit_identical_from_run_to_run(tagger):
    X, y = make_clips()
    state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = clone(tagger).set_params(dropout=0.2).fit(X, y).predict_proba(X)
    second = clone(tagger).set_params(dropout=0.2).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(first, second)
    other = clone(tagger).set_params(dropout=0.2, random_state=1).fit(X, y)
    assert not np.array_equal(other.predict_proba(X), first)
    assert torch.equal(torch.get_rng_state(), state[0])
    np.testing.assert_array_equal(np.random.get_state()[1], state[1])  # noqa: NPY002


def test_unknown_entries_are_left_out_of_the_loss():
    X, y = make_clips(16)
    indicator = np.column_stack([y, 1 - y])
    lies = indicator.copy()
    lies[:8, 1] = 1  # would be wrong for half of them
    lies[:8, 1] = -1
    fitted = SequenceTagger(**QUICK).fit(X, lies)
    assert (fitted.predict(X) == indicator).mean() > 0.9


def test_threshold_decides_per_class():
    X, y = make_clips()
    indicator = np.column_stack([y, 1 - y])
    tagger = SequenceTagger(threshold=[1e-9, 1 - 1e-9], **QUICK).fit(X, indicator)
    np.testing.assert_array_equal(tagger.predict(X), [[1, 0]] * 12)


@pytest.mark.parametrize("threshold", [0, 1.0, 2.0, -0.1, np.nan, "0.5", [0.5, 1]])
def test_threshold_that_no_probability_crosses(threshold):
    X, y = make_clips()
    tagger = SequenceTagger(threshold=threshold, **QUICK)
    sentence = (
        "The 'threshold' parameter of SequenceTagger must lie in (0, 1), as the "
        f"probabilities do, or be 'auto'. Got {threshold!r} instead."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        tagger.fit(X, np.column_stack([y, 1 - y]))


def test_early_stopping_keeps_the_best_weights():
    X, y = make_clips(40)
    y = np.random.default_rng(0).permutation(y)  # nothing to be learned
    tagger = SequenceTagger(
        **{**QUICK, "max_epochs": 200}, validation_fraction=0.25, patience=3
    ).fit(X, y)
    losses = tagger.history_[:, "valid_loss"]
    assert tagger.n_iter_ == len(losses) < 200
    assert np.argmin(losses) == len(losses) - 4


@both
def test_pickle(tagger):
    X, y = make_clips()
    fitted = clone(tagger).fit(X, y)
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))


@both
def test_three_frames_are_enough(tagger):
    X, y = make_clips(n_frames=3)
    assert clone(tagger).fit(X, y).predict(X[:, :, :1]).shape == (12,)


ERRORS = [
    (
        {"frame_pooling": 0},
        "'frame_pooling' parameter of SequenceTagger must be an "
        "integer in [1, inf). Got 0 instead.",
    ),
    (
        {"dropout": 1.0},
        "'dropout' parameter of SequenceTagger must be a number in "
        "[0, 1). Got 1.0 instead.",
    ),
    (
        {"lr": 0},
        "'lr' parameter of SequenceTagger must be a number in (0, inf). Got 0 instead.",
    ),
    (
        {"threshold": [0.5]},
        "'threshold' parameter of SequenceTagger must be a number "
        "or one number per class (2). Got shape (1,).",
    ),
    (
        {"pooling": "max"},
        "'pooling' parameter of SequenceTagger must be one of ['mean', "
        "'linear_softmax', 'exponential_softmax', 'attention']. Got 'max' instead.",
    ),
    (
        {"validation_fraction": 1},
        "'validation_fraction' parameter of SequenceTagger "
        "must be a number in (0, 1). Got 1 instead.",
    ),
]


@pytest.mark.parametrize(("parameters", "message"), ERRORS)
def test_bad_parameters(parameters, message):
    X, y = make_clips()
    with pytest.raises(ValueError, match=re.escape(message)):
        SequenceTagger(**parameters).fit(X, y)


@both
def test_labels_that_teach_nothing(tagger):
    X, y = make_clips()
    with pytest.raises(ValueError, match="y labels none of the 12 clips"):
        clone(tagger).fit(X, np.full(12, -1))
    with pytest.raises(ValueError, match="holds only one class, 3"):
        clone(tagger).fit(X, np.full(12, 3))
    with pytest.raises(ValueError, match="the target y is None"):
        clone(tagger).fit(X, None)
    with pytest.raises(ValueError, match="12 clips in X and 11 rows in y"):
        clone(tagger).fit(X, y[1:])


@both
def test_clips_that_cannot_be_used(tagger):
    X, y = make_clips()
    fitted = clone(tagger).fit(X, y)
    with pytest.raises(ValueError, match="X has 7 features"):
        fitted.predict(X[:, :7])
    broken = X.copy()
    broken[5, 2, 7] = np.nan
    with pytest.raises(ValueError, match="Clip 5 .* contains NaN in frame 7"):
        fitted.predict(broken)
    ragged = [*X[:5], X[5][:, :0], *X[6:]]
    with pytest.raises(ValueError, match="Clip 5 .* is empty: it has no frame"):
        clone(tagger).fit(ragged, y)
