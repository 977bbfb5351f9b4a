"""Types of arguments that several command lines have."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """A positive integer.

    Raises:
        argparse.ArgumentTypeError: If it is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"should be a positive integer. Received: {text!r}")
    return int(text)
