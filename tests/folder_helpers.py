"""What the tests of load_audio_folder share."""

import warnings
from pathlib import Path

import pytest

from sklearn_triplet.datasets import load_audio_folder


def fill(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(corpus):
    return [Path(p).relative_to(corpus.data_home).as_posix() for p in corpus.paths]


def save(path, text, encoding="utf-8"):
    path.write_text(text, encoding=encoding)
    return path


def quietly(*args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return load_audio_folder(*args, **options)


def message(error, *args, **options):
    with pytest.raises(error) as caught:
        load_audio_folder(*args, **options)
    assert caught.type is error
    return str(caught.value)
