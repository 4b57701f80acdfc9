"""The window: thin widgets that view the Session and call the core."""
