"""Furniture of parameters as a model: what makes it, and what finds it in pictures and grids."""
