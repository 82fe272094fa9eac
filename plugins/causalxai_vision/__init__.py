"""Image data sets and classifiers."""
