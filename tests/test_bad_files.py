"""A folder of real files of every bad kind, all the way from the folder to features."""

import os
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from helpers import CURE, make_noise, write

from sklearn_triplet import LogMel
from sklearn_triplet.datasets import load_audio_folder, mix_soundscapes

N_SAMPLES = 22050
NO_SOUND = "a sound file in a format of soundfile.available_formats(), such as WAV or "
END = r" With errors='warn' such a clip becomes a row of NaN\."

# what LogMel says of each, behind the row and the path; expressions where libsndfile
# gives the cause
UNREADABLE = (
    r" cannot be read as sound \(.+\)\. "
    + re.escape(f"Replace it by {NO_SOUND}FLAC.")
)  # fmt: skip
BAD = {
    "cut.flac": r" can be decoded \(.+\)\. Replace it by an intact copy\.",
    "empty.wav": re.escape(" holds no samples. Leave it out of X and y."),
    "header.wav": UNREADABLE,
    "nan.wav": re.escape(
        " contains NaN at sample 17. Repair it or leave it out of X and y."
    ),
    "nothing.flac": UNREADABLE,
    "text.wav": UNREADABLE,
}


def cut(path, fraction):
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[: int(len(content) * fraction)])


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """One file of each kind that LogMel must refuse."""
    folder = tmp_path_factory.mktemp("bad files")
    noise = make_noise(50_000)
    cut(write(folder / "cut.flac", noise), 0.03)
    write(folder / "empty.wav", np.zeros(0))
    cut(write(folder / "header.wav", noise), 0.0002)
    hole = noise.copy()
    hole[17] = np.nan
    write(folder / "nan.wav", hole, subtype="FLOAT")
    (folder / "nothing.flac").touch()
    (folder / "text.wav").write_text("a text, not a sound\n")
    return folder


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Unusual files that are whole, with the labels of a folder per class."""
    folder = tmp_path_factory.mktemp("good files")
    for name in ("Vögel & co", "rain"):
        (folder / name).mkdir()
    noise = make_noise(N_SAMPLES)
    write(folder / "Vögel & co" / "für 1.wav", noise, subtype="PCM_24")
    write(folder / "Vögel & co" / "1.wav", make_noise(N_SAMPLES // 2), 8000)
    write(folder / "rain" / "1.wav", make_noise(N_SAMPLES), 96000)
    write(folder / "rain" / "5.1.wav", make_noise(N_SAMPLES, n_channels=6))
    write(folder / "rain" / "one.wav", np.array([0.5]))
    write(folder / "loud.WAV", 3 * noise, subtype="FLOAT")
    soundfile.write(folder / "a.opus", make_noise(48000), 48000, "OPUS", format="OGG")
    soundfile.write(folder / "a.mp3", noise, 44100, format="MP3")
    return folder


def label(folder):
    """Label every file, as a user who has not listened to them would."""
    names = [path.relative_to(folder).as_posix() for path in folder.iterdir()]
    return pd.DataFrame({"filename": names, "labels": "dog"})


def test_every_bad_file_is_found_and_labeled(bad):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # files are not opened: nothing to report yet
        corpus = load_audio_folder(bad, label(bad))
    assert [Path(path).name for path in corpus.paths] == sorted(BAD)
    assert corpus.target.tolist() == ["dog"] * len(BAD)


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_bad_file_is_refused_by_name(bad, name):
    row = pd.DataFrame({"filename": [name], "labels": ["dog"]})
    corpus = load_audio_folder(bad, row, only_listed=True)
    with pytest.raises(ValueError) as caught:
        LogMel().fit_transform(corpus.paths)
    start = "Row 0 of X of LogMel: (nothing of )?" + re.escape(repr(str(bad / name)))
    assert re.fullmatch(start + BAD[name] + END, str(caught.value))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_bad_files_become_rows_of_nan_among_good_ones(bad, good, tmp_path, n_jobs):
    both = tmp_path / "both"
    both.mkdir()
    (both / "bad").symlink_to(bad)
    (both / "good").symlink_to(good)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        corpus = load_audio_folder(both)
    is_bad = np.array([Path(path).parent == both / "bad" for path in corpus.paths])
    assert is_bad.sum() == len(BAD)
    with pytest.warns(UserWarning) as caught:
        features = LogMel(errors="warn", n_jobs=n_jobs).transform(corpus.paths)
    assert len(caught) == 1
    n_clips = len(corpus.paths)
    assert str(caught[0].message).startswith(
        f"LogMel could not use {len(BAD)} of {n_clips} clips. Their rows are NaN: the "
        "later steps of this library leave them out, and return NaN or -1 for them. "
        f"The first: Row {is_bad.argmax()}: nothing of "
        f"{str(both / 'bad' / 'cut.flac')!r} can "
    )
    np.testing.assert_array_equal(np.isnan(features[:, 0, 0]), is_bad)
    assert np.isnan(features[is_bad]).all()
    # the rest is as if they had never been there
    kept = ~np.isnan(features).all(axis=(1, 2))
    alone = load_audio_folder(both / "good", None)
    np.testing.assert_array_equal(corpus.paths[kept], alone.paths)
    np.testing.assert_array_equal(features[kept], LogMel().transform(alone.paths))


def test_unusual_files_are_read_whole(good):
    corpus = load_audio_folder(good)
    assert [os.path.relpath(path, good) for path in corpus.paths] == [
        "Vögel & co/1.wav", "Vögel & co/für 1.wav", "a.mp3", "a.opus", "loud.WAV",
        "rain/1.wav", "rain/5.1.wav", "rain/one.wav",
    ]  # fmt: skip
    bird = "Vögel & co"
    expected = [bird, bird, -1, -1, -1, "rain", "rain", "rain"]
    assert corpus.target.tolist() == expected
    features = LogMel().fit_transform(corpus.paths)
    seconds = [soundfile.info(path).duration for path in corpus.paths]
    n_frames = (~np.isnan(features[:, 0])).sum(axis=1)
    # a frame every 10 ms, the first one at the first sample
    np.testing.assert_allclose(n_frames, 1 + np.floor(100 * np.array(seconds)), atol=1)
    assert n_frames[-1] == 1  # of a single sample
    valid = np.arange(features.shape[2]) < n_frames[:, None]
    assert np.isfinite(features.transpose(0, 2, 1)[valid]).all()


def test_a_louder_file_stays_louder_than_full_scale(good):
    rows = pd.DataFrame({"filename": ["loud", "für 1"], "labels": ["a", "b"]})
    corpus = load_audio_folder(good, rows, only_listed=True)
    quiet, loud = LogMel(log_floor=1e-9).transform(corpus.paths)
    np.testing.assert_allclose(loud - quiet, np.log(9), atol=1e-2)


def test_two_files_of_one_name_are_two_clips(good):
    names = ["Vögel & co/1.wav", "rain/1.wav"]
    rows = pd.DataFrame({"filename": names, "labels": ["bird", "rain"]})
    corpus = load_audio_folder(good, rows, only_listed=True)
    assert corpus.target.tolist() == ["bird", "rain"]
    first, second = LogMel().transform(corpus.paths)
    assert np.isnan(second).any() and not np.isnan(first).any()  # 1.4 s and 0.2 s


def test_what_is_no_file_never_reaches_the_features(tmp_path):
    path = write(tmp_path / "a.wav", make_noise(1000))
    (tmp_path / "link.wav").symlink_to(tmp_path / "gone.wav")
    table = tmp_path / "labels.csv"
    table.write_text("filename,labels\na.wav,dog\nlink.wav,dog\nno.wav,cat\n")
    with pytest.warns(UserWarning) as caught:
        corpus = load_audio_folder(tmp_path, table)
    assert len(caught) == 2  # those that cannot be read, those that are not there
    assert corpus.paths.tolist() == [path]
    assert [Path(path).name for path, _ in corpus.skipped] == ["link.wav"]
    assert corpus.missing == ["no.wav"]
    assert corpus.target_names.tolist() == ["dog"]
    assert np.isfinite(LogMel().transform(corpus.paths)).all()


def test_no_permission(tmp_path):
    paths = [write(tmp_path / f"{name}.wav", make_noise(1000)) for name in "ab"]
    Path(paths[0]).chmod(0)
    if os.access(paths[0], os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.warns(UserWarning, match="a.wav': there is no permission to read it"):
        corpus = load_audio_folder(tmp_path)
    assert corpus.paths.tolist() == paths[1:]
    with pytest.raises(ValueError) as caught:
        LogMel().transform(paths)
    start = re.escape(f"Row 0 of X of LogMel: {paths[0]!r}")
    assert re.fullmatch(start + UNREADABLE + END, str(caught.value))


@pytest.mark.parametrize("name", ["cut.wav", "cut.ogg", "cut.flac"])
def test_mixtures_refuse_recordings_that_are_cut(tmp_path, name):
    paths = [write(tmp_path / f"{i}.wav", make_noise(44100, seed=i)) for i in range(3)]
    paths.append(write(tmp_path / name, make_noise(99_999)))
    cut(paths[3], 0.5)
    y = ["dog", "dog", "cat", "cat"]
    sentence = rf"{name}' holds \d\.\d+ .*s.*\. Replace it by a complete copy, or"
    with pytest.raises(ValueError, match=sentence):
        mix_soundscapes(paths, y, n_clips=8, random_state=0)


def test_a_file_that_vanishes_after_loading(tmp_path):
    for name in "ab":
        write(tmp_path / f"{name}.wav", make_noise(1000))
    corpus = load_audio_folder(tmp_path)
    Path(corpus.paths[1]).unlink()
    with pytest.raises(FileNotFoundError) as caught:
        LogMel().transform(corpus.paths)
    assert str(caught.value) == (
        f"Row 1 of X of LogMel: there is no file {str(corpus.paths[1])!r}. Correct the "
        f"path.{CURE}"
    )
