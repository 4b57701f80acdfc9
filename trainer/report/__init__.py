"""What people are told of runs: terminal, previews, TensorBoard."""
