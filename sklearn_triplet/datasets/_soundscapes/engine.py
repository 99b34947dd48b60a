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
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
import soundfile
from joblib import Parallel, delayed
from numpy.random import Generator, SeedSequence, default_rng
from numpy.typing import NDArray
from scipy import fft
from sklearn.utils import Bunch

from sklearn_triplet._input.parameters import check_interval, check_pair
from sklearn_triplet._input.progress import show_progress
from sklearn_triplet._input.random import seed_from
from sklearn_triplet._model_selection.stratification import mask_labels
from sklearn_triplet.datasets import _base

# float32; but numpy's types make float64 of a product with a number
Signal: TypeAlias = NDArray[np.floating]
Response: TypeAlias = NDArray[np.inexact]

LOWEST = 20.0  # Hz; no microphone hears less, and white noise has no power there
PEAK = 0.98  # below 1, so that 16 bits hold it whatever the rounding
SILENCE = 1e-9  # the least level that anything is divided by
ATTACK, RELEASE = 0.005, 0.03  # seconds in which an event is faded in and out
LABEL_COLUMNS = ["filename", "event_labels", "labeled"]
EVENT_COLUMNS = ["filename", "onset", "offset", "event_label", "snr"]


class Event(NamedTuple):
    """One event of a clip: column of its class, start and end in seconds."""

    label: int
    onset: float
    offset: float


class Source(NamedTuple):
    """A part of a recording, in samples at the rate of the corpus."""

    path: str  # nothing where it is synthetic
    start: int
    stop: int


Placed: TypeAlias = tuple[Event, Source]


class Scene(NamedTuple):
    """What happens in one clip.

    Attributes
    ----------
    split : str
    rng : numpy.random.Generator
        Planned the clip, and will sound it.
    background : Source
    level : float
        Mean power of the background in dB; 0 is a mean square of 1.
    events : list of (Event, Source)
        By onset.
    snr : ndarray of shape (n_events,)
        In dB.
    """

    split: str
    rng: Generator
    background: Source
    level: float
    events: list[Placed]
    snr: NDArray[np.float64]


def log_uniform(rng: Generator, low: float, high: float, size: Any = None) -> Any:
    """Draw numbers whose logarithm is uniform, as rates and lengths are."""
    return np.exp(rng.uniform(np.log(low), np.log(high), size))


def rms(signal: Signal) -> float:
    """Root of the mean power, in float64: float32 sums lose digits in long signals."""
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))


def fade(signal: Signal, rate: int) -> Signal:
    """Fade a signal in within 5 ms and out within 30 ms, in place; return it."""
    for seconds, ends in ((ATTACK, signal), (RELEASE, signal[::-1])):
        n_fade = min(len(signal), int(seconds * rate))
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


def frequencies_of(n_fft: int, rate: int) -> NDArray[np.float32]:
    """Return the frequencies of a transform in Hz, shape (n_fft // 2 + 1,)."""
    # half the bytes of float64 take half the time, and gains need no more digits
    return fft.rfftfreq(n_fft, 1 / rate).astype(np.float32)


def noise(
    rng: Generator, n_samples: int, rate: int, colour: Callable[[NDArray], Response]
) -> Signal:
    """Gaussian noise, coloured by a function from frequencies in Hz to gains."""
    n_fft = fft.next_fast_len(n_samples, real=True)
    spectrum = fft.rfft(rng.standard_normal(n_fft, dtype=np.float32))
    spectrum *= colour(frequencies_of(n_fft, rate))
    return fft.irfft(spectrum, n_fft)[:n_samples]


class SoundscapeMaker(ABC):
    """Place events on backgrounds; a subclass says where the sounds come from.

    Parameters
    ----------
    settings : Bunch
        The parameters of the public function, save that ``n_clips`` holds a number for
        each split; and ``names``, the classes of events, one a column.
    """

    owner: ClassVar[str]
    lowest_rate: ClassVar[int]

    def __init__(self, settings: Bunch) -> None:
        self.settings, owner, check = settings, self.owner, check_interval
        self.rate, duration = settings.sample_rate, settings.duration
        for count in settings.n_clips.values():
            check(owner, "n_clips", count, Integral, 1)
        share, pair = settings.labeled_fraction, check_pair
        check(owner, "labeled_fraction", share, Real, 0, 1, left="open")
        check(owner, "duration", duration, Real, 0.1, 600)
        check(owner, "sample_rate", self.rate, Integral, self.lowest_rate, 96_000)
        check(owner, "empty_fraction", settings.empty_fraction, Real, 0, 1)
        pair(owner, "n_events", settings.n_events, Integral, 1, np.inf)
        lengths = settings.event_duration
        pair(owner, "event_duration", lengths, Real, 0.05, np.inf)
        check(owner, "event_duration[0]", lengths[0], Real, 0.05, duration)
        pair(owner, "snr", settings.snr, Real, -60, 60)
        pair(owner, "background_level", settings.background_level, Real, -80, 0)
        if settings.output_dir is not None:
            _base.check_output(owner, settings.output_dir)
        self.n_samples = round(duration * self.rate)
        self.seed = seed_from(owner, settings.random_state)

    def plan_background(self, rng: Generator, split: str) -> Source:
        """Draw the background of a clip; where it is synthetic, ``sound`` does."""
        return Source("", 0, self.n_samples)

    @abstractmethod
    def plan_event(self, rng: Generator, split: str, labels: list[int]) -> Placed:
        """Draw one more event of a clip, and as many samples to sound it.

        ``labels`` are the columns of the events drawn before.
        """

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
        duration = self.settings.duration
        onset = round(rng.uniform(0, max(0, duration - seconds)), 3)
        offset = min(round(onset + seconds, 3), duration)
        return Event(label, onset, offset), round((offset - onset) * self.rate)

    def make(self) -> Bunch:
        """Make the clips of all splits, one split after another.

        Returns
        -------
        corpus : Bunch
            As the public functions describe it, without ``DESCR``.
        """
        counts, names = self.settings.n_clips, self.settings.names
        clips = [(split, i) for split, count in counts.items() for i in range(count)]
        scenes = [self._plan(split, number) for split, number in clips]
        corpus = Bunch(target_names=np.array(names), sample_rate=self.rate)
        corpus.events = [[event for event, _ in scene.events] for scene in scenes]
        corpus.snr = [scene.snr for scene in scenes]
        self._add_labels(corpus)
        if scenes[0].background.path:
            corpus.split = np.array([scene.split for scene in scenes])
            corpus.backgrounds = [scene.background for scene in scenes]
            corpus.sources = [[part for _, part in scene.events] for scene in scenes]
        if self.settings.output_dir is None:
            corpus.data = np.empty((len(scenes), self.n_samples), dtype=np.float32)
        else:
            folder = _base.output_folder(self.owner, self.settings.output_dir)
            files = [f"{split}_{number:05d}.flac" for split, number in clips]
            corpus.paths = np.array([os.path.join(folder, file) for file in files])
            write_tables(corpus)
        self._add_sound(corpus, scenes)
        return corpus

    def _plan(self, split: str, number: int) -> Scene:
        """Draw what happens in a clip."""
        # a split counts by its name, whatever its position
        key = zlib.crc32(split.encode()), number
        rng = default_rng(SeedSequence(self.seed, spawn_key=key))
        background = self.plan_background(rng, split)
        level = rng.uniform(*self.settings.background_level)
        fewest, most = self.settings.n_events
        n_events = int(rng.integers(fewest, most, endpoint=True))
        n_events *= rng.random() >= self.settings.empty_fraction
        events: list[Placed] = []
        for _ in range(n_events):
            labels = [event.label for event, _ in events]
            events.append(self.plan_event(rng, split, labels))
        # two decimals, as they are written
        lowest, highest = self.settings.snr
        snr = rng.uniform(lowest, highest, n_events).round(2)
        events.sort(key=lambda part: part[0].onset)
        return Scene(split, rng, background, level, events, snr)

    def _add_labels(self, corpus: Bunch) -> None:
        """Mark the classes that sound in each clip; hide labels of the first split."""
        n_classes, first = (
            len(corpus.target_names),
            [*self.settings.n_clips.values()][0],
        )
        truth = np.zeros((len(corpus.events), n_classes), dtype=np.int64)
        for row, events in zip(truth, corpus.events, strict=True):
            row[[event.label for event in events]] = 1
        corpus.target, corpus.target_true = truth.copy(), truth
        # mask_labels takes one column for a y of one dimension, and warns
        known = truth[:first] if n_classes > 1 else truth[:first, 0]
        fraction, seed = float(self.settings.labeled_fraction), self.seed % 2**32
        masked = mask_labels(known, fraction, random_state=seed)
        corpus.target[:first] = masked.reshape(first, n_classes)

    def _add_sound(self, corpus: Bunch, scenes: list[Scene]) -> None:
        """Render all clips, into one array or a file each."""

        def compute(row: int) -> None:
            waveform = self._render(scenes[row])
            if "data" in corpus:
                corpus.data[row] = waveform
            else:
                soundfile.write(corpus.paths[row], waveform, self.rate, "PCM_16")

        # in threads, for transforms, decoder and encoder let others run meanwhile;
        # processes would have to send the waveforms back
        workers = Parallel(
            self.settings.n_jobs, require="sharedmem", return_as="generator"
        )
        done = workers(map(delayed(compute), range(len(scenes))))
        total, verbose = len(scenes), self.settings.verbose
        shown = show_progress(
            done, self.owner, unit="clip", total=total, verbose=verbose
        )
        list(shown)

    def _render(self, scene: Scene) -> Signal:
        """Add the events to the background, each at its level.

        Returns
        -------
        waveform : ndarray of shape (n_samples,), float32
            With a peak below 1.

        Notes
        -----
        With the root mean square b of the whole background and e of the event, from its
        onset to its offset, an event of L dB is multiplied by ``b * 10 ** (L / 20) /
        e``, so that L = 20 log10(e / b) afterwards. An echo after the offset does not
        count.
        """
        background, parts = self.sound(scene)
        level = 10 ** (scene.level / 20)
        background *= np.float32(level / max(rms(background), SILENCE))
        mix = zip(scene.events, scene.snr, parts, strict=True)
        for (event, source), snr, part in mix:
            heard = rms(part[: source.stop - source.start])
            gain = level * 10 ** (snr / 20) / max(heard, SILENCE)
            place = background[round(event.onset * self.rate) :][: len(part)]
            place += part[: len(place)] * np.float32(gain)
        # one factor for all parts: nothing is clipped, and the levels stay as drawn
        return background * np.float32(PEAK / max(PEAK, np.abs(background).max()))


def write_tables(corpus: Bunch) -> None:
    """Write ``labels.tsv``, a line a clip, and ``events.tsv``, a line an event.

    The columns are those of task 4 of DCASE 2018 [1]_, then ``labeled`` or ``snr``.

    References
    ----------
    .. [1] R. Serizel, N. Turpault, H. Eghbal-Zadeh and A. Parag Shah, "Large-scale
       weakly labeled semi-supervised sound event detection in domestic environments",
       DCASE Workshop, 2018.
    """
    names, labels, events = corpus.target_names, [LABEL_COLUMNS], [EVENT_COLUMNS]
    for i, path in enumerate(map(Path, corpus.paths)):
        tags, is_known = names[corpus.target_true[i] == 1], corpus.target[i, 0] >= 0
        labels.append([path.name, ",".join(tags), str(int(is_known))])
        for (label, *times), snr in zip(corpus.events[i], corpus.snr[i], strict=True):
            onset, offset = (f"{time:.3f}" for time in times)
            events.append([path.name, onset, offset, names[label], f"{snr:.2f}"])
    for table, lines in (("labels.tsv", labels), ("events.tsv", events)):
        with (path.parent / table).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter="\t", lineterminator="\n").writerows(lines)
