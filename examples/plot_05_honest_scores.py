"""
How labels of -1 fool cross-validation, and the cure
====================================================

To scikit-learn, -1 is a class like any other. A search over models for partly labeled
data therefore chooses, by default, the model that says "unlabeled" most often, and
reports a splendid score. And where recordings come from a few places or speakers, folds
that split these flatter every model. This page shows both, beside the truth, and what
helps.
"""

# %%
# The trap
# --------
#
# Three hundred rows of three overlapping classes, 84 of them labeled, and two thousand
# new rows, which tell the truth. Tables, so that the page runs in seconds; with sounds
# it is the same.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from sklearn_triplet import LabeledOnly, UnlabeledInTrain, labeled_scorer, mask_labels

X, truth = make_blobs(2300, centers=3, cluster_std=2.0, random_state=6)
X, X_new, truth, truth_new = X[:300], X[300:], truth[:300], truth[300:]
y = mask_labels(truth, 84, random_state=6)
models = {
    "logistic regression,\n-1 is a class": LogisticRegression(),
    "logistic regression\nin LabeledOnly": LabeledOnly(LogisticRegression()),
    "SelfTraining-\nClassifier": SelfTrainingClassifier(LogisticRegression()),
    "LabelSpreading": LabelSpreading(kernel="knn"),
}

# %%
# Three answers to the same question
# ----------------------------------
#
# By default the 216 unlabeled rows are dealt to the test folds as well, where every
# honest answer counts as wrong, and "unlabeled" as right.
# :class:`~sklearn_triplet.UnlabeledInTrain` makes folds of the labeled rows and puts
# all others into every training set; :func:`~sklearn_triplet.labeled_scorer` scores
# labeled rows only.

answers = {
    "cross-validation by default": {"cv": 5, "scoring": "accuracy"},
    "UnlabeledInTrain": {
        "cv": UnlabeledInTrain(5),
        "scoring": labeled_scorer("accuracy"),
    },
}
scores = {
    name: [cross_val_score(model, X, y, **how).mean() for model in models.values()]
    for name, how in answers.items()
}
scores["truth: new rows"] = [
    np.mean(clone(model).fit(X, y).predict(X_new) == truth_new)
    for model in models.values()
]
print(f"{'':<36}" + "".join(f"{name:>30}" for name in scores))
for place, name in enumerate(models):
    row = "".join(f"{values[place]:>30.3f}" for values in scores.values())
    print(f"{' '.join(name.split()):<36}" + row)

# %%
# What to see: the blue bars, by default, make the useless model the winner. It has
# learned to say "unlabeled", so it is nearly never right on new rows. Models that never
# say -1 cannot score more than the share of labeled rows, whatever they are worth. The
# green bars agree with the truth in black.


def draw_bars(scores, labels):
    figure, ax = plt.subplots(figsize=(8, 3.9), layout="constrained")
    colors = ["#56B4E9", "#009E73", "black"]
    for place, ((name, values), color) in enumerate(
        zip(scores.items(), colors, strict=True)
    ):
        bars = ax.bar(np.arange(len(values)) + 0.27 * (place - 1), values, 0.25,
                      color=color, label=name)  # fmt: skip
        ax.bar_label(bars, fmt="%.2f", fontsize="small", padding=1)
    ax.set_xticks(range(len(labels)), labels)
    ax.set(ylabel="Accuracy", ylim=(0, 1.08))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False)


draw_bars(scores, list(models))
plt.show()

# %%
# The second trap: clips of one place
# -----------------------------------
#
# Ten recorders, thirty clips each. What a clip sounds like depends on its class, and
# more on where it was recorded: a model may learn the place instead of the class, and
# folds that deal the clips of one place to both sides reward it. The model shall serve
# places that it has never heard, so the truth is a hundred new ones.


def record(n_places, seed):
    """Return rows, classes and places."""
    rng = np.random.default_rng(seed)
    places = np.repeat(np.arange(n_places), 30)
    # of each place one class is frequent, two are rare
    classes = rng.integers(3, size=len(places))
    frequent = rng.integers(3, size=n_places)[places]
    classes = np.where(rng.random(len(places)) < 0.7, frequent, classes)
    centers = 1.5 * np.random.default_rng(0).normal(size=(3, 6))
    sounds = 3 * rng.normal(size=(n_places, 6))[places]
    return centers[classes] + sounds + rng.normal(size=sounds.shape), classes, places


X, truth, places = record(10, seed=1)
X_new, truth_new, _ = record(100, seed=2)
y = mask_labels(truth, 0.4, random_state=0)
models = {
    "logistic regression": LabeledOnly(LogisticRegression()),
    "one nearest neighbour": LabeledOnly(KNeighborsClassifier(1)),
    "LabelSpreading": LabelSpreading(kernel="knn"),
}
answers = {
    "UnlabeledInTrain(KFold)": (KFold(5, shuffle=True, random_state=0), None),
    "UnlabeledInTrain(GroupKFold)": (GroupKFold(5), places),
}
scores = {
    name: [
        cross_val_score(
            model, X, y, groups=groups, cv=UnlabeledInTrain(cv),
            scoring=labeled_scorer("accuracy"),
        ).mean()
        for model in models.values()
    ]
    for name, (cv, groups) in answers.items()
}  # fmt: skip
scores["truth: new places"] = [
    np.mean(clone(model).fit(X, y).predict(X_new) == truth_new)
    for model in models.values()
]
for name, values in scores.items():
    print(f"{name:<30}" + "  ".join(f"{value:.3f}" for value in values))

# %%
# What to see: random folds promise most for the models that remember places, and choose
# one of them. With ``groups``, all clips of a place are on one side, the unlabeled ones
# as well: those of tested places stay out of training, as they will be out of reach for
# a new place. That estimate is a little low, since it learns from eight places and not
# from ten, and it puts the models in the right order.

draw_bars(scores, list(models))
plt.show()

# %%
# The same in a search
# --------------------
#
# ``GridSearchCV(pipe, grid, cv=UnlabeledInTrain(GroupKFold(5)),
# scoring=labeled_scorer("f1_macro")).fit(X, y, groups=places)``: see
# :ref:`sphx_glr_auto_examples_plot_04_search.py`.
