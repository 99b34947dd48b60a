"""Segmented clips in; batches of anchors and positives, for skorch, out.

skorch owns the loop. This iterator draws anchors and asks the positive selectors; the
module encodes every unit once and asks the negative selectors (``triplet_loss``). All
chance lies here, so that whatever follows is a pure function of the batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import torch

from sklearn_triplet._input.progress import show_progress
from sklearn_triplet._input.types import BoolArray, IntArray
from sklearn_triplet._sampling.neighbors import FOUND
from sklearn_triplet._sampling.positives import PositiveSelector, check_positives
from sklearn_triplet._sampling.segments import SegmentedClips, Units
from sklearn_triplet._sampling.strategies import SLOTS, Strategy
from sklearn_triplet._training.state import (
    Plain,
    StatefulData,
    pack,
    pack_attributes,
    unpack,
    unpack_attributes,
)

# what the module takes, and the anchors' segments: skorch asks for a target
Batch: TypeAlias = tuple[dict[str, torch.Tensor], torch.Tensor]


class ShuffledQueue:
    """Draws items in random order, none twice before all have been drawn.

    An epoch may be shorter than the list or longer: the order goes on where the last
    epoch ended, so that rare anchors are not left to chance.

    Parameters
    ----------
    items : ndarray of shape (n_items,)
    rng : numpy.random.Generator
        Shuffles anew whenever all have been drawn.
    """

    def __init__(self, items: IntArray, rng: np.random.Generator) -> None:
        self.items = items
        self.rng = rng
        self.waiting = rng.permutation(items)

    def draw(self, n: int) -> IntArray:
        """Return the next n items, shape (n,)."""
        # more than one round where an epoch has more anchors than there are segments
        while len(self.waiting) < n:
            self.waiting = np.append(self.waiting, self.rng.permutation(self.items))
        drawn, self.waiting = self.waiting[:n], self.waiting[n:]
        return drawn


def pack_segments(segments: SegmentedClips) -> Plain:
    """Take apart what is guessed of clips, and the neighbours that were searched.

    Parameters
    ----------
    segments : SegmentedClips
    """
    guesses = segments.guesses
    return {
        # before the first guess these are the labels, and whoever asks goes by identity
        "guesses": None
        if guesses is segments.labels
        else pack([guesses.present, guesses.unknown, segments.confidence]),
        # of equal distances a new search could choose otherwise
        "neighbors": pack(FOUND.get(segments, {})),
    }


def unpack_segments(segments: SegmentedClips, packed: Plain) -> None:
    """Set what ``pack_segments`` found.

    Parameters
    ----------
    segments : SegmentedClips
        Of the same clips.
    packed : dict
    """
    if packed["guesses"] is not None:
        present, unknown, segments.confidence = unpack(packed["guesses"])
        segments.guesses = replace(segments.labels, present=present, unknown=unknown)
    FOUND[segments] = unpack(packed["neighbors"])


def count_anchors(
    n_labeled: int, n_unlabeled: int, labeled_ratio: float, n_triplets: int | None
) -> tuple[int, int]:
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

    Notes
    -----
    The paper's cases (section 4.6) are L labeled and U unlabeled triplets, so
    ``n_triplets = U + L`` and ``labeled_ratio = L / (U + L)``.

    Examples
    --------
    >>> count_anchors(30, 1000, 0.25, None)  # each labeled segment once
    (30, 90)
    >>> count_anchors(30, 1000, 0.25, 200)
    (50, 150)
    """
    ratio = labeled_ratio if n_unlabeled else 1.0
    ratio = ratio if n_labeled else 0.0
    if n_triplets is None:
        n_triplets = round(n_labeled / ratio) if ratio else n_unlabeled
    n_labeled_anchors = round(ratio * n_triplets)
    return n_labeled_anchors, n_triplets - n_labeled_anchors


class TripletData(StatefulData):
    """The segments that triplets are drawn from, and how.

    Parameters
    ----------
    segments : SegmentedClips
        Of the clips that are learned from.
    strategy : Strategy
        A fresh one: its selectors are prepared here, and keep what they prepare.
    labeled_ratio, n_triplets
        As in ``count_anchors``.
    seed : int
        Of anchors, positives and the noise of negatives.
    repeat : bool, default=False
        Whether every epoch draws the same triplets, as a validation set has to.

    Attributes
    ----------
    labeled, unlabeled : ndarray of int
        The segments that may be anchors of either kind.
    n_labeled, n_unlabeled : int
        Anchors of either kind per epoch.
    known : Labels
        The labels, and the most recent guess of all clips, sure or not: by these the
        negatives are looked at, not chosen.
    """

    def __init__(
        self,
        segments: SegmentedClips,
        strategy: Strategy,
        labeled_ratio: float,
        n_triplets: int | None,
        seed: int,
        repeat: bool = False,
    ) -> None:
        self.segments = segments
        self.known = segments.labels
        self.strategy = strategy
        self.seed = seed
        self.repeat = repeat
        labeled = segments.labels.labeled[segments.clip_of]
        self.labeled = np.flatnonzero(labeled)
        self.unlabeled = np.flatnonzero(~labeled)
        # they are in no triplet then: not as anchors, and so not as candidates
        if not strategy.uses_unlabeled:
            self.unlabeled = self.unlabeled[:0]
        self.n_labeled, self.n_unlabeled = count_anchors(
            len(self.labeled), len(self.unlabeled), labeled_ratio, n_triplets
        )
        if self.n_labeled:
            strategy.labeled_positive.prepare(segments, self.labeled)
        if self.n_unlabeled:
            # without a selector there are no unlabeled anchors, here and below
            assert strategy.unlabeled_positive is not None
            strategy.unlabeled_positive.prepare(segments, self.unlabeled)
        # what a selector answers is looked at once per fit
        self.checked: list[PositiveSelector] = []
        self.restart()

    def restart(self) -> None:
        """Go back to the first triplet of the first epoch."""
        self.rng = np.random.default_rng(self.seed)
        self.queues = [
            ShuffledQueue(items, self.rng) for items in (self.labeled, self.unlabeled)
        ]

    def state_dict(self) -> Plain:
        """Return what epochs have changed, for a fit that goes on elsewhere."""
        known, strategy = self.known, self.strategy
        guessed = known is not self.segments.labels
        return {
            "rng": pack(self.rng),
            "waiting": pack([queue.waiting for queue in self.queues]),
            "segments": pack_segments(self.segments),
            "known": pack([known.present, known.unknown]) if guessed else None,
            # such as the neighbours that were searched so far
            "selectors": {
                slot: pack_attributes(getattr(strategy, slot))
                for slot in SLOTS
                if getattr(strategy, slot) is not None
            },
        }

    def load_state_dict(self, state: Plain) -> None:
        """Go on where ``state_dict`` was asked."""
        unpack(state["rng"], self.rng)
        for queue, waiting in zip(self.queues, unpack(state["waiting"]), strict=True):
            queue.waiting = waiting
        unpack_segments(self.segments, state["segments"])
        if state["known"] is not None:
            present, unknown = unpack(state["known"])
            self.known = replace(self.known, present=present, unknown=unknown)
        for slot, packed in state["selectors"].items():
            unpack_attributes(getattr(self.strategy, slot), packed)

    def __len__(self) -> int:
        return self.n_labeled + self.n_unlabeled

    def draw_epoch(self) -> IntArray:
        """Return the anchors of an epoch, labeled and unlabeled ones evenly dealt.

        Returns
        -------
        anchors : ndarray of shape (n_labeled + n_unlabeled,), int
            Segments. Any run of them has labeled ones in proportion, to within one.
        """
        if self.repeat:
            self.restart()
        counts = self.n_labeled, self.n_unlabeled
        anchors = [queue.draw(n) for queue, n in zip(self.queues, counts, strict=True)]
        selectors = self.strategy.labeled_positive, self.strategy.unlabeled_positive
        for selector, ids in zip(selectors, anchors, strict=True):
            if len(ids):
                assert selector is not None
                selector.prepare_epoch(self.segments, ids)
        # equal steps on the unit interval, so that each batch has the same mixture
        places = [(np.arange(n) + self.rng.random()) / max(n, 1) for n in counts]
        order = np.argsort(np.concatenate(places), kind="stable")
        return np.concatenate(anchors)[order]

    def make_batch(self, ids: IntArray) -> Batch:
        """Take anchors, select positives and describe both for the module.

        Parameters
        ----------
        ids : ndarray of shape (n_anchors,), int
            Segments.

        Returns
        -------
        inputs : dict
            Of tensors with one row per unit, anchors first: ``X``, ``lengths`` and
            ``substituted`` as in ``Units``; ``clips``, ``segments``, ``present``,
            ``unknown`` and ``labeled``, which say whom a negative selector may take;
            and ``noise`` of shape (2 * n_anchors, n_anchors), its only chance. Once
            something is guessed, ``guessed_present``, ``guessed_unknown`` and
            ``guessed_labeled``, which say the same of labels and pseudo-labels.
        target : tensor of shape (n_anchors,), int64
            ``ids``.
        """
        anchors = self.segments.take(ids[:, None])
        labeled = self.segments.labels.labeled[anchors.clips]
        positives = self._select_positives(anchors, labeled)
        n = len(anchors)
        units = Units.assemble([anchors, positives], [np.arange(n), n + np.arange(n)])
        labels = self.segments.labels.take(units.clips)
        inputs = {
            "X": units.X,
            "lengths": units.lengths,
            "substituted": units.substituted,
            "clips": units.clips,
            "segments": units.segments[:, 0],
            "present": labels.present.astype(np.float32),
            "unknown": labels.unknown.astype(np.float32),
            "labeled": labels.labeled,
            "noise": self.rng.random((n, 2 * n), dtype=np.float32).T,
        }
        if self.segments.guesses is not self.segments.labels:
            guesses = self.segments.guesses.take(units.clips)
            inputs["guessed_present"] = guesses.present.astype(np.float32)
            inputs["guessed_unknown"] = guesses.unknown.astype(np.float32)
            inputs["guessed_labeled"] = guesses.labeled
        return as_tensors(inputs), torch.from_numpy(ids)

    def _select_positives(self, anchors: Units, labeled: BoolArray) -> Units:
        """Ask the selector of each kind of anchor; row i belongs to anchor i."""
        parts: list[Units] = []
        rows: list[IntArray] = []
        for mask, selector in (
            (labeled, self.strategy.labeled_positive),
            (~labeled, self.strategy.unlabeled_positive),
        ):
            if mask.any():
                assert selector is not None
                rows.append(np.flatnonzero(mask))
                group = anchors.take(rows[-1])
                parts.append(selector.select(group, self.segments, self.rng))
                if selector not in self.checked:
                    check_positives(parts[-1], group, self.segments, selector)
                    self.checked.append(selector)
        return Units.assemble(parts, rows)


def as_tensors(arrays: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Share the memory of arrays with tensors, where their order allows it."""
    return {
        key: torch.from_numpy(np.ascontiguousarray(array))
        for key, array in arrays.items()
    }


class TripletBatches:
    """The iterator that skorch loops over once per epoch: it yields batches.

    Parameters
    ----------
    dataset : TripletData
    batch_size : int
        Triplets per batch at the most; batches are as equal as can be, since the
        candidates of a nearly empty last one would be too few.
    verbose : int
        Whether a long epoch shows its progress.

    See Also
    --------
    ClipBatches : The same for taggers.
    """

    def __init__(self, dataset: TripletData, batch_size: int, verbose: int = 0) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.verbose = verbose

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size)  # rounded up

    def __iter__(self) -> Iterator[Batch]:
        batches = np.array_split(self.dataset.draw_epoch(), len(self))
        for ids in show_progress(
            batches, "Epoch", unit="batch", verbose=self.verbose, leave=False
        ):
            yield self.dataset.make_batch(ids)
