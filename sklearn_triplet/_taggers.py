"""SequenceTagger and CRNNTagger: clips (n_clips, n_features, n_frames) in, tags out."""

from __future__ import annotations

import numbers
import os
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch.nn import functional

from sklearn_triplet._events import find_events
from sklearn_triplet._input.clips import Clips, check_clips
from sklearn_triplet._input.labels import (
    Labels,
    as_label_array,
    check_labels,
    mark_unread,
)
from sklearn_triplet._input.parameters import (
    LARGEST_DEPTH,
    LARGEST_WIDTH,
    check_choice,
    check_number,
    is_inside,
)
from sklearn_triplet._input.progress import show_progress
from sklearn_triplet._input.random import draw_seeds
from sklearn_triplet._input.rows import (
    find_scored_rows,
    find_unreadable_rows,
    leave_out_unreadable,
    restrict,
    take_labels,
)
from sklearn_triplet._input.types import (
    ClipsLike,
    Device,
    IntArray,
    LabelsLike,
    Optimizer,
    RandomState,
)
from sklearn_triplet._input.warn import warn
from sklearn_triplet._model_selection.thresholds import DEFAULT, tune_thresholds
from sklearn_triplet._training.encoding import (
    ONE_PASS,
    build_encoder,
    count_components,
    encode_clip,
    prepare_forks,
)
from sklearn_triplet._training.estimator import ClipsEstimator
from sklearn_triplet._training.networks import (
    ClipTagger,
    FrameEncoder,
    RecurrentHead,
    average_frames,
)
from sklearn_triplet._training.tagging import (
    ClipBatches,
    TaggingData,
    TagLoss,
    pad_clips,
)

POOLINGS = "mean", "linear_softmax", "exponential_softmax", "attention"
PREDICT_BATCH = 32  # clips that are tagged together
PREDICT_FRAMES = 2**15  # encoded together: of 32 clips of a minute it would be 7 GB
N_FOLDS = 3  # to choose thresholds on; 5 and 10 were no better


class ClipClassifier(ClassifierMixin, ClipsEstimator):
    """A classifier of clips but for its network: what y may be, and what is predicted.

    Subclasses write the steps of the fit that are marked in ``ClipsEstimator``, and the
    logits of clips and of frames.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, without -1.
    multilabel_ : bool
        Whether y was an indicator.
    thresholds_ : ndarray of shape (n_classes,)
        What was chosen or given for each class; only where y was an indicator.
    """

    threshold: float | ArrayLike | Literal["auto"]
    unknown_weight: float

    classes_: np.ndarray
    multilabel_: bool
    thresholds_: NDArray[np.float64]

    def predict_proba(
        self, X: ClipsLike, *, frames: bool = False
    ) -> NDArray[np.float32]:
        """Return the probability of each class in each clip, or in each frame.

        Parameters
        ----------
        X : as in ``fit``
        frames : bool, default=False
            Whether to return what ``predict_frames`` does. A Pipeline passes it on:
            ``pipe.predict_proba(X, frames=True)``.

        Returns
        -------
        probabilities : ndarray of shape (n_clips, n_classes), or (n_clips, n_classes, \
                n_frames), float32
            Sums over classes are 1 for single labels; each is independent for
            multi-label. NaN where a clip could not be read.
        """
        # a keyword, since a Pipeline hands on keywords of predict_proba, and no method
        # that scikit-learn does not know
        if frames:
            return self.predict_frames(X)
        clips, rows = self._read(X)
        probabilities = np.full((len(clips), len(self.classes_)), np.nan, np.float32)
        if len(rows):
            logits = self._clip_logits(clips.take(rows))
            probabilities[rows] = self._to_probabilities(logits).numpy()
        return probabilities

    def predict(
        self, X: ClipsLike, *, events: bool = False, **settings: Any
    ) -> np.ndarray:
        """Return the tags of each clip, or the events in all of them.

        Parameters
        ----------
        X : as in ``fit``
        events : bool, default=False
            Whether to return what ``predict_events(X, **settings)`` does. A Pipeline
            passes it on: ``pipe.predict(paths, events=True, clips=paths)``.
        **settings : dict
            Of ``predict_events``.

        Returns
        -------
        tags : ndarray of shape (n_clips,) or (n_clips, n_classes), or (n_events,)
            The most probable class, or for multi-label 1 where the probability is
            at least ``threshold``, or ``thresholds_`` where that is ``"auto"``. -1
            where a clip could not be read. With ``events`` a structured array.

        Raises
        ------
        TypeError
            Where there are settings of events that are not asked for.
        """
        if events:
            return self.predict_events(X, **settings)
        if settings:
            raise TypeError(
                f"predict of {type(self).__name__} was given {sorted(settings)}, which "
                "are settings of events. Give events=True as well, or leave them out."
            )
        probabilities = self.predict_proba(X)
        # argmax of NaN is class 0 without a word, so these are overwritten below
        missing = np.asarray(np.isnan(probabilities).all(axis=1))
        if self.multilabel_:
            tags = (probabilities >= np.asarray(self._known_threshold())).astype(int)
        else:
            tags = self.classes_[probabilities.argmax(axis=1)]
        return mark_unread(tags, missing)

    def predict_frames(self, X: ClipsLike) -> NDArray[np.float32]:
        """Return the probability of each class in each frame.

        Parameters
        ----------
        X : as in ``fit``

        Returns
        -------
        probabilities : ndarray of shape (n_clips, n_classes, n_frames), float32
            NaN where a clip is shorter than the longest, or could not be read.
        """
        clips, rows = self._read(X)
        n_frames = max(int(clips.lengths.max()), 1)
        shape = len(clips), len(self.classes_), n_frames
        frames = np.full(shape, np.nan, np.float32)
        if len(rows):
            targets = [frames[row, :, : clips.lengths[row]] for row in rows]
            self._write_frame_logits(clips.take(rows), targets)
            self._to_probabilities_in_place(frames)
        return frames

    def predict_events(
        self,
        X: ClipsLike,
        *,
        classes: ArrayLike | None = None,
        threshold: float | ArrayLike | None = None,
        **settings: Any,
    ) -> np.ndarray:
        """Return when each class sounds: onset, offset, label and score of every event.

        Parameters
        ----------
        X : as in ``fit``
        classes : array-like of shape (n_classes,), default=None
            The labels of events, such as the names of an indicator's columns. ``None``:
            ``classes_``, which are the numbers of these columns. A single one, where y
            was 0 and 1, names what is meant by 1: absence is no event.
        threshold : float or array-like of shape (n_classes,), default=None
            The least probability of the surest frame of an event, in (0, 1). ``None``:
            for multi-label that of ``predict``, and for single labels 0.5.
        **settings : dict
            ``clips``, the recordings or ``(path, onset, offset)`` that the rows of X
            tell of; ``frame_duration``, the seconds of a frame of X (default 0.01);
            ``low_threshold``, ``median_duration``, ``min_duration`` and ``min_gap``:
            all as in ``find_events``.

        Returns
        -------
        events : ndarray of shape (n_events,)
            A structured array with the fields ``filename`` (without ``clips`` instead
            ``row``), ``onset``, ``offset``, ``event_label`` and ``score``, as
            ``find_events`` describes it. None in clips that could not be read.

        See Also
        --------
        find_events : The same from probabilities of frames, to try other settings
            without tagging anew.

        Notes
        -----
        A tagger of single labels knows no silence: the probabilities of a frame sum to
        1, whatever is to be heard. At 0.5 nearly all of a recording is an event of
        some class. Give it a class of background and leave that out of the events, or
        better learn from an indicator, in which a row of zeros is background.
        """
        check_is_fitted(self)
        if threshold is None:
            threshold = self._known_threshold() if self.multilabel_ else 0.5
        labels = self.classes_ if classes is None else classes
        frames = self.predict_frames(X)
        # a column of one class is read as two labels, as all over scikit-learn
        is_binary = not self.multilabel_ and self.classes_.tolist() == [0, 1]
        if is_binary and np.shape(labels) == (1,):
            frames = frames[:, 1:]
        return find_events(frames, labels, threshold=threshold, **settings)

    def score(
        self, X: ClipsLike, y: LabelsLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the accuracy on the labeled clips, of which there must be one.

        Parameters
        ----------
        X, y : as in ``fit``
            For an indicator, a clip counts where every class is right.
        sample_weight : array-like of shape (n_clips,), default=None
            Weights of the clips, labeled or not.

        Returns
        -------
        score : float
        """
        check_is_fitted(self)
        labels = as_label_array(y)
        name = type(self).__name__
        rows = find_scored_rows(X, labels, self.classes_, name)
        # what could not be read has no tag that could be right or wrong
        unreadable = find_unreadable_rows(X)
        rows = leave_out_unreadable(unreadable, rows, name, "They are not scored.")
        weights = {"sample_weight": sample_weight}
        clips, weights = restrict(X, weights, rows, len(labels))
        return super().score(clips, take_labels(labels, rows), **weights)

    # --- what a tagger writes itself

    @abstractmethod
    def _clip_logits(self, clips: Clips) -> torch.Tensor:
        """Return logits (n_clips, n_classes) of readable clips."""

    @abstractmethod
    def _write_frame_logits(
        self, clips: Clips, targets: Sequence[NDArray[np.float32]]
    ) -> None:
        """Write the logits of each frame of readable clips.

        Parameters
        ----------
        clips : Clips
        targets : sequence of ndarray of shape (n_classes, n_frames_i), float32
            One per clip: views of the array that ``predict_frames`` returns, since a
            copy of hours of frames may not fit beside it.
        """

    # --- what all of them share

    def _fit(
        self, X: ClipsLike, y: LabelsLike | None, *, goes_on: bool = False
    ) -> Self:
        """Fit, and choose the thresholds of several labels a clip."""
        super()._fit(X, y, goes_on=goes_on)
        if self.multilabel_:
            assert y is not None
            self.thresholds_ = self._find_thresholds(X, y)
        return self

    def _known_threshold(self) -> float | ArrayLike:
        """Return the threshold as it is set now, or as it was found in the fit."""
        # a number may be set after the fit, as probabilities stay what they are
        if isinstance(self.threshold, str):
            return self.thresholds_
        return self.threshold

    def _find_thresholds(self, X: ClipsLike, y: LabelsLike) -> NDArray[np.float64]:
        """Return what was given for each class, or choose it on held-out clips."""
        if not isinstance(self.threshold, str):
            given = np.asarray(self.threshold, dtype=np.float64)
            return np.broadcast_to(given, self.classes_.shape).copy()
        # views: of an array, and of a memory map above all, rows would be copied
        if isinstance(X, np.ndarray) and X.ndim == 3:
            X = list(X)
        return tune_thresholds(
            clone(self).set_params(threshold=DEFAULT),
            X,
            y,
            N_FOLDS,
            type(self).__name__,
            random_state=draw_seeds(self.random_state, 1)[0],
        )

    def _read_labels(self, y: LabelsLike | None, n_clips: int) -> Labels:
        """Read y, and refuse one of which no class can be learned."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None. Give one label per clip, -1 where unlabeled."
            )
        labels = check_labels(y, n_clips, type(self).__name__, binary=True)
        self._check_enough(labels)
        self._check_threshold(labels)
        if labels.multilabel and not self.unknown_weight:
            self._warn_of_no_negative(labels)
        return labels

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

    def _warn_of_no_negative(self, labels: Labels) -> None:
        """Name classes of which nothing but presence and silence is written down."""
        unheard = labels.unheard.any(axis=0)
        absent = (~labels.present & ~labels.unknown).any(axis=0)
        everywhere = labels.classes[labels.present.any(axis=0) & ~absent & unheard]
        if len(everywhere):
            warn(
                f"y has 1 and -1 in {len(everywhere)} of {len(labels.classes)} classes "
                f"of {type(self).__name__}, {everywhere.tolist()}, and no clip that is "
                "known to be without them: nothing tells what they are not. Set "
                "unknown_weight, such as 0.05, or mark clips without them by 0."
            )

    def _check_threshold(self, labels: Labels) -> None:
        """Refuse a threshold that no probability crosses, or for other classes."""
        name = type(self).__name__
        n_labeled = int(labels.labeled.sum())
        if isinstance(self.threshold, str) and self.threshold == "auto":
            if labels.multilabel and n_labeled < N_FOLDS:
                raise ValueError(
                    f"The threshold='auto' of {name} holds labeled clips out in "
                    f"{N_FOLDS} folds, but y labels only {n_labeled}. Label more, or "
                    "give a number."
                )
        else:
            self._check_numbers(labels)
        if not labels.multilabel:
            self._warn_ignored("threshold", "where each clip has a single label")
            self._warn_ignored("unknown_weight", "where each clip has a single label")

    def _check_numbers(self, labels: Labels) -> None:
        """Refuse thresholds that are no numbers for the classes."""
        name, shape = type(self).__name__, np.shape(self.threshold)
        if shape not in ((), (len(labels.classes),)):
            raise ValueError(
                f"The 'threshold' parameter of {name} must be a number or one number "
                f"per class ({len(labels.classes)}). Got shape {shape}."
            )
        # as objects: numpy would turn [0.5, "a"] into text, and True into 1.0
        values = np.asarray(self.threshold, dtype=object).ravel()
        if not all(is_inside(v, numbers.Real, 0, 1, "open", "open") for v in values):
            raise ValueError(
                f"The 'threshold' parameter of {name} must lie in (0, 1), as the "
                f"probabilities do, or be 'auto'. Got {self.threshold!r} instead."
            )

    def _read(self, X: ClipsLike) -> tuple[Clips, IntArray]:
        """Return the clips, and the rows of those that could be read."""
        check_is_fitted(self)
        clips = check_clips(self, X, reset=False)
        return clips, clips.find_readable(type(self).__name__)

    def _to_probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the probabilities of logits, of which axis 1 is that of classes."""
        return logits.sigmoid() if self.multilabel_ else logits.softmax(dim=1)

    def _to_probabilities_in_place(self, frames: NDArray[np.float32]) -> None:
        """Turn logits (n_clips, n_classes, n_frames) into probabilities; NaN stay."""
        logits = torch.from_numpy(frames)
        if self.multilabel_:
            logits.sigmoid_()
            return
        for begin in range(0, frames.shape[2], ONE_PASS):
            # clip by clip, so that there is no second array of all of them
            for part in logits[:, :, begin : begin + ONE_PASS].split(1):
                part.copy_(part.softmax(dim=1))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.classifier_tags.multi_label = True
        tags.target_tags.two_d_labels = True
        return tags


class SequenceTagger(ClipClassifier):
    r"""Recurrent classifier of clips, as in section 4.4 of the paper.

    Layers of bidirectional gated recurrent units, a linear layer per frame and the mean
    (or another pooling) over the valid frames of a clip; cross-entropy for single
    labels and binary cross-entropy for multi-label. Learns from labeled clips only.

    Behind a ``TripletEmbedder`` it is the paper's classifier; with ``encoder="conv"``
    it learns its own embedding from log-mels, end to end.

    Parameters
    ----------
    encoder : {None, "conv", "deep"} or callable, default=None
        What stands before the recurrent layers and is trained with them. ``None``:
        nothing, the clips are embedded already. Others: as in ``TripletEmbedder``.
    n_components : int, default=64
        Components of the encoder, per frame. None of its business where ``encoder``
        is ``None``.
    n_layers : int, default=2
        Recurrent layers.
    n_cells : int, default=64
        Cells per layer and direction.
    frame_pooling : int, default=4
        Frames that are averaged into one before the recurrent layers: four times as
        fast as 1, the paper's, and as good on real recordings.
    pooling : {"mean", "linear_softmax", "exponential_softmax", "attention"}
        How the frames of a clip become one answer. ``"mean"``, the default and the
        paper's, averages logits; the others are weighted means of probabilities
        [2]_, see Notes. For events in time choose ``"linear_softmax"`` or
        ``"attention"``.
    dropout : float, default=0.0
        Before, between and after the recurrent layers, in [0, 1).
    threshold : float, array-like of shape (n_classes,) or "auto", default=0.5
        A multi-label class is predicted from this probability on, in (0, 1).
        ``"auto"``: from one per class that is chosen, as in ``TunedThresholds``, on
        labeled clips that three more fits have not seen: four times as long in all.
    unknown_weight : float, default=0.0
        With which unknown entries of labeled multi-label clips count as negatives in
        the loss, in [0, 1]; at 0 they are left out. For tables that tell only what was
        heard: 0.05 to 0.1. Clips without any label are left out in any case.
    max_epochs : int, default=50
        Epochs; at the most if ``validation_fraction`` is given. 0: random weights.
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
    patience : int, default=5
        See ``validation_fraction``.
    callbacks : list of skorch callbacks, default=None
        Checkpoints, progress bars, schedules. They are cloned.
    checkpoint : str or path-like, default=None
        A folder, in which the fit keeps its state after epochs. One that was killed
        goes on from there when ``fit`` is called again, to the very result of an
        uninterrupted one; see the user guide, "A fit that is killed".
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
    thresholds_ : ndarray of shape (n_classes,)
        What ``threshold`` was in ``fit``, or what was chosen; for multi-label only.
    scaler_ : FrameScaler
        Mean and standard deviation per feature over the labeled frames.
    n_features_in_ : int
        Components per frame.
    n_iter_ : int
        Epochs that were run.

    See Also
    --------
    CRNNTagger : The paper's end-to-end baseline, ``encoder="conv", n_layers=1``.
    LabeledOnly : Any classifier of scikit-learn, on the embedding of whole clips: with
        few labels mostly better, and far faster.

    Notes
    -----
    Frame probabilities are those of the linear layer before the pooling. They are
    learned from the labels of whole clips. With ``pooling="mean"`` all frames of a clip
    learn its label, so they tell what the tagger listens to, not where an event begins.
    With ``"linear_softmax"`` the clip is :math:`\sum_t p_t^2 / \sum_t p_t`: a frame
    that is sure learns to be surer and others to be silent, which tells when. In
    ``"exponential_softmax"`` frames weigh :math:`\exp p_t`, in ``"attention"`` what a
    second linear layer says, divided by the sum over frames. For single labels, what
    is pooled is divided by its sum over classes.

    Where a table tells only what was heard, nothing in it says what a class is not, and
    with ``unknown_weight=0`` every clip would get all classes: a warning names them. On
    soundscapes of ESC-10 with half of the positives of 158 clips known and no negative
    (three seeds), this tagger, on log-mels of 0.2 s and in 20 epochs, and logistic
    regression of pooled log-mels, weighted alike, reach

    ==============  ====  ====  ====  ====  ====  ====  =========
    weight          0     .01   .05   .1    .3    1     all known
    ==============  ====  ====  ====  ====  ====  ====  =========
    tagger, mAP     .225  .236  .251  .262  .266  .234  .300
    tagger, F1      .310  .310  .312  .317  .181  .007  .045
    logistic, mAP   .184  .364  .348  .346  .345  .347  .389
    logistic, F1    .311  .385  .365  .345  .308  .267  .368
    ==============  ====  ====  ====  ====  ====  ====  =========

    with macro F1 at 0.5; .31 is what calling every class everywhere gives.

    Clips of more than 8192 frames are read and tagged in pieces. The recurrent layers
    look at all that was and all that comes, so each direction hands its state from
    piece to piece: the tags are those of one pass but for rounding, in two to four
    times its time in these layers. What goes into them is kept meanwhile, 23 MB an hour
    for 64 components and 25 steps a second.

    Clips of which all frames are NaN, as ``LogMel(errors="warn")`` returns them for
    files that cannot be read, are not learned from; their probabilities are NaN and
    their tag is -1. A warning counts them.

    References
    ----------
    .. [1] N. Turpault, R. Serizel and E. Vincent, "Semi-supervised triplet loss based
       learning of ambient audio embeddings", ICASSP 2019,
       https://hal.science/hal-02025824.
    .. [2] Y. Wang, J. Li and F. Metze, "A comparison of five multiple instance learning
       pooling functions for sound event detection with weak labeling", ICASSP 2019.

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

    When each class sounds, in seconds:

    >>> events = tagger.predict_events(X[:2])
    >>> events[["row", "onset", "offset", "event_label"]].tolist()
    [(0, 0.0, 0.2, 'dog'), (1, 0.0, 0.2, 'dog')]
    """

    def __init__(
        self,
        encoder: Literal["conv", "deep"] | Callable[..., torch.nn.Module] | None = None,
        *,
        n_components: int = 64,
        n_layers: int = 2,
        n_cells: int = 64,
        frame_pooling: int = 4,
        pooling: Literal[
            "mean", "linear_softmax", "exponential_softmax", "attention"
        ] = "mean",
        dropout: float = 0.0,
        threshold: float | ArrayLike | Literal["auto"] = 0.5,
        unknown_weight: float = 0.0,
        max_epochs: int = 50,
        lr: float = 1e-3,
        batch_size: int = 16,
        optimizer: Optimizer = torch.optim.Adam,
        device: Device = "cpu",
        validation_fraction: float | None = None,
        patience: int = 5,
        callbacks: Sequence[Callback] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        verbose: int = 0,
        random_state: RandomState = None,
    ) -> None:
        self.encoder = encoder
        self.n_components = n_components
        self.n_layers = n_layers
        self.n_cells = n_cells
        self.frame_pooling = frame_pooling
        self.pooling = pooling
        self.dropout = dropout
        self.threshold = threshold
        self.unknown_weight = unknown_weight
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.device = device
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.verbose = verbose
        self.random_state = random_state

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
            classes, of which ``unknown_weight`` says what they count.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            Where a parameter, a clip or a label is not as described above, no clip is
            labeled or only one class is, the first epoch diverges, or what
            ``checkpoint`` holds is damaged or of another version.
        OSError
            Where ``checkpoint`` cannot be written to.

        Warns
        -----
        UserWarning
            Where clips could not be read, a parameter has no effect, a later epoch
            diverged or the loss rose, all clips get one answer, or ``checkpoint`` holds
            other unfinished fits.
        """
        return self._fit(X, y)

    # --- the steps of the fit that are its own, in their order

    # validation clips come in the order given, so they need no seed
    _seed_names: ClassVar[tuple[str, ...]] = ("split", "data", "torch")
    _batches: ClassVar[Callable[..., Iterable[object]]] = ClipBatches

    def _check_parameters(self) -> None:
        """Refuse what cannot be trained with; ``threshold`` waits for the classes."""
        for name in ("n_components", "n_cells", "frame_pooling"):
            check_number(self, name, numbers.Integral, 1, most=LARGEST_WIDTH)
        check_number(self, "n_layers", numbers.Integral, 1, most=LARGEST_DEPTH)
        check_number(self, "batch_size", numbers.Integral, 1)
        check_number(self, "dropout", numbers.Real, 0, 1, right="open")
        check_number(self, "unknown_weight", numbers.Real, 0, 1)
        check_choice(self, "pooling", POOLINGS)
        self._check_loop()
        self._check_stopping()
        if self.encoder is None:
            self._warn_ignored("n_components", "without an encoder")
        self._check_encoder([None, "conv", "deep"])

    def _select(self, clips: Clips, labels: Labels) -> tuple[Clips, Labels]:
        """Return the labeled clips that could be read; the rest has no influence."""
        rows = np.flatnonzero(labels.labeled)
        return super()._select(clips.take(rows), labels.take(rows))

    def _begin(self, clips: Clips, labels: Labels, goes_on: bool) -> None:
        """Set what prediction has to know."""
        if not len(clips):
            raise ValueError(
                f"{type(self).__name__} learns from labeled clips, but none of them "
                "could be read: they hold only NaN. Label some that can be read."
            )
        self.classes_ = labels.classes
        self.multilabel_ = labels.multilabel

    def _check_split(self, labels: Labels, train: IntArray, valid: IntArray) -> None:
        """Refuse a split with an empty side."""
        if not len(train) or not len(valid):
            raise ValueError(
                f"The 'validation_fraction' parameter of {type(self).__name__} leaves "
                f"{len(train)} labeled clips to train and {len(valid)} to validate. "
                f"Got {self.validation_fraction!r}: change it, or label more clips."
            )

    def _make_data(
        self,
        clips: Clips,
        labels: Labels,
        rows: IntArray,
        seeds: dict[str, int],
        validates: bool = False,
    ) -> TaggingData:
        """Return some clips and their labels, standardised when a batch is taken."""
        seed = None if validates else seeds["data"]
        return TaggingData(clips.take(rows), labels.take(rows), self.scaler_, seed)

    def _make_module(self, clips: Clips, previous: NeuralNet | None) -> ClipTagger:
        """Return the encoder, if there is one, and the recurrent layers behind it."""
        encoder, n_features = None, clips.n_features
        if self.encoder is not None:
            owner = type(self).__name__
            encoder = FrameEncoder(
                build_encoder(
                    self.encoder,
                    n_features,
                    int(self.n_components),
                    flat=clips.flat,
                    owner=owner,
                )
            )
            # an encoder of the user's may return any number
            n_features = count_components(encoder, n_features, owner)
        head = RecurrentHead(
            n_features,
            # attention learns beside each logit how much a step counts
            len(self.classes_) * (2 if self.pooling == "attention" else 1),
            int(self.n_layers),
            int(self.n_cells),
            float(self.dropout),
            int(self.frame_pooling),
        )
        return ClipTagger(encoder, head, self.pooling, self.multilabel_)

    def _make_criterion(self) -> TagLoss:
        """Return the cross-entropy for the kind of y."""
        return TagLoss(self.multilabel_, self.unknown_weight)

    def _answer(self, clips: Clips) -> np.ndarray:
        """Return the probabilities of clips."""
        return self._to_probabilities(self._clip_logits(clips)).numpy()

    # --- what prediction is made of

    def _clip_logits(self, clips: Clips) -> torch.Tensor:
        """Pool the steps of each clip."""
        pooled = torch.zeros(len(clips), len(self.classes_))
        for rows, outputs, steps in self._tag_steps(clips):
            pooled[rows] = self.net_.module_.pool(outputs, steps)
        return pooled

    def _write_frame_logits(
        self, clips: Clips, targets: Sequence[NDArray[np.float32]]
    ) -> None:
        """Write the logits of its step for each frame."""
        per_step = self._frames_per_step()
        for rows, outputs, _ in self._tag_steps(clips):
            logits = self.net_.module_.read_logits(outputs)
            for row, tagged in zip(rows, logits.numpy(), strict=True):
                for part in range(per_step):
                    # a step stands for the frames that were averaged into it
                    frames = targets[row][:, part::per_step]
                    frames[:] = tagged[:, : frames.shape[1]]

    def _tag_steps(
        self, clips: Clips
    ) -> Iterator[tuple[IntArray, torch.Tensor, torch.Tensor]]:
        """Tag every step of readable clips, in batches.

        Parameters
        ----------
        clips : Clips

        Yields
        ------
        rows : ndarray of shape (n,), int
        outputs : tensor of shape (n, n_outputs, n_steps)
            What ``ClipTagger.tag_steps`` returns; 0 beyond the end of a clip.
        steps : tensor of shape (n,), int64
            Valid steps, of ``frame_pooling`` frames each.
        """
        per_step = self._frames_per_step()
        n_steps = -(-clips.lengths // per_step)
        is_long = clips.lengths > ONE_PASS
        # all of one length, since a sum rounds by how many zeros it runs over
        width = int(n_steps[~is_long].max(initial=0))
        has_encoder = self.net_.module_.encoder is not None
        for rows in show_progress(
            list(_batch_by_length(clips.lengths, bounded=has_encoder)),
            "Tagging",
            unit="batch",
            verbose=self.verbose,
        ):
            with torch.inference_mode():
                if is_long[rows[0]]:
                    outputs = self._tag_long(clips, rows[0])[None]
                else:
                    tagged = self._tag_batch(clips.take(rows))
                    outputs = functional.pad(tagged, (0, width - tagged.shape[2]))
                    # that of the longest clip is returned as it is, axes swapped
                    outputs = outputs.contiguous()
            yield rows, outputs, torch.from_numpy(n_steps[rows])

    def _tag_batch(self, clips: Clips) -> torch.Tensor:
        """Return the outputs (n, n_outputs, n_steps) of clips that share a batch."""
        prepare_forks()
        # evaluation mode: neither dropout nor the statistics of a batch
        module, device = self.net_.module_.eval(), self.net_.device
        batch = pad_clips(clips, self.scaler_)
        outputs, _ = module.tag_steps(
            batch["X"].to(device), batch["lengths"].to(device)
        )
        return outputs.cpu()

    def _tag_long(self, clips: Clips, row: int) -> torch.Tensor:
        """Return the outputs (n_outputs, n_steps) of a clip that is read in parts.

        What goes into the recurrent layers is kept as a whole, 23 MB an hour for 64
        components and 25 steps a second: it is needed in both directions.
        """
        module, device = self.net_.module_.eval(), self.net_.device
        per_step = self._frames_per_step()
        n_steps = -(-int(clips.lengths[row]) // per_step)
        steps, begin = torch.empty(0, 0), 0
        for part in encode_clip(
            module.encoder, clips, row, self.scaler_, device, per_step
        ):
            frames = torch.from_numpy(np.ascontiguousarray(part))[None]
            length = torch.tensor([frames.shape[2]])
            averaged = average_frames(frames, length, per_step)[0][0]
            if not begin:
                # filled in place: a list of parts would be a second copy when joined
                steps = torch.empty(len(averaged), n_steps)
            end = begin + averaged.shape[1]
            steps[:, begin:end] = averaged
            begin = end
        return module.head.tag_long(steps.to(device)).cpu()

    def _frames_per_step(self) -> int:
        """Return what the net was built with: the parameter may be another by now."""
        return self.net_.module_.head.frame_pooling


def _batch_by_length(lengths: IntArray, *, bounded: bool) -> Iterator[IntArray]:
    """Put clips of similar length together.

    Parameters
    ----------
    lengths : ndarray of shape (n_clips,), int
    bounded : bool
        Whether a batch has at most ``PREDICT_FRAMES`` frames, padding counted.

    Yields
    ------
    rows : ndarray of int
        At most ``PREDICT_BATCH`` clips. One of more than ``ONE_PASS`` frames is alone.
    """
    # neighbours in length share a batch, so that little of it is padding
    order = np.argsort(lengths, kind="stable")
    begin = 0
    for end in range(1, len(order) + 1):
        n = end + 1 - begin
        is_last = end == len(order)
        if not is_last and n <= PREDICT_BATCH:
            longest = lengths[order[end]]
            fits = not bounded or n * longest <= PREDICT_FRAMES
            if longest <= ONE_PASS and fits:
                continue
        yield order[begin:end]
        begin = end


class CRNNTagger(SequenceTagger):
    """The paper's end-to-end baseline (section 4.4), on log-mel features.

    A ``SequenceTagger`` with the defaults ``encoder="conv"`` and ``n_layers=1``: three
    convolutional layers as in ``TripletEmbedder``, one layer of bidirectional gated
    recurrent units, a linear layer per frame and the mean over the valid frames of a
    clip. Learns from labeled clips only.

    Parameters
    ----------
    encoder : {"conv", "deep", None} or callable, default="conv"
        As in ``SequenceTagger``, as all that follows.
    n_components : int, default=64
        Filters of the convolutional layers.
    n_layers : int, default=1
        Recurrent layers.
    n_cells, frame_pooling : int, default=64 and 4
        As in ``SequenceTagger``.
    pooling : str, default="mean"
        As in ``SequenceTagger``; the mean is the paper's.
    dropout, threshold, unknown_weight : float, default=0, 0.5 and 0
        As in ``SequenceTagger``.
    max_epochs, lr, batch_size : default=50, 0.001 and 16
        As in ``SequenceTagger``.
    optimizer, device : default=torch.optim.Adam and "cpu"
        As in ``SequenceTagger``.
    validation_fraction, patience, callbacks : default=None, 5 and None
        As in ``SequenceTagger``.
    checkpoint : str or path-like, default=None
        As in ``SequenceTagger``.
    verbose, random_state : int, default=0 and None
        As in ``SequenceTagger``.

    Attributes
    ----------
    classes_, net_, multilabel_, thresholds_, scaler_, n_features_in_, n_iter_
        As in ``SequenceTagger``.

    See Also
    --------
    SequenceTagger : The same on clips that are embedded already.

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

    # scikit-learn reads the names of parameters from this signature
    def __init__(
        self,
        encoder: Literal["conv", "deep"]
        | Callable[..., torch.nn.Module]
        | None = "conv",
        *,
        n_components: int = 64,
        n_layers: int = 1,
        n_cells: int = 64,
        frame_pooling: int = 4,
        pooling: Literal[
            "mean", "linear_softmax", "exponential_softmax", "attention"
        ] = "mean",
        dropout: float = 0.0,
        threshold: float | ArrayLike | Literal["auto"] = 0.5,
        unknown_weight: float = 0.0,
        max_epochs: int = 50,
        lr: float = 1e-3,
        batch_size: int = 16,
        optimizer: Optimizer = torch.optim.Adam,
        device: Device = "cpu",
        validation_fraction: float | None = None,
        patience: int = 5,
        callbacks: Sequence[Callback] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        verbose: int = 0,
        random_state: RandomState = None,
    ) -> None:
        super().__init__(
            encoder,
            n_components=n_components,
            n_layers=n_layers,
            n_cells=n_cells,
            frame_pooling=frame_pooling,
            pooling=pooling,
            dropout=dropout,
            threshold=threshold,
            unknown_weight=unknown_weight,
            max_epochs=max_epochs,
            lr=lr,
            batch_size=batch_size,
            optimizer=optimizer,
            device=device,
            validation_fraction=validation_fraction,
            patience=patience,
            callbacks=callbacks,
            checkpoint=checkpoint,
            verbose=verbose,
            random_state=random_state,
        )
