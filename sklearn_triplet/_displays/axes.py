"""Features (n_features, n_frames) and classes in; axes, pictures and colours out.

What all displays share. matplotlib is imported by the functions that draw, so that the
library works without it until somebody asks for a picture.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_triplet._features.log_mel import LogMel
from sklearn_triplet._input.parameters import check_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.image import AxesImage

    FigureLike: TypeAlias = Figure | SubFigure

# Okabe and Ito's, which stay apart for all common kinds of colour blindness; yellow,
# faint on white, comes last. https://jfly.uni-koeln.de/color/
COLORS = (
    "#0072B2",  # blue
    "#D55E00",  # vermilion
    "#009E73",  # bluish green
    "#CC79A7",  # reddish purple
    "#E69F00",  # orange
    "#56B4E9",  # sky blue
    "#000000",
    "#F0E442",  # yellow
)
MARKERS = "os^Dv*Xph"  # a new one whenever the colours begin anew
DASHES = ("-", "--", ":", "-.")  # the same for lines
UNLABELED_COLOR = "0.82"
OTHER_COLOR = "0.62"

DEPTH = 12.0  # nats from the loudest to what is black at most, 52 dB
SHALLOWEST = 3.0  # nats, or silence would be shown as a storm
FREQUENCIES = [base * 10**power for power in range(1, 6) for base in (1, 2, 5)]  # Hz
TICK_DISTANCE = 0.12  # of the height of the picture


def check_matplotlib(owner: str) -> None:
    """Refuse to draw without matplotlib, in a sentence that names the extra.

    Parameters
    ----------
    owner : str
        Who wants to draw.

    Raises
    ------
    ImportError
        Where matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{owner} draws with matplotlib, which is not installed. Install it by "
            "pip install 'sklearn-triplet[plot]'."
        ) from error


def make_axes(
    ax: Axes | Sequence[Axes] | NDArray | None,
    owner: str,
    n_rows: int,
    n_columns: int,
    *,
    size: tuple[float, float],
    **layout: Any,
) -> tuple[FigureLike, NDArray]:
    """Return the axes to draw into: new ones, those given, or those in their place.

    Parameters
    ----------
    ax : Axes, sequence of Axes or None
        ``None``: a new figure with a constrained layout. Where several are needed, a
        single one gives its place to them, as in ``PartialDependenceDisplay``.
    owner : str
        Who draws, for the message.
    n_rows, n_columns : int
        How many are needed.
    size : tuple of (float, float)
        Of a new figure, in inches.
    **layout : dict
        ``sharex``, ``sharey``, ``height_ratios`` and ``width_ratios``, as in
        ``matplotlib.pyplot.subplots``.

    Returns
    -------
    figure : Figure or SubFigure
    axes : ndarray of shape (n_rows * n_columns,)
        Row by row.

    Raises
    ------
    ValueError
        Where there are too few or too many.
    """
    import matplotlib.pyplot as plt

    n_axes = n_rows * n_columns
    if ax is None:
        figure, axes = plt.subplots(
            n_rows, n_columns, figsize=size, layout="constrained", squeeze=False,
            sharex=layout.pop("sharex", False), sharey=layout.pop("sharey", False),
            gridspec_kw=layout,
        )  # fmt: skip
        return figure, axes.ravel()
    given = np.ravel(np.asarray(ax, dtype=object))
    if len(given) == n_axes:
        return given[0].figure, given
    if len(given) != 1:
        raise ValueError(
            f"The 'ax' parameter of {owner} must be None, one Axes, or {n_axes} of "
            f"them. Got {len(given)}."
        )
    (outer,) = given
    outer.set_axis_off()
    sharex, sharey = layout.pop("sharex", False), layout.pop("sharey", False)
    inner = outer.get_subplotspec().subgridspec(n_rows, n_columns, **layout)
    axes = inner.subplots(sharex=sharex, sharey=sharey, squeeze=False)
    return outer.figure, axes.ravel()


def style_of(place: int) -> dict[str, str]:
    """Return colour and marker of a class by its place among the classes.

    Parameters
    ----------
    place : int

    Returns
    -------
    style : dict
        With ``color`` and ``marker``; 72 places differ in one of them.

    Examples
    --------
    >>> style_of(1), style_of(9)
    ({'color': '#D55E00', 'marker': 'o'}, {'color': '#D55E00', 'marker': 's'})
    """
    n_colors = len(COLORS)
    return {
        "color": COLORS[place % n_colors],
        "marker": MARKERS[place // n_colors % len(MARKERS)],
    }


def line_of(place: int) -> dict[str, str]:
    """Return colour and dashes of a class by its place among the classes.

    Parameters
    ----------
    place : int

    Returns
    -------
    style : dict
        With ``color`` and ``linestyle``; 32 places differ in one of them.
    """
    n_colors = len(COLORS)
    return {
        "color": COLORS[place % n_colors],
        "linestyle": DASHES[place // n_colors % len(DASHES)],
    }


def find_frame_duration(
    owner: str, log_mel: LogMel | None, frame_duration: float | None
) -> float | None:
    """Return the seconds from one frame to the next, or None where nobody said.

    Parameters
    ----------
    owner : str
        Who asks, for the message.
    log_mel : LogMel or None
        The analysis that the features come from.
    frame_duration : float or None
        Goes before that of ``log_mel``: frames may have been averaged.
    """
    if frame_duration is not None:
        return float(
            check_interval(
                owner, "frame_duration", frame_duration, numbers.Real, 0, left="open"
            )
        )
    if log_mel is None:
        return None
    return float(log_mel.frame_times(2)[1])


def trim(features: ArrayLike, owner: str) -> NDArray[np.float32]:
    """Return the frames of one clip that are not padding.

    Parameters
    ----------
    features : array-like of shape (n_features, n_frames)
        NaN behind the end of the clip.
    owner : str
        Who asks, for the message.

    Returns
    -------
    features : ndarray of shape (n_features, n_valid), float32

    Raises
    ------
    ValueError
        Where these are not the frames of one clip, or none of them holds anything.
    """
    frames = np.asarray(features, dtype=np.float32)
    if frames.ndim != 2:
        raise ValueError(
            f"{owner} draws clips of shape (n_features, n_frames), one row of X. Got "
            f"an array of shape {frames.shape}."
        )
    valid = frames[:, ~np.isnan(frames).all(axis=0)]
    if not valid.shape[1]:
        raise ValueError(
            f"{owner} got a clip of which all frames are NaN: it could not be read. "
            "Choose another row of X."
        )
    return valid


def find_limits(energies: NDArray[np.floating]) -> tuple[float, float]:
    """Tell which energies are black, and which are brightest.

    Parameters
    ----------
    energies : ndarray of shape (n_features, n_frames)

    Returns
    -------
    low, high : float
        The loudest, and the fifth percentile; but at most ``DEPTH`` below the loudest,
        or digital silence around an event would take most of the colours, and at least
        ``SHALLOWEST``.
    """
    high = float(np.nanmax(energies))
    low = max(float(np.nanpercentile(energies, 5)), high - DEPTH)
    return min(low, high - SHALLOWEST), high


def find_ticks(log_mel: LogMel) -> tuple[list[float], list[str]]:
    """Place round frequencies on the axis of a spectrogram.

    Parameters
    ----------
    log_mel : LogMel
        Bands are even on the mel scale, so that round numbers are not.

    Returns
    -------
    places : list of float
        In bands from the lowest on.
    names : list of str
        Such as ``"500"`` and ``"2k"``, in Hz.
    """
    frequencies = log_mel.band_frequencies()
    n_mels = len(frequencies)
    places: list[float] = []
    names: list[str] = []
    for frequency in FREQUENCIES:
        if not frequencies[0] <= frequency <= frequencies[-1]:
            continue
        place = float(np.interp(frequency, frequencies, np.arange(n_mels)))
        if not places or place - places[-1] >= TICK_DISTANCE * n_mels:
            places.append(place)
            names.append(
                f"{frequency}" if frequency < 1000 else f"{frequency // 1000}k"
            )
    return places, names


def draw_features(
    ax: Axes,
    features: NDArray[np.float32],
    *,
    log_mel: LogMel | None = None,
    frame_duration: float | None = None,
    onset: float = 0.0,
    limits: tuple[float, float] | None = None,
    cmap: str = "magma",
) -> AxesImage:
    """Draw the frames of a clip, with hertz and seconds where they are known.

    Parameters
    ----------
    ax : Axes
    features : ndarray of shape (n_features, n_frames)
        Without padding.
    log_mel : LogMel, default=None
        For the frequencies of the bands.
    frame_duration : float, default=None
        Seconds; ``None``: the axis counts frames.
    onset : float, default=0.0
        Where the first frame lies, in seconds, or in frames.
    limits : tuple of (float, float), default=None
        What is black, and what is brightest. ``None``: by this clip.
    cmap : str, default="magma"

    Returns
    -------
    image : AxesImage
    """
    n_features, n_frames = features.shape
    step = 1.0 if frame_duration is None else frame_duration
    low, high = find_limits(features) if limits is None else limits
    image = ax.imshow(
        features,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap=cmap,
        vmin=low,
        vmax=high,
        extent=(onset, onset + n_frames * step, -0.5, n_features - 0.5),
    )
    if log_mel is not None and log_mel.n_mels == n_features:
        places, names = find_ticks(log_mel)
        ax.set_yticks(places, names)
        ax.set_ylabel("Frequency (Hz)")
    else:
        ax.set_ylabel("Feature")
    ax.set_xlabel("Frame" if frame_duration is None else "Time (s)")
    return image
