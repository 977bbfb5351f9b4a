"""Any number of threads, inside the op or around it, gives the same bits."""

import concurrent.futures

import numpy as np
import pytest
import tensorflow as tf

from tests.processes import run_code

from .helpers import (
    bits,
    float_arguments,
    float_weights,
    int8_arguments,
    int8_weights,
    raw_float,
    raw_int8,
)

CALLS = 400


def cases():
    """More weights than are kept, so that they are packed and dropped under the others' feet."""
    rng = np.random.default_rng(1)
    made = []
    for index in range(24):
        block = [(16, 4), (4, 1), (1, 1)][index % 3]
        m, k, n = rng.integers(1, 70, 3)
        if index % 2:
            x = tf.constant(rng.standard_normal((m, k)), tf.float32)
            made.append((raw_float, x, float_arguments(float_weights(rng, n, k, block), block)))
        else:
            x = tf.constant(rng.integers(0, 256, (m, k)), tf.uint8)
            made.append((raw_int8, x, int8_arguments(int8_weights(rng, n, k, block), block)))
    return made


def test_concurrent_calls():
    made = cases()
    serial = [op(x, **arguments).numpy() for op, x, arguments in made]

    def call(index):
        op, x, arguments = made[index]
        return index, op(x, **arguments).numpy()

    order = np.random.default_rng(2).integers(0, len(made), CALLS)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for index, y in pool.map(call, order):
            np.testing.assert_array_equal(bits(y), bits(serial[index]))


def test_concurrent_calls_of_one_function():
    rng = np.random.default_rng(3)
    arguments = int8_arguments(int8_weights(rng, 64, 128, (4, 1)), (4, 1), is_weight_const=True)
    function = tf.function(lambda x: raw_int8(x, **arguments), autograph=False)
    batches = [tf.constant(rng.integers(0, 256, (m, 128)), tf.uint8) for m in range(1, 200, 13)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:  # the first calls, all at once
        results = list(pool.map(function, batches * 5))
    for x, y in zip(batches * 5, results, strict=True):
        np.testing.assert_array_equal(bits(function(x).numpy()), bits(y.numpy()))


WITH_THREADS = """
import sys
import numpy as np
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(int(sys.argv[1]))
from tests.ops import helpers

results = {}
for m, k, n in [(1, 700, 900), (15, 300, 500), (200, 256, 700), (1000, 64, 100)]:
    for block in [(16, 4), (4, 1), (1, 1), (5, 3)]:
        rng = np.random.default_rng([m, k, n, *block])
        x = rng.standard_normal((m, k)).astype(np.float32)
        x[::7] *= 1e-38  # denormal products, which a thread may flush
        x[3::11, ::50] = np.inf
        arguments = helpers.float_arguments(
            helpers.float_weights(rng, n, k, block), block, bias=np.zeros(n, np.float32)
        )
        results[f"float {m} {block}"] = helpers.raw_float(tf.constant(x), **arguments).numpy()
        x = tf.constant(rng.integers(0, 256, (m, k)), tf.uint8)
        arguments = helpers.int8_arguments(helpers.int8_weights(rng, n, k, block), block)
        results[f"int8 {m} {block}"] = helpers.raw_int8(x, **arguments).numpy()
np.savez(sys.argv[2], **results)
print(tf.config.threading.get_intra_op_parallelism_threads())
"""


@pytest.fixture(scope="module")
def by_threads(tmp_path_factory):
    results = {}
    for threads in (1, 2, 4):
        file = tmp_path_factory.mktemp("threads") / "y.npz"
        run = run_code(WITH_THREADS, threads, file)
        assert run.returncode == 0, run.stderr
        assert run.stdout.split() == [str(threads)]
        results[threads] = np.load(file)
    return results


@pytest.mark.parametrize("threads", [2, 4])
def test_intra_op_threads_do_not_change_a_bit(by_threads, threads):
    one, several = by_threads[1], by_threads[threads]
    assert one.files == several.files
    for name in one.files:
        np.testing.assert_array_equal(bits(several[name]), bits(one[name]), err_msg=name)
