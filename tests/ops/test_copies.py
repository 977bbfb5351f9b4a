"""The op library, loaded from several files of one process: its ops are there once, and run."""

import os
import shutil

import pytest

from tests.processes import run_code
from tfsparse import ops

# Both float and int8, since TensorFlow would count the kernels of each; and a graph that is
# loaded, which finds ops by their names.
START = """
import ctypes, pathlib, sys
import numpy as np
import tensorflow as tf
copy, folder = sys.argv[1:]

def run(module=None):
    from tests.ops import helpers
    from tfsparse import ops
    module = module or ops.load()
    dense = np.ones((8, 6), np.float32)
    y = module.tfsparse_block_sparse_mat_mul(
        x=tf.ones((2, 6)), **helpers.float_arguments(dense, (4, 2)))
    assert (y.numpy() == 6).all()
    y = module.tfsparse_quantized_block_sparse_mat_mul(
        x=tf.ones((2, 6)), **helpers.int8_arguments(dense.astype(np.int8), (4, 2)))
    assert (y.numpy() == 6).all()
    assert module.tfsparse_activation_range(x=np.float32([0, 255]))[0].numpy() == 1

def names(module):
    return [name for name in dir(module) if "tfsparse" in name]

def serve():
    from tests.c_client.models import save_float_product
    save_float_product(pathlib.Path(folder), (4, 1), 5, 3, (2,))
    y = tf.saved_model.load(folder).signatures["serving_default"](x=tf.ones((2, 5)))
    assert all(np.isfinite(each).all() for each in y.values())
"""

LOADS = {
    "a copy, then ours": "first = tf.load_op_library(copy); run(first); run(); run(first); serve()",
    "a copy twice, then ours": "tf.load_op_library(copy); tf.load_op_library(copy); run()",
    "ours, then a copy, then ours by its path": """
run()
from tfsparse import ops
assert names(tf.load_op_library(copy)) == []  # what this file tests: it has nothing to add
tf.load_op_library(str(ops.library_path()))
run()
serve()
""",
    "ours, then a copy that TensorFlow does not load": "run(); ctypes.CDLL(copy); run()",
}


def load(code, tmp_path, make=shutil.copy):
    other = tmp_path / "libother.so"
    make(ops.library_path().resolve(), other)
    return run_code(START + code, other, tmp_path / "model")


@pytest.mark.parametrize("case", LOADS)
def test_every_op_runs(case, tmp_path):
    done = load(LOADS[case], tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("case", list(LOADS)[::2])
def test_another_name_of_the_same_file(case, tmp_path):
    """Which the dynamic linker does not load again."""
    done = load(LOADS[case], tmp_path, make=os.symlink)
    assert done.returncode == 0, done.stderr


def test_without_wrappers_the_import_says_so(tmp_path):
    """TensorFlow's loader of kernels makes none, and a later file has none to bring."""
    done = load("tf.load_library(copy); run()", tmp_path)
    assert done.returncode != 0
    assert "ImportError: The op library of this package should be the first" in done.stderr
