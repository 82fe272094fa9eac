"""The results of a run's stages: computed and stored, or read from the store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from causalxai.config import Stage
from causalxai.errors import NotStoredError
from causalxai.metric import MetricResult
from causalxai.oracle import QueryLedger
from causalxai.pipeline.keys import PREPARATION, reported_keys
from causalxai.pipeline.meter import Meter
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.cost import Cost
from causalxai.storage.record import Record
from causalxai.storage.store import Store
from causalxai.training.data_parallel import from_first, is_first

Value = TypeVar("Value")
Fresh = Literal["nothing", "report", "everything"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work(Generic[Value]):
    """How a stage's result is made, stored and read.

    Parameters
    ----------
    prepare
        Computes the results that the stage may read.
    compute
        Computes the result.
    to_record, from_record
        Turn the result into its stored form, and back.
    keep
        Whether a result may be stored.
    """

    prepare: Callable[[], None]
    compute: Callable[[], Value]
    to_record: Callable[[Value], Record]
    from_record: Callable[[Record], Value]
    keep: Callable[[Value], bool] = lambda _: True


class StageResults:
    """Computes and stores the results of stages, unless they are stored already.

    Where several processes work together, the first alone uses the store, and the others have its
    results.

    Parameters
    ----------
    store
        The store of results.
    fresh
        What to compute again although it is stored.
    """

    def __init__(self, store: Store, fresh: Fresh) -> None:
        self.store = store
        self.fresh = fresh
        self.reused: list[str] = []
        self.computed: list[str] = []
        self.seconds_computing = 0.0
        self._costs: dict[str, Cost] = {}
        self._meters: dict[str, Meter] = {}

    def get(
        self, stage: str, key: str, work: Work[Value], ledger: Callable[[], QueryLedger | None]
    ) -> Value:
        """Return the result of a stage.

        Parameters
        ----------
        stage, key
            The stage, and the key of its result.
        work
            How the result is made, stored and read.
        ledger
            Returns the ledger of the oracle, where there is one once the stage is prepared.
        """
        record = self.stored(stage, key)
        if record is None:
            # The inputs are computed first, so that only one stage's lock is held at a time.
            work.prepare()
            with self._locked(stage, key):
                record = self.stored(stage, key)
                if record is None:
                    return self._computed(stage, key, work, ledger())
        self.reused.append(stage)
        _logger.info("%s: reused %s", stage, key[:12])
        return work.from_record(record)

    def stored(self, stage: str, key: str) -> Record | None:
        """Return what is stored of a stage, unless it is to be computed again."""
        if self.fresh in (stage, "everything"):
            return None
        return from_first(lambda: self.store.read(stage, key))

    def require(self, keys: Mapping[str, str], *, metrics: bool) -> None:
        """Check that what a report shows is stored; NotStoredError, naming what is missing.

        Parameters
        ----------
        keys
            The keys of all stages of a run.
        metrics
            Whether the scores must be stored, too.
        """
        shown = reported_keys(keys, metrics=metrics).items()
        missing = [stage for stage, key in shown if not self.stored(stage, key)]
        if missing:
            raise NotStoredError(
                f"{self.store.place}: no results for {', '.join(missing)}: they were computed "
                "elsewhere, with other versions or on another kind of device, or failed; "
                "run the spec again, or name their --store"
            )

    def checkpoint(self, stage: str, key: str) -> Checkpoint:
        """Return the checkpoint of a stage that is being computed."""
        stored = self.store.checkpoint(stage, key, self._meters[stage].read)
        load = NO_CHECKPOINT.load if self.fresh == "everything" else stored.load
        save = stored.save if is_first() else NO_CHECKPOINT.save
        return Checkpoint(lambda: from_first(load), save)

    def costs(self, keys: Mapping[str, str]) -> dict[str, Cost]:
        """Return the costs of the stages when they were computed, where they are known.

        That of a graph's preparation is a part of the graph's.
        """
        stored = {stage: self.store.cost(stage, key) for stage, key in keys.items()}
        latest = {stage: self._costs.get(stage, cost) for stage, cost in stored.items()}
        known = {stage: cost for stage, cost in latest.items() if cost is not None}
        prepared = known.pop(PREPARATION, None)
        if prepared is not None and Stage.GRAPH in known:
            known[Stage.GRAPH] = prepared + known[Stage.GRAPH]
        return known

    def _locked(self, stage: str, key: str) -> AbstractContextManager[None]:
        return self.store.locked(stage, key) if is_first() else nullcontext()

    def _computed(
        self, stage: str, key: str, work: Work[Value], ledger: QueryLedger | None
    ) -> Value:
        continues = self.fresh != "everything"
        before = self.store.cost_so_far(stage, key) if continues else None
        self._meters[stage] = meter = Meter(before or Cost(), ledger)
        value = work.compute()
        self._costs[stage] = cost = meter.read()
        self.seconds_computing += cost.seconds - (before.seconds if before else 0)
        if work.keep(value):
            record = from_first(lambda: work.to_record(value))
            if is_first():
                self.store.write(stage, key, record, cost)
            else:
                value = work.from_record(record)
        self.computed.append(stage)
        _logger.info("%s: computed in %.1f s", stage, cost.seconds)
        return value


def worth_keeping(result: MetricResult) -> bool:
    """Return whether a score may be reused; a failure may be temporary and is not stored."""
    return result.status != "failed"
