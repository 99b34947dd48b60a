"""How many steps an epoch has: at the default n_triplets, and at a given one."""

import numpy as np
import pytest
import torch

from sklearn_triplet import TripletEmbedder


def make_encoder(n_features, n_components=2):
    """Return what costs next to nothing: steps are counted here, not learned from."""
    return torch.nn.Conv1d(n_features, n_components, 1)


def make_clips(n_labeled, n_unlabeled, n_segments=2, flat=False):
    n = n_labeled + n_unlabeled
    X = np.random.default_rng(0).normal(size=(n, 2, 4 * n_segments))
    y = np.where(np.arange(n) < n_labeled, np.arange(n) % 2, -1)
    return (X[:, :, 0] if flat else X).astype(np.float32), y


def fit(X, y, strategy="s2", max_epochs=1, **settings):
    embedder = TripletEmbedder(
        strategy,
        segment_length=4,
        encoder=make_encoder,
        max_epochs=max_epochs,
        random_state=0,
        **settings,
    )
    return embedder.fit(X, y)


def count_steps(embedder, key="train_batch_count"):
    return embedder.history_[:, key]


@pytest.mark.parametrize(
    "strategy, n_labeled, expected",
    [
        # two segments a clip; every labeled one once, as many unlabeled ones, by 64
        ("s2", 10, 1),
        ("s2", 30, 2),
        ("s2", 300, 19),
        ("s2", 3000, 188),
        ("s1", 30, 2),
        ("s3", 30, 2),
        # no unlabeled anchors
        ("s5", 10, 1),
        ("s5", 300, 10),
        ("s5", 3000, 94),
        ("s4", 30, 1),
    ],
)
def test_epoch_is_every_labeled_segment_once(strategy, n_labeled, expected):
    X, y = make_clips(n_labeled, 50)
    assert count_steps(fit(X, y, strategy)) == [expected]


@pytest.mark.parametrize("n_clips, expected", [(10, 1), (1000, 32)])
def test_epoch_without_labels_is_every_segment_once(n_clips, expected):
    X, _ = make_clips(0, n_clips)
    assert count_steps(fit(X, None, "s1")) == [expected]


@pytest.mark.parametrize("strategy, expected", [("s2", 4), ("s5", 2)])
def test_default_is_what_the_same_n_triplets_is(strategy, expected):
    X, y = make_clips(30, 30)
    once = 120 if strategy == "s2" else 60
    settings = {"batch_size": 32, "max_epochs": 2}
    given = fit(X, y, strategy, n_triplets=once, **settings)
    assert count_steps(given) == [expected] * 2
    default = fit(X, y, strategy, **settings).transform(X)
    np.testing.assert_array_equal(default, given.transform(X))


def test_given_n_triplets_decide_the_steps():
    X, y = make_clips(10, 20)
    assert count_steps(fit(X, y, n_triplets=20 * 64)) == [20]


def test_row_of_a_table_is_a_segment():
    X, y = make_clips(30, 100, flat=True)
    assert count_steps(fit(X, y, batch_size=20)) == [3]
    assert count_steps(fit(X, y, "s5", batch_size=20)) == [2]


def test_given_n_triplets_are_not_of_what_validates():
    X, y = make_clips(40, 40)
    settings = {"n_triplets": 20 * 64, "max_epochs": 3, "validation_fraction": 0.25}
    embedder = fit(X, y, **settings)
    # 20 clips validate, 10 of them labeled: 40 triplets
    assert count_steps(embedder, "valid_batch_count") == [1] * 3
    assert count_steps(embedder) == [20] * 3


def test_anchors_take_turns_within_an_epoch():
    # seven segments for 40 places: each five or six times, in turns
    X, y = make_clips(7, 0, n_segments=1)
    seen = []

    class Anchors(torch.nn.Conv1d):
        """Notes the first feature of what it is given, anchors first."""

        def forward(self, X):
            if self.training:
                seen.extend(X[: len(X) // 2, 0, 0].tolist())
            return super().forward(X)

    embedder = TripletEmbedder(
        "s5",
        segment_length=4,
        encoder=lambda n_features: Anchors(n_features, 2, 1),
        n_triplets=40,
        batch_size=2,
        max_epochs=2,
        random_state=0,
    ).fit(X, y)
    assert count_steps(embedder) == [20, 20]
    assert len(seen) == 80
    for start in range(0, 77, 7):
        assert len(set(seen[start : start + 7])) == 7
