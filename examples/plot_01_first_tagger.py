"""
Your first tagger, from ten labels
==================================

You have a folder of recordings and the patience to label ten of them. This page takes
these ten and all the others, learns from both, and tags recordings that it has never
heard.

The sounds here are synthetic, so that the page runs without a download and so that we
can look at the truth in the end. With a folder of your own, the first block becomes one
line: see :ref:`sphx_glr_auto_examples_plot_10_own_folder.py`.
"""

# %%
# Sounds
# ------
#
# Two hundred and fifty clips of three seconds, each with one event over some
# background: speech, a dog, a cat, an alarm or clattering dishes. The first 150 are
# what we have, the other 100 are what will come. :class:`~sklearn_triplet.LogMel` turns
# waveforms, or paths, into an array of (clips, mel bands, frames).

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_triplet import (
    EmbeddingDisplay,
    LabeledOnly,
    LogMel,
    TripletTagger,
    is_labeled,
    mask_labels,
)
from sklearn_triplet.datasets import make_soundscapes

scenes = make_soundscapes(
    250, 5, duration=3, sample_rate=16000, n_events=(1, 1), empty_fraction=0,
    event_duration=(1, 3), snr=(5, 20), random_state=0,
)  # fmt: skip
mel = LogMel(16000)
clips = mel.transform(scenes.data)
truth = scenes.target_names[scenes.target.argmax(axis=1)]
X, X_new = clips[:150], clips[150:]
print(X.shape)

# %%
# Ten labels
# ----------
#
# ``y`` holds a name where a clip is labeled and -1 where it is not. Here
# :func:`~sklearn_triplet.mask_labels` hides all but ten; in your case nobody has ever
# known the others.

y = mask_labels(truth[:150], 10, random_state=0)
names, counts = np.unique(truth[:150][is_labeled(y)], return_counts=True)
print(*zip(names.tolist(), counts.tolist(), strict=True))

# %%
# One fit
# -------
#
# :class:`~sklearn_triplet.TripletTagger` learns from labeled and unlabeled clips in one
# fit. It is compared with what one would do without the unlabeled ones: logistic
# regression on mean and standard deviation of every mel band. These settings are
# smaller than the defaults, for a page that runs in seconds.


def pool(X):
    return np.hstack([X.mean(axis=2), X.std(axis=2)])


plain = LabeledOnly(make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)))
plain.fit(pool(X), y)
tagger = TripletTagger(
    n_steps=15, batch_size=40, output="clip", precision="auto", random_state=0
)
tagger.fit(X, y)

scores = {
    "ten labels, log-mel statistics": plain.predict(pool(X_new)),
    "ten labels and 140 clips without": tagger.predict(X_new),
}
for name, tags in scores.items():
    print(f"{name:<34} {accuracy_score(truth[150:], tags):.2f} of new clips are right")

# %%
# What it made of the others
# --------------------------
#
# Left, what the tagger was given: ten coloured points, and 140 grey ones. In the middle
# what it took the grey ones for, right the truth. Each point is a clip in the embedding
# that the tagger has learned, flattened by t-SNE: where a cluster on the right has one
# colour, one label in it would have been enough.

embedding = tagger.transform(X)
points = EmbeddingDisplay.from_predictions(embedding, y, random_state=0).points
plt.close()
figure, axes = plt.subplots(1, 3, figsize=(11.5, 3.6), layout="constrained")
panels = {
    "given: ten labels": y,
    "guessed: pseudo_labels_": tagger.pseudo_labels_,
    "the truth": truth[:150],
}
for ax, (title, labels) in zip(axes, panels.items(), strict=True):
    display = EmbeddingDisplay(points, labels, classes=tagger.classes_)
    display.plot(ax=ax, title=title, legend=ax is axes[-1])
right = np.mean(tagger.pseudo_labels_ == truth[:150])
print(f"{right:.0%} of the training clips have the right label now")
plt.show()

# %%
# How sure it is
# --------------
#
# ``predict_proba`` orders clips by how sure the tagger is. The surest are nearly all
# right: these may be used as they are. The least sure are the ones to listen to next:
# see :ref:`sphx_glr_auto_examples_plot_08_label_next.py`.

sure = tagger.predict_proba(X_new).max(axis=1)
right = tagger.predict(X_new) == truth[150:]
order = np.argsort(-sure)
n_taken = np.arange(1, len(order) + 1)
figure, ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
ax.plot(n_taken, np.cumsum(right[order]) / n_taken, color="#0072B2")
ax.set(
    xlabel="New clips, the surest first",
    ylabel="Fraction of them that is right",
    ylim=(0, 1.05),
)
for count in (50, 100):
    value = right[order[:count]].mean()
    ax.plot(count, value, "o", color="#D55E00")
    ax.annotate(f"{value:.2f}", (count, value), xytext=(-4, -14),
                textcoords="offset points", ha="right")  # fmt: skip
plt.show()
