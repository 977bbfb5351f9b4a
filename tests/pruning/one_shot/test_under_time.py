import numpy as np
import pytest

import tfsparse
from tfsparse.conversion.inspecting import inspect_model
from tfsparse.pattern import parse_pattern
from tfsparse.pruning.one_shot.under_time import error_at
from tfsparse.pruning.predicted_time import PredictedTimes
from tfsparse.pruning.selection import Ranking

from ..custom_layers import custom_layers
from ..helpers import kernels, sparsities

pytestmark = pytest.mark.one_keras

USE = tfsparse.Speedup(1.8, batch_size=2048)


def inputs(rows, columns, rank=3):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, rank)) @ rng.standard_normal((rank, columns))
    return (x + 0.1 * rng.standard_normal(x.shape)).astype("float32")


def model_of(keras):
    """Layers of one name at two depths."""
    keras.utils.set_random_seed(0)
    names = (("dense", 128), ("other", 64))
    inner = [keras.layers.Dense(size, "relu", name=name) for name, size in names]
    x = keras.Input((64,))
    h = keras.layers.Dense(64, "relu", name="dense")(x)
    h = keras.Sequential([keras.Input((64,)), *inner], name="inner")(h)
    return keras.Model(x, keras.layers.Dense(8, name="last")(h))


def test_the_speed_up_is_what_inspection_predicts(keras):
    model, x = model_of(keras), inputs(64, 64)
    pruned = tfsparse.prune_one_shot(model, x, "4x1", speedup=USE, exclude=["last"])
    found = inspect_model(tfsparse.strip_pruning(pruned), "fp32", batch_size=USE.batch_size)
    assert USE.factor * 0.99 <= found.speedup < USE.factor * 1.08


def test_less_is_lost_than_with_one_sparsity_for_all(keras):
    model, x = model_of(keras), inputs(64, 64)
    before = np.asarray(model(x))
    times = PredictedTimes(model, USE)
    paths, pattern = ("dense", "inner/dense", "inner/other", "last"), parse_pattern("4x1")

    def speedup(share):
        return times.total / sum(times.of(path, pattern, share) for path in paths)

    def lost(**arguments):
        pruned = tfsparse.prune_one_shot(model, x, "4x1", **arguments)
        return np.square(np.asarray(pruned(x)) - before).mean()

    as_fast = next(share for share in np.arange(0.5, 1.0, 0.01) if speedup(share) >= USE.factor)
    assert lost(speedup=USE) < lost(sparsity=float(as_fast))


def test_what_the_user_says_of_a_layer_holds(keras):
    model, x = model_of(keras), inputs(64, 64)
    pruned = tfsparse.prune_one_shot(
        model,
        x,
        "4x1",
        speedup=tfsparse.Speedup(1.3, batch_size=2048),
        exclude=["last"],
        overrides={"inner/dense": {"pattern": "16x4"}, "inner/other": None},
    )
    found = {k.path: str(k.pattern) for k in kernels(pruned)}
    assert "other" not in found
    shares = zip(kernels(pruned), sparsities(pruned), strict=True)
    assert any(str(k.pattern) == "16x4" and share > 0.3 for k, share in shares)


@pytest.mark.long
def test_layers_of_all_kinds(keras):
    layers = keras.layers
    x = keras.Input((8, 64))
    h = layers.MultiHeadAttention(4, 16, name="attention")(x, x)
    h = layers.Conv1D(64, 3, padding="same", groups=2, name="groups")(h)
    h = layers.EinsumDense("abc,cd->abd", (8, 64), bias_axes="d", name="einsum")(h)
    model = keras.Model(x, layers.Dense(64, name="dense")(h))
    use = tfsparse.Speedup(1.3, batch_size=512)
    pruned = tfsparse.prune_one_shot(model, inputs(64, 64).reshape(8, 8, 64), speedup=use)
    found = inspect_model(tfsparse.strip_pruning(pruned), "fp32", batch_size=use.batch_size)
    assert found.speedup >= 0.98 * use.factor
    names = {kernel.owner_name for kernel in kernels(pruned)}
    assert names & {"query", "key", "value", "attention_output"}


def test_in_place_the_measurement_leaves_nothing(keras):
    model, x = custom_layers(keras).Network(), inputs(32, 6)
    model(x)
    use = tfsparse.Speedup(1e6)
    weights = model.get_weights()
    with pytest.raises(ValueError, match=r"`speedup` should be more than 1, .* at most 1"):
        tfsparse.prune_one_shot(model, x, "2x1", speedup=use, inplace=True)
    assert not kernels(model)
    for weight, before in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, before)


def test_errors_add_up_in_the_order_of_the_losses():
    scores = np.array([[[4.0, 1.0, 2.0, np.inf]]])
    ones = np.ones(scores.shape)
    ranking = Ranking(scores, ones > 0, ones, np.isfinite(scores))
    found = error_at(ranking, 10.0, [0.0, 0.25, 0.5, 0.625, 0.75])
    assert found == pytest.approx([0.0, 0.1, 0.3, 0.5, 0.7])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"speedup": 1.0}, "`speedup` should be a number greater than 1. Received: speedup=1.0"),
        ({"speedup": "fast"}, "speedup='fast'"),
        ({"speedup": 2.0, "sparsity": 0.5}, "`sparsity` and `scope` should be left out"),
        ({"speedup": 2.0, "scope": "global"}, "`sparsity` and `scope` should be left out"),
        ({"speedup": tfsparse.Speedup(2.0, "fp8")}, "`precision` should be one of"),
        ({"speedup": tfsparse.Speedup(2.0, target="z80")}, "`target` should be one of"),
    ],
)
def test_wrong_arguments_are_named(keras, arguments, message):
    with pytest.raises(ValueError, match=message):
        tfsparse.prune_one_shot(model_of(keras), inputs(8, 64), **arguments)
    with pytest.raises(ValueError, match="`batch_size` of a speed-up"):
        tfsparse.Speedup(2.0, batch_size=0)


def test_a_layer_has_no_time(keras):
    layer = keras.layers.Dense(8, name="alone")
    layer.build((None, 8))
    with pytest.raises(ValueError, match=r"a model that can be exported.*'alone'"):
        tfsparse.prune_one_shot(layer, inputs(8, 8), speedup=2.0)
