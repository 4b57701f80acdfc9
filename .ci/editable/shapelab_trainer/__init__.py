"""What an editable installation finds as ``shapelab_trainer``: the checkout's ``trainer``.

A wheel renames the folder; an editable installation puts this one on the import path instead.
"""

from pathlib import Path

__path__ = [str(Path(__file__).resolve().parents[3] / "trainer")]
