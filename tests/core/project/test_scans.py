"""Scans in a project: each kind comes back bit for bit, large ones are left out, lies refused."""

from __future__ import annotations

import io
import json
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shapelab.core.errors import InputError
from shapelab.core.inputs.depth.depth_object import Shot, object_in
from shapelab.core.inputs.depth.depth_picture import DepthPicture, lens_of_angle
from shapelab.core.inputs.point_files import PointCloud
from shapelab.core.inputs.scan import Scan, scan_of, tipped, turned_by
from shapelab.core.inputs.voxel_files import VoxelGrid
from shapelab.core.mesh import meshing
from shapelab.core.project import project as project_module
from shapelab.core.project import scans as scans_module
from shapelab.core.project.originals import Original
from shapelab.core.project.project import ProjectEncoder, SessionPart, open_project
from shapelab.core.project.project_file import StoredProject, read_project, write_project
from shapelab.core.project.scans import read_scan, stored_scan
from shapelab.core.project.view_state import ViewState
from shapelab.core.session.session import Session
from shapelab.describe import describe
from tests.core.project.test_project import models, original, project_of
from tests.shapes import chair, cloud_of, depth_of

LENS = lens_of_angle((160, 120), 58)


@cache
def depth_picture() -> DepthPicture:
    return DepthPicture(depth_of(chair(32) > 0.5, 30, 25, 2.5, LENS, (160, 120)), 1, (160, 120))


@cache
def scan(kind: str) -> Scan:
    mesh = meshing.surface(chair(32))
    found: Scan | None
    if kind == "mesh":
        found = scan_of(mesh, "y", 1, "millimeter")
    elif kind == "voxels":
        found = scan_of(VoxelGrid(chair(16), 0.02), "z", 3)
    elif kind == "depth":
        deep = object_in(depth_picture())
        found = scan_of(PointCloud(deep.points), "z", 2, deep=deep)
    elif kind == "depth as told":
        own = depth_picture().depth > 0
        deep = object_in(depth_picture(), Shot(LENS, (30.0, 25.0), np.ones_like(own), own))
        found = scan_of(PointCloud(deep.points), "z", 0, deep=deep)
    else:
        points = cloud_of(mesh, 3000).astype(np.float32)
        found = scan_of(PointCloud(points), "x", 0, "meter")
        if kind == "points from one side" and found is not None:
            found = replace(found, eye=np.array([0.5, -2.5, 0.25]))
    assert found is not None
    return found


KINDS = ("mesh", "voxels", "points", "points from one side", "depth", "depth as told")


def same(one: Any, other: Any) -> bool:
    """Whether all fields are the same, each bit and each dtype."""
    if type(one) is not type(other):
        return False
    if is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    return bool(one == other)


def made_from(seed: int, scan: Scan | None, name: str = "") -> Original:
    plain = original(seed, picture=False)
    return Original(replace(plain.result, scan=scan), name or plain.name)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_comes_back_bit_for_bit_in_each_pose(kind: str) -> None:
    for pose in (scan(kind), turned_by(scan(kind), 1), tipped(scan(kind))):
        stored = stored_scan(pose)
        assert stored is not None
        again = read_scan(stored.data)
        assert same(pose, again)
        assert not same(pose, turned_by(again, 2))
        assert stored_scan(again) == stored
        assert again.words == pose.words


def test_a_project_keeps_the_scan_of_each_kind_and_a_common_one_once(tmp_path: Path) -> None:
    known = models()
    own = [made_from(k, scan(kind)) for k, kind in enumerate(KINDS)]
    common = made_from(7, scan("mesh")), made_from(8, scan("mesh")), original(9)
    sessions = [Session(known["d1"]), Session(known["d2"])]
    before = project_of(*sessions, originals=[*own, *common])
    encoder = ProjectEncoder()
    stored = encoder.stored(before)
    assert encoder.left_out == ""
    assert len(stored.pictures) == len(own) + len(common) + len(KINDS)
    write_project(tmp_path / "a.shapelab", stored)
    told = describe(str(tmp_path / "a.shapelab"))
    assert told[0] == "ShapeLab project, 9 pictures and 6 scans in it"
    read, _ = read_project(tmp_path / "a.shapelab")
    opened = open_project(read, known, ViewState())
    for found in opened.originals:
        assert len(found) == len(own) + len(common)
        for old, new in zip([*own, *common], found, strict=True):
            assert same(old.result.scan, new.result.scan)
            assert (new.name, new.digest) == (old.name, old.digest)
    parts = zip(opened.sessions, opened.originals, opened.left, strict=True)
    after = replace(before, sessions=tuple(SessionPart.of(*part) for part in parts))
    assert ProjectEncoder().stored(after) == read, "nor does it change when it is saved again"


def test_a_scan_that_is_too_large_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    known = models()
    own = [
        made_from(1, scan("voxels"), "small.npy"),
        made_from(2, scan("mesh"), "large.stl"),
        made_from(3, turned_by(scan("mesh"), 1), "large.stl"),
    ]
    monkeypatch.setattr(scans_module, "MAX_SCAN", scan("mesh").nbytes - 1)
    encoder = ProjectEncoder()
    opened = open_project(
        encoder.stored(project_of(Session(known["d1"]), originals=own)), known, ViewState()
    )
    assert encoder.left_out == (
        "The project has no room for the scan of large.stl; it keeps the shape alone."
    )
    small, *large = opened.originals[0]
    assert same(small.result.scan, scan("voxels"))
    assert [each.result.scan for each in large] == [None, None]
    assert [each.digest for each in large] == [each.digest for each in own[1:]]
    encoder.stored(project_of(Session(known["d1"]), originals=own[:1]))
    assert encoder.left_out == ""


@pytest.mark.parametrize("limit", ["MAX_BYTES", "MOST_PICTURES"])
def test_what_has_room_is_that_of_the_newest(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    poses = [turned_by(scan("mesh"), turns) for turns in range(3)]
    own = [made_from(k, pose, f"{k}.stl") for k, pose in enumerate(poses)]
    pictures = sum(len(each.data) for each in own)
    last = own[-1].stored_scan
    assert last is not None
    most = {
        "MAX_BYTES": project_module.MAX_CONTENT + pictures + 2 * len(last.data),
        "MOST_PICTURES": 5,
    }[limit]
    monkeypatch.setattr(project_module, limit, most)
    encoder = ProjectEncoder()
    stored = encoder.stored(project_of(Session(models()["d1"]), originals=own))
    opened = open_project(stored, models(), ViewState())
    found = [each.result.scan for each in opened.originals[0]]
    assert found[0] is None
    assert all(same(*pair) for pair in zip(found[1:], poses[1:], strict=True))
    assert "0.stl" in encoder.left_out


def test_a_scan_of_numbers_that_are_none_spoils_no_project() -> None:
    odd = replace(scan("mesh"), size=(1.0, float("nan"), 1.0))
    assert stored_scan(odd) is None


def test_a_project_of_before_scans_opens_with_the_shapes_alone() -> None:
    found = ProjectEncoder().stored(
        project_of(Session(models()["d1"]), originals=[made_from(1, scan("mesh"))])
    )
    content = json.loads(json.dumps(found.content))
    del content["sessions"][0]["scans"]
    opened = open_project(StoredProject(content, found.pictures), models(), ViewState())
    assert opened.originals[0][0].result.scan is None
    assert opened.originals[0][0].result.voxels is not None


def changed(kind: str, **changes: Any) -> bytes:
    """The data of a scan with other arrays or facts."""
    stored = stored_scan(scan(kind))
    assert stored is not None
    arrays = dict(np.load(io.BytesIO(stored.data)))
    facts = json.loads(str(arrays["facts"]))
    facts.get("deep", {}).update({key: each for key, each in changes.items() if not callable(each)})
    arrays["facts"] = np.array(json.dumps(facts))
    arrays |= {key: each(arrays[key]) for key, each in changes.items() if callable(each)}
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def test_what_is_not_changed_is_read() -> None:
    assert same(read_scan(changed("mesh")), scan("mesh"))
    assert same(read_scan(changed("depth", on_floor=True)).deep.picture, depth_picture())  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("mesh", {"faces": lambda a: a + len(a)}),
        ("mesh", {"faces": lambda a: a - 1}),
        ("mesh", {"faces": lambda a: a.astype(np.int64)}),
        ("mesh", {"faces": lambda a: a[:, :2]}),
        ("mesh", {"faces": lambda a: a[:0]}),
        ("mesh", {"vertices": lambda a: a * 9}),
        ("mesh", {"vertices": lambda a: a * np.float32(np.nan)}),
        ("mesh", {"vertices": lambda a: a[:0]}),
        ("mesh", {"size": lambda a: -a}),
        ("mesh", {"size": lambda a: a[:2]}),
        ("mesh", {"facts": lambda _: np.array("7")}),
        ("points from one side", {"eye": lambda a: a * np.inf}),
        ("points from one side", {"eye": lambda a: a * 1e300}),
        ("depth", {"deep_depth": lambda a: a[:-1]}),
        ("depth", {"deep_depth": lambda a: -a}),
        ("depth", {"deep_depth": lambda a: a * 0}),
        ("depth", {"deep_mask": lambda a: a.T}),
        ("depth", {"deep_mask": lambda a: a.astype(np.uint8)}),
        ("depth", {"deep_points": lambda a: a * np.float32(np.inf)}),
        ("depth", {"step": 0}),
        ("depth", {"step": 10**30}),
        ("depth", {"step": True, "size": [1e300, 120]}),
        ("depth", {"size": [160, 121]}),
        ("depth", {"size": [160]}),
        ("depth", {"lens": [0, 0, 0, 0]}),
        ("depth", {"lens": ["a", "b", "c", "d"]}),
        ("depth", {"lens": [float("nan")] * 4}),
        ("depth", {"angles": [float("inf"), 0.0]}),
        ("depth", {"angles": 7}),
        ("depth as told", {"deep_within": lambda a: a[:1]}),
    ],
)
def test_a_scan_that_lies_is_refused(kind: str, changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="scan in the project is damaged"):
        read_scan(changed(kind, **changes))


def test_a_scan_unpacks_to_no_more_than_it_takes() -> None:
    out = io.BytesIO()
    np.savez_compressed(out, vertices=np.zeros((10**6, 3), np.float32))
    assert len(out.getvalue()) < 10**5
    for data in (out.getvalue(), b"", changed("mesh")[:-40]):
        with pytest.raises(InputError, match="scan in the project is damaged"):
            read_scan(data)


@pytest.mark.parametrize(
    "change",
    [
        lambda part, _: part.update(scans=7),
        lambda part, scans: part.update(scans=dict.fromkeys(scans, "0" * 64)),
        lambda part, scans: part.update(scans={key: [1] for key in scans}),
        lambda part, scans: part.update(scans=dict.fromkeys(scans, next(iter(scans)))),
    ],
)
def test_a_project_whose_scans_are_odd_is_refused_in_one_sentence(change: Any) -> None:
    found = ProjectEncoder().stored(
        project_of(Session(models()["d1"]), originals=[made_from(1, scan("mesh"))])
    )
    content = json.loads(json.dumps(found.content))
    change(content["sessions"][0], content["sessions"][0]["scans"])
    with pytest.raises(InputError, match="damaged") as refused:
        open_project(StoredProject(content, found.pictures), models(), ViewState())
    assert str(refused.value).endswith(".")
