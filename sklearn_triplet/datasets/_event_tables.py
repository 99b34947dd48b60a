"""Tables of events in the three forms that people have to events (n_events,), and back.

A table with named columns is what DCASE and its tools have, a label track what Audacity
exports, a selection table what Raven saves. Of a track, and of a selection table
without the measurement "Begin File", only its own name says which recording it is of.
"""

import csv
import io
import math
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sklearn_triplet._input.events import make_events
from sklearn_triplet._input.parameters import check_option
from sklearn_triplet._input.warn import warn
from sklearn_triplet.datasets import _base

FORMATS = ("table", "audacity", "raven")
COLUMNS = ("filename", "onset", "offset", "event_label")
SUFFIXES = (".csv", ".tsv", ".txt")

BEGIN, END = "Begin Time (s)", "End Time (s)"
# where a selection begins in its own file: Raven counts times from the first file on
FILE_OFFSET = "File Offset (s)"
BEGIN_PATH, BEGIN_FILE = "Begin Path", "Begin File"
# Raven leaves the name of this column to its user; BirdNET and opensoundscape have one
ANNOTATIONS = (
    "annotation", "annotations", "species", "label", "labels", "class", "common name"
)  # fmt: skip
SCORES = ("score", "confidence")
# events have no frequencies, and without any Raven would draw no box
BAND = ("0.0", "10000.0")  # Hz

# what Raven and BirdNET put between the name of a recording and that of its table
ENDING = re.compile(
    r"((\.Table\.\d+)?\.selections|\.BirdNET\.selection\.table)?\.(txt|tsv|csv)$", re.I
)
ABSOLUTE = re.compile(r"([a-z]:)?[\\/]", re.I)  # on any machine
FORMS = (
    "a table with the columns 'filename', 'onset', 'offset' and 'event_label' (CSV, "
    "TSV or a DataFrame), a label track of Audacity (start, end and label, divided by "
    "tabs) or a selection table of Raven ('Begin Time (s)', 'End Time (s)')"
)


class EventRow(NamedTuple):
    """An event as a row of a table has it.

    Attributes
    ----------
    place : str
        Where the row stands, for messages.
    filename : str
        As the table writes it.
    onset, offset : float
        In seconds; NaN where the row names nothing but a file.
    label : str
        The class; empty where the row has none.
    score : float
        NaN where unknown.
    """

    place: str
    filename: str
    onset: float
    offset: float
    label: str
    score: float


def read_events(
    source: Any, format: str | None = None, *, label_column: str | None = None
) -> np.ndarray:
    r"""Read a table of events, a label track of Audacity or a selection table of Raven.

    Parameters
    ----------
    source : str, path-like, DataFrame or structured array
        The path of a text in UTF-8; a DataFrame of pandas or polars; events as they
        are returned here; or a folder, of which all texts of one of the three forms
        are read, at any depth (``.txt``, ``.tsv``, ``.csv``): the label tracks or
        selection tables of many recordings.
    format : {"table", "audacity", "raven"}, default=None
        Which form it has; see Notes. None: what its first line says.
    label_column : str, default=None
        The column of classes. None: ``event_label``, and of selection tables the first
        of ``Annotation``, ``Species``, ``Label``, ``Class`` and ``Common Name``.

    Returns
    -------
    events : ndarray of shape (n_events,), structured
        With the fields ``filename`` (object), ``onset`` and ``offset`` (float64,
        seconds from the start of the recording), ``event_label`` (object) and
        ``score`` (float64, NaN where unknown): ``pandas.DataFrame(events)`` works.
        Sorted by file, in the order of the table, then by time. A row that names only
        a file, and an empty label track, say that there is a recording without any
        event: its times are NaN, its label is empty.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder, or no table in the folder.
    ValueError
        If it has none of the three forms, a column is not there, or a row has no file,
        no class, no number for a time, or an offset before its onset.

    Warns
    -----
    UserWarning
        Once, if texts in a folder have none of the three forms.

    See Also
    --------
    write_events : The same three forms, written.
    load_recordings : Clips of recordings, labeled by their events.

    Notes
    -----
    **Tables** have the columns ``filename``, ``onset``, ``offset`` and ``event_label``,
    as those of DCASE and ``sed_eval``, and may have ``score``. One class a row; times
    in seconds, also with a decimal comma.

    **Label tracks** [1]_ have a start, an end and a label a line and no header. A line
    of frequencies, which begins with a backslash, is read over. A point label is an
    event without length. The recording is called as the text: ``monday/1.txt`` is of
    ``monday/1``.

    **Selection tables** [2]_ have one row for each view of a selection, which counts
    once. The recording is the one that ``Begin File`` or ``Begin Path`` names, and its
    times begin at ``File Offset (s)``; without these measurements the table is called
    as its recording, with ``.Table.1.selections.txt`` behind. Frequencies are read
    over, and scores are in ``Score`` or ``Confidence``.

    References
    ----------
    .. [1] Audacity Manual, "Importing and Exporting Labels".
    .. [2] K. Lisa Yang Center for Conservation Bioacoustics, Raven Pro User's Manual,
       chapter "Measurements and Annotations", Cornell Lab of Ornithology.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklearn_triplet.datasets import read_events
    >>> track = pathlib.Path(tempfile.mkdtemp()) / "monday.txt"
    >>> _ = track.write_text("2.5\t4.0\train\n0.5\t1.25\tdog\n")
    >>> for event in read_events(track):
    ...     print(event.item())
    ('monday', 0.5, 1.25, 'dog', nan)
    ('monday', 2.5, 4.0, 'rain', nan)
    """
    rows = read_rows("read_events", "source", source, format, label_column)
    return rows_to_events(rows)


def write_events(
    events: Any,
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    overwrite: bool = False,
) -> list[str]:
    r"""Write events as a table, as label tracks of Audacity or for Raven.

    Parameters
    ----------
    events : structured array or DataFrame
        With ``filename``, ``onset``, ``offset`` and ``event_label``, and perhaps
        ``score``, as :func:`read_events` returns it.
    path : str or path-like
        The file; or for label tracks and selection tables a folder, which is made: it
        gets one file for each recording, called as this (``1.txt`` or
        ``1.selections.txt`` for ``1.wav``).
    format : {"table", "audacity", "raven"}, default=None
        None: a table, if ``path`` ends in ``.csv`` or ``.tsv``.
    overwrite : bool, default=False
        Whether files that are there are replaced: they may be what somebody labeled.

    Returns
    -------
    paths : list of str
        The files that were written.

    Raises
    ------
    FileExistsError
        If a file is there and not to be overwritten. Nothing is written then.
    ValueError
        If a parameter is none of the above, a row cannot be used, several recordings
        would go to one label track, two to one file, or a label holds a tab or a line
        break, which label tracks cannot.

    Warns
    -----
    UserWarning
        If recordings without any event have no place in a single selection table.

    See Also
    --------
    read_events : Reads the same three forms.

    Notes
    -----
    Times and scores have six decimals, the precision of Audacity: what is read back is
    equal to what was rounded to them. Label tracks have no scores, and selections span
    0 to 10 kHz, since events have no frequencies.

    Raven opens the table of one recording as a selection table over its sound. A single
    table of several recordings is to be opened as a *sound* selection table, which
    finds them by ``Begin Path`` and ``File Offset (s)``.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklearn_triplet.datasets import read_events, write_events
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> table = home / "events.csv"
    >>> _ = table.write_text("filename,onset,offset,event_label\nmon.wav,0.5,2,dog\n")
    >>> events = read_events(table)
    >>> _ = write_events(events, home / "tracks", "audacity")
    >>> (home / "tracks" / "mon.txt").read_text()
    '0.500000\t2.000000\tdog\n'
    """
    owner = "write_events"
    rows = read_rows(owner, "events", events)
    given, kind = f"The 'path' parameter of {owner}", "the path of a file or a folder"
    target = Path(_base.check_path(given, path, kind, least=1))
    suffix = target.suffix.lower()
    if format is None and suffix in (".csv", ".tsv"):
        format = "table"
    form = str(check_option(owner, "format", format, FORMATS))
    if form == "table":
        texts = {target: _write_table(rows, "," if suffix == ".csv" else "\t")}
    elif suffix in SUFFIXES and not target.is_dir():
        texts = {target: _write_single(rows, form)}
    else:
        texts = _write_folder(rows, target, form)
    # all texts are made before one is written, so that none is left half done
    present = [str(file) for file in texts if file.exists()]
    if present and not overwrite:
        raise FileExistsError(
            f"{owner} would replace {len(present)} files, first {present[0]!r}: give "
            "another 'path', or overwrite=True."
        )
    for file, text in texts.items():
        _base.make_folder(given, file.parent, "give another path")
        file.write_text(text, encoding="utf-8", newline="\n")
    return [str(file) for file in texts]


def rows_to_events(rows: Collection[EventRow]) -> np.ndarray:
    """Make the array of events (n_rows,) of rows."""
    columns = list(zip(*rows, strict=True))[1:] if rows else [()] * 5
    return make_events(*columns)


def read_rows(
    owner: str,
    parameter: str,
    source: Any,
    format: str | None = None,
    label_column: str | None = None,
    *,
    needs_label: bool = True,
) -> list[EventRow]:
    """Read events from a file, a folder or the memory, with the place of each.

    Parameters
    ----------
    owner, parameter : str
        The function that asks and the parameter that ``source`` is, for the messages.
    source, format, label_column
        As in ``read_events``.
    needs_label : bool, default=True
        Whether a row with times has to have a class.

    Returns
    -------
    rows : list of EventRow
        In the order of the table.
    """
    check_option(owner, "format", format, [*FORMATS, None])
    reader = _Reader(owner, label_column, needs_label)
    given = f"The {parameter!r} parameter of {owner}"
    if isinstance(source, str | os.PathLike):
        path = Path(_base.check_path(given, source, FORMS, least=1))
        if path.exists():
            read = _read_folder if path.is_dir() else _read_file
            return read(reader, path, format)
        raise FileNotFoundError(
            f"{given} must be an existing table or a folder of tables. There is "
            f"nothing at {str(path)!r}: correct the path."
        )
    fields = getattr(getattr(source, "dtype", None), "names", None)
    columns = fields if fields else getattr(source, "columns", ())
    titles = {str(title) for title in columns}
    if not titles or format == "audacity":
        raise ValueError(
            f"{given} must be {FORMS}, or a folder of these. Got {repr(source)[:80]} "
            "instead."
        )
    in_memory = "raven" if {BEGIN, END} <= titles else "table"
    return reader.read(source, "", format or in_memory)


def _read_file(reader: "_Reader", path: Path, format: str | None) -> list[EventRow]:
    """Read a text of the given form, or of that which its first line tells."""
    form = format or _detect(path)
    if form is None:
        raise ValueError(
            f"{reader.owner} cannot tell the form of {_base.name_table(path)} by its "
            f"first line {_first_line(path)[:80]!r}. It must be {FORMS}."
        )
    return reader.read(path, ENDING.sub("", path.name), form)


def _read_folder(reader: "_Reader", folder: Path, format: str | None) -> list[EventRow]:
    """Read all texts below a folder that have one of the forms, or the given one.

    Parameters
    ----------
    reader : _Reader
    folder : Path
        Maybe that of the recordings, with notes and settings of recorders in it.
    format : str or None
        What all texts are; None: what they tell, the others are counted in a warning.

    Returns
    -------
    rows : list of EventRow
        By path. What does not name its recording is called by its own path from the
        folder on, as ``monday/1`` of ``monday/1.txt``.
    """
    texts = sorted(
        path
        for path in folder.rglob("*")
        # recorders and editors hide files of their own
        if path.suffix.lower() in SUFFIXES and path.name[0] != "." and path.is_file()
    )
    forms = {path: format or _detect(path) for path in texts}
    others = [str(path) for path, form in forms.items() if form is None]
    if len(others) == len(texts):
        raise FileNotFoundError(
            f"{reader.owner} found no table of events among the {len(texts)} texts in "
            f"{str(folder)!r}. There must be {FORMS}."
        )
    if others:
        warn(
            f"{reader.owner} passed over {len(others)} of the {len(texts)} texts in "
            f"{str(folder)!r}, first {others[0]!r}: they are neither tables of events "
            "nor label tracks nor selection tables."
        )
    rows: list[EventRow] = []
    for path, form in forms.items():
        if form is not None:
            name = ENDING.sub("", path.relative_to(folder).as_posix())
            rows += reader.read(path, name, form)
    return rows


def _detect(path: Path) -> str | None:
    """Tell the form of a text by its first line.

    Parameters
    ----------
    path : Path

    Returns
    -------
    form : {"table", "audacity", "raven"} or None
        None where it has none of the three.
    """
    line = _first_line(path)
    titles = {title.strip(' "') for title in re.split("[\t;,]", line)}
    if {BEGIN, END} <= titles:
        return "raven"
    if {"filename", "onset", "offset"} <= titles:
        return "table"
    cells = line.split("\t")
    # a track without labels is exported as an empty text
    is_track = not line and path.suffix.lower() == ".txt"
    if is_track or (len(cells) > 1 and math.isfinite(sum(map(_to_number, cells[:2])))):
        return "audacity"
    return None


def _first_line(path: Path) -> str:
    """Return the first line of a text that is not blank, "" if there is none."""
    # what is no UTF-8 is refused where it is read, if it is a table at all
    with path.open(encoding="utf-8-sig", errors="replace") as text:
        return next(filter(str.strip, text), "").strip("\n")


def _to_number(text: str) -> float:
    """Read a number that may have a decimal comma; NaN for anything else."""
    try:
        return float(text.replace(",", ".") if text.count(",") == 1 else text)
    except ValueError:
        return math.nan


class _Reader:
    """What turns the rows of any form into events, or refuses them in a sentence.

    Parameters
    ----------
    owner : str
        The function that asks, for the messages.
    label_column : str or None
        Where the classes are.
    needs_label : bool
        Whether a row with times has to have a class.
    """

    def __init__(self, owner: str, label_column: str | None, needs_label: bool) -> None:
        self.owner = owner
        self.label_column = label_column
        self.needs_label = needs_label

    def read(self, source: Any, name: str, form: str) -> list[EventRow]:
        """Read a source of a known form.

        Parameters
        ----------
        source : Path, DataFrame or structured array
        name : str
            The recording that it is of, if nothing in it says so.
        form : {"table", "audacity", "raven"}

        Returns
        -------
        rows : list of EventRow
            In the order of the source; a single one with nothing but the name, if it
            is of one recording and has no event.
        """
        if form == "table":
            return self._read_table(source)
        read = self._read_raven if form == "raven" else self._read_track
        return list(read(source, name))

    def _read_table(self, source: Any) -> list[EventRow]:
        """Read rows that name their recording, as those of DCASE."""
        column = self.label_column or "event_label"
        column = _base.ALIASES.get(column, column)
        needed = (*COLUMNS[:3], *[column] * self.needs_label)
        titles = (*COLUMNS[:3], column, "score")
        return [
            self._make_row(place, *(self._cell(place, row, title) for title in titles))
            for place, row in _base.read_table(self.owner, source, needed)
        ]

    def _read_track(self, source: Any, name: str) -> Iterator[EventRow]:
        """Yield the labels of a track, and only its recording where there are none."""
        # not by csv: quotes in a label are part of it
        lines = _base.read_text(self.owner, source).split("\n")
        if not any(map(str.strip, lines)):
            yield EventRow(str(source), name, math.nan, math.nan, "", math.nan)
        for i, line in enumerate(lines, 1):
            place = f"line {i} of {_base.name_table(source)}"
            # frequencies of the label above
            if line.strip() and line[0] != "\\":
                start, end, label = (*line.split("\t", 2), "", "")[:3]
                yield self._make_row(place, name, start, end, label.strip())

    def _read_raven(self, source: Any, name: str) -> list[EventRow]:
        """Read selections, each once, however many views and so rows it has.

        Parameters
        ----------
        source : Path or DataFrame
        name : str
            The recording, if the table has no column for it.

        Returns
        -------
        rows : list of EventRow
        """
        rows = _base.read_table(self.owner, source, (BEGIN, END))
        if not rows:
            titles = _first_line(source) if isinstance(source, Path) else BEGIN_FILE
            if BEGIN_FILE in titles or BEGIN_PATH in titles:
                return []
            return [EventRow(str(source), name, math.nan, math.nan, "", math.nan)]
        columns = list(rows[0][1])
        label = self._find_label_column(source, columns)
        score = next((title for title in columns if title.lower() in SCORES), "")
        # a selection has a row for each of its views
        events: dict[tuple[Any, ...], EventRow] = {}
        for place, row in rows:
            file, *times = self._locate(place, row, name)
            cells = [self._cell(place, row, title) for title in (label, score)]
            event = self._make_row(place, file, *times, *cells)
            # two birds at one time are two selections, whose numbers differ
            events.setdefault((self._cell(place, row, "Selection"), event[1:5]), event)
        files = {event.filename for event in events.values()}
        if len(files) > 1 and FILE_OFFSET not in columns:
            raise ValueError(
                f"{self.owner} cannot place the selections of {len(files)} recordings "
                f"in {_base.name_table(source)}: Raven counts '{BEGIN}' from the first "
                f"of them on. Add the measurement '{FILE_OFFSET}' in Raven."
            )
        return list(events.values())

    def _locate(
        self, place: str, row: dict[str, Any], name: str
    ) -> tuple[str, str, str]:
        """Tell the recording of a selection, and its times in there.

        Parameters
        ----------
        place : str
        row : dict of str to object
            The cells by column.
        name : str
            The recording, if none of the cells names it.

        Returns
        -------
        file, onset, offset : str
            The cells, or what follows from them: ``File Offset (s)``, and the length
            of the selection added to it.
        """
        columns = (BEGIN_PATH, BEGIN_FILE, FILE_OFFSET, BEGIN, END)
        path, file, start, begin, end = (self._cell(place, row, c) for c in columns)
        # the path is that of the machine where Raven ran
        if path and (not file or os.path.exists(path) or not ABSOLUTE.match(path)):
            file = path
        # of the first file, times are what they are
        if not start or start == begin:
            return file or name, begin, end
        length = _to_number(end) - _to_number(begin)
        # the difference is off by what floats are, which nobody wrote down
        return file or name, start, str(round(_to_number(start) + length, 9))

    def _find_label_column(self, source: Any, titles: Collection[str]) -> str:
        """Find the column of annotations among those of a selection table.

        Parameters
        ----------
        source : Path or DataFrame
            For the message.
        titles : collection of str
            Its columns.

        Returns
        -------
        title : str
            Empty where there is none and none is needed.
        """
        wanted = self.label_column
        found = [
            title
            for known in ([wanted] if wanted else ANNOTATIONS)
            for title in titles
            if title == _base.ALIASES.get(known, known)
            or (not wanted and title.lower() == known)
        ]
        if found or not self.needs_label:
            return found[0] if found else ""
        expected = [wanted] if wanted else list(ANNOTATIONS)
        raise ValueError(
            f"{self.owner} needs one of the columns {expected} in "
            f"{_base.name_table(source)}. Got {list(titles)} instead: give the name of "
            "that with the classes to read_events, as 'label_column'."
        )

    def _cell(self, place: str, row: dict[str, Any], column: str) -> str:
        """Return a cell as text, empty where there is no such column."""
        return _base.read_cell(self.owner, place, column, row.get(column))

    def _make_row(
        self,
        place: str,
        name: str,
        start: str,
        end: str,
        label: str,
        score: str = "",
    ) -> EventRow:
        """Make an event of the cells of a row, or refuse it.

        Parameters
        ----------
        place : str
            Where the row stands, for the message.
        name, start, end, label, score : str
            The cells; all but the name may be empty.

        Returns
        -------
        row : EventRow

        Raises
        ------
        ValueError
            Where it has no name, a time that is no number, an offset before its onset,
            no class where there has to be one, or a score that is no number.
        """
        onset, offset = _to_number(start), _to_number(end)
        wanted = got = ""
        if not name:
            wanted, got = "name a recording", "no name"
        elif start or end or label:
            if not 0 <= onset <= offset < math.inf:
                wanted = (
                    "hold an onset and an offset in seconds, 0 <= onset <= offset, as "
                    "0.163 and 2.5"
                )
                got = f"{start!r} and {end!r}"
            elif self.needs_label and not label:
                wanted, got = "name the class of the event", "no name"
        if not wanted and score and math.isnan(_to_number(score)):
            wanted, got = "hold a number or nothing as its score", repr(score)
        if wanted:
            raise _base.refuse_row(self.owner, place, wanted, got)
        label = _base.composed(label)
        return EventRow(place, name, onset, offset, label, _to_number(score))


# --- writing


def _write_table(rows: list[EventRow], delimiter: str) -> str:
    """Write rows below the column names of DCASE; scores only if there are any."""
    has_scores = any(not math.isnan(row.score) for row in rows)
    lines = [[*COLUMNS, *["score"] * has_scores]]
    for row in rows:
        cells = [row.filename, *map(_number, row[2:4]), row.label, _number(row.score)]
        # without scores it is what sed_eval and the baselines of DCASE read
        lines.append(cells[: len(lines[0])])
    return _write_lines(lines, delimiter)


def _write_track(rows: list[EventRow]) -> str:
    """Write the events of one recording as a label track."""
    for row in rows:
        if re.search("[\t\r\n]", row.label):
            wanted = "have a label without tabs and line breaks for a label track"
            raise _base.refuse_row("write_events", row.place, wanted, repr(row.label))
    return "".join(
        f"{_number(row.onset)}\t{_number(row.offset)}\t{row.label}\n"
        for row in rows
        if row.label
    )


def _write_raven(rows: list[EventRow], *, with_files: bool) -> str:
    """Write a selection table.

    Parameters
    ----------
    rows : list of EventRow
        Those without a class, which only name a recording, have no selection.
    with_files : bool
        Whether each selection names its recording, by the measurements that Raven
        finds it by. The table of one recording is opened over its sound.

    Returns
    -------
    text : str
    """
    files = [BEGIN_PATH, BEGIN_FILE, FILE_OFFSET] * with_files
    header = "Selection,View,Channel,Begin Time (s),End Time (s),Low Freq (Hz),"
    header += "High Freq (Hz)"
    lines = [[*header.split(","), *files, "Annotation", "Score"]]
    for row in rows:
        if row.label:
            onset, offset, score = map(_number, (row.onset, row.offset, row.score))
            selection = [str(len(lines)), "Spectrogram 1", "1", onset, offset, *BAND]
            name = re.split(r"[\\/]", row.filename)[-1]
            file = [row.filename, name, onset] * with_files
            lines.append([*selection, *file, row.label, score])
    return _write_lines(lines, "\t")


def _number(value: float) -> str:
    """Write seconds or a score as Audacity does, and what is not known as nothing."""
    return "" if math.isnan(value) else f"{value:.6f}"


def _write_lines(lines: list[list[str]], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(lines)
    return text.getvalue()


def _write_single(rows: list[EventRow], form: str) -> str:
    """Write one text: the label track of one recording, or selections of any."""
    files = list(dict.fromkeys(row.filename for row in rows))
    if form == "audacity" and len(files) > 1:
        raise ValueError(
            f"The 'path' parameter of write_events must be a folder for the label "
            f"tracks of {len(files)} recordings, such as {files[0]!r} and {files[1]!r}:"
            " a track does not name its recording."
        )
    if form == "audacity":
        return _write_track(rows)
    eventful = {row.filename for row in rows if row.label}
    if without := [file for file in files if file not in eventful]:
        warn(
            f"write_events found no events in {len(without)} of {len(files)} "
            f"recordings, first {without[0]!r}. They have no place in a selection "
            "table: give a folder as 'path' for one table a recording."
        )
    return _write_raven(rows, with_files=True)


def _write_folder(rows: list[EventRow], folder: Path, form: str) -> dict[Path, str]:
    """Write a text for each recording, called as it.

    Parameters
    ----------
    rows : list of EventRow
    folder : Path
    form : {"audacity", "raven"}

    Returns
    -------
    texts : dict of Path to str
        What each file is to hold; nothing is written here.
    """
    of_file: dict[str, list[EventRow]] = {}
    for row in rows:
        of_file.setdefault(row.filename, []).append(row)
    stems = [_base.stem_of(file.replace("\\", "/")) for file in of_file]
    names = [os.path.basename(stem) for stem in stems]
    # twins, as 1.wav of every recorder, keep the folders that tell them apart
    if len(set(names)) < len(names):
        above = os.path.commonpath([os.path.abspath(os.path.dirname(s)) for s in stems])
        names = [os.path.relpath(stem, above) for stem in stems]
    if len(set(names)) < len(names):
        twin = next(name for name in names if names.count(name) > 1)
        twins = [
            file for file, name in zip(of_file, names, strict=True) if name == twin
        ]
        raise ValueError(
            f"write_events needs recordings of different names for a folder. Got "
            f"{twins[0]!r} and {twins[1]!r}: write them to different folders."
        )
    texts = {}
    for name, part in zip(names, of_file.values(), strict=True):
        if form == "audacity":
            texts[folder / f"{name}.txt"] = _write_track(part)
        else:
            text = _write_raven(part, with_files=False)
            texts[folder / f"{name}.selections.txt"] = text
    return texts
