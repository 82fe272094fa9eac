from __future__ import annotations

from typing import Any

from causalxai.config import load_spec


def test_every_build_is_a_new_plugin(minimal: dict[str, Any]) -> None:
    metric = load_spec(minimal).metrics[0]
    first, second = metric.build(), metric.build()
    assert first is not second
    assert first.config is metric.config
