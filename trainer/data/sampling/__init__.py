"""A source's shape in the model's grid, and whether it is fit to learn from."""
