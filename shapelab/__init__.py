"""ShapeLab: explore, reconstruct, morph, train and export 3-D shapes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# Two OpenMP threads that spin while another process works slow each other down eightfold;
# passive waiting must be chosen before torch is imported anywhere.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel, load_model
    from shapelab.core.session.session import Session

__version__ = "0.1.0"
__all__ = ["Session", "ShapeModel", "__version__", "load_model"]

# Names that cost an import of torch are resolved at first use: `shapelab --help` stays quick.
_LAZY = {
    "load_model": "shapelab.core.model.shape_model",
    "ShapeModel": "shapelab.core.model.shape_model",
    "Session": "shapelab.core.session.session",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
