"""Sound files of all forms, and what becomes of them when bytes are changed.

``python audio_mutants.py FIRST LAST FOLDER`` sends the mutants of these seeds through
the library and prints a line of JSON before and after each: what a crash or a hang
leaves behind is the seed that did it.
"""

import contextlib
import io
import json
import os
import re
import resource
import struct
import sys
import time
import warnings
from functools import cache

import numpy as np
import soundfile

# name of the form: file extension, format, subtype, rate
FORMS = {
    "wav": ("wav", "WAV", "PCM_16", 44100),
    "wav-u8": ("wav", "WAV", "PCM_U8", 8000),
    "wav-24": ("wav", "WAV", "PCM_24", 48000),
    "wav-float": ("wav", "WAV", "FLOAT", 44100),
    "wav-double": ("wav", "WAV", "DOUBLE", 44100),
    "wav-ulaw": ("wav", "WAV", "ULAW", 8000),
    "wav-ima": ("wav", "WAV", "IMA_ADPCM", 44100),
    "wav-ms": ("wav", "WAV", "MS_ADPCM", 44100),
    "wav-gsm": ("wav", "WAV", "GSM610", 8000),
    "wavex": ("wav", "WAVEX", "PCM_16", 44100),
    "rf64": ("wav", "RF64", "PCM_16", 44100),
    "flac": ("flac", "FLAC", "PCM_16", 44100),
    "flac-24": ("flac", "FLAC", "PCM_24", 48000),
    "vorbis": ("ogg", "OGG", "VORBIS", 44100),
    "opus": ("opus", "OGG", "OPUS", 48000),
    "mp3": ("mp3", "MP3", "MPEG_LAYER_III", 44100),
    "aiff": ("aiff", "AIFF", "PCM_16", 44100),
    "aiff-float": ("aiff", "AIFF", "FLOAT", 44100),
    "aiff-ima": ("aiff", "AIFF", "IMA_ADPCM", 44100),
    "w64": ("w64", "W64", "PCM_16", 44100),
    "caf": ("caf", "CAF", "PCM_16", 44100),
    "caf-alac": ("caf", "CAF", "ALAC_16", 44100),
    "au": ("au", "AU", "PCM_16", 44100),
}  # fmt: skip
N_SAMPLES = 20_000
# what a header may hold where a size, a rate or a number of channels belongs
EXTREMES = (0, 1, 2, 3, 7, 255, 1024, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**32 - 1)


@cache
def encode(form):
    """Return the bytes of an intact file: noise behind silence, of two channels."""
    _, kind, subtype, rate = FORMS[form]
    n_channels = 1 if subtype in ("GSM610", "IMA_ADPCM") else 2
    waveform = np.random.default_rng(0).normal(scale=0.1, size=(N_SAMPLES, n_channels))
    waveform[:5000] = 0
    file = io.BytesIO()
    soundfile.write(file, waveform.clip(-1, 1), rate, subtype, format=kind)
    return file.getvalue()


def mutate(seed):
    """Damage a file, of each form in turn; return its new bytes and its extension."""
    rng = np.random.default_rng(seed)
    form = list(FORMS)[seed % len(FORMS)]
    content = bytearray(encode(form))
    extension = FORMS[form][0]
    for _ in range(rng.integers(1, 4)):
        ACTS[rng.integers(len(ACTS))](content, rng)
    if rng.random() < 0.1:  # a name that says another format
        extension = rng.choice(sorted({e for e, *_ in FORMS.values()} | {"raw", "txt"}))
    return bytes(content), str(extension)


def _place(content, rng):
    """Choose a byte, most often of the header."""
    return int(rng.integers(min(len(content), rng.choice([64, 256, len(content)])) + 1))


def _flip_bits(content, rng):
    for _ in range(rng.integers(1, 8)):
        if content:
            at = min(_place(content, rng), len(content) - 1)
            content[at] ^= 1 << int(rng.integers(8))


def _write_number(content, rng):
    """Write an extreme number of 1, 2, 4 or 8 bytes, of either order, over a field."""
    at, size = _place(content, rng), int(rng.choice([1, 2, 4, 8]))
    order = ("little", "big")[rng.integers(2)]
    number = int(rng.choice(EXTREMES)) if rng.random() < 0.7 else rng.integers(2**63)
    content[at : at + size] = (int(number) % 256**size).to_bytes(size, order)


def _write_chunk_size(content, rng):
    """Write an extreme size behind one of the names of chunks."""
    names = [m.end() for m in re.finditer(rb"[A-Za-z]{3}[A-Za-z ]", content[:4096])]
    if names:
        at = names[rng.integers(len(names))]
        order = "<>"[rng.integers(2)]
        content[at : at + 4] = struct.pack(order + "I", int(rng.choice(EXTREMES)))


def _write_bytes(content, rng):
    at = _place(content, rng)
    n_bytes = int(rng.choice([1, 4, 64]))
    values = rng.bytes(n_bytes), b"\xff" * n_bytes, bytes(n_bytes)
    content[at : at + n_bytes] = values[rng.integers(3)]


def _truncate(content, rng):
    del content[_place(content, rng) if rng.random() < 0.5 else -_place(content, rng) :]


def _delete(content, rng):
    start = _place(content, rng)
    del content[start : start + int(rng.choice([1, 4, 64, 1000]))]


def _insert(content, rng):
    at = _place(content, rng)
    content[at:at] = rng.bytes(int(rng.choice([1, 4, 64, 1000])))


def _repeat(content, rng):
    start = _place(content, rng)
    stop = start + int(rng.choice([4, 64, 1000, len(content)]))
    content[stop:stop] = content[start:stop] * int(rng.integers(1, 4))


def _append_file(content, rng):
    forms = sorted(FORMS)
    content += encode(forms[rng.integers(len(forms))])


def _splice(content, rng):
    """Put the body of another file behind the header of this one."""
    forms = sorted(FORMS)
    at = _place(content, rng)
    content[at:] = encode(forms[rng.integers(len(forms))])[at:]


def _empty(content, rng):
    if rng.random() < 0.2:
        content.clear()


ACTS = (
    _flip_bits, _flip_bits, _flip_bits, _write_number, _write_number, _write_number,
    _write_chunk_size, _write_chunk_size, _write_bytes, _truncate, _delete, _insert,
    _repeat, _append_file, _splice, _empty,
)  # fmt: skip


# --- through the library, in a process of its own


def peak_memory():
    """Return the largest resident memory since it was last forgotten, in bytes."""
    with open("/proc/self/status") as file:
        return 1024 * int(re.search(r"VmHWM:\s+(\d+)", file.read())[1])


def forget_peak_memory():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def read(path, way):
    """Send a file through one of the ways in.

    Returns
    -------
    refusal : str
        Its words, or nothing.
    n_clips : int
        In how many windows the file was read: each of them looks for its beginning.
    """
    from sklearn_triplet import LogMel
    from sklearn_triplet.datasets import load_audio_folder, load_recordings

    rate, X = 16000 if way % 2 else 44100, [path]
    mel = LogMel(rate, n_mels=8, errors="warn" if way % 3 else "raise")
    try:
        match way % 5:
            case 1:
                X = list(load_audio_folder(os.path.dirname(path)).paths)
            case 2:
                X = load_recordings(X, clip_duration=1.0).data
            case 3:
                X = [(path, 0.1, 0.3)]
            case 4:
                mel.set_params(memory=os.path.join(os.path.dirname(path), "features"))
        if len(X):
            features = mel.transform(X)
            assert features.ndim == 3 and features.shape[1] == 8, features.shape
            valid = features[~np.isnan(features)]
            assert np.isfinite(valid).all()
    except (ValueError, FileNotFoundError) as error:
        return str(error), len(X)
    return "", len(X)


def main(first, last, folder):
    """Read the mutants of some seeds, each within 2 GiB of addresses."""
    read_intact(folder)
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**31, -1))
    for seed in range(int(first), int(last)):
        content, extension = mutate(seed)
        path = os.path.join(folder, f"mutant.{extension}")
        with open(path, "wb") as file:
            file.write(content)
        print(json.dumps({"seed": seed}), flush=True)
        print(
            json.dumps({"seed": seed, **measure(path, seed // len(FORMS))}), flush=True
        )
        os.remove(path)


def measure(path, way):
    """Return what a file costs, and what was said about it."""
    forget_peak_memory()
    before = peak_memory()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = time.process_time()
        try:
            (said, n_clips), failure = read(path, way), ""
        except BaseException as error:  # whatever it is, it is to be reported
            said, n_clips, failure = "", 1, f"{type(error).__name__}: {error}"
        seconds = time.process_time() - start
    said = [said] if said else []
    said += [str(warning.message) for warning in caught]
    return {
        "seconds": round(seconds, 3),
        "n_clips": n_clips,
        "megabytes": round((peak_memory() - before) / 1e6, 1),
        "failure": failure,
        "said": said,
        "foreign": [str(w.message) for w in caught if w.category is not UserWarning],
        "unnamed": [text for text in said if os.path.dirname(path) not in text],
    }


def read_intact(folder):
    """Read a file of each form, so that all that is loaded once is loaded."""
    for form in FORMS:
        path = os.path.join(folder, f"intact.{FORMS[form][0]}")
        with open(path, "wb") as file:
            file.write(encode(form))
        with contextlib.suppress(Exception):
            read(path, 4)
        os.remove(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
