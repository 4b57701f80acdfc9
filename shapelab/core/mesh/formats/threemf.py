"""3MF, the printing format that names its unit: a zip of XML, in millimetres, z up."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from shapelab.core.mesh.recipe_lines import PACKAGE_PART
from shapelab.core.mesh.tri_mesh import TriMesh

_CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_MODEL = "3D/3dmodel.model"
_TYPES = f"""{_HEAD}<Types xmlns="{_PACKAGE}/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>
</Types>
"""
_JSON_TYPE = '<Default Extension="json" ContentType="application/json"/>'
_RELATIONS = f"""{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">
<Relationship Id="rel0" Target="/{_MODEL}" \
Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/>
</Relationships>
"""


class Body(NamedTuple):
    """One part on the build plate."""

    name: str  # "" for none
    mesh: TriMesh  # mm
    x: float = 0.0  # mm by which it is moved; its vertices keep all their bits
    y: float = 0.0


def write_3mf(mesh: TriMesh, recipe: str = "") -> bytes:
    """The mesh as one object of a 3MF package; the same mesh gives the same bytes."""
    return write_plate([Body("", mesh)], recipe)


def write_plate(bodies: Sequence[Body], recipe: str = "") -> bytes:
    """Several meshes as objects of one 3MF package, each where it stands."""
    parts = {"[Content_Types].xml": _TYPES, "_rels/.rels": _RELATIONS, _MODEL: _model(bodies)}
    if recipe:
        parts["[Content_Types].xml"] = _TYPES.replace("</Types>", f"{_JSON_TYPE}\n</Types>")
        parts[PACKAGE_PART] = recipe
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, text in parts.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 0  # else the bytes would tell Windows from the others
            package.writestr(entry, text.encode("utf-8"))
    return buffer.getvalue()


def _model(bodies: Sequence[Body]) -> str:
    objects = "".join(_object(number, body) for number, body in enumerate(bodies, 1))
    items = "".join(_item(number, body) for number, body in enumerate(bodies, 1))
    lines = [
        f'<model unit="millimeter" xml:lang="en-US" xmlns="{_CORE}">',
        '<metadata name="Application">ShapeLab</metadata>',
        f"<resources>{objects}</resources>",
        f"<build>{items}</build>",
        "</model>",
    ]
    return _HEAD + "\n".join(lines) + "\n"


def _item(number: int, body: Body) -> str:
    moved = f' transform="1 0 0 0 1 0 0 0 1 {body.x:.9g} {body.y:.9g} 0"'
    return f'<item objectid="{number}"{moved if body.x or body.y else ""}/>'


def _object(number: int, body: Body) -> str:
    named = f" name={quoteattr(body.name)}" if body.name else ""
    points, faces = body.mesh.vertices.tolist(), body.mesh.faces.tolist()
    lines = [
        f'<object id="{number}" type="model"{named}><mesh>',
        "<vertices>",
        *(f'<vertex x="{x:.9g}" y="{y:.9g}" z="{z:.9g}"/>' for x, y, z in points),
        "</vertices>",
        "<triangles>",
        *(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in faces),
        "</triangles>",
        "</mesh></object>",
    ]
    return "\n".join(lines)
