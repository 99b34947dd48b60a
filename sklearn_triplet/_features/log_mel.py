"""Sound files, or parts of them, in; log-mel energies (n_clips, n_mels, n_frames) out.

Waveforms are taken too.
"""

from __future__ import annotations

import numbers
import os
from typing import Literal, Self

import joblib
import librosa  # loads its costly parts when they are first used, not here
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import validate_data

from sklearn_triplet._features.audio import (
    AudioLike,
    Window,
    list_clips,
    mix_down,
    name_clip,
    without_padding,
)
from sklearn_triplet._features.cache import FeatureCache
from sklearn_triplet._features.extraction import (
    Extraction,
    Settings,
    outcome_of,
    refusal,
)
from sklearn_triplet._input.parameters import check_choice, check_number
from sklearn_triplet._input.warn import warn

FLOAT32 = np.finfo(np.float32)
# section 4.3 of Turpault et al., at any rate
WINDOW_MS, HOP_MS = 25, 10
# Hz, samples, bands and threads: more would take all memory before the first clip
LARGEST_RATE, LONGEST_WINDOW, MOST_BANDS, MOST_THREADS = 10**7, 2**20, 2**12, 2**12
NARROWEST = 1e-3  # Hz from fmin to fmax
N_NAMED = 3  # clips that a warning names; it counts them all


def _tell_problems(work: Extraction) -> str:
    """Count and name the clips that cannot be used.

    Parameters
    ----------
    work : Extraction
        When all is done.

    Returns
    -------
    text : str
        Of the warning, or nothing.
    """
    if not work.problems:
        return ""
    rows = sorted(work.problems)[:N_NAMED]
    first = " ".join(f"Row {row}: {work.problems[row]}" for row in rows)
    return (
        f"LogMel could not use {len(work.problems)} of {len(work.clips)} clips. Their "
        "rows are NaN: the later steps of this library leave them out, and return NaN "
        f"or -1 for them. The first: {first}"
    )


def _tell_flaws(work: Extraction) -> str:
    """Count and name the clips of which only a part could be used.

    Parameters
    ----------
    work : Extraction
        When all is done.

    Returns
    -------
    text : str
        Of the warning, or nothing.
    """
    flaws = work.flaws
    if not flaws:
        return ""
    first = " ".join(
        f"Row {row}: {name_clip(work.clips[row])} {flaws[row]}."
        for row in sorted(flaws)[:N_NAMED]
    )
    return (
        f"The files of {len(flaws)} of {len(work.clips)} clips given to LogMel are "
        "shorter than they promise or damaged; all that could be decoded of them is "
        f"used. The first: {first}"
    )


class LogMel(TransformerMixin, BaseEstimator):
    r"""Log-mel energies of sound files or waveforms.

    Parameters
    ----------
    sample_rate : int, default=44100
        Samples per second of the analysis. Files of other rates are resampled,
        waveforms are taken to have this rate.
    n_fft : int or None, default=None
        Length of the Fourier transform, in samples, at least 2 and at least that of the
        window. None: the next power of two, 2048 at 44.1 kHz.
    win_length : int or None, default=None
        Length of the periodic Hann window, in samples. None: 25 ms, rounded down, 1102
        at 44.1 kHz.
    hop_length : int or None, default=None
        Samples from one frame to the next. None: 10 ms, rounded down, 441 at 44.1 kHz.
    n_mels : int, default=64
        Number of bands of the Slaney mel scale, each of equal area.
    fmin, fmax : float, default=0.0 and None
        Lowest and highest frequency in Hz; None means half of `sample_rate`.
    log_floor : float, default=1e-4
        Added to the mel energy before the natural logarithm. The default lies 73 dB
        below a full-scale sine; silence becomes ``log(log_floor)``.
    dtype : {'float32', 'float16'}, default='float32'
        Type of the output. Half the space, on disk and in memory, costs up to 0.004 of
        values near -9; the estimators of this library compute in float32 anyway.
    memory : str, path-like, joblib.Memory or None, default=None
        Folder that keeps the energies of files, so that each file is decoded once;
        see Notes. Waveforms are not kept.
    errors : {'raise', 'warn'}, default='raise'
        What happens to a clip that cannot be used at all: an error, or a row of NaN,
        which later steps leave out, and one warning after the last clip. A file of
        which a part can be decoded is used in both cases, with a warning; see Notes.
    n_jobs : int or None, default=None
        Number of threads, as in joblib; results do not depend on it.
    verbose : int, default=0
        1 shows rate and time left of whatever takes more than two seconds, on stderr.

    Attributes
    ----------
    n_features_in_ : int
        Samples per row; only where `fit` saw a table of waveforms.

    See Also
    --------
    TripletEmbedder : Learns embeddings from these clips.
    sklearn_triplet.datasets.load_audio_folder : Paths and labels of a folder.
    librosa.feature.melspectrogram : The energies before the logarithm.

    Notes
    -----
    LogMel is stateless: `fit` only checks, `transform` works without it. Equals
    ``log(librosa.feature.melspectrogram(...) + log_floor)``, in half the time. Frame t
    is centred at sample ``t * hop_length``, so at ``t * 10`` ms by default; beyond its
    ends a clip is silent. A clip of n samples has ``1 + n // hop_length`` frames (for
    an odd `n_fft`, ``1 + (n - 1) // hop_length``). A clip's values never depend on its
    neighbours.

    Band m is a triangle over the frequencies ``f[m - 1], f[m], f[m + 1]`` that lie
    evenly on the mel scale of Slaney [1]_ [2]_, linear below 1 kHz and logarithmic
    above; each triangle has the area 1 in Hz:

    .. math::

        mel(f) = 3 f / 200 \quad (f < 1000), \qquad
        mel(f) = 15 + 27 \ln(f / 1000) / \ln 6.4 \quad (f \ge 1000).

    44.1 kHz, windows of 25 ms, hops of 10 ms and 64 bands are those of section 4.3 of
    the paper [3]_, on the corpus of task 4 of DCASE 2018 [4]_.

    **Blemished files.** Whatever can be decoded of a file is used, also with `errors`
    'raise'. Where that is less than the file promises (the last frame of MP3 in WAV, a
    download that broke off, FLAC behind a damaged frame), or pages of an OGG file are
    damaged, one warning counts these clips and names the first. Behind a damaged page
    of OGG all sounds too early, by what the page held, at most a second or so: labels
    of the whole clip stay true, times within it do not. Where nothing can be decoded,
    where a sample is NaN, or there is no file, `errors` decides. No header is believed:
    memory and time follow what is decoded.

    **Windows.** ``(path, onset, offset)`` is the clip that a file of the samples
    ``round(onset * rate)`` to ``round(offset * rate)`` would be, at the rate of the
    file: silent beyond its ends, and resampled on its own. A window that ends behind
    the file is shorter, and counted among the blemished; one that begins there cannot
    be used. Pages of OGG are checked where a file is read as a whole only.

    **Long recordings** are decoded and analysed block by block: of hours nothing but
    the output is in memory, and with `memory` not even that. Beyond 11 minutes at a hop
    of 10 ms the energies wait in an unnamed file in `memory`, or where Python's
    `tempfile` puts it: 92 MB an hour.

    **With memory**, a file is known by its absolute path, its size and the time of its
    last change, not by its sound. After Ctrl-C, the next call goes on with the first
    clip that is missing. Files that could not be used are tried again every time, and
    warnings of blemishes are repeated. Several processes may share the folder; those
    that start together on an empty one each compute all that is missing, to the same
    values.

    Each clip has a file of its own, so that calls clip by clip stay as fast however
    many came before. A list of which something was new, or whose features exceed
    256 MiB, is also written as one file, which this call and later ones on the same
    list return as a read-only memory map; hence transform the whole corpus once before
    a search over its folds. Other lists of known clips are collected in memory,
    read-only too. So a corpus takes its size twice on disk, and a 5-fold search over
    4 GB of features about 30 GB.

    Nothing in the folder is ever deleted by LogMel; a damaged file is replaced. Each
    set of parameters has a folder of its own in it, told by ``parameters.json``: delete
    those that you no longer use, and all of them after files were changed in great
    number or when a new version of librosa or soundfile shall be used. A deleted file
    is only computed again. Do this while no process works there.

    References
    ----------
    .. [1] M. Slaney, "Auditory Toolbox", Technical Report 1998-010, Interval Research
       Corporation, 1998.
    .. [2] B. McFee et al., "librosa: Audio and music signal analysis in Python", SciPy
       2015, doi:10.25080/Majora-7b98e3ed-003.
    .. [3] N. Turpault, R. Serizel and E. Vincent, "Semi-supervised triplet loss based
       learning of ambient audio embeddings", ICASSP 2019.
    .. [4] R. Serizel, N. Turpault, H. Eghbal-Zadeh and A. P. Shah, "Large-scale weakly
       labeled semi-supervised sound event detection in domestic environments", DCASE
       Workshop 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_triplet import LogMel
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    >>> features = LogMel().transform([tone, tone[:22050]])
    >>> features.shape, features.dtype
    ((2, 64, 101), dtype('float32'))
    >>> print(np.isnan(features[:, 0]).sum(axis=1))  # padding of the shorter clip
    [ 0 50]

    Windows of 25 ms and hops of 10 ms at any rate:

    >>> LogMel(8000).transform([tone[:4000]]).shape
    (1, 64, 51)
    >>> LogMel(8000).frame_times(3)
    array([0.  , 0.01, 0.02])

    Windows of a recording, of which the rest is not decoded:

    >>> import tempfile, soundfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/tone.wav"
    ...     soundfile.write(path, tone, 44100)
    ...     windows = LogMel().transform([(path, 0.0, 0.5), (path, 0.25, 0.75)])
    >>> windows.shape
    (2, 64, 51)

    A file that is decoded once:

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     soundfile.write(f"{folder}/tone.wav", tone, 44100)
    ...     mel = LogMel(memory=f"{folder}/features")
    ...     first = mel.transform([f"{folder}/tone.wav"])
    ...     again = mel.transform([f"{folder}/tone.wav"])
    >>> np.array_equal(first, again), again.flags.writeable
    (True, False)
    """

    def __init__(
        self,
        sample_rate: int = 44100,
        *,
        n_fft: int | None = None,
        win_length: int | None = None,
        hop_length: int | None = None,
        n_mels: int = 64,
        fmin: float = 0.0,
        fmax: float | None = None,
        log_floor: float = 1e-4,
        dtype: Literal["float32", "float16"] = "float32",
        memory: str | os.PathLike[str] | joblib.Memory | None = None,
        errors: Literal["raise", "warn"] = "raise",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.sample_rate = sample_rate
        self.n_fft = n_fft
        self.win_length = win_length
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.fmin = fmin
        self.fmax = fmax
        self.log_floor = log_floor
        self.dtype = dtype
        self.memory = memory
        self.errors = errors
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: AudioLike, y: object = None) -> Self:
        """Check the parameters and the form of X; files are not opened.

        Parameters
        ----------
        X : sequence of path, of windows or of waveforms, or ndarray
            As in `transform`.
        y : Ignored

        Returns
        -------
        self : LogMel

        Raises
        ------
        ValueError
            Where a parameter or X is not as described here, or a waveform is not
            finite and `errors` is 'raise'.
        """
        self._check_parameters()
        for row, clip in enumerate(self._read_clips(X, reset=True)):
            if isinstance(clip, np.ndarray) and self.errors == "raise":
                found = outcome_of(mix_down, clip)
                if isinstance(found, Exception):
                    raise refusal(row, found)
        return self

    def transform(self, X: AudioLike) -> NDArray[np.float32 | np.float16]:
        """Compute the log-mel energies of each clip.

        Parameters
        ----------
        X : sequence of str or os.PathLike, of tuple (path, onset, offset), of \
                ndarray, or ndarray of shape (n_clips, n_samples)
            Files of any format that soundfile reads; windows of files, from onset to
            offset in seconds, of which nothing else is decoded; or waveforms of shape
            (n_samples_i,) or (n_channels, n_samples_i) in [-1, 1]; integers of 8, 16
            and 32 bits are scaled as in files. Channels are averaged. In an array,
            trailing NaN is padding; after a `fit` on one, n_samples has to be the same
            (give a list otherwise).

        Returns
        -------
        features : ndarray of shape (n_clips, n_mels, n_frames), of type `dtype`
            Natural-log energies. Shorter clips end in NaN, clips that could not be
            used are NaN (if all are, n_frames is 1). With `memory`, those of files
            are read-only.

        Raises
        ------
        FileNotFoundError
            Where a file is missing and `errors` is 'raise'.
        ValueError
            Where nothing of a file can be decoded, or a clip is empty or not finite,
            and `errors` is 'raise'; always where a parameter or X is not as described.
        OSError
            Where the folder `memory` cannot be read or written, or its disk is full.

        Warns
        -----
        UserWarning
            Where clips are shorter than their files promise, or damaged; where clips
            could not be used and `errors` is 'warn'. One each, with count and names.
        """
        self._check_parameters()
        clips = self._read_clips(X, reset=False)
        settings = self._settings()
        work = Extraction(clips, settings, self.errors, self.n_jobs, self.verbose)
        location = self._location()
        if location is None or isinstance(clips[0], np.ndarray):
            features = work.features(self.dtype)
        else:
            features = FeatureCache(location, self.dtype, work).features()
        for text in (_tell_flaws(work), _tell_problems(work)):
            if text:
                warn(text)
        return features

    def set_output(
        self, *, transform: Literal["default", "pandas", "polars"] | None = None
    ) -> Self:
        """Accept what a Pipeline asks of all its steps; three axes fit no table.

        Parameters
        ----------
        transform : {"default", "pandas", "polars", None}
            Ignored: the output stays an ndarray.

        Returns
        -------
        self : LogMel
        """
        return self

    def frame_times(self, n_frames: int) -> NDArray[np.float64]:
        """Tell where the frames of `transform` are centred.

        Parameters
        ----------
        n_frames : int
            Number of frames, at least 0.

        Returns
        -------
        times : ndarray of shape (n_frames,), float64
            Seconds from the start of the clip.
        """
        seconds = self._settings().hop_length / int(self.sample_rate)
        return seconds * np.arange(n_frames, dtype=np.float64)

    def band_frequencies(self) -> NDArray[np.float64]:
        """Tell where the bands of `transform` have their peaks.

        Returns
        -------
        frequencies : ndarray of shape (n_mels,), float64
            In Hz, rising; even on the mel scale, so that round numbers are not.

        See Also
        --------
        TripletDisplay : Draws spectrograms by them.

        Examples
        --------
        >>> from sklearn_triplet import LogMel
        >>> LogMel(n_mels=4).band_frequencies().round()
        array([ 800., 1856., 4235., 9664.])
        """
        settings = self._settings()
        return librosa.mel_frequencies(
            n_mels=settings.n_mels + 2, fmin=settings.fmin, fmax=settings.fmax
        )[1:-1]

    def _check_parameters(self) -> None:
        """Refuse a parameter outside its range, in a sentence.

        Raises
        ------
        ValueError
            For the first of them in the order of the signature, but the window before
            the transform that has to hold it.
        """
        whole, real = numbers.Integral, numbers.Real
        check_number(self, "sample_rate", whole, 1, most=LARGEST_RATE)
        for name in ("win_length", "hop_length"):
            if getattr(self, name) is not None:
                check_number(self, name, whole, 1, most=LONGEST_WINDOW)
        if self.n_fft is not None:
            shortest = max(2, self._window_length())
            check_number(self, "n_fft", whole, shortest, most=LONGEST_WINDOW)
        check_number(self, "n_mels", whole, 1, most=MOST_BANDS)
        half = int(self.sample_rate) / 2
        check_number(self, "fmin", real, 0, half, right="open")
        if self.fmax is not None:
            check_number(self, "fmax", real, self.fmin, half, left="open")
            # the area of a band is 1 in Hz, so that its height has to be a number
            check_number(self, "fmax", real, self.fmin + NARROWEST, half)
        tiny, largest = float(FLOAT32.tiny), float(FLOAT32.max)
        check_number(self, "log_floor", real, tiny, largest)
        check_choice(self, "dtype", ("float32", "float16"))
        check_choice(self, "errors", ("raise", "warn"))
        self._location()
        n_jobs = self.n_jobs
        is_number = isinstance(n_jobs, whole) and abs(int(n_jobs)) <= MOST_THREADS
        if n_jobs is not None and not (is_number and n_jobs != 0):
            raise ValueError(
                "The 'n_jobs' parameter of LogMel must be None or an integer other "
                f"than 0 of at most {MOST_THREADS}. Got {n_jobs!r} instead."
            )
        if not isinstance(self.verbose, bool):
            check_number(self, "verbose", whole, 0, np.inf)

    def _location(self) -> str | None:
        """Find the folder that `memory` means, or refuse it.

        Returns
        -------
        location : str or None
            An absolute path, with the home folder in place of "~".
        """
        # a joblib.Memory keeps its own things in a folder of its own below its location
        location = getattr(self.memory, "location", self.memory)
        if location is None:
            return None
        path = os.fspath(location) if isinstance(location, str | os.PathLike) else None
        if not isinstance(path, str) or location == "":
            raise ValueError(
                "The 'memory' parameter of LogMel must be None, the path of a folder "
                f"or a joblib.Memory. Got {self.memory!r} instead."
            )
        return os.path.abspath(os.path.expanduser(path))

    def _settings(self) -> Settings:
        """Resolve what is None, and make numbers of Python of all.

        Returns
        -------
        settings : Settings
            To be used and to name the folder in `memory`: `LogMel()` and a LogMel with
            the lengths of its rate written out share it.
        """
        win_length = self._window_length()
        hop_length = self.hop_length
        if hop_length is None:
            hop_length = max(1, int(self.sample_rate) * HOP_MS // 1000)
        n_fft = self.n_fft
        if n_fft is None:
            n_fft = max(2, 1 << (win_length - 1).bit_length())
        fmax = int(self.sample_rate) / 2 if self.fmax is None else self.fmax
        return Settings(
            sample_rate=int(self.sample_rate),
            n_fft=int(n_fft),
            win_length=win_length,
            hop_length=int(hop_length),
            n_mels=int(self.n_mels),
            fmin=float(self.fmin),
            fmax=float(fmax),
            log_floor=float(self.log_floor),
        )

    def _window_length(self) -> int:
        """Resolve `win_length`; 25 ms of 44.1 kHz are 1102.5 samples, taken as 1102.

        Returns
        -------
        win_length : int
            In samples, at least 1.
        """
        if self.win_length is not None:
            return int(self.win_length)
        return max(1, int(self.sample_rate) * WINDOW_MS // 1000)

    def _read_clips(
        self, X: AudioLike, *, reset: bool
    ) -> list[str] | list[Window] | list[np.ndarray]:
        """List the clips of X and keep the book of its number of features.

        Parameters
        ----------
        X : sequence of path, of windows or of waveforms, or ndarray
        reset : bool
            Whether the number of features is noted, as in `fit`, or compared.

        Returns
        -------
        clips : list of str, list of Window or list of ndarray
            Of one kind; rows of a table without their padding.
        """
        clips = list_clips(X)
        if clips is None:
            table = validate_data(self, X, ensure_all_finite=False, reset=reset)
            return [without_padding(waveform) for waveform in table]
        if reset:
            # clips in a list may have any length: forget that of an earlier table
            for name in ("n_features_in_", "feature_names_in_"):
                vars(self).pop(name, None)
        return clips

    def __sklearn_tags__(self) -> Tags:
        # one_d_array stays False: it would make the common checks pass 1-D numbers
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = (
            ["float32"] if self.dtype == "float32" else []
        )
        return tags
