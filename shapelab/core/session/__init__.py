"""The shape a person is looking at, its history, and the files that keep it."""
