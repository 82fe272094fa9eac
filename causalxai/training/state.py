"""What a training loop must keep to go on, bit for bit, where a killed run stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from causalxai.errors import DataError
from causalxai.storage.record import Json, Record


@dataclass(frozen=True)
class TrainingState:
    """All that a training changes, under names of one's own; live objects, not copies.

    Parameters
    ----------
    modules
        Networks, averages and whatever else has a ``state_dict``.
    optimizers
        Their moments are kept; learning rates should follow from the step.
    rng
        The generator that all chance comes from.
    """

    modules: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    rng: torch.Generator

    def to_record(self, **meta: Json) -> Record:
        """Return a copy of the state, with plain values of one's own beside it."""
        live: dict[str, Tensor] = {"rng": self.rng.get_state()}
        for name, module in self.modules.items():
            live |= under(name, module.state_dict())
        for name, optimizer in self.optimizers.items():
            for index, moments in optimizer.state_dict()["state"].items():
                live |= {f"{name}.{index}.{key}": tensor for key, tensor in moments.items()}
        tensors = {name: tensor.detach().cpu().clone() for name, tensor in live.items()}
        return Record(tensors=tensors, meta=meta)

    def restore(self, record: Record) -> None:
        """Undo ``to_record``.

        Raises
        ------
        DataError
            If the record is that of other networks.
        """
        for name, module in self.modules.items():
            try:
                module.load_state_dict(below(name, record.tensors))
            except RuntimeError as error:
                raise DataError(f"the checkpoint is not one of this training: {error}") from error
        for name, optimizer in self.optimizers.items():
            moments: dict[int, dict[str, Tensor]] = {}
            for key, tensor in below(name, record.tensors).items():
                index, _, moment = key.partition(".")
                # A copy: the optimizer changes its moments in place.
                moments.setdefault(int(index), {})[moment] = tensor.clone()
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self.rng.set_state(record.tensors["rng"])


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors under ``prefix.name``, so that several parts fit into one record."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Undo ``under``: return the tensors of one part by their own names."""
    start = f"{prefix}."
    return {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}
