"""A fit after an epoch in, a file that outlives its process out; and back, bit by bit.

A folder holds many fits, each in a subfolder that is named by its parameters and data:
``fit.json`` tells of them in words, ``unfinished.pt`` is the state after an epoch, and
becomes ``finished.pt`` when the fit has ended. A file is written beside the last one
and takes its place when it is whole and on the disk.

``Checkpoint`` of skorch keeps weights, optimizer and history in files of their own. It
knows neither generators nor what is guessed, and a kill between two of its files leaves
a net that never was.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import io
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from skorch import NeuralNet
from skorch.history import History

from sklearn_triplet._input.clips import Clips
from sklearn_triplet._input.labels import Labels
from sklearn_triplet._input.progress import show_progress
from sklearn_triplet._input.warn import warn
from sklearn_triplet._training.state import (
    NotPlainError,
    StatefulData,
    net_state,
    pack,
    set_net_state,
    unpack,
)

try:
    import fcntl
except ImportError:  # Windows: fits of other processes cannot be told from dead ones
    fcntl = None  # type: ignore[assignment]

FORMAT = 1  # of the files that are written, and the newest that is read
LIBRARIES = "sklearn-triplet", "scikit-learn", "torch", "skorch", "numpy"
UNFINISHED, FINISHED, DESCRIPTION = "unfinished.pt", "finished.pt", "fit.json"
DIGEST = 32  # bytes of a SHA-256, at the end of a file
# a file is written when the fit has taken so many times as long as the last writing
# did: of the time, no more than a twentieth
PATIENCE = 20
# parameters that change nothing of what an epoch does; of random_state counts what was
# drawn from it
WITHOUT_EFFECT = (
    "checkpoint",
    "output",
    "random_state",
    "threshold",
    "verbose",
    "warm_start",
)


def describe(value: object) -> str:
    """Return a value of a parameter in words that are the same in another process.

    Parameters
    ----------
    value : object
        A number, text, class, function, ``functools.partial``, selector, callback or
        device, or a list or dict of these. Of other objects their class counts, and the
        numbers and texts that they hold.

    Returns
    -------
    words : str

    Examples
    --------
    >>> describe([1, None, torch.optim.Adam])
    '[1, None, torch.optim.adam.Adam]'
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    if isinstance(value, torch.device):
        return repr(str(value))
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(value).data).hexdigest()[:8]
        return f"array of shape {value.shape} with checksum {digest}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(describe, value))}]"
    if isinstance(value, Mapping):
        parts = (f"{describe(key)}: {describe(part)}" for key, part in value.items())
        return f"{{{', '.join(parts)}}}"
    if isinstance(value, functools.partial):
        return f"partial({describe([value.func, *value.args, value.keywords])})"
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    if hasattr(value, "get_params"):
        state = value.get_params(deep=False)
    else:
        held = getattr(value, "__dict__", {})
        state = {k: v for k, v in held.items() if isinstance(v, int | float | str)}
    parts = (f"{key}={describe(part)}" for key, part in sorted(state.items()))
    return f"{describe(type(value))}({', '.join(parts)})"


def hash_clips(clips: Clips, verbose: int = 0) -> str:
    """Return a checksum of clips, read once and in parts.

    Parameters
    ----------
    clips : Clips
        What is learned from: float32, without padding, whatever container it came in.
    verbose : int, default=0
        Whether to show progress.

    Returns
    -------
    checksum : str
    """
    shape = len(clips), clips.n_features, clips.flat
    digest = hashlib.blake2b(repr(shape).encode(), digest_size=16)
    digest.update(clips.lengths.astype(np.int64).tobytes())
    total = None if clips.flat else len(clips)
    for parts in show_progress(
        clips.pieces(), "Checksum", unit="clip", total=total, verbose=verbose
    ):
        for part in parts:
            digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()


def hash_labels(labels: Labels) -> str:
    """Return a checksum of what is known of the clips, and of the names of classes."""
    names = repr((labels.classes.tolist(), labels.multilabel, labels.present.shape))
    digest = hashlib.blake2b(names.encode(), digest_size=16)
    for table in (labels.present, labels.unknown):
        digest.update(np.ascontiguousarray(table).data)
    return digest.hexdigest()


def describe_fit(
    owner: str,
    parameters: Mapping[str, object],
    seeds: Sequence[int] | None,
    clips: Clips,
    labels: Labels,
    verbose: int = 0,
) -> dict[str, dict[str, str]]:
    """Describe all that decides what a fit learns.

    Parameters
    ----------
    owner : str
        The class of the estimator.
    parameters : dict
        Of the estimator.
    seeds : list of int or None
        What was drawn from ``random_state``; ``None``: what the checkpoint holds.
    clips : Clips
    labels : Labels
        What is learned from.
    verbose : int, default=0

    Returns
    -------
    description : dict of dict of str
        ``estimator``, ``parameters`` and ``data``, by which a fit is known, and
        ``versions`` of libraries, with which alone it can go on.
    """
    told = {
        name: describe(value)
        for name, value in parameters.items()
        if name not in WITHOUT_EFFECT
    }
    told["device"] = repr(str(parameters["device"]))
    state = parameters["random_state"]
    told["random_state"] = repr(state if isinstance(state, int) else seeds)
    return {
        "estimator": {"class": owner},
        "parameters": told,
        "data": {"X": hash_clips(clips, verbose), "y": hash_labels(labels)},
        "versions": find_versions(),
    }


def list_differences(
    there: Mapping[str, Mapping[str, str]], here: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """Say in words how two fits differ.

    Parameters
    ----------
    there, here : dict
        As ``describe_fit`` returns them.

    Returns
    -------
    differences : list of str
        One for each parameter, array and library.
    """
    differences = []
    for group in here:
        one, other = there.get(group, {}), here[group]
        for name in sorted(one.keys() | other.keys()):
            if one.get(name) == other.get(name):
                continue
            if group == "data":
                differences.append(f"{name} holds other values")
            else:
                before, now = one.get(name, "missing"), other.get(name, "missing")
                differences.append(f"{name} was {before} and is {now}")
    return differences


def find_versions() -> dict[str, str]:
    """Return the versions of the libraries that decide what a file means."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES}


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there as a whole or not at all, whenever the power fails.

    Parameters
    ----------
    path : Path
        A file there is replaced.
    data : bytes
    """
    # others may be at the same fit: each has a name of its own until it is whole
    temporary = path.with_name(f"{path.name}.{os.urandom(6).hex()}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            os.remove(temporary)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Have the names of a folder on the disk too, where the system knows of that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _lock(folder: Path) -> int | None:
    """Lock a folder for as long as this process lives, however it ends.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    descriptor : int or None
        ``None`` where somebody else has locked it, or nobody can.
    """
    if fcntl is None:
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


class FitCheckpoint:
    """The subfolder of one fit: read at its beginning, written after its epochs.

    Used as a context: left without an error, the fit is finished.

    Parameters
    ----------
    folder : str or path-like
        Of all fits.
    description : dict
        As ``describe_fit`` returns it.

    Attributes
    ----------
    path : Path
        The subfolder, named by parameters and data.
    state : dict or None
        What was read; ``None`` where the fit begins.

    Notes
    -----
    A file is what ``torch.save`` writes of plain data and tensors, and a SHA-256 of
    that. It is read with ``weights_only=True``: nothing in it is executed.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        description: dict[str, dict[str, str]],
    ) -> None:
        self.folder = Path(folder)
        self.description = description
        self.owner = description["estimator"]["class"]
        known_by = {k: v for k, v in description.items() if k != "versions"}
        text = json.dumps(known_by, sort_keys=True).encode()
        name = hashlib.blake2b(text, digest_size=8).hexdigest()
        self.path = self.folder / f"{self.owner}-{name}"
        self.state: dict[str, Any] | None = None
        self.last_epoch = 0
        # when the last file was written, and how long that took
        self.ended, self.took = -np.inf, 0.0

    def __enter__(self) -> Self:
        """Make the subfolder and read what is in it.

        Raises
        ------
        ValueError
            Where what is there is damaged or of another fit or version.
        OSError
            Where the folder cannot be written to.

        Warns
        -----
        UserWarning
            Where the folder holds unfinished fits, but not this one.
        """
        text = json.dumps(self.description, indent=1).encode()
        with self._in_words():
            self.path.mkdir(parents=True, exist_ok=True)
            if not (self.path / DESCRIPTION).exists():
                write_whole(self.path / DESCRIPTION, text)
        self.lock = _lock(self.path)
        try:
            if self.lock is not None:
                # of processes that were killed in the middle of writing
                for left_over in self.path.glob("*.tmp"):
                    left_over.unlink(missing_ok=True)
            self.state = self._read()
            if self.state is None:
                self._warn_of_others()
        except BaseException:
            self._unlock()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Mark the fit as finished, unless an error has ended it."""
        if kind is None:
            # where two processes were at the same fit, the other may have been first
            with contextlib.suppress(FileNotFoundError):
                os.replace(self.path / UNFINISHED, self.path / FINISHED)
                _sync_folder(self.path)
        self._unlock()

    def _unlock(self) -> None:
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None

    def restore(
        self, net: NeuralNet, data: StatefulData, valid_data: StatefulData | None
    ) -> None:
        """Bring a fit that has just begun to where the last file was written.

        Parameters
        ----------
        net : skorch.NeuralNet
            Initialised, and told ``on_train_begin``.
        data, valid_data : StatefulData
            What is trained on and validated by, if anything.

        Raises
        ------
        ValueError
            Where the network is another one than that of the file.
        """
        if self.state is None:
            return
        state, self.state = self.state, None
        try:
            set_net_state(net, state["net"])
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                f"The checkpoint {str(self.path)!r} is of another network: {error} "
                f"{self._cure()}"
            ) from error
        net.history_ = History(state["history"])
        self.last_epoch = len(net.history_)
        data.load_state_dict(state["data"])
        if valid_data is not None:
            valid_data.load_state_dict(state["valid_data"])
        # last, for nothing may draw before the next epoch
        torch.random.set_rng_state(state["torch"])
        if state["cuda"] is not None:
            torch.cuda.set_rng_state(state["cuda"], net.device)

    def save(
        self,
        net: NeuralNet,
        data: StatefulData,
        valid_data: StatefulData | None,
        seeds: Mapping[str, int],
        is_last: bool = False,
    ) -> None:
        """Write the state after an epoch, unless writing would take too much time.

        Parameters
        ----------
        net, data, valid_data
            As in ``restore``.
        seeds : dict of str to int
            What the fit was given to draw by.
        is_last : bool, default=False
            Whether there is no further epoch: then it is written in any case.

        Raises
        ------
        OSError
            Where it cannot be written; the last file is still there.
        ValueError
            Where the encoder keeps what is no data.
        """
        begin = time.monotonic()
        if not is_last and begin - self.ended < PATIENCE * self.took:
            return
        written = self._pack(net, data, valid_data, seeds)
        with self._in_words():
            digest = hashlib.sha256(written).digest()
            write_whole(self.path / UNFINISHED, written + digest)
        self.last_epoch = len(net.history)
        self.ended = time.monotonic()
        self.took = self.ended - begin

    def _pack(
        self,
        net: NeuralNet,
        data: StatefulData,
        valid_data: StatefulData | None,
        seeds: Mapping[str, int],
    ) -> bytes:
        """Return all that the next epochs depend on, as a file of torch.

        Parameters
        ----------
        net, data, valid_data, seeds
            As in ``save``.

        Returns
        -------
        written : bytes
            In memory first: on a full disk ``torch.save`` tells of no OSError.
        """
        device = torch.device(net.device)
        is_cuda = device.type == "cuda"
        state = {
            "seeds": dict(seeds),
            "net": net_state(net),
            "history": list(net.history),
            "data": data.state_dict(),
            "valid_data": None if valid_data is None else valid_data.state_dict(),
            "torch": torch.random.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(device) if is_cuda else None,
        }
        try:
            packed = pack(state)
        except NotPlainError as error:
            raise ValueError(
                f"{self.owner} cannot write a checkpoint of its net or history, which "
                f"holds what is no number, text or tensor: {error} Set checkpoint=None,"
                " or keep it elsewhere."
            ) from error
        stream = io.BytesIO()
        content = {"format": FORMAT, "fit": self.description, "state": packed}
        torch.save(content, stream)
        return stream.getvalue()

    @contextlib.contextmanager
    def _in_words(self) -> Any:
        """Say what could not be written where, and what is left of the fit."""
        try:
            yield
        except OSError as error:
            left = "Nothing of the fit is kept there."
            if self.last_epoch:
                left = (
                    f"Its state after epoch {self.last_epoch} is still there: with "
                    "the same folder the next fit goes on from it."
                )
            raise OSError(
                error.errno,
                f"{self.owner} could not write its checkpoint into "
                f"{str(self.folder)!r}: {error.strerror}. {left} Make room, or choose "
                "another folder.",
            ) from error

    def _read(self) -> dict[str, Any] | None:
        """Return the state that is kept, or ``None`` where there is none.

        The unfinished one is the newer, where a finished fit was broken off when it was
        fitted again.
        """
        for name in (UNFINISHED, FINISHED):
            path = self.path / name
            try:
                written = path.read_bytes()
            except FileNotFoundError:
                continue
            content, digest = written[:-DIGEST], written[-DIGEST:]
            if hashlib.sha256(content).digest() != digest:
                raise ValueError(
                    f"The checkpoint {str(path)!r} is damaged: it was cut or altered. "
                    f"{self._cure()}"
                )
            return self._decode(path, content)
        return None

    def _decode(self, path: Path, content: bytes) -> dict[str, Any]:
        """Read the content of a file, and refuse what is of another fit.

        Parameters
        ----------
        path : Path
            For the messages.
        content : bytes
        """
        try:
            # to the CPU: each part is copied to where it belongs
            read = torch.load(
                io.BytesIO(content), map_location="cpu", weights_only=True
            )
            newest = int(read["format"])
        except Exception as error:  # whatever a file of somebody else's may hold
            raise ValueError(
                f"The checkpoint {str(path)!r} is none that sklearn-triplet wrote. "
                f"{self._cure()}"
            ) from error
        if newest > FORMAT:
            raise ValueError(
                f"The checkpoint {str(path)!r} has format {newest}, and this version "
                f"of sklearn-triplet reads up to {FORMAT}. {self._cure()}"
            )
        differences = list_differences(read["fit"], self.description)
        if differences:
            raise ValueError(
                f"The checkpoint {str(path)!r} is of another fit: "
                f"{'; '.join(differences)}. Set that back, or else: {self._cure()}"
            )
        state: dict[str, Any] = unpack(read["state"])
        return state

    def _cure(self) -> str:
        return (
            f"Choose another folder as checkpoint, or delete {str(self.path)!r}: then "
            "this fit begins at its first epoch."
        )

    def _warn_of_others(self) -> None:
        """Name the unfinished fit that is most like this one, which has none.

        A search has many fits in one folder, so none of them is refused; but whoever
        wanted to go on, and gave one recording more, should be told of it.
        """
        found: list[tuple[int, str, list[str]]] = []
        for file in self.folder.glob(f"{self.owner}-*/{UNFINISHED}"):
            lock = _lock(file.parent)
            if lock is None and fcntl is not None:
                continue  # another process is at it
            if lock is not None:
                os.close(lock)
            with contextlib.suppress(OSError, ValueError):
                there = json.loads((file.parent / DESCRIPTION).read_text())
                differences = list_differences(there, self.description)
                found.append((len(differences), str(file.parent), differences))
        if not found:
            return
        _, path, differences = min(found)
        warn(
            f"The checkpoint folder {str(self.folder)!r} holds {len(found)} unfinished "
            f"fit{'s' * (len(found) > 1)} of {self.owner}, but not this one, which "
            f"begins at its first epoch. In {path!r} {'; '.join(differences)}. To go "
            "on with that fit, give it what it was given; else delete that folder."
        )
