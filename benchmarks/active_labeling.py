"""What to label next: at random, by the margin of two classes, or what is typical.

    python benchmarks/active_labeling.py --corpus esc10 --data ESC-10
    python benchmarks/active_labeling.py --corpus fsdd --data FSDD --clips 500

Corpora and folds are those of ``few_labels.py --report``. Before the first label an
embedding is learned from no labels (s1). In each round the embedding is learned anew
from all clips and the labels so far, a logistic regression on clips from the labels,
and the strategy says which clips are labeled next. All strategies of a seed begin with
the same embedding, random and margin sampling with the same clips, so that differences
are paired. ``--embedding s1`` keeps the first embedding, ``statistics`` takes pooled
log-mels, ``tagger`` learns a TripletTagger and asks it for probabilities as well, in
fifty seconds a round. The strategies are those of scikit-activeml. Each round is a line
of ``--csv``, and rounds that are there already are not repeated.
"""

import argparse
import itertools
import time
from collections.abc import Iterator

import numpy as np
from few_labels import LOADERS, Corpus, extend_csv, make_linear, pool
from scipy import stats
from skactiveml.pool import RandomSampling, TypiClust, uncertainty_scores
from skactiveml.utils import simple_batch
from sklearn.metrics import accuracy_score, f1_score

from sklearn_triplet import LabeledOnly, TripletEmbedder, TripletTagger, is_labeled

KEY = "corpus", "clips", "embedding", "split", "seed", "strategy", "labels"
FIELDS = *KEY, "f1", "accuracy", "classes", "seconds"
# what is asked in the first round and in the later ones
STRATEGIES = {
    "random": ("random", "random"),
    "margin": ("random", "margin"),
    "TypiClust": ("typical", "typical"),
    "TypiClust, then margin": ("typical", "margin"),
}
# ten seconds a round on one core instead of a minute: so that there are seeds enough
SMALL = {"encoder": "deep", "n_triplets": 300, "max_epochs": 4, "output": "clip"}


class Statistics:
    """Pooled log-mels in the place of an embedding."""

    def fit(self, X, y=None):
        """Learn nothing."""
        return self

    def transform(self, X):
        """Pool the frames of each clip."""
        return pool(X)


class Frozen:
    """An embedder that is not fitted again, and so embeds the same clips once."""

    def __init__(self, embedder):
        self.embedder, self.embedded = embedder, []

    def transform(self, X):
        """Embed clips, or find what became of them before."""
        for known, Z in self.embedded:
            if known is X:
                return Z
        self.embedded.append((X, self.embedder.transform(X)))
        return self.embedded[-1][1]


class Round:
    """What is learned from the labels so far: vectors of all clips and a classifier."""

    def __init__(self, embedder, X, y):
        self.X, self.y = X, y
        self.embedder = embedder
        self.Z = embedder.transform(X)
        self.is_tagger = isinstance(embedder, TripletTagger)
        self.classifier = None
        if is_labeled(y).any() and not self.is_tagger:
            self.classifier = LabeledOnly(make_linear()).fit(self.Z, y)

    def predict(self, X):
        """Predict the classes of other clips."""
        if self.is_tagger:
            return self.embedder.predict(X)
        return self.classifier.predict(self.embedder.transform(X))

    def choose(self, how: str, n_clips: int, seed: int) -> np.ndarray:
        """Return the rows that are to be labeled next."""
        # a strategy asks only whether a clip is labeled, and takes no names of classes
        known = np.where(is_labeled(self.y), 0, -1)
        if how == "margin":
            asked = (self.embedder, self.X) if self.is_tagger else (None, self.Z)
            model = asked[0] or self.classifier
            margins = uncertainty_scores(
                model.predict_proba(asked[1]), method="margin_sampling"
            )
            return simple_batch(np.where(known == 0, np.nan, margins), seed, n_clips)
        kind = {"random": RandomSampling, "typical": TypiClust}[how]
        query = kind(missing_label=-1, random_state=seed)
        return query.query(self.Z, known, batch_size=n_clips)


def make_embedder(kind: str, seed: int, n_labels: int, precision: str):
    """Return what learns the vectors of clips in a round."""
    if kind == "statistics":
        return Statistics()
    settings = {"precision": precision, "random_state": seed}
    if n_labels == 0 or kind == "s1":
        return TripletEmbedder("s1", **SMALL, **settings)
    if kind == "s2":
        return TripletEmbedder("s2", **SMALL, **settings)
    return TripletTagger(output="clip", **settings)


def draw_rows(group, wanted, n_clips, rng) -> np.ndarray:
    """Return some rows of the wanted groups, all of them where there is no number."""
    rows = rng.permutation(np.flatnonzero(np.isin(group, wanted)))
    return np.sort(rows[:n_clips])


def label(options, X, truth, first: Round, held_out, strategy, seed) -> Iterator[dict]:
    """Label, learn and score in rounds; the first learned from no labels."""
    now, y = first, np.full(len(truth), -1, dtype=object)
    for n_labels in sorted(options.labels):
        how = STRATEGIES[strategy][bool(is_labeled(y).any())]
        rows = now.choose(how, n_labels - int(is_labeled(y).sum()), seed)
        y[rows] = truth[rows]
        began = time.process_time()
        embedder = first.embedder
        if options.embedding not in ("s1", "statistics"):
            embedder = make_embedder(
                options.embedding, seed, n_labels, options.precision
            ).fit(X, y)
        now = Round(embedder, X, y.copy())
        tags, true = now.predict(held_out[0]).astype(str), held_out[1].astype(str)
        yield {
            "labels": n_labels,
            "f1": f1_score(true, tags, average="macro", zero_division=0),
            "accuracy": accuracy_score(true, tags),
            "classes": len(set(y[is_labeled(y)])),
            "seconds": time.process_time() - began,
        }


def run(options: argparse.Namespace, corpus: Corpus, done: set) -> Iterator[dict]:
    """Yield rounds that are not there yet, seed by seed, so that all are paired."""
    for seed, (train, test) in itertools.product(range(options.seeds), corpus.report):
        split, clips = "+".join(map(str, test)), options.clips or "all"
        rng = np.random.default_rng(seed)
        rows = draw_rows(corpus.group, train, options.clips, rng)
        others = draw_rows(corpus.group, test, options.clips, rng)
        X, truth = corpus.X[rows], corpus.y[rows].astype(object)
        held_out = corpus.X[others], corpus.y[others]
        first = None
        for strategy in options.strategies:
            key = options.corpus, clips, options.embedding, split, seed, strategy
            wanted = {(*map(str, key), str(n)) for n in options.labels}
            if wanted <= done:
                continue
            if first is None:
                nothing = np.full(len(X), -1, dtype=object)
                embedder = make_embedder(options.embedding, seed, 0, options.precision)
                first = Round(Frozen(embedder.fit(X, nothing)), X, nothing)
            for result in label(options, X, truth, first, held_out, strategy, seed):
                if (*map(str, key), str(result["labels"])) not in done:
                    yield {**dict(zip(KEY, key, strict=False)), **result}


def show(results: list[dict]) -> None:
    """Print means over runs, and how far each strategy is ahead of random labels."""
    scores: dict[tuple, dict] = {}
    for row in results:
        group = scores.setdefault((row["strategy"], int(row["labels"])), {})
        group[row["split"], int(row["seed"])] = float(row["f1"]), int(row["classes"])
    print(f"{'':26}{'labels':>7}{'macro F1':>10}{'sd':>6}{'classes':>9}  over random")
    for (strategy, n_labels), found in sorted(scores.items(), key=lambda s: s[0][::-1]):
        f1, classes = np.array(list(found.values())).T
        text = ""
        other = scores.get(("random", n_labels), {})
        lead = [found[k][0] - other[k][0] for k in sorted(set(found) & set(other))]
        if strategy != "random" and len(lead) > 1:
            half = stats.t.ppf(0.975, len(lead) - 1) * stats.sem(lead)
            text = f"{np.mean(lead):+.3f} ± {half:.3f} ({len(lead)} runs)"
        numbers = f"{n_labels:7}{f1.mean():10.3f}{f1.std():6.3f}{classes.mean():9.1f}"
        print(f"{strategy:26}{numbers}  {text}")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--corpus", choices=["esc10", "fsdd"], default="esc10")
    parser.add_argument("--data", required=True, help="folder of the recordings")
    parser.add_argument("--labels", type=int, nargs="+", default=[12, 24, 40, 60])
    parser.add_argument(
        "--embedding", choices=["s2", "s1", "statistics", "tagger"], default="s2"
    )
    parser.add_argument(
        "--strategies",
        nargs="+",
        choices=STRATEGIES,
        default=["random", "margin", "TypiClust, then margin"],
    )
    parser.add_argument("--seeds", type=int, default=5, help="times two splits")
    parser.add_argument("--clips", type=int, help="to choose from, and to test on")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--csv", default="active_labeling.csv")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    corpus = LOADERS[options.corpus](options.data, None)
    rows = extend_csv(options.csv, KEY, FIELDS, lambda done: run(options, corpus, done))
    wanted = options.corpus, str(options.clips or "all"), options.embedding
    show([r for r in rows if tuple(str(r[name]) for name in KEY[:3]) == wanted])


if __name__ == "__main__":
    main()
