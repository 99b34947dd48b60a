"""What a fit has changed so far in; plain data and tensors out, and back into place.

Everything that an epoch may change is taken apart into numbers, text, lists and
tensors, which ``torch.load(weights_only=True)`` reads without executing anything. It
goes back into objects that were made anew from the same parameters and data, so that
neither functions nor classes have to be written.
"""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import PrintLog
from torch.utils.data import Dataset

# numbers, text, None, tensors, lists and dicts of them
Plain: TypeAlias = Any


class NotPlainError(TypeError):
    """Something is no data: a function, a file, an object of a class unknown here."""


class StatefulData(Dataset):
    """A dataset that epochs change: what has been drawn, and what is guessed."""

    @abstractmethod
    def state_dict(self) -> Plain:
        """Return what epochs have changed, for a fit that goes on elsewhere."""

    @abstractmethod
    def load_state_dict(self, state: Plain) -> None:
        """Go on where ``state_dict`` was asked.

        Parameters
        ----------
        state : object
            Of a dataset that was made of the same parameters, clips and seeds.
        """


def pack(value: object) -> Plain:
    """Take a value apart into what can be written without code.

    Parameters
    ----------
    value : object
        Numbers, text, arrays, tensors, generators of numpy, whatever has a method
        ``state_dict``, and lists, tuples and dicts of these.

    Returns
    -------
    packed : object
        What JSON knows stands for itself, and so does a tensor; anything else is a
        dict of one key, which names its kind.

    Raises
    ------
    NotPlainError
        Where it is none of these.

    Examples
    --------
    >>> pack([1, "a", (2.5, None)])
    [1, 'a', {'tuple': [2.5, None]}]
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.generic) and value.dtype.kind in "biufU":
        return value.item()
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, np.ndarray):
        return {"array": _as_tensor(value)}
    if isinstance(value, np.random.Generator):
        return {"generator": value.bit_generator.state}
    if isinstance(value, Mapping):
        return {"dict": [[pack(key), pack(part)] for key, part in value.items()]}
    if isinstance(value, list):
        return [pack(part) for part in value]
    if isinstance(value, tuple):
        return {"tuple": [pack(part) for part in value]}
    if not isinstance(value, type) and hasattr(value, "load_state_dict"):
        return {"state": pack(value.state_dict())}  # type: ignore[attr-defined]
    raise NotPlainError(f"{value!r} is of type {type(value).__name__}.")


def _as_tensor(array: np.ndarray) -> torch.Tensor:
    """Share an array with torch, whose files keep the order of its axes.

    A product of matrices may round otherwise for another order of the same numbers.
    """
    if array.dtype.kind not in "biufc":
        raise NotPlainError(f"An array of dtype {array.dtype} is no tensor.")
    if not array.flags.writeable or any(step < 0 for step in array.strides):
        array = array.copy(order="K")
    return torch.from_numpy(array)


def unpack(packed: Plain, current: object = None) -> Any:
    """Put a value together again.

    Parameters
    ----------
    packed : object
        What ``pack`` returned.
    current : object, default=None
        What stands in its place now. A generator, or what has a state, is changed in
        place: other objects hold it too.

    Returns
    -------
    value : object

    Examples
    --------
    >>> unpack(pack([1, "a", (2.5, None)]))
    [1, 'a', (2.5, None)]
    """
    if isinstance(packed, list):
        return [unpack(part) for part in packed]
    if not isinstance(packed, dict):
        return packed
    ((kind, content),) = packed.items()
    if kind == "array":
        return content.numpy()
    if kind == "dict":
        return {unpack(key): unpack(part) for key, part in content}
    if kind == "tuple":
        return tuple(unpack(part) for part in content)
    if kind == "state":
        current.load_state_dict(unpack(content))  # type: ignore[attr-defined]
        return current
    if not isinstance(current, np.random.Generator):
        current = np.random.Generator(getattr(np.random, content["bit_generator"])())
    current.bit_generator.state = content
    return current


def pack_attributes(thing: object) -> Plain:
    """Take apart what an object has learned: its attributes that are no parameters.

    Parameters
    ----------
    thing : selector or skorch callback

    Returns
    -------
    packed : dict
        By name. What is no data, such as a function or a progress bar, is left out: the
        object makes it anew when it begins.
    """
    # not get_params, by which skorch takes any name that does not end in "_" for one
    parameters = inspect.signature(type(thing).__init__).parameters
    packed = {}
    for name, value in vars(thing).items():
        if name not in parameters:
            try:
                packed[name] = pack(value)
            except NotPlainError:
                continue
    return packed


def unpack_attributes(thing: object, packed: Plain) -> None:
    """Set the attributes of an object as ``pack_attributes`` found them.

    Parameters
    ----------
    thing : selector or skorch callback
        Of the same parameters, and begun.
    packed : dict
    """
    for name, value in packed.items():
        setattr(thing, name, unpack(value, getattr(thing, name, None)))


def net_state(net: NeuralNet) -> dict[str, Any]:
    """Return what an epoch changes in a net: weights, averages, callbacks.

    Parameters
    ----------
    net : skorch.NeuralNet
        In training.

    Returns
    -------
    state : dict
        Teacher, pseudo-labeler and early stopping are among the callbacks. The tensors
        are those of the net: the next step changes them.
    """
    return {
        "module": net.module_.state_dict(),
        "optimizer": net.optimizer_.state_dict(),
        "callbacks": {
            name: pack_attributes(callback)
            for name, callback in net.callbacks_
            # whose only state is that it has printed the head of its table
            if not isinstance(callback, PrintLog)
        },
    }


def set_net_state(net: NeuralNet, state: Mapping[str, Any]) -> None:
    """Bring a net to where ``net_state`` found it.

    Parameters
    ----------
    net : skorch.NeuralNet
        Initialised, and told ``on_train_begin``: schedules have to begin before they
        are moved on.
    state : dict
    """
    net.module_.load_state_dict(state["module"])
    net.optimizer_.load_state_dict(state["optimizer"])
    for name, callback in net.callbacks_:
        unpack_attributes(callback, state["callbacks"].get(name, {}))


def is_finite(net: NeuralNet) -> bool:
    """Tell whether all weights and buffers of a net are numbers.

    Parameters
    ----------
    net : skorch.NeuralNet
    """
    return all(
        bool(tensor.isfinite().all())
        for tensor in net.module_.state_dict().values()
        if isinstance(tensor, torch.Tensor)
    )
