"""Classes of single models, tables of them, and who made them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import releases

from shapelab.core.errors import DataError
from shapelab.core.runs.store_mix import StoreShare
from trainer.data.prepare.preparation import prepare
from trainer.data.source import Item
from trainer.data.sources import catalogue
from trainer.data.sources.source_table import find_reader
from trainer.data.store.prepared_store import open_store
from trainer.evaluation import export

HEAD = "file,class,title,author,licence,licence_url,source,changes,note\n"


def items(source: Path) -> list[Item]:
    return find_reader(source).items(source)


def labels(source: Path) -> list[str]:
    return [item.label for item in items(source)]


def shelf(folder: Path, count: int, second: tuple[int, ...] = ()) -> Path:
    """A folder a shape, of which some hold a second one."""
    for k in range(count):
        for name in ("a", "b")[: 1 + (k in second)]:
            releases.put(folder / f"{k:03d}/{name}.off", releases.off())
    return folder


@pytest.mark.parametrize(("count", "second"), [(2, ()), (12, ()), (20, (3, 4, 5))])
def test_a_folder_a_shape_is_one_class(tmp_path: Path, count: int, second: tuple[int, ...]) -> None:
    assert set(labels(shelf(tmp_path / "chairs", count, second))) == {"chairs"}


def test_folders_of_several_shapes_are_classes(tmp_path: Path) -> None:
    assert len(set(labels(shelf(tmp_path, 3, (0,))))) == 3
    assert len(set(labels(shelf(tmp_path / "many", 12, tuple(range(12)))))) == 12


def test_a_zip_is_known_by_what_it_holds(tmp_path: Path) -> None:
    shelf(tmp_path / "set", 3)
    packed = releases.zipped(tmp_path / "set", tmp_path / "download.bin")
    assert [i.id for i in items(packed)] == [i.id for i in items(tmp_path / "set")]
    assert len(open_store(_prepared(packed, tmp_path / "store"))) == 1  # they are all alike


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("models.csv", "Path,Category\n000,seat\n001/a.off,bench\n"),
        ("about.json", json.dumps([{"id": "000/a", "label": "seat"}, {"id": 1, "label": "x"},
                                   {"path": "./001", "class": "bench"}])),
        ("about.json", json.dumps({"000": "seat", "001": {"category": "bench", "year": 3}})),
    ],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True])
def test_a_table_beside_the_models_says_the_classes(
    tmp_path: Path, name: str, text: str, packed: bool
) -> None:
    source = shelf(tmp_path / "set", 3)
    releases.put(source / name, text.encode())
    releases.put(source / "other.json", b"{")
    if packed:
        source = releases.zipped(source, tmp_path / "set.zip")
    assert labels(source) == ["seat", "bench", "set"]


def test_a_table_of_something_else_says_nothing(tmp_path: Path) -> None:
    source = shelf(tmp_path / "set", 5)
    releases.put(source / "prices.csv", b"path,class\n000,cheap\n")  # names one of five
    releases.put(source / "notes.csv", b"date,who\n1,2\n")
    assert set(labels(source)) == {"set"}


def test_a_table_that_is_given_wins_and_leaves_out_what_it_does_not_name(tmp_path: Path) -> None:
    source = shelf(tmp_path / "set", 4)
    table = tmp_path / "classes.csv"
    table.write_text("\ufeffpath,class\n000,seat\n002\\a.off,bench\n003,\n", "utf-8")
    found = catalogue.relabelled(items(source), table)
    assert [(i.id, i.label) for i in found] == [("000/a.off", "seat"), ("002/a.off", "bench")]
    store = open_store(_prepared(source, tmp_path / "store", classes=table))
    assert store.index["classes_from"] == "classes.csv"
    assert store.classes == ("seat",)  # the same shape twice


@pytest.mark.parametrize(
    ("text", "words"),
    [("a,b\n1,2\n", "columns path and class"), ("path,class\nx,y\n", "none of the 2 shapes")],
)
def test_a_table_that_does_not_fit_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    table = tmp_path / "classes.csv"
    table.write_text(text)
    with pytest.raises(DataError, match=words):
        catalogue.relabelled(items(shelf(tmp_path / "set", 2)), table)
    with pytest.raises(DataError, match="cannot be read"):
        catalogue.relabelled([], tmp_path / "missing.csv")


def test_who_made_the_shapes_travels_into_the_store(tmp_path: Path) -> None:
    source = licensed(tmp_path / "set")
    store = open_store(_prepared(source, tmp_path / "store"))
    assert store.classes == ("bench", "seat")
    assert [len(i.attribution.title) for i in items(source) if i.attribution] == [3, 3, 5]
    assert store.index["licence"] == "CC-BY-4.0, CC-BY-NC-4.0"
    (ann, bob) = store.attributions
    assert ann == {
        "author": "Ann", "licence": "CC-BY-4.0", "licence_url": "https://by",
        "source": "https://x", "changes": "cut", "titles": ["One", "Two"],
    }  # fmt: skip
    assert (bob["author"], bob["titles"]) == ("Bob", ["Three"])


def test_who_made_the_shapes_travels_into_the_card(
    config, store_folder, train, tmp_path: Path
) -> None:
    made = open_store(_prepared(licensed(tmp_path / "set"), tmp_path / "store"))
    shares = [StoreShare(store_folder), StoreShare(made.folder)]
    classes = ("ball", "bench", "box", "seat")
    settings = {"model": config.model.model_copy(update={"classes": classes}), "image_steps": 0}
    train(config.model_copy(update=settings), tmp_path / "run", store=shares)
    folder = export.export(tmp_path / "run", str(tmp_path / "made" / "tiny"), shares, "")
    card = json.loads((folder / "card.json").read_text("utf-8"))
    assert card["attributions"] == made.attributions
    assert card["data"]["licence"] == "CC-BY-4.0, CC-BY-NC-4.0"


def test_what_is_not_free_to_sell_is_left_out_when_asked(tmp_path: Path) -> None:
    source = licensed(tmp_path / "set")
    store = open_store(_prepared(source, tmp_path / "store", only_sellable=True))
    assert store.ids == ("000/a.off",)
    with pytest.raises(DataError, match="that lets the likeness"):
        _prepared(shelf(tmp_path / "other", 2), tmp_path / "no", only_sellable=True)


def licensed(source: Path) -> Path:
    """Three different shapes: one free to sell, one with a note, one not for commerce."""
    rows = [
        "000/a.off,seat,One,Ann,CC-BY-4.0,https://by,https://x,cut,",
        "001/a.off,bench,Two,Ann,CC-BY-4.0,https://by,https://x,cut,a known design",
        "002/a.off,seat,Three,Bob,CC-BY-NC-4.0,https://nc,https://x,,",
    ]
    releases.put(source / "LICENSES.csv", (HEAD + "\n".join(rows)).encode())
    for k, turn in enumerate(("xyz", "x-zy", "zxy")):
        releases.put(source / f"{k:03d}/a.off", releases.off(turn))
    return source


def _prepared(source: Path, out: Path, **options: object) -> Path:
    list(prepare(source, out, views=0, workers=1, **options))  # type: ignore[arg-type]
    return out
