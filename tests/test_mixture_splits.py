from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import whole
from mixture_helpers import NAMES, RATE, SMALL, SPLITS, mix, read_table, write_sounds
from sklearn.utils import Bunch

from sklearn_triplet import is_labeled
from sklearn_triplet.datasets import mix_soundscapes


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Bunch:
    return write_sounds(tmp_path_factory.mktemp("sounds"))


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


def test_labeled_fraction_of_each_split(sounds):
    corpus = mix(sounds, n_clips=20, labeled_fraction={"validation": 0.5})
    labeled = is_labeled(corpus.target)
    counts = {split: labeled[corpus.split == split].sum() for split in SPLITS}
    assert counts == {"train": 20, "validation": 10, "evaluation": 20}


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


def test_one_split_by_default(sounds):
    corpus = mix_soundscapes(sounds.paths, sounds.y, n_clips=3, **SMALL)
    assert corpus.split.tolist() == ["train"] * 3


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


def test_target_names_name_numbers(sounds):
    numbers = np.array([NAMES.index(name) for name in sounds.y])
    corpus = mix_soundscapes(
        sounds.paths, numbers, target_names=np.array(NAMES), n_clips=4,
        background_classes=["cat"], random_state=0, **SMALL,
    )  # fmt: skip
    assert corpus.target_names.tolist() == ["dog", "rain"]
    assert all("cat" in Path(source.path).name for source in corpus.backgrounds)
    names = {Path(source.path).name[:3] for row in corpus.sources for source in row}
    assert names <= {"dog", "rai"}


@pytest.mark.parametrize("value", [1, [1], np.array([1]), "cat", {"cat"}, [np.int8(1)]])
def test_backgrounds_by_index_or_name(sounds, value):
    corpus = mix_soundscapes(
        sounds.paths, np.array([NAMES.index(name) for name in sounds.y]), n_clips=4,
        target_names=NAMES, background_classes=value, random_state=0, **SMALL,
    )  # fmt: skip
    assert corpus.target_names.tolist() == ["dog", "rain"]
    assert {Path(s.path).name[:3] for s in corpus.backgrounds} == {"cat"}


def test_backgrounds_by_number_where_classes_are_numbers(sounds):
    y = np.array([10 * (1 + NAMES.index(name)) for name in sounds.y])
    corpus = mix(Bunch(**{**sounds, "y": y}), n_clips=2, background_classes=[20])
    assert corpus.target_names.tolist() == ["10", "30"]
    assert {Path(s.path).name[:3] for s in corpus.backgrounds} == {"cat"}


def test_no_class_is_background(sounds):
    expected = mix(sounds, n_clips=2)
    corpus = mix(sounds, n_clips=2, background_classes=None)
    np.testing.assert_array_equal(corpus.data, expected.data)


@pytest.mark.parametrize("kind", [set, frozenset, list, np.array, iter])
def test_folds_of_a_split_in_any_container(sounds, kind):
    splits = {"train": kind([1, 2]), "validation": 3, "evaluation": np.int64(4)}
    corpus = mix(sounds, n_clips=2, splits=splits)
    np.testing.assert_array_equal(corpus.data, mix(sounds, n_clips=2).data)


def test_one_class(sounds):
    corpus = mix(sounds, background_classes=["dog", "rain"], labeled_fraction=0.5)
    assert corpus.target.shape == (18, 1)
    assert (corpus.target[corpus.split == "train"] == -1).sum() == 3


@pytest.mark.parametrize("audio_format", ["flac", "wav"])
def test_files_hold_the_waveforms(sounds, tmp_path, audio_format):
    folder = tmp_path / "new" / "mixes"
    corpus = mix(sounds, output_dir=folder, audio_format=audio_format)
    assert "data" not in corpus
    assert corpus.paths[7] == str(folder / f"validation_00001.{audio_format}")
    expected = mix(sounds)
    assert corpus.sources == expected.sources
    for path, waveform in zip(corpus.paths, expected.data, strict=True):
        written, sample_rate = soundfile.read(path, dtype="float32")
        assert sample_rate == RATE
        np.testing.assert_allclose(written, waveform, atol=2**-15)


def test_tables_say_what_the_bunch_says(sounds, tmp_path):
    corpus = mix(sounds, output_dir=tmp_path, labeled_fraction=0.5)
    rows = list(read_table(tmp_path / "labels.tsv"))
    assert [row["filename"] for row in rows] == [Path(p).name for p in corpus.paths]
    assert [row["split"] for row in rows] == corpus.split.tolist()
    known = [row["labeled"] == "1" for row in rows]
    np.testing.assert_array_equal(known, is_labeled(corpus.target))
    for row, truth, source in zip(
        rows, corpus.target_true, corpus.backgrounds, strict=True
    ):
        assert row["event_labels"] == ",".join(corpus.target_names[truth == 1])
        assert (row["background"], float(row["gain"])) == (source.path, source.gain)
    expected = [
        (Path(path).name, event.onset, event.offset, *source)
        for path, events, sources in zip(
            corpus.paths, corpus.events, corpus.sources, strict=True
        )
        for event, source in zip(events, sources, strict=True)
    ]
    assert expected == [
        (row["filename"], float(row["onset"]), float(row["offset"]), row["source"],
         int(row["start"]), int(row["stop"]), float(row["gain"]))
        for row in read_table(tmp_path / "events.tsv")
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
