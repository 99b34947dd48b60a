"""Find the events of a day of sound, of which twenty minutes are labeled.

A recorder has written a file per hour, and somebody has listened to twenty minutes of
the day and marked what was there. From the files and that table come the events of the
whole day, as label tracks that Audacity opens beside the recordings, and a page on
which the clips are labeled by ear that would help the tagger most.

The day is synthetic, so that what was found can be compared with what was there. With
recordings of your own begin at ``load_recordings``.

    python benchmarks/day_of_sound.py --folder day --hours 24 --minutes 20
"""

import argparse
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
from sklearn.cluster import KMeans
from sklearn.utils import Bunch

from sklearn_triplet import LogMel, SequenceTagger, TripletTagger, write_review_page
from sklearn_triplet.datasets import load_recordings, make_soundscapes, write_events

RATE, SCENE = 16000, 10.0  # Hz, seconds
N_SCENES = 60  # that are made, and in memory, at once; six times as many are an hour


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Print the seconds of a stage, and the most memory that there has been so far."""
    begin = time.perf_counter()
    yield
    seconds = time.perf_counter() - begin
    # in KiB on Linux
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:<22} {seconds:7.1f} s   at most {peak:6.0f} MB", flush=True)


def record_day(folder: Path, n_hours: int) -> tuple[list[tuple], list[str]]:
    """Write a file of soundscapes per hour.

    Parameters
    ----------
    folder : Path
        Is made.
    n_hours : int

    Returns
    -------
    events : list of (str, float, float, str)
        What sounds in the day: file, onset, offset and class.
    names : list of str
        The classes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    events: list[tuple] = []
    for hour in range(n_hours):
        path = folder / f"hour_{hour:02d}.flac"
        with soundfile.SoundFile(path, "w", RATE, 1) as file:
            for part in range(6):
                scenes = make_soundscapes(
                    N_SCENES, 5, sample_rate=RATE, n_events=(1, 2), empty_fraction=0.3,
                    event_duration=(0.5, 4), snr=(5, 20), random_state=6 * hour + part,
                )  # fmt: skip
                file.write(scenes.data.ravel())
                names = scenes.target_names.tolist()
                for i, scene in enumerate(scenes.events):
                    start = (N_SCENES * part + i) * SCENE
                    events += [
                        (path.name, start + onset, start + offset, names[label])
                        for label, onset, offset in scene
                    ]
    return events, names


def mark(events: list[tuple], n_hours: int, minutes: float) -> str:
    """Write what somebody knows who has listened to some minutes of every hour.

    Parameters
    ----------
    events : list of tuple
        As ``record_day`` returns them.
    n_hours : int
    minutes : float
        In all.

    Returns
    -------
    table : str
        A line per event, and one with the label ``listened`` per hour.
    """
    # whole scenes, so that no event reaches over the border
    share = max(round(minutes * 60 / n_hours / SCENE), 1) * SCENE
    lines = ["filename\tonset\toffset\tevent_label"]
    for hour in range(n_hours):
        lines.append(f"hour_{hour:02d}.flac\t0\t{share:g}\tlistened")
    lines += ["\t".join(map(str, event)) for event in events if event[1] < share]
    return "\n".join(lines) + "\n"


def find_hour_by_hour(
    tagger: TripletTagger, head: SequenceTagger, X: np.ndarray, day: Bunch
) -> np.ndarray:
    """Find the events of all recordings; the frames of one at a time fill no memory."""
    found = []
    for recording in np.unique(day.groups):
        rows = np.flatnonzero(day.groups == recording)
        frames = tagger.transform(X[rows])
        clips = [day.data[row] for row in rows]
        found.append(head.predict_events(frames, clips=clips, classes=day.target_names))
    return np.concatenate(found)


def find_most_useful(proba: np.ndarray, embeddings: np.ndarray, n: int) -> np.ndarray:
    """Choose clips that the tagger is unsure of, no two of them alike.

    Parameters
    ----------
    proba : ndarray of shape (n_clips, n_classes)
    embeddings : ndarray of shape (n_clips, n_components)
    n : int

    Returns
    -------
    rows : ndarray of shape (n,)
    """
    # of all clips those whose surest class is nearest to one half
    unsure = np.argsort(np.abs(proba - 0.5).min(axis=1))[: 5 * n]
    kinds = KMeans(n, n_init=1, random_state=0).fit_predict(embeddings[unsure])
    return np.array([unsure[kinds == kind][0] for kind in range(n)])


def main() -> None:
    """Record, mark, learn, find, and ask."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--folder", default="day", type=Path)
    parser.add_argument("--hours", default=24, type=int)
    parser.add_argument("--minutes", default=20, type=float, help="marked, in all")
    args = parser.parse_args()
    folder = args.folder
    with stage("recording the day"):
        events, names = record_day(folder, args.hours)
        (folder / "marked.tsv").write_text(mark(events, args.hours, args.minutes))

    with stage("cutting into clips"):
        day = load_recordings(folder, "marked.tsv", target_names=names)
    print(day.DESCR)
    with stage("log-mels"):
        mel = LogMel(RATE, memory=folder / "features", n_jobs=2)
        X = mel.transform(day.data)
    tagger = TripletTagger(
        pooling="attention", batch_size=40, precision="auto", random_state=0
    )
    # TripletTagger knows what is in a clip, this one when
    head = SequenceTagger(pooling="linear_softmax", random_state=0)
    labeled = (day.target != -1).all(axis=1)
    with stage("learning"):
        tagger.fit(X, day.target)
        head.fit(tagger.transform(X[labeled]), day.target[labeled])
    with stage("finding events"):
        found = find_hour_by_hour(tagger, head, X, day)
    write_events(found, folder / "found", "audacity", overwrite=True)
    print(f"{len(found)} events found, of {len(events)}: label tracks in found/")

    with stage("choosing clips"):
        proba = tagger.predict_proba(X)
        embeddings = tagger.set_params(output="clip").transform(X)
        unlabeled = np.flatnonzero((day.target == -1).all(axis=1))
        rows = unlabeled[find_most_useful(proba[unlabeled], embeddings[unlabeled], 20)]
        page = write_review_page(
            folder / "next.html", [day.data[row] for row in rows], names,
            probabilities=proba[rows], multilabel=True, log_mel=LogMel(RATE),
        )  # fmt: skip
    print(f"Label these twenty next: {page}")


if __name__ == "__main__":
    main()
