"""How a run's numbers are written: short names of scalars, small curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from shapelab.core import formatting

# Short names of scalars, in the order in which they are shown; others follow under their own names.
SHORT = {
    "critic": "critic",
    "wasserstein": "W",
    "gradient_norm": "|grad|",
    "kl": "KL",
    "reconstruction": "recon",
    "generator": "G",
    "iou": "val IoU",
    "picture_iou": "picture IoU",
    "image_kl": "image KL",
    "image_reconstruction": "image recon",
    "image_error": "image error",
    "camera_error": "camera error",
    "image_overlap": "image overlap",
}
_BLOCKS = "▁▂▃▄▅▆▇█"
_GAP = "·"  # where a curve has no finite value
_SPIKES = 5  # percent at each end that may be cut off: one early spike would flatten all the rest


def short(name: str) -> str:
    """The short name of a scalar."""
    return SHORT.get(name, name.replace("_", " "))


def ordered(metrics: Mapping[str, object]) -> list[str]:
    """Names of scalars, the well-known ones first."""
    return [name for name in SHORT if name in metrics] + [n for n in metrics if n not in SHORT]


def pair(name: str, value: float) -> str:
    """A scalar under its short name: ``W 2.9``."""
    return f"{short(name)} {formatting.number(value)}"


def line(metrics: Mapping[str, float]) -> str:
    """All scalars in one line: ``critic -3.1  W 2.9``."""
    return "  ".join(pair(name, metrics[name]) for name in ordered(metrics))


def sparkline(values: Sequence[float], width: int = 32) -> str:
    """A curve in one line of block characters, at most ``width``; each is the mean of its share.

    Values that are not finite are left out; a share that has no others is a dot.
    """
    if not values:
        return ""
    shares = np.array_split(np.array(values, np.float64), min(width, len(values)))
    means = [float(s[np.isfinite(s)].mean()) if np.isfinite(s).any() else math.nan for s in shares]
    finite = [mean for mean in means if math.isfinite(mean)]
    if not finite:
        return _GAP * len(means)
    low, high = np.percentile(finite, (_SPIKES, 100 - _SPIKES))
    span = high - low
    return "".join(
        _GAP
        if math.isnan(mean)
        else _BLOCKS[int(np.clip((mean - low) / span, 0, 1) * 7.999) if span > 0 else 3]
        for mean in means
    )
