"""Anybody's recordings become paths (n_clips,) and names of classes, -1 where none."""

import os
from collections.abc import Collection, Iterable
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from sklearn_triplet._input.labels import UNLABELED, is_labeled
from sklearn_triplet._input.parameters import check_option
from sklearn_triplet.datasets import _base

OWNER = "load_audio_folder"

# what stands in tables where nothing is known: "nan" is what str() makes of a NaN
UNLABELED_MARKS = {"", "-1", "nan", "<na>", "unlabeled", "unlabelled"}
LISTENED = {"1": True, "true": True, "0": False, "false": False, "": None}

# the classes in a recording: () is none of them, None is not known
Tags = tuple[str, ...] | None


def load_audio_folder(
    root: str | os.PathLike[str],
    labels: Any = "folders",
    *,
    target_names: Iterable[str] | None = None,
    multilabel: bool | None = None,
    only_listed: bool = False,
    return_X_y: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    r"""Load the file names and labels of recordings in a folder, labeled or not.

    All recordings below the folder are found, at any depth, by the suffixes that
    soundfile reads. They are not opened: :class:`~sklearn_triplet.LogMel` reports what
    it cannot read. Hidden files and folders are passed over.

    Parameters
    ----------
    root : str or path-like
        The folder; ``~`` is the home folder of the user.
    labels : {"folders"}, None, str, path-like or DataFrame, default="folders"
        Where the labels are.

        - ``"folders"``: the class of a recording is the folder directly below ``root``
          that it is in, however deep. Recordings directly in ``root``, or in a folder
          named ``unlabeled``, are unlabeled.
        - A table, with the columns ``filename`` and ``labels``: a DataFrame of pandas
          or polars, or the path of a text in UTF-8 (CSV or TSV), looked for in the
          working directory and then in ``root``. See Notes.
        - None: nowhere, all recordings are unlabeled.
    target_names : sequence of str, default=None
        The classes in the order of the columns of an indicator, such as the
        ``target_names`` of the recordings for training. A label that is not among them
        is refused. None sorts the classes that were found.
    multilabel : bool or None, default=None
        Whether the target is an indicator. None: only if some recording has several
        labels, or is known to have none. False: a cell is one label, so that
        ``"Crying, sobbing"`` stays whole, which is two classes otherwise.
    only_listed : bool, default=False
        Whether to leave out recordings without a row in the table. By default they are
        unlabeled clips.
    return_X_y : bool, default=False
        Whether to return only ``(paths, target)``.

    Returns
    -------
    corpus : :class:`~sklearn.utils.Bunch`
        Sorted by path below ``root``, with the attributes

        paths : ndarray of shape (n_clips,), str
            The audio files, ready for :class:`~sklearn_triplet.LogMel`.
        target : ndarray of shape (n_clips,), object, or (n_clips, n_classes), int64
            The name of each recording's class, the integer -1 where unlabeled. Or an
            indicator of absent (0) and present (1) classes, with a row of -1 where
            unlabeled and a row of zeros where it is known that there is no event.
        target_names : ndarray of shape (n_classes,), str
            The classes.
        missing : list of str
            Recordings that the table lists but that are not there, as it writes them.
        unlisted : list of str
            Recordings without a row in the table; empty where there is no table.
        skipped : list of (str, str)
            What looks like a recording but cannot be read, and why: broken links, no
            permission, formats that soundfile does not read.
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
        If a parameter is none of the above, a table cannot be read or has no rows, a
        row fits several recordings, or a label is not among ``target_names``.

    Warns
    -----
    UserWarning
        Once if something was skipped, and once if listed recordings are missing.

    See Also
    --------
    sklearn.datasets.load_files : A folder per class of texts.
    load_recordings : Clips out of long recordings, labeled by tables of events.
    mix_soundscapes : Clips of several events out of such recordings.

    Notes
    -----
    **Rows.** ``filename`` is a path relative to ``root``, or absolute, or relative to
    the working directory as the field ``paths`` of an earlier call. The last parts of a
    path are enough, as is a name without its suffix, where they fit one recording only.
    A recording may have several rows, whose labels are joined.

    **Cells.** ``labels`` (or ``event_labels``, as DCASE calls it) holds the labels of a
    recording, divided by commas or semicolons. An empty cell, None, NaN, ``-1`` or
    ``unlabeled`` is an unlabeled recording. In a further column ``labeled``, 1 beside
    an empty cell says that somebody listened and heard none of the classes, and 0 that
    the labels are not to be used.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklearn_triplet.datasets import load_audio_folder
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ["dog/1.wav", "new.wav", "rain/monday/2.wav"]:
    ...     (home / name).parent.mkdir(parents=True, exist_ok=True)
    ...     (home / name).touch()
    >>> load_audio_folder(home).target
    array(['dog', -1, 'rain'], dtype=object)
    >>> _ = (home / "labels.csv").write_text('filename,labels\n1,"dog,cat"\n2,dog\n')
    >>> corpus = load_audio_folder(home, "labels.csv")
    >>> corpus.target_names, corpus.target
    (array(['cat', 'dog'], dtype='<U3'), array([[ 1,  1],
           [-1, -1],
           [ 0,  1]]))
    """
    check_option(OWNER, "multilabel", multilabel, [None, True, False])
    names = _base.check_target_names(OWNER, target_names)
    cure = "give the folder that holds the recordings"
    root = str(_base.existing_folder(OWNER, "root", root, cure))
    files, skipped = _base.find_recordings(OWNER, "root", root)
    _base.report_skipped(OWNER, root, skipped, len(files) + len(skipped))
    if labels is None or (isinstance(labels, str) and labels == "folders"):
        source, missing = "the folders' names" if labels else "nothing", list[str]()
        tags = _read_folders(files, labels, only_listed)
    else:
        table = _find_table(labels, root)
        source, split = _base.name_table(table), multilabel is not False
        index = _base.RecordingIndex(OWNER, root, [*files, *skipped])
        tags, missing = _read_tags(table, index, skipped, split)
    kept = {file: tags.get(file) for file in files if file in tags or not only_listed}
    target, names = _make_target(kept, names, multilabel)
    join = partial(os.path.join, root)
    corpus = Bunch(
        paths=np.array([join(file) for file in kept]),
        target=target,
        target_names=np.array(names, dtype=str),
        missing=missing,
        unlisted=[join(file) for file in files if file not in tags],
        skipped=[(join(file), reason) for file, reason in skipped.items()],
        data_home=root,
    )
    corpus.DESCR = _describe(corpus, source)
    return (corpus.paths, corpus.target) if return_X_y else corpus


def _describe(corpus: Bunch, source: str) -> str:
    """Say what was found and read, in numbers."""
    return (
        f"{len(corpus.paths)} recordings of {corpus.data_home!r}, "
        f"{is_labeled(corpus.target).sum()} of them with labels of "
        f"{len(corpus.target_names)} classes from {source}. Listed but not there: "
        f"{len(corpus.missing)}; there but not listed: {len(corpus.unlisted)}; "
        f"skipped: {len(corpus.skipped)}."
    )


def _read_folders(
    files: list[str], labels: str | None, only_listed: bool
) -> dict[str, Tags]:
    """Take the folder directly below the root as the class, or none at all."""
    if only_listed:
        raise ValueError(
            f"The 'only_listed' parameter of {OWNER} must be False for labels="
            f"{labels!r}, where nothing is listed. Give a table of labels."
        )
    parts = {file: file.partition("/") for file in files}
    return {
        # what lies in the root itself has no folder to be called by
        file: _read_labels(folder, split=False) if labels and slash else None
        for file, (folder, slash, _) in parts.items()
    }


def _read_labels(text: str, split: bool) -> Tags:
    """Divide text into labels; what marks the lack of one never becomes a class.

    A cell or a folder may read "nan" because some code wrote a missing value as text.
    Where several labels are joined, a mark among them is passed over.
    """
    labels = _base.split_labels(text) if split else [_base.composed(text)]
    known = [label for label in labels if label.lower() not in UNLABELED_MARKS]
    return tuple(known) or None


def _find_table(labels: Any, root: str) -> Any:
    """Return a DataFrame, or the path of a table here or in the folder."""
    if hasattr(labels, "columns"):
        return labels
    is_path, nowhere = isinstance(labels, str | os.PathLike), ""
    if is_path:
        given = os.path.expanduser(os.fspath(labels))
        for path in (given, os.path.join(root, given)):
            if os.path.isfile(path):
                return path
        nowhere = f", which is no file here or in {root!r}"
    raise (FileNotFoundError if is_path else ValueError)(
        f"The 'labels' parameter of {OWNER} must be 'folders', None, or a table with "
        "the columns 'filename' and 'labels': a DataFrame or the path of a text (CSV, "
        f"TSV). Got {repr(labels)[:80]}{nowhere} instead."
    )


def _read_tags(
    table: Any, index: _base.RecordingIndex, skipped: Collection[str], split: bool
) -> tuple[dict[str, Tags], list[str]]:
    """Find the recording of each row, join the labels of rows that share one.

    Returns
    -------
    tags : dict of str to Tags
        By relative path, of the recordings that have a row.
    missing : list of str
        File names without a recording, as the table has them.
    """
    tags: dict[str, Tags] = {}
    missing: list[str] = []
    rows = _base.read_table(OWNER, table, ("filename", "labels"))
    if not rows:
        raise ValueError(
            f"{OWNER} found no rows in {_base.name_table(table)}. Fill it in, or give "
            "labels=None for recordings without labels."
        )
    for place, row in rows:
        name, labels = _read_row(place, row, split)
        file = index.find(place, name)
        if file is None:
            missing.append(name)
        elif file not in skipped:
            # a row without labels takes none away
            known = tags.get(file)
            tags[file] = known if labels is None else (*(known or ()), *labels)
    missing = list(dict.fromkeys(missing))
    nearest = index.find_nearest(missing[0]) if missing else None
    hint = f" (is it {nearest!r}?)" if nearest else ""
    name = _base.name_table(table)
    _base.report_missing(name, index.roots[0], missing, len(tags), hint)
    return tags, missing


def _read_row(place: str, row: dict[str, Any], split: bool) -> tuple[str, Tags]:
    """Return the file name of a row and its labels."""
    cells = ("filename", "labels", "labeled")
    name, text, listened = (
        _base.read_cell(OWNER, place, cell, row.get(cell)) for cell in cells
    )
    if not name:
        raise _base.refuse_row(OWNER, place, "name a file in 'filename'", "no name")
    if listened.lower() not in LISTENED:
        wanted = "hold 1 (labeled), 0 (unlabeled) or nothing in the column 'labeled'"
        raise _base.refuse_row(OWNER, place, wanted, repr(listened))
    labels = _read_labels(text, split)
    if (is_known := LISTENED[listened.lower()]) is not None:
        labels = (labels or ()) if is_known else None
    return name, labels


def _make_target(
    tags: dict[str, Tags], names: list[str] | None, multilabel: bool | None
) -> tuple[np.ndarray, list[str]]:
    """Write the labels of recordings as names or as an indicator, with its classes."""
    known = {file: labels for file, labels in tags.items() if labels is not None}
    if names is None:
        names = sorted({label for labels in known.values() for label in labels})
    # a recording without any class has no name either
    several = [file for file, labels in known.items() if len(set(labels)) != 1]
    for file, labels in known.items():
        if not set(labels) <= set(names):
            raise ValueError(
                f"The recording {file!r} has the labels {list(labels)}, not all of "
                f"which are among the 'target_names' {names}. Add them there, or "
                "correct the labels."
            )
    if multilabel or (multilabel is None and several):
        return _base.make_indicator(list(tags.values()), names), names
    if several:
        found = list(known[several[0]])
        raise ValueError(
            f"The recording {several[0]!r} has the labels {found}, but a target of "
            "names has one for each recording. Correct the labels, or give "
            "multilabel=True."
        )
    target = [labels[0] if labels else UNLABELED for labels in tags.values()]
    # an array of text would turn -1 into a class '-1'
    return np.array(target, dtype=object), names
