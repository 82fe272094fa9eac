"""The command ``validate``: all mistakes of a spec, before anything is trained."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from causalxai.command_line.options import Debug, Overrides, Quiet, SpecFile, TrustCode
from causalxai.command_line.remembered import Remembered
from causalxai.command_line.shipped import spec_file
from causalxai.command_line.terminal import set_up_logging
from causalxai.errors import SpecError

if TYPE_CHECKING:
    from causalxai.config import Grid
    from causalxai.pipeline.validation import Validation


def validate_command(
    spec: SpecFile,
    overrides: Overrides = None,
    trust_code: TrustCode = False,
    quiet: Quiet = False,  # noqa: ARG001
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Check a spec before any training, and list all mistakes.

    Its paths, classes and layers are checked, too.
    """
    file = spec_file(spec)
    text = _text(file)
    remembered = Remembered(
        {
            "command": "validate",
            "file": str(file),
            "text": text,
            "overrides": overrides or [],
            "trust_code": trust_code,
        }
    )
    known = remembered.recall()
    if known is not None:
        _tell(spec, known["notes"], known["valid"])
        return
    grid, found = _validated(file, overrides or (), trust_code=trust_code)
    runs = f": {len(grid.cells)} runs" if grid.axes else ""
    valid = f"{grid.name} is valid{runs}"
    _tell(spec, found.notes, "" if found.problems else valid)
    if found.problems:
        raise SpecError(found.problems)
    if not found.rests_on_files and text is not None and text == _text(file):
        remembered.keep({"notes": found.notes, "valid": valid})


def _validated(
    file: Path, overrides: Sequence[str], *, trust_code: bool
) -> tuple[Grid, Validation]:
    set_up_logging()
    from causalxai.config import load_grid
    from causalxai.pipeline.validation import validate_grid

    # Without trust no code is imported, so that a spec of other people can be looked at.
    grid = load_grid(file, overrides, trust_code=True)
    return grid, validate_grid(grid, trust_code=trust_code)


def _tell(spec: Path, notes: Iterable[str], valid: str) -> None:
    for note in notes:
        sys.stderr.write(f"{spec}: {note}\n")
    if valid:
        sys.stdout.write(f"{spec}: {valid}\n")


def _text(file: Path) -> str | None:
    """Return the content of a spec; ``None`` if it cannot be read, which is told later."""
    try:
        return file.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return None
