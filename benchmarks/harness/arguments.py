"""Types of arguments that several command lines have."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

from benchmarks.harness.sparsity import Sparsity

T = TypeVar("T")


def positive(text: str) -> int:
    """A positive integer.

    Raises:
        argparse.ArgumentTypeError: If it is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"should be a positive integer. Received: {text!r}")
    return int(text)


def sparsity(text: str) -> Sparsity:
    """See `Sparsity.parse`.

    Raises:
        argparse.ArgumentTypeError: If it is none.
    """
    try:
        return Sparsity.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def block_sparsity(text: str) -> Sparsity:
    """The same, without ``"K:N"``.

    Raises:
        argparse.ArgumentTypeError: If it is none.
    """
    result = sparsity(text)
    if not result.is_block and result != Sparsity("dense"):
        raise argparse.ArgumentTypeError(
            f"should be 'dense' or 'AxB@SHARE' here. Received: {text!r}"
        )
    return result


def comma_separated(each: Callable[[str], T]) -> Callable[[str], list[T]]:
    """A list such as ``"1,8"``, of what `each` reads."""

    def read(text: str) -> list[T]:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if not parts:
            raise argparse.ArgumentTypeError(f"should name something. Received: {text!r}")
        return [each(part) for part in parts]

    return read


def one_of(choices: list[str]) -> Callable[[str], str]:
    """One of some names."""

    def read(text: str) -> str:
        if text not in choices:
            raise argparse.ArgumentTypeError(
                f"should be one of {', '.join(choices)}. Received: {text!r}"
            )
        return text

    return read
