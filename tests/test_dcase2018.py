from pathlib import Path

import numpy as np
import pytest
from dcase_tree import (
    CAT,
    CLASSES,
    DOG,
    SPEECH,
    STRONG,
    TABLES,
    WEAK,
    load_silently,
    load_warned,
    make_tree,
    names,
    touch,
    write_list,
)
from helpers import whole
from sklearn.utils import Bunch

from sklearn_triplet.datasets import load_dcase2018_task4


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_tree(tmp_path)


def test_reads_the_four_lists_of_the_paper(home: Path) -> None:
    corpus = load_silently(home)
    assert names(corpus) == ["b.wav", "a.wav", "c.wav", "e.wav", "g.wav", "f.wav"]
    expected = np.zeros((6, 10), dtype=int)
    expected[0, [DOG, SPEECH]] = expected[1, CAT] = expected[5, SPEECH] = 1
    expected[3, [CAT, DOG]] = 1
    expected[2] = -1
    np.testing.assert_array_equal(corpus.target, expected)
    assert corpus.target.dtype == np.int64
    assert corpus.target_names.tolist() == CLASSES
    split = ["train"] * 3 + ["validation"] + ["evaluation"] * 2
    assert corpus.split.tolist() == split
    subset = ["weak", "weak", "unlabel_in_domain", "test", "eval", "eval"]
    assert corpus.subset.tolist() == subset
    assert corpus.missing == corpus.missing_lists == corpus.left_out == []
    assert corpus.data_home == str(home)
    assert "files_to_remove" in corpus.DESCR
    assert Path(corpus.paths[0]) == home / "audio" / "train" / "weak" / "b.wav"


def test_events_have_times_where_times_are_known(home: Path) -> None:
    events = load_silently(home).events
    assert events[:3] == [None, None, None]
    assert events[3] == [(CAT, 0.5, 9.0), (DOG, 2.5, 3.25), (DOG, 4.0, 5.0)]
    assert events[4:] == [[], [(SPEECH, 0.0, 1.5)]]
    assert events[5][0].label == SPEECH
    assert (events[5][0].onset, events[5][0].offset) == (0.0, 1.5)


@pytest.mark.parametrize(
    "subset, expected",
    [
        ("weak", "ba"),
        ("unlabel_out_of_domain", "d"),
        ("test", "e"),
        ("train", "bac"),
        ("validation", "e"),
        ("evaluation", "gf"),
        (["eval", "weak", "weak"], "bagf"),
        (("train", "unlabel_out_of_domain"), "bacd"),
        (np.array(["validation", "train"]), "bace"),
    ],
)
def test_subset(home: Path, subset: object, expected: str) -> None:
    corpus = load_silently(home, subset=subset)
    assert names(corpus) == [f"{letter}.wav" for letter in expected]
    assert corpus.target_names.tolist() == CLASSES


@pytest.mark.parametrize("subset", ["unlabeled", [], ["weak", "dev"], 3])
def test_unknown_subset(home: Path, subset: object) -> None:
    options = [*TABLES, "train", "validation", "evaluation"]
    message = (
        "The 'subset' parameter of load_dcase2018_task4 must be None, one of "
        f"{options} or a list of some of these. Got {subset!r} instead."
    )
    with pytest.raises(ValueError, match=whole(message)):
        load_dcase2018_task4(home, subset=subset)


def test_returns_a_pair(home: Path) -> None:
    corpus = load_silently(home)
    paths, target = load_silently(str(home), return_X_y=True)
    np.testing.assert_array_equal(paths, corpus.paths)
    np.testing.assert_array_equal(target, corpus.target)


def test_other_suffixes(home: Path) -> None:
    folder = home / "audio" / "train" / "weak"
    (folder / "a.wav").rename(folder / "a.ogg")
    touch(home, "weak", "b.flac", "a.FLAC", "._a.wav", "a.wav.part", "a.txt")
    (folder / "a.wav").mkdir()
    assert names(load_silently(home, subset="weak")) == ["b.wav", "a.FLAC"]


def test_the_first_suffix_is_preferred(home: Path) -> None:
    stems = [f"i{i}" for i in range(20)]
    rows = "".join(f"{stem}.wav\n" for stem in stems)
    write_list(home, "unlabel_in_domain", "filename\n" + rows)
    for stem in stems:
        touch(home, "unlabel_in_domain", f"{stem}.ogg", f"{stem}.flac")
    corpus = load_silently(home, subset="unlabel_in_domain")
    assert names(corpus) == [f"{stem}.flac" for stem in stems]


def test_the_listed_suffix_is_preferred(home: Path) -> None:
    write_list(home, "unlabel_in_domain", "filename\nc.ogg\nh_30.000_40.000\n")
    touch(home, "unlabel_in_domain", "c.ogg", "c.wav", "h_30.000_40.000.flac")
    corpus = load_silently(home, subset="unlabel_in_domain")
    assert names(corpus) == ["c.ogg", "h_30.000_40.000.flac"]


def test_missing_recordings_are_counted_by_list(home: Path) -> None:
    (home / "audio" / "train" / "weak" / "a.wav").unlink()
    for name in ["f.wav", "g.wav"]:
        (home / "audio" / "eval" / name).unlink()
    (home / "audio" / "eval").rmdir()
    message = (
        f"Recordings of DCASE 2018 task 4 in {str(home)!r} are missing: 1 of 2 in "
        "'audio/train/weak', 2 of 2 in 'audio/eval'. They are left out; the field "
        "'missing' names them all."
    )
    corpus = load_warned(home, message)
    assert names(corpus) == ["b.wav", "c.wav", "e.wav"]
    assert len(corpus.target) == len(corpus.events) == len(corpus.split) == 3
    assert [str(Path(path).relative_to(home / "audio")) for path in corpus.missing] == [
        str(Path("train", "weak", "a.wav")),
        str(Path("eval", "g.wav")),
        str(Path("eval", "f.wav")),
    ]


def test_missing_lists_are_named(home: Path) -> None:
    for name in ["unlabel_in_domain", "eval"]:
        (home / "metadata" / TABLES[name]).unlink()
    absent = ["metadata/train/unlabel_in_domain.csv", "metadata/eval/eval.csv"]
    message = (
        f"The lists {absent} of DCASE 2018 task 4 in {str(home)!r} are not there, and "
        "their clips are not loaded. Put them there, or name the others by 'subset'."
    )
    corpus = load_warned(home, message)
    assert names(corpus) == ["b.wav", "a.wav", "e.wav"]
    assert corpus.missing_lists == absent
    assert load_silently(home, subset=["weak", "test"]).missing_lists == []


def test_all_recordings_missing_is_an_error(home: Path) -> None:
    audio = home / "audio"
    wanted = str(audio / "test" / "h.wav")
    write_list(home, "test", STRONG + "h.wav\t0\t1\tDog\n")
    message = (
        "None of the 1 recordings that the lists of ['test'] name is in "
        f"{str(audio)!r}: put them there as in the corpus, such as {wanted!r}."
    )
    with pytest.raises(FileNotFoundError, match=whole(message)):
        load_dcase2018_task4(home, subset="test")


def test_all_lists_missing_is_an_error(tmp_path: Path) -> None:
    absent = ["metadata/test/test.csv", "metadata/eval/eval.csv"]
    message = (
        f"load_dcase2018_task4 found no clips in {str(tmp_path)!r}: the lists {absent} "
        "are not there. Give the folder that holds 'metadata' and 'audio', with lists "
        "such as 'metadata/train/weak.csv'."
    )
    with pytest.raises(FileNotFoundError, match=whole(message)):
        load_dcase2018_task4(tmp_path, subset=["test", "eval"])


def test_folder_missing(tmp_path: Path) -> None:
    message = (
        "The 'data_home' parameter of load_dcase2018_task4 must be an existing folder. "
        f"There is nothing at {str(tmp_path / 'dcase')!r}: unpack the corpus there, or "
        "give the folder that holds it."
    )
    with pytest.raises(FileNotFoundError, match=whole(message)):
        load_dcase2018_task4(tmp_path / "dcase")


@pytest.mark.parametrize("value", [3, None])
def test_home_that_is_no_path(value: object) -> None:
    message = (
        "The 'data_home' parameter of load_dcase2018_task4 must be the path of a "
        f"folder. Got {value!r} instead."
    )
    with pytest.raises(ValueError, match=whole(message)):
        load_dcase2018_task4(value)


def test_replaced_clips_leave_the_test_set_only(home: Path) -> None:
    # as in the first version of the test list, which held training clips
    timed = "a.wav\t0\t1\tCat\nh.wav\t0\t1\tDog\ne.wav\t0\t1\tDog\n"
    write_list(home, "test", STRONG + timed)
    write_list(home, "test/files_to_remove.csv", "filename\na.wav\nh.wav\nz.wav\n")
    touch(home, "test", "a.wav")
    message = (
        f"2 clips of 'metadata/test/test.csv' of DCASE 2018 task 4 in {str(home)!r} "
        "are left out, because 'metadata/test/files_to_remove.csv' names them; the "
        "field 'left_out' holds them."
    )
    corpus = load_warned(home, message, subset=["weak", "test"])
    assert names(corpus) == ["b.wav", "a.wav", "e.wav"]
    assert corpus.split.tolist() == ["train", "train", "validation"]
    assert names(Bunch(paths=corpus.left_out)) == ["a.wav", "h.wav"]
    assert corpus.missing == []


def test_a_clip_of_several_lists_is_loaded_once(home: Path) -> None:
    write_list(home, "unlabel_in_domain", "filename\na.wav\nc.wav\nf.wav\n")
    write_list(home, "unlabel_out_of_domain", "filename\nc.flac\nd.wav\n")
    write_list(home, "test", STRONG + "b.wav\t0\t1\tDog\ne.wav\t0\t1\tDog\n")
    touch(home, "unlabel_in_domain", "a.wav", "f.flac")
    touch(home, "unlabel_out_of_domain", "c.flac")
    touch(home, "test", "b.wav")
    folder = home / "audio" / "train" / "unlabel_in_domain"
    order = ["weak", "test", "eval", "unlabel_in_domain", "unlabel_out_of_domain"]
    message = (
        f"4 recordings of DCASE 2018 task 4 in {str(home)!r} are in several lists, and "
        f"only loaded from the first of {order}; the field 'left_out' holds the "
        f"others, such as {str(folder / 'a.wav')!r}."
    )
    corpus = load_warned(home, message, subset=list(TABLES))
    assert names(corpus) == [
        "b.wav", "a.wav", "c.wav", "d.wav", "e.wav", "g.wav", "f.wav",
    ]  # fmt: skip
    left_out = [Path(path).parts[-2:] for path in corpus.left_out]
    assert left_out == [
        ("unlabel_in_domain", "a.wav"),
        ("unlabel_in_domain", "f.flac"),
        ("unlabel_out_of_domain", "c.flac"),
        ("test", "b.wav"),
    ]


def test_an_unlabeled_copy_serves_where_the_labeled_one_is_missing(home: Path) -> None:
    write_list(home, "unlabel_in_domain", "filename\na.wav\n")
    touch(home, "unlabel_in_domain", "a.wav")
    (home / "audio" / "train" / "weak" / "a.wav").unlink()
    with pytest.warns(UserWarning, match="1 of 2 in 'audio/train/weak'"):
        corpus = load_dcase2018_task4(home, subset="train")
    assert corpus.subset.tolist() == ["weak", "unlabel_in_domain"]
    assert corpus.target[1].tolist() == [-1] * 10


def test_a_class_of_the_test_list_only(home: Path) -> None:
    timed = "e.wav\t2\t3\tDoorbell\ne.wav\t0\t1\tDog\n"
    write_list(home, "test", STRONG + timed)
    message = (
        f"The lists of DCASE 2018 task 4 in {str(home)!r} name classes that are none "
        "of the ten: ['Doorbell']. They get columns of their own; repair the lists if "
        "they are misspelt."
    )
    corpus = load_warned(home, message)
    assert corpus.target_names.tolist() == [*CLASSES, "Doorbell"]
    assert corpus.target[:, 10].tolist() == [0, 0, -1, 1, 0, 0]
    assert corpus.events[3] == [(DOG, 0.0, 1.0), (10, 2.0, 3.0)]


def test_columns_do_not_depend_on_what_is_missing(home: Path) -> None:
    write_list(home, "weak", WEAK + "h.wav\tDoorbell\na.wav\tCat\n")
    with pytest.warns(UserWarning) as caught:
        corpus = load_dcase2018_task4(home, subset="weak")
    assert len(caught) == 2
    assert corpus.target_names.tolist() == [*CLASSES, "Doorbell"]
    assert corpus.target.tolist() == [[0, 0, 1] + [0] * 8]
