"""The spec of a comparison of methods by their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from causalxai.errors import PluginError, Problem, SpecError, did_you_mean
from causalxai.pipeline.explaining import spec_of
from causalxai.plugin import registry

_METRICS = ("deletion", "insertion")
"""The metrics of a comparison whose methods state none."""


def spec_of_methods(
    classifier: object, data: object, methods: str | Sequence[str], **settings: object
) -> dict[str, Any]:
    """Return a spec that varies over methods.

    Parameters
    ----------
    classifier, data
        What is explained, as for ``causalxai.explain``.
    methods
        The names of method presets or explainers, or one of them; a method goes before an explainer
        of its name.
    **settings
        Further keys of the spec. Without ``metrics``, all metrics of the methods score each run.

    Raises
    ------
    SpecError
        If a name is unknown, or occurs twice; the message lists all mistakes.
    """
    methods = [methods] if isinstance(methods, str) else methods
    if problems := _problems(methods):
        raise SpecError(problems)
    variants = {name: _variant(name) for name in methods}
    if settings.get("metrics") is None:
        settings["metrics"] = _metrics(methods)
    settings["vary"] = {"method": variants}
    name = str(settings.pop("name", "methods"))
    return spec_of(classifier, data, name=name, **settings)


def _problems(methods: Sequence[str]) -> list[Problem]:
    known = (*registry.names("methods"), *registry.names("explainers"))
    problems = []
    for number, name in enumerate(methods):
        if name not in known:
            near = did_you_mean(name, known)
            fault = f"there is no method or explainer {name!r}{near} (known: {_listed(known)})"
        elif name in methods[:number]:
            fault = f"{name!r} occurs twice"
        else:
            continue
        problems.append(Problem("methods", str(number), fault))
    return problems if methods else [Problem("methods", "", "name one or more methods")]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _variant(name: str) -> dict[str, Any]:
    """Return what a method sets, and whether it is a control."""
    is_method = name in registry.names("methods")
    explainer = _explainer(name) if is_method else name
    control = explainer is not None and _is_control(explainer)
    return {"method" if is_method else "explain": name, "control": control}


def _explainer(method: str) -> str | None:
    explain: Mapping[str, Any] | None = registry.load_method(method).explain
    return None if explain is None else str(explain.get("use"))


def _is_control(explainer: str) -> bool:
    try:
        plugin_class: Any = registry.load("explainers", explainer)
    except PluginError:
        # The run that uses it tells why it cannot be loaded.
        return False
    return plugin_class.control is not None


def _metrics(methods: Sequence[str]) -> list[Any]:
    """Return the metrics of all methods, each once."""
    presets = [registry.load_method(name) for name in methods if name in registry.names("methods")]
    found: list[Any] = []
    for metric in (metric for preset in presets for metric in preset.metrics):
        if metric not in found:
            found.append(metric)
    return found or list(_METRICS)
