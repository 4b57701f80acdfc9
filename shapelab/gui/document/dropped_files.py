"""What may be dropped, pasted or chosen, and how it becomes something to open."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QMimeData
from PySide6.QtGui import QImage

from shapelab.core.model.model_summary import WEIGHTS
from shapelab.core.project.project_file import PROJECT_SUFFIX
from shapelab.core.session.shape_file import SHAPE_SUFFIX
from shapelab.gui.document.document import ShapeSource

CLIPBOARD = "from the clipboard"


def filters() -> str:
    """The Open dialog's list of file kinds."""
    from shapelab.core.inputs.depth.depth_picture import DEPTH_SUFFIXES
    from shapelab.core.inputs.images import PICTURE_SUFFIXES
    from shapelab.core.inputs.mesh_reader import MESH_SUFFIXES
    from shapelab.core.inputs.point_files import POINT_SUFFIXES
    from shapelab.core.inputs.voxel_files import VOXEL_SUFFIXES

    kinds = {
        "Pictures": PICTURE_SUFFIXES,
        "Meshes": MESH_SUFFIXES,
        "Voxel grids": VOXEL_SUFFIXES,
        "Point clouds": (".ply", *POINT_SUFFIXES),
        "Depth pictures": DEPTH_SUFFIXES,
        "Projects": (PROJECT_SUFFIX,),
        "Saved shapes": (SHAPE_SUFFIX,),
        "Models": (Path(WEIGHTS).suffix,),
    }
    everything = [suffix for suffixes in kinds.values() for suffix in suffixes]
    kinds = {"Everything ShapeLab reads": tuple(everything), **kinds}
    lines = [f"{name} ({' '.join('*' + s for s in suffixes)})" for name, suffixes in kinds.items()]
    return ";;".join([*lines, "All files (*)"])


def acceptable(data: QMimeData) -> bool:
    """Whether a drop or the clipboard holds local files or a picture."""
    return data.hasImage() or any(url.isLocalFile() for url in data.urls())


def sources(data: QMimeData) -> list[ShapeSource]:
    """The files, else the picture, of a drop or the clipboard."""
    files = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    if files:
        return from_paths(files)
    image = data.imageData() if data.hasImage() else None
    if isinstance(image, QImage) and not image.isNull():
        return [ShapeSource(CLIPBOARD, encoded=partial(_png, image), suffix=".png")]
    return []


def from_paths(paths: list[Path]) -> list[ShapeSource]:
    """One source a file."""
    return [ShapeSource(path.name, path) for path in paths]


def _png(image: QImage) -> bytes:
    """Takes a second for twelve megapixels, so no call of the GUI thread's."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())
