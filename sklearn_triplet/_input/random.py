"""random_state of an estimator in; seeds and generators of numpy out."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state

from sklearn_triplet._input.types import RandomState


def draw_seeds(random_state: RandomState, n: int) -> list[int]:
    """Draw n independent seeds from what scikit-learn takes as random_state.

    ``None`` means fresh entropy, so that numpy's global generator stays as it is.
    """
    if random_state is None:
        return [int(seed) for seed in np.random.SeedSequence().generate_state(n)]
    generator = check_random_state(random_state)
    return [int(seed) for seed in generator.randint(2**31 - 1, size=n)]
