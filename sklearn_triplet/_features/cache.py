"""Paths in, features (n_clips, n_mels, n_frames) from a folder of maps out.

What the folder does not hold yet is computed and written there. A clip is known by its
path, its size and the time of its last change, which one look at the file system tells;
what decides over the values (the parameters) has a folder of its own. Clips that come
few at a time get a map each, which is found by the name of the clip alone.
"""

import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np

from sklearn_triplet._features.cache_map import (
    FeatureMap,
    Key,
    Place,
    RowWriter,
    create_map,
    key_of,
    read_header,
    writing,
)
from sklearn_triplet._features.extraction import (
    DecisiveParameters,
    Extraction,
    raise_first,
)
from sklearn_triplet._input.progress import show_progress

FORMAT = 1  # to be raised when the same parameters give other values or other files
IN_MEMORY = 2**28  # bytes; smaller selections of known clips are not written again
SINGLE = "single"  # the folder of the maps of one clip
FEW = 32  # new clips; fewer get a map each, or each call would read all maps before it


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
            held, single = self._choose()
            target = self._fill(held) if held else None
            self._fill_singles(single)
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
        """Find which maps hold the clips; few clips are first looked for by name."""
        if not os.path.lexists(self.folder):
            return
        is_few = len(self.keys) < FEW
        if is_few:
            self._look_for_singles()
        missing = set(self.keys) - self.places.keys()
        if missing:
            self._look_at_maps(missing if is_few else None)
        if not is_few:
            self._look_for_singles()

    def _look_for_singles(self) -> None:
        if os.path.isdir(os.path.join(self.folder, SINGLE)):
            for key in set(self.keys) - self.places.keys():
                if found := self._find([key]):
                    self._read(found)

    def _look_at_maps(self, wanted: set[Key] | None) -> None:
        with os.scandir(self.folder) as entries:
            paths = sorted(entry.path for entry in entries)
        for path in paths:
            if path.endswith(".npy") and self._accept(path):
                self._read(self.maps[path], wanted)

    def _read(self, source: FeatureMap, wanted: set[Key] | None = None) -> None:
        rows, damaged = source.read_rows(wanted)
        if damaged:
            self.broken[source.rows_path] = "it has damaged lines"
        for row, (key, n_frames) in rows.items():
            self.places[key] = Place(source, row, n_frames)

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

    def _choose(self) -> tuple[list[Key], list[Key]]:
        """Choose what has to be in one map, if anything, and what in one map each."""
        if not self.n_frames:
            return [], []
        new = [key for key in self.n_frames if key not in self.places]
        longest = max(self.n_frames.values())
        n_bytes = len(self.keys) * self.n_mels * longest * self.dtype.itemsize
        if n_bytes > IN_MEMORY or self._find(self.keys, longest):
            return self.keys, []
        if len(new) < FEW:
            return [], new
        # the folds of a search must not fill the disk
        return (self.keys if len(new) == len(self.n_frames) else new), []

    def _name(self, keys: list[Key], width: int | None) -> str:
        """Name the map of a list, otherwise where a broken file has the name."""
        text = json.dumps([width, keys]).encode()
        # how long a clip is would only be known from its header
        folder = os.path.join(self.folder, SINGLE) if width is None else self.folder
        stem = os.path.join(folder, hashlib.sha256(text).hexdigest()[:24])
        others = (f"{stem}-{i}.npy" for i in itertools.count(2))
        names = itertools.chain([f"{stem}.npy"], others)
        return next(name for name in names if name not in self.broken)

    def _find(self, keys: list[Key], width: int | None = None) -> FeatureMap | None:
        """Find the map of a list, or of a single clip of any width, by its name."""
        while (path := self._name(keys, width)) not in self.maps:
            if not os.path.exists(path):
                return None
            self._accept(path)
        return self.maps[path]

    def _provide(self, keys: list[Key], width: int, *, single: bool) -> FeatureMap:
        """Find the map of a list, or make it."""
        named = None if single else width
        while (found := self._find(keys, named)) is None or found.shape[2] != width:
            if found:  # left by a killed process, and the clip was replaced since
                self.broken[found.path] = "it is for another length of its clip"
                continue
            path = self._name(keys, named)
            self._make_folder(os.path.dirname(path))
            create_map(path, (len(keys), self.n_mels, width), self.dtype, self.stamp)
        return found

    def _make_folder(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)
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
        target = self._provide(held, width, single=False)
        present, _ = target.read_rows()
        empty: dict[Key, list[int]] = {}
        for row, key in enumerate(held):
            if present.get(row, [None])[0] != key:
                empty.setdefault(key, []).append(row)
        with writing(target, sum(map(len, empty.values()))) as writer:
            for key, energies in self._compute(empty):
                row = empty[key].pop(0)
                writer.write(row, key, energies)
                self.places[key] = Place(target, row, energies.shape[1])
            writer.flush()
            if not self.extraction.problems or self.extraction.errors != "raise":
                self._copy(writer, empty)
        return target

    def _fill_singles(self, keys: list[Key]) -> None:
        """Give each of a few new clips a map of its own."""
        for key, energies in self._compute(keys):
            target = self._provide([key], energies.shape[1], single=True)
            with writing(target, 1) as writer:
                writer.write(0, key, energies)
            self.places[key] = Place(target, 0, energies.shape[1])

    def _compute(self, keys: Iterable[Key]) -> Iterator[tuple[Key, np.ndarray]]:
        """Compute the clips among some keys that no map has."""
        first = {key: row for row, key in reversed([*enumerate(self.keys)])}
        new = sorted(
            first[key]
            for key in keys
            if key in self.n_frames and key not in self.places
        )
        done = len(self.n_frames) - len(new)
        for clip, energies in self.extraction.energies(new, done=done):
            path, key = self.paths[clip], self.keys[clip]
            if key_of(path) == key:
                yield key, energies
            else:
                self.extraction.problems[clip] = ValueError(
                    f"{path!r} was changed while it was read. Call again when nothing "
                    "writes to it any more."
                )

    def _copy(self, writer: RowWriter, empty: dict[Key, list[int]]) -> None:
        """Copy what some map has into the rows that are still empty."""
        rows = [(key, row) for key, rows in empty.items() for row in rows]
        for key, row in rows:
            if key not in self.places:
                writer.write_missing(row)
        known = [(key, row) for key, row in rows if key in self.places]
        shown = show_progress(
            self._read_known(known),
            "LogMel, copies",
            unit="clip",
            total=len(known),
            verbose=self.extraction.verbose,
        )
        for key, row, energies in shown:
            writer.write(row, key, energies)

    def _read_known(
        self, wanted: list[tuple[Key, int]]
    ) -> Iterator[tuple[Key, int, np.ndarray]]:
        """Read some clips from the maps that hold them, map by map and row by row."""

        def place(item: tuple[Key, int]) -> tuple[str, int]:
            found = self.places[item[0]]
            return found.map.path, found.row

        for path, items in itertools.groupby(
            sorted(wanted, key=place), lambda item: place(item)[0]
        ):
            source = self.maps[path].open()
            for key, row in items:
                _, at, n_frames = self.places[key]
                yield key, row, source[at, :, :n_frames]

    def _gather(self, longest: int) -> np.ndarray:
        """Collect the rows of all clips in memory."""
        shape = (len(self.keys), self.n_mels, longest)
        features = np.full(shape, np.nan, self.dtype)
        known = [(key, row) for row, key in enumerate(self.keys) if key in self.places]
        for _, row, energies in self._read_known(known):
            features[row, :, : energies.shape[1]] = energies
        features.flags.writeable = False  # as a map is, so that both behave alike
        return features
