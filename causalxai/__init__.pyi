from .capabilities import Capability as Capability
from .classifier import Classifier as Classifier
from .classifier import ClassifierSource as ClassifierSource
from .comparison import Comparison as Comparison
from .comparison import compare as compare
from .concept_space import Concept as Concept
from .concept_space import ConceptSpace as ConceptSpace
from .concept_space import Units as Units
from .dataset import Dataset as Dataset
from .dataset import DatasetSource as DatasetSource
from .dataset import Split as Split
from .explainer import Explainer as Explainer
from .explainer import Explanation as Explanation
from .explainer import ExplanationInputs as ExplanationInputs
from .graph import CausalGraph as CausalGraph
from .graph import Edge as Edge
from .graph import EdgeKind as EdgeKind
from .graph import Node as Node
from .graph import NodeKind as NodeKind
from .graph_discoverer import BackgroundKnowledge as BackgroundKnowledge
from .graph_discoverer import DiscoveryInputs as DiscoveryInputs
from .graph_discoverer import GraphDiscoverer as GraphDiscoverer
from .intervention import Intervention as Intervention
from .metric import AttributionSpace as AttributionSpace
from .metric import Estimate as Estimate
from .metric import Metric as Metric
from .metric import MetricResult as MetricResult
from .metric import ScoringInputs as ScoringInputs
from .network.hidden_layer import HiddenLayer as HiddenLayer
from .oracle import Oracle as Oracle
from .oracle import Response as Response
from .pipeline import Run as Run
from .pipeline import run as run
from .plugin import PluginConfig as PluginConfig
from .storage.checkpoint import Checkpoint as Checkpoint

__all__: list[str]
__version__: str
