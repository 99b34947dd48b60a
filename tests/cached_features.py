"""Fixtures and helpers of the test files of LogMel(memory=...)."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import make_noise, write

from sklearn_triplet import LogMel


@pytest.fixture(name="paths")
def make_paths(tmp_path):
    """Eight files of 0.05 to 0.4 s."""
    folder = tmp_path / "audio"
    folder.mkdir()
    return [
        write(folder / f"{i}.wav", make_noise(2205 * (i % 4 + 1 + i // 4), seed=i))
        for i in range(8)
    ]


@pytest.fixture(name="memory")
def make_memory(tmp_path):
    return tmp_path / "features"


@pytest.fixture(name="decoded")
def count_decoded(monkeypatch):
    """Names of the files that were decoded, in order."""
    names = []
    read = soundfile.SoundFile.read

    def counted(file, *args, **kwargs):
        names.append(Path(file.name).name)
        return read(file, *args, **kwargs)

    monkeypatch.setattr(soundfile.SoundFile, "read", counted)
    return names


def list_maps(memory):
    return sorted(memory.glob("*/*.npy"))


def list_clips(memory):
    return sorted(memory.glob("*/clips/*.clip"))


def assert_features(features, paths, **parameters):
    """Compare with what is computed without memory, and refuse any warning."""
    np.testing.assert_array_equal(features, LogMel(**parameters).transform(paths))


def replace_bytes(path):
    """Change the sound of a file, not its size nor the time of its change."""
    found = os.stat(path)
    samples = make_noise(soundfile.info(path).frames, seed=99)
    write(path, samples)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert os.stat(path).st_size == found.st_size
