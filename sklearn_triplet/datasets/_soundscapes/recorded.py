"""Recordings of one class each in; mixed clips (n_clips, n_samples) and tags out."""

from __future__ import annotations

import itertools
import numbers
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch

from sklearn_triplet._features.audio import load
from sklearn_triplet._input.labels import UNLABELED, as_label_array, check_labels
from sklearn_triplet._input.parameters import check_interval, is_inside
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
    Synth,
    rms,
    tilt,
)

OWNER = "mix_soundscapes"
BACKGROUND = ""  # in place of the class of a recording that is a background
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


class Recording(NamedTuple):
    """A sound file with its class (or BACKGROUND, or None: unlabeled) and fold."""

    row: int
    path: str
    kind: str | None
    fold: Any


class SoundingPart(NamedTuple):
    """A recording without the silence at its ends, in samples.

    ``energies`` of shape (n_blocks + 1,) are the summed powers before each block of a
    hundredth of a second.
    """

    path: str
    start: int
    stop: int
    energies: NDArray[np.float64]


def _check_splits(given: Any, has_folds: bool) -> dict[str, Any]:
    """Refuse what does not say which folds, or which share, a split gets."""
    splits = {"train": 1.0} if given is None and not has_folds else given
    if isinstance(splits, Mapping) and splits:
        # the name of a split begins those of its files
        are_names = all(re.fullmatch(r"[\w-]+", str(name)) for name in splits)
        shares = [] if has_folds else [*splits.values()]
        are_shares = all(is_inside(share, numbers.Real, 0, 1) for share in shares)
        if are_names and are_shares and sum(shares) <= 1 + 1e-9:
            return {str(name): value for name, value in splits.items()}
    raise ValueError(
        f"The 'splits' parameter of {OWNER} must be a dict, its keys of letters, "
        "digits, '_' and '-': with 'fold' of folds, such as {'train': (1, 2, 3), "
        "'evaluation': 4}, without it of shares that add up to 1 at most, such as "
        f"{{'train': 0.8, 'evaluation': 0.2}}. Got {given!r} instead."
    )


def _by_split(name: str, given: Any, default: dict[str, Any]) -> dict[str, Any]:
    """Give a number to each split: the same count, but a share to the first alone.

    Parameters
    ----------
    name : {"n_clips", "labeled_fraction"}
    given : number, or dict of str to number
    default : dict of str to number or None
        What a dict may leave out, for each split; None: nothing.
    """
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


def _list(value: Any) -> list[Any]:
    """List what may be one value, or several in any container."""
    is_one = isinstance(value, str | os.PathLike) or not np.iterable(value)
    return [value] if is_one else [*value]


def _list_paths(name: str, paths: Any) -> list[str]:
    """Refuse what is no list of paths; return them as strings."""
    rows = [] if isinstance(paths, str | os.PathLike) else _list(paths)
    if rows and all(isinstance(path, str | os.PathLike) for path in rows):
        return [str(os.fspath(path)) for path in rows]
    raise ValueError(
        f"The {name!r} parameter of {OWNER} must be a list of paths, at least one. "
        "Give the names of sound files, such as the field 'paths' of load_esc50."
    )


def _list_rows(name: str, rows: Any, of: str, n_paths: int) -> list[Any]:
    """Refuse labels or folds that are not one for each path; None is None for each."""
    array = np.full(n_paths, None) if rows is None else as_label_array(rows)
    if array.shape == (n_paths,):
        return array.tolist()
    raise ValueError(
        f"The {name!r} parameter of {OWNER} must hold one entry for each path in "
        f"{of!r}, in the shape ({n_paths},). Got the shape {array.shape} instead."
    )


def _read_classes(
    y: list[Any], target_names: Sequence[str] | None
) -> tuple[list[str | None], dict[str, str]]:
    """Name the class of each recording; None where unlabeled.

    Returns
    -------
    kinds : list of n_recordings str
        Or None.
    names : dict of str to str
        The name of each class by its entry in y, in the order of the columns.
    """
    if target_names is None:
        labels = check_labels(y, len(y), OWNER)
        names = {str(name): str(name) for name in labels.classes}
        columns = labels.present @ np.arange(len(names))
        columns[~labels.labeled] = UNLABELED
    else:
        names = {str(i): str(name) for i, name in enumerate(target_names)}
        for label in y:
            limits = UNLABELED, len(names) - 1
            check_interval(OWNER, "y", label, numbers.Integral, *limits)
        columns = np.array(y)
    # the last one is what UNLABELED picks
    kinds = [*names.values(), None]
    return [kinds[column] for column in columns], names


def _find_classes(given: Any, names: dict[str, str]) -> list[str]:
    """Name the classes of backgrounds, which are given by name or as y has them."""
    known = names | {name: name for name in names.values()}
    values = [] if given is None else _list(given)
    for value in values:
        if str(value) not in known:
            raise ValueError(
                f"The 'background_classes' parameter of {OWNER} must be among the "
                f"classes {[*names.values()]}, or entries of y. Got {value!r} instead."
            )
    return [known[str(value)] for value in values]


def _read_recordings(
    paths: Any, y: Any, fold: Any, target_names: Sequence[str] | None,
    backgrounds: Any, background_fold: Any, background_classes: Any,
) -> tuple[list[Recording], list[str]]:  # fmt: skip
    """Read all recordings, those for backgrounds last, and the classes of events.

    Parameters
    ----------
    paths, y, fold, target_names, backgrounds, background_fold, background_classes
        See :func:`mix_soundscapes`.

    Returns
    -------
    recordings : list of Recording
    names : list of str
    """
    files, more = _list_paths("paths", paths), []
    labels = _list_rows("y", y, "paths", len(files))
    folds = _list_rows("fold", fold, "paths", len(files))
    if backgrounds is not None:
        if (fold is None) != (background_fold is None):
            raise ValueError(
                f"The 'backgrounds' parameter of {OWNER} needs 'background_fold' where "
                "'fold' is given, and only there: say which fold each belongs to."
            )
        more, of = _list_paths("backgrounds", backgrounds), "backgrounds"
        folds += _list_rows("background_fold", background_fold, of, len(more))
    kinds, classes = _read_classes(labels, target_names)
    apart = _find_classes(background_classes, classes)
    names = [name for name in classes.values() if name not in apart]
    if not names:
        raise ValueError(
            f"{OWNER} has no class of events: y and 'background_classes' leave none. "
            "Give labeled recordings of at least one more class."
        )
    kinds = [BACKGROUND if kind in apart else kind for kind in kinds]
    kinds += [BACKGROUND] * len(more)
    return [*map(Recording, itertools.count(), files + more, kinds, folds)], names


def _deal_folds(recordings: list[Recording], splits: dict[str, Any]) -> dict[int, str]:
    """Find the split of each row whose fold is in one.

    Compared by ``==`` and not hashed: folds may be numbers or names in any container.
    """
    split_of: dict[int, str] = {}
    for name, given in splits.items():
        for fold in _list(given):
            rows = [its.row for its in recordings if its.fold == fold]
            taken = [row for row in rows if split_of.get(row, name) != name]
            if taken or not rows:
                fault = "is of another split too" if taken else "holds no recording"
                raise ValueError(
                    f"The split {name!r} of {OWNER} asks for fold {fold!r}, which "
                    f"{fault}. Correct 'splits' or 'fold'."
                )
            split_of.update(dict.fromkeys(rows, name))
    return split_of


def _deal_shares(
    recordings: list[Recording], splits: dict[str, float], names: list[str], seed: int
) -> dict[int, str]:
    """Deal the rows of each class to the splits, by their shares.

    The n rows of a class are cut at the rounded products of n and the cumulated shares,
    so that no row is in two splits, and what is beyond the last is in none.
    """
    split_of: dict[int, str] = {}
    # a generator for each class: more recordings of one leave the others alone
    for i, kind in enumerate([BACKGROUND, None, *names]):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(DEAL, i)))
        rows = rng.permutation([its.row for its in recordings if its.kind == kind])
        bounds = np.rint(np.cumsum([*splits.values()]) * len(rows)).astype(int)
        for name, dealt in zip(splits, np.split(rows, bounds)[:-1], strict=True):
            split_of.update(dict.fromkeys(dealt, name))
    return split_of


def _loop(part: Signal, n_samples: int, n_fade: int) -> Signal:
    """Play a recording over and over, each end cross-faded into the next beginning.

    Parameters
    ----------
    part : ndarray of shape (n_part_samples,)
    n_samples : int
        Length of the result.
    n_fade : int
        Length of a cross-fade; half of a part at most.
    """
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


@dataclass
class MixMaker(SoundscapeMaker):
    """Soundscapes of recordings: those of a split are in its clips only.

    Attributes
    ----------
    background_level : tuple of (float, float)
        In dB.
    names : list of str
        The classes of events.
    pools : dict of str to dict of str to list of SoundingPart
        For each split, the recordings of each class and of BACKGROUND.
    """

    background_level: tuple[float, float]
    names: list[str]

    owner, lowest_rate = OWNER, 8000

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        super().__post_init__()
        level = self.background_level
        check_pair(OWNER, "background_level", level, numbers.Real, -80, 0)
        kinds = [*self.names, BACKGROUND]
        self.pools: dict[str, dict[Any, list[SoundingPart]]] = {
            split: {kind: [] for kind in kinds} for split in self.n_clips
        }
        self._kept: dict[str, Signal] = {}
        self._free_bytes = KEPT_BYTES

    @property
    def n_block(self) -> int:
        """Samples of a block."""
        return self.sample_rate // BLOCKS_PER_SECOND

    def fill_pools(
        self, recordings: list[Recording], split_of: dict[int, str]
    ) -> list[str]:
        """Give what sounds to the pools; return the paths of silent recordings.

        Raises
        ------
        FileNotFoundError, ValueError
            Where a recording cannot be read, is listed twice for different uses, or a
            class has none that sounds in some split.
        """
        first: dict[str, tuple[str, str | None]] = {}
        used = [its for its in recordings if its.row in split_of]
        for its in used:
            # links to one file are one recording
            use, path = (split_of[its.row], its.kind), os.path.realpath(its.path)
            if first.setdefault(path, use) != use:
                raise ValueError(
                    f"The recording {its.path!r} is listed twice in {OWNER}, in two "
                    "splits or with two classes. List every recording once, or all "
                    "its rows in one fold and with one class."
                )
        search = map(delayed(self.find_sounding), used)
        parts = Parallel(n_jobs=self.n_jobs, require="sharedmem")(search)
        for its, part in zip(used, parts, strict=True):
            if part is not None:
                self.pools[split_of[its.row]][its.kind].append(part)
        has_backgrounds = any(its.kind == BACKGROUND for its in recordings)
        for split, pool in self.pools.items():
            for kind, some in pool.items():
                if not some and (kind or has_backgrounds):
                    what = f"The class {kind!r}" if kind else "The background"
                    raise ValueError(
                        f"{what} has no sounding recording in the split {split!r} of "
                        f"{OWNER}. Change 'splits' or the folds, also those in "
                        "'background_fold', or give other recordings."
                    )
        return [its.path for its, part in zip(used, parts, strict=True) if not part]

    def find_sounding(self, recording: Recording) -> SoundingPart | None:
        """Find where a recording sounds; None where it is silent throughout.

        It sounds from the first to the last block of a hundredth of a second that is at
        most 40 dB below the loudest, which itself must be above -90 dB.
        """
        row, path, *_ = recording
        try:
            waveform = self.load(path)
        except (OSError, ValueError) as error:
            is_gone = isinstance(error, FileNotFoundError)
            sentence = f"Recording {row} of {OWNER} cannot be used: {error}"
            raise (FileNotFoundError if is_gone else ValueError)(sentence) from error
        n_blocks = len(waveform) // self.n_block
        blocks = waveform[: n_blocks * self.n_block].reshape(n_blocks, self.n_block)
        powers = np.square(blocks, dtype=np.float64).mean(axis=1)
        if not n_blocks or powers.max() < AUDIBLE:
            return None
        first, last = np.flatnonzero(powers >= SOUNDING * powers.max())[[0, -1]]
        energies = np.concatenate([[0], np.cumsum(powers[first : last + 1])])
        start, stop = int(first) * self.n_block, (int(last) + 1) * self.n_block
        return SoundingPart(path, start, stop, energies)

    def load(self, path: str) -> Signal:
        """Return the samples of a recording, which must not be changed.

        Those decoded first are kept, up to ``KEPT_BYTES``: where each recording is
        equally likely to come next, no other choice would be better.
        """
        if path in self._kept:
            return self._kept[path]
        waveform = load(path, self.sample_rate)
        waveform.flags.writeable = False
        if waveform.nbytes <= self._free_bytes:
            self._free_bytes -= waveform.nbytes
            self._kept[path] = waveform
        return waveform

    def plan_background(self, synth: Synth, scene: Scene) -> None:
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

    def plan_event(self, synth: Synth, scene: Scene) -> PlacedEvent:
        """Draw a class, one of its recordings, a length and a part of it.

        Where less sounds than the length drawn, the event is as long as what sounds.
        """
        rng, pool = synth.rng, self.pools[scene.split]
        label = int(rng.integers(len(self.names)))
        parts = pool[self.names[label]]
        part = parts[rng.integers(len(parts))]
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
        """Draw the sample of a recording where an event begins, not in a pause.

        All blocks are allowed at which as many samples hold at least ``LOUD_ENOUGH`` of
        the mean power of the recording: an event that is labeled must be heard.
        """
        n_blocks = len(part.energies) - 1
        # whole blocks only: what is counted as loud must be inside the crop
        n_inside = min(max(1, n_samples // self.n_block), n_blocks)
        n_starts = max(0, n_blocks - -(-n_samples // self.n_block)) + 1
        energies = part.energies[n_inside:][:n_starts] - part.energies[:n_starts]
        mean = part.energies[-1] / n_blocks * n_inside
        starts = np.flatnonzero(energies >= min(LOUD_ENOUGH * mean, energies.max()))
        return part.start + int(rng.choice(starts)) * self.n_block

    def sound(self, synth: Synth, scene: Scene) -> tuple[Signal, Iterator[Signal]]:
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
        """Return the level of the background under an event, or of its pauses."""
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

    See Also
    --------
    make_soundscapes : The same of synthetic sounds instead of recordings.
    fetch_esc50 : Recordings of single sounds, with folds.

    Notes
    -----
    Every recording is decoded once to find where it sounds; up to 512 MB of decoded
    samples are kept during the call.

    An event of ``snr`` L dB stands at ``10 log10(P_event / P_background)`` = L, with
    both mean powers from onset to offset. Where a clip would exceed full scale all of
    it is made softer alike. Scaper [1]_ makes soundscapes in the same way; here the
    recordings are dealt to splits before they are mixed.

    References
    ----------
    .. [1] J. Salamon, D. MacConnell, M. Cartwright, P. Li and J. P. Bello, "Scaper: A
       library for soundscape synthesis and augmentation", IEEE WASPAA, 2017.

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
    recordings, names = _read_recordings(
        paths, y, fold, target_names, backgrounds, background_fold, background_classes
    )
    maker = MixMaker(
        _by_split("n_clips", n_clips, dict.fromkeys(splits)),
        _by_split("labeled_fraction", labeled_fraction, dict.fromkeys(splits, 1.0)),
        duration, sample_rate, n_events, event_duration, snr, empty_fraction,
        output_dir, audio_format, n_jobs, verbose, random_state, background_level,
        names,
    )  # fmt: skip
    if fold is None:
        split_of = _deal_shares(recordings, splits, names, maker.seed)
    else:
        split_of = _deal_folds(recordings, splits)
    # what is unlabeled may have a fold, but is of no use
    labeled = {its.row for its in recordings if its.kind is not None}
    split_of = {row: split_of[row] for row in sorted(labeled & split_of.keys())}
    skipped = maker.fill_pools(recordings, split_of)
    if skipped:
        warnings.warn(
            f"{len(skipped)} of the {len(recordings)} recordings given to {OWNER} hold "
            f"nothing but silence, the first of them {skipped[0]!r}. They are left "
            "out; the field 'skipped' names them all.",
            stacklevel=2,
        )
    corpus = maker.make(names)
    unused = [its.path for its in recordings if its.row not in split_of]
    corpus.update(unused=unused, skipped=skipped, DESCR=DESCR)
    return corpus
