"""The models of a run's timeline: which there are, which one is meant, and how they are opened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shapelab.core.errors import ModelFileError, RunError
from shapelab.core.model.shape_model import load_model
from shapelab.core.runs.events import Saved, to_line
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_models import is_checkpoint, moment_at, moments, open_moment


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run with files in the place of models, saved in this order, the second time at 40."""
    folder = RunFolder(tmp_path / "chairs")
    for name in ("step-000000020", "step-000000040", "step-000000060", "step-000000030-2"):
        (folder.timeline / name).mkdir(parents=True)
        (folder.timeline / name / "model.safetensors").write_bytes(b"no model")
    (folder.timeline / "step-000000070-2").mkdir()  # being written
    (folder.timeline / "step-x").mkdir()
    return folder


def save(run: RunFolder, *names: str) -> None:
    with run.events.open("a") as file:
        for name in names:
            file.write(to_line(Saved(1, f"checkpoints/{name}", best=True)) + "\n")


def test_moments_are_in_the_order_of_time(run):
    assert [path.name for path in moments(run)] == [
        "step-000000020",
        "step-000000040",
        "step-000000060",
        "step-000000030-2",
    ]
    assert not is_checkpoint(Path("step-12"))


@pytest.mark.parametrize(
    ("which", "name"),
    [
        ("newest", "step-000000030-2"),
        (20, "step-000000020"),
        (29, "step-000000020"),
        (45, "step-000000030-2"),  # the way that the run took in the end
        (10**6, "step-000000030-2"),
        ("best", "step-000000030-2"),  # nothing is known about that: the newest
    ],
)
def test_what_is_meant(run, which, name):
    assert moment_at(run, which).name == name


def test_the_best_is_the_last_one_that_was_the_best_when_it_was_saved(run):
    save(run, "step-000000020", "step-000000040")
    assert moment_at(run, "best").name == "step-000000040"
    save(run, "step-000000050")  # not here any more
    assert moment_at(run, "best").name == "step-000000030-2"


def test_nothing_to_show_is_one_sentence(run, tmp_path):
    with pytest.raises(RunError, match="nothing up to step 19 that can be shown; save it"):
        moment_at(run, 19)
    with pytest.raises(RunError, match="nothing that can be shown"):
        moment_at(RunFolder(tmp_path / "other"))


def test_a_damaged_model_is_refused(run):
    with pytest.raises(ModelFileError, match="damaged"):
        open_moment(moment_at(run, 20))


def test_a_moment_opens_like_any_model(run):
    whole = load_model("modelnet10")
    data = (
        Path(__file__).parents[3] / "resources/models/modelnet10/model.safetensors"
    ).read_bytes()
    place = moment_at(run, 40) / "model.safetensors"
    place.write_bytes(data)
    model = open_moment(moment_at(run, 40))
    assert model.name == "chairs, step 30"
    assert model.digest == whole.digest
    assert load_model(place.parent).digest == whole.digest
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    place.write_bytes(flipped)
    with pytest.raises(ModelFileError, match="checksum"):
        open_moment(moment_at(run, 40))
    assert np.isfinite(model.decode(model.sample("chair", 3)[0])).all()
