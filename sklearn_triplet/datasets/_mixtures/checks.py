"""Settings of a mixed corpus as the user gave them in, checked ones out."""

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from sklearn_triplet._input.parameters import check_interval
from sklearn_triplet.datasets._base import check_pair
from sklearn_triplet.datasets._mixtures.signals import MixSettings
from sklearn_triplet.datasets._mixtures.splits import OWNER
from sklearn_triplet.datasets._scenes import check_lengths


def check_settings(
    duration: float, sample_rate: int, n_events: Any, event_duration: Any, snr: Any,
    background_level: Any, empty_fraction: float,
) -> MixSettings:  # fmt: skip
    """Refuse what is out of range; gather what a single clip needs to know.

    Parameters
    ----------
    duration, sample_rate, n_events, event_duration, snr, background_level, \
            empty_fraction
        See ``mix_soundscapes``.

    Returns
    -------
    settings : MixSettings
    """
    whole, real = numbers.Integral, numbers.Real
    check_interval(OWNER, "duration", duration, real, 0.1, 600)
    check_interval(OWNER, "sample_rate", sample_rate, whole, 8000, 96_000)
    check_interval(OWNER, "empty_fraction", empty_fraction, real, 0, 1)
    lengths = check_lengths(OWNER, event_duration, duration)
    return MixSettings(
        duration,
        sample_rate,
        check_pair(OWNER, "n_events", n_events, whole, 1, np.inf),
        lengths,
        check_pair(OWNER, "snr", snr, real, -60, 60),
        check_pair(OWNER, "background_level", background_level, real, -80, 0),
        empty_fraction,
    )


def check_counts(n_clips: Any, splits: list[str]) -> dict[str, int]:
    """Refuse numbers of clips that are not one for each split.

    Parameters
    ----------
    n_clips : int or dict
    splits : list of str

    Returns
    -------
    counts : dict of str to int
    """
    if not isinstance(n_clips, Mapping):
        n_clips = dict.fromkeys(splits, n_clips)
    _refuse_other_splits("n_clips", n_clips, splits)
    for name in splits:
        if name not in n_clips:
            raise ValueError(
                f"The 'n_clips' parameter of {OWNER} must have a number for each "
                f"split. There is none for {name!r}: add it, or give one integer."
            )
        check_interval(OWNER, "n_clips", n_clips[name], numbers.Integral, 1)
    return dict(n_clips)


def check_fractions(labeled_fraction: Any, splits: list[str]) -> dict[str, float]:
    """Refuse shares of labeled clips out of range; a number is for the first split.

    Parameters
    ----------
    labeled_fraction : float or dict
    splits : list of str

    Returns
    -------
    fractions : dict of str to float
    """
    if not isinstance(labeled_fraction, Mapping):
        labeled_fraction = {splits[0]: labeled_fraction}
    _refuse_other_splits("labeled_fraction", labeled_fraction, splits)
    for value in labeled_fraction.values():
        check_interval(
            OWNER, "labeled_fraction", value, numbers.Real, 0, 1, left="open"
        )
    return dict(labeled_fraction)


def _refuse_other_splits(name: str, given: Mapping, splits: list[str]) -> None:
    for split in given:
        if split not in splits:
            raise ValueError(
                f"The {name!r} parameter of {OWNER} names the split {split!r}, which "
                f"is none of {splits}. Correct it or add it to 'splits'."
            )
