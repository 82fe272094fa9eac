"""Resolves specs: finds the plugins and validates their settings with the plugins' configs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from causalxai.config.document import Document, as_problems, read_document
from causalxai.config.fields import expand_home
from causalxai.config.live import Live, held, missing_objects
from causalxai.config.live_parts import images_by_digest, resolve_images, resolve_live
from causalxai.config.messages import listed, validate
from causalxai.config.mistake import KeyPath, Mistake, Place, without_echoes
from causalxai.config.model import (
    METHOD_STAGES,
    NO_STAGE,
    SANITY,
    STAGES,
    Spec,
    Stage,
    long_form,
)
from causalxai.config.needs import unmet_needs
from causalxai.config.overrides import apply_overrides, set_value
from causalxai.config.resolved import ResolvedSpec
from causalxai.config.resolved_plugin import ResolvedPlugin
from causalxai.errors import CausalxaiError, PluginError, SpecError
from causalxai.plugin import registry
from causalxai.plugin.guard import guarded
from causalxai.plugin.method import Method
from causalxai.plugin.provenance import Group
from causalxai.plugin.settings import told_of_folders

if TYPE_CHECKING:
    from causalxai.live.images import GivenImages


def load_spec(
    source: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    trust_code: bool = False,
) -> ResolvedSpec:
    """Read a spec, find its plugins and check everything.

    Parameters
    ----------
    source
        A YAML file, or a mapping of the same structure. In path settings of plugins ``~`` is the
        user's home; relative paths are relative to the current directory, not to the file.
    overrides
        ``key.key=value`` strings that are set before anything is checked.
    trust_code
        Whether the file may name code to run. Mappings and overrides are the caller's own, and may.

    Raises
    ------
    SpecError
        If the spec has mistakes; it lists all of them, in the order of the lines.
    """
    document = apply_overrides(read_document(source), overrides)
    spec, mistakes = examine(document, trust_code=trust_code)
    if spec is None:
        raise SpecError(as_problems(mistakes))
    return spec


def reopen_spec(
    file: Path, objects: Mapping[str, object], *, trust_code: bool = False
) -> ResolvedSpec:
    """Read the spec that a run has written, and put the objects in that it could not hold.

    Parameters
    ----------
    file
        The run's ``spec.yaml``.
    objects
        Objects by their keys in the spec; those of images may be left out.
    trust_code
        As for ``load_spec``.

    Raises
    ------
    SpecError
        If objects are missing, or the spec has mistakes.
    """
    document = read_document(file)
    for key, value in {**images_by_digest(document.data), **objects}.items():
        live = [held(one) for one in value] if isinstance(value, list | tuple) else held(value)
        document = set_value(document, [key], live, {(): Place(key)})
    spec, mistakes = examine(document, trust_code=trust_code)
    if spec is None:
        raise SpecError(as_problems(mistakes))
    return spec


def examine(
    document: Document,
    *,
    in_grid: bool = False,
    trust_code: bool = False,
    may_ask_nothing: bool = False,
) -> tuple[ResolvedSpec | None, list[tuple[Place, Mistake]]]:
    """Return the resolved spec of a document, or ``None`` and all mistakes.

    Parameters
    ----------
    document
        The spec of one run.
    in_grid
        Whether the run is one of several that share their metrics. A metric that this run cannot
        compute is then skipped and not a mistake.
    trust_code
        Whether files may name code to run.
    may_ask_nothing
        Whether the run may consist of its data set and its classifier alone.
    """
    if document.data.get("vary") is not None:
        mistake = Mistake(("vary",), "describes several runs; run them with: causalxai compare")
        return None, document.placed([mistake])
    if missing := missing_objects(document.data):
        return None, document.placed([Mistake((), missing)])
    spec, structural = validate(Spec, document.data)
    resolver = _Resolver(document, structural)
    if not may_ask_nothing:
        resolver.require_question()
    stages, metrics, given = resolver.stages(), resolver.metrics(), resolver.given_images()
    mistakes = [*document.mistakes, *structural, *resolver.mistakes]
    if not mistakes:
        mistakes = unmet_needs(stages, () if in_grid else metrics)
    if mistakes or spec is None:
        return None, resolver.document.placed(without_echoes(mistakes))
    resolved = ResolvedSpec(
        name=spec.name,
        seed=spec.seed,
        device=spec.device,
        memory_mb=spec.memory_mb,
        budget=spec.budget,
        images=given or spec.images,
        dataset=stages[Stage.DATASET],
        classifier=stages[Stage.CLASSIFIER],
        concepts=stages.get(Stage.CONCEPTS),
        oracle=stages.get(Stage.ORACLE),
        graph=stages.get(Stage.GRAPH),
        explain=stages.get(Stage.EXPLAIN),
        metrics=metrics,
        method=spec.method,
        places=resolver.document.places,
    )
    untrusted = [] if trust_code else _untrusted(resolved, resolver.document)
    return (None if untrusted else resolved), untrusted


def _untrusted(spec: ResolvedSpec, document: Document) -> list[tuple[Place, Mistake]]:
    """Return a mistake for each setting in a file that names code to run."""
    found = []
    for path, part in spec.parts.items():
        for key, code in part.named_code().items():
            place = document.place((*path, key))
            if place.in_file:
                message = (
                    f"names code, {code!r}, which a run imports and calls with all your rights; "
                    "if you trust it, add --trust-code (in Python, trust_code=True)"
                )
                found.append((place, Mistake((*path, key), message, place)))
                # Further settings of the part are trusted together with this one.
                break
    return found


class _Resolver:
    """Resolves the valid parts of a document, and collects the mistakes in the others.

    Parameters
    ----------
    document
        What the user wrote.
    structural
        Mistakes in the structure; the values at and below their paths are not examined again.
    """

    def __init__(self, document: Document, structural: Sequence[Mistake]) -> None:
        self.mistakes: list[Mistake] = []
        self._unsound = [mistake.path for mistake in structural]
        self.document = document
        self._method_failed = False
        self._apply_method()

    def stages(self) -> dict[Stage, ResolvedPlugin[Any]]:
        """Return the plugins of the valid stages that the run has."""
        data = self.document.data
        plugins = {
            stage: self._plugin(group, (stage,), data.get(stage))
            for stage, group in STAGES.items()
            if stage not in METHOD_STAGES or not _is_absent(data.get(stage))
        }
        return {stage: plugin for stage, plugin in plugins.items() if plugin is not None}

    def metrics(self) -> tuple[ResolvedPlugin[Any], ...]:
        """Return the valid metrics; the one that ``sanity`` adds comes last."""
        if ("metrics",) in self._unsound:
            return ()
        choices = self.document.data.get("metrics") or ()
        plugins = [
            self._plugin("metrics", ("metrics", index), choice)
            for index, choice in enumerate(choices)
        ]
        if self.document.data.get(SANITY) is True and not any(map(_is_sanity, choices)):
            plugins.append(self._plugin("metrics", (SANITY,), SANITY))
        return tuple(plugin for plugin in plugins if plugin is not None)

    def given_images(self) -> GivenImages | None:
        """Return the images to explain, if they were given as objects and not as a selection."""
        choice = self.document.data.get("images")
        if not isinstance(choice, Live):
            return None
        try:
            return resolve_images(choice)
        except CausalxaiError as error:
            self.mistakes.append(Mistake(("images",), str(error)))
            return None

    def _apply_method(self) -> None:
        """Merge the user's stages over the method's, whose settings get the method's place."""
        name = self.document.data.get("method")
        if name is None:
            return
        method = self._load_method(name)
        if method is None:
            self._method_failed = True
            return
        data = _over_preset(self.document.data, method)
        place = self.document.place(("method",))
        places: dict[KeyPath, Place] = {(key,): place for key in (*METHOD_STAGES, "metrics")}
        self.document = replace(self.document, data=data, places={**places, **self.document.places})

    def _load_method(self, name: str) -> Method | None:
        if ("method",) in self._unsound:
            return None
        try:
            return registry.load_method(name)
        except PluginError as error:
            self.mistakes.append(Mistake(("method",), str(error)))
            return None

    def _plugin(self, group: Group, path: KeyPath, choice: Any) -> ResolvedPlugin[Any] | None:
        if any(unsound[: len(path)] == path for unsound in self._unsound):
            return None
        if isinstance(choice, Live):
            return self._live(group, path, choice)
        settings = dict(long_form(choice) or {})
        name = settings.pop("use", None)
        if name is None:
            self._note_missing(group, path, choice)
            return None
        try:
            provenance = registry.provenance(group, name)
            plugin_class = registry.load(group, name)
        except PluginError as error:
            use = (*path, "use")
            at = use if use in self.document.places else path
            self.mistakes.append(Mistake(at, str(error)))
            return None
        settings = expand_home(settings, (plugin_class.Config,))
        try:
            with guarded(provenance, "checking its settings"):
                context = told_of_folders(lambda key: self.document.place((*path, key)).folder)
                config, mistakes = validate(plugin_class.Config, settings, path, context)
        except PluginError as error:
            config, mistakes = None, [Mistake(path, str(error))]
        self.mistakes.extend(mistakes)
        return None if config is None else ResolvedPlugin(provenance, plugin_class, config)

    def _live(self, group: Group, path: KeyPath, live: Live) -> ResolvedPlugin[Any] | None:
        try:
            return resolve_live(group, live)
        except CausalxaiError as error:
            self.mistakes.append(Mistake(path, str(error)))
            return None

    def require_question(self) -> None:
        """Note a mistake if the spec asks for nothing of its classifier."""
        is_asked = not all(_is_absent(self.document.data.get(stage)) for stage in METHOD_STAGES)
        if is_asked or self._method_failed:
            return
        methods = listed(registry.names("methods"))
        message = (
            f"the spec asks for nothing: set 'method' (known: {methods}), or "
            f"one or more of {listed(METHOD_STAGES)}"
        )
        self.mistakes.append(Mistake((), message, kind="missing"))

    def _note_missing(self, group: Group, path: KeyPath, choice: Any) -> None:
        by_method = path[0] in METHOD_STAGES
        if by_method and self._method_failed:
            return
        message = f"is missing (known {group.replace('_', ' ')}: {listed(registry.names(group))})"
        if by_method:
            message += f"; or set 'method' (known: {listed(registry.names('methods'))})"
        at = path if choice is None else (*path, "use")
        self.mistakes.append(Mistake(at, message, kind="missing"))


def _is_absent(choice: Any) -> bool:
    """Return whether a spec does not mention a stage, or sets it to ``none``."""
    return choice is None or long_form(choice) == {"use": NO_STAGE}


def _is_sanity(choice: Any) -> bool:
    choice = long_form(choice)
    return isinstance(choice, Mapping) and choice.get("use") == SANITY


def _over_preset(data: Mapping[str, Any], method: Method) -> dict[str, Any]:
    merged = dict(data)
    for stage, preset in method.stages().items():
        choice = long_form(data.get(stage)) or {}
        if (
            choice != {"use": NO_STAGE}
            and isinstance(choice, Mapping)
            and choice.get("use") in (None, preset.get("use"))
        ):
            merged[stage] = {**_deep_merge(preset, choice), "use": preset.get("use")}
    if data.get("metrics") is None:
        merged["metrics"] = method.metrics
    return merged


def _deep_merge(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = _deep_merge(below, value)
        else:
            merged[key] = value
    return merged
