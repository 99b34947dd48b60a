"""The history of a fit, a row per epoch, in; curves of loss, triplets, collapse out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_triplet._displays.axes import COLORS, DASHES, check_matplotlib, make_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# what stands in one panel: its title, the label of its axis, and what it may hold
PANELS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("Loss", "Mean over the epoch", {"train_loss": "training",
                                     "valid_loss": "validation"}),
    ("Triplets", "Fraction", {"active_triplets": "active",
                              "false_negatives": "false negatives",
                              "empty_semi_hard": "no semi-hard negative",
                              "substituted_positives": "substituted positives",
                              "no_negative": "no negative"}),
    ("Pseudo-labels", "Fraction of unlabeled clips",
     {"pseudo_labeled": "labeled so far", "changed_pseudo_labels": "changed"}),
    ("Effective rank (1: a line)", "Components", {"effective_rank": "effective rank"}),
    ("Spread (0: a point)", "Fraction of the mean square", {"spread": "spread"}),
)  # fmt: skip
FRACTIONS = {"Triplets", "Pseudo-labels", "Spread (0: a point)"}
# drawn only where it has happened: a legend of curves along zero hides the others
RARE = {"empty_semi_hard", "substituted_positives", "no_negative"}


class HistoryDisplay:
    """How a fit went: loss, active triplets and measures of collapse per epoch.

    ``from_estimator`` makes one of anything with a ``history_``; all parameters are
    kept as attributes.

    Parameters
    ----------
    history : dict of str to array-like of shape (n_epochs,)
        Quantities by the names that ``history_`` gives them, such as ``train_loss``,
        ``active_triplets`` and ``effective_rank``; others are not drawn.

    Attributes
    ----------
    axes_ : ndarray of Axes
        A panel per kind of quantity that there is.
    lines_ : dict of str to Line2D
        The curve of each quantity.
    figure_ : Figure

    See Also
    --------
    TripletEmbedder : Says what each quantity is, under ``history_``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_triplet import HistoryDisplay, TripletEmbedder
    >>> X = np.random.default_rng(0).normal(size=(12, 16, 100))
    >>> embedder = TripletEmbedder("s1", max_epochs=3, random_state=0).fit(X)
    >>> display = HistoryDisplay.from_estimator(embedder)
    >>> len(display.axes_), len(display.lines_["train_loss"].get_ydata())
    (4, 3)
    """

    def __init__(self, history: Mapping[str, ArrayLike]) -> None:
        self.history = history

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: Axes | Sequence[Axes] | None = None, **settings: Any
    ) -> Self:
        """Draw the history of a fitted estimator.

        Parameters
        ----------
        estimator : estimator or Pipeline
            Fitted, with a ``history_``; of a Pipeline, its last step that has one.
        ax : Axes or sequence of Axes, default=None
            As in ``plot``.
        **settings : dict
            Of ``plot``.

        Returns
        -------
        display : HistoryDisplay

        Raises
        ------
        ValueError
            Where there is no history, or no epoch was run.
        """
        check_matplotlib("HistoryDisplay.from_estimator")
        rows = _find_history(estimator)
        # what is missing in some epochs was not measured there
        names = dict.fromkeys(name for row in rows for name in row)
        known = {name for _, _, quantities in PANELS for name in quantities}
        history = {
            name: np.array([row.get(name, np.nan) for row in rows], dtype=float)
            for name in names
            if name in known
        }
        return cls(history).plot(ax=ax, **settings)

    def plot(
        self, *, ax: Axes | Sequence[Axes] | None = None, legend: bool = True
    ) -> Self:
        """Draw a panel per kind of quantity.

        Parameters
        ----------
        ax : Axes or sequence of Axes, default=None
            One whose place the panels take, or as many as there are panels. ``None``:
            a new figure.
        legend : bool, default=True
            Whether panels of several curves have a legend.

        Returns
        -------
        display : HistoryDisplay
        """
        check_matplotlib("HistoryDisplay.plot")
        drawn = {
            name: np.asarray(values, dtype=float)
            for name, values in self.history.items()
            if name not in RARE or np.nanmax(values) > 0
        }
        panels = [panel for panel in PANELS if drawn.keys() & panel[2].keys()]
        if not panels:
            raise ValueError(
                "The 'history' parameter of HistoryDisplay must hold at least one of "
                f"{[name for panel in PANELS for name in panel[2]]}. Got "
                f"{sorted(self.history)}."
            )
        self.figure_, self.axes_ = make_axes(
            ax, "HistoryDisplay.plot", 1, len(panels), size=(2.9 * len(panels), 2.8)
        )
        self.lines_: dict[str, Any] = {}
        for axes, panel in zip(self.axes_, panels, strict=True):
            self._draw_panel(axes, panel, drawn, legend)
        return self

    def _draw_panel(
        self,
        ax: Axes,
        panel: tuple[str, str, dict[str, str]],
        drawn: Mapping[str, NDArray[np.float64]],
        legend: bool,
    ) -> None:
        """Draw the quantities of one panel that there are.

        Parameters
        ----------
        ax : Axes
        panel : tuple
            A row of ``PANELS``.
        drawn : dict of str to ndarray of shape (n_epochs,)
        legend : bool
        """
        from matplotlib.ticker import MaxNLocator

        title, label, quantities = panel
        present = [name for name in quantities if name in drawn]
        for place, name in enumerate(present):
            epochs = np.arange(1, len(drawn[name]) + 1)
            self.lines_[name] = ax.plot(
                epochs,
                drawn[name],
                color=COLORS[place],
                linestyle=DASHES[place % len(DASHES)],
                # one epoch is no line
                marker="o" if len(epochs) < 15 else None,
                markersize=3.5,
                label=quantities[name],
            )[0]
        ax.set(title=title, xlabel="Epoch", ylabel=label)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        if title in FRACTIONS:
            ax.set_ylim(-0.03, 1.03)
        else:
            low = 1 if "effective_rank" in present else 0
            high = max(np.nanmax(drawn[name]) for name in present)
            if np.isfinite(high) and high > low:
                ax.set_ylim(low, high + 0.08 * (high - low))
        # of a single curve the title says enough, but for that of several kinds
        if legend and (len(present) > 1 or title == "Triplets"):
            ax.legend(fontsize="small", frameon=False)


def _find_history(estimator: Any) -> Sequence[Mapping[str, object]]:
    """Return the rows of a history, or say why there is none.

    Parameters
    ----------
    estimator : estimator or Pipeline

    Returns
    -------
    rows : sequence of dict
        One per epoch.
    """
    steps = [estimator]
    if hasattr(estimator, "steps"):
        steps = [step for _, step in estimator.steps]
    for step in reversed(steps):
        rows = getattr(step, "history_", None)
        if rows is not None:
            if not len(rows):
                raise ValueError(
                    f"{type(step).__name__} has run no epoch: there is no history to "
                    "draw. Fit it with max_epochs of at least 1."
                )
            return rows
    raise ValueError(
        "HistoryDisplay.from_estimator draws the history_ of a fitted estimator, such "
        f"as TripletEmbedder. Got {type(estimator).__name__}, which has none."
    )
