"""Names for the types that signatures share: what callers may give, duck types too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray


class HasShape(Protocol):
    """An array, a table or a sparse matrix."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows first."""
        ...


# arrays, tables and sparse matrices, or a list of anything
Rows: TypeAlias = ArrayLike | HasShape | Sequence[object]
# (n_clips, n_features, n_frames), (n_samples, n_features) or clips of other lengths
ClipsLike: TypeAlias = ArrayLike | Sequence[ArrayLike]
# ["dog", -1] is a list[object] to a type checker
LabelsLike: TypeAlias = ArrayLike | HasShape | Sequence[object]

RandomState: TypeAlias = int | np.random.RandomState | None
Optimizer: TypeAlias = Callable[..., torch.optim.Optimizer]
Device: TypeAlias = str | torch.device
StrategyName: TypeAlias = Literal["s1", "s2", "s3", "s4", "s5", "pseudo"]

IntArray: TypeAlias = NDArray[np.integer]
BoolArray: TypeAlias = NDArray[np.bool_]
# training rows and test rows
Fold: TypeAlias = tuple[IntArray, IntArray]
# the same as a user may give it: numbers of rows or masks
FoldLike: TypeAlias = tuple[ArrayLike, ArrayLike]


class Splitter(Protocol):
    """What makes folds, as ``KFold`` of scikit-learn does."""

    # Any: scikit-learn's splitters take whatever they can count the rows of
    def split(self, X: Any, y: Any, groups: Any, /) -> Iterable[Fold]:
        """Generate the folds."""
        ...

    def get_n_splits(self, X: Any, y: Any, groups: Any, /) -> int:
        """Return the number of folds."""
        ...


class Classifier(Protocol):
    """What ``LabeledOnly`` wraps; other methods are passed on where there are any."""

    def fit(self, X: Any, y: Any, /) -> Any:
        """Learn from rows that are all labeled."""
        ...
