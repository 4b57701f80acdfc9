"""Random work on a session, the same for the same seed: what is saved, killed and compared."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from shapelab.core.session.session import Session
from tests.core.session.tiny_model import CLASSES


def work(session: Session, rng: random.Random) -> None:
    """One change of any kind, or a move in the history."""
    rng.choices([_change, _travel, _annotate], [8, 2, 1])[0](session, rng)


def step(session: Session, number: int) -> None:
    """The change after so many: always a step more; the same number, the same change."""
    newest = session.history.newest
    attempt = 0
    while session.history.newest == newest:
        _change(session, random.Random(f"{number} {attempt}"))
        session.finish_edit()
        attempt += 1


def _change(session: Session, rng: random.Random) -> None:
    index = rng.randrange(12)
    kept = [shape.id for shape in session.gallery]
    changes: list[Callable[[], object]] = [
        lambda: session.set_coefficient(index, rng.uniform(-3, 3)),
        lambda: session.set_coefficient(index, rng.uniform(-3, 3)),
        lambda: session.set_raw(index, rng.uniform(-3, 3)),
        lambda: session.set_class(rng.choice(CLASSES)),
        lambda: session.set_seed(rng.randrange(10**6)),
        lambda: session.set_truncation(rng.random()),
        lambda: session.show(session.latent[::-1], f"picture {index}ä\N{GRINNING FACE}.png"),
        session.pin_a,
        session.pin_b,
        lambda: session.set_morph(rng.random()),
        lambda: session.set_morph_mode(rng.choice(["slerp", "lerp"])),
        session.reset_all,
        session.finish_edit,
        lambda: setattr(session, "surface", replace(session.surface, level=0.2 + index / 40)),
        lambda: session.go_to(rng.choice(session.variations(index, 0.4, 2)), "variation"),
        lambda: session.keep(f"shape {rng.randrange(99)}"),
        lambda: session.star_kept(kept[:1], star=rng.random() < 0.5),
        lambda: session.move_kept(kept[-1:], 0),
        lambda: session.delete_kept(kept[:1]) if len(kept) > 5 else None,
    ]
    rng.choice(changes)()


def _travel(session: Session, rng: random.Random) -> None:
    numbers = [step.number for step in session.history]
    for _ in range(rng.randrange(1, 4)):
        rng.choice([session.undo, session.redo])()
    if rng.random() < 0.3:
        session.go_to_step(rng.choice(numbers) if numbers[-1] in session.history else 0)


def _annotate(session: Session, rng: random.Random) -> None:
    numbers = [step.number for step in session.history]
    session.set_locked(rng.randrange(12), rng.random() < 0.5)
    if rng.random() < 0.5:
        session.name_step(rng.choice(numbers), f"name {rng.randrange(99)}")
        session.star_step(rng.choice(numbers), rng.random() < 0.5)
