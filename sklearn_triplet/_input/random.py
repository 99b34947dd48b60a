"""``random_state`` of an estimator or a function in; generators and seeds out.

This is the one place where chance enters the library. Everything else is handed a
generator or a seed that was made here.
"""

from __future__ import annotations

import numbers

import numpy as np
from sklearn.utils import check_random_state

from sklearn_triplet._input.parameters import check_interval
from sklearn_triplet._input.types import RandomState

# one more than the largest seed: check_random_state and torch both take what is below
SEED_LIMIT = 2**31 - 1


def make_rng(
    random_state: RandomState | np.random.Generator,
) -> np.random.RandomState | np.random.Generator:
    """Return the generator that a ``random_state`` stands for.

    Parameters
    ----------
    random_state : int, RandomState, Generator or None
        An integer always stands for the same new generator; a generator is returned
        as it is, so that what is drawn here moves it on; ``None`` means fresh entropy.

    Returns
    -------
    rng : RandomState or Generator
        Both have ``permutation``, ``random`` and ``choice``.

    Raises
    ------
    ValueError
        Where it is none of these, as scikit-learn has it.

    Notes
    -----
    ``check_random_state(None)`` of scikit-learn is numpy's global generator, which a
    fit would then move on. Here nothing that is global is ever touched.

    Examples
    --------
    >>> make_rng(0).permutation(4)
    array([2, 3, 1, 0])
    """
    if random_state is None:
        return np.random.default_rng()
    if isinstance(random_state, np.random.Generator):
        return random_state
    try:
        return check_random_state(random_state)
    except ValueError as error:
        raise ValueError(
            "The 'random_state' parameter must be an integer in [0, 2**32 - 1], a "
            f"generator of numpy or None. Got {random_state!r} instead, which cannot "
            "be used to seed one."
        ) from error


def draw_seeds(random_state: RandomState | np.random.Generator, n: int) -> list[int]:
    """Draw independent seeds, one for each consumer of chance in a fit.

    Parameters
    ----------
    random_state : int, RandomState, Generator or None
        As in ``make_rng``.
    n : int
        How many.

    Returns
    -------
    seeds : list of int
        Each in [0, 2**31 - 1).

    Notes
    -----
    Seeds rather than one generator that is passed around: the weights of a net then do
    not depend on how many numbers its sampling drew before, and what runs in another
    process or in torch can be given an integer.

    Examples
    --------
    >>> draw_seeds(0, 2) == draw_seeds(0, 2)
    True
    """
    rng = make_rng(random_state)
    # the same draw, under the two names that numpy has for it
    if isinstance(rng, np.random.Generator):
        return [int(seed) for seed in rng.integers(SEED_LIMIT, size=n)]
    return [int(seed) for seed in rng.randint(SEED_LIMIT, size=n)]


def seed_from(
    owner: str,
    random_state: int | np.random.RandomState | np.random.Generator | None,
) -> int:
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
    generators = np.random.RandomState, np.random.Generator
    if random_state is None or isinstance(random_state, generators):
        return draw_seeds(random_state, 1)[0]
    # an integer is its own seed, however large
    return int(check_interval(owner, "random_state", random_state, numbers.Integral, 0))
