"""The form of a new run: from what is chosen to a plan, and what is missing."""

from __future__ import annotations

import json

import pytest

from shapelab.core.errors import DataError, RunError, ShapelabError
from shapelab.core.runs.presets import preset
from shapelab.core.runs.store_mix import StoreShare
from shapelab.gui.training.new_run.dataset_chooser import FOLDER, STORE, DatasetChoice
from shapelab.gui.training.new_run.new_run_form import AdvancedDialog, NewRunForm


def make_store(folder, views=8, size=64, classes=("chair", "table"), resolution=32):
    folder.mkdir(parents=True)
    index = {
        "format": "shapelab-store",
        "version": 2,
        "resolution": resolution,
        "classes": list(classes),
        "counts": {"accepted": 10},
        "views": views,
        "picture_size": size,
    }
    (folder / "index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture
def form(qtbot, tmp_path, threads_end):
    form = NewRunForm()
    qtbot.addWidget(form)
    form.set_places(tmp_path / "runs", tmp_path / "data")
    yield form
    form.stop()
    threads_end()


def test_without_data_it_says_what_to_do(form):
    assert form.data.is_empty
    with pytest.raises(DataError, match="Choose shapes"):
        form.training_plan()


def test_the_newest_store_is_taken_and_described(form, tmp_path):
    make_store(tmp_path / "data" / "furniture")
    form.set_places(tmp_path / "runs", tmp_path / "data")
    plan = form.training_plan()
    assert plan.store == tmp_path / "data" / "furniture"
    assert plan.run == tmp_path / "runs" / "small-001"
    assert plan.preparation is None
    assert plan.settings == []
    assert form.data.about.text() == "2 classes, 10 shapes at 32³, 8 pictures of each."


def test_names_follow_preset_and_folder(form, tmp_path):
    (tmp_path / "runs" / "paper-004").mkdir(parents=True)
    form.preset.setCurrentIndex(form.preset.findData("paper"))
    assert form.name.text() == "paper-005"
    form.data.choose(DatasetChoice(make_store(tmp_path / "store")))
    form.name.setText("paper-004")
    with pytest.raises(ShapelabError, match="already"):
        form.training_plan()
    form.name.setText("../elsewhere")
    with pytest.raises(ShapelabError, match="slashes"):
        form.training_plan()


def test_steps_take_the_phases_along_as_the_command_line_does(form, tmp_path):
    form.data.choose(DatasetChoice(make_store(tmp_path / "store")))
    form.form.editors["steps"].setValue(500)
    plan = form.training_plan()
    assert plan.config == preset("small", ("chair", "table"), 32, 500)
    assert (plan.steps, plan.settings) == (500, [])
    assert form.form.faults[""].isHidden()


def test_what_the_pictures_ask_for_is_set(form, tmp_path):
    form.data.choose(DatasetChoice(make_store(tmp_path / "plain", views=0)))
    own = preset("small", ("chair", "table"), 32)
    plan = form.training_plan()
    # The phase goes; it does not turn into as many adversarial steps.
    assert (plan.config.steps, plan.config.image_steps) == (own.main_steps, 0)
    assert plan.config.warm_start == own.warm_start
    assert "image encoder learns are left out" in form.needs.text()
    form.form.editors["steps"].setValue(own.main_steps // 2)
    assert form.training_plan().config.warm_start == own.warm_start // 2
    form.data.choose(DatasetChoice(make_store(tmp_path / "pictured")))
    assert form.training_plan().config.steps == own.steps // 2
    assert form.training_plan().config.image_steps == own.image_steps // 2
    assert "left out" not in form.needs.text()
    form.form.editors["steps"].setValue(own.steps)
    form.data.choose(DatasetChoice(make_store(tmp_path / "large", size=128)))
    assert form.training_plan().settings == []  # larger ones are made smaller while it learns
    form.data.choose(DatasetChoice(make_store(tmp_path / "tiny", size=32)))
    assert form.training_plan().settings == ["model.image_size=32"]


def test_shapes_are_prepared_first(form, tmp_path):
    (tmp_path / "my shapes" / "deep").mkdir(parents=True)
    (tmp_path / "my shapes" / "deep" / "chair.STL").touch()
    form.data.choose_path(tmp_path / "my shapes")
    form.data.pictures.setValue(4)
    form.data.grid.setCurrentIndex(form.data.grid.findData(64))
    plan = form.training_plan()
    assert plan.store == tmp_path / "data" / "my shapes-001"
    assert plan.preparation.source == str(tmp_path / "my shapes")
    assert (plan.preparation.resolution, plan.preparation.views) == (64, 4)
    assert plan.config.model.resolution == 64


def test_shapes_get_the_front_and_the_classes_that_are_told(form, tmp_path, monkeypatch):
    from PySide6.QtWidgets import QFileDialog

    data = form.data
    (tmp_path / "chair.obj").touch()
    data.choose_path(tmp_path)
    told = form.training_plan().preparation
    assert (told.front, told.classes, told.only_sellable) == ("", "", False)
    table = str(tmp_path / "classes.csv")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_a, **_k: (table, ""))
    data.front.setCurrentIndex(data.front.findData("+x"))
    data.classes.activated.emit(data.classes.count() - 1)
    data.sellable.setChecked(True)
    told = form.training_plan().preparation
    assert (told.front, told.classes, told.only_sellable) == ("+x", table, True)
    data.choose(data.choice())  # as it comes back from a run that was aborted
    assert form.training_plan().preparation == told


def test_dialogs_lead_to_stores_and_to_shapes(form, tmp_path, monkeypatch):
    from PySide6.QtWidgets import QFileDialog

    store = make_store(tmp_path / "prepared")
    (tmp_path / "chair.stl").touch()
    for way, chosen, prepared in ((STORE, store, True), (FOLDER, tmp_path, False)):
        monkeypatch.setattr(
            QFileDialog, "getExistingDirectory", lambda *_a, chosen=chosen: str(chosen)
        )
        form.data.ask(way)
        assert (form.training_plan().preparation is None) == prepared
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_a: "")
    form.data.ask(STORE)  # thought better of it
    assert form.training_plan().preparation is not None


def test_a_store_that_is_gone_is_told(form, tmp_path):
    store = make_store(tmp_path / "store")
    form.data.choose(DatasetChoice(store))
    (store / "index.json").unlink()
    with pytest.raises(DataError, match="no prepared dataset"):
        form.training_plan()


def test_a_fault_keeps_the_plan_back(form, tmp_path):
    form.data.choose(DatasetChoice(make_store(tmp_path / "store")))
    form.form.editors["batch_size"].setValue(1)
    with pytest.raises(RunError, match="batch_size"):
        form.training_plan()
    assert form.needs.text() == ""


def test_the_settings_of_another_run_are_taken_over(form, tmp_path):
    store = make_store(tmp_path / "store")
    config = preset("paper", ("chair", "table"), 32, 700).model_copy(update={"delta": 50.0})
    form.fill_from(config, (StoreShare(store),))
    assert form.training_plan().config == config
    assert form.training_plan().store == store


def test_needs_are_told_with_a_time_once_it_is_measured(form, qtbot, tmp_path):
    form.data.choose(DatasetChoice(make_store(tmp_path / "store")))
    assert "8.7 million parameters" in form.needs.text()
    assert "roughly" not in form.needs.text()
    form.measure()
    qtbot.waitUntil(lambda: "roughly" in form.needs.text())


def test_the_advanced_dialog_keeps_everyday_settings_and_refuses_faults(form, qtbot):
    config = preset("small", ("a",), 32, 700)
    dialog = AdvancedDialog(config.model_copy(update={"delta": 5.0}), form)
    qtbot.addWidget(dialog)
    kinds = dialog.buttons.StandardButton
    dialog.form.editors["delta"].setText("0")
    dialog.form.editors["delta"].textEdited.emit("0")
    assert not dialog.buttons.button(kinds.Ok).isEnabled()
    dialog.buttons.button(kinds.RestoreDefaults).click()
    assert dialog.buttons.button(kinds.Ok).isEnabled()
    assert dialog.form.config() == config


def test_phases_that_a_person_set_stay_when_the_steps_change(form, tmp_path, monkeypatch):
    form.data.choose(DatasetChoice(make_store(tmp_path / "store")))

    def typed(dialog):
        dialog.form.editors["warm_start"].setValue(123)
        dialog.form.editors["synthetic_shapes"].setValue(77)
        return AdvancedDialog.DialogCode.Accepted

    monkeypatch.setattr(AdvancedDialog, "exec", typed)
    form.advanced.click()
    form.form.editors["steps"].setValue(3600)
    config = form.training_plan().config
    assert (config.warm_start, config.synthetic_shapes) == (123, 77)
    assert config.image_steps == 2600  # this one is still the preset's
    form.preset.setCurrentIndex(form.preset.findData("large"))
    form.preset.setCurrentIndex(form.preset.findData("small"))
    assert form.training_plan().config.warm_start == 8000


def test_the_phases_of_another_run_stay_too(form, tmp_path):
    store = make_store(tmp_path / "store")
    config = preset("small", ("chair", "table"), 32, 3600).model_copy(update={"warm_start": 5})
    form.fill_from(config, (StoreShare(store),))
    form.form.editors["steps"].setValue(7200)
    assert form.training_plan().config.warm_start == 5
    assert form.training_plan().config.image_steps == 5200


def test_the_box_shows_the_dataset_that_was_chosen(form, tmp_path, monkeypatch):
    from pathlib import Path

    from PySide6.QtWidgets import QFileDialog

    for name in ("first", "second"):
        make_store(tmp_path / "data" / name)
    form.set_places(tmp_path / "runs", tmp_path / "data")
    for name in ("first", "second", "first"):
        chosen = str(tmp_path / "data" / name)
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_a, c=chosen: c)
        form.data.ask(STORE)
        assert form.data.box.currentText() == name
        assert form.data.choice().store == Path(chosen)


@pytest.mark.parametrize(
    ("files", "words"),
    [(["a.jpg", "b.PNG"], "only pictures"), (["notes.txt"], "no meshes"), ([], "no meshes")],
)
def test_a_folder_without_shapes_is_found_out_before_the_start(form, tmp_path, files, words):
    folder = tmp_path / "holiday"
    folder.mkdir()
    for name in files:
        (folder / name).touch()
    form.data.choose_path(folder)
    assert words in form.data.about.text()
    with pytest.raises(DataError, match=words):
        form.training_plan()
    (folder / "chair.obj").touch()
    form.data.choose_path(folder)
    assert form.training_plan().preparation is not None


def test_a_name_that_no_disk_takes_is_told(form, tmp_path):
    form.data.choose(DatasetChoice(make_store(tmp_path / "store")))
    form.name.setText("n" * 300)
    with pytest.raises(ShapelabError, match="shorter name"):
        form.training_plan()


def test_several_datasets_are_mixed_by_weight(form, tmp_path):
    first = make_store(tmp_path / "data" / "first")
    second = make_store(tmp_path / "second", views=4, classes=("chair", "bed"))
    form.set_places(tmp_path / "runs", tmp_path / "data")
    assert form.mix.weights == []  # one needs none
    form.mix.add(second)
    form.mix.weights[0].setValue(3)
    plan = form.training_plan()
    assert plan.data == (StoreShare(first, 3), StoreShare(second))
    assert plan.config.model.classes == ("bed", "chair", "table")
    assert form.mix.about.text() == ("Together: 3 classes, 20 shapes at 32³, 4 pictures of each.")
    again = NewRunForm()
    again.fill_from(plan.config, plan.data)
    assert again.mix.shares() == plan.data
    form.mix._remove(1)
    assert form.training_plan().data == (StoreShare(first),)
    assert form.training_plan().config.model.classes == ("chair", "table")


def test_datasets_that_do_not_fit_keep_the_plan_back(form, tmp_path):
    form.data.choose(DatasetChoice(make_store(tmp_path / "store")))
    form.mix.add(make_store(tmp_path / "fine", resolution=64))
    with pytest.raises(DataError, match="cannot be mixed"):
        form.training_plan()
    assert "cannot be mixed" in form.mix.about.text()
