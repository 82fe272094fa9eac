"""Data sets of images from packages, from folders, and from our own drawing."""

__version__ = "0.9.0"
