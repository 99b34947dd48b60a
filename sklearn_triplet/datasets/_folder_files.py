"""A folder in, the recordings below it out.

Recordings are known by their paths relative to the folder, with ``/`` between the parts
and sorted; whatever looks like a recording but cannot be one is kept with its reason.
"""

import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# what soundfile reads; AIFF, AU and Sphere go by several names
SUFFIXES = (
    ".aif .aifc .aiff .au .caf .flac .mp3 .oga .ogg .opus .rf64 .snd .sph .voc .w64 "
    ".wav .wave"
).split()
# sound that soundfile does not read, and that must not vanish from a corpus unnoticed
FOREIGN = ".3gp .aac .amr .ape .m4a .mka .mp4 .webm .wma .wv".split()


@dataclass
class Recordings:
    """What is below a folder.

    Attributes
    ----------
    files : list of str
        Relative paths of the recordings, sorted.
    skipped : dict of str to str
        Relative paths of what looks like a recording but cannot be read, and why.
    n_others : int
        Number of files of other kinds, without hidden ones.
    """

    files: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    n_others: int = 0


def check_suffixes(
    owner: str, suffixes: Iterable[str] | None
) -> tuple[str, ...] | None:
    """Refuse suffixes that are no sequence of texts with a dot, in a sentence.

    Parameters
    ----------
    owner : str
        The function that asks, for the message.
    suffixes : sequence of str or None

    Returns
    -------
    suffixes : tuple of str or None
        In lower case.

    Raises
    ------
    ValueError
        Where it is anything else.

    Examples
    --------
    >>> check_suffixes("load", [".WAV"])
    ('.wav',)
    """
    if suffixes is None:
        return None
    is_sequence = isinstance(suffixes, Iterable) and not isinstance(suffixes, str)
    found = list(suffixes) if is_sequence else []
    if found and all(isinstance(item, str) and item[:1] == "." for item in found):
        return tuple(item.lower() for item in found)
    raise ValueError(
        f"The 'suffixes' parameter of {owner} must be None or a sequence of suffixes "
        f"with their dot, such as ('.wav', '.flac'). Got {suffixes!r} instead."
    )


def find_recordings(root: str, suffixes: tuple[str, ...] | None) -> Recordings:
    """Look through a folder and the folders in it, linked ones too.

    Parameters
    ----------
    root : str
        The folder.
    suffixes : tuple of str or None
        Lower-case suffixes of a recording, with their dot; None stands for all that
        soundfile reads, and then other formats of sound are reported.

    Returns
    -------
    recordings : Recordings
    """
    recordings = Recordings()
    for name, reason in _walk(root, "", (), suffixes):
        if reason is None:
            recordings.n_others += 1
        elif reason:
            recordings.skipped[name] = reason
        else:
            recordings.files.append(name)
    recordings.files.sort()
    return recordings


def _walk(
    folder: str, prefix: str, above: tuple, suffixes: tuple[str, ...] | None
) -> Iterator[tuple[str, str | None]]:
    """Yield relative path and reason to skip it: '' for none, None for other files."""
    try:
        with os.scandir(folder) as listing:
            names = sorted(entry.name for entry in listing if entry.name[0] != ".")
        status = os.stat(folder)
    except OSError as error:
        yield prefix[:-1], f"the folder cannot be listed ({error.strerror})"
        return
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        yield prefix[:-1], "the link leads back to a folder that holds it"
        return
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isdir(path) and suffix_of(name) not in SUFFIXES:
            yield from _walk(path, f"{prefix}{name}/", (*above, identity), suffixes)
        else:
            yield prefix + name, reason_to_skip(path, suffixes)


def reason_to_skip(path: str, suffixes: tuple[str, ...] | None) -> str | None:
    """Tell why a path is no recording: '' if it is one, None if it claims nothing."""
    suffix = suffix_of(path)
    if os.path.isdir(path):
        return (
            "it is a folder with the name of a sound file: rename it to have what is "
            "in it read"
        )
    if not os.path.exists(path):
        return "it is a link to something that is not there"
    if suffix not in (suffixes or SUFFIXES):
        if suffixes is None and suffix in FOREIGN:
            return f"soundfile does not read {suffix} files: convert it to FLAC or WAV"
        return None
    if not os.path.isfile(path):
        return "it is no regular file"
    if not os.access(path, os.R_OK):
        return "there is no permission to read it"
    return ""


def suffix_of(name: str) -> str:
    """Return the lower-case suffix of a file name, with its dot."""
    return os.path.splitext(name)[1].lower()


def composed(text: str) -> str:
    """Write umlauts and accents as one character each, as a Mac does not."""
    return unicodedata.normalize("NFC", text)
