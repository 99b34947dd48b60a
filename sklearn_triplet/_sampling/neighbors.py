"""Segments (n_anchors,) in, the nearest others (n_anchors, n_neighbors) out, exactly.

``argmin |x_i - x_a|^2`` of section 3.3 over all of the training set, in blocks that fit
in memory. A tree does not help in the thousands of dimensions of a segment; what helps
is to see from fewer numbers, of fewer digits, which segments cannot be nearest.

A matrix product per block of anchors and block of candidates tells which pairs are too
far apart, whatever the rounding may have done: farther than neighbours that are known
already. The few others are measured in double precision. It does so on three levels,
and anchors of which one excludes too little are left to the next: outlines of the
segments; all of their values, in low precision; and in double precision, for segments
that are nearly silent lie far from the origin and close together, which is where
rounding is largest.
"""

from __future__ import annotations

import functools
import itertools
import time
from dataclasses import dataclass
from typing import NamedTuple, Self
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch.nn import functional

from sklearn_triplet._input.types import BoolArray, IntArray
from sklearn_triplet._sampling.segments import SegmentedClips, Units

ANCHORS = 8192  # per pass over the candidates: 8192 x 6144 float32 values are 200 MB
GROUP = 2048  # of them per matrix product
CANDIDATES = 1024  # per block
GUESSED = 4096  # candidates at most that are looked at before, for limits to begin by
MEASURED = 2**17  # values that are compared at once: 1 MB, which a cache holds
UNASKED = -2  # in the place of neighbours that were not searched yet
# Anchors are left to the next level where more candidates than this are not excluded:
# to measure one costs as much as to multiply 20.
FEW, SHARE = 64, 0.02
AREA = 2, 24  # bands and frames; see outline
TINY = 1e-15  # a length that outweighs squares too small for float32
UPWARDS = 1 + 2**-6  # keeps products above what they stand for, for all their rounding
# by training set and number of neighbours; neither a transformation, which is a
# parameter, nor the training set, which is read only, may change in a fit
FOUND: WeakKeyDictionary[SegmentedClips, dict[int, np.ndarray]] = WeakKeyDictionary()


def find_nearest(
    segments: SegmentedClips,
    anchors: np.ndarray,
    n_neighbors: int,
    exclude_same_clip: bool = False,
) -> np.ndarray:
    """Find the nearest other segments of some segments.

    Parameters
    ----------
    segments : SegmentedClips
        The training set, n_segments in all.
    anchors : ndarray of shape (n_anchors,), int
        Whose neighbours are wanted.
    n_neighbors : int
    exclude_same_clip : bool
        Whether segments of the anchor's own clip are passed over, or only the anchor.

    Returns
    -------
    neighbors : ndarray of shape (n_anchors, n_neighbors), int
        Nearest first, and of equal distances the first in the training set; -1 where
        there are fewer.

    Notes
    -----
    Distances are those of ``paired_distances``, in double precision. Time is
    O(n_anchors * n_segments * n_features * n_frames) at the worst, where no segment is
    much nearer than all others; of sound it is a tenth of that. Memory is that of a
    block.

    Examples
    --------
    >>> X = [[0.0], [1.0], [1.5], [9.0]]
    >>> segments = SegmentedClips.from_arrays(X)
    >>> find_nearest(segments, np.array([0, 3]), n_neighbors=2)
    array([[1, 2],
           [2, 1]])
    """
    neighbors = np.full((len(anchors), n_neighbors), -1)
    search = _Search(segments, exclude_same_clip)
    for start in range(0, len(anchors), ANCHORS):
        rows = anchors[start : start + ANCHORS]
        search.description = f"Neighbours of {start + len(rows)}/{len(anchors)}"
        neighbors[start : start + ANCHORS] = search.find(rows, n_neighbors)
    return neighbors


def look_up_nearest(
    segments: SegmentedClips, anchors: np.ndarray, n_neighbors: int
) -> np.ndarray:
    """Find nearest others as ``find_nearest`` does, each anchor once per training set.

    Parameters
    ----------
    segments : SegmentedClips
        What was found is forgotten with it.
    anchors : ndarray of shape (n_anchors,), int
    n_neighbors : int

    Returns
    -------
    neighbors : ndarray of shape (n_anchors, n_neighbors), int
        Nearest first, -1 where there are fewer.
    """
    unasked = np.full((len(segments), n_neighbors), UNASKED)
    table = FOUND.setdefault(segments, {}).setdefault(n_neighbors, unasked)
    new = np.unique(anchors[table[anchors, 0] == UNASKED])
    if len(new):
        table[new] = find_nearest(segments, new, n_neighbors)
    return table[anchors]


class Level(NamedTuple):
    """How pairs that are too far apart are told.

    Attributes
    ----------
    dtype : torch.dtype
        Of the factors; products of bfloat16 are added up in float32.
    outlined : bool
        Whether segments are described by ``outline``, and not by all of their values.
    by_frame : bool
        Whether squared lengths are kept by frame, as padded segments need it.
    share : float
        Of the candidates that may be left to measure.
    """

    dtype: torch.dtype
    outlined: bool = False
    by_frame: bool = False
    share: float = SHARE

    @property
    def sums(self) -> torch.dtype:
        """What products are added up in."""
        return torch.float64 if self.dtype == torch.float64 else torch.float32

    @property
    def farthest(self) -> float:
        """Above any distance that can be told; of float32 a level can overflow."""
        return 1e300 if self.sums == torch.float64 else 1e30


@dataclass
class Found:
    """What is known of the neighbours of some anchors.

    Attributes
    ----------
    distances : ndarray of shape (n_rows, n_neighbors), float64
        Ascending; infinite where there is none yet.
    index : ndarray of shape (n_rows, n_neighbors), int
        The segments, of equal distances the first in the training set; -1 where there
        is none yet.
    limits : ndarray of shape (n_rows,), float64
        No neighbour is farther than that: perhaps known before the neighbours are.
    """

    distances: np.ndarray
    index: np.ndarray
    limits: np.ndarray

    @classmethod
    def nothing(cls, n_rows: int, n_neighbors: int) -> Self:
        """Return what is known at the beginning."""
        shape = n_rows, n_neighbors
        infinite = np.full(shape, np.inf)
        return cls(infinite, np.full(shape, -1), np.full(n_rows, np.inf))

    def take(self, rows: np.ndarray) -> Found:
        """Return copies of some rows."""
        return Found(self.distances[rows], self.index[rows], self.limits[rows])

    def put(self, rows: np.ndarray, found: Found) -> None:
        """Replace some rows."""
        self.distances[rows] = found.distances
        self.index[rows] = found.index
        self.limits[rows] = found.limits

    def limit(self, rows: np.ndarray, farthest: np.ndarray) -> None:
        """Take note of what the distances of some pairs are not above.

        Parameters
        ----------
        rows : ndarray of shape (n_pairs,), int
            Sorted; the pairs of a row are with as many segments.
        farthest : ndarray of shape (n_pairs,), float64
        """
        order = np.lexsort((farthest, rows))
        place = np.arange(len(rows)) - np.searchsorted(rows, rows)
        # so many are within it
        last = place == self.index.shape[1] - 1
        rows, farthest = rows[last], farthest[order][last]
        self.limits[rows] = np.minimum(self.limits[rows], farthest)

    def add(self, rows: np.ndarray, ids: np.ndarray, distances: np.ndarray) -> None:
        """Keep the nearest of what is known and what was measured.

        Parameters
        ----------
        rows, ids : ndarray of shape (n_pairs,), int
            Each pair once.
        distances : ndarray of shape (n_pairs,), float64
        """
        n = self.index.shape[1]
        old = np.unique(rows)
        rows = np.concatenate([np.repeat(old, n), rows])
        ids = np.concatenate([self.index[old].ravel(), ids])
        distances = np.concatenate([self.distances[old].ravel(), distances])
        order = np.lexsort((ids, distances, rows))
        rows, ids, distances = rows[order], ids[order], distances[order]
        # the place of each pair among those of its row
        place = np.arange(len(rows)) - np.searchsorted(rows, rows)
        kept = place < n
        self.distances[rows[kept], place[kept]] = distances[kept]
        self.index[rows[kept], place[kept]] = ids[kept]
        np.minimum(self.limits, self.distances[:, -1], out=self.limits)


class _Search:
    """One search: the training set, and which pairs are allowed.

    Parameters
    ----------
    segments : SegmentedClips
    exclude_same_clip : bool
    """

    def __init__(self, segments: SegmentedClips, exclude_same_clip: bool) -> None:
        self.segments = segments
        self.exclude_same_clip = exclude_same_clip
        self.description = ""

    def find(self, rows: IntArray, n_neighbors: int) -> IntArray:
        """Find the neighbours of some segments, shape (n_rows, n_neighbors)."""
        segments, found = self.segments, Found.nothing(len(rows), n_neighbors)
        whole = segments.length == segments.segment_length
        everything = np.arange(len(segments))
        by_frame = (
            Level(torch.float32, by_frame=True),
            Level(torch.float64, by_frame=True, share=1.0),
        )
        # pairs of whole segments, which are all in most corpora; then the others
        for asked, columns, levels in (
            (whole[rows], everything[whole], self._levels()),
            (whole[rows], everything[~whole], by_frame),
            (~whole[rows], everything, by_frame),
        ):
            places = np.flatnonzero(asked)
            for level in levels:
                part = found.take(places)
                undecided = self._compare(rows[places], columns, level, part)
                found.put(places[~undecided], part.take(~undecided))
                # of the others only the limit may be used: the rest is found anew
                found.limits[places] = part.limits
                places = places[undecided]
        return found.index

    def _levels(self) -> tuple[Level, ...]:
        """Return the levels for segments without padding, from fast to sharp."""
        fastest = find_fastest_dtype()
        n_features = self.segments.clips.n_features
        # of a table, or of few frames, there is nothing to outline
        coarse = n_features >= AREA[0] and self.segments.segment_length >= AREA[1]
        outlined = [Level(fastest, outlined=True)] if coarse else []
        return (*outlined, Level(fastest), Level(torch.float64, share=1.0))

    def _compare(
        self, rows: IntArray, columns: IntArray, level: Level, found: Found
    ) -> BoolArray:
        """Compare some anchors with some candidates.

        Parameters
        ----------
        rows : ndarray of shape (n_rows,), int
        columns : ndarray of int
            The candidates, sorted.
        level : Level
        found : Found
            Of these anchors; what is found is added.

        Returns
        -------
        undecided : ndarray of shape (n_rows,), bool
            The anchors that the level has excluded too little of.
        """
        segments, undecided = self.segments, np.zeros(len(rows), dtype=bool)
        if not (len(rows) and len(columns)):
            return undecided
        parts = np.array_split(np.arange(len(rows)), -(-len(rows) // GROUP))
        groups = [_Group(self, rows[p], level, found.take(p)) for p in parts]
        # some of the candidates first, for limits to begin by; the last level has those
        # of the one before
        step = -(-len(columns) // GUESSED)
        blocks = _split(columns[::step]) if level.share < 1 else []
        sample = [Bounds(segments, ids, level) for ids in blocks]
        for group, block in itertools.product(groups, sample):
            group.guess(block)
        if step > 1:
            sample.clear()
        blocks = _split(columns)
        for i in segments.show_progress(range(len(blocks)), self.description):
            # where the sample is all of them, nothing is read twice
            block = sample[i] if sample else Bounds(segments, blocks[i], level)
            for group in groups:
                group.compare(block)
            if all(group.undecided.all() for group in groups):
                break
        for part, group in zip(parts, groups, strict=True):
            found.put(part, group.found)
            undecided[part] = group.undecided
        return undecided

    def is_banned(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Tell which pairs are none; rows and columns are broadcast.

        By id and not by a distance of zero: a copy of the anchor elsewhere in the
        training set is its nearest neighbour.
        """
        if self.exclude_same_clip:
            return self.segments.clip_of[rows] == self.segments.clip_of[columns]
        return rows == columns


class _Group:
    """Anchors that are compared in one matrix product.

    Parameters
    ----------
    search : _Search
    rows : ndarray of shape (n_rows,), int
    level : Level
    found : Found
        Of these anchors; what is found is added.
    """

    def __init__(
        self, search: _Search, rows: IntArray, level: Level, found: Found
    ) -> None:
        self.search = search
        self.rows = rows
        self.level = level
        self.found = found
        self.bounds = Bounds(search.segments, rows, level)
        self.left = self.bounds.as_left()
        self.guesses = np.full(found.index.shape, np.inf)
        self.undecided = np.zeros(len(rows), dtype=bool)
        self.n_compared = 0
        self.n_measured = np.zeros(len(rows), dtype=int)

    def guess(self, others: Bounds) -> None:
        """Measure the candidates of least bounds, so that there is a limit to begin by.

        Parameters
        ----------
        others : Bounds
            Some of the candidates.
        """
        if not (self.bounds.finite and others.finite):
            return
        self.bounds.set_limits(self.left, np.zeros(len(self.rows)))
        least = self.left @ others.right.T
        banned = self.search.is_banned(self.rows[:, None], others.ids)
        least[torch.from_numpy(banned)] = torch.inf
        # the least of each strip: as many strips as neighbours, if there are enough
        n_strips = min(self.found.index.shape[1], len(others.ids))
        width = len(others.ids) // n_strips
        strips = as_integers(least)[:, : n_strips * width]
        places = strips.reshape(-1, n_strips, width).argmin(axis=2)
        places = (places + width * np.arange(n_strips)).ravel()
        rows = np.repeat(np.arange(len(self.rows)), n_strips)
        farthest = self._measure_roughly(rows, places, others)[1]
        farthest[banned[rows, places]] = np.inf
        farthest = np.hstack([self.guesses, farthest.reshape(-1, n_strips)])
        self.guesses = np.sort(farthest, axis=1)[:, : self.found.index.shape[1]]
        np.minimum(self.found.limits, self.guesses[:, -1], out=self.found.limits)

    def compare(self, others: Bounds) -> None:
        """Compare all anchors with a block of candidates.

        Parameters
        ----------
        others : Bounds
            The candidates, sorted by their ids.
        """
        if not (self.bounds.finite and others.finite):
            self.undecided[:] = True
        if self.undecided.all():
            return
        rows, places = self._find_near(others)
        self.n_compared += len(others.ids)
        self.n_measured += np.bincount(rows, minlength=len(self.rows))
        few = FEW + self.found.index.shape[1] + self.level.share * self.n_compared
        # together they may have as many as few each: a few of them may have more
        if self.n_measured.sum() > few * len(self.rows):
            self.undecided |= self.n_measured > few
        kept = ~self.undecided[rows]
        self._measure(rows[kept], places[kept], others)

    def _find_near(self, others: Bounds) -> tuple[IntArray, IntArray]:
        """Return rows and places of the pairs that may be within the limits."""
        ids = others.ids
        limits = np.minimum(self.found.limits, self.level.farthest / 100)
        # no distance is less than 0, and of equal ones the first stays
        done = (self.found.distances[:, -1] == 0) & (self.found.index[:, -1] < ids[0])
        limits[done | self.undecided] = -1
        self.bounds.set_limits(self.left, limits)
        negative = as_integers(self.left @ others.right.T) < 0
        rows, places = np.divmod(np.flatnonzero(negative), len(ids))
        allowed = ~self.search.is_banned(self.rows[rows], ids[places])
        return rows[allowed], places[allowed]

    def _measure(self, rows: IntArray, places: IntArray, others: Bounds) -> None:
        """Measure some pairs and keep the nearest.

        Parameters
        ----------
        rows, places : ndarray of shape (n_pairs,), int
            Rows of the group, sorted, and of ``others``.
        others : Bounds
        """
        nearest, farthest = self._measure_roughly(rows, places, others)
        self.found.limit(rows, farthest)
        near = nearest <= self.found.limits[rows]
        rows, places = rows[near], places[near]
        distances = self._measure_exactly(rows, places, others)
        self.found.add(rows, others.ids[places], distances)

    def _measure_roughly(
        self, rows: IntArray, places: IntArray, others: Bounds
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return between what the distances of some pairs are.

        |a|^2 - 2ab + |b|^2 in single precision: a loop over pairs that copies nothing,
        six times as fast as differences of copies.
        """
        if self.level.by_frame or self.level.sums == torch.float64:
            distances = self._measure_exactly(rows, places, others)
            return distances, distances
        left, right = self.bounds.rows, others.rows
        pairs = zip(rows.tolist(), places.tolist(), strict=True)
        products = np.array([left[i].dot(right[j]) for i, j in pairs], dtype=float)
        a, b = self.bounds.lengths[rows], others.lengths[places]
        # as in Bounds: sums of so many products, and twice what is needed
        rounding = self.bounds.units.X[0].size * np.finfo(np.float32).eps
        doubt = rounding * np.square(a + b) + TINY**2
        distances = a**2 - 2 * products + b**2
        return distances - doubt, distances + doubt

    def _measure_exactly(
        self, rows: IntArray, places: IntArray, others: Bounds
    ) -> np.ndarray:
        """Return the distances of some pairs, in double precision."""
        distances = np.empty(len(rows))
        n = max(MEASURED // self.bounds.units.X[0].size, 1)
        for begin in range(0, len(rows), n):
            part = slice(begin, begin + n)
            left = self.bounds.units.take(rows[part])
            right = others.units.take(places[part])
            distances[part] = paired_distances(left, right)
        return distances


def _split(columns: IntArray) -> list[IntArray]:
    """Split candidates into blocks."""
    return np.split(columns, range(CANDIDATES, len(columns), CANDIDATES))


def as_integers(X: torch.Tensor) -> np.ndarray:
    """View numbers as integers of the same sign and, if positive, the same order.

    NumPy compares these ten times as fast as torch does bfloat16, which NumPy lacks.
    """
    signed = {2: torch.int16, 4: torch.int32, 8: torch.int64}[X.itemsize]
    return X.view(signed).numpy()


@functools.cache
def find_fastest_dtype() -> torch.dtype:
    """Try which of float32 and bfloat16 this machine multiplies faster.

    Processors with instructions for bfloat16 take a third of the time, others many
    times as much. What is found does not depend on it.
    """
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        matrix = torch.ones(512, 512, dtype=dtype)
        runs = []
        for _ in range(4):  # the first one prepares
            begin = time.perf_counter()
            matrix @ matrix.T
            runs.append(time.perf_counter() - begin)
        seconds[dtype] = min(runs)
    return min(seconds, key=lambda dtype: seconds[dtype])


def paired_distances(left: Units, right: Units) -> np.ndarray:
    """Compute squared L2 distances of pairs of segments over their common frames.

    ``T / t * sum |a - b|^2`` over the t frames that are valid in both, where T are the
    frames of a full segment: padded frames count like the others on average.

    Parameters
    ----------
    left, right : Units
        Equally many, with k = 1.

    Returns
    -------
    distances : ndarray of shape (n_units,), float64

    Examples
    --------
    >>> segments = SegmentedClips.from_arrays([[0.0, 0.0], [3.0, 4.0]])
    >>> units = segments.take(np.array([[0], [1]]))
    >>> paired_distances(units, units.take(np.array([1, 0])))
    array([8., 8.])
    """
    n_frames = left.X.shape[-1]
    common = np.minimum(left.lengths, right.lengths)
    difference = left.X[:, 0].astype(np.float64) - right.X[:, 0]
    difference *= (np.arange(n_frames) < common)[:, None, :]
    return np.square(difference).sum(axis=(1, 2)) * (n_frames / common[:, 0])


def outline(X: torch.Tensor) -> torch.Tensor:
    r"""Describe segments by fewer numbers that are never farther apart than they.

    The means over patches of 2 bands and 4 frames, and how much an area of 2 bands and
    24 frames deviates from the means of its patches: of 64 bands and 96 frames, 896
    numbers of 6144.

    Parameters
    ----------
    X : tensor of shape (n, n_features, n_frames), float32

    Returns
    -------
    outlines : tensor of shape (n, n_numbers), float32

    Notes
    -----
    A mean over n values, times :math:`\sqrt n`, is the length of a projection, and so
    is the deviation from it. By Pythagoras and the reverse triangle inequality

    .. math:: |a - b|^2 \ge \sum_i n_i (\bar a_i - \bar b_i)^2
              + \sum_j (|a_j - \bar a_j| - |b_j - \bar b_j|)^2

    over patches i [1]_ and areas j [2]_.

    References
    ----------
    .. [1] B.-K. Yi and C. Faloutsos, "Fast time sequence indexing for arbitrary Lp
       norms", VLDB 2000.
    .. [2] Y. Hwang, B. Han and H.-K. Ahn, "A fast nearest neighbor search algorithm by
       nonlinear embedding", CVPR 2012.
    """
    n_bands, n_frames = X.shape[1:]
    if n_bands % AREA[0] or n_frames % AREA[1]:
        # zeros in both of two segments are nothing between them
        X = functional.pad(X, (0, -n_frames % AREA[1], 0, -n_bands % AREA[0]))
    # sums and differences of two bands, then of two frames, then of two such sums:
    # the squares of the differences, each by its length, are those of the deviation
    above, below = X.unflatten(1, (-1, 2)).unbind(2)
    squares = _sum_squares(above - below, 24) / 2
    first, second, third, fourth = (above + below).unflatten(2, (-1, 4)).unbind(3)
    squares += _sum_squares(first - second, 6) / 4
    squares += _sum_squares(third - fourth, 6) / 4
    first, second = first + second, third + fourth
    squares += _sum_squares(first - second, 6) / 8
    means = (first + second) / 8**0.5
    return torch.cat([means.flatten(1), squares.sqrt_().flatten(1)], dim=1)


def _sum_squares(X: torch.Tensor, n: int) -> torch.Tensor:
    """Sum the squares of n after n of the last axis."""
    return X.square().unflatten(2, (-1, n)).sum(3)


class Bounds:
    r"""Some segments, written so that one matrix product tells which are far apart.

    A row of ``as_left`` times a row of ``right`` is positive only where the distance
    of the two segments is at least the limit of the first.

    Parameters
    ----------
    segments : SegmentedClips
    ids : ndarray of shape (n_units,), int
        Which of them.
    level : Level

    Attributes
    ----------
    units : Units
        The segments, one a unit.
    finite : bool
        Whether nothing can overflow.

    Notes
    -----
    **Rounding.** With :math:`a'` what is left of a in few digits and :math:`e_a` the
    length of what is not, :math:`|a - b| \ge |a' - b'| - e_a - e_b`. So the distance
    :math:`|a - b|^2` is at least u where
    :math:`|a' - b'|^2 - (\sqrt u + e_a + e_b)^2 \ge 0`. A sum of n products in any
    order, rounded to a unit of eps / 2, is wrong by less than n eps / 2 times the sum
    of their absolute values, which is here less than
    :math:`(|a'| + |b'|)^2 + (\sqrt u + e_a + e_b)^2`. Twice that is subtracted.

    **Padding.** Distances are over the t frames of T that are valid in both, and scaled
    by T / t: a frame in both is worth u / T.
    """

    def __init__(self, segments: SegmentedClips, ids: IntArray, level: Level) -> None:
        self.ids = ids
        self.units = segments.take(ids[:, None])
        X = torch.from_numpy(self.units.X[:, 0])
        exact = outline(X) if level.outlined else X.flatten(1).to(level.sums)
        self.values = exact.to(level.dtype)
        rounded = self.values.to(level.sums)
        self.error = _upper_length(exact - rounded) + TINY
        if level.outlined:
            # no number of an outline is a sum of more than 48
            summed = 64 * torch.finfo(torch.float32).eps
            self.error += summed * _upper_length(X.flatten(1))
        # one number per segment, or per frame of it; in float64, so that nothing more
        # has to be accounted for
        if level.by_frame:
            frames = torch.arange(X.shape[2]) < torch.from_numpy(self.units.lengths)
            self.valid = frames.double()
            squares = rounded.view(X.shape).double().square()
            self.squares = squares.sum(dim=1)
        else:
            self.squares = _length(rounded, torch.float64).square()
            self.valid = torch.ones_like(self.squares)
        self.square = self.squares.sum(dim=1, keepdim=True)
        n_terms = self.values.shape[1] + 6 * self.valid.shape[1] + 8
        self.rounding = n_terms * torch.finfo(level.sums).eps
        self.farthest = level.farthest
        self.finite = bool(self.square.max() < self.farthest / 100)

    @functools.cached_property
    def rows(self) -> list[np.ndarray]:
        """The values of each segment, views of shape (n_features * n_frames,)."""
        return list(self.units.X.reshape(len(self.ids), -1))

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """Their lengths by single precision, shape (n_units,), float64."""
        return np.sqrt(np.array([row.dot(row) for row in self.rows], dtype=float))

    def as_left(self) -> torch.Tensor:
        """Return the factor of anchors, shape (n_units, n_terms), without limits."""
        ones = torch.cat([self.valid, torch.ones_like(self.square)], dim=1)
        limits = torch.zeros(len(ones), 3 * ones.shape[1] + 2)
        columns = [-2 * self.values, ones.repeat(1, 3), limits]
        return torch.cat([column.to(self.values) for column in columns], dim=1)

    def set_limits(self, left: torch.Tensor, limits: np.ndarray) -> None:
        """Write into the factor of anchors what is too far.

        Parameters
        ----------
        left : tensor of shape (n_units, n_terms)
            Of ``as_left``; its last columns are changed.
        limits : ndarray of shape (n_units,), float64
            Distances; negative where all candidates are too far.
        """
        limit = torch.from_numpy(limits)[:, None]
        root, more = limit.clamp(min=0).sqrt(), 1 + self.rounding
        by_frame = more / self.valid.shape[1] * root.square() * self.valid
        constant = -more * (2 * root + self.error) * self.error
        constant -= self.rounding * self.square
        constant[limit < 0] = self.farthest
        constants = torch.cat([self.squares - by_frame, constant], dim=1)
        columns = [
            *_in_pieces(constants, left.dtype),
            -2 * UPWARDS * self.rounding * self.square.sqrt(),
            -2 * UPWARDS * more * (root + self.error),
        ]
        changed = torch.cat([column.to(left) for column in columns], dim=1)
        left[:, -changed.shape[1] :] = changed

    @functools.cached_property
    def right(self) -> torch.Tensor:
        """The factor of candidates, shape (n_units, n_terms)."""
        constant = -self.rounding * self.square
        constant -= (1 + self.rounding) * self.error.square()
        constants = torch.cat([self.squares, constant], dim=1)
        ones = torch.cat([self.valid, torch.ones_like(constant)], dim=1)
        columns = [
            self.values,
            *_in_pieces(constants, self.values.dtype),
            ones.repeat(1, 3),
            self.square.sqrt(),
            self.error,
        ]
        return torch.cat([column.to(self.values) for column in columns], dim=1)


def _length(X: torch.Tensor, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Return the lengths of rows, shape (n_rows, 1)."""
    return torch.linalg.vector_norm(X, dim=1, keepdim=True, dtype=dtype)


def _upper_length(X: torch.Tensor) -> torch.Tensor:
    """Return what the lengths of rows are not above, shape (n_rows, 1), float64."""
    return _length(X).double() * (1 + X.shape[1] * torch.finfo(X.dtype).eps)


def _in_pieces(numbers: torch.Tensor, dtype: torch.dtype) -> list[torch.Tensor]:
    """Split float64 numbers into three of few digits, whose sum they are to 2^-27."""
    pieces = []
    for _ in range(3):
        pieces.append(numbers.to(dtype))
        numbers = numbers - pieces[-1].double()
    return pieces
