"""The ``shapelab`` command: opens the window, or runs one headless command."""

from __future__ import annotations

import sys

from shapelab.cli import main

if __name__ == "__main__":
    sys.exit(main())
