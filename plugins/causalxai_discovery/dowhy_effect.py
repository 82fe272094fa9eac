"""Effects that are estimated from observations by adjustment, compared with the oracle's."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from pydantic import Field

from causalxai.capabilities import Capability
from causalxai.explainer import Explanation
from causalxai.intervention import Intervention
from causalxai.metric import Estimate, Metric, MetricResult, MetricUndefinedError, ScoringInputs
from causalxai.metrics.resampling import Rows, bootstrapped, null_range
from causalxai.oracle import Oracle
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator
from causalxai_discovery.causal_table import LOGIT, CausalTable
from causalxai_discovery.dowhy_library import dowhy, dowhy_session

_LEAST = 3
_ENOUGH = 5
_SHUFFLES = 200


class DowhyEffect(Metric):
    """Rank correlation of two estimates of each concept's effect on each explained class's logit.

    One estimate is dowhy's [1]_: identified in the discovered graph by the back-door criterion, and
    estimated by linear regression over training images. The other is the oracle's, by do() on each
    image. Effects are for one standard deviation of the concept, and for 1 against 0 for boolean
    concepts. They agree if the graph and the oracle are correct and effects are linear.

    ``chance`` permutes the effects at random; its interval contains 95 % of such scores. ``parts``
    are: ``linear correlation``; ``opposite signs``, the share of effects whose signs differ, as a
    warning; ``random common cause``, the score when dowhy also adjusts for a random variable (it
    should not change); and for each concept the size of its effects by both estimates, as a share
    of the largest. ``controls`` has ``placebo treatment``, the score when the concept's values are
    permuted.

    The interval is a bootstrap over concepts, each with its effects on all classes, which are not
    independent of one another; with fewer than five concepts there is none. It scores the graph
    and the oracle, not the explanation.

    References
    ----------
    .. [1] Sharma, Kiciman, "DoWhy: an end-to-end library for causal inference", 2020.
    """

    name = "dowhy-effect"
    higher_is_better = True
    value_range = (-1.0, 1.0)
    reference = "Sharma, Kiciman (2020): DoWhy; the oracle's own answers"
    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE, Capability.GRAPH})
    about_concepts = True

    class Config(PluginConfig):
        """Settings of ``DowhyEffect``.

        Parameters
        ----------
        rows
            The largest number of training images that dowhy uses.
        units
            The number of these images for which the oracle is queried.
        simulations
            The number of simulations of each refuter.
        """

        rows: int = Field(default=1000, ge=20)
        units: int = Field(default=64, ge=1)
        simulations: int = Field(default=5, ge=1)

    config: Config

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        oracle = inputs.need_oracle()
        table = CausalTable.of(inputs, self.config.rows)
        classes = [int(k) for k in explanation.target.unique()]
        if len(table.concepts) * len(classes) < _LEAST:
            raise MetricUndefinedError(f"a correlation needs {_LEAST} effects or more")
        rng = numpy_generator(inputs.rng)
        answered = oracle_effects(oracle, table, self.config.units)[:, classes]
        estimated = adjusted_effects(table, classes, self.config.simulations, rng)
        return self._result(table, estimated, answered, rng)

    def _result(
        self,
        table: CausalTable,
        estimated: AdjustedEffects,
        answered: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> MetricResult:
        effects = estimated.effect
        shuffled = [
            _rank_correlation(effects, rng.permuted(answered, axis=None)) for _ in range(_SHUFFLES)
        ]
        n = len(effects)
        linear = float(scipy.stats.pearsonr(effects.ravel(), answered.ravel()).statistic)
        opposite = float((np.sign(effects) * np.sign(answered) < 0).mean())
        common = _rank_correlation(estimated.with_common_cause, answered)
        parts = {
            "linear correlation": Estimate(linear, n=n),
            "opposite signs": Estimate(opposite, n=n),
            "random common cause": Estimate(common, n=n),
        }
        for who, found in (("dowhy", effects), ("oracle", answered)):
            size = np.sqrt((found**2).mean(axis=1))
            for name, share in zip(table.names, size / size.max(), strict=True):
                parts[f"{who}: {name}"] = Estimate(float(share), n=found.shape[1])
        controls = {}
        if np.ptp(estimated.of_placebo) > 0:
            placebo = _rank_correlation(estimated.of_placebo, answered)
            controls["placebo treatment"] = Estimate(placebo, n=n)
        return MetricResult(
            self.name,
            estimate=_with_interval(effects, answered, rng),
            chance=null_range(shuffled),
            parts=parts,
            controls=controls,
        )


@dataclass(frozen=True, eq=False)
class AdjustedEffects:
    """The effects that dowhy estimates, each ``[d, K]``, in logits.

    Parameters
    ----------
    effect
        The effect of one standard deviation of a concept (boolean: of 1 against 0) on a logit.
    with_common_cause
        The same, with additional adjustment for a random variable.
    of_placebo
        The same for the concept's values in random order; 0 for an effect that the graph excludes.
    """

    effect: NDArray[np.float64]
    with_common_cause: NDArray[np.float64]
    of_placebo: NDArray[np.float64]


def adjusted_effects(
    table: CausalTable, classes: list[int], simulations: int, rng: np.random.Generator
) -> AdjustedEffects:
    """Estimate effects by back-door adjustment with linear regression, and run refuters.

    Parameters
    ----------
    table
        The table of concepts and logits.
    classes
        The classes whose logits are used.
    simulations
        The number of simulations of each refuter.
    rng
        Seeds the refuters.
    """
    d = len(table.concepts)
    found = np.zeros((3, d, len(classes)))
    units = _steps(table)
    with dowhy_session(rng):
        for place, column in enumerate(table.columns):
            for index, k in enumerate(classes):
                if nx.has_path(table.dag(k), column, LOGIT):
                    found[:, place, index] = _estimate(table, column, k, simulations, rng)
            found[:, place] *= units[place]
    return AdjustedEffects(*found)


def _estimate(
    table: CausalTable, column: str, k: int, simulations: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    model = dowhy().CausalModel(table.frame(k), treatment=column, outcome=LOGIT, graph=table.dag(k))
    estimand = model.identify_effect(proceed_when_unidentifiable=True)
    estimate = model.estimate_effect(
        estimand,
        method_name="backdoor.linear_regression",
        effect_modifiers=[],  # Interactions, which take most of the time, are left out.
    )

    def refuted(method: str, **settings: str) -> float:
        refutation = model.refute_estimate(
            estimand,
            estimate,
            method_name=method,
            num_simulations=simulations,
            random_state=int(rng.integers(2**31)),
            show_progress_bar=False,
            **settings,
        )
        return float(refutation.new_effect)

    return (
        float(estimate.value),
        refuted("random_common_cause"),
        refuted("placebo_treatment_refuter", placebo_type="permute"),
    )


def oracle_effects(oracle: Oracle, table: CausalTable, units: int) -> NDArray[np.float64]:
    """Return the oracle's effects ``[d, K]``: the mean change of each logit.

    Parameters
    ----------
    oracle
        An oracle that is bound to the space with which the table was read.
    table
        The table, whose first images are used.
    units
        The number of these images.
    """
    asked = oracle.space.encode(table.images[:units])
    places = torch.tensor(table.places)
    before = asked.values[:, list(table.places)].T.cpu()
    step = torch.from_numpy(_steps(table)).to(before)[:, None]
    boolean = torch.tensor([concept.is_binary for concept in table.concepts])[:, None]
    above = torch.where(boolean, 1.0, before + step / 2)
    below = torch.where(boolean, 0.0, before - step / 2)
    both = Intervention.set(places.repeat(2)[:, None], torch.cat([above, below])[..., None])
    high, low = oracle.query(asked, both).answer("logits").double().cpu().chunk(2)
    effects: NDArray[np.float64] = (high - low).mean(dim=1).numpy()
    return effects


def _steps(table: CausalTable) -> NDArray[np.float64]:
    """Return the step to which each effect refers: a standard deviation, or 1 for booleans."""
    spread = table.values.std(axis=0)
    return np.where([concept.is_binary for concept in table.concepts], 1.0, spread)


def _rank_correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        raise MetricUndefinedError("all effects are the same, so that there is no correlation")
    return float(scipy.stats.spearmanr(one.ravel(), other.ravel()).statistic)


def _with_interval(
    effects: NDArray[np.float64], answered: NDArray[np.float64], rng: np.random.Generator
) -> Estimate:
    """Return the rank correlation, with an interval if there are enough concepts."""
    if len(effects) < _ENOUGH:
        return Estimate(_rank_correlation(effects, answered), n=len(effects))

    def of(concepts: Rows) -> float:
        try:
            return _rank_correlation(effects[concepts], answered[concepts])
        except MetricUndefinedError:
            return float("nan")

    return bootstrapped(of, len(effects), rng, bounds=(-1.0, 1.0))
