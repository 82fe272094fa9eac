"""Processes of a launcher train together; the first one stores the results and goes on alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from causalxai import run
from causalxai.errors import CapabilityError
from causalxai.pipeline.launched import launched, run_launched
from causalxai.pipeline.stage_results import StageResults, Work
from causalxai.storage.record import Record
from causalxai.storage.store import Store
from causalxai.training.data_parallel import is_first
from tests.two_processes import in_two_processes

Spec = dict[str, Any]

LENET: Spec = {"use": "lenet", "epochs": 1}
SALIENCY: Spec = {
    "causalxai": 1,
    "name": "two-saliency",
    "device": "cpu",
    "dataset": "digits",
    "classifier": LENET,
    "method": "saliency",
    "metrics": [],
    "images": {"only": "any", "count": 1},
}
DVAE: Spec = {
    **SALIENCY,
    "name": "two-dvae",
    "method": "dvae",
    "concepts": {
        "autoencoder": {"bits": 4, "steps": 4},
        "generator": {"steps": 4, "batch_size": 8},
    },
    "graph": {"units": 5},
    "explain": {"pictures": 1},
}
GLANCE: Spec = {
    **SALIENCY,
    "name": "two-glance",
    "dataset": {"use": "morpho", "scenario": "TI", "limit": 60, "test_limit": 20},
    "method": "glance",
    "concepts": {"latents": 4, "steps": 4, "channels": 8, "batch_size": 4},
    "graph": {"units": 5, "repeats": 1},
    "explain": {"samples": 10},
}


@pytest.mark.slow
@pytest.mark.parametrize("spec", [SALIENCY, DVAE, GLANCE], ids=lambda spec: spec["name"])
def test_two_processes_run_a_spec(
    spec: Spec, write_spec: Callable[[Spec], Path], tmp_path: Path
) -> None:
    pytest.importorskip("accelerate")
    launcher = (sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu")
    options = ("--num_processes", "2", "--num_machines", "1", "--main_process_port", "0")
    command = ("-m", "causalxai", "run", str(write_spec(spec)), "--out", str(tmp_path / "runs"))
    done = subprocess.run(
        [*launcher, *options, *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (report,) = done.stdout.split()
    assert "2 processes train together" in (Path(report).parent / "log.txt").read_text()
    # What they stored serves a process that works alone.
    again = run(spec, out=tmp_path / "runs")
    assert again.report == Path(report)
    assert again.pipeline.computed == []


def test_the_first_process_alone_uses_the_store(tmp_path: Path) -> None:
    """All go on from its checkpoint, and have its result."""
    Store(tmp_path / "first").checkpoint("concepts", "0123").save(Record(meta={"steps": 5}))

    def value() -> int:
        record = results().checkpoint("concepts", "0123").load()
        assert record is not None
        steps = record.meta["steps"]
        assert isinstance(steps, int)
        return steps if is_first() else -steps

    @cache
    def results() -> StageResults:
        return StageResults(Store(tmp_path / ("first" if is_first() else "second")), "nothing")

    work = Work(
        prepare=lambda: None,
        compute=value,
        to_record=lambda steps: Record(meta={"value": steps}),
        from_record=lambda record: record.meta["value"],
    )
    found = in_two_processes(
        lambda: results().get("concepts", "0123", work, lambda: None), tmp_path
    )
    assert found == [5, 5]
    stored = Store(tmp_path / "first").read("concepts", "0123")
    assert stored is not None
    assert stored.meta == {"value": 5}
    assert not (tmp_path / "second").exists()


def test_without_a_launcher_nothing_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not launched()
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert not launched()
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert launched()


def test_a_launcher_without_accelerate_is_told(
    tiny_spec: Spec, write_spec: Callable[[Spec], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(CapabilityError, match=r"pip install 'causalxai\[accelerate\]'"):
        run_launched(write_spec(tiny_spec))


def test_one_device_for_several_processes_is_refused(
    tiny_spec: Spec, write_spec: Callable[[Spec], Path]
) -> None:
    pytest.importorskip("accelerate")
    with pytest.raises(CapabilityError, match=r"cuda:0 is a single one.* or set it to cuda"):
        run_launched(write_spec({**tiny_spec, "device": "cuda:0"}))
