"""Tools for the layers of any network: find them, order them, read and replace their output."""
