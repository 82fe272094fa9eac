"""Reading and ordering the layers of any network."""
