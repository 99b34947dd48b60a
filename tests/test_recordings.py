"""Recordings of any length become clips, labeled by tables of their events."""

import os
import struct
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from helpers import make_noise, whole, write
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import Pipeline

from sklearn_triplet import TripletTagger, UnlabeledInTrain, labeled_scorer
from sklearn_triplet.datasets import load_recordings, read_events, write_events

DATA = Path(__file__).parents[2] / "shared" / "data"
METADATA = DATA / "dcase2018_task4" / "metadata"
NO_DATA = "the tables of DCASE 2018 are not here"
RATE = 8000


def fill(folder, durations):
    """Write silent recordings of so many seconds."""
    for name, duration in durations.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(round(duration * RATE)), RATE)
    return folder


def table(*rows):
    columns = ["filename", "onset", "offset", "event_label"]
    return pd.DataFrame(rows, columns=columns[: len(rows[0]) if rows else 4])


def refused(error, *args, **options):
    with pytest.raises(error) as caught:
        load_recordings(*args, **options)
    assert caught.type is error
    return str(caught.value)


def times(corpus):
    return [row[1:] for row in corpus.data]


@pytest.fixture
def home(tmp_path):
    return fill(tmp_path / "home", {"a.wav": 20, "b/c.flac": 12.5, "d.wav": 3})


# --- windows


def test_clips_side_by_side_and_the_last_one_up_to_the_end(home):
    corpus = load_recordings(home)
    a, c, d = (str(home / name) for name in ("a.wav", "b/c.flac", "d.wav"))
    assert corpus.data == [
        (a, 0.0, 10.0), (a, 10.0, 20.0), (c, 0.0, 10.0), (c, 2.5, 12.5), (d, 0.0, 3.0)
    ]  # fmt: skip
    for row in corpus.data:
        assert [type(value) for value in row] == [str, float, float]
    assert corpus.groups.tolist() == [a, a, c, c, d]
    assert corpus.durations == {a: 20, c: 12.5, d: 3}
    assert corpus.target.tolist() == [-1] * 5
    assert corpus.target_names.shape == (0,)
    assert corpus.missing == corpus.unlisted == corpus.skipped == []
    assert corpus.events.shape == corpus.beyond.shape == (0,)
    assert corpus.DESCR == (
        f"5 clips of 3 recordings in {str(home)!r}, 0.01 hours. Events: 0 of 0 classes."
        " Labeled clips: 0, of which 0 are known in full. Listed but not there: 0; "
        "there but not listed: 0; beyond the end: 0; skipped: 0."
    )
    data, target = load_recordings(home, return_X_y=True)
    assert data == corpus.data
    assert target.tolist() == [-1] * 5


@pytest.mark.parametrize("clip_duration", [10, 4.0, 0.96, 1 / 3])
@pytest.mark.parametrize("share", [1, 0.5, 0.3])
@pytest.mark.parametrize("duration", [30, 29.99, 30.01, 12.34, 10.000125, 0.2])
def test_no_sound_is_lost(tmp_path, clip_duration, share, duration):
    fill(tmp_path, {"a.wav": duration})
    hop = clip_duration * share
    corpus = load_recordings(tmp_path, clip_duration=clip_duration, hop=hop)
    onsets, offsets = np.array(times(corpus)).T
    (length,) = corpus.durations.values()
    assert length == round(duration * RATE) / RATE
    assert onsets[0] == 0
    assert offsets[-1] == pytest.approx(length, abs=1e-9)
    assert offsets[-1] <= length
    np.testing.assert_allclose(offsets - onsets, min(clip_duration, length), atol=2e-9)
    steps = np.diff(onsets)
    np.testing.assert_allclose(steps[:-1], hop, atol=2e-9)
    assert (steps[-1:] <= hop + 2e-9).all() and (steps > 1e-6).all()


def test_times_are_as_people_write_them(tmp_path):
    fill(tmp_path, {"a.wav": 1.3})
    corpus = load_recordings(tmp_path, clip_duration=1, hop=0.1)
    assert times(corpus) == [(0.0, 1.0), (0.1, 1.1), (0.2, 1.2), (0.3, 1.3)]


def test_a_list_of_paths(home, monkeypatch):
    monkeypatch.chdir(home)
    for paths in (["d.wav", Path("b/c.flac")], np.array(["d.wav", "b/c.flac"])):
        corpus = load_recordings(paths, table(("c", 1, 2, "x")))
        assert [row[0] for row in corpus.data] == ["d.wav", "b/c.flac", "b/c.flac"]
        assert corpus.target.tolist() == [[-1], [1], [-1]]
        assert corpus.unlisted == ["d.wav"]
        assert corpus.events["filename"].tolist() == ["b/c.flac"]


def test_only_headers_are_read(tmp_path):
    """Ten hours, whose 1.2 GB of samples are a hole in the file."""
    n_bytes = 36000 * 16000 * 2
    header = b"RIFF" + struct.pack("<I", 36 + n_bytes) + b"WAVEfmt "
    header += struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16)
    with open(tmp_path / "day.wav", "wb") as file:
        file.write(header + b"data" + struct.pack("<I", n_bytes))
        file.truncate(44 + n_bytes)
    tracemalloc.start()
    began = time.perf_counter()
    corpus = load_recordings(tmp_path, table(("day", 35999, 36000, "x")), hop=1)
    seconds, (_, peak) = time.perf_counter() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(corpus.data) == 35991
    assert np.flatnonzero(corpus.target == 1).tolist() == [35990]
    assert peak < 50e6
    assert seconds < 10


# --- labels


def label(tmp_path, events, duration=20, **options):
    fill(tmp_path, {"a.wav": duration})
    options = {"clip_duration": 5, "listened": "all", **options}
    return load_recordings(tmp_path, table(*events), **options).target.T.tolist()


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        # a call of 0.3 s: the half of it is 0.15 s
        ([(1.0, 1.3)], [1, 0, 0, 0]),
        ([(4.8, 5.1)], [1, -1, 0, 0]),
        ([(4.85, 5.15)], [1, 1, 0, 0]),
        ([(4.9, 5.2)], [-1, 1, 0, 0]),
        # it ends where the clip begins, and so is not in there
        ([(4.7, 5.0)], [1, 0, 0, 0]),
        ([(5.0, 5.3)], [0, 1, 0, 0]),
        # rain: the half of the clip is 2.5 s, that of the event more
        ([(2.5, 17.4)], [1, 1, 1, -1]),
        ([(2.6, 17.5)], [-1, 1, 1, 1]),
        # two calls of 1.5 s share 3 s with the clip if they are apart, 2 s if not
        ([(0, 6), (3, 9.9)], [1, 1, 0, 0]),
        ([(3.5, 6.6), (3.6, 9)], [-1, 1, 0, 0]),
        ([(2, 3.5), (3.5, 30 / 4)], [1, 1, 0, 0]),
        # an event in the middle of another one of its class adds nothing
        ([(3, 10), (4, 5), (4.1, 4.2)], [-1, 1, 0, 0]),
        # a point label
        ([(7, 7)], [0, 1, 0, 0]),
        ([(20, 20)], [0, 0, 0, 1]),
    ],
)
def test_classes_by_hand(tmp_path, spans, expected):
    events = [("a", *span, "x") for span in spans]
    assert label(tmp_path, events) == [expected]
    # what nobody listened to, a class may be in as well
    unknown = [value if value == 1 else -1 for value in expected]
    assert label(tmp_path, events, listened=None) == [unknown]


def test_the_share_is_a_choice(tmp_path):
    events = [("a", 4.7, 5.7, "call"), ("a", 8, 16, "rain")]
    for share, call, rain in [
        (0.2, [1, 1, 0, 0], [0, 1, 1, 1]),
        (0.4, [-1, 1, 0, 0], [0, 1, 1, -1]),
        (1, [-1, -1, 0, 0], [0, -1, 1, -1]),
    ]:
        assert label(tmp_path, events, min_overlap=share) == [call, rain]


def test_labels_of_many_random_events_as_counted_on_a_grid(tmp_path):
    """All times are hundredths of a second, so that seconds are cells of a row."""
    rng = np.random.default_rng(0)
    fill(tmp_path, {"a.wav": 60})
    for _ in range(20):
        n_events, length = int(rng.integers(1, 30)), int(rng.integers(1, 900))
        onsets = rng.integers(0, 6000, n_events)
        offsets = np.minimum(onsets + rng.integers(1, length + 1, n_events), 6000)
        labels = rng.choice(["p", "q"], n_events)
        rows = zip(onsets / 100, offsets / 100, labels, strict=True)
        heard = np.sort(rng.integers(0, 6000, 4)).reshape(2, 2)
        corpus = load_recordings(
            tmp_path, table(*[("a", *row) for row in rows]), clip_duration=4, hop=1.5,
            min_overlap=0.25, listened=table(*[("a", *row) for row in heard / 100]),
            target_names=["p", "q"],
        )  # fmt: skip
        grid = np.zeros((2, 6002), dtype=int)
        for onset, offset, name in zip(onsets, offsets, labels, strict=True):
            grid["pq".index(name), onset:offset] = 1
        listened = np.zeros(6000, dtype=bool)
        for onset, offset in heard:
            listened[onset:offset] = True
        # events that touch become one run of ones, with a number of its own
        starts = np.diff(grid, axis=1, prepend=0) == 1
        runs = np.cumsum(starts, axis=1) * grid
        for row, (onset, offset) in zip(corpus.target, times(corpus), strict=True):
            window = slice(round(onset * 100), round(offset * 100))
            for k in range(2):
                inside = runs[k, window]
                found = np.unique(inside[inside > 0])
                present = (inside > 0).sum() >= 100 or any(
                    (inside == run).sum() >= 0.25 * (runs[k] == run).sum()
                    for run in found
                )
                absent = listened[window].all() and not len(found)
                assert row[k] == (1 if present else 0 if absent else -1)


def test_absent_only_where_somebody_listened(home):
    events = [("a", 1, 2, "x"), ("c", 2, 4, "y"), ("a", 11, 12, "y")]
    for listened, expected in [
        (None, [[1, -1], [-1, 1], [-1, 1], [-1, 1], [-1, -1]]),
        ("all", [[1, 0], [0, 1], [0, 1], [0, 1], [0, 0]]),
        ("listed", [[1, 0], [0, 1], [0, 1], [0, 1], [-1, -1]]),
        # one second of the clip is not enough, and two stretches may meet
        (table(("a", 0, 9)), [[1, -1], [-1, 1], [-1, 1], [-1, 1], [-1, -1]]),
        (
            table(("a", 0, 9), ("a", 9, 10)),
            [[1, 0], [-1, 1], [-1, 1], [-1, 1], [-1, -1]],
        ),
        (
            table(("c", 0, 10), ("d", None, None)),
            [[1, -1], [-1, 1], [0, 1], [-1, 1], [0, 0]],
        ),
    ]:  # fmt: skip
        # the half of the event in c is in both clips
        found = load_recordings(home, table(*events), listened=listened)
        assert found.target.tolist() == expected
        # rows of the table say the same
        if isinstance(listened, pd.DataFrame):
            marks = [
                (*row, "Listened") for row in listened.dropna().to_numpy().tolist()
            ]
            marked = load_recordings(home, table(*events, *marks))
            kept = marked.groups != str(home / "d.wav")
            assert marked.target[kept].tolist() == found.target[kept].tolist()
            assert marked.target_names.tolist() == ["x", "y"]
            assert len(marked.events) == 3


def test_a_recording_without_events_was_listened_to_where_it_is_listed(home):
    events = table(("a", 0, 5, "x"), ("d", None, None, None))
    found = load_recordings(home, events, listened="listed")
    assert found.target.ravel().tolist() == [1, 0, -1, -1, 0]
    assert found.unlisted == [str(home / "b/c.flac")]


@pytest.mark.parametrize("format", ["audacity", "raven"])
def test_tracks_beside_their_recordings(home, format):
    events = read_events(
        table(("a", 1, 2, "x"), ("b/c", 2, 4, "y"), ("a", 0, 20, "listened"))
    )
    expected = load_recordings(home, events)
    write_events(events, home, format)
    found = load_recordings(home, home)
    assert found.target.tolist() == expected.target.tolist()
    assert found.target.tolist() == [[1, 0], [0, 0], [-1, 1], [-1, 1], [-1, -1]]
    assert found.events.tolist()[0][:4] == (str(home / "a.wav"), 1, 2, "x")
    if format == "audacity":
        track = load_recordings([home / "a.wav"], home / "a.txt")
        assert track.target.tolist() == [[1], [0]]


def test_a_table_lies_here_or_in_the_folder(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_events(table(("a", 1, 2, "x")), home / "e.csv")
    assert load_recordings("home", "e.csv").target[0].tolist() == [1]
    write_events(table(("a", 11, 12, "x")), "e.csv")
    assert load_recordings("home", "e.csv").target[0].tolist() == [-1]


def test_classes_of_the_training_set_keep_their_columns(home):
    names = ["x", "w", "v"]
    found = load_recordings(home, table(("a", 1, 2, "v")), target_names=names)
    assert found.target[0].tolist() == [-1, -1, 1]
    assert found.target_names.tolist() == names
    nothing = load_recordings(home, target_names=names)
    assert nothing.target.tolist() == [[-1] * 3] * 5
    silence = load_recordings(home, target_names=names, listened="all")
    assert silence.target.tolist() == [[0] * 3] * 5


# --- what does not fit


def test_times_beyond_the_end_are_counted_and_cut(home):
    rows = [("a", 18, 20.15, "x"), ("a", 19, 21, "x"), ("d", 4, 5, "y"),
            ("d", 2.5, 4, "y"), ("d", 3, 3.1, "z")]  # fmt: skip
    sentence = (
        "load_recordings found 4 events or stretches that end after their recording, 2 "
        "of which begin there. The first is row 1 of the DataFrame: 19 to 21 s in 'a'. "
        "What is left of them is used; the field 'beyond' names them all."
    )
    with pytest.warns(UserWarning, match=whole(sentence)) as caught:
        corpus = load_recordings(home, table(*rows))
    assert len(caught) == 1 and caught[0].filename == __file__
    assert [(e["onset"], e["offset"]) for e in corpus.events] == [
        (18, 20), (19, 20), (2.5, 3)
    ]  # fmt: skip
    assert sorted(corpus.beyond["offset"].tolist()) == [3.1, 4, 5, 21]
    # of what is left of the event, 0.5 s, the clip has all
    assert corpus.target.tolist() == [[-1, -1], [1, -1], [-1, -1], [-1, -1], [-1, 1]]


def test_stretches_beyond_the_end_are_cut(home):
    with pytest.warns(UserWarning, match="found 1 events or stretches"):
        corpus = load_recordings(
            home, target_names=["x"], listened=table(("a", 10, 3600))
        )
    assert corpus.target.ravel().tolist() == [-1, 0, -1, -1, -1]


def test_recordings_that_are_not_there_are_counted_and_named(home):
    events = table(("a", 1, 2, "x"), ("b/d.flac", 1, 2, "y"), ("b/d.flac", 3, 4, "x"))
    sentence = (
        f"1 of the 2 recordings that the DataFrame lists are not in {str(home)!r}; the "
        "first is 'b/d.flac' (is it 'b/c.flac'?). They are left out; the field "
        "'missing' names them all."
    )
    with pytest.warns(UserWarning, match=whole(sentence)):
        corpus = load_recordings(home, events)
    assert corpus.missing == ["b/d.flac"]
    assert corpus.target_names.tolist() == ["x"]
    assert refused(FileNotFoundError, home, events[1:]) == (
        f"1 of the 1 recordings that the DataFrame lists are not in {str(home)!r}; the "
        "first is 'b/d.flac' (is it 'b/c.flac'?). Correct the folder, or the names in "
        "the table."
    )


def test_recordings_that_cannot_be_read_are_counted_and_named(home):
    (home / "bad.wav").write_bytes(b"RIFF")
    (home / "old.wma").touch()
    soundfile.write(home / "none.wav", np.zeros(0), RATE)
    with pytest.warns(UserWarning, match="skipped 3 of the 6 recordings") as caught:
        corpus = load_recordings(home, table(("bad", 0, 1, "x"), ("a", 0, 1, "x")))
    assert len(caught) == 1
    assert corpus.missing == []
    assert [Path(path).name for path, _ in corpus.skipped] == [
        "old.wma", "bad.wav", "none.wav"
    ]  # fmt: skip
    assert len(corpus.data) == 5
    only = [home / "bad.wav", home / "gone.wav"]
    assert refused(ValueError, only).startswith(
        f"load_recordings can read none of the 2 recordings in {str(home)!r}, first "
        f"'bad.wav': {str(home / 'bad.wav')!r} cannot be read as sound"
    )
    with pytest.warns(UserWarning, match="there is no file"):
        assert len(load_recordings([home / "a.wav", home / "gone.wav"]).data) == 2


def test_a_stream_does_not_say_how_long_it_is(tmp_path):
    fill(tmp_path, {"a.flac": 20, "b.flac": 20})
    content = bytearray((tmp_path / "b.flac").read_bytes())
    # the last 36 of the bits before the checksum are the number of samples
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    (tmp_path / "b.flac").write_bytes(content)
    with pytest.warns(UserWarning, match="'b.flac'.*does not say how long it is"):
        assert len(load_recordings(tmp_path).data) == 2


def test_a_header_that_promises_days_makes_no_clips(tmp_path):
    fill(tmp_path, {"a.flac": 20, "b.flac": 20})
    content = bytearray((tmp_path / "b.flac").read_bytes())
    # 2**36 - 1 samples: a list of their clips took minutes, and then all memory
    content[21] |= 0x0F
    content[22:26] = b"\xff" * 4
    (tmp_path / "b.flac").write_bytes(content)
    began = time.perf_counter()
    sentence = rf"'b.flac'.*promises \d+\.\d+ s in {len(content)} bytes by its header"
    with pytest.warns(UserWarning, match=sentence):
        corpus = load_recordings(tmp_path, clip_duration=0.1)
    assert time.perf_counter() - began < 2
    assert list(corpus.durations.values()) == [20]
    assert [path for path, _ in corpus.skipped] == [str(tmp_path / "b.flac")]


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.caf"])
def test_minutes_of_silence_in_a_few_bytes_are_minutes(tmp_path, name):
    subtype = {"a.caf": "ALAC_16"}.get(name)
    with soundfile.SoundFile(tmp_path / name, "w", 44100, 1, subtype) as file:
        for _ in range(60):
            file.write(np.zeros(44100 * 10))
    size = (tmp_path / name).stat().st_size
    assert 600 * 44100 > 50 * size  # closer than any other sound
    corpus = load_recordings(tmp_path)
    assert (len(corpus.data), corpus.skipped) == (60, [])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"clip_duration": 0}, "'clip_duration' parameter of load_recordings must be a "
         "number in (0, inf). Got 0 instead."),
        ({"hop": 10.5}, "'hop' parameter of load_recordings must be a number in (0, "
         "10.0]. Got 10.5 instead."),
        ({"min_overlap": 0}, "'min_overlap' parameter of load_recordings must be a "
         "number in (0, 1]. Got 0 instead."),
        ({"target_names": ["x", "x"]}, "'target_names' parameter of load_recordings "
         "must be None or a sequence of different texts, one for each class. Got "
         "['x', 'x'] instead."),
        ({"target_names": ["listened"]}, "'target_names' parameter of load_recordings "
         "must not hold 'listened': events of this label mark what somebody listened "
         "to. Call the class otherwise."),
        ({"listened": "listed"}, "'listened' parameter of load_recordings must be "
         "None, one of ['all'] ('listed' with events), or a table with the columns "
         "'filename', 'onset' and 'offset'. Got 'listed' instead, which is no file."),
    ],
)  # fmt: skip
def test_parameters_that_cannot_be(home, options, sentence):
    assert refused(ValueError, home, **options) == f"The {sentence}"


def test_recordings_that_cannot_be(home):
    cure = "give the folder that holds the recordings, or a list of their paths."
    for given in (3, [], [3]):
        assert refused(ValueError, given) == (
            "The 'recordings' parameter of load_recordings must be a folder or a "
            f"sequence of paths. Got {given!r} instead: {cure}"
        )
    assert refused(FileNotFoundError, home / "a.wav").endswith(
        f"There is a file at {str(home / 'a.wav')!r}: {cure}"
    )
    assert refused(ValueError, [home / "a.wav", f"{home}/./a.wav"]) == (
        "The 'recordings' parameter of load_recordings must name each file once. Got "
        f"'{home}/./a.wav' twice: take one out."
    )
    (home / "x").mkdir()
    assert "Correct 'recordings'." in refused(FileNotFoundError, home / "x")


def test_events_of_one_form_only(home):
    track = home / "a.txt"
    track.write_text("0\t1\tx\n")
    for given in ([track], {"a": track}, np.zeros(3)):
        message = refused(ValueError, home, given)
        assert message.startswith("The 'events' parameter of load_recordings must be a")
        assert message.endswith(f"a folder of these. Got {repr(given)[:80]} instead.")


def test_tables_that_cannot_be(home):
    path = home / "e.csv"
    assert refused(ValueError, home, table()) == (
        "load_recordings found no rows in the DataFrame. Fill it in, or give "
        "events=None."
    )
    path.write_text("filename,onset,offset,event_label\na,0,1,x\na,5,4,x\n")
    assert refused(ValueError, home, path) == (
        f"load_recordings cannot use line 3 of the table {str(path)!r}: it must hold "
        "an onset and an offset in seconds, 0 <= onset <= offset, as 0.163 and 2.5. "
        "Got '5' and '4' instead: correct the row or take it out."
    )
    path.write_text("filename,onset,offset,event_label\na,0,1,x\na,5,6,y\n")
    assert refused(ValueError, home, path, target_names=["x"]) == (
        f"load_recordings cannot use line 3 of the table {str(path)!r}: it must name "
        "one of the 'target_names' ['x']. Got 'y' instead: correct the row or take it "
        "out."
    )
    assert refused(ValueError, home, table(("a", None, None, None))) == (
        "load_recordings found no class in the DataFrame: none of its rows is an event "
        "of a recording that is there. Give 'target_names', or another table."
    )
    fill(home, {"e/c.flac": 1})
    assert "'c' fits 2 below" in refused(ValueError, home, table(("c", 0, 1, "x")))


# --- what it is for


class Levels(TransformerMixin, BaseEstimator):
    """Reads clips as a transformer of recordings does: levels (n_clips, 1, 20)."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        assert isinstance(X, list) and all(isinstance(row, tuple) for row in X)
        levels = []
        for path, onset, offset in X:
            start, stop = round(onset * RATE), round(offset * RATE)
            samples, _ = soundfile.read(path, start=start, stop=stop)
            levels.append(np.abs(samples).reshape(1, 20, -1).mean(axis=2))
        return np.array(levels)


@pytest.fixture
def recorded(tmp_path):
    """Six recordings of 8 s, loud in odd seconds, and a table of four of them."""
    loud = np.repeat(np.arange(8) % 2, RATE) * 0.9 + 0.1
    for i in range(6):
        write(tmp_path / f"{i}.wav", make_noise(8 * RATE, seed=i) * loud, RATE)
    rows = [(str(i), k, k + 1, "loud") for i in range(4) for k in (1, 3, 5, 7)]
    quiet = [(str(i), k, k + 1, "quiet") for i in range(4) for k in (0, 2, 4, 6)]
    return tmp_path, table(*rows, *quiet)


def test_folds_and_searches_take_clips_and_never_split_a_recording(recorded):
    folder, events = recorded
    corpus = load_recordings(
        folder, events, listened="listed", clip_duration=1, hop=0.5
    )
    X, y, groups = corpus.data, corpus.target, corpus.groups
    assert (y[groups >= str(folder / "4.wav")] == -1).all()
    cv = UnlabeledInTrain(GroupKFold(2))
    n_tested = 0
    for train, test in cv.split(X, y, groups):
        assert not set(groups[train]) & set(groups[test])
        assert {str(folder / "4.wav"), str(folder / "5.wav")} < set(groups[train])
        n_tested += len(test)
    # the half of an event in a clip is enough, so nothing is known in part
    assert n_tested == (y[:, 0] != -1).sum() == len(X) * 4 // 6
    tagger = TripletTagger(max_epochs=1, n_steps=2, batch_size=20, random_state=0)
    pipe = Pipeline([("read", Levels()), ("tag", tagger)])
    scorer = labeled_scorer("f1_macro")
    scores = cross_validate(
        pipe, X, y, groups=groups, cv=cv, scoring=scorer, error_score="raise"
    )
    assert scores["test_score"].shape == (2,)
    grid = {"tag__threshold": [0.4, 0.5]}
    search = GridSearchCV(pipe, grid, cv=cv, scoring=scorer, error_score="raise")
    search.fit(X, y, groups=groups)
    assert search.predict(X).shape == y.shape


@pytest.mark.skipif(not METADATA.is_dir(), reason=NO_DATA)
@pytest.mark.parametrize("name", ["test", "eval"])
def test_the_real_lists_of_dcase2018(tmp_path, name):
    lists = pd.read_csv(METADATA / name / f"{name}.csv", sep="\t")
    files = sorted(set(lists.filename))
    for file in files:
        fill(tmp_path, {file: 10}) if file == files[0] else os.link(
            tmp_path / files[0], tmp_path / file
        )
    corpus = load_recordings(
        tmp_path, METADATA / name / f"{name}.csv", listened="listed"
    )
    # of one clip each, what is in there at all is present: a clip has the whole event
    found = pd.DataFrame(corpus.target, files, corpus.target_names)
    weak = lists.dropna().groupby(["filename", "event_label"]).size().unstack()
    expected = weak.notna().reindex(files, fill_value=False).astype(int)
    pd.testing.assert_frame_equal(found, expected, check_names=False)
    assert len(corpus.events) == len(lists.dropna())
    assert len(corpus.beyond) == 0
    short = load_recordings(
        tmp_path, METADATA / name / f"{name}.csv", listened="listed", clip_duration=1
    )
    assert len(short.data) == 10 * len(files)
    n_clips, n_whole = len(short.target), (short.target != -1).all(axis=1).sum()
    assert 0.5 * n_clips < n_whole < n_clips
    again = write_events(corpus.events, tmp_path / "again.csv")
    same = load_recordings(tmp_path, again[0], listened="all", clip_duration=1)
    np.testing.assert_array_equal(same.target, short.target)
