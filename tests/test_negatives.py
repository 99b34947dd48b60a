"""Negatives of Table 1: another label, semi-hard mining, candidates; refused labels."""

import numpy as np
import pytest
import torch
from helpers import whole
from sklearn.base import clone

from sklearn_triplet import Candidates, NegativeSelector, OtherLabel, SemiHard
from sklearn_triplet._sampling.negatives import check_negatives
from sklearn_triplet._training.triplet_loss import describe_candidates


def make_candidates(n=6, m=12, seed=0, **given):
    """Return random candidates; few values, so that some distances are equal."""
    rng = np.random.default_rng(seed)
    tables = {
        "distances": rng.integers(0, 9, (n, m)).astype(np.float32),
        "positive_distances": rng.integers(0, 12, n).astype(np.float32),
        "allowed": rng.random((n, m)) < rng.choice([0.1, 0.5, 0.9]),
        "shares_label": rng.random((n, m)) < 0.4,
        "other_label": rng.random((n, m)) < 0.3,
        "noise": rng.random((n, m), dtype=np.float32),
    }
    tables.update(given)
    return Candidates(**{k: torch.from_numpy(np.array(v)) for k, v in tables.items()})


def select(selector, candidates):
    index, substituted = selector.select(candidates)
    assert (index.dtype, substituted.dtype) == (torch.int64, torch.bool)
    return index.tolist(), substituted.tolist()


# --- semi-hard mining


def mine(distances, positive, allowed):
    """Return the distance of the semi-hard negative and whether it is a substitute."""
    farther = [
        d for d, ok in zip(distances, allowed, strict=True) if ok and d > positive
    ]
    if farther:
        return min(farther), False
    rest = [d for d, ok in zip(distances, allowed, strict=True) if ok]
    return (max(rest), True) if rest else (None, False)


@pytest.mark.parametrize("exclude", [False, True])
def test_semi_hard_equals_the_definition(exclude):
    seen = {"semi-hard": 0, "farthest": 0, "none": 0}
    for seed in range(200):
        candidates = make_candidates(seed=seed)
        allowed = candidates.allowed
        if exclude:
            allowed = allowed & ~candidates.shares_label
        found = select(SemiHard(exclude_shared_labels=exclude), candidates)
        for i, (column, flag) in enumerate(zip(*found, strict=True)):
            row = candidates.distances[i].tolist()
            positive = candidates.positive_distances[i].item()
            distance, substituted = mine(row, positive, allowed[i].tolist())
            assert flag == substituted
            assert (column == -1) == (distance is None)
            if distance is not None:
                assert allowed[i, column]
                assert row[column] == distance
            kind = "farthest" if flag else "none" if distance is None else "semi-hard"
            seen[kind] += 1
    assert min(seen.values()) > 20


def test_semi_hard_of_a_small_example():
    candidates = make_candidates(
        distances=np.float32([[0, 1, 4, 2, 3], [0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]),
        positive_distances=np.float32([2, 9, 0]),
        allowed=np.array([[0, 1, 1, 1, 1], [1, 1, 1, 1, 0], [0] * 5]) > 0,
    )
    assert select(SemiHard(), candidates) == ([4, 3, -1], [False, True, False])


def test_as_far_as_the_positive_is_not_semi_hard():
    candidates = make_candidates(
        distances=np.float32([[3, 3, 3.5]]),
        positive_distances=np.float32([3]),
        allowed=np.ones((1, 3), dtype=bool),
    )
    assert select(SemiHard(), candidates) == ([2], [False])


def test_semi_hard_by_default_does_not_see_labels():
    assert SemiHard().exclude_shared_labels is False
    candidates = make_candidates(
        distances=np.float32([[1, 2, 3]]),
        positive_distances=np.float32([0]),
        allowed=np.ones((1, 3), dtype=bool),
        shares_label=np.array([[True, False, False]]),
    )
    assert select(SemiHard(), candidates)[0] == [0]
    assert select(SemiHard(exclude_shared_labels=True), candidates)[0] == [1]
    assert clone(SemiHard(True)).exclude_shared_labels is True
    assert (SemiHard.uses_labels, OtherLabel.uses_labels) == (False, True)


# --- other label


def test_other_label_takes_label_negatives_only():
    n_none = 0
    for seed in range(100):
        candidates = make_candidates(seed=seed)
        possible = (candidates.allowed & candidates.other_label).numpy()
        index, substituted = select(OtherLabel(), candidates)
        assert not any(substituted)
        for i, column in enumerate(index):
            assert possible[i].any() if column >= 0 else not possible[i].any()
            assert column < 0 or possible[i, column]
        n_none += index.count(-1)
    assert 0 < n_none < 600


def test_other_label_is_uniform():
    n, m = 6000, 7
    rows = np.array([1, 0, 1, 1, 0, 1, 1]) > 0
    allowed, other = np.tile(np.arange(m) != 3, (n, 1)), np.tile(rows, (n, 1))
    candidates = make_candidates(n, m, other_label=other, allowed=allowed)
    counts = np.bincount(select(OtherLabel(), candidates)[0], minlength=m)
    np.testing.assert_array_equal(counts[[1, 3, 4]], 0)
    chosen = counts[[0, 2, 5, 6]]
    assert ((chosen - 1500) ** 2 / 1500).sum() < 17  # 3 degrees of freedom


# --- what a selector returns


class Answers(NegativeSelector):
    """Returns whatever it is told to make of the candidates."""

    def __init__(self, make):
        self.make = make

    def select(self, candidates):
        return self.make(candidates)


def paired(index, dtype=torch.int64):
    """Return a selection of some columns that marks no substitute."""

    def make(candidates):
        return torch.tensor(index, dtype=dtype), torch.zeros(3, dtype=torch.bool)

    return make


WRONG_NEGATIVES = {
    "must return a tuple (index, substituted), where the second tells for which "
    "anchors something else than the rule's was taken. Got an object of type "
    "Tensor instead.": (lambda candidates: torch.zeros(3, dtype=torch.int64)),
    "must return torch tensors. Got 'index' of type ndarray.": lambda candidates: (
        np.zeros(3, dtype=int),
        torch.zeros(3, dtype=torch.bool),
    ),
    "must return one negative per anchor: 'index' of shape (3,) and dtype torch.int64 "
    "on cpu. Got (3,), torch.float32 on cpu.": paired([0, 1, 0], torch.float32),
    "must return one negative per anchor: 'index' of shape (3,) and dtype torch.int64 "
    "on cpu. Got (2,), torch.int64 on cpu.": paired([0, 1]),
    "must return one negative per anchor: 'substituted' of shape (3,) and dtype "
    "torch.bool on cpu. Got (3,), torch.int64 on cpu.": lambda candidates: (
        (torch.zeros(3, dtype=torch.int64),) * 2
    ),
    "must return an index in [-1, 3], a column of the candidates or -1 for none. Got 0 "
    "to 4.": paired([0, 0, 4]),
    "must return an index in [-1, 3], a column of the candidates or -1 for none. Got "
    "-2 to 0.": paired([0, -2, 0]),
    "must choose negatives among candidates.allowed. Got 2 of 3 that are of the "
    "anchor's own clip or its positive: mask the others out, and return -1 where none "
    "is left.": paired([0, 3, 3]),
}


@pytest.mark.parametrize("sentence", WRONG_NEGATIVES)
def test_negatives_that_are_none_are_refused(sentence):
    allowed = np.ones((3, 4), dtype=bool)
    allowed[1:, 3] = False
    candidates = make_candidates(3, 4, allowed=allowed)
    selector = Answers(WRONG_NEGATIVES[sentence])
    for right in ([0, 1, -1], [3, 2, 0]):
        check_negatives(paired(right)(candidates), candidates, selector)
    answer = selector.select(candidates)
    with pytest.raises(ValueError, match=whole(f"Answers.select {sentence}")):
        check_negatives(answer, candidates, selector)


# --- who may be a candidate


def describe(y, clips, embeddings=None, n_anchors=None):
    """Describe a batch whose units come from clips with the labels y (n_clips, c)."""
    y = np.array(y)
    rows = y[clips]
    n = n_anchors or len(clips) // 2
    labeled = (rows != -1).any(axis=1)
    noise = np.random.default_rng(0).random((n, len(clips)), dtype=np.float32)
    description = {
        "clips": np.array(clips),
        "segments": np.arange(len(clips)),
        "present": (rows == 1).astype(np.float32),
        "unknown": (rows == -1).astype(np.float32),
        "labeled": labeled,
        "noise": np.ascontiguousarray(noise.T),
    }
    if embeddings is None:
        embeddings = np.random.default_rng(1).normal(size=(len(clips), 3))
    return describe_candidates(
        torch.from_numpy(np.float32(embeddings)),
        {key: torch.from_numpy(value) for key, value in description.items()},
    )


def share(a, b):
    return any(p == q == 1 for p, q in zip(a, b, strict=True))


def are_negatives(a, b):
    """Both labeled, some event, and no event of one possible in the other."""
    if set(a) == {-1} or set(b) == {-1} or 1 not in (*a, *b):
        return False
    pairs = list(zip(a, b, strict=True))
    clash = [(p == 1 and q in (1, -1)) or (q == 1 and p in (1, -1)) for p, q in pairs]
    return not any(clash)


@pytest.mark.parametrize("n_classes", [1, 2, 4])
def test_label_rules_by_brute_force(n_classes):
    y = np.random.default_rng(0).integers(-1, 2, (80, n_classes))
    candidates = describe(y, list(range(80)))
    n_shared, n_other = 0, 0
    for i in range(40):
        for j in range(80):
            a, b = y[i].tolist(), y[j].tolist()
            assert candidates.shares_label[i, j] == share(a, b)
            if i != j:
                assert candidates.other_label[i, j] == are_negatives(a, b)
            n_shared += share(a, b)
            n_other += are_negatives(a, b)
    assert min(n_shared, n_other) > 50


@pytest.mark.parametrize(
    ("a", "b", "shares", "negatives"),
    [
        ([1, 0, 0], [1, 1, 0], True, False),
        ([1, 0, 0], [0, 1, 0], False, True),
        ([1, 0, 0], [-1, 1, 0], False, False),  # the class may be in both
        ([1, 0, -1], [0, 1, -1], False, True),  # unknown in both: no clash is known
        ([1, 0, -1], [0, 0, 1], False, False),
        ([1, 0, 0], [0, 0, 0], False, True),
        ([0, 0, 0], [0, 0, 0], False, False),  # two clips without an event are alike
        ([1, 0, 0], [-1, -1, -1], False, False),
        ([-1, -1, -1], [-1, -1, -1], False, False),
        ([0, 0, -1], [0, 0, 1], False, False),
    ],
)
def test_label_rules_are_symmetric(a, b, shares, negatives):
    candidates = describe([a, b], [0, 1, 0, 1])
    for i, j in ((0, 1), (1, 0)):
        assert candidates.shares_label[i, j] == shares
        assert candidates.other_label[i, j] == negatives


@pytest.mark.parametrize("offset", [0, 1000])  # far away |a|^2 - 2ab + |b|^2 cancels
def test_distances_are_squared_euclidean(offset):
    X = offset + np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
    found = describe([[1, 0]] * 8, list(range(8)), X)
    expected = np.square(X[:4, None].astype(float) - X[None]).sum(axis=2)
    np.testing.assert_allclose(found.distances, expected, rtol=1e-5)
    own = found.distances[range(4), range(4, 8)]
    np.testing.assert_array_equal(found.positive_distances, own)


def test_no_candidate_is_of_the_anchors_own_clip():
    clips = [0, 1, 2, 0, 1, 0, 2, 2]
    allowed = describe([[1, 0]] * 3, clips).allowed
    for i in range(4):
        for j in range(8):
            assert not (allowed[i, j] and clips[i] == clips[j])
    assert allowed[0, [1, 2, 6, 7]].all()
    candidates = describe([[1, 0]] * 2, [0, 0, 0, 0])
    assert select(SemiHard(), candidates)[0] == [-1, -1]


def test_the_positive_is_no_candidate_for_its_own_anchor():
    # a positive of another clip; it must not become the negative of its triplet
    clips = [0, 1, 2, 3, 4, 5]
    allowed = describe([[1, 0]] * 6, clips).allowed
    assert not allowed[range(3), range(3, 6)].any()
    assert allowed[0, [1, 2, 4, 5]].all()


def test_where_all_are_nearer_than_the_positive_another_is_taken():
    embeddings = np.array([[0.0], [1.0], [9.0], [2.0]])
    candidates = describe([[1, 0]] * 4, [0, 1, 2, 3], embeddings)
    index, substituted = select(SemiHard(), candidates)
    assert (index[0], substituted[0]) == (3, True)  # 2 is the positive, at distance 81
