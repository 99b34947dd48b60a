"""What the README shows, run."""

import re
from pathlib import Path

import numpy as np
import soundfile
from sklearn.model_selection import GridSearchCV

import sklearn_triplet

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.S)


def test_the_folder_of_the_first_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recordings").mkdir()
    for name in ("a", "b", "c"):
        soundfile.write(f"recordings/{name}.wav", np.zeros(4410), 44_100)
    Path("recordings/labels.csv").write_text("filename,labels\na.wav,dog\nc.wav,rain\n")
    exec(BLOCKS[0], {}, found := {})
    assert [Path(path).name for path in found["paths"]] == ["a.wav", "b.wav", "c.wav"]
    assert found["y"].tolist() == ["dog", -1, "rain"]


def test_the_search_of_the_first_page(tmp_path):
    rng = np.random.default_rng(0)
    y = np.array([0, 1] * 10 + [-1] * 4)
    paths = [tmp_path / f"{i}.wav" for i in range(len(y))]
    for i, path in enumerate(paths):
        tone = np.sin(np.arange(12_000) * (0.05 if i % 2 else 0.5))
        soundfile.write(path, 0.1 * tone + 0.01 * rng.normal(size=12_000), 44_100)
    names = {"paths": paths, "y": y, "new_paths": paths[:2]}
    # the same lines, on small nets and a part of the grid
    code = BLOCKS[1].replace("search.fit(", "shrink(search)\nsearch.fit(")
    exec(code, {**names, "shrink": shrink}, found := {})
    search = found["search"]
    assert isinstance(search, GridSearchCV)
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()
    assert search.best_score_ > 0.8


def shrink_embedder(search):
    small = {"emb__n_components": 4, "emb__max_epochs": 1, "emb__random_state": 0}
    search.estimator.set_params(**small)


def shrink(search):
    shrink_embedder(search)
    search.estimator.set_params(clf__max_epochs=15, clf__lr=0.02)
    search.estimator.set_params(clf__n_cells=8, clf__random_state=0)
    assert len(search.param_grid["emb__strategy"]) == 5
    search.param_grid["emb__strategy"] = ["s2", "s3"]
    search.param_grid["emb__labeled_ratio"] = [0.5]


def test_the_selector_of_ones_own():
    exec(BLOCKS[2], {}, found := {})
    embedder = sklearn_triplet.TripletEmbedder(
        found["strategy"], n_components=4, max_epochs=1, random_state=0
    )
    X = np.random.default_rng(0).normal(size=(8, 8, 100)).astype(np.float32)
    embedder.fit(X, [0, 0, 1, 1, -1, -1, -1, -1])
    assert type(embedder.strategy_.unlabeled_positive).__name__ == "Louder"
    assert embedder.history_[-1, "substituted_positives"] == 0


def test_every_public_name_is_documented():
    for name in sklearn_triplet.__all__:
        thing = getattr(sklearn_triplet, name)
        if isinstance(thing, type) or callable(thing):
            assert len(thing.__doc__) > 40, name
