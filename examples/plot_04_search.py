"""
GridSearchCV over strategies and label ratios
=============================================

Which strategy suits your sounds, and how many of the triplets should have a labeled
anchor? The paper [1]_ answers for its corpus in Tables 2 and 3. For yours, a search of
scikit-learn does, with folds and scores that know of unlabeled clips.

.. [1] N. Turpault, R. Serizel and E. Vincent, "Semi-supervised triplet loss based
   learning of ambient audio embeddings", ICASSP 2019.
"""

# %%
# Features before the search
# --------------------------
#
# Clips of a second with one event of five classes, 60 of 180 labeled. Log-mels learn
# nothing from the clips, so they are computed once, before the search, and no fold can
# leak through them. 200 other clips are kept for the end.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_triplet import (
    LabeledOnly,
    LogMel,
    TripletEmbedder,
    UnlabeledInTrain,
    mask_labels,
)
from sklearn_triplet.datasets import make_soundscapes

scenes = make_soundscapes(
    380, 5, duration=1, sample_rate=16000, n_events=(1, 1), empty_fraction=0,
    event_duration=(0.9, 1), snr=(0, 10), random_state=0,
)  # fmt: skip
clips = LogMel(16000).transform(scenes.data)
truth = scenes.target_names[scenes.target.argmax(axis=1)]
X, X_new, truth_new = clips[:180], clips[180:], truth[180:]
y = mask_labels(truth[:180], 60, random_state=0)

# %%
# The search
# ----------
#
# ``"s4"`` and ``"s5"`` draw labeled anchors only, so they have no ratio, and a grid of
# their own. :class:`~sklearn_triplet.LabeledOnly` keeps the classifier from learning -1
# as a class, :class:`~sklearn_triplet.UnlabeledInTrain` tests on labeled clips only.
# The network is small and its fits are short, so that the page runs in a minute.

embedder = TripletEmbedder(
    n_components=16, n_triplets=120, max_epochs=4, output="clip",
    precision="auto", random_state=0,
)  # fmt: skip
linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
pipe = Pipeline([("emb", embedder), ("clf", LabeledOnly(linear))])
grids = [
    {"emb__strategy": ["s1", "s2", "s3"], "emb__labeled_ratio": [0.25, 0.75]},
    {"emb__strategy": ["s4", "s5"]},
    # no epoch: the same network with random weights
    {"emb__max_epochs": [0]},
]
search = GridSearchCV(pipe, grids, cv=UnlabeledInTrain(3), scoring="f1_macro")
search.fit(X, y)

# %%
# What to see
# -----------
#
# A point per setting, the mean over the folds, and a line over its three folds. Where
# the lines overlap as much as here, a search of this size cannot tell strategies apart:
# it can tell what is clearly worse. More folds, more labels and repeated label subsets
# make the lines shorter; the results page has them.

results = search.cv_results_
names = []
for parameters in results["params"]:
    name = parameters.get("emb__strategy", "untrained")
    ratio = parameters.get("emb__labeled_ratio")
    names.append(name if ratio is None else f"{name}, ratio {ratio}")
folds = np.array([results[f"split{i}_test_score"] for i in range(3)])
order = np.argsort(results["mean_test_score"])
figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
for place, row in enumerate(order):
    ax.plot(folds[:, row], [place] * 3, "-", color="0.75", lw=3, zorder=1)
    ax.plot(folds[:, row], [place] * 3, "|", color="0.4", zorder=2)
    ax.plot(folds[:, row].mean(), place, "o", color="#0072B2", zorder=3)
ax.set_yticks(range(len(order)), [names[row] for row in order])
ax.set(xlabel="Macro F1 on the held-out fold")
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# The best of many scores is flattered by having been chosen. On clips that the search
# has not seen it tells how good it is:

print(names[search.best_index_], f"in the search: {search.best_score_:.3f}")
score = f1_score(truth_new, search.predict(X_new), average="macro")
print(f"on 200 new clips: {score:.3f}")

# %%
# With clips of one place or speaker, give ``groups``:
# :ref:`sphx_glr_auto_examples_plot_05_honest_scores.py`. To search over the parameters
# of a selector begin with ``STRATEGIES["s3"]`` instead of its name; the grid may then
# hold ``emb__strategy__unlabeled_positive__n_neighbors``.
