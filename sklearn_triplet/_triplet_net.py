"""The triplet step for skorch: segmented clips in, batches of units, eq. (1) out.

skorch owns the loop. An iterator draws anchors and asks the positive selectors, the
module encodes every unit once, the criterion asks the negative selectors and returns
the loss. All chance lies in the iterator, so the criterion is a pure function.
"""

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import nn
from torch.utils.data import Dataset

from sklearn_triplet.negatives import Candidates
from sklearn_triplet.segments import Units


class ShuffledQueue:
    """Draws items in random order, none twice before all have been drawn.

    Parameters
    ----------
    items : ndarray of shape (n_items,)
    rng : numpy.random.Generator
    """

    def __init__(self, items, rng):
        self.items = items
        self.rng = rng
        self.waiting = rng.permutation(items)

    def draw(self, n):
        """Return the next n items."""
        while len(self.waiting) < n:
            self.waiting = np.append(self.waiting, self.rng.permutation(self.items))
        drawn, self.waiting = self.waiting[:n], self.waiting[n:]
        return drawn


def count_anchors(n_labeled, n_unlabeled, labeled_ratio, n_triplets):
    """Tell how many labeled and unlabeled anchors an epoch has.

    Parameters
    ----------
    n_labeled, n_unlabeled : int
        The segments that there are. Where one kind is missing, all anchors are of the
        other kind.
    labeled_ratio : float
        Labeled anchors among all.
    n_triplets : int or None
        ``None``: every labeled segment once, and unlabeled ones by the ratio.

    Returns
    -------
    n_labeled_anchors, n_unlabeled_anchors : int
    """
    ratio = labeled_ratio if n_unlabeled else 1.0
    ratio = ratio if n_labeled else 0.0
    if n_triplets is None:
        n_triplets = round(n_labeled / ratio) if ratio else n_unlabeled
    n_labeled_anchors = round(ratio * n_triplets)
    return n_labeled_anchors, n_triplets - n_labeled_anchors


class TripletData(Dataset):
    """The segments that triplets are drawn from, and how.

    Parameters
    ----------
    segments : SegmentedClips
    strategy : Strategy
        A fresh one: its selectors are prepared here.
    labeled_ratio : float
    n_triplets : int or None
    seed : int
    repeat : bool
        Whether every epoch draws the same triplets, as a validation set has to.
    """

    def __init__(
        self, segments, strategy, labeled_ratio, n_triplets, seed, repeat=False
    ):
        self.segments = segments
        self.strategy = strategy
        self.seed = seed
        self.repeat = repeat
        labeled = segments.labels.labeled[segments.clip_of]
        self.labeled = np.flatnonzero(labeled)
        self.unlabeled = np.flatnonzero(~labeled)
        if not strategy.uses_unlabeled:
            self.unlabeled = self.unlabeled[:0]
        self.n_labeled, self.n_unlabeled = count_anchors(
            len(self.labeled), len(self.unlabeled), labeled_ratio, n_triplets
        )
        if self.n_labeled:
            strategy.labeled_positive.prepare(segments, self.labeled)
        if self.n_unlabeled:
            strategy.unlabeled_positive.prepare(segments, self.unlabeled)
        self.restart()

    def restart(self):
        """Go back to the first triplet."""
        self.rng = np.random.default_rng(self.seed)
        self.queues = [
            ShuffledQueue(items, self.rng) for items in (self.labeled, self.unlabeled)
        ]

    def __len__(self):
        return self.n_labeled + self.n_unlabeled

    def draw_epoch(self):
        """Return the anchors of an epoch, labeled and unlabeled ones evenly dealt."""
        if self.repeat:
            self.restart()
        counts = self.n_labeled, self.n_unlabeled
        anchors = [queue.draw(n) for queue, n in zip(self.queues, counts, strict=True)]
        # equal steps on the unit interval, so that each batch has the same mixture
        places = [(np.arange(n) + self.rng.random()) / max(n, 1) for n in counts]
        order = np.argsort(np.concatenate(places), kind="stable")
        return np.concatenate(anchors)[order]

    def make_batch(self, ids):
        """Take anchors, select positives and describe both for the criterion.

        Parameters
        ----------
        ids : ndarray of shape (n_anchors,), int
            Segments.

        Returns
        -------
        inputs : dict
            The units, anchors first, for the module.
        description : dict
            What the negative selectors have to know, for the criterion.
        """
        anchors = self.segments.take(ids[:, None])
        labeled = self.segments.labels.labeled[anchors.clips]
        positives = self._select_positives(anchors, labeled)
        n = len(anchors)
        units = Units.assemble([anchors, positives], [np.arange(n), n + np.arange(n)])
        labels = self.segments.labels.take(units.clips)
        inputs = {"X": units.X, "lengths": units.lengths}
        description = {
            "labeled": labeled,
            "substituted": positives.substituted,
            "clips": units.clips,
            "present": labels.present.astype(np.float32),
            "unknown": labels.unknown.astype(np.float32),
            "candidate_labeled": labels.labeled,
            "noise": self.rng.random((n, 2 * n), dtype=np.float32),
        }
        return tuple(
            {key: torch.from_numpy(np.ascontiguousarray(v)) for key, v in part.items()}
            for part in (inputs, description)
        )

    def _select_positives(self, anchors, labeled):
        parts, rows = [], []
        for mask, selector in (
            (labeled, self.strategy.labeled_positive),
            (~labeled, self.strategy.unlabeled_positive),
        ):
            if mask.any():
                rows.append(np.flatnonzero(mask))
                group = anchors.take(rows[-1])
                parts.append(selector.select(group, self.segments, self.rng))
        return Units.assemble(parts, rows)


class TripletBatches:
    """The iterator that skorch loops over once per epoch.

    Parameters
    ----------
    dataset : TripletData
    batch_size : int
        Triplets per batch at the most; batches are as equal as can be, since the
        candidates of a nearly empty last one would be too few.
    """

    def __init__(self, dataset, batch_size):
        self.dataset = dataset
        self.batch_size = batch_size

    def __len__(self):
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self):
        for ids in np.array_split(self.dataset.draw_epoch(), len(self)):
            yield self.dataset.make_batch(ids)


class TripletLoss(nn.Module):
    """Eq. (1), averaged over the triplets of the batch.

    Parameters
    ----------
    strategy : Strategy
        Whose negative selectors choose.
    margin : float
    """

    def __init__(self, strategy, margin):
        super().__init__()
        self.labeled_negative = strategy.labeled_negative
        self.unlabeled_negative = strategy.unlabeled_negative
        self.margin = margin
        self.statistics = {}

    def forward(self, embeddings, description):
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

    def select_negatives(self, embeddings, description):
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
                group = Candidates(*(v[rows] for v in vars(candidates).values()))
                index[rows], substituted[rows] = selector.select(group)
        return index, substituted


def describe_candidates(embeddings, description):
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
    clips, present = description["clips"], description["present"]
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
        allowed=clips[:n, None] != clips,
        shares_label=shares,
        other_label=other,
        noise=description["noise"],
    )


def measure_spread(embeddings):
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

    def on_epoch_begin(self, net, **kwargs):
        """Forget the last epoch."""
        self.batches_ = []

    def on_batch_end(self, net, batch, training, **kwargs):
        """Keep the statistics of a training batch."""
        if training:
            size = len(batch[1]["labeled"])
            self.batches_.append((size, net.criterion_.statistics))

    def on_epoch_end(self, net, **kwargs):
        """Average over the triplets of the epoch."""
        sizes, statistics = zip(*self.batches_, strict=True)
        for name in statistics[0]:
            mean = np.average([s[name] for s in statistics], weights=sizes)
            net.history.record(name, float(mean))
