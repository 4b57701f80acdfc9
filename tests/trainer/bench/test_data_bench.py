"""The benchmark of reading times all that a store gives; how fast it is, no test asserts."""

from __future__ import annotations

import json

import pytest
import torch
from typer.testing import CliRunner

from tests.trainer.conftest import make_store
from trainer.__main__ import app
from trainer.bench import data_bench

NARROW = [
    "batch_size=4", "model.generator_width=16", "model.encoder_width=4", "model.critic_width=4",
    "model.latent_size=8", "model.image_size=32", "model.image_convs=[[8, 5, 4], [8, 3, 2]]",
]  # fmt: skip


def test_all_kinds_are_timed_against_the_step_that_needs_them(store_folder):
    threads = torch.get_num_threads()
    report = data_bench.measure(store_folder, threads=1, rounds=1, settings=NARROW)
    assert torch.get_num_threads() == threads
    assert (report.shapes, report.batch) == (40, 4)
    names = {rate.name.split(" / ")[0] for rate in report.speeds}
    assert {
        "grids",
        "signed distances",
        "pictures",
        "pictures as inputs",
        "a batch of pictures",
    } <= names
    for rate in report.speeds:
        assert rate.ratio == pytest.approx(rate.given / rate.taken)
        assert rate.given > 0
        assert rate.name in report.describe()
    whole, read = (
        next(r for r in report.speeds if r.name.startswith(n))
        for n in ("a batch of p", "pictures /")
    )
    assert whole.taken == read.taken


def test_a_store_without_pictures_has_no_rates_of_them(tmp_path):
    make_store(tmp_path, pictured=False)
    sets = [part for text in NARROW for part in ("--set", text)]
    arguments = ["bench-data", str(tmp_path), "--threads", "1", "--rounds", "1", "--json", *sets]
    output = CliRunner().invoke(app, arguments).output
    names = [rate["name"] for rate in json.loads(output)["speeds"]]
    assert any(name.startswith("grids") for name in names)
    assert not any("picture" in name for name in names)
