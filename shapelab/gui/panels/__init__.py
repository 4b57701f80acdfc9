"""The panels beside the view: latent, picture and morph."""
