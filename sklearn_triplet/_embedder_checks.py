"""What a TripletEmbedder refuses: parameters, and data that make no triplet."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING

from sklearn_triplet._input.clips import Clips
from sklearn_triplet._input.labels import Labels
from sklearn_triplet._input.parameters import check_choice, check_loop, check_number
from sklearn_triplet._sampling.strategies import check_strategy

if TYPE_CHECKING:
    from sklearn_triplet._embedder import TripletEmbedder


def check_parameters(embedder: TripletEmbedder) -> None:
    """Refuse parameters of a TripletEmbedder outside their ranges."""
    for name in ("n_components", "segment_length"):
        check_number(embedder, name, numbers.Integral, 1)
    check_number(embedder, "max_epochs", numbers.Integral, 0)
    check_number(embedder, "batch_size", numbers.Integral, 2)
    if embedder.n_triplets is not None:
        check_number(embedder, "n_triplets", numbers.Integral, 2)
    check_number(embedder, "labeled_ratio", numbers.Real, 0, 1)
    check_number(embedder, "margin", numbers.Real, 0, left="open")
    check_loop(embedder)
    check_choice(embedder, "pooling", ["mean", "flatten"])
    check_choice(embedder, "scaling", ["feature", "common"])
    check_choice(embedder, "output", ["frames", "clip"])
    check_choice(embedder, "precision", ["float32", "bfloat16"])
    if not callable(embedder.encoder):
        check_choice(embedder, "encoder", ["auto", "conv", "dense"])


STRUCTURE = ("n_components", "encoder", "scaling")


def keep_structure(embedder: TripletEmbedder, goes_on: bool) -> None:
    """Remember what the weights are made for; refuse to go on with another."""
    structure = {name: getattr(embedder, name) for name in STRUCTURE}
    if not goes_on:
        embedder.structure_ = structure
        return
    for name, before in embedder.structure_.items():
        if structure[name] is not before and structure[name] != before:
            raise ValueError(
                f"The {name!r} parameter of TripletEmbedder was {before!r} when its "
                f"network was made and is {structure[name]!r} now. Set it back to go "
                "on with that network, or fit a clone to begin anew."
            )


def check_enough(
    embedder: TripletEmbedder, clips: Clips, labels: Labels, y_is_none: bool
) -> None:
    """Refuse data from which the strategy cannot draw a triplet."""
    strategy = check_strategy(embedder.strategy)
    if len(clips) < 2:
        raise ValueError(
            "TripletEmbedder needs at least 2 clips, since a negative comes from "
            f"another clip than its anchor. Got n_samples = {len(clips)}."
        )
    if not strategy.uses_unlabeled and not labels.labeled.any():
        found = (
            "TripletEmbedder requires y to be passed, but the target y is None"
            if y_is_none
            else "y labels none"
        )
        raise ValueError(
            f"Strategy {embedder.strategy!r} draws triplets from labeled clips only, "
            f"but {found}. Give labels, or choose 's1', 's2' or 's3'."
        )
    if labels.labeled.any() and strategy.labeled_negative.uses_labels:
        if labels.n_kinds < 2:
            n_classes = labels.present.any(axis=0).sum()
            raise ValueError(
                f"Strategy {embedder.strategy!r} takes negatives of another class, but "
                f"the labels in y are of {n_classes} class. Label clips of at "
                "least 2 classes, or choose 's1'."
            )
