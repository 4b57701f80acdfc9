"""Ends the child that reads files after each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trainer.data.sources import guarded_loading


@pytest.fixture(autouse=True, scope="module")
def no_child_left() -> Iterator[None]:
    yield
    guarded_loading.close()
