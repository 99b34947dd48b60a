"""
Tables and other data than sound
================================

Nothing in a triplet is sound. A row of a table is a clip of one frame: the library is
then a semi-supervised metric learner, which brings rows of one class near to each other
by a few labels and many rows without. Here are images of digits, of which sixty have a
label.
"""

# %%
# Sixty labels of fourteen hundred images
# ---------------------------------------

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer
from sklearn.semi_supervised import LabelSpreading

from sklearn_triplet import (
    EmbeddingDisplay,
    LabeledOnly,
    Nearest,
    OtherLabel,
    PseudoLabeled,
    RandomNegative,
    SameLabel,
    Strategy,
    TripletEmbedder,
    TripletTagger,
    mask_labels,
)

X, truth = load_digits(return_X_y=True)
X, X_new, truth, truth_new = train_test_split(
    X, truth, test_size=400, stratify=truth, random_state=0
)
y = mask_labels(truth, 60, random_state=0)
print(X.shape, np.sum(y != -1))

# %%
# A strategy for tables
# ---------------------
#
# The paper's transformations are of sound: of a row of pixels only noise remains. So an
# unlabeled row goes towards one of its five nearest. And with ten classes the nearest
# row that is farther is mostly of the same class: a random negative is the better one.
# Two random points of the unit sphere have the squared distance 2, hence the margin.

embedder = make_pipeline(
    TripletEmbedder(
        Strategy(SameLabel(), OtherLabel(), Nearest(5), RandomNegative()),
        scaling="common",  # pixels have one unit: those that hardly vary hardly count
        margin=2,
        n_triplets=2000,
        labeled_ratio=0.1,
        random_state=0,
    ),
    Normalizer(),  # the loss compares directions
)
Z = embedder.fit_transform(X, y)
Z_new = embedder.transform(X_new)

# %%
# What to see: new images, which no fit has seen, by their pixels and by the embedding;
# the colours are the truth, and beyond eight classes the shape of the points changes.
# Both keep digits apart, since pixels of digits are an easy table. The embedding draws
# each class together, and joins what is far apart in pixels.

classes = np.unique(truth)
figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
for ax, (title, table) in zip(
    axes, {"pixels": X_new, "embedding": Z_new}.items(), strict=True
):
    EmbeddingDisplay.from_predictions(
        table, truth_new, classes=classes, random_state=0, ax=ax, title=title,
        legend=ax is axes[-1],
    )  # fmt: skip
plt.show()

# %%
# In numbers
# ----------
#
# With the same sixty labels: what the labels give alone, what scikit-learn makes of the
# others, and what this library does. :class:`~sklearn_triplet.PseudoLabeled` around any
# classifier, and :class:`~sklearn_triplet.TripletTagger` as a whole, take tables too.

linear = LogisticRegression(max_iter=2000)
models = {
    "pixels, logistic regression": (LabeledOnly(linear), X, X_new),
    "pixels, LabelSpreading": (LabelSpreading(kernel="knn", n_neighbors=15), X, X_new),
    "pixels, PseudoLabeled": (PseudoLabeled(linear), X, X_new),
    "embedding, logistic regression": (LabeledOnly(linear), Z, Z_new),
    "embedding, PseudoLabeled": (PseudoLabeled(linear), Z, Z_new),
    "TripletTagger": (TripletTagger(random_state=0), X, X_new),
}
for name, (model, train, test) in models.items():
    score = accuracy_score(truth_new, model.fit(train, y).predict(test))
    print(f"{name:<32} {score:.3f}")

# %%
# Sequences of other things than sound, such as those of accelerometers, are arrays
# (n_clips, n_features, n_frames) like log-mels. Say by ``segment_length`` how many
# frames an anchor has, and choose the transformations that make sense for them.
