"""TripletTagger: clips (n_clips, n_features, n_frames), few labeled, in; tags out."""

from __future__ import annotations

import functools
import numbers
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from skorch.callbacks import Callback, LRScheduler
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from sklearn_triplet._input.clips import Clips, check_clips
from sklearn_triplet._input.labels import Labels
from sklearn_triplet._input.parameters import check_choice, check_number
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
    RandomCrop,
    RandomNoise,
    TimeMask,
)
from sklearn_triplet._sampling.pseudo_labels import estimate_prior, spread_labels
from sklearn_triplet._sampling.segments import SegmentedClips
from sklearn_triplet._sampling.transforms import Transformation
from sklearn_triplet._taggers import ClipClassifier
from sklearn_triplet._training.encoding import (
    EncoderLike,
    build_encoder,
    count_components,
    encode_clips,
    takes_components,
)
from sklearn_triplet._training.networks import FrameEncoder
from sklearn_triplet._training.tag_triplets import (
    CropBatches,
    CropData,
    TaggingEncoder,
    TagTripletLoss,
    Teacher,
    encode_whole,
)

LOOKED_AT = 50  # clips by which it is told whether features are bands
WARM_UP = 10  # steps until the learning rate is full


def _has_columns(estimator: TripletTagger) -> bool:
    """Whether transform returns a table, or may do so once it is fitted."""
    return estimator.output == "clip" or getattr(estimator, "flat_", True)


def are_bands(clips: Clips) -> bool:
    """Tell whether neighbouring features are neighbours, as the bands of a spectrum.

    The bands of a sound rise and fall with those beside them; the components of an
    embedding, or the columns of a table, are in no order.

    Parameters
    ----------
    clips : Clips

    Returns
    -------
    are_bands : bool
        Whether the mean correlation of neighbouring features, over the frames of some
        clips, is above a half.
    """
    if clips.flat or clips.n_features < 3:
        return False
    rows = np.linspace(0, len(clips) - 1, min(len(clips), LOOKED_AT)).astype(int)
    frames = np.concatenate([clips[i] for i in rows], axis=1).astype(float)
    frames -= frames.mean(axis=1, keepdims=True)
    scale = np.sqrt(np.square(frames).mean(axis=1))
    products = (frames[1:] * frames[:-1]).mean(axis=1)
    # a band that never sounds says nothing
    both = scale[1:] * scale[:-1]
    known = both > 0
    return bool(known.any() and (products[known] / both[known]).mean() > 0.5)


class TripletTagger(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClipClassifier):
    r"""Classifier and embedding for a handful of labels and many unlabeled clips.

    One network learns to tag and to embed. Every crop of a clip is augmented; an
    unlabeled clip is its own class at first, and gets a pseudo-label when a slowly
    moving average of the network, the teacher, has learned enough to guess.

    Parameters
    ----------
    n_components : int, default=64
        Components of the encoder, per frame.
    encoder : {"auto", "conv", "dense"} or callable, default="auto"
        As in ``TripletEmbedder``; ``"auto"`` is convolutional where neighbouring
        features are bands of a spectrum, and dense for tables and for the frames of
        other models.
    frame_pooling : int, default=2
        Frames of X that are averaged into one before all else; 20 ms at a hop of 10.
    segment_length : int, default=240
        Frames of X in a crop; 2.4 s at a hop of 10 ms.
    n_segments : int, default=1
        Crops of a clip that are pooled to one unit, k. More than 1 is for events that
        are short beside the clip: then a single crop often misses what the label says.
    augmentation : {"auto"}, Transformation or None, default="auto"
        What happens to every crop. ``"auto"``: for bands, random crops and speeds,
        frequency shift, gain, equaliser, mixing, noise and masks; for other features
        noise and hidden features.
    labeled_ratio : float, default=1/3
        Labeled units of a batch, in (0, 1]; balanced by class.
    n_views : int, default=2
        Crops of each unlabeled clip of a batch.
    tag_weight, pseudo_weight, triplet_weight : float, default=1.0
        Of the cross-entropy, of its part on pseudo-labels, and of the triplets.
        ``pseudo_weight=0`` gives no pseudo-labels at all.
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
    guess_from : float, default=0.4
        Part of the epochs after which pseudo-labels begin, in [0, 1].
    confidence_floor : float, default=0.0
        Probability below which a clip gets no pseudo-label, in [0, 1). Raise it where
        unlabeled clips may be of classes that no label has.
    decay : float, default=0.95
        What the teacher keeps of itself in each step, in [0, 1).
    refit_head : bool, default=True
        Whether, at the end, the head is fitted once more on whole clips, labeled and
        pseudo-labeled.
    output : {"frames", "clip"}, default="frames"
        What ``transform`` returns.
    threshold : float or array-like of shape (n_classes,), default=0.5
        A multi-label class is predicted from this probability on, in (0, 1).
    max_epochs : int, default=10
        Epochs of ``n_steps`` batches; pseudo-labels are renewed in each.
    n_steps : int, default=20
        Steps per epoch, whatever the number of clips.
    max_guessed : int, default=2000
        Unlabeled clips that the teacher looks at in an epoch, at the most.
    lr : float, default=0.002
        Learning rate: rises for ten steps, then falls along a cosine to 2 %.
    batch_size : int, default=60
        Units per step.
    optimizer : class, default=torch.optim.AdamW
        A torch optimizer, or ``functools.partial`` of one with further settings.
    device : str or torch.device, default="cpu"
        Where to compute, such as ``"cuda"``.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the encoder in training.
    callbacks : list of skorch callbacks, default=None
        They are cloned.
    verbose : int, default=0
        1: a line per epoch.
    random_state : int, RandomState instance or None, default=None
        Decides weights, crops, augmentation and order.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, without -1.
    pseudo_labels_ : ndarray of shape (n_clips,) or (n_clips, n_classes)
        The labels of the training clips, and what was guessed of the others; -1 where
        a clip could not be read.
    pseudo_label_confidence_ : ndarray of shape (n_clips,) or (n_clips, n_classes)
        The probability of each guess, 1 where there was a label.
    multilabel_ : bool
        Whether y was an indicator.
    net_ : skorch.NeuralNet
        The trained net, with the teacher's weights.
    history_ : skorch.history.History
        Per epoch: ``train_loss``, ``pseudo_labeled`` (fraction of the unlabeled clips)
        and ``changed_pseudo_labels`` (fraction that is another than before).
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
    """

    def __init__(
        self,
        *,
        n_components: int = 64,
        encoder: EncoderLike = "auto",
        frame_pooling: int = 2,
        segment_length: int = 240,
        n_segments: int = 1,
        augmentation: Literal["auto"] | Transformation | None = "auto",
        labeled_ratio: float = 1 / 3,
        n_views: int = 2,
        tag_weight: float = 1.0,
        pseudo_weight: float = 1.0,
        triplet_weight: float = 1.0,
        temperature: float | None = 0.15,
        margin: float = 0.5,
        n_neighbors: int = 5,
        alpha: float = 0.65,
        guess_from: float = 0.4,
        confidence_floor: float = 0.0,
        decay: float = 0.95,
        refit_head: bool = True,
        output: Literal["frames", "clip"] = "frames",
        threshold: float | ArrayLike = 0.5,
        max_epochs: int = 10,
        n_steps: int = 20,
        max_guessed: int = 2000,
        lr: float = 2e-3,
        batch_size: int = 60,
        optimizer: Optimizer = torch.optim.AdamW,
        device: Device = "cpu",
        precision: Literal["float32", "bfloat16"] = "float32",
        callbacks: Sequence[Callback] | None = None,
        verbose: int = 0,
        random_state: RandomState = None,
    ) -> None:
        self.n_components = n_components
        self.encoder = encoder
        self.frame_pooling = frame_pooling
        self.segment_length = segment_length
        self.n_segments = n_segments
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
        self.max_epochs = max_epochs
        self.n_steps = n_steps
        self.max_guessed = max_guessed
        self.lr = lr
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.device = device
        self.precision = precision
        self.callbacks = callbacks
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
            labeled, only one class is, or the loss diverges.
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
            NaN.
        """
        clips, rows = self._read(X)
        encoded = self._encode(clips.take(rows))
        if self.output == "clip":
            pooled = np.full((len(clips), self._n_features_out), np.nan, np.float32)
            for row, frames in zip(rows, encoded, strict=True):
                pooled[row] = self._embed(frames).numpy()
            return pooled
        n_frames = max(int(clips.lengths.max()), 1)
        shape = len(clips), self.n_components_, n_frames
        embeddings = np.full(shape, np.nan, np.float32)
        for row, frames in zip(rows, encoded, strict=True):
            self._stretch(frames, embeddings[row], int(clips.lengths[row]))
        return embeddings[:, :, 0] if clips.flat else embeddings

    @available_if(_has_columns)
    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Return names such as triplettagger0 of the columns of a table.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        names : ndarray of str
        """
        return super().get_feature_names_out(input_features)

    def set_output(
        self, *, transform: Literal["default", "pandas", "polars"] | None = None
    ) -> Self:
        """Choose the container of a table; frames stay an ndarray of three axes.

        Parameters
        ----------
        transform : {"default", "pandas", "polars", None}
            As everywhere in scikit-learn.

        Returns
        -------
        self : TripletTagger
        """
        return super().set_output(transform=transform) if _has_columns(self) else self

    @property
    def _n_features_out(self) -> int:
        return self.n_components_ * (2 if self.output == "clip" else 1)

    # --- the steps of the fit that are its own, in their order

    _seed_names: ClassVar[tuple[str, ...]] = ("split", "data", "teacher", "torch")
    _batches: ClassVar[Callable[..., Iterable[object]]] = CropBatches

    def _check_parameters(self) -> None:
        """Refuse what cannot be trained with."""
        for name in ("n_components", "frame_pooling", "segment_length", "n_segments"):
            check_number(self, name, numbers.Integral, 1)
        for name in ("n_views", "n_steps", "n_neighbors", "max_guessed"):
            check_number(self, name, numbers.Integral, 1)
        check_number(self, "batch_size", numbers.Integral, 2)
        check_number(self, "labeled_ratio", numbers.Real, 0, 1, left="open")
        for name in ("tag_weight", "pseudo_weight", "triplet_weight"):
            check_number(self, name, numbers.Real, 0)
        check_number(self, "margin", numbers.Real, 0, left="open")
        if self.temperature is not None:
            check_number(self, "temperature", numbers.Real, 0, left="open")
            self._warn_ignored("margin", "with a temperature")
        for name in ("alpha", "confidence_floor", "decay"):
            check_number(self, name, numbers.Real, 0, 1, right="open")
        check_number(self, "guess_from", numbers.Real, 0, 1)
        self._check_loop()
        check_choice(self, "refit_head", [False, True])
        check_choice(self, "output", ["frames", "clip"])
        check_choice(self, "precision", ["float32", "bfloat16"])
        if not callable(self.encoder):
            check_choice(self, "encoder", ["auto", "conv", "dense"])
        elif not takes_components(self.encoder):
            self._warn_ignored(
                "n_components", "with an encoder that has no such parameter"
            )
        if not isinstance(self.augmentation, Transformation):
            check_choice(self, "augmentation", ["auto", None])

    def _select(self, clips: Clips, labels: Labels) -> tuple[Clips, Labels]:
        """Return the clips that could be read, labeled or not."""
        self._rows = clips.find_readable(type(self).__name__)
        self._n_clips = len(clips)
        clips = clips.take(self._rows).average_frames(self.frame_pooling)
        return clips, labels.take(self._rows)

    def _begin(self, clips: Clips, labels: Labels, goes_on: bool) -> None:
        """Set what prediction has to know, and what the features are."""
        if not labels.labeled.any():
            raise ValueError(
                "TripletTagger learns its classes from labeled clips, but none of them "
                "could be read: they hold only NaN. Label some that can be read."
            )
        self.classes_ = labels.classes
        self.multilabel_ = labels.multilabel
        self.flat_ = clips.flat
        self._are_bands = are_bands(clips)
        self._frame_pooling = self.frame_pooling

    def _make_data(
        self,
        clips: Clips,
        labels: Labels,
        rows: IntArray,
        seeds: dict[str, int],
        validates: bool = False,
    ) -> CropData:
        """Return what crops are drawn from."""
        length = max(self.segment_length // self.frame_pooling, 1)
        self._seed = seeds["teacher"]
        self._data = CropData(
            SegmentedClips(clips, labels, self.scaler_, length, self.verbose),
            self._choose_augmentation(length),
            n_segments=self.n_segments,
            batch_size=self.batch_size,
            labeled_ratio=self.labeled_ratio,
            n_steps=self.n_steps,
            n_views=self.n_views,
            seed=seeds["data"],
        )
        return self._data

    def _choose_augmentation(self, length: int) -> Transformation | None:
        """Return what ``augmentation`` names."""
        if self.augmentation != "auto":
            return self.augmentation
        if self.flat_:
            return Chain([RandomNoise(), FeatureDropout()])
        if not self._are_bands:
            crop = RandomCrop(length, stretch=0)
            return Chain([crop, RandomNoise(), TimeMask(), FeatureDropout()])
        return Chain(
            [
                RandomCrop(length),
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
            kind = "conv" if self._are_bands else "dense"
        owner = type(self).__name__
        encoder = build_encoder(
            kind, n_features, self.n_components, flat=clips.flat, owner=owner
        )
        frames = FrameEncoder(encoder)
        self.n_components_ = count_components(frames, n_features, owner)
        return TaggingEncoder(
            encoder, self.n_components_, len(self.classes_), self.precision
        )

    def _make_criterion(self) -> nn.Module:
        """Return cross-entropies and triplets, weighted."""
        return TagTripletLoss(
            self.multilabel_,
            self.margin,
            self.temperature,
            self.tag_weight,
            self.pseudo_weight,
            self.triplet_weight,
        )

    def _make_callbacks(self) -> list[Callback]:
        """Return the teacher and the schedule of the learning rate."""
        first = 1 + self.guess_from * self.max_epochs
        teacher = Teacher(
            decay=self.decay,
            first_epoch=first if self.pseudo_weight else np.inf,
            n_neighbors=self.n_neighbors,
            alpha=self.alpha,
            floor=self.confidence_floor,
            max_guessed=self.max_guessed,
            seed=self._seed,
        )
        total = max(self.max_epochs * self.n_steps, 1)
        rate = functools.partial(_learning_rate, total=total)
        schedule = LRScheduler(LambdaLR, step_every="batch", lr_lambda=rate)
        return [teacher, schedule]

    def _finish(self, labels: Labels) -> None:
        """Guess a last time, fit the head on it, and write down the guesses."""
        data = self._data
        # what the steps above have handed on to each other
        del self._data
        if self.n_iter_ and not np.isfinite(self.history_[-1, "train_loss"]):
            loss = self.history_[-1, "train_loss"]
            del self.net_
            raise ValueError(
                f"The loss of TripletTagger became {loss}. Lower lr (now {self.lr!r}) "
                "and fit anew: the weights are lost."
            )
        clips, module = data.segments.clips, self.net_.module_.eval()
        tagged = encode_whole(module, clips, self.scaler_, self.net_.device)
        probabilities = self._to_probabilities(tagged.logits).numpy()
        embeddings = tagged.embeddings.numpy()
        if self.pseudo_weight:
            probabilities = spread_labels(
                probabilities,
                labels,
                embeddings,
                estimate_prior(labels),
                n_neighbors=self.n_neighbors,
                alpha=self.alpha,
            )
        self._keep_guesses(probabilities, labels)
        if self.refit_head and self.pseudo_weight and not labels.labeled.all():
            self._refit(embeddings, probabilities, labels)

    def _keep_guesses(self, probabilities: np.ndarray, labels: Labels) -> None:
        """Set ``pseudo_labels_`` and their confidence, a row per clip of X."""
        known = ~labels.unknown
        if self.multilabel_:
            guess = np.where(known, labels.present, probabilities >= 0.5).astype(int)
            sure = np.where(known, 1.0, np.maximum(probabilities, 1 - probabilities))
        else:
            known = labels.labeled
            codes = np.where(
                known, labels.present.argmax(axis=1), probabilities.argmax(axis=1)
            )
            guess = self.classes_[codes]
            sure = np.where(known, 1.0, probabilities.max(axis=1))
        if len(self._rows) < self._n_clips:
            shape = (self._n_clips, *guess.shape[1:])
            dtype = object if guess.dtype.kind in "US" else guess.dtype
            whole = np.full(shape, -1, dtype)
            whole[self._rows] = guess
            certainty = np.full(shape, np.nan)
            certainty[self._rows] = sure
            guess, sure = whole, certainty
        self.pseudo_labels_ = guess
        self.pseudo_label_confidence_ = sure

    def _refit(
        self, embeddings: np.ndarray, probabilities: np.ndarray, labels: Labels
    ) -> None:
        """Fit the head on all clips, weighted by how sure their labels are."""
        if self.multilabel_:
            for c in range(len(self.classes_)):
                p = probabilities[:, c]
                self._refit_rows([c], embeddings, p >= 0.5, np.maximum(p, 1 - p))
        else:
            target, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
            rows = list(range(len(self.classes_)))
            self._refit_rows(rows, embeddings, target, sure)

    def _refit_rows(
        self,
        rows: list[int],
        embeddings: np.ndarray,
        target: np.ndarray,
        sure: np.ndarray,
    ) -> None:
        """Fit some rows of the head by logistic regression, which is what it is."""
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

    def _read(self, X: ClipsLike) -> tuple[Clips, IntArray]:
        """Return the clips as they are, and the rows of those that could be read."""
        check_is_fitted(self)
        clips = check_clips(self, X, reset=False)
        return clips, clips.find_readable(type(self).__name__)

    def _encode(self, clips: Clips) -> Iterable[NDArray[np.float32]]:
        """Encode readable clips one by one, in frames of ``frame_pooling``."""
        clips = clips.average_frames(self._frame_pooling)
        return encode_clips(self.net_, clips, self.scaler_)

    def _embed(self, frames: NDArray[np.float32]) -> torch.Tensor:
        """Return u of the encoded frames of one clip, shape (2 * n_components,)."""
        module = self.net_.module_
        X = torch.from_numpy(np.ascontiguousarray(frames)).to(self.net_.device)
        with torch.inference_mode():
            return module.embed_frames(X[None])[0].cpu()

    def _stretch(
        self, frames: NDArray[np.float32], target: np.ndarray, length: int
    ) -> None:
        """Write pooled frames into the ``length`` frames of X that they stand for."""
        repeated = np.repeat(frames, 1 if self.flat_ else self._frame_pooling, axis=1)
        # the last frame stands for the rest that fills no frame of its own
        places = np.minimum(np.arange(length), repeated.shape[1] - 1)
        target[:, :length] = repeated[:, places]

    def _clip_logits(self, clips: Clips) -> torch.Tensor:
        """Return the head's answers to u."""
        head = self.net_.module_.head
        weight, bias = head.weight.detach().cpu(), head.bias.detach().cpu()
        # row by row: a product of matrices rounds otherwise for other numbers of rows
        embedded = (self._embed(frames) for frames in self._encode(clips))
        return torch.stack([weight @ u + bias for u in embedded])

    def _frame_logits(self, clips: Clips) -> torch.Tensor:
        """Return the head's answers to each frame; their mean is that to the clip."""
        shape = len(clips), len(self.classes_), int(clips.lengths.max())
        logits = np.zeros(shape, np.float32)
        module = self.net_.module_
        for row, frames in enumerate(self._encode(clips)):
            X = torch.from_numpy(np.ascontiguousarray(frames)).to(self.net_.device)
            with torch.inference_mode():
                tagged = module.tag_frames(X).cpu().numpy()
            self._stretch(tagged, logits[row], int(clips.lengths[row]))
        return torch.from_numpy(logits)


def _learning_rate(step: int, total: int) -> float:
    """Return the factor of the learning rate: ten steps up, a cosine down to 2 %."""
    down = 0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * min(step / total, 1)))
    return min((step + 1) / WARM_UP, 1) * down
