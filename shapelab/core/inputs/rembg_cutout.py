"""Cut-outs by rembg, where it is installed (the extra ``cutout``) and has a model on this machine.

It runs in a process of its own, which may open no connection: nothing is ever downloaded, a cut-out
can be called off at any moment, and what it loads is gone afterwards.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import Cancelled, InputError, clean

if TYPE_CHECKING:
    from shapelab.core.inputs.cutout_edit import GivenMask
    from shapelab.core.inputs.images import PreparedImage
    from shapelab.core.inputs.untrusted_reader import CancelFlag

NAME = "rembg"
#: Models of rembg that find any object, the better ones first; the last one's licence forbids
#: commercial use.
MODELS: tuple[str, ...] = ("birefnet-general", "birefnet-general-lite", "isnet-general-use")
MODELS += ("u2net", "silueta", "u2netp", "bria-rmbg")
MISSING = "rembg is not installed; please install it with pip install 'shapelab[cutout]'."
NO_MODEL = (
    "rembg has no model on this machine, and ShapeLab downloads none; please let rembg itself fetch"
    " one, or put u2net.onnx into ~/.u2net."
)
_POLL = 0.05  # seconds between looks at the cancel flag


def is_installed() -> bool:
    """Whether rembg and what runs its models are there."""
    return all(find_spec(name) is not None for name in (NAME, "onnxruntime"))


def local_model() -> Path | None:
    """The best model that lies where rembg keeps its own; None where there is none."""
    found = (path for name in MODELS for path in _places(name) if path.is_file())
    return next(found, None)


def _places(model: str) -> Iterator[Path]:
    """Where a model may lie: a folder of its own, or with all others as in older versions."""
    data = os.environ.get("XDG_DATA_HOME")
    old = os.environ.get("U2NET_HOME") or (f"{data}/.u2net" if data else "~/.u2net")
    new = os.environ.get("REMBG_HOME") or (f"{data}/rembg" if data else "~/.rembg")
    for home in (os.environ.get("U2NET_HOME") or new, old):
        yield Path(home, "models", model, f"{model}.onnx").expanduser()
        yield Path(home, f"{model}.onnx").expanduser()


def rembg_mask(picture: PreparedImage, cancel: CancelFlag | None = None) -> GivenMask:
    """The cut-out of a picture; takes some seconds.

    Raises:
        InputError: rembg or a model is missing, or it failed.
        Cancelled: ``cancel`` was set.
    """
    from shapelab.core.inputs.cutout import on_white
    from shapelab.core.inputs.cutout_edit import GivenMask

    if not is_installed():
        raise InputError(MISSING)
    model = local_model()
    if model is None:
        raise InputError(NO_MODEL)
    pixels = io.BytesIO()
    np.save(pixels, on_white(picture.original))
    answer, said = _run([sys.executable, "-m", __name__, str(model)], pixels.getvalue(), cancel)
    alpha = _mask_in(answer)
    if alpha is None or alpha.shape != picture.original.shape[:2]:
        last = said.decode(errors="replace").rpartition("\n")[2]
        raise InputError(f"rembg could not use its model {model.name} ({clean(last)[:200]}).")
    return GivenMask.of(alpha)


def _mask_in(answer: bytes) -> NDArray[np.uint8] | None:
    """The array of bytes in a process's answer; None where there is none."""
    try:
        alpha = np.load(io.BytesIO(answer), allow_pickle=False)
    except (ValueError, EOFError):
        return None
    return alpha if alpha.dtype == np.uint8 else None


def _run(command: list[str], data: bytes, cancel: CancelFlag | None) -> tuple[bytes, bytes]:
    """What a process answers to its input, and says on stderr, less white space around."""
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[3],  # Python looks for modules there first
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    done = threading.Event()

    def watch() -> None:
        while cancel is not None and not done.wait(_POLL):
            if cancel.is_set():
                child.kill()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        answer, said = child.communicate(data)
    finally:
        done.set()
        watcher.join()
    if cancel is not None and cancel.is_set():
        raise Cancelled("The cut-out was called off.")
    return answer, said.strip()


def _serve(model: Path) -> None:
    """The process: a picture (h, w, 3) from stdin, its mask (h, w) to stdout, both as .npy."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    pixels = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    sys.addaudithook(_offline)
    from onnxruntime import SessionOptions
    from PIL import Image
    from rembg.session_factory import sessions_class

    of_model = next(each for each in sessions_class if each.name() == model.stem)

    class Local(of_model):  # type: ignore[misc, valid-type]
        @classmethod
        def download_models(cls, *_: Any, **__: Any) -> str:
            return str(model)

    session = Local(model.stem, SessionOptions(), providers=["CPUExecutionProvider"])
    (mask,) = session.predict(Image.fromarray(pixels))
    alpha = io.BytesIO()
    np.save(alpha, np.asarray(mask.convert("L")))
    answers.write(alpha.getbuffer())
    answers.flush()


def _offline(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise PermissionError("rembg may not go to the network here")


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
