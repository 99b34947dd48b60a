"""How much faster a second worker makes a search: joblib's own processes, and Dask's.

    python benchmarks/cluster_scaling.py

Workers are processes of this machine with one thread each, and are warm: each has
fitted once before the clock starts, since importing torch takes seconds once. One and
two of them take turns, so that what else the machine does hits both.

Dask tells its workers to give freed memory back at once, which costs a network that
asks for it anew in every step; the last row is of workers that keep it.
"""

import argparse
import contextlib
import time
from collections.abc import Iterator

import dask
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


@contextlib.contextmanager
def use_dask_keeping_memory(n_workers: int, data: list) -> Iterator[None]:
    environment = "distributed.nanny.pre-spawn-environ"
    kept = {"MALLOC_TRIM_THRESHOLD_": 2**32, "MALLOC_MMAP_MAX_": 0}
    settings = {f"{environment}.{name}": value for name, value in kept.items()}
    with dask.config.set(settings), use_dask(n_workers, data):
        yield


BACKENDS = {
    "joblib": use_joblib,
    "Dask": use_dask,
    "Dask, memory kept": use_dask_keeping_memory,
}


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
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=[*BACKENDS])
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    y = np.arange(100) % 4
    X = rng.normal(size=(100, 64, 300)).astype(np.float32) + y[:, None, None]
    data = [X, mask_labels(y, 40, random_state=0)]
    for name in options.backends:
        backend = BACKENDS[name]
        pairs = [
            [measure(backend, n, data, options.triplets) for n in (1, 2)]
            for _ in range(options.pairs)
        ]
        ratios = [one / two for one, two in pairs]
        one, two = np.median(pairs, axis=0)
        print(
            f"{name:17} one worker {one:6.1f} s, two {two:6.1f} s: "
            f"{np.median(ratios):.2f} times as fast ({min(ratios):.2f} to "
            f"{max(ratios):.2f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
