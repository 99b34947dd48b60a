"""Query by example: a sound in, the seconds of a recording that resemble it out."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from sklearn_triplet import LogMel, TripletTagger
from sklearn_triplet.datasets import make_soundscapes

RATE = 22050
SOUNDS = {
    "n_classes": 4,
    "duration": 5.0,
    "sample_rate": RATE,
    "n_events": (1, 1),
    "event_duration": (0.5, 2.0),
    "snr": (10, 15),
    "empty_fraction": 0,
}


@pytest.fixture(scope="module")
def tagger():
    scenes = make_soundscapes(30, random_state=2, **SOUNDS)
    settings = {"n_components": 32, "n_steps": 4, "output": "clip", "random_state": 0}
    X = LogMel(RATE).transform(scenes.data)
    return TripletTagger(**settings).fit(X, scenes.target)


def list_events(scenes):
    """Label, onset and offset of all events, in clips one behind the other."""
    return np.array(
        [
            (event.label, 5 * i + event.onset, 5 * i + event.offset)
            for i, events in enumerate(scenes.events)
            for event in events
        ]
    ).T


def cut(sound, onset, offset):
    return sound[int(onset * RATE) : int(offset * RATE)]


def test_which_second_of_a_recording(tagger):
    scenes = make_soundscapes(24, random_state=0, **SOUNDS)
    recording = scenes.data.ravel()  # two minutes
    label, onset, offset = list_events(scenes)
    windows = [(t, t + 1) for t in np.arange(0, 119, 0.5)]
    asked = make_soundscapes(12, random_state=1, **SOUNDS)
    wanted, *times = list_events(asked)
    queries = [cut(asked.data.ravel(), *pair) for pair in zip(*times, strict=True)]

    mel = LogMel(RATE)
    Z = tagger.transform(mel.transform([cut(recording, *w) for w in windows]))
    index = NearestNeighbors(n_neighbors=3, metric="cosine").fit(Z)
    rows = index.kneighbors(tagger.transform(mel.transform(queries)))[1]

    centers = np.mean(windows, axis=1)[rows][:, :, None]
    inside = (onset <= centers) & (centers <= offset)
    right = (inside & (label == wanted[:, None, None])).any(axis=2)
    # by chance a window is within an event of the class once in twenty times
    share = [(offset - onset)[label == c].sum() / 120 for c in wanted]
    assert np.mean(share) < 0.1
    assert right.mean() > 0.65
    assert right[:, 0].mean() > 0.65


def test_clips_like_this_one(tagger):
    scenes = make_soundscapes(60, random_state=3, **SOUNDS)
    Z = tagger.transform(LogMel(RATE).transform(scenes.data))
    index = NearestNeighbors(n_neighbors=4, metric="cosine").fit(Z)
    rows = index.kneighbors()[1]  # none is a neighbor of itself
    label = scenes.target_true.argmax(axis=1)
    assert (label[rows] == label[:, None]).mean() > 0.65
