"""Paths or waveforms in, mono samples (n_samples,) or a sentence of refusal out."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeGuard, TypeVar, cast

import librosa  # loads its costly parts when they are first used, not here
import numpy as np
import soundfile
from numpy.typing import ArrayLike, NDArray

from sklearn_triplet._features.ogg_pages import find_fault

Clip = TypeVar("Clip")
Result = TypeVar("Result")
# lists of str and columns of tables are array-like too, lists of Path are not
AudioLike: TypeAlias = (
    ArrayLike | Sequence[str | os.PathLike[str]] | Sequence[ArrayLike]
)
PATH = str | os.PathLike
# offset and full scale of integer waveforms, as soundfile applies them to files
PCM = {np.dtype("u1"): (2**7, 2**7), np.dtype("i2"): (0, 2**15)}
PCM[np.dtype("i4")] = (0, 2**31)
BLOCK = 2**20  # samples decoded at once, so that 5.1 sound is never whole in memory
UNKNOWN_LENGTH = np.iinfo(np.int64).max  # what libsndfile reports for streamed FLAC
# libsndfile reads what is left of a cut file and says so only in its log
CUT_CHUNK = re.compile(r"^ *(?:data|SSND|Data Size) *: (\d+) \(should be (\d+)\)", re.M)
STREAMED = 2**31 - 2**12  # chunk sizes from here on say that a stream had no known end


def list_clips(X: AudioLike) -> list[str] | list[np.ndarray] | None:
    """List the paths or waveforms of X; None where X is a table of numbers."""
    _refuse_other_forms(X)
    if not _is_listing(X):
        return None
    if len(X) == 0:
        raise ValueError("X of LogMel is empty: give at least one path or waveform.")
    kinds = [_kind(clip) for clip in X]
    if not {"a path", "a waveform"} & set(kinds):
        return None
    for row, kind in enumerate(kinds):
        if kind != kinds[0]:
            raise ValueError(
                f"X of LogMel must hold only paths or only waveforms. Row 0 is "
                f"{kinds[0]}, row {row} is {kind}: make them alike or leave it out."
            )
    if kinds[0] == "a path":
        paths = cast("Sequence[str | os.PathLike[str]]", X)
        return [str(os.fspath(path)) for path in paths]
    return [_as_waveform(row, clip) for row, clip in enumerate(X)]


def _is_listing(X: object) -> TypeGuard[Sequence[object]]:
    return getattr(X, "ndim", None) == 1 or isinstance(X, list | tuple)


def _refuse_other_forms(X: object) -> None:
    if isinstance(X, PATH | bytes):
        raise ValueError(
            f"X of LogMel must be a list of paths or waveforms. Got a single path: "
            f"give [{X!r}]."
        )
    if hasattr(X, "__next__"):
        raise ValueError(f"X of LogMel must have a length. Got {X!r}: give list(X).")
    shape = getattr(X, "shape", None)
    if getattr(X, "ndim", None) == 3:
        raise ValueError(
            f"A dense X of LogMel must have shape (n_clips, n_samples). Got an array "
            f"of shape {shape}: give clips of several channels as a list, list(X)."
        )
    first = X.iloc[:1].to_numpy() if hasattr(X, "iloc") else X
    cell = None
    if isinstance(first, np.ndarray) and first.ndim == 2 and first.size:
        cell = first[0, 0]
    if isinstance(cell, PATH):
        raise ValueError(
            f"X of LogMel must be one column of paths. Got a table of shape {shape}: "
            "select the column, such as X['path'] or X[:, 0]."
        )


def _kind(clip: object) -> str:
    if isinstance(clip, PATH):
        return "a path"
    is_waveform = hasattr(clip, "__array__") and np.ndim(clip) > 0
    return "a waveform" if is_waveform else repr(clip)[:40]


def _as_waveform(row: int, given: object) -> np.ndarray:
    clip = np.asarray(given)
    ok = clip.dtype.kind in "biuf" and clip.ndim <= 2
    # (n_samples, 2) would otherwise be mixed down to two samples, in silence
    if not ok or (clip.ndim == 2 and clip.shape[0] > clip.shape[1] > 0):
        raise ValueError(
            f"A waveform given to LogMel must be real numbers of shape (n_samples,) or "
            f"(n_channels, n_samples). Got shape {clip.shape} and dtype {clip.dtype} "
            f"in row {row}: transpose or convert it."
        )
    return clip


def without_padding(waveform: np.ndarray) -> np.ndarray:
    """Cut the NaN off that fill up a row of a table."""
    if waveform.dtype.kind != "f" or not np.isnan(waveform[-1]):
        return waveform
    heard = np.flatnonzero(~np.isnan(waveform))
    return waveform[: heard[-1] + 1] if len(heard) else waveform[:0]


def attempt(
    function: Callable[[Clip], Result], clip: Clip
) -> Result | ValueError | OSError:
    """Return the error that a clip causes instead of raising it."""
    try:
        return function(clip)
    except (ValueError, OSError) as error:
        return error


def count_samples(clip: str | np.ndarray, sample_rate: int) -> int:
    """Tell the length of a clip at sample_rate, in samples, from its header."""
    if isinstance(clip, np.ndarray):
        n_samples = clip.shape[-1] if clip.size else 0
    else:
        with _open(clip) as file:
            _refuse_bad_file(file, clip)
            # rounded as librosa.resample rounds
            n_samples = math.ceil(file.frames * (sample_rate / file.samplerate))
    if n_samples == 0:
        raise ValueError(f"{_name(clip)} holds no samples. Leave it out of X and y.")
    return n_samples


def _name(clip: str | np.ndarray) -> str:
    return "the waveform" if isinstance(clip, np.ndarray) else repr(clip)


def _open(path: str) -> soundfile.SoundFile:
    if not os.path.exists(path):
        start = "" if os.path.isabs(path) else f", which starts from {os.getcwd()!r}"
        raise FileNotFoundError(f"there is no file {path!r}. Correct the path{start}.")
    if os.path.isdir(path):
        raise ValueError(f"{path!r} is a directory. Give the path of one sound file.")
    try:
        return soundfile.SoundFile(path)
    except (soundfile.SoundFileError, TypeError) as error:  # TypeError: headerless RAW
        raise ValueError(
            f"{path!r} cannot be read as sound ({_cause(error)}). Replace it by a "
            "sound file in a format of soundfile.available_formats(), such as WAV or "
            "FLAC."
        ) from error


def _cause(error: Exception) -> str:
    return str(error).rstrip(".")


def _refuse_bad_file(
    file: soundfile.SoundFile, path: str, *, whole: bool = False
) -> None:
    """Refuse a file of which it is known beforehand that a part is missing."""
    if file.frames == UNKNOWN_LENGTH:
        raise ValueError(
            f"{path!r} does not tell its length, as streamed FLAC. Encode it again."
        )
    fault = find_fault(path, whole=whole) if file.format == "OGG" else ""
    if fault == "damaged":
        raise ValueError(
            f"{path!r} is damaged (the checksum of a page does not fit). Replace it by "
            "an intact copy."
        )
    cut = fault == "cut"
    for promised, found in CUT_CHUNK.findall(file.extra_info):
        # a missing byte is only the padding of an odd chunk
        cut |= int(found) + 1 < int(promised) < STREAMED
    if cut:
        raise _cut_error(path)


def _cut_error(path: str) -> ValueError:
    return ValueError(
        f"{path!r} is truncated: it ends before the end that its format promises. "
        "Replace it by a complete copy, or encode again what is left of it."
    )


def load(clip: str | np.ndarray, sample_rate: int) -> NDArray[np.float32]:
    """Read a clip as mono samples at sample_rate, shape (n_samples,), float32."""
    if isinstance(clip, np.ndarray):
        return mix_down(clip)
    with _open(clip) as file:
        _refuse_bad_file(file, clip, whole=True)
        waveform, rate = _decode(file, clip), file.samplerate
    _refuse_non_finite(waveform, clip)
    if rate == sample_rate:
        return waveform
    return librosa.resample(
        waveform, orig_sr=rate, target_sr=sample_rate, res_type="soxr_hq"
    )


def _decode(file: soundfile.SoundFile, path: str) -> NDArray[np.float32]:
    waveform = np.empty(file.frames, dtype=np.float32)
    start = asked = 0
    while start < len(waveform):
        was_short = start < asked
        block, asked = _read_block(file, path, start)
        if not len(block):
            raise _cut_error(path)
        if was_short:  # but not at the end: the decoder went on behind a hole
            raise _damage(path, start, "a part is missing there")
        mono = block[:, 0] if file.channels == 1 else block.mean(axis=1)
        waveform[start : start + len(block)] = mono
        start += len(block)
    return waveform


def _read_block(
    file: soundfile.SoundFile, path: str, start: int
) -> tuple[NDArray[np.float32], int]:
    """Read a block of some channels; tell also where it should have ended."""
    asked = min(BLOCK // file.channels, file.frames - start)
    try:
        block = file.read(asked, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise _damage(path, start, _cause(error)) from error
    return block, start + asked


def _damage(path: str, start: int, cause: str) -> ValueError:
    return ValueError(
        f"{path!r} is damaged after {start} samples ({cause}). Replace it by an intact "
        "copy."
    )


def mix_down(waveform: np.ndarray) -> NDArray[np.float32]:
    """Mix (n_channels, n_samples) or (n_samples,) down to (n_samples,), float32."""
    offset, full_scale = PCM.get(waveform.dtype, (0, 1))
    with np.errstate(over="ignore"):  # becomes infinity, which is refused below
        if waveform.ndim == 2:
            waveform = waveform.mean(axis=0, dtype=np.float32)
        samples = waveform.astype(np.float32, copy=False)
    _refuse_non_finite(samples, samples)
    if full_scale == 1:
        return samples
    return (samples - np.float32(offset)) / np.float32(full_scale)


def _refuse_non_finite(waveform: NDArray[np.float32], clip: str | np.ndarray) -> None:
    finite = np.isfinite(waveform)
    if not finite.all():
        sample = int(finite.argmin())
        kind = "NaN" if np.isnan(waveform[sample]) else "infinity"
        raise ValueError(
            f"{_name(clip)} contains {kind} at sample {sample}. Repair it or leave it "
            "out of X and y."
        )
