"""Commands as tests call them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


RUNS_CODE = """
from pathlib import Path
from torch import nn

Path("THIS_WAS_RUN").touch()

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(256, 10))
"""
"""A module with a network, which leaves a file where it is run."""

Cli = Callable[..., Done]


def in_a_process(*arguments: str | Path, cwd: Path) -> Done:
    """Run a command in a process of its own."""
    command = [sys.executable, "-c", "from causalxai.cli import main; main()"]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, cwd=cwd)
    return Done(done.returncode, done.stdout, done.stderr)


def no_json(word: str) -> None:
    """Refuse what JSON doesn't know, as a number of ``json.loads``'s ``parse_constant``."""
    raise AssertionError(f"{word} is no JSON")
