"""
Features of another model
=========================

Somebody has trained a large network on many sounds, and its frames may be better
features than log-mels. They are an array (n_clips, n_features, n_frames) like any
other: everything in this library takes them in the place of log-mels.
"""

# %%
# A model of somebody else
# ------------------------
#
# For a page that needs no download, the stranger is small: an embedder that has learned
# from 160 clips of five other classes. Any network will do that gives vectors over
# time, from Hugging Face, torchaudio or onnx; put time last::
#
#     frames = np.stack([model(waveform).T for waveform in waveforms])
#
# Clips of unequal length come as a list of such arrays.

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
    PseudoLabeled,
    TripletEmbedder,
    TripletTagger,
    mask_labels,
)
from sklearn_triplet.datasets import make_soundscapes

settings = {
    "duration": 2, "sample_rate": 16000, "n_events": (1, 1), "empty_fraction": 0,
    "event_duration": (1, 2), "snr": (0, 15),
}  # fmt: skip
mel = LogMel(16000)
# clips of one event of ten classes; the stranger has heard the last five
scenes = make_soundscapes(600, 10, random_state=0, **settings)
kind = scenes.target.argmax(axis=1)
log_mels = mel.transform(scenes.data)
theirs = np.flatnonzero(kind >= 5)[:160]
stranger = TripletEmbedder(
    "s5", n_triplets=200, max_epochs=8, precision="auto", random_state=0
)
stranger.fit(log_mels[theirs], kind[theirs])

# %%
# Its frames
# ----------
#
# Our clips are of the five classes that it has never heard. Networks of others seldom
# have a frame every 10 ms; here ten are averaged, so that a frame lasts 100 ms.

ours = np.flatnonzero(kind < 5)[:340]
truth = scenes.target_names[kind[ours]]
X = log_mels[ours]
frames = stranger.transform(X)
frames = frames[:, :, :200].reshape(len(X), -1, 20, 10).mean(axis=3)
print("log-mels", X.shape, " frames of the model", frames.shape)
y = mask_labels(truth[:160], 15, random_state=0)

# %%
# Fifteen labels
# --------------
#
# The same classifiers on both. ``TripletTagger`` sees that neighbouring features are
# not neighbouring bands: its encoder is dense then, and instead of shifting frequencies
# it adds noise and hides features. Durations are in frames of X: ``segment_length=20``
# are two seconds here; and to find events in time give ``frame_duration=0.1`` to
# ``predict_events``.


def pool(X):
    return np.hstack([X.mean(axis=2), X.std(axis=2)])


linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
tagger = TripletTagger(segment_length=20, output="clip", random_state=0)
rows = {
    "log-mels, logistic regression": (LabeledOnly(linear), pool(X)),
    "frames, logistic regression": (LabeledOnly(linear), pool(frames)),
    "frames, PseudoLabeled": (
        make_pipeline(StandardScaler(), PseudoLabeled(LogisticRegression())),
        pool(frames),
    ),
    "frames, TripletTagger": (tagger, frames),
}
for name, (model, features) in rows.items():
    tags = model.fit(features[:160], y).predict(features[160:])
    print(f"{name:<30} {accuracy_score(truth[160:], tags):.2f}")
print("the tagger took the features for bands:", tagger.has_bands_)

# %%
# What to see: new clips, by their log-mels, by the frames of the stranger, and by what
# ``TripletTagger`` has made of these with fifteen labels. What the stranger has learned
# of other sounds orders ours already; the labels draw the classes together.

classes = np.unique(truth)
figure, axes = plt.subplots(1, 3, figsize=(11.5, 3.7), layout="constrained")
panels = {
    "log-mels": pool(X[160:]),
    "frames of the model": pool(frames[160:]),
    "TripletTagger on these": tagger.transform(frames[160:]),
}
for ax, (title, vectors) in zip(axes, panels.items(), strict=True):
    EmbeddingDisplay.from_predictions(
        vectors, truth[160:], classes=classes, random_state=0, ax=ax, title=title,
        legend=ax is axes[-1],
    )  # fmt: skip
plt.show()
