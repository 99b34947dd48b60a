"""Anybody's recordings become paths (n_clips,) and labels, absent where not known."""

import os
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from sklearn_triplet._input.labels import is_labeled
from sklearn_triplet._input.parameters import check_option
from sklearn_triplet.datasets._base import existing_folder
from sklearn_triplet.datasets._folder_files import (
    SUFFIXES,
    Recordings,
    check_suffixes,
    find_recordings,
)
from sklearn_triplet.datasets._folder_labels import (
    Labeling,
    check_target_names,
    make_target,
    tags_of_folders,
    tags_of_rows,
)
from sklearn_triplet.datasets._label_tables import read_rows

OWNER = "load_audio_folder"

DESCR = """\
Recordings of a folder
----------------------

Folder: {root}
Labels: from {source}
Recordings: {n_files}, of which labeled: {n_labeled}
Classes: {n_classes}
Listed but not there: {n_missing}
There but not listed: {n_unlisted}
Skipped: {n_skipped}
Files of other kinds: {n_others}

Text such as "Crying, sobbing" in a table is two labels; with multilabel=False, one.
"""


def load_audio_folder(
    root: str | os.PathLike,
    labels: Any = "folders",
    *,
    target_names: Iterable[str] | None = None,
    multilabel: bool | None = None,
    only_listed: bool = False,
    suffixes: Iterable[str] | None = None,
    return_X_y: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load the file names and labels of recordings in a folder, labeled or not.

    All recordings below the folder are found, at any depth. They are not opened:
    :class:`~sklearn_triplet.LogMel` reports what it cannot read, and with
    ``errors="warn"`` goes on without it. Hidden files and folders are passed over.

    Parameters
    ----------
    root : str or path-like
        The folder; ``~`` is the home folder of the user.
    labels : {"folders"}, None, str, path-like, DataFrame, Series or dict, \
            default="folders"
        Where the labels are.

        - ``"folders"``: the class of a recording is the folder directly below ``root``
          that it is in, however deep. A recording directly in ``root`` is unlabeled.
        - None: nowhere, all recordings are unlabeled, as for ``y=None``.
        - A path: a table of text in UTF-8, divided by tabs, commas or semicolons, such
          as CSV, TSV; looked for in the working directory, then in ``root``.
        - A DataFrame of pandas or polars: the same columns. A Series: paths are its
          index.
        - A dict from paths to labels.

        Paths are relative to ``root``, absolute, or else relative to the working
        directory, such as the field ``paths`` of an earlier call. The last parts of a
        path are enough, as is a name without its suffix, where they fit one recording
        only. See Notes for the columns and cells.
    target_names : sequence of str, default=None
        The classes in the order of the codes, such as the ``target_names`` of the
        recordings for training; None sorts the classes that were found, by number
        if all are whole numbers.
    multilabel : bool or None, default=None
        True: the target is an indicator. False: the target is one class per recording,
        and text is one label: only so does ``"Crying, sobbing"`` stay whole, which is
        two classes otherwise. None: an indicator only if some recording has several
        labels, or is known to have none.
    only_listed : bool, default=False
        Whether to leave out recordings without a row in the table. By default they are
        unlabeled clips.
    suffixes : sequence of str, default=None
        What the names of recordings end in, such as ``(".wav", ".flac")``, in small or
        capital letters. None: all formats that soundfile reads.
    return_X_y : bool, default=False
        Whether to return only ``(paths, target)``.

    Returns
    -------
    corpus : :class:`~sklearn.utils.Bunch`
        Sorted by path below ``root``, with the attributes

        paths : ndarray of shape (n_clips,), str
            The audio files, ready for :class:`~sklearn_triplet.LogMel`.
        target : ndarray of shape (n_clips,) or (n_clips, n_classes), int64
            The class in [0, n_classes), -1 where unlabeled; or 0 and 1 for absent and
            present classes, with a row of -1 where unlabeled and a row of zeros where
            it is known that there is no event.
        target_names : ndarray of shape (n_classes,), str
            The classes.
        missing : list of str
            Recordings that the table lists but that are not there.
        unlisted : list of str
            Recordings without a row in the table; empty where there is no table.
        skipped : list of (str, str)
            What looks like a recording but cannot be one, and why: broken links,
            folders named as sound files, no permission, formats that soundfile does
            not read.
        data_home : str
            The folder that was read.
        DESCR : str
            What was found and read, with its numbers.
    (paths, target) : tuple
        If ``return_X_y``.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or table, no recording, or none of those listed.
    ValueError
        If a parameter is none of the above, a table cannot be read or leaves open
        which column is which, a row fits several recordings, or a label is not among
        ``target_names``.

    Warns
    -----
    UserWarning
        Once if something was skipped, once if listed recordings are missing, and if
        there is a table without rows.

    Notes
    -----
    **Columns.** Those named such as ``filename``, ``path`` or ``file``, and ``labels``,
    ``event_label``, ``category`` or ``class`` are read; of two columns with other names
    or none the first are the paths. Of one column alone all rows are unlabeled.
    ``DESCR`` names what was read. A recording may have several rows, whose labels are
    joined.

    **Cells.** Text may join several labels by commas or semicolons; a sequence of
    labels is taken as it is, but no vector of 0 and 1, which may mark classes as well
    as name them. Labels are text: ``7`` is the class ``'7'``.

    ==================================  ==========================================
    unlabeled                           an empty cell, None, NaN, -1, "unlabeled"
    listened to, but none of the        an empty sequence; in a table of text, 1 in
    classes is there                    a further column ``labeled``
    labels not to be used               0 in that column
    ==================================  ==========================================

    A folder named ``unlabeled`` or ``unlabelled`` holds unlabeled recordings.

    :func:`sklearn.datasets.load_files` and torchvision's ``ImageFolder`` read a folder
    per class too. Here recordings may lie beside the class folders, a class without
    recordings gets no code, and nothing is loaded.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklearn_triplet.datasets import load_audio_folder
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ["dog/1.wav", "new.wav", "rain/monday/2.wav"]:
    ...     (home / name).parent.mkdir(parents=True, exist_ok=True)
    ...     (home / name).touch()
    >>> corpus = load_audio_folder(home)
    >>> corpus.target, corpus.target_names
    (array([ 0, -1,  1]), array(['dog', 'rain'], dtype='<U4'))
    >>> load_audio_folder(home, {"1.wav": "dog,cat", "2.wav": []}).target
    array([[ 1,  1],
           [-1, -1],
           [ 0,  0]])
    """
    check_option(OWNER, "multilabel", multilabel, [None, True, False])
    target_names = check_target_names(OWNER, target_names)
    suffixes = check_suffixes(OWNER, suffixes)
    cure = "give the folder that holds the recordings"
    root = str(existing_folder(OWNER, "root", root, cure))
    recordings = find_recordings(root, suffixes)
    if labels is None or (isinstance(labels, str) and labels == "folders"):
        _refuse_to_leave_out(only_listed, labels)
        labeling = tags_of_folders(recordings) if labels else Labeling("nothing")
    else:
        rows, source = read_rows(labels, root, split=multilabel is not False)
        labeling = tags_of_rows(rows, source, root, recordings, suffixes)
    if only_listed:
        recordings.files = [name for name in recordings.files if name in labeling.tags]
    _refuse_nothing(root, recordings, labeling, suffixes)
    target, classes = make_target(
        recordings.files, labeling.tags, target_names, multilabel
    )
    _warn(root, recordings, labeling)
    corpus = Bunch(
        paths=np.array(_below(root, recordings.files)),
        target=target,
        target_names=np.array(classes, dtype=str),
        missing=labeling.missing,
        unlisted=_below(root, labeling.unlisted),
        skipped=_list_skipped(root, recordings),
        data_home=root,
    )
    corpus.DESCR = _describe(corpus, labeling.source, recordings.n_others)
    return (corpus.paths, corpus.target) if return_X_y else corpus


def _refuse_to_leave_out(only_listed: bool, labels: str | None) -> None:
    if only_listed:
        raise ValueError(
            f"The 'only_listed' parameter of {OWNER} must be False for labels="
            f"{labels!r}, where nothing is listed. Give a table of labels."
        )


def _refuse_nothing(
    root: str,
    recordings: Recordings,
    labeling: Labeling,
    suffixes: tuple[str, ...] | None,
) -> None:
    """Refuse a folder without recordings, and say what else is in it."""
    if recordings.files:
        return
    others = f"there are {recordings.n_others} files of other kinds"
    if labeling.unlisted:
        others = f"{len(labeling.unlisted)} are not listed and left out"
    for path, reason in _list_skipped(root, recordings)[:1]:
        others += f", and {len(recordings.skipped)} skipped, first {path!r}: {reason}"
    raise FileNotFoundError(
        f"{OWNER} found no recordings in {root!r} whose names end in one of "
        f"{list(suffixes or SUFFIXES)}; {others}. Correct 'root', or the names."
    )


def _warn(root: str, recordings: Recordings, labeling: Labeling) -> None:
    """Report what the user may believe to be in the corpus, and is not."""
    skipped, missing = _list_skipped(root, recordings), labeling.missing
    if labeling.is_empty:
        warnings.warn(
            f"{OWNER} found no rows in {labeling.source}, so that none of the "
            f"{len(recordings.files)} recordings in {root!r} has a label. Fill it in, "
            "or give labels=None for recordings without labels.",
            UserWarning,
            stacklevel=3,
        )
    if skipped:
        path, reason = skipped[0]
        warnings.warn(
            f"{OWNER} skipped {len(skipped)} of the "
            f"{len(skipped) + len(recordings.files)} recordings that it met in "
            f"{root!r}, the first of them {path!r}: {reason}. The field 'skipped' "
            "names them all.",
            UserWarning,
            stacklevel=3,
        )
    if missing:
        warnings.warn(
            f"{len(missing)} of the {len(missing) + len(labeling.tags)} recordings "
            f"that {labeling.source} lists are not in {root!r}, the first of them "
            f"{missing[0]!r}. They are left out; the field 'missing' names them all.",
            UserWarning,
            stacklevel=3,
        )


def _below(root: str, names: Iterable[str]) -> list[str]:
    return [os.path.join(root, name) for name in names]


def _list_skipped(root: str, recordings: Recordings) -> list[tuple[str, str]]:
    names = sorted(recordings.skipped)
    reasons = [recordings.skipped[name] for name in names]
    return list(zip(_below(root, names), reasons, strict=True))


def _describe(corpus: Bunch, source: str, n_others: int) -> str:
    return DESCR.format(
        root=corpus.data_home,
        source=source,
        n_files=len(corpus.paths),
        n_labeled=int(is_labeled(corpus.target).sum()),
        n_classes=len(corpus.target_names),
        n_missing=len(corpus.missing),
        n_unlisted=len(corpus.unlisted),
        n_skipped=len(corpus.skipped),
        n_others=n_others,
    )
