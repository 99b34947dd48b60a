"""Columns of what was heard when in; one structured array of events out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

# the columns of DCASE's tables, of sed_eval and of the tables of soundscapes
EVENT_FIELDS = ("filename", "onset", "offset", "event_label", "score")


def make_events(
    where: Sequence[object] | np.ndarray,
    onset: ArrayLike,
    offset: ArrayLike,
    event_label: Sequence[object] | np.ndarray,
    score: ArrayLike | None = None,
    *,
    first: Literal["filename", "row"] = "filename",
) -> np.ndarray:
    """Put columns together as a table of events, sorted.

    Parameters
    ----------
    where : sequence of shape (n_events,)
        The recording of each event, or the row of X.
    onset, offset : array-like of shape (n_events,)
        In seconds from the start of the recording.
    event_label : sequence of shape (n_events,)
        The class of each event.
    score : array-like of shape (n_events,), default=None
        How sure each event is. ``None``: NaN, unknown.
    first : {"filename", "row"}, default="filename"
        What ``where`` holds, and the name of the first field.

    Returns
    -------
    events : ndarray of shape (n_events,)
        A structured array with the fields ``filename`` (object) or ``row`` (int64),
        ``onset``, ``offset`` (float64), ``event_label`` (object) and ``score``
        (float64): by recording in the order in which they first appear, then by onset,
        offset and label.

    Examples
    --------
    >>> events = make_events(["b", "b", "a"], [2, 1, 0], [3, 2, 1], ["x", "x", "y"])
    >>> events[["filename", "onset"]].tolist()
    [('b', 1.0), ('b', 2.0), ('a', 0.0)]
    """
    kinds = (object if first == "filename" else np.int64), float, float, object, float
    names = first, *EVENT_FIELDS[1:]
    events = np.empty(len(where), dtype=list(zip(names, kinds, strict=True)))
    # by list: numpy would make one array of two axes of labels that are tuples
    events[first] = np.fromiter(where, kinds[0], len(where))
    events["onset"], events["offset"] = onset, offset
    events["event_label"] = np.fromiter(event_label, object, len(where))
    events["score"] = np.nan if score is None else score
    places = {value: i for i, value in enumerate(dict.fromkeys(where))}
    order = np.lexsort(
        (
            # by their text: labels may be names and numbers, which do not compare
            np.array([str(label) for label in event_label]),
            events["offset"],
            events["onset"],
            np.array([places[value] for value in where]),
        )
    )
    return events[order] if len(events) else events
