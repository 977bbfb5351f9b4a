"""What an engine is called, what it computes in, where it is installed."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Engine:
    """A row of the table.

    Attributes:
        name: As in the table.
        precision: ``"int8"``, ``"bf16"`` or ``"fp32"``.
        module: Where to import it from.
        environment: Name of the environment of its own and of its requirements; None is the
            one that tfsparse runs in.
        newest_python: The last minor version of Python 3 that it is published for, or None.
        forms: What it reads besides the case itself; see `benchmarks.models.forms`.
    """

    name: str
    precision: str
    module: str
    environment: str | None = None
    newest_python: int | None = None
    forms: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name and precision, such as ``"tfsparse/int8"``."""
        return f"{self.name}/{self.precision}"

    @property
    def is_ours(self) -> bool:
        """Whether it runs what tfsparse exports."""
        return self.name.startswith("tfsparse")
