"""An iterable in, the same items out, with a progress bar where the work is long."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

DELAY = 2.0  # seconds: what is done by then needs no bar

Item = TypeVar("Item")


def show_progress(
    items: Iterable[Item],
    description: str,
    *,
    unit: str,
    total: int | None = None,
    done: int = 0,
    verbose: int = 1,
    leave: bool = True,
) -> Iterator[Item]:
    """Pass items on; after two seconds, show rate and time left on stderr.

    Parameters
    ----------
    items : iterable
    description, unit : str
        What stands in front of the bar, and what an item is called.
    total : int or None
        Number of items, counting those done before; ``None``: ``len(items)``.
    done : int
        Items that an earlier run has done; they do not count for the rate.
    verbose : int
        0: no bar.
    leave : bool
        Whether the full bar stays on the screen.

    Yields
    ------
    item : object
    """
    yield from tqdm(
        items,
        desc=description,
        unit=f" {unit}",
        total=total,
        initial=done,
        delay=DELAY,
        leave=leave,
        disable=not verbose,
    )
