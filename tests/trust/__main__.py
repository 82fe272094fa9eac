"""``python -m tests.trust``: runs all families, prints a line for each, and writes the table."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.trust.families import FAMILIES
from tests.trust.family import Family, Verdict
from tests.trust.running import run_family
from tests.trust.table import Row, write_table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.trust", description=__doc__)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help="by default all")
    parser.add_argument("--jobs", type=int, default=2, help="cases at a time")
    parser.add_argument("--quick", action="store_true", help="only the default suite's cases")
    parser.add_argument("--verbose", action="store_true", help="a line for each case")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table into it")
    chosen = parser.parse_args()
    known = {family.name: family for family in FAMILIES}
    unknown = sorted(set(chosen.families) - known.keys())
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)} (known: {', '.join(known)})")
    families = [known[name] for name in chosen.families or known]
    rows = [_run(family, chosen) for family in families]
    if chosen.write is not None:
        write_table(chosen.write, rows)
    return 1 if any(row.failed for row in rows) else 0


def _run(family: Family, chosen: argparse.Namespace) -> Row:
    begin = time.perf_counter()
    verdicts: list[Verdict] = []
    for verdict in run_family(family, jobs=chosen.jobs, quick=chosen.quick):
        verdicts.append(verdict)
        if chosen.verbose or verdict.fault:
            state = f"FAILED: {verdict.fault}" if verdict.fault else f"held {verdict.measured}"
            _say(f"    {verdict.case} ({verdict.seconds:.1f} s): {state}")
    row = Row(family, tuple(verdicts), time.perf_counter() - begin)
    _say(
        f"{family.name}: {row.tried} tried, {row.held} held, {row.failed} failed "
        f"({row.seconds:.0f} s)"
    )
    for measured in row.measured():
        _say(f"    {measured}")
    return row


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
