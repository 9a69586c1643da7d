"""What the model costs: its bytes have to be saved before likezip is smaller than xz, which needs none."""

from __future__ import annotations

import math
from collections.abc import Mapping

from benchmarks.peers import LIKEZIP, XZ
from benchmarks.schema import Payback, Run


def payback(raw: int, runs: Mapping[str, Run], model_bytes: int) -> Payback | None:
    """How many files like this one, of ``raw`` bytes, save as much as the model has; None where xz was not run."""
    if LIKEZIP not in runs or XZ not in runs:
        return None
    saved = runs[XZ]["bytes"] - runs[LIKEZIP]["bytes"]
    if saved <= 0:
        return Payback(saved=saved, files=None, raw_MB=None)
    return Payback(saved=saved, files=math.ceil(model_bytes / saved), raw_MB=model_bytes / saved * raw / 1e6)
