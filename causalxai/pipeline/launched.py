"""Runs a spec in the processes that a launcher has started, which train together."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from causalxai.config import ResolvedSpec, load_spec
from causalxai.errors import CapabilityError
from causalxai.pipeline.execution import (
    Run,
    exact_convolutions,
    finished,
    open_pipeline,
    run_directory,
    working_in,
)
from causalxai.pipeline.stage_results import Fresh
from causalxai.pipeline.stages import Pipeline
from causalxai.progress import SILENT, Progress
from causalxai.training.data_parallel import Rank, working_together

_PACKAGE = "causalxai"
# The others wait while the first one reads files or waits for another run.
_PATIENCE = timedelta(days=1)


_logger = logging.getLogger(__name__)


def launched() -> bool:
    """Return whether a launcher, such as ``accelerate launch``, has started several processes."""
    return "RANK" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"


def run_launched(
    spec: str | Path,
    *,
    overrides: Sequence[str] = (),
    out: str | Path = "runs",
    store: str | None = None,
    progress: Progress = SILENT,
    fresh: Fresh = "nothing",
    trust_code: bool = False,
) -> Run | None:
    """Run a spec as ``run`` does, in one of several processes that a launcher has started.

    All processes train the classifier and the concepts together. The first one alone stores the
    results and goes on with all other stages.

    Parameters
    ----------
    spec, overrides, out, store, progress, fresh, trust_code
        As for ``run``, the same in all processes.

    Returns
    -------
    Run or None
        The finished run, in the first process; ``None`` in the others.

    Raises
    ------
    CausalxaiError
        As ``run`` does; also if ``accelerate`` is not installed.
    """
    resolved = load_spec(spec, overrides, trust_code=trust_code)
    with _joined(resolved.device) as rank:
        if not rank.first:
            _help(resolved, rank, Path(out), fresh)
            return None
        root = Path(out)
        pipeline = open_pipeline(resolved, root, progress, fresh, store=store)
        with exact_convolutions(), working_together(rank):
            directory = run_directory(root, pipeline)
        with working_in(directory, pipeline):
            _logger.info("%d processes train together", rank.count)
            with working_together(rank):
                _learn(pipeline)
            return finished(directory, pipeline)


def _help(spec: ResolvedSpec, rank: Rank, root: Path, fresh: Fresh) -> None:
    """Do the part of a process that is not the first."""
    # The first process says the same.
    logging.getLogger(_PACKAGE).setLevel(logging.ERROR)
    pipeline = open_pipeline(spec, root, fresh=fresh)
    with exact_convolutions(), working_together(rank):
        # The first process may look into the store for the keys, and shares what it finds.
        _ = pipeline.keys
        _learn(pipeline)


def _learn(pipeline: Pipeline) -> None:
    """Compute the stages in which something is trained, or have them from the store."""
    _ = pipeline.classifier
    _ = pipeline.space


@contextmanager
def _joined(device: str) -> Iterator[Rank]:
    """Join the processes of the launcher, each on a device of its own."""
    try:
        from accelerate import PartialState
    except ImportError as error:
        raise CapabilityError(
            "a launcher has started several processes, which train together by means of "
            "accelerate, and that is not installed: pip install 'causalxai[accelerate]'"
        ) from error
    if ":" in device:
        raise CapabilityError(
            f"device: {device} is a single one, and each process needs its own: leave device out, "
            f"or set it to {device.partition(':')[0]}"
        )
    state = PartialState(cpu=device == "cpu", timeout=_PATIENCE)
    yield Rank(state.process_index, state.num_processes)
    state.destroy_process_group()
