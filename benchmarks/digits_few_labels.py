"""Nearest neighbours on scikit-learn's digits with 5 % of the labels, by what embeds.

The test rows are one stratified 30 %, the same for every seed. A seed decides which
training rows keep their labels, and the weights; every method sees the same rows, so
that differences are paired. All embeddings are fitted without test rows, and classified
by one k-nearest-neighbour rule fitted on the labeled training rows.

With ``--validate`` the test rows are never touched: splits of the training rows take
their place, by other seeds. The settings of "tuned" were chosen there.

    python benchmarks/digits_few_labels.py
"""

import argparse
import importlib
import time
import warnings

import numpy as np
import sklearn
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, NeighborhoodComponentsAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler
from sklearn.semi_supervised import LabelSpreading
from threadpoolctl import threadpool_limits

from sklearn_triplet import (
    Nearest,
    OtherLabel,
    PseudoLabeled,
    RandomNegative,
    SameLabel,
    Strategy,
    TripletEmbedder,
    TripletTagger,
    is_labeled,
    mask_labels,
)

OURS = "ours (tuned)"
HELD_OUT = 0.3


def tuned(seed):
    """Five neighbours for positives, random negatives, one scale for all pixels."""
    embedder = TripletEmbedder(
        Strategy(SameLabel(), OtherLabel(), Nearest(5), RandomNegative()),
        scaling="common",
        margin=2.0,  # the squared distance of two random points of the unit sphere
        n_triplets=2000,
        labeled_ratio=0.1,
        random_state=seed,
    )
    # the loss compares directions, so the neighbours are searched among directions
    return make_pipeline(embedder, Normalizer())


def default(strategy):
    return lambda seed: make_pipeline(
        TripletEmbedder(strategy, random_state=seed), Normalizer()
    )


def umap(**settings):
    module = importlib.import_module("umap")
    return lambda seed: module.UMAP(random_state=seed, **settings)


def metric_learn_nca():
    module = importlib.import_module("metric_learn")
    # an old release fails only where it checks its input
    module.NCA(max_iter=1).fit(np.eye(4), [0, 0, 1, 1])
    return lambda seed: module.NCA(random_state=seed)


# name: (makes an embedding from a seed, the rows it is fitted on)
METHODS = {
    "raw pixels": (lambda: lambda seed: FunctionTransformer(), "all"),
    "PCA, 20 components": (lambda: lambda seed: PCA(20, random_state=seed), "all"),
    "NCA (scikit-learn)": (
        lambda: lambda seed: NeighborhoodComponentsAnalysis(random_state=seed),
        "labeled",
    ),
    "NCA (metric-learn)": (metric_learn_nca, "labeled"),
    "UMAP, 2 components": (lambda: umap(), "all"),
    "UMAP, 10 components": (lambda: umap(n_components=10), "all"),
    "UMAP, 10, no labels": (lambda: umap(n_components=10), "unsupervised"),
    "LabelSpreading (no kNN)": (
        lambda: lambda seed: LabelSpreading(kernel="knn", n_neighbors=7),
        "classifier",
    ),
    "PseudoLabeled (no kNN)": (
        lambda: lambda seed: make_pipeline(StandardScaler(), PseudoLabeled()),
        "classifier",
    ),
    "TripletTagger (no kNN)": (
        lambda: lambda seed: TripletTagger(random_state=seed),
        "classifier",
    ),
    **{
        f"ours (default, {key})": (lambda key=key: default(key), "all")
        for key in ("s1", "s2", "s3", "s4", "s5")
    },
    OURS: (lambda: tuned, "all"),
}


def split(seed, labeled_fraction, validate):
    """Return training rows, test rows, and their labels, of which few are kept."""
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.float32)
    parts = train_test_split(X, y, test_size=HELD_OUT, stratify=y, random_state=0)
    X_train, X_test, y_train, y_test = parts
    n_labeled = round(labeled_fraction * len(y_train))
    if validate:
        X_train, X_test, y_train, y_test = train_test_split(
            X_train, y_train, test_size=HELD_OUT, stratify=y_train, random_state=seed
        )
    y_train = mask_labels(y_train, n_labeled, random_state=seed)
    return X_train, X_test, y_train, y_test


def evaluate(model, rows, parts, n_neighbors):
    """Return an accuracy per number of neighbours, and seconds of fit and transform."""
    X_train, X_test, y_train, y_test = parts
    labeled = is_labeled(y_train)
    began = time.perf_counter()
    if rows == "classifier":
        accuracy = model.fit(X_train, y_train).score(X_test, y_test)
        return [accuracy] * len(n_neighbors) + [time.perf_counter() - began]
    if rows == "labeled":
        model.fit(X_train[labeled], y_train[labeled])
    elif rows == "unsupervised":
        model.fit(X_train)
    else:
        model.fit(X_train, y_train)
    if hasattr(model, "embedding_"):  # what UMAP has placed, not placed once more
        train = model.embedding_[labeled]
    else:
        train = model.transform(X_train[labeled])
    test = model.transform(X_test)
    seconds = time.perf_counter() - began
    return [
        KNeighborsClassifier(k).fit(train, y_train[labeled]).score(test, y_test)
        for k in n_neighbors
    ] + [seconds]


def summarize(results, n_neighbors):
    """Print mean, standard deviation and the paired difference to ours."""
    print(f"\n{len(results[OURS])} seeds, n_neighbors={n_neighbors}")
    print(f"{'method':<26}{'accuracy':>15}{'ours - it':>22}{'seconds':>10}")
    for name, rows in results.items():
        accuracy, seconds = rows.T
        line = f"{name:<26}{accuracy.mean():>9.3f} ±{accuracy.std(ddof=1):.3f}"
        gaps = results[OURS][:, 0] - accuracy
        half = stats.sem(gaps) * stats.t.ppf(0.975, len(gaps) - 1)
        gap = "" if name == OURS else f"{gaps.mean():>+.3f} ±{half:.3f}"
        print(f"{line}{gap:>22}{seconds.mean():>10.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--labeled-fraction", type=float, default=0.05)
    parser.add_argument("--n-neighbors", type=int, default=[1, 3], nargs="+")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--validate", action="store_true")
    arguments = parser.parse_args()
    if arguments.seeds < 2:
        parser.error("--seeds must be at least 2, for an interval")
    methods = {}
    for name, (load, rows) in METHODS.items():
        try:
            methods[name] = load(), rows
        except ImportError as error:
            print(f"{name} is left out, since it is not installed: {error}.")
        except (TypeError, AttributeError) as error:
            print(f"{name} is left out, since it does not run with scikit-learn "
                  f"{sklearn.__version__}: {error}.")  # fmt: skip
    # of the peers about threads and random states, ours about single rare labels
    warnings.simplefilter("ignore")
    first = 100 if arguments.validate else 0
    seeds = range(first, first + arguments.seeds)
    splits = {
        seed: split(seed, arguments.labeled_fraction, arguments.validate)
        for seed in seeds
    }
    results = {}
    for name, (make, rows) in methods.items():
        results[name] = []
        for seed in seeds:
            # inside the loop: UMAP sets the number of threads for all that follow
            with threadpool_limits(1):
                row = evaluate(make(seed), rows, splits[seed], arguments.n_neighbors)
            results[name].append(row)
        results[name] = np.array(results[name])
        print(f"{name}: {results[name][:, -1].sum():.1f} s", flush=True)
    for i, n_neighbors in enumerate(arguments.n_neighbors):
        tables = {name: rows[:, [i, -1]] for name, rows in results.items()}
        summarize(tables, n_neighbors)


if __name__ == "__main__":
    main()
