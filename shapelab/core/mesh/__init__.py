"""Meshes: from occupancy to a surface, from a surface to a checked part."""
