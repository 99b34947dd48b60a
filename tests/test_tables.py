"""The bench of the paper's tables: its rows, its files, and the page made of them."""

import csv
import dataclasses
import json
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy import stats
from test_examples import load

from sklearn_triplet import STRATEGIES


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for name in ("few_labels", "mean_teacher"):
        load(f"benchmarks/{name}.py", monkeypatch)
    return load("benchmarks/tables.py", monkeypatch)


@pytest.fixture
def tiny(tables: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the bench with a corpus and a budget of next to nothing."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(72, 16, 60)).astype(np.float32)
    group = np.repeat(list("abc"), 24)
    y = np.tile(np.arange(3), 24)
    X += 2 * (y[:, None, None] == np.arange(16)[:, None] // 4)
    X[5, :, 40:] = np.nan
    several = np.stack([y == 0, y < 2], axis=1).astype(int)
    monkeypatch.setattr(
        tables,
        "load",
        lambda name, folder, budget: (
            tables.Corpus(X, several if name == "soundscapes" else y, group, [], []),
            tables.rotate(group)[: budget.turns],
        ),
    )
    small = {
        "epochs": dict.fromkeys(tables.QUICK.epochs, 1),
        "rounds": 2,
        "steps": 1,
        "passes": 1,
        "teacher_steps": 2,
        "labels": dict.fromkeys(tables.QUICK.labels, (6,)),
        "seeds": dict.fromkeys(tables.QUICK.seeds, 1),
    }
    monkeypatch.setattr(tables, "QUICK", dataclasses.replace(tables.QUICK, **small))
    return tables


def read(path: str | Path) -> list[dict]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("corpus", ["esc10", "soundscapes"])
def test_every_row_runs(
    tiny: ModuleType, tmp_path: Path, corpus: str, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "tables.csv"
    options = [f"--corpus={corpus}", "--data=", "--quick", f"--csv={path}"]
    options += ["--n-jobs=1", "--precision=float32"]
    tiny.main([*options, "--report"])
    lines = read(path)
    n = len({line["system"] for line in lines})
    assert len(lines) == 2 * n
