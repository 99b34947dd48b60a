"""A small tree of DCASE 2018 task 4, and ways to load it, for several test files."""

import warnings
from pathlib import Path

from sklearn.utils import Bunch

from sklearn_triplet.datasets import load_dcase2018_task4

CLASSES = [
    "Alarm_bell_ringing",
    "Blender",
    "Cat",
    "Dishes",
    "Dog",
    "Electric_shaver_toothbrush",
    "Frying",
    "Running_water",
    "Speech",
    "Vacuum_cleaner",
]
CAT, DOG, SPEECH = 2, 4, 8
WEAK, STRONG = "filename\tevent_labels\n", "filename\tonset\toffset\tevent_label\n"
TABLES = {
    "weak": "train/weak.csv",
    "unlabel_in_domain": "train/unlabel_in_domain.csv",
    "unlabel_out_of_domain": "train/unlabel_out_of_domain.csv",
    "test": "test/test.csv",
    "eval": "eval/eval.csv",
}
FOLDERS = {name: table.removesuffix(".csv") for name, table in TABLES.items()}
FOLDERS |= {"test": "test", "eval": "eval"}


def write_list(home: Path, name: str, text: str | bytes) -> Path:
    table = home / "metadata" / TABLES.get(name, name)
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    return table


def touch(home: Path, subset: str, *names: str) -> None:
    folder = home / "audio" / FOLDERS[subset]
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def make_tree(home: Path) -> Path:
    """Build the tree of the corpus with seven clips, all there."""
    write_list(home, "weak", WEAK + "b.wav\tSpeech,Dog\na.wav\tCat\n")
    write_list(home, "unlabel_in_domain", "filename\nc.wav\n")
    write_list(home, "unlabel_out_of_domain", "filename\nd.wav\n")
    timed = "e.wav\t2.5\t3.25\tDog\ne.wav\t0.5\t9\tCat\ne.wav\t4\t5\tDog\n"
    write_list(home, "test", STRONG + timed)
    write_list(home, "eval", STRONG + "g.wav\t\t\t\nf.wav\t0\t1.5\tSpeech\n")
    touch(home, "weak", "a.wav", "b.wav")
    touch(home, "unlabel_in_domain", "c.wav")
    touch(home, "unlabel_out_of_domain", "d.wav")
    touch(home, "test", "e.wav")
    touch(home, "eval", "f.wav", "g.wav")
    return home


def names(corpus: Bunch) -> list[str]:
    return [Path(path).name for path in corpus.paths]


def load_silently(home: Path, **parameters: object) -> Bunch:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return load_dcase2018_task4(home, **parameters)


def load_warned(home: Path, message: str, **parameters: object) -> Bunch:
    """Load with one warning, of this whole text, that points at the caller."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        corpus = load_dcase2018_task4(home, **parameters)
    assert [str(warning.message) for warning in caught] == [message]
    assert caught[0].category is UserWarning
    assert caught[0].filename == __file__
    return corpus
