"""Positives of Table 1: a shared label, a transformed copy, the nearest segment."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import LENGTH, make_segments, select, whole

from sklearn_triplet import (
    GaussianNoise,
    PositiveSelector,
    SameLabel,
    TemporalProximity,
    Transformation,
    Transformed,
)
from sklearn_triplet._sampling.positives import check_positives

SINGLE = {
    "first": [-1, -1, -1, 0, 0, 0, 1, 1, 2],
    "last": [0, 0, 0, 1, 1, 2, -1, -1, -1],
    "mixed": [0, -1, 1, 0, -1, 2, 1, -1, 0],
}
MULTI = {  # one clip a word; ? is unknown
    "first": "??? ??? 110 010 100 001",
    "last": "110 011 001 100 ??? ???",
    "unknown": "1?0 ?10 11? ??? 001 ?01",
    "no event": "000 110 000 ??? 010 ?00",
}
INDICATORS = {
    key: [[-1 if c == "?" else int(c) for c in clip] for clip in clips.split()]
    for key, clips in MULTI.items()
}
LABELS = [*SINGLE.values(), *INDICATORS.values()]
IDS = [f"single {key}" for key in SINGLE] + [f"multi {key}" for key in MULTI]


def classes_of(y, clip):
    """The classes that are known to be present."""
    row = y[clip]
    if np.ndim(row) == 0:
        return set() if row == -1 else {row}
    return {c for c, value in enumerate(row) if value == 1}


def partners_of(y, clip):
    own = classes_of(y, clip)
    return [j for j in range(len(y)) if j != clip and own & classes_of(y, j)]


# --- same label


@pytest.mark.parametrize("y", LABELS, ids=IDS)
def test_partner_shares_a_known_class_and_is_another_clip(y):
    segments = make_segments([13] * len(y), y)
    ids = np.flatnonzero(segments.labels.labeled[segments.clip_of])
    ids = np.repeat(ids, 300)
    found = select(SameLabel(), segments, ids)
    for clip in np.unique(segments.clip_of[ids]):
        rows = segments.clip_of[ids] == clip
        partners = partners_of(y, clip)
        assert set(found.substituted[rows]) == {not partners}
        assert set(found.clips[rows]) == set(partners or [clip])


def test_partner_clips_are_as_likely_however_long():
    y = [0, 1, -1, 0, 0, 1, 0]
    segments = make_segments([12, 12, 12, 60, 6, 12, 3], y)
    found = select(SameLabel(), segments, np.zeros(4000, dtype=int))
    counts = np.bincount(found.clips, minlength=len(y))
    np.testing.assert_array_equal(counts[[0, 1, 2, 5]], 0)
    expected = 4000 / 3
    assert ((counts[[3, 4, 6]] - expected) ** 2 / expected).sum() < 14  # 2 d.o.f.
    within = np.bincount(found.segments[found.clips == 3, 0])
    within = within[segments.first[3] :]
    assert len(within) == 10
    assert (np.abs(within - 133) < 60).all()


def test_partner_with_two_classes_in_common_is_not_preferred():
    y = [[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    segments = make_segments([6] * 5, y)
    found = select(SameLabel(), segments, np.zeros(3000, dtype=int))
    counts = np.bincount(found.clips, minlength=5)
    np.testing.assert_array_equal(counts[[0, 4]], 0)
    assert (np.abs(counts[1:4] - 1000) < 150).all()


def test_single_clip_of_a_class_gives_another_of_its_segments():
    segments = make_segments([12, 12, 30], [0, 0, 1])
    ids = [0] * 50 + [5] * 200
    found = select(SameLabel(), segments, ids)
    np.testing.assert_array_equal(found.substituted, np.array(ids) == 5)
    np.testing.assert_array_equal(found.X, segments.take(found.segments).X)
    assert set(found.clips[:50]) == {1}
    assert set(found.segments[50:, 0]) == {4, 6, 7, 8}


def test_own_segments_are_a_substitute_at_any_distance():
    segments = make_segments([6 * 400, 12, 12], [1, 0, 0])
    found = select(SameLabel(), segments, [0] * 300)
    assert found.segments.max() * LENGTH > 1500


def test_single_segment_of_a_class_gives_a_transformed_copy():
    segments = make_segments([12, 12, 6], [0, 0, 1])
    anchor = segments.take(np.array([[4]])).X[0]
    found = select(SameLabel(), segments, [0] + [4] * 60)
    np.testing.assert_array_equal(found.substituted, [False] + [True] * 60)
    assert set(found.clips[1:]) == {2}
    changed = [not np.array_equal(X, anchor) for X in found.X[1:]]
    assert np.mean(changed) > 0.9  # a shift may be by nothing


# --- transformed


class Constant(Transformation):
    """Leaves a mark, so that a test sees which transformation was applied."""

    def __init__(self, value, least=0):
        self.value = value
        self.least = least

    def applies_to(self, anchors, segments):
        return anchors.clips >= self.least

    def apply(self, anchors, segments, rng):
        taken = anchors.take(np.arange(len(anchors)))
        taken.X[:] = self.value
        return taken


def test_each_transformation_is_as_likely():
    segments = make_segments([12, 12])
    selector = Transformed([Constant(i) for i in range(4)])
    found = select(selector, segments, np.zeros(4000, dtype=int))
    counts = np.bincount(found.X[:, 0, 0, 0].astype(int), minlength=4)
    assert ((counts - 1000) ** 2 / 1000).sum() < 17  # 3 degrees of freedom


def test_a_transformation_that_does_not_apply_is_never_drawn():
    segments = make_segments([12, 12, 12])
    selector = Transformed([Constant(0, least=2), Constant(1), Constant(2, least=1)])
    ids = np.repeat([0, 2, 4], 2000)
    marks = select(selector, segments, ids).X[:, 0, 0, 0].astype(int)
    for begin, allowed in ((0, [1]), (2000, [1, 2]), (4000, [0, 1, 2])):
        counts = np.bincount(marks[begin : begin + 2000], minlength=3)
        expected = 2000 / len(allowed)
        assert np.flatnonzero(counts).tolist() == allowed
        assert (np.abs(counts[allowed] - expected) < 150).all()


def test_default_is_the_four_of_the_paper():
    segments = make_segments([12, 12])
    anchor = segments.take(np.array([[0]])).X[0, 0]
    found = select(Transformed(), segments, np.zeros(4000, dtype=int))
    near = found.segments[:, 0] != 0
    frames = np.sort(found.X[:, 0], axis=2) - np.sort(anchor, axis=1)
    silent = segments.scaler.silence[:, None]
    kept = (np.abs(frames) < 1e-6).all(axis=2)
    empty = (found.X[:, 0] == silent).all(axis=2)
    moved = ~near & (kept | empty).any(axis=1)
    assert abs(near.sum() - 1000) < 150
    assert abs(moved.sum() - 1000) < 150
    difference = (found.X[:, 0] - anchor)[~near & ~moved]
    louder = (difference > 0).all(axis=(1, 2))  # mixing adds energy to every bin
    assert abs(louder.sum() - 1000) < 150
    assert difference[~louder].std() == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("given", [[], [GaussianNoise], GaussianNoise(), ["noise"]])
def test_refused_transformations(given):
    sentence = (
        "The 'transformations' parameter of Transformed must be None or a list of one "
        f"or more Transformation, such as [GaussianNoise()]. Got {given!r} instead."
    )
    segments = make_segments([12, 12])
    with pytest.raises(ValueError, match=whole(sentence)):
        Transformed(given).prepare(segments, np.arange(4))


def test_where_nothing_applies_the_anchor_itself_is_counted():
    segments = make_segments([6, 12])
    found = select(Transformed([TemporalProximity()]), segments, [0, 1])
    np.testing.assert_array_equal(found.substituted, [True, False])
    np.testing.assert_array_equal(found.segments[:, 0], [0, 2])


@pytest.mark.parametrize("selector", [Transformed(), SameLabel()])
def test_selection_is_repeatable(selector):
    segments = make_segments([13, 6, 20, 9], [0, 0, 1, -1])
    first, again, other = (select(selector, segments, [2] * 9, s).X for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


# --- units of two segments


def two_of_each(segments, n=50):
    ids = np.flatnonzero(segments.labels.labeled[segments.clip_of])
    rng = np.random.default_rng(0)
    return segments.add_of_same_clip(np.repeat(ids, n), 2, rng)


@pytest.mark.parametrize("y", LABELS, ids=IDS)
def test_partner_of_a_unit_is_one_other_clip(y):
    segments = make_segments([19] * len(y), y)
    ids = two_of_each(segments)
    found = select(SameLabel(), segments, ids)
    own = segments.clip_of[ids[:, 0]]
    np.testing.assert_array_equal(
        segments.clip_of[found.segments], np.repeat(found.clips[:, None], 2, axis=1)
    )
    for clip in np.unique(own):
        partners = partners_of(y, clip)
        assert set(found.clips[own == clip]) == set(partners or [clip])
        assert set(found.substituted[own == clip]) == {not partners}
    # three segments a clip: two different ones of a partner, the third of the own clip
    twice = found.segments[:, 0] == found.segments[:, 1]
    np.testing.assert_array_equal(twice, found.substituted)
    np.testing.assert_array_equal(found.X, segments.take(found.segments).X)


def test_unit_of_all_segments_of_a_lonely_clip_gives_a_transformed_copy():
    segments = make_segments([12, 12, 12], [0, 0, 1])
    found = select(SameLabel(), segments, [[0, 1]] * 20 + [[4, 5]] * 60)
    np.testing.assert_array_equal(found.substituted, [False] * 20 + [True] * 60)
    assert set(found.clips[:20]) == {1}
    assert set(found.clips[20:]) == {2}
    np.testing.assert_array_equal(found.segments[20:], [[4, 5]] * 60)
    anchor = segments.take(np.array([[4, 5]])).X[0]
    assert np.mean([not np.array_equal(X, anchor) for X in found.X[20:]]) > 0.9


def test_short_partner_of_a_unit_is_repeated_and_padded():
    segments = make_segments([13, 4, 13], [0, 0, 1])
    found = select(SameLabel(), segments, [[0, 1]] * 5)
    np.testing.assert_array_equal(found.segments, [[2, 2]] * 5)
    np.testing.assert_array_equal(found.lengths, [[4, 4]] * 5)
    assert not found.X[..., 4:].any()
    assert not found.substituted.any()


def test_all_segments_of_a_unit_get_one_kind_of_transformation():
    segments = make_segments([12, 12])
    selector = Transformed([Constant(i) for i in range(4)])
    found = select(selector, segments, [[0, 1]] * 400)
    marks = found.X[..., 0, 0]
    np.testing.assert_array_equal(marks[:, 0], marks[:, 1])
    assert set(marks.ravel()) == {0, 1, 2, 3}


def test_unit_to_which_nothing_applies_is_counted():
    segments = make_segments([12, 18])
    selector = Transformed([TemporalProximity()])
    found = select(selector, segments, [[0, 1], [2, 3]])
    np.testing.assert_array_equal(found.substituted, [True, False])
    np.testing.assert_array_equal(found.segments, [[0, 1], [4, 4]])


# --- what a selector returns


class Answers(PositiveSelector):
    """Returns whatever it is told to make of the anchors."""

    def __init__(self, make):
        self.make = make

    def select(self, anchors, segments, rng):
        return self.make(anchors, segments)


def with_field(name, change):
    def make(anchors, segments):
        return replace(anchors, **{name: change(getattr(anchors, name))})

    return make


WRONG_POSITIVES = {
    "must return Units, as segments.take(ids) and anchors.take(rows) do. Got an object "
    "of type ndarray instead.": lambda anchors, segments: anchors.X,
    "must return Units of numpy arrays. Got 'X' of type Tensor.": with_field(
        "X", torch.from_numpy
    ),
    "must return 'X' of dtype float32. Got float64: convert it by astype.": with_field(
        "X", lambda X: X.astype(float)
    ),
    "must return 'segments' of dtype int64. Got float64: convert it by astype.": (
        with_field("segments", lambda ids: ids * 1.0)
    ),
    "must return one positive per anchor: 'X' of shape (n_units, k, n_features, "
    "n_frames) = (3, 2, 4, 6). Got (2, 2, 4, 6).": lambda anchors, _: anchors.take(
        np.arange(2)
    ),
    "must return one positive per anchor: 'X' of shape (n_units, k, n_features, "
    "n_frames) = (3, 2, 4, 6). Got (3, 1, 4, 6).": lambda anchors, segments: (
        segments.take(anchors.segments[:, :1])
    ),
    "must return one positive per anchor: 'X' of shape (n_units, k, n_features, "
    "n_frames) = (3, 2, 4, 6). Got (3, 2, 3, 6).": with_field(
        "X", lambda X: X[:, :, 1:]
    ),
    "must return one positive per anchor: 'X' of shape (n_units, k, n_features, "
    "n_frames) = (3, 2, 4, 6). Got (3, 2, 4, 5).": with_field(
        "X", lambda X: X[..., 1:]
    ),
    "must return one positive per anchor: 'clips' of shape (n_units,) = (3,). Got "
    "(3, 1).": with_field("clips", lambda clips: clips[:, None]),
    "must return 'lengths' in [1, 6]. Got 7 to 7.": with_field(
        "lengths", lambda lengths: lengths * 0 + 7
    ),
    "must return 'clips' in [0, 3]. Got 1 to 4.": with_field(
        "clips", lambda clips: clips + 1
    ),
    "must return 'segments' in [0, 7]. Got -1 to 6.": with_field(
        "segments", lambda ids: ids - 1
    ),
    "must return units whose segments are all of the clip in 'clips'. Got others: "
    "choose ids of one clip in each row for segments.take(ids).": (
        lambda anchors, segments: segments.take(anchors.segments * [1, 0])
    ),
    "must return finite values. Got NaN or infinity in 2 of 3 units, first in unit "
    "1.": (
        with_field(
            "X", lambda X: X / np.array([1, 0, 0], np.float32)[:, None, None, None]
        )
    ),
    "must return zeros where a segment is padded, beyond its 'lengths'. Multiply X by "
    "units.valid.": with_field("X", lambda X: X + np.float32(1)),
}


@pytest.mark.filterwarnings("ignore:(divide|invalid value)")
@pytest.mark.parametrize("sentence", WRONG_POSITIVES)
def test_positives_that_are_none_are_refused(sentence):
    segments = make_segments([13, 5, 18, 15], [0, 0, 1, -1])
    anchors = segments.take(np.array([[0, 1], [2, 2], [7, 7]]))
    selector = Answers(WRONG_POSITIVES[sentence])
    check_positives(anchors, anchors, segments, selector)
    found = selector.select(anchors, segments, None)
    with pytest.raises(ValueError, match=whole(f"Answers.select {sentence}")):
        check_positives(found, anchors, segments, selector)
