"""Paths (n_recordings,), classes and folds in; a pool of recordings a split, out."""

import numbers
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from sklearn_triplet._input.labels import UNLABELED
from sklearn_triplet._input.parameters import is_inside
from sklearn_triplet.datasets._mixtures.signals import Pool
from sklearn_triplet.datasets._mixtures.sources import Recordings, Sounding
from sklearn_triplet.datasets._mixtures.splits import (
    OWNER,
    assign,
    check_length,
    check_paths,
    read_classes,
    refuse_shared,
)

# kind of a recording that is a background, beside UNLABELED and the classes
BACKGROUND = -2


@dataclass
class Collection:
    """All recordings: of events first, then those for backgrounds.

    Attributes
    ----------
    paths : list of str
    kind : ndarray of shape (n_recordings,), int
        Column of the class, UNLABELED or BACKGROUND.
    fold : ndarray of shape (n_recordings,) or None
    names : list of str
        The classes of events.
    has_backgrounds : bool
        Whether backgrounds are recordings.
    """

    paths: list[str]
    kind: np.ndarray
    fold: np.ndarray | None
    names: list[str]
    has_backgrounds: bool


def read_collection(
    paths: Any,
    y: Any,
    fold: Any,
    target_names: Sequence[str] | None,
    backgrounds: Any,
    background_fold: Any,
    background_classes: Sequence[Any] | None,
) -> Collection:
    """Refuse what does not fit together.

    Parameters
    ----------
    paths, y, fold, target_names, backgrounds, background_fold, background_classes
        See ``mix_soundscapes``.

    Returns
    -------
    collection : Collection
    """
    paths = check_paths("paths", paths)
    y = check_length("y", y, "paths", len(paths))
    kind, names = read_classes(y, target_names)
    fold = None if fold is None else check_length("fold", fold, "paths", len(paths))
    apart = _find_classes(background_classes, names, target_names is not None)
    kind, names = _set_apart(kind, names, apart)
    if backgrounds is None:
        has_backgrounds = bool((kind == BACKGROUND).any())
        return Collection(paths, kind, fold, names, has_backgrounds)
    more = check_paths("backgrounds", backgrounds)
    if fold is not None:
        if background_fold is None:
            raise ValueError(
                f"The 'backgrounds' parameter of {OWNER} needs 'background_fold' where "
                "'fold' is given: say which fold each background belongs to."
            )
        rows = check_length(
            "background_fold", background_fold, "backgrounds", len(more)
        )
        fold = np.concatenate([fold, rows])
    kind = np.concatenate([kind, np.full(len(more), BACKGROUND)])
    return Collection(paths + more, kind, fold, names, True)


def _find_classes(given: Any, names: list[str], has_indices: bool) -> list[str]:
    """Name the classes of the backgrounds, which may be given as y has them."""
    if given is None:
        return []
    is_list = isinstance(given, Iterable) and not isinstance(given, str)
    apart = []
    for value in given if is_list else [given]:
        if has_indices and is_inside(value, numbers.Integral, 0, len(names) - 1):
            apart.append(names[value])
        elif (isinstance(value, str) or not has_indices) and str(value) in names:
            apart.append(str(value))
        else:
            raise ValueError(
                f"The 'background_classes' parameter of {OWNER} must be among the "
                f"classes {names}{' or their indices' * has_indices}. Got {value!r} "
                "instead."
            )
    return apart


def _set_apart(
    kind: np.ndarray, names: list[str], apart: list[str]
) -> tuple[np.ndarray, list[str]]:
    """Make backgrounds of some classes, and number the others anew."""
    left = [name for name in names if name not in apart]
    if not left:
        raise ValueError(
            f"{OWNER} has no class of events: y and 'background_classes' leave none. "
            "Give labeled recordings of at least one more class."
        )
    columns = [left.index(name) if name in left else BACKGROUND for name in names]
    # the last entry is what UNLABELED picks
    return np.array([*columns, UNLABELED])[kind], left


def gather_pools(
    collection: Collection,
    splits: dict[str, Any],
    recordings: Recordings,
    seed: int,
    n_jobs: int | None,
) -> tuple[list[Pool], list[str], list[str]]:
    """Find what sounds, and give it to the splits.

    Parameters
    ----------
    collection : Collection
    splits : dict
        As ``check_splits`` returns it.
    recordings : Recordings
    seed : int
    n_jobs : int or None

    Returns
    -------
    pools : list of Pool
    unused, skipped : list of str
        Paths that are in no split, and silent ones.
    """
    split = assign(splits, collection.fold, collection.kind, seed)
    split[collection.kind == UNLABELED] = -1
    refuse_shared(collection.paths, collection.kind, split, list(splits))
    rows = np.flatnonzero(split >= 0)
    found = Parallel(n_jobs=n_jobs, require="sharedmem")(
        delayed(_find_sounding)(recordings, row, collection.paths[row]) for row in rows
    )
    soundings = {
        collection.paths[row]: sounding
        for row, sounding in zip(rows, found, strict=True)
        if sounding is not None
    }
    pools = [
        _gather_pool(collection, name, np.flatnonzero(split == position), soundings)
        for position, name in enumerate(splits)
    ]
    unused = [collection.paths[row] for row in np.flatnonzero(split < 0)]
    used = [collection.paths[row] for row in rows]
    return pools, unused, [path for path in used if path not in soundings]


def _find_sounding(recordings: Recordings, row: int, path: str) -> Sounding | None:
    try:
        return recordings.find_sounding(path)
    except (OSError, ValueError) as error:
        kind = FileNotFoundError if isinstance(error, FileNotFoundError) else ValueError
        raise kind(f"Recording {row} of {OWNER} cannot be used: {error}") from error


def _gather_pool(
    collection: Collection, name: str, rows: np.ndarray, soundings: dict[str, Sounding]
) -> Pool:
    kinds: dict[int, list[str]] = {BACKGROUND: []}
    for row in rows:
        if collection.paths[row] in soundings:
            kinds.setdefault(int(collection.kind[row]), []).append(
                collection.paths[row]
            )
    for column, label in enumerate(collection.names):
        if column not in kinds:
            raise ValueError(
                f"The class {label!r} has no sounding recording in the split {name!r} "
                f"of {OWNER}. Change 'splits', or leave the class out of 'paths' and y."
            )
    if collection.has_backgrounds and not kinds[BACKGROUND]:
        raise ValueError(
            f"There is no sounding background in the split {name!r} of {OWNER}. Change "
            "'splits', or give more backgrounds."
        )
    of_class = [kinds[column] for column in range(len(collection.names))]
    return Pool(name, of_class, kinds[BACKGROUND], soundings)
