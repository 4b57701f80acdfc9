"""What a shape model, a shape and a training run are. Knows no Qt and draws nothing."""
