"""What `tfsparse doctor` looks at: what was found, whether it is well, and what mends it."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterator

from tfsparse.cli.isa_gains import MEANS, what_newer_gives, why_chosen
from tfsparse.cli.machine import Machine
from tfsparse.ops.library_info import LibraryInfo
from tfsparse.tensorflow_versions import PACKAGES, REQUIREMENT, minor


@dataclasses.dataclass(frozen=True)
class Finding:
    """A line of the report.

    Attributes:
        what: What was looked at.
        found: What was found.
        problem: What is wrong with it; empty if nothing.
        fix: The command that mends it; empty if nothing is to be mended.
        fatal: Whether models do not run as they are.
    """

    what: str
    found: str
    problem: str = ""
    fix: str = ""
    fatal: bool = False


@dataclasses.dataclass(frozen=True)
class Installation:
    """What was found of the software.

    Attributes:
        library: What the op library says, or None.
        library_problem: Why it cannot be loaded; empty if it can.
        path: Where it lies or should lie.
        versions: Name of each package to its version; None where it is not installed.
        tensorflow: What the imported TensorFlow calls itself, or None where there is none.
        packages: Those that bring the module ``tensorflow``; none for a build of one's own.
    """

    library: LibraryInfo | None
    library_problem: str
    path: str
    versions: dict[str, str | None]
    tensorflow: str | None
    packages: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        """The package that a command for pip should name."""
        return (self.packages or PACKAGES)[0]


def examine(
    machine: Machine, software: Installation, cores: int, quota: float | None
) -> list[Finding]:
    """Everything that the doctor looks at.

    Args:
        machine: The machine.
        software: The installation.
        cores: Cores that the process may run on.
        quota: Cores' worth of time that its cgroup grants, or None.
    """
    return [
        Finding("processor", machine.processor),
        *_library(software),
        *_isa(machine, software.library),
        *_versions(software),
        *_threads(machine, cores, quota),
        *_memory(machine),
    ]


def _library(software: Installation) -> Iterator[Finding]:
    if software.library is None:
        fix = "make build" if "no such file" in software.library_problem else ""
        requirement = REQUIREMENT.replace("tensorflow", software.package)
        fix = fix or f'pip install --force-reinstall tfsparse "{requirement}"'
        yield Finding("op library", software.path, software.library_problem, fix, fatal=True)
        return
    built = software.library.tensorflow
    installed = software.tensorflow or "none"
    fits = minor(built) == minor(installed)
    found = f"ops of version {software.library.version}, for TensorFlow {built}: {software.path}"
    yield Finding(
        "op library",
        found,
        "" if fits else f"TensorFlow {installed} is installed, and it was built for {minor(built)}",
        "" if fits else f'pip install "{software.package}=={minor(built)}.*"',
        fatal=not fits,
    )


def _isa(machine: Machine, library: LibraryInfo | None) -> Iterator[Finding]:
    if library is None:
        return
    # The library reads the former name where the variable is not set.
    variable = "TFSPARSE_ISA" if "TFSPARSE_ISA" in os.environ else "TFSPARSE_PATH"
    forced = os.environ.get(variable)
    if library.isa is None:
        yield Finding("ISA", forced or "", library.problem, f"unset {variable}", fatal=True)
        return
    best = library.supported[-1]
    slow = library.isa != best
    yield Finding(
        "ISA",
        f"{library.isa} ({MEANS.get(library.isa, 'not known')}): "
        f"{why_chosen(library.supported, variable, forced)}",
        f"kernels for {best} would be faster" if slow else "",
        f"unset {variable}" if slow else "",
    )
    yield Finding("newer processors", what_newer_gives(best))
    if "amx_tile" in machine.flags:
        allowed = "amx" in library.supported
        yield Finding(
            "AMX",
            "permitted" if allowed else "the processor has it, but Linux did not permit its use",
            ""
            if allowed
            else f"INT8 runs without tiles; Linux {machine.kernel}, or a sandbox, "
            "refuses arch_prctl(ARCH_REQ_XCOMP_PERM)",
            ""
            if allowed
            else "run Linux 5.16 or newer, outside of a sandbox that filters arch_prctl",
        )


def _versions(software: Installation) -> Iterator[Finding]:
    there = [f"{name} {version}" for name, version in software.versions.items() if version]
    yield Finding("versions", ", ".join(there))
    if software.tensorflow is None:
        fix = f'pip install "{REQUIREMENT}"'
        yield Finding("TensorFlow", "none", "it is not installed", fix, True)
    elif len(software.packages) > 1:
        both = " and ".join(software.packages)
        yield Finding(
            "TensorFlow",
            both,
            "these packages bring the same files, and one has overwritten another's",
            f"pip uninstall {' '.join(software.packages)} && pip install {software.package}",
        )


def _threads(machine: Machine, cores: int, quota: float | None) -> Iterator[Finding]:
    granted = "no cgroup limit" if quota is None else f"a cgroup grants {quota:g} cores' time"
    found = f"{cores} of {machine.logical_cores} cores, {granted}"
    if quota is not None and quota < cores:
        taken = max(1, min(cores, math.ceil(quota)))
        yield Finding(
            "threads",
            found,
            f"TensorFlow starts {cores} threads, and the container stops them all when its time is "
            "up",
            f"tfsparse.load(path), which takes {taken}, or docker run --cpuset-cpus",
        )
    else:
        yield Finding("threads", found)
    intra = os.environ.get("TF_NUM_INTRAOP_THREADS")
    if intra is not None:
        yield Finding(
            "TF_NUM_INTRAOP_THREADS",
            intra,
            "TensorFlow uses as many threads where a program asks for none; tfsparse.load does not",
            "unset TF_NUM_INTRAOP_THREADS",
        )


def _memory(machine: Machine) -> Iterator[Finding]:
    if machine.huge_pages is not None:
        never = machine.huge_pages == "never"
        yield Finding(
            "huge pages",
            machine.huge_pages,
            "large models are packed more slowly, and threads hold each other up" if never else "",
            "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled" if never else "",
        )
    if machine.governor is not None:
        slow = machine.governor == "powersave"
        yield Finding(
            "clock",
            machine.governor,
            "short calls find the processor at a low clock rate" if slow else "",
            "sudo cpupower frequency-set --governor performance" if slow else "",
        )
