"""Sounds and their settings in; clips (n_clips, n_samples), tags and event tables out.

A clip is first planned (what sounds when, and how loud) and then rendered. Both draw
from generators of their own, derived from the seed, the split and the number of the
clip alone: neither more clips nor other splits nor more jobs change one.
"""

from __future__ import annotations

import csv
import itertools
import numbers
import os
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import soundfile
from joblib import delayed
from numpy.typing import NDArray
from sklearn.utils import Bunch

from sklearn_triplet._input.labels import UNLABELED
from sklearn_triplet._input.parameters import check_interval, check_option
from sklearn_triplet._model_selection.stratification import mask_labels
from sklearn_triplet.datasets import _base
from sklearn_triplet.datasets._soundscapes.signals import (
    Signal,
    Synth,
    add_at,
    rms,
)

PLAN, SOUND = 0, 1  # what a generator of a clip is for
PEAK = 0.98  # below 1, so that 16 bits hold it whatever the rounding
SILENCE = 1e-9  # the least level that anything is divided by
# the last columns are written where the parts are recorded
LABEL_COLUMNS = "filename event_labels labeled split background start stop gain".split()
EVENT_COLUMNS = "filename onset offset event_label snr source start stop gain".split()


class Event(NamedTuple):
    """One event of a clip: column of its class, start and end in seconds."""

    label: int
    onset: float
    offset: float


class Source(NamedTuple):
    """A part of a recording, in samples at the rate of the corpus, and its factor."""

    path: str
    start: int
    stop: int
    gain: float = 1.0  # until the clip was rendered


class PlacedEvent(NamedTuple):
    """An event, the samples of the clip that it fills, and what it is cut out of."""

    event: Event
    start: int
    stop: int
    source: Source = Source("", 0, 0)  # synthetic: nothing


@dataclass
class Scene:
    """What happens in one clip.

    Attributes
    ----------
    split : str
        Empty where there are no splits.
    number : int
        Of the clip in its split.
    background : Source
        Without a path where it is synthetic.
    background_level : float
        Mean power in dB; 0 is a mean square of 1.
    events : list of PlacedEvent
        By onset.
    levels : ndarray of shape (n_events,)
        SNR of each event in dB.
    """

    split: str
    number: int
    background: Source = Source("", 0, 0)
    background_level: float = 0.0
    events: list[PlacedEvent] = field(default_factory=list)
    levels: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


@dataclass
class SoundscapeMaker(ABC):
    """Place events on backgrounds; a subclass says where the sounds come from.

    The parameters are those of the public functions, save that ``n_clips`` and
    ``labeled_fraction`` hold a number for each split, or for one named ``""``.
    """

    n_clips: dict[str, int]
    labeled_fraction: dict[str, float]
    duration: float
    sample_rate: int
    n_events: tuple[int, int]
    event_duration: tuple[float, float]
    snr: tuple[float, float]
    empty_fraction: float
    output_dir: str | os.PathLike[str] | None
    audio_format: str
    n_jobs: int | None
    verbose: int
    random_state: int | np.random.RandomState | np.random.Generator | None

    owner: ClassVar[str]
    lowest_rate: ClassVar[int]

    def __post_init__(self) -> None:
        """Refuse what is out of range, before anything is read or computed."""
        owner, whole, real = self.owner, numbers.Integral, numbers.Real
        for count in self.n_clips.values():
            check_interval(owner, "n_clips", count, whole, 1)
        for share in self.labeled_fraction.values():
            check_interval(owner, "labeled_fraction", share, real, 0, 1, left="open")
        check_interval(owner, "duration", self.duration, real, 0.1, 600)
        rate, lowest = self.sample_rate, self.lowest_rate
        check_interval(owner, "sample_rate", rate, whole, lowest, 96_000)
        check_interval(owner, "empty_fraction", self.empty_fraction, real, 0, 1)
        lengths, pair = self.event_duration, _base.check_pair
        pair(owner, "n_events", self.n_events, whole, 1, np.inf)
        pair(owner, "event_duration", lengths, real, 0.05, np.inf)
        pair(owner, "snr", self.snr, real, -60, 60)
        check_option(owner, "audio_format", self.audio_format, ["flac", "wav"])
        if lengths[0] > self.duration:
            raise ValueError(
                f"The shortest event ({lengths[0]} s) must fit into a clip "
                f"({self.duration} s). Lower the first of 'event_duration' or raise "
                "'duration'."
            )
        if self.output_dir is not None:
            _base.check_output(owner, self.output_dir)
        self.seed = _base.seed_from(owner, self.random_state)

    @abstractmethod
    def plan_background(self, synth: Synth, scene: Scene) -> None:
        """Draw the background of a scene and its level, as far as a plan holds them."""

    @abstractmethod
    def plan_event(self, synth: Synth, scene: Scene) -> PlacedEvent:
        """Draw one more event of a scene.

        Parameters
        ----------
        synth : Synth
            Whose generator plans the scene.
        scene : Scene
            With the events drawn before, in no order.

        Returns
        -------
        placed : PlacedEvent
            Its samples lie within the clip.
        """

    @abstractmethod
    def sound(self, synth: Synth, scene: Scene) -> tuple[Signal, Iterable[Signal]]:
        """Sound the parts of a scene, each of any level.

        Parameters
        ----------
        synth : Synth
            Whose generator sounds the scene; it knows nothing of the plan's.
        scene : Scene

        Returns
        -------
        background : ndarray of shape (n_samples,), float32
            May be changed in place.
        events : iterable of n_events ndarrays of shape (n_samples_i,)
            In the order of the scene; they may outlast their ``stop``.
        """

    def reference(self, background: Signal, start: int, stop: int) -> float:
        """Return the root of the power that the SNR of an event refers to.

        Parameters
        ----------
        background : ndarray of shape (n_samples,)
        start, stop : int
            The samples of the event.
        """
        # a synthetic background has no pauses: its mean power will do
        return rms(background)

    @property
    def n_samples(self) -> int:
        """Length of a clip."""
        return round(self.duration * self.sample_rate)

    def place(self, synth: Synth, label: int, seconds: float) -> Event:
        """Draw when an event of a class begins.

        Times are whole milliseconds, so that the written tables say the same as the
        bunch.
        """
        onset = round(synth.rng.uniform(0, max(0, self.duration - seconds)), 3)
        return Event(label, onset, min(round(onset + seconds, 3), self.duration))

    def make(self, names: list[str]) -> Bunch:
        """Make the clips of all splits, one split after another.

        Parameters
        ----------
        names : list of str
            The classes, one a column.

        Returns
        -------
        corpus : Bunch
            As the public functions describe it, without ``DESCR``.
        """
        scenes = [
            self._plan(Scene(split, number))
            for split, count in self.n_clips.items()
            for number in range(count)
        ]
        corpus = Bunch(
            target_names=np.array(names),
            events=[[placed.event for placed in scene.events] for scene in scenes],
            snr=[scene.levels for scene in scenes],
            sample_rate=self.sample_rate,
        )
        self._add_labels(corpus, scenes)
        self._add_sound(corpus, scenes)
        if scenes[0].background.path:
            corpus.split = np.array([scene.split for scene in scenes])
            corpus.backgrounds = [scene.background for scene in scenes]
            corpus.sources = [
                [part.source for part in scene.events] for scene in scenes
            ]
        if self.output_dir is not None:
            write_tables(corpus)
        return corpus

    def _synthesizer(self, scene: Scene, purpose: int) -> Synth:
        """Derive a generator; a split counts by its name, whatever its position."""
        split = [zlib.crc32(scene.split.encode())] if scene.split else []
        key = *split, scene.number, purpose
        seed = np.random.SeedSequence(self.seed, spawn_key=key)
        return Synth(np.random.default_rng(seed), self.sample_rate)

    def _plan(self, scene: Scene) -> Scene:
        """Draw what happens in a clip, in place."""
        synth = self._synthesizer(scene, PLAN)
        self.plan_background(synth, scene)
        is_empty = synth.rng.random() < self.empty_fraction
        n_events = 0 if is_empty else synth.rng.integers(*self.n_events, endpoint=True)
        for _ in range(n_events):
            scene.events.append(self.plan_event(synth, scene))
        scene.events.sort(key=lambda placed: placed.event.onset)
        # two decimals, as they are written
        scene.levels = synth.rng.uniform(*self.snr, size=n_events).round(2)
        return scene

    def _add_labels(self, corpus: Bunch, scenes: list[Scene]) -> None:
        """Mark the classes that sound in each clip, and hide the labels of some."""
        shape = len(scenes), len(corpus.target_names)
        truth = corpus.target_true = np.zeros(shape, dtype=np.int64)
        for row, events in zip(truth, corpus.events, strict=True):
            row[[event.label for event in events]] = 1
        corpus.target = truth.copy()
        for split, fraction in self.labeled_fraction.items():
            rows = [scene.split == split for scene in scenes]
            # mask_labels takes one column for a y of one dimension, and warns
            known = truth[rows] if shape[1] > 1 else truth[rows, 0]
            masked = mask_labels(known, float(fraction), random_state=self.seed % 2**32)
            corpus.target[rows] = masked.reshape(-1, shape[1])

    def _add_sound(self, corpus: Bunch, scenes: list[Scene]) -> None:
        """Render all clips, into one array or a file each."""
        if self.output_dir is None:
            corpus.data = np.empty((len(scenes), self.n_samples), dtype=np.float32)
        else:
            folder = str(_base.output_folder(self.owner, self.output_dir))
            names = [f"{scene.split or 'clip'}_{scene.number:05d}" for scene in scenes]
            files = [f"{name}.{self.audio_format}" for name in names]
            corpus.paths = np.array([os.path.join(folder, file) for file in files])

        def compute(row: int) -> None:
            waveform = self._render(scenes[row])
            if self.output_dir is None:
                corpus.data[row] = waveform
            else:
                rate = self.sample_rate
                soundfile.write(corpus.paths[row], waveform, rate, subtype="PCM_16")

        # in threads, for transforms, decoder and encoder let others run meanwhile;
        # processes would each decode all recordings, and send the waveforms back
        tasks = map(delayed(compute), range(len(scenes)))
        clips = _base.compute_clips(
            self.owner, tasks, len(scenes), self.n_jobs, self.verbose, "sharedmem"
        )
        list(clips)

    def _render(self, scene: Scene) -> Signal:
        """Add the events to the background, each at its level, and note the gains.

        Returns
        -------
        waveform : ndarray of shape (n_samples,), float32
            With a peak below 1.

        Notes
        -----
        With the root mean square r of the background and e of the event, from its start
        to its stop, an event of L dB is multiplied by ``r * 10 ** (L / 20) / e``, so
        that L = 20 log10(e / r) afterwards. An echo after the stop does not count.
        """
        background, parts = self.sound(self._synthesizer(scene, SOUND), scene)
        gains = [10 ** (scene.background_level / 20) / max(rms(background), SILENCE)]
        background *= np.float32(gains[0])
        waveform = background.copy()
        for placed, level, part in zip(scene.events, scene.levels, parts, strict=True):
            heard = part[: placed.stop - placed.start]
            end = placed.start + len(heard)
            reference = self.reference(background, placed.start, end)
            gains.append(reference * 10 ** (level / 20) / max(rms(heard), SILENCE))
            add_at(waveform, placed.start, part * np.float32(gains[-1]))
        # one factor for all parts: nothing is clipped, and the levels stay as drawn
        peak = np.abs(waveform).max()
        common = np.float32(PEAK / peak if peak > PEAK else 1)
        first, *rest = (float(gain) * float(common) for gain in gains)
        scene.background = scene.background._replace(gain=first)
        for i, (placed, gain) in enumerate(zip(scene.events, rest, strict=True)):
            source = placed.source._replace(gain=gain)
            scene.events[i] = placed._replace(source=source)
        return waveform * common


def write_tables(corpus: Bunch) -> None:
    """Write ``labels.tsv``, a line a clip, and ``events.tsv``, a line an event.

    The columns are those of task 4 of DCASE 2018 [1]_, then ``labeled`` or ``snr``,
    then what the parts were cut out of, if they are recorded.

    References
    ----------
    .. [1] R. Serizel, N. Turpault, H. Eghbal-Zadeh and A. Parag Shah, "Large-scale
       weakly labeled semi-supervised sound event detection in domestic environments",
       DCASE Workshop, 2018.
    """
    names, is_recorded = corpus.target_names, "sources" in corpus
    clips: list[list] = []
    rows: list[list] = []
    for i, path in enumerate(map(Path, corpus.paths)):
        tags = ",".join(names[corpus.target_true[i] == 1])
        clips.append([path.name, tags, int(corpus.target[i, 0] != UNLABELED)])
        for event, level in zip(corpus.events[i], corpus.snr[i], strict=True):
            times = f"{event.onset:.3f}", f"{event.offset:.3f}"
            rows.append([path.name, *times, names[event.label], f"{level:.2f}"])
    if is_recorded:
        for clip, split, source in zip(
            clips, corpus.split, corpus.backgrounds, strict=True
        ):
            clip += [split, *source]
        for row, source in zip(rows, itertools.chain(*corpus.sources), strict=True):
            row += source
    for table, columns, lines in (
        ("labels.tsv", LABEL_COLUMNS[: 8 if is_recorded else 3], clips),
        ("events.tsv", EVENT_COLUMNS[: 9 if is_recorded else 5], rows),
    ):
        with (path.parent / table).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerows([columns, *lines])
