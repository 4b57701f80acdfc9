"""The gallery in the window: the strip of kept shapes, and what is made of several of them."""
