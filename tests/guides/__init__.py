"""The documentation's guides, followed word for word: ``python -m tests.guides``."""
