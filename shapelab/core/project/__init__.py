"""Projects: all that a window holds, in one file, and in a journal while it is worked on."""
