"""Folds of labeled rows, with every unlabeled row in training."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from helpers import whole
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    LeavePOut,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
)

from sklearn_triplet import (
    LabeledOnly,
    UnlabeledInTrain,
    is_labeled,
)

GROUPS = np.arange(300) % 7
SPLITTERS = [
    4,
    None,
    KFold(3),
    KFold(3, shuffle=True, random_state=0),
    StratifiedKFold(3),
    GroupKFold(3),
    StratifiedGroupKFold(3),
    LeaveOneGroupOut(),
    ShuffleSplit(3, random_state=0),
    RepeatedKFold(n_splits=2, n_repeats=2, random_state=0),
    LeaveOneOut(),
    PredefinedSplit(np.arange(300) % 3 - 1),
    list(KFold(3).split(GROUPS)),
    [(GROUPS > 2, GROUPS <= 2)],
]


@pytest.mark.parametrize("cv", SPLITTERS, ids=lambda cv: str(cv)[:20])
def test_labeled_rows_make_the_folds_and_unlabeled_ones_train(cv, blobs):
    X, y = blobs
    known = np.flatnonzero(is_labeled(y))
    unknown = np.flatnonzero(~is_labeled(y))
    splitter = UnlabeledInTrain(cv)
    folds = list(splitter.split(X, y, use_groups(cv)))
    assert len(folds) == splitter.get_n_splits(X, y, use_groups(cv))
    for train, test in folds:
        assert np.isin(unknown, train).all()
        assert np.isin(test, known).all()
        assert len(test)
        assert not np.isin(test, train).any()
        for rows in (train, test):
            assert rows.dtype.kind == "i"
            assert (np.diff(rows) > 0).all()
    again = list(splitter.split(X, y, use_groups(cv)))
    for fold, same in zip(folds, again, strict=True):
        np.testing.assert_array_equal(fold[0], same[0])
        np.testing.assert_array_equal(fold[1], same[1])


def use_groups(cv):
    return GROUPS if "Group" in type(cv).__name__ else None


@pytest.mark.parametrize("cv", [3, StratifiedKFold(3), KFold(3), LeaveOneOut()])
def test_folds_are_those_of_the_labeled_rows_alone(cv, blobs):
    X, y = blobs
    known = np.flatnonzero(y != -1)
    inner = StratifiedKFold(3) if cv == 3 else cv
    expected = inner.split(known, y[known])
    for (train, test), (_, inner_test) in zip(
        UnlabeledInTrain(cv).split(X, y), expected, strict=True
    ):
        np.testing.assert_array_equal(test, known[inner_test])
        assert len(train) + len(test) == len(y)


def test_groups_are_those_of_the_labeled_rows(blobs):
    X, y = blobs
    for groups in (GROUPS, GROUPS.tolist(), pd.Series(GROUPS, index=GROUPS)):
        splitter = UnlabeledInTrain(GroupKFold(3))
        for train, test in splitter.split(X, y, groups):
            known_train = train[y[train] != -1]
            assert not set(GROUPS[known_train]) & set(GROUPS[test])


def test_predefined_folds_refer_to_all_rows():
    y = np.array([-1, 0, 1, -1, 0, 1, 0])
    splitter = UnlabeledInTrain(PredefinedSplit([0, 0, 0, 1, 1, 1, -1]))
    (train, test), (train_2, test_2) = splitter.split(y, y)
    np.testing.assert_array_equal(test, [1, 2])
    np.testing.assert_array_equal(train, [0, 3, 4, 5, 6])
    np.testing.assert_array_equal(test_2, [4, 5])
    np.testing.assert_array_equal(train_2, [0, 1, 2, 3, 6])
    # an unlabeled row trains even where no fold mentions it
    ((train, test),) = UnlabeledInTrain([([6, 5], [2, 0])]).split(y, y)
    np.testing.assert_array_equal(train, [0, 3, 5, 6])
    np.testing.assert_array_equal(test, [2])


def test_a_generator_of_folds_can_be_read_twice(blobs):
    X, y = blobs
    splitter = UnlabeledInTrain(KFold(3).split(X))
    assert splitter.get_n_splits() == 3
    assert len(list(splitter.split(X, y))) == len(list(splitter.split(X, y))) == 3


@pytest.mark.parametrize("y_type", ["strings", "list", "series", "indicator"])
def test_kinds_of_y_and_of_x(y_type, blobs):
    X, y = blobs
    words = np.array(["dog", "rain", "crow", -1], dtype=object)[y]
    kinds = {
        "strings": words,
        "list": words.tolist(),
        "series": pd.Series(words, index=np.arange(300)[::-1]),
        "indicator": np.where((y == -1)[:, None], -1, np.eye(3, dtype=int)[y]),
    }
    clips = [np.zeros((2, 1 + i % 3)) for i in range(300)]
    paths = [f"{i}.wav" for i in range(300)]
    for rows in (X, clips, paths, np.zeros((300, 2, 3)), pd.DataFrame(X)):
        for train, test in UnlabeledInTrain(3).split(rows, kinds[y_type]):
            assert set(y[test]) == {0, 1, 2}
            assert (y[train] == -1).sum() == 216


def test_repr_clone_and_pickle(blobs):
    splitter = UnlabeledInTrain(KFold(3))
    text = "UnlabeledInTrain(cv=KFold(n_splits=3, random_state=None, shuffle=False))"
    assert repr(splitter) == text
    assert repr(UnlabeledInTrain()) == "UnlabeledInTrain(cv=5)"
    assert repr(pickle.loads(pickle.dumps(splitter))) == text
    search = clone(GridSearchCV(LabeledOnly(), {}, cv=splitter))
    assert repr(search.cv) == text


def test_number_of_folds_without_data():
    assert UnlabeledInTrain(3).get_n_splits() == 3
    assert UnlabeledInTrain(RepeatedKFold(n_splits=2, n_repeats=3)).get_n_splits() == 6
    assert UnlabeledInTrain().get_n_splits() == 5
    assert UnlabeledInTrain(None).get_n_splits(np.eye(6)) == 5
    for cv in (LeaveOneOut(), LeavePOut(2), LeaveOneGroupOut()):
        sentence = (
            f"The number of folds of {cv} depends on the labeled rows, and perhaps on "
            "groups. Give get_n_splits(X, y, groups)."
        )
        for X in (None, np.eye(6)):
            with pytest.raises(ValueError, match=whole(sentence)):
                UnlabeledInTrain(cv).get_n_splits(X)
    assert UnlabeledInTrain(LeaveOneOut()).get_n_splits(y=[0, -1, 1]) == 2


def test_number_of_folds_without_groups():
    splitter = UnlabeledInTrain(LeaveOneGroupOut())
    sentence = (
        "The number of folds of LeaveOneGroupOut() depends on groups. Give "
        "get_n_splits(X, y, groups)."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        splitter.get_n_splits(np.eye(6), Y)
    assert splitter.get_n_splits(np.eye(6), Y, [0, 0, 9, 1, 2, 9]) == 3


@pytest.mark.parametrize("cv", [KFold, []], ids=str)
def test_folds_that_are_none_are_refused_everywhere(cv):
    splitter = UnlabeledInTrain(cv)
    for ask in (splitter.get_n_splits, splitter.get_metadata_routing):
        with pytest.raises(ValueError, match="a splitter such as KFold\\(5\\), or"):
            ask()


Y = [0, 0, -1, 1, 1, -1]
INDICATOR = np.array([[0, 1], [0, 1], [-1, -1], [1, 0], [1, 1], [0, 0]])


@pytest.mark.parametrize(
    ("cv", "y", "groups", "sentence"),
    [
        (
            2,
            None,
            None,
            "UnlabeledInTrain needs y to tell labeled from unlabeled rows. Got None: "
            "give split(X, y), with -1 where unlabeled.",
        ),
        (
            2,
            [-1] * 6,
            None,
            "UnlabeledInTrain got a y in which none of the 6 rows is known: all hold "
            "-1. Give at least one labeled row.",
        ),
        (
            2,
            [0, 1, -1],
            None,
            "X and y of UnlabeledInTrain must have one row per clip. Got 6 clips in X "
            "and 3 rows in y (inconsistent numbers of samples).",
        ),
        (
            GroupKFold(2),
            Y,
            [0, 1, 2],
            "The groups given to UnlabeledInTrain must have one entry per row of y. "
            "Got 3 groups for 6 rows.",
        ),
        (
            PredefinedSplit([0, 0, 1, 1, 1, 1]),
            [-1, -1, 0, 1, 0, 1],
            None,
            "Fold 0 of UnlabeledInTrain has no labeled row to test. Label more rows, "
            "or choose fewer or other folds.",
        ),
        (
            PredefinedSplit([0, 1, 1, 0]),
            Y,
            None,
            "The test_fold of PredefinedSplit must have one entry per row of y, "
            "labeled or not. Got 4 for 6 rows.",
        ),
        (
            [([0, 1], [6])],
            Y,
            None,
            "The folds given to UnlabeledInTrain must be pairs (train, test) of rows "
            "of y, which has 6: index 6 is out of bounds for axis 0 with size 6.",
        ),
        (
            [0, 1],
            Y,
            None,
            "The folds given to UnlabeledInTrain must be pairs (train, test) of rows "
            "of y, which has 6: 'int' object is not iterable.",
        ),
    ]
    + [
        (
            cv,
            Y,
            None,
            "The 'cv' parameter of UnlabeledInTrain must be an integer in [2, inf), "
            "None, a splitter such as KFold(5), or an iterable of at least one (train, "
            f"test). Got {cv!r} instead.",
        )
        for cv in (1, True, "five", 2.5, KFold, [], {})
    ],
)
def test_refusals_of_the_splitter(cv, y, groups, sentence):
    with pytest.raises(ValueError, match=whole(sentence)):
        list(UnlabeledInTrain(cv).split(np.eye(6), y, groups))


@pytest.mark.parametrize(
    ("cv", "y", "sentence"),
    [
        (
            KFold(5),
            Y,
            "KFold(n_splits=5, random_state=None, shuffle=False) cannot split the 4 "
            "labeled rows of y, which has 6: ",
        ),
        (
            StratifiedKFold(2),
            INDICATOR,
            "StratifiedKFold(n_splits=2, random_state=None, shuffle=False) cannot "
            "split the 5 labeled rows of y, which has 6: ",
        ),
    ],
)
def test_what_the_wrapped_splitter_refuses(cv, y, sentence):
    cure = " UnlabeledInTrain(cv=5) stratifies a y of several columns."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}") as caught:
        list(UnlabeledInTrain(cv).split(np.eye(6), y))
    assert str(caught.value).endswith(cure) == (np.ndim(y) == 2)
