"""An evaluation as lines, as JSON and as one page that needs nothing but itself."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from shapelab.core.errors import ExportError
from trainer.data.pictures.draw import draw
from trainer.evaluation.measures import SIDE, Evaluation, Figure, Strip
from trainer.report import evaluation_page

BALL = (np.linalg.norm(np.indices((32, 32, 32)) - 15.5, axis=0) < 9).astype(np.float32)
DRAWN = draw(BALL, SIDE)
SOURCES = {"procedural:9": 0.5, "open": 0.75}
SHARE = Figure(0.75, 0.5, 0.6, 0.9, {"<chair>": 0.25, "bed": 0.75}, SOURCES, worst="<chair>")


def found(**changes) -> Evaluation:
    strips = tuple(Strip(name, "Samples", (DRAWN, DRAWN, DRAWN)) for name in ("<chair>", "bed"))
    whole = {
        "subject": "tiny", "source": "shapes.npz", "photos": "", "shapes": 40,
        "held_out": 50, "trained": 0,
        "truncation": 0.8, "best_level": 0.45, "level_from": "these validation shapes",
        "strips": strips,
        "figures": {
            "iou": Figure(0.61, 0.6, 0.5, 0.7, {"bed": 0.6}),
            "one_piece": SHARE,
            "sample_one_piece": SHARE,
            "sample_1nna": Figure(0.58, 0.58, None, None, {"bed": 0.58}),
        },
    }  # fmt: skip
    return Evaluation(**{**whole, **changes})


def test_the_page_shows_the_numbers_of_the_json_and_nothing_from_elsewhere():
    page, told = evaluation_page.render(found()), json.loads(evaluation_page.to_json(found()))
    assert told["figures"]["one_piece"]["by_class"] == SHARE.by_class
    assert "strips" not in told
    assert f"{100 * told['figures']['sample_1nna']['mean']:.1f} %" in page
    assert "0.500 – 0.700" in page
    assert "60.0 – 90.0 %" in page
    assert '<td class="n low">25.0 %</td>' in page  # most are in pieces
    assert "40 of 50 of shapes.npz" in page
    assert "&lt;chair&gt;" in page
    assert "<chair>" not in page
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert page.count("<img") == 2
    assert "arXiv 1707.09557" in page
    assert "&lt;chair&gt; 25.0 %" in page  # the worst class
    assert page.index("procedural:9") < page.index("In one piece, by class")
    assert told["figures"]["iou"]["label"] == "Voxel IoU at 0.5"
    assert "0.45, by mean IoU of these validation shapes" in page


def test_photos_of_ikea_stand_beside_the_papers_by_class():
    ours = Figure(0.5, 0.61, 0.4, 0.6, {"bed": 0.72, "table": 0.5}, worst="table")
    page = evaluation_page.render(found(figures={"ikea_fitted_aligned": ours}))
    table = page[page.index("Photos of IKEA") :]
    rows = [re.findall(r"[\d.]+ %|–", row) for row in table.split("<tr>")]
    assert rows[2] == ["72.0 %", "–", "–", "–", "–", "50.0 %", "61.0 %"]
    assert rows[3][0] == "29.5 %"
    for values in evaluation_page.PUBLISHED_IKEA.values():
        assert np.mean(values[:6]) == pytest.approx(values[6], abs=0.11)


def test_what_is_missing_is_a_dash_and_no_error():
    nothing = found(shapes=0, best_level=None, figures={"sample_one_piece": SHARE}, strips=())
    assert "Best level" not in evaluation_page.render(nothing)
    lines = evaluation_page.describe(found()).splitlines()
    assert lines[-1].split() == ["bed", "75%", "75%"]
    assert json.loads(evaluation_page.to_json(nothing))["best_level"] is None


def test_a_page_of_many_classes_stays_below_three_megabytes(monkeypatch):
    monkeypatch.setattr(evaluation_page, "MOST_BYTES", 15_000)
    names = [f"class {k}" for k in range(9)]
    strips = tuple(Strip(name, "Samples", (DRAWN,) * 2) for name in names)
    figures = {"sample_one_piece": Figure(0.5, 0.5, None, None, dict.fromkeys(names, 0.5))}
    page = evaluation_page.render(found(figures=figures, strips=strips))
    assert len(page) < 15_000 + 12_000
    assert 0 < page.count("<img") < 9
    assert f"of {9 - page.count('<img')} classes more would" in page


def test_a_page_replaces_nothing_without_leave(tmp_path):
    page = tmp_path / "new" / "page.html"
    evaluation_page.write(found(), page)
    before = page.read_bytes()
    with pytest.raises(ExportError, match="--force"):
        evaluation_page.write(found(shapes=1), page)
    assert page.read_bytes() == before
    evaluation_page.write(found(shapes=1), page, force=True)
    assert page.read_bytes() != before
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="cannot be written"):
        evaluation_page.write(found(), tmp_path / "file" / "page.html")
