"""Folds and masks with equal shares of every class; what folds lack."""

import warnings

import numpy as np
import pandas as pd
import pytest
from helpers import make_indicator, whole
from sklearn.model_selection import KFold, LeaveOneGroupOut

from sklearn_triplet import (
    MultilabelStratifiedKFold,
    UnlabeledInTrain,
    is_labeled,
    mask_labels,
)

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


def test_a_generator_as_random_state_is_drawn_from():
    y = np.repeat([0, 1], 50)
    for kind in (np.random.RandomState, np.random.default_rng):
        rng = kind(3)
        first, second = (mask_labels(y, 0.2, random_state=rng) for _ in range(2))
        assert (first != second).any()
        np.testing.assert_array_equal(mask_labels(y, 0.2, random_state=kind(3)), first)


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
            "keep one row of each class. Got 1 instead. The float 1.0 keeps all "
            "labels.",
        )
    ],
)
def test_refusals_of_the_fraction(fraction, sentence):
    with pytest.raises(ValueError, match=whole(sentence)):
        mask_labels([0, 1, 1, -1], fraction)


def test_a_number_too_small_says_nothing_of_all_labels():
    sentence = (
        "The 'labeled_fraction' parameter of mask_labels must be at least 3 to keep "
        "one row of each class. Got 2 instead."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        mask_labels([0, 1, 2, 2], 2)
    assert mask_labels([0, 1, 2, 2], 1.0).tolist() == [0, 1, 2, 2]


@pytest.mark.filterwarnings("error")
def test_refusals_of_labels_to_mask():
    sentence = (
        "mask_labels got a y of only -1 and +1, in which only one class is labeled, "
        "since -1 means unlabeled. Recode binary labels as 0 and 1, or label rows of "
        "another class."
    )
    for y in ([-1, 1, 1], np.array([-1.0, 1.0]), np.array([-1, 1], dtype=object)):
        with pytest.raises(ValueError, match=whole(sentence)):
            mask_labels(y, 0.5)
    sentence = (
        "mask_labels got a y in which none of the 2 rows is known: all hold -1. Give "
        "at least one labeled row."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        mask_labels([-1, -1], 0.5)
    sentence = "mask_labels needs y. Got None: give the labels to hide."
    with pytest.raises(ValueError, match=whole(sentence)):
        mask_labels(None, 0.5)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "y",
    [
        [-1, 1, 1, -1, 1, 1],
        np.array([[-1.0], [1.0], [1.0], [-1.0], [1.0], [1.0]]),
        np.array([-1, 1, 1, -1, 1, 1], dtype=object),
        pd.Series([-1, 1, 1, -1, 1, 1]),
    ],
    ids=["list", "column", "objects", "series"],
)
def test_binary_labels_of_minus_one_and_one_are_refused(y):
    sentence = (
        "UnlabeledInTrain got a y of only -1 and +1, in which only one class is "
        "labeled, since -1 means unlabeled. Recode binary labels as 0 and 1, or label "
        "rows of another class."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        list(UnlabeledInTrain(2).split(np.eye(6), y))
    with pytest.raises(ValueError, match=whole(sentence)):
        UnlabeledInTrain(2).get_n_splits(np.eye(6), y)


def test_one_class_of_another_name_is_split():
    for y in ([-1, 0, 0, -1, 0, 0], ["dog", -1, "dog", "dog", -1, "dog"]):
        folds = list(UnlabeledInTrain(2).split(y, y))
        assert [len(test) for _, test in folds] == [2, 2]


@pytest.mark.parametrize("names", [(0, 1), ("dog", "rain"), (3.0, 1.0)], ids=str)
def test_a_training_set_of_one_class_is_refused(names):
    first, second = names
    y = np.array([first, first, -1, second, second, -1, second], dtype=object)
    groups = [0, 0, 0, 1, 1, 1, 2]
    sentence = (
        f"The training set of fold 0 of UnlabeledInTrain has labeled rows of class "
        f"{second!r} only, and nothing to tell it from. Stratify the folds, as "
        "UnlabeledInTrain(5) or StratifiedGroupKFold do, choose fewer folds or other "
        "groups."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        list(UnlabeledInTrain(LeaveOneGroupOut()).split(y, y, groups))
    assert len(list(UnlabeledInTrain(2).split(y, y))) == 2
    # an indicator of class 1 only cannot be mistaken for signs
    indicator = np.array([[1, 0], [0, 1], [-1, -1], [0, 1]])
    with pytest.warns(UserWarning, match="no labeled row of classes \\[0\\]"):
        folds = list(UnlabeledInTrain([([1, 3], [0])]).split(indicator, indicator))
    np.testing.assert_array_equal(folds[0][0], [1, 2, 3])


def test_scarce_classes_are_named():
    y = ["dog"] * 6 + ["rain"] * 6 + ["crow"] * 2 + [-1] * 9
    sentence = (
        "Classes ['crow'] have fewer labeled rows than there are folds (3), so some "
        "folds do not test them."
    )
    with pytest.warns(UserWarning, match=whole(sentence)) as caught:
        assert len(list(UnlabeledInTrain(3).split(y, y))) == 3
    assert len(caught) == 1
    sentence = (
        "The training set of fold 2 has no labeled row of classes ['crow'], so no "
        "estimator can learn them there."
    )
    with pytest.warns(UserWarning, match=whole(sentence)):
        list(UnlabeledInTrain(KFold(3)).split(y, y))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(UnlabeledInTrain(2).split(y, y))
