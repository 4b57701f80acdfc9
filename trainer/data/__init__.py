"""Readers, preparation and storage of training data."""
