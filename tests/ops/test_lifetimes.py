"""Models that come and go, and calls of any size in any order: the same bits, and flat memory."""

import gc
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ops

from .helpers import (
    bits,
    float_weights,
    int8_arguments,
    int8_weights,
    raw_float,
    raw_int8,
    tensor_arguments,
)

INPUTS, HIDDEN = 256, 1024
ROWS = (1, 100, 8, 9, 0, 64, 33)
LOADS = 200
THREADS = 8


class Model(tf.Module):
    """A float product and an INT8 one, of 0.4 MB of packed weights."""

    def __init__(self):
        rng = np.random.default_rng(1)
        first = float_weights(rng, HIDDEN, INPUTS, (4, 1), share=0.25)
        second = int8_weights(rng, 64, HIDDEN, (4, 1), share=0.9)
        constant = {"is_weight_const": True}
        self.first = constant | tensor_arguments(first, (4, 1), activation="relu")
        self.second = constant | int8_arguments(second, (4, 1))

    @tf.function(autograph=False, input_signature=[tf.TensorSpec((None, INPUTS))])
    def __call__(self, x):
        return raw_int8(raw_float(x, **self.first), **self.second)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    ops.load()
    path = str(tmp_path_factory.mktemp("model"))
    tf.saved_model.save(Model(), path)
    return path


@pytest.fixture(scope="module")
def batches():
    rng = np.random.default_rng(2)
    return [tf.constant(rng.standard_normal((rows, INPUTS)), tf.float32) for rows in ROWS]


@pytest.fixture(scope="module")
def expected(folder, batches):
    model = tf.saved_model.load(folder)
    return [bits(model(x).numpy()) for x in batches]


def resident():
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_models_that_are_loaded_and_dropped_leave_nothing(folder, batches, expected):
    """Half of the loads are for caches to fill; the others would leave 40 MB of packed weights."""
    for load in range(LOADS):
        if load == LOADS // 2:
            before = resident()
        model = tf.saved_model.load(folder)
        place = load % len(ROWS)
        np.testing.assert_array_equal(bits(model(batches[place]).numpy()), expected[place])
    del model
    assert resident() - before < 30


def test_batches_of_all_sizes_in_turn(folder, batches, expected):
    model = tf.saved_model.load(folder)

    def call_all(times):
        for _ in range(times):
            for x, y in zip(batches, expected, strict=True):
                np.testing.assert_array_equal(bits(model(x).numpy()), y)

    call_all(10)
    before = resident()
    call_all(60)
    assert resident() - before < 20


@pytest.mark.parametrize("repetition", range(5))
def test_first_calls_at_once(folder, batches, expected, repetition):
    """All threads meet a model that has packed nothing yet."""
    model = tf.saved_model.load(folder)
    start = threading.Barrier(THREADS)
    results = [None] * THREADS

    def call(thread):
        start.wait()
        results[thread] = [
            bits(model(batches[(thread + i) % len(ROWS)]).numpy()) for i in range(len(ROWS))
        ]

    threads = [threading.Thread(target=call, args=(each,)) for each in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for thread, found in enumerate(results):
        for i, y in enumerate(found):
            np.testing.assert_array_equal(y, expected[(thread + i) % len(ROWS)])
