"""ESC-50 from the web: paths (n_clips,), classes (n_clips,) and folds, checked."""

import csv
import hashlib
import numbers
import os
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from sklearn_triplet._input.parameters import check_interval, check_option
from sklearn_triplet.datasets._base import get_data_home
from sklearn_triplet.datasets._download import (
    DamagedArchive,
    RemoteArchive,
    fetch_folder,
)
from sklearn_triplet.datasets.esc50 import read_esc50

# One commit, not the moving branch, whose archive changes with every edit of its README
# (github.com/soundata/soundata, issue 208 and pull request 209). GitHub warrants the
# files of a commit, but may pack them differently after a notice of six months (its
# documentation, "Downloading source code archives").
COMMIT = "33c8ce9eb2cf0b1c2f8bcf322eb349b6be34dbb6"

# 645 832 161 bytes. The author publishes no checksum: this one stands in the public
# source code of other projects that pin the same commit (seen in seven files).
ARCHIVE = RemoteArchive(
    url=f"https://github.com/karolpiczak/ESC-50/archive/{COMMIT}.zip",
    known_hash="sha256:"
    "661183a6f53ef04f12c9bd618fed0ddc1713280d6c94a5a5431e844ba6f6a21f",
    folder="ESC-50-master",
)

# README of ESC-50: 2000 clips, 40 of each of the 50 classes
N_CLIPS = 2000
CLIPS_PER_CLASS = 40

# Of the MD5 sums of all recordings and of the table, which soundata publishes
# (esc50_index_2.0.json, zenodo.org/records/11176809), written and sorted as
# `LC_ALL=C md5sum audio/*.wav meta/esc50.csv | sha256sum` does.
CONTENTS_SHA256 = "ae5e9ae8d525d391d999d971c90417501fd531932f116f68566254303a046992"


def fetch_esc50(
    *,
    data_home: str | os.PathLike[str] | None = None,
    subset: str | None = None,
    download_if_missing: bool = True,
    check_archive: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
    verbose: int = 0,
    return_X_y: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load ESC-50, and download it the first time (616 MiB, 0.9 GB unpacked).

    The folder ``ESC-50-master`` in the data home is read as by :func:`load_esc50`;
    where it is missing, it is downloaded, which takes 1.6 GB of disk while it is
    unpacked. A download that breaks off is resumed by the next call as far as the
    server can; GitHub packs its archives on request, and mostly begins anew. The folder
    appears only when all of it has been checked. Processes that ask at the same time
    wait for the first.

    Parameters
    ----------
    data_home : str, path-like or None, default=None
        The folder for corpora; None: see :func:`get_data_home`.
    subset : {None, "esc10"}, default=None
        ``"esc10"`` keeps the ten classes of ESC-10; everything is downloaded.
    download_if_missing : bool, default=True
        If False, a missing corpus is an error.
    check_archive : bool, default=True
        Whether the archive has to have its known SHA-256. False is for the day that
        GitHub packs the same files differently: then the MD5 of every recording and
        of the table decide.
    n_retries : int, default=3
        Attempts after a broken connection, in [0, inf).
    delay : float, default=1.0
        Seconds between two attempts, in [0, inf).
    verbose : int, default=0
        If not 0, progress bars on stderr. That it downloads is said in any case, by
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
        If the download broke off ``n_retries + 1`` times.
    OSError
        If the server refuses, the archive is damaged, or the disk is full.
    ValueError
        If a parameter is outside its range.

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
    check_interval(owner, "delay", delay, numbers.Real, 0)
    folder = Path(get_data_home(data_home)) / ARCHIVE.folder
    if not folder.is_dir():
        if not download_if_missing:
            raise FileNotFoundError(
                f"ESC-50 is not in {str(folder)!r}. Give the 'data_home' that holds "
                "this folder, or download_if_missing=True."
            )
        fetch_folder(
            owner,
            ARCHIVE,
            folder.parent,
            partial(_check_contents, every_byte=not check_archive),
            check_archive=check_archive,
            n_retries=n_retries,
            delay=delay,
            verbose=verbose,
        )
    corpus = read_esc50(folder, subset)
    return (corpus.paths, corpus.target) if return_X_y else corpus


def _check_contents(folder: Path, *, every_byte: bool) -> None:
    """Refuse an unpacked archive that is not ESC-50 as it was published."""
    table = folder / "meta" / "esc50.csv"
    if not table.is_file():
        raise DamagedArchive("it lacks 'meta/esc50.csv'")
    with table.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    names = [row.get("filename") or "" for row in rows]
    n_present = sum((folder / "audio" / name).is_file() for name in names)
    if not len(rows) == n_present == N_CLIPS:
        raise DamagedArchive(
            f"it lists {len(rows)} recordings and holds {n_present} of them, not "
            f"{N_CLIPS}"
        )
    for category, n_clips in Counter(row.get("category") for row in rows).items():
        if n_clips != CLIPS_PER_CLASS:
            raise DamagedArchive(
                f"it lists {n_clips} recordings of {category!r}, not {CLIPS_PER_CLASS}"
            )
    if every_byte and _contents_sha256(folder) != CONTENTS_SHA256:
        raise DamagedArchive(
            "the checksums of its recordings and table are not those of ESC-50"
        )


def _contents_sha256(folder: Path) -> str:
    """Checksum all recordings and the table as md5sum and sha256sum would."""
    files = sorted((folder / "audio").glob("*.wav"))
    total = hashlib.sha256()
    for path in [*files, folder / "meta" / "esc50.csv"]:
        # MD5 is how the sums of the single files are published
        md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        total.update(f"{md5}  {path.relative_to(folder).as_posix()}\n".encode())
    return total.hexdigest()
