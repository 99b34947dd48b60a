"""Public names in, docs/api/index.rst out: every one of them, by theme.

The themes are the rooms of the package, in the order of the way of the data, so that a
new name has its place without being listed here.
"""

from pathlib import Path

import sklearn_triplet
from sklearn_triplet import datasets

# what a module's path begins with, most special first among equals
THEMES = {
    "Sound to features": ["_features"],
    "Learning an embedding": ["_embedder", "_training.networks"],
    "Tags and events": ["_triplet_tagger", "_taggers", "_events"],
    "Few labels: folds, scores, classifiers": ["_model_selection", "_input.labels"],
    "Pictures": ["_displays"],
    "Labeling by ear": ["_review_page"],
    "Models as files": ["_persistence", "_onnx", "_export"],
    "Strategies and selectors": [
        "_sampling.strategies",
        "_sampling.positives",
        "_sampling.negatives",
        "_sampling.checks",
        "_sampling.segments",
    ],
    "Transformations and augmentations": [
        "_sampling.transforms",
        "_sampling.augmentations",
    ],
    "Further names": [""],
}
# data, which do not know where they were defined
HOMES = {"STRATEGIES": "_sampling.strategies"}
HEAD = """\
.. Written by docs/api_pages.py when the site is built.

API
===

What is imported from ``sklearn_triplet`` and ``sklearn_triplet.datasets``; any other
module is private. The pages follow the way of the data.
"""


def find_room(name: str) -> tuple[str, int]:
    """Return the heading of a name of ``sklearn_triplet``, and its place below it."""
    thing = getattr(sklearn_triplet, name)
    home = HOMES.get(name) or thing.__module__.removeprefix("sklearn_triplet.")
    return next(
        (theme, place)
        for theme, rooms in THEMES.items()
        for place, room in enumerate(rooms)
        if home.startswith(room)
    )


def group_names() -> dict[str, list[str]]:
    """Return the public names of each theme, by room, then as in ``__all__``."""
    names = [name for name in sklearn_triplet.__all__ if name != "datasets"]
    groups: dict[str, list[str]] = {theme: [] for theme in THEMES}
    for name in sorted(names, key=lambda name: find_room(name)[1]):
        groups[find_room(name)[0]].append(f"sklearn_triplet.{name}")
    groups["Recordings and corpora"] = [
        f"sklearn_triplet.datasets.{name}" for name in datasets.__all__
    ]
    return {theme: names for theme, names in groups.items() if names}


def choose_template(name: str) -> str:
    """Return the template of a class, or that of anything else."""
    thing = sklearn_triplet
    for part in name.split(".")[1:]:
        thing = getattr(thing, part)
    return "class.rst" if isinstance(thing, type) else "base.rst"


def write(folder: Path) -> None:
    """Write the page that lists all of them, unless it is the same as before."""
    parts = [HEAD]
    for theme, names in group_names().items():
        parts += [f"{theme}\n{'-' * len(theme)}\n"]
        for template in ("class.rst", "base.rst"):
            chosen = [name for name in names if choose_template(name) == template]
            if chosen:
                lines = [".. autosummary::", "   :toctree: .", "   :nosignatures:"]
                lines += [f"   :template: {template}", ""]
                parts.append(
                    "\n".join([*lines, *(f"   {name}" for name in chosen), ""])
                )
    text = "\n".join(parts)
    folder.mkdir(exist_ok=True)
    page = folder / "index.rst"
    # its date tells sphinx what to build anew
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")
