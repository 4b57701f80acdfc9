"""The commands that look at runs: search, notes, numbers as CSV."""

from __future__ import annotations

import csv
import io

import pytest
from typer.testing import CliRunner

from shapelab.core.errors import ExportError, RunError
from shapelab.core.runs.events import Started, StepDone, Validated, to_line
from shapelab.core.runs.presets import preset
from shapelab.core.runs.run_folder import RunFolder
from trainer.__main__ import app


def call(*arguments):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.fixture
def runs(tmp_path):
    """Two runs with a few numbers."""
    for name, loss in (("chairs", 3.0), ("tables", 4.0)):
        folder = RunFolder(tmp_path / name)
        folder.create(preset("small", ("a",), 32, 100), tmp_path / "store")
        events = [
            Started(0, 100, "cpu", 1, time=10.0),
            StepDone(20, {"kl": loss, "critic": float("nan")}, time=12.0),
            Validated(20, {"iou": 0.5}, time=13.0),
        ]
        folder.events.write_text("".join(to_line(event) + "\n" for event in events))
    return tmp_path


def test_notes_are_kept_shown_and_searched(runs):
    assert call("note", runs / "chairs") == "no tags\n"
    shown = call("note", runs / "chairs", "--tag", "good", "--tag", "#base", "--text", "Thin legs.")
    assert shown == "#good #base\nThin legs.\n"
    assert call("note", runs / "chairs", "--tag", "best") == "#best\nThin legs.\n"
    listed = call("runs", runs)
    assert "Tags" in listed
    assert "best" in listed
    found = call("runs", runs, "--search", "#best legs")
    assert "chairs" in found
    assert "tables" not in found
    inspected = call("inspect", runs / "chairs")
    assert "#best" in inspected
    assert "Thin legs." in inspected
    assert call("note", runs / "chairs", "--tag", "", "--text", "") == "no tags\n"
    assert "Tags" not in call("runs", runs)
    with pytest.raises(RunError, match=r"None of the 2 runs in .* matches 'sofas'"):
        call("runs", runs, "--search", "sofas")
    with pytest.raises(RunError, match="holds no run"):
        call("note", runs, "--tag", "x")


def test_every_number_of_runs_is_written_as_csv(runs):
    printed = call("curves", runs / "chairs", runs / "tables")
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert {(row["run"], row["metric"]) for row in rows} == {
        (run, metric) for run in ("chairs", "tables") for metric in ("kl", "critic", "iou")
    }
    (kl,) = [row for row in rows if (row["run"], row["metric"]) == ("tables", "kl")]
    assert (kl["step"], float(kl["seconds"]), float(kl["value"])) == ("20", 2.0, 4.0)
    assert [row["value"] for row in rows if row["metric"] == "critic"] == ["", ""]
    out = runs / "curves.csv"
    assert call("curves", runs / "chairs", "--out", out) == f"Wrote {out}.\n"
    assert out.read_text().count("chairs") == 3
    with pytest.raises(ExportError, match="is there already"):
        call("curves", runs / "tables", "--out", out)
    assert "tables" not in out.read_text()
    call("curves", runs / "tables", "--out", out, "--force")
    assert "tables" in out.read_text()
    with pytest.raises(RunError, match=r"ends in \.csv"):
        call("curves", runs / "tables", "--out", runs / "store.json")
    with pytest.raises(RunError, match="holds no run"):
        call("curves", runs)


def test_runs_are_compared_by_what_differs(runs):
    RunFolder(runs / "sofas").create(
        preset("small", ("a",), 32, 100).model_copy(update={"delta": 7.0}), runs / "store"
    )
    told = call("compare", runs)
    header, *rows = told.splitlines()
    assert header.split()[:3] == ["Run", "delta", "Step"]
    assert {row.split()[0]: row.split()[1] for row in rows}["sofas"] == "7.0"
    assert rows[-1].split()[-1] == "–"
