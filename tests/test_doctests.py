"""The examples in the docstrings run and print what they say, and none is missing.

The example of a public name sees what its reader has: `np`, `tf`, `keras`, `tfsparse` and
`from tfsparse import *`. Any other sees the names of its own module as well. Each runs in an
empty folder, and the names that Keras gives to layers start anew, as in a new process.
"""

import doctest
import importlib
import inspect
import types
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfsparse

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(path.relative_to(ROOT) for path in (ROOT / "tfsparse").rglob("*.py"))
MODULES = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in FILES]
PUBLIC = [name for name in tfsparse.__all__ if not inspect.ismodule(getattr(tfsparse, name))]

OPTIONAL = {"tfsparse.serving.beam": "apache_beam", "tfsparse.serving.kserve": "kserve"}
"""Modules that belong to what need not be installed."""

USER_NAMES = {
    **{name: getattr(tfsparse, name) for name in tfsparse.__all__},
    **{"np": np, "tf": tf, "keras": keras, "tfsparse": tfsparse},
}


def is_public(docstring, module):
    """Whether a docstring belongs to a public name, or is inside a public class."""
    name = docstring.name.removeprefix(module.__name__ + ".").partition(".")[0]
    return name in tfsparse.__all__ and getattr(tfsparse, name) is vars(module).get(name)


def failures(module):
    """What the examples of a module print that they should not; empty if they hold."""
    report = []
    runner = doctest.DocTestRunner(verbose=False)
    docstrings = doctest.DocTestFinder().find(module)
    for docstring in (docstring for docstring in docstrings if docstring.examples):
        names = USER_NAMES if is_public(docstring, module) else {**USER_NAMES, **vars(module)}
        docstring.globs = {**names, "__name__": "__main__"}
        keras.utils.clear_session(free_memory=False)
        runner.run(docstring, out=report.append)
    return "".join(report)


def unexecuted(docstring):
    """Why a docstring has no example that runs; empty if it has."""
    examples = doctest.DocTestParser().get_examples(docstring or "")
    if any(example.options.get(doctest.SKIP) for example in examples):
        return "an example is skipped"
    return "" if examples else "there is no example (>>>)"


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name, tmp_path, monkeypatch):
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name])
    monkeypatch.chdir(tmp_path)
    report = failures(importlib.import_module(name))
    assert not report, report


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_an_example_that_runs(name):
    assert not unexecuted(getattr(tfsparse, name).__doc__)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_code_is_fenced_where_nothing_would_run_it(path):
    assert "```" not in (ROOT / path).read_text()


# The detectors themselves: each must see what it is there to see.


def module_of(docstring, name="private"):
    """A module with one function of that docstring."""
    module = types.ModuleType("tfsparse.sample")
    exec(f"own = 3\n\ndef {name}(): pass", vars(module))
    vars(module)[name].__doc__ = docstring
    return module


@pytest.mark.parametrize(
    ("docstring", "message"),
    [
        (">>> own + 1\n4", ""),
        (">>> np.arange(own).tolist(), tfsparse.parse_pattern('4x1') == parse_pattern('4x1')\n"
         "([0, 1, 2], True)", ""),
        (">>> own + 1\n5", "Expected:\n    5\nGot:\n    4"),
        (">>> missing", "NameError"),
        (">>> keras.layers.Dense(1).name, keras.layers.Dense(1).name\n('dense', 'dense_1')", ""),
    ],
)  # fmt: skip
def test_sees_a_wrong_example(docstring, message):
    report = failures(module_of(docstring))
    assert message in report if message else not report


def test_a_public_example_has_no_private_names(monkeypatch):
    module = module_of(">>> own\n3", "parse_pattern")
    assert not failures(module)
    monkeypatch.setattr(tfsparse, "parse_pattern", module.parse_pattern)
    assert "NameError: name 'own' is not defined" in failures(module)


@pytest.mark.parametrize(
    ("docstring", "reason"),
    [
        (None, "no example"),
        ("Words.\n\n    ```python\n    f()\n    ```\n", "no example"),
        (">>> f()  # doctest: +SKIP\n1", "skipped"),
        (">>> f()\n1", ""),
    ],
)
def test_sees_an_example_that_does_not_run(docstring, reason):
    assert reason in unexecuted(docstring) if reason else not unexecuted(docstring)
