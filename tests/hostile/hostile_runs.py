"""Run folders that somebody made to do harm, by what is wrong with them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from attacks import DEEP, DIGITS, ESCAPE, Case, fifo, later, sparse, unchanged

from shapelab.core.runs import run_models
from shapelab.core.runs.curves import RunCurves
from shapelab.core.runs.events import EventReader
from shapelab.core.runs.previews import FORMAT, picture_bytes, preview_steps, read_preview
from shapelab.core.runs.run_config import RunConfig, to_toml
from shapelab.core.runs.run_folder import RunFolder, summarise
from trainer.checkpoints import checkpoint_store, manifest
from trainer.report.inspection import inspect_text

Maker = Callable[[Path], None]
GOOD = to_toml(RunConfig(steps=100))


def config(text: str | bytes) -> Maker:
    data = text if isinstance(text, bytes) else text.encode()
    return lambda folder: (folder / "config.toml").write_bytes(data) and None


def setting(line: str) -> Maker:
    """The settings of a good run with one of another value."""
    name = line.partition(" =")[0]
    lines = [line if each.startswith(f"{name} =") else each for each in GOOD.splitlines()]
    return config("\n".join(lines if line in lines else [line, *lines]))


def beside(name: str, make: Maker) -> Maker:
    """A run with good settings and something else in it."""

    def whole(folder: Path) -> None:
        config(GOOD)(folder)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        make(folder / name)

    return whole


def holding(name: str, data: bytes | str) -> Maker:
    data = data if isinstance(data, bytes) else data.encode()
    return beside(name, lambda path: path.write_bytes(data) and None)


def lines(*events: dict[str, Any] | str, times: int = 1) -> Maker:
    text = "".join((e if isinstance(e, str) else json.dumps(e)) + "\n" for e in events)
    return later(lambda: holding("events.jsonl", text * times))


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"event": kind, "step": 1, "time": 1.0, **fields}


def npz(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name + ".npy", content)
    return out.getvalue()


def npy(shape: tuple[int, ...], body: bytes = b"", descr: str = "|u1") -> bytes:
    out = io.BytesIO()
    head = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(out, head)
    return out.getvalue() + body


def preview(data: bytes | Maker, picture: bytes | Maker = b"") -> Maker:
    """A run with shapes and a picture of step 1."""

    def make(folder: Path) -> None:
        config(GOOD)(folder)
        (folder / "previews").mkdir()
        for suffix, content in (("npz", data), ("png", picture)):
            path = folder / f"previews/step-000000001.{suffix}"
            content(path) if callable(content) else path.write_bytes(content)

    return make


def png(width: int, height: int) -> bytes:
    sides = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + sides + b"\x08\x06\0\0\0" + bytes(100)


def checkpoint(name: str, data: bytes | Maker) -> Maker:
    """A run with a checkpoint one of whose files is odd."""

    def make(folder: Path) -> None:
        config(GOOD)(folder)
        place = folder / "checkpoints/step-000000001"
        place.mkdir(parents=True)
        for each in ("tensors.safetensors", "meta.json", "MANIFEST.json"):
            (place / each).write_bytes(b"{}")
        (place / name).unlink()
        data(place / name) if callable(data) else (place / name).write_bytes(data)

    return make


def sealed(files: Any) -> bytes:
    return manifest.to_bytes(files)


def looped(folder: Path) -> None:
    config(GOOD)(folder)
    (folder / "again").symlink_to(folder)
    (folder / "root").symlink_to(folder.parent)


def use(folder: Path) -> Iterator[Callable[[], object]]:
    """What the app and the terminal do with a run that they find."""
    run = RunFolder(folder)
    yield lambda: summarise(run)
    yield lambda: [unchanged(line) for line in inspect_text(run).splitlines()]
    yield lambda: RunCurves().append(EventReader(run.events).read())
    yield lambda: [run.owner_text(), run.is_locked(), run_models.moments(run)]
    yield run.stores
    yield run.kill_owner
    yield lambda: run_models.open_moment(run_models.moment_at(run, "best"))
    yield lambda: checkpoint_store.read_newest(run.checkpoints)
    yield lambda: checkpoint_store.read_best(run.checkpoints)
    for step in preview_steps(run.previews):
        path = run.previews / f"step-{step:09d}.png"
        yield lambda path=path: read_preview(path)
        yield lambda path=path: picture_bytes(path)


def refused() -> Iterator[Case]:
    """Those whose settings nobody can read: they are no runs, and the list goes on without them."""
    odd = "config.toml"
    yield "settings as a pipe", lambda f: fifo(f / odd)
    yield "settings that link to a device", lambda f: (f / odd).symlink_to("/dev/zero")
    yield "settings that link to nothing", lambda f: (f / odd).symlink_to("/dev/null")
    yield "settings that link to a log", lambda f: (f / odd).symlink_to("/etc/passwd")
    yield "settings that link to themselves", lambda f: (f / odd).symlink_to(f / odd)
    yield "settings as a folder", lambda f: (f / odd).mkdir()
    yield "settings of 10 GB", lambda f: sparse(f / odd, 10 * 2**30)
    yield "settings of 2 MB", config("# a\n" * 500_000)
    yield "settings not text", config(b"\xff\xfe\x00a")
    yield "settings with a null", config("preset = 'a\0'")
    yield "lists too deep", config("steps = " + "[" * 30_000)
    yield "lists too deep and closed", config("steps = " + "[" * 20_000 + "]" * 20_000)
    yield "tables too deep", config("a = " + "{a=" * 10_000 + "1" + "}" * 10_000)
    yield "dots too deep", config("a." * 30_000 + "a = 1")
    yield "headings too deep", config("[" + "a." * 30_000 + "a]")
    yield "20,000 keys", config("".join(f"a{i} = 1\n" for i in range(8000)))
    yield "steps of 5,000 digits", setting(f"steps = {DIGITS}")
    yield "steps of 50,000 hexadecimals", setting("steps = 0x" + "f" * 50_000)
    yield "steps of 90 digits", setting("steps = " + "9" * 90)
    yield "no steps", setting("steps = 0")
    yield "steps as a date", setting("steps = 1979-05-27T07:32:00Z")
    yield "steps as a list", setting("steps = [1]")
    yield "a weight that is no number", setting("delta = nan")
    yield "a weight without end", setting("delta = inf")
    yield "seed of 80 digits", setting("seed = " + "1" * 80)
    yield "a setting twice", config(GOOD.replace("[model]", "steps = 1\n[model]"))
    yield "an unknown setting", setting("colour = 'red'")
    yield "an unknown setting of 9,000 letters", setting(f"{'a' * 9000} = 1")
    yield "a preset with an escape", setting('preset = "\\u001b[31m\\u0007"')
    yield "a preset of 60,000 letters", setting(f'preset = "{"a" * 60_000}"')
    yield "a class with an escape", setting('classes = ["\\u001b[2J"]')
    yield "absurd networks", setting("resolution = 4096")
    yield "no model", config("model = 1")


def allowed() -> Iterator[Case]:
    """Those that are runs: what is odd in them is passed over or told when it is asked for."""
    history = "events.jsonl"
    yield "history as a pipe", beside(history, fifo)
    yield "history that links to a device", beside(history, lambda p: p.symlink_to("/dev/zero"))
    yield "history as a folder", beside(history, Path.mkdir)
    yield "history of 10 GB", beside(history, lambda p: sparse(p, 10 * 2**30))
    yield (
        "100 MB of short lines",
        later(lambda: lines('{"event":"paused","step":1,"time":1}', times=2_700_000)),
    )
    yield (
        "100 MB in one line",
        later(lambda: lines('{"event":"step","metrics":{' + '"a":1,' * 16_000_000)),
    )
    yield (
        "100 MB of numbers",
        lines(event("step", metrics={f"name {i}": i / 3 for i in range(30)}), times=120_000),
    )
    yield "lines too deep", lines('{"event":' + DEEP[:30_000], '{"event":' + DEEP)
    yield "an unknown end", lines(event("finished", reason="tired"))
    yield "an end that is none", lines(event("finished", reason="training"))
    yield "an end of another kind", lines(event("finished", reason=["stopped"]))
    yield "a clock of 400 digits", lines(event("paused", time=int("9" * 400)))
    yield "a clock of 5,000 digits", lines(f'{{"event":"paused","step":1,"time":{DIGITS}}}')
    yield "a clock before time", lines(event("paused", time=-1e300), event("paused", time=1e300))
    yield "a clock that is none", lines('{"event":"paused","step":1,"time":NaN}')
    yield "a clock as text", lines(event("paused", time="noon"))
    yield "a step of 5,000 digits", lines(f'{{"event":"paused","step":{DIGITS}}}')
    yield "a step below nothing", lines(event("step", step=-5, metrics={}))
    yield "a step that is true", lines(event("step", step=True, metrics={"a": True}))
    yield "no steps in all", lines(event("started", steps=0, device="cpu", processes=0))
    yield "a device with an escape", lines(event("started", steps=9, device=ESCAPE, processes=1))
    yield (
        "10,000 names of metrics",
        lines(*(event("step", metrics={f"{i} {j}": 1 for j in range(100)}) for i in range(100))),
    )
    yield "a name with an escape", lines(event("step", metrics={ESCAPE: 1.0, "a" * 60_000: 2.0}))
    yield "metrics that are none", lines(event("step", metrics={"a": "1", "b": [2], "c": None}))
    yield "a warning with an escape", lines(event("warned", code=ESCAPE, message=ESCAPE * 3))
    yield "a warning of 50,000 letters", lines(event("warned", code="a", message="a" * 50_000))
    yield "a path out of the run", lines(event("saved", path="../../../etc/passwd", best=True))
    yield (
        "a run that goes to and fro",
        lines(
            *(event("validated", step=i, metrics={"iou": 0.1}) for i in range(4000)),
            *(event("step", step=s, metrics={"a": 1}) for _ in range(4000) for s in (10**6, 4000)),
        ),
    )
    yield "noise", later(lambda: holding(history, np.random.default_rng(0).bytes(10**6)))
    yield "a preview that claims 38 GB", preview(npz(samples=npy((38 * 2**30, 1, 1, 1), b"a")))
    yield "a preview that holds a bomb", later(lambda: preview(npz(samples=bytes(2**29))))
    yield (
        "a preview of 5,000 rows",
        later(lambda: preview(npz(**{f"a{i}": npy((1,), b"a") for i in range(5000)}))),
    )
    yield "a preview of objects", preview(npz(samples=npy((1,), b"\x80\x04N.", "|O")))
    yield "a preview of the next century", preview(npz(**{FORMAT: npy((), b"\xff")}))
    yield (
        "a preview of another shape",
        preview(npz(**{FORMAT: npy((), b"\1"), "samples": npy((1, 9, 1, 1), bytes(9))})),
    )
    yield (
        "a preview with a deep header",
        preview(npz(samples=b"\x93NUMPY\1\0\xff\x0f" + b"(" * 4095)),
    )
    yield "a preview as a pipe", preview(fifo, fifo)
    yield "a preview that links to a device", preview(lambda p: p.symlink_to("/dev/zero"))
    yield "a picture that is a bomb", preview(b"", png(60_000, 60_000))
    yield "a picture of 10 GB", preview(b"", lambda p: sparse(p, 10 * 2**30, png(100, 100)))
    yield "a picture that is none", preview(b"", b"<svg/>")
    yield "a step of 200 digits", holding(f"previews/step-{'9' * 200}.png", png(100, 100))
    yield "a checkpoint of 200 digits", beside(f"timeline/step-{'9' * 200}", Path.mkdir)
    yield "a lock as a pipe", beside("lock", fifo)
    yield "a lock as a folder", beside("lock", Path.mkdir)
    yield "a lock that links to the settings", beside("lock", lambda p: p.symlink_to("config.toml"))
    yield "an owner as a pipe", beside("owner.json", fifo)
    yield "an owner too deep", holding("owner.json", DEEP)
    yield (
        "an owner of digits",
        holding("owner.json", f'{{"pid":{"9" * 90},"host":"{"a" * 9000}","since":{"9" * 90}}}'),
    )
    yield "an owner of other kinds", holding("owner.json", '{"pid":[],"host":{},"since":"a"}')
    yield "stores as a pipe", beside("data.json", fifo)
    yield "stores too deep", holding("data.json", DEEP)
    yield "stores of other kinds", holding("data.json", '{"stores":[{"store":[],"weight":{}}]}')
    yield "stores of 10 GB", beside("data.json", lambda p: sparse(p, 10 * 2**30))
    model = "timeline/step-000000001/model.safetensors"
    yield "a model as a pipe", beside(model, fifo)
    yield "a model of 10 GB", beside(model, lambda p: sparse(p, 10 * 2**30))
    yield "a timeline as a file", holding("timeline", b"")
    yield "a manifest as a pipe", checkpoint("MANIFEST.json", fifo)
    yield "a manifest of 10 GB", checkpoint("MANIFEST.json", lambda p: sparse(p, 10 * 2**30))
    yield "a manifest too deep", checkpoint("MANIFEST.json", DEEP[:60_000].encode())
    yield "a manifest of lists", checkpoint("MANIFEST.json", b'{"files":[], "format":[]}')
    yield (
        "a manifest of odd sizes",
        checkpoint("MANIFEST.json", sealed({"tensors.safetensors": {"size": -1}, "meta.json": []})),
    )
    yield "tensors of 38 GB", checkpoint("tensors.safetensors", lambda p: sparse(p, 38 * 2**30))
    yield "tensors as a pipe", checkpoint("tensors.safetensors", fifo)
    yield "meta as a pipe", checkpoint("meta.json", fifo)
    yield "checkpoints as a pipe", beside("checkpoints", fifo)
    yield "folders that go round", looped
