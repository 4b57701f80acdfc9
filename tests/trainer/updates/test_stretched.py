"""The main phase on shapes of other proportions, and an image encoder that waits for its own."""

from __future__ import annotations

import torch

from shapelab.core.runs.events import Validated
from trainer.data.batches.batches import Batches
from trainer.data.store.prepared_store import open_store
from trainer.updates.schedule import updates


def batches(store_folder, config, alone, share):
    config = config.model_copy(update={"stretched": share})
    return Batches(open_store(store_folder), config, alone)


def changed(batch, plain):
    return (batch.grids != plain.grids).flatten(1).any(1)


def test_a_share_of_a_batch_gets_other_proportions(config, store_folder, alone):
    none, half, all_ = (batches(store_folder, config, alone, share) for share in (0, 0.5, 1))
    counts = [int(changed(half(step, False), none(step, False)).sum()) for step in range(16)]
    assert 0.3 < sum(counts) / (16 * config.batch_size) < 0.7
    assert changed(all_(0, False), none(0, False)).float().mean() > 0.8  # a ball may come out alike
    assert torch.equal(half(3, False).grids, half(3, False).grids)
    assert torch.equal(half(3, False).noise, none(3, False).noise)


def test_shapes_stay_as_their_pictures_show_them(config, store_folder, alone):
    stretched, plain = (batches(store_folder, config, alone, share)(2, True) for share in (1, 0))
    assert torch.equal(stretched.grids, plain.grids)
    assert torch.equal(stretched.pictures, plain.pictures)


def test_the_image_encoder_may_wait_for_its_own_phase(config, train, tmp_path):
    config = config.model_copy(update={"image_every": 0, "stretched": 0.5, "validate_every": 2})
    assert "image" not in updates(config, 0, True)
    assert updates(config, config.main_steps, True) == ["distil"]
    scores = {e.step: e.metrics for e in train(config, tmp_path) if isinstance(e, Validated)}
    assert all(("picture_iou" in m) == (s > config.main_steps) for s, m in scores.items())
    assert min(scores) < config.main_steps < max(scores)
