"""Synthesis of domestic sound events: one small function per class, one table.

Each function takes ``(rng, n_samples, sample_rate)`` and returns one event of shape
(n_samples,), float32, of any level. Classes that resemble each other share a model with
overlapping ranges of its parameters (motors, steady noises, voices), so that no single
number tells them apart. To add a class, write a function and an entry in ``EVENTS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from sklearn_triplet.datasets._signals import (
    Response,
    Signal,
    add_at,
    band,
    filtered,
    harmonics,
    impulses,
    log_uniform,
    noise,
    resonances,
    ringing,
    rms,
    wander,
)
from sklearn_triplet.datasets._voices import cat, dog, speech

# --- struck and electronic things -----------------------------------------------------


def alarm(rng: Generator, n_samples: int, sample_rate: int) -> Signal:
    """Beep, wail in two tones or in sweeps, or ring a bell."""
    kind = rng.choice(["beep", "sweep", "bell"], p=[0.45, 0.25, 0.3])
    rate = log_uniform(rng, 0.8, 6)
    time = np.arange(n_samples) / sample_rate
    if kind == "bell":
        return _bell(rng, n_samples, sample_rate, rate * rng.choice([1, 4]))
    pitch = log_uniform(rng, 700, 1700) * (1 if kind == "sweep" else 2)
    # begins with the tone: a short alarm must not consist of the pause
    cycle = time * rate % 1
    amplitudes = np.arange(1, 13) ** -rng.uniform(0.5, 3)
    amplitudes[1::2] *= rng.random()
    if kind == "sweep":
        shape = (cycle < 0.5) if rng.random() < 0.5 else np.abs(2 * cycle - 1)
        tone = pitch * 2 ** (rng.uniform(0.2, 0.9) * (shape - 0.5))
        return harmonics(rng, tone, amplitudes, sample_rate)
    tone = harmonics(rng, np.full(n_samples, pitch), amplitudes, sample_rate)
    on = (cycle < rng.uniform(0.2, 0.7)).astype(np.float32)
    return tone * filtered(on, sample_rate, band(1e-3, rng.uniform(30, 200), 1))


def _bell(rng: Generator, n_samples: int, sample_rate: int, rate: float) -> Signal:
    partials = log_uniform(rng, 700, 2200) * np.array([1, 2, 2.4, 3, 4.5, 5.3, 6.7])
    partials *= 2 ** rng.normal(0, 0.04, 7)
    decays = log_uniform(rng, 0.06, 0.8) * np.linspace(1, 0.3, 7)
    modes = ringing(rng, n_samples, sample_rate, partials, decays)
    stroke = rng.uniform(0.2, 1, 7).astype(np.float32) @ modes
    signal = np.zeros(n_samples, dtype=np.float32)
    for start in np.arange(0, n_samples, sample_rate / rate):
        add_at(signal, int(start), stroke * np.float32(rng.uniform(0.8, 1)))
    return signal


def dishes(rng: Generator, n_samples: int, sample_rate: int) -> Signal:
    """Clink a few objects together, in clusters."""
    objects = [_dish(rng, n_samples, sample_rate) for _ in range(rng.integers(2, 5))]
    signal = np.zeros(n_samples, dtype=np.float32)
    rate = log_uniform(rng, 3, 12)
    start = 0
    while start < n_samples:
        modes = objects[rng.integers(len(objects))]
        gains = rng.exponential(size=len(modes)) * np.exp(0.8 * rng.standard_normal())
        add_at(signal, start, gains.astype(np.float32) @ modes)
        # clinks come in clusters: mostly short gaps, now and then a long one
        gap = rng.exponential(0.5 if rng.random() < 0.7 else 2) / rate
        start += 1 + int(sample_rate * gap)
    return signal


def _dish(rng: Generator, n_samples: int, sample_rate: int) -> Signal:
    frequencies = log_uniform(rng, 1500, 5000) * np.cumsum(rng.uniform(0.3, 1, 6))
    decays = log_uniform(rng, 0.008, 0.15) * rng.uniform(0.3, 1, 6)
    return ringing(rng, n_samples, sample_rate, frequencies, decays)


# --- steady noises: a band of noise with clicks on top --------------------------------


def _simmer(
    rng: Generator,
    n_samples: int,
    sample_rate: int,
    *,
    hiss: Response,
    click: Response,
    rate: float,
    share: float,
    restless: float,
) -> Signal:
    """Hiss through one response with clicks through another.

    Parameters
    ----------
    hiss, click : response
    rate : float
        Clicks per second.
    share : float
        Power of the clicks within the whole, 0 to 1.
    restless : float
        Deviation of the slow changes of level, in natural logarithm.
    """
    steady = noise(rng, n_samples, sample_rate, hiss)
    clicks = filtered(impulses(rng, n_samples, sample_rate, rate), sample_rate, click)
    level = np.exp(restless * wander(rng, n_samples, sample_rate, 2))
    steady *= np.sqrt(1 - share) / rms(steady)
    clicks *= np.sqrt(share) / max(rms(clicks), 1e-9)
    return level * (steady + clicks)


def running_water(rng: Generator, n_samples: int, sample_rate: int) -> Signal:
    """Run a tap or a shower: noise with bubbles that ring at low frequencies."""
    centre = log_uniform(rng, 600, 4000)
    width = 2 ** rng.uniform(0.6, 2)
    bubbles = np.exp(rng.uniform(np.log(350), np.log(3500), 12))
    return _simmer(
        rng, n_samples, sample_rate,
        hiss=band(centre / width, centre * width, 1),
        click=resonances(bubbles, bubbles * rng.uniform(0.01, 0.06)),
        rate=log_uniform(rng, 8, 150), share=rng.uniform(0.02, 0.5),
        restless=rng.uniform(0.05, 0.3),
    )  # fmt: skip


def frying(rng: Generator, n_samples: int, sample_rate: int) -> Signal:
    """Fry: high noise with sharp crackles of very different strength."""
    centre = log_uniform(rng, 2500, 9000)
    width = 2 ** rng.uniform(0.6, 1.6)
    pop = log_uniform(rng, 2000, 8000)
    return _simmer(
        rng, n_samples, sample_rate,
        hiss=band(centre / width, centre * width, 1),
        click=band(pop / 2, 2 * pop),
        rate=log_uniform(rng, 5, 90), share=rng.uniform(0.02, 0.5),
        restless=rng.uniform(0.02, 0.25),
    )  # fmt: skip


# --- motors: harmonics of a rotation in a noise of air or gears -----------------------


def _motor(
    rng: Generator,
    n_samples: int,
    sample_rate: int,
    *,
    rotation: float,
    falloff: float,
    casing: float,
    air: float,
    hiss: Response,
    load: float,
    bends: float,
) -> Signal:
    """Turn a motor under a changing load.

    Parameters
    ----------
    rotation : float
        Fundamental in Hz.
    falloff : float
        Exponent by which harmonics weaken.
    casing : float
        Frequency in Hz at which the housing resonates.
    air : float
        Power of the noise within the whole, 0 to 1.
    hiss : response
        Colour of that noise.
    load : float
        Deviation of the speed, relative; the level follows the speed.
    bends : float
        Changes of load per second.
    """
    strain = wander(rng, n_samples, sample_rate, bends)
    run_up = 1 - rng.uniform(0, 0.5) * np.exp(
        -np.arange(n_samples) / (rng.uniform(0.05, 0.4) * sample_rate)
    )
    pitch = rotation * run_up * np.exp(load * strain)
    amplitudes = np.arange(1, 61) ** -falloff * rng.lognormal(0, 0.6, 60)
    tone = harmonics(rng, pitch, amplitudes, sample_rate)
    housing = resonances([casing], [casing * rng.uniform(0.2, 0.8)]) + 0.1
    tone = filtered(tone, sample_rate, housing)
    rush = noise(rng, n_samples, sample_rate, hiss)
    mix = tone * (np.sqrt(1 - air) / rms(tone)) + rush * (np.sqrt(air) / rms(rush))
    level = run_up * np.exp(3 * load * strain)
    return mix * level.astype(np.float32)


def blender(rng: Generator, n_samples: int, sample_rate: int) -> Signal:
    """Run a fast motor that the food slows down."""
    low = log_uniform(rng, 600, 1500)
    return _motor(
        rng, n_samples, sample_rate,
        rotation=log_uniform(rng, 200, 450), falloff=rng.uniform(0.4, 0.9),
        casing=log_uniform(rng, 800, 2200),
        air=rng.uniform(0.15, 0.6), hiss=band(low, low * rng.uniform(3, 6), 1),
        load=rng.uniform(0.02, 0.12), bends=rng.uniform(3, 14),
    )  # fmt: skip


def vacuum_cleaner(rng: Generator, n_samples: int, sample_rate: int) -> Signal:
    """Run a steady motor in a rush of air."""
    low = log_uniform(rng, 100, 500)
    return _motor(
        rng, n_samples, sample_rate,
        rotation=log_uniform(rng, 90, 320), falloff=rng.uniform(0.6, 1.5),
        casing=log_uniform(rng, 200, 900),
        air=rng.uniform(0.55, 0.95), hiss=band(low, low * rng.uniform(6, 24), 1),
        load=rng.uniform(0.002, 0.05), bends=rng.uniform(0.3, 3),
    )  # fmt: skip


def electric_shaver(rng: Generator, n_samples: int, sample_rate: int) -> Signal:
    """Run a small buzzing motor, as of a shaver or a toothbrush, in strokes."""
    low = log_uniform(rng, 2000, 5000)
    return _motor(
        rng, n_samples, sample_rate,
        rotation=log_uniform(rng, 80, 240), falloff=rng.uniform(0.1, 0.7),
        casing=log_uniform(rng, 2500, 6500),
        air=rng.uniform(0.1, 0.6), hiss=band(low, low * rng.uniform(2, 4), 1),
        load=rng.uniform(0.005, 0.07), bends=rng.uniform(1, 8),
    )  # fmt: skip


@dataclass(frozen=True)
class EventClass:
    """How one class of events sounds, how long it lasts and how common it is.

    Attributes
    ----------
    synthesise : callable
        ``(rng, n_samples, sample_rate)`` -> ndarray of shape (n_samples,), float32.
    seconds : tuple of (float, float)
        Shortest and longest event; lengths between are log-uniform.
    frequency : float
        How often the class is drawn, relative to the others.
    """

    synthesise: Callable[[Generator, int, int], Signal]
    seconds: tuple[float, float]
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
