"""Every command can be said as Python, and what it says does the same, to the bit."""

from __future__ import annotations

import json
import random
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shapelab
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.session.script import (
    GALLERY,
    IMPORTS,
    command_line,
    command_lines,
    python_script,
)
from shapelab.core.session.session import Session
from tests.core.session.test_undoable import bits, commands, shown_bits
from tests.core.session.tiny_model import LATENT, Breakable


@pytest.fixture
def model() -> Any:
    return Breakable()


@pytest.fixture
def session(model: Any) -> Session:
    return Session(model, seed=0)


def run(script: str, model: Any) -> Session:
    """The session that a script makes, with a model that is no file."""
    lines = script.splitlines()
    assert lines.count("model = shapelab.load_model('tiny')") == 1
    names: dict[str, Any] = {"model": model}
    exec("\n".join(line for line in lines if not line.startswith("model = ")), names)
    made = names["session"]
    assert isinstance(made, Session)
    return made


def test_a_script_reads_like_what_was_done(session: Session, model: Any) -> None:
    session.set_class("bed")
    session.set_seed(7)
    session.set_coefficient(2, 1.25)
    session.finish_edit()
    session.surface = SurfaceOptions(level=0.3)
    session.keep("left out")
    assert python_script(session) == (
        "import shapelab\n"
        "from shapelab.core.mesh.meshing import SurfaceOptions\n"
        "\n"
        "model = shapelab.load_model('tiny')\n"
        "session = shapelab.Session(model, seed=7)\n"
        "session.set_class('bed')\n"
        "session.set_coefficient(2, 1.25)\n"
        "session.surface = SurfaceOptions(resolution=1, smoothing=10, largest_part=True, "
        "level=0.3)\n"
    )
    assert shown_bits(run(python_script(session), model)) == shown_bits(session)


@pytest.mark.parametrize("seed", range(6))
def test_a_script_leads_to_the_shown_shape_to_the_bit(model: Any, seed: int) -> None:
    rng = random.Random(seed)
    random.seed(seed)
    session = Session(model, seed=0)
    for _ in range(80):
        rng.choice(commands(rng, session))()
    session.finish_edit()
    assert shown_bits(run(python_script(session), model)) == shown_bits(session)


def test_each_command_alone_does_the_same_to_the_bit(model: Any) -> None:
    rng = random.Random(3)
    random.seed(3)
    session = Session(model, seed=0)
    for _ in range(500):
        rng.choice(commands(rng, session))()
    session.finish_edit()
    plain = json.loads(json.dumps(session.history_to_plain()))
    said = set()
    for step in session.history:
        if step.parent is None or step.command.method in GALLERY:
            continue
        other = Session(model)
        other.restore_history(plain, session.gallery)
        other.go_to_step(step.parent)
        lines = command_lines(step, session.history[step.parent].value, session)
        code = "\n".join([*IMPORTS.values(), *lines])
        exec(code, {"session": other, "model": model})
        assert shown_bits(other) == shown_bits(step.value), lines
        said.add(step.command.method)
    assert len(said) >= 15


def test_what_was_done_to_the_gallery_can_be_said_too(model: Any) -> None:
    rng = random.Random(5)
    session, other = Session(model, seed=0), Session(model, seed=0)
    for seed in range(4):
        session.set_seed(seed + 1)
        kept = session.keep()
        if seed == 2:
            session.rename_kept(kept.id, "third")
    ids = [shape.id for shape in session.gallery]
    session.move_kept(ids[2:], 0)
    session.star_kept(ids[:2], True)
    session.delete_kept([ids[rng.randrange(4)]])
    before = None
    for step in session.history:
        if before is not None:
            lines = command_lines(step, before, session)
            exec("\n".join([*IMPORTS.values(), *lines]), {"session": other, "model": model})
        before = step.value
    told = [(shape.name, shape.star, shape.state.seed) for shape in session.gallery]
    assert [(each.name, each.star, each.state.seed) for each in other.gallery] == told
    assert len(told) == 3


def test_files_are_named(session: Session, tmp_path: Path, model: Any) -> None:
    path = tmp_path / "it's.shape.json"
    session.set_raw(3, 2.0)
    session.save(path)
    shown = shown_bits(session)[0]
    session.set_seed(5)
    session.open(path)
    script = python_script(session)
    assert "np." in script, "it begins with the shape itself"
    assert shown_bits(run(script, model))[0] == shown
    session.pin_a()
    session.open(path)
    session.show(np.ones(LATENT, np.float32), "picture a.png", file=tmp_path / "a.png")
    lines = command_lines(session.history.step, session.history[4].value, session)
    assert lines[0] == f"shape = named_shape(model, {str(tmp_path / 'a.png')!r})"


def test_names_from_anywhere_stay_texts(session: Session, model: Any) -> None:
    session.show(np.ones(LATENT, np.float32), "'); import os #\n", "bed", keep='"\\')
    assert bits(run(python_script(session), model))[0] == bits(session)[0]


def test_a_seeded_shape_has_a_line_for_the_terminal(session: Session) -> None:
    session.set_seed(7)
    session.set_truncation(0.5)
    session.set_coefficient(2, -1.5)
    session.surface = SurfaceOptions(2, 0, False, 0.3)
    line, needs = command_line(session)
    assert line == (
        "shapelab sample --class chair --seed 7 --truncation 0.5 --direction 3=-1.5 "
        "--resolution 2 --smoothing 0 --level 0.3 --all-parts --model tiny -o chair-7.stl"
    )
    assert needs == ""
    session.set_raw(0, 1.0)
    line, needs = command_line(session)
    assert shlex.split(line)[:3] == ["shapelab", "reconstruct", "chair.shape.json"]
    assert needs == "chair.shape.json"


def test_it_is_open_to_everybody() -> None:
    assert shapelab.Session is Session
