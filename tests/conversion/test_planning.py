import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.dense_layer import DenseLayer, Unmatched
from tfsparse.conversion.geometry import Geometry
from tfsparse.conversion.graph import Graph
from tfsparse.conversion.packed import PackedStore
from tfsparse.conversion.planning import MIN_SPEEDUP, Options, Planner, check_overrides
from tfsparse.conversion.targets import TARGETS
from tfsparse.pattern import BlockPattern

from .helpers import blocky, normal


@dataclasses.dataclass(frozen=True, eq=False)
class Given:
    """Weights that are there already."""

    array: np.ndarray

    def matrix(self):
        return self.array

    @property
    def shape(self):
        return self.array.shape

    @property
    def identity(self):
        return str(id(self.array))


def layer(weights, lead=(None,), name="dense", problem=None, geometry=None):
    return DenseLayer(
        name=name,
        graph=Graph({}, [], []),
        product="m",
        result="m",
        reshape=None,
        absorbed=("m",),
        x="x:0",
        x_order=None,
        x_axes=1,
        weights=Given(weights),
        bias=None,
        residual=None,
        activation="linear",
        y_axes=(weights.shape[0],),
        y_order=None,
        dtype=tf.float32,
        lead=lead,
        problem=problem,
        geometry=geometry,
    )


def plan_layer(chosen, precision, batch_size, override=None, **options):
    words = {} if override is None else {"dense": override}
    return Planner(Options(precision, batch_size, words, **options), PackedStore()).plan(chosen)


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
    assert plan.convert == (plan.choice.speedup >= MIN_SPEEDUP)
    assert ("no faster" in plan.reason) == (not converts)


def test_more_rows_pay_for_int8():
    assert not plan_layer(DENSE, "int8", 1).convert
    assert plan_layer(DENSE, "int8", 256).convert


def test_int8_stores_quantized_weights_and_their_scale():
    plan = plan_layer(SPARSE, "int8", 64)
    assert plan.packed.data.dtype == tf.int8
    assert plan.packed.scale.shape == (512,)
    assert plan_layer(SPARSE, "fp32", 64).packed.scale is None


def test_bf16_stores_the_nearest_bfloat16_and_no_scale():
    plan = plan_layer(SPARSE, "bf16", 64)
    assert plan.precision == "bf16" and plan.packed.scale is None
    stored = plan.packed.matrix().to_dense()
    assert stored.dtype == tf.bfloat16.as_numpy_dtype
    error = np.abs(stored.astype(np.float32) - SPARSE.weights.matrix())
    assert error.max() > 0 and (error <= 2.0**-8 * np.abs(SPARSE.weights.matrix())).all()


def test_blocks_that_quantization_empties_are_not_stored():
    weights = np.full((64, 64), 1e-6, np.float32)
    weights[:4] = 1e-6
    weights[:, :4] = 1.0
    plan = plan_layer(layer(weights), "int8", 4096, "4x4")
    assert plan.packed.data.shape[0] == 64 // 4


def test_sums_that_could_overflow_are_done_in_fp32():
    plan = plan_layer(layer(np.ones((4, 70_000), np.float32)), "int8", 64, "convert")
    assert plan.precision == "fp32" and plan.convert
    assert "32 bits" in plan.reason


def test_weights_that_bf16_does_not_hold_are_done_in_fp32():
    weights = blocky(256, 256, (4, 1), 0.1)
    weights[0, 0] = 3.4e38
    plan = plan_layer(layer(weights), "bf16", 64)
    assert (plan.convert, plan.precision) == (True, "fp32")
    assert plan.reason.endswith("; bf16 would turn its weights into Inf")


def test_falls_back_to_fp32_where_only_that_pays():
    thin = layer(blocky(16, 1024, (4, 1), keep=0.02))
    plan = plan_layer(thin, "int8", 4096)
    assert (plan.precision, plan.convert) == ("fp32", True)
    assert plan.reason == "predicted faster in fp32; not in int8"
    assert plan.packed.scale is None
    np.testing.assert_array_equal(plan.packed.matrix().to_dense(), thin.weights.matrix())


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
        check_overrides({"dense": value}, [SPARSE], [])


def test_unknown_layers_are_refused():
    with pytest.raises(ValueError, match=r"\['dense', 'out'\]. Received: 'dens'"):
        check_overrides({"dens": "skip"}, [layer(normal((2, 2)), name="out"), SPARSE], [])


@pytest.mark.parametrize("value", ["skip", "convert", "16x4", BlockPattern(4, 1)])
def test_known_words_pass(value):
    check_overrides({"dense": value}, [SPARSE], [])


def test_a_layer_that_cannot_be_converted_is_refused_with_the_reason():
    odd = layer(normal((2, 2)), name="odd", problem="its bias holds NaN or Inf")
    left = Unmatched("left", odd.graph, "m", "its weights are a batch of matrices")
    for name, reason in (("odd", "its bias holds NaN"), ("left", "a batch of matrices")):
        with pytest.raises(ValueError, match=f"Received: '{name}'.*{reason}"):
            check_overrides({name: "convert"}, [SPARSE, odd], [left])
        check_overrides({name: "skip"}, [SPARSE, odd], [left])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_stay_with_the_reason(bad):
    weights = normal((8, 8))
    weights[3, 2] = bad
    plan = plan_layer(layer(weights), "int8", 64)
    assert (plan.convert, plan.reason) == (False, "its weights hold NaN or Inf")
    with pytest.raises(ValueError, match=r"'dense'.*its weights hold NaN or Inf"):
        plan_layer(layer(weights), "int8", 64, "convert")


def test_weights_are_packed_once():
    store = PackedStore()
    planner = Planner(Options("fp32", 64), store)
    assert planner.plan(SPARSE).packed is planner.plan(SPARSE).packed
    assert len(store.variables) == 2


def test_only_the_precision_that_was_settled_on_is_kept():
    store = PackedStore()
    planner = Planner(Options("fp32", 64), store)
    for chosen in (SPARSE, layer(blocky(512, 512, (16, 4), keep=0.1))):
        plans = [planner.plan(chosen, precision) for precision in ("int8", "bf16", "fp32")]
        planner.settle(plans[1])
        assert store.variables[-2] is plans[1].packed.data
    assert len(store.variables) == 4


def test_a_target_without_the_instructions_converts_no_dense_layer():
    assert plan_layer(DENSE, "int8", 64, target=TARGETS["icelake"]).convert
    assert not plan_layer(DENSE, "bf16", 64, target=TARGETS["icelake"]).convert
    assert not plan_layer(DENSE, "int8", 64, target=TARGETS["avx2"]).convert
    assert plan_layer(SPARSE, "int8", 64, target=TARGETS["avx2"]).convert


def test_tuning_measures():
    plan = plan_layer(SPARSE, "fp32", 64, tune=True)
    assert plan.reason.startswith("measured") and plan.choice.speedup > 0


IMAGES = (None, 14, 14)


@pytest.mark.parametrize(
    ("keep", "precision", "converts"),
    [(1, "fp32", False), (1, "int8", True), (0.2, "fp32", True), (0.2, "int8", True)],
)
def test_convolutions_are_planned_as_products_of_their_windows(keep, precision, converts):
    weights = blocky(64, 9 * 64, (4, 1), keep)
    chosen = layer(weights, IMAGES, geometry=Geometry((3, 3), pads=None))
    plan = plan_layer(chosen, precision, 8)
    assert plan.convert is converts and plan.choice.block.out >= 4


@pytest.mark.parametrize("filters", [24, 36, 42])
def test_no_block_reaches_into_the_next_group(filters):
    geometry = Geometry((3, 3), groups=3)
    chosen = layer(blocky(filters, 9 * 16, (8, 1), 0.2), IMAGES, geometry=geometry)
    plan = plan_layer(chosen, "fp32", 8, "convert")
    assert filters // 3 % plan.choice.block.out == 0
    fitting = {24: "8x1", 36: "4x1", 42: "2x1"}[filters]
    check_overrides({"dense": fitting}, [chosen], [])
    with pytest.raises(ValueError, match=f"3 groups of {filters} filters"):
        check_overrides({"dense": "16x1"}, [chosen], [])


TUNED = {
    "fp32": Geometry((3, 3), strides=(2, 1), pads=(1, 0, 0, 2)),
    "int8": Geometry((1, 3), dilations=(1, 2), pads=None, groups=2),
}


@pytest.mark.parametrize("precision", TUNED)
def test_tuning_measures_convolutions(precision):
    geometry = TUNED[precision]
    weights = blocky(32, geometry.taps * 16 // geometry.groups, (4, 1), 0.2)
    chosen = layer(weights, (None, 5, 6), geometry=geometry)
    plan = plan_layer(chosen, precision, 4, tune=True)
    assert plan.reason.startswith("measured") and plan.choice.speedup > 0
