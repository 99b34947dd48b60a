"""Paths, classes and folds (n_recordings,) in; the split of each recording out."""

import numbers
import os
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from sklearn_triplet._input.labels import UNLABELED, as_label_array, check_labels
from sklearn_triplet._input.parameters import is_inside

OWNER = "mix_soundscapes"
ONLY_SPLIT = "train"
# a split names its files
SPLIT_NAME = re.compile(r"[\w-]+")
# far from the numbers that splits get
DEAL = 2**32


def check_paths(name: str, paths: Any) -> list[str]:
    """Refuse what is no list of paths; return them as strings."""
    paths = paths.tolist() if hasattr(paths, "tolist") else paths
    is_list = isinstance(paths, Iterable) and not isinstance(paths, str | os.PathLike)
    paths = list(paths) if is_list else []
    if paths and all(isinstance(path, str | os.PathLike) for path in paths):
        return [str(os.fspath(path)) for path in paths]
    raise ValueError(
        f"The {name!r} parameter of {OWNER} must be a list of paths, at least one. "
        "Give the names of sound files, such as the field 'paths' of load_esc50."
    )


def check_length(name: str, rows: Any, of: str, n_paths: int) -> np.ndarray:
    """Refuse labels or folds that are not one for each path."""
    rows = as_label_array(rows)
    if len(rows) == n_paths:
        return rows
    raise ValueError(
        f"The {name!r} parameter of {OWNER} must hold one entry for each path in "
        f"{of!r}. Got {len(rows)} entries for {n_paths} paths."
    )


def read_classes(
    y: np.ndarray, target_names: Sequence[str] | None
) -> tuple[np.ndarray, list[str]]:
    """Read one class per recording.

    Parameters
    ----------
    y : ndarray of shape (n_recordings,)
    target_names : sequence of str or None
        Where given, y holds indices of it.

    Returns
    -------
    column : ndarray of shape (n_recordings,), int64
        Index of the class; -1 where unlabeled.
    names : list of str
    """
    if y.ndim > 1:
        raise ValueError(
            f"{OWNER} mixes recordings of one class each. Got a y of shape {y.shape}: "
            "give y of shape (n_recordings,), and leave out recordings of several "
            "classes."
        )
    if target_names is None:
        labels = check_labels(y, len(y), OWNER)
        if not len(labels.classes):
            return np.full(len(y), UNLABELED), []
        column = np.where(labels.labeled, labels.present.argmax(axis=1), UNLABELED)
        return column, [str(name) for name in labels.classes]
    n_names = len(target_names)
    for label in y.tolist():
        if not is_inside(label, numbers.Integral, UNLABELED, n_names - 1):
            raise ValueError(
                f"With 'target_names', y of {OWNER} must hold integers in [0, "
                f"{n_names - 1}], or -1 where unlabeled. Got {label!r}."
            )
    return y.astype(np.int64), [str(name) for name in target_names]


def check_splits(splits: Any, has_folds: bool) -> dict[str, Any]:
    """Refuse what does not name splits; a dict of tuples of folds, or of shares."""
    splits = {ONLY_SPLIT: None if has_folds else 1.0} if splits is None else splits
    is_named = isinstance(splits, Mapping) and all(
        isinstance(name, str) and SPLIT_NAME.fullmatch(name) for name in splits
    )
    if not is_named or not splits:
        raise ValueError(
            f"The 'splits' parameter of {OWNER} must be a dict with names of letters, "
            f"digits, '_' and '-' as keys. Got {splits!r} instead."
        )
    if has_folds and any(value is None for value in splits.values()):
        raise ValueError(
            f"The 'fold' parameter of {OWNER} needs 'splits', which say what a fold is "
            "for: give such as {'train': (1, 2, 3), 'validation': 4, 'evaluation': 5}."
        )
    return _as_tuples(splits) if has_folds else _as_shares(splits)


def _as_tuples(splits: Mapping[str, Any]) -> dict[str, tuple[Hashable, ...]]:
    folds = {name: _list_folds(value) for name, value in splits.items()}
    taken: dict[Hashable, str] = {}
    for name, values in folds.items():
        for value in values:
            if not isinstance(value, Hashable):
                raise ValueError(
                    f"The 'splits' parameter of {OWNER} must hold a fold, or a list of "
                    f"folds, for each split. Got {splits[name]!r} for {name!r}."
                )
            if taken.setdefault(value, name) != name:
                raise ValueError(
                    f"The 'splits' parameter of {OWNER} must give a fold to one split "
                    f"only. Fold {value!r} is in {taken[value]!r} and in {name!r}."
                )
    return folds


def _list_folds(value: Any) -> tuple[Any, ...]:
    """List the folds of a split, which may be one, or several in a set or array."""
    value = value.tolist() if hasattr(value, "tolist") else value
    is_list = isinstance(value, Iterable) and not isinstance(value, str)
    return tuple(value) if is_list else (value,)


def _as_shares(splits: Mapping[str, Any]) -> dict[str, float]:
    shares = list(splits.values())
    in_range = [is_inside(share, numbers.Real, 0, 1, left="open") for share in shares]
    if not all(in_range) or sum(shares) > 1 + 1e-9:
        raise ValueError(
            f"Without 'fold', the 'splits' parameter of {OWNER} must hold shares in "
            "(0, 1] that add up to 1 at most, such as {'train': 0.8, 'evaluation': "
            f"0.2}}. Got {splits!r} instead."
        )
    return dict(splits)


def assign(
    splits: dict[str, Any], fold: np.ndarray | None, kind: np.ndarray, seed: int
) -> np.ndarray:
    """Give every recording to one split or to none.

    Parameters
    ----------
    splits : dict
        As ``check_splits`` returns it.
    fold : ndarray of shape (n_recordings,) or None
        None: the recordings of a kind are dealt at random, by the shares.
    kind : ndarray of shape (n_recordings,), int
        The class, or another number for backgrounds.
    seed : int
        Of the corpus.

    Returns
    -------
    split : ndarray of shape (n_recordings,), int
        Position in ``splits``, -1 for none.
    """
    split = np.full(len(kind), -1)
    if fold is not None:
        for position, (name, values) in enumerate(splits.items()):
            for value in values:
                if not (fold == value).any():
                    raise ValueError(
                        f"The split {name!r} of {OWNER} asks for fold {value!r}, in "
                        "which there is no recording. Correct 'splits' or 'fold'."
                    )
                split[fold == value] = position
        return split
    for one_kind in np.unique(kind):
        rng = np.random.default_rng(
            np.random.SeedSequence(seed, spawn_key=(DEAL, int(one_kind) + 2))
        )
        rows = rng.permutation(np.flatnonzero(kind == one_kind))
        bounds = np.rint(np.cumsum([*splits.values()]) * len(rows)).astype(int)
        for position, some in enumerate(np.split(rows, bounds)[:-1]):
            split[some] = position
    return split


def refuse_shared(
    paths: list[str], kind: np.ndarray, split: np.ndarray, names: list[str]
) -> None:
    """Refuse a recording that was listed twice, in two splits or with two classes."""
    first: dict[str, tuple[int, int]] = {}
    for row, path in enumerate(paths):
        if split[row] < 0:
            continue
        here = int(split[row]), int(kind[row])
        earlier = first.setdefault(os.path.realpath(path), here)
        if earlier[0] != here[0]:
            raise ValueError(
                f"The recording {path!r} is in the splits {names[earlier[0]]!r} and "
                f"{names[here[0]]!r} of {OWNER}. List every recording once, or all "
                "its rows in one fold."
            )
        if earlier[1] != here[1]:
            raise ValueError(
                f"The recording {path!r} is listed twice in {OWNER}, with different "
                "classes. Leave it out: recordings must be of one class each."
            )
