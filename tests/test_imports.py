"""What an import costs, and that all public names are there."""

from __future__ import annotations

import json
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import grimp
import networkx as nx
import pytest

import causalxai

PLUGINS = Path(__file__).parents[1] / "plugins"

HEAVY = (
    *("torch", "numpy", "scipy", "matplotlib", "networkx", "sklearn", "captum"),
    *("pandas", "dowhy", "causallearn"),
)


def loaded_by(code: str) -> dict[str, Any]:
    """Run code in a fresh interpreter; return which heavy modules it loads."""
    told = "sys.stderr.write(json.dumps([name for name in sys.modules]))"
    script = f"import atexit, json, sys\natexit.register(lambda: {told})\n{code}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {"modules": set(json.loads(done.stderr)), "stdout": done.stdout}


def test_importing_causalxai_loads_nothing_heavy():
    assert not loaded_by("import causalxai")["modules"] & set(HEAVY)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"]], ids=" ".join)
def test_help_loads_no_torch(arguments: list[str]):
    code = f"sys.argv = ['causalxai', *{arguments}]\nfrom causalxai.cli import main\nmain()"
    done = loaded_by(code)
    assert "Usage" in done["stdout"]
    assert not done["modules"] & set(HEAVY)


def test_the_names_of_plugins_are_known_without_torch():
    code = "from causalxai.plugin import registry\nprint(registry.names('oracles'))"
    done = loaded_by(code)
    assert "parameters" in done["stdout"]
    assert "torch" not in done["modules"]


def test_plugins_and_validation_load_what_they_are_made_of_when_they_run():
    pages = ["boss", "direct_lingam", "dowhy_effect", "dowhy_scm", "falsify", "ges", "pc", "rcd"]
    modules = [f"causalxai_discovery.{page}" for page in pages]
    modules += [f"causalxai_baselines.{page}" for page in ("deep_lift", "gradients", "lime")]
    modules += ["causalxai_interventional.explainer", "causalxai_glance.discoverer"]
    modules += ["causalxai_glance.report.twin", "causalxai_datasets.digits"]
    modules += ["causalxai.metrics.faithfulness", "causalxai.pipeline.validation"]
    modules += [f"causalxai_activations.{part}_space" for part in ("factor", "direction")]
    modules += ["causalxai_activations.factor_explainer"]
    done = loaded_by("\n".join(f"import {module}" for module in modules))
    slow = {"dowhy", "causallearn", "captum", "matplotlib", "sklearn"}
    slow |= {"scipy.stats", "scipy.optimize"}
    assert not done["modules"] & slow


@pytest.mark.parametrize("name", causalxai.__all__)
def test_public_names_are_there(name: str):
    assert getattr(causalxai, name).__module__.startswith("causalxai.")
    assert name in dir(causalxai)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="No causalxai attribute Grahp"):
        causalxai.Grahp  # noqa: B018


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert causalxai.__version__ == version("causalxai")


def test_every_module_can_be_imported():
    for module in pkgutil.walk_packages(causalxai.__path__, "causalxai."):
        assert import_module(module.name)


def test_no_module_is_in_a_circle_of_imports():
    """The contract looks at packages; here a package counts as a module, by its ``__init__``."""
    packages = ["causalxai", *(path.name for path in PLUGINS.iterdir() if path.is_dir())]
    found = grimp.build_graph(*packages, exclude_type_checking_imports=True, cache_dir=None)
    imports = nx.DiGraph(
        (importer, imported)
        for importer in found.modules
        for imported in found.find_modules_directly_imported_by(importer)
    )
    assert len(imports) > 250
    circles = [sorted(some) for some in nx.strongly_connected_components(imports) if len(some) > 1]
    assert not circles


def test_plugins_do_not_import_their_own_reports():
    modules = [path for path in PLUGINS.rglob("*.py") if "report" not in path.parts]
    assert len(modules) > 100
    importing = re.compile(r"^\s*(from|import) causalxai_\w+\.report\b", re.MULTILINE)
    assert not [path for path in modules if importing.search(path.read_text(encoding="utf-8"))]
