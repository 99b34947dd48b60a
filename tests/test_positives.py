"""Positives of Table 1: a shared label, a transformed copy, the nearest segment."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from sklearn_triplet import (
    Nearest,
    SameLabel,
    SegmentedClips,
    TemporalProximity,
    Transformation,
    Transformed,
    positives,
)
from sklearn_triplet._labels import check_labels
from sklearn_triplet.segments import Clips, FrameScaler

N_FEATURES, LENGTH = 4, 6
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


def cut(arrays, y=None, segment_length=LENGTH):
    arrays = [np.asarray(a, dtype=np.float32) for a in arrays]
    clips = Clips(arrays, np.array([a.shape[1] for a in arrays]))
    labels = check_labels(y, len(clips), "Test")
    return SegmentedClips(clips, labels, FrameScaler.fit(clips), segment_length)


def make_segments(lengths, y=None, seed=0):
    rng = np.random.default_rng(seed)
    return cut([rng.normal(size=(N_FEATURES, n)) for n in lengths], y)


def select(selector, segments, ids, seed=0):
    anchors = segments.take(np.asarray(ids)[:, None])
    found = selector.select(anchors, segments, np.random.default_rng(seed))
    assert found.X.shape == anchors.X.shape
    assert len(found) == len(anchors)
    return found


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


# --- nearest


def naive_neighbors(segments, selector):
    """Sort all others by the distance over common frames, scaled to a segment."""
    units = segments.take(np.arange(len(segments))[:, None])
    X, lengths = units.X[:, 0].astype(np.float64), units.lengths[:, 0]
    common = np.minimum(lengths[:, None], lengths)
    neighbors = []
    for i, clip in enumerate(units.clips):
        distances = np.empty(len(X))
        for j, n in enumerate(common[i]):
            squares = np.square(X[i, :, :n] - X[j, :, :n]).sum()
            distances[j] = squares * segments.segment_length / n
        distances[units.clips == clip if selector.exclude_same_clip else i] = np.inf
        neighbors.append(np.argsort(distances)[: selector.n_neighbors])
    return np.array(neighbors)


@pytest.mark.parametrize("block", [2048, 7])
@pytest.mark.parametrize("n_neighbors", [1, 3])
def test_nearest_equals_scikit_learn(monkeypatch, block, n_neighbors):
    monkeypatch.setattr(positives, "BLOCK", block)
    segments = make_segments([18] * 11)
    everything = np.arange(len(segments))
    X = segments.take(everything[:, None]).X.reshape(len(segments), -1)
    search = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute").fit(X)
    selector = Nearest(n_neighbors)
    selector.prepare(segments, everything)
    expected = search.kneighbors(return_distance=False)
    np.testing.assert_array_equal(selector.neighbors_, expected)


@pytest.mark.parametrize("block", [2048, 5])
@pytest.mark.parametrize("exclude_same_clip", [False, True])
@pytest.mark.parametrize("lengths", [[12] * 9, [13, 3, 6, 20, 1, 5, 9, 6, 2]])
def test_nearest_equals_the_definition(monkeypatch, block, exclude_same_clip, lengths):
    monkeypatch.setattr(positives, "BLOCK", block)
    segments = make_segments(lengths)
    selector = Nearest(2, exclude_same_clip=exclude_same_clip)
    selector.prepare(segments, np.arange(len(segments)))
    expected = naive_neighbors(segments, selector)
    np.testing.assert_array_equal(selector.neighbors_, expected)


def test_duplicates_are_neighbours_at_distance_zero():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6, N_FEATURES, LENGTH))
    segments = cut(X[[0, 1, 0, 2, 1, 3]])
    selector = Nearest()
    selector.prepare(segments, np.arange(6))
    np.testing.assert_array_equal(selector.neighbors_[[0, 2, 1, 4], 0], [2, 0, 4, 1])
    found = select(selector, segments, [0, 2])
    np.testing.assert_array_equal(found.segments[:, 0], [2, 0])
    np.testing.assert_array_equal(found.X[0], found.X[1])
    assert not found.substituted.any()


def test_nearest_is_exact_between_nearly_silent_segments():
    rng = np.random.default_rng(0)
    loud = rng.normal(0, 1, (30, N_FEATURES, LENGTH))
    silent = -20 + 0.005 * rng.normal(size=(10, N_FEATURES, LENGTH))
    segments = cut([*loud, *silent])
    selector = Nearest()
    selector.prepare(segments, np.arange(40))
    expected = naive_neighbors(segments, selector)
    np.testing.assert_array_equal(selector.neighbors_, expected)


def test_one_of_several_neighbours_is_drawn_each_time():
    segments = make_segments([12] * 6)
    selector = Nearest(n_neighbors=3)
    selector.prepare(segments, np.array([4, 7]))
    expected = naive_neighbors(segments, selector)
    found = select(selector, segments, [4] * 1500 + [7] * 1500)
    for row, anchor in enumerate((4, 7)):
        ids = found.segments[1500 * row : 1500 * (row + 1), 0]
        assert set(ids) == set(expected[anchor])
        counts = np.bincount(ids)[expected[anchor]]
        assert (np.abs(counts - 500) < 100).all()


def test_more_neighbours_than_there_are():
    segments = make_segments([12, 6])
    selector = Nearest(n_neighbors=5, exclude_same_clip=True)
    selector.prepare(segments, np.arange(3))
    np.testing.assert_array_equal(np.sort(selector.neighbors_[2])[-2:], [0, 1])
    assert (selector.neighbors_[:, 2:] == -1).all()
    found = select(selector, segments, [0] * 30 + [2] * 30)
    np.testing.assert_array_equal(found.clips, [1] * 30 + [0] * 30)
    assert not found.substituted.any()
