"""What holds for every test: the processes that it starts, and the garbage of those before."""

import gc
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Without this a child process would import the wheel that `make demo` has installed,
# or nothing at all.
os.environ["PYTHONPATH"] = str(ROOT)

# What conversion decides depends on the processor, so it decides for the same one everywhere.
os.environ["TFSPARSE_TARGET"] = "zen4"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Marks as long what a plain run need not do with tf_keras as well."""
    for item in items:
        if item.get_closest_marker("one_keras") and "tf_keras" in item.name:
            item.add_marker(pytest.mark.long)


@pytest.fixture(scope="module", autouse=True)
def _no_old_garbage():
    """What the modules before have left is not looked through again.

    Keras collects garbage for each weight that it quantizes. Among all that TensorFlow keeps of
    thousands of tests, that takes seconds.
    """
    gc.collect()
    gc.freeze()
