"""Furniture made from parameters: what the model ``procedural`` shows, and training data."""
