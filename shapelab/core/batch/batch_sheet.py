"""The sheet of a batch: one web page with all its pictures in it, which needs no other file.

It has no script and loads nothing, and is light or dark as its reader likes. While the batch runs
it calls itself anew every few seconds.
"""

from __future__ import annotations

import base64
import os
import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from shapelab.core import files_of_others, formatting
from shapelab.core.atomic import atomic_write
from shapelab.core.batch.batch import Failed, Made
from shapelab.core.batch.object_record import Tile
from shapelab.core.errors import ExportError
from shapelab.core.mesh.formats import WITH_RECIPE
from shapelab.core.session.shape_file import SHAPE_SUFFIX

SUFFIXES = (".html", ".htm")
REFRESH_S = 5  # after which a page of a running batch calls itself anew
_MARK = '<meta name="generator" content="ShapeLab batch sheet">'  # ours, so we may replace it
_MARK_WITHIN = 1000  # bytes from the beginning
_POOR, _FAIR = 0.6, 0.8  # agreement below which a shape is red, and below which it is yellow

_HEAD = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{_MARK}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
"""

_STYLE = """
:root { --page: #f4f5f7; --card: #fff; --ink: #1d222b; --faint: #5a6373; --line: #d3d7de;
  --tile: #eef0f3; --accent: #2468a8; --good: #23764a; --fair: #8a5a00; --poor: #b3362c; }
@media (prefers-color-scheme: dark) {
  :root { --page: #17191e; --card: #1e2127; --ink: #e4e7ec; --faint: #9aa4b2; --line: #3a404b;
    --tile: #2a2e36; --accent: #5b9fdc; --good: #6cc893; --fair: #e0b15e; --poor: #f0877c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 86rem; padding: 2rem 1.5rem 4rem; background: var(--page);
  color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
h1 { margin: 0 0 .35rem; font-size: 1.6rem; font-weight: 600; overflow-wrap: anywhere; }
h2 { margin: 0; font-size: 1.05rem; font-weight: 600; overflow-wrap: anywhere; }
p { margin: .25rem 0; } a { color: var(--accent); }
.faint, dt, figcaption { color: var(--faint); }
table { margin: 1.25rem 0; border-collapse: collapse; font-size: .9rem; }
th { color: var(--faint); font-weight: 500; text-align: left; }
td, th { padding: .25rem 1.25rem .25rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.object { margin: 1rem 0; padding: 1rem 1.25rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 8px; }
.object header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; }
.good { color: var(--good); } .fair { color: var(--fair); } .poor { color: var(--poor); }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .75rem;
  margin: .75rem 0; }
figure { margin: 0; } figcaption { font-size: .8rem; }
figure img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain;
  background: var(--tile); border-radius: 6px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1.25rem; margin: 0;
  font-size: .9rem; }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: .85rem/1.5 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
@media (max-width: 42rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .35rem; } }
"""


@dataclass(frozen=True)
class SheetFacts:
    """What the head of a sheet says."""

    model: str
    total: int | None  # objects of the batch; None while nobody can know
    running: bool = False


def check_sheet(path: Path, force: bool) -> None:
    """Whether a sheet may be written there: none of ours in the way, and nothing of others.

    Raises:
        ExportError: it may not.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ExportError(f"The sheet is a web page; let the name {path.name} end in .html.")
    if force or not os.path.lexists(path):
        return
    try:
        with files_of_others.opened(path, links=True) as file:
            own = _MARK.encode() in file.read(_MARK_WITHIN)
    except OSError:
        own = False
    if not own:
        raise ExportError(f"{path} is there already; choose another name or say --force.")


def write_sheet(path: Path, facts: SheetFacts, events: Mapping[int, Made | Failed]) -> None:
    """Writes the page of what has happened so far, by the objects' places in the batch.

    Raises:
        ExportError: it cannot be written.
    """
    page = "\n".join(_page(path.parent, facts, events))
    atomic_write(path, page.encode("utf-8", "backslashreplace"))


def _page(folder: Path, facts: SheetFacts, events: Mapping[int, Made | Failed]) -> Iterator[str]:
    made = {place: event for place, event in sorted(events.items()) if isinstance(event, Made)}
    failed = {place: event for place, event in sorted(events.items()) if isinstance(event, Failed)}
    title = formatting.counted(len(made), "reconstructed shape")
    yield _HEAD
    if facts.running:
        yield f'<meta http-equiv="refresh" content="{REFRESH_S}">'
    yield f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>"
    said = [f"model {escape(facts.model)}", formatting.timestamp(time.time())]
    if failed:
        said.insert(0, f'<span class="poor">{len(failed)} failed</span>')
    if facts.running:
        of = "" if facts.total is None else f" of {formatting.count(facts.total)}"
        said.insert(0, f"<b>running: {formatting.count(len(events))}{of} done</b>")
    yield f'<p class="faint">{" · ".join(said)}</p>'
    yield from _table(made)
    for place, wrong in failed.items():
        yield from _failed(place, wrong)
    for place, event in made.items():
        yield from _made(folder, place, event)
    yield "</body>\n</html>\n"


def _table(made: Mapping[int, Made]) -> Iterator[str]:
    """All shapes in a line each, those first that agree least with what they were made from."""
    if len(made) < 2:
        return
    yield (
        '<table>\n<tr><th>Worst first</th><th class="number">Agreement</th><th>Class</th>'
        "<th>File</th></tr>"
    )
    for place, event in sorted(made.items(), key=lambda item: _order(item[1])):
        record = event.record
        kind = dict(record.facts).get("Class", "")
        yield (
            f'<tr><td><a href="#object-{place}">{escape(record.name)}</a></td>'
            f'<td class="number">{_agreement(record.agreement)}</td>'
            f"<td>{escape(kind)}</td><td>{escape(record.line)}</td></tr>"
        )
    yield "</table>"


def _order(event: Made) -> float:
    agreement = event.record.agreement
    return 2.0 if agreement is None else agreement


def _agreement(share: float | None) -> str:
    if share is None:
        return "–"
    kind = "poor" if share < _POOR else "fair" if share < _FAIR else "good"
    return f'<span class="{kind}">{share:.0%}</span>'


def _failed(place: int, event: Failed) -> Iterator[str]:
    name = event.which.name
    sentence = str(event.error).removeprefix(f"{name}: ")
    yield (
        f'<section class="object" id="object-{place}">\n<header><h2>{escape(name)}</h2>'
        f'<span class="poor">{escape(sentence)}</span></header>'
    )
    yield from _tiles(event.tiles)
    yield "</section>"


def _made(folder: Path, place: int, event: Made) -> Iterator[str]:
    record, out = event.record, event.which.out
    facts = [("File", record.line), *record.facts]
    facts.append(("Took", f"{record.seconds:.1f} s"))
    yield (
        f'<section class="object" id="object-{place}">\n<header><h2>{escape(record.name)}</h2>'
        f"<span>agreement {_agreement(record.agreement)}</span></header>"
    )
    yield from _tiles(record.tiles)
    yield "<dl>"
    yield from (f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in facts)
    yield f"<dt>In the window</dt><dd>{_links(folder, out, record.shape)}</dd>"
    yield "</dl>\n</section>"


def _tiles(tiles: tuple[Tile, ...]) -> Iterator[str]:
    yield '<div class="tiles">'
    for tile in tiles:
        data = base64.b64encode(tile.webp).decode("ascii")
        caption = escape(tile.caption)
        yield (
            f'<figure><img alt="{caption}" loading="lazy" src="data:image/webp;base64,{data}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    yield "</div>"


def _links(folder: Path, out: Path, shape: str) -> str:
    """The file, its shape to drop on the window, and the command that opens it."""
    near = _relative(out, folder)
    link = f'<a href="{escape(quote(near.encode("utf-8", "surrogateescape")))}">{escape(near)}</a>'
    own = out.name.lower().endswith((*WITH_RECIPE, SHAPE_SUFFIX))
    name = out.name if out.name.lower().endswith(SHAPE_SUFFIX) else out.stem + SHAPE_SUFFIX
    data = base64.b64encode(shape.encode()).decode("ascii")
    saved = (
        f'<a download="{escape(name)}" href="data:application/json;base64,{data}">'
        f"{escape(name)}</a> with its sliders: save it and drop it on the window"
    )
    opened = near if own else name
    command = f"<code>shapelab {escape(shlex.quote(opened))}</code>"
    return f"{link}<br>{saved}, or {command}"


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder or ".")).as_posix()
    except ValueError:  # on another drive of Windows
        return path.resolve().as_posix()
