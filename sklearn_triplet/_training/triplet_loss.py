"""Units of a batch in; embeddings, mined triplets and the loss of eq. (1) out.

The module encodes every unit once and asks the negative selectors, the criterion is a
pure function of what the module returns, and a callback reads the same for the history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn

from sklearn_triplet._input.labels import Labels
from sklearn_triplet._input.types import BoolArray, IntArray
from sklearn_triplet._sampling.negatives import (
    Candidates,
    NegativeSelector,
    check_negatives,
)
from sklearn_triplet._sampling.strategies import Strategy
from sklearn_triplet._training.networks import Precision, UnitEncoder
from sklearn_triplet._training.triplet_data import TripletData


@dataclass
class Triplets:
    """The triplets of a batch, embedded and mined: all that loss and history need.

    Attributes
    ----------
    embeddings : tensor of shape (2 * n_anchors, n_outputs)
        f(x) of the anchors, then of their positives.
    to_positive, to_negative : tensor of shape (n_anchors,)
        Squared L2 distances of eq. (1), from each anchor.
    found : tensor of shape (n_anchors,), bool
        Whether there is a negative; a triplet without one is left out of the loss.
    substituted_positives, substituted_negatives : tensor of shape (n_anchors,), bool
        Where the rule of a selector had no answer and something else was taken.
    clips : tensor of shape (n_anchors, 2), int64
        Of anchor and negative, the second -1 where there is none.

    Notes
    -----
    Tensors stay on the device of the net: reading one number of them would stop it.
    """

    embeddings: torch.Tensor
    to_positive: torch.Tensor
    to_negative: torch.Tensor
    found: torch.Tensor
    substituted_positives: torch.Tensor
    substituted_negatives: torch.Tensor
    clips: torch.Tensor

    def hinge(self, margin: float) -> torch.Tensor:
        """Return the loss of each triplet.

        Parameters
        ----------
        margin : float
            Delta of eq. (1).

        Returns
        -------
        hinge : tensor of shape (n_anchors,)
            0 where a triplet has no negative, or is far enough apart.
        """
        return (self.to_positive - self.to_negative + margin).relu() * self.found


class TripletLoss(nn.Module):
    r"""Eq. (1), averaged over the triplets of the batch.

    .. math:: \frac{1}{N} \sum_i \left[ \lVert f(x_i^a) - f(x_i^p) \rVert_2^2
              - \lVert f(x_i^a) - f(x_i^n) \rVert_2^2 + \delta \right]_+

    The paper sums; a mean lets the learning rate be the same for every batch size.

    Parameters
    ----------
    margin : float
        Delta.
    """

    def __init__(self, margin: float) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, triplets: Triplets, target: object = None) -> torch.Tensor:
        """Return the mean hinge, 0 where no triplet has a negative.

        Parameters
        ----------
        triplets : Triplets
        target : ignored
            skorch hands every criterion a target; labels have chosen the triplets.

        Returns
        -------
        loss : tensor of shape ()
        """
        # a batch of which no anchor has a negative must not divide by zero
        return triplets.hinge(self.margin).sum() / triplets.found.sum().clamp(min=1)


class TripletNetwork(UnitEncoder):
    """f(x) of eq. (1), and the negatives that are chosen by it.

    Mining belongs to the module, not to the criterion: it needs the embeddings of the
    whole batch, and what it finds is read by the criterion and by the history.

    Parameters
    ----------
    encoder, pooling, normalize, precision
        As in ``UnitEncoder``.
    strategy : Strategy
        Whose negative selectors choose.
    """

    def __init__(
        self,
        encoder: nn.Module,
        pooling: Literal["mean", "flatten"],
        normalize: bool,
        precision: Precision,
        strategy: Strategy,
    ) -> None:
        super().__init__(encoder, pooling, normalize, precision)
        self.strategy = strategy
        # what a selector answers is looked at once per fit: a device has to wait for it
        self.checked: list[NegativeSelector] = []

    def forward(  # type: ignore[override]  # an encoder that mines, not one to call
        self, X: torch.Tensor, lengths: torch.Tensor, **described: torch.Tensor
    ) -> Triplets:
        """Encode the units of a batch and mine its negatives.

        Parameters
        ----------
        X : tensor of shape (2 * n_anchors, k, n_features, n_frames)
            Anchors first, then their positives.
        lengths : tensor of shape (2 * n_anchors, k), int64
        **described : tensors
            The rest of what ``TripletData.make_batch`` returns.

        Returns
        -------
        triplets : Triplets
        """
        return self.mine(super().forward(X, lengths), described)

    def mine(
        self, embeddings: torch.Tensor, described: Mapping[str, torch.Tensor]
    ) -> Triplets:
        """Choose a negative for each anchor among all units of the batch.

        Parameters
        ----------
        embeddings : tensor of shape (2 * n_anchors, n_outputs)
            Anchors first, then their positives.
        described : dict
            As in ``forward``.

        Returns
        -------
        triplets : Triplets
        """
        n = len(embeddings) // 2
        anchors, positives = embeddings[:n], embeddings[n:]
        # the choice has no gradient, the distance to what was chosen has
        candidates = describe_candidates(embeddings.detach(), described)
        labeled = described["labeled"][:n]
        index, substituted = self.select_negatives(candidates, labeled)
        chosen, found = index.clamp(min=0), index >= 0
        negatives, clips = embeddings[chosen], described["clips"]
        return Triplets(
            embeddings,
            (anchors - positives).square().sum(dim=1),
            (anchors - negatives).square().sum(dim=1),
            found,
            described["substituted"][n:],
            substituted,
            torch.stack([clips[:n], clips[chosen].where(found, -1)], dim=1),
        )

    def select_negatives(
        self, candidates: Candidates, labeled: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Ask the selector of each kind of anchor; see ``NegativeSelector.select``.

        Parameters
        ----------
        candidates : Candidates
        labeled : tensor of shape (n_anchors,), bool
            Of which kind each anchor is.

        Returns
        -------
        index, substituted : tensor of shape (n_anchors,)
        """
        # -1 stays where no selector is asked
        index = torch.full((len(labeled),), -1, device=labeled.device)
        substituted = torch.zeros_like(labeled)
        for mask, selector in (
            (labeled, self.strategy.labeled_negative),
            (~labeled, self.strategy.unlabeled_negative),
        ):
            rows = mask.nonzero()[:, 0]
            if len(rows):
                assert selector is not None  # or nobody would have drawn such anchors
                group = Candidates(*(v[rows] for v in vars(candidates).values()))
                answer = selector.select(group)
                if selector not in self.checked:
                    check_negatives(answer, group, selector)
                    self.checked.append(selector)
                index[rows], substituted[rows] = answer
        return index, substituted


def describe_candidates(
    embeddings: torch.Tensor, described: Mapping[str, torch.Tensor]
) -> Candidates:
    """Compare every anchor with every unit of the batch.

    Parameters
    ----------
    embeddings : tensor of shape (2 * n_anchors, n_outputs)
        Anchors first, then their positives.
    described : dict
        Clips, labels and noise as ``TripletData.make_batch`` returns them.

    Returns
    -------
    candidates : Candidates
        Rows are anchors, columns are units of the batch.

    Notes
    -----
    With P the matrix of classes known to be present and U that of unknown ones, two
    clips share a label where :math:`P P^T > 0`, and cannot be told apart where
    :math:`P (P + U)^T > 0`, either way round.
    """
    n = described["noise"].shape[1]
    distances = measure_distances(embeddings[:n], embeddings)
    clips, segments = described["clips"], described["segments"]
    shares, other = compare_labels(
        described["present"], described["unknown"], described["labeled"], n
    )
    guesses = shares, other
    if "guessed_present" in described:
        guesses = compare_labels(
            described["guessed_present"],
            described["guessed_unknown"],
            described["guessed_labeled"],
            n,
        )
    return Candidates(
        distances=distances,
        positive_distances=distances[torch.arange(n), n + torch.arange(n)],
        # neither of the anchor's clip nor, as another unit, the very positive
        allowed=(clips[:n, None] != clips) & (segments[n:, None] != segments),
        shares_label=shares,
        other_label=other,
        # a row per unit, as skorch asks of all parts of a batch
        noise=described["noise"].T,
        shares_pseudo_label=guesses[0],
        other_pseudo_label=guesses[1],
    )


def measure_distances(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Compute the squared L2 distances of all pairs, by a matrix product.

    Parameters
    ----------
    left, right : tensor of shape (n, n_outputs), (m, n_outputs)

    Returns
    -------
    distances : tensor of shape (n, m), of the dtype of ``left``
        0 between equal embeddings.
    """
    if left.device.type == "mps":  # which lacks float64
        mode = "donot_use_mm_for_euclid_dist"
        return torch.cdist(left, right, compute_mode=mode).square()
    # |a|^2 - 2ab + |b|^2 cancels for embeddings far from the origin: a third of the
    # time of differences, and in double precision as exact
    center = right.double().mean(dim=0)
    a, b = left.double() - center, right.double() - center
    total = a.square().sum(dim=1)[:, None] + b.square().sum(dim=1)
    distances = torch.addmm(total, a, b.T, alpha=-2)
    # what is rounding would make one of two copies the nearer
    return distances.where(distances > 1e-13 * total, 0.0).to(left.dtype)


def compare_labels(
    present: torch.Tensor, unknown: torch.Tensor, labeled: torch.Tensor, n: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tell whose labels are alike and whose are others, as far as they are known.

    Parameters
    ----------
    present, unknown : tensor of shape (n_units, n_classes), float32
    labeled : tensor of shape (n_units,), bool
    n : int
        The first so many units are the anchors.

    Returns
    -------
    shares, other : tensor of shape (n_anchors, n_units), bool
        As ``Candidates`` has them; neither where it cannot be told.
    """
    possible = present + unknown
    shares = present[:n] @ present.T > 0
    # two clips without any event are alike, not negatives
    has_event = present.sum(dim=1) > 0
    clash = (present[:n] @ possible.T > 0) | (possible[:n] @ present.T > 0)
    other = labeled[:n, None] & labeled & (has_event[:n, None] | has_event) & ~clash
    return shares, other


def measure_spread(embeddings: torch.Tensor) -> dict[str, float]:
    r"""Measure how far a batch of embeddings is from one point or one line.

    Parameters
    ----------
    embeddings : tensor of shape (n_units, n_outputs)

    Returns
    -------
    measures : dict
        ``effective_rank`` [1]_: :math:`\exp(-\sum_i p_i \ln p_i)` where p is the
        spectrum of the covariance, normalised to a sum of 1; from 1 to n_outputs.
        ``spread``: variance as a fraction of the mean squared length, from 0 (one
        point) to 1.

    References
    ----------
    .. [1] O. Roy and M. Vetterli, "The effective rank: a measure of effective
       dimensionality", EUSIPCO 2007.
    """
    # a fit that diverged is reported as such, not as a decomposition that failed
    if not bool(embeddings.isfinite().all()):
        return {"effective_rank": float("nan"), "spread": float("nan")}
    centered = embeddings - embeddings.mean(dim=0)
    # squared singular values are the spectrum of the covariance, and more precise; in
    # double precision, and on the CPU, which has one for every matrix
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
    """Writes what the triplets of an epoch were like into the history.

    Training batches only. Fractions are kept as tensors and read once per epoch, so
    that no batch waits for the device; collapse is measured on the last batch, since a
    singular value decomposition in every step would cost as much as the mining.
    """

    def on_epoch_begin(self, net: NeuralNet, **kwargs: object) -> None:
        """Forget the last epoch."""
        self.fractions_: list[torch.Tensor] = []
        self.sizes_: list[int] = []

    def on_batch_end(self, net: NeuralNet, training: bool, **kwargs: Triplets) -> None:
        """Keep the fractions of a training batch, and its embeddings."""
        if not training:
            return
        triplets = kwargs["y_pred"]
        active = triplets.hinge(net.criterion_.margin) > 0
        self.fractions_.append(
            torch.stack(
                [
                    active.sum() / triplets.found.sum().clamp(min=1),
                    triplets.substituted_negatives.float().mean(),
                    (~triplets.found).float().mean(),
                    triplets.substituted_positives.float().mean(),
                ]
            ).detach()
        )
        self.sizes_.append(len(triplets.found))
        self.embeddings_ = triplets.embeddings.detach()

    def on_epoch_end(self, net: NeuralNet, **kwargs: object) -> None:
        """Average over the triplets of the epoch."""
        names = (
            "active_triplets",
            "empty_semi_hard",
            "no_negative",
            "substituted_positives",
        )
        fractions = torch.stack(self.fractions_).cpu().numpy().astype(float)
        means = np.average(fractions, axis=0, weights=self.sizes_)
        for name, mean in zip(names, means, strict=True):
            net.history.record(name, float(mean))
        for name, value in measure_spread(self.embeddings_).items():
            net.history.record(name, value)
        # a pickled net should not carry its last batch
        del self.embeddings_


class NegativeMonitor(Callback):
    """Writes into the history how many negatives have a label of their anchor.

    Of the training set: by its labels and, where there are some, by the most recent
    guesses of all its clips, also those that are not sure enough to choose by.
    """

    def on_epoch_begin(self, net: NeuralNet, **kwargs: object) -> None:
        """Forget the last epoch."""
        self.clips_: list[torch.Tensor] = []

    def on_batch_end(self, net: NeuralNet, training: bool, **kwargs: Triplets) -> None:
        """Keep the clips of anchors and negatives."""
        if training:
            self.clips_.append(kwargs["y_pred"].clips)

    def on_epoch_end(
        self, net: NeuralNet, dataset_train: TripletData | None = None, **kwargs: object
    ) -> None:
        """Count, over the negatives of which it can be told."""
        assert dataset_train is not None
        pairs = torch.cat(self.clips_).cpu().numpy()
        pairs = pairs[pairs[:, 1] >= 0]
        shares, told = compare_clips(dataset_train.known, pairs[:, 0], pairs[:, 1])
        fraction = float(shares.sum() / max(told.sum(), 1))
        net.history.record("false_negatives", fraction)
        del self.clips_


def compare_clips(
    labels: Labels, left: IntArray, right: IntArray
) -> tuple[BoolArray, BoolArray]:
    """Tell which pairs of clips have a label in common.

    Parameters
    ----------
    labels : Labels
    left, right : ndarray of shape (n_pairs,), int
        Rows of them.

    Returns
    -------
    shares : ndarray of shape (n_pairs,), bool
        Whether they have.
    told : ndarray of shape (n_pairs,), bool
        Whether that is known, by the rules of ``compare_labels``.
    """
    present, possible = labels.present, labels.present | labels.unknown
    shares = np.asarray((present[left] & present[right]).any(axis=1))
    clash = (present[left] & possible[right]) | (possible[left] & present[right])
    has_event = present[left].any(axis=1) | present[right].any(axis=1)
    known = labels.labeled[left] & labels.labeled[right]
    return shares, shares | (known & has_event & ~clash.any(axis=1))
