"""TripletEmbedder: clips (n_clips, n_features, n_frames) in, embeddings out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.history import History

from sklearn_triplet._embedder_checks import (
    check_enough,
    check_parameters,
    keep_structure,
)
from sklearn_triplet._embedder_fit import (
    build_module,
    build_triplet_net,
    make_data,
    split_rows,
)
from sklearn_triplet._input.clips import Clips, FrameScaler, check_clips
from sklearn_triplet._input.labels import Labels, check_labels
from sklearn_triplet._input.progress import show_progress
from sklearn_triplet._input.random import draw_seeds
from sklearn_triplet._input.types import (
    ClipsLike,
    Device,
    LabelsLike,
    Optimizer,
    RandomState,
    StrategyName,
)
from sklearn_triplet._sampling.strategies import STRATEGIES, Strategy, check_strategy
from sklearn_triplet._training.encoding import (
    EncoderLike,
    count_components,
    encode_clips,
    mean_and_deviation,
)
from sklearn_triplet._training.loop import seeded_torch, train
from sklearn_triplet._training.triplet_loss import describe_troubles


def _has_columns(estimator: TripletEmbedder) -> bool:
    """Whether transform returns a table, or may do so once it is fitted."""
    return estimator.output == "clip" or getattr(estimator, "flat_", True)


class TripletEmbedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Embedding learned from labeled and unlabeled clips by a triplet loss.

    Anchors, positives and negatives are drawn by one of the sampling strategies of
    Table 1, segments of 0.96 s are encoded by the convolutional network of section 4.4
    and the hinge of eq. (1) is minimised.

    Parameters
    ----------
    strategy : {"s1", "s2", "s3", "s4", "s5"} or Strategy, default="s2"
        How triplets are drawn: a column of Table 1, or selectors of one's own.
    n_components : int, default=64
        Components of the embedding, per frame.
    labeled_ratio : float, default=0.5
        Labeled anchors among all, in [0, 1] (section 4.6, Table 3). Where there are
        only labeled or only unlabeled clips, or the strategy uses only labeled ones,
        all anchors are of that kind.
    n_triplets : int, default=None
        Triplets per epoch, redrawn every epoch, no anchor twice before all have been
        used. ``None``: every labeled segment once, and unlabeled ones by
        ``labeled_ratio``.
    margin : float, default=0.5
        Delta of eq. (1), a squared distance, greater than 0.
    normalize : bool, default=True
        Whether f(x) is scaled to unit length in the loss. The paper's setting is
        ``margin=1, normalize=False``; the default was better on the validation fold of
        real recordings. The output of ``transform`` is never scaled.
    pooling : {"mean", "flatten"}, default="mean"
        How the frames of a segment make one vector f(x) in the loss.
    scaling : {"feature", "common"}, default="feature"
        Whether every feature is divided by its own standard deviation, or all by one.
        ``"common"`` is for features of one unit, such as pixels: those that hardly vary
        then hardly count.
    segment_length : int, default=96
        Frames of a segment; 0.96 s at a hop of 10 ms (section 4.3).
    output : {"frames", "clip"}, default="frames"
        What ``transform`` returns: a sequence for ``SequenceTagger``, or mean and
        standard deviation over the frames of a clip for any scikit-learn estimator.
    encoder : {"auto", "conv", "dense"} or callable, default="auto"
        ``"auto"``: dense for a table, convolutional for clips. A callable is called
        with the number of features and returns a ``torch.nn.Module`` that maps
        (n, n_features, n_frames), and if its forward takes a second argument the
        valid frames (n,), to (n, any number of components, n_frames).
    max_epochs : int, default=10
        Passes; at the most if ``validation_fraction`` is given. 0: only the scaling is
        learned, the encoder keeps its random weights (a strong baseline).
    lr : float, default=0.001
        Learning rate.
    batch_size : int, default=64
        Triplets per step; the negatives are chosen within a batch.
    optimizer : class, default=torch.optim.Adam
        A torch optimizer, or ``functools.partial`` of one with further settings.
    device : str or torch.device, default="cpu"
        Where to compute, such as ``"cuda"``.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the encoder in training. ``"bfloat16"`` is about twice as fast on recent
        CPUs and GPUs; ``transform`` computes in float32 in any case.
    validation_fraction : float, default=None
        Clips set apart, in (0, 1), to stop early when the loss of their triplets has
        not improved for ``patience`` epochs; the best weights are kept.
    patience : int, default=5
        See ``validation_fraction``.
    callbacks : list of skorch callbacks, default=None
        Checkpoints, progress bars, schedules. They are cloned.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the last weights and scaling.
    verbose : int, default=0
        1: a line per epoch.
    random_state : int, RandomState instance or None, default=None
        Decides weights, triplets, transformations and the validation split.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net.
    history_ : skorch.history.History
        Per epoch: ``train_loss``, ``active_triplets`` (fraction with a loss),
        ``empty_semi_hard`` (fraction without a candidate farther than the positive),
        ``no_negative``, ``substituted_positives``, and two measures of collapse,
        ``effective_rank`` (1 to n_components) and ``spread`` (0 to 1).
    strategy_ : Strategy
        What was used.
    scaler_ : FrameScaler
        Mean and standard deviation per feature over all training frames.
    n_components_ : int
        Components per frame.
    n_features_in_ : int
        Features, such as mel bands.
    n_iter_ : int
        Epochs that were run.
    structure_ : dict
        The parameters that the weights are made for: ``warm_start`` and
        ``partial_fit`` refuse to go on with others.

    See Also
    --------
    SequenceTagger : Classifies the sequences that this returns.

    References
    ----------
    N. Turpault, R. Serizel and E. Vincent, "Semi-supervised triplet loss based
    learning of ambient audio embeddings", ICASSP 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_triplet import TripletEmbedder
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(8, 64, 200)).astype("float32")
    >>> y = [0, 0, 1, 1, -1, -1, -1, -1]
    >>> embedder = TripletEmbedder(strategy="s2", max_epochs=1, random_state=0)
    >>> embedder.fit(X, y).transform(X).shape
    (8, 64, 200)
    """

    def __init__(
        self,
        strategy: StrategyName | Strategy = "s2",
        *,
        n_components: int = 64,
        labeled_ratio: float = 0.5,
        n_triplets: int | None = None,
        margin: float = 0.5,
        normalize: bool = True,
        pooling: Literal["mean", "flatten"] = "mean",
        scaling: Literal["feature", "common"] = "feature",
        segment_length: int = 96,
        output: Literal["frames", "clip"] = "frames",
        encoder: EncoderLike = "auto",
        max_epochs: int = 10,
        lr: float = 1e-3,
        batch_size: int = 64,
        optimizer: Optimizer = torch.optim.Adam,
        device: Device = "cpu",
        precision: Literal["float32", "bfloat16"] = "float32",
        validation_fraction: float | None = None,
        patience: int = 5,
        callbacks: Sequence[Callback] | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        random_state: RandomState = None,
    ) -> None:
        self.strategy = strategy
        self.n_components = n_components
        self.labeled_ratio = labeled_ratio
        self.n_triplets = n_triplets
        self.margin = margin
        self.normalize = normalize
        self.pooling = pooling
        self.scaling = scaling
        self.segment_length = segment_length
        self.output = output
        self.encoder = encoder
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.device = device
        self.precision = precision
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: ClipsLike, y: LabelsLike | None = None) -> Self:
        """Learn the embedding.

        Parameters
        ----------
        X : array-like of shape (n_clips, n_features, n_frames), list of arrays of \
                shape (n_features, n_frames_i), or array-like of shape (n_samples, \
                n_features)
            Clips; shorter ones end in frames of NaN, or come in a list.
        y : array-like of shape (n_clips,) or (n_clips, n_classes), default=None
            A class per clip, -1 where unlabeled, or an indicator of 0 and 1, -1 where
            unknown. ``None``: all unlabeled.

        Returns
        -------
        self : TripletEmbedder

        Raises
        ------
        ValueError
            Where a parameter, a clip or a label is not as described above, or the
            strategy needs labels that y does not have.
        """
        check_parameters(self)
        goes_on = self.warm_start and hasattr(self, "net_")
        clips = check_clips(self, X, reset=not goes_on)
        labels = check_labels(y, len(clips), type(self).__name__)
        check_enough(self, clips, labels, y is None)
        return self._fit(clips, labels, goes_on)

    def partial_fit(self, X: ClipsLike, y: LabelsLike | None = None) -> Self:
        """Go on learning with new clips, for ``max_epochs`` epochs a call.

        Scaling, weights, averages of the optimizer and history are kept, whatever
        ``warm_start`` says; the first call does what ``fit`` does.

        Parameters
        ----------
        X, y : as in ``fit``
            Only these clips are learned from, so mix in some of the earlier ones. The
            classes may be others than before: labels do nothing but choose triplets.

        Returns
        -------
        self : TripletEmbedder

        Raises
        ------
        ValueError
            As in ``fit``, and where X has another number of features than before.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_triplet import TripletEmbedder
        >>> X = np.random.default_rng(0).normal(size=(8, 64, 100))
        >>> embedder = TripletEmbedder("s1", max_epochs=1, random_state=0)
        >>> embedder.fit(X[:4]).partial_fit(X[4:]).n_iter_
        2
        """
        check_parameters(self)
        goes_on = hasattr(self, "net_")
        clips = check_clips(self, X, reset=not goes_on)
        labels = check_labels(y, len(clips), type(self).__name__)
        check_enough(self, clips, labels, y is None)
        return self._fit(clips, labels, goes_on)

    structure_: dict[str, object]  # what the weights are made for

    def _fit(self, clips: Clips, labels: Labels, goes_on: bool) -> Self:
        seeds = draw_seeds(self.random_state, 4)
        if goes_on:
            # other triplets than in the epochs before
            seeds = [seed + self.n_iter_ for seed in seeds]
        keep_structure(self, goes_on)
        self.strategy_ = check_strategy(self.strategy)
        rows, valid = split_rows(self, labels, seeds[0])
        self.flat_ = clips.flat
        if not goes_on:
            common = self.scaling == "common"
            self.scaler_ = FrameScaler.fit(clips, common, self.verbose)
        data = make_data(self, clips, labels, rows, seeds[1])
        valid_data = None
        if valid is not None:
            valid_data = make_data(self, clips, labels, valid, seeds[2], repeat=True)
        with seeded_torch(seeds[3], self.device):
            previous = self.net_ if goes_on else None
            module = build_module(self, clips, previous)
            self.n_components_ = count_components(module, clips.n_features)
            self.net_: NeuralNet = build_triplet_net(self, module, valid_data, previous)
            train(self.net_, data)
        self._finish(labels.n_kinds)
        return self

    def transform(self, X: ClipsLike) -> NDArray[np.float32]:
        """Embed every frame of the clips.

        Parameters
        ----------
        X : as in ``fit``

        Returns
        -------
        embeddings : ndarray, float32
            ``output="frames"``: shape (n_clips, n_components, n_frames), NaN where a
            clip is shorter than the longest, or (n_samples, n_components) for a table.
            ``output="clip"``: shape (n_clips, 2 * n_components), mean and standard
            deviation over the frames of each clip.
        """
        check_is_fitted(self)
        clips = check_clips(self, X, reset=False)
        frames = show_progress(
            encode_clips(self.net_, clips, self.scaler_),
            "Embedding",
            unit="clip",
            total=len(clips),
            verbose=self.verbose,
        )
        if self.output == "clip":
            return np.stack([mean_and_deviation(clip) for clip in frames])
        shape = len(clips), self.n_components_, clips.lengths.max()
        embeddings = np.full(shape, np.nan, dtype=np.float32)
        for row, clip in zip(embeddings, frames, strict=True):
            row[:, : clip.shape[1]] = clip
        return embeddings[:, :, 0] if clips.flat else embeddings

    @available_if(_has_columns)
    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Return names such as tripletembedder0 of the columns of a table.

        Only where ``transform`` returns a table: ``output="clip"``, or X is one.

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
        self : TripletEmbedder
        """
        return super().set_output(transform=transform) if _has_columns(self) else self

    @property
    def _n_features_out(self) -> int:
        return self.n_components_ * (2 if self.output == "clip" else 1)

    @property
    def history_(self) -> History:
        """The skorch history of the net."""
        return self.net_.history

    def _finish(self, n_kinds: int) -> None:
        """Say in words what the history says in numbers."""
        self.n_iter_ = len(self.history_)
        if not self.n_iter_:
            return
        last = self.history_[-1]
        if not np.isfinite(last["train_loss"]):
            del self.net_  # of no use, and nothing to go on from
            raise ValueError(
                f"The triplet loss became {last['train_loss']} in epoch "
                f"{self.n_iter_}. Lower lr (now {self.lr!r}) or set normalize=True, "
                "and fit anew: the weights are lost."
            )
        for sentence in describe_troubles(last, self.n_components_, n_kinds):
            warnings.warn(sentence, UserWarning, stacklevel=4)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.two_d_labels = True
        # tags are asked for before parameters are checked: anything may stand here
        given = self.strategy
        strategy = STRATEGIES.get(given) if isinstance(given, str) else given
        tags.target_tags.required = not getattr(strategy, "uses_unlabeled", True)
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
