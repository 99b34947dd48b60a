"""
A selector of your own
======================

What is alike in your sounds, you know better than any library. A strategy says it by
what it takes for a positive and for a negative, and a rule of your own is one class
with one method. This page writes one of each, tries them, and looks at what they
choose.
"""

# %%
# A positive: the same, faster or slower
# --------------------------------------
#
# A call is the same call at another speed. ``select`` gets the anchors of a batch as
# :class:`~sklearn_triplet.Units` and returns a positive for each. ``units.X`` is
# (units, 1, features, frames), standardised, and zero where padded; all chance comes
# from ``rng``.

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from sklearn_triplet import (
    LogMel,
    NegativeSelector,
    OtherLabel,
    PositiveSelector,
    SameLabel,
    Strategy,
    TripletDisplay,
    TripletEmbedder,
    check_selector,
    mask_labels,
)
from sklearn_triplet.datasets import make_soundscapes


class OtherSpeed(PositiveSelector):
    """The anchor itself, up to ``most`` times as fast or as slow."""

    def __init__(self, most=2):
        self.most = most

    def select(self, anchors, segments, rng):
        """Return one such copy per anchor."""
        copies = anchors.take(slice(None))
        copies.X = anchors.X.copy()
        for unit, lengths in enumerate(anchors.lengths):
            speed = self.most ** rng.uniform(-1, 1)
            for k, length in enumerate(lengths):
                # what is needed beyond the end begins anew
                frames = (np.arange(length) * speed).astype(int) % length
                copies.X[unit, k, :, :length] = anchors.X[unit, k][:, frames]
        return copies


# %%
# A negative: any within the margin
# ---------------------------------
#
# ``SemiHard`` takes the nearest candidate beyond the positive. This one draws any of
# those that still cost something, so that one odd clip is not the negative of all.
# ``candidates`` holds tables of torch with a row per anchor and a column per candidate.


class WithinMargin(NegativeSelector):
    """A random candidate beyond the positive, but not by more than ``margin``."""

    def __init__(self, margin=0.5):
        self.margin = margin

    def select(self, candidates):
        """Return a column per anchor, and where something else had to be taken."""
        beyond = candidates.distances - candidates.positive_distances[:, None]
        wanted = candidates.allowed & (beyond > 0) & (beyond < self.margin)
        none = ~wanted.any(dim=1)
        # without any, take what is allowed, and say so
        wanted = torch.where(none[:, None], candidates.allowed, wanted)
        index = candidates.noise.masked_fill(~wanted, -1).argmax(dim=1)
        impossible = ~candidates.allowed.any(dim=1)
        return index.masked_fill(impossible, -1), none & ~impossible


# %%
# Do they keep to the rules?
# --------------------------
#
# :func:`~sklearn_triplet.check_selector` tries a selector on single clips, padding,
# tables and the like, and says in a sentence what is wrong. Silence is praise.

check_selector(OtherSpeed())
check_selector(WithinMargin())

# %%
# A strategy of them
# ------------------
#
# Labeled anchors as in the paper, unlabeled ones by the new rules. Nothing has to be
# registered; parameters can be searched over as
# ``strategy__unlabeled_positive__most``.

scenes = make_soundscapes(
    300, 5, duration=1, sample_rate=16000, n_events=(1, 1), empty_fraction=0,
    event_duration=(0.9, 1), snr=(5, 20), random_state=0,
)  # fmt: skip
mel = LogMel(16000)
clips = mel.transform(scenes.data)
truth = scenes.target_names[scenes.target.argmax(axis=1)]
X, X_new = clips[:180], clips[180:]
y = mask_labels(truth[:180], 30, random_state=0)

ours = Strategy(SameLabel(), OtherLabel(), OtherSpeed(), WithinMargin())
settings = {
    "n_components": 32, "n_triplets": 200, "max_epochs": 6, "output": "clip",
    "precision": "auto", "random_state": 0,
}  # fmt: skip
embedder = TripletEmbedder(ours, **settings).fit(X, y)

# %%
# What to see: an unlabeled anchor, the copy at another speed, and a negative whose
# distance exceeds that of the positive by less than the margin of 0.5.

row = int(np.flatnonzero((y == -1) & (truth[:180] == "dog"))[0])
TripletDisplay.from_estimator(embedder, X, y, row=row, log_mel=mel, random_state=1)
plt.show()

# %%
# Does it help?
# -------------
#
# Of the five nearest neighbours of new clips, how many are of their class: by this
# strategy, and by s2, whose unlabeled anchors go by the paper's transformations. One
# corpus and one seed say whether a rule works at all; whether it is better is a
# question for a search, :ref:`sphx_glr_auto_examples_plot_04_search.py`.

for name, strategy in {"ours": ours, "s2": "s2"}.items():
    vectors = TripletEmbedder(strategy, **settings).fit(X, y).transform(X_new)
    vectors = StandardScaler().fit_transform(vectors)
    near = NearestNeighbors(n_neighbors=6).fit(vectors).kneighbors()[1][:, :5]
    share = np.mean(truth[180:][near] == truth[180:][:, None])
    print(f"{name:<5} {share:.2f}")
