"""The README's pipeline from files to tags, on files made here and on real ones."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.pipeline import Pipeline

from sklearn_triplet import LogMel, SequenceTagger, TripletEmbedder
from sklearn_triplet.datasets import load_esc50

ESC10 = Path(__file__).parents[2] / "shared" / "data" / "esc10"
RATE = 8000


def make_pipeline(strategy, mel=None):
    embedder = TripletEmbedder(
        strategy, n_components=8, max_epochs=2, segment_length=32, random_state=0
    )
    tagger = SequenceTagger(n_cells=16, max_epochs=20, lr=0.01, random_state=0)
    mel = mel or LogMel(RATE, n_fft=256, win_length=200, hop_length=80, n_mels=16)
    return Pipeline([("mel", mel), ("emb", embedder), ("clf", tagger)])


@pytest.fixture
def recordings(tmp_path):
    """Files of 0.2 to 0.8 s: a low tone, a high tone or noise, some stereo."""
    rng = np.random.default_rng(0)
    kinds = np.arange(18) % 3
    paths = []
    for i, kind in enumerate(kinds):
        time = np.arange(rng.integers(RATE // 5, RATE * 4 // 5)) / RATE
        noise = rng.normal(size=len(time))
        frequency = (300, 2000)[kind % 2] * rng.uniform(0.8, 1.25)
        sound = noise if kind == 2 else np.sin(2 * np.pi * frequency * time)
        sound = 0.3 * sound + 0.01 * noise
        paths.append(tmp_path / f"clip {i}.wav")
        soundfile.write(paths[-1], np.column_stack([sound] * (1 + i % 2)), RATE)
    return paths, kinds


@pytest.mark.parametrize("strategy", ["s1", "s2", "s3", "s4", "s5", "pseudo"])
@pytest.mark.parametrize("multilabel", [False, True])
def test_files_to_tags(strategy, multilabel, recordings):
    paths, kinds = recordings
    y = np.where(np.arange(18) < 9, kinds, -1)[::-1]
    truth = kinds[::-1]
    if multilabel:
        truth = np.column_stack([truth == 0, truth != 2, truth == 2]).astype(int)
        y = np.where((y == -1)[:, None], -1, truth)
    pipeline = make_pipeline(strategy).fit(paths[::-1], y)
    tags = pipeline.predict(paths[::-1])
    assert tags.shape == truth.shape
    assert (tags == truth).mean() > 0.8
    assert -1 not in tags
    features = pipeline[0].transform(paths)
    assert np.isnan(features).any()  # the clips do differ in length
    alone = pipeline.predict_proba(paths[3:4])
    np.testing.assert_allclose(alone, pipeline.predict_proba(paths)[3:4], atol=1e-5)


def test_an_unreadable_file_is_named_and_then_left_out(recordings):
    paths, kinds = recordings
    expected = make_pipeline("s2").fit(np.delete(paths, 4), np.delete(kinds, 4))
    paths[4].write_text("no sound at all")
    with pytest.raises(ValueError, match="clip 4.wav"):
        make_pipeline("s2").fit(paths, kinds)
    pipeline = make_pipeline("s2").set_params(mel__errors="warn")
    with pytest.warns(UserWarning, match="could not use 1 of 18 clips"):
        pipeline.fit(paths, kinds)
    with pytest.warns(UserWarning, match="leaves out 1 of 18"):
        tags = pipeline.predict(paths)
    assert tags[4] == -1
    # as if the file had never been there
    tags = np.delete(tags, 4).tolist()
    assert tags == expected.predict(np.delete(paths, 4)).tolist()


@pytest.mark.skipif(not ESC10.is_dir(), reason="the ESC-10 recordings are not here")
@pytest.mark.parametrize("strategy", ["s2", "s3"])
def test_real_recordings(strategy):
    corpus = load_esc50(ESC10)
    # the loader reads the folds off the names
    kinds = ["Rain", "Clock tick", "Rooster"]
    rows = np.flatnonzero(np.isin(corpus.target, kinds) & (corpus.fold == 1))
    y = corpus.target[rows].copy()
    y[::2] = -1
    pipeline = make_pipeline(strategy, LogMel(n_mels=16)).fit(corpus.paths[rows], y)
    tags = pipeline.predict(corpus.paths[rows])
    assert set(tags) <= set(kinds)
    assert (tags == corpus.target[rows]).mean() > 0.6


def test_set_output_reaches_every_step(recordings):
    paths, _ = recordings
    mel, embedder = (step for _, step in make_pipeline("s1").steps[:2])
    pipeline = Pipeline([("mel", mel), ("emb", embedder)])
    frames = pipeline.set_output(transform="pandas").fit_transform(paths)
    assert isinstance(frames, np.ndarray)  # three axes fit no table
    embedder.set_params(output="clip")
    clips = pipeline.set_output(transform="pandas").transform(paths)
    assert list(clips.columns[:2]) == ["tripletembedder0", "tripletembedder1"]
