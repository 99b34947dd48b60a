"""One soundscape mixed from recordings: a plan, and its sound of shape (n_samples,).

Plan and sound draw from generators of their own, derived from the seed, the name of the
split and the number of the clip in it: neither more clips nor other splits change one.
"""

import zlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sklearn_triplet.datasets._mixtures.sources import Recordings, Sounding
from sklearn_triplet.datasets._scenes import PEAK, PLAN, SOUND, Event
from sklearn_triplet.datasets._signals import (
    FREQUENCIES,
    add_at,
    faded,
    log_uniform,
    noise,
    rms,
    tilt,
)

# in dB per octave
NOISES = {"white noise": 0.0, "pink noise": -3.01, "brown noise": -6.02}
# seconds
ATTACK, RELEASE, CROSSFADE = 0.005, 0.03, 0.1
# a pause in the background does not make an event inaudible: 20 dB below the mean
QUIETEST = 0.1
# shortest share of a recording that is repeated as a background
SHORTEST_LOOP = 0.7


class Source(NamedTuple):
    """A part of a recording, in samples at the rate of the corpus, and its factor."""

    path: str
    start: int
    stop: int
    gain: float


class Pool(NamedTuple):
    """Recordings of a split: one list of paths a class, and those for backgrounds."""

    split: str
    of_class: list[list[str]]
    backgrounds: list[str]
    soundings: dict[str, Sounding]


class Mix(NamedTuple):
    """What happens in a clip; the gains are 1 until it was rendered."""

    split: str
    clip: int
    events: list[Event]
    levels: np.ndarray
    sources: list[Source]
    background: Source
    background_level: float


@dataclass(frozen=True)
class MixSettings:
    """What all clips of a corpus share; see :func:`mix_soundscapes`."""

    duration: float
    sample_rate: int
    n_events: tuple[int, int]
    event_duration: tuple[float, float]
    snr: tuple[float, float]
    background_level: tuple[float, float]
    empty_fraction: float

    @property
    def n_samples(self) -> int:
        """Length of a clip."""
        return self.to_samples(self.duration)

    def to_samples(self, seconds: float) -> int:
        """Count the samples of a time, rounded."""
        return int(round(seconds * self.sample_rate))


def plan_mix(
    settings: MixSettings, recordings: Recordings, pool: Pool, seed: int, clip: int
) -> Mix:
    """Draw what happens in a clip, from which recordings, and how loud.

    Parameters
    ----------
    settings : MixSettings
    recordings : Recordings
        For the length of its blocks; nothing is decoded.
    pool : Pool
    seed : int
        Of the corpus.
    clip : int
        Number of the clip in its split.

    Returns
    -------
    mix : Mix
        Events by onset.
    """
    rng = _generator(seed, pool.split, clip, PLAN)
    background = _draw_background(rng, settings, pool)
    level = rng.uniform(*settings.background_level)
    is_empty = rng.random() < settings.empty_fraction
    n_events = 0 if is_empty else rng.integers(*settings.n_events, endpoint=True)
    drawn = [_draw_event(rng, settings, recordings, pool) for _ in range(n_events)]
    drawn.sort(key=lambda pair: pair[0].onset)
    levels = rng.uniform(*settings.snr, size=n_events).round(2)
    events, sources = [event for event, _ in drawn], [source for _, source in drawn]
    return Mix(pool.split, clip, events, levels, sources, background, float(level))


def _generator(seed: int, split: str, clip: int, purpose: int) -> np.random.Generator:
    key = (zlib.crc32(split.encode()), clip, purpose)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _draw_background(
    rng: np.random.Generator, settings: MixSettings, pool: Pool
) -> Source:
    if not pool.backgrounds:
        return Source(str(rng.choice(list(NOISES))), 0, settings.n_samples, 1.0)
    path = pool.backgrounds[rng.integers(len(pool.backgrounds))]
    first, last, _ = pool.soundings[path]
    length = settings.n_samples
    if last - first < length:
        # a part of its own for each clip, so that no two have the same background
        length = int((last - first) * rng.uniform(SHORTEST_LOOP, 1))
    start = int(rng.integers(first, last - length, endpoint=True))
    return Source(path, start, start + length, 1.0)


def _draw_event(
    rng: np.random.Generator, settings: MixSettings, recordings: Recordings, pool: Pool
) -> tuple[Event, Source]:
    label = int(rng.integers(len(pool.of_class)))
    path = pool.of_class[label][rng.integers(len(pool.of_class[label]))]
    sounding = pool.soundings[path]
    available = (sounding.stop - sounding.start) / settings.sample_rate
    low, high = settings.event_duration
    wanted = log_uniform(rng, low, min(high, settings.duration))
    # whole milliseconds, so that the written table says the same as the bunch
    seconds = max(0.001, np.floor(1000 * min(wanted, available)) / 1000)
    onset = round(rng.uniform(0, max(0, settings.duration - seconds)), 3)
    offset = min(round(onset + seconds, 3), settings.duration)
    event = Event(label, onset, offset)
    n_samples = settings.to_samples(offset) - settings.to_samples(onset)
    start = recordings.draw_crop(rng, sounding, n_samples)
    return event, Source(path, start, min(start + n_samples, sounding.stop), 1.0)


def render_mix(
    settings: MixSettings, recordings: Recordings, seed: int, mix: Mix
) -> tuple[np.ndarray, Mix]:
    """Sound the plan of a clip.

    Parameters
    ----------
    settings : MixSettings
    recordings : Recordings
    seed : int
        Of the corpus.
    mix : Mix
        As planned.

    Returns
    -------
    waveform : ndarray of shape (n_samples,), float32
        With a peak below 1.
    mix : Mix
        The same with the gains that its parts were multiplied by.
    """
    background = _render_background(settings, recordings, seed, mix)
    background_gain = 10 ** (mix.background_level / 20) / max(rms(background), 1e-9)
    background *= np.float32(background_gain)
    waveform, quiet, gains = background.copy(), QUIETEST * rms(background), []
    for event, source, level in zip(mix.events, mix.sources, mix.levels, strict=True):
        start = settings.to_samples(event.onset)
        part = recordings.load(source.path)[source.start : source.stop].copy()
        part = faded(part, settings.sample_rate, ATTACK, RELEASE)
        around = max(quiet, rms(background[start : start + len(part)]))
        gains.append(around * 10 ** (level / 20) / max(rms(part), 1e-9))
        add_at(waveform, start, part * np.float32(gains[-1]))
    # one factor for all parts: nothing is clipped, and the levels stay as drawn
    common = min(1.0, PEAK / max(float(np.abs(waveform).max()), 1e-9))
    return waveform * np.float32(common), mix._replace(
        background=mix.background._replace(gain=float(background_gain * common)),
        sources=[
            source._replace(gain=float(gain * common))
            for source, gain in zip(mix.sources, gains, strict=True)
        ],
    )


def _render_background(
    settings: MixSettings, recordings: Recordings, seed: int, mix: Mix
) -> np.ndarray:
    path, start, stop, _ = mix.background
    if path in NOISES:
        rng = _generator(seed, mix.split, mix.clip, SOUND)
        colour = tilt(NOISES[path]) * (FREQUENCIES > 20)
        return noise(rng, settings.n_samples, settings.sample_rate, colour)
    part = recordings.load(path)[start:stop]
    return _repeated(part, settings.n_samples, settings.to_samples(CROSSFADE))


def _repeated(part: np.ndarray, n_samples: int, n_fade: int) -> np.ndarray:
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
