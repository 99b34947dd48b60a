"""Folds and masks with equal shares of every class."""

import numpy as np
import pandas as pd
import pytest
from helpers import make_indicator, whole
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    KFold,
)

from sklearn_triplet import (
    UnlabeledInTrain,
    is_labeled,
    mask_labels,
)
from sklearn_triplet.model_selection import MultilabelStratifiedKFold

INDICATOR = np.array([[0, 1], [0, 1], [-1, -1], [1, 0], [1, 1], [0, 0]])


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_fold_has_its_share_of_every_class(shuffle):
    y = make_indicator()
    splitter = MultilabelStratifiedKFold(4, shuffle=shuffle, random_state=0)
    tests = [test for _, test in splitter.split(y, y)]
    np.testing.assert_array_equal(np.sort(np.concatenate(tests)), np.arange(200))
    for test in tests:
        assert abs(len(test) - 50) <= 2
        np.testing.assert_allclose(y[test].sum(axis=0), y.sum(axis=0) / 4, atol=1.5)
    plain = [y[test].sum(axis=0) for _, test in KFold(4).split(y)]
    ours = [y[test].sum(axis=0) for test in tests]
    assert np.std(ours, axis=0).sum() < np.std(plain, axis=0).sum() / 4


def test_shuffled_folds_follow_the_seed():
    y = make_indicator()

    def test_rows(seed):
        splitter = MultilabelStratifiedKFold(3, shuffle=True, random_state=seed)
        return [tuple(test) for _, test in splitter.split(y, y)]

    assert test_rows(0) == test_rows(0) != test_rows(1)


def test_an_indicator_is_stratified_by_default():
    y = make_indicator()
    y[::3] = -1
    known = is_labeled(y)
    for _, test in UnlabeledInTrain(4).split(y, y):
        np.testing.assert_allclose(
            y[test].sum(axis=0), y[known].sum(axis=0) / 4, atol=1.5
        )
        no_event = (y[known].sum(axis=1) == 0).sum()
        assert abs((y[test].sum(axis=1) == 0).sum() - no_event / 4) <= 1


@pytest.mark.parametrize(
    ("n_splits", "y", "sentence"),
    [
        (
            1,
            INDICATOR,
            "The 'n_splits' parameter of MultilabelStratifiedKFold must be an integer "
            "in [2, inf). Got 1 instead.",
        ),
        (
            7,
            INDICATOR,
            "MultilabelStratifiedKFold cannot make 7 folds of 6 rows. Choose n_splits "
            "of at most the number of rows.",
        ),
        (
            2,
            None,
            "MultilabelStratifiedKFold stratifies by y. Got None: give split(X, y).",
        ),
    ],
)
def test_refusals_of_multilabel_folds(n_splits, y, sentence):
    with pytest.raises(ValueError, match=whole(sentence)):
        list(MultilabelStratifiedKFold(n_splits).split(np.eye(6), y))


def test_kept_labels_are_stratified_and_nested():
    y = np.repeat([0, 1, 2, -1], [100, 60, 40, 50])
    before = y.copy()
    kept_before = np.zeros(250, dtype=bool)
    for fraction, counts in ((0.1, (10, 6, 4)), (0.25, (25, 15, 10)), (1.0, None)):
        masked = mask_labels(y, fraction, random_state=0)
        kept = is_labeled(masked)
        assert kept[kept_before].all()
        np.testing.assert_array_equal(masked[kept], y[kept])
        if counts:
            np.testing.assert_array_equal(np.bincount(masked[kept]), counts)
        kept_before = kept
    np.testing.assert_array_equal(masked, y)
    np.testing.assert_array_equal(before, y)
    assert is_labeled(mask_labels(y, 17, random_state=0)).sum() == 17


def test_every_class_keeps_a_label():
    y = np.repeat(np.arange(5), [100, 60, 2, 1, 1])
    masked = mask_labels(y, 0.01, random_state=0)
    np.testing.assert_array_equal(np.bincount(masked[masked >= 0]), np.ones(5))
    assert is_labeled(mask_labels(y, 5, random_state=0)).sum() == 5


def test_an_indicator_loses_whole_rows():
    y = make_indicator()
    y[::5] = -1
    known = is_labeled(y)
    masked = mask_labels(y, 0.25, random_state=0)
    kept = is_labeled(masked)
    assert kept.sum() == 40
    assert (masked[~kept] == -1).all()
    share = y[known].sum(axis=0) / 4
    np.testing.assert_allclose(masked[kept].sum(axis=0), share, atol=2.5)
    assert not kept[~known].any()


def test_kinds_of_labels_keep_their_meaning():
    words = ["dog", "rain", "dog", "rain"]
    for given in (words, np.array(words), pd.Series(words)):
        masked = mask_labels(given, 2, random_state=0)
        assert masked.dtype == object
        assert [type(label) for label in masked].count(int) == 2
    assert mask_labels(np.eye(4, dtype=bool), 4).dtype == np.int64
    assert mask_labels(np.array([0, 1, 1], dtype=np.uint8), 2).dtype == np.int64
    assert mask_labels(np.array([0, 1, 1], dtype=np.int8), 2).dtype == np.int8
    assert mask_labels([[0, 1], [1, 0]], 2).tolist() == [[0, 1], [1, 0]]


def test_chance_comes_from_random_state_only():
    y = np.repeat([0, 1], 50)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = (mask_labels(y, 0.2, random_state=s) for s in (0, 0, 1))
    assert (mask_labels(y, 0.2) != -1).sum() == 20
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("fraction", "sentence"),
    [
        (
            bad,
            "The 'labeled_fraction' parameter of mask_labels must be a float in (0, 1] "
            "or an integer in [1, 3], the number of labeled rows. "
            f"Got {bad!r} instead.",
        )
        for bad in (0.0, 1.5, 0, 4, True, "half", None)
    ]
    + [
        (
            1,
            "The 'labeled_fraction' parameter of mask_labels must be at least 2 to "
            "keep one row of each class. Got 1 instead.",
        )
    ],
)
def test_refusals_of_the_fraction(fraction, sentence):
    with pytest.raises(ValueError, match=whole(sentence)):
        mask_labels([0, 1, 1, -1], fraction)


@pytest.mark.filterwarnings("ignore:y holds only -1 and \\+1")
def test_refusals_of_labels_to_mask():
    sentence = (
        "mask_labels marks hidden labels by -1, but y has a class of that name. Recode "
        "the classes -1 and +1 as 0 and 1."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        mask_labels([-1, 1, 1], 0.5)
    sentence = (
        "mask_labels got a y in which none of the 2 rows is known: all hold -1. Give "
        "at least one labeled row."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        mask_labels([-1, -1], 0.5)
    sentence = "mask_labels needs y. Got None: give the labels to hide."
    with pytest.raises(ValueError, match=whole(sentence)):
        mask_labels(None, 0.5)
