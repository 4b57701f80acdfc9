"""Makes models: data preparation, VAE + WGAN-GP training, evaluation and export."""
