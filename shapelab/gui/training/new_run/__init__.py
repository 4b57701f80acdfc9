"""The form of a new run: its data, its settings, what it will need."""
