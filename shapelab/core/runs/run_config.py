"""RunConfig: every setting of a training run, declared once with its bounds and its meaning."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from shapelab.core import files_of_others
from shapelab.core.errors import RunError, clean
from shapelab.core.model.spec import ModelSpec

#: Settings by the names that they had in older runs and cards.
_OLD_NAMES = {
    "critic_rate": "critic_learning_rate",
    "adversarial_rate": "adversarial_learning_rate",
    "image_rate": "image_learning_rate",
    "final_rate": "final_learning_rate",
    "reflect": "flip",
    "image_samples": "synthetic_shapes",
    "image_stretched": "synthetic_stretched",
}

MOST = 10**9  # steps, which no run reaches and a field of the window can show
Beta = Annotated[float, Field(ge=0, lt=1)]
Betas = tuple[Beta, Beta]


class RunConfig(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """Every setting of a run. Defaults are the paper's; presets are TOML files over them."""

    preset: str = Field(
        "paper", max_length=100, description="Name of the preset that the run started from."
    )
    model: ModelSpec = Field(default_factory=ModelSpec, description="Shapes of the networks.")
    seed: int = Field(
        0, ge=0, lt=2**31, description="Every random draw derives from it and the step."
    )

    start_from: str = Field(
        "",
        description="A model, by name or path, with whose networks the run begins; its critic and "
        "what its optimisers remember are new.",
    )

    # --- schedule ---
    steps: int = Field(61500, ge=1, le=MOST, description="Batches in all, warm start included.")
    batch_size: int = Field(256, ge=2, le=4096, description="Shapes in a batch, all processes.")
    warm_start: int = Field(
        0,
        ge=0,
        le=MOST,
        description="First steps without the critic: encoders and generator as a VAE.",
    )
    generator_every: int = Field(
        5, ge=1, le=100, description="Batches between two adversarial updates of the generator."
    )
    reconstruct_every_batch: bool = Field(
        False,
        description="The generator also learns the reconstruction with the encoder at each batch.",
    )

    # --- losses ---
    loss: Literal["wasserstein", "r3"] = Field(
        "wasserstein",
        description="Critic's loss: the paper's, or relativistic with R1 + R2 (R3GAN).",
    )
    delta: float = Field(100.0, gt=0, description="Weight of the reconstruction (paper: 100).")
    delta_in_encoder: bool = Field(
        True,
        description="The encoder's loss holds delta too; the released code left it out there.",
    )
    vae: Literal["true", "released"] = Field(
        "true",
        description="'released' reads one tanh head as sigma when sampling and as log sigma in "
        "the KL, as the released code does: nearly a plain autoencoder.",
    )
    reconstruction: Literal["squared", "bce", "distance"] = Field(
        "squared",
        description="Squared error (paper), binary cross entropy, or for signed distances the "
        "absolute error and, near the surface, the cross entropy.",
    )
    positive_weight: float = Field(1.0, ge=0.1, le=100, description="Weight of solid voxels, bce.")
    thin_weight: float = Field(
        0.0,
        ge=0,
        le=20,
        description="Extra weight of voxels in and beside parts less than 3 voxels thick; signed "
        "distances only.",
    )
    slabs: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Share of the grid, in random slabs across x, that the encoder's updates "
        "decode: half of it takes two thirds of the time; with planes only.",
    )
    slopes: float = Field(
        0.0,
        ge=0,
        le=10,
        description="Weight of the error of the slopes of signed distances near the surface in the "
        "reconstruction: faces then come out flat.",
    )
    overlap: float = Field(
        0.0,
        ge=0,
        le=10,
        description="Weight of 1 - IoU in the reconstruction: a shape of few voxels then counts as "
        "much as one of many.",
    )
    centre_lines: float = Field(
        0.0,
        ge=0,
        le=10,
        description="Weight of 1 - clDice, which asks thin parts to be unbroken, in the "
        "reconstruction; signed distances only.",
    )
    kl_warm_up: float = Field(
        0.0, ge=0, le=1, description="Share of the main phase the KL fades in."
    )
    free_bits: float = Field(0.0, ge=0, le=1, description="Nats per dimension that cost nothing.")
    adversarial: float = Field(1.0, ge=0, description="Weight of the critic's term for generator.")

    # --- critic ---
    penalty: Literal["sample", "column", "r1", "r1r2", "none"] = Field(
        "sample",
        description="Gradient norm held at 1 per sample (paper) or per column (released code), or "
        "held at 0 on real shapes (r1) or on real and generated ones (r1r2).",
    )
    critic_sees: Literal["both", "prior"] = Field(
        "both",
        description="Generated shapes that it judges: from the prior and from encoded shapes in "
        "turns (paper), or from the prior alone (released code).",
    )
    prior: Literal["normal", "blends"] = Field(
        "normal",
        description="Latents of the prior in the adversarial updates: N(0, I) (paper), or blends "
        "of the codes of two shapes of a class, where samples and morphs lie when the KL is weak.",
    )
    penalty_weight: float = Field(
        10.0, ge=0, le=10000, description="Weight of the penalty: lambda, or gamma of r1 and r1r2."
    )
    penalty_form: Literal["explicit", "double_backward"] = Field(
        "explicit",
        description="How a penalty at 1 is computed; both give the same numbers.",
    )
    spectral_norm: bool = Field(
        False, description="The critic's weights are divided by their largest singular value."
    )
    critic_shift: int = Field(
        0,
        ge=0,
        le=8,
        description="Real and generated grids are moved by up to so many voxels for the critic "
        "(DiffAugment); it then memorises less.",
    )

    # --- optimisers ---
    learning_rate: float = Field(1e-4, gt=0, le=1, description="Encoders and generator, Adam.")
    muon_learning_rate: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Of Muon, an optimiser that often learns faster, for the weight matrices "
        "inside generator and voxel encoder, such as 0.006; 0 = Adam moves them too.",
    )
    critic_learning_rate: float = Field(1e-4, gt=0, le=1, description="Critic, Adam.")
    adversarial_learning_rate: float = Field(
        1e-4,
        gt=0,
        le=1,
        description="Highest learning rate of the generator in its adversarial updates, which have "
        "an Adam of their own.",
    )
    final_learning_rate: float = Field(
        1.0, gt=0, le=1, description="Share of the learning rate left at the end (cosine)."
    )
    betas: Betas = Field((0.5, 0.9), description="Adam's betas, all but the critic.")
    critic_betas: Betas = Field((0.5, 0.9), description="Adam's betas, critic.")
    ema: float = Field(0.0, ge=0, lt=1, description="Decay of the averaged weights; 0 = off.")
    precision: Literal["fp32", "bf16", "auto"] = Field(
        "fp32",
        description="bf16 speeds up a GPU, and a processor with AMX or AVX-512 BF16; auto takes it "
        "where it does. The penalty is always computed in fp32.",
    )

    # --- data and pictures ---
    flip: bool = Field(False, description="Half of the shapes are flipped left to right.")
    stretched: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the shapes that get other proportions, new ones at each batch; not "
        "in batches from which the image encoder learns.",
    )
    image_loss: Literal["vae", "distil"] = Field(
        "vae",
        description="The image encoder learns as the paper's encoder (KL + delta recon), or from "
        "the voxel encoder's codes.",
    )
    image_every: int = Field(
        1,
        ge=0,
        le=100,
        description="Batches between two image updates; 0 = none before its own last steps.",
    )
    image_steps: int = Field(
        0,
        ge=0,
        le=MOST,
        description="Last steps train the image encoder alone against a frozen generator.",
    )
    image_batch_size: int = Field(
        0, ge=0, le=4096, description="Shapes in a batch of those last steps; 0 = batch_size."
    )
    synthetic_shapes: int = Field(
        0,
        ge=0,
        le=100_000,
        description="Synthetic shapes for those last steps, pictured like the real ones; half of "
        "each batch is drawn from them.",
    )
    synthetic_stretched: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of them that are real shapes of other proportions; the frozen generator "
        "makes the rest.",
    )
    image_weight: float = Field(
        1.0, ge=0, description="Weight of 1 - IoU beside the codes' error in those last steps."
    )
    image_learning_rate: float = Field(1e-4, gt=0, le=1, description="Image encoder, Adam.")
    image_backbone_rate: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Share of it for the layers that begin with weights of ImageNet.",
    )
    backgrounds: str = Field(
        "",
        description="Folder of photos to put behind the objects in training pictures, beside plain "
        "ones, gradients, noise and made-up rooms; models of image mode LA see none.",
    )

    # --- bookkeeping ---
    validate_every: int = Field(1000, ge=1, le=MOST, description="Steps between two validations.")
    preview_every: int = Field(1000, ge=1, le=MOST, description="Steps between two previews.")
    preview_seed: int = Field(
        0, ge=0, lt=2**31, description="Seed of the latents that previews show beside real shapes."
    )
    save_every: int = Field(
        1000, ge=1, le=MOST, description="Steps between two checkpoints, at most."
    )
    save_minutes: float = Field(5.0, gt=0, description="Minutes between two checkpoints, at most.")
    keep_every: int = Field(
        0,
        ge=0,
        le=MOST,
        description="Checkpoints at multiples of this step are kept for ever; 0 = none.",
    )
    log_every: int = Field(
        20, ge=1, le=MOST, description="Steps between two logged lines of scalars."
    )
    threads: int = Field(
        0, ge=0, le=256, description="CPU threads; 0 = this process's share of the cores."
    )

    @model_validator(mode="before")
    @classmethod
    def _old_names_still_count(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and not fields.keys().isdisjoint(_OLD_NAMES):
            kept = {key: value for key, value in fields.items() if key not in _OLD_NAMES}
            return kept | {_OLD_NAMES[key]: fields[key] for key in fields if key in _OLD_NAMES}
        return fields

    @model_validator(mode="before")
    @classmethod
    def _r3_brings_its_penalty(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and fields.get("loss") == "r3" and "penalty" not in fields:
            return {**fields, "penalty": "r1r2"}
        return fields

    @field_validator("preset", "backgrounds", "start_from")
    @classmethod
    def _nothing_is_hidden(cls, value: str) -> str:
        if clean(value) != value:
            raise ValueError("it holds control characters or too many letters")
        return value

    @model_validator(mode="after")
    def _belongs_together(self) -> RunConfig:
        if self.loss == "r3" and self.penalty != "r1r2":
            raise ValueError("loss = r3 needs penalty = r1r2")
        if self.penalty == "none" and not self.spectral_norm:
            raise ValueError(
                "penalty = none leaves the critic without bounds; it needs spectral_norm = true"
            )
        if self.model.field == "occupancy" and (
            self.reconstruction == "distance"
            or self.thin_weight
            or self.centre_lines
            or self.slopes
        ):
            raise ValueError(
                "reconstruction = distance, thin_weight, centre_lines and slopes need "
                "model.field = signed_distance"
            )
        if self.slabs < 1 and self.model.decoder != "planes":
            raise ValueError("slabs needs model.decoder = planes")
        if self.penalty == "column" and self.model.sub_cells:
            raise ValueError("penalty = column needs model.sub_cells = false")
        if self.image_steps > self.steps - (not self.start_from):
            raise ValueError(
                "image_steps must leave steps for the networks before them, unless they start from "
                "a model"
            )
        return self

    @property
    def main_steps(self) -> int:
        """Steps before the image encoder's own phase."""
        return self.steps - self.image_steps

    @property
    def image_batch(self) -> int:
        """Shapes in a batch of the image encoder's own phase."""
        return self.image_batch_size or self.batch_size


def validated(fields: dict[str, Any]) -> RunConfig:
    """A configuration of plain fields. Raises RunError that names the first bad setting."""
    wrong = problems(fields)
    for where, reason in wrong.items():
        what = f"Setting '{where}'" if where else "These settings"
        raise RunError(f"{what} cannot be used: {reason}.")
    return RunConfig.model_validate(fields)


def problems(fields: dict[str, Any]) -> dict[str, str]:
    """What is wrong with plain fields, by the setting's name ('model.critic_width', 'betas.1').

    What concerns several settings at once stands under the empty name.
    """
    try:
        RunConfig.model_validate(fields)
    except ValidationError as error:
        return {".".join(map(str, each["loc"]))[:80]: _reason(each) for each in error.errors()}
    return {}


#: pydantic's names of mistakes, as people say them; braces are filled from the field's bounds.
_REASONS = {
    "extra_forbidden": "there is none of this name",
    "greater_than": "it must be more than {gt:g}",
    "greater_than_equal": "it must be at least {ge:g}",
    "less_than": "it must be less than {lt:g}",
    "less_than_equal": "it must be at most {le:g}",
    "int_parsing": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "float_parsing": "it must be a number",
    "finite_number": "it must be a number",
    "missing": "there must be two numbers",
    "too_long": "there must be two numbers",
}


def _reason(error: Any) -> str:
    text: str = _REASONS.get(error["type"], error["msg"].removeprefix("Value error, "))
    return text.format(**error.get("ctx", {})) if error["type"] in _REASONS else text


def to_toml(config: RunConfig) -> str:
    """The configuration as TOML, one setting a line, the model's in a table of their own."""
    fields = config.model_dump(mode="json")
    model = fields.pop("model")
    lines = [f"{key} = {_value(value)}" for key, value in fields.items()]
    lines += ["", "[model]"] + [f"{key} = {_value(value)}" for key, value in model.items()]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    """A value as TOML, which is JSON but for surrogate pairs; control characters are refused."""
    return json.dumps(value, ensure_ascii=False)


def from_toml(text: str) -> RunConfig:
    """Raises RunError when the text is no TOML or no configuration."""
    try:
        fields = files_of_others.toml_of(text)
    except ValueError as error:
        raise RunError(f"The settings cannot be read as TOML: {error}.") from None
    return validated(fields)
