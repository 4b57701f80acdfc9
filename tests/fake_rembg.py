"""A stand-in for rembg, with as much of its API as is used: what is dark is the object."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FACTORY = """
import socket
import numpy as np
from PIL import Image

class BaseSession:
    def __init__(self, model_name, sess_opts, *args, **kwargs):
        kwargs.pop("providers")
        with open(str(self.__class__.download_models(*args, **kwargs)), "rb") as model:
            if model.read() != b"a model":
                raise Exception("INVALID_PROTOBUF : Protobuf parsing failed.")

class U2netSession(BaseSession):
    def predict(self, img, *args, **kwargs):
        print("predicting")
        grey = np.asarray(img.convert("L"))
        return [Image.fromarray(np.where(grey < 100, 255, 0).astype(np.uint8))]

    @classmethod
    def download_models(cls, *args, **kwargs):
        socket.create_connection(("192.0.2.1", 80))

    @classmethod
    def name(cls, *args, **kwargs):
        return "u2net"

sessions_class = [U2netSession]
"""


def install(
    monkeypatch: pytest.MonkeyPatch, folder: Path, model: bytes | None = b"a model"
) -> None:
    """Puts it where this process and those that it starts find it, with a model or none."""
    packages, home = folder / "packages", folder / "home"
    (packages / "rembg").mkdir(parents=True)
    (packages / "rembg" / "__init__.py").write_text("from rembg import session_factory")
    (packages / "rembg" / "session_factory.py").write_text(FACTORY)
    (packages / "onnxruntime.py").write_text("class SessionOptions: pass")
    home.mkdir()
    if model is not None:
        (home / "u2net.onnx").write_bytes(model)
    monkeypatch.syspath_prepend(packages)
    paths = [str(packages), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.setenv("U2NET_HOME", str(home))
