"""Labeled clips in; padded batches and the losses of tags, for skorch, out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from sklearn_triplet._input.clips import Clips, FrameScaler
from sklearn_triplet._input.labels import Labels
from sklearn_triplet._input.progress import show_progress
from sklearn_triplet._input.types import IntArray
from sklearn_triplet._training.state import Plain, StatefulData, pack, unpack


def pad_clips(clips: Clips, scaler: FrameScaler) -> dict[str, torch.Tensor]:
    """Standardise clips and pad them with zeros, their mean, to the longest.

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


class TaggingData(StatefulData):
    """Labeled clips and their targets.

    Parameters
    ----------
    clips : Clips
    labels : Labels
    scaler : FrameScaler
    seed : int or None
        ``None``: in the order given, as for validation.

    Attributes
    ----------
    rng : numpy.random.Generator or None
        Of the order, over all epochs.
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

    def state_dict(self) -> Plain:
        """Return what epochs have changed: the generator."""
        return {"rng": pack(self.rng)}

    def load_state_dict(self, state: Plain) -> None:
        """Go on where ``state_dict`` was asked."""
        unpack(state["rng"], self.rng)

    def __len__(self) -> int:
        return len(self.clips)

    def make_batch(
        self, rows: IntArray
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Take clips and what is known of them.

        Parameters
        ----------
        rows : ndarray of shape (n,), int

        Returns
        -------
        inputs : dict
            As ``pad_clips`` returns them, for the module.
        target : tensor of shape (n, n_classes), float32
            1 present, 0 absent, NaN unknown, for the criterion.
        """
        labels = self.labels.take(rows)
        target = labels.present.astype(np.float32)
        target[labels.unknown] = np.nan
        return pad_clips(self.clips.take(rows), self.scaler), torch.from_numpy(target)


class ClipBatches:
    """The iterator that skorch loops over once per epoch.

    Clips of a length share a batch where they can: what needs no padding takes half
    the time. Within a length the order is new in every epoch, and so is that of the
    batches. Batches are as equal in size as can be.

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
        # a random order, then a stable sort by length: chance among equals only
        rng, n = self.dataset.rng, len(self.dataset)
        order = np.arange(n) if rng is None else rng.permutation(n)
        order = order[np.argsort(self.dataset.clips.lengths[order], kind="stable")]
        batches = np.array_split(order, len(self))
        # or every epoch would end with the longest clips
        turns = np.arange(len(self)) if rng is None else rng.permutation(len(self))
        for turn in show_progress(
            turns, "Epoch", unit="batch", verbose=self.verbose, leave=False
        ):
            yield self.dataset.make_batch(batches[turn])


class TagLoss(nn.Module):
    r"""Binary cross-entropy over the known classes, or cross-entropy.

    For several labels a clip, over the entries (i, c) that are known,

    .. math:: -\frac{1}{|K|} \sum_{(i, c) \in K}
              y_{ic} \ln p_{ic} + (1 - y_{ic}) \ln(1 - p_{ic})

    and for one label a clip :math:`-\frac{1}{N} \sum_i \ln p_{i, y_i}`. With a weight
    w of unknown entries, U, they are negatives that count less:

    .. math:: -\frac{1}{|K| + w |U|} \Big( \sum_{(i, c) \in K} \ldots +
              w \sum_{(i, c) \in U} \ln(1 - p_{ic}) \Big)

    Parameters
    ----------
    multilabel : bool
        Whether classes are independent of each other.
    unknown_weight : float, default=0.0
        w; at 0 unknown entries are left out.
    """

    def __init__(self, multilabel: bool, unknown_weight: float = 0.0) -> None:
        super().__init__()
        self.multilabel = multilabel
        self.unknown_weight = unknown_weight

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Compare predictions with what is known.

        Parameters
        ----------
        logits : tensor of shape (n, n_classes)
        target : tensor of shape (n, n_classes)
            1, 0, or NaN where unknown. A row of single labels has one 1.

        Returns
        -------
        loss : tensor of shape ()
        """
        if not self.multilabel:
            return functional.cross_entropy(logits, target.argmax(dim=1))
        known, entropy = ~target.isnan(), functional.binary_cross_entropy_with_logits
        if self.unknown_weight:
            weights = known + self.unknown_weight * ~known
            losses = entropy(logits, target.nan_to_num(0.0), weights, reduction="sum")
            return losses / weights.sum()
        # an unknown class must neither be learned nor unlearned
        return entropy(logits[known], target[known])
