"""Shape models: networks, the file that holds them, latents, and what they make of pictures."""
