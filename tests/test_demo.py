"""The README's demo on a handful of short clips."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from sklearn_triplet import LogMel, mask_labels
from sklearn_triplet.datasets import make_soundscapes

PATH = Path(__file__).parents[1] / "examples" / "demo.py"
EPOCHS = {"tagger": 1, "crnn": 1, "embedder": 1, "triplets": 1}


@pytest.fixture
def demo():
    specification = importlib.util.spec_from_file_location("demo", PATH)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("multilabel", [True, False])
def test_demo_prints_a_table_and_draws(demo, multilabel, tmp_path, capsys):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    scenes = make_soundscapes(40, 3, duration=2.0, sample_rate=16000, random_state=0)
    X = LogMel(16000).transform(scenes.data)
    truth = scenes.target
    if not multilabel:
        truth = truth.argmax(axis=1)
    y = mask_labels(truth[:20], 0.5, random_state=0)
    embeddings = demo.compare(X[:20], y, X[20:], truth[20:], 0, EPOCHS)
    lines = capsys.readouterr().out.replace("\r", "").strip().split("\n")
    assert len(lines) == 1 + 9
    scores = np.array([line.split()[-3:-1] for line in lines[1:]], dtype=float)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert list(embeddings)[0] == "log-mel statistics"
    demo.draw(embeddings, truth[20:], scenes.target_names, tmp_path / "new" / "a.png")
    assert (tmp_path / "new" / "a.png").stat().st_size > 10_000
    # the same classes in the same colours in all panels, and one legend
    panels = [axes for axes in pyplot.gcf().axes if axes.collections]
    looks = [
        {dots.get_label(): tuple(dots.get_facecolor()[0]) for dots in axes.collections}
        for axes in panels
    ]
    assert len(panels) == len(embeddings) and all(look == looks[0] for look in looks)
    assert 2 <= len(set(looks[0]) - {"other"}) <= 3
    assert sum(axes.get_legend() is not None for axes in panels) == 1
    pyplot.close("all")
