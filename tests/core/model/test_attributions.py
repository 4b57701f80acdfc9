"""Who made what a model learnt from: read from its card, told by info."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from shapelab.core.model.attributions import Credit, credits_of
from shapelab.core.paths import find_model
from shapelab.describe import describe

ROW = {
    "author": "Ann",
    "licence": "CC-BY-4.0",
    "licence_url": "https://by",
    "source": "https://x",
    "changes": "cut",
    "titles": ["One", "Two"],
}


def test_a_work_is_named_with_all_that_its_licence_asks_for() -> None:
    (credit,) = credits_of({"attributions": [ROW]})
    assert credit == Credit(("One", "Two"), "Ann", "CC-BY-4.0", "https://by", "https://x", "cut")
    assert str(credit) == "One, Two by Ann; CC-BY-4.0 (https://by); https://x; changed: cut"
    (bare,) = credits_of({"attributions": [{"titles": ["Stool"], "licence": "CC0-1.0"}]})
    assert str(bare) == "Stool by an unnamed author; CC0-1.0"


@pytest.mark.parametrize("given", [None, "x", {}, [3, "x"]])
def test_a_card_that_says_nothing_usable_has_no_works(given: object) -> None:
    assert credits_of({"attributions": given}) == []


def test_info_lists_the_works(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(find_model("modelnet10"), folder)
    card = json.loads((folder / "card.json").read_text("utf-8"))
    (folder / "card.json").write_text(json.dumps(card | {"attributions": [ROW]}), "utf-8")
    lines = describe(str(folder))
    assert lines[-2] == "made from:"
    assert lines[-1].startswith("- One, Two by Ann; CC-BY-4.0")
    assert not any(line.startswith("attributions") for line in lines)
