"""Fits of latents to cells that are known, in part or all."""
