from __future__ import annotations

from typing import Any

import pytest

from causalxai.config.messages import validate
from causalxai.config.model import ImageSelection, PluginChoice, Spec

SOUND: dict[str, Any] = {"causalxai": 1, "name": "x", "dataset": "d", "classifier": {"use": "c"}}


def told(changes: dict[str, Any]) -> list[str]:
    _, mistakes = validate(Spec, {**SOUND, **changes})
    return [f"{'.'.join(map(str, mistake.path))}: {mistake.message}" for mistake in mistakes]


def test_defaults() -> None:
    spec, _ = validate(Spec, SOUND)
    assert spec == Spec(
        causalxai=1,
        name="x",
        seed=0,
        device="auto",
        dataset=PluginChoice(use="d"),
        classifier=PluginChoice(use="c"),
        images=ImageSelection(
            split="test", classes=None, count=8, only="correct", target="predicted"
        ),
        metrics=None,
        memory_mb=4096,
    )


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:0", "cuda:12", "mps"])
def test_devices(device: str) -> None:
    assert told({"device": device}) == []


@pytest.mark.parametrize("name", ["x", "LeNet_digits-2.1", "3", "_"])
def test_names(name: str) -> None:
    assert told({"name": name}) == []


def test_class_names_may_look_like_numbers() -> None:
    assert ImageSelection.model_validate({"classes": [3, "8"]}).classes == ("3", "8")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"causalxai": 2}, "causalxai: should be 1, the format that this version reads, not 2"),
        (
            {"causalxai": True},
            "causalxai: should be 1, the format that this version reads, not true",
        ),
        (
            {"name": "a b"},
            "name: should be letters, digits, '-', '_' and '.' (not at the start), not 'a b'",
        ),
        (
            {"name": "../up"},
            "name: should be letters, digits, '-', '_' and '.' (not at the start), not '../up'",
        ),
        ({"name": 3}, "name: should be text, not 3"),
        ({"seed": "three"}, "seed: should be a whole number, not 'three'"),
        ({"seed": True}, "seed: should be a whole number, not true"),
        ({"seed": -1}, "seed: should be at least 0, not -1"),
        ({"seed": 10**30}, f"seed: should be at most {2**63 - 1}, not a number of about 31 digits"),
        (
            {"images": {"count": 10**3000}},
            "images.count: should be at most 1000000, not a number of about 3001 digits",
        ),
        ({"name": "x" * 300}, "name: should have at most 100 characters, not 300"),
        (
            {"device": "cuda:128"},
            "device: should be auto, cpu, cuda, cuda:N or mps, not 'cuda:128'; "
            "did you mean 'cuda'?",
        ),
        ({"budget": 0}, "budget: should be at least 1, not 0"),
        ({"memory_mb": 0}, "memory_mb: should be at least 1, not 0"),
        (
            {"device": "gpu"},
            "device: should be auto, cpu, cuda, cuda:N or mps, not 'gpu'; did you mean 'cuda'?",
        ),
        (
            {"device": "cuda:x"},
            "device: should be auto, cpu, cuda, cuda:N or mps, not 'cuda:x'; did you mean 'cuda'?",
        ),
        ({"dataset": 3}, "dataset: should be a plugin's name or a mapping, not 3"),
        ({"graph": {"use": 3}}, "graph.use: should be text, not 3"),
        ({"metrics": "deletion"}, "metrics: should be a list, not 'deletion'"),
        ({"metrics": [["x"]]}, "metrics.0: should be a plugin's name or a mapping, not a list"),
        ({"images": {"count": 0}}, "images.count: should be at least 1, not 0"),
        ({"images": {"classes": []}}, "images.classes: should have at least 1 entry, not 0"),
        ({"images": {"classes": [1.5]}}, "images.classes.0: should be text, not 1.5"),
        ({"images": {"classes": [True]}}, "images.classes.0: should be text, not true"),
        (
            {"images": {"only": "corect"}},
            "images.only: should be 'correct', 'errors' or 'any', not 'corect'; "
            "did you mean 'correct'?",
        ),
        (
            {"images": {"cout": 3}},
            "images.cout: unknown key; did you mean 'count'? "
            "(allowed: classes, count, only, split, target)",
        ),
        (
            {"grahp": "x"},
            "grahp: unknown key; did you mean 'graph'? (allowed: budget, causalxai, classifier, "
            "concepts, dataset, device, explain, graph, images, memory_mb, method, metrics, name, "
            "oracle, sanity, seed, vary)",
        ),
    ],
)
def test_mistakes(changes: dict[str, Any], message: str) -> None:
    assert told(changes) == [message]
