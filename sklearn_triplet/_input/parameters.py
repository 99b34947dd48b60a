"""Values of parameters in; the same values, or a sentence with a cure, out."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias, TypeVar, cast

import numpy as np

# Units of a layer, and layers: more than any network here has use for. What is beyond
# would end in an error of the allocator, or in none for hours.
LARGEST_WIDTH, LARGEST_DEPTH = 2**13, 2**7

End: TypeAlias = Literal["closed", "open"]
Value = TypeVar("Value")
Bound = TypeVar("Bound", int, float)


def check_number(
    estimator: object,
    name: str,
    kind: type,
    low: float,
    high: float = np.inf,
    *,
    left: End = "closed",
    right: End = "closed",
    most: float = np.inf,
) -> object:
    """Refuse a parameter of an estimator outside its range, in a sentence.

    Parameters
    ----------
    estimator : estimator
        Its class is the owner of the parameter.
    name : str
        Of the parameter.
    kind, low, high, left, right, most
        As in ``check_interval``.

    Returns
    -------
    value : object
        As the user set it.
    """
    owner, value = type(estimator).__name__, getattr(estimator, name)
    return check_interval(
        owner, name, value, kind, low, high, left=left, right=right, most=most
    )


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
    most: float = np.inf,
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
    most : number, default=inf
        What is beyond would mean something, but take more memory than there is, or
        leave the range of float32.

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
        if is_inside(value, kind, -np.inf, most, "open", "closed") or most == np.inf:
            return value
        raise ValueError(
            f"The {name!r} parameter of {owner} must be at most {most:g}. Got "
            f"{value!r} instead, which is more than can be computed."
        )
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
    """Tell whether a value is a number of a kind in an interval.

    Parameters
    ----------
    value : object
    kind, low, high, left, right
        As in ``check_interval``.

    Examples
    --------
    >>> is_inside(0.5, numbers.Real, 0, 1), is_inside(True, numbers.Integral, 0, 1)
    (True, False)
    """
    # True is an integer to Python, and hardly ever meant as one
    if not isinstance(value, kind) or isinstance(value, bool | np.bool_):
        return False
    number = cast("float", value)  # or another kind; numbers.Real has no ">"
    above = number > low or (left == "closed" and number == low)
    below = number < high or (right == "closed" and number == high < np.inf)
    return above and below


def check_choice(estimator: object, name: str, choices: Iterable[object]) -> object:
    """Refuse a parameter of an estimator that is none of the choices.

    Parameters
    ----------
    estimator : estimator
    name : str
        Of the parameter.
    choices : iterable
        What it may be.

    Returns
    -------
    value : object
        As the user set it.
    """
    return check_option(
        type(estimator).__name__, name, getattr(estimator, name), choices
    )


def check_option(
    owner: str, name: str, value: Value, options: Iterable[object]
) -> Value:
    """Refuse a value that is none of the options, in a sentence.

    Parameters
    ----------
    owner, name : str
        Whose parameter it is, and its name.
    value : object
        What the user gave.
    options : iterable
        What it may be.

    Returns
    -------
    value : object
        As given.
    """
    # an array or a table compares element by element, and is no option anyway
    is_one = getattr(value, "ndim", 0) == 0
    if any(value is option or (is_one and value == option) for option in options):
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


def check_pair(
    owner: str, name: str, value: Sequence[Bound], kind: type, low: float, high: float
) -> tuple[Bound, Bound]:
    """Refuse a range that is not two ascending numbers within [low, high].

    Parameters
    ----------
    owner, name, value, kind, low, high
        As in ``check_interval``; ``value`` is the pair.

    Returns
    -------
    pair : tuple of (number, number)

    Raises
    ------
    ValueError
        Where the value is no pair, descends, or leaves the interval.

    Examples
    --------
    >>> import numbers
    >>> check_pair("make", "snr", [0, 15], numbers.Real, -60, 60)
    (0, 15)
    """
    is_pair = np.ndim(value) == 1 and len(value) == 2
    if (
        is_pair
        and all(is_inside(bound, kind, low, high) for bound in value)
        and value[0] <= value[1]
    ):
        return value[0], value[1]
    nouns = "integers" if kind is numbers.Integral else "numbers"
    closing = ")" if high == np.inf else "]"
    raise ValueError(
        f"The {name!r} parameter of {owner} must be two ascending {nouns} (lowest, "
        f"highest) in [{low}, {high}{closing}. Got {value!r} instead."
    )
