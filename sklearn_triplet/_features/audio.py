"""Paths or waveforms in, mono samples (n_samples,) or a sentence of refusal out.

Whatever can be decoded of a file is used. What a header promises decides nothing,
neither how much memory is taken nor how long is waited: blocks are decoded until none
comes, and what then is missing is told as a flaw. A bound by the size of the file would
not do: FLAC holds 65 535 samples of silence in 11 bytes, so that 30 kB may be an hour.
"""

from __future__ import annotations

import math
import os
import re
import zlib
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias, TypeGuard, cast

import librosa  # loads its costly parts when they are first used, not here
import numpy as np
import soundfile
from numpy.typing import ArrayLike, NDArray

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
# Of the claims of a header only the rate multiplies what was decoded: at 1 Hz a file of
# 30 kB would become hours, at 2 GHz the filter takes a second to be made. Sound is
# never stretched a hundredfold; from ultrasound down to what whales say it is shortened
# by hundreds.
LARGEST_STRETCH, LARGEST_SHRINKAGE = 100, 1000
USUAL_RATE = 44100  # Hz, of which a header may be so far away where none is asked for

# Pages of OGG. The mark alone also stands in compressed sound, once in some ten
# thousand files.
PAGE_START = re.compile(rb"OggS\x00[\x00-\x07]")
PAGE_HEADER = 27  # bytes, before the table of the segments
LAST_PAGE = 4  # flag of the last page of a stream
REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


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


def list_clips(X: AudioLike) -> list[str] | list[np.ndarray] | None:
    """List the paths or waveforms of X; None where X is a table of numbers.

    Parameters
    ----------
    X : sequence of path, sequence of waveform or table
        As given to `LogMel.transform`.

    Returns
    -------
    clips : list of str, list of ndarray or None
        Waveforms of shape (n_samples_i,) or (n_channels, n_samples_i), of any real
        type.

    Raises
    ------
    ValueError
        Where X is none of these, empty, or mixes paths and waveforms.
    """
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
    """Call a clip "a path" or "a waveform", and anything else by its repr."""
    if isinstance(clip, PATH):
        return "a path"
    is_waveform = hasattr(clip, "__array__") and np.ndim(clip) > 0
    return "a waveform" if is_waveform else repr(clip)[:40]


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


def promised_length(clip: str | np.ndarray, sample_rate: int) -> float:
    """Tell how long a clip is at sample_rate by its header.

    Parameters
    ----------
    clip : str or ndarray
        A path or a waveform.
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
        Where there is no such file, it is no sound, or holds none.
    """
    if isinstance(clip, np.ndarray):
        n_samples: float = clip.shape[-1] if clip.size else 0
    else:
        with _open(clip, sample_rate) as file:
            n_samples = math.inf
            if file.frames != UNKNOWN_LENGTH:
                # rounded as librosa.resample rounds
                n_samples = math.ceil(file.frames * (sample_rate / file.samplerate))
    if n_samples == 0:
        raise ValueError(f"{_name(clip)} holds no samples. Leave it out of X and y.")
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
        Where there is no such file, it is no sound, holds none, or does not say.
    """
    with _open(path, USUAL_RATE) as file:
        n_samples, rate = file.frames, file.samplerate
    if n_samples == UNKNOWN_LENGTH:
        raise ValueError(
            f"{path!r} does not say how long it is, as a stream that was recorded. "
            "Encode it again as a file."
        )
    if n_samples == 0:
        raise ValueError(f"{path!r} holds no samples. Leave it out.")
    return n_samples / rate


def read(clip: str | np.ndarray, sample_rate: int) -> Sound:
    """Read a clip as mono samples at sample_rate.

    Parameters
    ----------
    clip : str or ndarray of shape (n_samples,) or (n_channels, n_samples)
        A path, or a waveform that has this rate.
    sample_rate : int
        In Hz; files of another rate are resampled (soxr, high quality).

    Returns
    -------
    sound : Sound
        All that could be decoded, and what is wrong with it. Without samples only where
        none are promised.

    Raises
    ------
    FileNotFoundError, ValueError
        Where there is no such file, nothing of it can be decoded, or a sample is not
        finite.
    """
    if isinstance(clip, np.ndarray):
        return Sound(mix_down(clip))
    with _open(clip, sample_rate) as file:
        waveform, cause = _decode(file)
        flaw = _tell_flaw(file, clip, len(waveform), cause)
        rate, is_empty = file.samplerate, file.frames == 0
    if not len(waveform) and not is_empty:
        raise ValueError(
            f"nothing of {clip!r} can be decoded ({cause or 'it ends after its header'}"
            "). Replace it by an intact copy."
        )
    _refuse_non_finite(waveform, clip)
    if rate == sample_rate or is_empty:
        return Sound(waveform, flaw)
    resampled = librosa.resample(
        waveform, orig_sr=rate, target_sr=sample_rate, res_type="soxr_hq"
    )
    return Sound(resampled, flaw)


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
            f"{_name(clip)} {sound.flaw}. Replace it by a complete copy, or encode "
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


def _name(clip: str | np.ndarray) -> str:
    return "the waveform" if isinstance(clip, np.ndarray) else repr(clip)


def _cause(error: Exception) -> str:
    return str(error).rstrip(".")


def _refuse_non_finite(waveform: NDArray[np.float32], clip: str | np.ndarray) -> None:
    """Refuse mono samples (n_samples,) with NaN or infinity, and tell the first one."""
    finite = np.isfinite(waveform)
    if not finite.all():
        sample = int(finite.argmin())
        kind = "NaN" if np.isnan(waveform[sample]) else "infinity"
        raise ValueError(
            f"{_name(clip)} contains {kind} at sample {sample}. Repair it or leave it "
            "out of X and y."
        )


# --- one file


class _Stream(soundfile.SoundFile):
    """A file that is decoded from its start to its end.

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


def _decode(file: _Stream) -> tuple[NDArray[np.float32], str]:
    """Decode a file until no more comes.

    Parameters
    ----------
    file : _Stream

    Returns
    -------
    samples : ndarray of shape (n_samples,), float32
        The mean of the channels, at the rate of the file.
    cause : str
        The error of the decoder that ended it early, or nothing.
    """
    blocks: list[NDArray[np.float32]] = []
    start, cause = 0, ""
    while start < file.frames and not cause:
        block, cause = _read_block(file, file.frames - start)
        if not len(block):
            break
        blocks.append(block[:, 0] if file.channels == 1 else _average(block))
        start += len(block)
    if len(blocks) == 1:
        return blocks[0], cause
    return np.concatenate([np.empty(0, np.float32), *blocks]), cause


def _average(block: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore"):  # refused later, in a sentence
        return block.mean(axis=1)


def _read_block(file: _Stream, n_left: int) -> tuple[NDArray[np.float32], str]:
    """Read a block of a file.

    Parameters
    ----------
    file : _Stream
    n_left : int
        Samples of each channel that the header promises from here on.

    Returns
    -------
    block : ndarray of shape (n_samples, n_channels), float32
        Empty at the end of the file.
    cause : str
        Why it breaks off, or nothing.
    """
    n_asked = min(max(1, BLOCK // file.channels), n_left)
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
    with open(path, "rb") as file:
        content = file.read()
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


def _cut_page(content: bytes, start: int) -> tuple[bytes, bool]:
    """Cut out the page that starts somewhere in the content of an OGG file.

    Parameters
    ----------
    content : bytes
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
