"""How much faster a second worker makes a search: joblib's own processes, and Dask's.

    python benchmarks/cluster_scaling.py

Workers are processes of this machine with one thread each, and are warm: each has
fitted once before the clock starts, since importing torch takes seconds once. One and
two of them take turns, so that what else the machine does hits both.
"""

import argparse
import contextlib
import time
from collections.abc import Iterator

import distributed
import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from sklearn_triplet import LabeledOnly, TripletEmbedder, UnlabeledInTrain, mask_labels


def make_search(n_triplets: int) -> GridSearchCV:
    """Return a search of eight fits, each of which is alike."""
    embedder = TripletEmbedder(
        output="clip", n_triplets=n_triplets, max_epochs=1, random_state=0
    )
    pipe = make_pipeline(embedder, LabeledOnly(LogisticRegression(max_iter=1000)))
    grid = {"tripletembedder__labeled_ratio": [0.25, 0.4, 0.5, 0.75]}
    return GridSearchCV(pipe, grid, cv=UnlabeledInTrain(2), n_jobs=-1, refit=False)


@contextlib.contextmanager
def use_joblib(n_workers: int, data: list) -> Iterator[None]:
    # one job is done in this process, with as many threads as a worker has
    with (
        threadpool_limits(1),
        joblib.parallel_config("loky", n_jobs=n_workers, inner_max_num_threads=1),
    ):
        yield


@contextlib.contextmanager
def use_dask(n_workers: int, data: list) -> Iterator[None]:
    settings = {"threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(n_workers=n_workers, **settings) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask", scatter=data),
    ):
        yield


def measure(backend, n_workers: int, data: list, n_triplets: int) -> float:
    """Return the seconds of a search by warm workers."""
    search = make_search(n_triplets)
    if backend is use_joblib:
        search.set_params(n_jobs=n_workers)
    with backend(n_workers, data):
        make_search(8).set_params(n_jobs=search.n_jobs).fit(*data)
        began = time.perf_counter()
        search.fit(*data)
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--triplets", type=int, default=500, help="of a fit")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    y = np.arange(100) % 4
    X = rng.normal(size=(100, 64, 300)).astype(np.float32) + y[:, None, None]
    data = [X, mask_labels(y, 40, random_state=0)]
    for name, backend in {"joblib": use_joblib, "Dask": use_dask}.items():
        pairs = [
            [measure(backend, n, data, options.triplets) for n in (1, 2)]
            for _ in range(options.pairs)
        ]
        ratios = sorted(one / two for one, two in pairs)
        middle = ratios[len(ratios) // 2]
        one, two = np.median(pairs, axis=0)
        print(f"{name:8} one worker {one:6.1f} s, two {two:6.1f} s: {middle:.2f} times "
              f"as fast ({ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
