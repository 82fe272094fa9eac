"""Report sections of the baselines."""
