"""Recordings of any length and their events become clips (n_clips,) with labels."""

import math
import os
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from sklearn_triplet._features.audio import promised_duration
from sklearn_triplet._input.labels import UNLABELED, is_labeled
from sklearn_triplet._input.parameters import check_interval
from sklearn_triplet._input.warn import warn
from sklearn_triplet.datasets import _base
from sklearn_triplet.datasets._event_tables import EventRow, read_rows, rows_to_events

OWNER = "load_recordings"
# the label of a row that marks what somebody listened to, in a table of events
LISTENED = "listened"
CURE = "give the folder that holds the recordings, or a list of their paths"

PRECISION = 1e-6  # seconds: that of tables, and more than what floats are off by
# An event may end so much later than its recording without a word: by ear nobody marks
# an end more exactly, and the collar of event-based scores is as long.
COLLAR = 0.2  # seconds

# (path, onset, offset) of a clip, in seconds
Window = tuple[str, float, float]


def load_recordings(
    recordings: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    events: Any = None,
    *,
    listened: Any = None,
    clip_duration: float = 10.0,
    hop: float | None = None,
    min_overlap: float = 0.5,
    target_names: Iterable[str] | None = None,
    return_X_y: bool = False,
) -> Bunch | tuple[list[Window], np.ndarray]:
    r"""Cut recordings of any length into clips, labeled by a table of events.

    Of the recordings only the headers are read: a clip is a row ``(path, onset,
    offset)``, and :class:`~sklearn_triplet.LogMel` reads nothing else of the file.

    Parameters
    ----------
    recordings : str, path-like or sequence of these
        A folder, in which recordings are found as by :func:`load_audio_folder`, or the
        paths of the files.
    events : str, path-like, DataFrame or structured array, default=None
        The events: a table that names the recording of each, or a folder of label
        tracks of Audacity or selection tables of Raven, which are called as their
        recordings and may lie beside them. What :func:`read_events` reads or returns;
        paths are looked for in the working directory and then in the folder of the
        recordings. None: no clip is labeled.
    listened : {"all", "listed"}, None, or as ``events``, default=None
        The stretches in which somebody listened for all the classes, so that a class
        without any event there is absent. ``"all"``: all recordings as a whole.
        ``"listed"``: as a whole those that ``events`` names, be it by a row with
        nothing but a file name, or by an empty label track. A table with ``filename``,
        ``onset`` and ``offset``: these stretches, the whole recording where both times
        are empty. In any case, rows of ``events`` with the label ``listened`` mark such
        stretches. None: only these.
    clip_duration : float, default=10.0
        Seconds of a clip. A shorter recording is one shorter clip.
    hop : float, default=None
        Seconds from one clip to the next, at most ``clip_duration``, which is the
        default: clips side by side. The last clip of a recording is moved back so that
        it ends with the recording: all clips are of one length and no sound is lost.
    min_overlap : float, default=0.5
        The share of the clip, or of the event, from which on its class is present, in
        (0, 1]; see Notes.
    target_names : sequence of str, default=None
        The classes in the order of the columns. An event of another class is refused.
        None sorts the classes that were found.
    return_X_y : bool, default=False
        Whether to return only ``(data, target)``.

    Returns
    -------
    corpus : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : list of n_clips tuples (str, float, float)
            Path, onset and offset of each clip in seconds, by recording and time: the
            X of :class:`~sklearn_triplet.LogMel`.
        target : ndarray of shape (n_clips, n_classes), int64
            Present (1), absent (0) or unknown (-1). Of shape (n_clips,), all -1, where
            there are neither events nor ``target_names``.
        target_names : ndarray of shape (n_classes,), str
            The classes.
        groups : ndarray of shape (n_clips,), str
            The recording of each clip, for ``GroupKFold``: clips that overlap, or have
            one background, are never in training and test.
        events : ndarray of shape (n_events,), structured
            The events of the recordings, as :func:`read_events` returns them, with the
            paths of ``data`` and cut at the end of the recording.
        durations : dict of str to float
            Seconds of each recording, by the paths of ``data``.
        missing : list of str
            What a table names but is not there.
        unlisted : list of str
            Recordings that ``events`` does not name; empty where there is none.
        beyond : ndarray of shape (n,), structured
            Events and stretches that end more than 0.2 s after their recording, or
            begin there, as they are written.
        skipped : list of (str, str)
            Recordings that cannot be read, and why.
        DESCR : str
            What was found and read, with its numbers.
    (data, target) : tuple
        If ``return_X_y``.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or table, no recording, or none of those listed.
    ValueError
        If a parameter is none of the above, a table is empty or cannot be read, a row
        of it cannot be used or fits several recordings, or an event has another class
        than ``target_names``.

    Warns
    -----
    UserWarning
        Once if recordings are skipped, once for each table if listed ones are missing,
        and once if events or stretches are beyond the end of their recording.

    See Also
    --------
    read_events : Tables, label tracks and selection tables; other column names.
    load_audio_folder : Recordings that are clips themselves.
    UnlabeledInTrain : Folds that never train on the recordings that they test.

    Notes
    -----
    Events of a class that overlap or touch are joined. With :math:`o` the seconds that
    an event of length :math:`l` shares with a clip of length :math:`d`, and
    :math:`s` = ``min_overlap``, the class is *present* in the clip where

    .. math:: \sum o \ge s d \quad\text{or}\quad o \ge s l \text{ for any event.}

    The first is what a long event reaches, the second a short one, such as a call of
    0.3 s in a clip of 5 s, of which half is enough. A point label, which has no length,
    is present in each clip that it touches. [1]_ labels clips by the same rule.

    A class that is not present is *absent* where the clip lies wholly in a stretch
    that somebody listened to and shares nothing with an event of the class. Anything
    else is *unknown*: a clip that nobody or only partly listened to, and an event of
    which too little is in the clip, for it is there and yet may not be heard.

    A single class is one column, which estimators read as labels 0 and 1: something has
    to be listened to, or there is nothing to tell the class from.

    References
    ----------
    .. [1] Y. Wang, N. J. Bryan, J. Salamon, M. Cartwright and J. P. Bello, "Who Calls
       the Shots? Rethinking Few-Shot Learning for Audio", WASPAA 2021. Clips of 1 s are
       labeled by events of which they hold 0.5 s or the half.

    Examples
    --------
    Of 25 s a call and the rain are marked, and that the first 20 s were listened to:

    >>> import pathlib, tempfile
    >>> import numpy as np, soundfile
    >>> from sklearn_triplet.datasets import load_recordings
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> soundfile.write(home / "monday.wav", np.zeros(25 * 8000), 8000)
    >>> _ = (home / "monday.txt").write_text(
    ...     "0\t20\tlistened\n1.2\t1.5\tcall\n13\t25\train\n"
    ... )
    >>> corpus = load_recordings(home, events=home)
    >>> [(onset, offset) for _, onset, offset in corpus.data]
    [(0.0, 10.0), (10.0, 20.0), (15.0, 25.0)]
    >>> corpus.target_names, corpus.target
    (array(['call', 'rain'], dtype='<U4'), array([[ 1,  0],
           [ 0,  1],
           [-1,  1]]))
    """
    check_interval(OWNER, "clip_duration", clip_duration, Real, 0, left="open")
    hop = clip_duration if hop is None else hop
    check_interval(OWNER, "hop", hop, Real, 0, clip_duration, left="open")
    check_interval(OWNER, "min_overlap", min_overlap, Real, 0, 1, left="open")
    names = _base.check_target_names(OWNER, target_names)
    root, paths, skipped = _list_recordings(recordings)
    durations = _measure(root, paths, skipped)
    notes = _Annotations(root, paths, durations, names)
    notes.read(events, listened)
    names = notes.names()
    cuts = {
        file: cut_windows(duration, clip_duration, hop)
        for file, duration in durations.items()
    }
    target = np.concatenate(
        [notes.label(cuts[file], file, min_overlap) for file in cuts]
    )
    corpus = Bunch(
        data=[(paths[file], *row) for file in cuts for row in cuts[file].tolist()],
        target=target if names else np.full(len(target), UNLABELED),
        target_names=np.array(names, dtype=str),
        groups=np.repeat([paths[file] for file in cuts], [*map(len, cuts.values())]),
        events=rows_to_events(notes.events),
        durations={paths[file]: duration for file, duration in durations.items()},
        missing=notes.missing,
        unlisted=notes.unlisted,
        beyond=rows_to_events(notes.beyond),
        skipped=[(paths[file], reason) for file, reason in skipped.items()],
    )
    corpus.DESCR = _describe(corpus, root)
    return (corpus.data, corpus.target) if return_X_y else corpus


def _list_recordings(
    recordings: Any,
) -> tuple[str, dict[str, str], dict[str, str]]:
    """List recordings by their path below the folder that holds them all.

    Returns
    -------
    root : str
        That folder.
    paths : dict of str to str
        From there on, to the path for the user; of those that are skipped as well.
    skipped : dict of str to str
        Why a file cannot be read, as far as its name or its owner say.
    """
    if isinstance(recordings, str | os.PathLike):
        folder = str(_base.existing_folder(OWNER, "recordings", recordings, CURE))
        files, skipped = _base.find_recordings(OWNER, "recordings", folder)
        found = sorted([*files, *skipped])
        return folder, {file: os.path.join(folder, file) for file in found}, skipped
    given = list(recordings) if isinstance(recordings, Iterable) else []
    if not given or not all(isinstance(path, str | os.PathLike) for path in given):
        raise ValueError(
            f"The 'recordings' parameter of {OWNER} must be a folder or a sequence of "
            f"paths. Got {repr(recordings)[:80]} instead: {CURE}."
        )
    given = [os.path.expanduser(os.fspath(path)) for path in given]
    root = os.path.commonpath([os.path.dirname(os.path.abspath(p)) for p in given])
    files = [os.path.relpath(path, root).replace(os.sep, "/") for path in given]
    paths = dict(zip(files, map(str, given), strict=True))
    if len(paths) < len(files):
        twice = next(path for path in files if files.count(path) > 1)
        raise ValueError(
            f"The 'recordings' parameter of {OWNER} must name each file once. Got "
            f"{paths[twice]!r} twice: take one out."
        )
    return root, paths, {}


def _measure(
    root: str, paths: dict[str, str], skipped: dict[str, str]
) -> dict[str, float]:
    """Read the seconds of recordings, and add what cannot be read to ``skipped``."""
    durations = {}
    for file, path in paths.items():
        if file not in skipped:
            try:
                durations[file] = promised_duration(path)
            except (OSError, ValueError) as error:
                skipped[file] = str(error).rstrip(".")
    if not durations:
        file, reason = next(iter(skipped.items()))
        raise ValueError(
            f"{OWNER} can read none of the {len(paths)} recordings in {root!r}, first "
            f"{file!r}: {reason}. Correct 'recordings'."
        )
    _base.report_skipped(OWNER, root, skipped, len(paths))
    return durations


def cut_windows(
    duration: float, clip_duration: float, hop: float
) -> NDArray[np.float64]:
    """Cut a recording into clips of one length, the last one up to its end.

    Parameters
    ----------
    duration, clip_duration, hop : float
        In seconds.

    Returns
    -------
    windows : ndarray of shape (n_windows, 2)
        Onset and offset of each; a single one, if the recording is no longer.

    Examples
    --------
    >>> cut_windows(25.0, 10, 10).tolist(), cut_windows(4.0, 10, 5).tolist()
    ([[0.0, 10.0], [10.0, 20.0], [15.0, 25.0]], [[0.0, 4.0]])
    """
    left = max(duration - clip_duration, 0)
    # a rest below the precision of a table is no clip
    n_hops = int(np.ceil((left - PRECISION) / hop)) if left > PRECISION else 0
    # all clips of one length make an array without padding
    onsets = np.minimum(np.arange(n_hops + 1) * hop, left)
    windows = np.stack([onsets, np.minimum(onsets + clip_duration, duration)], axis=1)
    # 3 * 0.1 is not 0.3, and a path with its times is what people read and compare
    return np.round(windows, 9)


def measure_overlap(
    windows: NDArray[np.float64], spans: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure what the clips of a recording share with the events of one class.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, 2)
        Onset and offset of each clip, both ascending.
    spans : ndarray of shape (n_spans, 2)
        Onsets and offsets, in any order; those that overlap or touch are joined.

    Returns
    -------
    seconds : ndarray of shape (n_windows,)
        How long the clip shares with all of them.
    share : ndarray of shape (n_windows,)
        The largest share of one of them that is in the clip, in [0, 1]; of one without
        length, 1 where the clip touches it.

    Examples
    --------
    >>> windows = np.array([[0.0, 10.0], [10.0, 20.0]])
    >>> measure_overlap(windows, np.array([[9.0, 12.0], [10.0, 13.0]]))
    (array([1., 3.]), array([0.25, 0.75]))
    """
    seconds, share = np.zeros((2, len(windows)))
    for onset, offset in _join(spans):
        # only those that may share anything: a day has many clips and many events
        first = np.searchsorted(windows[:, 1], onset)
        near = slice(first, np.searchsorted(windows[:, 0], offset, side="right"))
        begin, end = windows[near].T
        part = np.clip(np.minimum(end, offset) - np.maximum(begin, onset), 0, None)
        seconds[near] += part
        length = offset - onset
        # a point label has no half: it is in the clip as a whole
        part = part / length if length > PRECISION else np.ones_like(part)
        share[near] = np.maximum(share[near], part)
    return seconds, share


def _join(spans: NDArray[np.float64]) -> NDArray[np.float64]:
    """Join spans that overlap or touch.

    Parameters
    ----------
    spans : ndarray of shape (n_spans, 2)
        Onsets and offsets, in any order.

    Returns
    -------
    joined : ndarray of shape (n_joined, 2)
        Ascending, and apart from each other.

    Examples
    --------
    >>> _join(np.array([[5.0, 6.0], [0.0, 2.0], [1.0, 3.0], [3.0, 4.0]])).tolist()
    [[0.0, 4.0], [5.0, 6.0]]
    """
    if not len(spans):
        return spans.reshape(0, 2)
    spans = spans[np.lexsort(spans.T[::-1])]
    # what begins after all that came before has ended begins anew
    ends = np.maximum.accumulate(spans[:, 1])
    starts = np.flatnonzero(np.r_[True, spans[1:, 0] > ends[:-1] + PRECISION])
    return np.stack([spans[starts, 0], ends[np.r_[starts[1:] - 1, -1]]], axis=1)


class _Annotations:
    """What tables say of the recordings: events, and stretches without any other.

    Parameters
    ----------
    root : str
        The folder of the recordings.
    paths : dict of str to str
        From a path below it to the path for the user, of all that are there.
    durations : dict of str to float
        Seconds of those that can be read.
    target_names : list of str or None
        The classes that there may be.

    Attributes
    ----------
    events : list of EventRow
        Within the recordings, with paths for the user.
    beyond : list of EventRow
        Those that are not, as they are written; ``n_gone`` of them begin there.
    listened : dict of str to list of (float, float)
        Onset and offset of the stretches of each file.
    missing : list of str
        Names in tables that are no recording.
    listed : set of str
        Files that the table of events names.
    """

    def __init__(
        self,
        root: str,
        paths: dict[str, str],
        durations: dict[str, float],
        target_names: list[str] | None,
    ) -> None:
        self.paths = paths
        self.durations = durations
        self.target_names = target_names
        self.index = _base.RecordingIndex(OWNER, root, paths)
        self.spans: dict[tuple[str, str], list[tuple[float, float]]] = {}
        self.listened: dict[str, list[tuple[float, float]]] = {}
        self.events: list[EventRow] = []
        self.beyond: list[EventRow] = []
        self.n_gone = 0
        self.missing: list[str] = []
        self.listed: set[str] = set()
        self.unlisted: list[str] = []

    def read(self, events: Any, listened: Any) -> None:
        """Read the tables, and count what is not in the recordings.

        Parameters
        ----------
        events, listened
            As given to ``load_recordings``.
        """
        if LISTENED in (self.target_names or ()):
            raise ValueError(
                f"The 'target_names' parameter of {OWNER} must not hold {LISTENED!r}: "
                "events of this label mark what somebody listened to. Call the class "
                "otherwise."
            )
        if events is not None:
            self._read_table("events", events)
            unlisted = [file for file in self.durations if file not in self.listed]
            self.unlisted = [self.paths[file] for file in unlisted]
        self._listen(listened, ["all", "listed"] if events is not None else ["all"])
        self._report_beyond()

    def _listen(self, listened: Any, options: list[str]) -> None:
        """Take recordings as a whole, or what a table says of them, as listened to."""
        if isinstance(listened, str) and listened in options:
            for file, duration in self.durations.items():
                if listened == "all" or file in self.listed:
                    self.listened.setdefault(file, []).append((0.0, duration))
            return
        if isinstance(listened, str) and not os.path.exists(self._find(listened)):
            raise ValueError(
                f"The 'listened' parameter of {OWNER} must be None, one of {options} "
                "('listed' with events), or a table with the columns 'filename', "
                f"'onset' and 'offset'. Got {listened!r} instead, which is no file."
            )
        if listened is not None:
            self._read_table("listened", listened)

    def names(self) -> list[str]:
        """Return the classes, one a column; none where nothing tells any."""
        if self.target_names is None:
            return sorted({label for _, label in self.spans})
        return self.target_names

    def label(
        self, windows: NDArray[np.float64], file: str, min_overlap: float
    ) -> NDArray[np.int64]:
        """Label the clips of a recording.

        Parameters
        ----------
        windows : ndarray of shape (n_windows, 2)
            Onset and offset of each.
        file : str
        min_overlap : float

        Returns
        -------
        target : ndarray of shape (n_windows, n_classes), int64
        """
        names = self.names()
        target = np.full((len(windows), len(names)), UNLABELED, dtype=np.int64)
        lengths = windows[:, 1] - windows[:, 0]
        seconds, _ = measure_overlap(windows, _as_spans(self.listened.get(file)))
        target[seconds >= lengths - PRECISION] = 0
        for column, name in zip(target.T, names, strict=True):
            spans = _as_spans(self.spans.get((file, name)))
            seconds, share = measure_overlap(windows, spans)
            # an event that is there in too small a part is neither heard nor absent
            column[(seconds > PRECISION) | (share > PRECISION)] = UNLABELED
            is_long = seconds >= min_overlap * lengths - PRECISION
            # of nothing, no clip is too short to have a share
            column[(is_long & (seconds > 0)) | (share >= min_overlap - PRECISION)] = 1
        return target

    def _read_table(self, parameter: str, source: Any) -> None:
        """Find the recording of each row, and keep what the row says of it."""
        source = self._find(source)
        are_events = parameter == "events"
        rows = read_rows(OWNER, parameter, source, needs_label=are_events)
        name = _base.name_table(source)
        if not rows:
            raise ValueError(
                f"{OWNER} found no rows in {name}. Fill it in, or give "
                f"{parameter}=None."
            )
        missing, found = list[str](), set[str]()
        for row in rows:
            file = self.index.find(row.place, row.filename)
            if file is None:
                missing.append(row.filename)
                continue
            found.add(file)
            # what cannot be read has been counted
            if file in self.durations:
                self._add(row, file, are_events)
        missing = list(dict.fromkeys(missing))
        nearest = self.index.find_nearest(missing[0]) if missing else None
        hint = f" (is it {nearest!r}?)" if nearest else ""
        _base.report_missing(name, self.index.roots[0], missing, len(found), hint)
        self.missing += [file for file in missing if file not in self.missing]
        self.listed |= found if are_events else set()
        if are_events and self.target_names is None and not self.spans:
            raise ValueError(
                f"{OWNER} found no class in {name}: none of its rows is an event of a "
                "recording that is there. Give 'target_names', or another table."
            )

    def _find(self, source: Any) -> Any:
        """Look for a table here, and then in the folder of the recordings."""
        if isinstance(source, str | os.PathLike) and os.fspath(source):
            given = os.path.expanduser(os.fspath(source))
            below = os.path.join(self.index.roots[0], given)
            return below if os.path.exists(below) > os.path.exists(given) else given
        return source

    def _add(self, row: EventRow, file: str, is_event: bool) -> None:
        """Keep an event or a stretch, as far as it is within its recording."""
        duration = self.durations[file]
        if math.isnan(row.onset):
            # nothing but a file name: as a stretch it is all of it, as an event none
            if not is_event:
                self.listened.setdefault(file, []).append((0.0, duration))
            return
        # nothing of it is left; a point label at the very end is
        is_gone = row.onset > duration or row.onset == duration < row.offset
        if is_gone or row.offset > duration + COLLAR:
            self.beyond.append(row)
            self.n_gone += is_gone
        offset = min(row.offset, duration)
        if is_gone:
            return
        if not is_event or row.label.lower() == LISTENED:
            self.listened.setdefault(file, []).append((row.onset, offset))
            return
        if self.target_names is not None and row.label not in self.target_names:
            wanted = f"name one of the 'target_names' {self.target_names}"
            raise _base.refuse_row(OWNER, row.place, wanted, repr(row.label))
        self.spans.setdefault((file, row.label), []).append((row.onset, offset))
        self.events.append(row._replace(filename=self.paths[file], offset=offset))

    def _report_beyond(self) -> None:
        """Count in one warning what is not within its recording."""
        if self.beyond:
            row = self.beyond[0]
            warn(
                f"{OWNER} found {len(self.beyond)} events or stretches that end after "
                f"their recording, {self.n_gone} of which begin there. The first is "
                f"{row.place}: {row.onset:g} to {row.offset:g} s in {row.filename!r}. "
                "What is left of them is used; the field 'beyond' names them all."
            )


def _as_spans(spans: list[tuple[float, float]] | None) -> NDArray[np.float64]:
    """Make an array (n_spans, 2) of pairs, also of none."""
    return np.array(spans or [], dtype=np.float64).reshape(-1, 2)


def _describe(corpus: Bunch, root: str) -> str:
    """Say what was found and read, in numbers."""
    known = corpus.target != UNLABELED
    return (
        f"{len(corpus.data)} clips of {len(corpus.durations)} recordings in {root!r}, "
        f"{sum(corpus.durations.values()) / 3600:.2f} hours. Events: "
        f"{len(corpus.events)} of {len(corpus.target_names)} classes. Labeled clips: "
        f"{is_labeled(corpus.target).sum()}, of which "
        f"{known.reshape(len(known), -1).all(axis=1).sum()} are known in full. Listed "
        "but not there: "
        f"{len(corpus.missing)}; there but not listed: {len(corpus.unlisted)}; beyond "
        f"the end: {len(corpus.beyond)}; skipped: {len(corpus.skipped)}."
    )
