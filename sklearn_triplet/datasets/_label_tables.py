"""A table, DataFrame or dict of paths and labels in, one Row for each of its lines out.

Nothing is looked up on disk but the table itself: what a path means is the matter of
``_row_finder``, what the labels of all rows make together that of ``_folder_labels``.
"""

import csv
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from sklearn_triplet._input.labels import is_absent
from sklearn_triplet.datasets._folder_files import SUFFIXES, suffix_of
from sklearn_triplet.datasets._label_cells import (
    as_text,
    read_labels,
    refuse_indicator,
)

# the first of them that a header has is read
PATH_COLUMNS = (
    "path filepath file_path filename file_name file fname slice_file_name recording"
).split()
LABEL_COLUMNS = (
    "labels label event_labels event_label category categories class_name class "
    "classes tags tag target"
).split()
LABELED_COLUMN = "labeled"
TRUTH = {"1": True, "true": True, "0": False, "false": False, "": None}


class Row(NamedTuple):
    """One line of a table.

    Attributes
    ----------
    path : str
        As it stands there.
    labels : tuple of str or None
        The classes in the recording; none of them if empty, unlabeled if None.
    place : str
        Where the line is, to begin a sentence with.
    """

    path: str
    labels: tuple[str, ...] | None
    place: str


def read_rows(labels: Any, root: str, *, split: bool) -> tuple[list[Row], str]:
    """Read what says which recording has which labels.

    Parameters
    ----------
    labels : str, path-like, DataFrame, Series or dict
        The ``labels`` of :func:`load_audio_folder`.
    root : str
        Where a table is looked for that is not in the working directory.
    split : bool
        Whether one text may hold several labels, joined by commas or semicolons.

    Returns
    -------
    rows : list of Row
    source : str
        What was read, for the description of the corpus.

    Raises
    ------
    FileNotFoundError
        Where there is no such table.
    ValueError
        Where the table cannot be read, or does not say which column is which.
    """
    if isinstance(labels, str | os.PathLike):
        return _read_text(_find_table(labels, root), split)
    if hasattr(labels, "columns"):
        return _read_frame(labels, split)
    if hasattr(labels, "items"):
        kind = f"the {type(labels).__name__}"
        rows = [
            _make_row(f"Entry {i} of {kind}", path, cell, None, split=split)
            for i, (path, cell) in enumerate(labels.items())
        ]
        return rows, kind
    raise ValueError(
        "The 'labels' parameter of load_audio_folder must be 'folders', None, the path "
        "of a table, a DataFrame, or a dict from paths to labels. Got "
        f"{repr(labels)[:60]} instead."
    )


def _find_table(labels: str | os.PathLike, root: str) -> str:
    """Look for a table in the working directory, then in the folder of the corpus."""
    given = os.path.expanduser(os.fspath(labels))
    inside = os.path.join(root, given)
    for table in (given, inside):
        if os.path.isfile(table):
            return table
    raise FileNotFoundError(
        "The 'labels' parameter of load_audio_folder must be 'folders', None, or the "
        f"path of a table, a DataFrame or a dict. There is no file {given!r}, nor "
        f"{inside!r}: correct the path."
    )


def _read_text(table: str, split: bool) -> tuple[list[Row], str]:
    """Read a table of text, such as CSV or TSV."""
    name = f"the table {table!r}"
    lines = _parse(table, name)
    records = [record for _, record in lines[:2]]
    names = []
    if records:
        has_header = _is_header(records)
        names = records[0] if has_header else [""] * len(records[0])
        lines = lines[has_header:]
    chosen = _choose_columns(names, name) if names else (0, None, None)
    rows = []
    for line, record in lines:
        place = f"Line {line} of {name}"
        if len(record) > len(names):
            raise ValueError(
                f"{place} has {len(record)} cells where the first line has "
                f"{len(names)}. Put labels that are joined by the delimiter of the "
                "table in quotes, or join them by another character."
            )
        record += [""] * (len(names) - len(record))
        cells = [None if column is None else record[column] for column in chosen]
        rows.append(_make_row(place, *cells, split=split))
    return rows, _describe(name, names, chosen)


def _read_frame(frame: Any, split: bool) -> tuple[list[Row], str]:
    """Read a DataFrame of pandas, polars or another library."""
    name = "the DataFrame"
    columns = list(frame.columns)
    chosen = _choose_columns([str(column) for column in columns], name)
    nothing = [None] * len(frame)
    cells = [nothing if i is None else list(frame[columns[i]]) for i in chosen]
    rows = [
        _make_row(f"Row {i} of {name}", *row, split=split)
        for i, row in enumerate(zip(*cells, strict=True))
    ]
    return rows, _describe(name, [str(column) for column in columns], chosen)


def _parse(table: str, name: str) -> list[tuple[int, list[str]]]:
    """List the lines of a table that are not empty, with their numbers."""
    try:
        with open(table, newline="", encoding="utf-8-sig") as lines:
            delimiter = _guess_delimiter(next(filter(str.strip, lines), ""))
            lines.seek(0)
            reader = csv.reader(lines, delimiter=delimiter)
            return [
                (reader.line_num, [cell.strip() for cell in record])
                for record in reader
                if any(cell.strip() for cell in record)
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"{name[0].upper()}{name[1:]} cannot be read as text in UTF-8 ({error}). "
            "Save it as CSV in UTF-8, or read it yourself and give a DataFrame."
        ) from error


def _guess_delimiter(line: str) -> str:
    """Take the tab, else the comma or semicolon that comes first, out of quotes."""
    # the text between quotes is every second piece
    bare = "".join(line.split('"')[::2])
    if "\t" in bare:
        return "\t"
    return next((character for character in bare if character in ",;"), ",")


def _is_header(records: list[list[str]]) -> bool:
    """Tell whether the first of two lines names the columns."""
    if {cell.lower() for cell in records[0]} & {*PATH_COLUMNS, *LABEL_COLUMNS}:
        return not any(suffix_of(cell) in SUFFIXES for cell in records[0])
    are_files = [suffix_of(record[0]) in SUFFIXES for record in records]
    return are_files == [False, True]


def _choose_columns(names: list[str], table: str) -> tuple[int, int | None, int | None]:
    """Find the columns of paths, of labels and of whether a row is labeled."""
    folded = [name.strip().lower() for name in names]
    path = _first_of(PATH_COLUMNS, folded)
    label = _first_of(LABEL_COLUMNS, folded)
    labeled = _first_of([LABELED_COLUMN], folded)
    others = [i for i in range(len(names)) if i not in (path, label, labeled)]
    n_open = (path is None) + (label is None)
    # with two columns there is no doubt, whatever they are called
    if n_open and len(others) <= n_open:
        if path is None and others:
            path = others.pop(0)
        if label is None and others:
            label = others.pop(0)
        others = []
    if path is None or (label is None and others):
        found = [name for name in names if name]
        raise ValueError(
            f"load_audio_folder cannot tell which columns of {table} hold the paths "
            f"and the labels: there are {len(names)}, "
            + (f"named {found}. " if found else "and no line that names them. ")
            + "Name them 'filename' and 'labels', or leave out the others."
        )
    return path, label, labeled


def _first_of(known: Iterable[str], names: list[str]) -> int | None:
    return next((names.index(name) for name in known if name in names), None)


def _describe(table: str, names: list[str], chosen: Iterable[int | None]) -> str:
    named = [repr(names[i]) for i in chosen if i is not None and names and names[i]]
    return f"{table}, columns {', '.join(named)}" if named else table


def _make_row(place: str, path: Any, cell: Any, labeled: Any, *, split: bool) -> Row:
    """Read the cells of a line."""
    if is_absent(path) or not str(path):
        raise ValueError(
            f"{place} has no path. Fill it in, or take the line out of the table."
        )
    truth = "" if is_absent(labeled) else as_text(labeled).lower()
    if truth not in TRUTH:
        raise ValueError(
            f"{place} must hold 1 (labeled), 0 (unlabeled) or nothing in the column "
            f"{LABELED_COLUMN!r}. Got {labeled!r} instead."
        )
    refuse_indicator(place, cell)
    labels = read_labels(cell, split=split)
    if TRUTH[truth] is not None:
        labels = (labels or ()) if TRUTH[truth] else None
    return Row(str(path), labels, place)
