"""What the corpora share: refusals in sentences, folders, seeds, hidden labels."""

import numbers
from pathlib import Path

import numpy as np

UNLABELED = -1


def check_between(owner, name, value, kind, low, high, *, left="closed"):
    """Refuse a parameter of a function outside its range, in a sentence.

    Parameters
    ----------
    owner : str
        The function whose parameter it is.
    name : str
        The parameter.
    value : object
        What the user gave.
    kind : {numbers.Integral, numbers.Real}
        What it must be; booleans are neither.
    low, high : number
        The interval, closed on the right.
    left : {"closed", "open"}, default="closed"
        Whether ``low`` itself is allowed.

    Returns
    -------
    value : object
        As given.

    Raises
    ------
    ValueError
        Where the value is of another kind or outside the interval.

    Examples
    --------
    >>> import numbers
    >>> check_between("make", "n_classes", 3, numbers.Integral, 1, 10)
    3
    """
    if _is_inside(value, kind, low, high, left):
        return value
    noun = "an integer" if kind is numbers.Integral else "a number"
    opening, closing = "[" if left == "closed" else "(", ")" if high == np.inf else "]"
    raise ValueError(
        f"The {name!r} parameter of {owner} must be {noun} in {opening}{low}, "
        f"{high}{closing}. Got {value!r} instead."
    )


def check_pair(owner, name, value, kind, low, high):
    """Refuse a range that is not two ascending numbers within [low, high].

    Parameters
    ----------
    owner, name, value, kind, low, high
        As in :func:`check_between`; ``value`` is the pair.

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
        and all(_is_inside(bound, kind, low, high, "closed") for bound in value)
        and value[0] <= value[1]
    ):
        return tuple(value)
    nouns = "integers" if kind is numbers.Integral else "numbers"
    closing = ")" if high == np.inf else "]"
    raise ValueError(
        f"The {name!r} parameter of {owner} must be two ascending {nouns} (lowest, "
        f"highest) in [{low}, {high}{closing}. Got {value!r} instead."
    )


def check_option(owner, name, value, options):
    """Refuse a parameter of a function that is none of the options, in a sentence."""
    if any(value is option or value == option for option in options):
        return value
    raise ValueError(
        f"The {name!r} parameter of {owner} must be one of {list(options)}. "
        f"Got {value!r} instead."
    )


def existing_folder(owner, data_home):
    """Find the folder a corpus was unpacked into.

    Parameters
    ----------
    owner : str
        The function that asks, for the message.
    data_home : str or path-like
        The folder; ``~`` is the home folder of the user.

    Returns
    -------
    folder : pathlib.Path

    Raises
    ------
    FileNotFoundError
        Where there is no such folder.
    """
    folder = Path(data_home).expanduser()
    if folder.is_dir():
        return folder
    found = "a file" if folder.exists() else "nothing"
    raise FileNotFoundError(
        f"The 'data_home' parameter of {owner} must be an existing folder. There is "
        f"{found} at {str(folder)!r}: unpack the corpus there, or give the folder that "
        "holds it."
    )


def seed_from(owner, random_state):
    """Turn any kind of random state into one integer, leaving the global one alone.

    Parameters
    ----------
    owner : str
        The function that asks, for the message.
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None
        A generator is drawn from once.

    Returns
    -------
    seed : int

    Raises
    ------
    ValueError
        Where it is none of these, or negative.

    Examples
    --------
    >>> seed_from("make", 7)
    7
    """
    if random_state is None:
        return int(np.random.SeedSequence().entropy)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31 - 1))
    check_between(owner, "random_state", random_state, numbers.Integral, 0, np.inf)
    return int(random_state)


def hide_labels(truth, labeled_fraction, seed):
    """Put a row of -1 where a clip loses its labels.

    Parameters
    ----------
    truth : ndarray of shape (n_clips, n_classes), int64
        1 where a class is present.
    labeled_fraction : float
        In (0, 1].
    seed : int
        Decides which clips stay labeled.

    Returns
    -------
    target : ndarray of shape (n_clips, n_classes), int64
        At least one row is as in ``truth``; every class that is present somewhere is
        in one of them if there are enough.

    Examples
    --------
    >>> hide_labels(np.array([[1], [0], [0]]), 0.34, seed=0)
    array([[ 1], [-1], [-1]])
    """
    n_labeled = max(1, round(labeled_fraction * len(truth)))
    order = np.random.default_rng(seed).permutation(len(truth))
    # the rarest class first, for its clips bring others along
    chosen = []
    for column in np.argsort(truth.sum(axis=0), kind="stable"):
        holders = order[truth[order, column] == 1]
        if len(holders) and not truth[chosen, column].any():
            chosen.append(holders[0])
    chosen += [clip for clip in order if clip not in chosen]
    target = truth.copy()
    target[chosen[n_labeled:]] = UNLABELED
    return target


def _is_inside(value, kind, low, high, left):
    if not isinstance(value, kind) or isinstance(value, bool | np.bool_):
        return False
    return low <= value <= high and not (left == "open" and value == low)
