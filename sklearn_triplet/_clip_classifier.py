"""What the taggers share: fitting on labeled clips, predicting clips and frames."""

from __future__ import annotations

import numbers
from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback
from skorch.history import History

from sklearn_triplet._input.clips import Clips, FrameScaler, check_clips
from sklearn_triplet._input.labels import Labels, as_label_array, check_labels
from sklearn_triplet._input.parameters import check_loop, check_number
from sklearn_triplet._input.progress import show_progress
from sklearn_triplet._input.random import draw_seeds
from sklearn_triplet._input.rows import find_scored_rows, restrict, take_labels
from sklearn_triplet._input.types import (
    ClipsLike,
    Device,
    IntArray,
    LabelsLike,
    Optimizer,
    RandomState,
)
from sklearn_triplet._training.loop import build_net, seeded_torch, split_clips, train
from sklearn_triplet._training.networks import (
    ClipTagger,
    RecurrentHead,
    mean_over_frames,
)
from sklearn_triplet._training.tagging import (
    ClipBatches,
    TaggingData,
    TagLoss,
    pad_clips,
)

PREDICT_BATCH = 32


class ClipClassifier(ClassifierMixin, BaseEstimator, metaclass=ABCMeta):
    """A tagger but for its network: what it learns from, and what it predicts."""

    # parameters of every tagger, stored by its own __init__
    n_layers: int
    n_cells: int
    frame_pooling: int
    dropout: float
    threshold: float | ArrayLike
    max_epochs: int
    lr: float
    batch_size: int
    optimizer: Optimizer
    device: Device
    validation_fraction: float | None
    patience: int
    callbacks: Sequence[Callback] | None
    verbose: int
    random_state: RandomState

    @abstractmethod
    def _build_module(self, n_features: int, n_classes: int) -> ClipTagger:
        """Return the untrained ClipTagger."""

    def fit(self, X: ClipsLike, y: LabelsLike) -> Self:
        """Learn from the labeled clips; unlabeled ones have no influence at all.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_features, n_frames), list of arrays of \
                shape (n_features, n_frames_i), or array-like of shape (n_samples, \
                n_features)
            Clips; shorter ones end in frames of NaN, or come in a list.
        y : array-like of shape (n_clips,) or (n_clips, n_classes)
            -1 where unlabeled. In an indicator, single entries of -1 are unknown
            classes, which are left out of the loss.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            Where a parameter, a clip or a label is not as described above, no clip is
            labeled or only one class is.
        """
        self._check_parameters()
        clips = check_clips(self, X, reset=True)
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None. Give one label per clip, -1 where unlabeled."
            )
        labels = check_labels(y, len(clips), type(self).__name__, binary=True)
        self._check_enough(labels)
        rows = np.flatnonzero(labels.labeled)
        return self._fit(clips.take(rows), labels.take(rows))

    def _fit(self, clips: Clips, labels: Labels) -> Self:
        seeds = draw_seeds(self.random_state, 3)
        self.classes_ = labels.classes
        self.multilabel_ = labels.multilabel
        self.scaler_ = FrameScaler.fit(clips, verbose=self.verbose)
        rows, valid_data = np.arange(len(clips)), None
        if self.validation_fraction is not None:
            rows, valid = split_clips(labels, self.validation_fraction, seeds[0])
            self._check_split(rows, valid)
            valid_data = TaggingData(
                clips.take(valid), labels.take(valid), self.scaler_
            )
        data = TaggingData(clips.take(rows), labels.take(rows), self.scaler_, seeds[1])
        with seeded_torch(seeds[2], self.device):
            module = self._build_module(clips.n_features, len(self.classes_))
            criterion = TagLoss(self.multilabel_)
            self.net_ = build_net(self, module, criterion, ClipBatches, valid_data)
            self.net_.initialize()
            train(self.net_, data)
        self.n_iter_ = len(self.history_)
        return self

    def predict_proba(self, X: ClipsLike) -> NDArray[np.float32]:
        """Return the probability of each class in each clip.

        Parameters
        ----------
        X : as in ``fit``

        Returns
        -------
        probabilities : ndarray of shape (n_clips, n_classes), float32
            Rows sum to 1 for single labels, and are independent for multi-label.
        """
        logits = mean_over_frames(*self._frame_logits(self._read(X)))
        return self._to_probabilities(logits).numpy()

    def predict(self, X: ClipsLike) -> np.ndarray:
        """Return the tags of each clip.

        Parameters
        ----------
        X : as in ``fit``

        Returns
        -------
        tags : ndarray of shape (n_clips,) or (n_clips, n_classes)
            The most probable class, or for multi-label 1 where the probability is
            at least ``threshold``.
        """
        probabilities = self.predict_proba(X)
        if self.multilabel_:
            return (probabilities >= np.asarray(self.threshold)).astype(int)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_frames(self, X: ClipsLike) -> NDArray[np.float32]:
        """Return the probability of each class in each frame.

        Parameters
        ----------
        X : as in ``fit``

        Returns
        -------
        probabilities : ndarray of shape (n_clips, n_classes, n_frames), float32
            NaN where a clip is shorter than the longest. Learned from the labels of
            whole clips, so they tell what the tagger listens to, not event borders.
        """
        clips = self._read(X)
        logits, _ = self._frame_logits(clips)
        steps = self._to_probabilities(logits)
        probabilities = steps.repeat_interleave(self._frames_per_step(), dim=2)
        frames = probabilities[:, :, : clips.lengths.max()].numpy()
        beyond = np.arange(frames.shape[2]) >= clips.lengths[:, None]
        frames.transpose(0, 2, 1)[beyond] = np.nan
        return frames

    def score(
        self, X: ClipsLike, y: LabelsLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the accuracy on the labeled clips, of which there must be one.

        Parameters
        ----------
        X, y : as in ``fit``
            For an indicator, a clip counts where every class is right.
        sample_weight : array-like of shape (n_clips,), default=None

        Returns
        -------
        score : float
        """
        check_is_fitted(self)
        labels = as_label_array(y)
        rows = find_scored_rows(X, labels, self.classes_, type(self).__name__)
        weights = {"sample_weight": sample_weight}
        clips, weights = restrict(X, weights, rows, len(labels))
        return super().score(clips, take_labels(labels, rows), **weights)

    @property
    def history_(self) -> History:
        """The skorch history of the net."""
        return self.net_.history

    def _read(self, X: ClipsLike) -> Clips:
        check_is_fitted(self)
        return check_clips(self, X, reset=False)

    def _frame_logits(self, clips: Clips) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits (n_clips, n_classes, n_steps) and steps (n_clips,)."""
        module, device = self.net_.module_.eval(), self.net_.device
        per_step = self._frames_per_step()
        steps = torch.from_numpy(-(-clips.lengths // per_step))
        logits = torch.zeros(len(clips), len(self.classes_), int(steps.max()))
        # neighbours in length share a batch, so that little of it is padding
        order = np.argsort(clips.lengths, kind="stable")
        begins = range(0, len(order), PREDICT_BATCH)
        for begin in show_progress(
            begins, "Tagging", unit="batch", verbose=self.verbose
        ):
            rows = order[begin : begin + PREDICT_BATCH]
            batch = pad_clips(clips.take(rows), self.scaler_)
            with torch.inference_mode():
                out, _ = module.frame_logits(
                    batch["X"].to(device), batch["lengths"].to(device)
                )
            logits[torch.from_numpy(rows), :, : out.shape[2]] = out.cpu()
        return logits, steps

    def _to_probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        return logits.sigmoid() if self.multilabel_ else logits.softmax(dim=1)

    def _frames_per_step(self) -> int:
        return self.net_.module_.head.frame_pooling

    def _check_parameters(self) -> None:
        for name in (
            "n_layers",
            "n_cells",
            "frame_pooling",
            "batch_size",
            "max_epochs",
        ):
            check_number(self, name, numbers.Integral, 1)
        check_number(self, "dropout", numbers.Real, 0, 1, right="open")
        check_loop(self)

    def _check_enough(self, labels: Labels) -> None:
        """Refuse labels from which nothing can be learned."""
        name, n_clips = type(self).__name__, len(labels.present)
        if not labels.labeled.any():
            raise ValueError(
                f"{name} learns from labeled clips, but y labels none of the {n_clips} "
                "clips: every entry is -1. Label some clips of each class."
            )
        if not labels.multilabel and len(labels.classes) < 2:
            raise ValueError(
                f"{name} needs labels of at least two classes. y holds only one class, "
                f"{labels.classes[0]}."
            )
        thresholds = np.shape(self.threshold)
        if thresholds not in ((), (len(labels.classes),)):
            raise ValueError(
                f"The 'threshold' parameter of {name} must be a number or one number "
                f"per class ({len(labels.classes)}). Got shape {thresholds}."
            )

    def _check_split(self, rows: IntArray, valid: IntArray) -> None:
        if not len(rows) or not len(valid):
            raise ValueError(
                f"The 'validation_fraction' parameter of {type(self).__name__} leaves "
                f"{len(rows)} labeled clips to train and {len(valid)} to validate. "
                f"Got {self.validation_fraction!r}: change it, or label more clips."
            )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.classifier_tags.multi_label = True
        tags.target_tags.two_d_labels = True
        return tags

    def _build_head(self, n_features: int, n_classes: int) -> RecurrentHead:
        return RecurrentHead(
            n_features,
            n_classes,
            self.n_layers,
            self.n_cells,
            self.dropout,
            self.frame_pooling,
        )
