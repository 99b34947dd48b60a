"""Synthetic domestic soundscapes: waveforms (n_clips, n_samples), tags, event times."""

from __future__ import annotations

import numbers
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import soundfile
from joblib import delayed
from numpy.typing import NDArray
from sklearn.utils import Bunch

from sklearn_triplet._input.labels import UNLABELED
from sklearn_triplet._input.parameters import check_interval, check_option
from sklearn_triplet._model_selection.stratification import mask_labels
from sklearn_triplet.datasets._base import (
    check_output,
    check_pair,
    compute_clips,
    output_folder,
    seed_from,
)
from sklearn_triplet.datasets._scenes import (
    CLASSES,
    Event,
    Scene,
    SceneSettings,
    check_lengths,
    plan_scene,
    render_scene,
)
from sklearn_triplet.datasets._tables import write_table

OWNER = "make_soundscapes"
Compute = Callable[..., Iterator[Any]]

DESCR = """\
Synthetic domestic soundscapes
------------------------------

Clips in which sounds of a household (speech, a dog, a cat, an alarm, dishes, frying, a
blender, running water, a vacuum cleaner, an electric shaver) begin at random times,
overlap, and stand at random levels above a background of noise, hum and knocks. All of
it is computed from random numbers: nothing is recorded and nothing is downloaded. The
classes are those of task 4 of DCASE 2018, about as unequally common as there, and each
varies within itself about as much as it differs from its neighbours.

The corpus serves to try methods for clips with few labels. Figures reached on it say
which method copes better, not how well it would do on recordings.
"""


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
        Clips computed at the same time, as in joblib; None is one.
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
    settings = _check(
        n_clips, n_classes, labeled_fraction, duration, sample_rate, n_events,
        event_duration, snr, empty_fraction, audio_format, output_dir,
    )  # fmt: skip
    seed = seed_from(OWNER, random_state)
    plans = [plan_scene(settings, seed, clip) for clip in range(n_clips)]
    truth = _indicator([events for events, _ in plans], n_classes)
    corpus = Bunch(
        target=mask_labels(truth, float(labeled_fraction), random_state=seed % 2**32),
        target_true=truth,
        target_names=np.array(CLASSES[:n_classes]),
        events=[events for events, _ in plans],
        snr=[levels for _, levels in plans],
        sample_rate=sample_rate,
        DESCR=DESCR,
    )
    compute = partial(
        compute_clips, OWNER, n_clips=n_clips, n_jobs=n_jobs, verbose=verbose
    )
    if output_dir is None:
        X = corpus.data = _render(settings, seed, plans, compute)
    else:
        folder = output_folder(OWNER, output_dir)
        paths = [folder / f"clip_{i:05d}.{audio_format}" for i in range(n_clips)]
        # written in the workers, so that no waveform travels
        written = compute(
            delayed(_write_clip)(path, settings, seed, clip, *plans[clip])
            for clip, path in enumerate(paths)
        )
        list(written)
        _write_tables(paths, corpus)
        X = corpus.paths = np.array([str(path) for path in paths])
    return (X, corpus.target) if return_X_y else corpus


def _check(
    n_clips: int, n_classes: int, labeled_fraction: float, duration: float,
    sample_rate: int, n_events: tuple[int, int], event_duration: tuple[float, float],
    snr: tuple[float, float], empty_fraction: float, audio_format: str,
    output_dir: str | os.PathLike[str] | None,
) -> SceneSettings:  # fmt: skip
    """Refuse what is out of range; gather what a single clip needs to know."""
    whole, real = numbers.Integral, numbers.Real
    check_interval(OWNER, "n_clips", n_clips, whole, 1, np.inf)
    check_interval(OWNER, "n_classes", n_classes, whole, 1, len(CLASSES))
    check_interval(OWNER, "labeled_fraction", labeled_fraction, real, 0, 1, left="open")
    check_interval(OWNER, "duration", duration, real, 0.1, 600)
    check_interval(OWNER, "sample_rate", sample_rate, whole, 16_000, 96_000)
    check_interval(OWNER, "empty_fraction", empty_fraction, real, 0, 1)
    check_option(OWNER, "audio_format", audio_format, ["flac", "wav"])
    if output_dir is not None:
        check_output(OWNER, output_dir)
    lengths = check_lengths(OWNER, event_duration, duration)
    return SceneSettings(
        n_classes=n_classes,
        duration=duration,
        sample_rate=sample_rate,
        n_events=check_pair(OWNER, "n_events", n_events, whole, 1, np.inf),
        event_duration=lengths,
        snr=check_pair(OWNER, "snr", snr, real, -60, 60),
        empty_fraction=empty_fraction,
    )


def _indicator(events: list[list[Event]], n_classes: int) -> NDArray[np.int64]:
    """Mark the classes that sound in each clip, shape (n_clips, n_classes)."""
    truth = np.zeros((len(events), n_classes), dtype=np.int64)
    for row, clip_events in zip(truth, events, strict=True):
        row[[event.label for event in clip_events]] = 1
    return truth


def _render(
    settings: SceneSettings, seed: int, plans: list[Scene], compute: Compute
) -> NDArray[np.float32]:
    """Compute all waveforms, shape (n_clips, n_samples)."""
    data = np.empty((len(plans), settings.n_samples), dtype=np.float32)
    # one by one: a list to be stacked would need the memory twice
    waveforms = compute(
        delayed(render_scene)(settings, seed, clip, *plan)
        for clip, plan in enumerate(plans)
    )
    for row, waveform in zip(data, waveforms, strict=True):
        row[:] = waveform
    return data


def _write_clip(
    path: Path,
    settings: SceneSettings,
    seed: int,
    clip: int,
    events: list[Event],
    levels: NDArray[np.float64],
) -> None:
    waveform = render_scene(settings, seed, clip, events, levels)
    soundfile.write(path, waveform, settings.sample_rate, subtype="PCM_16")


def _write_tables(paths: list[Path], corpus: Bunch) -> None:
    """Write the tags as task 4 of DCASE 2018 does, and the times of the events."""
    names, clips, rows = corpus.target_names, [], []
    for i, path in enumerate(paths):
        tags = ",".join(names[corpus.target_true[i] == 1])
        clips.append([path.name, tags, int(corpus.target[i, 0] != UNLABELED)])
        for event, level in zip(corpus.events[i], corpus.snr[i], strict=True):
            times = f"{event.onset:.3f}", f"{event.offset:.3f}"
            rows.append([path.name, *times, names[event.label], f"{level:.2f}"])
    folder = paths[0].parent
    write_table(folder / "labels.tsv", "filename event_labels labeled", clips)
    write_table(folder / "events.tsv", "filename onset offset event_label snr", rows)
