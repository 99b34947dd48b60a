"""Synthetic sounds: a Synth and a length in, an event (n_samples,) out.

A class of events is a function ``(synth, n_samples)`` that returns one of any level.
Classes that resemble each other share a model with overlapping ranges of its parameters
(voices, steady noises, motors), so that no single number tells them apart. To add a
class, write a function and an entry in ``EVENTS``.

The models are those of sound design [1]_: a pulse through a moving throat (source and
filter [2]_) for voices, damped modes for what is struck, clicks in a band of noise for
water, harmonics of a rotation for motors.

References
----------
.. [1] A. Farnell, "Designing Sound", MIT Press, 2010.
.. [2] G. Fant, "Acoustic Theory of Speech Production", Mouton, 1960.
"""

from __future__ import annotations

import numbers
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from scipy import fft
from sklearn.utils import Bunch

from sklearn_triplet._input.parameters import check_interval
from sklearn_triplet.datasets._soundscapes.engine import (
    PlacedEvent,
    Scene,
    SoundscapeMaker,
)
from sklearn_triplet.datasets._soundscapes.signals import (
    FREQUENCIES,
    Response,
    Signal,
    Synth,
    add_at,
    band,
    gain,
    resonances,
    rms,
    tilt,
)

Range: TypeAlias = tuple[float, float]

# in homes the same thing tends to sound again: a dog barks, is quiet, barks
REPEAT_PROBABILITY = 0.55
DESCR = """\
Synthetic domestic soundscapes
------------------------------

Clips in which sounds of a household begin at random times, overlap, and stand at random
levels above a background, all of it computed from random numbers. The classes are those
of task 4 of DCASE 2018, about as unequally common as there. Figures reached on this
corpus say which method copes better, not how well it would do on recordings.
"""


def _voice(
    synth: Synth, pitch: Signal, vowels: Sequence[Response], falloff: float,
    breath: float,
) -> Signal:  # fmt: skip
    """Sound a pitch contour while the throat moves through the vowels.

    Parameters
    ----------
    synth : Synth
    pitch : ndarray of shape (n_samples,)
        In Hz.
    vowels : list of response
        Passed through at equal times.
    falloff : float
        Exponent by which harmonics weaken: 1 is bright, 2 is dull.
    breath : float
        Share of noise in the source, 0 to 1.
    """
    n_samples = len(pitch)
    # every cycle differs a little, or the voice would be an organ pipe
    pitch = pitch * (1 + 0.01 * synth.wander(n_samples, 60))
    source = synth.harmonics(pitch, np.arange(1, 81) ** -falloff)
    source *= (1 - breath) / rms(source)
    source += breath * synth.rng.standard_normal(n_samples, dtype=np.float32)
    position = np.linspace(0, len(vowels) - 1, n_samples)
    signal = np.zeros(n_samples, dtype=np.float32)
    # a throat that changes is several fixed ones, faded into each other
    for i, vowel in enumerate(vowels):
        weight = np.clip(1 - np.abs(position - i), 0, 1).astype(np.float32)
        signal += weight * synth.filtered(source, vowel)
    return signal


def _formants(
    synth: Synth, first: Range, second: Range, third: Range, size: float
) -> Response:
    """Response of a throat; a smaller one (``size`` < 1) resonates higher."""
    centres = np.array([synth.rng.uniform(*some) for some in (first, second, third)])
    widths = np.array([90, 130, 220]) * synth.rng.uniform(0.7, 1.6)
    return resonances(centres / size, widths / size, [1, 0.6, 0.3])


def _syllable(synth: Synth, n_samples: int, pitch: float, size: float) -> Signal:
    """Sound one vowel, often after a consonant of noise."""
    rng = synth.rng
    glide = np.linspace(1, rng.uniform(0.85, 1.12), n_samples)
    formants = partial(_formants, synth, (260, 850), (800, 2400), (2300, 3400), size)
    vowels, breath = [formants(), formants()], rng.uniform(0.02, 0.2)
    signal = _voice(synth, pitch * glide, vowels, 1.2, breath)
    signal = synth.faded(signal, 0.03, 0.05) / rms(signal)
    if rng.random() < 0.6:
        low = synth.log_uniform(1000, 4500)
        n_hiss = int(n_samples * rng.uniform(0.15, 0.4)) + 1
        hiss = synth.noise(n_hiss, band(low, 2.2 * low))
        hiss *= rng.uniform(0.1, 0.6) / rms(hiss)
        add_at(signal, 0, synth.faded(hiss, 0.01, 0.02))
    return signal


def speech(synth: Synth, n_samples: int) -> Signal:
    """Babble in phrases: three to seven syllables a second with a falling pitch."""
    rng, start = synth.rng, 0
    size = rng.uniform(0.75, 1.1)
    # small throats have high voices: men, women and children are on one scale
    pitch = synth.log_uniform(85, 190) / size**1.5
    rate = rng.uniform(3, 7)
    signal = np.zeros(n_samples, dtype=np.float32)
    while start < n_samples:
        length = int(synth.sample_rate / rate * rng.uniform(0.6, 1.4))
        melody = pitch * (1 - 0.2 * start / n_samples) * 2 ** rng.normal(0, 0.15)
        level = np.exp(0.4 * rng.standard_normal())
        add_at(signal, start, level * _syllable(synth, length, melody, size))
        pause = rng.uniform(0.15, 0.5) if rng.random() < 0.12 else 0
        start += length + int(pause * synth.sample_rate)
    return signal


def dog(synth: Synth, n_samples: int) -> Signal:
    """Bark with a falling pitch, or howl."""
    rng = synth.rng
    size = rng.uniform(0.6, 1.2)
    pitch = synth.log_uniform(180, 420) / size
    howls = rng.random() < 0.2
    breath = rng.uniform(0.05, 0.2) if howls else rng.uniform(0.2, 0.6)
    formants = partial(_formants, synth, (450, 900), (1000, 1800), (2200, 3200), size)

    def bark(length: int) -> Signal:
        phase = np.linspace(0, 1, length) ** rng.uniform(0.4, 0.8)
        contour = pitch * (0.7 + 0.5 * np.sin(np.pi * phase))
        vowels, falloff = [formants(), formants()], rng.uniform(0.7, 1.3)
        signal = _voice(synth, contour, vowels, falloff, breath)
        signal = synth.faded(signal, 0.01, 0.7 * length / synth.sample_rate)
        return signal * (rng.uniform(0.5, 1.2) / rms(signal))

    if howls:
        return bark(n_samples)
    gap = rng.uniform(0.1, 0.5)
    return _repeated(synth, n_samples, bark, (0.08, 0.35), (gap, 3 * gap))


def cat(synth: Synth, n_samples: int) -> Signal:
    """Miaow with an arched pitch, or purr, or hiss."""
    rng = synth.rng
    mood = rng.choice(["miaow", "purr", "hiss"], p=[0.8, 0.1, 0.1])
    if mood == "hiss":
        hiss = synth.noise(n_samples, band(rng.uniform(800, 3000), 9000))
        return synth.faded(hiss, 0.1, 0.5 * n_samples / synth.sample_rate)
    if mood == "purr":
        return _purr(synth, n_samples)
    size = rng.uniform(0.45, 0.8)
    pitch = synth.log_uniform(350, 560) / size**0.5

    def miaow(length: int) -> Signal:
        arch = np.sin(np.pi * np.linspace(0, 1, length))
        contour = pitch * (0.8 + rng.uniform(0.1, 0.5) * arch)
        closed = _formants(synth, (300, 450), (1600, 2400), (2600, 3400), size)
        opened = _formants(synth, (700, 1000), (1200, 1800), (2600, 3400), size)
        falloff, breath = rng.uniform(0.7, 1.3), rng.uniform(0.02, 0.25)
        vowels = [closed, opened, 0.6 * closed]
        signal = _voice(synth, contour, vowels, falloff, breath)
        return synth.faded(signal, 0.08, 0.2) / rms(signal)

    return _repeated(synth, n_samples, miaow, (0.35, 1.3), (0.2, 1.5))


def _purr(synth: Synth, n_samples: int) -> Signal:
    """Sound the 20 to 32 pulses a second of a throat that also breathes."""
    breathing = np.exp(0.4 * synth.wander(n_samples, 1))
    pitch = synth.rng.uniform(20, 32) * (1 + 0.05 * breathing)
    purr = synth.harmonics(pitch, np.ones(40))
    purr += synth.rng.standard_normal(n_samples, dtype=np.float32) * np.abs(purr)
    return breathing * synth.filtered(purr, band(80, synth.rng.uniform(300, 900)))


def _repeated(
    synth: Synth, n_samples: int, call: Callable[[int], Signal], lengths: Range,
    gaps: Range,
) -> Signal:  # fmt: skip
    """Repeat a call of random length after random gaps, both in seconds."""
    signal, start = np.zeros(n_samples, dtype=np.float32), 0
    while start < n_samples:
        length = int(synth.sample_rate * synth.rng.uniform(*lengths))
        add_at(signal, start, call(length))
        start += length + int(synth.sample_rate * synth.rng.uniform(*gaps))
    return signal


def alarm(synth: Synth, n_samples: int) -> Signal:
    """Beep, wail in two tones or in sweeps, or ring a bell."""
    rng = synth.rng
    kind = rng.choice(["beep", "sweep", "bell"], p=[0.45, 0.25, 0.3])
    rate = synth.log_uniform(0.8, 6)
    if kind == "bell":
        return _bell(synth, n_samples, rate * rng.choice([1, 4]))
    pitch = synth.log_uniform(700, 1700) * (1 if kind == "sweep" else 2)
    # begins with the tone: a short alarm must not consist of the pause
    cycle = np.arange(n_samples) / synth.sample_rate * rate % 1
    amplitudes = np.arange(1, 13) ** -rng.uniform(0.5, 3)
    amplitudes[1::2] *= rng.random()
    if kind == "sweep":
        shape = (cycle < 0.5) if rng.random() < 0.5 else np.abs(2 * cycle - 1)
        tone = pitch * 2 ** (rng.uniform(0.2, 0.9) * (shape - 0.5))
        return synth.harmonics(tone, amplitudes)
    tone = synth.harmonics(np.full(n_samples, pitch), amplitudes)
    on = (cycle < rng.uniform(0.2, 0.7)).astype(np.float32)
    return tone * synth.filtered(on, band(1e-3, rng.uniform(30, 200), 1))


def _bell(synth: Synth, n_samples: int, rate: float) -> Signal:
    """Strike a bell ``rate`` times a second; partials are those of a church bell."""
    partials = synth.log_uniform(700, 2200) * np.array([1, 2, 2.4, 3, 4.5, 5.3, 6.7])
    partials *= 2 ** synth.rng.normal(0, 0.04, 7)
    decays = synth.log_uniform(0.06, 0.8) * np.linspace(1, 0.3, 7)
    modes = synth.ringing(n_samples, partials, decays)
    stroke = synth.rng.uniform(0.2, 1, 7).astype(np.float32) @ modes
    signal = np.zeros(n_samples, dtype=np.float32)
    for start in np.arange(0, n_samples, synth.sample_rate / rate):
        add_at(signal, int(start), stroke * np.float32(synth.rng.uniform(0.8, 1)))
    return signal


def dishes(synth: Synth, n_samples: int) -> Signal:
    """Clink a few objects together, in clusters."""
    rng, start = synth.rng, 0
    objects = [_dish(synth, n_samples) for _ in range(rng.integers(2, 5))]
    signal = np.zeros(n_samples, dtype=np.float32)
    rate = synth.log_uniform(3, 12)
    while start < n_samples:
        modes = objects[rng.integers(len(objects))]
        gains = rng.exponential(size=len(modes)) * np.exp(0.8 * rng.standard_normal())
        add_at(signal, start, gains.astype(np.float32) @ modes)
        # clinks come in clusters: mostly short gaps, now and then a long one
        gap = rng.exponential(0.5 if rng.random() < 0.7 else 2) / rate
        start += 1 + int(synth.sample_rate * gap)
    return signal


def _dish(synth: Synth, n_samples: int) -> Signal:
    rng = synth.rng
    frequencies = synth.log_uniform(1500, 5000) * np.cumsum(rng.uniform(0.3, 1, 6))
    decays = synth.log_uniform(0.008, 0.15) * rng.uniform(0.3, 1, 6)
    return synth.ringing(n_samples, frequencies, decays)


def _simmer(
    synth: Synth, n_samples: int, hiss: Response, click: Response, rate: Range,
    restless: Range,
) -> Signal:  # fmt: skip
    """Hiss through one response with clicks through another.

    Parameters
    ----------
    synth : Synth
    n_samples : int
    hiss, click : response
    rate : tuple of (float, float)
        Range of the clicks per second, log-uniform.
    restless : tuple of (float, float)
        Range of the deviation of the slow changes of level, in natural logarithm.
    """
    clicks_per_second, share = synth.log_uniform(*rate), synth.rng.uniform(0.02, 0.5)
    spread = synth.rng.uniform(*restless)
    steady = synth.noise(n_samples, hiss)
    clicks = synth.filtered(synth.impulses(n_samples, clicks_per_second), click)
    level = synth.wander(n_samples, 2)
    # shares of the power, hence the roots; a short event may hold no click at all
    steady *= np.sqrt(1 - share) / rms(steady)
    clicks *= np.sqrt(share) / max(rms(clicks), 1e-9)
    return np.exp(spread * level) * (steady + clicks)


def running_water(synth: Synth, n_samples: int) -> Signal:
    """Run a tap or a shower: noise with bubbles that ring at low frequencies."""
    centre, width = synth.log_uniform(600, 4000), 2 ** synth.rng.uniform(0.6, 2)
    bubbles = np.exp(synth.rng.uniform(np.log(350), np.log(3500), 12))
    click = resonances(bubbles, bubbles * synth.rng.uniform(0.01, 0.06))
    hiss = band(centre / width, centre * width, 1)
    return _simmer(synth, n_samples, hiss, click, (8, 150), (0.05, 0.3))


def frying(synth: Synth, n_samples: int) -> Signal:
    """Fry: high noise with sharp crackles of very different strength."""
    centre, width = synth.log_uniform(2500, 9000), 2 ** synth.rng.uniform(0.6, 1.6)
    pop = synth.log_uniform(2000, 8000)
    hiss, click = band(centre / width, centre * width, 1), band(pop / 2, 2 * pop)
    return _simmer(synth, n_samples, hiss, click, (5, 90), (0.02, 0.25))


def _motor(
    synth: Synth, n_samples: int, rotation: Range, falloff: Range, casing: Range,
    air: Range, low: Range, width: Range, load: Range, bends: Range,
) -> Signal:  # fmt: skip
    """Run a motor under a changing load: harmonics of a rotation in a noise.

    Parameters
    ----------
    synth : Synth
    n_samples : int
    rotation : tuple of (float, float)
        Range of the fundamental in Hz; it and others in Hz are log-uniform.
    falloff : tuple of (float, float)
        Of the exponent by which harmonics weaken.
    casing : tuple of (float, float)
        Of the frequency in Hz at which the housing resonates.
    air : tuple of (float, float)
        Of the power of the noise of air or gears within the whole, 0 to 1.
    low, width : tuple of (float, float)
        Of where that noise begins in Hz, and how many times as high it ends.
    load : tuple of (float, float)
        Of the deviation of the speed, relative; the level follows the speed.
    bends : tuple of (float, float)
        Of the changes of load per second.
    """
    rng, uniform = synth.rng, synth.rng.uniform
    start, fundamental = synth.log_uniform(*low), synth.log_uniform(*rotation)
    exponent, resonance = uniform(*falloff), synth.log_uniform(*casing)
    share, hiss = uniform(*air), band(start, start * uniform(*width), 1)
    spread, strain = uniform(*load), synth.wander(n_samples, uniform(*bends))
    # it is switched on at the onset, and takes a moment to reach its speed
    slack, seconds = uniform(0, 0.5), uniform(0.05, 0.4)
    run_up = 1 - slack * np.exp(-np.arange(n_samples) / (seconds * synth.sample_rate))
    pitch = fundamental * run_up * np.exp(spread * strain)
    amplitudes = np.arange(1, 61) ** -exponent * rng.lognormal(0, 0.6, 60)
    tone = synth.harmonics(pitch, amplitudes)
    housing = resonances([resonance], [resonance * uniform(0.2, 0.8)]) + 0.1
    tone = synth.filtered(tone, housing)
    rush = synth.noise(n_samples, hiss)
    mix = tone * (np.sqrt(1 - share) / rms(tone)) + rush * (np.sqrt(share) / rms(rush))
    return mix * (run_up * np.exp(3 * spread * strain)).astype(np.float32)


# a fast motor that the food slows down
blender = partial(
    _motor, rotation=(200, 450), falloff=(0.4, 0.9), casing=(800, 2200),
    air=(0.15, 0.6), low=(600, 1500), width=(3, 6), load=(0.02, 0.12), bends=(3, 14),
)  # fmt: skip
# a steady motor in a rush of air
vacuum_cleaner = partial(
    _motor, rotation=(90, 320), falloff=(0.6, 1.5), casing=(200, 900),
    air=(0.55, 0.95), low=(100, 500), width=(6, 24), load=(0.002, 0.05), bends=(0.3, 3),
)  # fmt: skip
# a small buzzing motor, as of a shaver or a toothbrush, in strokes
electric_shaver = partial(
    _motor, rotation=(80, 240), falloff=(0.1, 0.7), casing=(2500, 6500),
    air=(0.1, 0.6), low=(2000, 5000), width=(2, 4), load=(0.005, 0.07), bends=(1, 8),
)  # fmt: skip


class EventClass(NamedTuple):
    """How one class of events sounds, how long it lasts and how common it is.

    Attributes
    ----------
    synthesize : callable
        ``(synth, n_samples)`` -> ndarray of shape (n_samples,).
    seconds : tuple of (float, float)
        Shortest and longest event; lengths between are log-uniform.
    frequency : float
        How often the class is drawn, relative to the others.
    """

    synthesize: Callable[[Synth, int], Signal]
    seconds: Range
    frequency: float


# the frequencies are about those of the clips of DCASE 2018 task 4
EVENTS = {
    "speech": EventClass(speech, (0.6, 5.0), 4.5),
    "dog": EventClass(dog, (0.5, 4.0), 2.1),
    "cat": EventClass(cat, (0.5, 4.0), 1.7),
    "alarm": EventClass(alarm, (1.0, 7.0), 2.0),
    "dishes": EventClass(dishes, (0.5, 5.0), 1.8),
    "frying": EventClass(frying, (4.0, 8.0), 1.7),
    "blender": EventClass(blender, (2.0, 8.0), 1.4),
    "running_water": EventClass(running_water, (2.0, 8.0), 3.0),
    "vacuum_cleaner": EventClass(vacuum_cleaner, (4.0, 8.0), 1.7),
    "electric_shaver": EventClass(electric_shaver, (3.0, 8.0), 1.2),
}
CLASSES = list(EVENTS)


def _recorder(synth: Synth) -> Response:
    """Response of the microphone and the furniture."""
    low, high = synth.log_uniform(30, 150), synth.log_uniform(6000, 20_000)
    bumps = synth.log_uniform(150, 6000), synth.log_uniform(150, 6000)
    heights = synth.rng.uniform(0, 0.8, 2)
    colour = 1 + resonances(bumps, np.multiply(bumps, 0.5), heights)
    return band(low, high) * tilt(synth.rng.uniform(-2, 1.5)) * colour


def _background(synth: Synth, n_samples: int, recorder: Response) -> Signal:
    """Noise of a random colour that swells and ebbs, with hum and far-off knocks."""
    rng = synth.rng
    bumps = synth.log_uniform(60, 3000), synth.log_uniform(60, 3000)
    colour = tilt(rng.uniform(-10, -5)) * (FREQUENCIES > 20)
    colour *= 1 + resonances(bumps, np.multiply(bumps, 0.4), rng.uniform(0, 1.2, 2))
    signal = synth.noise(n_samples, colour * recorder)
    signal *= np.exp(rng.uniform(0, 0.3) * synth.wander(n_samples, 0.7)) / rms(signal)
    if rng.random() < 0.4:
        mains = np.full(n_samples, rng.choice([50.0, 60.0]))
        hum = synth.harmonics(mains, rng.exponential(size=12) / np.arange(1, 13))
        signal += hum * np.float32(rng.uniform(0.05, 0.5) / rms(hum))
    if rng.random() < 0.5:
        _add_knocks(synth, signal, recorder)
    return signal


def _add_knocks(synth: Synth, signal: Signal, recorder: Response) -> None:
    """Let something fall or creak now and then, in place; it belongs to no class."""
    rng, place = synth.rng, synth.log_uniform(100, 3000)
    knock = np.zeros(synth.sample_rate // 4, dtype=np.float32)
    knock[len(knock) // 2] = 1
    knock = synth.filtered(knock, band(place / 2, 2 * place) * recorder)
    knock /= np.abs(knock).max()
    n_expected = rng.uniform(0.2, 2) * len(signal) / synth.sample_rate
    for _ in range(rng.poisson(n_expected)):
        height = np.float32(synth.log_uniform(2, 20))
        add_at(signal, int(rng.integers(len(signal))), knock * height)


def _room(synth: Synth) -> Signal:
    """Impulse response of the room: the direct sound, then noise that dies away.

    Notes
    -----
    The tail falls by 60 dB within the reverberation time T: exp(-6.9 t / T), since
    ln(1000) = 6.9.
    """
    decay = synth.rng.uniform(0.08, 0.5)
    n_samples = int(decay * synth.sample_rate)
    time = np.arange(n_samples, dtype=np.float32) / synth.sample_rate
    # walls swallow the high frequencies first
    tail = synth.noise(n_samples, band(100, synth.rng.uniform(1500, 8000), 1))
    tail *= np.exp(-6.9 * time / decay)
    tail *= synth.rng.uniform(0.1, 1.2) / np.sqrt(np.sum(np.square(tail)))
    return np.concatenate([[np.float32(1)], tail])


def _reverberate(synth: Synth, dry: Signal, echo: Signal, recorder: Response) -> Signal:
    """Let an event sound in the room and be recorded; the tail outlasts the event."""
    n_samples = len(dry) + len(echo)
    n_fft = fft.next_fast_len(n_samples, real=True)
    response = fft.rfft(echo, n_fft) * gain(recorder, n_fft, synth.sample_rate)
    return fft.irfft(fft.rfft(dry, n_fft) * response, n_fft)[:n_samples]


@dataclass
class SyntheticMaker(SoundscapeMaker):
    """Soundscapes of synthetic events in a room of their own for each clip."""

    n_classes: int

    owner = "make_soundscapes"
    lowest_rate = 16_000  # a lower one would cut the crackles of frying off

    def plan_background(self, synth: Synth, scene: Scene) -> None:
        """Leave it to ``sound``: its level is drawn last."""

    def plan_event(self, synth: Synth, scene: Scene) -> PlacedEvent:
        """Draw a class, mostly one that was there before, its length and its time."""
        rng, names = synth.rng, CLASSES[: self.n_classes]
        if scene.events and rng.random() < REPEAT_PROBABILITY:
            label = scene.events[rng.integers(len(scene.events))].event.label
        else:
            weights = np.array([EVENTS[name].frequency for name in names])
            label = int(rng.choice(self.n_classes, p=weights / weights.sum()))
        shortest, longest = self.event_duration
        limits = shortest, min(longest, self.duration)
        seconds = synth.log_uniform(*np.clip(EVENTS[names[label]].seconds, *limits))
        event = self.place(synth, label, round(seconds, 3))
        start, stop = (int(time * self.sample_rate) for time in event[1:])
        return PlacedEvent(event, start, stop)

    def sound(self, synth: Synth, scene: Scene) -> tuple[Signal, Iterator[Signal]]:
        """Sound the background and the events through one microphone in one room."""
        recorder = _recorder(synth)
        background = _background(synth, self.n_samples, recorder)
        scene.background_level = synth.rng.uniform(-46, -32)
        echo = _room(synth)

        def sound_one(placed: PlacedEvent) -> Signal:
            synthesize = EVENTS[CLASSES[placed.event.label]].synthesize
            dry = synthesize(synth, placed.stop - placed.start).astype(np.float32)
            return _reverberate(synth, synth.faded(dry, 0.005, 0.03), echo, recorder)

        return background, map(sound_one, scene.events)


def make_soundscapes(
    n_clips: int = 100,
    n_classes: int = 10,
    *,
    labeled_fraction: float = 1.0,
    duration: float = 10.0,
    sample_rate: int = 44100,
    n_events: tuple[int, int] = (1, 4),
    event_duration: tuple[float, float] = (0.3, 8.0),
    snr: tuple[float, float] = (0.0, 15.0),
    empty_fraction: float = 0.02,
    output_dir: str | os.PathLike[str] | None = None,
    audio_format: Literal["flac", "wav"] = "flac",
    return_X_y: bool = False,
    n_jobs: int | None = None,
    verbose: int = 0,
    random_state: int | np.random.RandomState | np.random.Generator | None = None,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Make clips of overlapping domestic sounds, some labeled, without a download.

    A clip depends on ``random_state`` and its own number only: a larger corpus begins
    with the clips of a smaller one (the choice of the labeled clips differs). The
    numbers are the same on every machine up to the last bits of a float32, as long as
    NumPy's generator keeps its streams.

    A clip of 10 s at 44.1 kHz takes about 50 ms to compute, and 300 of them fill 530 MB
    of memory; give ``output_dir`` to write files instead.

    Parameters
    ----------
    n_clips : int, default=100
        Number of clips, at least 1.
    n_classes : int, default=10
        The first so many of ``speech``, ``dog``, ``cat``, ``alarm``, ``dishes``,
        ``frying``, ``blender``, ``running_water``, ``vacuum_cleaner`` and
        ``electric_shaver``, in [1, 10].
    labeled_fraction : float, default=1.0
        Share of the clips that keep their labels, in (0, 1]; at least one clip. Every
        class that sounds in some clip is in a labeled one, if their number allows it.
    duration : float, default=10.0
        Length of a clip in seconds, in [0.1, 600].
    sample_rate : int, default=44100
        In Hz, in [16000, 96000].
    n_events : tuple of (int, int), default=(1, 4)
        Fewest and most events of a clip that is not empty, each at least 1.
    event_duration : tuple of (float, float), default=(0.3, 8.0)
        Shortest and longest event in seconds, at least 0.05. Each class has its own
        range within: barks are short, running water is long.
    snr : tuple of (float, float), default=(0.0, 15.0)
        Lowest and highest level of an event in dB, in [-60, 60]: its mean power from
        onset to offset over the mean power of the background.
    empty_fraction : float, default=0.02
        Probability that a clip holds no event, in [0, 1]. Such a clip is labeled by a
        row of zeros, which is not the same as an unlabeled one.
    output_dir : str or path-like, default=None
        Where to write ``clip_00000.flac`` and so on (16 bits), ``labels.tsv`` and
        ``events.tsv``. The folder is made; files of these names are replaced, others
        left alone.
    audio_format : {"flac", "wav"}, default="flac"
        Kind of the files.
    return_X_y : bool, default=False
        Whether to return only the waveforms (or paths) and ``target``.
    n_jobs : int, default=None
        Clips computed at the same time, in threads; None is one.
    verbose : int, default=0
        1 shows rate and time left of whatever takes more than two seconds, on stderr.
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None, \
            default=None
        An integer of at least 0 repeats the corpus. The global generators are neither
        read nor changed.

    Returns
    -------
    corpus : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (n_clips, n_samples), float32
            Mono waveforms within (-1, 1); only without ``output_dir``.
        paths : ndarray of shape (n_clips,), str
            The files; only with ``output_dir``.
        target : ndarray of shape (n_clips, n_classes), int64
            1 where a class sounds in the clip, 0 where not, a row of -1 where the clip
            is unlabeled.
        target_true : ndarray of shape (n_clips, n_classes), int64
            The same with nothing hidden, to judge what was predicted.
        target_names : ndarray of shape (n_classes,), str
            The classes, one a column.
        events : list of n_clips lists of Event
            Named tuples ``(label, onset, offset)`` by onset: column of the class, start
            and end in seconds. Reverberation may outlast the offset.
        snr : list of n_clips ndarrays of shape (n_events,), float64
            Levels of the events in dB, in the order of ``events``.
        sample_rate : int
            In Hz.
        DESCR : str
            What the corpus is and is not.
    (X, y) : tuple
        If ``return_X_y``: ``data`` or ``paths``, and ``target``.

    Raises
    ------
    ValueError
        If a parameter is outside its range.
    OSError
        If ``output_dir`` is a file or cannot be made.

    See Also
    --------
    mix_soundscapes : The same of recordings instead of synthetic sounds.
    load_dcase2018_task4 : Recordings of the same ten classes.

    Notes
    -----
    An event of ``snr`` L dB stands at ``10 log10(P_event / P_background)`` = L, with
    the mean powers of the event, echoes after its offset excluded, and of the whole
    background. Where a clip would exceed full scale all of it is made softer alike.

    References
    ----------
    .. [1] R. Serizel, N. Turpault, H. Eghbal-Zadeh and A. Parag Shah, "Large-scale
       weakly labeled semi-supervised sound event detection in domestic environments",
       DCASE Workshop, 2018: task 4, whose classes these are.

    Examples
    --------
    >>> from sklearn_triplet.datasets import make_soundscapes
    >>> corpus = make_soundscapes(
    ...     4, 3, labeled_fraction=0.5, duration=2.0, sample_rate=16000, random_state=0
    ... )
    >>> corpus.data.shape
    (4, 32000)
    >>> corpus.target_names
    array(['speech', 'dog', 'cat'], dtype='<U6')
    >>> corpus.target
    array([[-1, -1, -1],
           [ 1,  1,  0],
           [ 1,  0,  1],
           [-1, -1, -1]])
    """
    check_interval(
        SyntheticMaker.owner, "n_classes", n_classes, numbers.Integral, 1, len(CLASSES)
    )
    maker = SyntheticMaker(
        {"": n_clips}, {"": labeled_fraction}, duration, sample_rate, n_events,
        event_duration, snr, empty_fraction, output_dir, audio_format, n_jobs, verbose,
        random_state, n_classes,
    )  # fmt: skip
    corpus = maker.make(CLASSES[:n_classes])
    corpus.DESCR = DESCR
    X = corpus.data if output_dir is None else corpus.paths
    return (X, corpus.target) if return_X_y else corpus
