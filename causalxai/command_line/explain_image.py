"""The command ``explain-image``: other pictures, explained as a run explained its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from causalxai.command_line.options import (
    AsJson,
    Debug,
    Quiet,
    RunDirectory,
    SharedStore,
    TrustCode,
)
from causalxai.command_line.terminal import set_up_logging

if TYPE_CHECKING:
    from causalxai.explainer import Explanation
    from causalxai.image_data.reading import Look
    from causalxai.pipeline import Run

_FIGURES = (".png", ".svg", ".pdf")
_INCHES = 2.0


def explain_image_command(
    directory: RunDirectory,
    images: Annotated[
        list[Path],
        typer.Argument(metavar="IMAGE...", help="Files of pictures.", show_default=False),
    ],
    target: Annotated[
        str | None,
        typer.Option(help="The class to explain, by name; by default the predicted one."),
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="How many concepts are shown of each.")] = 5,
    figure: Annotated[
        Path | None,
        typer.Option(help="Draw the pictures with their maps (.png, .svg, .pdf)."),
    ] = None,
    store: SharedStore = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Write a page with a card for each picture: maps and what-ifs."),
    ] = None,
    as_json: AsJson = False,
    trust_code: TrustCode = False,
    quiet: Quiet = False,  # noqa: ARG001
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Explain other pictures with a finished run; nothing is trained anew."""
    console = set_up_logging()
    from causalxai.image_data.file_images import read_files
    from causalxai.pipeline import load
    from causalxai.progress.bars import terminal_progress

    if figure is not None and figure.suffix not in _FIGURES:
        raise typer.BadParameter(f"--figure: should end in {', '.join(_FIGURES)}, not {figure}")
    missing = [str(image) for image in images if not image.is_file()]
    if missing:
        raise typer.BadParameter(f"there is no such file: {', '.join(missing)}")
    with terminal_progress(console) as progress:
        run = load(directory, store=store, trust_code=trust_code, progress=progress)
        pixels = read_files(images, _look_of(run), images[0].parent, progress).images[:]
        explanation = run.explain(pixels, target)
    told = _told(run, explanation, images, most)
    if figure is not None:
        _draw(explanation, images, figure)
    if html is not None:
        _write_page(run, explanation, images, html)
    if as_json:
        sys.stdout.write(json.dumps({"images": told}, allow_nan=False) + "\n")
    else:
        sys.stdout.write("\n\n".join(_as_text(one) for one in told) + "\n")


def _look_of(run: Run) -> Look:
    """Return what the run's own pictures were made into, so that others are made into the same."""
    from causalxai.errors import CapabilityError
    from causalxai.image_data.reading import Look
    from causalxai.image_data.settings import LookSettings

    settings = run.spec.dataset.build().config if run.spec.dataset is not None else None
    if isinstance(settings, LookSettings):
        return settings.look
    channels, height, width = run.dataset.image_shape
    if height != width or channels not in (1, 3):
        raise CapabilityError(
            f"the run's images are {channels} x {height} x {width}; files are read as squares with "
            "1 or 3 channels. explain them in Python, by Run.explain"
        )
    return Look(size=height, channels=3 if channels == 3 else 1)


def _told(
    run: Run, explanation: Explanation, images: Sequence[Path], most: int
) -> list[dict[str, Any]]:
    """Return plain JSON for each picture: the class, its probability, and what supports it."""
    probabilities = run.classifier.logits(explanation.images).softmax(dim=1).cpu()
    names = run.classifier.class_names
    told = []
    for row, (image, klass) in enumerate(zip(images, explanation.target.tolist(), strict=True)):
        predicted = int(probabilities[row].argmax())
        one: dict[str, Any] = {
            "image": str(image),
            "predicted": names[predicted],
            "explained": names[klass],
            "probability": float(probabilities[row, klass]),
            "concepts": [],
        }
        if explanation.importance is not None:
            importance = explanation.importance[row].cpu()
            strongest = importance.abs().argsort(descending=True)[:most].tolist()
            one["concepts"] = [
                {"concept": explanation.concepts[k], "importance": float(importance[k])}
                for k in strongest
            ]
        told.append(one)
    return told


def _as_text(one: dict[str, Any]) -> str:
    lines = [
        f"{one['image']}: predicted {one['predicted']}; "
        f"explained: {one['explained']} (probability {one['probability']:.3f})"
    ]
    width = max((len(found["concept"]) for found in one["concepts"]), default=0)
    for found in one["concepts"]:
        says = "supports" if found["importance"] > 0 else "opposes"
        lines.append(f"  {found['concept']:<{width}}  {found['importance']:+.3g}  {says} it")
    if not one["concepts"]:
        lines.append(
            "  This method has no importances of concepts; --figure and --html show its maps."
        )
    return "\n".join(lines)


def _write_page(run: Run, explanation: Explanation, images: Sequence[Path], file: Path) -> None:
    """Write a page with a card for each picture."""
    from causalxai.pipeline.execution import exact_convolutions
    from causalxai.pipeline.new_images import images_page
    from causalxai.storage.writing import writing_to

    with exact_convolutions():
        page = images_page(run.pipeline, run.directory, explanation, [one.name for one in images])
    with writing_to(file):
        file.write_text(page, encoding="utf-8")


def _draw(explanation: Explanation, images: Sequence[Path], file: Path) -> None:
    """Draw each picture beside its maps."""
    from causalxai.report.pictures import draw_picture, draw_signed
    from causalxai.report.plots import axes_grid, new_figure
    from causalxai.storage.writing import writing_to

    columns, rows = 1 + len(explanation.maps), len(images)
    figure = new_figure(_INCHES * columns, _INCHES * rows)
    for row, axes in enumerate(axes_grid(figure, rows, columns)):
        draw_picture(axes[0], explanation.images[row].cpu())
        # File names are text, also where they contain dollar signs.
        axes[0].set_title(images[row].name, fontsize=8, parse_math=False)
        for place, (name, maps) in zip(axes[1:], explanation.maps.items(), strict=True):
            draw_signed(place, maps[row].cpu(), name)
    with writing_to(file):
        figure.savefig(file)
