"""The page of all speeds, made from the lines of the benchmarks and of nothing else."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Line = Mapping[str, Any]

_WIDTH = 100


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    head
        Its heading.
    value
        A key of the lines, or a function of a line.
    """

    head: str
    value: str | Callable[[Line], object]

    def cell(self, line: Line) -> str:
        """Return a line's cell; empty where there is no value."""
        value = line.get(self.value) if isinstance(self.value, str) else self.value(line)
        return written(value)


@dataclass(frozen=True)
class Section:
    """What the page says of one benchmark.

    Parameters
    ----------
    benchmark
        The benchmark's name, as its lines have it.
    title
        The section's title.
    text
        What was measured, on what, and what its figures mean.
    columns
        The columns of its table.
    applies
        Which of the benchmark's lines belong into the table.
    met
        Whether a line reaches its goal; ``None`` if it has none.
    shortfall
        What is missing in a line whose goal is not reached, as a sentence; by default its case,
        its ratio and its goal.
    """

    benchmark: str
    title: str
    text: str
    columns: tuple[Column, ...]
    applies: Callable[[Line], bool] = lambda _line: True
    met: Callable[[Line], bool | None] = lambda line: line.get("met")
    shortfall: Callable[[Line], str] | None = None


def page(lines: Sequence[Line], sections: Sequence[Section]) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    lines
        Those of all benchmarks; each has the key ``benchmark``.
    sections
        In the order of the page. Lines that belong to none are not lost: they get a table of all
        their keys.
    """
    parts: list[str] = []
    used: set[int] = set()
    verdicts: list[bool | None] = []
    for section in sections:
        own = [
            line
            for line in lines
            if line["benchmark"] == section.benchmark and _is_figure(line) and section.applies(line)
        ]
        used |= {id(line) for line in own}
        verdicts += [section.met(line) for line in own]
        if own:
            parts += [f"## {section.title}", filled(section.text), table(section.columns, own)]
            parts += _what_falls_short(section, own)
    rest = [line for line in lines if _is_figure(line) and id(line) not in used]
    for name in dict.fromkeys(str(line["benchmark"]) for line in rest):
        own = [line for line in rest if line["benchmark"] == name]
        keys = dict.fromkeys(key for line in own for key in line if key != "benchmark")
        parts += [f"## {name}", table([Column(key, key) for key in keys], own)]
    failed = [line for line in lines if "failed" in line]
    if failed:
        told = [f"- {line['benchmark']}: {line['failed']}" for line in failed]
        parts += ["## What could not be measured", "\n".join(told)]
    return "\n\n".join([_head(lines, verdicts), *parts]) + "\n"


def table(columns: Sequence[Column], lines: Sequence[Line]) -> str:
    """Return a table; columns without any value are left out."""
    cells = [[column.cell(line) for column in columns] for line in lines]
    kept = [place for place in range(len(columns)) if any(row[place] for row in cells)]
    rows = [[columns[place].head for place in kept], ["---"] * len(kept)]
    rows += [[row[place] for place in kept] for row in cells]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def written(value: object) -> str:
    """Return a value as a table shows it; three digits of a number."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return grouped(str(value))
        case float():
            digits = f"{value:.3g}"
            return grouped(f"{value:.0f}" if "e+" in digits else digits)
        case list() | tuple():
            return ", ".join(written(one) for one in value)
        case _:
            return str(value).replace("|", "\\|")


def grouped(digits: str) -> str:
    """Separate the thousands of a number of five digits or more."""
    whole, _, rest = digits.partition(".")
    if not whole.removeprefix("-").isdecimal() or len(whole) < 5:
        return digits
    return f"{int(whole):,}".replace(",", " ") + (f".{rest}" if rest else "")


def filled(text: str) -> str:
    """Break each paragraph into lines."""
    return "\n\n".join(textwrap.fill(part, _WIDTH) for part in text.strip().split("\n\n"))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines; a file that does not exist has none."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def write_lines(path: Path, lines: Sequence[Line]) -> None:
    """Write a file of JSON lines."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def _is_figure(line: Line) -> bool:
    return line["benchmark"] not in ("machine", "took") and "failed" not in line


def _head(lines: Sequence[Line], verdicts: Sequence[bool | None]) -> str:
    parts = [
        "# Performance",
        filled(
            "`make bench` measures all this and writes this page. The page is made from the lines "
            "of `performance.jsonl` beside it and from nothing else; "
            "`python benchmarks/performance.py --from-lines` makes it again. Each figure stands "
            "beside that of another way to do the same, measured in the same process, or beside "
            "what was asked for; each section tells the other way and the conditions."
        ),
    ]
    parts += [filled(_machine(line)) for line in lines if line["benchmark"] == "machine"]
    goals = [met for met in verdicts if met is not None]
    if goals:
        parts.append(
            filled(
                f"{sum(goals)} of {len(goals)} goals are reached. Each section ends with what "
                "falls short of its goal."
            )
        )
    took = [_duration(line) for line in lines if line["benchmark"] == "took"]
    if took:
        parts.append(filled(f"The measurements took: {', '.join(took)}."))
    return "\n\n".join(parts)


def _duration(line: Line) -> str:
    return f"{line['of']} {line['seconds'] / 60:.1f} minutes ({line['date']})"


def _machine(line: Line) -> str:
    accelerator = f", {line['accelerator']}" if line.get("accelerator") else ""
    return (
        f"Measured on {line['date']} on {line['cpu']}, {line['cores']} cores{accelerator}, with "
        f"PyTorch {line['torch']} and Python {line['python']}."
    )


def _what_falls_short(section: Section, lines: Sequence[Line]) -> Iterator[str]:
    missed = [line for line in lines if section.met(line) is False]
    if missed:
        say = section.shortfall or _missed
        told = [
            textwrap.fill(
                f"{say(line)}{_profiled(line)}", _WIDTH, initial_indent="- ", subsequent_indent="  "
            )
            for line in missed
        ]
        yield "What falls short:\n\n" + "\n".join(told)


def _missed(line: Line) -> str:
    goal = f" of {written(line['goal'])}" if line.get("goal") is not None else ""
    return f"{line.get('case', line['benchmark'])}: {written(line.get('ratio'))}{goal}."


def _profiled(line: Line) -> str:
    found = line.get("profile")
    if not found:
        return ""
    told = [one if isinstance(one, str) else f"`{one[0]}` {one[1]:.0%}" for one in found]
    return f" The time is spent in {', '.join(told)}."
