"""The verified store of run checkpoints: one folder each, manifest last, read back before rotation.

No pickle: tensors are safetensors, the rest is JSON. A folder without a manifest that fits its
files does not count, so a kill at any moment leaves the one before.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from shapelab.errors import RunError

FORMAT = 1
KEEP = 3


def _write(path: Path, data: bytes) -> dict[str, Any]:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # Windows has no handle for this, and renames are journalled there
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _verified(folder: Path) -> dict[str, bytes] | None:
    """The files of a checkpoint when every size and digest fits its manifest, else None."""
    try:
        manifest = json.loads((folder / "MANIFEST.json").read_bytes())
        files = {name: (folder / name).read_bytes() for name in manifest["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    for name, data in files.items():
        entry = manifest["files"][name]
        if len(data) != entry["size"] or hashlib.sha256(data).hexdigest() != entry["sha256"]:
            return None
    return files


def steps(folder: Path) -> list[Path]:
    """Checkpoint folders, oldest first, verified or not."""
    return sorted(p for p in folder.glob("step-*") if p.is_dir() and p.suffix != ".corrupt")


def write(folder: Path, step: int, tensors: dict[str, Tensor], meta: dict[str, Any]) -> Path:
    """Saves a checkpoint and then drops all but the newest ``KEEP``.

    Raises:
        RunError: what was written could not be read back.
        OSError: the disk is full or not writable; older checkpoints are untouched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"step-{step:09d}"
    temporary = folder / f".tmp-{step}-{os.getpid()}"
    for leftover in folder.glob(".tmp-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary.mkdir()
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    body = json.dumps({"format": FORMAT, "step": step, **meta}).encode()
    files = {
        "tensors.safetensors": _write(temporary / "tensors.safetensors", save(plain)),
        "meta.json": _write(temporary / "meta.json", body),
    }
    _write(temporary / "MANIFEST.json", json.dumps({"files": files}).encode())
    _sync_folder(temporary)
    if target.exists():
        shutil.rmtree(target)
    temporary.replace(target)
    _sync_folder(folder)
    if _verified(target) is None:
        raise RunError(f"{target} could not be read back as written; check the disk.")
    for old in steps(folder)[:-KEEP]:
        doomed = old.rename(old.with_name(f".tmp-del-{old.name}"))
        shutil.rmtree(doomed, ignore_errors=True)
    return target


def read_newest(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Tensors and meta of the newest checkpoint that verifies; bad ones are renamed, not deleted.

    Raises:
        RunError: the newest one is of a newer format.
    """
    for candidate in reversed(steps(folder)):
        files = _verified(candidate)
        if files is not None:
            meta = json.loads(files["meta.json"])
            if meta["format"] > FORMAT:
                raise RunError(f"{candidate} is of a newer ShapeLab; please update ShapeLab.")
            try:
                return load(files["tensors.safetensors"]), meta
            except SafetensorError:
                pass  # treated like any other damage
        candidate.rename(candidate.with_name(candidate.name + ".corrupt"))
    return None
