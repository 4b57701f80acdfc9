"""The training doctor: a few rules over a run's numbers that say what is wrong and what helps.

A rule speaks only where the numbers are clear, looks at the newest points, and changes nothing. The
limits were set so that every prefix of healthy runs of the presets passes in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shapelab.core.runs.curves import Curve, RunCurves
from shapelab.core.runs.events import SCORES, WAITING
from shapelab.core.runs.run_config import RunConfig

ENOUGH = 20  # logged points before the doctor has an opinion
RECENT = 10  # points that "now" means
FRESH = 20  # first points of a critic, in which it only catches up with the generator
TROUBLE_STEPS = 1000  # how long a skipped step is news
PATIENCE = 10  # validations without a gain that make a plateau
GAIN = 0.001  # of IoU: less is noise
FALL = 0.03  # of IoU, below its best
DEAD = 0.01  # of IoU: less means that nothing is drawn where something is
DEAD_SCORES = 5  # validations that low before they mean anything
FEW_SCORES = 3  # enough beside previews that are empty
LONG = 100  # points after which a run that is not dead has learnt some
LEFT = 0.8  # of its first error: a run that was never below has learnt nothing but where cells lie
DEAD_STEPS = 1000  # steps after which a healthy run draws something, whatever its scores

Severity = Literal["problem", "warning", "hint"]


@dataclass(frozen=True)
class Finding:
    """One thing that the numbers say, and the setting that usually helps."""

    severity: Severity
    code: str
    sentence: str
    setting: str  # a field of RunConfig; empty where none is to blame
    advice: str
    step: int  # where it was seen


def ready(run: RunCurves) -> bool:
    """Whether there are enough numbers for "nothing to worry about" to mean something."""
    return max(map(len, run.curves.values()), default=0) >= ENOUGH


def diagnose(
    run: RunCurves,
    config: RunConfig,
    diversity: float | None = None,
    empty: float | None = None,
) -> list[Finding]:
    """What a run suffers from, the worst first; empty when all is well or it is too early to say.

    Args:
        run: its numbers.
        config: its settings.
        diversity: of its newest previews, from ``diversity_of``; None where none is known.
        empty: share of its newest previews without a solid cell, from ``share_empty``.
    """
    findings = [*_nothing_drawn(run, config, empty)]
    findings += [finding for rule in _RULES for finding in rule(run, config)]
    findings += _no_diversity(run, config, diversity)
    order: list[Severity] = ["problem", "warning", "hint"]
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def diversity_of(grids: NDArray[np.bool_]) -> float | None:
    """Mean of 1 - IoU over all pairs of shapes: 0 = all the same, 1 = nothing in common.

    Args:
        grids: [n, R, R, R]. Those that are empty count as no shapes yet; None if fewer than two
            are left, as in a run's first previews.
    """
    flat = grids.reshape(len(grids), -1)
    solid = flat[flat.any(1)]
    if len(solid) < 2:
        return None
    overlaps = [(a & b).sum() / (a | b).sum() for a, b in combinations(solid, 2)]
    return 1.0 - float(np.mean(overlaps))


def share_empty(grids: NDArray[np.bool_]) -> float | None:
    """Share of the shapes [n, R, R, R] without a solid cell; None of no shapes."""
    return float(1 - grids.reshape(len(grids), -1).any(1).mean()) if len(grids) else None


# --- what the run said itself ---


#: Of a warning's code: how bad it is, and what usually helps.
_SAID: dict[str, tuple[Severity, str]] = {
    WAITING: ("problem", "Free some space, then it goes on by itself; old runs can be deleted."),
    "disk": ("warning", "Free some space."),
    "unsaved": ("problem", "Check the disk, and save a checkpoint now."),
    "memory": ("hint", "Close other programs, or choose a smaller batch_size."),
    "damaged": ("warning", "Check the disk."),
    "refused": ("hint", "Choose other values under Adjust."),
    "data": ("hint", "If that was not meant, stop it and resume it with its own data."),
}


def _said(run: RunCurves, config: RunConfig) -> Iterator[Finding]:
    """The newest warning of each kind; a save settles what was said about saving."""
    saved = run.checkpoints[-1] if run.checkpoints else -1
    newest = {w.code: w for w in run.warnings if w.step >= run.step - TROUBLE_STEPS}
    for code, warning in newest.items():
        settled = code in (WAITING, "unsaved") and saved >= warning.step
        if code in _SAID and not settled:
            severity, advice = _SAID[code]
            sentence = warning.message
            if code == WAITING:  # in full it stands in the run's header
                sentence = "The disk takes no checkpoint; " + (
                    "nothing is saved yet." if saved < 0 else f"the newest is of step {saved}."
                )
            yield Finding(severity, code, sentence, "", advice, warning.step)


# --- numbers ----------------------------------------------------------------------------------


def _values(run: RunCurves, name: str, at_least: int) -> NDArray[np.float64] | None:
    """Finite values of a curve that is still being written and long enough, else None."""
    curve = run.curves.get(name)
    if curve is None or len(curve) < at_least or _is_over(run, curve):
        return None
    values = curve.values[np.isfinite(curve.values)]
    return values if len(values) >= at_least else None


def _is_over(run: RunCurves, curve: Curve) -> bool:
    """Whether the phase that wrote the curve has passed, so that no setting can help it now."""
    spacing = float(np.median(np.diff(curve.steps[-ENOUGH:])))
    return run.step - curve.steps[-1] > RECENT * spacing


def _now(values: NDArray[np.float64]) -> float:
    return float(np.median(values[-RECENT:]))


def _last_steps(run: RunCurves, name: str, points: int) -> int:
    """How many steps the newest points of a curve stand for."""
    steps = run.curves[name].steps[-points:]
    return int(steps[-1] - steps[0])


# --- rules ------------------------------------------------------------------------------------


def _not_finite(run: RunCurves, config: RunConfig) -> Iterator[Finding]:
    since = run.step - TROUBLE_STEPS
    back = [w for w in run.warnings if w.code == "rolled_back" and w.step >= since]
    skipped = {w.step for w in run.warnings if w.code == "skipped" and w.step >= since}
    for curve in run.curves.values():
        newest = curve.steps >= since
        skipped |= {int(step) for step in curve.steps[newest & np.isnan(curve.values)]}
    bf16 = config.precision == "bf16"
    setting = "precision" if bf16 else "learning_rate"
    advice = (
        "Set precision to fp32, or lower learning_rate."
        if bf16
        else "Start again with a lower learning_rate; a lower critic_learning_rate too if the "
        "critic's loss jumps."
    )
    if back:
        count = "once" if len(back) == 1 else f"{len(back)} times"
        sentence = (
            f"The run went back to a checkpoint {count} in the last {TROUBLE_STEPS} steps, as "
            "several steps in a row were not finite."
        )
        yield Finding("problem", "rolled_back", sentence, setting, advice, back[-1].step)
    elif skipped:
        count = "One step was" if len(skipped) == 1 else f"{len(skipped)} steps were"
        sentence = f"{count} not finite and skipped in the last {TROUBLE_STEPS} steps."
        severity: Severity = "hint" if len(skipped) == 1 else "warning"
        yield Finding(severity, "skipped", sentence, setting, advice, max(skipped))


def _loss_jumped(run: RunCurves, config: RunConfig) -> Iterator[Finding]:
    values = _values(run, "reconstruction", ENOUGH + RECENT)
    if values is None:
        return
    before, now = float(np.median(values[-ENOUGH - RECENT : -RECENT])), _now(values)
    if now > 2 * before:
        sentence = f"The reconstruction error jumped from {before:.3g} to {now:.3g}."
        setting = "learning_rate" if run.step <= config.warm_start else "adversarial_learning_rate"
        advice = f"A lower {setting} usually helps; go back to a checkpoint before the jump."
        yield Finding("warning", "loss_jumped", sentence, setting, advice, run.step)


def _nothing_to_learn(run: RunCurves, config: RunConfig) -> Iterator[Finding]:
    """Data that are noise, or steps that are far too small: the error stays where it began."""
    values = _values(run, "reconstruction", LONG)
    if values is None or config.start_from:  # that one began with what it knew
        return
    first, least = float(np.median(values[:RECENT])), float(np.quantile(values, 0.1))
    if least > LEFT * first:
        sentence = (
            f"The reconstruction error was {first:.3g} at first and is {_now(values):.3g} now: "
            "nothing is learnt from these data."
        )
        advice = (
            "Look at the shapes (shapelab train look): they may be noise or differ in everything. "
            "If they are good, raise learning_rate."
        )
        yield Finding("problem", "unlearnable", sentence, "learning_rate", advice, run.step)


def _penalty_exploding(run: RunCurves, config: RunConfig) -> Iterator[Finding]:
    values = _values(run, "penalty", 2 * FRESH + RECENT)
    if values is None:
        return
    before, now = float(np.median(values[-FRESH - RECENT : -RECENT])), _now(values)
    if now > max(5 * before, 1.0):
        sentence = f"The gradient penalty grew from {before:.3g} to {now:.3g}."
        advice = "A lower critic_learning_rate usually helps."
        yield Finding(
            "problem", "penalty_exploding", sentence, "critic_learning_rate", advice, run.step
        )


def _gradient_norm(run: RunCurves, config: RunConfig) -> Iterator[Finding]:
    values = _values(run, "gradient_norm", FRESH + RECENT)
    if values is None or config.penalty not in ("sample", "column"):  # the others hold it at 0
        return
    norm = _now(values)
    if 0.5 <= norm <= 2:
        return
    sentence = (
        f"The critic's gradient norm is {norm:.3g}, and should be near 1: the Wasserstein estimate "
        "says little."
    )
    if norm > 2:
        setting, advice = "penalty_weight", "Raise penalty_weight, or lower critic_learning_rate."
    else:
        setting = "critic_learning_rate"
        advice = "Raise critic_learning_rate: the critic has learned too little."
    yield Finding("warning", "gradient_norm", sentence, setting, advice, run.step)


def _critic_ahead(run: RunCurves, config: RunConfig) -> Iterator[Finding]:
    """The critic wins for good: what it says of real and of generated shapes drifts apart."""
    values = _values(run, "wasserstein", 2 * FRESH + RECENT)
    if values is None:
        return
    before, now = float(np.median(values[-FRESH - RECENT : -RECENT])), _now(values)
    norms = _finite(run, "gradient_norm")
    if config.penalty in ("sample", "column") and _now(norms) < 0.5:  # it only catches up
        return
    if before > 0 and now > 2 * before:
        steps = _last_steps(run, "wasserstein", FRESH + RECENT)
        sentence = (
            f"The critic is ahead: its Wasserstein estimate grew from {before:.3g} to {now:.3g} in "
            f"{steps} steps."
        )
        advice = (
            "Lower critic_learning_rate, or let the generator learn more often (generator_every). "
            "With few "
            "shapes critic_shift keeps the critic from knowing them by heart."
        )
        yield Finding("warning", "critic_ahead", sentence, "critic_learning_rate", advice, run.step)


def _pull(run: RunCurves, config: RunConfig) -> Iterator[Finding]:
    """The generator hears the critic and the reconstruction; neither may drown the other."""
    values = _values(run, "gradient_ratio", FRESH + RECENT)
    if values is None:
        return
    ratio = _now(values)
    if ratio > 50:
        sentence = (
            f"The critic is saturated or too quiet: its pull on the generator is 1/{ratio:.0f} of "
            "the reconstruction's."
        )
        advice = "Raise adversarial, or lower delta."
        yield Finding("warning", "critic_saturated", sentence, "adversarial", advice, run.step)
    elif ratio < 0.02:
        sentence = (
            f"The critic drowns the reconstruction: it pulls the generator {1 / ratio:.0f} times "
            "as hard."
        )
        advice = "Raise delta, or lower adversarial."
        yield Finding("warning", "critic_too_loud", sentence, "delta", advice, run.step)


def _kl_collapsed(run: RunCurves, config: RunConfig) -> Iterator[Finding]:
    if config.vae == "released":  # what it logs is no divergence
        return
    limit = 0.01 * config.model.latent_size
    for name, whose in (("kl", "shape"), ("image_kl", "picture")):
        values = _values(run, name, ENOUGH + RECENT)
        if values is not None and _now(values) < limit:
            sentence = (
                f"The {whose} encoder's code holds {_now(values):.2g} nats in "
                f"{config.model.latent_size} dimensions: it has collapsed and tells nothing."
            )
            advice = "Raise delta; kl_warm_up or free_bits keep it from happening again."
            yield Finding("problem", f"{name}_collapsed", sentence, "delta", advice, run.step)


def _validation(run: RunCurves, config: RunConfig) -> Iterator[Finding]:
    """Scores that fall, or else all of them flat."""
    scores = dict(_moving_scores(run, config))
    fallen = [_fell(run, name, score) for name, score in scores.items()]
    findings = [finding for finding in fallen if finding is not None]
    yield from findings
    long = [score for score in scores.values() if len(score) >= 2 * PATIENCE]
    if findings or len(long) < max(len(scores), 1) or run.step > 0.9 * config.steps:
        return
    if max(float(score[-PATIENCE:].max()) for score in long) < DEAD:  # no plateau but a desert
        return
    gain = max(float(s[-PATIENCE:].max() - s[:-PATIENCE].max()) for s in long)
    if gain < GAIN:
        steps = max(_last_steps(run, name, PATIENCE + 1) for name in scores)
        sentence = (
            f"The validation's IoU gained less than {GAIN:g} in its last {PATIENCE} scores "
            f"({steps} steps)."
        )
        advice = (
            "It may be done: stop here, or end with lower learning rates (final_learning_rate)."
        )
        yield Finding("hint", "plateau", sentence, "final_learning_rate", advice, run.step)


def _moving_scores(run: RunCurves, config: RunConfig) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Scores of networks that learn now; those of frozen ones stand still and are no news."""
    if run.step > config.main_steps:
        learning: Sequence[str] = ("picture_iou",)
    else:
        learning = SCORES if config.image_every else ("iou",)
    for name in learning:
        values = _finite(run, name)
        if len(values) >= 5:
            yield name, values


def _finite(run: RunCurves, name: str) -> NDArray[np.float64]:
    """All finite values of a curve, oldest first; none where there is no such curve."""
    values = run.curves[name].values if name in run.curves else np.zeros(0)
    return values[np.isfinite(values)]


def _nothing_drawn(run: RunCurves, config: RunConfig, empty: float | None) -> Iterator[Finding]:
    """A dead model: what it draws is empty, or hits nothing."""
    scores = _finite(run, "iou")
    advice = (
        "Start again with a lower learning_rate; positive_weight above 1 keeps few solid cells "
        "from being drowned by many empty ones (reconstruction = bce)."
    )
    low = len(scores) >= FEW_SCORES and scores[-FEW_SCORES:].max() < DEAD
    died = len(scores) > 0 and scores[-1] < DEAD <= scores.max()
    late = run.step >= DEAD_STEPS or low or died
    if empty == 1.0 and late and ready(run):
        sentence = "All previews are empty: the generator draws nothing."
        yield Finding("problem", "nothing_drawn", sentence, "learning_rate", advice, run.step)
    elif len(scores) >= DEAD_SCORES and scores[-DEAD_SCORES:].max() < DEAD:
        count = int((scores >= DEAD)[::-1].argmax()) or len(scores)
        sentence = (
            f"The validation's IoU is {scores[-1]:.2g} and was no better in its last {count} "
            "scores: the model rebuilds nothing."
        )
        yield Finding("problem", "nothing_learnt", sentence, "learning_rate", advice, run.step)


def _fell(run: RunCurves, name: str, values: NDArray[np.float64]) -> Finding | None:
    best, now = float(values.max()), float(values[-3:].max())  # a single bad score is no news
    if best - now <= FALL:
        return None
    curve = run.curves[name]
    at = int(curve.steps[np.nanargmax(curve.values)])
    if name == "iou":
        label, setting = "IoU", "adversarial_learning_rate"
        advice = (
            "Go back to the best checkpoint and lower adversarial_learning_rate or adversarial."
        )
    else:
        label, setting = "IoU from pictures", "image_learning_rate"
        advice = (
            "Go back to the best checkpoint and lower image_learning_rate; more synthetic_shapes "
            "help too."
        )
    sentence = f"The validation's {label} fell from {best:.3f} (step {at}) to {now:.3f}."
    return Finding("warning", f"{name}_fell", sentence, setting, advice, run.step)


def _no_diversity(run: RunCurves, config: RunConfig, diversity: float | None) -> Sequence[Finding]:
    if diversity is None or diversity >= 0.05 or not ready(run):
        return []
    sentence = f"The previews hardly differ: {100 * diversity:.1f} % of their voxels on average."
    one = "the generator makes one shape for all latents."
    setting, advice = "delta", f"Raise delta or lower adversarial: {one}"
    if run.step <= config.warm_start:  # no critic pulls yet
        setting, advice = "learning_rate", f"Lower learning_rate, or raise delta: {one}"
    return [Finding("problem", "no_diversity", sentence, setting, advice, run.step)]


_RULES: tuple[Callable[[RunCurves, RunConfig], Iterator[Finding]], ...] = (
    _said,
    _not_finite,
    _nothing_to_learn,
    _penalty_exploding,
    _kl_collapsed,
    _loss_jumped,
    _gradient_norm,
    _critic_ahead,
    _pull,
    _validation,
)
