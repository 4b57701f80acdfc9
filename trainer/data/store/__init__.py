"""The prepared store: written so that nothing is lost, read by memory map."""
