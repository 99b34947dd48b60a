"""TripletTagger and its honest competitors at a handful of labels.

    python benchmarks/few_labels.py --corpus esc10 --data ESC-10 --labels 24
    python benchmarks/few_labels.py --corpus fsdd --data FSDD --labels 30
    python benchmarks/few_labels.py --corpus soundscapes --data ESC-10 --labels 158
    python benchmarks/few_labels.py --corpus aisfx --data ESC-10 --features aisfx.npy

ESC-10: folds 1 to 3 train and fold 4 is what settings were chosen on; ``--report``
takes the two rotations that nothing was chosen on, 3, 4, 5 to 1, 2 and 5, 1, 2 to 3, 4.
``esc10-folds`` holds out each of the five folds in turn, for figures of the literature.
Spoken digits: two speakers are held out, jackson and lucas to choose on, the other two
pairs to report. ``soundscapes`` are mixed from the recordings of ESC-10, folds 1 to 3
to 4, or to 5 to report; ``aisfx`` takes its frames, from ``pretrained_features.py``, in
the place of log-mels. Every system sees the same labels, so that differences are
paired; each run is a line of ``--csv``, and runs that are there already are not
repeated. Several numbers after ``--labels`` or ``--unlabeled`` give learning curves.
"""

import argparse
import csv
import dataclasses
import itertools
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from sklearn_triplet import (
    LabeledOnly,
    LogMel,
    PseudoLabeled,
    TripletEmbedder,
    TripletTagger,
    TunedThresholds,
    is_labeled,
)
from sklearn_triplet.datasets import load_esc50, mix_soundscapes

KEY = "corpus", "labels", "unlabeled", "split", "system", "seed"
FIELDS = *KEY, "f1", "accuracy", "map", "seconds", "commit"


@dataclasses.dataclass
class Corpus:
    """Clips, their classes, and the groups that are trained on or held out."""

    X: np.ndarray
    y: np.ndarray
    group: np.ndarray
    choose: list[tuple[list, list]]
    report: list[tuple[list, list]]
    settings: dict = dataclasses.field(default_factory=dict)  # of TripletTagger
    names: tuple[str, ...] = ()  # of columns of y


def load_esc10(folder: str, features: str | None = None) -> Corpus:
    corpus = load_esc50(folder, subset="esc10")
    X = LogMel(n_jobs=2).transform(corpus.paths)[:, :, :500]
    report = [([3, 4, 5], [1, 2]), ([5, 1, 2], [3, 4])]
    # digital silence instead of padding: all recordings have five seconds
    X = np.where(np.isnan(X), np.float32(np.log(1e-4)), X)
    return Corpus(X, corpus.target, corpus.fold, [([1, 2, 3], [4])], report)


def load_esc10_folds(folder: str, features: str | None = None) -> Corpus:
    """Hold out each fold in turn, as the literature does."""
    corpus = load_esc10(folder)
    folds = range(1, 6)
    turns = [([other for other in folds if other != fold], [fold]) for fold in folds]
    return dataclasses.replace(corpus, choose=turns, report=turns)


def load_aisfx(folder: str, features: str | None) -> Corpus:
    """Take what another network makes of the same recordings."""
    if features is None:
        raise SystemExit("--corpus aisfx needs --features, see pretrained_features.py")
    return dataclasses.replace(load_esc10(folder), X=np.load(features))


def mix_esc10(folder: str, n_clips: dict[str, int]) -> Bunch:
    """Mix soundscapes: folds 1 to 3 train, 4 is to choose by and 5 to report."""
    corpus = load_esc50(folder, subset="esc10")
    return mix_soundscapes(
        corpus.paths,
        corpus.target,
        fold=corpus.fold,
        splits={"train": (1, 2, 3), "valid": 4, "test": 5},
        n_clips=n_clips,
        n_jobs=2,
        random_state=0,
    )


def load_soundscapes(
    folder: str, features: str | None = None, n_clips: dict[str, int] | None = None
) -> Corpus:
    """Mix 1 599 clips of ten seconds to train, and 400 each to choose and to report."""
    sizes = n_clips or {"train": 1599, "valid": 400, "test": 400}
    scenes = mix_esc10(folder, sizes)
    X = LogMel(scenes.sample_rate, n_jobs=2).transform(scenes.data)
    return Corpus(
        X,
        scenes.target,
        scenes.split,
        [(["train"], ["valid"])],
        [(["train"], ["test"])],
        # what a label is about lasts a tenth of the clip
        {"segment_length": 1000, "batch_size": 40},
        tuple(map(str, scenes.target_names)),
    )


def load_digits(folder: str, features: str | None = None) -> Corpus:
    """Load 0_jackson_1.wav and its like; the middle name is the speaker."""
    paths = sorted(Path(folder).rglob("*_*_*.wav"))
    names = [path.stem.split("_") for path in paths]
    X = LogMel(8000, n_jobs=2).transform([str(path) for path in paths])
    speakers = np.array([name[1] for name in names])
    pairs = [["jackson", "lucas"], ["george", "nicolas"], ["theo", "yweweler"]]
    splits = [(sorted(set(speakers) - set(pair)), pair) for pair in pairs]
    y = np.array([name[0] for name in names], dtype=object)
    return Corpus(X, y, speakers, splits[:1], splits[1:])


LOADERS: dict[str, Callable[[str, str | None], Corpus]] = {
    "esc10": load_esc10,
    "esc10-folds": load_esc10_folds,
    "fsdd": load_digits,
    "soundscapes": load_soundscapes,
    "aisfx": load_aisfx,
}


def pool(X: np.ndarray) -> np.ndarray:
    """Mean, deviation, its change, and two percentiles of each band."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.concatenate(
            [
                np.nanmean(X, axis=2),
                np.nanstd(X, axis=2),
                np.nanstd(np.diff(X, axis=2), axis=2),
                *np.nanpercentile(X, [10, 90], axis=2),
            ],
            axis=1,
        )


def make_linear(multilabel: bool = False):
    model = LogisticRegression(max_iter=1000)
    if multilabel:
        model = OneVsRestClassifier(model)
    return make_pipeline(StandardScaler(), model)


class Pooled:
    """A classifier of whole clips, on pooled log-mels."""

    def __init__(self, classifier):
        self.classifier = classifier

    def fit(self, X, y):
        """Fit on statistics."""
        self.classifier.fit(pool(X), y)
        return self

    def predict(self, X):
        """Predict from statistics."""
        return self.classifier.predict(pool(X))

    def predict_proba(self, X):
        """Predict from statistics."""
        return self.classifier.predict_proba(pool(X))


class Behind:
    """A classifier of the clips that another system embeds."""

    def __init__(self, embedder, classifier):
        self.embedder, self.classifier = embedder, classifier

    def embed(self, X):
        """Embed clips as vectors."""
        return self.embedder.set_params(output="clip").transform(X)

    def fit(self, X, y):
        """Fit on embedded clips; the embedder too, if no system before it did."""
        if not self.embedder.__sklearn_is_fitted__():
            self.embedder.fit(X, y)
        self.classifier.fit(self.embed(X), y)
        return self

    def predict(self, X):
        """Predict embedded clips."""
        return self.classifier.predict(self.embed(X))

    def predict_proba(self, X):
        """Predict embedded clips."""
        return self.classifier.predict_proba(self.embed(X))


# what is taken away from TripletTagger, or put in its place
INGREDIENTS = {
    "pseudo-labels once, at the end": {"guess_from": 1.0},
    "without triplets": {"triplet_weight": 0},
    "without augmentation": {"augmentation": None},
    "without the last fit of the head": {"refit_head": False},
    "hinges instead of a softmax": {"temperature": None},
    "the paper's encoder": {"encoder": "conv", "n_components": 64},
}


def make_systems(corpus: Corpus, seed: int, precision: str) -> dict[str, object]:
    """Return what is compared, the ingredients taken away one by one.

    What stands behind another system comes after it.
    """
    common = {"precision": precision, "random_state": seed}

    def tagger(**changes):
        return TripletTagger(**{**common, **corpus.settings, **changes})

    def linear():
        return LabeledOnly(make_linear(multilabel=corpus.y.ndim > 1))

    labels_only = tagger(pseudo_weight=0, labeled_ratio=1)
    tuned = {}
    if corpus.y.ndim > 1:  # of single labels there is no threshold
        tuned = {
            "statistics + LR, thresholds tuned": Pooled(
                TunedThresholds(linear(), random_state=seed)
            ),
            "TripletTagger, thresholds tuned": tagger(threshold="auto"),
        }
    return {
        "statistics + LR": Pooled(linear()),
        "statistics + PseudoLabeled": Pooled(
            make_pipeline(StandardScaler(), PseudoLabeled())
        ),
        "s2 + LR": make_pipeline(
            TripletEmbedder("s2", output="clip", **common), linear()
        ),
        "TripletTagger": tagger(),
        "labels only": labels_only,
        "labels only + PseudoLabeled": Behind(labels_only, PseudoLabeled()),
        "without pseudo-labels": tagger(pseudo_weight=0),
        "attention instead of statistics": tagger(pooling="attention"),
        **{name: tagger(**changes) for name, changes in INGREDIENTS.items()},
        **tuned,
    }


def draw_labels(y: np.ndarray, n_labels: int, seed: int) -> np.ndarray:
    """Keep n_labels labels, as evenly over the classes as can be, and hide the rest.

    Where a clip has several labels, any clips keep theirs.
    """
    rng = np.random.default_rng(1000 + seed)
    if y.ndim > 1:
        hidden = np.full(y.shape, -1)
        kept = rng.choice(len(y), n_labels, replace=False)
        hidden[kept] = y[kept]
        return hidden
    classes = np.unique(y.astype(str))
    extra = rng.permutation(len(classes)) < n_labels % len(classes)
    hidden = np.full(len(y), -1, dtype=object)
    for name, more in zip(classes, extra, strict=True):
        rows = np.flatnonzero(y.astype(str) == name)
        kept = rng.choice(rows, n_labels // len(classes) + more, replace=False)
        hidden[kept] = y[kept]
    return hidden


def leave_out(y: np.ndarray, n_unlabeled: int | None, seed: int) -> np.ndarray:
    """Return rows of all labeled clips and of some unlabeled ones."""
    labeled = is_labeled(y)
    unlabeled = np.random.default_rng(2000 + seed).permutation(np.flatnonzero(~labeled))
    return np.sort(np.r_[np.flatnonzero(labeled), unlabeled[:n_unlabeled]])


def score(system, X: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Compare with the truth; mean average precision where a clip has several."""
    found = np.asarray(system.predict(X))
    if truth.ndim > 1:
        f1 = f1_score(truth, found, average="macro", zero_division=0)
        precision = average_precision_score(truth, system.predict_proba(X))
        return {"f1": f1, "accuracy": (truth == found).mean(), "map": precision}
    truth, found = truth.astype(str), found.astype(str)
    f1 = f1_score(truth, found, average="macro", zero_division=0)
    return {"f1": f1, "accuracy": (truth == found).mean(), "map": np.nan}


def read_commit() -> str:
    """Return the commit that results are of."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    found = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(__file__).parent
    )
    return found.stdout.strip()


def run(arguments, corpus: Corpus, done: set) -> Iterator[dict]:
    """Yield one result after the other, paired by seed."""
    splits = corpus.report if arguments.report else corpus.choose
    commit = read_commit()
    for seed, (train, test), n_labels, unlabeled in itertools.product(
        range(arguments.seeds), splits, arguments.labels, arguments.unlabeled
    ):
        rows = np.flatnonzero(np.isin(corpus.group, train))
        held_out = np.flatnonzero(np.isin(corpus.group, test))
        y = draw_labels(corpus.y[rows], n_labels, seed)
        used = leave_out(y, None if unlabeled == "all" else int(unlabeled), seed)
        systems = make_systems(corpus, seed, arguments.precision)
        for name, system in systems.items():
            key = {
                "corpus": arguments.corpus,
                "labels": n_labels,
                "unlabeled": unlabeled,
                "split": "+".join(map(str, test)),
                "system": name,
                "seed": seed,
            }
            if arguments.only and name not in arguments.only:
                continue
            if tuple(map(str, key.values())) in done:
                continue
            began = time.perf_counter()
            system.fit(corpus.X[rows[used]], y[used])
            seconds = time.perf_counter() - began
            scores = score(system, corpus.X[held_out], corpus.y[held_out])
            yield {**key, **scores, "seconds": seconds, "commit": commit}


def extend_csv(
    path: str, key: tuple, fields: tuple, make: Callable[[set], Iterator[dict]]
) -> list[dict]:
    """Append new results to a file line by line, and return all that it then holds.

    Parameters
    ----------
    path : str
    key : tuple of str
        The columns that tell a run from others.
    fields : tuple of str
    make : callable
        Is given the runs that are there already, as tuples of text.
    """
    rows = []
    if Path(path).exists():
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
    done = {tuple(row[name] for name in key) for row in rows}
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, fields)
        if not rows:
            writer.writeheader()
        for result in make(done):
            writer.writerow(result)
            file.flush()
            rows.append(result)
            print(*(result[name] for name in key), f"{result['f1']:.3f}", flush=True)
    return rows


def compare(ahead: dict, behind: dict, metric: str) -> tuple[float, float, int]:
    """Return by how much a system is ahead of another, where both were run.

    Parameters
    ----------
    ahead, behind : dict
        By run, its results.
    metric : str

    Returns
    -------
    mean, half : float
        Of the paired differences, and half of their 95 % t-interval; NaN of a single
        run.
    n_runs : int
    """
    common = sorted(set(ahead) & set(behind))
    lead = [float(ahead[run][metric]) - float(behind[run][metric]) for run in common]
    half = np.nan
    if len(lead) > 1:
        half = stats.t.ppf(0.975, len(lead) - 1) * stats.sem(lead)
    return float(np.mean(lead)) if lead else np.nan, half, len(lead)


def show(results: list[dict], reference: str = "TripletTagger") -> None:
    """Print means over runs, and how far the reference is ahead of each system."""
    metric = "f1" if np.isnan(float(results[0]["map"])) else "map"
    scores: dict[str, dict] = {}
    for result in results:
        # numbers, and the same read from a file
        key = result["split"], int(result["seed"])
        scores.setdefault(result["system"], {})[key] = result
    title = "macro F1" if metric == "f1" else "mAP"
    # thresholds change no ranking, so F1 stands beside mAP
    second = "accuracy" if metric == "f1" else "f1"
    print(f"{'':36}{title:>9}{'sd':>6}{second:>10}  {reference} ahead by{'':6}seconds")
    for name, found in scores.items():
        values = [float(r[metric]) for r in found.values()]
        seconds = np.median([float(r["seconds"]) for r in found.values()])
        mean, half, n_runs = compare(scores.get(reference, {}), found, metric)
        text = ""
        if name != reference and n_runs > 1:
            text = f"{mean:+.3f} ± {half:.3f} ({n_runs} runs)"
        mean, deviation = np.mean(values), np.std(values)
        beside = np.mean([float(r[second]) for r in found.values()])
        line = f"{name:36}{mean:9.3f}{deviation:6.3f}{beside:10.3f}"
        print(f"{line}  {text:28}{seconds:7.1f}")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--corpus", choices=LOADERS, default="esc10")
    parser.add_argument("--data", required=True, help="folder of the recordings")
    parser.add_argument("--labels", type=int, nargs="+", default=[24])
    parser.add_argument("--unlabeled", nargs="+", default=["all"], help="or a number")
    parser.add_argument("--features", help="frames of another network, an .npy file")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--report", action="store_true", help="not to choose by")
    parser.add_argument("--only", nargs="+", help="names of systems")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--csv", default="few_labels.csv")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    corpus = LOADERS[options.corpus](options.data, options.features)
    rows = extend_csv(options.csv, KEY, FIELDS, lambda done: run(options, corpus, done))
    splits = corpus.report if options.report else corpus.choose
    names = {"+".join(map(str, test)) for _, test in splits}
    rows = [r for r in rows if r["corpus"] == options.corpus and r["split"] in names]
    for wanted in itertools.product(options.labels, options.unlabeled):
        chosen = [r for r in rows if (int(r["labels"]), str(r["unlabeled"])) == wanted]
        if chosen:
            print(f"\n{wanted[0]} labeled clips, {wanted[1]} unlabeled")
            show(chosen)


if __name__ == "__main__":
    main()
