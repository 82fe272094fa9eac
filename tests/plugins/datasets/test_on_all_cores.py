"""Pieces are worked on in order, on one thread each, in processes that end with the work."""

from __future__ import annotations

import os
from contextlib import nullcontext

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from causalxai_datasets import on_all_cores
from causalxai_datasets.on_all_cores import results_of


@pytest.mark.parametrize("many", [True, False], ids=["several processes", "this process"])
def test_a_piece_has_one_thread_and_the_rest_what_it_had(many: bool) -> None:
    def threads() -> list[int]:
        return [torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info())]

    torch.set_num_threads(2)
    with threadpool_limits(2):
        before = threads()
        found = list(results_of(threads, [(), ()], many=many))
        assert threads() == before
    assert max(before) == 2
    assert {count for counts in found for count in counts} == {1}


def test_torch_has_one_thread_even_where_its_pool_is_not_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(on_all_cores, "threadpool_limits", nullcontext)
    torch.set_num_threads(2)
    assert list(results_of(torch.get_num_threads, [()], many=False)) == [1]
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("many", [True, False], ids=["several processes", "this process"])
def test_threads_are_given_back_where_the_work_fails(many: bool) -> None:
    torch.set_num_threads(2)
    with pytest.raises(ZeroDivisionError):
        list(results_of(divmod, [(1, 0)], many=many))
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("many", [True, False], ids=["several processes", "this process"])
def test_results_are_in_order(many: bool) -> None:
    pieces = [(number, 3) for number in range(20)]
    assert list(results_of(divmod, pieces, many=many)) == [divmod(*piece) for piece in pieces]


def test_processes_end_with_the_work() -> None:
    workers = set(results_of(os.getpid, [()] * 20, many=True))
    assert os.getpid() not in workers
    for worker in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)
