"""The report: one HTML file, with nothing to fetch."""
