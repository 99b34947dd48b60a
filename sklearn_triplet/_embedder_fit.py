"""The parts of TripletEmbedder.fit: clips and labels in, triplets and a net out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skorch import NeuralNet

from sklearn_triplet._input.clips import Clips
from sklearn_triplet._input.labels import Labels
from sklearn_triplet._input.types import IntArray
from sklearn_triplet._sampling.segments import SegmentedClips
from sklearn_triplet._sampling.strategies import check_strategy
from sklearn_triplet._training.encoding import build_encoder
from sklearn_triplet._training.loop import build_net, go_on_from, split_clips
from sklearn_triplet._training.networks import UnitEncoder
from sklearn_triplet._training.triplet_data import TripletBatches, TripletData
from sklearn_triplet._training.triplet_loss import TripletHistory, TripletLoss

if TYPE_CHECKING:
    from sklearn_triplet._embedder import TripletEmbedder


def split_rows(
    embedder: TripletEmbedder, labels: Labels, seed: int
) -> tuple[IntArray, IntArray | None]:
    """Return the rows to train on, and those to validate if some are set apart."""
    if embedder.validation_fraction is None:
        return np.arange(len(labels.present)), None
    train, valid = split_clips(labels, embedder.validation_fraction, seed)
    makes_triplets = all(
        len(rows) > 1 and embedder.strategy_.makes_triplets(labels.take(rows))
        for rows in (train, valid)
    )
    if not makes_triplets:
        raise ValueError(
            f"The 'validation_fraction' parameter of TripletEmbedder leaves "
            f"{len(train)} clips to train and {len(valid)} to validate, which "
            f"is too few for triplets of strategy {embedder.strategy!r}. Got "
            f"{embedder.validation_fraction!r}: change it, or label more clips."
        )
    return train, valid


def make_data(
    embedder: TripletEmbedder,
    clips: Clips,
    labels: Labels,
    rows: IntArray,
    seed: int,
    repeat: bool = False,
) -> TripletData:
    """Cut some clips into segments that triplets are drawn from."""
    segments = SegmentedClips(
        clips.take(rows),
        labels.take(rows),
        embedder.scaler_,
        embedder.segment_length,
        embedder.verbose,
    )
    return TripletData(
        segments,
        check_strategy(embedder.strategy),
        embedder.labeled_ratio,
        None if repeat else embedder.n_triplets,
        seed,
        repeat,
    )


def build_module(
    embedder: TripletEmbedder, clips: Clips, previous: NeuralNet | None
) -> UnitEncoder:
    """Return f(x) of eq. (1): a new encoder for the clips, or that of another net."""
    if previous is None:
        encoder = build_encoder(embedder.encoder, clips, embedder.n_components)
    else:
        encoder = previous.module_.encoder
    return UnitEncoder(
        encoder, embedder.pooling, embedder.normalize, embedder.precision
    )


def build_triplet_net(
    embedder: TripletEmbedder,
    module: UnitEncoder,
    valid_data: TripletData | None,
    previous: NeuralNet | None,
) -> NeuralNet:
    """Return an initialised net; it goes on with the history of another, if any."""
    loss = TripletLoss(embedder.strategy_, embedder.margin)
    callbacks = [TripletHistory()]
    net = build_net(embedder, module, loss, TripletBatches, valid_data, callbacks)
    net.initialize()
    if previous is not None:
        go_on_from(net, previous)
    return net
