"""Toys that break a promise, each registered for the checks that it fails."""
