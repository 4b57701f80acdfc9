"""Training runs as data: settings, folder, events, state, curves and what they say."""
