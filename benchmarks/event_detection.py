"""When does it sound? Events of taggers that learned from labels of whole clips.

    python benchmarks/event_detection.py --corpus synthetic --labels 200
    python benchmarks/event_detection.py --corpus mixed --data ESC-10 --labels 200

Soundscapes of ten seconds with known times: ``synthetic`` by ``make_soundscapes``,
``mixed`` from the recordings of ESC-10 by ``mix_soundscapes``, 400 to train on (of
which ``--labels`` are labeled), 100 to choose a threshold by and 100 to score. Scores
are those of sed_eval, macro over classes: event-based F1 (onset within 200 ms, offset
within 200 ms or 20 % of the event) and segment-based F1 (1 s), at the threshold of 0.5
and at the one of nine that is best on the clips to choose by; and the mean average
precision of the clips' tags. Every system sees the same labels, so that differences are
paired; each run is a line of ``--csv``, and runs that are there already are not
repeated.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np
import sed_eval
from few_labels import compare, draw_labels, extend_csv, mix_esc10, read_commit
from sklearn.metrics import average_precision_score

from sklearn_triplet import (
    CRNNTagger,
    LogMel,
    SequenceTagger,
    TripletTagger,
    find_events,
    is_labeled,
)
from sklearn_triplet.datasets import make_soundscapes

KEY = "corpus", "labels", "system", "seed"
SCORES = "event", "segment", "event_tuned", "segment_tuned", "map"
FIELDS = *KEY, *SCORES, "f1", "threshold", "seconds", "commit"
FRAME = 0.02  # seconds: half of what is usual, to save time
SIZES = {"train": 400, "valid": 100, "test": 100}
THRESHOLDS = np.arange(1, 10) / 10
WINDOW = 2.4  # seconds
POOLINGS = "mean", "linear_softmax", "exponential_softmax", "attention"


def load(name: str, folder: str | None):
    """Return features, tags, splits, events and names of the classes."""
    if name == "synthetic":
        scenes = make_soundscapes(sum(SIZES.values()), n_jobs=2, random_state=0)
        split = np.repeat(list(SIZES), list(SIZES.values()))
    else:
        scenes = mix_esc10(folder, SIZES)
        split = scenes.split
    hop = round(FRAME * scenes.sample_rate)
    mel = LogMel(scenes.sample_rate, n_mels=32, hop_length=hop, n_jobs=2)
    X = mel.transform(scenes.data)[:, :, : round(10 / FRAME)]
    return X, scenes.target_true, split, scenes.events, scenes.target_names


def as_lists(events: np.ndarray, n_clips: int) -> list[list[dict]]:
    """Return the events of each clip, as sed_eval reads them."""
    lists: list[list[dict]] = [[] for _ in range(n_clips)]
    for row, onset, offset, label, _ in events:
        event = {"onset": onset, "offset": offset, "event_label": str(label)}
        lists[int(row)].append(event)
    return lists


def score_events(truth: list, found: list, names: list[str]) -> tuple[float, float]:
    """Return event-based and segment-based F1, macro over classes."""
    event = sed_eval.sound_event.EventBasedMetrics(
        event_label_list=names, t_collar=0.2, percentage_of_length=0.2
    )
    segment = sed_eval.sound_event.SegmentBasedMetrics(
        event_label_list=names, time_resolution=1.0
    )
    for there, heard in zip(truth, found, strict=True):
        event.evaluate(there, heard)
        segment.evaluate(there, heard, evaluated_length_seconds=10.0)
    results = (m.results_class_wise_average_metrics() for m in (event, segment))
    scores = [result["f_measure"]["f_measure"] for result in results]
    return scores[0], scores[1]


class Windowed:
    """A tagger that is asked about overlapping windows of each clip."""

    def __init__(self, tagger, seconds: float):
        self.tagger, self.length = tagger, round(seconds / FRAME)

    def fit(self, X, y):
        """Fit the tagger, if no system before it did."""
        if not self.tagger.__sklearn_is_fitted__():
            self.tagger.fit(X, y)
        return self

    def predict_frames(self, X):
        """Return the mean of windows with a hop of half of them."""
        total = np.zeros((len(X), len(self.tagger.classes_), X.shape[2]), np.float32)
        counts = np.zeros(X.shape[2], np.float32)
        last = X.shape[2] - self.length
        for begin in {*range(0, last, self.length // 2), last}:
            part = slice(begin, begin + self.length)
            total[:, :, part] += self.tagger.predict_frames(X[:, :, part])
            counts[part] += 1
        return total / counts

    def predict_proba(self, X):
        """Return the tags of whole clips."""
        return self.tagger.predict_proba(X)


class OnEmbedding:
    """A sequence tagger on the frames of a TripletTagger, and on its guesses."""

    def __init__(self, embedder, tagger, guesses=False):
        self.embedder, self.tagger, self.guesses = embedder, tagger, guesses

    def fit(self, X, y):
        """Learn from the labeled clips; the embedder too, if it has not."""
        if not self.embedder.__sklearn_is_fitted__():
            self.embedder.fit(X, y)
        y = self.embedder.pseudo_labels_ if self.guesses else y
        rows = is_labeled(y)
        self.tagger.fit(self.embedder.transform(X[rows]), y[rows])
        return self

    def predict_frames(self, X):
        """Embed and tag."""
        return self.tagger.predict_frames(self.embedder.transform(X))

    def predict_proba(self, X):
        """Embed and tag."""
        return self.tagger.predict_proba(self.embedder.transform(X))


def make_systems(seed: int, epochs: int) -> dict[str, object]:
    """Return what is compared; what stands on another system comes after it."""
    settings = {"frame_pooling": 4, "max_epochs": epochs, "random_state": seed}
    systems: dict[str, object] = {
        f"CRNN, {pooling}": CRNNTagger("deep", pooling=pooling, **settings)
        for pooling in POOLINGS
    }
    for pooling in ("statistics", "attention"):
        tagger = TripletTagger(
            pooling=pooling,
            frame_pooling=1,
            segment_length=round(10 / FRAME),
            batch_size=40,
            precision="auto",
            random_state=seed,
        )
        systems[f"TripletTagger, {pooling}"] = tagger
        systems[f"TripletTagger, {pooling}, windows"] = Windowed(tagger, WINDOW)
        if pooling == "statistics":
            for guesses in (False, True):
                on_it = SequenceTagger(pooling="linear_softmax", **settings)
                name = "SequenceTagger, pseudo-labels" if guesses else "SequenceTagger"
                systems[f"TripletTagger + {name}"] = OnEmbedding(tagger, on_it, guesses)
    return systems


def evaluate(system, X, y, events, split, names) -> dict[str, float]:
    """Score tags and events, at 0.5 and at the best threshold of the valid clips."""
    scores, frames = {}, {}
    for part in ("valid", "test"):
        rows = np.flatnonzero(split == part)
        frames[part] = system.predict_frames(X[rows])
        truth = [
            [{**e._asdict(), "event_label": names[e.label]} for e in events[row]]
            for row in rows
        ]
        for threshold in THRESHOLDS:
            found = find_events(
                frames[part], names, frame_duration=FRAME, threshold=threshold
            )
            found = as_lists(found, len(rows))
            scores[part, threshold] = score_events(truth, found, list(names))
    test = np.flatnonzero(split == "test")
    best = [
        max(THRESHOLDS, key=lambda t, i=i: np.nan_to_num(scores["valid", t][i]))
        for i in (0, 1)
    ]
    return {
        "event": scores["test", 0.5][0],
        "segment": scores["test", 0.5][1],
        "event_tuned": scores["test", best[0]][0],
        "segment_tuned": scores["test", best[1]][1],
        "map": average_precision_score(y[test], system.predict_proba(X[test])),
        "threshold": best[0],
    }


def run(options: argparse.Namespace, done: set) -> Iterator[dict]:
    """Yield one result after the other, paired by seed."""
    X, y, split, events, names = load(options.corpus, options.data)
    names = [str(name) for name in names]
    train = np.flatnonzero(split == "train")
    commit = read_commit()
    for seed in range(options.seeds):
        given = draw_labels(y[train], options.labels, seed)
        for name, system in make_systems(seed, options.epochs).items():
            values = options.corpus, options.labels, name, seed
            if options.only and name not in options.only:
                continue
            if tuple(map(str, values)) in done:
                continue
            began = time.perf_counter()
            system.fit(X[train], given)
            seconds = time.perf_counter() - began
            scores = evaluate(system, X, y, events, split, names)
            yield {
                **dict(zip(KEY, values, strict=True)),
                **scores,
                "f1": scores["event"],
                "seconds": seconds,
                "commit": commit,
            }


def show(results: list[dict], reference: str = "CRNN, mean") -> None:
    """Print means over runs, and how far each system is ahead of the reference."""
    table: dict[str, dict] = {}
    for result in results:
        table.setdefault(result["system"], {})[int(result["seed"])] = result
    print(f"{'':48}" + "".join(f"{name:>15}" for name in SCORES))
    for system, runs in table.items():
        means = [np.mean([float(r[name]) for r in runs.values()]) for name in SCORES]
        print(f"{system:48}" + "".join(f"{mean:15.3f}" for mean in means))
        common = sorted(set(runs) & set(table.get(reference, {})))
        if system == reference or len(common) < 2:
            continue
        text = ""
        for name in SCORES:
            mean, half, _ = compare(runs, table[reference], name)
            text += f"{f'{mean:+.3f} ± {half:.3f}':>15}"
        print(f"{f'  ahead of {reference!r} ({len(common)} runs)':48}{text}")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--corpus", choices=["synthetic", "mixed"], default="synthetic")
    parser.add_argument("--data", help="folder of ESC-10, for mixed")
    parser.add_argument("--labels", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=30, help="of recurrent taggers")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="+", help="names of systems")
    parser.add_argument("--csv", default="event_detection.csv")
    options = parser.parse_args(arguments)
    rows = extend_csv(options.csv, KEY, FIELDS, lambda done: run(options, done))
    wanted = options.corpus, str(options.labels)
    show([row for row in rows if (row["corpus"], str(row["labels"])) == wanted])


if __name__ == "__main__":
    main()
