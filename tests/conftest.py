"""Fixtures of more than one test file."""

import pytest
from helpers import make_noise, write
from sklearn.datasets import make_blobs
from threadpoolctl import threadpool_limits

from sklearn_triplet import mask_labels


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    # on data this small several threads only wait for each other
    with threadpool_limits(1):
        yield


@pytest.fixture
def blobs():
    """300 rows of 3 classes, 72 % of them unlabeled."""
    X, y = make_blobs(300, centers=3, cluster_std=2.0, random_state=0)
    return X, mask_labels(y, 84, random_state=0)


@pytest.fixture
def wav(tmp_path):
    return write(tmp_path / "noise.wav", make_noise(22050), subtype="FLOAT")
