"""What a classifier perceives of a scenario, and the twin of it; trained once, kept in a store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _random_models import Edges, Values
from numpy.typing import NDArray

from causalxai.config import load_spec
from causalxai.pipeline.stages import Pipeline
from causalxai.seeding import torch_generator
from causalxai.storage.store import Store
from causalxai_datasets.morpho import Morpho
from causalxai_datasets.morpho.equations import graph_of
from causalxai_datasets.morpho.scenarios import SCENARIOS
from causalxai_glance.effects import Concepts, direct_effects
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.paper_discoverer import Trials, run_trials
from causalxai_glance.perception import Perception, paint_references, perceive
from causalxai_glance.scm import StructuralModel

Rows = NDArray[np.int64]

PICTURES: Mapping[str, Mapping[str, Any]] = {
    **{name: {"scenario": name} for name in SCENARIOS},
    # The root's distribution now draws what was the effect, and the root follows along the sigmoid.
    "TI-mirror": {
        "equations": {
            "intensity": {
                "expression": "20 + 50 * (0.5 + noise)",
                "noise": {"distribution": "gamma", "shape": 10, "rate": 5},
            },
            "thickness": {
                "expression": "1 + 4 * sigmoid(2 * (intensity - 20) / 50 - 5) + noise",
                "noise": {"distribution": "normal", "sd": 0.05},
            },
        }
    },
    "IT-mirror": {
        "equations": {
            "thickness": {
                "expression": "noise",
                "noise": {"distribution": "uniform", "low": 1, "high": 4},
            },
            "intensity": {
                "expression": "40 + 195 * sigmoid((thickness - 2.5) / 0.46) + noise",
                "noise": {"distribution": "normal", "sd": 8},
            },
        }
    },
    "TS-mirror": {
        "equations": {
            "slant": {
                "expression": "6 * (0.5 + noise) - 15",
                "noise": {"distribution": "gamma", "shape": 10, "rate": 5},
            },
            "thickness": {
                "expression": "max(0.6, 1 + 4 * sigmoid((slant + 15) / 3 - 5) + noise)",
                "noise": {"distribution": "normal", "sd": 0.3},
            },
        }
    },
    "independent-2": {"scenario": "TI", "independent": True},
    "independent-4": {"scenario": "TSWI", "independent": True},
}
"""What ``morpho`` is asked to draw."""

_UNITS = 500


@dataclass(frozen=True)
class Settings:
    """How worlds are made.

    Parameters
    ----------
    base, path
        Whose digits: ``mnist``'s or scikit-learn's ``digits``; the folder of MNIST's files.
    images, references
        How many of the scenario, and with independent concepts.
    steps
        Of each twin's training; by default 500 for two concepts and 1000 for more.
    losses
        Of each twin's training: ``do-cycle`` or GLANCE's own, ``paper``.
    store
        Where what was trained is kept.
    """

    base: str = "mnist"
    path: str | None = None
    images: int = 10_000
    references: int = 10_000
    steps: int | None = None
    losses: str = "do-cycle"
    store: Path = Path("runs/.store")


@dataclass(frozen=True)
class TwinView:
    """All that the discoverers `glance` and `glance-paper` see of a twin; rows can be resampled.

    Parameters
    ----------
    labels
        ``[n, k]``, of the training images.
    effects, trials
        The oracle's answers for some hundred held-out images.
    unfaithful
        Concepts in which the twin fails the gate.
    given
        The edges of an SCM layer that was tampered with; ``None``: those that labels hold.
    """

    labels: Values
    effects: Values
    trials: Trials
    unfaithful: frozenset[int]
    given: Edges | None = None

    def subset(self, n: int, rng: np.random.Generator) -> TwinView:
        """Draw labels and units with replacement."""
        units = rng.integers(len(self.effects), size=len(self.effects))
        labels = self.labels[rng.integers(len(self.labels), size=n)]
        return replace(
            self, labels=labels, effects=self.effects[units], trials=self.trials.resample(units)
        )

    def shuffled(self, columns: Rows) -> TwinView:
        """Return the same with the concepts in another order."""
        place = {int(old): new for new, old in enumerate(columns)}
        pairs = np.ix_(columns, columns)
        moved = self.trials.moved[:, :, columns][..., columns]
        controlled = self.trials.controlled[:, :, columns][:, :, :, columns][..., columns]
        return TwinView(
            self.labels[:, columns],
            self.effects[:, :, pairs[0], pairs[1]],
            Trials(moved, controlled),
            frozenset(place[index] for index in self.unfaithful),
            None if self.given is None else frozenset((place[i], place[j]) for i, j in self.given),
        )


def shuffled_perception(perception: Perception, columns: Rows) -> Perception:
    """Return readings with the concepts in another order."""
    tool = perception.measurement_model
    return replace(
        perception,
        names=tuple(perception.names[index] for index in columns),
        values=perception.values[:, columns],
        references=perception.references[:, columns],
        agreement=perception.agreement[columns],
        others=perception.others[columns],
        measurement_model=replace(
            tool,
            intercept=tool.intercept[columns],
            mixing=tool.mixing[np.ix_(columns, columns)],
            residuals=tool.residuals[:, columns],
            r2=tool.r2[columns],
            sd=tool.sd[columns],
        ),
    )


@cache
def twin_view(scenario: str, seed: int, settings: Settings, *, turned: bool = False) -> TwinView:
    """Train a twin, or find it in the store, and ask it all.

    Parameters
    ----------
    scenario
        A name of ``PICTURES``.
    turned
        Whether to turn around the first edge of the SCM layer before the oracle is asked: does it
        confirm the wrong edge all the same?
    """
    stages = _pipeline(scenario, seed, settings, references=0)
    space = stages.space
    assert isinstance(space, LatentSpace) and space.scm_ is not None
    labels = stages.dataset.train.concepts
    assert labels is not None
    if turned:
        edges = turned_edges(space.scm_.edges)
        sample = labels[: space.config.scm_limit].double().numpy()
        space.scm_ = StructuralModel.fit(sample, space.named_, edges=edges)
    k = len(space.named_)
    units = space.encode(stages.dataset.test.images[:_UNITS])
    concepts = Concepts(stages.oracle, units, k, space.sd_[:k])
    quality = space.quality_
    unfaithful = {i for i in range(k) if not quality.faithful_in(i)}
    return TwinView(
        labels.double().numpy(), direct_effects(concepts), run_trials(concepts),
        frozenset(unfaithful), space.scm_.edges if turned else None,
    )  # fmt: skip


def truth(scenario: str) -> Edges:
    """Return the true edges by the places of the concepts."""
    if PICTURES[scenario].get("independent"):
        return frozenset()
    graph = graph_of(Morpho(**PICTURES[scenario]).equations())
    place = {name: index for index, name in enumerate(graph.nodes)}
    return frozenset((place[edge.source], place[edge.target]) for edge in graph.edges)


def turned_edges(edges: Edges) -> Edges:
    """Return edges with the first one that leaves no loop turned around."""
    import networkx as nx

    for edge in sorted(edges):
        other = edges - {edge} | {edge[::-1]}
        if nx.is_directed_acyclic_graph(nx.DiGraph(sorted(other))):
            return frozenset(other)
    return edges


@cache
def readings(scenario: str, seed: int, settings: Settings, kind: str) -> Perception:
    """Learn to read a scenario's concepts from its classifier.

    Parameters
    ----------
    kind
        ``dataset``: from rendered reference images. ``blind``: with features shuffled between
        images, which must find nothing. ``twin``: from images that the twin paints.
    """
    references = 0 if kind == "twin" else settings.references
    stages = _pipeline(scenario, seed, settings, references=references)
    rng = torch_generator(seed, "readings", kind)
    painted = None
    if kind == "twin":
        inputs = replace(stages.inputs("graph"), rng=rng)
        painted = paint_references(inputs, settings.references)
    return perceive(
        stages.classifier, stages.dataset, rng=rng, reference=painted, blind=kind == "blind"
    )


def _pipeline(scenario: str, seed: int, settings: Settings, references: int) -> Pipeline:
    dataset: dict[str, Any] = {"use": "morpho", "base": settings.base, **PICTURES[scenario]}
    if settings.base == "mnist":
        dataset |= {"limit": settings.images, "test_limit": 1000}
        dataset |= {} if settings.path is None else {"path": settings.path}
    else:
        dataset |= {"limit": settings.images, "draws": 4}
    if references:
        dataset["references"] = references
    spec = {
        "causalxai": 1,
        "name": "world",
        "seed": seed,
        "dataset": dataset,
        "classifier": {"use": "lenet", "epochs": 3},
        "method": "glance",
        "concepts": {
            "steps": settings.steps or (1000 if "TSWI" in PICTURES[scenario].values() else 500),
            "losses": settings.losses,
        },
    }
    return Pipeline(load_spec(spec), Store(settings.store), device=torch.device("cpu"))
