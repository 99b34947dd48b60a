"""X larger than memory: a memory map is read in parts, never copied or converted."""

import tracemalloc

import numpy as np
import pytest

from sklearn_triplet import CRNNTagger, SequenceTagger, TripletEmbedder

SMALL = {"segment_length": 20, "max_epochs": 1, "batch_size": 8, "random_state": 0}


def make_map(folder, shape, dtype):
    path = folder / "features.npy"
    features = np.lib.format.open_memmap(path, "w+", dtype, shape)
    rng = np.random.default_rng(0)
    for clip in features:
        clip[:] = rng.normal(size=clip.shape)
    features.flush()
    return np.load(path, mmap_mode="r")


@pytest.mark.parametrize("strategy", ["s2", "s3"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_map_of_any_precision_learns_what_its_values_teach(tmp_path, dtype, strategy):
    X = make_map(tmp_path, (12, 16, 50), dtype)
    y = [-1, 0, 1] * 4
    in_memory = np.array(X, dtype=np.float32)
    expected = TripletEmbedder(strategy, **SMALL).fit(in_memory, y)
    embedder = TripletEmbedder(strategy, **SMALL).fit(X, y)
    np.testing.assert_array_equal(
        embedder.transform(X), expected.transform(in_memory), strict=True
    )


@pytest.mark.parametrize("kind", [SequenceTagger, CRNNTagger])
def test_taggers_read_half_precision(tmp_path, kind):
    X = make_map(tmp_path, (12, 16, 50), np.float16)
    y = [0, 1, -1] * 4
    tagger = kind(max_epochs=1, random_state=0).fit(X, y)
    whole = np.array(X, dtype=np.float32)
    expected = kind(max_epochs=1, random_state=0).fit(whole, y).predict_proba(whole)
    np.testing.assert_array_equal(tagger.predict_proba(X), expected)


@pytest.mark.parametrize("strategy", ["s1", "s3"])
def test_the_memory_of_a_fit_does_not_grow_with_a_map(tmp_path, strategy):
    X = make_map(tmp_path, (4000, 16, 500), np.float16)  # 64 MB, 128 as float32
    y = np.full(4000, -1)
    y[:40] = np.arange(40) % 4
    embedder = TripletEmbedder(strategy, n_triplets=64, max_epochs=1, random_state=0)
    tracemalloc.start()
    try:
        embedder.fit(X, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 32e6


def test_half_precision_that_overflowed_is_told():
    X = np.zeros((3, 4, 30), dtype=np.float16)
    X[1, 2, 7] = np.inf
    with pytest.raises(ValueError, match="Clip 1 .* contains infinity in frame 7"):
        TripletEmbedder("s1").fit(X)


def test_doubles_beyond_single_precision_are_told():
    X = np.zeros((3, 4, 30))
    X[2, 1, 3] = 1e300
    with pytest.raises(ValueError, match="Clip 2 .* contains infinity in frame 3"):
        TripletEmbedder("s1").fit(X)
