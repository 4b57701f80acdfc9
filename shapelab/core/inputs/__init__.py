"""Files of others, read in a limited process and turned into the model's shape."""
