"""More than one machine: what workers of Dask return is what one process does."""

import os
import signal

import joblib
import numpy as np
import pytest
from helpers import make_noise, write
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_triplet import LabeledOnly, LogMel, TripletEmbedder, UnlabeledInTrain

distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.slow,
    # of Dask about itself
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

N_DONE = 4  # tasks that are done when a worker is killed


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two worker processes, as `dask worker` would start them on two machines."""
    folder = tmp_path_factory.mktemp("dask")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            local_directory=str(folder),
        ) as cluster,
        distributed.Client(cluster, timeout=120) as client,
    ):
        client.wait_for_workers(2, timeout=120)
        yield cluster


class Killing(distributed.SchedulerPlugin):
    """Kill a worker, without a word, once some tasks are done and others are not."""

    def __init__(self, scheduler):
        self.scheduler = scheduler
        self.n_done = 0
        self.killed = None

    def transition(self, key, start, finish, *args, **kwargs):
        if (start, finish) != ("processing", "memory") or self.killed:
            return
        self.n_done += 1
        busy = [state for state in self.scheduler.workers.values() if state.processing]
        if self.n_done >= N_DONE and busy:
            self.killed = busy[0].address
            self.n_waiting = len(busy[0].processing)
            # the worker's own process, which a nanny beside it starts again
            os.kill(self.pids[self.killed], signal.SIGKILL)


def make_search(n_jobs):
    embedder = TripletEmbedder(
        n_components=4,
        segment_length=20,
        output="clip",
        max_epochs=2,
        random_state=0,
    )
    pipe = Pipeline([("emb", embedder), ("clf", LabeledOnly(LogisticRegression()))])
    return GridSearchCV(
        pipe,
        {"emb__strategy": ["s1", "s2", "s4"], "emb__margin": [0.2, 1.0]},
        cv=UnlabeledInTrain(3),
        scoring="f1_macro",
        n_jobs=n_jobs,
    )


def make_data():
    rng = np.random.default_rng(0)
    kind = np.arange(30) % 3
    X = rng.normal(size=(30, 8, 60)).astype(np.float32)
    X += 0.4 * kind[:, None, None]
    return X, np.where(np.arange(30) < 21, kind, -1)


def test_a_search_survives_the_death_of_a_worker(cluster):
    X, y = make_data()
    expected = make_search(1).fit(X, y)
    plugin = Killing(cluster.scheduler)
    client = distributed.get_client()
    plugin.pids = client.run(os.getpid)
    before = set(plugin.pids.values())
    cluster.scheduler.add_plugin(plugin, name="killing")
    try:
        # on both workers: what only the dead one has could not be had again
        with joblib.parallel_config(backend="dask", scatter=[X, y]):
            found = make_search(-1).fit(X, y)
    finally:
        cluster.scheduler.remove_plugin(name="killing")
    assert plugin.killed and plugin.n_waiting
    client.wait_for_workers(2, timeout=120)
    assert len(before & set(client.run(os.getpid).values())) == 1
    table, other = found.cv_results_, expected.cv_results_
    assert table.keys() == other.keys()
    for name in table.keys() - {
        f"{what}_{kind}_time" for what in ("mean", "std") for kind in ("fit", "score")
    }:
        assert np.array_equal(table[name], other[name]), name
    # the scores tell settings apart, or any table would be the same
    assert len(set(table["mean_test_score"])) > 1
    assert found.best_params_ == expected.best_params_
    np.testing.assert_array_equal(found.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize("memory", [False, True])
def test_features_of_files_come_from_the_workers(cluster, tmp_path, memory):
    paths = [
        write(tmp_path / f"{i}.wav", make_noise(8820 + 4410 * (i % 3), seed=i))
        for i in range(10)
    ]
    expected = LogMel().transform(paths)
    folder = tmp_path / "features" if memory else None
    with joblib.parallel_config(backend="dask"):
        found = LogMel(memory=folder, n_jobs=-1).transform(paths)
    np.testing.assert_array_equal(found, expected)
    # a broken file is told of as it is without a cluster
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    with joblib.parallel_config(backend="dask"):
        with pytest.warns(UserWarning, match="could not use 1 of 2 clips"):
            found = LogMel(errors="warn", n_jobs=-1).transform([paths[0], broken])
        with pytest.raises(ValueError, match="Row 1 of X of LogMel"):
            LogMel(n_jobs=-1).transform([paths[0], str(broken)])
    assert np.isnan(found[1]).all() and np.isfinite(found[0]).all()
