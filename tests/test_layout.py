"""Tests lie where their source lies: ``tests/x/test_y.py`` belongs to ``causalxai/x/y.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

TESTS_OF_SEVERAL_FILES = {
    "comparison/test_compare_example.py",
    "generic/test_matrix.py",
    "guides/test_pages.py",
    "metrics/test_metric_conformance.py",
    "pipeline/test_absent_stages.py",
    "plugins/activations/test_run.py",
    "plugins/baselines/test_attributions.py",
    "plugins/baselines/test_patches.py",
    "plugins/datasets/test_renderers.py",
    "plugins/discovery/test_methods.py",
    "plugins/dvae/test_run.py",
    "plugins/glance/scm/test_levels.py",
    "plugins/glance/scm/test_scenarios.py",
    "plugins/glance/test_boolean_concepts.py",
    "plugins/glance/test_devices.py",
    "plugins/glance/test_faces.py",
    "plugins/glance/test_run.py",
    "plugins/glance/twin/test_twin_precision.py",
    "plugins/glance/twin/test_twin_scale.py",
    "plugins/glance/twin/test_twin_step.py",
    "plugins/glance/twin/test_twin_training.py",
    "plugins/interventional/test_devices.py",
    "plugins/interventional/test_odd_networks.py",
    "test_adapted_classifiers.py",
    "test_conformance.py",
    "test_docs.py",
    "test_imports.py",
    "test_layout.py",
    "test_photographs.py",
    "test_own_classifier_example.py",
    "test_specs.py",
    "test_third_party_adapters.py",
    "test_third_party_networks.py",
    "test_third_party_plugin.py",
    "report/test_by_keyboard.py",
    "report/test_in_browser.py",
    "comparison/page/test_by_keyboard.py",
    "comparison/page/test_in_browser.py",
    "testing/test_checks_can_fail.py",
    "trust/test_families.py",
}
"""Tests that belong to no single file; paths below ``tests``."""

TESTED_WITH_OTHERS = {
    "causalxai/command_line/options.py",
    "causalxai/comparison/page/score_provenance.py",
    "causalxai/dataset_dependent.py",
    "causalxai/errors.py",
    "causalxai/image_data/checks.py",
    "causalxai/image_data/folder.py",
    "causalxai/image_data/settings.py",
    "causalxai/metrics/gauge.py",
    "causalxai/metrics/repeated_explanations.py",
    "causalxai/network/layer_access.py",
    "causalxai/network/object_digest.py",
    "causalxai/network/rescale.py",
    "causalxai/pipeline/learned_stages.py",
    "causalxai/pipeline/meter.py",
    "causalxai/pipeline/rendering.py",
    "causalxai/pipeline/stage_results.py",
    "causalxai/plugin/method.py",
    "causalxai/plugin/provenance.py",
    "causalxai/progress/bars.py",
    "causalxai/report/builder.py",
    "causalxai/report/section.py",
    "causalxai/storage/checkpoint.py",
    "causalxai/testing/bench.py",
    "causalxai/testing/discoverer_checks.py",
    "causalxai/testing/explainer_checks.py",
    "causalxai/testing/footprint.py",
    "causalxai/testing/killed.py",
    "causalxai/testing/metric_checks.py",
    "causalxai/testing/observation_checks.py",
    "causalxai/testing/plugin_checks.py",
    "causalxai/testing/refusal_checks.py",
    "causalxai/testing/scm.py",
    "causalxai/testing/space_checks.py",
    "causalxai/testing/trial.py",
    "plugins/causalxai_activations/direction_learning.py",
    "plugins/causalxai_activations/direction_quality.py",
    "plugins/causalxai_activations/factor_quality.py",
    "plugins/causalxai_activations/report/factor_explanation.py",
    "plugins/causalxai_activations/report/heat.py",
    "plugins/causalxai_baselines/patch_oracle.py",
    "plugins/causalxai_baselines/patch_space.py",
    "plugins/causalxai_datasets/cartoon_faces/appearance.py",
    "plugins/causalxai_datasets/cartoon_faces/attributes.py",
    "plugins/causalxai_datasets/cartoon_faces/hair.py",
    "plugins/causalxai_datasets/cartoon_faces/head.py",
    "plugins/causalxai_datasets/cartoon_faces/mask.py",
    "plugins/causalxai_datasets/cartoon_faces/mouth.py",
    "plugins/causalxai_datasets/celeba_lists.py",
    "plugins/causalxai_datasets/drawn_dataset.py",
    "plugins/causalxai_datasets/morpho/concepts.py",
    "plugins/causalxai_datasets/morpho/skeletons.py",
    "plugins/causalxai_datasets/morpho/thinning.py",
    "plugins/causalxai_datasets/parts/bird.py",
    "plugins/causalxai_datasets/parts/landscape.py",
    "plugins/causalxai_discovery/causal_learn.py",
    "plugins/causalxai_discovery/causal_table.py",
    "plugins/causalxai_discovery/claims.py",
    "plugins/causalxai_discovery/direct_lingam.py",
    "plugins/causalxai_discovery/dowhy_library.py",
    "plugins/causalxai_discovery/ges.py",
    "plugins/causalxai_discovery/orientation.py",
    "plugins/causalxai_generators/generator_quality.py",
    "plugins/causalxai_generators/generator_source.py",
    "plugins/causalxai_generators/labels.py",
    "plugins/causalxai_generators/picture_oracle.py",
    "plugins/causalxai_generators/picture_space.py",
    "plugins/causalxai_discovery/pc.py",
    "plugins/causalxai_discovery/random_order.py",
    "plugins/causalxai_discovery/report/dowhy_scm.py",
    "plugins/causalxai_discovery/report/observations.py",
    "plugins/causalxai_discovery/resit.py",
    "plugins/causalxai_dvae/flip_answers.py",
    "plugins/causalxai_dvae/report/effects.py",
    "plugins/causalxai_dvae/report/explanation.py",
    "plugins/causalxai_dvae/stages.py",
    "plugins/causalxai_glance/concept_labels.py",
    "plugins/causalxai_glance/concepts.py",
    "plugins/causalxai_glance/pairs.py",
    "plugins/causalxai_glance/perception/perception.py",
    "plugins/causalxai_glance/perception_evidence.py",
    "plugins/causalxai_glance/report/evidence.py",
    "plugins/causalxai_glance/report/paper_graph.py",
    "plugins/causalxai_glance/report/perception.py",
    "plugins/causalxai_glance/scm/attribute_score.py",
    "plugins/causalxai_glance/scm/basis.py",
    "plugins/causalxai_glance/scm/design.py",
    "plugins/causalxai_glance/twin/intervened.py",
    "plugins/causalxai_glance/twin/training.py",
    "plugins/causalxai_glance/twin/twin.py",
    "plugins/causalxai_interventional/calls.py",
    "plugins/causalxai_interventional/changed_heads.py",
    "plugins/causalxai_interventional/changed_operations.py",
    "plugins/causalxai_interventional/changes.py",
    "plugins/causalxai_interventional/correction.py",
    "plugins/causalxai_interventional/discoverer.py",
    "plugins/causalxai_interventional/edits.py",
    "plugins/causalxai_interventional/hooked_propagation.py",
    "plugins/causalxai_interventional/parameter_space.py",
    "plugins/causalxai_interventional/propagation.py",
    "plugins/causalxai_interventional/reference_maps.py",
    "plugins/causalxai_interventional/report/explanation.py",
    "plugins/causalxai_interventional/report/graph.py",
    "plugins/causalxai_interventional/running_layers.py",
}
"""Source files that are tested through the files that use them."""


def _source_of(test: Path) -> Path:
    first, *rest = test.relative_to(ROOT / "tests").parent.parts or ("",)
    match first:
        case "plugins":
            folder = Path("plugins", f"causalxai_{rest[0]}", *rest[1:])
        case "benchmarks":
            folder = Path(first, *rest)
        case _:
            folder = Path("causalxai", first, *rest)
    return folder / test.name.removeprefix("test_")


def _tests() -> Iterator[Path]:
    yield from sorted((ROOT / "tests").rglob("test_*.py"))


def _sources() -> Iterator[Path]:
    for top in ("causalxai", "plugins"):
        for path in sorted((ROOT / top).rglob("*.py")):
            if not path.name.startswith("__"):
                yield path.relative_to(ROOT)


def test_each_test_file_has_the_name_of_a_source_file():
    def has_source(test: Path) -> bool:
        source = ROOT / _source_of(test)
        return source.exists() or source.with_name(f"_{source.name}").exists()

    alone = {
        test.relative_to(ROOT / "tests").as_posix() for test in _tests() if not has_source(test)
    }
    assert alone <= TESTS_OF_SEVERAL_FILES


def test_each_source_file_has_a_test_file_of_its_name():
    tested = {_source_of(test) for test in _tests()}
    untested = {source.as_posix() for source in _sources() if source not in tested}
    assert untested <= TESTED_WITH_OTHERS
