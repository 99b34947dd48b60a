"""An address in, its bytes in a file out; a connection may break off in between."""

import os
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tqdm import tqdm  # skorch depends on it, so that it is always there

from sklearn_triplet._input.progress import DELAY

if TYPE_CHECKING:
    from requests import Response

TIMEOUT = 30.0  # seconds in which a server has to say something
CHUNK = 2**16  # bytes, at most what a broken connection costs
PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


class _BrokenOff(Exception):
    """An answer that another attempt may complete."""


class ResumingDownloader:
    """A downloader for pooch that goes on where an earlier one broke off.

    Parameters
    ----------
    owner : str
        The function that asks, for the messages.
    part : pathlib.Path
        Where the bytes gather; what is there already is not asked for again, if the
        server can send the rest. Beside it stands the server's name for this version
        of the file, so that halves of two versions are never joined.
    n_retries : int
        Attempts after the first; what a server refuses for good is asked once.
    delay : float
        Seconds between two attempts.
    verbose : int
        0: no progress bar.

    Raises
    ------
    ConnectionError
        On call, if the last attempt broke off as well.
    OSError
        On call, if the server refuses.
    """

    def __init__(
        self, owner: str, part: Path, *, n_retries: int, delay: float, verbose: int
    ) -> None:
        self.owner = owner
        self.part = part
        self.version = part.with_name(f"{part.name}.etag")
        self.n_retries = n_retries
        self.delay = delay
        self.verbose = verbose

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Download; the signature is that of pooch's own downloaders."""
        import requests

        passing = (
            _BrokenOff,
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
        )
        for n_left in range(self.n_retries, -1, -1):
            try:
                self._download(url)
                break
            except passing as error:
                if not n_left:
                    self._give_up(url, error)
            time.sleep(self.delay)
        os.replace(self.part, output_file)
        self.version.unlink(missing_ok=True)

    def _give_up(self, url: str, error: Exception) -> NoReturn:
        done = self._n_done()
        kept = (
            f"The {done} bytes that have arrived are kept in {str(self.part)!r}, and "
            f"the next call of {self.owner} goes on from there if the server can. "
        )
        raise ConnectionError(
            f"{self.owner} could not download {url!r}. Attempts made: "
            f"{self.n_retries + 1}; the last one broke off: {error}. "
            f"{kept if done else ''}Check the connection and try again."
        ) from error

    def _n_done(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self.version.unlink(missing_ok=True)

    def _download(self, url: str) -> None:
        """Ask once for what is missing, and write what comes."""
        done = self._n_done()
        with self._ask(url, done) as response:
            status = response.status_code
            if done and status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                if _content_range(response)[1] == done:
                    return  # nothing was missing
                self._forget()
            elif status >= HTTPStatus.BAD_REQUEST:
                self._refuse(url, response)
            elif status == HTTPStatus.PARTIAL_CONTENT:
                start, total = _content_range(response)
                if start != done:
                    self._forget()
                    raise _BrokenOff("the server sent another part than was asked for")
                return self._write(response, done, total)
            else:
                self._note_version(response)
                total = _number(response.headers.get("Content-Length", ""))
                return self._write(response, 0, total)
        self._download(url)  # there is no part any more: this asks for the whole

    def _ask(self, url: str, done: int) -> "Response":
        import requests

        # a body packed for the way would make the bytes on disk other ones
        headers = {"Accept-Encoding": "identity"}
        if done:
            headers["Range"] = f"bytes={done}-"
            if self.version.exists():
                headers["If-Range"] = self.version.read_text(encoding="latin-1")
        return requests.get(url, headers=headers, stream=True, timeout=TIMEOUT)

    def _refuse(self, url: str, response: "Response") -> NoReturn:
        status = response.status_code
        answer = f"the server answered {status} {response.reason}"
        if status in PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _BrokenOff(answer)
        raise OSError(
            f"{self.owner} could not download {url!r}: {answer}. The address may have "
            "moved, or a proxy may be in the way: open it in a browser."
        )

    def _note_version(self, response: "Response") -> None:
        """Keep the ETag; a weak one (W/...) may not be used to join parts."""
        etag = response.headers.get("ETag", "")
        if etag.startswith('"'):
            self.version.write_text(etag, encoding="latin-1")
        else:
            self.version.unlink(missing_ok=True)

    def _write(self, response: "Response", done: int, total: int | None) -> None:
        bar = tqdm(
            desc="Downloading",
            unit="B",
            unit_scale=True,
            unit_divisor=1024,
            total=total,
            initial=done,
            delay=DELAY,
            disable=not self.verbose,
        )
        with self.part.open("ab" if done else "wb") as file, bar:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
        if total is not None and self._n_done() != total:
            raise _BrokenOff(f"{self._n_done()} of {total} bytes arrived")


def _content_range(response: "Response") -> tuple[int | None, int | None]:
    """Read (first byte, length of the whole) of 'bytes 7-9/10' or 'bytes */10'."""
    text = response.headers.get("Content-Range", "").removeprefix("bytes ")
    span, _, total = text.partition("/")
    first = span.partition("-")[0]
    return _number(first), _number(total)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
