"""The state that a training loop needs to continue an interrupted run, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from causalxai.errors import DataError
from causalxai.short_repr import short_repr
from causalxai.storage.record import Json, Record, prefixed, without_prefix


@dataclass(frozen=True)
class TrainingState:
    """Everything that a training changes, by name; the objects themselves, not copies.

    Parameters
    ----------
    modules
        Networks, averages and other objects with a ``state_dict``.
    optimizers
        Only their moments are stored; learning rates should be computed from the step.
    rng
        The only source of randomness.
    """

    modules: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    rng: torch.Generator

    __repr__ = short_repr

    def to_record(self, **meta: Json) -> Record:
        """Return a copy of the state, together with the plain values of ``meta``."""
        live: dict[str, Tensor] = {"rng": self.rng.get_state()}
        for name, module in self.modules.items():
            live |= prefixed(name, module.state_dict())
        for name, optimizer in self.optimizers.items():
            for index, moments in optimizer.state_dict()["state"].items():
                live |= {f"{name}.{index}.{key}": tensor for key, tensor in moments.items()}
        tensors = {name: tensor.detach().cpu().clone() for name, tensor in live.items()}
        return Record(tensors=tensors, meta=meta)

    def restore(self, record: Record) -> None:
        """Restore the state that ``to_record`` returned.

        Raises
        ------
        DataError
            If the record belongs to other networks.
        """
        for name, module in self.modules.items():
            try:
                module.load_state_dict(without_prefix(name, record.tensors))
            except RuntimeError as error:
                message = f"the checkpoint does not belong to this training: {error}"
                raise DataError(message) from error
        for name, optimizer in self.optimizers.items():
            moments: dict[int, dict[str, Tensor]] = {}
            for key, tensor in without_prefix(name, record.tensors).items():
                index, _, moment = key.partition(".")
                # A copy, because the optimizer changes its moments in place.
                moments.setdefault(int(index), {})[moment] = tensor.clone()
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self.rng.set_state(record.tensors["rng"])
