"""An object is resolved to the part of a run that it is."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from causalxai import Explainer
from causalxai.config import load_spec
from causalxai.config.live import Live
from causalxai.config.live_parts import CALLER, resolve_live
from causalxai.errors import PluginError, SpecError
from causalxai.network.network_digest import class_digest
from causalxai.plugin import PluginConfig
from causalxai.testing import ToyWorld, toy_world
from causalxai.testing.toys import ToySpace


class Own(Explainer):
    class Config(PluginConfig):
        strength: float = 1.0

    config: Config

    def _explain(self, images: Any, target: Any, inputs: Any) -> Any:
        raise NotImplementedError


@pytest.fixture(scope="module")
def world() -> ToyWorld:
    return toy_world(0)


def test_a_digest_is_taken_once(world: ToyWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    live = Live(world.classifier)
    first = resolve_live("classifiers", live)
    monkeypatch.setattr("causalxai.live.classifier.classifier_digest", None)
    assert resolve_live("classifiers", live) is first
    assert first.is_live
    assert live.to_data() == {"use": "live", "digest": first.fingerprint()}


def test_a_class_of_the_callers_own_is_filed_under_its_code() -> None:
    part = resolve_live("explainers", Live(Own(strength=2.0)))
    assert part.is_live
    assert (part.provenance.name, part.provenance.distribution) == ("Own", CALLER)
    assert part.build().config == Own.Config(strength=2.0)
    assert part.to_data() == {"use": "live", "strength": 2.0}


def test_the_code_of_a_class_has_one_digest_in_all_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "own_explainer.py"
    file.write_text(
        "from causalxai import Explainer, PluginConfig\n"
        "class Own(Explainer):\n"
        "    class Config(PluginConfig):\n"
        "        strength: float = 1.0\n"
        "    config: Config\n"
        "    def _explain(self, images, target, inputs): return {1.5, 'a', 'b'}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("own_explainer")
    before = class_digest(module.Own)
    code = (
        "from causalxai.network.network_digest import class_digest\n"
        "import own_explainer; print(class_digest(own_explainer.Own), end='')"
    )
    env = {"PYTHONHASHSEED": "1", "PYTHONPATH": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert run.stdout == before
    file.write_text(file.read_text().replace("1.5", "2.25"))
    importlib.invalidate_caches()
    assert class_digest(importlib.reload(module).Own) != before


def test_a_fitted_space_brings_what_it_has_learned(world: ToyWorld) -> None:
    fitted = resolve_live("concept_spaces", Live(world.space))
    assert fitted.learned is not None
    assert fitted.to_data()["learned"] == fitted.learned.digest
    assert resolve_live("concept_spaces", Live(ToySpace())).learned is None


@pytest.mark.parametrize(
    ("group", "value", "said"),
    [
        ("classifiers", Own(), r"a causalxai.Classifier, as in Classifier\(model, class_names"),
        ("datasets", Own(), "a causalxai.Dataset, or a plugin's name, not a Own"),
        ("oracles", Own(), "a causalxai.Oracle, or a plugin's name, not a Own"),
    ],
)
def test_an_object_of_another_kind_is_refused(group: Any, value: object, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        resolve_live(group, Live(value))


def test_settings_of_objects_cannot_be_overridden(world: ToyWorld) -> None:
    spec = {
        "causalxai": 1,
        "name": "live",
        "dataset": world.dataset,
        "classifier": world.classifier,
        "explain": Own(strength=2.0),
    }
    assert load_spec(spec, ["seed=3"]).seed == 3
    with pytest.raises(SpecError, match="explain is a Own in Python, which has no keys"):
        load_spec(spec, ["explain.strength=3"])
    replaced = load_spec(spec, ["explain=interventional"])
    assert replaced.explain is not None
    assert replaced.explain.provenance.name == "interventional"
