"""Makes the forms that the peers read, in their environments."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from benchmarks.harness import child, environment
from benchmarks.harness.engine import Engine
from benchmarks.harness.starting import say


@dataclasses.dataclass(frozen=True)
class Form:
    """Files that a module of `forms/` writes.

    Attributes:
        environment: The environment that it runs in.
        module: The module.
    """

    environment: str
    module: str


FORMS = {
    name: Form(where, f"benchmarks.models.forms.{name}")
    for name, where in (
        ("onnx", "tf2onnx"),
        ("onnx_int8", "onnxruntime"),
        ("onnx_integer", "onnxruntime"),
        ("openvino_int8", "openvino"),
    )
}


def prepare(folder: Path, engines: Iterable[Engine], install: bool) -> dict[str, str]:
    """Makes every form that one of the engines reads.

    Args:
        folder: The case's.
        engines: The engines.
        install: Whether environments may be made.

    Returns:
        For the labels of the engines that lack a form, why.
    """
    problems: dict[str, str] = {}
    failed: dict[str, str] = {}
    made: set[str] = set()
    for engine in engines:
        for name in engine.forms:
            if name not in made | set(failed):
                problem = _make(name, folder, install)
                if problem:
                    failed[name] = problem
                made.add(name)
            if name in failed:
                problems[engine.label] = failed[name]
                break
    return problems


def _make(name: str, folder: Path, install: bool) -> str:
    """Makes a form; gives why it could not, or nothing."""
    form = FORMS[name]
    try:
        python = environment.python_of(form.environment, install=install)
        child.run(form.module, {"folder": str(folder)}, python)
    except (environment.MissingEnvironmentError, child.ChildError) as error:
        say(f"the form {name} could not be made: {error}")
        return f"form {name}: {error}"
    return ""
