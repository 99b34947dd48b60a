"""Table 1: every triplet that is drawn obeys the rules of its strategy."""

import copy
import pickle
import re

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_triplet import (
    STRATEGIES,
    LabeledOnly,
    Nearest,
    NegativeSelector,
    OtherLabel,
    OtherPseudoLabel,
    PositiveSelector,
    SameLabel,
    SamePseudoLabel,
    SegmentedClips,
    SemiHard,
    Strategy,
    Transformed,
    TripletEmbedder,
    UnlabeledInTrain,
    labeled_scorer,
)
from sklearn_triplet._input.labels import check_labels
from sklearn_triplet._training.triplet_data import TripletBatches, TripletData
from sklearn_triplet._training.triplet_loss import TripletNetwork, describe_candidates

TABLE_1 = {
    #      anchor is labeled       anchor is unlabeled
    "s1": (Transformed, SemiHard, Transformed, SemiHard),
    "s2": (SameLabel, OtherLabel, Transformed, SemiHard),
    "s3": (SameLabel, OtherLabel, Nearest, SemiHard),
    "s4": (SameLabel, SemiHard, type(None), type(None)),
    "s5": (SameLabel, OtherLabel, type(None), type(None)),
    # not of the paper's table, but a row of ours
    "pseudo": (SameLabel, OtherLabel, SamePseudoLabel, OtherPseudoLabel),
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
    return SegmentedClips.from_arrays(arrays, y, segment_length=8)


def make_data(name, y, labeled_ratio=0.5, n_triplets=200):
    segments, strategy = make_segments(y), STRATEGIES[name]
    return TripletData(segments, strategy, labeled_ratio, n_triplets, seed=0)


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
            candidates = describe_candidates(embeddings, inputs)
            labeled = inputs["labeled"][: len(candidates.distances)]
            index, substituted = network.select_negatives(candidates, labeled)
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
        strategy = STRATEGIES[name]
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
    for strategy in (own, STRATEGIES["s3"]):
        assert fit(strategy, Y).strategy is strategy
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
    sentence += (
        "['s1', 's2', 's3', 's4', 's5', 'pseudo'] or a Strategy. Got 's6' instead."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        fit("s6", Y)


POSITIVE, NEGATIVE = Transformed(), SemiHard()
MUST = "The {!r} parameter of Strategy must be a {}, or an instance of a class that "
MUST += "inherits from it and has a method select. Got {} instead."
CURE = (
    " chooses by labels. Take Transformed(), Nearest() or SamePseudoLabel() as the "
    "positive of unlabeled anchors, and SemiHard(), RandomNegative() or "
    "OtherPseudoLabel() as their negative."
)
WRONG_STRATEGIES = {
    "A Strategy needs both unlabeled_positive and unlabeled_negative, or neither. Got "
    "Transformed() and None.": (POSITIVE, NEGATIVE, POSITIVE),
    "The 'labeled_positive' parameter of Strategy must be an instance. Got the class "
    "SameLabel: write SameLabel().": (SameLabel, NEGATIVE),
    "The 'unlabeled_negative' parameter of Strategy must be an instance. Got the class "
    "SemiHard: write SemiHard().": (POSITIVE, NEGATIVE, POSITIVE, SemiHard),
    MUST.format("labeled_positive", "PositiveSelector", None): (
        *(None, None, POSITIVE, NEGATIVE),
    ),
    MUST.format("labeled_positive", "PositiveSelector", NEGATIVE): (NEGATIVE, POSITIVE),
    MUST.format("labeled_negative", "NegativeSelector", "NegativeSelector()"): (
        *(POSITIVE, NegativeSelector()),
    ),
    MUST.format("unlabeled_positive", "PositiveSelector", "'nearest'"): (
        *(POSITIVE, NEGATIVE, "nearest", NEGATIVE),
    ),
    "The 'unlabeled_positive' parameter of Strategy serves unlabeled anchors, but "
    f"SameLabel(){CURE}": (POSITIVE, NEGATIVE, SameLabel(), NEGATIVE),
    "The 'unlabeled_negative' parameter of Strategy serves unlabeled anchors, but "
    f"OtherLabel(){CURE}": (POSITIVE, NEGATIVE, POSITIVE, OtherLabel()),
}


@pytest.mark.parametrize("sentence", WRONG_STRATEGIES)
def test_selectors_that_cannot_serve_are_refused_in_fit(sentence):
    strategy = Strategy(*WRONG_STRATEGIES[sentence])
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        fit(strategy, Y)


# --- the table


def test_what_is_done_to_a_strategy_of_the_table_is_not_done_to_the_table():
    STRATEGIES["s3"].set_params(unlabeled_positive__n_neighbors=9)
    STRATEGIES["s3"].unlabeled_positive.neighbors_ = 0
    assert STRATEGIES["s3"].unlabeled_positive.n_neighbors == 1
    assert not hasattr(STRATEGIES["s3"].unlabeled_positive, "neighbors_")
    assert STRATEGIES["s3"] is not STRATEGIES["s3"]
    for change in (
        lambda: STRATEGIES.__setitem__("s6", STRATEGIES["s1"]),
        lambda: STRATEGIES.pop("s1"),
        lambda: STRATEGIES.clear(),
        lambda: STRATEGIES.update(s6=STRATEGIES["s1"]),
    ):
        with pytest.raises(AttributeError):
            change()


def test_the_table_is_a_mapping():
    assert "s3" in STRATEGIES
    assert "s6" not in STRATEGIES
    assert STRATEGIES.get("s6") is None
    assert len(STRATEGIES) == 6
    assert repr(list(dict(STRATEGIES).values())) == repr(list(STRATEGIES.values()))
    for copied in (pickle.loads(pickle.dumps(STRATEGIES)), copy.deepcopy(STRATEGIES)):
        assert repr(copied) == repr(STRATEGIES)


def test_the_table_is_printed_as_in_the_paper():
    assert repr(STRATEGIES).splitlines() == [
        "        labeled anchor                unlabeled anchor",
        "        positive       negative      positive           negative",
        "s1      Transformed()  SemiHard()    Transformed()      SemiHard()",
        "s2      SameLabel()    OtherLabel()  Transformed()      SemiHard()",
        "s3      SameLabel()    OtherLabel()  Nearest()          SemiHard()",
        "s4      SameLabel()    SemiHard()    -                  -",
        "s5      SameLabel()    OtherLabel()  -                  -",
        "pseudo  SameLabel()    OtherLabel()  SamePseudoLabel()  OtherPseudoLabel()",
    ]


def test_a_search_over_a_parameter_of_a_strategy_of_the_table():
    X = np.random.default_rng(0).normal(size=(12, 5, 16)).astype(np.float32)
    y = [0, 1] * 3 + [-1] * 6
    settings = {"n_components": 3, "segment_length": 8, "max_epochs": 1}
    embedder = TripletEmbedder(
        STRATEGIES["s3"], output="clip", random_state=0, **settings
    )
    pipeline = Pipeline([("emb", embedder), ("clf", LabeledOnly(LogisticRegression()))])
    name = "emb__strategy__unlabeled_positive__n_neighbors"
    search = GridSearchCV(
        pipeline,
        {name: [1, 2]},
        cv=UnlabeledInTrain(3),
        scoring=labeled_scorer("accuracy"),
        error_score="raise",
    )
    search.fit(X, y)
    assert [p[name] for p in search.cv_results_["params"]] == [1, 2]
    best = search.best_estimator_["emb"]
    assert best.strategy.unlabeled_positive.n_neighbors == search.best_params_[name]
    # the name and the strategy that it stands for give the same
    fits = [
        TripletEmbedder(strategy, random_state=0, **settings).fit(X, y)
        for strategy in ("s3", STRATEGIES["s3"])
    ]
    np.testing.assert_array_equal(fits[0].transform(X), fits[1].transform(X))


# --- from which labels triplets can be drawn

NO_LABELS = (
    "draws triplets from labeled clips only, but y labels none. Give labels, or choose "
    "'s1', 's2' or 's3'."
)
ONE_CLIP = (
    "needs at least 2 clips, since a negative comes from another clip than its anchor. "
    "Got n_samples = 1."
)


def one_class(n):
    return (
        f"takes negatives of another class, but the labels in y are of {n}. Label "
        "clips of at least 2 classes, or choose 's1'."
    )


WHY = [  # labels, and what each of s1 to s5, and pseudo, says to them
    ("a b ? ?", [None] * 6),
    ("a b", [None] * 6),
    ("a a ? ?", [None, one_class("1 class"), "s2", None, "s2", "s2"]),
    ("a a", [None, one_class("1 class"), "s2", None, "s2", "s2"]),
    ("? ?", [None, None, None, NO_LABELS, NO_LABELS, None]),
    ("a", [ONE_CLIP] * 6),
    ("?", [ONE_CLIP] * 6),
    ("10 00 ??", [None] * 6),  # a clip without any event is a negative
    ("00 00 ??", [None, one_class("0 classes"), "s2", None, "s2", "s2"]),
]


@pytest.mark.parametrize(("text", "sentences"), WHY)
def test_why_no_triplets(text, sentences):
    y = np.atleast_1d(read_labels(text))
    labels = check_labels(y.tolist(), len(y), "Test")
    for name, expected in zip(STRATEGIES, sentences, strict=True):
        expected = sentences[1] if expected == "s2" else expected
        assert STRATEGIES[name].why_no_triplets(labels) == expected
        # unlabeled anchors alone are enough to measure by
        either = STRATEGIES[name].why_no_triplets(labels, each_kind=False)
        enough = name in ("s2", "s3", "pseudo") and "?" in text and len(y) > 1
        assert either == (None if enough else expected)


def test_s4_validates_with_one_class():
    y = np.array([0] * 10 + [-1] * 10)
    X = np.random.default_rng(0).normal(size=(20, 5, 8)).astype(np.float32)
    settings = {"segment_length": 8, "max_epochs": 1, "random_state": 0}
    fitted = TripletEmbedder("s4", validation_fraction=0.3, **settings).fit(X, y)
    assert fitted.history_[-1, "no_negative"] == 0
    assert np.isfinite(fitted.history_[-1, "valid_loss"])
