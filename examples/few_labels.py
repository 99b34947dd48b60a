"""
Few labels, many unlabeled recordings
=====================================

Of 160 soundscapes 24 are labeled. ``TripletTagger`` learns from all of them, and says
of the others what it took them for; here against the truth, which it has not seen. The
same network on the labeled ones alone shows what the unlabeled ones are worth.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import average_precision_score

from sklearn_triplet import LogMel, TripletTagger, mask_labels
from sklearn_triplet.datasets import make_soundscapes

scenes = make_soundscapes(240, duration=4, random_state=0)
X = LogMel(scenes.sample_rate).transform(scenes.data)
y = mask_labels(scenes.target[:160], 0.15, random_state=0)  # -1 where unlabeled

settings = {"segment_length": 400, "batch_size": 30, "precision": "bfloat16"}
few = TripletTagger(pseudo_weight=0, labeled_ratio=1, random_state=0, **settings)
tagger = TripletTagger(random_state=0, **settings)
for name, each in {"labels only": few, "unlabeled too": tagger}.items():
    scores = each.fit(X[:160], y).predict_proba(X[160:])
    print(f"{name}: mAP {average_precision_score(scenes.target[160:], scores):.3f}")

# %%
# How sure it was of each tag of the unlabeled recordings, and how often that was right.
hidden = (y == -1).all(axis=1)
sure = tagger.pseudo_label_confidence_[hidden].ravel()
right = (tagger.pseudo_labels_ == scenes.target[:160])[hidden].ravel()
edges = np.linspace(0.5, 1, 6)
bins = np.digitize(sure, edges[1:-1])
plt.plot([0.5, 1], [0.5, 1], ":", color="gray", label="sure as often as right")
known = [b for b in range(5) if (bins == b).any()]
plt.plot(
    [sure[bins == b].mean() for b in known], [right[bins == b].mean() for b in known],
    "o-", label="pseudo-labels",
)  # fmt: skip
plt.xlabel("confidence")
plt.ylabel("fraction that is right")
plt.legend()
plt.show()
