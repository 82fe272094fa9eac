"""Names of layers that settings contain, and the error where there is no such layer."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from torch import nn

from causalxai.errors import CapabilityError

_NEAREST = 3
_CUTOFF = 0.4


def unknown_layer(
    name: str, known: Sequence[str], setting: str = "", kind: str = "layer"
) -> CapabilityError:
    """Return the error that says that there is no such layer, with the names that are nearest.

    Parameters
    ----------
    name
        The name that was given.
    known
        The names of the layers that would do.
    setting
        The setting that contains the name, as ``concepts.layer``.
    kind
        What the layer has to be, in words.
    """
    near = get_close_matches(name, known, n=_NEAREST, cutoff=_CUTOFF)
    meant = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    start = f"{setting}: " if setting else ""
    error = CapabilityError(
        f"{start}the classifier has no {kind} {name!r}{meant} (causalxai layers SPEC lists all)"
    )
    error.setting = setting
    return error


def require_layers_named(names: Sequence[str], model: nn.Module, setting: str = "") -> None:
    """Check that a network has some layers.

    Parameters
    ----------
    names
        The names, as in ``named_modules``.
    model
        The network.
    setting
        The setting that contains them, as ``concepts.layers``.

    Raises
    ------
    CapabilityError
        If there is none of a name; the message has the nearest ones.
    """
    known = [name for name, _ in model.named_modules() if name]
    for name in names:
        if name not in known:
            raise unknown_layer(name, known, setting)
