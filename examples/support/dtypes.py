"""In which type of number to train: the one that this processor multiplies fastest."""

from __future__ import annotations

from pathlib import Path

AUTO = "auto"
CPUINFO = Path("/proc/cpuinfo")
# oneDNN multiplies bfloat16 with these. Without them a step takes longer than in float32.
_FLAGS = {"avx512_bf16", "amx_bf16"}


def policy(name: str, cpuinfo: Path = CPUINFO) -> str:
    """The dtype policy of Keras for a name; "auto" is the faster one on this processor.

    Args:
        name: A dtype policy, or "auto".
        cpuinfo: The file in which Linux describes the processor.

    Returns:
        `name`, or for "auto" ``"mixed_bfloat16"`` where the processor multiplies bfloat16 and
        ``"float32"`` elsewhere.
    """
    if name != AUTO:
        return name
    text = cpuinfo.read_text() if cpuinfo.is_file() else ""
    lines = [line for line in text.splitlines() if line.startswith("flags")]
    flags = set(lines[0].split()) if lines else set()
    return "mixed_bfloat16" if flags & _FLAGS else "float32"
