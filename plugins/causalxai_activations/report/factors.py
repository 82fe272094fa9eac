"""The report's section on factors: what they make up, and the crops that have most of them."""

from __future__ import annotations

from causalxai.dataset import Dataset
from causalxai.image_data.split import evenly_spaced_rows
from causalxai.metric import Estimate
from causalxai.report.builder import ConceptReport, ReportInputs
from causalxai.report.graph_view import NodeMeaning
from causalxai.report.inlined import inlined_image
from causalxai.report.pictures import Thumbnail, draw_picture
from causalxai.report.plots import axes_grid, embed, new_figure
from causalxai.report.section import Figure, Section, Table, Text
from causalxai_activations.factor_space import MAPS, USUAL_FACTORS, FactorSpace
from causalxai_activations.report.heat import draw_heat

_CROPS = 6
_IMAGES = 3
_READ = 64
_MOST_FACTORS = 24


def concept_report(space: FactorSpace, inputs: ReportInputs) -> ConceptReport:
    """Show how much the factors make up, and each factor's crops and heat maps."""
    items: list[Text | Table | Figure] = [Text(_verdict(space))]
    if space.has_fewer_than_usual:
        items.append(Text(_few(space)))
    if (warning := space.warning()) is not None:
        items.append(Text(f"Note: {warning}."))
    items += [_quality_table(space), _factors(space, inputs.dataset)]
    return ConceptReport([Section("The factors of the layer", items)], factor_meanings(space))


def factor_meanings(space: FactorSpace) -> dict[str, NodeMeaning]:
    """Return what each factor means: the crops of training images that have most of it."""
    said = (
        f"Of {space.fit_.crops} crops of {space.fit_.images} training images, those that have "
        "most of the factor, at most one of an image."
    )
    found = {}
    for concept, crops in zip(space.concepts, space.crops_, strict=True):
        shown = [
            Thumbnail(inlined_image(crop), f"a crop that has much of {concept.name}")
            for crop in crops[:_CROPS]
        ]
        found[concept.name] = NodeMeaning(said, shown, in_box=True)
    return found


def _verdict(space: FactorSpace) -> str:
    fit, quality = space.fit_, space.quality_
    return (
        f"{len(space.factors_)} non-negative factors were found in the activations of the layer "
        f"{space.layer_.name} for {fit.crops} crops of {fit.images} training images. On "
        f"{quality.n} test images, they leave {quality.error.value:.0%} of the activations' length "
        f"unexplained (shuffled factors {quality.shuffled_error.value:.0%}). If the layer held "
        "nothing else, the network would predict the same class for "
        f"{quality.agreement.value:.0%} of the images (with shuffled factors "
        f"{quality.shuffled_agreement.value:.0%}, always the most frequent class "
        f"{quality.chance:.0%}). What they leave unexplained is kept in all answers of the oracle."
    )


def _few(space: FactorSpace) -> str:
    count, channels = len(space.factors_), space.layer_.shape[0]
    limit = (
        f"there are only {count} crops"
        if space.fit_.crops == count
        else f"only {count} of the layer's {channels} channels are active in the crops"
    )
    return (
        f"Note: there are fewer factors than the usual {USUAL_FACTORS}, because {limit}. So many "
        "factors can make up nearly all that is in the crops, so that a small part left "
        "unexplained says little. If a factor is to summarise several channels, set "
        "concepts.factors lower, or name another layer by concepts.layer."
    )


def _quality_table(space: FactorSpace) -> Table:
    quality = space.quality_
    rows = (
        ("length left unexplained", _shown(quality.error), _shown(quality.shuffled_error), ""),
        (
            "same prediction from the factors alone",
            _shown(quality.agreement),
            _shown(quality.shuffled_agreement),
            f"{quality.chance:.1%}",
        ),
    )
    return Table(
        ("on test images", "factors", "channels shuffled", "most frequent class"),
        rows,
        "With 95 % intervals over images. The channels of each factor are shuffled by themselves, "
        "which is the chance level of factors of the same weights.",
    )


def _shown(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.1%}"
    return f"{estimate.value:.1%} [{estimate.low:.1%}, {estimate.high:.1%}]"


def _factors(space: FactorSpace, dataset: Dataset) -> Figure:
    """Draw, for each factor, its best crops and the test images that have most of it."""
    images = dataset.test.images[evenly_spaced_rows(len(dataset.test), _READ)]
    count = len(images)
    units = space.encode(images)
    values, maps = units.values.cpu(), units.residual[MAPS].cpu()
    shown = min(len(space.factors_), _MOST_FACTORS)
    crops, heats = min(_CROPS, space.crops_.shape[1]), min(_IMAGES, count)
    figure = new_figure(0.85 * (crops + heats) + 0.6, 0.9 * shown + 0.3)
    for factor, line in enumerate(axes_grid(figure, shown, crops + heats)):
        for axes, crop in zip(line, space.crops_[factor], strict=False):
            draw_picture(axes, crop)
        line[0].set_ylabel(space.concepts[factor].name, fontsize=8)
        most = values[:, factor].argsort(descending=True, stable=True)[:heats]
        limit = float(maps[most, factor].max())
        for axes, row in zip(line[crops:], most.tolist(), strict=True):
            draw_heat(axes, images[row], maps[row, factor], limit)
    return embed(
        figure,
        f"Each row is a factor. Left, the crops of training images that have most of it, at most "
        f"one of an image; right, of {count} test images those that have most of it, and where "
        "(bright). A factor has no name of its own: what its crops share is for the reader to "
        f"judge.{_left_out(space)}",
        "For each factor, crops of training images, and test images with heat maps.",
        raster=True,
    )


def _left_out(space: FactorSpace) -> str:
    more = len(space.factors_) - _MOST_FACTORS
    return f" {more} more factors, with smaller coefficients, are not shown." if more > 0 else ""
