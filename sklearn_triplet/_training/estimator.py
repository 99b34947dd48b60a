"""Clips (n_clips, n_features, n_frames) and y in; a trained skorch net out, for all.

``ClipsEstimator`` is the one fit of the library: what an embedder and a tagger do alike
stands here in the order in which it happens, and an estimator writes only what is its
own, as the samplers of imbalanced-learn do.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import numbers
import os
import threading
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils.metaestimators import available_if
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping
from skorch.helper import predefined_split
from skorch.history import History
from torch import nn

from sklearn_triplet._input.clips import Clips, FrameScaler, check_clips
from sklearn_triplet._input.labels import Labels
from sklearn_triplet._input.parameters import check_callable, check_choice, check_number
from sklearn_triplet._input.random import draw_seeds
from sklearn_triplet._input.types import (
    ClipsLike,
    Device,
    IntArray,
    LabelsLike,
    Optimizer,
    RandomState,
)
from sklearn_triplet._input.warn import warn
from sklearn_triplet._training.checkpoint import FitCheckpoint, describe_fit
from sklearn_triplet._training.encoding import (
    EncoderLike,
    prepare_forks,
    takes_components,
)
from sklearn_triplet._training.networks import Precision, multiplies_bfloat16
from sklearn_triplet._training.state import (
    StatefulData,
    is_finite,
    net_state,
    set_net_state,
)

# torch seeds its layers and dropout from one generator per process: fits in threads
# have to take turns, or each would draw from the other's
ONE_AT_A_TIME = threading.RLock()
TRIED_FRAMES = 8  # by which it is asked whether a net still answers in numbers
LARGEST = 1e15  # answers beyond have squares that no float32 can sum
ASKED, ASKED_FRAMES = 32, 1000  # clips by which it is asked whether all are alike
COLLAPSED = 1e-4  # spread of a batch below which an embedding has collapsed
SAME = 1e-4  # of the largest answer: a difference that is none
ROSE = 10  # times the loss of the untrained net, which is that of guessing


@contextlib.contextmanager
def seeded_torch(seed: int, device: Device) -> Iterator[None]:
    """Seed torch inside the block; outside its generators are as before.

    One thread at a time: to fit several estimators at once, use processes.

    Parameters
    ----------
    seed : int
        For the generators of the CPU and, if it is one, of the CUDA device.
    device : str or torch.device
        Where the block computes.
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
        One row per clip.
    fraction : float
        Of the clips that validate, in (0, 1).
    seed : int
        Decides which clips of a class are set apart.

    Returns
    -------
    train, valid : ndarray of int
        Sorted rows.
    """
    rng = np.random.default_rng(seed)
    group = _rarest_class(labels)
    # a random order within each class: the sort is stable
    order = rng.permutation(len(group))
    order = order[np.argsort(group[order], kind="stable")]
    # every 1/fraction-th of the rows ordered by class
    place = (np.arange(len(order)) + rng.random()) * fraction
    chosen = np.floor(place + fraction) > np.floor(place)
    # what is learned of one clip cannot be validated, and the reverse is worth less
    sizes = np.bincount(group)
    chosen &= sizes[group[order]] > 1
    return np.sort(order[~chosen]), np.sort(order[chosen])


def _rarest_class(labels: Labels) -> IntArray:
    """Return one class per clip, so that a split can deal clips of several.

    As iterative stratification does [1]_, a clip goes by the class of which there are
    fewest: the frequent ones come out even by themselves.

    Parameters
    ----------
    labels : Labels

    Returns
    -------
    group : ndarray of shape (n_clips,), int
        A column of ``labels.present``, or one of two beyond: without an event,
        unlabeled.

    References
    ----------
    .. [1] K. Sechidis, G. Tsoumakas and I. Vlahavas, "On the stratification of
       multi-label data", ECML PKDD 2011.
    """
    # the two further columns: without an event, unlabeled
    silent = labels.labeled & ~labels.present.any(axis=1)
    columns = np.column_stack([labels.present, silent, ~labels.labeled])
    frequency = columns.sum(axis=0)
    # no class has more clips than there are, so those that a clip lacks never win
    return np.where(columns, frequency, len(columns) + 1).argmin(axis=1)


def _go_on_from(net: NeuralNet, previous: NeuralNet) -> None:
    """Let an initialised net continue the history and the optimizer of another.

    Parameters
    ----------
    net : skorch.NeuralNet
        Initialised, with the module of ``previous``.
    previous : skorch.NeuralNet
        Of the last fit. Another class of optimizer begins without averages.
    """
    net.history_ = previous.history_
    if type(net.optimizer_) is type(previous.optimizer_):
        # the averages go on, the settings are those of the new net
        settings = net.optimizer_.state_dict()
        settings["state"] = previous.optimizer_.state_dict()["state"]
        net.optimizer_.load_state_dict(settings)


def _is_sound(net: NeuralNet, n_features: int) -> bool:
    """Tell whether the last epoch of a net has left a loss and weights to go on with.

    Weights that are numbers may still be so large that nothing is when they are used:
    so the net is asked once, about features one deviation above or below their means.

    Parameters
    ----------
    net : skorch.NeuralNet
        Of which an epoch has ended.
    n_features : int
    """
    if not np.isfinite(net.history[-1, "train_loss"]) or not is_finite(net):
        return False
    module, was_training = net.module_, net.module_.training
    X = torch.ones(2, n_features, TRIED_FRAMES, device=net.device)
    X[:, :, ::2] = -1
    lengths = torch.full((2,), TRIED_FRAMES, device=net.device)
    with torch.inference_mode():
        answer = module.eval().encode_frames(X, lengths)
    module.train(was_training)
    # NaN is not below it either
    return bool((answer.abs() < LARGEST).all())


def _cut_some(clips: Clips) -> Clips:
    """Return the middle of some clips from all over a training set.

    Parameters
    ----------
    clips : Clips

    Returns
    -------
    asked : Clips
        At most ``ASKED``, of at most ``ASKED_FRAMES`` frames each: clips may be hours
        long.
    """
    rows = np.unique(np.linspace(0, len(clips) - 1, ASKED).astype(int))
    lengths = np.minimum(clips.lengths[rows], ASKED_FRAMES)
    begins = (clips.lengths[rows] - lengths) // 2
    arrays = [clips.frames(*place) for place in zip(rows, begins, lengths, strict=True)]
    return Clips(arrays, lengths, clips.flat)


def _is_callback(given: object) -> bool:
    """Tell a callback of skorch: an instance, a class, or one with its name."""
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], str):
        given = given[1]
    is_class = isinstance(given, type) and issubclass(given, Callback)
    return is_class or isinstance(given, Callback)


class ClipsEstimator(BaseEstimator, metaclass=ABCMeta):
    """An estimator that trains a network on clips: the template of ``fit``.

    Subclasses store the parameters annotated below in their own ``__init__``, call
    ``_fit`` and write the steps that are marked as theirs::

        _check_parameters   what the user has set
        _read_labels        y
        _select             the clips that are learned from
        _begin              data that teach nothing; attributes without training
        _check_split        too little to train or to validate
        _fit_scaler         mean and deviation of the features
        _make_data          what batches are drawn from
        _make_module        the network
        _make_criterion     the loss
        _make_callbacks     the history's further columns
        _finish             what went wrong, in words
        _answer             what the net makes of clips, for the question whether it
                            tells them apart

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net.
    scaler_ : FrameScaler
        Mean and standard deviation per feature.
    n_iter_ : int
        Epochs that were run.

    See Also
    --------
    skorch.NeuralNet : Owns the loop, the callbacks and the history.

    Notes
    -----
    The net is built here and never inherited from: a subclass of ``NeuralNet`` cannot
    pass scikit-learn's common checks, an estimator that has one can.

    Attributes are set on the way, so a fit that is refused may leave some of them; an
    estimator counts as fitted once it has a net.
    """

    # parameters of every estimator of this kind

    max_epochs: int
    lr: float
    batch_size: int
    optimizer: Optimizer
    device: Device
    callbacks: Sequence[Callback] | None
    checkpoint: str | os.PathLike[str] | None
    verbose: int
    random_state: RandomState

    n_features_in_: int

    # parameters of those that can stop early; the others train on all clips
    validation_fraction: float | None = None
    patience: int = 5

    # of those that have a choice of encoders
    encoder: EncoderLike | None
    precision: Precision

    # what is drawn from random_state, in this order; each a generator of its own, so
    # that an estimator without validation clips trains on the same batches
    _seed_names: ClassVar[tuple[str, ...]]
    # the iterator of skorch: (dataset, batch_size, verbose) to batches
    _batches: ClassVar[Callable[..., Iterable[object]]]

    def _fit(
        self, X: ClipsLike, y: LabelsLike | None, *, goes_on: bool = False
    ) -> Self:
        """Check, read, split, scale, build and train; the whole way of the data.

        Parameters
        ----------
        X, y : as in ``fit`` of the estimators
        goes_on : bool, default=False
            Whether scaling, weights, optimizer and history are those of the last fit.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            In a sentence, from whichever step meets something that it cannot use.
        """
        self._check_parameters()
        clips = check_clips(self, X, reset=not goes_on)
        clips, labels = self._select(clips, self._read_labels(y, len(clips)))
        seeds = dict(zip(self._seed_names, self._draw_seeds(goes_on), strict=True))
        self._begin(clips, labels, goes_on)
        with self._open_checkpoint(clips, labels, seeds, goes_on) as checkpoint:
            if checkpoint is not None and checkpoint.state is not None:
                # those of the fit that goes on, also where they came from nowhere
                seeds = checkpoint.state["seeds"]
            self._learn(clips, labels, seeds, goes_on, checkpoint)
        return self

    def _learn(
        self,
        clips: Clips,
        labels: Labels,
        seeds: dict[str, int],
        goes_on: bool,
        checkpoint: FitCheckpoint | None,
    ) -> None:
        """Split, scale, build and train.

        Parameters
        ----------
        clips : Clips
        labels : Labels
            What is learned from.
        seeds : dict of str to int
            By ``_seed_names``.
        goes_on : bool
            As in ``_fit``.
        checkpoint : FitCheckpoint or None
            Where epochs are kept.
        """
        train, valid = self._split(labels, seeds["split"])
        # over all clips, those that validate too: no label is in it
        if not goes_on:
            self.scaler_ = self._fit_scaler(clips)
        data = self._make_data(clips, labels, train, seeds)
        valid_data = None
        if valid is not None:
            valid_data = self._make_data(clips, labels, valid, seeds, validates=True)
        # layers, dropout and the loop itself draw from torch's one generator
        prepare_forks()
        with seeded_torch(seeds["torch"], self.device):
            previous = self.net_ if goes_on else None
            module = self._make_module(clips, previous)
            self.net_: NeuralNet = self._compose_net(module, valid_data, seeds)
            self.net_.initialize()
            if previous is not None:
                _go_on_from(self.net_, previous)
            self._train(data, valid_data, seeds, checkpoint)
        self.n_iter_ = len(self.net_.history)
        self._warn_of_rise()
        self._finish(clips, labels, data)
        if self.n_iter_:
            self._warn_of_sameness(clips)

    # --- what an estimator writes itself, in the order in which it is called

    @abstractmethod
    def _check_parameters(self) -> None:
        """Refuse parameters outside their ranges; calls ``_check_loop``."""

    @abstractmethod
    def _read_labels(self, y: LabelsLike | None, n_clips: int) -> Labels:
        """Read y, and refuse one of which nothing can be learned."""

    def _select(self, clips: Clips, labels: Labels) -> tuple[Clips, Labels]:
        """Return the clips that are learned from: those that could be read."""
        rows = clips.find_readable(type(self).__name__)
        return clips.take(rows), labels.take(rows)

    @abstractmethod
    def _begin(self, clips: Clips, labels: Labels, goes_on: bool) -> None:
        """Refuse data that teach nothing; set attributes that need no training."""

    def _check_split(self, labels: Labels, train: IntArray, valid: IntArray) -> None:
        """Refuse a validation split that leaves too little on either side.

        Parameters
        ----------
        labels : Labels
            Of all clips that are learned from.
        train, valid : ndarray of int
            Rows of them.
        """

    def _fit_scaler(self, clips: Clips) -> FrameScaler:
        """Measure mean and deviation of each feature over all frames."""
        return FrameScaler.fit(clips, verbose=self.verbose)

    @abstractmethod
    def _make_data(
        self,
        clips: Clips,
        labels: Labels,
        rows: IntArray,
        seeds: dict[str, int],
        validates: bool = False,
    ) -> StatefulData:
        """Return what ``_batches`` draws from.

        Parameters
        ----------
        clips : Clips
        labels : Labels
            One row per clip.
        rows : ndarray of int
            The clips to take.
        seeds : dict of str to int
            By ``_seed_names``.
        validates : bool, default=False
            Whether every epoch has to draw the same, so that losses can be compared.
        """

    @abstractmethod
    def _make_module(self, clips: Clips, previous: NeuralNet | None) -> nn.Module:
        """Return the network.

        Parameters
        ----------
        clips : Clips
            For the number of features, and whether they are rows of a table.
        previous : skorch.NeuralNet or None
            The net to go on with: its weights are kept.
        """

    @abstractmethod
    def _make_criterion(self) -> nn.Module:
        """Return the loss."""

    def _make_callbacks(self, seeds: dict[str, int]) -> list[Callback]:
        """Return callbacks of our own; they come before the user's."""
        return []

    def _finish(self, clips: Clips, labels: Labels, data: StatefulData) -> None:
        """Look at what was learned, and say in words what went wrong.

        Parameters
        ----------
        clips : Clips
            All that were learned from or validated by.
        labels : Labels
            One row per clip.
        data : StatefulData
            What ``_make_data`` returned for those that were learned from.
        """

    @abstractmethod
    def _answer(self, clips: Clips) -> np.ndarray:
        """Return what the net makes of a few short clips, (n_clips, any number).

        Parameters
        ----------
        clips : Clips
            Of those that were learned from.
        """

    # --- what all of them share

    def _check_loop(self) -> None:
        """Refuse what no estimator can give to its training loop."""
        check_number(self, "max_epochs", numbers.Integral, 0)
        check_number(self, "lr", numbers.Real, 0, left="open")
        check_callable(self, "optimizer", "torch.optim.Adam")
        self._check_optimizer()
        self._check_device()
        given = self.callbacks
        # skorch takes named ones as well
        is_list = isinstance(given, list | tuple | None)
        if not is_list or not all(_is_callback(one) for one in given or ()):
            raise ValueError(
                f"The 'callbacks' parameter of {type(self).__name__} must be a list of "
                f"skorch callbacks or None. Got {self.callbacks!r} instead."
            )
        if not isinstance(self.verbose, bool):
            check_number(self, "verbose", numbers.Integral, 0)
        if not isinstance(self.checkpoint, str | os.PathLike | None):
            raise ValueError(
                f"The 'checkpoint' parameter of {type(self).__name__} must be a folder "
                f"or None. Got {self.checkpoint!r} instead."
            )

    def _check_stopping(self) -> None:
        """Refuse what decides when to stop early.

        Warns
        -----
        UserWarning
            Where ``patience`` is set and nothing is validated.
        """
        check_number(self, "patience", numbers.Integral, 1)
        if self.validation_fraction is None:
            self._warn_ignored("patience", "without validation_fraction")
        else:
            name, kind = "validation_fraction", numbers.Real
            check_number(self, name, kind, 0, 1, left="open", right="open")

    def _check_optimizer(self) -> None:
        """Refuse a callable that makes no optimizer, before hours of scaling."""
        weight = nn.Parameter(torch.zeros(1))
        made, cause = None, ""
        try:
            made = self.optimizer([weight], lr=float(self.lr))
        except (TypeError, ValueError) as error:
            cause = f" ({error})"
        if not hasattr(made, "step"):
            raise ValueError(
                f"The 'optimizer' parameter of {type(self).__name__} must return an "
                "optimizer of torch when it is called with parameters and 'lr', here "
                f"{self.lr!r}. Got {self.optimizer!r} instead{cause}."
            )

    def _check_device(self) -> None:
        """Refuse a device that torch does not know, or that this machine lacks."""
        owner, value = type(self).__name__, self.device
        try:
            device = torch.device(value)
        except (RuntimeError, TypeError, ValueError) as error:
            raise ValueError(
                f"The 'device' parameter of {owner} must be a device of torch, such as "
                f"'cpu' or 'cuda'. Got {value!r} instead."
            ) from error
        # torch itself would only tell when the first tensor is moved, after the scaling
        n_mps = int(torch.backends.mps.is_available())
        found = {"cuda": torch.cuda.device_count(), "mps": n_mps}
        # tensors of "meta" have no values
        is_missing = device.type == "meta"
        if is_missing or (device.index or 0) >= found.get(device.type, np.inf):
            raise ValueError(
                f"The 'device' parameter of {owner} asks for {value!r}, but torch "
                f"{torch.__version__} finds no such device here. Choose 'cpu', or "
                "install a torch that was built for the device."
            )

    def _check_precision(self) -> None:
        """Refuse what is no precision; ``device`` has been checked.

        Warns
        -----
        UserWarning
            Where it asks for numbers that the device can only imitate.
        """
        check_choice(self, "precision", get_args(Precision))
        device = torch.device(self.device)
        if self.precision == "bfloat16" and not multiplies_bfloat16(device):
            warn(
                f"The 'precision' parameter of {type(self).__name__} is 'bfloat16', "
                f"but torch knows of no instructions for it on {device.type!r} here: "
                "imitated, it takes many times as long as 'float32'. Choose 'auto', "
                "which is 'float32' on this machine."
            )

    def _check_encoder(self, choices: Sequence[str | None]) -> None:
        """Refuse an encoder that is no callable and none of the choices.

        Parameters
        ----------
        choices : sequence of str or None
            What it may be by name.

        Raises
        ------
        ValueError
            Where it is something else.

        Warns
        -----
        UserWarning
            Where ``n_components`` is set and a callable cannot be told of it.
        """
        encoder = self.encoder
        if callable(encoder):
            if not takes_components(encoder):
                self._warn_ignored(
                    "n_components", "with an encoder that has no such parameter"
                )
        elif not (isinstance(encoder, str | None) and encoder in choices):
            raise ValueError(
                f"The 'encoder' parameter of {type(self).__name__} must be one of "
                f"{list(choices)} or a callable. Got {encoder!r} instead."
            )

    def _warn_ignored(self, name: str, circumstance: str) -> None:
        """Warn that a parameter which the user has set changes nothing here.

        Parameters
        ----------
        name : str
            Of the parameter.
        circumstance : str
            Why, as the end of "has no effect".
        """
        value = getattr(self, name)
        # a default that was typed out cannot be told from one that was not
        default = inspect.signature(type(self).__init__).parameters[name].default
        if not np.array_equal(value, default):
            warn(
                f"The {name!r} parameter of {type(self).__name__} has no effect "
                f"{circumstance}. Got {value!r}: leave it at its default, {default!r}."
            )

    def _draw_seeds(self, goes_on: bool) -> list[int]:
        """Draw a seed for each of ``_seed_names``."""
        seeds = draw_seeds(self.random_state, len(self._seed_names))
        # what goes on needs other batches than in the epochs before
        return [seed + self.n_iter_ for seed in seeds] if goes_on else seeds

    def _split(
        self, labels: Labels, seed: int
    ) -> tuple[NDArray[np.intp], NDArray[np.intp] | None]:
        """Return the rows to train on, and those to validate if some are set apart."""
        if self.validation_fraction is None:
            return np.arange(len(labels.present)), None
        train, valid = split_clips(labels, self.validation_fraction, seed)
        self._check_split(labels, train, valid)
        return train, valid

    def _compose_net(
        self, module: nn.Module, valid_data: StatefulData | None, seeds: dict[str, int]
    ) -> NeuralNet:
        """Compose the skorch net from the parameters that bear its names.

        Parameters
        ----------
        module : nn.Module
            Seeded and untrained, or that of the last fit.
        valid_data : Dataset or None
            ``None``: no early stopping.
        seeds : dict of str to int
            By ``_seed_names``, for callbacks.
        """
        callbacks = self._make_callbacks(seeds)
        if valid_data is not None:
            callbacks.append(EarlyStopping(patience=self.patience, load_best=True))
        # skorch writes into callbacks: the user's own instances stay as they are
        callbacks += [clone(c, safe=False) for c in self.callbacks or ()]
        return NeuralNet(
            module,
            criterion=self._make_criterion(),
            optimizer=self.optimizer,
            lr=float(self.lr),
            max_epochs=int(self.max_epochs),
            batch_size=int(self.batch_size),
            iterator_train=type(self)._batches,
            iterator_valid=type(self)._batches,
            iterator_train__verbose=self.verbose,
            iterator_valid__verbose=self.verbose,
            train_split=None if valid_data is None else predefined_split(valid_data),
            callbacks=callbacks,
            device=self.device,
            verbose=self.verbose,
            # partial_fit of skorch begins anew where this is False
            warm_start=True,
        )

    def _open_checkpoint(
        self, clips: Clips, labels: Labels, seeds: dict[str, int], goes_on: bool
    ) -> contextlib.AbstractContextManager[FitCheckpoint | None]:
        """Look into the folder that ``checkpoint`` names, if it does.

        Parameters
        ----------
        clips, labels, seeds, goes_on
            As in ``_learn``.

        Warns
        -----
        UserWarning
            Where it has no effect: what a fit that goes on began with is nowhere.
        """
        if self.checkpoint is None or goes_on:
            if goes_on:
                self._warn_ignored("checkpoint", "where an earlier fit goes on")
            return contextlib.nullcontext()
        drawn = None if self.random_state is None else list(seeds.values())
        description = describe_fit(
            type(self).__name__,
            self.get_params(deep=False),
            drawn,
            clips,
            labels,
            self.verbose,
        )
        return FitCheckpoint(self.checkpoint, description)

    def _train(
        self,
        data: StatefulData,
        valid_data: StatefulData | None,
        seeds: dict[str, int],
        checkpoint: FitCheckpoint | None,
    ) -> None:
        """Run the epochs of an initialised net; keep the last one that is sound.

        As ``partial_fit`` of skorch, epoch by epoch. skorch ends a fit quietly on
        KeyboardInterrupt, which its callbacks raise too. An epoch without a loss is one
        that the user broke off, and a search or Pipeline must not go on with half a
        net.

        Parameters
        ----------
        data, valid_data : StatefulData
            What is trained on, and validated by if anything.
        seeds, checkpoint
            As in ``_learn``.

        Raises
        ------
        KeyboardInterrupt
            Where an epoch was broken off.
        ValueError
            Where not even the first epoch is sound.
        """
        net = self.net_
        goal = len(net.history) + self.max_epochs
        net.notify("on_train_begin", X=data, y=None)
        if checkpoint is not None:
            checkpoint.restore(net, data, valid_data)
        sound = copy.deepcopy(net_state(net)) if net.history else None
        is_over = is_broken = False
        while len(net.history) < goal and not is_over:
            n_before = len(net.history)
            try:
                net.fit_loop(data, epochs=1)
            except KeyboardInterrupt:
                is_over = True
                has_begun = len(net.history) > n_before
                is_broken = not has_begun or "train_loss" not in net.history[-1]
            if is_broken:
                break
            if not _is_sound(net, self.n_features_in_):
                self._go_back(sound, n_before)
                break
            sound = copy.deepcopy(net_state(net))
            # an epoch that was the last by what came to light in it is run once more
            if checkpoint is not None and not is_over:
                is_last = len(net.history) == goal
                checkpoint.save(net, data, valid_data, seeds, is_last)
        net.notify("on_train_end", X=data, y=None)
        # the split holds the validation clips, which a pickled net should not
        net.train_split = None
        if is_broken:
            raise KeyboardInterrupt

    def _go_back(self, sound: dict[str, Any] | None, n_epochs: int) -> None:
        """Give a net that has diverged the weights of its last sound epoch.

        Who has waited for days wants what was learned before, and a word of what
        happened; but a net that never was sound has learned nothing.

        Parameters
        ----------
        sound : dict or None
            What ``net_state`` returned then; ``None`` if there is no such epoch.
        n_epochs : int
            How many there were.

        Raises
        ------
        ValueError
            Where there is none.

        Warns
        -----
        UserWarning
            Where there is one.
        """
        net, owner, epoch = self.net_, type(self).__name__, n_epochs + 1
        loss = net.history[-1, "train_loss"]
        became = "weights too large" if np.isfinite(loss) else f"a loss of {loss}"
        what = f"{owner} diverged: epoch {epoch} ended with {became}."
        lower = f"Lower lr (now {self.lr!r}){self._other_cure()}"
        if sound is None:
            del self.net_  # of no use, and nothing to go on from
            raise ValueError(f"{what} Nothing was learned. {lower}, and fit anew.")
        set_net_state(net, sound)
        del net.history_[n_epochs:]
        warn(
            f"{what} The fit has stopped, and its net is that of epoch {n_epochs}, the "
            f"last good one. {lower} to train longer."
        )

    def _warn_of_rise(self) -> None:
        """Warn where the loss has ended far above that of the untrained net."""
        if not self.n_iter_:
            return
        batches = self.history_[0]["batches"]
        first = batches[0]["train_loss"] if batches else np.inf
        last = self.history_[-1]["train_loss"]
        # a hinge may begin near 0, and then rise without harm
        if last > ROSE * max(first, 1):
            warn(
                f"The loss of {type(self).__name__} is {last:.3g} after epoch "
                f"{self.n_iter_} and was {first:.3g} before the first step: nothing "
                f"was learned. Lower lr (now {self.lr!r}){self._other_cure()}, and fit "
                "anew."
            )

    def _warn_of_sameness(self, clips: Clips) -> None:
        """Warn where the answer is the same whatever is asked, and tell why.

        Parameters
        ----------
        clips : Clips
            What was learned from; a few of them are asked about.
        """
        # whoever measures collapse in training has said so
        if len(clips) < 2 or self.history_[-1].get("spread", 1) < COLLAPSED:
            return
        asked = _cut_some(clips)
        with np.errstate(over="ignore", invalid="ignore"):
            answers = self._answer(asked).astype(float)
            largest = np.ptp(answers, axis=0).max()
        if largest > SAME * max(np.abs(answers).max(), 1):
            return
        owner = type(self).__name__
        # as the net has seen them, to which a difference of 1e-38 is none
        seen = [self.scaler_.transform(asked[i]) for i in range(len(asked))]
        if all(c.shape == seen[0].shape and np.allclose(c, seen[0]) for c in seen):
            why = "they hold the same values. Look at what X is made of."
        else:
            why = f"it has collapsed. Lower lr (now {self.lr!r}){self._other_cure()}."
        warn(
            f"{owner} gives the same answer to all of {len(asked)} training clips: "
            f"{why}"
        )

    def _other_cure(self) -> str:
        """Say what helps against divergence beside a lower learning rate."""
        return ""

    # --- what a stored estimator gets its net back by

    def _rebuild_module(self) -> nn.Module:
        """Build the network of a fitted estimator once more, with other weights."""
        # all that a network is told of clips: the number of features, and of axes
        frames = np.zeros((1, self.n_features_in_, 1), dtype=np.float32)
        clips = Clips(frames, np.ones(1, dtype=int), getattr(self, "flat_", False))
        with seeded_torch(0, "cpu"):
            return self._make_module(clips, None)

    def _restore_net(
        self, weights: dict[str, torch.Tensor], history: list[dict[str, object]]
    ) -> None:
        """Set ``net_`` from stored weights, without data.

        Parameters
        ----------
        weights : dict of str to tensor
            All of the module, by name.
        history : list of dict
            A row per epoch.

        Warns
        -----
        UserWarning
            Where ``device`` is none of this machine: the net is on the CPU.
        """
        # callbacks of our own are made anew by each fit, and so are their seeds
        seeds = dict.fromkeys(self._seed_names, 0)
        net = self._compose_net(self._rebuild_module(), None, seeds)
        try:
            self._check_device()
        except ValueError as error:
            warn(f"{error} The net was loaded to the CPU.")
            net.device = "cpu"
        net.initialize()
        net.module_.load_state_dict(weights)
        net.history_ = History(history)
        self.net_ = net

    @property
    def history_(self) -> History:
        """The skorch history of the net: a row per epoch."""
        return self.net_.history

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_")


def _has_columns(estimator: EmbedsClips) -> bool:
    """Whether transform returns a table, or may do so once it is fitted.

    Asked by ``available_if``: three axes have no column names, and a method that then
    raised would break ``set_output`` of a whole Pipeline.
    """
    return estimator.output == "clip" or getattr(estimator, "flat_", True)


class EmbedsClips(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """What is alike in transformers that return frames, or a table by choice.

    Attributes
    ----------
    n_components_ : int
        Components per frame.
    flat_ : bool
        Whether X was a table in ``fit``: then ``transform`` returns one in any case.
    """

    # a parameter, stored by the ``__init__`` of each
    output: Literal["frames", "clip"]

    n_components_: int
    flat_: bool

    @available_if(_has_columns)
    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Return names of the columns: the class in small letters, and a number.

        Only where ``transform`` returns a table: ``output="clip"``, or X is one.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        names : ndarray of str
        """
        return super().get_feature_names_out(input_features)

    def set_output(
        self, *, transform: Literal["default", "pandas", "polars"] | None = None
    ) -> Self:
        """Choose the container of a table; frames stay an ndarray of three axes.

        Parameters
        ----------
        transform : {"default", "pandas", "polars", None}
            As everywhere in scikit-learn.

        Returns
        -------
        self : estimator
        """
        # scikit-learn would wrap, and a DataFrame of three axes does not exist
        return super().set_output(transform=transform) if _has_columns(self) else self

    # scikit-learn names as many columns as this says
    @property
    def _n_features_out(self) -> int:
        return self.n_components_ * (2 if self.output == "clip" else 1)
