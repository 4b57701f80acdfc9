"""3MF: a ZIP of XML parts with objects, what they are made of, and where they stand.

Written from the 3MF core specification 1.3 and its production extension.
``threemf_notes`` knows what slicers add to them.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError
from shapelab.core.inputs.mesh_files import threemf_notes
from shapelab.core.inputs.mesh_files.pieces import MeshPieces
from shapelab.core.mesh.recipe_lines import MAX_RECIPE, PACKAGE_PART, sound_recipe

Matrix = NDArray[np.float64]
Parser = expat.XMLParserType
Key = tuple[str, str]  # part and id: ids are unique in their part alone

_START = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
# Extensions that a file may require and that do not change where the surface lies.
_KNOWN = ("/core/", "/production/", "/material/", "/trianglesets/", "/slice/")
# Those whose elements in an object say where its surface is; they ought to be required, too.
_SHAPING = ("/beamlattice/", "/booleanoperations/", "/displacement/", "/volumetric/", "/implicit/")
_NOT_THE_MODEL = ("support", "solidsupport", "other")
_BYTES, _RATIO = 512 * 2**20, 100
_MAX_PARTS = 1000
_DEPTH, _MAX_PLACES = 32, 100_000


@dataclass
class _Object:
    kind: str
    points: array[float] = field(default_factory=lambda: array("d"))
    corners: array[int] = field(default_factory=lambda: array("q"))
    components: list[tuple[Key, Matrix]] = field(default_factory=list)
    needs: str = ""  # the extension that makes another shape of it


@dataclass
class _Part:
    unit: str = "millimeter"
    objects: dict[str, _Object] = field(default_factory=dict)
    items: list[tuple[Key, Matrix]] = field(default_factory=list)


def read_3mf(data: bytes) -> MeshPieces:
    """Reads a 3MF package. Raises InputError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            package = _Package(archive, len(data))
            start = package.start()
            root = package.part(start)
            package.leave_out(start)
            pieces = MeshPieces(unit=root.unit, recipe=package.recipe())
            for key, place in root.items:
                package.add(pieces, key, place, 0)
            return pieces
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, OSError, EOFError) as error:
        raise InputError("The 3MF file is damaged or cut off; please export it again.") from error
    except (NotImplementedError, RuntimeError) as error:
        raise InputError("The 3MF file is packed in a way that cannot be read.") from error
    except expat.ExpatError as error:
        raise InputError("The 3MF file's XML is damaged; please export it again.") from error


class _Package:
    """Reads parts as they are needed, within caps that believe nothing the directory says."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self._archive = archive
        self._left = min(_BYTES, max(size, 2**20) * _RATIO)
        # Some programs of Windows write its backslashes into the archive.
        self._names = {_path(name.replace("\\", "/")): name for name in archive.namelist()}
        self._parts: dict[str, _Part] = {}
        self._places = 0

    def start(self) -> str:
        """The part with the build, as the package's relationships name it."""
        found: list[str] = []

        def begin(name: str, values: dict[str, str]) -> None:
            if name.endswith("Relationship") and values.get("Type") == _START:
                found.append(values.get("Target", ""))

        def listen(parser: Parser) -> None:
            parser.StartElementHandler = begin

        if "/_rels/.rels" in self._names:
            self._parse("/_rels/.rels", listen)
        usual = [name for name in self._names if name.endswith(".model")]
        for name in [*found, "/3D/3dmodel.model", *(usual if len(usual) == 1 else [])]:
            if _path(name) in self._names:
                return _path(name)
        raise InputError("The 3MF file has no model part; it is damaged or of another kind.")

    def part(self, name: str) -> _Part:
        if name not in self._parts:
            if name not in self._names or len(self._parts) >= _MAX_PARTS:
                raise InputError(
                    f"The 3MF file lacks its part '{_shown(name)}' or has too many parts; "
                    "please export it again."
                )
            reader = _PartReader(name)
            self._parse(name, reader.listen)
            self._parts[name] = reader.part
        return self._parts[name]

    def recipe(self) -> str:
        """How ShapeLab made the shape; empty where the package says nothing."""
        name = self._names.get(_path(PACKAGE_PART))
        if name is None:
            return ""
        with self._archive.open(name) as stream:
            text = stream.read(MAX_RECIPE + 1)
        return sound_recipe(text.decode("latin-1"))

    def leave_out(self, start: str) -> None:
        """Takes out of the start part's objects what a slicer notes to be no model."""
        notes, part = threemf_notes.PartNotes(), self.part(start)
        for place in threemf_notes.PLACES:
            if place in self._names:
                self._parse(place, notes.listen)
        for number, found in part.objects.items():
            kept = np.ones(len(found.corners) // 3, bool)
            for first, last in notes.triangles.get(number, ()):
                kept[max(0, first) : last + 1] = False
            if not kept.all():
                corners = np.array(found.corners, np.int64).reshape(-1, 3)[kept]
                found.corners = array("q", corners.ravel().tolist())
            found.components = [
                (key, place)
                for key, place in found.components
                if (number, key[1]) not in notes.components
            ]

    def add(self, pieces: MeshPieces, key: Key, place: Matrix, depth: int) -> None:
        """Adds an object where it stands, or what it is made of."""
        found = self.part(key[0]).objects.get(key[1])
        self._places += 1
        if found is None:
            raise InputError(
                f"The 3MF file lacks its object {_shown(key[1])}; please export it again."
            )
        if depth > _DEPTH or self._places > _MAX_PLACES:
            raise InputError("The 3MF file's objects are made of each other or are too many.")
        if found.kind in _NOT_THE_MODEL:
            return
        if found.needs:
            raise _needs(found.needs)
        points = np.array(found.points, np.float64).reshape(-1, 3) @ place[:3, :3].T + place[:3, 3]
        corners = np.array(found.corners, np.int64).reshape(-1, 3)
        pieces.add(points, corners, flipped=bool(np.linalg.det(place[:3, :3]) < 0))
        for inner, where in found.components:
            self.add(pieces, inner, place @ where, depth + 1)

    def _parse(self, name: str, listen: Callable[[Parser], None]) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        listen(parser)
        parser.StartDoctypeDeclHandler = _refuse_doctype
        with self._archive.open(self._names[name]) as stream:
            while block := stream.read(2**20):
                self._left -= len(block)
                if self._left < 0:
                    raise InputError(
                        "The 3MF file unpacks to far too much; it is not a usable mesh."
                    )
                parser.Parse(block, False)
        parser.Parse(b"", True)


class _PartReader:
    """Hears the elements of one model part."""

    def __init__(self, name: str) -> None:
        self.part = _Part()
        self._name = name
        self._now = _Object("model")
        self._spaces: dict[str | None, str] = {}

    def listen(self, parser: Parser) -> None:
        """Takes part in the reading of the part's XML."""
        self._parser = parser
        parser.StartElementHandler = self.begin
        parser.StartNamespaceDeclHandler = self.name_space

    def name_space(self, prefix: str | None, address: str) -> None:
        """A prefix stands for a namespace from now on."""
        self._spaces[prefix] = address

    def begin(self, name: str, values: dict[str, str]) -> None:
        """An element begins; those of extensions, in other namespaces, are passed over."""
        space, _, local = name.rpartition(" ")
        if space and "/core/" not in space:
            if any(shaping in space for shaping in _SHAPING):
                self._now.needs = space
            return
        try:
            self._element(local, values)
        except (KeyError, ValueError, OverflowError):
            raise InputError(
                f"The 3MF file has a '{_shown(local)}' without proper values; it is damaged."
            ) from None

    def _element(self, local: str, values: dict[str, str]) -> None:
        now = self._now
        if local == "vertex":
            now.points.extend((float(values["x"]), float(values["y"]), float(values["z"])))
        elif local == "triangle":
            now.corners.extend((int(values["v1"]), int(values["v2"]), int(values["v3"])))
        elif local == "object":
            number = values["id"]
            if number in self.part.objects:
                raise InputError(
                    f"The 3MF file has two objects {_shown(number)}; please export it again."
                )
            self._now = self.part.objects[number] = _Object(values.get("type", "model"))
        elif local == "metadata" and threemf_notes.is_setting(values.get("name", "")):
            self._parser.CharacterDataHandler = self._setting
            self._parser.EndElementHandler = self._no_setting
        elif local == "component":
            now.components.append((self._key(values), _matrix(values.get("transform"))))
        elif local == "item":
            self.part.items.append((self._key(values), _matrix(values.get("transform"))))
        elif local == "model":
            self.part.unit = values.get("unit", "millimeter")
            for prefix in values.get("requiredextensions", "").split():
                address = self._spaces.get(prefix, prefix)
                if not any(known in address for known in _KNOWN):
                    raise _needs(address)

    def _setting(self, text: str) -> None:
        if text.strip().lower() == "true":
            self._now.kind = "other"

    def _no_setting(self, _name: str) -> None:
        self._parser.CharacterDataHandler = self._parser.EndElementHandler = None

    def _key(self, values: dict[str, str]) -> Key:
        for name, value in values.items():
            if "/production/" in name and name.endswith(" path"):
                return _path(value), values["objectid"]
        return self._name, values["objectid"]


def _needs(extension: str) -> InputError:
    return InputError(
        f"The 3MF file needs the extension '{_shown(extension, 100)}', which ShapeLab does not "
        "read; please export it without."
    )


def _matrix(text: str | None) -> Matrix:
    """The file's four rows of three, for points as rows, as a matrix for points as columns."""
    matrix = np.eye(4)
    if text is not None:
        matrix[:3] = np.array([float(word) for word in text.split()]).reshape(4, 3).T
    return matrix


def _path(name: str) -> str:
    return posixpath.normpath(f"/{unquote(name).lstrip('/')}").lower()


def _shown(name: str, most: int = 60) -> str:
    return "".join(letter if " " <= letter <= "~" else "?" for letter in name[:most])


def _refuse_doctype(*_: object) -> None:
    raise InputError(
        "The 3MF file defines a document type, which is not allowed; please export it again."
    )
