"""ESC-50 and ESC-10, on disk or from the web: paths, classes and folds (n_clips,).

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

from __future__ import annotations

import numbers
import os
import re
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pooch
import requests
from sklearn.utils import Bunch

from sklearn_triplet._input.parameters import check_interval, check_option
from sklearn_triplet.datasets import _base

# One commit, not the moving branch, whose archive changes with every edit of its README
# (github.com/soundata/soundata, issue 208 and pull request 209).
COMMIT = "33c8ce9eb2cf0b1c2f8bcf322eb349b6be34dbb6"
URL = f"https://github.com/karolpiczak/ESC-50/archive/{COMMIT}.zip"
# Of 645 832 161 bytes. The author publishes no checksum: this one stands in the public
# source code of other projects that pin the same commit (seen in seven files).
KNOWN_HASH = "sha256:661183a6f53ef04f12c9bd618fed0ddc1713280d6c94a5a5431e844ba6f6a21f"
FOLDER = "ESC-50-master"

CLASS_FOLDER = re.compile(r"(?P<rank>\d+) - (?P<name>.+)")
FOLD_OF_NAME = re.compile(r"(?P<fold>[1-9]\d*)-")

# ESC-10 is named one way in the folders of ESC-10 and another way in ESC-50
ESC10 = frozenset(
    "dog rooster rain sea_waves crackling_fire crying_baby sneezing clock_tick "
    "helicopter chainsaw dog_bark baby_cry person_sneeze fire_crackling".split()
)


class Recording(NamedTuple):
    """A recording of the corpus; ``rank`` is the place of its category among all."""

    path: Path
    fold: int
    category: str
    rank: int


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
        target : ndarray of shape (n_clips,), object
            The name of each clip's class.
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

    See Also
    --------
    fetch_esc50 : Download the corpus first.
    load_audio_folder : Recordings of one's own.

    References
    ----------
    K. J. Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia,
    2015. https://doi.org/10.1145/2733373.2806390

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklearn_triplet.datasets import load_esc50
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ["001 - Dog bark/1-7-A.ogg", "002 - Rain/2-9-A.ogg"]:
    ...     (home / name).parent.mkdir()
    ...     (home / name).touch()
    >>> corpus = load_esc50(home)
    >>> corpus.target, corpus.fold
    (array(['Dog bark', 'Rain'], dtype=object), array([1, 2]))
    """
    owner = "load_esc50"
    check_option(owner, "subset", subset, [None, "esc10"])
    corpus = _read(owner, _base.existing_folder(owner, "data_home", data_home), subset)
    return (corpus.paths, corpus.target) if return_X_y else corpus


def fetch_esc50(
    *,
    data_home: str | os.PathLike[str] | None = None,
    subset: str | None = None,
    download_if_missing: bool = True,
    n_retries: int = 3,
    verbose: int = 0,
    return_X_y: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load ESC-50, and download it the first time (616 MiB, 0.9 GB unpacked).

    The folder ``ESC-50-master`` in the data home is read as by :func:`load_esc50`.
    Where it is missing, pooch downloads an archive whose SHA-256 is known and unpacks
    it, which takes 1.6 GB of disk. The folder appears in one step, when it is complete;
    a download that is interrupted begins anew.

    Parameters
    ----------
    data_home : str, path-like or None, default=None
        The folder for corpora; None: see :func:`get_data_home`.
    subset : {None, "esc10"}, default=None
        ``"esc10"`` keeps the ten classes of ESC-10; everything is downloaded.
    download_if_missing : bool, default=True
        If False, a missing corpus is an error.
    n_retries : int, default=3
        Attempts after a failed one, in [0, inf); pooch waits a second before the first
        and a second longer before each further one, ten at most.
    verbose : int, default=0
        If not 0, a progress bar on stderr. That it downloads is said in any case, by
        the logger of pooch.
    return_X_y : bool, default=False
        Whether to return only ``(paths, target)``.

    Returns
    -------
    corpus : :class:`~sklearn.utils.Bunch`
        As from :func:`load_esc50`.
    (paths, target) : tuple
        If ``return_X_y``.

    Raises
    ------
    FileNotFoundError
        If the corpus is missing and ``download_if_missing`` is False.
    ConnectionError
        If the last attempt broke off or was refused as well.
    OSError
        If the checksum of the archive is another one, or the disk is full.
    ValueError
        If a parameter is outside its range.

    See Also
    --------
    load_esc50 : The same from a folder of any name, without a download.

    Notes
    -----
    ESC-50 is published under CC BY-NC 3.0, ESC-10 under CC BY 3.0.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_triplet.datasets import fetch_esc50
    >>> home = tempfile.mkdtemp()
    >>> fetch_esc50(data_home=home, download_if_missing=False)
    Traceback (most recent call last):
    ...
    FileNotFoundError: ESC-50 is not in ...
    """
    owner = "fetch_esc50"
    check_option(owner, "subset", subset, [None, "esc10"])
    check_interval(owner, "n_retries", n_retries, numbers.Integral, 0)
    folder = Path(_base.get_data_home(data_home)) / FOLDER
    if not folder.is_dir():
        if not download_if_missing:
            raise FileNotFoundError(
                f"ESC-50 is not in {str(folder)!r}. Give the 'data_home' that holds "
                "this folder, or download_if_missing=True."
            )
        _download(folder, n_retries, verbose)
    corpus = _read(owner, folder, subset)
    return (corpus.paths, corpus.target) if return_X_y else corpus


def _download(folder: Path, n_retries: int, verbose: int) -> None:
    """Download and unpack beside the folder, then give it its name in one step."""
    by_hand = f"download {URL!r} in a browser, unpack it and give it to load_esc50."
    # the archive goes with the workshop, whatever happens in it
    with tempfile.TemporaryDirectory(
        prefix=f"{folder.name}.download-", dir=folder.parent
    ) as workshop:
        base, _, name = URL.rpartition("/")
        # pooch.retrieve does the same, but never tries again
        registry = pooch.create(
            workshop, f"{base}/", registry={name: KNOWN_HASH}, retry_if_failed=n_retries
        )
        unzip = pooch.Unzip(extract_dir="unpacked")
        try:
            registry.fetch(name, processor=unzip, progressbar=bool(verbose))
        except requests.RequestException as error:
            raise ConnectionError(
                f"fetch_esc50 could not download {URL!r} in {n_retries + 1} attempts, "
                f"the last of which ended with: {error}. Check the connection and try "
                f"again, or {by_hand}"
            ) from error
        except ValueError as error:  # all that pooch says of a checksum
            raise OSError(
                f"fetch_esc50 downloaded {URL!r}, but its checksum is not "
                f"{KNOWN_HASH!r}, and removed it. Try again; if it stays so, the "
                f"server packs the same files in another way: {by_hand}"
            ) from error
        (unpacked,) = Path(workshop, "unpacked").iterdir()
        try:
            os.replace(unpacked, folder)
        except OSError:
            # another process may have been faster
            if not folder.is_dir():
                raise


def _read(owner: str, folder: Path, subset: str | None) -> Bunch:
    """Read either layout, for a caller of the user."""
    table = folder / "meta" / "esc50.csv"
    if table.is_file():
        listed = _read_list(owner, table)
    else:
        listed = _read_class_folders(owner, folder)
    if subset == "esc10":
        listed = [item for item in listed if _spell(item.category) in ESC10]
    if not listed:
        raise FileNotFoundError(
            f"{owner} found no recordings in {str(folder)!r}. Give the folder that "
            "holds 'audio' and 'meta/esc50.csv' (ESC-50) or the folders named such as "
            "'001 - Dog bark' (ESC-10)."
        )
    present = [item for item in listed if item.path.is_file()]
    missing = [str(item.path) for item in listed if not item.path.is_file()]
    _base.report_missing(_base.name_table(table), str(folder), missing, len(present))
    classes = sorted({(item.rank, item.category) for item in present})
    return Bunch(
        paths=np.array([str(item.path) for item in present]),
        target=np.array([item.category for item in present], dtype=object),
        # once each, should a table give a class two numbers
        target_names=np.array(list(dict.fromkeys(name for _, name in classes))),
        fold=np.array([item.fold for item in present], dtype=np.int64),
        missing=missing,
        data_home=str(folder),
        DESCR=__doc__,
    )


def _spell(category: str) -> str:
    """Write a class name the way ESC-50 does: 'Sea waves' is 'sea_waves'."""
    return category.strip().lower().replace(" ", "_")


def _read_list(owner: str, table: Path) -> list[Recording]:
    """List the recordings of ``meta/esc50.csv``, by name."""
    audio = table.parent.parent / "audio"
    listed = []
    for place, row in _base.read_table(owner, table, ("filename", "fold", "category")):
        cells = row["fold"], row.get("target", "0")
        try:
            fold, rank = map(int, cells)
        except ValueError:
            wanted = "hold whole numbers in the columns 'fold' and 'target'"
            raise _base.refuse_row(owner, place, wanted, " and ".join(cells)) from None
        listed.append(Recording(audio / row["filename"], fold, row["category"], rank))
    return sorted(listed)


def _read_class_folders(owner: str, folder: Path) -> list[Recording]:
    """List the recordings of the folders of classes, by name."""
    listed = []
    for path in sorted(folder.glob("*/*")):
        category = CLASS_FOLDER.fullmatch(path.parent.name)
        # archives packed on a Mac hold a hidden twin of every file
        is_sound = (
            _base.suffix_of(path.name) in _base.AUDIO_SUFFIXES and path.name[0] != "."
        )
        if not category or not is_sound:
            continue
        fold = FOLD_OF_NAME.match(path.name)
        if not fold:
            raise ValueError(
                f"{owner} cannot use {str(path)!r}: its name must begin with the "
                "number of its fold, such as '1-100032-A.ogg'. Rename the file or take "
                "it out of the folder."
            )
        rank = int(category["rank"])
        listed.append(Recording(path, int(fold["fold"]), category["name"], rank))
    return listed
