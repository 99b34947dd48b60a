import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from helpers import whole
from loopback import FILES, NAMES, fetcher, pack, refused, serve, visible

from sklearn_triplet.datasets import esc50_fetch, fetch_esc50, get_data_home


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    yield from serve(monkeypatch)


@pytest.fixture
def fetch(tmp_path: Path) -> Callable:
    return fetcher(tmp_path)


def damaged(reason: str) -> str:
    return (
        f"The archive that fetch_esc50 downloaded is damaged: {reason}. It was "
        "removed: try again."
    )


def test_missing_and_not_to_be_downloaded(
    server: ThreadingHTTPServer, fetch: Callable, tmp_path: Path
) -> None:
    message = refused(fetch, FileNotFoundError, download_if_missing=False)
    assert message == (
        f"ESC-50 is not in {str(tmp_path / 'ESC-50-master')!r}. Give the 'data_home' "
        "that holds this folder, or download_if_missing=True."
    )
    fetch()
    assert len(fetch(download_if_missing=False).paths) == 6
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"meta/esc50.csv": None}, "it lacks 'meta/esc50.csv'"),
        (
            {f"audio/{NAMES[3]}": None},
            "it lists 6 recordings and holds 5 of them, not 6",
        ),
        (
            {"meta/esc50.csv": lambda text: text[: text.rindex(b"2-20-A-2")]},
            "it lists 5 recordings and holds 5 of them, not 6",
        ),
        (
            {"meta/esc50.csv": lambda text: text.replace(b"dog", b"cow", 1)},
            "it lists 1 recordings of 'cow', not 2",
        ),
        ({"../../../evil.txt": b"x"}, "its member '{}../../../evil.txt' leaves {}"),
    ],
)
def test_archive_of_other_contents(
    server: ThreadingHTTPServer,
    fetch: Callable,
    tmp_path: Path,
    change: dict,
    reason: str,
) -> None:
    changed = dict(FILES)
    for name, new in change.items():
        changed[name] = new(FILES[name]) if callable(new) else new
    kept = {name: text for name, text in changed.items() if text is not None}
    server.offer(pack(kept))
    reason = reason.format("ESC-50-33c8ce9/", "the folder")
    assert refused(fetch) == damaged(reason)
    assert visible(tmp_path) == ["ESC-50-master.download"]
    assert not list(tmp_path.parent.rglob("evil.txt"))
    assert not list(tmp_path.rglob("*.zip"))


def test_archive_without_its_folder(
    server: ThreadingHTTPServer, fetch: Callable
) -> None:
    server.offer(pack(FILES, root=""))
    reason = "it holds 2 files or folders, not one folder"
    assert refused(fetch) == damaged(reason)


def test_no_archive_at_all(server: ThreadingHTTPServer, fetch: Callable) -> None:
    server.offer(b"<html>Log in to this network</html>")
    assert refused(fetch) == damaged("File is not a zip file")


def contents_sha256(folder: Path) -> str:
    """The sum as the comment at the constant gives it."""
    command = "LC_ALL=C md5sum audio/*.wav meta/esc50.csv | sha256sum"
    done = subprocess.run(
        command, shell=True, cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.split()[0]


@pytest.mark.skipif(not shutil.which("md5sum"), reason="needs md5sum")
def test_same_files_packed_differently(
    server: ThreadingHTTPServer,
    fetch: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reference = tmp_path / "reference"
    for name, content in FILES.items():
        (reference / name).parent.mkdir(parents=True, exist_ok=True)
        (reference / name).write_bytes(content)
    expected = contents_sha256(reference)
    monkeypatch.setattr(esc50_fetch, "CONTENTS_SHA256", expected)
    server.content = pack({"README.md": b"new", **FILES})
    assert "check_archive=False" in refused(fetch)
    changed = {**FILES, f"audio/{NAMES[3]}": FILES[f"audio/{NAMES[4]}"]}
    server.content = pack(changed)
    reason = "the checksums of its recordings and table are not those of ESC-50"
    assert refused(fetch, check_archive=False) == damaged(reason)
    server.content = pack({"README.md": b"new", **FILES})
    assert len(fetch(check_archive=False).paths) == 6


def test_unchecked_archive_still_has_its_crc(
    server: ThreadingHTTPServer, fetch: Callable
) -> None:
    server.modes = ["corrupt"]
    message = refused(fetch, check_archive=False)
    begin, end = damaged("|").split("|")
    assert message.startswith(begin) and message.endswith(end)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "settings, message",
    [
        (
            {"subset": "esc11"},
            "The 'subset' parameter of fetch_esc50 must be one of [None, 'esc10']. Got "
            "'esc11' instead.",
        ),
        (
            {"n_retries": -1},
            "The 'n_retries' parameter of fetch_esc50 must be an integer in [0, inf). "
            "Got -1 instead.",
        ),
        (
            {"delay": -0.5},
            "The 'delay' parameter of fetch_esc50 must be a number in [0, inf). Got "
            "-0.5 instead.",
        ),
        (
            {"data_home": 7},
            "The 'data_home' parameter must be the path of a folder, or None. Got 7 "
            "instead.",
        ),
    ],
)
def test_refuses_parameters(
    server: ThreadingHTTPServer, fetch: Callable, settings: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=whole(message)):
        fetch(**settings)
    assert server.asked == []


def test_data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("SKLEARN_TRIPLET_DATA", raising=False)
    assert get_data_home() == str(tmp_path / "sklearn_triplet_data")
    monkeypatch.setenv("SKLEARN_TRIPLET_DATA", os.path.join("~", "deep", "corpora"))
    assert get_data_home() == str(tmp_path / "deep" / "corpora")
    assert (tmp_path / "deep" / "corpora").is_dir()
    assert get_data_home(tmp_path / "given") == str(tmp_path / "given")
    assert get_data_home("~") == str(tmp_path)


def test_data_home_from_the_environment(
    server: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKLEARN_TRIPLET_DATA", str(tmp_path / "corpora"))
    corpus = fetch_esc50()
    assert corpus.data_home == str(tmp_path / "corpora" / "ESC-50-master")


def test_missing_recordings_are_told_at_the_call(
    server: ThreadingHTTPServer, fetch: Callable, tmp_path: Path
) -> None:
    fetch()
    (tmp_path / "ESC-50-master" / "audio" / NAMES[0]).unlink()
    with pytest.warns(UserWarning, match="^1 of the 6 recordings that") as caught:
        corpus = fetch_esc50(data_home=tmp_path)
    assert caught[0].filename == __file__
    assert [os.path.basename(path) for path in corpus.missing] == [NAMES[0]]


@pytest.mark.parametrize("above", ["{}/file", "/proc"])
def test_data_home_that_cannot_be_made(tmp_path: Path, above: str) -> None:
    (tmp_path / "file").touch()
    home = Path(above.format(tmp_path)) / "corpora"
    try:
        home.mkdir()
    except OSError as error:
        kind, reason = type(error), error.strerror
    else:
        home.rmdir()
        pytest.skip("only where this folder cannot be made")
    message = (
        "The 'data_home' parameter must be a folder that is there or can be made. "
        f"{str(home)!r} cannot ({reason}): give another path, or set "
        "SKLEARN_TRIPLET_DATA."
    )
    with pytest.raises(kind, match=whole(message)):
        get_data_home(home)


def test_data_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    message = (
        "The 'data_home' parameter must be a folder. There is a file at "
        f"{str(tmp_path / 'file')!r}: give another path, or set SKLEARN_TRIPLET_DATA."
    )
    with pytest.raises(FileExistsError, match=whole(message)):
        get_data_home(tmp_path / "file")


def test_unpacking_that_is_interrupted(
    server: ThreadingHTTPServer,
    fetch: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    extract, done = zipfile.ZipFile.extract, []

    def extract_three(self: zipfile.ZipFile, name: str, path: Path) -> str:
        if len(done) == 3:
            raise OSError(28, "No space left on device")
        done.append(name)
        return extract(self, name, path)

    with monkeypatch.context() as patched:
        patched.setattr(zipfile.ZipFile, "extract", extract_three)
        assert refused(fetch) == "[Errno 28] No space left on device"
    assert visible(tmp_path) == ["ESC-50-master.download"]
    assert len(fetch().paths) == 6
    assert visible(tmp_path) == ["ESC-50-master"]
    assert len(server.asked) == 1  # the archive was still there


def test_what_a_killed_process_left_is_cleared(
    server: ThreadingHTTPServer, fetch: Callable, tmp_path: Path
) -> None:
    leftover = tmp_path / "ESC-50-master.download" / "unpacked" / "ESC-50-33c8ce9"
    leftover.mkdir(parents=True)
    (leftover / "half.wav").touch()
    fetch()
    assert visible(tmp_path) == ["ESC-50-master"]
    assert not list(tmp_path.rglob("half.wav"))
