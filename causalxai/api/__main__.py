"""``python -m causalxai.api FOLDER ...``: which imports are not of the declared API."""

from __future__ import annotations

import sys
from pathlib import Path

from causalxai import __version__
from causalxai.api import DEPRECATED, public_names
from causalxai.api.check import faults_of_the_list, undeclared_imports


def main(folders: list[str]) -> int:
    """Print all faults, of the list and of the folders; return 1 if there is one, else 0."""
    public = public_names()
    faults = faults_of_the_list(public, DEPRECATED, __version__)
    faults += undeclared_imports(map(Path, folders), public, DEPRECATED)
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    sys.stdout.write(f"The declared API has {len(public)} names; {len(faults)} faults.\n")
    return min(1, len(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
