"""The footprint: everything that a query or an explanation must not change."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from dataclasses import fields

import torch
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.dataset import Dataset
from causalxai.explainer import Explanation


def of_classifier(classifier: Classifier) -> dict[str, object]:
    """Return everything in a model that a query or an explanation might change, by name."""
    model = classifier.model
    found: dict[str, object] = {f"{name!r}": t.clone() for name, t in model.state_dict().items()}
    found["the set of its tensors"] = sorted(found)
    for name, parameter in model.named_parameters():
        found[f"the gradient of {name!r}"] = (parameter.requires_grad, parameter.grad is None)
    for name, module in model.named_modules():
        where = f"module {name!r}" if name else "the model"
        found[f"the training mode of {where}"] = module.training
        found[f"the hooks on {where}"] = {
            kind: len(held)
            for kind, held in vars(module).items()
            if kind.endswith("_hooks") and isinstance(held, Sized)
        }
    return found


def of_dataset(dataset: Dataset) -> dict[str, Tensor]:
    """Return a data set's tensors by name; lazy images are read anew and cannot be changed."""
    splits = {"training": dataset.train, "test": dataset.test, "reference": dataset.reference}
    return {
        f"the {kind} split's {field.name}": value
        for kind, split in splits.items()
        if split is not None
        for field in fields(split)
        if isinstance(value := getattr(split, field.name), Tensor)
    }


def of_explanation(explanation: Explanation) -> dict[str, Tensor]:
    """Return an explanation's tensors by name."""
    tensors = explanation.to_record().tensors
    return {f"the explanation's {name}": tensor for name, tensor in tensors.items()}


def changes(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Return the names of the entries that differ in any bit."""
    return [name for name in {**before, **after} if not _same(before.get(name), after.get(name))]


def _same(before: object, after: object) -> bool:
    if isinstance(before, Tensor) and isinstance(after, Tensor):
        return torch.equal(before, after)
    return before == after
