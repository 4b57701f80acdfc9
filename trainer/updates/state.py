"""Everything a training run holds between steps: networks, averages, optimisers, position."""

from __future__ import annotations

import copy
import math
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.optim import Adam, Optimizer

from shapelab.core.model.lite0 import Lite0
from shapelab.core.model.model_file import PICTURES, ModelParts
from shapelab.core.model.networks import (
    Critic,
    Generator,
    ImageEncoder,
    VoxelEncoder,
    initialise_he,
)
from shapelab.core.model.spec import IMAGE_FIELDS, ModelSpec
from shapelab.core.runs.run_config import RunConfig

from ..process.distributed import Processes
from .critic_loss import build_critic_loss
from .imagenet_weights import begin_with_imagenet
from .muon import Muon
from .schedule import MATRICES, learns_pictures

SHARE = "share"  # of an optimiser's learning rate that a group of its parameters gets
MUON = ("generator", "voxel_encoder")  # networks whose matrices it may move
ADVERSARIAL = "adversarial"  # the generator's optimiser in its adversarial updates
AVERAGED = ("generator", "voxel_encoder", "image_encoder")


@dataclass
class TrainState:
    """Mutable state of a run. ``step`` counts the steps already taken."""

    config: RunConfig
    processes: Processes
    generator: Generator
    voxel_encoder: VoxelEncoder
    image_encoder: ImageEncoder
    critic: Critic
    critic_loss: nn.Module
    averages: dict[str, nn.Module]  # exponential moving averages, in evaluation mode
    optimisers: dict[str, Optimizer]
    step: int = 0
    micro_batches: int = 1  # that a batch goes through the networks in; more when memory is short
    rollbacks: int = 0  # how often the run went back to a checkpoint
    best: float = -1.0  # best mean of the validation IoUs so far

    @property
    def networks(self) -> dict[str, nn.Module]:
        return {
            "generator": self.generator,
            "voxel_encoder": self.voxel_encoder,
            "image_encoder": self.image_encoder,
            "critic": self.critic,
        }

    def learnt(self, pictures: bool) -> dict[str, nn.Module]:
        """The averages that have learnt anything: an image encoder only where it saw pictures.

        ``pictures`` says whether the store has any.
        """
        sees = learns_pictures(self.config, self.step, pictures)
        return {k: v for k, v in self.averages.items() if sees or k != PICTURES}

    @property
    def learnt_critic(self) -> Critic | None:
        """The critic, if it has learnt by now: in the adversarial phase alone."""
        adversarial = min(self.step, self.config.main_steps) > self.config.warm_start
        return self.critic if adversarial else None

    @property
    def learning_rate_scale(self) -> float:
        """Every roll-back halves the learning rates."""
        return 0.5**self.rollbacks

    def start_output_at(self, filled: float) -> None:
        """Begins where all cells are as likely solid as in the data, a share ``filled`` of them.

        From one half the generator would first push all of them down, and cells of its layers die.
        """
        likely = min(max(filled, 1e-4), 1 - 1e-4)
        for module in (self.generator, self.averages["generator"]):
            nn.init.constant_(module.head.bias, math.log(likely / (1 - likely)))  # type: ignore

    def start_with(self, model: ModelParts) -> None:
        """Begins with the networks of a model.

        An image encoder learns anew where the model has another one, or none.
        """
        same = PICTURES in model.networks and not _other_pictures(model.spec, self.config.model)
        for part in AVERAGED if same else ("generator", "voxel_encoder"):
            weights = model.networks[part].state_dict()
            for network in (self.networks[part], self.averages[part]):
                network.load_state_dict(weights)
        if not same:
            self.start_pictures()

    def start_pictures(self) -> None:
        """Gives the image encoder's backbone, where it has one, the weights of ImageNet.

        Raises:
            RunError: they are not installed.
        """
        if self.config.model.has_backbone:
            average = cast("ImageEncoder", self.averages["image_encoder"])
            begin_with_imagenet(self.image_encoder.body, average.body)

    def set_learning_rates(self, learning_rates: dict[str, float]) -> None:
        """Sets the optimisers' learning rates by name."""
        for name, optimiser in self.optimisers.items():
            value = learning_rates[name] * self.learning_rate_scale
            for group in optimiser.param_groups:
                group["lr"] = value * group.get(SHARE, 1.0)

    def movers(self, name: str) -> list[Optimizer]:
        """The optimisers of a network's parameters, or the one of that name."""
        names = (name, name + MATRICES)
        return [self.optimisers[key] for key in names if key in self.optimisers]

    def autocast(self) -> AbstractContextManager[Any]:
        """bfloat16 for generator and encoders where the configuration asks for it."""
        enabled = self.config.precision == "bf16"
        return torch.autocast(self.processes.device.type, torch.bfloat16, enabled=enabled)

    def has_other_pictures(self, position: dict[str, Any]) -> bool:
        """Whether a checkpoint's image encoder has another form than this run's by now."""
        noted = position.get("config")
        if noted is None:
            return False
        return _other_pictures(ModelSpec.model_validate(noted["model"]), self.config.model)

    def position(self) -> dict[str, Any]:
        """What a checkpoint notes beside the tensors."""
        return {
            "step": self.step,
            "parts": self.micro_batches,
            "rollbacks": self.rollbacks,
            "best": self.best,
        }

    def buffers(self) -> list[Tensor]:
        """Copies of the running statistics, which a forward pass changes."""
        return [b.clone() for network in self.networks.values() for b in network.buffers()]

    def restore_buffers(self, copies: list[Tensor]) -> None:
        """Puts ``buffers`` back, after a forward pass that shall not count."""
        own = [b for network in self.networks.values() for b in network.buffers()]
        for buffer, kept in zip(own, copies, strict=True):
            buffer.copy_(kept)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors of a checkpoint by name; references, not copies."""
        named: dict[str, Tensor] = {}
        for kind, modules in (("network", self.networks), ("average", self.averages)):
            for name, module in modules.items():
                for key, value in module.state_dict().items():
                    named[f"{kind}.{name}.{key}"] = value
        for name, optimiser in self.optimisers.items():
            for index, slots in optimiser.state_dict()["state"].items():
                for slot, value in slots.items():
                    named[f"optimiser.{name}.{index}.{slot}"] = value
        return named

    def load(self, named: dict[str, Tensor], position: dict[str, Any]) -> None:
        """Sets the tensors and the position of a checkpoint of the same networks.

        Where its image encoder is another one, this one stays as it is. Where one of both moves its
        matrices by Muon and the other one does not, these networks' optimisers begin anew.
        """
        if self.has_other_pictures(position):
            own = (f"{kind}.image_encoder." for kind in ("network", "average", "optimiser"))
            parts = tuple(own)
            named = {k: v for k, v in named.items() if not k.startswith(parts)}
            named |= {k: v for k, v in self.tensors().items() if k.startswith(parts)}
        by_muon = tuple(f"optimiser.{name}{MATRICES}." for name in MUON)
        if any(k.startswith(by_muon) for k in named) != bool(self.config.muon_learning_rate):
            anew = (*by_muon, *(f"optimiser.{name}." for name in MUON))
            named = {k: v for k, v in named.items() if not k.startswith(anew)}
        for kind, modules in (("network", self.networks), ("average", self.averages)):
            for name, module in modules.items():
                prefix = f"{kind}.{name}."
                module.load_state_dict(
                    {k.removeprefix(prefix): v for k, v in named.items() if k.startswith(prefix)}
                )
        for name, optimiser in self.optimisers.items():
            slots: dict[int, dict[str, Any]] = {}
            prefix = f"optimiser.{name}."
            for key, value in named.items():
                if key.startswith(prefix):
                    index, slot = key.removeprefix(prefix).split(".")
                    slots.setdefault(int(index), {})[slot] = value
            optimiser.load_state_dict(
                {"state": slots, "param_groups": optimiser.state_dict()["param_groups"]}
            )
            _match_memory_format(optimiser)
        self.step = int(position["step"])
        self.micro_batches = int(position.get("parts", 1))
        self.rollbacks = int(position.get("rollbacks", 0))
        self.best = float(position.get("best", -1.0))

    def average(self, names: tuple[str, ...] = AVERAGED) -> None:
        """Moves the named averages towards the networks; running statistics are copied."""
        decay = self.config.ema
        # Early on a long memory would keep the random start alive.
        decay = min(decay, (1 + self.step) / (10 + self.step)) if decay else 0.0
        with torch.no_grad():
            for name in names:
                module, live = self.averages[name], self.networks[name]
                torch._foreach_lerp_(list(module.parameters()), list(live.parameters()), 1 - decay)
                for own, other in zip(module.buffers(), live.buffers(), strict=True):
                    own.copy_(other)


def _other_pictures(before: ModelSpec, now: ModelSpec) -> bool:
    return any(getattr(before, name) != getattr(now, name) for name in IMAGE_FIELDS)


def _match_memory_format(optimiser: Optimizer) -> None:
    """Lays moments out as their weights are: the fused kernel walks both by memory position."""
    for parameter, slots in optimiser.state.items():
        for slot, value in slots.items():
            if value.shape == parameter.shape and value.ndim:
                slots[slot] = torch.zeros_like(parameter).copy_(value)


def new_state(config: RunConfig, processes: Processes) -> TrainState:
    """Networks drawn from the run's seed, with their optimisers."""
    config = settled(config, processes.device)
    spec = config.model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        networks: dict[str, nn.Module] = {
            "generator": Generator(spec),
            "voxel_encoder": VoxelEncoder(spec),
            "image_encoder": ImageEncoder(spec),
            "critic": Critic(spec),
        }
        if config.image_loss == "distil":
            networks["image_encoder"].apply(initialise_he)
        if config.spectral_norm:
            _normalise_spectrally(networks["critic"])
    averages = {name: copy.deepcopy(networks[name]).eval() for name in AVERAGED}
    for name, network in (*networks.items(), *averages.items()):
        network.to(processes.device)
        if name != "image_encoder":
            # oneDNN's fast path for convolutions; 1.2 times the speed here.
            grids = torch.channels_last_3d
            layout = network.memory_format if isinstance(network, Generator) else grids
            network.to(memory_format=layout)  # type: ignore[call-overload]
    for network in networks.values():
        processes.share_statistics(network)
    for module in averages.values():
        module.requires_grad_(False)
    learning_rates = {
        "generator": config.learning_rate,
        "voxel_encoder": config.learning_rate,
        "image_encoder": config.image_learning_rate,
        "critic": config.critic_learning_rate,
    }
    optimisers: dict[str, Optimizer] = {
        name: Adam(
            _groups(networks[name], config),
            learning_rate,
            config.critic_betas if name == "critic" else config.betas,
            fused=True,
        )
        for name, learning_rate in learning_rates.items()
    }
    if config.muon_learning_rate:
        for name in MUON:
            inside, rest = _inside(networks[name])
            optimisers[name] = Adam(rest, config.learning_rate, config.betas, fused=True)
            optimisers[name + MATRICES] = Muon(inside, config.muon_learning_rate)
    optimisers[ADVERSARIAL] = Adam(
        networks["generator"].parameters(),
        config.adversarial_learning_rate,
        config.betas,
        fused=True,
    )
    critic = networks["critic"]
    assert isinstance(critic, Critic)
    return TrainState(
        config,
        processes,
        networks["generator"],  # type: ignore[arg-type]
        networks["voxel_encoder"],  # type: ignore[arg-type]
        networks["image_encoder"],  # type: ignore[arg-type]
        critic,
        build_critic_loss(critic, config),
        averages,
        optimisers,
    )


def _inside(network: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The matrices of a network but those of its last layer, and all other parameters."""
    inside: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        is_last = name.startswith(("head.", "heads."))
        (rest if is_last or parameter.ndim < 2 else inside).append(parameter)
    return inside, rest


def _groups(network: nn.Module, config: RunConfig) -> list[dict[str, Any]]:
    """A network's parameters; those that begin with ImageNet's weights learn more slowly."""
    body = getattr(network, "body", None)
    if not isinstance(body, Lite0):
        return [{"params": list(network.parameters())}]
    known = [*body.stem.parameters(), *body.blocks.parameters()]
    mine = {id(parameter) for parameter in known}
    others = [parameter for parameter in network.parameters() if id(parameter) not in mine]
    return [{"params": others}, {"params": known, SHARE: config.image_backbone_rate}]


def settled(config: RunConfig, device: torch.device) -> RunConfig:
    """The configuration with ``precision = "auto"`` decided, so that a run keeps to it."""
    if config.precision != "auto":
        return config
    return config.model_copy(update={"precision": "bf16" if has_bf16(device) else "fp32"})


def has_bf16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 faster than float32.

    Processors with AMX or AVX-512 BF16 do: with the latter, a warm-start step of `furniture` takes
    0.7 of the time. Others emulate it and take longer.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        known = torch.cpu.get_capabilities()
        return bool(known.get("amx_bf16") or known.get("avx512_bf16"))
    return False


def _normalise_spectrally(critic: nn.Module) -> None:
    """Divides each layer's weight by its largest singular value (Miyato et al. 2018)."""
    for layer in critic.modules():
        if isinstance(layer, nn.Conv3d | nn.Linear):
            spectral_norm(layer)
