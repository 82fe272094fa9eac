"""``python -m causalxai.api [FOLDER ...]``: the declared API, or which imports are not of it."""

from __future__ import annotations

import sys
from pathlib import Path

from causalxai import __version__
from causalxai.api import API, DEPRECATED, public_names
from causalxai.api.check import docstring_of, faults_of_the_list, undeclared_imports


def main(folders: list[str]) -> int:
    """Print all faults, of the list and of the folders; return 1 if there is one, else 0.

    Without folders, print the list as Markdown instead.
    """
    if not folders:
        sys.stdout.write(listing())
        return 0
    public = public_names()
    faults = faults_of_the_list(public, DEPRECATED, __version__)
    faults += undeclared_imports(map(Path, folders), public, DEPRECATED)
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    sys.stdout.write(f"The declared API has {len(public)} names; {len(faults)} faults.\n")
    return min(1, len(faults))


def listing() -> str:
    """Return the list in Markdown: by purpose, each name with the first line of its docstring."""
    lines = ["# The declared API"]
    for section in API:
        lines += ["", f"## {section.purpose}"]
        for module, names in section.modules.items():
            lines += ["", f"`from {module} import ...`", ""]
            lines += [f"- `{name}`: {_summary(module, name)}" for name in names]
    return "\n".join([*lines, ""])


def _summary(module: str, name: str) -> str:
    text = docstring_of(module, name) or "no docstring"
    return " ".join(text.partition("\n\n")[0].split())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
