"""What the machine can do and how busy it is, for the head of a table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

_FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16")


def describe() -> dict[str, Any]:
    """Processor, cores that this process may use, features that matter here, load."""
    text = Path("/proc/cpuinfo").read_text()
    lines = {
        key.strip(): value.strip()
        for key, _, value in (line.partition(":") for line in text.splitlines())
    }
    flags = lines.get("flags", "").split()
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
