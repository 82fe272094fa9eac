"""Structural causal models of concepts: fitted, searched for, and asked what-ifs."""

from causalxai_glance.scm.basis import Basis
from causalxai_glance.scm.links import Link
from causalxai_glance.scm.mechanism import Mechanism
from causalxai_glance.scm.model import StructuralModel
from causalxai_glance.scm.noise import Noise, fit_noise
from causalxai_glance.scm.score import MdlScore
from causalxai_glance.scm.search import (
    MOST_NODES,
    EdgeMargin,
    Pair,
    exact_search,
    margin,
    total,
)

__all__ = [
    "MOST_NODES",
    "Basis",
    "EdgeMargin",
    "Link",
    "MdlScore",
    "Mechanism",
    "Noise",
    "Pair",
    "StructuralModel",
    "exact_search",
    "fit_noise",
    "margin",
    "total",
]
