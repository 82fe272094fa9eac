"""The command ``layers``: the layers of a spec's classifier."""

from __future__ import annotations

import sys

from causalxai.command_line.options import Debug, Overrides, Quiet, SpecFile, TrustCode
from causalxai.command_line.shipped import spec_file
from causalxai.command_line.terminal import set_up_logging


def layers_command(
    spec: SpecFile,
    overrides: Overrides = None,
    trust_code: TrustCode = False,
    quiet: Quiet = False,  # noqa: ARG001
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """List the layers of a spec's classifier, and their uses.

    A spec with no more than a data set and a classifier will do.
    """
    console = set_up_logging()
    from causalxai.config import load_grid
    from causalxai.pipeline.layers import layer_tables
    from causalxai.progress.bars import terminal_progress

    grid = load_grid(spec_file(spec), overrides or (), trust_code=trust_code, may_ask_nothing=True)
    with terminal_progress(console) as progress:
        tables = layer_tables(grid, progress)
    sys.stdout.write("\n\n".join(tables) + "\n")
