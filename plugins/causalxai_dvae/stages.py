"""One checkpoint for several trainings in sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from torch import Tensor

from causalxai.storage.checkpoint import Checkpoint
from causalxai.storage.record import Json, Record, prefixed, without_prefix

_STATE, _DONE = "state", "done"


def stage_of(checkpoint: Checkpoint, stage: str, done: Mapping[str, Tensor]) -> Checkpoint:
    """Return the part of a checkpoint that belongs to a stage.

    Parameters
    ----------
    checkpoint
        Holds the state of one stage at a time.
    stage
        The name of the stage; the state of another stage is not loaded.
    done
        The results of the stages before, which are saved as well and returned by ``done_before``.
    """

    def load() -> Record | None:
        record = checkpoint.load()
        if record is None or record.meta["stage"] != stage:
            return None
        meta = cast("dict[str, Json]", record.meta["state"])
        return Record(tensors=without_prefix(_STATE, record.tensors), meta=meta)

    def save(record: Record) -> None:
        tensors = prefixed(_STATE, record.tensors) | prefixed(_DONE, done)
        checkpoint.save(Record(tensors, {"stage": stage, "state": dict(record.meta)}))

    return Checkpoint(load, save)


def done_before(checkpoint: Checkpoint, stage: str) -> dict[str, Tensor] | None:
    """Return the results of the stages before ``stage``, if that stage has saved anything."""
    record = checkpoint.load()
    if record is None or record.meta["stage"] != stage:
        return None
    return without_prefix(_DONE, record.tensors)
