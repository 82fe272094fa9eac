"""How long the interventional method takes on a network of ImageNet, from the spec to the report.

EfficientNet-Lite0 with its weights is asked about photographs of 224 pixels. There are millions of
slices of its kernels: a first-order estimate, which takes one backward pass for each image, says
which of them are tested exactly. One JSON line tells the seconds of each stage, how many edges were
tested, and how well the estimate agrees with the exact effects.

Whether the estimate finds the edges of the largest effects is measured afterwards, and not counted
among the seconds. For some layers, a random sample of the edges is tested exactly, without any
screening. The recall is the share of the 1 % with the largest exact effects that are also among the
1 % with the largest estimates: over all these layers together, with its 95 % interval, and by
layer. The last layer has no part in it, because the logits are linear in its weights, so that the
estimate is exact. ``cpu_seconds`` are those that all cores computed together, which other programs
on the machine hardly change.

    python benchmarks/screened_report.py [--images 1] [--screen 50] [--layers NAME ...]
        [--recall-edges 1000]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from _oracle_sweep import spread
from torch import Tensor

import causalxai as cx
from causalxai.metric import Estimate
from causalxai_interventional.parameter_oracle import ParameterOracle

GOAL_SECONDS = 300.0
_RECALL_LAYERS = 6
_LARGEST = 0.01


def main() -> None:
    """Run the method once, in a store of its own, and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1, help="how many are explained")
    parser.add_argument(
        "--screen", type=int, default=50, help="edges of each layer that are tested"
    )
    parser.add_argument("--layers", nargs="+", help="all layers unless given")
    parser.add_argument(
        "--recall-edges", type=int, default=1000, help="edges of a layer in the test of the recall"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        started, computed = time.perf_counter(), time.process_time()
        done = cx.run(spec(options.images, options.screen, options.layers), out=Path(folder))
        seconds, computed = time.perf_counter() - started, time.process_time() - computed
        found = found_largest(done, options.recall_edges)
    recall = Estimate.share(torch.cat([*found.values()]).numpy())
    stages = {str(stage): round(cost.seconds, 1) for stage, cost in done.pipeline.costs.items()}
    line = {
        "benchmark": "screened_report",
        "case": f"{len(done.explanation.images)} photographs, {options.screen} edges a layer",
        "concepts": len(done.pipeline.space.concepts),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(computed, 1),
        "stages": [f"{name} {spent} s" for name, spent in stages.items()],
        "screening": done.explanation.meta.get("screening"),
        "recall_of_top_1_percent": round(recall.value, 3),
        "recall_interval": [round(end, 3) for end in (recall.low, recall.high) if end is not None],
        "recall_by_layer": {name: round(float(hits.mean()), 3) for name, hits in found.items()},
        "recall_edges": options.recall_edges,
        "goal": GOAL_SECONDS,
        "met": seconds <= GOAL_SECONDS,
    }
    print(json.dumps(line), flush=True)


def found_largest(done: cx.Run, edges: int) -> dict[str, Tensor]:
    """Return which of the largest effects have the largest estimates, for the first image.

    Parameters
    ----------
    done
        The run.
    edges
        How many edges of a layer are tested, at random. Layers with fewer are left out, as far as
        there are others.

    Returns
    -------
    dict
        By layer ``[m]``, 1 for each of the largest exact effects that is among the largest
        estimates, and 0 for the others.
    """
    oracle, explanation = done.pipeline.oracle, done.explanation
    assert isinstance(oracle, ParameterOracle)
    assert explanation is not None
    layers = oracle.space.layers
    large = [layer for layer in layers if layer.count >= edges and not layer.is_last] or layers
    units, target = oracle.space.encode(explanation.images[:1]), explanation.target[:1]
    estimates, plain = (
        oracle.first_order(units, target)[0],
        oracle.classifier.logits(explanation.images[:1]),
    )
    found = {}
    for place in spread(len(large), _RECALL_LAYERS):
        layer = large[place]
        order = torch.randperm(layer.count, generator=torch.Generator().manual_seed(0))
        concepts = layer.first + order[:edges].sort().values
        answers = oracle.query(units, cx.Intervention.ablate(concepts)).answer("logits")
        exact = (answers - plain)[:, 0, int(target)]
        found[layer.name] = hits(estimates[concepts], exact)
    return found


def hits(estimates: Tensor, exact: Tensor) -> Tensor:
    """Return which of the largest exact effects are among as many largest estimates.

    Parameters
    ----------
    estimates, exact
        ``[m]``, estimated and exact effects.

    Returns
    -------
    Tensor
        For each of the largest exact effects 1 or 0.
    """
    count = max(1, round(_LARGEST * len(exact)))
    largest, guessed = (effects.abs().topk(count).indices for effects in (exact, estimates))
    return torch.isin(largest, guessed).double()


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
