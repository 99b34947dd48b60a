"""Corpora as a Bunch: sound (n_clips,), tags, folds, splits or event times.

``load_audio_folder`` reads anybody's clips, by folders or a table of labels, and
``load_recordings`` cuts clips out of recordings of any length, labeled by a table of
events (``read_events``, ``write_events``: DCASE, Audacity, Raven);
``load_esc50`` and ``load_dcase2018_task4`` read a corpus that is already on disk, and
only ``fetch_esc50`` downloads. ``make_soundscapes`` computes its clips and works
everywhere, ``mix_soundscapes`` mixes them from recordings of single sounds.
"""

from sklearn_triplet.datasets._audio_folder import load_audio_folder
from sklearn_triplet.datasets._base import get_data_home
from sklearn_triplet.datasets._dcase2018 import load_dcase2018_task4
from sklearn_triplet.datasets._esc50 import fetch_esc50, load_esc50
from sklearn_triplet.datasets._event_tables import read_events, write_events
from sklearn_triplet.datasets._recordings import load_recordings
from sklearn_triplet.datasets._soundscapes.recorded import mix_soundscapes
from sklearn_triplet.datasets._soundscapes.synthetic import make_soundscapes

__all__ = [
    "get_data_home",
    "load_audio_folder",
    "load_recordings",
    "read_events",
    "write_events",
    "load_esc50",
    "fetch_esc50",
    "load_dcase2018_task4",
    "make_soundscapes",
    "mix_soundscapes",
]
