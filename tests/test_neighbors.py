"""Nearest: exact neighbours in any blocks, found when they are first asked for."""

import numpy as np
import pytest
import torch
from helpers import LENGTH, N_FEATURES, cut, make_segments, select
from sklearn.neighbors import NearestNeighbors

from sklearn_triplet import (
    Nearest,
    RandomNegative,
    SegmentedClips,
    Strategy,
    Transformed,
    TripletEmbedder,
)
from sklearn_triplet._sampling import neighbors as neighbors_module


def set_blocks(monkeypatch, block):
    monkeypatch.setattr(neighbors_module, "ANCHORS", block)
    monkeypatch.setattr(neighbors_module, "CANDIDATES", block)


def search(selector, segments, anchors):
    selector.prepare(segments, anchors)
    selector.prepare_epoch(segments, anchors)


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
    set_blocks(monkeypatch, block)
    segments = make_segments([18] * 11)
    everything = np.arange(len(segments))
    X = segments.take(everything[:, None]).X.reshape(len(segments), -1)
    brute = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute").fit(X)
    selector = Nearest(n_neighbors)
    search(selector, segments, everything)
    expected = brute.kneighbors(return_distance=False)
    np.testing.assert_array_equal(selector.neighbors_, expected)


@pytest.mark.parametrize("block", [2048, 5])
@pytest.mark.parametrize("exclude_same_clip", [False, True])
@pytest.mark.parametrize("lengths", [[12] * 9, [13, 3, 6, 20, 1, 5, 9, 6, 2]])
def test_nearest_equals_the_definition(monkeypatch, block, exclude_same_clip, lengths):
    set_blocks(monkeypatch, block)
    segments = make_segments(lengths)
    selector = Nearest(2, exclude_same_clip=exclude_same_clip)
    search(selector, segments, np.arange(len(segments)))
    expected = naive_neighbors(segments, selector)
    np.testing.assert_array_equal(selector.neighbors_, expected)


def test_duplicates_are_neighbours_at_distance_zero():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6, N_FEATURES, LENGTH))
    segments = cut(X[[0, 1, 0, 2, 1, 3]])
    selector = Nearest()
    search(selector, segments, np.arange(6))
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
    search(selector, segments, np.arange(40))
    expected = naive_neighbors(segments, selector)
    np.testing.assert_array_equal(selector.neighbors_, expected)


def test_one_of_several_neighbours_is_drawn_each_time():
    segments = make_segments([12] * 6)
    selector = Nearest(n_neighbors=3)
    search(selector, segments, np.array([4, 7]))
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
    search(selector, segments, np.arange(3))
    np.testing.assert_array_equal(np.sort(selector.neighbors_[2])[-2:], [0, 1])
    assert (selector.neighbors_[:, 2:] == -1).all()
    found = select(selector, segments, [0] * 30 + [2] * 30)
    np.testing.assert_array_equal(found.clips, [1] * 30 + [0] * 30)
    assert not found.substituted.any()


def make_sound(n_clips, n_segments=4, seed=0):
    """Clips of the size of outlines: recordings alike, noise, silence and copies."""
    rng = np.random.default_rng(seed)
    shape = n_clips, 7, n_segments * 30  # one band and six frames beyond an area
    slow = rng.normal(size=(n_clips, 7, n_segments)).repeat(30, axis=2)
    X = slow + rng.normal(scale=0.3, size=shape)
    X[::5] = rng.normal(size=X[::5].shape)
    X[1::5] = -9.21
    X[2::9] = -9.21 + 1e-6 * rng.normal(size=X[2::9].shape)
    X[3::6] = X[4]
    return X.astype(np.float32)


def search_by_definition(segments, n_neighbors, exclude_same_clip):
    """Compare all pairs in double precision; of equal ones the first is nearest."""
    ids = np.arange(len(segments))
    units = segments.take(ids[:, None])
    neighbors = []
    for i in ids:
        others = units.take(np.full(len(ids), i))
        distances = neighbors_module.paired_distances(others, units)
        banned = segments.clip_of == segments.clip_of[i]
        distances[banned if exclude_same_clip else i] = np.inf
        order = np.argsort(distances, kind="stable")[:n_neighbors]
        neighbors.append(np.where(np.isinf(distances[order]), -1, order))
    return np.array(neighbors)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("block", [4096, 50])
@pytest.mark.parametrize("n_neighbors", [1, 4])
@pytest.mark.parametrize("exclude_same_clip", [False, True])
def test_outlines_find_what_the_definition_finds(
    monkeypatch, dtype, block, n_neighbors, exclude_same_clip
):
    """Twins, near twins, noise and sound: every level has something to decide."""
    set_blocks(monkeypatch, block)
    monkeypatch.setattr(neighbors_module, "GROUP", max(block // 2, 1))
    monkeypatch.setattr(neighbors_module, "GUESSED", 2 * block)
    monkeypatch.setattr(neighbors_module, "FEW", 3)
    monkeypatch.setattr(neighbors_module, "find_fastest_dtype", lambda: dtype)
    segments = SegmentedClips.from_arrays(make_sound(60), segment_length=30)
    everything = np.arange(len(segments))
    found = neighbors_module.find_nearest(
        segments, everything, n_neighbors, exclude_same_clip
    )
    expected = search_by_definition(segments, n_neighbors, exclude_same_clip)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("block", [4096, 40])
def test_padded_segments_beside_whole_ones(monkeypatch, block):
    set_blocks(monkeypatch, block)
    X = make_sound(50, n_segments=2)
    clips = [x[:, :n] for x, n in zip(X, [60, 60, 30, 17, 5] * 10, strict=True)]
    segments = SegmentedClips.from_arrays(clips, segment_length=30)
    assert segments.padded
    for exclude_same_clip in (False, True):
        found = neighbors_module.find_nearest(
            segments, np.arange(len(segments)), 2, exclude_same_clip
        )
        expected = search_by_definition(segments, 2, exclude_same_clip)
        np.testing.assert_array_equal(found, expected)


def test_the_first_of_many_copies_is_the_nearest():
    """More copies than any search would keep as candidates."""
    X = np.repeat(make_sound(5, n_segments=1)[[0, 4]], 100, axis=0)
    segments = SegmentedClips.from_arrays(X, segment_length=30)
    found = neighbors_module.find_nearest(segments, np.arange(200), 2)
    expected = np.array([[0, 1]] * 100 + [[100, 101]] * 100)
    expected[[0, 1, 100, 101]] = [1, 2], [0, 2], [101, 102], [100, 102]
    np.testing.assert_array_equal(found, expected)


def test_values_too_large_for_single_precision():
    rng = np.random.default_rng(0)
    X = make_sound(30)
    X[7] *= np.float32(1e17)
    segments = SegmentedClips.from_arrays(X, segment_length=30)
    segments.scaler.mean[:], segments.scaler.scale[:] = 0, 1
    anchors = rng.permutation(len(segments))[:40]
    found = neighbors_module.find_nearest(segments, anchors, 1)
    expected = search_by_definition(segments, 1, False)
    np.testing.assert_array_equal(found, expected[anchors])


LEVELS = [
    neighbors_module.Level(torch.bfloat16, outlined=True),
    neighbors_module.Level(torch.float32, outlined=True),
    neighbors_module.Level(torch.bfloat16),
    neighbors_module.Level(torch.float32, by_frame=True),
    neighbors_module.Level(torch.float64),
]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("offset", [0.0, 50.0])
def test_no_bound_is_above_the_distance(level, offset):
    """With the distance itself, or what lies just above it, as the limit."""
    X = [x[:, :30] + np.float32(offset) for x in make_sound(40, n_segments=1)]
    if level.by_frame:
        X = [x[:, : 5 + i % 26] for i, x in enumerate(X)]
    segments = SegmentedClips.from_arrays(X, segment_length=30)
    segments.scaler.mean[:] = 0  # far from the origin, where rounding is largest
    ids = np.arange(len(segments))
    bounds = neighbors_module.Bounds(segments, ids, level)
    left = bounds.as_left()
    for i in ids:
        others = bounds.units.take(np.full(len(ids), i))
        limits = neighbors_module.paired_distances(bounds.units, others)
        bounds.set_limits(left, limits)
        assert (left @ bounds.right[i] < 0).all()
        bounds.set_limits(left, np.full(len(ids), -1.0))
        assert (left @ bounds.right[i] > 0).all()


@pytest.mark.parametrize("level", LEVELS)
def test_bounds_exclude_what_is_far(level):
    segments = SegmentedClips.from_arrays(
        make_sound(20, n_segments=1)[:, :, :30], segment_length=30
    )
    ids = np.arange(len(segments))
    bounds = neighbors_module.Bounds(segments, ids, level)
    left = bounds.as_left()
    bounds.set_limits(left, np.full(len(ids), 1e-3))
    excluded = (left @ bounds.right.T >= 0).numpy()
    # digital silence, its near twins, and copies of one clip
    assert excluded.mean() > 0.5


def test_sound_needs_few_measurements(monkeypatch):
    """Of recordings alike, nearly all others are excluded unmeasured."""
    counted = []
    measure = neighbors_module._Group._measure_exactly

    def count(self, rows, places, others):
        counted.append(len(rows))
        return measure(self, rows, places, others)

    monkeypatch.setattr(neighbors_module._Group, "_measure_exactly", count)
    rng = np.random.default_rng(0)
    slow = rng.normal(size=(600, 8, 1)).repeat(30, axis=2)
    X = (slow + rng.normal(scale=0.1, size=slow.shape)).astype(np.float32)
    segments = SegmentedClips.from_arrays(X, segment_length=30)
    found = neighbors_module.find_nearest(segments, np.arange(600), 1)
    np.testing.assert_array_equal(found, search_by_definition(segments, 1, False))
    assert sum(counted) < 600 * 6


@pytest.mark.parametrize("exclude_same_clip", [False, True])
def test_units_are_looked_up_by_their_first_segment(exclude_same_clip):
    segments = make_segments([24, 13, 3, 20, 6, 30])
    selector = Nearest(2, exclude_same_clip)  # two: one of them is not in the unit
    search(selector, segments, np.arange(len(segments)))
    expected = naive_neighbors(segments, selector)
    first = np.repeat(np.arange(len(segments)), 30)
    ids = segments.add_of_same_clip(first, 2, np.random.default_rng(1))
    found = select(selector, segments, ids)
    assert not found.substituted.any()
    np.testing.assert_array_equal(found.X, segments.take(found.segments).X)
    for unit, positive in zip(ids, found.segments, strict=True):
        assert positive[0] in set(expected[unit[0]]) - set(unit)
        clip = segments.clip_of[positive[0]]
        assert segments.clip_of[positive[1]] == clip
        others = set(np.flatnonzero(segments.clip_of == clip)) - {positive[0]}
        # of the unit's own clip, what is in the unit only if there is nothing else
        assert positive[1] in (others - set(unit) or others or {positive[0]})
    assert len(set(map(tuple, found.segments[first == 0]))) > 3  # the second is drawn


def test_a_unit_that_holds_all_of_its_neighbours_is_counted():
    rng = np.random.default_rng(0)
    twins = rng.normal(size=(N_FEATURES, LENGTH)).repeat(2, axis=1)
    twins = np.concatenate([twins[:, ::2], twins[:, ::2] + 1e-3], axis=1)
    segments = cut([twins, 5 + rng.normal(size=(N_FEATURES, 12))])
    selector = Nearest()
    search(selector, segments, np.arange(4))
    np.testing.assert_array_equal(selector.neighbors_[:2, 0], [1, 0])
    found = select(selector, segments, [[0, 1], [1, 0], [0, 0]])
    np.testing.assert_array_equal(found.substituted, [True, True, False])
    np.testing.assert_array_equal(found.segments, [[0, 1], [1, 0], [1, 0]])


@pytest.mark.parametrize("n_neighbors", [0, 1.5, True])
def test_refused_number_of_neighbours(n_neighbors):
    segments = make_segments([12, 12])
    with pytest.raises(ValueError, match=r"^The 'n_neighbors' parameter of Nearest "):
        search(Nearest(n_neighbors), segments, np.arange(4))


class Counting(Nearest):
    """Nearest that tells which anchors it was asked for."""

    asked = []

    def prepare_epoch(self, segments, anchors):
        before = self.searched_.copy()
        super().prepare_epoch(segments, anchors)
        Counting.asked.append((len(segments), np.flatnonzero(self.searched_ & ~before)))


def test_only_the_anchors_that_are_drawn_are_searched(monkeypatch):
    monkeypatch.setattr(Counting, "asked", [])
    X = np.random.default_rng(0).normal(size=(30, N_FEATURES, 40))
    random = RandomNegative()
    strategy = Strategy(Transformed(), random, Counting(), random)
    settings = {"segment_length": 8, "batch_size": 4, "encoder": "dense"}
    TripletEmbedder(strategy, n_triplets=60, max_epochs=4, **settings).fit(X)
    assert [n for n, _ in Counting.asked] == [150] * 4
    # 60 + 60 + 30 new ones, then none: no anchor twice before all have been used
    assert [len(new) for _, new in Counting.asked] == [60, 60, 30, 0]
    assert len(np.unique(np.concatenate([new for _, new in Counting.asked]))) == 150
