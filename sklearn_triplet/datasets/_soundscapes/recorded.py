"""Recordings of one class each in; mixed clips (n_clips, n_samples) and tags out."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import librosa  # loads its costly parts when they are first used, not here
import numpy as np
from joblib import Parallel, delayed
from numpy.random import Generator, RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch

from sklearn_triplet._features.audio import load
from sklearn_triplet._input.labels import check_labels
from sklearn_triplet._input.warn import warn
from sklearn_triplet.datasets._soundscapes import engine
from sklearn_triplet.datasets._soundscapes.engine import Placed, Scene, Signal, Source

OWNER = "mix_soundscapes"
BACKGROUND = ""  # in place of the class of a recording that is a background
NOISE = "noise"  # in place of the path of a background that is computed
SHORTEST_LOOP = 0.7  # least share of a recording that is repeated as a background
BLOCKS_PER_SECOND = 100
SOUNDING = 40  # dB by which a block that sounds may be below the loudest one
AUDIBLE = 3e-5  # peak of a recording that sounds: -90 dB
DESCR = """\
Soundscapes mixed from recordings, which begin at random times, overlap, and stand at
random levels above a background; none is in the clips of two splits. The licence is
that of the recordings, which 'sources' and 'backgrounds' name.
"""


def _refuse(name: str, expected: str, got: Any) -> ValueError:
    """Make the sentence that refuses a parameter."""
    return ValueError(
        f"The {name!r} parameter of {OWNER} must be {expected}. Got {got!r} instead."
    )


def _list(value: Any) -> list[Any]:
    """List what may be one value, or several in any container."""
    is_one = isinstance(value, str | os.PathLike) or not np.iterable(value)
    # numbers of numpy and of Python are one fold: as keys they are equal
    return [value] if is_one else [*value]


def _list_paths(paths: Any) -> list[str]:
    """Refuse what is no list of paths."""
    files = [] if isinstance(paths, str | os.PathLike) else _list(paths)
    if files and all(isinstance(path, str | os.PathLike) for path in files):
        return [str(os.fspath(path)) for path in files]
    raise _refuse("paths", "a list of at least one path of a sound file", paths)


def _count_clips(n_clips: Any, splits: list[str]) -> dict[str, int]:
    """Give a number of clips to each split: one for all, or each its own."""
    counts = n_clips if isinstance(n_clips, Mapping) else dict.fromkeys(splits, n_clips)
    if {*counts} == {*splits}:
        return {name: counts[name] for name in splits}
    expected = f"a number, or a dict with one for each of the splits {splits}"
    raise _refuse("n_clips", expected, n_clips)


def _read_classes(
    y: Any, n_paths: int, background_classes: Any
) -> tuple[list[str | None], list[str]]:
    """Name the class of each recording, and the classes of events.

    Returns
    -------
    kinds : list of n_paths str
        BACKGROUND where the class is one, None where the recording is unlabeled.
    names : list of str
        In the order of the columns.
    """
    labels = check_labels(y, n_paths, OWNER)
    if labels.multilabel:
        raise _refuse("y", "one class for each path", f"{len(labels.classes)} columns")
    names = [str(name) for name in labels.classes]
    apart = {str(name) for name in _list(background_classes)}
    events = [name for name in names if name not in apart]
    if not events or not apart <= {*names}:
        expected = f"some of the classes of y, {names}, and leave one for events"
        raise _refuse("background_classes", expected, background_classes)
    kinds = [BACKGROUND if name in apart else name for name in names]
    rows = zip(labels.present, labels.labeled, strict=True)
    return [kinds[row.argmax()] if known else None for row, known in rows], events


def _deal(fold: Any, splits: Any, n_paths: int) -> tuple[list[str], list[str | None]]:
    """Name the splits, and that of each recording: the one its fold is in."""
    if fold is None and splits is None:
        return ["train"], ["train"] * n_paths
    folds = [] if fold is None else np.ravel(fold).tolist()
    pairs = splits.items() if isinstance(splits, Mapping) else ()
    names = [str(name) for name, _ in pairs]
    asked = [(fold, str(name)) for name, given in pairs for fold in _list(given)]
    split_of = dict(asked)
    is_fair = len(split_of) == len(asked) > 0 and {*split_of} <= {*folds}
    # a split gives its name to files
    are_names = all(os.path.basename(name) == name for name in names)
    if is_fair and are_names and len(folds) == n_paths:
        return names, [split_of.get(fold) for fold in folds]
    raise ValueError(
        f"{OWNER} must be given a 'fold' for each path and the folds of each split in "
        "'splits', such as {'train': (1, 2, 3), 'test': 4}, none twice; or neither. "
        f"Got {len(folds)} folds of {n_paths} paths, {sorted({*folds}, key=str)}, and "
        f"the splits {splits!r}."
    )


class MixMaker(engine.SoundscapeMaker):
    """Soundscapes of recordings: those of a split are in its clips only."""

    owner, lowest_rate = OWNER, 8000

    def fill_pools(
        self, paths: list[str], kinds: list[str | None], splits: list[str | None]
    ) -> list[str]:
        """Collect what sounds in ``pools``; return the paths of silent recordings.

        A pool holds the path and the intervals of each recording of a split that is of
        one class, or a BACKGROUND. None in ``kinds`` or ``splits``: it is not used.

        Raises
        ------
        FileNotFoundError, ValueError
            Where a recording cannot be read, is listed twice for different uses, or a
            class has none that sounds in some split.
        """
        uses: dict[str, tuple[Any, ...]] = {}
        for path, *use in zip(paths, splits, kinds, strict=True):
            # links to one file are one recording
            if uses.setdefault(os.path.realpath(path), (path, *use))[1:] != (*use,):
                raise ValueError(
                    f"The recording {path!r} is listed twice in {OWNER}, in two splits "
                    "or with two classes. List every recording once."
                )
        used = [use for use in uses.values() if None not in use]
        search = (delayed(self._find_sounding)(path) for path, *_ in used)
        found = Parallel(n_jobs=self.settings.n_jobs, require="sharedmem")(search)
        self.pools: dict[Any, list[tuple[str, NDArray]]] = {}
        for (path, *use), intervals in zip(used, found, strict=True):
            if len(intervals):
                self.pools.setdefault((*use,), []).append((path, intervals))
        for split, kind in itertools.product(self.settings.n_clips, {*kinds} - {None}):
            if (split, kind) not in self.pools:
                what = f"class {kind!r}" if kind else "background"
                raise ValueError(
                    f"The {what} has no sounding recording in the split {split!r} of "
                    f"{OWNER}. Change 'splits' or 'fold', or give other recordings."
                )
        parts = zip(used, found, strict=True)
        return [path for (path, *_), intervals in parts if not len(intervals)]

    def _find_sounding(self, path: str) -> NDArray[np.int64]:
        """Find where a recording sounds: blocks at most 40 dB below its loudest.

        Returns
        -------
        intervals : ndarray of shape (n_intervals, 2)
            In samples at the rate of the corpus, by time; none where it is silent.
        """
        waveform = load(path, self.rate)
        if np.abs(waveform).max(initial=0) < AUDIBLE:
            return np.zeros((0, 2), dtype=np.int64)
        block = self.rate // BLOCKS_PER_SECOND
        frames = {"frame_length": block, "hop_length": block}
        return librosa.effects.split(waveform, top_db=SOUNDING, **frames)

    def plan_background(self, rng: Generator, split: str) -> Source:
        """Draw a recording, or noise where no class is a background."""
        length, pool = self.n_samples, self.pools.get((split, BACKGROUND))
        if not pool:
            return Source(NOISE, 0, length)
        path, intervals = pool[rng.integers(len(pool))]
        first, last = intervals[0, 0], intervals[-1, 1]
        if last - first < length:
            # a part of its own for each clip: no two have the same background
            length = int((last - first) * rng.uniform(SHORTEST_LOOP, 1))
        start = int(rng.integers(first, last - length, endpoint=True))
        return Source(path, start, start + length)

    def plan_event(self, rng: Generator, split: str, labels: list[int]) -> Placed:
        """Draw a class, one of its recordings, a length and a part of it.

        Where less sounds than the length drawn, the event is as long as what sounds.
        A part begins where something sounds: an event that is labeled must be heard.
        """
        label = int(rng.integers(len(self.settings.names)))
        pool = self.pools[split, self.settings.names[label]]
        path, intervals = pool[rng.integers(len(pool))]
        first, last = intervals[0, 0], intervals[-1, 1]
        shortest, longest = self.settings.event_duration
        limits = shortest, min(longest, self.settings.duration)
        most = int(1000 * (last - first) / self.rate) / 1000
        seconds = min(round(float(engine.log_uniform(rng, *limits)), 3), most)
        event, n_samples = self.place(rng, label, seconds)
        block = self.rate // BLOCKS_PER_SECOND
        # the last block of an interval may be silent for its greater part
        ranges = [np.arange(a, max(a + 1, b - block), block) for a, b in intervals]
        starts = np.concatenate(ranges)
        start = int(min(rng.choice(starts), last - n_samples))
        return event, Source(path, start, start + n_samples)

    def sound(self, scene: Scene) -> tuple[Signal, Iterator[Signal]]:
        """Cut the parts of a scene out of their recordings."""

        def cut(source: Source) -> Signal:
            return load(source.path, self.rate)[source.start : source.stop]

        if scene.background.path == NOISE:
            # between brown and white
            slope, what = scene.rng.uniform(-6, 0), (self.n_samples, self.rate)
            background = engine.noise(scene.rng, *what, lambda f: engine.tilt(f, slope))
        else:
            part = cut(scene.background)
            # forth and back, so that the ends meet without a click
            background = np.pad(part, (0, self.n_samples - len(part)), "symmetric")
        parts = (engine.fade(cut(source), self.rate) for _, source in scene.events)
        return background, parts


def mix_soundscapes(
    paths: Sequence[str | os.PathLike],
    y: ArrayLike,
    *,
    fold: ArrayLike | None = None,
    splits: Mapping[str, Any] | None = None,
    n_clips: int | Mapping[str, int] = 100,
    background_classes: Sequence[Any] = (),
    labeled_fraction: float = 1.0,
    duration: float = 10.0,
    sample_rate: int = 44100,
    n_events: tuple[int, int] = (1, 3),
    event_duration: tuple[float, float] = (0.5, 5.0),
    snr: tuple[float, float] = (0.0, 15.0),
    background_level: tuple[float, float] = (-40.0, -28.0),
    empty_fraction: float = 0.02,
    output_dir: str | os.PathLike | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
    random_state: int | RandomState | Generator | None = None,
) -> Bunch:
    """Mix recordings of single sounds into clips of several, some labeled.

    So a corpus of isolated sounds, such as ESC-10, becomes one of soundscapes with weak
    labels, of any size. A clip depends on the recordings of its split, the settings,
    ``random_state``, the name of its split and its number in it only: with more clips,
    other splits or more jobs the samples stay the same (the choice of the labeled clips
    differs with their number).

    An event is the sounding part of a recording, whole or cut out at random where it is
    longer than the length drawn for the event. A background is the sounding part of a
    recording too, played forth and back if it is shorter than the clip.

    Parameters
    ----------
    paths : sequence of n_recordings paths
        The sound files, mixed down to one channel and resampled.
    y : array-like of shape (n_recordings,)
        The class of each; unlabeled ones (-1) are left out, see ``unused``.
    fold : array-like of shape (n_recordings,), default=None
        Groups of recordings that are used in one split only: all that were cut from
        one longer recording, say.
    splits : dict, default=None
        The fold, or folds, of each split, such as ``{"train": (1, 2, 3), "test": 4}``;
        its name begins the names of its files. None: without ``fold``, one split
        ``"train"`` of all recordings.
    n_clips : int or dict, default=100
        Clips of each split, at least 1.
    background_classes : sequence, default=()
        Classes that are backgrounds instead of events. Without any, the background is
        computed noise.
    labeled_fraction : float, default=1.0
        Share of the clips of the first split that keep their labels, in (0, 1]. All
        others are labeled throughout.
    duration, sample_rate : float and int, default=10.0 and 44_100
        As in :func:`make_soundscapes`, save that rates from 8000 Hz on are allowed.
    n_events : tuple of (int, int), default=(1, 3)
        Fewest and most events of a clip that is not empty, each at least 1.
    event_duration : tuple of (float, float), default=(0.5, 5.0)
        Shortest and longest event in seconds, at least 0.05; a recording that sounds
        for a shorter time is used whole.
    snr : tuple of (float, float), default=(0.0, 15.0)
        Lowest and highest level of an event in dB, in [-60, 60].
    background_level : tuple of (float, float), default=(-40.0, -28.0)
        Lowest and highest mean power of a background in dB, in [-80, 0]; 0 is a mean
        square of 1.
    empty_fraction : float, default=0.02
        As in :func:`make_soundscapes`.
    output_dir : path-like, default=None
        As in :func:`make_soundscapes`, save that files are named by their split, such
        as ``train_00000.flac``.
    n_jobs, verbose, random_state : int, default=None, 0 and None
        As in :func:`make_soundscapes`.

    Returns
    -------
    corpus : :class:`~sklearn.utils.Bunch`
        The splits one after another, with the attributes of :func:`make_soundscapes`,
        ``target_names`` being the classes of events, and

        split : ndarray of shape (n_clips,), str
            The split of each clip.
        sources : list of n_clips lists of Source
            Named tuples ``(path, start, stop)``, one an event: its samples ``start`` to
            ``stop`` at ``sample_rate``, faded in over 5 ms and out over 30 ms, begin at
            the onset.
        backgrounds : list of n_clips Source
            The same of the backgrounds; ``path`` is ``"noise"`` where they were
            computed.
        unused : list of str
            Recordings that are unlabeled or in a fold of no split.
        skipped : list of str
            Recordings that hold nothing but silence.

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
    Recordings are decoded when they are searched for what sounds, and again where a
    clip needs them: none is kept in memory.

    Scaper [1]_ makes soundscapes in the same way; here the recordings are dealt to
    splits before they are mixed.

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
    settings = Bunch(**locals())  # as the user gave them
    files = _list_paths(paths)
    kinds, names = _read_classes(y, len(files), background_classes)
    split_names, dealt = _deal(fold, splits, len(files))
    settings.update(names=names, n_clips=_count_clips(n_clips, split_names))
    maker = MixMaker(settings)
    skipped = maker.fill_pools(files, kinds, dealt)
    if skipped:
        warn(
            f"{len(skipped)} of the {len(files)} recordings given to {OWNER} hold "
            f"nothing but silence, the first of them {skipped[0]!r}. They are left "
            "out; the field 'skipped' names them all."
        )
    corpus = maker.make()
    uses = zip(files, kinds, dealt, strict=True)
    unused = [path for path, *use in uses if None in use]
    corpus.update(unused=unused, skipped=skipped, DESCR=DESCR)
    return corpus
