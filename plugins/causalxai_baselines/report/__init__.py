"""Report sections of this method."""
