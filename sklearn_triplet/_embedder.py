"""TripletEmbedder: clips (n_clips, n_features, n_frames) in, embeddings out."""

from __future__ import annotations

import numbers
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from skorch.callbacks import Callback

from sklearn_triplet._input.clips import Clips, FrameScaler, check_clips
from sklearn_triplet._input.labels import Labels, check_labels
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
    StrategyName,
)
from sklearn_triplet._input.warn import warn
from sklearn_triplet._sampling.segments import SegmentedClips
from sklearn_triplet._sampling.strategies import STRATEGIES, Strategy, check_strategy
from sklearn_triplet._training.encoding import (
    EncoderLike,
    build_encoder,
    count_components,
    encode_clips,
    mean_and_deviation,
)
from sklearn_triplet._training.estimator import COLLAPSED, ClipsEstimator, EmbedsClips
from sklearn_triplet._training.networks import Precision
from sklearn_triplet._training.pseudo_labeling import (
    GuessesClips,
    PseudoLabeler,
    guess_clips,
)
from sklearn_triplet._training.state import StatefulData
from sklearn_triplet._training.triplet_data import TripletBatches, TripletData
from sklearn_triplet._training.triplet_loss import (
    NegativeMonitor,
    TripletHistory,
    TripletLoss,
    TripletNetwork,
)

# what the weights and their averages are made for
STRUCTURE = ("n_components", "encoder", "scaling", "pooling", "segment_length")


class TripletEmbedder(GuessesClips, EmbedsClips, ClipsEstimator):
    r"""Embedding learned from labeled and unlabeled clips by a triplet loss.

    Anchors, positives and negatives are drawn by one of the sampling strategies of
    Table 1 of [1]_, segments of 0.96 s are encoded by the convolutional network of
    section 4.4 and the hinge of eq. (1) is minimised.

    Parameters
    ----------
    strategy : {"s1", "s2", "s3", "s4", "s5", "pseudo"} or Strategy, default="s2"
        How triplets are drawn: a column of Table 1, or selectors of one's own.
        ``"pseudo"`` is not the paper's: ``"s2"``, and once the network has learned
        something, unlabeled anchors by what it guesses that they are. A
        search over the parameters of selectors begins with a ``Strategy``, such as
        ``STRATEGIES["s3"]``; its grid may then hold
        ``strategy__unlabeled_positive__n_neighbors``.
    n_components : int, default=64
        Components of the embedding, per frame.
    labeled_ratio : float, default=0.5
        Labeled anchors among all, in [0, 1] (section 4.6, Table 3). Where there are
        only labeled or only unlabeled clips, all anchors are of that kind; with a
        strategy that uses only labeled ones, such as ``"s4"`` and ``"s5"``, another
        value than the default warns that it has no effect.
    n_triplets : int, default=None
        Triplets per epoch, redrawn every epoch, no anchor twice before all have been
        used. ``None``: every labeled segment once, and unlabeled ones by
        ``labeled_ratio``, which is few steps where labels are few (see Notes).
    margin : float, default=0.5
        Delta of eq. (1), a squared distance, greater than 0.
    normalize : bool, default=True
        Whether *the loss* compares f(x) of unit length, so that squared distances lie
        in [0, 4]. It says nothing of the output: what ``transform`` returns is never
        scaled. The paper's setting is ``margin=1, normalize=False``; the default was
        better on the validation fold of real recordings.
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
    encoder : {"auto", "conv", "deep", "dense"} or callable, default="auto"
        ``"conv"``, ``"deep"``, ``"dense"``: ``ConvEncoder``, the paper's;
        ``DeepConvEncoder``; ``DenseEncoder``. ``"auto"``: dense for a table, else the
        paper's. A callable is called with the number of features, and with
        ``n_components`` by name if it has such a parameter, and returns a
        ``torch.nn.Module`` that maps (n, n_features, n_frames), and if its forward
        takes a second argument the valid frames (n,),
        to (n, any number of components, n_frames). Clips of more than 8192 frames are
        encoded in pieces where the module has an attribute ``context_frames``, the
        frames on each side of one that decide over it, and ``frame_stride`` where it
        pools frames; without, in one pass.
    max_epochs : int, default=10
        Epochs; at the most if ``validation_fraction`` is given. 0: only the scaling is
        learned, the encoder keeps its random weights (a strong baseline).
    lr : float, default=0.001
        Learning rate.
    batch_size : int, default=64
        Triplets per step, at least 2: the negatives are chosen within a batch.
    optimizer : class, default=torch.optim.Adam
        A torch optimizer, or ``functools.partial`` of one with further settings.
    device : str or torch.device, default="cpu"
        Where to compute, such as ``"cuda"``.
    precision : {"auto", "float32", "bfloat16"}, default="float32"
        Of the encoder in training. ``"bfloat16"`` is about twice as fast where the
        processor or GPU has instructions for it, and many times slower elsewhere;
        ``"auto"`` takes it where it has them. ``transform`` computes in float32 in any
        case.
    validation_fraction : float, default=None
        Clips set apart, in (0, 1), to stop early when the loss of their triplets has
        not improved for ``patience`` epochs; the best weights are kept.
    patience : int, default=5
        See ``validation_fraction``.
    callbacks : list of skorch callbacks, default=None
        Checkpoints, progress bars, schedules. They are cloned.
    checkpoint : str or path-like, default=None
        A folder, in which the fit keeps its state after epochs. One that was killed
        goes on from there when ``fit`` is called again, to the very result of an
        uninterrupted one; see the user guide, "A fit that is killed".
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
        Per epoch: ``train_loss``; over its triplets ``active_triplets`` (fraction with
        a loss), ``empty_semi_hard`` (fraction without a candidate farther than the
        positive), ``no_negative``, ``substituted_positives`` and ``false_negatives``
        (fraction that has a label in common with the anchor, among the negatives of
        which that is known); and of its last batch two measures of collapse,
        ``effective_rank`` (1 to n_components) and ``spread`` (0 to 1). With
        pseudo-labels, ``false_negatives`` goes by them too, and there are
        ``pseudo_labeled`` (fraction of the unlabeled clips) and
        ``changed_pseudo_labels`` (fraction that is another than before).
    pseudo_labels_ : ndarray of shape (n_clips,) or (n_clips, n_classes)
        Only with a strategy that uses pseudo-labels: the labels of the training clips,
        and what is guessed of the others after the last epoch, however unsure; -1 where
        a clip could not be read or there is nothing to guess from.
    pseudo_label_confidence_ : ndarray of shape (n_clips,) or (n_clips, n_classes)
        The probability of each guess, 1 where there was a label, NaN where
        ``pseudo_labels_`` is -1.
    strategy_ : Strategy
        What was used, with all that its selectors have prepared, such as
        ``strategy_.unlabeled_positive.neighbors_`` after a fit with ``"s3"``.
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
    SequenceTagger : Classifies the sequences that ``output="frames"`` returns.
    LabeledOnly : Any classifier of scikit-learn, behind ``output="clip"``.
    Strategy : Puts selectors together.

    Notes
    -----
    An epoch is a set of triplets of an anchor, a positive and a negative, and the loss

    .. math:: \left[ \lVert f(x^a) - f(x^p) \rVert_2^2
              - \lVert f(x^a) - f(x^n) \rVert_2^2 + \delta \right]_+

    is averaged over those of a batch (eq. (1)). Anchors are drawn without repetition
    until all segments have been used; each segment of a batch is encoded once, whatever
    its roles.

    At the defaults, 10, 30, 300 or 3 000 labeled clips of five seconds and many
    unlabeled ones are 2, 5, 47 or 469 steps an epoch with ``"s1"`` to ``"s3"``, and
    half as many with ``"s4"`` and ``"s5"``. More of them at 10 to 100 labels did not
    pay where it was measured: 20 an epoch take up to twenty times the time, for a
    difference in macro F1 that cannot be told from zero, and of a table they make
    ``"s1"`` to ``"s3"`` worse (``benchmarks/step_budget.py``). Triplets of the same
    few labeled segments soon have no loss any more; ``TripletTagger`` augments them.

    Clips of which all frames are NaN, as ``LogMel(errors="warn")`` returns them for
    files that cannot be read, are left out of the fit with a warning that counts them;
    ``transform`` returns NaN in their rows.

    Two fits with one ``random_state`` are bit-identical on one machine and number of
    threads. No global generator is touched.

    References
    ----------
    .. [1] N. Turpault, R. Serizel and E. Vincent, "Semi-supervised triplet loss based
       learning of ambient audio embeddings", ICASSP 2019,
       https://hal.science/hal-02025824.

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

    encoder: EncoderLike  # without None, which other estimators allow

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
        precision: Precision = "float32",
        validation_fraction: float | None = None,
        patience: int = 5,
        callbacks: Sequence[Callback] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
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
        self.checkpoint = checkpoint
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
            Where a parameter, a clip or a label is not as described above, the
            strategy needs labels that y does not have, the first epoch diverges, or
            what ``checkpoint`` holds is damaged or of another version.
        OSError
            Where ``checkpoint`` cannot be written to.

        Warns
        -----
        UserWarning
            Where clips could not be read, a parameter has no effect, the embedding has
            collapsed, many anchors found no partner, a later epoch diverged or the loss
            rose, or ``checkpoint`` holds other unfinished fits.
        """
        check_choice(self, "warm_start", [False, True])
        goes_on = bool(self.warm_start) and hasattr(self, "net_")
        return self._fit(X, y, goes_on=goes_on)

    def partial_fit(self, X: ClipsLike, y: LabelsLike | None = None) -> Self:
        """Go on learning with new clips, for ``max_epochs`` epochs a call.

        Scaling, weights, averages of the optimizer and history are kept, whatever
        ``warm_start`` says; the first call does what ``fit`` does. Later ones keep
        nothing in the folder ``checkpoint``.

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
        return self._fit(X, y, goes_on=hasattr(self, "net_"))

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
            deviation over the frames of each clip. Rows of clips that hold only NaN
            are NaN. Clips may be hours long, and X a memory map: they are read in
            overlapping pieces, to the result of one pass but for rounding.

        Raises
        ------
        ValueError
            Where X has another number of features than in ``fit``, or a clip is empty
            or holds NaN before its last valid frame.
        """
        check_is_fitted(self)
        clips = check_clips(self, X, reset=False)
        rows = clips.find_readable(type(self).__name__)
        encoded = show_progress(
            encode_clips(self.net_, clips.take(rows), self.scaler_),
            "Embedding",
            unit="clip",
            total=len(rows),
            verbose=self.verbose,
        )
        if self.output == "clip":
            pooled = np.full((len(clips), self._n_features_out), np.nan, np.float32)
            for row, parts in zip(rows, encoded, strict=True):
                pooled[row] = mean_and_deviation(parts)
            return pooled
        n_frames = max(int(clips.lengths.max()), 1)
        shape = len(clips), self.n_components_, n_frames
        embeddings = np.full(shape, np.nan, dtype=np.float32)
        for row, parts in zip(rows, encoded, strict=True):
            begin = 0
            for part in parts:
                end = begin + part.shape[1]
                # frames beyond the end of a clip stay NaN, as in X
                embeddings[row, :, begin:end] = part
                begin = end
        return embeddings[:, :, 0] if clips.flat else embeddings

    def set_params(self, **params: Any) -> Self:
        """Set parameters, those of selectors by ``strategy__...``.

        Parameters
        ----------
        **params : dict
            As everywhere in scikit-learn.

        Returns
        -------
        self : TripletEmbedder

        Raises
        ------
        ValueError
            Where a parameter does not exist, or belongs to a selector while
            ``strategy`` is a key of Table 1.
        """
        # scikit-learn's own words here are: 'str' object has no attribute 'set_params'
        nested = [name for name in params if name.startswith("strategy__")]
        if nested and isinstance(params.get("strategy", self.strategy), str):
            key = params.get("strategy", self.strategy)
            raise ValueError(
                f"The parameter {nested[0]!r} of TripletEmbedder belongs to a "
                f"selector, but strategy={key!r} is a name. Give the selectors that it "
                f"names, strategy=STRATEGIES[{key!r}], to set or to search their "
                "parameters."
            )
        return super().set_params(**params)

    # --- the steps of the fit that are its own, in their order

    # an order that may grow at its end only: results would change with it
    _seed_names: ClassVar[tuple[str, ...]] = ("split", "data", "validation", "torch")
    _batches: ClassVar[Callable[..., Iterable[object]]] = TripletBatches

    structure_: dict[str, object]

    def _check_parameters(self) -> None:
        """Refuse what cannot be trained with; the range of each is in the docstring."""
        check_number(self, "n_components", numbers.Integral, 1, most=LARGEST_WIDTH)
        check_number(self, "segment_length", numbers.Integral, 1)
        # a batch of one triplet has no candidate of another clip
        check_number(self, "batch_size", numbers.Integral, 2)
        if self.n_triplets is not None:
            check_number(self, "n_triplets", numbers.Integral, 2)
        check_number(self, "labeled_ratio", numbers.Real, 0, 1)
        if self.labeled_ratio:  # an epoch is by its inverse longer than all labels
            check_number(self, "labeled_ratio", numbers.Real, 1e-6, 1)
        check_number(self, "margin", numbers.Real, 0, left="open")
        self._check_loop()
        self._check_stopping()
        check_choice(self, "normalize", [False, True])
        check_choice(self, "pooling", ["mean", "flatten"])
        check_choice(self, "scaling", ["feature", "common"])
        check_choice(self, "output", ["frames", "clip"])
        self._check_precision()
        self._check_encoder(["auto", "conv", "deep", "dense"])
        # a search over all strategies and ratios is allowed, and told what it repeats
        if not check_strategy(self.strategy).uses_unlabeled:
            self._warn_ignored(
                "labeled_ratio", "with a strategy that draws labeled anchors only"
            )

    def _read_labels(self, y: LabelsLike | None, n_clips: int) -> Labels:
        """Read y; a Pipeline without one is told what the strategy needs it for."""
        if y is None and not check_strategy(self.strategy).uses_unlabeled:
            raise ValueError(
                f"Strategy {self.strategy!r} draws triplets from labeled clips only, "
                "but TripletEmbedder requires y to be passed, but the target y is "
                "None. Give labels, or choose 's1', 's2' or 's3'."
            )
        return check_labels(y, n_clips, type(self).__name__)

    def _select(self, clips: Clips, labels: Labels) -> tuple[Clips, Labels]:
        """Return the clips that could be read, and remember which they are."""
        rows = clips.find_readable(type(self).__name__)
        # those of the last fit, perhaps with another strategy
        for name in ("pseudo_labels_", "pseudo_label_confidence_"):
            vars(self).pop(name, None)
        if check_strategy(self.strategy).uses_pseudo_labels:
            self._begin_guesses(labels, rows)
        return clips.take(rows), labels.take(rows)

    def _begin(self, clips: Clips, labels: Labels, goes_on: bool) -> None:
        """Refuse what makes no triplet; set what transform has to know."""
        strategy = check_strategy(self.strategy)
        why = strategy.why_no_triplets(labels)
        if why is not None:
            raise ValueError(f"Strategy {self.strategy!r} {why}")
        if strategy.uses_pseudo_labels:
            strategy.find_guesser().check()
            self._warn_of_no_guess(labels)
        self._keep_structure(goes_on)
        self.strategy_ = strategy
        self.flat_ = clips.flat

    def _warn_of_no_guess(self, labels: Labels) -> None:
        """Warn where a strategy guesses from labels, and there are too few kinds."""
        # where all is labeled, nothing has to be guessed
        if labels.n_kinds > 1 or not (len(labels.present) > labels.labeled.sum()):
            return
        n_labeled, n_clips = int(labels.labeled.sum()), len(labels.present)
        kinds = f"{labels.n_kinds} class" + "es" * (labels.n_kinds != 1)
        warn(
            f"Strategy {self.strategy!r} guesses what unlabeled clips are from labels "
            f"of at least 2 classes, but y labels {n_labeled} of {n_clips} clips, of "
            f"{kinds}. Nothing is guessed: triplets of unlabeled clips are drawn as in "
            "'s1'. Label clips of at least 2 classes."
        )

    def _keep_structure(self, goes_on: bool) -> None:
        """Remember what the weights are made for; refuse to go on with another."""
        # not all of these show in the shape of the weights: another scaling, or another
        # pooling, would go unnoticed and undo what was learned
        structure = {name: getattr(self, name) for name in STRUCTURE}
        if not goes_on:
            self.structure_ = structure
            return
        for name, before in self.structure_.items():
            # identity first: callables need not compare as equal
            if structure[name] is not before and structure[name] != before:
                raise ValueError(
                    f"The {name!r} parameter of TripletEmbedder was {before!r} when "
                    f"its network was made and is {structure[name]!r} now. Set it back "
                    "to go on with that network, or fit a clone to begin anew."
                )

    def _check_split(self, labels: Labels, train: IntArray, valid: IntArray) -> None:
        """Refuse a split of which either side makes no triplet."""
        # what validates need not hold every kind of anchor
        for rows, each_kind in ((train, True), (valid, False)):
            why = self.strategy_.why_no_triplets(labels.take(rows), each_kind=each_kind)
            if why is not None:
                raise ValueError(
                    f"The 'validation_fraction' parameter of TripletEmbedder leaves "
                    f"{len(train)} clips to train and {len(valid)} to validate, which "
                    f"is too few for triplets: strategy {self.strategy!r} {why} Got "
                    f"{self.validation_fraction!r}: change it, or label more clips."
                )

    def _fit_scaler(self, clips: Clips) -> FrameScaler:
        """Measure the features as ``scaling`` says."""
        return FrameScaler.fit(clips, self.scaling == "common", self.verbose)

    def _make_data(
        self,
        clips: Clips,
        labels: Labels,
        rows: IntArray,
        seeds: dict[str, int],
        validates: bool = False,
    ) -> TripletData:
        """Cut some clips into segments that triplets are drawn from."""
        segments = SegmentedClips(
            clips.take(rows),
            labels.take(rows),
            self.scaler_,
            int(self.segment_length),
            self.verbose,
        )
        return TripletData(
            segments,
            # selectors keep what they prepare: the validation clips get their own
            check_strategy(self.strategy) if validates else self.strategy_,
            self.labeled_ratio,
            # n_triplets is of an epoch of training; what validates are all of them
            None if validates or self.n_triplets is None else int(self.n_triplets),
            seeds["validation" if validates else "data"],
            repeat=validates,
        )

    def _make_module(self, clips: Clips, previous: NeuralNet | None) -> TripletNetwork:
        """Return f(x): a new encoder, or that of the last fit, with today's loss."""
        owner, n_features = type(self).__name__, clips.n_features
        if previous is None:
            encoder = build_encoder(
                self.encoder,
                n_features,
                int(self.n_components),
                flat=clips.flat,
                owner=owner,
            )
        else:
            encoder = previous.module_.encoder
        module = TripletNetwork(
            encoder, self.pooling, self.normalize, self.precision, self.strategy_
        )
        self.n_components_ = count_components(module, n_features, owner)
        return module

    def _make_criterion(self) -> TripletLoss:
        """Return eq. (1)."""
        return TripletLoss(float(self.margin))

    def _make_callbacks(self, seeds: dict[str, int]) -> list[Callback]:
        """Return what guesses, and what writes the triplets into the history."""
        history = [TripletHistory(), NegativeMonitor()]
        if not self.strategy_.uses_pseudo_labels:
            return history
        # no seed of its own: the draws of other strategies must not move
        seed = seeds["data"] + 1
        guesser = self.strategy_.find_guesser()
        return [PseudoLabeler(guesser, self.max_epochs, seed), *history]

    def _other_cure(self) -> str:
        """Name what bounds the embeddings, where nothing does."""
        return "" if self.normalize else " or set normalize=True"

    def _finish(self, clips: Clips, labels: Labels, data: StatefulData) -> None:
        """Warn of what the history shows, and guess a last time what clips are."""
        # an untrained encoder has no history
        if self.n_iter_:
            self._look_at_history(labels)
        if self.strategy_.uses_pseudo_labels:
            guesser = self.strategy_.find_guesser()
            self._keep_guesses(
                guess_clips(self.net_, clips, labels, self.scaler_, guesser), labels
            )

    def _answer(self, clips: Clips) -> np.ndarray:
        """Return mean and deviation of the embedding of clips."""
        encoded = encode_clips(self.net_, clips, self.scaler_)
        return np.stack([mean_and_deviation(parts) for parts in encoded])

    def _look_at_history(self, labels: Labels) -> None:
        """Warn of what the history shows."""
        for sentence in self._describe_troubles(self.history_[-1], labels.n_kinds):
            warn(sentence)

    def _describe_troubles(self, epoch: Mapping[str, float], n_kinds: int) -> list[str]:
        """Say in words what the history of the last epoch says in numbers.

        Parameters
        ----------
        epoch : dict
            A row of the history.
        n_kinds : int
            Kinds of labels: with two of them the best embedding may be a line.

        Returns
        -------
        sentences : list of str
        """
        sentences = []
        # a rare class in a fold is no news; below this the triplets hardly change
        if epoch["substituted_positives"] > 0.1:
            sentences.append(
                f"{epoch['substituted_positives']:.0%} of the anchors had no other "
                "clip with their label, or no positive by the selector's rule, so "
                "another segment of the clip, a transformed copy or the anchor itself "
                "was taken. Label more clips of the rare classes."
            )
        if epoch["no_negative"] > 0.25:
            sentences.append(
                f"{epoch['no_negative']:.0%} of the anchors found no negative among "
                "the candidates of their batch and taught nothing. Raise batch_size, "
                "or label clips that have no class in common with the others."
            )
        on_a_line = epoch["effective_rank"] < 1.5 < self.n_components_ and n_kinds != 2
        if on_a_line or epoch["spread"] < COLLAPSED:
            sentences.append(
                f"The embedding has collapsed: effective rank "
                f"{epoch['effective_rank']:.2f} of {self.n_components_}, spread "
                f"{epoch['spread']:.1e}. Lower lr, raise batch_size, or set "
                "normalize=True."
            )
        return sentences

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.two_d_labels = True
        # common checks of what needs y then give one, and expect a refusal without;
        # tags are asked for before parameters are checked: anything may stand here
        given = self.strategy
        strategy = STRATEGIES.get(given) if isinstance(given, str) else given
        tags.target_tags.required = not getattr(strategy, "uses_unlabeled", True)
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
