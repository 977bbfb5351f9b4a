"""TFSPARSE_ISA forces the kernels of an older processor."""

import functools

import numpy as np
import pytest

from tests.processes import run_code

from .helpers import ISA_VARIABLE, bits, isa_parameters
from .test_chain import float_chain, float_layers, int8_chain, int8_layers, rows_of_chain

ON_ISA = """
import sys
import numpy as np
import tensorflow as tf
from tests.ops import conv_cases, helpers
from tfsparse.ops import quantized_block_sparse_conv2d

worst = 0.0
for m, k, n in helpers.SHAPES:
    for block in helpers.PATTERNS:
        rng = np.random.default_rng([m, k, n, *block])
        dense = helpers.int8_weights(rng, n, k, block)
        w_scale = rng.uniform(1e-4, 1e-1, n).astype(np.float32)
        bias = rng.standard_normal(n).astype(np.float32)
        for x in (rng.integers(0, 256, (m, k), dtype=np.uint8),
                  (2 * rng.standard_normal((m, k))).astype(np.float32)):
            for y in (None, (0.3, 77)):
                result = helpers.raw_int8(tf.constant(x), **helpers.int8_arguments(
                    dense, block, x_scale=0.021, x_zero_point=119, w_scale=w_scale, bias=bias,
                    activation="relu", y_scale=y[0] if y else 1.0, y_zero_point=y[1] if y else 0,
                    Tout=tf.uint8 if y else tf.float32)).numpy()
                expected = helpers.int8_model(x, 0.021, 119, dense, w_scale, bias, True, y)
                np.testing.assert_array_equal(helpers.bits(result), helpers.bits(expected))
        dense = helpers.float_weights(rng, n, k, block)
        x = rng.standard_normal((m, k)).astype(np.float32)
        for weights, seen in ((dense, x), (dense.astype(helpers.BFLOAT16), helpers.rounded(x))):
            result = helpers.raw_float(
                tf.constant(x), **helpers.tensor_arguments(weights, block, bias=bias)).numpy()
            weights = weights.astype(np.float32)
            error = np.abs(result - (seen.astype(np.float64) @ weights.T.astype(np.float64) + bias))
            bound = helpers.float_bound(seen, weights, bias)
            worst = max(worst, (error / bound).max())
for case in conv_cases.CASES.values():
    rng, dense, w_scale, bias = conv_cases.int8_case(case)
    x = rng.integers(0, 256, case.images, dtype=np.uint8)
    result = quantized_block_sparse_conv2d(
        tf.constant(x), 0.021, 119, helpers.sparse(dense, case.block), w_scale, case.kernel, bias,
        "relu", tf.uint8, 0.3, 77, **case.window).numpy()
    expected = conv_cases.int8_conv_model(case, x, dense, w_scale, bias, (0.3, 77))
    np.testing.assert_array_equal(result, expected)

from tests.ops import test_activation_range as ranges, test_chain as chains
for shape in [(1,), (65,), (300, 301)]:
    x = ranges.values(shape, -2, 1)
    x.flat[-1] = 9
    assert ranges.measured(x) == ranges.expected(x), shape
    x.flat[0] = np.nan
    assert ranges.measured(x) == ranges.expected(x), shape
x = chains.rows_of_chain()
np.savez(sys.argv[1], int8=chains.int8_chain(x, chains.int8_layers()),
         float=chains.float_chain(x, chains.float_layers()))
print(worst)
"""

ONE_CALL = """
import numpy as np
import tensorflow as tf
from tests.ops import helpers
helpers.raw_float(tf.ones((1, 4)), **helpers.float_arguments(np.ones((4, 4), np.float32), (4, 1)))
"""


@pytest.fixture(scope="module")
def on_isa(tmp_path_factory):
    """What a process that is forced to an ISA says, and what it has saved; one for all tests."""

    @functools.cache
    def run(isa):
        saved = tmp_path_factory.mktemp("isa") / "y.npz"
        return run_code(ON_ISA, saved, **{ISA_VARIABLE: isa}), saved

    return run


@pytest.mark.parametrize("isa", isa_parameters())
def test_every_isa_gives_the_defined_bits(on_isa, isa):
    """INT8 to the last bit; FP32 and bfloat16, whose ISAs fuse or do not, within the bound."""
    run, _ = on_isa(isa)
    assert run.returncode == 0, run.stderr
    assert 0 < float(run.stdout.split()[-1]) <= 1


@pytest.mark.parametrize("isa", isa_parameters())
def test_a_chain_gives_the_same_on_every_isa(on_isa, isa):
    run, saved = on_isa(isa)
    assert run.returncode == 0, run.stderr
    x = rows_of_chain()
    with np.load(saved) as y:
        np.testing.assert_array_equal(bits(y["int8"]), bits(int8_chain(x, int8_layers())))
        expected = float_chain(x, float_layers()).numpy()
        np.testing.assert_allclose(y["float"], expected, rtol=1e-4, atol=1e-2)


def test_an_unknown_isa_is_an_error_that_lists_the_isas():
    run = run_code(ONE_CALL, **{ISA_VARIABLE: "sse2"})
    assert run.returncode != 0
    assert "InvalidArgumentError" in run.stderr
    assert "`TFSPARSE_ISA` should be one of the ISAs of this processor" in run.stderr
    assert "TFSPARSE_ISA='sse2'" in run.stderr
    names = [parameters.values[0] for parameters in isa_parameters() if not skipped(parameters)]
    assert ", ".join(f"'{name}'" for name in names) in run.stderr


def skipped(parameters):
    return any(mark.args[0] for mark in parameters.marks)


def test_an_empty_isa_is_none():
    assert run_code(ONE_CALL, **{ISA_VARIABLE: ""}).returncode == 0


def test_the_former_variable_still_works_and_warns():
    run = run_code(ONE_CALL, TFSPARSE_PATH="portable")
    assert run.returncode == 0, run.stderr
    assert "`TFSPARSE_PATH` is deprecated. Use `TFSPARSE_ISA`." in run.stderr
    assert "'sse2'" in run_code(ONE_CALL, TFSPARSE_PATH="sse2").stderr
