"""Fits that are killed go on, and end as if nothing had happened."""

import json
import os
import shutil
import warnings

import numpy as np
import pytest
import torch
from helpers import whole
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from skorch.callbacks import Callback, EpochScoring, LRScheduler
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from sklearn_triplet import (
    STRATEGIES,
    CRNNTagger,
    Nearest,
    NeighborMixing,
    SequenceTagger,
    Strategy,
    Transformed,
    TripletEmbedder,
    TripletTagger,
    load_model,
    save_model,
)
from sklearn_triplet._training import checkpoint as module
from sklearn_triplet._training import pseudo_labeling

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 6, 12)).astype(np.float32)
X[1::2, :4] += 1
Y = np.where(np.arange(24) % 4 < 2, np.arange(24) % 2, -1)
SEVERAL = np.where(RNG.random((24, 3)) < 0.2, -1, RNG.random((24, 3)) < 0.4) * 1
SEVERAL[20:] = -1
TABLE = X[:, :, 0]
FAST = {"max_epochs": 4, "random_state": 0}
SMALL = {"n_components": 2, "segment_length": 6, "batch_size": 12, **FAST}


class KilledError(Exception):
    """Stands for a kill: whatever ends a fit at any point."""


class Fuse(Callback):
    """Ends a fit in the middle of an epoch, if lit; counts the epochs in any case."""

    lit, n_epochs, error = None, 0, KilledError

    def on_epoch_begin(self, net, **kwargs):
        Fuse.n_epochs += 1

    def on_batch_end(self, net, training, **kwargs):
        if training and len(net.history) == Fuse.lit:
            raise Fuse.error


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    # else epochs this short would be passed by; and nothing is ever lit by accident
    monkeypatch.setattr(module, "PATIENCE", 0)
    monkeypatch.setattr(Fuse, "lit", None)
    monkeypatch.setattr(Fuse, "n_epochs", 0)
    monkeypatch.setattr(Fuse, "error", KilledError)


def kill(estimator, X, y, epoch, monkeypatch, error=KilledError):
    """Break a fit off in the middle of an epoch."""
    with monkeypatch.context() as patch, pytest.raises(error):
        patch.setattr(Fuse, "lit", epoch)
        patch.setattr(Fuse, "error", error)
        clone(estimator).fit(X, y)


def flatten(value, name=""):
    """Yield all numbers, texts and arrays in nested containers, with their places."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key != "dur":  # the one thing that a clock decides
                yield from flatten(part, f"{name}.{key}")
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield from flatten(part, f"{name}.{i}")
    else:
        yield name, value.numpy() if isinstance(value, torch.Tensor) else value


def look_at(fitted, X):
    """Return all that a fit has left, for comparisons bit by bit."""
    seen = {
        "module": dict(fitted.net_.module_.state_dict()),
        "optimizer": fitted.net_.optimizer_.state_dict(),
        "history": list(fitted.history_),
        "n_iter": fitted.n_iter_,
        "scaler": vars(fitted.scaler_),
    }
    for name in ("pseudo_labels_", "pseudo_label_confidence_", "thresholds_"):
        seen[name] = getattr(fitted, name, None)
    for name in ("transform", "predict_proba"):
        if hasattr(fitted, name):
            seen[name] = getattr(fitted, name)(X)
    return dict(flatten(seen))


def assert_same(fitted, expected, X):
    found, wanted = look_at(fitted, X), look_at(expected, X)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


NEAREST = Strategy(
    Nearest(n_neighbors=2), STRATEGIES["s2"].labeled_negative, Transformed(), None
).set_params(unlabeled_negative=STRATEGIES["s2"].unlabeled_negative)
MIXED = STRATEGIES["s1"].set_params(
    unlabeled_positive=Transformed([NeighborMixing(n_neighbors=2)])
)
STOPS = {"validation_fraction": 0.3, "patience": 2}
TAG = TripletTagger(n_components=2, n_steps=3, batch_size=12, **FAST)
CASES = {
    **{key: (TripletEmbedder(key, **SMALL), X, Y) for key in STRATEGIES},
    "nearest": (TripletEmbedder(NEAREST, **SMALL), X, Y),
    "mixing": (TripletEmbedder(MIXED, **SMALL), TABLE, Y),
    "few triplets": (TripletEmbedder("s2", n_triplets=13, **SMALL), X, Y),
    "stopping": (TripletEmbedder("s3", **SMALL, **STOPS), X, Y),
    "several": (TripletEmbedder("pseudo", **SMALL), X, SEVERAL),
    "bfloat16": (TripletEmbedder("s2", precision="bfloat16", **SMALL), X, Y),
    "table": (TripletEmbedder("pseudo", **SMALL), TABLE, Y),
    "tagger": (SequenceTagger(n_cells=2, dropout=0.3, **FAST), X, Y),
    "tagger stopping": (SequenceTagger(n_cells=2, **FAST, **STOPS), X, Y),
    "tagger several": (SequenceTagger(n_cells=2, threshold="auto", **FAST), X, SEVERAL),
    "crnn": (CRNNTagger(n_cells=2, n_components=4, **FAST), X, Y),
    "triplets": (TAG, X, Y),
    "triplets of some": (clone(TAG).set_params(max_guessed=5, n_steps=2), X, Y),
    "triplets several": (clone(TAG).set_params(threshold="auto"), X, SEVERAL),
    "triplets weak": (clone(TAG).set_params(unknown_weight=0.1), X, SEVERAL),
    "triplets table": (clone(TAG).set_params(guess_from=0), TABLE, Y),
    "triplets attention": (clone(TAG).set_params(pooling="attention"), X, Y),
    "triplets bfloat16": (clone(TAG).set_params(precision="bfloat16"), X, Y),
}
ignored = pytest.mark.filterwarnings(
    "ignore:.*(anchors (had|found)|collapsed|no class 1|nothing tells what they are)"
)


@ignored
@pytest.mark.parametrize("case", CASES)
def test_a_killed_fit_ends_as_if_nothing_had_happened(case, tmp_path, monkeypatch):
    estimator, clips, y = CASES[case]
    estimator = clone(estimator).set_params(callbacks=[Fuse()])
    plain = clone(estimator).fit(clips, y)
    last = min(4, plain.n_iter_)
    estimator.set_params(checkpoint=tmp_path / "fits")
    for epoch in (2, last):
        kill(estimator, clips, y, epoch, monkeypatch)
    Fuse.n_epochs = 0
    fitted = clone(estimator).fit(clips, y)
    if not case.endswith("several"):  # where thresholds are chosen by further fits
        assert Fuse.n_epochs == 1
    assert_same(fitted, plain, clips)


def test_guesses_of_clips_that_were_not_looked_at_go_on(tmp_path, monkeypatch):
    # of 12 unlabeled clips: the others keep what was guessed of them in another epoch
    monkeypatch.setattr(pseudo_labeling, "MAX_GUESSED", 2)
    strategy = STRATEGIES["pseudo"].set_params(unlabeled_positive__guess_from=0)
    estimator = TripletEmbedder(strategy, callbacks=[Fuse()], **SMALL)
    estimator.set_params(max_epochs=9)
    plain = clone(estimator).fit(X, Y)
    estimator.set_params(checkpoint=tmp_path)
    kill(estimator, X, Y, 5, monkeypatch)
    assert_same(clone(estimator).fit(X, Y), plain, X)


EMBEDDER = TripletEmbedder("s2", callbacks=[Fuse()], **SMALL)
TAGGER = SequenceTagger(n_cells=2, callbacks=[Fuse()], **FAST)


def list_files(folder, pattern="*/*"):
    return sorted(path.name for path in folder.glob(pattern))


def begun(tmp_path, monkeypatch, estimator=EMBEDDER, y=Y):
    """Kill a fit in its third epoch; return it, its folder and what is kept of it."""
    estimator = clone(estimator).set_params(checkpoint=str(tmp_path))
    kill(estimator, X, y, 3, monkeypatch)
    Fuse.n_epochs = 0
    (file,) = tmp_path.glob("*/unfinished.pt")
    return estimator, file


def test_ctrl_c_is_a_kill_like_any_other(tmp_path, monkeypatch):
    estimator = clone(TAGGER).set_params(checkpoint=tmp_path)
    kill(estimator, X, Y, 3, monkeypatch, KeyboardInterrupt)
    Fuse.n_epochs = 0
    fitted = clone(estimator).fit(X, Y)
    assert Fuse.n_epochs == 2
    assert_same(fitted, clone(TAGGER).fit(X, Y), X)


def test_a_finished_fit_is_not_run_again(tmp_path, monkeypatch):
    estimator, _ = begun(tmp_path, monkeypatch)
    first = clone(estimator).fit(X, Y)
    assert list_files(tmp_path) == ["finished.pt", "fit.json"]
    Fuse.n_epochs = 0
    # what changes nothing of what is learned, and another container of the same clips
    again = clone(estimator).set_params(output="clip", verbose=0)
    again.fit([clip.astype(float) for clip in X], Y.tolist())
    assert Fuse.n_epochs == 0
    assert_same(again.set_params(output="frames"), first, X)
    assert list_files(tmp_path) == ["finished.pt", "fit.json"]


def test_a_finished_net_can_go_on(tmp_path):
    estimator = clone(EMBEDDER).set_params(checkpoint=tmp_path).fit(X, Y)
    again = clone(estimator).fit(X, Y)
    plain = clone(EMBEDDER).fit(X, Y).partial_fit(X, Y)
    sentence = "The 'checkpoint' parameter of TripletEmbedder has no effect where an "
    with pytest.warns(UserWarning, match=sentence + "earlier fit goes on. Got "):
        again.partial_fit(X, Y)
    assert_same(again, plain, X)
    assert list_files(tmp_path) == ["finished.pt", "fit.json"]


OTHERS = {
    "lr": ({"lr": 0.01}, X, Y, "lr was 0.001 and is 0.01"),
    "seed": ({"random_state": 1}, X, Y, "random_state was 0 and is 1"),
    "X": ({}, X + np.eye(6, 12, dtype=np.float32), Y, "X holds other values"),
    "y": ({}, X, Y[::-1], "y holds other values"),
    "names": ({}, X, np.where(Y < 0, -1, Y + 1), "y holds other values"),
    "strategy": ({"strategy": "s1"}, X, Y, "strategy was 's2' and is 's1'"),
    "callbacks": (
        {"callbacks": None},
        X,
        Y,
        "callbacks was [test_checkpoint.Fuse()] and is None",
    ),
    "optimizer": (
        {"optimizer": torch.optim.SGD},
        X,
        Y,
        "optimizer was torch.optim.adam.Adam and is torch.optim.sgd.SGD",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_fit_begins_beside_it_and_says_so(name, tmp_path, monkeypatch):
    parameters, clips, y, difference = OTHERS[name]
    estimator, file = begun(tmp_path, monkeypatch)
    kept = file.read_bytes()
    sentence = (
        f"The checkpoint folder {str(tmp_path)!r} holds 1 unfinished fit of "
        "TripletEmbedder, but not this one, which begins at its first epoch. In "
        f"{str(file.parent)!r} {difference}. To go on with that fit, give it what it "
        "was given; else delete that folder."
    )
    changed = clone(estimator).set_params(**parameters)
    with pytest.warns(UserWarning, match=whole(sentence)) as record:
        changed.fit(clips, y)
    assert record[0].filename == __file__
    assert_same(changed, clone(EMBEDDER).set_params(**parameters).fit(clips, y), X)
    assert file.read_bytes() == kept
    assert_same(clone(estimator).fit(X, Y), clone(EMBEDDER).fit(X, Y), X)


def test_a_fit_of_another_process_is_not_warned_of(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    estimator, file = begun(tmp_path, monkeypatch)
    descriptor = os.open(file.parent, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clone(estimator).set_params(lr=0.01).fit(X, Y)
        # nor does it keep anybody from the same fit
        clone(estimator).fit(X, Y)
    os.close(descriptor)


DAMAGES = {
    "cut": lambda data: data[:-100],
    "short": lambda data: data[:10],
    "empty": lambda data: b"",
    "a bit": lambda data: data[:999] + bytes([data[999] ^ 1]) + data[1000:],
    "zeros": lambda data: bytes(len(data)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_named(damage, tmp_path, monkeypatch):
    estimator, file = begun(tmp_path, monkeypatch)
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    sentence = (
        f"The checkpoint {str(file)!r} is damaged: it was cut or altered. Choose "
        f"another folder as checkpoint, or delete {str(file.parent)!r}: then this fit "
        "begins at its first epoch."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        clone(estimator).fit(X, Y)
    shutil.rmtree(file.parent)
    assert_same(clone(estimator).fit(X, Y), clone(EMBEDDER).fit(X, Y), X)


def test_a_file_of_another_fit_is_refused(tmp_path, monkeypatch):
    _, file = begun(tmp_path / "one", monkeypatch)
    other = clone(EMBEDDER).set_params(lr=0.5, checkpoint=tmp_path / "two")
    kill(other, X, Y, 2, monkeypatch)
    (place,) = (tmp_path / "two").glob("*/unfinished.pt")
    shutil.copy(file, place)
    sentence = f"The checkpoint {str(place)!r} is of another fit: lr was 0.001 and is 0"
    with pytest.raises(ValueError, match=f"^{sentence}.5. Set that back, or else: Ch"):
        clone(other).fit(X, Y)


def test_other_versions_are_refused(tmp_path, monkeypatch):
    estimator, file = begun(tmp_path, monkeypatch)
    version = module.importlib.metadata.version
    monkeypatch.setattr(
        module.importlib.metadata,
        "version",
        lambda name: "99.0" if name == "torch" else version(name),
    )
    sentence = (
        rf"^The checkpoint {str(file)!r} is of another fit: torch was \S+ and is 99\.0"
    )
    with pytest.raises(ValueError, match=sentence):
        clone(estimator).fit(X, Y)


def test_newer_formats_are_refused(tmp_path, monkeypatch):
    estimator, _ = begun(tmp_path, monkeypatch)
    monkeypatch.setattr(module, "FORMAT", 0)
    with pytest.raises(ValueError, match="has format 1, and this version of sklearn-"):
        clone(estimator).fit(X, Y)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def test_nothing_in_a_file_is_executed(tmp_path, monkeypatch):
    estimator, file = begun(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    torch.save({"format": 1, "fit": Bomb()}, file)
    content = file.read_bytes()
    file.write_bytes(content + module.hashlib.sha256(content).digest())
    sentence = f"The checkpoint {str(file)!r} is none that sklearn-triplet wrote. Choo"
    with pytest.raises(ValueError, match=f"^{sentence}"):
        clone(estimator).fit(X, Y)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("place", ["write", "fsync", "replace"])
def test_a_full_disk_ends_the_fit_and_not_what_is_kept(place, tmp_path, monkeypatch):
    estimator, file = begun(tmp_path, monkeypatch)
    kept = file.read_bytes()

    def fail(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        if place == "write":
            resource = pytest.importorskip("resource")
            limit = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
        else:
            patch.setattr(module.os, place, fail)
        try:
            with pytest.raises(OSError, match="could not write") as caught:
                clone(estimator).fit(X, Y)
        finally:
            if place == "write":
                resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    reason = "File too large" if place == "write" else "No space left on device"
    assert str(caught.value).endswith(
        f"TripletEmbedder could not write its checkpoint into {str(tmp_path)!r}: "
        f"{reason}. Its state after epoch 2 is still there: with the same folder the "
        "next fit goes on from it. Make room, or choose another folder."
    )
    assert file.read_bytes() == kept
    assert list_files(tmp_path) == ["fit.json", "unfinished.pt"]
    assert_same(clone(estimator).fit(X, Y), clone(EMBEDDER).fit(X, Y), X)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("of the user's")
    sentence = "SequenceTagger could not write its checkpoint into "
    with pytest.raises(OSError, match=sentence + ".*: Not a directory. Nothing of "):
        clone(TAGGER).set_params(checkpoint=tmp_path / "file").fit(X, Y)


@pytest.mark.parametrize("value", [3, True, b"folder"])
def test_what_is_no_folder(value):
    sentence = (
        "The 'checkpoint' parameter of SequenceTagger must be a folder or None. Got "
        f"{value!r} instead."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        clone(TAGGER).set_params(checkpoint=value).fit(X, Y)


def test_what_a_kill_left_half_written_is_tidied_up(tmp_path, monkeypatch):
    estimator, file = begun(tmp_path, monkeypatch)
    (file.parent / "unfinished.pt.0123.tmp").write_bytes(b"half")
    clone(estimator).fit(X, Y)
    assert list_files(tmp_path) == ["finished.pt", "fit.json"]


def test_short_epochs_are_passed_by_but_for_the_first_and_last(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 1e9)
    written = []
    write = module.write_whole
    monkeypatch.setattr(
        module,
        "write_whole",
        lambda path, data: written.append(path.name) or write(path, data),
    )
    estimator = clone(TAGGER).set_params(checkpoint=tmp_path)
    clone(estimator).fit(X, Y)
    assert written == ["fit.json", "unfinished.pt", "unfinished.pt"]
    Fuse.n_epochs = 0
    clone(estimator).fit(X, Y)
    assert Fuse.n_epochs == 0


def test_a_killed_search_goes_on(tmp_path, monkeypatch):
    def make_search():
        return GridSearchCV(
            clone(TAGGER).set_params(checkpoint=tmp_path),
            {"lr": [1e-3, 1e-2], "threshold": [0.5]},
            cv=KFold(2, shuffle=True, random_state=0),
            error_score="raise",
        )

    y = np.arange(24) % 2
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(Fuse, "lit", 3)
        make_search().fit(X, y)
    Fuse.n_epochs = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = make_search().fit(X, y)
    # 2 settings in 2 folds and the best on all clips, but for two epochs of the first
    assert Fuse.n_epochs == 5 * 4 - 2
    Fuse.n_epochs = 0
    again = make_search().fit(X, y)
    assert Fuse.n_epochs == 0
    assert_same(again.best_estimator_, found.best_estimator_, X)
    scores = found.cv_results_["mean_test_score"]
    np.testing.assert_array_equal(again.cv_results_["mean_test_score"], scores)
    assert list_files(tmp_path, "*/finished.pt") == ["finished.pt"] * 5


@pytest.mark.parametrize("seed", [None, "generator"])
def test_fits_without_a_number_as_seed_go_on_too(seed, tmp_path, monkeypatch):
    def make(state):
        estimator = clone(EMBEDDER).set_params(checkpoint=tmp_path)
        return estimator.set_params(random_state=state)

    state = None if seed is None else np.random.RandomState(3)
    kill(make(state), X, Y, 3, monkeypatch)
    Fuse.n_epochs = 0
    fitted = make(None if seed is None else np.random.RandomState(3)).fit(X, Y)
    assert Fuse.n_epochs == 2
    if seed is not None:
        plain = make(np.random.RandomState(3)).set_params(checkpoint=None)
        assert_same(fitted, plain.fit(X, Y), X)


class Counter(Callback):
    """Keeps what a callback of the user's may keep."""

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.steps = {"n": 0, 3: (1.5, None)}
        self.rng = np.random.default_rng(0)
        self.drawn = np.zeros(0)
        self.print = print  # no data: made anew

    def on_batch_end(self, net, training, **kwargs):
        self.steps["n"] += training
        self.drawn = np.append(self.drawn, self.rng.random())
        net.history.record_batch("drawn", self.drawn.sum())


SCHEDULES = {
    "steps": LRScheduler(StepLR, step_size=2, gamma=0.1),
    "batches": LRScheduler(StepLR, step_size=2, gamma=0.9, step_every="batch"),
    "plateau": LRScheduler(ReduceLROnPlateau, monitor="train_loss", patience=0),
    "counter": Counter(),
    "score": EpochScoring(lambda net, X, y: len(net.history) % 3, name="score"),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_callbacks_of_the_users_go_on(name, tmp_path, monkeypatch):
    callback = SCHEDULES[name]
    estimator = clone(TAGGER).set_params(callbacks=[callback, Fuse()])
    plain = clone(estimator).fit(X, Y)
    estimator.set_params(checkpoint=tmp_path)
    kill(estimator, X, Y, 3, monkeypatch)
    fitted = clone(estimator).fit(X, Y)
    assert_same(fitted, plain, X)
    if name == "counter":
        left, right = (dict(e.net_.callbacks_)["Counter"] for e in (fitted, plain))
        assert left.steps == right.steps
        np.testing.assert_array_equal(left.drawn, right.drawn)


class Noting(torch.nn.Conv1d):
    """An encoder that keeps what is no tensor beside its weights."""

    def __init__(self, n_features):
        super().__init__(n_features, 2, 1)

    def get_extra_state(self):
        return print

    def set_extra_state(self, state):
        pass


class Wide(torch.nn.Conv1d):
    width = 1

    def __init__(self, n_features, n_components):
        super().__init__(n_features, n_components, Wide.width, padding="same")


def test_an_encoder_that_cannot_be_written(tmp_path):
    tagger = CRNNTagger(Noting, n_cells=2, **FAST)
    sentence = "CRNNTagger cannot write a checkpoint of its net or history, which holds"
    with pytest.raises(ValueError, match=f"^{sentence}.*Set checkpoint=None"):
        clone(tagger).set_params(checkpoint=tmp_path).fit(X, Y)
    tagger.fit(X, Y)


def test_an_encoder_that_was_rewritten(tmp_path, monkeypatch):
    tagger = CRNNTagger(Wide, n_components=2, n_cells=2, callbacks=[Fuse()], **FAST)
    tagger.set_params(checkpoint=tmp_path)
    kill(tagger, X, Y, 3, monkeypatch)
    monkeypatch.setattr(Wide, "width", 3)
    sentence = r"^The checkpoint '.*' is of another network: .*size mismatch"
    with pytest.raises(ValueError, match=f"(?s){sentence}"):
        tagger.fit(X, Y)


def test_the_folder_is_not_in_a_saved_model(tmp_path):
    tagger = clone(TAGGER).set_params(checkpoint=tmp_path / "fits", callbacks=None)
    tagger.fit(X, Y)
    with pytest.warns(UserWarning, match="SequenceTagger.checkpoint="):
        save_model(tagger, tmp_path / "tagger.model")
    loaded = load_model(tmp_path / "tagger.model")
    assert loaded.checkpoint is None
    np.testing.assert_array_equal(loaded.predict_proba(X), tagger.predict_proba(X))


def test_what_is_kept_can_be_read_by_people(tmp_path):
    clone(TAGGER).set_params(checkpoint=tmp_path).fit(X, Y)
    (file,) = tmp_path.glob("SequenceTagger-*/fit.json")
    told = json.loads(file.read_text())
    assert told["parameters"]["lr"] == "0.001" and "checkpoint" not in told
    assert set(told["versions"]) == set(module.LIBRARIES)
