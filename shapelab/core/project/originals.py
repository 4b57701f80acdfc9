"""What a shape was made from, kept by content: picture, cut-out and fit, or solid grid and scan."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from shapelab.core import files_of_others
from shapelab.core.errors import InputError, clean
from shapelab.core.files_of_others import sound_array
from shapelab.core.model.camera import Camera
from shapelab.core.project.project_file import digest_of
from shapelab.core.project.scans import StoredScan, stored_scan

if TYPE_CHECKING:  # the window is painted before it reads pictures
    from shapelab.core.inputs.images import PreparedImage
    from shapelab.core.inputs.reconstruct import ClassGuess, Reconstruction
    from shapelab.core.inputs.scan import Scan
    from shapelab.core.model.silhouette_fit import Fit

MAX_UNPACKED = 64 * 2**20  # bytes of one original's arrays
_KINDS = ("picture", "mesh", "voxels", "points", "depth")
_USED, _FOUND = "used", "found"  # prefixes of a picture's arrays
_DAMAGED = "A picture in the project is damaged; please open the picture itself again."
_CAMERA = 7  # numbers of a camera: azimuth, elevation, distance, tilt, frame


@dataclass(frozen=True, eq=False)
class Original:
    """What a shape was made from, and how it was read; its arrays must not be changed."""

    result: Reconstruction
    name: str  # of the file

    def with_scan(self, scan: Scan | None, stored: StoredScan | None = None) -> Original:
        """The same with another scan, or none; what is packed already is not packed again."""
        other = Original(replace(self.result, scan=scan), self.name)
        if "data" in self.__dict__:
            other.__dict__["data"] = self.data
        if stored is not None:
            other.__dict__["stored_scan"] = stored
        return other

    @cached_property
    def stored_scan(self) -> StoredScan | None:
        """What a project keeps of its scan; None where there is none, or one that is too large."""
        return None if self.result.scan is None else stored_scan(self.result.scan)

    @cached_property
    def data(self) -> bytes:
        """An .npz of all but its scan, the same bytes for the same content; some 10 ms at first."""
        result, out = self.result, io.BytesIO()
        facts: dict[str, Any] = {
            "name": self.name,
            "kind": result.source_kind,
            "class": result.class_name,
            "note": result.note,
            "chosen": result.chosen,
            "told": result.told_class,
            "guesses": [[guess.name, guess.share] for guess in result.guesses],
        }
        arrays: dict[str, Any] = {
            "latent": np.asarray(result.latent, np.float32),
            "occupancy": np.asarray(result.occupancy, np.float32),
        }
        if result.voxels is not None:
            arrays["voxels"] = result.voxels
        if result.unknown is not None:
            arrays["unknown"] = result.unknown
        for prefix, picture in _pictures(result.prepared):
            arrays |= _picture_arrays(prefix, picture)
            facts[prefix] = {
                "method": picture.method,
                "full_size": picture.full_size,
                "edit": picture.edit.to_dict(),
            }
        if result.fit is not None:
            arrays |= _fit_arrays(result.fit)
        np.savez_compressed(out, facts=np.array(json.dumps(facts)), **arrays)
        return out.getvalue()

    @cached_property
    def digest(self) -> str:
        """Of ``data``: SHA-256, 64 hexadecimal digits."""
        return digest_of(self.data)


def _pictures(picture: PreparedImage | None) -> Iterator[tuple[str, PreparedImage]]:
    """The picture as it is used, and as it was found where somebody has changed that."""
    if picture is not None:
        yield _USED, picture
        if picture.found is not None:
            yield _FOUND, picture.found


def _picture_arrays(prefix: str, picture: PreparedImage) -> dict[str, Any]:
    parts = {
        "rgba": picture.rgba,
        "original": picture.original,
        "scene": picture.scene,
        "mask": picture.mask,
    }
    return {f"{prefix}_{name}": part for name, part in parts.items() if part is not None}


def _fit_arrays(fit: Fit) -> dict[str, Any]:
    found = fit.hypotheses
    cameras = [[_camera_numbers(camera) for camera in each.cameras] for each in found]
    arrays = {
        "fit_latents": np.stack([np.asarray(each.latent, np.float32) for each in found]),
        "fit_cameras": np.array(cameras, np.float64),
        "fit_figures": np.array([[each.overlap, each.energy] for each in found], np.float64),
        "fit_before": np.array(fit.before, np.float64),
    }
    if fit.variance is not None:
        arrays["fit_variance"] = np.asarray(fit.variance, np.float32)
    return arrays


def _camera_numbers(camera: Camera) -> list[float]:
    return [camera.azimuth, camera.elevation, camera.distance, camera.tilt, *camera.frame]


def read_original(data: bytes, latent_size: int, resolution: int) -> Original:
    """The inverse of ``Original.data``, believing nothing.

    Args:
        data: of the .npz.
        latent_size: of the model that the shape is of.
        resolution: of its grid.

    Raises:
        InputError: it is damaged, or of another model.
    """
    try:
        arrays = files_of_others.npz_arrays(data, MAX_UNPACKED)
        original = _read(arrays, latent_size, (resolution,) * 3)
    except (ValueError, KeyError, TypeError, OverflowError, InputError):
        raise InputError(_DAMAGED) from None
    original.__dict__["data"] = data  # not packed again
    return original


def _read(arrays: dict[str, NDArray[Any]], latent_size: int, grid: tuple[int, ...]) -> Original:
    from shapelab.core.inputs.reconstruct import Reconstruction

    facts = files_of_others.json_of(str(sound_array(arrays, "facts", "U", ())))
    kind, told, chosen = facts["kind"], facts["told"], facts["chosen"]
    fit = _read_fit(arrays, latent_size) if "fit_latents" in arrays else None
    count = 1 if fit is None else len(fit.hypotheses)
    if kind not in _KINDS or type(chosen) is not int or not 0 <= chosen < count:
        raise ValueError(kind)
    prepared = None
    if kind == "picture":
        found = _read_picture(arrays, _FOUND, facts, None) if _FOUND in facts else None
        prepared = _read_picture(arrays, _USED, facts, found)
    result = Reconstruction(
        sound_array(arrays, "latent", "f4", (latent_size,)),
        sound_array(arrays, "occupancy", "f4", grid),
        kind,
        prepared,
        sound_array(arrays, "voxels", "?", grid) if "voxels" in arrays else None,
        clean(str(facts["class"])),
        clean(str(facts["note"])),
        fit,
        chosen,
        tuple(_read_guess(*guess) for guess in facts["guesses"]),
        None if told is None else clean(str(told)),
        unknown=sound_array(arrays, "unknown", "?", grid) if "unknown" in arrays else None,
    )
    return Original(result, PurePath(clean(str(facts["name"]))).name)


def _read_guess(name: Any, share: Any) -> ClassGuess:
    from shapelab.core.inputs.reconstruct import ClassGuess

    if share is not None and not 0 <= float(share) <= 1:
        raise ValueError(share)
    return ClassGuess(clean(str(name)), None if share is None else float(share))


def _read_picture(
    arrays: dict[str, NDArray[Any]],
    prefix: str,
    facts: dict[str, Any],
    found: PreparedImage | None,
) -> PreparedImage:
    from shapelab.core.inputs.cutout import Method
    from shapelab.core.inputs.cutout_edit import CutoutEdit
    from shapelab.core.inputs.images import PreparedImage

    own, rgb, scene, mask = facts[prefix], f"{prefix}_rgba", f"{prefix}_scene", f"{prefix}_mask"
    method, full_size = own["method"], own["full_size"]
    if method not in get_args(Method):
        raise ValueError(method)
    if full_size is not None:
        width, height = full_size
        full_size = int(width), int(height)
    original = sound_array(arrays, f"{prefix}_original", "u1", (None, None, 4))
    return PreparedImage(
        sound_array(arrays, rgb, "u1", (None, None, 4)),
        original,
        method,
        sound_array(arrays, scene, "u1", (None, None, 3)) if scene in arrays else None,
        sound_array(arrays, mask, "u1", original.shape[:2]) if mask in arrays else None,
        full_size,
        CutoutEdit.from_dict(own["edit"]),
        found,
    )


def _read_fit(arrays: dict[str, NDArray[Any]], latent_size: int) -> Fit:
    from shapelab.core.model.silhouette_fit import Fit, Hypothesis  # imports torch

    latents = sound_array(arrays, "fit_latents", "f4", (None, latent_size))
    cameras = sound_array(arrays, "fit_cameras", "f8", (len(latents), None, _CAMERA))
    figures = sound_array(arrays, "fit_figures", "f8", (len(latents), 2))
    hypotheses = []
    for latent, views, (overlap, energy) in zip(latents, cameras, figures, strict=True):
        found = tuple(
            Camera(azimuth, elevation, distance, tilt, (x, y, half))
            for azimuth, elevation, distance, tilt, x, y, half in views.tolist()
        )
        hypotheses.append(Hypothesis(latent, found, float(overlap), float(energy)))
    variance = None
    if "fit_variance" in arrays:
        variance = sound_array(arrays, "fit_variance", "f4", (latent_size,))
        if not (variance > 0).all():
            raise ValueError("fit_variance")
    return Fit(tuple(hypotheses), float(sound_array(arrays, "fit_before", "f8", ())), variance)
