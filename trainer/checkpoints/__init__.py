"""Verified checkpoints: what is written is read back before an older one goes."""
