from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from causalxai import Classifier, ClassifierSource, Dataset
from causalxai.classifier import NO_CHECKPOINT
from causalxai.errors import CapabilityError, ContractError
from causalxai.storage.record import Record


class Noisy(nn.Module):
    """Answers at random where it is trained; has a parameter to freeze."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([2.0, 1.0]))
        self.drop = nn.Dropout(0.5)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.drop(images.sum(dim=(1, 2, 3)))[:, None] * self.scale
        return logits


def images(n: int) -> Tensor:
    return torch.rand(n, 1, 2, 4, generator=torch.Generator().manual_seed(0))


def test_the_network_is_put_to_evaluation_and_frozen():
    classifier = Classifier(Noisy().train(), class_names="ab", image_shape=(1, 2, 4))
    assert not classifier.model.training
    assert not any(weight.requires_grad for weight in classifier.model.parameters())
    assert torch.equal(classifier.logits(images(5)), classifier.logits(images(5)))


def test_a_classifier_is_shown_by_its_network_classes_and_images():
    whole = Classifier(Noisy(), class_names="ab", image_shape=(1, 2, 4))
    assert repr(whole) == "Classifier(Noisy, classes: 2, images [1, 2, 4], on cpu)"
    assert repr(Classifier(Noisy(), class_names="ab")) == "Classifier(Noisy, classes: 2, on cpu)"


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_the_size_of_batches_changes_no_logit(classifier: Classifier, batch_size: int):
    whole = classifier.model(images(7))
    assert torch.allclose(classifier.logits(images(7), batch_size=batch_size), whole)


def test_logits_probabilities_predictions_and_accuracy_agree(classifier: Classifier):
    logits = classifier.logits(images(9))
    left, right = images(9)[..., :2].sum(dim=(1, 2, 3)), images(9)[..., 2:].sum(dim=(1, 2, 3))
    assert torch.allclose(logits, torch.stack([left, right], dim=1))
    probabilities = classifier.probabilities(images(9))
    assert torch.allclose(probabilities[:, 0], torch.sigmoid(left - right))
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(9))
    predicted = classifier.predict(images(9))
    assert predicted.tolist() == (right > left).long().tolist()
    assert classifier.accuracy(images(9), predicted) == 1
    labels = predicted.clone()
    labels[:2] = 1 - labels[:2]
    assert classifier.accuracy(images(9), labels) == pytest.approx(7 / 9)


def test_no_image_has_no_logit(classifier: Classifier):
    assert classifier.logits(images(9)[:0]).shape == (0, 2)


def test_an_image_has_so_many_values(classifier: Classifier):
    assert classifier.image_size == 8


class Pair(nn.Module):
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images, images


@pytest.mark.parametrize(
    ("model", "gives"),
    [
        (nn.Flatten(), r"logits \[n, 2\]; one image gives \[1, 8\]"),
        (nn.Identity(), r"Identity must map \[n, 1, 2, 4\] to .* gives \[1, 1, 2, 4\]"),
        (Pair(), r"Pair must map .* one image gives tuple"),
    ],
)
def test_a_network_without_the_promised_logits_is_refused(model: nn.Module, gives: str):
    with pytest.raises(ContractError, match=gives):
        Classifier(model, class_names="ab", image_shape=(1, 2, 4))


@pytest.mark.parametrize("error", [AttributeError("no 'x'"), KeyError("x"), MemoryError("full")])
def test_a_network_that_fails_is_told_whatever_it_raises(error: Exception):
    class Failing(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            raise error

    with pytest.raises(ContractError) as raised:
        Classifier(Failing(), class_names="ab", image_shape=(1, 2, 4))
    told = f"Failing fails on one image of shape [1, 2, 4]: {type(error).__name__}: {error}"
    assert str(raised.value) == told


def test_no_checkpoint_remembers_nothing():
    NO_CHECKPOINT.save(Record(meta={"epoch": 1}))
    assert NO_CHECKPOINT.load() is None


def test_a_source_stores_the_weights():
    class Source(ClassifierSource):
        def fit(self, dataset: Dataset, **_: object) -> Classifier:
            return Classifier(Noisy(), class_names="ab", image_shape=(1, 2, 4))

        def restore(self, record: Record, *_: object) -> Classifier:
            raise NotImplementedError

    classifier = Source().fit(None)  # type: ignore[arg-type]
    assert Source().to_record(classifier).tensors["scale"].tolist() == [2.0, 1.0]


class Backwards(nn.Module):
    """Declares its layers in another order than they run, and one that never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.idle = nn.Linear(2, 2)
        self.last = nn.Linear(4, 2)
        self.first = nn.Conv2d(1, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.last(self.first(images).flatten(1))
        return logits


def test_layers_are_named_in_the_order_in_which_they_run():
    classifier = Classifier(Backwards(), class_names="ab", image_shape=(1, 2, 2))
    assert classifier.weighted_layers() == ("idle", "first", "last")
    assert classifier.layers(nn.Linear) == ("last",)
    assert classifier.layers(nn.Linear, nn.Conv2d) == ("first", "last")


class Clamping(nn.Module):
    """Halves bright images in place, and leaves others as they are."""

    def forward(self, images: Tensor) -> Tensor:
        if bool((images > 2).any()):
            images.mul_(0.5)
        return images.flatten(1)[:, :2]


def test_images_are_copied_even_for_a_network_that_seldom_writes_into_them():
    classifier = Classifier(Clamping(), class_names="ab", image_shape=(1, 2, 4))
    bright = 3 + images(3)
    given = bright.clone()
    torch.testing.assert_close(classifier.logits(given), 0.5 * bright.flatten(1)[:, :2])
    assert torch.equal(given, bright)


def test_a_network_is_examined_on_images_of_the_data_as_well():
    classifier = Classifier(Clamping(), class_names="ab", image_shape=(1, 2, 4))
    classifier.examine(images(3))
    assert type(classifier.model) is Clamping
    classifier.examine(3 + images(6))
    assert type(classifier.model) is not Clamping
    bright = 3 + images(3)
    given = bright.clone()
    classifier.model(given)
    assert torch.equal(given, bright)


def test_images_of_the_data_may_show_a_fault():
    class Fickle(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            noise = torch.rand(()) if bool((images > 2).any()) else 0.0
            return images.flatten(1)[:, :2] + noise

    classifier = Classifier(Fickle(), class_names="ab", image_shape=(1, 2, 4))
    classifier.examine(images(3))
    with pytest.raises(ContractError, match="Fickle answers differently each time"):
        classifier.examine(3 + images(3))


@pytest.mark.parametrize("count", [0, 1])
def test_few_images_are_examined_as_well(count: int):
    classifier = Classifier(Clamping(), class_names="ab", image_shape=(1, 2, 4))
    classifier.examine(images(count))


def test_a_network_without_gradients_is_told_when_it_is_loaded_and_used(caplog):
    class Without(nn.Module):
        @torch.no_grad()
        def forward(self, images: Tensor) -> Tensor:
            return images.flatten(1)[:, :2]

    classifier = Classifier(Without(), class_names="ab", image_shape=(1, 2, 4))
    assert "Without gives no gradients" in caplog.text
    with pytest.raises(CapabilityError, match="saliency needs gradients, but Without gives none"):
        classifier.require_gradients("saliency")


def test_a_network_with_gradients_may_be_asked_for_them(classifier: Classifier):
    classifier.require_gradients("saliency")


def test_the_layers_of_a_scripted_network_cannot_be_read():
    scripted = torch.jit.trace(Backwards().eval(), torch.rand(2, 1, 2, 2))
    classifier = Classifier(scripted, class_names="ab", image_shape=(1, 2, 2))
    for ask in (
        lambda: classifier.head,
        lambda: classifier.hidden("first"),
        lambda: classifier.layers(nn.Linear),
        classifier.weighted_layers,
    ):
        with pytest.raises(CapabilityError, match="compiled by TorchScript"):
            ask()


def test_a_wrapped_network_is_the_one_inside():
    inside = Backwards()
    classifier = Classifier(nn.DataParallel(inside), class_names="ab", image_shape=(1, 2, 2))
    assert type(classifier.model) is Backwards
    assert torch.equal(classifier.model.last.weight, inside.last.weight)


def test_a_network_that_cannot_be_put_into_evaluation_mode_is_told():
    class Stubborn(Backwards):
        def train(self, mode: bool = True) -> Backwards:
            raise NotImplementedError("no modes")

    with pytest.raises(ContractError, match=r"Stubborn cannot be put .* NotImplementedError: no m"):
        Classifier(Stubborn(), class_names="ab", image_shape=(1, 2, 2))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_embeddings_and_layers_of_another_type_are_read_as_float32(dtype: torch.dtype):
    torch.manual_seed(0)
    network = Backwards().to(dtype)
    classifier = Classifier(network, class_names="ab", image_shape=(1, 2, 2))
    some = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    embeddings, logits = classifier.embed_and_classify(some)
    assert embeddings.dtype == logits.dtype == torch.float32
    torch.testing.assert_close(classifier.head.logits(embeddings), logits)
    for layer in (classifier.hidden(), classifier.hidden("first")):
        activations = layer.activations(some)
        assert activations.dtype == torch.float32
        torch.testing.assert_close(layer.logits(activations), logits)


@pytest.mark.parametrize(
    ("extra", "kind"),
    [
        (torch.float32, "dtype"),
        (torch.rand(2, 2).to_sparse(), "sparse tensor"),
        (torch.quantize_per_tensor(torch.rand(2), 0.1, 0, torch.quint8), "quantised tensor"),
    ],
)
def test_a_network_with_more_than_plain_tensors_is_not_stored(extra: object, kind: str):
    class Extra(Backwards):
        def get_extra_state(self) -> object:
            return extra

    classifier = Classifier(Extra(), class_names="ab", image_shape=(1, 2, 2))
    with pytest.raises(CapabilityError, match=rf"Extra cannot be stored: '_extra_state' .* {kind}"):
        ClassifierSource.to_record(None, classifier)  # type: ignore[arg-type]
