"""check_selector: a selector in, nothing out where it keeps to all rules.

In the spirit of ``sklearn.utils.estimator_checks.check_estimator``: small made data, on
which every rule of ``PositiveSelector`` and ``NegativeSelector`` is tried in turn.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import torch
from sklearn.base import clone

from sklearn_triplet._input.types import LabelsLike
from sklearn_triplet._sampling.negatives import (
    Candidates,
    NegativeSelector,
    check_negatives,
)
from sklearn_triplet._sampling.positives import PositiveSelector, check_positives
from sklearn_triplet._sampling.segments import SegmentedClips, Units

Selector: TypeAlias = PositiveSelector | NegativeSelector

N_FEATURES, LENGTH = 4, 6  # small, and none a multiple of the other
# frames of the clips, and labels: what a training set may be like
DATA: dict[str, tuple[list[int], LabelsLike]] = {
    "labeled and unlabeled clips": ([13, 18, 12, 30, 24, 13], [0, -1, 1, 0, -1, 2]),
    "clips of several classes": (
        [13, 18, 12, 30, 24],
        [[1, 0, 1], [1, 1, 0], [0, -1, 1], [0, 0, 0], [-1, -1, -1]],
    ),
    "unlabeled clips": ([12, 18, 13], [-1, -1, -1]),
    "clips of one segment": ([6, 6, 7, 8], [0, 0, 1, -1]),
    "clips with padding": ([2, 13, 5, 1], [0, 0, 1, -1]),
    "a single clip": ([24], [0]),
    "a single clip of one segment": ([6], [0]),
    "rows of a table": ([1, 1, 1, 1, 1], [0, 0, 1, 1, -1]),
}


def check_selector(selector: Selector) -> None:
    """Check that a positive or negative selector keeps to the rules.

    It is tried on small made data: labeled and unlabeled clips, a single clip, clips of
    one segment, with padding, rows of a table, units of one and of two segments; and on
    candidates of all kinds. What the rule of the selector itself is, only a test of
    your own can tell.

    Parameters
    ----------
    selector : PositiveSelector or NegativeSelector
        An instance; it is cloned, and remains as it was.

    Raises
    ------
    AssertionError
        Where a rule is broken, in a sentence that names the selector, the data and the
        rule:

        - it is an instance of a class that inherits from one of the two, can be cloned
          and printed, and ``select`` does not change its parameters;
        - ``select`` runs on all of the data and returns one positive, or one negative,
          per anchor: see ``PositiveSelector.select`` and ``NegativeSelector.select``;
        - it changes nothing that it is given;
        - ``rng``, or ``candidates.noise``, is its only source of chance, and
          ``prepare`` forgets the training set before.

    See Also
    --------
    SegmentedClips.from_arrays : Data for a test of the selector's own rule.
    PositiveSelector, NegativeSelector : The rules.

    Examples
    --------
    >>> from sklearn_triplet import Nearest, SemiHard, check_selector
    >>> check_selector(Nearest(n_neighbors=2))
    >>> check_selector(SemiHard())

    A selector that uses one clip's segments as another's:

    >>> from sklearn_triplet import PositiveSelector
    >>> class Anything(PositiveSelector):
    ...     def select(self, anchors, segments, rng):
    ...         shape = anchors.segments.shape
    ...         return segments.take(rng.integers(len(segments), size=shape))
    >>> check_selector(Anything())
    Traceback (most recent call last):
        ...
    AssertionError: On labeled and unlabeled clips, k = 2: Anything.select must return
    units whose segments are all of the clip in 'clips'. ...
    """
    _check_manners(selector)
    if isinstance(selector, PositiveSelector):
        # one for all training sets: it has to forget each of them
        used = clone(selector)
        for where, segments, anchors in _make_anchors(selector.uses_labels):
            _try_positives(used, segments, anchors, where)
    else:
        for where, candidates in _make_candidates():
            _try_negatives(clone(selector), candidates, where)


def _check_manners(selector: Selector) -> None:
    """Refuse what is no selector, or cannot be cloned and printed as one has to be.

    scikit-learn does both with the parts of an estimator: in a search, and in its repr.
    """
    if isinstance(selector, type):
        raise AssertionError(
            f"check_selector takes an instance. Got the class {selector.__name__}: "
            f"write {selector.__name__}()."
        )
    name = type(selector).__name__
    kinds = (PositiveSelector, NegativeSelector)
    base = next((kind for kind in kinds if isinstance(selector, kind)), None)
    if base is None:
        raise AssertionError(
            f"{name} must inherit from PositiveSelector or NegativeSelector, as class "
            f"{name}(PositiveSelector) does."
        )
    if type(selector).select is base.select:
        raise AssertionError(f"{name} must define select().")
    if not isinstance(selector.uses_labels, bool):
        raise AssertionError(
            f"{name}.uses_labels must be True or False. Got {selector.uses_labels!r}."
        )
    _check_clone(selector, name)


def _check_clone(selector: Selector, name: str) -> None:
    try:
        repr(clone(selector))
    except Exception as error:  # whatever an __init__ may do
        raise AssertionError(
            f"{name} cannot be cloned and printed: {error} Its __init__ must store its "
            "parameters under their names, and do nothing else."
        ) from error


def _make_anchors(
    labeled_only: bool,
) -> Iterator[tuple[str, SegmentedClips, Units]]:
    """Make training sets, and anchors of one or two segments.

    Yields
    ------
    where : str
        The data, in words, for the sentences.
    segments : SegmentedClips
    anchors : Units
        Every segment that may be one, two of them twice; then the first of them alone.
    """
    for name, (lengths, y) in DATA.items():
        rng = np.random.default_rng(0)
        arrays = [rng.normal(-3, 2, (N_FEATURES, n)) for n in lengths]
        segments = SegmentedClips.from_arrays(arrays, y, segment_length=LENGTH)
        can = segments.labels.labeled if labeled_only else np.ones(len(lengths), bool)
        ids = np.flatnonzero(can[segments.clip_of])
        # more than once: a batch may have an anchor twice
        ids = np.append(ids, ids[:2])
        if not len(ids):
            continue
        for k in (1, 2):
            units = segments.add_of_same_clip(ids, k, rng)
            yield f"{name}, k = {k}", segments, segments.take(units)
            yield f"one anchor of {name}, k = {k}", segments, segments.take(units[:1])
        labeled = segments.labels.labeled
        if labeled.any() and not labeled.all():
            like = segments.labels.take(np.flatnonzero(labeled)[:1])
            guessed = np.flatnonzero(~labeled)[:1]
            segments.guess(guessed, like, np.full(like.present.shape, 0.6))
            units = ids[:, None]
            yield f"{name}, one of them guessed", segments, segments.take(units)


def _try_positives(
    used: PositiveSelector, segments: SegmentedClips, anchors: Units, where: str
) -> None:
    """Select twice, by a selector that has seen other data and by a new one.

    Parameters
    ----------
    used : PositiveSelector
        Has been prepared for other training sets before.
    segments : SegmentedClips
    anchors : Units
    where : str
    """

    def select(selector: PositiveSelector) -> object:
        ids = np.unique(anchors.segments)
        selector.prepare(segments, ids)
        selector.prepare_epoch(segments, ids)
        return selector.select(anchors, segments, np.random.default_rng(0))

    fresh = clone(used)
    given = anchors, segments
    positives = _try(lambda: select(used), used, given, where)
    try:
        check_positives(positives, anchors, segments, used)
    except ValueError as error:
        raise AssertionError(f"On {where}: {error}") from error
    again = _try(lambda: select(fresh), fresh, given, where)
    if not _equal(positives, again):
        raise AssertionError(
            f"On {where}: {type(used).__name__}.select returned other positives the "
            "second time. Draw by rng alone, and forget in prepare what another "
            "training set has left."
        )


def _make_candidates() -> Iterator[tuple[str, Candidates]]:
    """Make candidates of some anchors.

    Yields
    ------
    where : str
        What they are like, in words, for the sentences.
    candidates : Candidates
        With a row per anchor and two columns per anchor, as in a batch.
    """
    draw = torch.Generator().manual_seed(0)
    kinds = {
        "candidates of all kinds": (6, 0.7),
        "one anchor": (1, 0.7),
        "no candidate that is allowed": (6, 0.0),
        "two candidates a row, and few of them allowed": (1, 0.3),
    }
    for where, (n, share) in kinds.items():
        chance = torch.rand(4, n, 2 * n, generator=draw)
        candidates = Candidates(
            # few values, so that some distances are the same
            distances=(8 * chance[0]).floor(),
            positive_distances=torch.full((n,), 4.0),
            allowed=chance[1] < share,
            # never both, and neither where a label is not known
            shares_label=chance[2] < 0.3,
            other_label=chance[2] > 0.6,
            noise=chance[3],
            # of some more it is guessed
            shares_pseudo_label=chance[2] < 0.4,
            other_pseudo_label=chance[2] > 0.5,
        )
        yield where, candidates
        # a collapsed embedding must not crash the fit that will tell of it
        same = torch.zeros_like(candidates.distances)
        collapsed = Candidates(**{**vars(candidates), "distances": same})
        yield f"{where}, all at one point", collapsed


def _try_negatives(
    selector: NegativeSelector, candidates: Candidates, where: str
) -> None:
    """Select twice among the same candidates, where the answer has to be the same."""

    def select() -> object:
        return selector.select(candidates)

    answer = _try(select, selector, (candidates,), where)
    try:
        check_negatives(answer, candidates, selector)
    except ValueError as error:
        raise AssertionError(f"On {where}: {error}") from error
    if not _equal(answer, _try(select, selector, (candidates,), where)):
        raise AssertionError(
            f"On {where}: {type(selector).__name__}.select returned other negatives "
            "the second time. Draw by candidates.noise alone."
        )


def _try(
    select: Callable[[], object], selector: Selector, given: object, where: str
) -> object:
    """Call select; refuse an exception and what else it has done but answer.

    Parameters
    ----------
    select : callable
        Without arguments.
    selector : PositiveSelector or NegativeSelector
    given : object
        Everything that it gets, for comparison with a copy.
    where : str

    Returns
    -------
    answer : object
    """
    name = f"{type(selector).__name__}.select"
    before = copy.deepcopy(given), repr(selector), _generators()
    try:
        answer = select()
    except Exception as error:  # whatever a selector may do
        raise AssertionError(
            f"On {where}: {name} raised {type(error).__name__}: {error}"
        ) from error
    if not _equal(given, before[0]):
        raise AssertionError(
            f"On {where}: {name} changed what it was given. Change a copy: "
            "anchors.take(np.arange(len(anchors))), or tensor.clone()."
        )
    if repr(selector) != before[1]:
        raise AssertionError(
            f"On {where}: {name} changed a parameter, from {before[1]} to "
            f"{selector!r}. Keep what it learns under another name, such as 'seen_'."
        )
    if not _equal(_generators(), before[2]):
        raise AssertionError(
            f"On {where}: {name} drew from a global generator. Draw by rng, or by "
            "candidates.noise."
        )
    return answer


def _generators() -> tuple[object, ...]:
    """Return the states of the global generators, which belong to the user."""
    return random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002


def _equal(left: object, right: object) -> bool:
    """Compare nested containers of arrays and tensors, value by value.

    ``==`` will not do: of two arrays it is an array.
    """
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray | torch.Tensor):
        return np.array_equal(np.asarray(left), np.asarray(right))
    if isinstance(left, tuple | list) and isinstance(right, tuple | list):
        return len(left) == len(right) and all(map(_equal, left, right))
    if hasattr(left, "__dict__"):  # Units, Candidates, SegmentedClips and their parts
        return _equal([*vars(left).values()], [*vars(right).values()])
    return bool(left == right)
