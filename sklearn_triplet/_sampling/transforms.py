"""The paper's four transformations (section 2.3): units in, positives out.

Each takes standardised units ``(n_units, k, n_features, n_frames)`` and returns units
of the same shape. A transformation of one's own is a class with ``apply`` and, where it
does not suit every unit, ``applies_to``.

Of a unit of several segments every segment is changed, each by draws of its own, and
the positive is again of one clip. The settings are those of section 4.3, which are
those of Jansen et al.: sigma = 0.5, S = 10, alpha = 0.25 and 10 s.
"""

from __future__ import annotations

import numbers
from dataclasses import replace

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_triplet._input.parameters import check_number
from sklearn_triplet._input.types import BoolArray, IntArray
from sklearn_triplet._sampling.segments import SegmentedClips, Units

LARGEST_GAIN = 100.0  # natural logarithm of an energy ratio


def add_noise(X: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise of standard deviation sigma to an array of any shape.

    Parameters
    ----------
    X : ndarray of any shape, float32
    sigma : float
        Standard deviation, in the unit of X.
    rng : numpy.random.Generator

    Returns
    -------
    noisy : ndarray of the shape of X, float32
    """
    # drawn in single precision: half the time, and X stays float32
    return X + np.float32(sigma) * rng.standard_normal(X.shape, dtype=np.float32)


def shift_time(segment: np.ndarray, n_frames: int) -> np.ndarray:
    """Shift a segment circularly to the right: what leaves comes in at the left.

    Parameters
    ----------
    segment : ndarray of shape (n_features, n_frames)
    n_frames : int

    Returns
    -------
    shifted : ndarray of shape (n_features, n_frames)
    """
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

    Returns
    -------
    shifted : ndarray of shape (n_features, n_frames)
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

    E is the energy of a segment, the sum over its bands and frames, so that the part
    of x_n in the mixture has alpha times the energy of x_a however loud x_n was.

    Parameters
    ----------
    log_anchor, log_other : ndarray of shape (n_features, n_frames)
        Natural logarithms of energies.
    alpha : float
        The energy of the other segment relative to the anchor.

    Returns
    -------
    log_mix : ndarray of shape (n_features, n_frames)

    Notes
    -----
    With A = log x_a and N = log x_n the mixture is, without leaving the logarithm, ::

        log(exp(A) + exp(N + log(alpha) + log(sum(exp(A))) - log(sum(exp(N)))))

    so that neither digital silence nor a large value can overflow. The gain is at most
    430 dB up or down: no two sounds are that far apart, but frames of other kinds may
    be, and one huge feature would be added to all others.

    Examples
    --------
    Where both are alike, a quarter of the energy is added:

    >>> import numpy as np
    >>> log_energies = np.log(np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> np.exp(mix_energies(log_energies, log_energies + 7, alpha=0.25)).round(3)
    array([[1.25, 2.5 ],
           [3.75, 5.  ]])
    """
    gain = np.log(alpha) + _log_sum_exp(log_anchor) - _log_sum_exp(log_other)
    gain = np.clip(gain, -LARGEST_GAIN, LARGEST_GAIN)
    return np.logaddexp(log_anchor, log_other + gain)


def _log_sum_exp(X: np.ndarray) -> np.floating:
    largest = X.max()
    # double precision: thousands of single ones are added
    return largest + np.log(np.exp(X - largest).sum(dtype=np.float64))


class Transformation(BaseEstimator):
    """Base class: makes positives by changing anchors.

    One of one's own defines ``apply`` and goes into ``Transformed([...])``.

    See Also
    --------
    Transformed : The positive selector that draws one transformation per anchor.

    References
    ----------
    A. Jansen, M. Plakal, R. Pandya, D. P. W. Ellis, S. Hershey, J. Liu, R. C. Moore and
    R. A. Saurous, "Unsupervised learning of semantic audio representations", ICASSP
    2018, arXiv:1711.02209: where the paper has its four from.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from sklearn_triplet import Transformation, Transformed
    >>> class Reversed(Transformation):
    ...     def applies_to(self, anchors, segments):
    ...         return (anchors.lengths == segments.segment_length).all(axis=1)
    ...     def apply(self, anchors, segments, rng):
    ...         return replace(anchors, X=anchors.X[..., ::-1])
    >>> Transformed([Reversed()])
    Transformed(transformations=[Reversed()])
    """

    def applies_to(self, anchors: Units, segments: SegmentedClips) -> BoolArray:
        """Tell which anchors this transformation can change.

        Parameters
        ----------
        anchors : Units
        segments : SegmentedClips
            The training set.

        Returns
        -------
        applies : ndarray of shape (n_units,), bool
        """
        return np.ones(len(anchors), dtype=bool)

    def apply(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return one positive per anchor.

        Parameters
        ----------
        anchors : Units
            Never to be changed in place: ``dataclasses.replace(anchors, X=...)``.
        segments : SegmentedClips
            The training set.
        rng : numpy.random.Generator
            The only source of chance.

        Returns
        -------
        positives : Units
            Of the shape of the anchors, and zero where they are padded.
        """
        raise TypeError(f"{type(self).__name__} must define apply().")

    def check(self) -> None:
        """Refuse parameters outside their ranges, in a sentence, before the fit.

        Raises
        ------
        ValueError
            Which names the parameter, its value and what was expected.
        """


def check_transformations(
    owner: object, given: object, expected: str = "a list"
) -> None:
    """Refuse what is no list of transformations, or has a parameter out of range.

    Parameters
    ----------
    owner : object
        Whose parameter ``transformations`` it is.
    given : object
        As the user set it.
    expected : str, default="a list"
        What it may be, for the message.
    """
    steps = given if isinstance(given, list | tuple) else ()
    # a class would pass for an instance until it is applied
    if not steps or not all(isinstance(each, Transformation) for each in steps):
        raise ValueError(
            f"The 'transformations' parameter of {type(owner).__name__} must be "
            f"{expected} of one or more Transformation, such as [GaussianNoise()]. Got "
            f"{given!r} instead."
        )
    for transformation in steps:
        transformation.check()


class GaussianNoise(Transformation):
    """Add Gaussian noise to the standardised anchor (section 2.3).

    Each value gets noise of its own: ``x_p = x_a + sigma * n`` with n of N(0, 1).

    Parameters
    ----------
    sigma : float, default=0.5
        Standard deviation, in standard deviations of each feature.

    See Also
    --------
    Transformed : Draws one of several transformations per anchor.

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
        return replace(anchors, X=X * anchors.valid)

    def check(self) -> None:
        """Refuse parameters outside their ranges."""
        check_number(self, "sigma", numbers.Real, 0, most=1e6)


class TimeFrequencyShift(Transformation):
    """Shift the anchor circularly in time, then up or down in frequency (section 2.3).

    The time shift is uniform in [0, T - 1] frames, where T are the valid frames of the
    segment, the frequency shift uniform in [-S, S] bands. Bands that become free are
    filled with silence, the smallest value that the training set has in them: the
    paper's zero is the mean of a standardised feature, which is not empty.

    Parameters
    ----------
    max_bins : int, default=10
        S of the paper; at the most one less than there are bands.

    See Also
    --------
    Transformed : Draws one of several transformations per anchor.

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
        return np.asarray((anchors.lengths > 1).all(axis=1))

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

    def check(self) -> None:
        """Refuse parameters outside their ranges."""
        check_number(self, "max_bins", numbers.Integral, 0)


class TemporalProximity(Transformation):
    """Take another segment of the same clip, close in time (section 2.3).

    Drawn uniformly among those that begin less than ``max_frames`` before or after the
    anchor. In a unit of several segments each is replaced by one that is close to it
    and not in the unit; none is taken twice if there are enough.

    Parameters
    ----------
    max_frames : int, default=1000
        The time difference has to be smaller than this: the paper's 10 s at a hop of
        10 ms.

    See Also
    --------
    Transformed : Draws one of several transformations per anchor.

    Examples
    --------
    >>> from sklearn_triplet import TemporalProximity
    >>> TemporalProximity(max_frames=200)
    TemporalProximity(max_frames=200)
    """

    def __init__(self, max_frames: int = 1000) -> None:
        self.max_frames = max_frames

    def applies_to(self, anchors: Units, segments: SegmentedClips) -> BoolArray:
        """Tell which anchors have a close enough other segment, for each of theirs."""
        _, is_near = self._find_near(anchors, segments)
        has_near = np.any(is_near, axis=2)
        return np.asarray(has_near.all(axis=1))

    def apply(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return other segments of the anchors' clips."""
        own, is_near = self._find_near(anchors, segments)
        ids = anchors.segments.copy()
        for i, j in np.ndindex(ids.shape):
            near = own[i, is_near[i, j]]
            fresh = near[~np.isin(near, ids[i, :j])]
            if len(near):
                ids[i, j] = rng.choice(fresh if len(fresh) else near)
        return segments.take(ids)

    def check(self) -> None:
        """Refuse parameters outside their ranges."""
        check_number(self, "max_frames", numbers.Integral, 1)

    def _find_near(
        self, anchors: Units, segments: SegmentedClips
    ) -> tuple[IntArray, BoolArray]:
        """Compare the segments of each unit with all segments of its clip.

        Returns
        -------
        own : ndarray of shape (n_units, n_most), int
            The segments of each clip, in columns enough for the longest.
        is_near : ndarray of shape (n_units, k, n_most), bool
            Whether one is close to the k-th segment, and none of the unit itself.
        """
        first, count = segments.first[anchors.clips], segments.count[anchors.clips]
        nth = np.arange(count.max(initial=0))
        # columns beyond the end of a clip repeat its first segment and are no answer
        exists = nth < count[:, None]
        own = first[:, None] + nth * exists
        units = anchors.segments[:, :, None]
        distance = np.abs(segments.start[own][:, None] - segments.start[units])
        in_unit = (own[:, None] == units).any(axis=1)
        is_free = exists & ~in_unit
        return own, is_free[:, None] & (distance < self.max_frames)


class ExampleMixing(Transformation):
    """Mix the anchor with a random segment of another clip (section 2.3).

    ``x_p = x_a + alpha [E(x_a) / E(x_n)] x_n`` where E is the energy. The features are
    taken as natural logarithms of energies (as ``LogMel`` gives), and the sum is made
    of the energies: a sum of logarithms would be their product. x_n is drawn from the
    whole training set; the negative of the triplet remains with the strategy's own
    negative selector. A unit of several segments is mixed with several segments of one
    other clip.

    Parameters
    ----------
    alpha : float, default=0.25
        Energy of the other segment relative to the anchor, greater than 0.

    See Also
    --------
    Transformed : Draws one of several transformations per anchor.
    LogMel : Its natural logarithms of energies are what is mixed.

    Examples
    --------
    >>> from sklearn_triplet import ExampleMixing
    >>> ExampleMixing(alpha=0.5)
    ExampleMixing(alpha=0.5)
    """

    def __init__(self, alpha: float = 0.25) -> None:
        self.alpha = alpha

    def applies_to(self, anchors: Units, segments: SegmentedClips) -> BoolArray:
        """Tell which anchors are sounds and have another clip to be mixed with."""
        n_others = len(segments) - segments.count[anchors.clips]
        # a row of a table holds no log-energies
        return (n_others > 0) & (segments.segment_length > 1)

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
                raw(X[i][:, :length]), raw(others.X[i][:, other]), float(self.alpha)
            )
            X[i][:, :length] = segments.scaler.transform(mix)
        return replace(anchors, X=X)

    def check(self) -> None:
        """Refuse parameters outside their ranges."""
        check_number(self, "alpha", numbers.Real, 0, most=1e6, left="open")

    def _draw_other_clips(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Draw units whose first segments are uniform among those of other clips."""
        clips, k = anchors.clips, anchors.segments.shape[1]
        drawn = rng.integers(len(segments) - segments.count[clips])
        # skip over the anchor's own consecutive segments
        behind = drawn >= segments.first[clips]
        drawn = drawn + behind * segments.count[clips]
        return segments.take(segments.add_of_same_clip(drawn, k, rng))
