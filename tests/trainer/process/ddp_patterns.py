"""Prints as JSON how far the critic's gradient of two processes is from one process's, by pattern.

Run under torch.distributed.run with two processes. "ours" is the trainer's way; the others are
patterns with DistributedDataParallel that look right (reliability.md 7.1).
"""

import contextlib
import json
import os
import sys

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import shapelab
from shapelab.core.model.networks import Critic
from shapelab.core.model.spec import ModelSpec
from trainer.process.distributed import Processes
from trainer.updates.critic_loss import OneCentredLoss, input_gradient
from trainer.updates.losses import gradient_norm, interpolate, penalty, wasserstein

assert shapelab.__version__
processes = Processes()


def make_critic() -> Critic:
    torch.manual_seed(3)
    critic = Critic(ModelSpec(critic_width=4))
    for parameter in critic.parameters():
        nn.init.normal_(parameter, 0, 0.2)
    return critic


generator = torch.Generator().manual_seed(0)
real, fake = (torch.rand(8, 1, 32, 32, 32, generator=generator) for _ in range(2))
mix = torch.rand(8, 1, 1, 1, 1, generator=generator)
share = processes.slice(8)
own = real[share], fake[share], mix[share]


def gradients(module: nn.Module) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in module.parameters()])


def gp(critic: nn.Module, real, fake, mix) -> torch.Tensor:
    points = interpolate(real, fake, mix)
    return 10.0 * penalty(gradient_norm(input_gradient(critic, points), "sample"))


def ours() -> nn.Module:
    critic = make_critic()
    OneCentredLoss(critic, 10.0, "explicit", "sample")(*own)[0].backward()
    processes.average_gradients(critic.parameters())
    return critic


def whole_loss_in_one_wrapped_forward() -> nn.Module:
    critic = make_critic()
    wrapped = DistributedDataParallel(OneCentredLoss(critic, 10.0, "double_backward", "sample"))
    wrapped(*own)[0].backward()
    return critic


def static_graph() -> nn.Module:
    critic = make_critic()
    wrapped = DistributedDataParallel(critic, static_graph=True)
    loss = wasserstein(wrapped(own[0]), wrapped(own[1])) + gp(wrapped, *own)
    loss.backward()
    return critic


def three_backwards() -> nn.Module:
    critic = make_critic()
    wrapped = DistributedDataParallel(critic)
    (-wrapped(own[0]).mean()).backward()
    wrapped(own[1]).mean().backward()
    gp(wrapped, *own).backward()
    return critic


def penalty_last_after_no_sync() -> nn.Module:
    critic = make_critic()
    wrapped = DistributedDataParallel(critic)
    with wrapped.no_sync():
        wasserstein(wrapped(own[0]), wrapped(own[1])).backward()
    gp(wrapped, *own).backward()
    return critic


oracle = make_critic()
OneCentredLoss(oracle, 10.0, "double_backward", "sample")(real, fake, mix)[0].backward()
truth = gradients(oracle)
errors = {}
for pattern in (
    ours,
    whole_loss_in_one_wrapped_forward,
    static_graph,
    three_backwards,
    penalty_last_after_no_sync,
):
    error = float("inf")  # a pattern that raises is found out too
    with contextlib.suppress(RuntimeError):
        error = ((gradients(pattern()) - truth).norm() / truth.norm()).item()
    errors[pattern.__name__] = error
if processes.is_main:
    print(json.dumps(errors))
    sys.stdout.flush()
processes.barrier()
os._exit(0)  # the wrong patterns leave reducers behind that abort when Python takes them down
