"""Own shapes, however few, go all the way: folder, store, run, model file, samples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trimesh
from typer.testing import CliRunner

from shapelab import load_model
from trainer.__main__ import app

TINY = [
    "steps=3", "batch_size=4", "warm_start=1", "image_steps=0", "threads=1", "save_every=3",
    "validate_every=2", "preview_every=3", "log_every=1", "model.generator_width=16",
    "model.encoder_width=4", "model.critic_width=4", "model.latent_size=8", "model.image_size=32",
    "model.image_convs=[[8, 5, 4], [8, 3, 2]]",
]  # fmt: skip
FOLDERS = {
    "one shape": {"stool": 1},
    "three of one class": {"stool": 3},
    "classes of one": {"stool": 1, "shelf": 1, "bench": 1},
    "a class of one among others": {"stool": 8, "shelf": 3, "bench": 1},
    "forty of one class": {"stool": 40},
    "forty": {"stool": 30, "shelf": 7, "bench": 2, "lamp": 1},
}
QUICK = ("one shape", "a class of one among others")


def call(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def make_folder(folder: Path, counts: dict[str, int]) -> Path:
    """Boxes as STL, each class in a folder of its own; all differ by cells of the grid."""
    number = 0
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for k in range(count):
            sides = (1.0, 0.3 + 0.1 * (number % 7), 0.3 + 0.1 * (number // 7))
            trimesh.creation.box(sides).export(folder / name / f"{k}.stl")
            number += 1
    return folder


@pytest.mark.parametrize(
    "counts",
    [
        pytest.param(counts, id=name, marks=() if name in QUICK else pytest.mark.slow)
        for name, counts in FOLDERS.items()
    ],
)
def test_a_folder_of_own_shapes_becomes_a_model(counts, tmp_path):
    source = make_folder(tmp_path / "own", counts)
    store, run, made = tmp_path / "store", tmp_path / "run", tmp_path / "models" / "own"
    table = tmp_path / "classes.csv"  # without it a folder a shape would be one class
    shapes = sorted(source.rglob("*.stl"))
    rows = [f"{path.relative_to(source).as_posix()},{path.parent.name}" for path in shapes]
    table.write_text("\n".join(["path,class", *rows]))
    call("prepare", source, "--out", store, "--views", 0, "--workers", 1, "--classes", table)
    settings = [part for text in TINY for part in ("--set", text)]
    assert "step 3  finished" in call(
        "fit", "--preset", "small", "--data", store, "--run", run, *settings
    )
    assert "one_piece" in call("evaluate", run)
    call("export-model", run, made)
    model = load_model(made)
    assert set(model.classes) == set(counts)
    for name in counts:
        assert model.decode(model.sample(name, seed=1)).shape == (1, 32, 32, 32)
    figures = json.loads((made / "card.json").read_text("utf-8"))["figures"]
    held_out = sum(count // 10 for count in counts.values())
    assert figures["shapes"] == held_out or sum(counts.values()) < 20
    assert "NaN" not in (made / "card.json").read_text("utf-8")
