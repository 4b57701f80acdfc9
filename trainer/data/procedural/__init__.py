"""Furniture made from parameters: training data for a machine with nothing downloaded."""

from trainer.data.procedural.furniture import drawn as drawn
from trainer.data.procedural.furniture import parameters as parameters
from trainer.data.procedural.furniture import signed_distance as signed_distance
from trainer.data.procedural.mesh import mesh as mesh
from trainer.data.procedural.reader import FAMILIES as FAMILIES
from trainer.data.procedural.reader import PROCEDURAL as PROCEDURAL
