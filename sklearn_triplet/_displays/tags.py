"""Frames, their class probabilities and events in; a picture along time out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_triplet._displays.axes import (
    check_matplotlib,
    draw_features,
    find_frame_duration,
    line_of,
    make_axes,
    style_of,
    trim,
)
from sklearn_triplet._events import find_events
from sklearn_triplet._features.log_mel import LogMel
from sklearn_triplet._input.types import ClipsLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OWNER = "TagDisplay"
LANE = 0.36  # of the height of a lane: bars of found events, and half of it if compared


class TagDisplay:
    """A spectrogram over the probability of each class, and the events, along time.

    ``from_estimator`` tags clips by a fitted tagger; ``from_predictions`` takes the
    probabilities of any model. All parameters are kept as attributes.

    Parameters
    ----------
    features : array-like of shape (n_features, n_frames)
        What the spectrogram shows; NaN behind the end of the clip.
    probabilities : array-like of shape (n_classes, n_frames_of_these)
        In [0, 1]. Their frames last as long as those of ``features`` do together.
    classes : array-like of shape (n_classes,)
        Names of the rows.
    events : structured array of shape (n_events,), default=None
        With the fields ``onset``, ``offset`` and ``event_label``, as
        ``predict_events`` and ``find_events`` return them, of this stretch of time.
    truth : structured array of shape (n_events,), default=None
        What was really there, such as ``read_events`` reads it: outlined below what was
        found.
    log_mel : LogMel, default=None
        The analysis that ``features`` come from, for hertz and seconds. ``None``: bands
        and frames are counted.
    frame_duration : float, default=None
        Seconds from one frame of ``features`` to the next. ``None``: that of
        ``log_mel``.
    onset : float, default=0.0
        Where the first frame lies within the recording, in seconds.

    Attributes
    ----------
    axes_ : ndarray of Axes
        Spectrogram, probabilities, and a lane of events per class where there are
        ``events`` or ``truth``. They share the axis of time.
    lines_ : list of Line2D
        The probability of each class.
    figure_ : Figure

    See Also
    --------
    SequenceTagger.predict_events : Finds the events.
    find_events : The same from probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_triplet import LogMel, TagDisplay, find_events
    >>> noise = np.random.default_rng(0).normal(scale=0.1, size=16000)
    >>> mel = LogMel(16000)
    >>> features = mel.transform([noise])[0]
    >>> probabilities = np.full((1, features.shape[1]), 0.1)
    >>> probabilities[0, 30:80] = 0.9
    >>> display = TagDisplay.from_predictions(
    ...     features, probabilities, ["dog"], log_mel=mel)
    >>> display.events[["onset", "offset", "event_label"]].tolist()
    [(0.3, 0.8, 'dog')]
    """

    def __init__(
        self,
        features: ArrayLike,
        probabilities: ArrayLike,
        classes: ArrayLike,
        *,
        events: NDArray | None = None,
        truth: NDArray | None = None,
        log_mel: LogMel | None = None,
        frame_duration: float | None = None,
        onset: float = 0.0,
    ) -> None:
        self.features = features
        self.probabilities = probabilities
        self.classes = classes
        self.events = events
        self.truth = truth
        self.log_mel = log_mel
        self.frame_duration = frame_duration
        self.onset = onset

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ClipsLike,
        *,
        features: ClipsLike | None = None,
        clips: Sequence[tuple[str, float, float]] | None = None,
        classes: ArrayLike | None = None,
        truth: NDArray | None = None,
        log_mel: LogMel | None = None,
        frame_duration: float | None = None,
        event_settings: dict[str, Any] | None = None,
        ax: Axes | Sequence[Axes] | None = None,
        **settings: Any,
    ) -> Self:
        """Tag one clip, or windows of a recording, and draw.

        Parameters
        ----------
        estimator : tagger or Pipeline
            Fitted: ``TripletTagger``, ``SequenceTagger``, ``CRNNTagger``, or a Pipeline
            that ends in one.
        X : array-like of shape (n_clips, n_features, n_frames), or of one clip \
                (n_features, n_frames)
            As ``estimator.predict_proba`` takes them. More than one clip only with
            ``clips``.
        features : as X, default=None
            What the spectrogram shows, where X are paths or embeddings. ``None``: X.
        clips : list of n_clips tuples (path, onset, offset), default=None
            Windows of one recording that follow upon each other: they are put behind
            each other on its time line.
        classes : array-like of shape (n_classes,), default=None
            Names of the columns of an indicator. ``None``: ``estimator.classes_``.
        truth, log_mel, frame_duration : as in the class
        event_settings : dict, default=None
            Of ``predict_events``, such as ``threshold`` and ``min_duration``.
        ax : Axes or sequence of Axes, default=None
            As in ``plot``.
        **settings : dict
            Of ``plot``.

        Returns
        -------
        display : TagDisplay

        Raises
        ------
        ValueError
            Where there are several clips and not a window for each, or the windows are
            of several recordings or leave gaps.
        """
        check_matplotlib(f"{OWNER}.from_estimator")
        rows = _as_rows(X)
        shown = rows if features is None else _as_rows(features)
        names = np.asarray(estimator.classes_ if classes is None else classes)
        step = find_frame_duration(OWNER, log_mel, frame_duration)
        onset = _check_windows(clips, len(rows), len(shown))
        proba = np.asarray(estimator.predict_proba(rows, frames=True))
        asked = {"frame_duration": step or 0.01, **(event_settings or {})}
        if clips is not None:
            asked["clips"] = list(clips)
        events = estimator.predict(rows, events=True, classes=names, **asked)
        if step is None:  # events are found in seconds, and drawn in frames
            events = events.copy()
            for field in ("onset", "offset"):
                events[field] /= asked["frame_duration"]
        if len(names) == 1 and proba.shape[1] == 2:
            proba = proba[:, 1:]  # absent and present of one class
        display = cls(
            _line_up(shown, clips, step),
            _line_up(proba, clips, step),
            names,
            events=events,
            truth=truth,
            log_mel=log_mel,
            frame_duration=frame_duration,
            onset=onset,
        )
        return display.plot(ax=ax, **settings)

    @classmethod
    def from_predictions(
        cls,
        features: ArrayLike,
        probabilities: ArrayLike,
        classes: ArrayLike,
        *,
        truth: NDArray | None = None,
        log_mel: LogMel | None = None,
        frame_duration: float | None = None,
        onset: float = 0.0,
        events: NDArray | None = None,
        event_settings: dict[str, Any] | None = None,
        ax: Axes | Sequence[Axes] | None = None,
        **settings: Any,
    ) -> Self:
        """Draw the probabilities of any model, and find the events in them.

        Parameters
        ----------
        features, probabilities, classes, truth, log_mel, frame_duration, onset : as \
                in the class
        events : structured array, default=None
            ``None``: those of ``find_events``.
        event_settings : dict, default=None
            Of ``find_events``.
        ax : Axes or sequence of Axes, default=None
            As in ``plot``.
        **settings : dict
            Of ``plot``.

        Returns
        -------
        display : TagDisplay
        """
        check_matplotlib(f"{OWNER}.from_predictions")
        if events is None:
            valid = trim(features, OWNER)
            frames = np.asarray(probabilities, dtype=float)
            step = find_frame_duration(OWNER, log_mel, frame_duration) or 1.0
            # where a model has fewer frames than the spectrogram, each lasts longer
            step *= valid.shape[1] / max(frames.shape[-1], 1)
            events = find_events(
                frames[None], classes, frame_duration=step, **(event_settings or {})
            )
            for field in ("onset", "offset"):
                events[field] += onset
        display = cls(
            features,
            probabilities,
            classes,
            events=events,
            truth=truth,
            log_mel=log_mel,
            frame_duration=frame_duration,
            onset=onset,
        )
        return display.plot(ax=ax, **settings)

    def plot(
        self,
        *,
        ax: Axes | Sequence[Axes] | None = None,
        cmap: str = "magma",
        title: str | None = None,
    ) -> Self:
        """Draw spectrogram, probabilities and events, one below the other.

        Parameters
        ----------
        ax : Axes or sequence of Axes, default=None
            One whose place the parts take, or as many as there are parts. ``None``: a
            new figure.
        cmap : str, default="magma"
            Of the spectrogram.
        title : str, default=None

        Returns
        -------
        display : TagDisplay

        Raises
        ------
        ValueError
            Where a parameter is not as described in the class.
        """
        check_matplotlib(f"{OWNER}.plot")
        features = trim(self.features, OWNER)
        names = np.asarray(self.classes).tolist()
        proba = self._check_probabilities(len(names))
        step = find_frame_duration(OWNER, self.log_mel, self.frame_duration)
        has_events = self.events is not None or self.truth is not None
        heights = [2.2, 1.3, 0.2 + 0.24 * len(names)][: 2 + has_events]
        self.figure_, self.axes_ = make_axes(
            ax, f"{OWNER}.plot", len(heights), 1, size=(7.6, 0.8 + sum(heights)),
            sharex=True, height_ratios=heights,
        )  # fmt: skip
        # lanes name the classes; without, the lines need a legend
        self._draw_lines(
            features.shape[1] * (step or 1.0), proba, names, not has_events
        )
        if has_events:
            self._draw_events(self.axes_[2], names)
        draw_features(
            self.axes_[0], features, log_mel=self.log_mel, frame_duration=step,
            onset=self.onset, cmap=cmap,
        )  # fmt: skip
        label = self.axes_[0].get_xlabel()
        for axes in self.axes_:
            axes.set_xlabel(label if axes is self.axes_[-1] else "")
        self.axes_[0].set_title(title or "")
        self.figure_.align_ylabels(list(self.axes_))
        return self

    def _check_probabilities(self, n_classes: int) -> NDArray[np.float64]:
        """Refuse what are no probabilities of these classes."""
        proba = np.asarray(self.probabilities, dtype=float)
        if proba.ndim != 2 or len(proba) != n_classes:
            raise ValueError(
                f"The 'probabilities' parameter of {OWNER} must have shape (n_classes, "
                f"n_frames), one row for each of the {n_classes} classes. Got "
                f"{proba.shape}."
            )
        # padding of the clip
        return proba[:, ~np.isnan(proba).all(axis=0)]

    def _draw_lines(
        self, duration: float, proba: NDArray, names: list[object], legend: bool
    ) -> None:
        """Draw a line per class, over the middle of each frame.

        Parameters
        ----------
        duration : float
            Of all frames together, in the unit of the axis.
        proba : ndarray of shape (n_classes, n_frames)
            They may be fewer than those of the spectrogram, and last longer then.
        names : list of object
        legend : bool
        """
        ax = self.axes_[1]
        step = duration / max(proba.shape[1], 1)
        times = self.onset + (np.arange(proba.shape[1]) + 0.5) * step
        self.lines_ = [
            ax.plot(times, row, lw=1.3, label=str(name), **line_of(place))[0]
            for place, (name, row) in enumerate(zip(names, proba, strict=True))
        ]
        ax.set(ylim=(-0.03, 1.03), ylabel="Probability")
        if legend:
            ax.legend(
                loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0,
                frameon=False,
            )  # fmt: skip

    def _draw_events(self, ax: Axes, names: list[object]) -> None:
        """Draw a lane of bars per class: found above, and what was there below.

        Parameters
        ----------
        ax : Axes
            Class i has the lane from i - 1/2 to i + 1/2, counted from the top.
        names : list of object
        """
        both = self.events is not None and self.truth is not None
        for place, name in enumerate(names):
            color = style_of(place)["color"]
            found = _bars_of(self.events, name)
            real = _bars_of(self.truth, name)
            # with both, the upper half of a lane is what was found
            top = (place - LANE, LANE) if both else (place - LANE, 2 * LANE)
            ax.broken_barh(found, top, facecolors=color)
            bottom = (place + 0.06, LANE - 0.06) if both else top
            ax.broken_barh(
                real, bottom, facecolors="none", edgecolors=color, linewidths=1.2
            )
        ax.set_yticks(range(len(names)), [str(name) for name in names])
        for place, text in enumerate(ax.get_yticklabels()):
            text.set_color(style_of(place)["color"])
        ax.set_ylim(len(names) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
        label = "Events"
        if both:
            label = "Found: filled\nTrue: outlined"
        ax.set_ylabel(label)


def _as_rows(X: ClipsLike) -> Any:
    """Return X with an axis of clips, which a single clip lacks.

    Parameters
    ----------
    X : array-like of clips, list of paths or of arrays
        A list is one of clips in any case; of an array the number of axes tells.
    """
    if isinstance(X, np.ndarray) and X.dtype.kind == "f" and X.ndim == 2:
        return X[None]
    return X


def _check_windows(
    clips: Sequence[tuple[str, float, float]] | None, n_rows: int, n_shown: int
) -> float:
    """Return where the first window begins; refuse what is no single stretch.

    Parameters
    ----------
    clips : sequence of tuple (path, onset, offset) or None
    n_rows, n_shown : int
        Of X, and of the features that are shown.

    Returns
    -------
    onset : float
        In seconds; 0 where no windows are known.
    """
    if n_rows != n_shown:
        raise ValueError(
            f"The 'features' parameter of {OWNER} must have a row per row of X "
            f"({n_rows}). Got {n_shown}."
        )
    if clips is None:
        if n_rows != 1:
            raise ValueError(
                f"{OWNER} draws one clip, or windows of one recording. Got {n_rows} "
                "clips: give one row of X, or their windows as clips=[(path, onset, "
                "offset), ...]."
            )
        return 0.0
    if len(clips) != n_rows:
        raise ValueError(
            f"The 'clips' parameter of {OWNER} must hold a window (path, onset, "
            f"offset) per row of X ({n_rows}). Got {len(clips)}."
        )
    for (path, _, end), (other, begin, _) in zip(clips[:-1], clips[1:], strict=True):
        if path != other or not np.isclose(end, begin):
            raise ValueError(
                f"The 'clips' parameter of {OWNER} must hold windows of one recording, "
                f"each of which begins where the last one ends. Got {path} until "
                f"{end:g} s and then {other} from {begin:g} s."
            )
    return float(clips[0][1])


def _line_up(
    X: Any, clips: Sequence[tuple[str, float, float]] | None, step: float | None
) -> NDArray[np.float32]:
    """Put the frames of windows behind each other.

    Parameters
    ----------
    X : sequence of n_clips array-likes of shape (n_features, n_frames_i)
        NaN behind the end of each.
    clips : sequence of tuple (path, onset, offset) or None
    step : float or None
        Seconds from one frame to the next.

    Returns
    -------
    frames : ndarray of shape (n_features, sum of n_frames_i), float32
    """
    parts = []
    for row, frames in enumerate(X):
        valid = trim(frames, OWNER)
        if clips is not None and step is not None:
            # a window has a frame more than fits into it, centred at its very end
            _, begin, end = clips[row]
            valid = valid[:, : max(round((end - begin) / step), 1)]
        parts.append(valid)
    return np.concatenate(parts, axis=1)


def _bars_of(events: NDArray | None, name: object) -> list[tuple[float, float]]:
    """Return begin and length of the events of a class, as ``broken_barh`` wants them.

    Parameters
    ----------
    events : structured array or None
    name : object
        The class.

    Returns
    -------
    bars : list of tuple (float, float)
    """
    if events is None:
        return []
    mine = events[events["event_label"] == name]
    return [(e["onset"], e["offset"] - e["onset"]) for e in mine]
