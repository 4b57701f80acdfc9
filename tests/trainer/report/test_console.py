"""The terminal's view of a run, live and plain, and the texts about runs and presets on disk."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from shapelab.core.errors import RunError
from shapelab.core.runs import overrides
from shapelab.core.runs.events import (
    Event,
    Finished,
    Paused,
    Previewed,
    Resumed,
    Saved,
    Started,
    StepDone,
    Validated,
    Warned,
    to_line,
)
from shapelab.core.runs.run_config import RunConfig
from shapelab.core.runs.run_folder import RunFolder, find_runs
from shapelab.core.runs.run_state import RunState
from trainer.report import console, inspection, scalar_text

ESCAPE = "\x1b"


def losses(value: float = -3.25) -> dict[str, float]:
    return {
        "memory_mb": 812.0,
        "kl": 34.0,
        "critic": value,
        "wasserstein": 2.5,
        "gradient_norm": 1.02,
        "reconstruction": 0.0213,
        "generator": 0.8,
        "samples_per_second": 412.0,
    }


def run_of(steps: int = 100) -> list[Event]:
    return [
        Started(0, steps, "cpu", 1, time=1000.0),
        StepDone(20, losses(), time=1010.0),
        StepDone(40, losses(math.nan), time=1020.0),
        Warned(41, "skipped", "Step 41 was skipped: a gradient is not finite [critic].", time=1020),
        Validated(50, {"iou": 0.7312, "picture_iou": 0.51}, time=1025.0),
        Saved(50, "checkpoints/step-000000050", best=True, time=1026.0),
        Previewed(50, "previews/step-000000050.png", time=1027.0),
        Paused(60, time=1030.0),
        Resumed(60, time=5000.0),
        StepDone(80, losses(), time=5010.0),
        Finished(80, RunState.STOPPED, time=5011.0),
    ]


def shown(events: list[Event], width: int = 100, **options: bool) -> str:
    out = io.StringIO()
    console.show(events, terminal=Console(file=out, width=width, **options))
    return out.getvalue()


def bar(*events: Event, width: int = 100) -> str:
    """What the live part shows after some events."""
    progress = console.LiveProgress()
    for event in events:
        progress.add(event)
    out = io.StringIO()
    Console(file=out, width=width).print(progress)
    return out.getvalue()


def test_plain_output_is_one_line_an_event_without_control_codes() -> None:
    lines = shown(run_of(), width=20).splitlines()
    assert len(lines) == len(run_of())
    assert not any(ESCAPE in line or "\r" in line for line in lines)
    assert [line.split("  ")[1] for line in lines[:3]] == ["step 0", "step 20", "step 40"]
    assert lines[0].endswith("of 100, on cpu, 1 process")
    assert "critic -3.25  W 2.5  |grad| 1.02  KL 34  recon 0.0213  G 0.8" in lines[1]
    assert "critic nan" in lines[2]
    assert lines[3].endswith("warning: Step 41 was skipped: a gradient is not finite [critic].")
    assert lines[4].endswith("validated  val IoU 0.7312  picture IoU 0.51")
    assert lines[5].endswith("saved checkpoints/step-000000050 (best so far)")
    assert [lines[i].split()[-1] for i in (7, 8, 10)] == ["paused", "resumed", "stopped"]


def test_plain_output_survives_a_narrow_encoding_and_a_closed_pipe() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    console.show([Warned(1, "disk", "größer\nals 😀")], terminal=Console(file=stream))
    assert raw.getvalue().endswith(b"gr??er als ?\n")

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    trained = []

    def events() -> Iterator[Event]:
        for event in run_of():
            trained.append(event)
            yield event

    console.show(events(), terminal=Console(file=Closed()))
    assert trained == run_of()


def test_live_output_keeps_a_bar_below_the_lines_of_what_happened() -> None:
    text = shown(run_of(), force_terminal=True, force_interactive=True)
    assert ESCAPE in text
    warning = next(line for line in text.splitlines() if "was skipped" in line)
    assert f"{ESCAPE}[33m" in warning  # yellow
    assert "[critic]" in warning  # not taken for a style
    for words in ("val IoU 0.7312", "saved checkpoints/", "previews/", "paused", "resumed"):
        assert words in text
    assert "80%" in text
    assert "80/100" in text


def test_bar_shows_share_pace_and_the_newest_figures() -> None:
    text = bar(*run_of()[:2])
    assert "20%" in text
    assert "20/100" in text
    assert "412 samples/s" in text
    assert "40 s left" in text  # 80 steps at 2 a second
    assert "critic -3.25  W 2.5" in text
    assert "memory" not in text
    assert "val IoU 0.7312" in bar(*run_of()[:5])


def test_bar_survives_nan_and_a_narrow_terminal() -> None:
    text = bar(*run_of()[:5], width=40)
    assert "nan" in text
    assert "0.7312" in text
    assert max(map(len, text.splitlines())) <= 40


def test_time_left_leaves_a_pause_out_and_says_nothing_when_it_cannot() -> None:
    events = run_of()
    assert "paused" in bar(*events[:8])
    assert "left" not in bar(*events[:9])
    assert "10 s left" in bar(*events[:10])
    assert "left" not in bar(events[0])
    assert "left" not in bar(StepDone(40, losses(), time=1.0), StepDone(20, losses(), time=2.0))
    assert "0%" in bar()
    assert "left" not in bar(events[0], StepDone(100, losses(), time=1100.0))


def test_a_run_that_goes_on_starts_where_it_was() -> None:
    text = bar(Started(50, 100, "cpu", 2), StepDone(60, {"samples_per_second": 0.52}))
    assert "60%" in text
    assert "0.5 samples/s" in text


def test_sparkline_shows_the_course_and_leaves_out_what_is_no_number() -> None:
    assert scalar_text.sparkline([]) == ""
    assert scalar_text.sparkline([math.nan, math.inf]) == "··"
    assert scalar_text.sparkline([1.0, 1.0]) == "▄▄"
    rising = scalar_text.sparkline([float(i) for i in range(100)], 8)
    assert len(rising) == 8
    assert list(rising) == sorted(rising)
    assert (rising[0], rising[-1]) == ("▁", "█")
    assert scalar_text.sparkline([0.0, math.nan, 1.0]) == "▁·█"
    spiked = scalar_text.sparkline([1e9, *[float(i) for i in range(31)]])
    assert len(set(spiked)) > 5


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run of the 'small' preset with a smaller batch, without any history."""
    folder = RunFolder(tmp_path / "my chairs")
    folder.create(overrides.load("small", ("chair",), 32, ["batch_size=8"]), tmp_path / "store")
    return folder


SMALL = overrides.load("small", ("chair",), 32)  # its numbers are tuned; no test repeats them


def write_events(folder: RunFolder, events: list[Event]) -> None:
    folder.events.write_text("".join(to_line(event) + "\n" for event in events), "utf-8")


def test_inspect_of_a_run_without_history(folder: RunFolder) -> None:
    text = inspection.inspect_text(folder)
    assert "not started: nothing is trained yet" in text
    assert "no validation yet" in text
    assert "Checkpoints: none yet" in text
    assert f'shapelab train resume "{folder.path}"' in text
    assert "Last warnings" not in text
    assert "Newest figures" not in text


def test_inspect_of_a_run_with_history(folder: RunFolder) -> None:
    write_events(folder, run_of())
    with folder.events.open("a", encoding="utf-8") as file:
        file.write('{"event": "ste\n')
    checkpoint = folder.checkpoints / "step-000000050"
    checkpoint.mkdir(parents=True)
    (checkpoint / "tensors.safetensors").write_bytes(bytes(1_500_000))
    (folder.checkpoints / ".tmp-51").mkdir()
    folder.previews.mkdir()
    (folder.previews / "step-000000050.png").touch()
    lines = inspection.inspect_text(folder).splitlines()
    facts = {line.split("  ")[1].strip(): line for line in lines if line.startswith("  ")}
    assert facts["stopped, saved"]
    assert any("best IoU 0.7312" in line for line in lines)
    assert facts["batch_size"].split() == ["batch_size", "8", "(preset:", f"{SMALL.batch_size})"]
    assert "seed" not in facts
    assert "1.5 MB" in facts["step-000000050"]
    assert ".tmp-51" not in facts
    assert facts["val IoU"].split() == ["val", "IoU", "0.7312", "▄"]
    assert "▄·▄" in facts["critic"]
    assert any("Step 41 was skipped" in line for line in lines)
    assert f"Latest preview: {folder.previews / 'step-000000050.png'}" in lines


def test_inspect_names_who_trains_it(folder: RunFolder) -> None:
    with folder.locked():
        text = inspection.inspect_text(folder)
        assert "training: process " in text
        assert "To go on" not in text
        folder.owner.write_text("{")
        assert "training: another process\n" in inspection.inspect_text(folder)


def test_inspect_of_a_complete_run_says_what_to_do_with_it(folder: RunFolder) -> None:
    steps = SMALL.steps
    write_events(folder, [Started(0, steps, "cpu", 1), Finished(steps, RunState.COMPLETED)])
    text = inspection.inspect_text(folder)
    assert "export-model" in text
    assert f"--set steps={2 * steps}" in text


def test_inspect_shows_all_settings_of_a_preset_of_ones_own(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.create(RunConfig(preset="mine"), tmp_path)
    text = inspection.inspect_text(folder)
    assert "there is no preset 'mine' here" in text
    assert "  model.latent_size" in text
    folder.write_config(overrides.load("small", (), 32))
    assert "Settings: those of the preset 'small'" in inspection.inspect_text(folder)


def test_inspect_of_no_run_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        inspection.inspect_text(RunFolder(tmp_path))


def test_table_lists_runs_with_their_figures(folder: RunFolder, tmp_path: Path) -> None:
    write_events(folder, run_of())
    RunFolder(tmp_path / "[bold]other").create(RunConfig(), tmp_path)
    out = io.StringIO()
    console.show_runs(find_runs(tmp_path), Console(file=out))
    rows = {
        line.split("  ")[0].rsplit("/")[-1].strip(): line for line in out.getvalue().split("\n")
    }
    assert "stopped" in rows["my chairs"]
    assert f"80/{SMALL.steps}" in rows["my chairs"]
    assert "0.7312" in rows["my chairs"]
    assert "small" in rows["my chairs"]
    assert " kB" in rows["my chairs"]
    assert "not started" in rows["[bold]other"]
    assert "–" in rows["[bold]other"]


def test_presets_are_described_in_their_own_words() -> None:
    text = inspection.presets_text()
    assert "small\n  Ten ModelNet10 classes" in text
    assert "paper\n  Smith & Meger 2017" in text
    assert "    generator_every = 5" in text
    assert "# 41 batches x 1500 epochs of the chairs run" in text
    settings = [line for line in text.splitlines() if line.startswith("    ") and " = " in line]
    assert all("# " in line for line in settings)  # each says what it is for
