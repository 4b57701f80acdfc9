"""Two or four shapes side by side, seen by one camera, and how far they differ."""
