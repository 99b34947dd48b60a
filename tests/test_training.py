"""What the estimators share around skorch."""

import numpy as np
import pytest
from helpers import whole
from sklearn.base import clone
from skorch.callbacks import Callback

from sklearn_triplet import CRNNTagger, SequenceTagger, TripletEmbedder
from sklearn_triplet._input.labels import check_labels
from sklearn_triplet._input.random import draw_seeds
from sklearn_triplet._training.estimator import split_clips

X = np.random.default_rng(0).normal(size=(12, 8, 16)).astype(np.float32)
Y = np.arange(12) % 2
ESTIMATORS = [
    TripletEmbedder("s5", n_components=4, max_epochs=3),
    SequenceTagger(n_cells=4, max_epochs=3),
    CRNNTagger(n_components=4, n_cells=4, max_epochs=3),
]
every = pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)


class BreakOff(Callback):
    """Does what Ctrl-C does, in the second epoch."""

    def on_batch_end(self, net, training, **kwargs):
        if training and len(net.history) == 2:
            raise KeyboardInterrupt


class StopAfterAnEpoch(Callback):
    """Stops as skorch's own callbacks do."""

    def on_epoch_end(self, net, **kwargs):
        raise KeyboardInterrupt


@every
def test_ctrl_c_is_not_swallowed(estimator):
    with pytest.raises(KeyboardInterrupt):
        clone(estimator).set_params(callbacks=[BreakOff()]).fit(X, Y)


@every
def test_a_callback_may_stop_the_fit(estimator):
    fitted = clone(estimator).set_params(callbacks=[StopAfterAnEpoch()]).fit(X, Y)
    assert fitted.n_iter_ == 1


@every
def test_silent_unless_asked(estimator, capsys):
    clone(estimator).fit(X, Y)
    assert capsys.readouterr().out == ""
    clone(estimator).set_params(verbose=1).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 3  # a head of two lines and one line per epoch


def test_seeds_come_from_random_state_only():
    assert draw_seeds(3, 4) == draw_seeds(3, 4)
    assert draw_seeds(3, 4) != draw_seeds(4, 4)
    assert len(set(draw_seeds(np.random.RandomState(0), 4))) == 4


@pytest.mark.parametrize("seed", range(5))
def test_split_takes_every_class_in_proportion(seed):
    y = np.repeat([0, 1, 2, -1], [40, 20, 1, 100])
    np.random.default_rng(seed).shuffle(y)
    train, valid = split_clips(check_labels(y, len(y), "Test"), 0.25, seed)
    assert sorted([*train, *valid]) == list(range(len(y)))
    found = {kind: int((y[valid] == kind).sum()) for kind in (0, 1, 2, -1)}
    assert abs(found[0] - 10) <= 1
    assert abs(found[1] - 5) <= 1
    assert abs(found[-1] - 25) <= 1
    assert found[2] == 0  # the only clip of a class trains


def test_split_of_several_labels_goes_by_the_rarest():
    rare = np.arange(40) < 8
    y = np.column_stack([np.ones(40, dtype=int), rare])
    _, valid = split_clips(check_labels(y, 40, "Test"), 0.25, 0)
    assert len(valid) == 10
    assert rare[valid].sum() == 2


CHANGES = {"n_components": 7, "encoder": "dense", "scaling": "common"}


@pytest.mark.parametrize("name", CHANGES)
def test_another_structure_is_no_way_to_go_on(name):
    settings = {"n_components": 4, "max_epochs": 1, "random_state": 0}
    embedder = TripletEmbedder("s5", warm_start=True, **settings).fit(X, Y)
    before = embedder.get_params()[name]
    embedder.set_params(**{name: CHANGES[name]})
    sentence = (
        f"The {name!r} parameter of TripletEmbedder was {before!r} when its network "
        f"was made and is {CHANGES[name]!r} now. Set it back to go on with that "
        "network, or fit a clone to begin anew."
    )
    for method in (embedder.fit, embedder.partial_fit):
        with pytest.raises(ValueError, match=whole(sentence)):
            method(X, Y)
    embedder.set_params(warm_start=False).fit(X, Y)
    assert embedder.n_iter_ == 1


@every
@pytest.mark.parametrize("callbacks", [3, "bar"])
def test_callbacks_that_are_none(estimator, callbacks):
    sentence = (
        f"The 'callbacks' parameter of {type(estimator).__name__} must be a list of "
        f"skorch callbacks or None. Got {callbacks!r} instead."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        clone(estimator).set_params(callbacks=callbacks).fit(X, Y)


@every
def test_clips_as_nested_lists(estimator):
    fitted = clone(estimator).set_params(max_epochs=1, random_state=0)
    lists = [clip[:, : 10 + i % 3].tolist() for i, clip in enumerate(X)]
    arrays = [np.array(clip) for clip in lists]
    method = "transform" if hasattr(fitted, "transform") else "predict_proba"
    expected = getattr(clone(fitted).fit(arrays, Y), method)(arrays)
    found = getattr(fitted.fit(lists, Y), method)(lists)
    np.testing.assert_array_equal(found, expected)
