"""Explainers and a discoverer that work with every concept space and every oracle.

They ask each concept for its own unit of change (``Concept.unit_change``) and the oracle for what
follows, and know neither of them otherwise.
"""

__version__ = "0.9.0"
