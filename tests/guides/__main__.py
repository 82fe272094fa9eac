"""Follow the documentation's guides word for word, in a fresh clone with its own environment.

    python -m tests.guides [--page PAGE ...] [--clone FOLDER]

The last commit is cloned into a temporary folder. There the commands, the Python code and the specs
of each page run in their order, with the pictures and the network of an imagined reader: two
classes that differ in colour. The digest ``1a2b3c4d`` in the name of a run, and the package
``my_package``, stand for the reader's own. The first command that fails ends the script with its
output and with exit code 1.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file

from tests.guides.my_network import Net
from tests.guides.pages import Step, steps

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    *("README.md", "docs/index.md", "docs/ideas.md", "docs/comparing.md", "docs/cli.md"),
    *("docs/reports.md", "docs/plugins/index.md"),
)
LEFT_OUT = {
    "make test": "continuous integration runs it",
    ".venv/bin/causalxai compare specs/photographs.yaml": "it downloads weights and takes minutes",
}
"""Commands that are not run, and why."""

BEFORE = {
    "docs/reports.md": "causalxai run glance-quickstart --quiet",
    "docs/plugins/index.md": "rm -rf causalxai-bright-corners",
}
"""What a page takes for granted, as a command."""

AFTER = {
    "causalxai new-plugin bright-corners --kind concept-space": (
        "causalxai-bright-corners",
        "pip install --quiet --no-deps --no-build-isolation -e .",
    ),
}
"""After a command: the folder in which the page goes on, and what it says there in a sentence."""

MODEL = "from my_network import Net\nmodel = Net().eval()\n"
"""The code that a reader has already: a trained network."""


class Reader:
    """Somebody who follows a page in a clone.

    Parameters
    ----------
    clone
        The folder of the clone, in which ``make install`` was called.
    """

    def __init__(self, clone: Path) -> None:
        self._clone = clone
        self._here = clone
        path = f"{clone / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        self._environment = {**os.environ, "PATH": path, "PYTHONPATH": str(clone)}

    def follow(self, page: str) -> None:
        """Do what a page says."""
        self._here = self._clone
        if page in BEFORE:
            self._run(page, BEFORE[page])
        for step in steps(self._clone / page):
            if step.command in LEFT_OUT:
                _tell(f"{page}: {step.command}: left out, {LEFT_OUT[step.command]}")
            else:
                self._take(page, step)

    def _take(self, page: str, step: Step) -> None:
        if step.file:
            text = MODEL + step.text if step.file.endswith(".py") else step.text
            (self._here / step.file).write_text(text, "utf-8")
        self._run(page, step.command)
        folder, command = AFTER.get(step.command, ("", ""))
        if command:
            self._here = self._clone / folder
            self._run(page, command)

    def _run(self, page: str, command: str) -> None:
        begun = time.perf_counter()
        done = subprocess.run(
            ["bash", "-c", self._own(command)],
            cwd=self._here,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"{page}: {command}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        _tell(f"{page}: {command}: {time.perf_counter() - begun:.0f} s")

    def _own(self, command: str) -> str:
        """Return a command with the reader's own names in place of the page's."""
        command = command.replace("my_package", "causalxai_bright_corners")
        return re.sub(r"(runs/[\w-]+)-1a2b3c4d", self._newest, command)

    def _newest(self, match: re.Match[str]) -> str:
        runs = self._clone.glob(f"{match.group(1)}-*")
        return str(max(runs, key=lambda path: path.stat().st_mtime, default=match.group()))


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def furnish(clone: Path) -> None:
    """Put the reader's pictures and network into a clone."""
    rng = torch.Generator().manual_seed(0)
    for name, channel in (("cat", 0), ("dog", 2)):
        folder = clone / "photos" / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(40):
            pixels = torch.randint(0, 100, (64, 64, 3), generator=rng)
            pixels[..., channel] += 120
            Image.fromarray(pixels.byte().numpy()).save(folder / f"{number}.png")
    shutil.copy(clone / "photos" / "cat" / "0.png", clone / "new.jpg")
    network = Path(__file__).with_name("my_network.py")
    (clone / "my_package").mkdir(exist_ok=True)
    for place in (clone / "my_network.py", clone / "my_package" / "nets.py"):
        shutil.copy(network, place)
    weights = Net().state_dict()
    torch.save(weights, clone / "net.pt")
    save_file(weights, clone / "net.safetensors")


def main() -> None:
    """Clone the last commit, and follow the guides in it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--page", action="append", choices=PAGES, help="one page alone")
    parser.add_argument("--clone", type=Path, help="a clone that is there already")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="causalxai-guides-") as folder:
        clone = (options.clone or Path(folder) / "causalxai").resolve()
        if options.clone is None:
            subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        subprocess.run(["make", "install"], cwd=clone, check=True)
        furnish(clone)
        for page in options.page or PAGES:
            Reader(clone).follow(page)


if __name__ == "__main__":
    main()
