"""Sounds and their settings in; clips (n_clips, n_samples), tags and event tables out.

A clip is first planned (what sounds when, and how loud) and then rendered. Both draw
from a generator of its own, derived from the seed, the split and the number of the clip
alone: neither more clips nor other splits nor more jobs change one.
"""

from __future__ import annotations

import csv
import os
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
import soundfile
from joblib import delayed
from numpy.random import Generator, RandomState, SeedSequence, default_rng
from numpy.typing import NDArray
from scipy import fft
from sklearn.utils import Bunch

from sklearn_triplet._input.labels import UNLABELED
from sklearn_triplet._input.parameters import check_interval
from sklearn_triplet._model_selection.stratification import mask_labels
from sklearn_triplet.datasets import _base

# float32; but numpy's types make float64 of a product with a number
Signal: TypeAlias = NDArray[np.floating]
Response: TypeAlias = NDArray[np.inexact]

LOWEST = 20.0  # Hz; no microphone hears less, and white noise has no power there
PEAK = 0.98  # below 1, so that 16 bits hold it whatever the rounding
SILENCE = 1e-9  # the least level that anything is divided by
QUIETEST = 0.1  # a pause in the background counts as 20 dB below its mean
ATTACK, RELEASE = 0.005, 0.03  # seconds in which an event is faded in and out
# what follows 'labeled' and 'snr' is known of recordings only
LABEL_COLUMNS = "filename event_labels labeled split background start stop gain".split()
EVENT_COLUMNS = "filename onset offset event_label snr source start stop gain".split()


class Event(NamedTuple):
    """One event of a clip: column of its class, start and end in seconds."""

    label: int
    onset: float
    offset: float


class Source(NamedTuple):
    """A part of a recording, in samples at the rate of the corpus, and its factor."""

    path: str  # nothing where it is synthetic
    start: int
    stop: int
    gain: float = 1.0  # until the clip was rendered


@dataclass
class Scene:
    """What happens in one clip.

    Attributes
    ----------
    split : str
    number : int
        Of the clip in its split.
    rng : numpy.random.Generator
        Plans the clip, and then sounds it.
    background : Source
    background_level : float
        Mean power in dB; 0 is a mean square of 1.
    events : list of (Event, Source)
        By onset.
    snr : ndarray of shape (n_events,)
        In dB.
    """

    split: str
    number: int
    rng: Generator
    background: Source = Source("", 0, 0)
    background_level: float = 0.0
    events: list[tuple[Event, Source]] = field(default_factory=list)
    snr: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


def log_uniform(
    rng: Generator, low: float, high: float, size: int | None = None
) -> Any:
    """Draw one number, or several, whose logarithm is uniform, as rates are."""
    return np.exp(rng.uniform(np.log(low), np.log(high), size))


def rms(signal: Signal) -> float:
    """Root of the mean power, in float64: float32 sums lose digits in long signals."""
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))


def fade(signal: Signal, sample_rate: int) -> Signal:
    """Fade a signal in within 5 ms and out within 30 ms, in place; return it."""
    for seconds, ends in ((ATTACK, signal), (RELEASE, signal[::-1])):
        n_fade = min(len(signal), max(1, int(seconds * sample_rate)))
        ends[:n_fade] *= np.linspace(0, 1, n_fade, dtype=np.float32)
    return signal


def tilt(frequencies: NDArray, decibel_per_octave: float) -> Response:
    """Gain of a filter that is 1 at 1 kHz: 0 white, -3.01 pink, -6.02 brown noise.

    Parameters
    ----------
    frequencies : ndarray of shape (n_frequencies,)
        In Hz; nothing passes below 20 Hz.
    decibel_per_octave : float

    Returns
    -------
    response : ndarray of shape (n_frequencies,)

    Examples
    --------
    >>> tilt(np.array([0, 500, 1000, 2000]), -6.0206).round(3)
    array([0. , 2. , 1. , 0.5])
    """
    slope = decibel_per_octave / (20 * np.log10(2))
    gains = (np.maximum(frequencies, LOWEST) / 1000) ** slope
    return gains * (frequencies >= LOWEST)


def frequencies_of(n_fft: int, sample_rate: int) -> NDArray[np.float32]:
    """Return the frequencies of a transform in Hz, shape (n_fft // 2 + 1,)."""
    # half the bytes of float64 take half the time, and gains need no more digits
    return fft.rfftfreq(n_fft, 1 / sample_rate).astype(np.float32)


def noise(
    rng: Generator, n_samples: int, rate: int, colour: Callable[[NDArray], Response]
) -> Signal:
    """Gaussian noise, coloured by a function from frequencies in Hz to gains."""
    n_fft = fft.next_fast_len(n_samples, real=True)
    spectrum = fft.rfft(rng.standard_normal(n_fft, dtype=np.float32))
    return fft.irfft(spectrum * colour(frequencies_of(n_fft, rate)), n_fft)[:n_samples]


@dataclass
class SoundscapeMaker(ABC):
    """Place events on backgrounds; a subclass says where the sounds come from.

    The parameters are those of the public functions, save that ``n_clips`` holds a
    number for each split, and ``names`` are the classes of events, one a column.
    """

    names: list[str]
    n_clips: dict[str, int]
    labeled_fraction: float
    duration: float
    sample_rate: int
    n_events: tuple[int, int]
    event_duration: tuple[float, float]
    snr: tuple[float, float]
    background_level: tuple[float, float]
    empty_fraction: float
    output_dir: str | os.PathLike[str] | None
    n_jobs: int | None
    verbose: int
    random_state: int | RandomState | Generator | None

    owner: ClassVar[str]
    lowest_rate: ClassVar[int]

    def __post_init__(self) -> None:
        """Refuse what is out of range, before anything is read or computed."""
        owner, check, pair = self.owner, check_interval, _base.check_pair
        for count in self.n_clips.values():
            check(owner, "n_clips", count, Integral, 1)
        check(owner, "labeled_fraction", self.labeled_fraction, Real, 0, 1, left="open")
        check(owner, "duration", self.duration, Real, 0.1, 600)
        rate, shortest = self.sample_rate, self.event_duration
        check(owner, "sample_rate", rate, Integral, self.lowest_rate, 96_000)
        check(owner, "empty_fraction", self.empty_fraction, Real, 0, 1)
        pair(owner, "n_events", self.n_events, Integral, 1, np.inf)
        shortest, _ = pair(
            owner, "event_duration", self.event_duration, Real, 0.05, np.inf
        )
        check(owner, "event_duration[0]", shortest, Real, 0.05, self.duration)
        pair(owner, "snr", self.snr, Real, -60, 60)
        pair(owner, "background_level", self.background_level, Real, -80, 0)
        if self.output_dir is not None:
            _base.check_output(owner, self.output_dir)
        self.n_samples = round(self.duration * rate)
        self.seed = _base.seed_from(owner, self.random_state)

    @abstractmethod
    def plan_background(self, scene: Scene) -> Source:
        """Draw the background of a scene, as far as a plan holds it."""

    @abstractmethod
    def plan_event(self, scene: Scene) -> tuple[Event, Source]:
        """Draw one more event of a scene, and as many samples to sound it."""

    @abstractmethod
    def sound(self, scene: Scene) -> tuple[Signal, Iterable[Signal]]:
        """Sound the parts of a planned scene, each of any level.

        Parameters
        ----------
        scene : Scene

        Returns
        -------
        background : ndarray of shape (n_samples,), float32
            May be changed in place.
        events : iterable of n_events ndarrays of shape (n_samples_i,)
            In the order of the scene; they may outlast their offset.
        """

    def place(self, rng: Generator, label: int, seconds: float) -> tuple[Event, int]:
        """Draw when an event of a class begins; count its samples too.

        Times are whole milliseconds, so that the written tables say the same as the
        bunch.
        """
        onset = round(rng.uniform(0, max(0, self.duration - seconds)), 3)
        offset = min(round(onset + seconds, 3), self.duration)
        return Event(label, onset, offset), round((offset - onset) * self.sample_rate)

    def make(self) -> Bunch:
        """Make the clips of all splits, one split after another.

        Returns
        -------
        corpus : Bunch
            As the public functions describe it, without ``DESCR``.
        """
        splits = self.n_clips.items()
        scenes = [self._plan(split, i) for split, count in splits for i in range(count)]
        corpus = Bunch(
            target_names=np.array(self.names),
            events=[[event for event, _ in scene.events] for scene in scenes],
            snr=[scene.snr for scene in scenes],
            sample_rate=self.sample_rate,
        )
        self._add_labels(corpus)
        self._add_sound(corpus, scenes)
        if scenes[0].background.path:
            corpus.split = np.array([scene.split for scene in scenes])
            corpus.backgrounds = [scene.background for scene in scenes]
            corpus.sources = [
                [source for _, source in scene.events] for scene in scenes
            ]
        if self.output_dir is not None:
            write_tables(corpus, scenes)
        return corpus

    def _plan(self, split: str, number: int) -> Scene:
        """Draw what happens in a clip."""
        # a split counts by its name, whatever its position
        key = zlib.crc32(split.encode()), number
        rng = default_rng(SeedSequence(self.seed, spawn_key=key))
        scene = Scene(split, number, rng)
        scene.background = self.plan_background(scene)
        scene.background_level = float(rng.uniform(*self.background_level))
        is_empty = rng.random() < self.empty_fraction
        n_events = 0 if is_empty else rng.integers(*self.n_events, endpoint=True)
        scene.events = [self.plan_event(scene) for _ in range(n_events)]
        scene.events.sort(key=lambda part: part[0].onset)
        # two decimals, as they are written
        scene.snr = rng.uniform(*self.snr, size=n_events).round(2)
        return scene

    def _add_labels(self, corpus: Bunch) -> None:
        """Mark the classes that sound in each clip; hide labels of the first split."""
        truth = np.zeros((len(corpus.events), len(self.names)), dtype=np.int64)
        for row, events in zip(truth, corpus.events, strict=True):
            row[[event.label for event in events]] = 1
        corpus.target, corpus.target_true = truth.copy(), truth
        # mask_labels takes one column for a y of one dimension, and warns
        first = slice(next(iter(self.n_clips.values())))
        known = truth[first] if len(self.names) > 1 else truth[first, 0]
        fraction, seed = float(self.labeled_fraction), self.seed % 2**32
        masked = mask_labels(known, fraction, random_state=seed)
        corpus.target[first] = masked.reshape(-1, len(self.names))

    def _add_sound(self, corpus: Bunch, scenes: list[Scene]) -> None:
        """Render all clips, into one array or a file each."""
        if self.output_dir is None:
            corpus.data = np.empty((len(scenes), self.n_samples), dtype=np.float32)
        else:
            folder = str(_base.output_folder(self.owner, self.output_dir))
            files = [f"{scene.split}_{scene.number:05d}.flac" for scene in scenes]
            corpus.paths = np.array([os.path.join(folder, file) for file in files])

        def compute(row: int) -> None:
            waveform = self._render(scenes[row])
            if "data" in corpus:
                corpus.data[row] = waveform
            else:
                soundfile.write(corpus.paths[row], waveform, self.sample_rate, "PCM_16")

        # in threads, for transforms, decoder and encoder let others run meanwhile;
        # processes would have to send the waveforms back
        tasks, n_clips = map(delayed(compute), range(len(scenes))), len(scenes)
        how = self.n_jobs, self.verbose, "sharedmem"
        list(_base.compute_clips(self.owner, tasks, n_clips, *how))

    def _render(self, scene: Scene) -> Signal:
        """Add the events to the background, each at its level, and note the gains.

        Returns
        -------
        waveform : ndarray of shape (n_samples,), float32
            With a peak below 1.

        Notes
        -----
        With the root mean square r of the background and e of the event, both from its
        onset to its offset, an event of L dB is multiplied by ``r * 10 ** (L / 20) /
        e``, so that L = 20 log10(e / r) afterwards. An echo after the offset does not
        count.
        """
        background, parts = self.sound(scene)
        gains = [10 ** (scene.background_level / 20) / max(rms(background), SILENCE)]
        background *= np.float32(gains[0])
        waveform, least = background.copy(), QUIETEST * rms(background)
        for (event, source), level, part in zip(
            scene.events, scene.snr, parts, strict=True
        ):
            start, heard = (
                round(event.onset * self.sample_rate),
                part[: source.stop - source.start],
            )
            under = rms(background[start:][: len(heard)])
            gains.append(
                max(least, under) * 10 ** (level / 20) / max(rms(heard), SILENCE)
            )
            place = waveform[start:][: len(part)]
            place += part[: len(place)] * np.float32(gains[-1])
        # one factor for all parts: nothing is clipped, and the levels stay as drawn
        common = np.float32(min(1, PEAK / max(np.abs(waveform).max(), SILENCE)))
        first, *rest = (float(gain) * float(common) for gain in gains)
        scene.background = scene.background._replace(gain=first)
        scene.events = [
            (event, source._replace(gain=gain))
            for (event, source), gain in zip(scene.events, rest, strict=True)
        ]
        return waveform * common


def write_tables(corpus: Bunch, scenes: list[Scene]) -> None:
    """Write ``labels.tsv``, a line a clip, and ``events.tsv``, a line an event.

    The columns are those of task 4 of DCASE 2018 [1]_, then ``labeled`` or ``snr``,
    then split and sources of what is recorded.

    References
    ----------
    .. [1] R. Serizel, N. Turpault, H. Eghbal-Zadeh and A. Parag Shah, "Large-scale
       weakly labeled semi-supervised sound event detection in domestic environments",
       DCASE Workshop, 2018.
    """
    names = corpus.target_names
    labels: list[list[Any]] = [LABEL_COLUMNS]
    events: list[list[Any]] = [EVENT_COLUMNS]
    for path, scene, truth, y in zip(
        map(Path, corpus.paths), scenes, corpus.target_true, corpus.target, strict=True
    ):
        tags, is_known = ",".join(names[truth == 1]), int(y[0] != UNLABELED)
        labels.append([path.name, tags, is_known, scene.split, *scene.background])
        for (event, source), level in zip(scene.events, scene.snr, strict=True):
            times = f"{event.onset:.3f}", f"{event.offset:.3f}"
            line = [path.name, *times, names[event.label], f"{level:.2f}", *source]
            events.append(line)
    for table, lines, width in (("labels.tsv", labels, 3), ("events.tsv", events, 5)):
        shown = slice(None if "sources" in corpus else width)
        with (path.parent / table).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerows(line[shown] for line in lines)
