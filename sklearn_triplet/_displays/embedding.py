"""Embeddings (n_clips, n_components) and labels in; coloured points in a plane out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.manifold import TSNE
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_triplet._displays.axes import (
    OTHER_COLOR,
    UNLABELED_COLOR,
    check_matplotlib,
    make_axes,
    style_of,
)
from sklearn_triplet._input.labels import check_labels
from sklearn_triplet._input.rows import warn_of_unreadable
from sklearn_triplet._input.types import BoolArray, ClipsLike, LabelsLike, RandomState

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OWNER = "EmbeddingDisplay"
PERPLEXITY = 30  # of t-SNE, where there are clips enough


class EmbeddingDisplay:
    """Clips as points of a plane: classes in colour, over unlabeled ones in grey.

    ``from_estimator`` embeds clips and projects them, ``from_predictions`` projects
    what is embedded already. All parameters are kept as attributes. For panels that can
    be compared give all of them the same ``classes``: a class then has the same colour
    in each.

    Parameters
    ----------
    points : array-like of shape (n_clips, 2)
        Of the plane; a row of NaN is not drawn.
    y : array-like of shape (n_clips,) or (n_clips, n_classes), default=None
        A class per clip, -1 where unlabeled, or an indicator of 0 and 1, -1 where
        unknown. ``None``: all unlabeled.
    classes : array-like, default=None
        Those that have a colour, in the order of the colours; one that no clip has
        keeps its colour and its place in the legend. ``None``: all.
    target_names : array-like of shape (n_classes,), default=None
        Names of the columns of an indicator. ``None``: their numbers.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure
    scatters_ : dict of object to PathCollection
        The points of each class, and of ``"unlabeled"`` and ``"other"`` as far as there
        are such clips.
    legend_ : Legend or None

    See Also
    --------
    TripletEmbedder, TripletTagger : What ``from_estimator`` takes.

    Notes
    -----
    A clip of several classes would have to be in several places at once: of an
    indicator, a clip is drawn in the colour of its only class. Clips of several, of
    none, or of one that is not among ``classes`` are "other", in darker grey; and where
    some classes are unknown the one that is known to be present counts.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn_triplet import EmbeddingDisplay, mask_labels
    >>> X, y = load_iris(return_X_y=True)
    >>> y = mask_labels(y, 0.2, random_state=0)
    >>> display = EmbeddingDisplay.from_predictions(X, y, projection=PCA(2))
    >>> {name: len(dots.get_offsets()) for name, dots in display.scatters_.items()}
    {'unlabeled': 120, 0: 10, 1: 10, 2: 10}
    """

    def __init__(
        self,
        points: ArrayLike,
        y: LabelsLike | None = None,
        *,
        classes: ArrayLike | None = None,
        target_names: ArrayLike | None = None,
    ) -> None:
        self.points = points
        self.y = y
        self.classes = classes
        self.target_names = target_names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ClipsLike,
        y: LabelsLike | None = None,
        *,
        classes: ArrayLike | None = None,
        target_names: ArrayLike | None = None,
        projection: object = "tsne",
        random_state: RandomState = None,
        ax: Axes | None = None,
        **settings: Any,
    ) -> Self:
        """Embed clips by a fitted estimator, project them and draw.

        Parameters
        ----------
        estimator : transformer
            Fitted, such as ``TripletEmbedder``, ``TripletTagger`` or a Pipeline of
            transformers (of one that ends in a classifier, ``pipe[:-1]``). Frames are
            pooled: mean and standard deviation per clip.
        X : as in ``estimator.transform``
        y, classes, target_names : as in the class
        projection, random_state, ax, **settings : as in ``from_predictions``

        Returns
        -------
        display : EmbeddingDisplay

        Raises
        ------
        TypeError
            Where the estimator does not transform.
        ValueError
            As in ``from_predictions``.
        """
        check_matplotlib(f"{OWNER}.from_estimator")
        if not hasattr(estimator, "transform"):
            raise TypeError(
                f"{OWNER}.from_estimator draws what estimator.transform returns, but "
                f"{type(estimator).__name__} has no transform. Of a Pipeline that ends "
                "in a classifier give pipe[:-1]."
            )
        embeddings = np.asarray(estimator.transform(X))
        return cls.from_predictions(
            embeddings,
            y,
            classes=classes,
            target_names=target_names,
            projection=projection,
            random_state=random_state,
            ax=ax,
            **settings,
        )

    @classmethod
    def from_predictions(
        cls,
        embeddings: ArrayLike,
        y: LabelsLike | None = None,
        *,
        classes: ArrayLike | None = None,
        target_names: ArrayLike | None = None,
        projection: object = "tsne",
        random_state: RandomState = None,
        ax: Axes | None = None,
        **settings: Any,
    ) -> Self:
        """Project embeddings to a plane and draw.

        Parameters
        ----------
        embeddings : array-like of shape (n_clips, n_components) or (n_clips, \
                n_components, n_frames)
            Vectors, or frames, which are pooled to mean and standard deviation. Two
            columns are a plane already, and drawn as they are.
        y, classes, target_names : as in the class
        projection : "tsne" or transformer, default="tsne"
            Anything with ``fit_transform`` that returns two columns. ``"tsne"``
            standardises first, and has a perplexity of 30, or a quarter of the clips.
        random_state : int, RandomState instance or None, default=None
            Of ``"tsne"``; a transformer has its own.
        ax : Axes, default=None
            ``None``: a new figure.
        **settings : dict
            Of ``plot``.

        Returns
        -------
        display : EmbeddingDisplay

        Raises
        ------
        ValueError
            Where embeddings or a projection are not as described here.

        Warns
        -----
        UserWarning
            Where rows are NaN, as of files that could not be read: they are not drawn.
        """
        check_matplotlib(f"{OWNER}.from_predictions")
        points = _project(_pool(np.asarray(embeddings)), projection, random_state)
        display = cls(points, y, classes=classes, target_names=target_names)
        return display.plot(ax=ax, **settings)

    def plot(
        self,
        *,
        ax: Axes | None = None,
        legend: bool = True,
        size: float = 26,
        title: str | None = None,
    ) -> Self:
        """Draw the points.

        Parameters
        ----------
        ax : Axes, default=None
            ``None``: a new figure.
        legend : bool, default=True
            Whether a legend stands to the right. Of several panels in a row one on the
            last is enough.
        size : float, default=26
            Of the points of classes, in square points; unlabeled ones are half of it.
        title : str, default=None

        Returns
        -------
        display : EmbeddingDisplay

        Raises
        ------
        ValueError
            Where points, y or classes are not as described in the class.
        """
        check_matplotlib(f"{OWNER}.plot")
        groups = self._group()
        points = np.asarray(self.points, dtype=float)
        self.figure_, (self.ax_,) = make_axes(
            ax, f"{OWNER}.plot", 1, 1, size=(5.6, 4.2)
        )
        self.scatters_: dict[object, Any] = {}
        for name, (rows, style) in groups.items():
            shown = points[rows]
            shown = shown[np.isfinite(shown).all(axis=1)]
            # classes lie over what is grey, and are outlined where they overlap
            self.scatters_[name] = self.ax_.scatter(
                *shown.T, s=size * style.pop("share", 1), label=name, **style
            )
        # a projection has no unit, and the same one on both axes
        self.ax_.set(xticks=[], yticks=[], title=title)
        self.ax_.set_aspect("equal", adjustable="datalim")
        self.legend_ = None
        if legend and groups:
            # what is grey lies below, and comes last
            grey = [name for name in ("other", "unlabeled") if name in groups]
            order = [name for name in groups if name not in grey] + grey
            self.legend_ = self.ax_.legend(
                handles=[self.scatters_[name] for name in order],
                loc="upper left",
                bbox_to_anchor=(1.01, 1),
                borderaxespad=0,
                frameon=False,
                handletextpad=0.2,
            )
        return self

    def _group(self) -> dict[object, tuple[BoolArray, dict[str, Any]]]:
        """Tell which rows are drawn how, from the back to the front.

        Returns
        -------
        groups : dict of object to tuple (ndarray of shape (n_clips,), dict)
            By name: a mask of the rows, and what ``scatter`` takes.
        """
        points = np.asarray(self.points)
        if points.ndim != 2 or points.shape[1] != 2:
            raise ValueError(
                f"The 'points' parameter of {OWNER} must have shape (n_clips, 2). Got "
                f"{points.shape}: from_predictions projects embeddings to a plane."
            )
        labels = check_labels(self.y, len(points), OWNER)
        names = _name_columns(labels.classes, self.target_names, labels.multilabel)
        shown = _choose(names, self.classes)
        alone = labels.present.sum(axis=1) == 1
        small = {"share": 0.5, "linewidths": 0, "zorder": 1}
        groups: dict[object, tuple[BoolArray, dict[str, Any]]] = {
            "unlabeled": (~labels.labeled, {"color": UNLABELED_COLOR, **small}),
        }
        drawn = ~labels.labeled
        colored: dict[object, tuple[BoolArray, dict[str, Any]]] = {}
        for place, name in enumerate(shown):
            rows = np.zeros(len(points), dtype=bool)
            if name in names:
                rows = alone & labels.present[:, names.index(name)]
            outline = {"edgecolors": "white", "linewidths": 0.4, "zorder": 3}
            colored[name] = rows, {**style_of(place), **outline}
            drawn = drawn | rows
        groups["other"] = ~drawn, {"color": OTHER_COLOR, **small, "zorder": 2}
        # a class that is in no clip keeps its place in the legend of every panel
        return {n: g for n, g in groups.items() if g[0].any()} | colored


def _pool(embeddings: NDArray) -> NDArray[np.float64]:
    """Return a vector per clip; frames become mean and standard deviation.

    Parameters
    ----------
    embeddings : ndarray of shape (n_clips, n_components) or (n_clips, n_components, \
            n_frames)
        NaN behind the end of a clip.

    Returns
    -------
    vectors : ndarray of shape (n_clips, n_components or 2 * n_components), float64
        A row of NaN where a clip could not be read.

    Notes
    -----
    It is what ``output="clip"`` of the embedders returns, and for their reason: the
    deviation of the frames tells classes apart that have one mean.
    """
    if embeddings.ndim == 3:
        readable = ~np.isnan(embeddings).all(axis=(1, 2))
        width = 2 * embeddings.shape[1]
        pooled = np.full((len(embeddings), width), np.nan)
        valid = embeddings[readable]
        pooled[readable] = np.hstack(
            [np.nanmean(valid, axis=2), np.nanstd(valid, axis=2)]
        )
        return pooled
    if embeddings.ndim != 2:
        raise ValueError(
            f"The 'embeddings' parameter of {OWNER}.from_predictions must have shape "
            "(n_clips, n_components) or (n_clips, n_components, n_frames). Got "
            f"{embeddings.shape}."
        )
    return embeddings.astype(float)


def _project(
    embeddings: NDArray[np.float64], projection: object, random_state: RandomState
) -> NDArray[np.float64]:
    """Project the rows that could be read; the others stay NaN.

    Parameters
    ----------
    embeddings : ndarray of shape (n_clips, n_components)
    projection : "tsne" or transformer
    random_state : int, RandomState instance or None
        Of t-SNE only.

    Returns
    -------
    points : ndarray of shape (n_clips, 2), float64

    Notes
    -----
    t-SNE [1]_ compares Euclidean distances, in which the component of the greatest
    variance counts most: hence the scaling, since means and deviations have different
    ranges. It begins with the principal components, so that what is far apart in the
    embedding at least begins far apart in the picture [2]_.

    References
    ----------
    .. [1] L. van der Maaten and G. Hinton, "Visualizing data using t-SNE", Journal of
       Machine Learning Research 9, 2008.
    .. [2] D. Kobak and P. Berens, "The art of using t-SNE for single-cell
       transcriptomics", Nature Communications 10, 2019,
       doi:10.1038/s41467-019-13056-x.
    """
    unreadable = np.asarray(np.isnan(embeddings).any(axis=1))
    if unreadable.any():
        warn_of_unreadable(unreadable, OWNER, "They are not drawn.")
    points = np.full((len(embeddings), 2), np.nan)
    known = embeddings[~unreadable]
    if embeddings.shape[1] == 2:
        points[~unreadable] = known
        return points
    if isinstance(projection, str) and projection == "tsne":
        # a perplexity as great as the number of clips is refused
        perplexity = min(PERPLEXITY, max(len(known) / 4, 1))
        tsne = TSNE(perplexity=perplexity, init="pca", random_state=random_state)
        projection = make_pipeline(StandardScaler(), tsne)
    if not hasattr(projection, "fit_transform"):
        raise ValueError(
            f"The 'projection' parameter of {OWNER} must be 'tsne' or a transformer, "
            f"such as PCA(2). Got {projection!r} instead."
        )
    found = np.asarray(projection.fit_transform(known))
    if found.shape != (len(known), 2):
        raise ValueError(
            f"The 'projection' parameter of {OWNER} must return two columns. Got shape "
            f"{found.shape} from {projection!r}."
        )
    points[~unreadable] = found
    return points


def _name_columns(
    classes: NDArray, target_names: ArrayLike | None, multilabel: bool
) -> list[object]:
    """Return what each column of the labels is called.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        As ``Labels`` has them: names of single labels, numbers of an indicator's
        columns.
    target_names : array-like of shape (n_classes,) or None
    multilabel : bool

    Returns
    -------
    names : list of n_classes objects
    """
    if target_names is None:
        return classes.tolist()
    names = np.asarray(target_names).tolist()
    if not multilabel:
        return classes.tolist()  # single labels are their own names
    if len(names) != len(classes):
        raise ValueError(
            f"The 'target_names' parameter of {OWNER} must hold one name per column of "
            f"y ({len(classes)}). Got {len(names)}."
        )
    return names


def _choose(names: Sequence[object], classes: ArrayLike | None) -> list[object]:
    """Return the classes that have a colour, in the order of the colours.

    Parameters
    ----------
    names : sequence of n_classes objects
    classes : array-like or None
        Some of them, and perhaps others; ``None``: all.

    Returns
    -------
    chosen : list of object
    """
    if classes is None:
        return list(names)
    chosen = np.asarray(classes).tolist()
    # a class without a label here may have one in the panel beside it; where all are
    # missing, names of another kind were given
    if names and not set(chosen) & set(names):
        raise ValueError(
            f"The 'classes' parameter of {OWNER} must hold classes of y, {names}. Got "
            f"{chosen} instead."
        )
    return chosen
