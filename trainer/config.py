"""Presets and command-line overrides over RunConfig."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from shapelab.core.assets import resources
from shapelab.core.runconfig import RunConfig, validated
from shapelab.errors import RunError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


PHASES = ("warm_start", "image_steps")  # settings that are a part of the steps


def preset_names() -> list[str]:
    """Names of the shipped presets."""
    return sorted(path.stem for path in (resources() / "presets").glob("*.toml"))


def load(
    preset: str,
    classes: Sequence[str],
    resolution: int,
    overrides: Sequence[str] = (),
    steps: int | None = None,
) -> RunConfig:
    """The configuration of a preset for a data set.

    Args:
        preset: name of a shipped preset.
        classes: class names of the store.
        resolution: grid side of the store.
        overrides: ``key=value`` texts; a model's own key as ``model.key=value``; values as TOML.
        steps: instead of the preset's; its phases shrink or grow along, unless overridden.

    Raises:
        RunError: unknown preset or key, or a value out of its bounds.
    """
    path = resources() / "presets" / f"{preset}.toml"
    if preset not in preset_names():
        raise RunError(
            f"There is no preset '{preset}'; choose one of: {', '.join(preset_names())}."
        )
    fields: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    model = {**fields.get("model", {}), "classes": tuple(classes), "resolution": resolution}
    fields |= {"preset": preset, "model": model}
    if steps is not None:
        for phase in PHASES:
            fields[phase] = round(fields.get(phase, 0) * steps / fields["steps"])
        fields["steps"] = steps
    return validated(_overridden(fields, overrides))


def change(config: RunConfig, overrides: Sequence[str]) -> RunConfig:
    """The settings of a run that goes on, with some of them changed.

    Raises:
        RunError: unknown key, a value out of its bounds, or one that would change the networks.
    """
    if any(text.startswith(("model.", "spectral_norm")) for text in overrides):
        raise RunError("The networks of a run cannot change; start a new run for that.")
    return validated(_overridden(config.model_dump(), overrides))


def _overridden(fields: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    for text in overrides:
        key, separator, value = text.partition("=")
        if not separator:
            raise RunError(f"'{text}' is no setting; write it as key=value.")
        place, name = (fields["model"], key[6:]) if key.startswith("model.") else (fields, key)
        place[name] = _value(value)
    return fields


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text  # bare words such as bce are strings
