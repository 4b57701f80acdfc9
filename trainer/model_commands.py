"""The commands that make and score models: evaluate, export-model, fit-prior."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from shapelab.core.errors import RunError
from shapelab.core.model.latent import MAX_TRUNCATION, TRUNCATION
from shapelab.core.runs.store_mix import parse_share

from .options import (
    CheckpointOption,
    DataOption,
    ForceOption,
    OtherDataOption,
    Output,
    RunArgument,
    ScoringEventsOption,
    errors_as_events,
    stores_of,
)


@errors_as_events
def evaluate(
    subject: Annotated[
        str, typer.Argument(metavar="MODEL|RUN", help="A model by name or path, or a run's folder.")
    ],
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            help="A store, of which the held-out shapes are scored, or shapes as `prepare` takes "
            "them, all of which are; a run knows its own. IKEA as released may stand beside it: "
            "its photos are scored. Repeatable.",
        ),
    ] = None,
    checkpoint: CheckpointOption = "newest",
    truncation: Annotated[
        float, typer.Option(min=0.0, max=MAX_TRUNCATION, help="Of the samples; see `sample`.")
    ] = TRUNCATION,
    shapes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Held-out shapes that are reconstructed, completed and seen, at most; up to 600 "
            "without it, and 54 of a model that searches for parameters, some seconds each.",
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--report",
            help="Also write a page with pictures, .html, and its figures beside it, .json.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    sheets: Annotated[
        Path | None,
        typer.Option(
            help="Folder for sheets of samples, morphs and pictures; then nothing is scored."
        ),
    ] = None,
    force: ForceOption = False,
    events: ScoringEventsOption = Output.terminal,
) -> None:
    """Scores a model file or a run on shapes that its training has not seen."""
    from .evaluation import subjects
    from .evaluation.scoring import evaluate as scored
    from .report import evaluation_page, work_progress
    from .report.sheets import write

    if sheets is not None and (page is not None or as_json):
        raise RunError("--sheets draws and does not score; say --report or --json without it.")
    if page is not None:
        evaluation_page.check_free(page, force)
    machine = events is Output.jsonl
    progress = work_progress.scoring_events if machine else work_progress.scoring
    told = ""
    with progress(sys.stdout if machine else sys.stderr) as (tell, check):
        given, shares, photos = subjects.find(subject, data or (), checkpoint, tell, check)
        with subjects.held_out(shares, given.model.spec, check) as held:
            if sheets is not None:
                written = write(given, held, sheets, truncation, tell, check, force)
                told = f"Wrote {len(written)} sheets into {sheets}."
            else:
                draws = page is not None
                found = scored(given, held, truncation, photos, tell, check, draws, shapes)
                show = evaluation_page.to_json if as_json else evaluation_page.describe
                told = show(found)
        if page is not None:
            evaluation_page.write(found, page, force)
    if not machine:
        print(told)
        if page is not None:
            print(f"Wrote {page}.", file=sys.stderr)


@errors_as_events
def export_model(
    run: RunArgument,
    name: Annotated[str, typer.Argument(help="Name of the model, or a folder to write.")],
    data: OtherDataOption = None,
    licence: Annotated[
        str, typer.Option(help="Terms of the training data, if not those of their release.")
    ] = "",
    note: Annotated[str, typer.Option(help="Anything else that the card should say.")] = "",
    checkpoint: CheckpointOption = "newest",
    force: ForceOption = False,
    events: ScoringEventsOption = Output.terminal,
) -> None:
    """Writes the model file and its card, which the app then finds by name."""
    from .evaluation.export import export
    from .report import work_progress

    machine = events is Output.jsonl
    progress = work_progress.scoring_events if machine else work_progress.scoring
    told = ""
    with progress(sys.stdout if machine else sys.stderr) as (tell, check):
        stores = stores_of(run, data)
        folder = export(run, name, stores, licence, note, checkpoint, tell, force, check)
        told = f"Wrote {folder}."
    if not machine:
        print(told)


def fit_prior(
    model: Annotated[str, typer.Argument(help="A model, by name or path.")],
    name: Annotated[str, typer.Argument(help="Name of the new model, or a folder to write.")],
    data: DataOption,
    force: ForceOption = False,
) -> None:
    """Writes a model again with a prior fitted anew: what its seeds and paths run through."""
    from .evaluation.export import renew_prior
    from .report.work_progress import scoring

    with scoring(sys.stderr) as (tell, check):
        shares = [parse_share(text) for text in data]
        folder = renew_prior(model, name, shares, tell, force, check)
    print(f"Wrote {folder}.")
