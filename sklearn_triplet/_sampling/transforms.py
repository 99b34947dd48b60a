"""The paper's four transformations (section 2.3): units in, positives out.

Each takes standardised units ``(n_units, k, n_features, n_frames)`` and returns units
of the same shape. A transformation of one's own is a class with ``apply`` and, where it
does not suit every unit, ``applies_to``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_triplet._input.types import BoolArray
from sklearn_triplet._sampling.segments import SegmentedClips, Units


def add_noise(X: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise of standard deviation sigma to an array of any shape."""
    return X + np.float32(sigma) * rng.standard_normal(X.shape, dtype=np.float32)


def shift_time(segment: np.ndarray, n_frames: int) -> np.ndarray:
    """Shift a segment (n_features, n_frames) circularly to the right."""
    return np.roll(segment, n_frames, axis=-1)


def shift_frequency(segment: np.ndarray, n_bins: int, fill: np.ndarray) -> np.ndarray:
    """Shift a segment (n_features, n_frames) up by n_bins; freed bands become fill.

    Parameters
    ----------
    segment : ndarray of shape (n_features, n_frames)
    n_bins : int
        Negative: down.
    fill : ndarray of shape (n_features,)
        What an empty band looks like.
    """
    shifted = np.repeat(fill[:, None], segment.shape[1], axis=1)
    n_kept = len(segment) - abs(n_bins)
    if n_kept > 0:
        up, down = max(n_bins, 0), max(-n_bins, 0)
        shifted[up : up + n_kept] = segment[down : down + n_kept]
    return shifted


def mix_energies(
    log_anchor: np.ndarray, log_other: np.ndarray, alpha: float
) -> np.ndarray:
    """Mix two log-energy segments as x_a + alpha [E(x_a) / E(x_n)] x_n, in energies.

    Everything stays in the log, so neither digital silence nor a large value can
    overflow.

    Parameters
    ----------
    log_anchor, log_other : ndarray of shape (n_features, n_frames)
        Natural logarithms of energies.
    alpha : float
        The energy of the other segment relative to the anchor.

    Returns
    -------
    log_mix : ndarray of shape (n_features, n_frames)
    """
    gain = np.log(alpha) + _log_sum_exp(log_anchor) - _log_sum_exp(log_other)
    return np.logaddexp(log_anchor, log_other + gain)


def _log_sum_exp(X: np.ndarray) -> np.floating:
    largest = X.max()
    return largest + np.log(np.exp(X - largest).sum(dtype=np.float64))


class Transformation(BaseEstimator):
    """Base class: makes positives by changing anchors."""

    def applies_to(self, anchors: Units, segments: SegmentedClips) -> BoolArray:
        """Tell which anchors this transformation can change, shape (n_units,)."""
        return np.ones(len(anchors), dtype=bool)

    def apply(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return one positive per anchor.

        Parameters
        ----------
        anchors : Units
        segments : SegmentedClips
            The training set.
        rng : numpy.random.Generator

        Returns
        -------
        positives : Units
        """
        raise TypeError(f"{type(self).__name__} must define apply().")


class GaussianNoise(Transformation):
    """Add Gaussian noise to the standardised anchor (section 2.3).

    Parameters
    ----------
    sigma : float, default=0.5
        Standard deviation, in standard deviations of each feature.

    Examples
    --------
    >>> from sklearn_triplet import GaussianNoise
    >>> GaussianNoise(sigma=0.25)
    GaussianNoise(sigma=0.25)
    """

    def __init__(self, sigma: float = 0.5) -> None:
        self.sigma = sigma

    def apply(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return noisy copies; padded frames stay zero."""
        X = add_noise(anchors.X, self.sigma, rng)
        frames = np.arange(X.shape[-1])
        X *= frames < anchors.lengths[:, :, None, None]
        return replace(anchors, X=X)


class TimeFrequencyShift(Transformation):
    """Shift the anchor circularly in time, then up or down in frequency (section 2.3).

    The time shift is uniform in [0, T - 1] frames, the frequency shift uniform in
    [-S, S] bands; bands that become free are filled with silence.

    Parameters
    ----------
    max_bins : int, default=10
        S of the paper; at the most one less than there are bands.

    Examples
    --------
    >>> from sklearn_triplet import TimeFrequencyShift
    >>> TimeFrequencyShift()
    TimeFrequencyShift()
    """

    def __init__(self, max_bins: int = 10) -> None:
        self.max_bins = max_bins

    def applies_to(self, anchors: Units, segments: SegmentedClips) -> BoolArray:
        """Tell which anchors have a time axis to be shifted along."""
        return anchors.lengths[:, 0] > 1

    def apply(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return shifted copies; only the valid frames are rotated."""
        X = anchors.X.copy()
        # one band always stays: silence alone would be everybody's positive
        max_bins = min(self.max_bins, X.shape[2] - 1)
        for i, length in np.ndenumerate(anchors.lengths):
            valid = shift_time(X[i][:, :length], rng.integers(length))
            n_bins = rng.integers(-max_bins, max_bins, endpoint=True)
            X[i][:, :length] = shift_frequency(valid, n_bins, segments.scaler.silence)
        return replace(anchors, X=X)


class TemporalProximity(Transformation):
    """Take another segment of the same clip, close in time (section 2.3).

    Parameters
    ----------
    max_frames : int, default=1000
        The time difference has to be smaller than this: the paper's 10 s at a hop of
        10 ms.

    Examples
    --------
    >>> from sklearn_triplet import TemporalProximity
    >>> TemporalProximity(max_frames=200)
    TemporalProximity(max_frames=200)
    """

    def __init__(self, max_frames: int = 1000) -> None:
        self.max_frames = max_frames

    def applies_to(self, anchors: Units, segments: SegmentedClips) -> BoolArray:
        """Tell which anchors have a close enough other segment."""
        return (segments.count[anchors.clips] > 1) & (
            segments.segment_length < self.max_frames
        )

    def apply(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return other segments of the anchors' clips."""
        ids = np.empty_like(anchors.segments)
        for i, segment in np.ndenumerate(anchors.segments):
            clip = segments.clip_of[segment]
            others = segments.first[clip] + np.arange(segments.count[clip])
            distance = np.abs(segments.start[others] - segments.start[segment])
            near = others[(distance > 0) & (distance < self.max_frames)]
            ids[i] = rng.choice(near) if len(near) else segment
        return segments.take(ids)


class ExampleMixing(Transformation):
    """Mix the anchor with a random segment of another clip (section 2.3).

    ``x_p = x_a + alpha [E(x_a) / E(x_n)] x_n`` where E is the energy. The features are
    taken as natural logarithms of energies (as ``LogMel`` gives), and the sum is made
    of the energies. x_n is drawn from the whole training set; the negative of the
    triplet remains with the strategy's own negative selector.

    Parameters
    ----------
    alpha : float, default=0.25
        Energy of the other segment relative to the anchor, greater than 0.

    Examples
    --------
    >>> from sklearn_triplet import ExampleMixing
    >>> ExampleMixing(alpha=0.5)
    ExampleMixing(alpha=0.5)
    """

    def __init__(self, alpha: float = 0.25) -> None:
        self.alpha = alpha

    def applies_to(self, anchors: Units, segments: SegmentedClips) -> BoolArray:
        """Tell which anchors are sounds: a row of a table holds no log-energies."""
        return np.full(len(anchors), segments.segment_length > 1)

    def apply(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return mixed copies."""
        others = self._draw_other_clips(anchors, segments, rng)
        raw = segments.scaler.inverse_transform
        X = anchors.X.copy()
        for i, length in np.ndenumerate(anchors.lengths):
            # a shorter partner is repeated, so that every frame gets its share
            other = np.resize(np.arange(int(others.lengths[i])), length)
            mix = mix_energies(
                raw(X[i][:, :length]), raw(others.X[i][:, other]), self.alpha
            )
            X[i][:, :length] = segments.scaler.transform(mix)
        return replace(anchors, X=X)

    def _draw_other_clips(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Draw segments uniformly among those of other clips."""
        clips, k = anchors.clips, anchors.segments.shape[1]
        n_other = len(segments) - segments.count[clips]
        drawn = rng.integers(n_other[:, None], size=(len(clips), k))
        # skip over the anchor's own consecutive segments
        own = drawn >= segments.first[clips, None]
        return segments.take(drawn + own * segments.count[clips, None])
