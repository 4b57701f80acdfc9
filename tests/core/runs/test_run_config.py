"""Settings of a run: bounds, what belongs together, and TOML both ways."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from pydantic import ValidationError

from shapelab.core.errors import RunError
from shapelab.core.model.spec import ModelSpec
from shapelab.core.paths import resources
from shapelab.core.runs.run_config import RunConfig, from_toml, to_toml, validated

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PRESETS = sorted((resources() / "presets").glob("*.toml"))


def test_defaults_are_the_papers() -> None:
    config = RunConfig()
    assert (config.delta, config.penalty_weight, config.generator_every) == (100, 10, 5)
    assert (config.batch_size, config.learning_rate, config.betas) == (256, 1e-4, (0.5, 0.9))
    assert (config.loss, config.penalty, config.vae) == ("wasserstein", "sample", "true")


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_every_preset_goes_through_toml_unchanged(path: Any) -> None:
    config = validated(tomllib.loads(path.read_text("utf-8")) | {"preset": path.stem})
    assert from_toml(to_toml(config)) == config


@pytest.mark.parametrize(
    "fields",
    [
        {"preset": 'a "quoted" \\ name and # signs = [x]'},
        {"preset": "größer – λ 😀"},
        {"learning_rate": 1e-12, "critic_learning_rate": 3.0000000000000004e-5},
        {"delta": 1e22, "adversarial": 0.0},
        {"betas": (0.0, 0.999), "critic_betas": (0.1 + 0.2, 0.9)},
        {"seed": 2**31 - 1, "spectral_norm": True, "flip": True},
        {"model": ModelSpec(classes=("night stand", 'so"fa'), image_convs=((8, 3, 2),))},
        {"model": ModelSpec(classes=())},
        {"loss": "r3"},
    ],
)
def test_odd_values_go_through_toml_unchanged(fields: dict[str, Any]) -> None:
    config = RunConfig(**fields)
    back = from_toml(to_toml(config))
    assert back == config
    assert to_toml(back) == to_toml(config)


def test_toml_holds_every_setting_on_a_line_of_its_own() -> None:
    lines = to_toml(RunConfig()).splitlines()
    before, after = lines[: lines.index("[model]")], lines[lines.index("[model]") + 1 :]
    assert {line.split(" = ")[0] for line in before if line} == set(RunConfig.model_fields) - {
        "model"
    }
    assert {line.split(" = ")[0] for line in after} == set(ModelSpec.model_fields)


def test_missing_settings_are_the_defaults() -> None:
    assert from_toml("") == RunConfig()
    assert from_toml("[model]\ncritic_width = 8").model.critic_width == 8


@pytest.mark.parametrize(
    ("fields", "setting"),
    [
        ({"bath": 8}, "'bath'.*none of this name"),
        ({"batch_size": 1}, "'batch_size'"),
        ({"batch_size": 4097}, "'batch_size'"),
        ({"batch_size": "many"}, "'batch_size'"),
        ({"steps": 0}, "'steps'"),
        ({"delta": 0.0}, "'delta'"),
        ({"delta": float("nan")}, "'delta'"),
        ({"ema": 1.0}, "'ema'"),
        ({"loss": "hinge"}, "'loss'"),
        ({"betas": (0.5,)}, "'betas"),
        ({"betas": (0.5, 1.0)}, "'betas.1'"),
        ({"delta": float("inf")}, "'delta'"),
        ({"model": {"critic_width": 2}}, "'model.critic_width'"),
        ({"model": {"colour": "red"}}, "'model.colour'"),
        ({"model": {"generator_width": 100}}, "'model'.*halved"),
        ({"steps": 10, "image_steps": 10}, "image_steps must leave steps"),
        ({"loss": "r3", "penalty": "sample"}, "used: loss = r3 needs penalty = r1r2"),
        ({"penalty": "none"}, "it needs spectral_norm = true"),
        ({"betas": [0.5]}, "there must be two numbers"),
        ({"betas": [0.5, 0.9, 0.9]}, "there must be two numbers"),
        ({"betas": ["0.5"]}, "there must be two numbers"),
    ],
)
def test_a_bad_setting_is_named_in_one_sentence(fields: dict[str, Any], setting: str) -> None:
    with pytest.raises(RunError, match=setting) as caught:
        validated(fields)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")


def test_settings_of_older_runs_are_read_by_their_old_names() -> None:
    old = "critic_rate = 0.5\nadversarial_rate = 0.25\nimage_rate = 0.125\nfinal_rate = 0.75\n"
    old += "reflect = true\nimage_samples = 7\nimage_stretched = 0.5\n"
    config = from_toml(old)
    assert config == RunConfig(
        critic_learning_rate=0.5,
        adversarial_learning_rate=0.25,
        image_learning_rate=0.125,
        final_learning_rate=0.75,
        flip=True,
        synthetic_shapes=7,
        synthetic_stretched=0.5,
    )
    assert not {"critic_rate", "reflect", "image_samples"} & set(to_toml(config).split())
    given = RunConfig().model_dump() | {"critic_rate": 0.5}  # as --set does over a preset
    assert validated(given).critic_learning_rate == 0.5


def test_text_that_is_no_toml_is_one_sentence() -> None:
    with pytest.raises(RunError, match="cannot be read as TOML"):
        from_toml("steps = = 3")
    with pytest.raises(RunError, match="'steps'"):
        from_toml('steps = "three"')


def test_r3_brings_its_penalty_and_other_losses_may_have_any() -> None:
    assert validated({"loss": "r3"}).penalty == "r1r2"
    assert validated({"loss": "r3", "penalty": "r1r2"}).penalty == "r1r2"
    assert validated({"penalty": "r1r2"}).loss == "wasserstein"


def test_main_steps_are_those_before_the_image_phase() -> None:
    assert RunConfig(steps=10, image_steps=3).main_steps == 7


def test_a_configuration_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        RunConfig().steps = 3  # type: ignore[misc]
