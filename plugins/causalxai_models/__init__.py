"""Classifiers: networks that are trained here, and networks of the user."""

__version__ = "0.9.0"
