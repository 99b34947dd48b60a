"""Frames of a pretrained network, aiSFX, for benchmarks of what stands behind one.

    pip download --no-deps aisfx
    python benchmarks/pretrained_features.py aisfx-*.whl ESC-10 aisfx.npy

The wheel's weights are under CC BY 4.0; its dependencies are pinned to versions that
are gone, so nothing of it is installed: the weights are read from the archive, and
the network of nine layers is written down here. 512 components per block of 2.3 s of
44.1 kHz audio, by default a block every 0.6 s: (n_clips, 512, n_blocks).

A. Ashby, S. Ballard and E. Benetos, "Universal representations for sound effects"
(aiSFX), ISMIR 2022, https://pypi.org/project/aisfx/.
"""

import argparse
import io
import zipfile
from collections.abc import Iterable, Iterator

import librosa
import numpy as np
import soundfile
import torch
from torch import nn

from sklearn_triplet.datasets import load_esc50

RATE = 44100
FILTERS = 64, 128, 256, 512
BLOCK = 100  # frames of 1 024 samples
LARGEST = 9.457798957824707  # of the authors' log-mels, which divide by it


class ConvolutionTwice(nn.Module):
    """Two 3x3 convolutions, each with batch norm and ReLU, then the largest of 2x2.

    The names of the layers are those of the weights in the archive.
    """

    def __init__(self, n_in: int, n_out: int, pool: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(n_out), nn.BatchNorm2d(n_out)
        self.pool = nn.MaxPool2d(pool)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Halve both axes."""
        X = self.bn1(self.conv1(X)).relu()
        return self.pool(self.bn2(self.conv2(X)).relu())


class Network(nn.Module):
    """Blocks (n, n_frames, n_mels) in, 512 components each out."""

    def __init__(self) -> None:
        super().__init__()
        n_in = 1
        for i, n_out in enumerate(FILTERS, 1):
            pool = 1 if n_out == FILTERS[-1] else 2
            setattr(self, f"conv_block{i}", ConvolutionTwice(n_in, n_out, pool))
            n_in = n_out

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Average over frequency, take the largest over time."""
        X = X[:, None]
        for block in self.children():
            X = block(X)
        return X.mean(dim=3).amax(dim=2)


def load_network(wheel: str) -> Network:
    """Read the weights out of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read("aisfx/models/checkpoint.pth")
    # the archive holds numpy's integers beside the weights, which torch refuses unless
    # they are named
    scalar = np._core.multiarray.scalar, "numpy.core.multiarray.scalar"
    allowed = [scalar, np.dtype, type(np.dtype(np.int64))]
    with torch.serialization.safe_globals(allowed):
        weights = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)[0]
    prefix = "embedding_net."
    network = Network()
    network.load_state_dict(
        {
            name.removeprefix(prefix): value
            for name, value in weights.items()
            if name.startswith(prefix)
        }
    )
    return network.eval()


def make_blocks(path: str, hop: float) -> torch.Tensor:
    """Return log-mels of blocks, (n_blocks, 100, 96), as the network was trained on."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    audio = librosa.resample(audio.mean(axis=1), orig_sr=rate, target_sr=RATE)
    mels = librosa.feature.melspectrogram(
        y=audio / max(np.abs(audio).max(), 1e-9),
        sr=RATE,
        n_fft=2048,
        hop_length=1024,
        n_mels=96,
        fmax=RATE / 2,
        htk=True,
        norm=1.0,
    )
    frames = np.log10(mels * 10000 + 1).T / LARGEST
    missing = max(BLOCK - len(frames), 0)
    frames = np.pad(frames, ((0, missing), (0, 0)))
    begins = range(0, len(frames) - BLOCK + 1, max(round(hop * RATE / 1024), 1))
    return torch.from_numpy(np.stack([frames[b : b + BLOCK] for b in begins]))


def embed(wheel: str, paths: Iterable[str], hop: float = 0.6) -> Iterator[np.ndarray]:
    """Yield (512, n_blocks) of each recording.

    Parameters
    ----------
    wheel : str
    paths : iterable of str
    hop : float
        Seconds from block to block.
    """
    network = load_network(wheel)
    for path in paths:
        with torch.no_grad():
            yield network(make_blocks(path, hop).float()).numpy().T


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("wheel")
    parser.add_argument("data", help="folder of ESC-50 or ESC-10")
    parser.add_argument("output", help="an .npy file")
    parser.add_argument("--hop", type=float, default=0.6, help="seconds")
    options = parser.parse_args(arguments)
    paths = load_esc50(options.data, subset="esc10").paths
    clips = list(embed(options.wheel, paths, options.hop))
    longest = max(clip.shape[1] for clip in clips)
    frames = np.stack(
        [
            np.pad(clip, ((0, 0), (0, longest - clip.shape[1])), constant_values=np.nan)
            for clip in clips
        ]
    )
    np.save(options.output, frames)
    print(f"{options.output}: {frames.shape}")


if __name__ == "__main__":
    main()
