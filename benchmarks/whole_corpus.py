"""The whole of a large corpus on two cores: seconds and memory of each stage.

As many clips of 10 s as the corpus of the paper has (15 990, of which 1 578 are
labeled) are made once, 6 GB of FLAC files, and then taken from files to cached features
to a fitted embedder of one short epoch, at 1/16, 1/4 and the whole of the corpus:

    python benchmarks/whole_corpus.py --corpus large --cache cache
"""

import argparse
import csv
import re
import resource
import shutil
import threading
import time
from pathlib import Path

import numpy as np

from sklearn_triplet import LogMel, TripletEmbedder
from sklearn_triplet.datasets import make_soundscapes

N_CLIPS, N_LABELED = 15_990, 1_578


class Meter:
    """Measures seconds, and the most memory beyond files that are mapped, in MB."""

    def __enter__(self):
        self.peak = self.before = read_memory()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        self.start = time.perf_counter()
        return self

    def _watch(self):
        while not self.done.wait(0.02):
            self.peak = max(self.peak, read_memory())

    def __exit__(self, *_):
        self.seconds = time.perf_counter() - self.start
        self.done.set()
        self.thread.join()

    def __str__(self):
        return f"{self.seconds:.1f} s, {self.peak:.0f} MB"


def read_memory():
    """Return the memory of this process in MB, without mapped files on Linux."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"RssAnon:\s+(\d+)", status.read_text())[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def prepare_corpus(folder, n_jobs):
    """Make the corpus where it is not there yet; return paths and indicator."""
    if not (folder / "labels.tsv").exists():
        make_soundscapes(
            N_CLIPS,
            labeled_fraction=N_LABELED / N_CLIPS,
            output_dir=folder,
            n_jobs=n_jobs,
            random_state=0,
        )
    with (folder / "labels.tsv").open(newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    tags = [set(filter(None, row["event_labels"].split(","))) for row in rows]
    names = sorted(set().union(*tags))
    y = np.array([[name in tag for name in names] for tag in tags], dtype=int)
    y[[row["labeled"] == "0" for row in rows]] = -1
    return np.array([str(folder / row["filename"]) for row in rows]), y


def measure(paths, y, cache, options):
    """Return (stage, Meter) of every stage, from files to embeddings."""
    stages = []

    def stage(name, work):
        with Meter() as meter:
            result = work()
        stages.append((name, meter))
        print(f"{len(paths)} clips, {name}: {meter}", flush=True)
        return result

    mel = LogMel(memory=cache, dtype=options.dtype, n_jobs=options.n_jobs)
    mel.set_params(verbose=options.verbose)
    stage("files to cache", lambda: mel.transform(paths))
    X = stage("from the cache", lambda: mel.transform(paths))

    def fit(strategy, max_epochs):
        embedder = TripletEmbedder(
            strategy,
            n_triplets=options.n_triplets,
            max_epochs=max_epochs,
            precision=options.precision,
            output="clip",
            verbose=options.verbose,
            random_state=0,
        )
        return embedder.fit(X, y)

    stage("check and scale", lambda: fit("s3", 0))
    stage("fit s2", lambda: fit("s2", 1))
    embedder = stage("fit s3", lambda: fit("s3", 1))
    stage("embed 500 clips", lambda: embedder.transform(X[:500]))
    return stages


def print_table(columns):
    """Print a row per stage and a column per size, as Markdown."""
    sizes = list(columns)
    print("\n| stage | " + " | ".join(f"{n} clips" for n in sizes) + " |")
    print("|---" * (len(sizes) + 1) + "|")
    for row in zip(*columns.values(), strict=True):
        print(f"| {row[0][0]} | " + " | ".join(str(m) for _, m in row) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="6 GB, made if new")
    parser.add_argument("--cache", type=Path, required=True, help="4 GB, made anew")
    parser.add_argument("--parts", type=int, nargs="+", default=[16, 4, 1])
    parser.add_argument("--n-triplets", type=int, default=2000)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--verbose", type=int, default=0)
    options = parser.parse_args()
    paths, y = prepare_corpus(options.corpus, options.n_jobs)
    # the labeled clips are spread over the corpus, so that every part has its share
    columns = {}
    for part in options.parts:
        n_clips = len(paths) // part
        shutil.rmtree(options.cache, ignore_errors=True)
        columns[n_clips] = measure(paths[:n_clips], y[:n_clips], options.cache, options)
    print_table(columns)


if __name__ == "__main__":
    main()
