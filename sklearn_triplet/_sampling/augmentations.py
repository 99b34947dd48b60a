"""Transformations of random strength, to be chained: units in, units of one shape out.

The paper changes an anchor in one way and by a fixed amount. With a handful of labels
it pays to change every crop, labeled ones too, in many ways at once and each time by
another amount: ``Chain`` of what follows, which is what ``TripletTagger`` does.

Whatever works on energies takes features as natural logarithms of them, as ``LogMel``
gives; ``silence`` is the smallest value that a band had in training.
"""

from __future__ import annotations

import itertools
import numbers
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from sklearn_triplet._input.parameters import check_number
from sklearn_triplet._input.types import BoolArray, IntArray
from sklearn_triplet._sampling.neighbors import look_up_nearest
from sklearn_triplet._sampling.segments import SegmentedClips, Units
from sklearn_triplet._sampling.transforms import Transformation, check_transformations

DECIBEL = np.log(10) / 10  # in natural logarithms of energy
LOUDEST = 80.0  # natural logarithm of an energy; single precision ends at 88
FAINTEST = np.finfo(np.float32).tiny  # the smallest energy that has a logarithm


def draw_between(
    low: float, high: float, X: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw one number per segment, shape (n_units, k, 1, 1), float32."""
    return rng.uniform(low, high, (*X.shape[:2], 1, 1)).astype(np.float32)


def mask_padding(X: np.ndarray, lengths: IntArray) -> np.ndarray:
    """Set padded frames to 0 in place, and return X."""
    n_frames = X.shape[-1]
    if (lengths < n_frames).any():
        X *= np.arange(n_frames) < lengths[:, :, None, None]
    return X


class Chain(Transformation):
    """Apply several transformations one after the other.

    A unit that one of them does not suit, such as a row of a table for a mask in time,
    passes it unchanged.

    Parameters
    ----------
    transformations : sequence of Transformation
        In the order in which they are applied.

    See Also
    --------
    OneOf : Applies one of several.

    Examples
    --------
    >>> from sklearn_triplet import Chain, Gain, GaussianNoise
    >>> Chain([Gain(3), GaussianNoise(0.3)])
    Chain(transformations=[Gain(max_decibels=3), GaussianNoise(sigma=0.3)])
    """

    def __init__(self, transformations: Sequence[Transformation]) -> None:
        self.transformations = transformations

    def applies_to(self, anchors: Units, segments: SegmentedClips) -> BoolArray:
        """Tell which units any of the transformations suits."""
        applies = [t.applies_to(anchors, segments) for t in self.transformations]
        return np.any(applies, axis=0)

    def apply(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return units that have gone through all that suits them."""
        for transformation in self._fuse():
            suits = transformation.applies_to(anchors, segments)
            if suits.all():
                anchors = transformation.apply(anchors, segments, rng)
            elif suits.any():
                rows = np.flatnonzero(suits), np.flatnonzero(~suits)
                # only those: what a transformation does not suit it may not survive
                changed = transformation.apply(anchors.take(rows[0]), segments, rng)
                anchors = Units.assemble([changed, anchors.take(rows[1])], rows)
        return anchors

    def check(self) -> None:
        """Refuse what is no transformation, and parameters of theirs."""
        check_transformations(self, self.transformations)

    def _fuse(self) -> list[Transformation]:
        """Let neighbours that change energies share the way out of the logarithm."""
        fused: list[Transformation] = []
        for alike, group in itertools.groupby(self.transformations, _is_fusible):
            steps = list(group)
            if alike:
                steps = [_Energies(cast("list[EnergyTransformation]", steps))]
            fused += steps
        return fused


class OneOf(Transformation):
    """Apply one of several transformations, drawn anew for each unit.

    Parameters
    ----------
    transformations : sequence of Transformation
        All equally probable among those that suit a unit.

    See Also
    --------
    Transformed : A positive selector that does the same.

    Examples
    --------
    >>> from sklearn_triplet import FrequencyMask, OneOf, TimeMask
    >>> OneOf([TimeMask(), FrequencyMask()])
    OneOf(transformations=[TimeMask(), FrequencyMask()])
    """

    def __init__(self, transformations: Sequence[Transformation]) -> None:
        self.transformations = transformations

    def applies_to(self, anchors: Units, segments: SegmentedClips) -> BoolArray:
        """Tell which units any of the transformations suits."""
        applies = [t.applies_to(anchors, segments) for t in self.transformations]
        return np.any(applies, axis=0)

    def apply(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return units of which each has gone through one of the transformations."""
        applies = [t.applies_to(anchors, segments) for t in self.transformations]
        # the largest of uniform numbers among those that apply is a uniform draw
        choice = np.where(applies, rng.random(np.shape(applies)), -1.0).argmax(axis=0)
        rows = [np.flatnonzero(choice == i) for i in range(len(self.transformations))]
        parts = [
            transformation.apply(anchors.take(group), segments, rng)
            for transformation, group in zip(self.transformations, rows, strict=True)
            if len(group)
        ]
        return Units.assemble(parts, [group for group in rows if len(group)])

    def check(self) -> None:
        """Refuse what is no transformation, and parameters of theirs."""
        check_transformations(self, self.transformations)


class RandomCrop(Transformation):
    """Take a crop of the anchor's clip from a random place, at a random speed.

    The fixed grid of segments shows a network the same few cuts again and again. A crop
    begins anywhere, and its frames are interpolated so that it plays faster or slower
    by ``exp(u)``, u uniform in [-stretch, stretch]; pitch stays. Clips that are too
    short are repeated in time, so a crop is never padded.

    What the anchors hold is not looked at: in a ``Chain`` it comes first.

    Parameters
    ----------
    n_frames : int, default=None
        Length of the crop. ``None``: as many frames as a segment has, which a positive
        selector has to return; a row of a table stays as it is.
    stretch : float, default=0.2
        Largest logarithm of the speed, at least 0. 0: crops are cut between frames,
        and nothing is interpolated.

    See Also
    --------
    TimeFrequencyShift : The paper's, circular in time and without stretching.

    References
    ----------
    D. Niizumi, D. Takeuchi, Y. Ohishi, N. Harada and K. Kashino, "BYOL for audio:
    exploring pre-trained general-purpose audio representations", IEEE/ACM TASLP 31,
    2023: random resize crop.

    Examples
    --------
    >>> from sklearn_triplet import RandomCrop
    >>> RandomCrop(n_frames=96, stretch=0)
    RandomCrop(n_frames=96, stretch=0)
    """

    def __init__(self, n_frames: int | None = None, stretch: float = 0.2) -> None:
        self.n_frames = n_frames
        self.stretch = stretch

    def apply(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return crops of ``n_frames`` frames, or of 1 for rows of a table."""
        if segments.segment_length == 1:
            return anchors
        n_frames = int(self.n_frames or segments.segment_length)
        n_units, k, n_features, _ = anchors.X.shape
        X = np.empty((n_units, k, n_features, n_frames), dtype=np.float32)
        stretch = float(self.stretch)
        speeds = np.exp(rng.uniform(-stretch, stretch, (n_units, k)))
        for i, speed in np.ndenumerate(speeds):
            clip = int(anchors.clips[i[0]])
            X[i] = self._crop(segments, clip, n_frames, speed, rng)
        return replace(anchors, X=X, lengths=np.full((n_units, k), n_frames))

    def check(self) -> None:
        """Refuse parameters outside their ranges."""
        if self.n_frames is not None:
            check_number(self, "n_frames", numbers.Integral, 1, most=2**16)
        check_number(self, "stretch", numbers.Real, 0, most=10)

    def _crop(
        self,
        segments: SegmentedClips,
        clip: int,
        n_frames: int,
        speed: float,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Cut one crop, shape (n_features, n_frames), standardised."""
        length = int(segments.clips.lengths[clip])
        # frames between the two ends of the crop, and where it may begin
        span = speed * (n_frames - 1)
        latest = max(length - 1 - span, 0)
        start = rng.random() * latest
        if not self.stretch and latest:
            # whole frames, the last place as likely as the others
            start = np.floor(start / latest * (latest + 1))
        places = start + speed * np.arange(n_frames)
        # only the frames that are needed: the clip may be an hour of a memory map
        first = int(start)
        last = min(int(np.ceil(places[-1])) + 1, length)
        frames = segments.clips.frames(clip, first, last - first)
        # a clip that is too short begins anew after its last frame
        left = (places - first).astype(int)
        weight = (places - first - left).astype(np.float32)
        left, right = (n % frames.shape[1] for n in (left, left + 1))
        crop = frames[:, left] * (1 - weight) + frames[:, right] * weight
        return segments.scaler.transform(crop)


class FrequencyShift(Transformation):
    """Shift the anchor up or down by a random number of bands.

    Freed bands are filled with silence. Of a mel spectrogram it is, roughly, a change
    of pitch.

    Parameters
    ----------
    max_bins : int, default=6
        The shift is uniform in [-max_bins, max_bins]; at the most one less than there
        are bands.

    See Also
    --------
    TimeFrequencyShift : The paper's, circular in time as well.

    Examples
    --------
    >>> from sklearn_triplet import FrequencyShift
    >>> FrequencyShift(max_bins=4)
    FrequencyShift(max_bins=4)
    """

    def __init__(self, max_bins: int = 6) -> None:
        self.max_bins = max_bins

    def applies_to(self, anchors: Units, segments: SegmentedClips) -> BoolArray:
        """Tell which units are sounds: columns of a table have no neighbours."""
        return np.full(len(anchors), segments.segment_length > 1)

    def apply(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return shifted copies; padded frames stay zero."""
        n_units, k, n_bands, _ = anchors.X.shape
        # one band always stays: silence alone tells nothing
        most = min(self.max_bins, n_bands - 1)
        shift = rng.integers(-most, most, (n_units, k, 1), endpoint=True)
        source = np.arange(n_bands) - shift
        inside = (source >= 0) & (source < n_bands)
        X = np.take_along_axis(
            anchors.X, source.clip(0, n_bands - 1)[..., None], axis=2
        )
        silence = segments.scaler.silence[:, None]
        X = np.where(inside[..., None], X, silence)
        return replace(anchors, X=mask_padding(X, anchors.lengths))

    def check(self) -> None:
        """Refuse parameters outside their ranges."""
        check_number(self, "max_bins", numbers.Integral, 0)


class EnergyTransformation(Transformation):
    """Base class of what changes energies, above the silence of each band.

    What a silent band holds, the floor of the logarithm, is no sound: it is taken off
    before, and put back after, so that a gain does not lift it.
    """

    def applies_to(self, anchors: Units, segments: SegmentedClips) -> BoolArray:
        """Tell which units are sounds: a row of a table holds no log-energies."""
        return np.full(len(anchors), segments.segment_length > 1)

    def apply(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return changed copies; padded frames stay zero."""
        logs = segments.scaler.inverse_transform(anchors.X)
        # energies are relative to what single precision can hold; of log-mels, even of
        # samples of 16 bits, nothing has to be taken off
        excess = max(float(logs.max()) - LOUDEST, 0.0)
        silence = segments.scaler.inverse_transform(segments.scaler.silence[:, None])
        floor = np.exp(silence - excess)
        energies = np.maximum(np.exp(logs - excess) - floor, 0)
        energies = mask_padding(energies, anchors.lengths)
        energies = self.change(energies, anchors.lengths, rng)
        changed = np.maximum(np.maximum(energies, 0) + floor, FAINTEST)
        X = segments.scaler.transform(np.log(changed) + excess)
        X = X.astype(np.float32, copy=False)
        return replace(anchors, X=mask_padding(X, anchors.lengths))

    def change(
        self, energies: np.ndarray, lengths: IntArray, rng: np.random.Generator
    ) -> np.ndarray:
        """Return changed energies, at least 0.

        Parameters
        ----------
        energies : ndarray of shape (n_units, k, n_bands, n_frames), float32
            Above silence; 0 where padded.
        lengths : ndarray of shape (n_units, k), int
            Valid frames.
        rng : numpy.random.Generator

        Returns
        -------
        changed : ndarray of the same shape, float32
            What is beyond the valid frames is taken as silence.
        """
        raise TypeError(f"{type(self).__name__} must define change().")


def _is_fusible(transformation: Transformation) -> bool:
    """Whether only ``change`` is its own of what changes energies."""
    kind, base = type(transformation), EnergyTransformation
    return (
        isinstance(transformation, base)
        and kind.apply is base.apply
        and kind.applies_to is base.applies_to
    )


class _Energies(EnergyTransformation):
    """Several changes of energies in one."""

    def __init__(self, transformations: Sequence[EnergyTransformation]) -> None:
        self.transformations = transformations

    def change(
        self, energies: np.ndarray, lengths: IntArray, rng: np.random.Generator
    ) -> np.ndarray:
        """Return energies that all of them have changed."""
        for transformation in self.transformations:
            energies = transformation.change(energies, lengths, rng)
            # another unit may have been mixed into what is padded
            energies = mask_padding(energies, lengths)
        return energies


class Gain(EnergyTransformation):
    """Make the anchor louder or softer by a random gain.

    Parameters
    ----------
    max_decibels : float, default=6
        The gain is uniform in [-max_decibels, max_decibels].

    See Also
    --------
    Equalizer : Another for each band.

    Examples
    --------
    >>> from sklearn_triplet import Gain
    >>> Gain(max_decibels=3)
    Gain(max_decibels=3)
    """

    def __init__(self, max_decibels: float = 6) -> None:
        self.max_decibels = max_decibels

    def change(
        self, energies: np.ndarray, lengths: IntArray, rng: np.random.Generator
    ) -> np.ndarray:
        """Return energies times one factor per segment."""
        most = float(self.max_decibels)
        gain = draw_between(-most, most, energies, rng)
        return energies * np.exp(DECIBEL * gain).astype(np.float32)

    def check(self) -> None:
        """Refuse parameters outside their ranges."""
        check_number(self, "max_decibels", numbers.Real, 0, most=200)


class Equalizer(EnergyTransformation):
    """Colour the anchor by a smooth random filter, as another microphone would.

    Parameters
    ----------
    max_decibels : float, default=4
        The gain at each node is uniform in [-max_decibels, max_decibels].
    n_nodes : int, default=5
        Nodes, equally spaced over the bands from the first to the last; between them
        decibels are interpolated.

    See Also
    --------
    Gain : The same for all bands.

    Examples
    --------
    >>> from sklearn_triplet import Equalizer
    >>> Equalizer(max_decibels=6, n_nodes=3)
    Equalizer(max_decibels=6, n_nodes=3)
    """

    def __init__(self, max_decibels: float = 4, n_nodes: int = 5) -> None:
        self.max_decibels = max_decibels
        self.n_nodes = n_nodes

    def change(
        self, energies: np.ndarray, lengths: IntArray, rng: np.random.Generator
    ) -> np.ndarray:
        """Return energies times one factor per segment and band."""
        n_units, k, n_bands, _ = energies.shape
        most = float(self.max_decibels)
        nodes = rng.uniform(-most, most, (n_units * k, self.n_nodes))
        # of each band among the nodes, of which the outer ones lie on the outer bands
        place = np.linspace(0, self.n_nodes - 1, n_bands)
        gains = np.stack([np.interp(place, np.arange(self.n_nodes), g) for g in nodes])
        factors = np.exp(DECIBEL * gains).astype(np.float32)
        return energies * factors.reshape(n_units, k, n_bands, 1)

    def check(self) -> None:
        """Refuse parameters outside their ranges."""
        check_number(self, "max_decibels", numbers.Real, 0, most=200)
        check_number(self, "n_nodes", numbers.Integral, 1, most=2**10)


class EnergyMixing(EnergyTransformation):
    """Add another unit of the batch, in energies.

    Parameters
    ----------
    max_ratio : float, default=0.5
        The added energy relative to the anchor's is uniform in [0, max_ratio].
    probability : float, default=0.5
        Of adding anything, in [0, 1].

    See Also
    --------
    ExampleMixing : The paper's, at a fixed ratio and with the whole training set.

    Examples
    --------
    >>> from sklearn_triplet import EnergyMixing
    >>> EnergyMixing(max_ratio=0.25)
    EnergyMixing(max_ratio=0.25)
    """

    def __init__(self, max_ratio: float = 0.5, probability: float = 0.5) -> None:
        self.max_ratio = max_ratio
        self.probability = probability

    def change(
        self, energies: np.ndarray, lengths: IntArray, rng: np.random.Generator
    ) -> np.ndarray:
        """Return sums of the energies of two units."""
        # a unit may get itself, which is a gain: among many that is rare
        others = energies[rng.permutation(len(energies))]
        ratio = draw_between(0, self.max_ratio, energies, rng)
        ratio *= draw_between(0, 1, energies, rng) < self.probability
        axes = (2, 3)
        total, other = (e.sum(axis=axes, keepdims=True) for e in (energies, others))
        # nothing can be scaled to the loudness of something where it is silent
        factor = np.where(other > 0, ratio * total / np.where(other > 0, other, 1), 0)
        return energies + factor.astype(np.float32) * others

    def check(self) -> None:
        """Refuse parameters outside their ranges."""
        check_number(self, "max_ratio", numbers.Real, 0, most=1e6)
        check_number(self, "probability", numbers.Real, 0, 1)


class TimeMask(Transformation):
    """Hide a random stretch of time behind the mean of each band.

    Parameters
    ----------
    max_fraction : float, default=0.2
        The hidden fraction of the valid frames is uniform in [0, max_fraction].

    See Also
    --------
    FrequencyMask : Hides bands instead.

    References
    ----------
    D. S. Park et al., "SpecAugment: a simple data augmentation method for automatic
    speech recognition", Interspeech 2019.

    Examples
    --------
    >>> from sklearn_triplet import TimeMask
    >>> TimeMask(max_fraction=0.1)
    TimeMask(max_fraction=0.1)
    """

    def __init__(self, max_fraction: float = 0.2) -> None:
        self.max_fraction = max_fraction

    def applies_to(self, anchors: Units, segments: SegmentedClips) -> BoolArray:
        """Tell which units have a time axis."""
        return anchors.lengths[:, 0] > 1

    def apply(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return copies with one stretch of time at 0, the mean."""
        lengths = anchors.lengths[:, :, None, None]
        width = draw_between(0, self.max_fraction, anchors.X, rng) * lengths
        begin = draw_between(0, 1, anchors.X, rng) * (lengths - width)
        # the middle of each frame: by its beginning, the first would never be hidden
        frames = np.arange(anchors.X.shape[3]) + 0.5
        hidden = (frames >= begin) & (frames < begin + width)
        return replace(anchors, X=np.where(hidden, np.float32(0), anchors.X))

    def check(self) -> None:
        """Refuse parameters outside their ranges."""
        check_number(self, "max_fraction", numbers.Real, 0, 1)


class FrequencyMask(Transformation):
    """Hide a random group of neighbouring features behind their mean.

    Of a table, or of features whose order means nothing, this hides some of them.

    Parameters
    ----------
    max_fraction : float, default=0.1875
        The hidden fraction of the features is uniform in [0, max_fraction]; 12 of 64
        bands at the most.

    See Also
    --------
    TimeMask : Hides frames instead.

    References
    ----------
    D. S. Park et al., "SpecAugment: a simple data augmentation method for automatic
    speech recognition", Interspeech 2019.

    Examples
    --------
    >>> from sklearn_triplet import FrequencyMask
    >>> FrequencyMask(max_fraction=0.1)
    FrequencyMask(max_fraction=0.1)
    """

    def __init__(self, max_fraction: float = 0.1875) -> None:
        self.max_fraction = max_fraction

    def apply(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return copies with one group of features at 0, the mean."""
        n_features = anchors.X.shape[2]
        width = draw_between(0, self.max_fraction, anchors.X, rng) * n_features
        begin = draw_between(0, 1, anchors.X, rng) * (n_features - width)
        # the middle of each band, as for TimeMask
        bands = np.arange(n_features)[:, None] + 0.5
        hidden = (bands >= begin) & (bands < begin + width)
        return replace(anchors, X=np.where(hidden, np.float32(0), anchors.X))

    def check(self) -> None:
        """Refuse parameters outside their ranges."""
        check_number(self, "max_fraction", numbers.Real, 0, 1)


class RandomNoise(Transformation):
    """Add Gaussian noise of random strength to the standardised anchor.

    Parameters
    ----------
    max_sigma : float, default=0.3
        The standard deviation is uniform in [0, max_sigma], in standard deviations of
        each feature.

    See Also
    --------
    GaussianNoise : The paper's, of one strength.

    Examples
    --------
    >>> from sklearn_triplet import RandomNoise
    >>> RandomNoise(max_sigma=0.5)
    RandomNoise(max_sigma=0.5)
    """

    def __init__(self, max_sigma: float = 0.3) -> None:
        self.max_sigma = max_sigma

    def apply(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return noisy copies; padded frames stay zero."""
        sigma = draw_between(0, self.max_sigma, anchors.X, rng)
        # drawn in single precision: half the time
        noise = rng.standard_normal(anchors.X.shape, dtype=np.float32)
        X = anchors.X + sigma * noise
        return replace(anchors, X=mask_padding(X, anchors.lengths))

    def check(self) -> None:
        """Refuse parameters outside their ranges."""
        check_number(self, "max_sigma", numbers.Real, 0, most=1e6)


class FeatureDropout(Transformation):
    """Hide random features behind their mean, each segment others.

    For tables and for embeddings of other models, in which neighbouring columns have
    nothing to do with each other.

    Parameters
    ----------
    max_fraction : float, default=0.2
        The probability of each feature is uniform in [0, max_fraction].

    See Also
    --------
    FrequencyMask : Hides neighbours, such as mel bands.

    Examples
    --------
    >>> from sklearn_triplet import FeatureDropout
    >>> FeatureDropout(max_fraction=0.1)
    FeatureDropout(max_fraction=0.1)
    """

    def __init__(self, max_fraction: float = 0.2) -> None:
        self.max_fraction = max_fraction

    def apply(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return copies with some features at 0, the mean, in all frames."""
        probability = draw_between(0, self.max_fraction, anchors.X, rng)
        # in all frames: in one alone, its neighbours would tell what is hidden
        hidden = rng.random((*anchors.X.shape[:3], 1)) < probability
        return replace(anchors, X=np.where(hidden, np.float32(0), anchors.X))

    def check(self) -> None:
        """Refuse parameters outside their ranges."""
        check_number(self, "max_fraction", numbers.Real, 0, 1)


class NeighborMixing(Transformation):
    """Move the anchor part of the way towards one of its nearest neighbours.

    ``x_p = x_a + u (x_n - x_a)`` with u uniform in [0, 1] and x_n one of the nearest
    segments of the training set in the input space, labeled or not, but never one that
    is labeled otherwise. For rows of tables and embeddings of other models, whose
    neighbours are mostly of one class: it tells the network so, where nobody knows how
    such features may be changed otherwise. An anchor without such a neighbour stays as
    it is.

    Parameters
    ----------
    n_neighbors : int, default=5
        One of that many is drawn each time.

    See Also
    --------
    Nearest : The positive selector that takes the neighbour itself.
    EnergyMixing : Adds another sound, of any class.

    Notes
    -----
    The search is that of ``Nearest``, exact and only for anchors that are drawn; what
    was found is remembered as long as the training set.

    References
    ----------
    N. V. Chawla, K. W. Bowyer, L. O. Hall and W. P. Kegelmeyer, "SMOTE: synthetic
    minority over-sampling technique", JAIR 16, 2002: for labeled rows of a rare class.

    Examples
    --------
    >>> from sklearn_triplet import NeighborMixing
    >>> NeighborMixing(n_neighbors=3)
    NeighborMixing(n_neighbors=3)
    """

    def __init__(self, n_neighbors: int = 5) -> None:
        self.n_neighbors = n_neighbors

    def applies_to(self, anchors: Units, segments: SegmentedClips) -> BoolArray:
        """Tell that any unit can, where there is another segment."""
        return np.full(len(anchors), len(segments) > 1)

    def apply(
        self, anchors: Units, segments: SegmentedClips, rng: np.random.Generator
    ) -> Units:
        """Return units between anchors and neighbours; padded frames stay zero."""
        ids = anchors.segments
        found = look_up_nearest(segments, ids.ravel(), self.n_neighbors)
        allowed = (found >= 0) & ~_labeled_otherwise(segments, ids.ravel(), found)
        # the highest of random numbers: each neighbour that is allowed alike
        drawn = np.where(allowed, rng.random(allowed.shape), -1).argmax(axis=1)[:, None]
        others = segments.take(np.take_along_axis(found, drawn, axis=1))
        X = anchors.X.copy()
        share = draw_between(0, 1, X, rng)
        share[~allowed.any(axis=1).reshape(ids.shape)] = 0
        for n, (i, length) in enumerate(np.ndenumerate(anchors.lengths)):
            # a shorter neighbour is repeated
            frames = np.resize(np.arange(int(others.lengths[n, 0])), length)
            other = others.X[n, 0][:, frames]
            X[i][:, :length] += share[i] * (other - X[i][:, :length])
        return replace(anchors, X=X)

    def check(self) -> None:
        """Refuse parameters outside their ranges."""
        check_number(self, "n_neighbors", numbers.Integral, 1, most=2**12)


def _labeled_otherwise(
    segments: SegmentedClips, anchors: IntArray, others: IntArray
) -> BoolArray:
    """Tell which segments are labeled, as their anchor is, and share no class with it.

    Parameters
    ----------
    segments : SegmentedClips
    anchors : ndarray of shape (n,), int
    others : ndarray of shape (n, n_others), int

    Returns
    -------
    otherwise : ndarray of shape (n, n_others), bool
    """
    labels, clip_of = segments.labels, segments.clip_of
    ours, theirs = clip_of[anchors][:, None], clip_of[others]
    share = (labels.present[ours] & labels.present[theirs]).any(axis=2)
    return labels.labeled[ours] & labels.labeled[theirs] & ~share
