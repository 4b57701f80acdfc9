from __future__ import annotations

import pytest

from shapelab.core.errors import RunError
from shapelab.core.runs import trainer_module as module


@pytest.mark.parametrize(
    ("present", "found"),
    [
        ({"trainer"}, "trainer"),
        ({"shapelab_trainer"}, "shapelab_trainer"),
        ({"trainer", "shapelab_trainer"}, "shapelab_trainer"),  # `trainer` is another project's
    ],
)
def test_the_trainer_is_found_by_its_own_name(
    monkeypatch: pytest.MonkeyPatch, present: set[str], found: str
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: name if name in present else None)
    assert module.trainer_module() == found


def test_without_a_trainer_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    with pytest.raises(RunError, match="not installed"):
        module.trainer_module()
