"""A pattern of zeros at a share, as the command lines have it."""

from __future__ import annotations

import dataclasses

from tfsparse.pattern import BlockPattern, NMPattern, parse_pattern


@dataclasses.dataclass(frozen=True)
class Sparsity:
    """A pattern at a share of zeros; ``"dense"`` has neither.

    Attributes:
        pattern: ``"dense"``, ``"AxB"``, A outputs by B inputs, or ``"K:N"``.
        share: Zeros over all weights.
    """

    pattern: str
    share: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Sparsity:
        """Reads ``"dense"``, ``"4x1@0.9"`` or ``"2:4"``.

        Raises:
            ValueError: If the text is none of them.
        """
        if text == "dense":
            return cls("dense")
        pattern, at, share = text.partition("@")
        try:
            parsed = parse_pattern(pattern)
            if isinstance(parsed, NMPattern) and not at:
                return cls(pattern, parsed.sparsity)
            zeros = float(share)
        except ValueError:
            parsed, zeros = None, -1.0
        if not isinstance(parsed, BlockPattern) or not 0 < zeros < 1:
            raise ValueError(
                "a sparsity should be 'dense' or 'AxB@SHARE' with a share between 0 and 1, such "
                f"as '4x1@0.9', or 'K:N'. Received: {text!r}"
            )
        return cls(pattern, zeros)

    @property
    def is_block(self) -> bool:
        """Whether the pattern is ``"AxB"``."""
        return "x" in self.pattern

    def __str__(self) -> str:
        return f"{self.pattern}@{self.share:g}" if self.is_block else self.pattern
