"""Folds, scores and masks under which -1 is no class."""

import pickle
import re
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.semi_supervised import SelfTrainingClassifier
from threadpoolctl import threadpool_limits

from sklearn_triplet import (
    LabeledOnly,
    UnlabeledInTrain,
    is_labeled,
    labeled_scorer,
    mask_labels,
)
from sklearn_triplet.model_selection import MultilabelStratifiedKFold


def whole(sentence):
    return f"^{re.escape(sentence)}$"


@pytest.fixture(autouse=True)
def one_thread():
    # several threads on a table this small only wait for each other
    with threadpool_limits(1):
        yield


@pytest.fixture
def blobs():
    """300 rows of 3 classes, 72 % of them unlabeled (field-notes section 3)."""
    X, y = make_blobs(300, centers=3, cluster_std=2.0, random_state=0)
    return X, mask_labels(y, 84, random_state=0)


def make_indicator(n_rows=200, n_classes=6, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.random((n_rows, n_classes)) < np.linspace(0.05, 0.4, n_classes)) * 1


# --- UnlabeledInTrain


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
    sentence = (
        "The number of folds of LeaveOneOut() depends on the labeled rows. Give "
        "get_n_splits(X, y), and groups where they are used."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        UnlabeledInTrain(LeaveOneOut()).get_n_splits()
    assert UnlabeledInTrain(LeaveOneOut()).get_n_splits(y=[0, -1, 1]) == 2


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
            "None, a splitter or an iterable of (train, test). "
            f"Got {cv!r} instead.",
        )
        for cv in (1, True, "five", 2.5)
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


# --- MultilabelStratifiedKFold


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


# --- labeled_scorer


METRICS = [
    ("accuracy", {}),
    ("f1_macro", {}),
    ("neg_log_loss", {}),
    ("roc_auc_ovr", {}),
    (make_scorer(f1_score, average="macro"), {}),
    (accuracy_score, {}),
    (f1_score, {"average": "macro", "zero_division": 0}),
    (log_loss, {"greater_is_better": False, "response_method": "predict_proba"}),
]


@pytest.mark.parametrize(("metric", "kwargs"), METRICS, ids=str)
def test_the_score_is_that_of_the_labeled_rows(metric, kwargs, blobs):
    X, y = blobs
    known = y != -1
    classifier = LogisticRegression().fit(X[known], y[known])
    scorer = labeled_scorer(metric, **kwargs)
    expected = scorer(classifier, X[known], y[known])
    for rows, labels in (
        (X, y),
        (X.tolist(), y.tolist()),
        (pd.DataFrame(X), pd.Series(y, index=-np.arange(300))),
        (X, y.astype(object)),
    ):
        assert scorer(classifier, rows, labels) == expected
    assert pickle.loads(pickle.dumps(scorer))(classifier, X, y) == expected
    plain = make_scorer(metric, **kwargs) if kwargs else metric
    if not callable(metric):
        alone = cross_val_score(
            LogisticRegression(),
            X[known],
            y[known],
            scoring=plain,
            cv=[(np.arange(84), np.arange(84))],
        )
        assert alone[0] == pytest.approx(expected)


def test_strings_ragged_clips_and_indicators_are_scored():
    def pooled(clips):
        return np.array([[np.mean(clip)] for clip in clips])

    clips = [np.full((2, 1 + i % 4), float(i > 10)) for i in range(20)]
    words = [-1 if i % 3 else ("rain" if i > 10 else "dog") for i in range(20)]
    classifier = make_pipeline(FunctionTransformer(pooled), KNeighborsClassifier(1))
    wrapped = LabeledOnly(classifier).fit(clips, words)
    assert labeled_scorer("f1_macro")(wrapped, clips, words) == 1
    y = np.array([[1, 0] if i > 10 else [0, 1] for i in range(20)])
    y[::4] = -1
    wrapped = LabeledOnly(classifier).fit(clips, y)
    assert labeled_scorer("f1_macro")(wrapped, clips, y) == 1


def test_partly_known_rows_are_refused_or_skipped():
    y = np.array([[0, 1], [1, 0], [1, -1], [-1, -1], [1, 1]])
    X = np.arange(5.0)[:, None]
    rows = [0, 1, 4]
    classifier = KNeighborsClassifier(1).fit(X[rows], 1 - y[rows])
    sentence = (
        "labeled_scorer('f1_macro') needs the labeled rows of y to be known in full. "
        "Got single entries of -1 in 1 of them, first in row 2. Fill them in, or leave "
        "such rows out by y[(y == -1).any(axis=1)] = -1."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        labeled_scorer("f1_macro")(classifier, X, y)
    skip = labeled_scorer(accuracy_score, partly_known="skip")
    assert repr(skip) == "labeled_scorer(accuracy_score, partly_known='skip')"
    assert skip(classifier, X, y) == 0


def test_repr_of_a_scorer():
    assert repr(labeled_scorer("f1_macro")) == "labeled_scorer('f1_macro')"
    text = "labeled_scorer(f1_score, average='macro')"
    assert repr(labeled_scorer(f1_score, average="macro")) == text


def test_a_scorer_of_ones_own(blobs):
    def least(estimator, X, y):
        return min(accuracy_score(y, estimator.predict(X)), len(y))

    X, y = blobs
    classifier = LabeledOnly().fit(X, y)
    assert labeled_scorer(least)(classifier, X, y) == classifier.score(X, y)


def test_a_score_needs_labels(blobs):
    X, y = blobs
    classifier = LabeledOnly().fit(X, y)
    scorer = labeled_scorer("accuracy")
    sentence = (
        "labeled_scorer('accuracy') got a y in which none of the 300 rows is known: "
        "all hold -1. Give at least one labeled row."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        scorer(classifier, X, np.full(300, -1))
    sentence = (
        "labeled_scorer('accuracy') needs one label per row of X. Got 300 rows in X "
        "and 299 in y."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        scorer(classifier, X, y[1:])
    sentence = "labeled_scorer('accuracy') needs y. Got None: give the labels of X."
    with pytest.raises(ValueError, match=whole(sentence)):
        scorer(classifier, X, None)


@pytest.mark.parametrize(
    ("metric", "kwargs", "sentence"),
    [
        (
            ["f1_macro"],
            {},
            "The 'metric' parameter of labeled_scorer must be the name of a scorer, a "
            "scorer or a metric(y_true, y_pred). Got ['f1_macro'] instead. For several "
            "metrics give a dict of labeled scorers as scoring.",
        ),
        (
            "f1",
            {"average": "macro"},
            "labeled_scorer passes ['average'] to a metric only. Got 'f1', which is a "
            "scorer already: give the metric, such as labeled_scorer(f1_score, "
            "average='macro').",
        ),
        (
            "f1",
            {"partly_known": "drop"},
            "The 'partly_known' parameter of labeled_scorer must be 'raise' or 'skip'. "
            "Got 'drop' instead.",
        ),
    ],
)
def test_refusals_of_the_scorer(metric, kwargs, sentence):
    with pytest.raises(ValueError, match=whole(sentence)):
        labeled_scorer(metric, **kwargs)


# --- mask_labels


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


# --- together, in scikit-learn's tools


CLASSIFIERS = [
    LabeledOnly(LogisticRegression()),
    SelfTrainingClassifier(LogisticRegression(), max_iter=2),
]
PARAMETERS = {"estimator__C": [1e-5, 1.0]}


@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda c: type(c).__name__)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search(classifier, n_jobs, blobs):
    X, y = blobs
    scoring = {name: labeled_scorer(name) for name in ("accuracy", "f1_macro")}
    search = GridSearchCV(
        classifier,
        PARAMETERS,
        scoring=scoring,
        refit="f1_macro",
        cv=UnlabeledInTrain(3),
        return_train_score=True,
        error_score="raise",
        n_jobs=n_jobs,
    ).fit(X, y)
    assert search.best_params_ == {"estimator__C": 1.0}
    assert list(search.classes_) == [0, 1, 2]
    assert search.cv_results_["mean_train_accuracy"].max() > 0.5
    assert search.score(X, y) > 0.5


def test_search_by_halving_in_threads(blobs):
    X, y = blobs
    with joblib.parallel_config("threading"):
        search = HalvingGridSearchCV(
            LabeledOnly(LogisticRegression()),
            PARAMETERS,
            scoring=labeled_scorer("accuracy"),
            cv=UnlabeledInTrain(3),
            min_resources=100,
            random_state=0,
            error_score="raise",
            n_jobs=2,
        ).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.n_resources_[0] == 100
    assert list(search.classes_) == [0, 1, 2]
    random_folds = UnlabeledInTrain(KFold(3, shuffle=True))
    with pytest.raises(ValueError, match="must yield consistent folds"):
        search.set_params(cv=random_folds).fit(X, y)


@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda c: type(c).__name__)
def test_train_scores_and_curves(classifier, blobs):
    X, y = blobs
    options = {
        "cv": UnlabeledInTrain(3),
        "scoring": labeled_scorer("accuracy"),
        "error_score": "raise",
    }
    scores = cross_validate(classifier, X, y, return_train_score=True, **options)
    assert (scores["train_score"] > 0.5).all()
    # LabeledOnly scores by itself; others count the unlabeled rows as wrong
    plain = cross_validate(
        classifier, X, y, return_train_score=True, **{**options, "scoring": None}
    )
    low = isinstance(classifier, SelfTrainingClassifier)
    assert ((plain["train_score"] < 0.3) == low).all()
    sizes, _, test_scores = learning_curve(
        classifier,
        X,
        y,
        train_sizes=[0.5, 1.0],
        shuffle=True,
        random_state=0,
        **options,
    )
    assert list(sizes) == [136, 272]
    assert test_scores.shape == (2, 3)
    train_scores, test_scores = validation_curve(
        classifier,
        X,
        y,
        param_name="estimator__C",
        param_range=PARAMETERS["estimator__C"],
        **options,
    )
    assert train_scores.shape == test_scores.shape == (2, 3)


def test_cross_val_predict_needs_every_row_tested(blobs):
    X, y = blobs
    known = is_labeled(y)
    with pytest.raises(ValueError, match="only works for partitions"):
        cross_val_predict(LabeledOnly(), X, y, cv=UnlabeledInTrain(3))
    predicted = cross_val_predict(LabeledOnly(), X[known], y[known], cv=3)
    assert len(predicted) == known.sum()


@pytest.mark.parametrize("routing", [False, True])
def test_groups_and_weights_find_their_way(routing, blobs):
    X, y = blobs
    weight = np.random.default_rng(0).random(300)
    with config_context(enable_metadata_routing=routing):
        accuracy, classifier = make_scorer(accuracy_score), LogisticRegression()
        if routing:
            accuracy.set_score_request(sample_weight=True)
            classifier.set_fit_request(sample_weight=True)
        for scoring in (
            labeled_scorer(accuracy),
            {"accuracy": labeled_scorer(accuracy)},
        ):
            search = GridSearchCV(
                LabeledOnly(classifier),
                PARAMETERS,
                cv=UnlabeledInTrain(GroupKFold(3)),
                scoring=scoring,
                refit="accuracy" if isinstance(scoring, dict) else True,
                error_score="raise",
            ).fit(X, y, groups=GROUPS, sample_weight=weight)
            assert search.best_params_ == {"estimator__C": 1.0}
            train, test = next(search.cv.split(X, y, GROUPS))
            known = train[y[train] != -1]
            alone = clone(classifier).fit(X[known], y[known], weight[known])
            expected = accuracy_score(y[test], alone.predict(X[test]))
            by_weight = accuracy_score(
                y[test], alone.predict(X[test]), sample_weight=weight[test]
            )
            name = "accuracy" if isinstance(scoring, dict) else "score"
            got = search.cv_results_[f"split0_test_{name}"][1]
            # without routing, old versions do not weight the scores of a search
            allowed = [by_weight] if routing else [by_weight, expected]
            assert any(got == pytest.approx(score) for score in allowed)


def test_multilabel_search():
    y = make_indicator(n_classes=4)
    X = y + np.random.default_rng(0).normal(0, 0.2, y.shape)
    y = mask_labels(y, 0.4, random_state=0)
    search = GridSearchCV(
        LabeledOnly(KNeighborsClassifier()),
        {"estimator__n_neighbors": [1, 3, 40]},
        cv=UnlabeledInTrain(3),
        scoring=labeled_scorer(f1_score, average="macro", zero_division=0),
        return_train_score=True,
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_["estimator__n_neighbors"] in (1, 3)
    assert search.best_score_ > 0.8


def test_the_model_that_learns_unlabeled_as_a_class_wins_only_by_default(blobs):
    X, y = blobs
    models = {
        "model": [
            SelfTrainingClassifier(LogisticRegression(), max_iter=2),
            LogisticRegression(),
        ]
    }
    pipeline = Pipeline([("model", LogisticRegression())])
    trapped = GridSearchCV(pipeline, models, scoring="accuracy").fit(X, y)
    assert -1 in trapped.best_estimator_.classes_
    assert trapped.cv_results_["mean_test_score"][0] < 0.3
    assert trapped.cv_results_["mean_test_score"][1] > 0.65
    search = GridSearchCV(
        pipeline,
        models,
        scoring=labeled_scorer("accuracy"),
        cv=UnlabeledInTrain(),
        error_score="raise",
    ).fit(X, y)
    assert list(search.best_estimator_.classes_) == [0, 1, 2]
    assert search.best_score_ > 0.6 > search.cv_results_["mean_test_score"][1]
