"""The benchmark counts, times and reports; how fast anything is, no test asserts."""

from __future__ import annotations

import json

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from typer.testing import CliRunner

from shapelab.core.model.networks import Critic, Generator, VoxelEncoder
from shapelab.core.model.spec import ModelSpec
from trainer.__main__ import app
from trainer.bench import training_bench


@pytest.fixture
def tiny(monkeypatch):
    """The benchmark at a width that takes a second."""
    monkeypatch.setitem(training_bench.WIDTHS, "small", (16, 4))
    monkeypatch.setattr(training_bench, "MATMUL_SIDE", 64)
    monkeypatch.setattr(training_bench, "SHAPES", 16)


def test_flops_of_the_released_networks_are_those_of_the_design():
    count = training_bench.flops(ModelSpec())
    assert count.generator / 1e6 == pytest.approx(252.5, abs=0.1)
    assert count.critic / 1e6 == pytest.approx(251.7, abs=0.1)
    assert count.critic_step / 1e9 == pytest.approx(2.86, abs=0.01)


def test_flops_are_those_that_torch_counts():
    spec = ModelSpec(generator_width=16, encoder_width=4, critic_width=8, latent_size=10)
    count = training_bench.flops(spec)
    grid = torch.zeros(2, 1, 32, 32, 32)
    for network, given, ours in (
        (Generator(spec), torch.zeros(2, 10), count.generator),
        (Critic(spec), grid, count.critic),
        (VoxelEncoder(spec), grid, count.encoder),
    ):
        counter = FlopCounterMode(display=False)
        # On another device layers are torch's own, which is what is counted.
        with counter, torch.no_grad():
            network.to("meta")(given.to("meta"))
        assert counter.get_total_flops() == 2 * ours


def test_measure_reports_all_steps_of_both_sides(tiny):
    threads = torch.get_num_threads()
    report = training_bench.measure("small", batch=4, threads=1, rounds=1)
    assert torch.get_num_threads() == threads
    names = [rate.name for rate in report.speeds]
    assert names == ["critic step", "encoder step", "generator step", "whole schedule"]
    for rate in report.speeds:
        assert rate.ratio == pytest.approx(rate.ours / rate.baseline)
        flops = rate.ours * rate.gflop
        assert rate.matmul_share == pytest.approx(flops / report.matmul_gflops)
    critic, encoder, generator, whole = (1 / rate.ours for rate in report.speeds)
    assert whole == pytest.approx(critic + encoder + generator / 5)
    assert report.making_share > 0
    assert 0 < report.data_share < 1
    assert report.with_data > 0
    assert f"{report.with_data:.2f} times the port's speed" in report.describe()


def test_command_prints_lines_or_json(tiny):
    arguments = ["bench", "--width", "small", "--batch", "4", "--threads", "1", "--rounds", "1"]
    text = CliRunner().invoke(app, arguments)
    assert text.exit_code == 0, text.output
    assert "whole schedule" in text.output
    parsed = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)
    assert parsed["width"] == "small"
    assert {"baseline", "ours", "ratio", "matmul_share"} <= parsed["speeds"][0].keys()


def test_an_unknown_width_is_refused():
    result = CliRunner().invoke(app, ["bench", "--width", "huge"])
    assert result.exit_code == 2
    assert "paper" in result.output
