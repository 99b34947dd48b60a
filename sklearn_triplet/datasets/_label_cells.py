"""A cell that stands for labels in, names of classes out.

None is an unlabeled recording, an empty tuple one with none of the classes.
"""

import numbers
from collections.abc import Collection, Iterable, Set
from typing import Any

import numpy as np

from sklearn_triplet._input.labels import is_absent
from sklearn_triplet.datasets._folder_files import composed

# what y marks by -1 must never become a class
MARKS_OF_UNLABELED = {"unlabeled", "unlabelled", "-1"}


def read_labels(cell: Any, *, split: bool) -> tuple[str, ...] | None:
    """Turn what stands for the labels of a recording into names of classes.

    Parameters
    ----------
    cell : str, number, sequence or None
        Text that may join several labels, a sequence of labels that is taken as it is,
        or something absent: None, NaN, -1 or no text.
    split : bool
        Whether text is divided at commas and semicolons.

    Returns
    -------
    labels : tuple of str or None
        Empty for an empty sequence, None where the recording is unlabeled.

    Examples
    --------
    >>> read_labels("dog; rain", split=True), read_labels("dog; rain", split=False)
    (('dog', 'rain'), ('dog; rain',))
    >>> read_labels(7, split=True), read_labels([], split=True)
    (('7',), ())
    >>> print(read_labels("", split=True), read_labels(-1, split=True))
    None None
    """
    if isinstance(cell, str | bytes) or not isinstance(cell, Iterable):
        text = "" if is_absent(cell) else as_text(cell)
        pieces = text.replace(";", ",").split(",") if split else [text]
    elif not len(cell := list(cell)):
        return ()
    else:
        pieces = ["" if is_absent(item) else as_text(item) for item in cell]
    names = [composed(piece.strip()) for piece in pieces]
    names = [name for name in names if name and name.lower() not in MARKS_OF_UNLABELED]
    return tuple(dict.fromkeys(names)) or None


def refuse_indicator(place: str, cell: Any) -> None:
    """Refuse a vector of 0 and 1, which may mark classes as well as name them.

    Parameters
    ----------
    place : str
        Where the cell stands, to begin a sentence with.
    cell : object
        As in :func:`read_labels`.

    Raises
    ------
    ValueError
        Where it is a sequence of two or more numbers, all 0 or 1, or -1 for unknown.
    """
    found = cell.tolist() if hasattr(cell, "tolist") else cell
    # a set has no order to mark classes by, and what is no Collection is read once
    if isinstance(found, str | bytes | Set) or not isinstance(found, Collection):
        return
    numeric = all(isinstance(item, numbers.Real | np.bool_) for item in found)
    # -1 alone is unlabeled
    if len(found) > 1 and numeric and {-1} != set(found) <= {-1, 0, 1}:
        raise ValueError(
            f"{place} has the labels {[int(item) for item in found]}, which may be "
            "names of classes, or mark those that are present. Give the names of the "
            "classes in the recording, such as ['dog']; as text if they are '0' and "
            "'1'."
        )


def as_text(value: Any) -> str:
    """Write a label; 7.0 is what a missing neighbour made of 7."""
    is_float = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if is_float and float(value).is_integer():
        value = int(value)
    return (value.decode() if isinstance(value, bytes) else str(value)).strip()
