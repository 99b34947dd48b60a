"""Transformations of random strength against their formulas."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import whole
from sklearn.base import clone

from sklearn_triplet import (
    Chain,
    EnergyMixing,
    Equalizer,
    FeatureDropout,
    FrequencyMask,
    FrequencyShift,
    Gain,
    GaussianNoise,
    NeighborMixing,
    OneOf,
    RandomCrop,
    RandomNoise,
    SegmentedClips,
    TimeMask,
    Transformation,
    Transformed,
    TripletTagger,
    check_selector,
)
from sklearn_triplet._sampling.augmentations import EnergyTransformation

N_FEATURES, LENGTH = 8, 10
# one of each; a crop has to be as long as the segments that it is compared with
EACH = [
    RandomCrop(),
    FrequencyShift(3),
    Gain(),
    Equalizer(),
    EnergyMixing(probability=1),
    RandomNoise(),
    TimeMask(0.5),
    FrequencyMask(0.5),
    FeatureDropout(0.5),
    NeighborMixing(2),
    OneOf([Gain(), RandomNoise(), TimeMask()]),
    Chain([RandomCrop(), FrequencyShift(), Gain(), EnergyMixing(), TimeMask()]),
]
each = pytest.mark.parametrize("transformation", EACH, ids=lambda t: type(t).__name__)


def make_segments(lengths=(30, 20, 14, 6), seed=0, segment_length=LENGTH):
    """Clips of log-energies; the last is one padded segment."""
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(-4, 2, (N_FEATURES, n)).astype(np.float32) for n in lengths]
    return SegmentedClips.from_arrays(arrays, segment_length=segment_length)


def make_units(segments, n=40, k=1, seed=0):
    rng = np.random.default_rng(seed)
    clips = np.arange(n) % len(segments.count)
    return segments.take(segments.draw_from_clips(clips, k, rng))


def apply(transformation, anchors, segments, seed=0):
    before = {name: value.copy() for name, value in vars(anchors).items()}
    changed = transformation.apply(anchors, segments, np.random.default_rng(seed))
    for name, value in vars(anchors).items():
        np.testing.assert_array_equal(value, before[name])
    assert changed.X.dtype == np.float32
    assert np.isfinite(changed.X).all()
    return changed


def energies(units, segments):
    """Return energies above the silence of each band, in double precision."""
    scaler = segments.scaler
    mean, scale = (a.astype(float)[:, None] for a in (scaler.mean, scaler.scale))
    silence = scaler.silence.astype(float)[:, None] * scale + mean
    above = np.exp(units.X.astype(float) * scale + mean) - np.exp(silence)
    return above * units.valid


def loud(values):
    """Energies that are not mostly rounding of the floor."""
    return values > 1e-3


# --- what holds for all of them


@each
@pytest.mark.parametrize("k", [1, 2])
def test_padding_stays_zero_and_draws_come_from_rng_alone(transformation, k):
    segments = make_segments()
    anchors = make_units(segments, k=k)
    changed = apply(transformation, anchors, segments)
    assert (anchors.lengths < LENGTH).any()
    np.testing.assert_array_equal(changed.X * ~changed.valid, 0)
    assert changed.X.shape == anchors.X.shape
    np.testing.assert_array_equal(changed.clips, anchors.clips)
    again = apply(transformation, anchors, segments)
    np.testing.assert_array_equal(again.X, changed.X)
    other = apply(transformation, anchors, segments, seed=1)
    assert (other.X != changed.X).any()


@each
def test_segments_of_a_unit_are_changed_each_in_its_own_way(transformation):
    segments = make_segments((30, 30))
    # the same segment twice
    anchors = segments.take(np.repeat(np.arange(6)[:, None], 2, axis=1))
    changed = [apply(transformation, anchors, segments, seed).X for seed in range(3)]
    assert any((X[:, 0] != X[:, 1]).any() for X in changed)


@each
def test_the_checks_of_selectors_pass(transformation):
    check_selector(Transformed([clone(transformation)]))


@each
def test_a_single_frame_is_no_trouble(transformation):
    segments = make_segments((1, 9, 1))
    anchors = segments.take(np.arange(3)[:, None])
    changed = apply(Chain([transformation]), anchors, segments)
    assert changed.X.shape == anchors.X.shape
    np.testing.assert_array_equal(changed.X * ~changed.valid, 0)


@each
def test_on_a_table_only_what_has_a_meaning_there(transformation):
    X = np.random.default_rng(0).normal(size=(20, N_FEATURES))
    segments = SegmentedClips.from_arrays(X)
    anchors = segments.take(np.arange(20)[:, None])
    changed = apply(Chain([transformation]), anchors, segments)
    tables_too = RandomNoise, FrequencyMask, FeatureDropout, NeighborMixing, OneOf
    assert (changed.X != anchors.X).any() == isinstance(transformation, tables_too)


# --- crops


def standardised(segments, clip):
    return segments.scaler.transform(segments.clips[clip])


def test_a_crop_without_stretch_is_a_slice_of_the_clip():
    segments = make_segments((30, 17))
    anchors = make_units(segments, n=600)
    cropped = apply(RandomCrop(stretch=0), anchors, segments)
    for clip, n_places in ((0, 21), (1, 8)):
        frames = standardised(segments, clip)
        slices = {
            frames[:, begin : begin + LENGTH].tobytes(): begin
            for begin in range(n_places)
        }
        found = [slices[X.tobytes()] for X in cropped.X[anchors.clips == clip, 0]]
        # every place, the first and the last as often as the others
        counts = np.bincount(found, minlength=n_places)
        expected = 300 / n_places
        assert ((counts - expected) ** 2 / expected).sum() < 2.2 * n_places + 10


def test_a_crop_of_the_whole_clip_is_the_clip():
    segments = make_segments((LENGTH, 25))
    anchors = segments.take(np.array([[0]]))
    cropped = apply(RandomCrop(stretch=0), anchors, segments)
    np.testing.assert_array_equal(cropped.X[0, 0], standardised(segments, 0))


@pytest.mark.parametrize("length", [1, 2, 6])
def test_a_short_clip_begins_anew_after_its_last_frame(length):
    segments = make_segments((length, 25))
    anchors = segments.take(np.array([[0]]))
    cropped = apply(RandomCrop(stretch=0), anchors, segments)
    expected = standardised(segments, 0)[:, np.arange(LENGTH) % length]
    np.testing.assert_array_equal(cropped.X[0, 0], expected)
    np.testing.assert_array_equal(cropped.lengths, [[LENGTH]])


def test_speeds_are_within_bounds_and_log_uniform():
    # a ramp in time: the differences of a crop are its speed
    ramp = np.tile(np.arange(400, dtype=np.float32), (N_FEATURES, 1))
    segments = SegmentedClips.from_arrays(ramp[None], segment_length=50)
    anchors = segments.take(np.zeros((2000, 1), int))
    cropped = apply(RandomCrop(stretch=0.3), anchors, segments)
    raw = segments.scaler.inverse_transform(cropped.X)[:, 0, 0]
    steps = np.diff(raw, axis=1)
    assert (np.ptp(steps, axis=1) < 1e-3).all()
    logs = np.log(steps.mean(axis=1))
    assert np.abs(logs).max() < 0.3 + 1e-4
    assert abs(logs.mean()) < 5 * 0.3 / np.sqrt(3 * 2000)
    assert abs(logs.std() / (0.3 / np.sqrt(3)) - 1) < 0.05
    # from anywhere, and never beyond the end
    assert raw.min() >= -1e-3
    assert raw.max() <= 399 + 1e-3
    assert raw[:, 0].min() < 5
    assert raw[:, -1].max() > 394


def test_a_crop_has_as_many_frames_as_it_is_told():
    segments = make_segments()
    anchors = make_units(segments, n=8, k=2)
    cropped = apply(RandomCrop(n_frames=13), anchors, segments)
    assert cropped.X.shape == (8, 2, N_FEATURES, 13)
    assert (cropped.lengths == 13).all()


# --- shift


def rolled(X, n_bins, silence):
    result = np.roll(X, n_bins, axis=0)
    if n_bins > 0:
        result[:n_bins] = silence[:n_bins, None]
    if n_bins < 0:
        result[n_bins:] = silence[n_bins:, None]
    return result


def test_frequency_shift_rolls_and_fills_with_silence():
    segments = make_segments((30, 30))
    anchors = segments.take(np.zeros((1000, 1), int))
    shifted = apply(FrequencyShift(2), anchors, segments)
    known = {
        rolled(anchors.X[0, 0], n, segments.scaler.silence).tobytes(): n
        for n in range(-2, 3)
    }
    assert len(known) == 5
    counts = np.bincount([known[X.tobytes()] + 2 for X in shifted.X[:, 0]])
    assert (np.abs(counts - 200) < 5 * np.sqrt(200)).all()


def test_one_band_always_stays():
    segments = make_segments((30, 30))
    anchors = make_units(segments, n=300)
    shifted = apply(FrequencyShift(100), anchors, segments)
    is_silent = shifted.X == segments.scaler.silence[:, None]
    assert not is_silent.all(axis=(1, 2, 3)).any()


# --- energies


def test_gain_in_decibels_on_energies_above_silence():
    segments = make_segments()
    anchors = make_units(segments, n=400, k=2)
    before = energies(anchors, segments)
    after = energies(apply(Gain(5), anchors, segments), segments)
    decibels = np.full(before.shape[:2], np.nan)
    for i in np.ndindex(decibels.shape):
        clear = loud(before[i])
        gains = 10 * np.log10(after[i][clear] / before[i][clear])
        assert np.ptp(gains) < 0.02  # one gain for the whole segment
        decibels[i] = gains.mean()
    assert np.abs(decibels).max() < 5.01
    assert abs(decibels.mean()) < 5 * 5 / np.sqrt(3 * 800)
    assert abs(decibels.std() / (5 / np.sqrt(3)) - 1) < 0.1


def test_silence_has_no_gain():
    silent = np.full((N_FEATURES, LENGTH), -9.0)
    noise = np.random.default_rng(0).normal(-4, 1, (N_FEATURES, LENGTH))
    segments = SegmentedClips.from_arrays([silent, noise], segment_length=LENGTH)
    anchors = segments.take(np.array([[0], [1]]))
    for transformation in (Gain(20), Equalizer(20)):
        changed = apply(transformation, anchors, segments)
        np.testing.assert_allclose(changed.X[0], anchors.X[0], atol=1e-5)
        assert (changed.X[1] != anchors.X[1]).any()


def test_equalizer_interpolates_decibels_between_its_nodes():
    n_bands = 9
    X = np.random.default_rng(0).normal(3, 1, (2, n_bands, LENGTH))
    segments = SegmentedClips.from_arrays(X, segment_length=LENGTH)
    anchors = segments.take(np.array([[0, 0], [1, 1]]))
    before = energies(anchors, segments)
    after = energies(apply(Equalizer(6, n_nodes=3), anchors, segments), segments)
    nodes = np.random.default_rng(0).uniform(-6, 6, (4, 3))
    ratio = np.where(before > 0.5, after / np.maximum(before, 0.5), np.nan)
    gains = np.nanmean(10 * np.log10(ratio), axis=3).reshape(4, n_bands)
    # nodes lie on bands 0, 4 and 8
    np.testing.assert_allclose(gains[:, [0, 4, 8]], nodes, atol=0.02)
    first, second, last = nodes.T
    np.testing.assert_allclose(gains[:, 1], (3 * first + second) / 4, atol=0.02)
    np.testing.assert_allclose(gains[:, 6], (second + last) / 2, atol=0.02)


def test_an_equalizer_of_one_node_is_a_gain():
    segments = make_segments()
    anchors = make_units(segments)
    one = apply(Equalizer(6, n_nodes=1), anchors, segments)
    np.testing.assert_allclose(one.X, apply(Gain(6), anchors, segments).X, atol=1e-5)


def test_energies_are_mixed_at_the_ratio():
    segments = make_segments((30, 30, 30))
    anchors = segments.take(np.arange(9)[:, None])
    before = energies(anchors, segments)
    mixing = EnergyMixing(max_ratio=0.5, probability=1)
    after = energies(apply(mixing, anchors, segments), segments)
    rng = np.random.default_rng(0)
    partners, ratios = rng.permutation(9), rng.uniform(0, 0.5, 9)
    for i, (partner, ratio) in enumerate(zip(partners, ratios, strict=True)):
        scale = ratio * before[i].sum() / before[partner].sum()
        expected = before[i] + scale * before[partner]
        np.testing.assert_allclose(after[i], expected, rtol=1e-3, atol=1e-6)
        assert after[i].sum() / before[i].sum() == pytest.approx(1 + ratio, rel=1e-3)


def test_mixing_happens_with_the_probability():
    segments = make_segments((30, 30))
    anchors = make_units(segments, n=1000)
    for probability in (0, 0.3):
        changed = apply(EnergyMixing(probability=probability), anchors, segments)
        difference = np.abs(changed.X - anchors.X).max(axis=(1, 2, 3))
        mixed = (difference > 1e-3).mean()
        slack = 0.09 if probability else 1e-9
        assert abs(mixed - probability) < slack


def test_silence_is_mixed_in_without_harm():
    silent = np.full((N_FEATURES, LENGTH), -9.0)
    noise = np.random.default_rng(0).normal(-4, 1, (N_FEATURES, LENGTH))
    segments = SegmentedClips.from_arrays([silent, noise], segment_length=LENGTH)
    anchors = segments.take(np.array([[0], [0], [0]]))
    changed = apply(EnergyMixing(probability=1), anchors, segments)
    np.testing.assert_allclose(changed.X, anchors.X, atol=1e-5)


@pytest.mark.parametrize("offset", [200.0, 1e4])
def test_features_that_are_no_logarithms_do_not_overflow(offset):
    X = np.random.default_rng(0).normal(size=(3, N_FEATURES, LENGTH)) * 30 + offset
    segments = SegmentedClips.from_arrays(X, segment_length=LENGTH)
    anchors = segments.take(np.arange(3)[:, None])
    chain = Chain([Gain(), Equalizer(), EnergyMixing(probability=1)])
    apply(chain, anchors, segments)
    gain = apply(Gain(3), anchors, segments)
    loudest = anchors.X.argmax()
    shift = (gain.X - anchors.X).ravel()[loudest] * segments.scaler.scale.max()
    assert abs(shift) <= 3 * np.log(10) / 10 * 1.3


# --- masks and noise


def extent(hidden):
    """Return first and number of hidden places, which must be neighbours."""
    places = np.flatnonzero(hidden)
    if not len(places):
        return 0, 0
    assert len(places) == places[-1] - places[0] + 1
    return places[0], len(places)


def test_time_mask_hides_one_stretch_anywhere():
    segments = make_segments((40, 40), segment_length=40)
    anchors = segments.take(np.zeros((2000, 1), int))
    masked = apply(TimeMask(0.25), anchors, segments).X[:, 0]
    hidden = (masked == 0).all(axis=1)
    np.testing.assert_array_equal(masked, np.where(hidden[:, None], 0, anchors.X[:, 0]))
    found = np.array([extent(row) for row in hidden])
    assert found[:, 1].max() == 10
    assert abs(found[:, 1].mean() - 5) < 0.3
    # from the first frame to the last
    assert hidden.any(axis=0).all()
    assert hidden.mean(axis=0)[10:30].std() < 0.02


def test_a_time_mask_stays_within_the_valid_frames():
    segments = make_segments((6, 40), segment_length=40)
    anchors = segments.take(np.zeros((500, 1), int))
    masked = apply(TimeMask(0.5), anchors, segments).X[:, 0]
    hidden = (masked[:, :, :6] == 0).all(axis=1)
    assert hidden.sum(axis=1).max() == 3
    assert hidden.any(axis=0).all()


def test_frequency_mask_hides_neighbouring_features():
    segments = make_segments((LENGTH, LENGTH))
    anchors = segments.take(np.zeros((2000, 1), int))
    masked = apply(FrequencyMask(0.5), anchors, segments).X[:, 0]
    hidden = (masked == 0).all(axis=2)
    np.testing.assert_array_equal(
        masked, np.where(hidden[:, :, None], 0, anchors.X[:, 0])
    )
    found = np.array([extent(row) for row in hidden])
    assert found[:, 1].max() == N_FEATURES // 2
    assert abs(found[:, 1].mean() - N_FEATURES / 4) < 0.2
    assert hidden.any(axis=0).all()


def test_feature_dropout_hides_each_feature_by_itself():
    segments = make_segments((LENGTH, LENGTH))
    anchors = segments.take(np.zeros((4000, 1), int))
    masked = apply(FeatureDropout(0.4), anchors, segments).X[:, 0]
    hidden = (masked == 0).all(axis=2)
    np.testing.assert_array_equal(
        masked, np.where(hidden[:, :, None], 0, anchors.X[:, 0])
    )
    assert np.abs(hidden.mean(axis=0) - 0.2).max() < 5 * np.sqrt(0.16 / 4000)
    # not neighbours: beside a hidden feature, hidden is hardly more probable
    both = (hidden[:, 0] & hidden[:, 1]).mean()
    both_far = (hidden[:, 0] & hidden[:, -1]).mean()
    assert abs(both - both_far) < 0.02


def test_neighbor_mixing_moves_towards_each_of_the_nearest():
    # on a line: the two nearest of 0 are 1 and 3, those of 100 are 3 and 1
    X = np.array([[0.0], [1.0], [3.0], [100.0]])
    segments = SegmentedClips.from_arrays(X)
    anchors = segments.take(np.repeat([0, 3], 2000)[:, None])
    mixed = apply(NeighborMixing(n_neighbors=2), anchors, segments)
    places = segments.scaler.inverse_transform(mixed.X)[:, 0, 0, 0]
    low, high = places[:2000], places[2000:]
    assert low.min() > -1e-5 and low.max() < 3 + 1e-5
    # uniform on the way to either, each as likely: means of 0.5 and 1.5
    assert np.mean(low < 1) == pytest.approx(1 / 2 + 1 / 6, abs=0.05)
    assert low.mean() == pytest.approx((0.5 + 1.5) / 2, abs=0.08)
    assert high.min() > 1 - 1e-5 and high.max() < 100 + 1e-4
    assert high.mean() == pytest.approx((50.5 + 51.5) / 2, abs=3)


def test_neighbor_mixing_passes_over_what_is_labeled_otherwise():
    # on a line, from left to right: a, b, unlabeled, and an a that is far
    X = np.array([[0.0], [1.0], [3.0], [100.0]])
    segments = SegmentedClips.from_arrays(X, ["a", "b", -1, "a"])
    anchors = segments.take(np.repeat([0, 1, 2], 1000)[:, None])
    mixed = apply(NeighborMixing(n_neighbors=2), anchors, segments)
    places = segments.scaler.inverse_transform(mixed.X)[:, 0, 0, 0].reshape(3, -1)
    # the first a goes to the right as far as the unlabeled, b only there
    assert -1e-5 < places[0].min() and 2.5 < places[0].max() < 3 + 1e-5
    assert places[0].mean() == pytest.approx(1.5, abs=0.1)
    assert 1 - 1e-5 < places[1].min() and 2.5 < places[1].max() < 3 + 1e-5
    # of what is not labeled any neighbour will do
    assert places[2].min() < 0.5
    # one that has no other neighbour stays as it is
    mixed = apply(NeighborMixing(n_neighbors=1), anchors, segments)
    np.testing.assert_array_equal(mixed.X[:2000], anchors.X[:2000])


def test_neighbor_mixing_finds_what_a_plain_search_finds():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4))
    segments = SegmentedClips.from_arrays(X)
    Z = np.array([segments.scaler.transform(row[:, None])[:, 0] for row in X])
    distances = np.square(Z[:, None] - Z).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argmin(axis=1)
    # in two batches: what was searched once is found again
    for rows in (np.arange(20), np.arange(10, 30)):
        anchors = segments.take(rows[:, None])
        mixed = apply(NeighborMixing(n_neighbors=1), anchors, segments)
        steps = mixed.X[:, 0, :, 0] - Z[rows]
        ways = Z[nearest[rows]] - Z[rows]
        shares = (steps * ways).sum(axis=1) / np.square(ways).sum(axis=1)
        np.testing.assert_allclose(steps, shares[:, None] * ways, atol=1e-5)
        assert shares.min() >= 0 and shares.max() <= 1
        assert shares.std() > 0.1


def test_neighbor_mixing_repeats_a_shorter_neighbor_and_pads_as_before():
    X = [np.full((2, 6), 1.0), np.full((2, 2), 2.0), np.full((2, 6), 90.0)]
    segments = SegmentedClips.from_arrays(X, segment_length=6)
    anchors = segments.take(np.arange(3)[:, None])
    mixed = apply(NeighborMixing(n_neighbors=1), anchors, segments)
    values = segments.scaler.inverse_transform(mixed.X[:2, 0])
    # each is the other's neighbour, and moved as a whole
    assert np.ptp(values[0], axis=1).max() < 1e-4
    assert 1 < values[0, 0, 0] < 2 and 1 < values[1, 0, 0] < 2
    np.testing.assert_array_equal(mixed.X[1, 0][:, 2:], 0)


def test_noise_is_of_random_strength():
    segments = make_segments((LENGTH, LENGTH))
    anchors = segments.take(np.zeros((1000, 1), int))
    noise = apply(RandomNoise(0.6), anchors, segments).X - anchors.X
    sigmas = noise.std(axis=(1, 2, 3))
    assert sigmas.max() < 0.6 * 1.25
    assert abs(sigmas.mean() - 0.3) < 0.03
    assert abs(sigmas.std() - 0.6 / np.sqrt(12)) < 0.03
    assert abs((noise / sigmas[:, None, None, None]).mean()) < 0.02


# --- several


class Raised(Transformation):
    """Adds a number, in the order that a chain must keep; suits one clip or all."""

    def __init__(self, factor=1.0, number=0.0, clip=None):
        self.factor = factor
        self.number = number
        self.clip = clip

    def applies_to(self, anchors, segments):
        return (anchors.clips == self.clip) | (self.clip is None)

    def apply(self, anchors, segments, rng):
        X = (self.factor * anchors.X + self.number) * anchors.valid
        return replace(anchors, X=X.astype(np.float32))


def test_a_chain_goes_in_order_and_passes_by_what_it_does_not_suit():
    segments = make_segments()
    anchors = make_units(segments)
    chain = Chain([Raised(number=1), Raised(factor=3, clip=1), Raised(number=2)])
    expected = anchors.X + 1
    expected[anchors.clips == 1] *= 3
    expected = (expected + 2) * anchors.valid
    changed = apply(chain, anchors, segments)
    np.testing.assert_allclose(changed.X, expected, rtol=1e-6)
    np.testing.assert_array_equal(chain.applies_to(anchors, segments), True)
    one = Chain([Raised(clip=1), Raised(clip=2)])
    found = one.applies_to(anchors, segments)
    np.testing.assert_array_equal(found, np.isin(anchors.clips, [1, 2]))


def test_a_chain_is_its_parts_in_turn_but_for_rounding():
    segments = make_segments()
    anchors = make_units(segments, k=2)
    parts = [
        FrequencyShift(2),
        EnergyMixing(probability=1),
        Gain(),
        EnergyMixing(probability=1),
        Equalizer(),
        RandomNoise(),
    ]
    rng, in_turn = np.random.default_rng(0), anchors
    for part in parts:
        in_turn = part.apply(in_turn, segments, rng)
    at_once = apply(Chain(parts), anchors, segments)
    # what is near to silence is rounding of the floor
    np.testing.assert_allclose(at_once.X, in_turn.X, atol=2e-3)
    assert np.abs(at_once.X - in_turn.X).mean() < 1e-5


def test_energy_changes_go_through_the_logarithm_once():
    class Counting(EnergyTransformation):
        exits = 0

        def apply(self, anchors, segments, rng):
            Counting.exits += 1
            return super().apply(anchors, segments, rng)

        def change(self, energies, lengths, rng):
            return 2 * energies

    segments = make_segments((30, 30))
    anchors = make_units(segments)
    # an apply of its own must be called, and is in no other's
    chain = Chain([Gain(0), Counting(), Gain(0)])
    doubled = energies(apply(chain, anchors, segments), segments)
    assert Counting.exits == 1
    before = energies(anchors, segments)
    clear = loud(before)
    np.testing.assert_allclose(doubled[clear] / before[clear], 2, rtol=1e-2)


def test_one_of_draws_each_as_often_among_those_that_suit():
    segments = make_segments()
    anchors = make_units(segments, n=3000)
    choice = OneOf([Raised(number=10), Raised(number=20), Raised(number=30, clip=2)])
    added = apply(choice, anchors, segments).X - anchors.X
    added = np.rint(added[:, 0, 0, 0]).astype(int)
    elsewhere = added[anchors.clips != 2]
    assert set(elsewhere) == {10, 20}
    assert abs((elsewhere == 10).mean() - 0.5) < 0.06
    for number in (10, 20, 30):
        share = (added[anchors.clips == 2] == number).mean()
        assert abs(share - 1 / 3) < 0.09


@each
def test_copies_are_clones(transformation):
    assert repr(clone(transformation)) == repr(transformation)


# --- refusals


@pytest.mark.parametrize(
    ("transformation", "sentence"),
    [
        (
            RandomCrop(n_frames=0),
            "The 'n_frames' parameter of RandomCrop must be an integer in [1, inf). "
            "Got 0 instead.",
        ),
        (
            RandomCrop(stretch=-0.1),
            "The 'stretch' parameter of RandomCrop must be a number in [0, inf). "
            "Got -0.1 instead.",
        ),
        (
            FrequencyShift(1.5),
            "The 'max_bins' parameter of FrequencyShift must be an integer in [0, "
            "inf). Got 1.5 instead.",
        ),
        (
            Gain(-1),
            "The 'max_decibels' parameter of Gain must be a number in [0, inf). Got "
            "-1 instead.",
        ),
        (
            Equalizer(n_nodes=0),
            "The 'n_nodes' parameter of Equalizer must be an integer in [1, inf). Got "
            "0 instead.",
        ),
        (
            EnergyMixing(probability=1.1),
            "The 'probability' parameter of EnergyMixing must be a number in [0, 1]. "
            "Got 1.1 instead.",
        ),
        (
            EnergyMixing(max_ratio="much"),
            "The 'max_ratio' parameter of EnergyMixing must be a number in [0, inf). "
            "Got 'much' instead.",
        ),
        (
            TimeMask(2),
            "The 'max_fraction' parameter of TimeMask must be a number in [0, 1]. Got "
            "2 instead.",
        ),
        (
            FrequencyMask(-1),
            "The 'max_fraction' parameter of FrequencyMask must be a number in [0, 1]. "
            "Got -1 instead.",
        ),
        (
            NeighborMixing(0),
            "The 'n_neighbors' parameter of NeighborMixing must be an integer in [1, "
            "inf). Got 0 instead.",
        ),
        (
            FeatureDropout(None),
            "The 'max_fraction' parameter of FeatureDropout must be a number in [0, "
            "1]. Got None instead.",
        ),
        (
            RandomNoise(-1),
            "The 'max_sigma' parameter of RandomNoise must be a number in [0, inf). "
            "Got -1 instead.",
        ),
        (
            GaussianNoise(-1),
            "The 'sigma' parameter of GaussianNoise must be a number in [0, inf). Got "
            "-1 instead.",
        ),
        (
            Chain([]),
            "The 'transformations' parameter of Chain must be a list of one or more "
            "Transformation, such as [GaussianNoise()]. Got [] instead.",
        ),
        (
            OneOf([Chain([Gain, TimeMask()])]),
            "The 'transformations' parameter of Chain must be a list of one or more "
            "Transformation, such as [GaussianNoise()]. Got [<class "
            "'sklearn_triplet._sampling.augmentations.Gain'>, TimeMask()] instead.",
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_what_is_out_of_range_is_refused_before_the_fit(transformation, sentence):
    X, y = np.zeros((4, 3, 20)), [0, 0, 1, 1]
    with pytest.raises(ValueError, match=whole(sentence)):
        TripletTagger(augmentation=transformation).fit(X, y)
    selector = Transformed([transformation])
    with pytest.raises(ValueError, match=whole(sentence)):
        selector.prepare(make_segments(), np.arange(3))


def test_an_energy_transformation_of_ones_own_must_define_change():
    segments = make_segments()
    with pytest.raises(TypeError, match="EnergyTransformation must define change"):
        EnergyTransformation().apply(
            make_units(segments), segments, np.random.default_rng(0)
        )
