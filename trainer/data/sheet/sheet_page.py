"""The contact sheet as one web page, which needs nothing but itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from html import escape

from PIL import Image

from shapelab.core import formatting

from ..store.prepared_store import SPLITS
from .sheet_content import SAMPLES, SIDE, ClassCard, Picture, Sample, Sheet

COLOURS = 64  # of a drawn shape, which has few tones: a third of the bytes

HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
"""

_STYLE = """
:root { --page: #fff; --ink: #1f2430; --faint: #5a6373; --line: #dfe2e8; --tile: #f4f5f7;
  --train: #5b7fb5; --validation: #d0a060; --test: #8f6fb0; }
@media (prefers-color-scheme: dark) {
  :root { --page: #16181d; --ink: #e6e8ec; --faint: #9aa3b2; --line: #2e333d;
    --train: #7fa3d8; --validation: #dcb27a; --test: #b294d2; }
  .tile { filter: brightness(.88); } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.5rem 4rem; background: var(--page);
  color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
h1 { margin: 0 0 1rem; font-size: 1.6rem; font-weight: 600; overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.15rem; font-weight: 600; }
h3 { margin: 0; font-size: 1rem; font-weight: 600; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.25rem; margin: 0; }
dt, .faint { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.classes { display: grid; grid-template-columns: max-content max-content 1fr;
  gap: .1rem 1rem; align-items: center; }
.classes a { color: inherit; text-decoration: none; max-width: 16rem; overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap; }
.classes a:hover { text-decoration: underline; }
.bar { display: flex; height: .6rem; border-radius: 2px; overflow: hidden; }
.train { background: var(--train); } .validation { background: var(--validation); }
.test { background: var(--test); }
.key { display: flex; flex-wrap: wrap; gap: 1.25rem; margin: 0 0 .5rem; color: var(--faint);
  font-size: .85rem; }
.key i { display: inline-block; width: .7rem; height: .7rem; margin-right: .4rem;
  border-radius: 2px; }
.class { display: grid; grid-template-columns: 11.5rem 1fr; gap: 1.25rem; padding: 1.1rem 0;
  border-top: 1px solid var(--line); }
.class p { margin: .15rem 0; color: var(--faint); font-size: .85rem; }
.class svg { display: block; width: 100%; height: 3rem; margin-top: .6rem; }
.class rect { fill: var(--train); } .class line { stroke: var(--line); }
.scale { display: flex; justify-content: space-between; }
.samples { display: grid; grid-template-columns: repeat(var(--samples), minmax(0, 1fr));
  gap: .5rem; align-content: start; }
figure { display: grid; gap: .35rem; margin: 0; }
.tile { display: block; width: 100%; height: auto; background: var(--tile);
  border-radius: 5px; }
details { padding: .45rem 0; border-top: 1px solid var(--line); }
summary { cursor: pointer; overflow-wrap: anywhere; }
summary b { display: inline-block; min-width: 3.5rem; font-weight: 600; }
.ids { max-height: 20rem; margin: .4rem 0 .4rem 1rem; overflow: auto; color: var(--faint);
  font: 12.5px/1.5 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
@media (max-width: 60rem) { .samples { grid-template-columns: repeat(4, minmax(0, 1fr)); } }
@media (max-width: 42rem) { .class, dl { grid-template-columns: 1fr; } dd { margin-bottom: .35rem; }
  .class svg, .scale { max-width: 16rem; } }
"""


def render(sheet: Sheet) -> str:
    """The page's HTML: no script, nothing from elsewhere, light or dark as its reader likes."""
    title = escape(sheet.title)
    return "\n".join(
        [
            f"{HEAD}<title>{title}</title>",
            f"<style>:root {{ --samples: {SAMPLES}; }}{_STYLE}</style>",
            "</head>\n<body>",
            f"<h1>{title}</h1>",
            "<dl>",
            *(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in sheet.facts),
            "</dl>",
            *_class_bars(sheet),
            "<h2>Samples</h2>",
            *(_card(k, card, sheet.fullest) for k, card in enumerate(sheet.cards)),
            "<h2>Left out</h2>",
            *_left_out(sheet),
            "</body>\n</html>\n",
        ]
    )


def _class_bars(sheet: Sheet) -> Iterator[str]:
    """Each class with a bar of its shapes, to see how even they are."""
    most = max((card.total for card in sheet.cards), default=0) or 1
    yield '<h2>Classes</h2>\n<p class="key">'
    yield "".join(f'<span><i class="{name}"></i>{name}</span>' for name in SPLITS)
    yield '</p>\n<div class="classes">'
    for k, card in enumerate(sheet.cards):
        parts = "".join(
            f'<span class="{split}" style="width:{count / card.total:.2%}"></span>'
            for split, count in card.counts.items()
            if count
        )
        yield (
            f'<a href="#class-{k}">{escape(card.name)}</a>'
            f'<span class="number">{formatting.count(card.total)}</span>'
            f'<span class="bar" style="width:{card.total / most:.2%}">{parts}</span>'
        )
    yield "</div>"


def _card(place: int, card: ClassCard, fullest: float) -> str:
    counts = " · ".join(
        f"{formatting.count(count)} {name}" for name, count in card.counts.items() if count
    )
    samples = "".join(_figure(sample) for sample in card.samples)
    shapes = "shape" if card.total == 1 else "shapes"
    return f"""<section class="class" id="class-{place}">
<div><h3>{escape(card.name)}</h3><p>{formatting.count(card.total)} {shapes}</p><p>{counts}</p>
{_histogram(card, fullest)}
<p>filled, median {card.median:.1%}</p></div>
<div class="samples">{samples}</div>
</section>"""


def _histogram(card: ClassCard, fullest: float) -> str:
    most = max(int(card.histogram.max(initial=0)), 1)
    bars = "".join(
        f'<rect x="{4 * k}" y="{40 - 38 * count / most:.1f}" width="3" '
        f'height="{38 * count / most:.1f}"/>'
        for k, count in enumerate(card.histogram.tolist())
        if count
    )
    width = 4 * len(card.histogram) - 1
    return (
        f'<svg viewBox="0 0 {width} 40" preserveAspectRatio="none" role="img" '
        f'aria-label="shapes by the share of the grid that they fill, 0 to {fullest:.0%}">'
        f'{bars}<line x1="0" x2="{width}" y1="40" y2="40"/></svg>'
        f'<p class="scale"><span>0</span><span>{fullest:.0%}</span></p>'
    )


def _figure(sample: Sample) -> str:
    name = escape(sample.id, quote=True)
    view = "" if sample.view is None else _image(sample.view, f"picture of {name}", None)
    shape = _image(sample.shape, f"shape {name}", COLOURS)
    front = _image(sample.front, f"front of {name}", COLOURS)
    photo = "" if sample.photo is None else _image(sample.photo, f"photo made of {name}", None)
    return f'<figure title="{name}">{shape}{front}{view}{photo}</figure>'


def _image(picture: Picture, text: str, colours: int | None) -> str:
    image = Image.fromarray(picture)
    if colours is not None:
        image = image.quantize(colours)
    data = io.BytesIO()
    image.save(data, "PNG", optimize=True)
    encoded = base64.b64encode(data.getvalue()).decode("ascii")
    return (
        f'<img class="tile" width="{SIDE}" height="{SIDE}" loading="lazy" alt="{text}" '
        f'src="data:image/png;base64,{encoded}">'
    )


def _left_out(sheet: Sheet) -> Iterator[str]:
    if not sheet.left_out:
        yield '<p class="faint">Nothing: every shape of the source is in the store.</p>'
    for reason, names in sheet.left_out:
        listed = "<br>".join(escape(name) for name in names)
        yield (
            f"<details><summary><b>{formatting.count(len(names))}</b>{escape(reason)}</summary>"
            f'<div class="ids">{listed}</div></details>'
        )
