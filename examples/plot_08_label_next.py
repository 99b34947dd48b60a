"""
Which clips to label next
=========================

There are minutes to label by ear, and hours to choose from. Which clips are chosen is
worth as much as how one learns from them: this page chooses by an embedding that needs
no label, compares with a choice at random, and writes the page on which the chosen ones
are labeled.
"""

# %%
# Sounds without a label
# ----------------------
#
# 200 clips of six classes, some of them rare, and 200 others to score on.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_triplet import EmbeddingDisplay, LogMel, TripletEmbedder, write_review_page
from sklearn_triplet.datasets import make_soundscapes

folder = Path(tempfile.mkdtemp())
scenes = make_soundscapes(
    400, 6, duration=1, sample_rate=16000, n_events=(1, 1), empty_fraction=0,
    event_duration=(0.9, 1), snr=(3, 15), output_dir=folder, random_state=0,
)  # fmt: skip
mel = LogMel(16000)
clips = mel.transform(scenes.paths)
truth = scenes.target_names[scenes.target.argmax(axis=1)]
names, counts = np.unique(truth[:200], return_counts=True)
print(*zip(names.tolist(), counts.tolist(), strict=True))

# %%
# An embedding, once
# ------------------

embedder = TripletEmbedder(
    "s1", n_components=32, n_triplets=200, max_epochs=6, output="clip",
    precision="auto", random_state=0,
)  # fmt: skip
embedder.fit(clips[:200])
Z = embedder.transform(clips)
Z, Z_new = Z[:200], Z[200:]

# %%
# The most typical of each cluster
# --------------------------------
#
# Twenty labels: twenty clusters, and of each the clip that lies nearest to its middle.
# No two of them are alike, and none is an outlier. ``TypiClust`` of scikit-activeml
# does this with more care, and some thirty other strategies; they take our embeddings
# and taggers as they are.


def choose(Z, n_labels):
    scaled = StandardScaler().fit_transform(Z)
    clusters = KMeans(n_labels, n_init=3, random_state=0).fit(scaled)
    apart = clusters.transform(scaled)
    return np.array([apart[:, i].argmin() for i in range(n_labels)])


chosen = choose(Z, 20)

# %%
# What to see: the clips that are chosen, in the colours of what they turn out to be,
# among the others. They lie evenly over the whole map, while of twenty at random some
# lie side by side and whole regions have none.

y = np.full(200, -1, dtype=object)
y[chosen] = truth[chosen]
rng = np.random.default_rng(0)
at_random = np.full(200, -1, dtype=object)
rows = rng.choice(200, 20, replace=False)
at_random[rows] = truth[rows]
classes = np.unique(truth)
points = EmbeddingDisplay.from_predictions(Z, random_state=0).points
plt.close()
figure, axes = plt.subplots(1, 2, figsize=(9.4, 4), layout="constrained")
for ax, (title, labels) in zip(
    axes, {"20 chosen clips": y, "20 clips at random": at_random}.items(), strict=True
):
    display = EmbeddingDisplay(points, labels, classes=classes)
    display.plot(ax=ax, title=title, size=45, legend=ax is axes[-1])
plt.show()

# %%
# What it is worth
# ----------------
#
# Macro F1 of a logistic regression on the embedding over the number of labels. Chance
# decides much among few labels, so "at random" is the mean of twenty draws, and the
# band eight tenths of them.


def score(rows):
    if len(set(truth[rows])) < 2:
        return 0.0
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(Z[rows], truth[rows])
    return f1_score(truth[200:], model.predict(Z_new), average="macro")


numbers = [6, 12, 20, 30, 45, 60]
by_choice = [score(choose(Z, n)) for n in numbers]
by_chance = np.array(
    [[score(rng.choice(200, n, replace=False)) for n in numbers] for _ in range(20)]
)
figure, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
low, high = np.percentile(by_chance, [10, 90], axis=0)
ax.fill_between(numbers, low, high, color="0.88", lw=0)
ax.plot(numbers, by_chance.mean(axis=0), "s--", color="0.35", label="at random")
ax.plot(numbers, by_choice, "o-", color="#0072B2", label="most typical of clusters")
ax.set(xlabel="Labels", ylabel="Macro F1 on new clips", ylim=(0, 1))
ax.legend(loc="lower right", frameon=False)
plt.show()
for n, ours, mean in zip(numbers, by_choice, by_chance.mean(axis=0), strict=True):
    print(f"{n:>3} labels: chosen {ours:.2f}, at random {mean:.2f}")

# %%
# Label them by ear
# -----------------
#
# One HTML file, which any browser opens: a spectrogram and a player per clip, a key per
# class. What is downloaded from it is read by
# :func:`~sklearn_triplet.datasets.load_audio_folder`.

page = write_review_page(
    folder / "next.html", scenes.paths[chosen], classes, log_mel=mel
)
print(Path(page).name)
