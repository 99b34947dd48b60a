"""Columns of events, (n_events,) each, in; one structured array (n_events,) out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

# the columns of DCASE, dcase_util and sed_eval, with what a detector adds
EVENT_FIELDS = ("filename", "onset", "offset", "event_label", "score")


def make_events(
    where: Sequence[Any] | np.ndarray,
    onset: Sequence[float] | np.ndarray,
    offset: Sequence[float] | np.ndarray,
    event_label: Sequence[Any] | np.ndarray,
    score: Sequence[float] | np.ndarray | None = None,
    *,
    first: str = "filename",
) -> np.ndarray:
    """Put the columns of events together, and sort them.

    Parameters
    ----------
    where : sequence of n_events
        The file that each event is in, or its row of X.
    onset, offset : sequence of n_events float
        In seconds.
    event_label : sequence of n_events
        The class of each.
    score : sequence of n_events float, default=None
        None: unknown, NaN.
    first : {"filename", "row"}, default="filename"
        What ``where`` is called: file names, or rows of X, which are integers.

    Returns
    -------
    events : ndarray of shape (n_events,), structured
        With the fields ``filename`` (object) or ``row`` (int64), ``onset``, ``offset``
        (float64), ``event_label`` (object) and ``score`` (float64), by order of the
        first appearance in ``where``, then by onset, offset and label.

    Examples
    --------
    >>> make_events(["b", "a", "b"], [2, 0, 1], [3, 1, 2], ["x", "y", "z"])["onset"]
    array([1., 2., 0.])
    """
    kinds = ["int64" if first == "row" else object, "f8", "f8", object, "f8"]
    columns = [list(column) for column in (where, onset, offset, event_label)]
    columns.append([math.nan] * len(columns[0]) if score is None else list(score))
    order = {place: i for i, place in enumerate(dict.fromkeys(columns[0]))}

    def rank(row: tuple[Any, ...]) -> tuple[Any, ...]:
        place, begin, end, label, _ = row
        # a file alone, without times, comes behind its events: NaN has no order
        return order[place], math.isnan(begin), begin, end, str(label)

    rows = sorted(zip(*columns, strict=True), key=rank)
    return np.array(rows, dtype=[*zip((first, *EVENT_FIELDS[1:]), kinds, strict=True)])
