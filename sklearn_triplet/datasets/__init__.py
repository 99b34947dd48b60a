"""Corpora as a Bunch: sound (n_clips,), tags, folds or event times, never a download.

``make_soundscapes`` computes its clips and works everywhere; ``load_esc50`` reads a
corpus that is already on disk.
"""

from sklearn_triplet.datasets.esc50 import load_esc50
from sklearn_triplet.datasets.soundscapes import make_soundscapes

__all__ = ["load_esc50", "make_soundscapes"]
