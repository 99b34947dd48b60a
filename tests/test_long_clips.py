"""Clips longer than one pass: pieces give what one pass gives, in bounded memory."""

import ctypes
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from sklearn_triplet import (
    ConvEncoder,
    CRNNTagger,
    DeepConvEncoder,
    SequenceTagger,
    TripletEmbedder,
    TripletTagger,
)

N_FEATURES = 8
LENGTHS = [257, 256, 255, 513, 1000, 1023, 40]  # around a limit of 256 frames
LABELS = [0, 1, 0, 1, 0, -1, 1]
INDICATOR = np.array([[1, 0], [0, 1], [1, 1], [0, 1], [1, 0], [-1, -1], [0, 0]])
# rounding, of numbers around 1
CLOSE = {"rtol": 1e-4, "atol": 2e-5}


def make_clips(lengths=LENGTHS, seed=0):
    rng = np.random.default_rng(seed)
    # a drift, so that mean and deviation of a clip are those of none of its pieces
    return [
        (rng.normal(size=(N_FEATURES, n)) + np.linspace(0, 3, n)).astype(np.float32)
        for n in lengths
    ]


@pytest.fixture(name="in_pieces")
def shorten_pieces(monkeypatch):
    """Encode in pieces of 64 frames what is longer than 256, and count the passes."""
    lengths = []

    def shorten():
        for module in ("_training.encoding", "_taggers"):
            monkeypatch.setattr(f"sklearn_triplet.{module}.ONE_PASS", 256)
        monkeypatch.setattr("sklearn_triplet._training.encoding.PIECE", 64)
        monkeypatch.setattr("sklearn_triplet._training.networks.STEPS", 16)
        encode = torch.nn.Module.__call__

        def counted(module, X, *args, **kwargs):
            if isinstance(module, ConvEncoder | DeepConvEncoder):
                lengths.append(X.shape[2])
            return encode(module, X, *args, **kwargs)

        monkeypatch.setattr(torch.nn.Module, "__call__", counted)
        return lengths

    return shorten


@pytest.mark.parametrize("output", ["frames", "clip"])
@pytest.mark.parametrize("encoder", ["conv", "deep", "dense"])
def test_an_embedding_in_pieces_is_that_of_one_pass(in_pieces, encoder, output):
    X = make_clips()
    embedder = TripletEmbedder(
        "s1", encoder=encoder, output=output, max_epochs=1, random_state=0
    ).fit(X)
    expected = embedder.transform(X)
    passes = in_pieces()
    found = embedder.transform(X)
    np.testing.assert_allclose(found, expected, **CLOSE)
    # no longer than one pass: not a bit is another
    for row in (1, 2, 6):
        np.testing.assert_array_equal(found[row], expected[row])
    if encoder != "dense":
        # pieces of 64 frames, and up to 16 on both sides
        assert max(passes) == 256 and sum(n <= 96 for n in passes) > 30


@pytest.mark.parametrize("y", [LABELS, INDICATOR], ids=["single", "multi"])
@pytest.mark.parametrize("pooling", ["statistics", "attention"])
@pytest.mark.parametrize(
    ("encoder", "frame_pooling"), [("conv", 1), ("deep", 1), ("deep", 3), ("dense", 2)]
)
def test_tags_in_pieces_are_those_of_one_pass(
    in_pieces, encoder, frame_pooling, pooling, y
):
    X = make_clips([n * frame_pooling + 1 for n in LENGTHS])
    tagger = TripletTagger(
        encoder=encoder,
        frame_pooling=frame_pooling,
        pooling=pooling,
        n_components=8,
        max_epochs=1,
        n_steps=2,
        random_state=0,
    ).fit(X, y)
    if pooling == "attention":
        with torch.no_grad():  # weights that differ by e^20 between frames
            tagger.net_.module_.attention.weight.normal_(std=10)
    methods = [tagger.predict_proba, tagger.predict_frames, tagger.transform]
    expected = [method(X) for method in methods]
    pooled = tagger.set_params(output="clip").transform(X)
    in_pieces()
    np.testing.assert_allclose(tagger.transform(X), pooled, rtol=1e-3, atol=1e-4)
    tagger.set_params(output="frames")
    for method, values in zip(methods, expected, strict=True):
        np.testing.assert_allclose(method(X), values, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("y", [LABELS, INDICATOR], ids=["single", "multi"])
@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize(
    ("encoder", "frame_pooling"), [(None, 4), ("conv", 5), ("deep", 3), ("deep", 8)]
)
def test_recurrent_layers_in_pieces_are_those_of_one_pass(
    in_pieces, encoder, frame_pooling, n_layers, y
):
    X = make_clips()
    tagger = SequenceTagger(
        encoder,
        n_components=8 if encoder else 64,
        n_cells=8,
        n_layers=n_layers,
        frame_pooling=frame_pooling,
        max_epochs=1,
        random_state=0,
    ).fit(X, y)
    with torch.no_grad():
        # gates that keep what they hold: the first frame decides over the last
        for name, value in tagger.net_.module_.head.gru.named_parameters():
            if name.startswith("bias"):
                value[8:16] += 2
    state = torch.get_rng_state()
    expected = tagger.predict_proba(X), tagger.predict_frames(X)
    in_pieces()
    np.testing.assert_allclose(tagger.predict_proba(X), expected[0], **CLOSE)
    np.testing.assert_allclose(tagger.predict_frames(X), expected[1], **CLOSE)
    assert torch.equal(torch.get_rng_state(), state)


def test_long_clips_do_not_change_their_neighbours(in_pieces):
    X = make_clips()
    tagger = CRNNTagger(n_components=8, n_cells=8, max_epochs=1, random_state=0)
    tagger.fit(X, LABELS)
    in_pieces()
    short = [clip for clip in X if clip.shape[1] <= 256]
    alone = tagger.predict_frames(short)
    np.testing.assert_array_equal(tagger.predict_frames(X)[[1, 2, 6], :, :256], alone)


@pytest.mark.parametrize("kind", [SequenceTagger, TripletTagger, TripletEmbedder])
def test_rows_of_a_table_are_not_cut(in_pieces, kind):
    X = np.random.default_rng(0).normal(size=(400, 5))
    y = np.arange(400) % 2
    fitted = kind(max_epochs=1, random_state=0).fit(X, y)
    apply = getattr(fitted, "predict_proba", None) or fitted.transform
    expected = apply(X)
    in_pieces()
    np.testing.assert_array_equal(apply(X), expected)


class Recurrent(ConvEncoder):
    """Looks at the whole clip, whatever its parent says of itself."""

    def __init__(self, n_features):
        super().__init__(n_features, 8)
        self.gru = torch.nn.GRU(8, 8, batch_first=True)

    def forward(self, X, lengths):
        hidden, _ = self.gru(super().forward(X, lengths).transpose(1, 2))
        return hidden.transpose(1, 2)


class Lagging(torch.nn.Module):
    """Takes from each frame the one that lies five frames before."""

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(1))

    def forward(self, X):
        return self.gain * torch.nn.functional.pad(X, (5, 0))[:, :, : X.shape[2]]


@pytest.mark.parametrize(
    ("encoder", "stated", "n_parts"),
    [
        (Recurrent, {}, 1),
        (Lagging, {}, 1),
        (Lagging, {"context_frames": 5}, 16),
        (Lagging, {"context_frames": 5, "frame_stride": 7}, 16),
    ],
)
def test_an_encoder_of_the_users(in_pieces, monkeypatch, encoder, stated, n_parts):
    X = make_clips([1000, 40])

    def build(n_features):
        module = encoder(n_features) if encoder is Recurrent else encoder()
        vars(module).update(stated)
        return module

    embedder = TripletEmbedder("s1", encoder=build, max_epochs=0, random_state=0)
    expected = embedder.fit(X).transform(X)
    in_pieces()
    shapes = []
    forward = encoder.forward

    def counted(module, *args):
        shapes.append(args[0].shape[2])
        return forward(module, *args)

    monkeypatch.setattr(encoder, "forward", counted)
    np.testing.assert_allclose(embedder.transform(X), expected, **CLOSE)
    assert len(shapes) == n_parts + 1


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"context_frames": -1}, "'context_frames' of the encoder Lagging must be an "),
        ({"context_frames": 2.5}, "integer of at least 0, in frames. Got 2.5 instead"),
        ({"context_frames": 2, "frame_stride": 0}, "'frame_stride' of the encoder"),
    ],
)
def test_what_an_encoder_must_not_say_of_itself(stated, message):
    def build(n_features):
        module = Lagging()
        vars(module).update(stated)
        return module

    embedder = TripletEmbedder("s1", encoder=build, max_epochs=0, random_state=0)
    embedder.fit(make_clips([100, 100]))
    with pytest.raises(ValueError, match=message):
        embedder.transform(make_clips([9000]))


# --- memory


def resident():
    """Memory of this process that no file backs, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1e3
    return None


def measure_peak(act):
    """Return how far memory rose above the start while something was done, in MB."""
    # what was freed before is given back first, or it would hide what is taken now
    ctypes.CDLL(None).malloc_trim(0)
    start, peaks, done = resident(), [0.0], threading.Event()

    def watch():
        while not done.is_set():
            peaks.append(resident() - start)
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result = act()
    finally:
        done.set()
        watcher.join()
    return max(peaks), result


LINUX = pytest.mark.skipif(
    not Path("/proc/self/status").exists() or resident() is None,
    reason="memory is read from /proc",
)


def make_map(folder, n_frames):
    path = folder / "hours.npy"
    features = np.lib.format.open_memmap(path, "w+", "float32", (1, 64, n_frames))
    rng = np.random.default_rng(0)
    for band in features[0]:
        band[:] = rng.normal(size=n_frames)
    features.flush()
    return np.load(path, mmap_mode="r")


@LINUX
def test_the_memory_of_a_long_clip(tmp_path, monkeypatch):
    X = make_map(tmp_path, 100_000)
    y = [0, 1, 0, 1]
    short = [X[0, :, 200 * i : 200 * (i + 1)] for i in range(4)]
    settings = {"max_epochs": 1, "n_components": 8, "random_state": 0}
    embedder = TripletEmbedder("s1", output="clip", **settings).fit(short)
    tagger = TripletTagger(n_steps=2, **settings).fit(short, y)
    crnn = CRNNTagger(n_cells=8, **settings).fit(short, y)
    for act in (
        embedder.transform,
        tagger.predict_proba,
        tagger.predict_frames,
        crnn.predict_frames,
    ):
        act(short)  # what is made once
        peak, result = measure_peak(lambda act=act: act(X))
        assert peak < result.nbytes / 1e6 + 200, act
    # and in one pass that is not enough
    monkeypatch.setattr("sklearn_triplet._training.encoding.ONE_PASS", 10**9)
    assert measure_peak(lambda: embedder.transform(X))[0] > 300


@LINUX
def test_the_memory_of_looking_at_a_long_clip(tmp_path):
    X = make_map(tmp_path, 1_000_000)  # 256 MB, and a mask of 64 MB
    embedder = TripletEmbedder("s1", max_epochs=0, random_state=0)
    peak, _ = measure_peak(lambda: embedder.fit([X[0], X[0]]))
    assert peak < 150
    mean = np.mean([band.mean(dtype=float) for band in X[0]])
    assert embedder.scaler_.mean.mean() == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize(
    ("hole", "message"),
    [
        ({"frame": 40_000, "value": np.nan}, "contains NaN in frame 40000"),
        ({"frame": 70_000, "value": np.inf}, "contains infinity in frame 70000"),
    ],
)
def test_holes_of_a_long_clip(hole, message):
    X = np.zeros((2, 4, 100_000), np.float32)
    X[0, 1, hole["frame"]] = hole["value"]
    with pytest.raises(ValueError, match=message):
        TripletEmbedder("s1", max_epochs=0).fit(X)


def test_padding_of_a_long_clip():
    X = np.random.default_rng(0).normal(size=(2, 4, 100_000)).astype(np.float32)
    X[0, :, 30_001:] = np.nan
    embedder = TripletEmbedder("s1", max_epochs=0, random_state=0).fit(X)
    frames = embedder.transform(X)
    assert np.isfinite(frames[0]).all(axis=0).sum() == 30_001
    broken = X.copy()
    broken[0, :, 99_000] = 0  # frames of only NaN before it are no padding
    with pytest.raises(ValueError, match="contains NaN in frame 30001"):
        embedder.transform(broken)
