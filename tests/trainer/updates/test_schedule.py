"""When the image encoder has learnt anything, and so belongs to the model."""

from __future__ import annotations

import pytest

from shapelab.core.model.model_file import PICTURES
from trainer.updates.schedule import learns_pictures, updates
from trainer.updates.state import new_state


@pytest.mark.parametrize("pictures", [True, False])
@pytest.mark.parametrize("change", [{}, {"image_steps": 0}, {"image_every": 2}])
def test_the_image_encoder_counts_once_an_update_has_moved_it(config, pictures, change):
    config = config.model_copy(update={"image_every": 0} | change)
    moved = False
    for step in range(config.steps):
        moved |= bool({"image", "distil"} & set(updates(config, step, pictures))) and pictures
        assert learns_pictures(config, step + 1, pictures) == moved


def test_a_model_saved_at_the_start_of_the_image_phase_sees_no_pictures(config, alone):
    state = new_state(config.model_copy(update={"image_every": 0}), alone)
    state.step = config.main_steps
    assert PICTURES not in state.learnt(pictures=True)
    state.step += 1
    assert PICTURES in state.learnt(pictures=True)
