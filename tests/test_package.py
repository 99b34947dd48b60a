"""What is released: one version of everything, and files that hold what they should."""

import ast
import re
import sys
import tarfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import sklearn_triplet

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_one_version_everywhere():
    version = PROJECT["project"]["version"]
    assert sklearn_triplet.__version__ == version
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (\S+)$", cited, flags=re.M)[1] == version
    page = (ROOT / "docs" / "citing.md").read_text(encoding="utf-8")
    assert f"version = {{{version}}}" in page
    assert f"## {version}" in (ROOT / "CHANGES.md").read_text(encoding="utf-8")


def test_one_version_of_the_linter():
    extras = PROJECT["project"]["optional-dependencies"]
    (pinned,) = (name for name in extras["test"] if name.startswith("ruff"))
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"ruff==[\d.]+", hooks) == [pinned] * 2
    assert pinned in (ROOT / "constraints.txt").read_text(encoding="utf-8").split()


def test_every_extra_is_pinned():
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower()
    pinned = re.sub("[-_]", "-", pinned)
    extras = PROJECT["project"]["optional-dependencies"]
    for extra in extras:
        for requirement in extras[extra]:
            name = re.match(r"[\w-]+", requirement)[0].lower()
            assert f"\n{re.sub('[-_]', '-', name)}==" in pinned, (extra, name)


def test_the_paper_is_cited():
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    for name in ("Turpault", "Serizel", "Vincent", "hal-02025824"):
        assert name in cited


@pytest.mark.skipif(not WORKFLOWS, reason="an sdist holds no workflows")
def test_workflows_run_targets_of_the_makefile():
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"^\.PHONY: (.*)$", targets, flags=re.M)[1].split()
    ran = set()
    for path in WORKFLOWS:
        commands = re.findall(r"- run: (.*)$", path.read_text("utf-8"), flags=re.M)
        assert commands and all(command.startswith("make ") for command in commands)
        ran |= {command.split()[1] for command in commands}
    assert ran <= set(targets)
    assert ran >= {"lint", "test", "test-slow", "test-oldest", "docs", "package"}


def test_types_are_told():
    """Without this file, no type checker reads the hints of an installed package."""
    assert (Path(sklearn_triplet.__file__).parent / "py.typed").is_file()


def test_what_is_imported_is_declared():
    """By the code, wherever it imports; matplotlib and others are extras."""
    declared = {re.match(r"[\w-]+", name)[0].lower()
                for name in PROJECT["project"]["dependencies"]}  # fmt: skip
    extras = {
        re.match(r"[\w-]+", name)[0].lower()
        for names in PROJECT["project"]["optional-dependencies"].values()
        for name in names
    }
    found = set()
    for path in Path(sklearn_triplet.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module.split(".")[0])
    found -= set(sys.stdlib_module_names) | {"sklearn_triplet"}
    names = metadata.packages_distributions()
    # what is not installed here cannot be told by its distribution
    wanted = {name: names.get(name, [name]) for name in found}
    unknown = {
        name
        for name, owners in wanted.items()
        if not {owner.lower() for owner in owners} & (declared | extras)
    }
    assert not unknown


# --- what `make package` has built, where it lies


@pytest.fixture
def archives():
    version, dist = PROJECT["project"]["version"], ROOT / "dist"
    found = *dist.glob(f"*-{version}.tar.gz"), *dist.glob(f"*-{version}-*.whl")
    if len(found) != 2:
        pytest.skip("needs sdist and wheel: make package")
    return found


def test_the_wheel_holds_the_library_and_nothing_else(archives):
    _, wheel = archives
    # code and docstrings, of which half a megabyte is documentation
    assert wheel.stat().st_size < 400_000
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        told = next(name for name in names if name.endswith("METADATA"))
        told = file.read(told).decode()
    assert "sklearn_triplet/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"sklearn_triplet"}
    for field in ("Author", "Keywords", "License", "Classifier", "Provides-Extra"):
        assert f"\n{field}" in told


def test_the_sdist_holds_tests_and_pages_and_no_recordings(archives):
    sdist, _ = archives
    with tarfile.open(sdist) as file:
        sizes = {
            member.name.split("/", 1)[1]: member.size
            for member in file.getmembers()
            if member.isfile()
        }
    wanted = {"tests/test_package.py", "tests/golden/format_1.npz", "docs/conf.py"}
    wanted |= {"docs/index.md", "docs/_templates/class.rst", "CITATION.cff", "Makefile"}
    assert wanted <= set(sizes)
    forbidden = r"\.(wav|flac|ogg|mp3|csv|pyc)$|_build|auto_examples|docs/api/"
    assert not [name for name in sizes if re.search(forbidden, name)]
    assert sum(sizes.values()) < 5_000_000 and max(sizes.values()) < 500_000
