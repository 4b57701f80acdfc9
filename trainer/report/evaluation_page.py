"""What an evaluation found: lines for a terminal, JSON, or one web page with pictures."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from shapelab.core import formatting
from shapelab.core.atomic import atomic_write
from shapelab.core.errors import ExportError
from shapelab.core.runs.evaluation_file import FORMAT, VERSION, said

from ..data.pictures.draw import BACKGROUND, Picture
from ..data.sheet.sheet_page import HEAD
from ..evaluation.measures import MEASURES, SIDE, Evaluation, Figure, Measure, Strip

GAP = 6  # pixels between two pictures
COLOURS = 64  # of a strip of drawn shapes, which have few tones
MOST_BYTES = 2_700_000  # of all strips, so that the page stays below 3 MB
ONE_PIECE = {  # and how a narrow column calls it
    "real_one_piece": "real",
    "one_piece": "decoded",
    "midpoint_one_piece": "midpoints",
    "midpoint_shown_whole": "shown",
    "sample_one_piece": "samples",
    "sample_shown_whole": "shown",
    "whole_sample_one_piece": "preferred",
}


class Published(NamedTuple):
    """A figure of others; hardly any is comparable, and why stands beside it."""

    what: str
    value: str
    source: str


RECALLED = "quoted from memory, not checked"
PUBLISHED = (
    Published(
        "Average precision on IKEA's photos, 20³, aligned: 3D-IWGAN, one model / one a class",
        "55.0 / 63.3 %",
        f"Smith and Meger 2017, arXiv 1707.09557; {RECALLED}",
    ),
    Published(
        "The same of 3D-VAE-GAN, one model / one a class",
        "45.2 / 53.1 %",
        f"Wu et al. 2016, 3D-GAN; {RECALLED}",
    ),
    Published(
        "The same of the mean of ModelNet10's class, told and without looking at the photo",
        "58.6 %",
        "measured for this project: the alignment is generous",
    ),
    Published(
        "Linear SVM on critic features, ModelNet10's test split: 3D-GAN, of ShapeNet, 64³",
        "91.0 %",
        f"Wu et al. 2016; {RECALLED}",
    ),
    Published("The same for VConv-DAE", "80.5 %", f"Sharma et al. 2016; {RECALLED}"),
    Published(
        "IoU from one picture, 13 classes of ShapeNet, 32³: 3D-R2N2 / Pix2Vox-A",
        "0.560 / 0.661",
        "README of thangktran/Pix2Vox-ResNet; other data than here",
    ),
    Published(
        "IoU of voxels kept by 200 principal components, ModelNet10's test split, 30³",
        "0.882",
        "measured for this project: a linear yardstick",
    ),
    Published(
        "1-NNA / COV of one half of ModelNet10's training shapes against the other",
        "51.4 / 52 %",
        "measured for this project: what an ideal generator would have",
    ),
)

IKEA = tuple(key for key in MEASURES if key.startswith("ikea_"))
IKEA_CLASSES = ("bed", "bookcase", "chair", "desk", "sofa", "table")
PUBLISHED_IKEA = {  # aligned, by class, and their mean
    "AlexNet-fc8": (29.5, 17.3, 20.4, 19.7, 38.8, 16.0, 23.6),
    "AlexNet-conv4": (38.2, 26.6, 31.4, 26.6, 69.3, 19.1, 35.2),
    "T-L network": (56.3, 30.2, 32.9, 25.8, 71.7, 23.3, 40.0),
    "3D-VAE-GAN, one model": (49.1, 31.9, 42.6, 34.8, 79.8, 33.1, 45.2),
    "3D-VAE-GAN, one a class": (63.2, 46.3, 47.2, 40.7, 78.8, 42.3, 53.1),
    "3D-IWGAN, one model": (65.7, 44.2, 49.3, 50.6, 68.0, 52.2, 55.0),
    "3D-IWGAN, one a class": (77.7, 51.8, 56.2, 49.8, 82.0, 62.6, 63.3),
}

_STYLE = """
:root { --page: #fff; --ink: #1f2430; --faint: #5a6373; --line: #dfe2e8; --low: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --page: #16181d; --ink: #e6e8ec; --faint: #9aa3b2; --line: #2e333d; --low: #f2a29b; }
  img { filter: brightness(.88); } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.5rem 4rem; background: var(--page);
  color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
h1 { margin: 0 0 .25rem; font-size: 1.6rem; font-weight: 600; overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.15rem; font-weight: 600; }
h3 { margin: 2rem 0 .25rem; padding-top: 1rem; border-top: 1px solid var(--line);
  font-size: 1rem; font-weight: 600; }
p, figcaption, .faint { color: var(--faint); } p { margin: .25rem 0; }
figure { margin: .75rem 0 0; } figcaption { font-size: .85rem; }
img { display: block; max-width: 100%; height: auto; border-radius: 5px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
td, th { padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: baseline; font-weight: 400; }
thead th { color: var(--faint); font-size: .85rem; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.low { color: var(--low); }
"""


def check_free(page: Path, force: bool) -> None:
    """Raises ExportError where a page or its figures would replace a file without leave."""
    if page.suffix == ".json":
        raise ExportError(f"{page} is where the figures go; name a page that ends in .html.")
    for path in (page, page.with_suffix(".json")):
        if not force and os.path.lexists(path):
            raise ExportError(f"{path} is there already; name another file or say --force.")


def write(found: Evaluation, page: Path, force: bool = False) -> None:
    """Writes the page, and the figures beside it as JSON. Raises ExportError when it cannot."""
    check_free(page, force)
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"{page} cannot be written: {error.strerror}.") from error
    atomic_write(page, render(found).encode(), new=not force)
    atomic_write(page.with_suffix(".json"), to_json(found).encode(), new=not force)


def to_json(found: Evaluation) -> str:
    """All figures as one JSON object, as the page has them; the app reads it too."""
    plain = {"format": FORMAT, "version": VERSION, **asdict(replace(found, strips=()))}
    del plain["strips"]
    for key, figure in plain["figures"].items():
        measure = MEASURES[key]
        figure |= {"label": measure.label, "meaning": measure.meaning, "percent": measure.percent}
    return json.dumps(plain, indent=1, allow_nan=False)


def describe(found: Evaluation) -> str:
    """The figures as aligned lines, and which share is in one piece by class."""
    lines = [f"{said}: {value}" for said, value in _facts(found)]
    lines += ["", f"{'':24s} {'mean':>8s} {'classes':>8s} {'95 %':>17s}  worst class"]
    for key, figure in found.figures.items():
        measure = MEASURES[key]
        between = _between(figure, measure)
        means = f"{_said(figure.mean, measure):>8s} {_said(figure.class_mean, measure):>8s}"
        lines.append(f"{key:24s} {means} {between:>17s}  {_worst(figure, measure)}".rstrip())
    for source in _sources(found):
        lines += ["", source]
        for key, figure in found.figures.items():
            if source in figure.by_source:
                lines.append(f"{key:24s} {_said(figure.by_source[source], MEASURES[key]):>8s}")
    keys = [key for key in ONE_PIECE if key in found.figures]
    lines += ["", "in one piece " + " ".join(f"{ONE_PIECE[key]:>10s}" for key in keys)]
    for name in found.classes:
        values = [found.figures[key].by_class.get(name) for key in keys]
        if values.count(None) == len(keys):
            continue
        shares = ("–" if value is None else f"{value:.0%}" for value in values)
        lines.append(f"{name[:12]:12s} " + " ".join(f"{share:>10s}" for share in shares))
    return "\n".join(lines)


def render(found: Evaluation) -> str:
    """The page's HTML: no script, nothing from elsewhere, light or dark as its reader likes."""
    title = f"Evaluation of {found.subject}"
    return "\n".join(
        [
            f"{HEAD}<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style></head>\n<body>",
            f"<h1>{escape(title)}</h1>",
            *(f"<p>{escape(said)}: {escape(value)}</p>" for said, value in _facts(found)),
            "<h2>Figures</h2>",
            *_figures(found),
            *_by_source(found),
            "<h2>In one piece, by class</h2>",
            *_by_class(found, ONE_PIECE),
            "<h2>Other figures by class</h2>",
            *_by_class(found, [k for k in found.figures if k not in (*ONE_PIECE, *IKEA)]),
            *_ikea(found),
            "<h2>What others published</h2>",
            *_published(),
            "<h2>Shapes</h2>",
            *_strips(found),
            "</body>\n</html>\n",
        ]
    )


def _facts(found: Evaluation) -> Iterator[tuple[str, str]]:
    of = "" if found.shapes == found.held_out else f" of {formatting.count(found.held_out)}"
    if found.shapes:
        yield "Held-out shapes", f"{formatting.count(found.shapes)}{of} of {found.source}"
    if found.photos:
        yield "Photos", found.photos
    if found.trained:
        yield "Training shapes beside them", formatting.count(found.trained)
    yield "Samples", f"at truncation {found.truncation:g}"
    if found.best_level is not None:
        yield "Best level", f"{found.best_level:g}, by mean IoU of {found.level_from}"


def _figures(found: Evaluation) -> Iterator[str]:
    yield (
        '<div class="wide"><table><thead><tr><th></th><th class="n">mean</th>'
        '<th class="n">mean of classes</th><th class="n">95 % of redrawn sets</th>'
        '<th class="n">worst class</th><th></th></tr>'
        "</thead>"
    )
    for key, figure in found.figures.items():
        measure = MEASURES[key]
        cells = (
            _said(figure.mean, measure),
            _said(figure.class_mean, measure),
            _between(figure, measure),
            escape(_worst(figure, measure)),
        )
        numbers = "".join(f'<td class="n">{cell}</td>' for cell in cells)
        yield (
            f"<tr><th>{escape(measure.label)}</th>{numbers}"
            f'<td class="faint">{escape(measure.meaning)}</td></tr>'
        )
    yield "</table></div>"


def _sources(found: Evaluation) -> list[str]:
    """What the shapes come from, where that is more than one."""
    names = (name for figure in found.figures.values() for name in figure.by_source)
    return list(dict.fromkeys(names))


def _by_source(found: Evaluation) -> Iterator[str]:
    if not (sources := _sources(found)):
        return
    names = "".join(f'<th class="n">{escape(name)}</th>' for name in sources)
    yield "<h2>By source</h2>"
    yield f'<div class="wide"><table><thead><tr><th></th>{names}</tr></thead>'
    for key, figure in found.figures.items():
        if figure.by_source:
            yield _row(key, [figure.by_source.get(name) for name in sources])
    yield "</table></div>"


def _ikea(found: Evaluation) -> Iterator[str]:
    """Average precision by class, beside what the papers have."""
    if not (keys := [key for key in IKEA if key in found.figures]):
        return
    names = "".join(f'<th class="n">{name}</th>' for name in (*IKEA_CLASSES, "mean"))
    yield "<h2>Photos of IKEA furniture, average precision</h2>"
    yield f'<div class="wide"><table><thead><tr><th></th>{names}</tr></thead>'
    for key in keys:
        figure = found.figures[key]
        by_class = [figure.by_class.get(name) for name in IKEA_CLASSES]
        yield _row(key, [*by_class, figure.class_mean])
    for who, values in PUBLISHED_IKEA.items():
        cells = "".join(f'<td class="n">{value:.1f} %</td>' for value in values)
        yield f'<tr><th class="faint">{escape(who)}</th>{cells}</tr>'
    yield "</table></div>"
    yield (
        "<p>Ours are of the photos at hand, those of others of the whole set, and they are "
        f"{RECALLED}: Wu et al. 2016 (3D-GAN), Smith and Meger 2017 (3D-IWGAN).</p>"
    )


def _by_class(found: Evaluation, keys: Any) -> Iterator[str]:
    shown = [key for key in keys if key in found.figures and found.figures[key].by_class]
    names = "".join(f'<th class="n">{escape(name)}</th>' for name in found.classes)
    yield f'<div class="wide"><table><thead><tr><th></th>{names}</tr></thead>'
    for key in shown:
        figure = found.figures[key]
        yield _row(key, [figure.by_class.get(name) for name in found.classes])
    yield "</table></div>"


def _row(key: str, values: Sequence[float | None]) -> str:
    measure = MEASURES[key]
    cells = "".join(
        '<td class="n">–</td>'
        if value is None
        else f'<td class="n{_mark(key, value)}">{_said(value, measure)}</td>'
        for value in values
    )
    return f"<tr><th>{escape(measure.label)}</th>{cells}</tr>"


def _mark(key: str, value: float) -> str:
    return " low" if key in ONE_PIECE and value < 0.5 else ""


def _published() -> Iterator[str]:
    yield '<div class="wide"><table>'
    for one in PUBLISHED:
        yield (
            f'<tr><th>{escape(one.what)}</th><td class="n">{escape(one.value)}</td>'
            f'<td class="faint">{escape(one.source)}</td></tr>'
        )
    yield "</table></div>"


def _strips(found: Evaluation) -> Iterator[str]:
    room, names = MOST_BYTES, found.classes
    for place, name in enumerate(names):
        block = "\n".join(
            [
                f"<h3>{escape(name)}</h3>",
                *(_figure(strip) for strip in found.strips if strip.class_name == name),
            ]
        )
        room -= len(block)
        if room < 0:
            rest = len(names) - place
            more = f"{formatting.count(rest)} class{'' if rest == 1 else 'es'} more"
            yield f"<p>The pictures of {more} would make this page too large.</p>"
            return
        yield block


def _figure(strip: Strip) -> str:
    sheet = Image.fromarray(_sheet(strip))
    data = io.BytesIO()
    sheet.quantize(COLOURS).save(data, "PNG", optimize=True)
    encoded = base64.b64encode(data.getvalue()).decode("ascii")
    title = escape(strip.title, quote=True)
    return (
        f'<figure><img width="{sheet.width}" height="{sheet.height}" loading="lazy" '
        f'alt="{escape(strip.class_name, quote=True)}: {title}" '
        f'src="data:image/png;base64,{encoded}"><figcaption>{title}</figcaption></figure>'
    )


def _sheet(strip: Strip) -> Picture:
    width = len(strip.tiles) * (SIDE + GAP) - GAP
    sheet = np.full((SIDE, width, 3), BACKGROUND, np.uint8)
    for k, tile in enumerate(strip.tiles):
        left = k * (SIDE + GAP)
        sheet[:, left : left + SIDE] = tile
    return sheet


def _said(value: float, measure: Measure) -> str:
    return said(value, measure.percent)


def _between(figure: Figure, measure: Measure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"{said(figure.low, measure.percent, '')} – {_said(figure.high, measure)}"


def _worst(figure: Figure, measure: Measure) -> str:
    if not figure.worst:
        return ""
    return f"{figure.worst} {_said(figure.by_class[figure.worst], measure)}"
