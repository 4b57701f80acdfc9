"""Furniture made from parameters: training data for a machine with nothing downloaded."""

from .procedural_reader import PROCEDURAL as PROCEDURAL
from .union_mesh import Union as Union
