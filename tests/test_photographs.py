"""Photographs and a network of ImageNet, from the spec to the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from causalxai import compare, run

SPEC = Path(__file__).parents[1] / "specs/photographs.yaml"


def test_a_run_explains_photographs(tmp_path: Path) -> None:
    found = run(
        {
            "causalxai": 1,
            "name": "photographs",
            "dataset": {"use": "photographs", "views": 1},
            "classifier": "efficientnet-lite0",
            "images": {"count": 2},
            "explain": {"use": "grad-cam", "batch_size": 2},
            "metrics": [{"use": "insertion", "baseline": "mean", "steps": 4}],
        },
        out=tmp_path,
    )

    names = found.classifier.class_names
    assert [names[label] for label in found.explanation.target.tolist()] == ["tabby", "espresso"]
    assert next(iter(found.explanation.maps.values())).shape == (2, 224, 224)
    insertion = found.metrics["insertion"]
    assert insertion.estimate is not None
    assert insertion.estimate.value > 0.5
    assert found.report.is_file()


@pytest.mark.slow
def test_the_spec_compares_all_its_methods(tmp_path: Path) -> None:
    few = ["dataset.views=1", "concepts.factors=4", "images.count=2"]
    found = compare(SPEC, overrides=few, out=tmp_path)

    assert len(found.entries) == 6
    scores = found.scores[found.scores.kind == "score"]
    assert set(scores.metric) == {"deletion", "insertion"}
    assert not scores.value.isna().any()
