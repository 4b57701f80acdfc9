"""What can be told of runs: what looks wrong, what one will need, how several differ."""
