"""The contact sheet of a store, as a page and as a picture."""
