import csv
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dcase_tree import (
    CLASSES,
    FOLDERS,
    STRONG,
    TABLES,
    WEAK,
    load_silently,
    names,
    touch,
    write_list,
)
from helpers import make_noise, write
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch

from sklearn_triplet import LogMel, SequenceTagger, TripletEmbedder, UnlabeledInTrain
from sklearn_triplet.datasets import load_dcase2018_task4

REAL = Path(__file__).parents[2] / "shared" / "data" / "dcase2018_task4"
needs_lists = pytest.mark.skipif(
    not REAL.is_dir(), reason="the lists of DCASE 2018 task 4 are not here"
)


def read_real(name: str) -> list[dict[str, str]]:
    with (REAL / "metadata" / name).open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def copy_real(home: Path) -> dict[str, list[str]]:
    """Copy the real lists; return the file names of each."""
    listed = {}
    for name in ["weak", "unlabel_in_domain", "test", "eval"]:
        write_list(home, name, (REAL / "metadata" / TABLES[name]).read_bytes())
        rows = read_real(TABLES[name])
        listed[name] = list(dict.fromkeys(row["filename"] for row in rows))
    removed = "test/files_to_remove.csv"
    write_list(home, removed, (REAL / "metadata" / removed).read_bytes())
    return listed


@pytest.fixture(scope="module")
def real_corpus(tmp_path_factory: pytest.TempPathFactory) -> Bunch:
    home = tmp_path_factory.mktemp("dcase")
    for name, files in copy_real(home).items():
        touch(home, name, *files)
    return load_silently(home)


@needs_lists
def test_the_real_lists(real_corpus: Bunch) -> None:
    corpus = real_corpus
    counts = dict(zip(*np.unique(corpus.subset, return_counts=True), strict=True))
    expected = {"weak": 1578, "unlabel_in_domain": 14412, "test": 288, "eval": 880}
    assert counts == expected
    assert np.sum(corpus.split == "train") == 1578 + 14412
    assert len(set(names(corpus))) == len(corpus.paths) == 17158
    unlabeled = (corpus.target == -1).all(axis=1)
    np.testing.assert_array_equal(unlabeled, corpus.subset == "unlabel_in_domain")
    assert corpus.left_out == corpus.missing == corpus.missing_lists == []
    silent = ~unlabeled & (corpus.target == 0).all(axis=1)
    assert corpus.subset[silent].tolist() == ["eval"] * 15
    assert [corpus.events[clip] for clip in np.flatnonzero(silent)] == [[]] * 15


@needs_lists
def test_the_real_classes(real_corpus: Bunch) -> None:
    corpus = real_corpus
    tags = corpus.target[corpus.subset == "weak"].sum(axis=0)
    # the list mentions Running_water 345 times and the alarm 206 times, in rows
    # of which two and one say it twice
    assert dict(zip(corpus.target_names, tags, strict=True)) == {
        "Alarm_bell_ringing": 206 - 1,
        "Blender": 134,
        "Cat": 173,
        "Dishes": 184,
        "Dog": 214,
        "Electric_shaver_toothbrush": 103,
        "Frying": 171,
        "Running_water": 345 - 2,
        "Speech": 550,
        "Vacuum_cleaner": 167,
    }
    test = corpus.target[corpus.subset == "test"].sum(axis=0)
    assert test.tolist() == [45, 30, 32, 35, 29, 25, 24, 63, 102, 35]
    evaluation = corpus.target[corpus.subset == "eval"].sum(axis=0)
    assert evaluation.tolist() == [142, 50, 89, 136, 131, 37, 65, 134, 525, 56]


@needs_lists
@pytest.mark.parametrize("subset", ["test", "eval"])
def test_the_real_events(real_corpus: Bunch, subset: str) -> None:
    chosen = np.flatnonzero(real_corpus.subset == subset)
    found = {
        (Path(real_corpus.paths[clip]).name, CLASSES[label], onset, offset)
        for clip in chosen
        for label, onset, offset in real_corpus.events[clip]
    }
    rows = [row for row in read_real(TABLES[subset]) if row["onset"]]
    assert found == {
        (
            row["filename"],
            row["event_label"],
            float(row["onset"]),
            float(row["offset"]),
        )
        for row in rows
    }
    assert sum(len(real_corpus.events[clip]) for clip in chosen) == len(rows)


@needs_lists
def test_the_removed_clips_stay_in_training(real_corpus: Bunch) -> None:
    removed = {row["filename"] for row in read_real("test/files_to_remove.csv")}
    assert len(removed) == 46
    where = np.isin(names(real_corpus), list(removed))
    assert real_corpus.subset[where].tolist() == ["weak"] * 46


def write_stand_ins(home: Path, listed: dict[str, list[str]]) -> int:
    """Write half a second of noise for a few clips of each list."""
    n_clips = 0
    for name, files in listed.items():
        touch(home, name)
        for file in files[:: max(1, len(files) // 8)]:
            noise = make_noise(8000, seed=n_clips)
            write(home / "audio" / FOLDERS[name] / file, noise, 16000)
            n_clips += 1
    return n_clips


@needs_lists
def test_a_part_of_the_real_corpus_trains_and_is_searched(tmp_path: Path) -> None:
    n_clips = write_stand_ins(tmp_path, copy_real(tmp_path))
    with pytest.warns(UserWarning, match="1569 of 1578 in 'audio/train/weak', "):
        corpus = load_dcase2018_task4(tmp_path)
    assert len(corpus.paths) == n_clips
    assert len(corpus.missing) == 17158 - n_clips
    check_training(corpus)


def test_a_small_corpus_trains_and_is_searched(tmp_path: Path) -> None:
    listed = {name: [f"{name}{i}.wav" for i in range(8)] for name in TABLES}
    tags = [CLASSES[i % 3] for i in range(8)]
    for name, files in listed.items():
        header, row = {"weak": (WEAK, "{}\t{}\n")}.get(name, ("filename\n", "{}\n"))
        if name in ("test", "eval"):
            header, row = STRONG, "{}\t0.1\t0.4\t{}\n"
        rows = [row.format(*pair) for pair in zip(files, tags, strict=True)]
        write_list(tmp_path, name, header + "".join(rows))
    assert write_stand_ins(tmp_path, listed) == 40
    check_training(load_silently(tmp_path))


def check_training(corpus: Bunch) -> None:
    """Search over the validation clips, then tag the evaluation clips."""
    mel = LogMel(16000, n_fft=512, win_length=400, hop_length=160, n_mels=16)
    embedder = TripletEmbedder(
        "s2", n_components=4, segment_length=16, max_epochs=1, random_state=0
    )
    tagger = SequenceTagger(n_layers=1, n_cells=4, max_epochs=1, random_state=0)
    pipe = Pipeline([("mel", mel), ("emb", embedder), ("tag", tagger)])
    known = corpus.split != "evaluation"
    fold = PredefinedSplit(np.where(corpus.split[known] == "validation", 0, -1))
    cv = UnlabeledInTrain(fold)
    ((train, test),) = cv.split(corpus.paths[known], corpus.target[known])
    assert set(corpus.split[known][train]) == {"train"}
    assert (corpus.target[known][train] == -1).any()
    assert set(corpus.split[known][test]) == {"validation"}
    search = GridSearchCV(pipe, {"emb__labeled_ratio": [0.5]}, cv=cv, scoring=accuracy)
    with warnings.catch_warnings():
        # classes without a labeled clip are told of, and not what is tested here
        warnings.simplefilter("ignore", UserWarning)
        search.fit(corpus.paths[known], corpus.target[known])
        tags = search.predict(corpus.paths[~known])
    assert tags.shape == corpus.target[~known].shape
    assert set(np.unique(tags)) <= {0, 1}
    assert 0 <= search.best_score_ <= 1


def accuracy(estimator: Pipeline, X: np.ndarray, y: np.ndarray) -> float:
    predict: Callable[[np.ndarray], np.ndarray] = estimator.predict
    return float(np.mean(predict(X) == y))
