"""Augmented crops in; embeddings, logits, and a loss of tags and triplets out.

Labeled and unlabeled clips share a network, a batch and a loss. What an unlabeled clip
is, the ``Teacher`` guesses between epochs: from then on its guess is a label like any
other, for the cross-entropy and for the choice of positives and negatives. Until then,
and for clips of which it is not sure, another crop of the clip is the positive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from sklearn_triplet._input.clips import Clips, FrameScaler, Moments
from sklearn_triplet._input.labels import Labels
from sklearn_triplet._input.progress import show_progress
from sklearn_triplet._input.types import BoolArray, Device, IntArray
from sklearn_triplet._sampling.pseudo_labels import (
    choose_surest,
    count_guesses,
    estimate_prior,
    grow_share,
    spread_labels,
)
from sklearn_triplet._sampling.segments import SegmentedClips, Units
from sklearn_triplet._sampling.transforms import Transformation
from sklearn_triplet._training.networks import FrameEncoder, Precision, frame_mask
from sklearn_triplet._training.state import Plain, StatefulData, pack, unpack
from sklearn_triplet._training.tagging import pad_clips
from sklearn_triplet._training.triplet_data import (
    ShuffledQueue,
    as_tensors,
    pack_segments,
    unpack_segments,
)
from sklearn_triplet._training.triplet_loss import compare_labels

SMALL = 1e-6  # variance below which a component counts as constant
ENCODED = 32  # clips that the teacher encodes together


@dataclass
class Tagged:
    """What the network makes of a batch.

    Attributes
    ----------
    embeddings : tensor of shape (n_units, 2 * n_components)
        Standardised means and deviations over frames: u.
    logits : tensor of shape (n_units, n_classes)
        Linear in u.
    """

    embeddings: torch.Tensor
    logits: torch.Tensor

    def probabilities(self, multilabel: bool) -> NDArray[np.float32]:
        """Return the probability of each class, (n_units, n_classes)."""
        logits = self.logits
        return (logits.sigmoid() if multilabel else logits.softmax(dim=1)).numpy()


class TaggingEncoder(FrameEncoder):
    """An encoder, the statistics of its frames, and a linear head.

    Parameters
    ----------
    encoder, precision
        As in ``FrameEncoder``.
    n_components : int
        Of the encoder, per frame.
    n_classes : int
    pooling : {"statistics", "attention"}, default="statistics"
        Whether all frames count alike in mean and deviation, or by a weight that is
        learned.

    References
    ----------
    K. Okabe, T. Koshinaka and K. Shinoda, "Attentive statistics pooling for deep
    speaker embedding", Interspeech 2018.
    """

    def __init__(
        self,
        encoder: nn.Module,
        n_components: int,
        n_classes: int,
        precision: Precision = "float32",
        pooling: Literal["statistics", "attention"] = "statistics",
    ) -> None:
        super().__init__(encoder, precision)
        self.attention = None
        if pooling == "attention":
            self.attention = nn.Linear(n_components, 1, bias=False)
            # all frames alike at first: what matters is learned
            nn.init.zeros_(self.attention.weight)
        # without a scale of its own: what it standardises is compared by angle, and
        # the head has weights enough
        self.norm = nn.BatchNorm1d(2 * n_components, affine=False)
        self.head = nn.Linear(2 * n_components, n_classes)

    def forward(  # type: ignore[override]  # a batch of units, not of frames
        self, X: torch.Tensor, lengths: torch.Tensor
    ) -> Tagged:
        """Tag units.

        Parameters
        ----------
        X : tensor of shape (n_units, k, n_features, n_frames)
        lengths : tensor of shape (n_units, k), int64

        Returns
        -------
        tagged : Tagged
        """
        n_units, k = lengths.shape
        frames = self.encode_frames(X.flatten(0, 1), lengths.flatten())
        mask = frame_mask(lengths.flatten(), frames.shape[2])
        # the segments of a unit side by side: one mean and deviation over all of them
        frames = frames.unflatten(0, (n_units, k)).transpose(1, 2).flatten(2)
        embeddings = self.norm(self.pool(frames, mask.view(n_units, 1, -1)))
        return Tagged(embeddings, self.head(embeddings))

    def pool(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Pool frames to mean and deviation, each frame by its weight.

        Parameters
        ----------
        frames : tensor of shape (n, n_components, n_frames)
        mask : tensor of shape (n, 1, n_frames), bool
            The valid frames.

        Returns
        -------
        statistics : tensor of shape (n, 2 * n_components)
        """
        if self.attention is None:
            return pool_statistics(frames, mask)
        scores = self.attention(frames.transpose(1, 2)).transpose(1, 2)
        weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=2)
        return pool_statistics(frames, weights)

    def embed_frames(self, frames: torch.Tensor) -> torch.Tensor:
        """Return u of clips of one length.

        Parameters
        ----------
        frames : tensor of shape (n, n_components, n_frames)
            Encoded, without padding.

        Returns
        -------
        embeddings : tensor of shape (n, 2 * n_components)
        """
        mask = torch.ones(1, 1, 1, dtype=torch.bool, device=frames.device)
        mask = mask.expand(len(frames), 1, frames.shape[2])
        return self.norm(self.pool(frames, mask))

    def tag_frames(
        self, frames: torch.Tensor, deviation: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Tag the frames of one clip; their (weighted) mean is the logits of the clip.

        The head is linear in the mean over frames, so that it can be asked of each
        frame instead, beside the deviation of the whole clip.

        Parameters
        ----------
        frames : tensor of shape (n_components, n_frames)
            Encoded, without padding.
        deviation : tensor of shape (n_components, 1) or None
            Of the clip; ``None``: the frames are the clip.

        Returns
        -------
        logits : tensor of shape (n_classes, n_frames)
        """
        if deviation is None:
            shape = 1, 1, frames.shape[1]
            mask = torch.ones(shape, dtype=torch.bool, device=frames.device)
            deviation = self.pool(frames[None], mask)[0, len(frames) :, None]
        embeddings = self.norm(torch.cat([frames, deviation.expand_as(frames)]).T)
        return self.head(embeddings).T


def pool_statistics(frames: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Pool frames to their weighted mean and standard deviation.

    Parameters
    ----------
    frames : tensor of shape (n, n_components, n_frames)
    weights : tensor of shape (n, 1, n_frames), bool or float
        A mask of the valid frames, or how much each counts; 0 where padded.

    Returns
    -------
    statistics : tensor of shape (n, 2 * n_components)
    """
    total = weights.sum(dim=2)
    mean = (frames * weights).sum(dim=2) / total
    variance = ((frames - mean[:, :, None]).square() * weights).sum(dim=2) / total
    # the root has no gradient at 0, where a component is the same in all frames
    return torch.cat([mean, variance.clamp(min=SMALL).sqrt()], dim=1)


class RunningPool:
    r"""What ``TaggingEncoder.pool`` makes of a clip, from parts of it.

    Weights by attention are :math:`\exp(s_t - \max s)`, of a score s per frame; where
    a later part holds the highest score so far, what came before is scaled down [1]_.

    Parameters
    ----------
    attention : nn.Linear or None
        Of the encoder; ``None``: all frames count alike.

    References
    ----------
    .. [1] M. Milakov and N. Gimelshein, "Online normalizer calculation for softmax",
       arXiv:1805.02867, 2018.
    """

    def __init__(self, attention: nn.Linear | None) -> None:
        self.attention = attention
        self.moments = Moments()
        self.highest = -np.inf

    def add(self, frames: torch.Tensor) -> None:
        """Take frames (n_components, n) in, encoded and without padding."""
        self.device = frames.device
        values = frames.cpu().numpy()
        if self.attention is None:
            self.moments.add(values)
            return
        scores = self.attention(frames.T)[:, 0].double().cpu().numpy()
        highest = max(self.highest, scores.max())
        self.moments.scale(np.exp(self.highest - highest))
        self.moments.add(values, np.exp(scores - highest))
        self.highest = highest

    def statistics(self) -> torch.Tensor:
        """Return means and deviations, shape (2 * n_components,), float32."""
        deviation = np.sqrt(np.maximum(self.moments.variance, SMALL))
        pooled = np.concatenate([self.moments.mean, deviation])
        return torch.from_numpy(pooled.astype(np.float32)).to(self.device)


class TagTripletLoss(nn.Module):
    r"""Cross-entropy of labels and pseudo-labels, and all triplets of a batch.

    .. math:: w_{tag} (H_{labels} + w_{pseudo} H_{pseudo}) + w_{triplet} T

    H is the cross-entropy, binary for several labels a clip, averaged over what is
    known. T compares unit vectors z = u / \|u\| of an anchor and a positive with all
    others at once [1]_,

    .. math:: -\ln \frac{\exp(z_a \cdot z_p / \tau)}
              {\sum_{i \neq a} \exp(z_a \cdot z_i / \tau)}

    averaged over the positives of an anchor, then over anchors: a triplet with as many
    negatives as there are, the hardest of which weigh most. The sum runs over what the
    anchor can be compared with: labeled and unlabeled units that may be of one class
    are kept out, or the network would learn to tell what is labeled. Without a
    temperature it is the hinge of eq. (1), averaged over the active ones among all
    triplets that labels, pseudo-labels and clips allow. Section 5 of the paper proposes
    to "combine the triplet loss and the classification loss".

    Parameters
    ----------
    multilabel : bool
    margin : float
        Delta of eq. (1); squared distances of unit vectors lie in [0, 4].
    temperature : float or None
        Tau; ``None``: the hinge.
    tag_weight, pseudo_weight, triplet_weight : float

    References
    ----------
    .. [1] P. Khosla et al., "Supervised contrastive learning", NeurIPS 2020; for one
       positive, K. Sohn, "Improved deep metric learning with multi-class N-pair loss
       objective", NIPS 2016.
    """

    def __init__(
        self,
        multilabel: bool,
        margin: float,
        temperature: float | None,
        tag_weight: float,
        pseudo_weight: float,
        triplet_weight: float,
    ) -> None:
        super().__init__()
        self.multilabel = multilabel
        self.margin = margin
        self.temperature = temperature
        self.tag_weight = tag_weight
        self.pseudo_weight = pseudo_weight
        self.triplet_weight = triplet_weight

    def forward(
        self, tagged: Tagged, target: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """Compare with what is known or guessed.

        Parameters
        ----------
        tagged : Tagged
        target : dict
            As ``CropData.make_batch`` returns it.

        Returns
        -------
        loss : tensor of shape ()
        """
        guessed = target["guessed"]
        loss = self.tag_weight * self.cross_entropy(tagged.logits, target, ~guessed)
        if self.pseudo_weight:
            pseudo = self.cross_entropy(tagged.logits, target, guessed)
            loss = loss + self.tag_weight * self.pseudo_weight * pseudo
        if self.triplet_weight:
            loss = loss + self.triplet_weight * self.triplets(tagged, target)
        return loss

    def cross_entropy(
        self,
        logits: torch.Tensor,
        target: Mapping[str, torch.Tensor],
        counted: torch.Tensor,
    ) -> torch.Tensor:
        """Average over some entries as far as they are known, by their weights.

        Parameters
        ----------
        logits : tensor of shape (n_units, n_classes)
        target : dict
            As in ``forward``.
        counted : tensor of shape (n_units, n_classes), bool
            The labels, or the pseudo-labels.

        Returns
        -------
        loss : tensor of shape ()
            0 where nothing is known.
        """
        present, known = target["present"], ~target["unknown"] & counted
        if self.multilabel:
            losses = functional.binary_cross_entropy_with_logits(
                logits, present, reduction="none"
            )
        else:
            losses = functional.cross_entropy(
                logits, present.argmax(dim=1), reduction="none"
            )
            known = known.all(dim=1)
        if "weight" in target and self.multilabel:
            known = known * target["weight"]
        total = known.sum()
        return (losses * known).sum() / total.where(total > 0, 1)

    def triplets(
        self, tagged: Tagged, target: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """Compare anchors with their positives and with the rest of the batch.

        Parameters
        ----------
        tagged : Tagged
        target : dict
            As in ``forward``.

        Returns
        -------
        loss : tensor of shape ()
            0 where there is no positive, or, of hinges, no active triplet.
        """
        units = functional.normalize(tagged.embeddings, dim=1)
        cosines = units @ units.T
        positive, negative = compare_units(target)
        if self.temperature is None:
            return self.hinges(cosines, positive, negative)
        compared = positive | negative | compare_blind_units(target)
        logits = (cosines / self.temperature).masked_fill(~compared, -torch.inf)
        # what is not compared is no positive, and 0 * inf is no number
        losses = -logits.log_softmax(dim=1).masked_fill(~positive, 0).sum(dim=1)
        n_positives = positive.sum(dim=1)
        losses = losses / n_positives.clamp(min=1)
        return losses.sum() / (n_positives > 0).sum().clamp(min=1)

    def hinges(
        self, cosines: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor
    ) -> torch.Tensor:
        """Average the hinge over all active triplets of the batch.

        Parameters
        ----------
        cosines : tensor of shape (n_units, n_units)
        positive, negative : tensor of shape (n_units, n_units), bool
            As ``compare_units`` returns them.

        Returns
        -------
        loss : tensor of shape ()

        References
        ----------
        A. Hermans, L. Beyer and B. Leibe, "In defense of the triplet loss for person
        re-identification", arXiv:1703.07737, 2017: batch all, averaged over those that
        are not zero.
        """
        # squared, of unit vectors; rounding may go below 0
        distances = (2 - 2 * cosines).clamp(min=0)
        # anchor, positive, negative
        hinge = distances[:, :, None] - distances[:, None, :] + self.margin
        hinge = hinge.relu() * (positive[:, :, None] & negative[:, None, :])
        return hinge.sum() / (hinge > 0).sum().clamp(min=1)


def compare_units(
    target: Mapping[str, torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tell which units of a batch are positives and negatives of each other.

    Parameters
    ----------
    target : dict
        As ``CropData.make_batch`` returns it.

    Returns
    -------
    positive, negative : tensor of shape (n_units, n_units), bool
        Positives share a class, or are other crops of the clip. Negatives are known not
        to share any, and of another clip.
    """
    clips, unknown = target["clips"], target["unknown"]
    same_clip = clips[:, None] == clips
    shares, other = compare_labels(
        target["present"], unknown.float(), ~unknown.all(dim=1), len(clips)
    )
    negative = other & ~same_clip
    positive = (shares | same_clip) & ~torch.eye(
        len(clips), dtype=torch.bool, device=clips.device
    )
    return positive, negative


def compare_blind_units(target: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Tell which units, of which nothing is known, serve as negatives nevertheless.

    Parameters
    ----------
    target : dict
        As ``CropData.make_batch`` returns it.

    Returns
    -------
    negative : tensor of shape (n_units, n_units), bool
        Of two clips about which nothing is known, each is its own class. Against a
        labeled clip they say nothing.
    """
    blind = target["unknown"].all(dim=1)
    return blind[:, None] & blind & (target["clips"][:, None] != target["clips"])


def count_false_negatives(
    target: Mapping[str, torch.Tensor], likely: BoolArray, blind: bool
) -> NDArray[np.int64]:
    """Count the pairs of a batch that are pushed apart, and those of one likely class.

    Parameters
    ----------
    target : dict
        As ``CropData.make_batch`` returns it.
    likely : ndarray of shape (n_clips, n_classes), bool
        The most probable label of every clip, or nothing where none was guessed.
    blind : bool
        Whether units of which nothing is known serve as negatives.

    Returns
    -------
    counts : ndarray of shape (2,), int
        Pairs of one likely class, and all pairs of which both have one.
    """
    negative = compare_units(target)[1]
    if blind:
        negative = negative | compare_blind_units(target)
    classes = likely[target["clips"].cpu().numpy()].astype(int)
    guessed = classes.any(axis=1)
    pairs = negative.cpu().numpy() & guessed[:, None] & guessed
    return np.array([(pairs & (classes @ classes.T > 0)).sum(), pairs.sum()])


class CropData(StatefulData):
    """Labeled and unlabeled clips that augmented crops are drawn from.

    Parameters
    ----------
    segments : SegmentedClips
    augmentation : Transformation or None
        Applied to every crop of a batch.
    n_segments : int
        Crops per unit: k.
    batch_size : int
        Units per batch.
    labeled_ratio : float
        Labeled units among them.
    n_steps : int
        Batches per epoch.
    n_views : int
        Units of each unlabeled clip in a batch, so that it has a positive.
    seed : int
        Of everything that is drawn here.
    weight : ndarray of shape (n_clips, n_classes) or None, default=None
        What each label counts in the cross-entropy.

    Attributes
    ----------
    labeled, unlabeled : ndarray of int
        The clips of either kind.
    """

    def __init__(
        self,
        segments: SegmentedClips,
        augmentation: Transformation | None,
        *,
        n_segments: int,
        batch_size: int,
        labeled_ratio: float,
        n_steps: int,
        n_views: int,
        seed: int,
        weight: NDArray[np.float32] | None = None,
    ) -> None:
        self.segments = segments
        self.augmentation = augmentation
        self.n_segments = n_segments
        self.n_steps = n_steps
        self.n_views = n_views
        self.weight = weight
        self.rng = np.random.default_rng(seed)
        self.labeled = np.flatnonzero(segments.labels.labeled)
        self.unlabeled = np.flatnonzero(~segments.labels.labeled)
        self.classes = [
            ShuffledQueue(np.flatnonzero(rows), self.rng)
            for rows in _list_kinds(segments.labels)
        ]
        self.draw_from(self.unlabeled)
        share = 1 - labeled_ratio if len(self.unlabeled) else 0
        # without a labeled unit there would be nothing to tell classes by
        most = (batch_size - 1) // n_views
        self.n_unlabeled = min(round(share * batch_size / n_views), most)
        self.n_labeled = batch_size - self.n_unlabeled * n_views

    def state_dict(self) -> Plain:
        """Return what epochs have changed, for a fit that goes on elsewhere."""
        return {
            "rng": pack(self.rng),
            "waiting": pack([queue.waiting for queue in self.classes]),
            "unlabeled": pack([self.waiting.items, self.waiting.waiting]),
            "segments": pack_segments(self.segments),
        }

    def load_state_dict(self, state: Plain) -> None:
        """Go on where ``state_dict`` was asked."""
        for queue, waiting in zip(self.classes, unpack(state["waiting"]), strict=True):
            queue.waiting = waiting
        self.waiting.items, self.waiting.waiting = unpack(state["unlabeled"])
        unpack_segments(self.segments, state["segments"])
        unpack(state["rng"], self.rng)

    def __len__(self) -> int:
        return self.n_steps

    def make_batch(
        self,
    ) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Draw a batch of crops.

        Returns
        -------
        inputs : dict
            ``X`` of shape (n_units, k, n_features, n_frames) and ``lengths`` of shape
            (n_units, k), for the module.
        target : dict
            ``present``, ``unknown`` and ``guessed`` (whether this is a pseudo-label) of
            shape (n_units, n_classes), and ``clips`` of shape (n_units,), for the
            criterion. ``weight``, of shape (n_units, n_classes), if there is one.
        """
        clips = np.concatenate([self._draw_labeled(), self._draw_unlabeled()])
        units = self._cut(clips)
        labels = self.segments.guesses.take(clips)
        inputs = {"X": units.X, "lengths": units.lengths}
        target = {
            "present": labels.present.astype(np.float32),
            "unknown": labels.unknown,
            "guessed": self.segments.labels.unknown[clips],
            "clips": clips,
        }
        if self.weight is not None:
            target["weight"] = self.weight[clips]
        return as_tensors(inputs), as_tensors(target)

    def draw_from(self, rows: IntArray) -> None:
        """Draw unlabeled clips of the next batches from some of them alone."""
        self.waiting = ShuffledQueue(rows, self.rng)

    def _draw_labeled(self) -> IntArray:
        """Draw clips of all classes in turn, each class without repetition.

        Returns
        -------
        clips : ndarray of shape (n_labeled,), int
            As many of a rare class as of a frequent one, to within one.
        """
        n_kinds = len(self.classes)
        # where a batch is no multiple of the classes, others are drawn next time
        extra = self.rng.permutation(n_kinds) < self.n_labeled % n_kinds
        counts = self.n_labeled // n_kinds + extra
        drawn = [queue.draw(n) for queue, n in zip(self.classes, counts, strict=True)]
        return np.concatenate(drawn)

    def _draw_unlabeled(self) -> IntArray:
        """Draw unlabeled clips, each as often as it has views."""
        if not self.n_unlabeled:
            return np.zeros(0, dtype=int)
        return np.tile(self.waiting.draw(self.n_unlabeled), self.n_views)

    def _cut(self, clips: IntArray) -> Units:
        """Take segments of some clips, and augment them."""
        ids = self.segments.draw_from_clips(clips, self.n_segments, self.rng)
        units = self.segments.take(ids)
        if self.augmentation is None:
            return units
        return self.augmentation.apply(units, self.segments, self.rng)


def _list_kinds(labels: Labels) -> list[BoolArray]:
    """List the labeled clips of each class, and those without any event.

    Parameters
    ----------
    labels : Labels

    Returns
    -------
    kinds : list of ndarray of shape (n_clips,), bool
        Each holds a clip; a clip of several labels is in several.
    """
    silent = labels.labeled & ~labels.present.any(axis=1)
    kinds = [*labels.present.T, silent]
    return [rows for rows in kinds if rows.any()]


class CropBatches:
    """The iterator that skorch loops over once per epoch: it yields batches.

    Parameters
    ----------
    dataset : CropData
    batch_size : ignored
        The data know it.
    verbose : int
        Whether a long epoch shows its progress.
    """

    def __init__(self, dataset: CropData, batch_size: int, verbose: int = 0) -> None:
        self.dataset = dataset
        self.verbose = verbose

    def __len__(self) -> int:
        return len(self.dataset)

    def __iter__(
        self,
    ) -> Iterator[tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]]:
        for _ in show_progress(
            range(len(self)), "Epoch", unit="batch", verbose=self.verbose, leave=False
        ):
            yield self.dataset.make_batch()


class Teacher(Callback):
    r"""A slowly moving average of the weights, which guesses what unlabeled clips are.

    At the start of each epoch from ``first_epoch`` on it encodes the whole clips,
    unchanged; its probabilities become pseudo-labels as ``spread_labels`` and
    ``choose_surest`` say, a growing share of each class. At the end it takes the place
    of the weights that were trained: an average makes fewer mistakes.

    Parameters
    ----------
    decay : float
        What is kept of the average in each step.
    first_epoch : float
        Counted from 1. A guess from too few steps is worse than none.
    n_neighbors : int
    alpha : float
        As in ``spread_labels``.
    floor : float
        As in ``choose_surest``.
    max_guessed : int
        Unlabeled clips that are encoded per epoch, at the most.
    seed : int
        Of the choice among more than that.

    Notes
    -----
    After step t the average is :math:`\bar w_1 = w_1`, :math:`\bar w_t = d \bar w_{t-1}
    + (1 - d) w_t`: random weights, from before the first step, are not in it. It takes
    about 1 / (1 - d) steps.

    References
    ----------
    A. Tarvainen and H. Valpola, "Mean teachers are better role models", NIPS 2017.
    """

    def __init__(
        self,
        *,
        decay: float,
        first_epoch: float,
        n_neighbors: int,
        alpha: float,
        floor: float,
        max_guessed: int,
        seed: int,
    ) -> None:
        self.decay = decay
        self.first_epoch = first_epoch
        self.n_neighbors = n_neighbors
        self.alpha = alpha
        self.floor = floor
        self.max_guessed = max_guessed
        self.seed = seed

    def on_train_begin(
        self, net: NeuralNet, X: object = None, y: object = None, **kwargs: object
    ) -> None:
        """Begin with the weights as they are."""
        average = get_ema_multi_avg_fn(self.decay)
        self.average_ = AveragedModel(net.module_, multi_avg_fn=average)
        self.rng_ = np.random.default_rng(self.seed)
        # the most probable label of each clip, once something is guessed
        self.likely_: BoolArray | None = None

    def on_batch_end(
        self,
        net: NeuralNet,
        batch: tuple[object, Mapping[str, torch.Tensor]] | None = None,
        training: bool = False,
        **kwargs: object,
    ) -> None:
        """Move the average a little, and look at the negatives of the batch."""
        if not training:
            return
        assert batch is not None
        self.average_.update_parameters(net.module_)
        if self.likely_ is not None:
            blind = net.criterion_.temperature is not None
            self.counts_ += count_false_negatives(batch[1], self.likely_, blind)

    def on_epoch_end(self, net: NeuralNet, **kwargs: object) -> None:
        """Say how many of the epoch's negatives were none, as far as is known."""
        false, all_pairs = self.counts_.tolist()
        net.history.record("false_negatives", false / max(all_pairs, 1))

    def on_epoch_begin(
        self, net: NeuralNet, dataset_train: CropData | None = None, **kwargs: object
    ) -> None:
        """Guess anew, once the average has learned something."""
        assert dataset_train is not None
        data, epoch = dataset_train, len(net.history)
        before = data.segments.guesses
        self.counts_ = np.zeros(2, dtype=np.int64)
        if epoch >= self.first_epoch and data.segments.labels.unknown.any():
            share = grow_share(epoch, self.first_epoch, net.max_epochs)
            self._guess(net, data, share)
        # in every epoch, since a printed log has the columns of the first
        counts = count_guesses(data.segments.labels, before, data.segments.guesses)
        for name, value in counts.items():
            net.history.record(name, value)

    def _guess(self, net: NeuralNet, data: CropData, share: float) -> None:
        """Give the surest share of the clips that are looked at their pseudo-labels.

        Parameters
        ----------
        net : skorch.NeuralNet
        data : CropData
            The guesses of its segments are replaced.
        share : float
            As in ``choose_surest``.
        """
        rows = data.unlabeled
        if len(rows) > self.max_guessed:
            rows = self.rng_.choice(rows, self.max_guessed, replace=False)
            # from now on, batches are drawn from what was looked at
            data.draw_from(np.sort(rows))
        # labeled clips are what the others get their labels from
        rows = np.union1d(data.labeled, rows)
        labels = data.segments.labels.take(rows)
        tagged = self._encode(net, data.segments, rows)
        if not tagged.embeddings.isfinite().all():
            return  # diverged: the fit goes on to say so in a sentence
        distributions = spread_labels(
            tagged.probabilities(labels.multilabel),
            labels,
            tagged.embeddings.numpy(),
            estimate_prior(data.segments.labels),
            n_neighbors=self.n_neighbors,
            alpha=self.alpha,
        )
        chosen = choose_surest(distributions, labels, share, floor=self.floor)
        # of every clip, however unsure: what negatives are looked at by
        if self.likely_ is None:
            self.likely_ = np.zeros_like(data.segments.guesses.present)
        self.likely_[rows] = choose_surest(distributions, labels, 1.0).present
        # clips that were not looked at keep what was guessed of them before
        data.segments.guess(rows, chosen, distributions)

    def _encode(
        self, net: NeuralNet, segments: SegmentedClips, rows: IntArray
    ) -> Tagged:
        """Encode whole clips by the average, a row per clip of ``rows``."""
        module = cast("TaggingEncoder", self.average_.module)
        clips, scaler = segments.clips.take(rows), segments.scaler
        learn_norms(module, clips, scaler, net.device, net.verbose)
        return encode_whole(module.eval(), clips, scaler, net.device, net.verbose)

    def on_train_end(
        self, net: NeuralNet, X: CropData | None = None, **kwargs: object
    ) -> None:
        """Put the average in the place of what was trained.

        Parameters
        ----------
        net : skorch.NeuralNet
        X : CropData
            What was trained on; skorch calls it X.
        """
        assert X is not None
        rows = np.arange(len(X.segments.clips))
        if len(rows) > 2 * self.max_guessed:
            rows = self.rng_.choice(rows, 2 * self.max_guessed, replace=False)
        module = cast("TaggingEncoder", self.average_.module)
        clips, scaler = X.segments.clips.take(rows), X.segments.scaler
        learn_norms(module, clips, scaler, net.device, net.verbose)
        net.module_.load_state_dict(module.state_dict())
        net.module_.eval()
        # a pickled net needs one set of weights, and nothing of the training set
        del self.average_, self.likely_


def learn_norms(
    module: TaggingEncoder,
    clips: Clips,
    scaler: FrameScaler,
    device: Device,
    verbose: int = 0,
) -> None:
    """Let the batch norms have the statistics of some whole clips.

    Those of the training are of augmented crops, and those of an average of weights are
    of weights that are gone.

    Parameters
    ----------
    module : TaggingEncoder
        Left in training mode.
    clips : Clips
    scaler : FrameScaler
    device : str or torch.device
    verbose : int, default=0
        Whether to show progress.
    """
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.reset_running_stats()
            # all batches weigh alike, the last like the first
            part.momentum = None
    encode_whole(module.train(), clips, scaler, device, verbose)


def encode_whole(
    module: TaggingEncoder,
    clips: Clips,
    scaler: FrameScaler,
    device: Device,
    verbose: int = 0,
) -> Tagged:
    """Encode whole clips in batches of similar length.

    Parameters
    ----------
    module : TaggingEncoder
        In training mode, its batch norms learn the statistics of the clips.
    clips : Clips
    scaler : FrameScaler
    device : str or torch.device
    verbose : int, default=0
        Whether to show progress.

    Returns
    -------
    tagged : Tagged
        A row per clip, on the CPU.
    """
    order = np.argsort(clips.lengths, kind="stable")
    parts = []
    begins = show_progress(
        range(0, len(order), ENCODED),
        "Guessing",
        unit="batch",
        verbose=verbose,
        leave=False,
    )
    with torch.no_grad():
        for begin in begins:
            rows = order[begin : begin + ENCODED]
            # statistics of a single clip have no variance over a batch
            if len(rows) < 2 and len(order) > 1:
                rows = order[-2:]
            batch = pad_clips(clips.take(rows), scaler)
            tagged = module(
                batch["X"][:, None].to(device), batch["lengths"][:, None].to(device)
            )
            size = len(order) - begin
            parts.append([t[-size:].cpu() for t in (tagged.embeddings, tagged.logits)])
    back = torch.from_numpy(np.argsort(order, kind="stable"))
    embeddings, logits = (torch.cat(part)[back] for part in zip(*parts, strict=True))
    return Tagged(embeddings, logits)
