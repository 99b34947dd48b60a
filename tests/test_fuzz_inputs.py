"""Inputs that nobody would think of: a documented result, or a sentence about them.

What hypothesis draws here is the same in every run; ``make test-slow`` draws thousands
of others. A number in what a failing test prints is the seed that draws them again.
"""

import inspect
import random
import re
import tempfile
import warnings
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from sklearn_triplet import (
    CRNNTagger,
    EnergyMixing,
    Equalizer,
    ExampleMixing,
    FeatureDropout,
    FrequencyMask,
    FrequencyShift,
    Gain,
    GaussianNoise,
    LabeledOnly,
    LogMel,
    MultilabelStratifiedKFold,
    Nearest,
    NeighborMixing,
    PseudoLabeled,
    RandomCrop,
    RandomNegative,
    RandomNoise,
    SameLabel,
    SamePseudoLabel,
    SemiHard,
    SequenceTagger,
    Strategy,
    TemporalProximity,
    TimeFrequencyShift,
    TimeMask,
    Transformed,
    TripletEmbedder,
    TripletTagger,
    TunedThresholds,
    UnlabeledInTrain,
    find_events,
    is_labeled,
    mask_labels,
)
from sklearn_triplet.datasets import read_events

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
    TunedThresholds(LabeledOnly(LogisticRegression()), cv=2, random_state=0),
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
    """Settings of a test, which leaves nothing on the disk."""
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


def _map(X):
    """Return what a file holds, where there is one: None of it may be written to."""
    if not X.size or X.dtype.hasobject:
        return X
    with tempfile.TemporaryFile() as file:
        file.write(np.ascontiguousarray(X).tobytes())
        file.flush()
        return np.memmap(file, X.dtype, "r", shape=X.shape)


def _lock(X):
    X = X.copy()
    X.flags.writeable = False
    return X


class Subclass(np.ndarray):
    pass


FORMS = {
    "itself": lambda X: X,
    "fortran": np.asfortranarray,
    "turned": lambda X: X[::-1].copy()[::-1] if X.ndim else X,
    "every other": lambda X: np.repeat(X, 2, axis=0)[::2] if X.ndim else X,
    "subclass": lambda X: X.view(Subclass),
    "memory map": _map,
    "read-only": _lock,
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
        # scipy takes no foreign byte order
        sparse.csr_array(X.astype(X.dtype.newbyteorder("=")))
        if X.dtype.kind == "f" and X.ndim == 2
        else X
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
        first, again = np.asarray(first), np.asarray(again)
        assert first.tobytes() == again.tobytes() or (
            # objects, and long doubles, whose padding holds anything
            first.dtype.hasobject or (first.dtype.char == "g" and is_same(first, again))
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
    form_of_X = FORMS[form](X)
    n_rows = len(X) if X.ndim else 1
    y = np.resize([0, 1, 0, 1, -1], n_rows)
    estimator = everyone[number % len(everyone)]
    # what the classifier inside says of X is its own
    about = "" if estimator in AROUND else NAMES_OF_X
    check_estimator(estimator, form_of_X, y, about)
    assert is_same(X, before)


# --- y


CLIPS = np.random.default_rng(0).normal(size=(8, 3, 6)).astype(np.float32)
LABELS = [
    0, 1, 2, -1, -1, -1.0, 1.0, 1.5, 2**40, -2, True, False, np.nan, None, np.inf,
    "dog", "rain", "", "-1", "nan", " ", b"dog", "dog;rain", np.int8(1),
    np.float32(1), np.str_("a"), pd.NA, pd.NaT, 1j, ("dog",), ["dog", "rain"], {"dog"},
    {}, object, np.array([1, 0]),
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
        form_of_y = FORMS_OF_Y[form](y)
    except Exception:  # there is no such form of these labels
        return
    before = repr(form_of_y)
    actors = [*ESTIMATORS, *AROUND, *FUNCTIONS]
    actor = actors[number % len(actors)]
    if actor in FUNCTIONS:
        found = attempt(actor, form_of_y, about=NAMES_OF_Y)
        if found is not None and actor in FUNCTIONS[:2]:
            rows = y if form == "iterator" else form_of_y
            assert len(found) == (
                rows.shape[0] if hasattr(rows, "shape") else len(rows)
            )
    else:
        X = CLIPS if actor in ESTIMATORS else CLIPS[:, :, 0]
        check_estimator(actor, X, form_of_y, "" if actor in AROUND else NAMES_OF_Y)
    assert repr(form_of_y) == before or form == "iterator"


# --- parameters


JUNK = [
    None, True, False, np.True_, -1, 0, 1, 2, 3, 0.5, 1.5, -0.5, 1.0, np.nan, np.inf,
    -np.inf, 10**9, 2**31, 2**63, 10**30, -(2**63), np.int64(3), np.int8(2),
    np.uint8(20), np.float32(0.5), np.float64(np.nan), 1e308, 5e-324, Fraction(1, 2),
    Decimal("0.5"), 1 + 2j, "x", "", "1", "auto", "mean", "meta", "cuda:7", b"x", [],
    [1], (1, 2), [0.5, 0.5], [None], ["x"], [[1, 2]], {}, {"a": 1}, set(), object(),
    int, print, len, range(3), np.array([1, 2]), np.array(0.5), np.array([]),
    np.array(["a"]), torch.tensor(3), torch.tensor(0.5), LogisticRegression(),
]  # fmt: skip
# more of these only takes longer
ENDLESS = ("max_epochs", "n_steps", "n_triplets", "max_guessed", "n_views")
TRANSFORMATIONS = [
    GaussianNoise(), TimeFrequencyShift(), TemporalProximity(), ExampleMixing(),
    RandomCrop(), FrequencyShift(), Gain(), Equalizer(), EnergyMixing(), RandomNoise(),
    TimeMask(), FrequencyMask(), FeatureDropout(), NeighborMixing(),
]  # fmt: skip
SELECTORS = [Transformed(), SamePseudoLabel(), Nearest(), SemiHard()]
MEL = LogMel(8000, n_mels=4)
OWNERS = [*ESTIMATORS, *AROUND, *TRANSFORMATIONS, *SELECTORS, MEL]
Y = np.array([0, 1, 0, 1, 0, 1, -1, 0])


def use(owner):
    """Let an object do what it is for."""
    if owner in TRANSFORMATIONS or type(owner) in {
        type(one) for one in TRANSFORMATIONS
    }:
        clone(ESTIMATORS[-1]).set_params(augmentation=owner).fit(CLIPS, Y)
    elif isinstance(owner, LogMel):
        owner.fit_transform([np.ones(900, dtype=np.float32)])
    elif isinstance(owner, SemiHard):
        strategy = Strategy(SameLabel(), owner, Transformed(), RandomNegative())
        clone(ESTIMATORS[0]).set_params(strategy=strategy).fit(CLIPS, Y)
    elif isinstance(owner, Transformed | SamePseudoLabel | Nearest):
        strategy = Strategy(owner, SemiHard(), owner, RandomNegative())
        clone(ESTIMATORS[2]).set_params(strategy=strategy).fit(CLIPS, Y)
    elif isinstance(owner, tuple(type(one) for one in AROUND)):
        owner.fit(CLIPS[:, :, 0], Y).predict(CLIPS[:, :, 0])
    else:
        owner.fit(CLIPS, Y)
        getattr(owner, "transform", getattr(owner, "predict", None))(CLIPS)


@st.composite
def parameters(draw):
    number = draw(st.integers(0, len(OWNERS) - 1))
    names = list(inspect.signature(type(OWNERS[number]).__init__).parameters)[1:]
    names = [name for name in names if name not in ("verbose", "checkpoint", "memory")]
    return number, draw(st.sampled_from(names or [""])), draw(st.sampled_from(JUNK))


def try_parameter(case):
    number, name, value = case
    owner = OWNERS[number]
    is_endless = name in ENDLESS and isinstance(value, int) and value > 100
    if not name or is_endless:
        return
    chosen = {**owner.get_params(deep=False), name: value}

    def go():
        use(type(owner)(**chosen))
        return True

    # or in what is not lost of a fit that diverged by it
    attempt(go, about=rf"\b{name}\b|loss .*became|finite values|diverge")


# --- tables and curves of events


TABLES = [
    "filename\tonset\toffset\tevent_label\n",
    "Begin Time (s)\tEnd Time (s)\n",
    "",
]
CELLS = [
    "a.wav",
    "0",
    "1.5",
    "-1",
    "dog",
    "",
    "nan",
    "1e308",
    "\\",
    "\t",
    "\n",
    "\0",
    '"',
]


@st.composite
def curves(draw):
    """Probabilities of frames, what they are of, and a parameter that is odd."""
    X = draw(arrays())
    X = np.abs(X) if X.dtype.kind == "f" else X
    names = ["threshold", "low_threshold", "median_duration", "min_gap", "classes"]
    name = draw(st.sampled_from([*names, "frame_duration", "min_duration"]))
    given = {name: draw(st.sampled_from([0.5, 0.5, 0.1, [0.5] * 3, *JUNK]))}
    return X / max(np.nanmax(X, initial=1), 1) if X.dtype.kind == "f" else X, given


def try_events(case):
    X, odd = case
    before = X.copy()
    n_classes = X.shape[1] if X.ndim == 3 else 1
    chosen = {"classes": [f"c{i}" for i in range(n_classes)], **odd}

    def go():
        return find_events(X, **chosen)

    about = rf"\b{next(iter(odd))}\b|probabilit|threshold|classes"
    found = attempt(go, about=about)
    if found is not None:
        assert (found["onset"] <= found["offset"]).all()
    assert is_same(X, before)


@st.composite
def texts(draw):
    rows = st.lists(st.sampled_from(CELLS), max_size=12).map("\t".join)
    anything = st.one_of(rows, st.text(max_size=30))
    return draw(st.sampled_from(TABLES)) + draw(anything)


def try_table(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.tsv"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        attempt(read_events, str(path), about="events.tsv")


# --- what is run


CASES = {
    "X": (fits(), try_X),
    "y": (labels(), try_y),
    "parameters": (parameters(), try_parameter),
    "events": (curves(), try_events),
    "tables": (texts(), try_table),
}


@pytest.mark.parametrize("what", CASES)
def test_any_input(what):
    strategy, attempt_case = CASES[what]
    settle(40, derandomize=True)(given(strategy)(attempt_case))()


@pytest.mark.slow
@pytest.mark.parametrize("what", CASES)
def test_thousands_of_inputs(what):
    number = random.SystemRandom().randrange(10**6)
    print(f"seed of {what}: {number}")
    strategy, attempt_case = CASES[what]
    seed(number)(settle(1500)(given(strategy)(attempt_case)))()


# --- in which order things are asked


@pytest.mark.parametrize("estimator", [*ESTIMATORS, *AROUND], ids=str)
def test_before_the_fit_and_of_other_features(estimator):
    X = CLIPS if estimator in ESTIMATORS else CLIPS[:, :, 0]
    methods = [name for name in METHODS if hasattr(estimator, name)]
    for name in methods:
        with pytest.raises(NotFittedError):
            getattr(clone(estimator), name)(X)
    fitted = attempt(clone(estimator).fit, X, Y, about="")
    for name in methods:
        for others in (X[:, :2], np.concatenate([X, X], axis=1), X[:0]):
            with pytest.raises(ValueError, match=r"\bX\b|feature|[Cc]lips|sample"):
                getattr(fitted, name)(others)


@pytest.mark.parametrize("estimator", [*ESTIMATORS, *AROUND], ids=str)
def test_rows_are_answered_in_their_order(estimator):
    X = CLIPS if estimator in ESTIMATORS else CLIPS[:, :, 0]
    fitted = attempt(clone(estimator).fit, X, Y, about="")
    for name in METHODS[:4]:
        if hasattr(fitted, name):
            found = np.asarray(getattr(fitted, name)(X))
            turned = np.asarray(getattr(fitted, name)(X[::-1]))[::-1]
            if found.dtype.kind == "f":
                np.testing.assert_allclose(turned, found, atol=1e-5)
            else:
                np.testing.assert_array_equal(turned, found)


# --- what this has found


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_one_X_are_one_X(form):
    expected = clone(ESTIMATORS[0]).fit(CLIPS).transform(CLIPS)
    X = FORMS[form](CLIPS)
    if form.startswith("ragged") or not isinstance(X, np.ndarray | list | tuple):
        return
    if form in ("with None", "mixed"):
        return
    np.testing.assert_array_equal(clone(ESTIMATORS[0]).fit(X).transform(X), expected)


@pytest.mark.parametrize(
    ("number", "name", "value"),
    [
        (0, "n_components", 10**9),  # of the allocator of torch
        (0, "n_components", 10**30),  # does not fit in 64 bits
        (0, "labeled_ratio", 5e-324),  # OverflowError
        (0, "margin", Fraction(1, 2)),
        (0, "margin", 10**30),
        (0, "normalize", np.array([1, 2])),
        (0, "pooling", np.array([1, 2])),
        (0, "warm_start", np.array([])),
        (0, "batch_size", np.uint8(200)),
        (0, "optimizer", int),
        (0, "optimizer", print),
        (0, "device", 10**30),
        (0, "device", "meta"),
        (0, "callbacks", [1]),
        (0, "callbacks", ["x"]),
        (0, "random_state", -1),
        (0, "random_state", "x"),
        (3, "n_layers", 10**9),
        (3, "n_layers", np.uint8(100)),
        (3, "n_cells", np.int64(3)),  # what GridSearchCV takes from an array
        (3, "n_cells", 10**9),
        (3, "frame_pooling", 10**30),
        (5, "frame_pooling", 10**9),
        (5, "n_segments", 10**9),
        (5, "batch_size", 10**30),
        (5, "alpha", Fraction(1, 2)),
        (5, "decay", Fraction(1, 2)),
    ],
)
def test_parameters_that_ended_in_errors_of_others(number, name, value):
    try_parameter((number, name, value))


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (MEL, "sample_rate", 10**9),
        (MEL, "sample_rate", np.uint8(200)),
        (MEL, "n_fft", 10**9),
        (MEL, "win_length", 2**63),
        (MEL, "n_mels", 10**6),
        (MEL, "fmax", 5e-324),
        (MEL, "n_jobs", 10**9),
        (Gain(), "max_decibels", 1e308),
        (Gain(), "max_decibels", np.uint8(20)),
        (Equalizer(), "n_nodes", 10**9),
        (ExampleMixing(), "alpha", 10**30),
        (RandomCrop(), "n_frames", 10**9),
        (RandomCrop(), "stretch", 10**9),
        (NeighborMixing(), "n_neighbors", 10**9),
        (Nearest(), "n_neighbors", 10**9),
        (Nearest(), "exclude_same_clip", np.array([1, 2])),
        (SemiHard(), "exclude_shared_labels", np.array([1, 2])),
    ],
)
def test_parameters_of_the_rest(owner, name, value):
    attempt(lambda: use(type(owner)(**{name: value})), about=rf"\b{name}\b")


@pytest.mark.parametrize(
    "X", [np.array(1.0), "X", np.array([["a"]]), np.full((2, 2), 1j)]
)
def test_X_that_is_none(X):
    for estimator in (ESTIMATORS[0], LabeledOnly(LogisticRegression())):
        with pytest.raises(
            (ValueError, TypeError), match=r"\bX\b|Complex|string|array"
        ):
            estimator.fit(X, [0])
    with pytest.raises((ValueError, TypeError), match=r"\bX\b"):
        ESTIMATORS[0].fit(X, [0])


def test_infinities_of_both_signs_leak_no_warning():
    with warnings.catch_warnings(), pytest.raises(ValueError, match="infinity"):
        warnings.simplefilter("error")
        clone(ESTIMATORS[0]).fit(np.array([[np.inf, -np.inf], [0, 1]]))


def test_a_batch_of_one_frame_is_refused_in_a_sentence():
    X = np.array([[1.0, 2], [np.nan, np.nan]])
    with (
        pytest.warns(UserWarning),
        pytest.raises(ValueError, match="a single frame of"),
    ):
        ESTIMATORS[4].fit(X, [0, 1])


@pytest.mark.parametrize(
    "y",
    [
        [[1], [1, 2]],
        np.array([{"dog"}, {"rain"}], dtype=object),
        pd.Series([np.array([1, 0])] * 2),
        np.ones((2, 2, 2)),
        [1j, 2j],
        None,
        iter([1, 2]),
        np.zeros((0, 3)),
    ],
)
def test_y_that_is_none(y):
    with pytest.raises(ValueError, match=r"\by\b"):
        mask_labels(y, 0.5)


@pytest.mark.parametrize("cv", [b"x", np.array(3), torch.tensor(3)])
def test_cv_that_is_none(cv):
    with pytest.raises(ValueError, match="'cv' parameter"):
        list(UnlabeledInTrain(cv).split(CLIPS, Y))


def test_shuffle_that_is_none():
    with pytest.raises(ValueError, match="'shuffle' parameter"):
        list(
            MultilabelStratifiedKFold(2, shuffle=np.ones(2)).split(CLIPS, [[0, 1]] * 8)
        )
