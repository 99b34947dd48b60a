"""Which recordings the rows of a table mean, and rows that could mean two things."""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from folder_helpers import fill, message, names, quietly, save

from sklearn_triplet.datasets import load_audio_folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with recordings in a folder below."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "big", ["cat/1.wav", "dog/1.wav", "dog/2.flac", "new.wav"])
    return tmp_path


def count_calls(function: Any, *args: Any) -> int:
    """Count the calls of functions of Python and of C within a call."""
    calls = []
    sys.setprofile(lambda frame, event, arg: calls.append(event))
    try:
        function(*args)
    finally:
        sys.setprofile(None)
    return sum(event in ("call", "c_call") for event in calls)


@pytest.mark.parametrize("row", ["rec_{}/audio", "{}/audio.wav", "big/rec_{}/audio"])
def test_effort_grows_with_the_rows_and_not_with_their_square(
    home: Path, row: str
) -> None:
    """Files of one name in many folders were all compared with every row."""
    counts = []
    for n_files in (40, 160):
        folders = [f"{i:03d}" for i in range(n_files)]
        fill(home / "big", [f"rec_{i}/{i}/audio.wav" for i in folders])
        rows = {row.format(f"{i}/{i}" if "rec" in row else i): i for i in folders}
        corpus = quietly("big", rows, only_listed=True)
        assert corpus.target.tolist() == list(range(n_files))
        assert names(corpus) == [f"rec_{i}/{i}/audio.wav" for i in folders]
        counts.append(count_calls(load_audio_folder, "big", rows))
    assert counts[1] < 5 * counts[0]


@pytest.mark.parametrize("root", ["big", "./big/", "../{}/big", "{}"])
def test_own_paths_are_read_again(home: Path, root: str) -> None:
    fill(home / "big", ["dog/.hidden.wav"])
    root = root.format(home.name if "{}/" in root else home / "big")
    rows = {"cat/1.wav": "cat", "dog/.hidden.wav": "dog", "dog/1.wav": "dog"}
    first = quietly(root, rows)
    assert first.target.tolist() == [0, 1, 1, -1, -1]
    again = quietly(root, dict(zip(first.paths, "abcde", strict=True)))
    assert again.paths.tolist() == first.paths.tolist()
    assert again.target.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("directory", "row"),
    [
        (".", "big/dog/1.wav"),
        (".", "big\\dog\\1"),
        ("big/cat", "../dog/1.wav"),
        ("other", "../big/dog/1"),
    ],
)
def test_rows_from_the_working_directory_on(
    home: Path, monkeypatch: pytest.MonkeyPatch, directory: str, row: str
) -> None:
    (home / "other").mkdir()
    monkeypatch.chdir(home / directory)
    corpus = quietly(home / "big", {row: "dog"}, only_listed=True)
    assert names(corpus) == ["dog/1.wav"]


def test_rows_from_the_root_on_come_first(home: Path) -> None:
    fill(home / "big", ["big/new.wav"])
    assert names(quietly("big", {"big/new.wav": "x"}, only_listed=True)) == [
        "big/new.wav"
    ]
    fill(home / "big", ["copy/big/dog/1.wav"])
    assert message(ValueError, "big", {"big/dog/1.wav": "dog"}) == (
        "Entry 0 of the dict names the recording 'big/dog/1.wav', which fits 2 files "
        f"below {str(home / 'big')!r}: 'copy/big/dog/1.wav' and 'dog/1.wav'. Write the "
        "path from that folder on, with its suffix."
    )


def test_missing_recordings_are_named_where_they_should_be(home: Path) -> None:
    rows = {"big/dog/1.wav": "dog", "big/dog/3.wav": "dog", "dog/4.wav": "dog"}
    with pytest.warns(UserWarning, match="^2 of the 3 recordings that the dict lists"):
        corpus = load_audio_folder("big", rows)
    expected = [os.path.join("big", "dog", name) for name in ("3.wav", "4.wav")]
    assert corpus.missing == expected


@pytest.mark.parametrize(
    ("row", "similar"),
    [
        ("small/dog/1.wav", "dog/1.wav"),
        ("small/dog/1.ogg", "dog/1.wav"),
        ("/small/dog/2", "dog/2.flac"),
        ("small/cow/1.wav", "cat/1.wav"),
    ],
)
def test_the_hint_is_the_most_similar_recording(
    home: Path, row: str, similar: str
) -> None:
    root = str(home / "big")
    assert message(FileNotFoundError, "big", {row: "dog"}) == (
        f"None of the 1 recordings that the dict lists is below {root!r}, which "
        f"holds 4 others. The first is {row!r}, and there is {similar!r}. Correct "
        "'root' or the paths: they are relative to it or to the working directory, or "
        "absolute."
    )


@pytest.mark.parametrize(
    "cell",
    [
        np.array([1, 0]),
        np.array([True, False]),
        np.array([1.0, 0.0]),
        [1, 0],
        (np.int64(1), np.bool_(False)),
        pd.Series([1, 0]),
    ],
)
@pytest.mark.parametrize("kind", ["Entry 1 of the dict", "Row 1 of the DataFrame"])
def test_a_vector_of_0_and_1_is_no_list_of_classes(
    home: Path, kind: str, cell: Any
) -> None:
    labels = {"cat/1": "cat", "dog/1": cell}
    if "DataFrame" in kind:
        column = np.array([*labels.values(), None], dtype=object)[:-1]
        labels = pd.DataFrame({"file": list(labels), "labels": column})
    assert message(ValueError, "big", labels) == (
        f"{kind} has the labels [1, 0], which may be names of classes, or mark those "
        "that are present. Give the names of the classes in the recording, such as "
        "['dog']; as text if they are '0' and '1'."
    )


def test_an_indicator_with_unknown_entries_is_refused_too(home: Path) -> None:
    found = message(ValueError, "big", {"cat/1": [-1, -1], "dog/1": [1, -1]})
    assert found.startswith("Entry 1 of the dict has the labels [1, -1], which may be")


@pytest.mark.parametrize("cell", [["0", "1"], {0, 1}, "0,1"])
def test_classes_named_0_and_1(home: Path, cell: Any) -> None:
    corpus = quietly("big", {"cat/1": cell, "dog/1": [1], "dog/2": np.array([-1, -1])})
    assert corpus.target_names.tolist() == ["0", "1"]
    assert corpus.target.tolist() == [[1, 1], [0, 1], [-1, -1], [-1, -1]]


def test_numbers_of_several_digits_are_classes(home: Path) -> None:
    corpus = quietly("big", {"cat/1": np.array([1, 2]), "dog/1": [0, 10]})
    assert corpus.target_names.tolist() == ["0", "1", "2", "10"]
    assert corpus.target[:2].tolist() == [[0, 1, 1, 0], [1, 0, 0, 1]]


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["1", "10", "2", "-3"], ["-3", "1", "2", "10"]),
        (["007", "7", "10", "+8"], ["007", "7", "+8", "10"]),
        (["10", "2", "2b"], ["10", "2", "2b"]),
        (["10", "2.5"], ["10", "2.5"]),
    ],
)
def test_whole_numbers_are_ordered_by_number(
    tmp_path: Path, folders: list[str], expected: list[str]
) -> None:
    fill(tmp_path, [f"{folder}/a.wav" for folder in folders])
    corpus = quietly(tmp_path)
    assert corpus.target_names.tolist() == expected
    found = [expected[code] for code in corpus.target]
    assert [Path(path).parent.name for path in corpus.paths] == found


@pytest.mark.parametrize("text", ["", "filename,labels\n"])
def test_a_table_without_rows_labels_nothing(home: Path, text: str) -> None:
    table = save(home / "t.csv", text)
    columns = ", columns 'filename', 'labels'"
    for labels, source in [
        (table, f"the table {str(table)!r}{columns if text else ''}"),
        (pd.DataFrame({"filename": [], "labels": []}), f"the DataFrame{columns}"),
        ({}, "the dict"),
    ]:
        with pytest.warns(UserWarning) as caught:
            corpus = load_audio_folder("big", labels)
        assert [str(warning.message) for warning in caught] == [
            f"load_audio_folder found no rows in {source}, so that none of the 4 "
            "recordings in 'big' has a label. Fill it in, or give labels=None for "
            "recordings without labels."
        ]
        assert caught[0].filename == __file__
        assert corpus.target.tolist() == [-1] * 4
        assert len(corpus.unlisted) == 4
    assert message(FileNotFoundError, "big", {}, only_listed=True).endswith(
        "; 4 are not listed and left out. Correct 'root', or the names."
    )
