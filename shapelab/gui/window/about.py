"""The About dialog: version, and the card of the model in use."""

from __future__ import annotations

import json
import platform
from html import escape
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QTextBrowser, QVBoxLayout, QWidget

import shapelab
from shapelab.core import formatting
from shapelab.core.model.attributions import KEY, Credit, credits_of
from shapelab.gui.base.labels import readable

if TYPE_CHECKING:
    from shapelab.core.model.model_summary import ModelSummary
    from shapelab.core.model.shape_model import ShapeModel


class AboutDialog(QDialog):
    """Version of the program, the model's card as a table, and the system it runs on."""

    def __init__(self, model: ShapeModel | None, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("About ShapeLab")
        title = QLabel(f"<h2>ShapeLab {shapelab.__version__}</h2>")
        purpose = QLabel("Explore, reconstruct, morph and export 3-D shapes.")
        system = QLabel(
            f"Python {platform.python_version()} · Qt {qVersion()} "
            f"({QGuiApplication.platformName()}) · {platform.system()} · MIT licence"
        )
        system.setProperty("muted", True)
        card = QTextBrowser()
        card.document().setDocumentMargin(12)
        card.setOpenExternalLinks(True)
        card.setHtml(card_html(model) if model else "<p>The model is still being loaded.</p>")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.button(QDialogButtonBox.StandardButton.Close).setIcon(QIcon())
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        for widget in (title, purpose, card, system, buttons):
            column.addWidget(widget)
        self.resize(560, 560)


def card_html(model: ShapeModel | ModelSummary) -> str:
    """The model card as rows of name and value, and the works that the model was made from."""
    classes = ", ".join(readable(name).lower() for name in model.classes)
    facts: dict[str, Any] = {"model": model.name, "classes": classes, "digest": model.digest[:16]}
    card = {key: value for key, value in model.card.items() if key not in ("name", "classes", KEY)}
    settings = {"settings": card.pop("settings", {})}  # many: last
    facts |= card | settings
    rows = "".join(
        f"<tr><td style='padding:3px 14px 3px 0'><b>{escape(formatting.words(key))}</b></td>"
        f"<td style='padding:3px 0'>{_text(value)}</td></tr>"
        for key, value in facts.items()
    )
    made_from = "".join(f"<li>{_credit(each)}</li>" for each in credits_of(model.card))
    works = f"<h3>Made from</h3><ul>{made_from}</ul>" if made_from else ""
    return f"<table>{rows}</table>{works}"


def _credit(credit: Credit) -> str:
    """One line; the licence leads to its text."""
    url, name = escape(credit.licence_url), escape(credit.licence)
    licence = f"<a href='{url}'>{name}</a>" if url.startswith(("https://", "http://")) else name
    changes = f", changed: {escape(credit.changes)}" if credit.changes else ""
    works = f"{escape(', '.join(credit.titles))} by {escape(credit.author or 'an unnamed author')}"
    return f"{works} ({licence}; {escape(credit.source)}{changes})"


def _entry(name: str, value: Any) -> str:
    """One line; more than one value begins on the next."""
    between = ":<br>" if isinstance(value, dict) else ": "
    return f"{escape(name)}{between}{_text(value)}"


def _text(value: Any) -> str:
    """A card's value for reading: figures one a line, everything else as it stands."""
    if isinstance(value, dict):
        return "<br>".join(_entry(formatting.words(str(k)), v) for k, v in value.items())
    if isinstance(value, str | bool):
        return escape(str(value))
    if isinstance(value, int | float):
        return formatting.count(value) if isinstance(value, int) else formatting.number(value)
    return escape(json.dumps(value, ensure_ascii=False))
