"""All families of furniture, by their labels."""

from __future__ import annotations

from shapelab.core.furniture.families.armchair import Armchair
from shapelab.core.furniture.families.bathtub import Bathtub
from shapelab.core.furniture.families.bed import Bed
from shapelab.core.furniture.families.bench import Bench
from shapelab.core.furniture.families.bookshelf import Bookshelf
from shapelab.core.furniture.families.chair import Chair
from shapelab.core.furniture.families.desk import Desk
from shapelab.core.furniture.families.dresser import Dresser
from shapelab.core.furniture.families.kitchen_appliance import KitchenAppliance
from shapelab.core.furniture.families.lamp import Lamp
from shapelab.core.furniture.families.monitor import Monitor
from shapelab.core.furniture.families.night_stand import NightStand
from shapelab.core.furniture.families.sink import Sink
from shapelab.core.furniture.families.sofa import Sofa
from shapelab.core.furniture.families.stool import Stool
from shapelab.core.furniture.families.table import Table
from shapelab.core.furniture.families.toilet import Toilet
from shapelab.core.furniture.families.wardrobe import Wardrobe
from shapelab.core.furniture.furniture import Furniture

# In the order of their labels, which is that of the model's classes and of a source's items.
_MADE: tuple[type[Furniture], ...] = (
    Armchair, Bathtub, Bed, Bench, Bookshelf, Chair, Desk, Dresser, KitchenAppliance,
    Lamp, Monitor, NightStand, Sink, Sofa, Stool, Table, Toilet, Wardrobe,
)  # fmt: skip
#: Of what parameters make. It counts up whenever they make other shapes: then shapes, models and
#: stores of the one before are not gone on with.
EDITION = 3

FAMILIES: dict[str, type[Furniture]] = {family.label: family for family in _MADE}
