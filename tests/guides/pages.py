"""What a reader of a page types, runs and saves, in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(console|python|yaml)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_SCRIPT = "guide.py"


@dataclass(frozen=True)
class Step:
    """One command of a page.

    Parameters
    ----------
    command
        As on the page, for a shell.
    file, text
        What the reader has saved before, if anything.
    """

    command: str
    file: str = ""
    text: str = ""


def steps(page: Path) -> Iterator[Step]:
    """Yield what a reader does, in order.

    The Python code of a page is one script, in the place of its first block. A spec is saved under
    the first name that the commands below it mention, and validated. Blocks that show another file
    of the repository are no steps.
    """
    found = _BLOCK.findall(page.read_text("utf-8"))
    code = "\n".join(text for language, text in found if language == "python")
    for place, (language, text) in enumerate(found):
        if "--8<--" in text:
            continue
        if language == "python" and code:
            yield Step(f"python {_SCRIPT}", _SCRIPT, code)
            code = ""
        elif language == "yaml" and text.startswith("causalxai: 1"):
            below = "\n".join(text for language, text in found[place:] if language == "console")
            name = re.search(r"\S+\.yaml", below)
            spec = name.group() if name else "spec.yaml"
            yield Step(f"causalxai validate {spec} --trust-code", spec, text)
        elif language == "console":
            lines = (line.partition(" #")[0].strip() for line in text.splitlines())
            yield from (Step(line) for line in lines if line)
