"""Sweeps: which runs they are, that they are trained, gone on with, and shared out."""

from __future__ import annotations

import itertools

import pytest
from typer.testing import CliRunner

from shapelab.core.errors import RunError
from shapelab.core.runs.run_folder import RunFolder, summarise
from shapelab.core.runs.run_state import RunState
from trainer.__main__ import app
from trainer.training.sweep import SweptRun, runs_of

TINY = [
    "steps=3", "batch_size=8", "warm_start=9", "image_steps=0", "threads=1", "save_every=3",
    "validate_every=2", "preview_every=9", "log_every=1", "model.generator_width=16",
    "model.encoder_width=4", "model.critic_width=4", "model.latent_size=8", "model.image_size=32",
    "model.image_convs=[[8, 5, 4], [8, 3, 2]]",
]  # fmt: skip


def call(*arguments, code=0):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def sweep(store, folder, *more, varied=("delta=100,300", "kl_warm_up=0.1,0.3")):
    settings = [part for text in (*TINY, *varied) for part in ("--set", text)]
    return call("sweep", "--data", store, "--dir", folder, *settings, *more)


def test_each_combination_is_one_run():
    found = runs_of(["steps=10", "delta=100,300", "kl_warm_up=0.1,0.3,0.5"])
    expected = itertools.product(("100", "300"), ("0.1", "0.3", "0.5"))
    assert found == [
        SweptRun(
            f"delta={delta},kl_warm_up={warm}",
            ("steps=10", f"delta={delta}", f"kl_warm_up={warm}"),
        )
        for delta, warm in expected
    ]


def test_commas_in_a_value_do_not_part_it():
    found = runs_of(["betas=[0.5, 0.9],[0.9, 0.99]", 'preset="a,b"', "delta=1"])
    assert [run.settings[0] for run in found] == ["betas=[0.5, 0.9]", "betas=[0.9, 0.99]"]
    assert {run.settings[1] for run in found} == {'preset="a,b"'}
    assert [run.name for run in found] == ["betas=_0.5_0.9_", "betas=_0.9_0.99_"] or [
        run.name for run in found
    ] == ["betas=_0.5,_0.9_", "betas=_0.9,_0.99_"]


def test_names_that_would_be_the_same_or_too_long_are_numbers():
    assert [run.name for run in runs_of(["backgrounds=/a b,/a;b"])] == ["run-001", "run-002"]
    long = ",".join("x" * 150 + str(k) for k in range(2))
    assert [run.name for run in runs_of([f"start_from={long}", f"preset={long}"])] == [
        f"run-{k:03d}" for k in range(1, 5)
    ]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (["delta=100"], "Nothing varies"),
        (["delta=100,100"], "Nothing varies"),
        (["delta"], "'delta' is no setting"),
        (["delta=1,,2"], "is no setting"),
        (["=1,2"], "is no setting"),
        ([f"s{k}=1,2" for k in range(11)], "more than 1000 runs"),
    ],
)
def test_what_is_no_sweep_is_refused(given, reason):
    with pytest.raises(RunError, match=reason):
        runs_of(given)


def test_a_sweep_is_trained_gone_on_with_and_compared(store_folder, tmp_path):
    folder = tmp_path / "sweep"
    lines = sweep(store_folder, folder, "--lines").splitlines()
    assert len(lines) == 4
    assert all(line.startswith("shapelab train fit --data ") for line in lines)
    assert not folder.exists()
    done = folder / "delta=100,kl_warm_up=0.3"
    assert "--set delta=100 --set kl_warm_up=0.3" in lines[1]
    taken = folder / "delta=300,kl_warm_up=0.1"
    words = [part for text in TINY for part in ("--set", text)]
    for run in (done, taken):
        delta, warm = run.name.split(",")
        call("fit", "--data", store_folder, "--dir", run, *words, "--set", delta, "--set", warm)
    (RunFolder(taken).events).write_text("")  # as if it had just begun
    with RunFolder(taken).locked():
        told = sweep(store_folder, folder)
        assert [line for line in told.splitlines() if " of 4: " in line] == [
            "Run 1 of 4: delta=100,kl_warm_up=0.1",
            "Run 4 of 4: delta=300,kl_warm_up=0.3",
        ]
    states = {run.name: summarise(RunFolder(run)).state for run in folder.iterdir()}
    assert [states[run.name] for run in (done, folder / "delta=300,kl_warm_up=0.3")] == [
        RunState.COMPLETED
    ] * 2
    assert RunFolder(folder / "delta=300,kl_warm_up=0.3").read_config().kl_warm_up == 0.3
    header = next(line for line in told.splitlines() if line.startswith("Run  "))
    assert header.split()[1:4] == ["delta", "kl_warm_up", "Step"]
    assert sweep(store_folder, folder, "--lines").count("train fit") == 1  # the one that was taken
    compared = call("compare", folder)
    assert compared.count("kl_warm_up=") == 4


def test_a_run_that_became_another_one_does_not_end_the_sweep(store_folder, tmp_path):
    """Settings changed under way, say; the run is kept, named, and the others are trained."""
    folder = tmp_path / "sweep"
    sweep(store_folder, folder, varied=("delta=100,300",))
    changed = RunFolder(folder / "delta=100")
    settings = changed.read_config().model_copy(update={"delta": 200.0})
    changed.write_config(settings)
    changed.events.write_text("")  # as if it had been killed
    with pytest.raises(RunError, match="1 of 3 runs ended early: delta=100"):
        sweep(store_folder, folder, varied=("delta=100,300,500",))
    assert changed.read_config() == settings
    assert summarise(RunFolder(folder / "delta=500")).state is RunState.COMPLETED


def test_settings_that_cannot_be_are_found_before_anything_begins(store_folder, tmp_path):
    with pytest.raises(RunError, match="Setting 'delta' cannot be used"):
        sweep(store_folder, tmp_path / "sweep", varied=("delta=100,-1",))
    assert not (tmp_path / "sweep").exists()
