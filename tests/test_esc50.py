import csv
import os
import re
from pathlib import Path

import numpy as np
import pytest

from sklearn_triplet.datasets import load_esc50

REAL = Path(__file__).parents[2] / "shared" / "data" / "esc10"
HEADER = ["filename", "fold", "target", "category", "esc10", "src_file", "take"]
ROWS = [
    ["2-20-A-0.wav", "2", "0", "dog", "True", "20", "A"],
    ["1-10-A-0.wav", "1", "0", "dog", "True", "10", "A"],
    ["1-11-A-10.wav", "1", "10", "rain", "True", "11", "A"],
    ["3-30-B-9.wav", "3", "9", "crow", "False", "30", "B"],
]


@pytest.fixture
def table_home(tmp_path):
    """ESC-50 as it is unpacked today."""
    (tmp_path / "audio").mkdir()
    (tmp_path / "meta").mkdir()
    write_table(tmp_path, [HEADER, *ROWS])
    for row in ROWS:
        (tmp_path / "audio" / row[0]).touch()
    return tmp_path


@pytest.fixture
def folder_home(tmp_path):
    """ESC-10 as it was first published."""
    for name in [
        "002 - Rain/2-9-A.ogg",
        "001 - Dog bark/5-8-A.ogg",
        "001 - Dog bark/1-7-A.ogg",
        "003 - Pig/10-3-B.wav",
    ]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "README.txt").touch()
    (tmp_path / "002 - Rain" / "._2-9-A.ogg").touch()
    (tmp_path / "notes").mkdir()
    return tmp_path


def write_table(home, rows):
    with (home / "meta" / "esc50.csv").open("w", newline="") as lines:
        csv.writer(lines).writerows(rows)


def names(corpus):
    return [Path(path).name for path in corpus.paths]


def test_reads_the_table(table_home):
    corpus = load_esc50(table_home)
    expected = ["1-10-A-0.wav", "1-11-A-10.wav", "2-20-A-0.wav", "3-30-B-9.wav"]
    assert names(corpus) == expected
    assert corpus.target_names.tolist() == ["dog", "crow", "rain"]
    assert corpus.target.tolist() == [0, 2, 0, 1]
    assert corpus.fold.tolist() == [1, 1, 2, 3]
    assert corpus.target.dtype == corpus.fold.dtype == np.int64
    assert corpus.missing == []
    assert corpus.data_home == str(table_home)
    assert "CC BY" in corpus.DESCR
    # what the file names of ESC-50 say
    assert "131943 and 134049 are in folds 2 and 3, 209698 and 234879" in corpus.DESCR


def test_reads_a_folder_per_class(folder_home):
    corpus = load_esc50(folder_home)
    assert names(corpus) == ["1-7-A.ogg", "5-8-A.ogg", "2-9-A.ogg", "10-3-B.wav"]
    assert corpus.target_names.tolist() == ["Dog bark", "Rain", "Pig"]
    assert corpus.target.tolist() == [0, 0, 1, 2]
    assert corpus.fold.tolist() == [1, 5, 2, 10]


def test_subset_recounts_the_classes(table_home):
    corpus = load_esc50(table_home, subset="esc10")
    assert corpus.target_names.tolist() == ["dog", "rain"]
    assert corpus.target.tolist() == [0, 1, 0]


def test_subset_of_a_folder_per_class(folder_home):
    corpus = load_esc50(folder_home, subset="esc10")
    assert corpus.target_names.tolist() == ["Dog bark", "Rain"]


def test_the_table_wins_over_class_folders(table_home):
    (table_home / "001 - Dog bark").mkdir()
    (table_home / "001 - Dog bark" / "1-7-A.ogg").touch()
    assert len(load_esc50(table_home).paths) == len(ROWS)


def test_takes_text_and_returns_a_pair(table_home):
    corpus = load_esc50(table_home)
    paths, target = load_esc50(str(table_home), return_X_y=True)
    np.testing.assert_array_equal(paths, corpus.paths)
    np.testing.assert_array_equal(target, corpus.target)


def test_missing_recordings_are_counted(table_home):
    (table_home / "audio" / "1-10-A-0.wav").unlink()
    (table_home / "audio" / "3-30-B-9.wav").unlink()
    with pytest.warns(UserWarning, match="^2 of the 4 recordings .* are not in") as got:
        corpus = load_esc50(table_home)
    assert got[0].filename == __file__
    assert [os.path.basename(path) for path in corpus.missing] == [
        "1-10-A-0.wav",
        "3-30-B-9.wav",
    ]
    assert names(corpus) == ["1-11-A-10.wav", "2-20-A-0.wav"]
    assert corpus.target_names.tolist() == ["dog", "rain"]


def test_all_missing_is_an_error(table_home):
    for path in (table_home / "audio").iterdir():
        path.unlink()
    message = (
        "None of the 4 recordings that 'meta/esc50.csv' lists is in "
        f"{str(table_home / 'audio')!r}: unpack the audio files there."
    )
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
        load_esc50(table_home)


@pytest.mark.parametrize("kind", ["nothing", "a file"])
def test_folder_missing(tmp_path, kind):
    home = tmp_path / "esc"
    if kind == "a file":
        home.touch()
    message = (
        "The 'data_home' parameter of load_esc50 must be an existing folder. There is "
        f"{kind} at {str(home)!r}: unpack the corpus there, or give the folder that "
        "holds it."
    )
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
        load_esc50(home)


@pytest.mark.parametrize("home", [3, None, b"esc"])
def test_home_that_is_no_path(home):
    message = (
        "The 'data_home' parameter of load_esc50 must be the path of a folder. Got "
        f"{home!r} instead."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load_esc50(home)


def test_no_text_is_not_the_working_directory(table_home, monkeypatch):
    monkeypatch.chdir(table_home)
    assert len(load_esc50(".").paths) == len(ROWS)
    message = (
        "The 'data_home' parameter of load_esc50 must be an existing folder. There is "
        "nothing at '': unpack the corpus there, or give the folder that holds it."
    )
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
        load_esc50("")


def test_empty_folder(tmp_path):
    message = (
        f"load_esc50 found no recordings in {str(tmp_path)!r}. Give the folder that "
        "holds 'audio' and 'meta/esc50.csv' (ESC-50) or the folders named such as "
        "'001 - Dog bark' (ESC-10)."
    )
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
        load_esc50(tmp_path)


def test_unknown_subset(table_home):
    message = (
        "The 'subset' parameter of load_esc50 must be one of [None, 'esc10']. "
        "Got 'esc5' instead."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load_esc50(table_home, subset="esc5")


def test_table_without_folds(table_home):
    write_table(table_home, [["filename", "category"], ["a.wav", "dog"]])
    with pytest.raises(ValueError, match=r"lacks the column 'fold'\. Its header must"):
        load_esc50(table_home)


def test_fold_that_is_no_number(table_home):
    write_table(table_home, [HEADER, ROWS[0], ["b.wav", "two", *ROWS[1][2:]]])
    with pytest.raises(ValueError, match=r"^Line 3 of .* column 'fold'. Got 'two'"):
        load_esc50(table_home)


def test_file_name_without_fold(folder_home):
    (folder_home / "002 - Rain" / "shower.ogg").touch()
    with pytest.raises(ValueError, match=r"^The file name 'shower.ogg' in .* its fold"):
        load_esc50(folder_home)


@pytest.mark.skipif(not REAL.is_dir(), reason="the recordings of ESC-10 are not here")
def test_the_real_esc10():
    corpus = load_esc50(REAL)
    assert len(corpus.paths) == 400
    assert len(set(corpus.paths)) == 400
    assert len(corpus.target_names) == 10
    assert np.bincount(corpus.target).tolist() == [40] * 10
    assert np.bincount(corpus.fold).tolist() == [0] + [80] * 5
    assert len(load_esc50(REAL, subset="esc10").paths) == 400
