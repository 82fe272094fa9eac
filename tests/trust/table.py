"""The table of docs/trust.md."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.trust.family import Family, Verdict

_BEGIN, _END = "<!-- table: begin -->", "<!-- table: end -->"


@dataclass(frozen=True)
class Row:
    """The verdicts of one family."""

    family: Family
    verdicts: tuple[Verdict, ...]
    seconds: float

    @property
    def tried(self) -> int:
        return len(self.verdicts)

    @property
    def failed(self) -> int:
        return sum(bool(verdict.fault) for verdict in self.verdicts)

    @property
    def held(self) -> int:
        return self.tried - self.failed

    def measured(self) -> tuple[str, ...]:
        """Return the measured numbers of the cases that have some."""
        return tuple(f"{v.case}: {v.measured}" for v in self.verdicts if v.measured)


def write_table(document: Path, rows: list[Row]) -> None:
    """Replace the table between two marks of a Markdown document."""
    before, begin, rest = document.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{document} has no lines {_BEGIN!r} and {_END!r}")
    lines = [
        "| family | promise | tried | held | failed | seconds |",
        "|---|---|---:|---:|---:|---:|",
        *(
            f"| {row.family.name} | {row.family.promise} | {row.tried} | {row.held} "
            f"| {row.failed} | {row.seconds:.0f} |"
            for row in rows
        ),
    ]
    document.write_text(
        f"{before}{_BEGIN}\n" + "\n".join(lines) + f"\n{_END}{after}", encoding="utf-8"
    )
