"""What slicers note in a 3MF about its parts: which change how it is printed and are no model.

PrusaSlicer and its kin keep the parts of an object in one mesh and note the triangles of each;
Bambu Studio and OrcaSlicer note each component; Cura notes it in the object itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from shapelab.core.errors import InputError

# The notes' places in a package, in lower case as the package looks them up.
PLACES = ("/metadata/slic3r_pe_model.config", "/metadata/model_settings.config")
_PARTS = ("ModelPart", "normal_part")
_CUTS = ("NegativeVolume", "negative_part")
_CURA = ("infill_mesh", "cutting_mesh", "support_mesh", "anti_overhang_mesh")
_MOST = 10_000  # parts


@dataclass
class PartNotes:
    """What is left out of the objects of the package's start part."""

    triangles: dict[str, list[tuple[int, int]]] = field(default_factory=dict)  # first and last
    components: set[tuple[str, str]] = field(default_factory=set)  # object, component
    _parts: int = 0
    _object: str = ""
    _volume: tuple[int, int] | None = None
    _role: str = ""

    def listen(self, parser: expat.XMLParserType) -> None:
        """Takes part in the reading of a slicer's notes.

        Reading then raises InputError for a part that cuts others and where numbers are none.
        """
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end

    def _begin(self, name: str, values: dict[str, str]) -> None:
        self._parts += name in ("volume", "part")
        if self._parts > _MOST:
            raise InputError("The 3MF file notes too many parts; please export it again.")
        if name == "object":
            self._object = values.get("id", "")
        elif name == "volume":
            self._role = _PARTS[0]
            try:
                self._volume = int(values["firstid"]), int(values["lastid"])
            except (KeyError, ValueError):
                raise InputError(
                    "The 3MF file does not note which triangles are a part; please export it again."
                ) from None
        elif name == "part":
            self._volume = None
            if _is_left_out(values.get("subtype", _PARTS[1])):
                self.components.add((self._object, values.get("id", "")))
        elif name == "metadata" and self._volume is not None:
            if values.get("key") == "volume_type":  # counts more than the older note
                self._role = values.get("value", "")
            elif values.get("key") == "modifier" and values.get("value") == "1":
                self._role = "ParameterModifier"

    def _end(self, name: str) -> None:
        if name == "volume" and self._volume is not None:
            if _is_left_out(self._role):
                self.triangles.setdefault(self._object, []).append(self._volume)
            self._volume = None


def is_setting(name: str) -> bool:
    """Whether it is one of Cura's settings that make an object no model where they are true."""
    return name.rpartition(":")[2] in _CURA


def _is_left_out(role: str) -> bool:
    if role in _CUTS:
        raise InputError(
            "The 3MF file cuts one part out of another (a negative volume), which ShapeLab does "
            "not do; please cut it in the slicer, or export the result as STL."
        )
    return role not in _PARTS
