"""Search strategy and ratio of labeled triplets, the sweep of the paper's section 4.6.

The ten lines that matter are in ``search``; the rest makes data and prints tables.

- Log-mels are computed once, before the search: ``LogMel`` learns nothing from the
  clips, so no fold can leak through it.
- ``UnlabeledInTrain`` tests on labeled clips only and trains on all unlabeled ones.
- Behind ``output="clip"`` a logistic regression is better than the tagger and takes a
  twentieth of its time, so that is what the search scores strategies by.
- s4 and s5 draw labeled triplets only, hence a list of two grids.

The best of many scores is flattered by its choice, so it is scored once more on clips
that the search has not seen: fold 5 of a folder of recordings, of which folds 1 to 4
are searched, or further soundscapes. The default settings take a minute on two cores,
which is too little to tell strategies apart; ``benchmarks/sweep_paper.py`` is the sweep
in full.

    python examples/search_strategies.py
    python examples/search_strategies.py --data ESC-10 --epochs 4 --triplets 400
"""

import argparse
import time
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_triplet import (
    LabeledOnly,
    LogMel,
    TripletEmbedder,
    UnlabeledInTrain,
    is_labeled,
    mask_labels,
)
from sklearn_triplet.datasets import load_esc50, make_soundscapes

RATIOS = [0.75, 0.5, 0.375, 0.25]  # L / (U + L) in Table 3


class Data(NamedTuple):
    """Log-mels and all labels of the clips to search with and of the held-out ones."""

    X: np.ndarray
    truth: np.ndarray
    X_test: np.ndarray
    truth_test: np.ndarray
    cv: object


def load_soundscapes(n_clips: int, seed: int) -> Data:
    """Return short soundscapes of five classes, half of them held out."""
    scenes = make_soundscapes(
        2 * n_clips, 5, duration=2.0, n_events=(1, 2), random_state=seed
    )
    X, y = LogMel().transform(scenes.data), scenes.target
    return Data(X[:n_clips], y[:n_clips], X[n_clips:], y[n_clips:], cv=3)


def load_recordings(folder: str) -> Data:
    """Return ESC-10 or ESC-50; clips of one recording are in one fold."""
    corpus = load_esc50(folder)
    X, y, test = LogMel(n_jobs=2).transform(corpus.paths), corpus.target, 5
    known = corpus.fold != test
    folds = PredefinedSplit(corpus.fold[known])
    return Data(X[known], y[known], X[~known], y[~known], folds)


def make_classifier(multilabel: bool) -> LabeledOnly:
    linear = LogisticRegression(max_iter=1000)
    if multilabel:
        linear = OneVsRestClassifier(linear)
    return LabeledOnly(make_pipeline(StandardScaler(), linear))


def search(
    data: Data, y: np.ndarray, embedder: TripletEmbedder, n_jobs: int
) -> GridSearchCV:
    """Fit the search on X and on y, which is -1 where unlabeled."""
    pipe = Pipeline([("emb", embedder), ("clf", make_classifier(y.ndim == 2))])
    grids = [
        {"emb__strategy": ["s1", "s2", "s3"], "emb__labeled_ratio": RATIOS},
        {"emb__strategy": ["s4", "s5"]},
    ]
    if is_labeled(y).all():
        # with nothing unlabeled s2 and s3 are s5, and there is no ratio
        grids = {"emb__strategy": ["s1", "s4", "s5"]}
    cv = UnlabeledInTrain(data.cv)
    result = GridSearchCV(pipe, grids, cv=cv, scoring="f1_macro", n_jobs=n_jobs)
    return result.fit(data.X, y)


def show(result: GridSearchCV) -> None:
    """Print mean and standard deviation over the folds, strategy by ratio."""
    scores = result.cv_results_
    cells = {}
    for parameters, mean, deviation in zip(
        scores["params"],
        scores["mean_test_score"],
        scores["std_test_score"],
        strict=True,
    ):
        key = parameters["emb__strategy"], parameters.get("emb__labeled_ratio")
        cells[key] = f"{mean:.3f} ± {deviation:.3f}"
    columns = [
        ratio for ratio in [*RATIOS, None] if any(key[1] == ratio for key in cells)
    ]
    titles = ["no ratio" if ratio is None else str(ratio) for ratio in columns]
    print(f"{'':<4}" + "".join(f"{title:>16}" for title in titles))
    for strategy in sorted({key[0] for key in cells}):
        row = [cells.get((strategy, ratio), "") for ratio in columns]
        print(f"{strategy:<4}" + "".join(f"{cell:>16}" for cell in row))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", help="folder of ESC-10 or ESC-50; else soundscapes")
    parser.add_argument("--clips", type=int, default=120, help="soundscapes to search")
    parser.add_argument("--fractions", type=float, nargs="+", default=[0.25, 1.0])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--triplets", type=int, default=100, help="per epoch")
    parser.add_argument("--components", type=int, default=32)
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options, began = parse(arguments), time.perf_counter()
    if options.data:
        data = load_recordings(options.data)
    else:
        data = load_soundscapes(options.clips, options.seed)
    embedder = TripletEmbedder(
        output="clip",
        n_components=options.components,
        n_triplets=options.triplets,
        max_epochs=options.epochs,
        precision=options.precision,
        random_state=options.seed,
    )
    for fraction in options.fractions:
        y = mask_labels(data.truth, fraction, random_state=options.seed)
        print(
            f"\nMacro F1, {is_labeled(y).sum()} of {len(y)} clips labeled", flush=True
        )
        result = search(data, y, embedder, options.n_jobs)
        show(result)
        held_out = result.score(data.X_test, data.truth_test)
        print(f"best: {result.best_params_}, {result.best_score_:.3f}")
        print(f"the same on {len(data.X_test)} held-out clips: {held_out:.3f}")
    print(f"\nTook {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
