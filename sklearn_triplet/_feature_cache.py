"""Paths in, features (n_clips, n_mels, n_frames) from a folder of maps out.

What the folder does not hold yet is computed and written there. A clip is known by its
path, its size and the time of its last change, which one look at the file system tells;
what decides over the values (the parameters) has a folder of its own.
"""

import hashlib
import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, cast

import numpy as np

from sklearn_triplet._feature_map import (
    FeatureMap,
    Key,
    RowWriter,
    create_map,
    read_header,
    writing,
)
from sklearn_triplet._log_mel import DecisiveParameters, Extraction, raise_first
from sklearn_triplet._progress import show_progress

FORMAT = 1  # to be raised when the same parameters give other values or other files
IN_MEMORY = 2**28  # bytes; smaller selections of known clips are not written again
ABSENT = -1


class Place(NamedTuple):
    """Where the energies of a clip are."""

    map: FeatureMap
    row: int
    n_frames: int


def key_of(path: str) -> Key:
    """Tell absolute path, size and time of change of a file."""
    path = os.path.abspath(path)
    try:
        found = os.stat(path)
    except OSError:  # told in a sentence when its header is read
        return path, ABSENT, ABSENT
    return path, found.st_size, found.st_mtime_ns


class FeatureCache:
    """The folder of one set of parameters, and one call that asks it; made per call."""

    def __init__(
        self, location: str, parameters: DecisiveParameters, extraction: Extraction
    ) -> None:
        self.parameters = {"format": FORMAT, **parameters}
        text = json.dumps(self.parameters, sort_keys=True)
        digest = hashlib.sha256(text.encode()).digest()
        self.stamp = digest[:8]
        name = "log_mel_{sample_rate}_Hz_{n_mels}_bands_{dtype}_".format(**parameters)
        self.folder = os.path.join(location, name + digest.hex()[:12])
        self.dtype = np.dtype(parameters["dtype"])
        self.n_mels = parameters["n_mels"]
        self.maps: dict[str, FeatureMap] = {}
        self.places: dict[Key, Place] = {}
        self.broken: dict[str, str] = {}  # path to what is wrong
        self.extraction = extraction
        self.paths = cast("list[str]", extraction.clips)  # waveforms are not kept
        self.keys = [key_of(path) for path in self.paths]
        self.n_frames: dict[Key, int] = {}  # of all clips that can be read

    def features(self) -> np.ndarray:
        """Fetch the features of all clips, and compute those that are not there."""
        problems = self.extraction.problems
        with self._sentences():
            self._look_around()
        self._count_frames()
        with self._sentences():
            held = self._choose()
            target = self._fill(held) if held else None
        unusable = {self.keys[row]: error for row, error in problems.items()}
        problems |= {  # a path may stand in X twice
            row: unusable[key] for row, key in enumerate(self.keys) if key in unusable
        }
        raise_first(problems, self.extraction.errors)
        kept = self.n_frames.keys() - unusable
        longest = max((self.n_frames[key] for key in kept), default=1)
        with self._sentences():
            if target is not None and held is self.keys:
                return target.open()[:, :, :longest]
            return self._gather(longest)

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise type(error)(
                f"LogMel cannot use {self.folder!r}, which is in its 'memory': "
                f"{error.strerror or error}. Free space on that disk, give a folder "
                "where you may read and write, or set memory=None. A later call "
                "goes on with what is missing."
            ) from error

    def _look_around(self) -> None:
        """Read which clips the maps of the folder hold."""
        if not os.path.lexists(self.folder):
            return
        with os.scandir(self.folder) as entries:
            paths = sorted(entry.path for entry in entries)
        for path in paths:
            if not path.endswith(".npy") or not self._accept(path):
                continue
            rows, damaged = self.maps[path].read_rows()
            if damaged:
                self.broken[self.maps[path].rows_path] = "it has damaged lines"
            for row, (key, n_frames) in rows.items():
                self.places[key] = Place(self.maps[path], row, n_frames)

    def _accept(self, path: str) -> bool:
        try:
            found = read_header(path)
            if not found.seal.endswith(self.stamp):
                raise ValueError("it was not written for these parameters")
        except FileNotFoundError:  # deleted since
            return False
        except (OSError, ValueError) as error:
            self.broken[path] = getattr(error, "strerror", None) or str(error)
            return False
        self.maps[path] = found
        return True

    def _count_frames(self) -> None:
        """Count the frames of all clips; only new ones have to be opened for that."""
        new: dict[Key, int] = {}
        for row, key in enumerate(self.keys):
            if key in self.places:
                self.n_frames[key] = self.places[key].n_frames
            else:
                new.setdefault(key, row)
        counted = self.extraction.count_frames(new.values())
        self.n_frames |= {
            key: counted[row] for key, row in new.items() if row in counted
        }

    def _choose(self) -> list[Key]:
        """Choose what has to be in one map: all rows, the new clips, or nothing."""
        if not self.n_frames:
            return []
        new = [key for key in self.n_frames if key not in self.places]
        longest = max(self.n_frames.values())
        n_bytes = len(self.keys) * self.n_mels * longest * self.dtype.itemsize
        has_map = self._name(self.keys, longest) in self.maps
        if has_map or n_bytes > IN_MEMORY or len(new) == len(self.n_frames):
            return self.keys
        return new  # the folds of a search must not fill the disk

    def _name(self, keys: list[Key], width: int) -> str:
        """Name the map of a list, otherwise where a broken file has the name."""
        text = json.dumps([width, keys]).encode()
        stem = os.path.join(self.folder, hashlib.sha256(text).hexdigest()[:24])
        others = (f"{stem}-{i}.npy" for i in itertools.count(2))
        names = itertools.chain([f"{stem}.npy"], others)
        return next(name for name in names if name not in self.broken)

    def _provide(self, keys: list[Key], width: int) -> FeatureMap:
        """Find the map of a list, or make it."""
        while (path := self._name(keys, width)) not in self.maps:
            self._make_folder()
            create_map(path, (len(keys), self.n_mels, width), self.dtype, self.stamp)
            self._accept(path)
        return self.maps[path]

    def _make_folder(self) -> None:
        os.makedirs(self.folder, exist_ok=True)
        path = os.path.join(self.folder, "parameters.json")
        if not os.path.exists(path):
            temporary = f"{path}.{os.urandom(6).hex()}.tmp"
            with open(temporary, "x") as file:
                json.dump(self.parameters, file, indent=2)
                file.write("\n")
            os.replace(temporary, path)

    def _fill(self, held: list[Key]) -> FeatureMap:
        """Write the rows that the map of some clips does not have yet."""
        width = max(self.n_frames[key] for key in held if key in self.n_frames)
        target = self._provide(held, width)
        present, _ = target.read_rows()
        empty: dict[Key, list[int]] = {}
        for row, key in enumerate(held):
            if present.get(row, [None])[0] != key:
                empty.setdefault(key, []).append(row)
        with writing(target, sum(map(len, empty.values()))) as writer:
            self._compute(writer, empty)
            writer.flush()
            if not self.extraction.problems or self.extraction.errors != "raise":
                self._copy(writer, empty)
        return target

    def _compute(self, writer: RowWriter, empty: dict[Key, list[int]]) -> None:
        """Compute what no map has, into the first empty row of its key."""
        first = {key: row for row, key in reversed([*enumerate(self.keys)])}
        new = sorted(
            first[key]
            for key in empty
            if key in self.n_frames and key not in self.places
        )
        done = len(self.n_frames) - len(new)
        for clip, energies in self.extraction.energies(new, done=done):
            path, key = self.paths[clip], self.keys[clip]
            if key_of(path) != key:
                self.extraction.problems[clip] = ValueError(
                    f"{path!r} was changed while it was read. Call again when nothing "
                    "writes to it any more."
                )
                continue
            row = empty[key].pop(0)
            writer.write(row, key, energies)
            self.places[key] = Place(writer.target, row, energies.shape[1])

    def _copy(self, writer: RowWriter, empty: dict[Key, list[int]]) -> None:
        """Copy what some map has into the rows that are still empty."""
        rows = [(key, row) for key, rows in empty.items() for row in rows]
        for key, row in rows:
            if key not in self.places:
                writer.write_missing(row)
        known = [
            (self.places[key], key, row) for key, row in rows if key in self.places
        ]
        known.sort(key=lambda item: (item[0].map.path, item[0].row))
        shown = show_progress(
            known, "LogMel, copies", unit="clip", verbose=self.extraction.verbose
        )
        for path, copies in itertools.groupby(shown, lambda item: item[0].map.path):
            source = self.maps[path].open()
            for place, key, row in copies:
                writer.write(row, key, source[place.row, :, : place.n_frames])

    def _gather(self, longest: int) -> np.ndarray:
        """Collect the rows of all clips in memory."""
        shape = (len(self.keys), self.n_mels, longest)
        features = np.full(shape, np.nan, self.dtype)
        known = [
            (self.places[key], row)
            for row, key in enumerate(self.keys)
            if key in self.places
        ]
        known.sort(key=lambda item: (item[0].map.path, item[0].row))
        for path, wanted in itertools.groupby(known, lambda item: item[0].map.path):
            source = self.maps[path].open()
            for place, row in wanted:
                n_frames = place.n_frames
                features[row, :, :n_frames] = source[place.row, :, :n_frames]
        features.flags.writeable = False  # as a map is, so that both behave alike
        return features
