"""A path as a row of a table has it in; the recording that it means, out.

Recordings are known by their paths relative to a folder, with ``/`` between the parts.
Every row is looked up by bisection, however many files share their names.
"""

import os
import posixpath
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from sklearn_triplet.datasets._folder_files import (
    FOREIGN,
    SUFFIXES,
    composed,
    suffix_of,
)

# no character sorts after it
LAST = "\U0010ffff"


class Endings:
    """Names, found by the last parts of their paths.

    Parameters
    ----------
    names : iterable of (path, name)
        What each name is found by, with ``/`` between the parts.

    Examples
    --------
    >>> endings = Endings([("a/b/x", "1.wav"), ("a/bb/x", "2.wav")])
    >>> endings.find("b/x"), endings.find("b/x", whole=True)
    (['1.wav'], [])
    """

    def __init__(self, names: Iterable[tuple[str, str]]) -> None:
        pairs = sorted((self._backwards(path), name) for path, name in names)
        self._paths = [path for path, _ in pairs]
        self._names = [name for _, name in pairs]

    def find(self, ending: str, *, whole: bool = False) -> list[str]:
        """List the names whose paths end in these parts, or consist of them."""
        first = self._backwards(ending)
        last = first if whole else first + LAST
        start = bisect_left(self._paths, first)
        return self._names[start : bisect_right(self._paths, last, lo=start)]

    @staticmethod
    def _backwards(path: str) -> str:
        return "/".join(reversed(path.split("/"))) + "/"


class Finder:
    """Finds the recording that a row of a table means.

    Parameters
    ----------
    root : str
        The folder.
    names : iterable of str
        Relative paths of all that rows may mean.
    suffixes : tuple of str or None
        As in :func:`find_recordings`.
    """

    def __init__(
        self, root: str, names: Iterable[str], suffixes: tuple[str, ...] | None
    ) -> None:
        self.root = os.path.abspath(root)
        # a table may have the paths that links lead to
        self._roots = (self.root, os.path.realpath(root))
        self._known = {*SUFFIXES, *FOREIGN, *(suffixes or ())}
        pairs = [(composed(name), name) for name in names]
        self._by_path = dict(pairs)
        self._endings = Endings(pairs)
        self._stems = Endings((self._stem(path), name) for path, name in pairs)

    def find(self, row: str, place: str) -> str | None:
        """Return the relative path that a row means, or None where there is none.

        Parameters
        ----------
        row : str
            Path as the table has it: absolute, relative to the folder or to the working
            directory, or only its last parts; with or without the suffix.
        place : str
            Where the row stands, for the message.

        Returns
        -------
        name : str or None

        Raises
        ------
        ValueError
            Where the row fits several recordings.
        """
        readings = [composed(name) for name in self.read(row)]
        for exact in (composed(row), readings[0]):
            if exact in self._by_path:
                return self._by_path[exact]
        # an absolute path says in which folder: only a suffix may be missing
        fitting = self._fitting(readings[0], whole=os.path.isabs(row))
        for path in readings[1:]:
            fitting = fitting + self._fitting(path, whole=True)
        fitting = sorted(set(fitting))
        if len(fitting) > 1:
            raise ValueError(
                f"{place} names the recording {row!r}, which fits {len(fitting)} "
                f"files below {self.root!r}: {fitting[0]!r} and {fitting[1]!r}. Write "
                "the path from that folder on, with its suffix."
            )
        return fitting[0] if fitting else None

    def read(self, row: str) -> list[str]:
        """List what a row may say: first from the folder on, then from here on.

        Parameters
        ----------
        row : str
            Path as the table has it.

        Returns
        -------
        paths : list of str
            Relative to the folder, where they are below it; that from the working
            directory on only if it is.
        """
        # tables from Windows have other slashes
        row = os.path.expanduser(row).replace("\\", "/")
        paths = [self._relative(os.path.join(self.root, row))]
        from_here = self._relative(os.path.abspath(row))
        if from_here != paths[0] and not os.path.isabs(from_here):
            paths.append(from_here)
        return paths

    def similar(self, row: str) -> str | None:
        """Return the recording that shares the most last parts with a row, if any."""
        ending = composed(self.read(row)[0])
        while ending:
            found = self._fitting(ending) or self._stems.find(self._stem(ending))
            if found:
                return found[0]
            ending = ending.partition("/")[2]
        return None

    def _relative(self, path: str) -> str:
        """Write a path relative to the folder, where it is below it."""
        path = os.path.normpath(path)
        for root in self._roots:
            above = os.path.join(root, "")
            if path.startswith(above):
                path = path[len(above) :]
                break
        return path.replace(os.sep, "/")

    def _fitting(self, path: str, *, whole: bool = False) -> list[str]:
        """List the recordings that end in the parts of a path, or are at it."""
        has_suffix = suffix_of(path) in self._known
        return (self._endings if has_suffix else self._stems).find(path, whole=whole)

    def _stem(self, name: str) -> str:
        """Take off the suffix, but not the '.5' of 'at_12.5'."""
        stem, suffix = posixpath.splitext(name)
        return stem if suffix.lower() in self._known else name
