from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from causalxai.dataset import Dataset
from causalxai.errors import DataError
from causalxai.seeding import torch_generator
from causalxai_models.adapter_settings import AdapterSettings, find_preprocessing
from causalxai_models.module import UserModule
from tests.plugins.models.user_code import fit


def test_nothing_is_stated_by_default() -> None:
    settings = AdapterSettings()
    assert settings.unstated() == set(AdapterSettings.model_fields)
    assert settings.preprocessing_path is None and settings.digest_of_names() == ""
    assert settings.adapter_settings(None)["output"] == "logits"


@pytest.mark.parametrize(
    "settings",
    [
        {"output": "logit"},
        {"scale": 0},
        {"mean": "0.5"},
        {"preprocess": "mine"},
        {"preprocess": ":function"},
        {"answer": 1.5},
        {"classes": ["a"]},
    ],
)
def test_what_cannot_be_right_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AdapterSettings(**settings)


def test_the_own_config_is_no_code() -> None:
    settings = AdapterSettings(preprocess="own")
    assert settings.preprocessing_path is None
    assert settings.adapter_settings(None)["preprocess"] == "own"


def test_preprocessing_is_found_beside_the_spec(tmp_path: Path) -> None:
    (tmp_path / "preparing_code.py").write_text("def halve(images):\n    return images / 2\n")
    settings = AdapterSettings(preprocess="preparing_code:halve")
    assert settings.preprocessing_path == "preparing_code:halve"
    assert settings.adapter_settings(tmp_path)["preprocess"](3) == 1.5


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("os:remove", "belongs to Python itself and prepares no images"),
        ("no_such_code:halve", "no_such_code cannot be imported: ModuleNotFoundError"),
        (
            "causalxai.network.weights:read_weight",
            "has no 'read_weight'; did you mean 'read_weights'",
        ),
    ],
)
def test_what_cannot_be_found_is_told(path: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        find_preprocessing(path, None)


def test_the_file_of_names_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone.txt: the names cannot be read"):
        AdapterSettings(classes=tmp_path / "gone.txt").digest_of_names()


def expected(weights: dict[str, torch.Tensor], images: torch.Tensor) -> torch.Tensor:
    return images.flatten(1) @ weights["head.weight"].T + weights["head.bias"]


@pytest.fixture
def stored_weights(tmp_path: Path) -> dict[str, torch.Tensor]:
    rng = torch_generator(3)
    weights = {
        "head.weight": torch.randn(5, 256, generator=rng) / 16,
        "head.bias": torch.randn(5, generator=rng),
    }
    torch.save(weights, tmp_path / "w.pt")
    return weights


@pytest.mark.usefixtures("user_code")
@pytest.mark.parametrize(
    ("name", "settings", "takes", "gives"),
    [
        ("Network", {"mean": 0.5, "std": [0.25]}, lambda x: (x - 0.5) / 0.25, lambda y: y),
        ("Network", {"scale": 255, "mean": [127]}, lambda x: 255 * x - 127, lambda y: y),
        ("Network", {"preprocess": "vision_adapted_code:darken"}, lambda x: 0.5 * x, lambda y: y),
        ("Network", {"preprocess": "vision_adapted_code:PRESET"}, lambda x: x - 0.25, lambda y: y),
        ("Soft", {"output": "probabilities"}, lambda x: x, lambda y: y),
        ("Pair", {"answer": 1}, lambda x: x, lambda y: y),
        ("Pair", {"answer": 1, "mean": 0.5}, lambda x: x - 0.5, lambda y: y),
    ],
)
def test_the_adapter_is_set_as_in_python(
    tmp_path: Path, dataset: Dataset, stored_weights, name: str, settings, takes, gives
) -> None:
    source = UserModule(
        import_path=f"vision_adapted_code:{name}",
        arguments={"classes": 5},
        weights=tmp_path / "w.pt",
        classes=[4, 0, 2],
        **settings,
    )
    classifier = fit(source, dataset)
    images = dataset.test.images
    logits = gives(expected(stored_weights, takes(images)))[:, [4, 0, 2]]
    torch.testing.assert_close(classifier.logits(images), logits)
    assert classifier.head.name == "head"
    again = source.restore(source.to_record(classifier), dataset, torch.device("cpu"))
    torch.testing.assert_close(again.logits(images), logits)


@pytest.mark.usefixtures("user_code")
def test_the_adapter_belongs_to_the_keys_of_results_where_it_is_used(tmp_path: Path) -> None:
    def key(**settings: object) -> tuple[object, ...]:
        source = UserModule(import_path="vision_adapted_code:PLAIN", **settings)
        return str(source.portable_config()), source.fingerprint()

    plain = UserModule(import_path="vision_adapted_code:PLAIN")
    assert plain.portable_config() == {
        "import_path": "vision_adapted_code:PLAIN",
        "arguments": {},
        "feature_layer": None,
    }
    names = tmp_path / "names.txt"
    keys = [key()]
    for text in ("top\nleft\nnone", "left\ntop\nnone"):
        names.write_text(text)
        keys.append(key(classes=names))
    keys += [
        key(**settings)
        for settings in (
            {"mean": 0.5}, {"std": 0.5}, {"scale": 2}, {"output": "probabilities"}, {"answer": 0},
            {"classes": [2, 1, 0]}, {"preprocess": "vision_adapted_code:darken"},
            {"preprocess": "vision_adapted_code:PRESET"},
        )
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)
    moved = tmp_path / "moved.txt"
    moved.write_text(names.read_text())
    assert key(classes=moved) == keys[2]
