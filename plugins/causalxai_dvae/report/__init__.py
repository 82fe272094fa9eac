"""What the report shows of this method."""
