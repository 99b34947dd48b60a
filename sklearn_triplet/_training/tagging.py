"""The tagging step for skorch: clips in, padded batches and losses out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import Dataset

from sklearn_triplet._input.clips import Clips, FrameScaler
from sklearn_triplet._input.labels import Labels
from sklearn_triplet._input.progress import show_progress
from sklearn_triplet._input.types import IntArray


def pad_clips(clips: Clips, scaler: FrameScaler) -> dict[str, torch.Tensor]:
    """Standardise clips and pad them with zeros to the longest.

    Parameters
    ----------
    clips : Clips
    scaler : FrameScaler

    Returns
    -------
    inputs : dict
        ``X`` of shape (n, n_features, n_frames), ``lengths`` of shape (n,).
    """
    X = np.zeros((len(clips), clips.n_features, clips.lengths.max()), dtype=np.float32)
    for i, length in enumerate(clips.lengths):
        X[i, :, :length] = scaler.transform(clips[i])
    return {"X": torch.from_numpy(X), "lengths": torch.from_numpy(clips.lengths)}


class TaggingData(Dataset):
    """Labeled clips and their targets.

    Parameters
    ----------
    clips : Clips
    labels : Labels
    scaler : FrameScaler
    seed : int or None
        ``None``: in the order given, as for validation.
    """

    def __init__(
        self,
        clips: Clips,
        labels: Labels,
        scaler: FrameScaler,
        seed: int | None = None,
    ) -> None:
        self.clips = clips
        self.labels = labels
        self.scaler = scaler
        self.rng = None if seed is None else np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self.clips)

    def make_batch(
        self, rows: IntArray
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Return the inputs of the module and the targets of the criterion."""
        labels = self.labels.take(rows)
        target = labels.present.astype(np.float32)
        target[labels.unknown] = np.nan
        return pad_clips(self.clips.take(rows), self.scaler), torch.from_numpy(target)


class ClipBatches:
    """The iterator that skorch loops over once per epoch.

    Clips of a length share a batch where they can: what needs no padding takes half
    the time. Within a length the order is new in every epoch, and so is that of the
    batches.

    Parameters
    ----------
    dataset : TaggingData
    batch_size : int
    verbose : int
        Whether a long epoch shows its progress.
    """

    def __init__(self, dataset: TaggingData, batch_size: int, verbose: int = 0) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.verbose = verbose

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[dict[str, torch.Tensor], torch.Tensor]]:
        rng, n = self.dataset.rng, len(self.dataset)
        order = np.arange(n) if rng is None else rng.permutation(n)
        order = order[np.argsort(self.dataset.clips.lengths[order], kind="stable")]
        batches = np.array_split(order, len(self))
        turns = np.arange(len(self)) if rng is None else rng.permutation(len(self))
        for turn in show_progress(
            turns, "Epoch", unit="batch", verbose=self.verbose, leave=False
        ):
            yield self.dataset.make_batch(batches[turn])


class TagLoss(nn.Module):
    """Binary cross-entropy over the known classes, or cross-entropy.

    Parameters
    ----------
    multilabel : bool
    """

    def __init__(self, multilabel: bool) -> None:
        super().__init__()
        self.multilabel = multilabel

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Compare logits (n, n_classes) with 0/1 targets, NaN where unknown."""
        if not self.multilabel:
            return functional.cross_entropy(logits, target.argmax(dim=1))
        known = ~target.isnan()
        return functional.binary_cross_entropy_with_logits(logits[known], target[known])
