"""What may be dropped, pasted or chosen, and how it becomes something to open."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QMimeData
from PySide6.QtGui import QImage

from shapelab.gui.document import Source

PICTURES = "*.png *.jpg *.jpeg *.webp *.bmp *.tif *.tiff"
MESHES = "*.stl *.obj *.ply *.off *.glb *.gltf *.3mf"
VOXELS = "*.binvox *.npy *.npz *.mat"
SHAPES = "*.shape.json"
FILTERS = ";;".join(
    (
        f"Everything ShapeLab reads ({PICTURES} {MESHES} {VOXELS} {SHAPES})",
        f"Pictures ({PICTURES})",
        f"Meshes ({MESHES})",
        f"Voxel grids ({VOXELS})",
        f"Saved shapes ({SHAPES})",
        "All files (*)",
    )
)


def acceptable(data: QMimeData) -> bool:
    """Whether a drop or the clipboard holds local files or a picture."""
    return data.hasImage() or any(url.isLocalFile() for url in data.urls())


def sources(data: QMimeData) -> list[Source]:
    """The files, else the picture, of a drop or the clipboard."""
    files = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    if files:
        return from_paths(files)
    image = data.imageData() if data.hasImage() else None
    if isinstance(image, QImage) and not image.isNull():
        return [Source("pasted picture", data=_png(image), suffix=".png")]
    return []


def from_paths(paths: list[Path]) -> list[Source]:
    """One source a file."""
    return [Source(path.name, path) for path in paths]


def _png(image: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())
