"""Why a search with unlabeled rows needs its own folds and scores.

To scikit-learn -1 is a class like any other. By default it is dealt to the test folds,
where every honest prediction of an unlabeled row counts as wrong and "unlabeled" counts
as right: the model that says -1 wins, and is worth nothing. ``UnlabeledInTrain`` tests
on labeled rows only, ``labeled_scorer`` scores no other.

Each table shows the accuracy of cross-validation by default and with both of these, and
the truth: that of the model fitted on all rows, on many new rows with all their labels.
A star marks what a search would choose.

- Whatever can say -1 wins by default.
- So does whatever makes a model say -1 more often, here a large number of neighbours.
- Models that never say -1 cannot score more by default than the share of labeled rows.
  Their order is about the same, and where their best parameters differ, as with the
  default seed, it is by a row or two.
- Where a clip has several labels there is no trap but an error: to scikit-learn's
  scorers an indicator with rows of -1 is of no known kind.

    python examples/scoring_trap.py
"""

import argparse
import time
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from sklearn_triplet import (
    LabeledOnly,
    LogMel,
    TripletEmbedder,
    UnlabeledInTrain,
    labeled_scorer,
    mask_labels,
)
from sklearn_triplet.datasets import make_soundscapes


class Data(NamedTuple):
    """Rows to search with, y of them with -1, and new rows with all their labels."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


class Row(NamedTuple):
    """What the two searches say of one candidate, and the truth."""

    name: str
    default: float
    ours: float
    truth: float


def make_table(seed: int) -> Data:
    """Return 300 rows of 3 overlapping classes, 84 labeled, and 2000 new rows."""
    X, y = make_blobs(2300, centers=3, cluster_std=2.0, random_state=seed)
    masked = mask_labels(y[:300], 84, random_state=seed)
    return Data(X[:300], masked, X[300:], y[300:])


def make_sounds(seed: int, n_clips: int) -> Data:
    """Return log-mels of clips of one event of 3 classes, 28 % of them labeled."""
    scenes = make_soundscapes(
        2 * n_clips,
        3,
        duration=1.0,
        sample_rate=16_000,
        n_events=(1, 1),
        empty_fraction=0.0,
        random_state=seed,
    )
    mel = LogMel(16_000)
    X, y = mel.transform(scenes.data), scenes.target.argmax(axis=1)
    masked = mask_labels(y[:n_clips], 0.28, random_state=seed)
    return Data(X[:n_clips], masked, X[n_clips:], y[n_clips:])


def compare(
    model: BaseEstimator,
    grid: dict,
    names: Iterable[str],
    data: Data,
    n_folds: int = 5,
) -> list[Row]:
    """Score all candidates of a grid in three ways."""
    cv, scoring = UnlabeledInTrain(n_folds), labeled_scorer("accuracy")
    searches = [
        GridSearchCV(model, grid, scoring="accuracy", cv=n_folds, refit=False),
        GridSearchCV(model, grid, scoring=scoring, cv=cv, refit=False),
    ]
    scores = [
        search.fit(data.X, data.y).cv_results_["mean_test_score"] for search in searches
    ]
    truth = []
    for parameters in ParameterGrid(grid):
        # clone, for a model in a grid would be fitted itself
        candidate = clone(model).set_params(**clone(parameters, safe=False))
        predicted = candidate.fit(data.X, data.y).predict(data.X_test)
        truth.append(np.mean(predicted == data.y_test))
    return [Row(*row) for row in zip(names, *scores, truth, strict=True)]


def show(title: str, rows: list[Row]) -> None:
    """Print the rows, with a star at the best of each column."""
    print(f"\n{title:<44}{'by default':>12}{'ours':>12}{'truth':>12}")
    columns = [[row[i] for row in rows] for i in (1, 2, 3)]
    for row in rows:
        line = f"{row.name:<44}"
        for score, column in zip(row[1:], columns, strict=True):
            line += f"{score:>11.3f}{'*' if score == max(column) else ' '}"
        print(line)
    by_default = rows[int(np.argmax(columns[0]))]
    ours = rows[int(np.argmax(columns[1]))]
    print(f"chosen by default: {by_default.name}, in truth {by_default.truth:.3f}")
    print(f"chosen by ours:    {ours.name}, in truth {ours.truth:.3f}")


def compare_models(data: Data) -> list[Row]:
    """Compare models, one of which takes -1 for a class."""
    models = {
        "logistic regression, -1 is a class": LogisticRegression(),
        "logistic regression in LabeledOnly": LabeledOnly(LogisticRegression()),
        "SelfTrainingClassifier": SelfTrainingClassifier(LogisticRegression()),
        "LabelSpreading": LabelSpreading("knn"),
    }
    # in a step of its own a whole model is a parameter
    pipe = Pipeline([("model", LogisticRegression())])
    return compare(pipe, {"model": list(models.values())}, models, data)


def compare_neighbors(data: Data) -> list[Row]:
    """Compare a parameter that decides how often a model says -1."""
    numbers = [1, 3, 10, 30, 100]
    grid = {"n_neighbors": numbers}
    names = [f"{number} nearest neighbours, -1 is a class" for number in numbers]
    return compare(KNeighborsClassifier(), grid, names, data)


def compare_thresholds(data: Data) -> list[Row]:
    """Compare a parameter of a model that never says -1."""
    thresholds = [0.4, 0.5, 0.6, 0.75, 0.9, 0.99]
    names = [f"SelfTrainingClassifier, threshold {value}" for value in thresholds]
    model = SelfTrainingClassifier(LogisticRegression())
    return compare(model, {"threshold": thresholds}, names, data)


def compare_pipelines(data: Data, seed: int) -> list[Row]:
    """Compare strategies and classifiers behind the embedding of sounds."""
    embedder = TripletEmbedder(
        output="clip",
        n_components=8,
        n_triplets=64,
        max_epochs=1,
        random_state=seed,
    )
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    # in the order in which a grid counts: the last name changes fastest
    grid = {"clf": [linear, LabeledOnly(linear)], "emb__strategy": ["s2", "s5"]}
    names = [
        f"{strategy} + logistic regression {kind}"
        for kind in ("(-1 a class)", "in LabeledOnly")
        for strategy in grid["emb__strategy"]
    ]
    pipe = Pipeline([("emb", embedder), ("clf", linear)])
    return compare(pipe, grid, names, data, n_folds=3)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--clips", type=int, default=100, help="sounds to search with")
    options = parser.parse_args(arguments)
    seed, began = options.seed, time.perf_counter()
    table = make_table(seed)
    show("Models", compare_models(table))
    show("A parameter of a model that says -1", compare_neighbors(table))
    show("A parameter of one that does not", compare_thresholds(table))
    show("Sounds", compare_pipelines(make_sounds(seed, options.clips), seed))
    print(f"\nTook {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
