"""A web server on loopback that has a small ESC-50, and breaks off where told."""

import csv
import hashlib
import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sklearn_triplet.datasets import esc50_fetch, fetch_esc50
from sklearn_triplet.datasets._download import RemoteArchive

NAMES = [f"{fold}-{fold}0-A-{c}.wav" for fold in (1, 2) for c in (0, 1, 2)]
CLASSES = ["dog", "rooster", "pig"]
HALF = 200_000  # bytes after which a connection breaks off
Files = dict[str, bytes]


def make_files() -> Files:
    """Six recordings of noise, so that the archive is of some length, and the table."""
    rng, files = np.random.default_rng(0), {}
    for name in NAMES:
        buffer = io.BytesIO()
        soundfile.write(buffer, rng.uniform(-1, 1, 44100), 44100, format="WAV")
        files[f"audio/{name}"] = buffer.getvalue()
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["filename", "fold", "target", "category", "esc10"])
    for name in NAMES:
        target = int(name[-5])
        writer.writerow([name, name[0], target, CLASSES[target], target == 0])
    files["meta/esc50.csv"] = lines.getvalue().encode()
    return files


def pack(files: Files, *, root: str = "ESC-50-33c8ce9/", level: int = 6) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as z:
        for name, content in files.items():
            # a fixed date, so that the same files give the same bytes
            z.writestr(zipfile.ZipInfo(root + name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


class Answers(BaseHTTPRequestHandler):
    """Serves ``server.content`` in the way that the next of ``server.modes`` names."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        server.asked.append((self.headers["Range"], self.headers["If-Range"]))
        mode = server.modes.pop(0) if server.modes else "whole"
        server.gate.wait(10)
        self.close_connection = True
        if isinstance(mode, int):
            self.start(mode, {"Content-Length": "0"})
        elif mode == "chunked":
            self.break_off_chunked()
        else:
            self.serve(mode)

    def serve(self, mode: str) -> None:
        content, etag = self.server.content, self.server.etag
        headers = {"ETag": etag} if etag else {}
        start, same = 0, self.headers["If-Range"] in (None, etag)
        if self.headers["Range"] and same and mode != "no range":
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                none = {"Content-Range": f"bytes */{len(content)}"}
                return self.start(416, {**none, "Content-Length": "0"})
            first = start + (mode == "other part")
            span = f"bytes {first}-{len(content) - 1}/{len(content)}"
            headers["Content-Range"] = span
        body = content[start:]
        self.start(206 if start else 200, {**headers, "Content-Length": str(len(body))})
        if mode == "corrupt":
            body = body[:HALF] + bytes([body[HALF] ^ 1]) + body[HALF + 1 :]
        self.send(body[:HALF] if mode == "break" else body)

    def break_off_chunked(self) -> None:
        """As GitHub does: no length, no parts, a weak ETag."""
        self.start(200, {"Transfer-Encoding": "chunked", "ETag": 'W/"1"'})
        self.wfile.write(f"{HALF:x}\r\n".encode())
        self.send(self.server.content[:HALF])

    def start(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send(self, body: bytes) -> None:
        self.wfile.write(body)
        self.server.n_sent += len(body)

    def log_message(self, *arguments: object) -> None:
        pass


FILES = make_files()


def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    """A server on loopback that has a small ESC-50, and fetch_esc50 that asks it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.asked, server.modes, server.n_sent = [], [], 0
    server.etag, server.gate = '"v1"', threading.Event()
    server.gate.set()
    server.url = f"http://127.0.0.1:{server.server_port}/33c8ce9.zip"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(esc50_fetch, "N_CLIPS", 6)
    monkeypatch.setattr(esc50_fetch, "CLIPS_PER_CLASS", 2)

    def offer(content: bytes) -> None:
        server.content = content
        known_hash = f"sha256:{hashlib.sha256(content).hexdigest()}"
        archive = RemoteArchive(server.url, known_hash, "ESC-50-master")
        monkeypatch.setattr(esc50_fetch, "ARCHIVE", archive)

    server.offer = offer
    offer(pack(FILES))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def fetcher(home: Path) -> Callable:
    """fetch_esc50 into a folder and without pauses."""

    def call(**settings: object) -> object:
        return fetch_esc50(**{"data_home": home, "delay": 0, **settings})

    return call


def visible(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir() if path.name[0] != ".")


def refused(
    fetch: Callable, error: type[Exception] = OSError, **settings: object
) -> str:
    with pytest.raises(error) as caught:
        fetch(**settings)
    assert caught.type is error
    return str(caught.value)
