"""Audio embeddings from a little labeled and a lot of unlabeled sound.

The names stand in the order of the way of the data: recordings, features, selection of
triplets, embedding, tags, the evaluation of all that with few labels, and pictures.
"""

from sklearn_triplet import datasets
from sklearn_triplet._displays.embedding import EmbeddingDisplay
from sklearn_triplet._displays.history import HistoryDisplay
from sklearn_triplet._displays.tags import TagDisplay
from sklearn_triplet._displays.triplets import TripletDisplay, sample_triplets
from sklearn_triplet._embedder import TripletEmbedder
from sklearn_triplet._events import find_events
from sklearn_triplet._features.log_mel import LogMel
from sklearn_triplet._input.labels import is_labeled
from sklearn_triplet._model_selection.folds import UnlabeledInTrain
from sklearn_triplet._model_selection.labeled_only import LabeledOnly
from sklearn_triplet._model_selection.pseudo_labeled import PseudoLabeled
from sklearn_triplet._model_selection.scoring import labeled_scorer
from sklearn_triplet._model_selection.stratification import (
    MultilabelStratifiedKFold,
    mask_labels,
)
from sklearn_triplet._model_selection.thresholds import TunedThresholds
from sklearn_triplet._onnx import export_onnx
from sklearn_triplet._persistence import load_model, save_model
from sklearn_triplet._review_page.page import write_review_page
from sklearn_triplet._sampling.augmentations import (
    Chain,
    EnergyMixing,
    Equalizer,
    FeatureDropout,
    FrequencyMask,
    FrequencyShift,
    Gain,
    NeighborMixing,
    OneOf,
    RandomCrop,
    RandomNoise,
    TimeMask,
)
from sklearn_triplet._sampling.checks import check_selector
from sklearn_triplet._sampling.negatives import (
    Candidates,
    NegativeSelector,
    OtherLabel,
    OtherPseudoLabel,
    RandomNegative,
    SemiHard,
)
from sklearn_triplet._sampling.positives import (
    Nearest,
    PositiveSelector,
    SameLabel,
    SamePseudoLabel,
    Transformed,
)
from sklearn_triplet._sampling.segments import SegmentedClips, Units
from sklearn_triplet._sampling.strategies import STRATEGIES, Strategy
from sklearn_triplet._sampling.transforms import (
    ExampleMixing,
    GaussianNoise,
    TemporalProximity,
    TimeFrequencyShift,
    Transformation,
)
from sklearn_triplet._taggers import CRNNTagger, SequenceTagger
from sklearn_triplet._training.networks import (
    ConvEncoder,
    DeepConvEncoder,
    DenseEncoder,
)
from sklearn_triplet._triplet_tagger import TripletTagger

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
    "Chain",
    "OneOf",
    "RandomCrop",
    "FrequencyShift",
    "Gain",
    "Equalizer",
    "EnergyMixing",
    "RandomNoise",
    "TimeMask",
    "FrequencyMask",
    "FeatureDropout",
    "NeighborMixing",
    "PositiveSelector",
    "SameLabel",
    "Transformed",
    "SamePseudoLabel",
    "Nearest",
    "Candidates",
    "NegativeSelector",
    "OtherLabel",
    "OtherPseudoLabel",
    "RandomNegative",
    "SemiHard",
    "Strategy",
    "STRATEGIES",
    "check_selector",
    "ConvEncoder",
    "DeepConvEncoder",
    "DenseEncoder",
    "TripletEmbedder",
    "SequenceTagger",
    "CRNNTagger",
    "TripletTagger",
    "find_events",
    "is_labeled",
    "mask_labels",
    "LabeledOnly",
    "PseudoLabeled",
    "TunedThresholds",
    "UnlabeledInTrain",
    "MultilabelStratifiedKFold",
    "labeled_scorer",
    "write_review_page",
    "sample_triplets",
    "TripletDisplay",
    "HistoryDisplay",
    "EmbeddingDisplay",
    "TagDisplay",
    "save_model",
    "load_model",
    "export_onnx",
]
