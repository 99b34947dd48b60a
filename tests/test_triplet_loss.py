"""Eq. (1) worked out by hand, its gradient, its networks, the measures of collapse."""

import math

import numpy as np
import pytest
import torch
from skorch.history import History
from torch.nn.functional import max_pool2d

from sklearn_triplet import (
    ConvEncoder,
    NegativeSelector,
    OtherLabel,
    SameLabel,
    SemiHard,
    Strategy,
    TripletEmbedder,
)
from sklearn_triplet._training.networks import UnitEncoder
from sklearn_triplet._training.triplet_loss import (
    TripletHistory,
    TripletLoss,
    TripletNetwork,
    measure_distances,
    measure_spread,
)


class Fixed(NegativeSelector):
    """Takes the columns that a test has written down."""

    def __init__(self, columns):
        self.columns = columns

    def select(self, candidates):
        index = torch.tensor(self.columns)
        return index, torch.zeros_like(index, dtype=torch.bool)


def describe(n, labels=None, substituted=None):
    """Describe n anchors of clips 0 to n - 1 and positives of clips n to 2n - 1."""
    labels = torch.tensor(labels or [0] * (2 * n))
    present = torch.nn.functional.one_hot(labels, 3).float()
    return {
        "substituted": torch.tensor([False] * n + (substituted or [False] * n)),
        "clips": torch.arange(2 * n),
        "segments": torch.arange(2 * n),
        "present": present,
        "unknown": torch.zeros_like(present),
        "labeled": torch.ones(2 * n, dtype=torch.bool),
        "noise": torch.rand(2 * n, n, generator=torch.Generator().manual_seed(0)),
    }


class Identity(torch.nn.Module):
    def forward(self, X):
        return X


class Recorded:
    """Mines and compares embeddings, and keeps what the history would tell."""

    def __init__(self, strategy, margin):
        self.network = TripletNetwork(Identity(), "mean", False, "float32", strategy)
        self.criterion_ = TripletLoss(margin)
        self.history = History()

    def __call__(self, embeddings, described):
        triplets = self.network.mine(embeddings, described)
        self.history.new_epoch()
        record = TripletHistory()
        record.on_epoch_begin(self)
        record.on_batch_end(self, training=True, y_pred=triplets)
        record.on_batch_end(self, training=False, y_pred=None)  # does not count
        record.on_epoch_end(self)
        self.statistics = self.history[-1]
        return self.criterion_(triplets)


def make_loss(columns, margin=1.0):
    return Recorded(Strategy(SameLabel(), Fixed(columns)), margin)


# anchors a0 = (0, 0) and a1 = (2, 0); positives p0 = (1, 1) and p1 = (2, 3)
#   a0: |a0 - p0|^2 = 2, negative a1: |a0 - a1|^2 = 4
#   a1: |a1 - p1|^2 = 9, negative p0: |a1 - p0|^2 = 2
EMBEDDINGS = [[0.0, 0.0], [2.0, 0.0], [1.0, 1.0], [2.0, 3.0]]
COLUMNS = [1, 2]


@pytest.mark.parametrize(
    ("margin", "hinges"),
    [(1.0, (0.0, 8.0)), (2.5, (0.5, 9.5)), (0.25, (0.0, 7.25)), (2.0, (0.0, 9.0))],
)
def test_loss_equals_equation_1(margin, hinges):
    loss = make_loss(COLUMNS, margin)
    value = loss(torch.tensor(EMBEDDINGS), describe(2))
    assert value.item() == pytest.approx(sum(hinges) / 2)
    assert loss.statistics["active_triplets"] == sum(h > 0 for h in hinges) / 2
    assert loss.statistics["no_negative"] == 0


def test_loss_with_mined_negatives():
    # the only candidates of class 1 are a1 and p1: |a0 - a1|^2 = 4, |a0 - p1|^2 = 13
    # for a1 they are a0 and p0: |a1 - a0|^2 = 4, |a1 - p0|^2 = 2, both < |a1 - p1|^2
    embeddings = torch.tensor(EMBEDDINGS)
    description = describe(2, [0, 1, 0, 1])
    loss = Recorded(Strategy(SameLabel(), SemiHard(True)), 3.0)
    # a0: 2 - 4 + 3 = 1; a1 takes the farthest: 9 - 4 + 3 = 8
    assert loss(embeddings, description).item() == pytest.approx(4.5)
    assert loss.statistics["empty_semi_hard"] == 0.5


def test_triplets_without_a_negative_are_left_out():
    loss = make_loss([-1, 2])
    value = loss(torch.tensor(EMBEDDINGS), describe(2))
    assert value.item() == pytest.approx(8.0)  # not 4: the mean is over triplets
    assert loss.statistics["no_negative"] == 0.5
    assert loss.statistics["active_triplets"] == 1


def test_a_batch_without_any_negative_is_no_error():
    embeddings = torch.tensor(EMBEDDINGS, requires_grad=True)
    loss = Recorded(Strategy(SameLabel(), OtherLabel()), 1.0)
    value = loss(embeddings, describe(2))
    value.backward()
    assert value.item() == 0
    assert not embeddings.grad.any()
    assert loss.statistics["no_negative"] == 1


def test_substitutes_are_counted():
    loss = make_loss(COLUMNS)
    loss(torch.tensor(EMBEDDINGS), describe(2, substituted=[True, False]))
    assert loss.statistics["substituted_positives"] == 0.5


def test_gradient_goes_through_anchor_positive_and_negative():
    embeddings = torch.tensor(EMBEDDINGS, requires_grad=True)
    make_loss([-1, 0])(embeddings, describe(2)).backward()
    # d/da = 2 (n - p), d/dp = 2 (p - a), d/dn = 2 (a - n) for a1, p1 and n = a0
    expected = [[4.0, 0.0], [2 * (0 - 2), 2 * (0 - 3)], [0.0, 0.0], [0.0, 6.0]]
    np.testing.assert_allclose(embeddings.grad, expected)


def test_inactive_triplet_has_no_gradient():
    embeddings = torch.tensor(EMBEDDINGS, requires_grad=True)
    make_loss([1, -1])(embeddings, describe(2)).backward()
    assert not embeddings.grad.any()


def test_loss_equals_a_sum_in_numpy():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 6)).astype(np.float32)
    columns = [(i + 7) % 40 for i in range(20)]
    a, p, n = (X[rows].astype(float) for rows in (range(20), range(20, 40), columns))
    hinge = np.maximum(((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + 0.7, 0)
    loss = make_loss(columns, 0.7)
    value = loss(torch.from_numpy(X), describe(20))
    assert value.item() == pytest.approx(hinge.mean(), rel=1e-5)
    assert loss.statistics["active_triplets"] == pytest.approx((hinge > 0).mean())


# --- f(x)


def encode(X, lengths, pooling="mean", normalize=False):
    X = torch.tensor(np.array(X, dtype=np.float32))
    encoder = UnitEncoder(Identity(), pooling, normalize, "float32")
    return encoder(X, torch.tensor(lengths)).numpy()


def test_f_is_the_mean_over_valid_frames():
    X = [[[[1, 3, 50], [2, 4, 50]]], [[[1, 2, 6], [0, 0, 3]]]]
    np.testing.assert_allclose(encode(X, [[2], [3]]), [[2, 3], [3, 1]])


def test_f_of_a_unit_is_the_mean_over_its_segments():
    X = [[[[1, 3], [2, 4]], [[6, 99], [1, 99]]]]
    np.testing.assert_allclose(encode(X, [[2, 1]]), [[4, 2]])


def test_f_by_flattening_has_no_padding_in_it():
    X = [[[[1, 3, 50], [2, 4, 50]]]]
    found = encode(X, [[2]], pooling="flatten")
    np.testing.assert_allclose(found, [[1, 3, 0, 2, 4, 0]])


def test_normalized_f_has_unit_length():
    X = [[[[2, 4], [5, 3]]]]
    expected = [[3 / 5, 4 / 5]]
    np.testing.assert_allclose(encode(X, [[2]], normalize=True), expected, rtol=1e-6)
    flat = encode(X, [[2]], pooling="flatten", normalize=True)
    np.testing.assert_allclose(flat, np.array([[2, 4, 5, 3]]) / math.sqrt(54))


# --- padding in the convolutional encoder

LENGTHS = (9, 4, 1, 9)


def make_encoder(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return ConvEncoder(20, 3, n_layers=3, pool_size=4)


def make_padded(lengths=LENGTHS, fill=0.0):
    rng = np.random.default_rng(0)
    X = torch.full((len(lengths), 20, max(lengths)), fill)
    for clip, length in zip(X, lengths, strict=True):
        clip[:, :length] = torch.from_numpy(rng.normal(size=(20, length)))
    return X, torch.tensor(lengths)


def encode_by_hand(encoder, clips):
    """Encode unpadded clips in training mode; return them and each layer's moments."""
    clips, moments = [clip[None, None] for clip in clips], []
    for convolution, norm in zip(encoder.convolutions, encoder.norms, strict=True):
        clips = [convolution(clip) for clip in clips]
        values = torch.cat([clip[0].flatten(1) for clip in clips], dim=1)
        mean, variance = values.mean(dim=1), values.var(dim=1, unbiased=False)
        moments.append((mean, values.var(dim=1)))
        gain = norm.weight / (variance + norm.eps).sqrt()
        shape = (1, -1, 1, 1)
        clips = [(c - mean.view(shape)) * gain.view(shape) for c in clips]
        clips = [max_pool2d(c, (4, 1), ceil_mode=True).relu() for c in clips]
    return [clip[0].amax(dim=1) for clip in clips], moments


def valid_frames(encoded, lengths):
    return [clip[:, :n] for clip, n in zip(encoded, lengths, strict=True)]


def test_training_statistics_see_valid_frames_only():
    encoder = make_encoder().train()
    X, lengths = make_padded()
    expected, moments = encode_by_hand(encoder, valid_frames(X, lengths))
    found = valid_frames(encoder(X, lengths), lengths)
    for clip, reference in zip(found, expected, strict=True):
        torch.testing.assert_close(clip, reference, rtol=1e-4, atol=1e-5)
    for norm, (mean, variance) in zip(encoder.norms, moments, strict=True):
        torch.testing.assert_close(norm.running_mean, 0.1 * mean)
        torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * variance)


def test_padding_does_not_change_what_is_encoded():
    encoder = make_encoder().eval()
    X, lengths = make_padded()
    found = valid_frames(encoder(X, lengths), lengths)
    for clip, encoded in zip(valid_frames(X, lengths), found, strict=True):
        alone = encoder(clip[None], torch.tensor([clip.shape[1]]))[0]
        torch.testing.assert_close(encoded, alone)


@pytest.mark.parametrize("training", [False, True])
def test_what_stands_in_padded_frames_does_not_matter(training):
    results = []
    for fill in (0.0, 99.0):
        encoder = make_encoder().train(training)
        X, lengths = make_padded(fill=fill)
        results.append(valid_frames(encoder(X, lengths), lengths))
    torch.testing.assert_close(*results)


# --- collapse


def test_rank_and_spread_of_one_point():
    measures = measure_spread(torch.full((6, 4), 3.0))
    assert measures["effective_rank"] == pytest.approx(1)
    assert measures["spread"] == 0


def test_rank_and_spread_of_a_line_through_the_origin():
    line = torch.tensor([-3.0, -1, 1, 3])[:, None] * torch.tensor([1.0, 2, -2])
    measures = measure_spread(line)
    assert measures["effective_rank"] == pytest.approx(1)
    assert measures["spread"] == pytest.approx(1)


@pytest.mark.parametrize("n", [2, 5])
def test_rank_and_spread_of_all_directions_alike(n):
    measures = measure_spread(torch.cat([torch.eye(n), -torch.eye(n)]))
    assert measures["effective_rank"] == pytest.approx(n)
    assert measures["spread"] == pytest.approx(1)


def test_rank_of_two_unequal_directions():
    # variances in proportion 4 : 1, so exp(-0.8 ln 0.8 - 0.2 ln 0.2)
    X = torch.tensor([[2.0, 0, 7], [-2, 0, 7], [0, 1, 7], [0, -1, 7]])
    expected = math.exp(-0.8 * math.log(0.8) - 0.2 * math.log(0.2))
    measures = measure_spread(X)
    assert measures["effective_rank"] == pytest.approx(expected)
    # 2 * 4 + 2 * 1 of variance, and 4 * 49 of length beside it
    assert measures["spread"] == pytest.approx(10 / (10 + 4 * 49))


def test_all_at_the_origin_is_no_error():
    measures = measure_spread(torch.zeros(4, 3))
    assert measures == {"effective_rank": pytest.approx(1), "spread": 0}


def test_embeddings_that_overflowed_are_measured_without_error():
    X = torch.full((4, 3), torch.nan)
    assert not measure_spread(X)["spread"] > 0


class Constant(torch.nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.value = torch.nn.Parameter(torch.ones(1, 4, 1))

    def forward(self, X):
        return self.value.expand(len(X), 4, X.shape[2])


def test_collapse_is_told_in_words():
    embedder = TripletEmbedder("s1", encoder=Constant, max_epochs=1, random_state=0)
    with pytest.warns(UserWarning, match=r"^The embedding has collapsed: ") as record:
        embedder.fit(np.random.default_rng(0).normal(size=(4, 3, 8)))
    assert len(record) == 1
    assert record[0].filename == __file__  # it points at the caller


@pytest.mark.parametrize("offset, scale", [(0, 1), (1e4, 1), (0, 1e-4), (1e6, 1e-1)])
def test_distances_by_a_product_are_those_of_differences(offset, scale):
    generator = torch.Generator().manual_seed(0)
    X = offset + scale * torch.randn(40, 64, generator=generator)
    found = measure_distances(X[:20], X)
    differences = X[:20, None].double() - X.double()
    expected = differences.square().sum(dim=2).float()
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)


def test_copies_are_at_distance_zero_and_equally_far():
    X = 100 + torch.randn(30, 64, generator=torch.Generator().manual_seed(0))
    X[[3, 17, 25]] = X[8].clone()
    distances = measure_distances(X, X)
    copies = [3, 8, 17, 25]
    assert (distances.diagonal() == 0).all()
    assert (distances[copies][:, copies] == 0).all()
    assert (distances[:, copies] == distances[:, 8:9]).all()
    assert (distances[0, 1:] > 0).all()
