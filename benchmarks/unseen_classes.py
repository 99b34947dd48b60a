"""What becomes of unlabeled clips of classes that no label has, by confidence floor.

    python benchmarks/unseen_classes.py --data ESC-10

Two of the ten classes of ESC-10 are drawn to be unlabeled; of the other eight, three
clips each keep their label. At a floor of 0 every clip of the two is forced into one of
the eight. Shown are, over the unlabeled training clips: how many are taken for one of
the eight with at least the floor's confidence, of the eight and of the two, how many of
these pseudo-labels are right, and how well the confidence alone tells the two from the
eight (area under the ROC curve); and the macro F1 of the eight on fold 4.
"""

import argparse

import numpy as np
from few_labels import draw_labels, load_esc10
from sklearn.metrics import f1_score, roc_auc_score

from sklearn_triplet import TripletTagger

COLUMNS = "taken, of eight", "taken, of two", "right", "ROC area", "macro F1"


def measure(X, y, train, test, floor: float, seed: int, precision: str) -> list[float]:
    """Fit once, and return a number per column."""
    classes = np.unique(y)
    unseen = np.isin(y, np.random.default_rng(seed).permutation(classes)[:2])
    given = np.full(len(y), -1, dtype=object)
    seen = np.flatnonzero(train & ~unseen)
    given[seen] = draw_labels(y[seen], 24, seed)
    tagger = TripletTagger(
        confidence_floor=floor, precision=precision, random_state=seed
    ).fit(X[train], given[train])
    hidden, unseen_hidden = (given == -1)[train], unseen[train]
    taken = tagger.pseudo_label_confidence_ >= floor
    right = tagger.pseudo_labels_.astype(str) == y[train].astype(str)
    held_out = test & ~unseen
    return [
        taken[hidden & ~unseen_hidden].mean(),
        taken[hidden & unseen_hidden].mean(),
        right[hidden & taken].mean(),
        roc_auc_score(~unseen_hidden[hidden], tagger.pseudo_label_confidence_[hidden]),
        f1_score(
            y[held_out].astype(str),
            tagger.predict(X[held_out]).astype(str),
            labels=np.unique(y[seen].astype(str)),
            average="macro",
        ),
    ]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", required=True, help="folder of ESC-50 or ESC-10")
    parser.add_argument("--floors", type=float, nargs="+", default=[0.0, 0.5, 0.9])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--precision", default="auto")
    options = parser.parse_args(arguments)
    corpus = load_esc10(options.data)
    train, test = corpus.group <= 3, corpus.group == 4
    print(f"{'floor':>6}" + "".join(f"{name:>18}" for name in COLUMNS))
    for floor in options.floors:
        runs = [
            measure(corpus.X, corpus.y, train, test, floor, seed, options.precision)
            for seed in range(options.seeds)
        ]
        cells = zip(np.mean(runs, axis=0), np.std(runs, axis=0), strict=True)
        line = "".join(f"{mean:11.3f} ± {sd:.3f}" for mean, sd in cells)
        print(f"{floor:6.2f}{line}", flush=True)


if __name__ == "__main__":
    main()
