"""What scikit-learn's common checks skip: clips, ragged lists, several labels, sound.

Those checks give every estimator tables and single labels. Here the same manners are
asked of the input that the library is made for.
"""

import pickle
import re

import joblib
import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn import config_context
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklearn_triplet import (
    CRNNTagger,
    LogMel,
    SequenceTagger,
    TripletEmbedder,
    TripletTagger,
)

pytestmark = pytest.mark.filterwarnings(  # what is said of so few clips and epochs
    "ignore:.*(anchors had no other clip|embedding has collapsed)"
)

RNG = np.random.default_rng(0)
RATE = 8000
LENGTHS = (24, 9, 16, 1, 24, 5, 12, 20)

DENSE = RNG.normal(size=(8, 6, 24)).astype(np.float32)
PADDED = np.where(np.arange(24) < np.array(LENGTHS)[:, None, None], DENSE, np.nan)
RAGGED = [clip[:, :n] for clip, n in zip(DENSE, LENGTHS, strict=True)]
# object arrays are made by hand: numpy would stack clips of one length
BOXED = np.empty(8, dtype=object)
BOXED[:] = RAGGED
TABLE = RNG.normal(size=(8, 6)).astype(np.float32)
COLUMNS = {f"band{i}": column for i, column in enumerate(TABLE.T)}
WAVES = [RNG.uniform(-0.5, 0.5, size=n).astype(np.float32) for n in (800, 640, 900)]

SINGLE = np.array([0, 1, 0, 1, -1, 0, 1, -1])
SEVERAL = np.array([[0, 1], [1, 1], [0, 0], [1, 0], [-1, -1], [0, 1], [1, -1], [1, 0]])

EMBEDDER = TripletEmbedder(
    n_components=3, segment_length=8, max_epochs=2, batch_size=8, random_state=0
)
QUICK = {"n_cells": 4, "frame_pooling": 2, "max_epochs": 3, "random_state": 0}
BOTH = TripletTagger(
    n_components=3,
    segment_length=8,
    max_epochs=2,
    n_steps=2,
    batch_size=8,
    random_state=0,
)
ESTIMATORS = [EMBEDDER, SequenceTagger(**QUICK), CRNNTagger(n_components=3, **QUICK)]
ESTIMATORS += [BOTH]
INPUTS = {"dense": DENSE, "padded": PADDED, "ragged": RAGGED, "boxed": BOXED}
INPUTS["table"] = TABLE
LABELS = {"single": SINGLE, "several": SEVERAL}
NEAR = {"rtol": 0, "atol": 1e-6}
LOG_MEL = LogMel(RATE, n_fft=256, win_length=200, hop_length=80, n_mels=8)

every_estimator = pytest.mark.parametrize(
    "estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__
)
every_input = pytest.mark.parametrize("kind", INPUTS)
every_y = pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)


def fitted_clone(estimator, X, y, **parameters):
    return clone(estimator).set_params(**parameters).fit(X, y)


def outcomes(fitted, X):
    """Return everything that a fitted estimator says about X."""
    names = "transform", "predict_proba", "predict", "predict_frames"
    return [getattr(fitted, name)(X) for name in names if hasattr(fitted, name)]


def assert_same(fitted, X, expected, **tolerance):
    """Compare with earlier outcomes, bit by bit unless there is a tolerance."""
    for found, known in zip(outcomes(fitted, X), expected, strict=True):
        np.testing.assert_allclose(found, known, **{"rtol": 0, "atol": 0, **tolerance})


def take(X, rows):
    return X[rows] if isinstance(X, np.ndarray) else [X[row] for row in rows]


def change_clips(X, change):
    """Apply a change to a dense X, or to each clip of a ragged one."""
    if isinstance(X, np.ndarray) and X.dtype != object:
        return change(X)
    return [change(clip) for clip in X]


def cut_like(known, found):
    return known[:, : found.shape[1]] if np.ndim(found) == 2 else known


def memory_map(array, folder):
    """Put an array into a file; what comes back cannot be written."""
    path = joblib.dump(array, folder / joblib.hash(array))[0]
    return joblib.load(path, mmap_mode="r")


# --- clips and labels of every kind


@every_estimator
@every_input
@every_y
def test_copies_and_repeated_fits_are_the_same(estimator, kind, y):
    X = INPUTS[kind]
    fitted = fitted_clone(estimator, X, y)
    expected = outcomes(fitted, X)
    for library in (pickle, pytest.importorskip("cloudpickle")):
        assert_same(library.loads(library.dumps(fitted)), X, expected)
    assert_same(fitted.fit(X, y), X, expected)
    assert_same(clone(fitted).fit(X, y), X, expected)


@every_estimator
@every_input
@every_y
def test_a_quiet_fit_changes_nothing_given(estimator, kind, y, capfd):
    X, fitted = INPUTS[kind], clone(estimator)
    given = joblib.hash((list(X), y, fitted.get_params()))
    before = dict(vars(fitted.fit(X, y)))
    learned = before.keys() - fitted.get_params().keys()
    assert learned and all(re.fullmatch("[a-z].*_", name) for name in learned)
    first = outcomes(fitted, X)
    assert_same(fitted, X, first)
    assert joblib.hash((list(X), y, fitted.get_params())) == given
    assert before.keys() == vars(fitted).keys()
    assert all(vars(fitted)[name] is value for name, value in before.items())
    assert capfd.readouterr() == ("", "")


@every_estimator
@every_input
@every_y
def test_clips_are_independent_of_their_neighbours(estimator, kind, y):
    X = INPUTS[kind]
    fitted = fitted_clone(estimator, X, y)
    expected = outcomes(fitted, X)
    order = np.random.default_rng(1).permutation(len(X))
    assert_same(fitted, take(X, order), [e[order] for e in expected], **NEAR)
    for row in range(len(X)):
        alone = outcomes(fitted, take(X, [row]))
        for found, known in zip(alone, expected, strict=True):
            # behind the end of a clip there is NaN only beside a longer one
            np.testing.assert_allclose(found[0], cut_like(known[row], found[0]), **NEAR)


@every_estimator
@every_input
def test_memory_maps_that_cannot_be_written(estimator, kind, tmp_path):
    expected = outcomes(fitted_clone(estimator, INPUTS[kind], SINGLE), INPUTS[kind])
    X = change_clips(INPUTS[kind], lambda array: memory_map(array, tmp_path))
    assert_same(fitted_clone(estimator, X, memory_map(SINGLE, tmp_path)), X, expected)


@every_estimator
@every_input
@pytest.mark.parametrize("dtype", [np.float64, np.float16])
def test_other_precisions(estimator, kind, dtype):
    X = change_clips(INPUTS[kind], lambda clips: clips.astype(dtype))
    fitted = fitted_clone(estimator, INPUTS[kind], SINGLE)
    expected = outcomes(fitted, INPUTS[kind])
    tolerance = 1e-6 if dtype is np.float64 else 2e-2
    assert_same(fitted, X, expected, atol=tolerance)
    assert outcomes(fitted_clone(estimator, X, SINGLE), X)[0].dtype == np.float32


@every_estimator
@pytest.mark.parametrize("library", ["pandas", "polars"])
@every_y
def test_labels_from_tables(estimator, library, y):
    library = pytest.importorskip(library)
    expected = outcomes(fitted_clone(estimator, DENSE, y), DENSE)
    column = library.Series(y) if y.ndim == 1 else library.DataFrame(y)
    assert_same(fitted_clone(estimator, DENSE, column), DENSE, expected)


@every_estimator
@pytest.mark.parametrize("dtype", ["object", "category"])
def test_words_from_tables(estimator, dtype):
    words = [-1 if code == -1 else ("dog", "rain")[code] for code in SINGLE]
    fitted = fitted_clone(estimator, DENSE, pd.Series(words, dtype=dtype))
    known = fitted_clone(estimator, DENSE, SINGLE)
    np.testing.assert_array_equal(outcomes(fitted, DENSE)[0], outcomes(known, DENSE)[0])
    assert list(getattr(fitted, "classes_", ["dog", "rain"])) == ["dog", "rain"]


# --- features and their names


@every_estimator
@every_input
def test_another_number_of_features_is_refused(estimator, kind):
    X = INPUTS[kind]
    fitted = fitted_clone(estimator, X, SINGLE)
    fewer = [clip[1:] for clip in X]
    assert fitted.n_features_in_ == 6
    name = type(estimator).__name__
    sentence = f"^X has 5 features, but {name} is expecting 6 features as input"
    with pytest.raises(ValueError, match=sentence):
        outcomes(fitted, np.array(fewer) if kind == "table" else fewer)
    assert fitted.fit(fewer, SINGLE).n_features_in_ == 5


@every_estimator
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_names_of_the_columns_of_a_table(estimator, library):
    library = pytest.importorskip(library)
    fitted = fitted_clone(estimator, table := library.DataFrame(COLUMNS), SINGLE)
    assert fitted.feature_names_in_.tolist() == list(COLUMNS)
    expected = outcomes(fitted_clone(estimator, TABLE, SINGLE), TABLE)
    assert_same(fitted, table, expected)
    with pytest.raises(ValueError, match="^The feature names should match"):
        outcomes(fitted, table[list(COLUMNS)[::-1]])


@pytest.mark.parametrize("name", ["pandas", "polars"])
@pytest.mark.parametrize("kind", ["dense", "ragged", "table"])
@pytest.mark.parametrize("output", ["frames", "clip"])
def test_embeddings_as_tables(name, kind, output):
    library = pytest.importorskip(name)
    fitted = clone(EMBEDDER).set_params(output=output)
    found = fitted.set_output(transform=name).fit_transform(INPUTS[kind], SINGLE)
    expected = fitted_clone(EMBEDDER, INPUTS[kind], SINGLE, output=output)
    np.testing.assert_array_equal(found, expected.transform(INPUTS[kind]))
    if kind != "table" and output == "frames":
        # a sequence has no columns, so it stays an array
        assert type(found) is np.ndarray and found.ndim == 3
        assert not hasattr(fitted, "get_feature_names_out")
    else:
        assert isinstance(found, library.DataFrame)
        assert list(found.columns) == fitted.get_feature_names_out().tolist()


@pytest.mark.parametrize("output", ["frames", "clip"])
def test_pipelines_where_tables_are_the_rule(output):
    embedder = clone(EMBEDDER).set_params(output=output)
    pipe = make_pipeline(LOG_MEL, embedder, ESTIMATORS[1])
    plain = clone(pipe).fit(WAVES, [0, 1, -1]).predict_proba(WAVES)
    with config_context(transform_output="pandas"):
        pipe.fit(WAVES, [0, 1, -1])
        features = pipe[:-1].transform(WAVES)
        assert isinstance(features, np.ndarray if output == "frames" else pd.DataFrame)
        np.testing.assert_array_equal(pipe.predict_proba(WAVES), plain)


# --- what a notebook shows


def test_pictures_of_pipelines_name_the_steps():
    pipe = make_pipeline(LOG_MEL, *ESTIMATORS[:2])
    for shown in (pipe, pipe.fit(WAVES, [0, 1, -1])):
        for name in ("LogMel", "TripletEmbedder", "SequenceTagger"):
            assert name in shown._repr_html_() and name in repr(shown)


# --- sound


@pytest.fixture(params=["waveforms", "paths", "array"])
def sound(request, tmp_path):
    if request.param == "array":
        return np.stack([wave[:640] for wave in WAVES])
    if request.param == "waveforms":
        return WAVES
    paths = [tmp_path / f"{row}.wav" for row in range(len(WAVES))]
    for path, wave in zip(paths, WAVES, strict=True):
        soundfile.write(path, wave, RATE)
    return paths


def test_copies_of_log_mel(sound):
    fitted = clone(LOG_MEL).fit(sound)
    state, given = joblib.hash(fitted), joblib.hash(sound)
    expected = outcomes(fitted, sound)
    for library in (pickle, pytest.importorskip("cloudpickle")):
        assert_same(library.loads(library.dumps(fitted)), sound, expected)
    assert_same(clone(fitted), sound, expected)
    assert_same(fitted.fit(sound), sound, expected)
    assert (joblib.hash(fitted), joblib.hash(sound)) == (state, given)


def test_sounds_are_independent_of_their_neighbours(sound, capfd):
    features = LOG_MEL.transform(sound)
    backwards = LOG_MEL.transform(sound[::-1])
    np.testing.assert_array_equal(backwards, features[::-1])
    for row in range(len(sound)):
        (alone,) = LOG_MEL.transform(sound[row : row + 1])
        np.testing.assert_array_equal(alone, features[row, :, : alone.shape[1]])
        assert np.isnan(features[row, :, alone.shape[1] :]).all()
    assert capfd.readouterr() == ("", "")


def test_waveforms_of_other_kinds(tmp_path):
    expected = [LOG_MEL.transform(WAVES)]
    mapped = change_clips(WAVES, lambda wave: memory_map(wave, tmp_path))
    assert_same(LOG_MEL, mapped, expected)
    for dtype, tolerance in ((np.float64, 0), (np.float16, 2e-2)):
        sound = [wave.astype(dtype) for wave in WAVES]
        assert_same(LOG_MEL, sound, expected, atol=tolerance)
