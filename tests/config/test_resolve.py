from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel import yaml

from causalxai.config import load_spec
from causalxai.errors import Problem, SpecError
from causalxai.plugin import PluginConfig, registry

Mistakes = Callable[..., list[str]]
STAGES = {
    "concepts": "parameters",
    "oracle": "parameters",
    "graph": "interventional",
    "explain": "interventional",
}


def settings(config: PluginConfig) -> dict[str, Any]:
    return config.model_dump()


def test_a_file(write: Callable[[str], str]) -> None:
    spec = load_spec(
        write("""
        causalxai: 1
        name: lenet-digits
        seed: 7
        device: cuda:1
        dataset: digits
        classifier: {use: lenet, epochs: 3}
        method: interventional
        images: {split: train, classes: ["3", 8], count: 2, only: any, target: label}
        metrics: [deletion, {use: insertion, steps: 5}]
        memory_mb: 64
        """)
    )
    assert (spec.name, spec.seed, spec.device, spec.memory_mb) == ("lenet-digits", 7, "cuda:1", 64)
    assert spec.images.model_dump() == {
        "split": "train",
        "classes": ("3", "8"),
        "count": 2,
        "only": "any",
        "target": "label",
    }
    assert spec.classifier.provenance.distribution == "fakeparts"
    assert type(spec.classifier.build()).__name__ == "LeNet"
    assert settings(spec.classifier.build().config)["epochs"] == 3
    assert [settings(metric.config) for metric in spec.metrics] == [{"steps": 10}, {"steps": 5}]


def test_short_and_long_forms_are_equal(minimal: dict[str, Any]) -> None:
    long = {"dataset": {"use": "digits"}, "classifier": {"use": "lenet"}, "graph": {}}
    assert load_spec(minimal | long) == load_spec(minimal)


def test_a_spec_without_a_method(minimal: dict[str, Any]) -> None:
    del minimal["method"]
    spec = load_spec(minimal | STAGES)
    assert spec.method is None
    assert spec.metrics == ()
    assert settings(spec.graph.config)["threshold"] == 1.0


def test_a_method_fills_the_stages(minimal: dict[str, Any]) -> None:
    spec = load_spec(minimal)
    assert spec.method == "interventional"
    assert settings(spec.concepts.config)["granularity"] == "unit"
    assert settings(spec.graph.config)["threshold"] == "relative"
    assert [settings(metric.config) for metric in spec.metrics] == [{"steps": 10}, {"steps": 20}]


@pytest.mark.parametrize("empty", [None, {}, {"use": None}])
def test_empty_stages_leave_all_to_the_method(minimal: dict[str, Any], empty: object) -> None:
    assert load_spec({**minimal, "graph": empty, "metrics": None}) == load_spec(minimal)


def test_a_stage_of_the_method_can_be_done_without(minimal: dict[str, Any]) -> None:
    spec = load_spec({**minimal, "explain": "none", "metrics": []})
    assert spec.explain is None
    assert list(spec.stages) == ["dataset", "classifier", "concepts", "oracle", "graph"]
    assert load_spec(yaml.YAML(typ="safe").load(spec.to_yaml())) == spec


@pytest.mark.parametrize("alone", [("concepts",), ("concepts", "oracle"), ("explain",)])
def test_stages_that_nothing_needs_may_be_absent(
    minimal: dict[str, Any], alone: tuple[str, ...]
) -> None:
    del minimal["method"]
    spec = load_spec(minimal | {stage: STAGES[stage] for stage in alone})
    assert list(spec.stages) == ["dataset", "classifier", *alone]


def test_settings_merge_over_the_methods(minimal: dict[str, Any]) -> None:
    minimal["concepts"] = {"weights": {"fc": 2.0}, "layers": ["fc"]}
    assert settings(load_spec(minimal).concepts.config) == {
        "granularity": "unit",
        "weights": {"conv1": 0.5, "fc": 2.0},
        "layer_names": ("fc",),
    }


def test_another_plugin_takes_none_of_the_methods_settings(minimal: dict[str, Any]) -> None:
    assert settings(load_spec({**minimal, "concepts": "pixels"}).concepts.config) == {"patch": 4}


def test_the_users_metrics_replace_the_methods(minimal: dict[str, Any]) -> None:
    assert load_spec({**minimal, "metrics": []}).metrics == ()


def test_overrides(minimal: dict[str, Any]) -> None:
    spec = load_spec(minimal, ["graph.threshold=0.4", "metrics=[deletion]", "metrics.0.steps=3"])
    assert settings(spec.graph.config)["threshold"] == 0.4
    assert [settings(metric.config) for metric in spec.metrics] == [{"steps": 3}]


def test_paths_stay_relative_and_the_home_is_expanded(
    minimal: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    minimal["dataset"] = {"use": "folder", "path": "~/images", "cache": "below", "label": "~"}
    assert settings(load_spec(minimal).dataset.config) == {
        "path": Path("/home/me/images"),
        "cache": Path("below"),
        "size": (28, 28),
        "label": "~",
    }


def test_five_mistakes_of_both_phases_are_told_at_once(write: Callable[[str], str]) -> None:
    path = write("""
        causalxai: 1
        name: five
        seed: three
        dataset: digts
        classifier:
          use: lenet
          epochs: 0
        method: interventional
        grpah: {threshold: 1.0}
        graph:
          treshold: 0.4
        """)
    with pytest.raises(SpecError) as raised:
        load_spec(path)
    assert raised.value.problems == (
        Problem("spec.yaml:3", "seed", "should be a whole number, not 'three'"),
        Problem(
            "spec.yaml:4",
            "dataset",
            "there is no dataset 'digts'; did you mean 'digits'? (known: digits, folder)",
        ),
        Problem("spec.yaml:7", "classifier.epochs", "should be at least 1, not 0"),
        Problem(
            "spec.yaml:9",
            "grpah",
            "unknown key; did you mean 'graph'? (allowed: budget, causalxai, classifier, "
            "concepts, dataset, device, explain, graph, images, memory_mb, method, metrics, name, "
            "oracle, sanity, seed, vary)",
        ),
        Problem(
            "spec.yaml:11",
            "graph.treshold",
            "unknown key; did you mean 'threshold'? "
            "(allowed: background, pruning, stop, threshold)",
        ),
    )


def test_an_empty_mapping_misses_everything(mistakes: Mistakes) -> None:
    assert mistakes({}) == [
        "spec: causalxai: is missing",
        "spec: name: is missing",
        "spec: dataset: is missing",
        "spec: classifier: is missing",
        "spec: the spec asks for nothing: set 'method' (known: by-broken, interventional), or "
        "one or more of concepts, oracle, graph, explain",
    ]


def test_what_is_missing_stands_at_the_mapping_around_it(mistakes: Mistakes) -> None:
    lines = mistakes("""
        # A comment.
        name: x
        dataset:
          use: folder
        classifier:
          epochs: 3
        method: interventional
        metrics:
          - deletion
          - steps: 3
        """)
    assert lines == [
        "spec.yaml:2: causalxai: is missing",
        "spec.yaml:3: dataset.path: is missing",
        "spec.yaml:5: classifier.use: is missing (known classifiers: broken, lenet)",
        "spec.yaml:10: metrics.1.use: is missing (known metrics: deletion, insertion)",
    ]


def test_mistakes_deep_in_a_plugins_settings(mistakes: Mistakes, minimal: dict[str, Any]) -> None:
    minimal["classifier"] = {
        "use": "lenet",
        "schedule": {"warmp": 1},
        "phases": [{}, {"kind": "cosin"}],
    }
    minimal["graph"] = {"background": {"forbiden": []}, "stop": {"kind": "cosin"}}
    assert mistakes(minimal) == [
        "spec: classifier.schedule.warmp: unknown key; did you mean 'warmup'? "
        "(allowed: kind, warmup)",
        "spec: classifier.phases.1.kind: should be 'cosine' or 'step', not 'cosin'; "
        "did you mean 'cosine'?",
        "spec: graph.background.forbiden: unknown key; did you mean 'forbidden'? "
        "(allowed: forbidden, required, tiers)",
        "spec: graph.stop.kind: should be 'cosine' or 'step', not 'cosin'; did you mean 'cosine'?",
    ]


def test_unknown_plugins_and_methods(mistakes: Mistakes, minimal: dict[str, Any]) -> None:
    minimal |= {"method": "interventionl", "graph": {"use": "interventinal", "x": 1}, "oracle": {}}
    assert mistakes({**minimal, "metrics": ["deletin"]}) == [
        "spec: method: there is no method 'interventionl'; did you mean 'interventional'? "
        "(known: by-broken, interventional)",
        "spec: graph.use: there is no graph discoverer 'interventinal'; "
        "did you mean 'interventional'? (known: interventional, rude)",
        "spec: metrics.0: there is no metric 'deletin'; did you mean 'deletion'? "
        "(known: deletion, insertion)",
    ]


def test_a_broken_plugin_is_named_with_its_distribution(
    mistakes: Mistakes, minimal: dict[str, Any]
) -> None:
    assert mistakes({**minimal, "classifier": "broken"}) == [
        "spec: classifier: 'broken' (classifiers) of fakeparts 1.0 cannot be loaded: "
        "ModuleNotFoundError: No module named 'fakeparts_that_are_not_there'"
    ]


def test_a_validator_that_breaks_is_named_with_its_distribution(
    mistakes: Mistakes, minimal: dict[str, Any]
) -> None:
    assert mistakes({**minimal, "graph": {"use": "rude", "depth": 1}}) == [
        "spec: graph: 'rude' (graph_discoverers) of fakeparts 1.0 failed in checking its settings "
        "at fakeparts.py:128: ZeroDivisionError: integer division or modulo by zero"
    ]
    assert mistakes({**minimal, "graph": {"use": "rude", "depth": 10}}) == [
        "spec: graph.depth: no graph is that deep"
    ]


def test_a_methods_own_mistakes_stand_at_its_name(mistakes: Mistakes) -> None:
    lines = mistakes("""
        causalxai: 1
        name: x
        dataset: digits
        classifier: lenet
        method: by-broken
        """)
    assert lines == [
        "spec.yaml:5: oracle: there is no oracle 'parmeters'; did you mean 'parameters'? "
        "(known: parameters)",
        "spec.yaml:5: graph.treshold: unknown key; did you mean 'threshold'? "
        "(allowed: background, pruning, stop, threshold)",
        "spec.yaml:5: metrics.0.steps: should be at least 1, not 0",
    ]


def test_mistakes_in_the_writing_do_not_hide_others(mistakes: Mistakes) -> None:
    lines = mistakes("""
        causalxai: 1
        name: x
        dataset: digits
        classifier: {use: lenet, epochs: 0, epochs: 3}
        method: interventional
        3: 4
        seed: !!int x
        """)
    assert lines == [
        "spec.yaml:4: classifier.epochs: is given twice, first at spec.yaml:4",
        "spec.yaml:4: classifier.epochs: should be at least 1, not 0",
        "spec.yaml:6: 3: keys should be text; write '3'",
        "spec.yaml:7: seed: 'x' is not what its tag says",
    ]


def test_mistakes_in_overrides_come_last(mistakes: Mistakes) -> None:
    lines = mistakes(
        """
        causalxai: 1
        name: x
        dataset: digits
        classifier: lenet
        method: interventional
        graph: {threshold: relativ}
        """,
        "graph.treshold=0.4",
        "classifier.epochs=0",
        "seed",
    )
    assert lines == [
        "spec.yaml:6: graph.threshold: should be a number, 'relative' or 'absolute', "
        "not 'relativ'; did you mean 'relative'?",
        "--set seed: should be key=value, as in graph.threshold=0.4",
        "--set classifier.epochs=0: classifier.epochs: should be at least 1, not 0",
        "--set graph.treshold=0.4: graph.treshold: unknown key; did you mean 'threshold'? "
        "(allowed: background, pruning, stop, threshold)",
    ]


def test_importing_specs_imports_no_torch() -> None:
    code = "import sys, causalxai.config; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_grid_of_runs_is_no_single_run(mistakes: Mistakes) -> None:
    told = "vary: describes several runs; run them with: causalxai compare"
    assert mistakes("causalxai: 1\nname: grid\nvary:\n  seed: [0, 1]\n") == [f"spec.yaml:3: {told}"]


def test_sanity_adds_a_metric_that_has_to_be_installed(
    mistakes: Mistakes, minimal: dict[str, Any]
) -> None:
    assert load_spec({**minimal, "sanity": False}) == load_spec(minimal)
    (told,) = mistakes({**minimal, "sanity": True})
    assert told.startswith("spec: sanity: ") and "deletion, insertion" in told
    (told,) = mistakes({**minimal, "sanity": "yes"})
    assert told == "spec: sanity: should be true or false, not 'yes'"


def test_an_empty_vary_is_none(minimal: dict[str, Any]) -> None:
    assert load_spec({**minimal, "vary": None}) == load_spec(minimal)


NAMES_CODE = """
causalxai: 1
name: x
dataset: digits
classifier: {use: lenet, epochs: 2}
method: interventional
"""


@pytest.fixture
def named_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the setting ``epochs`` of the classifier name code."""
    config = registry.load("classifiers", "lenet").Config
    monkeypatch.setattr(config, "named_code", lambda self: {"epochs": f"code_{self.epochs}:Net"})


@pytest.mark.usefixtures("named_code")
def test_a_file_that_names_code_needs_trust(mistakes: Mistakes) -> None:
    assert mistakes(NAMES_CODE) == [
        "spec.yaml:4: classifier.epochs: names code, 'code_2:Net', which a run imports and calls "
        "with all your rights; if you trust it, add --trust-code (in Python, trust_code=True)"
    ]


@pytest.mark.usefixtures("named_code")
def test_code_is_named_with_trust_or_by_the_caller(
    write: Callable[[str], str], minimal: dict[str, Any]
) -> None:
    path = write(NAMES_CODE)
    sources = (
        load_spec(path, trust_code=True),
        load_spec(path, ["classifier.epochs=2"]),
        load_spec({**minimal, "classifier": {"use": "lenet", "epochs": 2}}),
    )
    for spec in sources:
        assert spec.parts["classifier",].named_code() == {"epochs": "code_2:Net"}
