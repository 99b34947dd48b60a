"""One synthetic soundscape: a plan of events, and its sound of shape (n_samples,).

Plan and sound draw from generators of their own, derived from the seed and the number
of the clip alone: a longer corpus begins with the shorter one, and the plan is the same
at any sample rate.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import fft

from sklearn_triplet.datasets._base import check_pair
from sklearn_triplet.datasets._events import EVENTS
from sklearn_triplet.datasets._signals import (
    FREQUENCIES,
    Response,
    Signal,
    add_at,
    band,
    faded,
    filtered,
    gain,
    harmonics,
    log_uniform,
    noise,
    resonances,
    rms,
    tilt,
    wander,
)

CLASSES = list(EVENTS)
PLAN, SOUND = 0, 1

# in homes the same thing tends to sound again: a dog barks, is quiet, barks
REPEAT_PROBABILITY = 0.55
PEAK = 0.98


def check_lengths(
    owner: str, event_duration: Any, duration: float
) -> tuple[float, float]:
    """Refuse lengths of events in seconds of which none fits into a clip."""
    lengths: tuple[float, float] = check_pair(
        owner, "event_duration", event_duration, numbers.Real, 0.05, np.inf
    )
    if lengths[0] > duration:
        raise ValueError(
            f"The shortest event ({lengths[0]} s) must fit into a clip "
            f"({duration} s). Lower the first of 'event_duration' or raise 'duration'."
        )
    return lengths


class Event(NamedTuple):
    """One event of a clip: column of its class, start and end in seconds."""

    label: int
    onset: float
    offset: float


# events by onset, and the level of each in dB, shape (n_events,)
Scene: TypeAlias = tuple[list[Event], NDArray[np.float64]]


@dataclass(frozen=True)
class SceneSettings:
    """What all soundscapes of a corpus share; see :func:`make_soundscapes`."""

    n_classes: int
    duration: float
    sample_rate: int
    n_events: tuple[int, int]
    event_duration: tuple[float, float]
    snr: tuple[float, float]
    empty_fraction: float

    @property
    def n_samples(self) -> int:
        """Length of a clip."""
        return int(round(self.duration * self.sample_rate))


def plan_scene(settings: SceneSettings, seed: int, clip: int) -> Scene:
    """Draw what happens in a clip, and how loud.

    Parameters
    ----------
    settings : SceneSettings
    seed : int
        Of the corpus.
    clip : int
        Number of the clip in the corpus.

    Returns
    -------
    events : list of Event
        By onset.
    levels : ndarray of shape (n_events,)
        Mean power of each event over that of the background, in dB.
    """
    rng = _generator(seed, clip, PLAN)
    is_empty = rng.random() < settings.empty_fraction
    n_events = 0 if is_empty else rng.integers(*settings.n_events, endpoint=True)
    events: list[Event] = []
    for _ in range(n_events):
        label = _draw_class(rng, settings.n_classes, events)
        events.append(_place(rng, label, settings))
    events.sort(key=lambda event: event.onset)
    return events, rng.uniform(*settings.snr, size=n_events).round(2)


def _generator(seed: int, clip: int, purpose: int) -> Generator:
    return np.random.default_rng(
        np.random.SeedSequence(seed, spawn_key=(clip, purpose))
    )


def _draw_class(rng: Generator, n_classes: int, earlier: list[Event]) -> int:
    if earlier and rng.random() < REPEAT_PROBABILITY:
        return earlier[rng.integers(len(earlier))].label
    frequencies = np.array([EVENTS[name].frequency for name in CLASSES[:n_classes]])
    return int(rng.choice(n_classes, p=frequencies / frequencies.sum()))


def _place(rng: Generator, label: int, settings: SceneSettings) -> Event:
    low, high = settings.event_duration
    # whole milliseconds, so that the written table says the same as the bunch
    shortest, longest = np.clip(
        EVENTS[CLASSES[label]].seconds, low, min(high, settings.duration)
    )
    seconds = round(log_uniform(rng, shortest, longest), 3)
    onset = round(rng.uniform(0, max(0, settings.duration - seconds)), 3)
    return Event(label, onset, min(round(onset + seconds, 3), settings.duration))


def render_scene(
    settings: SceneSettings,
    seed: int,
    clip: int,
    events: list[Event],
    levels: NDArray[np.float64],
) -> Signal:
    """Sound the plan of a clip in a room of its own.

    Parameters
    ----------
    settings : SceneSettings
    seed, clip : int
    events : list of Event
    levels : ndarray of shape (n_events,)
        In dB over the background.

    Returns
    -------
    waveform : ndarray of shape (n_samples,), float32
        With a peak below 1.
    """
    rng = _generator(seed, clip, SOUND)
    recorder = _recorder(rng)
    waveform = _background(rng, settings, recorder)
    quiet = rms(waveform)
    echo = _room(rng, settings.sample_rate)
    for event, level in zip(events, levels, strict=True):
        start = int(event.onset * settings.sample_rate)
        n_samples = int(event.offset * settings.sample_rate) - start
        synthesise = EVENTS[CLASSES[event.label]].synthesise
        dry = faded(
            synthesise(rng, n_samples, settings.sample_rate).astype(np.float32),
            settings.sample_rate, 0.005, 0.03,
        )  # fmt: skip
        wet = _heard(dry, echo, recorder, settings.sample_rate)
        factor = quiet * 10 ** (level / 20) / max(rms(wet[:n_samples]), 1e-9)
        add_at(waveform, start, wet * np.float32(factor))
    peak = np.abs(waveform).max()
    return waveform * np.float32(PEAK / peak) if peak > PEAK else waveform


def _recorder(rng: Generator) -> Response:
    """Response of the microphone and the furniture."""
    low, high = log_uniform(rng, 30, 150), log_uniform(rng, 6000, 20_000)
    bumps = log_uniform(rng, 150, 6000), log_uniform(rng, 150, 6000)
    colour = 1 + resonances(bumps, np.multiply(bumps, 0.5), rng.uniform(0, 0.8, 2))
    return band(low, high) * tilt(rng.uniform(-2, 1.5)) * colour


def _background(rng: Generator, settings: SceneSettings, recorder: Response) -> Signal:
    """Noise of a random colour that swells and ebbs, with hum and far-off knocks."""
    shape = settings.n_samples, settings.sample_rate
    bumps = log_uniform(rng, 60, 3000), log_uniform(rng, 60, 3000)
    colour = tilt(rng.uniform(-10, -5)) * (FREQUENCIES > 20)
    colour *= 1 + resonances(bumps, np.multiply(bumps, 0.4), rng.uniform(0, 1.2, 2))
    signal = noise(rng, *shape, colour * recorder)
    signal *= np.exp(rng.uniform(0, 0.3) * wander(rng, *shape, 0.7)) / rms(signal)
    if rng.random() < 0.4:
        mains = np.full(shape[0], rng.choice([50.0, 60.0]))
        hum = harmonics(
            rng, mains, rng.exponential(size=12) / np.arange(1, 13), shape[1]
        )
        signal += hum * np.float32(rng.uniform(0.05, 0.5) / rms(hum))
    if rng.random() < 0.5:
        _add_knocks(rng, signal, settings.sample_rate, recorder)
    return signal * np.float32(10 ** (rng.uniform(-46, -32) / 20) / rms(signal))


def _add_knocks(
    rng: Generator, signal: Signal, sample_rate: int, recorder: Response
) -> None:
    """Let something fall or creak now and then, in place; it belongs to no class."""
    place = log_uniform(rng, 100, 3000)
    knock = np.zeros(sample_rate // 4, dtype=np.float32)
    knock[len(knock) // 2] = 1
    knock = filtered(knock, sample_rate, band(place / 2, 2 * place) * recorder)
    knock /= np.abs(knock).max()
    for _ in range(rng.poisson(rng.uniform(0.2, 2) * len(signal) / sample_rate)):
        height = log_uniform(rng, 2, 20)
        add_at(signal, int(rng.integers(len(signal))), knock * np.float32(height))


def _room(rng: Generator, sample_rate: int) -> Signal:
    """Impulse response of the room: the direct sound, then noise that dies away."""
    decay = rng.uniform(0.08, 0.5)
    n_samples = int(decay * sample_rate)
    time = np.arange(n_samples, dtype=np.float32) / sample_rate
    # walls swallow the high frequencies first
    tail = noise(rng, n_samples, sample_rate, band(100, rng.uniform(1500, 8000), 1))
    tail *= np.exp(-6.9 * time / decay)
    tail *= rng.uniform(0.1, 1.2) / np.sqrt(np.sum(np.square(tail)))
    return np.concatenate([[np.float32(1)], tail])


def _heard(dry: Signal, echo: Signal, recorder: Response, sample_rate: int) -> Signal:
    """Let an event sound in the room and be recorded; the tail outlasts the event."""
    wet = np.concatenate([dry, np.zeros(len(echo), dtype=np.float32)])
    n_fft = fft.next_fast_len(len(wet), real=True)
    response = fft.rfft(echo, n_fft)
    response *= gain(recorder, n_fft, sample_rate)
    return fft.irfft(fft.rfft(wet, n_fft) * response, n_fft)[: len(wet)]
