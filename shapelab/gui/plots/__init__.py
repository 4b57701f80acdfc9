"""Live curves of training runs."""
