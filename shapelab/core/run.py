"""What a training run is: its configuration, its events and the layout of its folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from shapelab.core.spec import ModelSpec


class RunConfig(BaseModel, frozen=True, extra="forbid"):
    """Every setting of a run. Defaults are the paper's; presets are TOML files over them."""

    preset: str = Field("paper", description="Name of the preset that the run started from.")
    model: ModelSpec = Field(default_factory=ModelSpec, description="Shapes of the networks.")
    seed: int = Field(0, ge=0, description="Every random draw derives from it and the step.")
    steps: int = Field(62000, ge=1, description="Batches in all, warm start included.")
    batch: int = Field(256, ge=2, le=4096, description="Shapes in a batch.")
    warm_start: int = Field(
        0, ge=0, description="First steps without the critic: encoders and generator as a VAE."
    )
    generator_every: int = Field(
        5, ge=1, le=100, description="Batches between two adversarial updates of the generator."
    )
    reconstruct_every_batch: bool = Field(
        False,
        description="The generator also learns the reconstruction with the encoder at each batch.",
    )
    delta: float = Field(100.0, gt=0, description="Weight of the reconstruction (paper: 100).")
    adversarial: float = Field(1.0, ge=0, description="Weight of the critic's term for generator.")
    penalty: float = Field(10.0, ge=0, le=1000, description="Gradient penalty's weight, lambda.")
    penalty_form: Literal["explicit", "double_backward"] = Field(
        "explicit", description="How the penalty is computed; both give the same numbers."
    )
    penalty_per: Literal["sample", "column"] = Field(
        "sample", description="Norm per sample (paper), or per column as in the released code."
    )
    reconstruction: Literal["squared", "bce"] = Field(
        "squared", description="Squared error (paper) or binary cross entropy."
    )
    positive_weight: float = Field(1.0, ge=0.1, le=100, description="Weight of solid voxels, bce.")
    kl_warm_up: float = Field(0.0, ge=0, le=1, description="Share of the steps the KL fades in.")
    free_bits: float = Field(0.0, ge=0, le=1, description="Nats per dimension that cost nothing.")
    learning_rate: float = Field(1e-4, gt=0, le=1, description="Encoders and generator, Adam.")
    critic_rate: float = Field(1e-4, gt=0, le=1, description="Critic, Adam.")
    adversarial_rate: float = Field(
        1e-4, gt=0, le=1, description="Generator in its adversarial updates, Adam."
    )
    final_rate: float = Field(
        1.0, gt=0, le=1, description="Share of the learning rate left at the end (cosine)."
    )
    betas: tuple[float, float] = Field((0.5, 0.9), description="Adam's betas, all but the critic.")
    critic_betas: tuple[float, float] = Field((0.5, 0.9), description="Adam's betas, critic.")
    ema: float = Field(0.0, ge=0, lt=1, description="Decay of the averaged weights; 0 = off.")
    reflect: bool = Field(False, description="Half of the shapes are mirrored left to right.")
    image_steps: int = Field(
        0, ge=0, description="Last steps train the image encoder alone against a frozen generator."
    )
    image_weight: float = Field(
        1.0, ge=0, description="Weight of the image encoder's reconstruction term."
    )
    image_rate: float = Field(1e-4, gt=0, le=1, description="Image encoder, Adam.")
    validate_every: int = Field(1000, ge=1, description="Steps between two validations.")
    save_every: int = Field(1000, ge=1, description="Steps between two checkpoints.")
    log_every: int = Field(20, ge=1, description="Steps between two logged lines of scalars.")
    threads: int = Field(0, ge=0, le=256, description="CPU threads of torch; 0 = all cores.")


@dataclass(frozen=True)
class StepDone:
    """A step was taken. ``metrics`` are means since the last such event."""

    step: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class Validated:
    """The held-out shapes were scored."""

    step: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class Saved:
    """A checkpoint is on disk, verified."""

    step: int
    path: str


@dataclass(frozen=True)
class Finished:
    """The run ended: 'completed' or 'stopped' (which can be resumed)."""

    step: int
    reason: str


Event = StepDone | Validated | Saved | Finished
EVENT_TYPES: dict[str, type] = {
    "step": StepDone,
    "validated": Validated,
    "saved": Saved,
    "finished": Finished,
}


def to_line(event: Event) -> str:
    """One JSON line of an event, as stored in ``events.jsonl``."""
    name = next(key for key, kind in EVENT_TYPES.items() if isinstance(event, kind))
    return json.dumps({"event": name, **asdict(event)})


def from_line(line: str) -> Event:
    """The event of a JSON line. Raises ValueError for a line that is none."""
    fields: dict[str, Any] = json.loads(line)
    kind = EVENT_TYPES.get(str(fields.pop("event", "")))
    if kind is None:
        raise ValueError("not an event line")
    event: Event = kind(**fields)
    return event


@dataclass(frozen=True)
class RunFolder:
    """Paths inside a run's folder."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def data(self) -> Path:
        """Where the run's prepared store is, as JSON: what a resume needs to find it."""
        return self.path / "data.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"
