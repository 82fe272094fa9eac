from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from causalxai.errors import DataError
from causalxai_models.adapter_settings import AdapterSettings, find_preprocessing


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
