from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from causalxai.plugin import registry
from causalxai.plugin.registry import Listing
from tests.commands import Cli

Spec = dict[str, Any]


def test_the_schema_is_one_and_knows_the_plugins(cli: Cli, tiny_spec: Spec):
    done = cli("schema")
    assert done.code == 0
    schema = json.loads(done.out)
    jsonschema.validators.validator_for(schema).check_schema(schema)
    jsonschema.validate(tiny_spec, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**tiny_spec, "dataset": "digit"}, schema)


def test_the_schema_is_remembered(cli: Cli, settled_answers: None, monkeypatch: pytest.MonkeyPatch):
    first = cli("schema")
    monkeypatch.setattr("causalxai.config.json_schema", None)
    assert cli("schema") == first


def test_a_schema_that_lacks_plugins_is_not_remembered(
    cli: Cli, settled_answers: None, monkeypatch: pytest.MonkeyPatch
):
    broken = Listing(registry.provenance("datasets", "digits"), "it is broken")
    monkeypatch.setattr(registry, "listings", lambda: (broken,))
    cli("schema")
    monkeypatch.setattr("causalxai.config.json_schema", lambda: {"title": "another"})
    assert json.loads(cli("schema").out) == {"title": "another"}
