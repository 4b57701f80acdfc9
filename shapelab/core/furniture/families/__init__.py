"""The families of furniture, one a file."""
