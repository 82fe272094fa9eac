from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from textwrap import dedent

import entrypoints
import pytest

from causalxai.dataset import DatasetSource
from causalxai.errors import PluginError
from causalxai.metric import Metric
from causalxai.plugin import registry
from causalxai.plugin.method import Method

Install = Callable[..., None]

PARTS = """
    from causalxai.dataset import DatasetSource
    from causalxai.plugin.method import Method
    from causalxai.metric import Metric

    class Good(Metric):
        name, higher_is_better, value_range, reference = "good", True, (0, 1), ""

        def _compute(self, explanation, context):
            raise NotImplementedError

    class Unfinished(DatasetSource):
        class Nested(Good):
            pass

    PRESET = Method(concepts={}, oracle={}, graph={}, explain={})
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install distributions of one module each; nothing else is installed."""
    monkeypatch.syspath_prepend(tmp_path)
    find = partial(entrypoints.get_group_all, path=[str(tmp_path)])
    monkeypatch.setattr(entrypoints, "get_group_all", find)
    before = set(sys.modules)

    def installer(distribution: str, source: str, **groups: dict[str, str]) -> None:
        (tmp_path / f"{distribution}.py").write_text(dedent(source), encoding="utf-8")
        info = tmp_path / f"{distribution}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {distribution}\nVersion: 1.5\n", encoding="utf-8")
        sections = [
            "\n".join([f"[causalxai.{group}]", *(f"{k} = {v}" for k, v in entries.items())])
            for group, entries in groups.items()
        ]
        (info / "entry_points.txt").write_text("\n".join(sections), encoding="utf-8")
        registry.found.cache_clear()

    registry.found.cache_clear()
    yield installer
    registry.found.cache_clear()
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def test_a_plugin_is_found_by_its_name(install: Install):
    install("parts", PARTS, metrics={"good": "parts:Good", "deep": "parts:Unfinished.Nested"})
    assert registry.names("metrics") == ("deep", "good")
    assert registry.names("oracles") == ()
    loaded = registry.load("metrics", "good")
    assert issubclass(loaded, Metric)
    assert issubclass(registry.load("metrics", "deep"), loaded)
    where = registry.provenance("metrics", "good")
    assert (where.distribution, where.version, where.target) == ("parts", "1.5", "parts:Good")
    assert str(where) == "'good' (metrics) of parts 1.5"


def test_looking_for_plugins_imports_none(install: Install):
    install("parts", "raise RuntimeError('imported')", metrics={"good": "parts:Good"})
    assert registry.names("metrics") == ("good",)
    assert registry.provenance("metrics", "good").distribution == "parts"
    assert "parts" not in sys.modules


def test_an_unknown_name_is_told_with_the_nearest_and_all_known(install: Install):
    with pytest.raises(PluginError, match=r"no metric 'godo' \(known: none is installed\)"):
        registry.load("metrics", "godo")
    install("parts", PARTS, metrics={"good": "parts:Good", "other": "parts:Good"})
    with pytest.raises(PluginError) as raised:
        registry.load("metrics", "godo")
    assert str(raised.value) == (
        "there is no metric 'godo'; did you mean 'good'? (known: good, other)"
    )
    with pytest.raises(PluginError, match="no concept space 'x'"):
        registry.load("concept_spaces", "x")


def test_two_distributions_cannot_share_a_name(install: Install):
    install("parts", PARTS, metrics={"good": "parts:Good", "mine": "parts:Good"})
    install("rivals", PARTS, metrics={"good": "rivals:Good"})
    claimed = "the metric 'good' is claimed by parts 1.5 and rivals 1.5; uninstall one"
    with pytest.raises(PluginError, match=claimed):
        registry.load("metrics", "good")
    assert registry.load("metrics", "mine").__name__ == "Good"
    told = {(line.provenance.distribution, line.provenance.name): line.error
            for line in registry.listings(("metrics",))}  # fmt: skip
    assert told == {("parts", "good"): claimed, ("rivals", "good"): claimed, ("parts", "mine"): ""}


@pytest.mark.parametrize(
    ("source", "target", "error"),
    [
        ("1 / 0", "parts:Good", "cannot be loaded: ZeroDivisionError: division by zero"),
        ("", "parts:Good", "cannot be loaded: AttributeError: .*'Good'"),
        ("", "nowhere:Good", "cannot be loaded: ModuleNotFoundError: .*'nowhere'"),
        (PARTS, "parts:PRESET", r"parts:PRESET is not a causalxai\.metric\.Metric"),
        (PARTS, "parts:Unfinished", r"parts:Unfinished is not a causalxai\.metric\.Metric"),
        (PARTS, "parts:Metric", "parts:Metric does not define _compute"),
    ],
)
def test_a_broken_plugin_is_told_with_its_distribution_and_listed(
    source: str, target: str, error: str, install: Install
):
    install("parts", source, metrics={"bad": target})
    with pytest.raises(PluginError, match=rf"'bad' \(metrics\) of parts 1\.5.* {error}") as raised:
        registry.load("metrics", "bad")
    (line,) = registry.listings()
    assert line.error == str(raised.value)


def test_methods_are_presets(install: Install):
    install("parts", PARTS, methods={"preset": "parts:PRESET", "no": "parts:Good"})
    assert isinstance(registry.load_method("preset"), Method)
    with pytest.raises(PluginError, match=r"parts:Good is not a causalxai\.plugin\.method\.Method"):
        registry.load_method("no")
    with pytest.raises(PluginError, match="use load_method"):
        registry.load("methods", "preset")


REPORTED = """
    from causalxai.testing.toys import ToyExplainer

    class Shown(ToyExplainer):
        pass

    def report(explainer, explanation, inputs):
        return ()
"""


def test_a_report_builder_is_found_by_the_name_of_its_plugin(install: Install):
    install(
        "parts",
        REPORTED,
        explainers={"shown": "parts:Shown", "silent": "parts:ToyExplainer"},
        explanation_reports={"shown": "parts:report"},
    )
    build = registry.load_report_builder("explainers", "shown")
    assert build is not None
    assert build.__module__ == "parts"
    assert registry.load_report_builder("explainers", "silent") is None
    assert [line.error for line in registry.listings()] == ["", "", ""]
    with pytest.raises(PluginError, match="use load_report_builder"):
        registry.load("explanation_reports", "shown")


def test_looking_for_a_report_builder_imports_no_other(install: Install):
    install("parts", "1 / 0", explanation_reports={"other": "parts:report"})
    assert registry.load_report_builder("explainers", "shown") is None
    assert "parts" not in sys.modules


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("parts:missing", "cannot be loaded: AttributeError: .*'missing'"),
        ("nowhere:report", "cannot be loaded: ModuleNotFoundError: .*'nowhere'"),
        ("parts:Shown", "parts:Shown is not a function that builds sections"),
        ("parts:__doc__", "parts:__doc__ is not a function that builds sections"),
    ],
)
def test_a_broken_report_builder_is_told_with_its_distribution_and_listed(
    target: str, error: str, install: Install
):
    install(
        "parts",
        REPORTED,
        explainers={"shown": "parts:Shown"},
        explanation_reports={"shown": target},
    )
    told = rf"'shown' \(explanation_reports\) of parts 1\.5.* {error}"
    with pytest.raises(PluginError, match=told) as raised:
        registry.load_report_builder("explainers", "shown")
    _, line = registry.listings()
    assert line.error == str(raised.value)


def test_a_report_builder_of_no_plugin_is_listed_as_broken(install: Install):
    install("parts", REPORTED, explanation_reports={"shwon": "parts:report"})
    (line,) = registry.listings()
    assert line.error.startswith(
        "'shwon' (explanation_reports) of parts 1.5 belongs to no plugin: there is no explainer"
    )


def test_two_distributions_cannot_report_on_one_plugin(install: Install):
    install("parts", REPORTED, explanation_reports={"shown": "parts:report"})
    install("rivals", REPORTED, explanation_reports={"shown": "rivals:report"})
    with pytest.raises(PluginError, match=r"'shown' is claimed by parts 1\.5 and rivals 1\.5"):
        registry.load_report_builder("explainers", "shown")


def test_the_names_of_a_class_are_those_of_its_entries(install: Install):
    entries = {"one": "parts:Shown", "two": "parts:Shown", "other": "nowhere:Other"}
    install("parts", REPORTED, explainers=entries)
    shown = registry.load("explainers", "one")
    assert registry.names_of("explainers", shown) == ("one", "two")
    assert registry.names_of("explainers", type("Shown", (shown,), {})) == ()


def test_all_that_comes_with_causalxai_can_be_used():
    lines = [line for line in registry.listings() if line.provenance.distribution == "causalxai"]
    assert [line.error for line in lines] == [""] * len(lines)
    assert {line.provenance.group for line in lines} == set(registry.GROUPS)
    assert issubclass(registry.load("datasets", "digits"), DatasetSource)
