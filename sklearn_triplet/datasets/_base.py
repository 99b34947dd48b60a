"""What corpora share: folders, files, tables of n_rows, targets of n_clips, seeds."""

import csv
import difflib
import io
import numbers
import os
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_triplet._input.labels import UNLABELED, is_absent
from sklearn_triplet._input.warn import warn

DATA_HOME_VARIABLE = "SKLEARN_TRIPLET_DATA"

# What soundfile reads; where a recording is there twice, the first suffix is taken.
# AIFF, AU and Sphere go by several names.
AUDIO_SUFFIXES = (
    ".wav .flac .ogg .oga .opus .mp3 .wave .w64 .rf64 .aif .aifc .aiff .au .snd .caf "
    ".sph .voc"
).split()
# sound that soundfile does not read, and that must not vanish from a corpus unnoticed
FOREIGN_SUFFIXES = ".3gp .aac .amr .ape .m4a .mka .mp4 .webm .wma .wv".split()

# what DCASE calls the labels of a clip, and of an event in it
ALIASES = {"event_labels": "labels", "event_label": "labels"}

# where a row stands, such as "line 3 of the table 'labels.csv'", and its cells
Row = tuple[str, dict[str, Any]]


def existing_folder(
    owner: str,
    name: str,
    value: str | os.PathLike[str],
    cure: str = "unpack the corpus there, or give the folder that holds it",
) -> Path:
    """Find the folder that a corpus is in.

    Parameters
    ----------
    owner, name : str
        The function that asks and the parameter, for the messages.
    value : str or path-like
        The folder; ``~`` is the home folder of the user.
    cure : str
        What to do where it is not there.
    """
    parameter = f"The {name!r} parameter of {owner}"
    folder = check_path(parameter, value)
    # no text is nowhere here, but the working directory for pathlib
    if os.path.isdir(folder):
        return Path(folder)
    found = "a file" if os.path.exists(folder) else "nothing"
    raise FileNotFoundError(
        f"{parameter} must be an existing folder. There is {found} at {folder!r}: "
        f"{cure}."
    )


def check_path(
    parameter: str, value: Any, kind: str = "the path of a folder", *, least: int = 0
) -> str:
    """Refuse what is no path of so many characters; write out ``~``."""
    if isinstance(value, str | os.PathLike):
        path = os.fspath(value)
        if isinstance(path, str) and len(path) >= least:
            return os.path.expanduser(path)
    raise ValueError(f"{parameter} must be {kind}. Got {value!r} instead.")


def make_folder(parameter: str, folder: Path, cure: str) -> None:
    """Make a folder and those above it, and refuse one that cannot be, in a sentence.

    The kind of the error stays: no permission, no space, a file in the way.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(
            f"{parameter} must be a folder that is there or can be made. "
            f"{str(folder)!r} cannot ({error.strerror}): {cure}."
        ) from error


def get_data_home(data_home: str | os.PathLike[str] | None = None) -> str:
    """Return the folder for downloaded corpora, and make it if it is not there.

    Parameters
    ----------
    data_home : str, path-like or None, default=None
        The folder; ``~`` is the home folder of the user. None: the environment
        variable ``SKLEARN_TRIPLET_DATA``, or else ``~/sklearn_triplet_data``.

    Returns
    -------
    data_home : str

    Raises
    ------
    ValueError
        If it is no path.
    FileExistsError
        If it is a file.
    OSError
        If it cannot be made.

    See Also
    --------
    fetch_esc50 : Downloads into it.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_triplet.datasets import get_data_home
    >>> home = tempfile.mkdtemp()
    >>> get_data_home(home) == home
    True
    """
    if data_home is None:
        data_home = os.environ.get(DATA_HOME_VARIABLE) or "~/sklearn_triplet_data"
    parameter, kind = "The 'data_home' parameter", "the path of a folder, or None"
    folder = Path(check_path(parameter, data_home, kind, least=1))
    cure = f"give another path, or set {DATA_HOME_VARIABLE}"
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise FileExistsError(
            f"{parameter} must be a folder. There is a file at {str(folder)!r}: {cure}."
        )
    make_folder(parameter, folder, cure)
    return str(folder)


def find_recordings(
    owner: str, parameter: str, root: str
) -> tuple[list[str], dict[str, str]]:
    """List the recordings below a folder, and the reasons of what cannot be read.

    Parameters
    ----------
    owner, parameter : str
        The function that asks and the parameter that the folder is, for the message.
    root : str
        The folder.

    Returns
    -------
    files : list of str
        Paths relative to the folder, sorted; at least one.
    skipped : dict of str to str
        Why something that looks like a recording cannot be one, by relative path.

    Raises
    ------
    FileNotFoundError
        If there is no recording.
    """
    found = sorted(_walk(root))
    files = [name for name, reason in found if not reason]
    skipped = {name: reason for name, reason in found if reason}
    if not files:
        raise FileNotFoundError(
            f"{owner} found no recordings in {root!r}, whose names end in one of "
            f"{AUDIO_SUFFIXES}, and skipped {len(skipped)}{_name_first(skipped)}. "
            f"Correct {parameter!r}."
        )
    return files, skipped


def report_skipped(
    owner: str, root: str, skipped: Mapping[str, str], n_recordings: int
) -> None:
    """Count the recordings that cannot be read in one warning, if there are any.

    Parameters
    ----------
    owner, root : str
        The function that asks and the folder, for the message.
    skipped : dict of str to str
        Why each cannot be read.
    n_recordings : int
        Of all, with these.
    """
    if skipped:
        warn(
            f"{owner} skipped {len(skipped)} of the {n_recordings} recordings in "
            f"{root!r}{_name_first(skipped)}. The field 'skipped' names them all.",
        )


def _name_first(skipped: Mapping[str, str]) -> str:
    return "".join(f", first {name!r}: {skipped[name]}" for name in [*skipped][:1])


def _walk(
    folder: str, prefix: str = "", above: tuple[tuple[int, int], ...] = ()
) -> Iterator[tuple[str, str]]:
    """Find what may be sound.

    Parameters
    ----------
    folder : str
    prefix : str
        Its path below the root, with a ``/`` at its end.
    above : tuple of (int, int)
        Device and inode of the folders that this one is in, links followed, so that
        two links to one folder are two folders and a circle ends.

    Yields
    ------
    path, reason : str
        Relative to the root, and why it cannot be read, "" for no reason.
    """
    try:
        names, status = os.listdir(folder), os.stat(folder)
    except OSError as error:
        yield prefix[:-1], f"the folder cannot be listed ({error.strerror})"
        return
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        yield prefix[:-1], "the link leads back to a folder that holds it"
        return
    for name in names:
        path = os.path.join(folder, name)
        if name[0] == ".":
            continue
        if os.path.isdir(path):
            yield from _walk(path, f"{prefix}{name}/", (*above, identity))
        elif suffix_of(name) in FOREIGN_SUFFIXES:
            reason = "soundfile does not read this format: convert it to FLAC or WAV"
            yield prefix + name, reason
        elif suffix_of(name) in AUDIO_SUFFIXES:
            # a broken link leads to no file, and a pipe would never end
            is_file, may_read = os.path.isfile(path), os.access(path, os.R_OK)
            reason = "there is no permission to read it" if is_file else "it is no file"
            yield prefix + name, "" if is_file and may_read else reason


def suffix_of(name: str) -> str:
    """Return the lower-case suffix of a file name, with its dot."""
    return os.path.splitext(name)[1].lower()


def stem_of(name: str) -> str:
    """Take a suffix of sound off a path, but not the '.5' of 'at_12.5'.

    Examples
    --------
    >>> stem_of("dog/1.WAV"), stem_of("at_12.5")
    ('dog/1', 'at_12.5')
    """
    is_sound = suffix_of(name) in (*AUDIO_SUFFIXES, *FOREIGN_SUFFIXES)
    return composed(os.path.splitext(name)[0] if is_sound else name)


def composed(text: str) -> str:
    """Write umlauts as one character each (Unicode NFC), as a Mac does not."""
    return unicodedata.normalize("NFC", text)


def split_labels(text: str) -> list[str]:
    """Divide text at commas and semicolons into different labels, none of them empty.

    Examples
    --------
    >>> split_labels(" dog; rain,dog,")
    ['dog', 'rain']
    """
    pieces = (composed(piece.strip()) for piece in re.split("[,;]", text))
    return list(dict.fromkeys(filter(None, pieces)))


def name_table(source: Any) -> str:
    """Call a table by its path or kind, for messages."""
    if isinstance(source, str | os.PathLike):
        kind = "folder" if os.path.isdir(source) else "table"
        return f"the {kind} {os.fspath(source)!r}"
    return "the array" if isinstance(source, np.ndarray) else "the DataFrame"


def read_table(owner: str, source: Any, columns: Sequence[str]) -> list[Row]:
    r"""Read a table of text or in memory, row by row.

    Parameters
    ----------
    owner : str
        The function that asks, for the messages.
    source : path-like or DataFrame
        The path of a text in UTF-8, whose first line names the columns, divided by
        tabs, commas or semicolons. What editors and spreadsheets add is read over: byte
        order marks, CRLF, blank lines, spaces around a cell, quotes, empty cells at the
        end of a line. Otherwise what has ``columns`` and is indexed by them, as the
        DataFrames of pandas and polars, or a structured array.
    columns : sequence of str
        The columns that there must be, each once; further ones are read as well. A
        column ``event_label`` or ``event_labels``, as DCASE has it, is ``labels``.

    Returns
    -------
    rows : list of (str, dict of str to object)
        Where each row stands, for messages, and its cells by column: text without
        spaces at its ends from a text, anything from a DataFrame.

    Raises
    ------
    ValueError
        If it is no text in UTF-8, a column is not there, or a row has more cells than
        there are columns.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> table = pathlib.Path(tempfile.mkdtemp()) / "labels.csv"
    >>> _ = table.write_text("filename;event_labels\n1.wav; dog, rain\n")
    >>> [cells for _, cells in read_table("load", table, ["filename", "labels"])]
    [{'filename': '1.wav', 'labels': 'dog, rain'}]
    """
    name = name_table(source)
    if isinstance(source, str | os.PathLike):
        header, *lines = _read_lines(owner, name, Path(source)) or [("", [])]
    else:
        fields = getattr(getattr(source, "dtype", None), "names", None)
        titles = list(fields or source.columns)
        # of two columns of one name neither can be asked for
        unique = [title for title in titles if titles.count(title) == 1]
        records = zip(*(source[column] for column in unique), strict=True)
        header = "", [str(column) for column in unique]
        lines = [(f"row {i} of {name}", list(row)) for i, row in enumerate(records)]
    # a name and its alias together are a name twice, and refused
    titles = [ALIASES.get(title, title) for title in header[1]]
    if any(titles.count(column) != 1 for column in columns):
        raise ValueError(
            f"{owner} needs the columns {list(columns)} in {name}, each once. Got "
            f"{header[1]} instead: rename them in its header."
        )
    rows = []
    for place, cells in lines:
        if any(cells[len(titles) :]):
            wanted = f"have {len(titles)} cells, as the header has"
            got = f"{len(cells)} (quote a cell that holds the delimiter)"
            raise refuse_row(owner, place, wanted, got)
        # editors strip the delimiters at the end of a line
        padded = cells + [""] * (len(titles) - len(cells))
        rows.append((place, dict(zip(titles, padded, strict=False))))
    return rows


def read_text(owner: str, source: Path) -> str:
    """Read a text in UTF-8, or refuse it in a sentence.

    Parameters
    ----------
    owner : str
        The function that asks, for the message.
    source : pathlib.Path

    Returns
    -------
    text : str
        Without a byte order mark, with every end of a line as one character.

    Raises
    ------
    ValueError
        If it is in another encoding.
    """
    try:
        return source.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refuse_text(owner, name_table(source), error) from error


def _refuse_text(owner: str, name: str, error: Exception) -> ValueError:
    return ValueError(
        f"{owner} cannot read {name} as text in UTF-8 ({error}): save it as such."
    )


def _read_lines(owner: str, name: str, path: Path) -> list[tuple[str, list[str]]]:
    """List the place and the cells of all lines that are not blank."""
    text = io.StringIO(read_text(owner, path))
    header = next(filter(str.strip, text), "")
    text.seek(0)
    # in a single column a comma belongs to the name of a file
    delimiters = [mark for mark in "\t;," if mark in header] or ["\t"]
    reader = csv.reader(text, delimiter=delimiters[0], skipinitialspace=True)
    try:
        lines = [
            (f"line {reader.line_num} of {name}", [cell.strip() for cell in line])
            for line in reader
        ]
    except csv.Error as error:
        raise _refuse_text(owner, name, error) from error
    return [(place, cells) for place, cells in lines if any(cells)]


def refuse_row(owner: str, place: str, wanted: str, got: object) -> ValueError:
    """Return the error for a row that must do what it does not.

    Parameters
    ----------
    owner, place : str
        The function that asks, and where the row stands, as ``read_table`` tells it.
    wanted : str
        What it must do, such as "name a file".
    got : object
        What stands there instead.
    """
    return ValueError(
        f"{owner} cannot use {place}: it must {wanted}. Got {got} instead: correct the "
        "row or take it out."
    )


def read_cell(owner: str, place: str, column: str, cell: Any) -> str:
    """Write a cell of any table as text.

    Parameters
    ----------
    owner, place, column : str
        The function that asks, and where the cell stands, for the message.
    cell : object
        Text from a text, anything from a DataFrame.

    Returns
    -------
    text : str
        Empty for what is absent. 7.0 is what a missing neighbour made of 7.

    Raises
    ------
    ValueError
        If it is neither text nor a number.

    Examples
    --------
    >>> [read_cell("load", "row 0", "labels", cell) for cell in (7.0, None, " dog ")]
    ['7', '', 'dog']
    """
    if is_absent(cell):
        return ""
    if not isinstance(cell, str | os.PathLike | numbers.Real):
        wanted = (
            f"hold text or a number in the column {column!r}, with commas or "
            "semicolons between several labels"
        )
        raise refuse_row(owner, place, wanted, repr(cell)[:80])
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        cell = int(cell)
    return str(cell).strip()


def report_missing(
    source: str, folder: str, missing: Sequence[str], n_found: int, hint: str = ""
) -> None:
    """Count and name the recordings that a table lists but a folder does not hold.

    Parameters
    ----------
    source, folder : str
        The table and the folder, for the message.
    missing : sequence of str
        What is not there; nothing is said if it is empty, and if ``n_found``, the
        number of those that are there, is 0, it is an error.
    hint : str, default=""
        What the first of them may be.
    """
    if not missing:
        return
    text = (
        f"{len(missing)} of the {len(missing) + n_found} recordings that {source} "
        f"lists are not in {folder!r}; the first is {missing[0]!r}{hint}. "
    )
    if not n_found:
        raise FileNotFoundError(f"{text}Correct the folder, or the names in the table.")
    text += "They are left out; the field 'missing' names them all."
    warn(text)


def check_target_names(
    owner: str, target_names: Iterable[str] | None
) -> list[str] | None:
    """Refuse classes that are no sequence of different texts, in a sentence."""
    if target_names is None:
        return None
    is_sequence = isinstance(target_names, Iterable)
    given = target_names if is_sequence and not isinstance(target_names, str) else ()
    # numbers are names here as they are in a table
    names = [composed(str(name)) for name in given]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"The 'target_names' parameter of {owner} must be None or a sequence of "
            f"different texts, one for each class. Got {target_names!r} instead."
        )
    return names


def make_indicator(
    tags: Sequence[Collection[str] | None], names: Sequence[str]
) -> np.ndarray:
    """Mark the classes of each clip.

    Parameters
    ----------
    tags : sequence of (collection of str, or None)
        The classes in each clip; none of them if empty, unlabeled if None.
    names : sequence of str
        The classes, one a column.

    Returns
    -------
    target : ndarray of shape (n_clips, n_classes), int64
        1 where present, 0 where not, a row of -1 where unlabeled.

    Examples
    --------
    >>> make_indicator([["dog"], None, []], ["cat", "dog"])
    array([[ 0,  1],
           [-1, -1],
           [ 0,  0]])
    """
    target = np.full((len(tags), len(names)), UNLABELED, dtype=np.int64)
    for row, present in zip(target, tags, strict=True):
        if present is not None:
            row[:] = [name in present for name in names]
    return target


def check_output(owner: str, output_dir: str | os.PathLike[str]) -> Path:
    """Refuse what cannot be the folder that a corpus is written to.

    Parameters
    ----------
    owner : str
        The function that asks, for the message.
    output_dir : str or path-like
        The folder; ``~`` is the home folder of the user.

    Returns
    -------
    folder : pathlib.Path
        Which need not be there, but is no file.
    """
    parameter = f"The 'output_dir' parameter of {owner}"
    kind = "the path of a folder, or None"
    folder = Path(check_path(parameter, output_dir, kind, least=1))
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise NotADirectoryError(
            f"{parameter} must be a folder. There is a file at {str(folder)!r}: give "
            "another name or move the file."
        )
    return folder


def output_folder(owner: str, output_dir: str | os.PathLike[str]) -> Path:
    """Make the folder that a corpus is written to; see ``check_output``."""
    folder = check_output(owner, output_dir)
    cure = "give another name"
    make_folder(f"The 'output_dir' parameter of {owner}", folder, cure)
    return folder


class RecordingIndex:
    """Dictionaries from paths and their last parts to the recordings of a folder.

    Parameters
    ----------
    owner : str
        The function that asks, for the messages.
    root : str
        The folder.
    files : iterable of str
        Paths of all that a table may name, relative to the folder, with ``/`` between
        their parts.
    """

    def __init__(self, owner: str, root: str, files: Iterable[str]) -> None:
        self.owner = owner
        # a table may have the paths that links lead to
        self.roots = os.path.abspath(root), os.path.realpath(root)
        self.by_path = {composed(file): file for file in files}
        self.by_ending: dict[str, list[str]] = {}
        for path in self.by_path:
            parts = path.split("/")
            # a path of n parts has n endings, with and without its suffix
            for i in range(len(parts)):
                ending = "/".join(parts[i:])
                for key in {ending, stem_of(ending)}:
                    self.by_ending.setdefault(key, []).append(path)

    def find(self, place: str, name: str) -> str | None:
        """Return the recording that a table means by a name, None if it is not there.

        The name is absolute, or relative to the folder or to the working directory, or
        only its last parts; with or without the suffix. What fits several is refused.
        """
        # tables from Windows have other slashes
        name = composed(os.path.expanduser(name).replace("\\", "/"))
        from_root = self._below(os.path.join(self.roots[0], name))
        from_here = self._below(os.path.abspath(name))
        # the whole path first, or a file in the root could not be told from its twins
        if from_root in self.by_path:
            return self.by_path[from_root]
        fitting = self._fit(from_here, whole=True)
        # an absolute path says in which folder: only a suffix may be missing
        fitting |= self._fit(from_root, whole=os.path.isabs(name))
        if len(fitting) > 1:
            first, second = sorted(fitting)[:2]
            wanted = (
                f"name one recording: {name!r} fits {len(fitting)} below "
                f"{self.roots[0]!r}. Write the path from that folder on, with its "
                "suffix"
            )
            raise refuse_row(self.owner, place, wanted, f"{first!r} and {second!r}")
        return self.by_path[fitting.pop()] if fitting else None

    def find_nearest(self, name: str) -> str | None:
        """Return the recording whose path resembles a name most, if any does."""
        # the first parts of a path are what differs from one machine to the next
        tail = "/".join(composed(name).replace("\\", "/").split("/")[-2:])
        nearest = difflib.get_close_matches(tail, self.by_path, n=1, cutoff=0.5)
        return self.by_path[nearest[0]] if nearest else None

    def _below(self, path: str) -> str:
        """Write a path relative to the folder, "" where it is not below it."""
        path = os.path.normpath(path)
        for root in self.roots:
            if path.startswith(os.path.join(root, "")):
                return path[len(os.path.join(root, "")) :].replace(os.sep, "/")
        return ""

    def _fit(self, key: str, whole: bool) -> set[str]:
        """List the recordings that end in a path, or are at it."""
        paths = self.by_ending.get(key, [])
        names = {path: (path, stem_of(path)) for path in paths}
        return {path for path in paths if not whole or key in names[path]}
