"""A fitted estimator or Pipeline in, one ONNX file that needs no Python out.

In the file, waveforms (n_clips, n_samples), clips (n_clips, n_features, n_frames) or
rows (n_clips, n_features) become what the methods of the estimator return. Each step is
a torch module of the same formula, without what only training, padding or hours need;
torch writes the graph, and onnxruntime has to agree with the estimator before there is
a file.
"""

from __future__ import annotations

import copy
import importlib
import importlib.metadata
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier, _ConstantPredictor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.nn import functional

from sklearn_triplet._embedder import TripletEmbedder
from sklearn_triplet._features.extraction import Analysis
from sklearn_triplet._features.log_mel import LogMel
from sklearn_triplet._input.clips import FrameScaler
from sklearn_triplet._input.parameters import check_option
from sklearn_triplet._model_selection.row_classifier import RowClassifier
from sklearn_triplet._taggers import ClipClassifier, SequenceTagger
from sklearn_triplet._training.checkpoint import write_whole
from sklearn_triplet._training.networks import FrameEncoder, _Convolutions
from sklearn_triplet._triplet_tagger import TripletTagger

OPSET = 18  # the first that has all that is needed, so that old runtimes read it
TOLERANCE = 1e-4  # of what onnxruntime returns, absolute and relative
PACKAGES = "onnx", "onnxscript", "onnxruntime"
OUTPUTS = "transform", "predict_proba", "predict_frames"


def export_onnx(
    estimator: BaseEstimator,
    path: str | os.PathLike[str],
    *,
    outputs: Sequence[str] | None = None,
    classes: ArrayLike | None = None,
) -> None:
    """Write a fitted estimator or Pipeline as one ONNX file, for other runtimes.

    A gateway, a phone or a web page then needs neither Python nor torch, only one of
    the many runtimes of ONNX. With ``LogMel`` as first step the file takes waveforms.

    Parameters
    ----------
    estimator : estimator
        Fitted: ``TripletEmbedder``, ``TripletTagger``, ``SequenceTagger``,
        ``CRNNTagger``, ``LogMel``, or a ``Pipeline`` of these. Behind an embedding of
        whole clips also ``StandardScaler``, ``Normalizer``, ``LogisticRegression`` and
        ``OneVsRestClassifier`` of the latter, in ``LabeledOnly``, ``PseudoLabeled`` and
        ``TunedThresholds`` or without.
    path : str or path-like
        Of the file. One that exists is replaced once the new one has been checked.
    outputs : list of {"transform", "predict_proba", "predict_frames"}, default=None
        What the file returns, by the names of the methods that return the same.
        ``None``: all that the last step has.
    classes : array-like of shape (n_classes,), default=None
        The names of the classes, such as those of an indicator's columns. ``None``:
        ``classes_``.

    Raises
    ------
    ImportError
        Where onnx, onnxscript or onnxruntime is missing, or torch is older than 2.8.
    NotFittedError
        Where the estimator is not fitted.
    ValueError
        Where there is no graph for a step or an encoder, or onnxruntime disagrees with
        the estimator. No file is written.

    See Also
    --------
    save_model : Writes what ``load_model`` makes an estimator of again.

    Notes
    -----
    **Input.** ``waveforms`` (n_clips, n_samples), mono and at the ``sample_rate`` of
    ``LogMel``; without it ``X`` (n_clips, n_features, n_frames), or (n_clips,
    n_features) where the first step learned from a table. All float32. Number and
    length of clips are free, but the clips of one call have one length: padding by NaN
    is refused by no runtime and spoils the result, so clips of another length go into
    another call. Nothing else changes, as no clip depends on its neighbours.

    **Outputs** are float32, of the shapes that the methods return. Scaling is part of
    the graph; so are frames, mel bands and logarithm of ``LogMel``, but not what reads
    files, resamples, and rounds to ``dtype="float16"``.

    **Metadata**, as JSON: ``classes``; ``multilabel``; where that is true
    ``thresholds``, from which on a class is predicted, else it is the most probable;
    ``sample_rate`` in Hz and ``frame_duration`` in seconds, with ``LogMel`` only;
    ``steps`` and ``sklearn_triplet``, the version.

    **Check.** Before the file is written, onnxruntime computes random clips of several
    numbers and lengths, and has to return what the estimator does, to 1e-4 (absolute
    and relative).

    **Encoders of one's own** are exported as far as torch can: a ``forward`` that
    decides by values of its input cannot. Encoders that take ``lengths`` get that of
    the clips of the call.

    References
    ----------
    ONNX, Open Neural Network Exchange, https://onnx.ai/onnx/intro/.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import pytest; _ = pytest.importorskip("onnxscript")
    >>> import onnxruntime
    >>> from sklearn_triplet import TripletTagger, export_onnx
    >>> X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    >>> y = ["dog", "rain", "dog", "rain", -1, -1]
    >>> tagger = TripletTagger(max_epochs=1, n_steps=1, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_onnx(tagger, f"{folder}/dog.onnx", outputs=["predict_proba"])
    ...     session = onnxruntime.InferenceSession(f"{folder}/dog.onnx")
    >>> (probabilities,) = session.run(None, {"X": X})
    >>> np.allclose(probabilities, tagger.predict_proba(X), atol=1e-4)
    True
    >>> session.get_modelmeta().custom_metadata_map["classes"]
    '["dog", "rain"]'
    """
    _check_packages()
    if not isinstance(estimator, BaseEstimator):
        raise ValueError(
            "The 'estimator' parameter of export_onnx must be a fitted estimator or "
            f"Pipeline. Got {estimator!r} instead."
        )
    check_is_fitted(estimator)
    graph = _Graph([_make_step(step) for step in _list_steps(estimator)], outputs)
    about = _describe(estimator, graph, classes)
    model = _trace(graph)
    importlib.import_module("onnx").helper.set_model_props(model, about)
    data = model.SerializeToString()
    _check_against(data, estimator, graph)
    write_whole(Path(path), data)


def _check_packages() -> None:
    """Refuse to begin without the packages that write and read ONNX.

    Raises
    ------
    ImportError
    """
    for name in PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise ImportError(
                f"export_onnx needs {', '.join(PACKAGES)}, and {name} cannot be "
                "imported. Install them: pip install 'sklearn-triplet[onnx]'."
            ) from error
    if not hasattr(torch.onnx, "ops"):
        raise ImportError(
            f"export_onnx needs torch 2.8 or newer. This is {torch.__version__}: "
            "update it, or load_model the estimator where a newer one is installed."
        )


def _list_steps(estimator: Any) -> Iterator[Any]:
    """Take Pipelines and what stands around a classifier apart.

    Parameters
    ----------
    estimator : estimator
        Fitted.

    Yields
    ------
    step : estimator
        In the order of the data.
    """
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps:
            if step is not None and not isinstance(step, str):  # "passthrough"
                yield from _list_steps(step)
    elif isinstance(estimator, FrozenEstimator):
        yield from _list_steps(estimator.estimator)
    elif isinstance(estimator, RowClassifier):
        yield from _list_steps(estimator.estimator_)
    else:
        yield estimator


# --- the steps as torch modules


class _Step(nn.Module):
    """A step: one tensor in, what the methods of the estimator return out.

    Attributes
    ----------
    axes : tuple of str or int
        The axes of the input; names are those that are free.
    outputs : tuple of str
        The methods, of which ``forward`` returns the results by name.
    center, spread : ndarray of shape (n_features,) or float
        What random inputs for the check are drawn around.
    """

    axes: tuple[str | int, ...]
    center: NDArray | float = 0.0
    spread: NDArray | float = 1.0
    input_name = "X"
    outputs: tuple[str, ...] = ("transform",)
    shrink = 200  # samples for a frame, where lengths of one example serve both

    def draw(
        self, rng: np.random.Generator, n_clips: int, length: int
    ) -> NDArray[np.float32]:
        """Draw clips of one length to try the graph with.

        Parameters
        ----------
        rng : numpy.random.Generator
        n_clips, length : int
            What stands for the names of the axes.

        Returns
        -------
        X : ndarray, float32
        """
        first, *others = (
            length if isinstance(axis, str) else axis for axis in self.axes[1:]
        )
        noise = rng.normal(size=(n_clips, first, *others))
        shape = (-1,) + (1,) * len(others)
        X = noise * np.reshape(self.spread, shape) + np.reshape(self.center, shape)
        return X.astype(np.float32)


class _Energies(_Step):
    """Log-mel energies, as ``Analysis.log_mel`` has the formula.

    Parameters
    ----------
    log_mel : LogMel
    """

    axes = "n_clips", "n_samples"
    spread = 0.1  # of full scale: the noise is not clipped
    input_name = "waveforms"
    shrink = 1
    window: torch.Tensor
    filters: torch.Tensor
    waves: torch.Tensor | None

    def __init__(self, log_mel: LogMel) -> None:
        super().__init__()
        log_mel._check_parameters()
        analysis = Analysis(log_mel._settings())
        self.settings = analysis.settings
        self.hop = analysis.settings.hop_length
        self.register_buffer("window", torch.from_numpy(analysis.window))
        self.register_buffer("filters", torch.from_numpy(analysis.filters.toarray()))
        n_fft = analysis.settings.n_fft
        # onnxruntime's STFT of other lengths is off by a thousandth. A product with all
        # waves is exact and takes as long, but is 9 MB in the file at 44.1 kHz.
        is_power_of_two = n_fft & (n_fft - 1) == 0
        waves = None if is_power_of_two else _make_waves(n_fft, analysis.window)
        self.register_buffer("waves", waves)

    def forward(self, X: torch.Tensor) -> dict[str, torch.Tensor]:
        """Turn waveforms into energies.

        Parameters
        ----------
        X : tensor of shape (n, n_samples)

        Returns
        -------
        answers : dict of str to tensor
            ``"transform"``, of shape (n, n_mels, n_frames).
        """
        energies = torch.matmul(self.filters, self.power(X))
        return {"transform": (energies + self.settings.log_floor).log()}

    def power(self, X: torch.Tensor) -> torch.Tensor:
        """Return the power of spectra, in frames as ``Analysis.log_mel`` cuts them.

        Parameters
        ----------
        X : tensor of shape (n, n_samples)

        Returns
        -------
        power : tensor of shape (n, 1 + n_fft // 2, n_frames)
        """
        n_fft, n_window, hop = self.settings.n_fft, len(self.window), self.hop
        if self.waves is None:
            # beyond its ends a clip is silent
            padded = functional.pad(X, (n_fft // 2, n_fft // 2))
            spectra = torch.stft(
                padded,
                n_fft,
                hop,
                n_window,
                self.window,
                center=False,
                return_complex=True,
            )
            return torch.view_as_real(spectra).square().sum(dim=3)
        # the zeros around the window are left out, so less silence is needed: as much
        # as makes the same number of frames
        before = n_fft // 2 - (n_fft - n_window) // 2
        padded = functional.pad(X, (before, n_window - before - n_fft % 2))
        spectra = functional.conv1d(padded[:, None], self.waves, stride=hop)
        return spectra.square().unflatten(1, (2, -1)).sum(dim=1)


def _make_waves(n_fft: int, window: NDArray[np.float32]) -> torch.Tensor:
    """Return the waves of the Fourier transform, windowed.

    Parameters
    ----------
    n_fft : int
    window : ndarray of shape (n_window,)

    Returns
    -------
    waves : tensor of shape (2 * (1 + n_fft // 2), 1, n_window), float32
        Cosines, then sines.
    """
    turns = np.outer(np.arange(1 + n_fft // 2), np.arange(len(window))) % n_fft
    phase = 2 * np.pi * turns / n_fft
    waves = np.concatenate([np.cos(phase), np.sin(phase)]) * window
    return torch.from_numpy(waves[:, None].astype(np.float32))


class _Frames(_Step):
    """Clips to standardised and encoded frames: what all our estimators begin with.

    Parameters
    ----------
    scaler : FrameScaler
    encoder : FrameEncoder or None
        ``None``: nothing is encoded.
    n_features : int
    flat : bool
        Whether the input are rows of a table.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(
        self,
        scaler: FrameScaler,
        encoder: FrameEncoder | None,
        n_features: int,
        flat: bool = False,
    ) -> None:
        super().__init__()
        self.axes = "n_clips", n_features, *(() if flat else ("n_frames",))
        self.center, self.spread = scaler.mean, scaler.scale
        self.limit = scaler.limit
        self.flat = flat
        self.encoder = encoder
        self.register_buffer("mean", torch.from_numpy(scaler.mean)[:, None])
        self.register_buffer("scale", torch.from_numpy(scaler.scale)[:, None])

    def encode(self, X: torch.Tensor) -> torch.Tensor:
        """Standardise frames and encode them.

        Parameters
        ----------
        X : tensor of shape (n, n_features, n_frames)

        Returns
        -------
        frames : tensor of shape (n, n_components, n_frames)
        """
        X = (X - self.mean) / self.scale
        if self.limit is not None:
            X = X.clamp(-self.limit, self.limit)
        if self.encoder is None:
            return X
        encoder = self.encoder.encoder
        # a graph cannot ask whether there is padding; there is none
        if getattr(type(encoder), "forward", None) is _Convolutions.forward:
            return encoder(X)
        if self.encoder.takes_lengths:
            return encoder(X, _count_frames(X)).float()
        return encoder(X).float()


class _Embedding(_Frames):
    """``TripletEmbedder.transform``.

    Parameters
    ----------
    embedder : TripletEmbedder
    """

    def __init__(self, embedder: TripletEmbedder) -> None:
        module = _copy_module(embedder)
        n_features = embedder.n_features_in_
        super().__init__(embedder.scaler_, module, n_features, embedder.flat_)
        self.output = embedder.output

    def forward(self, X: torch.Tensor) -> dict[str, torch.Tensor]:
        """Embed clips.

        Parameters
        ----------
        X : tensor of shape (n, n_features, n_frames) or (n, n_features)

        Returns
        -------
        answers : dict of str to tensor
            ``"transform"``, of the shape that ``output`` says.
        """
        frames = self.encode(X[:, :, None] if self.flat else X)
        if self.output == "clip":
            # around the mean, as numpy has it: a difference of squares would cancel
            mean = frames.mean(dim=2)
            deviation = (frames - mean[:, :, None]).square().mean(dim=2).sqrt()
            return {"transform": torch.cat([mean, deviation], dim=1)}
        return {"transform": frames[:, :, 0] if self.flat else frames}


class _TripletTags(_Frames):
    """``transform``, ``predict_proba`` and ``predict_frames`` of ``TripletTagger``.

    Parameters
    ----------
    tagger : TripletTagger
    """

    outputs = OUTPUTS

    def __init__(self, tagger: TripletTagger) -> None:
        module = _copy_module(tagger)
        super().__init__(tagger.scaler_, module, tagger.n_features_in_, tagger.flat_)
        self.module = module
        self.output = tagger.output
        self.multilabel = tagger.multilabel_
        self.frame_pooling = 1 if tagger.flat_ else tagger.frame_pooling_

    def forward(self, X: torch.Tensor) -> dict[str, torch.Tensor]:
        """Embed and tag clips, and tag their frames.

        Parameters
        ----------
        X : tensor of shape (n, n_features, n_frames) or (n, n_features)

        Returns
        -------
        answers : dict of str to tensor
            ``"transform"``, of the shape that ``output`` says; ``"predict_proba"``, (n,
            n_classes); ``"predict_frames"``, (n, n_classes, n_frames).
        """
        X = X[:, :, None] if self.flat else X
        n_frames = X.shape[2]
        if self.frame_pooling > 1:
            # as Clips.average_frames: the rest is left out, but where it is all
            n_groups = torch.sym_max(n_frames // self.frame_pooling, 1)
            X = _average(X, self.frame_pooling)[:, :, :n_groups]
        frames = self.encode(X)
        statistics = self.module.pool(frames, torch.ones_like(frames[:, :1]).bool())
        clips = self.module.norm(statistics)
        # the head is linear: asked of frames beside the deviation of their clip
        deviation = statistics[:, frames.shape[1] :, None].expand_as(frames)
        beside = self.module.norm(torch.cat([frames, deviation], dim=1))
        tagged = self.module.head(beside.transpose(1, 2)).transpose(1, 2)
        whole = _stretch(frames, n_frames, self.frame_pooling)
        if self.flat:
            whole = whole[:, :, 0]
        return {
            "transform": clips if self.output == "clip" else whole,
            "predict_proba": _to_probabilities(
                self.module.head(clips), self.multilabel
            ),
            "predict_frames": _stretch(
                _to_probabilities(tagged, self.multilabel), n_frames, self.frame_pooling
            ),
        }


class _SequenceTags(_Frames):
    """``predict_proba`` and ``predict_frames`` of ``SequenceTagger``.

    Parameters
    ----------
    tagger : SequenceTagger
    """

    outputs = "predict_proba", "predict_frames"

    def __init__(self, tagger: SequenceTagger) -> None:
        module = _copy_module(tagger)
        super().__init__(tagger.scaler_, module.encoder, tagger.n_features_in_)
        self.module = module
        self.recurrence = _Recurrence(module.head.gru)
        self.multilabel = tagger.multilabel_

    def forward(self, X: torch.Tensor) -> dict[str, torch.Tensor]:
        """Tag clips and their frames.

        Parameters
        ----------
        X : tensor of shape (n, n_features, n_frames)

        Returns
        -------
        answers : dict of str to tensor
            ``"predict_proba"``, (n, n_classes); ``"predict_frames"``, (n, n_classes,
            n_frames).
        """
        each = self.module.head.frame_pooling
        steps = _average(self.encode(X), each).transpose(1, 2)
        # dropout is for training only
        outputs = self.module.head.linear(self.recurrence(steps)).transpose(1, 2)
        clips = self.module.pool(outputs, _count_frames(outputs))
        tagged = _to_probabilities(self.module.read_logits(outputs), self.multilabel)
        return {
            "predict_proba": _to_probabilities(clips, self.multilabel),
            "predict_frames": _stretch(tagged, X.shape[2], each),
        }


class _Recurrence(nn.Module):
    """A bidirectional GRU as the operator of ONNX.

    torch's own conversion takes it apart into steps, whose number is fixed by that.

    Parameters
    ----------
    gru : nn.GRU
        Bidirectional, with ``batch_first``.
    """

    def __init__(self, gru: nn.GRU) -> None:
        super().__init__()
        self.n_layers, self.n_cells = gru.num_layers, gru.hidden_size

        def pair(name: str, layer: int) -> torch.Tensor:
            both = (getattr(gru, f"{name}_l{layer}{d}") for d in ("", "_reverse"))
            # torch stacks the gates as reset, update, new; ONNX as update, reset, new
            reset, update, new = torch.stack(list(both)).detach().chunk(3, dim=1)
            return torch.cat([update, reset, new], dim=1)

        for i in range(gru.num_layers):
            self.register_buffer(f"input_{i}", pair("weight_ih", i))
            self.register_buffer(f"state_{i}", pair("weight_hh", i))
            bias = torch.cat([pair("bias_ih", i), pair("bias_hh", i)], dim=1)
            self.register_buffer(f"bias_{i}", bias)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        """Run over the steps of clips.

        Parameters
        ----------
        steps : tensor of shape (n, n_steps, n_features)

        Returns
        -------
        states : tensor of shape (n, n_steps, 2 * n_cells)
        """
        # ONNX has the steps on the first axis, and the directions on one of their own
        X = steps.transpose(0, 1)
        for i in range(self.n_layers):
            states = torch.onnx.ops.symbolic(
                "GRU",
                [X, *(getattr(self, f"{w}_{i}") for w in ("input", "state", "bias"))],
                attrs={
                    "direction": "bidirectional",
                    "hidden_size": self.n_cells,
                    # torch's formula of the new gate
                    "linear_before_reset": 1,
                },
                dtype=X.dtype,
                shape=(X.shape[0], 2, X.shape[1], self.n_cells),
                version=OPSET,
            )
            X = states.transpose(1, 2).flatten(2)
        return X.transpose(0, 1)


class _Scaling(_Step):
    """``StandardScaler.transform``, for rows.

    Parameters
    ----------
    scaler : StandardScaler
    """

    mean: torch.Tensor
    scale: torch.Tensor

    # no type: that of scikit-learn does not know what a fit sets
    def __init__(self, scaler: Any) -> None:
        super().__init__()
        n_features = scaler.n_features_in_
        mean = scaler.mean_ if scaler.with_mean else np.zeros(n_features)
        scale = scaler.scale_ if scaler.with_std else np.ones(n_features)
        self.axes = "n_clips", n_features
        self.center, self.spread = mean, scale
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32))

    def forward(self, X: torch.Tensor) -> dict[str, torch.Tensor]:
        """Standardise rows.

        Parameters
        ----------
        X : tensor of shape (n, n_features)

        Returns
        -------
        answers : dict of str to tensor
            ``"transform"``, of the same shape.
        """
        return {"transform": (X - self.mean) / self.scale}


class _Norming(_Step):
    """``Normalizer.transform``, for rows.

    Parameters
    ----------
    normalizer : Normalizer
    """

    def __init__(self, normalizer: Any) -> None:
        super().__init__()
        self.axes = "n_clips", normalizer.n_features_in_
        self.norm = normalizer.norm

    def forward(self, X: torch.Tensor) -> dict[str, torch.Tensor]:
        """Divide rows by their norm, but for those of zeros.

        Parameters
        ----------
        X : tensor of shape (n, n_features)

        Returns
        -------
        answers : dict of str to tensor
            ``"transform"``, of the same shape.
        """
        if self.norm == "max":
            norm = X.abs().amax(dim=1, keepdim=True)
        elif self.norm == "l1":
            norm = X.abs().sum(dim=1, keepdim=True)
        else:
            norm = X.square().sum(dim=1, keepdim=True).sqrt()
        return {"transform": X / torch.where(norm > 0, norm, 1.0)}


class _Regression(_Step):
    """``predict_proba`` of ``LogisticRegression``, or of one for each class.

    Parameters
    ----------
    classifier : LogisticRegression or OneVsRestClassifier
        Of two classes, of many, or of an indicator.
    """

    outputs = ("predict_proba",)
    weight: torch.Tensor
    bias: torch.Tensor

    def __init__(self, classifier: Any) -> None:
        super().__init__()
        self.axes = "n_clips", classifier.n_features_in_
        parts = getattr(classifier, "estimators_", [classifier])
        n_features = classifier.n_features_in_
        weights = [getattr(p, "coef_", np.zeros((1, n_features))) for p in parts]
        biases = [_intercept(part) for part in parts]
        self.is_binary = len(np.concatenate(biases)) == 1
        self.one_by_one = isinstance(classifier, OneVsRestClassifier)
        self.multilabel = self.one_by_one and classifier.multilabel_
        for name, values in (("weight", weights), ("bias", biases)):
            joined = torch.as_tensor(np.concatenate(values), dtype=torch.float32)
            self.register_buffer(name, joined)

    def forward(self, X: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return probabilities of rows.

        Parameters
        ----------
        X : tensor of shape (n, n_features)

        Returns
        -------
        answers : dict of str to tensor
            ``"predict_proba"``, (n, n_classes).
        """
        logits = functional.linear(X, self.weight, self.bias)
        if self.multilabel:
            return {"predict_proba": logits.sigmoid()}
        if self.is_binary:
            return {"predict_proba": torch.cat([-logits, logits], dim=1).sigmoid()}
        if self.one_by_one:
            # what OneVsRestClassifier makes of classes that exclude each other
            each = logits.sigmoid()
            return {"predict_proba": each / each.sum(dim=1, keepdim=True)}
        return {"predict_proba": logits.softmax(dim=1)}


def _intercept(classifier: Any) -> NDArray[np.float64]:
    """Return the intercept, or what makes a probability 0 or 1 whatever the row.

    Parameters
    ----------
    classifier : LogisticRegression or _ConstantPredictor
        The latter stands for a class that all rows had, or none.

    Returns
    -------
    intercept : ndarray of shape (n_outputs,)
    """
    if isinstance(classifier, _ConstantPredictor):
        return np.where(classifier.y_, np.inf, -np.inf).ravel()
    return np.asarray(classifier.intercept_, dtype=np.float64)


# by class, the first that fits
STEPS: Mapping[type, Callable[[Any], _Step]] = {
    LogMel: _Energies,
    TripletEmbedder: _Embedding,
    TripletTagger: _TripletTags,
    SequenceTagger: _SequenceTags,
    StandardScaler: _Scaling,
    Normalizer: _Norming,
    LogisticRegression: _Regression,
    OneVsRestClassifier: _Regression,
}


def _make_step(estimator: Any) -> _Step:
    """Return the module of a step.

    Parameters
    ----------
    estimator : estimator
        Fitted.

    Returns
    -------
    step : _Step

    Raises
    ------
    ValueError
        Where there is none.
    """
    kind = next((k for k in STEPS if isinstance(estimator, k)), None)
    inner = getattr(estimator, "estimators_", None) if kind is not LogMel else None
    known = LogisticRegression, _ConstantPredictor
    if kind is None or (inner and not all(isinstance(e, known) for e in inner)):
        raise ValueError(
            f"The 'estimator' parameter of export_onnx has the step {estimator!r}, for "
            "which there is no graph. Export the steps before it, such as pipe[:-1], "
            "convert this one by skl2onnx, and join both by onnx.compose."
        )
    return STEPS[kind](estimator)


def _copy_module(estimator: Any) -> Any:
    """Return the trained module on the CPU; the estimator keeps its own."""
    return copy.deepcopy(estimator.net_.module_).cpu().eval().requires_grad_(False)


def _count_frames(X: torch.Tensor) -> torch.Tensor:
    """Return the lengths (n,) of clips (n, ..., n_frames) without padding, int64."""
    return torch.ones_like(X[:, 0], dtype=torch.int64).sum(dim=1)


def _average(X: torch.Tensor, each: int) -> torch.Tensor:
    """Average ``each`` frames into one as ``average_frames`` does, the rest included.

    Parameters
    ----------
    X : tensor of shape (n, n_components, n_frames)
    each : int

    Returns
    -------
    X : tensor of shape (n, n_components, ceil(n_frames / each))
    """
    if each == 1:
        return X
    # zeros to the end of the last group, wherever that is: torch then need not know how
    # many frames there are
    sums, counts = (
        functional.avg_pool1d(functional.pad(values, (0, each - 1)), each)
        for values in (X, torch.ones_like(X[:, :1]))
    )
    return sums / counts


def _stretch(X: torch.Tensor, n_frames: int, each: int) -> torch.Tensor:
    """Write for each frame of a clip what it became a part of.

    Parameters
    ----------
    X : tensor of shape (n, n_components, n_groups)
    n_frames : int
        Of the clip.
    each : int
        Frames of a group. The last also stands for a rest that fills none.

    Returns
    -------
    X : tensor of shape (n, n_components, n_frames)
    """
    if each == 1:
        return X
    groups = torch.arange(n_frames) // each
    return torch.cat([X, X[:, :, -1:]], dim=2).index_select(2, groups)


def _to_probabilities(logits: torch.Tensor, multilabel: bool) -> torch.Tensor:
    """Return probabilities of logits, of which axis 1 is that of classes."""
    return logits.sigmoid() if multilabel else logits.softmax(dim=1)


# --- the graph


class _Graph(nn.Module):
    """The steps in a row.

    Parameters
    ----------
    steps : list of _Step
    outputs : sequence of str or None
        As in ``export_onnx``.

    Raises
    ------
    ValueError
        Where the last step has no such output.
    """

    def __init__(self, steps: Sequence[_Step], outputs: Sequence[str] | None) -> None:
        super().__init__()
        self.steps = nn.ModuleList(steps)
        self.first, possible = steps[0], steps[-1].outputs
        self.outputs = possible if outputs is None else tuple(outputs)
        for name in self.outputs or ("",):
            check_option("export_onnx", "outputs", name, possible)
        self.eval()

    def forward(self, X: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the outputs, in their order."""
        *before, last = self.steps
        for step in before:
            X = step(X)["transform"]
        found = last(X)
        return tuple(found[name] for name in self.outputs)


def _trace(graph: _Graph) -> Any:
    """Let torch write the graph.

    Parameters
    ----------
    graph : _Graph

    Returns
    -------
    model : onnx.ModelProto
        Of axes with names, and without the notes of torch, which hold lines of code
        and folders of this machine.

    Raises
    ------
    ValueError
        Where torch cannot.
    """
    axes = graph.first.axes
    free = {
        i: torch.export.Dim.DYNAMIC for i, a in enumerate(axes) if isinstance(a, str)
    }
    # sizes that nothing in the net has, so that none is taken for a constant
    X = torch.from_numpy(graph.first.draw(np.random.default_rng(0), 3, 7919))
    try:
        with warnings.catch_warnings():
            # of torch about its own functions
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                graph,
                (X,),
                dynamo=True,
                dynamic_shapes={"X": free},
                input_names=[graph.first.input_name],
                output_names=list(graph.outputs),
                opset_version=OPSET,
                verbose=False,
            )
    except Exception as error:
        cause = error.__cause__ or error
        raise ValueError(
            "torch cannot export the encoder of the 'estimator' parameter of "
            f"export_onnx: {_first_line(cause)} An encoder must not decide by values "
            "of its input."
        ) from error
    assert program is not None
    model = program.model_proto
    _clean(model.graph, axes)
    return model


def _first_line(error: BaseException) -> str:
    """Return what an error says first; torch goes on for pages."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _clean(graph: Any, axes: Sequence[str | int]) -> None:
    """Name the axes, and leave out what the graph does not need.

    Parameters
    ----------
    graph : onnx.GraphProto
        Changed in place.
    axes : sequence of str or int
        Of the input.
    """
    del graph.value_info[:]
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    for value, names in (
        *((value, axes) for value in graph.input),
        # what is free of an output beside clips are frames
        *((value, ("n_clips", "", "n_frames")) for value in graph.output),
    ):
        for dim, name in zip(value.type.tensor_type.shape.dim, names, strict=False):
            if dim.HasField("dim_param"):
                dim.dim_param = str(name)


def _describe(
    estimator: Any, graph: _Graph, classes: ArrayLike | None
) -> dict[str, str]:
    """Return what the file tells beside the graph.

    Parameters
    ----------
    estimator : estimator
    graph : _Graph
    classes : array-like or None
        As in ``export_onnx``.

    Returns
    -------
    about : dict of str to str
        JSON by name.

    Raises
    ------
    ValueError
        Where there are not as many names as classes.
    """
    about: dict[str, Any] = {
        "sklearn_triplet": importlib.metadata.version("sklearn-triplet"),
        "steps": [type(step).__name__ for step in _list_steps(estimator)],
    }
    if isinstance(graph.first, _Energies):
        settings = graph.first.settings
        about["sample_rate"] = settings.sample_rate
        about["frame_duration"] = settings.hop_length / settings.sample_rate
    if hasattr(estimator, "classes_"):
        known = np.asarray(estimator.classes_)
        names = known if classes is None else np.asarray(classes)
        if names.shape != known.shape:
            raise ValueError(
                "The 'classes' parameter of export_onnx must have one name for each of "
                f"{len(known)} classes. Got shape {names.shape}."
            )
        about["classes"] = names.tolist()
        thresholds = _find_thresholds(estimator)
        about["multilabel"] = thresholds is not None
        if thresholds is not None:
            about["thresholds"] = thresholds.tolist()
    return {name: json.dumps(value) for name, value in about.items()}


def _find_thresholds(estimator: Any) -> NDArray[np.float64] | None:
    """Return from which probability on each class is predicted.

    Parameters
    ----------
    estimator : classifier

    Returns
    -------
    thresholds : ndarray of shape (n_classes,) or None
        ``None`` where each clip has a single label.
    """
    while not getattr(estimator, "multilabel_", False):
        if isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        elif isinstance(estimator, FrozenEstimator):
            estimator = estimator.estimator
        elif isinstance(estimator, RowClassifier):
            estimator = estimator.estimator_
        else:
            return None
    # a tagger's may have been set after the fit, OneVsRestClassifier has none
    given: Any = getattr(estimator, "thresholds_", 0.5)
    if isinstance(estimator, ClipClassifier):
        given = estimator._known_threshold()
    return np.broadcast_to(np.asarray(given, dtype=float), estimator.classes_.shape)


# --- the check


def _check_against(data: bytes, estimator: BaseEstimator, graph: _Graph) -> None:
    """Compare what onnxruntime returns with the estimator.

    Parameters
    ----------
    data : bytes
        Of the file.
    estimator : estimator
    graph : _Graph

    Raises
    ------
    ValueError
        Where they differ.
    """
    onnx = importlib.import_module("onnx")
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    runtime = importlib.import_module("onnxruntime")
    session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
    estimator = _without_rounding(estimator)
    rng = np.random.default_rng(0)
    # one and several, longer and shorter than the clips that the graph was made with
    for n_clips, length in ((1, 40_000), (5, 3_001)):
        X = graph.first.draw(rng, n_clips, length // graph.first.shrink)
        answers = session.run(None, {graph.first.input_name: X})
        for name, answer in zip(graph.outputs, answers, strict=True):
            expected = _ask(estimator, name, X)
            if answer.shape != expected.shape or not np.allclose(
                answer, expected, rtol=TOLERANCE, atol=TOLERANCE
            ):
                raise ValueError(_tell_difference(name, answer, expected))


def _without_rounding(estimator: BaseEstimator) -> BaseEstimator:
    """Return a copy of which ``LogMel`` neither rounds nor knows one length only."""
    estimator = copy.deepcopy(estimator)
    for step in _list_steps(estimator):
        if isinstance(step, LogMel):
            step.set_params(dtype="float32", verbose=0)
            vars(step).pop("n_features_in_", None)
    return estimator


def _ask(estimator: Any, name: str, X: NDArray[np.float32]) -> NDArray:
    """Return what the method of an output returns.

    Parameters
    ----------
    estimator : estimator
    name : {"transform", "predict_proba", "predict_frames"}
    X : ndarray

    Returns
    -------
    answer : ndarray
    """
    if name == "predict_frames":
        # a Pipeline has no such method, but hands this keyword on
        return estimator.predict_proba(X, frames=True)
    return getattr(estimator, name)(X)


def _tell_difference(name: str, answer: NDArray, expected: NDArray) -> str:
    """Say by how much an output differs, and why that may be.

    Parameters
    ----------
    name : str
        Of the output.
    answer, expected : ndarray
        Of onnxruntime and of the estimator.

    Returns
    -------
    sentence : str
    """
    what = f"shape {answer.shape} instead of {expected.shape}"
    if answer.shape == expected.shape:
        what = f"differences up to {np.abs(answer - expected).max():.2g}"
    return (
        f"The graph of the 'estimator' parameter of export_onnx is not true to it: of "
        f"{name}, onnxruntime returns {what} on random clips, where {TOLERANCE} is "
        "allowed. No file was written. An encoder must not decide by values or sizes "
        "of its input, nor change what it keeps."
    )
