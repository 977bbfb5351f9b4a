"""Large results lie in memory that is kept from call to call, and are nobody else's while held."""

import resource

import numpy as np
import tensorflow as tf

from .helpers import float_weights, raw_float, tensor_arguments

OUTPUTS, INPUTS = 1024, 4
# 42 MB of float32: malloc gives a buffer of over 32 MB back to the system whatever came before.
ROWS = 10_240
PAGE = 4096


def product(seed=0):
    weights = float_weights(np.random.default_rng(seed), OUTPUTS, INPUTS, (4, 1), share=1.0)
    return weights, tensor_arguments(weights, (4, 1))


def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def test_a_call_writes_where_the_one_before_has_written():
    _, arguments = product()
    x = tf.ones((ROWS, INPUTS))
    for _ in range(2):
        raw_float(x, **arguments)
    before = faults()
    for _ in range(5):
        raw_float(x, **arguments)
    assert faults() - before < ROWS * OUTPUTS * 4 // PAGE


def test_results_that_are_held_stay_what_they_are():
    weights, arguments = product(1)
    rng = np.random.default_rng(2)
    inputs = [rng.normal(size=(ROWS // 8, INPUTS)).astype(np.float32) for _ in range(4)]
    held = []
    for _ in range(3):  # some are let go, so that their memory goes to others
        held = held[::2] + [(x, raw_float(x, **arguments)) for x in inputs]
    assert len(held) == 7
    for x, y in held:
        np.testing.assert_allclose(y.numpy(), x @ weights.T, rtol=1e-5, atol=1e-5)


def test_views_of_a_result_outlive_it():
    weights, arguments = product(3)
    x = np.random.default_rng(4).normal(size=(ROWS // 8, INPUTS)).astype(np.float32)
    rows = raw_float(x, **arguments)[100:200]
    for _ in range(3):
        raw_float(-x, **arguments)
    np.testing.assert_allclose(rows.numpy(), (x @ weights.T)[100:200], rtol=1e-5, atol=1e-5)
