"""Threads, processes, forks, and hundreds of fits in one process."""

import contextlib
import gc
import itertools
import multiprocessing
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from cached_features import list_clips
from helpers import make_noise, write
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_triplet import (
    CRNNTagger,
    LabeledOnly,
    LogMel,
    SequenceTagger,
    TripletEmbedder,
    TripletTagger,
    load_model,
    save_model,
)

rng = np.random.default_rng(0)
N = 24
CLIPS = rng.normal(size=(N, 16, 120)).astype(np.float32)
LABELS = np.where(np.arange(N) < 18, np.arange(N) % 3, -1)
CLIPS += 2 * (np.arange(N) % 3)[:, None, None]
SEVERAL = np.column_stack([LABELS == 0, LABELS > 0, np.arange(N) % 2]).astype(int)
SEVERAL[LABELS < 0] = -1
ONCE = {"max_epochs": 1, "random_state": 0}
EMBEDDER = TripletEmbedder(n_components=8, segment_length=20, **ONCE)
TAGGERS = [
    TripletTagger(n_components=8, n_steps=2, **ONCE),
    SequenceTagger(n_cells=5, **ONCE),
    CRNNTagger(n_components=8, n_cells=5, **ONCE),
]

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="forks; reads /proc")


# --- threads


def ask_in_threads(ask, n_calls):
    """Ask 8 threads at once, each of other clips; the answers in order."""
    parts = [CLIPS[i % N : i % N + 1 + i % 5] for i in range(n_calls)]
    expected = [ask(part) for part in parts]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, parts))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_eight_threads_share_an_estimator(n_calls=8):
    ask_in_threads(EMBEDDER.fit(CLIPS, LABELS).transform, n_calls)
    for tagger in TAGGERS:
        tagger.fit(CLIPS, SEVERAL)
        ask_in_threads(tagger.predict_proba, n_calls)
        ask_in_threads(tagger.predict_frames, n_calls)
    ask_in_threads(TAGGERS[0].transform, n_calls)


@pytest.mark.slow
def test_eight_threads_share_an_estimator_for_long():
    test_eight_threads_share_an_estimator(150)


@pytest.mark.slow
def test_threads_predict_while_others_fit():
    tagger = TAGGERS[0].fit(CLIPS, LABELS)
    # in a thread as well: how many threads torch computes in is a setting of each, and
    # rounding depends on it
    with ThreadPoolExecutor(1) as pool:
        expected = pool.submit(tagger.predict_proba, CLIPS).result()
        fitted = pool.submit(EMBEDDER.fit, CLIPS, LABELS).result()
        weights = pool.submit(fitted.transform, CLIPS).result()

    def work(i):
        if i % 8 == 0:
            other = TripletEmbedder(**EMBEDDER.get_params(deep=False))
            found = other.fit(CLIPS, LABELS).transform(CLIPS)
            np.testing.assert_array_equal(found, weights)
        np.testing.assert_array_equal(tagger.predict_proba(CLIPS), expected)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(48)))


# --- processes


def fork(target, *args):
    process = multiprocessing.get_context("fork").Process(target=target, args=args)
    process.start()
    return process


def join(processes, seconds):
    """Wait; what hangs is ended, and told."""
    try:
        for process in processes:
            process.join(seconds)
            assert process.exitcode is not None, f"no end within {seconds} s"
            assert process.exitcode == 0
    finally:
        for process in processes:
            process.kill()


def fill(barrier, folder, paths, target):
    barrier.wait()
    np.save(target, LogMel(memory=folder).transform(paths))


@on_linux
def test_processes_fill_one_cache_at_once(tmp_path, n_files=12, n_processes=2):
    paths = [
        write(tmp_path / f"{i}.wav", make_noise(6000 + 441 * i, seed=i))
        for i in range(n_files)
    ]
    barrier = multiprocessing.get_context("fork").Barrier(n_processes)
    targets = [tmp_path / f"{i}.npy" for i in range(n_processes)]
    folder = tmp_path / "features"
    # from both ends: each meets what the other has written, and both meet in between
    orders = itertools.cycle([paths, paths[::-1]])
    join(
        [
            fork(fill, barrier, folder, order, target)
            for order, target in zip(orders, targets, strict=False)
        ],
        200,
    )
    expected = LogMel().transform(paths)
    for order, target in zip(itertools.cycle([1, -1]), targets, strict=False):
        np.testing.assert_array_equal(np.load(target)[::order], expected)
    assert len(list_clips(folder)) == n_files
    assert not list(folder.rglob("*.tmp"))
    np.testing.assert_array_equal(LogMel(memory=folder).transform(paths), expected)


@on_linux
@pytest.mark.slow
def test_many_processes_fill_one_cache(tmp_path):
    test_processes_fill_one_cache_at_once(tmp_path, 80, 5)


@contextlib.contextmanager
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def repeat(ask, X, target):
    np.save(target, ask(X))


def ask_in_fork(ask, X, folder, seconds=60):
    """Compute here in two threads, so that torch has some; then in a fork."""
    with two_threads():
        expected = ask(X)
        join([fork(repeat, ask, X, folder / "found.npy")], seconds)
        assert torch.get_num_threads() == 2
    # one thread sums in another order than two
    found = np.load(folder / "found.npy")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


# large enough that torch gives both threads something to do
WIDE = rng.normal(size=(2, 64, 500)).astype(np.float32)


@on_linux
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_after_threads_of_torch_computes(tmp_path):
    embedder = TripletEmbedder("s1", max_epochs=0, random_state=0).fit(WIDE)
    ask_in_fork(embedder.transform, WIDE, tmp_path)


@on_linux
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_forks_of_every_estimator_fit_and_predict(tmp_path):
    X, y = np.concatenate([WIDE] * 6), np.r_[[0, 1] * 3, [-1] * 6]
    for estimator in (
        TripletEmbedder(max_epochs=1, n_triplets=20, random_state=0),
        TripletTagger(max_epochs=1, n_steps=2, random_state=0),
        SequenceTagger(max_epochs=1, random_state=0),
        CRNNTagger(max_epochs=1, random_state=0),
    ):
        with two_threads():
            estimator.fit(X, y)
            # what is learned in one thread rounds otherwise: it only has to end
            join([fork(estimator.fit, X, y)], 100)
        save_model(estimator, tmp_path / "model")
        for same in (estimator, load_model(tmp_path / "model")):
            ask = getattr(same, "predict_proba", None) or same.transform
            ask_in_fork(ask, X[:3], tmp_path)


# --- hundreds of fits


def count_open():
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


def resident():
    """Bytes of memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


SMALL = CLIPS[:, :8, :40]


def fit_and_predict(n_times, paths, folder):
    """Do in turn what a service or a search does all day."""
    mel = LogMel(memory=folder / "features", n_jobs=2)
    linear = LabeledOnly(LogisticRegression())
    clip = TripletEmbedder(**{**EMBEDDER.get_params(deep=False), "output": "clip"})
    for i in range(n_times):
        features = mel.transform(paths)
        assert features.shape[0] == len(paths)
        if i % 4 == 3:
            pipe = make_pipeline(clip, linear)
            pipe.fit(SMALL, LABELS).predict(SMALL)
        else:
            TAGGERS[i % 4].fit(SMALL, SEVERAL).predict_frames(SMALL)
        if i % 10 == 0:
            save_model(TAGGERS[0], folder / "model")
            load_model(folder / "model").predict(SMALL)


def measure():
    gc.collect()
    return len(gc.get_objects()), *count_open()


@on_linux
def test_nothing_grows(tmp_path, first=4, more=8):
    paths = [write(tmp_path / f"{i}.wav", make_noise(4410, seed=i)) for i in range(4)]
    fit_and_predict(first, paths, tmp_path)
    n_objects, n_files, n_threads = measure()
    fit_and_predict(more, paths, tmp_path)
    now = measure()
    # caches of the libraries below may still learn a few things
    assert now[0] < n_objects + 10 * more
    assert now[1:] == (n_files, n_threads)


@on_linux
@pytest.mark.slow
def test_nothing_grows_in_500_fits(tmp_path):
    paths = [write(tmp_path / f"{i}.wav", make_noise(4410, seed=i)) for i in range(4)]
    fit_and_predict(100, paths, tmp_path)
    before, n_bytes = measure(), resident()
    fit_and_predict(400, paths, tmp_path)
    now, n_bytes_now = measure(), resident()
    print(f"objects {before[0]} -> {now[0]}, files {before[1]} -> {now[1]}, threads "
          f"{before[2]} -> {now[2]}, {n_bytes / 2**20:.1f} -> "
          f"{n_bytes_now / 2**20:.1f} MiB")  # fmt: skip
    assert now[0] < before[0] + 400
    assert now[1:] == before[1:]
    # a leak of one batch or net a fit would be more than this
    assert n_bytes_now < n_bytes + 8 * 2**20
