"""Causal explanations of trained image classifiers.

``import causalxai`` is quick: public names load what they need when they are first used. The list
of them is in ``__init__.pyi``.
"""

from __future__ import annotations

import lazy_loader

from causalxai.plotting import draw_with

__version__ = "0.9.0"

draw_with("causalxai.report.axes")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
