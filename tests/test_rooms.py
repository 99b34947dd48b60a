"""The layout: imports run downwards only, and each public name has one path."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import sklearn_triplet
from sklearn_triplet import datasets

ROOT = Path(sklearn_triplet.__file__).parent
# a room may import from itself and from these; root is what lies in no room
BELOW = {
    # pictures of all that: nothing but the front door imports them
    "_displays": {"root", "_training", "_sampling", "_features", "_input"},
    "root": {"_training", "_sampling", "_model_selection", "_features", "_input"},
    "_training": {"_sampling", "_input"},
    "_sampling": {"_input"},
    "_input": set(),
    "_features": {"_input"},
    "_model_selection": {"_sampling", "_input"},
    "_review_page": {"_features", "_input"},
    "datasets": {"_features", "_model_selection", "_input"},
}
FILES = sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT)
FILES += [path for path in ROOT.glob("*.py") if path.name != "__init__.py"]


def room_of(parts):
    return parts[0] if len(parts) > 1 or (ROOT / parts[0]).is_dir() else "root"


def read_imports(path):
    """Return the modules of the library that a file imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module, [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            pytest.fail(f"{path} imports relatively")
        elif isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_downwards(path):
    room = room_of(path.relative_to(ROOT).parts)
    for module, names in read_imports(path):
        parts = module.split(".")
        if parts[0] != "sklearn_triplet":
            continue
        if parts == ["sklearn_triplet"]:
            pytest.fail(f"{path.name} imports {names} from the front door")
        target = room_of(parts[1:] if len(parts) > 2 else [parts[1]])
        assert target == room or target in BELOW[room], f"{path.name} -> {module}"


def list_modules():
    for path in FILES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if parts:
            yield ".".join(["sklearn_triplet", *parts])


def test_there_is_no_circle():
    arrows = {}
    for path in FILES:
        name = path.relative_to(ROOT).with_suffix("").as_posix()
        arrows[name] = {
            "/".join(module.split(".")[1:])
            for module, _ in read_imports(path)
            if module.startswith("sklearn_triplet.")
        }
    done = set()
    while len(done) < len(arrows):
        free = {
            n for n in arrows if n not in done and not (arrows[n] & set(arrows)) - done
        }
        assert free, f"circle among {sorted(set(arrows) - done)}"
        done |= free


def test_everything_else_is_private():
    public = {"sklearn_triplet", "sklearn_triplet.datasets"}
    for name in list_modules():
        parts = name.split(".")[1:]
        assert name in public or any(part.startswith("_") for part in parts), name


@pytest.mark.parametrize("module", [sklearn_triplet, datasets])
def test_public_names_are_what_is_there(module):
    names = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    names |= {"datasets"} if module is sklearn_triplet else set()
    assert names == set(module.__all__)
    for name in module.__all__:
        assert inspect.getdoc(getattr(module, name)), name


def test_every_module_says_what_flows():
    for name in list_modules():
        module = importlib.import_module(name)
        is_empty = not Path(module.__file__).read_text(encoding="utf-8").strip()
        assert is_empty or module.__doc__, name
