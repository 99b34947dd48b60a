"""A sentence in; a warning at the line of the caller's own code out."""

from __future__ import annotations

import os
import sys
import warnings
from types import FrameType

import joblib
import sklearn

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# frames of these stand between a user's line and a warning: Pipeline.fit calls ours,
# and scikit-learn wraps every transform
WRAPPERS = tuple(path + os.sep for path in (*sklearn.__path__, *joblib.__path__))


def warn(sentence: str) -> None:
    """Warn, and name the line of the user's code that led here.

    Python shows a warning once per line that it names: with a line of this library,
    or a fixed number of calls between, a second fit elsewhere would warn in vain.

    Parameters
    ----------
    sentence : str
        What happened, how often, and what to do.
    """
    level = 1
    frame: FrameType | None = sys._getframe()
    while frame is not None and _is_inside(frame.f_code.co_filename):
        level, frame = level + 1, frame.f_back
    warnings.warn(sentence, UserWarning, stacklevel=level)


def _is_inside(filename: str) -> bool:
    """Whether a file belongs to this library or to one that calls it for the user."""
    return filename.startswith((PACKAGE + os.sep, *WRAPPERS))
