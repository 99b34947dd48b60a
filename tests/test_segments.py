"""Clips: how X is read, cut into segments and standardised, and what is refused."""

import math
import re

import numpy as np
import pytest

from sklearn_triplet import SegmentedClips, TripletEmbedder, Units
from sklearn_triplet._input.clips import Clips, FrameScaler
from sklearn_triplet._input.labels import check_labels

LENGTHS = (20, 7, 3, 16, 9)


def make_clips(lengths=LENGTHS, n_features=5, seed=0):
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(3, 2, (n_features, n)).astype(np.float32) for n in lengths]
    return Clips(arrays, np.array(lengths))


def cut(clips, segment_length, y=None):
    labels = check_labels(y, len(clips), "Test")
    return SegmentedClips(clips, labels, FrameScaler.fit(clips), segment_length)


def standardise(clip, clips):
    frames = np.concatenate([clips[i] for i in range(len(clips))], axis=1)
    frames = frames.astype(np.float64)
    mean, scale = frames.mean(axis=1)[:, None], frames.std(axis=1)[:, None]
    return (clip - mean) / scale


# --- cutting


@pytest.mark.parametrize("n_frames", [960, 1000, 1001, 1055])
def test_ten_seconds_are_ten_segments(n_frames):
    segments = cut(make_clips((n_frames,), n_features=2), 96)
    assert len(segments) == 10
    np.testing.assert_array_equal(segments.start, np.arange(10) * 96)
    np.testing.assert_array_equal(segments.length, np.full(10, 96))
    assert not segments.padded


def test_clips_of_different_lengths():
    segments = cut(make_clips(), 8)
    np.testing.assert_array_equal(segments.count, [2, 1, 1, 2, 1])
    np.testing.assert_array_equal(segments.first, [0, 2, 3, 4, 6])
    np.testing.assert_array_equal(segments.clip_of, [0, 0, 1, 2, 3, 3, 4])
    np.testing.assert_array_equal(segments.start, [0, 8, 0, 0, 0, 8, 0])
    np.testing.assert_array_equal(segments.length, [8, 8, 7, 3, 8, 8, 8])


def test_clip_shorter_than_a_segment_is_one_padded_segment():
    segments = cut(make_clips((3, 16)), 8)
    np.testing.assert_array_equal(segments.count, [1, 2])
    assert segments.length[0] == 3
    assert segments.padded


def test_segments_are_not_longer_than_the_longest_clip():
    segments = cut(make_clips((3, 5)), 96)
    assert segments.segment_length == 5
    np.testing.assert_array_equal(segments.length, [3, 5])


# --- statistics


def test_scaler_equals_numpy_on_clips_of_different_lengths():
    clips = make_clips()
    frames = np.concatenate([clips[i] for i in range(len(clips))], axis=1)
    frames = frames.astype(np.float64)
    scaler = FrameScaler.fit(clips)
    np.testing.assert_allclose(scaler.mean, frames.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(scaler.scale, frames.std(axis=1), rtol=1e-6)
    lowest = standardise(frames.min(axis=1, keepdims=True), clips)[:, 0]
    np.testing.assert_allclose(scaler.silence, lowest, rtol=1e-5)


def test_scaler_does_not_see_padding():
    ragged = make_clips((9, 4))
    dense = np.full((2, 5, 9), np.nan, dtype=np.float32)
    dense[0], dense[1, :, :4] = ragged[0], ragged[1]
    expected = FrameScaler.fit(ragged)
    scaler = FrameScaler.fit(Clips(dense, np.array([9, 4])))
    for name in ("mean", "scale", "silence"):
        np.testing.assert_array_equal(getattr(scaler, name), getattr(expected, name))


def test_scaler_survives_a_large_mean():
    clips = make_clips((50, 60))
    shifted = Clips([a + np.float32(4096) for a in clips.arrays], clips.lengths)
    frames = np.concatenate(shifted.arrays, axis=1).astype(np.float64)
    scaler = FrameScaler.fit(shifted)
    np.testing.assert_allclose(scaler.scale, frames.std(axis=1), rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e4])
def test_constant_feature_is_left_in_place(value):
    clips = make_clips((9, 4))
    for array in clips.arrays:
        array[2] = value
    scaler = FrameScaler.fit(clips)
    assert scaler.scale[2] == 1
    np.testing.assert_array_equal(scaler.transform(clips[0])[2], np.zeros(9))


def test_scaler_and_its_inverse():
    clips = make_clips()
    scaler = FrameScaler.fit(clips)
    scaled = scaler.transform(clips[0])
    np.testing.assert_allclose(scaled, standardise(clips[0], clips), atol=1e-5)
    np.testing.assert_allclose(scaler.inverse_transform(scaled), clips[0], rtol=1e-5)


# --- reading


def test_take_reads_the_right_frames():
    clips = make_clips()
    segments = cut(clips, 8)
    units = segments.take(np.array([[5], [1], [2]]))
    assert units.X.shape == (3, 1, 5, 8)
    assert units.X.dtype == np.float32
    frames = (clips[3][:, 8:16], clips[0][:, 8:16], clips[1])
    for unit, expected in zip(units.X, frames, strict=True):
        found = unit[0][:, : expected.shape[1]]
        np.testing.assert_allclose(found, standardise(expected, clips), atol=1e-5)
    np.testing.assert_array_equal(units.clips, [3, 0, 1])
    np.testing.assert_array_equal(units.lengths, [[8], [8], [7]])
    np.testing.assert_array_equal(units.segments, [[5], [1], [2]])


def test_padding_is_zero_after_standardisation():
    units = cut(make_clips(), 8).take(np.array([[2], [3]]))
    assert not units.X[0, 0, :, 7:].any()
    assert not units.X[1, 0, :, 3:].any()
    assert units.X[1, 0, :, :3].all()


def test_units_of_several_segments():
    segments = cut(make_clips(), 8)
    units = segments.take(np.array([[1, 0], [4, 5]]), substituted=[True, False])
    assert units.X.shape == (2, 2, 5, 8)
    first = segments.take(np.array([[0]])).X[0, 0]
    np.testing.assert_array_equal(units.X[0, 1], first)
    np.testing.assert_array_equal(units.clips, [0, 3])
    np.testing.assert_array_equal(units.substituted, [True, False])


def test_units_are_put_together_by_rows():
    segments = cut(make_clips(), 8)
    parts = [segments.take(np.array(ids)) for ids in ([[0], [4]], [[6], [2], [3]])]
    units = Units.assemble(parts, [np.array([3, 1]), np.array([0, 2, 4])])
    np.testing.assert_array_equal(units.segments[:, 0], [6, 4, 2, 0, 3])
    np.testing.assert_array_equal(units.clips, [4, 3, 1, 0, 2])
    expected = segments.take(units.segments).X
    np.testing.assert_array_equal(units.X, expected)


def test_what_is_taken_of_units_is_a_copy():
    units = cut(make_clips(), 8).take(np.array([[0], [4]]))
    taken = units.take(np.array([1]))
    taken.substituted[:] = True
    taken.X[:] = 0
    assert not units.substituted.any()
    assert units.X[1].any()


# --- drawing


def test_one_segment_per_clip_is_drawn_uniformly():
    segments = cut(make_clips(), 4)
    clips = np.repeat(np.arange(5), 2000)
    drawn = segments.draw_from_clips(clips, 1, np.random.default_rng(0))
    assert drawn.shape == (10000, 1)
    np.testing.assert_array_equal(segments.clip_of[drawn[:, 0]], clips)
    counts = np.bincount(drawn[:, 0], minlength=len(segments))
    expected = 2000 / segments.count[segments.clip_of]
    assert (np.abs(counts - expected) < 6 * np.sqrt(expected)).all()


def test_four_segments_per_clip_are_repeated_only_if_need_be():
    segments = cut(make_clips((40, 16, 8, 4)), 4)
    clips = np.tile([0, 1, 2, 3], 50)
    drawn = segments.draw_from_clips(clips, 4, np.random.default_rng(0))
    assert drawn.shape == (200, 4)
    own = segments.clip_of[drawn]
    np.testing.assert_array_equal(own, np.repeat(clips[:, None], 4, axis=1))
    for clip, row in zip(clips, drawn, strict=True):
        assert clip > 1 or len(set(row)) == 4
    assert set(drawn[clips == 0].ravel()) == set(range(10))


@pytest.mark.parametrize("k", [1, 4])
def test_drawing_from_no_clip_gives_no_unit(k):
    segments = cut(make_clips(), 4)
    none = np.array([], dtype=int)
    drawn = segments.draw_from_clips(none, k, np.random.default_rng(0))
    assert drawn.shape == (0, k)


@pytest.mark.parametrize("k", [2, 3])
def test_every_choice_of_several_segments_is_as_likely(k):
    segments = cut(make_clips((16, 12)), 4)  # 4 and 3 segments
    clips = np.tile([0, 1], 6000)
    drawn = segments.draw_from_clips(clips, k, np.random.default_rng(0))
    for clip, n in ((0, 4), (1, 3)):
        rows, counts = np.unique(drawn[clips == clip], axis=0, return_counts=True)
        assert len(rows) == math.perm(n, k)  # in any order
        expected = 6000 / len(rows)
        assert (np.abs(counts - expected) < 6 * np.sqrt(expected)).all()


def test_too_few_segments_are_taken_in_turn():
    segments = cut(make_clips((8, 4)), 4)
    drawn = segments.draw_from_clips(np.array([0, 1]), 5, np.random.default_rng(0))
    assert sorted(np.bincount(drawn[0]).tolist()) == [2, 3]
    np.testing.assert_array_equal(drawn[1], [2] * 5)


def test_units_are_filled_up_from_the_clip_of_their_first_segment():
    segments = cut(make_clips((16, 12)), 4)
    first = np.tile([2, 4], 300)
    last = np.tile([[0, 1], [5, 6]], (300, 1))
    rng = np.random.default_rng(0)
    units = segments.add_of_same_clip(first, 3, rng, last=last)
    np.testing.assert_array_equal(units[:, 0], first)
    # 3 is the only other one of clip 0 that need not be last; of clip 1 there is none
    assert set(units[::2, 1]) == {3}
    assert set(units[::2, 2]) == {0, 1}
    assert {tuple(row) for row in units[1::2, 1:]} == {(5, 6), (6, 5)}


def test_units_of_one_segment_draw_nothing():
    segments = cut(make_clips(), 4)
    rng, untouched = np.random.default_rng(0), np.random.default_rng(0)
    units = segments.add_of_same_clip(np.array([3, 0]), 1, rng)
    np.testing.assert_array_equal(units, [[3], [0]])
    assert rng.random() == untouched.random()


# --- without an estimator


def test_from_arrays_reads_what_an_estimator_reads():
    clips = make_clips()
    dense = np.full((5, 5, 20), np.nan, dtype=np.float32)
    for row, clip in zip(dense, clips.arrays, strict=True):
        row[:, : clip.shape[1]] = clip
    y = ["dog", -1, "rain", "dog", -1]
    expected = cut(clips, 8, y)
    for X in (dense, clips.arrays, dense.tolist()):
        segments = SegmentedClips.from_arrays(X, y, segment_length=8)
        np.testing.assert_array_equal(segments.length, expected.length)
        np.testing.assert_array_equal(segments.clip_of, expected.clip_of)
        ids = np.arange(len(expected))[:, None]
        np.testing.assert_array_equal(segments.take(ids).X, expected.take(ids).X)
        assert segments.labels.classes.tolist() == ["dog", "rain"]
        present = [[1, 0], [0, 0], [0, 1], [1, 0], [0, 0]]
        np.testing.assert_array_equal(segments.labels.present, present)


def test_from_arrays_of_a_table_without_labels():
    X = np.arange(12.0).reshape(4, 3) ** 2
    segments = SegmentedClips.from_arrays(X)
    assert segments.segment_length == 1
    units = segments.take(np.arange(4)[:, None])
    expected = (X - X.mean(axis=0)) / X.std(axis=0)
    np.testing.assert_allclose(units.X[:, 0, :, 0], expected, rtol=1e-5)
    assert not segments.labels.labeled.any()
    common = SegmentedClips.from_arrays(X, scaling="common")
    units = common.take(np.arange(4)[:, None])
    expected = (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0).mean())
    np.testing.assert_allclose(units.X[:, 0, :, 0], expected, rtol=1e-5)


FROM_ARRAYS = {
    "The 'segment_length' parameter of SegmentedClips.from_arrays must be an integer "
    "in [1, inf). Got 0 instead.": {"segment_length": 0},
    "The 'scaling' parameter of SegmentedClips.from_arrays must be one of ['feature', "
    "'common']. Got 'none' instead.": {"scaling": "none"},
    "X and y of SegmentedClips must have one row per clip. Got 6 clips in X and 2 rows "
    "in y (inconsistent numbers of samples).": {"y": [0, 1]},
}


@pytest.mark.parametrize("sentence", FROM_ARRAYS)
def test_from_arrays_refuses_in_sentences(sentence):
    with refuses(sentence):
        SegmentedClips.from_arrays(X, **FROM_ARRAYS[sentence])


def test_from_arrays_names_the_clip_with_a_hole():
    found = "Clip 2 given to SegmentedClips contains NaN in frame 5."
    with refuses(f"{found} {HOLE}"):
        SegmentedClips.from_arrays(spoil(np.nan, (2, 3, 5)))


def test_valid_frames_of_units():
    units = cut(make_clips(), 8).take(np.array([[0, 1], [3, 3]]))
    assert units.valid.shape == (2, 2, 1, 8)
    assert units.valid[0].all()
    for segment in units.valid[1, :, 0]:
        np.testing.assert_array_equal(segment, [True] * 3 + [False] * 5)


# --- storage


def test_memory_map_is_read_where_it_lies(tmp_path):
    X = np.random.default_rng(0).normal(size=(4, 5, 20)).astype(np.float32)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    clips = Clips(mapped, np.full(4, 20)).take(np.array([3, 1]))
    assert all(np.shares_memory(array, mapped) for array in clips.arrays)
    units = cut(clips, 8).take(np.array([[1], [2]]))
    expected = cut(Clips(X[[3, 1]], np.full(2, 20)), 8).take(np.array([[1], [2]]))
    np.testing.assert_array_equal(units.X, expected.X)


# --- the forms of X, as an estimator reads it

X = np.random.default_rng(0).normal(size=(6, 8, 24)).astype(np.float16)
Y = [0, 0, 1, 1, -1, -1]
HOLE = (
    "Only trailing frames may be NaN (padding): repair the features or drop the clip."
)


def fit(X, y=Y, max_epochs=1):
    settings = {"n_components": 3, "segment_length": 8, "random_state": 0}
    return TripletEmbedder(max_epochs=max_epochs, **settings).fit(X, y)


def refuses(sentence):
    return pytest.raises(ValueError, match=f"^{re.escape(sentence)}$")


def spoil(value, where):
    spoiled = X.astype(np.float32)
    spoiled[where] = value
    return spoiled


def test_other_forms_of_the_same_data(tmp_path):
    np.save(tmp_path / "X.npy", X.astype(np.float32))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = fit(X.astype(np.float32)).transform(X)
    for form in (X, X.astype(np.float64), mapped, X.tolist(), list(X)):
        np.testing.assert_array_equal(fit(form).transform(form), expected)


@pytest.mark.parametrize("shape", [(6, 8, 3), (6, 8, 1), (6, 40, 12), (6, 128, 12)])
def test_short_clips_and_other_numbers_of_bands(shape):
    clips = np.random.default_rng(0).normal(size=shape)
    found = fit(clips).transform(clips)
    assert found.shape == (6, 3, shape[2])
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("value", "where", "found"),
    [
        (np.nan, (2, 3, 5), "Clip 2 given to TripletEmbedder contains NaN in frame 5."),
        (
            np.nan,
            (5, 3, 23),
            "Clip 5 given to TripletEmbedder contains NaN in frame 23.",
        ),
        (
            np.inf,
            (0, 1, 9),
            "Clip 0 given to TripletEmbedder contains infinity in frame 9.",
        ),
    ],
)
def test_refused_holes(value, where, found):
    spoiled = spoil(value, where)
    for form in (spoiled, list(spoiled)):
        for call in (fit, fit(X, max_epochs=0).transform):
            with refuses(f"{found} {HOLE}"):
                call(form)


def test_refused_empty_clip():
    sentence = "^Clip 3 given to TripletEmbedder is empty: it has no frame. "
    with pytest.raises(ValueError, match=sentence):
        fit([*X[:3], X[3, :, :0], *X[4:]])


def test_refused_number_of_bands():
    sentence = "X has 7 features, but TripletEmbedder is expecting 8 features as input."
    for form in (X[:, :7], list(X[:, :7])):
        with refuses(sentence):
            fit(X).transform(form)
    sentence = "All clips given to TripletEmbedder must have shape (n_features, "
    sentence += "n_frames) with the same n_features. Clip 0 has 8 features, clip 2 has "
    with refuses(sentence + "shape (7, 24)."):
        fit([X[0], X[1], X[2, :7]], [0, 1, -1])
