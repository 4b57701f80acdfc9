"""The processes that train one run together: averages, agreement and whole-batch statistics.

Accelerate finds out how the program was launched (plainly, by ``accelerate launch`` or by
``torchrun``). Gradients are averaged once, after the backward pass of an update's whole loss:
nothing hooks into autograd, so the second-order terms of the penalty cannot be lost on the way,
which wrapped modules do silently in several patterns; tests/trainer/process/ddp_patterns.py shows
them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from shapelab.core.errors import RunError
from shapelab.core.formatting import duration

from .control import Stopped

#: Of a process that hangs; that one ended is known at once. The main one validates and draws alone.
PATIENCE = timedelta(minutes=30)

Piece = TypeVar("Piece")


class Processes:
    """All processes of a run; a single one needs no communication and pays for none."""

    def __init__(self, accelerator: Accelerator | None = None) -> None:
        if accelerator is None:
            accelerator = Accelerator(
                cpu=not torch.cuda.is_available(),
                mixed_precision="no",
                kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)],
            )
        self._accelerator = accelerator
        self.count: int = accelerator.num_processes
        self.rank: int = accelerator.process_index
        self.device: torch.device = accelerator.device

    @property
    def cores(self) -> int:
        """This process's share of the machine's cores, at least one."""
        here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # as torchrun and accelerate say it
        return max(1, (os.cpu_count() or 1) // here)

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def slice(self, size: int) -> slice:
        """This process's rows of a whole batch. Raises RunError when it cannot be shared out."""
        if size % (4 * self.count) and self.count > 1:
            # Equal shares: means of means are then the mean. Fours: see Batch's order of rows.
            raise RunError(
                f"batch_size {size} cannot be shared by {self.count} processes; "
                f"use a multiple of {4 * self.count}."
            )
        share = size // self.count
        return slice(self.rank * share, (self.rank + 1) * share)

    def sum(self, value: Tensor) -> Tensor:
        """The sum over several processes, in the memory of the value."""
        with self._peers():
            distributed.all_reduce(value)
        return value

    def gather(self, value: Tensor) -> Tensor:
        """The values [S...] of several processes, [count, S...]."""
        every = [torch.zeros_like(value) for _ in range(self.count)]
        with self._peers():
            distributed.all_gather(every, value)
        return torch.stack(every)

    @contextmanager
    def _peers(self) -> Iterator[None]:
        """Raises RunError where the others do not answer."""
        try:
            yield
        except RuntimeError as error:  # as gloo, NCCL and their store call it
            waited = duration(PATIENCE.total_seconds())
            raise RunError(
                f"Another process of this run ended, or did not answer for {waited}; resume the "
                "run, which goes on from its newest checkpoint."
            ) from error

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces every gradient by its mean over the processes, in one message."""
        if self.count == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = self.sum(torch.cat([g.flatten() for g in gradients]))
        flat /= self.count
        for gradient, mean in zip(
            gradients, flat.split([g.numel() for g in gradients]), strict=True
        ):
            gradient.copy_(mean.view_as(gradient))

    def mean(self, value: Tensor) -> Tensor:
        """Mean over the processes, differentiable."""
        if self.count == 1:
            return value
        total: Tensor = _Sum.apply(value, self)  # type: ignore[no-untyped-call]
        return total / self.count

    def average(self, values: dict[str, float]) -> dict[str, float]:
        """Mean over the processes of named numbers, the same names everywhere."""
        if self.count == 1 or not values:
            return values
        packed = torch.tensor(list(values.values()), dtype=torch.float64, device=self.device)
        return dict(zip(values, (self.sum(packed) / self.count).tolist(), strict=True))

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Which flags are up in at least one process."""
        if self.count == 1:
            return flags
        packed = torch.tensor(flags, dtype=torch.int32, device=self.device)
        with self._peers():
            distributed.all_reduce(packed, distributed.ReduceOp.MAX)
        return tuple(bool(flag) for flag in packed.tolist())

    def from_main(self, value: Any) -> Any:
        """What the main process has, in all of them."""
        if self.count == 1:
            return value
        held = [value]
        with self._peers():
            distributed.broadcast_object_list(held, device=self.device)
        return held[0]

    def by_main(self, work: Iterator[Piece]) -> Iterator[Piece]:
        """What the main process alone does; the others wait for one piece after the other.

        So work may take longer than a process waits for another one that says nothing.
        """
        try:
            for piece in work if self.is_main else ():
                self.any(True)
                yield piece
        except Stopped:
            self.any(False)
            raise
        while self.any(False)[0]:
            pass

    def check_agreement(self, tensors: Iterable[Tensor]) -> None:
        """Raises RunError when the processes no longer hold the same numbers."""
        if self.count == 1:
            return
        sums = torch.stack([t.detach().double().sum() for t in tensors])
        both = torch.cat([sums, -sums])
        with self._peers():
            distributed.all_reduce(both, distributed.ReduceOp.MAX)
        if not torch.equal(both[: len(sums)], -both[len(sums) :]):
            raise RunError(
                "The processes no longer hold the same weights; resume from the last checkpoint."
            )

    def barrier(self) -> None:
        """Waits until all processes are here."""
        if self.count > 1:
            with self._peers():
                self._accelerator.wait_for_everyone()

    def close(self) -> None:
        """Ends this process when it is one of several; all is written by then.

        Python's own end takes down torch's communication threads, which now and then aborts with
        "terminate called without an active exception", and a finished run would count as failed.
        """
        if self.count > 1:
            self.barrier()
            distributed.destroy_process_group()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)

    def share_statistics(self, module: nn.Module) -> nn.Module:
        """Makes batch normalisation use the mean and variance of the whole batch."""
        if self.count > 1:
            for name, child in module.named_children():
                if isinstance(child, nn.modules.batchnorm._BatchNorm):
                    setattr(module, name, _WholeBatchNorm(child, self))
                else:
                    self.share_statistics(child)
        return module


class _Sum(torch.autograd.Function):
    """Sum over the processes; its gradient is the sum of their gradients."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, processes: Processes) -> Tensor:
        ctx.processes = processes
        return processes.sum(value.detach().clone(memory_format=torch.contiguous_format))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        total = outer[0].clone(memory_format=torch.contiguous_format)
        return ctx.processes.sum(total), None


class _WholeBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation over all processes; torch's own SyncBatchNorm has no CPU form."""

    def __init__(self, like: nn.modules.batchnorm._BatchNorm, processes: Processes) -> None:
        super().__init__(like.num_features, like.eps, like.momentum or 0.1)
        self._processes = processes
        self.weight, self.bias = like.weight, like.bias
        self.load_state_dict(like.state_dict())
        self.train(like.training)

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002  torch's name
        pass

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  torch's name
        if not self.training:
            return super().forward(input)
        normed, mean, variance = _Normalised.apply(  # type: ignore[no-untyped-call]
            input, self.weight, self.bias, self.eps, self._processes
        )
        count = input.numel() // input.shape[1] * self._processes.count
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            self.running_mean.lerp_(mean, self.momentum or 0.1)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum or 0.1)
            self.num_batches_tracked += 1
        return normed


class _Normalised(torch.autograd.Function):
    """A batch of equal shares [B, C, ...] normalised by channel, with one message each way.

    With n = (x - m) / s and g the gradient at the output, of which means are over the whole batch,

        m, s^2    mean of the shares' means, mean of their variances and of their means' variance
        d / dx  = weight / s * (g - mean g - n * mean g n)
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float, processes: Processes
    ) -> tuple[Tensor, Tensor, Tensor]:
        axes = [axis for axis in range(x.ndim) if axis != 1]
        wide = x.to(weight.dtype)  # statistics are no numbers for half precision
        variance, mean = torch.var_mean(wide, axes, correction=0)
        variances, means = processes.gather(torch.stack([variance, mean])).unbind(1)
        mean = means.mean(0)
        variance = variances.mean(0) + (means - mean).square().mean(0)
        ctx.save_for_backward(x, weight, mean, torch.rsqrt(variance + eps))
        ctx.processes, ctx.axes = processes, axes
        ctx.mark_non_differentiable(mean, variance)
        return functional.batch_norm(x, mean, variance, weight, bias, eps=eps), mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, scale = ctx.saved_tensors
        shape = [1, -1] + [1] * (x.ndim - 2)
        g = outer[0].to(weight.dtype)
        n = (x.to(weight.dtype) - mean.view(shape)).mul_(scale.view(shape))
        own = torch.stack([g.sum(ctx.axes), (g * n).sum(ctx.axes)])
        count = x.numel() // x.shape[1] * ctx.processes.count
        level, slope = ctx.processes.sum(own.clone()) / count
        inward = (g - level.view(shape) - n.mul_(slope.view(shape))).mul_(
            (weight * scale).view(shape)
        )
        return inward.to(x.dtype), own[1], own[0], None, None
