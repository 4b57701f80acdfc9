"""The adversarial updates: what the critic is shown, how far they may move, in what precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trainer.data.batches.batches import Batches
from trainer.data.store.prepared_store import open_store
from trainer.updates import steps
from trainer.updates.state import new_state


@pytest.fixture
def made(config, store_folder, alone):
    """Makes a state with changed settings, and a batch with pictures for it."""

    def make(**changes):
        changed = config.model_copy(update=changes)
        return new_state(changed, alone), Batches(open_store(store_folder), changed, alone)(4, True)

    return make


def test_the_adversarial_learning_rate_bounds_all_that_the_critic_does_to_the_generator(made):
    """Its pull does not come back as momentum in the reconstruction's next, bolder update."""
    after = []
    for pulled in (False, True):
        state, batch = made(adversarial=1e4, adversarial_learning_rate=1e-12, learning_rate=1e-2)
        if pulled:
            steps.generator_step(state, batch)
        steps.encoder_step(state, batch)
        after.append(torch.cat([p.detach().flatten() for p in state.generator.parameters()]))
    start, _ = made()
    begin = torch.cat([p.detach().flatten() for p in start.generator.parameters()])
    assert (after[0] - begin).abs().max() > 1e-3
    assert (after[1] - after[0]).abs().max() < 1e-6


@pytest.mark.parametrize(("sees", "same"), [("prior", True), ("both", False)])
@pytest.mark.parametrize("loss", ["wasserstein", "r3"])
def test_a_critic_that_sees_the_prior_only_knows_nothing_of_encoded_shapes(made, sees, same, loss):
    penalty = "r1r2" if loss == "r3" else "sample"
    results = []
    for other in (False, True):
        state, batch = made(critic_sees=sees, loss=loss, penalty=penalty)
        with torch.no_grad():
            torch._foreach_mul_(list(state.generator.parameters()), 10)  # not all grey
            torch._foreach_mul_(list(state.voxel_encoder.parameters()), 3 if other else 1)
        state.generator.eval()  # else its statistics are of the whole batch
        judged = steps.critic_step(state, batch)
        results.append((judged["critic"], steps.generator_step(state, batch)["generator"]))
    for one, another in zip(*results, strict=True):
        assert torch.equal(one, another) == same


def test_the_penalty_is_computed_in_full_float32(made, monkeypatch):
    flags = (torch.backends.cuda.matmul, torch.backends.cudnn)
    seen = []
    state, batch = made()
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    state.critic_loss.register_forward_hook(
        lambda *_: seen.append([flag.allow_tf32 for flag in flags])
    )
    before = [flag.allow_tf32 for flag in flags]
    steps.critic_step(state, batch)
    assert seen == [[False, False]]
    assert [flag.allow_tf32 for flag in flags] == before


def test_blends_lie_between_the_codes_of_two_shapes_of_a_class(config, store_folder, alone):
    changed = config.model_copy(update={"prior": "blends", "vae": "true"})
    store, state = open_store(store_folder), new_state(changed, alone)
    batches = Batches(store, changed, alone)
    plain, batch = batches(4, False), batches(4, False, partners=True)
    assert plain.partners is None
    assert torch.equal(plain.grids, batch.grids)  # partners change no other draw
    assert torch.equal(plain.noise, batch.noise)
    rows = store.indices("train")
    for row, partner in zip(batch.rows, batch.partners[:, 0].numpy() > 0.5, strict=True):
        same = rows[store.labels[rows] == store.labels[row]]
        assert any(np.array_equal(partner, other) for other in store.grids(same))
    state.voxel_encoder.eval()
    with torch.no_grad():
        ends = [
            mean + (0.5 * log_variance).exp() * noise
            for (mean, log_variance), noise in (
                (state.voxel_encoder(batch.grids), batch.noise),
                (state.voxel_encoder(batch.partners), batch.image_noise),
            )
        ]
    expected = ends[0] + batch.blend * (ends[1] - ends[0])
    torch.testing.assert_close(steps._prior(state, batch), expected)
    assert torch.equal(steps._fake_latents(state, batch)[::2], steps._prior(state, batch)[::2])


def test_the_critic_has_learnt_in_the_adversarial_phase_alone(config, alone):
    base = {"steps": 30, "image_steps": 10}
    for warm_start, step, learnt in ((5, 5, False), (5, 6, True), (5, 30, True), (20, 30, False)):
        state = new_state(config.model_copy(update=base | {"warm_start": warm_start}), alone)
        state.step = step
        assert (state.learnt_critic is state.critic) is learnt, (warm_start, step)
