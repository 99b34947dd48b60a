"""An archive's address and checksum in, its unpacked folder out; never half of it.

All of the work happens in ``<folder>.download`` beside the folder, under a lock: a
connection that breaks off is resumed, an unpacking that breaks off is begun anew, and
the folder itself appears in one step, when everything in it has been checked.
"""

import os
import shutil
import sys
import zipfile
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from sklearn_triplet._input.progress import show_progress
from sklearn_triplet.datasets._resume import ResumingDownloader


@dataclass(frozen=True)
class RemoteArchive:
    """Where a zip archive lies, how it is recognised, and what becomes of it.

    Parameters
    ----------
    url : str
        Its address.
    known_hash : str
        The checksum of the archive, as pooch writes it: ``"sha256:..."``.
    folder : str
        The name in the data home that its one folder gets.
    """

    url: str
    known_hash: str
    folder: str


class DamagedArchive(Exception):
    """What is wrong with an archive, as the end of a sentence: 'it lacks ...'."""


# all that zipfile was seen to raise at archives with changed bytes
UNREADABLE = (
    DamagedArchive,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    ValueError,
)


def fetch_folder(
    owner: str,
    archive: RemoteArchive,
    data_home: Path,
    check: Callable[[Path], None],
    *,
    check_archive: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
    verbose: int = 0,
) -> Path:
    """Download, check and unpack an archive, unless its folder is there already.

    Parameters
    ----------
    owner : str
        The function that asks, for the messages.
    archive : RemoteArchive
    data_home : pathlib.Path
        An existing folder.
    check : callable
        Is given the unpacked folder, and raises DamagedArchive if it is no good.
    check_archive : bool, default=True
        Whether the archive has to have its known checksum.
    n_retries, delay, verbose
        As in ``ResumingDownloader``.

    Returns
    -------
    folder : pathlib.Path

    Raises
    ------
    OSError
        If it cannot be downloaded or written, or is damaged.
    """
    folder = data_home / archive.folder
    if folder.is_dir():
        return folder
    workshop = folder.with_name(f"{folder.name}.download")
    with _alone(folder.with_name(f".{folder.name}.lock"), verbose):
        # another process may have fetched it while this one waited
        if not folder.is_dir():
            workshop.mkdir(exist_ok=True)
            name = archive.url.rpartition("/")[2]
            part = workshop / f"{name}.part"
            downloader = ResumingDownloader(
                owner, part, n_retries=n_retries, delay=delay, verbose=verbose
            )
            path = _download(owner, archive, workshop / name, check_archive, downloader)
            _unpack(owner, path, folder, check, verbose)
            shutil.rmtree(workshop, ignore_errors=True)
    return folder


def _alone(path: Path, verbose: int) -> AbstractContextManager:
    """Take a lock that falls open when its process ends, however it ends."""
    from filelock import FileLock, Timeout  # torch depends on it

    lock = FileLock(path)
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        if verbose:
            print("Waiting for another process that downloads it.", file=sys.stderr)
        return lock.acquire()


def _download(
    owner: str,
    archive: RemoteArchive,
    path: Path,
    check_archive: bool,
    downloader: ResumingDownloader,
) -> Path:
    """Let pooch fetch the archive, or find it whole from an earlier call."""
    import pooch  # librosa depends on it, so that it is always there

    known_hash = archive.known_hash if check_archive else None
    try:
        pooch.retrieve(
            archive.url,
            known_hash,
            fname=path.name,
            path=path.parent,
            downloader=downloader,
        )
    except ValueError as error:
        raise OSError(
            f"{owner} downloaded {archive.url!r}, but its checksum is not "
            f"{archive.known_hash!r}. Either it was damaged on the way, or the server "
            "packed the same files in another way. The download was removed: try "
            "again. If it stays so, give check_archive=False: then the checksums of "
            "the unpacked files decide."
        ) from error
    return path


def _unpack(
    owner: str, path: Path, folder: Path, check: Callable[[Path], None], verbose: int
) -> None:
    """Unpack beside the folder, check, and only then give it its name."""
    temporary = path.with_name("unpacked")
    # what a process left that was killed meanwhile
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        with zipfile.ZipFile(path) as members:
            root = _extract(members, temporary, verbose)
        check(root)
        _rename(root, folder)
    except UNREADABLE as error:
        path.unlink()
        raise OSError(
            f"The archive that {owner} downloaded is damaged: "
            f"{str(error) or 'it ends too early'}. It was removed: try again."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _rename(root: Path, folder: Path) -> None:
    try:
        os.replace(root, folder)
    except OSError:
        if not folder.is_dir():  # else someone has put it there by hand meanwhile
            raise


def _extract(members: zipfile.ZipFile, folder: Path, verbose: int) -> Path:
    """Extract everything, and find the one folder that it is in."""
    folder.mkdir()
    names = members.namelist()
    for name in names:
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise DamagedArchive(f"its member {name!r} leaves the folder")
    # every member is compared with its CRC-32 on the way
    for name in show_progress(names, "Unpacking", unit="file", verbose=verbose):
        members.extract(name, folder)
    roots = list(folder.iterdir())
    if len(roots) != 1 or not roots[0].is_dir():
        raise DamagedArchive(f"it holds {len(roots)} files or folders, not one folder")
    return roots[0]
