"""How the functions over images are told of padding, and what the ops are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

Padding: TypeAlias = str | Sequence[Sequence[int]]


def padding_attributes(padding: Padding) -> dict[str, Any]:
    """The attributes of an op for a padding.

    Args:
        padding: ``"VALID"``, ``"SAME"``, or ``((top, bottom), (left, right))``.

    Raises:
        ValueError: If it is none of these.

    Example:

    >>> padding_attributes(((1, 2), (3, 4)))
    {'padding': 'EXPLICIT', 'paddings': [1, 2, 3, 4]}
    """
    if padding == "SAME":
        return {"padding": "SAME", "paddings": [0, 0, 0, 0]}
    if padding == "VALID":
        return {"padding": "EXPLICIT", "paddings": [0, 0, 0, 0]}
    pairs = [] if isinstance(padding, str) else [list(pair) for pair in padding]
    if [len(pair) for pair in pairs] != [2, 2]:
        raise ValueError(
            "`padding` should be 'VALID', 'SAME' or ((top, bottom), (left, right)). "
            f"Received: padding={padding!r}"
        )
    return {"padding": "EXPLICIT", "paddings": [*pairs[0], *pairs[1]]}
