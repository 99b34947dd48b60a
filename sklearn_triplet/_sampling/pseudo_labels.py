r"""Class probabilities of all clips in; pseudo-labels that agree with the labels out.

Three steps, each a function. *Distribution alignment* makes the probabilities agree, on
average, with the class prior. *Label spreading* smooths them over the graph of nearest
neighbours,

.. math:: Q = (I - \alpha W)^{-1} Q_0

where W is the normalised adjacency and :math:`Q_0` holds the labels where there are
some. Last, the surest of each class are chosen.

References
----------
D. Zhou, O. Bousquet, T. N. Lal, J. Weston and B. Schoelkopf, "Learning with local and
global consistency", NIPS 2003. D. Berthelot et al., "ReMixMatch: semi-supervised
learning with distribution matching and augmentation anchoring", ICLR 2020. A. Iscen,
G. Tolias, Y. Avrithis and O. Chum, "Label propagation for deep semi-supervised
learning", CVPR 2019.
"""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.linalg import cg
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize, scale

from sklearn_triplet._input.labels import UNLABELED, Labels
from sklearn_triplet._input.types import IntArray

N_ROUNDS = 10  # of Sinkhorn: more changed no label in any corpus that was tried
SMALLEST = 1e-9  # keeps what is almost excluded from becoming 0 / 0
# the relative tolerance of conjugate gradients was called tol before scipy 1.12
TOLERANCE = {"rtol" if "rtol" in inspect.signature(cg).parameters else "tol": 1e-6}


def estimate_prior(labels: Labels) -> np.ndarray:
    """Estimate how frequent the classes are among all clips, from the labeled ones.

    One clip of each class is added to the counts: with a handful of labels the rare
    classes would otherwise be rarer than they are.

    Parameters
    ----------
    labels : Labels
        One row per clip, some unlabeled.

    Returns
    -------
    prior : ndarray of shape (n_classes,)
        Sums to 1 for single labels. For several labels a clip, each is the probability
        that the class is present, among the clips of which that is known; 0 for a class
        that no clip is known to have, since of such a class nothing can be learned.

    Examples
    --------
    >>> from sklearn_triplet._input.labels import check_labels
    >>> estimate_prior(check_labels([0, 0, 0, 0, 1, -1, -1], 7, "example")).round(2)
    array([0.71, 0.29])
    """
    counts = labels.present.sum(axis=0)
    if labels.multilabel:
        known = (~labels.unknown).sum(axis=0)
        return np.where(counts, (counts + 1) / (known + 2), 0.0)
    return (counts + 1) / (counts + 1).sum()


def align_to_prior(
    probabilities: np.ndarray, prior: np.ndarray | None, *, multilabel: bool = False
) -> np.ndarray:
    """Make the probabilities agree with the prior on average (Sinkhorn's iteration).

    Rows are scaled to sum to 1 and columns to have the prior as their mean, in turn. An
    uncertain classifier answers nearly everything with the classes that it has learned
    best; this takes the excess from those and keeps the order within each class.

    Parameters
    ----------
    probabilities : ndarray of shape (n_clips, n_classes)
    prior : ndarray of shape (n_classes,) or None
        ``None``: only the rows are scaled.
    multilabel : bool, default=False
        Whether each class is a question of its own, present or not.

    Returns
    -------
    aligned : ndarray of shape (n_clips, n_classes), float64

    Examples
    --------
    >>> import numpy as np
    >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4]])
    >>> aligned = align_to_prior(probabilities, np.array([0.5, 0.5]))
    >>> aligned.argmax(axis=1), aligned.mean(axis=0).round(2)
    (array([0, 1]), array([0.5, 0.5]))
    """
    if multilabel and prior is None:
        return probabilities.astype(float)
    if multilabel:
        both = np.stack([1 - probabilities, probabilities], axis=2)
        columns = [
            align_to_prior(both[:, c], np.array([1 - p, p]))[:, 1]
            for c, p in enumerate(np.asarray(prior))
        ]
        return np.stack(columns, axis=1)
    aligned = np.maximum(probabilities.astype(float), SMALLEST)
    for _ in range(N_ROUNDS):
        if prior is not None:
            # a class of prior 0 has no mean to divide by
            aligned *= prior / np.maximum(aligned.mean(axis=0), np.finfo(float).tiny)
        aligned /= aligned.sum(axis=1, keepdims=True)
    return aligned


def connect_neighbors(
    embeddings: np.ndarray | sparse.spmatrix, n_neighbors: int
) -> sparse.csr_array:
    """Connect each clip with its nearest neighbours by cosine.

    Parameters
    ----------
    embeddings : ndarray or sparse matrix of shape (n_clips, n_features)
    n_neighbors : int
        That each clip chooses; it may be chosen by more. Fewer where there are not as
        many other clips.

    Returns
    -------
    W : sparse array of shape (n_clips, n_clips)
        Cosines, cubed so that the nearest count most, made symmetric and divided by
        the square roots of both degrees. The rows of vectors of zeros are empty.
    """
    unit = normalize(embeddings)
    n_neighbors = min(n_neighbors, unit.shape[0] - 1)
    # of unit vectors |u - v|^2 = 2 - 2 cos(u, v), and Euclidean neighbours are searched
    # several times as fast; rows come in chunks, never as n x n distances
    search = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute").fit(unit)
    graph = search.kneighbors_graph(mode="distance")
    graph.data = np.maximum(1 - np.square(graph.data) / 2, 0) ** 3
    # a vector of zeros has no direction: it is near to nothing
    nowhere = (
        np.asarray(
            unit.multiply(unit).sum(axis=1)
            if sparse.issparse(unit)
            else np.square(unit).sum(axis=1)
        ).ravel()
        < SMALLEST
    )
    graph.data[np.repeat(nowhere, n_neighbors) | nowhere[graph.indices]] = 0
    # chosen by either of the two
    W = sparse.csr_array(graph.maximum(graph.T))
    degree = np.maximum(W.sum(axis=1), SMALLEST)
    # scipy 1.11 has the constructors of matrices alone, not yet those of arrays
    scale = sparse.csr_array(sparse.diags(1 / np.sqrt(degree)))
    return sparse.csr_array(scale @ W @ scale)


def spread_labels(
    probabilities: np.ndarray,
    labels: Labels,
    embeddings: np.ndarray | sparse.spmatrix | None,
    prior: np.ndarray | None,
    *,
    n_neighbors: int = 5,
    alpha: float = 0.65,
) -> np.ndarray:
    """Turn a classifier's probabilities into pseudo-label distributions.

    Parameters
    ----------
    probabilities : ndarray of shape (n_clips, n_classes)
    labels : Labels
        What is known overrides the probabilities.
    embeddings : ndarray of shape (n_clips, n_features)
        In which neighbours are searched; not looked at where ``alpha`` is 0.
    prior : ndarray of shape (n_classes,) or None
        As ``estimate_prior`` returns it; ``None``: whatever the shares are.
    n_neighbors : int, default=5
    alpha : float, default=0.65
        How much is taken from the neighbours, in [0, 1). 0: nothing.

    Returns
    -------
    distributions : ndarray of shape (n_clips, n_classes), float64
    """
    multilabel = labels.multilabel
    known = ~labels.unknown if multilabel else labels.labeled[:, None]
    start = align_to_prior(probabilities, prior, multilabel=multilabel)
    start = np.where(known, labels.present, start)
    if len(start) > 1 and alpha:
        assert embeddings is not None
        W = connect_neighbors(embeddings, n_neighbors)
        start = _smooth(start, W, alpha)
    spread = align_to_prior(start, prior, multilabel=multilabel)
    return np.where(known, labels.present, spread)


def _smooth(start: np.ndarray, W: sparse.csr_array, alpha: float) -> np.ndarray:
    """Solve ``(I - alpha W) Q = start``, and divide by what a start of ones gives.

    Parameters
    ----------
    start : ndarray of shape (n_clips, n_classes)
        Probabilities.
    W : sparse array of shape (n_clips, n_clips)
        As ``connect_neighbors`` returns it.
    alpha : float

    Returns
    -------
    smoothed : ndarray of shape (n_clips, n_classes)
        Probabilities again. Where those of a clip summed to 1, they still do: the
        solution is linear in the start.
    """
    # symmetric, and positive definite since no eigenvalue of W is above 1
    system = sparse.csr_array(sparse.eye(len(start))) - float(alpha) * W
    columns = np.column_stack([start, np.ones(len(start))])
    # scipy 1.11 warns where atol is left at its default
    solved = [cg(system, column, **TOLERANCE, atol=0.0)[0] for column in columns.T]
    smoothed = np.column_stack(solved[:-1]) / solved[-1][:, None]
    return smoothed.clip(SMALLEST, 1)


def choose_surest(
    distributions: np.ndarray,
    labels: Labels,
    share: float,
    *,
    floor: float = 0.0,
) -> Labels:
    """Give the surest clips of each class their pseudo-label.

    By share and not by threshold: a class of which the classifier is unsure would
    otherwise get none.

    Parameters
    ----------
    distributions : ndarray of shape (n_clips, n_classes)
        As ``spread_labels`` returns them.
    labels : Labels
        These stay as they are.
    share : float
        Of the unlabeled clips of each class (for several labels a clip: of each answer
        about each class), in [0, 1].
    floor : float, default=0.0
        Probability below which none is given. The share is counted first.

    Returns
    -------
    labels : Labels
        With the pseudo-labels among them. A class of several labels a clip that is
        unknown in all clips stays so: what is guessed of it is not learned.
    """
    present, unknown = labels.present.copy(), labels.unknown.copy()
    if labels.multilabel:
        answers = [(distributions, True), (1 - distributions, False)]
        for sure, answer in answers:
            for c in np.flatnonzero(~labels.unknown.all(axis=0)).tolist():
                rows = np.flatnonzero(labels.unknown[:, c] & (sure[:, c] > 0.5))
                rows = _surest(rows, sure[:, c], share, floor)
                present[rows, c], unknown[rows, c] = answer, False
        return replace(labels, present=present, unknown=unknown)
    best, unlabeled = distributions.argmax(axis=1), ~labels.labeled
    for c in range(distributions.shape[1]):
        rows = np.flatnonzero(unlabeled & (best == c))
        rows = _surest(rows, distributions[:, c], share, floor)
        present[rows, c], unknown[rows] = True, False
    return replace(labels, present=present, unknown=unknown)


def _surest(
    rows: np.ndarray, sure: np.ndarray, share: float, floor: float
) -> np.ndarray:
    """Return the surest share of some rows."""
    order = rows[np.argsort(-sure[rows], kind="stable")][: round(share * len(rows))]
    return order[sure[order] >= floor]


def guess_from_embeddings(
    embeddings: np.ndarray, labels: Labels, *, n_neighbors: int = 5, alpha: float = 0.65
) -> np.ndarray:
    """Guess classes from embeddings alone: a linear classifier, then its neighbours.

    Parameters
    ----------
    embeddings : ndarray of shape (n_clips, n_features)
        Standardised here, so that no component counts for its scale.
    labels : Labels
        Labels of at least two kinds.
    n_neighbors, alpha
        As in ``spread_labels``.

    Returns
    -------
    distributions : ndarray of shape (n_clips, n_classes), float64

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_triplet._input.labels import check_labels
    >>> labels = check_labels([0, 1, -1, -1], 4, "example")
    >>> embeddings = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.9], [0.9, 0.1]])
    >>> guess_from_embeddings(embeddings, labels).argmax(axis=1)
    array([0, 1, 0, 1])
    """
    prior = estimate_prior(labels)
    # in double precision, or the means of large float32 values are not quite removed
    embeddings = scale(embeddings.astype(float))
    start = np.tile(prior, (len(embeddings), 1))
    if labels.multilabel:
        for c in range(len(prior)):
            known = ~labels.unknown[:, c]
            answers = labels.present[:, c]
            start[:, c] = _classify(embeddings, known, answers, start[:, [c, c]])[:, 1]
    else:
        codes = labels.present.argmax(axis=1)
        start = _classify(embeddings, labels.labeled, codes, start)
    return spread_labels(
        start, labels, embeddings, prior, n_neighbors=n_neighbors, alpha=alpha
    )


def _classify(
    embeddings: np.ndarray, known: np.ndarray, codes: np.ndarray, default: np.ndarray
) -> np.ndarray:
    """Fit a logistic regression to some rows and ask it of all.

    Parameters
    ----------
    embeddings : ndarray of shape (n_clips, n_features)
    known : ndarray of shape (n_clips,), bool
        The rows with an answer.
    codes : ndarray of shape (n_clips,), int or bool
        The answers: columns of what is returned.
    default : ndarray of shape (n_clips, n_codes)
        Returned where there is only one answer to learn.

    Returns
    -------
    probabilities : ndarray of shape (n_clips, n_codes)
        0 for a code that is no answer.
    """
    if len(np.unique(codes[known])) < 2:
        return default
    model = LogisticRegression(max_iter=1000).fit(embeddings[known], codes[known])
    probabilities = np.zeros_like(default)
    probabilities[:, model.classes_.astype(int)] = model.predict_proba(embeddings)
    return probabilities


def find_first_epoch(guess_from: float, max_epochs: int) -> float:
    """Return the epoch, counted from 1, at which guessing begins.

    Parameters
    ----------
    guess_from : float
        Part of the epochs before it, in [0, 1].
    max_epochs : int

    Returns
    -------
    first_epoch : float
        The first whole epoch from here on guesses.
    """
    # rounded, or 0.55 of 20 epochs would be more than 11
    return round(1 + guess_from * max_epochs, 6)


def grow_share(epoch: int, first_epoch: float, max_epochs: int) -> float:
    """Return the share of each class that joins: from a half to all of it.

    Parameters
    ----------
    epoch : int
        Counted from 1.
    first_epoch : float
        In which guessing begins.
    max_epochs : int

    Returns
    -------
    share : float
        In [0.5, 1].

    Examples
    --------
    >>> [round(grow_share(epoch, 5, 15), 2) for epoch in (5, 8, 12, 15)]
    [0.5, 0.71, 1.0, 1.0]
    """
    # all have joined for the last third of the way
    way = (epoch - first_epoch) / max(0.7 * (max_epochs - first_epoch), 1)
    return min(1.0, 0.5 + 0.5 * way)


def count_guesses(labels: Labels, before: Labels, now: Labels) -> dict[str, float]:
    """Count pseudo-labels, and those that are others than before.

    Parameters
    ----------
    labels : Labels
        What is known.
    before, now : Labels
        Labels and pseudo-labels, one epoch ago and now.

    Returns
    -------
    counts : dict
        ``pseudo_labeled``, the fraction of what is not labeled, and
        ``changed_pseudo_labels``, the fraction of the clips that had a pseudo-label and
        still have one. 0 where there is none.
    """
    asked = labels.unknown
    both = asked & ~now.unknown & ~before.unknown
    changed = both & (now.present != before.present)
    n_both = both.any(axis=1).sum()
    return {
        "pseudo_labeled": float((asked & ~now.unknown).sum() / max(asked.sum(), 1)),
        "changed_pseudo_labels": float(changed.any(axis=1).sum() / max(n_both, 1)),
    }


def read_guesses(
    distributions: np.ndarray | None, labels: Labels
) -> tuple[IntArray, np.ndarray]:
    """Tell the most probable answer about each clip, and its probability.

    Parameters
    ----------
    distributions : ndarray of shape (n_clips, n_classes) or None
        ``None``: nothing was guessed.
    labels : Labels
        What is known overrides them, at a probability of 1. A class of several labels
        a clip that is unknown in all clips has been guessed by nobody.

    Returns
    -------
    guess : ndarray of shape (n_clips,) or (n_clips, n_classes), int
        Columns, or for several labels a clip 0 and 1; -1 where nothing was guessed.
    sure : ndarray of the same shape, float
        Probabilities; NaN where nothing was guessed.
    """
    if distributions is None:
        distributions = np.full(labels.present.shape, np.nan)
    present = labels.present
    if labels.multilabel:
        known = ~labels.unknown
        guess = np.where(known, present, distributions >= 0.5).astype(int)
        sure = np.maximum(distributions, 1 - distributions)
        sure[:, labels.unknown.all(axis=0)] = np.nan
    elif not len(labels.classes):
        known = labels.labeled
        guess, sure = np.zeros(len(known), dtype=int), np.full(len(known), np.nan)
    else:
        known = labels.labeled
        best = distributions.argmax(axis=1)
        guess = np.where(known, present.argmax(axis=1), best)
        sure = distributions.max(axis=1)
    sure = np.where(known, 1.0, sure)
    return np.where(np.isnan(sure), UNLABELED, guess), sure
