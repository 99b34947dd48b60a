"""Strategies, features and classifiers on ESC-10 with part of the labels hidden.

Folds 1-3 train, folds 4 and 5 are held out and averaged; nothing is chosen on fold 5.
Every system sees the same label subsets, so that differences are paired. All strategies
draw the same number of triplets, as in the paper's Table 2.

    python benchmarks/esc10_strategies.py --data ESC-10 --labeled-fraction 0.25
"""

import argparse
import time

import joblib
import numpy as np
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_triplet import (
    CRNNTagger,
    LogMel,
    SequenceTagger,
    TripletEmbedder,
    is_labeled,
    mask_labels,
)
from sklearn_triplet.datasets import load_esc50

HELD_OUT = (4, 5)
STRATEGIES = ("s1", "s2", "s3", "s4", "s5")


def pool(X):
    """Mean and standard deviation over valid frames."""
    return np.concatenate([np.nanmean(X, axis=2), np.nanstd(X, axis=2)], axis=1)


def score(classifier, X, y):
    f1 = f1_score(y, classifier.predict(X), average="macro", zero_division=0)
    indicator = y[:, None] == classifier.classes_
    return f1, average_precision_score(indicator, classifier.predict_proba(X))


def embed(system, X, y, train, subset, settings):
    """Return the features that a system gives to its classifiers."""
    if system in ("logmel", "crnn"):
        return X
    strategy = "s1" if system == "untrained" else system
    embedder = TripletEmbedder(strategy, random_state=subset, **settings)
    if system == "untrained":
        embedder.set_params(max_epochs=0)
    return embedder.fit(X[train], y).transform(X)


def evaluate(system, heads, X, corpus, fraction, subset, settings):
    """Return rows of (system, head, subset, scores on both held-out folds, seconds)."""
    train = corpus.fold <= 3
    y = corpus.target[train]
    if fraction < 1:
        y = mask_labels(y, fraction, random_state=subset)
    began = time.perf_counter()
    X = embed(system, X, y, train, subset, settings)
    embedding_seconds = time.perf_counter() - began
    rows = []
    for head in heads:
        began = time.perf_counter()
        if head == "lr":
            model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        elif system == "crnn":
            model = CRNNTagger(max_epochs=40, random_state=subset)
        else:
            model = SequenceTagger(random_state=subset)
        inputs = pool(X) if head == "lr" else X
        labeled = is_labeled(y)
        model.fit(inputs[train][labeled], y[labeled])
        scores = [
            score(
                model, inputs[corpus.fold == fold], corpus.target[corpus.fold == fold]
            )
            for fold in HELD_OUT
        ]
        seconds = time.perf_counter() - began
        print(system, head, subset, np.round(scores, 3).tolist(),
              f"{embedding_seconds:.0f} s + {seconds:.0f} s", flush=True)  # fmt: skip
        row = np.mean(scores, axis=0), embedding_seconds + seconds
        rows.append((system, head, subset, *row))
    return rows


def summarize(rows):
    """Print mean, standard deviation and the paired difference to s2."""
    cells = {}
    for system, classifier, subset, scores, seconds in rows:
        cells.setdefault((system, classifier), {})[subset] = (*scores, seconds)
    print(f"\n{'system':<12}{'head':<8}{'F1':>14}{'mAP':>14}{'s2 - it (F1)':>24}"
          f"{'wins':>7}{'seconds':>9}")  # fmt: skip
    for (system, classifier), cell in sorted(cells.items(), key=lambda c: c[0][::-1]):
        values = np.array([cell[subset] for subset in sorted(cell)])
        mean, deviation = values.mean(axis=0), values.std(axis=0, ddof=1)
        line = f"{system:<12}{classifier:<8}"
        line += "".join(f"{mean[i]:>7.3f} ±{deviation[i]:.3f}" for i in (0, 1))
        other = cells.get(("s2", classifier))
        if other and system != "s2":
            gaps = [other[subset][0] - cell[subset][0] for subset in sorted(cell)]
            half = stats.sem(gaps) * stats.t.ppf(0.975, len(gaps) - 1)
            line += f"{np.mean(gaps):>+15.3f} ±{half:.3f}"
            line += f"{sum(gap > 0 for gap in gaps):>4}/{len(gaps)}"
        else:
            line += " " * 29
        print(f"{line}{mean[2]:>9.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", required=True, help="folder of ESC-10")
    parser.add_argument("--labeled-fraction", type=float, default=0.25)
    parser.add_argument("--subsets", type=int, default=5)
    parser.add_argument("--systems", nargs="+", default=[
        "logmel", "crnn", "untrained", *STRATEGIES])  # fmt: skip
    parser.add_argument("--heads", nargs="+", default=["lr", "tagger"])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--triplets", type=int, default=600, help="per epoch")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--n-jobs", type=int, default=2)
    arguments = parser.parse_args()
    corpus = load_esc50(arguments.data, subset="esc10")
    began = time.perf_counter()
    X = LogMel(n_jobs=arguments.n_jobs).fit_transform(corpus.paths)
    print(f"features of {len(X)} clips: {time.perf_counter() - began:.1f} s")
    settings = {
        "max_epochs": arguments.epochs,
        "n_triplets": arguments.triplets,
        "precision": arguments.precision,
    }
    jobs = [
        (
            system,
            ["tagger"] if system == "crnn" else arguments.heads,
            X,
            corpus,
            arguments.labeled_fraction,
            subset,
            settings,
        )
        for subset in range(arguments.subsets)
        for system in arguments.systems
    ]
    # two processes of one thread each beat one process of two threads
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=arguments.n_jobs)
        rows = parallel(joblib.delayed(evaluate)(*job) for job in jobs)
    summarize([row for part in rows for row in part])


if __name__ == "__main__":
    main()
