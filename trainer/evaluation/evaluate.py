"""Scores a run or a model on held-out shapes: reconstruction, pictures, samples."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shapelab.core.model import silhouette_fit
from shapelab.core.model.image_encoding import look
from shapelab.core.model.latent import DIRECTIONS, LatentDensity, PrincipalDirections, seed_noise
from shapelab.core.model.latent import TRUNCATION as START_TRUNCATION
from shapelab.core.model.mirror import Mirror
from shapelab.core.model.networks import Generator
from shapelab.core.model.spec import ModelSpec

from ..data.batches.picture_inputs import model_inputs
from ..data.store.prepared_store import Store
from ..updates.schedule import learns_pictures
from ..updates.state import TrainState
from .metrics import compare_sets, iou, one_part
from .report import Report

Rows = TypeVar("Rows", bound=np.generic)
Check = Callable[[], None]  # called between batches
Tell = Callable[[int, int], None]  # hears how many pictures of how many are done

BATCH = 64
PREVIEWED = 10  # shapes in a row of a preview
PREVIEW_CODES = 1000  # training shapes encoded for its samples: seconds, not minutes
PRESENTED = 64  # seeds tried for a window to open with
TRUNCATION = 0.9  # of samples that are scored or previewed
FITTED_VIEWS = 4  # of a dozen views, those whose outlines are fitted: it takes minutes
CPU = torch.device("cpu")
NNA_REPEATS = 3  # sample sets averaged: validation classes are small and one draw is noisy


def go_on() -> None:
    """Nobody wants to stop this."""


def say_nothing(_done: int, _total: int) -> None:
    """Nobody waits for this."""


def _batches(rows: NDArray[Rows], check: Check) -> Iterator[NDArray[Rows]]:
    """Parts of an array; ``check`` is called before each and may raise to end the work."""
    for part in np.array_split(rows, max(1, len(rows) // BATCH)):
        check()
        yield part


def encode_grids(
    encoder: nn.Module,
    store: Store,
    rows: NDArray[np.int64],
    check: Check = go_on,
    flipped: bool = False,
) -> NDArray[np.float32]:
    """Posterior means (len(rows), latent) of stored shapes, or of their mirror images."""
    weight = next(encoder.parameters())  # says device and precision
    means = []
    with torch.inference_mode():
        for part in _batches(rows, check):
            grids = store.grids(part)
            grids = grids[:, ::-1] if flipped else grids
            inputs = torch.from_numpy(grids[:, None].astype(np.float32)).to(weight)
            means.append(encoder(inputs)[0].cpu())
    return torch.cat(means).numpy()


def encode_pictures(
    encoder: nn.Module,
    store: Store,
    rows: NDArray[np.int64],
    view: int,
    spec: ModelSpec,
    check: Check = go_on,
) -> NDArray[np.float32]:
    """Posterior means (len(rows), latent) of one view of each shape; views are counted round."""
    means, weight = [], next(encoder.parameters())
    with torch.inference_mode():
        for part in _batches(rows, check):
            rgba = store.pictures(part, view % store.view_counts[part])
            inputs = torch.from_numpy(model_inputs(rgba, spec)).to(weight)
            means.append(encoder(inputs)[0].cpu())
    return torch.cat(means).numpy()


def decode(
    generator: nn.Module,
    latents: NDArray[np.float32],
    device: torch.device,
    check: Check = go_on,
) -> NDArray[np.bool_]:
    """Solid grids (n, R, R, R): probability over one half."""
    with torch.inference_mode():
        grids = [
            (generator(torch.from_numpy(part).to(device))[:, 0] > 0).cpu()
            for part in _batches(latents, check)
        ]
    return torch.cat(grids).numpy()


def validation_scores(state: TrainState, store: Store, check: Check = go_on) -> dict[str, float]:
    """Mean IoU at 0.5 on held-out shapes, from voxels and (where stored) from one picture each.

    There is none from pictures before the image encoder learns. What ``check`` raises between two
    batches passes through, here and in ``preview_rows``.
    """
    rows, device = store.indices("validation"), state.processes.device
    truth = store.grids(rows)
    generator = state.averages["generator"]
    codes = encode_grids(state.averages["voxel_encoder"], store, rows, check)
    scores = {"iou": float(iou(decode(generator, codes, device, check), truth).mean())}
    if store.has_pictures and learns_pictures(state.config, state.step):
        encoder, spec = state.averages["image_encoder"], state.config.model
        seen = encode_pictures(encoder, store, rows, 0, spec, check)
        scores["picture_iou"] = float(iou(decode(generator, seen, device, check), truth).mean())
    return scores


def preview_rows(
    state: TrainState, store: Store, check: Check = go_on
) -> dict[str, NDArray[np.float32]]:
    """Fields (n, R, R, R) in [0, 1] of the same shapes and seeds at every call, by what they show.

    The samples come from the class Gaussians of some encoded training shapes, as in the app.
    """
    device, averages = state.processes.device, state.averages
    held_out = store.indices("validation")
    rows = held_out[np.linspace(0, len(held_out) - 1, min(PREVIEWED, len(held_out))).astype(int)]

    def fields(latents: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits = averages["generator"](torch.from_numpy(latents).to(device))
            return torch.sigmoid(logits.float())[:, 0].cpu().numpy()

    shown = {"held out": store.grids(rows).astype(np.float32)}
    shown["from voxels"] = fields(encode_grids(averages["voxel_encoder"], store, rows, check))
    if store.has_pictures and learns_pictures(state.config, state.step):
        encoder, spec = averages["image_encoder"], state.config.model
        seen = encode_pictures(encoder, store, rows, 0, spec, check)
        shown["from pictures"] = fields(seen)
    density = fit_density(averages["voxel_encoder"], store, PREVIEW_CODES, check)
    noise = seed_noise(0, density.latent_size, PREVIEWED)
    names = [store.classes[i % len(store.classes)] for i in range(PREVIEWED)]
    samples = [density.place(row, name, TRUNCATION) for row, name in zip(noise, names, strict=True)]
    shown["samples"] = fields(np.stack(samples))
    return shown


def fit_mirror(encoder: nn.Module, store: Store) -> Mirror:
    """How the codes of the training shapes are mirrored."""
    rows = store.indices("train")
    return Mirror.fit(
        encode_grids(encoder, store, rows), encode_grids(encoder, store, rows, flipped=True)
    )


def fit_density(
    encoder: nn.Module,
    store: Store,
    most: int | None = None,
    check: Check = go_on,
) -> LatentDensity:
    """One Gaussian per class over the codes of the training shapes, or of ``most`` of them."""
    rows = store.indices("train")
    if most is not None and most < len(rows):
        rows = rows[np.linspace(0, len(rows) - 1, most).astype(int)]
    codes = encode_grids(encoder, store, rows, check)
    return LatentDensity.fit(codes, store.labels[rows], store.classes)


def principal_directions(generator: Generator, density: LatentDensity) -> PrincipalDirections:
    """Main axes of the generator's first activations per class (GANSpace, Harkonen et al. 2020).

    GANSpace samples, because its first layers bend. Ours is affine, a(z) = A z + b, so over a
    class with z = m + F n, n ~ N(0, I), the axes are the left singular vectors of A F = U S V^T,
    and z moves by F v when a moves one standard deviation along u.
    """
    latent = density.latent_size
    with torch.inference_mode():
        weight = next(generator.parameters())  # says device and precision
        origin = generator.first_activation(torch.zeros(1, latent).to(weight))
        # Rows are the images of the unit vectors.
        moved = generator.first_activation(torch.eye(latent).to(weight)) - origin
    matrix = moved.cpu().numpy().astype(np.float64).T
    vectors = np.zeros((len(density.classes), DIRECTIONS, latent), np.float32)
    explained = np.zeros((len(density.classes), DIRECTIONS), np.float32)
    for k, factor in enumerate(density.factors.astype(np.float64)):
        _, deviations, axes = np.linalg.svd(matrix @ factor, full_matrices=False)
        found = min(DIRECTIONS, len(deviations))  # a small latent has fewer; the rest stay 0
        displacement = axes[:found] @ factor.T
        largest = np.abs(displacement).argmax(1)
        signs = np.sign(displacement[np.arange(found), largest])
        vectors[k, :found] = displacement * signs[:, None]
        explained[k, :found] = deviations[:found] ** 2 / (deviations**2).sum()
    return PrincipalDirections(density.classes, vectors, explained)


def presentable_seeds(generator: nn.Module, density: LatentDensity) -> dict[str, int]:
    """For each class the seed, of the first ones, that shows it best: what a window opens with.

    In one piece if there is such a one, then the one whose cells are most surely solid or empty.
    """
    noise = np.concatenate([seed_noise(k, density.latent_size) for k in range(PRESENTED)])
    device = next(generator.parameters()).device
    found = {}
    for name in density.classes:
        latents = torch.from_numpy(density.place(noise, name, START_TRUNCATION)).to(device)
        with torch.inference_mode():
            solid = torch.sigmoid(generator(latents).float())[:, 0].cpu().numpy()
        doubt = ((solid > 0.1) & (solid < 0.9)).sum((1, 2, 3)) / (solid > 0.5).sum((1, 2, 3)).clip(
            1
        )
        found[name] = int(np.argmin(doubt + 1000.0 * ~one_part(solid > 0.5)))
    return found


def evaluate(
    networks: dict[str, nn.Module],
    density: LatentDensity,
    mirror: Mirror,
    store: Store,
    spec: ModelSpec,
    truncation: float = TRUNCATION,
    tell: Tell = say_nothing,
) -> Report:
    """Scores networks (generator, voxel_encoder, image_encoder) on the validation shapes.

    All of them on the CPU, as in the app.
    """
    rows = store.indices("validation")
    truth, labels = store.grids(rows), store.labels[rows]
    generator = networks["generator"]
    rebuilt = decode(generator, encode_grids(networks["voxel_encoder"], store, rows), CPU)
    ious = iou(rebuilt, truth)
    seen, fitted = _rebuilt_from_pictures(networks, mirror, store, rows, spec, tell)
    scores, whole = [], []
    for k, name in enumerate(store.classes):
        own = labels == k
        for repeat in range(NNA_REPEATS):
            noise = seed_noise(1000 + repeat, density.latent_size, int(own.sum()))
            samples = decode(generator, density.place(noise, name, truncation), CPU)
            scores.append(compare_sets(samples, truth[own]))
            whole.append(one_part(samples).mean())
    prior = decode(generator, seed_noise(0, density.latent_size, len(rows)), CPU)
    return Report(
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
    mirror: Mirror,
    store: Store,
    rows: NDArray[np.int64],
    spec: ModelSpec,
    tell: Tell,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean IoU (len(rows),) over the views of each shape: by the encoder, and fitted afterwards."""
    truth = store.grids(rows)
    if not store.has_pictures or not len(rows):
        return np.zeros(len(rows)), np.zeros(len(rows))
    generator = copy.deepcopy(networks["generator"]).requires_grad_(False)
    seen, fitted = [], []
    views = int(store.view_counts[rows].max())
    spread = range(0, views, max(1, views // FITTED_VIEWS))
    for view in range(views):
        latents, moved = [], []
        for part in _batches(rows, go_on):
            rgba = store.pictures(part, view % store.view_counts[part])
            sighting = look(networks["image_encoder"], mirror, model_inputs(rgba, spec))
            latents.append(sighting.latents)
            if view in spread and sighting.cameras is not None:
                masks = rgba[..., 3].astype(np.float32) / np.float32(255)
                moved.append(silhouette_fit.fit(generator, sighting, masks).latents)
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
