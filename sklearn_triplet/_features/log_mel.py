"""Sound files or waveforms in, log-mel energies (n_clips, n_mels, n_frames) out."""

from __future__ import annotations

import os
import warnings
from typing import Literal, Self

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import validate_data

from sklearn_triplet._features.audio import (
    AudioLike,
    attempt,
    list_clips,
    mix_down,
    without_padding,
)
from sklearn_triplet._features.cache import FeatureCache
from sklearn_triplet._features.extraction import (
    Extraction,
    check_parameters,
    decisive_parameters,
    extract,
    location_of,
    make_analysis,
    only_errors,
    raise_first,
)


def _warn(text: str) -> None:
    # scikit-learn wraps transform
    warnings.warn(text, UserWarning, stacklevel=4)


def _tell_problems(problems: dict[int, Exception], n_clips: int) -> str:
    first = " ".join(f"Row {row}: {problems[row]}" for row in sorted(problems)[:3])
    return (
        f"LogMel could not use {len(problems)} of {n_clips} clips; their rows are "
        f"NaN: drop them from X and y before the next step. The first: {first}"
    )


def _tell_broken(broken: dict[str, str]) -> str:
    first = ", ".join(f"{path!r} ({why})" for path, why in sorted(broken.items())[:3])
    return (
        f"LogMel could not use {len(broken)} of the files in its 'memory'; what they "
        "held is computed again. They may be deleted while no other process works "
        f"there, which ends this warning. The first: {first}."
    )


class LogMel(TransformerMixin, BaseEstimator):
    """Log-mel energies of sound files or waveforms.

    Parameters
    ----------
    sample_rate : int, default=44100
        Samples per second of the analysis. Files of other rates are resampled,
        waveforms are taken to have this rate.
    n_fft : int, default=2048
        Length of the Fourier transform, in samples, at least 2.
    win_length : int, default=1102
        Length of the periodic Hann window, in samples, at most `n_fft`; 25 ms.
    hop_length : int, default=441
        Samples from one frame to the next; 10 ms. For another `sample_rate`, change
        this and the two above too (at 16 kHz: 512, 400, 160).
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
        What happens to a clip that cannot be used: an error, or a row of NaN and one
        warning after the last clip.
    n_jobs : int or None, default=None
        Number of threads, as in joblib; results do not depend on it.
    verbose : int, default=0
        1 shows rate and time left of whatever takes more than two seconds, on stderr.

    Attributes
    ----------
    n_features_in_ : int
        Samples per row; only where `fit` saw a table of waveforms.

    Notes
    -----
    LogMel is stateless: `fit` only checks, `transform` works without it. Equals
    ``log(librosa.feature.melspectrogram(...) + log_floor)``, in half the time. Frame t
    is centred at sample ``t * hop_length``; beyond its ends a clip is silent.
    A clip's values never depend on its neighbours.

    With `memory`, a file is known by its absolute path, its size and the time of its
    last change, not by its sound. After Ctrl-C, the next call goes on with the first
    clip that is missing. Files that could not be used are tried again every time.
    Several processes may share the folder; those that start together on an empty one
    each compute all that is missing, to the same values. The first call on a list of
    paths writes its features as one file, which this call and later ones on the same
    list return as a read-only memory map; hence transform the whole corpus once before
    a search over its folds. Other lists of known clips are collected in memory,
    read-only too, up to 256 MiB. Above that, each is written once more: a 5-fold search
    over 4 GB of features takes about 25 GB. Fewer than 32 new clips get a file each
    instead, so that calls clip by clip stay as fast however many came before.

    Nothing in the folder is ever deleted by LogMel. Each set of parameters has a folder
    of its own in it, told by ``parameters.json``: delete those that you no longer use,
    and all of them after files were changed in great number or when a new version of
    librosa or soundfile shall be used. A deleted file is only computed again. Do this
    while no process works there.

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

    >>> import tempfile, soundfile  # a file that is decoded once
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
        n_fft: int = 2048,
        win_length: int = 1102,
        hop_length: int = 441,
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
        X : sequence of path or of waveforms, or ndarray
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
        check_parameters(self)
        clips = enumerate(self._read_clips(X, reset=True))
        waveforms = ((row, clip) for row, clip in clips if isinstance(clip, np.ndarray))
        outcomes = ((row, attempt(mix_down, clip)) for row, clip in waveforms)
        raise_first(only_errors(outcomes), self.errors)
        return self

    def transform(self, X: AudioLike) -> NDArray[np.float32 | np.float16]:
        """Compute the log-mel energies of each clip.

        Parameters
        ----------
        X : sequence of str or os.PathLike, sequence of ndarray, or ndarray of shape \
                (n_clips, n_samples)
            Files of any format that soundfile reads, or waveforms of shape
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
            Where a file or waveform is empty, damaged, truncated or not finite and
            `errors` is 'raise'; always where a parameter or X is not as described.
        OSError
            Where the folder `memory` cannot be read or written, or its disk is full.
        """
        check_parameters(self)
        clips = self._read_clips(X, reset=False)
        analysis = make_analysis(self)
        work = Extraction(clips, analysis, self.errors, self.n_jobs, self.verbose)
        location = location_of(self.memory)
        if location is None or not isinstance(clips[0], str):
            features = extract(work, self.n_mels, self.dtype)
        else:
            cache = FeatureCache(location, decisive_parameters(self), work)
            features = cache.features()
            if cache.broken:
                _warn(_tell_broken(cache.broken))
        if work.problems:
            _warn(_tell_problems(work.problems, len(clips)))
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
        seconds = self.hop_length / self.sample_rate
        return seconds * np.arange(n_frames, dtype=np.float64)

    def _read_clips(self, X: AudioLike, *, reset: bool) -> list[str] | list[np.ndarray]:
        """List the clips of X and keep the book of its number of features."""
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
