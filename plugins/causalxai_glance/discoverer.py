"""The discoverer `glance`: directions from the labels, each confirmed by the oracle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from causalxai.context import Context
from causalxai.errors import CapabilityError
from causalxai.graph import CausalGraph, Edge
from causalxai.graph_discoverer import DiscovererConfig, GraphDiscoverer
from causalxai.report.section import Section
from causalxai.seeding import numpy_generator
from causalxai_glance.concepts import named_concepts
from causalxai_glance.effects import direct_effects, edge_weights, prediction_shift
from causalxai_glance.figures import graph_section
from causalxai_glance.latent_space import PREDICTION, LatentSpace
from causalxai_glance.perception import PerceivedDiscoverer, PerceptionConfig
from causalxai_glance.scm import MdlScore, Pair, StructuralModel, compelled, exact_search, margin
from causalxai_glance.twin_oracle import TwinOracle
from causalxai_glance.witnesses import (
    UNDETERMINED,
    UNDETERMINED_BOOLEAN,
    Witnesses,
    witness_section,
)

Values = NDArray[np.float64]

_RESAMPLES = 200


class GlanceDiscoverer(GraphDiscoverer):
    """Edges of the twin's SCM layer that the classifier perceives.

    Three witnesses speak of each edge, and none is passed off as another. The *labels* say which
    way it points: the SCM layer's search by description length. The *oracle* confirms it: do()
    on the cause, the effect following by the SCM layer and all else held, is painted, and the
    classifier's features must read the effect back. *Perception*, where there are reference
    images, says which way the classifier's own readings point.

    Edges that the labels hold and the oracle does not confirm are *not perceived*; what the oracle
    shows and the labels do not hold is *perceived only*. Both are told in ``meta`` and in the
    report, and are no edges. The direction rests on the labels: a twin that obeys do() would
    confirm a reversed edge as well. An effect that is as large up as it is down (a U) cancels in
    the oracle's weight, and is told as not perceived.

    Attributes
    ----------
    requires
        An oracle that reads back, and labels of the concepts.
    """

    requires = frozenset({"oracle", "readback", "observations"})

    class Config(DiscovererConfig):
        """Settings.

        Parameters
        ----------
        threshold
            T: how many sds of the effect must be read back for each sd of the cause; for concepts
            that are there or not the unit is the step from 0 to 1.
        units
            How many held-out images the oracle is asked about.
        repeats
            Resamples of the labels, for the edges' frequency.
        resample_limit
            How many labels a resample has at most; the search costs seconds with many.
        perception
            Whether to hear the third witness where there are reference images.
        perceive
            How concepts are read for it.
        """

        threshold: PositiveFloat = 0.2
        units: PositiveInt = 200
        repeats: NonNegativeInt = 10
        resample_limit: int = Field(2000, ge=50)
        perception: bool = True
        perceive: PerceptionConfig = PerceptionConfig()

    config: Config

    def _discover(self, context: Context) -> CausalGraph:
        space = context.expect(LatentSpace, "the discoverer 'glance'")
        search = _LabelSearch(context, space, self.config)
        labelled = search.edges(search.labels)
        asked = replace(context, oracle=_oracle_along(labelled, search, context))
        names, concepts = named_concepts(asked, self.config.units)
        rng = numpy_generator(context.rng)
        effects = direct_effects(concepts)
        weights = edge_weights(effects)
        quality = space.quality_
        margins = search.margins(labelled)
        witnesses = Witnesses(
            names=names,
            labelled=labelled,
            required=search.required,
            margins=margins,
            told=search.told(labelled, margins),
            weights=weights,
            spread=np.stack(
                [edge_weights(effects[rows]) for rows in _resamples(len(effects), rng)]
            ),
            label_frequency=_frequency(self._label_edges(search, context, rng), len(names)),
            threshold=self.config.threshold,
            unfaithful=frozenset(
                concept for concept in range(len(names)) if not quality.faithful_in(concept)
            ),
            perceived=self._perceived(context),
        )
        shifts = prediction_shift(concepts)
        return CausalGraph(
            [*names, PREDICTION],
            [*witnesses.edges(), *_into_prediction(names, shifts, rng, search.barred)],
            tiers={**dict.fromkeys(names, 0), PREDICTION: 1},
            meta={
                "method": "glance",
                "units": len(concepts.units),
                "labels": len(search.labels),
                **witnesses.meta(),
            },
        )

    def _label_edges(
        self, search: _LabelSearch, context: Context, rng: np.random.Generator
    ) -> list[frozenset[Pair]]:
        """Return the edges that resampled labels hold."""
        found, labels = [], search.labels
        size = min(len(labels), self.config.resample_limit)
        with context.progress.task("resample the labels", self.config.repeats) as advance:
            for _ in range(self.config.repeats):
                found.append(search.edges(labels[rng.integers(len(labels), size=size)]))
                advance(1)
        return found

    def _perceived(self, context: Context) -> CausalGraph | None:
        """Hear the third witness."""
        if not self.config.perception or "reference" not in context.capabilities:
            return None
        if context.expect(LatentSpace, "the discoverer 'glance'").boolean_:
            # Readings of what is there or not pile up at two values, which point nowhere.
            return None
        witness = PerceivedDiscoverer(
            background=self.config.background,
            perception=self.config.perceive,
            resamples=0,
        )
        return witness.discover(context)

    def sections(self, graph: CausalGraph, context: Context) -> Sequence[Section]:
        """Show the graph beside the true one, and what each witness says."""
        return [graph_section(graph, context.dataset.graph), witness_section(graph)]


@dataclass
class _LabelSearch:
    """The SCM layer's search, on any sample of the labels."""

    context: Context
    space: LatentSpace
    config: GlanceDiscoverer.Config

    def __post_init__(self) -> None:
        concepts = self.context.dataset.train.concepts
        if concepts is None or self.space.scm_ is None:
            raise CapabilityError("the discoverer 'glance' needs labels of the named concepts")
        self.labels = self.space.labels(self.context.dataset.train)
        k = len(self.space.named_)
        said = self.config.background.among([*self.space.named_, PREDICTION])
        own = [frozenset(pair for pair in pairs if max(pair) < k) for pairs in said]
        self.barred = frozenset(i for i, j in said[1] if j == k)
        self.required, self.forbidden = (
            pairs | known for pairs, known in zip(own, self.space.known, strict=True)
        )
        if self.required & self.forbidden:
            raise CapabilityError(
                "background knowledge contradicts itself: what graph.background and "
                "concepts.background say cannot both be; write it in one of the two"
            )
        self._whole = MdlScore(self.labels, links=self.space.config.links)

    def edges(self, labels: Values) -> frozenset[Pair]:
        """Return the edges of the graph that describes labels shortest."""
        whole = labels is self.labels
        score = self._whole if whole else MdlScore(labels, links=self.space.config.links)
        return exact_search(
            score.d,
            score,
            required=self.required,
            forbidden=self.forbidden,
            max_parents=self.space.parents_at_most,
            most_nodes=self._whole.most_nodes,
        )

    def margins(self, edges: frozenset[Pair]) -> dict[Pair, tuple[float, float]]:
        """Return, for each edge, the nats that its absence and its reversal cost."""
        if not edges:
            return {}
        found = margin(
            self._whole.d,
            self._whole,
            required=self.required,
            forbidden=self.forbidden,
            max_parents=self.space.parents_at_most,
            most_nodes=self._whole.most_nodes,
        )
        return {pair: (found[pair].absent, found[pair].reversed) for pair in edges}

    def told(
        self, edges: frozenset[Pair], margins: Mapping[Pair, tuple[float, float]]
    ) -> frozenset[Pair]:
        """Return the edges whose direction the labels, or what is known beforehand, tell.

        Between concepts that are there or not, labels tell only what holds in all graphs of the
        equivalence class; elsewhere, and there besides, the reverse must cost enough. An edge
        between them that hardly pays for itself has no direction, either.
        """
        between = {(i, j) for i, j in edges if {i, j} <= self.space.boolean_}
        clear = {pair for pair in between if min(margins[pair]) >= UNDETERMINED_BOOLEAN}
        otherwise = {pair for pair in edges - between if margins[pair][1] >= UNDETERMINED}
        known = {(i, j) for i, j in edges if (i, j) in self.required or (j, i) in self.forbidden}
        return frozenset(known | otherwise | (clear & compelled(edges, known | otherwise)))


def _oracle_along(labelled: frozenset[Pair], search: _LabelSearch, context: Context) -> TwinOracle:
    """Return an oracle whose SCM layer has these edges: the user's knowledge may have moved some.

    Raises
    ------
    CapabilityError
        If the effects of do() do not spread in the pipeline's oracle.
    """
    oracle = context.expect(TwinOracle, "the discoverer 'glance'")
    if not oracle.config.propagate:
        raise CapabilityError(
            "the discoverer 'glance' needs oracle.propagate: true; 'glance-paper' sets latents "
            "and nothing else anyhow"
        )
    space = search.space
    if space.scm_ is None or labelled == space.scm_.edges:
        return oracle
    other = copy(space)
    other.scm_ = StructuralModel.fit(
        search.labels, space.named_, edges=labelled, links=space.config.links
    )
    bound = TwinOracle(oracle.config).bind(
        context.classifier, other, memory_ceiling=oracle.memory_ceiling
    )
    bound.ledger = oracle.ledger
    return bound


def _frequency(found: Sequence[frozenset[Pair]], k: int) -> Values:
    share = np.full((k, k), np.nan)
    if found:
        share = np.array([[np.mean([(i, j) in e for e in found]) for j in range(k)]
                          for i in range(k)])  # fmt: skip
    return share


def _resamples(n: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of bootstrap samples of units."""
    yield from (rng.integers(n, size=n) for _ in range(_RESAMPLES))


def _into_prediction(
    names: Sequence[str], shifts: Values, rng: np.random.Generator, barred: frozenset[int]
) -> Iterator[Edge]:
    """Yield how far each concept moves the prediction, with an interval over units."""
    resamples = [shifts[rows].mean(axis=0) for rows in _resamples(len(shifts), rng)]
    low, high = np.quantile(resamples, (0.025, 0.975), axis=0)
    for index, name in enumerate(names):
        if index in barred:
            continue
        yield Edge(
            name,
            PREDICTION,
            weight=float(shifts[:, index].mean()),
            low=float(low[index]),
            high=float(high[index]),
        )
