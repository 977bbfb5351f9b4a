"""The list of engines: what each is called, what it computes in, where it is installed."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Engine:
    """A row of the table.

    Attributes:
        name: As in the table.
        precision: ``"int8"`` or ``"fp32"``.
        module: In `benchmarks.peers.engines`.
        environment: Name of the environment of its own and of its requirements; None is the
            one that tfsparse runs in.
        newest_python: The last minor version of Python 3 that it is published for, or None.
    """

    name: str
    precision: str
    module: str
    environment: str | None = None
    newest_python: int | None = None

    @property
    def label(self) -> str:
        """Name and precision, such as ``"tfsparse/int8"``."""
        return f"{self.name}/{self.precision}"

    @property
    def is_ours(self) -> bool:
        """Whether it runs what tfsparse exports."""
        return self.name.startswith("tfsparse")

    @property
    def module_path(self) -> str:
        """Where to import it from."""
        return f"benchmarks.peers.engines.{self.module}"


ENGINES = (
    Engine("tfsparse", "int8", "tfsparse"),
    Engine("tfsparse-c", "int8", "tensorflow_c"),
    Engine("tfsparse", "fp32", "tfsparse"),
    Engine("tensorflow", "fp32", "tensorflow"),
    Engine("onnxruntime", "int8", "onnxruntime", "onnxruntime"),
    Engine("openvino", "int8", "openvino", "openvino"),
    Engine("deepsparse", "int8", "deepsparse", "deepsparse", newest_python=11),
)

OURS = "tfsparse/int8"
"""What `vs_ours` compares with."""
