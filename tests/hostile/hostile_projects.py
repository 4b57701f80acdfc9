"""Projects and journals that somebody made to do harm."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from attacks import DEEP, DIGITS, ESCAPE, Case, fifo, later, sparse, unchanged
from hostile_data import _model, archive, directory, file

from shapelab.core.inputs.cutout_edit import CutoutEdit
from shapelab.core.project.journal import journals, left_behind, read_journal
from shapelab.core.project.originals import Original
from shapelab.core.project.project import (
    Project,
    ProjectEncoder,
    SessionPart,
    models_of,
    open_project,
)
from shapelab.core.project.project_file import digest_of, read_project
from shapelab.core.project.view_state import ViewState
from shapelab.core.session.session import Session
from shapelab.describe import describe

Maker = Callable[[Path], None]
NAME = "a.shapelab"


def project(change: Callable[[dict[str, Any]], object] = lambda _: None, **outer: Any) -> Maker:
    """A project whose content was changed, or what is around it."""

    def make(folder: Path) -> None:
        content = _content(folder)
        change(content)
        whole = {"format": "shapelab-project", "version": 1, "pictures": [], "project": content}
        text = json.dumps(whole | outer).encode()
        (folder / NAME).write_bytes(archive({"project.json": text}))

    return make


def _content(folder: Path) -> dict[str, Any]:
    session = Session(_model(folder))
    session.set_coefficient(0, 1.0)
    session.pin_a()
    session.keep("kept")
    whole = Project((SessionPart.of(session),), 0, ViewState())
    return json.loads(json.dumps(ProjectEncoder().stored(whole).content))


def history(**changes: Any) -> Maker:
    return project(lambda content: content["sessions"][0]["history"].update(changes))


def last_step(**changes: Any) -> Maker:
    return project(lambda content: content["sessions"][0]["history"]["steps"][-1].update(changes))


def picture(data: bytes | Callable[[], bytes]) -> Maker:
    """A project with a picture of these bytes."""

    def make(folder: Path) -> None:
        content, found = _content(folder), data() if callable(data) else data
        digest = digest_of(found)
        content["sessions"][0]["originals"] = [digest]
        whole = {"format": "shapelab-project", "version": 1, "project": content}
        text = json.dumps(whole | {"pictures": [digest]}).encode()
        members = {"project.json": text, f"pictures/{digest}.npz": found}
        (folder / NAME).write_bytes(archive(members))

    return make


@cache
def good_picture() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    rgba = rng.integers(0, 255, (8, 8, 4), np.uint8)
    return {
        "latent": np.zeros(8, np.float32),
        "occupancy": np.zeros((16, 16, 16), np.float32),
        "facts": facts(),
        "used_rgba": rgba,
        "used_original": rgba,
    }


def facts(**changes: Any) -> Any:
    used = {"method": "alpha", "full_size": [8, 8], "edit": CutoutEdit().to_dict()}
    said = {"name": "a.png", "kind": "picture", "class": "chair", "note": "", "chosen": 0}
    said |= {"told": None, "guesses": [["chair", 0.5]], "used": used}
    return np.array(json.dumps(said | changes))


def npz(**changes: Any) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **good_picture() | changes)
    return out.getvalue()


def header(shape: str, descr: str = "<f4") -> bytes:
    """An .npz with one array that claims a shape."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return archive({"latent.npy": b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text})


def projects() -> Iterator[Case]:
    yield "a project as a pipe", file(NAME, fifo)
    yield "a project that links to a device", file(NAME, lambda p: p.symlink_to("/dev/zero"))
    yield "a project as a folder", file(NAME, Path.mkdir)
    yield "a project of 10 GB", file(NAME, lambda p: sparse(p, 10 * 2**30))
    yield "an empty project", file(NAME, b"")
    yield "a project that is no ZIP", file(NAME, bytes(range(256)) * 100)
    yield "a ZIP of nothing", file(NAME, archive({}))
    yield "a directory of a million", later(lambda: file(NAME, directory(10**6)))
    yield "a content too deep", file(NAME, archive({"project.json": DEEP.encode()}))
    yield (
        "a content that expands",
        later(lambda: file(NAME, archive({"project.json": b"[" + b"[]," * 10**7 + b"[]]"}))),
    )
    yield (
        "a content that is a bomb",
        later(lambda: file(NAME, archive({"project.json": bytes(700 * 2**20)}))),
    )
    yield "a version of 80 digits", project(version=int("9" * 80))
    yield "a version of 5,000 digits", file(NAME, archive({"project.json": DIGITS.encode()}))
    yield "a version that is true", project(version=True)
    yield "another format", project(format=ESCAPE)
    yield "a picture that is not there", project(pictures=["0" * 64])
    yield "pictures that are no names", project(pictures=[{"a": 1}])
    yield (
        "a member that leads elsewhere",
        file(NAME, archive({"project.json": b"{}", "../../evil.npz": b"x"})),
    )
    yield "no sessions", project(lambda content: content.update(sessions=[]))
    yield "sessions as a number", project(lambda content: content.update(sessions=7))
    yield "a session as a list", project(lambda content: content.update(sessions=[[]]))
    yield (
        "a model with an escape",
        project(
            lambda content: content["sessions"][0].update(
                model={"name": ESCAPE * 99, "digest": [1]}
            )
        ),
    )
    yield (
        "locks of 90 digits",
        project(lambda content: content["sessions"][0].update(locked=[int("9" * 90)])),
    )
    yield "no history", project(lambda content: content["sessions"][0].pop("history"))
    yield "a history of a newer version", history(version=99)
    yield "a history of no steps", history(steps=[])
    yield "a history that goes round", history(steps=[{"number": 0, "parent": 0}])
    yield "a history without its current step", history(current=10**9)
    yield "a newest step of 90 digits", history(newest=int("9" * 90))
    yield "a step without a shape", last_step(value=None)
    yield "a step of an odd command", last_step(command=["x", "__class__", "y"])
    yield "a step from beyond time", last_step(made=1e300)
    yield "numbers that are none", last_step(value={"state": {"base": "AADAfw=="}})
    yield (
        "a million numbers",
        later(lambda: last_step(value={"state": {"base": "AAAA" * 1_000_000}})),
    )
    yield "a name with an escape", last_step(name=ESCAPE * 1000)
    yield (
        "a view of odd numbers",
        project(
            lambda content: content.update(view={"azimuth": 1e308, "style": ESCAPE, "distance": -1})
        ),
    )
    yield "a picture that is none", picture(b"PK")
    yield "a picture of objects", picture(lambda: npz(latent=np.array([{}, None])))
    yield "a picture of 10^12 numbers", picture(header("(1000000, 1000000)"))
    yield "a picture of minus numbers", picture(header("(-8,)"))
    yield "a picture deep in its header", picture(header("(" * 3000 + ")" * 3000))
    yield "a picture of no kind", picture(lambda: npz(facts=facts(kind="x")))
    yield "a picture of another size", picture(lambda: npz(latent=np.zeros(9, np.float32)))
    yield "a picture of odd edits", picture(lambda: npz(facts=facts(used={"edit": [[]] * 99})))
    yield "a picture of a choice beyond", picture(lambda: npz(facts=facts(chosen=10**9)))
    yield "a picture of odd guesses", picture(lambda: npz(facts=facts(guesses=[["a", 1e300]])))
    yield "a picture whose facts are deep", picture(lambda: npz(facts=np.array(DEEP)))
    yield "a picture of no numbers", picture(lambda: npz(latent=np.full(8, np.nan, np.float32)))
    yield (
        "a picture with escapes in its words",
        picture(lambda: npz(facts=facts(name=ESCAPE, told=ESCAPE * 99, note=ESCAPE))),
    )
    yield (
        "a picture that expands to 1 GB",
        later(lambda: picture(lambda: npz(used_scene=np.zeros((16000, 16000, 3), np.uint8)))),
    )


def use_project(folder: Path) -> Iterator[Callable[[], object]]:
    path = folder / NAME

    def use() -> None:
        stored, _ = read_project(path)
        models_of(stored)
        model = _model(folder)
        opened = open_project(stored, {model.digest: model}, ViewState())
        for originals in opened.originals:
            for each in originals:
                assert isinstance(each, Original)
                unchanged(each.name + each.result.note + each.result.class_name)
        for session in opened.sessions:
            unchanged(session.state.origin)
            unchanged(session.undo_text)

    yield lambda: [unchanged(line) for line in describe(str(path))]
    yield use


def line(text: bytes) -> bytes:
    return b"%08x %s\n" % (zlib.crc32(text), text)


def journal(*lines: Any, raw: bytes = b"") -> Maker:
    """A journal that was left behind, of values a line."""

    def make(folder: Path) -> None:
        place = journals() / "bad"
        place.mkdir(parents=True)
        (place / "lock").write_bytes(b"")
        first = {"format": "shapelab-journal", "version": 1, "pictures": []}
        values = [first | {"project": _content(folder), "standing": {}}, *lines]
        whole = raw or b"".join(line(json.dumps(value).encode()) for value in values)
        (place / "journal.jsonl").write_bytes(whole)

    return make


def odd_journal(name: str, what: Callable[[Path], object]) -> Maker:
    def make(folder: Path) -> None:
        journal()(folder)
        path = journals() / "bad" / name
        path.unlink(missing_ok=True)
        what(path)

    return make


def journals_of_others() -> Iterator[Case]:
    yield "a journal", journal()
    yield "a journal as a pipe", odd_journal("journal.jsonl", fifo)
    yield "a lock as a pipe", odd_journal("lock", fifo)
    yield "a lock as a link", odd_journal("lock", lambda p: p.symlink_to("/dev/zero"))
    yield "a journal as a link", odd_journal("journal.jsonl", lambda p: p.symlink_to("/dev/zero"))
    yield "a journal of 10 GB", odd_journal("journal.jsonl", lambda p: sparse(p, 10 * 2**30))
    yield "pictures as a pipe", odd_journal("pictures", fifo)
    yield "a journal too deep", journal(raw=line(DEEP.encode()))
    yield "a journal of digits", journal(raw=line(DIGITS.encode()))
    yield "a journal of lines alone", later(lambda: journal(raw=b"\n" * 30_000_000))
    yield "a patch that fits nothing", journal({"in": {"project": {"at": {"7": {"set": 1}}}}})
    yield (
        "a patch that grows",
        journal(*[{"in": {"project": {"in": {"a": {"set": "x" * 10_000}}}}}] * 2000),
    )
    yield "patches inside patches", journal(raw=line(b'{"in":{"a":' * 5000 + b"1" + b"}}" * 5000))
    yield "a path of nothing", journal({"in": {"standing": {"set": {"path": "a\0b"}}}})
    yield "a standing that is a list", journal({"in": {"standing": {"set": []}}})


def use_journal(folder: Path) -> Iterator[Callable[[], object]]:
    def use() -> None:
        model = _model(folder)
        stored, _ = read_journal(journals() / "bad")
        open_project(stored, {model.digest: model}, ViewState())

    yield left_behind
    yield use
