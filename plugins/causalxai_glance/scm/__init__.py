"""Structural causal models of concepts: graph search, fitting and counterfactuals."""

from causalxai_glance.scm.attribute_score import is_boolean
from causalxai_glance.scm.basis import Basis
from causalxai_glance.scm.choices import Choice, screened
from causalxai_glance.scm.design import is_coarse
from causalxai_glance.scm.equivalence import compelled
from causalxai_glance.scm.graph_search import find_graph, find_margins
from causalxai_glance.scm.links import Link
from causalxai_glance.scm.model import Following, StructuralModel
from causalxai_glance.scm.noise import Noise, fit_noise
from causalxai_glance.scm.order_search import order_margin, order_search
from causalxai_glance.scm.partial_score import PartialScore
from causalxai_glance.scm.sample_checks import FEWEST, searchable
from causalxai_glance.scm.score import MdlScore
from causalxai_glance.scm.search import (
    MOST_BOOLEAN,
    MOST_NODES,
    MOST_NODES_LIMITED,
    EdgeMargin,
    LocalScore,
    Pair,
    SearchProblem,
    exact_search,
    margin,
    total,
)
from causalxai_glance.scm.structural_equation import StructuralEquation
from causalxai_glance.scm.threshold import ThresholdEquation
from causalxai_glance.scm.uneven_noise import doubtful_directions

__all__ = [
    "FEWEST",
    "MOST_BOOLEAN",
    "MOST_NODES",
    "MOST_NODES_LIMITED",
    "Basis",
    "Choice",
    "EdgeMargin",
    "Following",
    "Link",
    "LocalScore",
    "MdlScore",
    "Noise",
    "Pair",
    "PartialScore",
    "SearchProblem",
    "StructuralEquation",
    "StructuralModel",
    "ThresholdEquation",
    "compelled",
    "doubtful_directions",
    "exact_search",
    "find_graph",
    "find_margins",
    "fit_noise",
    "is_boolean",
    "is_coarse",
    "margin",
    "order_margin",
    "order_search",
    "screened",
    "searchable",
    "total",
]
