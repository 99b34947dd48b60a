"""The examples and the sweep of the paper, run on little data; what they claim."""

import argparse
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
from helpers import make_noise
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score

import sklearn_triplet
from sklearn_triplet import TripletTagger, UnlabeledInTrain, is_labeled
from sklearn_triplet.datasets import read_events

ROOT = Path(__file__).parents[1]
SCORE = r"(\d\.\d{3})[* ]"
TINY = ["--clips=40", "--epochs=1", "--triplets=16", "--components=4", "--n-jobs=1"]


def load(path: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    specification = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(specification)
    # where pickle and joblib look for its functions
    monkeypatch.setitem(sys.modules, module.__name__, module)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def trap(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load("examples/scoring_trap.py", monkeypatch)


@pytest.fixture
def searching(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load("examples/search_strategies.py", monkeypatch)


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load("benchmarks/sweep_paper.py", monkeypatch)


@pytest.mark.parametrize("seed", range(4))
def test_only_by_default_the_model_that_says_unlabeled_wins(
    trap: ModuleType, seed: int
) -> None:
    data = trap.make_table(seed)
    rows = trap.compare_models(data)
    wrong, right = (max(rows, key=lambda row: row[i]) for i in (1, 2))
    assert wrong.name == "logistic regression, -1 is a class"
    assert wrong.default > 0.65 and wrong.truth < 0.1
    assert right.truth > 0.6 and right.truth > max(row.truth for row in rows) - 0.1
    # 84 of 300 rows are labeled: who never says -1 is right in no other
    assert all(row.default <= 84 / 300 for row in rows[1:])
    # ours, by hand: folds of the labeled rows
    known = is_labeled(data.y)
    expected = cross_val_score(
        LogisticRegression(), data.X[known], data.y[known], cv=StratifiedKFold(5)
    )
    assert rows[1].ours == pytest.approx(expected.mean())


def test_only_by_default_many_neighbours_win(trap: ModuleType) -> None:
    data = trap.make_table(0)
    rows = trap.compare_neighbors(data)
    assert max(rows, key=lambda row: row.default).truth < 0.05
    assert rows.index(max(rows, key=lambda row: row.ours)) == 0
    assert rows[0].truth == max(row.truth for row in rows) > 0.1
    # among 100 neighbours of 240 rows most are unlabeled, as 216 of 300 are
    assert rows[-1][1:] == pytest.approx((216 / 300, 0, 0))
    assert trap.compare_neighbors(data) == rows


def test_a_model_that_never_says_unlabeled_is_right_in_labeled_rows_only(
    trap: ModuleType,
) -> None:
    rows = trap.compare_thresholds(trap.make_table(6))
    assert all(row.default <= 84 / 300 < 0.85 < row.ours for row in rows)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_trap_with_our_pipeline(
    trap: ModuleType, capsys: pytest.CaptureFixture
) -> None:
    trap.main(["--seed", "1", "--clips", "60"])
    out = capsys.readouterr().out
    table = out[out.index("\nSounds") :]
    scores = np.array(re.findall(f"{SCORE} +{SCORE} +{SCORE}", table), dtype=float)
    assert scores.shape == (4, 3)
    assert (scores[:2, 0] > scores[2:, 0].max()).all()
    assert (scores[2:, 1:] > scores[:2, 1:].max(axis=0)).all()
    chosen = re.findall(r"chosen by (\S+): +(.*), in truth", table)
    assert [how for how, _ in chosen] == ["default", "ours"]
    assert chosen[0][1].endswith("(-1 a class)")
    assert chosen[1][1].endswith("in LabeledOnly")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_search_prints_tables_and_repeats_itself(
    searching: ModuleType, capsys: pytest.CaptureFixture
) -> None:
    searching.main([*TINY, "--fractions", "0.5", "1"])
    few, every = capsys.readouterr().out.split("\nMacro F1, ")[1:]
    assert few.startswith("20 of 40 clips") and every.startswith("40 of 40 clips")
    cells = re.findall(r"(\d\.\d{3}) ± (\d\.\d{3})", few)
    assert len(cells) == 3 * 4 + 2
    best = re.search(r"^best: .*, (\d\.\d{3})$", few, flags=re.M)
    assert best[1] == max(mean for mean, _ in cells)
    assert re.search(r"^the same on 40 held-out clips: [01]\.\d{3}$", few, flags=re.M)
    # with nothing unlabeled there is no ratio
    assert re.findall("^s.", every, flags=re.M) == ["s1", "s4", "s5"]
    searching.main([*TINY, "--fractions", "1"])
    again = capsys.readouterr().out.split("\nMacro F1, ")[1]
    assert again.split("Took")[0] == every.split("Took")[0]


def test_recordings_stay_in_their_folds(searching: ModuleType, tmp_path: Path) -> None:
    for folder in ("001 - Dog bark", "002 - Rain"):
        (tmp_path / folder).mkdir()
        for fold in range(1, 6):
            for take in "AB":
                path = tmp_path / folder / f"{fold}-7-{take}.wav"
                soundfile.write(path, make_noise(4410, seed=fold), 44100)
    data = searching.load_recordings(tmp_path)
    assert len(data.X) == len(data.truth) == 16 and len(data.X_test) == 4
    fold = data.cv.test_fold
    y = data.truth.copy()
    y[1::2] = -1  # one of the two takes of each fold and class
    folds = list(UnlabeledInTrain(data.cv).split(data.X, y))
    assert len(folds) == 4
    for train, test in folds:
        assert is_labeled(y[test]).all()
        assert not set(fold[train[is_labeled(y[train])]]) & set(fold[test])
        assert len(train) + len(test) == len(y)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_few_labels_are_scored_beside_the_same_without_unlabeled(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    small = {"n_components": 16, "n_steps": 6, "max_epochs": 3}
    monkeypatch.setattr(
        sklearn_triplet,
        "TripletTagger",
        lambda **settings: TripletTagger(**{**settings, **small}),
    )
    shown = []
    monkeypatch.setattr(pyplot, "show", lambda: shown.append(pyplot.gcf()))
    example = load("examples/few_labels.py", monkeypatch)
    scores = re.findall(r"^(.+): mAP (\d\.\d{3})$", capsys.readouterr().out, re.M)
    assert [name for name, _ in scores] == ["labels only", "unlabeled too"]
    # above what a constant answer would have
    share = example.scenes.target[160:].mean()
    assert all(share < float(score) <= 1 for _, score in scores)
    # of each of the 136 unlabeled recordings, every class
    n_tags = 136 * len(example.scenes.target_names)
    assert example.sure.shape == example.right.shape == (n_tags,)
    assert (example.sure >= 0.5).all() and example.right.mean() > 0.5
    assert len(shown) == 1
    pyplot.close(shown[0])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_from_a_day_of_sound_to_events_and_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    day = load("examples/day_of_sound.py", monkeypatch)
    monkeypatch.setattr(day, "N_SCENES", 4)  # hours of four minutes
    small = {"n_steps": 2, "max_epochs": 2, "n_components": 8, "segment_length": 100}
    monkeypatch.setattr(
        day,
        "TripletTagger",
        lambda **settings: TripletTagger(**{**settings, **small}),
    )
    folder = tmp_path / "day"
    arguments = ["day", f"--folder={folder}", "--hours=2", "--minutes=2"]
    monkeypatch.setattr(sys, "argv", arguments)
    day.main()
    told = capsys.readouterr().out
    stages = re.findall(r"^(.+?) +\d+\.\d s   at most +\d+ MB$", told, re.M)
    assert stages[0] == "recording the day" and stages[-1] == "choosing clips"
    assert "48 clips of 2 recordings" in told and "Labeled clips: 12" in told
    marked = read_events(folder / "marked.tsv")
    assert set(marked["filename"]) == {"hour_00.flac", "hour_01.flac"}
    assert (marked["offset"] <= 60).all()
    events = read_events(folder / "found")
    assert set(events["filename"]) <= {"hour_00", "hour_01"}
    assert f"{(events['event_label'] != '').sum()} events found" in told
    assert (folder / "next.html").read_text().count(".flac") >= 20


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_sweep_goes_on_where_it_was(
    sweep: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(24) % 2
    X = rng.normal(size=(24, 16, 100)).astype(np.float32) + truth[:, None, None]
    data = X, truth, [np.arange(8), np.arange(8, 16)]
    options = argparse.Namespace(
        data="ESC-10", epochs=1, triplets=8, precision="float32", fractions=[0.5]
    )
    jobs, path = sweep.list_jobs(options, n_folds=2), tmp_path / "sweep.csv"
    assert len(jobs) == 2 * (2 + 3 * 4 + 2)
    sweep.run(jobs[:5], data, path, n_jobs=1)
    lines = path.read_text().splitlines()
    sweep.run([*jobs[3:7], jobs[16]], data, path, n_jobs=1)
    assert "5 fits in" in (out := capsys.readouterr().out) and "3 to do" in out
    assert path.read_text().splitlines()[: 1 + 5] == lines
    assert len(sweep.read(path)) == 5 + 3
    # log-mels of two levels are told apart, in both folds
    text = sweep.report(jobs, path)
    assert "8 of 32 fits, 1 epochs of 8 triplets, float32" in text
    assert "| 0.5 | logmel |  |  |  |  | 1.000 ± 0.000 |  | 2 |" in text


def test_a_run_that_is_in_the_file_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    few_labels = load("benchmarks/few_labels.py", monkeypatch)
    path, asked = str(tmp_path / "runs.csv"), []
    for seeds in ([1, 2], [1, 2, 3]):

        def run(done: set, seeds: list = seeds) -> Iterator[dict]:
            asked.append(done)
            for seed in seeds:
                if (str(seed),) not in done:
                    yield {"seed": seed, "f1": seed / 10}

        rows = few_labels.extend_csv(path, ("seed",), ("seed", "f1"), run)
    assert asked == [set(), {("1",), ("2",)}]
    found = [(int(row["seed"]), float(row["f1"])) for row in rows]
    assert found == [(1, 0.1), (2, 0.2), (3, 0.3)]
    # each is told once, as it is made
    assert capsys.readouterr().out.splitlines() == ["1 0.100", "2 0.200", "3 0.300"]
