"""The declared API: all names that authors of plugins may use.

``API`` is the one list. What stands in it stays, or leaves by way of ``DEPRECATED``; anything else
in ``causalxai`` may change with any version. ``python -m causalxai.api`` prints the list with what
each name is; with folders, it tells which of their imports are not on the list. The built-in
plugins are held to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """The names that serve one purpose.

    Parameters
    ----------
    purpose
        What they are for.
    modules
        By module, the names to import from it. What a name is, its docstring says.
    """

    purpose: str
    modules: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Deprecation:
    """How a name leaves the API.

    Parameters
    ----------
    since
        The version that warns of its use for the first time.
    removed_in
        The first version that does not have it.
    instead
        What to use in its place, ``module:name``.
    """

    since: str
    removed_in: str
    instead: str


API: tuple[Section, ...] = (
    Section(
        "Every plugin: its settings, what it needs and what the other parts of a run offer",
        {
            "causalxai.plugin": (
                *("FileToRead", "FolderToRead", "Plugin", "PluginConfig", "folder_of"),
            ),
            "causalxai.plugin.imported_code": ("ImportedCode",),
            "causalxai.plugin.method": ("Method",),
            "causalxai.capabilities": ("Capability", "expect"),
        },
    ),
    Section(
        "Errors, which say what is wrong, where, and what would be right",
        {
            "causalxai.errors": (
                *("CapabilityError", "CausalxaiError", "ContractError", "DataError"),
                "did_you_mean",
            ),
        },
    ),
    Section(
        "Data sets",
        {
            "causalxai.dataset": (
                *("Dataset", "DatasetSource", "Split", "class_index", "some_of_each_class"),
            ),
            "causalxai.image_data.files": ("images_in",),
            "causalxai.image_data.folder": ("FolderReader",),
            "causalxai.image_data.lazy": (
                *("Images", "LazyImages", "batches", "concatenated", "mean_image", "rows_at_once"),
            ),
            "causalxai.image_data.reading": ("Look", "read_image"),
            "causalxai.image_data.settings": ("FolderSettings",),
            "causalxai.image_data.split": ("evenly_spaced_rows",),
            "causalxai.image_data.stratified": ("stratified_split",),
            "causalxai.outline": ("Outline", "concept_index"),
            "causalxai.renderer": ("Mechanism", "Renderer", "StructuralRenderer"),
            "causalxai.columns": (
                *("dependent_columns", "informative_rows", "require_float32"),
                *("require_independent", "standardised"),
            ),
        },
    ),
    Section(
        "Classifiers and their layers",
        {
            "causalxai.classifier": ("Classifier", "ClassifierSource"),
            "causalxai.network.adaptable": ("stored_form",),
            "causalxai.network.adaptation": ("unwrapped",),
            "causalxai.network.copying": ("copied",),
            "causalxai.network.dividing_layers": ("dividing_layers",),
            "causalxai.network.exported": (
                "Constants",
                "ExportedNetwork",
                "called",
                "exported",
                "gives_the_logits",
            ),
            "causalxai.network.hidden_layer": ("HiddenLayer",),
            "causalxai.network.flat_gradients": ("logits_that_move", "refuse_flat_gradients"),
            "causalxai.network.import_folders": ("importable_from",),
            "causalxai.network.import_path": ("build_network", "find_network"),
            "causalxai.network.layer_access": ("LayerAccess",),
            "causalxai.network.layer_names": ("require_layers_named", "unknown_layer"),
            "causalxai.network.network_digest": ("network_digest",),
            "causalxai.network.own_code": ("OwnCode", "is_standard", "top_package"),
            "causalxai.network.preparation": ("OWN",),
            "causalxai.network.probe_images": ("probe_images",),
            "causalxai.network.reading": ("Output",),
            "causalxai.network.rescale": ("rescalable",),
            "causalxai.network.tracing": ("UntraceableError", "traced"),
            "causalxai.network.weights": ("load_weights", "read_weights"),
        },
    ),
    Section(
        "Concepts and their spaces: the variables on which one may intervene",
        {
            "causalxai.concept": (
                *("BooleanConcept", "Concept", "ParameterConcept", "UnitChange", "Units"),
                *("alike", "unit_changes"),
            ),
            "causalxai.concept_space": ("ConceptSpace", "held_out_scales"),
        },
    ),
    Section(
        "Interventions, and the oracles that answer them",
        {
            "causalxai.intervention": ("NO_TARGET", "Action", "Intervention"),
            "causalxai.oracle": (
                *("DEFAULT_MEMORY_CEILING", "BudgetError", "Oracle", "Response", "Want"),
            ),
        },
    ),
    Section(
        "Causal graphs, and how they are found",
        {
            "causalxai.graph": (
                *("CausalGraph", "Edge", "EdgeKind", "Node", "NodeKind"),
                "edges_in_words",
            ),
            "causalxai.graph_discoverer": (
                *("BackgroundKnowledge", "DiscovererConfig", "DiscoveryInputs"),
                "GraphDiscoverer",
            ),
        },
    ),
    Section(
        "Explanations, and the what-ifs among them",
        {
            "causalxai.explainer": ("ControlKind", "Explainer", "Explanation", "ExplanationInputs"),
            "causalxai.what_if": ("Change", "WhatIf"),
        },
    ),
    Section(
        "What explanations of any concept space are made of",
        {
            "causalxai.generic.concept_lime": ("LimeConfig", "Surroundings"),
            "causalxai.generic.minimal_sets": (
                *("MinimalSets", "ask_sets", "class_to_reach", "minimal_sets"),
            ),
        },
    ),
    Section(
        "Scores with their intervals and chance levels",
        {
            "causalxai.metric": (
                *("AttributionSpace", "Estimate", "Metric", "MetricResult"),
                *("MetricUndefinedError", "RunMetric", "ScoringInputs"),
            ),
            "causalxai.intervals": ("widened",),
            "causalxai.metrics.resampling": ("Rows", "bootstrapped", "null_range"),
            "causalxai.metrics.graph_scores": ("directed_member",),
        },
    ),
    Section(
        "Randomness that a seed repeats",
        {"causalxai.seeding": ("numpy_generator", "seeded", "torch_generator")},
    ),
    Section(
        "Work that takes long: its progress, its training loops, and going on after a crash",
        {
            "causalxai.progress": ("SILENT", "Progress"),
            "causalxai.training.loop": ("NotFiniteError", "StepwiseTraining", "descend"),
            "causalxai.training.data_parallel": (
                *("Rank", "batches_divided", "draw_rows", "own_rows", "share_buffers"),
            ),
            "causalxai.training.learning_rate": (
                *("linear_decay", "linear_warmup", "set_learning_rate"),
            ),
            "causalxai.training.optimizers": ("fused_on",),
            "causalxai.training.state": ("TrainingState",),
            "causalxai.storage.checkpoint": ("NO_CHECKPOINT", "Checkpoint"),
        },
    ),
    Section(
        "The memory that a run may take: how much to process at once, and what to warn of",
        {
            "causalxai.memory": ("memory_limit", "rows_that_fit", "tell_if_too_large"),
            "causalxai.network.working_memory": ("bytes_at_widest", "bytes_for_gradients"),
        },
    ),
    Section(
        "Results as they are stored, and digests of the files that a result rests on",
        {
            "causalxai.storage.record": ("Json", "Record", "prefixed", "without_prefix"),
            "causalxai.storage.digests": ("digest_files",),
        },
    ),
    Section(
        "Sections of the report, and what they draw; for report builders alone",
        {
            "causalxai.report.builder": ("ConceptReport", "GraphReport", "ReportInputs"),
            "causalxai.report.section": ("Figure", "Section", "Table", "Text"),
            "causalxai.report.plots": (
                *("CATEGORIES", "DOUBT", "INK", "OPPOSE", "SUPPORT"),
                *("axes_grid", "effect_colours", "embed", "image_axes", "new_figure"),
            ),
            "causalxai.report.pictures": (
                *("Thumbnail", "as_shown", "draw_difference", "draw_picture", "draw_signed"),
                "thumbnail",
            ),
            "causalxai.report.inlined": ("inlined_image",),
            "causalxai.report.graph_drawing": (
                *("Verdict", "draw_graph", "missed_edges", "verdict_on"),
            ),
            "causalxai.report.graph_view": ("GraphExtras", "NodeMeaning"),
            "causalxai.report.excitation": (
                *("Channel", "ExcitingImages", "Stride", "evenly_spaced"),
            ),
            "causalxai.report.maps": (
                *("correlation_between_classes", "doubt_of_maps", "share_with_half_of_support"),
            ),
            "causalxai.report.training_curves": ("TrainingCurve", "draw_training_curves"),
        },
    ),
    Section(
        "Tests of plugins",
        {
            "causalxai.testing": (
                *("Bench", "BrokenPromiseError", "Case", "Check", "Keeper", "KilledError"),
                *(
                    "LinearScm",
                    "ToyWorld",
                    "check_renderer",
                    "checks_for",
                    "parametrize_with_checks",
                    "toy_world",
                ),
            ),
        },
    ),
    Section(
        "Runs and comparisons from Python, and how to leave names behind",
        {
            "causalxai": ("Comparison", "Run", "compare", "explain", "load", "run"),
            "causalxai.api.deprecation": ("deprecated", "old_names"),
        },
    ),
)
"""All names by purpose. The short cuts in ``causalxai`` itself are some of them."""

DEPRECATED: Mapping[str, Deprecation] = {}
"""Names that leave the API, ``module:name``; see ``causalxai.api.deprecation``."""


def public_names() -> frozenset[tuple[str, str]]:
    """Return all pairs of a module and a name that may be imported from it, by ``API``."""
    return frozenset(
        (module, name)
        for section in API
        for module, names in section.modules.items()
        for name in names
    )
