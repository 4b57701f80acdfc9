"""The contact sheet: everything of the store is told, by a page that needs nothing but itself."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shapelab.core.errors import DataError
from tests.trainer.conftest import make_grids
from trainer import __main__ as command
from trainer.data.pictures.draw import BACKGROUND
from trainer.data.sampling.verdict import kind_of
from trainer.data.sheet import contact_sheet, sheet_content, sheet_page, sheet_picture
from trainer.data.source import Item
from trainer.data.store.prepared_store import open_store
from trainer.data.store.shards import Rejected, encode
from trainer.data.store.store_writer import StoreRecipe, StoreWriter, digest_of


def make_store(folder, classes=("ball", "box"), count=24, views=2, rejected=(), prefix="shapes/"):
    """Boxes and balls, whatever their class is called; rejections come first."""
    grids, _ = make_grids(count)
    grids = np.pad(grids > 0, ((0, 0), (1, 1), (1, 1), (1, 1)))
    items = [Item(f"{prefix}bad{k}", classes[0], Path()) for k in range(len(rejected))]
    items += [Item(f"{prefix}{k:03d}", classes[k % len(classes)], Path()) for k in range(count)]
    recipe = StoreRecipe("some.zip", "meshes", "MIT", 32, views, 32, 0, digest_of(items))
    picture = np.zeros((max(views, 1), 32, 32, 4), np.uint8)
    picture[:, 8:24, 8:24] = (200, 30, 30, 255)
    with StoreWriter(folder, recipe, items) as writer:
        for k, reason in enumerate(rejected):
            writer.add(k, Rejected(reason))
        for k, grid in enumerate(grids):
            pictures = picture if views else None
            result = encode(
                grid, np.zeros((32,) * 3, np.uint8), pictures, None, grid.mean(), 1, 0.5
            )
            writer.add(len(rejected) + k, result)
        return writer.finish()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """24 shapes of two classes, nothing left out."""
    return make_store(tmp_path_factory.mktemp("sheets") / "furniture")


@pytest.fixture(scope="module")
def found(store):
    return contact_sheet.gather(store)


class Page(HTMLParser):
    """What a browser would find, and whether every tag is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words += data + "\n"

    def every(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(store) -> Page:
    return Page(sheet_page.render(contact_sheet.gather(store)))


def test_the_page_tells_everything_of_the_store(tmp_path):
    reasons = (
        "Only 12 of 32^3 cells are filled.",
        "Only 7 of 32^3 cells are filled.",
        "It is odd.",
    )
    store = make_store(tmp_path / "furniture", rejected=reasons)
    page = page_of(store)
    for text in (
        "furniture", "some.zip (meshes)", "MIT", "24 of 27 in the source",
        "3 rejected, 0 duplicates",
        "32 × 32 × 32 cells, with signed distances", "2 of each shape, 32 × 32 pixels",
        store.fingerprint, "ball", "box", "12 shapes", "11 train · 1 validation",
        "Only … of 32^3 cells are filled.", "It is odd.",
        "shapes/bad0", "shapes/bad1", "shapes/bad2",
    ):  # fmt: skip
        assert text in page.words, text
    assert "22 train, 2 validation, 0 test" in page.words
    assert [s["title"] for s in page.every("figure")][:2] == ["shapes/000", "shapes/004"]
    assert len(page.every("img")) == 4 * 2 * sheet_content.SAMPLES  # shape, front, picture, photo
    assert len(page.every("details")) == 2


def test_the_page_needs_nothing_from_elsewhere(found):
    text = sheet_page.render(found)
    page = Page(text)
    assert not page.every("script")
    assert not page.every("link")
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
    for image in page.every("img"):
        kind, _, data = (image["src"] or "").partition(",")
        assert kind == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            assert picture.size == (sheet_content.SIDE, sheet_content.SIDE)


def test_names_from_a_source_are_text_and_never_tags(tmp_path):
    evil = '"><script>alert(1)</script>'
    store = make_store(
        tmp_path / "s", (evil, "b<i>"), 4, rejected=(f"'{evil}' is {evil}",), prefix=evil
    )
    page = page_of(store)
    assert not page.every("script")
    assert not page.every("i") or all(set(a) == {"class"} for a in page.every("i"))
    assert evil in page.words
    assert page.every("figure")[0]["title"].startswith(evil)


def test_drawn_shapes_and_pictures_are_those_of_the_store(found):
    ball, box = found.cards[0].samples[0], found.cards[1].samples[0]
    for sample in (ball, box):
        assert (
            sample.shape.shape == sample.view.shape == (sheet_content.SIDE, sheet_content.SIDE, 3)
        )
        middle = sheet_content.SIDE // 2
        assert np.allclose(sample.view[middle, middle], (200, 30, 30), atol=2)
        assert sample.view[2, 2].tolist() == list(BACKGROUND)
    assert not np.array_equal(ball.shape, box.shape)


def test_histograms_count_every_shape_on_one_scale(store, found):
    filled = store.grids(np.arange(24)).mean((1, 2, 3))
    assert found.fullest == pytest.approx(filled.max())
    assert [card.histogram.sum() for card in found.cards] == [12, 12]
    assert sum(card.histogram[-1] for card in found.cards) >= 1
    for label, card in enumerate(found.cards):
        assert card.median == pytest.approx(np.median(filled[store.labels == label]))


def test_few_shapes_are_all_shown_once(tmp_path):
    found = contact_sheet.gather(make_store(tmp_path / "s", ("only",), 3))
    assert [sample.id for sample in found.cards[0].samples] == [f"shapes/00{k}" for k in range(3)]


def test_a_store_without_pictures_and_rejections_says_so(tmp_path):
    store = make_store(tmp_path / "s", ("only",), 1, views=0)
    page = page_of(store)
    assert len(page.every("img")) == 2
    assert "Nothing: every shape of the source is in the store." in page.words
    assert "none" in page.words.split("Pictures\n")[1].split("\n")[0]
    assert "1 shape\n" in page.words


def test_duplicates_are_told_with_their_twin(tmp_path):
    grid = np.zeros((32,) * 3, bool)
    grid[4:20, 4:20, 4:20] = True
    items = [Item(f"m{k}", "a", Path()) for k in range(3)]
    with StoreWriter(
        tmp_path, StoreRecipe("s", "r", "l", 32, 0, 32, 0, digest_of(items)), items
    ) as writer:
        for k in range(3):
            writer.add(k, encode(grid, np.zeros((32,) * 3, np.uint8), None, None, 0.1, 1, 1.0))
        store = writer.finish()
    assert contact_sheet.gather(store).left_out == (
        ("The same shape as another one.", ("m1 = m0", "m2 = m0")),
    )


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Only 12 of 32^3 cells are filled.", "Only … of 32^3 cells are filled."),
        ("It falls into 17 loose pieces.", "It falls into … loose pieces."),
        ("It fills only 1.3% of its convex hull.", "It fills only …% of its convex hull."),
        (
            "'a b.off' is empty; please choose another file.",
            "… is empty; please choose another file.",
        ),
        ("it needs too much memory", "It needs too much memory"),
        ("", ""),
    ],
)
def test_reasons_are_grouped_without_what_differs(reason, kind):
    assert kind_of(reason) == kind


@pytest.mark.parametrize("classes", [1, 2, 40])
@pytest.mark.parametrize("views", [0, 1])
def test_the_picture_holds_all_classes_and_cuts_nothing_off(tmp_path, classes, views):
    name = "a class with a name that is too long for its column"
    found = contact_sheet.gather(make_store(tmp_path / "s", (name,), 1, views, (f"{name} " * 9,)))
    found = replace(found, cards=found.cards * classes)
    picture = Image.open(io.BytesIO(sheet_picture.render(found))).convert("RGB")
    pixels = np.asarray(picture)
    tiles = (pixels == BACKGROUND).all(2)
    column = tiles[:, sheet_picture._EDGE + sheet_picture._COLUMN + 1]
    assert (
        np.count_nonzero(np.diff(column.astype(int)) == 1) == (2 + views) * classes
    )  # photos have rooms
    paper = (pixels == 255).all(2)
    edge = sheet_picture._EDGE
    for border in (paper[:edge], paper[:, :edge], paper[:, -edge:]):
        assert border.all()  # nothing is cut off
    assert paper[-16:].all()
    assert not paper[-edge - 24 :].all()
    names_end = sheet_picture._EDGE + sheet_picture._COLUMN
    assert paper[column, names_end - 8 : names_end].all()  # names do not run into the tiles


def test_more_classes_than_fit_are_counted(tmp_path, monkeypatch):
    found = contact_sheet.gather(make_store(tmp_path / "s", tuple("abcdef"), 6, 0))
    whole = Image.open(io.BytesIO(sheet_picture.render(found))).height
    monkeypatch.setattr(sheet_picture, "MOST_CLASSES", 2)
    few = Image.open(io.BytesIO(sheet_picture.render(found))).height
    assert few < whole - 2 * sheet_content.SIDE
    assert len(Page(sheet_page.render(found)).every("section")) == 6


def test_the_same_store_gives_the_same_sheet(tmp_path):
    store = make_store(tmp_path / "s", count=3)
    page, picture = contact_sheet.write(store.folder)
    assert (page, picture) == (store.folder / "sheet.html", store.folder / "sheet.png")
    before = page.read_bytes(), picture.read_bytes()
    contact_sheet.write(store.folder, tmp_path / "deep" / "look.png")
    assert (tmp_path / "deep" / "look.html").read_bytes() == before[0]
    assert (tmp_path / "deep" / "look.png").read_bytes() == before[1]
    contact_sheet.write(store.folder, tmp_path / "folder")
    assert (tmp_path / "folder" / "sheet.html").read_bytes() == before[0]
    (tmp_path / "folder" / "sheet.html").write_bytes(b"mine")
    with pytest.raises(DataError, match="is there already"):
        contact_sheet.write(store.folder, tmp_path / "folder")
    assert (tmp_path / "folder" / "sheet.html").read_bytes() == b"mine"
    contact_sheet.write(store.folder, tmp_path / "folder", force=True)
    contact_sheet.write(store.folder)  # its own place
    assert (tmp_path / "folder" / "sheet.html").read_bytes() == before[0]
    assert open_store(store.folder).fingerprint == store.fingerprint


def test_the_command_says_what_it_wrote(tmp_path, monkeypatch, capsys):
    make_store(tmp_path / "s", count=2)
    monkeypatch.setattr(
        "sys.argv", ["trainer", "look", str(tmp_path / "s"), "--out", str(tmp_path)]
    )
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert not ended.value.code
    assert "sheet.html" in capsys.readouterr().out
    assert (tmp_path / "sheet.png").exists()


def test_no_store_or_no_place_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match="no prepared store"):
        contact_sheet.write(tmp_path)
    make_store(tmp_path / "s", count=2)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written; name another place"):
        contact_sheet.write(tmp_path / "s", tmp_path / "file" / "sheet.html")


def test_a_damaged_store_is_one_sentence(tmp_path):
    store = make_store(tmp_path / "s", count=2)
    shard = next(store.folder.glob("shard-*.bin"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 4 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 4)
    shard.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        contact_sheet.write(store.folder)
