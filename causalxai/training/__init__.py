"""Training loops that can be interrupted and continued."""
