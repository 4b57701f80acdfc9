"""The command line: what it writes, says and refuses, in process and as users start it."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from shapelab import __version__, cli, shape_commands
from shapelab.batch_command import BatchOptions, BatchRun
from shapelab.core import paths
from shapelab.core.errors import ExportError, InputError
from shapelab.core.inputs import untrusted_reader
from shapelab.core.inputs.corrected_picture import CutoutCorrection, corrected
from shapelab.core.inputs.cutout_edit import Brush, CutoutEdit
from shapelab.core.inputs.picture_hints import PictureHints, mask_step
from shapelab.core.inputs.reconstruct import reconstruct
from shapelab.core.inputs.untrusted_reader import ReadFile
from shapelab.core.mesh import formats, meshing
from shapelab.core.mesh.meshing import AUTOMATIC
from shapelab.core.model.latent import (
    DIRECTIONS,
    Array,
    LatentDensity,
    PrincipalDirections,
    seed_noise,
    slerp,
)
from shapelab.core.model.shape_model import load_model
from shapelab.core.session.session import Session
from shapelab.core.session.shape_file import read_shape, write_shape
from shapelab.core.session.shape_state import seeded_state
from shapelab.output import ShapeWriter, base_name, destinations
from tests import table_photo

ROOT = Path(__file__).resolve().parents[1]
LATENT = 3
CLASSES = ("bed", "chair")
LINE = re.compile(
    r"^(?P<path>.+): (?P<x>[\d.]+) × (?P<y>[\d.]+) × (?P<z>[\d.]+) mm, 1 part, "
    r"[\d\xa0]+ triangles, closed; walls not measured; level 0\.50$"
)


def _density() -> LatentDensity:
    means = np.array([[0, 0, 0], [1, -1, 2]], np.float32)
    return LatentDensity(CLASSES, means, np.stack([np.eye(LATENT, dtype=np.float32)] * 2))


def _directions() -> PrincipalDirections:
    vectors = np.zeros((2, DIRECTIONS, LATENT), np.float32)
    return PrincipalDirections(CLASSES, vectors, np.ones((2, DIRECTIONS), np.float32))


@dataclass
class Ellipsoids:
    """A model whose shapes are ellipsoids with half axes 10 + tanh(z) cells; none beyond z = 50."""

    name: str = "ellipsoids"
    digest: str = "abc"
    checksum: str = "of the file"
    latent_size: int = LATENT
    classes: tuple[str, ...] = CLASSES
    density: LatentDensity = field(default_factory=_density)
    directions: PrincipalDirections = field(default_factory=_directions)

    def sample(self, class_name: str | None, seed: int, n: int, truncation: float) -> Array:
        noise = seed_noise(seed, LATENT, n)
        if seed == 13:  # an unlucky number: an empty shape
            noise = noise + 100
        return self.density.place(noise, class_name or "bed", truncation)

    def whole_seed(self, _class_name: str, seed: int, _truncation: float) -> int:
        return seed + 1

    def distance(self, _latent: Array) -> None:
        return None

    def decode(self, latent: Array) -> Array:
        if latent.max() > 50:
            return np.zeros((32, 32, 32), np.float32)
        axes = 10 + np.tanh(latent)
        grid = np.stack(np.meshgrid(*[np.arange(32) - 15.5] * 3, indexing="ij"), -1)
        radius = np.sqrt(((grid / axes) ** 2).sum(-1))
        return (1 / (1 + np.exp(np.clip(20 * (radius - 1), -50, 50)))).astype(np.float32)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Any:
    fake = Ellipsoids()
    monkeypatch.setattr(shape_commands, "_load", lambda name: fake)
    return fake


def _lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    said = capsys.readouterr()
    assert said.err == ""
    return said.out.splitlines()


def _error(capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence on stderr."""
    said = capsys.readouterr().err.strip()
    assert said.startswith("shapelab: ")
    assert "\n" not in said
    assert "Traceback" not in said
    return said


def _shell(
    *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    hidden = {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}
    kept = {key: value for key, value in os.environ.items() if key not in hidden}
    return subprocess.run(
        [sys.executable, "-m", "shapelab", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=kept | {"PYTHONIOENCODING": "utf-8"} | environment,
        cwd=cwd or ROOT,
        timeout=180,
        check=False,
    )


# --- sample ------------------------------------------------------------------------------------


def test_whole_shapes_are_those_of_the_best_seeds(
    fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ["sample", "--class", "chair", "--whole", "-o", f"{tmp_path}/best/"]
    assert cli.main([*chosen, "--seed", "7", "-n", "2"]) == 0
    made = sorted(path.name for path in (tmp_path / "best").iterdir())
    assert made == ["chair-20.stl", "chair-8.stl"]
    plain = ["sample", "--class", "chair", "--seed", "20", "-o", f"{tmp_path}/"]
    assert cli.main(plain) == 0
    assert (tmp_path / made[0]).read_bytes() == (tmp_path / "best" / made[0]).read_bytes()
    assert len(_lines(capsys)) == 3


def test_broken_shapes_are_mended_where_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["sample", "--class", "table", "--seed", "2000", "-n", "6", "--level", "0.5"]
    assert cli.main([*arguments, "-o", f"{tmp_path}/plain/"]) == 0
    plain = _lines(capsys)
    assert cli.main([*arguments, "--mend", "-o", f"{tmp_path}/mended/"]) == 0
    changed = 0
    for before, after in zip(plain, _lines(capsys), strict=True):
        old, new = (Path(line.split(": ")[0]) for line in (before, after))
        assert old.name == new.name
        mended = after.endswith("; mended")
        assert mended or "dropped" not in before
        assert "dropped" not in after
        assert mended == (old.read_bytes() != new.read_bytes())  # what was whole stays as it was
        changed += mended
    assert 0 < changed < 6


def test_sample_writes_the_shapes_of_the_next_seeds(
    fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["sample", "--class", "chair", "--seed", "7", "-n", "3", "-o", f"{tmp_path}/out/"]
    assert cli.main([*arguments, "--size-mm", "50", "--truncation", "0.5"]) == 0
    lines = _lines(capsys)
    assert [Path(line.split(": ")[0]).name for line in lines] == [
        "chair-7.stl",
        "chair-8.stl",
        "chair-9.stl",
    ]
    for seed, line in zip((7, 8, 9), lines, strict=True):
        found = LINE.match(line)
        assert found, line
        said = [float(found[axis]) for axis in "xyz"]
        assert max(said) == 50.0
        mesh = formats.decode(Path(found["path"]).read_bytes(), ".stl")
        np.testing.assert_allclose(mesh.extents, said, atol=0.051)
        axes = 10 + np.tanh(fake.sample("chair", seed, 1, 0.5)[0])
        np.testing.assert_allclose(mesh.extents, 50 * axes / axes.max(), rtol=0.01)
        assert mesh.volume == pytest.approx(np.pi / 6 * mesh.extents.prod(), rel=0.03)


def test_the_file_is_what_core_makes_of_the_options(fake: Any, tmp_path: Path) -> None:
    path = tmp_path / "one.stl"
    options = ["--resolution", "2", "--smoothing", "3", "--all-parts", "--size-mm", "30"]
    options += ["--level", "0.3"]
    assert cli.main(["sample", "--seed", "4", "-o", str(path), *options]) == 0
    surface = meshing.surface(
        fake.decode(fake.sample(None, 4, 1, 0.8)[0]), meshing.SurfaceOptions(2, 3, False, 0.3)
    )
    assert path.read_bytes() == formats.encode(meshing.finish(surface, 30), ".stl")


def test_a_direction_is_moved_as_its_slider_does(fake: Any, tmp_path: Path) -> None:
    path = tmp_path / "moved.shape.json"
    moved = ["--direction", "3=1.5", "--direction", "12=-2"]
    assert cli.main(["sample", "--class", "chair", "--seed", "4", *moved, "-o", str(path)]) == 0
    session = Session(fake, seed=4)
    session.set_coefficient(2, 1.5)
    session.set_coefficient(11, -2)
    assert read_shape(path, fake).state == session.state


@pytest.mark.parametrize("suffix", ["stl", "obj", "ply", "glb", "3mf"])
def test_format_by_option_and_by_name_agree(fake: Any, tmp_path: Path, suffix: str) -> None:
    assert cli.main(["sample", "-o", f"{tmp_path}/", "--format", suffix.upper()]) == 0
    assert cli.main(["sample", "-o", str(tmp_path / f"x.{suffix}")]) == 0
    by_option = (tmp_path / f"shape-0.{suffix}").read_bytes()
    assert by_option == (tmp_path / f"x.{suffix}").read_bytes()
    assert formats.decode(by_option, f".{suffix}").extents.max() == pytest.approx(80, rel=1e-5)


def test_several_processes_write_the_same_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for jobs in ("1", "2"):
        folder = tmp_path / jobs
        chosen = ["sample", "--class", "chair", "--seed", "3", "-n", "3"]
        assert cli.main([*chosen, "--jobs", jobs, "-o", f"{folder}/"]) == 0
        said.append([line.replace(str(folder), "") for line in _lines(capsys)])
    assert said[0] == said[1]
    names = sorted(path.name for path in (tmp_path / "1").iterdir())
    assert names == ["chair-3.stl", "chair-4.stl", "chair-5.stl"]
    for name in names:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_a_plate_and_several_processes_do_not_go_together(
    fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["sample", "--plate", "--jobs", "2", "-o", f"{tmp_path}/a.3mf"]) == 2
    assert "leave --jobs out" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_bar_in_a_terminal_loses_no_line(
    fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    assert cli.main(["sample", "--class", "chair", "-n", "3", "-o", f"{tmp_path}/"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [Path(line.partition(":")[0]).name for line in lines] == [
        f"chair-{seed}.stl" for seed in (0, 1, 2)
    ]
    assert "3/3" in terminal.getvalue()


BEYOND_TORCH = """
import sys, torch
before = set(sys.modules)
from shapelab.cli import main
code = main(sys.argv[1:])
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
print(len(set(sys.modules) - before))
sys.exit(code)
"""
SAMPLE = {"lxml", "manifold3d", "networkx", "safetensors", "scipy", "trimesh", "vtkmodules"}
NEVER = {"PySide6", "pyvista", "pyqtgraph", "matplotlib", "skimage", "cv2", "rich", "loky"}
NEVER |= {"accelerate", "psutil", "fast_simplification", "filelock", "markdown_it", "sympy"}


@pytest.mark.parametrize(
    ("arguments", "needed", "most"),
    [
        (["info", "modelnet10"], {"safetensors", "pydantic"}, 180),
        (["sample", "--class", "chair", "-o", "a.stl"], SAMPLE, 1100),
        (["reconstruct", "chair.shape.json", "-o", "b.stl"], SAMPLE, 1100),
        (["reconstruct", "chair.png", "-o", "c.stl"], SAMPLE | {"psutil"}, 1110),
        (
            ["reconstruct", "chair.png", "--model", "procedural", "-o", "d.stl"],
            SAMPLE | {"psutil"},
            1150,
        ),
    ],
    ids=["info", "sample", "shape", "picture", "parameters"],
)
def test_a_command_imports_what_it_needs_and_no_more(
    tmp_path: Path, arguments: list[str], needed: set[str], most: int
) -> None:
    """What it needs takes no longer than torch itself, which is a thousand modules too."""
    model = load_model()
    write_shape(tmp_path / "chair.shape.json", seeded_state(model, "chair", 1), model, AUTOMATIC)
    shutil.copy(paths.resources() / "examples" / "chair.png", tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", BEYOND_TORCH, *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    *_, packages, count = done.stdout.splitlines()
    found = set(packages.split())
    assert needed <= found
    assert found & ((NEVER | SAMPLE) - needed) == set()
    assert int(count) <= most


def test_one_empty_shape_does_not_stop_the_others(
    fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["sample", "--seed", "12", "-n", "3", "-o", f"{tmp_path}/"]) == 1
    assert "empty" in _error(capsys)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["shape-12.stl", "shape-14.stl"]


def test_unknown_class_is_one_error_and_writes_nothing(
    fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["sample", "--class", "spoon", "-n", "5", "-o", f"{tmp_path}/o/"]) == 1
    assert "choose one of: bed, chair." in _error(capsys)
    assert not (tmp_path / "o").exists()


def test_debug_shows_the_traceback_wherever_it_stands(
    fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["--debug", "sample"], ["sample", "--debug"]):
        assert cli.main([*arguments, "--class", "spoon"]) == 1
        assert "Traceback" in capsys.readouterr().err


def test_an_unforeseen_error_is_one_sentence_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(name: str) -> None:
        raise ZeroDivisionError("what a day")

    monkeypatch.setattr(shape_commands, "_load", broken)
    assert cli.main(["sample"]) == 1
    assert "unexpected ZeroDivisionError: what a day" in _error(capsys)


def test_ctrl_c_ends_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shape_commands, "_load", interrupted)
    assert cli.main(["sample"]) in (1, 130)
    assert "Traceback" not in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_gets_one_sentence(
    fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert cli.main(["sample", "-o", f"{tmp_path}/file/deeper/"]) == 1
    assert "cannot be made" in _error(capsys)


@pytest.mark.parametrize("length", [300, 5000])  # beyond a name's and a path's limit
@pytest.mark.parametrize(
    "arguments",
    [
        ["info", "{}"],
        ["sample", "--class", "chair", "-o", "{}.stl"],
        ["sample", "-o", "{}/"],
        ["reconstruct", "{}.png", "-o", "a.stl"],
        ["reconstruct", "--watch", "{}", "-o", "out/"],
        ["interpolate", "{}", "chair:2", "-o", "way/"],
        ["compare", "{}.stl", "chair:2"],
        ["train", "prepare", "{}", "--out", "store"],
        ["train", "fit", "--data", "{}:3", "--run", "run"],
        ["train", "evaluate", "{}"],
        ["train", "export-model", "{}", "name"],
    ],
)
def test_a_name_beyond_the_systems_limit_is_told_and_does_not_hide_what_is_said_of_it(
    fake: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    length: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [each.format("x" * length) for each in arguments]
    assert cli.main(given) == 1
    said = capfd.readouterr().err.strip().splitlines()[-1]
    assert "x" * 36 in said
    assert len(said) < 500
    assert said.endswith(".")
    assert not list(tmp_path.rglob("*.stl"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["sample", "-n", "0"],
        ["sample", "--whole"],
        ["sample", "--seed", "-1"],
        ["sample", "--size-mm", "0"],
        ["sample", "--size-mm", "nan"],
        ["sample", "--resolution", "5"],
        ["sample", "--truncation", "nan"],
        ["sample", "--truncation", "2.01"],
        ["sample", "--level", "1"],
        ["sample", "--format", "docx"],
        ["sample", "-o", "chair.docx"],
        ["sample", "-n", "2", "-o", "chair.stl"],
        ["sample", "--direction", "0=1"],
        ["sample", "--direction", "13=1"],
        ["sample", "--direction", "3"],
        ["sample", "--direction", "3=nan"],
        ["sample", "--direction", "3=1e39"],
        ["sample", "-n", "2", "--plate", "--recipe"],
        ["sample", "--nonsense"],
        ["interpolate", "1", "2", "--steps", "1"],
        ["interpolate", "1", "2", "--mode", "spiral"],
        ["interpolate", "1"],
        ["reconstruct"],
        ["reconstruct", "a.png", "--jobs", "0"],
        ["reconstruct", "a.png", "--sheet", "s.html", "-o", "a.stl"],
        ["reconstruct", "a.png", "--jobs", "2", "--plate", "-o", "a.3mf"],
        ["reconstruct", "a.png", "--jobs", "2", "--views"],
        ["reconstruct", "a.png", "--jobs", "2", "--certainty"],
        ["reconstruct", "a.xyz", "--jobs", "2", "--seen-from", "0", "20"],
        ["reconstruct", "--views", "a.png", "b.png", "--seen-from", "0", "20"],
        ["reconstruct", "a.png", "--jobs", "2", "--intrinsics", "500", "500", "320", "240"],
        ["reconstruct", "a.png", "--intrinsics", "500", "500"],
        ["reconstruct", "--watch", "in", "--mask", "mask.png"],
        ["reconstruct", "a.stl", "--up", "w"],
        ["reconstruct", "a.stl", "--turn", "4"],
        ["reconstruct", "--views", "a.png", "b.png", "--turn", "1"],
        ["info"],
        ["no-such-thing"],
        ["--nonsense"],
    ],
)
def test_wrong_usage_is_exit_code_2(
    fake: Any, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert cli.main(arguments) == 2
    said = capsys.readouterr().err
    assert said.strip()
    assert "Traceback" not in said


# --- train -------------------------------------------------------------------------------------


def test_the_trainers_help_is_named_train_and_comes_without_torch() -> None:
    done = _shell("train", "--help", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    assert "Usage: shapelab train [OPTIONS] COMMAND" in done.stdout
    for command in ("prepare", "fit", "resume", "evaluate", "export-model", "bench-data"):
        assert command in done.stdout
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "shapelab.core.runs.run_folder" in imported  # which the trainer needs at once
    assert not imported & {"torch", "scipy", "trimesh", "PySide6", "vtkmodules"}


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (["fit", "--help"], 0, ""),
        (["presets"], 0, ""),
        (["no-such-thing"], 2, "No such command"),
        (["resume"], 2, "Missing argument"),
        (["resume", "no-such-run"], 1, "shapelab: no-such-run holds no run; start one"),
    ],
)
def test_train_ends_as_the_trainer_does(
    capsys: pytest.CaptureFixture[str], arguments: list[str], exit_code: int, said: str
) -> None:
    assert cli.main(["train", *arguments]) == exit_code
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_train_passes_on_every_argument_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "passed_on"
    package.mkdir()
    (package / "__main__.py").write_text("def app(args, prog_name):\n    print(prog_name, args)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(cli, "trainer_module", lambda: "passed_on")
    arguments = ["fit", "-h", "--set", "a=b", "--", "--help", "--model", ""]
    assert cli.main(["train", *arguments]) == 0
    assert capsys.readouterr().out == f"shapelab train {arguments}\n"


def test_without_a_trainer_the_other_commands_work_and_train_says_so(
    fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shapelab.core.runs.trainer_module.find_spec", lambda _name: None)
    assert cli.main(["sample", "-o", f"{tmp_path}/a.stl"]) == 0
    assert cli.main(["train", "--help"]) == 1
    assert _error(capsys).startswith("shapelab: The trainer is not installed")


# --- interpolate -------------------------------------------------------------------------------


def test_interpolate_writes_every_step_with_exact_ends(
    fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["sample", "--class", "bed", "--seed", "2", "-o", f"{tmp_path}/a.stl"]) == 0
    assert cli.main(["sample", "--class", "chair", "--seed", "5", "-o", f"{tmp_path}/b.stl"]) == 0
    out = tmp_path / "way"
    assert cli.main(["interpolate", "bed:2", "chair:5", "--steps", "4", "-o", str(out)]) == 0
    assert len(_lines(capsys)) == 6
    assert sorted(p.name for p in out.iterdir()) == [f"step-0{i}.stl" for i in (1, 2, 3, 4)]
    assert (out / "step-01.stl").read_bytes() == (tmp_path / "a.stl").read_bytes()
    assert (out / "step-04.stl").read_bytes() == (tmp_path / "b.stl").read_bytes()
    ends = fake.sample("bed", 2, 1, 0.8)[0], fake.sample("chair", 5, 1, 0.8)[0]
    axes = 10 + np.tanh(slerp(*ends, 1 / 3))
    mesh = formats.decode((out / "step-02.stl").read_bytes(), ".stl")
    np.testing.assert_allclose(mesh.extents, 80 * axes / axes.max(), rtol=0.01)


def test_saved_latents_can_be_written_and_interpolated(
    fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "mine.shape.json"
    assert cli.main(["sample", "--class", "bed", "--seed", "9", "-o", str(saved)]) == 0
    assert "saved latent of bed, seed 9" in _lines(capsys)[0]
    out = f"{tmp_path}/way/"
    assert (
        cli.main(["interpolate", str(saved), "3", "--steps", "2", "--mode", "lerp", "-o", out]) == 0
    )
    assert cli.main(["sample", "--class", "bed", "--seed", "9", "-o", f"{tmp_path}/b.stl"]) == 0
    assert (tmp_path / "way" / "step-01.stl").read_bytes() == (tmp_path / "b.stl").read_bytes()
    capsys.readouterr()
    assert cli.main(["info", str(saved)]) == 0
    lines = _lines(capsys)
    assert lines[0] == "saved shape: bed, seed 9"
    assert "ellipsoids" in lines[2]


def test_what_is_no_source_gets_one_sentence(
    fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["interpolate", "7", "missing.png", "-o", f"{tmp_path}/"]) == 1
    assert "'missing.png' is no file and no seed" in _error(capsys)
    assert cli.main(["interpolate", "spoon:7", "8", "-o", f"{tmp_path}/"]) == 1
    assert "no class 'spoon'" in _error(capsys)


# --- compare -----------------------------------------------------------------------------------


def test_what_is_compared_is_in_millimetres_of_the_first(
    fake: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Balls of 10 and 8 cells: 2 cells apart everywhere, and (8 / 10)³ of either is common."""
    radii = {1: 10.0, 2: 8.0}

    def balls(latent: Array) -> Array:
        grid = np.stack(np.meshgrid(*[np.arange(32) - 15.5] * 3, indexing="ij"), -1)
        away = radii[round(float(latent[0]))] - np.linalg.norm(grid, axis=-1)
        return np.clip(0.5 + away / 4, 0, 1).astype(np.float32)

    monkeypatch.setattr(fake, "decode", balls)
    monkeypatch.setattr(
        fake, "sample", lambda _class, seed, n, _t: np.full((n, LATENT), seed, np.float32)
    )
    line = [
        "compare",
        "chair:1",
        "chair:2",
        "--size-mm",
        "100",
        "--smoothing",
        "0",
        "--level",
        ".5",
    ]
    assert cli.main([*line, "--json"]) == 0
    found = json.loads("".join(_lines(capsys)))
    assert found["size_mm"] == 100
    for side in "ab":
        assert found[side]["mean_mm"] == pytest.approx(10, abs=0.3)
        assert found[side]["farthest_mm"] == pytest.approx(10, abs=0.8)
    ball = 4 / 3 * np.pi * np.array([50.0, 40.0]) ** 3
    assert [found[side]["volume_mm3"] for side in "ab"] == pytest.approx(ball, rel=0.03)
    assert found["common_mm3"] == pytest.approx(ball[1], rel=0.05)
    assert found["overlap"] == pytest.approx(0.8**3, rel=0.05)
    assert cli.main(line) == 0
    said = _lines(capsys)
    assert said[0].startswith("A, chair, seed 1: from B 10 mm in the mean, 10 mm at most")
    assert said[1].startswith("B, chair, seed 2: from A ")
    assert said[2] == "in common: 52% of what either fills, 274.1 cm³; A is 100 mm long"


def test_a_mesh_is_compared_itself_and_a_saved_shape_is_its_shape(
    model: Any,
    monkeypatch: pytest.MonkeyPatch,
    table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(shape_commands, "_load", lambda name: model)
    made = str(tmp_path / "made.shape.json")
    assert cli.main(["reconstruct", str(table), "-o", made]) == 0
    capsys.readouterr()
    for sources, equal in (([str(table), str(table)], True), ([str(table), made], False)):
        assert cli.main(["compare", *sources, "--json"]) == 0
        found = json.loads("".join(_lines(capsys)))
        assert (found["overlap"] == 1.0) is equal
        assert (found["a"]["farthest_mm"] < 1e-3) is equal
        assert found["a"]["name"] == "table.npy"


# --- reconstruct -------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A voxel file of a plain table, 32 x 32 x 32."""
    voxels = np.zeros((32, 32, 32), bool)
    voxels[4:28, 7:25, 16:19] = True
    for x in (5, 24):
        for y in (8, 21):
            voxels[x : x + 3, y : y + 3, 4:17] = True
    path = tmp_path / "table.npy"
    np.save(path, voxels)
    return path


def test_reconstruct_writes_voxels_and_meshes_side_by_side(
    model: Any,
    monkeypatch: pytest.MonkeyPatch,
    table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(shape_commands, "_load", lambda name: model)
    assert cli.main(["reconstruct", str(table), "-o", f"{tmp_path}/table.stl"]) == 0
    first = LINE.match(_lines(capsys)[0])
    assert first
    assert max(float(first[axis]) for axis in "xyz") == 80.0
    out = f"{tmp_path}/parts/"
    sources = [str(table), str(tmp_path / "table.stl"), str(tmp_path / "missing.png")]
    assert cli.main(["reconstruct", *sources, "-o", out, "--format", "ply"]) == 1
    said = capsys.readouterr()
    assert "There is no file" in said.err
    assert [line.split(": ")[0] for line in said.out.splitlines()] == [
        str(tmp_path / "parts" / "table-shape.ply"),
        str(tmp_path / "parts" / "table-shape-2.ply"),
    ]
    for name in ("table-shape.ply", "table-shape-2.ply"):
        assert formats.decode((tmp_path / "parts" / name).read_bytes(), ".ply").volume > 0


def test_a_saved_shape_is_made_with_its_own_model_and_surface(
    fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shapelab.core.model.model_summary import find_models
    from shapelab.core.paths import DEFAULT_MODEL

    shipped = find_models()[0]
    saved, out = tmp_path / "a.shape.json", tmp_path / "a.stl"
    options = ["--class", "bed", "--level", "0.3", "--smoothing", "2", "-o", str(saved)]
    loaded: list[str] = []
    monkeypatch.setattr(shape_commands, "_load", lambda name: loaded.append(name) or fake)
    assert cli.main(["sample", *options]) == 0
    written = []
    for digest, more in ((shipped.digest, []), ("abc", ["--smoothing", "9"]), ("abc", [])):
        monkeypatch.setattr(fake, "digest", digest)
        assert cli.main(["sample", *options, "--force"]) == 0
        assert cli.main(["reconstruct", str(saved), "-o", str(out), "--force", *more]) == 0
        written.append(out.read_bytes())
    assert loaded[2::2] == [str(shipped.folder), DEFAULT_MODEL, DEFAULT_MODEL]
    shape = fake.decode(fake.sample("bed", 0, 1, 0.8)[0])
    own, other = (
        formats.encode(
            meshing.finish(meshing.surface(shape, meshing.SurfaceOptions(1, n, True, 0.3)), 80),
            ".stl",
        )
        for n in (2, 9)
    )
    assert written == [own, other, own]
    assert own != other


def test_pictures_of_one_object_become_one_file(
    model: Any,
    monkeypatch: pytest.MonkeyPatch,
    table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(shape_commands, "_load", lambda name: model)
    views = [tmp_path / f"view-{k}.png" for k in range(2)]
    for k, path in enumerate(views):
        pixels = np.full((96, 96, 3), 255, np.uint8)
        pixels[30:40, 10 : 86 - 20 * k] = pixels[30:80, 12:20] = 90
        Image.fromarray(pixels).save(path)
    names = [str(path) for path in views]
    assert cli.main(["reconstruct", "--views", *names, "-o", f"{tmp_path}/all.shape.json"]) == 0
    assert "view-0.png, view-1.png" in _lines(capsys)[0]
    sure = ["-o", f"{tmp_path}/sure.stl", "--certainty"]
    assert cli.main(["reconstruct", "--views", *names, *sure]) == 0
    found = re.search(r"sure to ± (\S+) mm for half of it, ± (\S+) mm for", _lines(capsys)[0])
    assert 0 < float(found[1]) < float(found[2]) < 40
    assert cli.main(["reconstruct", str(table), *sure, "--force"]) == 1
    assert "of a picture alone" in _error(capsys)
    assert (
        cli.main(["reconstruct", "--views", names[0], str(table), "-o", f"{tmp_path}/x.stl"]) == 1
    )
    assert "table.npy is no picture" in _error(capsys)


def test_a_picture_is_cut_out_and_taken_for_what_is_said(
    model: Any,
    monkeypatch: pytest.MonkeyPatch,
    table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(shape_commands, "_load", lambda name: model)
    room, mask = tmp_path / "room.png", tmp_path / "mask.png"
    Image.new("RGB", (400, 200), (90, 120, 90)).save(room)
    alpha = np.zeros((200, 400), np.uint8)
    alpha[60:80, 100:300] = alpha[60:180, 100:120] = alpha[60:180, 280:300] = 255
    Image.fromarray(alpha).save(mask)
    made = []
    for name, said in (
        ("mask", ["--mask", str(mask)]),
        ("box", ["--box", "100", "60", "200", "120"]),
        ("class", ["--mask", str(mask), "--class", "table"]),
    ):
        out = tmp_path / f"{name}.shape.json"
        assert cli.main(["reconstruct", str(room), "-o", str(out), *said]) == 0
        made.append(json.loads(out.read_bytes())["shape"])
    assert made[2]["class"] == "table"
    assert made[0]["base"] != made[1]["base"] != made[2]["base"]
    capsys.readouterr()
    for said, words in (
        (["--box", "500", "0", "10", "10"], "lies beside the picture"),
        (["--mask", str(tmp_path / "none.png")], "There is no file"),
        (["--class", "boat"], "knows no class 'boat'"),
        ([], "No object found in the picture: draw a box round it"),
    ):
        assert cli.main(["reconstruct", str(room), "-o", f"{tmp_path}/x.stl", *said]) == 1
        assert words in _error(capsys)
    two = ["reconstruct", str(room), str(table), "-o", f"{tmp_path}/", "--mask", str(mask)]
    assert cli.main(two) == 2
    assert "of a single picture" in capsys.readouterr().err
    assert cli.main(["reconstruct", str(table), "-o", f"{tmp_path}/x.stl", *two[-2:]]) == 1
    assert "table.npy is no picture" in _error(capsys)


def test_strokes_on_the_command_line_are_those_of_the_window(
    model: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(shape_commands, "_load", lambda name: model)
    true = table_photo.table()
    wrong = true.copy()
    wrong[table_photo.LEG] = False
    wrong[20:70, 250:310] = True  # a piece of the wall
    room, mask, out = tmp_path / "room.png", tmp_path / "mask.png", tmp_path / "table.shape.json"
    Image.fromarray(table_photo.photo(true)).save(room)
    Image.fromarray(np.where(wrong, 255, 0).astype(np.uint8)).save(mask)
    said = ["--object", "96,160,6", "--background", "275,45,285,45,6", "--mask", str(mask)]
    assert cli.main(["reconstruct", str(room), "-o", str(out), *said]) == 0
    made = json.loads(out.read_bytes())["shape"]

    picture = untrusted_reader.read_untrusted(room).content
    side = table_photo.WIDTH
    strokes = (
        Brush(((96 / side, 160 / side),), 12 / side, True),
        Brush(((275 / side, 45 / side), (285 / side, 45 / side)), 12 / side, False),
    )
    cut = corrected(picture, CutoutEdit((mask_step(mask, picture), *strokes)))
    found = CutoutCorrection(picture).mask(cut.edit) >= 128
    assert (found & true).sum() / (found | true).sum() > 0.98
    by_hand = ReadFile("picture", cut, room.name, ".png")
    assert made["base"] == reconstruct(model, by_hand).latent.tolist()

    capsys.readouterr()
    for stroke, code, words in (
        (["--object", "900,5,6"], 1, "A stroke lies beside the picture"),
        (["--background", "96,160,0"], 1, "or its radius is none"),
        (["--object", "96,160"], 2, "like 300,420,8; not 96,160"),
        (["--object", "96,nan,6"], 2, "like 300,420,8; not 96,nan,6"),
    ):
        assert cli.main(["reconstruct", str(room), "-o", f"{tmp_path}/x.stl", *stroke]) == code
        assert words in " ".join(capsys.readouterr().err.replace("│", "").split())


def test_a_picture_becomes_furniture_of_parameters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, out = paths.resources() / "examples" / "sofa.png", tmp_path / "sofa.stl"
    line = ["reconstruct", str(photo), "--model", "procedural", "-o", str(out), "--recipe"]
    assert cli.main(line) == 0
    assert "sofa.stl" in _lines(capsys)[0]
    part = trimesh.load_mesh(out)
    assert part.is_watertight
    assert part.body_count == 1
    assert part.extents.max() == pytest.approx(80, rel=1e-4)
    assert part.extents[0] > part.extents[1] > part.extents[2]  # wide, less deep, still less tall
    saved, furniture = tmp_path / "sofa.stl.shape.json", load_model("procedural")
    assert read_shape(saved, furniture).state.class_name == "sofa"


def test_reconstruct_says_what_it_cannot_read(
    fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    assert cli.main(["reconstruct", str(broken), "-o", f"{tmp_path}/x.stl"]) == 1
    _error(capsys)
    assert not (tmp_path / "x.stl").exists()


# --- info --------------------------------------------------------------------------------------


def test_info_about_the_shipped_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", "modelnet10"]) == 0
    by_name = _lines(capsys)
    assert by_name[0].startswith("ShapeLab model 'modelnet10'")
    assert "grid 32³, latent 200" in by_name[1]
    assert "chair" in by_name[2]
    folder = paths.resources() / "models" / "modelnet10"
    for path in (folder, folder / "model.safetensors"):
        assert cli.main(["info", str(path)]) == 0
        assert _lines(capsys) == by_name


def test_info_about_meshes_voxels_and_pictures(
    fake: Any, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    assert cli.main(["sample", "-o", f"{tmp_path}/a.stl"]) == 0
    capsys.readouterr()
    assert cli.main(["info", f"{tmp_path}/a.stl"]) == 0
    lines = _lines(capsys)
    assert lines[0].startswith("mesh: ")
    assert lines[0].endswith("closed; walls not measured")
    assert "NOT" not in lines[0]
    assert lines[2] == "closed, manifold, wound outwards"

    assert cli.main(["info", str(table)]) == 0
    solid = np.load(table).mean()
    assert f"{solid:.1%} of it is solid" in _lines(capsys)[1]

    picture = np.zeros((60, 90, 4), np.uint8)
    picture[10:50, 20:60] = (200, 60, 30, 255)
    Image.fromarray(picture).save(tmp_path / "p.png")
    assert cli.main(["info", f"{tmp_path}/p.png"]) == 0
    lines = _lines(capsys)
    assert "90 × 60 pixels" in lines[0]
    assert "alpha" in lines[1]


def test_info_names_what_is_wrong_with_an_open_mesh(
    fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = meshing.surface(fake.decode(np.zeros(3, np.float32)))
    path = tmp_path / "open.ply"
    path.write_bytes(formats.encode(meshing.TriMesh(whole.vertices, whole.faces[20:]), ".ply"))
    assert cli.main(["info", str(path)]) == 0
    lines = _lines(capsys)
    assert lines[0].endswith("NOT printable")
    assert "not closed" in lines[2]
    assert lines[3].startswith("- ")


@pytest.mark.parametrize("name", ["missing.stl", "no-such-model", "missing.shape.json"])
def test_info_about_nothing_gets_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["info", name]) == 1
    assert name in _error(capsys)


# --- where files go ----------------------------------------------------------------------------


def test_destinations(tmp_path: Path) -> None:
    assert destinations("a.STL", ["x"], "ply") == [Path("a.STL")]
    assert destinations("out", ["x", "x", "x-2"], ".ply") == [
        Path("out/x.ply"),
        Path("out/x-2.ply"),
        Path("out/x-2-2.ply"),
    ]
    dotted = tmp_path / "run.v2"
    dotted.mkdir()
    assert destinations(str(dotted), ["x"], "shape.json") == [dotted / "x.shape.json"]
    assert [path.name for path in destinations("out", ["Chair", "chair"], "stl")] == [
        "Chair.stl",
        "chair-2.stl",  # one file on Windows and macOS, were it "chair.stl"
    ]


def test_a_batchs_names_fit_the_file_system(tmp_path: Path) -> None:
    long = "ö" * 200 + "-shape"
    first, second = destinations(str(tmp_path), [long, long], "stl")
    assert first != second
    for path in (first, second):
        assert len(os.fsencode(path.name)) <= 255
        path.touch()


@pytest.fixture
def scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake: Any) -> Path:
    """A mesh in the current folder, and a model that says of every file that it is seed 1."""
    from shapelab.core.session import shape_sources
    from shapelab.core.session.shape_state import seeded_state

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        shape_sources,
        "shape_of_file",
        lambda model, _path, *_more: shape_sources.SourcedShape(
            shape_sources.SavedShape(seeded_state(model, None, 1))
        ),
    )
    scan = tmp_path / "scan.stl"
    scan.write_bytes(b"the only copy")
    return scan


def test_a_scan_is_never_overwritten_by_its_own_reconstruction(
    scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["reconstruct", "scan.stl"]) == 0
    assert (scan.parent / "scan-shape.stl").stat().st_size > 1000
    assert cli.main(["reconstruct", "scan.stl", "-o", "parts/", "--format", "obj"]) == 0
    assert (scan.parent / "parts" / "scan-shape.obj").is_file()
    capsys.readouterr()
    (scan.parent / "link.stl").symlink_to(scan)
    os.link(scan, scan.parent / "hard.stl")
    (scan.parent / "folder").symlink_to(scan.parent)
    for out in ("scan.stl", "./scan.stl", str(scan), "link.stl", "hard.stl", "folder/scan.stl"):
        for force in ([], ["--force"]):
            assert cli.main(["reconstruct", "scan.stl", "-o", out, *force]) == 1
            assert "one of the inputs (scan.stl)" in _error(capsys)
    assert cli.main(["interpolate", "scan.stl", "3", "--steps", "2", "--format", "stl"]) == 0
    assert scan.read_bytes() == b"the only copy"


def test_what_is_there_is_replaced_with_force_alone(
    scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = scan.parent / "shape-8.stl"
    mine.write_bytes(b"mine")
    commands = {
        "shape-8.stl": ["sample", "--seed", "7", "-n", "3"],
        "one.stl": ["sample", "-o", "one.stl"],
        "scan-shape.stl": ["reconstruct", "scan.stl"],
        "scan-shape.shape.json": ["reconstruct", "scan.stl", "--format", "shape.json"],
        "step-02.stl": ["interpolate", "1", "2", "--steps", "2"],
    }
    for name, command in commands.items():
        path = scan.parent / name
        path.write_bytes(b"mine")
        assert cli.main(command) == 1
        assert f"{name} is there already; choose another name or say --force." in _error(capsys)
        assert path.read_bytes() == b"mine"
    assert not (scan.parent / "shape-7.stl").exists()  # nothing begins that cannot end
    for name, command in commands.items():
        assert cli.main([*command, "--force"]) == 0
        assert (scan.parent / name).read_bytes() != b"mine"


def test_odd_places_work_or_say_why(scan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (scan.parent / "folder.stl").mkdir()
    (scan.parent / "file").touch()
    long = "n" * 251 + ".stl"
    assert cli.main(["sample", "-o", long]) == 0  # as long as a name can be
    assert cli.main(["sample", "-o", "new/deeper/a.stl"]) == 0
    assert cli.main(["sample", "-o", "folder.stl"]) == 0  # a folder, whatever its name
    assert (scan.parent / "folder.stl" / "shape-0.stl").is_file()
    capsys.readouterr()
    for out, words in (
        ("n" + long, "could not be written"),
        ("file/", "is a file, not a folder"),
        ("file", "is a file, not a folder"),
    ):
        assert cli.main(["sample", "-o", out]) == 1
        assert words in _error(capsys)
    assert cli.main(["sample", "-o", "-"]) == 2
    assert "standard output" in " ".join(capsys.readouterr().err.replace("│", "").split())
    for command in ("reconstruct", "info"):
        assert cli.main([command, "-"]) == 1
        assert "Standard input" in _error(capsys)
    (scan.parent / "folder.stl" / "shape-5.stl").mkdir()
    assert cli.main(["sample", "--seed", "5", "-o", "folder.stl"]) == 1
    assert "is a folder" in _error(capsys)


def test_a_disk_that_refuses_costs_a_sentence_and_nothing_else(
    scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resource = pytest.importorskip("resource")  # Windows has no such limits
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    mine = scan.parent / "mine.stl"
    mine.write_bytes(b"mine")
    for command in (["sample"], ["reconstruct", "scan.stl"], ["interpolate", "1", "2"]):
        for suffix in ("stl", "obj", "ply", "glb", "3mf", "shape.json"):
            out = "mine.stl" if suffix == "stl" and command[0] != "interpolate" else f"{suffix}/"
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, old[1]))  # bytes; more is refused
            try:
                code = cli.main([*command, "-o", out, "--format", suffix, "--force"])
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, old)
            said = capsys.readouterr().err.splitlines()
            assert (code, len(said)) == (1, 8 if command[0] == "interpolate" else 1)
            assert all("could not be written (File too large)" in line for line in said)
            assert suffix == "stl" or os.listdir(suffix) == []
    assert mine.read_bytes() == b"mine"


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="no place that is read-only for all")
def test_a_read_only_place_costs_a_sentence(scan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for out, words in (
        ("/sys/kernel/a.stl", "could not be written"),
        ("/sys/kernel/a/", "cannot be made"),
    ):
        assert cli.main(["sample", "-o", out]) == 1
        assert words in _error(capsys)


def test_wildcards_that_no_shell_expanded_are(
    scan: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("b.png", "a.png", "c[1].png"):
        (scan.parent / name).touch()
    assert cli.main(["reconstruct", "?.png", "c[1].png", "-o", "out/"]) == 0
    assert sorted(os.listdir("out")) == ["a-shape.stl", "b-shape.stl", "c[1]-shape.stl"]
    opened: list[list[Path]] = []
    monkeypatch.setattr(cli, "open_window", lambda files, _model: opened.append(files) or 0)
    assert cli.main(["*.png"]) == 0
    assert opened == [[Path("a.png"), Path("b.png"), Path("c[1].png")]]
    capsys.readouterr()
    assert cli.main(["*.xyz"]) == 2
    assert "'*.xyz' is neither" in _error(capsys)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures of a batch have their own tests, and take long."""
    monkeypatch.setattr("shapelab.core.batch.batch.tiles_of", lambda *_: ())


@pytest.mark.usefixtures("undrawn")
def test_a_batch_says_how_far_it_is_and_goes_on(
    scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "b.png", "A.jpg"):
        (scan.parent / name).touch()
    line = ["reconstruct", "a.png", "*.png", "A.jpg", "-o", "out/", "--sheet", "sheet.html"]
    (scan.parent / "out").mkdir()
    (scan.parent / "out" / "b-shape.stl").write_bytes(b"mine")
    assert cli.main(line) == 1
    said = capsys.readouterr()
    *each, last = said.out.splitlines()
    assert [text.split(": ")[0] for text in each] == [
        *("[1/4] out/a-shape.stl", "[2/4] out/a-shape-2.stl", "[3/4] b.png"),
        "[4/4] out/A-shape-3.stl",
    ]
    assert last.startswith("3 made, 1 failed in ")
    assert last.endswith("; sheet sheet.html")
    assert len(said.err.splitlines()) == 1
    assert "out/b-shape.stl is there already" in said.err
    assert (scan.parent / "out" / "b-shape.stl").read_bytes() == b"mine"
    page = (scan.parent / "sheet.html").read_text("utf-8")
    assert page.count("<section") == 4
    assert "refresh" not in page
    assert cli.main([*line, "--force", "--jobs", "2"]) == 0
    assert "1 made, 3 there already in " in capsys.readouterr().out


@pytest.mark.usefixtures("undrawn")
def test_a_watched_folder_is_worked_on_as_files_come(
    fake: Any, scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    come = scan.parent / "in"
    come.mkdir()
    (come / "first.png").write_bytes(b"1")
    steps = iter([None, "second.png", None, None])

    def wait(_seconds: float) -> bool:
        name = next(steps, "end")
        if name not in (None, "end"):
            (come / str(name)).write_bytes(b"1")
        return name == "end"

    options = BatchOptions(scan.parent / "out", "ply", watch=come)
    run = BatchRun(options, ShapeWriter(80.0, {}), PictureHints(), lambda error: None)
    assert run.run(fake, [["scan.stl"]], wait)
    made = sorted(path.name for path in (scan.parent / "out").glob("*.ply"))
    assert made == ["first-shape.ply", "scan-shape.ply", "second-shape.ply"]
    assert _lines(capsys)[-1].startswith("3 made in ")
    with pytest.raises(ExportError, match="would itself come into the folder that is watched"):
        BatchRun(replace(options, folder=come), ShapeWriter(80.0, {}), PictureHints(), print)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a/my.chair.v2.png", "my.chair.v2"),
        ("b.shape.json", "b"),
        (".shape.json", "shape"),
        ("plain", "plain"),
    ],
)
def test_base_name(source: str, name: str) -> None:
    assert base_name(source) == name


# --- the window, and the command as users start it ---------------------------------------------


def test_files_open_the_window_and_other_words_do_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[tuple[list[Path], str]] = []
    monkeypatch.setattr(
        cli, "open_window", lambda files, model="": opened.append((files, model)) or 0
    )
    picture, mesh = tmp_path / "a.png", tmp_path / "b.stl"
    picture.touch()
    mesh.touch()
    assert cli.main([]) == 0
    assert cli.main([str(picture), str(mesh)]) == 0
    assert cli.main(["--model", "mine"]) == 0
    assert cli.main(["--model=mine", str(picture)]) == 0
    wanted = [([], ""), ([picture, mesh], ""), ([], "mine"), ([picture], "mine")]
    assert opened == wanted
    assert cli.main(["--model", "mine", "sample"]) == 2
    assert "--model goes after sample" in capsys.readouterr().err
    assert cli.main([str(picture), "smaple"]) == 2
    assert "'smaple' is neither a file nor a command" in _error(capsys)
    assert opened == wanted


def test_a_shapelab_error_of_the_window_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(files: list[Path]) -> int:
        raise InputError("Not today.")

    monkeypatch.setattr(cli, "open_window", refuse)
    assert cli.main([]) == 1
    assert _error(capsys) == "shapelab: Not today."


def test_help_is_light_and_lists_every_command() -> None:
    code = (
        "import sys; from shapelab.cli import main; status = main(['--help']); "
        "heavy = {'torch', 'PySide6', 'pyvista', 'vtkmodules', 'scipy'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    for command in cli.COMMANDS:
        assert command in done.stdout


def test_version() -> None:
    done = _shell("--version")
    assert (done.returncode, done.stdout) == (0, f"shapelab {__version__}\n")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can lack a screen")
@pytest.mark.parametrize("files", [[], ["README.md"]])
def test_no_screen_is_one_sentence_with_two_ways_out(files: list[str]) -> None:
    done = _shell(*files)
    assert done.returncode == 1
    assert done.stdout == ""
    sentence = done.stderr.strip()
    assert "\n" not in sentence
    assert re.search(r"no screen", sentence)
    assert re.search(r"apt-get install .*xvfb.* && xvfb-run ", sentence)
    for command in ("shapelab sample", "shapelab reconstruct", "shapelab interpolate"):
        assert command in sentence
    assert re.fullmatch(r"[^.]*(\.[^. ][^.]*)*\.", sentence), "more than one sentence"


def test_a_shipped_sample_is_taken_by_a_slicers_checker(tmp_path: Path) -> None:
    done = _shell("sample", "--class", "chair", "--seed", "1", "-o", "chair.stl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert LINE.match(done.stdout.strip())
    admesh = shutil.which("admesh")
    if admesh is None:
        pytest.skip("no admesh here; the apt packages of tests/apt.txt hold it")
    said = subprocess.run(
        [admesh, str(tmp_path / "chair.stl")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    for repair in (
        "Edges fixed",
        "Facets removed",
        "Facets added",
        "Facets reversed",
        "Backwards edges",
        "Normals fixed",
        "Degenerate facets",
        "Total disconnected facets",
    ):
        assert re.search(rf"{repair}\s*:\s*0\b", said), said


def test_the_readmes_python_example_runs(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    import shapelab

    picture = np.full((120, 120, 3), 255, np.uint8)
    picture[20:100, 30:90] = (120, 70, 40)
    Image.fromarray(picture).save(tmp_path / "photo.png")
    ball = np.random.default_rng(0).normal(size=(3000, 3))
    np.savetxt(tmp_path / "scan.xyz", ball / np.linalg.norm(ball, axis=1)[:, None])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(shapelab.__dict__, "load_model", lambda name: model)
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
    assert len(examples) == 1
    names: dict[str, Any] = {}
    exec(examples[0], names)
    assert names["occupancy"].shape == (4, 32, 32, 32)
    assert names["report"].ok
    assert names["solid"].sum() == pytest.approx(np.pi / 6 * 24**3, rel=0.15)
    assert (tmp_path / "part.stl").is_file()


# --- plates, recipes and ways through several shapes ---------------------------------------------


def test_a_plate_holds_all_shapes(
    fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import trimesh

    path = tmp_path / "plate.3mf"
    sample = ["sample", "--class", "chair", "--seed", "7", "-n", "3", "--plate", "--size-mm", "50"]
    assert cli.main([*sample, "-o", str(path)]) == 0
    lines = _lines(capsys)
    assert [line.split(": ")[1] for line in lines] == ["chair-7", "chair-8", "chair-9"]
    scene = trimesh.load_scene(path)
    assert set(scene.geometry) == {"chair-7", "chair-8", "chair-9"}
    for body in scene.geometry.values():
        assert body.extents.max() == pytest.approx(50, abs=0.01)
    assert cli.main([*sample, "-o", str(path)]) == 1
    assert "there already" in _error(capsys)
    assert cli.main([*sample, "-o", str(tmp_path / "folder/")]) == 0
    assert (tmp_path / "folder" / "plate.3mf").is_file()
    capsys.readouterr()
    assert cli.main([*sample, "-o", str(tmp_path / "plate.stl")]) == 2
    assert ".3mf" in capsys.readouterr().err


def test_a_shape_that_fails_takes_no_other_from_its_plate(
    fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import trimesh

    names = [str(tmp_path / f"{name}.shape.json") for name in ("1", "torn", "2")]
    for seed in (0, 2):
        assert cli.main(["sample", "--seed", str(seed), "-o", names[seed]]) == 0
    Path(names[1]).write_bytes(b"{")
    capsys.readouterr()
    assert cli.main(["reconstruct", *names, "--plate", "-o", str(tmp_path / "plate.3mf")]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("shapelab: torn.shape.json")
    assert said.err.count("\n") == 1
    assert [line.split(": ")[1] for line in said.out.splitlines()] == ["1-shape", "2-shape"]
    assert set(trimesh.load_scene(tmp_path / "plate.3mf").geometry) == {"1-shape", "2-shape"}
    torn = ["reconstruct", names[1], "--plate", "-o", str(tmp_path / "none.3mf")]
    assert cli.main(torn) == 1
    assert not (tmp_path / "none.3mf").exists()


@pytest.mark.parametrize("suffix", ["stl", "3mf"])
def test_an_exported_mesh_comes_back_as_its_shape(
    fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    path, saved = tmp_path / f"one.{suffix}", tmp_path / "one.shape.json"
    options = ["--seed", "4", "--level", "0.4", "-o", str(path)]
    assert cli.main(["sample", *options, "--recipe"]) == 0
    assert (tmp_path / "one.stl.shape.json").exists() == (suffix == "stl")
    assert cli.main(["reconstruct", str(path), "-o", str(saved)]) == 0
    shape = json.loads(saved.read_text("utf-8"))
    assert (shape["shape"]["seed"], shape["surface"]["level"]) == (4, 0.4)
    capsys.readouterr()
    assert cli.main(["info", str(path)]) == 0
    assert _lines(capsys)[-1].startswith("made by ShapeLab: seed 4, of the model")
    assert cli.main(["sample", *options, "--no-recipe", "--force"]) == 0
    (tmp_path / "one.stl.shape.json").unlink(missing_ok=True)
    capsys.readouterr()
    assert cli.main(["info", str(path)]) == 0
    assert not any("made by ShapeLab" in line for line in _lines(capsys))


def test_the_recipe_beside_an_stl_is_in_the_way_before_any_work(
    fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, beside = tmp_path / "one.stl", tmp_path / "one.stl.shape.json"
    assert cli.main(["sample", "--seed", "4", "-o", str(beside)]) == 0
    saved = beside.read_bytes()
    capsys.readouterr()
    assert cli.main(["sample", "-o", str(path), "--recipe"]) == 1
    assert f"{beside} is there already" in _error(capsys)
    assert cli.main(["reconstruct", str(beside), "-o", str(path), "--recipe", "--force"]) == 1
    assert f"{beside} is one of the inputs" in _error(capsys)
    assert beside.read_bytes() == saved
    assert not path.exists()


def test_a_way_leads_through_the_shapes_between(fake: Any, tmp_path: Path) -> None:
    way = ["interpolate", "chair:1", "bed:2", "--via", "bed:3", "--via", "chair:4", "--steps", "4"]
    assert cli.main([*way, "-o", str(tmp_path), "--format", "shape.json"]) == 0
    found = [
        json.loads(path.read_text("utf-8"))["shape"]["origin"]
        for path in sorted(tmp_path.iterdir())
    ]
    assert found == ["chair, seed 1", "bed, seed 3", "chair, seed 4", "bed, seed 2"]
