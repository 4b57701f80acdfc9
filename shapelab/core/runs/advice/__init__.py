"""What one can be told of a run: what looks wrong in it, and what one to come will need."""
