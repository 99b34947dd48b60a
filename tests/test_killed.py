"""Processes that are really killed, and file systems that are really full."""

import contextlib
import hashlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import time

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from test_checkpoint import CASES, SMALL, X, Y, look_at

from sklearn_triplet import TripletEmbedder
from sklearn_triplet._training import checkpoint as module

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL"),
    pytest.mark.filterwarnings(
        "ignore:.*(anchors (had|found)|collapsed|nothing tells what they are)"
    ),
]
N_KILLS = 5  # of each fit
LONG = {
    "s3": {"max_epochs": 12},
    "stopping": {"max_epochs": 12, "patience": 9},
    "several": {"max_epochs": 8},
    "tagger several": {"max_epochs": 8},
    "triplets of some": {"max_epochs": 8},
    "triplets table": {"max_epochs": 8},
}
# its children have imported all that takes seconds; the folder of the tests itself is
# not on the path of the server in Python 3.11
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["sklearn_triplet", "pytest", "librosa", "soundfile"])


def make(case, folder):
    estimator, clips, y = CASES[case]
    estimator = clone(estimator).set_params(checkpoint=folder, **LONG[case])
    return estimator, clips, y


def run(case, folder, result, begun):
    """Fit in another process, keep every epoch and write down what comes out."""
    torch.set_num_threads(1)
    module.PATIENCE = 0
    estimator, clips, y = make(case, folder)
    begun.set()
    joblib.dump(look_at(estimator.fit(clips, y), clips), result)


def start(*args):
    begun = context.Event()
    process = context.Process(target=run, args=(*args, begun))
    process.start()
    assert begun.wait(120)
    return process


def assert_whole(folder):
    """Check that no kill has left a file that is half one."""
    for file in folder.glob("*/*.pt"):
        written = file.read_bytes()
        digest = hashlib.sha256(written[: -module.DIGEST]).digest()
        assert written[-module.DIGEST :] == digest, file


def assert_alike(result, expected):
    found, wanted = joblib.load(result), joblib.load(expected)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Fit each case once, without a folder; return the results and the seconds."""
    place, made = tmp_path_factory.mktemp("plain"), {}

    def get(case):
        if case not in made:
            process = start(case, None, place / case)
            begin = time.monotonic()
            process.join()
            made[case] = place / case, time.monotonic() - begin
        return made[case]

    return get


@pytest.mark.parametrize("case", LONG)
def test_killed_at_random_moments(case, uninterrupted, tmp_path):
    expected, seconds = uninterrupted(case)
    rng, folder, result = np.random.default_rng(0), tmp_path / "fits", tmp_path / "out"
    n_kills = 0
    while n_kills < N_KILLS:
        process = start(case, folder, result)
        # some die before their first epoch
        process.join(rng.uniform(0, 0.6 * seconds))
        if process.exitcode is not None:
            # it got to the end between two kills: once more from the beginning
            assert process.exitcode == 0
            assert_alike(result, expected)
            shutil.rmtree(folder)
            continue
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        n_kills += 1
        assert_whole(folder)
    start(case, folder, result).join()
    assert_alike(result, expected)
    assert not list(folder.glob("*/*.tmp"))


@pytest.mark.parametrize("case", ["s3", "triplets table"])
def test_killed_in_the_middle_of_writing(case, uninterrupted, tmp_path):
    expected, _ = uninterrupted(case)
    folder, result = tmp_path / "fits", tmp_path / "out"
    n_kills, halves = 0, []
    while n_kills < N_KILLS:
        process = start(case, folder, result)
        while process.is_alive() and not list(folder.glob("*/unfinished.pt.*.tmp")):
            pass
        if not process.is_alive():
            break
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        n_kills += 1
        halves += [file.stat().st_size for file in folder.glob("*/*.tmp")]
        assert_whole(folder)
    assert n_kills > N_KILLS // 2 and halves
    start(case, folder, result).join()
    assert_alike(result, expected)
    assert not list(folder.glob("*/*.tmp"))


@pytest.fixture
def tiny(tmp_path):
    """A file system of its own, to be resized; only root may make one on Linux."""
    place = tmp_path / "tiny"
    place.mkdir()

    def resize(n_bytes, *options):
        option = ",".join([*options, f"size={n_bytes}"])
        command = ["mount", "-t", "tmpfs", "-o", option, "tmpfs", str(place)]
        return subprocess.run(command, capture_output=True).returncode

    if shutil.which("mount") is None or resize(2**20):
        pytest.skip("no file system can be mounted here")
    yield place, lambda n_bytes: resize(n_bytes, "remount")
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_file_system_that_is_full(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0)
    place, resize = tiny
    embedder = TripletEmbedder("s3", **SMALL)
    plain = look_at(clone(embedder).fit(X, Y), X)
    whole = clone(embedder).set_params(checkpoint=tmp_path / "fits").fit(X, Y)
    (file,) = (tmp_path / "fits").glob("*/finished.pt")
    # room for one file, and for half of its successor
    assert resize(int(1.5 * file.stat().st_size)) == 0
    embedder.set_params(checkpoint=place)
    for _ in range(3):
        with pytest.raises(OSError, match="No space left on device. Its state after "):
            clone(embedder).fit(X, Y)
        assert_whole(place)
        assert not list(place.glob("*/*.tmp"))
    assert resize(2**20) == 0
    for fitted in (whole, clone(embedder).fit(X, Y)):
        found = look_at(fitted, X)
        for name, value in plain.items():
            np.testing.assert_array_equal(found[name], value, err_msg=name)
    # nor is there room for anything
    shutil.rmtree(next(place.glob("*/")))
    with contextlib.suppress(OSError):
        (place / "ballast").write_bytes(bytes(2**20))
    with pytest.raises(OSError, match="No space left on device. Nothing of the fit is"):
        clone(embedder).fit(X, Y)
