"""The training workspace: runs, the form of a new one, and one run in full."""
