"""DCASE 2018 task 4 on disk becomes paths (n_clips,) and tags (n_clips, n_classes)."""

import os
import warnings
from collections.abc import Collection
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from sklearn_triplet._input.labels import UNLABELED
from sklearn_triplet.datasets._base import existing_folder
from sklearn_triplet.datasets._dcase_tables import (
    IN_DOMAIN,
    LISTS,
    PRECEDENCE,
    REMOVED_FROM_TEST,
    Clip,
    LeftOut,
    describe_left_out,
    find_audio,
    read_names,
)
from sklearn_triplet.datasets._soundscapes.engine import Event

OWNER = "load_dcase2018_task4"

CLASSES = (
    "Alarm_bell_ringing", "Blender", "Cat", "Dishes", "Dog",
    "Electric_shaver_toothbrush", "Frying", "Running_water", "Speech",
    "Vacuum_cleaner",
)  # fmt: skip
PAPER = ("weak", IN_DOMAIN, "test", "eval")
SPLITS = {"train": PAPER[:2], "validation": PAPER[2:3], "evaluation": PAPER[3:]}

DESCR = """\
DCASE 2018 task 4: sound events in domestic environments
--------------------------------------------------------

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

R. Serizel, N. Turpault, H. Eghbal-Zadeh and A. Parag Shah. "Large-scale weakly labeled
semi-supervised sound event detection in domestic environments". Proceedings of the
DCASE 2018 Workshop, pages 19-23.

The lists are published under the MIT licence; the recordings belong to their authors.
"""


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
        A recording may be there as WAV, FLAC or OGG, whatever the list says.
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
        If recordings or lists are missing, clips are left out, rows are repeated, or a
        class is none of the ten.

    Notes
    -----
    - To validate on the test set as the paper does, load ``["train", "validation"]``
      and give ``GridSearchCV`` the one fold
      ``UnlabeledInTrain(PredefinedSplit(np.where(corpus.split == "validation", 0,
      -1)))``. Leave the evaluation set out of it: PredefinedSplit would train on it.
    - Recordings that no list names are not loaded. Whether a file can be read is found
      out by :class:`~sklearn_triplet.LogMel`, whose ``errors="warn"`` goes on.

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
    folder = existing_folder(OWNER, "data_home", data_home)
    left_out = LeftOut()
    listed = _read_lists(folder, chosen, left_out)
    clips = _keep_first(_find_recordings(folder, listed, left_out), left_out)
    others = {tag for clip in listed for tag in clip.tags or ()} - {*CLASSES}
    names = [*CLASSES, *sorted(others)]
    for message in describe_left_out(folder, left_out, names[len(CLASSES) :]):
        warnings.warn(message, UserWarning, stacklevel=2)
    corpus = Bunch(
        paths=np.array([clip.path for clip in clips]),
        target=_indicator(clips, names),
        target_names=np.array(names),
        subset=np.array([clip.subset for clip in clips]),
        split=np.array([LISTS[clip.subset].split for clip in clips]),
        events=[_timed(clip, names) for clip in clips],
        missing=[path for paths in left_out.missing.values() for path in paths],
        missing_lists=left_out.lists,
        left_out=left_out.removed + left_out.shared,
        data_home=str(folder),
        DESCR=DESCR,
    )
    return (corpus.paths, corpus.target) if return_X_y else corpus


def _check_subset(subset: str | Collection[str] | None) -> list[str]:
    """Turn what the user names into the names of lists, in the order of LISTS."""
    options = [*LISTS, *SPLITS]
    given = PAPER if subset is None else subset
    named = [given] if isinstance(given, str) else given
    is_list = isinstance(named, list | tuple | set | frozenset | np.ndarray)
    if not (is_list and len(named) and all(name in options for name in named)):
        raise ValueError(
            f"The 'subset' parameter of {OWNER} must be None, one of {options} or a "
            f"list of some of these. Got {subset!r} instead."
        )
    chosen = {part for name in named for part in SPLITS.get(name, (name,))}
    return [name for name in LISTS if name in chosen]


def _read_lists(folder: Path, chosen: list[str], left_out: LeftOut) -> list[Clip]:
    """Read the lists that are there; note the others, and what the test set lost."""
    listed = []
    for subset in chosen:
        table = folder / "metadata" / LISTS[subset].table
        if not table.is_file():
            left_out.lists.append(f"metadata/{LISTS[subset].table}")
            continue
        clips, left_out.repeated[subset] = LISTS[subset].read(table)
        for clip in clips:
            clip.subset = subset
            clip.path = str(folder / "audio" / LISTS[subset].audio / clip.name)
        listed += _take_out(folder, clips, left_out) if subset == "test" else clips
    if listed:
        return listed
    raise FileNotFoundError(
        f"{OWNER} found no clips in {str(folder)!r}: the lists {left_out.lists} are "
        "not there. Give the folder that holds 'metadata' and 'audio', with lists "
        "such as 'metadata/train/weak.csv'."
        if left_out.lists
        else f"The lists of {chosen} in {str(folder / 'metadata')!r} name no clip to "
        "load: take them from the corpus again."
    )


def _take_out(folder: Path, clips: list[Clip], left_out: LeftOut) -> list[Clip]:
    """Take out of the test clips those that the organisers replaced."""
    table = folder / "metadata" / REMOVED_FROM_TEST
    removed = {clip.key for clip in read_names(table)[0]} if table.is_file() else ()
    left_out.removed = [clip.path for clip in clips if clip.key in removed]
    return [clip for clip in clips if clip.key not in removed]


def _find_recordings(folder: Path, listed: list[Clip], left_out: LeftOut) -> list[Clip]:
    """Keep the clips whose recordings are there; note the others by list."""
    present = []
    for subset in dict.fromkeys(clip.subset for clip in listed):
        found = find_audio(folder / "audio" / LISTS[subset].audio)
        clips = [clip for clip in listed if clip.subset == subset]
        left_out.listed[subset] = len(clips)
        left_out.missing[subset] = [c.path for c in clips if c.key not in found]
        for clip in clips:
            if clip.key in found and clip.path not in found[clip.key]:
                clip.path = found[clip.key][0]
        present += [clip for clip in clips if clip.key in found]
    if present:
        return present
    wanted = listed[0].path
    raise FileNotFoundError(
        f"None of the {len(listed)} recordings that the lists of "
        f"{list(left_out.listed)} name is in {str(folder / 'audio')!r}: put them there "
        f"as in the corpus, such as {wanted!r}."
    )


def _keep_first(present: list[Clip], left_out: LeftOut) -> list[Clip]:
    """Keep of the clips in several lists the one whose list has precedence."""
    owners: dict[str, str] = {}
    for clip in sorted(present, key=lambda clip: PRECEDENCE.index(clip.subset)):
        owners.setdefault(clip.key, clip.subset)
    left_out.shared = [c.path for c in present if owners[c.key] != c.subset]
    return [clip for clip in present if owners[clip.key] == clip.subset]


def _indicator(clips: list[Clip], names: list[str]) -> np.ndarray:
    """Mark the classes of each clip, shape (n_clips, n_classes)."""
    target = np.zeros((len(clips), len(names)), dtype=np.int64)
    for row, clip in zip(target, clips, strict=True):
        if clip.tags is None:
            row[:] = UNLABELED
        else:
            row[[names.index(tag) for tag in clip.tags]] = 1
    return target


def _timed(clip: Clip, names: list[str]) -> list[Event] | None:
    if clip.events is None:
        return None
    return [Event(names.index(tag), *times) for tag, *times in clip.events]
