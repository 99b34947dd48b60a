"""The encoder of an embedder: built, tried, and clips sent through it one by one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNet
from torch import nn

from sklearn_triplet._input.clips import Clips, FrameScaler
from sklearn_triplet._input.types import Device
from sklearn_triplet._training.networks import ConvEncoder, DenseEncoder, UnitEncoder

EncoderLike: TypeAlias = Literal["auto", "conv", "dense"] | Callable[[int], nn.Module]

TABLE_ROWS = 256  # rows of a table that are encoded together


def build_encoder(encoder: EncoderLike, clips: Clips, n_components: int) -> nn.Module:
    """Build what the parameter ``encoder`` of TripletEmbedder names or returns.

    Parameters
    ----------
    encoder : {"auto", "conv", "dense"} or callable
    clips : Clips
    n_components : int

    Returns
    -------
    module : nn.Module
        Untrained.
    """
    if callable(encoder):
        # a callable may hand out a module of the user's, which is not ours to train
        return copy.deepcopy(_call(encoder, clips.n_features))
    dense = encoder == "dense" or (encoder == "auto" and clips.flat)
    kind = DenseEncoder if dense else ConvEncoder
    return kind(clips.n_features, n_components)


def _call(encoder: Callable[[int], nn.Module], n_features: int) -> nn.Module:
    module: object = encoder
    if not isinstance(encoder, nn.Module):
        module = encoder(n_features)
        if isinstance(module, nn.Module):
            return module
    raise ValueError(
        "The 'encoder' parameter of TripletEmbedder must be a callable that takes the "
        "number of features and returns a torch.nn.Module, such as a class. Got "
        f"{type(module).__name__} from {encoder!r}."
    )


def encode_clips(
    net: NeuralNet, clips: Clips, scaler: FrameScaler
) -> Iterator[NDArray[np.float32]]:
    """Encode every frame of the clips.

    Parameters
    ----------
    net : skorch.NeuralNet
        Whose module is a UnitEncoder.
    clips : Clips
    scaler : FrameScaler

    Yields
    ------
    frames : ndarray of shape (n_components, n_frames_i), float32
    """
    module = net.module_.eval()
    if clips.flat:
        yield from _encode_table(module, clips, scaler, net.device)
        return
    for i in range(len(clips)):
        # alone, so that neither padding nor a neighbour can change a clip's embedding
        X = torch.from_numpy(scaler.transform(clips[i])[None])
        yield _encode(module, X, net.device)[0]


def _encode_table(
    module: UnitEncoder, clips: Clips, scaler: FrameScaler, device: Device
) -> Iterator[NDArray[np.float32]]:
    X = np.concatenate([clips[i] for i in range(len(clips))], axis=1)
    X = scaler.transform(X).T[:, :, None]
    for begin in range(0, len(X), TABLE_ROWS):
        block = X[begin : begin + TABLE_ROWS]
        # blocks of one size: a row's result does not depend on how many there are
        full = np.zeros((TABLE_ROWS, *X.shape[1:]), dtype=np.float32)
        full[: len(block)] = block
        yield from _encode(module, torch.from_numpy(full), device)[: len(block)]


def _encode(
    module: UnitEncoder, X: torch.Tensor, device: Device
) -> NDArray[np.float32]:
    """Encode (n, n_features, n_frames) without padding; returns an array."""
    lengths = torch.full((len(X),), X.shape[2], device=device)
    with torch.inference_mode():
        return module.encode_frames(X.to(device), lengths).cpu().numpy()


def mean_and_deviation(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pool (n_components, n_frames) to (2 * n_components,)."""
    return np.concatenate([frames.mean(axis=1), frames.std(axis=1)])


def count_components(module: UnitEncoder, n_features: int) -> int:
    """Try an encoder on a few frames; refuse one that does not keep them."""
    n_frames = 8
    parameter = next(module.parameters(), torch.zeros(0))
    X = torch.zeros(2, n_features, n_frames, device=parameter.device)
    lengths = torch.full((2,), n_frames, device=parameter.device)
    module.eval()
    with torch.inference_mode():
        shape = module.encode_frames(X, lengths).shape
    if len(shape) != 3 or shape[0] != 2 or shape[2] != n_frames:
        raise ValueError(
            "The 'encoder' of TripletEmbedder must map (n, n_features, n_frames) to "
            f"(n, n_components, n_frames). It maps {tuple(X.shape)} to {tuple(shape)}."
        )
    return shape[1]
