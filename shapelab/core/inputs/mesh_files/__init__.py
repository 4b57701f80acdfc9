"""Exact readers of mesh files, one a format; each takes bytes alone and follows no reference."""
