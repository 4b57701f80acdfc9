"""Furniture made from parameters: training data for a machine with nothing downloaded."""

from .furniture import drawn as drawn
from .furniture import parameters as parameters
from .furniture import signed_distance as signed_distance
from .procedural_reader import FAMILIES as FAMILIES
from .procedural_reader import PROCEDURAL as PROCEDURAL
from .union_mesh import mesh as mesh
