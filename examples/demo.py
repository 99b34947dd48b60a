"""Compare what a quarter of the labels is worth with and without unlabeled sound.

Features, embeddings and classifiers are compared on synthetic soundscapes or on a
folder of real recordings, and the embeddings are drawn (the paper's Fig. 2).

    python examples/demo.py
    python examples/demo.py --data ESC-50-master
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, silhouette_samples
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_triplet import (
    CRNNTagger,
    EmbeddingDisplay,
    LogMel,
    PseudoLabeled,
    SequenceTagger,
    TripletEmbedder,
    TripletTagger,
    is_labeled,
    mask_labels,
)
from sklearn_triplet.datasets import load_esc50, make_soundscapes

LABELED_FRACTION = 0.25
OTHER = "other"  # in the picture: clips of none of the classes that are shown


def load_soundscapes(n_train, n_test, seed):
    """Return log-mels, labels (-1 where hidden), truth and names of soundscapes."""
    scenes = make_soundscapes(n_train + n_test, random_state=seed, n_jobs=2)
    X = LogMel(scenes.sample_rate, n_jobs=2, verbose=1).fit_transform(scenes.data)
    truth = scenes.target
    y = mask_labels(truth[:n_train], LABELED_FRACTION, random_state=seed)
    return X[:n_train], y, X[n_train:], truth[n_train:], scenes.target_names


def load_recordings(folder, seed):
    """Return the same for ESC-10 or ESC-50: folds 1-3 train, fold 5 evaluates.

    Fold 4 is where the defaults of the library were chosen, so it takes no part.
    """
    corpus = load_esc50(folder)
    X = LogMel(n_jobs=2, verbose=1).fit_transform(corpus.paths)
    train, test = corpus.fold <= 3, corpus.fold == 5
    y = mask_labels(corpus.target[train], LABELED_FRACTION, random_state=seed)
    return X[train], y, X[test], corpus.target[test], corpus.target_names


def pool_log_mel(X):
    """Return mean and standard deviation over the valid frames of each clip."""
    return np.concatenate([np.nanmean(X, axis=2), np.nanstd(X, axis=2)], axis=1)


def linear_classifier(y):
    """Return scaling and a logistic regression for single- or multi-label y."""
    classifier = LogisticRegression(max_iter=1000)
    if y.ndim == 2:
        classifier = OneVsRestClassifier(classifier)
    return make_pipeline(StandardScaler(), classifier)


def tell(text):
    """Show what is going on until the next line is printed over it."""
    if sys.stdout.isatty():
        print(f"\r{text:<70}", end="", flush=True)


class Comparison:
    """Fits classifiers on the labeled clips and prints their scores."""

    def __init__(self, y, truth):
        self.labeled = is_labeled(y)
        self.y = y[self.labeled]
        self.truth = truth

    def add(self, name, classifier, train, test, seconds=0.0):
        """Fit on what is labeled, score on the test clips, print the row."""
        self.add_all(name, classifier, train[self.labeled], self.y, test, seconds)

    def add_all(self, name, classifier, train, y, test, seconds=0.0):
        """Do the same with one that learns from the unlabeled clips as well."""
        tell(f"training {name} ...")
        began = time.perf_counter()
        classifier.fit(train, y)
        f1, precision = self.score(classifier, test)
        seconds += time.perf_counter() - began
        print(f"\r{name:<42}{f1:>9.3f}{precision:>9.3f}{seconds:>9.1f}", flush=True)

    def score(self, classifier, test):
        """Return macro F1 and mean average precision."""
        truth, multilabel = self.truth, self.truth.ndim == 2
        indicator = truth if multilabel else truth[:, None] == classifier.classes_
        f1 = f1_score(truth, classifier.predict(test), average="macro", zero_division=0)
        # a class that no test clip has cannot be ranked
        known = indicator.any(axis=0)
        probabilities = classifier.predict_proba(test)[:, known]
        return f1, average_precision_score(indicator[:, known], probabilities)


def compare(X, y, X_test, truth, seed, epochs):
    """Print the table and return the clip embeddings of the test clips."""
    table = Comparison(y, truth)
    print(f"\n{'':<42}{'macro F1':>9}{'mAP':>9}{'seconds':>9}")
    pooled, pooled_test = pool_log_mel(X), pool_log_mel(X_test)
    table.add("log-mel statistics + logistic regression", linear_classifier(y),
              pooled, pooled_test)  # fmt: skip
    tagger = SequenceTagger(max_epochs=epochs["tagger"], random_state=seed)
    pseudo = make_pipeline(StandardScaler(), PseudoLabeled(linear_classifier(y)[-1]))
    table.add_all("log-mel statistics + PseudoLabeled", pseudo, pooled, y,
                  pooled_test)  # fmt: skip
    table.add("log-mel + tagger", tagger, X, X_test)
    crnn = CRNNTagger(max_epochs=epochs["crnn"], random_state=seed)
    table.add("CRNN, trained end to end", crnn, X, X_test)
    embeddings = {"log-mel statistics": pooled_test}
    for name, strategy, n_epochs in (
        ("untrained encoder", "s2", 0),
        ("s5 (labeled triplets)", "s5", epochs["embedder"]),
        ("s2 (and unlabeled ones)", "s2", epochs["embedder"]),
    ):
        tell(f"training {name} ...")
        began = time.perf_counter()
        embedder = TripletEmbedder(
            strategy, max_epochs=n_epochs, precision="auto", random_state=seed
        ).fit(X, y)
        frames, frames_test = embedder.transform(X), embedder.transform(X_test)
        seconds = time.perf_counter() - began
        clips, clips_test = pool_log_mel(frames), pool_log_mel(frames_test)
        if strategy == "s2" and n_epochs:  # the paper's pipeline; it takes the longest
            table.add(f"{name} + tagger", tagger, frames, frames_test, seconds)
        table.add(f"{name} + logistic regression", linear_classifier(y),
                  clips, clips_test, seconds)  # fmt: skip
        embeddings[name] = clips_test
    tagger = TripletTagger(
        output="clip",
        max_epochs=epochs["triplets"],
        precision="auto",
        random_state=seed,
    )
    table.add_all("TripletTagger (and unlabeled clips)", tagger, X, y, X_test)
    embeddings["TripletTagger"] = tagger.transform(X_test)
    return embeddings


def choose_classes(X, truth, names, n=3):
    """Return the classes that are easiest to tell apart by their log-mels.

    By the silhouette of the clips that hold one class, three or more of them; and
    by log-mels, so that no embedding has chosen what it is shown with.
    """
    label = name_clips(truth, names, names if truth.ndim == 2 else np.unique(truth))
    kinds, n_clips = np.unique(label[label != OTHER], return_counts=True)
    frequent = n_clips > 2
    kinds = kinds[frequent] if frequent.sum() >= n else kinds
    alone = np.isin(label, kinds)
    X = StandardScaler().fit_transform(X)
    distinct = silhouette_samples(X[alone], label[alone])
    means = [distinct[label[alone] == kind].mean() for kind in kinds]
    return kinds[np.argsort(means)[::-1][:n]]


def name_clips(truth, names, shown):
    """Return for each clip which one of some classes it holds, or that none or more."""
    if truth.ndim == 1:
        label = truth.astype(str)
        return np.where(np.isin(label, np.asarray(shown, dtype=str)), label, OTHER)
    held = truth[:, np.isin(names, shown)] == 1
    found = np.asarray(names)[np.isin(names, shown)][held.argmax(axis=1)]
    return np.where(held.sum(axis=1) == 1, found, OTHER)


def draw(embeddings, truth, names, path):
    """Save a t-SNE of each embedding, the same three classes in all (Fig. 2)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = choose_classes(embeddings["log-mel statistics"], truth, names)
    n_columns = -(-len(embeddings) // 2)
    figure, axes = pyplot.subplots(
        2, n_columns, figsize=(3.6 * n_columns + 1.4, 7), layout="constrained"
    )
    figure.suptitle(
        "t-SNE of the clips to evaluate; in grey, none of the three or several"
    )
    label = name_clips(truth, names, shown)
    for axis in axes.flat[len(embeddings) :]:
        axis.set_axis_off()
    for place, (name, X) in enumerate(embeddings.items()):
        EmbeddingDisplay.from_predictions(
            X, label, classes=shown, ax=axes.flat[place], title=name,
            legend=place == n_columns - 1, random_state=0,
        )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--data", help="folder of ESC-10 or ESC-50; else soundscapes")
    parser.add_argument("--output", default="demo_output", help="folder of the picture")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    began = time.perf_counter()
    print("Reading recordings ..." if arguments.data else "Making soundscapes ...",
          flush=True)  # fmt: skip
    if arguments.data:
        data = load_recordings(arguments.data, arguments.seed)
        epochs = {"tagger": 50, "crnn": 30, "embedder": 10, "triplets": 10}
    else:
        data = load_soundscapes(200, 100, arguments.seed)
        epochs = {"tagger": 20, "crnn": 15, "embedder": 4, "triplets": 10}
    X, y, X_test, truth, names = data
    seconds = time.perf_counter() - began
    print(
        f"{len(X)} clips to train, {is_labeled(y).sum()} of them labeled with "
        f"{len(names)} classes; {len(X_test)} to evaluate ({seconds:.1f} s)"
    )
    embeddings = compare(X, y, X_test, truth, arguments.seed, epochs)
    path = Path(arguments.output) / "embeddings.png"
    tell("drawing ...")
    draw(embeddings, truth, names, path)
    print(f"\r{'':<70}\nPicture: {path.resolve()}")
    print(f"Took {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
