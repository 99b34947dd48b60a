"""
Your own folder, start to finish
================================

From a folder of recordings to a table of tags, a file to share, and what to do when new
recordings come tomorrow. All of it on a folder that this page writes itself, with what
real folders have: files of several lengths and sample rates, stereo, a broken download,
classes that should be one, and most files without a label.
"""

# %%
# The folder
# ----------
#
# A folder per class, and ``unlabeled`` for the rest. In your case it is there already,
# and you begin at the next block.

import csv
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import soundfile

from sklearn_triplet import (
    EmbeddingDisplay,
    HistoryDisplay,
    LogMel,
    TripletTagger,
    is_labeled,
    load_model,
    save_model,
)
from sklearn_triplet.datasets import load_audio_folder, make_soundscapes

root = Path(tempfile.mkdtemp())
kinds = ["speech", "dog", "cat", "alarm"]


def record(n, folder_of, seed):
    """Write n recordings of one sound each, in the folders that are asked for."""
    for rate, part in ((16000, 0), (44100, 1)):
        scenes = make_soundscapes(
            n // 2, 4, duration=2 + part, sample_rate=rate, n_events=(1, 1),
            empty_fraction=0, event_duration=(1, 2), snr=(5, 20),
            random_state=2 * seed + part,
        )  # fmt: skip
        for i, sound in enumerate(scenes.data):
            kind = kinds[scenes.target[i].argmax()]
            folder = root / folder_of(kind, i)
            folder.mkdir(exist_ok=True)
            # every third file is stereo
            sound = np.column_stack([sound, 0.5 * sound]) if i % 3 == 0 else sound
            # the name keeps the truth, which nobody reads before the end
            soundfile.write(folder / f"day{seed}_{rate}_{i}_{kind}.wav", sound, rate)


def choose_folder(kind, i):
    if i >= 12:
        return "unlabeled"
    # two people have named the same thing
    return "hound" if kind == "dog" and i % 2 else kind


record(100, choose_folder, seed=1)
(root / "unlabeled" / "broken.wav").write_bytes(b"404 Not Found")

# %%
# Paths and labels
# ----------------
#
# :func:`~sklearn_triplet.datasets.load_audio_folder` takes the folder for the class.
# Labels in a table come by ``load_audio_folder(root, "labels.csv")``, with the columns
# ``filename`` and ``labels``. ``target`` is an array of names, and of -1, so that two
# classes become one as in any array:

corpus = load_audio_folder(root)
paths, y = corpus.paths, corpus.target
y[y == "hound"] = "dog"
print(f"{len(paths)} files, {is_labeled(y).sum()} labeled:", set(y[is_labeled(y)]))

# %%
# Features
# --------
#
# One :class:`~sklearn_triplet.LogMel` reads all: files are resampled to ``sample_rate``
# and their channels averaged. Choose the rate by the highest sound that matters: half
# of it is what remains. ``memory`` keeps the features, so that each file is decoded
# once in its life; ``errors="warn"`` counts the broken ones and leaves NaN in their
# rows, which all later steps know.

mel = LogMel(16000, memory=root.parent / f"{root.name}_features", errors="warn")
X = mel.transform(paths)
print(X.shape)

# %%
# Learning
# --------
#
# For sounds of half a second and less give ``segment_length=60`` or so, frames of 10
# ms: by default the tagger learns from crops of 2.4 s.

tagger = TripletTagger(
    n_steps=10, batch_size=32, output="clip", precision="auto", random_state=0
)
tagger.fit(X, y)
HistoryDisplay.from_estimator(tagger)
plt.show()

# %%
# What to see: after four epochs unlabeled clips begin to get pseudo-labels, the surest
# first. The loss then counts these as well, and rises. Where many guesses still change
# at the end, raise ``max_epochs``.
#
# A table of results
# ------------------
#
# Names and probabilities, the least sure first: those are worth listening to. A broken
# file has no tag.

probabilities = tagger.predict_proba(X)
tags = tagger.predict(X)
sure = probabilities.max(axis=1)
with open(root / "tags.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["filename", "tag", "probability", "label"])
    for row in np.argsort(sure):
        name = Path(paths[row]).name
        writer.writerow([name, tags[row], f"{sure[row]:.3f}", y[row]])
print("".join((root / "tags.csv").open().readlines()[:6]))

# %%
# A file to share
# ---------------
#
# :func:`~sklearn_triplet.save_model` writes numbers and names and no code, so that
# whoever gets the file need not trust it, as a pickle asks for.

save_model(tagger, root / "sounds.model")
same = load_model(root / "sounds.model", expected=TripletTagger)
print((same.predict(X[:5]) == tags[:5]).all())

# %%
# Tomorrow
# --------
#
# New files have come. They are tagged as they are: only they are decoded.

record(40, lambda kind, i: "unlabeled", seed=2)
corpus = load_audio_folder(root)
new = ~np.isin(corpus.paths, paths)
X_new = mel.transform(corpus.paths[new])
truth_new = np.array([Path(p).stem.split("_")[-1] for p in corpus.paths[new]])
print(f"{np.mean(same.predict(X_new) == truth_new):.0%} of {new.sum()} new files right")

# %%
# To learn from them as well, fit once more on all files; nothing is decoded twice. An
# embedding that is fitted anew is another one: whatever stands behind it, a classifier
# or an index of neighbours, has to be fitted anew too. In a Pipeline that happens by
# itself.

y = corpus.target
y[y == "hound"] = "dog"
X = mel.transform(corpus.paths)
tagger.fit(X, y)
print(f"{np.mean(tagger.predict(X_new) == truth_new):.0%} after the second fit")

# %%
# A map of the folder
# -------------------
#
# All files, those with a label in colour. Clusters without a colour are classes that
# nobody has labeled yet, or sounds that nobody has thought of.

EmbeddingDisplay.from_estimator(tagger, X, y, random_state=0)
plt.show()
