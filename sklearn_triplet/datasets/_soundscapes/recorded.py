"""Recordings of one class each in; mixed clips (n_clips, n_samples) and tags out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import librosa  # loads its costly parts when they are first used, not here
import numpy as np
from joblib import Parallel, delayed
from numpy.random import Generator, RandomState, SeedSequence, default_rng
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch

from sklearn_triplet._features.audio import load
from sklearn_triplet._input.labels import check_labels
from sklearn_triplet._input.parameters import is_inside
from sklearn_triplet._input.warn import warn
from sklearn_triplet.datasets._soundscapes import engine
from sklearn_triplet.datasets._soundscapes.engine import Event, Scene, Signal, Source

OWNER = "mix_soundscapes"
BACKGROUND = ""  # in place of the class of a recording that is a background
NOISES = {"white noise": 0.0, "pink noise": -3.01, "brown noise": -6.02}  # dB/octave
SHORTEST_LOOP = 0.7  # least share of a recording that is repeated as a background
BLOCKS_PER_SECOND = 100
SOUNDING = 40  # dB by which a block that sounds may be below the loudest one
AUDIBLE = 3e-5  # peak of a recording that sounds: -90 dB
DESCR = """\
Soundscapes mixed from recordings, which begin at random times, overlap, and stand at
random levels above a background; none is in the clips of two splits. The licence is
that of the recordings, which 'sources' and 'backgrounds' name.
"""


class Recording(NamedTuple):
    """A sound file, its class (or BACKGROUND) and its split; None: it has none."""

    path: str
    kind: str | None
    split: str | None


class Part(NamedTuple):
    """A recording and where it sounds, an ndarray of shape (n_intervals, 2)."""

    path: str
    intervals: NDArray[np.int64]  # samples at the rate of the corpus, by time


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


def _check_splits(given: Any, has_folds: bool) -> dict[str, Any]:
    """Refuse what does not say which folds, or which share, a split gets."""
    splits = {"train": 1.0} if given is None and not has_folds else given
    if isinstance(splits, Mapping) and splits:
        # the name of a split begins those of its files
        are_names = all(re.fullmatch(r"[\w-]+", str(name)) for name in splits)
        shares = [] if has_folds else [*splits.values()]
        are_shares = all(is_inside(share, Real, 0, 1) for share in shares)
        if are_names and are_shares and sum(shares) <= 1 + 1e-9:
            return {str(name): value for name, value in splits.items()}
    kind = "shares that add up to 1 at most, such as {'train': 0.8, 'test': 0.2}"
    kind = "folds, such as {'train': (1, 2, 3), 'test': 4}" if has_folds else kind
    expected = f"a dict from names of letters, digits, '_' and '-' to {kind}"
    raise _refuse("splits", expected, given)


def _count_clips(n_clips: Any, splits: dict[str, Any]) -> dict[str, int]:
    """Give a number of clips to each split: one for all, or each its own."""
    counts = n_clips if isinstance(n_clips, Mapping) else dict.fromkeys(splits, n_clips)
    if counts.keys() == splits.keys():
        return {name: counts[name] for name in splits}
    expected = f"a number, or a dict with one for each of the splits {list(splits)}"
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


def _deal_folds(fold: Any, splits: dict[str, Any], n_paths: int) -> list[str | None]:
    """Find the split of each recording: that which its fold is in."""
    folds = np.asarray(fold).tolist()
    if len(folds) != n_paths:
        raise _refuse("fold", f"one entry for each of {n_paths} paths", folds)
    asked = [(fold, name) for name, given in splits.items() for fold in _list(given)]
    split_of = dict(asked)
    if len(split_of) == len(asked) and {*split_of} <= {*folds}:
        return [split_of.get(fold) for fold in folds]
    expected = f"a dict that names no fold twice, and only those of {OWNER}'s 'fold'"
    raise _refuse("splits", expected, splits)


def _deal_shares(
    kinds: list[str | None], splits: dict[str, float], seed: int
) -> list[str | None]:
    """Deal the recordings of each class to the splits, by their shares.

    The n recordings of a class are shuffled and cut at the rounded products of n and
    the cumulated shares; what is beyond the last is in no split.
    """
    dealt = np.full(len(kinds), None)
    # one number of the key, where those of clips have two
    rng, names = default_rng(SeedSequence(seed, spawn_key=(0,))), [*splits, None]
    for kind in sorted({kind for kind in kinds if kind is not None}):
        rows = rng.permutation([row for row, its in enumerate(kinds) if its == kind])
        bounds = np.rint(np.cumsum([*splits.values()]) * len(rows))
        places = np.searchsorted(bounds, np.arange(len(rows)), side="right")
        dealt[rows] = [names[place] for place in places]
    return dealt.tolist()


class MixMaker(engine.SoundscapeMaker):
    """Soundscapes of recordings: those of a split are in its clips only."""

    owner, lowest_rate = OWNER, 8000

    def fill_pools(self, recordings: list[Recording]) -> list[str]:
        """Collect what sounds in ``pools``; return the paths of silent recordings.

        Each split has a list of parts for each class and for BACKGROUND.

        Raises
        ------
        FileNotFoundError, ValueError
            Where a recording cannot be read, is listed twice for different uses, or a
            class has none that sounds in some split.
        """
        uses: dict[str, Recording] = {}
        for its in recordings:
            # links to one file are one recording
            if uses.setdefault(os.path.realpath(its.path), its)[1:] != its[1:]:
                raise ValueError(
                    f"The recording {its.path!r} is listed twice in {OWNER}, in two "
                    "splits or with two classes. List every recording once."
                )
        used = [its for its in recordings if its.split is not None]
        search = (delayed(self._find_sounding)(its.path) for its in used)
        parts = Parallel(n_jobs=self.n_jobs, require="sharedmem")(search)
        self.pools: dict[tuple[Any, Any], list[Part]] = {}
        for its, part in zip(used, parts, strict=True):
            if len(part.intervals):
                self.pools.setdefault((its.split, its.kind), []).append(part)
        for kind in {its.kind for its in recordings} - {None}:
            for split in self.n_clips:
                if (split, kind) not in self.pools:
                    what = f"class {kind!r}" if kind else "background"
                    raise ValueError(
                        f"The {what} has no sounding recording in the split {split!r} "
                        f"of {OWNER}. Change 'splits', or give other recordings."
                    )
        return [part.path for part in parts if not len(part.intervals)]

    def _find_sounding(self, path: str) -> Part:
        """Find where a recording sounds: blocks at most 40 dB below its loudest."""
        try:
            waveform = load(path, self.sample_rate)
        except (OSError, ValueError) as error:
            kind = (
                FileNotFoundError
                if isinstance(error, FileNotFoundError)
                else ValueError
            )
            raise kind(f"A recording of {OWNER} cannot be used: {error}") from error
        if np.abs(waveform).max(initial=0) < AUDIBLE:
            return Part(path, np.zeros((0, 2), dtype=np.int64))
        block = self.sample_rate // BLOCKS_PER_SECOND
        settings = {"top_db": SOUNDING, "frame_length": block, "hop_length": block}
        return Part(path, librosa.effects.split(waveform, **settings))

    def plan_background(self, scene: Scene) -> Source:
        """Draw a recording, or a kind of noise where there is none."""
        rng, length = scene.rng, self.n_samples
        pool = self.pools.get((scene.split, BACKGROUND))
        if not pool:
            return Source(str(rng.choice(list(NOISES))), 0, length)
        path, intervals = pool[rng.integers(len(pool))]
        first, last = intervals[0, 0], intervals[-1, 1]
        if last - first < length:
            # a part of its own for each clip: no two have the same background
            length = int((last - first) * rng.uniform(SHORTEST_LOOP, 1))
        start = int(rng.integers(first, last - length, endpoint=True))
        return Source(path, start, start + length)

    def plan_event(self, scene: Scene) -> tuple[Event, Source]:
        """Draw a class, one of its recordings, a length and a part of it.

        Where less sounds than the length drawn, the event is as long as what sounds.
        A part begins where something sounds: an event that is labeled must be heard.
        """
        rng, label = scene.rng, int(scene.rng.integers(len(self.names)))
        pool = self.pools[scene.split, self.names[label]]
        path, intervals = pool[rng.integers(len(pool))]
        first, last = intervals[0, 0], intervals[-1, 1]
        shortest, longest = self.event_duration
        wanted = engine.log_uniform(rng, shortest, min(longest, self.duration))
        # whole milliseconds, and no more than there is
        most = np.floor(1000 * (last - first) / self.sample_rate) / 1000
        event, n_samples = self.place(
            rng, label, max(0.001, min(round(wanted, 3), most))
        )
        blocks = np.concatenate(
            [
                np.arange(*interval, self.sample_rate // BLOCKS_PER_SECOND)
                for interval in intervals
            ]
        )
        start = int(min(rng.choice(blocks), max(first, last - n_samples)))
        return event, Source(path, start, start + n_samples)

    def sound(self, scene: Scene) -> tuple[Signal, Iterator[Signal]]:
        """Cut the parts of a scene out of their recordings."""
        rate, (path, start, stop, _) = self.sample_rate, scene.background
        if path in NOISES:
            slope, rng = NOISES[path], scene.rng
            background = engine.noise(
                rng, self.n_samples, rate, lambda f: engine.tilt(f, slope)
            )
        else:
            part = load(path, rate)[start:stop]
            # forth and back, so that the ends meet without a click
            background = np.pad(part, (0, self.n_samples - len(part)), "symmetric")
        sources = (source for _, source in scene.events)
        return background, (
            engine.fade(load(path, rate)[start:stop], rate)
            for path, start, stop, _ in sources
        )


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
        Groups of recordings that are used in one split only. Give it where several
        files were cut from one recording.
    splits : dict, default=None
        With ``fold``: the fold, or folds, of each split, such as ``{"train": (1, 2, 3),
        "validation": 4, "evaluation": 5}``. Without: the share of the recordings of
        each class that goes to it, such as ``{"train": 0.8, "evaluation": 0.2}``. None:
        one split ``"train"`` of all collection.
    n_clips : int or dict, default=100
        Clips of each split, at least 1.
    background_classes : sequence, default=()
        Classes that are backgrounds instead of events. Without any, the background is
        computed white, pink or brown noise.
    labeled_fraction : float, default=1.0
        Share of the clips of the first split that keep their labels, in (0, 1]. All
        others are labeled throughout.
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
    Recordings are decoded when they are searched for what sounds, and again where a
    clip needs them: none is kept in memory.

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
    files, splits = _list_paths(paths), _check_splits(splits, fold is not None)
    kinds, names = _read_classes(y, len(files), background_classes)
    maker = MixMaker(
        names, _count_clips(n_clips, splits), labeled_fraction, duration, sample_rate,
        n_events, event_duration, snr, background_level, empty_fraction, output_dir,
        n_jobs, verbose, random_state,
    )  # fmt: skip
    if fold is None:
        dealt = _deal_shares(kinds, splits, maker.seed)
    else:
        dealt = _deal_folds(fold, splits, len(files))
    # what is unlabeled may have a fold, but is of no use
    recordings = [
        Recording(path, kind, None if kind is None else split)
        for path, kind, split in zip(files, kinds, dealt, strict=True)
    ]
    skipped = maker.fill_pools(recordings)
    if skipped:
        warn(
            f"{len(skipped)} of the {len(files)} recordings given to {OWNER} hold "
            f"nothing but silence, the first of them {skipped[0]!r}. They are left "
            "out; the field 'skipped' names them all."
        )
    corpus = maker.make()
    unused = [its.path for its in recordings if its.split is None]
    corpus.update(unused=unused, skipped=skipped, DESCR=DESCR)
    return corpus
