"""DCASE 2018 task 4 on disk becomes paths (n_clips,) and tags (n_clips, n_classes).

Clips of up to 10 seconds cut from videos of the web, with ten classes of events. The
lists name

    weak                    1578 clips with the classes heard in them
    unlabel_in_domain      14412 clips without labels, chosen to hold the classes
    unlabel_out_of_domain  some 40000 clips without labels, chosen not to
    test                     288 clips with timed events: validation
    eval                     880 clips with timed events: evaluation, 15 without event

The first test list shared clips with the weak one. In July 2018 the organisers put
others in their place and published the 46 names as files_to_remove: all of them are in
the weak list, where they stay, and none is in the test list of 288 clips. Three rows of
the weak list name a class twice (Running_water two times, Alarm_bell_ringing once):
345 mentions of Running_water are 343 clips.

The classes of a weak or timed clip are verified by hand. Events of one class that are
less than 150 ms apart are one event, none is shorter than 250 ms by intention, and a
few end up to 0.115 s after the tenth second. Part of the recordings can no longer be
fetched; a score is comparable only with scores on the same clips.

The lists are published under the MIT licence; the recordings belong to their authors.
"""

import math
import os
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import Bunch

from sklearn_triplet._input.warn import warn
from sklearn_triplet.datasets import _base
from sklearn_triplet.datasets._soundscapes.engine import Event

OWNER = "load_dcase2018_task4"

CLASSES = (
    "Alarm_bell_ringing", "Blender", "Cat", "Dishes", "Dog",
    "Electric_shaver_toothbrush", "Frying", "Running_water", "Speech",
    "Vacuum_cleaner",
)  # fmt: skip


class ClipList(NamedTuple):
    """A list below ``metadata``, its folder below ``audio``, split and columns."""

    table: str
    audio: str
    split: str
    columns: tuple[str, ...]


# what a list knows of its clips shows in its columns
UNLABELED = ("filename",)
WEAK = ("filename", "labels")
STRONG = ("filename", "onset", "offset", "labels")
IN_DOMAIN, OUT_OF_DOMAIN = "unlabel_in_domain", "unlabel_out_of_domain"
LISTS = {
    "weak": ClipList("train/weak.csv", "train/weak", "train", WEAK),
    **{
        name: ClipList(f"train/{name}.csv", f"train/{name}", "train", UNLABELED)
        for name in (IN_DOMAIN, OUT_OF_DOMAIN)
    },
    "test": ClipList("test/test.csv", "test", "validation", STRONG),
    "eval": ClipList("eval/eval.csv", "eval", "evaluation", STRONG),
}
REMOVED_FROM_TEST = "metadata/test/files_to_remove.csv"
# labels are worth more than none, and what is trained on cannot be tested on
PRECEDENCE = ("weak", "test", "eval", IN_DOMAIN, OUT_OF_DOMAIN)
PAPER = ("weak", IN_DOMAIN, "test", "eval")
SPLITS = {"train": PAPER[:2], "validation": PAPER[2:3], "evaluation": PAPER[3:]}

# label, onset and offset in seconds
TimedLabel = tuple[str, float, float]


@dataclass
class ListedClip:
    """One clip of a list, whatever number of rows it has there.

    ``path`` is where the recording must be, until it is found. ``key``, its name
    without the suffix, is what it is compared by. ``labels`` are None where unlabeled
    and empty where no event is, ``events`` None where no times are known.
    """

    path: str
    key: str
    subset: str
    labels: set[str] | None
    events: list[TimedLabel] | None


def load_dcase2018_task4(
    data_home: str | os.PathLike[str],
    *,
    subset: str | Collection[str] | None = None,
    return_X_y: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    r"""Load the file names, tags and event times of DCASE 2018 task 4 (no download).

    The corpus of the paper: few clips with tags, many without, a test set to validate
    on and an evaluation set. Recordings that are not on disk are left out and counted.

    Parameters
    ----------
    data_home : str or path-like
        The folder that holds ``metadata`` (``train/weak.csv``, ``test/test.csv``, ...)
        and ``audio`` (``train/weak``, ``train/unlabel_in_domain``, ``test``, ``eval``).
        A recording may be there as WAV, FLAC or OGG, whatever the list says. A clip may
        have several rows: all their classes and events are its own.
    subset : str, list of str or None, default=None
        Lists (``"weak"``, ``"unlabel_in_domain"``, ``"unlabel_out_of_domain"``,
        ``"test"``, ``"eval"``) or splits: ``"train"`` is the first two lists,
        ``"validation"`` is test and ``"evaluation"`` is eval. None is these three, as
        in the paper; the clips out of domain are loaded only where named.
    return_X_y : bool, default=False
        Whether to return only ``(paths, target)``.

    Returns
    -------
    corpus : :class:`~sklearn.utils.Bunch`
        By list, in the order of the parameter ``subset`` above, then as listed, with
        the attributes

        paths : ndarray of shape (n_clips,), str
            The audio files, ready for :class:`~sklearn_triplet.LogMel`.
        target : ndarray of shape (n_clips, n_classes), int64
            1 where a class is heard in the clip, 0 where not, a row of -1 where the
            clip is unlabeled, a row of 0 where it holds no event.
        target_names : ndarray of shape (n_classes,), str
            The classes, one a column: always the ten of the corpus, by name, and then
            any others that the lists name.
        subset : ndarray of shape (n_clips,), str
            The list of each clip.
        split : ndarray of shape (n_clips,), str
            ``"train"``, ``"validation"`` or ``"evaluation"``.
        events : list of n_clips (list of Event, or None)
            Named tuples ``(label, onset, offset)`` by onset: column of the class, start
            and end in seconds. None where no times are known (weak and unlabeled).
        missing : list of str
            Recordings that are listed, but not in their folder.
        missing_lists : list of str
            Lists that are not there, such as ``"metadata/eval/eval.csv"``.
        left_out : list of str
            Clips of the test list that ``files_to_remove.csv`` takes out, and
            recordings that an earlier of the lists weak, test, eval, in domain, out of
            domain (those asked for) holds as well, so that none is in two splits.
        data_home : str
            The folder that was read.
        DESCR : str
            Origin, peculiarities and licence of the corpus.
    (paths, target) : tuple
        If ``return_X_y``.

    Raises
    ------
    FileNotFoundError
        If the folder is not there, or none of the lists, or none of the recordings.
    ValueError
        If ``data_home`` is no path, ``subset`` is none of the options, or a line of a
        list cannot be read, such as a weak clip without a class or an event without
        times.

    Warns
    -----
    UserWarning
        If recordings or lists are missing, clips are left out, or a class is none of
        the ten.

    See Also
    --------
    mix_soundscapes : Weakly labeled clips of one's own recordings.
    load_recordings : Recordings and events of one's own.

    Notes
    -----
    - To validate on the test set as the paper does, load ``["train", "validation"]``
      and give ``GridSearchCV`` the one fold
      ``UnlabeledInTrain(PredefinedSplit(np.where(corpus.split == "validation", 0,
      -1)))``. Leave the evaluation set out of it: PredefinedSplit would train on it.
    - Recordings that no list names are not loaded. Whether a file can be read is found
      out by :class:`~sklearn_triplet.LogMel`, whose ``errors="warn"`` goes on.

    References
    ----------
    R. Serizel, N. Turpault, H. Eghbal-Zadeh and A. Parag Shah, "Large-scale weakly
    labeled semi-supervised sound event detection in domestic environments", DCASE
    Workshop, 2018, pages 19-23. https://arxiv.org/abs/1807.10501

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklearn_triplet.datasets import load_dcase2018_task4
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> for name, text in {
    ...     "metadata/train/weak.csv": "filename\tevent_labels\na.wav\tDog,Speech\n",
    ...     "metadata/train/unlabel_in_domain.csv": "filename\nb.wav\n",
    ...     "audio/train/weak/a.wav": "",
    ...     "audio/train/unlabel_in_domain/b.flac": "",
    ... }.items():
    ...     (home / name).parent.mkdir(parents=True, exist_ok=True)
    ...     _ = (home / name).write_text(text)
    >>> corpus = load_dcase2018_task4(home, subset="train")
    >>> corpus.target
    array([[ 0,  0,  0,  0,  1,  0,  0,  0,  1,  0],
           [-1, -1, -1, -1, -1, -1, -1, -1, -1, -1]])
    >>> corpus.target_names[corpus.target[0] == 1]
    array(['Dog', 'Speech'], dtype='<U26')
    """
    chosen = _check_subset(subset)
    folder = _base.existing_folder(OWNER, "data_home", data_home)
    messages: list[str] = []
    listed, missing_lists = _read_lists(folder, chosen, messages)
    names = _name_classes(listed, messages)
    listed, removed = _take_out_replaced(folder, listed, messages)
    present, missing = _find_recordings(folder, listed, messages)
    clips, shared = _keep_first(present, messages)
    for message in messages:
        text = f"DCASE 2018 task 4 in {str(folder)!r}: {message}"
        warn(text)
    corpus = Bunch(
        paths=np.array([clip.path for clip in clips]),
        target=_base.make_indicator([clip.labels for clip in clips], names),
        target_names=np.array(names),
        subset=np.array([clip.subset for clip in clips]),
        split=np.array([LISTS[clip.subset].split for clip in clips]),
        events=[_number_events(clip.events, names) for clip in clips],
        missing=missing,
        missing_lists=missing_lists,
        left_out=removed + shared,
        data_home=str(folder),
        DESCR=__doc__,
    )
    return (corpus.paths, corpus.target) if return_X_y else corpus


def _check_subset(subset: str | Collection[str] | None) -> list[str]:
    """Turn what the user names into the names of lists, in the order of LISTS."""
    options = [*LISTS, *SPLITS]
    given = PAPER if subset is None else subset
    named = [given] if isinstance(given, str) else given
    # numpy's array of names has no truth value, hence len() below
    is_list = isinstance(named, list | tuple | set | frozenset | np.ndarray)
    if not (is_list and len(named) and all(name in options for name in named)):
        raise ValueError(
            f"The 'subset' parameter of {OWNER} must be None, one of {options} or a "
            f"list of some of these. Got {subset!r} instead."
        )
    # in the order of LISTS, each once, whatever was named twice
    chosen = {part for name in named for part in SPLITS.get(name, (name,))}
    return [name for name in LISTS if name in chosen]


def _read_lists(
    folder: Path, chosen: list[str], messages: list[str]
) -> tuple[list[ListedClip], list[str]]:
    """Read the lists that are there; return their clips, and the other lists."""
    tables = {name: f"metadata/{LISTS[name].table}" for name in chosen}
    absent = {name for name in chosen if not (folder / tables[name]).is_file()}
    missing_lists = [tables[name] for name in chosen if name in absent]
    listed = [
        clip
        for name in chosen
        if name not in absent
        for clip in _read_list(folder, name)
    ]
    if not listed:
        raise FileNotFoundError(
            f"{OWNER} found no clips in the lists {list(tables.values())} of "
            f"{str(folder)!r}, of which {len(missing_lists)} are not there. Give the "
            "folder that holds 'metadata' and 'audio', as in the corpus."
        )
    if missing_lists:
        messages.append(
            f"the lists {missing_lists} are not there, and their clips are not loaded. "
            "Put them there, or name the others by 'subset'."
        )
    return listed, missing_lists


def _name_classes(listed: list[ListedClip], messages: list[str]) -> list[str]:
    """Put the ten classes first, so that columns stay whatever part is loaded."""
    found = {name for clip in listed for name in clip.labels or ()}
    others = sorted(found - {*CLASSES})
    if others:
        messages.append(
            f"the lists name classes that are none of the ten: {others}. They get "
            "columns of their own; repair the lists if they are misspelt."
        )
    return [*CLASSES, *others]


def _take_out_replaced(
    folder: Path, listed: list[ListedClip], messages: list[str]
) -> tuple[list[ListedClip], list[str]]:
    """Take out of the test list what the organisers replaced, as it is in weak too."""
    table = folder / REMOVED_FROM_TEST
    rows = _base.read_table(OWNER, table, UNLABELED) if table.is_file() else []
    replaced = {("test", _base.stem_of(row["filename"])) for _, row in rows}
    removed = [clip.path for clip in listed if (clip.subset, clip.key) in replaced]
    if removed:
        messages.append(
            f"{len(removed)} clips of the test list are left out, because "
            f"{REMOVED_FROM_TEST!r} names them; the field 'left_out' holds them."
        )
    kept = [clip for clip in listed if (clip.subset, clip.key) not in replaced]
    return kept, removed


def _read_list(folder: Path, subset: str) -> list[ListedClip]:
    """Join the rows of each clip.

    Each event of a timed list has its own row; two rows of one clip in another list
    are joined, since each says what somebody heard.
    """
    table, audio, _, columns = LISTS[subset]
    clips: dict[str, ListedClip] = {}
    for place, row in _base.read_table(OWNER, folder / "metadata" / table, columns):
        labels, events = _read_row(place, row, columns)
        key = _base.stem_of(row["filename"])
        path = str(folder / "audio" / audio / row["filename"])
        clip = clips.setdefault(key, ListedClip(path, key, subset, labels, events))
        # two rows never know less than one; what repeats another adds nothing
        if clip.labels is not None and labels is not None:
            clip.labels |= labels
        if clip.events is not None and events is not None:
            clip.events += [event for event in events if event not in clip.events]
    return list(clips.values())


def _read_row(
    place: str, row: dict[str, Any], columns: tuple[str, ...]
) -> tuple[set[str] | None, list[TimedLabel] | None]:
    """Return the classes that a row names, None if unlabeled, and its events.

    Times are in seconds; a timed row has one event, or none in a clip without any, and
    rows of the other lists have None for them.
    """
    cells = [row[column] for column in columns]
    # what none of the three takes falls through to one refusal
    if columns == UNLABELED and row["filename"]:
        return None, None
    if columns == WEAK and row["filename"] and _base.split_labels(row["labels"]):
        return set(_base.split_labels(row["labels"])), None
    if columns == STRONG and row["filename"]:
        # the name alone is a clip without any event
        if not any(cells[1:]):
            return set(), []
        try:
            onset, offset = float(row["onset"]), float(row["offset"])
        except ValueError:
            onset = offset = math.nan  # below no bound and above none
        if 0 <= onset < offset < math.inf and row["labels"]:
            return {row["labels"]}, [(row["labels"], onset, offset)]
    wanted = {
        UNLABELED: "name a file",
        WEAK: "name a file and the classes heard in it",
        STRONG: "name a file, the onset and a later offset of an event in seconds, "
        "such as 0.163, and its class, or a file alone",
    }
    raise _base.refuse_row(OWNER, place, wanted[columns], cells)


def _find_recordings(
    folder: Path, listed: list[ListedClip], messages: list[str]
) -> tuple[list[ListedClip], list[str]]:
    """Keep the clips whose recordings are there; list the paths of the others.

    Part of the corpus can no longer be fetched, so that this is no error unless nothing
    is there at all.
    """
    audio = {clip.subset: LISTS[clip.subset].audio for clip in listed}
    # each folder is listed once: a look for every file would take minutes on a network
    found = {name: _list_audio(folder / "audio" / audio[name]) for name in audio}
    present = [clip for clip in listed if clip.key in found[clip.subset]]
    absent = [clip for clip in listed if clip.key not in found[clip.subset]]
    if not present:
        raise FileNotFoundError(
            f"None of the {len(listed)} recordings that the lists name is in "
            f"{str(folder / 'audio')!r}: put them there as in the corpus, such as "
            f"{listed[0].path!r}."
        )
    missing = [clip.path for clip in absent]
    if missing:
        n_listed = Counter(clip.subset for clip in listed)
        counts = ", ".join(
            f"{count} of {n_listed[name]} in 'audio/{audio[name]}'"
            for name, count in Counter(clip.subset for clip in absent).items()
        )
        messages.append(
            f"recordings are missing: {counts}. They are left out; the field 'missing' "
            "names them all."
        )
    # people convert recordings: the suffix that is listed only has precedence
    for clip in present:
        paths = found[clip.subset][clip.key]
        clip.path = clip.path if clip.path in paths else paths[0]
    return present, missing


def _list_audio(folder: Path) -> dict[str, list[str]]:
    """List the recordings of a folder by key, the preferred suffix first."""
    found: dict[str, list[str]] = {}
    for entry in os.scandir(folder) if folder.is_dir() else ():
        if _base.suffix_of(entry.name) in _base.AUDIO_SUFFIXES and entry.is_file():
            found.setdefault(_base.stem_of(entry.name), []).append(entry.path)
    for paths in found.values():
        paths.sort(
            key=lambda path: (_base.AUDIO_SUFFIXES.index(_base.suffix_of(path)), path)
        )
    return found


def _keep_first(
    present: list[ListedClip], messages: list[str]
) -> tuple[list[ListedClip], list[str]]:
    """Keep of the clips in several lists the one whose list has precedence.

    Returns
    -------
    kept : list of ListedClip
    shared : list of str
        Paths of the others.
    """
    # only of what is there: an unlabeled copy serves where the labeled one is missing
    owners: dict[str, str] = {}
    for clip in sorted(present, key=lambda clip: PRECEDENCE.index(clip.subset)):
        owners.setdefault(clip.key, clip.subset)
    shared = [clip.path for clip in present if owners[clip.key] != clip.subset]
    if shared:
        messages.append(
            f"{len(shared)} recordings are in several lists, and only loaded from the "
            f"first of {list(PRECEDENCE)}; the field 'left_out' holds the others, such "
            f"as {shared[0]!r}."
        )
    return [clip for clip in present if owners[clip.key] == clip.subset], shared


def _number_events(
    events: list[TimedLabel] | None, names: list[str]
) -> list[Event] | None:
    """Sort events by onset and write their classes as columns."""
    if events is None:
        return None
    # by onset, then by end
    in_time = sorted(events, key=lambda event: event[1:])
    return [
        Event(names.index(label), onset, offset) for label, onset, offset in in_time
    ]
