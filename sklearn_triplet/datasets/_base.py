"""What the corpora share: refusals in sentences, folders, seeds."""

import numbers
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from joblib import Parallel

from sklearn_triplet._input.parameters import check_interval, is_inside
from sklearn_triplet._input.progress import show_progress

DATA_HOME_VARIABLE = "SKLEARN_TRIPLET_DATA"

Bound = TypeVar("Bound", int, float)


def check_pair(
    owner: str, name: str, value: Sequence[Bound], kind: type, low: float, high: float
) -> tuple[Bound, Bound]:
    """Refuse a range that is not two ascending numbers within [low, high].

    Parameters
    ----------
    owner, name, value, kind, low, high
        As in ``check_interval``; ``value`` is the pair.

    Returns
    -------
    pair : tuple of (number, number)

    Raises
    ------
    ValueError
        Where the value is no pair, descends, or leaves the interval.

    Examples
    --------
    >>> import numbers
    >>> check_pair("make", "snr", [0, 15], numbers.Real, -60, 60)
    (0, 15)
    """
    is_pair = np.ndim(value) == 1 and len(value) == 2
    if (
        is_pair
        and all(is_inside(bound, kind, low, high) for bound in value)
        and value[0] <= value[1]
    ):
        return value[0], value[1]
    nouns = "integers" if kind is numbers.Integral else "numbers"
    closing = ")" if high == np.inf else "]"
    raise ValueError(
        f"The {name!r} parameter of {owner} must be two ascending {nouns} (lowest, "
        f"highest) in [{low}, {high}{closing}. Got {value!r} instead."
    )


def existing_folder(
    owner: str,
    name: str,
    value: str | os.PathLike[str],
    cure: str = "unpack the corpus there, or give the folder that holds it",
) -> Path:
    """Find the folder that a corpus is in.

    Parameters
    ----------
    owner, name : str
        The function that asks and the parameter, for the messages.
    value : str or path-like
        The folder; ``~`` is the home folder of the user.
    cure : str
        What to do where it is not there.

    Returns
    -------
    folder : pathlib.Path

    Raises
    ------
    ValueError
        If it is no path.
    FileNotFoundError
        Where there is no such folder.
    """
    parameter = f"The {name!r} parameter of {owner}"
    folder = _check_path(parameter, value)
    # no text is nowhere here, but the working directory for pathlib
    if os.path.isdir(folder):
        return Path(folder)
    found = "a file" if os.path.exists(folder) else "nothing"
    raise FileNotFoundError(
        f"{parameter} must be an existing folder. There is {found} at {folder!r}: "
        f"{cure}."
    )


def _check_path(
    parameter: str, value: Any, kind: str = "the path of a folder", *, least: int = 0
) -> str:
    """Refuse what is no path of so many characters; write out ``~``."""
    if isinstance(value, str | os.PathLike):
        path = os.fspath(value)
        if isinstance(path, str) and len(path) >= least:
            return os.path.expanduser(path)
    raise ValueError(f"{parameter} must be {kind}. Got {value!r} instead.")


def _make_folder(parameter: str, folder: Path, cure: str) -> None:
    """Make a folder and those above it, and refuse one that cannot be, in a sentence.

    The kind of the error stays: no permission, no space, a file in the way.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(
            f"{parameter} must be a folder that is there or can be made. "
            f"{str(folder)!r} cannot ({error.strerror}): {cure}."
        ) from error


def get_data_home(data_home: str | os.PathLike[str] | None = None) -> str:
    """Return the folder for downloaded corpora, and make it if it is not there.

    Parameters
    ----------
    data_home : str, path-like or None, default=None
        The folder; ``~`` is the home folder of the user. None: the environment
        variable ``SKLEARN_TRIPLET_DATA``, or else ``~/sklearn_triplet_data``.

    Returns
    -------
    data_home : str

    Raises
    ------
    ValueError
        If it is no path.
    FileExistsError
        If it is a file.
    OSError
        If it cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_triplet.datasets import get_data_home
    >>> home = tempfile.mkdtemp()
    >>> get_data_home(home) == home
    True
    """
    if data_home is None:
        data_home = os.environ.get(DATA_HOME_VARIABLE) or "~/sklearn_triplet_data"
    parameter, kind = "The 'data_home' parameter", "the path of a folder, or None"
    folder = Path(_check_path(parameter, data_home, kind, least=1))
    cure = f"give another path, or set {DATA_HOME_VARIABLE}"
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise FileExistsError(
            f"{parameter} must be a folder. There is a file at {str(folder)!r}: {cure}."
        )
    _make_folder(parameter, folder, cure)
    return str(folder)


def check_output(owner: str, output_dir: str | os.PathLike[str]) -> Path:
    """Refuse what cannot be the folder that a corpus is written to.

    Parameters
    ----------
    owner : str
        The function that asks, for the message.
    output_dir : str or path-like
        The folder; ``~`` is the home folder of the user.

    Returns
    -------
    folder : pathlib.Path
        Which need not be there.

    Raises
    ------
    ValueError
        If it is no path.
    NotADirectoryError
        Where there is a file of this name.
    """
    parameter = f"The 'output_dir' parameter of {owner}"
    kind = "the path of a folder, or None"
    folder = Path(_check_path(parameter, output_dir, kind, least=1))
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise NotADirectoryError(
            f"{parameter} must be a folder. There is a file at {str(folder)!r}: give "
            "another name or move the file."
        )
    return folder


def output_folder(owner: str, output_dir: str | os.PathLike[str]) -> Path:
    """Make the folder that a corpus is written to.

    Parameters
    ----------
    owner, output_dir
        As in :func:`check_output`.

    Returns
    -------
    folder : pathlib.Path

    Raises
    ------
    ValueError
        If it is no path.
    OSError
        Where there is a file of this name, or the folder cannot be made.
    """
    folder = check_output(owner, output_dir)
    cure = "give another name"
    _make_folder(f"The 'output_dir' parameter of {owner}", folder, cure)
    return folder


def seed_from(
    owner: str,
    random_state: int | np.random.RandomState | np.random.Generator | None,
) -> int:
    """Turn any kind of random state into one integer, leaving the global one alone.

    Parameters
    ----------
    owner : str
        The function that asks, for the message.
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None
        A generator is drawn from once.

    Returns
    -------
    seed : int

    Raises
    ------
    ValueError
        Where it is none of these, or negative.

    Examples
    --------
    >>> seed_from("make", 7)
    7
    """
    if random_state is None:
        # numpy draws one integer; only what a caller gives may be a sequence
        return cast("int", np.random.SeedSequence().entropy)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31 - 1))
    check_interval(owner, "random_state", random_state, numbers.Integral, 0)
    return int(random_state)


def compute_clips(
    owner: str,
    tasks: Iterable[Any],
    n_clips: int,
    n_jobs: int | None,
    verbose: int,
    require: str | None = None,
) -> Iterator[Any]:
    """Compute clips in workers; yield their results in order, behind a progress bar.

    Parameters
    ----------
    owner : str
        The function that computes, for the bar.
    tasks : iterable
        What ``joblib.delayed`` returns, one a clip.
    n_clips : int
        Number of tasks.
    n_jobs, require : as in ``joblib.Parallel``
    verbose : int
        0: no bar.

    Yields
    ------
    result : object
    """
    results = Parallel(n_jobs, require=require, return_as="generator")(tasks)
    yield from show_progress(
        results, owner, unit="clip", total=n_clips, verbose=verbose
    )
