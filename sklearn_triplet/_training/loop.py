"""What the estimators share around skorch: seeds, the validation split, the net."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping
from skorch.helper import predefined_split
from torch import nn
from torch.utils.data import Dataset

from sklearn_triplet._input.labels import Labels
from sklearn_triplet._input.types import Device, IntArray, Trainable

# torch seeds its layers and dropout from one generator per process: fits in threads
# have to take turns, or each would draw from the other's
ONE_AT_A_TIME = threading.RLock()


@contextlib.contextmanager
def seeded_torch(seed: int, device: Device) -> Iterator[None]:
    """Seed torch inside the block; outside its generators are as before.

    One thread at a time: to fit several estimators at once, use processes.
    """
    device = torch.device(device)
    devices = [device] if device.type == "cuda" else []
    with ONE_AT_A_TIME, torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def split_clips(
    labels: Labels, fraction: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split clips into training and validation rows, each class in proportion.

    A clip counts as one of its rarest class; clips without an event and unlabeled ones
    are classes too. A class of one clip stays in training.

    Parameters
    ----------
    labels : Labels
    fraction : float
        Of the clips that validate.
    seed : int

    Returns
    -------
    train, valid : ndarray of int
        Sorted rows.
    """
    rng = np.random.default_rng(seed)
    group = _rarest_class(labels)
    order = rng.permutation(len(group))
    order = order[np.argsort(group[order], kind="stable")]
    # every 1/fraction-th of the rows ordered by class
    place = (np.arange(len(order)) + rng.random()) * fraction
    chosen = np.floor(place + fraction) > np.floor(place)
    sizes = np.bincount(group)
    chosen &= sizes[group[order]] > 1
    return np.sort(order[~chosen]), np.sort(order[chosen])


def _rarest_class(labels: Labels) -> IntArray:
    # shape (n_clips,); the two further columns: without an event, unlabeled
    silent = labels.labeled & ~labels.present.any(axis=1)
    columns = np.column_stack([labels.present, silent, ~labels.labeled])
    frequency = columns.sum(axis=0)
    return np.where(columns, frequency, len(columns) + 1).argmin(axis=1)


def build_net(
    estimator: Trainable,
    module: nn.Module,
    criterion: nn.Module,
    batches: Callable[..., Iterable[object]],
    valid_data: Dataset | None,
    callbacks: Sequence[Callback] = (),
) -> NeuralNet:
    """Compose the skorch net of an estimator from the parameters that bear its names.

    Parameters
    ----------
    estimator : estimator
        With max_epochs, lr, batch_size, optimizer, device, callbacks, verbose and
        patience.
    module, criterion : nn.Module
    batches : class
        The iterator of training and validation.
    valid_data : Dataset or None
        ``None``: no early stopping.
    callbacks : sequence of skorch callbacks
        Of our own; they come before the user's.

    Returns
    -------
    net : NeuralNet
    """
    callbacks = list(callbacks)
    if valid_data is not None:
        callbacks.append(EarlyStopping(patience=estimator.patience, load_best=True))
    # skorch writes into callbacks: the user's own instances stay as they are
    callbacks += [clone(c, safe=False) for c in estimator.callbacks or ()]
    return NeuralNet(
        module,
        criterion=criterion,
        optimizer=estimator.optimizer,
        lr=estimator.lr,
        max_epochs=estimator.max_epochs,
        batch_size=estimator.batch_size,
        iterator_train=batches,
        iterator_valid=batches,
        iterator_train__verbose=estimator.verbose,
        iterator_valid__verbose=estimator.verbose,
        train_split=None if valid_data is None else predefined_split(valid_data),
        callbacks=callbacks,
        device=estimator.device,
        verbose=estimator.verbose,
        warm_start=True,
    )


def go_on_from(net: NeuralNet, previous: NeuralNet) -> None:
    """Let an initialised net continue the history and the optimizer of another."""
    net.history_ = previous.history_
    if type(net.optimizer_) is type(previous.optimizer_):
        # the averages go on, the settings are those of the new net
        settings = net.optimizer_.state_dict()
        settings["state"] = previous.optimizer_.state_dict()["state"]
        net.optimizer_.load_state_dict(settings)


def train(net: NeuralNet, data: Dataset) -> None:
    """Run the loop of an initialised net; a user's Ctrl-C is not swallowed.

    skorch ends a fit quietly on KeyboardInterrupt, which its callbacks raise too. An
    epoch without a loss is one that the user broke off, and a search or Pipeline must
    not go on with half a net.
    """
    net.partial_fit(data)
    # the split holds the validation clips, which a pickled net should not
    net.train_split = None
    if net.history and "train_loss" not in net.history[-1]:
        raise KeyboardInterrupt
