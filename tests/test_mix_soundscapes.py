import csv
import os
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
import soundfile
from helpers import whole
from sklearn.utils import Bunch

from sklearn_triplet import is_labeled
from sklearn_triplet.datasets import load_esc50, mix_soundscapes

REAL = Path(__file__).parents[2] / "shared" / "data" / "esc10"
RATE = 8000
SPLITS = {"train": (1, 2), "validation": 3, "evaluation": [4]}
NAMES = ["dog", "cat", "rain"]
SMALL = {"duration": 2.0, "sample_rate": RATE, "event_duration": (0.2, 0.8)}


def write_sounds(folder: Path) -> Bunch:
    """Noise of 0.3 to 1 s between silences, each recording of its own level."""
    rng, paths = np.random.default_rng(0), []
    for row in range(24):
        waveform = np.zeros(int(1.5 * RATE))
        start, length = rng.integers(0, RATE // 2), rng.integers(2400, RATE)
        scale = rng.uniform(0.01, 0.1)
        waveform[start : start + length] = rng.normal(scale=scale, size=length)
        paths.append(str(folder / f"{NAMES[row // 8]}{row % 8}.wav"))
        soundfile.write(paths[-1], waveform, RATE, subtype="FLOAT")
    y, fold = np.repeat(NAMES, 8), np.tile([1, 2, 3, 4], 6)
    return Bunch(paths=np.array(paths), y=y, fold=fold)


def mix(sounds: Bunch, **changes: Any) -> Bunch:
    settings = {"fold": sounds.fold, "splits": SPLITS, "n_clips": 6, "random_state": 0}
    return mix_soundscapes(sounds.paths, sounds.y, **{**settings, **SMALL, **changes})


def refused(sounds: Bunch, sentence: str, **changes: Any) -> None:
    with pytest.raises(ValueError, match=whole(sentence)):
        mix(sounds, **changes)


def power(waveform: np.ndarray) -> float:
    return np.mean(np.square(waveform, dtype=np.float64))


def cut_out(source: tuple, rate: int) -> np.ndarray:
    recording, file_rate = soundfile.read(source.path, dtype="float32")
    if file_rate != rate:
        recording = librosa.resample(
            recording, orig_sr=file_rate, target_sr=rate, res_type="soxr_hq"
        )
    return recording[source.start : source.stop].astype(np.float64)


def mix_by_hand(corpus: Bunch, clip: int, level: float) -> np.ndarray:
    """Play the background forth and back, and add faded events at their levels."""
    rate, n_samples = corpus.sample_rate, corpus.data.shape[1]
    part = cut_out(corpus.backgrounds[clip], rate)
    background = np.array([*part, *part[::-1]] * (n_samples // len(part) + 1))
    background = background[:n_samples]
    background *= np.sqrt(10 ** (level / 10) / power(background))
    waveform = background.copy()
    events = zip(corpus.events[clip], corpus.snr[clip], strict=True)
    for (event, snr), source in zip(events, corpus.sources[clip], strict=True):
        part = cut_out(source, rate)
        n_in, n_out = int(0.005 * rate), int(0.03 * rate)
        part[:n_in] *= np.arange(n_in) / (n_in - 1)
        part[-n_out:] *= np.arange(n_out)[::-1] / (n_out - 1)
        part *= np.sqrt(10 ** (snr / 10) * power(background) / power(part))
        start = round(event.onset * rate)
        waveform[start : start + len(part)] += part[: n_samples - start]
    return waveform


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Bunch:
    return write_sounds(tmp_path_factory.mktemp("sounds"))


def test_labels_are_those_of_the_sources(sounds):
    counts = {"train": 20, "validation": 4, "evaluation": 6}
    corpus = mix(sounds, n_clips=counts)
    assert corpus.data.shape == (30, 2 * RATE)
    assert corpus.data.dtype == np.float32
    assert corpus.target_names.tolist() == sorted(NAMES)
    assert corpus.split.tolist() == sum(([name] * counts[name] for name in counts), [])
    assert corpus.unused == corpus.skipped == []
    label_of = dict(zip(sounds.paths, sounds.y, strict=True))
    fields = corpus.target_true, corpus.events, corpus.sources
    for row, events, sources in zip(*fields, strict=True):
        heard = [label_of[source.path] for source in sources]
        assert heard == [corpus.target_names[event.label] for event in events]
        assert corpus.target_names[row == 1].tolist() == sorted(set(heard))


def test_clip_is_the_mix_of_its_sources(sounds, tmp_path):
    rng = np.random.default_rng(1)
    soundfile.write(tmp_path / "hall.wav", rng.normal(0, 0.1, 5 * RATE), RATE, "FLOAT")
    # most backgrounds are shorter than a clip, one is longer
    corpus = mix_soundscapes(
        [*sounds.paths, tmp_path / "hall.wav"], [*sounds.y, "hall"], n_clips=30,
        background_classes=["hall", "rain"], background_level=(-40, -40),
        random_state=0, **SMALL,
    )  # fmt: skip
    assert (np.abs(corpus.data).max(axis=1) < 0.9).all()
    for clip, waveform in enumerate(corpus.data):
        by_hand = mix_by_hand(corpus, clip, -40)
        np.testing.assert_allclose(waveform, by_hand, atol=1e-6)
    cuts = {source[1:] for source in corpus.backgrounds if "hall" in source.path}
    assert len(cuts) > 2
    assert {stop - start for start, stop in cuts} == {2 * RATE}


def test_loud_clips_are_made_softer_as_a_whole(sounds):
    loud = mix(sounds, background_level=(0, 0), empty_fraction=0.3)
    quiet = mix(sounds, background_level=(-50, -50), empty_fraction=0.3)
    assert {source.path for source in loud.backgrounds} == {"noise"}
    for i, waveform in enumerate(quiet.data):
        assert np.abs(loud.data[i]).max() == pytest.approx(0.98)
        scaled = waveform * (0.98 / np.abs(waveform).max())
        np.testing.assert_allclose(loud.data[i], scaled, atol=1e-5)
        if not quiet.events[i]:
            assert 10 * np.log10(power(waveform)) == pytest.approx(-50, abs=0.01)


def test_events_sound_and_lie_within_the_clip(sounds):
    corpus = mix(sounds, n_clips=40, n_events=(1, 2))
    sources, events = sum(corpus.sources, []), sum(corpus.events, [])
    for (_, onset, offset), source in zip(events, sources, strict=True):
        assert 0 <= onset < offset <= 2.0
        assert 0.199 <= offset - onset <= 0.801
        n_samples = source.stop - source.start
        assert n_samples == pytest.approx((offset - onset) * RATE, abs=1)
        # only the noise itself, up to a hundredth of a second at either end
        assert (cut_out(source, RATE) == 0).sum() <= 2 * RATE // 100


def test_crops_do_not_fall_into_a_pause(tmp_path):
    rng, clicks = np.random.default_rng(0), np.zeros(4 * RATE)
    for start in (0, 31_000):
        clicks[start : start + 800] = rng.normal(scale=0.1, size=800)
    soundfile.write(tmp_path / "clicks.wav", clicks, RATE, subtype="FLOAT")
    corpus = mix_soundscapes(
        [tmp_path / "clicks.wav"], ["click"], n_clips=40, random_state=0, **SMALL
    )
    starts = [source.start for source in sum(corpus.sources, [])]
    assert 0 in starts
    assert max(starts) > 25_000
    for source in sum(corpus.sources, []):
        assert np.abs(clicks[source.start : source.stop]).max() > 0.01


def test_recording_shorter_than_an_event_is_whole(tmp_path):
    beep = np.zeros(RATE)
    beep[1600:2400] = 0.1
    soundfile.write(tmp_path / "beep.wav", beep, RATE, subtype="FLOAT")
    corpus = mix_soundscapes(
        [tmp_path / "beep.wav"], ["beep"], n_clips=5, random_state=0, duration=2.0,
        sample_rate=RATE, event_duration=(0.5, 1.0), empty_fraction=0.0,
    )  # fmt: skip
    sources, events = sum(corpus.sources, []), sum(corpus.events, [])
    for source, event in zip(sources, events, strict=True):
        # up to a block of a hundredth of a second
        assert source.start in range(1520, 1601)
        assert source.stop in range(2400, 2481)
        seconds = (source.stop - source.start) / RATE
        assert event.offset - event.onset == pytest.approx(seconds)


@pytest.mark.parametrize("background_classes", [(), ["rain"]])
def test_neither_more_clips_nor_other_splits_nor_jobs_change_a_clip(
    sounds, background_classes
):
    settings = {"background_classes": background_classes}
    few = mix(sounds, n_clips=3, n_jobs=2, **settings)
    counts = {"train": 9, "validation": 3, "evaluation": 4}
    many = mix(sounds, n_clips=counts, **settings)
    alone = mix(sounds, n_clips=3, splits={"validation": 3}, **settings)
    for split in SPLITS:
        longer = many.data[many.split == split][:3]
        np.testing.assert_array_equal(few.data[few.split == split], longer)
    np.testing.assert_array_equal(alone.data, few.data[few.split == "validation"])
    assert mix(sounds, n_clips=3, random_state=1, **settings).events != few.events


@pytest.mark.skipif(not REAL.is_dir(), reason="ESC-10 is not there")
def test_real_recordings():
    esc = load_esc50(REAL)
    # three recordings of a class and fold are enough here
    kinds = [f"{name} {fold}" for name, fold in zip(esc.target, esc.fold, strict=True)]
    rows = [i for i, kind in enumerate(kinds) if kinds[:i].count(kind) < 3]
    corpus = mix_soundscapes(
        esc.paths[rows], esc.target[rows], fold=esc.fold[rows], n_clips=5,
        splits={"train": 1, "validation": 4, "evaluation": 5}, random_state=0,
        background_classes=np.unique(esc.target)[[0, 1]], labeled_fraction=0.4,
        background_level=(-40, -40), sample_rate=16000,
    )  # fmt: skip
    assert corpus.data.shape == (15, 160_000)
    assert corpus.target_names.tolist() == np.unique(esc.target)[2:].tolist()
    for clip in (0, 6, 12):
        by_hand = mix_by_hand(corpus, clip, -40)
        by_hand *= min(1, 0.98 / np.abs(by_hand).max())
        np.testing.assert_allclose(corpus.data[clip], by_hand, atol=2e-6)


def test_no_recording_is_in_two_splits(sounds):
    corpus = mix(sounds, n_clips=60, background_classes=["rain"])
    fold_of = dict(zip(sounds.paths, sounds.fold, strict=True))
    folds = {"train": {1, 2}, "validation": {3}, "evaluation": {4}}
    for split, allowed in folds.items():
        clips = np.flatnonzero(corpus.split == split)
        used = {source.path for clip in clips for source in corpus.sources[clip]}
        used |= {corpus.backgrounds[clip].path for clip in clips}
        # with so many clips every recording of the split is heard
        assert len(used) == 6 * len(allowed)
        assert {fold_of[path] for path in used} == allowed


def test_only_the_first_split_loses_labels(sounds):
    corpus = mix(sounds, n_clips=20, labeled_fraction=0.25)
    labeled = is_labeled(corpus.target)
    assert labeled[corpus.split == "train"].sum() == 5
    assert labeled[corpus.split != "train"].all()
    assert (corpus.target[~labeled] == -1).all()
    np.testing.assert_array_equal(corpus.target[labeled], corpus.target_true[labeled])


@pytest.mark.parametrize("kind", [set, frozenset, list, np.array, iter])
def test_folds_and_classes_in_any_container(sounds, kind):
    y = np.array([10 * (1 + NAMES.index(name)) for name in sounds.y])
    sounds = Bunch(**{**sounds, "y": y})
    splits = {"train": kind([1, 2]), "validation": 3, "evaluation": np.int64(4)}
    corpus = mix(sounds, splits=splits, background_classes=kind([20]))
    np.testing.assert_array_equal(corpus.data, mix(sounds, background_classes=20).data)
    assert corpus.target_names.tolist() == ["10", "30"]
    assert {Path(source.path).name[:3] for source in corpus.backgrounds} == {"cat"}


def test_files_and_tables_say_what_the_bunch_says(sounds, tmp_path):
    corpus, expected = mix(sounds, output_dir=tmp_path), mix(sounds)
    assert "data" not in corpus
    assert corpus.sources == expected.sources
    assert corpus.paths[7] == str(tmp_path / "validation_00001.flac")
    for path, waveform in zip(corpus.paths, expected.data, strict=True):
        written, _ = soundfile.read(path, dtype="float32")
        np.testing.assert_allclose(written, waveform, atol=2**-15)
    with (tmp_path / "events.tsv").open(newline="", encoding="utf-8") as lines:
        levels = [float(row["snr"]) for row in csv.DictReader(lines, delimiter="\t")]
    assert levels == np.concatenate(corpus.snr).tolist()


def test_what_is_silent_or_not_used_is_reported(sounds, tmp_path):
    silent, empty = (str(tmp_path / f"{name}.wav") for name in ("silent", "empty"))
    soundfile.write(silent, np.zeros(RATE), RATE)
    soundfile.write(empty, np.zeros(0), RATE)
    sentence = (
        "2 of the 26 recordings given to mix_soundscapes hold nothing but silence, "
        f"the first of them {silent!r}. They are left out; the field 'skipped' names "
        "them all."
    )
    y, fold = [-1, *sounds.y[1:], "dog", "cat"], [*sounds.fold, 1, 2]
    with pytest.warns(UserWarning, match=whole(sentence)) as caught:
        corpus = mix_soundscapes(
            [*sounds.paths, silent, empty], np.array(y, dtype=object), fold=fold,
            splits={"train": (1, 2, 3)}, n_clips=80, random_state=0, **SMALL,
        )  # fmt: skip
    assert caught[0].filename == __file__
    assert corpus.skipped == [silent, empty]
    assert corpus.unused == [sounds.paths[0], *sounds.paths[sounds.fold == 4]]
    used = {source.path for source in sum(corpus.sources, [])}
    assert used == set(sounds.paths) - set(corpus.unused)


def parameter(name: str, expected: str, got: Any) -> str:
    return (
        f"The {name!r} parameter of mix_soundscapes must be {expected}. "
        f"Got {got!r} instead."
    )


def test_splits_without_a_class_or_a_background(sounds):
    sentence = (
        "The {} has no sounding recording in the split 'validation' of "
        "mix_soundscapes. Change 'splits' or 'fold', or give other recordings."
    )
    fold = np.where((sounds.y == "cat") & (sounds.fold == 3), 4, sounds.fold)
    refused(sounds, sentence.format("class 'cat'"), fold=fold)
    given = {"fold": fold, "background_classes": ["cat"]}
    refused(sounds, sentence.format("background"), **given)


def test_unreadable_recordings(sounds, tmp_path):
    text, gone = tmp_path / "text.wav", tmp_path / "gone.wav"
    text.write_text("no sound")
    for path, error in ((text, ValueError), (gone, FileNotFoundError)):
        with pytest.raises(error, match=path.name):
            mix_soundscapes([*sounds.paths, path], [*sounds.y, "dog"], **SMALL)


@pytest.mark.parametrize(("fold", "label"), [(3, "dog"), (1, "cat")])
def test_recording_listed_twice(sounds, fold, label):
    paths = [*sounds.paths, os.path.relpath(sounds.paths[0])]
    refused(
        Bunch(paths=paths, y=[*sounds.y, label], fold=[*sounds.fold, fold]),
        f"The recording {paths[-1]!r} is listed twice in mix_soundscapes, in two "
        "splits or with two classes. List every recording once.",
    )


@pytest.mark.parametrize(
    ("changes", "n_folds"),
    [
        ({"fold": [[1], [2]]}, 2),
        ({"fold": None}, 0),
        ({"splits": None}, 24),
        *(({"splits": splits}, 24) for splits in (
            {}, {"a": 5}, {"a": 1, "b": (2, 1)}, {"a/b": 1}, "train")),
    ],
)  # fmt: skip
def test_folds_and_splits_that_do_not_fit(sounds, changes, n_folds):
    folds = [[], [1, 2], [1, 2, 3, 4]][(n_folds > 0) + (n_folds > 2)]
    refused(
        sounds,
        "mix_soundscapes must be given a 'fold' for each path and the folds of each "
        "split in 'splits', such as {'train': (1, 2, 3), 'test': 4}, none twice; or "
        f"neither. Got {n_folds} folds of 24 paths, {folds}, and the splits "
        f"{changes.get('splits', SPLITS)!r}.",
        **changes,
    )


AMONG = "some of the classes of y, ['cat', 'dog', 'rain'], and leave one for events"
PER_SPLIT = (
    "a number, or a dict with one for each of the splits ['train', 'validation', "
    "'evaluation']"
)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        *(("n_clips", value, PER_SPLIT) for value in ({"train": 3}, {"test": 3})),
        *(("background_classes", value, AMONG) for value in (["pig"], 3, NAMES)),
        ("n_clips", 0, "an integer in [1, inf)"),
        ("sample_rate", 4000, "an integer in [8000, 96000]"),
        ("background_level", (-9, 9),
         "two ascending numbers (lowest, highest) in [-80, 0]"),
        ("output_dir", "", "the path of a folder, or None"),
    ],
)  # fmt: skip
def test_refusals_before_recordings_are_read(sounds, name, value, expected):
    gone = Bunch(**{**sounds, "paths": [f"{i}.wav" for i in range(24)]})
    refused(gone, parameter(name, expected, value), **{name: value})


def test_paths_and_labels_that_do_not_fit(sounds):
    expected = "a list of at least one path of a sound file"
    for paths in ("x.wav", [], [3]):
        sentence = parameter("paths", expected, paths)
        refused(Bunch(paths=paths, y=["dog"], fold=[1]), sentence)
    with pytest.raises(ValueError, match="24 clips in X and 2 rows in y"):
        mix_soundscapes(sounds.paths, ["dog", "cat"])
    y, expected = np.ones((24, 2), int), "one class for each path"
    refused(Bunch(**{**sounds, "y": y}), parameter("y", expected, "2 columns"))
    expected = "some of the classes of y, [], and leave one for events"
    sentence = parameter("background_classes", expected, ())
    refused(Bunch(**{**sounds, "y": [-1] * 24}), sentence)
