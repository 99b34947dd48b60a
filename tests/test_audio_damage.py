"""LogMel uses what is left of cut and damaged files, and says what is missing."""

import json
import os
import random
import struct
import subprocess
import sys
import time
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import CURE, make_noise, raised, write

from sklearn_triplet import LogMel

ESC10 = Path(__file__).parents[2] / "shared/data/esc10"
RATE = 44100
QUICK = {"n_mels": 8}


def replace(path, content):
    Path(path).write_bytes(content)
    return str(path)


def cut(path, fraction):
    content = Path(path).read_bytes()
    return replace(path, content[: int(len(content) * fraction)])


def encode(path, waveform, subtype, rate=48000):
    """Write an OGG file in parts, which libsndfile needs for long ones."""
    form = {"format": "OGG", "channels": 1 if waveform.ndim == 1 else 2}
    with soundfile.SoundFile(path, "w", rate, subtype=subtype, **form) as file:
        for start in range(0, len(waveform), 20_000):
            file.write(waveform[start : start + 20_000])
    return str(path)


def tell_flaws(X, **parameters):
    """Transform files of which each has a flaw; return the features and the flaws."""
    with pytest.warns(UserWarning) as caught:
        features = LogMel(**QUICK, **parameters).transform(X)
    assert [warning.filename for warning in caught] == [__file__]
    text = str(caught[0].message)
    start = (
        f"The files of {len(X)} of {len(X)} clips given to LogMel are shorter than "
        "they promise or damaged; all that could be decoded of them is used. The "
        "first: "
    )
    assert text.startswith(start)
    first = text.removeprefix(start)
    flaws = []
    for row, path in [*enumerate(X)][2::-1]:
        first, flaw = first.split(f"Row {row}: {path!r} ")
        flaws.insert(0, flaw.strip())
    assert first == ""
    return features, flaws


def read_quietly(X, **parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return LogMel(**QUICK, **parameters).transform(X)


def assert_is_start(energies, waveform, n_samples, atol=0.02):
    """Compare with the start of a waveform, but for the window over its end."""
    expected = LogMel(**QUICK).transform([waveform[:n_samples]])[0]
    assert energies.shape == expected.shape
    np.testing.assert_allclose(energies[:, :-2], expected[:, :-2], atol=atol)


@pytest.mark.parametrize("errors", ["raise", "warn"])
@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.au"])
@pytest.mark.parametrize("fraction", [0.9, 0.5])
def test_truncated_file(tmp_path, name, fraction, errors):
    waveform = make_noise(100_000)
    path = cut(write(tmp_path / name, waveform), fraction)
    n_samples = len(soundfile.read(path)[0])
    assert abs(n_samples - 100_000 * fraction) < 50
    (energies,), flaws = tell_flaws([path], errors=errors)
    promised = 2.267 if name == "a.aiff" and fraction == 0.5 else 2.268  # in bytes
    assert flaws == [f"holds {n_samples / RATE:.3f} of {promised} s."]
    assert_is_start(energies, waveform, n_samples)


def test_one_warning_counts_all_and_names_the_first(tmp_path):
    paths = [write(tmp_path / f"{i}.wav", make_noise(5000 + i)) for i in range(6)]
    whole = read_quietly(paths[:1])
    for path in paths[1:]:
        cut(path, 0.5)
    with pytest.warns(UserWarning) as caught:
        features = LogMel(**QUICK, n_jobs=2).transform(paths)
    assert [str(warning.message) for warning in caught] == [
        "The files of 5 of 6 clips given to LogMel are shorter than they promise or "
        "damaged; all that could be decoded of them is used. The first: Row 1: "
        f"{paths[1]!r} holds 0.056 of 0.113 s. Row 2: {paths[2]!r} holds 0.056 of "
        f"0.113 s. Row 3: {paths[3]!r} holds 0.056 of 0.113 s."
    ]
    np.testing.assert_array_equal(features[:1], whole)


@pytest.mark.parametrize("fraction", [0.999, 0.5, 0.2])
def test_flac_breaks_off_where_its_decoder_does(tmp_path, fraction):
    waveform = make_noise(100_000)
    path = cut(write(tmp_path / "a.flac", waveform), fraction)
    (energies,), (flaw,) = tell_flaws([path])
    n_samples = 441 * (energies.shape[1] - 1)  # frames of FLAC have 4096 samples
    assert 0 <= 100_000 * fraction - n_samples < 4096 + 441
    assert flaw.endswith(" of 2.268 s (Error : flac decoder lost sync).")
    n_samples = round(RATE * float(flaw.split()[1]))
    assert_is_start(energies, waveform, n_samples)


def test_flac_of_which_nothing_is_left(tmp_path):
    path = write(tmp_path / "a.flac", make_noise(100_000))
    replace(path, Path(path).read_bytes()[:3000])
    assert raised([path]) == (
        f"Row 0 of X of LogMel: nothing of {path!r} can be decoded (Error : flac "
        f"decoder lost sync). Replace it by an intact copy.{CURE}"
    )


@pytest.mark.parametrize("n_samples", [5000, 2**20, 1_500_000])
def test_flac_of_unknown_length_is_whole(tmp_path, n_samples):
    path = write(tmp_path / "stream.flac", make_noise(n_samples))
    expected = read_quietly([path])
    content = bytearray(Path(path).read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    replace(path, content)
    np.testing.assert_array_equal(read_quietly([path]), expected)


def test_wav_of_a_stream_is_whole(tmp_path, wav):
    content = bytearray(Path(wav).read_bytes())
    start = content.index(b"data") + 4
    content[start : start + 4] = b"\xff" * 4  # what ffmpeg writes into a pipe
    path = replace(tmp_path / "stream.wav", content)
    np.testing.assert_array_equal(read_quietly([path]), read_quietly([wav]))


def test_mp3_in_wav_one_frame_shorter_than_it_says(tmp_path):
    whole = write(tmp_path / "a.mp3", make_noise(50_000))
    sound = Path(whole).read_bytes()
    sound = sound[: sound.rindex(b"\xff\xfb")]  # without its last frame
    form = struct.pack("<HHIIHHHHIHHH", 0x55, 1, RATE, 8000, 1, 0, 12, 1, 2, 1, 1, 0)
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    chunks += b"data" + struct.pack("<I", len(sound)) + sound
    path = replace(
        tmp_path / "a.wav", b"RIFF" + struct.pack("<I", len(chunks)) + chunks
    )
    (energies,), (flaw,) = tell_flaws([path])
    held, promised = float(flaw.split()[1]), 50_000 / RATE
    assert flaw == f"holds {held:.3f} of {promised:.3f} s."
    assert 0.001 < promised - held < 2 * 1152 / RATE
    assert_is_start(energies, soundfile.read(whole)[0], round(RATE * held))


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("n_missing", [1, 3, 10, 28, 100, 1000, 5000])
def test_ogg_cut_within_its_last_pages(tmp_path, subtype, n_missing):
    path = encode(tmp_path / "a.ogg", make_noise(100_000), subtype)
    replace(path, Path(path).read_bytes()[:-n_missing])
    seconds = soundfile.info(path).duration
    features, flaws = tell_flaws([path])
    assert flaws == [f"holds {seconds:.3f} s (cut before its end)."]
    assert features.shape[2] == pytest.approx(100 * seconds, abs=2)


@pytest.mark.skipif(not ESC10.exists(), reason="the ESC-10 recordings are not here")
def test_recordings_of_esc10_when_cut(tmp_path):
    whole = sorted(ESC10.glob("*/*.ogg"))
    assert np.isfinite(read_quietly(whole[::20])).any(axis=(1, 2)).all()
    for recording in whole[::80]:
        content = recording.read_bytes()
        for n_missing in (1, 10, 100, 1000, 5000):
            path = replace(tmp_path / "cut.ogg", content[:-n_missing])
            _, (flaw,) = tell_flaws([path])
            assert flaw.endswith(" s (cut before its end).")


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_with_damaged_pages(tmp_path, subtype):
    path = encode(tmp_path / "a.ogg", make_noise(400_000), subtype)
    content = Path(path).read_bytes()
    end = "damaged in one place, behind which all sounds too early"
    for place in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        damaged = bytearray(content)
        damaged[int(place * len(content))] ^= 1
        replace(path, damaged)
        features, (flaw,) = tell_flaws([path])
        held = float(flaw.split()[1])
        assert flaw == f"holds {held:.3f} of 8.333 s ({end})."
        assert 3 < held < 8.3
        assert features.shape[2] == pytest.approx(100 * held, abs=2)
    damaged[int(0.3 * len(content))] ^= 1
    replace(path, damaged)
    _, (flaw,) = tell_flaws([path])
    assert f" ({end.replace('one place', '2 places')})." in flaw


def test_ogg_without_a_page_in_the_middle(tmp_path):
    waveform = make_noise(200_000)
    path = encode(tmp_path / "a.ogg", waveform, "VORBIS", RATE)
    pages = Path(path).read_bytes().split(b"OggS")
    del pages[len(pages) // 2]  # each of the others is intact
    replace(path, b"OggS".join(pages))
    features, (flaw,) = tell_flaws([path])
    held = float(flaw.split()[1])
    assert flaw == f"holds {held:.3f} of 4.535 s."
    assert 4 < held < 4.5
    assert features.shape[2] == pytest.approx(100 * held, abs=2)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("n_samples", [1, 64, 9999, 300_001, 1_200_000])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_whole_ogg_of_any_length_is_read(tmp_path, subtype, n_samples, n_channels):
    waveform = make_noise(n_samples, n_channels=n_channels)
    path = encode(tmp_path / "a.ogg", waveform, subtype)
    features = read_quietly([path], sample_rate=48000)
    assert features.shape[2] == 1 + n_samples // 480
    # a tag behind the end, as some programs put one there, is none of the sound
    replace(path, Path(path).read_bytes() + b"TAG" + bytes(125))
    np.testing.assert_array_equal(read_quietly([path], sample_rate=48000), features)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.aiff"])
@pytest.mark.parametrize("n_samples", [1, 1152, 1153, 2**20 - 1, 2**20 + 1])
def test_whole_files_of_any_length_are_read(tmp_path, name, n_samples):
    path = write(tmp_path / name, make_noise(n_samples))
    features = read_quietly([path], hop_length=1000, win_length=800)
    assert features.shape == (1, 8, 1 + n_samples // 1000)


def claim_hours(path):
    """Change the number of samples that a FLAC file promises to 10 hours of them."""
    content = bytearray(Path(path).read_bytes())
    content[22:26] = (36_000 * RATE).to_bytes(4, "big")
    return replace(path, content)


def test_a_header_that_claims_ten_hours(tmp_path):
    waveform = make_noise(20_000)
    X = [write(tmp_path / f"{i}.flac", waveform[: 9000 + i]) for i in range(30)]
    X.append(claim_hours(write(tmp_path / "hours.flac", waveform)))
    expected = read_quietly([*X[:-1], write(tmp_path / "whole.flac", waveform)])
    tracemalloc.start()
    start = time.process_time()
    with pytest.warns(UserWarning, match=r"holds 0\.454 of 36000\.000 s\.$"):
        features = LogMel(**QUICK, errors="warn").transform(X)
    seconds = time.process_time() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 2
    assert peak < 2e8
    np.testing.assert_array_equal(features, expected)


def set_rate(path, rate):
    content = bytearray(Path(path).read_bytes())
    content[24:28] = rate.to_bytes(4, "little")
    return replace(path, content)


@pytest.mark.parametrize("rate", [1, 440, 44_100_001, 2**31 - 1])
def test_a_header_that_claims_an_absurd_rate(tmp_path, rate):
    path = set_rate(write(tmp_path / "a.wav", make_noise(15_000)), rate)
    assert raised([path]) == (
        f"Row 0 of X of LogMel: {path!r} has {rate} samples a second by its header. "
        "That must be in [441, 44100000] for 'sample_rate' 44100. Correct the header, "
        f"or choose another 'sample_rate'.{CURE}"
    )


def test_rates_at_the_edge(tmp_path):
    path = write(tmp_path / "a.wav", make_noise(15_000))
    set_rate(path, 441)
    assert read_quietly([path]).shape == (1, 8, 1 + 15_000 * 100 // 441)
    set_rate(path, 44_100_000)
    assert read_quietly([path]).shape == (1, 8, 1)
    set_rate(path, 1)
    assert read_quietly([path], sample_rate=100, n_fft=64).shape == (1, 8, 1_500_001)


@pytest.mark.parametrize("n_channels", [1, 2])
def test_a_stretched_file_is_never_whole_in_memory(tmp_path, n_channels):
    waveform = make_noise(300_000, n_channels=n_channels)
    path = set_rate(write(tmp_path / "a.wav", waveform), 441)
    settings = {"win_length": 100, "n_fft": 128}
    tracemalloc.start()
    features = read_quietly([path], **settings)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert features.shape == (1, 8, 1 + 300_000 * 100 // 441)
    assert peak < 60e6  # its 30 million samples alone would be 120 MB


def mutate(content, rng):
    """Change some bytes, most of them in the header; cut, drop or repeat a part."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        at = rng.integers(rng.choice([60, 200, len(content)]))
        n_bytes = rng.choice([1, 4])
        values = [rng.bytes(n_bytes), b"\xff" * n_bytes, b"\x00" * n_bytes]
        content[at : at + n_bytes] = values[rng.integers(3)]
    start, stop = sorted(rng.integers(len(content), size=2))
    acts = [slice(0, 0)] * 3 + [slice(stop, None), slice(start, stop)]
    del content[acts[rng.integers(5)]]
    return content


@pytest.mark.parametrize(
    ("form", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("WAV", "FLOAT"),
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("MP3", "MPEG_LAYER_III"),
        ("AIFF", "PCM_16"),
        ("W64", "PCM_16"),
        ("CAF", "ALAC_16"),
    ],
)
def test_mutated_files_are_answered_soon(tmp_path, form, subtype):
    path = write(
        tmp_path / "whole", make_noise(24_000, n_channels=2), 48000, format=form,
        subtype=subtype,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    content = Path(path).read_bytes()
    for _ in range(20):
        replace(path, mutate(content, rng))
        start = time.process_time()
        with warnings.catch_warnings():
            # one sentence of ours, but nothing of the libraries below
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", ".*LogMel", UserWarning)
            features = LogMel(16000, **QUICK, errors="warn").transform([path])
        assert time.process_time() - start < 2
        assert features.nbytes < 1e7
        assert not np.isinf(features).any()


def read_mutants(first, last, folder):
    """Send mutants through the library in a process of its own; return what it says."""
    script = Path(__file__).with_name("audio_mutants.py")
    command = [sys.executable, str(script), str(first), str(last), str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=600, env=environment
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    # a crash leaves the seed that did it as the last line
    assert done.returncode == 0, (lines[-1:], done.stderr[-2000:])
    return [line for line in lines if "seconds" in line]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measures memory by /proc")
def test_thousands_of_mutants_in_processes_of_their_own(tmp_path):
    # 2000 that are always the same, and 4000 that nobody has seen
    start = random.SystemRandom().randrange(10**9)
    print(f"seeds of mutants: 0 to 1999, {start} to {start + 3999}")
    batches = [(0, 2000), (start, start + 2000), (start + 2000, start + 4000)]
    found = [found for batch in batches for found in read_mutants(*batch, tmp_path)]
    assert len(found) == 6000
    for mutant in found:
        # no error but in a sentence, which names the file or its folder
        assert not mutant["failure"], mutant
        assert not mutant["foreign"], mutant
        assert not mutant["unnamed"], mutant
        # a decoder that has lost its way searches the whole file for each window
        assert mutant["seconds"] < 2 + 0.2 * (mutant["n_clips"] - 1), mutant
        assert mutant["megabytes"] < 200, mutant
    # the test is worth something only if it reaches both ends
    share_blemished = np.mean([bool(mutant["said"]) for mutant in found])
    assert 0.3 < share_blemished < 0.95
