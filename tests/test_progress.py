"""Bars: silent by default, on stderr when asked, and only for what takes long."""

import numpy as np
import pytest
import soundfile
from sklearn.base import clone

from sklearn_triplet import (
    CRNNTagger,
    LogMel,
    Nearest,
    OtherLabel,
    RandomNegative,
    SameLabel,
    SequenceTagger,
    Strategy,
    TripletEmbedder,
    TripletTagger,
)
from sklearn_triplet._input import progress
from sklearn_triplet.datasets import make_soundscapes, mix_soundscapes

X = np.random.default_rng(0).normal(size=(12, 8, 16)).astype(np.float32)
Y = [0, 1, -1] * 4
STRATEGY = Strategy(SameLabel(), OtherLabel(), Nearest(), RandomNegative())
ESTIMATORS = {
    "embedder": (
        TripletEmbedder(STRATEGY, n_components=4, max_epochs=2),
        ["Scaling", "Neighbours of", "Epoch", "Embedding"],
    ),
    "tagger": (
        SequenceTagger(n_cells=4, max_epochs=2),
        ["Scaling", "Epoch", "Tagging"],
    ),
    "crnn": (
        CRNNTagger(n_components=4, n_cells=4, max_epochs=2),
        ["Scaling", "Epoch", "Tagging"],
    ),
    "triplets": (
        TripletTagger(n_components=4, max_epochs=2, n_steps=2, batch_size=8),
        ["Scaling", "Epoch", "Guessing", "Embedding"],
    ),
}
every = pytest.mark.parametrize("name", ESTIMATORS)


def use(name, **settings):
    fitted = clone(ESTIMATORS[name][0]).set_params(**settings).fit(X, Y)
    (fitted.transform if hasattr(fitted, "transform") else fitted.predict)(X)


@every
def test_silent_by_default(name, capfd, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0)
    use(name)
    assert capfd.readouterr() == ("", "")


@every
def test_a_line_an_epoch_and_a_bar_for_each_stage(name, capfd, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0)
    use(name, verbose=1)
    out, err = capfd.readouterr()
    # a header, a rule and two epochs
    assert len(out.strip().splitlines()) == 4
    for stage in ESTIMATORS[name][1]:
        assert stage in err


@every
def test_short_work_shows_no_bar(name, capfd):
    use(name, verbose=1)
    assert capfd.readouterr().err == ""


def test_features_show_rate_and_time_left(capfd, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0)
    LogMel(verbose=1).transform([np.zeros(44100)] * 3)
    err = capfd.readouterr().err
    assert "LogMel" in err
    assert "3/3" in err
    assert "clip/s" in err


def test_corpora_that_are_made_show_it(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0)
    small = {"n_clips": 2, "duration": 0.5, "event_duration": (0.1, 0.3)}
    make_soundscapes(**small, sample_rate=16_000, random_state=0)
    paths = [tmp_path / f"{name}.wav" for name in "ab"]
    for i, path in enumerate(paths):
        soundfile.write(path, 0.1 * np.sin(np.arange(8000) * (i + 1) / 10), 16_000)
    mix = {**small, "sample_rate": 16_000, "random_state": 0}
    mix_soundscapes(paths, [0, 1], **mix)
    assert capfd.readouterr().err == ""
    make_soundscapes(**small, sample_rate=16_000, random_state=0, verbose=1)
    assert "2/2" in capfd.readouterr().err
    mix_soundscapes(paths, [0, 1], **mix, verbose=1)
    assert "2/2" in capfd.readouterr().err
