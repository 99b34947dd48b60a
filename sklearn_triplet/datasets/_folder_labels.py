"""Recordings and rows of a table in, tags of each recording and the target out.

The tags of a recording are the classes in it: ``()`` is none of them, None is unknown.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from sklearn_triplet._input.labels import UNLABELED
from sklearn_triplet.datasets._folder_files import (
    Recordings,
    composed,
    reason_to_skip,
)
from sklearn_triplet.datasets._label_cells import read_labels
from sklearn_triplet.datasets._label_tables import Row
from sklearn_triplet.datasets._row_finder import Finder

Tags = tuple[str, ...] | None


@dataclass
class Labeling:
    """What is said about the recordings of a folder.

    Attributes
    ----------
    source : str
        Where it was read, for the description of the corpus.
    tags : dict of str to Tags
        By relative path; those left out are unlabeled.
    missing : list of str
        Paths of recordings that are listed but not there.
    unlisted : list of str
        Relative paths of recordings that no row of the table means.
    is_empty : bool
        Whether there is a table, and no row in it.
    """

    source: str
    tags: dict[str, Tags] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    is_empty: bool = False


def tags_of_folders(recordings: Recordings) -> Labeling:
    """Take the folder directly below the root as the class.

    Parameters
    ----------
    recordings : Recordings

    Returns
    -------
    labeling : Labeling
    """
    folders = {name: name.partition("/") for name in recordings.files}
    tags = {
        name: read_labels(folder, split=False) if slash else None
        for name, (folder, slash, _) in folders.items()
    }
    return Labeling("the names of the folders", tags)


def tags_of_rows(
    rows: list[Row],
    source: str,
    root: str,
    recordings: Recordings,
    suffixes: tuple[str, ...] | None,
) -> Labeling:
    """Find the recording of each row and join the labels of rows that share one.

    Parameters
    ----------
    rows : list of Row
    source : str
        What holds the rows.
    root : str
        The folder of the recordings.
    recordings : Recordings
        Files that a row names although they are hidden or elsewhere are added.
    suffixes : tuple of str or None
        As in :func:`find_recordings`.

    Returns
    -------
    labeling : Labeling

    Raises
    ------
    FileNotFoundError
        Where no row has a recording.
    ValueError
        Where a row fits several recordings.
    """
    finder = Finder(root, [*recordings.files, *recordings.skipped], suffixes)
    labeling = Labeling(source, is_empty=not rows)
    for row in rows:
        name = finder.find(row.path, row.place)
        if name is None:
            name, reason = _look_beside(finder.read(row.path), root, suffixes)
            if reason is None:
                labeling.missing.append(_missing_path(root, row.path))
                continue
            if reason:
                recordings.skipped[name] = reason
            elif name not in labeling.tags:
                recordings.files.append(name)
        if name not in recordings.skipped:
            labeling.tags[name] = _joined(labeling.tags.get(name), row.labels)
    labeling.missing = list(dict.fromkeys(labeling.missing))
    _refuse_none_found(labeling, rows, recordings, finder)
    # those that only the table knows of are elsewhere: after the others
    recordings.files.sort(key=lambda name: (os.path.isabs(name), name))
    labeling.unlisted = [file for file in recordings.files if file not in labeling.tags]
    return labeling


def _look_beside(
    readings: list[str], root: str, suffixes: tuple[str, ...] | None
) -> tuple[str, str | None]:
    """Look for a hidden file, or one elsewhere: why to skip it, None if not there."""
    for name in readings:
        path = os.path.join(root, name)
        if os.path.isfile(path):
            reason = reason_to_skip(path, suffixes)
            no_suffix = "its suffix is not among 'suffixes'"
            return name, no_suffix if reason is None else reason
    return readings[0], None


def _missing_path(root: str, row: str) -> str:
    """Say where a recording should be, which a row may do from its root on."""
    return row if row.startswith(os.path.join(root, "")) else os.path.join(root, row)


def _joined(tags: Tags, more: Tags) -> Tags:
    """Join what two rows say: a row without labels takes none away."""
    if tags is None or more is None:
        return more if tags is None else tags
    return tuple(dict.fromkeys(tags + more))


def _refuse_none_found(
    labeling: Labeling, rows: list[Row], recordings: Recordings, finder: Finder
) -> None:
    """Refuse a table of other recordings, or with paths from elsewhere."""
    if labeling.tags or len(labeling.missing) == 0:
        return
    first = rows[0].path
    similar = finder.similar(first)
    raise FileNotFoundError(
        f"None of the {len(labeling.missing)} recordings that {labeling.source} lists "
        f"is below {finder.root!r}, which holds {len(recordings.files)} others. The "
        f"first is {first!r}"
        + (f", and there is {similar!r}. " if similar else ". ")
        + "Correct 'root' or the paths: they are relative to it or to the "
        "working directory, or absolute."
    )


def check_target_names(
    owner: str, target_names: Iterable[str] | None
) -> list[str] | None:
    """Refuse classes that are no sequence of different texts, in a sentence.

    Parameters
    ----------
    owner : str
        The function that asks, for the message.
    target_names : sequence of str or None

    Returns
    -------
    target_names : list of str or None

    Raises
    ------
    ValueError
        Where it is anything else.
    """
    if target_names is None:
        return None
    is_sequence = isinstance(target_names, Iterable) and not isinstance(
        target_names, str
    )
    names = list(target_names) if is_sequence else []
    are_texts = all(isinstance(name, str) for name in names)
    if not names or not are_texts or len(set(names)) < len(names):
        raise ValueError(
            f"The 'target_names' parameter of {owner} must be None or a sequence of "
            f"different texts, one for each class. Got {target_names!r} instead."
        )
    return [composed(str(name)) for name in names]


def make_target(
    files: list[str],
    tags: dict[str, Tags],
    target_names: list[str] | None,
    multilabel: bool | None,
) -> tuple[np.ndarray, list[str]]:
    """Write the tags of recordings as codes or as an indicator.

    Parameters
    ----------
    files : list of str
        The recordings, one a row of the target.
    tags : dict of str to Tags
        What is in them; those left out are unlabeled.
    target_names : list of str or None
        The classes in their order; None sorts those found.
    multilabel : bool or None
        Whether the target is an indicator; None: if codes cannot say it.

    Returns
    -------
    target : ndarray of shape (n_clips,) or (n_clips, n_classes), int64
    target_names : list of str

    Raises
    ------
    ValueError
        Where a label is not among the classes, or codes cannot say what is known.
    """
    known = {file: labels for file in files if (labels := tags.get(file)) is not None}
    names = target_names
    if names is None:
        names = _in_order({name for labels in known.values() for name in labels})
    codes = {name: code for code, name in enumerate(names)}
    _refuse_other_classes(known, codes)
    if multilabel is None:
        multilabel = any(len(labels) != 1 for labels in known.values())
    if not multilabel:
        _refuse_several(known)
    shape = (len(files), len(names)) if multilabel else len(files)
    target = np.full(shape, UNLABELED, dtype=np.int64)
    for row, file in enumerate(files):
        if file in known and multilabel:
            target[row] = 0
            target[row, [codes[name] for name in known[file]]] = 1
        elif file in known:
            target[row] = codes[known[file][0]]
    return target, names


def _in_order(names: set[str]) -> list[str]:
    """Sort classes as text, or by number where all are whole numbers."""
    if all(re.fullmatch(r"[+-]?\d+", name) for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def _refuse_other_classes(
    known: dict[str, tuple[str, ...]], codes: dict[str, int]
) -> None:
    for file, labels in known.items():
        other = [name for name in labels if name not in codes]
        if other:
            raise ValueError(
                f"The recording {file!r} has the label {other[0]!r}, which is not "
                f"among the 'target_names' {list(codes)}. Add it there, or correct "
                "the label."
            )


def _refuse_several(known: dict[str, tuple[str, ...]]) -> None:
    for file, labels in known.items():
        if len(labels) != 1:
            found = f"has the labels {list(labels)}" if labels else "holds no event"
            raise ValueError(
                f"The recording {file!r} {found}, which a target of one class per "
                "recording cannot say. Correct the labels, or give multilabel=True."
            )
