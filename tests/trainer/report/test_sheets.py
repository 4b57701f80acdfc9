"""Sheets to judge a model by eye: what they hold, and that loose shapes are framed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from shapelab.core.errors import ExportError
from shapelab.core.model.wholeness import one_part
from shapelab.core.runs.previews import GAP, TILE, tile_corner
from trainer.evaluation import subjects
from trainer.report import sheets


def test_a_sheet_frames_what_is_not_in_one_piece(config, train, store_folder, tmp_path):
    train(config.model_copy(update={"steps": 60, "warm_start": 52}), tmp_path / "run")
    state, store = subjects.read_run(tmp_path / "run", store_folder)
    subject = subjects.of_run(state, store, "run")
    held = subjects.held_out_of(store, subject.model.spec)
    told: list[tuple[str, int, int]] = []
    written = sheets.write(subject, held, tmp_path / "made", 0.8, lambda *at: told.append(at))
    names = ["samples-ball.png", "samples-box.png", "morphs.png", "pictures.png"]
    assert [path.name for path in written] == names
    assert told[-1] == ("sheets", 4, 4)
    image = np.asarray(Image.open(written[1]))
    assert image.shape[0] >= 8 * (TILE + GAP)
    whole = one_part(
        subject.model.decode(np.concatenate([subject.model.sample("box", k) for k in range(64)]))
        > 0.5
    )
    corners = [tile_corner(image.shape[1], 8, *divmod(k, 8)) for k in range(64)]
    framed = [(image[top, left] == (0xB3, 0x26, 0x1E)).all() for left, top in corners]
    assert framed == (~whole).tolist()
    with pytest.raises(ExportError, match="--force"):
        sheets.write(subject, None, tmp_path / "made", 0.8, lambda *_at: None)


def test_morphs_take_all_classes_in_turn_and_some_go_from_one_to_another():
    labels = np.repeat([0, 1, 4], 30)
    pairs = sheets.morph_pairs(labels, 20)
    kinds = [(labels[a], labels[b]) for a, b in pairs]
    same = [a for a, b in kinds if a == b]
    assert len(set(pairs)) == len(pairs) == 17 + 3  # of three classes there are three pairs
    assert same[:6] == [0, 1, 4, 0, 1, 4]
    assert sheets.morph_pairs(np.array([2]), 20) == []
