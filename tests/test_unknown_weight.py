"""Unknown entries as weak negatives: the losses by hand, and the taggers."""

import numpy as np
import pytest
import torch
from helpers import weights, whole
from sklearn.base import clone
from sklearn.metrics import average_precision_score

from sklearn_triplet import CRNNTagger, SequenceTagger, TripletTagger
from sklearn_triplet._input.labels import check_labels
from sklearn_triplet._sampling.pseudo_labels import estimate_prior
from sklearn_triplet._training.tag_triplets import Tagged, TagTripletLoss
from sklearn_triplet._training.tagging import TagLoss

SEQUENCE = SequenceTagger(max_epochs=25, n_cells=8, lr=0.02, random_state=0)
TRIPLET = TripletTagger(
    encoder="conv",
    n_components=8,
    segment_length=20,
    max_epochs=6,
    n_steps=10,
    batch_size=20,
    lr=0.01,
    decay=0.7,
    random_state=0,
)
CRNN = CRNNTagger(n_components=4, max_epochs=25, n_cells=8, lr=0.02, random_state=0)
TAGGERS = [SEQUENCE, CRNN, TRIPLET]
taggers = pytest.mark.parametrize("tagger", TAGGERS, ids=lambda t: type(t).__name__)


def make_clips(n_clips=60, seed=0):
    """Clips of two sounds, each there or not."""
    rng = np.random.default_rng(seed)
    y = (rng.random((n_clips, 2)) < 0.3).astype(int)
    X = rng.normal(size=(n_clips, 8, 20)).astype(np.float32)
    X[:, :4] += 2 * y[:, 0, None, None]
    X[:, 4:] += 2 * y[:, 1, None, None]
    return X, y


@pytest.fixture
def heard():
    """What was heard in 40 clips, and nothing that was not; 20 nobody listened to."""
    X, y = make_clips()
    table = np.where(y == 1, 1, -1)
    table[40:] = -1
    return X, y, table


def entropy(logit, answer):
    return np.log1p(np.exp(-logit if answer else logit))


# --- losses

LOGITS = torch.tensor([[0.5, 2.0], [1.0, -1.0]], dtype=torch.float64)


@pytest.mark.parametrize("weight", [0.0, 0.05, 1.0])
def test_loss_of_tags_by_hand(weight):
    target = torch.tensor([[1, np.nan], [np.nan, 0]])
    expected = entropy(0.5, 1) + entropy(-1, 0)
    expected += weight * (entropy(2, 0) + entropy(1, 0))
    expected /= 2 + 2 * weight
    loss = TagLoss(True, weight)(LOGITS, target.double())
    assert float(loss) == pytest.approx(expected)


@pytest.mark.parametrize("weight", [0.05, 1.0])
def test_loss_of_triplet_tagger_by_hand(weight):
    # a label, an unheard entry; a pseudo-label beside a label; nothing at all known
    target = {
        "present": torch.tensor([[1.0, 0], [1, 0], [0, 0]]),
        "unknown": torch.tensor([[False, False], [False, False], [True, True]]),
        "guessed": torch.tensor([[False, False], [True, False], [True, True]]),
        "weight": torch.tensor([[1, weight], [1, 1], [1, 1]]),
        "clips": torch.arange(3),
    }
    logits = torch.cat([LOGITS, torch.ones(1, 2, dtype=torch.float64)])
    tagged = Tagged(torch.zeros(3, 2), logits)
    labels = entropy(0.5, 1) + entropy(-1, 0) + weight * entropy(2, 0)
    expected = labels / (2 + weight) + 0.3 * entropy(1, 1)
    loss = TagTripletLoss(True, 0.5, None, 1, 0.3, 0)(tagged, target)
    assert float(loss) == pytest.approx(expected)


def test_weak_negatives_alone_are_a_mean_too():
    no = torch.tensor([[False, False]])
    target = {
        "present": torch.zeros(1, 2),
        "unknown": no,
        "guessed": no,
        "weight": torch.full((1, 2), 0.01),
        "clips": torch.arange(1),
    }
    loss = TagTripletLoss(True, 0.5, None, 1, 0, 0)
    found = float(loss(Tagged(torch.zeros(1, 2), LOGITS[:1]), target))
    assert found == pytest.approx((entropy(0.5, 0) + entropy(2, 0)) / 2)


def test_what_is_unheard_and_what_is_unlabeled():
    y = [[1, -1], [-1, 1], [1, -1], [-1, -1], [0, -1]]
    labels = check_labels(np.array(y), 5, "test")
    assert labels.unheard.tolist() == [[0, 1], [1, 0], [0, 1], [0, 0], [0, 1]]
    assumed = labels.assume_absent()
    assert assumed.unknown.tolist() == [[0, 0], [0, 0], [0, 0], [1, 1], [0, 0]]
    np.testing.assert_array_equal(assumed.present, labels.present)
    # of four clips that anybody has listened to
    np.testing.assert_allclose(estimate_prior(assumed), [3 / 6, 2 / 6])
    single = check_labels([0, 1, -1], 3, "test")
    np.testing.assert_array_equal(single.assume_absent().unknown, single.unknown)


# --- taggers


@taggers
def test_what_was_heard_is_enough_with_weak_negatives(tagger, heard):
    X, y, table = heard
    new, truth = make_clips(200, seed=1)
    tagger = clone(tagger).set_params(unknown_weight=0.1).fit(X, table)
    assert average_precision_score(truth, tagger.predict_proba(new)) > 0.8


@taggers
def test_without_them_every_class_is_everywhere(tagger, heard):
    X, _, table = heard
    name = type(tagger).__name__
    sentence = (
        f"y has 1 and -1 in 2 of 2 classes of {name}, [0, 1], and no clip that is "
        "known to be without them: nothing tells what they are not. Set "
        "unknown_weight, such as 0.05, or mark clips without them by 0."
    )
    with pytest.warns(UserWarning, match=whole(sentence)) as caught:
        fitted = clone(tagger).fit(X, table)
    assert [warning.filename for warning in caught] == [__file__]
    if tagger is not TRIPLET:  # which takes some for absent, as its prior is below 1
        assert (fitted.predict(X) == 1).all()
    table[0, 0] = 0
    with pytest.warns(UserWarning, match=r"1 of 2 classes of \w+, \[1\], and no clip"):
        clone(tagger).set_params(max_epochs=1).fit(X, table)


@taggers
def test_full_tables_are_learned_as_before(tagger):
    X, y = make_clips()
    y[40:] = -1
    plain = clone(tagger).fit(X, y)
    # nothing is unknown but in clips without any label, which are no negatives
    weighted = clone(tagger).set_params(unknown_weight=0.5).fit(X, y)
    torch.testing.assert_close(weights(weighted), weights(plain), rtol=0.02, atol=0.02)


def test_unlabeled_clips_have_no_influence_still(heard):
    X, _, table = heard
    tagger = clone(SEQUENCE).set_params(unknown_weight=0.1)
    labeled = (table != -1).any(axis=1)
    alone = clone(tagger).fit(X[labeled], table[labeled])
    beside = clone(tagger).fit(X, table)
    np.testing.assert_array_equal(beside.predict_proba(X), alone.predict_proba(X))


def test_a_weight_of_one_is_a_zero_in_the_table(heard):
    X, _, table = heard
    filled = np.where((table != -1).any(axis=1, keepdims=True), table == 1, -1)
    one = clone(SEQUENCE).set_params(unknown_weight=1, max_epochs=3).fit(X, table)
    zeros = clone(SEQUENCE).set_params(max_epochs=3).fit(X, filled.astype(int))
    np.testing.assert_allclose(one.predict_proba(X), zeros.predict_proba(X), atol=1e-4)


@taggers
def test_bad_values(tagger, heard):
    X, y, table = heard
    name = type(tagger).__name__
    for bad in (-0.1, 1.5, "weak", True):
        sentence = (
            f"The 'unknown_weight' parameter of {name} must be a number in [0, 1]. Got "
            f"{bad!r} instead."
        )
        with pytest.raises(ValueError, match=whole(sentence)):
            clone(tagger).set_params(unknown_weight=bad).fit(X, table)
    changed = clone(tagger).set_params(unknown_weight=0.1, max_epochs=1)
    sentence = f"The 'unknown_weight' parameter of {name} has no effect where each clip"
    with pytest.warns(UserWarning, match=f"^{sentence}"):
        changed.fit(X, y[:, 0])
