"""Furniture made from parameters: training data for a machine with nothing downloaded."""

from .furniture import parameters as parameters
from .furniture import random_piece as random_piece
from .furniture import signed_distance as signed_distance
from .procedural_reader import FAMILIES as FAMILIES
from .procedural_reader import PROCEDURAL as PROCEDURAL
from .union_mesh import Union as Union
