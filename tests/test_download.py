import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import filelock
import pytest
from loopback import CLASSES, FILES, HALF, NAMES, fetcher, pack, refused, serve, visible

from sklearn_triplet.datasets import esc50_fetch, load_esc50

FAILED = "fetch_esc50 could not download"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    yield from serve(monkeypatch)


@pytest.fixture
def fetch(tmp_path: Path) -> Callable:
    return fetcher(tmp_path)


def part_of(home: Path) -> Path:
    return home / "ESC-50-master.download" / "33c8ce9.zip.part"


def test_downloads_once_and_loads(
    server: ThreadingHTTPServer, fetch: Callable, tmp_path: Path
) -> None:
    corpus = fetch()
    assert [Path(path).name for path in corpus.paths] == NAMES
    assert corpus.target.tolist() == [0, 1, 2, 0, 1, 2]
    assert corpus.fold.tolist() == [1, 1, 1, 2, 2, 2]
    assert corpus.target_names.tolist() == CLASSES
    assert corpus.missing == []
    assert Path(corpus.paths[0]).read_bytes() == FILES[f"audio/{NAMES[0]}"]
    # neither the archive nor anything else stays
    assert visible(tmp_path) == ["ESC-50-master"]
    paths, target = fetch(return_X_y=True)
    assert paths.tolist() == load_esc50(tmp_path / "ESC-50-master").paths.tolist()
    assert target.tolist() == corpus.target.tolist()
    assert fetch(subset="esc10").target_names.tolist() == ["dog", "rooster"]
    assert server.asked == [(None, None)]


def test_resumes_within_a_call(
    server: ThreadingHTTPServer, fetch: Callable, tmp_path: Path
) -> None:
    server.modes = ["break", "break"]
    assert len(fetch(n_retries=2).paths) == 6
    ranges = [int(asked[6:-1]) for asked, _ in server.asked[1:]]
    # what a connection had sent arrives but for the last read, and is not sent again
    assert HALF - 2**16 <= ranges[0] <= HALF
    assert ranges[0] + HALF - 2**16 <= ranges[1] <= ranges[0] + HALF
    assert [version for _, version in server.asked] == [None, '"v1"', '"v1"']
    assert server.n_sent <= len(server.content) + 2 * 2**16


def test_resumes_in_the_next_call(
    server: ThreadingHTTPServer, fetch: Callable, tmp_path: Path
) -> None:
    server.modes = ["break"]
    message = refused(fetch, ConnectionError, n_retries=0)
    kept = part_of(tmp_path).stat().st_size
    assert kept >= HALF - 2**16
    start = f"{FAILED} {server.url!r}. Attempts made: 1; the last one broke off: "
    end = (
        f". The {kept} bytes that have arrived are kept in "
        f"{str(part_of(tmp_path))!r}, and the next call of fetch_esc50 goes on from "
        "there if the server can. Check the connection and try again."
    )
    assert message.startswith(start) and message.endswith(end)
    assert "IncompleteRead" in message
    assert visible(tmp_path) == ["ESC-50-master.download"]
    assert len(fetch().paths) == 6
    assert server.asked == [(None, None), (f"bytes={kept}-", '"v1"')]
    assert server.n_sent == HALF + len(server.content) - kept


def test_a_new_version_is_not_joined_to_the_old(
    server: ThreadingHTTPServer, fetch: Callable
) -> None:
    server.modes = ["break"]
    refused(fetch, ConnectionError, n_retries=0)
    server.offer(pack({"README.md": b"new", **FILES}))
    server.etag = '"v2"'
    assert len(fetch(n_retries=0).paths) == 6
    assert server.asked[1][1] == '"v1"'
    assert server.n_sent == HALF + len(server.content)


@pytest.mark.parametrize("etag", ['"v1"', None])
def test_server_without_ranges_begins_anew(
    server: ThreadingHTTPServer, fetch: Callable, etag: str | None
) -> None:
    server.etag, server.modes = etag, ["break", "no range"]
    assert len(fetch(n_retries=1).paths) == 6
    assert [version for _, version in server.asked] == [None, etag]
    assert server.n_sent == HALF + len(server.content)


def test_broken_answer_without_a_length(
    server: ThreadingHTTPServer, fetch: Callable, tmp_path: Path
) -> None:
    server.modes = ["chunked", "no range"]
    assert len(fetch(n_retries=1).paths) == 6
    # a weak ETag may not vouch for the bytes
    assert server.asked[1][0] is not None and server.asked[1][1] is None


@pytest.mark.parametrize("surplus, n_asked", [(0, 1), (7, 2)])
def test_part_that_is_whole_or_too_long(
    server: ThreadingHTTPServer,
    fetch: Callable,
    tmp_path: Path,
    surplus: int,
    n_asked: int,
) -> None:
    part_of(tmp_path).parent.mkdir()
    part_of(tmp_path).write_bytes(server.content + b"x" * surplus)
    assert len(fetch(n_retries=0).paths) == 6
    assert len(server.asked) == n_asked
    assert server.n_sent == (len(server.content) if surplus else 0)


def test_other_part_than_asked_for(
    server: ThreadingHTTPServer, fetch: Callable, tmp_path: Path
) -> None:
    server.modes = ["break", "other part"]
    message = refused(fetch, ConnectionError, n_retries=1)
    assert message == (
        f"{FAILED} {server.url!r}. Attempts made: 2; the last one "
        "broke off: the server sent another part than was asked for. Check the "
        "connection and try again."
    )
    assert not part_of(tmp_path).exists()


def test_corrupt_bytes_are_never_used(
    server: ThreadingHTTPServer, fetch: Callable, tmp_path: Path
) -> None:
    server.modes = ["corrupt"]
    assert refused(fetch) == (
        f"fetch_esc50 downloaded {server.url!r}, but its checksum is not "
        f"{esc50_fetch.ARCHIVE.known_hash!r}. Either it was damaged on the way, or the "
        "server packed the same files in another way. The download was removed: try "
        "again. If it stays so, give check_archive=False: then the checksums of the "
        "unpacked files decide."
    )
    assert not list(tmp_path.rglob("*.zip*"))
    assert len(fetch().paths) == 6
    assert [asked for asked, _ in server.asked] == [None, None]
    assert server.n_sent == 2 * len(server.content)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_passing_refusals_are_asked_again(
    server: ThreadingHTTPServer, fetch: Callable, status: int
) -> None:
    server.modes = [status, status]
    reason = BaseHTTPRequestHandler.responses[status][0]
    assert refused(fetch, ConnectionError, n_retries=1) == (
        f"{FAILED} {server.url!r}. Attempts made: 2; the last one "
        f"broke off: the server answered {status} {reason}. Check the connection and "
        "try again."
    )
    assert len(fetch().paths) == 6
    assert len(server.asked) == 3


def test_lasting_refusal_is_asked_once(
    server: ThreadingHTTPServer, fetch: Callable
) -> None:
    server.modes = [404]
    assert refused(fetch) == (
        f"fetch_esc50 could not download {server.url!r}: the server answered 404 Not "
        "Found. The address may have moved, or a proxy may be in the way: open it in a "
        "browser."
    )
    assert len(server.asked) == 1


def test_no_connection(
    server: ThreadingHTTPServer, fetch: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    server.shutdown()
    server.server_close()
    message = refused(fetch, ConnectionError, n_retries=2, delay=0.5)
    assert message.startswith(
        f"{FAILED} {server.url!r}. Attempts made: 3; the last one broke off: "
    )
    assert message.endswith(". Check the connection and try again.")
    assert pauses == [0.5, 0.5]


def test_the_second_waits_for_the_first(
    server: ThreadingHTTPServer, fetch: Callable
) -> None:
    server.gate.clear()
    counts = []
    threads = [
        threading.Thread(target=lambda: counts.append(len(fetch().paths)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.2)  # so that all are under way before the first is served
    server.gate.set()
    for thread in threads:
        thread.join(30)
    assert counts == [6, 6, 6]
    assert len(server.asked) == 1


def test_waiting_is_told(
    server: ThreadingHTTPServer,
    fetch: Callable,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    told = ""
    thread = threading.Thread(target=fetch, kwargs={"verbose": 1})
    with filelock.FileLock(tmp_path / ".ESC-50-master.lock"):
        thread.start()
        end = time.monotonic() + 20
        while "\n" not in told and time.monotonic() < end:
            time.sleep(0.01)
            told += capsys.readouterr().err
        assert server.asked == []
    thread.join(30)
    assert told == "Waiting for another process that downloads it.\n"
    assert len(server.asked) == 1
