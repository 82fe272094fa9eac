from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from causalxai.config import load_grid
from causalxai.pipeline.validation import validate_grid
from tests.trust.small_runs import Spec, spec

CODE = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, classes=10):
        super().__init__(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(392, classes))
"""


@pytest.fixture(autouse=True)
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "validation_net.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "validation_net", raising=False)


def problems(data: Spec, *overrides: str, trust: bool = False) -> list[str]:
    grid = load_grid(data, overrides, trust_code=True)
    found = validate_grid(grid, trust_code=trust).problems
    return [f"{problem.key}: {problem.message}" for problem in found]


def own(**settings: Any) -> Spec:
    """Return a spec with the user's own network."""
    classifier = {"use": "module", "import_path": "validation_net:Net", **settings}
    kept = {key: value for key, value in spec("patches").items() if key != "classifier"}
    return {**kept, "classifier": classifier}


@pytest.mark.parametrize("name", ["interventional", "glance", "dvae", "patches", "pc"])
def test_sound_specs_have_no_problems_and_nothing_is_trained(name: str, tmp_path: Path) -> None:
    grid = load_grid(spec(name))
    found = validate_grid(grid)
    assert (found.problems, found.notes) == ((), ())
    assert [path.name for path in tmp_path.iterdir()] == ["validation_net.py"]


def test_classes_and_layers_and_paths_are_looked_at() -> None:
    data = {**spec("interventional"), "images": {"classes": ["0", "x"]}}
    wrong = problems(data, "concepts.layers=[conv3]", "graph.classes=[y]")
    assert wrong[0].startswith("images.classes: there is no class 'x' (there are: 0, 1,")
    assert wrong[1].startswith("graph.classes: there is no class 'y'")
    assert wrong[2].startswith("concepts.layers: the classifier has no convolution or linear layer")
    assert problems(spec("patches"), "dataset={use: image-folder, path: /gone}") == [
        "dataset.path: /gone: there is no such folder"
    ]
    empty = problems(spec("patches"), "dataset={use: image-folder, path: .}")
    assert empty == ["dataset: .: has no class folder (one folder of images for each class)"]


def test_folders_of_examples_are_looked_into(tmp_path: Path) -> None:
    for count in (3, 10):
        folder = tmp_path / f"{count} pictures"
        folder.mkdir()
        for number in range(count):
            Image.new("L", (16, 16)).save(folder / f"{number}.png")
    kept = {key: spec("patches")[key] for key in ("causalxai", "name", "dataset", "classifier")}
    tcav = {**kept, "method": "tcav"}
    assert problems(tcav, "concepts.examples={a: 10 pictures}") == []
    assert problems(tcav, "concepts.examples={a: gone, b: 10 pictures}") == [
        f"concepts.examples.a: gone: there is no such folder (it is relative to {tmp_path})"
    ]
    assert problems(tcav, "concepts.examples={a: 3 pictures, b: 10 pictures}") == [
        "concepts.examples.a: 3 pictures has 3 images; at least 10 are needed"
    ]


def test_the_class_to_explain_is_looked_at() -> None:
    assert problems(spec("patches"), "images.target=label") == []
    (wrong,) = problems(spec("patches"), "images.target=eleven")
    assert wrong.startswith("images.target: there is no class 'eleven'")
    (wrong,) = problems(spec("patches"), "images.target=11")
    assert wrong == "images.target: should be a class's index or name, from 0 to 9, not 11"


def test_the_mistakes_of_a_grid_are_listed_once() -> None:
    vary = {"seed": [0, 1], "dataset.size": [16, 24]}
    data = {**spec("interventional"), "vary": vary}
    wrong = problems(data, "graph.classes=[y]", "explain.map_layers=[fc1]")
    assert [each.split(":")[0] for each in wrong] == ["graph.classes", "explain.map_layers"]


def test_code_is_looked_at_with_trust_alone() -> None:
    explain = {"explain": {"use": "grad-cam", "layer": "1.x"}}
    data = {**own(), **explain}
    grid = load_grid(data)
    found = validate_grid(grid)
    assert found.problems == ()
    assert found.notes == (
        "names code, which was not looked at: validation_net:Net (--trust-code)",
    )
    assert "validation_net" not in sys.modules
    assert problems(data, trust=True) == [
        "explain.layer: the classifier has no layer '1.x'; did you mean '1'? (causalxai layers "
        "SPEC lists all)"
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"import_path": "validation_nets:Net"}, "validation_nets cannot be imported:"),
        ({"arguments": {"classes": 3}}, "Net must map [n, 1, 16, 16] to logits [n, 10]"),
        ({"feature_layer": "4"}, "classifier.feature_layer: the classifier has no layer '4'"),
        ({"weights": "w.pt"}, "classifier.weights: w.pt: there is no such file"),
        ({"weights": "validation_net.py"}, "classifier: validation_net.py: weights are"),
    ],
)
def test_code_that_does_not_fit_is_told(settings: dict[str, Any], message: str) -> None:
    (wrong,) = problems(own(**settings), trust=True)
    assert wrong.startswith("classifier") and message in wrong


@pytest.mark.parametrize(
    ("override", "rests"),
    [
        ("seed=3", False),
        ("dataset=mnist", False),
        ("dataset={use: mnist, path: .}", True),
        ("dataset={use: colored-digits, base: mnist}", False),
        ("dataset=photographs", False),
        ("dataset={use: morpho, scenario: TI, base: mnist, path: .}", True),
        ("dataset={use: morpho, scenario: TI, base: mnist}", False),
        ("classifier=resnet18", False),
        ("classifier=efficientnet-lite0", False),
    ],
)
def test_what_depends_on_files_is_known(override: str, rests: bool) -> None:
    assert validate_grid(load_grid(spec("patches"), [override])).rests_on_files == rests


def test_what_depends_on_the_users_code_or_pictures_is_known() -> None:
    assert validate_grid(load_grid(own())).rests_on_files
    examples = ["concepts={use: tcav, layer: conv2, examples: {mine: .}}", "metrics=[]"]
    data = {**spec("patches"), "oracle": "tcav", "explain": "single-effects"}
    assert validate_grid(load_grid(data, examples)).rests_on_files
