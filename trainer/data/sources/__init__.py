"""Kinds of sources: each lists its shapes fast and loads them anywhere."""
