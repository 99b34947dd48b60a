"""The gallery's pages, and the sweep of the paper on little data; what they claim."""

import argparse
import ast
import importlib.util
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from sklearn_triplet import TripletTagger
from sklearn_triplet.datasets import read_events

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "examples").glob("plot_*.py"))


def load(path: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    specification = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(specification)
    # where pickle and joblib look for its functions
    monkeypatch.setitem(sys.modules, module.__name__, module)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load("benchmarks/sweep_paper.py", monkeypatch)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a page draw without a screen, and close its pictures."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr(pyplot, "show", lambda: None)
    yield
    pyplot.close("all")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_is_one_of_a_gallery(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    title, line, *prose = (ast.get_docstring(tree) or "").splitlines()
    assert title and line == "=" * len(title) and "".join(prose).strip()
    # blocks of prose and code in turn, and a picture or a table to look at
    assert text.count("\n# %%\n") >= 3
    assert "plt.show()" in text
    # what a reader can copy: nothing of this library that is not public
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert "._" not in (node.module or ""), node.module
    for reference in re.findall(r":ref:`sphx_glr_auto_examples_(\w+\.py)`", text):
        assert (path.parent / reference).exists(), reference


def test_pages_are_numbered_from_one() -> None:
    numbers = [int(path.stem.split("_")[1]) for path in PAGES]
    assert numbers == list(range(1, len(PAGES) + 1))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_runs(
    path: Path, monkeypatch: pytest.MonkeyPatch, shown: None, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    load(f"examples/{path.name}", monkeypatch)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_only_by_default_the_model_that_says_unlabeled_wins(
    monkeypatch: pytest.MonkeyPatch, shown: None, capsys: pytest.CaptureFixture
) -> None:
    page = load("examples/plot_05_honest_scores.py", monkeypatch)
    first, second = capsys.readouterr().out.split("UnlabeledInTrain(KFold)")
    rows = np.array(re.findall(r"(\d\.\d{3}) +(\d\.\d{3}) +(\d\.\d{3})", first), float)
    assert rows.shape == (4, 3)
    default, ours, truth = rows.T
    assert default.argmax() == 0 and default[0] > 0.65 and truth[0] < 0.1
    # 84 of 300 rows are labeled: who never says -1 is right in no other
    assert (default[1:] <= 84 / 300).all()
    assert truth[ours.argmax()] > truth.max() - 0.05
    # random folds promise more than groups do, and than new places keep
    scores = np.array(re.findall(r"\d\.\d{3}", second), float).reshape(3, 3)
    assert (scores[0] > scores[1:] + 0.2).all()
    assert (np.abs(scores[1] - scores[2]) < 0.25).all()
    assert len(page.models) == 3


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_from_a_day_of_sound_to_events_and_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    day = load("benchmarks/day_of_sound.py", monkeypatch)
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
