"""Five methods and two controls explain one classifier; the scores, and where the page lies."""

from __future__ import annotations

import sys
from pathlib import Path

import causalxai

SPEC = Path(__file__).parents[1] / "specs" / "quickstart.yaml"


def main(spec: str | Path = SPEC, out: str | Path = "runs") -> None:
    """Compare, and print where to look."""
    comparison = causalxai.compare(spec, out=out)
    scores = comparison.scores[comparison.scores.kind == "score"]  # means over seeds
    rows = [axis.name for axis in comparison.axes if axis.name != "seed"]
    values = scores.set_index(["metric", *rows]).value.unstack(rows).T
    print(values.round(3).to_string())
    print(comparison.directory / "comparison.html")


if __name__ == "__main__":
    main(*sys.argv[1:])
