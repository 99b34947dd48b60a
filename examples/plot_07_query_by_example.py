"""
Query by example
================

You have heard one call, and want to know where else in a recording there is such a one.
Nothing is labeled. An embedding that was learned without labels puts sounds that are
alike beside each other, so that the question is one of nearest neighbours.
"""

# %%
# A recording
# -----------
#
# Five minutes, made of soundscapes of five seconds, of which we know what is in them.
# It is cut into windows of a second, every half of a second: about as long as a call.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import soundfile
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler, normalize

from sklearn_triplet import LogMel, TripletEmbedder
from sklearn_triplet.datasets import load_recordings, make_soundscapes

scenes = make_soundscapes(
    60, 5, duration=5, sample_rate=16000, n_events=(1, 1), empty_fraction=0.2,
    event_duration=(0.6, 2), snr=(8, 20), random_state=3,
)  # fmt: skip
path = Path(tempfile.mkdtemp()) / "recorder.flac"
soundfile.write(path, scenes.data.ravel(), 16000)
windows = load_recordings(path.parent, clip_duration=1.0, hop=0.5).data
mel = LogMel(16000)
X = mel.transform(windows)
print(f"{len(windows)} windows")

# %%
# An embedding without a label
# ----------------------------
#
# ``"s1"`` draws a changed copy of a window as its positive, and the nearest that is
# farther as its negative. What all windows have in common says nothing of any of them:
# without the mean, and at one scale, cosines tell them apart.

embedder = TripletEmbedder(
    "s1", n_components=32, n_triplets=250, max_epochs=6, output="clip",
    precision="auto", random_state=0,
)  # fmt: skip
embedder.fit(X)
scaler = StandardScaler().fit(embedder.transform(X))
vectors = scaler.transform(embedder.transform(X))
index = NearestNeighbors(metric="cosine").fit(vectors)

# %%
# The question
# ------------
#
# The window around the middle of a dog that we have heard. In your case it is a file:
# ``scaler.transform(embedder.transform(mel.transform(["call.wav"])))``.

names = scenes.target_names.tolist()
times = np.array([[onset, offset] for _, onset, offset in windows])
table = [
    (names[label], 5 * i + onset, 5 * i + offset)
    for i, scene in enumerate(scenes.events)
    for label, onset, offset in scene
]
_, onset, offset = next(event for event in table if event[0] == "dog")
query = int(np.abs(times.mean(axis=1) - (onset + offset) / 2).argmin())
distances, rows = index.kneighbors(vectors[[query]], len(X))
distances, rows = distances[0], rows[0]

# %%
# What to see: left the call that was asked for, then the five most similar windows,
# without those that overlap it. The shapes resemble each other in what the embedding
# has been taught to keep, and differ in what it was taught to ignore: when the sound
# begins in the window, and by how many bands it is shifted.

apart = np.abs(times[rows, 0] - times[query, 0]) >= 1
answers = [query]
for row in rows[apart]:
    # one window per call: the best of those that overlap
    if all(abs(times[row, 0] - times[other, 0]) >= 1 for other in answers):
        answers.append(row)
frequencies = mel.band_frequencies()
ticks = [500, 1000, 2000, 5000]
figure, axes = plt.subplots(1, 6, figsize=(11, 2.6), layout="constrained", sharey=True)
for ax, row in zip(axes, answers, strict=False):
    ax.imshow(X[row], origin="lower", aspect="auto", cmap="magma",
              extent=(*times[row], -0.5, 63.5))  # fmt: skip
    found = [
        n for n, begin, end in table if begin < times[row, 1] and end > times[row, 0]
    ]
    title = "asked for" if row == query else f"distance {distances[rows == row][0]:.2f}"
    ax.set_title(f"{title}\n{' + '.join(found) or 'nothing'}", fontsize="medium")
    ax.set(xlabel="Time (s)")
    ax.set_xticks(times[row, 0] + [0.25, 0.75])
axes[0].set_yticks(
    np.interp(ticks, frequencies, np.arange(64)), ["500", "1k", "2k", "5k"]
)
axes[0].set_ylabel("Frequency (Hz)")
plt.show()

# %%
# Where in the recording
# ----------------------
#
# Similarity to the call over the whole recording, and below where dogs really are.
# Peaks without a dog are what one would listen to and put aside.

similarity = 1 - distances[np.argsort(rows)]
figure, ax = plt.subplots(figsize=(9, 2.8), layout="constrained")
ax.plot(times.mean(axis=1), similarity, color="#0072B2", lw=0.9)
ax.plot(times[query].mean(), similarity[query], "*", color="#D55E00", ms=12,
        label="the call")  # fmt: skip
dogs = [(begin, end - begin) for name, begin, end in table if name == "dog"]
low = similarity.min()
ax.broken_barh(dogs, (low - 0.12, 0.08), color="#D55E00", label="dogs")
ax.set(xlabel="Time (s)", ylabel="Cosine similarity", xlim=(0, 300))
ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
plt.show()

# %%
# In numbers
# ----------
#
# Every window with a call in its middle asks once for its five nearest that do not
# overlap it: how many are of the same class, by this embedding, by the log-mels
# themselves, and by chance.

middles = times.mean(axis=1)
kind = np.full(len(windows), "", dtype=object)
for name, begin, end in table:
    kind[(middles >= begin) & (middles <= end)] = name
calls = np.flatnonzero(kind != "")


def share_right(vectors):
    near = normalize(vectors) @ normalize(vectors).T
    near[np.abs(times[:, :1] - times[:, 0]) < 1] = -np.inf
    first = np.argsort(-near[calls], axis=1)[:, :5]
    return np.mean(kind[first] == kind[calls][:, None])


by_chance = np.mean([np.mean(kind == kind[row]) for row in calls])
statistics = np.hstack([X.mean(axis=2), X.std(axis=2)])
statistics = (statistics - statistics.mean(axis=0)) / statistics.std(axis=0)
print(f"embedding {share_right(vectors):.2f}")
print(f"log-mels  {share_right(statistics):.2f}")
print(f"chance    {by_chance:.2f}")
