"""Probabilities of frames in, events out; judged by the field's own scorer."""

import numpy as np
import pytest
from helpers import whole
from scipy import ndimage
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklearn_triplet import (
    CRNNTagger,
    LogMel,
    SequenceTagger,
    TripletTagger,
    find_events,
)
from sklearn_triplet.datasets import make_soundscapes

PLAIN = {"median_duration": 0, "min_duration": 0, "min_gap": 0}
FIELDS = ["onset", "offset", "event_label", "score"]


def find(frames, classes=("x",), **settings):
    """Events of one clip, as tuples (onset, offset, label, score)."""
    frames = np.asarray(frames, dtype=np.float32)
    frames = frames[None] if frames.ndim == 2 else frames[None, None]
    events = find_events(
        frames, list(classes), **{**PLAIN, "frame_duration": 0.5, **settings}
    )
    events["score"] = events["score"].round(4)
    return events[FIELDS].tolist()


def make_probabilities(n_clips=3, n_classes=4, n_frames=300, seed=0):
    """Slowly changing probabilities, as those of frames are."""
    noise = np.random.default_rng(seed).normal(size=(n_clips, n_classes, n_frames))
    smooth = ndimage.gaussian_filter1d(noise, 4, axis=2)
    return (1 / (1 + np.exp(-8 * smooth))).astype(np.float32)


# --- from probabilities to events, by hand


def test_hysteresis_by_hand():
    frames = [0.1, 0.4, 0.8, 0.4, 0.1, 0.4, 0.4, 0.1, 0.9]
    assert find(frames, threshold=0.7, low_threshold=0.3) == [
        (0.5, 2.0, "x", 0.8),
        (4.0, 4.5, "x", 0.9),
    ]
    # one threshold for both
    assert find(frames, threshold=0.4, low_threshold=0.4) == [
        (0.5, 2.0, "x", 0.8),
        (2.5, 3.5, "x", 0.4),
        (4.0, 4.5, "x", 0.9),
    ]


def test_low_threshold_is_half_by_default():
    frames = [0.29, 0.3, 0.6, 0.31, 0.29]
    assert find(frames, threshold=0.6) == [(0.5, 2.0, "x", 0.6)]


def test_hysteresis_equals_that_of_labeled_regions():
    frames = make_probabilities()
    events = find_events(
        frames, list("abcd"), threshold=0.8, low_threshold=0.4, **PLAIN
    )
    found = np.zeros(frames.shape, dtype=bool)
    for row, onset, offset, label, _ in events:
        begin, end = round(onset / 0.01), round(offset / 0.01)
        found[row, "abcd".index(label), begin:end] = True
    # as scikit-image has it: regions of the low mask that hold some of the high one
    along_time = np.zeros((3, 3, 3), dtype=bool)
    along_time[1, 1] = True
    regions, n_regions = ndimage.label(frames >= 0.4, structure=along_time)
    sure = np.unique(regions[frames >= 0.8])
    np.testing.assert_array_equal(found, np.isin(regions, sure[sure > 0]))
    assert 0 < len(events) == (sure > 0).sum() < n_regions


def test_median_filter_removes_what_is_short_and_fills_what_is_missing():
    frames = np.array([0, 0, 1, 0, 0, 0, 1, 1, 0, 1, 1, 1, 0, 0, 0])
    assert find(frames, median_duration=1.5) == [(3.0, 6.0, "x", 1.0)]
    # an even number of frames is rounded to an odd one, fewer than two are none
    assert find(frames, median_duration=0.9) == find(frames)


def test_median_filter_is_that_of_scipy():
    frames = make_probabilities(1, 2, 400)
    events = find_events(
        frames,
        list("ab"),
        **{**PLAIN, "median_duration": [0.05, 0.21]},
        low_threshold=0.5,
    )
    for label, size, row in zip(list("ab"), [5, 21], frames[0], strict=True):
        smooth = ndimage.median_filter(row, size)
        n_runs = ndimage.label(smooth >= 0.5)[1]
        chosen = events[events["event_label"] == label]
        assert len(chosen) == n_runs > 1
        seconds = (chosen["offset"] - chosen["onset"]).sum()
        assert seconds == pytest.approx((smooth >= 0.5).sum() * 0.01)


def test_close_events_are_joined_before_short_ones_are_left_out():
    frames = [1, 0, 1, 0, 0, 0, 1, 0, 0, 1, 1, 1]
    settings = {"min_gap": 1.0, "min_duration": 1.5}
    # a gap of half a second is joined, one of a whole second is not
    assert find(frames, **settings) == [(0.0, 1.5, "x", 1.0), (4.5, 6.0, "x", 1.0)]
    assert find(frames, min_gap=1.01)[1] == (3.0, 6.0, "x", 1.0)


def test_durations_are_compared_as_seconds_and_not_as_their_rounding():
    # 30 frames of 10 ms are 0.3 s, and 0.1 * 3 is more than that
    frames = np.zeros(100)
    frames[20:50] = 1
    settings = {"frame_duration": 0.01, "min_duration": 0.1 * 3}
    assert find(frames, **settings) == [(0.2, 0.5, "x", 1.0)]
    assert find(frames, **{**settings, "min_duration": 0.31}) == []


def test_every_setting_may_be_one_number_per_class():
    frames = [[0.6, 0.6, 0, 0.6, 0], [0.6, 0.6, 0, 0.6, 0]]
    found = find(frames, ["a", "b"], threshold=[0.5, 0.7])
    assert {label for _, _, label, _ in found} == {"a"}
    found = find(frames, ["a", "b"], min_gap=[0.5, 0.6])
    assert [e[:3] for e in found] == [(0, 1, "a"), (0, 2, "b"), (1.5, 2, "a")]
    found = find(frames, ["a", "b"], min_duration=[1.0, 0.5])
    assert [e[:3] for e in found] == [(0, 1, "a"), (0, 1, "b"), (1.5, 2, "b")]


def test_score_is_the_highest_smoothed_probability():
    frames = [0.6, 0.7, 0.9, 0.7, 0.6, 0]
    assert find(frames)[0][3] == 0.9
    assert find(frames, median_duration=1.5)[0][3] == 0.7
    # joined events keep the higher one
    assert find([0.6, 0, 0.8], min_gap=1)[0] == (0, 1.5, "x", 0.8)


def test_events_above_a_score_are_those_of_a_higher_threshold():
    frames = make_probabilities()
    some = find_events(frames, list("abcd"), threshold=0.5, low_threshold=0.3, **PLAIN)
    fewer = find_events(frames, list("abcd"), threshold=0.8, low_threshold=0.3, **PLAIN)
    assert 0 < len(fewer) < len(some)
    np.testing.assert_array_equal(some[some["score"] >= np.float32(0.8)], fewer)


def test_nothing_depends_on_the_frame_rate():
    frames = make_probabilities(2, 2, 100)
    settings = {"median_duration": 0.3, "min_duration": 0.5, "min_gap": 0.4}
    coarse = find_events(frames, list("ab"), frame_duration=0.1, **settings)
    fine = find_events(
        frames.repeat(5, axis=2), list("ab"), frame_duration=0.02, **settings
    )
    assert len(coarse) == len(fine) > 0
    for name in ("row", "event_label", "score"):
        np.testing.assert_array_equal(coarse[name], fine[name])
    np.testing.assert_allclose(coarse["onset"], fine["onset"], atol=0.1)
    np.testing.assert_allclose(coarse["offset"], fine["offset"], atol=0.1)


def test_table_of_events():
    events = find_events(make_probabilities(), np.array(["d", "c", "b", "a"]))
    assert events.dtype.names == ("row", "onset", "offset", "event_label", "score")
    assert [events.dtype[i].kind for i in range(5)] == ["i", "f", "f", "O", "f"]
    keys = events[["row", "onset", "offset", "event_label"]].tolist()
    assert keys == sorted(keys)
    pandas = pytest.importorskip("pandas")
    assert list(pandas.DataFrame(events).columns) == list(events.dtype.names)


# --- the ends of clips


def test_one_frame():
    assert find([0.9]) == [(0.0, 0.5, "x", 0.9)]
    assert find([0.9], median_duration=10, min_duration=0.5, min_gap=10) == [
        (0.0, 0.5, "x", 0.9)
    ]
    assert find([0.1]) == []


def test_an_event_over_the_whole_clip():
    frames = np.full(100, 0.9)
    settings = {"median_duration": 5.0, "min_duration": 1, "min_gap": 1}
    assert find(frames, **settings) == [(0.0, 50.0, "x", 0.9)]


def test_no_event_is_an_empty_table():
    events = find_events(np.zeros((2, 1, 10)), ["x"])
    assert events.shape == (0,)
    assert events.dtype.names[0] == "row"
    events = find_events(np.zeros((2, 1, 10)), ["x"], clips=["a.wav", "b.wav"])
    assert events.shape == (0,)
    assert events.dtype.names[0] == "filename"
    assert find_events(np.zeros((0, 1, 10)), ["x"]).shape == (0,)


def test_padding_is_not_heard():
    frames = np.full((2, 1, 10), 0.9)
    frames[0, 0, 4:] = np.nan
    events = find_events(frames, ["x"], frame_duration=0.5)
    assert events["offset"].tolist() == [2.0, 5.0]
    np.testing.assert_array_equal(
        find_events(frames[:1], ["x"]), find_events(frames[:1, :, :4], ["x"])
    )


def test_no_event_reaches_across_what_is_unknown():
    frames = [0.9, 0.9, np.nan, 0.9, 0.9]
    settings = {"min_gap": 5, "min_duration": 1, "median_duration": 1.5}
    assert [e[:2] for e in find(frames, **settings)] == [(0, 1), (1.5, 2.5)]


def test_clips_of_nan_hold_no_event():
    frames = np.full((3, 1, 10), np.nan)
    assert find_events(frames, ["x"]).shape == (0,)
    frames[1] = 0.9
    assert find_events(frames, ["x"])["row"].tolist() == [1]
    # nor does such a window take part in a mean, or close a gap
    rows = [("a", 0, 1), ("a", 0.5, 1.5), ("a", 1.5, 2.5)]
    events = find_events(frames, ["x"], clips=rows, frame_duration=0.1)
    assert events[["onset", "offset", "score"]].tolist() == [
        (0.5, 1.5, np.float32(0.9))
    ]


def test_half_precision():
    frames = make_probabilities().astype(np.float16)
    wide = find_events(frames.astype(np.float64), list("abcd"))
    np.testing.assert_array_equal(find_events(frames, list("abcd")), wide)
    assert len(wide)


def test_what_is_given_is_left_as_it_is():
    frames = make_probabilities()
    copy = frames.copy()
    find_events(frames, list("abcd"), clips=[("a", 0, 3), ("a", 1, 4), ("b", 0, 3)])
    np.testing.assert_array_equal(frames, copy)


# --- windows of recordings


def cut_windows(line, length, hop, path="a.wav", d=0.1):
    """Cut a time line (n_classes, n_frames) into windows and their rows."""
    begins = range(0, line.shape[1] - length + 1, hop)
    frames = np.stack([line[:, b : b + length] for b in begins])
    return frames, [(path, b * d, (b + length) * d) for b in begins]


@pytest.mark.parametrize(("length", "hop"), [(50, 50), (50, 25), (50, 13), (400, 1)])
def test_windows_of_a_recording_are_one_time_line(length, hop):
    line = make_probabilities(1, 3, 400)[0]
    n_frames = (400 - length) // hop * hop + length
    settings = {"frame_duration": 0.1, "median_duration": 0.5, "min_gap": 0.3}
    whole_line = line[None, :, :n_frames]
    expected = find_events(whole_line, list("abc"), clips=["a.wav"], **settings)
    frames, rows = cut_windows(line, length, hop)
    order = np.random.default_rng(0).permutation(len(rows))
    found = find_events(
        frames[order], list("abc"), clips=[rows[i] for i in order], **settings
    )
    assert len(found) == len(expected) > 5
    for name in ("filename", "event_label"):
        np.testing.assert_array_equal(found[name], expected[name])
    for name in ("onset", "offset", "score"):
        np.testing.assert_allclose(
            found[name].astype(float), expected[name].astype(float), atol=1e-5
        )


def test_overlapping_windows_are_averaged():
    frames = np.zeros((2, 1, 4))
    frames[0, 0] = [0, 0.6, 1.0, 0.6]
    frames[1, 0] = [0.2, 0.6, 0.9, 0]  # its first two are the other's last two
    events = find_events(
        frames,
        ["x"],
        clips=[("a", 0, 2), ("a", 1, 3)],
        frame_duration=0.5,
        low_threshold=0.5,
        **PLAIN,
    )
    # 0, 0.6, (1.0 + 0.2) / 2, (0.6 + 0.6) / 2, 0.9, 0
    assert events[["onset", "offset"]].tolist() == [(0.5, 2.5)]
    assert events["score"] == pytest.approx([0.9])


def test_windows_with_a_gap_between_them_are_not_stitched():
    frames = np.full((3, 1, 10), 0.9)
    rows = [("a", 0, 1), ("a", 1.3, 2.3), ("a", 36000, 36001)]
    events = find_events(frames, ["x"], clips=rows, frame_duration=0.1, min_gap=5)
    assert events[["onset", "offset"]].tolist() == [(0, 1), (1.3, 2.3), (36000, 36001)]


def test_recordings_are_kept_apart_and_in_their_order():
    frames = np.full((3, 1, 10), 0.9)
    rows = [("b", 1, 2), ("a", 0, 1), ("b", 0, 1)]
    events = find_events(frames, ["x"], clips=rows, frame_duration=0.1)
    assert events[["filename", "onset", "offset"]].tolist() == [
        ("b", 0, 2),
        ("a", 0, 1),
    ]


def test_paths_without_times_are_whole_recordings(tmp_path):
    frames = np.full((2, 1, 10), 0.9)
    clips = [tmp_path / "a.wav", "b.wav"]
    events = find_events(frames, ["x"], clips=clips, frame_duration=0.1)
    assert events["filename"].tolist() == [str(tmp_path / "a.wav"), "b.wav"]
    assert events["offset"].tolist() == [1.0, 1.0]


def test_frames_behind_the_end_of_a_window_are_left_out():
    # LogMel has a frame more than fits into a window, and it is centred at the end
    frames = np.full((2, 1, 11), 0.9)
    frames[0, 0, 10] = 0.1
    rows = [("a", 0, 1), ("a", 1, 1.95)]
    events = find_events(frames, ["x"], clips=rows, frame_duration=0.1, **PLAIN)
    assert events[["onset", "offset"]].tolist() == [(0.0, 1.95)]
    assert events["score"] == pytest.approx([0.9])


def test_a_window_beyond_the_end_of_its_file():
    frames = np.full((2, 1, 10), 0.9)
    frames[1, 0, 3:] = np.nan
    rows = [("a", 0, 1), ("a", 1, 2)]
    events = find_events(frames, ["x"], clips=rows, frame_duration=0.1)
    assert events[["onset", "offset"]].tolist() == [(0, 1.3)]


def test_frames_of_another_duration_than_is_said():
    frames = np.full((1, 1, 100), 0.9)
    text = (
        "The longest window in 'clips' of find_events lasts 2 s, but its frames last "
        "{} s. Is a frame {} s ('frame_duration')?"
    )
    with pytest.raises(ValueError, match=whole(text.format(10, 0.1))):
        find_events(frames, ["x"], clips=[("a", 0, 2)], frame_duration=0.1)
    sentence = text.format(1, 0.01) + " If the recordings end there, all is well."
    with pytest.warns(UserWarning, match=whole(sentence)):
        events = find_events(frames, ["x"], clips=[("a", 0, 2)])
    assert events["offset"].tolist() == [1.0]


# --- what is refused

BAD = [
    (
        {"probabilities": np.zeros((2, 10))},
        "The 'probabilities' parameter of find_events must be numbers of shape "
        "(n_clips, n_classes, n_frames), as predict_frames returns them. Got float64 "
        "of shape (2, 10).",
    ),
    (
        {"probabilities": np.linspace(-3, 2, 20).reshape(1, 2, 10)},
        "The 'probabilities' parameter of find_events must lie in [0, 1]. Got values "
        "in [-3, 2]: are these logits?",
    ),
    (
        {"probabilities": np.where(np.arange(20) == 13, np.nan, 0).reshape(1, 2, 10)},
        "The 'probabilities' parameter of find_events must be NaN for all classes of "
        "a frame or for none. Frame 3 of row 0 is NaN for some: leave out the classes "
        "of which nothing is known.",
    ),
    (
        {"classes": ["a"]},
        "The 'classes' parameter of find_events must hold one label per class of the "
        "probabilities (2), such as tagger.classes_. Got shape (1,).",
    ),
    (
        {"threshold": [0.5, 0.5, 0.5]},
        "The 'threshold' parameter of find_events must be a number or one number per "
        "class (2). Got shape (3,).",
    ),
    (
        {"threshold": 1.0},
        "The 'threshold' parameter of find_events must lie in (0, 1). Got 1.0 instead.",
    ),
    (
        {"threshold": [0.5, "a"]},
        "The 'threshold' parameter of find_events must lie in (0, 1). Got [0.5, 'a'] "
        "instead.",
    ),
    (
        {"threshold": [0.5, 0.3], "low_threshold": 0.4},
        "The 'low_threshold' parameter of find_events must be at most 'threshold': all "
        "frames of an event reach the one, its surest the other. Got 0.4 and "
        "[0.5, 0.3].",
    ),
    (
        {"low_threshold": 0},
        "The 'low_threshold' parameter of find_events must lie in (0, 1). Got 0 "
        "instead.",
    ),
    (
        {"median_duration": -0.1},
        "The 'median_duration' parameter of find_events must lie in [0, inf). Got "
        "-0.1 instead.",
    ),
    (
        {"min_duration": [0, -1]},
        "The 'min_duration' parameter of find_events must lie in [0, inf). Got "
        "[0, -1] instead.",
    ),
    (
        {"min_gap": np.nan},
        "The 'min_gap' parameter of find_events must lie in [0, inf). Got nan instead.",
    ),
    (
        {"frame_duration": 0},
        "The 'frame_duration' parameter of find_events must be a number in (0, inf). "
        "Got 0 instead.",
    ),
    (
        {"clips": ["a.wav", "b.wav"]},
        "The 'clips' parameter of find_events must hold one path or (path, onset, "
        "offset) per row of the probabilities (1). Got 2. Of a DataFrame give "
        "list(frame.itertuples(index=False)).",
    ),
]
BAD += [
    (
        {"clips": [clip]},
        "Row 0 of the 'clips' parameter of find_events must be a path, or (path, "
        f"onset, offset) with 0 <= onset < offset in seconds. Got {clip!r} instead.",
    )
    for clip in [
        ("a", 2, 1),
        ("a", -1, 1),
        ("a", 0),
        ("a", 0, np.nan),
        (3, 0, 1),
        ("a", "b", "c"),
        7,
    ]
]


@pytest.mark.parametrize(("changes", "sentence"), BAD)
def test_what_cannot_be_is_refused_in_a_sentence(changes, sentence):
    arguments = {
        "probabilities": np.zeros((1, 2, 10)),
        "classes": ["a", "b"],
        **changes,
    }
    with pytest.raises(ValueError, match=whole(sentence)):
        find_events(**arguments)


# --- taggers

QUICK = {"max_epochs": 2, "random_state": 0}
TAGGERS = [
    SequenceTagger(n_cells=4, **QUICK),
    CRNNTagger(n_components=4, n_cells=4, **QUICK),
    TripletTagger(
        n_components=8, n_steps=2, segment_length=10, batch_size=6, pooling="attention",
        **QUICK,
    ),
]  # fmt: skip
each = pytest.mark.parametrize("tagger", TAGGERS, ids=lambda t: type(t).__name__)


def make_clips(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(12, 8, 20)).astype(np.float32)
    y = np.column_stack([np.arange(12) % 2, np.arange(12) % 3 == 0]).astype(int)
    X[y[:, 0] == 1, :4, 5:15] += 3
    X[y[:, 1] == 1, 4:, 10:] += 3
    return X, y


@each
def test_taggers_find_the_events_of_their_frames(tagger):
    X, y = make_clips()
    fitted = clone(tagger).set_params(threshold=[0.4, 0.6]).fit(X, y)
    settings = {"median_duration": 0.05, "min_duration": 0.02}
    expected = find_events(
        fitted.predict_frames(X), fitted.classes_, threshold=[0.4, 0.6], **settings
    )
    found = fitted.predict_events(X, **settings)
    assert len(found)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(fitted.predict(X, events=True, **settings), found)
    other = fitted.predict_events(X, threshold=0.01, **settings)
    assert set(other["event_label"]) == {0, 1}
    named = fitted.predict_events(X, classes=["dog", "cat"], **settings)
    expected["event_label"] = np.array(["dog", "cat"])[found["event_label"].astype(int)]
    np.testing.assert_array_equal(named[["row", "onset"]], found[["row", "onset"]])
    assert sorted(named.tolist()) == sorted(expected.tolist())


@each
def test_settings_of_events_without_events(tagger):
    X, y = make_clips()
    fitted = clone(tagger).fit(X, y)
    sentence = (
        f"predict of {type(tagger).__name__} was given ['clips', 'min_gap'], which are "
        "settings of events. Give events=True as well, or leave them out."
    )
    with pytest.raises(TypeError, match=whole(sentence)):
        fitted.predict(X, clips=["a"] * 12, min_gap=1)


def test_unread_clips_hold_no_events_and_are_counted_once():
    X, y = make_clips()
    fitted = SequenceTagger(n_cells=4, **QUICK).fit(X, y)
    X[[0, 3]] = np.nan
    with pytest.warns(UserWarning) as caught:
        events = fitted.predict_events(X, threshold=0.05)
    assert not {0, 3} & set(events["row"])
    assert {1, 2} <= set(events["row"])
    assert len(caught) == 1
    assert "SequenceTagger leaves out 2 of 12 rows" in str(caught[0].message)


def test_single_labels_share_each_frame():
    X, y = make_clips()
    fitted = SequenceTagger(n_cells=4, **QUICK).fit(X, np.array(["a", "b"])[y[:, 0]])
    events = fitted.predict_events(X, low_threshold=0.5, **PLAIN)
    # probabilities sum to 1, so that one of two classes is there at any time
    seconds = (events["offset"] - events["onset"]).sum()
    assert seconds == pytest.approx(12 * 20 * 0.01)


@pytest.mark.filterwarnings("ignore:A column-vector y")
def test_one_class_has_events_and_its_absence_none():
    X, y = make_clips()
    fitted = SequenceTagger(n_cells=4, **QUICK).fit(X, y[:, :1])
    settings = {**PLAIN, "threshold": 0.4, "low_threshold": 0.4}
    events = fitted.predict_events(X, classes=["dog"], **settings)
    assert set(events["event_label"]) == {"dog"}
    both = fitted.predict_events(X, classes=["none", "dog"], **settings)
    expected = both[both["event_label"] == "dog"]
    np.testing.assert_array_equal(events, expected)
    assert 0 < len(events) < len(both)


def test_events_through_a_pipeline():
    scenes = make_soundscapes(
        6, 2, duration=2.0, sample_rate=16000, event_duration=(0.3, 1.0), random_state=0
    )
    mel = LogMel(16000, n_mels=16)
    pipe = make_pipeline(mel, SequenceTagger(n_cells=4, **QUICK))
    pipe.fit(scenes.data, scenes.target)
    clips = [("day.wav", 2.0 * i, 2.0 * i + 2) for i in range(6)]
    settings = {"clips": clips, "threshold": 0.3, "low_threshold": 0.2}
    found = pipe.predict(scenes.data, events=True, **settings)
    expected = pipe[-1].predict_events(mel.transform(scenes.data), **settings)
    np.testing.assert_array_equal(found, expected)
    assert set(found["filename"]) == {"day.wav"}
    assert found["offset"].max() <= 12


# --- the field's own scorer


def as_dicts(events):
    return [
        {"onset": onset, "offset": offset, "event_label": label}
        for _, onset, offset, label, _ in events.tolist()
    ]


def score(truth, found, names, length):
    """Event-based F1 (200 ms, 20 %) and segment-based F1 (1 s), over all events."""
    sed_eval = pytest.importorskip("sed_eval", exc_type=ImportError)
    event = sed_eval.sound_event.EventBasedMetrics(
        event_label_list=names, t_collar=0.2, percentage_of_length=0.2
    )
    segment = sed_eval.sound_event.SegmentBasedMetrics(
        event_label_list=names, time_resolution=1.0
    )
    for there, heard in zip(truth, found, strict=True):
        event.evaluate(there, heard)
        segment.evaluate(there, heard, evaluated_length_seconds=length)
    return tuple(
        m.results_overall_metrics()["f_measure"]["f_measure"] for m in (event, segment)
    )


def test_scores_of_events_by_hand():
    frames = np.zeros((1, 2, 1000))
    frames[0, 0, 115:205] = 0.9  # 150 ms late, 50 ms late: found
    frames[0, 0, 500:700] = 0.9  # found to the frame
    frames[0, 1, 430:600] = 0.9  # 300 ms late: not found, and one too many
    truth = [
        {"onset": 1.0, "offset": 2.0, "event_label": "dog"},
        {"onset": 5.0, "offset": 7.0, "event_label": "dog"},
        {"onset": 4.0, "offset": 6.0, "event_label": "cat"},
        {"onset": 8.0, "offset": 9.0, "event_label": "cat"},
    ]
    events = find_events(frames, ["dog", "cat"])
    assert len(events) == 3
    # 2 of 3 found events are right, 2 of 4 true ones found: 2 * 2 / (3 + 4). Segments:
    # dog 1, 2, 5, 6 where 1, 5, 6 are true; cat 4, 5 where 4, 5, 8 are true:
    # 2 * 5 / (6 + 6)
    found = score([truth], [as_dicts(events)], ["dog", "cat"], 10.0)
    assert found == pytest.approx((4 / 7, 10 / 12))


def test_a_tagger_finds_events_in_soundscapes():
    scenes = make_soundscapes(
        40, 2, duration=4.0, sample_rate=16000, n_events=(1, 2), snr=(10, 20),
        event_duration=(0.5, 2.0), random_state=0,
    )  # fmt: skip
    X = LogMel(16000, n_mels=32, hop_length=320).transform(scenes.data)
    tagger = CRNNTagger(
        "deep", pooling="linear_softmax", n_components=32, n_cells=32, frame_pooling=2,
        max_epochs=60, lr=0.003, random_state=0,
    ).fit(X, scenes.target)  # fmt: skip
    names = [str(name) for name in scenes.target_names]
    events = tagger.predict_events(X, classes=names, frame_duration=0.02)
    truth = [
        [{**e._asdict(), "event_label": names[e.label]} for e in clip]
        for clip in scenes.events
    ]
    heard = [as_dicts(events[events["row"] == row]) for row in range(40)]
    event, segment = score(truth, heard, names, 4.0)
    assert event > 0.4
    assert segment > 0.9
