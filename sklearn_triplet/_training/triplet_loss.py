"""Eq. (1) for skorch: encoded units in; negatives, loss and history out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn

from sklearn_triplet._sampling.negatives import Candidates
from sklearn_triplet._sampling.strategies import Strategy


class TripletLoss(nn.Module):
    """Eq. (1), averaged over the triplets of the batch.

    Parameters
    ----------
    strategy : Strategy
        Whose negative selectors choose.
    margin : float
    """

    def __init__(self, strategy: Strategy, margin: float) -> None:
        super().__init__()
        self.labeled_negative = strategy.labeled_negative
        self.unlabeled_negative = strategy.unlabeled_negative
        self.margin = margin
        self.statistics: dict[str, float] = {}

    def forward(
        self, embeddings: torch.Tensor, description: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """Mine negatives among the embeddings of a batch and return the loss."""
        n = len(description["labeled"])
        anchors, positives = embeddings[:n], embeddings[n:]
        index, substituted = self.select_negatives(embeddings.detach(), description)
        found = index >= 0
        to_positive = (anchors - positives).square().sum(dim=1)
        negatives = embeddings[index.clamp(min=0)]
        to_negative = (anchors - negatives).square().sum(dim=1)
        hinge = (to_positive - to_negative + self.margin).relu() * found
        self.statistics = {
            "active_triplets": ((hinge > 0).sum() / found.sum().clamp(min=1)).item(),
            "empty_semi_hard": substituted.float().mean().item(),
            "no_negative": (~found).float().mean().item(),
            "substituted_positives": description["substituted"].float().mean().item(),
            **measure_spread(embeddings.detach()),
        }
        return hinge.sum() / found.sum().clamp(min=1)

    def select_negatives(
        self, embeddings: torch.Tensor, description: Mapping[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Choose among all units of the batch; see ``NegativeSelector.select``."""
        candidates = describe_candidates(embeddings, description)
        labeled = description["labeled"]
        index = torch.full((len(labeled),), -1, device=labeled.device)
        substituted = torch.zeros_like(labeled)
        for mask, selector in (
            (labeled, self.labeled_negative),
            (~labeled, self.unlabeled_negative),
        ):
            rows = mask.nonzero()[:, 0]
            if len(rows):
                assert selector is not None  # or nobody would have drawn such anchors
                group = Candidates(*(v[rows] for v in vars(candidates).values()))
                index[rows], substituted[rows] = selector.select(group)
        return index, substituted


def describe_candidates(
    embeddings: torch.Tensor, description: Mapping[str, torch.Tensor]
) -> Candidates:
    """Compare every anchor with every unit of the batch.

    Parameters
    ----------
    embeddings : tensor of shape (2 * n_anchors, n_outputs)
        Anchors first, then their positives.
    description : dict
        As ``TripletData.make_batch`` returns it.

    Returns
    -------
    candidates : Candidates
    """
    n = len(description["labeled"])
    # by differences: |a|^2 - 2ab + |b|^2 cancels for embeddings far from the origin
    distances = torch.cdist(
        embeddings[:n], embeddings, compute_mode="donot_use_mm_for_euclid_dist"
    ).square()
    clips, segments = description["clips"], description["segments"]
    present = description["present"]
    possible = present + description["unknown"]
    labeled = description["candidate_labeled"]
    shares = present[:n] @ present.T > 0
    # two clips without any event are alike, not negatives
    has_event = present.sum(dim=1) > 0
    clash = (present[:n] @ possible.T > 0) | (possible[:n] @ present.T > 0)
    other = labeled[:n, None] & labeled & (has_event[:n, None] | has_event) & ~clash
    return Candidates(
        distances=distances,
        positive_distances=distances[torch.arange(n), n + torch.arange(n)],
        # neither of the anchor's clip nor, as another unit, the very positive
        allowed=(clips[:n, None] != clips) & (segments[n:, None] != segments),
        shares_label=shares,
        other_label=other,
        noise=description["noise"],
    )


def measure_spread(embeddings: torch.Tensor) -> dict[str, float]:
    """Measure how far a batch of embeddings is from one point or one line.

    Parameters
    ----------
    embeddings : tensor of shape (n_units, n_outputs)

    Returns
    -------
    measures : dict
        ``effective_rank``: exponential of the entropy of the normalised covariance
        spectrum, from 1 to n_outputs. ``spread``: variance as a fraction of the mean
        squared length, from 0 (one point) to 1.
    """
    if not bool(embeddings.isfinite().all()):
        return {"effective_rank": float("nan"), "spread": float("nan")}
    centered = embeddings - embeddings.mean(dim=0)
    singular = torch.linalg.svdvals(centered.double().cpu())
    total = singular.square().sum()
    share = singular.square() / total.clamp(min=torch.finfo(torch.float64).tiny)
    entropy = torch.special.entr(share).sum()
    length = embeddings.double().square().sum().cpu()
    return {
        "effective_rank": entropy.exp().item(),
        "spread": (total / length.clamp(min=torch.finfo(torch.float64).tiny)).item(),
    }


class TripletHistory(Callback):
    """Writes the criterion's statistics into the history, averaged per epoch."""

    def on_epoch_begin(self, net: NeuralNet, **kwargs: object) -> None:
        """Forget the last epoch."""
        self.batches_: list[tuple[int, dict[str, float]]] = []

    def on_batch_end(
        self,
        net: NeuralNet,
        batch: tuple[Mapping[str, torch.Tensor], Mapping[str, torch.Tensor]],
        training: bool,
        **kwargs: object,
    ) -> None:
        """Keep the statistics of a training batch."""
        if training:
            size = len(batch[1]["labeled"])
            self.batches_.append((size, net.criterion_.statistics))

    def on_epoch_end(self, net: NeuralNet, **kwargs: object) -> None:
        """Average over the triplets of the epoch."""
        sizes, statistics = zip(*self.batches_, strict=True)
        for name in statistics[0]:
            mean = np.average([s[name] for s in statistics], weights=sizes)
            net.history.record(name, float(mean))


def describe_troubles(
    epoch: Mapping[str, float], n_components: int, n_kinds: int
) -> list[str]:
    """Say in words what the history of the last epoch says in numbers.

    Parameters
    ----------
    epoch : dict
        A row of the history.
    n_components : int
    n_kinds : int
        Kinds of labels: two of them may well lie on one line.

    Returns
    -------
    sentences : list of str
    """
    sentences = []
    if epoch["substituted_positives"] > 0:
        sentences.append(
            f"{epoch['substituted_positives']:.2%} of the anchors had no other clip "
            "with their label, or no positive by the selector's rule, so another "
            "segment of the clip, a transformed copy or the anchor itself was taken. "
            "Label more clips of the rare classes."
        )
    if epoch["no_negative"] > 0.25:
        sentences.append(
            f"{epoch['no_negative']:.0%} of the anchors found no negative among the "
            "candidates of their batch and taught nothing. Raise batch_size, or label "
            "clips that have no class in common with the others."
        )
    on_a_line = epoch["effective_rank"] < 1.5 < n_components and n_kinds != 2
    if on_a_line or epoch["spread"] < 1e-4:
        sentences.append(
            f"The embedding has collapsed: effective rank {epoch['effective_rank']:.2f}"
            f" of {n_components}, spread {epoch['spread']:.1e}. Lower lr, raise "
            "batch_size, or set normalize=True."
        )
    return sentences
