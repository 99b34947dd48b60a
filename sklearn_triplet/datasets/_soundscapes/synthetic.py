"""A table of classes and random numbers in; events (n_samples,) and their clips out.

A class of events is a row of ``EVENTS``, which one synthesizer sounds: a source (tone
and noise) that starts and stops in bursts goes through a body that rings, as in the
source-filter model of voices [1]_, and then through the room. Each event draws its
numbers from the ranges of its row. To add a class, add a row.

References
----------
.. [1] G. Fant, "Acoustic Theory of Speech Production", Mouton, 1960.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from numbers import Integral
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.random import Generator, RandomState
from numpy.typing import NDArray
from scipy import fft
from sklearn.utils import Bunch

from sklearn_triplet._input.parameters import check_interval
from sklearn_triplet.datasets._soundscapes import engine
from sklearn_triplet.datasets._soundscapes.engine import Placed, Scene, Signal, Source

Range: TypeAlias = tuple[float, float]

# in homes the same thing tends to sound again: a dog barks, is quiet, barks
REPEAT_PROBABILITY = 0.55
N_PEAKS, N_BURSTS = 3, 512  # numbers drawn for each event, needed or not
BACKGROUND_LEVEL = -46.0, -32.0  # dB
DESCR = """\
Synthetic domestic soundscapes: sounds of a household begin at random times, overlap,
and stand at random levels above a background, all computed from random numbers. Figures
reached on them say which method copes better, not how well it would do on recordings.
"""


class EventClass(NamedTuple):
    """How one class of events sounds, how long it lasts and how common it is.

    A pair is a range that each event draws from: ``seconds``, ``peaks``, ``quality``,
    ``pitch`` and ``bursts`` by their logarithm, the others evenly.
    """

    seconds: Range  # shortest and longest event
    frequency: float  # how often the class is drawn, relative to the others
    peaks: Range  # of the three resonances of the body, in Hz
    quality: Range  # how sharp they are: 0.5 is a broad band, 5 a vowel, 100 a plate
    noise: Range  # share of the power of the source that is noise; the rest is tone
    pitch: Range  # fundamental frequency of the tone in Hz
    falloff: Range  # each harmonic over the one below: 0.1 whistles, 0.95 buzzes
    glide: Range  # octaves by which the pitch rises, and returns, in each burst
    bursts: Range  # a second; 0.01 is one that is as long as the event
    jitter: float  # irregularity of the bursts, from 0 to 1
    duty: Range  # share of the time from one burst to the next that a burst lasts
    decay: Range  # natural logarithm of the amplitude that is lost in a burst
    unrest: Range  # slow changes of log level; the pitch follows by a tenth, in octaves


# a row is: seconds, frequency, peaks, quality, noise, pitch, falloff, then
# glide, bursts, jitter, duty, decay, unrest; frequencies are about those of DCASE 2018
EVENTS = {
    # syllables with formants that move
    "speech": EventClass((0.6, 5), 4.5, (400, 3500), (3, 8), (0.02, 0.2), (90, 260),
        (0.75, 0.92), (-0.3, 0.3), (3, 7), 0.6, (0.6, 0.95), (0, 1), (0, 0.1)),
    # short, hoarse, falling
    "dog": EventClass((0.5, 4), 2.1, (600, 2000), (1.5, 4), (0.3, 0.7), (300, 700),
        (0.6, 0.9), (0.3, 0.8), (1.2, 4), 0.7, (0.2, 0.5), (1, 4), (0, 0.1)),
    # a long arch, clear
    "cat": EventClass((0.5, 4), 1.7, (1000, 4000), (2, 5), (0.02, 0.15), (400, 900),
        (0.6, 0.9), (0.2, 0.7), (0.5, 1.2), 0.5, (0.5, 0.9), (0, 1), (0, 0.1)),
    # regular beeps of few harmonics
    "alarm": EventClass((1, 7), 2.0, (1500, 5000), (0.5, 2), (0, 0.02), (1200, 3500),
        (0.05, 0.3), (-0.3, 0.6), (1, 8), 0, (0.3, 0.9), (0, 0), (0, 0.1)),
    # strokes that ring
    "dishes": EventClass((0.5, 5), 1.8, (1500, 9000), (60, 400), (1, 1), (99, 99),
        (0.5, 0.5), (0, 0), (3, 10), 1, (0.1, 0.3), (6, 9), (0, 0.1)),
    # hiss that sputters
    "frying": EventClass((4, 8), 1.7, (3000, 10_000), (0.7, 2), (1, 1), (99, 99),
        (0.5, 0.5), (0, 0), (15, 40), 1, (0.8, 1), (0.5, 3), (0.1, 0.4)),
    # a fast motor that the food slows down
    "blender": EventClass((2, 8), 1.4, (1000, 3000), (0.7, 2), (0.05, 0.3), (200, 450),
        (0.8, 0.95), (0, 0.3), (0.01, 0.01), 0, (1, 1), (0, 0), (0.4, 1.2)),
    # a broad rush
    "running_water": EventClass((2, 8), 3.0, (600, 3500), (0.5, 1.5), (1, 1), (99, 99),
        (0.5, 0.5), (0, 0), (0.01, 0.01), 0, (1, 1), (0, 0), (0.1, 0.5)),
    # a deep rush around a steady motor
    "vacuum_cleaner": EventClass((4, 8), 1.7, (200, 1000), (0.3, 0.8), (0.6, 0.95),
        (90, 320), (0.7, 0.9), (0, 0), (0.01, 0.01), 0, (1, 1), (0, 0), (0, 0.1)),
    # a small buzzing motor in strokes
    "electric_shaver": EventClass((3, 8), 1.2, (3500, 6500), (2, 5), (0.05, 0.2),
        (80, 180), (0.93, 0.97), (0, 0), (0.6, 2), 0.5, (0.5, 0.8), (0, 0.5), (0, 0.2)),
}  # fmt: skip


class Room(NamedTuple):
    """The impulse response of a room, and the slope of its microphone in dB/octave."""

    echo: Signal
    slope: float


def resonances(
    frequencies: NDArray, peaks: NDArray, quality: float, gains: NDArray
) -> engine.Response:
    """Gain of simple resonators side by side: a throat, a plate, a housing.

    Parameters
    ----------
    frequencies : ndarray of shape (n_frequencies,)
        In Hz.
    peaks, gains : ndarray of shape (n_peaks,)
        Of each resonator: the frequency in Hz and the height of its peak.
    quality : float
        Frequency of each peak over its width.

    Returns
    -------
    response : ndarray of shape (n_frequencies,), complex64

    Notes
    -----
    The sum of ``g / (1 + i Q (f / p - p / f))``. The phase is what makes it ring after
    and not before it is struck: down to 1/e within ``Q / (pi p)`` seconds.
    """
    response = np.zeros(len(frequencies), dtype=np.complex64)
    heard = np.maximum(frequencies, 1)
    for peak, gain in zip(peaks, gains, strict=True):
        detuned = quality * (heard / peak - peak / heard)
        response += gain / (1 + 1j * detuned.astype(np.complex64))
    return response


def wander(rng: Generator, n_samples: int, n_bends: float) -> Signal:
    """Slow random curve of mean 0 and deviation near 1 with so many bends."""
    knots = np.linspace(0, n_samples, int(n_bends) + 2)
    return np.interp(np.arange(n_samples), knots, rng.standard_normal(len(knots)))


class SyntheticMaker(engine.SoundscapeMaker):
    """Soundscapes of synthetic events in a room of their own for each clip."""

    owner = "make_soundscapes"
    lowest_rate = 16_000  # a lower one would cut the hiss of frying off

    def plan_event(self, rng: Generator, split: str, labels: list[int]) -> Placed:
        """Draw a class, mostly one that was there before, its length and its time."""
        rows = [EVENTS[name] for name in self.settings.names]
        weights = np.array([row.frequency for row in rows])
        label = int(rng.choice(len(rows), p=weights / weights.sum()))
        if labels and rng.random() < REPEAT_PROBABILITY:
            label = int(rng.choice(labels))
        shortest, longest = self.settings.event_duration
        limits = shortest, min(longest, self.settings.duration)
        seconds = engine.log_uniform(rng, *np.clip(rows[label].seconds, *limits))
        event, n_samples = self.place(rng, label, round(float(seconds), 3))
        return event, Source("", 0, n_samples)

    def sound(self, scene: Scene) -> tuple[Signal, Iterator[Signal]]:
        """Sound a background, and the events in one room through one microphone.

        Notes
        -----
        The room answers the direct sound with noise that falls by 60 dB within the
        reverberation time T: exp(-6.9 t / T), since ln(1000) = 6.9.
        """
        rng, rate = scene.rng, self.rate
        n_echo, fall = int(rng.uniform(0.08, 0.5) * rate), rng.uniform(-6, -1)
        # walls swallow the high frequencies first
        echo = engine.noise(rng, n_echo, rate, lambda f: engine.tilt(f, fall))
        echo *= np.exp(-6.9 * np.linspace(0, 1, n_echo, dtype=np.float32))
        echo *= np.float32(rng.uniform(0.1, 1.2) / np.sqrt(np.sum(np.square(echo))))
        echo[0] = 1
        slope, room = rng.uniform(-10, -5), Room(echo, rng.uniform(-4, 3))
        peaks, gains = engine.log_uniform(rng, 60, 3000, 2), rng.uniform(0, 3, 2)

        def colour(f: NDArray) -> engine.Response:
            return (1 + np.abs(resonances(f, peaks, 2, gains))) * engine.tilt(f, slope)

        def synthesize(event: engine.Event, source: Source) -> Signal:
            row = EVENTS[self.settings.names[event.label]]
            return self._synthesize(rng, row, source.stop, room)

        background = engine.noise(rng, self.n_samples, rate, colour)
        return background, itertools.starmap(synthesize, scene.events)

    def _synthesize(
        self, rng: Generator, row: EventClass, n_samples: int, room: Room
    ) -> Signal:
        """Sound an event of so many samples; the tail of the echo outlasts it."""
        n_whole = n_samples + len(room.echo)
        source, position = self._source(rng, row, n_samples)
        source = engine.fade(source, self.rate)
        n_fft = fft.next_fast_len(n_whole, real=True)
        frequencies = engine.frequencies_of(n_fft, self.rate)
        spectrum = np.zeros(len(frequencies), dtype=np.complex64)
        # a body that moves is two that stand still, faded into each other
        for weight in (position, 1 - position):
            peaks = engine.log_uniform(rng, *row.peaks, N_PEAKS)
            quality = engine.log_uniform(rng, *row.quality)
            gains = rng.uniform(0.3, 1, N_PEAKS)
            body = resonances(frequencies, peaks, quality, gains)
            spectrum += fft.rfft((weight * source).astype(np.float32), n_fft) * body
        spectrum *= fft.rfft(room.echo, n_fft) * engine.tilt(frequencies, room.slope)
        return fft.irfft(spectrum, n_fft)[:n_whole]

    def _source(
        self, rng: Generator, row: EventClass, n_samples: int
    ) -> tuple[Signal, Signal]:
        """Sound the source of an event, before any body colours it.

        Returns
        -------
        source : ndarray of shape (n_samples,)
        position : ndarray of shape (n_samples,)
            Between the two positions that the body takes, 0 to 1: one for each burst.

        Notes
        -----
        A tone of phase p whose k-th harmonic has the amplitude a ** k is ``sin p / (1 -
        2 a cos p + a ** 2)`` [1]_: as cheap with hundreds of harmonics as with one.

        References
        ----------
        .. [1] J. A. Moorer, "The Synthesis of Complex Audio Spectra by Means of
           Discrete Summation Formulas", Journal of the Audio Engineering Society 24,
           1976, pp. 717-727.
        """
        number, phase, gate = self._bursts(rng, row, n_samples)
        seconds = n_samples / self.rate
        unrest = rng.uniform(*row.unrest) * wander(rng, n_samples, 4 * seconds)
        octaves = rng.uniform(*row.glide) * np.sin(np.pi * phase) + 0.1 * unrest
        # no two bursts are alike, nor two cycles: a voice is no organ pipe
        octaves += (0.15 * row.jitter * rng.standard_normal(N_BURSTS))[number]
        octaves += 0.01 * row.jitter * wander(rng, n_samples, 60 * seconds)
        pitch = engine.log_uniform(rng, *row.pitch) * 2**octaves
        a = rng.uniform(*row.falloff)
        p = 2 * np.pi / self.rate * np.cumsum(pitch)
        tone = np.sin(p) / (1 - 2 * a * np.cos(p) + a**2)
        share, rush = rng.uniform(*row.noise), rng.standard_normal(n_samples)
        # shares of the power, hence the roots
        mix = np.sqrt(1 - share) / engine.rms(tone) * tone + np.sqrt(share) * rush
        return mix * gate * np.exp(unrest), rng.random(N_BURSTS)[number]

    def _bursts(
        self, rng: Generator, row: EventClass, n_samples: int
    ) -> tuple[NDArray, NDArray, Signal]:
        """Draw when the source sounds.

        Returns
        -------
        number : ndarray of shape (n_samples,), int
            Of the burst that each sample is in, or after.
        phase : ndarray of shape (n_samples,)
            From 0 at the beginning of a burst to 1 at its end and after it.
        gate : ndarray of shape (n_samples,)
            Amplitude of the source, 0 between bursts.
        """
        time = np.arange(n_samples) / self.rate
        period = min(1 / engine.log_uniform(rng, *row.bursts), n_samples / self.rate)
        spread = 0.9 * row.jitter
        gaps = period * rng.uniform(1 - spread, 1 + spread, N_BURSTS)
        # the first begins with the event: a short one must not consist of the pause
        starts = np.cumsum(gaps) - gaps[0]
        number = np.searchsorted(starts, time, side="right") - 1
        length = np.diff(starts, append=np.inf)[number] * rng.uniform(*row.duty)
        age = time - starts[number]
        phase = np.minimum(age / length, 1)
        gate = np.minimum(age / engine.ATTACK, (length - age) / engine.RELEASE)
        gate = np.clip(gate, 0, 1) * np.exp(-rng.uniform(*row.decay) * phase)
        levels = np.exp(0.4 * row.jitter * rng.standard_normal(N_BURSTS))
        return number, phase, gate * levels[number]


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
    return_X_y: bool = False,
    n_jobs: int | None = None,
    verbose: int = 0,
    random_state: int | RandomState | Generator | None = None,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Make clips of overlapping domestic sounds, some labeled, without a download.

    A clip depends on ``random_state`` and its own number only: a larger corpus begins
    with the clips of a smaller one (the choice of the labeled clips differs). The
    numbers are the same on every machine up to the last bits of a float32, as long as
    NumPy's generator keeps its streams.

    A clip of 10 s at 44.1 kHz takes about 70 ms to compute, and 300 of them fill 530 MB
    of memory; with ``output_dir`` they become files instead.

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
        Lowest and highest level of an event in dB, in [-60, 60], see Notes.
    empty_fraction : float, default=0.02
        Probability that a clip holds no event, in [0, 1]. Such a clip is labeled by a
        row of zeros, which is not the same as an unlabeled one.
    output_dir : str or path-like, default=None
        Where to write ``clip_00000.flac`` and so on (16 bits), ``labels.tsv`` and
        ``events.tsv``. The folder is made; files of these names are replaced.
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
    the mean powers of the event from onset to offset, without the echo that follows,
    and of the whole background. Where a clip would exceed full scale all of it is made
    softer alike.

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
           [-1, -1, -1],
           [ 0,  1,  1],
           [ 1,  0,  0]])
    """
    settings = Bunch(**locals())  # as the user gave them
    owner, names = SyntheticMaker.owner, [*EVENTS]
    check_interval(owner, "n_classes", n_classes, Integral, 1, len(names))
    settings.update(n_clips={"clip": n_clips}, names=names[:n_classes])
    settings.background_level = BACKGROUND_LEVEL
    corpus = SyntheticMaker(settings).make()
    corpus.DESCR = DESCR
    X = corpus.data if output_dir is None else corpus.paths
    return (X, corpus.target) if return_X_y else corpus
