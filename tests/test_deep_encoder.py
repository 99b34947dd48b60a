"""DeepConvEncoder: shapes, padding, and the layers beside torch's own."""

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_triplet import (
    DeepConvEncoder,
    SequenceTagger,
    TripletEmbedder,
    TripletTagger,
)


@pytest.mark.parametrize("n_features", [1, 2, 20, 64, 128])
@pytest.mark.parametrize("n_frames", [1, 3, 4, 50])
def test_any_number_of_bands_and_frames_keeps_its_frames(n_features, n_frames):
    encoder = DeepConvEncoder(n_features, n_components=16).eval()
    frames = encoder(torch.randn(2, n_features, n_frames), torch.tensor([n_frames] * 2))
    assert frames.shape == (2, 16, n_frames)


def test_layers_are_those_of_torch():
    torch.manual_seed(0)
    encoder = DeepConvEncoder(64, n_components=32).eval()
    layers = []
    pools = [(2, 2), (2, 1), (2, 2), (2, 1), (4, 1)]
    parts = zip(encoder.convolutions, encoder.norms, pools, strict=True)
    for convolution, norm, pool in parts:
        plain = nn.BatchNorm2d(norm.num_features)
        plain.load_state_dict(norm.state_dict())
        layers += [convolution, plain, nn.ReLU(), nn.MaxPool2d(pool)]
    X = torch.randn(3, 64, 40)
    expected = nn.Sequential(*layers).eval()(X[:, None])[:, :, 0]
    found = encoder(X, torch.tensor([40] * 3))
    torch.testing.assert_close(found, expected.repeat_interleave(4, dim=2))
    filters = [layer.out_channels for layer in encoder.convolutions]
    assert filters == [8, 8, 16, 32, 32]


@pytest.mark.parametrize("length", [1, 5, 6, 7, 8])
def test_padding_reaches_no_valid_frame(length):
    torch.manual_seed(0)
    encoder = DeepConvEncoder(20, n_components=8).eval()
    X = torch.randn(2, 20, 30)
    padded = encoder(X, torch.tensor([length, 30]))[0, :, :length]
    alone = encoder(X[:1, :, :length], torch.tensor([length]))[0]
    torch.testing.assert_close(padded, alone)


def test_statistics_of_training_see_no_padding():
    X = torch.randn(2, 20, 8, generator=torch.Generator().manual_seed(0))
    longer = torch.cat([X, torch.full((2, 20, 24), 1e6)], dim=2)
    means = []
    for clips in (X, longer):
        torch.manual_seed(0)
        encoder = DeepConvEncoder(20, n_components=8).train()
        encoder(clips, torch.tensor([8, 8]))
        means.append(torch.cat([norm.running_mean for norm in encoder.norms]))
    torch.testing.assert_close(*means)


def test_every_estimator_takes_it_by_name():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, 16, 24)).astype(np.float32)
    y = np.tile([0, 1, -1], 4)
    for estimator in (
        TripletEmbedder("s2", segment_length=8, max_epochs=1),
        SequenceTagger(max_epochs=1),
        TripletTagger(max_epochs=1, n_steps=1, batch_size=6),
    ):
        estimator.set_params(encoder="deep", n_components=8, random_state=0).fit(X, y)
        module = estimator.net_.module_
        frames = getattr(module.encoder, "encoder", module.encoder)
        assert isinstance(frames, DeepConvEncoder)
