"""The sweep of the paper's section 4.6: strategies by labeled ratio by label fraction.

As in Tables 2 and 3 every strategy draws the same number of triplets, of which the
ratio says how many have a labeled anchor; only s1 to s3 have unlabeled ones, and none
where every clip is labeled. The folds of ESC-10 are held out in turn, those of the
soundscapes are stratified. In a fold a fraction of the training clips keeps its labels,
the same clips for every system, and the test clips keep all of theirs. Features are
computed once. Clips are classified by logistic regression on mean and deviation of the
embedding, which is better than the tagger and takes a twentieth of its time.

One fit adds one line to the CSV file. Started again, what is in the file is not
repeated; with other settings its lines are kept, but left out of the tables.

    python benchmarks/sweep_paper.py --data ESC-10 --output sweep
"""

import argparse
import csv
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import joblib
import numpy as np
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score
from sklearn.model_selection import ParameterGrid, PredefinedSplit
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_triplet import (
    LogMel,
    MultilabelStratifiedKFold,
    TripletEmbedder,
    is_labeled,
    mask_labels,
)
from sklearn_triplet.datasets import load_esc50, make_soundscapes

RATIOS = (0.75, 0.5, 0.375, 0.25)  # Table 3, of 31 560 triplets
FRACTIONS = (0.1, 0.25, 1.0)
BASELINES = ("logmel", "untrained")
KEYS = ("corpus", "fraction", "system", "ratio", "fold", "epochs", "triplets",
        "precision")  # fmt: skip
VALUES = ("f1", "map", "active", "seconds")
Data = tuple[np.ndarray, np.ndarray, list[np.ndarray]]


def load(arguments: argparse.Namespace) -> Data:
    """Return log-mels, all labels and the rows of each test fold."""
    if arguments.data:
        corpus = load_esc50(arguments.data, subset="esc10")
        X = LogMel(n_jobs=arguments.n_jobs).transform(corpus.paths)
        # in the order of the corpus, in which the published tables drew their labels
        truth = (corpus.target[:, None] == corpus.target_names).argmax(axis=1)
        folds = PredefinedSplit(corpus.fold).split()
    else:
        corpus = make_soundscapes(
            arguments.clips, random_state=0, n_jobs=arguments.n_jobs
        )
        X = LogMel(n_jobs=arguments.n_jobs).transform(corpus.data)
        truth = corpus.target
        splitter = MultilabelStratifiedKFold(3, shuffle=True, random_state=0)
        folds = splitter.split(truth, truth)
    tests = [test for _, test in folds]
    return X, truth, tests[: arguments.folds]


def list_cells(fraction: float) -> Iterator[tuple[str, float | None]]:
    """Yield what there is to compare; the ratio only where there are two kinds."""
    yield from ((name, None) for name in BASELINES)
    every, one = list(RATIOS), [None]
    grids = [{"strategy": ["s1", "s4", "s5"], "ratio": one}]
    if fraction < 1:
        grids = [
            {"strategy": ["s4", "s5"], "ratio": one},
            {"strategy": ["s1", "s2", "s3"], "ratio": every},
        ]
    for cell in ParameterGrid(grids):
        yield cell["strategy"], cell["ratio"]


def pool(X: np.ndarray) -> np.ndarray:
    """Return mean and standard deviation over valid frames."""
    return np.concatenate([np.nanmean(X, axis=2), np.nanstd(X, axis=2)], axis=1)


def make_embedder(job: dict) -> TripletEmbedder:
    trained = job["system"] not in BASELINES
    return TripletEmbedder(
        job["system"] if trained else "s1",
        labeled_ratio=job["ratio"] or 0.5,
        n_triplets=job["triplets"],
        max_epochs=job["epochs"] if trained else 0,
        precision=job["precision"],
        output="clip",
        random_state=job["fold"],
    )


def evaluate(job: dict, data: Data) -> dict:
    """Fit one system in one fold; return the line of the table."""
    X, truth, tests = data
    began, test = time.perf_counter(), tests[job["fold"]]
    train = np.delete(np.arange(len(X)), test)
    y = mask_labels(truth[train], float(job["fraction"]), random_state=job["fold"])
    labeled, active = is_labeled(y), float("nan")
    # only what is classified needs to be embedded, unlike in a Pipeline
    parts = X[train[labeled]], X[test]
    if job["system"] == "logmel":
        parts = [pool(part) for part in parts]
    else:
        with warnings.catch_warnings():
            # with this few labels a class of one clip is no news
            warnings.filterwarnings("ignore", message=".* had no other clip")
            embedder = make_embedder(job).fit(X[train], y)
        parts = [embedder.transform(part) for part in parts]
        if embedder.n_iter_:
            active = embedder.history_[-1, "active_triplets"]
    f1, precision = classify(parts, y[labeled], truth[test])
    seconds = time.perf_counter() - began
    return job | {"f1": f1, "map": precision, "active": active, "seconds": seconds}


def classify(
    parts: list[np.ndarray], y: np.ndarray, truth: np.ndarray
) -> tuple[float, float]:
    """Return macro F1 and mean average precision of a linear classifier."""
    linear = LogisticRegression(max_iter=2000)
    model = make_pipeline(
        StandardScaler(), OneVsRestClassifier(linear) if y.ndim == 2 else linear
    ).fit(parts[0], y)
    f1 = f1_score(truth, model.predict(parts[1]), average="macro", zero_division=0)
    indicator = truth if truth.ndim == 2 else truth[:, None] == model.classes_
    return f1, average_precision_score(indicator, model.predict_proba(parts[1]))


def identify(row: dict) -> tuple[str, ...]:
    """Return what tells one fit from another, as the CSV file has it."""
    return tuple("" if row[key] is None else str(row[key]) for key in KEYS)


def list_jobs(arguments: argparse.Namespace, n_folds: int) -> list[dict]:
    """Return all fits, fold by fold, so that an early table lacks no system."""
    settings = {
        "corpus": Path(arguments.data).name if arguments.data else "soundscapes",
        "epochs": arguments.epochs,
        "triplets": arguments.triplets,
        "precision": arguments.precision,
    }
    return [
        {"fraction": fraction, "system": system, "ratio": ratio, "fold": fold}
        | settings
        for fold in range(n_folds)
        for fraction in arguments.fractions
        for system, ratio in list_cells(fraction)
    ]


def read(path: Path) -> dict[tuple[str, ...], dict]:
    """Return the lines that are there already."""
    if not path.exists():
        return {}
    with path.open(newline="") as lines:
        return {identify(row): row for row in csv.DictReader(lines)}


def run(jobs: list[dict], data: Data, path: Path, n_jobs: int) -> None:
    """Do what is missing; write each line as soon as it is known."""
    done = read(path)
    jobs = [job for job in jobs if identify(job) not in done]
    print(f"{len(done)} fits in {path}, {len(jobs)} to do", flush=True)
    # two processes of one thread each beat one process of two threads
    with (
        path.open("a", newline="") as lines,
        joblib.parallel_config("loky", inner_max_num_threads=1),
    ):
        table = csv.DictWriter(lines, [*KEYS, *VALUES])
        if not done:
            table.writeheader()
        parallel = joblib.Parallel(n_jobs, return_as="generator")
        for row in parallel(joblib.delayed(evaluate)(job, data) for job in jobs):
            table.writerow(row)
            lines.flush()
            print(*(row[key] for key in KEYS[1:5]), f"F1 {row['f1']:.3f}, mAP "
                  f"{row['map']:.3f}, {row['seconds']:.0f} s", flush=True)  # fmt: skip


def summarize(rows: list[dict], value: str) -> str:
    """Return a Markdown table of means and standard deviations over the folds."""
    cells: dict[tuple, dict[str, float]] = {}
    for row in rows:
        key = float(row["fraction"]), row["system"], row["ratio"]
        cells.setdefault(key, {})[row["fold"]] = float(row[value])
    columns = [*map(str, RATIOS), ""]
    titles = [*columns[:-1], "no ratio", "gap to untrained", "folds"]
    lines = ["| labeled | system | " + " | ".join(titles) + " |", "|---" * 9 + "|"]
    for fraction in sorted({key[0] for key in cells}):
        names = [key[1] for key in cells if key[0] == fraction]
        reference = cells.get((fraction, "untrained", ""))
        for name in sorted(set(names)):
            row = [cells.get((fraction, name, column)) for column in columns]
            texts = [describe(cell) for cell in row]
            # the best ratio would be better by chance alone
            cell = row[columns.index("0.5")] or row[-1] or {}
            texts += [describe_gap(cell, reference), str(len(cell))]
            lines.append(f"| {fraction:g} | {name} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def describe(cell: dict[str, float] | None) -> str:
    if cell is None:
        return ""
    values = [*cell.values()]
    deviation = np.std(values, ddof=1) if len(values) > 1 else float("nan")
    return f"{np.mean(values):.3f} ± {deviation:.3f}"


def describe_gap(cell: dict[str, float], reference: dict[str, float] | None) -> str:
    """Write the paired difference with its 95 % t-interval, and how often it is > 0."""
    folds = sorted(set(cell) & set(reference or {}))
    if cell is reference or len(folds) < 2:
        return ""
    gaps = [cell[fold] - reference[fold] for fold in folds]
    half = stats.sem(gaps) * stats.t.ppf(0.975, len(gaps) - 1)
    wins = sum(gap > 0 for gap in gaps)
    return f"{np.mean(gaps):+.3f} ± {half:.3f} ({wins}/{len(gaps)})"


def report(jobs: list[dict], path: Path) -> str:
    """Return what was run and both tables."""
    done = read(path)
    rows = [done[key] for key in map(identify, jobs) if key in done]
    seconds = sum(float(row["seconds"]) for row in rows)
    first = jobs[0]
    head = (
        f"{first['corpus']}: {len(rows)} of {len(jobs)} fits, {first['epochs']} epochs "
        f"of {first['triplets']} triplets, {first['precision']}, {seconds / 60:.0f} "
        "minutes of wall time in all fits. Mean and standard deviation over held-out "
        "folds; the gap to the untrained encoder is that at ratio 0.5, or without one, "
        "paired, with its 95 % interval."
    )
    parts = [head, "Macro F1", summarize(rows, "f1"), "mAP", summarize(rows, "map")]
    return "\n\n".join(parts) + "\n"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", help="folder of ESC-10 or ESC-50; else soundscapes")
    parser.add_argument("--clips", type=int, default=300, help="soundscapes to make")
    parser.add_argument("--fractions", type=float, nargs="+", default=FRACTIONS)
    parser.add_argument("--folds", type=int, default=5, help="at the most")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--triplets", type=int, default=400, help="per epoch")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--output", default="sweep", help="name of .csv and .md")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    began = time.perf_counter()
    data = load(arguments)
    print(f"data and features: {time.perf_counter() - began:.1f} s", flush=True)
    path = Path(arguments.output).with_suffix(".csv")
    jobs = list_jobs(arguments, len(data[2]))
    run(jobs, data, path, arguments.n_jobs)
    text = report(jobs, path)
    path.with_suffix(".md").write_text(text, encoding="utf-8")
    print(f"\n{text}\nTook {(time.perf_counter() - began) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
