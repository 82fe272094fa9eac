from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from causalxai.classifier import Classifier
from causalxai.errors import CapabilityError

IMAGES = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def classifier(*layers: nn.Module) -> Classifier:
    torch.manual_seed(0)
    return Classifier(nn.Sequential(*layers), class_names=("a", "b", "c"), image_shape=(1, 8, 8))


def test_the_head_maps_embeddings_to_the_logits():
    model = classifier(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Dropout(), nn.Linear(16, 3))
    embedding = model.embed(IMAGES, batch_size=2)
    assert embedding.shape == (5, model.head.width)
    assert model.head.name == "4"
    assert (embedding > 0).any() and (embedding >= 0).all()
    torch.testing.assert_close(model.head.layer(embedding), model.logits(IMAGES))


@pytest.mark.filterwarnings("ignore:dropout.d. Received a 2-D input:UserWarning")
@pytest.mark.parametrize(
    "kind",
    [
        nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout,
        nn.FeatureAlphaDropout, nn.Identity,
    ],
)  # fmt: skip
def test_what_is_idle_behind_the_head_does_nothing(kind: type[nn.Module]):
    assert classifier(nn.Flatten(), nn.Linear(64, 3), kind()).head.name == "1"


@pytest.mark.parametrize(
    "norm",
    [parametrizations.weight_norm, parametrizations.spectral_norm, parametrizations.orthogonal],
)
def test_a_layer_whose_weight_is_computed_is_linear(norm: Callable[[nn.Module], nn.Module]):
    torch.manual_seed(1)
    model = classifier(nn.Flatten(), norm(nn.Linear(64, 16)), nn.ReLU(), norm(nn.Linear(16, 3)))
    assert (model.head.name, model.head.width) == ("3", 16)
    embedding, logits = model.embed_and_classify(IMAGES)
    torch.testing.assert_close(model.head.layer(embedding), logits)
    torch.testing.assert_close(model.hidden().logits(embedding), logits)
    by_hand = embedding @ model.head.layer.weight.T + model.head.layer.bias
    torch.testing.assert_close(by_hand, logits)


class Watched(nn.Module):
    """Looks at its last weight, which is computed, once more behind the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = parametrizations.weight_norm(nn.Linear(64, 3))

    def forward(self, images: Tensor) -> Tensor:
        logits = self.fc(images.flatten(1))
        self.longest = self.fc.weight.norm(dim=1).max()
        return logits


def test_what_computes_a_weight_is_no_layer():
    watched = Classifier(Watched(), class_names=("a", "b", "c"), image_shape=(1, 8, 8))
    assert watched.head.name == "fc"


class Keyword(nn.Module):
    """Calls its layers by keyword; with something behind the head, or not."""

    def __init__(self, behind: nn.Module | None = None) -> None:
        super().__init__()
        self.widen, self.fc, self.behind = nn.Linear(64, 4), nn.Linear(4, 3), behind

    def forward(self, images: Tensor) -> Tensor:
        logits = self.fc(input=self.widen(input=images.flatten(1)))
        return logits if self.behind is None else self.behind(input=logits)


def test_a_head_that_is_called_by_keyword_is_found():
    torch.manual_seed(0)
    network = Keyword()
    model = Classifier(network, class_names=("a", "b", "c"), image_shape=(1, 8, 8))
    assert model.head.name == "fc"
    torch.testing.assert_close(model.embed(IMAGES), network.widen(IMAGES.flatten(1)))
    assert (
        Classifier(
            Keyword(nn.Dropout()), class_names=("a", "b", "c"), image_shape=(1, 8, 8)
        ).head.name
        == "fc"
    )


class Ends(nn.Module):
    """Two convolutions, and an end that is given as a function of it and their maps."""

    def __init__(self, last: nn.Module, end: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.look, self.last, self.end = nn.Conv2d(1, 6, 3, padding=1), last, end

    def maps(self, images: Tensor) -> Tensor:
        return torch.tanh(self.look(images))

    def forward(self, images: Tensor) -> Tensor:
        return self.end(self.last, self.maps(images))


def each() -> nn.Module:
    return nn.Conv2d(6, 3, 1)


def ends(last: Callable[[], nn.Module], end: Callable[[nn.Module, Tensor], Tensor]) -> Classifier:
    torch.manual_seed(0)
    return Classifier(Ends(last(), end), class_names=("a", "b", "c"), image_shape=(1, 8, 8))


def tokens(maps: Tensor) -> Tensor:
    return maps.flatten(2).transpose(1, 2)


POOL = nn.AdaptiveAvgPool2d(1)
POOLED = [
    (each, lambda last, maps: last(maps).mean((2, 3))),
    (each, lambda last, maps: POOL(last(maps)).flatten(1)),
    (each, lambda last, maps: last(POOL(maps)).flatten(1)),
    (lambda: nn.Sequential(each(), POOL), lambda last, maps: last(maps).flatten(1)),
    (lambda: nn.Sequential(each(), nn.AvgPool2d(8)), lambda last, maps: last(maps)[:, :, 0, 0]),
    (lambda: parametrizations.weight_norm(each()), lambda last, maps: last(maps).mean((2, 3))),
    (lambda: nn.Linear(6, 3), lambda last, maps: last(tokens(maps)).mean(1)),
    (lambda: nn.Linear(6, 3), lambda last, maps: last(tokens(maps).mean(1, keepdim=True))[:, 0]),
    (lambda: nn.Linear(6, 3), lambda last, maps: last(maps.permute(0, 2, 3, 1)).mean((1, 2))),
]


@pytest.mark.parametrize(("last", "end"), POOLED)
def test_a_head_over_positions_is_linear_in_their_mean(last, end):
    model = ends(last, end)
    assert model.head.width == 6
    embedding, logits = model.embed_and_classify(IMAGES)
    torch.testing.assert_close(embedding, model.model.maps(IMAGES).mean((2, 3)))
    by_hand = embedding @ model.head.layer.weight.flatten(1).T + model.head.layer.bias
    torch.testing.assert_close(by_hand, logits)
    torch.testing.assert_close(model.head.logits(embedding), logits)
    torch.testing.assert_close(model.hidden().logits(embedding), model.logits(IMAGES))


def test_a_convolution_over_the_whole_map_is_linear_in_all_of_it():
    model = ends(lambda: nn.Conv2d(6, 3, 8), lambda last, maps: last(maps).flatten(1))
    embedding, logits = model.embed_and_classify(IMAGES)
    torch.testing.assert_close(embedding, model.model.maps(IMAGES).flatten(1))
    assert model.head.width == embedding.shape[1]
    torch.testing.assert_close(model.head.logits(embedding), logits)


@pytest.mark.parametrize(
    ("last", "end", "complaint"),
    [
        (each, lambda last, maps: last(maps).relu().mean((2, 3)), "'last', or the mean"),
        (each, lambda last, maps: last(maps).amax((2, 3)), "'last', or the mean"),
        (each, lambda last, maps: last(maps).sum((2, 3)), "'last', or the mean"),
        (
            lambda: nn.Conv2d(6, 3, 3),
            lambda last, maps: last(maps).mean((2, 3)),
            "a Conv2d of 3 x 3 on maps of 8 x 8; for methods that take a hidden layer "
            r"by name, layers that would do: look \[6, 8, 8\], last \[3, 6, 6\]",
        ),
        (
            lambda: nn.Conv2d(6, 3, 1, groups=3),
            lambda last, maps: last(maps).mean((2, 3)),
            "it is 'last', a Conv2d of 1 x 1",
        ),
        (
            lambda: nn.Sequential(each(), nn.LogSoftmax(dim=1)),
            lambda last, maps: last(POOL(maps)).flatten(1),
            "it is 'last.1', a LogSoftmax; the output of 'last.0', a Conv2d of 1 x 1 on maps of "
            "1 x 1, would do if it were returned",
        ),
    ],
)
def test_what_is_no_mean_of_a_linear_layer_is_named(last, end, complaint):
    with pytest.raises(CapabilityError, match=complaint):
        _ = ends(last, end).head


def test_gradients_flow_to_the_images():
    model = classifier(nn.Flatten(), nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 3))
    images = IMAGES.clone().requires_grad_()
    embedding, logits = model.embed_and_classify(images)
    assert embedding.requires_grad
    logits.sum().backward()
    assert images.grad is not None and images.grad.abs().sum() > 0


def test_no_hook_stays_behind():
    model = classifier(nn.Flatten(), nn.Linear(64, 3))
    model.embed(IMAGES)
    with pytest.raises(RuntimeError):
        model.embed_and_classify(torch.zeros(1, 1, 3, 3))
    for module in model.model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(64, 3)

    def forward(self, images: Tensor) -> Tensor:
        return 2 * self.fc(images.flatten(1))


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.widen, self.fc = nn.Linear(64, 3), nn.Linear(3, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.fc(self.widen(images.flatten(1))))


class Rectified(nn.Module):
    """Gives black positive logits, which a rectifier leaves as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(64, 3)
        nn.init.normal_(self.fc.weight, generator=torch.Generator().manual_seed(0))
        nn.init.constant_(self.fc.bias, 0.1)

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.relu(self.fc(images.flatten(1)))


class Bypassed(nn.Module):
    """Adds something to the last layer's output that is nothing for black."""

    def __init__(self, *, in_place: bool) -> None:
        super().__init__()
        self.in_place, self.skip, self.fc = in_place, nn.Linear(64, 3, bias=False), nn.Linear(64, 3)

    def forward(self, images: Tensor) -> Tensor:
        skipped = self.skip(images.flatten(1))
        logits = self.fc(images.flatten(1))
        return logits.add_(skipped) if self.in_place else logits + skipped


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        (
            nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.LogSoftmax(1)),
            "it is '2', a LogSoftmax",
        ),
        (
            nn.Sequential(
                parametrizations.weight_norm(nn.Conv2d(1, 3, 3)),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
            ),
            "it is '0', a Conv2d",
        ),
        (
            nn.Sequential(nn.Conv2d(1, 3, 3), nn.AdaptiveMaxPool2d(1), nn.Flatten()),
            "it is '1', an AdaptiveMaxPool2d",
        ),
        (Keyword(nn.LogSoftmax(1)), "it is 'behind', a LogSoftmax"),
        (Scaled(), "output of its last layer 'fc', or the mean"),
        (Rectified(), "output of its last layer 'fc', or the mean"),
        (Bypassed(in_place=False), "output of its last layer 'fc', or the mean"),
        (Bypassed(in_place=True), "output of its last layer 'fc', or the mean"),
        (Shared(), "last layer 'fc' must run once"),
    ],
)
def test_what_breaks_the_assumption_is_named(model: nn.Module, complaint: str):
    broken = Classifier(model, class_names=("a", "b", "c"), image_shape=(1, 8, 8))
    with pytest.raises(CapabilityError, match=complaint):
        _ = broken.head
