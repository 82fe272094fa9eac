from __future__ import annotations

import pytest
import torch

from causalxai.config import load_spec
from causalxai.errors import DataError
from causalxai.pipeline.previews import Previews
from tests.trust.small_runs import spec


def test_a_network_is_known_without_its_training_and_shared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    previews = Previews()
    one, two = load_spec(spec("interventional")), load_spec(spec("patches"))
    outline = previews.outline(one)
    assert outline is not None and outline is previews.outline(two)
    before = torch.get_rng_state()
    classifier = previews.classifier(one, outline)
    assert torch.equal(torch.get_rng_state(), before)
    assert classifier is not None and classifier is previews.classifier(two, outline)
    assert classifier.layers() == ()
    assert [layer.name for layer in classifier.describe_layers()] == [
        "conv1",
        "conv2",
        "fc1",
        "fc2",
    ]
    other = load_spec(spec("patches"), ["classifier.hidden=17"])
    assert previews.classifier(other, outline) is not classifier


@pytest.mark.parametrize("name", ["lenet", "resnet18", "celeba-cnn"])
def test_the_preview_has_the_layers_of_the_trained_network(name: str) -> None:
    resolved = load_spec(spec("patches"), [f"classifier={{use: {name}, epochs: 0}}"])
    outline = Previews().outline(resolved)
    assert outline is not None
    preview = Previews().classifier(resolved, outline)
    dataset = resolved.dataset.build().load(rng=torch.Generator())
    fitted = resolved.classifier.build().fit(
        dataset, rng=torch.Generator(), device=torch.device("cpu")
    )
    assert preview is not None
    shapes = [(key, value.shape) for key, value in preview.model.state_dict().items()]
    assert shapes == [(key, value.shape) for key, value in fitted.model.state_dict().items()]


def test_weights_that_do_not_fit_are_known_without_training(tmp_path) -> None:
    torch.save({"fc.weight": torch.zeros(3, 4)}, tmp_path / "w.pt")
    classifier = {"use": "resnet18", "width": 4, "weights": str(tmp_path / "w.pt")}
    resolved = load_spec({**spec("patches"), "classifier": classifier})
    outline = Previews().outline(resolved)
    assert outline is not None
    with pytest.raises(DataError, match=r"w.pt: lacks conv1.weight"):
        Previews().classifier(resolved, outline)
