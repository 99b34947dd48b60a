"""What y may be: -1 is unlabeled, what is missing is told, -1 and +1 warn."""

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from helpers import whole
from sklearn.model_selection import GridSearchCV, cross_validate

from sklearn_triplet import (
    CRNNTagger,
    LabeledOnly,
    SequenceTagger,
    TripletEmbedder,
    UnlabeledInTrain,
    is_labeled,
    labeled_scorer,
    mask_labels,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4, 20)).astype(np.float32)
EMBEDDER = TripletEmbedder("s2", n_components=4, max_epochs=1, random_state=0)
TAGGER = SequenceTagger(n_cells=4, max_epochs=2, random_state=0)

MISSING = {
    "float": np.array([0, 1, np.nan] * 4),
    "object": np.array([0, 1, None] * 4, dtype=object),
    "strings": ["dog", "rain", None] * 4,
    "nullable": pd.Series([0, 1, pd.NA] * 4, dtype="Int64"),
    "indicator": np.array([[0, 1], [1, 0], [np.nan, 0]] * 4),
    "nullable indicator": pd.DataFrame({"a": [0, 1, pd.NA] * 4, "b": 1}, dtype="Int64"),
}
READERS = {
    "TripletEmbedder": lambda y: EMBEDDER.fit(X, y),
    "SequenceTagger": lambda y: TAGGER.fit(X, y),
    "LabeledOnly": lambda y: LabeledOnly().fit(X[:, :, 0], y),
    "UnlabeledInTrain": lambda y: list(UnlabeledInTrain(2).split(X, y)),
    "mask_labels": lambda y: mask_labels(y, 0.5, random_state=0),
    "is_labeled": is_labeled,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("empty", ["nan", "NaN", "", " ", "<NA>"])
def test_strings_that_stand_for_no_label_are_no_class(empty, reader):
    words = ["dog", empty, "rain"] * 4
    for y in (words, np.array(words)):
        with pytest.raises(ValueError, match=f"^y holds the string '{empty}' in 4 of "):
            READERS[reader](y)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", MISSING)
def test_missing_labels_are_told_with_a_cure(kind, reader):
    sentence = (
        "Input y contains NaN or None in 4 of 12 rows, first in row 2. Unlabeled clips "
        "are marked by -1: replace what is missing by it, as y.fillna(-1) of pandas "
        "does."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        READERS[reader](MISSING[kind])


def test_minus_one_stays_unlabeled_when_an_embedder_goes_on():
    y = [1, 1, -1, -1] * 3
    embedder = TripletEmbedder("s1", n_components=4, max_epochs=1, random_state=0)
    with pytest.warns(UserWarning, match="-1 is taken as unlabeled") as record:
        embedder.fit(X, y)
    assert record[0].filename == __file__
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="are of 1 class"):
        EMBEDDER.fit(X, y)
    # the same triplets as with any other name of the class
    other = TripletEmbedder("s1", n_components=4, max_epochs=1, random_state=0)
    other.fit(X, np.where(np.array(y) == 1, 7, -1))
    np.testing.assert_array_equal(embedder.transform(X), other.transform(X))


@pytest.mark.parametrize("tagger", [TAGGER, CRNNTagger(n_cells=4, max_epochs=1)])
def test_score_of_a_tagger_counts_labeled_clips_only(tagger):
    y = np.array([0, 1, 2] * 4)
    fitted = tagger.fit(X, y)
    hidden = np.where(np.arange(12) % 2, -1, y)
    weights = np.arange(12.0) + 1
    expected = np.average(fitted.predict(X)[::2] == y[::2])
    assert fitted.score(X, hidden) == expected
    assert fitted.score(list(X), hidden.tolist()) == expected
    expected = np.average(fitted.predict(X)[::2] == y[::2], weights=weights[::2])
    assert fitted.score(X, hidden, weights) == pytest.approx(expected)
    with pytest.raises(ValueError, match="none of the 12 rows is known"):
        fitted.score(X, np.full(12, -1))


def test_score_of_an_indicator_with_unlabeled_rows():
    y = np.array([[0, 1], [1, 0], [1, 1]] * 4)
    hidden = y.copy()
    hidden[:6] = -1
    fitted = SequenceTagger(n_cells=4, max_epochs=2, random_state=0).fit(X, hidden)
    expected = (fitted.predict(X)[6:] == y[6:]).all(axis=1).mean()
    assert fitted.score(X, hidden) == expected


def test_train_scores_of_a_search_need_no_scorer():
    y = np.array([0, 1, 0, 1, 0, 1, -1, -1, -1, -1, -1, -1])
    cv = UnlabeledInTrain(3)
    plain, careful = (
        cross_validate(TAGGER, X, y, cv=cv, scoring=scoring, return_train_score=True)
        for scoring in (None, labeled_scorer("accuracy"))
    )
    np.testing.assert_array_equal(plain["train_score"], careful["train_score"])


def fit_one(seed):
    tagger = SequenceTagger(n_cells=4, max_epochs=3, dropout=0.5, random_state=seed)
    return tagger.fit(X, [0, 1, 2] * 4).predict_proba(X)


def test_fits_in_threads_do_not_disturb_each_other():
    expected = [fit_one(seed) for seed in range(6)]
    before = torch.get_rng_state()
    found = joblib.Parallel(3, backend="threading")(
        joblib.delayed(fit_one)(seed) for seed in range(6)
    )
    np.testing.assert_array_equal(found, expected)
    assert torch.equal(before, torch.get_rng_state())


def test_a_search_in_threads_is_that_of_one_worker():
    tagger = SequenceTagger(n_cells=4, max_epochs=2, random_state=0)
    grid = {"dropout": [0.0, 0.3, 0.6]}
    y = [0, 1, -1] * 4
    one, two = (
        GridSearchCV(tagger, grid, cv=UnlabeledInTrain(2), n_jobs=n_jobs)
        for n_jobs in (1, 2)
    )
    one.fit(X, y)
    with joblib.parallel_config("threading"):
        two.fit(X, y)
    for name in ("mean_test_score", "std_test_score"):
        np.testing.assert_array_equal(one.cv_results_[name], two.cv_results_[name])


# --- which y an embedder can learn from


def fit_small(y, strategy="s2"):
    clips = np.random.default_rng(0).normal(size=(8, 4, 16))
    embedder = TripletEmbedder(strategy, n_components=3, max_epochs=1, random_state=0)
    return embedder.set_params(segment_length=8).fit(clips, y)


def test_labels_in_a_series_of_strings():
    y = [0, 0, 1, 1, -1, -1, -1, -1]
    names = pd.Series(["dog", np.str_("dog"), "rain", "rain", -1, -1, -1, -1])
    indicator = [[1, 0]] * 2 + [[0, 1]] * 2 + [[-1, -1]] * 4
    expected = fit_small(y).history_[-1, "train_loss"]
    for form in (names, names.tolist(), np.array(y, dtype=float), indicator):
        assert fit_small(form).history_[-1, "train_loss"] == expected


def test_labels_of_minus_one_and_one_warn():
    embedder = TripletEmbedder("s1", max_epochs=0)
    with pytest.warns(UserWarning, match="^y holds only -1 and .1, which") as record:
        embedder.fit(np.arange(12.0).reshape(4, 3), [-1, 1] * 2)
    assert [warning.filename for warning in record] == [__file__]


def test_signs_are_told_in_any_array():
    for y in ([-1, 1] * 6, np.array([-1, 1] * 6, dtype=object), [-1.0, 1.0] * 6):
        with pytest.warns(UserWarning, match="Both are taken as classes"):
            classifier = LabeledOnly().fit(X[:, :, 0], y)
        assert classifier.classes_.tolist() == [-1, 1]


def test_labels_that_leave_no_negative_are_told():
    with pytest.warns(UserWarning, match="negative"):
        fit_small([[1, 1]] * 8, "s5")


def test_clips_without_an_event_are_negatives_enough():
    y = [[1, 0], [1, 0], [0, 0], [0, 0]] + [[-1, -1]] * 4
    assert fit_small(y, "s5").history_[-1, "no_negative"] == 0


REFUSED = {
    "X and y of TripletEmbedder must have one row per clip. Got 8 clips in X and 7 "
    "rows in y (inconsistent numbers of samples).": [0, 1] * 3 + [0],
    "y holds the string '-1'. Unlabeled clips are marked by the integer -1: give y as "
    "a list or an object array, such as ['dog', -1, 'rain'].": ["a", "-1"] * 4,
    "y holds the string 'nan' in 2 of 8 rows, first in row 1. It is no class, but what "
    "becomes of a missing value among strings. Unlabeled clips are marked by the "
    "integer -1: give y as a list or an object array, such as ['dog', -1, 'rain'].": (
        np.array(["a", np.nan, "b", "b"] * 2)
    ),
    "y holds the string '' in 4 of 8 rows, first in row 0. It is no class, but what "
    "becomes of a missing value among strings. Unlabeled clips are marked by the "
    "integer -1: give y as a list or an object array, such as ['dog', -1, 'rain'].": [
        *["", " ", "dog", -1] * 2
    ],
    "The labels in y must be of one type, with -1 where unlabeled. Got int and str: "
    "write the classes alike.": ["a", "b", 3, -1] * 2,
    "Input y contains infinity or a value too large for dtype('float64').": np.array(
        [0, np.inf] * 4, dtype=object
    ),
    "y must hold one label or one row of an indicator per clip, as numbers or names. "
    "Got an array of shape (8, 0) and dtype int64.": np.zeros((8, 0), dtype=int),
    "Complex data not supported. y holds 1j.": np.array([0, 1j] * 4, dtype=object),
    "Input y contains NaN or None in 2 of 8 rows, first in row 2. Unlabeled clips are "
    "marked by -1: replace what is missing by it, as y.fillna(-1) of pandas does.": [
        *["a", "b", None, -1] * 2
    ],
    "Strategy 's5' takes negatives of another class, but the labels in y are of 1 "
    "class. Label clips of at least 2 classes, or choose 's1'.": [0] * 6 + [-1] * 2,
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_refused_labels(sentence):
    with pytest.raises(ValueError, match=whole(sentence)):
        fit_small(REFUSED[sentence], "s5")
