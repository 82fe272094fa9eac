"""Read-outs, which predict concepts from a classifier's features."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor

from causalxai.errors import DataError
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress

_CLIP = 6.0
_AT_ONCE = 2048
# The share of individuals of each fold, at least one, that is held out for early stopping.
_ONE_IN = 10
# A channel that hardly ever responds has a tiny sd, and an enormous z-score where it does respond.
# It is left out if its sd is below this share of the median sd.
_FLOOR = 0.01


class ReadOutConfig(PluginConfig):
    """Settings of how the read-out is learned.

    Parameters
    ----------
    hidden
        The number of units in each of the two hidden layers.
    folds
        The number of folds of individuals, and of networks, each of which is trained without one
        fold.
    epochs
        The largest number of passes over the reference images.
    patience
        The number of epochs without improvement on held-out individuals before training stops.
    batch_size
        The number of images in one step.
    learning_rate, weight_decay
        Those of AdamW; the learning rate has a cosine schedule.
    """

    hidden: int = Field(128, ge=1, le=8192)
    folds: int = Field(5, ge=2, le=1000)
    epochs: PositiveInt = 60
    patience: PositiveInt = 12
    batch_size: PositiveInt = 256
    learning_rate: PositiveFloat = 3e-3
    weight_decay: NonNegativeFloat = 1e-3


@dataclass
class ReadOut:
    """Perceptrons with two hidden layers and a linear bypass, one for each fold of individuals.

    Parameters
    ----------
    config
        Settings of how they are learned.
    """

    config: ReadOutConfig = field(default_factory=ReadOutConfig)

    def fit(
        self,
        features: Tensor,
        concepts: Tensor,
        groups: Tensor,
        *,
        rng: torch.Generator,
        progress: Progress = SILENT,
    ) -> ReadOut:
        """Learn to read the concepts; return ``self``.

        Parameters
        ----------
        features
            ``[n, f]`` of reference images.
        concepts
            ``[n, m]``, the targets.
        groups
            ``[n]``, the individual that each image shows; images of an individual stay in one fold.
        rng
            Draws folds, weights and batches.
        progress
            Shows the progress.

        Returns
        -------
        ReadOut
            The read-out with ``out_of_fold_``, ``[n, m]``: the reading of each image by the network
            that was not trained on its individual.

        Raises
        ------
        DataError
            If there are too few individuals to hold some out.
        """
        names, which = groups.unique(return_inverse=True)
        if len(names) < 4 * self.config.folds:
            raise DataError(
                f"{self.config.folds} folds need at least {4 * self.config.folds} individuals "
                f"among the reference images, and there are {len(names)}"
            )
        self._scale = _Scale.of(features)
        self._centre, self._unit = concepts.mean(dim=0), concepts.std(dim=0)
        self._unit[self._unit == 0] = 1.0
        place = torch.randperm(len(names), generator=rng)
        fold_of_group = place % self.config.folds
        self._fold = dict(zip(names.tolist(), fold_of_group.tolist(), strict=True))
        fold = fold_of_group[which]
        held_out = (place // self.config.folds % _ONE_IN == 0)[which]
        x, y = self._scale(features), (concepts - self._centre) / self._unit
        self._weights = _learn(x, y, fold, held_out, self.config, rng, progress)
        self.out_of_fold_ = self.read(features, groups)
        return self

    @torch.no_grad()
    def read(self, features: Tensor, groups: Tensor | None = None) -> Tensor:
        """Return the readings of the concepts, ``[n, m]``.

        Parameters
        ----------
        features
            ``[n, f]``.
        groups
            ``[n]``; an individual among the reference images is read by the network that was not
            trained on it, any other by the mean of all networks.
        """
        x = self._scale(features)
        folds = self.config.folds
        parts = [_forward(self._weights, part.expand(folds, -1, -1)) for part in x.split(_AT_ONCE)]
        every = torch.cat(parts, dim=1)
        values = every.mean(dim=0)
        if groups is not None:
            fold = torch.tensor([self._fold.get(group, -1) for group in groups.tolist()])
            seen = (fold >= 0).nonzero()[:, 0]
            values[seen] = every[fold[seen], seen]
        return self._centre + self._unit * values


@dataclass(frozen=True)
class _Scale:
    """Standardises to z-scores; columns that hardly vary are set to zero."""

    mean: Tensor
    sd: Tensor
    alive: Tensor

    @classmethod
    def of(cls, values: Tensor) -> _Scale:
        sd = values.std(dim=0)
        least = _FLOOR * sd[sd > 0].median() if bool((sd > 0).any()) else sd.new_ones(())
        alive = sd >= least
        return cls(values.mean(dim=0), sd.where(alive, torch.ones_like(sd)), alive)

    def __call__(self, values: Tensor) -> Tensor:
        return ((values - self.mean) / self.sd).clamp(-_CLIP, _CLIP) * self.alive


_Weights = tuple[Tensor, ...]


def _initial(folds: int, f: int, hidden: int, m: int, rng: torch.Generator) -> _Weights:
    def layer(fan_in: int, fan_out: int, gain: float) -> Tensor:
        return gain / math.sqrt(fan_in) * torch.randn(folds, fan_in, fan_out, generator=rng)

    sizes = [
        (f, hidden, math.sqrt(2)),
        (hidden, hidden, math.sqrt(2)),
        (hidden, m, 0.1),
        (f, m, 0.1),
    ]
    weights = [layer(*size) for size in sizes]
    biases = [torch.zeros(folds, 1, size[1]) for size in sizes[:3]]
    return tuple(tensor.requires_grad_() for tensor in (*weights, *biases))


def _forward(weights: _Weights, x: Tensor) -> Tensor:
    """Map ``[folds, n, f]`` to ``[folds, n, m]``, each fold by its own network."""
    first, second, last, bypass, a, b, c = weights
    hidden = torch.relu(torch.baddbmm(a, x, first))
    hidden = torch.relu(torch.baddbmm(b, hidden, second))
    return torch.baddbmm(c, hidden, last) + torch.bmm(x, bypass)


def _learn(
    x: Tensor,
    y: Tensor,
    fold: Tensor,
    held_out: Tensor,
    config: ReadOutConfig,
    rng: torch.Generator,
    progress: Progress,
) -> _Weights:
    weights = _initial(config.folds, x.shape[1], config.hidden, y.shape[1], rng)
    optimizer = torch.optim.AdamW(
        weights, lr=config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.epochs)
    rows = [((fold != k) & ~held_out).nonzero()[:, 0] for k in range(config.folds)]
    checks = [((fold != k) & held_out).nonzero()[:, 0] for k in range(config.folds)]
    shortest = min(map(len, rows))
    steps = max(1, shortest // config.batch_size)
    best = torch.full((config.folds,), math.inf)
    kept = [tensor.detach().clone() for tensor in weights]
    waited = 0
    with progress.task("learn the read-out", config.epochs) as advance:
        for _ in range(config.epochs):
            order = torch.stack(
                [own[torch.randperm(len(own), generator=rng)[:shortest]] for own in rows]
            )
            for batch in order.tensor_split(steps, dim=1):
                loss = (_forward(weights, x[batch]) - y[batch]).square().mean(dim=(1, 2)).sum()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            schedule.step()
            error = _errors(weights, x, y, checks)
            better = error < best
            best = best.where(~better, error)
            for old, new in zip(kept, weights, strict=True):
                old[better] = new.detach()[better]
            waited = 0 if bool(better.any()) else waited + 1
            advance(1, f"error {float(best.mean()):.4f}")
            if waited >= config.patience:
                break
    return tuple(kept)


@torch.no_grad()
def _errors(weights: _Weights, x: Tensor, y: Tensor, checks: list[Tensor]) -> Tensor:
    errors = []
    for k, rows in enumerate(checks):
        own = tuple(tensor[k : k + 1] for tensor in weights)
        errors.append((_forward(own, x[rows][None])[0] - y[rows]).square().mean())
    return torch.stack(errors)
