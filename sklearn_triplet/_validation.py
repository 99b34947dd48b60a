"""Checks of parameters and clips; every refusal is a sentence with a cure."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeGuard, TypeVar, cast

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import validate_data

from sklearn_triplet._types import ClipsLike
from sklearn_triplet.segments import Clips

if TYPE_CHECKING:
    from sklearn_triplet._training import Trainable

End: TypeAlias = Literal["closed", "open"]
Value = TypeVar("Value")


def check_clips(estimator: BaseEstimator, X: ClipsLike, *, reset: bool) -> Clips:
    """Read X by the conventions of the library.

    Parameters
    ----------
    estimator : estimator
        Whose ``n_features_in_`` and ``feature_names_in_`` are set or checked.
    X : array-like of shape (n_clips, n_features, n_frames) or (n_samples, \
            n_features), or sequence of arrays (n_features, n_frames_i)
        Dense clips may end in frames of only NaN, which are padding.
    reset : bool
        Whether to set (fit) or to check (transform) the number of features.

    Returns
    -------
    clips : Clips
        Read as float32, with the number of valid frames of each clip. Neither copied
        nor converted here, so that a memory map stays one.

    Raises
    ------
    ValueError
        Where a clip is empty, has another number of features, or holds infinite
        values or NaN before its last valid frame.
    """
    name = type(estimator).__name__
    if _is_ragged(X):
        arrays = [np.asarray(clip) for clip in X]
        _refuse_other_shapes(arrays, name)
        validate_data(estimator, X=arrays, skip_check_array=True, reset=reset)
    else:
        arrays = validate_data(
            estimator,
            X,
            # clips are converted when they are read: they may not fit in memory
            dtype=None if _holds_clips(X) else np.float32,
            allow_nd=True,
            ensure_all_finite=False,
            reset=reset,
        )
        if arrays.ndim > 3:
            raise ValueError(
                f"X of {name} must have shape (n_clips, n_features, n_frames) or "
                f"(n_samples, n_features). Got an array of shape {arrays.shape}."
            )
        if arrays.ndim == 2:
            assert_all_finite(arrays, input_name="X", estimator_name=name)
            lengths = np.ones(len(arrays), dtype=np.int64)
            return Clips(arrays[:, :, None], lengths, flat=True)
    if not arrays[0].shape[0]:
        raise ValueError(f"The clips given to {name} have 0 features.")
    lengths = np.array([_valid_frames(clip, i, name) for i, clip in enumerate(arrays)])
    return Clips(arrays, lengths)


def _holds_clips(X: ClipsLike) -> bool:
    """Whether X is an array of clips that needs no conversion as a whole."""
    return isinstance(X, np.ndarray) and X.ndim == 3 and X.dtype.kind in "biuf"


def _is_ragged(X: ClipsLike) -> TypeGuard[Sequence[ArrayLike]]:
    """Whether X is a sequence of 2-D clips rather than one dense array."""
    if isinstance(X, np.ndarray):
        return X.dtype == object and X.ndim == 1 and X.size > 0 and np.ndim(X[0]) == 2
    if not isinstance(X, list | tuple) or not len(X):
        return False
    try:
        return np.ndim(X[0]) == 2
    except ValueError:  # nested lists of unequal length
        return False


def _refuse_other_shapes(arrays: Sequence[np.ndarray], name: str) -> None:
    n_features = arrays[0].shape[0]
    for i, clip in enumerate(arrays):
        if clip.dtype.kind not in "biuf":
            raise ValueError(
                f"Clip {i} given to {name} must hold real numbers. Got dtype "
                f"{clip.dtype}: convert it to float32."
            )
        if clip.ndim != 2 or clip.shape[0] != n_features:
            raise ValueError(
                f"All clips given to {name} must have shape (n_features, n_frames) "
                f"with the same n_features. Clip 0 has {n_features} features, clip {i} "
                f"has shape {clip.shape}."
            )


def _valid_frames(clip: np.ndarray, i: int, name: str) -> int:
    """Count the frames before the NaN padding; refuse a clip that has other holes."""
    with np.errstate(over="ignore"):  # becomes infinity, which is refused below
        clip = np.asarray(clip).astype(np.float32, copy=False)
    finite = np.isfinite(clip)
    if clip.shape[1] and finite.all():
        return clip.shape[1]
    padding = np.isnan(clip).all(axis=0)
    valid = np.flatnonzero(~padding)
    if not len(valid):
        raise ValueError(
            f"Clip {i} given to {name} is empty: it has no valid frame. "
            "LogMel(errors='warn') returns such rows of NaN for files that it cannot "
            "read: drop these rows from X and y before this step."
        )
    length = valid[-1] + 1
    broken = ~finite[:, :length].all(axis=0)
    if broken.any():
        frame = np.flatnonzero(broken)[0]
        kind = "infinity" if np.isinf(clip[:, frame]).any() else "NaN"
        raise ValueError(
            f"Clip {i} given to {name} contains {kind} in frame {frame}. Only trailing "
            "frames may be NaN (padding): repair the features or drop the clip."
        )
    return int(length)


def check_number(
    estimator: object,
    name: str,
    kind: type,
    low: float,
    high: float = np.inf,
    *,
    left: End = "closed",
    right: End = "closed",
) -> object:
    """Refuse a parameter of an estimator outside its range, in a sentence."""
    owner, value = type(estimator).__name__, getattr(estimator, name)
    return check_interval(owner, name, value, kind, low, high, left=left, right=right)


def check_interval(
    owner: str,
    name: str,
    value: Value,
    kind: type,
    low: float,
    high: float = np.inf,
    *,
    left: End = "closed",
    right: End = "closed",
) -> Value:
    """Refuse a value outside its range, in a sentence.

    Parameters
    ----------
    owner, name : str
        Whose parameter it is, and its name.
    value : object
        What the user gave.
    kind : {numbers.Integral, numbers.Real}
        What it must be; booleans are neither.
    low, high : number
        The interval; infinity is never in it.
    left, right : {"closed", "open"}, default="closed"
        Whether the ends belong to it.

    Returns
    -------
    value : object
        As given.

    Examples
    --------
    >>> check_interval("make", "n_classes", 3, numbers.Integral, 1, 10)
    3
    """
    if is_inside(value, kind, low, high, left, right):
        return value
    noun = "an integer" if kind is numbers.Integral else "a number"
    opening = "[" if left == "closed" else "("
    closing = "]" if right == "closed" and high != np.inf else ")"
    raise ValueError(
        f"The {name!r} parameter of {owner} must be {noun} in {opening}{low}, "
        f"{high}{closing}. Got {value!r} instead."
    )


def is_inside(
    value: object,
    kind: type,
    low: float,
    high: float,
    left: End = "closed",
    right: End = "closed",
) -> bool:
    """Tell whether a value is a number of a kind in an interval."""
    if not isinstance(value, kind) or isinstance(value, bool | np.bool_):
        return False
    number = cast("float", value)  # or another kind; numbers.Real has no ">"
    above = number > low or (left == "closed" and number == low)
    below = number < high or (right == "closed" and number == high < np.inf)
    return above and below


def check_choice(estimator: object, name: str, choices: Iterable[object]) -> object:
    """Refuse a parameter of an estimator that is none of the choices."""
    return check_option(
        type(estimator).__name__, name, getattr(estimator, name), choices
    )


def check_option(
    owner: str, name: str, value: Value, options: Iterable[object]
) -> Value:
    """Refuse a value that is none of the options, in a sentence."""
    if any(value is option or value == option for option in options):
        return value
    raise ValueError(
        f"The {name!r} parameter of {owner} must be one of {list(options)}. "
        f"Got {value!r} instead."
    )


def check_callable(estimator: object, name: str, example: str) -> object:
    """Refuse a parameter that cannot be called, in a sentence."""
    value = getattr(estimator, name)
    if callable(value):
        return value
    raise ValueError(
        f"The {name!r} parameter of {type(estimator).__name__} must be a class or "
        f"another callable, such as {example}. Got {value!r} instead."
    )


def check_loop(estimator: Trainable) -> None:
    """Refuse what no estimator can give to its training loop."""
    check_number(estimator, "patience", numbers.Integral, 1)
    check_number(estimator, "lr", numbers.Real, 0, left="open")
    check_callable(estimator, "optimizer", "torch.optim.Adam")
    check_device(estimator)
    name = type(estimator).__name__
    if not isinstance(estimator.callbacks, list | tuple | None):
        raise ValueError(
            f"The 'callbacks' parameter of {name} must be a list of skorch callbacks "
            f"or None. Got {estimator.callbacks!r} instead."
        )
    if not isinstance(estimator.verbose, bool):
        check_number(estimator, "verbose", numbers.Integral, 0)
    if estimator.validation_fraction is not None:
        name, kind = "validation_fraction", numbers.Real
        check_number(estimator, name, kind, 0, 1, left="open", right="open")


def check_device(estimator: Trainable) -> None:
    """Refuse a device that torch does not know, or that this machine lacks."""
    owner, value = type(estimator).__name__, estimator.device
    try:
        device = torch.device(value)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"The 'device' parameter of {owner} must be a device of torch, such as "
            f"'cpu' or 'cuda'. Got {value!r} instead."
        ) from error
    n_mps = int(torch.backends.mps.is_available())
    found = {"cuda": torch.cuda.device_count(), "mps": n_mps}
    if (device.index or 0) >= found.get(device.type, np.inf):
        raise ValueError(
            f"The 'device' parameter of {owner} asks for {value!r}, but torch "
            f"{torch.__version__} finds no such device here. Choose 'cpu', or install "
            "a torch that was built for the device."
        )
