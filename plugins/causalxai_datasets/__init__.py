"""Data sets of images: from packages, from folders, and drawn."""

__version__ = "0.3.0"
