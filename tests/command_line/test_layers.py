from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands import RUNS_CODE, Cli

Spec = dict[str, Any]


def test_layers_of_a_network_beside_the_spec_are_listed(
    cli: Cli, tiny_spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub/cli_layers_net.py").write_text(RUNS_CODE.replace("THIS_WAS_RUN", "made"))
    classifier = {"use": "module", "import_path": "cli_layers_net:Net"}
    kept = {key: tiny_spec[key] for key in ("causalxai", "name", "dataset")}
    spec = tmp_path / "sub/my.yaml"
    spec.write_text(json.dumps({**kept, "classifier": classifier, "explain": "saliency"}))
    refused = cli("layers", spec)
    assert (refused.code, refused.out) == (2, "")
    assert "--trust-code" in refused.err
    done = cli("layers", spec, "--trust-code", "--set", "dataset.size=16", "--set", "explain=none")
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        "module for images 1 x 16 x 16 and 10 classes, as it is loaded",
        "",
        "layer  kind     output  parameters  methods can use it as",
        "0      Flatten  256              0  the logits follow from it",
        "1      Linear   10           2,570  linear last layer",
    ]
    wrong = cli(
        "validate", "sub/my.yaml", "--trust-code", "--set", "explain={use: grad-cam, layer: x}"
    )
    assert wrong.code == 2
    assert "explain.layer: the classifier has no layer 'x' (causalxai layers SPEC" in wrong.err
