"""Runs that do without concepts, oracle, graph or explanation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from causalxai import Intervention, Run, run
from causalxai.errors import CapabilityError, SpecError

Spec = dict[str, Any]
Tiny = Callable[..., Run]


@pytest.fixture
def tiny(finished_copy: Path, tiny_spec: Spec) -> Tiny:
    """Run the tiny spec with other stages, on the classifier that is in the store."""

    def made(**stages: object) -> Run:
        kept = {k: tiny_spec[k] for k in ("causalxai", "name", "device", "dataset", "classifier")}
        return run({**kept, "images": tiny_spec["images"], **stages}, out=finished_copy)

    return made


def test_a_heat_map_computes_neither_concepts_nor_oracle_nor_graph(tiny: Tiny):
    done = tiny(method="grad-cam")
    assert done.pipeline.reused == ["classifier"]
    assert done.pipeline.computed == ["explain", "metrics.deletion", "metrics.insertion", "report"]
    assert done.explanation.maps
    log = (done.directory / "log.txt").read_text(encoding="utf-8")
    assert "graph:" not in log
    assert "concepts:" not in log
    assert not list(done.directory.glob("graph.*"))
    assert "in the causal graph" not in done.report.read_text(encoding="utf-8")
    with pytest.raises(CapabilityError, match=r"causal graph .* this run has none"):
        _ = done.graph
    with pytest.raises(CapabilityError, match=r"oracle .* this run has none"):
        _ = done.oracle


def test_a_graph_without_an_explanation(tiny: Tiny, tiny_spec: Spec):
    done = tiny(
        method="interventional",
        concepts=tiny_spec["concepts"],
        graph=tiny_spec["graph"],
        explain="none",
        metrics=[{"use": "correction", "errors": 2}],
    )
    assert done.pipeline.reused[:3] == ["classifier", "concepts", "graph"]
    assert done.metrics["correction"].status == "ok"
    assert done.graph.edges
    assert not (done.directory / "explanation").exists()
    with pytest.raises(CapabilityError, match="explains nothing"):
        _ = done.explanation


def test_concepts_without_a_graph(tiny: Tiny, tiny_spec: Spec):
    done = tiny(concepts={"use": "parameters", **tiny_spec["concepts"]})
    assert done.pipeline.reused == ["classifier", "concepts"]
    assert done.pipeline.computed == ["report"]
    assert len(done.space.concepts) > 0


def test_an_oracle_to_ask_by_hand(tiny: Tiny):
    done = tiny(concepts="parameters", oracle="parameters")
    units = done.space.encode(done.dataset.test.images[:3])
    logits = done.oracle.query(units, Intervention.none()).answer("logits")
    assert logits.shape == (1, 3, len(done.dataset.class_names))


def test_what_a_part_lacks_is_told_before_any_training(tiny_spec: Spec, tmp_path: Path):
    spec = {**tiny_spec, "concepts": "none", "oracle": "none"}
    with pytest.raises(SpecError, match="graph: 'interventional' needs a concept space"):
        run(spec, out=tmp_path / "runs of this test")
    assert not (tmp_path / "runs of this test").exists()


def test_a_metric_that_needs_what_a_single_run_lacks_is_a_mistake(tiny: Tiny):
    with pytest.raises(SpecError, match="'faithfulness' needs a concept space"):
        tiny(method="grad-cam", metrics=["faithfulness"])
