"""What the machine can do and how busy it is, for the head of a table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from benchmarks.harness.amx import may_use_amx

_FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16")


def describe() -> dict[str, Any]:
    """Processor, usable cores, features that matter and that this process may use, and load."""
    text = Path("/proc/cpuinfo").read_text()
    lines = {
        key.strip(): value.strip()
        for key, _, value in (line.partition(":") for line in text.splitlines())
    }
    flags = lines.get("flags", "").split()
    if not may_use_amx():
        flags = [flag for flag in flags if not flag.startswith("amx")]
    return {
        "cpu": lines.get("model name", "unknown"),
        "cores": len(os.sched_getaffinity(0)),
        "features": [feature for feature in _FEATURES if feature in flags],
        "load": round(os.getloadavg()[0], 2),
    }


def as_line(machine: dict[str, Any]) -> str:
    """The same as a line of text."""
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {' '.join(machine['features'])}; "
        f"load {machine['load']:g}"
    )
