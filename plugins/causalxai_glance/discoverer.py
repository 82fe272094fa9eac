"""The discoverer `glance`: directions from the labels, each confirmed by the oracle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from causalxai.capabilities import Capability, expect
from causalxai.errors import CapabilityError
from causalxai.graph import CausalGraph, Edge, Node, NodeKind
from causalxai.graph_discoverer import DiscovererConfig, DiscoveryInputs, GraphDiscoverer
from causalxai.intervals import widened
from causalxai.outline import Outline
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator
from causalxai.storage.record import Record
from causalxai_glance.concept_labels import boolean_concepts
from causalxai_glance.concepts import chosen_rows, named_concepts
from causalxai_glance.edge_evidence import (
    FALSE_EDGES,
    UNDETERMINED,
    UNDETERMINED_BOOLEAN,
    EdgeEvidence,
    share_of_each_pair,
)
from causalxai_glance.effects import direct_effects, edge_weights, prediction_shift
from causalxai_glance.latent_space import PREDICTION, LatentSpace
from causalxai_glance.perception import PerceivedDiscoverer, PerceptionConfig
from causalxai_glance.scm import (
    FEWEST,
    MOST_BOOLEAN,
    MdlScore,
    Pair,
    PartialScore,
    SearchProblem,
    StructuralModel,
    compelled,
    doubtful_directions,
    find_graph,
    find_margins,
    is_coarse,
    order_search,
    searchable,
)
from causalxai_glance.twin_oracle import TwinOracle

Values = NDArray[np.float64]

_RESAMPLES = 200
_MOST_EXACT = 5  # So many concepts at most are searched exactly in halves of the labels.


class GlanceDiscoverer(GraphDiscoverer):
    """Edges of the twin's SCM layer that the classifier perceives.

    Each edge carries three separate kinds of evidence. The *labels* determine its direction: the
    SCM layer's graph is the one with the least description length. The *oracle* confirms it: it
    applies do() to the cause, lets the effect follow by the SCM layer while all other concepts are
    held, and renders the result; the effect must then be read back from the classifier's features.
    *Perception*, where there are reference images, determines the direction from the classifier's
    own readings of the concepts.

    Edges that are found in the labels and not confirmed by the oracle are *not perceived*; edges
    that the oracle shows and the labels do not have are *perceived only*. Both are listed in the
    graph's annotations and in the report, and are not edges of the graph. A U-shaped effect, with
    opposite signs for steps up and down, cancels in the oracle's weight and is listed as not
    perceived.

    The direction comes from the labels alone: a twin that obeys do() would confirm a reversed edge
    as well. The edge is undirected where the reverse describes the labels nearly as well, and where
    a concept has only 3 to 30 levels, because the steps between levels resemble nonlinear effects.
    Where the spread of the noise depends on the cause, it is directed only if models that allow for
    this agree; see ``doubtful_directions``.
    Background knowledge constrains the search on the labels; perception does not use it.

    Attributes
    ----------
    requires
        An oracle that reads concepts back, and labels of the concepts.
    """

    requires = frozenset({Capability.ORACLE, Capability.READBACK, Capability.OBSERVATIONS})
    space_kind = LatentSpace
    oracle_kind = TwinOracle

    class Config(DiscovererConfig):
        """Settings.

        Parameters
        ----------
        threshold
            T: the least change of the effect, in its sds, that must be read back for each sd of the
            cause. For boolean concepts the unit is the step from 0 to 1.
        units
            The number of test images for which the oracle is queried.
        repeats
            The number of random halves of the labels on which the search is repeated, for the
            edges' frequency. Halves are drawn without replacement, because repeated labels would
            count as additional evidence. There is no resampling if a half has too few labels to
            search. With more than five concepts, unless all are boolean, the search of a half
            starts from the order that was found on all labels, and moves concepts within it.
        resample_limit
            The largest number of labels in a half.
        perception
            Whether to determine perceived directions where there are reference images.
        perceive
            How the concepts are read for these.
        """

        threshold: PositiveFloat = 0.2
        units: PositiveInt = 200
        repeats: NonNegativeInt = 10
        resample_limit: int = Field(2000, ge=50)
        perception: bool = True
        perceive: PerceptionConfig = PerceptionConfig()

    config: Config

    def __init__(self, config: PluginConfig | None = None, /, **settings: object) -> None:
        super().__init__(config, **settings)
        self.prepares = self.config.perception

    def check_outline(self, outline: Outline) -> None:
        """Check that ``background`` fits the concepts."""
        self.config.background.among([*outline.concept_names, PREDICTION])

    def _discover(self, inputs: DiscoveryInputs) -> CausalGraph:
        return self._discover_with(inputs, Record())

    def _discover_with(self, inputs: DiscoveryInputs, prepared: Record) -> CausalGraph:
        space = expect(inputs.need_space(), LatentSpace, "the discoverer 'glance'")
        search = _LabelSearch(inputs, space, self.config)
        labelled = search.edges()
        asked = replace(inputs, oracle=_oracle_along(labelled, search, inputs))
        names, concepts = named_concepts(asked, self.config.units)
        rng = numpy_generator(inputs.rng)
        effects = direct_effects(concepts)
        weights = edge_weights(effects)
        quality = space.quality_
        margins = search.margins(labelled)
        doubtful = search.doubtful(labelled, margins)
        evidence = EdgeEvidence(
            names=names,
            labelled=labelled,
            required=search.required,
            margins=margins,
            oriented=search.oriented(labelled, margins) - doubtful,
            doubtful=doubtful,
            weights=weights,
            spread=np.stack(
                [edge_weights(effects[rows]) for rows in _resamples(len(effects), rng)]
            ),
            label_frequency=share_of_each_pair(
                self._label_edges(search, labelled, inputs, rng), len(names)
            ),
            threshold=self.config.threshold,
            units=len(effects),
            unfaithful=frozenset(
                concept for concept in range(len(names)) if not quality.faithful_in(concept)
            ),
            perceived=self._perceived(inputs, prepared),
        )
        shifts = prediction_shift(concepts)
        doubts = dict.fromkeys(evidence.unfaithful, _UNFAITHFUL)
        return CausalGraph(
            [
                *(Node(name, tier=0) for name in names),
                Node(PREDICTION, NodeKind.PREDICTION, tier=1),
            ],
            [*evidence.edges(), *_into_prediction(names, shifts, rng, search.barred, doubts)],
            annotations={
                "method": "glance",
                "units": len(concepts.units),
                "labels": len(search.labels),
                "false_edges": FALSE_EDGES,
                **evidence.findings(),
            },
        )

    def _label_edges(
        self,
        search: _LabelSearch,
        labelled: frozenset[Pair],
        inputs: DiscoveryInputs,
        rng: np.random.Generator,
    ) -> list[frozenset[Pair]]:
        """Return the edges found on each of the random halves of the labels."""
        found, labels = [], search.labels
        half = len(labels) // 2
        repeats = self.config.repeats if half >= FEWEST else 0
        with inputs.progress.task("resample the labels", repeats) as advance:
            for _ in range(repeats):
                rows = rng.permutation(len(labels))[: min(half, self.config.resample_limit)]
                found.append(search.resampled(labels[rows], labelled))
                advance(1)
        return found

    def _prepare(self, inputs: DiscoveryInputs) -> Record:
        """Return the graph of perceived directions, or nothing where it cannot be determined."""
        if not self._can_perceive(inputs) or boolean_concepts(inputs.dataset):
            return Record()
        # What discover draws before it comes to perception, whose numbers are then the same.
        chosen_rows(inputs, self.config.units)
        numpy_generator(inputs.rng)
        return Record(meta=self._seen(inputs).to_json())

    def _perceived(self, inputs: DiscoveryInputs, prepared: Record) -> CausalGraph | None:
        """Return the graph of perceived directions, or ``None`` where it cannot be determined."""
        space = expect(inputs.need_space(), LatentSpace, "the discoverer 'glance'")
        # Readings of boolean concepts cluster at two values, which do not determine a direction.
        if not self._can_perceive(inputs) or space.boolean_:
            return None
        return CausalGraph.from_json(prepared.meta) if prepared.meta else self._seen(inputs)

    def _can_perceive(self, inputs: DiscoveryInputs) -> bool:
        needed = {Capability.REFERENCE, Capability.OBSERVATIONS}
        return self.config.perception and needed <= inputs.capabilities

    def _seen(self, inputs: DiscoveryInputs) -> CausalGraph:
        # Perceived directions are independent evidence, so that background knowledge is left out.
        return PerceivedDiscoverer(perception=self.config.perceive, resamples=0).discover(inputs)


@dataclass
class _LabelSearch:
    """The SCM layer's graph search, on all labels or on a sample of them."""

    inputs: DiscoveryInputs
    space: LatentSpace
    config: GlanceDiscoverer.Config

    def __post_init__(self) -> None:
        concepts = self.inputs.dataset.train.concepts
        if concepts is None or self.space.scm_ is None:
            raise CapabilityError("the discoverer 'glance' needs labels of the named concepts")
        self.labels = self.space.labels(self.inputs.dataset.train)
        k = len(self.space.named_)
        said = self.config.background.among([*self.space.named_, PREDICTION])
        own = [frozenset(pair for pair in pairs if max(pair) < k) for pairs in said]
        self.barred = frozenset(i for i, j in said[1] if j == k)
        self.required, self.forbidden = (
            pairs | known for pairs, known in zip(own, self.space.known, strict=True)
        )
        if self.required & self.forbidden:
            raise CapabilityError(
                "graph.background and concepts.background contradict each other; state the "
                "background knowledge in one of the two"
            )
        self._whole = MdlScore(
            searchable(self.labels, self.space.named_), links=self.space.config.links
        )
        self._problem = SearchProblem(
            self._whole.d,
            self._whole,
            self.required,
            self.forbidden,
            self.space.parents_at_most,
            self._whole.most_nodes,
        )
        self.coarse = frozenset(j for j in range(k) if is_coarse(self.labels[:, j]))

    def edges(self) -> frozenset[Pair]:
        """Return the edges of the graph with the least description length of the labels."""
        return find_graph(self._problem)

    def resampled(self, labels: Values, labelled: frozenset[Pair]) -> frozenset[Pair]:
        """Return the same for a sample of labels.

        A concept that does not vary in the sample has only the edges that are required.

        Parameters
        ----------
        labels
            The sample.
        labelled
            The edges found on all labels. A concept has at most one cause more than there is there,
            and the search among many concepts starts from their order.
        """
        score = PartialScore(labels, links=self.space.config.links)
        limit = self.space.parents_at_most
        most = 1 + max(Counter(j for _, j in labelled).values(), default=0)
        problem = replace(
            self._problem,
            score=score,
            forbidden=self.forbidden | (score.forbidden - self.required),
            max_parents=most if limit is None else min(limit, most),
        )
        if score.d <= _MOST_EXACT or len(self.space.boolean_) == score.d <= MOST_BOOLEAN:
            return find_graph(problem)
        return order_search(problem, start=labelled)

    def margins(self, edges: frozenset[Pair]) -> dict[Pair, tuple[float, float]]:
        """Return, for each edge, the nats that its absence and its reversal would cost."""
        if not edges:
            return {}
        found = find_margins(self._problem)
        return {pair: (found[pair].absent, found[pair].reversed) for pair in edges}

    def doubtful(
        self, edges: frozenset[Pair], margins: Mapping[Pair, tuple[float, float]]
    ) -> frozenset[Pair]:
        """Return the edges whose direction noise of uneven spread puts in doubt."""
        oriented = self.oriented(edges, margins) - self._known(edges)
        told = {pair for pair in oriented if not set(pair) <= self.space.boolean_}
        return doubtful_directions(self._problem, self._whole, edges, told, UNDETERMINED)

    def _known(self, edges: frozenset[Pair]) -> frozenset[Pair]:
        """Return the edges whose direction the background knowledge determines."""
        return frozenset(
            (i, j) for i, j in edges if (i, j) in self.required or (j, i) in self.forbidden
        )

    def oriented(
        self, edges: frozenset[Pair], margins: Mapping[Pair, tuple[float, float]]
    ) -> frozenset[Pair]:
        """Return the edges whose direction the labels or the background knowledge determine.

        Between boolean concepts, labels determine only the directions that all graphs of the
        equivalence class share. For all concepts, the reverse must also cost enough nats. Two
        further kinds of edges are left undirected: those between boolean concepts that hardly
        shorten the description, and those from or to a concept of few levels, such as a rating; see
        ``is_coarse``.
        """
        between = {(i, j) for i, j in edges if {i, j} <= self.space.boolean_}
        clear = {pair for pair in between if min(margins[pair]) >= UNDETERMINED_BOOLEAN}
        fine = {pair for pair in edges - between if not self.coarse & set(pair)}
        otherwise = {pair for pair in fine if margins[pair][1] >= UNDETERMINED}
        known = self._known(edges)
        return frozenset(known | otherwise | (clear & compelled(edges, known | otherwise)))


def _oracle_along(
    labelled: frozenset[Pair], search: _LabelSearch, inputs: DiscoveryInputs
) -> TwinOracle:
    """Return an oracle whose SCM layer has these edges, which may differ from the space's own.

    Raises
    ------
    CapabilityError
        If the pipeline's oracle does not propagate the effects of do().
    """
    oracle = expect(inputs.need_oracle(), TwinOracle, "the discoverer 'glance'")
    if not oracle.config.propagate:
        raise CapabilityError(
            "the discoverer 'glance' needs oracle.propagate: true; the discoverer 'glance-paper' "
            "works without it"
        )
    space = search.space
    if space.scm_ is None or labelled == space.scm_.edges:
        return oracle
    other = copy(space)
    other.scm_ = StructuralModel.fit(
        search.labels, space.named_, edges=labelled, links=space.config.links
    )
    bound = TwinOracle(oracle.config).bind(
        inputs.classifier, other, memory_ceiling=oracle.memory_ceiling
    )
    bound.ledger = oracle.ledger
    return bound


_UNFAITHFUL = "the twin is not faithful in this concept: its pictures do not show what do() sets"


def _resamples(n: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of bootstrap samples of units."""
    yield from (rng.integers(n, size=n) for _ in range(_RESAMPLES))


def _into_prediction(
    names: Sequence[str],
    shifts: Values,
    rng: np.random.Generator,
    barred: frozenset[int],
    doubts: Mapping[int, str],
) -> Iterator[Edge]:
    """Yield an edge from each concept into the prediction, with an interval over units."""
    resamples = [shifts[rows].mean(axis=0) for rows in _resamples(len(shifts), rng)]
    ends = np.quantile(resamples, (0.025, 0.975), axis=0)
    low, high = widened(ends, shifts.mean(axis=0), len(shifts))
    for index, name in enumerate(names):
        if index in barred:
            continue
        yield Edge(
            name,
            PREDICTION,
            weight=float(shifts[:, index].mean()),
            low=float(low[index]),
            high=float(high[index]),
            annotations={"doubt": doubts[index]} if index in doubts else {},
        )
