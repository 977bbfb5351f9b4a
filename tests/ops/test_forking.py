"""A process that was forked answers, or fails with a sentence; it does not wait for ever."""

import pytest

from .helpers import run_python

PREPARE = """
import multiprocessing, os, sys, tempfile
import numpy as np
import tensorflow as tf
from tests.ops import helpers
from tfsparse import ops

rng = np.random.default_rng(1)
arguments = helpers.int8_arguments(helpers.int8_weights(rng, 64, 96, (4, 1)), (4, 1))
x = tf.constant(rng.integers(0, 256, (500, 96)), tf.uint8)

class Model(tf.Module):
    @tf.function(autograph=False, input_signature=[tf.TensorSpec((None, 96), tf.uint8)])
    def __call__(self, x):
        return helpers.raw_int8(x, **arguments)

def saved():
    folder = tempfile.mkdtemp()
    tf.saved_model.save(Model(), folder)
    return tf.saved_model.load(folder)

def try_it(function):
    try:
        print("answered", np.sum(function()), flush=True)
    except RuntimeError as error:
        print("refused", error, flush=True)

def fork(call):
    pid = os.fork()
    if pid == 0:
        try_it(call)
        os._exit(0)
    os.waitpid(pid, 0)

def fork_by_multiprocessing(call):
    child = multiprocessing.get_context("fork").Process(target=try_it, args=(call,))
    child.start()
    child.join()
"""

AFTER_A_CALL = """
model = saved()
signature = model.signatures["serving_default"]
function = tf.function(Model().__call__)
with tf.Graph().as_default() as graph:
    y = helpers.raw_int8(tf.constant(x.numpy()), **arguments)
    session = tf.compat.v1.Session()
calls = [
    lambda: model(x).numpy(),
    lambda: signature(x)["output_0"].numpy(),
    lambda: function(x).numpy(),
    lambda: session.run(y),
    lambda: helpers.raw_int8(x, **arguments).numpy(),  # needs no thread of TensorFlow's
]
for call in calls:
    try_it(call)
for call in calls:
    fork(call)
    fork_by_multiprocessing(call)
for call in calls:
    try_it(call)
"""

BEFORE_THREADS = """
fork(lambda: Model()(make_x()).numpy())
try_it(lambda: Model()(make_x()).numpy())
"""


def run(code):
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_after_a_call_children_are_refused_and_the_parent_answers():
    lines = run(PREPARE + AFTER_A_CALL)
    before, forked, after = lines[:5], lines[5:15], lines[15:]
    assert before == after
    assert before[0].startswith("answered")
    assert len(set(before)) == 1
    assert forked[8:] == before[:2]
    for line in forked[:8]:
        assert line.startswith("refused TensorFlow functions should be called in a process")
        assert "multiprocessing.get_context('spawn')" in line


@pytest.mark.long
def test_before_tensorflow_has_threads_a_child_answers():
    lines = run(
        PREPARE.replace("x = tf.constant(", "make_x = lambda: tf.constant(") + BEFORE_THREADS
    )
    assert len(lines) == 2
    assert all(line.startswith("answered") for line in lines)
