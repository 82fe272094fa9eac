"""Explanations by a structural causal model of concepts and logit, with dowhy's gcm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

import networkx as nx
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.explainer import Explainer, Explanation, ExplanationInputs
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator
from causalxai.storage.record import Json
from causalxai_discovery.causal_table import LOGIT, CausalTable
from causalxai_discovery.dowhy_library import dowhy, dowhy_session

Mechanism: TypeAlias = Literal["linear", "boosted"]


class DowhyScm(Explainer):
    """Fits a structural model to the graph's concepts and a logit, for counterfactuals [1]_.

    ``importance`` is the amount by which the image's logit would have been lower, had the concept
    been at its mean over the training images: a counterfactual with the image's own noise. It is
    the answer of the *fitted* model; the classifier is only used for logits, and no image is
    rendered.

    ``details``, each ``[n, d]`` and of the image's class: ``interventional_effect``, half the
    difference of the mean logit under do(mean + sd) and do(mean - sd), over the training images;
    ``arrow_strength``, the part of the logit's variance that is lost when the arrow is removed
    [2]_; ``intrinsic_influence``, the contribution of a concept's own noise to the logit's
    variance, by Shapley values [3]_. ``unexplained`` ``[n]`` is the share of that variance that
    comes from the logit's own noise, ``concept_arrows`` ``[d, d]`` the strength of the arrows i → j
    among concepts. ``meta["r2"]`` is, for each class, 1 - (mean squared error of the model's
    mechanism) / (the logit's variance) over the test images. Where it is low, none of the above is
    reliable.

    References
    ----------
    .. [1] Blöbaum et al., "DoWhy-GCM", JMLR 25, 2024.
    .. [2] Janzing, Balduzzi, Grosse-Wentrup, Schölkopf, "Quantifying causal influences", Annals of
       Statistics 41, 2013; with variance in place of divergence.
    .. [3] Janzing et al., "Quantifying intrinsic causal contributions via structure preserving
       interventions", AISTATS 2024.
    """

    requires = frozenset({Capability.CONCEPTS, Capability.GRAPH})

    class Config(PluginConfig):
        """Settings of ``DowhyScm``.

        Parameters
        ----------
        mechanism
            The function of an effect on its causes: linear, or boosted trees.
        rows
            The largest number of training images to which the model is fitted.
        samples
            The number of noise samples for strengths and influences; influences take time quadratic
            in it.
        """

        mechanism: Mechanism = "linear"
        rows: int = Field(default=2000, ge=20)
        samples: int = Field(default=300, ge=20)

    config: Config

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        space = inputs.need_space()
        table = CausalTable.of(inputs, self.config.rows)
        test = inputs.dataset.test.images[: self.config.rows]
        units = space.encode(images)
        own, held_out = (
            _Images(
                read.values[:, list(table.places)].double().cpu().numpy(),
                inputs.classifier.logits(shown).double().cpu().numpy(),
            )
            for read, shown in ((units, images), (space.encode(test), test))
        )
        found: dict[str, Tensor] = {}
        r2: dict[str, Json] = {}
        classes = target.unique().tolist()
        rng = numpy_generator(inputs.rng)
        with dowhy_session(rng), inputs.progress.task("dowhy-scm", len(classes)) as advance:
            for k in classes:
                chosen = (target == k).cpu()
                model = _Model(table, k, self.config.mechanism, self.config.samples)
                for name, part in model.says_of(own.of(chosen.numpy(), k)).items():
                    filled = found.setdefault(name, torch.zeros(len(images), *part.shape[1:]))
                    filled[chosen] = torch.from_numpy(part).float()
                r2[table.class_names[k]] = model.explained_variance(held_out.of(slice(None), k))
                advance(1, f"class {table.class_names[k]}")
            arrows = torch.from_numpy(model.concept_arrows()).float()
        return Explanation(
            images=images.detach().cpu(),
            target=target.cpu(),
            concepts=table.names,
            importance=found.pop("importance"),
            units=units,
            details={**found, "concept_arrows": arrows},
            meta={"r2": r2, "rows": len(table.values), "mechanism": self.config.mechanism},
        )


_TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True, eq=False)
class _Images:
    """Concepts ``[n, d]`` and logits ``[n, K]``, or ``[n]`` of one class."""

    values: NDArray[np.float64]
    logits: NDArray[np.float64]

    def of(self, chosen: NDArray[np.bool_] | slice, k: int) -> _Images:
        return _Images(self.values[chosen], self.logits[chosen, k])


class _Model:
    """A fitted gcm of the concepts and of one class's logit; use it in a ``dowhy_session``."""

    def __init__(self, table: CausalTable, k: int, mechanism: Mechanism, samples: int) -> None:
        self._gcm, self._table, self._samples = dowhy("gcm"), table, samples
        self._dag, self._frame = table.dag(k), table.frame(k)
        regressor = {
            "linear": self._gcm.ml.create_linear_regressor,
            "boosted": self._gcm.ml.create_hist_gradient_boost_regressor,
        }[mechanism]
        self._model = self._gcm.InvertibleStructuralCausalModel(self._dag)
        for node in self._dag.nodes:
            is_root = self._dag.in_degree(node) == 0
            noise = self._gcm.EmpiricalDistribution() if is_root else None
            self._model.set_causal_mechanism(
                node, noise or self._gcm.AdditiveNoiseModel(regressor())
            )
        self._gcm.fit(self._model, self._frame)

    def says_of(self, images: _Images) -> dict[str, NDArray[np.float64]]:
        """Return the model's answers for ``m`` images, by name; the first axis of each is ``m``."""
        m = len(images.values)
        influences = self._influences()
        said = {
            "interventional_effect": self._effects(),
            "arrow_strength": self._strengths(LOGIT),
            "intrinsic_influence": np.array([influences.get(c, 0.0) for c in self._table.columns]),
            "unexplained": np.array(influences[LOGIT] / max(sum(influences.values()), _TINY)),
        }
        repeated = {
            name: np.broadcast_to(one, (m, *one.shape)).copy() for name, one in said.items()
        }
        return {"importance": self._importance(images), **repeated}

    def explained_variance(self, images: _Images) -> float:
        """Return R² of the logit's mechanism on ``m`` images."""
        if not self._dag.in_degree(LOGIT):
            predicted = np.full(len(images.logits), self._frame[LOGIT].mean())
            return _r2(predicted, images.logits)
        parents = dowhy("graph").get_ordered_predecessors(self._dag, LOGIT)
        frame = self._table.framed(images.values, images.logits)
        mechanism = self._model.causal_mechanism(LOGIT).prediction_model
        return _r2(mechanism.predict(frame[parents].to_numpy()).ravel(), images.logits)

    def concept_arrows(self) -> NDArray[np.float64]:
        """Return ``[d, d]``, the strengths of i → j."""
        return np.stack([self._strengths(effect) for effect in self._table.columns], axis=1)

    def _importance(self, images: _Images) -> NDArray[np.float64]:
        observed = self._table.framed(images.values, images.logits)
        means = self._frame.mean()
        lost = [images.logits - self._had(c, means[c], observed) for c in self._table.columns]
        return np.stack(lost, axis=1)

    def _effects(self) -> NDArray[np.float64]:
        mean, sd = self._frame.mean(), self._frame.std()
        # The same noise in both, which reduces the variance of the difference.
        changes: list[NDArray[np.float64]] = [
            self._had(c, mean[c] + sd[c], self._frame) - self._had(c, mean[c] - sd[c], self._frame)
            for c in self._table.columns
        ]
        halves: NDArray[np.float64] = np.stack(changes).mean(axis=1) / 2
        return halves

    def _had(self, column: str, value: float, observed: pd.DataFrame) -> NDArray[np.float64]:
        """Return ``[m]``, the counterfactual logits of images if a concept had that value."""
        instead = self._gcm.counterfactual_samples(
            self._model, {column: partial(np.full_like, fill_value=value)}, observed_data=observed
        )
        logits: NDArray[np.float64] = instead[LOGIT].to_numpy()
        return logits

    def _strengths(self, effect: str) -> NDArray[np.float64]:
        if not self._dag.in_degree(effect):
            return np.zeros(len(self._table.columns))
        found = self._gcm.arrow_strength(
            self._model,
            effect,
            parent_samples=self._frame,
            num_samples_conditional=self._samples,
            max_num_runs=50,
            n_jobs=1,
        )
        return np.array([found.get((column, effect), 0.0) for column in self._table.columns])

    def _influences(self) -> Mapping[Any, float]:
        # dowhy needs the noise of every node, but computes it only for those upstream.
        upstream = self._dag.subgraph({LOGIT} | nx.ancestors(self._dag, LOGIT))
        influences: Mapping[Any, float] = self._gcm.intrinsic_causal_influence(
            self._gcm.InvertibleStructuralCausalModel(upstream),
            LOGIT,
            prediction_model="exact",
            num_training_samples=10,  # Nothing is trained.
            num_samples_randomization=self._samples,
            num_samples_baseline=self._samples,
            shapley_config=self._gcm.shapley.ShapleyConfig(n_jobs=1),
        )
        return influences


def _r2(predicted: NDArray[np.float64], logits: NDArray[np.float64]) -> float:
    return float(1 - ((logits - predicted) ** 2).mean() / max(logits.var(), _TINY))
