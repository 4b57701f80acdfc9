"""One update: gradients averaged over micro-batches and processes, checked, applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..data.batches.batches import Batch
from .state import TrainState

Metrics = dict[str, Tensor]
Loss = Callable[[Batch], tuple[Tensor, Metrics]]


class NotFiniteError(ArithmeticError):
    """An update's gradient holds NaN or infinity; nothing was changed."""


def update(
    state: TrainState,
    names: Sequence[str],
    batch: Batch,
    loss: Loss,
    optimisers: Sequence[str] = (),
) -> Metrics:
    """Moves the named networks down the gradient of a loss over the whole batch.

    Args:
        state: the run.
        names: networks that learn; all others are held still, and cost no gradients.
        batch: this process's share.
        loss: mean loss and metrics of a micro-batch of it.
        optimisers: those that move them; by default the ones of their names.

    Returns:
        Metrics, means over the micro-batches.

    Raises:
        NotFiniteError: the gradient is not finite.
        torch.OutOfMemoryError: also RuntimeError or MemoryError, see ``recovery.is_out_of_memory``.
    """
    totals: Metrics = {}
    with _only_these_learn(state.networks, names):
        parameters = [p for name in names for p in state.networks[name].parameters()]
        movers = [mover for name in optimisers or names for mover in state.movers(name)]
        for optimiser in movers:
            optimiser.zero_grad(set_to_none=True)
        for micro_batch in batch.micro_batches(state.micro_batches):
            share = len(micro_batch) / len(batch)
            value, metrics = loss(micro_batch)
            (value * share if share < 1 else value).backward()
            for key, metric in metrics.items():
                totals[key] = totals[key] + share * metric if key in totals else share * metric
    state.processes.average_gradients(parameters)
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not bool(torch.isfinite(nn.utils.get_total_norm(gradients))):
        raise NotFiniteError(f"the gradient of {' and '.join(names)} is not finite")
    for optimiser in movers:
        optimiser.step()
    return totals


@contextmanager
def full_float32() -> Iterator[None]:
    """TensorFloat-32 off: on a GPU it would round what a gradient's norm is made of to 10 bits."""
    backends: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [backend.allow_tf32 for backend in backends]
    for backend in backends:
        backend.allow_tf32 = False
    try:
        yield
    finally:
        for backend, allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = allowed


@contextmanager
def _only_these_learn(networks: dict[str, nn.Module], names: Sequence[str]) -> Iterator[None]:
    for name, network in networks.items():
        network.requires_grad_(name in names)
    try:
        yield
    finally:
        for network in networks.values():
            network.requires_grad_(True)
