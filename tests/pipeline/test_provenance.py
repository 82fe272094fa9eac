from __future__ import annotations

from importlib import metadata

import pytest

import causalxai_interventional
from causalxai import Run
from causalxai.pipeline import provenance
from causalxai.pipeline.provenance import library_versions, provenance_of


def test_the_libraries_are_those_that_the_distributions_require(monkeypatch: pytest.MonkeyPatch):
    required = {
        "core": ["torch>=2.6", "numpy (>=1.26)", 'pytest>=8; extra == "dev"', "no-such-library"],
        "plugin": ["scipy", 'torch[opt]>=2; python_version > "3"'],
        "bare": None,
    }

    def requires(name: str) -> list[str] | None:
        if name not in required:
            raise metadata.PackageNotFoundError(name)
        return required[name]

    monkeypatch.setattr(provenance, "requires", requires)
    expected = {name: metadata.version(name) for name in ("numpy", "scipy", "torch")}
    assert library_versions(["core", "plugin", "bare", "unknown distribution"]) == expected


def test_a_run_says_what_made_it(finished: Run):
    described = provenance_of(finished.pipeline)
    assert {"torch", "numpy", "captum", "scikit-image"} <= described["libraries"].keys()
    assert "pytest" not in described["libraries"]
    assert described["plugins"]["graph"] == {
        "name": "interventional",
        "distribution": "causalxai",
        "version": causalxai_interventional.__version__,
        "object": "causalxai_interventional.discoverer:InterventionalDiscoverer",
    }
    assert described["keys"] == finished.pipeline.keys
