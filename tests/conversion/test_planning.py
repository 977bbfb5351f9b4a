import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.matching import DenseLayer
from tfsparse.conversion.planning import LEAST_SPEEDUP, check_overrides, plan_layer
from tfsparse.pattern import BlockPattern

from .helpers import blocky, normal


def layer(weights, lead=(None,)):
    return DenseLayer(
        name="dense",
        product="m",
        result="m",
        reshape=None,
        absorbed=("m",),
        x="x:0",
        weights=weights,
        weights_id=("w:0", False),
        bias=None,
        residual=None,
        activation="linear",
        lead=lead,
    )


SPARSE = layer(blocky(512, 512, (16, 4), keep=0.15))
DENSE = layer(normal((512, 512)))
TINY = layer(blocky(8, 8, (4, 4), keep=0.3))


@pytest.mark.parametrize(
    ("chosen", "precision", "converts"),
    [
        (SPARSE, "fp32", True),
        (SPARSE, "int8", True),
        (SPARSE, "bf16", True),
        (DENSE, "fp32", False),
        (DENSE, "bf16", True),
        (DENSE, "int8", True),
        (TINY, "fp32", False),
        (TINY, "bf16", False),
        (TINY, "int8", False),
    ],
)
def test_converts_where_a_gain_is_predicted(chosen, precision, converts):
    plan = plan_layer(chosen, precision, 64)
    assert plan.convert is converts
    assert plan.convert == (plan.choice.speedup >= LEAST_SPEEDUP)
    assert ("no faster" in plan.reason) == (not converts)


def test_more_rows_pay_for_int8():
    assert not plan_layer(DENSE, "int8", 1).convert
    assert plan_layer(DENSE, "int8", 256).convert


def test_int8_stores_quantized_weights_and_their_scale():
    plan = plan_layer(SPARSE, "int8", 64)
    assert plan.matrix.dtype == np.int8
    assert plan.weight_scale.shape == (512,)
    assert plan_layer(SPARSE, "fp32", 64).weight_scale is None


def test_bf16_stores_the_nearest_bfloat16_and_no_scale():
    plan = plan_layer(SPARSE, "bf16", 64)
    assert plan.precision == "bf16" and plan.weight_scale is None
    assert plan.matrix.dtype == tf.bfloat16.as_numpy_dtype
    error = np.abs(plan.matrix.astype(np.float32) - SPARSE.weights)
    assert error.max() > 0 and (error <= 2.0**-8 * np.abs(SPARSE.weights)).all()


def test_blocks_that_quantization_empties_are_not_stored():
    weights = np.full((64, 64), 1e-6, np.float32)
    weights[:4] = 1e-6
    weights[:, :4] = 1.0
    plan = plan_layer(layer(weights), "int8", 4096, "4x4")
    assert np.count_nonzero(plan.matrix) == 64 * 4


def test_sums_that_could_overflow_are_done_in_fp32():
    plan = plan_layer(layer(np.ones((4, 70_000), np.float32)), "int8", 64, "convert")
    assert plan.precision == "fp32" and plan.convert
    assert "32 bits" in plan.reason


def test_falls_back_to_fp32_where_only_that_pays():
    thin = layer(blocky(16, 1024, (4, 1), keep=0.02))
    plan = plan_layer(thin, "int8", 4096)
    assert (plan.precision, plan.convert) == ("fp32", True)
    assert plan.reason == "predicted faster in fp32; not in int8"
    assert plan.matrix is thin.weights and plan.weight_scale is None


def test_skip_and_convert_have_the_last_word():
    assert not plan_layer(SPARSE, "fp32", 64, "skip").convert
    assert plan_layer(TINY, "fp32", 1, "convert").convert
    assert plan_layer(TINY, "int8", 1, "convert").precision == "int8"


@pytest.mark.parametrize("shape", ["2x3", BlockPattern(2, 3)])
def test_a_block_shape_is_taken_as_it_is(shape):
    plan = plan_layer(TINY, "fp32", 1, shape)
    assert plan.convert and plan.choice.block == BlockPattern(2, 3)


@pytest.mark.parametrize("value", ["2:4", "fast", "", 3, None])
def test_other_words_are_refused(value):
    with pytest.raises(ValueError, match="should hold 'skip', 'convert' or a block shape"):
        check_overrides({"dense": value}, ["dense"])


def test_unknown_layers_are_refused():
    with pytest.raises(ValueError, match=r"\['dense', 'out'\]. Received: 'dens'"):
        check_overrides({"dens": "skip"}, ["out", "dense"])


@pytest.mark.parametrize("value", ["skip", "convert", "16x4", BlockPattern(4, 1)])
def test_known_words_pass(value):
    check_overrides({"dense": value}, ["dense"])
