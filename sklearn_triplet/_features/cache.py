"""Paths in, features (n_clips, n_mels, n_frames) from a folder on disk out.

The folder holds a file per clip, ``clips/NAME.clip``: a line of text (checksum, flaw,
key) and the energies (n_mels, n_frames) behind it, those of a long recording part after
part, as the line says. A clip is known by its key, which is path, size and time of
change, and of a window its times; it costs one look at the file system. NAME is made of
it.
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
import mmap
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO, TypeAlias, cast

import numpy as np

from sklearn_triplet._features.audio import Window, as_file
from sklearn_triplet._features.extraction import Extracted, Extraction, split_parts
from sklearn_triplet._input.progress import show_progress

FORMAT = 2  # to be raised when the same parameters give other values or other files
# bytes; smaller selections of known clips are collected and not written once more
IN_MEMORY = 2**28
ABSENT = -1
LINE = 64  # a multiple of so many bytes, so that the array behind it is aligned
PIECE = 2**24  # bytes written or summed up at once

Key: TypeAlias = tuple[str, int, int] | tuple[str, int, int, float, float]


def key_of(clip: str | Window) -> Key:
    """Tell by what a file, or a part of it, is known.

    Parameters
    ----------
    clip : str or Window

    Returns
    -------
    key : tuple of (str, int, int) or (str, int, int, float, float)
        Absolute path, size in bytes, time of the last change in nanoseconds, and of a
        window onset and offset. The sound is not looked at: reading it would take
        longer than all that is saved.
    """
    path, *times = as_file(clip)
    path = os.path.abspath(path)
    try:
        found = os.stat(path)
        size, changed = found.st_size, found.st_mtime_ns
    except OSError:  # told in a sentence when its header is read
        size = changed = ABSENT
    if isinstance(clip, str):
        return path, size, changed
    return path, size, changed, times[0], times[1]


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
        Whose clips are paths or windows. Problems and flaws are added to it.

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
    kept : dict of Key to Extracted
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
        # waveforms are not kept
        self.clips = cast("Sequence[str | Window]", extraction.clips)
        self.keys = [key_of(clip) for clip in self.clips]
        # a path may stand in X twice
        self.first_rows = {key: i for i, key in reversed([*enumerate(self.keys)])}
        self.n_frames: dict[Key, int] = {}  # of all clips that can be used
        self.n_bytes = 0  # of their energies
        self.kept: dict[Key, Extracted] = {}  # these energies, while they are few

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
                self._keep(key, found)
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
        self.extraction.folder = self.folder
        n_known = len(self.n_frames)
        for row, computed in self.extraction.extract([*promised], done=n_known):
            clip, key = self.clips[row], self.keys[row]
            if key_of(clip) != key:
                self.extraction.problems[row] = ValueError(
                    f"{as_file(clip)[0]!r} was changed while it was read. Call again "
                    "when nothing writes to it any more."
                )
                continue
            if len(computed.parts) == 1:
                energies = computed.parts[0].astype(self.dtype)
                computed = computed._replace(parts=[energies])
            self._write_clip(key, computed)
            self._keep(key, computed)
        return len(self.n_frames) - n_known

    def _repeat_reports(self) -> None:
        """Report a clip in every row in which it stands."""
        reports: tuple[dict, dict] = (self.extraction.problems, self.extraction.flaws)
        for found in reports:
            for row, key in enumerate(self.keys):
                if self.first_rows[key] in found:
                    found[row] = found[self.first_rows[key]]

    def _keep(self, key: Key, extracted: Extracted) -> None:
        """Note a clip that can be used, and its energies as long as they are few."""
        self.n_frames[key] = extracted.n_frames
        self.n_bytes += extracted.n_frames * self.n_mels * self.dtype.itemsize
        # a long one is read from its file: what waits for it on the disk can go
        if self.n_bytes <= IN_MEMORY:
            if len(extracted.parts) == 1:
                self.kept[key] = extracted
        else:  # they go to a map, and are read again for that
            self.kept.clear()

    def _collect_features(self, shape: tuple[int, int, int]) -> np.ndarray:
        """Fill an array (n_clips, n_mels, n_frames) in memory, clip by clip."""
        features = np.empty(shape, self.dtype)
        for row, key in enumerate(self.keys):
            if key in self.n_frames:
                self._fetch(key).write_to(features[row])
            else:
                features[row] = np.nan
        features.flags.writeable = False  # as a map is, so that both behave alike
        return features

    def _fetch(self, key: Key) -> Extracted:
        """Return the energies of a clip that was found before."""
        if key in self.kept:
            return self.kept[key]
        found = self._read_clip(key)
        if found is None:
            path = self._clip_path(key)
            raise OSError(f"{path!r} was deleted or damaged while it was needed")
        return found

    def _clip_path(self, key: Key) -> str:
        return os.path.join(self.folder, "clips", f"{name_of(key)}.clip")

    def _checksum(self, text: bytes, blocks: Iterable[bytes | memoryview]) -> bytes:
        """Sum up the line of a clip and its energies, as 8 hexadecimal digits.

        Four GB a second are summed up, a tenth of the time of reading. The parameters
        are in the sum too, in case that files are moved between folders.
        """
        checksum = zlib.crc32(text, zlib.crc32(self.stamp.encode()))
        for block in blocks:
            checksum = zlib.crc32(block, checksum)
        return b"%08x" % checksum

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
                size = os.fstat(file.fileno()).st_size
                content = (
                    mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                    if size > PIECE
                    else file.read()
                )
        except FileNotFoundError:
            return None
        start = content.find(b"\n") + 1
        checksum, _, text = content[:start].partition(b" ")
        view = memoryview(content)[start:]
        blocks = (view[b : b + PIECE] for b in range(0, len(view), PIECE))
        if checksum != self._checksum(text, blocks):
            return None
        flaw, *written_for = json.loads(text)
        # behind the key of a long recording stand the frames of its parts
        length = written_for.pop() if len(written_for) == len(key) + 1 else None
        if written_for != [*key]:
            return None
        array = np.frombuffer(content, self.dtype, offset=start)
        if length is None:
            return Extracted([array.reshape(self.n_mels, -1)], flaw)
        return Extracted(split_parts(array, self.n_mels, length), flaw)

    def _write_clip(self, key: Key, extracted: Extracted) -> None:
        """Write a clip: checksum, [flaw, *key], spaces, a newline, the energies."""
        line = [extracted.flaw, *key]
        if len(extracted.parts) > 1:
            line.append(extracted.parts[0].shape[1])
        text = json.dumps(line).encode()
        text = text.ljust(LINE * (1 + (len(text) + 10) // LINE) - 10) + b"\n"

        def write_parts(file: BinaryIO) -> Iterator[bytes]:
            for part in extracted.parts:
                energies = part.astype(self.dtype).tobytes()
                file.write(energies)
                yield energies

        with self._sentences(), self._replacing(self._clip_path(key)) as file:
            file.write(bytes(8) + b" " + text)
            checksum = self._checksum(text, write_parts(file))
            file.seek(0)
            file.write(checksum)

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
                found = Extracted([], "") if key is None else self._fetch(key)
                # hours are not held as a whole, even for the order of the bands
                n_bands = max(PIECE // (shape[2] * self.dtype.itemsize), 1)
                for band in range(0, self.n_mels, n_bands):
                    bands = slice(band, min(band + n_bands, self.n_mels))
                    block = np.empty((bands.stop - band, shape[2]), self.dtype)
                    found.write_to(block, bands)
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
