"""Cases that are many alike: a plain run has some of them, a long one has all."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def some_of(cases: Iterable[Any], plain: Collection[Any]) -> list[Any]:
    """Cases for `pytest.mark.parametrize`, all but some of them marked as long.

    Args:
        cases: Values, or tuples of one for each argument.
        plain: The cases that a plain run has.
    """
    missing = [each for each in plain if each not in (cases := list(cases))]
    assert not missing, f"no such cases: {missing}"
    marks = [() if each in plain else pytest.mark.long for each in cases]
    values = [each if isinstance(each, tuple) else (each,) for each in cases]
    return [pytest.param(*each, marks=mark) for each, mark in zip(values, marks, strict=True)]
