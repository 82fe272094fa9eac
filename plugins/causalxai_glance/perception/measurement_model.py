"""The measurement-error model of a read-out: its calibration and its measures of quality."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from causalxai.errors import DataError

Values = NDArray[np.float64]

_FEWEST = 30
_SINGULAR = 1e6
_KNOTS = 10
_LEAST_R2_FOR_BIAS = 0.5
_IMAGES_PER_TERM = 30
_FARTHEST = 3.5
_ROUNDS = 12


@dataclass(frozen=True)
class ReadingBias:
    """The mean error of each concept's reading, as a polynomial of all concepts.

    Parameters
    ----------
    mean, sd
        ``[m]``, mean and sd of the concepts.
    weights
        ``[terms, m]``.
    degree
        Degree of the polynomial, which is constant beyond ±3.5 sd.
    """

    mean: Values
    sd: Values
    weights: Values
    degree: int

    @classmethod
    def fit(cls, concepts: Values, errors: Values) -> ReadingBias | None:
        """Return the polynomial of the highest degree, at most 3, that the images allow."""
        n, m = concepts.shape
        for degree in (3, 2):
            if n >= _IMAGES_PER_TERM * comb(m + degree, degree):
                mean, sd = concepts.mean(axis=0), concepts.std(axis=0)
                terms = cls(mean, sd, np.empty((0, m)), degree).terms(concepts)
                weights = np.linalg.lstsq(terms, errors, rcond=None)[0]
                return cls(mean, sd, np.asarray(weights, dtype=np.float64), degree)
        return None

    def terms(self, concepts: Values) -> Values:
        """Return the powers and products of the concepts, ``[n, terms]``."""
        from sklearn.preprocessing import PolynomialFeatures

        z = np.clip((concepts - self.mean) / self.sd, -_FARTHEST, _FARTHEST)
        return np.asarray(PolynomialFeatures(self.degree).fit_transform(z), dtype=np.float64)

    def __call__(self, concepts: Values) -> Values:
        """Return ``[n, m]``, in the concepts' units."""
        return np.asarray(self.terms(concepts) @ self.weights, dtype=np.float64)


@dataclass(frozen=True)
class MeasurementModel:
    """The model ``l = a + A (c + b(c) + u)`` of the reading ``l`` of concepts ``c``.

    It is fitted on images whose concepts are independent, with predictions for individuals that the
    read-out has not seen.

    Parameters
    ----------
    intercept
        ``[m]``, a.
    mixing
        ``[m, m]``, A; row j has the influence of each concept on the reading of concept j.
    bend
        b, the mean error of readings as a function of the concepts, which matters at extreme
        values; ``None`` where readings are too inaccurate, or too few, to estimate it.
    residuals
        ``[n, m]``, the errors ``u``, image by image: centred, in the concepts' units.
    r2
        ``[m]``, the share of each concept's variance that its reading explains.
    sd
        ``[m]``, the concepts' standard deviations.
    """

    intercept: Values
    mixing: Values
    bias: ReadingBias | None
    residuals: Values
    r2: Values
    sd: Values

    @classmethod
    def fit(cls, concepts: Values, readings: Values) -> MeasurementModel:
        """Calibrate on reference images.

        Parameters
        ----------
        concepts, readings
            ``[n, m]``, the true values and the readings.

        Raises
        ------
        DataError
            If there are too few rows or a concept does not vary.
        """
        n, m = concepts.shape
        sd = concepts.std(axis=0)
        if n < max(_FEWEST, 2 * m) or not (sd > 0).all():
            raise DataError(
                f"{n} reference images are not enough to calibrate readings of {m} concepts: at "
                f"least {max(_FEWEST, 2 * m)} are needed, in which every concept varies"
            )
        design = np.column_stack([np.ones(n), concepts])
        solution = np.asarray(np.linalg.lstsq(design, readings, rcond=None)[0], dtype=np.float64)
        intercept, mixing = solution[0], solution[1:].T
        if np.linalg.cond(mixing * sd / sd[:, None]) > _SINGULAR:
            # A blind read-out has the same reading for every image; its readings are not corrected.
            intercept, mixing = np.zeros(m), np.eye(m)
        errors = np.linalg.solve(mixing, (readings - intercept).T).T - concepts
        r2 = share_explained(concepts, readings)
        bias = ReadingBias.fit(concepts, errors) if (r2 > _LEAST_R2_FOR_BIAS).all() else None
        left = errors if bias is None else errors - bias(concepts)
        return cls(intercept, mixing, bias, left - left.mean(axis=0), r2, sd)

    def unmix(self, readings: Values) -> Values:
        """Return the concepts estimated from readings, ``[n, m]``, up to the errors u."""
        straight = np.linalg.solve(self.mixing, (readings - self.intercept).T).T
        found = np.asarray(straight, dtype=np.float64)
        if self.bias is not None:
            for _ in range(_ROUNDS):
                found = (found + straight - self.bias(found)) / 2
        return found

    @property
    def error_covariance(self) -> Values:
        """``[m, m]``, the covariance of the errors u."""
        return np.atleast_2d(np.cov(self.residuals.T))

    @property
    def cross_talk(self) -> Values:
        """``[m]``, the largest influence of another concept on each reading, in sd per sd."""
        relative = np.abs(self.mixing * self.sd / self.sd[:, None])
        np.fill_diagonal(relative, 0)
        return np.array(relative.max(axis=1), dtype=np.float64)

    def is_fit(self, *, most_cross_talk: float, least_r2: float) -> NDArray[np.bool_]:
        """Return ``[m]``, whether each concept is read well enough to determine directions."""
        fit = (self.cross_talk <= most_cross_talk) & (self.r2 >= least_r2)
        return np.asarray(fit, dtype=np.bool_)


def share_explained(concepts: Values, readings: Values) -> Values:
    """Return R² of each column, ``[m]``, at most 1."""
    errors = ((concepts - readings) ** 2).mean(axis=0)
    return np.asarray(1 - errors / concepts.var(axis=0), dtype=np.float64)


def others_alone(concepts: Values, rng: np.random.Generator, *, most: int = 4000) -> Values:
    """Return R² of each concept predicted from the others without any image, ``[m]``.

    A read-out that is fitted where concepts are correlated can reach this score without using the
    image.

    Parameters
    ----------
    concepts
        ``[n, m]``, labels.
    rng
        Draws the rows and the folds.
    most
        The largest number of rows that are used.
    """
    rows = rng.permutation(len(concepts))[:most]
    chosen = concepts[rows]
    n, m = chosen.shape
    if m == 1 or n < _FEWEST:
        return np.zeros(m)
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, SplineTransformer, StandardScaler

    seed = int(rng.integers(2**31))
    folds = KFold(5, shuffle=True, random_state=seed)
    shares = np.empty(m)
    for j in range(m):
        others, own = np.delete(chosen, j, axis=1), chosen[:, j]
        # Splines of each concept and of products of two. Gradient boosting would start threads.
        model = make_pipeline(
            StandardScaler(),
            PolynomialFeatures(2, interaction_only=True, include_bias=False),
            SplineTransformer(_KNOTS, knots="quantile", extrapolation="linear"),
            Ridge(1e-3),
        )
        guessed = cross_val_predict(model, others, own, cv=folds)
        shares[j] = share_explained(own[:, None], guessed[:, None])[0]
    return shares
