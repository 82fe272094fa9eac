"""Data sets of images: from packages, from folders, and drawn."""
