from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import causalxai
from causalxai.cli import app
from causalxai.config import load_spec
from tests.commands import Cli


def plugins(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["plugins", *arguments])


def example(output: str) -> str:
    """Return the part of a spec at the end of what is shown."""
    return output.partition(":\n\n")[2]


def test_settings_are_shown_with_their_values_and_defaults():
    done = plugins("show", "digits")
    assert done.exit_code == 0, done.output
    (line,) = (line for line in done.stdout.splitlines() if line.startswith(" size"))
    assert " ".join(line.split()) == "size whole number ≥ 8, ≤ 256 32 Height and width in pixels."
    assert "[1]_" not in done.stdout
    assert "``" not in done.stdout


def test_the_example_can_be_copied_into_a_spec(tmp_path: Path):
    spec = tmp_path / "spec.yaml"
    parts = [example(plugins("show", part).stdout) for part in ("digits", "lenet", "saliency")]
    spec.write_text("causalxai: 1\nname: copied\n" + parts[0] + parts[1] + "explain: saliency\n")
    assert load_spec(spec).classifier.build().config.hidden == 128  # type: ignore[attr-defined]


def test_what_has_to_be_given_is_marked():
    assert "path: <text>" in example(plugins("show", "image-folder").stdout)


def test_a_name_of_several_kinds_shows_all_of_them_or_one():
    everything = plugins("show", "craft").stdout
    for group in ("concept_spaces", "oracles", "explainers", "methods"):
        assert f"'craft' ({group})" in everything
    assert "'craft' (methods)" in plugins("show", "craft", "--kind", "methods").stdout
    assert "concept_spaces" not in plugins("show", "craft", "--kind", "methods").stdout


def test_json_is_the_schema():
    told = json.loads(plugins("show", "stability", "--json").stdout)
    assert told["metrics"]["properties"]["use"] == {"const": "stability"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("glanse",), "did you mean 'glance'?"),
        (("glance", "--kind", "metrics"), "there is no plugin 'glance'"),
        (("glance", "--kind", "metric"), "--kind: should be one of datasets,"),
    ],
)
def test_an_unknown_name_is_a_mistake(arguments: tuple[str, ...], said: str):
    done = plugins("show", *arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())


def test_plugins_are_listed_with_their_distribution_and_state(cli: Cli):
    done = cli("plugins")
    assert (done.code, done.err) == (0, "")
    rows = [line.split() for line in done.out.splitlines()]
    assert ["datasets", "digits", "causalxai", causalxai.__version__, "ok"] in rows
    assert ["methods", "interventional", "causalxai", causalxai.__version__, "ok"] in rows
