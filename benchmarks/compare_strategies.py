"""Strategies, features and classifiers when part of the labels is hidden.

On ESC-10, folds 1-3 train, folds 4 and 5 are held out and averaged; nothing is chosen
on fold 5. Without ``--data``, on soundscapes: 200 clips train, 200 are held out.
Every system sees the same label subsets, so that differences are paired. All strategies
draw the same number of triplets, as in the paper's Table 2.

    python benchmarks/compare_strategies.py --data ESC-10 --labeled-fraction 0.25
"""

import argparse
import time

import joblib
import numpy as np
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score
from sklearn.multiclass import OneVsRestClassifier
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
from sklearn_triplet.datasets import load_esc50, make_soundscapes

STRATEGIES = ("s1", "s2", "s3", "s4", "s5")


def load(arguments):
    """Return log-mels, truth, the training rows and groups of held-out rows."""
    if arguments.data:
        corpus = load_esc50(arguments.data, subset="esc10")
        X = LogMel(n_jobs=2, verbose=1).fit_transform(corpus.paths)
        held_out = [np.flatnonzero(corpus.fold == fold) for fold in (4, 5)]
        # in the order of the corpus, in which the published tables drew their labels
        codes = (corpus.target[:, None] == corpus.target_names).argmax(axis=1)
        return X, codes, np.flatnonzero(corpus.fold <= 3), held_out
    scenes = make_soundscapes(400, random_state=0, n_jobs=2)
    X = LogMel(n_jobs=2, verbose=1).fit_transform(scenes.data)
    return X, scenes.target, np.arange(200), [np.arange(200, 400)]


def pool(X):
    """Mean and standard deviation over valid frames."""
    return np.concatenate([np.nanmean(X, axis=2), np.nanstd(X, axis=2)], axis=1)


def score(classifier, X, y):
    f1 = f1_score(y, classifier.predict(X), average="macro", zero_division=0)
    indicator = y if y.ndim == 2 else y[:, None] == classifier.classes_
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


def make_classifier(system, head, multilabel, subset):
    if head == "tagger":
        if system == "crnn":
            return CRNNTagger(max_epochs=40, random_state=subset)
        return SequenceTagger(random_state=subset)
    linear = LogisticRegression(max_iter=2000)
    if multilabel:
        linear = OneVsRestClassifier(linear)
    return make_pipeline(StandardScaler(), linear)


def evaluate(system, heads, data, fraction, subset, settings):
    """Return rows of (system, head, subset, mean scores, seconds)."""
    X, truth, train, held_out = data
    y = truth[train]
    if fraction < 1:
        y = mask_labels(y, fraction, random_state=subset)
    began = time.perf_counter()
    X = embed(system, X, y, train, subset, settings)
    embedding_seconds = time.perf_counter() - began
    rows = []
    for head in heads:
        began = time.perf_counter()
        model = make_classifier(system, head, truth.ndim == 2, subset)
        inputs = pool(X) if head == "lr" else X
        labeled = is_labeled(y)
        model.fit(inputs[train][labeled], y[labeled])
        scores = [score(model, inputs[group], truth[group]) for group in held_out]
        seconds = time.perf_counter() - began
        print(system, head, subset, np.round(scores, 3).tolist(),
              f"{embedding_seconds:.0f} s + {seconds:.0f} s", flush=True)  # fmt: skip
        row = np.mean(scores, axis=0), embedding_seconds + seconds
        rows.append((system, head, subset, *row))
    return rows


def summarize(rows):
    """Print mean, standard deviation and the paired difference to s2."""
    cells = {}
    for system, head, subset, scores, seconds in rows:
        cells.setdefault((head, system), {})[subset] = (*scores, seconds)
    print(f"\n{'system':<12}{'head':<8}{'F1':>14}{'mAP':>14}{'s2 - it (F1)':>24}"
          f"{'wins':>7}{'seconds':>9}")  # fmt: skip
    for (head, system), cell in sorted(cells.items()):
        values = np.array([cell[subset] for subset in sorted(cell)])
        mean, deviation = values.mean(axis=0), values.std(axis=0, ddof=1)
        line = f"{system:<12}{head:<8}"
        line += "".join(f"{mean[i]:>8.3f} ±{deviation[i]:.3f}"[1:] for i in (0, 1))
        line += describe_gap(cells.get((head, "s2")), cell, system)
        print(f"{line}{mean[2]:>9.0f}")


def describe_gap(reference, cell, system):
    """Write mean and 95 % interval of what the reference is ahead, and how often."""
    if reference is None or system == "s2":
        return " " * 29
    gaps = [reference[subset][0] - cell[subset][0] for subset in sorted(cell)]
    half = stats.sem(gaps) * stats.t.ppf(0.975, len(gaps) - 1)
    wins = sum(gap > 0 for gap in gaps)
    return f"{np.mean(gaps):>+15.3f} ±{half:.3f}{wins:>5}/{len(gaps)}"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", help="folder of ESC-10 or ESC-50; else soundscapes")
    parser.add_argument("--labeled-fraction", type=float, default=0.25)
    parser.add_argument("--subsets", type=int, default=5)
    parser.add_argument("--systems", nargs="+", default=[
        "logmel", "crnn", "untrained", *STRATEGIES])  # fmt: skip
    parser.add_argument("--heads", nargs="+", default=["lr", "tagger"])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--triplets", type=int, default=600, help="per epoch")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--n-jobs", type=int, default=2)
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    began = time.perf_counter()
    data = load(arguments)
    print(f"data and features: {time.perf_counter() - began:.1f} s")
    settings = {
        "max_epochs": arguments.epochs,
        "n_triplets": arguments.triplets,
        "precision": arguments.precision,
    }
    jobs = [
        (system, ["tagger"] if system == "crnn" else arguments.heads, data,
         arguments.labeled_fraction, subset, settings)
        for subset in range(arguments.subsets)
        for system in arguments.systems
    ]  # fmt: skip
    # two processes of one thread each beat one process of two threads
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=arguments.n_jobs)
        parts = parallel(joblib.delayed(evaluate)(*job) for job in jobs)
    summarize([row for part in parts for row in part])


if __name__ == "__main__":
    main()
