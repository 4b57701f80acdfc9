"""Batches of a store as networks take them, pure functions of seed and step."""
