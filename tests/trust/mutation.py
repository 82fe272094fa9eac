"""Changes of bytes, and what is expected of the messages about changed files."""

from __future__ import annotations

import random


def mutated(content: bytes, draw: random.Random, among: int) -> bytes:
    """Return a content with some of its first ``among`` bytes changed, deleted or inserted."""
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, 3, 10])):
        at = draw.randrange(min(len(changed), among))
        match draw.randrange(3):
            case 0:
                changed[at] = draw.randrange(256)
            case 1:
                del changed[at : at + draw.randrange(1, 5)]
            case 2:
                changed[at:at] = draw.randbytes(draw.randrange(1, 5))
        if not changed:
            break
    return bytes(changed)


def require_one_line(error: Exception) -> None:
    """Require that a message is one line that can be printed."""
    assert str(error).strip(), "the message is empty"
    assert "\n" not in str(error), f"more than a line: {error}"
    str(error).encode()
