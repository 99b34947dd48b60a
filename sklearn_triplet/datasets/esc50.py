"""ESC-50 and ESC-10 on disk become paths (n_clips,), classes (n_clips,) and folds."""

from __future__ import annotations

import csv
import os
import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

import numpy as np
from sklearn.utils import Bunch

from sklearn_triplet._input.parameters import check_option
from sklearn_triplet.datasets._base import existing_folder

# path, fold, category and rank of the category
Clip: TypeAlias = tuple[Path, int, str, int]

AUDIO_SUFFIXES = {".wav", ".ogg", ".flac"}
COLUMNS = ("filename", "fold", "category")
CLASS_FOLDER = re.compile(r"\d+ - (?P<name>.+)")
FOLD_OF_NAME = re.compile(r"(?P<fold>[1-9]\d*)-")

# ESC-10 is named one way in the folders of ESC-10 and another way in ESC-50
ESC10 = frozenset(
    "dog rooster rain sea_waves crackling_fire crying_baby sneezing clock_tick "
    "helicopter chainsaw dog_bark baby_cry person_sneeze fire_crackling".split()
)

DESCR = """\
ESC: environmental sound classification
---------------------------------------

Recordings of 5 seconds from Freesound, each of one class: 2000 clips of 50 classes
(ESC-50), of which 400 clips of 10 classes form ESC-10. Every class has 40 clips in five
folds of equal size, and clips that were cut from one recording are in one fold, so that
whole folds are to be held out, never random clips. By the file names, which hold the
number of the recording, there are four exceptions, none of them in ESC-10: recordings
131943 and 134049 are in folds 2 and 3, 209698 and 234879 in folds 4 and 5.

K. J. Piczak. "ESC: Dataset for Environmental Sound Classification". Proceedings of the
23rd ACM Conference on Multimedia, 2015, pages 1015-1018.

ESC-50 is published under CC BY-NC 3.0, ESC-10 under CC BY 3.0.
"""


def load_esc50(
    data_home: str | os.PathLike[str],
    *,
    subset: str | None = None,
    return_X_y: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load the file names, classes and folds of ESC-50 or ESC-10 (no download).

    Both layouts in circulation are read: ``audio/*.wav`` with ``meta/esc50.csv``, and
    the older one of a folder per class such as ``001 - Dog bark/1-100032-A.ogg``, where
    the first number of a file name is its fold.

    Parameters
    ----------
    data_home : str or path-like
        The folder that the corpus was unpacked into.
    subset : {None, "esc10"}, default=None
        ``"esc10"`` keeps the ten classes of ESC-10; None keeps all that is there.
    return_X_y : bool, default=False
        Whether to return only ``(paths, target)``.

    Returns
    -------
    corpus : :class:`~sklearn.utils.Bunch`
        Sorted by file name within the layout, with the attributes

        paths : ndarray of shape (n_clips,), str
            The audio files, ready for :class:`~sklearn_triplet.LogMel`.
        target : ndarray of shape (n_clips,), int64
            The class of each clip in [0, n_classes), an index of ``target_names``.
        target_names : ndarray of shape (n_classes,), str
            The classes in the order of the corpus.
        fold : ndarray of shape (n_clips,), int64
            The fold of each clip, 1 to 5: the groups for cross-validation.
        missing : list of str
            Recordings that the table lists but that are not in the folder.
        data_home : str
            The folder that was read.
        DESCR : str
            Origin and licence of the corpus.
    (paths, target) : tuple
        If ``return_X_y``.

    Raises
    ------
    FileNotFoundError
        If the folder is not there, holds no recording of either layout, or none of the
        recordings that its table lists.
    ValueError
        If ``data_home`` is no path, ``subset`` is none of the options, a file name
        tells no fold, or the table lacks a column or holds a fold that is not a number.

    Warns
    -----
    UserWarning
        If some recordings of the table are missing; they are left out and reported.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ["001 - Dog bark/1-7-A.ogg", "002 - Rain/2-9-A.ogg"]:
    ...     (home / name).parent.mkdir()
    ...     (home / name).touch()
    >>> corpus = load_esc50(home)
    >>> corpus.target_names
    array(['Dog bark', 'Rain'], dtype='<U8')
    >>> corpus.target, corpus.fold
    (array([0, 1]), array([1, 2]))
    """
    check_option("load_esc50", "subset", subset, [None, "esc10"])
    corpus = read_esc50(existing_folder("load_esc50", "data_home", data_home), subset)
    return (corpus.paths, corpus.target) if return_X_y else corpus


def read_esc50(folder: Path, subset: str | None) -> Bunch:
    """Load a corpus that is there, and warn at the line that called the caller.

    Parameters
    ----------
    folder : pathlib.Path
    subset : {None, "esc10"}

    Returns
    -------
    corpus : :class:`~sklearn.utils.Bunch`
        As from :func:`load_esc50`.
    """
    table = folder / "meta" / "esc50.csv"
    clips = _read_table(table) if table.is_file() else _read_class_folders(folder)
    if subset == "esc10":
        clips = [clip for clip in clips if _folded(clip[2]) in ESC10]
    clips, missing = _split_missing(clips, folder)
    paths, folds, categories, ranks = zip(*clips, strict=True)
    names = _ordered_names(categories, ranks)
    return Bunch(
        paths=np.array([str(path) for path in paths]),
        target=np.array([names.index(name) for name in categories], dtype=np.int64),
        target_names=np.array(names),
        fold=np.array(folds, dtype=np.int64),
        missing=missing,
        data_home=str(folder),
        DESCR=DESCR,
    )


def _read_table(table: Path) -> list[Clip]:
    """List the clips of the table, by name."""
    audio = table.parent.parent / "audio"
    with table.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        lacking = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if lacking:
            raise ValueError(
                f"The table {str(table)!r} lacks the column {lacking[0]!r}. Its header "
                "must be that of ESC-50: filename,fold,target,category,esc10,src_file,"
                "take. Unpack the corpus again."
            )
        clips = [
            (
                audio / row["filename"],
                _number_in(table, reader.line_num, "fold", row["fold"]),
                row["category"],
                _number_in(table, reader.line_num, "target", row.get("target", "0")),
            )
            for row in reader
        ]
    return sorted(clips)


def _number_in(table: Path, line: int, column: str, text: str) -> int:
    try:
        return int(text)
    except (TypeError, ValueError):
        raise ValueError(
            f"Line {line} of {str(table)!r} must hold a whole number in the column "
            f"{column!r}. Got {text!r} instead: repair the line or unpack the corpus "
            "again."
        ) from None


def _read_class_folders(folder: Path) -> list[Clip]:
    """List the clips of the folders of classes, by name."""
    clips = []
    for rank, class_folder in enumerate(sorted(folder.iterdir())):
        match = CLASS_FOLDER.fullmatch(class_folder.name)
        if not match or not class_folder.is_dir():
            continue
        for path in sorted(class_folder.iterdir()):
            # archives packed on a Mac hold a hidden twin of every file
            if path.suffix.lower() in AUDIO_SUFFIXES and path.name[0] != ".":
                clips.append((path, _fold_of(path), match["name"], rank))
    return clips


def _fold_of(path: Path) -> int:
    match = FOLD_OF_NAME.match(path.name)
    if match:
        return int(match["fold"])
    raise ValueError(
        f"The file name {path.name!r} in {str(path.parent)!r} must begin with the "
        "number of its fold, such as '1-100032-A.ogg'. Rename the file or take it out "
        "of the folder."
    )


def _split_missing(clips: list[Clip], folder: Path) -> tuple[list[Clip], list[str]]:
    """Leave out and report the listed recordings that are not in the folder."""
    if not clips:
        raise FileNotFoundError(
            f"load_esc50 found no recordings in {str(folder)!r}. Give the folder that "
            "holds 'audio' and 'meta/esc50.csv' (ESC-50) or the folders named such as "
            "'001 - Dog bark' (ESC-10)."
        )
    present = [clip for clip in clips if clip[0].is_file()]
    missing = [str(clip[0]) for clip in clips if not clip[0].is_file()]
    if not present:
        raise FileNotFoundError(
            f"None of the {len(missing)} recordings that 'meta/esc50.csv' lists is in "
            f"{str(folder / 'audio')!r}: unpack the audio files there."
        )
    if missing:
        warnings.warn(
            f"{len(missing)} of the {len(clips)} recordings that 'meta/esc50.csv' "
            f"lists are not in {str(folder / 'audio')!r}, the first of them "
            f"{missing[0]!r}. They are left out; the field 'missing' names them all.",
            UserWarning,
            stacklevel=4,
        )
    return present, missing


def _ordered_names(categories: Iterable[str], ranks: Iterable[int]) -> list[str]:
    """Name each class once, in the order of the corpus."""
    pairs = sorted(set(zip(ranks, categories, strict=True)))
    return list(dict.fromkeys(name for _, name in pairs))


def _folded(name: str) -> str:
    """Write a class name the way ESC-50 does: 'Sea waves' is 'sea_waves'."""
    return name.strip().lower().replace(" ", "_")
