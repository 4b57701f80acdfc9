"""The timeline that a run writes: a model a save, thinned out as it grows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from shapelab.core.runs.events import Saved
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_models import moment_at, moments, open_moment, order
from shapelab.core.runs.run_state import RunState
from trainer.checkpoints import checkpoint_store
from trainer.data.store.prepared_store import open_store
from trainer.evaluation.code_statistics import fit_density
from trainer.training import timeline
from trainer.training.timeline import superfluous
from trainer.updates.state import new_state


def test_each_save_leaves_a_model_of_the_averages(config, train, store_folder, alone, tmp_path):
    events = train(config, tmp_path)
    folder = RunFolder(tmp_path)
    saved = [event for event in events if isinstance(event, Saved)]
    assert [path.name for path in moments(folder)] == [Path(e.path).name for e in saved]
    state = new_state(config, alone)
    state.load(*checkpoint_store.read_newest(folder.checkpoints))
    model = open_moment(moment_at(folder))
    assert model.classes == config.model.classes
    store, rows = open_store(store_folder), np.arange(4)
    grids = store.grids(rows)
    with torch.inference_mode():
        voxels = torch.from_numpy(grids[:, None].astype(np.float32))
        codes = state.averages["voxel_encoder"](voxels)[0]
        fields = torch.sigmoid(state.averages["generator"](codes))[:, 0].numpy()
    own = model.encode_voxels(grids)
    assert np.abs(own - codes.numpy()).max() < 0.02  # float16 in the file
    assert np.abs(model.decode(codes.numpy()) - fields).max() < 0.02
    density = fit_density(state.averages["voxel_encoder"], store)
    assert np.allclose(model.density.means, density.means, atol=1e-5)
    assert np.allclose(model.density.factors, density.factors, atol=1e-4)
    # The latent has 8 numbers, so there are 8 directions, and the others do nothing.
    lengths = np.linalg.norm(model.directions.vectors, axis=2)
    assert (lengths[:, :8] > 0).all()
    assert not lengths[:, 8:].any()
    assert np.allclose(model.directions.explained.sum(1), 1, atol=1e-5)


def test_networks_that_are_out_of_bounds_leave_none(config, store_folder, alone, tmp_path):
    store, folder = open_store(store_folder), RunFolder(tmp_path)
    state = new_state(config, alone)
    for value in (float("nan"), 1e30):
        with torch.no_grad():
            state.averages["voxel_encoder"].heads.bias.fill_(value)
        timeline.keep(folder, "step-000000001", state, store)
    assert moments(folder) == []
    with torch.no_grad():  # finite, but the shapes' codes are not
        state.averages["voxel_encoder"].heads.bias.fill_(0)
        for weight in state.averages["voxel_encoder"].parameters():
            weight.fill_(6e4)
    timeline.keep(folder, "step-000000001", state, store)
    assert moments(folder) == []


def test_a_disk_that_refuses_does_not_end_the_run(config, train, tmp_path):
    tmp_path.joinpath("timeline").write_text("in the way")
    assert train(config, tmp_path)[-1].reason == RunState.COMPLETED


def named(*steps: int) -> list[Path]:
    return [Path(f"step-{step:09d}") for step in steps]


def test_a_long_timeline_is_even_and_keeps_its_ends_and_what_is_needed():
    left: list[Path] = []
    for step in range(500, 30_001, 500):
        left += named(step)
        needed = {path.name for path in (*left[-3:], *named(1500))}
        gone = superfluous(left, needed, 12)
        left = [path for path in left if path not in gone]
    at = [order(path)[1] for path in left]
    assert len(at) == 12
    assert at[0] == 500
    assert at[-3:] == [29_000, 29_500, 30_000]
    assert 1500 in at
    wide = np.diff([step for step in at[:-2] if step != 1500])
    assert wide.max() <= 3 * wide.min()
    assert superfluous(named(1, 2, 3), {p.name for p in named(2)}, 2) == []
    assert superfluous(named(1, 2, 3), set(), 3) == []
