"""The twin surrogate: networks, losses and their training."""
