"""An embedder that is trained once and used again: frozen, searched, stored, continued.

What surrounds it is scikit-learn's own machinery and that of its neighbours.
"""

import os
import subprocess
import sys

import joblib
import numpy as np
import pytest
import soundfile
import torch
from helpers import weights
from sklearn.base import clone
from sklearn.cluster import HDBSCAN
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from sklearn_triplet import (
    LabeledOnly,
    LogMel,
    SequenceTagger,
    TripletEmbedder,
    UnlabeledInTrain,
    labeled_scorer,
)

pytestmark = pytest.mark.filterwarnings("ignore:The embedding has collapsed")
RATE = 8000
SMALL = {"n_components": 4, "segment_length": 8, "batch_size": 16, "random_state": 0}
EMBEDDER = TripletEmbedder(max_epochs=2, **SMALL)
TAGGER = SequenceTagger(n_cells=8, max_epochs=20, lr=0.02, random_state=0)
CLASSIFIER = LabeledOnly(make_pipeline(StandardScaler(), LogisticRegression()))
LOG_MEL = LogMel(RATE, n_fft=256, win_length=200, hop_length=80, n_mels=8)
GRID = {"emb__strategy": ["s1", "s2", "s5"], "emb__labeled_ratio": [0.25, 0.75]}


def make_clips(seed):
    """Clips of two classes, quiet and loud."""
    X = np.random.default_rng(seed).normal(size=(30, 8, 24)).astype(np.float32)
    X[TRUTH == 1] *= 3
    return X


TRUTH = np.arange(30) % 2
Y = np.where(np.arange(30) < 20, TRUTH, -1)
X = make_clips(0)
RAGGED = [clip[:, : 10 + i % 15] for i, clip in enumerate(X)]


@pytest.fixture(scope="module")
def embedder():
    return clone(EMBEDDER).fit(X, Y)


@pytest.fixture(scope="module")
def by_clip():
    return FrozenEstimator(clone(EMBEDDER).set_params(output="clip").fit(X, Y))


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Tones and noises, in the order of TRUTH."""
    folder, rng = tmp_path_factory.mktemp("sound"), np.random.default_rng(0)
    files = [folder / f"{row}.wav" for row in range(len(TRUTH))]
    for path, label in zip(files, TRUTH, strict=True):
        n_samples = rng.integers(1500, 2000)
        tone = 0.2 * np.sin(np.arange(n_samples) * rng.uniform(0.2, 2))
        noise = 0.2 * rng.uniform(-1, 1, size=n_samples)
        soundfile.write(path, noise if label else tone, RATE)
    return files


# --- frozen


def test_frozen_before_a_tagger(embedder):
    before = weights(embedder).clone()
    pipe = make_pipeline(FrozenEstimator(embedder), clone(TAGGER)).fit(X, Y)
    assert (pipe.predict(X) == TRUTH).mean() > 0.9
    assert torch.equal(weights(embedder), before)
    assert clone(pipe)[0].estimator is embedder


CLASSIFIERS = {
    "labeled only": LabeledOnly(LogisticRegression()),
    "self-training": SelfTrainingClassifier(LogisticRegression()),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("clips", [X, RAGGED], ids=["dense", "ragged"])
def test_frozen_before_classifiers(by_clip, name, clips):
    pipe = make_pipeline(by_clip, StandardScaler(), clone(CLASSIFIERS[name]))
    pipe.fit(clips, Y)
    assert pipe.classes_.tolist() == [0, 1]
    assert (pipe.predict(clips) == TRUTH).mean() > 0.9


def test_query_by_example(by_clip):
    index = make_pipeline(by_clip, KNeighborsClassifier(4)).fit(X, TRUTH)
    _, nearest = index[-1].kneighbors(by_clip.transform(X[3:5]))
    assert nearest[:, 0].tolist() == [3, 4]  # an example is found again
    assert (TRUTH[nearest] == TRUTH[3:5, None]).mean() > 0.8
    assert index.predict(X[3:5]).tolist() == TRUTH[3:5].tolist()


def test_clusters_of_embeddings(by_clip):
    groups = make_pipeline(by_clip, HDBSCAN(4, copy=True)).fit_predict(X)
    for group in set(groups) - {-1}:
        counts = np.bincount(TRUTH[groups == group], minlength=2)
        assert counts.max() > 0.9 * counts.sum()
    assert len(set(groups) - {-1}) >= 2


def test_oversampling_of_embeddings():
    imblearn = pytest.importorskip("imblearn")
    sampler = imblearn.over_sampling.SMOTE(k_neighbors=2, random_state=0)
    # behind LabeledOnly -1 is no class to be sampled
    last = imblearn.pipeline.make_pipeline(sampler, LogisticRegression())
    embedder = clone(EMBEDDER).set_params(output="clip")
    pipe = imblearn.pipeline.make_pipeline(embedder, LabeledOnly(last))
    y = np.where((TRUTH == 1) & (np.arange(len(Y)) > 8), -1, Y)
    assert pipe.fit(RAGGED, y).classes_.tolist() == [0, 1]
    assert (pipe.predict(RAGGED) == TRUTH).mean() > 0.8


# --- searched


def make_search(last, **settings):
    output = "frames" if isinstance(last, SequenceTagger) else "clip"
    pipe = Pipeline([("emb", clone(EMBEDDER)), ("clf", last)])
    pipe.set_params(emb__output=output, emb__max_epochs=1)
    settings = {"cv": UnlabeledInTrain(3), "error_score": "raise", **settings}
    return GridSearchCV(pipe, settings.pop("grid", GRID), **settings)


def check_search(search, clips):
    search.fit(clips, Y)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all() and search.best_score_ > 0.8
    assert (search.predict(clips) == TRUTH).mean() > 0.8
    return search.cv_results_


@pytest.mark.parametrize("clips", [X, RAGGED], ids=["dense", "ragged"])
@pytest.mark.parametrize("last", [TAGGER, CLASSIFIER], ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("scoring", ["f1_macro", labeled_scorer("f1_macro")], ids=repr)
def test_search_over_strategies(clips, last, scoring):
    # training sets hold -1, so only labeled_scorer can score them
    train = scoring != "f1_macro"
    search = make_search(last, scoring=scoring, return_train_score=train)
    results = check_search(search, clips)
    assert not train or results["mean_train_score"].max() > 0.9


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_search_by_several_workers(backend):
    grid = {"emb__strategy": ["s2", "s5"]}
    expected = check_search(make_search(CLASSIFIER, grid=grid), X)
    with joblib.parallel_config(backend):
        found = check_search(make_search(CLASSIFIER, grid=grid, n_jobs=2), X)
    np.testing.assert_array_equal(found["mean_test_score"], expected["mean_test_score"])


def test_halving():
    resources = {"resource": "emb__max_epochs", "min_resources": 1, "max_resources": 4}
    folds = {"cv": UnlabeledInTrain(3), "scoring": "f1_macro", "error_score": "raise"}
    estimator = make_search(CLASSIFIER).estimator
    search = HalvingGridSearchCV(estimator, GRID, factor=2, **resources, **folds)
    results = check_search(search, X)
    assert set(results["n_resources"]) == {1, 2, 4}
    assert search.best_params_["emb__max_epochs"] == 4


class CountingLogMel(LogMel):
    """Keeps the number of clips of each call outside of itself."""

    calls = []

    def transform(self, X):
        self.calls.append(len(X))
        return super().transform(X)


def test_a_search_over_files_computes_each_log_mel_once(paths, tmp_path):
    CountingLogMel.calls.clear()
    search = make_search(CLASSIFIER, scoring="f1_macro")
    steps = [("mel", CountingLogMel(**LOG_MEL.get_params())), *search.estimator.steps]
    search.estimator = Pipeline(steps, memory=str(tmp_path))
    search.fit(paths, Y)
    assert search.best_score_ > 0.8
    # six candidates and three folds: fitting reads a fold's files for the first only
    n_train = [len(train) for train, _ in search.cv.split(paths, Y)]
    fitting = n_train + [len(paths)]
    testing = [len(paths) - n for n in n_train] * 6
    assert sorted(CountingLogMel.calls) == sorted(fitting + testing)
    assert (search.predict(paths) == TRUTH).mean() > 0.8


# --- stored


LOAD = """
import sys, joblib, numpy as np
embedder = joblib.load(sys.argv[1])
np.save(sys.argv[2], embedder.transform(np.load(sys.argv[3])))
joblib.dump(embedder.partial_fit(np.load(sys.argv[3])), sys.argv[1])
"""


def test_another_process_reads_embeds_and_goes_on(embedder, tmp_path):
    model, found, clips = (str(tmp_path / name) for name in ("m", "f.npy", "c.npy"))
    joblib.dump(embedder, model)
    np.save(clips, X)
    # as many threads as here: sums of another order round otherwise
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", LOAD, model, found, clips]
    subprocess.run(command, check=True, env=one_thread)
    np.testing.assert_array_equal(np.load(found), embedder.transform(X))
    # as if it had never been stored: averages of the optimizer and history go on too
    here, there = clone(EMBEDDER).fit(X, Y).partial_fit(X), joblib.load(model)
    assert torch.equal(weights(here), weights(there))
    assert here.n_iter_ == there.n_iter_ == 4
    assert here.history_[:, "train_loss"] == there.history_[:, "train_loss"]


def test_skops():
    """Steps without torch can be stored by skops.

    To be trusted are the library's own classes and, as a parameter, the optimizer's.
    skops 0.16 cannot write tensors, so fitted nets need pickle or joblib.
    """
    skops = pytest.importorskip("skops.io")
    names = (
        "_features.log_mel.LogMel",
        "_embedder.TripletEmbedder",
        "_taggers.SequenceTagger",
    )
    trusted = [f"sklearn_triplet.{name}" for name in names] + ["torch.optim.adam.Adam"]
    stored = skops.dumps(pipe := make_pipeline(LOG_MEL, EMBEDDER, TAGGER))
    assert sorted(skops.get_untrusted_types(data=stored)) == sorted(trusted)
    assert repr(skops.loads(stored, trusted=trusted)) == repr(pipe)
    stored = skops.dumps(clone(CLASSIFIER).fit(X[:, :, 0], Y))
    loaded = skops.loads(
        stored, trusted=["sklearn_triplet._model_selection.labeled_only.LabeledOnly"]
    )
    assert loaded.classes_.tolist() == [0, 1]
