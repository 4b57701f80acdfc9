"""Patches of JSON values: they lead from one to the other, and odd ones are refused."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from shapelab.core.project.json_patch import difference, patched


def value(rng: random.Random, depth: int = 3) -> Any:
    kind = rng.randrange(8 if depth else 5)
    if kind < 5:
        return rng.choice([None, True, False, 0, 1, 1.0, -2.5, "a", "set", ""])
    if kind < 7:
        return [value(rng, depth - 1) for _ in range(rng.randrange(5))]
    return {rng.choice("abcde"): value(rng, depth - 1) for _ in range(rng.randrange(4))}


def changed(rng: random.Random, old: Any) -> Any:
    """A neighbour of a value: what edits make, not two strangers alone."""
    if isinstance(old, list) and rng.random() < 0.9:
        new = [changed(rng, each) if rng.random() < 0.3 else each for each in old]
        return new[: rng.randint(0, len(new))] + [value(rng, 1) for _ in range(rng.randrange(2))]
    if isinstance(old, dict) and rng.random() < 0.9:
        new = {key: changed(rng, each) for key, each in old.items() if rng.random() < 0.8}
        return new | {rng.choice("abcde"): value(rng, 1)}
    return value(rng)


def text(found: Any) -> str:
    return json.dumps(found, sort_keys=True)


def test_a_patch_leads_from_one_value_to_the_other() -> None:
    rng = random.Random(0)
    for _ in range(300):
        old = value(rng)
        for _ in range(5):
            new, before = changed(rng, old), text(old)
            patch = difference(old, new)
            if patch is None:
                assert text(new) == before
            else:
                through_a_file = json.loads(json.dumps(patch))
                assert text(patched(old, through_a_file)) == text(new)
            assert text(old) == before, "what was there is left alone"
            old = new


def test_one_more_step_is_a_short_patch() -> None:
    steps = [{"number": number, "value": [0.5] * 100} for number in range(10_000)]
    more = [*steps[:-1], {"number": 9_999, "value": [0.25] * 100}, {"number": 10_000}]
    patch = difference({"steps": steps, "current": 9_999}, {"steps": more, "current": 10_000})
    assert len(json.dumps(patch)) < 800


NOT_OF_AN_OBJECT: list[Any] = [
    None,
    [],
    {},
    {"set": 1, "in": {}},
    {"set": 1, "else": 2},
    {"in": {"a": 7}},
    {"in": []},
    {"drop": ["z"]},
    {"drop": [["a"]]},
    {"drop": "a"},
    {"at": {"0": {"set": 1}}},
    {"keep": 0},
]
NOT_OF_A_LIST: list[Any] = [
    {"keep": 4},
    {"keep": -1},
    {"keep": True},
    {"keep": 1.0},
    {"at": {"3": {"set": 1}}},
    {"at": {"-1": {"set": 1}}},
    {"at": {"1" * 5000: {"set": 1}}},
    {"at": {"²": {"set": 1}}},
    {"at": {"1": {"set": 1}}, "keep": 1},
    {"add": {"a": 1}},
    {"in": {"a": {"set": 1}}},
]


def test_a_patch_that_does_not_fit_is_refused() -> None:
    tables = (({"a": 1}, NOT_OF_AN_OBJECT), ([1, 2, 3], NOT_OF_A_LIST))
    for old, patches in tables:
        for patch in patches:
            with pytest.raises(ValueError, match="fit"):
                print(patch, patched(old, patch))
