"""Folders become a Bunch; the files need not hold any sound."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from folder_helpers import fill, message, names, quietly, save
from helpers import whole
from sklearn.datasets import load_files

from sklearn_triplet.datasets import load_audio_folder

REAL = Path(__file__).parents[2] / "shared" / "data" / "esc10"


@pytest.fixture
def root(tmp_path):
    """Two classes, one of them nested, beside unlabeled recordings and other files."""
    folder = tmp_path / "clips"
    fill(
        folder,
        "rain/2.flac rain/monday/3.OGG dog/1.wav new.wav unlabeled/4.mp3 "
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
        "dog/1.wav", "new.wav", "rain/2.flac", "rain/monday/3.OGG", "unlabeled/4.mp3"
    ]  # fmt: skip
    assert corpus.target.tolist() == [0, -1, 1, 1, -1]
    assert corpus.target.dtype == np.int64
    assert corpus.target_names.tolist() == ["dog", "rain"]
    assert corpus.paths.dtype.kind == corpus.target_names.dtype.kind == "U"
    assert corpus.missing == corpus.unlisted == corpus.skipped == []
    assert corpus.data_home == str(root)
    assert "Recordings: 5, of which labeled: 3\nClasses: 2\n" in corpus.DESCR
    assert "Files of other kinds: 2\n" in corpus.DESCR


def test_class_folders_as_scikit_learn_reads_them(tmp_path):
    fill(tmp_path, [f"{c}/{i}.wav" for c in ("b", "10", "a", "2") for i in range(3)])
    expected = load_files(tmp_path, load_content=False, shuffle=False)
    corpus = quietly(tmp_path)
    codes = dict(zip(corpus.paths, corpus.target, strict=True))
    assert codes == dict(zip(expected.filenames, expected.target, strict=True))
    assert corpus.target_names.tolist() == expected.target_names


def test_no_labels_at_all(root):
    corpus = quietly(root, None)
    assert corpus.target.tolist() == [-1] * 5
    assert corpus.target_names.shape == (0,)
    assert corpus.target_names.dtype.kind == "U"


def test_a_flat_folder_is_unlabeled(flat):
    paths, target = quietly(str(flat), return_X_y=True)
    assert paths.tolist() == [str(flat / name) for name in ("a.wav", "b.wav", "c.wav")]
    assert target.tolist() == [-1, -1, -1]


def test_relative_root_gives_relative_paths(flat, monkeypatch):
    monkeypatch.chdir(flat.parent)
    corpus = quietly("flat", {flat / "b.wav": "dog"})
    assert corpus.paths.tolist() == [f"flat{os.sep}{c}.wav" for c in "abc"]
    assert corpus.target.tolist() == [-1, 0, -1]


def test_suffixes_restrict_what_is_a_recording(root):
    corpus = quietly(root, suffixes=[".OGG", ".wav"])
    assert names(corpus) == ["dog/1.wav", "new.wav", "rain/monday/3.OGG"]
    assert "Files of other kinds: 4\n" in corpus.DESCR


def test_linked_folders_are_read_but_not_in_circles(flat, root):
    (flat / "cat").symlink_to(root / "dog")
    (flat / "circle").symlink_to(flat)
    with pytest.warns(UserWarning) as caught:
        corpus = load_audio_folder(flat)
    assert names(corpus) == ["a.wav", "b.wav", "c.wav", "cat/1.wav"]
    assert corpus.target.tolist() == [-1, -1, -1, 0]
    reason = "the link leads back to a folder that holds it"
    assert corpus.skipped == [(str(flat / "circle"), reason)]
    assert len(caught) == 1


def test_what_cannot_be_a_recording_is_reported(flat):
    (flat / "b.wav").unlink()
    (flat / "b.wav").symlink_to(flat / "gone.wav")
    fill(flat, ["d.m4a", "x.wav/inside.wav"])
    os.mkfifo(flat / "e.wav")
    with pytest.warns(UserWarning) as caught:
        corpus = load_audio_folder(flat)
    assert names(corpus) == ["a.wav", "c.wav"]
    link = "it is a link to something that is not there"
    assert corpus.skipped == [
        (str(flat / "b.wav"), link),
        (
            str(flat / "d.m4a"),
            "soundfile does not read .m4a files: convert it to FLAC or WAV",
        ),
        (str(flat / "e.wav"), "it is no regular file"),
        (
            str(flat / "x.wav"),
            "it is a folder with the name of a sound file: rename it to have what is "
            "in it read",
        ),
    ]
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert str(caught[0].message) == (
        "load_audio_folder skipped 4 of the 6 recordings that it met in "
        f"{str(flat)!r}, the first of them {str(flat / 'b.wav')!r}: {link}. The field "
        "'skipped' names them all."
    )


def test_no_permission(flat):
    (flat / "b.wav").chmod(0)
    (flat / "closed").mkdir(mode=0)
    if os.access(flat / "b.wav", os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.warns(UserWarning, match="skipped 2 of the 4 recordings"):
        corpus = load_audio_folder(flat)
    assert corpus.skipped == [
        (str(flat / "b.wav"), "there is no permission to read it"),
        (str(flat / "closed"), "the folder cannot be listed (Permission denied)"),
    ]


def test_names_with_spaces_and_umlauts_in_either_writing(tmp_path):
    written = [unicodedata.normalize(form, "Vögel & co/für 1.wav") for form in
               ("NFC", "NFD")]  # fmt: skip
    fill(tmp_path, [written[1]])
    corpus = quietly(tmp_path)
    assert corpus.target_names.tolist() == ["Vögel & co"]
    assert Path(corpus.paths[0]).is_file()
    for name in written:
        assert quietly(tmp_path, {name: "Öl"}).target.tolist() == [0]


@pytest.mark.parametrize("kind", ["nothing", "a file"])
def test_root_that_is_no_folder(tmp_path, kind):
    root = tmp_path / "clips"
    if kind == "a file":
        root.touch()
    assert message(FileNotFoundError, root) == (
        "The 'root' parameter of load_audio_folder must be an existing folder. There "
        f"is {kind} at {str(root)!r}: give the folder that holds the recordings."
    )


def test_no_text_is_no_folder():
    assert message(FileNotFoundError, "") == (
        "The 'root' parameter of load_audio_folder must be an existing folder. There "
        "is nothing at '': give the folder that holds the recordings."
    )


def test_folder_without_recordings(tmp_path):
    fill(tmp_path, ["a.txt", "b.m4a"])
    found = message(FileNotFoundError, tmp_path)
    assert found.startswith(
        f"load_audio_folder found no recordings in {str(tmp_path)!r} whose names end "
        "in one of ['.aif', "
    )
    assert found.endswith(
        "]; there are 1 files of other kinds, and 1 skipped, first "
        f"{str(tmp_path / 'b.m4a')!r}: soundfile does not read .m4a files: convert it "
        "to FLAC or WAV. Correct 'root', or the names."
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"root": 3}, "The 'root' parameter of load_audio_folder must be the path of a "
         "folder. Got 3 instead."),
        ({"root": b"x"}, "The 'root' parameter of load_audio_folder must be the path "
         "of a folder. Got b'x' instead."),
        ({"labels": ["dog"]}, "The 'labels' parameter of load_audio_folder must be "
         "'folders', None, the path of a table, a DataFrame, or a dict from paths to "
         "labels. Got ['dog'] instead."),
        ({"multilabel": "yes"}, "The 'multilabel' parameter of load_audio_folder must "
         "be one of [None, True, False]. Got 'yes' instead."),
        ({"suffixes": ".wav"}, "The 'suffixes' parameter of load_audio_folder must be "
         "None or a sequence of suffixes with their dot, such as ('.wav', '.flac'). "
         "Got '.wav' instead."),
        ({"suffixes": ["wav"]}, "The 'suffixes' parameter of load_audio_folder must be "
         "None or a sequence of suffixes with their dot, such as ('.wav', '.flac'). "
         "Got ['wav'] instead."),
        ({"target_names": ["a", "a"]}, "The 'target_names' parameter of "
         "load_audio_folder must be None or a sequence of different texts, one for "
         "each class. Got ['a', 'a'] instead."),
        ({"only_listed": True}, "The 'only_listed' parameter of load_audio_folder must "
         "be False for labels='folders', where nothing is listed. Give a table of "
         "labels."),
        ({"labels": {"a": "dog", "b": "cow"}, "target_names": ["dog"]},
         "The recording 'b.wav' has the label 'cow', which is not among the "
         "'target_names' ['dog']. Add it there, or correct the label."),
        ({"labels": {"a": "dog", "b": ["dog", "cow"]}, "multilabel": False},
         "The recording 'b.wav' has the labels ['dog', 'cow'], which a target of one "
         "class per recording cannot say. Correct the labels, or give "
         "multilabel=True."),
        ({"labels": {"a": []}, "multilabel": False},
         "The recording 'a.wav' holds no event, which a target of one class per "
         "recording cannot say. Correct the labels, or give multilabel=True."),
    ],
)  # fmt: skip
def test_parameters_that_cannot_be(flat, options, sentence):
    assert message(ValueError, **{"root": flat} | options) == sentence


@pytest.mark.parametrize(
    ("content", "end"),
    [
        (
            "filename,labels\na.wav,dog,rain\n",
            "has 3 cells where the first line has 2. Put labels that are joined by the "
            "delimiter of the table in quotes, or join them by another character.",
        ),
        (
            "filename,labels\n,dog\n",
            "has no path. Fill it in, or take the line out of the table.",
        ),
        (
            "filename,labels,labeled\na.wav,dog,maybe\n",
            "must hold 1 (labeled), 0 (unlabeled) or nothing in the column 'labeled'. "
            "Got 'maybe' instead.",
        ),
    ],
)
def test_lines_that_cannot_be_read(flat, content, end):
    table = save(flat / "t.csv", content)
    assert message(ValueError, flat, table) == (
        f"Line 2 of the table {str(table)!r} {end}"
    )


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("filename,start,species\n", "3, named ['filename', 'start', 'species']. "),
        ("a.wav,3,dog\n", "3, and no line that names them. "),
    ],
)
def test_columns_that_could_be_anything(flat, content, found):
    table = save(flat / "t.csv", content)
    assert message(ValueError, flat, table) == (
        f"load_audio_folder cannot tell which columns of the table {str(table)!r} hold "
        f"the paths and the labels: there are {found}Name them 'filename' and "
        "'labels', or leave out the others."
    )


def test_a_table_that_is_no_text(flat):
    table = flat / "t.csv"
    table.write_bytes("filename,labels\na.wav,Vögel\n".encode("latin-1"))
    found = message(ValueError, flat, table)
    assert found.startswith(
        f"The table {str(table)!r} cannot be read as text in UTF-8 ('utf-8' codec"
    )
    assert found.endswith(
        "). Save it as CSV in UTF-8, or read it yourself and give a DataFrame."
    )


def test_a_table_that_is_not_there(flat):
    with pytest.raises(
        FileNotFoundError,
        match=whole(
            "The 'labels' parameter of load_audio_folder must be 'folders', None, or "
            "the path of a table, a DataFrame or a dict. There is no file 'no.csv', "
            f"nor {str(flat / 'no.csv')!r}: correct the path."
        ),
    ):
        load_audio_folder(flat, "no.csv")


@pytest.mark.skipif(not REAL.is_dir(), reason="the recordings of ESC-10 are not here")
def test_the_real_esc10():
    corpus = quietly(REAL)
    assert np.bincount(corpus.target).tolist() == [40] * 10
    assert corpus.target_names[0] == "001 - Dog bark"
