"""The sheet of a batch: all in one file, safe with any name, and never in place of another's."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from shapelab.core.batch.batch import BatchObject, Failed, Made
from shapelab.core.batch.batch_sheet import SheetFacts, check_sheet, write_sheet
from shapelab.core.batch.object_record import ObjectRecord, Tile
from shapelab.core.errors import ExportError, InputError

EVIL = '"><script>alert(1)</script>&\udcff.png'
TILE = Tile("Picture", b"webp of it")


def _made(folder: Path, name: str, agreement: float | None = 0.9, out: str = "a-shape.stl") -> Made:
    record = ObjectRecord(
        *(name, "key", out, "digest", "80 mm", agreement),
        facts=(("Class", name),),
        tiles=(TILE,),
        shape=json.dumps({"format": "shapelab-shape"}),
        seconds=1.25,
    )
    return Made(BatchObject((Path(name),), folder / "out" / out), record)


class _Page(HTMLParser):
    """Its tags with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, tag: str, name: str) -> list[str]:
        return [str(values[name]) for found, values in self.tags if found == tag and name in values]


def _page(folder: Path, events: Any, **facts: Any) -> _Page:
    path = folder / "sheet.html"
    write_sheet(path, SheetFacts("tiny", len(events), **facts), dict(enumerate(events)))
    return _Page(path.read_text("utf-8"))


def test_everything_is_in_the_page(tmp_path: Path) -> None:
    page = _page(tmp_path, [_made(tmp_path, "chair.png"), _made(tmp_path, "table.png", 0.5)])
    sources = page.values("img", "src")
    assert len(sources) == 2
    assert all(
        base64.b64decode(source.removeprefix("data:image/webp;base64,")) == TILE.webp
        for source in sources
    )
    shapes = [href for href in page.values("a", "href") if href.startswith("data:application")]
    assert json.loads(base64.b64decode(shapes[0].partition(",")[2])) == {"format": "shapelab-shape"}
    assert page.values("a", "download") == ["a-shape.shape.json"] * 2
    assert {tag for tag, _ in page.tags} & {"script", "link", "iframe"} == set()
    others = [href for href in page.values("a", "href") if not href.startswith("data:")]
    # The one that agrees least comes first in the table.
    assert others == ["#object-1", "#object-0", "out/a-shape.stl", "out/a-shape.stl"]
    assert any("default-src 'none'" in text for text in page.values("meta", "content"))


def test_names_of_files_are_text(tmp_path: Path) -> None:
    wrong = Failed(BatchObject((Path(EVIL),), tmp_path), InputError(f"{EVIL}: it <b>failed</b>."))
    page = _page(tmp_path, [_made(tmp_path, EVIL, None, out=EVIL), wrong])
    assert {tag for tag, _ in page.tags} & {"script", "b"} == set()
    assert page.text.count("<script>alert(1)</script>") >= 3
    assert "it <b>failed</b>." in page.text
    (link,) = [href for href in page.values("a", "href") if href.startswith("out/")]
    assert link == "out/%22%3E%3Cscript%3Ealert%281%29%3C/script%3E%26%FF.png"


@pytest.mark.parametrize(
    ("out", "command"),
    [
        ("my chair-shape.3mf", "shapelab 'out/my chair-shape.3mf'"),
        ("a.shape.json", "shapelab out/a.shape.json"),
        ("a.stl", "shapelab a.shape.json"),  # has no room for its recipe
    ],
)
def test_the_command_opens_what_has_the_sliders(tmp_path: Path, out: str, command: str) -> None:
    assert command in _page(tmp_path, [_made(tmp_path, "a.png", out=out)]).text


def test_a_page_calls_itself_anew_only_while_the_batch_runs(tmp_path: Path) -> None:
    events = [_made(tmp_path, "a.png")]
    running = _page(tmp_path, events, running=True)
    assert "refresh" in running.values("meta", "http-equiv")
    assert "running: 1 of 1 done" in running.text
    done = _page(tmp_path, events)
    assert "refresh" not in done.values("meta", "http-equiv")
    assert "running" not in done.text


def test_only_a_sheet_of_ours_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "sheet.html"
    check_sheet(path, force=False)
    _page(tmp_path, [])
    check_sheet(path, force=False)
    path.write_text(re.sub("<meta.*?>", "", path.read_text("utf-8")), "utf-8")
    with pytest.raises(ExportError, match="is there already"):
        check_sheet(path, force=False)
    check_sheet(path, force=True)
    with pytest.raises(ExportError, match=r"end in \.html"):
        check_sheet(tmp_path / "sheet.png", force=True)
