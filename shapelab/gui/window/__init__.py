"""The frame of the window: menu entries, commands, status bar and overlays."""
