"""Cut-outs by rembg: from a model that is there, offline, or a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shapelab import cli, shape_commands
from shapelab.core.errors import Cancelled, InputError
from shapelab.core.inputs import rembg_cutout
from shapelab.core.inputs.corrected_picture import CutoutCorrection
from shapelab.core.inputs.cutout_edit import CutoutEdit
from shapelab.core.inputs.picture_hints import PictureHints
from shapelab.core.inputs.rembg_cutout import rembg_mask
from tests import fake_rembg
from tests.table_photo import photo, prepared, table

PICTURE = prepared(photo(table()), np.zeros_like(table()), "nothing")


def test_the_mask_is_what_the_model_says(monkeypatch: Any, tmp_path: Path) -> None:
    fake_rembg.install(monkeypatch, tmp_path)
    mask = CutoutCorrection(PICTURE).mask(CutoutEdit((rembg_mask(PICTURE),))) >= 128
    assert (mask & table()).sum() / (mask | table()).sum() > 0.95
    boxed = PictureHints(by_rembg=True, box=(80, 80, 160, 30)).applied(PICTURE)
    assert boxed.edit.steps == (rembg_mask(PICTURE),)
    assert boxed.edit.crop == (0.25, 0.25, 0.5, 30 / 320)


def test_a_model_of_each_place_is_found_the_better_first(monkeypatch: Any, tmp_path: Path) -> None:
    for name in ("U2NET_HOME", "REMBG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert rembg_cutout.local_model() is None
    for place in (
        ".u2net/u2net_cloth_seg.onnx",  # which finds clothes
        ".u2net/silueta.onnx",
        ".u2net/u2net.onnx",
        ".rembg/models/u2net/u2net.onnx",
        ".rembg/models/isnet-general-use/isnet-general-use.onnx",
    ):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert rembg_cutout.local_model() == (None if "cloth" in place else path)


@pytest.mark.parametrize(
    ("model", "words"),
    [(None, "downloads none"), (b"half a mo", "its model u2net.onnx .*Protobuf parsing failed")],
)
def test_without_a_sound_model_there_is_a_sentence(
    monkeypatch: Any, tmp_path: Path, model: bytes | None, words: str
) -> None:
    fake_rembg.install(monkeypatch, tmp_path, model)
    with pytest.raises(InputError, match=words):
        rembg_mask(PICTURE)


def test_without_rembg_a_sentence_says_what_to_install(monkeypatch: Any) -> None:
    monkeypatch.setattr(rembg_cutout, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'shapelab\[cutout\]'"):
        rembg_mask(PICTURE)


def test_what_rembg_would_download_is_refused_in_its_process() -> None:
    code = (
        "import sys; from shapelab.core.inputs import rembg_cutout;"
        "sys.addaudithook(rembg_cutout._offline); import socket;"
        "socket.create_connection(('192.0.2.1', 80), 1)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert b"may not go to the network" in done.stderr


def test_it_can_be_called_off(monkeypatch: Any, tmp_path: Path) -> None:
    fake_rembg.install(monkeypatch, tmp_path)
    endless = tmp_path / "packages" / "rembg" / "__init__.py"
    endless.write_text("import threading; threading.Event().wait()")
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        rembg_mask(PICTURE, cancel)


def test_on_the_command_line(model: Any, monkeypatch: Any, tmp_path: Path, capsys: Any) -> None:
    fake_rembg.install(monkeypatch, tmp_path)
    monkeypatch.setattr(shape_commands, "_load", lambda name: model)
    room, out = tmp_path / "room.png", tmp_path / "table.shape.json"
    Image.fromarray(photo(table())).save(room)
    mask = tmp_path / "mask.png"
    Image.fromarray(rembg_mask(PICTURE).alpha()).save(mask)
    made = []
    for said in (["--cutout", "rembg"], ["--mask", str(mask)]):
        assert cli.main(["reconstruct", str(room), "-o", str(out), "--force", *said]) == 0
        made.append(json.loads(out.read_bytes())["shape"]["base"])
    assert made[0] == made[1]
    both = ["--cutout", "rembg", "--mask", str(mask)]
    assert cli.main(["reconstruct", str(room), "-o", str(out), *both]) == 2
    assert "leave one out" in capsys.readouterr().err
