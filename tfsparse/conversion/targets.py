"""The processor that will serve, as far as the cost model has to know it.

A target says how many multiply-adds our kernels do in each precision while TensorFlow does one in
float32. Where an instruction is missing, INT8 and bfloat16 kernels reach the rate of float32 or a
little more, and a layer without zeros is not worth converting for its precision alone. With AMX
our kernels use tiles for INT8 where those are faster; TensorFlow's float32 product does not.
Processors with AMX multiply bfloat16 with AVX-512 slower than float32, so ours multiply float32.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Precision = Literal["fp32", "bf16", "int8"]

_CPUINFO = Path("/proc/cpuinfo")
_VARIABLE = "TFSPARSE_TARGET"


@dataclasses.dataclass(frozen=True)
class Target:
    """A kind of processor.

    Attributes:
        name: What users call it.
        peak: Precision to multiply-adds of our kernels for one of float32.
        avx512_vnni: Whether it has AVX-512 VNNI, by which attention multiplies uint8.
    """

    name: str
    peak: Mapping[Precision, float]
    avx512_vnni: bool = False


TARGETS = {
    target.name: target
    for target in (
        Target("zen4", {"fp32": 1.0, "bf16": 2.0, "int8": 4.0}, avx512_vnni=True),
        Target("zen5", {"fp32": 1.0, "bf16": 2.0, "int8": 4.0}, avx512_vnni=True),
        Target("sapphirerapids", {"fp32": 1.0, "bf16": 1.0, "int8": 4.0}, avx512_vnni=True),
        Target("cascadelake", {"fp32": 1.0, "bf16": 1.0, "int8": 4.0}, avx512_vnni=True),
        Target("icelake", {"fp32": 1.0, "bf16": 1.0, "int8": 4.0}, avx512_vnni=True),
        Target("alderlake", {"fp32": 1.0, "bf16": 1.0, "int8": 4.0}),
        Target("skylake-avx512", {"fp32": 1.0, "bf16": 1.0, "int8": 1.3}),
        Target("avx2", {"fp32": 1.0, "bf16": 1.0, "int8": 1.3}),
    )
}
"""Targets by name. ``"avx2"`` is any processor with AVX2 and without VNNI."""

DEFAULT_TARGET = TARGETS["zen4"]
"""VNNI and AVX-512 BF16."""


def find_target(name: str | None) -> Target:
    """The target of a name, or the default one.

    Args:
        name: One of `TARGETS`. None for the one that the environment variable TFSPARSE_TARGET
            names, or, where that is not set, this machine's own kind.

    Returns:
        The target.

    Raises:
        ValueError: If there is none of the name.
    """
    what = "target"
    if name is None:
        name = os.environ.get(_VARIABLE)
        if not name:
            return _this_machine()
        what = _VARIABLE
    if not isinstance(name, str) or name not in TARGETS:
        raise ValueError(f"`{what}` should be one of {sorted(TARGETS)}. Received: {what}={name!r}")
    return TARGETS[name]


def _this_machine() -> Target:
    """By its flags; the default where they cannot be read."""
    try:
        lines = _CPUINFO.read_text().splitlines()
    except OSError:
        return DEFAULT_TARGET
    flags = next((set(line.split()) for line in lines if line.startswith("flags")), set())
    if "amx_tile" in flags:
        return TARGETS["sapphirerapids"]
    if "avx512_bf16" in flags:
        return TARGETS["zen4"]
    if flags & {"avx512_vnni", "avx_vnni"}:
        return TARGETS["icelake"]
    return TARGETS["avx2"] if "avx2" in flags else DEFAULT_TARGET
