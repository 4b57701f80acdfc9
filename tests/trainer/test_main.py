"""The trainer's command line from source to model file, and its sentences."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from shapelab import load_model
from shapelab.core.errors import ShapelabError
from shapelab.core.runs import evaluation_file
from shapelab.core.runs.events import Failed, Finished, Scored, from_line
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_state import RunState
from trainer.__main__ import app
from trainer.data.source import Item
from trainer.data.store.shards import encode
from trainer.data.store.store_writer import StoreRecipe, StoreWriter, digest_of

SMALL = [
    "steps=3", "batch_size=8", "warm_start=1", "image_steps=0", "threads=1", "save_every=3",
    "validate_every=3", "log_every=1", "model.generator_width=16", "model.encoder_width=4",
    "model.critic_width=4", "model.latent_size=8", "model.image_size=32",
    "model.image_convs=[[8, 5, 4], [8, 3, 2]]",
]  # fmt: skip


def call(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_prepare_fit_resume_evaluate_export(source, tmp_path):
    store, run, made = tmp_path / "store", tmp_path / "run", tmp_path / "models" / "tiny"
    output = call("prepare", source, "--out", store, "--views", 0, "--workers", 1)
    assert "40 shapes of 2 classes" in output
    assert "1 rejected, 1 duplicates left out" in output
    settings = [part for text in SMALL for part in ("--set", text)]
    output = call("fit", "--preset", "small", "--data", store, "--run", run, *settings)
    assert "step 3  finished" in output
    assert RunFolder(run).read_config().precision in ("fp32", "bf16")  # the preset says auto
    again = call("resume", run)  # nothing is left to do
    assert "is complete at 3/3" in again
    assert "--set steps=6" in again
    assert "step 5  finished" in call("resume", run, "--set", "steps=5")
    assert "critic_svm" in call("evaluate", run)
    lines = call("export-model", "--events", "jsonl", "--note=-- thin", "--", run, made)
    events = [from_line(line) for line in lines.splitlines()]
    assert any(isinstance(event, Scored) for event in events)
    assert events[-1] == Finished(0, RunState.COMPLETED)
    assert json.loads((made / "card.json").read_text("utf-8"))["note"] == "-- thin"
    model = load_model(made)
    page = tmp_path / "page.html"
    lines = call("evaluate", made, "--data", store, "--report", page, "--events", "jsonl")
    events = [from_line(line) for line in lines.splitlines()]
    assert Scored(0, "surfaces", 4, 4) in events
    assert events[-1] == Finished(0, RunState.COMPLETED)
    told = json.loads(page.with_suffix(".json").read_text("utf-8"))
    assert evaluation_file.read(page.with_suffix(".json")).classes == ("ball", "box")
    assert told["held_out"] == 4
    card = json.loads((made / "card.json").read_text("utf-8"))["figures"]
    # Of the same shapes, though the file rounds weights to float16.
    assert told["figures"]["iou"]["mean"] == pytest.approx(card["iou"], abs=0.02)
    assert told["figures"]["iou"]["by_class"].keys() == card["iou_by_class"].keys()
    text = page.read_text("utf-8")
    assert f"{told['figures']['iou']['mean']:.3f}" in text
    # Of each class reconstructions, half-views, a strip of midpoints, samples.
    assert text.count("<img") == 2 * 4
    page.unlink()
    with pytest.raises(ShapelabError, match=r"page\.json is there already"):
        call("evaluate", made, "--data", store, "--report", page)
    with pytest.raises(ShapelabError, match="draws and does not score"):
        call("evaluate", made, "--data", store, "--sheets", tmp_path, "--json")
    with pytest.raises(ShapelabError, match="name held-out shapes with --data"):
        call("evaluate", made)
    with pytest.raises(ShapelabError, match="holds no run and no model"):
        call("evaluate", store)
    assert model.decode(model.sample("ball", seed=1)).shape == (1, 32, 32, 32)
    with pytest.raises(ShapelabError, match="holds a run already"):
        call("fit", "--preset", "small", "--data", store, "--run", run, *settings)


def test_a_fit_that_cannot_start_leaves_no_folder(source, tmp_path):
    store, run = tmp_path / "store", tmp_path / "run"
    call("prepare", source, "--out", store, "--views", 0)
    with pytest.raises(ShapelabError, match="image_steps=0 --set steps=10000"):
        call("fit", "--data", store, "--run", run)
    assert not run.exists()
    with pytest.raises(ShapelabError, match="'steps'"):
        call("fit", "--data", store, "--run", run, "--steps", 0)


def test_a_source_that_is_all_test_cannot_be_trained_on(tmp_path):
    items = [Item(name, "chair", Path(), split="test") for name in ("a", "b")]
    grids = (np.stack([np.eye(32)] * 32) > 0, np.ones((32, 32, 32), bool))
    store, recipe = (
        tmp_path / "store",
        StoreRecipe("ikea", "IKEA", "", 32, 0, 64, 0, digest_of(items)),
    )
    with StoreWriter(store, recipe, items) as writer:
        for k, grid in enumerate(grids):
            writer.add(k, encode(grid, None, None))
        writer.finish()
    with pytest.raises(ShapelabError, match="all 2 are kept for validation and tests"):
        call("fit", "--data", store, "--run", tmp_path / "run", "--set", "image_steps=0")
    with pytest.raises(ShapelabError, match="no shapes to train on"):
        call("bench-data", store)


def test_a_run_that_trains_keeps_its_settings(config, store_folder, tmp_path):
    folder = RunFolder(tmp_path)
    folder.create(config, store_folder)
    with folder.locked(), pytest.raises(ShapelabError, match="is being trained"):
        call("resume", tmp_path, "--set", "steps=99")
    assert folder.read_config() == config


def test_a_mistake_is_one_sentence_and_exit_code_1(tmp_path):
    command = [sys.executable, "-m", "trainer", "resume", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("trainer: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert "holds no run" in done.stderr


def test_for_another_program_a_mistake_is_an_event_on_stderr(tmp_path, capsys):
    arguments = ["fit", "--data", str(tmp_path), "--run", str(tmp_path / "run")]
    with pytest.raises(SystemExit) as end:
        app([*arguments, "--events", "jsonl"])
    assert end.value.code == 1
    told = from_line(capsys.readouterr().err)
    assert isinstance(told, Failed)
    assert str(tmp_path) in told.message
    with pytest.raises(ShapelabError, match=re.escape(told.message)):
        call(*arguments)


@pytest.mark.parametrize("command", ["resume", "evaluate", "export-model"])
def test_a_folder_that_is_no_run_is_called_so(store_folder, tmp_path, command):
    more = [tmp_path / "model"] if command == "export-model" else []
    for given in ([], ["--data", store_folder]):
        with pytest.raises(ShapelabError, match="holds no run"):
            call(command, tmp_path, *more, *given)
    assert list(tmp_path.iterdir()) == []


def test_a_resume_that_cannot_be_writes_nothing(config, store_folder, tmp_path, monkeypatch):
    run = tmp_path / "run"
    RunFolder(run).create(config, store_folder)
    before = {path: path.read_bytes() for path in run.iterdir()}
    steps = ("--set", "steps=99")
    with pytest.raises(ShapelabError, match="no prepared store"):
        call("resume", run, *steps, "--data", tmp_path / "wrong")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ShapelabError, match="TensorBoard is not installed"):
        call("resume", run, *steps, "--tensorboard")
    assert {path: path.read_bytes() for path in run.iterdir()} == before
    settings = [part for text in SMALL for part in ("--set", text)]
    with pytest.raises(ShapelabError, match="TensorBoard is not installed"):
        call("fit", "--data", store_folder, "--run", tmp_path / "new", "--tensorboard", *settings)
    assert not (tmp_path / "new").exists()


LONG = "n" * 300


@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", "--data", "STORE", "--run", LONG, *(p for t in SMALL for p in ("--set", t))),
        ("fit", "--data", LONG, "--run", "new"),
        ("resume", LONG),
        ("resume", "RUN", "--data", LONG),
        ("inspect", LONG),
        ("runs", LONG),
        ("evaluate", LONG),
        ("export-model", LONG, "model"),
        ("look", LONG),
        ("prepare", LONG, "--out", "new"),
        ("prepare", "procedural:1", "--out", LONG, "--views", "0"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]).replace(LONG, "LONG"),
)
def test_a_name_that_no_disk_takes_is_one_sentence(
    config, store_folder, tmp_path, monkeypatch, arguments
):
    monkeypatch.chdir(tmp_path)
    RunFolder(tmp_path / "run").create(config, store_folder)
    places = {"STORE": str(store_folder), "RUN": "run"}
    with pytest.raises(ShapelabError) as caught:
        call(*(places.get(argument, argument) for argument in arguments))
    assert str(caught.value).endswith(".")
    assert not (tmp_path / "new").exists()
