"""Report sections of these methods."""
