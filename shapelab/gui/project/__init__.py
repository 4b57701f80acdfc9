"""The window's project: its file, its journal, and what is offered at the start."""
