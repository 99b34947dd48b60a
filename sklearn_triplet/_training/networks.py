"""Frames (n, n_features, n_frames) in, frames of the paper's networks out (4.4).

Encoders map ``(n, n_features, n_frames)`` and the number of valid frames ``(n,)`` to
``(n, n_components, n_frames)``. Padded frames never reach a statistic or a
neighbouring frame. Their ``context_frames`` and ``frame_stride`` say how far a frame
reaches, so that long clips may come in pieces.
"""

from __future__ import annotations

import inspect
import itertools
import math
import operator
from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

STEPS = 2**11  # of a long recording that the recurrent layers see at once
Precision = Literal["auto", "float32", "bfloat16"]


def multiplies_bfloat16(device: torch.device) -> bool:
    """Tell whether a device has instructions for bfloat16.

    Without them torch imitates the numbers, which takes many times as long as float32.

    Parameters
    ----------
    device : torch.device

    Returns
    -------
    has_instructions : bool
        False where nothing is known of them, as on processors that are not x86.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # torch tells this under private names only, and not in every version
    names = "_is_avx512_bf16_supported", "_is_amx_tile_supported"
    asked = [getattr(torch.cpu, name, None) for name in names]
    return device.type == "cpu" and any(ask is not None and ask() for ask in asked)


def frame_mask(lengths: torch.Tensor, n_frames: int) -> torch.Tensor:
    """Tell the valid frames.

    Parameters
    ----------
    lengths : tensor of shape (n,), int64
    n_frames : int

    Returns
    -------
    mask : tensor of shape (n, n_frames), bool
    """
    return torch.arange(n_frames, device=lengths.device) < lengths[:, None]


def mean_over_frames(X: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Average over the valid frames.

    Parameters
    ----------
    X : tensor of shape (n, n_components, n_frames)
    lengths : tensor of shape (n,), int64

    Returns
    -------
    means : tensor of shape (n, n_components)
    """
    mask = frame_mask(lengths, X.shape[2])[:, None]
    return (X * mask).sum(dim=2) / lengths[:, None]


class MaskedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation whose statistics see valid frames only [1]_.

    Zeros of padding would pull mean and variance toward 0, by as much as a batch
    happens to hold of them: a clip's embedding would depend on its neighbours' length.

    Parameters
    ----------
    num_features : int
        Channels; all parameters are those of ``torch.nn.BatchNorm2d``.

    References
    ----------
    .. [1] S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network
       training by reducing internal covariate shift", ICML 2015.
    """

    def forward(
        self, X: torch.Tensor, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Normalise X.

        Parameters
        ----------
        X : tensor of shape (n, n_channels, height, n_frames)
        mask : tensor of shape (n, n_frames), bool, or None
            The valid frames; ``None``: all.

        Returns
        -------
        X : tensor of the same shape
            0 in padded frames, while training.
        """
        if self.training and X.numel() == X.shape[1]:
            raise ValueError(
                "The network standardises each batch, and one of them holds a single "
                "frame of a single clip. Give more or longer clips, or raise "
                "batch_size."
            )
        # in evaluation the running statistics are used, which saw no padding
        if mask is None or not self.training:
            return super().forward(X)
        # (n_valid_frames, n_channels, height, 1): only what is valid
        valid = X.permute(0, 3, 1, 2)[mask].unsqueeze(3)
        out = torch.zeros_like(X.permute(0, 3, 1, 2))
        out[mask] = super().forward(valid).squeeze(3).to(out.dtype)
        return out.permute(0, 2, 3, 1)


class _Convolutions(nn.Module):
    """Layers of 3x3 convolution, batch norm, max-pooling and ReLU.

    Parameters
    ----------
    layers : sequence of (n_filters, frequency_pool, frame_pool)
        Of each layer, from the spectrogram on: its filters, and how many bands and
        frames become one after it. What is left of the bands in the end becomes one,
        and each frame of the end stands for all that became one.

    Notes
    -----
    The paper's order is convolution, batch norm, ReLU, pooling. ReLU after the maximum
    is the same function, on a fraction of the values.
    """

    @property
    def frame_stride(self) -> int:
        """Frames of the input that become one: a piece begins at a multiple."""
        return math.prod(frames for _, frames in self.pools)

    @property
    def context_frames(self) -> int:
        """Frames on each side of one that decide over it, for clips in pieces."""
        # each convolution reaches one frame further, of those that are left there
        strides = itertools.accumulate(
            (frames for _, frames in self.pools[:-1]), operator.mul, initial=1
        )
        return sum(strides)

    def __init__(self, layers: Sequence[tuple[int, int, int]]) -> None:
        super().__init__()
        n_filters = [1, *(filters for filters, _, _ in layers)]
        self.pools = [(bands, frames) for _, bands, frames in layers]
        # batch norm has a shift of its own
        self.convolutions = nn.ModuleList(
            nn.Conv2d(n, m, 3, padding=1, bias=False)
            for n, m in itertools.pairwise(n_filters)
        )
        self.norms = nn.ModuleList(MaskedBatchNorm(n) for n in n_filters[1:])
        # half again as fast as the default layout on CPUs
        # the overload is missing in the types of torch
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(
        self, X: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Encode frames.

        Parameters
        ----------
        X : tensor of shape (n, n_features, n_frames)
        lengths : tensor of shape (n,), int64, or None
            Valid frames; ``None``: all, as in a graph, which cannot ask.

        Returns
        -------
        X : tensor of shape (n, n_components, n_frames)
        """
        n_frames, mask = X.shape[2], None
        if lengths is not None:
            valid = frame_mask(lengths, n_frames)
            # without padding the statistics need no gathering, half the time
            mask = None if bool(valid.all()) else valid
        X = X[:, None].contiguous(memory_format=torch.channels_last)
        X = _silence(X, mask)
        layers = zip(self.convolutions, self.norms, self.pools, strict=True)
        for convolution, norm, pool in layers:
            X = norm(convolution(X), mask)
            if pool[1] > 1:
                # a maximum with zeros is what ReLU makes of it anyway
                X = _silence(X, mask)
            X = functional.max_pool2d(X, pool, ceil_mode=True).relu()
            if mask is not None:
                # a frame of which any part is valid
                mask = mask[:, :: pool[1]]
                X = _silence(X, mask)
        X = X.amax(dim=2)
        pooled = self.frame_stride
        return X if pooled == 1 else X.repeat_interleave(pooled, dim=2)[..., :n_frames]


def _silence(X: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Set padded frames to what an unpadded clip has beyond its end: zeros.

    Parameters
    ----------
    X : tensor of shape (n, n_channels, height, n_frames)
    mask : tensor of shape (n, n_frames), bool, or None
        The valid frames; ``None``: all.

    Returns
    -------
    X : tensor of the same shape
    """
    return X if mask is None else X.masked_fill(~mask[:, None, None], 0)


class ConvEncoder(_Convolutions):
    """Three times (3x3 convolution, batch norm, pooling of 4 in frequency, ReLU).

    The paper's network (4.4). With 64 bands nothing is left of the frequency axis after
    three poolings; with another number the maximum over the rest is taken. There is no
    pooling in time, so a frame of the output depends on ``2 * n_layers + 1`` frames of
    the input.

    Parameters
    ----------
    n_features : int
        Mel bands. Any number does.
    n_components : int, default=64
        Filters of every layer and components of the embedding.
    n_layers : int, default=3
        Of convolution, at least 1.
    pool_size : int, default=4
        Pooling in frequency after every layer; there is none in time.

    See Also
    --------
    DeepConvEncoder : More layers on fewer frames, for a handful of labels.
    DenseEncoder : For rows of a table.

    Examples
    --------
    >>> import torch
    >>> from sklearn_triplet import ConvEncoder
    >>> encoder = ConvEncoder(n_features=64, n_components=16)
    >>> encoder(torch.zeros(2, 64, 96), torch.tensor([96, 50])).shape
    torch.Size([2, 16, 96])
    """

    def __init__(
        self,
        n_features: int,
        n_components: int = 64,
        n_layers: int = 3,
        pool_size: int = 4,
    ) -> None:
        super().__init__([(n_components, pool_size, 1)] * n_layers)


class DeepConvEncoder(_Convolutions):
    """Five times (3x3 convolution, batch norm, pooling in both axes, ReLU).

    Filters double while bands and frames become half as many, so that layers cost about
    the same, and a frame of the output depends on 30 frames of the input. From few
    labels it learns more than ``ConvEncoder``, in less time. There are as many frames
    as in the input, four in a row alike.

    Parameters
    ----------
    n_features : int
        Mel bands. Any number does.
    n_components : int, default=128
        Filters of the last two layers and components of the embedding. The layers
        before have a half, a quarter and an eighth as many, but 8 at the least.

    See Also
    --------
    ConvEncoder : The paper's network.

    References
    ----------
    .. [1] K. Simonyan and A. Zisserman, "Very deep convolutional networks for
       large-scale image recognition", ICLR 2015.
    .. [2] Q. Kong et al., "PANNs: large-scale pretrained audio neural networks for
       audio pattern recognition", IEEE/ACM TASLP 28, 2020.

    Examples
    --------
    >>> import torch
    >>> from sklearn_triplet import DeepConvEncoder
    >>> encoder = DeepConvEncoder(n_features=64)
    >>> encoder(torch.zeros(2, 64, 96), torch.tensor([96, 50])).shape
    torch.Size([2, 128, 96])
    """

    def __init__(self, n_features: int, n_components: int = 128) -> None:
        # a layer of one or two filters would let nothing through
        n, fewest = n_components, min(n_components, 8)
        super().__init__(
            [
                # filters, bands and frames that become one
                (max(n // 8, fewest), 2, 2),
                (max(n // 4, fewest), 2, 1),
                (max(n // 2, fewest), 2, 2),
                (n, 2, 1),
                (n, 4, 1),
            ]
        )


class DenseEncoder(nn.Module):
    """Two hidden layers for frames without context: rows of a table.

    Parameters
    ----------
    n_features : int
        Columns of the table.
    n_components : int, default=64
        Columns of the embedding.
    n_hidden : int, default=256
        Width of the hidden layers.

    See Also
    --------
    ConvEncoder : For clips.

    Examples
    --------
    >>> import torch
    >>> from sklearn_triplet import DenseEncoder
    >>> encoder = DenseEncoder(n_features=5, n_components=3)
    >>> rows = torch.zeros(8, 5, 1)  # clips of one frame
    >>> encoder(rows, torch.ones(8, dtype=torch.int64)).shape
    torch.Size([8, 3, 1])
    """

    context_frames = 0  # each frame is on its own

    def __init__(
        self, n_features: int, n_components: int = 64, n_hidden: int = 256
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, n_components),
        )

    def forward(self, X: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Encode frame by frame, so that padding reaches no other frame.

        Parameters
        ----------
        X : tensor of shape (n, n_features, n_frames)
        lengths : tensor of shape (n,), int64
            Not needed.

        Returns
        -------
        X : tensor of shape (n, n_components, n_frames)
        """
        return self.layers(X.transpose(1, 2)).transpose(1, 2)


class FrameEncoder(nn.Module):
    """Any encoder, called in one way and in one precision.

    Parameters
    ----------
    encoder : nn.Module
        Called with (X, lengths), or with X alone if its forward takes one argument.
    precision : {"auto", "float32", "bfloat16"}, default="float32"
        Of the encoder in training; the result is float32.
    """

    def __init__(
        self,
        encoder: nn.Module,
        precision: Precision = "float32",
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.precision = precision
        # asked once: an encoder of the user's may be any module
        self.takes_lengths = len(inspect.signature(encoder.forward).parameters) > 1

    def encode_frames(self, X: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Encode frame by frame.

        Parameters
        ----------
        X : tensor of shape (n, n_features, n_frames)
        lengths : tensor of shape (n,), int64

        Returns
        -------
        X : tensor of shape (n, n_components, n_frames), float32
        """
        # what is trained in low precision is used in full: transform pays no price
        reduced = self.training and (
            self.precision == "bfloat16"
            or (self.precision == "auto" and multiplies_bfloat16(X.device))
        )
        with torch.autocast(X.device.type, dtype=torch.bfloat16, enabled=reduced):
            args = (X, lengths) if self.takes_lengths else (X,)
            return self.encoder(*args).float()

    def forward(self, X: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Encode as ``encode_frames`` does."""
        return self.encode_frames(X, lengths)


class UnitEncoder(FrameEncoder):
    """An encoder and the pools that make one vector of a unit: f(x) of eq. (1).

    Parameters
    ----------
    encoder, precision
        As in ``FrameEncoder``.
    pooling : {"mean", "flatten"}
        Over the frames of a segment. The segments of a unit are averaged.
    normalize : bool
        Whether the vector is scaled to unit length.
    """

    def __init__(
        self,
        encoder: nn.Module,
        pooling: Literal["mean", "flatten"],
        normalize: bool,
        precision: Precision,
    ) -> None:
        super().__init__(encoder, precision)
        self.pooling = pooling
        self.normalize = normalize

    def forward(self, X: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Encode units.

        Parameters
        ----------
        X : tensor of shape (n_units, k, n_features, n_frames)
        lengths : tensor of shape (n_units, k), int64

        Returns
        -------
        embeddings : tensor of shape (n_units, n_outputs)
            n_outputs is n_components, times the frames for ``"flatten"``.
        """
        n_units, k = lengths.shape
        lengths = lengths.flatten()
        frames = self.encode_frames(X.flatten(0, 1), lengths)
        if self.pooling == "mean":
            pooled = mean_over_frames(frames, lengths)
        else:
            pooled = (frames * frame_mask(lengths, frames.shape[2])[:, None]).flatten(1)
        units = pooled.unflatten(0, (n_units, k)).mean(dim=1)
        return functional.normalize(units, dim=1) if self.normalize else units


class RecurrentHead(nn.Module):
    """Bidirectional GRU [1]_ and a linear layer per frame.

    Parameters
    ----------
    n_features, n_outputs : int
        Components of a frame in, numbers of a step out: a logit per class, or more.
    n_layers, n_cells : int
        Of the GRU; the cells are per direction.
    dropout : float
        Before and between the layers.
    frame_pooling : int
        So many frames are averaged into one before the GRU.

    References
    ----------
    .. [1] K. Cho et al., "Learning phrase representations using RNN encoder-decoder
       for statistical machine translation", EMNLP 2014.
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        n_layers: int,
        n_cells: int,
        dropout: float,
        frame_pooling: int,
    ) -> None:
        super().__init__()
        self.frame_pooling = frame_pooling
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(
            n_features,
            n_cells,
            n_layers,
            batch_first=True,
            bidirectional=True,
            # torch warns of dropout between the layers where there is one
            dropout=dropout if n_layers > 1 else 0.0,
        )
        self.linear = nn.Linear(2 * n_cells, n_outputs)

    def forward(
        self, X: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Tag steps of ``frame_pooling`` frames.

        Parameters
        ----------
        X : tensor of shape (n, n_features, n_frames)
        lengths : tensor of shape (n,), int64

        Returns
        -------
        outputs : tensor of shape (n, n_outputs, n_steps)
        lengths : tensor of shape (n,), int64
            Valid steps.
        """
        X, lengths = average_frames(X, lengths, self.frame_pooling)
        sequence = self.dropout(X.transpose(1, 2))
        # packing is needed where the backward direction would begin in padding; it
        # takes twice the time
        if bool((lengths == sequence.shape[1]).all()):
            hidden, _ = self.gru(sequence)
        else:
            packed = pack_padded_sequence(
                sequence, lengths.cpu(), batch_first=True, enforce_sorted=False
            )
            hidden, _ = pad_packed_sequence(
                self.gru(packed)[0], batch_first=True, total_length=sequence.shape[1]
            )
        return self.linear(self.dropout(hidden)).transpose(1, 2), lengths

    def tag_long(self, steps: torch.Tensor) -> torch.Tensor:
        """Tag one recording that is too long for one pass, in evaluation.

        The units look at all that was and all that comes, so no margin would do.
        Instead each direction of a layer runs from piece to piece and hands its state
        on. Only the states at the borders are kept: what the layers before make of a
        piece is computed again whenever it is needed, at two to four times the cost of
        one pass, so that the result is exact and memory does not grow with the layers.

        Parameters
        ----------
        steps : tensor of shape (n_features, n_steps)
            Averaged over ``frame_pooling`` frames.

        Returns
        -------
        outputs : tensor of shape (n_outputs, n_steps)
        """
        pieces = steps.split(STEPS, dim=1)
        layers = [self._split_layer(i) for i in range(self.gru.num_layers)]
        # of each layer and direction, the state in which each piece is begun
        states: list[list[torch.Tensor]] = []

        def hidden(k: int, n_layers: int) -> torch.Tensor:
            X = pieces[k].T[None]
            for i in range(n_layers):
                onward, back = (
                    run_direction(layers[i][d], X, states[2 * i + d][k], bool(d))[0]
                    for d in (0, 1)
                )
                X = torch.cat([onward, back], dim=2)
            return X

        for i, layer in enumerate(layers):
            begun = []
            for d in (0, 1):
                state = steps.new_zeros(1, 1, self.gru.hidden_size)
                starts = [state] * len(pieces)
                order = range(len(pieces))
                for k in reversed(order) if d else order:
                    starts[k] = state
                    state = run_direction(layer[d], hidden(k, i), state, bool(d))[1]
                begun.append(starts)
            states += begun
        outputs = steps.new_empty(self.linear.out_features, steps.shape[1])
        for k, target in enumerate(outputs.split(STEPS, dim=1)):
            target[:] = self.linear(hidden(k, len(layers)))[0].T
        return outputs

    def _split_layer(self, layer: int) -> tuple[nn.GRU, nn.GRU]:
        """Return the two directions of a layer, which share its weights."""
        directions = []
        for suffix in ("", "_reverse"):
            weight = getattr(self.gru, f"weight_ih_l{layer}{suffix}")
            # without memory of its own, and without a draw of random weights
            gru = nn.GRU(
                weight.shape[1], weight.shape[0] // 3, batch_first=True, device="meta"
            )
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                value = getattr(self.gru, f"{name}_l{layer}{suffix}")
                setattr(gru, f"{name}_l0", value)
            directions.append(gru)
        return directions[0], directions[1]


def run_direction(
    gru: nn.GRU, X: torch.Tensor, state: torch.Tensor, is_backward: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run one direction of a recurrent layer over a piece.

    Parameters
    ----------
    gru : nn.GRU
        Of one layer and one direction.
    X : tensor of shape (1, n_steps, n_features)
    state : tensor of shape (1, 1, n_cells)
        In which it comes to the piece.
    is_backward : bool
        Whether it comes from the end.

    Returns
    -------
    hidden : tensor of shape (1, n_steps, n_cells)
        In the order of time.
    state : tensor of shape (1, 1, n_cells)
        In which it leaves the piece.
    """
    if not is_backward:
        return gru(X, state)
    hidden, state = gru(X.flip(1), state)
    return hidden.flip(1), state


def average_frames(
    X: torch.Tensor, lengths: torch.Tensor, n_frames: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Average n_frames neighbouring valid frames into one.

    Parameters
    ----------
    X : tensor of shape (n, n_features, n_total)
    lengths : tensor of shape (n,), int64
    n_frames : int

    Returns
    -------
    X : tensor of shape (n, n_features, ceil(n_total / n_frames))
    lengths : tensor of shape (n,), int64
    """
    if n_frames == 1:
        return X, lengths
    mask = frame_mask(lengths, X.shape[2])[:, None].to(X.dtype)
    # the last step averages over what is left, or nothing
    rest = -X.shape[2] % n_frames
    sums, counts = (
        functional.pad(values, (0, rest)).unflatten(2, (-1, n_frames)).sum(dim=3)
        for values in (X * mask, mask)
    )
    return sums / counts.clamp(min=1), -(-lengths // n_frames)


class ClipTagger(nn.Module):
    r"""An optional encoder and a recurrent head: clips in, logits per clip out.

    Parameters
    ----------
    encoder : FrameEncoder or None
        ``None``: the clips are embedded already.
    head : RecurrentHead
        With ``"attention"`` it has two outputs a class, the logits and their weights.
    pooling : {"mean", "linear_softmax", "exponential_softmax", "attention"}
        How the steps of a clip become one answer, see Notes.
    multilabel : bool
        Whether probabilities are a sigmoid of each logit, or a softmax over classes.

    Notes
    -----
    ``"mean"`` averages logits. The others average the probabilities p of a class over
    the steps t [1]_,

    .. math:: p = \sum_t w_t p_t / \sum_t w_t

    with :math:`w_t = p_t` (linear softmax), :math:`\exp p_t` (exponential softmax) or
    :math:`\exp a_t` of an output a of the head (attention). The logit of the clip is
    that of p,

    .. math:: \ln \frac{p}{1 - p} = \ln \sum_t w_t p_t - \ln \sum_t w_t (1 - p_t)

    and for single labels ln p, which the softmax over classes divides by the sum.

    References
    ----------
    .. [1] Y. Wang, J. Li and F. Metze, "A comparison of five multiple instance learning
       pooling functions for sound event detection with weak labeling", ICASSP 2019.
    """

    def __init__(
        self,
        encoder: FrameEncoder | None,
        head: RecurrentHead,
        pooling: str = "mean",
        multilabel: bool = True,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.pooling = pooling
        self.multilabel = multilabel

    def tag_steps(
        self, X: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what the head makes of each step, and the number of valid steps (n,).

        The outputs are of shape (n, n_outputs, n_steps).
        """
        if self.encoder is not None:
            X = self.encoder(X, lengths)
        return self.head(X, lengths)

    def encode_frames(self, X: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return the outputs of steps, as a ``FrameEncoder`` returns frames."""
        return self.tag_steps(X, lengths)[0]

    def read_logits(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the logits among the outputs of steps, (n, n_classes, n_steps)."""
        return outputs.chunk(2, dim=1)[0] if self.pooling == "attention" else outputs

    def pool(self, outputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Pool the outputs of valid steps to logits of clips, (n, n_classes)."""
        if self.pooling == "mean":
            return mean_over_frames(outputs, lengths)
        logits = self.read_logits(outputs)
        if self.multilabel:
            present = functional.logsigmoid(logits)
            absent = functional.logsigmoid(-logits)
        else:
            present = logits.log_softmax(dim=1)
        # logarithms of the weights
        if self.pooling == "linear_softmax":
            weights = present
        elif self.pooling == "exponential_softmax":
            weights = present.exp()
        else:
            weights = outputs.chunk(2, dim=1)[1]
        mask = frame_mask(lengths, outputs.shape[2])[:, None]
        weights = weights.masked_fill(~mask, -torch.inf)
        total = absent + weights if self.multilabel else weights
        return (present + weights).logsumexp(dim=2) - total.logsumexp(dim=2)

    def forward(self, X: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return logits (n, n_classes) of clips."""
        return self.pool(*self.tag_steps(X, lengths))
