"""Specs whose runs take a second or two, and what several families do with runs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

Spec = dict[str, Any]

COMMAND = (sys.executable, "-c", "from causalxai.cli import main; main()")
"""The command line, in this environment."""

_BASE: Spec = {
    "causalxai": 1,
    "name": "small",
    "device": "cpu",
    "dataset": {"use": "digits", "size": 16},
    "classifier": {"use": "lenet", "epochs": 2, "channels": [4, 6], "hidden": 16},
    "images": {"count": 2, "only": "any"},
    "metrics": ["deletion"],
}
_MORPHO: Spec = {"use": "morpho", "scenario": "TI", "limit": 100, "test_limit": 20, "size": 16}

SPECS: Mapping[str, Spec] = {
    "interventional": {
        **_BASE,
        "method": "interventional",
        "concepts": {"layers": ["conv2"]},
        "graph": {"classes": ["0", "7"], "positives": 2},
        "explain": {"references": False, "map_layers": ["conv2"]},
    },
    "glance": {
        **_BASE,
        "dataset": {**_MORPHO, "size": 32},
        "method": "glance",
        "concepts": {"latents": 4, "steps": 4, "channels": 8, "batch_size": 8},
        "graph": {"units": 10, "repeats": 2},
        "explain": {"samples": 30},
    },
    "dvae": {
        **_BASE,
        "dataset": {"use": "digits", "size": 32},
        "method": "dvae",
        "concepts": {
            "autoencoder": {"bits": 4, "steps": 10},
            "generator": {"steps": 2, "batch_size": 4},
        },
        "graph": {"units": 5},
        "explain": {"pictures": 2},
        "metrics": [],
    },
    "patches": {
        **_BASE,
        "concepts": {"use": "patches", "grid": 2},
        "oracle": "patches",
        "graph": {"use": "effects", "images": 4},
        "explain": {"use": "shapley", "orders": 4},
    },
    "lime": {**_BASE, "explain": {"use": "lime", "samples": 20, "segments": 5}},
    "saliency": {**_BASE, "explain": "saliency"},
    "pc": {
        **_BASE,
        "dataset": _MORPHO,
        "graph": "pc",
        "metrics": ["correctness"],
    },
}
"""A small spec for each kind of method."""


def spec(name: str, **changes: Any) -> Spec:
    """Return a copy of a small spec with other values for some keys."""
    return {**deepcopy(SPECS[name]), **changes}


def write_spec(data: Spec, path: Path) -> Path:
    """Write a spec; JSON is YAML."""
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def start(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Start a command; its two outputs are text."""
    outputs = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    given = {**outputs, "env": environment, **options}
    return subprocess.Popen([*COMMAND, *map(str, arguments)], text=True, **given)


def finish(process: subprocess.Popen[str], seconds: float = 280) -> tuple[int, str, str]:
    """Wait for a command; return its exit code, output and errors."""
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def results(runs: Path) -> dict[str, str]:
    """Return the digests of all stored results and of what runs wrote, by path.

    What depends on the time, such as logs and costs, is left out.
    """
    timed = ("log.txt", "cost.json", "checksums.json", "provenance.json")
    found = {}
    for path in sorted(runs.rglob("*")):
        inside = path.relative_to(runs).as_posix()
        if path.is_file() and path.name not in timed and not inside.startswith(".store/locks"):
            found[inside] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def leftovers(runs: Path) -> list[str]:
    """Return the temporary files and checkpoints in a folder of runs."""
    inside = (path.relative_to(runs).as_posix() for path in runs.rglob("*"))
    return [name for name in inside if ".writing-" in name or name.startswith(".store/partial/")]
