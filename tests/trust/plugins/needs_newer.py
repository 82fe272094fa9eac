"""A plugin that would work, of a distribution that requires a causalxai of the future."""

from hostile.explaining import Good as Explainer

__all__ = ["Explainer"]
