"""Tables of labels in text and in memory, and the recordings that they mean."""

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from folder_helpers import fill, message, names, quietly, save

from sklearn_triplet.datasets import load_audio_folder, make_soundscapes

DATA = Path(__file__).parents[2] / "shared" / "data"
WEAK = DATA / "dcase2018_task4" / "metadata" / "train" / "weak.csv"


@pytest.fixture
def flat(tmp_path):
    fill(tmp_path / "flat", ["a.wav", "b.wav", "c.wav"])
    return tmp_path / "flat"


MULTI = [[1, 0], [-1, -1], [1, 1]]


@pytest.mark.parametrize(
    "text",
    [
        "\nfilename\tevent_labels\na.wav\tdog\nc.wav\tdog,rain\n",
        "file;category\na.wav;dog\nb.wav;\nc.wav;rain,dog\n",
        'path,fold,labels\na.wav,1,dog\n\nc.wav,2,"rain,dog"\n',
        "a.wav,dog\nb.wav\nc.wav,rain; dog\n",
        "a.wav;dog\nb.wav;-1\nc.wav;rain,dog,\n",
        "clip,species\na.wav,dog\nc.wav,rain;dog\n",
        "filename,onset,event_label\nc.wav,0.1,rain\nb.wav,,\na.wav,0,dog\n"
        "c.wav,3,dog\nc.wav,,\na.wav,5,dog\n",
        'label,fname\ndog,"a"\n"dog;rain",c\nUnlabeled,b\n',
        '"filename","labels"\r\n"a.wav","dog"\r\n"c.wav","dog,rain"\r\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_tables_of_text(flat, tmp_path, text, encoding):
    table = save(tmp_path / "labels.csv", text, encoding)
    corpus = quietly(flat, table)
    assert corpus.target.tolist() == MULTI
    assert corpus.target_names.tolist() == ["dog", "rain"]


def test_names_with_the_delimiters_of_tables(tmp_path):
    fill(tmp_path, ["a, b.wav", "c; d.wav"])
    save(tmp_path / "t.csv", '"a, b.wav";"dog,cat"\n"c; d.wav";cat\n')
    assert quietly(tmp_path, "t.csv").target.tolist() == [[1, 1], [1, 0]]


@pytest.mark.parametrize(
    "labels",
    [
        pd.DataFrame({"labels": ["dog", None, "dog,rain"], "file": ["a", "b", "c"]}),
        pd.DataFrame([["a.wav", "dog"], ["b.wav", np.nan], ["c.wav", ["rain", "dog"]]]),
        pl.DataFrame({"file": ["a", "c"], "tags": [["dog"], ["dog", "rain"]]}),
        pd.DataFrame(
            {
                "file": ["a", "b", "c"],
                "x": pd.array(["dog", pd.NA, "rain,dog"], "string"),
            }
        ),
        pd.Series({"a.wav": "dog", "c.wav": "rain;dog"}),
        {Path("a.wav"): "dog", "b.wav": -1, "c.wav": {"rain", "dog"}},
        {"a.wav": ["dog"], "b.wav": None, "c.wav": np.array(["rain", "dog"])},
    ],
)
def test_tables_in_memory(flat, labels):
    corpus = quietly(flat, labels)
    assert corpus.target.tolist() == MULTI
    assert corpus.target_names.tolist() == ["dog", "rain"]


@pytest.mark.parametrize(
    "labels",
    [
        {"a.wav": 7, "b.wav": None, "c.wav": np.int64(10)},
        pd.DataFrame({"filename": ["a", "b", "c"], "y": [7, np.nan, 10]}),
        pd.DataFrame({"filename": ["a", "b", "c"], "y": np.float32([7, np.nan, 10])}),
        pl.DataFrame({"filename": ["a", "b", "c"], "y": [7, None, 10]}),
    ],
)
def test_numbers_stay_names(flat, labels):
    corpus = quietly(flat, labels)
    assert corpus.target_names.tolist() == ["7", "10"]
    assert corpus.target.tolist() == [0, -1, 1]


def test_numbers_in_text_stay_as_written(flat):
    save(flat / "labels.csv", "filename,target\na.wav,007\nb.wav,1.0\n")
    corpus = quietly(flat, "labels.csv")  # not in the working directory
    assert corpus.target_names.tolist() == ["007", "1.0"]


def test_none_of_the_classes_is_not_unlabeled(flat):
    save(flat / "t.csv", "filename,labels,labeled\na,,1\nb,dog,0\nc,dog,\n")
    expected = [[0], [-1], [1]]
    assert quietly(flat, "t.csv").target.tolist() == expected
    assert quietly(flat, {"a": [], "b": "", "c": "dog"}).target.tolist() == expected
    table = pd.DataFrame({"file": ["a", "c"], "label": ["", "dog"]}).assign(labeled=1)
    assert quietly(flat, table).target.tolist() == expected


def test_a_list_of_files_without_labels(flat):
    table = save(flat / "files.csv", "filename\na.wav\nc.wav\n")
    assert quietly(flat, table).target.tolist() == [-1, -1, -1]
    corpus = quietly(flat, table, only_listed=True)
    assert names(corpus) == ["a.wav", "c.wav"]
    assert corpus.unlisted == [str(flat / "b.wav")]


def test_the_files_of_make_soundscapes(tmp_path):
    made = make_soundscapes(
        8, 3, labeled_fraction=0.5, empty_fraction=0.4, duration=0.5, random_state=0,
        sample_rate=16000, event_duration=(0.1, 0.4), output_dir=tmp_path,
    )  # fmt: skip
    assert (made.target == 0).all(axis=1).any()
    corpus = quietly(tmp_path, "labels.tsv", target_names=made.target_names)
    np.testing.assert_array_equal(corpus.target, made.target)
    np.testing.assert_array_equal(corpus.paths, made.paths)
    assert "labels.tsv', columns 'filename', 'event_labels', 'labeled'" in corpus.DESCR


def test_one_class_per_recording_keeps_its_commas(flat):
    table = {"a.wav": "Bark, loud", "b.wav": "Rain"}
    corpus = quietly(flat, table, multilabel=False)
    assert corpus.target_names.tolist() == ["Bark, loud", "Rain"]
    assert corpus.target.tolist() == [0, 1, -1]
    corpus = quietly(flat, table)
    assert corpus.target.tolist() == [[1, 0, 1], [0, 1, 0], [-1, -1, -1]]
    assert "two labels; with multilabel=False, one.\n" in corpus.DESCR


def test_an_indicator_on_demand(flat):
    corpus = quietly(flat, {"a.wav": "dog", "b.wav": "rain"}, multilabel=True)
    assert corpus.target.tolist() == [[1, 0], [0, 1], [-1, -1]]


def test_classes_of_the_training_set_keep_their_codes(flat):
    classes = np.array(["rain", "cat", "dog"])
    corpus = quietly(flat, {"a": "dog"}, target_names=classes)
    assert corpus.target.tolist() == [2, -1, -1]
    assert corpus.target_names.tolist() == ["rain", "cat", "dog"]
    corpus = quietly(flat, {"a": "dog,rain"}, target_names=classes)
    assert corpus.target.tolist() == [[1, 0, 1], [-1] * 3, [-1] * 3]


@pytest.fixture
def twins(tmp_path):
    fill(
        tmp_path / "t", "a/x.wav b/x.wav b/y.wav b/z.wav b/z.flac c/at_2.5.wav".split()
    )
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
    ],
)
def test_rows_may_be_short(twins, row, found):
    corpus = quietly(twins, {row: "dog"}, only_listed=True)
    assert names(corpus) == [found]
    assert corpus.target.tolist() == [0]
    assert len(corpus.unlisted) == 5


@pytest.mark.parametrize(
    ("row", "first", "second"),
    [("x.wav", "a/x.wav", "b/x.wav"), ("b/z", "b/z.flac", "b/z.wav")],
)
def test_rows_must_fit_one_recording(twins, row, first, second):
    save(twins / "t.csv", f"filename,labels\ny.wav,dog\n{row},dog\n")
    assert message(ValueError, twins, "t.csv") == (
        f"Line 3 of the table {str(twins / 't.csv')!r} names the recording {row!r}, "
        f"which fits 2 files below {str(twins)!r}: {first!r} and {second!r}. Write the "
        "path from that folder on, with its suffix."
    )


def test_a_file_in_the_root_is_meant_before_its_twins(twins):
    fill(twins, ["x.wav"])
    assert names(quietly(twins, {"x.wav": "dog"}, only_listed=True)) == ["x.wav"]


def test_absolute_paths_are_not_looked_for_elsewhere(twins):
    rows = {str(twins / "y.wav"): "dog", str(twins / "a" / "x"): "dog"}
    with pytest.warns(UserWarning, match="^1 of the 2 recordings that the dict lists"):
        corpus = load_audio_folder(twins, rows)
    assert corpus.missing == [str(twins / "y.wav")]


def test_listed_files_that_are_hidden_or_elsewhere(twins, flat):
    fill(twins, ["a/.h.wav"])
    listed = [flat / "a.wav", "a/.h.wav", "../flat/b.wav", "../flat/a.wav"]
    rows = pd.DataFrame({"file": listed, "label": ["dog", "dog", "cat", "dog"]})
    corpus = quietly(twins, rows, only_listed=True)
    expected = [twins / "a/.h.wav", flat / "a.wav", flat / "b.wav"]
    assert corpus.paths.tolist() == [str(path) for path in expected]
    assert corpus.target.tolist() == [1, 1, 0]


def test_listed_files_that_cannot_be_recordings_are_skipped(flat):
    fill(flat, ["d.flac", "e.wma"])
    rows = {"a.wav": "dog", "d.flac": "dog", "b.wav": "dog"}
    with pytest.warns(UserWarning, match="skipped 1 of the 4"):
        corpus = load_audio_folder(flat, rows, suffixes=[".wav"])
    assert corpus.skipped == [
        (str(flat / "d.flac"), "its suffix is not among 'suffixes'")
    ]
    (flat / "sub").mkdir()
    (flat / "sub" / "f.wav").symlink_to(flat / "gone.wav")
    with pytest.warns(UserWarning, match="e.wma': soundfile does not read .wma files"):
        corpus = load_audio_folder(flat, {"e": "dog", "a": "dog", "f": "cat"})
    assert corpus.missing == []


def test_missing_and_unlisted_recordings(flat):
    rows = [("a.wav", "dog"), ("a.flac", "dog"), ("z.wav", "cat"), ("z.wav", "cow")]
    with pytest.warns(UserWarning) as caught:
        corpus = load_audio_folder(flat, pd.DataFrame(rows))
    assert [str(warning.message) for warning in caught] == [
        f"2 of the 3 recordings that the DataFrame, columns '0', '1' lists are not in "
        f"{str(flat)!r}, the first of them {str(flat / 'a.flac')!r}. They are left "
        "out; the field 'missing' names them all."
    ]
    assert caught[0].filename == __file__
    assert corpus.missing == [str(flat / "a.flac"), str(flat / "z.wav")]
    assert corpus.unlisted == [str(flat / "b.wav"), str(flat / "c.wav")]
    assert corpus.target_names.tolist() == ["dog"]
    assert corpus.target.tolist() == [0, -1, -1]
    assert "Listed but not there: 2\nThere but not listed: 2\n" in corpus.DESCR


def test_all_missing_is_an_error(flat):
    assert message(FileNotFoundError, flat, {"b.flac": "dog", "z": "cat"}) == (
        f"None of the 2 recordings that the dict lists is below {str(flat)!r}, which "
        "holds 3 others. The first is 'b.flac', and there is 'b.wav'. Correct 'root' "
        "or the paths: they are relative to it or to the working directory, or "
        "absolute."
    )


def test_links_to_the_root_and_the_paths_they_lead_to(flat, tmp_path):
    (tmp_path / "link").symlink_to(flat)
    corpus = quietly(tmp_path / "link", {flat / "b.wav": "dog"})
    assert corpus.paths[1] == str(tmp_path / "link" / "b.wav")
    assert corpus.target.tolist() == [-1, 0, -1]


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
