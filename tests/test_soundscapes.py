import csv

import numpy as np
import pytest
import soundfile
from helpers import whole
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_triplet import LogMel, is_labeled
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
    first, second, other = small(), small(n_jobs=2), small(random_state=1)
    assert first.events == small(sample_rate=22050).events
    np.testing.assert_array_equal(first.data, second.data)
    assert first.events == second.events != other.events
    assert not np.allclose(first.data, other.data)
    assert small(random_state=None).events != small(random_state=None).events
    for kind in (np.random.RandomState, np.random.default_rng):
        assert small(random_state=kind(3)).events == small(random_state=kind(3)).events


def test_more_clips_begin_with_the_same_clips():
    few, many = small(3), small(8)
    np.testing.assert_array_equal(few.data, many.data[:3])
    np.testing.assert_array_equal(few.target_true, many.target_true[:3])
    assert few.events == many.events[:3]


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
    short = {"duration": 0.1, "event_duration": (0.05, 8.0)}
    events = sum(small(60, **short).events, [])
    assert all(event.offset <= 0.1 for event in events)
    corpus = make_soundscapes(12, sample_rate=16000, random_state=0, n_events=(6, 6))
    seconds = {name: [] for name in corpus.target_names}
    for event in sum(corpus.events, []):
        name = corpus.target_names[event.label]
        seconds[name].append(event.offset - event.onset)
    assert max(seconds["dog"]) < 4.1
    assert min(seconds["vacuum_cleaner"]) > 3.9


def test_every_class_occurs_unevenly():
    counts = small(150, duration=0.5, event_duration=(0.3, 0.5)).target_true.sum(axis=0)
    assert (counts > 0).all()
    assert counts[0] == counts.max()
    assert counts.max() > 1.8 * counts.min()


def test_classes_can_be_told_apart():
    X, y, long = [], [], {"duration": 6.0, "event_duration": (0.3, 8.0)}
    alone = {"n_events": (1, 1), "empty_fraction": 0, "snr": (5, 15)}
    for seed in (0, 1):
        corpus = small(250, random_state=seed, **long, **alone)
        log_mels = LogMel(16000).transform(corpus.data)
        X.append(np.concatenate([log_mels.mean(axis=2), log_mels.std(axis=2)], axis=1))
        y.append(corpus.target.argmax(axis=1))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    hits = model.fit(X[0], y[0]).predict(X[1]) == y[1]
    # the most frequent class alone is a fifth
    assert hits.mean() > 0.6
    assert min(hits[y[1] == label].mean() for label in range(10)) > 0.3


def test_levels_in_the_table_are_those_in_the_files(tmp_path):
    # the same draws at a level that vanishes leave the background alone
    settings = {"n_events": (1, 1), "empty_fraction": 0.0}
    loud = small(40, snr=(3, 9), output_dir=tmp_path, **settings)
    background = small(40, snr=(-60, -60), **settings).data
    rows, errors = read_table(tmp_path / "events.tsv"), []
    for path, row, silence in zip(loud.paths, rows, background, strict=True):
        waveform, rate = soundfile.read(path)
        start, stop = (round(float(row[end]) * rate) for end in ("onset", "offset"))
        sound, level = waveform - silence, float(row["snr"])
        # made softer, background and all, where the peak is
        if np.abs(waveform).max() < 0.97:
            errors.append(
                10 * np.log10(power(sound[start:stop]) / power(silence)) - level
            )
        assert power(sound[:start]) < 1e-6 or start < 100
    np.testing.assert_allclose(errors, 0, atol=0.1)
    assert len(errors) > 30
    levels = np.concatenate(loud.snr)
    assert 3 <= levels.min() < 4
    assert 8 < levels.max() <= 9


def test_empty_clips_are_labeled_by_zeros():
    (X, y) = small(40, empty_fraction=0.5, return_X_y=True)
    assert 10 < (y == 0).all(axis=1).sum() < 30
    assert (np.abs(X).max(axis=1) > 0).all()


@pytest.mark.parametrize("fraction", [0.25, 0.5, 1])
@pytest.mark.parametrize("n_classes", [1, 10])
@pytest.mark.filterwarnings("error")
def test_labeled_fraction(fraction, n_classes):
    corpus = small(40, n_classes, labeled_fraction=fraction)
    labeled = is_labeled(corpus.target)
    assert labeled.sum() == 40 * fraction
    assert (corpus.target[~labeled] == -1).all()
    np.testing.assert_array_equal(corpus.target[labeled], corpus.target_true[labeled])


@pytest.mark.parametrize("seed", range(3))
def test_every_class_that_sounds_is_labeled(seed):
    corpus = small(60, labeled_fraction=0.001, random_state=seed)
    labeled = is_labeled(corpus.target)
    np.testing.assert_array_equal(
        corpus.target[labeled].any(axis=0), corpus.target_true.any(axis=0)
    )


def test_files_and_tables_say_what_the_bunch_says(tmp_path):
    folder = tmp_path / "new" / "scenes"
    corpus = small(20, labeled_fraction=0.5, output_dir=folder)
    assert "data" not in corpus
    assert corpus.paths[1] == str(folder / "clip_00001.flac")
    for path, waveform in zip(corpus.paths, small(20).data, strict=True):
        written, sample_rate = soundfile.read(path, dtype="float32")
        assert sample_rate == 16000
        np.testing.assert_allclose(written, waveform, atol=2**-15)
    rows = read_table(folder / "labels.tsv")
    files = [f"clip_{i:05d}.flac" for i in range(20)]
    assert [row["filename"] for row in rows] == files
    known = [row["labeled"] == "1" for row in rows]
    np.testing.assert_array_equal(known, is_labeled(corpus.target))
    for row, truth in zip(rows, corpus.target_true, strict=True):
        assert row["event_labels"] == ",".join(corpus.target_names[truth == 1])
    expected = [
        [file, f"{onset:.3f}", f"{offset:.3f}", corpus.target_names[label]]
        for file, events in zip(files, corpus.events, strict=True)
        for label, onset, offset in events
    ]
    rows = read_table(folder / "events.tsv")
    assert [[*row.values()][:4] for row in rows] == expected


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
        ({"event_duration": (3, 8)}, "a number in [0.05, 2.0]"),
        ({"empty_fraction": 2}, "a number in [0, 1]"),
        ({"random_state": -1}, "an integer in [0, inf)"),
        ({"output_dir": 3}, "the path of a folder, or None"),
        ({"output_dir": ""}, "the path of a folder, or None"),
    ],
)
def test_refusals(changes, range_of_values):
    ((name, value),) = changes.items()
    if value == (3, 8):  # it is the shortest that does not fit
        name, value = "event_duration[0]", 3
    sentence = (
        f"The {name!r} parameter of make_soundscapes must be {range_of_values}. "
        f"Got {value!r} instead."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        small(**changes)


def test_output_dir_is_a_file(tmp_path):
    (tmp_path / "taken").touch()
    sentence = (
        "The 'output_dir' parameter of make_soundscapes must be a folder. There is a "
        f"file at {str(tmp_path / 'taken')!r}: give another name or move the file."
    )
    with pytest.raises(NotADirectoryError, match=whole(sentence)):
        small(output_dir=tmp_path / "taken")
