"""A mixed corpus in; its files' names and two tables that tell all of it, out."""

from collections.abc import Iterable
from pathlib import Path

from sklearn.utils import Bunch

from sklearn_triplet._input.labels import UNLABELED
from sklearn_triplet.datasets._tables import write_table

CLIP_COLUMNS = "filename event_labels labeled split background start stop gain"
EVENT_COLUMNS = "filename onset offset event_label snr source start stop gain"


def name_files(folder: Path, splits: Iterable[str], suffix: str) -> list[Path]:
    """Name the clips by their split and number in it.

    Parameters
    ----------
    folder : pathlib.Path
    splits : iterable of str
        The split of each clip.
    suffix : {"flac", "wav"}

    Returns
    -------
    paths : list of pathlib.Path
    """
    counts: dict[str, int] = {}
    paths = []
    for split in splits:
        number = counts[split] = counts.get(split, -1) + 1
        paths.append(folder / f"{split}_{number:05d}.{suffix}")
    return paths


def write_tables(paths: list[Path], corpus: Bunch) -> None:
    """Write ``labels.tsv``, a line a clip, and ``events.tsv``, a line an event.

    Parameters
    ----------
    paths : list of pathlib.Path
        Of the clips.
    corpus : Bunch
    """
    names = corpus.target_names
    clips, events = [], []
    for i, path in enumerate(paths):
        tags = ",".join(names[corpus.target_true[i] == 1])
        known = int(corpus.target[i, 0] != UNLABELED)
        clips.append([path.name, tags, known, corpus.split[i], *corpus.backgrounds[i]])
        for event, level, source in zip(
            corpus.events[i], corpus.snr[i], corpus.sources[i], strict=True
        ):
            times = f"{event.onset:.3f}", f"{event.offset:.3f}"
            row = [path.name, *times, names[event.label], f"{level:.2f}", *source]
            events.append(row)
    folder = paths[0].parent
    write_table(folder / "labels.tsv", CLIP_COLUMNS, clips)
    write_table(folder / "events.tsv", EVENT_COLUMNS, events)
