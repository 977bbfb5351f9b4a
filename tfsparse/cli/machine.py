"""What there is to know of the machine without TensorFlow: processor, memory pages, Linux."""

from __future__ import annotations

import dataclasses
import platform
import re
from pathlib import Path

_HUGE_PAGES = "sys/kernel/mm/transparent_hugepage/enabled"
_GOVERNOR = "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"


@dataclasses.dataclass(frozen=True)
class Machine:
    """A machine.

    Attributes:
        processor: Its name.
        flags: What Linux says that the processor can do.
        logical_cores: Cores, those of hyper-threading counted.
        huge_pages: ``"always"``, ``"madvise"``, ``"never"``, or None if that is not known.
        governor: What decides the clock rate, such as ``"powersave"``, or None.
        kernel: Version of Linux.
    """

    processor: str
    flags: frozenset[str]
    logical_cores: int
    huge_pages: str | None
    governor: str | None
    kernel: str


def look(root: Path = Path("/")) -> Machine:
    """Looks at the machine.

    Args:
        root: Where its files lie.
    """
    text = _text(root / "proc/cpuinfo") or ""
    keys = {
        key.strip(): value.strip()
        for key, _, value in (line.partition(":") for line in text.splitlines())
    }
    chosen = re.search(r"\[(\w+)\]", _text(root / _HUGE_PAGES) or "")
    governor = _text(root / _GOVERNOR)
    return Machine(
        processor=keys.get("model name", platform.machine()),
        flags=frozenset(keys.get("flags", "").split()),
        logical_cores=len(re.findall(r"^processor\s*:", text, re.MULTILINE)),
        huge_pages=chosen[1] if chosen else None,
        governor=governor.strip() if governor else None,
        kernel=platform.release(),
    )


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
