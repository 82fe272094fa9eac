"""Runs cases, each in a process of its own, which a case may end, block or exhaust."""

from __future__ import annotations

import multiprocessing
import os
import queue
import tempfile
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.trust.families import FAMILIES
from tests.trust.family import Case, Family, Verdict

# A forked child of a process that has used threads of OpenMP may block.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.trust.families"])


def run_family(family: Family, *, jobs: int, quick: bool = False) -> Iterator[Verdict]:
    """Yield the verdicts of a family's cases in their order, ``jobs`` at a time."""
    cases = [case for case in family.cases() if case.quick or not quick]
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda case: _in_own_process(family, case), cases)


def check_here(case: Case, folder: Path) -> Verdict:
    """Run a case in this process."""
    begin = time.perf_counter()
    try:
        measured, fault = case.check(folder) or "", ""
    except BaseException as error:
        # A case attacks the library; whatever it raises is the fault that is reported.
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        measured, fault = "", f"{type(error).__name__} at {place}: {error}"
    return Verdict(case.name, fault, measured, time.perf_counter() - begin)


def _in_own_process(family: Family, case: Case) -> Verdict:
    answers = _PROCESSES.Queue()
    with tempfile.TemporaryDirectory(prefix="trust-", ignore_cleanup_errors=True) as folder:
        child = _PROCESSES.Process(target=_child, args=(family.name, case.name, folder, answers))
        child.start()
        end = time.monotonic() + case.seconds
        verdict: Verdict | None = None
        while verdict is None and time.monotonic() < end:
            try:
                verdict = answers.get(timeout=0.5)
            except queue.Empty:
                if not child.is_alive() and answers.empty():
                    break
        if verdict is None and child.is_alive():
            verdict = Verdict(case.name, f"not finished after {case.seconds:.0f} s")
        child.kill()
        child.join()
    return verdict or Verdict(case.name, f"its process ended with code {child.exitcode}")


def _child(family_name: str, case_name: str, folder: str, answers: multiprocessing.Queue) -> None:
    import torch

    torch.set_num_threads(1)
    # What the library logs belongs to none of the lines that are printed.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    family = next(family for family in FAMILIES if family.name == family_name)
    case = next(case for case in family.cases() if case.name == case_name)
    answers.put(check_here(case, Path(folder)))
