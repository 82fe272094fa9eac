"""Labelled images as they are read: from folders, tables, tensors and PyTorch's data sets."""
