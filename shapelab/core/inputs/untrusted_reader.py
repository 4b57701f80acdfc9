"""Reads strangers' files in a child process, so that no file can crash, freeze or fill the app.

The child (``untrusted_worker``) gets the bytes on stdin and gives arrays on stdout; it has limits
and a wall clock, and on Linux it sits in a jail (``process_limits`` says what holds where). The app
gives each file a child of its own; a preparation of many files keeps one for a while
(``GuardedReader``). Whatever goes wrong ends as one InputError sentence.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import math
import os
import struct
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shapelab.core import files_of_others
from shapelab.core.errors import Cancelled, InputError, ReaderBroke, ReaderLate
from shapelab.core.inputs.depth import exr_files
from shapelab.core.inputs.depth.depth_picture import DepthPicture
from shapelab.core.inputs.images import NoObject, PreparedImage
from shapelab.core.inputs.mesh_files import gltf_buffers
from shapelab.core.inputs.point_files import PointCloud
from shapelab.core.inputs.untrusted_worker import ANSWER, KINDS, REQUEST
from shapelab.core.inputs.untrusted_worker import Kind as Kind
from shapelab.core.inputs.voxel_files import VoxelGrid
from shapelab.core.mesh.recipe_lines import sound_recipe
from shapelab.core.mesh.tri_mesh import TriMesh

Arrays = dict[str, NDArray[Any]]
Content = PreparedImage | TriMesh | VoxelGrid | PointCloud | DepthPicture

TIMEOUT = 20.0  # seconds for one file
# Where others keep the processor busy, a file has so many times as long, until its reader has had
# this share of the seconds: what can be read does not depend on what else is running.
PATIENCE, SHARE = 4, 0.5
MAX_BYTES = 100 * 2**20
_MAX_ANSWER = 2**30
_POLL = 0.05  # seconds between looks at the cancel flag
# Each thread reserves memory, which the limit counts; and Landlock holds for one thread only.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1"
)
_log = logging.getLogger(__name__)


class CancelFlag(Protocol):
    """What ``threading.Event`` offers of interest here."""

    def is_set(self) -> bool: ...


@dataclass(frozen=True)
class ReadFile:
    """What a file held."""

    kind: Kind
    content: Content
    name: str  # of the file, for the window's texts
    suffix: str  # lower case, with the dot
    unit: str = ""  # of a mesh's numbers, where the file names it: "millimeter", "meter", "inch" …
    up: str = ""  # the mesh's axis that is up, "y" or "z", where the file names it
    recipe: str = ""  # how ShapeLab made the mesh's shape, as the file says; not believed yet


def read_untrusted(path: str | Path, cancel: CancelFlag | None = None) -> ReadFile:
    """Reads a picture, mesh, voxel file or point cloud in a child process of its own.

    Args:
        path: of the file; its suffix says what it is.
        cancel: such as a ``threading.Event``; once set, reading ends within about 0.1 s.

    Raises:
        InputError: one sentence that says what is wrong and what to do; ``ReaderBroke`` and
            ``ReaderLate`` where the child did not answer.
        Cancelled: ``cancel`` was set.
    """
    with GuardedReader() as reader, _named(Path(path).name):
        return reader.read(path, cancel)


def read_untrusted_bytes(
    data: bytes, suffix: str, cancel: CancelFlag | None = None, name: str = "pasted picture"
) -> ReadFile:
    """Like ``read_untrusted`` for bytes that are in memory, such as a pasted picture."""
    with GuardedReader() as reader, _named(name):
        return reader.read_bytes(data, suffix, cancel, name)


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """Errors name the file; those of a preparation do not, since it counts how often each came."""
    try:
        yield
    except Cancelled:
        raise
    except InputError as error:
        if name in str(error):
            raise
        named = copy.copy(error)  # with all else that it tells
        named.args = (f"{name}: {error}",)
        raise named from error.__cause__


class GuardedReader:
    """Reads one file after the other in a child that lives on: what 50,000 files need.

    Each file has the limits of ``read_untrusted``. A child ends after a file that broke it, took
    too long or filled its memory, and after ``untrusted_worker.MAX_FILES`` files or
    ``untrusted_worker.MAX_SECONDS`` of work; the next file starts another. For one thread at a
    time.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> GuardedReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, path: str | Path, cancel: CancelFlag | None = None) -> ReadFile:
        """Reads a file as ``read_untrusted`` does."""
        path = Path(path)
        _kind_or_refusal(path.suffix, path.name)
        return self.read_bytes(
            file_bytes(path), path.suffix, cancel, path.name, partial(_file_inside, path.parent)
        )

    def read_bytes(
        self,
        data: bytes,
        suffix: str,
        cancel: CancelFlag | None = None,
        name: str = "the file",
        beside: Callable[[str], bytes] | None = None,
    ) -> ReadFile:
        """Reads bytes as ``read_untrusted_bytes`` does.

        Args:
            data: of the file.
            suffix: says what it is.
            cancel: as for ``read_untrusted``.
            name: of the file, for its errors.
            beside: gives a file of the same folder by its name, or raises InputError; a .gltf
                may keep its numbers in one.
        """
        kind = _kind_or_refusal(suffix, name)
        if not data:
            raise InputError(f"'{name}' is empty; please choose another file.")
        if len(data) > MAX_BYTES:
            raise too_large(name)
        suffix = suffix.lower()
        others = _packed(data, beside, name) if suffix == ".gltf" and beside is not None else b""
        arrays = self._ask(data, suffix, cancel, others)
        kind = "points" if "points" in arrays else "depth" if "depth" in arrays else kind
        content = _typed(kind, arrays)
        said = {key: str(arrays[key])[:20] for key in ("unit", "up") if key in arrays}
        recipe = sound_recipe(str(arrays.get("recipe", "")))
        return ReadFile(kind, content, name, suffix, recipe=recipe, **said)

    def close(self) -> None:
        """Ends the child; the next file starts another."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()  # between two files it has nothing to tidy
            with contextlib.suppress(OSError):  # what was not written on a broken pipe
                child.__exit__(None, None, None)

    def _ask(self, data: bytes, suffix: str, cancel: CancelFlag | None, others: bytes) -> Arrays:
        """Has the child read the bytes and gives the arrays it made."""
        if cancel is not None and cancel.is_set():
            raise Cancelled("Reading was cancelled.")
        if self._child is not None and self._child.poll() is not None:
            self.close()
        if self._child is None:
            try:
                self._child = _start(suffix)
            except OSError as error:
                raise InputError(
                    f"The reader could not be started ({error.strerror}); please try again."
                ) from error
        child, arrays, last = self._child, None, True
        try:
            answer, last = _answer(child, (data, others), suffix, cancel)
            with np.load(io.BytesIO(answer), allow_pickle=False) as archive:
                arrays = {key: archive[key] for key in archive.files}
        except InputError:  # out of time, or called off
            raise
        except Exception as error:
            _log.warning("the reader broke or ended, code %s", child.poll())
            raise ReaderBroke(
                "The file broke its reader; it is damaged or needs too much memory."
            ) from error
        finally:
            if last or arrays is None:
                self.close()
        if "error" in arrays:
            _log.info("reader: %s\n%s", arrays["error"], arrays.get("detail", ""))
            if "original" in arrays:
                raise NoObject(str(arrays["error"]), _picture(arrays))
            raise InputError(str(arrays["error"]))
        return arrays


def _kind_or_refusal(suffix: str, name: str) -> Kind:
    kind = KINDS.get(suffix.lower())
    if kind is None:
        if suffix.lower() in (".heic", ".heif", ".avif"):
            raise InputError(
                f"'{name}' is a picture of a kind that cannot be read; please save it as PNG or "
                "JPEG."
            )
        listed = " ".join(KINDS)
        raise InputError(f"'{name}' is of a kind that cannot be read; ShapeLab reads {listed}.")
    if kind == "depth" and not exr_files.can_read():
        raise InputError(exr_files.MISSING)
    return kind


def file_bytes(path: Path) -> bytes:
    """All bytes of a regular file, or a sentence."""
    try:
        with files_of_others.opened(path, links=True) as stream:
            if os.fstat(stream.fileno()).st_size > MAX_BYTES:
                raise too_large(path.name)
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError(f"There is no file '{path}'; please check its name.") from error
    except IsADirectoryError as error:
        raise InputError(f"'{path.name}' is a folder; please choose a file in it.") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"'{path.name}' cannot be opened ({reason}).") from error
    if len(data) > MAX_BYTES:
        raise too_large(path.name)
    return data


def _file_inside(folder: Path, name: str) -> bytes:
    """A regular file in a folder or below it, reached without links. Raises InputError."""
    path = folder
    for part in name.split("/"):
        path = path / part
        if path.is_symlink():
            raise InputError(f"'{name}' is a link; please put the file itself there.")
    return file_bytes(path)


def _packed(data: bytes, beside: Callable[[str], bytes], name: str) -> bytes:
    """A ZIP of the files that a .gltf names and that are there; the reader tells what is missing.

    Raises:
        InputError: they are too large together.
    """
    packed, total = io.BytesIO(), len(data)
    with zipfile.ZipFile(packed, "w") as archive:
        for other in gltf_buffers.names_beside(data):
            try:
                content = beside(other)
            except InputError as error:
                _log.info("beside %s: %s", name, error)
                continue
            total += len(content)
            if total > MAX_BYTES:
                raise too_large(name)
            archive.writestr(other, content)
    return packed.getvalue()


def too_large(name: str) -> InputError:
    """The refusal of a file beyond ``MAX_BYTES``."""
    return InputError(
        f"'{name}' is larger than {MAX_BYTES // 2**20} MB; please choose a smaller file."
    )


def _start(suffix: str) -> subprocess.Popen[bytes]:
    folder = Path(__file__).resolve().parents[3]
    return subprocess.Popen(
        [sys.executable, "-m", "shapelab.core.inputs.untrusted_worker", suffix],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Python looks for modules in the current folder first: it must not be one of downloads.
        cwd=folder,
        env={**os.environ, **ONE_THREAD},
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _answer(
    child: subprocess.Popen[bytes],
    contents: tuple[bytes, bytes],
    suffix: str,
    cancel: CancelFlag | None,
) -> tuple[bytes, bool]:
    """What the child answers, and whether it ends now; it is killed when time is up or so called.

    Raises:
        ReaderLate: the time was up.
        Cancelled: ``cancel`` was set.
        OSError, EOFError: the child broke.
    """
    done, late = threading.Event(), list[str]()
    watcher = threading.Thread(target=_watch, args=(cancel, child, done, late), daemon=True)
    watcher.start()
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(REQUEST.pack(suffix.encode(), *map(len, contents)))
        for content in contents:
            child.stdin.write(content)
        child.stdin.flush()
        last, size = ANSWER.unpack(_exactly(child.stdout, ANSWER.size))
        return _exactly(child.stdout, size), last
    except (OSError, EOFError, struct.error):
        if cancel is not None and cancel.is_set():
            raise Cancelled("Reading was cancelled.") from None
        if late:
            raise ReaderLate(late[0]) from None
        raise
    finally:
        done.set()
        watcher.join()


def _exactly(stream: IO[bytes], size: int) -> bytes:
    """That many bytes, or EOFError where the stream ends before or the number is absurd."""
    data = stream.read(size) if size <= _MAX_ANSWER else b""
    if len(data) < size:
        raise EOFError
    return data


def _watch(
    cancel: CancelFlag | None,
    child: subprocess.Popen[bytes],
    done: threading.Event,
    late: list[str],
) -> None:
    """Kills the child once ``cancel`` is set or its time is up; ends when a file is done with.

    What there is to say of its time is in ``late`` before it is killed for it.
    """
    began, worked = time.monotonic(), _processor_time(child, 0.0)
    pause = _POLL if cancel is not None else TIMEOUT
    while not done.wait(pause):
        waited = time.monotonic() - began
        if waited >= TIMEOUT:
            pause = _POLL
            if _processor_time(child, math.inf) - worked >= SHARE * TIMEOUT:
                late.append(
                    f"The file took longer than {TIMEOUT:.0f} seconds to read; "
                    "please simplify it or scale it down."
                )
            elif waited >= PATIENCE * TIMEOUT:
                late.append("The computer was too busy to read the file; please try again.")
        if late or (cancel is not None and cancel.is_set()):
            child.kill()
            return


def _processor_time(child: subprocess.Popen[bytes], otherwise: float) -> float:
    """Seconds that a process has worked so far, where the system says it."""
    import psutil

    try:
        times = psutil.Process(child.pid).cpu_times()
    except (psutil.Error, OSError):
        return otherwise
    return float(times.user + times.system)


def _typed(kind: Kind, arrays: Arrays) -> Content:
    """The child's arrays as an object, with the shapes and kinds of numbers checked again."""
    if kind == "picture":
        return _picture(arrays)
    if kind == "mesh":
        vertices = _expect(arrays, "vertices", np.float32, (None, 3))
        faces = _expect(arrays, "faces", np.int32, (None, 3))
        if faces.size and not (faces.min() >= 0 and faces.max() < len(vertices)):
            raise _odd_answer()
        return TriMesh(vertices, faces)
    if kind == "points":
        points = _expect(arrays, "points", np.float32, (None, 3))
        if not (len(points) and np.isfinite(points).all()):
            raise _odd_answer()
        return PointCloud(points)
    if kind == "depth":
        depth = _expect(arrays, "depth", np.float32, (None, None))
        step = int(_expect(arrays, "step", np.int64, ()))
        width, height = _expect(arrays, "full_size", np.int64, (2,)).tolist()
        whole = tuple(-(-side // max(step, 1)) for side in (height, width))
        if depth.shape != whole or not (np.isfinite(depth) & (depth >= 0)).all():
            raise _odd_answer()
        return DepthPicture(depth, step, (width, height))
    values = _expect(arrays, "values", np.float32, (None, None, None))
    return VoxelGrid(values, float(_expect(arrays, "pitch", np.float64, ())))


def _picture(arrays: Arrays) -> PreparedImage:
    """The arrays of a picture, checked again."""
    method = str(arrays["method"])
    if method not in ("alpha", "grabcut", "plain background", "nothing"):
        raise _odd_answer()
    original = _expect(arrays, "original", np.uint8, (None, None, 4))
    width, height = _expect(arrays, "full_size", np.int64, (2,)).tolist()
    return PreparedImage(
        _expect(arrays, "rgba", np.uint8, (None, None, 4)),
        original,
        method,  # type: ignore[arg-type]
        _expect(arrays, "scene", np.uint8, (None, None, 3)) if "scene" in arrays else None,
        _expect(arrays, "mask", np.uint8, original.shape[:2]),
        (width, height),
    )


def _expect(
    arrays: Arrays, key: str, dtype: type[np.generic], shape: tuple[int | None, ...]
) -> NDArray[Any]:
    array = arrays.get(key)
    if array is None or array.dtype != dtype or array.ndim != len(shape):
        raise _odd_answer()
    if any(want not in (None, have) for want, have in zip(shape, array.shape, strict=True)):
        raise _odd_answer()
    return array


def _odd_answer() -> ReaderBroke:
    return ReaderBroke("The file broke its reader; please choose another.")
