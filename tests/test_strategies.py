"""Table 1: every triplet that is drawn obeys the rules of its strategy."""

import re

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sklearn_triplet import (
    STRATEGIES,
    Nearest,
    NegativeSelector,
    OtherLabel,
    PositiveSelector,
    SameLabel,
    SegmentedClips,
    SemiHard,
    Strategy,
    Transformed,
    TripletEmbedder,
)
from sklearn_triplet._input.clips import Clips, FrameScaler
from sklearn_triplet._input.labels import check_labels
from sklearn_triplet._training.triplet_data import TripletBatches, TripletData
from sklearn_triplet._training.triplet_loss import TripletNetwork

TABLE_1 = {
    #      anchor is labeled       anchor is unlabeled
    "s1": (Transformed, SemiHard, Transformed, SemiHard),
    "s2": (SameLabel, OtherLabel, Transformed, SemiHard),
    "s3": (SameLabel, OtherLabel, Nearest, SemiHard),
    "s4": (SameLabel, SemiHard, type(None), type(None)),
    "s5": (SameLabel, OtherLabel, type(None), type(None)),
}
SLOTS = [
    f"{anchor}_{sample}"
    for anchor in ("labeled", "unlabeled")
    for sample in ("positive", "negative")
]
LABELS = {  # one clip a word, one class a sign; ? is unknown
    "single, unlabeled first": "? ? ? ? ? ? a a a b b c",
    "single, unlabeled last": "a a a b b c ? ? ? ? ? ?",
    "single, mixed": "a ? b ? a c ? ? b a ? ?",
    "multi, unlabeled first": "??? ??? ??? ??? 110 010 100 001 000 011",
    "multi, unlabeled last": "110 010 100 001 000 011 ??? ??? ??? ???",
    "multi, mixed": "110 ??? 01? 1?0 ??? 001 000 ?11 ??? ???",
}


def read_labels(text):
    rows = [[-1 if c == "?" else int(c, 16) for c in word] for word in text.split()]
    return np.squeeze(rows)


def make_segments(y, seed=0):
    rng = np.random.default_rng(seed)
    lengths = [(16, 9, 5, 24)[i % 4] for i in range(len(y))]
    arrays = [rng.normal(size=(5, n)).astype(np.float32) for n in lengths]
    clips = Clips(arrays, np.array(lengths))
    labels = check_labels(y, len(clips), "Test")
    return SegmentedClips(clips, labels, FrameScaler.fit(clips), 8)


def make_data(name, y, labeled_ratio=0.5, n_triplets=200):
    strategy = clone(STRATEGIES[name])
    return TripletData(make_segments(y), strategy, labeled_ratio, n_triplets, seed=0)


def draw(data, n_epochs=4, batch_size=25):
    """Draw batches and choose negatives by embeddings that the samples decide."""
    network = TripletNetwork(
        torch.nn.Identity(), "mean", False, "float32", data.strategy
    )
    weights = torch.randn(5 * 8, 2, generator=torch.Generator().manual_seed(0))
    for _ in range(n_epochs):
        for inputs, _ in TripletBatches(data, batch_size):
            X = inputs["X"].flatten(1)
            embeddings = torch.stack([(row[:, None] * weights).sum(0) for row in X])
            index, substituted = network.select_negatives(embeddings, inputs)
            yield X, embeddings, inputs, index.numpy(), substituted.numpy()


def indicate(y):
    classes = sorted(set(y.tolist()) - {-1})
    return np.array([[-1 if c == -1 else int(c == k) for k in classes] for c in y])


class Rules:
    """What y allows, clip by clip and class by class."""

    def __init__(self, y):
        rows = y if y.ndim == 2 else indicate(y)
        self.labeled = [set(row) != {-1} for row in rows.tolist()]
        self.shares, self.negatives = np.zeros((2, len(rows), len(rows)), dtype=bool)
        for i, a in enumerate(rows.tolist()):
            for j, b in enumerate(rows.tolist()):
                pairs = list(zip(a, b, strict=True))
                self.shares[i, j] = i != j and (1, 1) in pairs
                clash = any(1 in pair and 0 not in pair for pair in pairs)
                known = self.labeled[i] and self.labeled[j] and 1 in (*a, *b)
                self.negatives[i, j] = known and not clash


def check_positive(kind, clip, partner, rules):
    if kind is SameLabel and rules.shares[clip].any():
        assert rules.shares[clip, partner]
    elif kind in (SameLabel, Transformed):
        assert partner == clip


def check_negative(kind, anchor, batch, rules):
    """Compare a chosen column with the definition; return whether there is one."""
    _, embeddings, description, index, substituted = batch
    clips, n = description["clips"].numpy(), len(index)
    distances = (embeddings[anchor] - embeddings).square().sum(1).numpy()
    segments = description["segments"]
    allowed = (clips != clips[anchor]) & (segments != segments[n + anchor]).numpy()
    chosen, flag = index[anchor], substituted[anchor]
    if kind is OtherLabel:
        allowed &= rules.negatives[clips[anchor]][clips]
        assert not flag
        assert allowed[chosen] if chosen >= 0 else not allowed.any()
        return chosen >= 0
    farther = allowed & (distances > distances[n + anchor] * (1 + 1e-6))
    assert chosen >= 0 and allowed[chosen] and flag == (not farther.any())
    if not flag:
        assert distances[chosen] == pytest.approx(distances[farther].min(), rel=1e-5)
    return True


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", TABLE_1)
def test_every_triplet_obeys_table_1(name, labels):
    y = read_labels(LABELS[labels])
    rules, n_triplets, n_found = Rules(y), 0, 0
    for batch in draw(make_data(name, y)):
        description, n = batch[2], len(batch[3])
        clips = description["clips"].numpy()
        for i in range(n):
            labeled = rules.labeled[clips[i]]
            assert description["labeled"][i] == labeled
            positive, negative = TABLE_1[name][:2] if labeled else TABLE_1[name][2:]
            check_positive(positive, clips[i], clips[n + i], rules)
            n_found += check_negative(negative, i, batch, rules)
        n_triplets += n
    assert n_triplets == 800
    assert n_found > 600


@pytest.mark.parametrize("name", ["s3", "s4", "s5"])
def test_negative_is_never_the_sample_that_is_the_positive(name):
    data = make_data(name, read_labels(LABELS["single, mixed"]))
    for X, _, _, index, _ in draw(data, n_epochs=2, batch_size=10):
        positives = X[len(index) :][index >= 0]
        negatives = X[index[index >= 0]]
        assert not (positives == negatives).all(dim=1).any()


def test_unlabeled_anchors_of_s3_get_their_nearest_segment():
    data = make_data("s3", read_labels(LABELS["single, mixed"]))
    units = data.segments.take(np.arange(len(data.segments))[:, None])
    X, lengths = units.X[:, 0].astype(float), units.lengths[:, 0]
    common = np.minimum(lengths[:, None], lengths)
    squares = np.square(X[:, None] - X) * (np.arange(8) < common[..., None, None])
    distances = squares.sum(axis=(2, 3)) / common
    np.fill_diagonal(distances, np.inf)
    nearest = units.X[distances.argmin(axis=1), 0]
    expected = {a.tobytes(): b for a, b in zip(units.X, nearest, strict=True)}
    for inputs, _ in TripletBatches(data, 40):
        anchors, found = inputs["X"].numpy().reshape(2, -1, 5, 8)
        rows = ~inputs["labeled"][: len(anchors)].numpy()
        assert rows.any()
        for anchor, positive in zip(anchors[rows], found[rows], strict=True):
            np.testing.assert_array_equal(positive, expected[anchor.tobytes()])


# --- which anchors


def test_table_1():
    assert list(STRATEGIES) == list(TABLE_1)
    for name, kinds in TABLE_1.items():
        strategy = clone(STRATEGIES[name])
        for slot, kind in zip(SLOTS, kinds, strict=True):
            assert type(getattr(strategy, slot)) is kind


@pytest.mark.parametrize("ratio", [0.0, 0.25, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("name", ["s1", "s2", "s3"])
def test_labeled_ratio_holds_in_every_epoch_and_batch(name, ratio):
    data = make_data(name, read_labels(LABELS["single, mixed"]), ratio, 120)
    for _ in range(3):
        batches = [inputs["labeled"] for inputs, _ in TripletBatches(data, 20)]
        counts = [labeled[: len(labeled) // 2].sum().item() for labeled in batches]
        assert len(counts) == 6
        assert sum(counts) == round(120 * ratio)
        assert max(abs(count - 20 * ratio) for count in counts) <= 1


@pytest.mark.parametrize("ratio", [0.5, 0.25, 1.0])
def test_default_is_every_labeled_segment_once(ratio):
    data = make_data("s2", read_labels(LABELS["single, mixed"]), ratio, None)
    assert len(data) == round(len(data.labeled) / ratio)
    for _ in range(3):
        anchors = data.draw_epoch()
        labeled = anchors[np.isin(anchors, data.labeled)]
        np.testing.assert_array_equal(np.sort(labeled), data.labeled)


@pytest.mark.parametrize(("name", "ratio"), [("s2", 0.3), ("s3", 0.5), ("s4", 0.5)])
def test_no_anchor_twice_before_all_have_been_used(name, ratio):
    data = make_data(name, read_labels(LABELS["single, mixed"]), ratio, 30)
    drawn = np.concatenate([data.draw_epoch() for _ in range(20)])
    assert len(drawn) == 600
    for kind in filter(len, (data.labeled, data.unlabeled)):
        anchors = drawn[np.isin(drawn, kind)]
        n_rounds = len(anchors) // len(kind)
        rounds = anchors[: n_rounds * len(kind)].reshape(n_rounds, -1)
        np.testing.assert_array_equal(np.sort(rounds), np.tile(kind, (n_rounds, 1)))
        assert not np.array_equal(rounds[0], rounds[1])


@pytest.mark.parametrize("name", ["s4", "s5"])
@pytest.mark.parametrize("labels", LABELS)
def test_supervised_strategies_have_labeled_anchors_only(name, labels):
    y = read_labels(LABELS[labels])
    segments = make_segments(y)
    labeled = np.array(Rules(y).labeled)[segments.clip_of]
    data = make_data(name, y, 0.1, None)
    np.testing.assert_array_equal(np.sort(data.draw_epoch()), np.flatnonzero(labeled))


# --- manners


def test_nested_parameters():
    strategy = Strategy(SameLabel(), OtherLabel(), Nearest(n_neighbors=5), SemiHard())
    name = "strategy__unlabeled_positive__n_neighbors"
    embedder = TripletEmbedder(strategy).set_params(**{name: 7})
    assert clone(embedder).get_params()[name] == 7
    assert clone(strategy).unlabeled_positive is not strategy.unlabeled_positive
    assert repr(clone(strategy)) == repr(strategy)
    assert "unlabeled_positive=Nearest(n_neighbors=7)" in repr(strategy)


def fit(strategy, y):
    X = np.random.default_rng(0).normal(size=(len(y), 5, 16)).astype(np.float32)
    settings = {"n_components": 3, "segment_length": 8, "batch_size": 16}
    embedder = TripletEmbedder(strategy, max_epochs=1, random_state=0, **settings)
    return embedder.fit(X, y)


Y = np.array([0, 0, 1, 1, -1, -1])


def test_fits_change_neither_the_table_nor_the_users_strategy():
    before = {name: repr(strategy) for name, strategy in STRATEGIES.items()}
    for name in STRATEGIES:
        assert repr(fit(name, Y).strategy_) == before[name]
    assert {name: repr(strategy) for name, strategy in STRATEGIES.items()} == before
    own = Strategy(SameLabel(), SemiHard(), Nearest(), SemiHard())
    assert fit(own, Y).strategy is own
    for strategy in (own, STRATEGIES["s3"]):
        assert not hasattr(strategy.unlabeled_positive, "neighbors_")


class Opposite(PositiveSelector):
    calls = 0

    def select(self, anchors, segments, rng):
        Opposite.calls += 1
        return segments.take(len(segments) - 1 - anchors.segments)


class First(NegativeSelector):
    calls = 0

    def select(self, candidates):
        First.calls += 1
        index = candidates.allowed.float().argmax(dim=1)
        return index, torch.zeros_like(index, dtype=torch.bool)


def test_selectors_of_ones_own_need_no_registration():
    Opposite.calls = First.calls = 0
    fitted = fit(Strategy(Opposite(), First(), Opposite(), First()), Y)
    assert Opposite.calls == 2  # labeled and unlabeled anchors of the only batch
    assert First.calls == 2
    assert fitted.history_[-1, "no_negative"] == 0


def test_unknown_strategy():
    sentence = "The 'strategy' parameter of TripletEmbedder must be one of "
    sentence += "['s1', 's2', 's3', 's4', 's5'] or a Strategy. Got 's6' instead."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        fit("s6", Y)


def test_half_a_strategy_for_unlabeled_anchors_is_refused():
    with pytest.raises(ValueError, match="^A Strategy needs both unlabeled_positive"):
        fit(Strategy(SameLabel(), OtherLabel(), Transformed()), Y)
