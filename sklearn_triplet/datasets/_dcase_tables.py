"""The lists of DCASE 2018 task 4 become clips (name, tags, event times), line by line.

A list is text in UTF-8, tab-separated below a line of column names. What editors and
spreadsheets add is read over: byte order marks, CRLF, blank lines, spaces and quotes
around a field, empty fields at the end of a line.
"""

import math
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

# the first suffix wins where a recording is there twice
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg")
TimedTag = tuple[str, float, float]


@dataclass
class Clip:
    """One clip of a list, whatever number of rows it has there.

    Attributes
    ----------
    name : str
        The file name, as listed.
    key : str
        What it is compared by: the name without the suffix of an audio file.
    tags : set of str or None
        The classes heard; None where unlabeled, empty where no event is.
    events : list of (class, onset, offset) or None
        In seconds, by onset; None where no times are known.
    subset : str
        The list that it is taken from.
    path : str
        The recording: where it must be until it is found, then where it is.
    """

    name: str
    key: str
    tags: set[str] | None
    events: list[TimedTag] | None
    subset: str = ""
    path: str = ""


# clips in the order of the list, and the lines that repeat what was said before
Contents = tuple[list[Clip], list[int]]
Reader = Callable[[Path], Contents]


def clip_key(name: str) -> str:
    """Name a clip the same way whatever its suffix, and however a Mac spells an ü."""
    stem, suffix = os.path.splitext(name)
    return unicodedata.normalize("NFC", stem if _is_audio(suffix) else name)


def _is_audio(suffix: str) -> bool:
    return suffix.lower() in AUDIO_SUFFIXES


def find_audio(folder: Path) -> dict[str, list[str]]:
    """List the recordings of a folder by key, the preferred suffix first."""
    found: dict[str, list[str]] = {}
    if folder.is_dir():
        with os.scandir(folder) as entries:
            for entry in entries:
                if _is_audio(os.path.splitext(entry.name)[1]) and entry.is_file():
                    found.setdefault(clip_key(entry.name), []).append(entry.path)
    for paths in found.values():
        paths.sort(key=_preference)
    return found


def _preference(path: str) -> tuple[int, str]:
    return AUDIO_SUFFIXES.index(os.path.splitext(path)[1].lower()), path


def read_names(table: Path) -> Contents:
    """Read a list of file names, such as that of the unlabeled clips."""
    clips: dict[str, Clip] = {}
    repeated = []
    for line, name in _rows(table, ("filename",)):
        key = clip_key(name)
        if key in clips:
            repeated.append(line)
        clips.setdefault(key, Clip(name, key, None, None))
    return list(clips.values()), repeated


def read_weak(table: Path) -> Contents:
    """Read clips with the classes heard somewhere in them, one row a clip."""
    clips: dict[str, Clip] = {}
    repeated = []
    for line, name, text in _rows(table, ("filename", "event_labels")):
        tags = {tag.strip() for tag in re.split("[,;]", text)} - {""}
        if not tags:
            raise _unreadable(table, line, f"must name the classes of {name!r}")
        key = clip_key(name)
        if key in clips:
            repeated.append(line)
        clip = clips.setdefault(key, Clip(name, key, set(), None))
        clip.tags = (clip.tags or set()) | tags
    return list(clips.values()), repeated


def read_strong(table: Path) -> Contents:
    """Read clips with timed events, one row an event, or a row without for silence."""
    names: dict[str, str] = {}  # of the clips, by key
    events: dict[str, list[TimedTag]] = {}
    repeated: list[int] = []
    empty: dict[str, int] = {}
    columns = ("filename", "onset", "offset", "event_label")
    for line, name, *fields in _rows(table, columns):
        key = clip_key(name)
        known = key in names
        names.setdefault(key, name)
        heard = events.setdefault(key, [])
        if not any(fields):
            repeated += [line] if known else []
            empty.setdefault(key, line)
            continue
        event = _read_event(table, line, *fields)
        if event in heard:
            repeated.append(line)
        else:
            heard.append(event)
    # a row "no event" above the events of the same clip says nothing either
    repeated += [line for key, line in empty.items() if events[key]]
    clips = [_strong_clip(name, key, events[key]) for key, name in names.items()]
    return clips, sorted(set(repeated))


def _strong_clip(name: str, key: str, events: list[TimedTag]) -> Clip:
    in_time = sorted(events, key=lambda event: event[1:])
    return Clip(name, key, {event[0] for event in events}, in_time)


def _read_event(
    table: Path, line: int, onset: str, offset: str, label: str
) -> TimedTag:
    try:
        start, end = float(onset), float(offset)
    except ValueError:
        start = end = math.nan
    if not 0 <= start < end < math.inf:
        wanted = "must hold an onset and a later offset in seconds, such as 0.163"
        raise _unreadable(table, line, wanted, f"{onset!r} and {offset!r}")
    if not label:
        raise _unreadable(table, line, "must name the class of its event")
    return label, start, end


def _rows(table: Path, columns: tuple[str, ...]) -> Iterator[tuple]:
    """Yield (line number, field of each column) for every line that is not blank."""
    places = None
    for line, content in enumerate(table.read_bytes().splitlines(), start=1):
        fields = _fields(table, line, content)
        if not any(fields):
            continue
        if places is None:
            places = _find_columns(table, line, fields, columns)
            n_columns = len(fields)
            continue
        if any(fields[n_columns:]):
            wanted = f"must hold {n_columns} fields separated by tabs"
            raise _unreadable(table, line, wanted, f"{len(fields)} fields")
        fields += [""] * (n_columns - len(fields))
        if not fields[places[0]]:
            raise _unreadable(table, line, "must begin with the name of a file")
        yield line, *(fields[place] for place in places)


def _fields(table: Path, line: int, content: bytes) -> list[str]:
    try:
        text = content.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError:
        raise ValueError(
            f"Line {line} of {str(table)!r} must be text in UTF-8. It holds other "
            "bytes: save the list as UTF-8 or take it from the corpus again."
        ) from None
    return [field.strip().strip('"').strip() for field in text.split("\t")]


def _find_columns(
    table: Path, line: int, header: list[str], columns: tuple[str, ...]
) -> list[int]:
    lacking = [name for name in columns if name not in header]
    if lacking:
        raise ValueError(
            f"Line {line} of {str(table)!r} must name the columns {list(columns)}, "
            f"separated by tabs. It lacks {lacking[0]!r}: put the line of column names "
            "back, or take the list from the corpus again."
        )
    return [header.index(name) for name in columns]


def _unreadable(
    table: Path, line: int, wanted: str, found: str | None = None
) -> ValueError:
    got = f" Got {found} instead:" if found else " It does not:"
    return ValueError(
        f"Line {line} of {str(table)!r} {wanted}.{got} repair the line or take the "
        "list from the corpus again."
    )


class ClipList(NamedTuple):
    """A list below ``metadata``, its folder below ``audio``, its split, its reader."""

    table: str
    audio: str
    split: str
    read: Reader


IN_DOMAIN, OUT_OF_DOMAIN = "unlabel_in_domain", "unlabel_out_of_domain"
LISTS = {
    "weak": ClipList("train/weak.csv", "train/weak", "train", read_weak),
    **{
        name: ClipList(f"train/{name}.csv", f"train/{name}", "train", read_names)
        for name in (IN_DOMAIN, OUT_OF_DOMAIN)
    },
    "test": ClipList("test/test.csv", "test", "validation", read_strong),
    "eval": ClipList("eval/eval.csv", "eval", "evaluation", read_strong),
}
# labels are worth more than none, and what is trained on cannot be tested on
PRECEDENCE = ("weak", "test", "eval", IN_DOMAIN, OUT_OF_DOMAIN)
REMOVED_FROM_TEST = "test/files_to_remove.csv"


@dataclass
class LeftOut:
    """What the lists say and the corpus does not hold, to be reported."""

    lists: list[str] = field(default_factory=list)
    listed: dict[str, int] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)
    repeated: dict[str, list[int]] = field(default_factory=dict)


def describe_left_out(
    folder: Path, left_out: LeftOut, others: list[str]
) -> Iterator[str]:
    """Say in sentences what the corpus does not hold, and what is odd about it."""
    place = f"of DCASE 2018 task 4 in {str(folder)!r}"
    if left_out.lists:
        yield (
            f"The lists {left_out.lists} {place} are not there, and their clips are "
            "not loaded. Put them there, or name the others by 'subset'."
        )
    absent = {name: paths for name, paths in left_out.missing.items() if paths}
    if absent:
        counts = ", ".join(
            f"{len(paths)} of {left_out.listed[name]} in 'audio/{LISTS[name].audio}'"
            for name, paths in absent.items()
        )
        yield (
            f"Recordings {place} are missing: {counts}. They are left out; the field "
            "'missing' names them all."
        )
    yield from _describe_oddities(place, left_out)
    if others:
        yield (
            f"The lists {place} name classes that are none of the ten: {others}. They "
            "get columns of their own; repair the lists if they are misspelt."
        )


def _describe_oddities(place: str, left_out: LeftOut) -> Iterator[str]:
    if left_out.removed:
        yield (
            f"{len(left_out.removed)} clips of 'metadata/test/test.csv' {place} are "
            f"left out, because 'metadata/{REMOVED_FROM_TEST}' names them; the field "
            "'left_out' holds them."
        )
    if left_out.shared:
        yield (
            f"{len(left_out.shared)} recordings {place} are in several lists, and only "
            f"loaded from the first of {list(PRECEDENCE)}; the field 'left_out' holds "
            f"the others, such as {left_out.shared[0]!r}."
        )
    for name, lines in left_out.repeated.items():
        if lines:
            yield (
                f"{len(lines)} rows of 'metadata/{LISTS[name].table}' {place} repeat a "
                f"clip or an event (the first is line {lines[0]}). Each clip is loaded "
                "once, with all the classes of its rows."
            )
