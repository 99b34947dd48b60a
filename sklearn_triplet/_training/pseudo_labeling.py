"""A net in training and its clips in; pseudo-labels for the selectors out.

``PseudoLabeler`` guesses between epochs what unlabeled clips are, and leaves it in the
``SegmentedClips`` that triplets are drawn from. ``guess_clips`` is one such guess, and
``GuessesClips`` is what estimators keep of the last one.
"""

from __future__ import annotations

import numpy as np
from skorch import NeuralNet
from skorch.callbacks import Callback

from sklearn_triplet._input.clips import Clips, FrameScaler
from sklearn_triplet._input.labels import Labels, mark_unread
from sklearn_triplet._input.progress import show_progress
from sklearn_triplet._input.types import IntArray
from sklearn_triplet._sampling.positives import SamePseudoLabel
from sklearn_triplet._sampling.pseudo_labels import (
    choose_surest,
    count_guesses,
    find_first_epoch,
    grow_share,
    guess_from_embeddings,
    read_guesses,
)
from sklearn_triplet._training.encoding import encode_clips, mean_and_deviation
from sklearn_triplet._training.triplet_data import TripletData

MAX_GUESSED = 2000  # unlabeled clips that are encoded per epoch


def guess_clips(
    net: NeuralNet,
    clips: Clips,
    labels: Labels,
    scaler: FrameScaler,
    guesser: SamePseudoLabel,
) -> np.ndarray | None:
    """Encode clips by a net as it is, and guess what they are.

    Parameters
    ----------
    net : skorch.NeuralNet
        Whose module is a FrameEncoder.
    clips : Clips
    labels : Labels
        One row per clip.
    scaler : FrameScaler
    guesser : SamePseudoLabel
        Says how, by its parameters.

    Returns
    -------
    distributions : ndarray of shape (n_clips, n_classes) or None
        What is known, and the probabilities of the rest; ``None`` where there is
        nothing to guess or to guess from, or the net has diverged.
    """
    # a guess among one kind is none
    if labels.n_kinds < 2 or not labels.unknown.any():
        return None
    encoded = show_progress(
        encode_clips(net, clips, scaler),
        "Guessing",
        unit="clip",
        total=len(clips),
        verbose=net.verbose,
        leave=False,
    )
    embeddings = np.stack([mean_and_deviation(parts) for parts in encoded])
    if not np.isfinite(embeddings).all():
        return None  # the fit goes on to say so in a sentence
    return guess_from_embeddings(
        embeddings, labels, n_neighbors=guesser.n_neighbors, alpha=guesser.alpha
    )


class PseudoLabeler(Callback):
    """Guesses at the beginning of epochs what unlabeled clips are.

    What it guesses is renewed from the embeddings each time, not from the guess of the
    epoch before: a clip can change its pseudo-label, and one that is no longer among
    the surest loses it. Before ``first_epoch`` nothing is encoded, and the batches are
    those of a strategy without pseudo-labels.

    Parameters
    ----------
    guesser : SamePseudoLabel
        Says how, by its parameters.
    max_epochs : int
        Of a fit; one that goes on has all pseudo-labels at once.
    seed : int
        Of the choice among more than ``MAX_GUESSED`` clips.

    Attributes
    ----------
    rng_ : numpy.random.Generator
        Chooses among too many clips; made anew in each fit.

    See Also
    --------
    Teacher : The same for a network with a head.
    """

    def __init__(self, guesser: SamePseudoLabel, max_epochs: int, seed: int) -> None:
        self.guesser = guesser
        self.max_epochs = max_epochs
        self.seed = seed

    @property
    def first_epoch(self) -> float:
        """The epoch, counted from 1, at which guessing begins."""
        return find_first_epoch(self.guesser.guess_from, self.max_epochs)

    def on_train_begin(self, net: NeuralNet, **kwargs: object) -> None:
        """Begin with the first choice."""
        self.rng_ = np.random.default_rng(self.seed)

    def on_epoch_begin(
        self, net: NeuralNet, dataset_train: TripletData | None = None, **kwargs: object
    ) -> None:
        """Guess anew, once the network has learned something.

        Parameters
        ----------
        net : skorch.NeuralNet
            Its history gets ``pseudo_labeled`` and ``changed_pseudo_labels``.
        dataset_train : TripletData
            What is drawn from in this epoch. Clips that validate are guessed by nobody:
            their triplets, and so their loss, are the same in every epoch.
        """
        assert dataset_train is not None
        segments, epoch = dataset_train.segments, len(net.history)
        before = segments.guesses
        if epoch >= self.first_epoch:
            share = grow_share(epoch, self.first_epoch, self.max_epochs)
            self._guess(net, dataset_train, share)
        # in every epoch, since a printed log has the columns of the first
        counts = count_guesses(segments.labels, before, segments.guesses)
        for name, value in counts.items():
            net.history.record(name, value)

    def _guess(self, net: NeuralNet, data: TripletData, share: float) -> None:
        """Give the surest share of the clips that are looked at their pseudo-labels.

        Parameters
        ----------
        net : skorch.NeuralNet
        data : TripletData
            The guesses of its segments are replaced.
        share : float
            As in ``choose_surest``.
        """
        segments, labeled = data.segments, data.segments.labels.labeled
        # clips of which some classes are unknown are looked at in any case
        rows = np.flatnonzero(~labeled)
        if len(rows) > MAX_GUESSED:
            rows = self.rng_.choice(rows, MAX_GUESSED, replace=False)
        # labeled clips are what the others get their labels from
        rows = np.union1d(np.flatnonzero(labeled), rows)
        labels = segments.labels.take(rows)
        distributions = guess_clips(
            net, segments.clips.take(rows), labels, segments.scaler, self.guesser
        )
        if distributions is None:
            return
        floor = self.guesser.confidence_floor
        guesses = choose_surest(distributions, labels, share, floor=floor)
        segments.guess(rows, guesses, distributions)
        data.known = data.known.put(rows, choose_surest(distributions, labels, 1.0))


class GuessesClips:
    """What is alike in estimators that tell what they took unlabeled clips for.

    Attributes
    ----------
    pseudo_labels_ : ndarray of shape (n_clips,) or (n_clips, n_classes)
    pseudo_label_confidence_ : ndarray of the same shape
        A row per clip of X, whether it could be read or not.
    """

    pseudo_labels_: np.ndarray
    pseudo_label_confidence_: np.ndarray

    def _begin_guesses(self, labels: Labels, rows: IntArray) -> None:
        """Set a confidence per clip of X: NaN where it could not be read.

        Parameters
        ----------
        labels : Labels
            A row per clip of X.
        rows : ndarray of int
            The clips that could be read: ``_keep_guesses`` writes these.
        """
        shape = labels.present.shape if labels.multilabel else labels.present.shape[:1]
        self.pseudo_label_confidence_ = np.full(shape, np.nan)
        self.pseudo_label_confidence_[rows] = 0

    def _keep_guesses(
        self, distributions: np.ndarray | None, labels: Labels
    ) -> tuple[IntArray, np.ndarray]:
        """Set ``pseudo_labels_`` and their confidence, a row per clip of X.

        Parameters
        ----------
        distributions : ndarray of shape (n_clips, n_classes) or None
            Of the clips that could be read; ``None`` where nothing was guessed.
        labels : Labels
            Of the clips that could be read.

        Returns
        -------
        guess, sure : ndarray
            As ``read_guesses`` returns them, of the clips that could be read.
        """
        confidence = self.pseudo_label_confidence_
        read = ~np.isnan(confidence if confidence.ndim == 1 else confidence[:, 0])
        guess, sure = read_guesses(distributions, labels)
        confidence[read] = sure
        tags = guess
        if not labels.multilabel and len(labels.classes):
            tags = labels.classes[guess]
        every = np.zeros(confidence.shape, tags.dtype)
        every[read] = tags
        self.pseudo_labels_ = mark_unread(every, np.isnan(confidence))
        return guess, sure
