"""What the user guide shows, run."""

import re
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from test_readme import shrink_embedder, write_tones

from sklearn_triplet import mask_labels

GUIDE = Path(__file__).parents[1] / "docs" / "user_guide.md"
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.S)


def find_block(text):
    found = [block for block in BLOCKS if text in block]
    assert len(found) == 1
    return found[0]


def test_every_block_is_run_here():
    assert len(BLOCKS) == 4


def test_recordings_and_their_labels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tones(tmp_path / "recordings", 3)
    Path("recordings/labels.csv").write_text("filename,labels\n0.wav,low\n1.wav,high\n")
    exec(find_block("load_audio_folder"), {}, found := {})
    assert not found["X"].flags.writeable  # kept in the folder "features"
    assert list(Path("features").iterdir())
    assert found["X"].shape == (3, 64, 28)
    assert found["y"].tolist() == ["low", "high", -1]


def test_tables():
    X, truth = load_digits(return_X_y=True)
    y = mask_labels(truth, 0.05, random_state=0)
    exec(find_block("RandomNegative"), {}, found := {})
    embedder = found["embedder"].set_params(tripletembedder__max_epochs=1)
    Z = embedder.fit(X, y).transform(X)
    np.testing.assert_allclose(np.linalg.norm(Z, axis=1), 1, rtol=1e-5)


def test_pseudo_labels():
    X, truth = load_digits(return_X_y=True)
    y = mask_labels(truth, 0.1, random_state=0)
    exec(find_block("confidence_floor"), {}, found := {})
    embedder = found["embedder"].set_params(max_epochs=3, random_state=0)
    guessed = embedder.fit(X, y).pseudo_labels_
    assert (guessed == truth)[y == -1].mean() > 0.8
    assert 0 < embedder.history_[-1, "pseudo_labeled"] <= 1


def test_the_sweep(tmp_path):
    paths = write_tones(tmp_path / "tones", 24)
    y = np.array([0, 1] * 10 + [-1] * 4)
    code = find_block("GridSearchCV(").replace(
        "search.fit(", "shrink(search)\nsearch.fit("
    )
    code = code.replace("n_jobs=2", "n_jobs=1")
    exec(code, {"paths": paths, "y": y, "shrink": shrink_sweep}, found := {})
    scores = found["search"].cv_results_["mean_test_score"]
    assert len(scores) == 4
    assert (scores > 0.7).all()


def shrink_sweep(search):
    assert [len(values) for values in search.param_grid[0].values()] == [3, 4]
    shrink_embedder(search)
    search.param_grid[0]["emb__labeled_ratio"] = [0.5]
    search.param_grid[0]["emb__strategy"] = ["s2", "s3"]
