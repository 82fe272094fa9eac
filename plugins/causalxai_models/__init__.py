"""Classifiers: networks that are trained here, and networks of the user."""
