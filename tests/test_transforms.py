"""The four transformations of section 2.3 against their formulas."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_triplet import (
    ExampleMixing,
    GaussianNoise,
    SegmentedClips,
    TemporalProximity,
    TimeFrequencyShift,
    Transformation,
    Transformed,
    TripletEmbedder,
)
from sklearn_triplet._sampling.transforms import mix_energies

N_FEATURES, LENGTH = 6, 8


def cut(arrays, segment_length=LENGTH):
    return SegmentedClips.from_arrays(list(arrays), segment_length=segment_length)


def make_segments(lengths=(24, 16, 5, 8), seed=0):
    rng = np.random.default_rng(seed)
    return cut([rng.normal(-3, 2, (N_FEATURES, n)) for n in lengths])


def repeat(segments, segment, n):
    return segments.take(np.full((n, 1), segment))


def all_units(segments):
    return segments.take(np.arange(len(segments))[:, None])


def apply(transformation, anchors, segments, seed=0):
    before = anchors.X.copy()
    rng = np.random.default_rng(seed)
    positives = transformation.apply(anchors, segments, rng)
    np.testing.assert_array_equal(anchors.X, before)  # an anchor is never overwritten
    assert positives.X.shape == anchors.X.shape
    assert positives.X.dtype == np.float32
    np.testing.assert_array_equal(positives.clips, anchors.clips)
    return positives


def assert_padding_is_zero(units):
    frames = np.arange(units.X.shape[-1])
    beyond = frames >= units.lengths[..., None, None]
    beyond = np.broadcast_to(beyond, units.X.shape)
    assert beyond.any()
    assert not units.X[beyond].any()


# --- Gaussian noise


@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_noise_has_the_standard_deviation(sigma):
    segments = make_segments()
    anchors = repeat(segments, 0, 400)
    noise = apply(GaussianNoise(sigma), anchors, segments).X - anchors.X
    n = noise.size
    assert abs(noise.std() / sigma - 1) < 5 / np.sqrt(2 * n)
    assert abs(noise.mean() / sigma) < 5 / np.sqrt(n)
    assert abs(np.mean((noise / sigma) ** 4) - 3) < 0.3  # Gaussian, not uniform
    per_value = noise.std(axis=0) / sigma
    assert (np.abs(per_value - 1) < 0.25).all()


def test_noise_leaves_padding_zero():
    segments = make_segments()
    assert_padding_is_zero(apply(GaussianNoise(), all_units(segments), segments))


def test_noise_default_is_the_papers():
    assert GaussianNoise().sigma == 0.5
    assert TimeFrequencyShift().max_bins == 10
    assert ExampleMixing().alpha == 0.25
    assert TemporalProximity().max_frames == 1000


# --- time and frequency shift


def shifted(anchor, n_frames, n_bins, silence):
    """Apply the definition, value by value."""
    result = np.repeat(silence[:, None], anchor.shape[1], axis=1)
    for band in range(len(anchor)):
        for frame in range(anchor.shape[1]):
            if 0 <= band + n_bins < len(anchor):
                target = (frame + n_frames) % anchor.shape[1]
                result[band + n_bins, target] = anchor[band, frame]
    return result


def find_shifts(transformation, segments, segment, n):
    """Count how often each (time, frequency) shift was made; each must be a shift."""
    anchors = repeat(segments, segment, n)
    length, silence = anchors.lengths[0, 0], segments.scaler.silence
    anchor = anchors.X[0, 0][:, :length]
    size = transformation.max_bins
    shifts = [(t, s) for t in range(length) for s in range(-size, size + 1)]
    known = {shifted(anchor, t, s, silence).tobytes(): (t, s) for t, s in shifts}
    assert len(known) == len(shifts)
    positives = apply(transformation, anchors, segments)
    counts = dict.fromkeys(shifts, 0)
    for X in positives.X[:, 0, :, :length]:
        counts[known[X.tobytes()]] += 1
    return np.array(list(counts.values())).reshape(length, 2 * size + 1)


def test_every_shift_in_time_and_frequency_is_as_likely():
    segments = make_segments()
    n = 8000
    counts = find_shifts(TimeFrequencyShift(max_bins=3), segments, 1, n)
    assert counts.shape == (LENGTH, 7)
    for axis in (0, 1):
        found = counts.sum(axis=axis)
        expected = n / len(found)
        assert (np.abs(found - expected) < 5 * np.sqrt(expected)).all()
    expected = n / counts.size
    assert ((counts - expected) ** 2 / expected).sum() < 110  # 55 degrees of freedom


def test_only_the_valid_frames_are_rotated():
    segments = make_segments()
    padded = int(np.flatnonzero(segments.length == 5)[0])
    counts = find_shifts(TimeFrequencyShift(max_bins=2), segments, padded, 1000)
    assert counts.shape == (5, 5)
    assert counts.min() > 0
    shift = TimeFrequencyShift(max_bins=2)
    assert_padding_is_zero(apply(shift, all_units(segments), segments))


def test_freed_bands_are_the_lowest_value_of_the_band():
    arrays = [np.full((3, 4), -2.0), np.arange(12.0).reshape(3, 4)]
    segments = cut(arrays, 4)
    raw = segments.scaler.inverse_transform(segments.scaler.silence[:, None])
    np.testing.assert_allclose(raw, np.full((3, 1), -2.0), atol=1e-6)


def test_a_single_frame_cannot_be_shifted():
    segments = cut([np.ones((3, 1)), np.arange(12.0).reshape(3, 4)], 4)
    applies = TimeFrequencyShift().applies_to(all_units(segments), segments)
    np.testing.assert_array_equal(applies, [False, True])


# --- temporal proximity


def test_near_segment_is_another_of_the_clip():
    segments = make_segments((80, 16))
    near = TemporalProximity(max_frames=25)
    anchors = repeat(segments, 4, 3000)
    positives = apply(near, anchors, segments)
    ids = positives.segments[:, 0]
    assert set(ids) == {1, 2, 3, 5, 6, 7}
    assert (np.abs(np.bincount(ids)[[1, 2, 3, 5, 6, 7]] - 500) < 130).all()
    expected = segments.take(positives.segments).X
    np.testing.assert_array_equal(positives.X, expected)


def test_time_difference_is_smaller_than_the_limit():
    segments = make_segments((80, 16))
    positives = apply(TemporalProximity(24), repeat(segments, 4, 500), segments)
    assert set(positives.segments[:, 0]) == {2, 3, 5, 6}


def test_anchors_without_a_near_segment():
    segments = make_segments((24, 8, 5))
    anchors = all_units(segments)
    several = [True, True, True, False, False]
    for limit, expected in ((1000, several), (9, several), (8, [False] * 5)):
        applies = TemporalProximity(limit).applies_to(anchors, segments)
        np.testing.assert_array_equal(applies, expected)


# --- example mixing


def find_partner(raw, positive, anchor, alpha):
    """Find the segment n for which x_a + alpha E(x_a) / E(x_n) x_n is the positive."""
    energy = np.exp(anchor.astype(np.float64))
    matches = []
    for j, other in raw.items():
        added = np.exp(np.resize(other.T, anchor.T.shape).T.astype(np.float64))
        mixed = energy + alpha * energy.sum() / added.sum() * added
        if np.allclose(np.log(mixed), positive, atol=1e-4):
            matches.append(j)
    (match,) = matches
    return match


@pytest.mark.parametrize("alpha", [0.25, 1.0])
def test_mixing_is_the_formula_in_energies(alpha):
    segments = make_segments()
    raw = {}
    for j in range(len(segments)):
        begin, length = segments.start[j], segments.length[j]
        raw[j] = segments.clips[segments.clip_of[j]][:, begin : begin + length]
    anchors = segments.take(np.repeat(np.arange(len(segments)), 40)[:, None])
    positives = apply(ExampleMixing(alpha), anchors, segments)
    assert_padding_is_zero(positives)
    mixed = segments.scaler.inverse_transform(positives.X[:, 0])
    partners = {j: [] for j in raw}
    for j, X in zip(anchors.segments[:, 0], mixed, strict=True):
        valid = X[:, : segments.length[j]]
        partners[j].append(find_partner(raw, valid, raw[j], alpha))
    for j, found in partners.items():
        other_clips = np.flatnonzero(segments.clip_of != segments.clip_of[j])
        assert set(found) == set(other_clips)


def test_partner_is_uniform_over_the_segments_of_other_clips():
    segments = make_segments((24, 16, 5, 8))
    anchors = repeat(segments, 3, 5000)  # of clip 1, in the middle
    rng = np.random.default_rng(0)
    drawn = ExampleMixing()._draw_other_clips(anchors, segments, rng)
    counts = np.bincount(drawn.segments[:, 0], minlength=len(segments))
    np.testing.assert_array_equal(counts[[3, 4]], [0, 0])
    assert (np.abs(np.delete(counts, [3, 4]) - 1000) < 150).all()


def test_mixing_equals_the_formula_far_from_zero():
    rng = np.random.default_rng(0)
    anchor, other = rng.normal(size=(2, 5, 7))
    linear = np.exp(anchor) + 0.3 * np.exp(anchor).sum() * (
        np.exp(other) / np.exp(other).sum()
    )
    for shift_anchor, shift_other in ((0, 0), (0, 90), (-90, 0), (900, 850)):
        mixed = mix_energies(anchor + shift_anchor, other + shift_other, 0.3)
        np.testing.assert_allclose(mixed - shift_anchor, np.log(linear), atol=1e-9)


def test_frames_that_are_no_energies_are_not_drowned_by_a_huge_feature():
    # 1e18 in one feature of one clip: as energies, e^1e18 times as loud as the other
    usual, huge = np.random.default_rng(0).normal(size=(2, N_FEATURES, LENGTH))
    huge[-1] = 1e18
    segments = cut([usual, huge])
    X = apply(ExampleMixing(), all_units(segments), segments).X[:, 0]
    assert np.abs(X[:, :-1]).max() < 1000  # deviations
    embedder = TripletEmbedder("s1", segment_length=4, max_epochs=3, random_state=0)
    assert np.isfinite(embedder.fit_transform([usual, huge] * 4)[0]).all()


def test_digital_silence_can_be_mixed():
    floor = np.log(1e-10)
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 2, (N_FEATURES, LENGTH))
    silent = np.full((N_FEATURES, LENGTH), floor)
    segments = cut([sound, silent])
    anchors = all_units(segments)
    X = apply(ExampleMixing(0.25), anchors, segments).X[:, 0]
    X = segments.scaler.inverse_transform(X)
    assert np.isfinite(X).all()
    level = 0.25 * np.exp(sound).mean()
    np.testing.assert_allclose(X[0], np.log(np.exp(sound) + level), atol=1e-4)
    # a silent anchor remains as silent as 1.25 of it
    energy = np.exp(X[1].astype(np.float64)).sum() / (silent.size * np.exp(floor))
    assert energy == pytest.approx(1.25, rel=1e-3)


def test_rows_of_a_table_hold_no_energies():
    segments = cut([np.arange(3.0)[:, None] + i for i in range(4)], 96)
    anchors = all_units(segments)
    assert not ExampleMixing().applies_to(anchors, segments).any()
    assert not TimeFrequencyShift().applies_to(anchors, segments).any()
    assert not TemporalProximity().applies_to(anchors, segments).any()
    assert GaussianNoise().applies_to(anchors, segments).all()


def test_there_must_be_another_clip_to_be_mixed_with():
    segments = make_segments((24,))
    assert not ExampleMixing().applies_to(all_units(segments), segments).any()


# --- units of two segments


def pair_up(segments, n=40):
    """Every segment n times as the first of two, of one clip."""
    ids = np.repeat(np.arange(len(segments)), n)
    units = segments.add_of_same_clip(ids, 2, np.random.default_rng(0))
    return segments.take(units)


def raw_segments(segments):
    raw = {}
    for j in range(len(segments)):
        begin, length = segments.start[j], segments.length[j]
        raw[j] = segments.clips[segments.clip_of[j]][:, begin : begin + length]
    return raw


def test_noise_differs_between_the_segments_of_a_unit():
    segments = make_segments()
    anchors = pair_up(segments)
    positives = apply(GaussianNoise(0.5), anchors, segments)
    assert_padding_is_zero(positives)
    noise = (positives.X - anchors.X)[:160]  # of full segments
    assert noise.std() == pytest.approx(0.5, rel=0.05)
    correlation = np.corrcoef(noise[:, 0].ravel(), noise[:, 1].ravel())[0, 1]
    assert abs(correlation) < 0.05


def test_each_segment_of_a_unit_is_shifted_by_itself():
    segments = make_segments()
    anchors = pair_up(segments, 20)
    positives = apply(TimeFrequencyShift(2), anchors, segments)
    assert_padding_is_zero(positives)
    n_alike = 0
    for unit, before, lengths in zip(
        positives.X, anchors.X, anchors.lengths, strict=True
    ):
        shifts = []
        for X, old, length in zip(unit, before, lengths, strict=True):
            found = [
                (t, s)
                for t in range(length)
                for s in range(-2, 3)
                if np.array_equal(
                    X[:, :length],
                    shifted(old[:, :length], t, s, segments.scaler.silence),
                )
            ]
            assert len(found) == 1
            shifts += found
        n_alike += shifts[0] == shifts[1]
    assert n_alike < 0.1 * len(anchors)


def test_near_segments_are_none_of_the_unit_and_not_taken_twice():
    segments = make_segments((40, 24, 16, 5))  # 5, 3, 2 and 1 segments
    anchors = pair_up(segments)
    near = TemporalProximity(17)  # at most two segments away
    applies = near.applies_to(anchors, segments)
    for clip, expected in enumerate(({True}, {True}, {False}, {False})):
        assert set(applies[anchors.clips == clip]) == expected
    anchors = anchors.take(applies)
    positives = apply(near, anchors, segments)
    np.testing.assert_array_equal(positives.X, segments.take(positives.segments).X)
    for unit, found, clip in zip(
        anchors.segments, positives.segments, anchors.clips, strict=True
    ):
        assert not set(unit) & set(found)
        assert (segments.clip_of[found] == clip).all()
        assert (np.abs(found - unit) <= 2).all()
    # the only other one of clip 1 is taken for both, of clip 0 seldom the same
    same = positives.segments[:, 0] == positives.segments[:, 1]
    assert same[anchors.clips == 1].all()
    assert not same[anchors.clips == 0].all()


def test_a_segment_without_a_near_one_outside_of_its_unit():
    segments = make_segments((40,))
    anchors = segments.take(np.array([[0, 1], [0, 2], [1, 3]]))
    # next to 0 there is only 1
    applies = TemporalProximity(9).applies_to(anchors, segments)
    np.testing.assert_array_equal(applies, [False, True, True])


def test_the_segments_of_a_unit_are_mixed_with_one_other_clip():
    segments = make_segments()
    raw = raw_segments(segments)
    anchors = pair_up(segments)
    positives = apply(ExampleMixing(0.25), anchors, segments)
    assert_padding_is_zero(positives)
    seen = set()
    for i in range(len(anchors)):
        partners = []
        for j, X, length in zip(
            anchors.segments[i], positives.X[i], anchors.lengths[i], strict=True
        ):
            mixed = segments.scaler.inverse_transform(X)[:, :length]
            partners.append(find_partner(raw, mixed, raw[j], 0.25))
        clips = segments.clip_of[partners]
        assert clips[0] == clips[1] != anchors.clips[i]
        assert len(set(partners)) == min(segments.count[clips[0]], 2)
        seen.add((anchors.clips[i], clips[0]))
    assert len(seen) == 12  # each clip with each other one


# --- of one's own


class Mirror(Transformation):
    def apply(self, anchors, segments, rng):
        return replace(anchors, X=-anchors.X)


def test_a_transformation_of_ones_own():
    segments = make_segments()
    anchors = all_units(segments)
    selector = clone(Transformed([Mirror()]))
    positives = selector.select(anchors, segments, np.random.default_rng(0))
    np.testing.assert_array_equal(positives.X, -anchors.X)
    assert not positives.substituted.any()


def test_a_transformation_without_apply_says_so():
    class Nothing(Transformation):
        pass

    segments = make_segments()
    with pytest.raises(TypeError, match=r"^Nothing must define apply\(\)\.$"):
        Nothing().apply(all_units(segments), segments, np.random.default_rng(0))
