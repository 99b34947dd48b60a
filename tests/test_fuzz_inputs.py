"""Inputs that nobody would think of: a documented result, or a sentence about them.

What hypothesis draws here is the same in every run; ``make test-slow`` draws thousands
of others. A number in what a failing test prints is the seed that draws them again.
"""

import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from sklearn_triplet import (
    CRNNTagger,
    LabeledOnly,
    LogMel,
    MultilabelStratifiedKFold,
    PseudoLabeled,
    SequenceTagger,
    TripletEmbedder,
    TripletTagger,
    TunedThresholds,
    UnlabeledInTrain,
    find_events,
    is_labeled,
    mask_labels,
)

SMALL = {"n_components": 2, "max_epochs": 1, "random_state": 0}
ESTIMATORS = [
    TripletEmbedder("s1", segment_length=4, batch_size=4, **SMALL),
    TripletEmbedder("s2", segment_length=4, batch_size=4, output="clip", **SMALL),
    TripletEmbedder("pseudo", segment_length=4, batch_size=4, **SMALL),
    SequenceTagger(n_cells=2, n_layers=1, max_epochs=1, random_state=0),
    CRNNTagger(n_cells=2, **SMALL),
    TripletTagger(n_steps=1, batch_size=4, segment_length=4, **SMALL),
]
AROUND = [
    LabeledOnly(LogisticRegression()),
    PseudoLabeled(LogisticRegression()),
    TunedThresholds(LogisticRegression(), cv=2, random_state=0),
]
METHODS = "transform", "predict", "predict_proba", "predict_frames", "predict_events"
# what a sentence may call X and y
# where few rows can be read, what is left of y is too little
NAMES_OF_X = r"classes|\bX\b|[Cc]lips?\b|waveform|window|Reshape your data"
# and scikit-learn, of X and y together
NAMES_OF_Y = r"\by\b|label|inconsistent numbers of samples|at least 1 dimension"


def attempt(function, *arguments, about):
    """Return what comes of a call, or None where a sentence about it was raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of our own and of scikit-learn
        if about:
            warnings.simplefilter("error", RuntimeWarning)  # of numpy, which are a leak
        try:
            return function(*arguments)
        except (ValueError, TypeError) as error:
            assert re.search(about, str(error)), repr(error)
            return None


def settle(n_examples, **options):
    """Settings of a test: stable where they are derandomized, and nothing on the disk."""
    return settings(
        max_examples=n_examples,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        **options,
    )


# --- X


DTYPES = [
    "f2", "f4", "f8", "g", ">f4", ">f8", "i1", "u1", "i2", "i4", "i8", "u8", ">i4", "?",
    "c8", "O", "U5", "S5", "M8[s]", "m8[s]", "V4",
]  # fmt: skip


@st.composite
def arrays(draw):
    """An array of any number of axes and dtype, with holes in any place."""
    n_axes = draw(st.sampled_from([3, 3, 3, 3, 2, 2, 1, 4, 5, 0]))
    few = st.integers(0, 8)
    shape = [draw(st.sampled_from([6, 6, 8, 2, 1, 0]))][:n_axes]
    shape += [draw(few) for _ in range(n_axes - 1)]
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    scale = draw(st.sampled_from([1, 1, 1, 1e-30, 1e30, 1e300, 0]))
    X = np.asarray(rng.normal(size=shape) * scale)
    for _ in range(draw(st.integers(0, 2))):
        hole = draw(st.sampled_from([np.nan, np.nan, np.nan, np.inf, -np.inf]))
        place = draw(st.sampled_from(["row", "rows", "end", "middle", "one"]))
        if not X.size:
            continue
        row = draw(st.integers(0, len(X) - 1)) if X.ndim else ()
        if place == "row":
            X[row] = hole
        elif place == "rows":
            X[...] = hole
        elif X.ndim < 2:
            X[row] = hole
        elif place == "end":
            X[row, ..., draw(few) :] = hole
        elif place == "middle":
            X[row, ..., X.shape[-1] // 2] = hole
        else:
            X[row].flat[draw(few) % X[row].size] = hole
    dtype = draw(st.sampled_from(["f8", "f4"] * 10 + DTYPES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (
            X.astype("f4").view("V4")
            if dtype == "V4" and X.ndim
            else X.astype(dtype if dtype != "V4" else "f4")
        )


def _lengths(X):
    return [clip[..., : 1 + i % 4] for i, clip in enumerate(X)] if X.ndim == 3 else X


def _objects(X):
    made = np.empty(len(X) if X.ndim else 0, dtype=object)
    for i in range(len(made)):
        made[i] = X[i]
    return made


class Subclass(np.ndarray):
    pass


FORMS = {
    "itself": lambda X: X,
    "fortran": np.asfortranarray,
    "turned": lambda X: X[::-1].copy()[::-1] if X.ndim else X,
    "every other": lambda X: np.repeat(X, 2, axis=0)[::2] if X.ndim else X,
    "subclass": lambda X: X.view(Subclass),
    "masked": np.ma.masked_array,
    "list": lambda X: X.tolist(),
    "arrays": lambda X: list(X) if X.ndim else [X],
    "tuple": lambda X: tuple(X) if X.ndim else (X,),
    "ragged": _lengths,
    "ragged tuple": lambda X: tuple(_lengths(X)) if X.ndim else X,
    "objects": _objects,
    "ragged objects": lambda X: _objects(np.array(0)) if X.ndim != 3 else _objects(X),
    "with None": lambda X: [*X.tolist(), None] if X.ndim else None,
    "mixed": lambda X: [*X, "a.wav"] if X.ndim else "a.wav",
    "tensor": lambda X: torch.tensor(X.astype("f4")) if X.dtype.kind in "fiub" else X,
    "pandas": lambda X: pd.DataFrame(X) if X.ndim == 2 and X.dtype.kind != "V" else X,
    "polars": lambda X: pl.DataFrame(X) if X.ndim == 2 and X.dtype.kind == "f" else X,
    "series": lambda X: pd.Series(list(X)) if X.ndim and X.dtype.kind != "V" else X,
    "sparse": lambda X: (
        sparse.csr_array(X) if X.dtype.kind == "f" and X.ndim == 2 else X
    ),
    "iterator": lambda X: iter(X) if X.ndim else X,
    "dict": lambda X: {"X": X},
    "text": lambda X: "X",
    "none": lambda X: None,
}


def is_same(a, b):
    if np.asarray(a).dtype.kind in "OUSV":
        return repr(a) == repr(b)
    return np.array_equal(np.asarray(a), np.asarray(b), equal_nan=True)


def check_estimator(estimator, X, y, about):
    """Fit, and call every method there is; look at what they answer."""
    fitted = attempt(clone(estimator).fit, X, y, about=about)
    if fitted is None:
        return
    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    for name in METHODS:
        method = getattr(fitted, name, None)
        if method is None:
            continue
        first = attempt(method, X, about=about)
        # what a fit took, no other step of ours refuses
        assert first is not None or not about, name
        if first is None:
            continue
        if name != "predict_events":
            assert len(first) == n_rows, name
            if np.asarray(first).dtype.kind == "f":
                assert not np.isinf(first).any(), name
        again = attempt(method, X, about=about)
        assert np.asarray(first).tobytes() == np.asarray(again).tobytes() or (
            np.asarray(first).dtype.kind == "O" or first.dtype.hasobject
        )


@st.composite
def fits(draw):
    X = draw(arrays())
    form = draw(st.sampled_from(["itself"] * 10 + list(FORMS)))
    return draw(st.integers(0, 100)), form, X


def try_X(case):
    number, form, X = case
    before = X.copy()
    everyone = ESTIMATORS + AROUND
    given = FORMS[form](X)
    n_rows = len(X) if X.ndim else 1
    y = np.resize([0, 1, 0, 1, -1], n_rows)
    estimator = everyone[number % len(everyone)]
    # what the classifier inside says of X is its own
    about = "" if estimator in AROUND else NAMES_OF_X
    check_estimator(estimator, given, y, about)
    assert is_same(X, before)


# --- y


CLIPS = np.random.default_rng(0).normal(size=(8, 3, 6)).astype(np.float32)
LABELS = [
    0, 1, 2, -1, -1, -1.0, 1.0, 1.5, 2**40, -2, True, False, np.nan, None, np.inf, "dog",
    "rain", "", "-1", "nan", " ", b"dog", "dog;rain", np.int8(1), np.float32(1), np.str_("a"),
    pd.NA, pd.NaT, 1j, ("dog",), ["dog", "rain"], {"dog"}, {}, object, np.array([1, 0]),
]  # fmt: skip
FORMS_OF_Y = {
    "list": lambda y: y,
    "tuple": tuple,
    "array": np.array,
    "float": lambda y: np.array(y, dtype=float),
    "int8": lambda y: np.array(y, dtype=np.int8),
    "unsigned": lambda y: np.array(y, dtype=np.uint8),
    "bool": lambda y: np.array(y, dtype=bool),
    "text": lambda y: np.array(y, dtype=str),
    "objects": lambda y: np.array([*y, None], dtype=object)[:-1],
    "column": lambda y: np.array(y)[:, None],
    "row": lambda y: np.array(y)[None],
    "indicator": lambda y: np.stack([y, y[::-1]], axis=1),
    "known": lambda y: (np.stack([y, y[::-1], y], axis=1) == 1) * 1,
    "sets": lambda y: [{label} for label in y],
    "lists": lambda y: [[label] for label in y],
    "series": lambda y: pd.Series(y),
    "category": lambda y: pd.Series(y, dtype="category"),
    "nullable": lambda y: pd.array(y, dtype="Int64"),
    "polars": lambda y: pl.Series(y),
    "frame": lambda y: pd.DataFrame({"a": y, "b": y[::-1]}),
    "sparse": lambda y: sparse.csr_array(np.stack([y, y[::-1]], axis=1)),
    "tensor": lambda y: torch.tensor(y),
    "masked": lambda y: np.ma.masked_equal(y, -1),
    "dict": lambda y: dict(enumerate(y)),
    "iterator": iter,
    "cube": lambda y: np.ones((len(y), 2, 2)),
    "single": lambda y: y[0] if y else 0,
    "word": lambda y: "dog",
    "none": lambda y: None,
}
FUNCTIONS = [is_labeled, lambda y: mask_labels(y, 0.5, random_state=0)]
FUNCTIONS += [
    lambda y, cv=cv: list(cv.split(CLIPS, y))
    for cv in (UnlabeledInTrain(2), MultilabelStratifiedKFold(2))
]


@st.composite
def labels(draw):
    kinds = draw(st.lists(st.sampled_from(LABELS), min_size=1, max_size=4))
    if draw(st.booleans()):
        kinds = draw(
            st.sampled_from([[0, 1], [0, 1, -1], ["a", "b", -1], [-1], [1, -1]])
        )
    n_rows = draw(st.sampled_from([8] * 8 + [0, 1, 7, 9]))
    y = [kinds[i % len(kinds)] for i in range(n_rows)]
    return draw(st.integers(0, 100)), draw(st.sampled_from(list(FORMS_OF_Y))), y


def try_y(case):
    number, form, y = case
    try:
        given = FORMS_OF_Y[form](y)
    except Exception:  # there is no such form of these labels
        return
    before = repr(given)
    actors = [*ESTIMATORS, *AROUND, *FUNCTIONS]
    actor = actors[number % len(actors)]
    if actor in FUNCTIONS:
        found = attempt(actor, given, about=NAMES_OF_Y)
        if found is not None and actor in FUNCTIONS[:2]:
            assert len(found) == (given.shape[0] if hasattr(given, "shape") else len(y))
    else:
        X = CLIPS if actor in ESTIMATORS else CLIPS[:, :, 0]
        check_estimator(actor, X, given, "" if actor in AROUND else NAMES_OF_Y)
    assert repr(given) == before or form == "iterator"


@settle(100, derandomize=True)
@given(fits())
def test_any_X(case):
    try_X(case)


CASES = {"X": (fits(), try_X), "y": (labels(), try_y)}
