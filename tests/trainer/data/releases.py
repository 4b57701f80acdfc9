"""Writes tiny releases in the layouts of the real ones."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

CORNERS = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
FACES = [t for a, b, c, d in QUADS for t in ((a, b, c), (a, c, d))]
BOXES = [((0, 0, 0), (4, 4, 1)), ((0, 3, 1), (4, 4, 5))]  # a seat, and a back at +y: z up, front -y


def chair(turn: str = "xyz") -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """Points and triangles of a chair; ``turn`` says which of its axes the file's are ("x-zy")."""
    points, faces = [], []
    for low, high in BOXES:
        faces += [tuple(i + len(points) for i in face) for face in FACES]
        points += list(np.array(low) + CORNERS * (np.array(high) - np.array(low)))
    names = turn.replace("-x", "X").replace("-y", "Y").replace("-z", "Z")
    columns = [np.array(points)[:, "xyz".index(n.lower())] * (-1) ** n.isupper() for n in names]
    return np.stack(columns, 1), faces


def off(turn: str = "xyz", header: str = "OFF\n") -> bytes:
    points, faces = chair(turn)
    lines = [f"{header}{len(points)} {len(faces)} 0"]
    lines += [" ".join(f"{v:g}" for v in p) for p in points]
    lines += ["3 " + " ".join(map(str, f)) for f in faces]
    return ("\n".join(lines) + "\n").encode()


def obj(turn: str = "xz-y") -> bytes:
    points, faces = chair(turn)
    lines = ["v " + " ".join(f"{v:g}" for v in p) for p in points]
    lines += ["f " + " ".join(str(i + 1) for i in f) for f in faces]
    return ("mtllib ../../secret.mtl\n" + "\n".join(lines) + "\n").encode()


def grid(side: int = 20) -> np.ndarray:
    """The chair as voxels (x, y, z), z up, front -y."""
    values = np.zeros((side,) * 3, np.uint8)
    values[4:12, 4:12, 2:4] = 1
    values[4:12, 10:12, 4:12] = 1
    return values


def mat(path: Path, key: str, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {key: values}, do_compression=True)


def binvox(path: Path, x_z_y: np.ndarray) -> None:
    """Axes as the file stores them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flat = x_z_y.astype(np.uint8).ravel()
    runs = bytes(b for value in flat for b in (value, 1))
    sides = " ".join(map(str, x_z_y.shape))
    head = f"#binvox 1\ndim {sides}\ntranslate 0 0 0\nscale 1\ndata\n"
    path.write_bytes(head.encode() + runs)


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGBA", (8, 8), (200, 0, 0, 255)).save(path)


def pack(archive: Path, members: Iterable[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in members:
            out.writestr(name, data)
    return archive


def modelnet(root: Path) -> Path:
    """Two classes, official splits, one glued header, and what else lies in a download."""
    for name in ("chair/train/chair_0002", "chair/train/chair_0010", "night_stand/test/n_1"):
        put(root / "ModelNet10" / f"{name}.off", off())
    put(root / "ModelNet10/chair/test/chair_0890.off", off(header="OFF"))
    put(root / "ModelNet10/README.txt", b"Princeton")
    put(root / "ModelNet10/chair/train/.DS_Store", b"x")
    put(root / "__MACOSX/ModelNet10/chair/train/._chair_0002.off", b"x")
    return root


def zipped(root: Path, archive: Path) -> Path:
    """A folder as a ZIP."""
    paths = sorted(p for p in root.rglob("*") if p.is_file())
    return pack(archive, [(p.relative_to(root).as_posix(), p.read_bytes()) for p in paths])


def volumetric(root: Path) -> Path:
    """Grids of 3DShapeNets: twelve turns of each shape, of which the first stands upright."""
    for name in ("chair/30/train/chair_000000182", "sofa/30/test/sofa_1"):
        for turn in range(1, 13):
            values = np.rot90(grid(30), turn - 1)
            mat(root / "volumetric_data" / f"{name}_{turn}.mat", "instance", values)
    return root


def r2n2(root: Path, count: int = 10) -> Path:
    """``count`` chairs that look along +x with y up, and their views; one without views."""
    for index in range(count):
        name = f"03001627/{index:032x}"
        x_y_z = np.rot90(grid(32), 1)  # the front -y goes to +x
        # With z up the binvox reader gives (x, -z, y); the file has x, z, y.
        binvox(root / "ShapeNetVox32" / name / "model.binvox", x_y_z[:, ::-1, :])
        rendering = root / "ShapeNetRendering" / name / "rendering"
        if index:
            for view in range(24):
                picture(rendering / f"{view:02d}.png")
            put(rendering / "renderings.txt", b"../../../secret.png\n")
            put(rendering / "rendering_metadata.txt", b"104.7 26.3 0 0.71 25\n" * 24)
    return root


def core(root: Path) -> Path:
    """v1 and v2 meshes, a model of which only the voxels are there, and one without anything."""
    put(root / "02691156/a1/model.obj", obj("-yz-x"))  # front along +x
    put(root / "03001627/b1/models/model_normalized.obj", obj("-xzy"))  # front along -z
    put(root / "03001627/b1/models/model_normalized.mtl", b"")
    front_z = np.rot90(grid(20), 2)
    binvox(root / "03001627/b2/models/model_normalized.solid.binvox", front_z[:, ::-1, :])
    put(root / "03001627/b3/models/model_normalized.json", b"{}")
    put(root / "taxonomy.json", b"[]")
    put(root / "99999999/c1/model.obj", obj("-yz-x"))
    return root


def tlnet(root: Path) -> Path:
    names = [f"IKEA_chair_X/c{i}_obj0_object.obj" for i in range(12)]
    names[6] = "IKEA_bed_Y/b_obj0_object.obj"
    put(root / "Lists/all_obj_clean.txt", "\n".join(names).encode())
    photos = ["p3.jpg", "p1.jpg", "p2.jpg"]
    put(root / "Lists/Images.txt", ("\n".join(photos) + "\n").encode())
    put(root / "Lists/ModelID.txt", b"7\n11\n7\n")
    for photo in photos:
        put(root / "Images" / photo, b"jpeg")
    for number in (7, 11):
        mat(root / f"Voxels/{number}.mat", "grid", grid().transpose(2, 0, 1) > 0)
    return root


def vaegan(root: Path) -> Path:
    for number in range(1, 4):
        picture(root / f"chair/{number:04d}.png")
    picture(root / "sofa/0001.png")
    put(root / "list/chair.txt", b"IKEA_chair_A\nIKEA_chair_B\nIKEA_chair_A\n")
    put(root / "list/sofa.txt", b"IKEA_sofa_C")
    put(root / "README.md", b"")
    for name in ("IKEA_chair_A", "IKEA_chair_B", "IKEA_sofa_C"):
        mat(root / f"models/{name}.mat", "voxel", grid())
    return root
