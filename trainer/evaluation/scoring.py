"""Scores a run or a model on held-out shapes: reconstruction, pictures, samples."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shapelab.core.model import silhouette_fit
from shapelab.core.model.image_encoding import LatentFlip, encode_images
from shapelab.core.model.latent import LatentDensity, seed_noise
from shapelab.core.model.spec import ModelSpec

from ..data.batches.picture_inputs import model_inputs
from ..data.store.prepared_store import Store
from ..process.control import Check, never_stop
from ..updates.encoding import batches_of, decode, encode_grids, encode_pictures, solid_truth
from ..updates.schedule import learns_pictures
from ..updates.state import TrainState
from .metrics import compare_sets, iou, one_part

Tell = Callable[[int, int], None]  # hears how many pictures of how many are done

TRUNCATION = 0.9  # of samples that are scored or previewed
FITTED_VIEWS = 4  # of a dozen views, those whose silhouettes are fitted: it takes minutes
CPU = torch.device("cpu")
NNA_REPEATS = 3  # sample sets averaged: validation classes are small and one draw is noisy


@dataclass(frozen=True)
class Scores:
    """All figures of a model, on the store's validation shapes."""

    shapes: int
    iou: float  # voxels -> latent -> voxels, mean over shapes at 0.5
    iou_by_class: dict[str, float]
    class_iou: float  # mean over classes, which a balanced test set would have
    picture_iou: float  # the same three from pictures, all views, by the encoder alone
    picture_iou_by_class: dict[str, float]
    picture_class_iou: float
    fitted_iou: float  # and fitted to the pictures' silhouettes, as in the app; some views
    fitted_iou_by_class: dict[str, float]
    fitted_class_iou: float
    sample_1nna: float  # mean over classes; equal numbers of samples and validation shapes
    sample_mmd: float
    sample_cov: float
    sample_one_part: float  # share of samples without loose bits
    real_one_part: float  # the same for the validation shapes
    truncation: float
    prior_1nna: float  # for N(0, I) instead of the fitted densities, all classes pooled


def describe(scores: Scores) -> str:
    """The scores as aligned lines for a terminal."""
    lines = []
    for name, value in asdict(scores).items():
        if isinstance(value, dict):
            lines += [f"  {name} {key:12s} {part:.3f}" for key, part in value.items()]
        else:
            lines.append(
                f"{name:22s} {value:.3f}" if isinstance(value, float) else f"{name:22s} {value}"
            )
    return "\n".join(lines)


def say_nothing(_done: int, _total: int) -> None:
    """Nobody waits for this."""


def validation_scores(
    state: TrainState, store: Store, check: Check = never_stop
) -> dict[str, float]:
    """Mean IoU at 0.5 on held-out shapes, from voxels and (where stored) from one picture each.

    There is none from pictures before the image encoder learns. What ``check`` raises between two
    batches passes through.
    """
    rows, device = store.indices("validation"), state.processes.device
    truth = solid_truth(store, rows, state.config.model)
    generator = state.averages["generator"]
    codes = encode_grids(state.averages["voxel_encoder"], store, rows, check)
    scores = {"iou": float(iou(decode(generator, codes, device, check), truth).mean())}
    if store.has_pictures and learns_pictures(state.config, state.step):
        encoder, spec = state.averages["image_encoder"], state.config.model
        seen = encode_pictures(encoder, store, rows, 0, spec, check)
        scores["picture_iou"] = float(iou(decode(generator, seen, device, check), truth).mean())
    return scores


def evaluate(
    networks: dict[str, nn.Module],
    density: LatentDensity,
    flip: LatentFlip,
    store: Store,
    spec: ModelSpec,
    truncation: float = TRUNCATION,
    tell: Tell = say_nothing,
) -> Scores:
    """Scores networks (generator, voxel_encoder, image_encoder) on the validation shapes.

    All of them on the CPU, as in the app.
    """
    rows = store.indices("validation")
    truth, labels = solid_truth(store, rows, spec), store.labels[rows]
    generator = networks["generator"]
    rebuilt = decode(generator, encode_grids(networks["voxel_encoder"], store, rows), CPU)
    ious = iou(rebuilt, truth)
    seen, fitted = _rebuilt_from_pictures(networks, flip, store, rows, spec, tell)
    scores, whole = [], []
    for k, name in enumerate(store.classes):
        own = labels == k
        if not own.any():  # a class of a few shapes may have none to compare with
            continue
        for repeat in range(NNA_REPEATS):
            noise = seed_noise(1000 + repeat, density.latent_size, int(own.sum()))
            samples = decode(generator, density.place(noise, name, truncation), CPU)
            scores.append(compare_sets(samples, truth[own]))
            whole.append(one_part(samples).mean())
    prior = decode(generator, seed_noise(0, density.latent_size, len(rows)), CPU)
    return Scores(
        shapes=len(rows),
        iou=float(ious.mean()),
        iou_by_class=(by_class := _by_class(ious, labels, store.classes)),
        class_iou=_mean(by_class),
        picture_iou=float(seen.mean()),
        picture_iou_by_class=(seen_by_class := _by_class(seen, labels, store.classes)),
        picture_class_iou=_mean(seen_by_class),
        fitted_iou=float(fitted.mean()),
        fitted_iou_by_class=(fitted_by_class := _by_class(fitted, labels, store.classes)),
        fitted_class_iou=_mean(fitted_by_class),
        sample_1nna=float(np.mean([s.nearest_neighbour for s in scores])),
        sample_mmd=float(np.mean([s.minimum_matching for s in scores])),
        sample_cov=float(np.mean([s.coverage for s in scores])),
        sample_one_part=float(np.mean(whole)),
        real_one_part=float(one_part(truth).mean()),
        truncation=truncation,
        prior_1nna=compare_sets(prior, truth).nearest_neighbour,
    )


def _rebuilt_from_pictures(
    networks: dict[str, nn.Module],
    flip: LatentFlip,
    store: Store,
    rows: NDArray[np.int64],
    spec: ModelSpec,
    tell: Tell,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean IoU (len(rows),) over the views of each shape: by the encoder, and fitted afterwards."""
    truth = solid_truth(store, rows, spec)
    if not store.has_pictures or not len(rows):
        return np.zeros(len(rows)), np.zeros(len(rows))
    generator = copy.deepcopy(networks["generator"]).requires_grad_(False)
    seen, fitted = [], []
    views = int(store.view_counts[rows].max())
    spread = range(0, views, max(1, views // FITTED_VIEWS))
    for view in range(views):
        latents, moved = [], []
        for part in batches_of(rows, never_stop):
            rgba = store.pictures(part, view % store.view_counts[part])
            encoding = encode_images(networks["image_encoder"], flip, model_inputs(rgba, spec))
            latents.append(encoding.latents)
            if view in spread and encoding.cameras is not None:
                masks = rgba[..., 3].astype(np.float32) / np.float32(255)
                moved.append(silhouette_fit.fit(generator, encoding, masks).latents)
            tell(view * len(rows) + sum(map(len, latents)), views * len(rows))
        seen.append(iou(decode(generator, np.concatenate(latents), CPU), truth))
        if view in spread:
            better = np.concatenate(moved or latents)
            fitted.append(iou(decode(generator, better, CPU), truth))
    return np.mean(seen, axis=0), np.mean(fitted, axis=0)


def _by_class(
    scores: NDArray[np.floating], labels: NDArray[np.int64], classes: tuple[str, ...]
) -> dict[str, float]:
    """Means of the classes that have shapes."""
    present = [(k, name) for k, name in enumerate(classes) if (labels == k).any()]
    return {name: float(scores[labels == k].mean()) for k, name in present}


def _mean(values: dict[str, float]) -> float:
    return float(np.mean(list(values.values())))
