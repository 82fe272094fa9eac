"""Two processes that do one training together, as a launcher would start them."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from causalxai.training.data_parallel import Rank, working_together


def in_two_processes(work: Callable[[], Any], folder: Path) -> list[Any]:
    """Return what ``work`` returns in each of two processes that work together.

    Parameters
    ----------
    work
        Returns something that ``torch.save`` can write.
    folder
        Where the processes leave what they return.
    """
    pytest.importorskip("accelerate")
    forking = multiprocessing.get_context("fork")
    port = _free_port()
    children = [
        forking.Process(target=_work_as, args=(work, index, port, folder)) for index in range(2)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0, 0]
    return [torch.load(folder / f"{index}.pt") for index in range(2)]


def _work_as(work: Callable[[], Any], index: int, port: int, folder: Path) -> None:
    from accelerate import PartialState

    torch.set_num_threads(1)
    ranks = {"RANK": index, "LOCAL_RANK": index, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": 1}
    os.environ.update({name: str(value) for name, value in {**ranks, **place}.items()})
    state = PartialState(cpu=True)
    with working_together(Rank(state.process_index, state.num_processes)):
        torch.save(work(), folder / f"{index}.pt")
    state.destroy_process_group()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port
