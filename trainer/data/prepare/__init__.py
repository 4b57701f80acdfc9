"""From a source to a prepared store, in parallel."""
