"""Alignment, spreading and choice of pseudo-labels against dense computations."""

import warnings

import numpy as np
import pytest

from sklearn_triplet._input.labels import check_labels
from sklearn_triplet._sampling.pseudo_labels import (
    align_to_prior,
    choose_surest,
    connect_neighbors,
    estimate_prior,
    spread_labels,
)


def read(y):
    return check_labels(np.asarray(y), len(y), "test")


def make(n=40, n_classes=3, n_labeled=6, seed=0):
    """Embeddings in clusters, uncertain probabilities and a few labels."""
    rng = np.random.default_rng(seed)
    classes = np.arange(n) % n_classes
    embeddings = rng.normal(size=(n, 5)) + 2 * rng.normal(size=(n_classes, 5))[classes]
    probabilities = rng.dirichlet(np.ones(n_classes), n)
    y = np.where(np.arange(n) < n_labeled, classes, -1)
    return embeddings, probabilities, read(y)


def weigh_densely(embeddings, n_neighbors):
    """W by its definition, pair by pair."""
    n = len(embeddings)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosines = unit @ unit.T
    W = np.zeros((n, n))
    for i in range(n):
        others = [j for j in np.argsort(-cosines[i]) if j != i]
        for j in others[:n_neighbors]:
            W[i, j] = W[j, i] = max(cosines[i, j], 0) ** 3
    degrees = W.sum(axis=1)
    return W / np.sqrt(degrees[:, None] * degrees)


def align_densely(P, prior):
    P = P.copy()
    for _ in range(10):
        for c in range(P.shape[1]):
            P[:, c] *= prior[c] / np.mean(P[:, c])
        for i in range(len(P)):
            P[i] /= sum(P[i])
    return P


# --- the prior


def test_prior_counts_the_labels_and_one_clip_more_of_each_class():
    labels = read([0] * 7 + [1] * 2 + [2] + [-1] * 30)
    np.testing.assert_allclose(estimate_prior(labels), np.array([8, 3, 2]) / 13)


def test_prior_of_several_labels_is_among_the_clips_of_which_it_is_known():
    y = np.full((10, 4), -1)
    y[:6, 0] = [1, 1, 0, 0, 0, 0]
    y[:2, 1] = [1, 1]
    y[:5, 2] = 0  # known, and never there
    found = estimate_prior(read(y))
    np.testing.assert_allclose(found, [3 / 8, 3 / 4, 0, 0])


# --- alignment


@pytest.mark.parametrize("prior", [[1 / 3, 1 / 3, 1 / 3], [0.7, 0.2, 0.1]])
def test_alignment_has_rows_of_1_and_means_of_the_prior(prior):
    P = np.random.default_rng(0).dirichlet([3, 1, 1], 200)
    before = P.copy()
    aligned = align_to_prior(P, np.array(prior))
    np.testing.assert_array_equal(P, before)
    np.testing.assert_allclose(aligned.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(aligned.mean(axis=0), prior, atol=1e-3)
    np.testing.assert_allclose(aligned, align_densely(P, prior), rtol=1e-9)


def test_alignment_keeps_the_order_of_odds():
    P = np.random.default_rng(0).dirichlet([3, 1], 50)
    aligned = align_to_prior(P, np.array([0.2, 0.8]))
    np.testing.assert_array_equal(np.argsort(aligned[:, 0]), np.argsort(P[:, 0]))


def test_alignment_of_several_labels_asks_about_each_class_alone():
    P = np.random.default_rng(0).random((60, 3))
    prior = np.array([0.5, 0.1, 0.0])
    aligned = align_to_prior(P, prior, multilabel=True)
    np.testing.assert_allclose(aligned.mean(axis=0), prior, atol=1e-3)
    assert not aligned[:, 2].any()
    for c in range(2):
        both = np.column_stack([1 - P[:, c], P[:, c]])
        alone = align_to_prior(both, np.array([1 - prior[c], prior[c]]))
        np.testing.assert_allclose(aligned[:, c], alone[:, 1], rtol=1e-12)


def test_alignment_of_what_is_certain_is_finite():
    P = np.repeat(np.eye(2), [9, 1], axis=0)
    aligned = align_to_prior(P, np.array([0.5, 0.5]))
    assert np.isfinite(aligned).all()
    np.testing.assert_allclose(aligned.sum(axis=1), 1)


# --- the graph


def test_graph_is_that_of_the_definition():
    embeddings, _, _ = make()
    W = connect_neighbors(embeddings, 5).toarray()
    np.testing.assert_allclose(W, weigh_densely(embeddings, 5), atol=1e-12)
    np.testing.assert_allclose(W, W.T, rtol=1e-12)
    assert np.linalg.eigvalsh(W).max() < 1 + 1e-9


def test_twins_are_neighbours_of_weight_1():
    W = connect_neighbors(np.array([[1.0, 0], [2, 0], [0, 1], [0, 3]]), 1).toarray()
    expected = np.kron(np.eye(2), [[0, 1], [1, 0]])
    np.testing.assert_allclose(W, expected, atol=1e-12)


def test_a_vector_of_zeros_is_near_to_nothing():
    embeddings, _, _ = make()
    embeddings[[3, 20]] = 0
    W = connect_neighbors(embeddings, 5).toarray()
    assert np.isfinite(W).all()
    assert not W[[3, 20]].any()
    assert W.any(axis=1).sum() == 38


def test_fewer_clips_than_neighbours_are_all_connected():
    embeddings = np.abs(np.random.default_rng(0).normal(size=(4, 3)))
    W = connect_neighbors(embeddings, 10).toarray()
    np.testing.assert_allclose(W, weigh_densely(embeddings, 3), atol=1e-12)


# --- spreading


@pytest.mark.parametrize("alpha", [0.3, 0.65, 0.95])
def test_spreading_solves_the_system(alpha):
    embeddings, P, labels = make()
    prior = estimate_prior(labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = spread_labels(P, labels, embeddings, prior, n_neighbors=4, alpha=alpha)
    start = align_densely(P, prior)
    start[:6] = labels.present[:6]
    W = weigh_densely(embeddings, 4)
    spread = np.linalg.inv(np.eye(40) - alpha * W) @ start
    spread /= spread.sum(axis=1, keepdims=True)
    expected = align_densely(spread, prior)
    expected[:6] = labels.present[:6]
    np.testing.assert_allclose(found, expected, atol=2e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-9)


def test_known_labels_stay_and_override_what_the_classifier_said():
    embeddings, P, labels = make()
    P[:6] = np.roll(labels.present[:6], 1, axis=1)  # surely wrong
    found = spread_labels(P, labels, embeddings, estimate_prior(labels))
    np.testing.assert_array_equal(found[:6], labels.present[:6])
    assert not np.isin(found[6:], [0, 1]).any()


def test_without_alpha_only_the_prior_counts():
    embeddings, P, labels = make()
    prior = estimate_prior(labels)
    found = spread_labels(P, labels, embeddings, prior, alpha=0)
    start = align_densely(P, prior)
    start[:6] = labels.present[:6]
    expected = align_to_prior(start, prior)
    np.testing.assert_allclose(found[6:], expected[6:], rtol=1e-9)


def test_labels_reach_the_cluster_that_they_are_in():
    rng = np.random.default_rng(0)
    classes = np.arange(60) % 3
    embeddings = 4 * np.eye(3)[classes] + rng.normal(size=(60, 3))
    y = np.where(np.arange(60) < 6, classes, -1)
    flat = np.full((60, 3), 1 / 3)  # a classifier that knows nothing
    found = spread_labels(flat, read(y), embeddings, np.ones(3) / 3)
    assert (found.argmax(axis=1) == classes).mean() > 0.9


def test_a_class_of_several_labels_is_a_question_of_two_classes():
    embeddings, _, _ = make()
    rng = np.random.default_rng(1)
    P = rng.random((40, 2))
    y = np.where(rng.random((40, 2)) < 0.2, rng.integers(2, size=(40, 2)), -1)
    labels = read(y)
    prior = estimate_prior(labels)
    found = spread_labels(P, labels, embeddings, prior)
    for c in range(2):
        both = np.column_stack([1 - P[:, c], P[:, c]])
        pair = np.array([1 - prior[c], prior[c]])
        alone = spread_labels(both, read(y[:, c]), embeddings, pair)
        np.testing.assert_allclose(found[:, c], alone[:, 1], atol=1e-5)
    known = y != -1
    assert known.any(axis=1).sum() > known.all(axis=1).sum()  # some entries unknown
    np.testing.assert_array_equal(found[known], y[known])


@pytest.mark.parametrize("multilabel", [False, True])
def test_an_isolated_clip_keeps_its_probabilities(multilabel):
    embeddings, P, labels = make()
    embeddings[10] = 0
    if multilabel:
        labels = read(np.where(labels.unknown, -1, labels.present))
    prior = P[6:].mean(axis=0)
    alone = spread_labels(P, labels, embeddings, prior, alpha=0)
    found = spread_labels(P, labels, embeddings, prior)
    assert np.isfinite(found).all()
    # but for what the alignment of all the others does
    np.testing.assert_allclose(found[10], alone[10], atol=0.2)
    assert found[10].argmax() == P[10].argmax()


def test_all_alike_all_zero_or_alone():
    _, P, labels = make()
    for embeddings in (np.ones((40, 5)), np.zeros((40, 5))):
        found = spread_labels(P, labels, embeddings, estimate_prior(labels))
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found.sum(axis=1), 1)
    single = spread_labels(
        np.array([[0.8, 0.2]]), read([-1, 0, 1]).take(np.array([0])), np.ones((1, 2)),
        np.array([0.5, 0.5]),
    )  # fmt: skip
    np.testing.assert_allclose(single.sum(), 1)


# --- choice


def test_the_surest_share_of_each_class_is_chosen():
    P = np.array(
        [[1, 0], [0.9, 0.1], [0.6, 0.4], [0.8, 0.2], [0.7, 0.3], [0.3, 0.7], [0.4, 0.6]]
    )
    y = [0, -1, -1, -1, -1, -1, -1]
    labels = read([*y, 1]).take(np.arange(7))
    for share, expected in (
        (0, [0, -1, -1, -1, -1, -1, -1]),
        (0.5, [0, 0, -1, 0, -1, 1, -1]),  # two of four, one of two
        (0.75, [0, 0, -1, 0, 0, 1, 1]),
        (1, [0, 0, 0, 0, 0, 1, 1]),
    ):
        chosen = choose_surest(P, labels, share)
        found = np.where(chosen.labeled, chosen.present.argmax(axis=1), -1)
        np.testing.assert_array_equal(found, expected)
        assert (chosen.present.sum(axis=1) == chosen.labeled).all()
    assert not labels.present[1:].any()  # the labels given are as they were


def test_the_floor_refuses_what_is_not_sure_enough():
    P = np.array([[0.9, 0.1], [0.75, 0.25], [0.6, 0.4], [0.45, 0.55]])
    labels = read([-1, -1, -1, -1, 0, 1]).take(np.arange(4))
    chosen = choose_surest(P, labels, 1, floor=0.75)
    np.testing.assert_array_equal(chosen.labeled, [True, True, False, False])


def test_ties_go_to_the_first():
    P = np.full((4, 2), 0.5)
    labels = read([-1, -1, -1, -1, 0, 1]).take(np.arange(4))
    chosen = choose_surest(P, labels, 0.5)
    np.testing.assert_array_equal(chosen.labeled, [True, True, False, False])
    assert chosen.present[:2, 0].all()


def test_several_labels_are_chosen_by_answer():
    P = np.array([[0.9, 0.5], [0.8, 0.2], [0.3, 0.1], [0.2, 0.4], [0.1, 0.0]])
    y = np.full((5, 2), -1)
    y[4] = [1, -1]  # known against the probability; the other entry is unknown
    y[0, 1] = 1
    chosen = choose_surest(P, read(y), 0.5)
    # class 0: one of two present, one of two absent; class 1: two of four absent
    expected = np.array([[1, 1], [-1, -1], [-1, 0], [0, -1], [1, 0]])
    found = np.where(chosen.unknown, -1, chosen.present)
    np.testing.assert_array_equal(found, expected)


def test_a_class_of_which_nothing_is_known_stays_unknown():
    y = np.array([[1, -1], [0, -1], [-1, -1], [-1, -1]])
    chosen = choose_surest(np.full((4, 2), 0.9), read(y), 1)
    assert chosen.unknown[:, 1].all()
    assert not chosen.unknown[:, 0].any()
