"""Scores on held-out shapes, and the model file that carries them."""
