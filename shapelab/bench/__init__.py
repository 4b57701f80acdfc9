"""How fast this installation is on this machine, beside plain ways of doing the same."""
