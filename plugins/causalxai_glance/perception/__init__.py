"""What the classifier itself perceives of the concepts, and which directions that holds."""

from causalxai_glance.perception.directions import (
    Constraints,
    DirectionConfig,
    find_edges,
    frequencies,
)
from causalxai_glance.perception.features import ChannelStatistics
from causalxai_glance.perception.instrument import Instrument, others_alone
from causalxai_glance.perception.perceived import PerceivedDiscoverer, paint_references
from causalxai_glance.perception.perception import Perception, PerceptionConfig, perceive
from causalxai_glance.perception.readout import ReadOut, ReadOutConfig
from causalxai_glance.perception.simex import ReadingErrors, SimexScore

__all__ = [
    "ChannelStatistics",
    "Constraints",
    "DirectionConfig",
    "Instrument",
    "PerceivedDiscoverer",
    "Perception",
    "PerceptionConfig",
    "ReadOut",
    "ReadOutConfig",
    "ReadingErrors",
    "SimexScore",
    "find_edges",
    "frequencies",
    "others_alone",
    "paint_references",
    "perceive",
]
