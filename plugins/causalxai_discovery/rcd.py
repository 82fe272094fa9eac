"""Repetitive causal discovery."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from causalxai_discovery.causal_learn import causal_learn
from causalxai_discovery.claims import Claims
from causalxai_discovery.constraints import Constraints
from causalxai_discovery.observations import (
    ObservationDiscoverer,
    ObservationsConfig,
    tested_rows,
    without_units,
)


def discover_rcd(
    values: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    alpha: float = 0.01,
    explanatory: int = 2,
    test_rows: int = 1000,
) -> Claims:
    """Run RCD [1]_, with linear mechanisms, non-Gaussian noise and unobserved causes.

    Parameters
    ----------
    values
        ``[n, d]``.
    rng
        Draws the rows that the search uses.
    alpha
        The level of all tests, in (0, 1): correlation, independence (HSIC) and, for normality of
        noise, Shapiro-Wilk.
    explanatory
        How many variables an effect is regressed on at a time, at most.
    test_rows
        The largest number of rows that the search uses; independence tests take quadratic time.

    Returns
    -------
    Claims
        Directed edges, and bidirected ones where the method finds an unobserved common cause. The
        search uses no constraints; ``settle`` applies them to the claims.

    Raises
    ------
    DataError
        If a column is constant or a linear function of others.

    References
    ----------
    .. [1] Maeda, Shimizu, "RCD: repetitive causal discovery of linear non-Gaussian acyclic models
       with latent confounders", AISTATS 2020.
    """
    values = without_units(values)
    rows = tested_rows(values, rng, test_rows)
    model = causal_learn("search.FCMBased.lingam").RCD(
        max_explanatory_num=explanatory, cor_alpha=alpha, ind_alpha=alpha, shapiro_alpha=alpha
    )
    # weights[effect, cause]; NaN in both directions for a hidden common cause.
    weights = model.fit(values[rows]).adjacency_matrix_
    hidden = np.isnan(weights)
    effects, causes = np.nonzero(~hidden & (weights != 0))
    pairs = combinations(range(values.shape[1]), 2)
    return Claims(
        frozenset(zip(causes.tolist(), effects.tolist(), strict=True)),
        bidirected=frozenset(frozenset(pair) for pair in pairs if hidden[pair]),
    )


class Rcd(ObservationDiscoverer):
    """RCD on observed concepts, through causal-learn; see ``discover_rcd``."""

    measured_false_edges = (
        "Of 100 graphs of four independent concepts with 500 images each, 3 to 7 had an edge "
        "(measured; normal, exponential and uniform concepts)."
    )

    class Config(ObservationsConfig):
        """Settings of ``Rcd``.

        Parameters
        ----------
        alpha
            The level of all tests.
        explanatory
            How many variables an effect is regressed on at a time, at most.
        test_rows
            The largest number of images that the search uses.
        """

        alpha: float = Field(default=0.01, gt=0, lt=1)
        explanatory: int = Field(default=2, ge=1)
        test_rows: int = Field(default=1000, ge=20)

    config: Config

    def _search(
        self,
        values: NDArray[np.float64],
        constraints: Constraints,  # noqa: ARG002
        rng: np.random.Generator,
    ) -> Claims:
        return discover_rcd(
            values,
            rng,
            alpha=self.config.alpha,
            explanatory=self.config.explanatory,
            test_rows=self.config.test_rows,
        )
