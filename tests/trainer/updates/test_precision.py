"""Half precision is taken where the device multiplies it in hardware, and the run says so."""

from __future__ import annotations

import pytest
import torch

from trainer.updates.state import has_bf16, new_state, settled

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("capable", "precision"),
    [({"amx_bf16": True}, "bf16"), ({"avx512_bf16": True}, "bf16"), ({"avx512_f": True}, "fp32")],
)
def test_auto_is_decided_by_the_processor(config, alone, monkeypatch, capable, precision):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capable, raising=False)
    auto = config.model_copy(update={"precision": "auto"})
    assert settled(auto, CPU).precision == precision
    assert new_state(auto, alone).config.precision == precision


def test_a_torch_that_does_not_know_its_processor_keeps_to_full_precision(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not has_bf16(CPU)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_is_asked_for_is_kept(config, precision):
    asked = config.model_copy(update={"precision": precision})
    assert settled(asked, CPU) is asked
