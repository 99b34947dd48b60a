"""
What each strategy samples
==========================

A triplet is an anchor, a positive that shall come near it, and a negative that shall
stay away. The strategies of the paper [1]_ differ in nothing but whom they choose. Its
Fig. 1 is a drawing of that; here the same is drawn of real triplets, in the plane of an
embedding that was fitted, and as spectrograms.

.. [1] N. Turpault, R. Serizel and E. Vincent, "Semi-supervised triplet loss based
   learning of ambient audio embeddings", ICASSP 2019.
"""

# %%
# An embedding that is a plane
# ----------------------------
#
# Usually an embedding has 64 components. This one has two, so that distances in the
# picture are those that the loss compares, and nothing is lost in drawing. An encoder
# of one's own is any ``torch.nn.Module``: here the paper's network, and a layer that
# leaves two numbers. ``margin=1, normalize=False`` is the paper's loss. A quarter of
# the clips, of about a second, are labeled.

import matplotlib.pyplot as plt
import numpy as np
from torch import nn

from sklearn_triplet import (
    ConvEncoder,
    LogMel,
    TripletDisplay,
    TripletEmbedder,
    is_labeled,
    mask_labels,
    sample_triplets,
)
from sklearn_triplet.datasets import make_soundscapes

scenes = make_soundscapes(
    200, 4, duration=1, sample_rate=16000, n_events=(1, 1), empty_fraction=0,
    event_duration=(0.9, 1), snr=(5, 20), random_state=0,
)  # fmt: skip
mel = LogMel(16000)
X = mel.transform(scenes.data)
truth = scenes.target_names[scenes.target.argmax(axis=1)]
y = mask_labels(truth, 0.25, random_state=0)


class Plane(nn.Module):
    """The paper's network with 16 components, and a layer of two."""

    def __init__(self, n_features):
        super().__init__()
        self.encoder = ConvEncoder(n_features, 16)
        self.plane = nn.Conv1d(16, 2, kernel_size=1)

    def forward(self, X, lengths):
        """Encode frames, (n, n_features, n_frames) to (n, 2, n_frames)."""
        return self.plane(self.encoder(X, lengths))


embedder = TripletEmbedder(
    "s2", encoder=Plane, margin=1, normalize=False, n_triplets=200,
    max_epochs=12, lr=0.003, precision="auto", random_state=0,
)  # fmt: skip
embedder.fit(X, y)
plane = embedder.set_params(output="clip").transform(X)[:, :2]  # means, no deviations

# %%
# Whom they choose
# ----------------
#
# :func:`~sklearn_triplet.sample_triplets` draws triplets as a fit would. Of two clips
# of one class, one labeled and one not, each strategy draws some; strategies that treat
# such an anchor alike share a panel. The rows of Table 1 of the paper are the rows of
# the picture.


def choose_anchor(kind, labeled):
    """Take the clip of a class that lies nearest to the middle of the class."""
    rows = np.flatnonzero((truth == kind) & (is_labeled(y) == labeled))
    middle = np.median(plane[truth == kind], axis=0)
    return rows[np.square(plane[rows] - middle).sum(axis=1).argmin()]


anchors = {labeled: choose_anchor("cat", labeled) for labeled in (True, False)}
panels = [
    (True, "s1", "S1, a labeled anchor"),
    (True, "s4", "S4, a labeled anchor"),
    (True, "s5", "S2, S3 and S5, a labeled anchor"),
    (False, "s1", "S1 and S2, an unlabeled anchor"),
    (False, "s3", "S3, an unlabeled anchor"),
    (False, "pseudo", "pseudo, an unlabeled anchor"),
]


def draw_some(labeled, strategy):
    """Return f(x) of twelve triplets of one anchor, (12, 3, 2)."""
    drawn = [
        sample_triplets(
            embedder, X, y, rows=[anchors[labeled]], strategy=strategy,
            n_triplets=32, random_state=seed,
        ).embeddings
        for seed in range(12)
    ]  # fmt: skip
    return np.concatenate(drawn)


# %%
# What to see
# -----------
#
# The circle goes through the farthest positive.
#
# - **Positives** of S1 and S2 are copies of the anchor: some hardly move, those that
#   are shifted in frequency move far. Those of S4 and S5 are spread over the whole
#   class, however far that reaches. S3 takes the nearest clip *of the log-mels*, always
#   the same one, which need not be the nearest in the embedding: this is the point of
#   the paper's figure.
# - **Negatives** by label are any clips of other classes, most of them so far away that
#   they teach nothing any more. Semi-hard ones lie just beyond their positive: each
#   costs something. But where nothing is known of the anchor they are often of its own
#   class, which the loss then tears apart; "pseudo" guesses first.

figure, axes = plt.subplots(2, 3, figsize=(10.5, 6.6), layout="constrained",
                            sharex=True, sharey=True)  # fmt: skip
colors = ["#0072B2", "#D55E00", "#009E73", "#CC79A7"]
for ax, (labeled, strategy, title) in zip(axes.flat, panels, strict=True):
    f = draw_some(labeled, strategy)
    for name, color in zip(scenes.target_names, colors, strict=True):
        ax.scatter(*plane[truth == name].T, s=22, color=color, alpha=0.35,
                   linewidths=0, label=name)  # fmt: skip
    outlined = {"color": "black", "edgecolor": "white", "linewidths": 0.8}
    ax.scatter(*f[:, 2].T, s=60, marker="X", label="negatives", zorder=3, **outlined)
    ax.scatter(*f[:, 1].T, s=44, marker="o", label="positives", zorder=4, **outlined)
    ax.scatter(*f[0, 0], s=230, marker="*", label="anchor", zorder=5,
               **{**outlined, "color": "#F0E442", "edgecolor": "black"})  # fmt: skip
    # through the farthest of the positives
    radius = np.linalg.norm(f[:, 1] - f[:, 0], axis=1).max()
    ax.add_patch(plt.Circle(f[0, 0], radius, fill=False, color="black", lw=0.7))
    ax.set(title=title, xticks=[], yticks=[], aspect="equal")
axes[0, 2].legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
plt.show()

# %%
# How much each triplet costs
# ---------------------------
#
# The loss of a triplet is zero where the negative is farther than the positive by the
# margin. The share of triplets that still cost something, and of negatives that are in
# truth of the anchor's class, over all clips:

for name in ("s1", "s2", "s3", "s4", "s5", "pseudo"):
    triplets = sample_triplets(
        embedder, X, y, strategy=name, n_triplets=200, random_state=0
    )
    a, _, n = truth[triplets.rows].T
    print(
        f"{name:<7} {np.mean(triplets.loss > 0):4.0%} of the triplets cost something, "
        f"{np.mean(a == n):4.0%} of the negatives are of the anchor's class"
    )

# %%
# As sounds
# ---------
#
# The same as spectrograms: first the labeled anchor by S2, then the unlabeled one by S2
# and by S3. :class:`~sklearn_triplet.TripletDisplay` says what each is, and how far it
# is from the anchor in the embedding. A copy that is shifted in time and frequency has
# a seam where its end meets its beginning, and silence where the lowest bands were.

figure = plt.figure(figsize=(9, 7.6), layout="constrained")
rows = figure.subfigures(3, 1)
shown = [(True, "s2"), (False, "s2"), (False, "s3")]
displays = []
for part, (labeled, strategy) in zip(rows, shown, strict=True):
    displays.append(
        TripletDisplay.from_estimator(
            embedder, X, y, row=anchors[labeled], strategy=strategy, log_mel=mel,
            random_state=3, ax=part.subplots(1, 3, sharey=True),
        )
    )  # fmt: skip
    kind = "labeled" if labeled else "unlabeled"
    title = f"{strategy.upper()}, {kind} anchor"
    part.suptitle(title, x=0.01, ha="left", weight="bold")
plt.show()

# %%
# What the two strategies think of the same neighbour is the difference between them:

print("S2 keeps away from:", displays[1].names[2])
print("S3 moves towards:  ", displays[2].names[1])
