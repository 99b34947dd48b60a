"""Paths, windows or waveforms in, mono samples or a sentence of refusal out.

Whatever can be decoded of a file is used. What a header promises decides nothing,
neither how much memory is taken nor how long is waited: blocks are decoded until none
comes, and what then is missing is told as a flaw. A bound by the size of the file would
not do: FLAC holds 65 535 samples of silence in 11 bytes, so that 30 kB may be an hour.
"""

from __future__ import annotations

import math
import mmap
import numbers
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple, TypeAlias, TypeGuard, cast

import librosa  # loads its costly parts when they are first used, not here
import numpy as np
import soundfile
import soxr
from numpy.typing import ArrayLike, NDArray

# lists of str and columns of tables are array-like too, lists of Path are not
AudioLike: TypeAlias = (
    ArrayLike
    | Sequence[str | os.PathLike[str]]
    | Sequence[ArrayLike]
    | Sequence[tuple[str | os.PathLike[str], float, float]]
)
PATH = str | os.PathLike
# offset and full scale of integer waveforms, as soundfile applies them to files
PCM = {np.dtype("u1"): (2**7, 2**7), np.dtype("i2"): (0, 2**15)}
PCM[np.dtype("i4")] = (0, 2**31)
# samples decoded at once, of all channels and when resampled, so that neither 5.1 sound
# nor what a low rate stretches a hundredfold is ever whole in memory
BLOCK = 2**20
WHOLE_BLOCKS = 16  # 6 minutes at 44.1 kHz; what is longer is never whole in memory
UNKNOWN_LENGTH = np.iinfo(np.int64).max  # what libsndfile reports for streamed FLAC
# libsndfile reads what is left of a cut file and says so only in its log
CUT_CHUNK = re.compile(r"^ *(?:data|SSND|Data Size) *: (\d+) \(should be (\d+)\)", re.M)
STREAMED = 2**31 - 2**12  # chunk sizes from here on say that a stream had no known end
# Of the claims of a header only the rate multiplies what was decoded: at 1 Hz a file of
# 30 kB would become hours, at 2 GHz the filter takes a second to be made. Sound is
# never stretched a hundredfold; from ultrasound down to what whales say it is shortened
# by hundreds.
LARGEST_STRETCH, LARGEST_SHRINKAGE = 100, 1000
USUAL_RATE = 44100  # Hz, of which a header may be so far away where none is asked for
# Samples of each channel in a byte of a file. Silence alone is packed closer: the
# lowest rate of Opus, 6 kbit/s at 48 kHz, has 64.
CLOSE_PACKING = 50

# Pages of OGG. The mark alone also stands in compressed sound, once in some ten
# thousand files.
PAGE_START = re.compile(rb"OggS\x00[\x00-\x07]")
PAGE_HEADER = 27  # bytes, before the table of the segments
LAST_PAGE = 4  # flag of the last page of a stream
REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Window(NamedTuple):
    """A part of a file: a clip of its own, silent beyond its ends.

    Attributes
    ----------
    path : str
    onset, offset : float
        In seconds from the start of the file, ``0 <= onset < offset``.
    """

    path: str
    onset: float
    offset: float


Clip: TypeAlias = str | Window | np.ndarray


class Sound(NamedTuple):
    """What was read of a clip.

    Attributes
    ----------
    samples : ndarray of shape (n_samples,), float32
        Mono, full scale is 1.
    flaw : str
        What is missing of the file or damaged in it, in words that follow its name;
        empty where nothing is.
    """

    samples: NDArray[np.float32]
    flaw: str = ""


# --- the forms of X


def list_clips(X: AudioLike) -> list[str] | list[Window] | list[np.ndarray] | None:
    """List the paths, windows or waveforms of X; None where X is a table of numbers.

    Parameters
    ----------
    X : sequence of path, of (path, onset, offset) or of waveform, or table
        As given to `LogMel.transform`.

    Returns
    -------
    clips : list of str, list of Window, list of ndarray or None
        Waveforms of shape (n_samples_i,) or (n_channels, n_samples_i), of any real
        type.

    Raises
    ------
    ValueError
        Where X is none of these, empty, or mixes them, or a window is none.
    """
    _refuse_other_forms(X)
    if not _is_listing(X):
        return None
    if len(X) == 0:
        raise ValueError("X of LogMel is empty: give at least one path or waveform.")
    kinds = [_kind(clip) for clip in X]
    if not {"a path", "a window", "a waveform"} & set(kinds):
        return None
    windows = ", or only windows of files" if "a window" in kinds else ""
    for row, kind in enumerate(kinds):
        if kind != kinds[0]:
            raise ValueError(
                f"X of LogMel must hold only paths or only waveforms{windows}. Row 0 "
                f"is {kinds[0]}, row {row} is {kind}: make them alike or leave it out."
            )
    if kinds[0] == "a window":
        return [_as_window(row, cast("tuple", clip)) for row, clip in enumerate(X)]
    if kinds[0] == "a path":
        paths = cast("Sequence[str | os.PathLike[str]]", X)
        return [str(os.fspath(path)) for path in paths]
    return [_as_waveform(row, clip) for row, clip in enumerate(X)]


def _is_listing(X: object) -> TypeGuard[Sequence[object]]:
    """Tell whether X is a list of clips in any of its forms, and not a table."""
    return getattr(X, "ndim", None) == 1 or isinstance(X, list | tuple)


def _refuse_other_forms(X: object) -> None:
    """Refuse what looks like X but would be misread, each in a sentence of its own.

    Parameters
    ----------
    X : object

    Raises
    ------
    ValueError
        For a single path, an iterator, an array of three axes, a table of paths.
    """
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
    """Call a clip a path, a window or a waveform, and anything else by its repr."""
    if isinstance(clip, PATH):
        return "a path"
    if isinstance(clip, tuple) and clip and isinstance(clip[0], PATH):
        return "a window"
    is_waveform = hasattr(clip, "__array__") and np.ndim(clip) > 0
    return "a waveform" if is_waveform else repr(clip)[:40]


def _as_window(row: int, given: tuple) -> Window:
    """Take (path, onset, offset), or refuse it."""
    if len(given) != 3:
        raise ValueError(
            f"A window given to LogMel must be (path, onset, offset). Got "
            f"{len(given)} values in row {row}: {given!r}. Of a table, select these "
            "three columns."
        )
    path, *times = given
    # NaN is compared to nothing, so it is no such window either
    is_time = all(isinstance(time, numbers.Real) for time in times)
    if not is_time or not 0 <= times[0] < times[1] < math.inf:
        raise ValueError(
            f"A window given to LogMel must be (path, onset, offset) with times in "
            f"seconds, 0 <= onset < offset. Got onset {times[0]!r} and offset "
            f"{times[1]!r} in row {row}: correct them or leave it out."
        )
    return Window(str(os.fspath(path)), float(times[0]), float(times[1]))


def _as_waveform(row: int, given: object) -> np.ndarray:
    """Take a clip as (n_samples,) or (n_channels, n_samples), or refuse it."""
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
    """Cut the NaN off that fill up a row of a table.

    Parameters
    ----------
    waveform : ndarray of shape (n_samples,)

    Returns
    -------
    waveform : ndarray of shape (n_valid,)
        A view. NaN between samples stays, and is refused when the clip is read.
    """
    if waveform.dtype.kind != "f" or not np.isnan(waveform[-1]):
        return waveform
    valid = np.flatnonzero(~np.isnan(waveform))
    return waveform[: valid[-1] + 1] if len(valid) else waveform[:0]


# --- one clip


def promised_length(clip: Clip, sample_rate: int) -> float:
    """Tell how long a clip is at sample_rate by its header.

    Parameters
    ----------
    clip : str, Window or ndarray
        A path, a part of a file or a waveform.
    sample_rate : int
        In Hz; the rate of the file is another one.

    Returns
    -------
    n_samples : float
        Infinity where the header does not say, as in streamed FLAC. The clip may turn
        out shorter, never longer.

    Raises
    ------
    FileNotFoundError, ValueError
        Where there is no such file, it is no sound, or holds none there.
    """
    if isinstance(clip, np.ndarray):
        n_samples: float = clip.shape[-1] if clip.size else 0
    else:
        path, *_ = as_file(clip)
        with _open(path, sample_rate) as file:
            start, end = _find_cut(clip, file)
            n_samples = math.inf
            if end != UNKNOWN_LENGTH:
                # rounded as librosa.resample rounds
                n_samples = math.ceil((end - start) * (sample_rate / file.samplerate))
    if n_samples == 0:
        raise ValueError(
            f"{name_clip(clip)} holds no samples. Leave it out of X and y."
        )
    return n_samples


def promised_duration(path: str) -> float:
    """Tell how many seconds a file lasts by its header.

    Parameters
    ----------
    path : str

    Returns
    -------
    duration : float
        At its own rate, so that no sample is lost to rounding. It may turn out
        shorter, never longer.

    Raises
    ------
    FileNotFoundError, ValueError
        Where there is no such file, it is no sound, holds none, or does not say, or
        promises more than so few bytes can hold.
    """
    with _open(path, USUAL_RATE) as file:
        n_samples, rate = file.frames, file.samplerate
        if n_samples != UNKNOWN_LENGTH:
            _refuse_hollow(file)
    if n_samples == UNKNOWN_LENGTH:
        raise ValueError(
            f"{path!r} does not say how long it is, as a stream that was recorded. "
            "Encode it again as a file."
        )
    if n_samples == 0:
        raise ValueError(f"{path!r} holds no samples. Leave it out.")
    return n_samples / rate


def _refuse_hollow(file: _Stream) -> None:
    """Refuse a file that promises hours in a few bytes, and ends before.

    Nothing but the header was read, and what is made of a promised length, such as a
    row per clip, would fill the memory. An hour of silence is no more than a few bytes
    either, but its last sample is there.
    """
    n_bytes = os.path.getsize(file.name)
    if file.frames <= CLOSE_PACKING * n_bytes:
        return
    try:
        file.seek(file.frames - 1)
        n_read = len(file.read(1))
    except soundfile.SoundFileError:
        n_read = 0
    if not n_read:
        raise ValueError(
            f"{file.name!r} promises {file.frames / file.samplerate:.3f} s in "
            f"{n_bytes} bytes by its header, and ends before. Replace it by an intact "
            "copy, or encode again what is left of it."
        )


class Reader:
    """Reads a clip as mono samples, block by block.

    Parameters
    ----------
    clip : str, Window or ndarray of shape (n_samples,) or (n_channels, n_samples)
        A path, a part of a file, or a waveform that has this rate.
    sample_rate : int
        In Hz; files of another rate are resampled (soxr, high quality). A window is
        cut out first, between the samples nearest to its times.

    Attributes
    ----------
    flaw : str
        As in `Sound`; when all blocks have been read.
    """

    def __init__(self, clip: Clip, sample_rate: int) -> None:
        self.clip = clip
        self.sample_rate = sample_rate
        self.flaw = ""
        self.cause = ""
        self.n_decoded = 0

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Read all that can be decoded.

        Yields
        ------
        samples : ndarray of shape (n,), float32
            A single block of a clip of ordinary length. Without samples only where none
            are promised.

        Raises
        ------
        FileNotFoundError, ValueError
            Where there is no such file, nothing of it can be decoded, or a sample is
            not finite.
        """
        if isinstance(self.clip, np.ndarray):
            yield mix_down(self.clip)
            return
        path, *_ = as_file(self.clip)
        with _open(path, self.sample_rate) as file:
            start, end = _find_cut(self.clip, file)
            decoded = self._decode(file, start, end)
            # many seconds are joined and resampled at once, which is fastest
            begin = list(islice(decoded, WHOLE_BLOCKS))
            later = next(decoded, None)
            if later is None:
                yield self._join(begin, file, is_empty=start == end)
            else:
                yield from self._resample(chain(begin, [later], decoded), file)
            self.flaw = self._tell_flaw(file, start, end)

    def _decode(
        self, file: _Stream, start: int, end: int
    ) -> Iterator[NDArray[np.float32]]:
        """Decode samples start to end until no more comes, as mono at their rate."""
        stretch = max(1, math.ceil(self.sample_rate / file.samplerate))
        n_at_once = max(1, BLOCK // (file.channels * stretch))
        if start:
            skip = start - _seek(file, start)
            while skip > 0:
                block, self.cause = _read_block(file, min(n_at_once, skip))
                skip -= len(block)
                if not len(block):
                    return
        while self.n_decoded < end - start and not self.cause:
            n_left = end - start - self.n_decoded
            block, self.cause = _read_block(file, min(n_at_once, n_left))
            if not len(block):
                return
            mono = block[:, 0] if file.channels == 1 else _average(block)
            _refuse_non_finite(mono, self.clip, start + self.n_decoded)
            self.n_decoded += len(block)
            yield mono

    def _join(
        self, blocks: list[NDArray[np.float32]], file: _Stream, *, is_empty: bool
    ) -> NDArray[np.float32]:
        """Return all samples of a clip of ordinary length."""
        if len(blocks) != 1:
            blocks = [np.concatenate([np.empty(0, np.float32), *blocks])]
        if not len(blocks[0]) and not is_empty:
            cause = self.cause or "it ends after its header"
            raise ValueError(
                f"nothing of {name_clip(self.clip)} can be decoded ({cause}). Replace "
                "it by an intact copy."
            )
        if file.samplerate == self.sample_rate or is_empty:
            return blocks[0]
        return librosa.resample(
            blocks[0],
            orig_sr=file.samplerate,
            target_sr=self.sample_rate,
            res_type="soxr_hq",
        )

    def _resample(
        self, blocks: Iterable[NDArray[np.float32]], file: _Stream
    ) -> Iterator[NDArray[np.float32]]:
        """Resample what is too long to be held, to the very values of `_join`."""
        if file.samplerate == self.sample_rate:
            yield from blocks
            return
        stream = soxr.ResampleStream(
            file.samplerate, self.sample_rate, 1, dtype="float32", quality="HQ"
        )
        n_made = 0
        for block in blocks:
            made = stream.resample_chunk(block)
            n_made += len(made)
            yield made
        rest = stream.resample_chunk(np.empty(0, np.float32), last=True)
        # rounded as librosa.resample rounds
        n_asked = math.ceil(self.n_decoded * (self.sample_rate / file.samplerate))
        yield librosa.util.fix_length(rest, size=max(n_asked - n_made, 0))

    def _tell_flaw(self, file: _Stream, start: int, end: int) -> str:
        """Say what is missing of the file, or of a window of it."""
        if not isinstance(self.clip, Window):
            return _tell_flaw(file, file.name, self.n_decoded, self.cause)
        asked = round(self.clip.offset * file.samplerate) - start
        if self.n_decoded == asked:
            return ""
        because = f" ({self.cause})" if self.cause else ""
        seconds = f"{self.n_decoded / file.samplerate:.3f}"
        return f"holds {seconds} of {asked / file.samplerate:.3f} s{because}"


def read(clip: str | np.ndarray, sample_rate: int) -> Sound:
    """Read a whole clip as mono samples at sample_rate.

    Parameters
    ----------
    clip : str or ndarray of shape (n_samples,) or (n_channels, n_samples)
    sample_rate : int
        In Hz.

    Returns
    -------
    sound : Sound
        All that could be decoded, and what is wrong with it.

    Raises
    ------
    FileNotFoundError, ValueError
        As `Reader.blocks`.
    """
    reader = Reader(clip, sample_rate)
    blocks = list(reader.blocks())
    samples = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    return Sound(samples, reader.flaw)


def as_file(clip: str | Window) -> tuple[str, float, float]:
    """Return path, onset and offset of a file or a part of it."""
    return clip if isinstance(clip, Window) else (clip, 0.0, math.inf)


def _find_cut(clip: str | Window, file: _Stream) -> tuple[int, int]:
    """Find the samples of a clip in its file.

    Parameters
    ----------
    clip : str or Window
    file : _Stream

    Returns
    -------
    start, end : int
        At the rate of the file; not beyond what it promises.

    Raises
    ------
    ValueError
        Where a window starts behind the end.
    """
    if isinstance(clip, str):
        return 0, file.frames
    start, end = (round(time * file.samplerate) for time in clip[1:])
    if start >= file.frames:
        raise ValueError(
            f"{clip.path!r} ends at {file.frames / file.samplerate:.3f} s, before the "
            f"window from {clip.onset:g} to {clip.offset:g} s begins. Correct the "
            "onset, or leave it out of X and y."
        )
    if start >= end:
        raise ValueError(
            f"the window from {clip.onset} to {clip.offset} s of {clip.path!r} is "
            "shorter than a sample. Make it longer, or leave it out of X and y."
        )
    return start, min(end, file.frames)


def _seek(file: _Stream, start: int) -> int:
    """Go to a sample, or to one before it from where it is reached; tell which."""
    # libsndfile misses samples of the last page of OGG, by up to a few thousand
    near_end = file.frames - BLOCK
    place = max(min(start, near_end), 0) if file.format == "OGG" else start
    try:
        return file.seek(place)
    except soundfile.SoundFileError as error:
        raise ValueError(
            f"sample {start} of {file.name!r} cannot be reached ({_cause(error)}). "
            "Replace it by an intact copy, such as FLAC or WAV."
        ) from error


def load(clip: str | np.ndarray, sample_rate: int) -> NDArray[np.float32]:
    """Read a clip as `read` does, and refuse one with a flaw as well.

    Parameters
    ----------
    clip : str or ndarray of shape (n_samples,) or (n_channels, n_samples)
    sample_rate : int
        In Hz.

    Returns
    -------
    samples : ndarray of shape (n_samples,), float32

    Raises
    ------
    FileNotFoundError, ValueError
        As `read`, and where a part of the file is missing or damaged.
    """
    sound = read(clip, sample_rate)
    if sound.flaw:
        raise ValueError(
            f"{name_clip(clip)} {sound.flaw}. Replace it by a complete copy, or encode "
            "again what is left of it."
        )
    return sound.samples


def mix_down(waveform: np.ndarray) -> NDArray[np.float32]:
    """Average the channels of a waveform, and bring integers to [-1, 1).

    Parameters
    ----------
    waveform : ndarray of shape (n_samples,) or (n_channels, n_samples)

    Returns
    -------
    samples : ndarray of shape (n_samples,), float32
        ``(x - offset) / full_scale`` of integers of 8, 16 and 32 bits.

    Raises
    ------
    ValueError
        Where a sample is NaN or infinite.
    """
    offset, full_scale = PCM.get(waveform.dtype, (0, 1))
    with np.errstate(over="ignore"):  # becomes infinity, which is refused below
        if waveform.ndim == 2:
            waveform = waveform.mean(axis=0, dtype=np.float32)
        samples = waveform.astype(np.float32, copy=False)
    _refuse_non_finite(samples, samples)
    if full_scale == 1:
        return samples
    return (samples - np.float32(offset)) / np.float32(full_scale)


def name_clip(clip: Clip) -> str:
    """Call a clip in a message."""
    if isinstance(clip, Window):
        return f"{clip.path!r} from {clip.onset:g} to {clip.offset:g} s"
    return "the waveform" if isinstance(clip, np.ndarray) else repr(clip)


def _cause(error: Exception) -> str:
    return str(error).rstrip(".")


def _refuse_non_finite(
    waveform: NDArray[np.float32], clip: Clip, start: int = 0
) -> None:
    """Refuse mono samples (n_samples,) with NaN or infinity, and tell the first one."""
    finite = np.isfinite(waveform)
    if not finite.all():
        sample = int(finite.argmin())
        kind = "NaN" if np.isnan(waveform[sample]) else "infinity"
        raise ValueError(
            f"{name_clip(clip)} contains {kind} at sample {start + sample}. Repair it "
            "or leave it out of X and y."
        )


# --- one file


class _Stream(soundfile.SoundFile):
    """A file that is decoded from where it is to its end.

    soundfile otherwise seeks behind every block to where it should end. Behind a hole
    of an OGG file this repeats sound, and at the end of a FLAC file that promises more
    it is an error.
    """

    def seekable(self) -> bool:
        """Tell that it is not."""
        return False


def _open(path: str, sample_rate: int) -> _Stream:
    """Open a sound file.

    Parameters
    ----------
    path : str
    sample_rate : int
        To which it is to be resampled.

    Returns
    -------
    file : _Stream
        To be closed by the caller.

    Raises
    ------
    FileNotFoundError, ValueError
        Where there is none, soundfile cannot read it, or its rate is absurd.
    """
    if not os.path.exists(path):
        start = "" if os.path.isabs(path) else f", which starts from {os.getcwd()!r}"
        raise FileNotFoundError(f"there is no file {path!r}. Correct the path{start}.")
    if os.path.isdir(path):
        raise ValueError(f"{path!r} is a directory. Give the path of one sound file.")
    try:
        file = _Stream(path)
    except (soundfile.SoundFileError, TypeError) as error:  # TypeError: headerless RAW
        raise ValueError(
            f"{path!r} cannot be read as sound ({_cause(error)}). Replace it by a "
            "sound file in a format of soundfile.available_formats(), such as WAV or "
            "FLAC."
        ) from error
    low, high = sample_rate / LARGEST_STRETCH, sample_rate * LARGEST_SHRINKAGE
    if not low <= file.samplerate <= high:
        file.close()
        raise ValueError(
            f"{path!r} has {file.samplerate} samples a second by its header. That must "
            f"be in [{low:g}, {high}] for 'sample_rate' {sample_rate}. Correct the "
            "header, or choose another 'sample_rate'."
        )
    return file


def _average(block: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore"):  # refused later, in a sentence
        return block.mean(axis=1)


def _read_block(file: _Stream, n_asked: int) -> tuple[NDArray[np.float32], str]:
    """Read a block of a file.

    Parameters
    ----------
    file : _Stream
    n_asked : int
        Samples of each channel, no more than the header promises from here on.

    Returns
    -------
    block : ndarray of shape (n_samples, n_channels), float32
        Empty at the end of the file.
    cause : str
        Why it breaks off, or nothing.
    """
    # an error takes the number of samples along that were decoded before it; those that
    # were not are still NaN
    block = np.full((n_asked, file.channels), np.nan, dtype=np.float32)
    try:
        return file.read(out=block), ""
    except soundfile.SoundFileError as error:
        missing = np.isnan(block[:, 0])
        n_read = int(missing.argmax()) if missing.any() else n_asked
        return block[:n_read], _cause(error)


def _tell_flaw(file: _Stream, path: str, n_samples: int, cause: str) -> str:
    """Compare what was decoded with what the file promises.

    Parameters
    ----------
    file : _Stream
        As it is after decoding.
    path : str
    n_samples : int
        That were decoded of each channel.
    cause : str
        The error of the decoder, or nothing.

    Returns
    -------
    flaw : str
        Such as "holds 1.492 of 1.510 s" or "holds 3.9 s (cut before its end)"; empty
        where nothing is missing.
    """
    promised = _promised_frames(file)
    is_short = n_samples < promised < UNKNOWN_LENGTH
    reasons = [cause] if cause else []
    if file.format == "OGG":
        reasons += _tell_pages(path)
    if not is_short and not reasons:
        return ""
    promise = f" of {promised / file.samplerate:.3f}" if is_short else ""
    because = f" ({', '.join(reasons)})" if reasons else ""
    return f"holds {n_samples / file.samplerate:.3f}{promise} s{because}"


def _promised_frames(file: _Stream) -> int:
    """Count the samples of each channel that the header of a file promises.

    Where the data of an uncompressed file end early, `file.frames` counts what is left
    of them; how much there should be is said in the log of libsndfile.
    """
    promised = file.frames
    for length, found in CUT_CHUNK.findall(file.extra_info):
        # a missing byte is only the padding of an odd chunk
        if 0 < int(found) + 1 < int(length) < STREAMED:
            whole = file.frames * int(length) // int(found)
            promised = max(promised, whole)
    return promised


# --- pages of OGG
# Its decoders skip what is damaged and stop where a file was cut, both without a word.
# Each page tells its length and a checksum, and the last one that it is the last.


def _tell_pages(path: str) -> list[str]:
    """Tell whether pages of an OGG file are damaged, or the last one is not there.

    Parameters
    ----------
    path : str

    Returns
    -------
    reasons : list of str
        Of "damaged in ..." and "cut ..."; empty where all pages are intact.

    References
    ----------
    S. Pfeiffer, "The Ogg Encapsulation Format Version 0", RFC 3533, 2003, section 6.
    """
    with (
        open(path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return _look_at_pages(content)


def _look_at_pages(content: mmap.mmap) -> list[str]:
    """Tell what is wrong with the pages of a whole file, as ``_tell_pages`` does."""
    n_places, start = 0, 0
    end: int | None = None  # of the last intact page
    is_last = is_beyond = False
    while found := PAGE_START.search(content, start):
        page, is_beyond = _cut_page(content, found.start())
        if is_beyond or not _fits_checksum(page):
            start = found.start() + 1
            continue
        # what stands between intact pages is one place, however many pages it was
        n_places += end is not None and found.start() > end
        end = start = found.start() + len(page)
        is_last = bool(page[5] & LAST_PAGE)
    # behind the last page may be what is none, such as a tag
    has_rest = start != end
    n_places += has_rest and not is_beyond
    reasons = []
    if n_places:
        places = "one place" if n_places == 1 else f"{n_places} places"
        reasons.append(f"damaged in {places}, behind which all sounds too early")
    if is_beyond if has_rest else not is_last:
        reasons.append("cut before its end")
    return reasons


def _cut_page(content: mmap.mmap, start: int) -> tuple[bytes, bool]:
    """Cut out the page that starts somewhere in the content of an OGG file.

    Parameters
    ----------
    content : mmap
        Of the whole file.
    start : int
        Where the mark of a page was found.

    Returns
    -------
    page : bytes
    is_beyond : bool
        Whether it ends beyond the file, since this was cut or its length is damaged.
    """
    n_segments = int.from_bytes(content[start + PAGE_HEADER - 1 : start + PAGE_HEADER])
    body = start + PAGE_HEADER + n_segments
    end = body + sum(content[start + PAGE_HEADER : body])
    return content[start:end], max(body, end) > len(content)


def _fits_checksum(page: bytes) -> bool:
    """Tell whether a page of OGG is as it was written.

    Its checksum has the polynomial of zlib, but takes the highest bit of a byte first,
    starts at 0 and is not inverted.
    """
    without = page[:22] + bytes(4) + page[26:]
    checksum = zlib.crc32(without.translate(REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return page[22:26].translate(REVERSED_BITS) == checksum.to_bytes(4, "big")
