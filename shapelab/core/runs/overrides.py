"""Command-line overrides over presets and over the settings of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shapelab.core import files_of_others
from shapelab.core.errors import RunError
from shapelab.core.model.spec import IMAGE_FIELDS
from shapelab.core.runs.presets import preset_fields
from shapelab.core.runs.run_config import RunConfig, validated


def load(
    preset: str,
    classes: Sequence[str],
    resolution: int,
    overrides: Sequence[str] = (),
    steps: int | None = None,
) -> RunConfig:
    """The configuration of a preset for a dataset.

    Args:
        preset: name of a shipped preset.
        classes: class names of the store.
        resolution: grid side of the store.
        overrides: ``key=value`` texts; a model's own key as ``model.key=value``; values as TOML.
        steps: instead of the preset's; its phases shrink or grow along, unless overridden.

    Raises:
        RunError: unknown preset or key, or a value out of its bounds.
    """
    fields = preset_fields(preset, classes, resolution, steps)
    return validated(_overridden(fields, overrides))


def change(config: RunConfig, overrides: Sequence[str]) -> RunConfig:
    """The settings of a run that goes on, with some of them changed.

    Raises:
        RunError: unknown key, a value out of its bounds, or one that would change the networks. The
            image encoder alone may become another one, which learns from its beginning.
    """
    free = tuple(f"model.{name}=" for name in IMAGE_FIELDS)
    if any(
        text.startswith(("model.", "spectral_norm")) and not text.startswith(free)
        for text in overrides
    ):
        raise RunError(
            "The networks of a run cannot change, but for its image encoder; start a new run."
        )
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
        return files_of_others.toml_of(f"value = {text}")["value"]
    except ValueError:
        return text  # bare words such as bce are strings
