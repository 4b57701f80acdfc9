"""The form made of RunConfig: nothing is missing, everything comes back, faults in place."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QSpinBox

from shapelab.core.errors import RunError
from shapelab.core.model.spec import ModelSpec
from shapelab.core.runs.presets import preset, preset_names
from shapelab.core.runs.run_config import RunConfig
from shapelab.gui.training.new_run.config_form import (
    EVERYDAY,
    FIXED,
    GROUPS,
    ConfigForm,
    group,
    setting_names,
)


@pytest.fixture
def form(qtbot):
    form = ConfigForm(setting_names(), roomy=True, titles=True)
    qtbot.addWidget(form)
    return form


def test_every_setting_has_an_editor_or_a_reason_not_to():
    names = {*RunConfig.model_fields, *(f"model.{name}" for name in ModelSpec.model_fields)}
    assert set(setting_names()) == names - FIXED
    assert set(EVERYDAY) <= set(setting_names())
    assert set(GROUPS) <= set(setting_names())


@pytest.mark.parametrize("name", preset_names())
def test_what_is_shown_comes_back_unchanged(form, name):
    config = preset(name, ("a", "b"), 64 if name == "large" else 32)
    form.set_config(config)
    assert form.config() == config
    assert all(label.isHidden() for label in form.faults.values())


def test_editors_follow_the_type_and_are_named(form):
    kinds = {
        "steps": QSpinBox,
        "learning_rate": QLineEdit,
        "flip": QCheckBox,
        "loss": QComboBox,
        "betas": QLineEdit,
        "model.critic_width": QSpinBox,
    }
    for name, kind in kinds.items():
        assert isinstance(form.editors[name], kind)
        assert form.editors[name].accessibleName()
        assert form.editors[name].toolTip()


def test_edits_reach_the_configuration_and_nothing_else(form, qtbot):
    config = preset("small", ("a",), 32)
    form.set_config(config)
    with qtbot.waitSignal(form.changed):
        form.editors["batch_size"].setValue(16)
    form.editors["learning_rate"].setText("3e-4")
    form.editors["betas"].setText("0.1, 0.2")
    form.editors["model.critic_width"].setValue(8)
    wanted = {"batch_size": 16, "learning_rate": 3e-4, "betas": (0.1, 0.2)}
    model = config.model.model_copy(update={"critic_width": 8})
    assert form.config() == config.model_copy(update={**wanted, "model": model})


def edit(form, name, text):
    """Types into a line as a user does, so that its signal comes."""
    line = form.editors[name]
    line.setText(text)
    line.textEdited.emit(text)


def test_a_fault_is_told_beside_its_setting_and_goes(form):
    form.set_config(preset("small", ("a",), 32))
    edit(form, "learning_rate", "fast")
    assert form.faults["learning_rate"].text() == "It must be a number."
    assert not form.faults["learning_rate"].isHidden()
    assert [name for name, label in form.faults.items() if not label.isHidden()] == [
        "learning_rate"
    ]
    with pytest.raises(RunError, match="learning_rate"):
        form.config()
    edit(form, "learning_rate", "2")
    assert form.faults["learning_rate"].text() == "It must be at most 1."
    edit(form, "learning_rate", "0.01")
    assert form.faults["learning_rate"].isHidden()
    edit(form, "betas", "0.5, 1")
    assert form.faults["betas"].text() == "It must be less than 1."
    form.editors["batch_size"].setValue(1)
    assert form.faults["batch_size"].text() == "It must be at least 2."


def test_settings_that_do_not_belong_together_are_told_at_the_end(form):
    form.set_config(preset("small", ("a",), 32))
    form.editors["image_steps"].setValue(99_999)
    assert "mage_steps must leave steps" in form.faults[""].text()
    assert not form.faults[""].isHidden()


def test_a_fault_in_a_setting_that_is_not_shown_is_told_by_name(qtbot):
    form = ConfigForm(EVERYDAY)
    qtbot.addWidget(form)
    form.set_config(preset("small", ("a",), 32))
    form.editors["steps"].setValue(10)  # the image phase alone is longer
    assert "mage_steps must leave steps" in form.faults[""].text()


def test_a_group_has_its_title_also_where_its_first_setting_is_elsewhere(qtbot):
    names = [name for name in setting_names() if name not in ("seed", "validate_every")]
    form = ConfigForm(names, titles=True)
    qtbot.addWidget(form)
    shown = [label.text() for label in form.findChildren(QLabel)]
    assert [text for text in shown if text in GROUPS.values()] == list(GROUPS.values())
    assert group("save_minutes") == "Bookkeeping"
