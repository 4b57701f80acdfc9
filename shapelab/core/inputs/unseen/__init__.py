"""What a picture or scan does not show: how unsure that leaves the model, and what it adds."""
