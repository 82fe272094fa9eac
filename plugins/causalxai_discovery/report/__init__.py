"""What the report shows of these methods."""
