"""
Events in time in a long recording
==================================

A recorder has run, and somebody has listened to a third of what it wrote and marked
what there was. From the recording and that table come the events of all of it: when
each begins and ends, as a label track that Audacity opens beside the sound.

The recording here lasts ten minutes, so that the page runs in a minute; of an hour each
step takes six times as long, and of a day ``benchmarks/day_of_sound.py`` tells time and
memory.
"""

# %%
# A recording, and what was marked
# --------------------------------
#
# Sixty soundscapes of ten seconds make the file; we know what is in them, so that we
# can compare. The table has a row per event of the first three minutes, and one with
# the label ``listened``: within it, what is not in the table was not there.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import soundfile
from sklearn.pipeline import Pipeline

from sklearn_triplet import (
    LogMel,
    SequenceTagger,
    TagDisplay,
    TripletTagger,
    is_labeled,
)
from sklearn_triplet.datasets import (
    load_recordings,
    make_soundscapes,
    read_events,
    write_events,
)

folder = Path(tempfile.mkdtemp())
names = ["speech", "dog", "cat", "alarm"]
scenes = make_soundscapes(
    60, 4, sample_rate=16000, n_events=(1, 2), empty_fraction=0.2,
    event_duration=(0.5, 4), snr=(8, 20), random_state=0,
)  # fmt: skip
soundfile.write(folder / "recorder.flac", scenes.data.ravel(), 16000)

lines = ["filename\tonset\toffset\tevent_label"]
for i, scene in enumerate(scenes.events):
    for label, onset, offset in scene:
        lines.append(
            f"recorder.flac\t{10 * i + onset}\t{10 * i + offset}\t{names[label]}"
        )
(folder / "truth.tsv").write_text("\n".join(lines))
truth = read_events(folder / "truth.tsv")
marked = [line for line in lines[1:] if float(line.split("\t")[2]) <= 180]
marked += ["recorder.flac\t0\t180\tlistened"]
(folder / "marked.tsv").write_text("\n".join([lines[0], *marked]))

# %%
# Clips
# -----
#
# :func:`~sklearn_triplet.datasets.load_recordings` cuts the file into windows of five
# seconds and makes labels of the table: 1 where a class was heard, 0 where somebody
# listened and it was not, -1 elsewhere. Nothing is decoded yet.

corpus = load_recordings(folder, "marked.tsv", clip_duration=5, target_names=names)
clips, y = corpus.data, corpus.target
mel = LogMel(16000)
X = mel.transform(clips)
print(f"{len(clips)} windows, {is_labeled(y).sum()} of them labeled")

# %%
# What, then when
# ---------------
#
# :class:`~sklearn_triplet.TripletTagger` learns from all windows *what* is in them, and
# its embedding with it. *When* is the business of a second head on the frames of that
# embedding: with ``pooling="linear_softmax"`` a few frames may answer for a window, so
# that it learns from labels of whole windows which frames these are.

tagger = TripletTagger(
    pooling="attention", n_steps=12, batch_size=30, precision="auto", random_state=0
)
tagger.fit(X, y)
head = SequenceTagger(pooling="linear_softmax", max_epochs=30, random_state=0)
labeled = is_labeled(y)
head.fit(tagger.transform(X[labeled]), y[labeled])

# both are fitted: together they go from log-mels to events
finder = Pipeline([("embedding", tagger), ("head", head)])
events = finder.predict(X, events=True, clips=clips, classes=names)
write_events(events, folder / "found", "audacity")
print((folder / "found" / "recorder.txt").read_text()[:200])

# %%
# What to see
# -----------
#
# Forty seconds that nobody had marked. Above the spectrogram, in the middle the
# probability of each class in every frame, below the events: filled what was found,
# outlined what was there. Windows are put on one time line, so that an event across the
# border of two is one event.

rows = np.arange(40, 48)
display = TagDisplay.from_estimator(
    finder, X[rows], features=X[rows], clips=[clips[row] for row in rows],
    classes=names, truth=truth, log_mel=mel,
)  # fmt: skip
display.axes_[0].set_xlim(200, 240)
plt.show()

# %%
# How many were found
# -------------------
#
# An event counts as found where one of its class overlaps it by more than half of
# either (that is more lenient than the collars of 200 ms that DCASE uses). Counted
# outside of the three minutes that were marked.


def overlap(a, b):
    both = min(a["offset"], b["offset"]) - max(a["onset"], b["onset"])
    longer = max(a["offset"] - a["onset"], b["offset"] - b["onset"])
    return both / longer if a["event_label"] == b["event_label"] else 0


real = truth[truth["onset"] >= 180]
found = events[events["onset"] >= 180]
matched = [any(overlap(a, b) > 0.5 for b in found) for a in real]
right = [any(overlap(a, b) > 0.5 for a in real) for b in found]
print(f"{np.sum(matched)} of {len(real)} events are found; ", end="")
print(f"{np.sum(right)} of the {len(found)} that it reports are there")

# %%
# By class: how much of the time in which it sounds is reported, and how much of what is
# reported is true, in frames of 10 ms.

for name in names:
    sounding = {}
    for kind, table in {"real": real, "found": found}.items():
        sounding[kind] = np.zeros(60_000, dtype=bool)
        for event in table[table["event_label"] == name]:
            begin, end = round(100 * event["onset"]), round(100 * event["offset"])
            sounding[kind][begin:end] = True
    both = np.sum(sounding["real"] & sounding["found"])
    recall, precision = both / sounding["real"].sum(), both / sounding["found"].sum()
    print(
        f"{name:<8} {recall:4.0%} of its seconds found, {precision:4.0%} of those right"
    )
