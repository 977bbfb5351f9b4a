"""`tfsparse doctor`: is this machine ready, what does it do, and what mends what is wrong."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
from typing import TYPE_CHECKING

from absl import flags

from tfsparse.cli import exit_codes
from tfsparse.cli.command import Command

if TYPE_CHECKING:
    from tfsparse.cli.findings import Installation
    from tfsparse.cli.screen import Screen

_PACKAGES = ("tfsparse", "keras", "tf_keras", "numpy")


def _define(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "error", None, "What a program printed when a model did not load.", flag_values=values
    )


def _run(values: flags.FlagValues, positional: list[str], screen: Screen) -> int:
    from tfsparse.cli.error_texts import explain
    from tfsparse.cli.findings import examine
    from tfsparse.cli.machine import look
    from tfsparse.cli.model_findings import examine_model
    from tfsparse.serving.cores import affinity, cgroup_quota

    software = _installation()
    findings = examine(look(), software, affinity(), cgroup_quota())
    for path in positional:
        findings += examine_model(path, software.library)
    if values.error is not None:
        findings.append(explain(values.error, software.library))
    problems = [each for each in findings if each.problem]
    screen.table(
        "",
        ["", "what", "found"],
        [["!" if each.problem else "", each.what, each.found] for each in findings],
        left=["", "what", "found"],
        styles=["red" if each.fatal else "yellow" if each.problem else None for each in findings],
    )
    for each in problems:
        screen.say(f"{each.what}: {each.problem}." + (f"\n  $ {each.fix}" if each.fix else ""))
    fatal = any(each.fatal for each in findings)
    screen.say(
        "Nothing is wrong."
        if not problems
        else f"{len(problems)} to mend; models do not run."
        if fatal
        else f"{len(problems)} to mend; models run, but perhaps slower than they could."
    )
    screen.json({"findings": [dataclasses.asdict(each) for each in findings], "ready": not fatal})
    return exit_codes.ENVIRONMENT if fatal else exit_codes.OK


def _installation() -> Installation:
    import tensorflow as tf

    from tfsparse import ops
    from tfsparse.cli.findings import Installation
    from tfsparse.ops.library_info import library_info
    from tfsparse.tensorflow_versions import bringing

    brought = bringing()
    versions: dict[str, str | None] = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    versions |= brought
    info, problem = None, ""
    try:
        ops.load()
        info = library_info(ops.library_path())
    except (ImportError, OSError, ValueError) as error:
        problem = str(error).splitlines()[0].rstrip(".")
    path = str(ops.library_path())
    return Installation(info, problem, path, versions, tf.__version__, tuple(brought))


COMMAND = Command(
    name="doctor",
    summary="Says whether this machine is ready, what its kernels use, and what mends what is "
    "wrong.",
    arguments="[MODEL]",
    text="Looks at the op library and the TensorFlow that it is for, at the instruction set that "
    "was chosen and why, at threads against cores and limits of containers, and at memory pages. "
    "With the folder of a SavedModel it says whether that runs here. "
    "The exit code is 5 if models cannot run.",
    examples=[
        ("tfsparse doctor", "The report, with a command for each thing that is to be mended"),
        ("tfsparse doctor --json | jq .ready", "For a script that prepares machines"),
        ("tfsparse doctor served/1", "Does this model run here?"),
        (
            "tfsparse doctor --error \"Op type not registered 'Tfsparse>X'\"",
            "What an error of a server means",
        ),
        ("TFSPARSE_ISA=avx2 tfsparse doctor", "What an older processor would run"),
    ],
    define=_define,
    run=_run,
)
