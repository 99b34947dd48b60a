"""benchmarks/speed.py: it runs, and the fast ways have the plain ways' results."""

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sklearn_triplet import SequenceTagger, TripletEmbedder
from sklearn_triplet._training.networks import ConvEncoder

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "speed.py"


@pytest.fixture(name="speed", scope="module")
def load_script():
    spec = importlib.util.spec_from_file_location("speed", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["speed"] = module  # dataclasses look for it there
    spec.loader.exec_module(module)
    return module


def copy_weights(plain, encoder):
    """Give a plain network the weights of ours."""
    layers = iter(zip(encoder.convolutions, encoder.norms, strict=True))
    for i in range(0, len(plain.layers), 4):
        convolution, norm = next(layers)
        plain.layers[i].weight.data = convolution.weight.data
        plain.layers[i].bias.data.zero_()
        plain.layers[i + 1].load_state_dict(norm.state_dict())


def test_table_has_a_row_per_measurement(speed, capsys):
    n_threads = torch.get_num_threads()
    speed.main(["--tiny", "--stage", "mining", "--stage", "nearest"])
    lines = capsys.readouterr().out.splitlines()
    # one peer that everybody has, and others where they are installed
    rows = [line for line in lines if line.startswith("nearest, 60 of 60")]
    assert any("scikit-learn brute" in row for row in rows)
    assert any(line.startswith("mining and loss, 16 anchors") for line in lines)
    assert torch.get_num_threads() == n_threads


def test_unknown_stage_is_refused(speed, capsys):
    with pytest.raises(SystemExit):
        speed.main(["--stage", "nothing"])
    assert "invalid choice: 'nothing'" in capsys.readouterr().err


def test_ratios_are_of_pairs(speed):
    times = iter([-2, -1, 0, 1, 10, 13, 20, 22, 30, 38])
    ours, peer, ratios = speed.take_turns(
        lambda: None, lambda: None, 2, lambda: next(times)
    )
    # the first pair prepares; then 1 against 3, and 2 against 8
    assert (ours, peer) == (1.5, 5.5)
    assert ratios == [3, 4]


def test_one_pass_of_a_batch_is_three_plain_passes(speed):
    """Per segment: pooling first, another layout and one batch change nothing."""
    torch.manual_seed(0)
    encoder, plain = ConvEncoder(64).eval(), speed.PlainEncoder().eval()
    for norm in encoder.norms:
        torch.nn.init.normal_(norm.weight)  # negative ones turn maxima around
        torch.nn.init.normal_(norm.running_mean)
    copy_weights(plain, encoder)
    parts = torch.randn(3, 4, 64, 96)
    with torch.inference_mode():
        once = encoder(parts.flatten(0, 1), torch.full((12,), 96)).mean(dim=2)
        thrice = torch.cat([plain(part) for part in parts])
    torch.testing.assert_close(once, thrice, rtol=1e-4, atol=1e-5)


def test_transform_is_a_plain_forward_pass_clip_by_clip(speed):
    X = np.random.default_rng(0).normal(2, 3, size=(5, 64, 120)).astype(np.float32)
    embedder = TripletEmbedder(
        "s1", n_triplets=4, batch_size=4, max_epochs=1, random_state=0
    ).fit(X)
    plain = speed.PlainEncoder().eval()
    copy_weights(plain, embedder.net_.module_.encoder)
    mean, scale = X.mean(axis=(0, 2)), X.std(axis=(0, 2))
    scaled = torch.from_numpy((X - mean[:, None]) / scale[:, None])
    with torch.no_grad():
        expected = [plain.layers(clip[None, None])[0, :, 0].numpy() for clip in scaled]
    np.testing.assert_allclose(
        embedder.transform(X), np.stack(expected), rtol=1e-3, atol=1e-4
    )


def test_a_tagger_tags_clips_together_as_alone():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, 6, 40)).astype(np.float32)
    tagger = SequenceTagger(max_epochs=1, random_state=0).fit(X, np.arange(12) % 3)
    together = tagger.predict_proba(X)
    alone = np.concatenate([tagger.predict_proba(clip[None]) for clip in X])
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_two_workers_find_what_one_finds(speed):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(16, 64, 96)).astype(np.float32)
    y = np.arange(16) % 2
    search = speed.make_search(1, 4, 8)
    one = clone(search).fit(X, y)
    two = clone(search).set_params(n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(
        one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"]
    )


@pytest.mark.slow
def test_workers_of_a_search_do_not_compete_for_threads(speed):
    """By default, without a word of the user or of ours: joblib divides the cores."""
    X = np.random.default_rng(0).normal(size=(16, 64, 96)).astype(np.float32)
    search = speed.make_search(2, 4, 8).set_params(
        scoring=lambda estimator, X, y: torch.get_num_threads()
    )
    search.fit(X, np.arange(16) % 2)
    cores = max((os.cpu_count() or 1) // 2, 1)
    assert (search.cv_results_["mean_test_score"] <= cores).all()
