"""Reads strangers' files in a child process, so that no file can crash, freeze or fill the app.

The child gets the bytes on stdin and gives arrays (npz, no pickle) on stdout; it has a memory
limit, no network, and a wall clock. Whatever goes wrong ends as one InputError sentence.
"""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import threading
import traceback
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from shapelab.core import meshread, sandbox, voxels
from shapelab.core.images import PICTURE_SUFFIXES, PreparedImage, prepare
from shapelab.core.mesh import TriMesh
from shapelab.core.voxels import VoxelGrid
from shapelab.errors import InputError

Kind = Literal["picture", "mesh", "voxels"]
Arrays = dict[str, NDArray[Any]]

TIMEOUT = 20.0  # seconds of wall clock for one file
MAX_BYTES = 100 * 2**20
_POLL = 0.05  # seconds between looks at the cancel flag
_SIZE = 256  # side of a prepared picture, pixels
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(PICTURE_SUFFIXES, "picture"),
    **dict.fromkeys(meshread.MESH_SUFFIXES, "mesh"),
    **dict.fromkeys(voxels.VOXEL_SUFFIXES, "voxels"),
}
_LIBRARIES: dict[str, tuple[str, ...]] = {
    "picture": ("cv2",),
    "mesh": ("trimesh",),
    "voxels": (),
    ".3mf": ("trimesh", "lxml.etree"),
    ".mat": ("scipy.io",),
}
_log = logging.getLogger(__name__)


class CancelFlag(Protocol):
    """What ``threading.Event`` offers of interest here."""

    def is_set(self) -> bool: ...


class Cancelled(InputError):
    """Reading was called off; nobody needs to be told."""


@dataclass(frozen=True)
class Document:
    """What a file held."""

    kind: Kind
    content: PreparedImage | TriMesh | VoxelGrid
    name: str  # of the file, for the window's texts
    suffix: str  # lower case, with the dot


def kind_of(suffix: str) -> Kind | None:
    """What a file with this suffix is read as; None if it cannot be read."""
    return _KINDS.get(suffix.lower())


def read_untrusted(path: str | Path, cancel: CancelFlag | None = None) -> Document:
    """Reads a picture, mesh or voxel file in a child process.

    Args:
        path: of the file; its suffix says what it is.
        cancel: such as a ``threading.Event``; once set, reading ends within about 0.1 s.

    Raises:
        InputError: one sentence that says what is wrong and what to do.
        Cancelled: ``cancel`` was set.
    """
    path = Path(path)
    _known(path.suffix, path.name)
    return read_untrusted_bytes(_content(path), path.suffix, cancel, path.name)


def read_untrusted_bytes(
    data: bytes, suffix: str, cancel: CancelFlag | None = None, name: str = "pasted picture"
) -> Document:
    """Like ``read_untrusted`` for bytes that are in memory, such as a pasted picture."""
    kind = _known(suffix, name)
    if not data:
        raise InputError(f"'{name}' is empty; please choose another file.")
    if len(data) > MAX_BYTES:
        raise _too_large(name)
    return Document(kind, _typed(kind, _ask(data, suffix.lower(), cancel)), name, suffix.lower())


def _known(suffix: str, name: str) -> Kind:
    kind = kind_of(suffix)
    if kind is None:
        listed = " ".join(_KINDS)
        raise InputError(f"'{name}' is of a kind that cannot be read; ShapeLab reads {listed}.")
    return kind


def _content(path: Path) -> bytes:
    """All bytes of a regular file, or a sentence."""
    try:
        if path.is_dir():
            raise InputError(f"'{path.name}' is a folder; please choose a file in it.")
        if not path.exists():
            raise InputError(f"There is no file '{path}'; please check its name.")
        if not path.is_file():  # opening a pipe or device could wait for ever
            raise InputError(f"'{path.name}' is not a plain file; please choose another.")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"'{path.name}' cannot be opened ({reason}).") from error
    if len(data) > MAX_BYTES:
        raise _too_large(path.name)
    return data


def _too_large(name: str) -> InputError:
    return InputError(
        f"'{name}' is larger than {MAX_BYTES // 2**20} MB; please choose a smaller file."
    )


def _ask(data: bytes, suffix: str, cancel: CancelFlag | None) -> Arrays:
    """Runs the child and gives the arrays it made."""
    if cancel is not None and cancel.is_set():
        raise Cancelled("Reading was cancelled.")
    try:
        child = _start(suffix)
    except OSError as error:
        raise InputError(
            f"The reader could not be started ({error.strerror}); please try again."
        ) from error
    answer = _answer(child, data, cancel)
    try:
        with np.load(io.BytesIO(answer), allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except Exception as error:
        _log.warning("reader ended with code %s and %d bytes", child.returncode, len(answer))
        raise InputError(
            "The file broke its reader; it is damaged or needs too much memory."
        ) from error
    if "error" in arrays:
        _log.info("reader: %s\n%s", arrays["error"], arrays.get("detail", ""))
        raise InputError(str(arrays["error"]))
    return arrays


def _start(suffix: str) -> subprocess.Popen[bytes]:
    folder = Path(__file__).resolve().parents[2]
    threads = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"),
        "1",
    )
    return subprocess.Popen(
        [sys.executable, "-m", "shapelab.core.guard", suffix],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Python looks for modules in the current folder first: it must not be one of downloads.
        cwd=folder,
        env={**os.environ, **threads},  # each thread reserves memory, and the limit counts that
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _answer(child: subprocess.Popen[bytes], data: bytes, cancel: CancelFlag | None) -> bytes:
    """What the child writes until it ends, the time is up, or the user calls it off."""
    over = threading.Event()
    watcher = threading.Thread(target=_kill_when, args=(cancel, child, over), daemon=True)
    with child:
        watcher.start()
        try:
            answer = child.communicate(data, timeout=TIMEOUT)[0]
        except subprocess.TimeoutExpired as error:
            raise InputError(
                f"The file took longer than {TIMEOUT:.0f} seconds to read; "
                "please simplify it or scale it down."
            ) from error
        finally:
            over.set()
            watcher.join()
            if child.poll() is None:
                child.kill()
                child.communicate()  # on Windows this also ends the threads that read the pipes
    if cancel is not None and cancel.is_set():
        raise Cancelled("Reading was cancelled.")
    return answer


def _kill_when(
    cancel: CancelFlag | None, child: subprocess.Popen[bytes], over: threading.Event
) -> None:
    """Kills the child once ``cancel`` is set; ends when the child is done with."""
    while cancel is not None and not over.wait(_POLL):
        if cancel.is_set():
            child.kill()
            return


def _typed(kind: Kind, arrays: Arrays) -> PreparedImage | TriMesh | VoxelGrid:
    """The child's arrays as an object, with the shapes and kinds of numbers checked again."""
    if kind == "picture":
        method = str(arrays["method"])
        if method not in ("alpha", "grabcut", "plain background"):
            raise _odd_answer()
        return PreparedImage(
            _expect(arrays, "rgba", np.uint8, (None, None, 4)),
            _expect(arrays, "original", np.uint8, (None, None, 4)),
            method,  # type: ignore[arg-type]
        )
    if kind == "mesh":
        vertices = _expect(arrays, "vertices", np.float32, (None, 3))
        faces = _expect(arrays, "faces", np.int32, (None, 3))
        if faces.size and not (faces.min() >= 0 and faces.max() < len(vertices)):
            raise _odd_answer()
        return TriMesh(vertices, faces)
    values = _expect(arrays, "values", np.float32, (None, None, None))
    return VoxelGrid(values, float(_expect(arrays, "pitch", np.float64, ())))


def _expect(
    arrays: Arrays, key: str, dtype: type[np.generic], shape: tuple[int | None, ...]
) -> NDArray[Any]:
    array = arrays.get(key)
    if array is None or array.dtype != dtype or array.ndim != len(shape):
        raise _odd_answer()
    if any(want not in (None, have) for want, have in zip(shape, array.shape, strict=True)):
        raise _odd_answer()
    return array


def _odd_answer() -> InputError:
    return InputError("The file broke its reader; please choose another.")


def _read(data: bytes, suffix: str) -> dict[str, Any]:
    """In the child: reads the bytes and gives named arrays."""
    kind = _KINDS[suffix]
    if kind == "picture":
        picture = prepare(data, _SIZE)
        return {
            "rgba": picture.rgba,
            "original": picture.original,
            "method": np.array(picture.method),
        }
    if kind == "mesh":
        mesh = meshread.read(data, suffix)
        return {"vertices": mesh.vertices, "faces": mesh.faces}
    grid = voxels.read(data, suffix)
    return {"values": grid.values, "pitch": np.array(grid.pitch, np.float64)}


def serve(suffix: str) -> None:
    """The child's whole life: bytes from stdin, arrays or an error to stdout."""
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    data = sys.stdin.buffer.read()
    for library in _LIBRARIES.get(suffix, _LIBRARIES[_KINDS[suffix]]):
        import_module(library)  # before the sandbox, which lets nothing write a bytecode cache
    sandbox.enter()
    try:
        arrays = _read(data, suffix)
    except InputError as error:
        arrays = {"error": np.array(str(error)), "detail": np.array(traceback.format_exc()[-4000:])}
    except MemoryError:
        arrays = {"error": np.array("The file needs too much memory; please choose a smaller one.")}
    except Exception:
        arrays = {
            "error": np.array("The file is damaged and cannot be read; please export it again."),
            "detail": np.array(traceback.format_exc()[-4000:]),
        }
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    answer.write(packed.getvalue())
    answer.close()
    os._exit(0)  # nothing is left to tidy, and a library's exit hooks could only do harm


if __name__ == "__main__":
    serve(sys.argv[1])
