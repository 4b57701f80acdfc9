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
from collections.abc import Iterable
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor, distributed, nn

from shapelab.core.errors import RunError


class Processes:
    """All processes of a run; a single one needs no communication and pays for none."""

    def __init__(self, accelerator: Accelerator | None = None) -> None:
        if accelerator is None:
            accelerator = Accelerator(cpu=not torch.cuda.is_available(), mixed_precision="no")
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

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces every gradient by its mean over the processes, in one message."""
        if self.count == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        distributed.all_reduce(flat)
        flat /= self.count
        for gradient, mean in zip(
            gradients, flat.split([g.numel() for g in gradients]), strict=True
        ):
            gradient.copy_(mean.view_as(gradient))

    def mean(self, value: Tensor) -> Tensor:
        """Mean over the processes, differentiable."""
        return value if self.count == 1 else _sum(value) / self.count

    def average(self, values: dict[str, float]) -> dict[str, float]:
        """Mean over the processes of named numbers, the same names everywhere."""
        if self.count == 1 or not values:
            return values
        packed = torch.tensor(list(values.values()), dtype=torch.float64, device=self.device)
        distributed.all_reduce(packed)
        return dict(zip(values, (packed / self.count).tolist(), strict=True))

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Which flags are up in at least one process."""
        if self.count == 1:
            return flags
        packed = torch.tensor(flags, dtype=torch.int32, device=self.device)
        distributed.all_reduce(packed, distributed.ReduceOp.MAX)
        return tuple(bool(flag) for flag in packed.tolist())

    def from_main(self, value: Any) -> Any:
        """What the main process has, in all of them."""
        return value if self.count == 1 else broadcast_object_list([value])[0]

    def check_agreement(self, tensors: Iterable[Tensor]) -> None:
        """Raises RunError when the processes no longer hold the same numbers."""
        if self.count == 1:
            return
        sums = torch.stack([t.detach().double().sum() for t in tensors])
        both = torch.cat([sums, -sums])
        distributed.all_reduce(both, distributed.ReduceOp.MAX)
        if not torch.equal(both[: len(sums)], -both[len(sums) :]):
            raise RunError(
                "The processes no longer hold the same weights; resume from the last checkpoint."
            )

    def barrier(self) -> None:
        """Waits until all processes are here."""
        if self.count > 1:
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
                    setattr(module, name, _WholeBatchNorm(child, self.count))
                else:
                    self.share_statistics(child)
        return module


class _Sum(torch.autograd.Function):
    """Sum over the processes; its gradient is the sum of their gradients."""

    @staticmethod
    def forward(_context: Any, value: Tensor) -> Tensor:
        total = value.detach().clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total


def _sum(value: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(value)  # type: ignore[no-untyped-call]
    return total


class _WholeBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation over all processes; torch's own SyncBatchNorm has no CPU form."""

    def __init__(self, like: nn.modules.batchnorm._BatchNorm, processes: int) -> None:
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
        axes = [axis for axis in range(input.ndim) if axis != 1]
        shape = [1, -1] + [1] * (input.ndim - 2)
        count = input.numel() // input.shape[1] * self._processes
        wide = input.to(self.weight.dtype)  # statistics are no numbers for half precision
        mean = _sum(wide.sum(axes)) / count
        centred = wide - mean.view(shape)
        variance = _sum(centred.square().sum(axes)) / count
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            self.running_mean.lerp_(mean, self.momentum or 0.1)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum or 0.1)
            self.num_batches_tracked += 1
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale.view(shape) + self.bias.view(shape)).to(input.dtype)
