"""The trainer, whose processes wait for each other for some seconds only."""

from datetime import timedelta

import shapelab
from trainer.__main__ import main
from trainer.process import distributed

assert shapelab.__version__
distributed.PATIENCE = timedelta(seconds=12)
main()
