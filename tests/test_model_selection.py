"""Folds of labeled rows, with every unlabeled row in training."""

import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers import whole
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
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
    splitter = UnlabeledInTrain(cv, exclude_tested_groups=False)
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


# --- unlabeled rows of the groups that are tested


class CountingUnlabeled(ClassifierMixin, BaseEstimator):
    """Knows of its training set how many rows were unlabeled."""

    def fit(self, X, y):
        self.n_unlabeled_ = int(np.sum(np.asarray(y) == -1))
        return self


def n_unlabeled(estimator, X, y):
    return estimator.n_unlabeled_


KEEP_APART = [GroupKFold(3), StratifiedGroupKFold(3), LeaveOneGroupOut()]
NAMES = np.array([*"abcdefg"], dtype=object)[GROUPS]


@pytest.mark.parametrize("cv", KEEP_APART, ids=str)
@pytest.mark.parametrize("exclude", ["auto", True, False])
def test_unlabeled_rows_of_tested_groups(cv, exclude, blobs):
    X, y = blobs
    known = np.flatnonzero(y != -1)
    expected = list(cv.split(known, y[known], GROUPS[known]))
    splitter = UnlabeledInTrain(cv, exclude_tested_groups=exclude)
    counts = []
    for groups in (GROUPS, NAMES, NAMES.tolist(), pd.Series(NAMES), pl.Series(GROUPS)):
        folds = list(splitter.split(X, y, groups))
        for (train, test), (inner_train, inner_test) in zip(
            folds, expected, strict=True
        ):
            unheard = set(GROUPS[known[inner_test]]) if exclude else set()
            rows = [i for i in range(300) if y[i] == -1 and GROUPS[i] not in unheard]
            np.testing.assert_array_equal(train, np.sort([*known[inner_train], *rows]))
            np.testing.assert_array_equal(test, known[inner_test])
        counts = [(y[train] == -1).sum() for train, _ in folds]
    assert (min(counts) < max(counts)) == bool(exclude)
    search = GridSearchCV(CountingUnlabeled(), {}, cv=splitter, scoring=n_unlabeled)
    search.fit(X, y, groups=GROUPS)
    found = [search.cv_results_[f"split{i}_test_score"][0] for i in range(len(folds))]
    assert found == counts


ignored = pytest.mark.filterwarnings("ignore:The groups parameter is ignored by KFold")


@ignored
def test_where_folds_mix_groups_nothing_is_left_out(blobs):
    X, y = blobs
    n_unknown = (y == -1).sum()
    # unless it is asked for: each fold tests rows of every group
    for exclude, n_left in (("auto", n_unknown), (False, n_unknown), (True, 0)):
        splitter = UnlabeledInTrain(KFold(3), exclude_tested_groups=exclude)
        folds = list(splitter.split(X, y, GROUPS))
        assert [(y[train] == -1).sum() for train, _ in folds] == [n_left] * 3


def test_what_decides_are_the_folds_and_not_the_type_of_the_splitter(blobs):
    X, y = blobs
    by_type = list(UnlabeledInTrain(GroupKFold(3)).split(X, y, GROUPS))
    inner = GroupKFold(3).split(X[y != -1], groups=GROUPS[y != -1])
    of_known = [[np.flatnonzero(y != -1)[rows] for rows in fold] for fold in inner]
    by_list = list(UnlabeledInTrain(of_known).split(X, y, GROUPS))
    fold_of_group = np.zeros(7, dtype=int)
    for i, (_, test) in enumerate(by_type):
        fold_of_group[GROUPS[test]] = i
    predefined = PredefinedSplit(fold_of_group[GROUPS])
    by_fold = list(UnlabeledInTrain(predefined).split(X, y, GROUPS))
    for other in (by_list, by_fold):
        for fold, same in zip(by_type, other, strict=True):
            np.testing.assert_array_equal(fold[0], same[0])
            np.testing.assert_array_equal(fold[1], same[1])


def test_an_unlabeled_row_of_an_unknown_group_trains_everywhere():
    y = [0, 1, 0, 1, -1, -1, -1]
    for groups in (
        ["a", "a", "b", "b", "a", np.nan, None],
        np.array([0.0, 0.0, 1.0, 1.0, 0.0, np.nan, np.nan]),
    ):
        folds = UnlabeledInTrain([([0, 1], [2, 3]), ([2, 3], [0, 1])])
        (first, _), (second, _) = folds.split(y, y, groups)
        np.testing.assert_array_equal(first, [0, 1, 4, 5, 6])
        np.testing.assert_array_equal(second, [2, 3, 5, 6])


def test_groups_that_are_missing_are_asked_for(blobs):
    X, y = blobs
    cure = "Give split(X, y, groups), or fit(X, y, groups=groups) of a search."
    sentence = (
        "UnlabeledInTrain(exclude_tested_groups=True) needs the group of every row. "
        f"Got None: {cure}"
    )
    for cv in (3, KFold(3), GroupKFold(3)):
        with pytest.raises(ValueError, match=whole(sentence)):
            list(UnlabeledInTrain(cv, exclude_tested_groups=True).split(X, y))
    with pytest.raises(ValueError, match="cannot split the 84 labeled rows") as caught:
        list(UnlabeledInTrain(GroupKFold(3)).split(X, y))
    assert str(caught.value).endswith(f"parameter should not be None. {cure}")


def test_what_excludes_no_group_is_refused():
    sentence = (
        "The 'exclude_tested_groups' parameter of UnlabeledInTrain must be one of "
        "['auto', True, False]. Got 'always' instead."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        list(UnlabeledInTrain(2, exclude_tested_groups="always").split(Y, Y))


@ignored
def test_groups_are_requested_where_they_are_needed(blobs):
    X, y = blobs
    with config_context(enable_metadata_routing=True):
        for cv in (GroupKFold(3), KFold(3)):
            splitter = UnlabeledInTrain(cv, exclude_tested_groups=True)
            search = GridSearchCV(
                CountingUnlabeled(), {}, cv=splitter, scoring=n_unlabeled
            ).fit(X, y, groups=GROUPS)
            folds = splitter.split(X, y, GROUPS)
            counts = [(y[train] == -1).sum() for train, _ in folds]
            assert search.best_score_ == np.mean(counts)
            assert max(counts) < (y == -1).sum()


# --- rows of X that could not be read


@pytest.mark.parametrize("cv", [3, KFold(3), GroupKFold(3), LeaveOneOut()], ids=str)
def test_rows_that_could_not_be_read_are_in_no_fold(cv, blobs):
    X, y = blobs
    broken = np.array([0, 7, 50, 51, 299])
    readable = np.setdiff1d(np.arange(300), broken)
    assert 0 < (y[broken] == -1).sum() < 5
    X[broken] = np.nan
    X[1, 0] = np.nan  # a missing value is for the estimator to judge
    splitter = UnlabeledInTrain(cv)
    sentence = (
        "UnlabeledInTrain leaves out 5 of 300 rows of X that could not be read, first "
        "row 0. LogMel(errors='warn') returns such clips as rows of NaN. No fold "
        "trains or tests them."
    )
    groups = use_groups(cv)
    with pytest.warns(UserWarning, match=whole(sentence)) as caught:
        folds = list(splitter.split(X, y, groups))
    assert [warning.filename for warning in caught] == [__file__]
    groups = None if groups is None else groups[readable]
    expected = list(splitter.split(X[readable], y[readable], groups))
    assert len(folds) == splitter.get_n_splits(X, y, use_groups(cv)) == len(expected)
    for (train, test), (inner_train, inner_test) in zip(folds, expected, strict=True):
        np.testing.assert_array_equal(train, readable[inner_train])
        np.testing.assert_array_equal(test, readable[inner_test])


def test_folds_of_nothing_that_could_be_read_are_refused():
    X = np.eye(4)
    X[:2] = np.nan
    sentence = (
        "UnlabeledInTrain got no labeled row of X that could be read: all 2 are rows "
        "of NaN. Repair the recordings, or label others."
    )
    with (
        pytest.warns(UserWarning, match="leaves out 2 of 4"),
        pytest.raises(ValueError, match=whole(sentence)),
    ):
        list(UnlabeledInTrain(2).split(X, [0, 1, -1, -1]))


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
    text = (
        "UnlabeledInTrain(cv=KFold(n_splits=3, random_state=None, shuffle=False), "
        "exclude_tested_groups='auto')"
    )
    assert " ".join(repr(splitter).split()) == text
    text = "UnlabeledInTrain(cv=5, exclude_tested_groups='auto')"
    assert repr(UnlabeledInTrain()) == text
    text = repr(splitter)
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


def test_more_folds_than_labels_a_class_name_the_cure():
    y = np.r_[np.repeat(["dog", "rain"], 4), np.full(9, -1, dtype=object)]
    folds = UnlabeledInTrain(5).split(y, y)
    with pytest.raises(ValueError, match=r"Choose fewer folds, or label more rows"):
        next(folds)
    assert len(list(UnlabeledInTrain(4).split(y, y))) == 4
