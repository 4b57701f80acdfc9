"""Stored pictures as the image encoder takes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shapelab.core.images import to_input
from shapelab.core.spec import ModelSpec


def model_inputs(rgba: NDArray[np.uint8], spec: ModelSpec) -> NDArray[np.float32]:
    """Pictures (B, S, S, 4) RGBA as inputs (B, channels, image_size, image_size) in [0, 1]."""
    return np.stack([to_input(picture, spec) for picture in rgba])
