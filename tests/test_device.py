"""Devices: an unknown one is told, and what was fitted on a GPU works without one."""

import pickle

import numpy as np
import pytest
import torch
from helpers import whole
from sklearn.base import clone
from skorch.exceptions import DeviceWarning

from sklearn_triplet import CRNNTagger, SequenceTagger, TripletEmbedder, TripletTagger

X = np.random.default_rng(0).normal(size=(12, 8, 16)).astype(np.float32)
Y = np.arange(12) % 2
ESTIMATORS = [
    TripletEmbedder("s5", n_components=4, max_epochs=1),
    TripletEmbedder("pseudo", n_components=4, max_epochs=2),
    SequenceTagger(n_cells=4, max_epochs=1),
    CRNNTagger(n_components=4, n_cells=4, max_epochs=1),
    TripletTagger(n_components=4, max_epochs=1, n_steps=2, batch_size=8),
]
every = pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
with_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def apply(estimator):
    method = "transform" if hasattr(estimator, "transform") else "predict_proba"
    return getattr(estimator, method)(X)


@every
@pytest.mark.parametrize("device", ["gpu", 3.5, None])
def test_what_is_no_device(estimator, device):
    name = type(estimator).__name__
    sentence = (
        f"The 'device' parameter of {name} must be a device of torch, such as 'cpu' or "
        f"'cuda'. Got {device!r} instead."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        clone(estimator).set_params(device=device).fit(X, Y)


@every
@without_gpu
@pytest.mark.parametrize("device", ["cuda", "cuda:1", torch.device("cuda")])
def test_a_device_that_is_not_there(estimator, device):
    name = type(estimator).__name__
    sentence = (
        f"The 'device' parameter of {name} asks for {device!r}, but torch "
        f"{torch.__version__} finds no such device here. Choose 'cpu', or install a "
        "torch that was built for the device."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        clone(estimator).set_params(device=device).fit(X, Y)


@every
@without_gpu
@pytest.mark.filterwarnings("ignore:Setting self.device = cpu")
def test_a_net_from_a_gpu_works_without_one(estimator):
    fitted = clone(estimator).set_params(random_state=0).fit(X, Y)
    expected = apply(fitted)
    fitted.set_params(device="cuda")
    fitted.net_.device = "cuda"  # as a fit on a GPU leaves it
    stored = pickle.dumps(fitted)
    with pytest.warns(DeviceWarning, match="no CUDA devices are available"):
        loaded = pickle.loads(stored)
    np.testing.assert_array_equal(apply(loaded), expected)


@every
@with_gpu
def test_a_gpu_computes_about_the_same(estimator):
    expected = apply(clone(estimator).set_params(random_state=0).fit(X, Y))
    fitted = clone(estimator).set_params(random_state=0, device="cuda").fit(X, Y)
    np.testing.assert_allclose(apply(fitted), expected, rtol=0.05, atol=0.05)
