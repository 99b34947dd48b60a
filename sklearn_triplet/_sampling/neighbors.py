"""Segments (n_anchors,) in, the nearest others (n_anchors, n_neighbors) out, exactly.

``argmin |x_i - x_a|^2`` of section 3.3 over all of the training set, in blocks that fit
in memory: a matrix product per block of anchors and block of candidates. A tree does
not help in the thousands of dimensions of a segment.

Almost all of the work is done in single precision, with a bound on its rounding: per
anchor some candidates are kept whose distances are then computed in double precision,
and the bound tells whether anything else could be nearer. Where it could (anchors that
are nearly silent lie far from the origin and close together, which is where rounding is
largest), the anchor is searched again in double precision.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import torch

from sklearn_triplet._sampling.segments import SegmentedClips, Units

ANCHORS = 8192  # per block: 8192 x 6144 float32 values are 200 MB
CANDIDATES = 1024  # per block
EXTRA = 8  # candidates kept beyond the neighbours asked for
UNASKED = -2  # in the place of neighbours that were not searched yet
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
        Nearest first, -1 where there are fewer.

    Notes
    -----
    Time is O(n_anchors * n_segments * n_features * n_frames), memory that of a block.

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
        found, certain = search.in_single_precision(rows, n_neighbors)
        doubtful = np.flatnonzero(~certain)
        # few: segments whose differences are lost in the rounding of their squares
        found[doubtful] = search.in_double_precision(rows[doubtful], n_neighbors)
        neighbors[start : start + ANCHORS] = found
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

    def in_single_precision(
        self, rows: np.ndarray, n_neighbors: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find neighbours by single precision, and tell where that was enough.

        Parameters
        ----------
        rows : ndarray of shape (n_rows,), int
        n_neighbors : int

        Returns
        -------
        neighbors : ndarray of shape (n_rows, n_neighbors), int
        certain : ndarray of shape (n_rows,), bool
            Whether they are the nearest whatever the rounding may have done.
        """
        bounds, candidates = self._scan(rows, n_neighbors + EXTRA, torch.float32)
        candidates.sort(axis=1)  # of equal distances, the first segment wins
        distances = self._exact_distances(rows, candidates)
        order = np.argsort(distances, axis=1, kind="stable")[:, :n_neighbors]
        farthest = np.take_along_axis(distances, order[:, -1:], axis=1)[:, 0]
        # whatever was not kept is at least as far as the largest bound that was kept
        certain = farthest <= bounds[:, -1]
        return np.take_along_axis(candidates, order, axis=1), certain

    def in_double_precision(self, rows: np.ndarray, n_neighbors: int) -> np.ndarray:
        """Find neighbours by plain search, shape (n_rows, n_neighbors), int."""
        return self._scan(rows, n_neighbors, torch.float64)[1]

    def _scan(
        self, rows: np.ndarray, n_kept: int, dtype: torch.dtype
    ) -> tuple[np.ndarray, np.ndarray]:
        """Keep the segments with the smallest bounds on their distances.

        Parameters
        ----------
        rows : ndarray of shape (n_rows,), int
        n_kept : int
        dtype : torch.dtype
            In which the bounds are computed.

        Returns
        -------
        bounds : ndarray of shape (n_rows, n_kept)
            Ascending; infinite where there is nothing more.
        index : ndarray of shape (n_rows, n_kept), int
            The segments, -1 where there is nothing more.
        """
        best = torch.full((len(rows), n_kept), torch.inf, dtype=dtype)
        index = torch.full((len(rows), n_kept), -1)
        if not len(rows):
            return best.numpy(), index.numpy()
        anchors = Factors(self.segments.take(rows[:, None]), dtype)
        left = anchors.as_left()
        del anchors.X  # 200 MB that are in the factor
        blocks = range(0, len(self.segments), CANDIDATES)
        for start in self.segments.show_progress(blocks, self.description):
            columns = np.arange(start, min(start + CANDIDATES, len(self.segments)))
            others = Factors(self.segments.take(columns[:, None]), dtype)
            bounds = (left @ others.as_right().T).mul_(anchors.scale(others))
            banned = self._is_banned(rows[:, None], columns[None])
            bounds[torch.from_numpy(banned)] = torch.inf
            # few of a block are kept: to choose them first spares a copy of the rest
            bounds, place = bounds.topk(min(n_kept, len(columns)), 1, largest=False)
            best, order = torch.cat([best, bounds], 1).topk(n_kept, 1, largest=False)
            index = torch.cat([index, place + start], 1).gather(1, order)
        index[best.isinf()] = -1
        # no distance is negative, whatever its bound: twins are certain neighbours
        return best.clamp(min=0).numpy(), index.numpy()

    def _is_banned(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Tell which pairs are none, shape (n_rows, n_columns).

        By id and not by a distance of zero: a copy of the anchor elsewhere in the
        training set is its nearest neighbour.
        """
        if self.exclude_same_clip:
            return self.segments.clip_of[rows] == self.segments.clip_of[columns]
        return rows == columns

    def _exact_distances(self, rows: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """Compute the distances to some candidates in double precision.

        Parameters
        ----------
        rows : ndarray of shape (n_rows,), int
        candidates : ndarray of shape (n_rows, n_kept), int
            -1 where there is none.

        Returns
        -------
        distances : ndarray of shape (n_rows, n_kept), float64
            Infinite where there is none.
        """
        distances = np.full(candidates.shape, np.inf)
        for begin in range(0, len(rows), CANDIDATES // 4):
            part = slice(begin, begin + CANDIDATES // 4)
            anchors = self.segments.take(rows[part, None])
            for column in range(candidates.shape[1]):
                ids = candidates[part, column]
                # where there is none, -1 reads the last segment, to no effect
                others = self.segments.take(ids[:, None])
                distance = paired_distances(anchors, others)
                distances[part, column] = np.where(ids < 0, np.inf, distance)
        return distances


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


class Factors:
    """Some segments, written so that one matrix product bounds all distances.

    |a - b|^2 = |a|^2 + |b|^2 - 2ab over the frames that are valid in both. A sum of n
    products rounded to a unit of u is wrong by less than n u times the sum of their
    absolute values, in any order of summation: here, by less than n u (|a| + |b|)^2.
    Twice that is subtracted, for the squares are rounded too: what results is never
    above the distance.

    Parameters
    ----------
    units : Units
        With k = 1.
    dtype : torch.dtype
    """

    def __init__(self, units: Units, dtype: torch.dtype) -> None:
        X = torch.from_numpy(units.X[:, 0]).to(dtype)
        self.n_frames = X.shape[-1]
        self.padded = bool((units.lengths < self.n_frames).any())
        valid = torch.arange(self.n_frames) < torch.from_numpy(units.lengths)
        self.valid = valid.to(dtype)
        self.X = X.flatten(1)
        self.squares = X.square().sum(dim=1)  # (n_units, n_frames)
        self.square = self.squares.sum(dim=1, keepdim=True)
        self.ones = torch.ones_like(self.square)

    def as_left(self) -> torch.Tensor:
        """Return the factor of anchors, shape (n_units, n_terms).

        Its terms times those of ``as_right`` are -2ab, |a|^2 over the frames of b,
        |b|^2 over those of a, and the bound on the rounding with its minus.
        """
        n_terms = self.X.shape[1] + 2 * self.n_frames + 3
        rounding = n_terms * torch.finfo(self.X.dtype).eps
        slack = torch.cat([self.square, self.ones, 2 * self.square.sqrt()], 1)
        return torch.cat(
            [-2 * self.X, self.squares, self.valid, -rounding * slack], dim=1
        )

    def as_right(self) -> torch.Tensor:
        """Return the factor of candidates, shape (n_units, n_terms)."""
        slack = [self.ones, self.square, self.square.sqrt()]
        return torch.cat([self.X, self.valid, self.squares, *slack], dim=1)

    def scale(self, others: Factors) -> torch.Tensor | float:
        """Tell by what a distance over common frames becomes one of a segment.

        Returns
        -------
        scale : tensor of shape (n_units, n_others) or float
            T / t of ``paired_distances``, 1 where nothing is padded.
        """
        if not (self.padded or others.padded):
            return 1.0
        return self.n_frames / (self.valid @ others.valid.T)
