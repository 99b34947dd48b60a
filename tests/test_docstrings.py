"""What docstrings hold: numpydoc's checks, and an example of every public name."""

import inspect
import tomllib
from pathlib import Path

import pytest

import sklearn_triplet
from sklearn_triplet import datasets

validation = pytest.importorskip("numpydoc.validate")

PUBLIC = [f"sklearn_triplet.{name}" for name in sklearn_triplet.__all__]
PUBLIC.remove("sklearn_triplet.datasets")
PUBLIC += [f"sklearn_triplet.datasets.{name}" for name in datasets.__all__]
CONFIG = tomllib.loads(
    (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
)
CHECKS = CONFIG["tool"]["numpydoc_validation"]["checks"]
IGNORED = set(CHECKS[1:])
# what a method takes and returns is told where it is first defined, and its example
# stands in its class
OF_METHODS = {"EX01", "SA01"}
OF_OVERRIDES = OF_METHODS | {"PR01", "RT01"}


def find(name):
    thing = sklearn_triplet
    for part in name.split(".")[1:]:
        thing = getattr(thing, part)
    return thing


def list_methods(name):
    """List what a class defines itself, and whether a class above does so too."""
    kind = find(name)
    for method, value in vars(kind).items():
        is_method = inspect.isfunction(value) or isinstance(value, classmethod)
        if is_method and not method.startswith("_"):
            above = any(hasattr(base, method) for base in kind.__bases__)
            yield f"{name}.{method}", above


METHODS = [pair for name in PUBLIC if inspect.isclass(find(name))
           for pair in list_methods(name)]  # fmt: skip


def list_faults(name, ignored):
    if not getattr(find(name), "__doc__", None):
        return [f"{name} has no docstring"]
    faults = validation.validate(name)["errors"]
    return [f"{name} {code}: {text}" for code, text in faults if code not in ignored]


@pytest.mark.parametrize("name", PUBLIC)
def test_docstrings_of_public_names(name):
    # numpydoc reads the docstring of data where it is defined, which has none
    target = name if callable(find(name)) else None
    assert CHECKS[0] == "all"
    assert target is None or not list_faults(target, IGNORED)


def test_docstrings_of_methods():
    assert len(METHODS) > 60
    faults = []
    for name, is_override in METHODS:
        extra = OF_OVERRIDES if is_override else OF_METHODS
        faults += list_faults(name, IGNORED | extra)
    assert not faults


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_an_example(name):
    """That it runs is held by pytest, which runs the examples of all docstrings."""
    text = inspect.getdoc(find(name))
    assert "Examples\n--------" in text
    example = text[text.index("Examples\n--------") :]
    assert ">>> " in example and name.rsplit(".", 1)[1] in example
