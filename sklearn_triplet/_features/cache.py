"""Paths in, features (n_clips, n_mels, n_frames) from a folder on disk out.

The folder holds a file per clip, ``clips/NAME.clip``: a line of text (checksum, flaw,
key) and the energies (n_mels, n_frames) behind it. A clip is known by its key, which is
path, size and time of change and costs one look at the file system; NAME is made of it.
Lists of which something was new, and large ones, are written once more, as one array
``NAME.npy`` to be mapped.

Files get their names when they are whole, and what does not fit its checksum counts as
absent. So processes may share the folder, be killed or lose power: they never read what
is wrong, and go on with what is missing.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO, TypeAlias, cast

import numpy as np

from sklearn_triplet._features.extraction import Extracted, Extraction
from sklearn_triplet._input.progress import show_progress

FORMAT = 2  # to be raised when the same parameters give other values or other files
# bytes; smaller selections of known clips are collected and not written once more
IN_MEMORY = 2**28
ABSENT = -1
LINE = 64  # a multiple of so many bytes, so that the array behind it is aligned

Key: TypeAlias = tuple[str, int, int]


def key_of(path: str) -> Key:
    """Tell by what a file is known.

    Parameters
    ----------
    path : str

    Returns
    -------
    key : tuple of (str, int, int)
        Absolute path, size in bytes, time of the last change in nanoseconds. The sound
        is not looked at: reading it would take longer than all that is saved.
    """
    path = os.path.abspath(path)
    try:
        found = os.stat(path)
    except OSError:  # told in a sentence when its header is read
        return path, ABSENT, ABSENT
    return path, found.st_size, found.st_mtime_ns


def name_of(keys: object) -> str:
    """Make the name of a file from the key, or the list of keys, of what is in it.

    Parameters
    ----------
    keys : Key or list of Key or None

    Returns
    -------
    name : str
        24 hexadecimal digits, so that no two lists of this world share one.
    """
    return hashlib.sha256(json.dumps(keys).encode()).hexdigest()[:24]


class FeatureCache:
    """The folder of one set of parameters, and one call that asks it; made per call.

    Parameters
    ----------
    location : str
        The folder of all sets of parameters.
    dtype : {"float32", "float16"}
    extraction : Extraction
        Whose clips are paths. Problems and flaws are added to it.

    Attributes
    ----------
    folder : str
        In `location`, named after the parameters that decide over the values.
    keys : list of Key
        Of the clips, in order.
    first_rows : dict of Key to int
        Where a clip stands first; it is read or computed once.
    n_frames : dict of Key to int
        Of the clips found or computed so far.
    kept : dict of Key to ndarray of shape (n_mels, n_frames_i)
        Their energies, up to 256 MiB, then none.
    """

    def __init__(self, location: str, dtype: str, extraction: Extraction) -> None:
        settings = extraction.settings
        parameters = {"format": FORMAT, **settings._asdict(), "dtype": dtype}
        self.parameters = json.dumps(parameters, indent=2, sort_keys=True)
        self.stamp = hashlib.sha256(self.parameters.encode()).hexdigest()[:12]
        name = f"log_mel_{settings.sample_rate}_Hz_{settings.n_mels}_bands_{dtype}"
        self.folder = os.path.join(location, f"{name}_{self.stamp}")
        self.n_mels, self.dtype = settings.n_mels, np.dtype(dtype)
        self.extraction = extraction
        self.paths = cast("list[str]", extraction.clips)  # waveforms are not kept
        self.keys = [key_of(path) for path in self.paths]
        # a path may stand in X twice
        self.first_rows = {key: i for i, key in reversed([*enumerate(self.keys)])}
        self.n_frames: dict[Key, int] = {}  # of all clips that can be used
        self.n_bytes = 0  # of their energies
        self.kept: dict[Key, np.ndarray] = {}  # these energies, while they are few

    def features(self) -> np.ndarray:
        """Fetch the features of all clips, and compute those that are not there.

        Returns
        -------
        features : ndarray or memmap of shape (n_clips, n_mels, n_frames), read-only
            NaN behind the end of a clip, and where a clip cannot be used; as long as
            the longest clip.

        Raises
        ------
        FileNotFoundError, ValueError
            Where a clip cannot be used and `errors` is 'raise'. What was computed
            before is kept.
        OSError
            Where the folder cannot be read or written, or its disk is full.
        """
        with self._sentences():
            # one look suffices where the call is a repeated one
            known = self._open_map(self.keys)
            if known is not None:
                return known
            self._find_clips()
        n_new = self._compute_missing()
        self._repeat_reports()
        self.extraction.raise_first()
        longest = max(self.n_frames.values(), default=1)
        shape = (len(self.keys), self.n_mels, longest)
        with self._sentences():
            is_large = math.prod(shape) * self.dtype.itemsize > IN_MEMORY
            # what is new is asked for again, by the same list; but the folds of a
            # search, of which all is known, must not fill the disk
            if is_large or (n_new and len(self.keys) > 1):
                return self._map_features(shape)
            return self._collect_features(shape)

    # --- clips

    def _find_clips(self) -> None:
        """Read what the folder holds of the clips."""
        for key, row in self.first_rows.items():
            found = self._read_clip(key)
            if found is not None:
                self._keep(key, found.energies)
                if found.flaw:
                    self.extraction.flaws[row] = found.flaw

    def _compute_missing(self) -> int:
        """Compute and write the clips that the folder lacks; tell their number."""
        rows = sorted(
            row for key, row in self.first_rows.items() if key not in self.n_frames
        )
        if not rows:
            return 0
        promised = self.extraction.read_headers(rows)
        self._write_parameters()
        n_known = len(self.n_frames)
        for row, computed in self.extraction.energies([*promised], done=n_known):
            path, key = self.paths[row], self.keys[row]
            if key_of(path) != key:
                self.extraction.problems[row] = ValueError(
                    f"{path!r} was changed while it was read. Call again when nothing "
                    "writes to it any more."
                )
                continue
            energies = computed.astype(self.dtype)
            flaw = self.extraction.flaws.get(row, "")
            self._write_clip(key, Extracted(energies, flaw))
            self._keep(key, energies)
        return len(self.n_frames) - n_known

    def _repeat_reports(self) -> None:
        """Report a clip in every row in which it stands."""
        reports: tuple[dict, dict] = (self.extraction.problems, self.extraction.flaws)
        for found in reports:
            for row, key in enumerate(self.keys):
                if self.first_rows[key] in found:
                    found[row] = found[self.first_rows[key]]

    def _keep(self, key: Key, energies: np.ndarray) -> None:
        """Note a clip that can be used, and its energies as long as they are few."""
        self.n_frames[key] = energies.shape[1]
        self.n_bytes += energies.nbytes
        if self.n_bytes <= IN_MEMORY:
            self.kept[key] = energies
        else:  # they go to a map, and are read again for that
            self.kept.clear()

    def _collect_features(self, shape: tuple[int, int, int]) -> np.ndarray:
        """Fill an array (n_clips, n_mels, n_frames) in memory, clip by clip."""
        features = np.empty(shape, self.dtype)
        for row, key in enumerate(self.keys):
            n_frames = self.n_frames.get(key, 0)
            features[row, :, n_frames:] = np.nan
            if n_frames:
                features[row, :, :n_frames] = self._fetch(key)
        features.flags.writeable = False  # as a map is, so that both behave alike
        return features

    def _fetch(self, key: Key) -> np.ndarray:
        """Return the energies (n_mels, n_frames) of a clip that was found before."""
        if key in self.kept:
            return self.kept[key]
        found = self._read_clip(key)
        if found is None:
            path = self._clip_path(key)
            raise OSError(f"{path!r} was deleted or damaged while it was needed")
        return found.energies

    def _clip_path(self, key: Key) -> str:
        return os.path.join(self.folder, "clips", f"{name_of(key)}.clip")

    def _checksum(self, text: bytes, energies: bytes | memoryview) -> bytes:
        """Sum up the line of a clip and its energies, as 8 hexadecimal digits.

        Four GB a second are summed up, a tenth of the time of reading. The parameters
        are in the sum too, in case that files are moved between folders.
        """
        stamp = zlib.crc32(self.stamp.encode())
        return b"%08x" % zlib.crc32(energies, zlib.crc32(text, stamp))

    def _read_clip(self, key: Key) -> Extracted | None:
        """Read a clip from the folder.

        Parameters
        ----------
        key : Key

        Returns
        -------
        found : Extracted or None
            None where it is absent, damaged, or was written for another key.
        """
        try:
            with open(self._clip_path(key), "rb", buffering=0) as file:
                content = file.read()
        except FileNotFoundError:
            return None
        start = content.find(b"\n") + 1
        checksum, _, text = content[:start].partition(b" ")
        if checksum != self._checksum(text, memoryview(content)[start:]):
            return None
        flaw, *written_for = json.loads(text)
        if written_for != [*key]:
            return None
        array = np.frombuffer(content, self.dtype, offset=start)
        return Extracted(array.reshape(self.n_mels, -1), flaw)

    def _write_clip(self, key: Key, extracted: Extracted) -> None:
        """Write a clip: checksum, [flaw, *key], spaces, a newline, the energies."""
        text = json.dumps([extracted.flaw, *key]).encode()
        text = text.ljust(LINE * (1 + (len(text) + 10) // LINE) - 10) + b"\n"
        energies = extracted.energies.tobytes()
        with self._sentences(), self._replacing(self._clip_path(key)) as file:
            file.write(self._checksum(text, energies) + b" " + text + energies)

    def _write_parameters(self) -> None:
        """Tell whoever looks into the folder what it is for."""
        path = os.path.join(self.folder, "parameters.json")
        with self._sentences():
            if not os.path.exists(path):
                with self._replacing(path) as file:
                    file.write(self.parameters.encode() + b"\n")

    # --- maps

    def _map_features(self, shape: tuple[int, int, int]) -> np.memmap:
        """Map the array of all clips, which is written if it is not there."""
        # a clip that cannot be used now may be another time, and then changes the array
        usable = [key if key in self.n_frames else None for key in self.keys]
        known = self._open_map(usable)
        if known is None:
            self._write_map(usable, shape)
            known = self._open_map(usable)
        if known is None:
            raise OSError(f"{self._map_path(usable)!r} was deleted while it was needed")
        return known

    def _map_path(self, keys: Sequence[Key | None]) -> str:
        return os.path.join(self.folder, f"{name_of(keys)}.npy")

    def _open_map(self, keys: Sequence[Key | None]) -> np.memmap | None:
        """Map the array of some clips, and note their flaws.

        Parameters
        ----------
        keys : sequence of Key or None
            In order; None where a clip could not be used.

        Returns
        -------
        features : memmap of shape (n_clips, n_mels, n_frames) or None
            None where it is absent, cut, or of other parameters.
        """
        path = self._map_path(keys)
        try:
            with open(path, "rb") as file:
                np.lib.format.read_magic(file)
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
                offset = file.tell()
                file.seek(math.prod(shape) * dtype.itemsize, os.SEEK_CUR)
                stamp, flaws = json.loads(file.read())
        except (FileNotFoundError, ValueError):  # absent, cut or something else
            return None
        if stamp != self.stamp:
            return None
        self.extraction.flaws |= {int(row): flaw for row, flaw in flaws.items()}
        return np.memmap(path, dtype, "r", offset, shape)

    def _write_map(
        self, keys: Sequence[Key | None], shape: tuple[int, int, int]
    ) -> None:
        """Write an array row by row; behind it the stamp of the parameters, and flaws.

        Parameters
        ----------
        keys : sequence of Key or None
            In order; None where a clip could not be used.
        shape : tuple of (int, int, int)
            ``(n_clips, n_mels, n_frames)``.
        """
        descr = np.lib.format.dtype_to_descr(self.dtype)
        header = {"descr": descr, "fortran_order": False, "shape": shape}
        verbose = self.extraction.verbose
        # written, not mapped: on a full disk a map ends the process, without a word
        with self._replacing(self._map_path(keys)) as file:
            np.lib.format.write_array_header_1_0(file, header)
            for key in show_progress(keys, "LogMel, map", unit="clip", verbose=verbose):
                block = np.full(shape[1:], np.nan, self.dtype)
                if key is not None:
                    block[:, : self.n_frames[key]] = self._fetch(key)
                file.write(block.data)
            file.write(json.dumps([self.stamp, self.extraction.flaws]).encode())
            # its rows have no checksums, so that all has to be there before the name
            file.flush()
            os.fsync(file.fileno())

    # --- files

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """Say of an error of the disk where it was met, and what to do."""
        try:
            yield
        except OSError as error:
            raise type(error)(
                f"LogMel cannot use {self.folder!r}, which is in its 'memory': "
                f"{error.strerror or error}. Free space on that disk, give a folder "
                "where you may read and write, or set memory=None. A later call "
                "goes on with what is missing."
            ) from error

    @contextmanager
    def _replacing(self, path: str) -> Iterator[BinaryIO]:
        """Open a file that gets its name when it is whole.

        Parameters
        ----------
        path : str
            Its folder is made where it is not there; a file there is replaced.

        Yields
        ------
        file : BinaryIO
            Under another name, which is gone if the block is left by an error.
        """
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = f"{path}.{os.urandom(6).hex()}.tmp"
        try:
            with open(temporary, "xb") as file:
                yield file
            os.replace(temporary, path)
        finally:
            with suppress(FileNotFoundError):
                os.remove(temporary)
