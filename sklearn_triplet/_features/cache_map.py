"""Energies of clips in, a .npy file (n_rows, n_mels, n_frames) to be mapped out.

A map is made at full size and filled row by row. Beside `name.npy` stands `name.rows`,
with a line for each row that is whole: checksum, row, number of frames, and the key of
the clip, which is path, size in bytes and time of change in nanoseconds. A row without
a valid line counts as empty, whatever its bytes.
"""

import errno
import json
import math
import os
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import numpy as np

# bytes behind the data by which a line knows the map that it was written for: random
# ones and the stamp of the parameters
SEAL = 16
BATCH, SECONDS = 256, 5.0  # rows, or time, after which what is written gets its lines

ABSENT = -1

Key = tuple[str, int, int]


def key_of(path: str) -> Key:
    """Tell absolute path, size and time of change of a file."""
    path = os.path.abspath(path)
    try:
        found = os.stat(path)
    except OSError:  # told in a sentence when its header is read
        return path, ABSENT, ABSENT
    return path, found.st_size, found.st_mtime_ns


@dataclass(frozen=True)
class FeatureMap:
    """Where a map is and what its header promises."""

    path: str
    shape: tuple[int, int, int]
    dtype: np.dtype
    offset: int  # of the first row, in bytes
    seal: bytes

    @property
    def rows_path(self) -> str:
        """Where the lines of the rows are."""
        return self.path.removesuffix(".npy") + ".rows"

    @property
    def row_bytes(self) -> int:
        """Size of a row."""
        return self.shape[1] * self.shape[2] * self.dtype.itemsize

    def open(self) -> np.memmap:
        """Map the file for reading, if it is still the one that was looked at."""
        with suppress(ValueError):  # it was cut since
            if read_header(self.path) == self:
                return np.memmap(self.path, self.dtype, "r", self.offset, self.shape)
        raise OSError(errno.ESTALE, f"{self.path!r} was replaced by another file")

    def read_rows(
        self, wanted: set[Key] | None = None
    ) -> tuple[dict[int, tuple[Key, int]], bool]:
        """Read key and number of frames of each whole row, and if a line is damaged.

        Where a few keys are wanted, only their lines are looked at.
        """
        try:
            with open(self.rows_path, "rb") as file:
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            return {}, False
        if wanted is not None:
            ends = tuple(json.dumps(key).encode()[1:] for key in wanted)
            lines = [line for line in lines if line.endswith(ends)]
        rows: dict[int, tuple[Key, int]] = {}
        damaged = False
        for line in lines:
            checksum, _, text = line.partition(b" ")
            if checksum == self.checksum(text):
                row, n_frames, *key = json.loads(text)
                rows[row] = tuple(key), n_frames
            else:
                # a killed process may leave the start of a line, never its end
                damaged |= line.endswith(b"]")
        return rows, damaged

    def checksum(self, text: bytes) -> bytes:
        """Sum up a line, so that it only fits this map."""
        return b"%08x" % zlib.crc32(text, zlib.crc32(self.seal))


class Place(NamedTuple):
    """Where the energies of a clip are."""

    map: FeatureMap
    row: int
    n_frames: int


def read_header(path: str) -> FeatureMap:
    """Read what a file promises; ValueError where it is no whole map."""
    with open(path, "rb") as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("it has another format")
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file)
        offset = file.tell()
        file.seek(offset + math.prod(shape) * dtype.itemsize)
        seal = file.read(SEAL + 1)
    if len(shape) != 3 or fortran_order or len(seal) != SEAL:
        raise ValueError("its size is not what its header promises")
    return FeatureMap(path, shape, dtype, offset, seal)


def create_map(
    path: str, shape: tuple[int, int, int], dtype: np.dtype, stamp: bytes
) -> None:
    """Make an empty map, unless another process is first; it takes no space yet."""
    temporary = f"{path}.{os.urandom(6).hex()}.tmp"
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False}
    try:
        with open(temporary, "xb") as file:
            np.lib.format.write_array_header_1_0(file, header | {"shape": shape})
            file.seek(math.prod(shape) * dtype.itemsize, os.SEEK_CUR)
            file.write(os.urandom(SEAL - len(stamp)) + stamp)
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            if not os.path.exists(path):
                os.rename(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            os.remove(temporary)


class RowWriter:
    """Writes rows into a map; `flush` makes them count."""

    def __init__(self, target: FeatureMap, n_rows: int) -> None:
        self.target = target
        self.n_rows = n_rows  # that are to be written at most
        self.lines: list[bytes] = []
        self.told = time.monotonic()
        self.file: BinaryIO | None = None

    def open(self) -> BinaryIO:
        """Open the file, late, so that whoever only reads needs no right to write."""
        needed = self.n_rows * self.target.row_bytes
        free = shutil.disk_usage(os.path.dirname(self.target.path)).free
        if needed > free:
            cause = f"{needed / 1e9:.2f} GB are needed, {free / 1e9:.2f} GB are free"
            raise OSError(errno.ENOSPC, cause)
        # written, not mapped: on a full disk a map ends the process, without a word
        return open(self.target.path, "r+b")

    def write(self, row: int, key: Key, energies: np.ndarray) -> None:
        """Write one row, NaN behind its frames."""
        self._put(row, energies)
        text = json.dumps([row, energies.shape[1], *key]).encode()
        self.lines.append(self.target.checksum(text) + b" " + text)
        if len(self.lines) >= BATCH or time.monotonic() - self.told > SECONDS:
            self.flush()

    def write_missing(self, row: int) -> None:
        """Fill a row with NaN and leave it without a line: it is tried again."""
        # unless it is NaN, or another process has read what this one could not
        if not self.target.open()[row].any():
            self._put(row, np.empty((self.target.shape[1], 0)))

    def _put(self, row: int, energies: np.ndarray) -> None:
        if self.file is None:
            self.file = self.open()
        block = np.full(self.target.shape[1:], np.nan, self.target.dtype)
        block[:, : energies.shape[1]] = energies
        self.file.seek(self.target.offset + row * self.target.row_bytes)
        self.file.write(block.data)

    def flush(self) -> None:
        """Bring the rows to the disk and then their lines."""
        if self.file is not None:
            self.file.flush()
        if self.file is not None and self.lines:
            # in this order also if the power fails
            os.fsync(self.file.fileno())
            with open(self.target.rows_path, "ab") as file:
                # a newline first: the last process may have died within a line
                file.write(b"\n".join([b"", *self.lines, b""]))
            self.lines = []
        self.told = time.monotonic()


@contextmanager
def writing(target: FeatureMap, n_rows: int) -> Iterator[RowWriter]:
    """Open a map for writing; what is done counts, however the block is left."""
    writer = RowWriter(target, n_rows)
    try:
        yield writer
    finally:
        try:
            writer.flush()
        finally:
            if writer.file is not None:
                writer.file.close()
