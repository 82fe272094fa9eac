"""What the commands cost before they do any work: CPU time in units of an empty interpreter.

Each round starts every command once, in turn with ``python -c pass``, so that a busy machine slows
all of them alike. The smallest of the rounds counts. The lines are ``--help``, ``plugins``, and
``validate`` for each spec; ``import torch`` tells how much of them is PyTorch's own. Both commands
remember what they have found while nothing changes: they are measured the first time, without that
memory, and again, with it.

    python benchmarks/start.py [SPEC...] [--rounds 5]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_EMPTY, _TORCH = "python -c pass", "python -c import torch"
_COMMAND = (sys.executable, "-c", "from causalxai.cli import main; main()")
_GOALS = {"--help": "at most 3 times", "plugins": "at most 1.5 s", "validate": "at most 1.5 s"}


@dataclass(frozen=True)
class Command:
    """A command to start, and what its environment has besides the caller's."""

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def main() -> None:
    """Print a line for each command: its CPU time, its ratio to an empty process and its goal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("specs", nargs="*", default=["specs/interventional-quickstart.yaml"])
    parser.add_argument("--rounds", type=int, default=5, help="how often each command is started")
    options = parser.parse_args()
    commands = commands_for(options.specs)
    seconds = {name: float("inf") for name in commands}
    for _ in range(options.rounds):
        for name, command in commands.items():
            seconds[name] = min(seconds[name], cpu_seconds(command))
    for name, taken in seconds.items():
        goal = _GOALS.get(name.replace(",", " ").split()[0], "")
        print(f"{name:60} {taken:6.2f} s {taken / seconds[_EMPTY]:7.1f} times  {goal}".rstrip())


def commands_for(specs: Sequence[str]) -> dict[str, Command]:
    """Return the commands to start, by the name that is printed."""
    found = {
        _EMPTY: Command((sys.executable, "-c", "pass")),
        _TORCH: Command((sys.executable, "-c", "import torch")),
        "--help": Command((*_COMMAND, "--help")),
    }
    for words in (("plugins",), *(("validate", spec) for spec in specs)):
        command = (*_COMMAND, *words)
        found[f"{' '.join(words)}, first"] = Command(command, {"CAUSALXAI_NO_CACHE": "1"})
        # The first of the rounds looks and remembers.
        found[f"{' '.join(words)}, again"] = Command(command)
    return found


def cpu_seconds(command: Command) -> float:
    """Return the CPU time, in seconds, that a command takes on one thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **command.environment}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command.words, check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
