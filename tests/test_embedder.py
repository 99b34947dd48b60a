"""TripletEmbedder: what flows in and out, chance, stopping, and every refusal."""

import functools
import pickle
import random
import re
import warnings

import joblib
import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sklearn_triplet import ConvEncoder, TripletEmbedder

SMALL = {"n_components": 4, "segment_length": 8, "max_epochs": 2, "batch_size": 8}
RAGGED = (32, 19, 5, 32, 8, 1, 27, 12)
X = np.random.default_rng(0).normal(size=(8, 8, 32)).astype(np.float32)
Y = np.array([0, 0, 1, 1, -1, -1, -1, -1])
CLIPS = [clip[:, :n] for clip, n in zip(X, RAGGED, strict=True)]
PADDED = np.where(np.arange(32) < np.array(RAGGED)[:, None, None], X, np.nan)
TABLE = np.random.default_rng(1).normal(size=(300, 5)).astype(np.float32)
KINDS = {"dense": (X, Y), "ragged": (CLIPS, Y), "table": (TABLE, np.arange(300) % 3)}


def fit(X=X, y=Y, strategy="s2", **settings):
    settings = {"random_state": 0, **SMALL, **settings}
    return TripletEmbedder(strategy, **settings).fit(X, y)


def flatten(module):
    return torch.cat([value.flatten() for value in module.state_dict().values()])


def weights(embedder):
    return flatten(embedder.net_.module_)


# --- shapes


@pytest.mark.parametrize("kind", KINDS)
def test_shapes(kind):
    clips = KINDS[kind][0]
    fitted = fit(*KINDS[kind])
    shape = (300, 4) if kind == "table" else (8, 4, 32)
    assert (fitted.n_features_in_, fitted.n_components_) == (len(clips[0]), 4)
    assert fitted.transform(clips).shape == shape
    assert fitted.transform(clips).dtype == np.float32
    assert fitted.set_params(output="clip").transform(clips).shape == (shape[0], 8)


def test_clip_output_is_mean_and_deviation_over_valid_frames():
    fitted = fit(CLIPS)
    frames = fitted.transform(CLIPS)
    found = fitted.set_params(output="clip").transform(CLIPS)
    expected = [np.nanmean(frames, axis=2), np.nanstd(frames, axis=2)]
    np.testing.assert_allclose(found, np.hstack(expected), rtol=1e-4, atol=1e-6)


def test_padding_does_not_matter():
    fitted, padded = fit(CLIPS), fit(PADDED)
    assert torch.equal(weights(fitted), weights(padded))
    frames = fitted.transform(CLIPS)
    np.testing.assert_array_equal(padded.transform(PADDED), frames)
    for row, clip in zip(frames, CLIPS, strict=True):
        alone = fitted.transform([clip])[0]
        np.testing.assert_array_equal(row[:, : clip.shape[1]], alone)
        assert np.isnan(row[:, clip.shape[1] :]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_permuted_rows_give_permuted_embeddings(kind):
    clips, y = KINDS[kind]
    fitted = fit(clips, y)
    order = np.random.default_rng(0).permutation(len(clips))
    found = fitted.transform([clips[i] for i in order])
    np.testing.assert_array_equal(found, fitted.transform(clips)[order])


def test_names_of_columns():
    fitted = fit(output="clip").set_output(transform="pandas")
    columns = fitted.transform(X).columns.tolist()
    assert columns == [f"tripletembedder{i}" for i in range(8)]
    assert fitted.get_feature_names_out().tolist() == columns
    assert not hasattr(fit(), "get_feature_names_out")


# --- chance


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("strategy", ["s1", "s2", "s3", "s4", "s5", "pseudo"])
def test_the_seed_decides_everything(kind, strategy):
    clips, y = KINDS[kind]
    settings = {"n_triplets": 12, "max_epochs": 1}
    fits = (fit(clips, y, strategy, random_state=s, **settings) for s in (0, 0, 1))
    first, second, other = fits
    assert torch.equal(weights(first), weights(second))
    np.testing.assert_array_equal(first.transform(clips), second.transform(clips))
    assert not torch.equal(weights(first), weights(other))


def global_state():
    seeds = (np.random.get_state()[1].tolist(), random.getstate())  # noqa: NPY002
    modes = (torch.get_num_threads(), torch.is_grad_enabled(), np.geterr())
    return seeds, torch.get_rng_state().tolist(), modes, list(warnings.filters)


@pytest.mark.parametrize("settings", [{}, {"validation_fraction": 0.5, "y": Y * 0}])
def test_global_state_is_left_alone(settings, capsys):
    before = global_state()
    fit(strategy="s1", **settings).transform(X)
    assert global_state() == before
    assert capsys.readouterr() == ("", "")


# --- history, stopping, going on


def test_history():
    history = fit().history_
    assert len(history) == fit().n_iter_ == 2
    names = "active_triplets empty_semi_hard no_negative substituted_positives spread"
    for name in names.split():
        assert all(0 <= value <= 1 for value in history[:, name])
    assert all(1 <= value <= 4 for value in history[:, "effective_rank"])
    assert all(value > 0 for value in history[:, "train_loss"])


class Recorder(Callback):
    """Keeps what it sees outside of itself, since callbacks are cloned."""

    begins, epochs, datasets = [], [], []

    def on_train_begin(self, net, **kwargs):
        self.seen = True
        self.begins.append(flatten(net.module_))

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        self.epochs.append(flatten(net.module_))
        self.datasets.append((dataset_train, dataset_valid))


@pytest.fixture
def recorder():
    for record in (Recorder.begins, Recorder.epochs, Recorder.datasets):
        record.clear()
    return Recorder()


def test_early_stopping_restores_the_best_epoch(recorder):
    y = [0, 1] * 4
    settings = {"lr": 0.1, "max_epochs": 30, "patience": 2, "validation_fraction": 0.5}
    fitted = fit(y=y, callbacks=[recorder], **settings)
    best = int(np.argmin(fitted.history_[:, "valid_loss"]))
    assert fitted.n_iter_ == best + 3 < 30
    assert torch.equal(weights(fitted), recorder.epochs[best])
    first = [clip[0, 0] for clip in X]
    sides = [[c[0, 0] for c in d.segments.clips.arrays] for d in recorder.datasets[0]]
    assert sorted(sides[0] + sides[1]) == sorted(first)  # each clip on one side
    for side in sides:
        assert sorted(y[first.index(value)] for value in side) == [0, 0, 1, 1]


def test_callbacks_are_cloned(recorder):
    assert fit(callbacks=[recorder]).callbacks == [recorder]
    assert len(recorder.epochs) == 2
    assert vars(recorder) == {}


def test_warm_start_goes_on(recorder):
    fitted = fit(warm_start=True, callbacks=[recorder])
    end = weights(fitted)
    assert fitted.fit(X, Y).n_iter_ == 4
    assert torch.equal(recorder.begins[1], end)
    assert not torch.equal(weights(fitted), end)
    assert torch.equal(weights(fitted.set_params(warm_start=False).fit(X, Y)), end)


def test_warm_start_heeds_changed_parameters():
    fitted = fit(strategy="s4", warm_start=True)
    fitted.set_params(max_epochs=3, lr=0.5, margin=2.0).fit(X, Y)
    assert fitted.n_iter_ == 5
    assert fitted.net_.optimizer_.param_groups[0]["lr"] == 0.5
    assert fitted.net_.criterion_.margin == 2.0
    fitted.set_params(strategy="s2").fit(X, Y)  # now there are unlabeled anchors
    assert fitted.n_iter_ == 8


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.9])
def test_a_split_without_triplets_on_either_side_is_refused(fraction):
    few = np.random.default_rng(0).normal(size=(44, 8, 8)).astype(np.float32)
    y = [0, 0, 1, 1] + [-1] * 40
    sentence = (
        "^The 'validation_fraction' parameter .* too few for triplets: strategy 's5' "
    )
    with pytest.raises(ValueError, match=sentence):
        fit(few, y, strategy="s5", validation_fraction=fraction)


def test_pickles_hold_no_training_clips():
    clips = np.random.default_rng(0).normal(size=(40, 8, 800)).astype(np.float32)
    settings = {"segment_length": 400, "max_epochs": 1, "n_triplets": 4}
    fitted = fit(clips, None, validation_fraction=0.2, **settings)
    assert len(pickle.dumps(fitted)) < clips[:8].nbytes


def test_pickle_and_joblib(tmp_path):
    fitted, path = fit(validation_fraction=0.5, y=[0, 1] * 4), tmp_path / "embedder"
    joblib.dump(fitted, path)
    for copied in (pickle.loads(pickle.dumps(fitted)), joblib.load(path)):
        np.testing.assert_array_equal(copied.transform(X), fitted.transform(X))


# --- warnings


def test_class_of_one_clip_works_and_warns_once():
    with pytest.warns(UserWarning, match="no other clip with their label") as record:
        fit(y=[0, 0, 1, 2, -1, -1, -1, -1], max_epochs=3)
    assert [warning.filename for warning in record] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit()


# --- encoders and optimizers


class WithLengths(torch.nn.Conv1d):
    seen = []

    def forward(self, X, lengths):
        self.seen.extend(lengths.tolist())
        return super().forward(X)


@pytest.mark.parametrize("kind", [WithLengths, torch.nn.Conv1d])
def test_encoder_of_ones_own(kind):
    WithLengths.seen.clear()
    fitted = fit(CLIPS, encoder=functools.partial(kind, out_channels=3, kernel_size=1))
    assert fitted.n_components_ == 3
    assert fitted.transform(CLIPS).shape == (8, 3, 32)
    assert ({1, 5, 8} <= set(WithLengths.seen)) == (kind is WithLengths)


def test_users_encoder_is_not_trained():
    own = ConvEncoder(8, 4)
    before = flatten(own)
    fit(encoder=lambda n_features: own)
    assert torch.equal(flatten(own), before)


def test_optimizer_with_settings_and_reduced_precision():
    fitted = fit(optimizer=functools.partial(torch.optim.AdamW, weight_decay=0.1))
    assert fitted.net_.optimizer_.param_groups[0]["weight_decay"] == 0.1
    reduced = fit(precision="bfloat16")
    assert reduced.transform(X).dtype == np.float32
    assert not torch.equal(weights(reduced), weights(fit()))


@pytest.mark.parametrize("has_instructions", [True, False])
def test_automatic_precision(monkeypatch, recwarn, has_instructions):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: has_instructions, raising=False)
    automatic = weights(fit(precision="auto"))
    assert torch.equal(automatic, weights(fit())) != has_instructions
    assert not [w for w in recwarn if "precision" in str(w.message)]
    reduced = fit(precision="bfloat16")
    assert torch.equal(automatic, weights(reduced)) == has_instructions
    told = [str(w.message) for w in recwarn if "precision" in str(w.message)]
    assert bool(told) != has_instructions
    assert all("Choose 'auto', which is 'float32' on this machine." in t for t in told)


# --- what is refused

REFUSED_PARAMETERS = {
    "an integer in [0, inf)": {"max_epochs": -1},
    "an integer in [1, inf)": {"n_components": 0, "segment_length": 1.5, "patience": 0},
    "an integer in [2, inf)": {"batch_size": 1, "n_triplets": 1},
    "a number in [0, 1]": {"labeled_ratio": 1.1},
    "a number in (0, 1)": {"validation_fraction": 1.0},
    "a number in (0, inf)": {"margin": 0, "lr": np.inf},
    "one of ['mean', 'flatten']": {"pooling": "max"},
    "one of ['frames', 'clip']": {"output": None},
    "one of ['auto', 'float32', 'bfloat16']": {"precision": "float16"},
    "one of ['auto', 'conv', 'deep', 'dense'] or a callable": {"encoder": "lstm"},
}


@pytest.mark.parametrize("expected", REFUSED_PARAMETERS)
def test_refused_parameters(expected):
    for name, value in REFUSED_PARAMETERS[expected].items():
        sentence = f"The {name!r} parameter of TripletEmbedder must be {expected}. "
        sentence = re.escape(f"{sentence}Got {value!r} instead.")
        with pytest.raises(ValueError, match=f"^{sentence}$"):
            fit(**{name: value})


def test_refused_shape_of_an_encoder():
    sentence = "The 'encoder' of TripletEmbedder must map (n, n_features, n_frames) to "
    sentence += "(n, n_components, n_frames). It maps (2, 8, 8) to (2, 64)."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        fit(encoder=lambda n_features: torch.nn.Flatten())
