import csv
import os
import warnings
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
from sklearn_triplet.datasets._soundscapes import recorded

REAL = Path(__file__).parents[2] / "shared" / "data" / "esc10"
RATE = 8000
SPLITS = {"train": (1, 2), "validation": 3, "evaluation": [4]}
NAMES = ["dog", "cat", "rain"]
PER_CLASS = 8  # recordings, two in each of four folds
SMALL = {"duration": 2.0, "sample_rate": RATE, "event_duration": (0.2, 0.8)}


def write_sounds(folder: Path) -> Bunch:
    """Noise of 0.3 to 1 s between silences, each recording of its own level."""
    rng = np.random.default_rng(0)
    paths, y, fold = [], [], []
    for name in NAMES:
        for take in range(PER_CLASS):
            waveform = np.zeros(int(1.5 * RATE))
            start, length = rng.integers(0, RATE // 2), rng.integers(2400, RATE)
            scale = rng.uniform(0.01, 0.1)
            waveform[start : start + length] = rng.normal(scale=scale, size=length)
            paths.append(str(folder / f"{name}{take}.wav"))
            soundfile.write(paths[-1], waveform, RATE, subtype="FLOAT")
            y.append(name)
            fold.append(1 + take % 4)
    return Bunch(paths=np.array(paths), y=np.array(y), fold=np.array(fold))


def mix(sounds: Bunch, **changes: Any) -> Bunch:
    settings = {"fold": sounds.fold, "splits": SPLITS, "n_clips": 6, "random_state": 0}
    return mix_soundscapes(sounds.paths, sounds.y, **{**settings, **SMALL, **changes})


def refused(
    sounds: Bunch, sentence: str, error: type = ValueError, **changes: Any
) -> None:
    with pytest.raises(error, match=whole(sentence)):
        mix(sounds, **changes)


def power(waveform: np.ndarray) -> float:
    return np.mean(np.square(waveform, dtype=np.float64))


def fade(part: np.ndarray, rate: int) -> np.ndarray:
    """Linear ramps of 5 and 30 ms, as the docstring says."""
    part = part.astype(np.float64)
    for i in range(min(len(part), int(0.005 * rate))):
        part[i] *= i / (int(0.005 * rate) - 1)
    n_out = int(0.03 * rate)
    for i in range(min(len(part), n_out)):
        part[len(part) - 1 - i] *= i / (n_out - 1)
    return part


def add_events(corpus: Bunch, clip: int, waveform: np.ndarray) -> np.ndarray:
    """Add the events of a clip by hand, from the files and what the bunch says."""
    rate, waveform = corpus.sample_rate, waveform.astype(np.float64)
    for event, source in zip(corpus.events[clip], corpus.sources[clip], strict=True):
        recording, file_rate = soundfile.read(source.path, dtype="float32")
        if file_rate != rate:
            recording = librosa.resample(
                recording, orig_sr=file_rate, target_sr=rate, res_type="soxr_hq"
            )
        part = fade(recording[source.start : source.stop], rate) * source.gain
        start = round(event.onset * rate)
        waveform[start : start + len(part)] += part
    return waveform


def loop_by_hand(corpus: Bunch, clip: int) -> np.ndarray:
    """Repeat the background by hand, with cross-fades of 0.1 s."""
    source = corpus.backgrounds[clip]
    recording, file_rate = soundfile.read(source.path, dtype="float32")
    assert file_rate == corpus.sample_rate
    part = recording[source.start : source.stop].astype(np.float64)
    n_fade = round(0.1 * corpus.sample_rate)
    whole = np.zeros(corpus.data.shape[1] + 2 * len(part))
    rise = np.sqrt(np.arange(n_fade) / (n_fade - 1))
    for start in range(0, corpus.data.shape[1], len(part) - n_fade):
        piece = part.copy()
        if start:
            piece[:n_fade] *= rise
        piece[-n_fade:] *= rise[::-1]
        whole[start : start + len(piece)] += piece
    return whole[: corpus.data.shape[1]] * source.gain


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def names_of(sources: list) -> set[str]:
    return {Path(source.path).name[:3] for source in sources}


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Bunch:
    return write_sounds(tmp_path_factory.mktemp("sounds"))


def test_labels_are_those_of_the_sources(sounds):
    counts = {"train": 20, "validation": 4, "evaluation": 6}
    corpus = mix(sounds, n_clips=counts)
    assert corpus.data.shape == (30, 2 * RATE)
    assert corpus.data.dtype == np.float32
    assert corpus.target.dtype == np.int64
    assert corpus.target_names.tolist() == sorted(NAMES)
    assert corpus.split.tolist() == [
        name for name in counts for _ in range(counts[name])
    ]
    assert corpus.unused == corpus.skipped == []
    label_of = dict(zip(sounds.paths, sounds.y, strict=True))
    for row, events, sources in zip(
        corpus.target_true, corpus.events, corpus.sources, strict=True
    ):
        heard = [label_of[source.path] for source in sources]
        assert heard == [corpus.target_names[event.label] for event in events]
        assert corpus.target_names[row == 1].tolist() == sorted(set(heard))
        assert events == sorted(events, key=lambda event: event.onset)


def test_clip_is_the_mix_of_its_sources(sounds):
    corpus = mix(sounds, background_classes=["rain"], n_events=(2, 3))
    for clip, waveform in enumerate(corpus.data):
        by_hand = add_events(corpus, clip, loop_by_hand(corpus, clip))
        np.testing.assert_allclose(waveform, by_hand, atol=1e-6)


def test_long_background_is_cut_out(sounds, tmp_path):
    rng = np.random.default_rng(1)
    soundfile.write(tmp_path / "long.wav", rng.normal(0, 0.1, 5 * RATE), RATE, "FLOAT")
    corpus = mix_soundscapes(
        sounds.paths, sounds.y, backgrounds=[tmp_path / "long.wav"], random_state=0,
        n_clips=8, **SMALL,
    )  # fmt: skip
    recording, _ = soundfile.read(tmp_path / "long.wav")
    assert len({source.start for source in corpus.backgrounds}) > 5
    for clip, source in enumerate(corpus.backgrounds):
        cut = recording[source.start : source.start + 2 * RATE] * source.gain
        by_hand = add_events(corpus, clip, cut)
        np.testing.assert_allclose(corpus.data[clip], by_hand, atol=1e-6)


def test_levels_are_over_the_background_under_the_event(sounds):
    corpus = mix(sounds, background_classes=["rain"])
    for clip, waveform in enumerate(corpus.data):
        background = waveform - add_events(corpus, clip, np.zeros(2 * RATE))
        least = power(background) / 100
        for event, level, source in zip(
            corpus.events[clip], corpus.snr[clip], corpus.sources[clip], strict=True
        ):
            recording, _ = soundfile.read(source.path)
            part = fade(recording[source.start : source.stop], RATE) * source.gain
            start = round(event.onset * RATE)
            under = power(background[start : start + len(part)])
            ratio = power(part) / max(least, under)
            assert 10 * np.log10(ratio) == pytest.approx(level, abs=0.01)


def test_levels_in_the_table_are_those_in_the_files(tmp_path):
    # tones: in a clip, event and background can be told apart by their pitch alone
    time, paths = np.arange(4 * RATE) / RATE, []
    for pitch, seconds in ((1000, 4), (2500, 1)):
        tone = 0.1 * np.sin(2 * np.pi * pitch * time[: seconds * RATE])
        paths.append(tmp_path / f"{pitch}.wav")
        soundfile.write(paths[-1], tone, RATE, subtype="FLOAT")
    corpus = mix_soundscapes(
        paths[1:], ["beep"], backgrounds=paths[:1], n_clips=20, n_events=(1, 1),
        empty_fraction=0, output_dir=tmp_path, audio_format="wav", random_state=0,
        **SMALL,
    )  # fmt: skip
    rows = read_table(tmp_path / "events.tsv")
    wave = np.exp(2j * np.pi * 1000 * time[: 2 * RATE])
    for path, row in zip(corpus.paths, rows, strict=True):
        waveform, _ = soundfile.read(path)
        background = 2 * (wave * np.mean(waveform * wave.conj())).real
        start, stop = (round(float(row[end]) * RATE) for end in ("onset", "offset"))
        event = waveform - background
        assert np.square(event[start:stop]).sum() > 0.999 * np.square(event).sum()
        ratio = power(event[start:stop]) / power(background[start:stop])
        assert 10 * np.log10(ratio) == pytest.approx(float(row["snr"]), abs=0.1)


def test_peaks_are_lowered_by_one_factor(sounds):
    loud = mix(sounds, background_level=(0, 0), empty_fraction=0)
    quiet = mix(sounds, background_level=(-40, -40), empty_fraction=0)
    np.testing.assert_allclose(np.abs(loud.data).max(axis=1), 0.98, rtol=1e-5)
    assert np.abs(quiet.data).max() < 0.5
    scaled = loud.data / np.abs(loud.data).max(axis=1, keepdims=True)
    expected = quiet.data / np.abs(quiet.data).max(axis=1, keepdims=True)
    np.testing.assert_allclose(scaled, expected, atol=1e-5)


def test_events_sound_and_lie_within_the_clip(sounds):
    corpus = mix(sounds, n_clips=40, n_events=(1, 2))
    for events, sources in zip(corpus.events, corpus.sources, strict=True):
        assert len(events) <= 2
        for event, source in zip(events, sources, strict=True):
            assert 0 <= event.onset < event.offset <= 2.0
            assert 0.199 <= event.offset - event.onset <= 0.801
            assert source.stop - source.start == pytest.approx(
                (event.offset - event.onset) * RATE, abs=1
            )
            recording, _ = soundfile.read(source.path)
            # only the noise itself, up to the last hundredth of a second
            part = recording[source.start : source.stop]
            assert (part == 0).sum() <= 2 * RATE // 100


def test_crops_do_not_fall_into_a_pause(tmp_path):
    rng, clicks = np.random.default_rng(0), np.zeros(4 * RATE)
    for start in (0, 31_000):
        clicks[start : start + 800] = rng.normal(scale=0.1, size=800)
    soundfile.write(tmp_path / "clicks.wav", clicks, RATE, subtype="FLOAT")
    corpus = mix_soundscapes(
        [tmp_path / "clicks.wav"], ["click"], n_clips=40, random_state=0, **SMALL
    )
    starts = [source.start for sources in corpus.sources for source in sources]
    assert 0 in starts
    assert max(starts) > 25_000
    for sources in corpus.sources:
        for source in sources:
            assert np.abs(clicks[source.start : source.stop]).max() > 0.01


def test_recording_shorter_than_an_event_is_whole(tmp_path):
    beep = np.zeros(RATE)
    beep[1600:2400] = 0.1
    soundfile.write(tmp_path / "beep.wav", beep, RATE, subtype="FLOAT")
    corpus = mix_soundscapes(
        [tmp_path / "beep.wav"], ["beep"], n_clips=5, random_state=0, duration=2.0,
        sample_rate=RATE, event_duration=(0.5, 1.0), empty_fraction=0.0,
    )  # fmt: skip
    for events, sources in zip(corpus.events, corpus.sources, strict=True):
        for event, source in zip(events, sources, strict=True):
            assert (source.start, source.stop) == (1600, 2400)
            assert event.offset - event.onset == pytest.approx(0.1)


def test_the_seed_decides_every_sample(sounds):
    first, second = mix(sounds), mix(sounds, n_jobs=2)
    np.testing.assert_array_equal(first.data, second.data)
    assert first.events == second.events
    assert first.sources == second.sources
    assert not np.allclose(first.data, mix(sounds, random_state=1).data)


@pytest.mark.parametrize("background_classes", [None, ["rain"]])
def test_neither_more_clips_nor_other_splits_change_a_clip(sounds, background_classes):
    settings = {"background_classes": background_classes}
    few = mix(sounds, n_clips=3, **settings)
    many = mix(
        sounds, n_clips={"train": 9, "validation": 3, "evaluation": 4}, **settings
    )
    alone = mix(sounds, n_clips=3, splits={"validation": 3}, **settings)
    for split in SPLITS:
        longer = many.data[many.split == split][:3]
        np.testing.assert_array_equal(few.data[few.split == split], longer)
    np.testing.assert_array_equal(alone.data, few.data[few.split == "validation"])


def test_a_small_memory_changes_nothing(sounds, monkeypatch):
    expected = mix(sounds).data
    monkeypatch.setattr(recorded, "KEPT_BYTES", 100_000)
    np.testing.assert_array_equal(mix(sounds).data, expected)


def test_empty_clips_are_background(sounds):
    corpus = mix(sounds, empty_fraction=1.0)
    assert corpus.events == corpus.sources == [[]] * 18
    assert (corpus.target == 0).all()
    assert (np.abs(corpus.data).max(axis=1) > 0).all()


def test_computed_backgrounds_have_their_colours(sounds):
    corpus = mix(sounds, n_clips=20, empty_fraction=1.0)
    slopes = {}
    for waveform, source in zip(corpus.data, corpus.backgrounds, strict=True):
        spectrum = np.abs(np.fft.rfft(waveform)) ** 2
        # bins are 0.5 Hz wide: two octaves, 500 - 1000 and 2000 - 4000 Hz less its end
        low, high = spectrum[1000:1400].mean(), spectrum[4000:5600].mean()
        slopes.setdefault(source.path, []).append(10 * np.log10(high / low) / 2)
    assert set(slopes) == {"white noise", "pink noise", "brown noise"}
    assert np.mean(slopes["white noise"]) == pytest.approx(0, abs=0.3)
    assert np.mean(slopes["pink noise"]) == pytest.approx(-3, abs=0.3)
    assert np.mean(slopes["brown noise"]) == pytest.approx(-6, abs=0.3)


def test_other_rates_are_resampled(sounds):
    corpus = mix(sounds, sample_rate=16000, n_clips=2, background_level=(-30, -30))
    assert corpus.data.shape == (6, 32000)
    assert sum(map(len, corpus.events)) > 6
    for clip, waveform in enumerate(corpus.data):
        background = waveform - add_events(corpus, clip, np.zeros(32000))
        assert 10 * np.log10(power(background)) == pytest.approx(-30, abs=0.001)


@pytest.mark.skipif(not REAL.is_dir(), reason="ESC-10 is not there")
def test_real_recordings():
    esc = load_esc50(REAL)
    # three recordings of a class and fold are enough here
    rows = np.concatenate(
        [
            np.flatnonzero((esc.target == label) & (esc.fold == fold))[:3]
            for label in range(10)
            for fold in (1, 4, 5)
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        corpus = mix_soundscapes(
            esc.paths[rows], esc.target[rows], fold=esc.fold[rows], n_clips=5,
            splits={"train": 1, "validation": 4, "evaluation": 5},
            target_names=esc.target_names, background_classes=["Rain", "Sea waves"],
            labeled_fraction=0.4, random_state=0,
        )  # fmt: skip
    assert corpus.data.shape == (15, 441000)
    assert len(corpus.target_names) == 8
    assert np.abs(corpus.data).max() < 0.981
    for clip in (0, 6, 12):
        by_hand = add_events(corpus, clip, loop_by_hand(corpus, clip))
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
    corpus = mix(sounds, n_clips=20, labeled_fraction={"validation": 0.5})
    labeled = is_labeled(corpus.target)
    assert labeled.sum() == 50
    assert labeled[corpus.split == "validation"].sum() == 10


def test_shares_without_folds(sounds):
    splits = {"train": 0.5, "test": 0.25}
    corpus = mix(sounds, fold=None, splits=splits, n_clips=80)
    used = {
        split: {
            source.path
            for clip in np.flatnonzero(corpus.split == split)
            for source in corpus.sources[clip]
        }
        for split in splits
    }
    assert len(used["train"]) == 12
    assert len(used["test"]) == 6
    left_over = set(sounds.paths) - used["train"] - used["test"]
    assert sorted(left_over) == sorted(corpus.unused)
    assert len(left_over) == 6
    label_of = dict(zip(sounds.paths, sounds.y, strict=True))
    assert sorted(label_of[path] for path in used["test"]) == sorted(2 * NAMES)


def test_unused_recordings_are_reported(sounds):
    y = sounds.y.astype(object)
    y[0] = -1
    corpus = mix_soundscapes(
        sounds.paths, y, fold=sounds.fold, splits={"train": (1, 2, 3)}, n_clips=40,
        random_state=0, **SMALL,
    )  # fmt: skip
    expected = [sounds.paths[0], *sounds.paths[sounds.fold == 4]]
    assert corpus.unused == [str(path) for path in expected]
    used = {source.path for sources in corpus.sources for source in sources}
    assert used == set(sounds.paths) - set(expected)


@pytest.mark.parametrize("value", [1, [1], np.array([1]), "cat", {"cat"}, [np.int8(1)]])
def test_backgrounds_by_index_or_name(sounds, value):
    corpus = mix_soundscapes(
        sounds.paths, np.array([NAMES.index(name) for name in sounds.y]), n_clips=4,
        target_names=np.array(NAMES), background_classes=value, random_state=0, **SMALL,
    )  # fmt: skip
    assert corpus.split.tolist() == ["train"] * 4
    assert corpus.target_names.tolist() == ["dog", "rain"]
    assert names_of(corpus.backgrounds) == {"cat"}
    assert names_of(sum(corpus.sources, [])) <= {"dog", "rai"}


def test_backgrounds_by_number_where_classes_are_numbers(sounds):
    y = np.array([10 * (1 + NAMES.index(name)) for name in sounds.y])
    corpus = mix(Bunch(**{**sounds, "y": y}), n_clips=2, background_classes=[20])
    assert corpus.target_names.tolist() == ["10", "30"]
    assert names_of(corpus.backgrounds) == {"cat"}


@pytest.mark.parametrize("kind", [set, frozenset, list, np.array, iter])
def test_folds_of_a_split_in_any_container(sounds, kind):
    splits = {"train": kind([1, 2]), "validation": 3, "evaluation": np.int64(4)}
    corpus = mix(sounds, n_clips=2, splits=splits)
    np.testing.assert_array_equal(corpus.data, mix(sounds, n_clips=2).data)


def test_files_and_tables_say_what_the_bunch_says(sounds, tmp_path):
    folder = tmp_path / "new" / "mixes"
    corpus, expected = mix(sounds, output_dir=folder, labeled_fraction=0.5), mix(sounds)
    assert "data" not in corpus
    assert corpus.sources == expected.sources
    assert corpus.paths[7] == str(folder / "validation_00001.flac")
    for path, waveform in zip(corpus.paths, expected.data, strict=True):
        written, sample_rate = soundfile.read(path, dtype="float32")
        assert sample_rate == RATE
        np.testing.assert_allclose(written, waveform, atol=2**-15)
    rows = read_table(folder / "labels.tsv")
    assert [row["filename"] for row in rows] == [Path(p).name for p in corpus.paths]
    assert [row["split"] for row in rows] == corpus.split.tolist()
    known = [row["labeled"] == "1" for row in rows]
    np.testing.assert_array_equal(known, is_labeled(corpus.target))
    for row, truth, source in zip(
        rows, corpus.target_true, corpus.backgrounds, strict=True
    ):
        assert row["event_labels"] == ",".join(corpus.target_names[truth == 1])
        assert (row["background"], float(row["gain"])) == (source.path, source.gain)
    expected_rows = [
        (Path(path).name, event.onset, event.offset, *source)
        for path, events, sources in zip(
            corpus.paths, corpus.events, corpus.sources, strict=True
        )
        for event, source in zip(events, sources, strict=True)
    ]
    assert expected_rows == [
        (row["filename"], float(row["onset"]), float(row["offset"]), row["source"],
         int(row["start"]), int(row["stop"]), float(row["gain"]))
        for row in read_table(folder / "events.tsv")
    ]  # fmt: skip


def test_silent_recordings_are_skipped_and_counted(sounds, tmp_path):
    silent = str(tmp_path / "silent.wav")
    soundfile.write(silent, np.zeros(RATE), RATE)
    empty = str(tmp_path / "empty.wav")
    soundfile.write(empty, np.zeros(0), RATE)
    sentence = (
        "2 of the 26 recordings given to mix_soundscapes hold nothing but silence, "
        f"the first of them {silent!r}. They are left out; the field 'skipped' names "
        "them all."
    )
    with pytest.warns(UserWarning, match=whole(sentence)) as caught:
        corpus = mix_soundscapes(
            [*sounds.paths, silent, empty], [*sounds.y, "dog", "cat"], n_clips=80,
            random_state=0, **SMALL,
        )  # fmt: skip
    assert caught[0].filename == __file__
    assert corpus.skipped == [silent, empty]
    used = {source.path for sources in corpus.sources for source in sources}
    assert used == set(sounds.paths)


NO_RECORDING = (
    "{} has no sounding recording in the split {!r} of mix_soundscapes. Change "
    "'splits' or the folds, also those in 'background_fold', or give other recordings."
)
SPLITS_MUST = (
    "The 'splits' parameter of mix_soundscapes must be a dict, its keys of letters, "
    "digits, '_' and '-': with 'fold' of folds, such as {{'train': (1, 2, 3), "
    "'evaluation': 4}}, without it of shares that add up to 1 at most, such as "
    "{{'train': 0.8, 'evaluation': 0.2}}. Got {!r} instead."
)
ASKS = (
    "The split {!r} of mix_soundscapes asks for fold {!r}, which {}. Correct 'splits' "
    "or 'fold'."
)
BY_SPLIT = (
    "The {!r} parameter of mix_soundscapes must be a number, or a dict with one for "
    "each of the splits ['train', 'validation', 'evaluation']. Got {!r} instead."
)
ROWS = (
    "The {!r} parameter of mix_soundscapes must hold one entry for each path in "
    "'paths', in the shape (24,). Got the shape {} instead."
)
AMONG = (
    "The 'background_classes' parameter of mix_soundscapes must be among the classes "
    "['cat', 'dog', 'rain'], or entries of y. Got {!r} instead."
)
NO_CLASS = (
    "mix_soundscapes has no class of events: y and 'background_classes' leave none. "
    "Give labeled recordings of at least one more class."
)


def test_splits_without_a_class_or_a_background(sounds, tmp_path):
    fold = np.where((sounds.y == "cat") & (sounds.fold == 3), 4, sounds.fold)
    refused(sounds, NO_RECORDING.format("The class 'cat'", "validation"), fold=fold)
    # two dogs become backgrounds: of one split only, or of none
    sentence = NO_RECORDING.format("The background", "validation")
    others = Bunch(**{name: rows[2:] for name, rows in sounds.items()})
    for folds, split in (([1, 4], "validation"), ([9, 9], "train")):
        sentence = NO_RECORDING.format("The background", split)
        given = {"backgrounds": sounds.paths[:2], "background_fold": folds}
        refused(others, sentence, **given)
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    sentence = NO_RECORDING.format("The class 'a'", "train")
    with pytest.raises(ValueError, match=whole(sentence)):
        mix_soundscapes([tmp_path / "a.wav"], ["a"], **SMALL)


def test_unreadable_recordings(sounds, tmp_path):
    text, gone = tmp_path / "text.wav", str(tmp_path / "gone.wav")
    text.write_text("no sound")
    with pytest.raises(ValueError, match="Recording 24 of mix_soundscapes cannot be"):
        mix_soundscapes([*sounds.paths, text], [*sounds.y, "dog"], **SMALL)
    sentence = (
        f"Recording 24 of mix_soundscapes cannot be used: there is no file {gone!r}. "
        "Correct the path."
    )
    with pytest.raises(FileNotFoundError, match=whole(sentence)):
        mix_soundscapes([*sounds.paths, gone], [*sounds.y, "dog"], **SMALL)


@pytest.mark.parametrize(("fold", "label"), [(3, "dog"), (1, "cat")])
def test_recording_listed_twice(sounds, fold, label):
    paths = [*sounds.paths, os.path.relpath(sounds.paths[0])]
    refused(
        Bunch(paths=paths, y=[*sounds.y, label], fold=[*sounds.fold, fold]),
        f"The recording {paths[-1]!r} is listed twice in mix_soundscapes, in two "
        "splits or with two classes. List every recording once, or all its rows in one "
        "fold and with one class.",
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fold": [1, 2]}, ROWS.format("fold", (2,))),
        ({"splits": {"a": 1, "b": (2, 1)}},
         ASKS.format("b", 1, "is of another split too")),
        ({"splits": {"a": [[1], 2]}}, ASKS.format("a", [1], "holds no recording")),
        *(({"splits": value}, SPLITS_MUST.format(value))
          for value in ({"a/b": 1}, None, {})),
        *(({"fold": None, "splits": value}, SPLITS_MUST.format(value))
          for value in ({"a": 0.7, "b": 0.5}, {"a": "1"})),
        *(({"n_clips": value}, BY_SPLIT.format("n_clips", value))
          for value in ({"train": 3}, {"test": 3})),
        ({"labeled_fraction": {"test": 1}},
         BY_SPLIT.format("labeled_fraction", {"test": 1})),
        *(({"background_classes": value}, AMONG.format(bad))
          for value, bad in ((["pig"], "pig"), (3, 3), ([-1], -1), (True, True))),
        ({"background_classes": NAMES}, NO_CLASS),
        ({"backgrounds": ["x.wav"]}, "The 'backgrounds' parameter of mix_soundscapes "
         "needs 'background_fold' where 'fold' is given, and only there: say which "
         "fold each belongs to."),
        ({"backgrounds": "x.wav", "background_fold": [1]}, "The 'backgrounds' "
         "parameter of mix_soundscapes must be a list of paths, at least one. "
         "Give the names of sound files, such as the field 'paths' of load_esc50."),
        ({"target_names": NAMES}, "The 'y' parameter of mix_soundscapes must be an "
         "integer in [-1, 2]. Got 'dog' instead."),
    ],
)  # fmt: skip
def test_refusals(sounds, changes, sentence):
    refused(sounds, sentence, **changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"n_clips": 0}, "an integer in [1, inf)"),
        ({"sample_rate": 4000}, "an integer in [8000, 96000]"),
        ({"background_level": (-9, 9)}, "two ascending numbers (lowest, highest) in "
         "[-80, 0]"),
        ({"output_dir": ""}, "the path of a folder, or None"),
    ],
)  # fmt: skip
def test_ranges_are_checked_before_recordings_are_read(changes, expected):
    ((name, value),) = changes.items()
    sentence = f"The {name!r} parameter of mix_soundscapes must be {expected}. Got "
    with pytest.raises(ValueError, match=whole(f"{sentence}{value!r} instead.")):
        mix_soundscapes(["gone.wav"], ["dog"], **{**SMALL, **changes})


@pytest.mark.parametrize("y", [[0, 1], np.ones((24, 2), dtype=int)])
def test_labels_that_do_not_fit(sounds, y):
    with pytest.raises(ValueError, match=whole(ROWS.format("y", np.shape(y)))):
        mix_soundscapes(sounds.paths, y)


def test_no_label_at_all(sounds):
    refused(Bunch(**{**sounds, "y": [-1] * 24}), NO_CLASS)
