"""Frame probabilities (n_clips, n_classes, n_frames) in; a table of events out."""

from __future__ import annotations

import numbers
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from sklearn_triplet._input.events import make_events
from sklearn_triplet._input.parameters import End, check_interval, is_inside
from sklearn_triplet._input.types import IntArray
from sklearn_triplet._input.warn import warn

OWNER = "find_events"
ROUNDING = 1e-6  # of a frame: 0.3 s are 30 frames of 10 ms, and not 29.999999
MOST_FRAMES = 2**20  # of a median filter: three hours of 10 ms
LONGEST = 2**40  # of an event
TOLERANCE = 1e-3  # by which float16 may leave [0, 1]

# a recording, or a window of one in seconds
ClipLike: TypeAlias = str | os.PathLike[str] | tuple[str, float, float]


class Window(NamedTuple):
    """What a row of probabilities tells of.

    Attributes
    ----------
    where : str or int
        The recording, or the row of X where no recordings are known.
    onset, offset : float
        In seconds of the recording; an infinite offset is unknown.
    """

    where: str | int
    onset: float
    offset: float


class Settings(NamedTuple):
    """The checked parameters of ``find_events`` for one class, in frames.

    Attributes
    ----------
    threshold, low_threshold : float
    median : int
        Frames of the median filter, odd; 1 does nothing.
    shortest, closest : float
        Frames of the shortest event, and of the shortest gap between two.
    """

    threshold: float
    low_threshold: float
    median: int
    shortest: float
    closest: float


class Spans(NamedTuple):
    """Events of one class in one stretch of time, by time.

    Attributes
    ----------
    begin, end : ndarray of shape (n_events,), int
        First frame, and first frame thereafter.
    score : ndarray of shape (n_events,), float32
    """

    begin: IntArray
    end: IntArray
    score: NDArray[np.float32]


def find_events(
    probabilities: ArrayLike,
    classes: ArrayLike,
    *,
    clips: Sequence[ClipLike] | None = None,
    frame_duration: float = 0.01,
    threshold: float | ArrayLike = 0.5,
    low_threshold: float | ArrayLike | None = None,
    median_duration: float | ArrayLike = 0.45,
    min_duration: float | ArrayLike = 0.1,
    min_gap: float | ArrayLike = 0.1,
) -> np.ndarray:
    """Find when each class sounds: onset, offset, label and score of every event.

    Per class, probabilities are smoothed by a median filter. An event is a stretch of
    frames of at least ``low_threshold`` of which one reaches ``threshold``
    (hysteresis [1]_). Events that are closer than ``min_gap`` are joined, then those
    shorter than ``min_duration`` are left out: what was torn apart is not lost.

    Parameters
    ----------
    probabilities : array-like of shape (n_clips, n_classes, n_frames)
        In [0, 1], as ``predict_frames`` returns them. NaN behind the end of a clip, or
        where nothing is known, as in clips that could not be read: no event is found
        there, and none reaches across.
    classes : array-like of shape (n_classes,)
        The labels, such as ``tagger.classes_``.
    clips : sequence of n_clips paths or (path, onset, offset), default=None
        What each row tells of: a whole recording, or a window of one in seconds.
        Windows of a recording that overlap or touch are put on one time line, their
        mean where they overlap, so that an event across a border is one event. Frames
        behind the offset of a window are left out. ``None``: every row stands alone.
    frame_duration : float, default=0.01
        Seconds from one frame to the next, greater than 0: the hop of ``LogMel``, or
        that of the model the frames come from.
    threshold : float or array-like of shape (n_classes,), default=0.5
        The least probability of the surest frame of an event, in (0, 1).
    low_threshold : float or array-like of shape (n_classes,), default=None
        The least probability of all its frames, greater than 0 and at most
        ``threshold``. ``None``: half of ``threshold``.
    median_duration : float or array-like of shape (n_classes,), default=0.45
        Seconds of the median filter, at least 0; rounded to an odd number of frames,
        2^20 of them at most.
        One frame or less: no filter. Half of it is about the shortest event, and the
        shortest gap, that is found.
    min_duration : float or array-like of shape (n_classes,), default=0.1
        Seconds of the shortest event, at least 0.
    min_gap : float or array-like of shape (n_classes,), default=0.1
        Seconds of the shortest gap between two events of a class, at least 0.

    Returns
    -------
    events : ndarray of shape (n_events,)
        A structured array, of which ``pandas.DataFrame(events)`` makes a table:
        ``filename`` (object; without ``clips`` instead ``row``, int64), ``onset`` and
        ``offset`` (float64, seconds from the start of the recording, or of the row),
        ``event_label`` (object) and ``score`` (float64), by recording, in the order in
        which they come in ``clips``, and by time.

    Raises
    ------
    ValueError
        Where a parameter is not as described above, or the frames of ``clips`` last
        longer than the windows.

    Warns
    -----
    UserWarning
        Where frames end long before the windows do: of files that are shorter, or of
        another ``frame_duration``.

    See Also
    --------
    SequenceTagger.predict_events, TripletTagger.predict_events : From clips to events.

    Notes
    -----
    The score is the highest probability of the event after the median filter: to keep
    the events with ``events["score"] >= 0.8`` is to have asked for ``threshold=0.8``
    with the same ``low_threshold`` (but for what ``min_gap`` and ``min_duration`` join
    and drop).

    Frame i begins at ``i * frame_duration``. Those of ``LogMel`` are centred there, and
    a clip has one more than fit into it: without a known offset an event at the end
    may last a frame longer than the recording.

    The median filter and its 0.45 s are those of the baselines of DCASE [2]_.

    References
    ----------
    .. [1] J. Canny, "A computational approach to edge detection", IEEE TPAMI 8(6),
       1986; as ``skimage.filters.apply_hysteresis_threshold`` has it, but that a
       probability that equals a threshold counts, as in ``predict``.
    .. [2] R. Serizel, N. Turpault, H. Eghbal-Zadeh and A. Parag Shah, "Large-scale
       weakly labeled semi-supervised sound event detection in domestic environments",
       DCASE Workshop, 2018.

    Examples
    --------
    A dog that barks from 2.0 to 3.5 s, across the border of two windows:

    >>> import numpy as np
    >>> from sklearn_triplet import find_events
    >>> probabilities = np.full((2, 1, 25), 0.05)
    >>> probabilities[0, 0, 20:] = probabilities[1, 0, :10] = 0.9
    >>> windows = [("yard.wav", 0.0, 2.5), ("yard.wav", 2.5, 5.0)]
    >>> events = find_events(probabilities, ["dog"], clips=windows, frame_duration=0.1)
    >>> events[["filename", "onset", "offset", "event_label"]].tolist()
    [('yard.wav', 2.0, 3.5, 'dog')]
    >>> events["score"].round(2)
    array([0.9])
    """
    frames, labels = _check_probabilities(probabilities, classes)
    seconds = check_interval(
        OWNER, "frame_duration", frame_duration, numbers.Real, 0, left="open", most=1e6
    )
    frame_duration = float(seconds)  # small integers of numpy would overflow
    settings = _check_settings(
        len(labels),
        frame_duration,
        threshold,
        low_threshold,
        median_duration,
        min_duration,
        min_gap,
    )
    windows = _check_clips(clips, len(frames))
    _check_durations(windows, frames.shape[2] * frame_duration, frame_duration)
    known = _find_known(frames)
    where, columns = _search(frames, known, windows, frame_duration, settings)
    onset, offset, label, score = columns
    return make_events(
        where,
        onset,
        offset,
        labels[label.astype(int)],
        score,
        first="row" if clips is None else "filename",
    )


# --- what parameters may be


def _check_probabilities(
    probabilities: ArrayLike, classes: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Refuse what are no probabilities of these classes.

    Returns
    -------
    frames : ndarray of shape (n_clips, n_classes, n_frames)
        Not copied: they may be those of hours.
    labels : ndarray of shape (n_classes,), object
    """
    frames, labels = np.asarray(probabilities), np.asarray(classes)
    if frames.ndim != 3 or frames.dtype.kind not in "biuf":
        raise ValueError(
            f"The 'probabilities' parameter of {OWNER} must be numbers of shape "
            "(n_clips, n_classes, n_frames), as predict_frames returns them. Got "
            f"{frames.dtype} of shape {frames.shape}."
        )
    if labels.ndim != 1 or len(labels) != frames.shape[1] or not len(labels):
        raise ValueError(
            f"The 'classes' parameter of {OWNER} must hold one label per class of the "
            f"probabilities ({frames.shape[1]}), such as tagger.classes_. Got shape "
            f"{labels.shape}."
        )
    # fmin and fmax pass NaN by without a word where all is NaN
    low = np.fmin.reduce(frames, axis=None, initial=0)
    high = np.fmax.reduce(frames, axis=None, initial=0)
    if low < -TOLERANCE or high > 1 + TOLERANCE:
        raise ValueError(
            f"The 'probabilities' parameter of {OWNER} must lie in [0, 1]. Got values "
            f"in [{low:.3g}, {high:.3g}]: are these logits?"
        )
    return frames, labels.astype(object)


def _check_settings(
    n_classes: int,
    frame_duration: float,
    threshold: float | ArrayLike,
    low_threshold: float | ArrayLike | None,
    median_duration: float | ArrayLike,
    min_duration: float | ArrayLike,
    min_gap: float | ArrayLike,
) -> list[Settings]:
    """Check each parameter, and turn seconds into frames; returns a row per class."""
    high = _per_class("threshold", threshold, n_classes, 0, 1)
    low = high / 2
    if low_threshold is not None:
        low = _per_class("low_threshold", low_threshold, n_classes, 0, 1)
    if (low > high).any():
        raise ValueError(
            f"The 'low_threshold' parameter of {OWNER} must be at most 'threshold': "
            f"all frames of an event reach the one, its surest the other. Got "
            f"{low_threshold!r} and {threshold!r}."
        )
    durations = {
        "median_duration": median_duration,
        "min_duration": min_duration,
        "min_gap": min_gap,
    }
    # a longer filter would fill memory, and no event of a recording is as long
    ends = {"median_duration": MOST_FRAMES}
    median, shortest, closest = (
        np.minimum(
            _per_class(name, value, n_classes, 0, np.inf),
            ends.get(name, LONGEST) * frame_duration,
        )
        / frame_duration
        for name, value in durations.items()
    )
    # the nearest odd number: a filter of an even one would move events
    odd = 2 * np.round((np.maximum(median, 1) - 1) / 2).astype(np.int64) + 1
    columns = high, low, odd, shortest - ROUNDING, closest - ROUNDING
    return [Settings(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]


def _per_class(
    name: str, value: float | ArrayLike, n_classes: int, low: float, high: float
) -> NDArray[np.float64]:
    """Return a number per class, or refuse the value in a sentence.

    Parameters
    ----------
    name : str
    value : float or array-like of shape (n_classes,)
    n_classes : int
    low, high : float
        The interval: open where it is one of probabilities, and closed on the left
        where it is one of seconds.
    """
    # as objects: numpy would turn [0.5, "a"] into text, and True into 1.0
    values = np.asarray(value, dtype=object)
    if values.shape not in ((), (n_classes,)):
        raise ValueError(
            f"The {name!r} parameter of {OWNER} must be a number or one number per "
            f"class ({n_classes}). Got shape {values.shape}."
        )
    left: End = "open" if high == 1 else "closed"
    if not all(
        is_inside(v, numbers.Real, low, high, left, "open") for v in values.flat
    ):
        opening = "(" if high == 1 else "["
        raise ValueError(
            f"The {name!r} parameter of {OWNER} must lie in {opening}{low}, {high}). "
            f"Got {value!r} instead."
        )
    return np.broadcast_to(values.astype(float), n_classes)


def _check_clips(clips: Sequence[ClipLike] | None, n_rows: int) -> list[Window]:
    """Return what each row tells of, or refuse ``clips`` with the number of the row."""
    if clips is None:
        return [Window(row, 0.0, np.inf) for row in range(n_rows)]
    if len(clips) != n_rows:
        raise ValueError(
            f"The 'clips' parameter of {OWNER} must hold one path or (path, onset, "
            f"offset) per row of the probabilities ({n_rows}). Got {len(clips)}. Of a "
            "DataFrame give list(frame.itertuples(index=False))."
        )
    return [_check_window(row, clip) for row, clip in enumerate(clips)]


def _check_window(row: int, clip: ClipLike) -> Window:
    """Return the recording and the seconds of one row, or refuse them.

    Parameters
    ----------
    row : int
        Its number, for the message.
    clip : path or (path, onset, offset)
        A row of ``itertuples`` of a DataFrame is one too.

    Returns
    -------
    window : Window
    """
    if isinstance(clip, str | os.PathLike):
        return Window(os.fspath(clip), 0.0, np.inf)
    try:
        path, onset, offset = clip
        window = Window(os.fspath(path), float(onset), float(offset))
    except (TypeError, ValueError):
        window = Window("", 0.0, 0.0)
    # NaN is not less than anything
    if not 0 <= window.onset < window.offset:
        raise ValueError(
            f"Row {row} of the 'clips' parameter of {OWNER} must be a path, or (path, "
            "onset, offset) with 0 <= onset < offset in seconds. Got "
            f"{clip!r} instead."
        )
    return window


def _check_durations(windows: list[Window], frames: float, frame: float) -> None:
    """Compare the length of the windows with that of their frames.

    Parameters
    ----------
    windows : list of Window
    frames, frame : float
        Seconds of all frames of a row, padding included, and of one.

    Notes
    -----
    A wrong ``frame_duration`` moves every event, and nothing else would tell.
    """
    longest = max((w.offset - w.onset for w in windows), default=np.inf)
    if not np.isfinite(longest):
        return
    text = (
        f"The longest window in 'clips' of {OWNER} lasts {longest:g} s, but its frames "
        f"last {frames:g} s. Is a frame {frame:g} s ('frame_duration')?"
    )
    # padding of an analysis window at either end is no mistake
    room = 0.05 * longest + 2 * frame
    if frames > longest + room:
        raise ValueError(text)
    if frames < longest - room:
        warn(f"{text} If the recordings end there, all is well.")


def _find_known(frames: np.ndarray) -> NDArray[np.bool_]:
    """Tell the frames that are not NaN, (n_clips, n_frames)."""
    missing = np.isnan(frames)
    known = ~missing.any(axis=1)
    torn = np.argwhere(~known & ~missing.all(axis=1))
    if len(torn):
        row, frame = torn[0]
        raise ValueError(
            f"The 'probabilities' parameter of {OWNER} must be NaN for all classes of "
            f"a frame or for none. Frame {frame} of row {row} is NaN for some: leave "
            "out the classes of which nothing is known."
        )
    return known


# --- what happens to the probabilities


def _search(
    frames: np.ndarray,
    known: NDArray[np.bool_],
    windows: list[Window],
    frame_duration: float,
    settings: list[Settings],
) -> tuple[list[str | int], NDArray[np.float64]]:
    """Find the events of all stretches of time.

    Parameters
    ----------
    frames, known, windows, frame_duration
        As in ``_stitch``.
    settings : list of Settings
        One per class.

    Returns
    -------
    where : list of str or int
        The recording, or the row, of each event.
    columns : ndarray of shape (4, n_events), float64
        Onset and offset in seconds, number of the class, score.
    """
    where: list[str | int] = []
    columns = [np.empty((4, 0))]
    for place, origin, end, piece in _stitch(frames, known, windows, frame_duration):
        # class by class, so that hours need little memory beside their probabilities
        for label, (line, chosen) in enumerate(zip(piece, settings, strict=True)):
            begin, stop, score = _find_spans(line, chosen)
            onset, offset = origin + frame_duration * np.array([begin, stop])
            # whole microseconds: nobody wants to read 2.3000000000000003
            onset, offset = onset.round(6), np.minimum(offset, end).round(6)
            columns.append(np.array([onset, offset, np.full(len(score), label), score]))
            where += [place] * len(score)
    return where, np.concatenate(columns, axis=1)


def _stitch(
    frames: np.ndarray,
    known: NDArray[np.bool_],
    windows: list[Window],
    frame_duration: float,
) -> Iterator[tuple[str | int, float, float, NDArray[np.float32]]]:
    """Yield the stretches of time of which all is known, recording by recording.

    Parameters
    ----------
    frames : ndarray of shape (n_clips, n_classes, n_frames)
    known : ndarray of shape (n_clips, n_frames), bool
    windows : list of Window
    frame_duration : float

    Yields
    ------
    where : str or int
    origin, end : float
        Seconds of the first frame; and those behind which nothing was to be heard.
    piece : ndarray of shape (n_classes, n_frames_i), float32
        Without NaN.
    """
    rows: dict[str | int, list[int]] = {}
    for row, window in enumerate(windows):
        rows.setdefault(window.where, []).append(row)
    # frames of a window; rounded up, so that windows that touch leave no gap
    seconds = np.array([w.offset - w.onset for w in windows])
    lengths = np.minimum(np.ceil(seconds / frame_duration - ROUNDING), known.shape[1])
    lengths = lengths.astype(int)
    for where, members in rows.items():
        members.sort(key=lambda row: windows[row].onset)
        for group in _find_chains(members, windows, lengths, frame_duration):
            origin = windows[group[0]].onset
            end = max(windows[row].offset for row in group)
            places = [
                round((windows[row].onset - origin) / frame_duration) for row in group
            ]
            line = _average(frames, known, group, places, lengths)
            for begin, stop in zip(*_find_runs(~np.isnan(line[0])), strict=True):
                start = origin + begin * frame_duration
                yield where, start, end, line[:, begin:stop]


def _find_chains(
    members: list[int], windows: list[Window], lengths: IntArray, frame_duration: float
) -> Iterator[list[int]]:
    """Yield rows of one recording that overlap or touch, each chain by onset.

    Apart from each other they are no time line: hours between two windows would only
    take memory.

    Parameters
    ----------
    members : list of int
        Rows of the recording, by onset.
    windows, frame_duration
        As in ``_stitch``.
    lengths : ndarray of shape (n_clips,), int
        Frames of each row that lie in its window.

    Yields
    ------
    chain : list of int
    """
    chain: list[int] = []
    end = 0.0
    for row in members:
        onset = windows[row].onset
        if chain and onset > end + ROUNDING * frame_duration:
            yield chain
            chain = []
        last = onset + lengths[row] * frame_duration
        end = max(end, last) if chain else last
        chain.append(row)
    yield chain


def _average(
    frames: np.ndarray,
    known: NDArray[np.bool_],
    group: list[int],
    places: list[int],
    lengths: IntArray,
) -> NDArray[np.float32]:
    """Lay windows on one time line; the mean where they overlap, NaN where none is.

    Parameters
    ----------
    frames, known
        As in ``_stitch``.
    group : list of int
        Rows.
    places : list of int
        The frame of the time line at which each of them begins.
    lengths : ndarray of shape (n_clips,), int
        Frames of each row that lie in its window.

    Returns
    -------
    line : ndarray of shape (n_classes, n_frames_i), float32
    """
    ends = [place + lengths[row] for row, place in zip(group, places, strict=True)]
    line = np.zeros((frames.shape[1], max(ends)), np.float32)
    counts = np.zeros(line.shape[1], np.float32)
    for row, begin, end in zip(group, places, ends, strict=True):
        heard = known[row, : lengths[row]]
        line[:, begin:end] += np.where(heard, frames[row, :, : lengths[row]], 0)
        counts[begin:end] += heard
    counts[counts == 0] = np.nan  # what no window knows
    line /= counts
    return line


def _find_runs(active: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """Find the runs of a mask.

    Parameters
    ----------
    active : ndarray of shape (n_frames,), bool

    Returns
    -------
    begin, end : ndarray of shape (n_runs,), int
        The first frame of each run, and the first thereafter.
    """
    steps = np.diff(active.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)


def _find_spans(line: NDArray[np.float32], settings: Settings) -> Spans:
    """Smooth, find what reaches both thresholds, join the close, drop the short.

    Parameters
    ----------
    line : ndarray of shape (n_frames,), float32
        The probabilities of one class, without NaN.
    settings : Settings
        Of this class.

    Returns
    -------
    spans : Spans

    Notes
    -----
    The order matters: joined before short ones are dropped, three barks with short
    breaks are one event; dropped before, they would be none.
    """
    if settings.median > 1:
        line = ndimage.median_filter(line, settings.median)
    # in the precision of the probabilities: 0.9 is no less than 0.9
    begin, end = _find_runs(line >= np.float32(settings.low_threshold))
    if not len(begin):
        return Spans(begin, end, line[:0])
    score = _find_peaks(line, begin, end)
    sure = score >= np.float32(settings.threshold)
    begin, end, score = begin[sure], end[sure], score[sure]
    # events with too few frames between them make a chain, from its first to its last
    apart = begin[1:] - end[:-1] >= settings.closest
    first = np.flatnonzero(np.r_[True, apart][: len(begin)])
    last = np.flatnonzero(np.r_[apart, True][: len(begin)])
    begin, end = begin[first], end[last]
    long = end - begin >= settings.shortest
    begin, end = begin[long], end[long]
    return Spans(begin, end, _find_peaks(line, begin, end))


def _find_peaks(
    line: NDArray[np.float32], begin: IntArray, end: IntArray
) -> NDArray[np.float32]:
    """Return the highest value of each span, shape (n_spans,)."""
    # reduceat goes on to the next index, so that every other answer is of a gap; and
    # an index may not lie behind the end, where the last span may end
    edges = np.column_stack([begin, end]).ravel()
    if len(edges) and edges[-1] == len(line):
        edges = edges[:-1]
    return np.maximum.reduceat(line, edges)[::2] if len(edges) else line[:0]
