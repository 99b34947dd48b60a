"""LogMel refuses sound files that are cut or damaged, and reads all that are whole."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import CURE, make_noise, raised, write

from sklearn_triplet import LogMel

ESC10 = Path(__file__).parents[2] / "shared/data/esc10"
PROMISE = (
    " is truncated: it ends before the end that its format promises. Replace it by a "
    f"complete copy, or encode again what is left of it.{CURE}"
)


def replace(path, content):
    Path(path).write_bytes(content)
    return str(path)


def encode(path, waveform, subtype, rate=48000):
    """Write an OGG file in parts, which libsndfile needs for long ones."""
    form = {"format": "OGG", "channels": 1 if waveform.ndim == 1 else 2}
    with soundfile.SoundFile(path, "w", rate, subtype=subtype, **form) as file:
        for start in range(0, len(waveform), 20_000):
            file.write(waveform[start : start + 20_000])
    return str(path)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("n_missing", [1, 3, 10, 28, 100, 1000, 5000])
def test_ogg_cut_within_its_last_pages(tmp_path, subtype, n_missing):
    path = encode(tmp_path / "a.ogg", make_noise(100_000), subtype)
    replace(path, Path(path).read_bytes()[:-n_missing])
    assert raised([path]) == f"Row 0 of X of LogMel: {path!r}{PROMISE}"


@pytest.mark.skipif(not ESC10.exists(), reason="the ESC-10 recordings are not here")
def test_recordings_of_esc10_when_cut(tmp_path):
    whole = sorted(ESC10.glob("*/*.ogg"))
    assert np.isfinite(LogMel(n_mels=4).transform(whole[::20])).any(axis=(1, 2)).all()
    for recording in whole[::80]:
        content = recording.read_bytes()
        for n_missing in (1, 10, 100, 1000, 5000):
            path = replace(tmp_path / "cut.ogg", content[:-n_missing])
            assert raised([path]) == f"Row 0 of X of LogMel: {path!r}{PROMISE}"


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_with_a_damaged_page(tmp_path, subtype):
    path = encode(tmp_path / "a.ogg", make_noise(200_000), subtype)
    content = Path(path).read_bytes()
    for place in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99):
        damaged = bytearray(content)
        damaged[int(place * len(content))] ^= 1
        replace(path, damaged)
        assert raised([path]) == (
            f"Row 0 of X of LogMel: {path!r} is damaged (the checksum of a page does "
            f"not fit). Replace it by an intact copy.{CURE}"
        )


def test_ogg_without_a_page_in_the_middle(tmp_path):
    waveform = make_noise(200_000)
    path = encode(tmp_path / "a.ogg", waveform, "VORBIS", 44100)
    pages = Path(path).read_bytes().split(b"OggS")
    del pages[len(pages) // 2]  # each of the others is intact
    replace(path, b"OggS".join(pages))
    samples, _ = soundfile.read(path)
    assert 0 < len(samples) < len(waveform)
    assert raised([path]) == (
        f"Row 0 of X of LogMel: {path!r} is damaged after {len(samples)} samples (a "
        f"part is missing there). Replace it by an intact copy.{CURE}"
    )


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("n_samples", [1, 64, 9999, 300_001, 1_200_000])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_whole_ogg_files_are_read(tmp_path, subtype, n_samples, n_channels):
    waveform = make_noise(n_samples, n_channels=n_channels)
    path = encode(tmp_path / "a.ogg", waveform, subtype)
    settings = {"sample_rate": 48000, "hop_length": 480}
    features = LogMel(**settings).transform([path])
    assert features.shape[2] == 1 + n_samples // 480
    # a tag behind the end, as some programs put one there, is none of the sound
    replace(path, Path(path).read_bytes() + b"TAG" + bytes(125))
    np.testing.assert_array_equal(LogMel(**settings).transform([path]), features)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.aiff"])
@pytest.mark.parametrize("n_samples", [1, 1152, 1153, 2**20 - 1, 2**20 + 1])
def test_whole_files_of_any_length_are_read(tmp_path, name, n_samples):
    path = write(tmp_path / name, make_noise(n_samples))
    features = LogMel(n_mels=1, hop_length=1000, win_length=800).transform([path])
    assert features.shape == (1, 1, 1 + n_samples // 1000)


def cut(path, fraction):
    path = Path(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    return str(path)


@pytest.mark.parametrize("name", ["a.ogg", "a.wav", "a.aiff", "a.au"])
@pytest.mark.parametrize("fraction", [0.9, 0.5])
def test_truncated_file(tmp_path, name, fraction):
    path = cut(write(tmp_path / name, make_noise(100_000)), fraction)
    assert raised([path]) == (
        f"Row 0 of X of LogMel: {path!r} is truncated: it ends before the end that its "
        "format promises. Replace it by a complete copy, or encode again what is left "
        f"of it.{CURE}"
    )


def test_damaged_file(tmp_path):
    path = cut(write(tmp_path / "a.flac", make_noise(100_000)), 0.5)
    message = raised([path])
    assert message.startswith(f"Row 0 of X of LogMel: {path!r} is damaged after 0 samp")
    assert message.endswith(f"). Replace it by an intact copy.{CURE}")


def test_wav_of_a_stream_is_whole(tmp_path, wav):
    content = bytearray(Path(wav).read_bytes())
    start = content.index(b"data") + 4
    content[start : start + 4] = b"\xff" * 4  # what ffmpeg writes into a pipe
    path = tmp_path / "stream.wav"
    path.write_bytes(content)
    np.testing.assert_array_equal(LogMel().transform([path]), LogMel().transform([wav]))


def test_flac_of_unknown_length(tmp_path):
    path = tmp_path / "stream.flac"
    content = bytearray(Path(write(path, make_noise(5000))).read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert raised([path]) == (
        f"Row 0 of X of LogMel: {str(path)!r} does not tell its length, as streamed "
        f"FLAC. Encode it again.{CURE}"
    )
