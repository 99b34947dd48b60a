"""How many steps an epoch of TripletEmbedder should have where labels are few.

    python benchmarks/step_budget.py --data ESC-10
    python benchmarks/step_budget.py --data ESC-10 --coarse --seeds 5
    python benchmarks/step_budget.py --corpus table --labels 10 30 100 300 --seeds 5

Macro F1 of logistic regression on the clips' embeddings, over the number of labels and
the least number of steps per epoch; 0 stands for every labeled segment once an epoch,
and unlabeled ones by ``labeled_ratio``, without a floor. ESC-10 and spoken digits as in
``few_labels.py``, on the folds or speakers that settings are chosen on; ``table`` is
scikit-learn's digits, without the rows that ``digits_few_labels.py`` reports on. With
``--coarse`` pairs of bands and pairs of frames are averaged, for a quarter of the time.

The loop has no schedule, so that a fit of more steps is a fit that goes on: each floor
is measured on the fit of the one before, with ``partial_fit``, and paired with it. Each
result is a line of ``--csv``, and fits that are there already are not repeated.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np
from few_labels import LOADERS, Corpus, draw_labels, extend_csv, make_linear
from scipy import stats
from sklearn import datasets
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split

from sklearn_triplet import LabeledOnly, TripletEmbedder, is_labeled

KEY = "corpus", "labels", "strategy", "seed", "floor"
FIELDS = *KEY, "steps", "f1", "active_triplets", "seconds"
BATCH_SIZE, SEGMENT_LENGTH = 64, 96  # the embedder's defaults


def load_table(folder: str | None) -> Corpus:
    """Load the rows of scikit-learn's digits that settings may be chosen on."""
    X, y = datasets.load_digits(return_X_y=True)
    X, _, y, _ = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)
    group = np.arange(len(y)) % 4
    return Corpus(X.astype(np.float32), y, group, [([0, 1, 2], [3])], [])


def average_pairs(X: np.ndarray) -> np.ndarray:
    """Halve bands and frames of (n, n_features, n_frames); an odd last one is lost."""
    n, n_features, n_frames = X.shape
    X = X[:, : n_features // 2 * 2, : n_frames // 2 * 2]
    return X.reshape(n, n_features // 2, 2, n_frames // 2, 2).mean(axis=(2, 4))


def count_once(X: np.ndarray, y: np.ndarray, strategy: str, length: int) -> int:
    """Count the triplets of an epoch without a floor, at the default labeled_ratio."""
    if X.ndim == 2:
        n_segments = np.ones(len(X), dtype=int)
    else:
        n_frames = (~np.isnan(X[:, 0])).sum(axis=1)
        n_segments = np.maximum(n_frames // length, 1)
    labeled = is_labeled(y)
    only_labeled = labeled.all() or strategy in ("s4", "s5")
    return n_segments[labeled].sum() * (1 if only_labeled else 2)


def climb(X, y, strategy: str, seed: int, arguments) -> Iterator[tuple[int, dict, int]]:
    """Yield floor, embedder and steps per epoch, from few steps to many."""
    length = SEGMENT_LENGTH // 2 if arguments.coarse else SEGMENT_LENGTH
    once = count_once(X, y, strategy, length)
    embedder = TripletEmbedder(
        strategy,
        n_triplets=int(once),
        segment_length=length,
        output="clip",
        precision=arguments.precision,
        random_state=seed,
    ).fit(X, y)
    steps = -(-once // BATCH_SIZE)
    for floor in sorted({0, *arguments.floors}):
        if floor > steps:
            embedder.set_params(n_triplets=BATCH_SIZE * int(floor - steps))
            embedder.partial_fit(X, y)
            steps = floor
        yield floor, embedder, steps


def run(arguments, corpus: Corpus, done: set) -> Iterator[dict]:
    """Yield one result after the other, paired by seed."""
    ((train, test),) = corpus.choose
    rows = np.flatnonzero(np.isin(corpus.group, train))
    held_out = np.flatnonzero(np.isin(corpus.group, test))
    X, X_test, truth = corpus.X[rows], corpus.X[held_out], corpus.y[held_out]
    for seed in range(arguments.seeds):
        for n_labels in arguments.labels:
            y = draw_labels(corpus.y[rows], n_labels, seed)
            for strategy in arguments.strategies:
                key = arguments.name, n_labels, strategy, seed
                floors = {0, *arguments.floors}
                if done >= {tuple(map(str, (*key, floor))) for floor in floors}:
                    continue
                seconds, began = 0.0, time.perf_counter()
                for floor, embedder, steps in climb(X, y, strategy, seed, arguments):
                    seconds += time.perf_counter() - began
                    classifier = LabeledOnly(make_linear())
                    classifier.fit(embedder.transform(X), y)
                    found = classifier.predict(embedder.transform(X_test))
                    yield {
                        **dict(zip(KEY, (*key, floor), strict=True)),
                        "steps": steps,
                        "f1": f1_score(
                            truth.astype(str), found.astype(str), average="macro"
                        ),
                        "active_triplets": embedder.history_[-1]["active_triplets"],
                        "seconds": seconds,
                    }
                    began = time.perf_counter()


def show(results: list[dict]) -> None:
    """Print means per number of labels, strategy and floor, and what a floor adds."""
    cells: dict[tuple, dict[str, dict]] = {}
    for row in results:
        key = row["corpus"], int(row["labels"]), row["strategy"], int(row["floor"])
        cells.setdefault(key, {})[str(row["seed"])] = row
    print(
        "corpus        labels  strategy  floor  steps  F1     "
        "ahead of no floor    active  seconds"
    )
    for key, runs in sorted(cells.items()):
        without = cells[(*key[:3], 0)]
        lead = [float(runs[s]["f1"]) - float(without[s]["f1"]) for s in runs]
        text = ""
        if key[3] and len(lead) > 1:
            half = stats.t.ppf(0.975, len(lead) - 1) * stats.sem(lead)
            text = f"{np.mean(lead):+.3f} ± {half:.3f} ({len(lead)})"
        steps, f1, active, seconds = (
            np.mean([float(row[name]) for row in runs.values()])
            for name in ("steps", "f1", "active_triplets", "seconds")
        )
        corpus, n_labels, strategy, floor = key
        print(
            f"{corpus:14}{n_labels:6}  {strategy:8}{floor:7}{steps:7.0f}  "
            f"{f1:.3f}  {text:20}{active:7.2f}{seconds:9.1f}"
        )


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    corpora = ["esc10", "fsdd", "table"]
    parser.add_argument("--corpus", choices=corpora, default="esc10")
    parser.add_argument("--data", help="folder of the recordings")
    parser.add_argument("--labels", type=int, nargs="+", default=[10, 30, 100, 240])
    names = ["s2", "s5", "s1", "s3"]
    parser.add_argument("--strategies", nargs="+", default=names)
    parser.add_argument("--floors", type=int, nargs="+", default=[5, 10, 20, 40])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--coarse", action="store_true", help="a quarter of the time")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--csv", default="step_budget.csv")
    options = parser.parse_args(arguments)
    if options.data is None and options.corpus != "table":
        parser.error("--data is needed for a corpus of recordings")
    if options.coarse and options.corpus == "table":
        parser.error("--coarse averages bands and frames, and a table has none")
    options.name = f"{options.corpus}{'-coarse' * options.coarse}"
    return options


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    load = load_table if options.corpus == "table" else LOADERS[options.corpus]
    corpus = load(options.data)
    if options.coarse:
        corpus.X = average_pairs(corpus.X)
    rows = extend_csv(options.csv, KEY, FIELDS, lambda done: run(options, corpus, done))
    show([row for row in rows if row["corpus"] == options.name])


if __name__ == "__main__":
    main()
