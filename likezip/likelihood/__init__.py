"""The likelihood of data by the model, beside compression.

Read ``density`` first (the cost of each byte; samples) and ``frozen`` (the costs of units right after a context);
then ``measures`` (of how anomalous a unit is), ``times`` (which go on, so they are left out), ``anomaly`` (a scorer
of units, and what is usual), ``score`` (the parts of a file) and ``follow`` (a file that grows); then ``lookahead``
(which bytes were expected) and ``heatmap`` (a page that shows both).
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from likezip.likelihood import anomaly as anomaly
    from likezip.likelihood import density as density
    from likezip.likelihood import follow as follow
    from likezip.likelihood import heatmap as heatmap
    from likezip.likelihood import score as score


def __getattr__(name: str) -> ModuleType:
    """The modules are loaded when they are first used, as they need numpy and numba, and the command line does not."""
    if name not in ("anomaly", "density", "follow", "heatmap", "score"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
