"""What tables use beyond the paper: random negatives and one scale for all features."""

import numpy as np
import pytest
import torch

from sklearn_triplet import (
    Candidates,
    Nearest,
    OtherLabel,
    RandomNegative,
    SameLabel,
    Strategy,
    TripletEmbedder,
)
from sklearn_triplet._input.clips import Clips, FrameScaler


def make_candidates(allowed, seed=0):
    shape = allowed.shape
    generator = torch.Generator().manual_seed(seed)
    return Candidates(
        distances=torch.zeros(shape),
        positive_distances=torch.zeros(len(allowed)),
        allowed=allowed,
        shares_label=torch.ones(shape, dtype=torch.bool),
        other_label=torch.zeros(shape, dtype=torch.bool),
        noise=torch.rand(shape, generator=generator),
    )


def make_table(seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], 20)
    X = rng.normal(size=(40, 3)) * [0.01, 1.0, 1.0]
    X[:, 1] += 6 * y
    return X.astype(np.float32), np.where(np.arange(40) % 5 == 0, y, -1)


def test_random_negative_is_uniform_over_what_is_allowed_whatever_the_label():
    allowed = torch.tensor([[True, False, True, True]]).expand(6000, -1)
    index, substituted = RandomNegative().select(make_candidates(allowed))
    counts = torch.bincount(index, minlength=4)
    assert counts[1] == 0 and not substituted.any()
    assert (counts[[0, 2, 3]] - 2000).abs().max() < 200


def test_random_negative_where_nothing_is_allowed():
    allowed = torch.zeros((3, 4), dtype=torch.bool)
    index, substituted = RandomNegative().select(make_candidates(allowed))
    assert index.tolist() == [-1] * 3 and not substituted.any()


def test_common_scale_is_the_root_mean_square_of_the_features():
    X = np.random.default_rng(0).normal(size=(50, 3, 1)) * [[0.1], [1.0], [4.0]]
    X[:, 0] = 7.0  # constant: adds nothing
    clips = Clips(X.astype(np.float32), np.ones(50, dtype=int))
    scaler = FrameScaler.fit(clips, common=True)
    expected = np.sqrt(np.mean(X.std(axis=0) ** 2))
    np.testing.assert_allclose(scaler.scale, expected, rtol=1e-5)
    back = scaler.inverse_transform(scaler.transform(clips[0]))
    np.testing.assert_allclose(back, X[0], rtol=1e-5)


def test_common_scale_of_constant_features_is_one():
    clips = Clips(np.ones((5, 3, 1), dtype=np.float32), np.ones(5, dtype=int))
    assert FrameScaler.fit(clips, common=True).scale.tolist() == [1, 1, 1]


def test_a_table_with_random_negatives_and_one_scale():
    X, y = make_table()
    strategy = Strategy(SameLabel(), OtherLabel(), Nearest(5), RandomNegative())
    embedder = TripletEmbedder(
        strategy, margin=2, scaling="common", max_epochs=2, random_state=0
    )
    Z = embedder.fit(X, y).transform(X)
    assert Z.shape == (40, 64)
    assert len(set(embedder.scaler_.scale.tolist())) == 1
    assert embedder.history_[-1]["no_negative"] == 0


def test_the_default_scales_every_feature_by_its_own():
    X, y = make_table()
    embedder = TripletEmbedder(max_epochs=0).fit(X, y)
    np.testing.assert_allclose(embedder.scaler_.scale, X.std(axis=0), rtol=1e-5)


def test_another_scaling_is_refused():
    X, y = make_table()
    with pytest.raises(ValueError) as error:
        TripletEmbedder(scaling="global").fit(X, y)
    assert str(error.value) == (
        "The 'scaling' parameter of TripletEmbedder must be one of ['feature', "
        "'common']. Got 'global' instead."
    )
