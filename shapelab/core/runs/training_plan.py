"""TrainingPlan: what a new run shall do, as it was chosen; and the commands that do the same."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shapelab.core.runs.presets import differences, preset
from shapelab.core.runs.run_config import RunConfig
from shapelab.core.runs.store_mix import StoreShare

PICTURE_SIZE = 64  # pixels of a store's pictures where nobody asks for more
FIRST_SHAPES = 120  # that a first run makes for itself: half a minute of two cores


@dataclass(frozen=True)
class Preparation:
    """How shapes become a store."""

    source: str  # a folder or file of shapes, or 'procedural:COUNT'
    resolution: int = 32
    views: int = 8  # pictures of each shape
    front: str = ""  # side that is the front; "" for what the source says or its backrests show
    classes: str = ""  # a CSV of path and class; "" for those of the source
    only_sellable: bool = False  # whether to leave out what its LICENSES.csv keeps from being sold
    picture_size: int = PICTURE_SIZE  # pixels along a side

    def options(self) -> tuple[str, ...]:
        """Of ``shapelab train prepare``."""
        given = ["--resolution", str(self.resolution), "--views", str(self.views)]
        given += ["--size", str(self.picture_size)] if self.picture_size != PICTURE_SIZE else []
        given += ["--front", self.front] if self.front else []
        given += ["--classes", self.classes] if self.classes else []
        return (*given, "--only-sellable") if self.only_sellable else tuple(given)


@dataclass(frozen=True)
class TrainingPlan:
    """A new run: its folder, its data, its settings."""

    run: Path
    store: Path
    config: RunConfig
    preparation: Preparation | None = None  # where the store is yet to be made
    weight: float = 1.0  # of the store beside the others
    others: tuple[StoreShare, ...] = ()  # prepared stores that are mixed in

    @property
    def data(self) -> tuple[StoreShare, ...]:
        """All that the run learns from."""
        return (StoreShare(self.store, self.weight), *self.others)

    @property
    def steps(self) -> int | None:
        """The steps, where they are not the preset's."""
        own = self._preset(None).steps
        return None if self.config.steps == own else self.config.steps

    @property
    def settings(self) -> list[str]:
        """What differs from the preset with these steps, as ``key=value`` texts."""
        return differences(self.config, self._preset(self.steps))

    def commands(self) -> list[str]:
        """The lines that do the same in a terminal, quoted for its shell."""
        lines = []
        if self.preparation is not None:
            made = self.preparation
            lines.append(
                command_line("prepare", made.source, "--out", str(self.store), *made.options())
            )
        given = [part for share in self.data for part in ("--data", str(share))]
        given += ["--run", str(self.run), "--preset", self.config.preset]
        given += [] if self.steps is None else ["--steps", str(self.steps)]
        given += [part for text in self.settings for part in ("--set", text)]
        return [*lines, command_line("fit", *given)]

    def _preset(self, steps: int | None) -> RunConfig:
        model = self.config.model
        return preset(self.config.preset, model.classes, model.resolution, steps)


def command_line(*arguments: str) -> str:
    """``shapelab train …`` for the system's shell."""
    words = ("shapelab", "train", *arguments)
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def free_name(folder: Path, stem: str) -> str:
    """The first of 'stem-001', 'stem-002' … after the highest that is in a folder."""
    taken = (re.fullmatch(rf"{re.escape(stem)}-(\d+)", name) for name in _names(folder))
    return f"{stem}-{max((int(found[1]) for found in taken if found), default=0) + 1:03d}"


def _names(folder: Path) -> Sequence[str]:
    try:
        return os.listdir(folder)
    except OSError:  # not there yet
        return ()
