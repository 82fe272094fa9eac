from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch.nn import functional as F

from causalxai import CausalGraph, ScoringInputs
from causalxai.graph import Node, NodeKind
from causalxai.report.builder import ReportInputs
from causalxai.report.excitation import crop_around
from causalxai.report.pictures import thumbnail
from causalxai_interventional.report.channels import channel_meanings

Given = Callable[[ScoringInputs], ReportInputs]


GRAPH = CausalGraph(
    [
        Node("image:0", NodeKind.IMAGE, annotations={"layer": "image"}),
        Node("conv1:0", NodeKind.MEDIATOR, annotations={"layer": "conv1"}),
        *(Node(f"fc1:{k}", NodeKind.MEDIATOR, annotations={"layer": "fc1"}) for k in range(8)),
        Node("class 2", NodeKind.CLASS, label="2", annotations={"layer": "class"}),
    ]
)


def test_channels_units_and_classes_mean_the_images_that_excite_them(
    inputs: ScoringInputs, report_inputs: Given
):
    meanings = channel_meanings(GRAPH, report_inputs(inputs))
    images, model = inputs.dataset.test.images, inputs.classifier.model
    with torch.no_grad():
        channels = F.relu(model.conv1(images))
        deeper = F.max_pool2d(F.relu(model.conv2(F.max_pool2d(channels, 2))), 2)
        units = F.relu(model.fc1(deeper.flatten(1)))
        logits = model(images)
    strongest = channels[:, 0].flatten(1)
    row = int(strongest.amax(dim=1).argmax())
    cell = divmod(int(strongest[row].argmax()), channels.shape[3])
    crop = crop_around(images[row], cell, (13, 13), (1, 1))
    assert meanings["conv1:0"].pictures[0].picture == thumbnail(crop)
    unit = int(units.sum(dim=0).argmax())
    shown = meanings[f"fc1:{unit}"].pictures[0].picture
    assert shown == thumbnail(images[int(units[:, unit].argmax())])
    surest = meanings["class 2"]
    assert surest.pictures[0].picture == thumbnail(images[int(logits[:, 2].argmax())])
    assert "the logit of class 2" in surest.text
    assert "image:0" not in meanings


def test_without_the_oracle_of_parameters_nothing_is_said(
    inputs: ScoringInputs, report_inputs: Given
):
    assert channel_meanings(GRAPH, report_inputs(replace(inputs, oracle=None))) == {}
