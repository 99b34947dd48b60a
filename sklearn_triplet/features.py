"""Sound files or waveforms in, log-mel energies (n_clips, n_mels, n_frames) out."""

import numbers
import time
import warnings
from dataclasses import dataclass
from functools import partial

import joblib
import librosa  # loads its costly parts when they are first used, not here
import numpy as np
import scipy.fft
import scipy.signal
import scipy.sparse
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import validate_data

from sklearn_triplet._audio import (
    attempt,
    count_samples,
    list_clips,
    load,
    mix_down,
    without_padding,
)
from sklearn_triplet._validation import check_choice, check_number

FLOAT32 = np.finfo(np.float32)
CHUNK = 64  # frames transformed at once, so that their spectra stay in the cache


@dataclass(frozen=True)
class Analysis:
    """What turns any waveform into log-mel energies; made once per call."""

    sample_rate: int
    n_fft: int
    hop_length: int
    window: np.ndarray  # (win_length,)
    filters: scipy.sparse.csr_array  # (n_mels, 1 + n_fft // 2); 97 % of it are zeros
    log_floor: float

    def count_frames(self, n_samples):
        """Count the frames whose window, centred with n_fft, fits in a clip."""
        return 1 + (n_samples - self.n_fft % 2) // self.hop_length

    def log_mel(self, waveform):
        """Turn samples (n_samples,) into energies (n_mels, n_frames), both float32."""
        n_frames = self.count_frames(len(waveform))
        n_window = len(self.window)
        before = self.n_fft // 2 - (self.n_fft - n_window) // 2
        end = (n_frames - 1) * self.hop_length + n_window
        padded = np.zeros(max(before + len(waveform), end), dtype=np.float32)
        padded[before : before + len(waveform)] = waveform
        frames = sliding_window_view(padded, n_window)[:: self.hop_length][:n_frames]
        energies = np.empty((self.filters.shape[0], n_frames), dtype=np.float32)
        for start in range(0, n_frames, CHUNK):
            chunk = slice(start, start + CHUNK)
            # zeros behind the window instead of on both sides turn only the phase
            spectra = scipy.fft.rfft(frames[chunk] * self.window, n=self.n_fft)
            power = np.square(spectra.real) + np.square(spectra.imag)
            # the sparse product also rounds alike under any number of BLAS threads
            energies[:, chunk] = self.filters @ power.T
        energies += np.float32(self.log_floor)
        return np.log(energies, out=energies)

    def of_clip(self, clip):
        """Read one clip, a path or a waveform, into energies (n_mels, n_frames)."""
        return self.log_mel(load(clip, self.sample_rate))


def _only_errors(outcomes):
    return {row: error for row, error in outcomes if isinstance(error, Exception)}


def _warn(problems, n_clips):
    first = " ".join(f"Row {row}: {problems[row]}" for row in sorted(problems)[:3])
    warnings.warn(
        f"LogMel could not use {len(problems)} of {n_clips} clips; their rows are "
        f"NaN: drop them from X and y before the next step. The first: {first}",
        UserWarning,
        stacklevel=4,  # scikit-learn wraps transform
    )


def _show_progress(outcomes, n_clips):
    """Pass the outcomes on and tell about once a second how many there were."""
    start = told = time.perf_counter()
    for done, outcome in enumerate(outcomes, 1):
        yield outcome
        now = time.perf_counter()
        if now - told > 1 or done == n_clips:
            told, rate = now, done / (now - start)
            end = "\n" if done == n_clips else ""
            text = f"\rLogMel: {done} of {n_clips} clips, {rate:.0f} clips/s"
            print(text, end=end, flush=True)


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
    errors : {'raise', 'warn'}, default='raise'
        What happens to a clip that cannot be used: an error, or a row of NaN and one
        warning after the last clip.
    n_jobs : int or None, default=None
        Number of threads, as in joblib; results do not depend on it.
    verbose : int, default=0
        1 prints the number of clips done and clips per second.

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
    """

    def __init__(
        self,
        sample_rate=44100,
        *,
        n_fft=2048,
        win_length=1102,
        hop_length=441,
        n_mels=64,
        fmin=0.0,
        fmax=None,
        log_floor=1e-4,
        errors="raise",
        n_jobs=None,
        verbose=0,
    ):
        self.sample_rate = sample_rate
        self.n_fft = n_fft
        self.win_length = win_length
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.fmin = fmin
        self.fmax = fmax
        self.log_floor = log_floor
        self.errors = errors
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X, y=None):
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
        self._check_parameters()
        clips = enumerate(self._read_clips(X, reset=True))
        waveforms = ((row, clip) for row, clip in clips if isinstance(clip, np.ndarray))
        outcomes = ((row, attempt(mix_down, clip)) for row, clip in waveforms)
        self._raise_first(_only_errors(outcomes))
        return self

    def transform(self, X):
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
        features : ndarray of shape (n_clips, n_mels, n_frames), float32
            Natural-log energies. Shorter clips end in NaN, clips that could not be
            used are NaN (if all are, n_frames is 1).

        Raises
        ------
        FileNotFoundError
            Where a file is missing and `errors` is 'raise'.
        ValueError
            Where a file or waveform is empty, damaged, truncated or not finite and
            `errors` is 'raise'; always where a parameter or X is not as described.
        """
        self._check_parameters()
        clips = self._read_clips(X, reset=False)
        analysis = self._make_analysis()
        # headers first: a missing last file is told now, and the output is made once
        count = partial(count_samples, sample_rate=self.sample_rate)
        n_samples = {row: attempt(count, clip) for row, clip in enumerate(clips)}
        problems = _only_errors(n_samples.items())
        self._raise_first(problems)
        n_frames = {
            row: analysis.count_frames(n_samples[row])
            for row in n_samples.keys() - problems
        }
        longest = max(n_frames.values(), default=1)
        features = np.full((len(clips), self.n_mels, longest), np.nan, np.float32)
        for outcome, row in self._outcomes(clips, analysis, sorted(n_frames), problems):
            if isinstance(outcome, Exception):
                problems[row] = outcome
            else:
                features[row, :, : outcome.shape[1]] = outcome
        self._raise_first(problems)
        if problems:
            _warn(problems, len(clips))
            kept = [n_frames[row] for row in n_frames.keys() - problems]
            features = np.ascontiguousarray(features[:, :, : max(kept, default=1)])
        return features

    def set_output(self, *, transform=None):
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

    def frame_times(self, n_frames):
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
        return np.arange(n_frames) * (self.hop_length / self.sample_rate)

    def _check_parameters(self):
        whole, real = numbers.Integral, numbers.Real
        check_number(self, "sample_rate", whole, 1, np.inf)
        check_number(self, "n_fft", whole, 2, np.inf)
        check_number(self, "win_length", whole, 1, self.n_fft)
        check_number(self, "hop_length", whole, 1, np.inf)
        check_number(self, "n_mels", whole, 1, np.inf)
        half = self.sample_rate / 2
        check_number(self, "fmin", real, 0, half, right="open")
        if self.fmax is not None:
            check_number(self, "fmax", real, self.fmin, half, left="open")
        check_number(self, "log_floor", real, float(FLOAT32.tiny), float(FLOAT32.max))
        check_choice(self, "errors", ("raise", "warn"))
        n_jobs = self.n_jobs
        if n_jobs is not None and (not isinstance(n_jobs, whole) or n_jobs == 0):
            raise ValueError(
                "The 'n_jobs' parameter of LogMel must be None or an integer other "
                f"than 0. Got {n_jobs!r} instead."
            )
        if not isinstance(self.verbose, bool):
            check_number(self, "verbose", whole, 0, np.inf)

    def _read_clips(self, X, *, reset):
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

    def _make_analysis(self):
        filters = librosa.filters.mel(
            sr=self.sample_rate,
            n_fft=self.n_fft,
            n_mels=self.n_mels,
            fmin=self.fmin,
            fmax=self.fmax,
        )
        window = scipy.signal.get_window("hann", self.win_length, fftbins=True)
        return Analysis(
            self.sample_rate,
            self.n_fft,
            self.hop_length,
            window.astype(np.float32),
            scipy.sparse.csr_array(filters),
            self.log_floor,
        )

    def _outcomes(self, clips, analysis, rows, problems):
        """Yield energies or error, and row, of the clips in some rows, in order."""

        def tasks():
            for row in rows:
                # joblib warns where one leaves its generator early: let it run dry
                if problems and self.errors == "raise":
                    return
                yield joblib.delayed(attempt)(analysis.of_clip, clips[row])

        # threads: the work releases the lock, and workers need not import torch
        parallel = joblib.Parallel(self.n_jobs, prefer="threads", return_as="generator")
        outcomes = parallel(tasks())
        if self.verbose:
            outcomes = _show_progress(outcomes, len(rows))
        yield from zip(outcomes, rows, strict=False)

    def _raise_first(self, problems):
        if problems and self.errors == "raise":
            row = min(problems)
            problem = problems[row]
            is_missing = isinstance(problem, FileNotFoundError)
            raise (FileNotFoundError if is_missing else ValueError)(
                f"Row {row} of X of LogMel: {problem} With errors='warn' such a clip "
                "becomes a row of NaN."
            ) from problem.__cause__

    def __sklearn_tags__(self):
        # one_d_array stays False: it would make the common checks pass 1-D numbers
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
