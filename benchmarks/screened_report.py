"""How long the interventional method takes on a network of ImageNet, from the spec to the report.

EfficientNet-Lite0 with its weights is asked about photographs of 224 pixels. There are millions of
slices of its kernels: a first-order estimate, which takes one backward pass for each image, says
which of them are tested exactly. One JSON line tells the seconds of each stage, how many edges were
tested, and how well the estimate agrees with the exact effects.

    python benchmarks/screened_report.py [--images 1] [--screen 50] [--layers NAME ...]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import causalxai as cx

GOAL_SECONDS = 300.0


def main() -> None:
    """Run the method once, in a store of its own, and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1, help="how many are explained")
    parser.add_argument(
        "--screen", type=int, default=50, help="edges of each layer that are tested"
    )
    parser.add_argument("--layers", nargs="+", help="all layers unless given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        done = cx.run(spec(options.images, options.screen, options.layers), out=Path(folder))
        seconds = time.perf_counter() - started
    stages = {str(stage): round(cost.seconds, 1) for stage, cost in done.pipeline.costs.items()}
    line = {
        "benchmark": "screened_report",
        "case": f"{len(done.explanation.images)} photographs, {options.screen} edges a layer",
        "concepts": len(done.pipeline.space.concepts),
        "seconds": round(seconds, 1),
        "stages": [f"{name} {spent} s" for name, spent in stages.items()],
        "screening": done.explanation.meta.get("screening"),
        "goal": GOAL_SECONDS,
        "met": seconds <= GOAL_SECONDS,
    }
    print(json.dumps(line), flush=True)


def spec(images: int, screen: int, layers: list[str] | None) -> dict[str, Any]:
    """Return the spec of the run."""
    concepts = {"use": "parameters", **({} if layers is None else {"layers": layers})}
    return {
        "causalxai": 1,
        "name": "screened",
        "dataset": "photographs",
        "classifier": "efficientnet-lite0",
        "images": {"count": images},
        "method": "interventional",
        "concepts": concepts,
        "graph": {"use": "interventional", "screen": screen},
        "metrics": [],
    }


if __name__ == "__main__":
    main()
