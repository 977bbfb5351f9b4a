"""The examples in the docstrings run and print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import tfsparse.conversion

NAMES = [module.name for module in pkgutil.iter_modules(tfsparse.conversion.__path__)]


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    modules = [importlib.import_module(f"tfsparse.conversion.{name}") for name in NAMES]
    assert sum(len(t.examples) for module in modules for t in finder.find(module)) > 15


@pytest.mark.parametrize("name", NAMES)
def test_examples(name):
    module = importlib.import_module(f"tfsparse.conversion.{name}")
    assert doctest.testmod(module).failed == 0
