from pathlib import Path

import numpy as np
import pytest
from dcase_tree import (
    CAT,
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

from sklearn_triplet.datasets import load_dcase2018_task4


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_tree(tmp_path)


def refuse_line(home: Path, name: str, text: str | bytes, sentence: str) -> None:
    table = write_list(home, name, text)
    message = sentence.replace("TABLE", repr(str(table)))
    with pytest.raises(ValueError, match=whole(message)):
        load_dcase2018_task4(home)


def test_separators_and_repeated_classes(home: Path) -> None:
    rows = "a.wav\tDog;Cat\nb.wav\t Dog , Cat;Speech \nc.wav\tDog,Dog\n"
    write_list(home, "weak", WEAK + rows)
    touch(home, "weak", "c.wav")
    target = load_silently(home, subset="weak").target
    assert [np.flatnonzero(row).tolist() for row in target] == [
        [CAT, DOG],
        [CAT, DOG, SPEECH],
        [DOG],
    ]
    assert target.max() == 1


def test_what_editors_and_spreadsheets_do(home: Path) -> None:
    plain = load_silently(home)
    rows = 'b.wav \t"Speech,Dog"\r\n\r\n  a.wav\t Cat\t\r\n\r\n'
    write_list(home, "weak", "\ufeff" + WEAK.replace("\n", "\r\n") + rows)
    # an editor that strips lines leaves of a silent clip the name alone
    write_list(home, "eval", STRONG + "g.wav\nf.wav\t0.000\t1.500\tSpeech")
    corpus = load_silently(home)
    np.testing.assert_array_equal(corpus.paths, plain.paths)
    np.testing.assert_array_equal(corpus.target, plain.target)
    assert corpus.events == plain.events


def test_columns_are_found_by_name(home: Path) -> None:
    header = "event_label\toffset\tfilename\tconfidence\tonset\n"
    write_list(home, "eval", header + "Dog\t1.5\tf.wav\t0.9\t0.5\n")
    corpus = load_silently(home, subset="eval")
    assert names(corpus) == ["f.wav"]
    assert corpus.events == [[(DOG, 0.5, 1.5)]]


def test_umlauts_in_both_spellings(home: Path) -> None:
    write_list(home, "unlabel_in_domain", "filename\nTür.wav\nÖl.wav\n")
    touch(home, "unlabel_in_domain", "Tu\u0308r.wav", "Öl.wav")
    assert len(load_silently(home, subset="unlabel_in_domain").paths) == 2


@pytest.mark.parametrize("text", [b"", WEAK, "\r\n" + WEAK + "\n"])
def test_empty_list_is_an_error(home: Path, text: str | bytes) -> None:
    write_list(home, "weak", text)
    message = (
        f"The lists of ['weak'] in {str(home / 'metadata')!r} name no clip to load: "
        "take them from the corpus again."
    )
    with pytest.raises(FileNotFoundError, match=whole(message)):
        load_dcase2018_task4(home, subset="weak")


@pytest.mark.parametrize(
    "name, rows, line, n_rows, expected",
    [
        ("weak", "a.wav\tDog\nb.wav\tCat\na.wav\tSpeech\n", 4, 1, [[4, 8], [2]]),
        ("unlabel_in_domain", "c.wav\nc.wav\nc.wav\n", 3, 2, [[]]),
        ("test", "e.wav\t0\t1\tDog\ne.wav\t0.0\t1\tDog\n", 3, 1, [[4]]),
        ("eval", "g.wav\t\t\t\nf.wav\t0\t1\tCat\ng.wav\t\t\t\n", 4, 1, [[], [2]]),
        ("eval", "f.wav\t0\t1\tCat\nf.wav\t\t\t\n", 3, 1, [[2]]),
        ("eval", "f.wav\t\t\t\nf.wav\t0\t1\tCat\n", 2, 1, [[2]]),
    ],
)
def test_repeated_rows_are_counted(
    home: Path, name: str, rows: str, line: int, n_rows: int, expected: list[list[int]]
) -> None:
    header = {"weak": WEAK, "unlabel_in_domain": "filename\n"}.get(name, STRONG)
    write_list(home, name, header + rows)
    message = (
        f"{n_rows} rows of 'metadata/{TABLES[name]}' of DCASE 2018 task 4 in "
        f"{str(home)!r} repeat a clip or an event (the first is line {line}). Each "
        "clip is loaded once, with all the classes of its rows."
    )
    corpus = load_warned(home, message, subset=name)
    assert [np.flatnonzero(row == 1).tolist() for row in corpus.target] == expected


@pytest.mark.parametrize(
    "row, sentence",
    [
        ("a.wav\t", "must name the classes of 'a.wav'. It does not:"),
        ("a.wav", "must name the classes of 'a.wav'. It does not:"),
        ("a.wav\t,;", "must name the classes of 'a.wav'. It does not:"),
        ("\tDog", "must begin with the name of a file. It does not:"),
        (
            "a.wav\tDog\tCat",
            "must hold 2 fields separated by tabs. Got 3 fields instead:",
        ),
    ],
)
def test_weak_line_that_cannot_be_read(home: Path, row: str, sentence: str) -> None:
    text = WEAK + "b.wav\tDog\n\n" + row + "\n"
    cure = " repair the line or take the list from the corpus again."
    refuse_line(home, "weak", text, f"Line 4 of TABLE {sentence}{cure}")


@pytest.mark.parametrize(
    "times", [("", "1"), ("1", ""), ("", ""), ("2", "1"), ("1", "1"), ("-1", "1"),
              ("0,5", "1"), ("nan", "1"), ("0", "inf"), ("zero", "one")],
)  # fmt: skip
def test_times_that_cannot_be_read(home: Path, times: tuple[str, str]) -> None:
    sentence = (
        "Line 2 of TABLE must hold an onset and a later offset in seconds, such as "
        f"0.163. Got {times[0]!r} and {times[1]!r} instead: repair the line or take "
        "the list from the corpus again."
    )
    text = STRONG + "\t".join(["e.wav", *times, "Dog"])
    refuse_line(home, "test", text, sentence)


def test_event_without_class(home: Path) -> None:
    sentence = (
        "Line 2 of TABLE must name the class of its event. It does not: repair the "
        "line or take the list from the corpus again."
    )
    refuse_line(home, "eval", STRONG + "f.wav\t0\t1\n", sentence)


def test_list_without_column_names(home: Path) -> None:
    sentence = (
        "Line 1 of TABLE must name the columns ['filename', 'event_labels'], separated "
        "by tabs. It lacks 'filename': put the line of column names back, or take the "
        "list from the corpus again."
    )
    refuse_line(home, "weak", "a.wav\tDog\n", sentence)
    sentence = sentence.replace("'filename':", "'event_labels':")
    refuse_line(home, "weak", "filename\ttags\na.wav\tDog\n", sentence)


@pytest.mark.parametrize(
    "text, line",
    [
        ((WEAK + "a.wav\tDog\nTür.wav\tCat\n").encode("latin-1"), 3),
        ((WEAK + "a.wav\tDog\n").encode("utf-16"), 1),
    ],
)
def test_list_in_another_encoding(home: Path, text: bytes, line: int) -> None:
    sentence = (
        f"Line {line} of TABLE must be text in UTF-8. It holds other bytes: save the "
        "list as UTF-8 or take it from the corpus again."
    )
    refuse_line(home, "weak", text, sentence)
