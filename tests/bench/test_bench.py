"""The benchmark: its table, its file, its command; and, slowly, itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from shapelab import cli
from shapelab.bench import figures, run
from shapelab.bench.figures import Figure
from shapelab.core.errors import InputError, ShapelabError

FOUND = [
    Figure("start: window painted", 0.5, "s", 0.6),
    Figure("32³: as fast as a plain way", 2.5, "×", 4.0, more_is_better=True),
    Figure("curves: raw", 123.4, "ms"),
]


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Calls of two parts that take no time; the second one fails when it is asked once."""
    called: list[tuple[str, int]] = []

    def first(times: int) -> list[Figure]:
        called.append(("first", times))
        return FOUND[:1]

    def second(times: int) -> list[Figure]:
        called.append(("second", times))
        if times == 1:
            raise ShapelabError("It is broken; mend it.")
        return FOUND[1:]

    monkeypatch.setattr(run, "PARTS", {"first": (first, 5, 1), "second": (second, 7, 1)})
    monkeypatch.setattr(run, "WITHOUT_A_SCREEN", ("first", "second"))
    return called


def test_the_table_says_what_is_met_and_how_it_was_before() -> None:
    lines = figures.table(FOUND, {"start: window painted": 1.0, "gone": 3.0})
    cells = [line.split() for line in lines]
    assert cells[0] == ["here", "goal", "earlier", "here", "/", "earlier"]
    assert lines[1].endswith("0.5 s  ≤ 0.6  met           1            0.50")
    assert cells[2][-5:] == ["2.5", "×", "≥", "4", "missed"]
    assert cells[3] == ["curves:", "raw", "123", "ms"]
    alone = figures.table(FOUND)
    assert "earlier" not in alone[0]
    assert len(alone) == len(lines) == 4


def test_figures_come_back_from_their_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    figures.save(path, FOUND, force=False)
    assert figures.read(path) == {each.name: each.value for each in FOUND}
    machine = json.loads(path.read_text("utf-8"))["machine"]
    assert set(machine) == {"processor", "cores", "system", "python", "load"}  # nobody's name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "shapelab-bench", "version": 2, "figures": {}}',
        '{"format": "another", "version": 1, "figures": {}}',
        '{"format": "shapelab-bench", "version": 1, "figures": {"a": {}}}',
        '{"format": "shapelab-bench", "version": 1, "figures": [1]}',
    ],
)
def test_what_holds_no_figures_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(InputError, match="holds no figures"):
        figures.read(path)


def test_percentiles_are_values_that_were_measured() -> None:
    assert figures.percentile([3, 1, 2], 0.5) == 2
    assert figures.percentile(range(1, 101), 0.95) == 95
    assert figures.percentile([7], 0.95) == 7
    assert np.isnan(figures.percentile([], 0.5))


def test_the_command_measures_saves_and_compares(
    parts: list[tuple[str, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "a.json"
    assert cli.main(["bench", "-o", str(saved)]) == 0
    assert parts == [("first", 5), ("second", 7)]
    assert set(figures.read(saved)) == {each.name for each in FOUND}
    assert cli.main(["bench", "first", "--compare", str(saved)]) == 0
    assert parts[2:] == [("first", 5)]
    assert "1.00" in capsys.readouterr().out
    assert cli.main(["bench", "-o", str(saved)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert len(parts) == 3  # before any work


def test_what_was_measured_stays_when_a_later_part_fails(
    parts: list[tuple[str, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "a.json"
    assert cli.main(["bench", "--quick", "-o", str(saved)]) == 1
    assert capsys.readouterr().err == "shapelab: It is broken; mend it.\n"
    assert set(figures.read(saved)) == {FOUND[0].name}


def test_a_part_that_there_is_not_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "speed"]) == 2
    assert "none of start, slider, exploring, curves, commands" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.gl
def test_every_part_measures_something(tmp_path: Path) -> None:
    saved = tmp_path / "a.json"
    assert cli.main(["bench", "--quick", "-o", str(saved)]) == 0
    found = figures.read(saved)
    for word in ("start:", "32³:", "64³:", "memory:", "exploring:", "curves:", "commands:"):
        assert any(name.startswith(word) for name in found)
    assert all(np.isfinite(value) for value in found.values())
    assert found["curves: smoothed, to pyqtgraph as it is"] < 1
