"""A fitted embedder and its clips in; triplets, and a picture of one, out."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from sklearn_triplet._displays.axes import (
    check_matplotlib,
    draw_features,
    find_frame_duration,
    find_limits,
    make_axes,
    trim,
)
from sklearn_triplet._embedder import TripletEmbedder
from sklearn_triplet._features.log_mel import LogMel
from sklearn_triplet._input.clips import check_clips
from sklearn_triplet._input.labels import Labels, check_labels
from sklearn_triplet._input.parameters import check_interval
from sklearn_triplet._input.random import draw_seeds
from sklearn_triplet._input.types import (
    ClipsLike,
    IntArray,
    LabelsLike,
    RandomState,
    StrategyName,
)
from sklearn_triplet._sampling.pseudo_labels import choose_surest
from sklearn_triplet._sampling.segments import SegmentedClips
from sklearn_triplet._sampling.strategies import Strategy, check_strategy
from sklearn_triplet._training.pseudo_labeling import guess_clips
from sklearn_triplet._training.triplet_data import TripletData
from sklearn_triplet._training.triplet_loss import TripletNetwork, describe_candidates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OWNER = "TripletDisplay"
ROLES = "anchor", "positive", "negative"


def sample_triplets(
    embedder: TripletEmbedder,
    X: ClipsLike,
    y: LabelsLike | None = None,
    *,
    rows: ArrayLike | None = None,
    n_triplets: int = 64,
    strategy: StrategyName | Strategy | None = None,
    random_state: RandomState = None,
) -> Bunch:
    """Sample triplets as a fit would, to look at them.

    Anchors and positives are drawn by the strategy, negatives are chosen among all of
    them by the embedding as it is now: the next batch that a fit would see.

    Parameters
    ----------
    embedder : TripletEmbedder
        Fitted; nothing of it is changed. With ``max_epochs=0`` it is the network before
        the first step.
    X : as in ``embedder.fit``
    y : as in ``embedder.fit``
    rows : array-like of shape (n_rows,), default=None
        Clips of X, of each of which a random segment is the anchor. ``None``: as in an
        epoch, with the ``labeled_ratio`` of the embedder.
    n_triplets : int, default=64
        Triplets, at least 2, where ``rows`` is None; in any case the size of the batch
        in which negatives are looked for, unless there are more rows.
    strategy : {"s1", "s2", "s3", "s4", "s5", "pseudo"} or Strategy, default=None
        ``None``: that of the embedder. With another one it is told what that would
        sample by the same embedding.
    random_state : int, RandomState instance or None, default=None
        Decides over anchors, positives and negatives.

    Returns
    -------
    triplets : :class:`~sklearn.utils.Bunch`
        With the attributes

        segments : ndarray of shape (n, 3, n_features, segment_length), float32
            Anchors, positives and negatives, in the units of X; NaN behind their end,
            and where there is no negative. A transformed copy is shown as it is.
        rows : ndarray of shape (n, 3), int
            The clip of each; that of a transformed copy is its anchor's. -1: none.
        start : ndarray of shape (n, 3), int
            The first frame of each within its clip; -1: none.
        embeddings : ndarray of shape (n, 3, n_outputs), float32
            f(x), as the loss compares it.
        distances : ndarray of shape (n, 2), float32
            Squared distances from the anchor to positive and negative, the two terms of
            eq. (1) of the paper.
        loss : ndarray of shape (n,), float32
            ``max(distances[:, 0] - distances[:, 1] + margin, 0)``, 0 without a
            negative.
        labeled : ndarray of shape (n,), bool
            Whether the anchor's clip is labeled.

    Raises
    ------
    TypeError
        Where the embedder is none.
    ValueError
        Where a strategy makes no triplets of X and y, or cannot serve one of ``rows``.

    See Also
    --------
    TripletDisplay : Draws one of them.

    Examples
    --------
    What another strategy would sample of the same clips:

    >>> import numpy as np
    >>> from sklearn_triplet import TripletEmbedder, sample_triplets
    >>> X = np.random.default_rng(0).normal(size=(8, 16, 200))
    >>> y = [0, 0, 1, 1, -1, -1, -1, -1]
    >>> embedder = TripletEmbedder(max_epochs=1, random_state=0).fit(X, y)
    >>> triplets = sample_triplets(embedder, X, y, strategy="s5", random_state=0)
    >>> triplets.segments.shape
    (64, 3, 16, 96)
    >>> np.unique(np.asarray(y)[triplets.rows[:, 0]] == 1)  # labeled anchors of both
    array([False,  True])
    >>> (np.asarray(y)[triplets.rows[:, 1]] == np.asarray(y)[triplets.rows[:, 0]]).all()
    np.True_
    """
    owner = "sample_triplets"
    if not isinstance(embedder, TripletEmbedder):
        raise TypeError(
            f"{owner} samples triplets of a TripletEmbedder. Got "
            f"{type(embedder).__name__}: of a Pipeline give the step, pipe['emb'], and "
            "what the steps before it return as X."
        )
    check_is_fitted(embedder)
    check_interval(owner, "n_triplets", n_triplets, numbers.Integral, 2)
    clips = check_clips(embedder, X, reset=False)
    readable = clips.find_readable(owner)
    labels = check_labels(y, len(clips), owner).take(readable)
    asked = embedder.strategy if strategy is None else strategy
    selectors = check_strategy(asked)
    why = selectors.why_no_triplets(labels)
    if why is not None:
        raise ValueError(f"Strategy {asked!r} {why}")
    segments = SegmentedClips(
        clips.take(readable), labels, embedder.scaler_, embedder.segment_length
    )
    if selectors.uses_pseudo_labels:
        _guess(embedder, segments, labels, selectors)
    (seed,) = draw_seeds(random_state, 1)
    data = TripletData(segments, selectors, embedder.labeled_ratio, n_triplets, seed)
    anchors, n_asked = _draw_anchors(data, rows, readable, len(clips))
    return _take_triplets(embedder, data, anchors, n_asked, readable)


def _guess(
    embedder: TripletEmbedder,
    segments: SegmentedClips,
    labels: Labels,
    strategy: Strategy,
) -> None:
    """Give all clips their pseudo-labels, as in the last third of the epochs.

    Parameters
    ----------
    embedder : TripletEmbedder
        Whose embedding they are guessed from.
    segments : SegmentedClips
        Their guesses are replaced.
    labels : Labels
        A row per clip of ``segments``.
    strategy : Strategy
        Whose selector says how is guessed.
    """
    guesser = strategy.find_guesser()
    distributions = guess_clips(
        embedder.net_, segments.clips, labels, embedder.scaler_, guesser
    )
    if distributions is not None:
        floor = guesser.confidence_floor
        guesses = choose_surest(distributions, labels, 1.0, floor=floor)
        segments.guess(np.arange(len(distributions)), guesses, distributions)


def _draw_anchors(
    data: TripletData, rows: ArrayLike | None, readable: IntArray, n_clips: int
) -> tuple[IntArray, int]:
    """Draw the anchors of a batch, those that were asked for first.

    Parameters
    ----------
    data : TripletData
    rows : array-like of shape (n_rows,) or None
        Clips of X.
    readable : ndarray of int
        Which rows of X the clips of ``data`` are.
    n_clips : int
        Rows of X.

    Returns
    -------
    anchors : ndarray of shape (n,), int
        Segments.
    n_asked : int
        How many of them were asked for.
    """
    drawn = data.draw_epoch()
    if rows is None:
        return drawn, len(drawn)
    clips = _find_clips(data, rows, readable, n_clips)
    anchors = data.segments.draw_from_clips(clips, 1, data.rng)[:, 0]
    # what costs time per anchor has been looked up for those of the epoch only
    labeled = data.segments.labels.labeled[clips]
    selectors = data.strategy.labeled_positive, data.strategy.unlabeled_positive
    for selector, ids in zip(
        selectors, (anchors[labeled], anchors[~labeled]), strict=True
    ):
        if selector is not None and len(ids):
            selector.prepare_epoch(data.segments, ids)
    # the others of the batch are what negatives are chosen among
    others = drawn[~np.isin(drawn, anchors)][: max(len(drawn) - len(anchors), 1)]
    return np.concatenate([anchors, others]), len(anchors)


def _find_clips(
    data: TripletData, rows: ArrayLike, readable: IntArray, n_clips: int
) -> IntArray:
    """Return the clips of ``data`` that are asked for, or say which cannot serve.

    Parameters
    ----------
    data, rows, readable, n_clips : as in ``_draw_anchors``

    Returns
    -------
    clips : ndarray of shape (n_rows,), int
    """
    asked = np.atleast_1d(np.asarray(rows))
    if asked.dtype.kind not in "iu" or asked.ndim != 1 or not len(asked):
        raise ValueError(
            "The 'rows' parameter of sample_triplets must hold integers, rows of X. "
            f"Got {rows!r} instead."
        )
    # as everywhere in numpy, -1 is the last row
    wrong = asked[(asked < -n_clips) | (asked >= n_clips)]
    if len(wrong):
        raise ValueError(
            f"The 'rows' parameter of sample_triplets must lie in [0, {n_clips - 1}]. "
            f"Got {wrong.tolist()}."
        )
    places = np.full(n_clips, -1)
    places[readable] = np.arange(len(readable))
    clips = places[asked]
    labeled = data.segments.labels.labeled[clips]
    served = (clips >= 0) & (labeled | data.strategy.uses_unlabeled)
    if not served.all():
        raise ValueError(
            f"The 'rows' parameter of sample_triplets holds {asked[~served].tolist()}, "
            "which the strategy cannot serve: these clips are unlabeled, or could not "
            "be read."
        )
    return clips


def _take_triplets(
    embedder: TripletEmbedder,
    data: TripletData,
    anchors: IntArray,
    n_asked: int,
    readable: IntArray,
) -> Bunch:
    """Select positives and negatives of a batch, and keep the first triplets.

    Parameters
    ----------
    embedder : TripletEmbedder
    data : TripletData
    anchors : ndarray of int
        Segments.
    n_asked : int
        How many triplets are kept; the other anchors are candidates only.
    readable : ndarray of int
        Which rows of X the clips of ``data`` are.

    Returns
    -------
    triplets : Bunch
        As ``sample_triplets`` returns them.
    """
    inputs, _ = data.make_batch(anchors)
    found = _embed(embedder, data.strategy, inputs)
    n = len(anchors)
    # rows of the batch: anchors first, then their positives; -1 for no negative
    places = np.stack([np.arange(n), n + np.arange(n), found["index"]], axis=1)
    places = places[:n_asked]
    missing = places < 0

    def look_up(values: NDArray, empty: float) -> NDArray:
        taken = values[places]
        taken[missing] = empty
        return taken

    segments = data.segments
    X, lengths = inputs["X"].numpy()[:, 0], inputs["lengths"].numpy()[:, 0]
    X = segments.scaler.inverse_transform(X)
    X[np.broadcast_to(np.arange(X.shape[2]) >= lengths[:, None, None], X.shape)] = (
        np.nan
    )
    embeddings = look_up(found["embeddings"], np.nan)
    apart = np.square(embeddings[:, 1:] - embeddings[:, :1]).sum(axis=2)
    hinge = np.maximum(apart[:, 0] - apart[:, 1] + embedder.margin, 0)
    return Bunch(
        segments=look_up(X.astype(np.float32), np.nan),
        rows=look_up(readable[inputs["clips"].numpy()], -1),
        start=look_up(segments.start[inputs["segments"].numpy()], -1),
        embeddings=embeddings,
        distances=apart,
        loss=np.where(missing[:, 2], 0, hinge).astype(np.float32),
        labeled=inputs["labeled"].numpy()[:n_asked],
    )


def _embed(
    embedder: TripletEmbedder, strategy: Strategy, inputs: dict[str, torch.Tensor]
) -> dict[str, NDArray]:
    """Encode a batch and choose its negatives, by the network of the embedder.

    Parameters
    ----------
    embedder : TripletEmbedder
    strategy : Strategy
        Whose negative selectors choose.
    inputs : dict of tensors
        As ``TripletData.make_batch`` returns them.

    Returns
    -------
    found : dict of ndarray
        ``embeddings`` (2 * n_anchors, n_outputs), anchors first, and ``index``
        (n_anchors,), a row of these per anchor, -1 where there is no negative.
    """
    net = embedder.net_
    encoder = net.module_.encoder
    module = TripletNetwork(
        encoder, embedder.pooling, embedder.normalize, "float32", strategy
    )
    trained = encoder.training
    given = {name: value.to(net.device) for name, value in inputs.items()}
    X, lengths = given.pop("X"), given.pop("lengths")
    with torch.no_grad():
        # the averages of the batch norm must not move
        module.eval()
        # the forward of a TripletNetwork mines at once, and does not tell whom it chose
        embeddings = super(TripletNetwork, module).forward(X, lengths)
        candidates = describe_candidates(embeddings, given)
        labeled = given["labeled"][: len(candidates.distances)]
        index, _ = module.select_negatives(candidates, labeled)
        module.train(trained)
    return {"embeddings": embeddings.cpu().numpy(), "index": index.cpu().numpy()}


class TripletDisplay:
    """Anchor, positive and negative of a triplet, as spectrograms in one row.

    ``from_estimator`` samples a triplet by the strategy of a fitted embedder,
    ``from_predictions`` takes any three pictures. All parameters are kept as
    attributes.

    Parameters
    ----------
    anchor, positive, negative : array-like of shape (n_features, n_frames_i)
        NaN behind their end.
    distances : tuple of (float, float), default=None
        Squared distances from the anchor to positive and negative.
    names : sequence of 3 str, default=None
        What each is: its class, its clip.
    log_mel : LogMel, default=None
        The analysis that they come from, for hertz and seconds. ``None``: features and
        frames are counted.
    frame_duration : float, default=None
        Seconds from one frame to the next. ``None``: that of ``log_mel``.
    onsets : sequence of 3 float, default=None
        Where each begins within its clip, in seconds, or in frames where these are
        counted. ``None``: at 0.

    Attributes
    ----------
    axes_ : ndarray of 3 Axes
    images_ : list of 3 AxesImage
        All with the same range of colours, so that louder is brighter.
    figure_ : Figure

    See Also
    --------
    sample_triplets : Many of them, as arrays.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_triplet import TripletDisplay, TripletEmbedder
    >>> X = np.random.default_rng(0).normal(size=(8, 16, 200))
    >>> y = ["dog", "dog", "cat", "cat", -1, -1, -1, -1]
    >>> embedder = TripletEmbedder("s2", max_epochs=1, random_state=0).fit(X, y)
    >>> display = TripletDisplay.from_estimator(embedder, X, y, row=0, random_state=0)
    >>> display.names[:2]
    ['dog, clip 0', 'dog, clip 1']
    """

    def __init__(
        self,
        anchor: ArrayLike,
        positive: ArrayLike,
        negative: ArrayLike,
        *,
        distances: tuple[float, float] | None = None,
        names: Sequence[str] | None = None,
        log_mel: LogMel | None = None,
        frame_duration: float | None = None,
        onsets: Sequence[float] | None = None,
    ) -> None:
        self.anchor = anchor
        self.positive = positive
        self.negative = negative
        self.distances = distances
        self.names = names
        self.log_mel = log_mel
        self.frame_duration = frame_duration
        self.onsets = onsets

    @classmethod
    def from_estimator(
        cls,
        estimator: TripletEmbedder,
        X: ClipsLike,
        y: LabelsLike | None = None,
        *,
        row: int | None = None,
        strategy: StrategyName | Strategy | None = None,
        random_state: RandomState = None,
        target_names: ArrayLike | None = None,
        log_mel: LogMel | None = None,
        frame_duration: float | None = None,
        ax: Axes | Sequence[Axes] | None = None,
        **settings: Any,
    ) -> Self:
        """Sample a triplet as ``sample_triplets`` does, and draw it.

        Parameters
        ----------
        estimator : TripletEmbedder
            Fitted.
        X, y : as in its ``fit``
        row : int, default=None
            The clip that the anchor is of. ``None``: any.
        strategy, random_state : as in ``sample_triplets``
        target_names : array-like of shape (n_classes,), default=None
            Names of the columns of an indicator. ``None``: their numbers.
        log_mel, frame_duration : as in the class
        ax : Axes or sequence of Axes, default=None
            As in ``plot``.
        **settings : dict
            Of ``plot``.

        Returns
        -------
        display : TripletDisplay

        Raises
        ------
        TypeError, ValueError
            As in ``sample_triplets``, and where the anchor finds no negative.
        """
        check_matplotlib(f"{OWNER}.from_estimator")
        drawn = sample_triplets(
            estimator,
            X,
            y,
            rows=None if row is None else [row],
            strategy=strategy,
            random_state=random_state,
        )
        complete = np.flatnonzero(drawn.rows[:, 2] >= 0)
        if not len(complete):
            raise ValueError(
                f"{OWNER}.from_estimator found no negative for this anchor: no clip of "
                "the batch is labeled otherwise. Take another row, or label more clips."
            )
        first = complete[0]
        step = find_frame_duration(OWNER, log_mel, frame_duration)
        labels = None if y is None else check_labels(y, None, OWNER)
        names = _describe(drawn.rows[first], labels, target_names)
        # a copy of the anchor itself has been changed
        where = np.stack([drawn.rows[first], drawn.start[first]])
        if (where[:, 0] == where[:, 1]).all():
            names[1] += ", transformed"
        display = cls(
            *drawn.segments[first],
            distances=tuple(drawn.distances[first].tolist()),
            names=names,
            log_mel=log_mel,
            frame_duration=frame_duration,
            onsets=(drawn.start[first] * (step or 1)).tolist(),
        )
        return display.plot(ax=ax, **settings)

    @classmethod
    def from_predictions(
        cls,
        anchor: ArrayLike,
        positive: ArrayLike,
        negative: ArrayLike,
        embeddings: ArrayLike | None = None,
        *,
        names: Sequence[str] | None = None,
        log_mel: LogMel | None = None,
        frame_duration: float | None = None,
        onsets: Sequence[float] | None = None,
        ax: Axes | Sequence[Axes] | None = None,
        **settings: Any,
    ) -> Self:
        """Draw three segments, with their distances in an embedding.

        Parameters
        ----------
        anchor, positive, negative : as in the class
        embeddings : array-like of shape (3, n_components), default=None
            Those of the three, f(x), for the distances.
        names, log_mel, frame_duration, onsets : as in the class
        ax : Axes or sequence of Axes, default=None
            As in ``plot``.
        **settings : dict
            Of ``plot``.

        Returns
        -------
        display : TripletDisplay
        """
        check_matplotlib(f"{OWNER}.from_predictions")
        distances = None
        if embeddings is not None:
            vectors = np.asarray(embeddings, dtype=float)
            if vectors.ndim != 2 or len(vectors) != 3:
                raise ValueError(
                    f"The 'embeddings' parameter of {OWNER}.from_predictions must have "
                    "shape (3, n_components): anchor, positive, negative. Got "
                    f"{vectors.shape}."
                )
            apart = np.square(vectors[1:] - vectors[0]).sum(axis=1)
            distances = float(apart[0]), float(apart[1])
        display = cls(
            anchor,
            positive,
            negative,
            distances=distances,
            names=names,
            log_mel=log_mel,
            frame_duration=frame_duration,
            onsets=onsets,
        )
        return display.plot(ax=ax, **settings)

    def plot(
        self, *, ax: Axes | Sequence[Axes] | None = None, cmap: str = "magma"
    ) -> Self:
        """Draw the three in one row, with one range of colours.

        Parameters
        ----------
        ax : Axes or sequence of 3 Axes, default=None
            One whose place the three take, or three. ``None``: a new figure.
        cmap : str, default="magma"

        Returns
        -------
        display : TripletDisplay

        Raises
        ------
        ValueError
            Where a parameter is not as described in the class.
        """
        check_matplotlib(f"{OWNER}.plot")
        parts = [trim(getattr(self, role), OWNER) for role in ROLES]
        limits = find_limits(np.concatenate([part.ravel() for part in parts])[None])
        step = find_frame_duration(OWNER, self.log_mel, self.frame_duration)
        self.figure_, self.axes_ = make_axes(
            ax, f"{OWNER}.plot", 1, 3, size=(8.6, 2.7), sharey=True
        )
        onsets = (0.0,) * 3 if self.onsets is None else self.onsets
        self.images_ = [
            draw_features(
                axes, part, log_mel=self.log_mel, frame_duration=step,
                onset=onset, limits=limits, cmap=cmap,
            )
            for axes, part, onset in zip(self.axes_, parts, onsets, strict=True)
        ]  # fmt: skip
        for place, axes in enumerate(self.axes_):
            axes.set_title(self._title(place), fontsize="medium")
            if place:
                axes.set_ylabel("")
        return self

    def _title(self, place: int) -> str:
        """Say what one of the three is, and how far from the anchor."""
        title = ROLES[place].capitalize()
        if place and self.distances is not None:
            title += rf"   $d^2$ = {self.distances[place - 1]:.2f}"
        if self.names is not None:
            title += f"\n{self.names[place]}"
        return title


def _describe(
    rows: IntArray, labels: Labels | None, target_names: ArrayLike | None
) -> list[str]:
    """Say of each clip what it is labeled, and which it is.

    Parameters
    ----------
    rows : ndarray of shape (3,), int
        Of X.
    labels : Labels or None
    target_names : array-like of shape (n_classes,) or None
        Of an indicator's columns.

    Returns
    -------
    texts : list of 3 str
    """
    texts = []
    for row in rows:
        text = "unlabeled"
        if labels is not None and labels.labeled[row]:
            columns = np.flatnonzero(labels.present[row])
            names = labels.classes if target_names is None else np.asarray(target_names)
            if not labels.multilabel:
                names = labels.classes
            text = " + ".join(str(names[column]) for column in columns) or "no event"
        texts.append(f"{text}, clip {row}")
    return texts
