"""How fast the library is, beside its peers in the same run: `make bench`.

    python benchmarks/speed.py --data ESC-10
    python benchmarks/speed.py --quick
    python benchmarks/speed.py --stage mining --stage nearest
    python benchmarks/speed.py --stage step --device cuda

Ours and the peer take turns; the ratio is the median of the pairs, with the least and
the greatest behind it. Without ``--data`` (a folder of ESC-10) recordings are made up.
What runs on one thread is timed by the processor's clock, which other programs slow
down less than that of the wall; what runs in several processes, or on a GPU, by the
wall's. Peers that are not installed are named and left out
(``pip install "sklearn-triplet[bench]"``).

The *limit* is what no program on this machine could exceed, for the work of the stage:
products of matrices as fast as the largest one here, decoding alone, or a forward pass
of the encoder alone. Goals are those of the project, not of the peers.

Nothing is timed in tests. That the fast way has the plain way's result is tested:

=============  ===================================================================
stage          tests
=============  ===================================================================
step           ``test_speed.py``: one encoding of a batch equals three passes;
               ``test_training.py``
mining         ``test_negatives.py``, ``test_triplet_loss.py``: triplet by triplet
nearest        ``test_neighbors.py``: all pairs in double precision
log-mel        ``test_features.py``: librosa
transform      ``test_speed.py``: a plain forward pass, clip by clip
tagger         ``test_speed.py``: a plain forward pass; ``test_tagger.py``
search         ``test_speed.py``: two workers find what one finds
memory         the same program, started twice
=============  ===================================================================
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import librosa
import numpy as np
import soundfile
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_triplet import (
    STRATEGIES,
    LabeledOnly,
    LogMel,
    SegmentedClips,
    SequenceTagger,
    TripletEmbedder,
)
from sklearn_triplet._sampling.neighbors import find_nearest
from sklearn_triplet._training.networks import multiplies_bfloat16
from sklearn_triplet._training.triplet_loss import TripletLoss, TripletNetwork

N_MELS, SEGMENT = 64, 96
# multiplications and additions of the paper's encoder, per segment and pass
ENCODER = 2 * 9 * SEGMENT * 64 * (64 + 16 * 64 + 4 * 64)
MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "4294967296"}


@dataclasses.dataclass
class Row:
    """A line of the table; times in seconds."""

    stage: str
    ours: float
    peer: float | None
    ratios: list[float]
    peer_name: str
    limit: str
    goal: str
    least: float | None = None  # the ratio that meets the goal

    def __str__(self) -> str:
        peer = "-" if self.peer is None else format_seconds(self.peer)
        ratio, verdict = "-", ""
        if self.ratios:
            low, high = min(self.ratios), max(self.ratios)
            median = float(np.median(self.ratios))
            ratio = f"{median:.2f} ({low:.2f}-{high:.2f})"
            if self.least is not None:
                verdict = "met" if median >= self.least else "missed"
        return (
            f"{self.stage:38}{format_seconds(self.ours):>10}{peer:>10}  {ratio:22}"
            f"{self.peer_name:34}{self.limit:40}{self.goal:16}{verdict}"
        )


def format_seconds(seconds: float) -> str:
    if seconds < 0.1:
        return f"{1000 * seconds:.2f} ms"
    return f"{seconds:.2f} s"


def take_turns(
    ours: Callable[[], object],
    peer: Callable[[], object] | None,
    n_pairs: int,
    clock: Callable[[], float] = time.process_time,
) -> tuple[float, float | None, list[float]]:
    """Time both in turn; return medians, and the peer's time over ours of each pair."""
    seconds: dict[str, list[float]] = {"ours": [], "peer": []}
    # the first call of each prepares: imports, caches, pages of memory
    for turn in range(n_pairs + 1):
        for name, call in (("ours", ours), ("peer", peer)):
            if call is None:
                continue
            begin = clock()
            call()
            if turn or n_pairs == 1:
                seconds[name].append(clock() - begin)
        if n_pairs == 1:
            break
    if peer is None:
        return float(np.median(seconds["ours"])), None, []
    pairs = zip(seconds["ours"], seconds["peer"], strict=True)
    ratios = [b / a for a, b in pairs]
    return *(float(np.median(seconds[name])) for name in ("ours", "peer")), ratios


def measure_ceiling(dtype: torch.dtype, device: str = "cpu", n: int = 2048) -> float:
    """Return the multiplications and additions per second of a matrix product."""
    a = torch.randn(n, n, device=device).to(dtype)
    seconds = []
    for _ in range(4):
        wait(device)
        begin = time.process_time() if device == "cpu" else time.perf_counter()
        a @ a.T
        wait(device)
        end = time.process_time() if device == "cpu" else time.perf_counter()
        seconds.append(end - begin)
    return 2 * n**3 / min(seconds)


def measure_bandwidth() -> float:
    """Return the bytes per second of a copy, read and written."""
    source = torch.ones(2**25)
    target = torch.zeros_like(source)
    seconds = []
    for _ in range(4):
        begin = time.process_time()
        target.copy_(source)
        seconds.append(time.process_time() - begin)
    return 8 * len(source) / min(seconds)


def wait(device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()


# --- what is worked on


class Corpus:
    """Recordings, their log-mels, and mixtures of these where more are needed."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.folder = tempfile.TemporaryDirectory()
        if options.data:
            found = sorted(Path(options.data).rglob("*.ogg"))
            found += sorted(Path(options.data).rglob("*.wav"))
            self.paths = [str(path) for path in found]
        else:
            self.paths = list(self._make_up(8 if options.tiny else 40))
        if not self.paths:
            raise SystemExit(f"No .ogg or .wav in {options.data!r}: check --data.")
        n = 8 if options.tiny else 40 if options.quick else 400
        self.paths = self.paths[:: max(len(self.paths) // n, 1)][:n]
        self._features: np.ndarray | None = None

    def _make_up(self, n: int) -> Iterator[str]:
        rng = np.random.default_rng(0)
        for i in range(n):
            t = np.arange(5 * 44100) / 44100
            swell = 0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.2, 4) * t)
            tone = np.sin(2 * np.pi * rng.uniform(200, 4000) * t)
            noise = rng.normal(size=len(t))
            waveform = 0.1 * swell * (tone + rng.uniform(0, 1) * noise)
            path = f"{self.folder.name}/{i}.ogg"
            soundfile.write(path, waveform, 44100)
            yield path

    @property
    def features(self) -> np.ndarray:
        """Log-mels of the recordings, (n_clips, 64, 480)."""
        if self._features is None:
            X = LogMel().fit_transform(self.paths)[:, :, :480]
            self._features = np.where(np.isnan(X), np.float32(np.log(1e-4)), X)
        return self._features

    def mix(self, n_clips: int, n_frames: int = 960, seed: int = 0) -> np.ndarray:
        """Mix clips of two recordings each, at random loudness and times."""
        rng, base = np.random.default_rng(seed), self.features
        X = np.empty((n_clips, N_MELS, n_frames), dtype=np.float32)
        for clip in X:
            energy = np.full(clip.shape, 1e-4)
            for i in rng.integers(len(base), size=2):
                frames = (rng.integers(480) + np.arange(n_frames)) % 480
                energy += rng.lognormal() * np.exp(base[i][:, frames])
            clip[:] = np.log(energy)
        return X

    def label(self, n_labeled: float = 0.25) -> np.ndarray:
        """Return ten classes, most of them hidden."""
        rng = np.random.default_rng(0)
        y = np.arange(len(self.features)) * 10 // len(self.features)
        return np.where(rng.random(len(y)) < n_labeled, y, -1)


# --- the stages


class PlainEncoder(nn.Module):
    """The paper's network as the paper writes it: pooling last."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_inputs in (1, 64, 64):
            layers += [
                nn.Conv2d(n_inputs, 64, 3, padding=1),
                nn.BatchNorm2d(64),
                nn.ReLU(),
                nn.MaxPool2d((4, 1)),
            ]
        self.layers = nn.Sequential(*layers)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return a vector per segment."""
        return self.layers(X[:, None])[:, :, 0].mean(dim=2)


def train_plainly(X: np.ndarray, n_steps: int, batch_size: int, device: str) -> None:
    """Encode anchors, noisy copies and random others, in float32."""
    rng, encoder = np.random.default_rng(0), PlainEncoder().to(device)
    optimizer = torch.optim.Adam(encoder.parameters())
    n = len(X) * (X.shape[2] // SEGMENT)
    segments = X[:, :, : X.shape[2] // SEGMENT * SEGMENT]
    segments = segments.reshape(len(X), N_MELS, -1, SEGMENT).transpose(0, 2, 1, 3)
    segments = segments.reshape(n, N_MELS, SEGMENT)
    segments = (segments - segments.mean()) / segments.std()
    for _ in range(n_steps):
        parts = [segments[rng.integers(n, size=batch_size)] for _ in range(2)]
        parts.insert(1, parts[0] + rng.normal(0, 0.5, parts[0].shape))
        tensors = [torch.from_numpy(p.astype(np.float32)).to(device) for p in parts]
        anchors, positives, negatives = map(encoder, tensors)
        near = (anchors - positives).square().sum(dim=1)
        far = (anchors - negatives).square().sum(dim=1)
        optimizer.zero_grad()
        (near - far + 1).relu().mean().backward()
        optimizer.step()
    wait(device)


def time_step(corpus: Corpus, options: argparse.Namespace) -> Iterator[Row]:
    """Time whole fits of one epoch, scaling and drawing included."""
    size, device = (8, options.device) if options.tiny else (64, options.device)
    n_steps = 1 if options.tiny else 2 if options.quick else 8
    if device != "cpu":
        n_steps = -(-31560 // size)  # an epoch of the paper's size
    clock = time.process_time if device == "cpu" else time.perf_counter
    X, y = corpus.features, corpus.label()
    for precision, least in (("bfloat16", 10.0), ("float32", 5.0)):
        if precision == "bfloat16" and not multiplies_bfloat16(torch.device(device)):
            print(f"step, bfloat16: no instructions for it on {device!r} here")
            continue
        embedder = TripletEmbedder(
            n_triplets=size * n_steps,
            batch_size=size,
            max_epochs=1,
            precision=precision,
            device=device,
            random_state=0,
        )

        def fit(embedder: TripletEmbedder = embedder) -> None:
            embedder.fit(X, y)
            wait(device)

        ours, peer, ratios = take_turns(
            fit,
            lambda: train_plainly(X, n_steps, size, device),
            options.n_pairs,
            clock,
        )
        n = size * n_steps
        dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        # forward once, backward twice as much, anchors and positives
        limit = measure_ceiling(dtype, device) / (3 * 2 * ENCODER)
        yield Row(
            f"step, {precision}, {size} triplets",
            ours / n_steps,
            None if peer is None else peer / n_steps,
            ratios,
            "three float32 passes per triplet",
            f"{n / ours:.0f} of {limit:.0f} triplets/s (products)",
            f">= {least:.0f} x",
            least,
        )


def describe_batch(n: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return embeddings of n anchors and positives, and what is known of them."""
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(2 * n, 64, generator=generator)
    clips = torch.arange(n).repeat(2)
    # nothing is labeled: semi-hard negatives throughout, as PML is asked for
    labeled = torch.zeros(2 * n, dtype=torch.bool)
    described = {
        "clips": clips,
        "segments": torch.arange(2 * n),
        "present": torch.zeros(2 * n, 10),
        "unknown": torch.ones(2 * n, 10),
        "labeled": labeled,
        "substituted": labeled,
        "noise": torch.rand(2 * n, n, generator=generator),
    }
    return embeddings, described


def mine_by_pml(embeddings: torch.Tensor) -> None:
    """Do the same by pytorch-metric-learning: anchors against the whole batch."""
    from pytorch_metric_learning.losses import TripletMarginLoss
    from pytorch_metric_learning.miners import TripletMarginMiner

    n = len(embeddings) // 2
    anchors, labels = embeddings[:n], torch.arange(n).repeat(2)
    others = {"ref_emb": embeddings, "ref_labels": labels}
    miner = TripletMarginMiner(margin=1.0, type_of_triplets="semihard")
    found = miner(anchors, labels[:n], **others)
    TripletMarginLoss(margin=1.0)(anchors, labels[:n], found, **others).backward()


def time_mining(corpus: Corpus, options: argparse.Namespace) -> Iterator[Row]:
    """Choose negatives; loss and gradient of the embeddings."""
    has_peer = importlib.util.find_spec("pytorch_metric_learning") is not None
    if not has_peer:
        print("pytorch-metric-learning is not installed: mining has no peer")
    net = TripletNetwork(nn.Identity(), "mean", False, "float32", STRATEGIES["s1"])
    criterion = TripletLoss(1.0)
    ceiling = max(map(measure_ceiling, (torch.bfloat16, torch.float32)))
    sizes = [16] if options.tiny else [64, 128, 256, 512, 1024]
    for n in sizes:
        embeddings, described = describe_batch(n)
        embeddings.requires_grad_()

        def mine(
            embeddings: torch.Tensor = embeddings,
            described: dict[str, torch.Tensor] = described,
        ) -> None:
            criterion(net.mine(embeddings, described)).backward()

        # it holds n x 2n x 2n booleans several times
        asked = has_peer and n <= 512
        peer = functools.partial(mine_by_pml, embeddings) if asked else None
        n_pairs = 1 if n > 256 and options.quick else options.n_pairs
        ours, theirs, ratios = take_turns(mine, peer, n_pairs)
        # at the best that a step could be: its encodings at the ceiling
        step = n * 3 * 2 * ENCODER / ceiling
        yield Row(
            f"mining and loss, {n} anchors",
            ours,
            theirs,
            ratios,
            "PML semihard" if peer else f"PML: {16 * n**3 / 1e9:.0f} GB, or missing",
            f"{ours / step:.1%} of a step at its limit",
            ">= 20 x, < 3 %" if n >= 128 else "< 3 %",
            20.0 if n >= 128 else None,
        )


def search_by_faiss(X: np.ndarray, anchors: np.ndarray) -> object:
    """Index all and search some; the first found is the segment itself."""
    import faiss

    faiss.omp_set_num_threads(torch.get_num_threads())
    index = faiss.IndexFlatL2(X.shape[1])
    index.add(X)
    return index.search(X[anchors], 2)


def time_nearest(corpus: Corpus, options: argparse.Namespace) -> Iterator[Row]:
    """Find neighbours of segments of 64 x 96; the peers get these as a matrix."""
    has_faiss = importlib.util.find_spec("faiss") is not None
    if not has_faiss:
        print("faiss is not installed: the nearest have one peer less")
    sizes = [(60, 60)] if options.tiny else [(4000, 1000), (8000, 1000), (16000, 1000)]
    if not options.quick and not options.tiny:
        sizes += [(4000, 4000), (8000, 8000), (16000, 16000)]
    sizes = [(n, m) for n, m in sizes if n <= options.most]
    for n, n_anchors in sizes:
        segments = SegmentedClips.from_arrays(corpus.mix(-(-n // 10)))
        n = len(segments)
        rng = np.random.default_rng(0)
        anchors = np.sort(rng.permutation(n)[:n_anchors])
        X = segments.take(np.arange(n)[:, None]).X.reshape(n, -1)
        peers: dict[str, Callable[[], object]] = {}
        if has_faiss:
            search = functools.partial(search_by_faiss, X, anchors)
            peers["faiss IndexFlatL2"] = search
        if n_anchors == 1000 or options.tiny:
            brute = NearestNeighbors(n_neighbors=2, algorithm="brute").fit(X)
            peers["scikit-learn brute"] = functools.partial(
                brute.kneighbors, X[anchors]
            )
        floor = 2 * n * len(anchors) * X.shape[1] / measure_ceiling(torch.float32)
        for name, peer in peers.items():
            ours, theirs, ratios = take_turns(
                functools.partial(find_nearest, segments, anchors, 1),
                peer,
                1 if n_anchors > 4000 else min(options.n_pairs, 3),
            )
            goal = ">= 3 x" if "faiss" in name else "-"
            yield Row(
                f"nearest, {len(anchors)} of {n}",
                ours,
                theirs,
                ratios,
                name,
                f"{format_seconds(floor)}: one float32 product of all",
                goal,
                3.0 if "faiss" in name else None,
            )


def time_log_mel(corpus: Corpus, options: argparse.Namespace) -> Iterator[Row]:
    """Compute log-mels, of decoded sound and of files."""
    paths = corpus.paths[: 4 if options.tiny else 40]
    settings = {"n_fft": 2048, "win_length": 1102, "hop_length": 441, "n_mels": 64}
    waveforms = [librosa.load(path, sr=44100)[0] for path in paths]

    def compute_plainly(sounds: list[np.ndarray] = waveforms) -> None:
        for sound in sounds:
            energies = librosa.feature.melspectrogram(y=sound, sr=44100, **settings)
            np.log(energies + 1e-4)

    def load_and_compute() -> None:
        compute_plainly([librosa.load(path, sr=44100)[0] for path in paths])

    def decode() -> None:
        for path in paths:
            soundfile.read(path, dtype="float32")

    goal = ">= 2 x", 2.0
    decoding, _, _ = take_turns(decode, None, options.n_pairs)
    for name, ours, peer in (
        ("waveforms", lambda: LogMel(44100).transform(waveforms), compute_plainly),
        ("recordings", lambda: LogMel(44100).transform(paths), load_and_compute),
    ):
        a, b, ratios = take_turns(ours, peer, options.n_pairs)
        limit = f"{format_seconds(decoding)}: decoding alone"
        if name == "recordings":
            limit += f", {a / decoding:.2f} x"
        stage = f"log-mel, {len(paths)} {name}"
        yield Row(stage, a, b, ratios, "librosa", limit, *goal)
    a, b, ratios = take_turns(
        lambda: LogMel(44100, n_jobs=2).transform(paths),
        lambda: LogMel(44100).transform(paths),
        options.n_pairs,
        time.perf_counter,
    )
    limit = f"2 x on {os.cpu_count()} cores, {os.getloadavg()[0]:.1f} busy"
    yield Row("log-mel, n_jobs=2", a, b, ratios, "n_jobs=1", limit, ">= 1.8 x", 1.8)


def time_transform(corpus: Corpus, options: argparse.Namespace) -> Iterator[Row]:
    """Embed clips by a fitted net."""
    X = corpus.features[: 4 if options.tiny else 20]
    embedder = TripletEmbedder(
        n_triplets=2, batch_size=2, max_epochs=1, random_state=0, strategy="s1"
    ).fit(X)
    plain = PlainEncoder().layers.eval()
    scaled = torch.from_numpy((X - X.mean()) / X.std())

    def embed_plainly() -> None:
        with torch.no_grad():
            for clip in scaled:
                plain(clip[None, None])

    ours, peer, ratios = take_turns(
        lambda: embedder.transform(X), embed_plainly, options.n_pairs
    )
    flops = len(X) * X.shape[2] / SEGMENT * ENCODER
    limit = flops / measure_ceiling(torch.float32)
    yield Row(
        f"transform, {len(X)} clips",
        ours,
        peer,
        ratios,
        "plain float32, clip by clip",
        f"{format_seconds(limit)}: float32 products",
        ">= 2 x",
        2.0,
    )


class PlainTagger(nn.Module):
    """Two bidirectional GRU layers over all frames, as the paper has them."""

    def __init__(self, n_classes: int = 10) -> None:
        super().__init__()
        self.gru = nn.GRU(N_MELS, 64, 2, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(128, n_classes)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return probabilities of classes."""
        return self.linear(self.gru(X.transpose(1, 2))[0]).mean(dim=1).softmax(dim=1)


def time_tagger(corpus: Corpus, options: argparse.Namespace) -> Iterator[Row]:
    """Fit taggers on log-mels."""
    X = corpus.features[: 8 if options.tiny else 40]
    y = np.arange(len(X)) % 4
    n_epochs = 1 if options.tiny else 2
    scaled = (X - X.mean()) / X.std()
    tagger = SequenceTagger(max_epochs=n_epochs, random_state=0)

    def fit_plainly() -> None:
        NeuralNetClassifier(
            PlainTagger,
            max_epochs=n_epochs,
            batch_size=16,
            optimizer=torch.optim.Adam,
            lr=1e-3,
            train_split=None,
            verbose=0,
        ).fit(scaled, y)

    ours, peer, ratios = take_turns(
        lambda: tagger.fit(X, y), fit_plainly, options.n_pairs
    )
    yield Row(
        f"tagger, {n_epochs} epochs of {len(X)} clips",
        ours,
        peer,
        ratios,
        "skorch NeuralNetClassifier",
        "-",
        ">= 2 x",
        2.0,
    )


def make_search(n_jobs: int, batch_size: int, n_triplets: int) -> GridSearchCV:
    embedder = TripletEmbedder(
        "s2",
        n_triplets=n_triplets,
        batch_size=batch_size,
        max_epochs=1,
        output="clip",
        random_state=0,
    )
    pipeline = make_pipeline(embedder, LabeledOnly(LogisticRegression(max_iter=50)))
    grid = {"tripletembedder__margin": [0.5, 1.0]}
    return GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs, refit=False)


def time_search(corpus: Corpus, options: argparse.Namespace) -> Iterator[Row]:
    """Search two settings on two folds, by one worker and by two."""
    X = corpus.features[: 8 if options.tiny else 40]
    y = np.arange(len(X)) % 2
    size, n = (2, 4) if options.tiny else (32, 64 if options.quick else 256)
    # workers are started before
    make_search(2, 2, 2).fit(X[:8], y[:8])
    ours, peer, ratios = take_turns(
        lambda: make_search(2, size, n).fit(X, y),
        lambda: make_search(1, size, n).fit(X, y),
        1 if options.quick else min(options.n_pairs, 3),
        time.perf_counter,
    )
    limit = f"2 x on {os.cpu_count()} cores, {os.getloadavg()[0]:.1f} busy"
    yield Row(
        "GridSearchCV, n_jobs=2", ours, peer, ratios, "n_jobs=1", limit, ">= 1.7 x", 1.7
    )


def time_memory(corpus: Corpus, options: argparse.Namespace) -> Iterator[Row]:
    """Run the same fit in two programs, one of which keeps its memory."""
    program = (
        "import sys, time, numpy as np, torch\n"
        "from sklearn_triplet import TripletEmbedder\n"
        "torch.set_num_threads(1)\n"
        "n, size = map(int, sys.argv[1:])\n"
        "X = np.random.default_rng(0).normal(size=(20, 64, 480)).astype('float32')\n"
        "settings = dict(max_epochs=1, batch_size=size, random_state=0)\n"
        "embedder = TripletEmbedder('s1', n_triplets=n, **settings)\n"
        "begin = time.process_time()\n"
        "embedder.fit(X)\n"
        "print(time.process_time() - begin)\n"
    )
    size, n = ("4", "4") if options.tiny else ("64", "128")

    def run(extra: dict[str, str]) -> float:
        found = subprocess.run(
            [sys.executable, "-c", program, n, size],
            env={**os.environ, **extra},
            check=True,
            capture_output=True,
            text=True,
        )
        return float(found.stdout)

    pairs = [(run({}), run(MEMORY)) for _ in range(min(options.n_pairs, 3))]
    ours, theirs = np.median(pairs, axis=0)
    yield Row(
        "memory that is given back, a fit",
        float(ours),
        float(theirs),
        [b / a for a, b in pairs],
        "the same, MALLOC_ variables set",
        f"a copy: {measure_bandwidth() / 1e9:.1f} GB/s",
        ">= 0.95 x",
        0.95,
    )


STAGES: dict[str, Callable[[Corpus, argparse.Namespace], Iterator[Row]]] = {
    "step": time_step,
    "mining": time_mining,
    "nearest": time_nearest,
    "log-mel": time_log_mel,
    "transform": time_transform,
    "tagger": time_tagger,
    "search": time_search,
    "memory": time_memory,
}


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", help="folder of recordings, such as ESC-10")
    parser.add_argument("--stage", action="append", choices=list(STAGES))
    parser.add_argument("--device", default="cpu", help="of the training step")
    parser.add_argument("--pairs", dest="n_pairs", type=int, default=5)
    parser.add_argument("--most", type=int, default=16000, help="segments to search")
    parser.add_argument("--quick", action="store_true", help="under three minutes")
    parser.add_argument("--tiny", action="store_true", help="to see that it runs")
    options = parser.parse_args(arguments)
    if options.quick or options.tiny:
        options.n_pairs = min(options.n_pairs, 1 if options.tiny else 2)
        options.most = min(options.most, 4000)
    return options


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        corpus = Corpus(options)
        products = (
            f"{measure_ceiling(dtype) / 1e9:.0f} GFLOP/s {name}"
            for name, dtype in (
                ("float32", torch.float32),
                ("bfloat16", torch.bfloat16),
            )
        )
        print(f"One thread; products of matrices: {', '.join(products)}")
        if not torch.cuda.is_available():
            print("No CUDA device: an epoch of the paper's size is unmeasured here")
        print(
            f"{'stage':38}{'ours':>10}{'peer':>10}  {'ratio (spread)':22}"
            f"{'peer is':34}{'limit':40}{'goal':16}"
        )
        with warnings.catch_warnings():
            # fits of a few steps teach little, and say so
            warnings.simplefilter("ignore", UserWarning)
            for name in options.stage or STAGES:
                for row in STAGES[name](corpus, options):
                    print(row, flush=True)
    finally:
        torch.set_num_threads(n_threads)


if __name__ == "__main__":
    main()
