"""What is made of a run in the background: its evaluation, and a model of it."""
