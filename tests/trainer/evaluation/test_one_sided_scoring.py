"""Half-views have what one look of a depth camera has, and both ways of using it are scored."""

from __future__ import annotations

import numpy as np
import pytest

from shapelab.core.model.wholeness import SOLID
from tests.trainer.conftest import make_store
from trainer.data.store.prepared_store import open_store
from trainer.evaluation import one_sided_scoring
from trainer.evaluation.measures import Findings
from trainer.evaluation.metrics import average_precision, iou
from trainer.evaluation.one_sided_scoring import look
from trainer.evaluation.subjects import Subject, held_out_of


def test_a_look_sees_the_near_side_and_knows_what_is_free_before_it():
    solid = np.zeros((32, 32, 32), bool)
    solid[8:24, 8:24, 8:24] = True
    sight = look(solid, 0.0, 0.0)  # from the front
    assert sight.seen[9:23, 8, 9:23].all()
    assert not sight.seen[:, 9:].any()
    assert not (sight.seen & ~solid).any()
    assert not (sight.free & solid).any()
    assert sight.free[10:22, :6, 10:22].mean() > 0.95
    assert not sight.known[10:22, 10:, 10:22].any()  # the inside, and behind it
    above = look(solid, 90.0, 30.0)  # from the right, a little up
    assert above.seen[23, 9:23, 9:23].all()
    assert above.seen[9:23, 9:23, 23].all()
    assert not above.seen[:20, :, :20].any()


def test_both_fits_are_scored_against_the_whole_shapes(model, tmp_path):
    store = open_store(make_store(tmp_path, classes=("night_stand", "table")))
    held = held_out_of(store, model.spec)
    told = []
    found = Findings(lambda *at: told.append(at), lambda: None, draws=True)
    chosen = np.array([0, 3])
    one_sided_scoring.score(Subject(model), held, chosen, found)
    assert told[-1] == ("half-views", 2, 2)
    # Each against the definition, computed here.
    rows = held.rows[chosen]
    truth, ious, precisions = held.solid(rows), [], []
    for row, solid in zip(rows.tolist(), truth, strict=True):
        rng = np.random.default_rng([row, 1])
        sight = look(solid, rng.uniform(0, 360), rng.uniform(10, 40))
        plain = model.decode(model.encode_voxels(sight.seen))
        whole = model.decode(model.complete([sight])[0])
        both = np.stack([plain, whole])
        ious.append(iou(both > SOLID, np.stack([solid, solid])))
        precisions.append(average_precision(both, np.stack([solid, solid])))
    for key, values in (("iou", ious), ("ap", precisions)):
        means = np.mean(values, axis=0)
        for name, mean in zip(("plain", "completed"), means, strict=True):
            assert found.figures[f"half_view_{name}_{key}"].mean == pytest.approx(mean)
    assert np.mean(ious, axis=0)[1] > np.mean(ious, axis=0)[0] + 0.1
    assert [strip.class_name for strip in found.strips] == list(
        dict.fromkeys(held.names(rows).tolist())
    )
