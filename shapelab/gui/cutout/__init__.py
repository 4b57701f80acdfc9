"""The cut-out editor: says what in a picture is the object."""
