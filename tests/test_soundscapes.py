import csv
import warnings

import numpy as np
import pytest
import soundfile
from helpers import whole

from sklearn_triplet import is_labeled
from sklearn_triplet.datasets import make_soundscapes

# small enough to be computed in a few milliseconds a clip
SMALL = {"duration": 2.0, "sample_rate": 16000, "event_duration": (0.3, 1.0)}
BOUNDS = "(lowest, highest)"


def small(n_clips=6, n_classes=10, **changes):
    return make_soundscapes(
        n_clips, n_classes, **{"random_state": 0, **SMALL, **changes}
    )


def power(waveform):
    return np.mean(np.square(waveform, dtype=np.float64))


def read_table(path):
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def test_waveforms_are_sound():
    corpus = small(30)
    data, likeness = corpus.data, np.corrcoef(corpus.data) - np.eye(30)
    assert data.shape == (30, 32000)
    assert data.dtype == np.float32
    assert corpus.sample_rate == 16000
    assert np.abs(likeness).max() < 0.5  # no two clips are alike
    assert np.isfinite(data).all()
    assert (np.abs(data).max(axis=1) < 1).all()
    assert (np.abs(data).max(axis=1) > 0.003).all()
    assert (np.abs(data.mean(axis=1)) < 0.01).all()


def test_the_seed_decides_every_bit():
    first, second, other = small(), small(), small(random_state=1)
    np.testing.assert_array_equal(first.data, second.data)
    assert first.events == second.events != other.events
    assert not np.allclose(first.data, other.data)
    assert small(random_state=None).events != small(random_state=None).events


@pytest.mark.parametrize("kind", [np.random.RandomState, np.random.default_rng])
def test_generators_as_random_state(kind):
    first, second = small(random_state=kind(3)), small(random_state=kind(3))
    np.testing.assert_array_equal(first.data, second.data)


def test_more_clips_begin_with_the_same_clips():
    few, many = small(3), small(8)
    np.testing.assert_array_equal(few.data, many.data[:3])
    np.testing.assert_array_equal(few.target_true, many.target_true[:3])
    assert few.events == many.events[:3]


def test_the_plan_does_not_depend_on_the_sample_rate():
    assert small().events == small(sample_rate=22050).events


def test_jobs_change_nothing():
    np.testing.assert_array_equal(small().data, small(n_jobs=2).data)


def test_global_generator_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    small(2)
    small(2, random_state=None)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_labels_agree_with_events():
    corpus = small(60, 4, n_events=(2, 3), event_duration=(0.3, 0.9))
    assert corpus.target.shape == corpus.target_true.shape == (60, 4)
    assert corpus.target.dtype == np.int64
    assert corpus.target_names.tolist() == ["speech", "dog", "cat", "alarm"]
    for row, events in zip(corpus.target_true, corpus.events, strict=True):
        assert set(np.flatnonzero(row)) == {event.label for event in events}
        assert list(events) == sorted(events, key=lambda event: event.onset)
        assert len(events) in (0, 2, 3)
        for _, onset, offset in events:
            assert 0 <= onset < offset <= 2.0
            assert 0.3 - 0.002 <= offset - onset <= 0.9 + 0.002


def test_classes_have_lengths_of_their_own():
    corpus = make_soundscapes(60, duration=0.1, sample_rate=16000, event_duration=(
        0.05, 8.0), random_state=0)  # fmt: skip
    assert all(event.offset <= 0.1 for events in corpus.events for event in events)
    corpus = make_soundscapes(12, sample_rate=16000, random_state=0, n_events=(6, 6))
    names = corpus.target_names
    seconds = {name: [] for name in names}
    for event in (event for events in corpus.events for event in events):
        seconds[names[event.label]].append(event.offset - event.onset)
    assert max(seconds["dog"]) < 4.1
    assert min(seconds["vacuum_cleaner"]) > 3.9


def test_every_class_occurs_unevenly():
    counts = small(150, duration=0.5, event_duration=(0.3, 0.5)).target_true.sum(axis=0)
    assert (counts > 0).all()
    assert counts[0] == counts.max()
    assert counts.max() > 1.8 * counts.min()


def test_each_class_is_heard_where_the_events_are():
    # far above the background, so that what is not the event is nearly silent
    corpus = small(60, snr=(40, 40), n_events=(1, 1), empty_fraction=0.0)
    assert corpus.target_true.any(axis=0).all()
    for waveform, (event,) in zip(corpus.data, corpus.events, strict=True):
        start, stop = int(event.onset * 16000), int(event.offset * 16000)
        within = power(waveform[start:stop])
        assert start < 500 or within > 300 * power(waveform[:start])


def test_levels_in_the_table_are_those_in_the_files(tmp_path):
    # the same draws at a level that vanishes leave the background alone
    settings = {"n_events": (1, 1), "empty_fraction": 0.0, "audio_format": "wav"}
    loud = small(20, snr=(-6, 3), output_dir=tmp_path, **settings)
    background = small(20, snr=(-60, -60), **settings).data
    rows = read_table(tmp_path / "events.tsv")
    for clip, (path, row) in enumerate(zip(loud.paths, rows, strict=True)):
        waveform, rate = soundfile.read(path)
        assert np.abs(waveform).max() < 0.97
        start, stop = (int(float(row[end]) * rate) for end in ("onset", "offset"))
        sound = (waveform - background[clip])[start:stop]
        level = 10 * np.log10(power(sound) / power(background[clip]))
        assert level == pytest.approx(float(row["snr"]), abs=0.1)


def test_levels_fill_their_range():
    levels = np.concatenate(small(60, snr=(-3, 6)).snr)
    assert -3 <= levels.min() < -1
    assert 4 < levels.max() <= 6


@pytest.mark.parametrize(("fraction", "n_labeled"), [(0.25, 10), (0.5, 20), (1, 40)])
def test_labeled_fraction(fraction, n_labeled):
    corpus = small(40, labeled_fraction=fraction)
    labeled = is_labeled(corpus.target)
    assert labeled.sum() == n_labeled
    assert (corpus.target[~labeled] == -1).all()
    np.testing.assert_array_equal(corpus.target[labeled], corpus.target_true[labeled])


@pytest.mark.parametrize("seed", range(3))
def test_every_class_that_sounds_is_labeled(seed):
    corpus = small(60, labeled_fraction=0.001, random_state=seed)
    labeled = is_labeled(corpus.target)
    np.testing.assert_array_equal(
        corpus.target[labeled].any(axis=0), corpus.target_true.any(axis=0)
    )


def test_empty_clips_are_labeled_by_zeros():
    corpus = small(5, empty_fraction=1.0)
    assert corpus.events == [[]] * 5
    assert (corpus.target == 0).all()
    assert (np.abs(corpus.data).max(axis=1) > 0).all()
    n_empty = sum(not events for events in small(60, empty_fraction=0.5).events)
    assert 15 < n_empty < 45


def test_returns_a_pair(tmp_path):
    (X, y), corpus = small(return_X_y=True, labeled_fraction=0.5), small()
    np.testing.assert_array_equal(X, corpus.data)
    assert is_labeled(y).sum() == 3
    paths, y = small(return_X_y=True, labeled_fraction=0.5, output_dir=tmp_path)
    assert len(paths[is_labeled(y)]) == 3


def test_one_class_raises_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        corpus = small(8, 1, labeled_fraction=0.5)
    assert corpus.target.shape == (8, 1)
    assert is_labeled(corpus.target).sum() == 4


@pytest.mark.parametrize("audio_format", ["flac", "wav"])
def test_files_hold_the_waveforms(tmp_path, audio_format):
    folder = tmp_path / "new" / "scenes"
    corpus = small(output_dir=folder, audio_format=audio_format)
    assert "data" not in corpus
    assert corpus.paths[1] == str(folder / f"clip_00001.{audio_format}")
    for path, waveform in zip(corpus.paths, small().data, strict=True):
        written, sample_rate = soundfile.read(path, dtype="float32")
        assert sample_rate == 16000
        assert written.shape == waveform.shape
        np.testing.assert_allclose(written, waveform, atol=2**-15)


def test_tables_say_what_the_bunch_says(tmp_path):
    corpus = small(20, labeled_fraction=0.5, output_dir=tmp_path)
    rows = read_table(tmp_path / "labels.tsv")
    assert [row["filename"] for row in rows] == [
        f"clip_{i:05d}.flac" for i in range(20)
    ]
    known = [row["labeled"] == "1" for row in rows]
    np.testing.assert_array_equal(known, is_labeled(corpus.target))
    for row, truth in zip(rows, corpus.target_true, strict=True):
        tags = row["event_labels"].split(",") if row["event_labels"] else []
        assert tags == corpus.target_names[truth == 1].tolist()
    rows = read_table(tmp_path / "events.tsv")
    expected = [
        (f"clip_{clip:05d}.flac", onset, offset, corpus.target_names[label])
        for clip, events in enumerate(corpus.events)
        for label, onset, offset in events
    ]
    assert expected == [
        (row["filename"], float(row["onset"]), float(row["offset"]), row["event_label"])
        for row in rows
    ]


@pytest.mark.parametrize(
    ("changes", "range_of_values"),
    [
        ({"n_clips": 0}, "an integer in [1, inf)"),
        ({"n_classes": 11}, "an integer in [1, 10]"),
        ({"labeled_fraction": 0}, "a number in (0, 1]"),
        ({"duration": 0}, "a number in [0.1, 600]"),
        ({"sample_rate": 8000}, "an integer in [16000, 96000]"),
        ({"n_events": (3, 1)}, f"two ascending integers {BOUNDS} in [1, inf)"),
        ({"n_events": 3}, f"two ascending integers {BOUNDS} in [1, inf)"),
        ({"snr": (0, 99)}, f"two ascending numbers {BOUNDS} in [-60, 60]"),
        ({"event_duration": (0, 1)}, f"two ascending numbers {BOUNDS} in [0.05, inf)"),
        ({"empty_fraction": 2}, "a number in [0, 1]"),
        ({"audio_format": "mp3"}, "one of ['flac', 'wav']"),
        ({"random_state": -1}, "an integer in [0, inf)"),
        ({"output_dir": 3}, "the path of a folder, or None"),
        ({"output_dir": ""}, "the path of a folder, or None"),
    ],
)
def test_refusals(changes, range_of_values):
    ((name, value),) = changes.items()
    sentence = (
        f"The {name!r} parameter of make_soundscapes must be {range_of_values}. "
        f"Got {value!r} instead."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        small(**changes)


def test_events_longer_than_the_clip():
    message = (
        "The shortest event (3 s) must fit into a clip (2.0 s). Lower the first of "
        "'event_duration' or raise 'duration'."
    )
    with pytest.raises(ValueError, match=whole(message)):
        small(event_duration=(3, 8))


def test_output_dir_is_a_file_or_in_one(tmp_path):
    taken = tmp_path / "taken"
    taken.touch()
    below = taken / "clips"
    for folder, rest in (
        (taken, f"a folder. There is a file at {str(taken)!r}: give another name or "
         "move the file."),
        (below, f"a folder that is there or can be made. {str(below)!r} cannot (Not a "
         "directory): give another name."),
    ):  # fmt: skip
        sentence = f"The 'output_dir' parameter of make_soundscapes must be {rest}"
        with pytest.raises(NotADirectoryError, match=whole(sentence)):
            small(output_dir=folder)
