"""What every concept space promises."""

from __future__ import annotations

from dataclasses import replace

import torch

from causalxai.concept import Concept, Units
from causalxai.concept_space import ConceptSpace
from causalxai.report.builder import ConceptReport
from causalxai.testing.bench import Bench, check, report_builders, require_sections, stored


@check
def fit_returns_self(bench: Bench[ConceptSpace]) -> None:
    """Require ``fit`` to return the space that it fitted."""
    inputs = bench.seeded()
    fitted = bench.plugin.fit(inputs.classifier, inputs.dataset, rng=inputs.rng)
    bench.require(fitted is bench.plugin, "fit does not return self")


@check
def fit_leaves_its_inputs_alone(bench: Bench[ConceptSpace]) -> None:
    """Require that fitting changes neither classifier nor data set and leaves no hook behind."""
    with bench.untouched("fit"):
        _fitted(bench)


@check
def same_rng_gives_the_same_fit(bench: Bench[ConceptSpace]) -> None:
    """Require that all chance in ``fit`` comes from the generator."""
    one, other = _fitted(bench), _fitted(bench)
    bench.require(one.names() == other.names(), "fitted twice with one seed, the concepts differ")
    complaint = "fitted twice with one seed"
    bench.require_same_record(other.to_record(), one.to_record(), complaint)
    _require_same_units(bench, other.encode(bench.images), one.encode(bench.images), complaint)


@check
def names_are_unique(bench: Bench[ConceptSpace]) -> None:
    """Require a name of its own for each concept, and ``names`` to tell them in order."""
    space = _fitted(bench)
    names = [concept.name for concept in space.concepts]
    bench.require(all(names), "a concept has no name")
    bench.require(len(set(names)) == len(names), "two concepts share a name")
    bench.require(space.names() == tuple(names), "names() are not those of the concepts")


@check
def every_column_has_a_concept(bench: Bench[ConceptSpace]) -> None:
    """Require one ``Concept`` for each column of the values."""
    space = _fitted(bench)
    concepts, width = space.concepts, space.encode(bench.images).values.shape[1]
    bench.require(len(concepts) > 0, "there is no concept")
    bench.require(all(isinstance(c, Concept) for c in concepts), "something is no Concept")
    bench.require(len(concepts) == width, f"{len(concepts)} concepts for {width} columns")


@check
def encode_gives_finite_values(bench: Bench[ConceptSpace]) -> None:
    """Require finite floats ``[n, d]``, and one row an image of all else that is kept."""
    units = _fitted(bench).encode(bench.images)
    n = len(bench.images)
    bench.require(isinstance(units, Units), f"encode returns {type(units).__name__}, not Units")
    shape = list(units.values.shape)
    bench.require(units.values.dim() == 2 and shape[0] == n, f"values are [n, d], not {shape}")
    bench.require(units.values.is_floating_point(), f"values are {units.values.dtype}, no floats")
    bench.require(
        bool(torch.isfinite(units.values).all()), "encode gives values that aren't finite"
    )
    for name, tensor in units.residual.items():
        bench.require(len(tensor) == n, f"the residual {name!r} has not one row for each image")


@check
def encode_leaves_images_alone(bench: Bench[ConceptSpace]) -> None:
    """Require that reading changes neither the images nor the classifier."""
    space = _fitted(bench)
    with bench.untouched("encode"):
        space.encode(bench.images)


@check
def encode_reads_each_image_alone(bench: Bench[ConceptSpace]) -> None:
    """Require a batch to be read as its images are one by one."""
    space = _fitted(bench)
    batch = space.encode(bench.images)
    for row in range(len(bench.images)):
        rows = slice(row, row + 1)
        alone = space.encode(bench.images[rows])
        _require_same_units(bench, alone, batch[rows], f"image {row} alone and in a batch")


@check
def record_brings_the_space_back(bench: Bench[ConceptSpace]) -> None:
    """Require a fresh space with the stored record to read as the fitted one did."""
    space = _fitted(bench)
    fresh = bench.fresh()
    restored = fresh.restore(stored(space.to_record()), bench.inputs.classifier)
    bench.require(restored is fresh, "restore does not return self")
    bench.require(fresh.attach(bench.inputs.dataset) is fresh, "attach does not return self")
    bench.require(list(fresh.concepts) == list(space.concepts), "restored concepts differ")
    expected = space.encode(bench.images)
    _require_same_units(bench, fresh.encode(bench.images), expected, "restored")
    again, record = stored(fresh.to_record()), stored(space.to_record())
    bench.require_same_record(again, record, "stored, restored and stored again")


@check
def space_sections_can_be_shown(bench: Bench[ConceptSpace]) -> None:
    """Require what the report shows to be made of sections, for a restored space as well."""
    record = stored(_fitted(bench).to_record())
    restored = bench.fresh().restore(record, bench.inputs.classifier)
    restored = restored.attach(bench.inputs.dataset)
    inputs = replace(bench.report_inputs(), space=restored)
    for build in report_builders(bench, "concept_spaces"):
        report = ConceptReport.of(build(restored, inputs))
        require_sections(bench, report.sections)
        unknown = sorted(set(report.meanings) - set(restored.names()))
        bench.require(not unknown, f"the report tells what {unknown} mean, which are no concepts")


def _fitted(bench: Bench[ConceptSpace]) -> ConceptSpace:
    inputs = bench.seeded()
    return bench.fresh().fit(inputs.classifier, inputs.dataset, rng=inputs.rng)


def _require_same_units(
    bench: Bench[ConceptSpace], found: Units, expected: Units, complaint: str
) -> None:
    bench.require_same(found.values, expected.values, f"{complaint}, values differ")
    same_kept = set(found.residual) == set(expected.residual)
    bench.require(same_kept, f"{complaint}, the residuals' names differ")
    for name, tensor in expected.residual.items():
        bench.require_same(found.residual[name], tensor, f"{complaint}, {name!r} differs")


SPACE_CHECKS = (
    fit_returns_self,
    fit_leaves_its_inputs_alone,
    same_rng_gives_the_same_fit,
    names_are_unique,
    every_column_has_a_concept,
    encode_gives_finite_values,
    encode_leaves_images_alone,
    encode_reads_each_image_alone,
    record_brings_the_space_back,
    space_sections_can_be_shown,
)
