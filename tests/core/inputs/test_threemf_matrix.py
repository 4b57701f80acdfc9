"""3MF in every way that its writers know is read as it is, or refused by name."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
import pytest
from mesh_variants import (
    POINTS,
    TRIANGLES,
    TURN,
    is_chair,
    outwards,
    rotation,
)

from shapelab.core.errors import InputError
from shapelab.core.inputs import mesh_reader

CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
PRODUCTION = "http://schemas.microsoft.com/3dmanufacturing/production/2015/06"
START = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"


def mesh_xml(points: np.ndarray = POINTS, faces: np.ndarray = TRIANGLES) -> str:
    return (
        "<mesh><vertices>"
        + "".join(f'<vertex x="{a!r}" y="{b!r}" z="{c!r}"/>' for a, b, c in points.tolist())
        + "</vertices><triangles>"
        + "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in faces.tolist())
        + "</triangles></mesh>"
    )


def part(resources: str, items: str = "", unit: str = "", more: str = "") -> str:
    said = f' unit="{unit}"' if unit else ""
    return (
        f'<?xml version="1.0"?><model xmlns="{CORE}" xmlns:p="{PRODUCTION}"{said}{more}>'
        f"<resources>{resources}</resources><build>{items}</build></model>"
    )


def required(space: str) -> str:
    address = f"http://schemas.microsoft.com/3dmanufacturing/{space}"
    return f' xmlns:e="{address}" requiredextensions="e"'


def package(
    parts: dict[str, str],
    start: str = "/3D/3dmodel.model",
    relations: bool = True,
    stored: bool = False,
) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(
        out, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    ) as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="model" '
            'ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/></Types>',
        )
        if relations:
            archive.writestr(
                "_rels/.rels",
                f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
                f'<Relationship Id="t" Target="/Metadata/t.png" Type="thumbnail"/>'
                f'<Relationship Id="r" Target="{start}" Type="{START}"/></Relationships>',
            )
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def one(text: str, **options: Any) -> bytes:
    return package({"3D/3dmodel.model": text}, **options)


def thing(number: str, content: str, kind: str = "model") -> str:
    return f'<object id="{number}" type="{kind}">{content}</object>'


def row(matrix: np.ndarray) -> str:
    return " ".join(f"{n:.9g}" for n in matrix[:3].T.ravel())


def moved_3mf(matrix: np.ndarray, via: str) -> bytes:
    back = np.linalg.inv(matrix)
    points = POINTS @ back[:3, :3].T + back[:3, 3]
    faces = TRIANGLES[:, ::-1] if np.linalg.det(matrix) < 0 else TRIANGLES
    inner = thing("1", mesh_xml(points, faces))
    if via == "item":
        return one(part(inner, f'<item objectid="1" transform="{row(matrix)}"/>'))
    component = f'<components><component objectid="1" transform="{row(matrix)}"/></components>'
    return one(part(inner + thing("2", component), '<item objectid="2"/>'))


def affine(scale: Any = (1, 1, 1), turn: Any = (0, 0, 0, 1), move: Any = (0, 0, 0)) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(turn) * scale
    matrix[:3, 3] = move
    return matrix


def by_boxes(kind: str) -> bytes:
    """The three boxes as objects of their own: side by side, or each in a part with id 1."""
    blocks = [(POINTS[8 * k : 8 * k + 8], outwards(POINTS[8 * k : 8 * k + 8])) for k in range(3)]
    meshes = [mesh_xml(p, np.concatenate([q[:, [0, 1, 2]], q[:, [0, 2, 3]]])) for p, q in blocks]
    if kind == "items":
        objects = "".join(thing(str(k), mesh) for k, mesh in enumerate(meshes, 1))
        return one(part(objects, "".join(f'<item objectid="{k}"/>' for k in (1, 2, 3))))
    if kind == "components":
        objects = "".join(thing(str(k), mesh) for k, mesh in enumerate(meshes, 1))
        inner = "".join(f'<component objectid="{k}"/>' for k in (1, 2, 3))
        return one(
            part(objects + thing("9", f"<components>{inner}</components>"), '<item objectid="9"/>')
        )
    parts = {f"3D/Objects/o{k}.model": part(thing("1", mesh)) for k, mesh in enumerate(meshes)}
    if kind == "production items":
        items = "".join(f'<item objectid="1" p:path="/3D/Objects/o{k}.model"/>' for k in range(3))
        parts["3D/3dmodel.model"] = part("", items)
    else:
        inner = "".join(
            f'<component objectid="1" p:path="/3D/Objects/o{k}.model"/>' for k in range(3)
        )
        parts["3D/3dmodel.model"] = part(
            thing("1", f"<components>{inner}</components>"), '<item objectid="1"/>'
        )
    return package(parts)


CHAIR = thing("1", mesh_xml())
ITEM = '<item objectid="1"/>'
FAR = thing("7", mesh_xml(POINTS * 9))
THREEMF: dict[str, bytes] = {
    "plain": one(part(CHAIR, ITEM)),
    "other case": package({"3d/3DModel.model": part(CHAIR, ITEM)}),
    "not to be printed": one(part(CHAIR, '<item objectid="1" printable="0" partnumber="x"/>')),
    "comments": one(part(f"<!-- <vertex/> -->{CHAIR}<?odd thing?>", ITEM)),
    "stored": one(part(CHAIR, ITEM), stored=True),
    "no relations": one(part(CHAIR, ITEM), relations=False),
    "UTF-16": package(
        {
            "3D/3dmodel.model": part(CHAIR, ITEM)
            .replace("?>", ' encoding="UTF-16"?>')
            .encode("utf-16")
        }
    ),  # type: ignore[dict-item]
    "BOM": one("\ufeff" + part(CHAIR, ITEM)),
    "other start": package(
        {"3D/part.model": part(CHAIR, ITEM), "3D/3dmodel.model": part(FAR, '<item objectid="7"/>')},
        "/3D/part.model",
    ),
    "start without slash": package({"3D/part.model": part(CHAIR, ITEM)}, "3D/part.model"),
    "start with a blank": package({"3D/my part.model": part(CHAIR, ITEM)}, "/3D/my%20part.model"),
    "unused object": one(part(FAR + CHAIR, ITEM)),
    **{
        f"type {kind}": one(part(CHAIR + FAR.replace("model", kind), ITEM + '<item objectid="7"/>'))
        for kind in ("support", "solidsupport", "other")
    },
    "support in a component": one(
        part(
            CHAIR
            + FAR.replace("model", "support")
            + thing(
                "3", '<components><component objectid="1"/><component objectid="7"/></components>'
            ),
            '<item objectid="3"/>',
        )
    ),
    "surface": one(part(CHAIR.replace('"model"', '"surface"'), ITEM)),
    "no type": one(part(CHAIR.replace(' type="model"', ""), ITEM)),
    "prefix": one(
        part(CHAIR, ITEM)
        .replace(f'xmlns="{CORE}"', f'xmlns:c="{CORE}"')
        .replace("</", "</c:")
        .replace("<", "<c:")
        .replace("<c:/c:", "</c:")
        .replace("<c:?", "<?")
    ),
    "required production": one(part(CHAIR, ITEM, more=' requiredextensions="p"')),
    "required materials": one(
        part(
            CHAIR,
            ITEM,
            more=required("material/2015/02"),
        )
    ),
    "foreign elements": one(
        part('<x:mesh xmlns:x="urn:x"><x:vertex x="q"/></x:mesh>' + CHAIR, ITEM)
    ),
    **{
        f"70 parts {k}": package(
            {"3D/3dmodel.model": part(CHAIR, ITEM)}
            | {f"Metadata/{n}.png": "x" for n in range(70 * k)}
        )
        for k in (1, 4)
    },
    **{
        kind: by_boxes(kind)
        for kind in ("items", "components", "production items", "production components")
    },
}


def with_backslashes(data: bytes) -> bytes:
    """The package as some programs of Windows write it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            info = zipfile.ZipInfo("a")
            info.filename = name.replace("/", "\\")
            new.writestr(info, old.read(name))
    return out.getvalue()


THREEMF["backslashes"] = with_backslashes(THREEMF["production items"])
THREEMF["backslashes, other start"] = with_backslashes(THREEMF["other start"])


def slic3r(*roles: str) -> str:
    """PrusaSlicer's notes of an object whose mesh has so many parts of 36 triangles."""
    noted = "".join(
        f'<volume firstid="{36 * k}" lastid="{36 * k + 35}">'
        f'<metadata type="volume" key="name" value="part {k}"/>{role}</volume>'
        for k, role in enumerate(roles)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<config><object id="1" instances_count="1">'
        f'<metadata type="object" key="name" value="chair"/>{noted}</object></config>'
    )


def role(name: str, key: str = "volume_type") -> str:
    return f'<metadata type="volume" key="{key}" value="{name}"/>'


def with_slic3r(*roles: str) -> bytes:
    """A chair whose mesh also holds larger ones, with PrusaSlicer's notes of all."""
    points = np.concatenate([POINTS * 3**k for k in range(len(roles))])
    faces = np.concatenate([TRIANGLES + len(POINTS) * k for k in range(len(roles))])
    text = part(thing("1", mesh_xml(points, faces)), ITEM)
    return package({"3D/3dmodel.model": text, "Metadata/Slic3r_PE_model.config": slic3r(*roles)})


def with_parts(*roles: str, production: bool = False) -> bytes:
    """The same with a component a part and the notes of Bambu Studio and OrcaSlicer."""
    objects = [thing(str(k), mesh_xml(POINTS * 3**k)) for k in range(len(roles))]
    path = ' p:path="/3D/Objects/o.model"' if production else ""
    inner = "".join(f'<component{path} objectid="{k}"/>' for k in range(len(roles)))
    whole = thing("9", f"<components>{inner}</components>")
    noted = "".join(f'<part id="{k}" subtype="{each}"></part>' for k, each in enumerate(roles))
    parts = {
        "3D/3dmodel.model": part(
            whole if production else "".join(objects) + whole, '<item objectid="9"/>'
        ),
        "Metadata/model_settings.config": f'<config><object id="9">{noted}</object></config>',
    }
    return package(parts | ({"3D/Objects/o.model": part("".join(objects))} if production else {}))


def with_cura(setting: str, said: str) -> bytes:
    noted = f'<metadatagroup><metadata name="cura:{setting}">{said}</metadata></metadatagroup>'
    other = thing("7", noted + mesh_xml(POINTS * 9))
    return one(part(CHAIR + other, ITEM + '<item objectid="7"/>'))


MODIFIERS = ("ParameterModifier", "SupportEnforcer", "SupportBlocker")
THREEMF |= {f"PrusaSlicer {m}": with_slic3r(role("ModelPart"), role(m)) for m in MODIFIERS}
THREEMF["old modifier"] = with_slic3r("", role("1", "modifier"))
THREEMF["both modifiers"] = with_slic3r("", role("1", "modifier") + role("ParameterModifier"))
THREEMF["one part noted"] = with_slic3r(role("ModelPart"))
for each in ("modifier_part", "support_enforcer", "support_blocker"):
    for kind in (False, True):
        THREEMF[f"{each} {kind}"] = with_parts("normal_part", each, production=kind)
for each in ("infill_mesh", "cutting_mesh", "support_mesh", "anti_overhang_mesh"):
    THREEMF[f"Cura {each}"] = with_cura(each, "True")
for label, matrix in {
    "moved": affine(move=(5, 6, 7)),
    "turned": affine(turn=TURN),
    "scaled": affine(scale=(2, 3, 4)),
    "mirrored": affine(scale=(-1, 1, 1)),
    "mirrored in z": affine(scale=(1, 1, -2), move=(1, 2, 3)),
    "all": affine((2, 2, 2), TURN, (9, 8, 7)),
}.items():
    for place in ("item", "component"):
        THREEMF[f"{label} {place}"] = moved_3mf(matrix, place)


@pytest.mark.parametrize("name", THREEMF)
def test_3mf(name: str) -> None:
    is_chair(mesh_reader.read(THREEMF[name], ".3mf"))


@pytest.mark.parametrize(
    "unit", ["micron", "millimeter", "centimeter", "inch", "foot", "meter", ""]
)
def test_3mf_units_are_told(unit: str) -> None:
    found = mesh_reader.find(one(part(CHAIR, ITEM, unit)), ".3mf")
    assert found.unit == (unit or "millimeter")
    is_chair(found.mesh)


def test_instances_of_one_object() -> None:
    move = row(affine(move=(20, 0, 0)))
    mesh = mesh_reader.read(
        one(part(CHAIR, ITEM + f'<item objectid="1" transform="{move}"/>')), ".3mf"
    )
    assert len(mesh.faces) == 72
    np.testing.assert_allclose(mesh.extents, (24, 5, 9))


def shaped(space: str) -> str:
    """An object whose surface an extension says, which the file does not require as it ought to."""
    address = f"http://schemas.microsoft.com/3dmanufacturing/{space}"
    return f'<object id="5">{mesh_xml()}<e:shape xmlns:e="{address}"/></object>'


def test_what_is_not_to_be_built_may_need_anything() -> None:
    is_chair(mesh_reader.read(one(part(CHAIR + shaped("beamlattice/2017/02"), ITEM)), ".3mf"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (one(part(CHAIR, '<item objectid="5"/>')), "lacks its object 5"),
        (
            one(part(CHAIR, '<item objectid="1" p:path="/3D/no.model"/>')),
            "lacks its part '/3d/no.model'",
        ),
        (
            one(part(thing("1", '<components><component objectid="1"/></components>'), ITEM)),
            "made of each other",
        ),
        (
            one(
                part(
                    CHAIR,
                    ITEM,
                    more=required("beamlattice/2017/02"),
                )
            ),
            "beamlattice",
        ),
        *(
            (one(part(CHAIR + shaped(space), ITEM + '<item objectid="5"/>')), space.split("/")[0])
            for space in (
                "beamlattice/2017/02",
                "booleanoperations/2023/07",
                "displacement/2022/07",
            )
        ),
        (one(part(CHAIR + FAR.replace('"7"', '"1"'), ITEM)), "two objects 1"),
        (one(part(CHAIR, ITEM)[:-300]), "XML is damaged"),
        (one(part(CHAIR, ITEM))[:-200], "damaged or cut off"),
        (one(part(CHAIR, "")), "no triangles"),
        (with_slic3r(role("ModelPart"), role("NegativeVolume")), "negative volume"),
        (with_parts("normal_part", "negative_part"), "negative volume"),
        (with_slic3r(role("ParameterModifier")), "no triangles"),
        (
            package(
                {
                    "3D/3dmodel.model": part(CHAIR, ITEM),
                    "Metadata/Slic3r_PE_model.config": '<c><volume firstid="x" lastid="3"/></c>',
                }
            ),
            "does not note which triangles",
        ),
    ],
)
def test_3mf_that_lacks_something_says_what(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        mesh_reader.read(data, ".3mf")


@pytest.mark.parametrize(
    "data",
    [
        with_slic3r(role("ModelPart"), role("ModelPart")),
        with_parts("normal_part", "normal_part"),
        with_cura("infill_mesh", "False"),
        with_cura("infill_sparse_density", "True"),
    ],
)
def test_parts_of_the_model_stay(data: bytes) -> None:
    assert len(mesh_reader.read(data, ".3mf").faces) == 72


def test_lib3mf_says_the_same() -> None:
    lib3mf = pytest.importorskip("lib3mf")
    for name in ("plain", "items", "components", "turned item", "all component", "no type"):
        model = lib3mf.get_wrapper().CreateModel()
        model.QueryReader("3mf").ReadFromBuffer(THREEMF[name])
        items, count = model.GetBuildItems(), 0
        corners: list[np.ndarray] = []
        while items.MoveNext():
            box = items.GetCurrent().GetOutbox()
            corners += [np.array(box.MinCoordinate[:]), np.array(box.MaxCoordinate[:])]
            count += 1
        extents = np.max(corners, 0) - np.min(corners, 0)
        assert count
        np.testing.assert_allclose(
            extents, mesh_reader.read(THREEMF[name], ".3mf").extents, rtol=1e-5
        )


def test_the_matrix_is_wide() -> None:
    assert len(THREEMF) >= 40
