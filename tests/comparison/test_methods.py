"""Methods are compared by their names, on objects that are in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from causalxai import compare
from causalxai.comparison.methods import spec_of_methods
from causalxai.errors import CausalxaiError, SpecError
from causalxai.plugin import registry
from causalxai.testing import ToyWorld, toy_world


@pytest.fixture(scope="module")
def world() -> ToyWorld:
    return toy_world(0)


def spec(methods: list[str], **settings: object) -> dict[str, Any]:
    return spec_of_methods("lenet", "digits", methods, **settings)


def test_a_method_goes_before_an_explainer_of_its_name() -> None:
    found = spec(["toy", "heat", "random"])
    assert found["vary"]["method"] == {
        "toy": {"method": "toy", "control": False},
        "heat": {"explain": "heat", "control": False},
        "random": {"explain": "random", "control": True},
    }
    assert found["metrics"] == [*registry.load_method("toy").metrics]
    assert spec(["heat"])["metrics"] == ["deletion", "insertion"]
    assert spec(["toy"], metrics=["stability"])["metrics"] == ["stability"]
    assert spec_of_methods("lenet", "digits", "heat") == spec(["heat"])
    assert (found["name"], spec(["toy"], name="mine", seed=3)["seed"]) == ("methods", 3)


@pytest.mark.parametrize(
    ("methods", "said"),
    [
        ([], "^methods: name one or more methods$"),
        (["heat", "heat"], "^methods: 1: 'heat' occurs twice$"),
        (["heat", "heats"], "^methods: 1: there is no method or explainer 'heats'; did you mean"),
    ],
)
def test_wrong_names_are_told(methods: list[str], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        spec(methods)


def test_objects_are_compared_and_reused(world: ToyWorld, tmp_path: Path) -> None:
    def compared() -> Any:
        return compare(
            world.classifier,
            world.dataset,
            methods=["toy", "heat"],
            images=world.dataset.test[:6],
            metrics=["distance"],
            threads=1,
            out=tmp_path,
        )

    found = compared()
    assert found.failures() == []
    assert found.axes[0].labels == ("toy", "heat")
    assert set(found.scores.metric) == {"distance"}
    assert "use: live" in (found.directory / "spec.yaml").read_text()
    assert f"<code>{found.directory / 'comparison.html'}</code>" in found._repr_html_()
    again = compared()
    assert again.directory == found.directory
    assert all(entry.outcome.computed == () for entry in again.entries)


def test_arguments_of_a_comparison_of_methods_are_for_it_alone(world: ToyWorld) -> None:
    with pytest.raises(TypeError, match=r"^data, images: these are for a comparison of methods="):
        compare({"causalxai": 1}, world.dataset, images=3)
    with pytest.raises(SpecError, match="name one or more methods"):
        compare(world.classifier, world.dataset)


def test_objects_stay_in_this_process_and_its_children(world: ToyWorld, tmp_path: Path) -> None:
    with pytest.raises(
        CausalxaiError, match=r"^backend loky: objects in memory .* leave the backend"
    ):
        compare(world.classifier, world.dataset, methods=["toy"], out=tmp_path, backend="loky")
