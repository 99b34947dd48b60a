import os
import re

import numpy as np
import pytest
import soundfile
from helpers import whole
from mixture_helpers import NAMES, RATE, SMALL, mix, refused, write_sounds
from sklearn.utils import Bunch

from sklearn_triplet.datasets import mix_soundscapes


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Bunch:
    return write_sounds(tmp_path_factory.mktemp("sounds"))


def test_class_with_nothing_but_silence(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    sentence = (
        "The class 'a' has no sounding recording in the split 'train' of "
        "mix_soundscapes. Change 'splits', or leave the class out of 'paths' and y."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        mix_soundscapes([tmp_path / "a.wav"], ["a"], **SMALL)


def test_class_absent_from_a_split(sounds):
    fold = np.where((sounds.y == "cat") & (sounds.fold == 3), 4, sounds.fold)
    refused(
        sounds,
        "The class 'cat' has no sounding recording in the split 'validation' of "
        "mix_soundscapes. Change 'splits', or leave the class out of 'paths' and y.",
        fold=fold,
    )


def test_split_without_backgrounds(sounds):
    refused(
        sounds,
        "There is no sounding background in the split 'validation' of "
        "mix_soundscapes. Change 'splits', or give more backgrounds.",
        backgrounds=sounds.paths[:2],
        background_fold=[1, 4],
        fold=np.where(np.arange(24) < 2, 9, sounds.fold),
    )


def test_unreadable_recordings(sounds, tmp_path):
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    with pytest.raises(ValueError, match="Recording 24 of mix_soundscapes cannot be"):
        mix_soundscapes([*sounds.paths, text], [*sounds.y, "dog"], **SMALL)
    gone = str(tmp_path / "gone.wav")
    sentence = (
        f"Recording 24 of mix_soundscapes cannot be used: there is no file {gone!r}. "
        "Correct the path."
    )
    with pytest.raises(FileNotFoundError, match=whole(sentence)):
        mix_soundscapes([*sounds.paths, gone], [*sounds.y, "dog"], **SMALL)


def test_recording_listed_twice(sounds):
    twice = Bunch(
        paths=[*sounds.paths, os.path.relpath(sounds.paths[0])],
        y=[*sounds.y, "dog"],
        fold=[*sounds.fold, 3],
    )
    refused(
        twice,
        f"The recording {twice.paths[-1]!r} is in the splits 'train' and 'validation' "
        "of mix_soundscapes. List every recording once, or all its rows in one fold.",
    )
    twice.fold[-1], twice.y[-1] = 1, "cat"
    refused(
        twice,
        f"The recording {twice.paths[-1]!r} is listed twice in mix_soundscapes, with "
        "different classes. Leave it out: recordings must be of one class each.",
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fold": [1, 2]}, "The 'fold' parameter of mix_soundscapes must hold one "
         "entry for each path in 'paths'. Got 2 entries for 24 paths."),
        ({"splits": {"a": 1, "b": (2, 1)}}, "The 'splits' parameter of mix_soundscapes "
         "must give a fold to one split only. Fold 1 is in 'a' and in 'b'."),
        ({"splits": {"a": 7}}, "The split 'a' of mix_soundscapes asks for fold 7, in "
         "which there is no recording. Correct 'splits' or 'fold'."),
        ({"splits": {"a/b": 1}}, "The 'splits' parameter of mix_soundscapes must be a "
         "dict with names of letters, digits, '_' and '-' as keys. Got {'a/b': 1} "
         "instead."),
        ({"splits": None}, "The 'fold' parameter of mix_soundscapes needs 'splits', "
         "which say what a fold is for: give such as {'train': (1, 2, 3), "
         "'validation': 4, 'evaluation': 5}."),
        ({"fold": None, "splits": {"a": 0.7, "b": 0.5}}, "Without 'fold', the 'splits' "
         "parameter of mix_soundscapes must hold shares in (0, 1] that add up to 1 at "
         "most, such as {'train': 0.8, 'evaluation': 0.2}. Got {'a': 0.7, 'b': 0.5} "
         "instead."),
        ({"n_clips": {"train": 3}}, "The 'n_clips' parameter of mix_soundscapes must "
         "have a number for each split. There is none for 'validation': add it, or "
         "give one integer."),
        ({"n_clips": {"test": 3}}, "The 'n_clips' parameter of mix_soundscapes names "
         "the split 'test', which is none of ['train', 'validation', 'evaluation']. "
         "Correct it or add it to 'splits'."),
        ({"background_classes": ["pig"]}, "The 'background_classes' parameter of "
         "mix_soundscapes must be among the classes ['cat', 'dog', 'rain']. Got 'pig' "
         "instead."),
        ({"background_classes": 3}, "The 'background_classes' parameter of "
         "mix_soundscapes must be among the classes ['cat', 'dog', 'rain']. Got 3 "
         "instead."),
        ({"splits": {"a": [[1], 2]}}, "The 'splits' parameter of mix_soundscapes must "
         "hold a fold, or a list of folds, for each split. Got [[1], 2] for 'a'."),
        ({"splits": {"a": {1, 2}, "b": [2]}}, "The 'splits' parameter of "
         "mix_soundscapes must give a fold to one split only. Fold 2 is in 'a' and in "
         "'b'."),
        ({"output_dir": 3}, "The 'output_dir' parameter of mix_soundscapes must be the "
         "path of a folder, or None. Got 3 instead."),
        ({"background_classes": NAMES}, "mix_soundscapes has no class of events: y and "
         "'background_classes' leave none. Give labeled recordings of at least one "
         "more class."),
        ({"backgrounds": ["x.wav"]}, "The 'backgrounds' parameter of mix_soundscapes "
         "needs 'background_fold' where 'fold' is given: say which fold each "
         "background belongs to."),
        ({"backgrounds": "x.wav"}, "The 'backgrounds' parameter of mix_soundscapes "
         "must be a list of paths, at least one. Give the names of sound files, such "
         "as the field 'paths' of load_esc50."),
        ({"target_names": NAMES}, "With 'target_names', y of mix_soundscapes must hold "
         "integers in [0, 2], or -1 where unlabeled. Got 'dog'."),
        ({"event_duration": (3, 8)}, "The shortest event (3 s) must fit into a clip "
         "(2.0 s). Lower the first of 'event_duration' or raise 'duration'."),
    ],
)  # fmt: skip
def test_refusals(sounds, changes, sentence):
    refused(sounds, sentence, **changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"n_clips": 0}, "an integer in [1, inf)"),
        ({"labeled_fraction": 0}, "a number in (0, 1]"),
        ({"duration": 0}, "a number in [0.1, 600]"),
        ({"sample_rate": 4000}, "an integer in [8000, 96000]"),
        ({"n_events": (3, 1)}, "two ascending integers (lowest, highest) in [1, inf)"),
        ({"snr": (0, 99)}, "two ascending numbers (lowest, highest) in [-60, 60]"),
        ({"background_level": (-9, 9)}, "two ascending numbers (lowest, highest) in "
         "[-80, 0]"),
        ({"empty_fraction": 2}, "a number in [0, 1]"),
        ({"audio_format": "mp3"}, "one of ['flac', 'wav']"),
        ({"random_state": -1}, "an integer in [0, inf)"),
    ],
)  # fmt: skip
def test_ranges(sounds, changes, expected):
    ((name, value),) = changes.items()
    sentence = f"The {name!r} parameter of mix_soundscapes must be {expected}. Got "
    refused(sounds, f"{sentence}{value!r} instead.", **changes)


def test_labels_that_do_not_fit(sounds):
    sentence = (
        "The 'y' parameter of mix_soundscapes must hold one entry for each path in "
        "'paths'. Got 2 entries for 24 paths."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        mix_soundscapes(sounds.paths, [0, 1])
    sentence = (
        "mix_soundscapes mixes recordings of one class each. Got a y of shape (24, 2): "
        "give y of shape (n_recordings,), and leave out recordings of several classes."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        mix_soundscapes(sounds.paths, np.ones((24, 2), dtype=int))


@pytest.mark.parametrize("value", [3, -1, True, "1", "pig"])
def test_background_classes_with_names(sounds, value):
    sentence = (
        "The 'background_classes' parameter of mix_soundscapes must be among the "
        f"classes {NAMES} or their indices. Got {value!r} instead."
    )
    y = [NAMES.index(name) for name in sounds.y]
    with pytest.raises(ValueError, match=whole(sentence)):
        mix_soundscapes(
            sounds.paths, y, target_names=NAMES, background_classes=[value], **SMALL
        )


def test_no_label_at_all(sounds):
    sentence = (
        "mix_soundscapes has no class of events: y and 'background_classes' leave "
        "none. Give labeled recordings of at least one more class."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        mix_soundscapes(sounds.paths, [-1] * len(sounds.paths), **SMALL)


def test_output_dir_is_refused_before_recordings_are_read(tmp_path):
    sentence = (
        "The 'output_dir' parameter of mix_soundscapes must be the path of a folder, "
        "or None. Got '' instead."
    )
    with pytest.raises(ValueError, match=whole(sentence)):
        mix_soundscapes([tmp_path / "gone.wav"], ["dog"], output_dir="", **SMALL)


def test_output_dir_is_a_file(sounds, tmp_path):
    (tmp_path / "taken").touch()
    message = (
        "The 'output_dir' parameter of mix_soundscapes must be a folder. There is a "
        f"file at {str(tmp_path / 'taken')!r}: give another name or move the file."
    )
    with pytest.raises(NotADirectoryError, match=f"^{re.escape(message)}$"):
        mix(sounds, output_dir=tmp_path / "taken")


def test_output_dir_that_cannot_be_made(sounds, tmp_path):
    (tmp_path / "taken").touch()
    folder = tmp_path / "taken" / "mixes"
    message = (
        "The 'output_dir' parameter of mix_soundscapes must be a folder that is there "
        f"or can be made. {str(folder)!r} cannot (Not a directory): give another name."
    )
    with pytest.raises(NotADirectoryError, match=whole(message)):
        mix(sounds, output_dir=folder)
