"""``STRATEGIES`` in, a table and drawings of each out, and the pictures of the start.

A drawing shows points of a plane, of which some have one of two labels. An anchor's
positive and negative are found by rules of the same name as the selectors: a strategy
with a selector that is not in ``POSITIVES`` or ``NEGATIVES`` stops the build.
"""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sklearn_triplet import STRATEGIES, LogMel, Strategy
from sklearn_triplet.datasets import make_soundscapes

# colours of Okabe and Ito, told apart by those who are colour-blind as well
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#007A5A", "#C23B00", "#8A8A8A"
PALE = {BLUE: "#BFDDF0", ORANGE: "#F8E3B0", GREY: "#E2E2E2"}
MARKERS = {BLUE: "o", ORANGE: "s", GREY: "o"}

# x, y, what the point is, and whether it has a label; the anchor is the first
POINTS = [
    (0.0, 0.0, BLUE, True),
    (1.75, 0.95, BLUE, True),
    (-1.0, 1.85, BLUE, True),
    (2.9, -1.05, ORANGE, True),
    (-2.5, -0.6, ORANGE, True),
    (0.3, -1.0, BLUE, False),
    (0.95, 1.85, BLUE, False),
    (-1.35, 0.55, BLUE, False),
    (1.5, -1.45, ORANGE, False),
    (-1.5, -1.5, ORANGE, False),
    (2.95, 0.75, ORANGE, False),
    (-2.75, 1.45, ORANGE, False),
]
XY = np.array([point[:2] for point in POINTS])
DISTANCE = np.hypot(*XY.T)  # from the anchor
COPY = np.array([0.55, 0.42])  # where a transformation takes it


def choose(is_eligible: list[bool], rank: int = 0) -> int:
    """Return the eligible point that is nearest to the anchor, or a later one."""
    rows = [row for row in np.argsort(DISTANCE) if row and is_eligible[row]]
    return rows[rank]


# a positive is a place, a negative a point beyond some distance from the anchor
POSITIVES = {
    "SameLabel": lambda: XY[choose([p[2] == BLUE and p[3] for p in POINTS])],
    "Transformed": lambda: COPY,
    "Nearest": lambda: XY[choose([True] * len(POINTS))],
    "SamePseudoLabel": lambda: XY[
        choose([p[2] == BLUE and not p[3] for p in POINTS], 1)
    ],
}
NEGATIVES = {
    "OtherLabel": lambda radius: choose([p[2] == ORANGE and p[3] for p in POINTS]),
    "SemiHard": lambda radius: choose(list(radius + 1e-9 < DISTANCE)),
    "RandomNegative": lambda radius: len(POINTS) - 1,
    "OtherPseudoLabel": lambda radius: choose(
        [p[2] == ORANGE and not p[3] for p in POINTS]
    ),
}


def draw_points(axes: Axes, anchor_is_labeled: bool, guessed: bool) -> None:
    """Draw all points but the anchor, and the anchor as a star."""
    for x, y, kind, labeled in POINTS[1:]:
        shown = kind if labeled else GREY
        fill = shown if labeled else PALE[kind if guessed else GREY]
        marker = MARKERS[kind] if labeled or guessed else "o"
        axes.plot(x, y, marker, ms=11, mfc=fill, mec=shown, mew=1.2, zorder=3)
    fill = BLUE if anchor_is_labeled else PALE[BLUE if guessed else GREY]
    edge = BLUE if anchor_is_labeled else GREY
    axes.plot(0, 0, "*", ms=22, mfc=fill, mec=edge, mew=1.2, zorder=5)


def draw_arrow(axes: Axes, end: np.ndarray, color: str, style: str) -> None:
    """Draw from the anchor to a point, as far as its rim."""
    arrow = {"arrowstyle": "-|>", "color": color, "lw": 2.4, "ls": style}
    arrow |= {"shrinkA": 9, "shrinkB": 7, "mutation_scale": 16}
    axes.annotate("", end, (0, 0), arrowprops=arrow, zorder=4)


def draw_panel(axes: Axes, strategy: Strategy, kind: str) -> None:
    """Draw a triplet of labeled or of unlabeled anchors, or say that there is none."""
    positive = getattr(strategy, f"{kind}_positive")
    negative = getattr(strategy, f"{kind}_negative")
    axes.set(xlim=(-3.2, 3.4), ylim=(-2.9, 2.35), aspect="equal")
    axes.axis("off")
    axes.set_title(f"{kind} anchor", loc="left", fontsize=13, fontweight="bold")
    draw_points(axes, kind == "labeled", strategy.uses_pseudo_labels)
    if positive is None:
        axes.text(
            0,
            -0.6,
            "unlabeled clips are no anchors",
            ha="center",
            fontsize=13,
            color="#444444",
        )
        return
    place = POSITIVES[type(positive).__name__]()
    radius = float(np.hypot(*place))
    row = NEGATIVES[type(negative).__name__](radius)
    if type(positive).__name__ == "Transformed":
        color = BLUE if kind == "labeled" else GREY
        axes.plot(*place, "*", ms=18, mfc="white", mec=color, mew=1.6, zorder=5)
    if type(negative).__name__ == "SemiHard":
        ring = mpl.patches.Circle((0, 0), radius, fill=False, ls=":", ec="#666666")
        axes.add_patch(ring)
    draw_arrow(axes, place, GREEN, "-")
    draw_arrow(axes, XY[row], RED, "--")
    told = (
        f"positive: {type(positive).__name__}",
        f"negative: {type(negative).__name__}",
    )
    axes.text(-3.1, -2.05, told[0], color=GREEN, fontsize=13, va="top")
    axes.text(-3.1, -2.5, told[1], color=RED, fontsize=13, va="top")


def draw_strategy(strategy: Strategy, kind: str) -> Figure:
    """Draw a triplet of labeled or of unlabeled anchors."""
    figure = Figure(figsize=(4.0, 3.5), layout="constrained")
    draw_panel(figure.subplots(), strategy, kind)
    return figure


def find_scenes() -> np.ndarray:
    """Return log-mels of two clips of one class and one of another."""
    scenes = make_soundscapes(40, duration=4, random_state=0)
    alone = scenes.target.sum(axis=1) == 1
    classes = scenes.target.argmax(axis=1)
    wanted = np.bincount(classes[alone]).argmax()
    same = np.flatnonzero(alone & (classes == wanted))[:2]
    other = np.flatnonzero(alone & (classes != wanted))[:1]
    sounds = [scenes.data[row] for row in (*same, *other)]
    return LogMel(scenes.sample_rate).transform(sounds)


def draw_sounds() -> Figure:
    """Draw the recordings of a triplet."""
    X = find_scenes()
    figure = Figure(figsize=(4.8, 4.2), layout="constrained")
    names = ("anchor", "positive: of its kind", "negative: of another")
    rows = zip(figure.subplots(3, 1), X, names, (BLUE, GREEN, RED), strict=True)
    for axes, energies, name, color in rows:
        extent = (0, X.shape[2] * 0.01, 0, X.shape[1])
        axes.imshow(
            energies, origin="lower", aspect="auto", extent=extent, cmap="magma"
        )
        axes.set_title(name, loc="left", color=color, fontsize=12, fontweight="bold")
        axes.set(yticks=[], ylabel="mel band")
        axes.tick_params(labelbottom=color == RED)
    axes.set_xlabel("seconds")
    return figure


def draw_plane() -> Figure:
    """Draw points of two classes and unlabeled ones, and what a triplet does."""
    figure = Figure(figsize=(4.8, 4.2), layout="constrained")
    axes = figure.subplots()
    rng = np.random.default_rng(3)
    for center, color in (((-1.35, 0.6), BLUE), ((1.45, -0.35), ORANGE)):
        cloud = rng.normal(center, (0.62, 0.72), size=(34, 2))
        axes.plot(*cloud[7:].T, "o", ms=7, mfc=PALE[GREY], mec=GREY, mew=0.8)
        axes.plot(*cloud[:7].T, MARKERS[color], ms=9, mfc=color, mec="white", mew=0.8)
    anchor, positive, negative = (-1.1, 0.1), (-2.2, 1.75), (0.35, 0.35)
    for place, marker, color, size in (
        (anchor, "*", BLUE, 22),
        (positive, "o", BLUE, 12),
        (negative, "s", ORANGE, 12),
    ):
        axes.plot(*place, marker, ms=size, mfc=color, mec="black", mew=1.4, zorder=5)
    for start, end, color in (
        (positive, (-1.55, 0.78), GREEN),
        (negative, (1.3, 0.5), RED),
    ):
        arrow = {"arrowstyle": "-|>", "color": color, "lw": 3, "mutation_scale": 22}
        axes.annotate("", end, start, arrowprops=arrow | {"shrinkA": 8}, zorder=6)
    axes.text(-2.1, 1.98, "pulled in", color=GREEN, fontsize=12, fontweight="bold")
    axes.text(0.32, 0.62, "pushed away", color=RED, fontsize=12, fontweight="bold")
    axes.set(xticks=[], yticks=[], xlim=(-3.2, 3.2), ylim=(-2.3, 2.4))
    axes.set_title("the embedding (a sketch)", loc="left", fontsize=11)
    handles = [
        Line2D([], [], marker=m, ls="", mfc=f, mec=e, ms=8, label=name)
        for m, f, e, name in (
            ("o", BLUE, "white", "labeled “dog”"),
            ("s", ORANGE, "white", "labeled “rain”"),
            ("o", PALE[GREY], GREY, "unlabeled"),
        )
    ]
    axes.legend(handles=handles, loc="lower left", frameon=False, fontsize=11)
    return figure


def tabulate() -> str:
    """Return Table 1 in Markdown, from ``STRATEGIES``, with links to the selectors."""
    lines = [
        "| | labeled: positive | negative | unlabeled: positive | negative |",
        "|---|---|---|---|---|",
    ]
    for name, strategy in STRATEGIES.items():
        cells = [f'`"{name}"`']
        for selector in (
            strategy.labeled_positive,
            strategy.labeled_negative,
            strategy.unlabeled_positive,
            strategy.unlabeled_negative,
        ):
            kind = type(selector).__name__
            link = f"[`{kind}`](#sklearn_triplet.{kind})"
            cells.append("–" if selector is None else link)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def describe(name: str, strategy: Strategy, kind: str) -> str:
    """Return what a drawing shows, for those who do not see it."""
    positive = getattr(strategy, f"{kind}_positive")
    negative = getattr(strategy, f"{kind}_negative")
    if positive is None:
        return f"{name}: {kind} clips are no anchors."
    return (
        f"{name}: {kind} anchors have the positive of {type(positive).__name__} and "
        f"the negative of {type(negative).__name__}."
    )


def save(path: Path, figure: Figure) -> None:
    """Write an SVG, unless it is the same as before."""
    buffer = io.StringIO()
    # without a date and with numbers that do not change, so that equal is equal
    with mpl.rc_context({"svg.hashsalt": path.name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    replace(path, buffer.getvalue())


def replace(path: Path, text: str) -> None:
    """Write a file whose text has changed; its date tells sphinx what to build."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def write_strategy(folder: Path, name: str, strategy: Strategy) -> None:
    """Write the two drawings of a strategy, and a page part that shows them."""
    parts = ["::::{grid} 1 1 2 2\n"]
    for kind in ("labeled", "unlabeled"):
        drawing = folder / f"strategy_{name}_{kind}.svg"
        save(drawing, draw_strategy(strategy, kind))
        words = describe(name, strategy, kind)
        parts.append(f":::{{grid-item}}\n![{words}](generated/{drawing.name})\n:::\n")
    replace(folder / f"strategy_{name}.md", "".join([*parts, "::::\n"]))


def write(folder: Path) -> None:
    """Write Table 1, the drawings of each strategy, and the pictures of the start."""
    folder.mkdir(exist_ok=True)
    replace(folder / "table_1.md", tabulate())
    for name, strategy in STRATEGIES.items():
        write_strategy(folder, name, strategy)
    save(folder / "start_sounds.svg", draw_sounds())
    save(folder / "start_plane.svg", draw_plane())
