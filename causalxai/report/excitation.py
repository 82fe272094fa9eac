"""The images that excite a channel of a network most: what the channel means to a person."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from causalxai.image_data.split import Split, evenly_spaced_rows
from causalxai.report.graph_view import NodeMeaning
from causalxai.report.inlined import inlined_image
from causalxai.report.pictures import Thumbnail
from causalxai.short_repr import short_repr

Stride: TypeAlias = tuple[int, int]
"""How many pixels of the image lie between neighbouring cells of a layer, down and across."""

Respond: TypeAlias = Callable[[str, Tensor], tuple[Tensor, Stride | None]]
"""Gives the responses of a layer's ``C`` channels to images ``[n, c, h, w]``, and their stride
where it is known: ``[n, C, h', w']``, or ``[n, C, 1, 1]`` for units, which see whole images."""

# Pixels; they are shown at two thirds of it, sharp on fine screens too.
_PICTURE = 112
_MOST_PICTURES, _IMAGES_AT_ONCE = 6, 32
# A crop has so many cells, about what a channel behind a few small convolutions sees, but its sides
# are between these shares of the image's.
_CELLS, _LEAST_SHARE, _LARGEST_SHARE = 7, 0.25, 0.5


@dataclass(frozen=True)
class Channel:
    """A channel of a layer, which a node of a graph stands for.

    Parameters
    ----------
    layer
        The name by which its responses are asked for.
    number
        Its index among the layer's channels.
    title
        What readers call it, such as "channel 3 of conv1".
    """

    layer: str
    number: int
    title: str


@dataclass(frozen=True)
class _Peaks:
    """The largest response of each channel in each image, ``[n, C]``, and the cell that has it."""

    values: Tensor
    cells: Tensor
    size: tuple[int, int]
    stride: Stride | None


@dataclass
class ExcitingImages(Mapping[str, NodeMeaning]):
    """What channels mean: the crops of images that excite each of them most.

    The crops of a channel are found when its meaning is asked for, because a network has thousands
    of channels, few of which a report shows. The network sees the images once for each layer.

    Parameters
    ----------
    split
        The images.
    class_names
        Of the ``K`` classes; the captions have the images' labels.
    channels
        The channels, by the names of their nodes.
    respond
        Gives the responses of a layer.
    """

    split: Split
    class_names: Sequence[str]
    channels: Mapping[str, Channel]
    respond: Respond
    _peaks: dict[str, _Peaks] = field(default_factory=dict, init=False, repr=False)

    __repr__ = short_repr

    def __iter__(self) -> Iterator[str]:
        return iter(self.channels)

    def __len__(self) -> int:
        return len(self.channels)

    def __contains__(self, node: object) -> bool:
        # The mixin's would find the pictures to know whether there are any.
        return node in self.channels

    def __getitem__(self, node: str) -> NodeMeaning:
        channel = self.channels[node]
        peaks = self._peaks_of(channel.layer)
        values, cells = peaks.values[:, channel.number], peaks.cells[:, channel.number]
        order = values.argsort(descending=True, stable=True)[:_MOST_PICTURES]
        # Behind a rectifier, a channel responds with zeros to what does not excite it.
        chosen = order[values[order] != 0]
        if not len(chosen):
            return NodeMeaning(f"None of {len(values)} images excites {channel.title}.")
        images, pictures = self.split.images[chosen], []
        for row, image in zip(chosen.tolist(), images, strict=True):
            label = self.class_names[int(self.split.labels[row])]
            place = divmod(int(cells[row]), peaks.size[1])
            alt = f"an image of class {label} that excites {channel.title}"
            crop = crop_around(image, place, peaks.size, peaks.stride)
            pictures.append(Thumbnail(inlined_image(crop, _PICTURE), alt, label))
        what = "those" if peaks.size == (1, 1) else "the parts"
        said = f"Of {len(values)} images, {what} that excite {channel.title} most"
        return NodeMeaning(f"{said}; below each its class.", pictures, in_box=True)

    @torch.no_grad()
    def _peaks_of(self, layer: str) -> _Peaks:
        if layer not in self._peaks:
            values, cells = [], []
            for rows in torch.arange(len(self.split)).split(_IMAGES_AT_ONCE):
                responses, stride = self.respond(layer, self.split.images[rows])
                largest = responses.float().cpu().flatten(2).max(dim=2)
                values.append(largest.values)
                cells.append(largest.indices)
                _, _, height, width = responses.shape
            found = _Peaks(torch.cat(values), torch.cat(cells), (height, width), stride)
            self._peaks[layer] = found
        return self._peaks[layer]


def crop_around(
    image: Tensor, cell: tuple[int, int], size: tuple[int, int], stride: Stride | None = None
) -> Tensor:
    """Return the part of an image ``[c, h, w]`` around a cell of a layer.

    Cells lie side by side, centred in the image. The part is seven cells high and wide, but not
    less than a quarter and not more than half of the image's sides. A single cell is all of it.

    Parameters
    ----------
    image
        The image.
    cell
        The row and the column of the cell.
    size
        How many rows and columns of cells there are.
    stride
        The height and width of a cell in pixels; ``None`` if all together cover the image.
    """
    if size == (1, 1):
        return image
    rows, columns = (
        _span(pixels, *one)
        for pixels, one in zip(
            image.shape[1:], zip(cell, size, stride or (None, None), strict=True), strict=True
        )
    )
    return image[:, rows, columns]


def _span(pixels: int, place: int, cells: int, step: float | None) -> slice:
    """Return the pixels around one cell along one axis."""
    step = pixels / cells if step is None else step
    share = min(max(_LEAST_SHARE, _CELLS * step / pixels), _LARGEST_SHARE)
    length = math.ceil(share * pixels)
    middle = pixels / 2 + (place + 0.5 - cells / 2) * step
    start = min(max(0, round(middle - length / 2)), pixels - length)
    return slice(start, start + length)


def evenly_spaced(split: Split, most: int) -> Split:
    """Return some images of a split, spread over it; a split of no more than ``most`` as it is."""
    return split[evenly_spaced_rows(len(split), most)]
