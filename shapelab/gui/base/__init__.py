"""What every part of the window shares: look, threads, messages, labels and sliders."""
