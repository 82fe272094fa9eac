"""Lists the layers of the classifiers of specs as text, without training them."""

from __future__ import annotations

from collections.abc import Sequence

from causalxai.config import Grid, ResolvedSpec, Stage
from causalxai.errors import CapabilityError
from causalxai.network.layer_list import LayerInfo
from causalxai.outline import Outline
from causalxai.pipeline.previews import Previews
from causalxai.progress import SILENT, Progress
from causalxai.seeding import torch_generator

_HEADINGS = ("layer", "kind", "output", "parameters", "methods can use it as")


def layer_tables(grid: Grid, progress: Progress = SILENT) -> list[str]:
    """Return a table of layers for each of the classifiers of a grid.

    A data set that does not know its outline is loaded.

    Raises
    ------
    CausalxaiError
        If a network cannot be built, or its source does not tell it before the training.
    """
    previews = Previews()
    tables: dict[str, None] = {}
    for cell in grid.cells:
        tables[_table_of(cell.spec, previews, progress)] = None
    return list(tables)


def _table_of(spec: ResolvedSpec, previews: Previews, progress: Progress) -> str:
    outline = previews.outline(spec) or _loaded(spec, progress)
    classifier = previews.classifier(spec, outline)
    name = spec.classifier.provenance.name
    if classifier is None:
        raise CapabilityError(f"the classifier {name!r} does not tell its layers before a run")
    size = " x ".join(map(str, outline.image_shape))
    trained = "untrained" if spec.classifier.build().trains else "as it is loaded"
    title = f"{name} for images {size} and {len(outline.class_names)} classes, {trained}"
    return f"{title}\n\n{as_text(classifier.describe_layers())}"


def _loaded(spec: ResolvedSpec, progress: Progress) -> Outline:
    rng = torch_generator(spec.seed, Stage.DATASET)
    return spec.dataset.build().load(rng=rng, progress=progress).outline


def as_text(layers: Sequence[LayerInfo]) -> str:
    """Return a table with a line for each layer."""
    rows = [_HEADINGS, *map(_row, layers)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, kind, output, parameters, uses in rows:
        cells = (
            *(name.ljust(widths[0]), kind.ljust(widths[1]), output.ljust(widths[2])),
            *(parameters.rjust(widths[3]), uses),
        )
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _row(layer: LayerInfo) -> tuple[str, ...]:
    if not layer.runs:
        output = "does not run"
    elif layer.shape is None:
        output = "no tensor"
    else:
        output = " x ".join(map(str, layer.shape)) or "1"
    uses = ", ".join(layer.uses)
    if layer.runs > 1:
        uses = f"{uses} (runs {layer.runs} times)".strip()
    return layer.name, layer.kind, output, f"{layer.parameters:,}", uses
