"""Each rule speaks on a run that is ill in its way, and on no other."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from shapelab.core.runs.advice.doctor import diagnose, diversity_of, ready, share_empty
from shapelab.core.runs.curves import RunCurves
from shapelab.core.runs.events import Saved, Started, StepDone, Validated, Warned
from shapelab.core.runs.run_config import RunConfig, validated

LOG, VALIDATE = 20, 500
WARM, MAIN, STEPS = 5000, 7000, 25_000
CONFIG = validated(
    {
        "steps": STEPS,
        "warm_start": WARM,
        "image_steps": STEPS - MAIN,
        "image_loss": "distil",
        "model": {"latent_size": 200},
    }
)


def healthy():
    """A run of the preset small, its curves' shapes and noise after a real one of 25,000 steps."""
    random = np.random.default_rng(0)

    def noisy(value, share):
        return value * (1 + share * random.normal())

    events = [Started(0, STEPS, "cpu", 1, time=0.0)]
    for step in range(LOG, STEPS + 1, LOG):
        metrics = {"samples_per_second": noisy(76, 0.1), "learning_rate": 1e-3}
        if step <= MAIN:
            rise, fall = min(step / 140, 1), 600 * math.exp(-step / 800)
            metrics["kl"] = noisy(rise * (350 + fall), 0.01)
            decay = 0.4 * math.exp(-step / 30) + 0.1 * math.exp(-step / 700)
            metrics["reconstruction"] = noisy(0.0195 + decay, 0.03)
            metrics["image_error"] = noisy(0.65 + 3 * math.exp(-step / 900), 0.03)
        else:
            metrics["image_error"] = noisy(0.66 + 0.2 * math.exp((MAIN - step) / 6000), 0.03)
        if WARM < step <= MAIN:
            age = step - WARM
            wins = 8 * (1 - math.exp(-age / 90)) + age / 2000
            metrics["wasserstein"] = noisy(wins, 0.06)
            metrics["penalty"] = noisy(8.62 if age == LOG else 0.2 + wins / 8, 0.15)
            metrics["gradient_norm"] = noisy(0.07 if age == LOG else 1 + wins / 26, 0.01)
            metrics["critic"] = metrics["penalty"] - metrics["wasserstein"]
            metrics["generator"] = noisy(-5 * wins, 0.08)
            metrics["gradient_ratio"] = 242.0 if age == LOG else noisy(3.6, 0.08)
        events.append(StepDone(step, metrics, time=0.4 * step))
        if step % VALIDATE == 0:
            iou = 0.802 - 0.21 * math.exp(-(min(step, MAIN) - VALIDATE) / 900)
            pictures = 0.53 - 0.17 * math.exp(-(step - VALIDATE) / 6000)
            scores = {"iou": iou, "picture_iou": pictures + 0.002 * random.normal()}
            events.append(Validated(step, scores, time=0.4 * step))
    return events


HEALTHY = healthy()


def run_of(events):
    run = RunCurves()
    run.append(events)
    return run


def until(step, **changes):
    """The healthy run's events up to a step; each change replaces a metric: f(step, value)."""
    events = []
    for event in HEALTHY:
        if event.step > step:
            break
        if isinstance(event, StepDone | Validated):
            metrics = dict(event.metrics)
            for name in changes.keys() & metrics.keys():
                metrics[name] = changes[name](event.step, metrics[name])
            event = type(event)(event.step, metrics, time=event.time)
        events.append(event)
    return events


# Findings that no setting of the run mends.
WITHOUT_SETTING = ("waiting", "disk", "unsaved", "memory", "damaged", "data", "refused")


def only(events, config=CONFIG, diversity=None):
    """The one finding there is."""
    findings = diagnose(run_of(events), config, diversity)
    assert len(findings) == 1, findings
    (finding,) = findings
    if finding.code not in WITHOUT_SETTING:
        assert finding.setting in RunConfig.model_fields
        assert finding.setting in finding.advice
    assert finding.sentence.endswith(".")
    return finding


def test_a_healthy_run_is_left_in_peace_all_the_way():
    run = RunCurves()
    for event in HEALTHY:
        run.append([event])
        assert diagnose(run, CONFIG, diversity=0.4) == [], event.step


def test_an_opinion_needs_some_points():
    assert not ready(RunCurves())
    assert not ready(run_of(until(19 * LOG)))
    assert ready(run_of(until(20 * LOG)))
    assert diagnose(RunCurves(), CONFIG) == []


def test_few_and_wild_points_are_no_finding():
    wild = [StepDone(n, {"kl": 0.0, "penalty": 10.0**n, "gradient_norm": 50.0}) for n in range(9)]
    assert diagnose(run_of(wild), CONFIG, diversity=0.0) == []


def test_gradient_norm_far_above_and_below_one():
    far = only(until(6000, gradient_norm=lambda _, value: 2.6 * value))
    assert (far.code, far.setting, far.severity) == ("gradient_norm", "penalty_weight", "warning")
    assert "gradient norm is 3.4" in far.sentence
    assert far.step == 6000
    near = only(until(6000, gradient_norm=lambda _, value: 0.2 * value))
    assert (near.code, near.setting) == ("gradient_norm", "critic_learning_rate")


def test_a_penalty_at_zero_expects_no_norm_of_one():
    config = CONFIG.model_copy(update={"penalty": "r1"})
    assert diagnose(run_of(until(6000, gradient_norm=lambda _, v: 0.1 * v)), config) == []


def test_penalty_exploding():
    grown = until(6000, penalty=lambda step, value: value * (20 if step > 5780 else 1))
    found = only(grown)
    assert (found.code, found.severity) == ("penalty_exploding", "problem")
    assert "from 1." in found.sentence


def test_critic_ahead():
    found = only(until(6400, wasserstein=lambda step, v: v * math.exp((step - WARM) / 400)))
    assert (found.code, found.setting) == ("critic_ahead", "critic_learning_rate")


def test_critic_saturated_and_too_loud():
    quiet = only(until(6000, gradient_ratio=lambda _, value: 50 * value))
    assert (quiet.code, quiet.setting) == ("critic_saturated", "adversarial")
    assert "1/1" in quiet.sentence
    loud = only(until(6000, gradient_ratio=lambda _, value: value / 1000))
    assert (loud.code, loud.setting) == ("critic_too_loud", "delta")


def test_what_a_phase_that_is_over_did_is_no_news():
    ill = {"gradient_norm": lambda _, v: 3 * v, "gradient_ratio": lambda _, v: 100 * v}
    assert len(diagnose(run_of(until(6000, **ill)), CONFIG)) == 2
    assert diagnose(run_of(until(8000, **ill)), CONFIG) == []


def test_kl_collapsed():
    found = only(until(3000, kl=lambda step, value: value * math.exp(-step / 200)))
    assert (found.code, found.setting) == ("kl_collapsed", "delta")
    assert found.severity == "problem"
    released = CONFIG.model_copy(update={"vae": "released"})
    assert diagnose(run_of(until(3000, kl=lambda *_: 0.0)), released) == []


def test_no_diversity():
    found = only(until(6000), diversity=0.012)
    assert (found.code, found.setting) == ("no_diversity", "delta")
    assert "1.2 %" in found.sentence


def test_plateau_counts_only_while_there_is_more_to_come():
    flat = {"picture_iou": lambda step, v: min(v, 0.40 + 1e-9 * step), "iou": lambda _, v: v}
    found = only(until(14_000, **flat))
    assert (found.code, found.severity) == ("plateau", "hint")
    assert "5000 steps" in found.sentence
    assert diagnose(run_of(until(24_000, **flat)), CONFIG) == []


def test_a_rise_is_no_fall():
    scores = (0.0, 0.0, 0.0, 0.1, 0.217)
    rising = [Validated(500 * k, {"iou": iou}) for k, iou in enumerate(scores)]
    assert diagnose(run_of(rising), CONFIG) == []
    fallen = [*rising, *(Validated(3000 + k, {"iou": 0.1}) for k in range(3))]
    assert only(fallen).code == "iou_fell"


def test_a_critic_that_only_catches_up_is_not_ahead():
    grows = {"wasserstein": lambda step, v: v * math.exp((step - WARM) / 400)}
    asleep = {"gradient_norm": lambda *_: 0.1}
    assert only(until(6400, **grows, **asleep)).code == "gradient_norm"


def test_data_from_which_nothing_is_learnt():
    flat = {"reconstruction": lambda _, value: 0.4 + value / 100}
    found = only(until(3000, **flat))
    assert (found.code, found.severity) == ("unlearnable", "problem")
    assert diagnose(run_of(until(1900, **flat)), CONFIG) == []
    started = CONFIG.model_copy(update={"start_from": "furniture"})
    assert diagnose(run_of(until(3000, **flat)), started) == []


def test_before_the_critic_one_shape_for_all_is_blamed_on_the_rate():
    found = only(until(3000), diversity=0.01)
    assert (found.code, found.setting) == ("no_diversity", "learning_rate")


def test_a_model_that_died_since_its_last_score_is_told_at_once():
    events = until(500, iou=lambda *_: 0.5)
    events.append(Validated(600, {"iou": 0.0}))
    found = diagnose(run_of(events), CONFIG, empty=1.0)
    assert [finding.code for finding in found] == ["nothing_drawn"]


def test_validation_fell():
    found = only(until(6500, iou=lambda step, value: value - 0.1 * (step > 5000)))
    assert (found.code, found.setting) == ("iou_fell", "adversarial_learning_rate")
    assert "(step 5000)" in found.sentence
    pictures = only(until(12_000, picture_iou=lambda s, value: value - 0.1 * (s > 9000)))
    assert (pictures.code, pictures.setting) == ("picture_iou_fell", "image_learning_rate")


def test_reconstruction_jumped():
    warm = only(until(3000, reconstruction=lambda step, value: value * (1 + 4 * (step > 2760))))
    assert (warm.code, warm.setting) == ("loss_jumped", "learning_rate")
    later = only(until(6000, reconstruction=lambda step, value: value * (1 + 4 * (step > 5760))))
    assert (later.code, later.setting) == ("loss_jumped", "adversarial_learning_rate")


def test_skipped_steps_count_while_they_are_news():
    def skip(*steps):
        warnings = [Warned(step, "skipped", f"Step {step + 1} was skipped.") for step in steps]
        return sorted([*until(6000), *warnings], key=lambda event: event.step)

    one, two = only(skip(5500)), only(skip(5500, 5900))
    assert (one.code, one.severity, one.step) == ("skipped", "hint", 5500)
    assert (two.severity, two.sentence[:12]) == ("warning", "2 steps were")
    assert diagnose(run_of(skip(3000, 4000)), CONFIG) == []
    half = CONFIG.model_copy(update={"precision": "bf16"})
    assert only(skip(5500), half).setting == "precision"


def test_values_that_are_not_finite_count_as_skipped():
    found = only(until(6000, kl=lambda step, value: math.nan if step in (5800, 5900) else value))
    assert (found.code, found.step) == ("skipped", 5900)


def test_going_back_is_a_problem_even_after_its_steps_were_taken_back():
    trouble = [Warned(5990 + n, "skipped", "skipped") for n in range(3)]
    back = Warned(5500, "rolled_back", "back from step 5993 to the checkpoint of step 5500")
    found = only([*until(5980), *trouble, back])
    assert (found.code, found.severity) == ("rolled_back", "problem")


def test_the_worst_comes_first():
    ill = until(3000, kl=lambda *_: 0.5, reconstruction=lambda s, v: v * (1 + 4 * (s > 2760)))
    assert [finding.severity for finding in diagnose(run_of(ill), CONFIG)] == ["problem", "warning"]


def test_diversity_of_shapes():
    grids = np.zeros((3, 4, 4, 4), bool)
    assert diversity_of(grids) is None  # nothing is drawn yet, which is no illness
    grids[0, :2] = True
    assert diversity_of(grids) is None
    grids[:, :2] = True
    assert diversity_of(grids) == 0.0
    grids[2] = ~grids[2]
    assert diversity_of(grids) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "code", ["waiting", "disk", "unsaved", "memory", "damaged", "data", "refused"]
)
def test_no_warning_of_a_run_is_kept_back(code):
    found = only([*until(6000), Warned(6000, code, "It said so.")])
    assert (found.code, found.step) == (code, 6000)
    assert found.sentence == "It said so." or code == "waiting"


def test_every_warning_that_the_trainer_gives_is_known():
    sources = (Path(__file__).parents[4] / "trainer").rglob("*.py")
    given = {
        code
        for source in sources
        for code in re.findall(r"Warned\(\s*[^,]+,\s*\"(\w+)\"", source.read_text("utf-8"))
    }
    assert {"data", "damaged", "memory", "disk", "unsaved"} <= given
    for code in given - {"skipped", "rolled_back"}:
        only([*until(6000), Warned(6000, code, "It said so.")])


@pytest.mark.parametrize("code", ["waiting", "unsaved"])
def test_a_save_settles_what_was_said_about_saving(code):
    news = [Warned(6000, code, "Step 6000 could not be saved."), Saved(6000, "x")]
    assert diagnose(run_of([*until(6000), *news]), CONFIG) == []


def test_a_model_that_draws_nothing_is_no_plateau_and_not_well():
    dead = only(until(6000, iou=lambda *_: 0.0, picture_iou=lambda *_: 0.0))
    assert (dead.code, dead.severity) == ("nothing_learnt", "problem")
    assert "last 12 scores" in dead.sentence
    empty = diagnose(run_of(until(6000)), CONFIG, empty=share_empty(np.zeros((4, 8, 8, 8), bool)))
    assert [(each.code, each.severity) for each in empty] == [("nothing_drawn", "problem")]
    assert "empty" in empty[0].sentence


def test_a_model_that_died_later_is_told_so():
    codes = [
        finding.code
        for finding in diagnose(run_of(until(6900, iou=lambda s, v: v * (s < 3000))), CONFIG)
    ]
    assert codes[0] == "nothing_learnt"
    assert "iou_fell" in codes


def test_first_previews_may_be_empty_and_some_always():
    for step in (400, 900):
        assert diagnose(run_of(until(step, iou=lambda *_: 0.0)), CONFIG, empty=1.0) == []
    assert diagnose(run_of(until(6000)), CONFIG, empty=0.5) == []
    assert share_empty(np.zeros((0, 8, 8, 8), bool)) is None


def test_scores_that_stand_still_are_told_where_their_network_learns():
    flat = {"iou": lambda *_: 0.4, "picture_iou": lambda *_: 0.3}
    config = CONFIG.model_copy(update={"warm_start": 0, "image_steps": 0})
    quiet = [e for e in until(14_000, **flat) if isinstance(e, Validated)]
    assert [f.code for f in diagnose(run_of(quiet), config)] == ["plateau"]
