"""EXR files made for tests."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import OpenEXR


def exr(
    channels: dict[str, Any],
    *more: tuple[str, dict[str, Any]],
    compression: Any = OpenEXR.Compression.ZIP_COMPRESSION,
    tiled: bool = False,
    **header: Any,
) -> bytes:
    """The bytes of a file with channels (h, w) by their names; more are further named parts."""
    kind = {"type": OpenEXR.tiledimage, "tiles": OpenEXR.TileDescription()} if tiled else {}
    kind = {"type": OpenEXR.scanlineimage, "compression": compression} | kind | header
    parts = [OpenEXR.Part(dict(kind), channels, "first")]
    parts += [OpenEXR.Part(dict(kind), own, name) for name, own in more]
    file = OpenEXR.File(parts) if more else OpenEXR.File(kind, channels)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made.exr")
        file.write(str(path))
        return path.read_bytes()
