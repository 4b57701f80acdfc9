"""The reader's child: reads files within its limits, answers with arrays (npz, no pickle)."""

from __future__ import annotations

import io
import itertools
import os
import struct
import sys
import time
import traceback
import zipfile
from importlib import import_module
from typing import Any, Literal

import numpy as np

from shapelab.core.errors import InputError
from shapelab.core.inputs import mesh_reader, point_files, process_limits, voxel_files
from shapelab.core.inputs.depth.depth_picture import read_depth
from shapelab.core.inputs.depth.exr_files import EXR_SUFFIX
from shapelab.core.inputs.images import PICTURE_SUFFIXES, NoObject, PreparedImage, prepare

Kind = Literal["picture", "mesh", "voxels", "points", "depth"]

KINDS: dict[str, Kind] = {
    **dict.fromkeys(PICTURE_SUFFIXES, "picture"),
    **dict.fromkeys(mesh_reader.MESH_SUFFIXES, "mesh"),
    **dict.fromkeys(voxel_files.VOXEL_SUFFIXES, "voxels"),
    **dict.fromkeys(point_files.POINT_SUFFIXES, "points"),  # some .ply files, too
    EXR_SUFFIX: "depth",  # some pictures and .npy files, too
}
REQUEST = struct.Struct("<8sQQ")  # suffix, bytes of the file and of a ZIP of others that follow
ANSWER = struct.Struct("<?Q")  # whether the child ends now, bytes of the archive that follow
MAX_FILES = 500  # of one child: what its libraries leak is not gathered for ever
MAX_SECONDS = 10.0  # of processor time, after which a child ends with the file it is at
_SIZE = 256  # side of a prepared picture, pixels
_LIBRARIES: dict[str, tuple[str, ...]] = {
    "picture": ("cv2",),
    "mesh": ("encodings.utf_16",),
    "voxels": (),
    "points": (),
    "depth": ("OpenEXR",),
    ".3mf": ("encodings.cp437", "encodings.utf_16"),
    ".mat": ("scipy.io",),
}


def _read(data: bytes, suffix: str, beside: bytes) -> dict[str, Any]:
    """In the child: reads the bytes, and a ZIP of files beside, and gives named arrays."""
    kind = KINDS[suffix]
    deep = read_depth(data, suffix)
    if deep is not None:
        size = np.array(deep.size, np.int64)
        return {"depth": deep.depth, "step": np.array(deep.step, np.int64), "full_size": size}
    if kind == "picture":
        return _picture(prepare(data, _SIZE))
    if kind == "mesh":
        try:
            found = mesh_reader.find(data, suffix, _unpacked(beside))
        except mesh_reader.OnlyPoints as only:
            cloud = point_files.cloud(only.points)
            return {
                "points": cloud.points,
                "unit": np.array(only.unit),
                "up": np.array(only.up),
            }
        words = {"unit": found.unit, "up": found.up, "recipe": found.recipe}
        said = {name: np.array(word) for name, word in words.items()}
        return {"vertices": found.mesh.vertices, "faces": found.mesh.faces, **said}
    if kind == "points":
        return {"points": point_files.read(data, suffix).points}
    grid = voxel_files.read(data, suffix)
    return {"values": grid.values, "pitch": np.array(grid.pitch, np.float64)}


def _picture(picture: PreparedImage) -> dict[str, Any]:
    """A picture as named arrays."""
    named = {name: getattr(picture, name) for name in ("rgba", "original", "scene", "mask")}
    arrays = {name: pixels for name, pixels in named.items() if pixels is not None}
    said = {"method": np.array(picture.method), "full_size": np.array(picture.full_size, np.int64)}
    return arrays | said


def _unpacked(beside: bytes) -> dict[str, bytes]:
    """The files in a ZIP that the parent packed."""
    if not beside:
        return {}
    with zipfile.ZipFile(io.BytesIO(beside)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def serve(suffix: str) -> None:
    """The child's whole life: files from stdin, arrays or an error for each to stdout."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    requests = sys.stdin.buffer
    head = requests.read(REQUEST.size)
    data, beside = (requests.read(size) for size in REQUEST.unpack(head)[1:])
    for library in _LIBRARIES.get(suffix, _LIBRARIES[KINDS[suffix]]):
        import_module(library)  # before the limits, which lets nothing write a bytecode cache
    process_limits.enter()
    for count in itertools.count(1):
        name = REQUEST.unpack(head)[0].rstrip(b"\0").decode()
        arrays, broken = _arrays_or_error(data, name, beside)
        packed = io.BytesIO()
        np.savez(packed, **arrays)
        # What is left of process_limits.CPU_SECONDS must do for a whole file.
        last = broken or count >= MAX_FILES or time.process_time() > MAX_SECONDS
        answers.write(ANSWER.pack(last, packed.getbuffer().nbytes))
        answers.write(packed.getbuffer())
        answers.flush()
        head = b"" if last else requests.read(REQUEST.size)
        if not head:
            os._exit(0)  # nothing is left to tidy, and a library's exit hooks could only do harm
        data, beside = (requests.read(size) for size in REQUEST.unpack(head)[1:])


def _arrays_or_error(data: bytes, suffix: str, beside: bytes) -> tuple[dict[str, Any], bool]:
    """In the child: the arrays or the sentence of one file, and whether memory ran out."""
    try:
        return _read(data, suffix, beside), False
    except NoObject as error:
        pixels = {} if error.picture is None else _picture(error.picture)
        return {"error": np.array(str(error)), **pixels}, False
    except InputError as error:
        sentence, broken = str(error), isinstance(error.__cause__, MemoryError)
    except MemoryError:
        sentence, broken = "The file needs too much memory; please choose a smaller one.", True
    except Exception:
        sentence = "The file is damaged and cannot be read; please export it again."
        broken = False
    detail = traceback.format_exc()[-4000:]
    return {"error": np.array(sentence), "detail": np.array(detail)}, broken


if __name__ == "__main__":
    serve(sys.argv[1])
