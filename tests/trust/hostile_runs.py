"""Runs with hostile plugins, in this process or in one of their own, and what is required of them.

The plugins are the distributions in ``tests/trust/plugins``, beside the toys of
``tests/comparison``.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import entrypoints
from ruamel.yaml import YAML

from causalxai.cli import main
from causalxai.plugin import registry
from causalxai.storage.store import Store

_TESTS = Path(__file__).parents[1]
_INSTALLED = (_TESTS / "trust" / "plugins", _TESTS / "comparison" / "fakes")
_SPEC: Mapping[str, Any] = {
    "causalxai": 1,
    "name": "hostile",
    "device": "cpu",
    "dataset": "toy",
    "classifier": "toy",
    "method": "toy",
    "images": {"count": 5},
    "metrics": ["distance"],
}


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


def install() -> None:
    """Make the parts of this family, and no others, known in this process."""
    sys.path[:0] = map(str, _INSTALLED)
    registry.found.cache_clear()
    entrypoints.get_group_all = partial(entrypoints.get_group_all, path=list(map(str, _INSTALLED)))


def write_spec(folder: Path, **changes: Any) -> Path:
    path = folder / "spec.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump({**_SPEC, **changes}, file)
    return path


def call(*arguments: object) -> Done:
    """Call the command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["causalxai", *map(str, arguments)]
    code: Any = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            code = stop.code
    return Done(int(code or 0), out.getvalue(), err.getvalue())


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start the command line in a process of its own."""
    path = os.pathsep.join([*map(str, _INSTALLED), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", "from causalxai.cli import main; main()", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    )


def finished(process: subprocess.Popen[str]) -> Done:
    out, err = process.communicate(timeout=250)
    return Done(process.returncode, out, err)


def require(done: Done, code: int, told: str, who: str) -> None:
    assert done.code == code, f"code {done.code}: {done.err[-500:]}"
    last = done.err.strip().splitlines()[-1] if done.err.strip() else ""
    line = next((line for line in done.err.splitlines() if who in line), last)
    assert who in line, f"nobody is named: {last}"
    assert re.search(told, line), f"it says: {line}"
    assert "Traceback" not in done.err, "there is a traceback"


def require_clean(runs: Path, *, without: tuple[str, ...]) -> None:
    """Require a store of sound records, none of them of the stages that failed."""
    store = Store(runs / ".store")
    leftovers = list(runs.rglob(".writing-*"))
    assert not leftovers, f"left behind: {leftovers}"
    folders = [path for path in store.root.glob("*/*") if path.is_dir()]
    for folder in folders:
        stage = folder.parent.name
        if stage not in ("locks", "partial"):
            assert stage not in without, f"{stage} was stored"
            assert store.read(stage, folder.name) is not None, f"{folder} is damaged"
