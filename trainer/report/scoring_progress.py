"""How far a scoring is: a bar in a terminal, lines in a log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ..evaluation.evaluate import Tell

LOG_EVERY_S = 30.0


@contextmanager
def scoring(stream: IO[str]) -> Iterator[Tell]:
    """Gives what hears how many pictures are done; the bar is gone afterwards."""
    terminal, told = Console(file=stream), time.monotonic()
    columns = (TextColumn("held-out pictures"), BarColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=terminal, transient=True, disable=not terminal.is_terminal
    ) as bar:
        task = bar.add_task("", total=None)

        def tell(done: int, total: int) -> None:
            nonlocal told
            bar.update(task, completed=done, total=total)
            if not terminal.is_terminal and time.monotonic() - told > LOG_EVERY_S:
                told = time.monotonic()
                terminal.print(f"{done} of {total} held-out pictures", highlight=False)

        yield tell
