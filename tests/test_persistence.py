"""Models in files: what comes back, and what is refused."""

import functools
import io
import json
import os
import re
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import make_noise, whole, write
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import LinearSVC
from skorch.callbacks import LRScheduler
from torch import nn

from sklearn_triplet import (
    STRATEGIES,
    CRNNTagger,
    DenseEncoder,
    Gain,
    LabeledOnly,
    LogMel,
    MultilabelStratifiedKFold,
    PseudoLabeled,
    SameLabel,
    SequenceTagger,
    TripletEmbedder,
    TripletTagger,
    TunedThresholds,
    UnlabeledInTrain,
    load_model,
    save_model,
)

GOLDEN = Path(__file__).parent / "golden"

rng = np.random.default_rng(0)
N = 24
Y = np.arange(N) % 3
CLIPS = rng.normal(size=(N, 6, 20)).astype(np.float32) + Y[:, None, None]
TABLE = CLIPS[:, :, 0]
HIDDEN = np.where(np.arange(N) < 18, Y, -1)
NAMES = np.array(["bird", "car", "rain"], dtype=object)[Y]
NAMES[18:] = -1
SEVERAL = np.column_stack([Y == 0, Y > 0, np.arange(N) % 2]).astype(int)
SEVERAL[18:] = -1

SMALL = {"max_epochs": 2, "random_state": 0}
EMBEDDER = TripletEmbedder(
    n_components=4, segment_length=8, encoder="dense", batch_size=8, **SMALL
)
TAGGER = TripletTagger(
    n_components=4, segment_length=8, n_steps=2, batch_size=9, **SMALL
)
SEQUENCES = SequenceTagger(n_cells=3, **SMALL)
CRNN = CRNNTagger(n_components=4, n_cells=3, **SMALL)


class Doubling(nn.Module):
    """An encoder of one's own, with a weight and a buffer."""

    def __init__(self, n_features, n_components=4, factor=2.0):
        super().__init__()
        self.linear = nn.Conv1d(n_features, n_components, 1)
        self.norm = nn.BatchNorm1d(n_components)
        self.factor = factor

    def forward(self, X):
        return self.factor * self.norm(self.linear(X))


def build_doubling(n_features, n_components):
    return Doubling(n_features, n_components)


class Later(SameLabel):
    """A selector of one's own, which keeps what it prepares."""

    def __init__(self, steps=1):
        self.steps = steps

    def prepare(self, segments, anchors):
        super().prepare(segments, anchors)
        self.memory = np.arange(3)


class Louder(Gain):
    """A transformation of one's own."""


class Centered(TransformerMixin, BaseEstimator):
    """A transformer of one's own."""

    def fit(self, X, y=None):
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X):
        return X - self.mean_


def apply(fitted, X):
    """Return all that a fitted estimator says of X."""
    methods = "transform", "predict_proba", "decision_function", "predict"
    methods += "predict_frames", "predict_events"
    found = [name for name in methods if hasattr(fitted, name)]
    answers = {name: np.asarray(getattr(fitted, name)(X)) for name in found}
    assert answers
    return answers


def assert_same(loaded, fitted, X):
    assert type(loaded) is type(fitted)
    assert repr(loaded) == repr(fitted)
    before, after = fitted.get_params(), loaded.get_params()
    assert repr(after) == repr(before)
    expected = apply(fitted, X)
    found = apply(loaded, X)
    assert found.keys() == expected.keys()
    for name, answer in expected.items():
        assert found[name].dtype == answer.dtype, name
        np.testing.assert_array_equal(found[name], answer, err_msg=name)


def store(fitted, folder):
    save_model(fitted, folder / "a.model")
    return folder / "a.model"


@pytest.fixture(scope="module")
def embedded():
    return clone(EMBEDDER).set_params(output="clip").fit(CLIPS, HIDDEN)


ONE, MANY, WORDS = "one", "many", "words"
LABELS = {ONE: HIDDEN, MANY: SEVERAL, WORDS: NAMES}
ESTIMATORS = {
    "embedder": (EMBEDDER, CLIPS, ONE),
    "embedder of names": (clone(EMBEDDER).set_params(output="clip"), CLIPS, WORDS),
    "embedder, conv": (clone(EMBEDDER).set_params(encoder="conv"), CLIPS, MANY),
    "embedder, deep": (clone(EMBEDDER).set_params(encoder="deep"), CLIPS, ONE),
    "embedder, table": (clone(EMBEDDER).set_params(encoder="auto"), TABLE, ONE),
    "embedder, s3": (clone(EMBEDDER).set_params(strategy="s3"), CLIPS, ONE),
    "embedder, pseudo": (
        clone(EMBEDDER).set_params(strategy=STRATEGIES["pseudo"]), CLIPS, MANY
    ),
    "embedder, early stop": (
        clone(EMBEDDER).set_params(validation_fraction=0.3), CLIPS, ONE
    ),
    "tagger": (TAGGER, CLIPS, ONE),
    "tagger of names": (TAGGER, CLIPS, WORDS),
    "tagger of several": (
        clone(TAGGER).set_params(threshold="auto", pooling="attention"), CLIPS, MANY
    ),
    "tagger, deep": (clone(TAGGER).set_params(encoder="deep"), CLIPS, ONE),
    "tagger, table": (TAGGER, TABLE, ONE),
    "tagger, embedding": (clone(TAGGER).set_params(output="clip"), CLIPS, ONE),
    "sequences": (SEQUENCES, CLIPS, ONE),
    "sequences of names": (SEQUENCES, CLIPS, WORDS),
    "sequences of several": (
        clone(SEQUENCES).set_params(pooling="attention", threshold=[0.2, 0.4, 0.6]),
        CLIPS, MANY,
    ),
    "crnn": (CRNN, CLIPS, ONE),
    "crnn, deep": (clone(CRNN).set_params(encoder="deep"), CLIPS, MANY),
    "labeled only": (LabeledOnly(), TABLE, WORDS),
    "one against rest": (
        LabeledOnly(OneVsRestClassifier(LogisticRegression())), TABLE, MANY
    ),
    "ridge": (LabeledOnly(RidgeClassifier()), TABLE, WORDS),
    "support vectors": (LabeledOnly(LinearSVC()), TABLE, ONE),
    "pseudo-labeled": (PseudoLabeled(LogisticRegression()), TABLE, WORDS),
    "thresholds": (
        TunedThresholds(
            LabeledOnly(OneVsRestClassifier(LogisticRegression())),
            cv=UnlabeledInTrain(MultilabelStratifiedKFold(3)),
            random_state=0,
        ),
        TABLE, MANY,
    ),
    "pipeline": (
        make_pipeline(
            clone(EMBEDDER).set_params(output="clip"),
            StandardScaler(),
            Normalizer(),
            LabeledOnly(LogisticRegression()),
        ),
        CLIPS, WORDS,
    ),
    "pipeline of sequences": (make_pipeline(EMBEDDER, SEQUENCES), CLIPS, ONE),
    "pipeline of several": (
        make_pipeline(
            clone(EMBEDDER).set_params(output="clip"),
            TunedThresholds(
                LabeledOnly(OneVsRestClassifier(LogisticRegression())),
                cv=3,
                random_state=0,
            ),
        ),
        CLIPS, MANY,
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_all_comes_back_bit_by_bit(name, tmp_path):
    estimator, X, labels = ESTIMATORS[name]
    fitted = clone(estimator).fit(X, LABELS[labels])
    before = apply(fitted, X)
    path = store(fitted, tmp_path)
    # writing changes nothing, and twice the same is the same file
    after = apply(fitted, X)
    for method, answer in before.items():
        np.testing.assert_array_equal(after[method], answer)
    written = path.read_bytes()
    save_model(fitted, path)
    assert path.read_bytes() == written
    assert [file.name for file in tmp_path.iterdir()] == ["a.model"]
    loaded = load_model(path, expected=type(estimator))
    assert_same(loaded, fitted, X)
    # and what comes back can be written, and fitted once more to the same
    assert store(loaded, tmp_path).read_bytes() == written
    assert_same(loaded.fit(X, LABELS[labels]), fitted, X)


def test_log_mels_come_back(tmp_path):
    paths = [write(tmp_path / f"{i}.wav", make_noise(9000, seed=i)) for i in range(4)]
    estimator = LogMel(n_mels=6, memory=tmp_path / "cache", dtype="float16")
    y = ["a", "a", "b", -1]
    pipeline = make_pipeline(estimator, clone(SEQUENCES).set_params(verbose=0))
    fitted = pipeline.fit(paths, np.array(y, dtype=object))
    with pytest.warns(UserWarning, match=r"1 folders .*LogMel\.memory=.*cache"):
        save_model(fitted, tmp_path / "a.model")
    assert b"cache" not in (tmp_path / "a.model").read_bytes()
    loaded = load_model(tmp_path / "a.model")
    assert loaded[0].memory is None
    expected = fitted.predict_proba(paths)
    np.testing.assert_array_equal(loaded.predict_proba(paths), expected)
    save_model(LogMel(fmin=50.0), tmp_path / "b.model")
    assert load_model(tmp_path / "b.model").get_params() == LogMel(fmin=50).get_params()


def test_what_a_fit_leaves_comes_back(tmp_path):
    tagger = clone(TAGGER).fit(CLIPS, NAMES)
    loaded = load_model(store(tagger, tmp_path))
    assert list(loaded.history_) == list(tagger.history_)
    assert loaded.classes_.dtype == tagger.classes_.dtype
    for name in ("classes_", "pseudo_labels_", "pseudo_label_confidence_"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(tagger, name))
    assert vars(loaded).keys() == vars(tagger).keys()
    embedder = clone(EMBEDDER).set_params(strategy="s3").fit(CLIPS, HIDDEN)
    loaded = load_model(store(embedder, tmp_path))
    neighbors = embedder.strategy_.unlabeled_positive.neighbors_
    found = loaded.strategy_.unlabeled_positive.neighbors_
    np.testing.assert_array_equal(found, neighbors)


def test_columns_and_containers_come_back(tmp_path):
    table = pd.DataFrame(TABLE, columns=list("abcdef"))
    scaled = make_pipeline(StandardScaler(), LabeledOnly()).set_output(
        transform="pandas"
    )
    fitted = scaled.fit(table, HIDDEN)
    loaded = load_model(store(fitted, tmp_path))
    assert (
        loaded[:-1].transform(table).columns.tolist()
        == fitted[:-1].get_feature_names_out().tolist()
    )
    np.testing.assert_array_equal(loaded.predict(table), fitted.predict(table))
    # the row that is asked for where no other could be read
    missing = pd.DataFrame(np.full((2, 6), np.nan), columns=list("abcdef"))
    with pytest.warns(UserWarning, match="2 of 2"):
        assert np.isnan(loaded[-1].predict_proba(missing)).all()
    generator = np.random.RandomState(3)
    tagger = LabeledOnly(LogisticRegression(random_state=generator)).fit(TABLE, HIDDEN)
    loaded = load_model(store(tagger, tmp_path))
    drawn = loaded.estimator.random_state.random_sample(5)
    np.testing.assert_array_equal(drawn, generator.random_sample(5))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("partial", [False, True])
def test_learning_goes_on_with_a_new_optimizer(partial, tmp_path):
    encoder = functools.partial(DenseEncoder, n_components=4)
    optimizer = functools.partial(torch.optim.SGD, momentum=0.0)
    embedder = clone(EMBEDDER).set_params(warm_start=True, optimizer=optimizer)
    if partial:
        embedder.set_params(encoder=encoder)
    embedder.fit(CLIPS, HIDDEN)
    loaded = load_model(store(embedder, tmp_path))
    # what keeps no averages goes on as if it had never been stored
    for goes_on in ("partial_fit", "fit"):
        for fitted in (embedder, loaded):
            getattr(fitted, goes_on)(CLIPS, HIDDEN)
        np.testing.assert_array_equal(
            loaded.transform(CLIPS), embedder.transform(CLIPS)
        )
    assert loaded.n_iter_ == len(loaded.history_) == 6
    averaged = clone(EMBEDDER).fit(CLIPS, HIDDEN)
    assert averaged.net_.optimizer_.state_dict()["state"]
    loaded = load_model(store(averaged, tmp_path))
    assert not loaded.net_.optimizer_.state_dict()["state"]
    assert loaded.partial_fit(CLIPS, HIDDEN).n_iter_ == 4


def test_nothing_global_is_touched(tmp_path, embedded):
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    state, numbers = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    load_model(store(embedded, tmp_path))
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(np.random.get_state()[1], numbers)  # noqa: NPY002


# --- code of one's own

STRANGERS = {
    "encoder": (clone(EMBEDDER).set_params(encoder=Doubling), [Doubling]),
    "function": (
        clone(EMBEDDER).set_params(encoder=build_doubling), [build_doubling]
    ),
    "partial": (
        clone(EMBEDDER).set_params(encoder=functools.partial(Doubling, factor=3.0)),
        [Doubling],
    ),
    "tagger's encoder": (clone(CRNN).set_params(encoder=Doubling), [Doubling]),
    "selector": (
        clone(EMBEDDER).set_params(
            strategy=STRATEGIES["s2"].set_params(labeled_positive=Later(2))
        ),
        [Later],
    ),
    "augmentation": (clone(TAGGER).set_params(augmentation=Louder(3)), [Louder]),
    "callback": (
        clone(EMBEDDER).set_params(
            callbacks=[LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=1)]
        ),
        [LRScheduler, torch.optim.lr_scheduler.StepLR],
    ),
    "transformer": (make_pipeline(Centered(), EMBEDDER), [Centered]),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", STRANGERS)
def test_code_of_ones_own_has_to_be_handed_over(name, tmp_path):
    estimator, trusted = STRANGERS[name]
    fitted = clone(estimator).fit(CLIPS, HIDDEN)
    path = store(fitted, tmp_path)
    for i, thing in enumerate(trusted):
        others = trusted[:i] + trusted[i + 1 :]
        with pytest.raises(ValueError, match=f"needs '{thing.__qualname__}' of the m"):
            load_model(path, trusted=others)
    loaded = load_model(path, trusted=trusted)
    expected = apply(fitted, CLIPS)
    for method, answer in apply(loaded, CLIPS).items():
        np.testing.assert_array_equal(answer, expected[method])
    refitted = apply(loaded.fit(CLIPS, HIDDEN), CLIPS)
    for method, answer in refitted.items():
        np.testing.assert_array_equal(answer, expected[method])


def test_state_of_selectors_of_ones_own(tmp_path):
    strategy = STRATEGIES["s2"].set_params(labeled_positive=Later(2))
    fitted = clone(EMBEDDER).set_params(strategy=strategy).fit(CLIPS, HIDDEN)
    loaded = load_model(store(fitted, tmp_path), trusted=[Later])
    assert loaded.strategy.labeled_positive.steps == 2
    # an array of this name is no folder
    memory = loaded.strategy_.labeled_positive.memory
    np.testing.assert_array_equal(memory, np.arange(3))


def test_a_forest_is_refused_when_written(tmp_path):
    fitted = LabeledOnly(RandomForestClassifier(2)).fit(TABLE, HIDDEN)
    with pytest.raises(ValueError, match=r"cannot write without code.*joblib\.dump"):
        store(fitted, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_lambda_is_refused_when_written(tmp_path):
    embedder = clone(EMBEDDER).set_params(encoder=lambda n: Doubling(n))
    with pytest.raises(ValueError, match=r"TripletEmbedder\.encoder holds .*no name"):
        store(embedder.fit(CLIPS, HIDDEN), tmp_path)


def test_weights_that_numpy_has_no_type_for(tmp_path):
    fitted = clone(EMBEDDER).set_params(max_epochs=0).fit(CLIPS, HIDDEN)
    fitted.net_.module_.bfloat16()
    sentence = (
        r"TripletEmbedder\.net_ has .* of torch\.bfloat16.*numpy has no such type"
    )
    with pytest.raises(ValueError, match=sentence):
        store(fitted, tmp_path)


def test_parameters_that_are_no_longer_those_of_the_net(tmp_path):
    fitted = clone(SEQUENCES).fit(CLIPS, HIDDEN).set_params(frame_pooling=2)
    sentence = r"changed after its fit: .*head\.frame_pooling 2 instead of 4"
    with pytest.raises(ValueError, match=sentence):
        store(fitted, tmp_path)
    fitted = clone(EMBEDDER).fit(CLIPS, HIDDEN).set_params(n_components=7)
    with pytest.raises(ValueError, match="changed after its fit"):
        store(fitted, tmp_path)
    assert fitted.n_components_ == 4
    # what the net does not depend on may change
    fitted.set_params(n_components=4, lr=0.5, output="clip")
    assert load_model(store(fitted, tmp_path)).transform(CLIPS).shape == (N, 8)


def test_what_is_not_fitted_or_no_estimator(tmp_path):
    with pytest.raises(NotFittedError):
        store(TAGGER, tmp_path)
    with pytest.raises(ValueError, match="must be a fitted estimator or Pipeline"):
        store(TripletTagger, tmp_path)
    with pytest.raises(ValueError, match="must hold classes and functions"):
        load_model(tmp_path / "a.model", trusted=["Doubling"])


# --- files that are not what they were


def repack(path, change):
    """Change members of a file, and give it the checksum of what it is then."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    index = json.loads(members["model.json"])
    change(index, members)
    members["model.json"] = json.dumps(index).encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.comment = b" " * 64
    data = stream.getvalue()[:-64]
    path.write_bytes(data + sha256(data).hexdigest().encode())


def test_the_smallest_file_at_every_byte(tmp_path):
    save_model(LogMel(), path := tmp_path / "a.model")
    data = path.read_bytes()
    reasons = set()
    for i in range(len(data)):
        for damaged in (
            data[:i],
            data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :],
            data[:i] + data[i + 1 :],
        ):
            path.write_bytes(damaged)
            with pytest.raises(ValueError) as caught:
                load_model(path)
            reasons.add(str(caught.value).split("'")[2][:12])
    assert reasons == {" was cut or ", " is no model"}
    path.write_bytes(data + b"more")
    with pytest.raises(ValueError, match="cut or altered"):
        load_model(path)
    path.write_bytes(data)
    assert load_model(path).get_params() == LogMel().get_params()


def test_altered_weights(tmp_path, embedded):
    path = store(embedded, tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)
    sentence = (
        f"{str(path)!r} was cut or altered: its checksum is not that of its content. "
        "Fetch or copy it once more."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        load_model(path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04N.", b"PK\x03\x04" + bytes(60)])
def test_other_files(content, tmp_path):
    path = tmp_path / "a.model"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is no model file"):
        load_model(path)
    np.savez(path.with_suffix(".npz"), np.zeros(3))
    with pytest.raises(ValueError, match="is no model file"):
        load_model(path.with_suffix(".npz"))
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "missing")


def test_a_newer_format(tmp_path, embedded):
    path = store(embedded, tmp_path)
    repack(path, lambda index, members: index.update(format=2))
    with pytest.raises(
        ValueError, match=r"is of format 2, .* up to 1\. Install a newe"
    ):
        load_model(path)


def test_another_class_than_expected(tmp_path, embedded):
    path = store(embedded, tmp_path)
    assert type(load_model(path, expected=TripletEmbedder)) is TripletEmbedder
    sentence = (
        f"{str(path)!r} holds a TripletEmbedder, and a TripletTagger was expected. "
        "Give the file of one, or leave 'expected' out."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        load_model(path, expected=TripletTagger)


def test_a_parameter_younger_than_the_file(tmp_path, embedded):
    path = store(embedded, tmp_path)
    repack(path, lambda index, members: index["model"]["state"].pop("labeled_ratio"))
    loaded = load_model(path)
    assert loaded.labeled_ratio == 0.5
    np.testing.assert_array_equal(loaded.transform(CLIPS), embedded.transform(CLIPS))


def test_a_device_that_is_not_here(tmp_path, embedded):
    path = store(embedded, tmp_path)
    change = {"device": "cuda:99"}
    repack(path, lambda index, members: index["model"]["state"].update(change))
    with pytest.warns(UserWarning, match=r"no such device here.*loaded to the CPU\."):
        loaded = load_model(path)
    np.testing.assert_array_equal(loaded.transform(CLIPS), embedded.transform(CLIPS))
    assert loaded.device == "cuda:99"


# what somebody might write who knows the format, with a checksum that is right
HOSTILE = {
    "a function": {"name": "os:system"},
    "a call": {"partial": "os:system", "args": ["touch x"], "keywords": {}},
    "an object": {"object": "subprocess:Popen", "state": {}},
    "an optimizer as an object": {"object": "torch.Adam", "state": {}},
    "a class as a name": {"name": "sklearn_triplet.LogMel"},
    "a private module": {"name": "sklearn_triplet._persistence:_Reader"},
    "a folder": {"object": "sklearn_triplet.LogMel", "state": {"memory": "elsewhere"}},
    "a library": {"table": "antigravity", "columns": []},
    "a kind that there is not": {"code": "1 + 1"},
    "a member that there is not": {"array": 999},
    "a path": {"array": "../../etc/passwd"},
    "nothing": {},
    "a step that is none": {"object": "sklearn.Pipeline", "state": {}, "weights": 1},
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_run_nothing(name, tmp_path, embedded, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = store(embedded, tmp_path)
    node = HOSTILE[name]
    repack(path, lambda index, members: index["model"]["state"].update(encoder=node))
    with pytest.raises(ValueError):
        load_model(path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.model"]


def test_arrays_that_are_not_what_they_say(tmp_path, embedded):
    path = store(embedded, tmp_path)
    stream = io.BytesIO()
    np.save(stream, np.array([print], dtype=object), allow_pickle=True)
    pickled = stream.getvalue()
    stream = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**13,)}
    np.lib.format.write_array_header_1_0(stream, header)
    huge = stream.getvalue()
    for content in (pickled, huge):
        repack(path, lambda index, members, c=content: members.update({"0.npy": c}))
        with pytest.raises(ValueError, match="array 0 is not what its header says"):
            load_model(path)
    path = store(embedded, tmp_path)
    with zipfile.ZipFile(path) as archive:
        shrunk = archive.read("0.npy")[:-4]
    repack(path, lambda index, members: members.update({"0.npy": shrunk}))
    sentence = r"cannot be read as a model: array 0 is not"
    with pytest.raises(ValueError, match=sentence):
        load_model(path)


def test_compressed_members_are_not_read(tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.json", '{"format": 1, "versions": {}, "model": null}')
        archive.comment = b" " * 64
    data = stream.getvalue()[:-64]
    path = tmp_path / "a.model"
    path.write_bytes(data + sha256(data).hexdigest().encode())
    with pytest.raises(ValueError, match="packs and encrypts nothing"):
        load_model(path)


def test_no_half_file_where_a_model_was(tmp_path, embedded, monkeypatch):
    path = store(embedded, tmp_path)
    written = path.read_bytes()

    def break_off(descriptor):
        os.ftruncate(descriptor, 100)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", break_off)
    with pytest.raises(OSError, match="No space left"):
        save_model(embedded, path)
    assert path.read_bytes() == written
    assert [file.name for file in tmp_path.iterdir()] == ["a.model"]


@pytest.mark.parametrize(
    "index",
    ["[" * 100_000, "[]", "{}", '{"format": "1"}', '{"format": 1, "versions": 1}',
     '{"format": 1, "versions": {}}', "\u00ff"],
)  # fmt: skip
def test_an_index_that_is_none(index, tmp_path):
    path = tmp_path / "a.model"
    save_model(LogMel(), path)
    with zipfile.ZipFile(stream := io.BytesIO(), "w") as archive:
        archive.writestr("model.json", index.encode("latin-1"))
        archive.comment = b" " * 64
    data = stream.getvalue()[:-64]
    path.write_bytes(data + sha256(data).hexdigest().encode())
    with pytest.raises(ValueError, match="is no model file: "):
        load_model(path)


def test_a_mask_is_not_lost(tmp_path):
    fitted = make_pipeline(Centered(), LabeledOnly()).fit(TABLE, HIDDEN)
    fitted[0].mean_ = np.ma.masked_array(fitted[0].mean_, [1, 0, 0, 0, 0, 0])
    with pytest.raises(ValueError, match="a MaskedArray, which save_model"):
        store(fitted, tmp_path)


def test_frozen_steps(tmp_path, embedded):
    pipeline = make_pipeline(FrozenEstimator(embedded), LabeledOnly())
    fitted = pipeline.fit(CLIPS, HIDDEN)
    loaded = load_model(store(fitted, tmp_path))
    expected = fitted.predict_proba(CLIPS)
    np.testing.assert_array_equal(loaded.predict_proba(CLIPS), expected)


# --- files of every format that there was


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.npz")), ids=lambda p: p.stem)
def test_golden_files(path):
    size = 0
    with np.load(path) as answers:
        for name in set(answers) - {"X"}:
            file = GOLDEN / f"{path.stem}_{name}.model"
            size += file.stat().st_size
            found = load_model(file).predict_proba(answers["X"])
            # other versions and processors may round otherwise
            np.testing.assert_allclose(found, answers[name], rtol=1e-4, atol=1e-6)
    assert 0 < size < 60_000


def test_there_is_a_golden_file_of_the_present_format(tmp_path):
    save_model(LogMel(), path := tmp_path / "a.model")
    with zipfile.ZipFile(path) as archive:
        number = json.loads(archive.read("model.json"))["format"]
    formats = {int(re.findall(r"\d+", p.stem)[0]) for p in GOLDEN.glob("*.npz")}
    assert formats == set(range(1, number + 1))
