"""Snapshot: what undo brings back; as plain data only what differs from the one before."""

from __future__ import annotations

import base64
import binascii
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from shapelab.core.mesh.meshing import AUTOMATIC, SurfaceOptions
from shapelab.core.model.latent import Array, PathMode
from shapelab.core.session.command import damaged
from shapelab.core.session.gallery import GalleryChange, change_from_plain, change_to_plain
from shapelab.core.session.shape_file import (
    check_fits,
    state_from_plain,
    surface_from_plain,
    surface_to_plain,
)
from shapelab.core.session.shape_state import Morph, ShapeState

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

ARRAYS = ("base", "coefficients", "offsets")  # of a ShapeState; base64 of little-endian float32
VALUES = {"class": "class_name", "seed": "seed", "truncation": "truncation", "origin": "origin"}
MODES: tuple[str, ...] = get_args(PathMode)


@dataclass(frozen=True)
class Snapshot:
    """What is shown at a step, and what the step did to the gallery.

    The gallery itself is no part of it: shapes that were kept on one branch stay kept while
    another one is looked at. So two snapshots are equal if they show the same.
    """

    state: ShapeState
    morph: Morph
    surface: SurfaceOptions
    kept: GalleryChange | None = field(default=None, compare=False)

    def carried(self, old: ShapeModel, new: ShapeModel) -> Snapshot:
        """Everything as it is, for another model; see ``ShapeState.carried``."""
        state, morph = self.state.carried(old, new), self.morph.carried(old, new)
        return replace(
            self, state=state, morph=morph, kept=self.kept and self.kept.carried(old, new)
        )


def snapshot_to_plain(snapshot: Snapshot, before: Snapshot | None) -> dict[str, Any]:
    """What differs from the snapshot before, fit for JSON; everything, if there is none.

    Pins are told by what differs from the shape of their own snapshot.
    """
    plain: dict[str, Any] = {}
    changed = _state_to_plain(snapshot.state, before.state if before else None)
    if changed:
        plain["state"] = changed
    if before is None or snapshot.surface != before.surface:
        plain["surface"] = surface_to_plain(snapshot.surface)
    morph = _morph_to_plain(snapshot.morph, before.morph if before else None, snapshot.state)
    if morph:
        plain["morph"] = morph
    if snapshot.kept is not None:
        plain["kept"] = change_to_plain(snapshot.kept)
    return plain


def snapshot_from_plain(data: Any, before: Snapshot | None, model: ShapeModel) -> Snapshot:
    """The inverse of ``snapshot_to_plain``. Raises InputError when anything is missing or odd."""
    if not isinstance(data, dict):
        raise damaged("a step holds no shape")
    if "state" in data:
        state = _state_from_plain(data["state"], before.state if before else None, model)
    elif before is not None:
        state = before.state
    else:
        raise damaged("its first step holds no shape")
    surface = before.surface if before else AUTOMATIC
    if "surface" in data:
        surface = surface_from_plain(data["surface"])
    morph = before.morph if before else Morph()
    if "morph" in data:
        morph = _morph_from_plain(data["morph"], morph, state, model)
    kept = change_from_plain(data["kept"]) if "kept" in data else None
    return Snapshot(state, morph, surface, kept)


def _state_to_plain(state: ShapeState, before: ShapeState | None) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name in ARRAYS:
        numbers: Array = getattr(state, name)
        known: Array | None = None if before is None else getattr(before, name)
        if numbers is known:
            continue
        data = numbers.astype("<f4").tobytes()  # by bits: -0.0 is another number than 0.0
        if known is None or data != known.astype("<f4").tobytes():
            plain[name] = base64.b64encode(data).decode("ascii")
    for key, name in VALUES.items():
        if before is None or getattr(state, name) != getattr(before, name):
            plain[key] = getattr(state, name)
    return plain


def _state_from_plain(data: Any, before: ShapeState | None, model: ShapeModel) -> ShapeState:
    if not isinstance(data, dict):
        raise damaged("a shape is odd")
    known: dict[str, Any] = {}
    if before is not None:
        known = {name: getattr(before, name) for name in ARRAYS}
        known |= {key: getattr(before, name) for key, name in VALUES.items()}
    changed = {key: data[key] for key in VALUES if key in data}
    arrays = {name: _array(data[name]) for name in ARRAYS if name in data}
    state = state_from_plain(known | changed | arrays)
    check_fits(state, model)
    return state


def _array(text: Any) -> Array:
    try:
        data = base64.b64decode(text, validate=True)
        return np.frombuffer(data, "<f4").astype(np.float32)
    except (TypeError, ValueError, binascii.Error):
        raise damaged("the numbers of a shape are odd") from None


def _morph_to_plain(morph: Morph, before: Morph | None, state: ShapeState) -> dict[str, Any]:
    """What differs from the morph before, each pin by what differs from the shown shape."""
    if morph is before:
        return {}
    old = before or Morph()
    pins: dict[str, Any] = {}
    if len(morph.between) != len(old.between) or any(map(_differ, morph.between, old.between)):
        pins["between"] = [_state_to_plain(key, state) for key in morph.between]
    for name, pin, pinned in (("a", morph.a, old.a), ("b", morph.b, old.b)):
        if _differ(pin, pinned):
            pins[name] = pin and _state_to_plain(pin, state)
    if before is not None and not pins and (morph.t, morph.mode) == (old.t, old.mode):
        return {}
    return {"t": morph.t, "mode": morph.mode, **pins}


def _differ(one: ShapeState | None, other: ShapeState | None) -> bool:
    """By bits, unlike !=."""
    if one is None or other is None:
        return one is not other
    return one is not other and bool(_state_to_plain(one, other))


def _morph_from_plain(data: Any, before: Morph, state: ShapeState, model: ShapeModel) -> Morph:
    if not isinstance(data, dict):
        raise damaged("a morph is odd")
    t, mode = data.get("t"), data.get("mode")
    if isinstance(t, bool) or not isinstance(t, int | float) or not math.isfinite(t):
        raise damaged("the place of a morph is odd")
    if not 0 <= t <= 1 or mode not in MODES:
        raise damaged("the path of a morph is odd")
    pins = {"a": before.a, "b": before.b}
    for name in pins:
        if name in data:
            plain = data[name]
            pins[name] = None if plain is None else _state_from_plain(plain, state, model)
    between = before.between
    if "between" in data:
        if not isinstance(data["between"], list):
            raise damaged("the keyframes of a morph are odd")
        between = tuple(_state_from_plain(key, state, model) for key in data["between"])
    return Morph(pins["a"], pins["b"], float(t), mode, between)
