"""Events from and to tables, label tracks of Audacity and selection tables of Raven."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers import whole

from sklearn_triplet.datasets import read_events, write_events

DATA = Path(__file__).parents[2] / "shared" / "data"
STRONG = DATA / "dcase2018_task4" / "metadata" / "eval" / "eval.csv"
NO_DATA = "the tables of DCASE 2018 are not here"
HEAD = "filename,onset,offset,event_label"
FORMS = (
    "a table with the columns 'filename', 'onset', 'offset' and 'event_label' (CSV, "
    "TSV or a DataFrame), a label track of Audacity (start, end and label, divided by "
    "tabs) or a selection table of Raven ('Begin Time (s)', 'End Time (s)')"
)

# as the manual of Audacity shows it, with frequencies and a point label
TRACK = (
    "1.000000\t1.000000\tclick\n\\\t6928.456055\t6928.456055\n"
    "2.000000\t3.500000\tKee-ahh call\n\\\t100.000000\t2000.000000\n"
    "0.250000\t0.750000\tdog\n"
)
# as Raven Pro 1.6 saves a table of one recording: a row for each view
RAVEN = (
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\t"
    "High Freq (Hz)\tDelta Time (s)\tSpecies\n"
    "1\tWaveform 1\t1\t0.456829150\t1.913660\t0.0\t24000.0\t1.4568\tEATO\n"
    "1\tSpectrogram 1\t1\t0.456829150\t1.913660\t2580.5\t9000.0\t1.4568\tEATO\n"
    "2\tWaveform 1\t1\t3.5\t4.25\t0.0\t24000.0\t0.75\tBTNW\n"
    "2\tSpectrogram 1\t1\t3.5\t4.25\t3000\t8000\t0.75\tBTNW\n"
    "3\tSpectrogram 1\t1\t3.5\t4.25\t3000\t8000\t0.75\tBTNW\n"
)
# as BirdNET-Analyzer writes the table of several recordings; Raven counts from the
# first of them on
BIRDNET = (
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\t"
    "High Freq (Hz)\tCommon Name\tSpecies Code\tConfidence\tBegin Path\t"
    "File Offset (s)\n"
    "1\tSpectrogram 1\t1\t3.0\t6.0\t150\t12000\tBarred Owl\tbrdowl\t0.1650\tp/a.flac\t"
    "3.0\n"
    "2\tSpectrogram 1\t1\t63.5\t66.5\t150\t12000\tPurple Finch\tpurfin\t0.9620\t"
    "p/b.flac\t3.5\n"
)


def items(events):
    """List events as tuples, with None for NaN, which equals nothing."""
    return [tuple(None if v != v else v for v in event.item()) for event in events]


def read(tmp_path, name, text, *args, **options):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return items(read_events(path, *args, **options))


def refused(error, *args, function=read_events, **options):
    with pytest.raises(error) as caught:
        function(*args, **options)
    assert caught.type is error
    return str(caught.value)


EXPECTED = [("a.wav", 0.5, 1.25, "dog", None), ("b.wav", 3.0, 4.0, "rain", None)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "e.tsv",
            "filename\tonset\toffset\tevent_label\na.wav\t0.5\t1.25\tdog\n"
            "b.wav\t3\t4\train\n",
        ),
        (
            "e.csv",
            "\ufefffilename,onset,offset,event_label\r\na.wav,0.5,1.25,dog\r\n\r\n"
            "b.wav,3,4,rain\r\n",
        ),
        (
            "e.txt",
            "event_label;offset;onset;filename;who\ndog;1,25;0,5;a.wav;me\n"
            '"rain";4,0;3,0;b.wav\n',
        ),
    ],
)
def test_tables(tmp_path, name, text):
    assert read(tmp_path, name, text) == EXPECTED


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_tables_in_memory(frame):
    columns = dict(zip(["filename", "onset", "offset", "event_label", "score"],
                       zip(*EXPECTED, strict=True), strict=True))  # fmt: skip
    events = read_events(frame(columns))
    assert items(events) == items(read_events(events)) == EXPECTED
    assert events.dtype.names == (
        "filename", "onset", "offset", "event_label", "score"
    )  # fmt: skip
    assert [events.dtype[i].kind for i in range(5)] == ["O", "f", "f", "O", "f"]
    assert pd.DataFrame(events).iloc[1, :4].tolist() == list(EXPECTED[1][:4])


def test_events_are_sorted_by_file_and_time(tmp_path):
    text = "filename,onset,offset,event_label,score\nb,2,3,x,0.5\na,1,2,x,\nb,0,9,y,1\n"
    assert read(tmp_path, "e.csv", text) == [
        ("b", 0, 9, "y", 1), ("b", 2, 3, "x", 0.5), ("a", 1, 2, "x", None)
    ]  # fmt: skip


def test_a_file_without_events_is_kept(tmp_path):
    text = "filename,onset,offset,event_label\na.wav,,,\nb.wav,0,1,x\n"
    expected = [("a.wav", None, None, "", None), ("b.wav", 0, 1, "x", None)]
    assert read(tmp_path, "e.csv", text) == expected
    frame = pd.read_csv(tmp_path / "e.csv")
    assert items(read_events(frame)) == expected


def test_label_tracks(tmp_path):
    expected = [
        ("rec_12.5", 0.25, 0.75, "dog", None),
        ("rec_12.5", 1, 1, "click", None),
        ("rec_12.5", 2, 3.5, "Kee-ahh call", None),
    ]
    assert read(tmp_path, "rec_12.5.txt", TRACK) == expected
    # versions of other countries have a decimal comma, and quotes are no marks
    text = TRACK.replace(".", ",").replace("dog", '"dog')
    changed = read(tmp_path, "rec_12.5.txt", text)
    assert changed[0] == ("rec_12.5", 0.25, 0.75, '"dog', None)
    assert changed[1:] == expected[1:]
    assert read(tmp_path, "none.txt", "") == [("none", None, None, "", None)]


@pytest.mark.parametrize(
    "name",
    [
        "r.Table.1.selections.txt", "r.selections.txt", "r.txt",
        "r.BirdNET.selection.table.txt",
    ],
)  # fmt: skip
def test_selection_tables_of_one_recording(tmp_path, name):
    # the third selection is another one at the same time, as are two birds
    assert read(tmp_path, name, RAVEN) == [
        ("r", 0.45682915, 1.91366, "EATO", None),
        ("r", 3.5, 4.25, "BTNW", None),
        ("r", 3.5, 4.25, "BTNW", None),
    ]
    header = RAVEN.split("\n")[0] + "\n"
    assert read(tmp_path, name, header) == [("r", None, None, "", None)]


def test_selection_tables_of_several_recordings(tmp_path):
    assert read(tmp_path, "all.txt", BIRDNET) == [
        ("p/a.flac", 3, 6, "Barred Owl", 0.165),
        ("p/b.flac", 3.5, 6.5, "Purple Finch", 0.962),
    ]
    codes = read(tmp_path, "all.txt", BIRDNET, label_column="Species Code")
    assert [event[3] for event in codes] == ["brdowl", "purfin"]
    frame = pd.read_csv(tmp_path / "all.txt", sep="\t")
    assert len(read_events(frame)) == 2


def test_the_path_of_another_machine_is_not_taken(tmp_path):
    text = BIRDNET.replace("p/a.flac", "D:\\rec\\a.flac").replace("p/b", "/x/b")
    text = text.replace("File Offset (s)\n", "File Offset (s)\tBegin File\n")
    text = text.replace("\t3.0\n", "\t3.0\ta.flac\n").replace(
        "\t3.5\n", "\t3.5\tb.flac\n"
    )
    assert [e[0] for e in read(tmp_path, "all.txt", text)] == ["a.flac", "b.flac"]
    (tmp_path / "b.flac").touch()
    here = text.replace("/x/", f"{tmp_path}/")
    assert read(tmp_path, "all.txt", here)[1][0] == f"{tmp_path}/b.flac"


def test_selections_of_several_recordings_need_their_offsets(tmp_path):
    path = tmp_path / "all.txt"
    path.write_text(BIRDNET.replace("File Offset (s)", "Offset"))
    assert refused(ValueError, path) == (
        "read_events cannot place the selections of 2 recordings in the table "
        f"{str(path)!r}: Raven counts 'Begin Time (s)' from the first of them on. Add "
        "the measurement 'File Offset (s)' in Raven."
    )


def test_the_column_of_classes(tmp_path):
    path = tmp_path / "r.txt"
    path.write_text(RAVEN.replace("Species", "Who"))
    titles = RAVEN.split("\n")[0].replace("Species", "Who").split("\t")
    assert refused(ValueError, path) == (
        "read_events needs one of the columns ['annotation', 'annotations', 'species', "
        "'label', 'labels', 'class', 'common name'] in the table "
        f"{str(path)!r}. Got {titles} instead: give the name of that with the classes "
        "to read_events, as 'label_column'."
    )
    assert read_events(path, label_column="Who")["event_label"][0] == "EATO"
    table = "filename,onset,offset,sp\na,0,1,x\n"
    assert read(tmp_path, "t.csv", table, label_column="sp")[0][3] == "x"


def test_a_folder_of_all_forms(tmp_path):
    home = tmp_path / "labels"
    read(home, "monday/1.txt", TRACK)
    read(home, "2.Table.1.selections.txt", RAVEN)
    read(home, "e.csv", "filename,onset,offset,event_label\n3.wav,0,1,x\n")
    (home / "empty.txt").touch()
    (home / ".hidden.txt").write_text(TRACK)
    events = read_events(home)
    names, counts = np.unique(events["filename"].astype(str), return_counts=True)
    found = dict(zip(names.tolist(), counts.tolist(), strict=True))
    assert found == {"2": 3, "3.wav": 1, "empty": 1, "monday/1": 3}
    (home / "CONFIG.TXT").write_bytes(b"Ger\xe4t : 1\n")
    sentence = (
        f"read_events passed over 1 of the 5 texts in {str(home)!r}, first "
        f"{str(home / 'CONFIG.TXT')!r}: they are neither tables of events nor label "
        "tracks nor selection tables."
    )
    with pytest.warns(UserWarning, match=whole(sentence)):
        assert items(read_events(home)) == items(events)


@pytest.mark.parametrize(
    ("name", "text", "line", "wanted", "got"),
    [
        ("r.txt", "0\t1\tdog\n5\t2\tcat\n", 2, "times", "'5' and '2'"),
        ("r.txt", "0\t1\tdog\n\n\\\t1\t2\n-1\t2\tcat\n", 4, "times", "'-1' and '2'"),
        ("r.txt", "0\t1\tdog\n1\tinf\tcat\n", 2, "times", "'1' and 'inf'"),
        ("r.txt", "0\t1\tdog\n1\n", 2, "times", "'1' and ''"),
        ("r.txt", "0\t1\tdog\n1\t2\n", 2, "class", "no name"),
        ("e.csv", HEAD + "\na,1,0,x", 2, "times", "'1' and '0'"),
        ("e.csv", HEAD + "\na,,2,x", 2, "times", "'' and '2'"),
        ("e.csv", HEAD + "\na,1s,2,x", 2, "times", "'1s' and '2'"),
        ("e.csv", HEAD + "\na,,,x", 2, "times", "'' and ''"),
        ("e.csv", HEAD + "\n\na,0,2,", 3, "class", "no name"),
        ("e.csv", HEAD + "\n,0,2,x", 2, "file", "no name"),
        ("e.csv", HEAD + ",score\na,0,2,x,hi", 2, "score", "'hi'"),
        ("r.selections.txt", RAVEN.replace("4.25", "3"), 4, "times", "'3.5' and '3'"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_used_are_named(tmp_path, name, text, line, wanted, got):
    path = tmp_path / name
    path.write_text(text)
    wanted = {
        "times": "hold an onset and an offset in seconds, 0 <= onset <= offset, as "
        "0.163 and 2.5",
        "class": "name the class of the event",
        "file": "name a recording",
        "score": "hold a number or nothing as its score",
    }[wanted]
    assert refused(ValueError, path) == (
        f"read_events cannot use line {line} of the table {str(path)!r}: it must "
        f"{wanted}. Got {got} instead: correct the row or take it out."
    )


def test_what_is_no_table_of_events(tmp_path):
    for source in (None, 3, "", np.zeros(3), [("a", 0, 1, "x")]):
        message = refused(ValueError, source)
        assert message.startswith(
            f"The 'source' parameter of read_events must be {FORMS}"
        )
        assert message.endswith(f"Got {source!r} instead.")
    path = tmp_path / "e.csv"
    path.write_text("file,start,end\na,0,1\n")
    assert refused(ValueError, path) == (
        f"read_events cannot tell the form of the table {str(path)!r} by its first "
        f"line 'file,start,end'. It must be {FORMS}."
    )
    assert "needs the columns ['filename', 'onset', 'offset', 'labels']" in refused(
        ValueError, path, "table"
    )
    assert refused(FileNotFoundError, tmp_path / "x").startswith(
        "The 'source' parameter of read_events must be an existing table or a folder"
    )
    assert refused(FileNotFoundError, tmp_path) == (
        f"read_events found no table of events among the 1 texts in {str(tmp_path)!r}. "
        f"There must be {FORMS}."
    )
    assert "one of ['table', 'audacity', 'raven', None]" in refused(
        ValueError, path, "csv"
    )


# --- written


def make(rows):
    columns = ["filename", "onset", "offset", "event_label", "score"]
    return read_events(pd.DataFrame(rows, columns=columns))


def random_events(n_files=4, *, scores=False):
    rng = np.random.default_rng(0)
    rows = []
    for i in range(40):
        onset, length = rng.uniform(0, 40000), rng.exponential(3) * (i % 5 > 0)
        label = ["dog", "Kee-ahh, call", 'a "b" c', "Bär"][i % 4]
        score = rng.random() if scores else None
        rows.append((f"r{i % n_files}", onset, onset + length, label, score))
    return make(rows)


def assert_equal_to_six_decimals(found, events):
    assert len(found) == len(events)
    for field in ("filename", "event_label"):
        assert found[field].tolist() == events[field].tolist()
    for field in ("onset", "offset", "score"):
        rounded = [float(f"{value:.6f}") for value in events[field]]
        np.testing.assert_array_equal(found[field], rounded)


@pytest.mark.parametrize("scores", [True, False])
@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("e.csv", None), ("e.tsv", None), ("e.dat", "table"), ("e.txt", "raven"),
        ("folder", "audacity"), ("folder", "raven"),
    ],
)  # fmt: skip
def test_what_is_written_is_read_back(tmp_path, name, format, scores):
    events = random_events(scores=scores)
    written = write_events(events, tmp_path / name, format)
    assert len(written) == (4 if name == "folder" else 1)
    assert all(Path(path).is_file() for path in written)
    found = read_events(tmp_path / name)
    if format == "audacity":  # which has no place for scores
        assert np.isnan(found["score"]).all()
        events["score"] = np.nan
    assert_equal_to_six_decimals(found, events)
    again = write_events(found, tmp_path / "again" / name, format)
    for first, second in zip(written, again, strict=True):
        assert Path(first).read_bytes() == Path(second).read_bytes()


def test_a_table_is_as_dcase_has_it(tmp_path):
    write_events(make([("a.wav", 0.5, 1, "dog", None)]), tmp_path / "e.tsv")
    assert (tmp_path / "e.tsv").read_bytes() == (
        b"filename\tonset\toffset\tevent_label\na.wav\t0.500000\t1.000000\tdog\n"
    )


def test_a_track_is_as_audacity_exports_it(tmp_path):
    write_events(make([("a.wav", 0.5, 1, "dog", 0.3)]), tmp_path / "e.txt", "audacity")
    assert (tmp_path / "e.txt").read_bytes() == b"0.500000\t1.000000\tdog\n"


def test_selections_are_as_raven_and_crowsetta_want_them(tmp_path):
    events = make([("p/a.wav", 0.5, 1, "dog", 0.3), ("b.wav", 2, 3, "cat", None)])
    write_events(events, tmp_path / "e.txt", "raven")
    table = pd.read_csv(tmp_path / "e.txt", sep="\t")
    assert table.columns.tolist() == [
        "Selection", "View", "Channel", "Begin Time (s)", "End Time (s)",
        "Low Freq (Hz)", "High Freq (Hz)", "Begin Path", "Begin File",
        "File Offset (s)", "Annotation", "Score",
    ]  # fmt: skip
    assert table.Selection.tolist() == [1, 2]
    assert table["File Offset (s)"].tolist() == [0.5, 2]
    assert table["Begin File"].tolist() == ["a.wav", "b.wav"]
    assert (table["Low Freq (Hz)"] < table["High Freq (Hz)"]).all()


def test_recordings_without_events_are_written(tmp_path):
    events = make([("a", None, None, None, None), ("b", 0, 1, "x", None)])
    for name, format in [("e.csv", None), ("t", "audacity"), ("r", "raven")]:
        write_events(events, tmp_path / name, format)
        assert items(read_events(tmp_path / name)) == items(events)
    sentence = (
        "write_events found no events in 1 of 2 recordings, first 'a'. They have no "
        "place in a selection table: give a folder as 'path' for one table a recording."
    )
    with pytest.warns(UserWarning, match=whole(sentence)):
        write_events(events, tmp_path / "r.txt", "raven")


@pytest.mark.parametrize(("name", "format"), [("e.csv", None), ("e.txt", "raven")])
def test_no_events_at_all(tmp_path, name, format):
    write_events(random_events()[:0], tmp_path / name, format)
    found = read_events(tmp_path / name)
    assert found.shape == (0,)
    assert found.dtype == random_events().dtype


def test_twins_keep_their_folders(tmp_path):
    events = make([("/x/a/1.wav", 0, 1, "p", None), ("/x/b/1.wav", 0, 1, "q", None)])
    written = write_events(events, tmp_path, "audacity")
    assert written == [str(tmp_path / "a" / "1.txt"), str(tmp_path / "b" / "1.txt")]
    events["filename"] = ["1.wav", "1.flac"]
    message = refused(
        ValueError, events, tmp_path / "c", "audacity", function=write_events
    )
    assert message == (
        "write_events needs recordings of different names for a folder. Got '1.wav' "
        "and '1.flac': write them to different folders."
    )


def test_labels_of_somebody_are_not_overwritten(tmp_path):
    (tmp_path / "r1.txt").write_text(TRACK)
    message = refused(
        FileExistsError, random_events(), tmp_path, "audacity", function=write_events
    )
    assert message == (
        f"write_events would replace 1 files, first {str(tmp_path / 'r1.txt')!r}: give "
        "another 'path', or overwrite=True."
    )
    assert [path.name for path in tmp_path.iterdir()] == ["r1.txt"]
    assert (tmp_path / "r1.txt").read_text() == TRACK
    write_events(random_events(), tmp_path, "audacity", overwrite=True)
    assert_equal_to_six_decimals(read_events(tmp_path), random_events())


def test_what_cannot_be_written(tmp_path):
    def message(*args, **options):
        return refused(ValueError, *args, function=write_events, **options)

    events = random_events()
    assert message(events, tmp_path / "e.txt") == (
        "The 'format' parameter of write_events must be one of ['table', 'audacity', "
        "'raven']. Got None instead."
    )
    assert message(events, tmp_path / "e.txt", "audacity") == (
        "The 'path' parameter of write_events must be a folder for the label tracks of "
        "4 recordings, such as 'r0' and 'r1': a track does not name its recording."
    )
    assert message(events, "", "table") == (
        "The 'path' parameter of write_events must be the path of a folder. Got '' "
        "instead."
    ).replace("the path of a folder", "the path of a file or a folder")
    broken = make([("a", 0, 1, "x\ty", None)])
    assert message(broken, tmp_path / "e.txt", "audacity") == (
        "write_events cannot use row 0 of the array: it must have a label without tabs "
        "and line breaks for a label track. Got 'x\\ty' instead: correct the row or "
        "take it out."
    )
    rows = np.zeros(1, [("row", int), ("onset", float)])
    assert re.match("write_events needs the columns", message(rows, tmp_path / "e.csv"))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(
    not STRONG.is_file(), reason="the tables of DCASE 2018 are not here"
)
def test_the_real_events_of_dcase2018(tmp_path):
    table = pd.read_csv(STRONG, sep="\t")
    events = read_events(STRONG)
    assert len(events) == len(table)
    assert np.isnan(events["onset"]).sum() == table.onset.isna().sum() == 15
    key = ["filename", "onset", "offset", "event_label"]
    expected = table.fillna({"event_label": ""}).sort_values(key, ignore_index=True)
    found = pd.DataFrame(events).drop(columns="score")
    found = found.sort_values(key, ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    write_events(events, tmp_path / "tracks", "audacity")
    back = read_events(tmp_path / "tracks")
    assert len(back) == len(events)
    assert back["offset"][np.isfinite(back["offset"])].sum() == pytest.approx(
        table.offset.sum()
    )
