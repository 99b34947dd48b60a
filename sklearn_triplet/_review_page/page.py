"""Clips, paths or windows (n_clips,), in; a page to label them by ear out."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import numbers
import os
import re
import unicodedata
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_triplet._features.log_mel import LogMel
from sklearn_triplet._input.parameters import check_option
from sklearn_triplet._input.types import Rows
from sklearn_triplet._input.warn import warn

OWNER = "write_review_page"
TEMPLATE = Path(__file__).with_name("template.html")

# the tables that `load_audio_folder` and `load_recordings` read
CLIP_COLUMNS = "filename", "labels"
WINDOW_COLUMNS = "filename", "onset", "offset", "event_label"
# what `load_recordings` takes for a stretch in which absent classes are known to be so
LISTENED = "listened"
# these would be read back as no label at all
NO_LABELS = {"", "-1", "nan", "<na>", "unlabeled", "unlabelled"}

# what Chromium, Firefox and Safari decode; the last one has Ogg since its version 18.4
PLAYED = {".wav", ".wave", ".flac", ".mp3", ".ogg", ".oga", ".opus"}

MAX_COLUMNS = 500  # of a spectrogram: more than a phone shows, and 32 kB for 64 bands
DEPTH = 12.0  # nats from the loudest to what is black at most, 52 dB
SHALLOWEST = 3.0  # nats, or silence would be shown as a storm
TICKS = [base * 10**power for power in range(1, 6) for base in (1, 2, 5)]  # Hz
TICK_DISTANCE = 0.1  # of the height of the picture


class Clip(NamedTuple):
    """A recording, or a window of one: path, and seconds, None for the whole."""

    path: str
    onset: float | None = None
    offset: float | None = None


def write_review_page(
    page: str | os.PathLike[str],
    clips: Rows,
    classes: ArrayLike | Sequence[object],
    *,
    probabilities: ArrayLike | None = None,
    multilabel: bool = False,
    log_mel: LogMel | None = None,
    title: str | None = None,
) -> str:
    r"""Write a page on which clips are labeled by ear, in a browser, without a server.

    Each clip comes with its spectrogram, a player, and the class that a model takes it
    for. A key labels it and the next one is played; what was labeled is kept by the
    browser, and downloaded as a table that the loaders of this library read.

    Parameters
    ----------
    page : str or path-like
        The file to write, which ends in ``.html``, in a folder that is there. It links
        to the recordings relative to that folder: move both together. A file of that
        name is replaced; what was labeled on it stays in the browser.
    clips : sequence of n_clips paths or tuples (path, onset, offset)
        The recordings, or windows of them in seconds, as the field ``data`` of
        ``load_recordings``. They are shown in this order: the most useful first.
    classes : array-like of shape (n_classes,)
        What a clip may be, such as ``tagger.classes_`` or the ``target_names`` of a
        corpus. The first nine have the keys 1 to 9, the next 26 the keys a to z, and
        all of them a button.
    probabilities : array-like of shape (n_clips, n_classes), default=None
        As ``predict_proba`` returns them: the most probable class is suggested, or with
        ``multilabel`` all from 1/2 on. No suggestion where a row is NaN.
    multilabel : bool, default=False
        Whether a clip may have several classes, or none of them. A key then switches a
        class on and off, and Enter goes on.
    log_mel : LogMel, default=None
        The analysis that is shown. None: ``LogMel()``. With ``errors="warn"`` what
        cannot be read is counted, and stands on the page without a spectrogram.
    title : str, default=None
        Of the page. None: ``"Label by ear"``.

    Returns
    -------
    path : str
        The absolute path of the page, for a browser.

    Raises
    ------
    FileNotFoundError
        If the folder of the page is not there; as ``log_mel`` if a recording is not.
    ValueError
        If a parameter is none of the above, a clip is listed twice, a window ends
        before it begins, or a class could not be read back from the table; as
        ``log_mel`` for a recording that cannot be read.

    Warns
    -----
    UserWarning
        Once if browsers do not play some recordings; as ``log_mel`` does.

    See Also
    --------
    sklearn_triplet.datasets.load_audio_folder : Reads the table of whole recordings.
    sklearn_triplet.datasets.load_recordings : Reads that of windows, as its ``events``.

    Notes
    -----
    **Keys.** Space plays and pauses, the arrows go back and skip, Enter accepts what is
    suggested (with ``multilabel``: says that this is all, or none of the classes),
    Backspace takes the labels away. What was skipped comes again at the end. A click
    into the spectrogram plays from there.

    **The table** is called as the page, ``next.csv`` for ``next.html``, and has the
    clips that are labeled, with their paths as they were given. Of whole recordings the
    columns are ``filename`` and ``labels``, and with ``multilabel`` also ``labeled``,
    since a clip may hold none of the classes. Of windows they are ``filename``,
    ``onset``, ``offset`` and ``event_label``: a row for each class, and one with the
    label ``listened``, by which ``load_recordings`` knows that others are absent.

    **Browsers** play WAV, FLAC, MP3 and Ogg (Safari from 18.4 on), but neither AIFF nor
    W64, CAF or AU, which soundfile reads: convert these to FLAC. Times within MP3 of
    varying bit rate are off by some hundredths of a second. What is labeled is kept in
    the ``localStorage`` of the page's name and clips, so a page that is written anew,
    with other probabilities or more classes, goes on where the old one was. Where a
    browser keeps nothing of local files, the page says so.

    All spectrograms are made in one call of ``log_mel``: 100 clips of ten seconds take
    26 MB meanwhile, and 5 MB in the page. Give windows of hours, not the hours.

    References
    ----------
    .. [1] R. Troncy, E. Mannens, S. Pfeiffer and D. Van Deursen, "Media Fragments URI
       1.0", W3C Recommendation 2012. How a player is told the window of a recording.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np, soundfile
    >>> from sklearn_triplet import write_review_page
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ["1.wav", "2.wav"]:
    ...     soundfile.write(home / name, np.zeros(8000), 8000)
    >>> page = write_review_page(
    ...     home / "next.html", [home / "1.wav", home / "2.wav"], ["dog", "rain"],
    ...     probabilities=[[0.9, 0.1], [0.4, 0.6]],
    ... )
    >>> pathlib.Path(page).name, 'href": "2.wav"' in pathlib.Path(page).read_text()
    ('next.html', True)
    """
    path = _check_page(page)
    check_option(OWNER, "multilabel", multilabel, [True, False])
    if not isinstance(title, str | None):
        raise ValueError(
            f"The 'title' parameter of {OWNER} must be a text. Got {title!r} instead."
        )
    log_mel = _check_log_mel(log_mel)
    rows = _list_clips(clips)
    is_windows = rows[0].onset is not None
    names = _check_classes(classes, multilabel, is_windows)
    shares = _check_probabilities(probabilities, len(rows), len(names))
    _warn_of_formats(rows)
    files: Any = [tuple(row) if is_windows else row.path for row in rows]
    features = log_mel.transform(files)
    shown = [
        _describe_clip(row, path, picture, _hop_of(log_mel), share)
        for row, picture, share in zip(rows, features, shares, strict=True)
    ]
    columns = WINDOW_COLUMNS if is_windows else CLIP_COLUMNS
    data = {
        "storage": _name_storage(path, rows),
        "table": f"{path.stem}.csv",
        "columns": [*columns, *["labeled"] * (multilabel and not is_windows)],
        "listened": LISTENED,
        "multilabel": multilabel,
        "windows": is_windows,
        "classes": names,
        "frequencies": _find_ticks(log_mel),
        "clips": shown,
    }
    _write(path, title or "Label by ear", data)
    return str(path)


# --- what the parameters may be


def _check_page(page: str | os.PathLike[str]) -> Path:
    """Return the absolute path of the page, or refuse it in a sentence.

    Parameters
    ----------
    page : str or path-like
        ``~`` is the home folder of the user.

    Raises
    ------
    FileNotFoundError, ValueError
        If its folder is not there, or it is no path of a page.
    """
    text = os.fspath(page) if isinstance(page, str | os.PathLike) else None
    if not isinstance(text, str) or Path(text).suffix.lower() not in (".html", ".htm"):
        raise ValueError(
            f"The 'page' parameter of {OWNER} must be the path of a file that ends in "
            f"'.html', or browsers would not show it. Got {page!r} instead."
        )
    path = Path(os.path.abspath(os.path.expanduser(text)))
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"The 'page' parameter of {OWNER} must be in a folder that is there. There "
            f"is none at {str(path.parent)!r}: make it, or correct the path."
        )
    return path


def _check_log_mel(log_mel: LogMel | None) -> LogMel:
    """Return the analysis, that of the library for None, or refuse what is none."""
    if not isinstance(log_mel, LogMel | None):
        raise ValueError(
            f"The 'log_mel' parameter of {OWNER} must be None or a LogMel, such as "
            f"LogMel(22050, errors='warn'). Got {log_mel!r} instead."
        )
    return LogMel() if log_mel is None else log_mel


def _list_clips(clips: Rows) -> list[Clip]:
    """List recordings, or windows of them.

    Parameters
    ----------
    clips : sequence of n_clips paths or tuples (path, onset, offset)

    Returns
    -------
    rows : list of Clip
        All with times, or all without.

    Raises
    ------
    ValueError
        If there is none, one is neither, they are mixed, or one is there twice.
    """
    given: Any = clips
    if isinstance(clips, str | bytes | os.PathLike) or not hasattr(clips, "__len__"):
        raise ValueError(
            f"The 'clips' parameter of {OWNER} must be a list of paths or of (path, "
            f"onset, offset). Got {clips!r} instead."
        )
    rows = [_read_clip(i, clip) for i, clip in enumerate(given)]
    if not rows:
        raise ValueError(
            f"The 'clips' parameter of {OWNER} is empty: give at least one recording."
        )
    if len({row.onset is None for row in rows}) > 1:
        raise ValueError(
            f"The 'clips' parameter of {OWNER} must hold only paths or only (path, "
            "onset, offset), since the two have different tables. Write two pages."
        )
    first: dict[Clip, int] = {}
    for i, row in enumerate(rows):
        if first.setdefault(row, i) != i:
            raise ValueError(
                f"The 'clips' parameter of {OWNER} must hold each clip once. Rows "
                f"{first[row]} and {i} are both {_name(row)}: leave one of them out."
            )
    return rows


def _read_clip(i: int, clip: object) -> Clip:
    """Read one row of ``clips``.

    Parameters
    ----------
    i : int
        Where it stands, for the message.
    clip : object
        A path, or three things in a tuple or a list: named tuples of tables are tuples.

    Raises
    ------
    ValueError
        If it is neither, or the times are no window.
    """
    if isinstance(clip, str | os.PathLike) and isinstance(os.fspath(clip), str):
        return Clip(str(os.fspath(clip)))
    parts: Any = clip
    is_window = isinstance(clip, tuple | list) and len(clip) == 3
    if is_window and isinstance(parts[0], str | os.PathLike):
        times = parts[1:]
        is_time = all(
            isinstance(t, numbers.Real) and not isinstance(t, bool) and math.isfinite(t)
            for t in times
        )
        if is_time and 0 <= times[0] < times[1]:
            return Clip(str(os.fspath(parts[0])), float(times[0]), float(times[1]))
    raise ValueError(
        f"The 'clips' parameter of {OWNER} must hold paths, or (path, onset, offset) "
        f"with 0 <= onset < offset in seconds. Got {clip!r} in row {i}: correct it or "
        "leave it out."
    )


def _name(row: Clip) -> str:
    """Call a clip in a message.

    Examples
    --------
    >>> _name(Clip("a.wav", 2.0, 4.5))
    "'a.wav' from 2 to 4.5 s"
    """
    if row.onset is None:
        return repr(row.path)
    return f"{row.path!r} from {row.onset:g} to {row.offset:g} s"


def _check_classes(
    classes: ArrayLike | Sequence[object], multilabel: bool, is_windows: bool
) -> list[str]:
    """Return the names of classes, all of which the loaders read as they are written.

    Parameters
    ----------
    classes : sequence of object
        Also numbers, as of a y of integers.
    multilabel : bool
    is_windows : bool
        Whether the table is one of events, where each class has a row of its own.

    Raises
    ------
    ValueError
        If there is none, one is there twice, or one would come back as another thing.
    """
    is_text = isinstance(classes, str | bytes)
    given: Any = [] if is_text or not hasattr(classes, "__len__") else classes
    # as the loaders do: spaces at the ends are cut, umlauts are one character
    names = [unicodedata.normalize("NFC", str(name).strip()) for name in given]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"The 'classes' parameter of {OWNER} must be a sequence of different "
            f"names. Got {classes!r} instead."
        )
    reserved = NO_LABELS | ({LISTENED} if is_windows else set())
    # several labels share a cell
    splits = multilabel and not is_windows
    for name in names:
        if name.lower() in reserved or (splits and re.search("[,;]", name)):
            raise ValueError(
                f"The 'classes' parameter of {OWNER} must hold names that a table of "
                f"labels gives back. {name!r} would be read as "
                f"{'no class' if name.lower() in reserved else 'several classes'}: "
                "choose another name."
            )
    return names


def _check_probabilities(
    probabilities: ArrayLike | None, n_clips: int, n_classes: int
) -> list[NDArray[np.float64] | None]:
    """Return the probabilities of each clip, None where there is no suggestion.

    Parameters
    ----------
    probabilities : array-like of shape (n_clips, n_classes) or None
        NaN is what the taggers answer where a clip could not be read.
    n_clips, n_classes : int

    Returns
    -------
    shares : list of n_clips ndarray of shape (n_classes,), or None

    Raises
    ------
    ValueError
        If it has another shape, as the list of arrays that some classifiers of several
        labels return, or leaves [0, 1], as a decision function does.
    """
    if probabilities is None:
        return [None] * n_clips
    try:
        shares = np.asarray(probabilities, dtype=np.float64)
    except (TypeError, ValueError):
        shares = np.empty(0)
    if shares.shape != (n_clips, n_classes):
        raise ValueError(
            f"The 'probabilities' parameter of {OWNER} must be numbers of shape "
            f"(n_clips, n_classes), here {(n_clips, n_classes)}, as predict_proba "
            f"returns them. Got shape {np.shape(shares)} instead."
        )
    known = ~np.asarray(np.isnan(shares).any(axis=1))
    outside = known & ~((shares >= 0) & (shares <= 1)).all(axis=1)
    if outside.any():
        row = int(outside.argmax())
        raise ValueError(
            f"The 'probabilities' parameter of {OWNER} must lie in [0, 1]. Got "
            f"{shares[row].tolist()} in row {row}: give what predict_proba returns."
        )
    return [
        share if is_known else None
        for share, is_known in zip(shares, known, strict=True)
    ]


def _warn_of_formats(rows: list[Clip]) -> None:
    """Count the clips that a browser shows but does not play, by their suffixes."""
    silent = [row for row in rows if Path(row.path).suffix.lower() not in PLAYED]
    if silent:
        warn(
            f"{len(silent)} of the {len(rows)} clips given to {OWNER} are in formats "
            f"that browsers do not play; the first is {silent[0].path!r}. Convert them "
            "to FLAC or WAV."
        )


# --- what the page shows


def _hop_of(log_mel: LogMel) -> float:
    """Return the seconds from one frame to the next."""
    return float(log_mel.frame_times(2)[1])


def _describe_clip(
    row: Clip,
    page: Path,
    features: NDArray[np.floating],
    hop: float,
    shares: NDArray[np.float64] | None,
) -> dict[str, object]:
    """Say of a clip what the page needs.

    Parameters
    ----------
    row : Clip
    page : Path
        Absolute.
    features : ndarray of shape (n_mels, n_frames)
        Log energies, NaN behind the end of the clip.
    hop : float
        Seconds from one frame to the next.
    shares : ndarray of shape (n_classes,) or None
        The probability of each class.

    Returns
    -------
    clip : dict
        ``name`` is the path as it was given and as the table has it, ``href`` the link,
        ``seconds`` what the picture is long, ``pixels`` its bytes in Base64, band by
        band from the lowest on, each of ``columns`` bytes. Without any where the clip
        could not be read.
    """
    valid = np.asarray(features[:, ~np.isnan(features).any(axis=0)], dtype=np.float32)
    picture = _quantize(valid) if valid.size else np.empty((1, 0), np.uint8)
    seconds = max(valid.shape[1] - 1, 1) * hop
    if row.onset is not None and row.offset is not None:
        # a frame more may be there; fewer are where the recording ends before
        seconds = min(seconds, row.offset - row.onset)
    return {
        "name": row.path,
        "href": _link(row.path, page.parent),
        "onset": row.onset,
        "offset": row.offset,
        "seconds": round(seconds, 4),
        "columns": picture.shape[1],
        "pixels": base64.b64encode(picture.tobytes()).decode("ascii"),
        "probabilities": None if shares is None else np.round(shares, 4).tolist(),
    }


def _quantize(energies: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Turn the log energies of a clip into bytes, the loudest being 255.

    Parameters
    ----------
    energies : ndarray of shape (n_mels, n_frames), float32

    Returns
    -------
    picture : ndarray of shape (n_mels, n_columns), uint8
        At most ``MAX_COLUMNS`` columns. Of the frames that share one the loudest counts
        in each band: a mean would hide calls that are shorter than a column.

    Notes
    -----
    ``255 * (energy - low) / (high - low)``, cut at 0 and 255. ``high`` is the loudest
    energy of the clip and ``low`` its fifth percentile, so that each clip, a faint one
    too, has all the colors; but ``low`` is at most ``DEPTH`` below, or digital silence
    around an event would take most of them, and at least ``SHALLOWEST``.
    """
    n_frames = energies.shape[1]
    if n_frames > MAX_COLUMNS:
        begins = np.arange(MAX_COLUMNS) * n_frames // MAX_COLUMNS
        energies = np.maximum.reduceat(energies, begins, axis=1)
    high = float(energies.max())
    low = max(float(np.percentile(energies, 5)), high - DEPTH)
    low = min(low, high - SHALLOWEST)
    share = np.clip((energies - low) / (high - low), 0, 1)
    return np.round(255 * share).astype(np.uint8)


def _link(path: str, folder: Path) -> str:
    """Write a path as a link of a page in a folder.

    Parameters
    ----------
    path : str
        As the user gave it, from the working directory on or absolute.
    folder : Path
        Absolute.

    Returns
    -------
    link : str
        With ``%`` for whatever means something in a link, such as ``#`` and ``?``.

    Examples
    --------
    >>> _link("/sounds/50 %/#1.wav", Path("/pages"))
    '../sounds/50%20%25/%231.wav'
    """
    try:
        relative = os.path.relpath(os.path.abspath(path), folder)
    except ValueError:  # on another drive of Windows
        return Path(os.path.abspath(path)).as_uri()
    return urllib.parse.quote(os.fsencode(relative.replace(os.sep, "/")))


def _find_ticks(log_mel: LogMel) -> list[tuple[float, str]]:
    """Place round frequencies on the axis of a spectrogram.

    Parameters
    ----------
    log_mel : LogMel
        Bands are even on the mel scale, so that round numbers are not.

    Returns
    -------
    ticks : list of (float, str)
        Height in (0, 1) from the lowest band on, and the text beside it.
    """
    frequencies = log_mel.band_frequencies()
    n_mels = len(frequencies)
    ticks: list[tuple[float, str]] = []
    for frequency in TICKS:
        if not frequencies[0] <= frequency <= frequencies[-1]:
            continue
        band = np.interp(frequency, frequencies, np.arange(n_mels))
        place = float(band + 0.5) / n_mels
        text = f"{frequency} Hz" if frequency < 1000 else f"{frequency // 1000} kHz"
        if not ticks or place - ticks[-1][0] >= TICK_DISTANCE:
            ticks.append((round(place, 4), text))
    return ticks


# --- the file


def _name_storage(page: Path, rows: list[Clip]) -> str:
    """Name what the browser keeps: local pages share one storage.

    Neither classes nor probabilities take part, so that a page that was written anew
    finds what was labeled before.

    Parameters
    ----------
    page : Path
        Its name takes part: the same clips may be labeled by two questions.
    rows : list of Clip

    Returns
    -------
    key : str
    """
    text = json.dumps(rows).encode("ascii")
    return f"sklearn_triplet {page.stem} {hashlib.sha256(text).hexdigest()[:16]}"


def _write(page: Path, title: str, data: dict[str, object]) -> None:
    """Fill the template in; no name of a file or a class can end its script.

    Parameters
    ----------
    page : Path
    title : str
    data : dict
        What the script of the template reads.
    """
    values = {
        "TITLE": html.escape(title),
        "DATA": json.dumps(data).replace("<", "\\u003c"),
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    # in one pass: what is filled in may look like another gap
    filled = re.sub("__(TITLE|DATA)__", lambda gap: values[gap[1]], text)
    page.write_text(filled, encoding="utf-8")
