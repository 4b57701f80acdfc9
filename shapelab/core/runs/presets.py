"""Presets: the named settings of ``resources/presets``, and how changes to them are written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shapelab.core import files_of_others
from shapelab.core.errors import RunError
from shapelab.core.paths import resources
from shapelab.core.runs.run_config import RunConfig, validated

PHASES = ("warm_start", "image_steps", "synthetic_shapes")  # settings in proportion to the steps


def preset_path(name: str) -> Path:
    """The file of a preset. Raises RunError that names the presets there are."""
    if name not in preset_names():
        raise RunError(f"There is no preset '{name}'; choose one of: {', '.join(preset_names())}.")
    return resources() / "presets" / f"{name}.toml"


def preset_names() -> list[str]:
    """Names of the shipped presets."""
    return sorted(path.stem for path in (resources() / "presets").glob("*.toml"))


def preset_words(name: str) -> str:
    """What a preset is for: the first sentence of the comment at the top of its file."""
    comment = []
    for line in preset_path(name).read_text("utf-8").splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.removeprefix("#").strip())
    return " ".join(comment).split(". ")[0].rstrip(".") + "."


def preset_fields(
    name: str, classes: Sequence[str], resolution: int, steps: int | None = None
) -> dict[str, Any]:
    """Plain fields of a preset for a dataset, the model's in a dictionary of their own.

    Args:
        name: of a shipped preset.
        classes: class names of the store.
        resolution: grid side of the store.
        steps: instead of the preset's; its phases, and the synthetic shapes for the last one,
            shrink or grow along.

    Raises:
        RunError: there is no such preset.
    """
    fields: dict[str, Any] = files_of_others.toml_of(preset_path(name).read_text("utf-8"))
    model = {**fields.get("model", {}), "classes": tuple(classes), "resolution": resolution}
    fields |= {"preset": name, "model": model}
    if steps is not None:
        for phase in PHASES:
            fields[phase] = round(fields.get(phase, 0) * steps / fields["steps"])
        fields["steps"] = steps
    return fields


def preset(
    name: str, classes: Sequence[str], resolution: int, steps: int | None = None
) -> RunConfig:
    """The configuration of a preset; arguments and errors as ``preset_fields`` has them."""
    return validated(preset_fields(name, classes, resolution, steps))


def differences(config: RunConfig, base: RunConfig) -> list[str]:
    """The settings in which a configuration differs, as ``key=value`` texts for ``--set``."""
    new, old = config.model_dump(mode="json"), base.model_dump(mode="json")
    model, old_model = new.pop("model"), old.pop("model")
    changed = {key: value for key, value in new.items() if value != old[key]}
    changed |= {f"model.{k}": value for k, value in model.items() if value != old_model[k]}
    return [f"{key}={_text(value)}" for key, value in changed.items()]


def _text(value: Any) -> str:
    """A value as TOML; plain words go without quotes, as the command line takes them."""
    if isinstance(value, str) and value.isidentifier() and value not in ("true", "false"):
        return value
    return json.dumps(value)
