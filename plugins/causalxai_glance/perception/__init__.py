"""Concepts as read from the classifier's features, and causal directions in these readings."""

from causalxai_glance.perception.convolved import ConvolvedScore
from causalxai_glance.perception.directions import (
    Constraints,
    DirectionConfig,
    Directions,
    find_edges,
    frequencies,
)
from causalxai_glance.perception.features import ChannelStatistics
from causalxai_glance.perception.measurement_model import MeasurementModel, others_alone
from causalxai_glance.perception.perceived import PerceivedDiscoverer, paint_references
from causalxai_glance.perception.perception import Perception, PerceptionConfig, perceive
from causalxai_glance.perception.readout import ReadOut, ReadOutConfig

__all__ = [
    "ChannelStatistics",
    "Constraints",
    "ConvolvedScore",
    "DirectionConfig",
    "Directions",
    "MeasurementModel",
    "PerceivedDiscoverer",
    "Perception",
    "PerceptionConfig",
    "ReadOut",
    "ReadOutConfig",
    "find_edges",
    "frequencies",
    "others_alone",
    "paint_references",
    "perceive",
]
