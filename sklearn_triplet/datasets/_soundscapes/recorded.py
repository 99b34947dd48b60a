"""Recordings of one class each in; mixed clips (n_clips, n_samples) and tags out."""

from __future__ import annotations

import numbers
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch

from sklearn_triplet._features.audio import load
from sklearn_triplet._input.labels import UNLABELED, as_label_array, check_labels
from sklearn_triplet._input.parameters import is_inside
from sklearn_triplet.datasets._base import check_pair
from sklearn_triplet.datasets._soundscapes.engine import (
    PlacedEvent,
    Scene,
    SoundscapeMaker,
    Source,
)
from sklearn_triplet.datasets._soundscapes.signals import (
    FREQUENCIES,
    Signal,
    Synthesizer,
    rms,
    tilt,
)

OWNER = "mix_soundscapes"
BACKGROUND = -2  # column of a recording that is a background, beside UNLABELED
DEAL = 2**32  # key of the generator of shares, far from the numbers that splits get
KEPT_BYTES = 2**29  # of decoded recordings
NOISES = {"white noise": 0.0, "pink noise": -3.01, "brown noise": -6.02}  # dB/octave
ATTACK, RELEASE, CROSSFADE = 0.005, 0.03, 0.1  # seconds
QUIETEST = 0.1  # a pause in the background counts as 20 dB below its mean
SHORTEST_LOOP = 0.7  # least share of a recording that is repeated as a background
BLOCKS_PER_SECOND = 100
SOUNDING = 1e-4  # power of a block that sounds, over the loudest one: -40 dB
AUDIBLE = 1e-9  # power of the loudest block of a recording that sounds: -90 dB
LOUD_ENOUGH = 0.1  # a part of a recording with pauses has this share of its mean power
DESCR = """\
Soundscapes mixed from recordings
---------------------------------

Clips in which isolated recordings begin at random times, overlap, and stand at random
levels above a background. The recordings of one split are in no clip of another. The
fields 'events', 'sources' and 'backgrounds' say of every part which samples of which
recording it is, when it begins and what it was multiplied by. The licence is that of
the recordings.
"""


class Collection(NamedTuple):
    """All recordings: of events first, then those for backgrounds.

    Attributes
    ----------
    paths : list of str
    column : ndarray of shape (n_recordings,), int64
        Of the class, or UNLABELED or BACKGROUND.
    fold : list of n_recordings objects, or None
    names : list of str
        The classes of events.
    """

    paths: list[str]
    column: NDArray[np.int64]
    fold: list[Any] | None
    names: list[str]


def _check_splits(splits: Mapping[str, Any] | None, has_folds: bool) -> dict[str, Any]:
    """Refuse what does not name splits, or shares that are not of one whole."""
    if splits is None and has_folds:
        raise ValueError(
            f"The 'fold' parameter of {OWNER} needs 'splits', which say what a fold is "
            "for: give such as {'train': (1, 2, 3), 'validation': 4, 'evaluation': 5}."
        )
    splits = {"train": 1.0} if splits is None else splits
    # a split names its files
    is_named = isinstance(splits, Mapping) and all(
        isinstance(name, str) and re.fullmatch(r"[\w-]+", name) for name in splits
    )
    if not is_named or not splits:
        raise ValueError(
            f"The 'splits' parameter of {OWNER} must be a dict with names of letters, "
            f"digits, '_' and '-' as keys. Got {splits!r} instead."
        )
    shares = splits.values()
    are_shares = all(is_inside(v, numbers.Real, 0, 1, left="open") for v in shares)
    if not has_folds and not (are_shares and sum(shares) <= 1 + 1e-9):
        raise ValueError(
            f"Without 'fold', the 'splits' parameter of {OWNER} must hold shares in "
            "(0, 1] that add up to 1 at most, such as {'train': 0.8, 'evaluation': "
            f"0.2}}. Got {splits!r} instead."
        )
    return dict(splits)


def _by_split(name: str, given: Any, default: dict[str, Any]) -> dict[str, Any]:
    """Give a number to each split: the same count, but a share to the first alone."""
    if not isinstance(given, Mapping):
        splits = list(default)
        given = dict.fromkeys(splits if name == "n_clips" else splits[:1], given)
    values = {**default, **given}
    if len(values) > len(default) or None in values.values():
        raise ValueError(
            f"The {name!r} parameter of {OWNER} must be a number, or a dict with one "
            f"for each of the splits {list(default)}. Got {given!r} instead."
        )
    return values


def _list_paths(name: str, paths: Any) -> list[str]:
    """Refuse what is no list of paths; return them as strings."""
    is_list = np.iterable(paths) and not isinstance(paths, str | os.PathLike)
    rows = list(paths) if is_list else []
    if rows and all(isinstance(path, str | os.PathLike) for path in rows):
        return [str(os.fspath(path)) for path in rows]
    raise ValueError(
        f"The {name!r} parameter of {OWNER} must be a list of paths, at least one. "
        "Give the names of sound files, such as the field 'paths' of load_esc50."
    )


def _list_rows(name: str, rows: Any, of: str, n_paths: int) -> NDArray:
    """Refuse labels or folds that are not one for each path."""
    rows = as_label_array(rows)
    if len(rows) == n_paths:
        return rows
    raise ValueError(
        f"The {name!r} parameter of {OWNER} must hold one entry for each path in "
        f"{of!r}. Got {len(rows)} entries for {n_paths} paths."
    )


def _list(value: Any) -> list[Any]:
    """List what may be one value, or several in any container."""
    return [*value] if np.iterable(value) and not isinstance(value, str) else [value]


def _read_classes(
    y: ArrayLike, n_paths: int, target_names: Sequence[str] | None
) -> tuple[NDArray[np.int64], list[str]]:
    """Read one class per recording: its column, or UNLABELED, and the names."""
    y = _list_rows("y", y, "paths", n_paths)
    if y.ndim > 1:
        raise ValueError(
            f"{OWNER} mixes recordings of one class each. Got a y of shape {y.shape}: "
            "give y of shape (n_recordings,), and leave out recordings of several "
            "classes."
        )
    if target_names is None:
        labels = check_labels(y, n_paths, OWNER)
        columns = labels.present @ np.arange(len(labels.classes))
        names = [str(name) for name in labels.classes]
        return np.where(labels.labeled, columns, UNLABELED), names
    last = len(target_names) - 1
    for label in y.tolist():
        if not is_inside(label, numbers.Integral, UNLABELED, last):
            raise ValueError(
                f"With 'target_names', y of {OWNER} must hold integers in [0, {last}], "
                f"or -1 where unlabeled. Got {label!r}."
            )
    return y.astype(np.int64), [str(name) for name in target_names]


def _set_apart(
    column: NDArray[np.int64], names: list[str], apart: Any, has_indices: bool
) -> tuple[NDArray[np.int64], list[str]]:
    """Make backgrounds of some classes, by name or index, and number the others."""
    known: list[Any] = [*names, *range(len(names) * has_indices)]
    backgrounds = set()
    for given in [] if apart is None else _list(apart):
        value = given if has_indices else str(given)
        if isinstance(value, bool) or value not in known:
            raise ValueError(
                f"The 'background_classes' parameter of {OWNER} must be among the "
                f"classes {names}{' or their indices' * has_indices}. Got {given!r} "
                "instead."
            )
        backgrounds.add(known.index(value) % len(names))
    left = [i for i in range(len(names)) if i not in backgrounds]
    if not left:
        raise ValueError(
            f"{OWNER} has no class of events: y and 'background_classes' leave none. "
            "Give labeled recordings of at least one more class."
        )
    # the last entry is what UNLABELED picks
    numbered = np.full(len(names) + 1, BACKGROUND)
    numbered[left], numbered[UNLABELED] = range(len(left)), UNLABELED
    return numbered[column], [names[i] for i in left]


def _add_backgrounds(
    collection: Collection, backgrounds: Any, background_fold: Any
) -> Collection:
    """Add recordings that are backgrounds only."""
    more = _list_paths("backgrounds", backgrounds)
    paths, column, fold, names = collection
    if fold is not None:
        if background_fold is None:
            raise ValueError(
                f"The 'backgrounds' parameter of {OWNER} needs 'background_fold' where "
                "'fold' is given: say which fold each background belongs to."
            )
        rows = _list_rows("background_fold", background_fold, "backgrounds", len(more))
        fold = [*fold, *rows.tolist()]
    column = np.concatenate([column, np.full(len(more), BACKGROUND)])
    return Collection(paths + more, column, fold, names)


def _deal(
    collection: Collection, splits: dict[str, Any], seed: int
) -> NDArray[np.int64]:
    """Give every recording to one split, by its fold or by chance.

    Parameters
    ----------
    collection : Collection
    splits : dict
        The folds, or the share, of each split.
    seed : int
        Of the corpus.

    Returns
    -------
    split : ndarray of shape (n_recordings,), int64
        Position in ``splits``, -1 for none.
    """
    paths, column, folds, _ = collection
    split = np.full(len(paths), -1)
    for position, (name, given) in enumerate(splits.items()):
        for fold in [] if folds is None else _list(given):
            rows = [row for row, value in enumerate(folds) if value == fold]
            if not rows or split[rows[0]] not in (-1, position):
                fault = "another split has" if rows else "holds no recording"
                raise ValueError(
                    f"The split {name!r} of {OWNER} asks for fold {fold!r}, which "
                    f"{fault}. Correct 'splits' or 'fold'."
                )
            split[rows] = position
    for kind in np.unique(column) if folds is None else []:
        # a generator for each class: more recordings of one leave the others alone
        key = DEAL, int(kind) + 2
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
        rows = rng.permutation(np.flatnonzero(column == kind))
        bounds = np.rint(np.cumsum([*splits.values()]) * len(rows)).astype(int)
        for position, some in enumerate(np.split(rows, bounds)[:-1]):
            split[some] = position
    split[column == UNLABELED] = -1
    return split


def _refuse_repeated(collection: Collection, split: NDArray[np.int64]) -> None:
    """Refuse a recording that was listed twice, in two splits or with two classes."""
    first: dict[str, tuple[int, int]] = {}
    for row in np.flatnonzero(split >= 0):
        path, use = collection.paths[row], (split[row], collection.column[row])
        # links to one file are one recording
        if first.setdefault(os.path.realpath(path), use) != use:
            raise ValueError(
                f"The recording {path!r} is listed twice in {OWNER}, in two splits or "
                "with two classes. List every recording once, or all its rows in one "
                "fold and with one class."
            )


def _loop(part: Signal, n_samples: int, n_fade: int) -> Signal:
    """Play a recording over and over, each end cross-faded into the next beginning."""
    if len(part) >= n_samples:
        return part[:n_samples].copy()
    n_fade = min(n_fade, len(part) // 2)
    rise = np.linspace(0, 1, n_fade, dtype=np.float32)
    loop = part[: len(part) - n_fade].copy()
    # roots keep the power, for the two ends have nothing to do with each other
    loop[:n_fade] *= np.sqrt(rise)
    loop[:n_fade] += part[len(part) - n_fade :] * np.sqrt(1 - rise)
    whole = np.resize(loop, n_samples)
    whole[:n_fade] = part[:n_fade]
    return whole


class SoundingPart(NamedTuple):
    """A recording without the silence at its ends, in samples.

    ``energies`` of shape (n_blocks + 1,) are the summed powers before each block of a
    hundredth of a second.
    """

    path: str
    start: int
    stop: int
    energies: NDArray[np.float64]


@dataclass
class MixMaker(SoundscapeMaker):
    """Soundscapes of recordings: those of a split are in its clips only.

    Attributes
    ----------
    background_level : tuple of (float, float)
        In dB.
    pools : dict of str to dict of int to list of SoundingPart
        For each split, the recordings of each class, by its column, and of BACKGROUND.
    """

    background_level: tuple[float, float]
    pools: dict[str, dict[int, list[SoundingPart]]] = field(default_factory=dict)

    owner, lowest_rate = OWNER, 8000

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        super().__post_init__()
        level = self.background_level
        check_pair(OWNER, "background_level", level, numbers.Real, -80, 0)
        self._kept: dict[str, Signal] = {}
        self._free_bytes = KEPT_BYTES

    @property
    def n_block(self) -> int:
        """Samples of a block."""
        return self.sample_rate // BLOCKS_PER_SECOND

    def load(self, path: str) -> Signal:
        """Return the samples of a recording, which must not be changed.

        All recordings are equally likely to come next: those that are kept may as well
        be the first.
        """
        if path in self._kept:
            return self._kept[path]
        waveform = load(path, self.sample_rate)
        waveform.flags.writeable = False
        if waveform.nbytes <= self._free_bytes:
            self._free_bytes -= waveform.nbytes
            self._kept[path] = waveform
        return waveform

    def fill_pools(self, collection: Collection, split: NDArray[np.int64]) -> list[str]:
        """Give what sounds to the splits; return the paths that are silent."""
        rows = np.flatnonzero(split >= 0)
        paths = [collection.paths[row] for row in rows]
        search = map(delayed(self.find_sounding), rows, paths)
        parts = Parallel(n_jobs=self.n_jobs, require="sharedmem")(search)
        names = collection.names
        kinds = [*range(len(names)), BACKGROUND]
        self.pools = {name: {kind: [] for kind in kinds} for name in self.n_clips}
        of_split = list(self.pools.values())
        for row, part in zip(rows, parts, strict=True):
            if part is not None:
                of_split[split[row]][int(collection.column[row])].append(part)
        for name, pool in self.pools.items():
            for kind, some in pool.items():
                if not some and (kind >= 0 or BACKGROUND in collection.column):
                    what = (
                        f"The class {names[kind]!r}" if kind >= 0 else "The background"
                    )
                    raise ValueError(
                        f"{what} has no sounding recording in the split {name!r} of "
                        f"{OWNER}. Change 'splits', or give recordings that have one."
                    )
        return [path for path, part in zip(paths, parts, strict=True) if part is None]

    def find_sounding(self, row: int, path: str) -> SoundingPart | None:
        """Find where a recording sounds; None where it is silent throughout."""
        try:
            waveform = self.load(path)
        except (OSError, ValueError) as error:
            is_gone = isinstance(error, FileNotFoundError)
            raise (FileNotFoundError if is_gone else ValueError)(
                f"Recording {row} of {OWNER} cannot be used: {error}"
            ) from error
        n_blocks = len(waveform) // self.n_block
        blocks = waveform[: n_blocks * self.n_block].reshape(n_blocks, -1)
        powers = np.square(blocks, dtype=np.float64).mean(axis=1)
        if not n_blocks or powers.max() < AUDIBLE:
            return None
        first, last = np.flatnonzero(powers >= SOUNDING * powers.max())[[0, -1]]
        energies = np.concatenate([[0], np.cumsum(powers[first : last + 1])])
        start, stop = int(first) * self.n_block, (int(last) + 1) * self.n_block
        return SoundingPart(path, start, stop, energies)

    def plan_background(self, synth: Synthesizer, scene: Scene) -> None:
        """Draw a recording or a kind of noise, and a level."""
        rng, pool = synth.rng, self.pools[scene.split][BACKGROUND]
        length = self.n_samples
        if pool:
            path, first, last, _ = pool[rng.integers(len(pool))]
            if last - first < length:
                # a part of its own for each clip: no two have the same background
                length = int((last - first) * rng.uniform(SHORTEST_LOOP, 1))
            start = int(rng.integers(first, last - length, endpoint=True))
        else:
            path, start = str(rng.choice(list(NOISES))), 0
        scene.background = Source(path, start, start + length)
        scene.background_level = float(rng.uniform(*self.background_level))

    def plan_event(self, synth: Synthesizer, scene: Scene) -> PlacedEvent:
        """Draw a class, a recording, a length up to that of what sounds, and a part."""
        rng, pool = synth.rng, self.pools[scene.split]
        label = int(rng.integers(len(pool) - 1))
        part = pool[label][rng.integers(len(pool[label]))]
        available = (part.stop - part.start) / self.sample_rate
        shortest, longest = self.event_duration
        wanted = synth.log_uniform(shortest, min(longest, self.duration))
        seconds = max(0.001, np.floor(1000 * min(wanted, available)) / 1000)
        event = self.place(synth, label, seconds)
        start, stop = (round(time * self.sample_rate) for time in event[1:])
        first = self._draw_crop(rng, part, stop - start)
        source = Source(part.path, first, min(first + stop - start, part.stop))
        return PlacedEvent(event, start, stop, source)

    def _draw_crop(self, rng: Generator, part: SoundingPart, n_samples: int) -> int:
        """Draw the sample of the recording where an event begins, not in a pause."""
        n_blocks = len(part.energies) - 1
        # whole blocks only: what is counted as loud must be inside the crop
        n_inside = min(max(1, n_samples // self.n_block), n_blocks)
        n_starts = max(0, n_blocks - -(-n_samples // self.n_block)) + 1
        energies = part.energies[n_inside:][:n_starts] - part.energies[:n_starts]
        mean = part.energies[-1] / n_blocks * n_inside
        starts = np.flatnonzero(energies >= min(LOUD_ENOUGH * mean, energies.max()))
        return part.start + int(rng.choice(starts)) * self.n_block

    def sound(
        self, synth: Synthesizer, scene: Scene
    ) -> tuple[Signal, Iterator[Signal]]:
        """Cut the parts of a scene out of their collection."""
        path, start, stop, _ = scene.background
        if path in NOISES:
            colour = tilt(NOISES[path]) * (FREQUENCIES > 20)
            background = synth.noise(self.n_samples, colour)
        else:
            n_fade = round(CROSSFADE * self.sample_rate)
            background = _loop(self.load(path)[start:stop], self.n_samples, n_fade)

        def cut(placed: PlacedEvent) -> Signal:
            path, start, stop, _ = placed.source
            return synth.faded(self.load(path)[start:stop].copy(), ATTACK, RELEASE)

        return background, map(cut, scene.events)

    def reference(self, background: Signal, start: int, stop: int) -> float:
        """Return the level of the background around an event, or QUIETEST of its own."""
        return max(QUIETEST * rms(background), rms(background[start:stop]))


def mix_soundscapes(
    paths: Sequence[str | os.PathLike],
    y: ArrayLike,
    *,
    fold: ArrayLike | None = None,
    splits: Mapping[str, Any] | None = None,
    n_clips: int | Mapping[str, int] = 100,
    target_names: Sequence[str] | None = None,
    backgrounds: Sequence[str | os.PathLike] | None = None,
    background_fold: ArrayLike | None = None,
    background_classes: Sequence[Any] | None = (),
    labeled_fraction: float | Mapping[str, float] = 1.0,
    duration: float = 10.0,
    sample_rate: int = 44100,
    n_events: tuple[int, int] = (1, 3),
    event_duration: tuple[float, float] = (0.5, 5.0),
    snr: tuple[float, float] = (0.0, 15.0),
    background_level: tuple[float, float] = (-40.0, -28.0),
    empty_fraction: float = 0.02,
    output_dir: str | os.PathLike | None = None,
    audio_format: str = "flac",
    n_jobs: int | None = None,
    verbose: int = 0,
    random_state: int | np.random.RandomState | np.random.Generator | None = None,
) -> Bunch:
    """Mix recordings of single sounds into clips of several, some labeled.

    So a corpus of isolated sounds, such as ESC-10, becomes one of soundscapes with weak
    labels, of any size. A clip depends on the recordings of its split, the settings,
    ``random_state``, the name of its split and its number in it only: with more clips,
    other splits or more jobs the samples stay the same (the choice of the labeled clips
    differs with their number).

    An event is the sounding part of a recording, whole or cut out at random where it is
    longer than the length drawn for the event. A background is the sounding part of a
    recording too, repeated with cross-fades of 0.1 s if it is shorter than the clip.

    Parameters
    ----------
    paths : sequence of n_recordings paths
        The sound files, mixed down to one channel and resampled.
    y : array-like of shape (n_recordings,)
        The class of each; unlabeled ones (-1) are left out, see ``unused``.
    fold : array-like of shape (n_recordings,), default=None
        Groups of recordings that are used in one split only. Give it where several
        files were cut from one recording.
    splits : dict, default=None
        With ``fold``: the fold, or folds, of each split, such as ``{"train": (1, 2, 3),
        "validation": 4, "evaluation": 5}``. Without: the share of the recordings of
        each class that goes to it, such as ``{"train": 0.8, "evaluation": 0.2}``. None:
        one split ``"train"`` of all collection.
    n_clips : int or dict, default=100
        Clips of each split, at least 1.
    target_names : sequence of str, default=None
        Names of the classes, if y holds indices of them.
    backgrounds : sequence of paths, default=None
        Recordings for backgrounds only. Without these and ``background_classes``, the
        background is computed white, pink or brown noise.
    background_fold : array-like of shape (n_backgrounds,), default=None
        Their folds; needed with ``fold``.
    background_classes : sequence or None, default=()
        Classes that are backgrounds instead of events; with ``target_names``, names or
        indices of them.
    labeled_fraction : float or dict, default=1.0
        Share of the clips that keep their labels, in (0, 1]: that of the first split,
        or of the splits in the dict. All others are labeled throughout.
    duration : float, default=10.0
        Length of a clip in seconds, in [0.1, 600].
    sample_rate : int, default=44100
        In Hz, in [8000, 96000].
    n_events : tuple of (int, int), default=(1, 3)
        Fewest and most events of a clip that is not empty, each at least 1.
    event_duration : tuple of (float, float), default=(0.5, 5.0)
        Shortest and longest event in seconds, at least 0.05; a recording that sounds
        for a shorter time is used whole.
    snr : tuple of (float, float), default=(0.0, 15.0)
        Lowest and highest level of an event in dB, in [-60, 60]: its mean power over
        that of the background from onset to offset. A pause in the background counts
        as 20 dB below the mean of the background.
    background_level : tuple of (float, float), default=(-40.0, -28.0)
        Lowest and highest mean power of a background in dB, in [-80, 0]; 0 is a mean
        square of 1.
    empty_fraction : float, default=0.02
        Probability that a clip holds no event, in [0, 1]; such a clip is labeled by a
        row of zeros.
    output_dir : str or path-like, default=None
        Where to write ``train_00000.flac`` and so on (16 bits), ``labels.tsv`` and
        ``events.tsv``. The folder is made; files of these names are replaced.
    audio_format : {"flac", "wav"}, default="flac"
        Kind of the files.
    n_jobs : int, default=None
        Clips mixed at the same time, in threads; None is one.
    verbose : int, default=0
        1 shows rate and time left of whatever takes more than two seconds, on stderr.
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None, \
            default=None
        An integer of at least 0 repeats the corpus. The global generators are neither
        read nor changed.

    Returns
    -------
    corpus : :class:`~sklearn.utils.Bunch`
        The splits one after another, with the attributes

        data : ndarray of shape (n_clips, n_samples), float32
            Mono waveforms within (-1, 1); only without ``output_dir``.
        paths : ndarray of shape (n_clips,), str
            The files; only with ``output_dir``.
        target : ndarray of shape (n_clips, n_classes), int64
            1 where a class sounds, 0 where not, a row of -1 where unlabeled.
        target_true : ndarray of shape (n_clips, n_classes), int64
            The same with nothing hidden.
        target_names : ndarray of shape (n_classes,), str
            The classes of events, one a column.
        split : ndarray of shape (n_clips,), str
            The split of each clip.
        events : list of n_clips lists of Event
            Named tuples ``(label, onset, offset)`` by onset, in seconds.
        snr : list of n_clips ndarrays of shape (n_events,), float64
            Levels of the events in dB.
        sources : list of n_clips lists of Source
            Named tuples ``(path, start, stop, gain)``, one an event: the samples
            ``start`` to ``stop`` of the recording at ``sample_rate``, faded in over 5
            ms and out over 30 ms, times ``gain``, begin at the onset.
        backgrounds : list of n_clips Source
            The same of the backgrounds; ``path`` is such as ``"pink noise"`` where the
            background was computed.
        sample_rate : int
            In Hz.
        unused : list of str
            Recordings that are unlabeled, in a fold of no split, or beyond the shares.
        skipped : list of str
            Recordings that hold nothing but silence.
        DESCR : str
            What the corpus is.

    Raises
    ------
    FileNotFoundError, ValueError
        If a recording is not there or cannot be read.
    ValueError
        If a parameter is outside its range, a class has no recording in some split, or
        a recording would be in two splits.
    OSError
        If ``output_dir`` is a file or cannot be made.

    Warns
    -----
    UserWarning
        If recordings are silent; they are left out and reported.

    Notes
    -----
    Every recording is decoded once to find where it sounds; up to 512 MB of decoded
    samples are kept during the call.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np, soundfile
    >>> from sklearn_triplet.datasets import mix_soundscapes
    >>> home, time = pathlib.Path(tempfile.mkdtemp()), np.arange(16000) / 16000
    >>> for pitch in (440, 880):
    ...     tone = 0.1 * np.sin(2 * np.pi * pitch * time)
    ...     soundfile.write(home / f"{pitch}.wav", tone, 16000)
    >>> corpus = mix_soundscapes(
    ...     [home / "440.wav", home / "880.wav"], ["low", "high"], n_clips=3,
    ...     duration=2.0, sample_rate=16000, random_state=0
    ... )
    >>> corpus.data.shape
    (3, 32000)
    >>> corpus.target_names
    array(['high', 'low'], dtype='<U4')
    """
    splits = _check_splits(splits, fold is not None)
    maker = MixMaker(
        _by_split("n_clips", n_clips, dict.fromkeys(splits)),
        _by_split("labeled_fraction", labeled_fraction, dict.fromkeys(splits, 1.0)),
        duration, sample_rate, n_events, event_duration, snr, empty_fraction,
        output_dir, audio_format, n_jobs, verbose, random_state, background_level,
    )  # fmt: skip
    files, has_indices = _list_paths("paths", paths), target_names is not None
    column, names = _read_classes(y, len(files), target_names)
    column, names = _set_apart(column, names, background_classes, has_indices)
    folds = fold
    if fold is not None:
        folds = _list_rows("fold", fold, "paths", len(files)).tolist()
    collection = Collection(files, column, folds, names)
    if backgrounds is not None:
        collection = _add_backgrounds(collection, backgrounds, background_fold)
    split = _deal(collection, splits, maker.seed)
    _refuse_repeated(collection, split)
    skipped = maker.fill_pools(collection, split)
    if skipped:
        warnings.warn(
            f"{len(skipped)} of the {len(split)} recordings given to {OWNER} hold "
            f"nothing but silence, the first of them {skipped[0]!r}. They are left out; "
            "the field 'skipped' names them all.",
            UserWarning,
            stacklevel=2,
        )
    corpus = maker.make(names)
    unused = [collection.paths[row] for row in np.flatnonzero(split < 0)]
    corpus.update(unused=unused, skipped=skipped, DESCR=DESCR)
    return corpus
