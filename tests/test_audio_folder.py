"""Folders and tables of labels become a Bunch; the files need not hold any sound."""

import os
import sys
import time
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers import make_noise, write
from sklearn.datasets import load_files
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline

from sklearn_triplet import (
    LabeledOnly,
    LogMel,
    SequenceTagger,
    TripletEmbedder,
    UnlabeledInTrain,
    is_labeled,
    labeled_scorer,
    mask_labels,
)
from sklearn_triplet.datasets import load_audio_folder, make_soundscapes

DATA = Path(__file__).parents[2] / "shared" / "data"
REAL = DATA / "esc10"
WEAK = DATA / "dcase2018_task4" / "metadata" / "train" / "weak.csv"
MULTI = [[1, 0], [-1, -1], [1, 1]]


def fill(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def frame(rows):
    """Make a table of a dict from file names to labels."""
    return pd.DataFrame({"filename": [*rows], "labels": [*rows.values()]})


def names(corpus):
    return [Path(p).relative_to(corpus.data_home).as_posix() for p in corpus.paths]


def quietly(*args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return load_audio_folder(*args, **options)


def message(error, *args, **options):
    with pytest.raises(error) as caught:
        load_audio_folder(*args, **options)
    assert caught.type is error
    return str(caught.value)


@pytest.fixture
def root(tmp_path):
    """Two classes, one of them nested, beside unlabeled recordings and other files."""
    folder = tmp_path / "clips"
    fill(
        folder,
        "rain/2.flac rain/monday/3.OGG dog/1.wav new.wav unlabeled/4.mp3 nan/5.wav "
        "README.txt dog/cover.png .hidden/5.wav dog/._1.wav".split(),
    )
    (folder / "empty").mkdir()
    return folder


@pytest.fixture
def flat(tmp_path):
    fill(tmp_path / "flat", ["a.wav", "b.wav", "c.wav"])
    return tmp_path / "flat"


def test_a_folder_per_class(root):
    corpus = quietly(root)
    assert names(corpus) == [
        "dog/1.wav", "nan/5.wav", "new.wav", "rain/2.flac", "rain/monday/3.OGG",
        "unlabeled/4.mp3",
    ]  # fmt: skip
    assert corpus.target.tolist() == ["dog", -1, -1, "rain", "rain", -1]
    assert corpus.target.dtype == object
    assert corpus.target_names.tolist() == ["dog", "rain"]
    assert corpus.paths.dtype.kind == corpus.target_names.dtype.kind == "U"
    assert corpus.missing == corpus.unlisted == corpus.skipped == []
    assert corpus.data_home == str(root)
    assert corpus.DESCR == (
        f"6 recordings of {str(root)!r}, 3 of them with labels of 2 classes from the "
        "folders' names. Listed but not there: 0; there but not listed: 0; skipped: 0."
    )


def test_class_folders_as_scikit_learn_reads_them(tmp_path):
    fill(tmp_path, [f"{c}/{i}.wav" for c in ("b", "10", "a", "2") for i in range(3)])
    expected = load_files(tmp_path, load_content=False, shuffle=False)
    corpus = quietly(tmp_path)
    classes = np.array(expected.target_names)[expected.target]
    found = dict(zip(corpus.paths, corpus.target, strict=True))
    assert found == dict(zip(expected.filenames, classes, strict=True))
    assert corpus.target_names.tolist() == expected.target_names


def test_no_labels_at_all(root):
    corpus = quietly(str(root), None)
    assert corpus.target.tolist() == [-1] * 6
    assert corpus.target_names.shape == (0,)
    assert not is_labeled(corpus.target).any()
    paths, target = quietly(root, None, return_X_y=True)
    assert paths.tolist() == corpus.paths.tolist() and target.tolist() == [-1] * 6


def test_names_are_what_everything_else_takes(tmp_path):
    """A class is called by its name in every y and in what is predicted."""
    for i in range(30):
        kind = ["dog", "rain", "."][i % 3]
        (tmp_path / kind).mkdir(exist_ok=True)
        write(tmp_path / kind / f"{i}.wav", make_noise(8000, seed=i) * 0.1 ** (i % 3))
    corpus = quietly(tmp_path)
    y = corpus.target
    assert y[0] == -1  # which numpy and scikit-learn look at for the kind of all
    assert is_labeled(y).sum() == 20
    hidden = mask_labels(y, 0.5, random_state=0)
    assert hidden.dtype == object
    assert is_labeled(hidden).sum() == 10
    assert set(hidden[is_labeled(hidden)]) == {"dog", "rain"}
    X = LogMel(n_mels=8).transform(corpus.paths)
    flat = np.nan_to_num(X.reshape(30, -1))
    linear = LabeledOnly(LogisticRegression()).fit(flat, y)
    assert set(linear.predict(flat)) == {"dog", "rain"}
    assert 0.5 <= labeled_scorer("f1_macro")(linear, flat, y) <= 1
    assert 0.5 <= labeled_scorer("accuracy")(linear, flat, y) <= 1
    pipe = Pipeline(
        [
            ("emb", TripletEmbedder(n_components=4, max_epochs=1, random_state=0)),
            ("clf", SequenceTagger(n_layers=1, n_cells=4, max_epochs=1)),
        ]
    )
    cv = UnlabeledInTrain(StratifiedKFold(2))
    grid = {"emb__strategy": ["s2", "s3"]}
    search = GridSearchCV(pipe, grid, cv=cv, scoring="f1_macro", error_score="raise")
    search.fit(X, y)
    assert set(search.predict(X)) <= {"dog", "rain"}
    assert search.classes_.tolist() == corpus.target_names.tolist()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize(
    "text",
    [
        "\nfilename\tevent_labels\na.wav\tdog\nc.wav\tdog,rain\n",
        "filename;labels\na.wav;dog\nb.wav;\nc.wav;rain,dog\n",
        'filename,fold,labels\na.wav,1,dog\n\nc.wav,2,"rain,dog"\n',
        "filename,labels\na.wav,dog\nb.wav\nc.wav,rain; dog\n",
        "filename;labels\na.wav;dog\nb.wav;-1\nc.wav;rain,dog,\n",
        "filename,onset,event_label\nc.wav,0.1,rain\nb.wav,,\na.wav,0,dog\n"
        "c.wav,3,dog\nc.wav,,\na.wav,5,dog\n",
        'labels,filename\ndog,"a"\n"dog;rain",c\nUnlabeled,b\n',
        'labels,filename\ndog,a\n"dog;rain", "c"\nnan,b\n',
        '"filename","labels"\r\n"a.wav","dog"\r\n"c.wav","dog,rain"\r\n',
    ],
)
def test_tables_of_text(flat, tmp_path, text, encoding):
    (tmp_path / "labels.csv").write_text(text, encoding=encoding)
    corpus = quietly(flat, tmp_path / "labels.csv")
    assert corpus.target.tolist() == MULTI
    assert corpus.target_names.tolist() == ["dog", "rain"]


@pytest.mark.parametrize("missing", [None, np.nan, "", "nan", pd.NA, pd.NaT, -1])
def test_what_is_absent_is_no_class(flat, missing):
    table = frame({"a": "dog", "b": missing, Path("c.wav"): "rain"}).astype(object)
    corpus = quietly(flat, table)
    assert corpus.target.tolist() == ["dog", -1, "rain"]
    assert corpus.target_names.tolist() == ["dog", "rain"]
    table = frame({"a": "dog", "b": missing, "c": "rain;dog"}).astype(object)
    assert quietly(flat, table).target.tolist() == MULTI


@pytest.mark.parametrize(
    "table",
    [
        frame({"a": 7, "b": np.nan, "c": 10}),
        frame({"a": 7, "b": np.nan, "c": 10}).astype({"labels": np.float32}),
        pl.DataFrame({"filename": ["a", "b", "c"], "labels": [7, None, 10]}),
        pl.DataFrame({"labels": ["7", None, "10"], "filename": ["a", "b", "c"]}),
        frame({"a": "7", "c": "10"}).assign(other=[[1], [2]]),
    ],
)
def test_tables_in_memory_are_read_and_stay_as_they_are(flat, table):
    before = table.clone() if isinstance(table, pl.DataFrame) else table.copy(deep=True)
    corpus = quietly(flat, table)
    assert corpus.target.tolist() == ["7", -1, "10"]
    assert table.equals(before)


def test_none_of_the_classes_is_not_unlabeled(flat):
    (flat / "t.csv").write_text("filename,labels,labeled\na,,1\nb,dog,0\nc,dog,\n")
    assert quietly(flat, "t.csv").target.tolist() == [[0], [-1], [1]]
    table = frame({"a": "", "c": "dog"}).assign(labeled=[True, 1.0])
    assert quietly(flat, table).target.tolist() == [[0], [-1], [1]]


def test_the_files_of_make_soundscapes(tmp_path):
    made = make_soundscapes(
        8, 3, labeled_fraction=0.5, empty_fraction=0.4, duration=0.5, random_state=0,
        sample_rate=16000, event_duration=(0.1, 0.4), output_dir=tmp_path,
    )  # fmt: skip
    assert (made.target == 0).all(axis=1).any()
    corpus = quietly(tmp_path, "labels.tsv", target_names=made.target_names)
    np.testing.assert_array_equal(corpus.target, made.target)
    np.testing.assert_array_equal(corpus.paths, made.paths)


def test_one_class_per_recording_keeps_its_commas(flat):
    table = frame({"a.wav": "Bark, loud", "b.wav": "Rain"})
    corpus = quietly(flat, table, multilabel=False)
    assert corpus.target.tolist() == ["Bark, loud", "Rain", -1]
    assert quietly(flat, table).target.tolist() == [[1, 0, 1], [0, 1, 0], [-1] * 3]
    both = quietly(flat, frame({"a": "dog", "b": "rain"}), multilabel=True)
    assert both.target.tolist() == [[1, 0], [0, 1], [-1, -1]]


def test_classes_of_the_training_set_keep_their_columns(flat):
    classes = np.array(["rain", "cat", "dog"])
    corpus = quietly(flat, frame({"a": "dog,rain"}), target_names=classes)
    assert corpus.target.tolist() == [[1, 0, 1], [-1] * 3, [-1] * 3]
    assert corpus.target_names.tolist() == ["rain", "cat", "dog"]


def test_only_listed(flat):
    corpus = quietly(flat, frame({"c": "dog", "a": None}), only_listed=True)
    assert names(corpus) == ["a.wav", "c.wav"]
    assert corpus.target.tolist() == [-1, "dog"]
    assert corpus.unlisted == [str(flat / "b.wav")]


@pytest.fixture
def twins(tmp_path, monkeypatch):
    files = "a/x.wav b/x.wav b/y.wav b/z.wav b/z.flac c/at_2.5.wav".split()
    fill(tmp_path / "t", files)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "t"


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("b/x.wav", "b/x.wav"),
        ("./a/../b/x.wav", "b/x.wav"),
        ("b\\x.wav", "b/x.wav"),
        ("b/x", "b/x.wav"),
        ("y.wav", "b/y.wav"),
        ("y", "b/y.wav"),
        ("z.flac", "b/z.flac"),
        ("at_2.5", "c/at_2.5.wav"),
        ("t/a/x.wav", "a/x.wav"),
        ("t\\a\\x", "a/x.wav"),
        ("{root}/a/x", "a/x.wav"),
    ],
)
def test_rows_may_be_short_or_long(twins, row, found):
    row = row.replace("{root}", str(twins))
    corpus = quietly(twins, frame({row: "dog"}), only_listed=True)
    assert names(corpus) == [found]
    assert corpus.target.tolist() == ["dog"]
    assert len(corpus.unlisted) == 5


@pytest.mark.parametrize(
    ("row", "first", "second"),
    [
        ("x.wav", "a/x.wav", "b/x.wav"),
        ("b/z", "b/z.flac", "b/z.wav"),
        ("t/b/y.wav", "b/y.wav", "copy/t/b/y.wav"),
    ],
)
def test_rows_must_fit_one_recording(twins, row, first, second):
    fill(twins, ["copy/t/b/y.wav"] if row.startswith("t") else [])
    table = twins / "t.csv"
    table.write_text(f"filename,labels\nat_2.5,dog\n{row},dog\n")
    assert message(ValueError, twins, "t.csv") == (
        f"load_audio_folder cannot use line 3 of the table {str(table)!r}: it must "
        f"name one recording: {row!r} fits 2 below {str(twins)!r}. Write the path "
        f"from that folder on, with its suffix. Got {first!r} and {second!r} instead: "
        "correct the row or take it out."
    )


def test_a_file_in_the_root_is_meant_before_its_twins(twins):
    fill(twins, ["x.wav"])
    assert names(quietly(twins, frame({"x.wav": "dog"}), only_listed=True)) == ["x.wav"]


@pytest.mark.parametrize("home", ["t", "./t/", "../{}/t", "link", "{}/t"])
def test_own_paths_are_read_again(twins, home):
    (twins.parent / "link").symlink_to(twins)
    home = home.format(twins.parent.name if ".." in home else twins.parent)
    first = quietly(home)
    again = quietly(home, frame(dict(zip(first.paths, "abcdef", strict=True))))
    assert again.paths.tolist() == first.paths.tolist()
    assert again.target.tolist() == list("abcdef")


def test_missing_recordings_are_counted_and_named(twins):
    rows = {"b/y.wav": "cat", str(twins / "y.wav"): "dog", "b/Y2.wav": "cow"}
    with pytest.warns(UserWarning) as caught:
        corpus = load_audio_folder(twins, frame(rows | {"../t2/x.wav": "cow"}))
    assert [str(warning.message) for warning in caught] == [
        f"3 of the 4 recordings that the DataFrame lists are not in {str(twins)!r}; "
        f"the first is {str(twins / 'y.wav')!r} (is it 'b/y.wav'?). They are left out; "
        "the field 'missing' names them all."
    ]
    assert caught[0].filename == __file__
    assert corpus.missing == [str(twins / "y.wav"), "b/Y2.wav", "../t2/x.wav"]
    assert corpus.target_names.tolist() == ["cat"]
    assert "not there: 3; there but not listed: 5;" in corpus.DESCR


@pytest.mark.parametrize(
    ("row", "nearest"),
    [
        ("small/b/y.wav", "b/y.wav"),
        ("/small/c/at_2.6.wav", "c/at_2.5.wav"),
        ("b/x.ogg", "b/x.wav"),
        ("0123456789", None),
    ],
)
def test_all_missing_is_an_error_that_names_the_nearest(twins, row, nearest):
    hint = f" (is it {nearest!r}?)" if nearest else ""
    assert message(FileNotFoundError, twins, frame({row: "dog"})) == (
        "1 of the 1 recordings that the DataFrame lists are not in "
        f"{str(twins)!r}; the first is {row!r}{hint}. Correct the folder, or the names "
        "in the table."
    )


def count_calls(function, *args):
    """Count the calls of functions of Python and of C within a call."""
    calls = []
    sys.setprofile(lambda frame, event, arg: calls.append(event))
    try:
        function(*args)
    finally:
        sys.setprofile(None)
    return sum(event in ("call", "c_call") for event in calls)


@pytest.mark.parametrize("row", ["rec_{}/audio", "{}/audio.wav", "big/rec_{}/audio"])
def test_effort_grows_with_the_rows_and_not_with_their_square(twins, row):
    counts = []
    for n_files in (40, 160):
        folders = [f"{i:03d}" for i in range(n_files)]
        fill(Path("big"), [f"rec_{i}/{i}/audio.wav" for i in folders])
        rows = frame(
            {row.format(f"{i}/{i}" if "rec" in row else i): i for i in folders}
        )
        corpus = quietly("big", rows, only_listed=True)
        assert corpus.target.tolist() == folders
        counts.append(count_calls(load_audio_folder, "big", rows))
    assert counts[1] < 5 * counts[0]


def test_the_nearest_of_many_is_found_soon(tmp_path):
    fill(tmp_path, [f"{i % 10}/recording_{i:06d}.wav" for i in range(5000)])
    began = time.perf_counter()
    found = message(FileNotFoundError, tmp_path, frame({"7/recording_001997.mp3": "a"}))
    assert time.perf_counter() - began < 5
    assert "(is it '7/recording_001997.wav'?)" in found


def test_linked_folders_are_read_but_not_in_circles(flat, root):
    (flat / "cat").symlink_to(root / "dog")
    (flat / "circle").symlink_to(flat)
    with pytest.warns(UserWarning) as caught:
        corpus = load_audio_folder(flat)
    assert names(corpus) == ["a.wav", "b.wav", "c.wav", "cat/1.wav"]
    assert corpus.target.tolist() == [-1, -1, -1, "cat"]
    reason = "the link leads back to a folder that holds it"
    assert corpus.skipped == [(str(flat / "circle"), reason)]
    assert len(caught) == 1


def test_what_cannot_be_read_is_reported(flat):
    (flat / "b.wav").unlink()
    (flat / "b.wav").symlink_to(flat / "gone.wav")
    fill(flat, ["d.m4a", "x.wav/inside.wav"])
    os.mkfifo(flat / "e.wav")
    with pytest.warns(UserWarning) as caught:
        corpus = load_audio_folder(
            flat, frame({"a": "dog", "b": "cat", "d.m4a": "dog"})
        )
    assert names(corpus) == ["a.wav", "c.wav", "x.wav/inside.wav"]
    assert corpus.target.tolist() == ["dog", -1, -1]
    assert corpus.skipped == [
        (str(flat / "b.wav"), "it is no file"),
        (
            str(flat / "d.m4a"),
            "soundfile does not read this format: convert it to FLAC or WAV",
        ),
        (str(flat / "e.wav"), "it is no file"),
    ]
    assert corpus.missing == []
    assert caught[0].filename == __file__
    assert [str(warning.message) for warning in caught] == [
        f"load_audio_folder skipped 3 of the 6 recordings in {str(flat)!r}, first "
        "'b.wav': it is no file. The field 'skipped' names them all."
    ]


def test_no_permission(flat):
    (flat / "b.wav").chmod(0)
    (flat / "closed").mkdir(mode=0)
    if os.access(flat / "b.wav", os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.warns(UserWarning, match="skipped 2 of the 4 recordings"):
        corpus = load_audio_folder(flat)
    assert [reason for _, reason in corpus.skipped] == [
        "there is no permission to read it",
        "the folder cannot be listed (Permission denied)",
    ]


def test_names_with_spaces_and_umlauts_in_either_writing(tmp_path):
    written = [
        unicodedata.normalize(form, "Vögel & co/für, 1.wav") for form in ("NFC", "NFD")
    ]
    fill(tmp_path, [written[1]])
    corpus = quietly(tmp_path)
    assert corpus.target_names.tolist() == ["Vögel & co"]
    assert Path(corpus.paths[0]).is_file()
    for name in written:
        assert quietly(tmp_path, frame({name: "Öl"})).target.tolist() == ["Öl"]
        (tmp_path / "t.csv").write_text(f'filename,labels\n"{name}",Öl\n', "utf-8")
        assert quietly(tmp_path, "t.csv").target.tolist() == ["Öl"]


FORMS = (
    "The 'labels' parameter of load_audio_folder must be 'folders', None, or a table "
    "with the columns 'filename' and 'labels': a DataFrame or the path of a text (CSV, "
    "TSV). Got "
)
NAMES = (
    "The 'target_names' parameter of load_audio_folder must be None or a sequence of "
    "different texts, one for each class. Got "
)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"root": 3}, "The 'root' parameter of load_audio_folder must be the path of a "
         "folder. Got 3 instead."),
        ({"labels": ["dog"]}, FORMS + "['dog'] instead."),
        ({"labels": {"a.wav": "dog"}}, FORMS + "{'a.wav': 'dog'} instead."),
        ({"multilabel": "yes"}, "The 'multilabel' parameter of load_audio_folder must "
         "be one of [None, True, False]. Got 'yes' instead."),
        ({"target_names": ["a", "a"]}, NAMES + "['a', 'a'] instead."),
        ({"target_names": "a"}, NAMES + "'a' instead."),
        ({"only_listed": True}, "The 'only_listed' parameter of load_audio_folder must "
         "be False for labels='folders', where nothing is listed. Give a table of "
         "labels."),
        ({"labels": frame({"b": "cow"}), "target_names": ["dog"]},
         "The recording 'b.wav' has the labels ['cow'], not all of which are among the "
         "'target_names' ['dog']. Add them there, or correct the labels."),
        ({"labels": frame({"b": "dog"}).merge(frame({"b": "cow"}), how="outer"),
          "multilabel": False},
         "The recording 'b.wav' has the labels ['cow', 'dog'], but a target of names "
         "has one for each recording. Correct the labels, or give multilabel=True."),
        ({"labels": frame({"a": ""}).assign(labeled=1), "multilabel": False},
         "The recording 'a.wav' has the labels [], but a target of names has one for "
         "each recording. Correct the labels, or give multilabel=True."),
        ({"labels": frame({"a": ["dog", "cat"]})}, "load_audio_folder cannot use row 0 "
         "of the DataFrame: it must hold text or a number in the column 'labels', with "
         "commas or semicolons between several labels. Got ['dog', 'cat'] instead: "
         "correct the row or take it out."),
        ({"labels": frame({"": "dog"})}, "load_audio_folder cannot use row 0 of the "
         "DataFrame: it must name a file in 'filename'. Got no name instead: correct "
         "the row or take it out."),
        ({"labels": frame({"a": "dog"}).assign(labeled="maybe")}, "load_audio_folder "
         "cannot use row 0 of the DataFrame: it must hold 1 (labeled), 0 (unlabeled) "
         "or nothing in the column 'labeled'. Got 'maybe' instead: correct the row or "
         "take it out."),
        ({"labels": pd.DataFrame({"file": ["a"], "label": ["dog"]})},
         "load_audio_folder needs the columns ['filename', 'labels'] in the DataFrame, "
         "each once. Got ['file', 'label'] instead: rename them in its header."),
        ({"labels": frame({"a": "dog"}).assign(event_labels="dog")},
         "load_audio_folder needs the columns ['filename', 'labels'] in the DataFrame, "
         "each once. Got ['filename', 'labels', 'event_labels'] instead: rename them "
         "in its header."),
    ],
)  # fmt: skip
def test_what_is_refused(flat, options, sentence):
    assert message(ValueError, **{"root": flat} | options) == sentence


def test_tables_that_cannot_be_read(flat):
    table = flat / "t.csv"
    place = f"the table {str(table)!r}"
    table.write_text("filename,labels\na.wav,dog,rain\n")
    assert message(ValueError, flat, table) == (
        f"load_audio_folder cannot use line 2 of {place}: it must have 2 cells, as the "
        "header has. Got 3 (quote a cell that holds the delimiter) instead: correct "
        "the row or take it out."
    )
    table.write_text("a.wav,dog\n")
    assert f"in {place}, each once. Got ['a.wav', 'dog'] instead" in message(
        ValueError, flat, table
    )
    table.write_bytes("filename,labels\na.wav,Vögel\n".encode("latin-1"))
    found = message(ValueError, flat, table)
    assert found.startswith(
        f"load_audio_folder cannot read {place} as text in UTF-8 ('utf-8' codec"
    )
    assert message(FileNotFoundError, flat, "no.csv") == (
        f"{FORMS}'no.csv', which is no file here or in {str(flat)!r} instead."
    )


def test_folder_without_recordings(tmp_path):
    fill(tmp_path, ["a.txt", "b.m4a"])
    found = message(FileNotFoundError, tmp_path)
    assert found.startswith(
        f"load_audio_folder found no recordings in {str(tmp_path)!r}, whose names end "
        "in one of ['.wav', "
    )
    assert found.endswith(
        "], and skipped 1, first 'b.m4a': soundfile does not read this format: convert "
        "it to FLAC or WAV. Correct 'root'."
    )


def test_a_table_without_rows(flat):
    (flat / "t.csv").write_text("filename,labels\n")
    for table, name in [
        ("t.csv", f"the table {str(flat / 't.csv')!r}"),
        (frame({}), "the DataFrame"),
    ]:
        assert message(ValueError, flat, table) == (
            f"load_audio_folder found no rows in {name}. Fill it in, or give "
            "labels=None for recordings without labels."
        )


@pytest.mark.skipif(not REAL.is_dir(), reason="the recordings of ESC-10 are not here")
def test_the_real_esc10(tmp_path):
    corpus = quietly(REAL)
    kinds, counts = np.unique(corpus.target.astype(str), return_counts=True)
    assert counts.tolist() == [40] * 10
    assert kinds.tolist() == corpus.target_names.tolist()
    stems = [Path(path).stem for path in corpus.paths]
    rows = frame(dict(zip(stems, corpus.target, strict=True)))
    rows[::4].to_csv(tmp_path / "labels.csv", index=False)
    tabled = quietly(REAL, tmp_path / "labels.csv")
    assert tabled.target[::4].tolist() == corpus.target[::4].tolist()
    assert (np.delete(tabled.target, slice(None, None, 4)) == -1).all()


@pytest.mark.skipif(not WEAK.is_file(), reason="the tables of DCASE 2018 are not here")
def test_the_real_table_of_dcase2018(tmp_path):
    table = pd.read_csv(WEAK, sep="\t").sort_values("filename")
    fill(tmp_path, [*table.filename, "~unlabeled.wav"])
    corpus = quietly(tmp_path, WEAK)
    expected = table.event_labels.str.get_dummies(",")
    np.testing.assert_array_equal(corpus.target[:-1], expected)
    assert corpus.target_names.tolist() == expected.columns.tolist()
    assert corpus.target[-1].tolist() == [-1] * 10
    assert corpus.unlisted == [str(tmp_path / "~unlabeled.wav")]
