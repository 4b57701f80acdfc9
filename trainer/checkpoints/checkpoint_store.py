"""The verified store of run checkpoints: one folder each, read back before an older one goes.

    step-000012000/    tensors.safetensors, meta.json, and MANIFEST.json, which is written last
    step-000009000-2/  newer than that: the run went back and took another way, its second
    step-….corrupt/    did not verify; kept for whoever wants to look, never read
    .tmp-…/            a save or a removal that was cut off; the next save sweeps it away

No pickle: tensors are safetensors, the rest is JSON. A folder whose manifest does not fit its
files does not count, so a kill at any moment leaves the checkpoint before it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from shapelab.core import files_of_others
from shapelab.core.atomic import replace, sync_folder, write_through
from shapelab.core.errors import RunError
from shapelab.core.runs.run_models import is_checkpoint, order, steps

from . import manifest, tensorfile
from .manifest import FORMAT, Damaged

TENSORS, META = "tensors.safetensors", "meta.json"

Meta = dict[str, Any]
Checkpoint = tuple[dict[str, Tensor], Meta]

_log = logging.getLogger(__name__)


def _add_score(meta: Meta) -> Meta:
    return {**meta, "score": None}


# From each format to the next; permanent, as runs outlive versions.
_UPGRADES: dict[int, Callable[[Meta], Meta]] = {1: _add_score}


# --- writing ---


def write(
    folder: Path,
    step: int,
    tensors: dict[str, Tensor],
    meta: Meta,
    keep_last: int = 3,
    keep_every: int = 0,
    score: float | None = None,
) -> tuple[Path, bool]:
    """Saves a checkpoint, proves it against the disk, and only then drops older ones.

    From then on it is the newest, whatever its step: a run may have gone back.

    Args:
        folder: The run's checkpoints; made when it is missing. One process writes there.
        step: Steps taken so far.
        tensors: By name; references will do, nothing is changed or kept.
        meta: Anything that JSON can hold; ``step``, ``score`` and ``format`` are added.
        keep_last: How many of the newest stay; at least this one does.
        keep_every: Multiples of this step stay for ever; 0 = none.
        score: Higher is better; the best one stays too. None or not finite = not scored.

    Returns:
        Its folder, and whether its score is better than all those still there.

    Raises:
        RunError: a tensor is not finite, or the disk gave back other bytes; nothing was saved.
        OSError: the disk is full or not writable; nothing was saved. Older ones are untouched.
    """
    for name, value in tensors.items():
        if not value.isfinite().all():
            raise RunError(f"{name} is not finite at step {step}; such a state is not saved.")
    if score is not None and not math.isfinite(score):
        score = None
    if not folder.is_dir():
        folder.mkdir(parents=True)
        sync_folder(folder.parent)
    for leftover in folder.glob(".tmp-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    target = folder / _next_name(folder, step)
    draft = folder / f".tmp-{step}-{os.getpid()}"
    try:
        draft.mkdir()
        _fill(draft, tensors, {**meta, "format": FORMAT, "step": step, "score": score})
        replace(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    sync_folder(folder)
    try:
        _manifest(target).check()
    except (Damaged, RunError) as error:
        shutil.rmtree(target, ignore_errors=True)
        raise RunError(
            f"Step {step} could not be read back as it was saved ({error}); check the disk."
        ) from None
    return target, _rotate(folder, target, keep_last, keep_every)


def _next_name(folder: Path, step: int) -> str:
    """A name that sorts after all those there, so nothing is ever overwritten."""
    way, newest = max((order(path) for path in steps(folder)), default=(1, -1))
    if step <= newest:
        way += 1
    return f"step-{step:09d}" + (f"-{way}" if way > 1 else "")


def _fill(draft: Path, tensors: dict[str, Tensor], meta: Meta) -> None:
    body = json.dumps(meta).encode()
    files = {
        TENSORS: _write(draft / TENSORS, tensorfile.parts(tensors)),
        META: _write(draft / META, [body]),
    }
    write_through(draft / manifest.NAME, [manifest.to_bytes(files)])
    sync_folder(draft)


def _write(path: Path, parts: Iterable[bytes | memoryview]) -> dict[str, Any]:
    """Hashes what memory holds on its way to the disk; gives the file's entry in the manifest."""
    digest, size = hashlib.sha256(), 0

    def hashed() -> Iterator[bytes | memoryview]:
        nonlocal size
        for part in parts:
            digest.update(part)
            size += len(part)
            yield part

    write_through(path, hashed())
    return manifest.entry(size, digest.hexdigest())


def _rotate(folder: Path, newest: Path, keep_last: int, keep_every: int) -> bool:
    """Drops what need not be kept; gives whether the newest, known to be whole, is the best."""
    try:
        best = _best(folder, newest)
    except RunError:  # one cannot be read now: nothing goes on a guess, the next save rotates
        return False
    present = steps(folder)
    keep = {best, *present[-max(1, keep_last) :]}
    for old in present:
        _, step = order(old)
        if old in keep or (keep_every and step % keep_every == 0):
            continue
        doomed = old.with_name(f".tmp-del-{old.name}")
        # The save has succeeded; what is held open now (Windows) goes with the next one.
        with contextlib.suppress(OSError):
            replace(old, doomed)
            shutil.rmtree(doomed, ignore_errors=True)
    return best == newest


def _best(folder: Path, whole: Path) -> Path | None:
    """The best one that verifies: protecting a damaged one would let a good one go."""
    for path in _by_score(folder):
        try:
            if path != whole:
                _manifest(path).check()
        except Damaged as error:
            _set_aside(path, error)
        else:
            return path
    return None


# --- reading ---


def read(path: Path) -> Checkpoint:
    """Tensors and meta of the checkpoint in this folder.

    Raises:
        RunError: it does not verify, is of a newer format, or cannot be read now.
    """
    try:
        return _load(path)
    except Damaged as error:
        raise RunError(f"{path} is damaged ({error}); choose another checkpoint.") from None


def read_newest(folder: Path) -> Checkpoint | None:
    """Tensors and meta of the newest checkpoint that verifies; bad ones are renamed, not deleted.

    Raises:
        RunError: one is of a newer format or cannot be read now; going further back instead would
            quietly lose steps.
    """
    return _first_whole(reversed(steps(folder)))


def read_best(folder: Path) -> Checkpoint | None:
    """Tensors and meta of the best checkpoint that verifies, or the newest if none has a score.

    Raises:
        RunError: as ``read_newest``.
    """
    return _first_whole(_by_score(folder)) or read_newest(folder)


def _first_whole(candidates: Iterable[Path]) -> Checkpoint | None:
    for path in candidates:
        try:
            return _load(path)
        except Damaged as error:
            _set_aside(path, error)
    return None


def _by_score(folder: Path) -> list[Path]:
    """Those with a score, best first; of equals the one saved first."""
    scored = []
    for path in steps(folder):
        with contextlib.suppress(Damaged):
            score = _meta(_manifest(path))["score"]
            if score is not None:
                scored.append((-score, path))
    return [path for _, path in sorted(scored, key=lambda pair: pair[0])]


def _manifest(path: Path) -> manifest.Manifest:
    return manifest.read(path, {TENSORS, META})


def _meta(found: manifest.Manifest) -> Meta:
    """The meta of a checkpoint, brought up to date. Raises as ``Manifest.read`` does."""
    try:
        meta = files_of_others.json_of(found.read(META))
        fits = meta["format"] == found.format
        fits &= not is_checkpoint(found.folder) or order(found.folder)[1] == meta["step"]
    except (ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        raise Damaged(f"{META} is of another checkpoint")
    for format_ in range(found.format, FORMAT):
        meta = _UPGRADES[format_](meta)
    return {**meta, "format": FORMAT}


def _load(path: Path) -> Checkpoint:
    found = _manifest(path)
    meta = _meta(found)
    try:
        # From the very bytes that were proven: a second look at the file could differ.
        return load(found.read(TENSORS)), meta
    except SafetensorError as error:
        raise Damaged(f"{TENSORS}: {error}") from None


def _set_aside(path: Path, why: Damaged) -> None:
    """Renames a damaged checkpoint, so that nobody tries it again."""
    if not path.exists():  # the run, which may go on in another process, has just dropped it
        return
    _log.warning("%s is damaged (%s) and set aside.", path, why)
    aside = path.with_name(f"{path.name}.corrupt")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.corrupt-{number}")
    # A disk that can only be read still lets an older one be read.
    with contextlib.suppress(OSError):
        replace(path, aside)
