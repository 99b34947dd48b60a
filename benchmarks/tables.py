r"""The paper's Tables 2 and 3, their competitors, and what lies past them.

    python benchmarks/tables.py --corpus soundscapes --data ESC-10
    python benchmarks/tables.py --corpus esc10 --data ESC-10
    python benchmarks/tables.py --corpus fsdd --data FSDD
    python benchmarks/tables.py --corpus aisfx --data ESC-10 --features aisfx.npy \
        --tables competitors past
    python benchmarks/tables.py --corpus dcase2018 --data DCASE2018

``soundscapes`` are mixed from the recordings of ESC-10, folds 1 to 3 to train, 4 to
validate, 5 to evaluate: a tenth of the paper's clips to train, 158 labeled and 1 441
unlabeled, and as many as the paper's to validate and to evaluate. ``esc10`` holds out
each fold in turn and validates on the next one; 10, 25 and 100 % of the labels.
``fsdd``, spoken digits, does so with its six speakers; 3 and 10 labels a class.
``aisfx`` are the turns of ESC-10 with the frames of a pretrained network, made by
``pretrained_features.py``, in the place of log-mels; "log-mel statistics" are theirs
then. ``dcase2018`` is the paper's corpus, for who has its audio.

Every system of a turn and a seed sees the same labels, so that differences are paired.
A fit is scored on the validation and on the evaluation clips; the first are shown, to
choose by, and with ``--report`` the second. A run is a line of ``--csv``, and runs that
are there already are not repeated. ``report_tables.py`` makes a page of such files.

``--quick`` is sized for 15 minutes on two cores, about 1 300 seconds of fits: it shows
that every row runs, and its numbers are no results. With ``--head tagger`` embedded
clips are classified by the paper's two recurrent layers instead of by logistic
regression, which takes a twentieth of the time.
"""

import argparse
import dataclasses
import importlib.util
import itertools
import json
import time
import warnings
from collections.abc import Callable, Iterator

import joblib
import numpy as np
from few_labels import (
    INGREDIENTS,
    Corpus,
    Pooled,
    compare,
    extend_csv,
    load_aisfx,
    load_digits,
    load_esc10,
    load_soundscapes,
    make_linear,
    pool,
    read_commit,
)
from mean_teacher import MeanTeacherCRNN
from sklearn.base import BaseEstimator
from sklearn.metrics import average_precision_score, f1_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from sklearn_triplet import (
    STRATEGIES,
    CRNNTagger,
    LabeledOnly,
    LogMel,
    Nearest,
    PositiveSelector,
    SequenceTagger,
    Strategy,
    Transformed,
    TripletEmbedder,
    TripletTagger,
    is_labeled,
    mask_labels,
)
from sklearn_triplet.datasets import load_dcase2018_task4

KEY = "corpus", "budget", "labels", "turn", "system", "head", "seed"
SCORES = "f1", "tuned_f1", "map", "valid_f1", "valid_map", "class_f1"
COUNTS = "unlabeled", "evaluated"
FIELDS = *KEY, *SCORES, *COUNTS, "seconds", "parameters", "commit"
LABELED = 15_780  # labeled segments in the paper: 10 of each of 1 578 clips
THRESHOLDS = np.arange(1, 20) / 20


# --- what stands behind the rows


class Embedded:
    """A classifier of labeled clips, as something else embeds them."""

    def __init__(self, embedder, classifier):
        self.embedder, self.classifier = embedder, classifier

    def fit(self, X, y):
        """Fit the embedder on all clips, the classifier on labeled ones."""
        rows = is_labeled(y)
        embedded = self.embedder.fit(X, y).transform(X[rows])
        self.classifier.fit(embedded, y[rows])
        return self

    def predict_proba(self, X):
        """Predict embedded clips."""
        return self.classifier.predict_proba(self.embedder.transform(X))


class SupervisedUMAP:
    """UMAP of pooled log-mels, told the labels that there are."""

    def __init__(self, **settings):
        self.settings = settings

    def fit(self, X, y):
        """Fit on all clips; -1 is unlabeled to UMAP as well."""
        from umap import UMAP

        self.model = make_pipeline(StandardScaler(), UMAP(**self.settings))
        self.model.fit(pool(X), y)
        return self

    def transform(self, X):
        """Place clips among those that it was fitted on."""
        return self.model.transform(pool(X))


class FartherThanCopy(Nearest):
    """The nearest segment that is farther from its anchor than a transformed copy.

    The paper's own proposal against neighbours that are too near to teach anything
    (section 4.6). Where none of the neighbours is, the farthest of them is taken and
    counted as a substitute.
    """

    def __init__(self, n_neighbors: int = 20, exclude_same_clip: bool = False) -> None:
        super().__init__(n_neighbors, exclude_same_clip)

    def select(self, anchors, segments, rng):
        """Return one neighbour per anchor; a unit is one segment."""
        copies = Transformed().select(anchors, segments, rng)
        limit = np.square(copies.X - anchors.X).sum(axis=(1, 2, 3))
        own = anchors.segments[:, :1]
        # where there are fewer neighbours, the anchor itself is at no distance
        known = self.neighbors_[own[:, 0]]
        known = np.where(known < 0, own, known)
        distances = np.empty(known.shape)
        for column, ids in enumerate(known.T):
            found = segments.take(ids[:, None]).X - anchors.X
            distances[:, column] = np.square(found).sum(axis=(1, 2, 3))
        beyond = distances > limit[:, None]
        answered = beyond.any(axis=1)
        # neighbours stand nearest first
        chosen = np.where(answered, beyond.argmax(axis=1), distances.argmax(axis=1))
        return segments.take(
            known[np.arange(len(known)), chosen][:, None], substituted=~answered
        )


def build_triplets(run: "Run", **settings) -> object:
    """Return an embedding and, behind it, a classifier of labeled clips."""
    per_segment = settings.pop("n_triplets") / LABELED
    n_triplets = max(2, round(per_segment * run.n_segments))
    embedder = TripletEmbedder(
        n_triplets=n_triplets,
        **{"max_epochs": run.budget.epochs} | run.training | settings,
        output="frames" if run.head == "tagger" else "clip",
    )
    if run.head == "tagger":
        return Embedded(embedder, build_recurrent(run, SequenceTagger))
    return Embedded(embedder, make_linear(run.multilabel))


def build_tagger(run: "Run", **settings) -> TripletTagger:
    budget = {"max_epochs": run.budget.rounds, "n_steps": run.budget.steps}
    return TripletTagger(**budget | run.training | run.tagger | settings)


def build_pooled(run: "Run", classifier: str) -> Pooled:
    """Return a classifier of pooled log-mels, one a column for several labels."""
    if classifier == "linear":
        return Pooled(LabeledOnly(make_linear(run.multilabel)))
    model = LabelSpreading(kernel="knn")
    if classifier == "self-training":
        # standardised once for all clips, below
        model = SelfTrainingClassifier(make_linear()[-1])
    if run.multilabel:
        model = MultiOutputClassifier(model)
    return Pooled(make_pipeline(StandardScaler(), model))


def build_recurrent(run: "Run", kind: type) -> SequenceTagger:
    settings = {key: run.training[key] for key in ("device", "random_state")}
    return kind(max_epochs=run.budget.passes, **settings)


def build_mean_teacher(run: "Run") -> MeanTeacherCRNN:
    settings = {key: run.training[key] for key in ("device", "random_state")}
    return MeanTeacherCRNN(n_steps=run.budget.teacher_steps, **settings)


def build_umap(run: "Run") -> object:
    reducer = SupervisedUMAP(n_components=16, random_state=run.training["random_state"])
    return Embedded(reducer, make_linear(run.multilabel))


# --- the rows, as data


@dataclasses.dataclass(frozen=True)
class Row:
    """A system: how it is built, and from what."""

    build: Callable[..., object]
    settings: dict
    mixed: bool = False  # whether it says nothing new where all clips are labeled


def triplets(
    strategy: str | Strategy,
    n_triplets: int = 2 * LABELED,
    labeled_ratio: float | None = None,
    **settings,
) -> Row:
    """Declare an embedding, and a classifier of labeled clips behind it.

    Parameters
    ----------
    strategy : str or Strategy
    n_triplets : int
        Of the paper; in an epoch there are as many for each labeled segment.
    labeled_ratio : float or None
        ``None``: every labeled segment once, and the rest unlabeled.
    **settings : dict
        Of ``TripletEmbedder``.
    """
    settings |= {"strategy": strategy, "n_triplets": n_triplets}
    mixed = strategy in ("s2", "s3", "pseudo") or not isinstance(strategy, str)
    if strategy not in ("s4", "s5"):  # which have no unlabeled anchors
        settings["labeled_ratio"] = labeled_ratio or LABELED / n_triplets
    # S2 is what all others are compared with, so it always stays
    is_reference = (strategy, len(settings)) == ("s2", 3)
    cell = n_triplets == 2 * LABELED and labeled_ratio in (None, 0.5)
    return Row(build_triplets, settings, not cell or (mixed and not is_reference))


def tagger(mixed: bool = True, **settings) -> Row:
    """Declare a ``TripletTagger``."""
    return Row(build_tagger, settings, mixed)


def s3_with(selector: PositiveSelector) -> Strategy:
    """Return S3 with another selector of unlabeled positives."""
    return STRATEGIES["s3"].set_params(unlabeled_positive=selector)


TABLE_2 = {
    # strategy, triplets: S4 and S5 take labeled segments twice, 5 and 10 times instead
    "S1, 31 560": triplets("s1", 31_560),
    "S2, 31 560": triplets("s2", 31_560),
    "S3, 31 560": triplets("s3", 31_560),
    "S4, 31 560": triplets("s4", 31_560),
    "S5, 31 560": triplets("s5", 31_560),
    "S1, 85 780": triplets("s1", 85_780),
    "S2, 85 780": triplets("s2", 85_780),
    "S3, 85 780": triplets("s3", 85_780),
    "S4, 85 780": triplets("s4", 85_780),
    "S5, 85 780": triplets("s5", 85_780),
    "S1, 159 900": triplets("s1", 159_900),
    "S2, 159 900": triplets("s2", 159_900),
    "S3, 159 900": triplets("s3", 159_900),
    "S4, 159 900": triplets("s4", 159_900),
    "S5, 159 900": triplets("s5", 159_900),
}

TABLE_3 = {
    # strategy, triplets, L / (U + L) of them labeled; at .5 it is a cell of Table 2
    "S2, L .75": triplets("s2", 31_560, 0.75),
    "S2, 31 560": triplets("s2", 31_560, 0.5),
    "S2, L .375": triplets("s2", 31_560, 0.375),
    "S2, L .25": triplets("s2", 31_560, 0.25),
    "S3, L .75": triplets("s3", 31_560, 0.75),
    "S3, 31 560": triplets("s3", 31_560, 0.5),
    "S3, L .375": triplets("s3", 31_560, 0.375),
    "S3, L .25": triplets("s3", 31_560, 0.25),
}


COMPETITORS = {
    "untrained encoder": triplets("s1", max_epochs=0),
    "log-mel statistics + LR": Row(build_pooled, {"classifier": "linear"}),
    "the same, SelfTraining": Row(build_pooled, {"classifier": "self-training"}, True),
    "the same, LabelSpreading": Row(build_pooled, {"classifier": "spreading"}, True),
    "augmented supervised CNN": tagger(False, pseudo_weight=0, labeled_ratio=1.0),
    "CRNN on log-mels": Row(build_recurrent, {"kind": CRNNTagger}),
    "tagger on log-mels": Row(build_recurrent, {"kind": SequenceTagger}),
    "mean-teacher CRNN": Row(build_mean_teacher, {}, True),
    "UMAP with labels + LR": Row(build_umap, {}),
}

PAST = {
    "TripletTagger": tagger(False),
    "without pseudo-labels: triplets + classification": tagger(pseudo_weight=0),
    "without tags": tagger(tag_weight=0),
    **{name: tagger(**changes) for name, changes in INGREDIENTS.items()},
    "the paper's encoder, triplets + classification": tagger(
        encoder="conv", n_components=64, pseudo_weight=0
    ),
    "S2, the paper's loss": triplets("s2", margin=1.0, normalize=False),
    "S2, then pseudo-labels": triplets("pseudo"),
    "S3, one of 5 nearest": triplets(s3_with(Nearest(5))),
    "S3, one of 5 nearest of other clips": triplets(s3_with(Nearest(5, True))),
    "S3, one of 5 nearest, L .25": triplets(s3_with(Nearest(5)), labeled_ratio=0.25),
    "S3, farther than a copy": triplets(s3_with(FartherThanCopy())),
    "S3, farther than a copy, L .25": triplets(
        s3_with(FartherThanCopy()), labeled_ratio=0.25
    ),
}

TABLES = {"2": TABLE_2, "3": TABLE_3, "competitors": COMPETITORS, "past": PAST}


# --- corpora, in turns


@dataclasses.dataclass(frozen=True)
class Budget:
    """How long everything is trained: of an embedding, of the others, and for whom."""

    name: str
    epochs: dict[str, int] | int  # of triplets
    rounds: int  # of TripletTagger
    steps: int  # in each round
    passes: int  # over labeled clips, of recurrent taggers
    teacher_steps: int
    turns: int
    seeds: dict[str, int]
    clips: dict[str, int]  # of soundscapes; of DCASE 2018 no more than these
    labels: dict[str, tuple]

    def of(self, corpus: str) -> "Budget":
        """Return it with the epochs of one corpus."""
        return dataclasses.replace(self, epochs=self.epochs[corpus])


NIGHT = Budget(
    name="night",
    # the fewer labels, the fewer steps has an epoch
    epochs={"soundscapes": 2, "esc10": 3, "aisfx": 3, "fsdd": 10, "dcase2018": 2},
    rounds=10,
    steps=20,
    passes=50,
    teacher_steps=300,
    turns=6,
    # five label subsets or more, with the turns
    seeds={"soundscapes": 5, "esc10": 1, "aisfx": 1, "fsdd": 1, "dcase2018": 5},
    clips={"train": 1599, "valid": 288, "test": 880},
    labels={
        "soundscapes": (158,),
        "esc10": (0.1, 0.25, 1.0),
        "aisfx": (0.1,),
        "fsdd": (30, 100),
        "dcase2018": (1.0,),
    },
)
QUICK = Budget(
    name="quick",
    epochs={"soundscapes": 1, "esc10": 1, "aisfx": 1, "fsdd": 5, "dcase2018": 1},
    rounds=2,
    steps=6,
    passes=5,
    teacher_steps=10,
    turns=2,
    seeds={"soundscapes": 2, "esc10": 1, "aisfx": 1, "fsdd": 1, "dcase2018": 2},
    clips={"train": 160, "valid": 40, "test": 80},
    labels={
        "soundscapes": (16,),
        "esc10": (0.1,),
        "aisfx": (0.1,),
        "fsdd": (30,),
        "dcase2018": (1.0,),
    },
)
Turn = tuple[list, list, list]  # groups to train, to validate, to evaluate on


def load_dcase(folder: str, budget: Budget) -> Corpus:
    """Load the paper's corpus: weak and unlabeled, test to validate, evaluation."""
    corpus = load_dcase2018_task4(folder)
    rows = np.arange(len(corpus.paths))
    if budget.name == "quick":
        rows = draw_clips(corpus.target, corpus.split, budget.clips)
    X = LogMel(n_jobs=2, errors="warn").transform(list(corpus.paths[rows]))
    # warned of, where a file cannot be read
    kept = ~np.isnan(X[:, 0, 0])
    X, rows = X[kept, :, :1000], rows[kept]
    settings = {"segment_length": 1000, "batch_size": 40}
    names = tuple(map(str, corpus.target_names))
    return Corpus(X, corpus.target[rows], corpus.split[rows], [], [], settings, names)


def draw_clips(y: np.ndarray, split: np.ndarray, counts: dict) -> np.ndarray:
    """Return rows of some clips of each split; to train, one in ten is labeled."""
    drawn = np.random.default_rng(0).permutation(len(y))
    parts = [drawn[split[drawn] == name] for name in DCASE_SPLITS]
    n_train, *others = counts.values()
    train = parts[0]
    # of every class, which chance may leave out
    known = is_labeled(mask_labels(y[train], n_train // 10, random_state=0))
    unlabeled = train[~is_labeled(y[train])][: n_train - known.sum()]
    held_out = [part[:n] for part, n in zip(parts[1:], others, strict=True)]
    return np.sort(np.concatenate([train[known], unlabeled, *held_out]))


DCASE_SPLITS = "train", "validation", "evaluation"


def rotate(groups: np.ndarray) -> list[Turn]:
    """Evaluate on each group in turn, validate on the next, train on all others."""
    names = sorted(set(groups.tolist()))
    pairs = zip(names, [*names[1:], names[0]], strict=True)
    return [
        ([name for name in names if name not in held_out], [held_out[1]], [held_out[0]])
        for held_out in pairs
    ]


def load(
    name: str, folder: str, budget: Budget, features: str | None = None
) -> tuple[Corpus, list[Turn]]:
    """Return a corpus, its classes as numbers from 0, and its turns."""
    if name == "soundscapes":
        corpus = load_soundscapes(folder, n_clips=budget.clips)
        turns = [(["train"], ["valid"], ["test"])]
    elif name == "dcase2018":
        corpus = load_dcase(folder, budget)
        turns = [tuple([split] for split in DCASE_SPLITS)]
    else:
        loaders = {"esc10": load_esc10, "aisfx": load_aisfx, "fsdd": load_digits}
        corpus = loaders[name](folder, features)
        turns = rotate(corpus.group)
    if corpus.y.ndim == 1:
        names, codes = np.unique(corpus.y.astype(str), return_inverse=True)
        corpus = dataclasses.replace(corpus, y=codes, names=tuple(names.tolist()))
    return corpus, turns[: budget.turns]


# --- runs


@dataclasses.dataclass(frozen=True)
class Run:
    """What the systems of a run have in common."""

    n_segments: int  # of labeled clips
    multilabel: bool
    head: str
    budget: Budget
    training: dict  # of every network
    tagger: dict  # of TripletTagger


def list_rows(
    tables: list[str], multilabel: bool, all_labeled: bool = False
) -> dict[str, Row]:
    """Return what can be run; a cell of two tables once."""
    rows = {"S2, 31 560": TABLE_2["S2, 31 560"]}  # what all are compared with
    for table in tables:
        rows |= TABLES[table]
    if multilabel or importlib.util.find_spec("umap") is None:
        rows.pop("UMAP with labels + LR", None)
    return {n: row for n, row in rows.items() if not (all_labeled and row.mixed)}


def tell_gaps(tables: list[str], multilabel: bool) -> list[str]:
    """Say what is left out, and why."""
    gaps = []
    if "competitors" in tables and multilabel:
        gaps.append("UMAP with labels: it takes no more than one label a clip")
    elif "competitors" in tables and importlib.util.find_spec("umap") is None:
        gaps.append("UMAP with labels: umap-learn is not installed")
    return gaps


def count_segments(X: np.ndarray, length: int = 96) -> int:
    """Count the segments of 0.96 s that clips are cut into."""
    frames = (~np.isnan(X[:, 0])).sum(axis=1)
    return int(np.maximum(frames // length, 1).sum())


def list_jobs(options: argparse.Namespace, corpus: Corpus, turns: list[Turn]) -> list:
    """Return every run, seed by seed, so that an early table lacks no system."""
    budget = options.budget.of(options.corpus)
    seeds = range(options.seeds or budget.seeds[options.corpus])
    labels = options.labels or budget.labels[options.corpus]
    jobs = []
    for seed, kept, turn in itertools.product(seeds, labels, turns):
        train = np.flatnonzero(np.isin(corpus.group, turn[0]))
        # a number of clips, or a fraction of those that have labels
        kept = int(kept) if kept > 1 else float(kept)
        y = mask_labels(corpus.y[train], kept, random_state=seed).astype(int)
        labeled = is_labeled(y)
        common = Run(
            n_segments=count_segments(corpus.X[train[labeled]]),
            multilabel=y.ndim > 1,
            head=options.head,
            budget=budget,
            training={name: getattr(options, name) for name in ("precision", "device")}
            | {"random_state": seed},
            tagger=corpus.settings,
        )
        rows = list_rows(options.tables, y.ndim > 1, bool(labeled.all()))
        for name, row in rows.items():
            if options.only and name not in options.only:
                continue
            # what is behind no embedding is the same with any head
            head = options.head if row.build is build_triplets else "own"
            where = options.corpus, budget.name, int(labeled.sum())
            values = *where, "+".join(map(str, turn[2])), name, head, seed
            jobs.append((dict(zip(KEY, values, strict=True)), row, common, turn, y))
    return jobs


def describe(value: object) -> object:
    """Return an estimator and all its parameters as what JSON can hold."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [describe(one) for one in value]
    if isinstance(value, type) or not hasattr(value, "__dict__"):
        return getattr(value, "__name__", repr(value))
    is_estimator = isinstance(value, BaseEstimator)
    found = value.get_params(deep=False) if is_estimator else vars(value)
    return {type(value).__name__: {key: describe(v) for key, v in found.items()}}


def find_probabilities(system: object, X: np.ndarray) -> np.ndarray:
    """Return probabilities (n_clips, n_classes); 0 where there is no neighbour."""
    found = system.predict_proba(X)
    if isinstance(found, list):  # one array a column, of 0 and of 1
        found = np.column_stack([column[:, 1] for column in found])
    return np.nan_to_num(found)


def score(
    truth: np.ndarray, found: np.ndarray, thresholds: np.ndarray | float = 0.5
) -> tuple[np.ndarray, float]:
    """Return the F1 of each class, and for several labels the mean average precision.

    Section 4.5 of the paper: its score is the mean of the first.
    """
    classes = range(found.shape[1])
    if truth.ndim > 1:
        tags = (found >= thresholds).astype(int)
        precision = average_precision_score(truth, found)
    else:
        tags, precision = found.argmax(axis=1), np.nan
    f1 = f1_score(truth, tags, average=None, labels=classes, zero_division=0)
    return f1, precision


def choose_thresholds(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return for each class the threshold of the best F1, of validation clips."""
    f1 = [score(truth, found, threshold)[0] for threshold in THRESHOLDS]
    return THRESHOLDS[np.argmax(f1, axis=0)]


def evaluate(job: tuple, corpus: Corpus, commit: str) -> dict:
    """Fit one system; return a line of the file."""
    key, row, common, turn, y = job
    train, *held_out = (
        np.flatnonzero(np.isin(corpus.group, groups)) for groups in turn
    )
    system = row.build(common, **row.settings)
    parameters = json.dumps(describe(system))
    began = time.perf_counter()
    with warnings.catch_warnings():
        # at this few labels neither rare classes nor slow convergence are news
        warnings.simplefilter("ignore", UserWarning)
        system.fit(corpus.X[train], y)
        seconds = time.perf_counter() - began
        found = [find_probabilities(system, corpus.X[rows]) for rows in held_out]
    return {
        **key,
        **score_both([corpus.y[rows] for rows in held_out], found, corpus.names),
        "unlabeled": int((~is_labeled(y)).sum()),
        "evaluated": len(held_out[1]),
        "seconds": seconds,
        "parameters": parameters,
        "commit": commit,
    }


def score_both(truth: list, found: list, names: tuple[str, ...]) -> dict:
    """Return the scores of validation and of evaluation clips, in this order."""
    (valid_f1, valid_map), (f1, precision) = map(score, truth, found)
    tuned = np.nan
    if truth[0].ndim > 1:
        tuned = score(truth[1], found[1], choose_thresholds(truth[0], found[0]))[0]
    return {
        "f1": f1.mean(),
        "tuned_f1": np.mean(tuned),
        "map": precision,
        "valid_f1": valid_f1.mean(),
        "valid_map": valid_map,
        "class_f1": json.dumps(dict(zip(names, f1, strict=True))),
    }


def run(jobs: list, corpus: Corpus, n_jobs: int, done: set) -> Iterator[dict]:
    """Yield the results of the runs that are not there yet."""
    jobs = [job for job in jobs if tuple(map(str, job[0].values())) not in done]
    print(f"{len(jobs)} runs to do", flush=True)
    commit = read_commit()
    # two processes of one thread each beat one process of two threads
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs, return_as="generator_unordered")
        yield from parallel(joblib.delayed(evaluate)(j, corpus, commit) for j in jobs)


# --- what is shown


def group_runs(lines: list[dict]) -> dict[str, dict[tuple, dict]]:
    """Return by system, in the order of the tables, the results of its runs."""
    order = [name for table in TABLES.values() for name in table]
    lines = sorted(lines, key=lambda line: order.index(line["system"]))
    systems: dict[str, dict] = {}
    for line in lines:
        name = line["system"]
        if line["head"] == "tagger":
            name += " + tagger"
        # numbers, and the same read from a file
        systems.setdefault(name, {})[line["turn"], int(line["seed"])] = line
    return systems


def find_metric(lines: list[dict]) -> str:
    """Return what systems are chosen and compared by: mAP for several labels."""
    return "f1" if np.isnan(float(lines[0]["map"])) else "map"


def average(runs: dict, metric: str) -> float:
    return float(np.mean([float(line[metric]) for line in runs.values()]))


def choose_reference(systems: dict[str, dict], metric: str) -> str:
    """Return the S2 of Tables 2 and 3 that is best on validation, or "no S2"."""
    names = [name for name in {**TABLE_2, **TABLE_3} if name.startswith("S2")]
    names += [f"{name} + tagger" for name in names]
    return max(
        (name for name in names if name in systems),
        key=lambda name: average(systems[name], f"valid_{metric}"),
        default="no S2",  # of runs of a few rows only
    )


def show(lines: list[dict], report: bool) -> None:
    """Print a line for each system, and how far it is ahead of S2."""
    systems, metric = group_runs(lines), find_metric(lines)
    reference = choose_reference(systems, metric)
    part = "" if report else "valid_"
    titles = f"{'macro F1':>9}" + f"{'mAP':>7}" * (metric == "map")
    print(f"{'':50}{titles}  ahead of {reference} in {metric}")
    for name, runs in systems.items():
        scores = f"{average(runs, part + 'f1'):9.3f}"
        if metric == "map":
            scores += f"{average(runs, part + metric):7.3f}"
        behind = systems.get(reference, {})
        mean, half, n_runs = compare(runs, behind, part + metric)
        lead = f"{mean:+.3f} ± {half:.3f} ({n_runs} runs)"
        lead = lead if n_runs and name != reference else ""
        print(f"{name:50}{scores}  {lead}")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--corpus", choices=NIGHT.seeds, required=True)
    parser.add_argument("--data", required=True, help="folder of the recordings")
    parser.add_argument("--features", help="frames of another network, an .npy file")
    parser.add_argument("--quick", action="store_const", const=QUICK, default=NIGHT,
                        dest="budget", help="15 minutes on two cores")  # fmt: skip
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--only", nargs="+", help="names of rows")
    parser.add_argument("--head", choices=["lr", "tagger"], default="lr")
    parser.add_argument("--labels", type=float, nargs="+", help="clips, or a fraction")
    parser.add_argument("--seeds", type=int, help="label subsets of each turn")
    parser.add_argument("--report", action="store_true", help="not to choose by")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--csv", default="tables.csv")
    parser.add_argument("--n-jobs", type=int, default=2)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    corpus, turns = load(options.corpus, options.data, options.budget, options.features)
    for gap in tell_gaps(options.tables, corpus.y.ndim > 1):
        print(f"left out: {gap}")
    jobs = list_jobs(options, corpus, turns)
    lines = extend_csv(
        options.csv,
        KEY,
        FIELDS,
        lambda done: run(jobs, corpus, options.n_jobs, done),
    )
    asked = {tuple(map(str, job[0].values())) for job in jobs}
    lines = [x for x in lines if tuple(str(x[name]) for name in KEY) in asked]
    for labels in dict.fromkeys(int(line["labels"]) for line in lines):
        print(f"\n{options.corpus}, {labels} labeled clips")
        show([x for x in lines if int(x["labels"]) == labels], options.report)


if __name__ == "__main__":
    main()
