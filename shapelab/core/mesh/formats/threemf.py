"""3MF, the printing format that names its unit: a zip of XML, in millimetres, z up."""

from __future__ import annotations

import io
import zipfile

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
_RELATIONS = f"""{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">
<Relationship Id="rel0" Target="/{_MODEL}" \
Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/>
</Relationships>
"""


def write_3mf(mesh: TriMesh) -> bytes:
    """The mesh as one object of a 3MF package; the same mesh gives the same bytes."""
    parts = {"[Content_Types].xml": _TYPES, "_rels/.rels": _RELATIONS, _MODEL: _model(mesh)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, text in parts.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 0  # else the bytes would tell Windows from the others
            package.writestr(entry, text.encode("utf-8"))
    return buffer.getvalue()


def _model(mesh: TriMesh) -> str:
    vertices = [
        f'<vertex x="{x:.9g}" y="{y:.9g}" z="{z:.9g}"/>' for x, y, z in mesh.vertices.tolist()
    ]
    triangles = [f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in mesh.faces.tolist()]
    lines = [
        f'<model unit="millimeter" xml:lang="en-US" xmlns="{_CORE}">',
        '<metadata name="Application">ShapeLab</metadata>',
        '<resources><object id="1" type="model"><mesh>',
        "<vertices>",
        *vertices,
        "</vertices>",
        "<triangles>",
        *triangles,
        "</triangles>",
        "</mesh></object></resources>",
        '<build><item objectid="1"/></build>',
        "</model>",
    ]
    return _HEAD + "\n".join(lines) + "\n"
