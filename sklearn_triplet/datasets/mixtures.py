"""Recordings of one class each in; mixed clips (n_clips, n_samples) and tags, out."""

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch

from sklearn_triplet._input.parameters import check_option
from sklearn_triplet._model_selection.stratification import mask_labels
from sklearn_triplet.datasets._base import check_output, output_folder, seed_from
from sklearn_triplet.datasets._mixtures.checks import (
    check_counts,
    check_fractions,
    check_settings,
)
from sklearn_triplet.datasets._mixtures.clips import MixedClips
from sklearn_triplet.datasets._mixtures.pools import gather_pools, read_collection
from sklearn_triplet.datasets._mixtures.signals import Mix, plan_mix
from sklearn_triplet.datasets._mixtures.sources import Recordings
from sklearn_triplet.datasets._mixtures.splits import OWNER, check_splits
from sklearn_triplet.datasets._mixtures.tables import name_files, write_tables

DESCR = """\
Soundscapes mixed from recordings
---------------------------------

Clips in which isolated recordings begin at random times, overlap, and stand at random
levels above a background. The recordings of one split are in no clip of another. The
fields 'events', 'sources' and 'backgrounds' say of every part which samples of which
recording it is, when it begins and what it was multiplied by.

The licence is that of the recordings.
"""


def mix_soundscapes(
    paths: Sequence[str | os.PathLike],
    y: ArrayLike,
    *,
    fold: ArrayLike | None = None,
    splits: Mapping[str, Any] | None = None,
    n_clips: int | Mapping[str, int] = 100,
    target_names: Sequence[str] | None = None,
    backgrounds: Sequence[str | os.PathLike] | None = None,
    background_fold: ArrayLike | None = None,
    background_classes: Sequence[Any] | None = (),
    labeled_fraction: float | Mapping[str, float] = 1.0,
    duration: float = 10.0,
    sample_rate: int = 44100,
    n_events: tuple[int, int] = (1, 3),
    event_duration: tuple[float, float] = (0.5, 5.0),
    snr: tuple[float, float] = (0.0, 15.0),
    background_level: tuple[float, float] = (-40.0, -28.0),
    empty_fraction: float = 0.02,
    output_dir: str | os.PathLike | None = None,
    audio_format: str = "flac",
    n_jobs: int | None = None,
    verbose: int = 0,
    random_state: int | np.random.RandomState | np.random.Generator | None = None,
) -> Bunch:
    """Mix recordings of single sounds into clips of several, some labeled.

    So a corpus of isolated sounds, such as ESC-10, becomes one of soundscapes with weak
    labels, of any size. A clip depends on the recordings of its split, the settings,
    ``random_state``, the name of its split and its number in it only: with more clips,
    other splits or more jobs the samples stay the same (the choice of the labeled clips
    differs with their number).

    An event is the sounding part of a recording, whole or cut out at random where it is
    longer than the length drawn for the event. A background is the sounding part of a
    recording too, repeated with cross-fades of 0.1 s if it is shorter than the clip.

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
        one split ``"train"`` of all recordings.
    n_clips : int or dict, default=100
        Clips of each split, at least 1.
    target_names : sequence of str, default=None
        Names of the classes, if y holds indices of them.
    backgrounds : sequence of paths, default=None
        Recordings for backgrounds only. Without these and ``background_classes``, the
        background is computed white, pink or brown noise.
    background_fold : array-like of shape (n_backgrounds,), default=None
        Their folds; needed with ``fold``.
    background_classes : sequence or None, default=()
        Classes that are backgrounds instead of events; with ``target_names``, names or
        indices of them.
    labeled_fraction : float or dict, default=1.0
        Share of the clips that keep their labels, in (0, 1]: that of the first split,
        or of the splits in the dict. All others are labeled throughout.
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
    audio_format : {"flac", "wav"}, default="flac"
        Kind of the files.
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

    Notes
    -----
    Every recording is decoded once to find where it sounds; up to 512 MB of decoded
    samples are kept during the call.

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
    settings = check_settings(
        duration, sample_rate, n_events, event_duration, snr, background_level,
        empty_fraction,
    )  # fmt: skip
    check_option(OWNER, "audio_format", audio_format, ["flac", "wav"])
    if output_dir is not None:
        check_output(OWNER, output_dir)
    splits = check_splits(splits, fold is not None)
    counts = check_counts(n_clips, list(splits))
    fractions = check_fractions(labeled_fraction, list(splits))
    seed, recordings = seed_from(OWNER, random_state), Recordings(sample_rate)
    collection = read_collection(
        paths, y, fold, target_names, backgrounds, background_fold, background_classes
    )
    pools, unused, skipped = gather_pools(collection, splits, recordings, seed, n_jobs)
    if skipped:
        _warn_of_silence(skipped, len(collection.paths))
    mixes = [
        plan_mix(settings, recordings, pool, seed, clip)
        for pool in pools
        for clip in range(counts[pool.split])
    ]
    corpus = _describe(mixes, collection.names, fractions, seed)
    corpus.update(sample_rate=sample_rate, unused=unused, skipped=skipped, DESCR=DESCR)
    clips = MixedClips(settings, recordings, seed, mixes, n_jobs, verbose)
    _add_sound(corpus, clips, output_dir, audio_format)
    return corpus


def _warn_of_silence(skipped: list[str], n_recordings: int) -> None:
    warnings.warn(
        f"{len(skipped)} of the {n_recordings} recordings given to {OWNER} hold "
        f"nothing but silence, the first of them {skipped[0]!r}. They are left out; "
        "the field 'skipped' names them all.",
        UserWarning,
        stacklevel=3,
    )


def _describe(
    mixes: list[Mix], names: list[str], fractions: dict[str, float], seed: int
) -> Bunch:
    """Gather the tags, labeled or not, and the times of the events."""
    split = np.array([mix.split for mix in mixes])
    truth = np.zeros((len(mixes), len(names)), dtype=np.int64)
    for row, mix in zip(truth, mixes, strict=True):
        row[[event.label for event in mix.events]] = 1
    target = truth.copy()
    for name, fraction in fractions.items():
        rows = split == name
        # mask_labels takes one column for a y of one dimension, and warns
        known = truth[rows] if len(names) > 1 else truth[rows, 0]
        masked = mask_labels(known, float(fraction), random_state=seed % 2**32)
        target[rows] = masked.reshape(-1, len(names))
    return Bunch(
        target=target,
        target_true=truth,
        target_names=np.array(names),
        split=split,
        events=[mix.events for mix in mixes],
        snr=[mix.levels for mix in mixes],
    )


def _add_sound(
    corpus: Bunch,
    clips: MixedClips,
    output_dir: str | os.PathLike | None,
    audio_format: str,
) -> None:
    """Mix the clips, in memory or into files, and note what they were mixed from."""
    files = []
    if output_dir is None:
        corpus.data, mixes = clips.render()
    else:
        folder = output_folder(OWNER, output_dir)
        files = name_files(folder, corpus.split, audio_format)
        corpus.paths = np.array([str(file) for file in files])
        mixes = clips.write(files)
    corpus.sources = [mix.sources for mix in mixes]
    corpus.backgrounds = [mix.background for mix in mixes]
    if files:
        write_tables(files, corpus)
