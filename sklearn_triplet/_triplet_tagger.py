"""TripletTagger: clips (n_clips, n_features, n_frames), few labeled, in; tags out."""

from __future__ import annotations

import functools
import numbers
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.utils import Tags
from skorch import NeuralNet
from skorch.callbacks import Callback, LRScheduler
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from sklearn_triplet._input.clips import Clips, FrameScaler
from sklearn_triplet._input.labels import Labels
from sklearn_triplet._input.parameters import (
    LARGEST_WIDTH,
    check_choice,
    check_number,
)
from sklearn_triplet._input.progress import show_progress
from sklearn_triplet._input.types import (
    ClipsLike,
    Device,
    IntArray,
    LabelsLike,
    Optimizer,
    RandomState,
)
from sklearn_triplet._sampling.augmentations import (
    Chain,
    EnergyMixing,
    Equalizer,
    FeatureDropout,
    FrequencyMask,
    FrequencyShift,
    Gain,
    NeighborMixing,
    RandomCrop,
    RandomNoise,
    TimeMask,
)
from sklearn_triplet._sampling.pseudo_labels import (
    estimate_prior,
    find_first_epoch,
    spread_labels,
)
from sklearn_triplet._sampling.segments import SegmentedClips
from sklearn_triplet._sampling.transforms import Transformation
from sklearn_triplet._taggers import ClipClassifier
from sklearn_triplet._training.encoding import (
    EncoderLike,
    build_encoder,
    count_components,
    encode_clips,
    take_single,
)
from sklearn_triplet._training.estimator import EmbedsClips
from sklearn_triplet._training.networks import FrameEncoder, Precision
from sklearn_triplet._training.pseudo_labeling import GuessesClips
from sklearn_triplet._training.state import StatefulData
from sklearn_triplet._training.tag_triplets import (
    CropBatches,
    CropData,
    RunningPool,
    Tagged,
    TaggingEncoder,
    TagTripletLoss,
    Teacher,
    encode_whole,
)

LOOKED_AT = 50  # clips by which it is told whether features are bands
LIMIT = 2.0  # deviations beyond which a feature that is no band says no more
WARM_UP = 10  # steps until the learning rate is full


def has_bands(clips: Clips) -> bool:
    """Tell whether neighbouring features are neighbours, as the bands of a spectrum.

    The bands of a sound rise and fall with those beside them; the components of an
    embedding, or the columns of a table, are in no order.

    Parameters
    ----------
    clips : Clips

    Returns
    -------
    has_bands : bool
        Whether the mean correlation of neighbouring features, over the frames of some
        clips, is above a half.
    """
    if clips.flat or clips.n_features < 3:
        return False
    # from all over the training set, since neighbours may be of one class
    rows = np.linspace(0, len(clips) - 1, min(len(clips), LOOKED_AT)).astype(int)
    frames = np.concatenate([clips[i] for i in rows], axis=1).astype(float)
    frames -= frames.mean(axis=1, keepdims=True)
    scale = np.sqrt(np.square(frames).mean(axis=1))
    products = (frames[1:] * frames[:-1]).mean(axis=1)
    # a band that never sounds says nothing
    both = scale[1:] * scale[:-1]
    known = both > 0
    return bool(known.any() and (products[known] / both[known]).mean() > 0.5)


class TripletTagger(GuessesClips, EmbedsClips, ClipClassifier):
    r"""Classifier and embedding for a handful of labels and many unlabeled clips.

    One network learns to tag and to embed. Every crop of a clip is augmented; an
    unlabeled clip is its own class at first, and gets a pseudo-label when a slowly
    moving average of the network, the teacher, has learned enough to guess.

    Parameters
    ----------
    n_components : int, default=128
        Components of the encoder, per frame. A clip is twice as many numbers.
    encoder : {"auto", "conv", "deep", "dense"} or callable, default="auto"
        As in ``TripletEmbedder``; ``"auto"`` is deep where neighbouring features are
        bands of a spectrum, and dense for tables and for the frames of other models.
    frame_pooling : int or None, default=None
        Frames of X that are averaged into one before all else. ``None``: 2 where
        features are bands (20 ms at a hop of 10), else 1: frames of other models
        already stand for longer.
    segment_length : int or None, default=None
        Frames of X in a crop, at the most those of the longest clip. ``None``: 240, 2.4
        s at a hop of 10 ms; for several labels a clip 1000, since what a label says may
        be in any part of the clip.
    n_segments : int, default=1
        Crops of a clip that are pooled to one unit, k. More than 1 is for events that
        are short beside the clip: then a single crop often misses what the label says.
    pooling : {"statistics", "attention"}, default="statistics"
        How the frames of a clip become mean and deviation: all alike, or each by a
        weight that is learned.
    augmentation : {"auto"}, Transformation or None, default="auto"
        What happens to every crop. ``"auto"``: for bands, random crops and speeds,
        frequency shift, gain, equaliser, mixing, noise and masks, for several labels a
        clip without mixing and masks, which add or hide events; for other features
        noise and hidden features, and for rows of a table first a step towards one of
        their nearest neighbours.
    labeled_ratio : float or None, default=None
        Labeled units of a batch, in (0, 1]; balanced by class, and at least one.
        ``None``: 1/3, for several labels a clip 2/3, see Notes.
    n_views : int, default=2
        Crops of each unlabeled clip of a batch: each is a positive of the others,
        before anything is guessed.
    tag_weight, pseudo_weight, triplet_weight : float, default=1.0
        Of the cross-entropy, of its part on pseudo-labels, and of the triplets.
        ``pseudo_weight=0`` gives no pseudo-labels at all. With ``tag_weight=0`` the
        network embeds only, guesses come from the graph alone, and the head is that of
        ``refit_head``.
    temperature : float or None, default=0.15
        Of the softmax by which a positive is compared with all others of the batch,
        greater than 0: the smaller, the more the hardest negatives count. ``None``: the
        hinge of eq. (1), over all triplets of the batch.
    margin : float, default=0.5
        Delta of that hinge, between unit vectors.
    n_neighbors : int, default=5
        Of the graph that pseudo-labels are spread over.
    alpha : float, default=0.65
        What pseudo-labels take from neighbours, in [0, 1).
    guess_from : float or None, default=None
        Part of the epochs after which pseudo-labels begin, in [0, 1]. ``None``: 0.4
        where features are bands, else 0.2: features that mean something by themselves
        are soon guessed from.
    confidence_floor : float, default=0.0
        Probability below which a clip gets no pseudo-label, in [0, 1). Raise it where
        unlabeled clips may be of classes that no label has: at 0 each is forced into
        one that has.
    decay : float, default=0.95
        What the teacher keeps of itself in each step, in [0, 1).
    refit_head : bool, default=True
        Whether, at the end, the head is fitted once more on whole clips, labeled and
        pseudo-labeled.
    output : {"frames", "clip"}, default="frames"
        What ``transform`` returns.
    threshold : float, array-like of shape (n_classes,) or "auto", default=0.5
        A multi-label class is predicted from this probability on, in (0, 1).
        ``"auto"``: from one per class that is chosen, as in ``TunedThresholds``, on
        labeled clips that three more fits have not seen: four times as long in all.
    unknown_weight : float, default=0.0
        With which unknown entries of labeled multi-label clips count as negatives in
        the cross-entropy, in [0, 1]. At 0 they are guessed, like those of unlabeled
        clips; above 0, guesses and triplets take them for absent. For tables that tell
        only what was heard: 0.05 to 0.1, see ``SequenceTagger``. Clips without any
        label are guessed in any case.
    max_epochs : int, default=10
        Epochs of ``n_steps`` batches; pseudo-labels are renewed in each.
    n_steps : int, default=20
        Steps per epoch, whatever the number of clips.
    max_guessed : int, default=2000
        Unlabeled clips that the teacher looks at in an epoch, at the most; others each
        time. In the end it looks at all.
    lr : float, default=0.002
        Learning rate: rises for ten steps, then falls along a cosine to 2 %.
    batch_size : int, default=60
        Units per step. All triplets of a batch are compared: memory grows with its
        cube.
    optimizer : class, default=torch.optim.AdamW
        A torch optimizer, or ``functools.partial`` of one with further settings.
    device : str or torch.device, default="cpu"
        Where to compute, such as ``"cuda"``.
    precision : {"auto", "float32", "bfloat16"}, default="float32"
        Of the encoder in training. ``"bfloat16"`` is about twice as fast where the
        processor or GPU has instructions for it, and many times slower elsewhere;
        ``"auto"`` takes it where it has them.
    callbacks : list of skorch callbacks, default=None
        They are cloned.
    checkpoint : str or path-like, default=None
        A folder, in which the fit keeps its state after epochs. One that was killed
        goes on from there when ``fit`` is called again, to the very result of an
        uninterrupted one; see the user guide, "A fit that is killed".
    verbose : int, default=0
        1: a line per epoch.
    random_state : int, RandomState instance or None, default=None
        Decides weights, crops, augmentation and order.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, without -1.
    pseudo_labels_ : ndarray of shape (n_clips,) or (n_clips, n_classes)
        The labels of the training clips, and what was guessed of the others, however
        unsure; -1 where a clip could not be read, or a multi-label class is unknown in
        all clips.
    pseudo_label_confidence_ : ndarray of shape (n_clips,) or (n_clips, n_classes)
        The probability of each guess, 1 where there was a label, NaN where
        ``pseudo_labels_`` is -1.
    multilabel_ : bool
        Whether y was an indicator.
    thresholds_ : ndarray of shape (n_classes,)
        What ``threshold`` was in ``fit``, or what was chosen; for multi-label only.
    has_bands_ : bool
        What ``"auto"`` of ``encoder`` and ``augmentation`` goes by: whether features
        beside each other rise and fall together, as the bands of a spectrum do.
    frame_pooling_ : int
        Frames that were averaged into one in ``fit``, and are in prediction.
    net_ : skorch.NeuralNet
        The trained net, with the teacher's weights.
    history_ : skorch.history.History
        Per epoch: ``train_loss``, ``pseudo_labeled`` (fraction of the unlabeled
        clips), ``changed_pseudo_labels`` (fraction that is another than before) and
        ``false_negatives``: of the pairs that triplets have pushed apart, the fraction
        of one class by the newest guess, however unsure; 0 before the first.
    scaler_ : FrameScaler
        Mean and standard deviation per feature over all training frames.
    n_components_ : int
        Components per frame.
    n_features_in_ : int
        Features, such as mel bands.
    n_iter_ : int
        Epochs that were run.

    See Also
    --------
    TripletEmbedder : The paper's strategies, an embedding without tags.
    PseudoLabeled : Pseudo-labels around any classifier, on fixed features.

    Notes
    -----
    The clip is embedded as :math:`u = (m, s)`, mean and deviation of the encoded frames
    over the whole clip, standardised by a batch norm; the head is linear in u, triplets
    compare :math:`u / \lVert u \rVert`.

    Pseudo-labels are the teacher's probabilities on whole clips without augmentation,
    aligned to the class prior (counts of the labels, plus one), spread over the graph
    of nearest neighbours and aligned again; the surest half of each class joins first,
    all of it at the end. Where nothing is unlabeled, this is an augmented supervised
    network.

    The prior is that of the labels: label a random sample, or at least the classes in
    about the proportions that they have. Of several labels a clip, a class that no
    labeled clip has is guessed nowhere, and one that is unknown in all stays unknown.

    Of several labels a clip, few labeled crops in a batch do harm: on soundscapes of
    ESC-10 (158 of 1 599 clips labeled, one subset) mAP was .607 with a third of them
    labeled, .708 with two thirds, and .692 without any unlabeled clip.

    Probabilities of several labels hardly reach 0.5 where classes are rare: on pooled
    log-mels of soundscapes of ESC-10 (158 of 600 clips labeled, six epochs of 15 steps,
    six seeds), beside a mAP of .363, macro F1 is .067 at 0.5 and .375 with
    ``threshold="auto"``, ahead by .309 ± .026.

    ``predict_frames`` puts each frame into the place of the mean, beside the deviation
    of the whole clip: the mean of its logits over pooled frames (by their weights, with
    ``pooling="attention"``) is the logit of the clip. It was learned from whole clips,
    and tells what is listened to, hardly when an event begins. For events in time put
    a ``SequenceTagger(pooling="linear_softmax")`` on the frames that ``transform``
    returns, with the labels, or with ``pseudo_labels_``. And as the deviation is that
    of the whole clip, give hours in windows of the length that was trained on:
    ``predict_events(X, clips=windows)`` puts them back on one time line.

    References
    ----------
    .. [1] N. Turpault, R. Serizel and E. Vincent, "Semi-supervised triplet loss based
       learning of ambient audio embeddings", ICASSP 2019.
    .. [2] A. Iscen, G. Tolias, Y. Avrithis and O. Chum, "Label propagation for deep
       semi-supervised learning", CVPR 2019.
    .. [3] D. Berthelot et al., "ReMixMatch: semi-supervised learning with distribution
       matching and augmentation anchoring", ICLR 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_triplet import TripletTagger
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(40, 4)) + 4 * np.repeat([[0], [1]], 20, axis=0)
    >>> y = np.full(40, -1)
    >>> y[[0, 1, 20, 21]] = [0, 0, 1, 1]
    >>> tagger = TripletTagger(random_state=0).fit(X, y)
    >>> (tagger.predict(X) == np.repeat([0, 1], 20)).mean() > 0.9
    np.True_

    What it made of the unlabeled rows, and how sure it is of the least sure:

    >>> tagger.pseudo_labels_.shape
    (40,)
    >>> tagger.pseudo_label_confidence_.min() > 0.5
    np.True_
    """

    encoder: EncoderLike  # without None, which other estimators allow

    def __init__(
        self,
        *,
        n_components: int = 128,
        encoder: EncoderLike = "auto",
        frame_pooling: int | None = None,
        segment_length: int | None = None,
        n_segments: int = 1,
        pooling: Literal["statistics", "attention"] = "statistics",
        augmentation: Literal["auto"] | Transformation | None = "auto",
        labeled_ratio: float | None = None,
        n_views: int = 2,
        tag_weight: float = 1.0,
        pseudo_weight: float = 1.0,
        triplet_weight: float = 1.0,
        temperature: float | None = 0.15,
        margin: float = 0.5,
        n_neighbors: int = 5,
        alpha: float = 0.65,
        guess_from: float | None = None,
        confidence_floor: float = 0.0,
        decay: float = 0.95,
        refit_head: bool = True,
        output: Literal["frames", "clip"] = "frames",
        threshold: float | ArrayLike | Literal["auto"] = 0.5,
        unknown_weight: float = 0.0,
        max_epochs: int = 10,
        n_steps: int = 20,
        max_guessed: int = 2000,
        lr: float = 2e-3,
        batch_size: int = 60,
        optimizer: Optimizer = torch.optim.AdamW,
        device: Device = "cpu",
        precision: Precision = "float32",
        callbacks: Sequence[Callback] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        verbose: int = 0,
        random_state: RandomState = None,
    ) -> None:
        self.n_components = n_components
        self.encoder = encoder
        self.frame_pooling = frame_pooling
        self.segment_length = segment_length
        self.n_segments = n_segments
        self.pooling = pooling
        self.augmentation = augmentation
        self.labeled_ratio = labeled_ratio
        self.n_views = n_views
        self.tag_weight = tag_weight
        self.pseudo_weight = pseudo_weight
        self.triplet_weight = triplet_weight
        self.temperature = temperature
        self.margin = margin
        self.n_neighbors = n_neighbors
        self.alpha = alpha
        self.guess_from = guess_from
        self.confidence_floor = confidence_floor
        self.decay = decay
        self.refit_head = refit_head
        self.output = output
        self.threshold = threshold
        self.unknown_weight = unknown_weight
        self.max_epochs = max_epochs
        self.n_steps = n_steps
        self.max_guessed = max_guessed
        self.lr = lr
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.device = device
        self.precision = precision
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: ClipsLike, y: LabelsLike) -> Self:
        """Learn from labeled and unlabeled clips.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_features, n_frames), list of arrays of \
                shape (n_features, n_frames_i), or array-like of shape (n_samples, \
                n_features)
            Clips; shorter ones end in frames of NaN, or come in a list.
        y : array-like of shape (n_clips,) or (n_clips, n_classes)
            -1 where unlabeled. In an indicator, single entries of -1 are unknown
            classes; they are guessed like those of unlabeled clips.

        Returns
        -------
        self : TripletTagger

        Raises
        ------
        ValueError
            Where a parameter, a clip or a label is not as described above, no clip is
            labeled, only one class or one clip is, the clips of a class could not be
            read, the first epoch diverges, or what ``checkpoint`` holds is damaged or
            of another version.
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

    def transform(self, X: ClipsLike) -> NDArray[np.float32]:
        """Embed the clips.

        Parameters
        ----------
        X : as in ``fit``

        Returns
        -------
        embeddings : ndarray, float32
            ``output="frames"``: shape (n_clips, n_components, n_frames), NaN where a
            clip is shorter than the longest, or (n_samples, n_components) for a table.
            ``output="clip"``: shape (n_clips, 2 * n_components), the standardised mean
            and deviation that the head sees. Rows of clips that could not be read are
            NaN. Clips may be hours long, as in ``TripletEmbedder.transform``.
        """
        clips, rows = self._read(X)
        encoded = self._encode(clips.take(rows), "Embedding") if len(rows) else ()
        if self.output == "clip":
            pooled = np.full((len(clips), self._n_features_out), np.nan, np.float32)
            for row, parts in zip(rows, encoded, strict=True):
                pooled[row] = self._embed(parts).numpy()
            return pooled
        n_frames = max(int(clips.lengths.max()), 1)
        shape = len(clips), self.n_components_, n_frames
        embeddings = np.full(shape, np.nan, np.float32)
        for row, parts in zip(rows, encoded, strict=True):
            self._stretch(parts, embeddings[row, :, : clips.lengths[row]])
        return embeddings[:, :, 0] if clips.flat else embeddings

    # --- the steps of the fit that are its own, in their order

    _seed_names: ClassVar[tuple[str, ...]] = ("split", "data", "teacher", "torch")
    _batches: ClassVar[Callable[..., Iterable[object]]] = CropBatches

    def _check_parameters(self) -> None:
        """Refuse what cannot be trained with."""
        check_number(self, "n_components", numbers.Integral, 1, most=LARGEST_WIDTH)
        check_number(self, "n_segments", numbers.Integral, 1, most=LARGEST_WIDTH)
        if self.frame_pooling is not None:
            check_number(self, "frame_pooling", numbers.Integral, 1, most=LARGEST_WIDTH)
        if self.segment_length is not None:
            check_number(self, "segment_length", numbers.Integral, 1)
        for name in ("n_views", "n_steps", "n_neighbors", "max_guessed"):
            check_number(self, name, numbers.Integral, 1)
        # memory grows with its cube
        check_number(self, "batch_size", numbers.Integral, 2, most=LARGEST_WIDTH)
        if self.labeled_ratio is not None:
            check_number(self, "labeled_ratio", numbers.Real, 0, 1, left="open")
        for name in ("tag_weight", "pseudo_weight", "triplet_weight"):
            check_number(self, name, numbers.Real, 0, most=1e6)
        check_number(self, "margin", numbers.Real, 0, left="open")
        if self.temperature is not None:
            check_number(self, "temperature", numbers.Real, 0, left="open")
            self._warn_ignored("margin", "with a temperature")
        check_number(self, "unknown_weight", numbers.Real, 0, 1)
        for name in ("alpha", "confidence_floor", "decay"):
            check_number(self, name, numbers.Real, 0, 1, right="open")
        if self.guess_from is not None:
            check_number(self, "guess_from", numbers.Real, 0, 1)
        self._check_loop()
        check_choice(self, "pooling", ["statistics", "attention"])
        check_choice(self, "refit_head", [False, True])
        check_choice(self, "output", ["frames", "clip"])
        self._check_precision()
        # an encoder may be anything that builds one, and is looked at when it has
        self._check_encoder(["auto", "conv", "deep", "dense"])
        if isinstance(self.augmentation, Transformation):
            self.augmentation.check()
        else:
            check_choice(self, "augmentation", ["auto", None])

    def _check_enough(self, labels: Labels) -> None:
        """Refuse labels from which nothing can be learned."""
        n_labeled, n_clips = int(labels.labeled.sum()), len(labels.present)
        if not n_labeled:
            raise ValueError(
                f"TripletTagger learns its classes from labeled clips, but y labels "
                f"none of the {n_clips} clips: every entry is -1. Label some clips of "
                'each class; without any, TripletEmbedder("s1") learns an embedding.'
            )
        super()._check_enough(labels)
        # of several labels a clip, one holds two answers and no example to compare
        if n_labeled < 2:
            raise ValueError(
                f"TripletTagger needs at least two labeled clips. y labels only one of "
                f"the {n_clips} clips."
            )

    def _select(self, clips: Clips, labels: Labels) -> tuple[Clips, Labels]:
        """Return the clips that could be read, labeled or not.

        Parameters
        ----------
        clips : Clips
        labels : Labels
            One row per clip.

        Returns
        -------
        clips : Clips
            Their frames are averaged by ``frame_pooling_`` when they are read.
        labels : Labels
        """
        rows = clips.find_readable(type(self).__name__)
        self._begin_guesses(labels, rows)
        clips = clips.take(rows)
        self.has_bands_ = bool(len(rows)) and has_bands(clips)
        self.frame_pooling_ = int(self.frame_pooling or (2 if self.has_bands_ else 1))
        return clips.average_frames(self.frame_pooling_), labels.take(rows)

    def _begin(self, clips: Clips, labels: Labels, goes_on: bool) -> None:
        """Refuse classes that are lost; set what prediction has to know."""
        # y was looked at before: what is missing now went with clips of NaN
        lost = labels.classes[~labels.present.any(axis=0)]
        if labels.labeled.sum() < 2 or (not labels.multilabel and len(lost)):
            which = "" if labels.multilabel else f"of the classes {lost.tolist()} "
            raise ValueError(
                f"TripletTagger learns from labeled clips, but too few {which}could be "
                "read: the others hold only NaN. Label some that can be read."
            )
        self.classes_ = labels.classes
        self.multilabel_ = labels.multilabel
        self.flat_ = clips.flat

    def _fit_scaler(self, clips: Clips) -> FrameScaler:
        """Measure each feature, and bound what is no band."""
        scaler = super()._fit_scaler(clips)
        return scaler if self.has_bands_ else replace(scaler, limit=LIMIT)

    def _make_data(
        self,
        clips: Clips,
        labels: Labels,
        rows: IntArray,
        seeds: dict[str, int],
        validates: bool = False,
    ) -> CropData:
        """Return what crops are drawn from; the lengths are of pooled frames."""
        # what a label of several says may be anywhere in the clip
        length = int(self.segment_length or (1000 if self.multilabel_ else 240))
        ratio = self.labeled_ratio or (2 / 3 if self.multilabel_ else 1 / 3)
        weight = None
        if self.unknown_weight and self.multilabel_:
            weight = np.where(labels.unheard, self.unknown_weight, 1).astype(np.float32)
            labels = labels.assume_absent()
        return CropData(
            SegmentedClips(
                clips,
                labels,
                self.scaler_,
                max(length // self.frame_pooling_, 1),
                self.verbose,
            ),
            self._choose_augmentation(),
            n_segments=int(self.n_segments),
            batch_size=int(self.batch_size),
            labeled_ratio=ratio,
            n_steps=int(self.n_steps),
            n_views=int(self.n_views),
            seed=seeds["data"],
            weight=weight,
        )

    def _choose_augmentation(self) -> Transformation | None:
        """Return what ``augmentation`` names."""
        if self.augmentation is None:
            return None
        if isinstance(self.augmentation, Transformation):
            # a chain passes by what a transformation does not suit
            return Chain([self.augmentation])
        if self.flat_:
            return Chain([NeighborMixing(), RandomNoise(), FeatureDropout()])
        if not self.has_bands_:
            # between two embeddings lies none: nothing is interpolated
            crop = RandomCrop(stretch=0)
            return Chain([crop, RandomNoise(), TimeMask(), FeatureDropout()])
        if self.multilabel_:
            # nothing that adds an event which no label tells of, or hides one
            return Chain(
                [RandomCrop(), FrequencyShift(3), Gain(), Equalizer(), RandomNoise()]
            )
        return Chain(
            [
                RandomCrop(),
                FrequencyShift(),
                Gain(),
                Equalizer(),
                EnergyMixing(),
                RandomNoise(),
                TimeMask(),
                FrequencyMask(),
            ]
        )

    def _make_module(self, clips: Clips, previous: NeuralNet | None) -> TaggingEncoder:
        """Return encoder and head."""
        kind, n_features = self.encoder, clips.n_features
        if kind == "auto":
            kind = "deep" if self.has_bands_ else "dense"
        owner = type(self).__name__
        encoder = build_encoder(
            kind, n_features, int(self.n_components), flat=clips.flat, owner=owner
        )
        # an encoder of the user's may return any number
        frames = FrameEncoder(encoder)
        self.n_components_ = count_components(frames, n_features, owner)
        module = TaggingEncoder(
            encoder,
            self.n_components_,
            len(self.classes_),
            self.precision,
            self.pooling,
        )
        if not self.tag_weight:
            # what is not trained shall say nothing, rather than something at random
            nn.init.zeros_(module.head.weight)
            nn.init.zeros_(module.head.bias)
        return module

    def _make_criterion(self) -> nn.Module:
        """Return cross-entropies and triplets, weighted."""
        return TagTripletLoss(
            self.multilabel_,
            float(self.margin),
            None if self.temperature is None else float(self.temperature),
            float(self.tag_weight),
            float(self.pseudo_weight),
            float(self.triplet_weight),
        )

    def _make_callbacks(self, seeds: dict[str, int]) -> list[Callback]:
        """Return the teacher and the schedule of the learning rate."""
        begin = self.guess_from
        if begin is None:
            begin = 0.4 if self.has_bands_ else 0.2
        first = find_first_epoch(begin, self.max_epochs)
        teacher = Teacher(
            decay=float(self.decay),
            first_epoch=first if self.pseudo_weight else np.inf,
            n_neighbors=int(self.n_neighbors),
            alpha=self.alpha,
            floor=self.confidence_floor,
            max_guessed=int(self.max_guessed),
            seed=seeds["teacher"],
        )
        # in steps, since epochs are of any length
        total = max(int(self.max_epochs) * int(self.n_steps), 1)
        rate = functools.partial(_learning_rate, total=total)
        schedule = LRScheduler(LambdaLR, step_every="batch", lr_lambda=rate)
        return [teacher, schedule]

    def _finish(self, clips: Clips, labels: Labels, data: StatefulData) -> None:
        """Guess a last time, write down the guesses, and fit the head on them."""
        module = self.net_.module_.eval()
        device, verbose = self.net_.device, self.verbose
        tagged = encode_whole(module, clips, self.scaler_, device, verbose)
        self._refuse_divergence(tagged)
        embeddings = tagged.embeddings.numpy()
        probabilities = tagged.probabilities(self.multilabel_)
        assumed = labels.assume_absent() if self.unknown_weight else labels
        weak = labels.unknown & ~assumed.unknown
        if self.pseudo_weight:
            spread = spread_labels(
                probabilities,
                assumed,
                embeddings,
                estimate_prior(assumed),
                n_neighbors=int(self.n_neighbors),
                alpha=self.alpha,
            )
            # of what was only assumed, the network says what it thinks
            probabilities = np.where(weak, probabilities, spread)
        # what is kept and what the head learns is the same, in two forms
        guess, sure = self._keep_guesses(probabilities, labels)
        # where all is known, or nothing was guessed, the head has seen what there is
        is_new = bool(self.pseudo_weight) and bool(assumed.unknown.any())
        if self.refit_head and (is_new or not self.tag_weight):
            known = labels.labeled
            if self.multilabel_:
                known, guess = ~assumed.unknown, np.where(weak, 0, guess)
                sure = np.where(weak, self.unknown_weight, sure)
            self._refit(embeddings, guess, np.where(known | is_new, sure, -1))

    def _answer(self, clips: Clips) -> np.ndarray:
        """Return u of clips, of which frames are averaged already."""
        encoded = encode_clips(self.net_, clips, self.scaler_)
        return np.stack([self._embed(parts).numpy() for parts in encoded])

    def _refuse_divergence(self, tagged: Tagged) -> None:
        """Refuse a teacher of which the clips become no numbers."""
        if tagged.embeddings.isfinite().all():
            return
        del self.net_
        raise ValueError(
            "TripletTagger diverged: its embeddings of the training clips are no "
            f"numbers. Nothing was learned. Lower lr (now {self.lr!r}), and fit anew."
        )

    def _refit(self, embeddings: np.ndarray, guess: IntArray, sure: np.ndarray) -> None:
        """Fit the head on all clips, weighted by how sure their labels are.

        The teacher's head is an average over steps that knew less. For several labels a
        clip every class is a question of its own, as in the loss.

        Parameters
        ----------
        embeddings : ndarray of shape (n_clips, 2 * n_components)
        guess, sure
            As ``_keep_guesses`` returns them; what is not to be learned is at -1.
        """
        if self.multilabel_:
            for c in range(len(self.classes_)):
                self._refit_rows([c], embeddings, guess[:, c], sure[:, c])
        else:
            rows = list(range(len(self.classes_)))
            self._refit_rows(rows, embeddings, guess, sure)

    def _refit_rows(
        self,
        rows: list[int],
        embeddings: np.ndarray,
        target: np.ndarray,
        sure: np.ndarray,
    ) -> None:
        """Fit some rows of the head by logistic regression, which is what it is.

        Parameters
        ----------
        rows : list of int
            Of the head: all for single labels, else one.
        embeddings : ndarray of shape (n_clips, 2 * n_components)
        target : ndarray of shape (n_clips,), int
            Answers, from 0 on.
        sure : ndarray of shape (n_clips,)
            Weights; below ``confidence_floor`` a clip is left out.
        """
        head, kept = self.net_.module_.head, sure >= self.confidence_floor
        n_answers = max(len(rows), 2)
        if len(np.unique(target[kept])) < n_answers:
            return  # a class of which nothing is sure: what was trained stays
        model = LogisticRegression(max_iter=1000)
        model.fit(embeddings[kept], target[kept], sample_weight=sure[kept])
        weight, bias = model.coef_, model.intercept_
        if len(rows) == 2:
            # the logit of two classes is the difference of the head's two
            weight, bias = np.r_[-weight / 2, weight / 2], np.r_[-bias / 2, bias / 2]
        with torch.no_grad():
            head.weight[rows] = torch.from_numpy(weight).to(head.weight)
            head.bias[rows] = torch.from_numpy(bias).to(head.bias)

    # --- what prediction is made of

    def _encode(
        self, clips: Clips, description: str = "Tagging"
    ) -> Iterator[Iterator[NDArray[np.float32]]]:
        """Encode readable clips part by part, in frames of ``frame_pooling``."""
        return show_progress(
            encode_clips(
                self.net_, clips.average_frames(self.frame_pooling_), self.scaler_
            ),
            description,
            unit="clip",
            total=len(clips),
            verbose=self.verbose,
        )

    def _embed(self, parts: Iterable[NDArray[np.float32]]) -> torch.Tensor:
        """Return u of the encoded frames of one clip, shape (2 * n_components,)."""
        module = self.net_.module_
        frames, parts = take_single(parts)
        with torch.inference_mode():
            if frames is not None:
                return module.embed_frames(self._to_tensor(frames)[None])[0].cpu()
            pool = RunningPool(module.attention)
            for part in parts:
                pool.add(self._to_tensor(part))
            return module.norm(pool.statistics()[None])[0].cpu()

    def _to_tensor(self, frames: NDArray[np.float32]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(frames)).to(self.net_.device)

    def _stretch(
        self, parts: Iterable[NDArray[np.float32]], target: np.ndarray
    ) -> None:
        """Write pooled frames into the frames of X that they stand for.

        Parameters
        ----------
        parts : iterable of ndarray of shape (n, n_pooled)
        target : ndarray of shape (n, n_frames), float32
            The valid frames of a clip. Written to, in place.
        """
        # rows of a table have no frames, and are not pooled
        each = 1 if self.flat_ else self.frame_pooling_
        begin = 0
        for part in parts:
            end = begin + each * part.shape[1]
            target[:, begin:end] = part.repeat(each, axis=1)[
                :, : target.shape[1] - begin
            ]
            begin = end
        # the last frame stands for the rest that fills no frame of its own
        target[:, begin:] = part[:, -1:]

    def _clip_logits(self, clips: Clips) -> torch.Tensor:
        """Return the head's answers to u."""
        head = self.net_.module_.head
        weight, bias = head.weight.detach().cpu(), head.bias.detach().cpu()
        # row by row: a product of matrices rounds otherwise for other numbers of rows
        embedded = (self._embed(parts) for parts in self._encode(clips))
        return torch.stack([weight @ u + bias for u in embedded])

    def _write_frame_logits(
        self, clips: Clips, targets: Sequence[NDArray[np.float32]]
    ) -> None:
        """Ask the head of each frame; the mean of its logits is that of the clip."""
        module = self.net_.module_
        for parts, target in zip(self._encode(clips), targets, strict=True):
            with torch.inference_mode():
                frames, parts = take_single(parts)
                if frames is not None:
                    tagged = module.tag_frames(self._to_tensor(frames))
                    self._stretch([tagged.cpu().numpy()], target)
                    continue
                self._write_long(parts, target)

    def _write_long(
        self, parts: Iterator[NDArray[np.float32]], target: NDArray[np.float32]
    ) -> None:
        """Write the logits of a clip that comes in parts.

        Beside each frame stands the deviation of the whole clip, which is known at its
        end. What it adds is the same for all frames, since the head is linear.
        """
        module = self.net_.module_
        pool = RunningPool(module.attention)
        nothing = torch.zeros(self.n_components_, 1, device=self.net_.device)

        def tag(part: NDArray[np.float32]) -> NDArray[np.float32]:
            frames = self._to_tensor(part)
            pool.add(frames)
            return module.tag_frames(frames, nothing).cpu().numpy()

        self._stretch(map(tag, parts), target)
        deviation = pool.statistics()[self.n_components_ :, None]
        shift = module.tag_frames(nothing, deviation) - module.tag_frames(
            nothing, nothing
        )
        target += shift.cpu().numpy()

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _learning_rate(step: int, total: int) -> float:
    """Return the factor of the learning rate: ten steps up, a cosine down to 2 %.

    Parameters
    ----------
    step : int
        From 0 on.
    total : int
        Steps of the fit.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts",
    ICLR 2017.
    """
    down = 0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * min(step / total, 1)))
    return min((step + 1) / WARM_UP, 1) * down
