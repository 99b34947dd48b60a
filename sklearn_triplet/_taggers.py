"""SequenceTagger and CRNNTagger: clips (n_clips, n_features, n_frames) in, tags out."""

from __future__ import annotations

import numbers
from collections.abc import Sequence

import torch
from numpy.typing import ArrayLike
from skorch.callbacks import Callback

from sklearn_triplet._clip_classifier import ClipClassifier
from sklearn_triplet._input.parameters import check_number
from sklearn_triplet._input.types import Device, Optimizer, RandomState
from sklearn_triplet._training.networks import ClipTagger, ConvEncoder


class SequenceTagger(ClipClassifier):
    """Recurrent classifier of embedded clips (section 4.4).

    Two layers of bidirectional gated recurrent units, a linear layer per frame, the
    mean over the valid frames of a clip; cross-entropy for single labels and binary
    cross-entropy for multi-label. Learns from labeled clips only.

    Parameters
    ----------
    n_layers : int, default=2
        Recurrent layers.
    n_cells : int, default=64
        Cells per layer and direction.
    frame_pooling : int, default=4
        Frames that are averaged into one before the recurrent layers: four times as
        fast as 1, the paper's, and as good on real recordings.
    dropout : float, default=0.0
        Before, between and after the recurrent layers, in [0, 1).
    threshold : float or array-like of shape (n_classes,), default=0.5
        A multi-label class is predicted from this probability on.
    max_epochs : int, default=50
        Passes; at the most if ``validation_fraction`` is given.
    lr : float, default=0.001
        Learning rate.
    batch_size : int, default=16
        Clips per step.
    optimizer : class, default=torch.optim.Adam
        A torch optimizer, or ``functools.partial`` of one with further settings.
    device : str or torch.device, default="cpu"
        Where to compute.
    validation_fraction : float, default=None
        Labeled clips set apart, in (0, 1), to stop early when their loss has not
        improved for ``patience`` epochs; the best weights are kept.
    patience : int, default=10
        See ``validation_fraction``.
    callbacks : list of skorch callbacks, default=None
        They are cloned.
    verbose : int, default=0
        1: a line per epoch.
    random_state : int, RandomState instance or None, default=None
        Decides weights, order, dropout and the validation split.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, without -1.
    net_ : skorch.NeuralNet
        The trained net; ``history_`` is its history.
    multilabel_ : bool
        Whether y was an indicator.
    n_features_in_ : int
        Components per frame.
    n_iter_ : int
        Epochs that were run.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_triplet import SequenceTagger
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(9, 4, 20)).astype("float32")
    >>> X[:3] += 3
    >>> y = ["dog", "dog", "dog", "rain", "rain", "rain", -1, -1, -1]
    >>> tagger = SequenceTagger(max_epochs=20, random_state=0).fit(X, y)
    >>> tagger.predict(X[:4])
    array(['dog', 'dog', 'dog', 'rain'], dtype='<U4')
    >>> tagger.predict_frames(X).shape
    (9, 2, 20)
    """

    def __init__(
        self,
        *,
        n_layers: int = 2,
        n_cells: int = 64,
        frame_pooling: int = 4,
        dropout: float = 0.0,
        threshold: float | ArrayLike = 0.5,
        max_epochs: int = 50,
        lr: float = 1e-3,
        batch_size: int = 16,
        optimizer: Optimizer = torch.optim.Adam,
        device: Device = "cpu",
        validation_fraction: float | None = None,
        patience: int = 10,
        callbacks: Sequence[Callback] | None = None,
        verbose: int = 0,
        random_state: RandomState = None,
    ) -> None:
        self.n_layers = n_layers
        self.n_cells = n_cells
        self.frame_pooling = frame_pooling
        self.dropout = dropout
        self.threshold = threshold
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.device = device
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    def _build_module(self, n_features: int, n_classes: int) -> ClipTagger:
        return ClipTagger(None, self._build_head(n_features, n_classes))


class CRNNTagger(ClipClassifier):
    """The paper's end-to-end baseline (section 4.4), on log-mel features.

    Three convolutional layers as in ``TripletEmbedder``, one layer of bidirectional
    gated recurrent units, a linear layer per frame and the mean over the valid frames
    of a clip. Learns from labeled clips only.

    Parameters
    ----------
    n_components : int, default=64
        Filters of the convolutional layers.
    n_layers : int, default=1
        Recurrent layers.
    n_cells : int, default=64
        Cells per layer and direction.
    frame_pooling : int, default=4
        Frames that are averaged into one between the convolutional and the recurrent
        layers; 1 is the paper's.
    dropout : float, default=0.0
        Before, between and after the recurrent layers, in [0, 1).
    threshold, max_epochs, lr, batch_size, optimizer, device, validation_fraction, \
            patience, callbacks, verbose, random_state
        As in ``SequenceTagger``.

    Attributes
    ----------
    classes_, net_, multilabel_, n_features_in_, n_iter_
        As in ``SequenceTagger``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_triplet import CRNNTagger
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(4, 64, 50)).astype("float32")
    >>> y = np.array([[0, 1], [1, 1], [0, 0], [-1, -1]])
    >>> tagger = CRNNTagger(max_epochs=1, random_state=0).fit(X, y)
    >>> tagger.predict(X).shape
    (4, 2)
    """

    def __init__(
        self,
        *,
        n_components: int = 64,
        n_layers: int = 1,
        n_cells: int = 64,
        frame_pooling: int = 4,
        dropout: float = 0.0,
        threshold: float | ArrayLike = 0.5,
        max_epochs: int = 50,
        lr: float = 1e-3,
        batch_size: int = 16,
        optimizer: Optimizer = torch.optim.Adam,
        device: Device = "cpu",
        validation_fraction: float | None = None,
        patience: int = 10,
        callbacks: Sequence[Callback] | None = None,
        verbose: int = 0,
        random_state: RandomState = None,
    ) -> None:
        self.n_components = n_components
        self.n_layers = n_layers
        self.n_cells = n_cells
        self.frame_pooling = frame_pooling
        self.dropout = dropout
        self.threshold = threshold
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.device = device
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    def _build_module(self, n_features: int, n_classes: int) -> ClipTagger:
        encoder = ConvEncoder(n_features, self.n_components)
        return ClipTagger(encoder, self._build_head(self.n_components, n_classes))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number(self, "n_components", numbers.Integral, 1)
