"""Batches: what is made, passed over and refused, whatever fails; the folder that is watched."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shapelab.core.batch import batch, object_record
from shapelab.core.batch.batch import BatchObject, BatchWriter, Failed, Made, run_batch
from shapelab.core.batch.object_pictures import tiles_of
from shapelab.core.batch.object_record import RECORDS, Tile, read_record
from shapelab.core.batch.watched_folder import watched
from shapelab.core.errors import Cancelled, InputError
from shapelab.core.inputs.reconstruct import ClassGuess, Reconstruction
from shapelab.core.mesh.meshing import AUTOMATIC
from shapelab.core.model.camera import Camera
from shapelab.core.model.silhouette_fit import Fit, Hypothesis
from shapelab.core.session.shape_file import write_shape
from shapelab.core.session.shape_state import seeded_state
from shapelab.output import ShapeWriter, check_free
from tests.core.session.tiny_model import LATENT, Model
from tests.table_photo import photo, prepared, table

MODEL: Any = Model()


@pytest.fixture(autouse=True)
def drawn_in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures have their own tests; here they would take most of the time."""
    monkeypatch.setattr(batch, "tiles_of", lambda *_: (Tile("Picture", b"webp"),))


def _objects(folder: Path, count: int) -> list[BatchObject]:
    """Saved shapes, each to become an STL."""
    found = []
    for seed in range(count):
        path = folder / f"thing-{seed}.shape.json"
        write_shape(path, seeded_state(MODEL, "sofa", seed), MODEL, AUTOMATIC, force=True)
        found.append(BatchObject((path,), folder / "out" / f"thing-{seed}.stl", place=seed))
    return found


def _writer(objects: list[BatchObject], size_mm: float = 80.0, force: bool = False) -> BatchWriter:
    writer = ShapeWriter(size_mm, {}, force)
    inputs = [path for which in objects for path in which.sources]
    return BatchWriter(
        lambda shape, path: writer.written(MODEL, shape, path),
        lambda path: check_free([path], inputs, force),
        (size_mm,),
    )


def _run(objects: list[BatchObject], **options: Any) -> list[Made | Failed]:
    events = list(run_batch(MODEL, objects, _writer(objects, **options), jobs=2))
    assert sorted(event.which.place for event in events) == list(range(len(objects)))
    return sorted(events, key=lambda event: event.which.place)


def _states(events: list[Made | Failed]) -> list[str]:
    return [
        "failed" if isinstance(event, Failed) else "again" if event.again else "made"
        for event in events
    ]


def test_a_bad_one_stops_nothing_and_what_is_there_is_passed_over(tmp_path: Path) -> None:
    objects = _objects(tmp_path, 4)
    objects[1].sources[0].write_bytes(b"{}")
    events = _run(objects)
    assert _states(events) == ["made", "failed", "made", "made"]
    assert isinstance(events[1], Failed)
    assert "no shape saved by ShapeLab" in str(events[1].error)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.stl")}
    assert set(before) == {"thing-0.stl", "thing-2.stl", "thing-3.stl"}
    _objects(tmp_path, 2)  # the bad one is mended
    assert _states(_run(objects)) == ["again", "made", "again", "again"]
    assert all((tmp_path / "out" / name).stat().st_mtime_ns == at for name, at in before.items())


def test_other_options_and_changed_files_are_never_passed_over_or_replaced(tmp_path: Path) -> None:
    objects = _objects(tmp_path, 2)
    assert _states(_run(objects)) == ["made", "made"]
    assert _states(_run(objects, size_mm=50.0)) == ["failed", "failed"]
    assert _states(_run(objects)) == ["again", "again"]
    objects[0].out.write_bytes(b"mine now")
    assert _states(_run(objects)) == ["failed", "again"]
    assert objects[0].out.read_bytes() == b"mine now"
    assert _states(_run(objects, force=True)) == ["made", "again"]
    assert _states(_run(objects, size_mm=50.0, force=True)) == ["made", "made"]


def test_a_file_without_its_record_counts_if_it_is_the_very_one(tmp_path: Path) -> None:
    objects = _objects(tmp_path, 2)
    _run(objects)
    for record in (tmp_path / "out" / RECORDS).iterdir():  # as after a kill
        record.unlink()
    objects[1].out.write_bytes(b"of somebody")
    events = _run(objects)
    assert _states(events) == ["made", "failed"]
    assert isinstance(events[1], Failed)
    assert "is there already" in str(events[1].error)
    assert objects[1].out.read_bytes() == b"of somebody"
    assert len(list((tmp_path / "out" / RECORDS).iterdir())) == 1
    assert _states(_run(objects)) == ["again", "failed"]


def test_a_record_comes_back_and_a_damaged_one_is_none(tmp_path: Path) -> None:
    (which,) = _objects(tmp_path, 1)
    (event,) = _run([which])
    assert isinstance(event, Made)
    folder = which.out.parent
    assert read_record(folder, which.out.name) == event.record
    assert read_record(folder, "another.stl") is None
    (file,) = (folder / RECORDS).iterdir()
    whole = file.read_bytes()
    for damaged in (b"", whole[:-9], whole.replace(b'"line": "', b'"line": 3, "x": "'), b"[]"):
        file.write_bytes(damaged)
        assert read_record(folder, which.out.name) is None


def test_no_more_than_the_jobs_are_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = _objects(tmp_path, 6)
    both, under_way, most = threading.Barrier(2, timeout=60), [0], [0]
    lock = threading.Lock()

    def counted(*arguments: Any) -> Any:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        both.wait()  # two run side by side, or this breaks
        with lock:
            under_way[0] -= 1
        return original(*arguments)

    original = batch._sourced
    monkeypatch.setattr(batch, "_sourced", counted)
    assert _states(_run(objects)) == ["made"] * 6
    assert most == [2]


def test_closing_calls_off_what_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = _objects(tmp_path, 5)
    ends: list[bool] = []

    def patient(_model: Any, which: BatchObject, cancel: threading.Event) -> Any:
        if which.place == 0:
            return original(_model, which, cancel)
        ends.append(cancel.wait(60))
        raise Cancelled("It was called off.")

    original = batch._sourced
    monkeypatch.setattr(batch, "_sourced", patient)
    events = run_batch(MODEL, objects, _writer(objects), jobs=2)
    assert next(events).which is objects[0]
    events.close()  # type: ignore[attr-defined]
    assert ends
    assert all(ends)
    assert [path.name for path in (tmp_path / "out").glob("*.stl")] == ["thing-0.stl"]


def test_the_key_is_of_all_that_counts(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(b"1")
    b.write_bytes(b"1")
    keys = [
        object_record.key_of(*what)
        for what in (([a], [1]), ([b], [1]), ([a], [2]), ([a, b], [1]), ([b, a], [1]))
    ]
    assert None not in keys
    assert len(set(keys)) == 5
    assert object_record.key_of([tmp_path / "none"], []) is None


def test_a_picture_is_shown_with_cut_out_outline_and_the_same_view() -> None:
    picture = prepared(photo(table()), table())
    camera = Camera(-1.2, 0.3, 2.5, 0.0)
    latent = np.zeros(LATENT, np.float32)
    occupancy = MODEL.decode(latent)
    fit = Fit((Hypothesis(latent, (camera, camera), 0.5, 1.0),), 0.4)
    found = Reconstruction(
        latent, occupancy, "picture", picture, None, "sofa", "", fit, others=(picture,)
    )
    captions = [tile.caption for tile in tiles_of(occupancy, found)]
    assert captions == [
        *("Picture 1", "Cut-out 1", "Outline on picture 1", "Same view 1"),
        *("Picture 2", "Cut-out 2", "Outline on picture 2", "Same view 2"),
        *("Front, from the right", "Back, from the left"),
    ]
    assert batch.agreement(found) == 0.5
    facts = dict(batch._facts(batch.SavedShape(seeded_state(MODEL, "sofa", 1)), found))
    assert facts["Cut out by"] == "a guess of its background"
    assert facts["Before the fit"] == "40% of the silhouette"


def test_classes_that_are_hardly_likely_are_not_named() -> None:
    latent = np.zeros(LATENT, np.float32)
    guesses = tuple(ClassGuess(*each) for each in (("night_stand", 0.9), ("bed", 0.001)))
    found = Reconstruction(latent, latent, "picture", None, None, "bed", "", guesses=guesses)
    facts = dict(batch._facts(batch.SavedShape(seeded_state(MODEL, "sofa", 1)), found))
    assert facts["Guesses"] == "night stand 90%"


def test_voxels_are_shown_as_they_were_read_and_compared(tmp_path: Path) -> None:
    latent = np.zeros(LATENT, np.float32)
    occupancy = MODEL.decode(latent)
    voxels = occupancy >= 0.5
    found = Reconstruction(latent, occupancy, "voxels", None, voxels, "sofa", "As it is.")
    tiles = tiles_of(occupancy, found)
    assert tiles[0].caption == "As it was read"
    for tile in tiles:
        (tmp_path / "tile.webp").write_bytes(tile.webp)
        with Image.open(tmp_path / "tile.webp") as image:
            assert image.size == (192, 192)
            assert image.convert("RGBA").getpixel((0, 0))[3] == 0  # type: ignore[index]
            assert image.convert("RGBA").getpixel((96, 96))[3] == 255  # type: ignore[index]
    assert batch.agreement(found) == 1.0


# --- a watched folder ----------------------------------------------------------------------------


def _script(*steps: Callable[[], Any]) -> Callable[[float], bool]:
    """Something to wait with: does the next step at each call, and ends after the last one."""
    left = list(steps)

    def wait(_seconds: float) -> bool:
        if left:
            left.pop(0)()
        return not left

    return wait


def _names(found: Iterator[Path | None]) -> list[str | None]:
    return [None if path is None else path.name for path in found]


def test_a_file_counts_once_it_is_whole_and_again_when_it_changed(tmp_path: Path) -> None:
    late, early = tmp_path / "late.png", tmp_path / "early.jpg"
    early.write_bytes(b"1")
    (tmp_path / "notes.txt").write_bytes(b"1")
    (tmp_path / ".hidden.png").write_bytes(b"1")
    (tmp_path / "folder.png").mkdir()
    wait = _script(
        lambda: late.write_bytes(b"1"),
        lambda: late.write_bytes(b"12"),  # still being written
        lambda: None,
        lambda: None,
        lambda: early.write_bytes(b"123"),
        lambda: None,
        lambda: early.unlink(),
        lambda: None,
    )
    found = _names(watched(tmp_path, wait))
    assert found == [None, "early.jpg", None, "late.png", None, None, "early.jpg", None]


def test_a_folder_that_goes_away_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    found = watched(folder, _script(lambda: os.rmdir(folder), lambda: None))
    assert next(found) is None
    with pytest.raises(InputError, match="cannot be watched: No such file"):
        next(found)


def test_what_is_finished_is_told_while_nothing_comes(tmp_path: Path) -> None:
    objects = _objects(tmp_path, 1)
    told = threading.Event()

    def coming() -> Iterator[BatchObject | None]:
        yield objects[0]
        while not told.wait(0.01):
            yield None

    for event in run_batch(MODEL, coming(), _writer(objects)):
        assert isinstance(event, Made)
        told.set()
    assert told.is_set()
