"""
Embeddings seen with t-SNE
==========================

Fig. 2 of the paper [1]_ shows what each sampling strategy makes of the sounds: t-SNE of
the embeddings, with three classes in colour. Here are the same panels of other sounds,
with the same three classes in all of them, so that they can be compared.

.. [1] N. Turpault, R. Serizel and E. Vincent, "Semi-supervised triplet loss based
   learning of ambient audio embeddings", ICASSP 2019.
"""

# %%
# Sounds, a quarter of them labeled
# ---------------------------------
#
# Clips of two seconds with one event of six classes. The strategies learn from 160 of
# them, 40 with a label; what is drawn are 140 others, which no fit has seen.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from sklearn_triplet import EmbeddingDisplay, LogMel, TripletEmbedder, mask_labels
from sklearn_triplet.datasets import make_soundscapes

scenes = make_soundscapes(
    300, 6, duration=2, sample_rate=16000, n_events=(1, 1), empty_fraction=0,
    event_duration=(1, 2), snr=(0, 15), random_state=0,
)  # fmt: skip
clips = LogMel(16000).transform(scenes.data)
truth = scenes.target_names[scenes.target.argmax(axis=1)]
X, X_new, truth_new = clips[:160], clips[160:], truth[160:]
y = mask_labels(truth[:160], 0.25, random_state=0)

# %%
# Five strategies
# ---------------
#
# Each is fitted with the same number of triplets from the same start. ``output="clip"``
# returns a vector per clip, mean and deviation over its frames. The first panel is what
# all of them begin with: the same statistics of the log-mels themselves.

embeddings = {"log-mels": np.hstack([X_new.mean(axis=2), X_new.std(axis=2)])}
titles = {
    "s1": "S1: no labels",
    "s2": "S2: labels, and copies\nof unlabeled clips",
    "s3": "S3: labels, and neighbours\nof unlabeled clips",
    "s4": "S4: labels, negatives\nby distance",
    "s5": "S5: labels only",
}
for name, title in titles.items():
    embedder = TripletEmbedder(
        name, n_components=32, n_triplets=200, max_epochs=6, output="clip",
        precision="auto", random_state=0,
    )  # fmt: skip
    embeddings[title] = embedder.fit(X, y).transform(X_new)

# %%
# What to see
# -----------
#
# Three classes that resemble each other in colour, the three others in grey. Look at
# how far each colour keeps to itself and to how many places it is torn: an embedding
# that is of use to a classifier has one island per class. t-SNE keeps neighbourhoods,
# not distances: that an island is large, or far from another one, means nothing.

shown = ["cat", "dog", "speech"]
figure, axes = plt.subplots(2, 3, figsize=(10, 6.6), layout="constrained")
for ax, (title, embedding) in zip(axes.flat, embeddings.items(), strict=True):
    EmbeddingDisplay.from_predictions(
        embedding, truth_new, classes=shown, random_state=0, ax=ax,
        title=title, legend=ax is axes[0, 2],
    )  # fmt: skip
plt.show()

# %%
# In numbers
# ----------
#
# A picture can deceive, so here is what it shows as a number: of the five nearest
# neighbours of a clip in the embedding, how many are of its class. All six classes
# count, and nothing of t-SNE is in it.

for title, embedding in embeddings.items():
    vectors = StandardScaler().fit_transform(embedding)
    near = NearestNeighbors(n_neighbors=6).fit(vectors).kneighbors()[1][:, :5]
    share = np.mean(truth_new[near] == truth_new[:, None])
    print(f"{' '.join(title.split()):<46} {share:.2f}")

# %%
# One corpus of synthetic sounds, one choice of labels and one start are no proof of
# which strategy is best. The results page has the paper's own tables, with intervals.
