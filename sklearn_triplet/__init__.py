"""Audio embeddings from a little labeled and a lot of unlabeled sound.

The names stand in the order of the way of the data: recordings, features, selection of
triplets, embedding, tags, and the evaluation of all that with few labels.
"""

from sklearn_triplet import datasets
from sklearn_triplet._labels import is_labeled
from sklearn_triplet.embedder import TripletEmbedder
from sklearn_triplet.features import LogMel
from sklearn_triplet.labeled_only import LabeledOnly
from sklearn_triplet.model_selection import (
    UnlabeledInTrain,
    labeled_scorer,
    mask_labels,
)
from sklearn_triplet.negatives import (
    Candidates,
    NegativeSelector,
    OtherLabel,
    RandomNegative,
    SemiHard,
)
from sklearn_triplet.networks import ConvEncoder, DenseEncoder
from sklearn_triplet.positives import (
    Nearest,
    PositiveSelector,
    SameLabel,
    Transformed,
)
from sklearn_triplet.segments import SegmentedClips, Units
from sklearn_triplet.strategies import STRATEGIES, Strategy
from sklearn_triplet.tagger import CRNNTagger, SequenceTagger
from sklearn_triplet.transforms import (
    ExampleMixing,
    GaussianNoise,
    TemporalProximity,
    TimeFrequencyShift,
    Transformation,
)

__version__ = "0.1.0"

__all__ = [
    "datasets",
    "LogMel",
    "SegmentedClips",
    "Units",
    "Transformation",
    "GaussianNoise",
    "TimeFrequencyShift",
    "TemporalProximity",
    "ExampleMixing",
    "PositiveSelector",
    "SameLabel",
    "Transformed",
    "Nearest",
    "Candidates",
    "NegativeSelector",
    "OtherLabel",
    "RandomNegative",
    "SemiHard",
    "Strategy",
    "STRATEGIES",
    "ConvEncoder",
    "DenseEncoder",
    "TripletEmbedder",
    "SequenceTagger",
    "CRNNTagger",
    "is_labeled",
    "mask_labels",
    "LabeledOnly",
    "UnlabeledInTrain",
    "labeled_scorer",
]
